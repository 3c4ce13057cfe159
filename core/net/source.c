#include "core/net/source.h"

enum { SCOPE_LINK = 2, SCOPE_SITE = 5, SCOPE_GLOBAL = 14 };

/* RFC 6724 section 2.1; precedences are for who orders destinations. IPv4 addresses are not chosen from. */
static const struct policy {
    struct prefix prefix;
    uint8_t label;
} policies[] = {
    { { { 0, 1 }, 128 }, 0 },
    { { { UINT64_C(0x2001) << 48, 0 }, 32 }, 5 },
    { { { UINT64_C(0x2002) << 48, 0 }, 16 }, 2 },
    { { { UINT64_C(0x3ffe) << 48, 0 }, 16 }, 12 },
    { { { UINT64_C(0xfec0) << 48, 0 }, 10 }, 11 },
    { { { UINT64_C(0xfc00) << 48, 0 }, 7 }, 13 },
    { { { 0, 0 }, 96 }, 3 },
    { { { 0, 0 }, 0 }, 1 },
};

static unsigned
label_of(struct address address)
{
    const struct policy *policy = policies;

    while (!prefix_contains(policy->prefix, address))
        policy++; /* the last one contains all */
    return policy->label;
}

/* RFC 6724 section 3.1. A unique local address has global scope. */
static unsigned
scope_of(struct address address)
{
    if (address_is_multicast(address))
        return address.high >> 48 & 15;
    if (address_is_link_local(address) || address_is_loopback(address))
        return SCOPE_LINK;
    return address.high >> 54 == 0xfec0 >> 6 ? SCOPE_SITE : SCOPE_GLOBAL;
}

/* How many leading bits two addresses share. */
static unsigned
common_bits(struct address a, struct address b)
{
    uint64_t high = a.high ^ b.high, low = a.low ^ b.low;

    if (high)
        return (unsigned)__builtin_clzll(high);
    return low ? 64 + (unsigned)__builtin_clzll(low) : 128;
}

struct candidate {
    struct address address;
    uint8_t prefix_length;
    bool outgoing; /* it is one of the port's */
};

/* Whether `a` is better than `b`, which came before it (RFC 6724 section 5). */
static bool
is_better(const struct candidate *a, const struct candidate *b, struct address destination)
{
    unsigned wanted = scope_of(destination), scope_a = scope_of(a->address), scope_b = scope_of(b->address);
    bool label_a, label_b;

    if (scope_a != scope_b) /* rule 2 */
        return scope_a < scope_b ? scope_a >= wanted : scope_b < wanted;
    if (a->outgoing != b->outgoing) /* rule 5 */
        return a->outgoing;
    label_a = label_of(a->address) == label_of(destination);
    label_b = label_of(b->address) == label_of(destination);
    if (label_a != label_b) /* rule 6 */
        return label_a;
    return MIN(common_bits(a->address, destination), a->prefix_length) >
           MIN(common_bits(b->address, destination), b->prefix_length); /* rule 8 */
}

struct address
source_choose_ipv6(const struct node *node, const struct port *port, struct address destination)
{
    struct candidate best = { ADDRESS_NONE, 0, false };

    for (uint32_t i = 0; i < node->local_count; i++) {
        const struct local_range *range = &node->locals[i];
        struct candidate candidate = { range->first, range->prefix_length, range->port == port };

        if (address_is_ipv4(range->first))
            continue;
        if (address_is_none(best.address) || is_better(&candidate, &best, destination))
            best = candidate;
    }
    return best.address;
}
