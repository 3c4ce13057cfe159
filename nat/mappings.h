/* The mappings of one NAT: a pure machine that knows no packets.
 *
 * A mapping ties an internal endpoint to an external one (RFC 4787 section 4.1). What it is found by from inside
 * depends on its dependence: the internal endpoint alone, that and the remote address, or that and the remote endpoint.
 * From outside it is found by its external endpoint. Each way is one look-up. Whoever makes one has looked it up
 * before.
 *
 * Mappings are known by their slot, from 1 up; slots are used again, numbers (what the journal shows) never are. A
 * pointer to a mapping is good until the next mapping_make or mapping_end. Endpoints that every packet asks for come by
 * pointer: copied, they would be stored in parts and loaded whole, which stalls.
 *
 * A deadline is written at each refresh; mapping_due hands out whose deadline has come. As long as the caller ends all
 * of those before it asks anything else, what the look-ups find is alive to the nanosecond. Those of TCP have no deadline
 * of their own (TIME_NEVER) unless it is fixed: they live as long as they have sessions. Peers: see nat/peers.h, and of
 * TCP nat/sessions.h. */
#ifndef NAT_MAPPINGS_H
#define NAT_MAPPINGS_H

#include "core/base/hash.h"
#include "nat/deadlines.h"
#include "nat/nat.h"

enum { NAT_UDP, NAT_ICMP, NAT_TCP, NAT_PROTOCOLS }; /* what is translated */
enum { NAT_DEPENDENCES = NAT_MAPPING_NONE + 1 };

static inline unsigned
nat_protocol_index(uint8_t protocol)
{
    return protocol == PROTOCOL_UDP ? NAT_UDP : protocol == PROTOCOL_TCP ? NAT_TCP : NAT_ICMP;
}

/* What families a mapping has inside and outside: each has rules of its own for how to map. */
enum { NAT_IPV4, NAT_IPV6, NAT_IPV6_TO_IPV4, NAT_REALMS };

static inline unsigned
nat_realm(struct address internal, struct address outside)
{
    return address_is_ipv4(internal) ? NAT_IPV4 : address_is_ipv4(outside) ? NAT_IPV6_TO_IPV4 : NAT_IPV6;
}

/* What every packet touches comes first, in 64 bytes. */
struct mapping {
    struct address internal_address, external_address;
    struct address peer_address; /* the first peer, whose packet out made the mapping; part of the key when dependent;
                                    none when no packet out made it */
    uint16_t internal_port, external_port, peer_port;
    uint8_t protocol;
    uint8_t dependence : 2; /* enum nat_dependence, as it was when the mapping was made */
    uint8_t peer_unsent : 1, address_unsent : 1; /* the first peer came in by a rule: it, or no port of its address, has
                                                    been sent to yet */
    uint8_t open : 1;       /* no filter applies to it, and packets of its internal endpoint take it before others */
    uint8_t fixed : 1;      /* lives to its deadline, whatever traffic does */
    uint8_t shared : 1;     /* its external endpoint may be others' too: see nat/shares.h */
    uint8_t answered : 1;   /* packets have gone both ways; known only where a timeout depends on it */
    int64_t deadline;       /* dead from here on */

    int64_t made;
    uint32_t number;                      /* 0: the slot is free */
    uint32_t further_first, further_last; /* in the peers: who came after the first, in order; TCP: all its sessions */
    uint32_t peer_count : 24;             /* the first included, if there is one; TCP: sessions */
    uint32_t origin : 4;                  /* enum nat_origin */
    uint32_t in_block : 1;                /* counted in a block of ports */
    uint32_t host;                        /* in the hosts, 0: not counted there */
    uint32_t pinholes;                    /* the newest of its pinholes, 0: it has none */
};

/* What a mapping is found by from inside. Of `remote` only what `dependence` says counts. */
struct mapping_key {
    struct endpoint internal, remote;
    uint8_t protocol, dependence;
};

struct peer;     /* nat/peers.h */
struct sessions; /* nat/sessions.h */

struct peers {
    struct peer *list;
    uint32_t slots, capacity, free, count;
    struct hash_index by_endpoint, by_address, affinity;
};

struct share;         /* nat/shares.h */
struct share_claim;

struct shares {
    struct share *of; /* by slot of mapping */
    struct share_claim *claims;
    uint32_t of_capacity, slots, capacity, free;
    struct hash_index by_claim;
};

struct mapping_table {
    struct mapping *mappings;
    uint32_t slots, capacity; /* slots ever used; room for */
    uint32_t free;            /* a free slot, which leads to the next by `further_first` */
    uint32_t count, made;     /* alive; ever made: the last number given */
    uint32_t open;            /* of those alive */
    uint32_t alive[NAT_REALMS][NAT_PROTOCOLS];
    uint32_t kinds[NAT_REALMS][NAT_PROTOCOLS][NAT_DEPENDENCES]; /* of those, by dependence */
    struct hash_index by_internal, by_external;
    struct hash_index origins;  /* the newest mapping of an internal endpoint: see mapping_origin */
    struct deadlines deadlines;
    struct peers peers;
    struct sessions *sessions; /* of TCP; NULL before the first */
    struct memory *memory;      /* that the table counts in, or NULL, */
    uint64_t counted;           /* and with how much: looked at whenever a large array grows */
    struct shares shares;
};

/* An empty table, whose first mapping gets the number after `made`. */
struct mapping_table *mapping_table_new(uint32_t made);
void mapping_table_free(struct mapping_table *table);
/* The table, empty still, counts in `memory` from now on. */
void mapping_table_count_in(struct mapping_table *table, struct memory *memory);
/* One of its arrays has grown. */
void mapping_table_recount(struct mapping_table *table);
size_t mapping_table_bytes(const struct mapping_table *table);

static inline struct mapping *
mapping_at(const struct mapping_table *table, uint32_t slot)
{
    return &table->mappings[slot - 1];
}

static inline struct endpoint
mapping_internal(const struct mapping *mapping)
{
    return (struct endpoint){ mapping->internal_address, mapping->internal_port };
}

static inline struct endpoint
mapping_external(const struct mapping *mapping)
{
    return (struct endpoint){ mapping->external_address, mapping->external_port };
}

static inline struct endpoint
mapping_first_peer(const struct mapping *mapping)
{
    return (struct endpoint){ mapping->peer_address, mapping->peer_port };
}

static inline bool
mapping_is_first_peer(const struct mapping *mapping, const struct endpoint *remote)
{
    return mapping->peer_port == remote->port && address_equal(mapping->peer_address, remote->address);
}

/* Whether a packet of the internal endpoint to `remote` is the mapping's by its own dependence. */
static inline bool
mapping_covers(const struct mapping *mapping, const struct endpoint *remote)
{
    if (mapping->dependence != NAT_ADDRESS_DEPENDENT && mapping->dependence != NAT_ADDRESS_AND_PORT_DEPENDENT)
        return true;
    return address_equal(mapping->peer_address, remote->address) &&
           (mapping->dependence == NAT_ADDRESS_DEPENDENT || mapping->peer_port == remote->port);
}

/* Whether mappings of this protocol and these families are alive that were made under another dependence: options have
 * changed since. */
static inline bool
mapping_other_kinds(const struct mapping_table *table, const struct mapping_key *key)
{
    unsigned realm = nat_realm(key->internal.address, key->remote.address), index = nat_protocol_index(key->protocol);

    return table->alive[realm][index] != table->kinds[realm][index][key->dependence];
}

/* The slot, or 0. */
uint32_t mapping_find(const struct mapping_table *table, const struct mapping_key *key);
uint32_t mapping_find_external(const struct mapping_table *table, uint8_t protocol, const struct endpoint *external);

/* The open mapping of the key's internal endpoint, whatever the key's dependence, or 0. Most boxes have none at all. */
uint32_t mapping_search_open(const struct mapping_table *table, const struct mapping_key *key);

static inline uint32_t
mapping_find_open(const struct mapping_table *table, const struct mapping_key *key)
{
    return G_UNLIKELY(table->open) ? mapping_search_open(table, key) : 0;
}

/* Makes a mapping whose first peer is the key's remote, or that has none when this is ADDRESS_NONE. There must be fewer
 * than NAT_MAPPINGS_MAX. */
uint32_t mapping_make(struct mapping_table *table, const struct mapping_key *key, struct endpoint external, int64_t now,
                      int64_t deadline);

/* For nat/shares.h: the mapping that is found by the external endpoint of that in `slot` besides it, or 0; a mapping is
 * no more, or again, found by its external endpoint. */
uint32_t mapping_other_external(const struct mapping_table *table, uint32_t slot);
void mapping_disown_external(struct mapping_table *table, uint32_t slot);
void mapping_own_external(struct mapping_table *table, uint32_t slot);

/* Opens a mapping, which must not depend on whom it sends to. */
void mapping_open(struct mapping_table *table, uint32_t slot);

/* Moves a deadline to an earlier time: the table may wake earlier then. */
void mapping_hasten(struct mapping_table *table, uint32_t slot, int64_t deadline);

/* The mapping lives until `deadline`. True when that is earlier than before, and so the table may wake earlier. */
static inline bool
mapping_refresh(struct mapping_table *table, uint32_t slot, int64_t deadline)
{
    struct mapping *mapping = mapping_at(table, slot);

    if (deadline < mapping->deadline) {
        mapping_hasten(table, slot, deadline);
        return true;
    }
    mapping->deadline = deadline;
    return false;
}

/* Takes a mapping out, and its peers with it. */
void mapping_end(struct mapping_table *table, uint32_t slot);

/* A mapping whose deadline is not after `now`, the earliest first, of equals the oldest; 0 when there is none. The
 * caller ends it. */
uint32_t mapping_due(struct mapping_table *table, int64_t now);

/* No mapping is due before; TIME_NEVER when there is none at all. */
static inline int64_t
mapping_table_wake(const struct mapping_table *table)
{
    return deadlines_wake(&table->deadlines);
}

/* The newest living mapping of an internal endpoint among those given to mapping_origin_set, or 0: only words are made
 * from it, so it is kept only while somebody listens. */
uint32_t mapping_origin(const struct mapping_table *table, uint8_t protocol, struct endpoint internal);
void mapping_origin_set(struct mapping_table *table, uint32_t slot);

/* Calls `tell` for each slot alive, oldest mapping first. `tell` may end the mapping it is told, and no other. */
void mapping_each(struct mapping_table *table, void (*tell)(void *user, uint32_t slot), void *user);

#endif
