#include "core/net/tcp_ring.h"

#include <glib.h>

#define FIRST_CAPACITY 4096

void
tcp_ring_clear(struct tcp_ring *ring)
{
    if (ring->memory)
        memory_give(ring->memory, MEMORY_STREAMS, ring->capacity);
    g_free(ring->bytes);
    *ring = (struct tcp_ring){ .memory = ring->memory };
}

/* Makes room for bytes up to `end` from the head. All of the old ring moves along: a receiver's bytes behind a gap are
 * in it, and only their owner knows where. */
static void
reserve(struct tcp_ring *ring, uint32_t end)
{
    uint32_t capacity = ring->capacity ? ring->capacity : FIRST_CAPACITY;
    uint8_t *bytes;

    if (G_LIKELY(end <= ring->capacity))
        return;
    g_assert(end <= UINT32_C(1) << 30);
    while (capacity < end)
        capacity *= 2;
    bytes = g_malloc(capacity);
    if (ring->bytes) {
        memcpy(bytes, ring->bytes + ring->head, ring->capacity - ring->head);
        memcpy(bytes + ring->capacity - ring->head, ring->bytes, ring->head);
        g_free(ring->bytes);
    }
    if (ring->memory)
        memory_take(ring->memory, MEMORY_STREAMS, capacity - ring->capacity);
    ring->bytes = bytes;
    ring->capacity = capacity;
    ring->head = 0;
}

void
tcp_ring_place(struct tcp_ring *ring, uint32_t offset, struct span bytes)
{
    uint32_t length = (uint32_t)bytes.length, at, first;

    g_assert(offset >= ring->used);
    if (length == 0)
        return;
    reserve(ring, offset + length);
    at = (ring->head + offset) & (ring->capacity - 1);
    first = MIN(length, ring->capacity - at);
    memcpy(ring->bytes + at, bytes.bytes, first);
    memcpy(ring->bytes, bytes.bytes + first, length - first);
}

void
tcp_ring_extend(struct tcp_ring *ring, uint32_t length)
{
    ring->used += length;
    g_assert(ring->used <= ring->capacity);
}

void
tcp_ring_append(struct tcp_ring *ring, const void *bytes, uint32_t length)
{
    tcp_ring_place(ring, ring->used, span_of(bytes, length));
    tcp_ring_extend(ring, length);
}

void
tcp_ring_look(const struct tcp_ring *ring, uint32_t offset, uint32_t length, struct span *data, struct span *more)
{
    uint32_t at, first;

    *data = *more = span_of(NULL, 0);
    if (length == 0)
        return;
    g_assert(offset + length <= ring->used);
    at = (ring->head + offset) & (ring->capacity - 1);
    first = MIN(length, ring->capacity - at);
    *data = span_of(ring->bytes + at, first);
    if (length > first)
        *more = span_of(ring->bytes, length - first);
}

void
tcp_ring_take(struct tcp_ring *ring, void *to, uint32_t length)
{
    struct span data, more;

    if (length == 0)
        return;
    if (to) {
        tcp_ring_look(ring, 0, length, &data, &more);
        memcpy(to, data.bytes, data.length);
        if (more.length > 0)
            memcpy((uint8_t *)to + data.length, more.bytes, more.length);
    }
    g_assert(length <= ring->used);
    ring->used -= length;
    ring->head = (ring->head + length) & (ring->capacity - 1);
}
