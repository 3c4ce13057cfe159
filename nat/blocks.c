#include "nat/blocks.h"

#include "core/base/time.h"

/* The blocks of one external address stand in a row. */
struct row {
    struct address external;
    uint32_t first;  /* number of its first block */
    uint32_t cursor; /* of the n-th block: where the search for a free one begins */
};

struct blocks {
    struct block_plan plan;
    GArray *list; /* struct block */
    GArray *rows; /* struct row */
    struct hash_index by_external, by_owner; /* rows; first blocks */
    struct exhaustion exhausted;
};

/* ---- the plan */

bool
block_plan_make(const struct nat_block_options *options, struct port_range range, uint64_t subscribers,
                uint64_t addresses, struct block_plan *plan)
{
    uint64_t ports = (uint64_t)range.high - range.low + 1;
    uint64_t ratio = options->deterministic && addresses ? (subscribers + addresses - 1) / addresses : 0;
    uint64_t size = options->size;

    if (options->deterministic && !size)
        size = ports / MAX(ratio + options->dynamic, 1);
    if ((!options->deterministic && !size) || !addresses)
        return false;
    size = CLAMP(size, 1, ports);
    *plan = (struct block_plan){ .low = range.low, .size = (uint32_t)size, .per_address = (uint32_t)(ports / size) };
    plan->ratio = (uint32_t)MIN(ratio, UINT32_MAX);
    plan->fixed = MIN(plan->ratio, plan->per_address);
    return true;
}

struct port_range
block_plan_ports(const struct block_plan *plan, uint32_t n)
{
    uint32_t low = plan->low + n * plan->size;

    return (struct port_range){ (uint16_t)low, (uint16_t)(low + plan->size - 1) };
}

uint32_t
block_plan_at(const struct block_plan *plan, uint16_t port)
{
    return port < plan->low ? plan->per_address : MIN((port - plan->low) / plan->size, plan->per_address);
}

/* ---- the blocks */

struct blocks *
blocks_new(const struct block_plan *plan)
{
    struct blocks *blocks = g_new0(struct blocks, 1);

    blocks->plan = *plan;
    blocks->list = g_array_new(FALSE, FALSE, sizeof(struct block));
    blocks->rows = g_array_new(FALSE, FALSE, sizeof(struct row));
    return blocks;
}

void
blocks_free(struct blocks *blocks)
{
    if (!blocks)
        return;
    hash_index_clear(&blocks->by_external);
    hash_index_clear(&blocks->by_owner);
    g_array_unref(blocks->list);
    g_array_unref(blocks->rows);
    g_free(blocks);
}

size_t
blocks_bytes(const struct blocks *blocks)
{
    return sizeof *blocks + blocks->list->len * sizeof(struct block) + blocks->rows->len * sizeof(struct row) +
           hash_index_bytes(&blocks->by_external) + hash_index_bytes(&blocks->by_owner);
}

struct exhaustion *
blocks_exhausted(struct blocks *blocks)
{
    return &blocks->exhausted;
}

const struct block_plan *
blocks_plan(const struct blocks *blocks)
{
    return &blocks->plan;
}

static struct block *
at(const struct blocks *blocks, uint32_t number)
{
    return &g_array_index(blocks->list, struct block, number - 1);
}

const struct block *
block_at(const struct blocks *blocks, uint32_t number)
{
    return at(blocks, number);
}

static struct row *
find_row(const struct blocks *blocks, struct address external)
{
    uint32_t hash = (uint32_t)address_hash(external), i, number;

    for (i = hash_index_first(&blocks->by_external, hash); (number = hash_index_value(&blocks->by_external, i));
         i = hash_index_next(&blocks->by_external, i, hash)) {
        struct row *row = &g_array_index(blocks->rows, struct row, number - 1);

        if (address_equal(row->external, external))
            return row;
    }
    return NULL;
}

static struct row *
add_row(struct blocks *blocks, struct address external)
{
    struct row row = { external, blocks->list->len + 1, blocks->plan.fixed };

    for (uint32_t i = 0; i < blocks->plan.per_address; i++) {
        struct block block = { .external = external, .index = i };

        g_array_append_val(blocks->list, block);
    }
    g_array_append_val(blocks->rows, row);
    hash_index_insert(&blocks->by_external, (uint32_t)address_hash(external), blocks->rows->len);
    return &g_array_index(blocks->rows, struct row, blocks->rows->len - 1);
}

uint32_t
blocks_first(const struct blocks *blocks, struct address owner)
{
    uint32_t hash = (uint32_t)address_hash(owner), i, number;

    for (i = hash_index_first(&blocks->by_owner, hash); (number = hash_index_value(&blocks->by_owner, i));
         i = hash_index_next(&blocks->by_owner, i, hash))
        if (address_equal(at(blocks, number)->owner, owner))
            break;
    return number;
}

/* Puts a block at the end of its owner's. */
static void
give(struct blocks *blocks, uint32_t number, struct address owner)
{
    uint32_t last = blocks_first(blocks, owner);

    at(blocks, number)->owner = owner;
    at(blocks, number)->next = 0;
    if (!last) {
        hash_index_insert(&blocks->by_owner, (uint32_t)address_hash(owner), number);
        return;
    }
    while (at(blocks, last)->next)
        last = at(blocks, last)->next;
    at(blocks, last)->next = number;
}

uint32_t
blocks_grant(struct blocks *blocks, struct address owner, struct address external, int64_t now)
{
    const struct block_plan *plan = &blocks->plan;
    struct row *row = find_row(blocks, external);

    if (!row)
        row = add_row(blocks, external);
    for (uint32_t tries = plan->fixed; tries < plan->per_address; tries++) {
        uint32_t number = row->first + row->cursor;

        row->cursor = row->cursor + 1 < plan->per_address ? row->cursor + 1 : plan->fixed;
        if (address_is_none(at(blocks, number)->owner) && at(blocks, number)->rests <= now) {
            give(blocks, number, owner);
            return number;
        }
    }
    return 0;
}

uint32_t
blocks_find(const struct blocks *blocks, const struct endpoint *external)
{
    const struct row *row = find_row(blocks, external->address);
    uint32_t n = block_plan_at(&blocks->plan, external->port);

    if (!row || n >= blocks->plan.per_address || address_is_none(at(blocks, row->first + n)->owner))
        return 0;
    return row->first + n;
}

void
blocks_enter(struct blocks *blocks, uint32_t number, uint8_t protocol)
{
    at(blocks, number)->used++;
    at(blocks, number)->of[nat_protocol_index(protocol)]++;
}

bool
blocks_leave(struct blocks *blocks, uint32_t number, uint8_t protocol)
{
    at(blocks, number)->of[nat_protocol_index(protocol)]--;
    return --at(blocks, number)->used == 0;
}

void
blocks_release(struct blocks *blocks, uint32_t number, int64_t rests)
{
    struct block *block = at(blocks, number);
    uint32_t before = blocks_first(blocks, block->owner), hash = (uint32_t)address_hash(block->owner);

    if (before == number) {
        hash_index_remove(&blocks->by_owner, hash, number);
        if (block->next)
            hash_index_insert(&blocks->by_owner, hash, block->next);
    } else {
        while (at(blocks, before)->next != number)
            before = at(blocks, before)->next;
        at(blocks, before)->next = block->next;
    }
    block->owner = ADDRESS_NONE;
    block->rests = rests;
}

int64_t
blocks_wake(const struct blocks *blocks, int64_t now)
{
    int64_t wake = TIME_NEVER;

    for (guint i = 0; i < blocks->list->len; i++) {
        const struct block *block = at(blocks, i + 1);

        if (address_is_none(block->owner) && block->rests > now)
            wake = MIN(wake, block->rests);
    }
    return wake;
}

void
blocks_each(const struct blocks *blocks, void (*tell)(void *user, const struct block *block), void *user)
{
    for (guint i = 0; i < blocks->list->len; i++)
        if (!address_is_none(at(blocks, i + 1)->owner))
            tell(user, at(blocks, i + 1));
}
