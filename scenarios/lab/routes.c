/* Routes to what is inside of routers, and of firewalls, which are routers here, and to the IPv6 insides of all boxes.
 *
 * Each uplink of a router announces its insides, and the LANs whose gateway it is, on the network there. On an internet
 * its router learns the way; on a LAN the gateway does, and announces it on, outwards, when it is a router itself: a NAT
 * keeps IPv4 ways to itself. On a LAN without a box every node learns it too, those that come later as well: there may be no
 * gateway, or they have their default route elsewhere. For their sake a gateway there also announces its other networks
 * on it. Each thing learned is a struct lab_route, so that all can be taken back. */
#include "scenarios/lab/parts.h"

/* Up to here the addresses of a prefix are looked up one by one; for larger ones it is cheaper to walk the nodes. */
#define FEW_ADDRESSES 256

/* --- announcing ----------------------------------------------------------------------------------------------- */

/* False when the node knows a way already: the first one is kept. */
static bool
learn(struct lab *lab, const struct lab_route *route, struct node *learner, struct port *port)
{
    GArray *routes = lab->parts->routes;
    struct lab_route learned = *route;

    lab_pay(lab, routes->len);
    for (guint i = 0; i < routes->len; i++) {
        const struct lab_route *known = &g_array_index(routes, struct lab_route, i);

        if (known->learner == learner && known->prefix.length == route->prefix.length &&
            address_equal(known->prefix.address, route->prefix.address))
            return false;
    }
    learned.learner = learner;
    g_array_append_val(routes, learned);
    node_add_route(learner, route->prefix, port, route->via);
    return true;
}

static void
learn_by(struct lab *lab, const struct lab_route *route, struct lab_interface *interface)
{
    if (interface_is_outer(interface) && interface->network == route->network && interface->owner != route->by &&
        interface->owner != route->origin)
        learn(lab, route, interface->owner->node, interface->port);
}

static void
tell_everybody(struct lab *lab, const struct lab_route *route)
{
    g_array_append_val(lab->parts->routes, *route);
    lab_pay(lab, lab->nodes->len);
    for (guint i = 0; i < lab->nodes->len; i++) {
        struct lab_node *node = lab->nodes->pdata[i];

        for (struct lab_interface *interface = &node->first; interface; interface = interface->next)
            learn_by(lab, route, interface);
    }
}

/* The node that is the gateway of a LAN; NULL when there is none. */
static const struct lab_node *
gateway_of(const struct lab_network *network)
{
    return network->gateway ? lab_node_of(network->lab, network->gateway->node) : NULL;
}

/* Announces the way to a prefix of `inside`, of `origin`, by all uplinks of `by`. On a LAN that takes an address there to
 * be sent to. Ends although boxes may stand in each other's insides by their second interfaces: nobody learns a way
 * twice. */
static void
announce_by(const struct lab_network *inside, struct prefix prefix, const struct lab_node *origin,
            const struct lab_node *by)
{
    enum family family = address_family(prefix.address);
    struct lab *lab = inside->lab;

    for (const struct lab_interface *up = &by->first; up; up = up->next) {
        const struct lab_network *network = up->network;
        const struct lab_node *gateway = gateway_of(network);
        struct lab_route route = { .prefix = prefix, .network = network, .origin = origin, .by = by };

        if (!interface_is_attached(up) || network == inside)
            continue;
        if (network->kind == LAB_INTERNET) {
            learn(lab, &route, network->router, port_peer(up->port));
            continue;
        }
        route.via = port_address(up->port, family);
        if (address_is_none(route.via))
            continue;
        if (!network->box)
            tell_everybody(lab, &route);
        if (gateway && gateway != origin && gateway != by && learn(lab, &route, gateway->node, network->gateway) &&
            lab_routes_inside(gateway, family))
            announce_by(inside, prefix, origin, gateway);
    }
}

void
lab_announce_external(struct lab_network *inside)
{
    const struct lab_node *origin = gateway_of(inside);
    const struct nat *nat = origin ? nat_of(origin->node) : NULL;

    if (nat && nat_options(nat)->ipv6 == NAT_IPV6_PREFIX && origin->box->insides == inside)
        announce_by(inside, nat_options(nat)->ipv6_prefix, origin, origin);
}

void
lab_announce(struct lab_network *inside)
{
    const struct lab_node *origin = gateway_of(inside);

    EACH_FAMILY(family)
    {
        const struct prefix *prefix = lab_prefix(inside, family);

        if (origin && prefix && lab_routes_inside(origin, family))
            announce_by(inside, *prefix, origin, origin);
    }
    lab_announce_external(inside);
}

void
lab_learn(struct lab_interface *interface)
{
    struct lab *lab = interface->network->lab;
    GArray *routes = lab->parts->routes;
    guint known = routes->len; /* it grows meanwhile */

    if (interface->network->kind == LAB_INTERNET || interface->network->box)
        return;
    lab_pay(lab, known);
    for (guint i = 0; i < known; i++) {
        struct lab_route route = g_array_index(routes, struct lab_route, i);

        if (!route.learner)
            learn_by(lab, &route, interface);
    }
}

void
lab_announce_again(struct lab *lab)
{
    GArray *routes = lab->parts->routes;

    lab_pay(lab, lab->nodes->len + routes->len);
    for (guint i = 0; i < routes->len; i++) {
        const struct lab_route *route = &g_array_index(routes, struct lab_route, i);

        if (route->learner)
            node_remove_route(route->learner, route->prefix);
    }
    g_array_set_size(routes, 0);
    for (guint i = 0; i < lab->nodes->len; i++) {
        const struct lab_node *node = lab->nodes->pdata[i];

        if (!node->box)
            continue;
        for (const struct lab_interface *i = &node->first; i; i = i->next) {
            if (i->port && i->port->inside)
                lab_announce(i->network);
        }
    }
}

/* --- checking ------------------------------------------------------------------------------------------------- */

static bool
overlaps(struct prefix inside, struct prefix other, const char *whose, GError **error)
{
    char text[LAB_PREFIX_TEXT], there[LAB_PREFIX_TEXT];

    if (!prefix_overlaps(inside, other))
        return false;
    lab_fail(error, LAB_ERROR_PREFIX, "its inside %s overlaps %s of '%s'; give it another 'lan'",
             lab_format_prefix(inside, text), lab_format_prefix(other, there), whose);
    return true;
}

static bool
overlaps_network(struct prefix inside, const struct lab_network *network, GError **error)
{
    const struct prefix *other = lab_prefix(network, address_family(inside.address));

    return other && overlaps(inside, *other, network->name, error);
}

static bool
has_address_in(const struct node *node, struct prefix prefix)
{
    for (uint32_t i = 0; i < node->local_count; i++) {
        struct address last = address_add(node->locals[i].first, node->locals[i].count - 1);

        if (prefix_contains(prefix, node->locals[i].first) || prefix_contains(prefix, last))
            return true;
    }
    return false;
}

/* Somebody who has an address of the prefix on this internet; NULL when nobody has. */
static const struct node *
somebody_in(const struct lab_network *internet, struct prefix prefix, const struct node *but)
{
    unsigned host_bits = family_bits(address_family(prefix.address)) - prefix.length;
    uint64_t size = host_bits < 64 ? UINT64_C(1) << host_bits : UINT64_MAX;

    lab_pay(internet->lab, size <= FEW_ADDRESSES ? 2 * size : internet->router->last_port->number);
    for (uint64_t i = 0; size <= FEW_ADDRESSES && i < size; i++) {
        const struct node *owner = lab_owner_of(internet, address_add(prefix.address, i));

        if (owner && owner != but)
            return owner;
    }
    for (struct port *port = internet->router->ports; size > FEW_ADDRESSES && port; port = port->next) {
        const struct node *there = port_peer(port) ? port_peer(port)->node : internet->router;

        if (there != but && has_address_in(there, prefix))
            return there;
    }
    return NULL;
}

/* Whether `inside` can be routed from `network`, apart from the network's own prefix. */
static bool
is_free_on(const struct lab_network *network, const struct lab_node *box, struct prefix inside, GError **error)
{
    const GArray *routes = network->lab->parts->routes;
    const struct node *there;
    char text[LAB_PREFIX_TEXT];

    lab_pay(network->lab, routes->len);
    for (guint i = 0; i < routes->len; i++) {
        const struct lab_route *route = &g_array_index(routes, struct lab_route, i);

        if (route->network == network && route->origin != box &&
            overlaps(inside, route->prefix, route->origin->node->name, error))
            return false;
    }
    there = network->kind == LAB_INTERNET ? somebody_in(network, inside, box ? box->node : NULL) : NULL;
    return !there || lab_fail(error, LAB_ERROR_PREFIX, "its inside %s holds an address that '%s' has on '%s'",
                              lab_format_prefix(inside, text), there->name, network->name);
}

/* Whether a router inside of `network` can have `inside`: looks at all networks that are to learn the way. `depth`
 * bounds the walk where boxes stand in each other's insides. */
static bool
is_free_from(const struct lab_network *network, const struct lab_node *box, struct prefix inside, unsigned depth,
             GError **error)
{
    const struct lab_node *gateway = gateway_of(network);

    if (!is_free_on(network, box, inside, error))
        return false;
    for (const struct lab_interface *i = gateway && gateway != box ? &gateway->first : NULL; i; i = i->next) {
        if (!i->port || i->network == network)
            continue;
        if (overlaps_network(inside, i->network, error))
            return false;
        if (lab_routes_inside(gateway, address_family(inside.address)) && !i->port->inside && depth > 0 &&
            !is_free_from(i->network, box, inside, depth - 1, error))
            return false;
    }
    return true;
}

bool
lab_check_inside(const struct lab_network *outer, const struct lab_node *box, struct prefix inside, bool routed,
                 GError **error)
{
    if (overlaps_network(inside, outer, error))
        return false;
    return !routed || is_free_from(outer, box, inside, 64, error);
}
