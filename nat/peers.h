/* The peers of mappings: whom an internal endpoint has sent to through a mapping, which is what filters ask (RFC 4787
 * section 5), and who was admitted through it.
 *
 * A mapping's first peer stands in the mapping itself, and most mappings have no other. Further ones stand here, for
 * all mappings of a box together, found by mapping and endpoint, or by mapping and address, in one look-up each. They
 * die with their mapping.
 *
 * Reply affinity (RFC 5382 section 4.3): a peer that was admitted through a mapping which a packet to it would not take
 * is found by internal and remote endpoint too, and so leads the reply to that mapping. */
#ifndef NAT_PEERS_H
#define NAT_PEERS_H

#include "nat/mappings.h"

/* What a filter finds out about a sender. */
enum peer_known { PEER_UNKNOWN, PEER_ADMITTED, PEER_SENT_TO };

/* What the mapping knows of `remote`, by address and port. */
enum peer_known peer_find(const struct mapping_table *table, uint32_t slot, const struct endpoint *remote);

/* Whether the mapping's internal endpoint has sent to this address, whatever the port. */
bool peer_address_sent_to(const struct mapping_table *table, uint32_t slot, struct address address);

/* Remembers a packet out to `remote` (PEER_SENT_TO), or one admitted from there (PEER_ADMITTED), at the end of the
 * mapping's peers unless it is among them. False when there is no room for a new one. */
bool peer_note(struct mapping_table *table, uint32_t slot, const struct endpoint *remote, enum peer_known known);

/* Writes at most `max` of the mapping's peers, oldest first. */
void peer_list(const struct mapping_table *table, uint32_t slot, struct endpoint *peers, uint32_t max);

/* From now on replies of the mapping's internal endpoint to `remote`, one of its further peers, leave by this
 * mapping. */
void peer_affine(struct mapping_table *table, uint32_t slot, const struct endpoint *remote);
/* Replies of the key's internal endpoint to its remote go the ordinary way again. */
void peer_affine_forget(struct mapping_table *table, const struct mapping_key *key);
/* The mapping that such replies go by, or 0 for the ordinary way. */
uint32_t peer_affinity(const struct mapping_table *table, const struct mapping_key *key);

/* The mapping in `slot` ends. */
void peers_drop(struct mapping_table *table, uint32_t slot);
void peers_clear(struct peers *peers);
size_t peers_bytes(const struct peers *peers);

#endif
