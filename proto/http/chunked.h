/* The chunked transfer coding (RFC 9112 section 7.1). The decoder is a machine that takes bytes as they come; it keeps
 * none but a line of the chunk's size, and hands on the data. Chunk extensions and trailers are read over. */
#ifndef PROTO_HTTP_CHUNKED_H
#define PROTO_HTTP_CHUNKED_H

#include "core/base/cursor.h"

#define HTTP_CHUNK_LINE 256    /* a size with its extensions, a trailer field: longer is malformed */
#define HTTP_CHUNK_TRAILERS 32 /* more are malformed */

enum http_chunk_state {
    HTTP_CHUNK_SIZE,
    HTTP_CHUNK_DATA,
    HTTP_CHUNK_AFTER,
    HTTP_CHUNK_TRAILER,
    HTTP_CHUNK_DONE,
    HTTP_CHUNK_BROKEN
};

/* Zeroed, it waits for the first size. */
struct http_chunked {
    enum http_chunk_state state;
    uint64_t left; /* of the chunk under way */
    unsigned trailers, length;
    uint8_t line[HTTP_CHUNK_LINE];
};

/* Takes from `*bytes` what belongs to the next run of data and its framing, and moves `*bytes` past it. Returns the
 * data found, which borrows from `*bytes`: empty when there is no more before the end of `*bytes` or of the coding. */
struct span http_chunked_take(struct http_chunked *chunked, struct span *bytes);

/* One chunk around `data`, which isn't empty; and the end. */
void http_put_chunk(struct writer *writer, struct span data);
void http_put_last_chunk(struct writer *writer);

#endif
