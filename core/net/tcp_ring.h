/* The bytes of one direction of a stream, between two ends that both move forward: a ring that grows to what it must
 * hold.
 *
 * Bytes are addressed by their distance from the head. A sender appends and, once they are acknowledged, takes them
 * off the front; a receiver may also place bytes behind a gap, which count as held only when the gap has been filled.
 * An all-zero ring is empty and holds no memory; one that has `memory` counts what it holds there. */
#ifndef CORE_NET_TCP_RING_H
#define CORE_NET_TCP_RING_H

#include "core/base/span.h"
#include "core/sim/memory.h"

struct tcp_ring {
    uint8_t *bytes;
    uint32_t capacity; /* a power of two, or 0 */
    uint32_t head;     /* where the first byte stands, below `capacity` */
    uint32_t used;     /* bytes held from the head on */
    struct memory *memory; /* the owner's, which sets it; or NULL */
};

void tcp_ring_clear(struct tcp_ring *ring);

/* Appends `length` bytes. */
void tcp_ring_append(struct tcp_ring *ring, const void *bytes, uint32_t length);

/* Writes bytes at `offset` from the head, at or behind the end of what is held; `used` stays. */
void tcp_ring_place(struct tcp_ring *ring, uint32_t offset, struct span bytes);
/* Bytes that have been placed right behind the end are held from now on. */
void tcp_ring_extend(struct tcp_ring *ring, uint32_t length);

/* The bytes from `offset` on, all of which are held, in one or two pieces, good until the ring changes. */
void tcp_ring_look(const struct tcp_ring *ring, uint32_t offset, uint32_t length, struct span *data, struct span *more);

/* Takes `length` bytes off the front, into `to` unless NULL. What has been placed behind a gap keeps its place. */
void tcp_ring_take(struct tcp_ring *ring, void *to, uint32_t length);

#endif
