/* Forwarding rules: external endpoints that lead to internal ones whether or not anything was sent from there.
 *
 * Of several rules for an endpoint the first counts. A rule for ports makes the mapping of a packet that comes, in
 * either direction, when there is none: both ways go by it, and no filter applies but the rule's `from`. A rule for a
 * whole address (port_low 0) is Basic NAT (RFC 3022 section 2.1): each port is mapped to itself, ICMP queries from
 * outside get to the internal host too, and nobody else is given a port of that address. */
#ifndef NAT_FORWARDS_H
#define NAT_FORWARDS_H

#include "nat/nat.h"

/* Whether a rule takes a packet from `remote` to `external` inside: where to. */
bool forwards_inbound(const struct nat_options *options, uint8_t protocol, const struct endpoint *external,
                      struct address remote, struct endpoint *internal);

/* Whether a rule names the external endpoint of an internal one; its address is none where any of the box's will do. */
bool forwards_outbound(const struct nat_options *options, uint8_t protocol, const struct endpoint *internal,
                       struct endpoint *external);

/* Whether a rule gives `external` to anybody but `internal`. */
bool forwards_elsewhere(const struct nat_options *options, uint8_t protocol, const struct endpoint *external,
                        const struct endpoint *internal);

/* Whether a rule gives all of an external address to another host than that of `internal`. */
bool forwards_all(const struct nat_options *options, struct address external, const struct endpoint *internal);

/* The internal address to which all of an external one leads, and the other way round; none for none. */
struct address forwards_basic_in(const struct nat_options *options, struct address external, struct address remote);
struct address forwards_basic_out(const struct nat_options *options, struct address internal);

#endif
