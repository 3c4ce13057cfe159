/* The connections that clients have opened to a server of STUN over TCP (RFC 8489 section 6.2.2).
 *
 * Each is a stream (stream.h): messages come as datagrams whose socket is the connection, and what is sent on that
 * socket goes back over it. A client keeps its connection as long as it likes, since its NAT's mapping lives no longer
 * (section 6.2.2), so where nothing else is said they never expire; there are at most so many, and one more ends the one
 * that has said nothing for longest. What is no STUN message ends its connection by a RST.
 *
 * Three bounds keep one client from holding what all are to share: how long a connection may be silent that is nobody's
 * (`idle`), how long a message may take to come (`patience`), and how many connections one address may have. */
#ifndef PROTO_STUN_CONNECTIONS_H
#define PROTO_STUN_CONNECTIONS_H

#include "proto/stun/stream.h"

#define STUN_CONNECTIONS_MAX_LISTEN 4

struct stun_connections;

struct stun_connections_events {
    /* A new connection. NULL: not interested. */
    void (*opened)(void *owner, struct io_udp *connection);
    /* A message. The owner may free the connections in it. */
    void (*message)(void *owner, struct io_udp *connection, const struct io_datagram *message);
    /* A connection is about to be gone. IO_CLOSED, IO_RESET, ...: it ended so; IO_FULL: it made room for another;
     * IO_TIMEOUT: `idle` or `patience` is over; IO_OK: `fault` is what came on it. NULL: not interested. */
    void (*closed)(void *owner, struct io_udp *connection, enum io_result why, enum stun_fault fault);
    /* One was reset as it came: its client has as many as it may, or none could make room. NULL: not interested. */
    void (*refused)(void *owner);
};

struct stun_connections_options {
    size_t listens;
    const struct endpoint *listen;
    struct stun_stream_options stream;
    unsigned most; /* connections at a time, at least 1 */
    unsigned most_of_one; /* of one client's IPv4 address or IPv6 /64: one more is refused; 0: no limit */
    int64_t idle;     /* since its last whole message: then it is ended, unless it is held; 0: never */
    int64_t patience; /* since a message began to come, held or not; 0: for ever */
};

/* `io` is borrowed and outlives it. NULL and `*why` when it can't listen; nothing is left open then. */
struct stun_connections *stun_connections_new(struct io *io, const struct stun_connections_options *options,
                                              const struct stun_connections_events *events, void *owner,
                                              enum io_result *why);
/* Closes all, without a call. */
void stun_connections_free(struct stun_connections *connections);

/* One of the connections, out of those that may be ended to make room or because they are silent, or back among them,
 * with its silence beginning anew. When all there may be are held, a new one is refused. */
void stun_connections_hold(struct io_udp *connection, bool held);

/* One of the connections goes to the caller as it is (stun_stream_release), without a call of `closed`. */
struct io_tcp *stun_connections_release(struct io_udp *connection, GByteArray **received, GByteArray **unsent);

/* Connections that there are now. */
unsigned stun_connections_count(const struct stun_connections *connections);

#endif
