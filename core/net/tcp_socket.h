/* TCP sockets of a simulated host (RFC 9293): what core/net/stack.c opens for the io seam.
 *
 * The connections themselves are machines (core/net/tcp_machine.h); here is what lies around them: ports, listeners,
 * the way of a segment to its connection, timers, and telling owners. Callbacks come from arriving packets and timers
 * only, never from inside a call. A closed socket's connection lives on without an owner until its last word,
 * TIME-WAIT included; it does not keep its port from being bound again, only its pair of endpoints from being used
 * again. */
#ifndef CORE_NET_TCP_SOCKET_H
#define CORE_NET_TCP_SOCKET_H

#include "core/base/io.h"
#include "core/net/packet.h"
#include "core/net/tcp_machine.h"

struct stack;
struct tcp_host;

/* The TCP of a stack, made at its first use. Freeing is silent: nobody is told, nothing is sent. */
struct tcp_host *tcp_host_new(struct stack *stack);
void tcp_host_free(struct tcp_host *host);

/* Connections opened from now on have these settings, which are borrowed; tcp_settings_default at first. */
void tcp_host_use(struct tcp_host *host, const struct tcp_settings *settings);

/* As in struct io_ops. */
struct io_tcp *tcp_listen(struct tcp_host *host, const struct endpoint *local, bool share, io_tcp_ready *ready,
                          void *owner, enum io_result *why);
struct io_tcp *tcp_connect(struct tcp_host *host, const struct endpoint *local, const struct endpoint *peer, bool share,
                           io_tcp_ready *ready, void *owner, enum io_result *why);

/* Keep-alives of a connection that one of the above, or `accept`, has given, off at first (RFC 9293 section 3.8.4). */
void tcp_set_keep_alive(struct io_tcp *tcp, bool on);
/* The connection's machine, to look at. */
const struct tcp_machine *tcp_machine_of(const struct io_tcp *tcp);

/* A segment for this node whose checksum is right. Takes the packet over. */
void tcp_receive(struct tcp_host *host, struct packet *packet);

/* `packet` is an ICMP error about a segment of ours with sequence number `seq`. False, and nothing has happened, when
 * no connection has such a segment in flight; else it is journalled as delivered, and the packet remains the
 * caller's. */
bool tcp_error(struct tcp_host *host, const struct packet *packet, const struct io_icmp *icmp, uint32_t seq);

/* Whether a socket or a connection, also one without an owner, uses this port of this address (none: of any). */
bool tcp_port_taken(const struct tcp_host *host, struct endpoint local);

/* Connections that there are, those without an owner included. */
uint32_t tcp_connection_count(const struct tcp_host *host);

#endif
