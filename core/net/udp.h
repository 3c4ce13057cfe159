/* UDP sockets of a simulated host (RFC 768): what core/net/stack.c opens for the io seam. */
#ifndef CORE_NET_UDP_H
#define CORE_NET_UDP_H

#include "core/net/stack_private.h"

struct io_udp *udp_open(struct stack *stack, const struct endpoint *local, const struct io_udp_events *events, void *owner,
                        enum io_result *why);

/* A datagram for this node whose checksum is right: gives it to its sockets and ends it. Takes it over. */
void udp_receive(struct stack *stack, struct packet *packet);

/* An ICMP error about a datagram of ours. False when no socket sent it. */
bool udp_error(struct stack *stack, const struct io_icmp *icmp);

/* Whether a socket uses this port of this address (none: of any). */
bool udp_port_taken(const struct stack *stack, struct endpoint local);

/* Whether a socket has joined the group, or every node is in it. */
bool udp_in_group(const struct stack *stack, struct address group);

void udp_close_all(struct stack *stack);

#endif
