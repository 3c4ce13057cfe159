/* Theory of operation
 *
 * A time is read as eleven digits of six bits. There is one wheel for each digit, with 64 slots; a slot is a list. All
 * wheels stand around one time, the `origin`: an event belongs to the wheel of the highest digit in which its time
 * differs from the origin, and there to the slot of that digit's value (its time equal to the origin: wheel 0). So
 *
 * - whatever waits on a wheel is earlier than whatever waits on a higher one, and a lower slot is earlier than a higher
 *   one: the first event is in the lowest occupied slot of the lowest occupied wheel, which two bitmaps find;
 * - the place follows from time and origin alone, so events of one time always share a list. Events are appended, and
 *   lists are moved from front to back: a list keeps the order of scheduling, without a number to compare;
 * - a slot of wheel 0 holds events of one time only.
 *
 * When the first slot holds more than a few events, it is *entered*: the origin moves to the start of the slot and its
 * events go to the wheels below. An event only ever goes down, hence eleven times at most. A slot with few events is
 * not worth it: its earliest is picked out by looking at each, and the origin stays behind. So the origin need not be
 * near the present: in a sparse world it stays where it is while slot after slot is picked empty.
 *
 * Cancelling unlinks, nothing else: lists are rings through their slot, so no place has to be known. The bit of a slot
 * that ran empty so is cleared when it comes first.
 *
 * Entering happens when somebody asks for the first event, and then an earlier one may be scheduled still (not before
 * `floor`, the time of the last one popped). A time before the origin belongs to no wheel, so the queue *retreats* to
 * an earlier origin: the wheels below the highest digit in which the two origins differ are parked at the slot of that
 * digit on its wheel. They come back when that slot is entered again. Meanwhile later events for that slot queue up in
 * its list; they are dealt out behind those in the parked wheels, after which they were scheduled. Both ways this costs
 * one splice for each occupied slot, however many events wait there. A wheel that is parked takes along what is parked
 * at its own slots. */
#include "core/sim/queue.h"

#include <glib.h>

#include "core/sim/slab.h"

#define DIGIT_BITS 6
#define SLOTS (1 << DIGIT_BITS)
#define WHEELS 11 /* of 6 bits each: a time has 63 */
#define FEW 4     /* so many in a slot are looked through, not dealt out */

struct parked;

struct wheel {
    uint64_t occupied;              /* slots that hold events, have wheels parked, or held events that were cancelled */
    struct parked *parked;          /* at slots of this wheel, lowest slot first */
    struct event_link slots[SLOTS]; /* rings of events */
};

struct parked {
    struct parked *next;
    int64_t origin;
    unsigned slot;
    uint32_t occupied;
    struct wheel *wheels[WHEELS]; /* NULL where nothing waited */
};

struct queue {
    int64_t origin, floor;
    uint64_t count;
    uint32_t occupied; /* wheels with an occupied slot */
    struct wheel wheels[WHEELS];
    struct slab wheel_slab, parked_slab;
};

/* The wheel of the highest digit in which two times differ. */
static inline unsigned
wheel_between(int64_t a, int64_t b)
{
    unsigned bit = 63 - (unsigned)__builtin_clzll((uint64_t)(a ^ b) | 1);

    return bit * 43 >> 8; /* bit / 6 for what bits there are */
}

static inline unsigned
digit_of(int64_t at, unsigned level)
{
    return (uint64_t)at >> (level * DIGIT_BITS) & (SLOTS - 1);
}

/* The first time that belongs to `slot` of wheel `level`. */
static inline int64_t
slot_start(const struct queue *queue, unsigned level, unsigned slot)
{
    uint64_t above = (uint64_t)queue->origin >> (level * DIGIT_BITS) >> DIGIT_BITS << DIGIT_BITS;

    return (int64_t)((above | slot) << (level * DIGIT_BITS));
}

static inline bool
list_is_empty(const struct event_link *list)
{
    return list->next == list;
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
list_empty(struct event_link *list)
{
    list->next = list->previous = list;
}

/* Moves what `from` holds to `to`, whatever that held before. */
static void
list_move(struct event_link *from, struct event_link *to)
{
    if (list_is_empty(from)) {
        list_empty(to);
        return;
    }
    *to = *from;
    to->next->previous = to->previous->next = to;
    list_empty(from);
}

/* Only slots marked as occupied are looked at: the others of `from` are empty, and those of `to` are left as they are. */
static void
wheel_move(struct wheel *from, struct wheel *to)
{
    for (uint64_t left = from->occupied; left; left &= left - 1) {
        unsigned slot = (unsigned)__builtin_ctzll(left);

        list_move(&from->slots[slot], &to->slots[slot]);
    }
    to->occupied = from->occupied;
    to->parked = from->parked;
    from->occupied = 0;
    from->parked = NULL;
}

struct queue *
queue_new(void)
{
    struct queue *queue = g_new0(struct queue, 1);

    slab_init(&queue->wheel_slab, sizeof(struct wheel));
    slab_init(&queue->parked_slab, sizeof(struct parked));
    for (unsigned level = 0; level < WHEELS; level++)
        for (unsigned slot = 0; slot < SLOTS; slot++)
            list_empty(&queue->wheels[level].slots[slot]);
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
    unsigned level = wheel_between(event->at, queue->origin);
    unsigned slot = digit_of(event->at, level);
    struct wheel *wheel = &queue->wheels[level];

    list_append(&wheel->slots[slot], &event->link);
    wheel->occupied |= UINT64_C(1) << slot;
    queue->occupied |= UINT32_C(1) << level;
}

static inline void
mark_empty(struct queue *queue, unsigned level, unsigned slot)
{
    struct wheel *wheel = &queue->wheels[level];

    wheel->occupied &= ~(UINT64_C(1) << slot);
    if (wheel->occupied == 0)
        queue->occupied &= ~(UINT32_C(1) << level);
}

/* Moves the origin back to `origin`; what waits around the present one and not around that is parked. */
static void G_GNUC_NO_INLINE
retreat(struct queue *queue, int64_t origin)
{
    unsigned level = wheel_between(origin, queue->origin);
    uint32_t below = queue->occupied & ((UINT32_C(1) << level) - 1);

    if (below) {
        struct wheel *wheel = &queue->wheels[level];
        struct parked *parked = slab_take(&queue->parked_slab);

        *parked = (struct parked){ .next = wheel->parked, .slot = digit_of(queue->origin, level), .occupied = below,
                                   .origin = queue->origin };
        for (unsigned i = 0; i < level; i++) {
            if (below & UINT32_C(1) << i) {
                parked->wheels[i] = slab_take(&queue->wheel_slab);
                wheel_move(&queue->wheels[i], parked->wheels[i]);
            }
        }
        wheel->parked = parked;
        wheel->occupied |= UINT64_C(1) << parked->slot;
        queue->occupied = (queue->occupied & ~below) | UINT32_C(1) << level;
    }
    queue->origin = origin;
}

/* Brings back the wheels that are parked first on a wheel above them all. The wheels below it are empty. */
static void
bring_back(struct queue *queue, struct wheel *wheel)
{
    struct parked *parked = wheel->parked;

    wheel->parked = parked->next;
    for (unsigned i = 0; i < WHEELS; i++) {
        if (parked->wheels[i]) {
            wheel_move(parked->wheels[i], &queue->wheels[i]);
            slab_return(&queue->wheel_slab, parked->wheels[i]);
        }
    }
    queue->occupied |= parked->occupied;
    queue->origin = parked->origin;
    slab_return(&queue->parked_slab, parked);
}

static inline bool
has_parked(const struct wheel *wheel, unsigned slot)
{
    return G_UNLIKELY(wheel->parked != NULL) && wheel->parked->slot == slot;
}

/* The earliest event of a list, the first such one; the list is not empty. Looks at `most` events, NULL when there are
 * more; at all of them when `most` is 0. */
static inline struct event *
earliest(const struct event_link *list, unsigned most)
{
    struct event *found = (struct event *)list->next;

    for (struct event_link *link = found->link.next; link != list; link = link->next) {
        struct event *event = (struct event *)link;

        if (--most == 0)
            return NULL;
        if (event->at < found->at)
            found = event;
    }
    return found;
}

/* Moves the origin into the first slot, and what waits there to the wheels below. */
static void
enter(struct queue *queue, unsigned level, unsigned slot)
{
    struct wheel *wheel = &queue->wheels[level];
    struct event_link *list = &wheel->slots[slot], *link = list->next, *last = list->previous;
    int64_t start = slot_start(queue, level, slot);
    bool parked = has_parked(wheel, slot);

    mark_empty(queue, level, slot);
    if (parked)
        bring_back(queue, wheel);
    if (link == list)
        return;
    if (parked)
        retreat(queue, start);
    else
        queue->origin = start;
    list_empty(list);
    while (link != list) {
        struct event_link *next = link->next;

        /* A list of thousands is cold, and following it costs a cache miss for each event. Another eye that follows it
         * from the back lets the misses of two overlap. Past the middle it sees moved events, to no effect. */
        last = last->previous;
        __asm__ volatile("" : : "r"(last));
        place(queue, (struct event *)link);
        link = next;
    }
}

/* The first event, and where it waits. NULL if there is none not after `until`, or, now and then, one that is. */
static inline struct event *
find_first(struct queue *queue, int64_t until, unsigned *level, unsigned *slot)
{
    while (queue->occupied) {
        *level = (unsigned)__builtin_ctz(queue->occupied);

        struct wheel *wheel = &queue->wheels[*level];

        *slot = (unsigned)__builtin_ctzll(wheel->occupied);

        const struct event_link *list = &wheel->slots[*slot];
        struct event *event = (struct event *)list->next;

        if (!has_parked(wheel, *slot)) {
            if (list_is_empty(list)) {
                mark_empty(queue, *level, *slot);
                continue;
            }
            if (*level == 0 || event->link.next == list)
                return event;
            event = earliest(list, FEW);
            if (event)
                return event;
        }
        if (slot_start(queue, *level, *slot) > until)
            return NULL;
        enter(queue, *level, *slot);
    }
    return NULL;
}

void
queue_schedule(struct queue *queue, struct event *event, int64_t at)
{
    if (event_pending(event))
        list_unlink(&event->link);
    else
        queue->count++;
    event->at = at > queue->floor ? at : queue->floor;
    if (G_UNLIKELY(event->at < queue->origin))
        retreat(queue, queue->floor);
    place(queue, event);
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
    unsigned level, slot;
    struct event *event = find_first(queue, until, &level, &slot);

    if (!event || event->at > until)
        return NULL;
    list_unlink(&event->link);
    event->link = (struct event_link){ NULL, NULL };
    if (list_is_empty(&queue->wheels[level].slots[slot]))
        mark_empty(queue, level, slot);
    queue->floor = event->at;
    queue->count--;
    return event;
}

int64_t
queue_next_time(struct queue *queue)
{
    unsigned level, slot;
    const struct event *event = find_first(queue, TIME_NEVER, &level, &slot);

    return event ? event->at : TIME_NEVER;
}

uint64_t
queue_count(const struct queue *queue)
{
    return queue->count;
}
