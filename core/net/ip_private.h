/* What ip.c and ipv6.c share. */
#ifndef CORE_NET_IP_PRIVATE_H
#define CORE_NET_IP_PRIVATE_H

#include "core/net/ip.h"

/* What cannot stand in a packet on a wire: RFC 1122 section 3.2.1.3, RFC 4291 section 2. An unspecified source is a host
 * that has no address yet, and hosts here have theirs. */
bool ip_addresses_possible(struct address source, struct address destination);

/* Reads what the flow needs from the transport header, and checks its lengths. `*flags` are those that the packet is to
 * have. */
enum drop_reason ip_check_transport(struct packet *packet, uint16_t *flags);

#endif
