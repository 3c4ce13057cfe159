/* A signalling server over the io seam: proto/http/signal.h says what it speaks, signal_desk.h what it keeps, server.h
 * how it speaks HTTP and what it bears of a peer. A request that waits for a message keeps no simulated run going. */
#ifndef PROTO_HTTP_SIGNAL_SERVER_H
#define PROTO_HTTP_SIGNAL_SERVER_H

#include "proto/http/server.h"
#include "proto/http/signal_desk.h"

struct signal_server;
typedef struct signal_server signal_server;

struct signal_server_options {
    const struct endpoint *listen; /* borrowed for the call of _new */
    size_t listens;                /* 1 to HTTP_SERVER_MAX_LISTEN */
    struct signal_limits limits;
    unsigned connections;
    /* Called when the bytes that wait have become others; NULL: not interested. It may not call the server. */
    void (*stored)(void *owner, size_t bytes);
    void *owner;
};

/* `listen` is the caller's to set. Each peer that waits has a connection, and a second one while it sends. */
#define SIGNAL_SERVER_DEFAULTS                                                                                         \
    ((struct signal_server_options){ .listens = 1, .limits = SIGNAL_LIMITS_DEFAULT, .connections = 2048 })

struct signal_server_counters {
    uint64_t taken, repeated;  /* messages that were put into a mailbox; that were there before */
    uint64_t handed;           /* answers with a message; some may be for the second time */
    uint64_t empty;            /* answers without one */
    uint64_t refused, expired; /* requests; peers */
};

/* NULL and `*why` when it cannot listen. `io` is borrowed and outlives the server. */
struct signal_server *signal_server_new(struct io *io, const struct signal_server_options *options,
                                        enum io_result *why);
/* Silent: connections are reset, and what waits is lost. */
void signal_server_free(struct signal_server *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(signal_server, signal_server_free)

struct endpoint signal_server_local(const struct signal_server *server, size_t n);
const struct signal_server_counters *signal_server_counters(const struct signal_server *server);
const struct http_server_counters *signal_server_http_counters(const struct signal_server *server);
unsigned signal_server_peers(const struct signal_server *server);

#endif
