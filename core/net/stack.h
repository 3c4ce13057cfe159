/* The stack of a node: its sockets, and the io seam that engines on this node are handed.
 *
 * Made at first use, freed with the node. */
#ifndef CORE_NET_STACK_H
#define CORE_NET_STACK_H

#include "core/base/io.h"
#include "core/net/node.h"

/* The seam of this node; good as long as the node. */
struct io *node_io(struct node *node);
/* The node behind a seam that node_io gave. */
struct node *io_node(struct io *io);

/* Whether a socket of this node uses the port of `local` (address none: of any address). */
bool stack_port_taken(const struct node *node, uint8_t protocol, struct endpoint local);

/* A packet for this node: demultiplexes and ends it. Takes it over. Fragments have been put together. */
void stack_receive(struct node *node, struct packet *packet);

/* The identification of the next packet of this node that goes in IPv6 fragments: hard to guess, and long not used again
 * (RFC 8200 section 4.5, RFC 7739). */
uint32_t stack_fragment_identification(struct node *node);

/* Tells those who watch the host's addresses, at the next turn. */
void stack_addresses_changed(struct node *node);

void stack_free(struct stack *stack);

#endif
