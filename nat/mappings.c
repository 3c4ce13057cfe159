#include "nat/mappings.h"

#include "nat/array.h"
#include "nat/peers.h"
#include "nat/shares.h"
#include "nat/sessions.h"

struct mapping_table *
mapping_table_new(uint32_t made)
{
    struct mapping_table *table = g_new0(struct mapping_table, 1);

    table->made = made;
    return table;
}

void
mapping_table_free(struct mapping_table *table)
{
    if (!table)
        return;
    if (table->memory)
        memory_give(table->memory, MEMORY_MAPPINGS, table->counted);
    hash_index_clear(&table->by_internal);
    hash_index_clear(&table->by_external);
    hash_index_clear(&table->origins);
    peers_clear(&table->peers);
    shares_clear(&table->shares);
    sessions_free(table->sessions);
    deadlines_clear(&table->deadlines);
    g_free(table->mappings);
    g_free(table);
}

void
mapping_table_count_in(struct mapping_table *table, struct memory *memory)
{
    table->memory = memory;
    mapping_table_recount(table);
}

void
mapping_table_recount(struct mapping_table *table)
{
    if (table->memory)
        memory_recount(table->memory, MEMORY_MAPPINGS, &table->counted, mapping_table_bytes(table));
}

size_t
mapping_table_bytes(const struct mapping_table *table)
{
    return sizeof *table + table->capacity * sizeof *table->mappings + deadlines_bytes(&table->deadlines) +
           hash_index_bytes(&table->by_internal) + hash_index_bytes(&table->by_external) +
           hash_index_bytes(&table->origins) + peers_bytes(&table->peers) + shares_bytes(&table->shares) + sessions_bytes(table->sessions);
}

/* ---- keys */

static inline bool
depends_on_address(uint8_t dependence)
{
    return dependence == NAT_ADDRESS_DEPENDENT || dependence == NAT_ADDRESS_AND_PORT_DEPENDENT;
}

/* Parts are folded in with a multiplication each and mixed once. */
static inline uint64_t
fold_endpoint(struct address address, uint16_t port)
{
    return address.low + address.high * UINT64_C(0x9e3779b97f4a7c15) + port * UINT64_C(0xd6e8feb86659fd93);
}

static inline uint32_t
hash_end(uint8_t protocol, struct endpoint end)
{
    return (uint32_t)mix64(fold_endpoint(end.address, end.port) + protocol * UINT64_C(0xa0761d6478bd642f));
}

static inline uint32_t
hash_key(const struct mapping_key *key)
{
    uint64_t hash = fold_endpoint(key->internal.address, key->internal.port) +
                    (key->protocol << 8 | key->dependence) * UINT64_C(0xa0761d6478bd642f);

    if (depends_on_address(key->dependence))
        hash += fold_endpoint(key->remote.address, key->dependence == NAT_ADDRESS_DEPENDENT ? 0 : key->remote.port) *
                UINT64_C(0xe7037ed1a0b428db);
    return (uint32_t)mix64(hash);
}

static struct mapping_key
key_of(const struct mapping *mapping)
{
    return (struct mapping_key){ mapping_internal(mapping), mapping_first_peer(mapping), mapping->protocol,
                                 mapping->dependence };
}

/* An IPv6 endpoint may have one for its way to IPv4 and another for its way to IPv6. */
static inline bool
has_realm(const struct mapping *mapping, const struct mapping_key *key)
{
    return address_is_ipv4(key->internal.address) ||
           address_is_ipv4(mapping->external_address) == address_is_ipv4(key->remote.address);
}

static inline bool
has_key(const struct mapping *mapping, const struct mapping_key *key)
{
    return mapping->internal_port == key->internal.port && mapping->protocol == key->protocol &&
           mapping->dependence == key->dependence && address_equal(mapping->internal_address, key->internal.address) &&
           mapping_covers(mapping, &key->remote) && has_realm(mapping, key);
}

uint32_t
mapping_find(const struct mapping_table *table, const struct mapping_key *key)
{
    uint32_t hash = hash_key(key), i, slot;

    for (i = hash_index_first(&table->by_internal, hash); (slot = hash_index_value(&table->by_internal, i));
         i = hash_index_next(&table->by_internal, i, hash))
        if (has_key(mapping_at(table, slot), key))
            break;
    return slot;
}

uint32_t
mapping_search_open(const struct mapping_table *table, const struct mapping_key *key)
{
    uint8_t dependence = key->dependence == NAT_MAPPING_NONE ? NAT_MAPPING_NONE : NAT_ENDPOINT_INDEPENDENT;
    struct mapping_key open = { key->internal, key->remote, key->protocol, dependence };
    uint32_t hash = hash_key(&open), i, slot;

    for (i = hash_index_first(&table->by_internal, hash); (slot = hash_index_value(&table->by_internal, i));
         i = hash_index_next(&table->by_internal, i, hash))
        if (mapping_at(table, slot)->open && has_key(mapping_at(table, slot), &open))
            break;
    return slot;
}

uint32_t
mapping_find_external(const struct mapping_table *table, uint8_t protocol, const struct endpoint *external)
{
    uint32_t hash = hash_end(protocol, *external), i, slot;

    for (i = hash_index_first(&table->by_external, hash); (slot = hash_index_value(&table->by_external, i));
         i = hash_index_next(&table->by_external, i, hash)) {
        const struct mapping *mapping = mapping_at(table, slot);

        if (mapping->external_port == external->port && mapping->protocol == protocol &&
            address_equal(mapping->external_address, external->address))
            break;
    }
    return slot;
}

/* ---- making and ending */

static uint32_t
take_slot(struct mapping_table *table)
{
    uint32_t slot = table->free;

    if (slot) {
        table->free = mapping_at(table, slot)->further_first;
        return slot;
    }
    if (table->slots == table->capacity) {
        table->capacity = array_room(table->capacity);
        table->mappings = g_renew(struct mapping, table->mappings, table->capacity);
        mapping_table_recount(table);
    }
    return ++table->slots;
}

static void
count_alive(struct mapping_table *table, const struct mapping *mapping, int one)
{
    unsigned realm = nat_realm(mapping->internal_address, mapping->external_address);
    unsigned protocol = nat_protocol_index(mapping->protocol);

    table->kinds[realm][protocol][mapping->dependence] += (uint32_t)one;
    table->alive[realm][protocol] += (uint32_t)one;
    table->count += (uint32_t)one;
}

uint32_t
mapping_make(struct mapping_table *table, const struct mapping_key *key, struct endpoint external, int64_t now,
             int64_t deadline)
{
    uint32_t slot = take_slot(table);

    g_assert(table->count < NAT_MAPPINGS_MAX);
    *mapping_at(table, slot) = (struct mapping){
        .internal_address = key->internal.address,
        .internal_port = key->internal.port,
        .external_address = external.address,
        .external_port = external.port,
        .peer_address = key->remote.address,
        .peer_port = key->remote.port,
        .peer_count = key->protocol != PROTOCOL_TCP && !address_is_none(key->remote.address),
        .protocol = key->protocol,
        .dependence = key->dependence,
        .made = now,
        .deadline = deadline,
        .number = ++table->made,
    };
    deadlines_add(&table->deadlines, (struct deadline){ deadline, slot, table->made });
    hash_index_insert(&table->by_internal, hash_key(key), slot);
    hash_index_insert(&table->by_external, hash_end(key->protocol, external), slot);
    count_alive(table, mapping_at(table, slot), 1);
    return slot;
}

uint32_t
mapping_other_external(const struct mapping_table *table, uint32_t slot)
{
    const struct mapping *mapping = mapping_at(table, slot);
    uint32_t hash = hash_end(mapping->protocol, mapping_external(mapping)), i, other;

    for (i = hash_index_first(&table->by_external, hash); (other = hash_index_value(&table->by_external, i));
         i = hash_index_next(&table->by_external, i, hash))
        if (other != slot && mapping_at(table, other)->protocol == mapping->protocol &&
            endpoint_equal(mapping_external(mapping_at(table, other)), mapping_external(mapping)))
            break;
    return other;
}

void
mapping_disown_external(struct mapping_table *table, uint32_t slot)
{
    const struct mapping *mapping = mapping_at(table, slot);

    hash_index_remove(&table->by_external, hash_end(mapping->protocol, mapping_external(mapping)), slot);
}

void
mapping_own_external(struct mapping_table *table, uint32_t slot)
{
    const struct mapping *mapping = mapping_at(table, slot);

    hash_index_insert(&table->by_external, hash_end(mapping->protocol, mapping_external(mapping)), slot);
}

void
mapping_open(struct mapping_table *table, uint32_t slot)
{
    struct mapping *mapping = mapping_at(table, slot);

    g_assert(!depends_on_address(mapping->dependence));
    table->open += !mapping->open;
    mapping->open = true;
}

void
mapping_hasten(struct mapping_table *table, uint32_t slot, int64_t deadline)
{
    mapping_at(table, slot)->deadline = deadline;
    deadlines_hasten(&table->deadlines, slot, deadline);
}

void
mapping_end(struct mapping_table *table, uint32_t slot)
{
    struct mapping *mapping = mapping_at(table, slot);
    struct mapping_key key = key_of(mapping);

    if (mapping_origin(table, key.protocol, key.internal) == slot)
        hash_index_remove(&table->origins, hash_end(key.protocol, key.internal), slot);
    if (key.protocol == PROTOCOL_TCP)
        sessions_drop(table, slot);
    else
        peers_drop(table, slot);
    deadlines_remove(&table->deadlines, slot);
    hash_index_remove(&table->by_internal, hash_key(&key), slot);
    if (mapping->shared)
        shares_leave(table, slot);
    else
        mapping_disown_external(table, slot);
    count_alive(table, mapping, -1);
    table->open -= mapping->open;
    mapping->number = 0;
    mapping->further_first = table->free;
    table->free = slot;
}

uint32_t
mapping_due(struct mapping_table *table, int64_t now)
{
    struct deadlines *deadlines = &table->deadlines;

    while (deadlines->count > 0 && deadlines->heap[0].at <= now) {
        const struct mapping *mapping = mapping_at(table, deadlines->heap[0].slot);

        if (mapping->deadline == deadlines->heap[0].at)
            return deadlines->heap[0].slot;
        deadlines_put_off(deadlines, mapping->deadline);
    }
    return 0;
}

/* ---- origins */

uint32_t
mapping_origin(const struct mapping_table *table, uint8_t protocol, struct endpoint internal)
{
    uint32_t hash = hash_end(protocol, internal), i, slot;

    for (i = hash_index_first(&table->origins, hash); (slot = hash_index_value(&table->origins, i));
         i = hash_index_next(&table->origins, i, hash)) {
        const struct mapping *mapping = mapping_at(table, slot);

        if (mapping->protocol == protocol && endpoint_equal(mapping_internal(mapping), internal))
            break;
    }
    return slot;
}

void
mapping_origin_set(struct mapping_table *table, uint32_t slot)
{
    const struct mapping *mapping = mapping_at(table, slot);
    uint32_t hash = hash_end(mapping->protocol, mapping_internal(mapping));
    uint32_t older = mapping_origin(table, mapping->protocol, mapping_internal(mapping));

    if (older)
        hash_index_remove(&table->origins, hash, older);
    hash_index_insert(&table->origins, hash, slot);
}

/* ---- walking */

struct aged {
    uint32_t number, slot;
};

static int
compare_age(const void *a, const void *b)
{
    uint32_t one = ((const struct aged *)a)->number, other = ((const struct aged *)b)->number;

    return one < other ? -1 : one > other;
}

void
mapping_each(struct mapping_table *table, void (*tell)(void *user, uint32_t slot), void *user)
{
    g_autofree struct aged *order = g_new(struct aged, table->count + 1);
    uint32_t count = 0;

    for (uint32_t slot = 1; slot <= table->slots; slot++)
        if (mapping_at(table, slot)->number)
            order[count++] = (struct aged){ mapping_at(table, slot)->number, slot };
    qsort(order, count, sizeof *order, compare_age);
    for (uint32_t i = 0; i < count; i++)
        tell(user, order[i].slot);
}
