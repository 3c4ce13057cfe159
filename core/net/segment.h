/* A segment: a local network in which members reach each other at layer 2.
 *
 * The inside of a box is one, and so is a network without a box. A packet on it is handed to the member that has the
 * packet's `next_hop` as an address; multicast and broadcast go to every other member. Members hang on links of their
 * own, only a box's inside port sits on its segment directly. */
#ifndef CORE_NET_SEGMENT_H
#define CORE_NET_SEGMENT_H

#include "core/net/node.h"

struct segment;

struct segment *segment_new(struct world *world, const char *name); /* owned by the world; copies the name */
const char *segment_name(const struct segment *segment);

/* Makes `address` lead to `port`, or no longer. An address has one member: false when another one has it. */
bool segment_add(struct segment *segment, struct address address, struct port *port);
void segment_remove(struct segment *segment, struct address address);
struct port *segment_member(struct segment *segment, struct address address);

/* Every port on it, for multicast: ports come and go with node_join, node_sit and node_remove_port. */
void segment_add_port(struct segment *segment, struct port *port);
void segment_remove_port(struct segment *segment, struct port *port);

/* The wire that leads down to a member; NULL for a port that sits on the segment directly. */
static inline struct wire *
segment_wire_to(const struct port *to)
{
    return to->wire ? &to->wire->link->down : NULL;
}

/* The largest packet that reaches a member. */
static inline uint32_t
segment_mtu_to(const struct port *to)
{
    const struct wire *wire = segment_wire_to(to);

    return wire ? wire_options(wire)->mtu : UINT32_MAX;
}

/* Hands a packet from `from` to a member that the caller has looked up; takes it over. */
void segment_hand(struct port *to, struct packet *packet, struct port *from);

/* Hands on a packet that has reached the segment from `from`; takes it over. */
void segment_forward(struct segment *segment, struct packet *packet, struct port *from);

#endif
