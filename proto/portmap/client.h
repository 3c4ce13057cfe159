/* A client of port control: asks the gateway for one mapping, keeps it, and gives it back.
 *
 *     struct portmap_client *client = portmap_client_new(io, &request);
 *     ... `told` hears PORTMAP_GRANTED with the external endpoint, or PORTMAP_FAILED
 *     portmap_client_release(client);               the gateway is asked to end it; `told` hears PORTMAP_RELEASED
 *     portmap_client_free(client);                  silent
 *
 * The mapping is renewed when half of its lifetime is over, and again when half of the rest is, until the gateway has
 * answered (RFC 6886 section 3.3, RFC 6887 section 11.2.1), and asked for again when the gateway has lost its tables
 * (epoch.h). `told` hears of each grant; `changed` says that the external endpoint is another. It is called from timers
 * and arriving messages, never inside a call; in it the owner may free the client.
 *
 * A PCP client that meets a gateway of NAT-PMP goes on with that (RFC 6887 section 9), unless `no_fallback`. A client of
 * UPnP finds the gateway by SSDP, reads its description and calls its actions over HTTP. */
#ifndef PROTO_PORTMAP_CLIENT_H
#define PROTO_PORTMAP_CLIENT_H

#include "core/base/io.h"
#include "proto/portmap/control.h"

struct portmap_client;
typedef struct portmap_client portmap_client;

/* clang-format off */
/* Why there is no mapping.   word             sentence */
#define PORTMAP_FAILURES(X) \
    X(NONE,                   "none",          "there is one") \
    X(TIMEOUT,                "timeout",       "the gateway did not answer in time") \
    X(UNREACHABLE,            "unreachable",   "the gateway cannot be reached") \
    X(REJECTED,               "rejected",      "the gateway refused") \
    X(MALFORMED,              "malformed",     "the gateway's answer makes no sense") \
    X(NO_NETWORK,             "no-network",    "the gateway has no external address") \
    X(EXPIRED,                "expired",       "it could not be renewed in time")

enum portmap_failure {
#define X(name, word, sentence) PORTMAP_FAILURE_##name,
    PORTMAP_FAILURES(X)
#undef X
    PORTMAP_FAILURE_COUNT
};
/* clang-format on */

const char *portmap_failure_word(enum portmap_failure failure);
const char *portmap_failure_sentence(enum portmap_failure failure);

enum portmap_event { PORTMAP_GRANTED, PORTMAP_FAILED, PORTMAP_RELEASED };

struct portmap_news {
    enum portmap_event event;
    enum portmap_via via;         /* by which it was got: NAT-PMP after a fallback */
    struct endpoint external;     /* of PORTMAP_GRANTED */
    uint32_t lifetime;            /* seconds, PORTMAP_LIFETIME_FOREVER */
    bool changed;                 /* the first grant, or another external endpoint than before */
    enum portmap_failure failure; /* of PORTMAP_FAILED: nothing is tried any more */
    unsigned code;                /* of REJECTED: the protocol's own; see upnp_errors in soap.h for those of UPnP */
    enum io_result io;            /* of UNREACHABLE */
};

typedef void portmap_told(void *owner, struct portmap_client *client, const struct portmap_news *news);

/* Copied. */
struct portmap_request {
    enum portmap_via via;
    uint8_t protocol;         /* PROTOCOL_UDP or PROTOCOL_TCP */
    uint16_t port;            /* the internal one */
    struct address local;     /* the internal address; none: the one from which the gateway is reached */
    struct endpoint external; /* suggested; none: any */
    bool exact;               /* no other will do */
    uint32_t lifetime;        /* seconds; 0: 7200 */
    struct endpoint gateway;  /* port 0: the protocol's. UPnP: no address, to search for one */
    int64_t patience;         /* for the first answer; 0: what the protocol says, which for PCP is for ever */
    bool no_fallback;
    const char *description; /* UPnP; NULL: "punchlab" */
    portmap_told *told;
    void *owner;
};

/* `io` is borrowed and outlives the client. A failure that is known at once is told in the next turn. */
struct portmap_client *portmap_client_new(struct io *io, const struct portmap_request *request);
/* Asks the gateway to end the mapping. `told` hears PORTMAP_RELEASED, or PORTMAP_FAILED when the gateway would not. */
void portmap_client_release(struct portmap_client *client);
void portmap_client_free(struct portmap_client *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(portmap_client, portmap_client_free)

/* Its internal endpoint. Whether it has the mapping now, and the last grant. */
struct endpoint portmap_client_internal(const struct portmap_client *client);
bool portmap_client_holds(const struct portmap_client *client);
struct endpoint portmap_client_external(const struct portmap_client *client);

#endif
