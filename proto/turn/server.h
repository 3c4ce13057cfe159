/* A TURN server over UDP and TCP (RFC 8656; RFC 6062 for relayed TCP), which also answers STUN Binding requests.
 *
 * It opens its sockets and relays until it is freed. Requests prove themselves by the long-term mechanism, Binding and
 * indications do not. What it keeps is bounded by its options and by allocations.h; nothing comes from the heap for a
 * relayed datagram. A request that is refused, and whatever is dropped, is counted under its code or reason.
 *
 * Whom it relays to: policy.h, and of its own addresses nobody but live allocations at their relayed addresses. Two clients
 * of one server may meet that way, as two hosts behind one symmetric NAT need to; but nobody gets at what listens on the
 * server's host and trusts it, nor makes the server talk to its own listening ports (RFC 8656 sections 21.1.7 and 21.4).
 * `allow` opens other ports of its own addresses, never the listening ones.
 *
 * What it does with headers from UDP to UDP (section 14): DSCP and ECN are copied where the host tells them; DF is set by
 * DONT-FRAGMENT, else copied where the host tells it, else 0; TTL is the host's default, since a relay is the end of one
 * path and the beginning of another. So no TTL ends a loop between relays: what bounds one is the bandwidth of its
 * allocations, that their lifetimes need refreshing, and that nonces are tied to the address they were given to, so that
 * nobody allocates for somebody else's address (section 21.1.7).
 *
 * Left out on purpose: mobility (RFC 8016), whose MOBILITY-TICKET is comprehension-optional and so is ignored; TLS and DTLS. */
#ifndef PROTO_TURN_SERVER_H
#define PROTO_TURN_SERVER_H

#include "core/base/io.h"
#include "core/base/reason.h"
#include "proto/stun/auth.h"
#include "proto/turn/allocations.h"
#include "proto/turn/policy.h"

#define TURN_SERVER_MAX_LISTEN 4
#define TURN_PORT_FIRST 49152 /* section 7.2 recommends the dynamic ports */
#define TURN_PORT_LAST 65535
#define TURN_PORT_LEAST 1024 /* and never to go below this */

struct turn_server;
typedef struct turn_server turn_server;

/* Where relayed addresses are. `external`: what clients are told, where the server stands behind a 1:1 NAT; none: the
 * same. Peers that are external addresses of ours are reached inside, since that NAT need not hairpin. */
struct turn_relay_address {
    struct address address, external;
};

struct turn_listen {
    struct endpoint at; /* no address: all of the host's. Port 0: any that is free, over TCP too */
    /* For allocations of its clients. Neither given: the address it listens at, or the host's first of each family. */
    struct turn_relay_address ipv4, ipv6;
};

struct turn_server_options {
    size_t listens; /* at least 1 */
    struct turn_listen listen[TURN_SERVER_MAX_LISTEN];
    bool tcp;             /* clients may come over TCP, on the same endpoints */
    bool tcp_allocations; /* RFC 6062; needs `tcp` */
    bool old_channels;    /* also the numbers 0x5000 to 0x7FFF, which RFC 5766 had and RFC 8656 section 12 has reserved: its
                           * clients choose among all of them */
    bool no_icmp;          /* behaves as RFC 5766 has it, which knows no ICMP attribute: errors end at the server */
    bool no_dont_fragment; /* behaves as on a host that can't set DF: DONT-FRAGMENT is refused with 420 */
    /* Who may allocate: `users`, borrowed, whose realm counts then; and whoever has credentials made from `secret`
     * (proto/stun/secret.h). Neither: everybody, without proving anything, which is for tests of other things. */
    const struct stun_users *users;
    const char *realm;  /* where `users` is NULL */
    struct span secret; /* copied; empty: none */
    int64_t unix_time_at_zero; /* nanoseconds: what the wall clock says when `now` is 0. Only `secret` needs it. */
    unsigned algorithms;    /* as in struct stun_auth_options */
    int64_t nonce_lifetime; /* 0: STUN_NONCE_LIFETIME */
    unsigned per_user, total;  /* allocations at a time: 486 beyond the first, 508 beyond the second; 0: no limit */
    unsigned connections;      /* of clients over TCP at a time; those without an allocation go first, and after 60 s without a
                                * whole message anyhow */
    unsigned connections_of_one; /* of these from one IPv4 address or IPv6 /64: one more is refused; 0: no limit */
    uint64_t bytes_per_second; /* of data an allocation may relay, both directions together, one second's worth at once; 0: no
                                * limit. A datagram beyond that is dropped (RFC 8656 section 5); the streams of a TCP
                                * allocation, all of them together, are read no faster, which slows their writers down */
    uint16_t port_first, port_last; /* of relayed addresses */
    int64_t lifetime_most;
    struct turn_policy peers; /* copied with its prefixes */
    bool data_untold;         /* what is relayed or dropped is counted, but not journalled whoever listens: for a server's log,
                               * which has no room for each datagram */
    bool no_relay_to_relay;   /* not even live allocations of this server are peers for each other */
    const char *software;     /* fewer than 128 characters; NULL or "": no SOFTWARE. Copied. */
};

/* Port 3478, UDP and TCP, on all addresses of the host; nobody is asked who he is until there are users. */
#define TURN_SERVER_DEFAULTS                                                                                           \
    ((struct turn_server_options){ .listens = 1,                                                                       \
                                   .listen = { { .at = { .port = STUN_PORT } } },                                      \
                                   .tcp = true,                                                                        \
                                   .tcp_allocations = true,                                                            \
                                   .realm = "punchlab",                                                                \
                                   .algorithms = STUN_ALGORITHMS_ALL,                                                  \
                                   .connections = 20000,                                                               \
                                   .connections_of_one = 5000,                                                         \
                                   .port_first = TURN_PORT_FIRST,                                                      \
                                   .port_last = TURN_PORT_LAST,                                                        \
                                   .lifetime_most = TURN_LIFETIME_MOST,                                                \
                                   .software = "punchlab" })

struct turn_server_counters {
    uint64_t requests;   /* of TURN; = successes + errors, but for Connects under way */
    uint64_t successes, errors;
    uint64_t bindings;   /* STUN Binding requests answered */
    uint64_t allocated, refreshed, expired, deleted, disconnected; /* allocations */
    uint64_t permissions, channels; /* made */
    uint64_t datagrams_to_peers, bytes_to_peers, datagrams_to_clients, bytes_to_clients; /* relayed data */
    uint64_t icmp;       /* errors told to clients */
    uint64_t dropped;    /* what came and ended here; turn_server_dropped says by reason */
    uint64_t unsent;     /* responses that the host would not send */
    uint64_t connections, broken, evicted, silent, turned_away; /* of clients over TCP, as in struct stun_server_counters */
    uint64_t peer_connections, joined, stream_bytes; /* RFC 6062 */
};

/* `io` is borrowed and outlives the server. NULL and `*why` when a socket can't be opened; none is left open then. A
 * software name that is too long to send, or a port range that is empty or goes below TURN_PORT_LEAST, is refused too
 * (IO_TOO_BIG, IO_NO_ADDRESS); so is a listening endpoint for which there is no relay address at all (IO_NO_ADDRESS). */
struct turn_server *turn_server_new(struct io *io, const struct turn_server_options *options, enum io_result *why);
/* Silently: allocations end without a word to anybody. */
void turn_server_free(struct turn_server *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(turn_server, turn_server_free)

/* No new allocations from now on: 300 with ALTERNATE-SERVER where `alternate` is given, of the client's family (RFC 8489
 * section 14.15), and the request is proven; else 508. Those there are live on; when turn_server_allocations is 0 nobody is left. */
void turn_server_drain(struct turn_server *server, const struct endpoint *alternate);

const struct turn_server_counters *turn_server_counters(const struct turn_server *server);
uint64_t turn_server_dropped(const struct turn_server *server, enum drop_reason reason);
/* Error responses with this code. */
uint64_t turn_server_refused(const struct turn_server *server, unsigned code);

/* Allocations that there are now; one whose time is over is there until the server has got to it. */
unsigned turn_server_allocations(const struct turn_server *server);
/* Walks them: NULL to begin with, NULL at the end. To be read only, and only until the server is used again. */
const struct turn_allocation *turn_server_next(const struct turn_server *server, const struct turn_allocation *after);

/* Where its n-th socket listens, from 0. */
struct endpoint turn_server_local(const struct turn_server *server, size_t n);

#endif
