#include "core/base/hash.h"

#include <glib.h>

#define FIRST_SLOTS 8 /* a cache line */

static void
put(struct hash_index *index, struct hash_slot slot)
{
    uint32_t i = slot.hash & index->mask;

    while (index->slots[i].value != 0)
        i = (i + 1) & index->mask;
    index->slots[i] = slot;
}

static void
grow(struct hash_index *index)
{
    struct hash_index larger = { .used = index->used };
    size_t slots = index->slots ? ((size_t)index->mask + 1) * 2 : FIRST_SLOTS;

    g_assert(slots <= (size_t)UINT32_MAX + 1);
    larger.slots = g_new0(struct hash_slot, slots);
    larger.mask = (uint32_t)(slots - 1);
    for (size_t i = 0; index->slots && i <= index->mask; i++)
        if (index->slots[i].value != 0)
            put(&larger, index->slots[i]);
    g_free(index->slots);
    *index = larger;
}

void
hash_index_clear(struct hash_index *index)
{
    g_free(index->slots);
    *index = (struct hash_index){ 0 };
}

void
hash_index_insert(struct hash_index *index, uint32_t hash, uint32_t value)
{
    g_assert(value != 0);
    if (!index->slots || (uint64_t)(index->used + 1) * 4 > ((uint64_t)index->mask + 1) * 3)
        grow(index);
    put(index, (struct hash_slot){ hash, value });
    index->used++;
}

/* Closes the gap at `gap`: each follower that may stand there (its home is not behind the gap) moves back into it. */
static void
shift_back(struct hash_index *index, uint32_t gap)
{
    uint32_t mask = index->mask;

    for (uint32_t i = (gap + 1) & mask; index->slots[i].value != 0; i = (i + 1) & mask) {
        uint32_t home = index->slots[i].hash & mask;

        if (((i - home) & mask) < ((i - gap) & mask))
            continue;
        index->slots[gap] = index->slots[i];
        gap = i;
    }
    index->slots[gap] = (struct hash_slot){ 0, 0 };
}

bool
hash_index_remove(struct hash_index *index, uint32_t hash, uint32_t value)
{
    uint32_t i = hash_index_first(index, hash);
    uint32_t found;

    if (value == 0)
        return false;
    while ((found = hash_index_value(index, i)) != 0 && found != value)
        i = hash_index_next(index, i, hash);
    if (found == 0)
        return false;
    shift_back(index, i);
    index->used--;
    return true;
}

size_t
hash_index_bytes(const struct hash_index *index)
{
    return index->slots ? ((size_t)index->mask + 1) * sizeof *index->slots : 0;
}
