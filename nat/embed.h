/* IPv4 addresses in IPv6 addresses: RFC 6052, for translators between the families.
 *
 * A prefix of 32, 40, 48, 56, 64 or 96 bits, then the 32 bits of the IPv4 address, of which none stand in bits 64 to 71:
 * those are zero (section 2.2). What follows is zero too when written, and not looked at when read. */
#ifndef NAT_EMBED_H
#define NAT_EMBED_H

#include "core/base/address.h"

/* 64:ff9b::/96 (RFC 6052 section 2.1). Never for private IPv4 addresses (section 3.1); 64:ff9b:1::/48 is for those
 * (RFC 8215). */
extern const struct prefix embed_well_known;

/* Whether IPv4 addresses can be embedded behind such a prefix: its length, and no bit among 64 to 71. */
bool embed_prefix_is_good(struct prefix prefix);

/* The IPv6 address that stands for an IPv4 address. */
struct address embed_ipv4(struct prefix prefix, struct address ipv4);

/* The IPv4 address in an IPv6 address; false when it has another prefix, or bits where zeros must be. */
bool embedded_ipv4(struct prefix prefix, struct address ipv6, struct address *ipv4);

/* Whether this prefix may stand before this IPv4 address (section 3.1). */
bool embed_allows(struct prefix prefix, struct address ipv4);

#endif
