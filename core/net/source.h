/* Which of a node's addresses a packet of its own comes from. */
#ifndef CORE_NET_SOURCE_H
#define CORE_NET_SOURCE_H

#include "core/net/node.h"

/* For a packet to `destination` that leaves by `port`: of its addresses, or, when it has none of that family, of the
 * node's. IPv4: the first (RFC 1122 section 3.3.4.3). IPv6: by the rules of RFC 6724 section 5, as far as addresses here
 * differ: 2 (scope), 5 (interface), 6 (label), 8 (longest prefix); of equals the first. None when there is none. */
struct address source_choose_ipv6(const struct node *node, const struct port *port, struct address destination);

static inline struct address
source_choose(const struct node *node, const struct port *port, struct address destination)
{
    struct address source;

    if (!address_is_ipv4(destination))
        return source_choose_ipv6(node, port, destination);
    source = port_address(port, FAMILY_IPV4);
    return address_is_none(source) ? node_address(node, FAMILY_IPV4) : source;
}

#endif
