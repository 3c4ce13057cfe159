/* The parts of a client of port control: client.c holds the mapping's life, the ways (client_udp.c, client_upnp.c) know
 * how it is asked for. */
#ifndef PROTO_PORTMAP_CLIENT_PRIVATE_H
#define PROTO_PORTMAP_CLIENT_PRIVATE_H

#include "core/base/journal.h"
#include "proto/portmap/client.h"
#include "proto/portmap/epoch.h"
#include "proto/portmap/pcp.h"
#include "proto/portmap/retry.h"

enum portmap_phase {
    PHASE_ASKING,  /* a transaction is under way: for the first grant, a renewal or the release */
    PHASE_HOLDING, /* the mapping stands; the alarm is the next renewal, or the end */
    PHASE_OVER,    /* failed or released */
};

/* What a way does. `begin` starts a transaction for a mapping of `client->asked` seconds, 0 to end it, which ends in one
 * of the portmap_way_ functions below, never inside `begin`. `fire`: the alarm that the way has set. */
struct portmap_way {
    void (*begin)(struct portmap_client *client);
    void (*fire)(struct portmap_client *client);
    void (*interrupt)(struct portmap_client *client); /* the transaction under way is given up */
    void (*stop)(struct portmap_client *client);      /* lets go of everything */
};

extern const struct portmap_way portmap_way_udp, portmap_way_upnp;

struct upnp_way;

struct portmap_client {
    struct io *io;
    struct portmap_request request;
    char *description;
    enum portmap_via via;
    const struct portmap_way *way;
    enum portmap_phase phase;
    bool releasing;
    bool recreating; /* the gateway has started over, and will be asked soon */
    uint32_t asked;  /* seconds */
    struct io_timer alarm;
    struct portmap_news lost; /* a failure that is told in the next turn */
    bool is_lost;

    bool holds;
    struct endpoint internal, external;
    struct endpoint server; /* of the gateway, for the journal */
    uint32_t lifetime;
    int64_t expires;

    /* client_udp.c */
    struct io_udp *udp, *listening; /* listening: for announcements; NULL where the port is taken */
    uint8_t nonce[PCP_NONCE];
    struct portmap_epoch epoch;
    struct portmap_retry retry;
    bool has_address; /* NAT-PMP's first question is answered, with `learned` */
    struct address learned;

    struct upnp_way *upnp; /* client_upnp.c */
};

int64_t portmap_client_now(const struct portmap_client *client);
uint32_t portmap_client_dice(struct portmap_client *client);
void portmap_client_arm(struct portmap_client *client, int64_t at, bool busy);

/* How a transaction ends. The client may be freed in them. */
void portmap_way_granted(struct portmap_client *client, struct endpoint external, uint32_t lifetime);
void portmap_way_failed(struct portmap_client *client, enum portmap_failure failure, unsigned code, enum io_result io);
/* The same, in the next turn: for what is found out inside a call. */
void portmap_way_lose(struct portmap_client *client, enum portmap_failure failure, enum io_result io);

/* The gateway has started over: asks again soon, unless a transaction is under way. */
void portmap_client_lost_state(struct portmap_client *client);

/* For the journal: `kind` about the conversation with `client->server`. */
void portmap_client_note(struct portmap_client *client, const struct record_kind *kind, uint64_t packet, unsigned code,
                         unsigned number);

#endif
