/* What a NAT remembers for a while about external endpoints that are no mapping's: ports that rest after they have become
 * free (RFC 6888 REQ-8), and those that an early packet in has poisoned.
 *
 * A tuple is a protocol, an external endpoint and a remote one (none where it doesn't matter). Each is remembered until
 * a time of its own, to the nanosecond. There is a most that is remembered: the oldest is forgotten first. An all-zero
 * struct is empty and holds nothing. */
#ifndef NAT_TUPLES_H
#define NAT_TUPLES_H

#include "core/base/hash.h"
#include "core/base/address.h"

#define TUPLES_MAX (1 << 20)

struct tuple {
    struct endpoint external, remote;
    uint8_t protocol;
};

struct tuple_entry;

struct tuples {
    struct tuple_entry *list;
    uint32_t slots, capacity, free, count;
    uint32_t oldest, newest; /* in the order in which they were remembered, or again */
    struct hash_index by_tuple;
};

/* Remembers the tuple until `until`, which may be later than before; never earlier than those before it were given,
 * as long as the option that sets the time stays the same. */
void tuples_remember(struct tuples *tuples, const struct tuple *tuple, int64_t until, int64_t now);

bool tuples_know(const struct tuples *tuples, const struct tuple *tuple, int64_t now);

/* The time until which the one that was remembered first is, of those that still are; TIME_NEVER when there is none. */
int64_t tuples_first(struct tuples *tuples, int64_t now);

void tuples_clear(struct tuples *tuples);
size_t tuples_bytes(const struct tuples *tuples);

#endif
