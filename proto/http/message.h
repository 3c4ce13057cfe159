/* The head of an HTTP/1.x message: its first line and its fields (RFC 9112 sections 2 to 5), and how long the body is
 * (section 6.3). Pure: bytes in, struct out.
 *
 * The decoder is strict where two readers of one message might disagree, because that is how requests are smuggled
 * past a guard (section 11.2): lines end with CRLF only; no space stands before a colon; no line is folded; a length
 * is said once, and not beside a transfer coding. What is refused has a fault with the status that tells the peer so.
 *
 * SSDP's datagrams have the same heads (proto/portmap/ssdp.h). */
#ifndef PROTO_HTTP_MESSAGE_H
#define PROTO_HTTP_MESSAGE_H

#include "core/base/cursor.h"

#define HTTP_PORT 80
#define HTTP_FIELDS 64 /* in one head: more is a fault */

enum http_role { HTTP_REQUEST, HTTP_RESPONSE };

/* clang-format off */
/* What is wrong with a message.  word           status  sentence */
#define HTTP_FAULTS(X) \
    X(NONE,              "none",                 200, "nothing is wrong with it") \
    X(FIRST_LINE,        "first-line",           400, "its first line is malformed") \
    X(VERSION,           "version",              505, "it is of another version than HTTP/1.x") \
    X(FIELD,             "field",                400, "a field is malformed") \
    X(TOO_MANY_FIELDS,   "too-many-fields",      431, "it has too many fields") \
    X(HEAD_TOO_LONG,     "head-too-long",        431, "its head is too long") \
    X(HOST,              "host",                 400, "a request of HTTP/1.1 has exactly one Host") \
    X(LENGTH,            "length",               400, "its Content-Length is malformed or said more than once") \
    X(LENGTH_AND_CODING, "length-and-coding",    400, "it has both a length and a transfer coding") \
    X(CODING,            "coding",               501, "its transfer coding is another than chunked") \
    X(OLD_CODING,        "old-coding",           400, "a message of HTTP/1.0 has no transfer coding") \
    X(CHUNK,             "chunk",                400, "its chunks are malformed") \
    X(BODY_TOO_LONG,     "body-too-long",        413, "its body is longer than the limit") \
    X(CUT,               "cut",                  400, "the stream ended before the message did")

enum http_fault {
#define X(name, word, status, sentence) HTTP_FAULT_##name,
    HTTP_FAULTS(X)
#undef X
    HTTP_FAULT_COUNT
};
/* clang-format on */

const char *http_fault_word(enum http_fault fault);
const char *http_fault_sentence(enum http_fault fault);
unsigned http_fault_status(enum http_fault fault);

/* "Not Found"; "" for a status that has no phrase here. */
const char *http_status_phrase(unsigned status);

struct http_field {
    struct span name, value; /* the value without blanks at its ends */
};

/* All spans borrow from the bytes that were decoded. */
struct http_head {
    struct span method, target; /* of a request */
    unsigned status;            /* of a response: 100 to 599 */
    struct span phrase;
    unsigned minor; /* HTTP/1.minor */
    unsigned count;
    struct http_field fields[HTTP_FIELDS];
};

/* `bytes` is all of a head, the empty line at its end included. */
enum http_fault http_head_decode(struct span bytes, enum http_role role, struct http_head *head);

/* The first field of that name at or after `from`, or NULL. */
const struct http_field *http_head_find(const struct http_head *head, const char *name, unsigned from);
/* The value of the field of that name; false when there is none, or more than one. */
bool http_head_get(const struct http_head *head, const char *name, struct span *value);
/* Whether `token` is a member of the comma-separated lists in the fields of that name. */
bool http_head_lists(const struct http_head *head, const char *name, const char *token);

/* Whether the connection can carry another message after this one (RFC 9112 section 9.3). */
bool http_head_keeps(const struct http_head *head);

/* What section 3.2 demands of a request beyond its grammar: one Host in HTTP/1.1. */
enum http_fault http_request_check(const struct http_head *head);

enum http_framing { HTTP_NO_BODY, HTTP_BY_LENGTH, HTTP_CHUNKED, HTTP_UNTIL_CLOSE };

/* How the body is delimited. `length` is set for HTTP_BY_LENGTH, where it is more than 0. */
enum http_fault http_request_framing(const struct http_head *head, enum http_framing *framing, uint64_t *length);
/* `to_head`: the response answers a HEAD request. */
enum http_fault http_response_framing(const struct http_head *head, bool to_head, enum http_framing *framing,
                                      uint64_t *length);

/* Writing a head, in this order. What could be taken for something else (a line end in a value, a name that is no
 * token) fails the writer instead of being sent. */
void http_put_request_line(struct writer *writer, const char *method, struct span target);
void http_put_status_line(struct writer *writer, unsigned status);
void http_put_field(struct writer *writer, const char *name, struct span value);
void http_put_number(struct writer *writer, const char *name, uint64_t value);
void http_put_end(struct writer *writer);

#endif
