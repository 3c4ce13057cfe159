/* The RST that answers a segment of no connection (RFC 9293 section 3.10.7.1), for nodes that speak for others: a box
 * refuses a connection this way. */
#ifndef CORE_NET_TCP_RESET_H
#define CORE_NET_TCP_RESET_H

#include "core/net/node.h"

/* Sends what `packet`, a TCP segment, gets if nobody is there: a RST that its sender accepts, from the endpoint that it
 * was sent to. Nothing for a RST, a malformed header, or a sender that no packet may go to (as RFC 1122 section 3.2.2
 * has it for ICMP errors). Borrows the packet. */
void tcp_send_reset(struct node *node, const struct packet *packet);

#endif
