/* Cursors over wire bytes: the only code that touches them.
 *
 * A reader walks borrowed bytes, a writer fills the caller's buffer. Both are bounds-checked, big-endian, and sticky in
 * failure: after the first step that does not fit, every read gives 0 (or an empty span), every write does nothing, and
 * `reader_failed` / `writer_failed` says so. A decoder therefore reads straight through and asks once, at the end. */
#ifndef CORE_BASE_CURSOR_H
#define CORE_BASE_CURSOR_H

#include "core/base/span.h"

struct reader {
    const uint8_t *at, *end;
    bool failed;
};

struct writer {
    uint8_t *start, *at, *end;
    bool failed;
};

static inline struct reader
reader_over(struct span bytes)
{
    return (struct reader){ bytes.bytes, bytes.length ? bytes.bytes + bytes.length : bytes.bytes, false };
}

static inline bool
reader_failed(const struct reader *reader)
{
    return reader->failed;
}

static inline size_t
reader_left(const struct reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

/* Steps over `length` bytes and gives them; an empty span and failure when fewer are left. */
static inline struct span
reader_span(struct reader *reader, size_t length)
{
    const uint8_t *from = reader->at;

    if (reader->failed || length > reader_left(reader)) {
        reader->failed = true;
        reader->at = reader->end;
        return (struct span){ NULL, 0 };
    }
    if (length) /* an empty reader may stand on NULL, to which C allows adding nothing at all */
        reader->at += length;
    return span_of(from, length);
}

static inline void
reader_skip(struct reader *reader, size_t length)
{
    (void)reader_span(reader, length);
}

/* All that is left; never fails. */
static inline struct span
reader_rest(struct reader *reader)
{
    return reader_span(reader, reader_left(reader));
}

/* A reader cut to the next `length` bytes, which this one steps over. When they are not there both have failed. */
static inline struct reader
reader_cut(struct reader *reader, size_t length)
{
    struct span bytes = reader_span(reader, length);
    struct reader cut = reader_over(bytes);

    cut.failed = reader->failed;
    return cut;
}

static inline uint8_t
reader_u8(struct reader *reader)
{
    struct span bytes = reader_span(reader, 1);

    return bytes.length ? bytes.bytes[0] : 0;
}

static inline uint16_t
reader_u16(struct reader *reader)
{
    struct span b = reader_span(reader, 2);

    return b.length ? (uint16_t)(b.bytes[0] << 8 | b.bytes[1]) : 0;
}

static inline uint32_t
reader_u32(struct reader *reader)
{
    struct span b = reader_span(reader, 4);

    return b.length ? (uint32_t)b.bytes[0] << 24 | (uint32_t)b.bytes[1] << 16 | (uint32_t)b.bytes[2] << 8 | b.bytes[3]
                    : 0;
}

static inline uint64_t
reader_u64(struct reader *reader)
{
    struct reader cut = reader_cut(reader, 8);
    uint64_t high = reader_u32(&cut);

    return high << 32 | reader_u32(&cut);
}

static inline struct writer
writer_over(void *buffer, size_t capacity)
{
    return (struct writer){ buffer, buffer, capacity ? (uint8_t *)buffer + capacity : buffer, false };
}

static inline bool
writer_failed(const struct writer *writer)
{
    return writer->failed;
}

static inline size_t
writer_length(const struct writer *writer)
{
    return (size_t)(writer->at - writer->start);
}

static inline size_t
writer_left(const struct writer *writer)
{
    return (size_t)(writer->end - writer->at);
}

/* What has been written so far; good as long as the buffer. */
static inline struct span
writer_span(const struct writer *writer)
{
    return span_of(writer->start, writer_length(writer));
}

/* Room for `length` bytes that the caller fills; NULL and failure when it is not there. */
static inline uint8_t *
writer_room(struct writer *writer, size_t length)
{
    uint8_t *room = writer->at;

    if (writer->failed || length > writer_left(writer)) {
        writer->failed = true;
        return NULL;
    }
    if (length)
        writer->at += length;
    return room;
}

static inline void
writer_span_put(struct writer *writer, struct span bytes)
{
    uint8_t *room = writer_room(writer, bytes.length);

    if (room && bytes.length)
        memcpy(room, bytes.bytes, bytes.length);
}

static inline void
writer_zeros(struct writer *writer, size_t length)
{
    uint8_t *room = writer_room(writer, length);

    if (room && length)
        memset(room, 0, length);
}

static inline void
writer_u8(struct writer *writer, uint8_t value)
{
    uint8_t *room = writer_room(writer, 1);

    if (room)
        room[0] = value;
}

static inline void
writer_u16(struct writer *writer, uint16_t value)
{
    uint8_t *room = writer_room(writer, 2);

    if (room) {
        room[0] = (uint8_t)(value >> 8);
        room[1] = (uint8_t)value;
    }
}

static inline void
writer_u32(struct writer *writer, uint32_t value)
{
    uint8_t *room = writer_room(writer, 4);

    if (room) {
        room[0] = (uint8_t)(value >> 24);
        room[1] = (uint8_t)(value >> 16);
        room[2] = (uint8_t)(value >> 8);
        room[3] = (uint8_t)value;
    }
}

static inline void
writer_u64(struct writer *writer, uint64_t value)
{
    uint8_t *room = writer_room(writer, 8);

    for (int i = 0; room && i < 8; i++)
        room[i] = (uint8_t)(value >> (56 - 8 * i));
}

/* Overwrites two bytes at `offset` from the start, which must have been written already: lengths, checksums. */
static inline void
writer_patch_u16(struct writer *writer, size_t offset, uint16_t value)
{
    if (writer->failed || writer_length(writer) < 2 || offset > writer_length(writer) - 2) {
        writer->failed = true;
        return;
    }
    writer->start[offset] = (uint8_t)(value >> 8);
    writer->start[offset + 1] = (uint8_t)value;
}

#endif
