/* An HTTP/1.1 server over the io seam (RFC 9110, RFC 9112).
 *
 * Each request comes to the handler as an *exchange*, whole, its body within the limit. The handler answers with
 * `http_exchange_respond`, in the call or at any time later: a long poll holds the exchange until there is something to
 * say. The exchange is the server's, and good until it is answered, or until `gone` tells that the client is not there
 * any more. The next request of that connection, pipelined or not, is handed out only after the answer to this one, so
 * answers cannot change places.
 *
 * A peer is limited: in bytes (struct http_limits), in connections, and in time for a request, for reading an answer
 * and between requests. A malformed request is answered with its fault's status and ends the connection. */
#ifndef PROTO_HTTP_SERVER_H
#define PROTO_HTTP_SERVER_H

#include "core/base/io.h"
#include "proto/http/reader.h"

#define HTTP_SERVER_MAX_LISTEN 8

struct http_server;
struct http_exchange;
typedef struct http_server http_server;

/* A request, borrowed from its exchange. */
struct http_request {
    const struct http_head *head;
    struct span body;
    struct endpoint local, peer;
};

/* Both ends are text; NULL ends an array of them. */
struct http_pair {
    const char *name, *value;
};

struct http_response {
    unsigned status;
    const char *type; /* Content-Type; NULL: none */
    struct span body;
    const struct http_pair *fields; /* further ones, ends with a NULL name; NULL: none */
    bool close;                     /* end the connection after it */
};

typedef void http_handler(void *owner, struct http_exchange *exchange);
typedef void http_gone(void *owner, struct http_exchange *exchange);

struct http_server_options {
    const struct endpoint *listen;
    size_t listens;
    const char *name; /* Server, in each response; NULL: none */
    struct http_limits limits;
    unsigned connections;     /* at most: one more is closed at once */
    int64_t idle_timeout;     /* between requests */
    int64_t request_timeout;  /* from its first byte to its last */
    int64_t response_timeout; /* for the peer to take some of a response, and to close after the last one */
    http_handler *handler;
    void *owner;
};

#define HTTP_SERVER_DEFAULTS                                                                                           \
    ((struct http_server_options){ .limits = HTTP_LIMITS_DEFAULT,                                                      \
                                   .connections = 64,                                                                  \
                                   .idle_timeout = TIME_MIN,                                                           \
                                   .request_timeout = 30 * TIME_S,                                                     \
                                   .response_timeout = 30 * TIME_S })

struct http_server_counters {
    uint64_t connections, refused; /* refused: beyond the limit */
    uint64_t requests, responses;
    uint64_t malformed, timeouts;
    uint64_t gone; /* clients that left before the answer */
};

/* Opens the listeners; NULL and `*why` when one cannot be. `io` is borrowed and outlives the server. */
struct http_server *http_server_new(struct io *io, const struct http_server_options *options, enum io_result *why);
/* Silent: no handler and no `gone` is called, exchanges that wait are lost, connections are reset. */
void http_server_free(struct http_server *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(http_server, http_server_free)

/* The address of listener `n`, with the port that was chosen if it was asked for as 0. */
struct endpoint http_server_local(const struct http_server *server, size_t n);
const struct http_server_counters *http_server_counters(const struct http_server *server);

struct http_request http_exchange_request(const struct http_exchange *exchange);
/* Answers and ends the exchange; all of `response` is copied. One that cannot be written as HTTP (a line end in a
 * field) becomes a 500. */
void http_exchange_respond(struct http_exchange *exchange, const struct http_response *response);
/* `gone` is called, once, if the client leaves before the answer; in it, and after, the exchange must not be answered. */
void http_exchange_on_gone(struct http_exchange *exchange, http_gone *gone, void *owner);
/* For the handler's own use: NULL at first. */
void http_exchange_set_data(struct http_exchange *exchange, void *data);
void *http_exchange_data(const struct http_exchange *exchange);

#endif
