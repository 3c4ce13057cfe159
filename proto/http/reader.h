/* Reads one HTTP message after the other from a stream: a machine that takes bytes as they come and says when a message
 * is whole. What it keeps is bounded by its limits. Bytes after the message (a pipelined request) it leaves alone.
 *
 *     HEAD --> BODY --> DONE        http_reader_next: back to HEAD
 *       \________\____> BROKEN      `fault` says why; nothing more can be read from this stream */
#ifndef PROTO_HTTP_READER_H
#define PROTO_HTTP_READER_H

#include <glib.h>

#include "proto/http/chunked.h"
#include "proto/http/message.h"

struct http_limits {
    size_t head, body; /* bytes */
};

#define HTTP_HEAD_BYTES 8192
#define HTTP_LIMITS_DEFAULT ((struct http_limits){ .head = HTTP_HEAD_BYTES, .body = 65536 })

enum http_reader_state { HTTP_READING_HEAD, HTTP_READING_BODY, HTTP_READ, HTTP_BROKEN };

/* Members are read-only for others; `head` is good from the end of the head on, the body when all is HTTP_READ, both
 * until the next call. */
struct http_reader {
    enum http_role role;
    struct http_limits limits;
    enum http_reader_state state;
    enum http_fault fault;
    bool to_head; /* set by the owner: the response answers HEAD */
    bool started; /* a byte of this message has come */
    struct http_head head;
    enum http_framing framing;
    uint64_t left;
    struct http_chunked chunked;
    GByteArray *head_bytes, *body;
};

void http_reader_open(struct http_reader *reader, enum http_role role, const struct http_limits *limits);
void http_reader_close(struct http_reader *reader);
/* For the next message of the stream. */
void http_reader_next(struct http_reader *reader);

/* Takes bytes until the message is whole or broken; how many it took. The end of the head ends a call too: the owner
 * may want to look at it before the body (`Expect: 100-continue`), and calls again with the rest. */
size_t http_reader_take(struct http_reader *reader, struct span bytes);
/* The stream has ended: that is the end of a body without length, and breaks any other. */
void http_reader_end(struct http_reader *reader);

static inline struct span
http_reader_body(const struct http_reader *reader)
{
    return span_of(reader->body->data, reader->body->len);
}

#endif
