/* What the parts of the stack share: for stack.c, udp.c and icmp.c only. */
#ifndef CORE_NET_STACK_PRIVATE_H
#define CORE_NET_STACK_PRIVATE_H

#include "core/base/hash.h"
#include "core/net/paths.h"
#include "core/net/stack.h"

struct udp_socket;
struct tcp_host;

struct stack {
    struct io io; /* first: an io is its stack */
    struct node *node;
    struct hash_index udp_ports;  /* port -> place in `udp_sockets`, from 1; several sockets may share a port */
    GPtrArray *udp_sockets;       /* struct udp_socket *; closed ones leave a NULL */
    GArray *udp_free;             /* guint: places to use again */
    uint64_t udp_opened;          /* sockets opened so far */
    struct tcp_host *tcp;         /* made at the first listen, connect or segment */
    struct echo *echoes;
    struct io_watch *watches;
    struct event watchers_due;
    struct random_stream ports, engine;
    struct paths *paths;          /* what is known of IPv6 paths; NULL: nothing */
    uint32_t fragmented;          /* identification of the last packet that went in IPv6 fragments */
    uint16_t identification;      /* of the next IPv4 packet (RFC 6864) */
};

/* The node's stack; made at the first call. */
struct stack *node_stack(struct node *node);
/* Its TCP, likewise. */
struct tcp_host *stack_tcp(struct stack *stack);

/* Journals that `packet` has reached its end here. Call before whoever gets it is told. */
void stack_note_delivered(struct stack *stack, const struct packet *packet);

/* The largest packet for `peer` that is known to arrive, leaving by `hop`; to the node itself there is no limit. */
uint32_t stack_path_mtu(const struct stack *stack, const struct hop *hop, struct address peer);
/* Has a new IPv6 packet go in fragments where the path is known to carry no more. */
void stack_fit_path(const struct stack *stack, struct packet *packet);

static inline void
stack_fit(const struct stack *stack, struct packet *packet)
{
    if (G_UNLIKELY(stack->paths))
        stack_fit_path(stack, packet);
}

/* An ICMP packet for this node; takes it over. */
void icmp_receive(struct stack *stack, struct packet *packet);

#endif
