/* Deadlines: which of many things ends next. A binary heap, lazily kept.
 *
 * Things are known by slots from 1 up, and by numbers that say which of equals is older. A deadline that moves to a
 * later time, which is what nearly every packet does, leaves the heap alone: who asks for the first compares it with
 * the thing's own deadline and puts it off (deadlines_put_off) when that is later. One that moves to an earlier time has
 * to be told. An all-zero struct is empty and holds no memory. */
#ifndef NAT_DEADLINES_H
#define NAT_DEADLINES_H

#include <stddef.h>

#include "core/base/time.h"

/* The earliest time at which a thing may be due. */
struct deadline {
    int64_t at;
    uint32_t slot, number;
};

struct deadlines {
    struct deadline *heap;
    uint32_t *seats; /* by slot, from 1: where it stands in the heap */
    uint32_t count, capacity, seats_capacity;
};

void deadlines_add(struct deadlines *deadlines, struct deadline deadline);
/* Its deadline is earlier than it was. */
void deadlines_hasten(struct deadlines *deadlines, uint32_t slot, int64_t at);
void deadlines_remove(struct deadlines *deadlines, uint32_t slot);
/* The first one's deadline is later than the heap says. */
void deadlines_put_off(struct deadlines *deadlines, int64_t at);

/* Nothing is due before; TIME_NEVER when there is nothing at all. */
static inline int64_t
deadlines_wake(const struct deadlines *deadlines)
{
    return deadlines->count ? deadlines->heap[0].at : TIME_NEVER;
}

void deadlines_clear(struct deadlines *deadlines);
size_t deadlines_bytes(const struct deadlines *deadlines);

#endif
