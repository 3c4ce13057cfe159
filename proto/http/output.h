/* Bytes that wait to be written to a stream. */
#ifndef PROTO_HTTP_OUTPUT_H
#define PROTO_HTTP_OUTPUT_H

#include <glib.h>

#include "core/base/io.h"

struct http_output {
    GByteArray *bytes;
    size_t sent;
};

void http_output_open(struct http_output *output);
void http_output_close(struct http_output *output);
void http_output_put(struct http_output *output, struct span bytes);
/* Writes what the stream takes. IO_OK: nothing waits any more; IO_AGAIN: IO_WRITABLE will tell; else the stream is
 * broken. */
enum io_result http_output_flush(struct http_output *output, struct io_tcp *tcp);

static inline bool
http_output_waits(const struct http_output *output)
{
    return output->sent < output->bytes->len;
}

#endif
