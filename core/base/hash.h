/* A hash index: finds the number of an object by the hash of its key.
 *
 * The objects stand in an array or slab of the caller's and are known there by a number from 1 up. The index holds one
 * 8-byte slot for each: the hash and the number. A look-up runs over the slots whose hash is equal and the caller
 * compares the keys itself, so the index knows no key and the caller's objects hold no links:
 *
 *     uint32_t number, i;
 *
 *     for (i = hash_index_first(&index, hash); (number = hash_index_value(&index, i));
 *          i = hash_index_next(&index, i, hash))
 *         if (flow_equal(&table->mappings[number].flow, flow))
 *             break;
 *     ... number is the object's, or 0 when there is none
 *
 * Eight slots share a cache line and a run of occupied slots is short (the load stays under 3/4, linear probing,
 * deletion by shifting back, so there are no tombstones): a look-up usually costs one cache miss here and one for the
 * object it names. The caller's hash has to be mixed well in its low bits (mix64).
 *
 * An all-zero struct is an empty index and holds no memory; the first insertion takes some. It grows by doubling and
 * never shrinks. The order of its slots depends on hashes: never walk it where order shows. */
#ifndef CORE_BASE_HASH_H
#define CORE_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash_slot {
    uint32_t hash, value; /* value 0: the slot is empty */
};

struct hash_index {
    struct hash_slot *slots; /* NULL before the first insertion */
    uint32_t mask;           /* slots - 1; a power of two less one */
    uint32_t used;           /* values held */
};

/* Gives the memory back; the index is empty then and may be used again. */
void hash_index_clear(struct hash_index *index);

/* Adds `value`, not 0, under `hash`. Doesn't look whether it is there already: who inserts has looked up before.
 * Positions of a look-up under way are void after it. */
void hash_index_insert(struct hash_index *index, uint32_t hash, uint32_t value);

/* Takes `value` out, which was inserted under `hash`. False when it is not there. Positions of a look-up under way are
 * void after it. */
bool hash_index_remove(struct hash_index *index, uint32_t hash, uint32_t value);

/* The bytes held from the system. */
size_t hash_index_bytes(const struct hash_index *index);

/* The first position from `i` on that ends a step of the look-up: a slot of this hash or an empty one. */
static inline uint32_t
hash_index_seek(const struct hash_index *index, uint32_t i, uint32_t hash)
{
    while (index->slots[i].value != 0 && index->slots[i].hash != hash)
        i = (i + 1) & index->mask;
    return i;
}

/* The position of the first value under `hash`, or one where hash_index_value says 0. */
static inline uint32_t
hash_index_first(const struct hash_index *index, uint32_t hash)
{
    return index->slots ? hash_index_seek(index, hash & index->mask, hash) : 0;
}

/* The position after `i`, likewise. Only while hash_index_value at `i` is not 0. */
static inline uint32_t
hash_index_next(const struct hash_index *index, uint32_t i, uint32_t hash)
{
    return hash_index_seek(index, (i + 1) & index->mask, hash);
}

/* The value at a position of a look-up; 0 when the look-up is over. */
static inline uint32_t
hash_index_value(const struct hash_index *index, uint32_t i)
{
    return index->slots ? index->slots[i].value : 0;
}

#endif
