/* A packet's way through a node. Read port_receive first: the rest follows the packet. */
#include "core/net/node.h"

#include "core/net/icmp.h"
#include "core/net/ipv6.h"
#include "core/net/reassembly.h"
#include "core/net/routes.h"
#include "core/net/segment.h"
#include "core/net/source.h"
#include "core/net/stack.h"

/* --- asking ---------------------------------------------------------------------------------------------------- */

static bool
range_contains(const struct local_range *range, struct address address)
{
    return address.high == range->first.high && address.low - range->first.low < range->count;
}

const struct local_range *
node_local(const struct node *node, struct address address)
{
    for (uint32_t i = 0; i < node->local_count; i++)
        if (range_contains(&node->locals[i], address))
            return &node->locals[i];
    return NULL;
}

struct address
node_address(const struct node *node, enum family family)
{
    for (uint32_t i = 0; i < node->local_count; i++)
        if (family == FAMILY_NONE || address_family(node->locals[i].first) == family)
            return node->locals[i].first;
    return ADDRESS_NONE;
}

struct address
port_address(const struct port *port, enum family family)
{
    const struct node *node = port->node;

    for (uint32_t i = 0; i < node->local_count; i++)
        if (node->locals[i].port == port &&
            (family == FAMILY_NONE || address_family(node->locals[i].first) == family))
            return node->locals[i].first;
    return ADDRESS_NONE;
}

/* The local network that `address` is in, the longest prefix first; NULL when it is on none. Point-to-point links have
 * no network. */
static const struct local_range *
local_network(const struct node *node, struct address address)
{
    const struct local_range *best = NULL;

    for (uint32_t i = 0; i < node->local_count; i++) {
        const struct local_range *range = &node->locals[i];

        if (range->port->segment && prefix_contains((struct prefix){ range->first, range->prefix_length }, address) &&
            (!best || range->prefix_length > best->prefix_length))
            best = range;
    }
    return best;
}

bool
node_is_broadcast(const struct node *node, struct address address)
{
    const struct local_range *local = address_is_ipv4(address) ? local_network(node, address) : NULL;

    return local && local->prefix_length < 31 &&
           address_to_ipv4(address) << local->prefix_length == UINT32_MAX << local->prefix_length;
}

/* By the default route, to everybody on the network without a router too. False when there is none. */
static bool
route_by_default(const struct node *node, struct address destination, struct hop *hop)
{
    struct hop way = node_default(node, address_family(destination));
    bool for_all = address_is_for_all(destination);

    *hop = (struct hop){ for_all || address_is_none(way.next) ? destination : way.next, way.port };
    if (!hop->port && for_all && node->ports && node->ports->segment)
        hop->port = node->ports;
    return hop->port != NULL;
}

static bool
find_way(const struct node *node, struct address destination, struct hop *hop)
{
    const struct local_range *local = local_network(node, destination);
    const struct route *route = node->routes ? routes_find(node->routes, destination) : NULL;

    if (address_is_unspecified(destination) || address_is_loopback(destination))
        return false; /* no packet carries these (RFC 1122 section 3.2.1.3) */
    if (local && (!route || local->prefix_length >= route->prefix.length)) {
        *hop = (struct hop){ destination, local->port };
        return true;
    }
    if (route) {
        *hop = (struct hop){ address_is_none(route->gateway) ? destination : route->gateway, route->port };
        return true;
    }
    return route_by_default(node, destination, hop);
}

/* A node's traffic goes to the same places again and again: this saves nearly all look-ups. */
static inline bool
knows_way(const struct node *node, struct address destination)
{
    return address_equal(node->way_to, destination) && node->way.port;
}

static bool G_GNUC_NO_INLINE
find_new_way(struct node *node, struct address destination, struct hop *hop)
{
    if (!find_way(node, destination, hop))
        return false;
    if (!node_owns(node, destination) && !address_is_for_all(destination)) {
        node->way_to = destination;
        node->way = *hop;
    }
    return true;
}

static inline bool
route(struct node *node, struct address destination, struct hop *hop)
{
    if (!knows_way(node, destination))
        return find_new_way(node, destination, hop);
    *hop = node->way;
    return true;
}

bool
node_route(struct node *node, struct address destination, struct hop *hop)
{
    return route(node, destination, hop);
}

/* Whether a packet is for the node itself; the way to its own addresses is never remembered. */
static inline bool
is_mine(const struct node *node, struct address destination)
{
    return !knows_way(node, destination) && node_owns(node, destination);
}

/* Completes a plan whose hop is known: without a port it leads to the node itself. */
static inline enum io_result
plan_source(const struct node *node, struct address destination, struct address *source, const struct hop *hop)
{
    if (!address_is_unspecified(*source)) {
        if (!node_owns(node, *source))
            return IO_NO_ADDRESS;
        return address_family(*source) == address_family(destination) ? IO_OK : IO_NO_ROUTE;
    }
    *source = hop->port ? source_choose(node, hop->port, destination) : destination;
    return address_is_none(*source) ? IO_NO_ROUTE : IO_OK;
}

enum io_result
node_plan(struct node *node, struct address destination, struct address *source, struct hop *hop)
{
    bool to_self = is_mine(node, destination);

    hop->port = NULL;
    if (!to_self && !route(node, destination, hop))
        return IO_NO_ROUTE;
    return plan_source(node, destination, source, hop);
}

enum io_result
node_plan_by(struct node *node, struct port *port, struct address group, struct address *source, struct hop *hop)
{
    if (G_LIKELY(!port))
        return node_plan(node, group, source, hop);
    *hop = (struct hop){ group, port };
    return plan_source(node, group, source, hop);
}

struct address
node_source_for(struct node *node, struct address destination)
{
    struct address source = ADDRESS_NONE;
    struct hop hop;

    return node_plan(node, destination, &source, &hop) == IO_OK ? source : ADDRESS_NONE;
}

uint32_t
hop_mtu(const struct hop *hop)
{
    const struct port *port = hop->port;
    uint32_t mtu = link_defaults.mtu;
    struct port *member;

    if (port->wire)
        mtu = wire_options(port->wire)->mtu;
    else if ((member = segment_member(port->segment, hop->next)))
        mtu = segment_mtu_to(member);
    return address_is_ipv4(hop->next) ? mtu : MAX(mtu, IPV6_MTU_MIN);
}

uint64_t
node_dropped(const struct node *node, enum drop_reason reason)
{
    return node->counts.dropped ? node->counts.dropped[reason] : 0;
}

packet_name
node_name_packet(struct node *node)
{
    return PACKET_NAME(node->number, ++node->made);
}

/* --- in -------------------------------------------------------------------------------------------------------- */

/* The whole datagram when this fragment completes one; NULL while pieces are missing. */
static struct packet *
reassemble(struct node *node, struct packet *fragment)
{
    if (node->fragments == NODE_FRAGMENTS_DROP && node->box) {
        packet_drop(node, fragment, DROP_FRAGMENT_REFUSED);
        return NULL;
    }
    if (!node->reassembly)
        node->reassembly = reassembly_new(node);
    return reassembly_add(node->reassembly, fragment);
}

void
node_deliver(struct node *node, struct packet *packet)
{
    if (G_UNLIKELY(packet_is(packet, PACKET_FRAGMENT)) && !(packet = reassemble(node, packet)))
        return;
    stack_receive(node, packet);
}

/* What the middlebox made of a packet for one of the node's addresses. */
static void
after_enter(struct node *node, struct packet *packet, enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_PASS:
        if (is_mine(node, packet->flow.destination))
            node_deliver(node, packet);
        else
            node_forward(node, packet);
        return;
    case VERDICT_MINE:
        node_deliver(node, packet);
        return;
    case VERDICT_DROP:
        packet_end(node->world, node, packet, packet->reason);
        return;
    case VERDICT_HELD:
        return;
    case VERDICT_NONE:
        g_assert_not_reached();
    }
}

bool
node_ttl_expired(struct node *node, struct packet *packet)
{
    if (node->keep_ttl && packet->ttl > 0)
        return false;
    if (packet->ttl > 1) {
        ip_decrement_ttl(packet);
        return false;
    }
    packet->reason = DROP_TTL_EXCEEDED;
    return true;
}

/* Past the middlebox, if there is one. */
static inline void
enter(struct node *node, struct packet *packet)
{
    after_enter(node, packet, node->box->ops->enter(node->box, packet, packet->in));
}

/* A packet for somebody else. */
static inline void
pass_through(struct node *node, struct packet *packet)
{
    if (G_UNLIKELY(!node->forwards))
        packet_drop(node, packet, DROP_NOT_FOR_ME);
    else if (G_UNLIKELY(node_ttl_expired(node, packet)))
        icmp_refuse(node, packet, DROP_TTL_EXCEEDED, ICMP_TIME_EXCEEDED, 0, 0);
    else if (node->box)
        enter(node, packet);
    else
        node_forward(node, packet);
}

/* A checked packet, from a port or from the node itself. */
static inline void
handle(struct node *node, struct packet *packet)
{
    bool mine;

    if (G_UNLIKELY(packet_is(packet, PACKET_FRAGMENT)) && node->box && !(packet = reassemble(node, packet)))
        return;
    if (knows_way(node, packet->flow.destination)) {
        pass_through(node, packet);
        return;
    }
    mine = node_owns(node, packet->flow.destination);
    if (mine && node->box)
        enter(node, packet);
    else if (mine || address_is_for_all(packet->flow.destination))
        node_deliver(node, packet); /* what is for all goes no further: routers here forward no multicast */
    else
        pass_through(node, packet);
}

void
port_receive(struct port *port, struct packet *packet)
{
    struct node *node = port->node;
    struct world *world = node->world;
    enum drop_reason reason;

    port->packets_in++;
    port->bytes_in += packet->length;
    packet->in = port;
    port_capture(port, packet, CAPTURE_IN);
    if (G_UNLIKELY(node->down)) {
        packet_drop(node, packet, DROP_NODE_DOWN);
        return;
    }
    reason = ip_check(packet);
    if (G_UNLIKELY(reason != DROP_NONE)) {
        packet_drop(node, packet, reason);
        return;
    }
    world->handling = packet->name;
    handle(node, packet);
    world->handling = 0;
}

/* --- out ------------------------------------------------------------------------------------------------------- */

/* Puts a packet on its way. `to` is the member it is for where the port sits on its segment; NULL for everyone there. */
static void
transmit(struct node *node, struct packet *packet, const struct hop *hop, struct port *to)
{
    struct port *port = hop->port;

    port->packets_out++;
    port->bytes_out += packet->length;
    packet->next_hop = hop->next;
    if (port->wire) {
        wire_enter(port->wire, packet, node, port);
        return;
    }
    port_capture(port, packet, CAPTURE_OUT);
    if (to)
        segment_hand(to, packet, port);
    else
        segment_forward(port->segment, packet, port);
}

static void
transmit_fragments(struct node *node, struct packet *packet, const struct hop *hop, struct port *to, uint32_t size)
{
    struct packet_list pieces = { NULL, NULL };
    struct packet *piece;

    if (node->world->journal) {
        struct record record = packet_record(packet, &fragments_kind, node);

        record.detail = size;
        if (packet_is(packet, PACKET_CUT) && size == packet->fragment_size)
            record.rule = packet->in ? FRAGMENTS_AGAIN : FRAGMENTS_FOR_PATH;
        journal_take(node->world->journal, &record);
    }
    if (packet_is(packet, PACKET_IPV6))
        ipv6_fragment(node->world, packet, size, stack_fragment_identification(node), &pieces);
    else
        ip_fragment(node->world, packet, size, &pieces);
    while ((piece = packet_list_pop(&pieces)))
        transmit(node, piece, hop, to);
}

/* The size of the fragments in which an IPv6 packet is to go: only its source cuts it (RFC 8200 section 5), and a node
 * that has put fragments together lets them go on as they came. 0: it goes whole, or not at all. */
static uint32_t
fragments_ipv6(const struct packet *packet, uint32_t mtu)
{
    uint32_t size = packet_is(packet, PACKET_CUT) ? packet->fragment_size : PACKET_MAX;

    if (packet_is(packet, PACKET_DONT_FRAGMENT) || packet->length <= MIN(size, mtu))
        return 0;
    if (!packet->in)
        return MIN(size, mtu);
    return size <= mtu ? size : 0;
}

/* What does not fit goes in pieces, or not at all. */
static void G_GNUC_NO_INLINE
output_too_big(struct node *node, struct packet *packet, const struct hop *hop, struct port *to, uint32_t mtu)
{
    uint32_t size = packet_is(packet, PACKET_DONT_FRAGMENT) ? 0 : mtu;

    if (packet_is(packet, PACKET_IPV6))
        size = fragments_ipv6(packet, mtu);
    if (size > 0)
        transmit_fragments(node, packet, hop, to, size);
    else if (packet->length > mtu)
        icmp_refuse(node, packet, DROP_TOO_BIG, ICMP_UNREACHABLE, ICMP_FRAGMENTATION_NEEDED, mtu);
    else
        transmit(node, packet, hop, to);
}

/* The part of node_output for what can't simply go onto a wire. */
static void G_GNUC_NO_INLINE
output_with_care(struct node *node, struct packet *packet, const struct hop *hop)
{
    struct port *port = hop->port, *to = NULL;
    uint32_t mtu;

    if (!port->wire && !port->segment) { /* it was taken out while somebody held the packet */
        packet_drop(node, packet, DROP_LINK_DOWN);
        return;
    }
    if (!port->wire && !address_is_for_all(hop->next)) {
        to = segment_member(port->segment, hop->next);
        if (!to || to == port) {
            icmp_refuse(node, packet, DROP_NO_NEIGHBOUR, ICMP_UNREACHABLE, ICMP_HOST_UNREACHABLE, 0);
            return;
        }
    }
    mtu = to ? segment_mtu_to(to) : hop_mtu(hop);
    if (packet_is(packet, PACKET_IPV6))
        mtu = MAX(mtu, IPV6_MTU_MIN);
    if (G_LIKELY(packet->length <= mtu && !packet_is(packet, PACKET_CUT)))
        transmit(node, packet, hop, to);
    else
        output_too_big(node, packet, hop, to, mtu);
}

void
node_output(struct node *node, struct packet *packet, const struct hop *hop)
{
    const struct wire *wire = hop->port->wire;

    if (G_LIKELY(wire && packet->length <= wire_options(wire)->mtu && !packet_is(packet, PACKET_CUT)))
        transmit(node, packet, hop, NULL);
    else
        output_with_care(node, packet, hop);
}

/* Past the middlebox, which may turn the packet into none, one or several. */
static enum io_result
leave_box(struct node *node, struct packet *packet, const struct hop *hop)
{
    struct packet_list list = { NULL, NULL };
    enum verdict verdict;
    struct packet *next;

    packet_list_push(&list, packet);
    verdict = node->box->ops->leave(node->box, &list, hop->port);
    for (packet = list.first; packet; packet = next) {
        next = packet->next;
        packet->next = packet->previous = NULL;
        if (verdict == VERDICT_PASS)
            node_output(node, packet, hop);
        else
            packet_end(node->world, node, packet, packet->reason);
    }
    return verdict == VERDICT_DROP ? IO_UNREACHABLE : IO_OK;
}

static inline enum io_result
leave(struct node *node, struct packet *packet, const struct hop *hop)
{
    if (node->box)
        return leave_box(node, packet, hop);
    node_output(node, packet, hop);
    return IO_OK;
}

void
node_forward(struct node *node, struct packet *packet)
{
    struct hop hop;

    if (!route(node, packet->flow.destination, &hop)) {
        icmp_refuse(node, packet, DROP_NO_ROUTE, ICMP_UNREACHABLE, ICMP_NET_UNREACHABLE, 0);
        return;
    }
    node->counts.forwarded++;
    leave(node, packet, &hop);
}

/* What a node sends to itself arrives at the next turn: nobody is called back inside his own call. */
static void
arrive_at_self(struct event *event)
{
    struct packet *packet = (struct packet *)event;
    struct node *node = packet->holder;
    struct world *world = node->world;

    packet->holder = NULL;
    if (node->down) {
        packet_drop(node, packet, DROP_NODE_DOWN);
        return;
    }
    world->handling = packet->name;
    handle(node, packet);
    world->handling = 0;
}

static void
note_sent(struct node *node, const struct packet *packet)
{
    struct record record = packet_record(packet, &packet_sent_kind, node);

    record.verdict = VERDICT_PASS;
    packet_note_content(packet, &record);
    journal_take(node->world->journal, &record);
}

/* On its way: out by `hop`, or, without one, to the node itself. */
static enum io_result
depart(struct node *node, struct packet *packet, const struct hop *hop)
{
    struct world *world = node->world;

    if (world->journal)
        note_sent(node, packet);
    if (G_UNLIKELY(node->down)) {
        packet_drop(node, packet, DROP_NODE_DOWN);
        return IO_UNREACHABLE;
    }
    if (hop->port)
        return leave(node, packet, hop);
    packet->holder = node;
    packet->event.fire = arrive_at_self;
    world_schedule(world, &packet->event, world->now);
    return IO_OK;
}

static void
depart_at_last(struct event *event)
{
    struct packet *packet = (struct packet *)event;
    struct node *node = packet->holder;
    struct hop hop = { ADDRESS_NONE, NULL };

    packet->holder = NULL;
    if (is_mine(node, packet->flow.destination) || node_route(node, packet->flow.destination, &hop)) {
        depart(node, packet, &hop);
        return;
    }
    if (node->world->journal)
        note_sent(node, packet);
    packet_drop(node, packet, DROP_NO_ROUTE);
}

/* To a group the port may have been chosen by the sender, so it is kept. */
static void
depart_to_group_at_last(struct event *event)
{
    struct packet *packet = (struct packet *)event;
    struct port *port = packet->holder;

    packet->holder = NULL;
    depart(port->node, packet, &(struct hop){ packet->flow.destination, port });
}

/* Names and counts a packet that this node has made. */
static void
name_own(struct node *node, struct packet *packet, packet_name *name)
{
    packet->name = node_name_packet(node);
    packet->cause = node->world->handling;
    node->counts.sent++;
    if (name)
        *name = packet->name;
}

enum io_result
node_send_by(struct node *node, struct packet *packet, const struct hop *hop, packet_name *name)
{
    struct world *world = node->world;

    name_own(node, packet, name);
    if (G_LIKELY(world->begun || world->fired > 0))
        return depart(node, packet, hop);

    /* While a world is still being built nobody can have begun to look: what is sent then leaves at its first turn. */
    packet->holder = node;
    packet->event.fire = depart_at_last;
    if (hop->port && address_is_for_all(packet->flow.destination)) {
        packet->holder = hop->port;
        packet->event.fire = depart_to_group_at_last;
    }
    world_schedule(world, &packet->event, world->now);
    return IO_OK;
}

enum io_result
node_send(struct node *node, struct packet *packet, packet_name *name)
{
    struct hop hop = { ADDRESS_NONE, NULL };

    if (node_owns(node, packet->flow.destination) || node_route(node, packet->flow.destination, &hop))
        return node_send_by(node, packet, &hop, name);
    name_own(node, packet, name);
    if (node->world->journal)
        note_sent(node, packet);
    packet_drop(node, packet, DROP_NO_ROUTE);
    return IO_NO_ROUTE;
}

void
node_forget(struct node *node)
{
    if (node->reassembly)
        reassembly_clear(node->reassembly);
}
