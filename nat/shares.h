/* External endpoints that several mappings share (RFC 4787 section 4.2.1: port overloading; RFC 7857 section 3: port
 * overlapping).
 *
 * A packet in goes to the mapping that sent last to the endpoint it comes from. Where none did, it goes to the newest
 * of those that share: the *owner*, which alone is found by its external endpoint (mapping_find_external). When the
 * owner ends, the next older one owns it again.
 *
 * Nothing here is held as long as no mapping shares, and only mappings that are marked so cost anything. */
#ifndef NAT_SHARES_H
#define NAT_SHARES_H

#include "nat/mappings.h"

/* The mapping in `slot`, just made, shares its external endpoint with those that have it, and owns it. */
void shares_join(struct mapping_table *table, uint32_t slot);

/* The mapping in `slot`, which shares, has sent to `remote`: packets in from there are its from now on. */
void shares_note(struct mapping_table *table, uint32_t slot, const struct endpoint *remote);

/* The mapping that sent last to `remote` from a shared external endpoint; 0 for none. */
uint32_t shares_find(const struct mapping_table *table, uint8_t protocol, const struct endpoint *external,
                     const struct endpoint *remote);

/* The mapping in `slot`, which shares, ends: takes it out of the external endpoints too. */
void shares_leave(struct mapping_table *table, uint32_t slot);

void shares_clear(struct shares *shares);
size_t shares_bytes(const struct shares *shares);

/* The mapping that a packet from `remote` to `external` is for, or 0. */
static inline uint32_t
mapping_find_inbound(const struct mapping_table *table, uint8_t protocol, const struct endpoint *external,
                     const struct endpoint *remote)
{
    uint32_t slot = mapping_find_external(table, protocol, external), exact;

    if (G_LIKELY(!slot || !mapping_at(table, slot)->shared))
        return slot;
    exact = shares_find(table, protocol, external, remote);
    return exact ? exact : slot;
}

#endif
