/* Building nodes: ports, links, addresses and routes. What happens to packets is in node.c. */
#include "core/net/node.h"

#include "core/net/reassembly.h"
#include "core/net/routes.h"
#include "core/net/segment.h"
#include "core/net/stack.h"

struct node *
node_new(struct world *world, const char *name)
{
    struct net *net = world_net(world);
    struct node *node = slab_take(&net->nodes);

    *node = (struct node){ .world = world, .number = net->list->len };
    node->name = g_string_chunk_insert(net->names, name);
    node->locals = &node->one;
    g_ptr_array_add(net->list, node);
    return node;
}

void
node_free(struct node *node)
{
    if (node->stack)
        stack_free(node->stack);
    reassembly_free(node->reassembly);
    if (node->box && node->box->ops->free)
        node->box->ops->free(node->box);
    for (struct port *port = node->ports; port; port = port->next)
        if (port->wire && port->wire == &port->wire->link->up) {
            wire_free(&port->wire->link->up);
            wire_free(&port->wire->link->down);
        }
    routes_free(node->routes);
    if (node->locals != &node->one)
        g_free(node->locals);
    g_free(node->counts.dropped);
}

/* Whatever changes routes or addresses ends what the node remembers of them. */
static void
forget_way(struct node *node)
{
    node->way.port = NULL;
}

static struct port *
add_port(struct node *node)
{
    struct net *net = world_net(node->world);
    struct port *port = slab_take(&net->ports), **end = &node->ports;

    *port = (struct port){ .node = node, .interface = net->ports_by_interface->len };
    g_ptr_array_add(net->ports_by_interface, port);
    if (node->last_port)
        end = &node->last_port->next;
    port->number = node->last_port ? node->last_port->number + 1 : 0;
    *end = node->last_port = port;
    return port;
}

/* Wires with nothing but a delay and an MTU share their options: one copy for all that are alike. */
static const struct link_options *
share_options(struct net *net, const struct link_options *options)
{
    struct link_options plain = { .delay = options->delay, .mtu = options->mtu };
    const struct link_options *shared;

    if (options->jitter || options->loss || options->duplicate || options->reorder || options->rate || options->queue ||
        options->off || options->fault_count)
        return NULL;
    for (guint i = net->plain_options->len; i > 0 && i + 8 > net->plain_options->len; i--) {
        shared = net->plain_options->pdata[i - 1];
        if (shared->delay == plain.delay && shared->mtu == plain.mtu)
            return shared;
    }
    shared = g_memdup2(&plain, sizeof plain);
    g_ptr_array_add(net->plain_options, (gpointer)shared);
    return shared;
}

static void
init_wire(struct wire *wire, struct link *link, const struct link_options *options)
{
    const struct link_options *shared = share_options(world_net(link->world), options ? options : &link_defaults);

    wire->link = link;
    if (shared)
        wire->options = shared;
    else
        wire_set(wire, options);
}

static struct link *
add_link(struct port *near, struct port *far, struct segment *segment, const struct link_options *up,
         const struct link_options *down)
{
    struct world *world = near->node->world;
    struct link *link = slab_take(&world_net(world)->links);

    *link = (struct link){ .world = world, .near = near, .far = far, .segment = segment };
    link->up.to = far;
    link->down.to = near;
    near->wire = &link->up;
    if (far)
        far->wire = &link->down;
    init_wire(&link->up, link, up);
    init_wire(&link->down, link, down);
    return link;
}

struct port *
node_join(struct node *node, struct segment *segment, const struct link_options *up, const struct link_options *down)
{
    struct port *port = add_port(node);

    port->segment = segment;
    add_link(port, NULL, segment, up, down);
    segment_add_port(segment, port);
    return port;
}

struct port *
node_sit(struct node *node, struct segment *segment)
{
    struct port *port = add_port(node);

    port->segment = segment;
    segment_add_port(segment, port);
    return port;
}

struct port *
node_connect(struct node *node, struct node *router, const struct link_options *up, const struct link_options *down)
{
    struct port *near = add_port(node), *far = add_port(router);

    add_link(near, far, NULL, up, down);
    return near;
}

struct link *
port_link(const struct port *port)
{
    return port->wire ? port->wire->link : NULL;
}

struct port *
port_peer(const struct port *port)
{
    struct link *link = port_link(port);

    return !link || link->segment ? NULL : link->near == port ? link->far : link->near;
}

/* About what a place in the tables of a segment or router takes. */
#define ADDRESS_BYTES 80

/* The first of `count` addresses that somebody else on the port's network has; `count` when they are free. */
static uint64_t
first_taken(const struct port *port, struct address first, uint64_t count)
{
    struct port *peer = port_peer(port);

    for (uint64_t i = 0; i < count; i++) {
        struct address address = address_add(first, i);
        const struct route *route = peer && peer->node->routes ? routes_find(peer->node->routes, address) : NULL;

        if (node_owns(port->node, address) || (peer && node_owns(peer->node, address)))
            return i;
        if (port->segment && segment_member(port->segment, address))
            return i;
        if (route && route->prefix.length == family_bits(address_family(address)))
            return i;
    }
    return count;
}

static void
announce(struct port *port, struct address first, uint64_t count)
{
    struct port *peer = port_peer(port);
    struct world *world = port->node->world;

    memory_take(&world->memory, MEMORY_NODES, count * ADDRESS_BYTES);
    world->work += count;
    for (uint64_t i = 0; i < count; i++) {
        struct address address = address_add(first, i);

        if (port->segment)
            segment_add(port->segment, address, port);
        else if (peer)
            node_add_route(peer->node, (struct prefix){ address, (uint8_t)family_bits(address_family(address)) }, peer,
                           ADDRESS_NONE);
    }
}

static void
withdraw(struct port *port, struct address first, uint64_t count)
{
    struct port *peer = port_peer(port);
    struct world *world = port->node->world;

    memory_give(&world->memory, MEMORY_NODES, count * ADDRESS_BYTES);
    world->work += count;
    for (uint64_t i = 0; i < count; i++) {
        struct address address = address_add(first, i);

        if (port->segment)
            segment_remove(port->segment, address);
        else if (peer)
            node_remove_route(peer->node, (struct prefix){ address, (uint8_t)family_bits(address_family(address)) });
    }
}

bool
node_add_address(struct node *node, struct port *port, struct address first, uint64_t count, uint8_t prefix_length)
{
    struct local_range range = {
        .first = first, .port = port, .count = (uint32_t)count, .prefix_length = prefix_length
    };

    g_assert(count <= UINT32_MAX);
    node->world->work += node->local_count;
    if (first_taken(port, first, count) < count)
        return false;
    if (node->local_count == 0) {
        if (node->locals != &node->one)
            g_free(node->locals);
        node->locals = &node->one;
        node->one = range;
    } else {
        struct local_range *grown = g_new(struct local_range, node->local_count + 1);

        memcpy(grown, node->locals, node->local_count * sizeof *grown);
        grown[node->local_count] = range;
        if (node->locals != &node->one)
            g_free(node->locals);
        node->locals = grown;
    }
    node->local_count++;
    announce(port, first, count);
    forget_way(node);
    stack_addresses_changed(node);
    return true;
}

static void
remove_local(struct node *node, uint32_t i)
{
    struct local_range range = node->locals[i];

    node->world->work += node->local_count;
    memmove(&node->locals[i], &node->locals[i + 1], (node->local_count - i - 1) * sizeof range);
    node->local_count--;
    forget_way(node);
    withdraw(range.port, range.first, range.count);
    stack_addresses_changed(node);
}

void
node_remove_address(struct node *node, struct address first)
{
    for (uint32_t i = 0; i < node->local_count; i++)
        if (address_equal(node->locals[i].first, first)) {
            remove_local(node, i);
            return;
        }
}

void
node_add_route(struct node *node, struct prefix prefix, struct port *port, struct address gateway)
{
    if (!node->routes)
        node->routes = routes_new();
    forget_way(node);
    routes_set(node->routes, &(struct route){ .prefix = prefix, .port = port, .gateway = gateway });
}

void
node_remove_route(struct node *node, struct prefix prefix)
{
    forget_way(node);
    if (node->routes)
        routes_remove(node->routes, prefix);
}

/* All who are on a network have the same gateways, so there is one copy of each pair. */
static const struct address *
share_gateways(struct net *net, const struct address pair[2])
{
    uint32_t hash = (uint32_t)(address_hash(pair[0]) * 3 + address_hash(pair[1])), number, i;
    const struct address *shared;

    if (address_is_none(pair[0]) && address_is_none(pair[1]))
        return NULL;
    for (i = hash_index_first(&net->gateway_index, hash); (number = hash_index_value(&net->gateway_index, i));
         i = hash_index_next(&net->gateway_index, i, hash)) {
        shared = net->gateways->pdata[number - 1];
        if (address_equal(shared[0], pair[0]) && address_equal(shared[1], pair[1]))
            return shared;
    }
    shared = g_memdup2(pair, 2 * sizeof *pair);
    g_ptr_array_add(net->gateways, (gpointer)shared);
    hash_index_insert(&net->gateway_index, hash, net->gateways->len);
    return shared;
}

void
node_set_default_of(struct node *node, enum family family, struct port *port, struct address gateway)
{
    struct address pair[2] = { node_default(node, FAMILY_IPV4).next, node_default(node, FAMILY_IPV6).next };
    bool ipv6 = family == FAMILY_IPV6;

    pair[ipv6] = port ? gateway : ADDRESS_NONE;
    node->default_ports[ipv6] = port;
    node->gateways = share_gateways(world_net(node->world), pair);
    forget_way(node);
}

void
node_set_default(struct node *node, struct port *port, struct address gateway)
{
    enum family family = address_family(gateway);

    if (family != FAMILY_IPV6)
        node_set_default_of(node, FAMILY_IPV4, port, gateway);
    if (family != FAMILY_IPV4)
        node_set_default_of(node, FAMILY_IPV6, port, gateway);
}

/* Unlinks a port from its node and from the world. Its memory stays: records may still name it. */
static void
unlink_port(struct port *port)
{
    struct node *node = port->node;
    struct port **at = &node->ports, *before = NULL;

    while (*at != port) {
        before = *at;
        at = &(*at)->next;
        node->world->work++;
    }
    *at = port->next;
    forget_way(node);
    if (node->last_port == port)
        node->last_port = before;
    if (node->default_ports[0] == port)
        node_set_default_of(node, FAMILY_IPV4, NULL, ADDRESS_NONE);
    if (node->default_ports[1] == port)
        node_set_default_of(node, FAMILY_IPV6, NULL, ADDRESS_NONE);
    if (node->routes) {
        routes_remove_port(node->routes, port);
        node->world->work += routes_places(node->routes);
    }
    world_net(node->world)->ports_by_interface->pdata[port->interface] = NULL;
}

/* Takes away the addresses that a node has by this port. */
static void
remove_addresses(struct port *port)
{
    struct node *node = port->node;

    for (uint32_t i = node->local_count; i > 0; i--)
        if (node->locals[i - 1].port == port)
            remove_local(node, i - 1);
}

void
node_remove_port(struct node *node, struct port *port)
{
    struct link *link = port_link(port);
    struct port *peer = port_peer(port);

    remove_addresses(port);
    if (peer)
        remove_addresses(peer);
    if (link) {
        wire_clear(&link->up);
        wire_clear(&link->down);
        wire_free(&link->up);
        wire_free(&link->down);
    }
    if (port->segment)
        segment_remove_port(port->segment, port);
    port->segment = NULL;
    if (peer) {
        unlink_port(peer);
        peer->wire = NULL;
        stack_addresses_changed(peer->node);
    }
    unlink_port(port);
    port->wire = NULL;
    stack_addresses_changed(node);
}
