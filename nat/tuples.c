#include "nat/tuples.h"

#include <glib.h>

#include "core/base/time.h"
#include "nat/array.h"

struct tuple_entry {
    struct tuple tuple;
    int64_t until;
    uint32_t next, previous; /* in order of age; of the free ones */
};

static inline struct tuple_entry *
entry_at(const struct tuples *tuples, uint32_t number)
{
    return &tuples->list[number - 1];
}

static uint32_t
hash_tuple(const struct tuple *tuple)
{
    return (uint32_t)mix64(endpoint_hash(tuple->external) + mix64(endpoint_hash(tuple->remote) + tuple->protocol));
}

static uint32_t
find(const struct tuples *tuples, const struct tuple *tuple)
{
    uint32_t hash = hash_tuple(tuple), i, number;

    for (i = hash_index_first(&tuples->by_tuple, hash); (number = hash_index_value(&tuples->by_tuple, i));
         i = hash_index_next(&tuples->by_tuple, i, hash)) {
        const struct tuple *other = &entry_at(tuples, number)->tuple;

        if (other->protocol == tuple->protocol && endpoint_equal(other->external, tuple->external) &&
            endpoint_equal(other->remote, tuple->remote))
            break;
    }
    return number;
}

/* ---- the order of age */

static void
append(struct tuples *tuples, uint32_t number)
{
    struct tuple_entry *entry = entry_at(tuples, number);

    entry->next = 0;
    entry->previous = tuples->newest;
    if (tuples->newest)
        entry_at(tuples, tuples->newest)->next = number;
    else
        tuples->oldest = number;
    tuples->newest = number;
}

static void
take_out(struct tuples *tuples, uint32_t number)
{
    const struct tuple_entry *entry = entry_at(tuples, number);

    if (entry->previous)
        entry_at(tuples, entry->previous)->next = entry->next;
    else
        tuples->oldest = entry->next;
    if (entry->next)
        entry_at(tuples, entry->next)->previous = entry->previous;
    else
        tuples->newest = entry->previous;
}

/* ---- remembering and forgetting */

static void
forget(struct tuples *tuples, uint32_t number)
{
    struct tuple_entry *entry = entry_at(tuples, number);

    take_out(tuples, number);
    hash_index_remove(&tuples->by_tuple, hash_tuple(&entry->tuple), number);
    entry->next = tuples->free;
    tuples->free = number;
    tuples->count--;
}

static void
forget_old(struct tuples *tuples, int64_t now)
{
    while (tuples->oldest && entry_at(tuples, tuples->oldest)->until <= now)
        forget(tuples, tuples->oldest);
}

static uint32_t
take_entry(struct tuples *tuples)
{
    uint32_t number = tuples->free;

    tuples->count++;
    if (number) {
        tuples->free = entry_at(tuples, number)->next;
        return number;
    }
    if (tuples->slots == tuples->capacity) {
        tuples->capacity = array_room(tuples->capacity);
        tuples->list = g_renew(struct tuple_entry, tuples->list, tuples->capacity);
    }
    return ++tuples->slots;
}

void
tuples_remember(struct tuples *tuples, const struct tuple *tuple, int64_t until, int64_t now)
{
    uint32_t number = find(tuples, tuple);

    if (number) {
        take_out(tuples, number);
    } else {
        forget_old(tuples, now);
        if (tuples->count >= TUPLES_MAX)
            forget(tuples, tuples->oldest);
        number = take_entry(tuples);
        entry_at(tuples, number)->tuple = *tuple;
        hash_index_insert(&tuples->by_tuple, hash_tuple(tuple), number);
    }
    entry_at(tuples, number)->until = until;
    append(tuples, number);
}

bool
tuples_know(const struct tuples *tuples, const struct tuple *tuple, int64_t now)
{
    uint32_t number = tuples->count ? find(tuples, tuple) : 0;

    return number && now < entry_at(tuples, number)->until;
}

int64_t
tuples_first(struct tuples *tuples, int64_t now)
{
    forget_old(tuples, now);
    return tuples->oldest ? entry_at(tuples, tuples->oldest)->until : TIME_NEVER;
}

void
tuples_clear(struct tuples *tuples)
{
    hash_index_clear(&tuples->by_tuple);
    g_free(tuples->list);
    *tuples = (struct tuples){ 0 };
}

size_t
tuples_bytes(const struct tuples *tuples)
{
    return tuples->capacity * sizeof *tuples->list + hash_index_bytes(&tuples->by_tuple);
}
