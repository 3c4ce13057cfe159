#include "core/live/timers.h"

/* What the seat of a timer holds. Places count from 1; 0 is out of the heap. */
struct seat {
    uint64_t place, order;
    int64_t due;
};

G_STATIC_ASSERT(sizeof(struct seat) <= sizeof(((struct io_timer *)NULL)->seat));

static struct seat *
seat_of(struct io_timer *timer)
{
    return (struct seat *)timer->seat;
}

static bool
goes_before(struct io_timer *a, struct io_timer *b)
{
    const struct seat *one = seat_of(a), *other = seat_of(b);

    return one->due < other->due || (one->due == other->due && one->order < other->order);
}

static void
sit(struct live_timers *timers, struct io_timer *timer, size_t place)
{
    timers->heap->pdata[place - 1] = timer;
    seat_of(timer)->place = place;
}

static struct io_timer *
at_place(const struct live_timers *timers, size_t place)
{
    return timers->heap->pdata[place - 1];
}

/* `place` is empty, and so to speak `timer` stands there: it goes where it belongs. */
static void
rise_or_sink(struct live_timers *timers, struct io_timer *timer, size_t place)
{
    size_t count = timers->heap->len, child;

    for (; place > 1 && goes_before(timer, at_place(timers, place / 2)); place /= 2)
        sit(timers, at_place(timers, place / 2), place);
    while ((child = 2 * place) <= count) {
        if (child < count && goes_before(at_place(timers, child + 1), at_place(timers, child)))
            child++;
        if (!goes_before(at_place(timers, child), timer))
            break;
        sit(timers, at_place(timers, child), place);
        place = child;
    }
    sit(timers, timer, place);
}

void
live_timers_remove(struct live_timers *timers, struct io_timer *timer)
{
    size_t place = seat_of(timer)->place;

    if (place == 0)
        return;

    struct io_timer *last = at_place(timers, timers->heap->len);

    seat_of(timer)->place = 0;
    g_ptr_array_set_size(timers->heap, (gint)timers->heap->len - 1);
    if (last != timer)
        rise_or_sink(timers, last, place);
}

void
live_timers_put(struct live_timers *timers, struct io_timer *timer, int64_t at, int64_t due)
{
    live_timers_remove(timers, timer);
    if (!timers->heap)
        timers->heap = g_ptr_array_new();
    timer->at = at;
    seat_of(timer)->due = due;
    seat_of(timer)->order = ++timers->armings;
    g_ptr_array_add(timers->heap, timer);
    rise_or_sink(timers, timer, timers->heap->len);
}

int64_t
live_timers_next(const struct live_timers *timers)
{
    return live_timers_count(timers) ? seat_of(at_place(timers, 1))->due : TIME_NEVER;
}

struct io_timer *
live_timers_pop(struct live_timers *timers, int64_t now)
{
    struct io_timer *first;

    if (live_timers_count(timers) == 0 || live_timers_next(timers) > now)
        return NULL;
    first = at_place(timers, 1);
    live_timers_remove(timers, first);
    return first;
}

size_t
live_timers_count(const struct live_timers *timers)
{
    return timers->heap ? timers->heap->len : 0;
}

void
live_timers_clear(struct live_timers *timers)
{
    if (timers->heap)
        g_ptr_array_free(timers->heap, TRUE);
    timers->heap = NULL;
}
