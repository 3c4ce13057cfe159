/* Which external endpoint a new mapping gets. In this order:
 *
 *   a forwarding rule     names it
 *   a neighbour           of a contiguous pair has it (RFC 4787 section 4.2.3)
 *   a block of ports      is the internal address's (RFC 6888 REQ-14, RFC 7422)
 *   the pool              gives an address, and `ports` the port
 *
 * What it may not be: a port of the box's own, one that a mapping has which doesn't share it, one that rests, one that
 * is forwarded to somebody else. */
#include "nat/box.h"
#include "nat/forwards.h"
#include "nat/shares.h"

enum { ADDRESSES_TRIED = 64 }; /* of a pool, for one that has the port, or a block */

/* The family of the external end. */
static enum family
family_of(const struct mapping_key *key)
{
    if (address_is_ipv4(key->internal.address) || address_is_none(key->remote.address))
        return address_family(key->internal.address);
    return address_family(key->remote.address);
}

/* ---- what is taken */

struct external_asker {
    struct port_asker asker; /* first */
    struct nat *nat;
    const struct mapping_key *key;
    struct address external;
    bool passing; /* what was in the way may be gone before a mapping ends, or was in the way of this packet only */
};

static bool
overlaps(const struct nat *nat, const struct mapping_key *key)
{
    return nat_behaviour(nat, key->protocol)->overlap && key->dependence == NAT_ADDRESS_AND_PORT_DEPENDENT;
}

static bool
shares(const struct nat *nat, const struct mapping_key *key)
{
    return nat_behaviour(nat, key->protocol)->ports == NAT_PORTS_OVERLOAD || overlaps(nat, key);
}

/* Whether the mapping in `slot`, which has the endpoint, keeps it to itself. */
static bool
keeps(struct external_asker *asker, uint32_t slot, const struct endpoint *external)
{
    const struct mapping_table *table = asker->nat->table;
    const struct mapping *mapping = mapping_at(table, slot);
    const struct mapping_key *key = asker->key;

    if (mapping->open)
        return true;
    if (nat_behaviour(asker->nat, key->protocol)->ports == NAT_PORTS_OVERLOAD)
        return false;
    if (!overlaps(asker->nat, key) || mapping->dependence != NAT_ADDRESS_AND_PORT_DEPENDENT)
        return true;
    asker->passing = true;
    return mapping->shared ? shares_find(table, key->protocol, external, &key->remote) != 0
                           : mapping_is_first_peer(mapping, &key->remote);
}

static bool
external_taken(const struct port_asker *port_asker, uint16_t port)
{
    struct external_asker *asker = (struct external_asker *)port_asker;
    const struct nat *nat = asker->nat;
    const struct mapping_key *key = asker->key;
    struct tuple tuple = { { asker->external, port }, { ADDRESS_NONE, 0 }, key->protocol };
    uint32_t slot = mapping_find_external(nat->table, key->protocol, &tuple.external);

    if (slot && keeps(asker, slot, &tuple.external))
        return true;
    if (tuples_know(&nat->resting, &tuple, nat_world(nat)->now))
        return true;
    if (!nat_box_has(nat, key->protocol, tuple.external) &&
        !nat_is_poisoned(nat, key->protocol, tuple.external, key->remote) &&
        !forwards_elsewhere(nat->options, key->protocol, &tuple.external, &key->internal))
        return false;
    asker->passing = true;
    return true;
}

bool
nat_is_free(struct nat *nat, const struct mapping_key *key, struct endpoint external)
{
    struct external_asker asker = { { external_taken }, nat, key, external.address, false };
    uint32_t block = nat->blocks ? blocks_find(nat->blocks, &external) : 0;
    struct nat_block own;

    if (block && !address_equal(block_at(nat->blocks, block)->owner, key->internal.address))
        return false;
    if (nat->blocks && !block && address_is_ipv4(external.address) &&
        !(nat_block_of(nat, key->internal.address, &own) && address_equal(own.external, external.address) &&
          external.port >= own.low && external.port <= own.high))
        return false;
    return !external_taken(&asker.asker, external.port);
}

/* ---- ports */

/* The mappings that have ended so far. */
static uint64_t
ended(const struct nat *nat)
{
    return nat->counts.made - nat->table->count;
}

/* The searches that find nothing are the long ones, and a host that keeps asking would cause one for every packet. */
static bool
known_exhausted(const struct nat *nat, const struct exhaustion *last, struct exhaustion now)
{
    return last->ended == ended(nat) + 1 && nat_world(nat)->now < last->until && last->protocol == now.protocol &&
           last->range.low == now.range.low && last->range.high == now.range.high &&
           address_equal(last->external, now.external);
}

static void
note_exhausted(struct nat *nat, struct exhaustion *last, struct exhaustion now, int64_t until)
{
    *last = now;
    last->ended = ended(nat) + 1;
    last->until = until;
}

/* How ports are assigned: `*pairs` is written when it is not as the options say. */
static const struct nat_behaviour *
behaviour_of(const struct nat *nat, const struct mapping_key *key, struct nat_behaviour *pairs)
{
    if (G_LIKELY(!nat->keeps_pairs))
        return nat_behaviour(nat, key->protocol);
    *pairs = *nat_behaviour(nat, key->protocol);
    pairs->parity = pairs->contiguous = true;
    return pairs;
}

static uint16_t
choose_port(struct nat *nat, const struct mapping_key *key, struct address external, struct port_range range)
{
    struct nat_behaviour pairs;
    const struct nat_behaviour *behaviour = behaviour_of(nat, key, &pairs);
    struct external_asker asker = { { external_taken }, nat, key, external, false };
    struct exhaustion now = { .external = external, .range = range, .protocol = key->protocol };
    uint16_t *last = &nat->last_port[nat_protocol_index(key->protocol)];
    uint16_t port;

    if (known_exhausted(nat, &nat->exhausted, now) || forwards_all(nat->options, external, &key->internal))
        return 0;
    port = port_choose(behaviour, range, key->internal.port, *last, &nat->random, &asker.asker);
    if (port && behaviour->ports == NAT_PORTS_SEQUENTIAL)
        *last = port;
    if (!port && !asker.passing)
        note_exhausted(nat, &nat->exhausted, now, tuples_first(&nat->resting, nat_world(nat)->now));
    return port;
}

static struct port_range
whole_range(const struct nat *nat, const struct mapping_key *key)
{
    return port_range_for(nat_behaviour(nat, key->protocol), key->protocol, key->internal.port);
}

/* ---- neighbours */

/* The external endpoint next to that of the other port of an even and odd pair, when it is free. */
static bool
choose_neighbour(struct nat *nat, const struct mapping_key *key, struct endpoint *external)
{
    struct mapping_key other = *key;
    int step = key->internal.port % 2 ? 1 : -1;
    struct port_range range = whole_range(nat, key);
    const struct mapping *mapping;
    uint32_t slot;
    int port;

    other.internal.port = (uint16_t)(key->internal.port - step);
    if (other.dependence == NAT_ADDRESS_AND_PORT_DEPENDENT)
        other.remote.port = (uint16_t)(key->remote.port - step); /* as RTP and RTCP have it */
    slot = mapping_find(nat->table, &other);
    if (!slot)
        return false;
    mapping = mapping_at(nat->table, slot);
    port = mapping->external_port + step;
    if (port < range.low || port > range.high)
        return false;
    *external = (struct endpoint){ mapping->external_address, (uint16_t)port };
    return nat_is_free(nat, key, *external);
}

/* ---- the pool */

/* The address that `internal` has, where pooling is paired. */
static bool
paired_address(const struct nat *nat, const struct mapping_key *key, struct address *external)
{
    const struct host *host = nat->hosts ? hosts_find(nat->hosts, key->internal.address) : NULL;

    if (nat->options->pooling != NAT_POOLING_PAIRED || !host || address_family(host->external) != family_of(key) ||
        !node_owns(nat->box.node, host->external))
        return false;
    *external = host->external;
    return true;
}

static struct address
next_address(struct nat *nat, const struct port *out, enum family family, uint64_t size)
{
    return pool_address(nat->box.node, out, family, size > 1 ? nat->next_address++ % size : 0);
}

/* An address of the pool where the internal port can be preserved (RFC 4787 section 4.2.1). */
static bool
choose_by_port(struct nat *nat, const struct mapping_key *key, const struct port *out, uint64_t size,
               struct endpoint *external)
{
    struct port_range range = whole_range(nat, key);
    struct endpoint wish = { ADDRESS_NONE, key->internal.port };

    if (wish.port < range.low || wish.port > range.high)
        return false;
    for (uint64_t tries = 0; tries < MIN(size, ADDRESSES_TRIED); tries++) {
        wish.address = pool_address(nat->box.node, out, family_of(key), (nat->next_address + tries) % size);
        if (!nat_is_free(nat, key, wish))
            continue;
        nat->next_address = (uint32_t)((nat->next_address + tries + 1) % size);
        *external = wish;
        return true;
    }
    return false;
}

/* A host with mappings keeps its address where pooling is paired, even when that has no port left (RFC 7857 section 4:
 * paired pooling is not traded away). Otherwise it may be any, in turn. */
static enum drop_reason
choose_in_pool(struct nat *nat, const struct mapping_key *key, const struct port *out, struct endpoint *external)
{
    uint64_t size = pool_size(nat->box.node, out, family_of(key));
    struct port_range range = whole_range(nat, key);

    if (paired_address(nat, key, &external->address)) {
        external->port = choose_port(nat, key, external->address, range);
        return external->port ? DROP_NONE : DROP_NO_PORT;
    }
    if (size > 1 && nat->options->pooling == NAT_POOLING_ARBITRARY &&
        nat_behaviour(nat, key->protocol)->ports == NAT_PORTS_PRESERVE &&
        choose_by_port(nat, key, out, size, external))
        return DROP_NONE;
    for (uint64_t tries = 0; tries < size; tries++) {
        external->address = next_address(nat, out, family_of(key), size);
        external->port = choose_port(nat, key, external->address, range);
        if (external->port)
            return DROP_NONE;
    }
    return DROP_NO_PORT;
}

/* ---- blocks */

static void
journal_block(const struct nat *nat, const struct block *block, const struct record_kind *kind)
{
    struct world *world = nat_world(nat);
    struct port_range ports = block_plan_ports(blocks_plan(nat->blocks), block->index);
    struct record record = {
        .at = world->now,
        .kind = kind,
        .node = nat->box.node->number,
        .cause = world->handling,
        .before = { .source = block->owner },
        .after = { .source = block->external, .source_port = ports.low, .destination_port = ports.high },
    };

    if (world->journal)
        journal_take(world->journal, &record);
}

/* The block that is `owner`'s for ever. */
static bool
find_fixed(const struct nat *nat, struct address owner, struct nat_block *block)
{
    const struct block_plan *plan = blocks_plan(nat->blocks);
    struct port_range ports;
    uint64_t n;

    if (plan->ratio == 0 || !inside_index(nat->box.node, owner, &n) || n % plan->ratio >= plan->fixed)
        return false;
    ports = block_plan_ports(plan, (uint32_t)(n % plan->ratio));
    *block = (struct nat_block){ owner, pool_address(nat->box.node, NULL, FAMILY_IPV4, n / plan->ratio), ports.low, ports.high };
    return true;
}

bool
nat_is_in_fixed_block(const struct nat *nat, const struct endpoint *external)
{
    return nat->blocks && block_plan_at(blocks_plan(nat->blocks), external->port) < blocks_plan(nat->blocks)->fixed;
}

/* Grants a block on one of the addresses that the owner may have. */
static uint32_t
grant(struct nat *nat, struct address owner, const struct address *only, const struct port *out)
{
    uint64_t size = pool_size(nat->box.node, out, FAMILY_IPV4);
    struct exhaustion now = { .external = only ? *only : ADDRESS_NONE };
    int64_t at = nat_world(nat)->now;
    uint32_t number = 0;

    if (known_exhausted(nat, blocks_exhausted(nat->blocks), now))
        return 0;
    for (uint64_t tries = 0; !number && tries < (only ? 1 : MIN(size, ADDRESSES_TRIED)); tries++)
        number = blocks_grant(nat->blocks, owner, only ? *only : next_address(nat, out, FAMILY_IPV4, size),
                              at);
    if (number)
        journal_block(nat, block_at(nat->blocks, number), &nat_block_granted_kind);
    else
        note_exhausted(nat, blocks_exhausted(nat->blocks), now, blocks_wake(nat->blocks, at));
    return number;
}

static uint16_t
choose_in_block(struct nat *nat, const struct mapping_key *key, uint32_t number)
{
    const struct block *block = block_at(nat->blocks, number);
    struct port_range ports = block_plan_ports(blocks_plan(nat->blocks), block->index);
    bool full = block->of[nat_protocol_index(key->protocol)] >= blocks_plan(nat->blocks)->size;

    return full && !shares(nat, key) ? 0 : choose_port(nat, key, block->external, ports);
}

static void
release(struct nat *nat, uint32_t number)
{
    journal_block(nat, block_at(nat->blocks, number), &nat_block_released_kind);
    blocks_release(nat->blocks, number, time_add(nat_world(nat)->now, nat->options->port_hold));
}

/* The first of the owner's blocks that has a port; `*held` counts them, and `*address` is theirs. */
static uint16_t
choose_in_granted(struct nat *nat, const struct mapping_key *key, uint32_t *held, struct address *address)
{
    uint16_t port = 0;

    for (uint32_t number = blocks_first(nat->blocks, key->internal.address); number && !port;
         number = block_at(nat->blocks, number)->next) {
        *address = block_at(nat->blocks, number)->external;
        port = choose_in_block(nat, key, number);
        ++*held;
    }
    return port;
}

/* Where none of the owner's blocks has a port it gets another: of the same address, unless pooling is arbitrary. An IPv6
 * address (NAT64) has none that is its own for ever. */
static enum drop_reason
choose_in_blocks(struct nat *nat, const struct mapping_key *key, const struct port *out, struct endpoint *external)
{
    bool deterministic = blocks_plan(nat->blocks)->ratio > 0 && address_is_ipv4(key->internal.address);
    uint32_t held = deterministic, number;
    struct nat_block fixed;

    if (deterministic && !find_fixed(nat, key->internal.address, &fixed))
        return DROP_NO_PORT;
    if (deterministic) {
        external->address = fixed.external;
        external->port = choose_port(nat, key, fixed.external, (struct port_range){ fixed.low, fixed.high });
        if (external->port)
            return DROP_NONE;
    }
    external->port = choose_in_granted(nat, key, &held, &external->address);
    if (external->port)
        return DROP_NONE;
    if (nat->options->blocks.per_host && held >= nat->options->blocks.per_host)
        return DROP_MAPPING_LIMIT;

    bool only = deterministic || (held > 0 && nat->options->pooling == NAT_POOLING_PAIRED) ||
                paired_address(nat, key, &external->address);
    number = grant(nat, key->internal.address, only ? &external->address : NULL, out);
    if (!number)
        return DROP_NO_PORT;
    external->address = block_at(nat->blocks, number)->external;
    external->port = choose_in_block(nat, key, number);
    if (!external->port)
        release(nat, number);
    return external->port ? DROP_NONE : DROP_NO_PORT;
}

/* What was granted by another plan is nobody's; mappings that are there stay where they are. */
static void
drop_blocks(struct nat *nat)
{
    for (uint32_t slot = 1; slot <= nat->table->slots; slot++)
        mapping_at(nat->table, slot)->in_block = false;
    blocks_free(nat->blocks);
    nat->blocks = NULL;
}

void
nat_plan_blocks(struct nat *nat)
{
    const struct nat_block_options *options = &nat->options->blocks;
    const struct nat_behaviour *udp = &nat->options->udp;
    struct port_range range = { udp->port_low, udp->port_high };
    const struct node *node = nat->box.node;
    struct block_plan plan;
    bool wanted;

    if (!nat->blocks && !options->size && !options->deterministic)
        return;
    wanted = block_plan_make(options, range, inside_size(node), pool_size(node, NULL, FAMILY_IPV4), &plan);
    if (nat->blocks && (!wanted || memcmp(&plan, blocks_plan(nat->blocks), sizeof plan) != 0))
        drop_blocks(nat);
    if (!nat->blocks && wanted)
        nat->blocks = blocks_new(&plan);
}

void
nat_enter_block(struct nat *nat, struct mapping *mapping)
{
    struct endpoint external = mapping_external(mapping);
    uint32_t number = nat->blocks ? blocks_find(nat->blocks, &external) : 0;

    if (!number || !address_equal(block_at(nat->blocks, number)->owner, mapping->internal_address))
        return;
    blocks_enter(nat->blocks, number, mapping->protocol);
    mapping->in_block = true;
}

void
nat_leave_block(struct nat *nat, const struct mapping *mapping)
{
    struct endpoint external = mapping_external(mapping);
    uint32_t number = mapping->in_block ? blocks_find(nat->blocks, &external) : 0;

    if (number && blocks_leave(nat->blocks, number, mapping->protocol))
        release(nat, number);
}

/* ---- for who asks */

bool
nat_block_of(const struct nat *nat, struct address internal, struct nat_block *block)
{
    const struct block *granted;
    struct port_range ports;
    uint32_t number;

    if (!nat->blocks)
        return false;
    if (find_fixed(nat, internal, block))
        return true;
    if (!(number = blocks_first(nat->blocks, internal)))
        return false;
    granted = block_at(nat->blocks, number);
    ports = block_plan_ports(blocks_plan(nat->blocks), granted->index);
    *block = (struct nat_block){ internal, granted->external, ports.low, ports.high };
    return true;
}

bool
nat_block_holder(const struct nat *nat, struct endpoint external, struct address *internal)
{
    const struct block_plan *plan = nat->blocks ? blocks_plan(nat->blocks) : NULL;
    uint32_t number = nat->blocks ? blocks_find(nat->blocks, &external) : 0;
    uint64_t address;

    if (number) {
        *internal = block_at(nat->blocks, number)->owner;
        return true;
    }
    if (!nat_is_in_fixed_block(nat, &external) || !pool_index(nat->box.node, external.address, &address))
        return false;
    *internal = inside_address(nat->box.node, address * plan->ratio + block_plan_at(plan, external.port));
    return !address_is_none(*internal);
}

/* ---- all together */

static enum drop_reason
choose_external(struct nat *nat, const struct mapping_key *key, const struct port *out, struct endpoint *external)
{
    if ((nat->keeps_pairs || nat_behaviour(nat, key->protocol)->contiguous) && choose_neighbour(nat, key, external))
        return DROP_NONE;
    return nat->blocks && family_of(key) == FAMILY_IPV4 ? choose_in_blocks(nat, key, out, external) : choose_in_pool(nat, key, out, external);
}

/* Whether the mapping becomes one for this destination alone, as some boxes make it; or was asked for as such. */
static uint8_t
quirk_of(const struct nat *nat, const struct making *making)
{
    const struct mapping_key *key = &making->key;
    bool kept = making->external.port == key->internal.port;
    struct endpoint wish = { making->external.address, key->internal.port };
    uint8_t usual = nat_mapping_of(nat, key->protocol, key->internal.address, key->remote.address);

    if (key->dependence == NAT_ADDRESS_AND_PORT_DEPENDENT && usual != key->dependence)
        return NAT_ORIGIN_POISON;
    if (key->dependence != NAT_ENDPOINT_INDEPENDENT || kept ||
        nat_behaviour(nat, key->protocol)->ports != NAT_PORTS_PRESERVE)
        return NAT_ORIGIN_TRAFFIC;
    if (nat_is_poisoned(nat, key->protocol, wish, key->remote))
        return NAT_ORIGIN_POISON;
    return nat_has_quirk(nat, NAT_QUIRK_PRESERVE_THEN_SYMMETRIC) ? NAT_ORIGIN_CLASH : NAT_ORIGIN_TRAFFIC;
}

/* Takes the external endpoint that a forwarding rule names, when nobody has it yet. */
static bool
take_forward(struct nat *nat, struct making *making)
{
    if (address_is_none(making->external.address))
        making->external.address = nat_external_address(nat, making->key.internal.address);
    if (!node_owns(nat->box.node, making->external.address) ||
        mapping_find_external(nat->table, making->key.protocol, &making->external))
        return false;
    making->origin = NAT_ORIGIN_FORWARD;
    making->open = true;
    making->key.dependence = NAT_ENDPOINT_INDEPENDENT;
    return true;
}

enum drop_reason
nat_choose(struct nat *nat, struct making *making, const struct port *out)
{
    struct mapping_key *key = &making->key;
    enum drop_reason reason;

    if (forwards_outbound(nat->options, key->protocol, &key->internal, &making->external) &&
        take_forward(nat, making))
        return DROP_NONE;
    reason = choose_external(nat, key, out, &making->external);
    if (reason != DROP_NONE)
        return reason;
    if (making->origin == NAT_ORIGIN_TRAFFIC)
        making->origin = quirk_of(nat, making);
    if (making->origin == NAT_ORIGIN_CLASH || making->origin == NAT_ORIGIN_POISON)
        key->dependence = NAT_ADDRESS_AND_PORT_DEPENDENT;
    making->shared = !making->open && shares(nat, key);
    return DROP_NONE;
}
