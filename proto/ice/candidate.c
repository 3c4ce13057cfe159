#include "proto/ice/candidate.h"

#include <glib.h>

const char *
ice_type_word(enum ice_type type)
{
    static const char *const words[] = { "host", "srflx", "prflx", "relay" };

    G_STATIC_ASSERT(G_N_ELEMENTS(words) == ICE_TYPES);
    return (unsigned)type < ICE_TYPES ? words[type] : "?";
}

const char *
ice_type_phrase(enum ice_type type)
{
    static const char *const phrases[] = { "host", "server-reflexive", "peer-reflexive", "relayed" };

    G_STATIC_ASSERT(G_N_ELEMENTS(phrases) == ICE_TYPES);
    return (unsigned)type < ICE_TYPES ? phrases[type] : "?";
}

const char *
ice_transport_word(enum ice_transport transport)
{
    static const char *const words[] = { "udp", "tcp-active", "tcp-passive", "tcp-so" };

    G_STATIC_ASSERT(G_N_ELEMENTS(words) == ICE_TRANSPORTS);
    return (unsigned)transport < ICE_TRANSPORTS ? words[transport] : "?";
}

unsigned
ice_type_preference(enum ice_type type)
{
    switch (type) {
    case ICE_HOST:
        return 126;
    case ICE_PRFLX:
        return 110;
    case ICE_SRFLX:
        return 100;
    default:
        return 0;
    }
}

uint32_t
ice_priority(unsigned type_preference, unsigned local_preference, unsigned component)
{
    return (uint32_t)type_preference << 24 | (uint32_t)local_preference << 8 | (ICE_COMPONENT_MOST - component);
}

uint32_t
ice_candidate_priority(const struct ice_candidate *candidate)
{
    return ice_priority(ice_type_preference(candidate->type), candidate->local_preference, candidate->component);
}

uint32_t
ice_candidate_prflx_priority(const struct ice_candidate *candidate)
{
    return ice_priority(ice_type_preference(ICE_PRFLX), candidate->local_preference, candidate->component);
}

uint64_t
ice_pair_priority(uint32_t controlling, uint32_t controlled)
{
    uint64_t least = MIN(controlling, controlled), most = MAX(controlling, controlled);

    return (least << 32) + 2 * most + (controlling > controlled);
}

/* RFC 6544 section 4.2: what crosses a NAT only if it opens both ways is preferred among reflexive ones, last
 * otherwise. */
static unsigned
direction_preference(enum ice_type type, enum ice_transport transport)
{
    bool reflexive = type == ICE_SRFLX || type == ICE_PRFLX;

    switch (transport) {
    case ICE_TCP_ACTIVE:
        return reflexive ? 4 : 6;
    case ICE_TCP_PASSIVE:
        return reflexive ? 2 : 4;
    case ICE_TCP_SO:
        return reflexive ? 6 : 2;
    default:
        return 0;
    }
}

uint16_t
ice_tcp_local_preference(enum ice_type type, enum ice_transport transport, unsigned other)
{
    return (uint16_t)(direction_preference(type, transport) << 13 | MIN(other, ICE_TCP_OTHER_MOST));
}

/* Those of one reliability, by RFC 8421 section 4, appended at `order`. The section's figure is 1 where IPv4 addresses
 * are in the majority and would put them all first; IPv6 has the first place here even then, as section 4 wants it. */
static size_t
order_group(const struct ice_address *addresses, size_t count, bool unreliable, uint16_t *order)
{
    uint16_t of[2][ICE_ADDRESSES_MOST];
    size_t counts[2] = { 0, 0 }, next[2] = { 0, 0 }, placed = 0;

    for (size_t i = 0; i < count; i++) {
        unsigned family = address_is_ipv4(addresses[i].address);

        if (addresses[i].unreliable == unreliable)
            of[family][counts[family]++] = (uint16_t)i;
    }

    size_t total = counts[0] + counts[1];
    size_t run = counts[1] ? MAX(total / counts[1], counts[0] ? 2u : 1u) : total + 1;

    while (placed < total) {
        unsigned family = (placed + 1) % run == 0;

        if (next[family] == counts[family])
            family = !family;
        order[placed++] = of[family][next[family]++];
    }
    return placed;
}

size_t
ice_address_order(const struct ice_address *addresses, size_t count, uint16_t *order)
{
    count = MIN(count, ICE_ADDRESSES_MOST);

    size_t placed = order_group(addresses, count, false, order);

    return placed + order_group(addresses, count, true, order + placed);
}

uint16_t
ice_local_preference(size_t rank)
{
    return (uint16_t)(UINT16_MAX - 1000 * MIN(rank, ICE_ADDRESSES_MOST));
}

uint16_t
ice_tcp_other_preference(size_t rank)
{
    return (uint16_t)(ICE_TCP_OTHER_MOST - 125 * MIN(rank, ICE_ADDRESSES_MOST));
}

bool
ice_same_foundation(const struct ice_candidate *a, const struct ice_candidate *b)
{
    return a->type == b->type && a->transport == b->transport && address_equal(a->base.address, b->base.address) &&
           address_equal(a->server.address, b->server.address);
}

static bool
foundation_is_taken(const char *foundation, const struct ice_candidate *others, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(others[i].foundation, foundation) == 0)
            return true;
    return false;
}

void
ice_foundation_assign(struct ice_candidate *candidate, const struct ice_candidate *others, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (others[i].foundation[0] && ice_same_foundation(candidate, &others[i])) {
            memcpy(candidate->foundation, others[i].foundation, sizeof candidate->foundation);
            return;
        }
    for (unsigned number = 1;; number++) {
        g_snprintf(candidate->foundation, sizeof candidate->foundation, "%u", number);
        if (!foundation_is_taken(candidate->foundation, others, count))
            return;
    }
}

bool
ice_is_redundant(const struct ice_candidate *a, const struct ice_candidate *b)
{
    return a->stream == b->stream && a->component == b->component && a->transport == b->transport &&
           endpoint_equal(a->endpoint, b->endpoint) && endpoint_equal(a->base, b->base);
}

bool
ice_is_ice_chars(struct span text, size_t least, size_t most)
{
    if (text.length < least || text.length > most)
        return false;
    for (size_t i = 0; i < text.length; i++)
        if (!g_ascii_isalnum(text.bytes[i]) && text.bytes[i] != '+' && text.bytes[i] != '/')
            return false;
    return true;
}
