/* A peer's side of signalling (proto/http/signal.h), over the io seam.
 *
 *     struct signal_client *client = signal_client_new(io, &options);
 *     signal_client_send(client, &letter, on_sent, owner);     ends in `on_sent`, once
 *     signal_client_receive(client);                           asks for one message; `message` or `lost` is called
 *
 * What came to nothing is sent again, up to SIGNAL_ATTEMPTS times with growing pauses, and comes exactly once all the
 * same, as long as the server lives and remembers. Letters to one receiver go one after the other, in order; those to
 * several at the same time. Waiting for a message keeps no simulated run going; a letter under way does, and so do the
 * pauses after a failure.
 *
 * A message that was handed to `message` is acknowledged by the next signal_client_receive. */
#ifndef PROTO_HTTP_SIGNAL_CLIENT_H
#define PROTO_HTTP_SIGNAL_CLIENT_H

#include <glib.h>

#include "core/base/io.h"
#include "proto/http/signal.h"

#define SIGNAL_ATTEMPTS 5
#define SIGNAL_PAUSE (500 * TIME_MS) /* after the first, then twice as long each time */
#define SIGNAL_TIMEOUT (10 * TIME_S) /* of one request; a GET waits that much longer than it lets the server wait */
#define SIGNAL_LETTERS 64            /* sent and not ended */

struct signal_client;
struct signal_letter;
typedef struct signal_client signal_client;

/* clang-format off */
/* How it ended.            word            sentence */
#define SIGNAL_OUTCOMES(X) \
    X(DONE,                 "done",         "the server has answered") \
    X(TIMEOUT,              "timeout",      "no answer came in time") \
    X(UNREACHABLE,          "unreachable",  "there was no connection to the server") \
    X(CLOSED,               "closed",       "the server ended the connection before its answer") \
    X(REJECTED,             "rejected",     "the server refused the request") \
    X(MALFORMED,            "malformed",    "what came is no answer of a signalling server")

enum signal_outcome {
#define X(name, word, sentence) SIGNAL_OUTCOME_##name,
    SIGNAL_OUTCOMES(X)
#undef X
    SIGNAL_OUTCOME_COUNT
};
/* clang-format on */

const char *signal_outcome_word(enum signal_outcome outcome);
const char *signal_outcome_sentence(enum signal_outcome outcome);

/* Of the last attempt. */
struct signal_result {
    enum signal_outcome outcome;
    enum io_result io;         /* of UNREACHABLE and CLOSED */
    unsigned status;           /* of REJECTED */
    enum signal_reason reason; /* of REJECTED; NONE when the server says none that is known */
    unsigned attempts;
};

/* Borrowed for the call. */
struct signal_text {
    struct span peer; /* to whom; from whom */
    struct span type, text;
};

/* The letter has ended, and is not there any more. */
typedef void signal_sent(void *owner, const struct signal_result *result);

struct signal_client_options {
    struct endpoint server;
    struct span name; /* its own; signal_is_name */
    int64_t wait;     /* how long the server is to hold a GET: whole seconds, 1 to SIGNAL_WAIT_MAX */
    void (*message)(void *owner, const struct signal_text *message);
    void (*lost)(void *owner, const struct signal_result *result); /* given up: until the next signal_client_receive */
    void *owner;
};

struct signal_client_counters {
    uint64_t sent, received; /* letters that the server has taken; messages */
    uint64_t retries;        /* requests that were sent again, of both kinds */
    uint64_t failures;       /* letters and waits that were given up */
};

/* `io` is borrowed and outlives the client. */
struct signal_client *signal_client_new(struct io *io, const struct signal_client_options *options);
/* Silent: what is under way is dropped, and nobody called. */
void signal_client_free(struct signal_client *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(signal_client, signal_client_free)

/* All of `text` is copied. NULL when nothing is sent: the receiver is no name, text or type is too long or no value of a
 * field, or SIGNAL_LETTERS are under way. */
struct signal_letter *signal_client_send(struct signal_client *client, const struct signal_text *text,
                                         signal_sent *done, void *owner);
/* Nobody is called; whether the server has taken it is not known. */
void signal_letter_cancel(struct signal_letter *letter);

/* Asks for the next message; nothing when that is under way. May be called in `message` and `lost`. */
void signal_client_receive(struct signal_client *client);
bool signal_client_receiving(const struct signal_client *client);

/* Letters that have not ended. */
unsigned signal_client_letters(const struct signal_client *client);
const struct signal_client_counters *signal_client_counters(const struct signal_client *client);
/* From where the last request that was answered had come; the address none before. */
struct endpoint signal_client_local(const struct signal_client *client);

#endif
