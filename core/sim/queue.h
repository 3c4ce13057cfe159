/* The event queue: what happens next, exactly.
 *
 * Events are embedded in whatever they belong to (a packet on a link, a timer), so scheduling allocates nothing and
 * cancelling is O(1). The order is exactly (time, order of scheduling): two events of one instant fire in the order
 * in which they were scheduled, wherever in the queue they waited. What an operation costs doesn't depend on how many
 * events wait or when they are due: an event is touched at most seven times in its life, two or three in practice.
 *
 * The queue borrows the events. An event must be cancelled (or have been popped) before its memory goes. An all-zero
 * event is one that does not wait. */
#ifndef CORE_SIM_QUEUE_H
#define CORE_SIM_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/time.h"

struct event_link {
    struct event_link *next, *previous;
};

struct event {
    struct event_link link;            /* the queue's; first in the struct; all zero when the event does not wait */
    int64_t at;                        /* when; valid while pending and while firing */
    void (*fire)(struct event *event); /* the owner sets it once */
    uint32_t mark;                     /* the owner's */
};

struct queue;

struct queue *queue_new(void);
void queue_free(struct queue *queue); /* events still waiting are forgotten, not fired */

static inline bool
event_pending(const struct event *event)
{
    return event->link.next != NULL;
}

/* Schedules `event` for `at`, moving it when it is pending already (it then counts as scheduled now). A time before the
 * last popped event's, or before 0, is taken as that time: the past cannot be scheduled. */
void queue_schedule(struct queue *queue, struct event *event, int64_t at);

/* Takes `event` out; nothing when it is not pending. */
void queue_cancel(struct queue *queue, struct event *event);

/* Takes out the first event with a time not after `until`, or NULL. The caller fires it. */
struct event *queue_pop(struct queue *queue, int64_t until);

/* The time of the first event, TIME_NEVER when there is none. */
int64_t queue_next_time(struct queue *queue);

uint64_t queue_count(const struct queue *queue);

#endif
