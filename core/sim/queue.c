/* Theory of operation
 *
 * A time is read as seven digits of nine bits. There is one wheel for each digit, with 512 slots; a slot is a list.
 * All wheels stand around one time, the `origin`: an event belongs to the wheel of the highest digit in which its time
 * differs from the origin, and there to the slot of that digit's value (its time equal to the origin: wheel 0). So
 *
 * - whatever waits on a wheel is earlier than whatever waits on a higher one, and a lower slot is earlier than a higher
 *   one: the first event is in the first occupied slot, counted through all wheels, which two levels of bitmap find;
 * - the place follows from time and origin alone, so events of one time always share a list. Events are appended, and
 *   lists are moved from front to back: a list keeps the order of scheduling, without a number to compare;
 * - a slot of wheel 0 holds events of one time only.
 *
 * When the first slot holds more than a few events, it is *entered*: the origin moves to the start of the slot and its
 * events go to the wheels below. An event only ever goes down, hence seven times at most. A slot with few events is
 * not worth it: its earliest is picked out by looking at each, and the origin stays behind. So the origin need not be
 * near the present: in a sparse world it stays where it is while slot after slot is picked empty. Where the few turn
 * out to be of one time, as packets that keep step are, all of them become *ready* at once.
 *
 * The ready list is in exact order and comes before all wheels: everything up to `ready_last` stands there. What is
 * scheduled for such a time finds its place from the end of the list. Where many stand in the way, the list is
 * *spilled*: all of it goes back to the wheels.
 *
 * Cancelling unlinks, nothing else: lists are rings through their head, so no place has to be known. The bit of a slot
 * that ran empty so is cleared when it comes first.
 *
 * Entering happens when somebody asks for the first event, and then an earlier one may be scheduled still (not before
 * `floor`, the time of the last one popped). A time before the origin belongs to no wheel; it counts as ready. To
 * spill such events the queue *retreats* to an earlier origin: the wheels below the highest digit in which the two
 * origins differ are parked at the slot of that digit on its wheel. They come back when that slot is entered again.
 * Meanwhile later events for that slot queue up in its list; they are dealt out behind those in the parked wheels,
 * after which they were scheduled. Both ways this costs one splice for each occupied slot, however many events wait
 * there. A wheel that is parked takes along what is parked at its own slots. */
#include "core/sim/queue.h"

#include <glib.h>

#include "core/sim/slab.h"

#define DIGIT_BITS 9
#define SLOTS (1 << DIGIT_BITS)
#define WHEELS (63 / DIGIT_BITS) /* no time is negative */
#define WORDS (SLOTS / 64)       /* of a wheel's bitmap of occupied slots; 56 words for all wheels */
#define FEW 6                    /* so many in a slot are looked through at each pop; more are dealt out */
#define FAR 12                   /* so far from the end of the ready list an event may find its place */

/* What finds the first event belongs into the pop, though it has another caller. */
#define HOT inline __attribute__((always_inline))

/* A wheel that is parked. */
struct wheel {
    uint64_t occupied[WORDS];       /* slots that hold events, have wheels parked, or held events that were cancelled */
    struct parked *parked;          /* at slots of this wheel, lowest slot first */
    struct event_link slots[SLOTS]; /* rings of events; only those of occupied slots are valid */
};

struct parked {
    struct parked *next;
    int64_t origin;
    unsigned slot;
    struct wheel *wheels[WHEELS]; /* NULL where nothing waited */
};

/* The wheels stand here by their members. A slot is numbered through all wheels: level * SLOTS + digit. */
struct queue {
    struct event_link ready; /* the events not after `ready_last`, in order */
    int64_t ready_last, origin, floor;
    uint64_t count;
    uint64_t occupied; /* words of slots_occupied that are not 0 */
    uint32_t parking;  /* wheels with something parked */
    uint64_t slots_occupied[WHEELS * WORDS];
    struct parked *parked[WHEELS];
    struct event_link slots[WHEELS * SLOTS]; /* all valid */
    struct slab wheel_slab, parked_slab;
};

/* The wheel of the highest digit in which two times differ. */
static inline unsigned
wheel_between(int64_t a, int64_t b)
{
    unsigned bit = 63 - (unsigned)__builtin_clzll((uint64_t)(a ^ b) | 1);

    return bit / DIGIT_BITS;
}

/* The slot of a time on the wheel of `level`. */
static inline unsigned
slot_of(int64_t at, unsigned level)
{
    return level * SLOTS + ((uint64_t)at >> (level * DIGIT_BITS) & (SLOTS - 1));
}

/* The first time that belongs to a slot. */
static inline int64_t
slot_start(const struct queue *queue, unsigned slot)
{
    unsigned shift = slot / SLOTS * DIGIT_BITS;
    uint64_t above = (uint64_t)queue->origin >> shift >> DIGIT_BITS << DIGIT_BITS;

    return (int64_t)((above | slot % SLOTS) << shift);
}

static inline void
mark_occupied(struct queue *queue, unsigned slot)
{
    queue->slots_occupied[slot / 64] |= UINT64_C(1) << slot % 64;
    queue->occupied |= UINT64_C(1) << slot / 64;
}

static inline void
mark_empty(struct queue *queue, unsigned slot)
{
    queue->slots_occupied[slot / 64] &= ~(UINT64_C(1) << slot % 64);
    if (queue->slots_occupied[slot / 64] == 0)
        queue->occupied &= ~(UINT64_C(1) << slot / 64);
}

/* The first occupied slot; there is one. */
static inline unsigned
first_occupied(const struct queue *queue)
{
    unsigned word = (unsigned)__builtin_ctzll(queue->occupied);

    return word * 64 + (unsigned)__builtin_ctzll(queue->slots_occupied[word]);
}

static inline bool
list_is_empty(const struct event_link *list)
{
    return list->next == list;
}

static inline void
list_insert_after(struct event_link *before, struct event_link *link)
{
    struct event_link *next = before->next;

    link->next = next;
    link->previous = before;
    before->next = link;
    next->previous = link;
}

static inline void
list_append(struct event_link *list, struct event_link *link)
{
    struct event_link *last = list->previous;

    link->next = list;
    link->previous = last;
    last->next = link;
    list->previous = link;
}

static inline void
list_unlink(struct event_link *link)
{
    link->previous->next = link->next;
    link->next->previous = link->previous;
}

static inline void
list_reset(struct event_link *list)
{
    list->next = list->previous = list;
}

/* Moves what `from` holds to `to`, whatever that held before. */
static void
list_move(struct event_link *from, struct event_link *to)
{
    if (list_is_empty(from)) {
        list_reset(to);
        return;
    }
    to->next = from->next;
    to->previous = from->previous;
    to->next->previous = to->previous->next = to;
    list_reset(from);
}

/* Takes what the wheel of `level` holds off to `wheel`. */
static void
wheel_park(struct queue *queue, unsigned level, struct wheel *wheel)
{
    for (unsigned word = 0; word < WORDS; word++) {
        uint64_t *occupied = &queue->slots_occupied[level * WORDS + word];

        wheel->occupied[word] = *occupied;
        for (; *occupied; *occupied &= *occupied - 1) {
            unsigned digit = word * 64 + (unsigned)__builtin_ctzll(*occupied);

            list_move(&queue->slots[level * SLOTS + digit], &wheel->slots[digit]);
        }
        queue->occupied &= ~(UINT64_C(1) << (level * WORDS + word));
    }
    wheel->parked = queue->parked[level];
    queue->parked[level] = NULL;
    queue->parking &= ~(UINT32_C(1) << level);
}

/* Puts it back. The wheel of `level` is empty. */
static void
wheel_bring_back(struct queue *queue, unsigned level, struct wheel *wheel)
{
    for (unsigned word = 0; word < WORDS; word++) {
        for (uint64_t left = wheel->occupied[word]; left; left &= left - 1) {
            unsigned digit = word * 64 + (unsigned)__builtin_ctzll(left);

            list_move(&wheel->slots[digit], &queue->slots[level * SLOTS + digit]);
            mark_occupied(queue, level * SLOTS + digit);
        }
    }
    queue->parked[level] = wheel->parked;
    if (wheel->parked)
        queue->parking |= UINT32_C(1) << level;
}

struct queue *
queue_new(void)
{
    struct queue *queue = g_new0(struct queue, 1);

    slab_init(&queue->wheel_slab, sizeof(struct wheel));
    slab_init(&queue->parked_slab, sizeof(struct parked));
    for (unsigned slot = 0; slot < WHEELS * SLOTS; slot++)
        list_reset(&queue->slots[slot]);
    list_reset(&queue->ready);
    queue->ready_last = -1;
    return queue;
}

void
queue_free(struct queue *queue)
{
    if (!queue)
        return;
    slab_clear(&queue->wheel_slab);
    slab_clear(&queue->parked_slab);
    g_free(queue);
}

/* Appends an event, whose time is not before the origin, where it belongs. */
static inline void
place(struct queue *queue, struct event *event)
{
    unsigned slot = slot_of(event->at, wheel_between(event->at, queue->origin));

    list_append(&queue->slots[slot], &event->link);
    mark_occupied(queue, slot);
}

static inline bool
has_parked(const struct queue *queue, unsigned slot)
{
    return G_UNLIKELY(queue->parking & UINT32_C(1) << slot / SLOTS) && queue->parked[slot / SLOTS]->slot == slot;
}

/* Moves the origin back to `origin`; what waits around the present one and not around that is parked. */
static void G_GNUC_NO_INLINE
retreat(struct queue *queue, int64_t origin)
{
    unsigned level = wheel_between(origin, queue->origin);
    uint64_t below = (UINT64_C(1) << level * WORDS) - 1; /* the words of the wheels below */

    if (queue->occupied & below) {
        struct parked *parked = slab_take(&queue->parked_slab);

        *parked = (struct parked){ .next = queue->parked[level], .slot = slot_of(queue->origin, level),
                                   .origin = queue->origin };
        while (queue->occupied & below) {
            unsigned i = first_occupied(queue) / SLOTS;

            parked->wheels[i] = slab_take(&queue->wheel_slab);
            wheel_park(queue, i, parked->wheels[i]);
        }
        queue->parked[level] = parked;
        queue->parking |= UINT32_C(1) << level;
        mark_occupied(queue, parked->slot);
    }
    queue->origin = origin;
}

/* Brings back what is parked first on the wheel of `level`. The wheels below it are empty. */
static void
bring_back(struct queue *queue, unsigned level)
{
    struct parked *parked = queue->parked[level];

    queue->parked[level] = parked->next;
    if (!parked->next)
        queue->parking &= ~(UINT32_C(1) << level);
    for (unsigned i = 0; i < level; i++) {
        if (parked->wheels[i]) {
            wheel_bring_back(queue, i, parked->wheels[i]);
            slab_return(&queue->wheel_slab, parked->wheels[i]);
        }
    }
    queue->origin = parked->origin;
    slab_return(&queue->parked_slab, parked);
}

/* Moves the origin into the first slot, and what waits there to the wheels below. */
static void G_GNUC_NO_INLINE
enter(struct queue *queue, unsigned slot)
{
    struct event_link *list = &queue->slots[slot], *link = list->next, *last = list->previous;
    int64_t start = slot_start(queue, slot);
    bool parked = has_parked(queue, slot);

    list_reset(list);
    mark_empty(queue, slot);
    if (parked)
        bring_back(queue, slot / SLOTS);
    if (link == list)
        return;
    if (parked)
        retreat(queue, start);
    else
        queue->origin = start;
    while (link != list) {
        struct event_link *next = link->next;

        /* A list of thousands is cold, and following it costs a cache miss for each event. A second eye that follows it
         * from the back has its misses meanwhile. Past the middle it meets moved events, to no effect. */
        last = last->previous;
        __builtin_prefetch(last);
        place(queue, (struct event *)link);
        link = next;
    }
}

static inline int64_t
time_of(const struct event_link *link)
{
    return ((const struct event *)link)->at;
}

/* The earliest event of a list, the first such one, and whether all are of its time. NULL when there are more than a
 * few. The list is not empty. */
static HOT struct event *
earliest(const struct event_link *list, bool *same)
{
    struct event *found = (struct event *)list->next;
    int64_t first = found->at;
    uint64_t difference = 0;
    unsigned looked_at = 1;

    for (struct event_link *link = found->link.next; link != list; link = link->next) {
        int64_t at = time_of(link);

        if (++looked_at > FEW)
            return NULL;
        difference |= (uint64_t)(at ^ first);
        found = at < first ? (struct event *)link : found; /* no branch: it would be mispredicted */
        first = at < first ? at : first;
    }
    *same = difference == 0;
    return found;
}

/* The first event of the first slot, or NULL when the slot has to be entered. */
static HOT struct event *
look_into(struct queue *queue, unsigned slot)
{
    struct event_link *list = &queue->slots[slot];
    struct event *event = (struct event *)list->next;
    bool same = false;

    if (slot < SLOTS || event->link.next == list)
        return event;
    event = earliest(list, &same);
    if (same) {
        list_move(list, &queue->ready);
        queue->ready_last = event->at;
        mark_empty(queue, slot);
    }
    return event;
}

/* The first event on the wheels, when nothing is ready. NULL when there is none; also when it is certain to be after
 * `until`. */
static HOT struct event *
find_on_wheels(struct queue *queue, int64_t until)
{
    while (queue->occupied) {
        unsigned slot = first_occupied(queue);

        if (!has_parked(queue, slot)) {
            struct event *event;

            if (list_is_empty(&queue->slots[slot])) {
                mark_empty(queue, slot);
                continue;
            }
            event = look_into(queue, slot);
            if (event)
                return event;
        }
        if (slot_start(queue, slot) > until)
            return NULL;
        enter(queue, slot);
        queue->ready_last = queue->origin - 1;
    }
    return NULL;
}

static HOT struct event *
find_first(struct queue *queue, int64_t until)
{
    return list_is_empty(&queue->ready) ? find_on_wheels(queue, until) : (struct event *)queue->ready.next;
}

/* Puts all that is ready back on the wheels. */
static void
spill(struct queue *queue)
{
    struct event_link *link = queue->ready.next;

    if (queue->origin > queue->floor)
        retreat(queue, queue->floor);
    while (link != &queue->ready) {
        struct event_link *next = link->next;

        place(queue, (struct event *)link);
        link = next;
    }
    list_reset(&queue->ready);
    queue->ready_last = queue->floor - 1;
}

/* Behind whom in the ready list an event of this time belongs: behind those not later. NULL when it is far from the
 * end. */
static struct event_link *
find_place(const struct queue *queue, int64_t at)
{
    struct event_link *before = queue->ready.previous;

    for (unsigned passed = 0; before != &queue->ready && time_of(before) > at; passed++) {
        if (passed == FAR)
            return NULL;
        before = before->previous;
    }
    return before;
}

static void G_GNUC_NO_INLINE
insert_ready(struct queue *queue, struct event *event)
{
    struct event_link *before = find_place(queue, event->at);

    if (before) {
        list_insert_after(before, &event->link);
        return;
    }
    spill(queue);
    place(queue, event);
}

void
queue_schedule(struct queue *queue, struct event *event, int64_t at)
{
    if (event_pending(event))
        list_unlink(&event->link);
    else
        queue->count++;
    event->at = at > queue->floor ? at : queue->floor;
    if (event->at > queue->ready_last)
        place(queue, event);
    else
        insert_ready(queue, event);
}

void
queue_cancel(struct queue *queue, struct event *event)
{
    if (!event_pending(event))
        return;
    list_unlink(&event->link);
    event->link = (struct event_link){ NULL, NULL };
    queue->count--;
}

struct event *
queue_pop(struct queue *queue, int64_t until)
{
    struct event *event = find_first(queue, until);
    struct event_link *alone;

    if (!event || event->at > until)
        return NULL;
    alone = event->link.next == event->link.previous ? event->link.next : NULL; /* its list's head then */
    list_unlink(&event->link);
    event->link = (struct event_link){ NULL, NULL };
    if (alone && alone != &queue->ready)
        mark_empty(queue, (unsigned)(alone - queue->slots));
    queue->floor = event->at;
    queue->count--;
    return event;
}

int64_t
queue_next_time(struct queue *queue)
{
    const struct event *event = find_first(queue, TIME_NEVER);

    return event ? event->at : TIME_NEVER;
}

uint64_t
queue_count(const struct queue *queue)
{
    return queue->count;
}
