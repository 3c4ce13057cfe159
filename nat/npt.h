/* IPv6-to-IPv6 network prefix translation: NPTv6, RFC 6296. A pure machine over addresses.
 *
 * It keeps no state: each internal address has one external address and the reverse, so whoever knows the external one
 * can begin. The new prefix changes the sum of the address's words; what it changed is taken off another word, so that no
 * checksum of any transport has to be mended (section 3.1), and a quoted header in an ICMPv6 error neither.
 *
 * Up to /48 that word is the subnet, bits 48 to 63 (section 3.4). For longer prefixes it is the first of the interface
 * identifier's four that isn't ffff (section 3.5). One of ffff can't be adjusted, because ffff and 0 count the same: an
 * address that has nothing else is not translated, and a result of ffff is written as 0. */
#ifndef NAT_NPT_H
#define NAT_NPT_H

#include "core/base/address.h"

struct npt {
    struct prefix internal, external; /* without host bits */
    uint8_t length;                   /* of the longer prefix; the shorter is used as if zeros followed it */
    uint16_t adjustment;              /* what an internal address's word gets on its way out */
};

#define NPT_LENGTH_MAX 64 /* the interface identifier has to have room for the adjustment */

/* False when a prefix is not IPv6 or longer than NPT_LENGTH_MAX. */
bool npt_make(struct npt *npt, struct prefix internal, struct prefix external);

/* The external address of an internal one, and the reverse. False when it is not in the prefix, or has no word that can
 * be adjusted (its sender is to get an ICMPv6 Destination Unreachable). */
bool npt_outbound(const struct npt *npt, struct address internal, struct address *external);
bool npt_inbound(const struct npt *npt, struct address external, struct address *internal);

#endif
