/* Blocks of ports: each internal address has ports of its own, so that a provider need only write down who had which
 * block, or, where it depends on nothing but the address, nothing at all.
 *
 * Each external address is cut into blocks of equal size, from the lowest port of the range on; what is left at the top
 * is given to nobody. A block is granted to one internal address, its *owner*, with the first mapping that needs it, and
 * released when no mapping is in it any more; it may then rest for a while (RFC 6888 REQ-8).
 *
 * Deterministic blocks (RFC 7422): of S internal addresses and P external ones, C = S / P, rounded up, share one
 * external address. The i-th internal address, counted from 0, owns block i mod C of external address i / C for ever:
 * that costs no state and is nothing to write down. The blocks above the first C of an address are granted like others
 * to owners of that address who need a further one.
 *
 * Blocks are known by numbers from 1 up; a pointer to one is good until the next grant. */
#ifndef NAT_BLOCKS_H
#define NAT_BLOCKS_H

#include "core/base/hash.h"
#include "nat/mappings.h"
#include "nat/ports.h"

/* How the external addresses are cut. */
struct block_plan {
    uint32_t low, size, per_address;
    uint32_t fixed; /* so many of each address are somebody's for ever: RFC 7422's C, at most per_address */
    uint32_t ratio; /* C itself; 0: nothing is deterministic */
};

/* The plan for a range of ports, with `subscribers` internal and `addresses` external ones. False when there are to be no
 * blocks. */
bool block_plan_make(const struct nat_block_options *options, struct port_range range, uint64_t subscribers,
                     uint64_t addresses, struct block_plan *plan);

/* The ports of an address's n-th block, and which block a port is in, per_address when it is in none. */
struct port_range block_plan_ports(const struct block_plan *plan, uint32_t n);
uint32_t block_plan_at(const struct block_plan *plan, uint16_t port);

struct block {
    struct address owner, external; /* the owner is none: it is free */
    uint32_t index;                 /* which of its address's */
    uint32_t used;                  /* mappings in it */
    uint32_t of[NAT_PROTOCOLS];     /* of these, by nat_protocol_index */
    uint32_t next;                  /* of the same owner, in the order of granting */
    int64_t rests;                  /* is not granted again before */
};

/* The last search that found no port, or no block: it needn't be repeated until a mapping has ended, or what rests has
 * rested. */
struct exhaustion {
    uint64_t ended; /* mappings that had ended then, plus one; 0: no search has failed */
    int64_t until;
    struct address external;
    struct port_range range;
    uint8_t protocol;
};

struct blocks;

struct blocks *blocks_new(const struct block_plan *plan);
void blocks_free(struct blocks *blocks);
size_t blocks_bytes(const struct blocks *blocks);
const struct block_plan *blocks_plan(const struct blocks *blocks);
/* Of blocks, for who grants them. */
struct exhaustion *blocks_exhausted(struct blocks *blocks);
const struct block *block_at(const struct blocks *blocks, uint32_t number);

/* The owner's first block, 0 for none; its others follow by `next`. */
uint32_t blocks_first(const struct blocks *blocks, struct address owner);

/* Grants the next free block of an external address in turn; 0 when there is none. */
uint32_t blocks_grant(struct blocks *blocks, struct address owner, struct address external, int64_t now);

/* The granted block that an external endpoint is in; 0 when it is in none. */
uint32_t blocks_find(const struct blocks *blocks, const struct endpoint *external);

/* One more mapping is in the block. */
void blocks_enter(struct blocks *blocks, uint32_t number, uint8_t protocol);
/* One less. True when it was the last: the block is to be released. */
bool blocks_leave(struct blocks *blocks, uint32_t number, uint8_t protocol);
/* The block is nobody's any more, and is granted again from `rests` on. */
void blocks_release(struct blocks *blocks, uint32_t number, int64_t rests);

/* When the first block that rests may be granted again; TIME_NEVER when none rests. */
int64_t blocks_wake(const struct blocks *blocks, int64_t now);

/* Calls `tell` for each block that is granted, in the order of addresses' first use and of their blocks. */
void blocks_each(const struct blocks *blocks, void (*tell)(void *user, const struct block *block), void *user);

#endif
