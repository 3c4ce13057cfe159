#include "proto/http/chunked.h"

#include <stdio.h>

#include "proto/http/lex.h"

/* "1a" or "1a;name=value"; blanks before the semicolon are "bad" and allowed (section 7.1.1). */
static void
size_line(struct http_chunked *chunked, struct span line)
{
    struct span size = http_trim(http_cut(&line, ';'));

    if (!http_hexadecimal(size, &chunked->left) || !http_is_field_text(line))
        chunked->state = HTTP_CHUNK_BROKEN;
    else
        chunked->state = chunked->left ? HTTP_CHUNK_DATA : HTTP_CHUNK_TRAILER;
}

static void
trailer_line(struct http_chunked *chunked, struct span line)
{
    if (line.length == 0)
        chunked->state = HTTP_CHUNK_DONE;
    else if (++chunked->trailers > HTTP_CHUNK_TRAILERS || !http_is_field_text(line) ||
             !http_is_token(http_cut(&line, ':')))
        chunked->state = HTTP_CHUNK_BROKEN;
}

static void
end_line(struct http_chunked *chunked)
{
    struct span line = span_of(chunked->line, chunked->length - 2);

    chunked->length = 0;
    if (chunked->state == HTTP_CHUNK_SIZE)
        size_line(chunked, line);
    else if (chunked->state == HTTP_CHUNK_TRAILER)
        trailer_line(chunked, line);
    else
        chunked->state = line.length == 0 ? HTTP_CHUNK_SIZE : HTTP_CHUNK_BROKEN;
}

/* A line ends with CRLF only, and neither stands elsewhere in it. */
static void
line_byte(struct http_chunked *chunked, uint8_t byte)
{
    bool after_cr = chunked->length > 0 && chunked->line[chunked->length - 1] == '\r';

    if (chunked->length == HTTP_CHUNK_LINE || after_cr != (byte == '\n')) {
        chunked->state = HTTP_CHUNK_BROKEN;
        return;
    }
    chunked->line[chunked->length++] = byte;
    if (byte == '\n')
        end_line(chunked);
}

static struct span
data_of(struct http_chunked *chunked, struct reader *reader)
{
    size_t left = reader_left(reader);
    struct span data = reader_span(reader, chunked->left < left ? (size_t)chunked->left : left);

    chunked->left -= data.length;
    if (chunked->left == 0)
        chunked->state = HTTP_CHUNK_AFTER;
    return data;
}

struct span
http_chunked_take(struct http_chunked *chunked, struct span *bytes)
{
    struct reader reader = reader_over(*bytes);
    struct span data = { NULL, 0 };

    while (data.length == 0 && reader_left(&reader) > 0 && chunked->state < HTTP_CHUNK_DONE) {
        if (chunked->state == HTTP_CHUNK_DATA)
            data = data_of(chunked, &reader);
        else
            line_byte(chunked, reader_u8(&reader));
    }
    *bytes = reader_rest(&reader);
    return data;
}

void
http_put_chunk(struct writer *writer, struct span data)
{
    char size[24];

    snprintf(size, sizeof size, "%zx\r\n", data.length);
    writer_span_put(writer, span_of_text(size));
    writer_span_put(writer, data);
    writer_span_put(writer, span_of_text("\r\n"));
}

void
http_put_last_chunk(struct writer *writer)
{
    writer_span_put(writer, span_of_text("0\r\n\r\n"));
}
