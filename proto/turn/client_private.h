/* The parts of a TURN client. client.c holds the life of the allocation, client_leg.c its socket, client_keep.c keeps
 * it, its permissions and its channels alive, client_relay.c carries datagrams, client_tcp.c is RFC 6062. What is
 * asked for next, and when, is decided by two machines, client_attempt.h and client_peers.h. */
#ifndef PROTO_TURN_CLIENT_PRIVATE_H
#define PROTO_TURN_CLIENT_PRIVATE_H

#include "core/base/journal.h"
#include "proto/turn/client_attempt.h"
#include "proto/turn/client_kinds.h"
#include "proto/turn/client_peers.h"

enum turn_client_phase {
    PHASE_ALLOCATING, /* an Allocate transaction is under way, or `soon` will tell why there is none */
    PHASE_PAUSING,    /* the alarm begins the next attempt */
    PHASE_HOLDING,    /* there is an allocation; the alarm is for what is due next */
    PHASE_RELEASING,  /* a Refresh of lifetime 0 is under way, or `soon` says that none is needed */
    PHASE_OVER,       /* nothing is under way, armed or open */
};

struct turn_client {
    struct io_udp relay; /* first: the relay is its client */
    struct io *io;
    struct turn_client_options options;
    char *software;
    const struct turn_client_events *events;
    void *owner;
    struct stun_client *stun;
    struct stun_credentials *credentials; /* NULL: none */
    enum turn_client_phase phase;
    bool relay_closed;
    struct turn_client_attempt attempt;
    struct io_udp *leg; /* to the server */
    bool leg_is_ours;
    struct turn_client_lease allocation;
    int64_t allocated_at;
    int64_t sent_at; /* when something went to the server: a mapping on the way lives from then */
    struct turn_client_news granted; /* the last ALLOCATED */
    struct turn_client_peers peers;
    GPtrArray *links; /* owned: client_tcp.c */
    struct io_timer alarm, soon;
    struct turn_client_news ending;       /* of RELEASING: what is told when that is done */
    struct turn_client_failure not_begun; /* of ALLOCATING: what `soon` tells */
    struct turn_client_counters counters;
    unsigned calls; /* of the owner, under way: it may free the client in them */
    bool freed;
};

/* --- client.c ---------------------------------------------------------------------------------------------------- */

int64_t turn_client_now(const struct turn_client *client);

/* Around each call of the owner. After `let_go` has said false the client may not be touched any more. */
void turn_client_hold(struct turn_client *client);
bool turn_client_let_go(struct turn_client *client);
bool turn_client_tell(struct turn_client *client, const struct turn_client_news *news);

struct turn_client_failure turn_client_failure_of(const struct stun_result *result);

/* The allocation is there no more. Tells its owner. */
void turn_client_lose(struct turn_client *client, struct turn_client_failure failure);
/* Has the server end the allocation and tells `event` then. */
void turn_client_leave(struct turn_client *client, enum turn_client_event event, struct turn_client_failure failure);

/* --- client_leg.c ------------------------------------------------------------------------------------------------ */

/* A socket to the server, unless there is one: as the attempt says. */
bool turn_client_open_leg(struct turn_client *client, enum io_result *why);
/* No transaction may be under way on it. */
void turn_client_close_leg(struct turn_client *client);
/* A transaction with the server, to be filled and started. */
struct stun_transaction *turn_client_ask(struct turn_client *client, enum stun_method method, stun_done *done,
                                         void *owner);

/* --- client_keep.c ----------------------------------------------------------------------------------------------- */

/* Asks for what is due, and sets the alarm for what is due later. Tells what has run out. */
void turn_client_keep(struct turn_client *client);
/* The same without telling anybody: for calls of the owner's. */
void turn_client_ask_for_due(struct turn_client *client);
void turn_client_arm(struct turn_client *client);
/* Gives up all requests that are under way. */
void turn_client_cancel_all(struct turn_client *client);
/* Tells all who wait for permissions and channels. False when the client is gone. */
bool turn_client_refuse_all(struct turn_client *client, const struct turn_client_failure *failure);
/* Drops what waits for a permission. */
void turn_client_drop_held(struct turn_client *client, struct turn_client_permission *permission);
void turn_client_read_lifetime(const struct stun_message *message, uint32_t *lifetime);

/* --- client_relay.c ---------------------------------------------------------------------------------------------- */

extern const struct io_udp_ops turn_client_relay_ops;
/* A Binding indication to the server. */
void turn_client_send_keepalive(struct turn_client *client);
/* Sends what has waited for this permission. */
void turn_client_send_held(struct turn_client *client, struct turn_client_permission *permission);
/* A datagram on a socket of its own: one that is not the client's ends here. */
void turn_client_own_datagram(struct turn_client *client, struct io_udp *udp, const struct io_datagram *datagram);

/* --- client_tcp.c ------------------------------------------------------------------------------------------------ */

struct turn_client_link;

void turn_client_link_free(void *link);
/* Ends all connections that are being made. False when the client is gone. */
bool turn_client_refuse_links(struct turn_client *client, const struct turn_client_failure *failure);

/* --- client_kinds.c ---------------------------------------------------------------------------------------------- */

/* A record about this client's flow to the server, `kind`; and handing it in. The `if` is the caller's. */
bool turn_client_listened(const struct turn_client *client);
struct record turn_client_record(const struct turn_client *client, const struct record_kind *kind);
void turn_client_note(const struct turn_client *client, struct record *record);
void turn_client_note_failure(const struct turn_client *client, const struct record_kind *kind,
                              const struct turn_client_failure *failure);
void turn_client_note_drop(const struct turn_client *client, enum drop_reason reason, struct endpoint peer,
                           packet_name packet);

#endif
