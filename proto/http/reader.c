#include "proto/http/reader.h"

void
http_reader_open(struct http_reader *reader, enum http_role role, const struct http_limits *limits)
{
    *reader = (struct http_reader){
        .role = role, .limits = *limits, .head_bytes = g_byte_array_new(), .body = g_byte_array_new()
    };
}

void
http_reader_close(struct http_reader *reader)
{
    g_clear_pointer(&reader->head_bytes, g_byte_array_unref);
    g_clear_pointer(&reader->body, g_byte_array_unref);
}

void
http_reader_next(struct http_reader *reader)
{
    g_byte_array_set_size(reader->head_bytes, 0);
    g_byte_array_set_size(reader->body, 0);
    reader->state = HTTP_READING_HEAD;
    reader->fault = HTTP_FAULT_NONE;
    reader->to_head = reader->started = false;
    reader->left = 0;
    reader->chunked = (struct http_chunked){ 0 };
}

static void
break_off(struct http_reader *reader, enum http_fault fault)
{
    reader->state = HTTP_BROKEN;
    reader->fault = fault;
}

/* The head is whole: what comes after it? */
static void
judge_head(struct http_reader *reader)
{
    struct span bytes = span_of(reader->head_bytes->data, reader->head_bytes->len);
    enum http_fault fault = http_head_decode(bytes, reader->role, &reader->head);

    if (fault == HTTP_FAULT_NONE && reader->role == HTTP_REQUEST) {
        fault = http_request_check(&reader->head);
        if (fault == HTTP_FAULT_NONE)
            fault = http_request_framing(&reader->head, &reader->framing, &reader->left);
    } else if (fault == HTTP_FAULT_NONE) {
        fault = http_response_framing(&reader->head, reader->to_head, &reader->framing, &reader->left);
    }
    if (fault != HTTP_FAULT_NONE)
        break_off(reader, fault);
    else if (reader->framing == HTTP_BY_LENGTH && reader->left > reader->limits.body)
        break_off(reader, HTTP_FAULT_BODY_TOO_LONG);
    else
        reader->state = reader->framing == HTTP_NO_BODY ? HTTP_READ : HTTP_READING_BODY;
}

static bool
head_ends(const GByteArray *bytes)
{
    return bytes->len >= 4 && memcmp(bytes->data + bytes->len - 4, "\r\n\r\n", 4) == 0;
}

/* An empty line before a request is skipped (RFC 9112 section 2.2); some clients send one after a body. */
static bool
is_empty_line(const struct http_reader *reader)
{
    const GByteArray *bytes = reader->head_bytes;

    return reader->role == HTTP_REQUEST && bytes->len == 2 && memcmp(bytes->data, "\r\n", 2) == 0;
}

static void
take_head(struct http_reader *reader, struct reader *input)
{
    while (reader->state == HTTP_READING_HEAD && reader_left(input) > 0) {
        uint8_t byte = reader_u8(input);

        if (reader->head_bytes->len == reader->limits.head) {
            break_off(reader, HTTP_FAULT_HEAD_TOO_LONG);
            return;
        }
        reader->started = true;
        g_byte_array_append(reader->head_bytes, &byte, 1);
        if (byte != '\n')
            continue;
        if (head_ends(reader->head_bytes)) {
            judge_head(reader);
        } else if (is_empty_line(reader)) {
            g_byte_array_set_size(reader->head_bytes, 0);
            reader->started = false;
        }
    }
}

static void
keep(struct http_reader *reader, struct span data)
{
    if (data.length > reader->limits.body - reader->body->len)
        break_off(reader, HTTP_FAULT_BODY_TOO_LONG);
    else if (data.length)
        g_byte_array_append(reader->body, data.bytes, (guint)data.length);
}

static void
take_chunks(struct http_reader *reader, struct reader *input)
{
    struct span bytes = span_of(input->at, reader_left(input)), data;
    size_t before = bytes.length;

    do {
        data = http_chunked_take(&reader->chunked, &bytes);
        keep(reader, data);
    } while (data.length > 0 && reader->state == HTTP_READING_BODY);
    reader_skip(input, before - bytes.length);
    if (reader->state != HTTP_READING_BODY)
        return;
    if (reader->chunked.state == HTTP_CHUNK_DONE)
        reader->state = HTTP_READ;
    else if (reader->chunked.state == HTTP_CHUNK_BROKEN)
        break_off(reader, HTTP_FAULT_CHUNK);
}

static void
take_body(struct http_reader *reader, struct reader *input)
{
    size_t left = reader_left(input);

    if (reader->framing == HTTP_CHUNKED) {
        take_chunks(reader, input);
    } else if (reader->framing == HTTP_UNTIL_CLOSE) {
        keep(reader, reader_rest(input));
    } else {
        struct span data = reader_span(input, reader->left < left ? (size_t)reader->left : left);

        keep(reader, data);
        reader->left -= data.length;
        if (reader->left == 0)
            reader->state = HTTP_READ;
    }
}

size_t
http_reader_take(struct http_reader *reader, struct span bytes)
{
    struct reader input = reader_over(bytes);

    if (reader->state == HTTP_READING_HEAD)
        take_head(reader, &input);
    else if (reader->state == HTTP_READING_BODY)
        take_body(reader, &input);
    return bytes.length - reader_left(&input);
}

void
http_reader_end(struct http_reader *reader)
{
    if (reader->state == HTTP_READING_BODY && reader->framing == HTTP_UNTIL_CLOSE)
        reader->state = HTTP_READ;
    else if (reader->state < HTTP_READ)
        break_off(reader, HTTP_FAULT_CUT);
}
