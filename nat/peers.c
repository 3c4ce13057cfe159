#include "nat/peers.h"

#include "nat/array.h"
#include "nat/shares.h"

enum peer_flags {
    PEER_SENT = 1 << 0,          /* the internal endpoint has sent to it */
    PEER_ADDRESS_FIRST = 1 << 1, /* the mapping's first with its address: found by address */
    PEER_ADDRESS_SENT = 1 << 2,  /* at the first: the internal endpoint has sent to this address */
    PEER_AFFINE = 1 << 3,        /* found by internal and remote endpoint */
};

struct peer {
    struct address address;
    uint16_t port;
    uint8_t flags;
    uint32_t mapping; /* its slot */
    uint32_t next;    /* of the same mapping; of the free ones */
};

static inline struct peer *
peer_at(const struct mapping_table *table, uint32_t number)
{
    return &table->peers.list[number - 1];
}

static inline struct endpoint
peer_endpoint(const struct peer *peer)
{
    return (struct endpoint){ peer->address, peer->port };
}

static inline uint32_t
hash_by_endpoint(uint32_t slot, const struct endpoint *remote)
{
    return (uint32_t)mix64(endpoint_hash(*remote) + slot);
}

static inline uint32_t
hash_by_address(uint32_t slot, struct address address)
{
    return (uint32_t)mix64(address_hash(address) + slot);
}

static inline uint32_t
hash_affinity(const struct mapping_key *key)
{
    return (uint32_t)mix64(endpoint_hash(key->internal) + mix64(endpoint_hash(key->remote) + key->protocol));
}

static uint32_t
find_by_endpoint(const struct mapping_table *table, uint32_t slot, const struct endpoint *remote)
{
    const struct hash_index *index = &table->peers.by_endpoint;
    uint32_t hash = hash_by_endpoint(slot, remote), i, number;

    for (i = hash_index_first(index, hash); (number = hash_index_value(index, i));
         i = hash_index_next(index, i, hash)) {
        const struct peer *peer = peer_at(table, number);

        if (peer->mapping == slot && endpoint_equal(peer_endpoint(peer), *remote))
            break;
    }
    return number;
}

static uint32_t
find_by_address(const struct mapping_table *table, uint32_t slot, struct address address)
{
    const struct hash_index *index = &table->peers.by_address;
    uint32_t hash = hash_by_address(slot, address), i, number;

    for (i = hash_index_first(index, hash); (number = hash_index_value(index, i));
         i = hash_index_next(index, i, hash)) {
        const struct peer *peer = peer_at(table, number);

        if (peer->mapping == slot && address_equal(peer->address, address))
            break;
    }
    return number;
}

static uint32_t
find_affine(const struct mapping_table *table, const struct mapping_key *key)
{
    const struct hash_index *index = &table->peers.affinity;
    uint32_t hash = hash_affinity(key), i, number;

    for (i = hash_index_first(index, hash); (number = hash_index_value(index, i));
         i = hash_index_next(index, i, hash)) {
        const struct peer *peer = peer_at(table, number);
        const struct mapping *mapping = mapping_at(table, peer->mapping);

        if (mapping->protocol == key->protocol && endpoint_equal(mapping_internal(mapping), key->internal) &&
            endpoint_equal(peer_endpoint(peer), key->remote))
            break;
    }
    return number;
}

/* ---- what filters ask */

enum peer_known
peer_find(const struct mapping_table *table, uint32_t slot, const struct endpoint *remote)
{
    const struct mapping *mapping = mapping_at(table, slot);
    uint32_t number;

    if (mapping_is_first_peer(mapping, remote))
        return mapping->peer_unsent ? PEER_ADMITTED : PEER_SENT_TO;
    if (!mapping->further_first || !(number = find_by_endpoint(table, slot, remote)))
        return PEER_UNKNOWN;
    return peer_at(table, number)->flags & PEER_SENT ? PEER_SENT_TO : PEER_ADMITTED;
}

bool
peer_address_sent_to(const struct mapping_table *table, uint32_t slot, struct address address)
{
    const struct mapping *mapping = mapping_at(table, slot);
    uint32_t number;

    if (address_equal(mapping->peer_address, address))
        return !mapping->address_unsent;
    if (!mapping->further_first || !(number = find_by_address(table, slot, address)))
        return false;
    return peer_at(table, number)->flags & PEER_ADDRESS_SENT;
}

/* ---- remembering */

static uint32_t
take_peer(struct mapping_table *table)
{
    struct peers *peers = &table->peers;
    uint32_t number = peers->free;

    if (peers->count >= NAT_MAPPINGS_MAX)
        return 0;
    peers->count++;
    if (number) {
        peers->free = peers->list[number - 1].next;
        return number;
    }
    if (peers->slots == peers->capacity) {
        peers->capacity = array_room(peers->capacity);
        peers->list = g_renew(struct peer, peers->list, peers->capacity);
        mapping_table_recount(table);
    }
    return ++peers->slots;
}

static void
append(struct mapping_table *table, uint32_t slot, uint32_t number)
{
    struct mapping *mapping = mapping_at(table, slot);

    if (mapping->further_last)
        peer_at(table, mapping->further_last)->next = number;
    else
        mapping->further_first = number;
    mapping->further_last = number;
    mapping->peer_count++;
}

/* The address has been sent to: its first peer says so. */
static void
mark_address_sent(struct mapping_table *table, uint32_t slot, struct address address)
{
    struct mapping *mapping = mapping_at(table, slot);
    uint32_t first = find_by_address(table, slot, address);

    if (address_equal(mapping->peer_address, address))
        mapping->address_unsent = false;
    else if (first)
        peer_at(table, first)->flags |= PEER_ADDRESS_SENT;
}

static uint32_t
add(struct mapping_table *table, uint32_t slot, const struct endpoint *remote)
{
    uint32_t number = take_peer(table);
    bool address_known = address_equal(mapping_at(table, slot)->peer_address, remote->address) ||
                         find_by_address(table, slot, remote->address);

    if (!number)
        return 0;
    *peer_at(table, number) = (struct peer){ .address = remote->address,
                                             .port = remote->port,
                                             .mapping = slot,
                                             .flags = address_known ? 0 : PEER_ADDRESS_FIRST };
    hash_index_insert(&table->peers.by_endpoint, hash_by_endpoint(slot, remote), number);
    if (!address_known)
        hash_index_insert(&table->peers.by_address, hash_by_address(slot, remote->address), number);
    append(table, slot, number);
    return number;
}

bool
peer_note(struct mapping_table *table, uint32_t slot, const struct endpoint *remote, enum peer_known known)
{
    struct mapping *mapping = mapping_at(table, slot);
    uint32_t number;

    if (G_UNLIKELY(mapping->shared) && known == PEER_SENT_TO)
        shares_note(table, slot, remote);
    if (mapping_is_first_peer(mapping, remote)) {
        if (known == PEER_SENT_TO)
            mapping->peer_unsent = mapping->address_unsent = false;
        return true;
    }
    number = find_by_endpoint(table, slot, remote);
    if (!number && known == PEER_ADMITTED && table->peers.count >= NAT_ADMITTED_MAX)
        return false;
    if (!number && !(number = add(table, slot, remote)))
        return false;
    if (known == PEER_SENT_TO && !(peer_at(table, number)->flags & PEER_SENT)) {
        peer_at(table, number)->flags |= PEER_SENT;
        mark_address_sent(table, slot, remote->address);
    }
    return true;
}

void
peer_list(const struct mapping_table *table, uint32_t slot, struct endpoint *peers, uint32_t max)
{
    const struct mapping *mapping = mapping_at(table, slot);
    uint32_t count = 0;

    if (count < max && !address_is_none(mapping->peer_address))
        peers[count++] = mapping_first_peer(mapping);
    for (uint32_t number = mapping->further_first; number && count < max; number = peer_at(table, number)->next)
        peers[count++] = peer_endpoint(peer_at(table, number));
}

/* ---- affinity */

/* What the replies to a peer are found by. */
static struct mapping_key
affine_key(const struct mapping_table *table, const struct peer *peer)
{
    const struct mapping *mapping = mapping_at(table, peer->mapping);

    return (struct mapping_key){ mapping_internal(mapping), peer_endpoint(peer), mapping->protocol, 0 };
}

static void
unlink_affine(struct mapping_table *table, uint32_t number)
{
    struct peer *peer = peer_at(table, number);
    struct mapping_key key = affine_key(table, peer);

    hash_index_remove(&table->peers.affinity, hash_affinity(&key), number);
    peer->flags &= (uint8_t)~PEER_AFFINE;
}

void
peer_affine_forget(struct mapping_table *table, const struct mapping_key *key)
{
    uint32_t number = table->peers.affinity.used ? find_affine(table, key) : 0;

    if (number)
        unlink_affine(table, number);
}

void
peer_affine(struct mapping_table *table, uint32_t slot, const struct endpoint *remote)
{
    uint32_t number = find_by_endpoint(table, slot, remote);
    struct mapping_key key;

    if (!number || peer_at(table, number)->flags & PEER_AFFINE)
        return;
    key = affine_key(table, peer_at(table, number));
    peer_affine_forget(table, &key);
    hash_index_insert(&table->peers.affinity, hash_affinity(&key), number);
    peer_at(table, number)->flags |= PEER_AFFINE;
}

uint32_t
peer_affinity(const struct mapping_table *table, const struct mapping_key *key)
{
    uint32_t number = table->peers.affinity.used ? find_affine(table, key) : 0;

    return number ? peer_at(table, number)->mapping : 0;
}

/* ---- ending */

void
peers_drop(struct mapping_table *table, uint32_t slot)
{
    struct mapping *mapping = mapping_at(table, slot);
    struct peers *peers = &table->peers;
    uint32_t next;

    for (uint32_t number = mapping->further_first; number; number = next) {
        struct peer *peer = peer_at(table, number);
        struct endpoint endpoint = peer_endpoint(peer);

        next = peer->next;
        if (peer->flags & PEER_AFFINE)
            unlink_affine(table, number);
        if (peer->flags & PEER_ADDRESS_FIRST)
            hash_index_remove(&peers->by_address, hash_by_address(slot, peer->address), number);
        hash_index_remove(&peers->by_endpoint, hash_by_endpoint(slot, &endpoint), number);
        peer->next = peers->free;
        peers->free = number;
        peers->count--;
    }
    mapping->further_first = mapping->further_last = 0;
}

void
peers_clear(struct peers *peers)
{
    hash_index_clear(&peers->by_endpoint);
    hash_index_clear(&peers->by_address);
    hash_index_clear(&peers->affinity);
    g_free(peers->list);
    *peers = (struct peers){ 0 };
}

size_t
peers_bytes(const struct peers *peers)
{
    return peers->capacity * sizeof *peers->list + hash_index_bytes(&peers->by_endpoint) +
           hash_index_bytes(&peers->by_address) + hash_index_bytes(&peers->affinity);
}
