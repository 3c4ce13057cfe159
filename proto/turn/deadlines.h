/* What falls due, soonest first: a heap of deadlines that may be put off without touching it.
 *
 * Most deadlines here are put off again and again (a permission, a channel, an allocation), and few are ever met. So an
 * object that is put off keeps its entry, which comes up at the old time and is entered anew for the new one; only a
 * deadline that moves forward takes an entry more. An entry is told from an outdated one by its ticket, which the object
 * keeps: no two entries have the same. Entries of one instant come in the order of their tickets.
 *
 * An entry that its object has outlived or forgotten stays until its time, unless there get to be more of those than of
 * the others: then `turn_deadlines_crowded` says so, and `turn_deadlines_keep` throws them out. A machine: no io. */
#ifndef PROTO_TURN_DEADLINES_H
#define PROTO_TURN_DEADLINES_H

#include <stdbool.h>
#include <stdint.h>

struct turn_due {
    int64_t at;
    uint64_t ticket; /* never 0 */
    uint32_t kind, number; /* what it is about: the owner's */
};

/* All zero: none. */
struct turn_deadlines {
    struct turn_due *heap;
    uint32_t count, capacity;
    uint64_t tickets; /* given out so far */
};

void turn_deadlines_clear(struct turn_deadlines *deadlines);

/* The ticket of the new entry. */
uint64_t turn_deadlines_push(struct turn_deadlines *deadlines, int64_t at, uint32_t kind, uint32_t number);

/* Takes off the soonest entry that is due at `now`; false when there is none. */
bool turn_deadlines_pop(struct turn_deadlines *deadlines, int64_t now, struct turn_due *due);

/* When the soonest entry is due; TIME_NEVER without one. */
int64_t turn_deadlines_next(const struct turn_deadlines *deadlines);

/* Whether there are far more entries than the `live` ones. */
bool turn_deadlines_crowded(const struct turn_deadlines *deadlines, uint32_t live);
/* Keeps the entries of which `is_live` is true. */
void turn_deadlines_keep(struct turn_deadlines *deadlines, bool (*is_live)(void *owner, const struct turn_due *due),
                         void *owner);

#endif
