#include "proto/turn/policy.h"

#define PREFIX_6TO4 UINT64_C(0x2002)
#define PREFIX_TEREDO UINT64_C(0x20010000)
#define PREFIX_TRANSLATED UINT64_C(0xffff0000) /* ::ffff:0:0:0/96 */
#define PREFIX_NAT64 UINT64_C(0x0064ff9b00000000)
#define PREFIX_NAT64_LOCAL UINT64_C(0x0064ff9b0001)

struct address
turn_embedded_ipv4(struct address address)
{
    if (address_is_ipv4(address))
        return ADDRESS_NONE;
    if (address.high >> 48 == PREFIX_6TO4)
        return address_ipv4((uint32_t)(address.high >> 16));
    if (address.high >> 32 == PREFIX_TEREDO)
        return address_ipv4(~(uint32_t)address.low);
    if (address.high == PREFIX_NAT64 && address.low >> 32 == 0)
        return address_ipv4((uint32_t)address.low);
    if (address.high >> 16 == PREFIX_NAT64_LOCAL) /* a /96 of it is what RFC 8215 section 5 expects */
        return address_ipv4((uint32_t)address.low);
    if (address.high == 0 && address.low >> 32 == PREFIX_TRANSLATED)
        return address_ipv4((uint32_t)address.low);
    if (address.high == 0 && address.low >> 32 == 0 && address.low > 1)
        return address_ipv4((uint32_t)address.low);
    return ADDRESS_NONE;
}

static bool
is_among(const struct prefix *prefixes, size_t count, struct address address)
{
    for (size_t i = 0; i < count; i++)
        if (prefix_contains(prefixes[i], address))
            return true;
    return false;
}

/* By the registries of special-purpose addresses (RFC 6890): none of these is a host of the internet. */
static bool
is_set_aside(struct address address)
{
    const struct prefix prefixes[] = {
        { address_ipv4(0xc0000000), 24 }, /* 192.0.0.0: protocol assignments */
        { address_ipv4(0xc0586300), 24 }, /* 192.88.99.0: relays of 6to4, once */
        { address_ipv4(0xc6120000), 15 }, /* 198.18.0.0: benchmarks */
        { { UINT64_C(0xfec0) << 48, 0 }, 10 }, /* site-local, once */
        { { UINT64_C(0x0100) << 48, 0 }, 64 }, /* discard-only */
        { { UINT64_C(0x5f00) << 48, 0 }, 16 }, /* SRv6 SIDs */
    };

    return is_among(prefixes, sizeof prefixes / sizeof *prefixes, address);
}

static bool
is_special(struct address address)
{
    uint32_t first = address_is_ipv4(address) ? address_to_ipv4(address) >> 24 : 1;

    return address_is_unspecified(address) || address_is_for_all(address) || address_is_loopback(address) ||
           address_is_link_local(address) || address_is_private(address) || first == 0 || first >= 240 ||
           is_set_aside(address);
}

static enum turn_opinion
opinion(const struct turn_policy *policy, struct address address)
{
    if (is_among(policy->allow, policy->allows, address))
        return TURN_PEER_ALLOWED;
    if (is_among(policy->deny, policy->denies, address) || is_special(address))
        return TURN_PEER_REFUSED;
    return TURN_PEER_USUAL;
}

enum turn_opinion
turn_policy_of(const struct turn_policy *policy, struct address peer)
{
    struct address embedded = turn_embedded_ipv4(peer);
    enum turn_opinion outer = opinion(policy, peer);

    if (address_is_none(embedded) || outer != TURN_PEER_USUAL)
        return outer;
    return opinion(policy, embedded);
}
