#include "nat/embed.h"

const struct prefix embed_well_known = { { UINT64_C(0x0064ff9b00000000), 0 }, 96 };

#define U_OCTET 8 /* bits 64 to 71 */

bool
embed_prefix_is_good(struct prefix prefix)
{
    uint8_t bytes[16];
    unsigned length = prefix.length;

    if (address_is_ipv4(prefix.address))
        return false;
    address_to_bytes(prefix.address, bytes);
    return length == 96 ? bytes[U_OCTET] == 0 : length % 8 == 0 && length >= 32 && length <= 64;
}

/* Where the n-th byte of the IPv4 address stands. */
static unsigned
place_of(struct prefix prefix, unsigned n)
{
    unsigned place = prefix.length / 8 + n;

    return prefix.length <= 64 && place >= U_OCTET ? place + 1 : place;
}

struct address
embed_ipv4(struct prefix prefix, struct address ipv4)
{
    uint8_t bytes[16], four[16];

    address_to_bytes(address_network(prefix.address, prefix.length), bytes);
    address_to_bytes(ipv4, four);
    for (unsigned n = 0; n < 4; n++)
        bytes[place_of(prefix, n)] = four[n];
    return address_from_bytes(bytes, FAMILY_IPV6);
}

bool
embedded_ipv4(struct prefix prefix, struct address ipv6, struct address *ipv4)
{
    uint8_t bytes[16], four[4];

    if (!prefix_contains(prefix, ipv6))
        return false;
    address_to_bytes(ipv6, bytes);
    if (bytes[U_OCTET] != 0)
        return false;
    for (unsigned n = 0; n < 4; n++)
        four[n] = bytes[place_of(prefix, n)];
    *ipv4 = address_from_bytes(four, FAMILY_IPV4);
    return true;
}

bool
embed_allows(struct prefix prefix, struct address ipv4)
{
    return prefix.length != embed_well_known.length || !prefix_contains(embed_well_known, prefix.address) ||
           !address_is_private(ipv4);
}
