/* How much a world holds, by kind, and how much it may.
 *
 * What grows tells it in large steps: a slab by its chunks, a table by its arrays, so it costs a packet nothing. Nothing
 * is refused, because nobody on a packet's way could do anything about it: once more is held than may be, `told` is set,
 * and whoever runs the world looks (memory_is_full) and ends the run. Memory that stays with its owner for later use
 * counts until it is given back. */
#ifndef CORE_SIM_MEMORY_H
#define CORE_SIM_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

enum memory_kind {
    MEMORY_PACKETS,
    MEMORY_NODES,    /* with their ports, links, addresses and routes */
    MEMORY_MAPPINGS, /* of NATs and firewalls */
    MEMORY_STREAMS,  /* what TCP connections hold to be sent or read */
    MEMORY_LINKS,    /* fault lists, and what waits for a line */
    MEMORY_MESSAGES, /* of signalling, that wait for who reads them */
    MEMORY_KINDS
};

struct memory {
    uint64_t used, limit;      /* bytes */
    uint64_t of[MEMORY_KINDS]; /* the parts of `used` */
    bool *told;
};

static inline void
memory_take(struct memory *memory, enum memory_kind kind, uint64_t bytes)
{
    memory->of[kind] += bytes;
    memory->used += bytes;
    if (memory->used > memory->limit)
        *memory->told = true;
}

static inline void
memory_give(struct memory *memory, enum memory_kind kind, uint64_t bytes)
{
    memory->of[kind] -= bytes;
    memory->used -= bytes;
}

/* What an owner holds is `now` instead of `*counted`. */
static inline void
memory_recount(struct memory *memory, enum memory_kind kind, uint64_t *counted, uint64_t now)
{
    memory_give(memory, kind, *counted);
    memory_take(memory, kind, now);
    *counted = now;
}

static inline bool
memory_is_full(const struct memory *memory)
{
    return memory->used > memory->limit;
}

#endif
