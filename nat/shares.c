#include "nat/shares.h"

#include "nat/array.h"
#include "nat/peers.h"
#include "nat/sessions.h"

/* A mapping's place among those that share its external endpoint, by slot. */
struct share {
    uint32_t older, newer; /* slots; 0 at the ends */
    uint32_t claims;       /* the first of its own, 0 for none */
};

/* Whom a mapping has sent to, and no other has since from the same external endpoint. */
struct share_claim {
    struct address address;
    uint16_t port;
    uint32_t mapping;        /* its slot */
    uint32_t next, previous; /* of the same mapping; of the free ones */
};

static inline struct share *
share_of(const struct mapping_table *table, uint32_t slot)
{
    return &table->shares.of[slot - 1];
}

static inline struct share_claim *
claim_at(const struct mapping_table *table, uint32_t number)
{
    return &table->shares.claims[number - 1];
}

static uint32_t
hash_claim(uint8_t protocol, const struct endpoint *external, const struct endpoint *remote)
{
    return (uint32_t)mix64(endpoint_hash(*external) + mix64(endpoint_hash(*remote) + protocol));
}

static uint32_t
find_claim(const struct mapping_table *table, uint8_t protocol, const struct endpoint *external,
             const struct endpoint *remote)
{
    const struct hash_index *index = &table->shares.by_claim;
    uint32_t hash = hash_claim(protocol, external, remote), i, number;

    for (i = hash_index_first(index, hash); (number = hash_index_value(index, i));
         i = hash_index_next(index, i, hash)) {
        const struct share_claim *claim = claim_at(table, number);
        const struct mapping *mapping = mapping_at(table, claim->mapping);

        if (mapping->protocol == protocol && endpoint_equal(mapping_external(mapping), *external) &&
            claim->port == remote->port && address_equal(claim->address, remote->address))
            break;
    }
    return number;
}

uint32_t
shares_find(const struct mapping_table *table, uint8_t protocol, const struct endpoint *external,
            const struct endpoint *remote)
{
    uint32_t number = find_claim(table, protocol, external, remote);

    return number ? claim_at(table, number)->mapping : 0;
}

/* ---- claims */

static uint32_t
take_claim(struct shares *shares)
{
    uint32_t number = shares->free;

    if (number) {
        shares->free = shares->claims[number - 1].next;
        return number;
    }
    if (shares->slots == shares->capacity) {
        shares->capacity = array_room(shares->capacity);
        shares->claims = g_renew(struct share_claim, shares->claims, shares->capacity);
    }
    return ++shares->slots;
}

static void
link_claim(struct mapping_table *table, uint32_t number)
{
    struct share_claim *claim = claim_at(table, number);
    struct share *share = share_of(table, claim->mapping);

    claim->previous = 0;
    claim->next = share->claims;
    if (claim->next)
        claim_at(table, claim->next)->previous = number;
    share->claims = number;
}

static void
unlink_claim(struct mapping_table *table, uint32_t number)
{
    const struct share_claim *claim = claim_at(table, number);

    if (claim->previous)
        claim_at(table, claim->previous)->next = claim->next;
    else
        share_of(table, claim->mapping)->claims = claim->next;
    if (claim->next)
        claim_at(table, claim->next)->previous = claim->previous;
}

/* A claim passes to another mapping of the same external endpoint: it stays where it is found. */
static void
hand_over(struct mapping_table *table, uint32_t number, uint32_t slot)
{
    unlink_claim(table, number);
    claim_at(table, number)->mapping = slot;
    link_claim(table, number);
}

void
shares_note(struct mapping_table *table, uint32_t slot, const struct endpoint *remote)
{
    const struct mapping *mapping = mapping_at(table, slot);
    struct endpoint external = mapping_external(mapping);
    uint32_t number = find_claim(table, mapping->protocol, &external, remote);

    if (number) {
        if (claim_at(table, number)->mapping != slot)
            hand_over(table, number, slot);
        return;
    }
    number = take_claim(&table->shares);
    *claim_at(table, number) =
        (struct share_claim){ .address = remote->address, .port = remote->port, .mapping = slot };
    link_claim(table, number);
    hash_index_insert(&table->shares.by_claim, hash_claim(mapping->protocol, &external, remote), number);
}

static void
drop_claims(struct mapping_table *table, uint32_t slot)
{
    const struct mapping *mapping = mapping_at(table, slot);
    struct endpoint external = mapping_external(mapping);
    uint32_t number = share_of(table, slot)->claims, next;

    for (; number; number = next) {
        struct share_claim *claim = claim_at(table, number);
        struct endpoint remote = { claim->address, claim->port };

        next = claim->next;
        hash_index_remove(&table->shares.by_claim, hash_claim(mapping->protocol, &external, &remote), number);
        claim->next = table->shares.free;
        table->shares.free = number;
    }
}

/* ---- mappings */

static void
make_room(struct mapping_table *table)
{
    struct shares *shares = &table->shares;

    if (shares->of_capacity >= table->capacity)
        return;
    shares->of = g_renew(struct share, shares->of, table->capacity);
    shares->of_capacity = table->capacity;
}

/* Marks a mapping as one that shares, and all it has sent to as its own. */
static void
begin(struct mapping_table *table, uint32_t slot)
{
    struct mapping *mapping = mapping_at(table, slot);
    uint32_t count = mapping->peer_count;
    g_autofree struct endpoint *peers = g_new(struct endpoint, count);

    bool tcp = mapping->protocol == PROTOCOL_TCP;

    *share_of(table, slot) = (struct share){ 0, 0, 0 };
    mapping->shared = true;
    if (tcp)
        session_list(table, slot, peers, count);
    else
        peer_list(table, slot, peers, count);
    for (uint32_t i = 0; i < count; i++)
        if ((tcp ? session_known(table, slot, &peers[i]) : peer_find(table, slot, &peers[i])) == PEER_SENT_TO)
            shares_note(table, slot, &peers[i]);
}

void
shares_join(struct mapping_table *table, uint32_t slot)
{
    uint32_t older = mapping_other_external(table, slot);
    struct endpoint first = mapping_first_peer(mapping_at(table, slot));

    make_room(table);
    *share_of(table, slot) = (struct share){ older, 0, 0 };
    mapping_at(table, slot)->shared = true;
    shares_note(table, slot, &first);
    if (!older)
        return;
    mapping_disown_external(table, older);
    if (!mapping_at(table, older)->shared)
        begin(table, older);
    share_of(table, older)->newer = slot;
}

void
shares_leave(struct mapping_table *table, uint32_t slot)
{
    struct share share = *share_of(table, slot);

    drop_claims(table, slot);
    if (share.older)
        share_of(table, share.older)->newer = share.newer;
    if (share.newer) {
        share_of(table, share.newer)->older = share.older;
        return;
    }
    mapping_disown_external(table, slot);
    if (share.older)
        mapping_own_external(table, share.older);
}

void
shares_clear(struct shares *shares)
{
    hash_index_clear(&shares->by_claim);
    g_free(shares->of);
    g_free(shares->claims);
    *shares = (struct shares){ 0 };
}

size_t
shares_bytes(const struct shares *shares)
{
    return shares->of_capacity * sizeof *shares->of + shares->capacity * sizeof *shares->claims +
           hash_index_bytes(&shares->by_claim);
}
