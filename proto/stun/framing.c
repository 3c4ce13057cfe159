#include "proto/stun/framing.h"

#include "core/base/cursor.h"

#define BUFFER_LEAST 2048 /* a message in use fits, and a few may come at once */

/* --- one frame --------------------------------------------------------------------------------------------------- */

static struct stun_frame
fault(enum stun_fault why)
{
    return (struct stun_frame){ .kind = STUN_FRAME_FAULT, .fault = why };
}

static struct stun_frame
frame(enum stun_frame_kind kind, struct span bytes, size_t length, size_t size)
{
    if (bytes.length < size)
        return (struct stun_frame){ .kind = STUN_FRAME_NONE, .size = size };
    return (struct stun_frame){ .kind = kind, .bytes = span_of(bytes.bytes, length), .size = size };
}

/* Whether what has come of the cookie is right. */
static bool
cookie_begins(struct span bytes)
{
    struct reader reader = reader_over(bytes);

    reader_skip(&reader, 4);
    for (int shift = 24; shift >= 0 && reader_left(&reader) > 0; shift -= 8)
        if (reader_u8(&reader) != (uint8_t)(STUN_COOKIE >> shift))
            return false;
    return true;
}

static struct stun_frame
message_at(struct span bytes, size_t length, size_t most)
{
    size_t size = STUN_HEADER_BYTES + length;

    /* In the order in which bytes come, so that it makes no difference how many have. */
    if (length % 4)
        return fault(STUN_FAULT_LENGTH_UNALIGNED);
    if (size > most)
        return fault(STUN_FAULT_TOO_LONG);
    if (!cookie_begins(bytes))
        return fault(STUN_FAULT_COOKIE);
    return frame(STUN_FRAME_MESSAGE, bytes, size, size);
}

static struct stun_frame
channel_at(struct span bytes, size_t length, size_t most)
{
    size_t size = STUN_CHANNEL_HEADER_BYTES + length;

    if (size + stun_padding(size) > most)
        return fault(STUN_FAULT_TOO_LONG);
    return frame(STUN_FRAME_CHANNEL, bytes, size, size + stun_padding(size));
}

static bool
begins_channel(uint8_t first, enum stun_channels channels)
{
    switch (channels) {
    case STUN_CHANNELS_NONE:
        return false;
    case STUN_CHANNELS_NEW:
        return first >> 4 == 4;
    case STUN_CHANNELS_OLD:
        return first >> 6 == 1;
    }
    return false;
}

struct stun_frame
stun_frame_at(struct span bytes, enum stun_channels channels, size_t most)
{
    struct reader reader = reader_over(bytes);
    uint8_t first = reader_u8(&reader);
    bool channel = begins_channel(first, channels);

    if (reader_failed(&reader))
        return (struct stun_frame){ .kind = STUN_FRAME_NONE, .size = STUN_CHANNEL_HEADER_BYTES };
    if (first >> 6 && !channel)
        return fault(STUN_FAULT_FIRST_BITS);

    reader_skip(&reader, 1);

    size_t length = reader_u16(&reader);

    if (reader_failed(&reader))
        return (struct stun_frame){ .kind = STUN_FRAME_NONE, .size = STUN_CHANNEL_HEADER_BYTES };
    return channel ? channel_at(bytes, length, most) : message_at(bytes, length, most);
}

/* --- the buffer -------------------------------------------------------------------------------------------------- */

void
stun_framing_clear(struct stun_framing *framing)
{
    g_free(framing->buffer);
    framing->buffer = NULL;
    framing->capacity = framing->head = framing->tail = 0;
}

static struct stun_frame
look(const struct stun_framing *framing)
{
    size_t pending = stun_framing_pending(framing);

    if (pending == 0)
        return (struct stun_frame){ .kind = STUN_FRAME_NONE, .size = STUN_CHANNEL_HEADER_BYTES };
    return stun_frame_at(span_of(framing->buffer + framing->head, pending), framing->channels, framing->most);
}

uint8_t *
stun_framing_room(struct stun_framing *framing, size_t *length)
{
    size_t pending = stun_framing_pending(framing);
    size_t wanted = MAX(look(framing).size, MIN(BUFFER_LEAST, framing->most));

    if (wanted > framing->capacity) {
        framing->buffer = g_realloc(framing->buffer, wanted);
        framing->capacity = wanted;
    }
    if (framing->head > 0) {
        memmove(framing->buffer, framing->buffer + framing->head, pending);
        framing->head = 0;
        framing->tail = pending;
    }
    *length = framing->capacity - framing->tail;
    return framing->buffer + framing->tail;
}

void
stun_framing_shrink(struct stun_framing *framing)
{
    if (stun_framing_pending(framing) == 0 && framing->capacity > BUFFER_LEAST)
        stun_framing_clear(framing);
}

void
stun_framing_filled(struct stun_framing *framing, size_t length)
{
    g_assert(length <= framing->capacity - framing->tail);
    framing->tail += length;
}

struct stun_frame
stun_framing_next(struct stun_framing *framing)
{
    struct stun_frame next = look(framing);

    if (next.kind == STUN_FRAME_MESSAGE || next.kind == STUN_FRAME_CHANNEL)
        framing->head += next.size;
    return next;
}
