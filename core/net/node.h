/* Nodes: hosts, routers, firewalls and NAT boxes are all one of these.
 *
 * A node has ports (its interfaces), local addresses, routes, a stack of sockets made at first use, and perhaps a
 * *middlebox*, the part of it that translates or filters. What a packet meets on its way through a node, in this order
 * (node.c reads like this list):
 *
 *   capture, header checks, is it for one of my addresses?
 *     no:  TTL (an error quotes the packet as it was sent), middlebox `enter`, route, middlebox `leave`
 *     yes: middlebox `enter`; then the own stack, or, where the middlebox gave it another destination, route and on
 *   MTU (fragment, or an error that goes back through the middlebox), the port's wire, capture
 *
 * A node is owned by its world. */
#ifndef CORE_NET_NODE_H
#define CORE_NET_NODE_H

#include "core/base/capture.h"
#include "core/base/io.h"
#include "core/net/ip.h"
#include "core/net/link.h"
#include "core/net/net.h"

struct segment;
struct stack;
struct middlebox;
struct reassembly;
struct routes;

/* Addresses that a node answers to: one, or a run of `count` from `first` (a pool). */
struct local_range {
    struct address first;
    struct port *port;
    uint32_t count;
    uint8_t prefix_length; /* of the network that `first` is in, within its family: what is on-link */
};

/* An interface. */
struct port {
    struct node *node;
    struct port *next;           /* of the node */
    struct wire *wire;           /* away from here; NULL: it sits on its segment directly */
    struct segment *segment;     /* NULL: point to point */
    struct capture *capture;     /* NULL: nobody looks */
    uint32_t interface;          /* unique in the world, from 1 */
    uint32_t capture_number;     /* what the capture calls it */
    bool inside;                 /* an inside port of a box: its segment is behind the middlebox */
    uint32_t number;             /* in the node, from 0 */
    uint64_t packets_in, bytes_in, packets_out, bytes_out;
};

/* What a node counted by itself; `dropped` is made at the first drop. */
struct node_counts {
    uint64_t sent, delivered, forwarded;
    uint64_t *dropped; /* by enum drop_reason */
};

/* The next step of a packet: the port it leaves by, and whom it is handed to there. */
struct hop {
    struct address next;
    struct port *port;
};

/* What a node with a middlebox does with fragments (RFC 4787 REQ-14). */
enum node_fragments {
    NODE_FRAGMENTS_REASSEMBLE, /* puts them together, in whatever order they come */
    NODE_FRAGMENTS_DROP,       /* passes none */
    NODE_FRAGMENTS_IN_ORDER,   /* takes each only when those before it have come */
};

struct node {
    struct world *world;
    const char *name;
    struct middlebox *box;
    struct stack *stack;
    struct reassembly *reassembly; /* made at the first fragment that is put together here */
    struct port *ports, *last_port; /* in order of making */
    struct port *default_ports[2];  /* see node_default: of IPv4 and IPv6, */
    const struct address *gateways; /* and one each; shared with others, and NULL where both are none */
    struct routes *routes;       /* besides local networks and the default; NULL: none */
    struct address way_to;       /* the last destination that was routed, which is no address of the node's, */
    struct hop way;              /* and where that went; no port: nothing is remembered */
    struct local_range *locals;  /* local_count of them; `one` as long as there is only one */
    struct local_range one;
    uint32_t local_count;
    uint32_t number;             /* in the net: see net_node */
    bool forwards;               /* routes packets that are not for it */
    bool down;                   /* rebooting: everything that reaches it is dropped */
    bool keep_ttl;               /* forwards without taking one off the TTL, as some boxes do */
    uint8_t fragments;           /* enum node_fragments: what a node with a middlebox does with them */
    uint64_t made;               /* packets named so far */
    struct node_counts counts;
};

/* The part of a node that translates or filters. It embeds this.
 *
 * PASS: go on. MINE (enter only): for the own stack. DROP: packet->reason is set and the middlebox has written its own
 * record; the node ends the packet. HELD: the middlebox owns the packet, has taken it off `leave`'s list, and ends it
 * or sends it on later: with node_forward what `enter` held, with node_output what `leave` held.
 *
 * `in` is NULL in both for what the node made itself; `enter` sees such packets only when they are for an address of the
 * node's own: an error about a translated packet, say, which is to go on to an internal host.
 * `enter` also sees what is for the node's own addresses and must check the TTL of what it will send on (with
 * node_ttl_expired, before rewriting). Fragments come whole: a node with a middlebox reassembles first.
 * `leave` gets one packet in a list and may leave none, one or several there. */
struct middlebox_ops {
    enum verdict (*enter)(struct middlebox *box, struct packet *packet, struct port *in);
    enum verdict (*leave)(struct middlebox *box, struct packet_list *list, struct port *out);
    /* Whether a mapping uses this port of this address of the node: sockets must keep off it. */
    bool (*port_taken)(struct middlebox *box, uint8_t protocol, struct endpoint local);
    void (*free)(struct middlebox *box); /* with the node */
};

struct middlebox {
    const struct middlebox_ops *ops;
    struct node *node;
};

/* --- building ------------------------------------------------------------------------------------------------- */

/* A node without ports; `name` is copied. Owned by the world's net, which alone calls node_free. */
struct node *node_new(struct world *world, const char *name);
void node_free(struct node *node);

/* A port on `segment` by a link of its own with these options. */
struct port *node_join(struct node *node, struct segment *segment, const struct link_options *up,
                       const struct link_options *down);
/* A port that sits on `segment` directly: a box's inside. */
struct port *node_sit(struct node *node, struct segment *segment);
/* A port on a point-to-point link to a new port of `router`; the near end is `node`'s. */
struct port *node_connect(struct node *node, struct node *router, const struct link_options *up,
                          const struct link_options *down);
/* The other end of a point-to-point link; NULL on a segment. */
struct port *port_peer(const struct port *port);
/* The port's own link; NULL for one that sits on its segment. */
struct link *port_link(const struct port *port);

/* Gives `port` the addresses `first` and the `count` - 1 after it (below 2^32 in all), on-link within `prefix_length`.
 * On a segment they become members; on a point-to-point link the router learns a route to them. False when somebody has
 * one of them. */
bool node_add_address(struct node *node, struct port *port, struct address first, uint64_t count,
                      uint8_t prefix_length);
/* Takes the run that begins at `first` away again. */
void node_remove_address(struct node *node, struct address first);
/* Takes a port out: its addresses, routes and link go, what is under way on the link ends as DROP_LINK_DOWN. On a
 * point-to-point link the port at the other end goes too. */
void node_remove_port(struct node *node, struct port *port);

/* A route to `prefix` by `port`, by way of `gateway` where the port is on a segment (an address within its network). */
void node_add_route(struct node *node, struct prefix prefix, struct port *port, struct address gateway);
void node_remove_route(struct node *node, struct prefix prefix);
/* The default route of the gateway's family; with a `gateway` of none, as on point-to-point links, of both families.
 * Without a port there is none any more. */
void node_set_default(struct node *node, struct port *port, struct address gateway);
/* The same for one family, with or without a gateway. */
void node_set_default_of(struct node *node, enum family family, struct port *port, struct address gateway);

/* --- asking --------------------------------------------------------------------------------------------------- */

/* The local range that `address` is in; NULL when it is not this node's. */
const struct local_range *node_local(const struct node *node, struct address address);
/* Whether `address` is the broadcast address of a local network of IPv4. Networks of two addresses or one have none (RFC
 * 3021). */
bool node_is_broadcast(const struct node *node, struct address address);

static inline bool
node_owns(const struct node *node, struct address address)
{
    return node_local(node, address) != NULL;
}

/* The default route of a family: its port (NULL: there is none), and as `next` its gateway, none on a point-to-point
 * link. */
static inline struct hop
node_default(const struct node *node, enum family family)
{
    bool ipv6 = family == FAMILY_IPV6;

    return (struct hop){ node->gateways ? node->gateways[ipv6] : ADDRESS_NONE, node->default_ports[ipv6] };
}

/* The node's first address of `family` (FAMILY_NONE: of any); none when it has none. */
struct address node_address(const struct node *node, enum family family);
/* The first address of `family` on this port; none when it has none. */
struct address port_address(const struct port *port, enum family family);

/* Where a packet to `destination` goes: longest prefix first among local networks and routes, then the default. False
 * when there is no way. For a multicast or broadcast destination the default port, or the first one where there is no
 * default. The node remembers its last way. */
bool node_route(struct node *node, struct address destination, struct hop *hop);

/* The source address for a destination: see core/net/source.h. None without one, or without a way. */
struct address node_source_for(struct node *node, struct address destination);

/* Both at once, for who is about to send: the way to `destination` (hop->port NULL: to the node itself) and the source,
 * which is chosen when `*source` is unspecified, and must be the node's else. IO_NO_ROUTE, IO_NO_ADDRESS.
 * node_plan_by is for packets to a group by a port that is chosen already (NULL: the same as node_plan). */
enum io_result node_plan(struct node *node, struct address destination, struct address *source, struct hop *hop);
enum io_result node_plan_by(struct node *node, struct port *port, struct address group, struct address *source,
                            struct hop *hop);

/* The largest packet that goes out by this hop: in IPv6 at least 1280 bytes, whatever the link (RFC 8200 section 5). */
uint32_t hop_mtu(const struct hop *hop);

/* Counts of drops by this node for one reason. */
uint64_t node_dropped(const struct node *node, enum drop_reason reason);

/* --- packets -------------------------------------------------------------------------------------------------- */

/* The next name of this node's own packets. */
packet_name node_name_packet(struct node *node);

/* Shows a packet to whoever captures at `port`; nothing when nobody does, or `port` is NULL. */
static inline void
port_capture(const struct port *port, const struct packet *packet, enum capture_direction direction)
{
    if (port && port->capture)
        port->capture->packet(port->capture, port->capture_number, port->node->number, direction,
                              port->node->world->now, packet->name, packet_span(packet));
}

/* A packet has arrived at `port`: takes it over. Links call this. */
void port_receive(struct port *port, struct packet *packet);

/* Sends a packet that this node made: names it, journals it as sent, routes it and passes it through the middlebox's
 * `leave`. Takes it over. IO_OK, or why it could not leave (the packet is then ended with the matching reason). The name
 * is written to `*name` unless NULL. What is sent while the world is still being built (world_begin) leaves at its first turn. */
enum io_result node_send(struct node *node, struct packet *packet, packet_name *name);
/* The same where node_plan has found the way already. */
enum io_result node_send_by(struct node *node, struct packet *packet, const struct hop *hop, packet_name *name);

/* Sends a packet on from where `enter` (or a hold in `leave`) left it: route, `leave`, out. Takes it over. */
void node_forward(struct node *node, struct packet *packet);
/* A held packet goes on at `out` past the middlebox: MTU, wire. Takes it over. */
void node_output(struct node *node, struct packet *packet, const struct hop *hop);
/* A packet for the own stack. Takes it over. */
void node_deliver(struct node *node, struct packet *packet);

/* Checks the TTL of a packet that is about to be sent on. True when it has run out: the packet's reason is set, and the
 * caller journals it, sends the ICMP time exceeded and drops it. Otherwise takes one off, unless the node keeps TTLs. */
bool node_ttl_expired(struct node *node, struct packet *packet);

/* Forgets all fragments held, as in a reboot. */
void node_forget(struct node *node);

#endif
