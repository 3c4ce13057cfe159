/* One connection that carries SIP messages (RFC 3261 sections 18.3, RFC 5626 section 3.5.1): an engine around a stream,
 * for carrier.c. It cuts messages out of what comes, answers pings, sends its own when it is told to, and gives up a peer
 * that keeps it waiting. */
#ifndef PROTO_SIP_CONNECTION_H
#define PROTO_SIP_CONNECTION_H

#include "core/base/io.h"
#include "proto/sip/framing.h"

struct sip_connection;

struct sip_connection_options {
    size_t message_most, backlog_most;
    int64_t connect_timeout, idle_timeout, message_timeout;
};

enum sip_connection_end {
    SIP_CONNECTION_CLOSED, /* by the peer, or it failed: `why` */
    SIP_CONNECTION_BROKEN, /* nothing can be understood of what comes */
    SIP_CONNECTION_SILENT, /* nothing came or went for long; the rest of a message did not come; it was never made */
    SIP_CONNECTION_LAPSED, /* no pong */
};

struct sip_connection_events {
    /* A whole message; when `broken` bytes that end the connection, for which `ended` comes next. */
    void (*message)(void *owner, struct sip_connection *connection, struct span bytes, bool broken);
    void (*ping)(void *owner, struct sip_connection *connection, bool pong);
    /* It is of no use any more, and the owner frees it. Never comes from inside a call. */
    void (*ended)(void *owner, struct sip_connection *connection, enum sip_connection_end how, enum io_result why);
};

/* Takes over `tcp`, connected (accepted) or connecting, and hears its events from now on. */
struct sip_connection *sip_connection_take(struct io *io, struct io_tcp *tcp, bool connected,
                                           const struct sip_connection_options *options,
                                           const struct sip_connection_events *events, void *owner);
/* Closes it; what was sent is still delivered, unless nobody listens any more. May be called in any callback. */
void sip_connection_free(struct sip_connection *connection);
/* The same with a reset, for one that leads nowhere. */
void sip_connection_abort(struct sip_connection *connection);

/* IO_FULL when too much waits already, IO_CLOSED after its end. */
enum io_result sip_connection_send(struct sip_connection *connection, struct span message);

/* Pings after a random 80 to 100 % of `interval`; 0: no more. */
void sip_connection_keep(struct sip_connection *connection, int64_t interval);

bool sip_connection_is_up(const struct sip_connection *connection);
/* When something came or went last. */
int64_t sip_connection_active(const struct sip_connection *connection);
struct endpoint sip_connection_local(const struct sip_connection *connection);
struct endpoint sip_connection_peer(const struct sip_connection *connection);

/* 80 to 100 % of `interval`, at random (RFC 5626 section 4.4). */
int64_t sip_keep_interval(struct io *io, int64_t interval);

#endif
