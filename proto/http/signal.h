/* Signalling over HTTP: how peers that cannot reach each other yet exchange short texts (an SDP offer, its answer, a
 * candidate) through a server that both can reach. The server keeps a *mailbox* for each peer, known by its name.
 *
 *     POST /peers/B/from/A?id=ID             the body, for B, from A
 *         204                                it is in B's mailbox, or was put there before under this ID
 *     GET /peers/B/messages?after=ID&wait=S  B asks for its next message, and waits for it up to S seconds (30)
 *         200                                Message-From: A, Message-Id: ID, the Content-Type it came with; the body
 *         204                                none has come
 *
 * A name has 1 to SIGNAL_NAME_MAX letters, digits, '-', '_' and '.', and does not begin with a dot. Nobody proves that
 * a name is his: who knows a name can read what is sent to it. A peer need not be there when it is written to, and is
 * there once it asks or is written to; it is forgotten with all that waits for it when neither has happened for a time.
 *
 * An ID is `SESSION-NUMBER`: up to 15 hexadecimal digits, 1 to 19 decimal ones, the number from 1. It makes both
 * requests safe to repeat when no answer came (RFC 9110 section 9.2.2 would have it otherwise for a POST), so that a
 * message comes exactly once, and in order for each sender and receiver:
 *  - A sender draws a session when it begins and counts what it sends, one message to a receiver at a time. What has a
 *    number not above the last one of its name, session and receiver is a repetition, and not put there again. Without
 *    an ID each POST is a message of its own.
 *  - The answer to a GET has the message's ID; its session is the mailbox's. The next GET says `after` which it asks,
 *    and only then the earlier ones are dropped. An `after` of another session (the server, or its memory of the peer,
 *    is a new one) says nothing. Without `after` the oldest that was not acknowledged comes again.
 * One GET may wait for a mailbox. A later one takes its place, and the earlier is answered with 409; one whose `after`
 * is older than another's before it is out of date, and is answered so itself.
 *
 * Everything is bounded; what is refused has a status and, as text/plain, a line "word: sentence" (SIGNAL_REASONS). What
 * is no HTTP, or too long for the server to read at all, has a status only (server.h). */
#ifndef PROTO_HTTP_SIGNAL_H
#define PROTO_HTTP_SIGNAL_H

#include "core/base/time.h"
#include "proto/http/message.h"

#define SIGNAL_PORT 8080
#define SIGNAL_NAME_MAX 64
#define SIGNAL_TEXT_MAX 65536 /* bytes of one message */
#define SIGNAL_TYPE_MAX 127   /* of its Content-Type */
#define SIGNAL_WAIT_DEFAULT (30 * TIME_S)
#define SIGNAL_WAIT_MAX (60 * TIME_S)
#define SIGNAL_TYPE_DEFAULT "text/plain"

/* clang-format off */
/* Why a request is refused.     word                status  sentence */
#define SIGNAL_REASONS(X) \
    X(NONE,          "none",             200, "it is not refused") \
    X(NO_SUCH,       "no-such-resource", 404, "here are /peers/NAME/from/NAME and /peers/NAME/messages only") \
    X(METHOD,        "method",           405, "a message is put by POST, and asked for by GET") \
    X(NAME,          "name",             400, "a name has 1 to 64 letters, digits, '-', '_', '.', and begins with no '.'") \
    X(QUERY,         "query",            400, "after the '?' may stand id=ID, or after=ID and wait=SECONDS (0 to 60)") \
    X(ID,            "id",               400, "an ID is SESSION-NUMBER, hexadecimal and decimal, of a message there was") \
    X(TYPE,          "type",             400, "the Content-Type is longer than 127 bytes, or there are several") \
    X(TOO_LONG,      "too-long",         413, "a message has at most 65536 bytes") \
    X(MAILBOX_FULL,  "mailbox-full",     429, "too many messages wait for this peer") \
    X(STORE_FULL,    "store-full",       503, "the messages that wait have too many bytes") \
    X(PEERS_FULL,    "peers-full",       503, "there are too many peers") \
    X(SUPERSEDED,    "superseded",       409, "a later request waits for the messages of this peer")

enum signal_reason {
#define X(name, word, status, sentence) SIGNAL_REASON_##name,
    SIGNAL_REASONS(X)
#undef X
    SIGNAL_REASON_COUNT
};
/* clang-format on */

const char *signal_reason_word(enum signal_reason reason);
const char *signal_reason_sentence(enum signal_reason reason);
unsigned signal_reason_status(enum signal_reason reason);
/* The reason that the body of a refusal begins with; SIGNAL_REASON_NONE when it is none of ours. */
enum signal_reason signal_reason_read(struct span body);

bool signal_is_name(struct span text);

struct signal_id {
    uint64_t session, number;
};

#define SIGNAL_SESSION_MASK ((UINT64_C(1) << 60) - 1) /* 15 hexadecimal digits */

bool signal_id_read(struct span text, struct signal_id *id);
void signal_put_id(struct writer *writer, struct signal_id id);

enum signal_method { SIGNAL_POST, SIGNAL_GET };

/* Spans borrow from the head. */
struct signal_request {
    enum signal_method method;
    struct span name;       /* the receiver */
    struct span from, type; /* of a POST */
    bool has_id;
    struct signal_id id; /* of a POST its own, of a GET that of `after` */
    int64_t wait;        /* of a GET */
};

/* Fills `request` when there is no reason, and also for SIGNAL_REASON_METHOD, where `method` is the one that would do. */
enum signal_reason signal_request_read(const struct http_head *head, struct signal_request *request);
/* The target that `request` has. */
void signal_put_target(struct writer *writer, const struct signal_request *request);

#endif
