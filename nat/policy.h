/* The options of a box, kept: with lists of its own, and shared by boxes of a world that are made alike.
 *
 * Ten thousand homes behind one kind of NAT hold its options once. A policy never changes; a box whose options change
 * gets another one. It counts who holds it: whoever took it releases it. */
#ifndef NAT_POLICY_H
#define NAT_POLICY_H

#include "nat/nat.h"

/* Options as these, for a box that is being made: what another box of the world has, if that was made alike and they
 * have no lists. */
const struct nat_options *policy_take_shared(struct world *world, const struct nat_options *options);

/* A copy of these alone. */
const struct nat_options *policy_take(const struct nat_options *options);

void policy_release(const struct nat_options *policy);

#endif
