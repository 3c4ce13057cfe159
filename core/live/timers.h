/* The timers of one host, in a binary heap: in order of time, and of arming within one instant. A timer knows its place
 * (in its seat), so moving and taking out are O(log n). Knows no clock. */
#ifndef CORE_LIVE_TIMERS_H
#define CORE_LIVE_TIMERS_H

#include <glib.h>

#include "core/base/io.h"

/* Zeroed at first. */
struct live_timers {
    GPtrArray *heap; /* struct io_timer *; NULL before the first */
    uint64_t armings;
};

/* Sets `timer->at` to `at`. It becomes due at `due`, which is `at` or later. Moves it if it is there already. */
void live_timers_put(struct live_timers *timers, struct io_timer *timer, int64_t at, int64_t due);
/* To no effect on one that is not there. */
void live_timers_remove(struct live_timers *timers, struct io_timer *timer);

/* When the first is due; TIME_NEVER when there is none. */
int64_t live_timers_next(const struct live_timers *timers);
/* Takes out the first that is due by `now`; NULL when none is. */
struct io_timer *live_timers_pop(struct live_timers *timers, int64_t now);

size_t live_timers_count(const struct live_timers *timers);
void live_timers_clear(struct live_timers *timers);

#endif
