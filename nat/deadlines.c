#include "nat/deadlines.h"

#include <glib.h>

#include "nat/array.h"

/* The order is total, so that what expires at one instant does so in the order of making. */
static bool
earlier(const struct deadline *a, const struct deadline *b)
{
    return a->at != b->at ? a->at < b->at : a->number < b->number;
}

static void
seat(struct deadlines *deadlines, uint32_t position, struct deadline deadline)
{
    deadlines->heap[position] = deadline;
    deadlines->seats[deadline.slot - 1] = position;
}

/* Puts `deadline` at the vacant `position` or above it, moving later ones down. */
static void
rise(struct deadlines *deadlines, uint32_t position, struct deadline deadline)
{
    while (position > 0) {
        uint32_t parent = (position - 1) / 2;

        if (!earlier(&deadline, &deadlines->heap[parent]))
            break;
        seat(deadlines, position, deadlines->heap[parent]);
        position = parent;
    }
    seat(deadlines, position, deadline);
}

/* Puts `deadline` at the vacant `position` or below it, of a heap of `count`. */
static void
sink(struct deadlines *deadlines, uint32_t position, uint32_t count, struct deadline deadline)
{
    for (;;) {
        uint32_t child = position * 2 + 1;

        if (child >= count)
            break;
        if (child + 1 < count && earlier(&deadlines->heap[child + 1], &deadlines->heap[child]))
            child++;
        if (!earlier(&deadlines->heap[child], &deadline))
            break;
        seat(deadlines, position, deadlines->heap[child]);
        position = child;
    }
    seat(deadlines, position, deadline);
}

static void
make_room(struct deadlines *deadlines, uint32_t slot)
{
    if (deadlines->count == deadlines->capacity) {
        deadlines->capacity = array_room(deadlines->capacity);
        deadlines->heap = g_renew(struct deadline, deadlines->heap, deadlines->capacity);
    }
    if (slot > deadlines->seats_capacity) {
        deadlines->seats_capacity = MAX(slot, array_room(deadlines->seats_capacity));
        deadlines->seats = g_renew(uint32_t, deadlines->seats, deadlines->seats_capacity);
    }
}

void
deadlines_add(struct deadlines *deadlines, struct deadline deadline)
{
    make_room(deadlines, deadline.slot);
    rise(deadlines, deadlines->count++, deadline);
}

void
deadlines_hasten(struct deadlines *deadlines, uint32_t slot, int64_t at)
{
    uint32_t position = deadlines->seats[slot - 1];
    struct deadline deadline = deadlines->heap[position];

    deadline.at = at;
    if (earlier(&deadline, &deadlines->heap[position]))
        rise(deadlines, position, deadline);
}

void
deadlines_remove(struct deadlines *deadlines, uint32_t slot)
{
    uint32_t position = deadlines->seats[slot - 1];
    uint32_t count = --deadlines->count;
    struct deadline last = deadlines->heap[count];

    if (position == count)
        return;
    if (earlier(&last, &deadlines->heap[position]))
        rise(deadlines, position, last);
    else
        sink(deadlines, position, count, last);
}

void
deadlines_put_off(struct deadlines *deadlines, int64_t at)
{
    struct deadline deadline = deadlines->heap[0];

    deadline.at = at;
    sink(deadlines, 0, deadlines->count, deadline);
}

void
deadlines_clear(struct deadlines *deadlines)
{
    g_free(deadlines->heap);
    g_free(deadlines->seats);
    *deadlines = (struct deadlines){ .heap = NULL };
}

size_t
deadlines_bytes(const struct deadlines *deadlines)
{
    return deadlines->capacity * sizeof *deadlines->heap + deadlines->seats_capacity * sizeof *deadlines->seats;
}
