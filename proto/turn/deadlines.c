#include "proto/turn/deadlines.h"

#include <glib.h>

#include "core/base/time.h"

#define CROWD_LEAST 64

void
turn_deadlines_clear(struct turn_deadlines *deadlines)
{
    g_free(deadlines->heap);
    *deadlines = (struct turn_deadlines){ .tickets = deadlines->tickets };
}

static bool
is_before(const struct turn_due *a, const struct turn_due *b)
{
    return a->at < b->at || (a->at == b->at && a->ticket < b->ticket);
}

static void
rise(struct turn_due *heap, uint32_t at)
{
    struct turn_due due = heap[at];

    while (at > 0 && is_before(&due, &heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = due;
}

static void
sink(struct turn_due *heap, uint32_t count, uint32_t at)
{
    struct turn_due due = heap[at];

    for (;;) {
        uint32_t child = 2 * at + 1;

        if (child + 1 < count && is_before(&heap[child + 1], &heap[child]))
            child++;
        if (child >= count || !is_before(&heap[child], &due))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = due;
}

uint64_t
turn_deadlines_push(struct turn_deadlines *deadlines, int64_t at, uint32_t kind, uint32_t number)
{
    if (deadlines->count == deadlines->capacity) {
        deadlines->capacity = MAX(16, 2 * deadlines->capacity);
        deadlines->heap = g_renew(struct turn_due, deadlines->heap, deadlines->capacity);
    }
    deadlines->heap[deadlines->count] =
        (struct turn_due){ .at = at, .ticket = ++deadlines->tickets, .kind = kind, .number = number };
    rise(deadlines->heap, deadlines->count++);
    return deadlines->tickets;
}

bool
turn_deadlines_pop(struct turn_deadlines *deadlines, int64_t now, struct turn_due *due)
{
    if (deadlines->count == 0 || deadlines->heap[0].at > now)
        return false;
    *due = deadlines->heap[0];
    deadlines->count--;
    if (deadlines->count > 0) {
        deadlines->heap[0] = deadlines->heap[deadlines->count];
        sink(deadlines->heap, deadlines->count, 0);
    }
    return true;
}

int64_t
turn_deadlines_next(const struct turn_deadlines *deadlines)
{
    return deadlines->count ? deadlines->heap[0].at : TIME_NEVER;
}

bool
turn_deadlines_crowded(const struct turn_deadlines *deadlines, uint32_t live)
{
    return deadlines->count / 2 > live && deadlines->count > CROWD_LEAST;
}

void
turn_deadlines_keep(struct turn_deadlines *deadlines, bool (*is_live)(void *owner, const struct turn_due *due),
                    void *owner)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < deadlines->count; i++)
        if (is_live(owner, &deadlines->heap[i]))
            deadlines->heap[kept++] = deadlines->heap[i];
    deadlines->count = kept;
    for (uint32_t i = kept / 2; i-- > 0;)
        sink(deadlines->heap, kept, i);
}
