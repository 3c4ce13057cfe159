/* The servers of port control in a NAT box: PCP and NAT-PMP on UDP port 5351, UPnP IGD on UDP port 1900 and TCP port
 * 5000, on the box's inside IPv4 addresses. The engines are those of proto/portmap; what they grant are explicit mappings
 * of the NAT (nat/nat.h), each with its lifetime and its origin.
 *
 * Which of them run can be changed at any time, and so can the box's inside: the sockets follow. */
#ifndef NAT_SERVICES_PORT_CONTROL_H
#define NAT_SERVICES_PORT_CONTROL_H

#include "nat/nat.h"
#include "proto/portmap/server.h"
#include "proto/portmap/upnp_server.h"

struct port_control;

/* `kinds`: enum nat_control, or-ed; 0: none runs. NULL and `*why` when a port cannot be had. The world owns it; it ends
 * before the NAT does. */
struct port_control *port_control_new(struct node *node, struct nat *nat, unsigned kinds, enum io_result *why);
/* False and `*why` as above; what ran before runs on then. */
bool port_control_set(struct port_control *control, unsigned kinds, enum io_result *why);

/* The box has lost all and is back at `at`: the servers know nothing any more, and tell all inside from then on. */
void port_control_reboot(struct port_control *control, int64_t at);

/* Those that run; NULL for one that doesn't. */
const struct portmap_server *port_control_server(const struct port_control *control);
const struct upnp_server *port_control_upnp(const struct port_control *control);

#endif
