/* An HTTP/1.1 client over the io seam (RFC 9110, RFC 9112).
 *
 * Each request is a *call*. It ends in exactly one of two ways: its `done` is called, from a timer or a stream's event
 * and never inside the call that began it, or it is cancelled, silently. In `done` the owner may free the client,
 * cancel other calls and begin new ones.
 *
 * A connection that a response leaves open is kept for the next call to the same server, for a while. The server may
 * close it at any time; a request that met such an end before a byte of the answer had come is sent once more, on a new
 * connection, if its method is idempotent or the owner says that it may be repeated (RFC 9112 section 9.3.1). Requests
 * are not pipelined: calls at one time have a connection each.
 *
 * When the host has moved to another network, so that connections to the server leave from another address now, those
 * from the old one are given up: requests on them that may be repeated are sent once more at once. */
#ifndef PROTO_HTTP_CLIENT_H
#define PROTO_HTTP_CLIENT_H

#include "core/base/io.h"
#include "proto/http/reader.h"
#include "proto/http/server.h"

#define HTTP_CLIENT_IDLE 4                  /* connections kept at most */
#define HTTP_CLIENT_IDLE_TIME (10 * TIME_S) /* and how long */
#define HTTP_CLIENT_TIMEOUT (30 * TIME_S)   /* of a call that says none */

struct http_client;
struct http_call;
typedef struct http_client http_client;

/* clang-format off */
/* How a call ended.        word            sentence, after "the call ended: " */
#define HTTP_OUTCOMES(X) \
    X(ANSWERED,             "answered",     "a response came") \
    X(TIMEOUT,              "timeout",      "no response came in time") \
    X(UNREACHABLE,          "unreachable",  "there was no connection to the server") \
    X(CLOSED,               "closed",       "the server ended the connection before its response") \
    X(MALFORMED,            "malformed",    "the response is malformed or too long") \
    X(UNSENDABLE,           "unsendable",   "the request cannot be written as HTTP")

enum http_outcome {
#define X(name, word, sentence) HTTP_OUTCOME_##name,
    HTTP_OUTCOMES(X)
#undef X
    HTTP_OUTCOME_COUNT
};
/* clang-format on */

const char *http_outcome_word(enum http_outcome outcome);
const char *http_outcome_sentence(enum http_outcome outcome);

/* Everything is borrowed for the call of `done`. */
struct http_result {
    enum http_outcome outcome;
    const struct http_head *head; /* of ANSWERED, else NULL */
    struct span body;             /* of ANSWERED */
    enum http_fault fault;        /* of MALFORMED */
    enum io_result io;            /* of UNREACHABLE and CLOSED */
    struct endpoint local;        /* of ANSWERED: the connection's own end */
    int64_t elapsed;
};

typedef void http_done(void *owner, struct http_call *call, const struct http_result *result);

/* All of it is copied. */
struct http_ask {
    struct endpoint server, local; /* no local address: by route */
    const char *method, *target;
    const char *host; /* NULL: the server's endpoint */
    const char *type; /* Content-Type; NULL: none */
    struct span body;
    const struct http_pair *fields; /* further ones, ends with a NULL name; NULL: none */
    int64_t timeout;                /* 0: HTTP_CLIENT_TIMEOUT */
    bool idle;                      /* a long poll: waiting for its answer keeps no simulated run going */
    bool repeatable;                /* may be sent twice though its method isn't idempotent */
    http_done *done;
    void *owner;
};

/* `io` is borrowed and outlives the client. `agent` goes into User-Agent; NULL: none. */
struct http_client *http_client_new(struct io *io, const struct http_limits *limits, const char *agent);
/* Cancels what is under way and closes what is kept. */
void http_client_free(struct http_client *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(http_client, http_client_free)

struct http_call *http_client_ask(struct http_client *client, const struct http_ask *ask);
void http_call_cancel(struct http_call *call);

/* Calls begun and not ended; connections that are kept without a call. */
size_t http_client_outstanding(const struct http_client *client);
size_t http_client_idle(const struct http_client *client);

#endif
