/* The deadlines of a mapping table: a binary heap, lazily kept.
 *
 * A refresh to a later deadline, which is what nearly every packet does, leaves the heap alone: an entry that reaches
 * the top before its mapping's deadline goes back in with the new one. A refresh to an earlier one moves the entry. */
#ifndef NAT_DEADLINES_H
#define NAT_DEADLINES_H

#include "nat/mappings.h"

/* Adds the mapping in `slot`, not counted in table->count yet. */
void deadlines_add(struct mapping_table *table, uint32_t slot);
/* The mapping's deadline is earlier than it was. */
void deadlines_hasten(struct mapping_table *table, uint32_t slot);
/* Takes out a mapping that is still counted. */
void deadlines_remove(struct mapping_table *table, uint32_t slot);
/* Settles the top: it is a mapping's true deadline then, or later than `now`. */
void deadlines_settle(struct mapping_table *table, int64_t now);

#endif
