/* A Binding server over UDP and TCP (RFC 8489 sections 6.3.1 and 12; with a second address, RFC 5780 section 6).
 *
 * It opens its sockets and answers until it is freed. An answer leaves from the address that the request was sent to,
 * for the address it came from, except where a server with a second address is asked to do otherwise; over TCP by the
 * connection it came by. What is not well-formed STUN, and messages that ask for nothing, are dropped, counted and
 * journalled; they have reached a socket, so the world counts their packets as delivered. On a stream, bytes that
 * cannot begin a message end the connection (framing.h). Nothing is taken from the heap for a datagram. */
#ifndef PROTO_STUN_SERVER_H
#define PROTO_STUN_SERVER_H

#include "core/base/io.h"
#include "proto/stun/answer.h"

#define STUN_SERVER_MAX_LISTEN 4
#define STUN_SERVER_MAX_CONNECTIONS 1000 /* over TCP, at a time: one more ends the one that is silent for longest. A
                                          * quarter of them for one client (connections.h) */
#define STUN_SERVER_DRAWS 16 /* of a port that may be any: times that one is drawn which is taken otherwise */

struct stun_server;
typedef struct stun_server stun_server;

struct stun_server_options {
    bool tcp;                                       /* over TCP too, on the endpoints in `listen` */
    size_t listens;                                 /* at least 1 */
    struct endpoint listen[STUN_SERVER_MAX_LISTEN]; /* no address: all of the host's. Port 0: any that is free for all that
                                                     * is opened with it */
    /* The second address and port of RFC 5780; the first are those of listen[0], which must have an address then, of the
     * same family and another one. The server listens at all four pairs. Port 0: the one after listen[0]'s. No address:
     * there is no behaviour discovery. */
    struct endpoint second;
    bool ignore_change; /* answers CHANGE-REQUEST from where it was asked, as some servers do: a liar, for tests of clients */
    const struct stun_auth_options *auth; /* copied, but for its users; the server draws the secret. NULL: no one is asked */
    bool demand_fingerprint;              /* drops messages without one (RFC 8489 section 7) */
    size_t alternates;                    /* sends its clients elsewhere (section 10) */
    struct endpoint alternate[STUN_MOST_ALTERNATES];
    const char *software;                           /* fewer than 128 characters; NULL or "": no SOFTWARE. Copied. */
    bool mapped_address;                            /* MAPPED-ADDRESS beside XOR-MAPPED-ADDRESS */
};

/* Port 3478, UDP and TCP, on all addresses of the host, both address attributes. */
#define STUN_SERVER_DEFAULTS                                                                                           \
    ((struct stun_server_options){ .tcp = true,                                                                        \
                                   .listens = 1,                                                                       \
                                   .listen = { { .port = STUN_PORT } },                                                \
                                   .software = "punchlab",                                                             \
                                   .mapped_address = true })

struct stun_server_counters {
    uint64_t datagrams; /* and messages on streams; = requests + indications + malformed + unexpected */
    uint64_t requests;  /* = successes + errors */
    uint64_t classic;   /* of the requests: from clients of RFC 3489 */
    uint64_t successes, errors;
    uint64_t indications;
    uint64_t malformed;  /* DROP_MALFORMED_STUN */
    uint64_t unexpected; /* DROP_UNEXPECTED_STUN */
    uint64_t unsent;     /* of successes and errors: those that the host would not send */
    uint64_t connections; /* accepted over TCP */
    uint64_t broken;      /* of these: closed because of what came on them */
    uint64_t evicted;     /* of these: closed to make room for others */
    uint64_t turned_away; /* connections that were not accepted: their client had as many as it may */
    uint64_t silent;      /* of these: closed because the rest of a message did not come in 60 s, or TCP gave the peer up */
};

/* `io` is borrowed and outlives the server. NULL and `*why` when a socket can't be opened; none is left open then. A
 * software name that is too long to send (IO_TOO_BIG) is refused too, and a second address that is none
 * (IO_NO_ADDRESS). */
struct stun_server *stun_server_new(struct io *io, const struct stun_server_options *options, enum io_result *why);
void stun_server_free(struct stun_server *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(stun_server, stun_server_free)

const struct stun_server_counters *stun_server_counters(const struct stun_server *server);
/* How many sockets it has: those it was told to open, then the three for the second address. */
size_t stun_server_sockets(const struct stun_server *server);
/* Where its n-th socket listens, from 0. */
struct endpoint stun_server_local(const struct stun_server *server, size_t n);

#endif
