/* With whom a relay may talk (RFC 8656 sections 10.2, 12.2 and 21): nobody shall get into a network through it.
 *
 * A relay that sends anywhere is a way round every firewall that trusts the relay's host: to services that listen on
 * loopback only, to the hosts of the network behind it, to a cloud's metadata service on a link-local address. So by
 * default these peers are refused: unspecified and "this network" (0/8), loopback, link-local, multicast, broadcast and
 * reserved (240/4), private addresses (RFC 1918, RFC 6598, RFC 4193, and fec0::/10 of RFC 3879), and what is of no use across
 * the internet: 192.0.0/24 (RFC 6890), 198.18/15 (RFC 2544), 192.88.99/24 (RFC 7526), 100::/64 (RFC 6666) and 5f00::/16 (RFC
 * 9602). Prefixes for documentation (RFC 5737, RFC 3849) are not refused: laboratories live there. `deny` adds prefixes;
 * `allow` takes from all of these, and is the stronger where both say something.
 *
 * An IPv6 address that stands for an IPv4 one, which some translator or tunnel on the way may turn it into, is judged as
 * both: IPv4-mapped and IPv4-compatible (RFC 4291), IPv4-translated (RFC 2765), 6to4 (RFC 3056), Teredo's client (RFC 4380),
 * NAT64 (RFC 6052) and local-use NAT64 (RFC 8215). Pure. */
#ifndef PROTO_TURN_POLICY_H
#define PROTO_TURN_POLICY_H

#include "core/base/address.h"

/* The prefixes are borrowed. */
struct turn_policy {
    const struct prefix *allow, *deny;
    size_t allows, denies;
};

enum turn_opinion {
    TURN_PEER_ALLOWED, /* by `allow` */
    TURN_PEER_USUAL,   /* nothing speaks against it */
    TURN_PEER_REFUSED,
};

enum turn_opinion turn_policy_of(const struct turn_policy *policy, struct address peer);

/* The IPv4 address that an IPv6 address stands for; ADDRESS_NONE for every other one. */
struct address turn_embedded_ipv4(struct address address);

#endif
