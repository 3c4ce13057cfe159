/* Hosts, and the interfaces of all nodes. */
#include "scenarios/lab/parts.h"

/* --- interfaces ----------------------------------------------------------------------------------------------- */

/* Where the lab keeps a label; to be freed. */
static char *
label_key(const struct lab_node *node, const char *label)
{
    return g_strdup_printf("%u/%s", node->node->number, label);
}

/* False when it is there already. */
static bool
keep_label(struct lab_node *node, const char *label)
{
    GHashTable *labels = lab_of(node)->parts->labels;

    char *key = label_key(node, label);

    if (g_hash_table_contains(labels, key)) {
        g_free(key);
        return false;
    }
    return g_hash_table_insert(labels, key, GUINT_TO_POINTER(1));
}

static void
keep_labels(struct lab_node *node)
{
    struct lab_parts *parts = lab_of(node)->parts;

    if (node->labels_kept)
        return;
    node->labels_kept = true;
    if (!parts->labels)
        parts->labels = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (const struct lab_interface *i = &node->first; i; i = i->next)
        keep_label(node, i->label);
}

/* "LABEL-2", or with the next number that nobody has had; it is kept. */
static const char *
number_label(struct lab_node *node, const char *label)
{
    struct lab_parts *parts = lab_of(node)->parts;
    char *key = label_key(node, label);
    guint number = GPOINTER_TO_UINT(g_hash_table_lookup(parts->labels, key));
    g_autofree char *numbered = NULL;

    do {
        g_free(numbered);
        numbered = g_strdup_printf("%s-%u", label, ++number);
    } while (!keep_label(node, numbered));
    g_hash_table_insert(parts->labels, key, GUINT_TO_POINTER(number));
    return g_string_chunk_insert(parts->texts, numbered);
}

/* Trace files are called after it, so it is given once, even if its interface has been removed. Most boxes have an uplink
 * and an inside, which need no table to be told apart. */
static const char *
unique_label(struct lab_node *node, const char *label)
{
    if (!node->labels_kept && node->interfaces == 1 && strcmp(node->first.label, label) != 0)
        return label;
    keep_labels(node);
    return keep_label(node, label) ? label : number_label(node, label);
}

struct lab_interface *
lab_add_interface(struct lab_node *node, struct lab_network *network, const char *label)
{
    struct lab_parts *parts = network->lab->parts;
    struct lab_interface *added = &node->first;

    if (node->first.owner) {
        label = unique_label(node, label);
        added = slab_take(&parts->interfaces);
        node->last->next = added;
    }
    *added = (struct lab_interface){ .owner = node, .network = network, .label = label, .previous = node->last };
    node->last = added;
    node->interfaces++;
    return added;
}

/* Takes a removed one out of its owner's list, unless it is the first, whose place stays. */
static void
unlink_interface(struct lab_interface *interface)
{
    struct lab_node *owner = interface->owner;

    if (!interface->previous)
        return;
    keep_labels(owner);
    interface->previous->next = interface->next;
    if (interface->next)
        interface->next->previous = interface->previous;
    else
        owner->last = interface->previous;
    interface->next = interface->previous = NULL;
    owner->interfaces--;
}

/* Whether packets of a family find a way out by the interface. A box passes on what others send, so it needs no address
 * of its own for that. `*gateway` is none on an internet. */
static bool
leads_out(const struct lab_interface *interface, enum family family, struct address *gateway)
{
    const struct lab_network *network = interface->network;

    *gateway = network->gateway ? port_address(network->gateway, family) : ADDRESS_NONE;
    if (!interface_is_outer(interface) || (network->kind == LAB_LAN && address_is_none(*gateway)))
        return false;
    return interface->owner->box || !address_is_none(port_address(interface->port, family));
}

void
lab_take_default(struct lab_interface *interface, bool move)
{
    struct node *node = interface->owner->node;
    struct address gateway;

    EACH_FAMILY(family)
    {
        if ((move || !node_default(node, family).port) && leads_out(interface, family, &gateway))
            node_set_default_of(node, family, interface->port, gateway);
    }
}

/* --- hosts ---------------------------------------------------------------------------------------------------- */

struct node *
lab_host(struct lab_network *network, const char *name, const char *addresses, const struct lab_link *link,
         GError **error)
{
    struct lab *lab = network->lab;
    struct lab_interface *interface;
    struct lab_node *host;
    struct place place;

    if (!lab_check_name(lab, name, error))
        return NULL;
    if (!place_find(&place, network, addresses, link, false, false, NULL, error)) {
        g_prefix_error(error, "host '%s': ", name);
        return NULL;
    }
    host = lab_add_node(lab, node_new(lab->world, name), LAB_HOST);
    interface = lab_add_interface(host, place.network, place.network->name);
    place_take(&place, interface);
    lab_take_default(interface, true);
    return host->node;
}

/* --- coming and going ----------------------------------------------------------------------------------------- */

/* A box cannot have one prefix on two sides: it would not know where to send. */
static bool
sides_differ(const struct lab_node *node, const struct lab_network *network, GError **error)
{
    char text[LAB_PREFIX_TEXT];

    for (const struct lab_interface *i = &node->first; node->box && i; i = i->next) {
        EACH_FAMILY(family)
        {
            const struct prefix *here = lab_prefix(i->network, family), *there = lab_prefix(network, family);

            if (i->port && here && there && prefix_overlaps(*here, *there))
                return lab_fail(error, LAB_ERROR_PLACE, "it has an interface with %s already",
                                lab_format_prefix(*here, text));
        }
    }
    return true;
}

static bool
insides_fit(const struct lab_node *node, const struct lab_network *network, GError **error)
{
    for (const struct lab_interface *i = &node->first; i; i = i->next) {
        EACH_FAMILY(family)
        {
            const struct prefix *inside = lab_prefix(i->network, family);

            if (i->port && i->port->inside && inside &&
                !lab_check_inside(network, node, *inside, lab_routes_inside(node, family), error))
                return false;
        }
    }
    return true;
}

/* Whether a router that is to be the gateway of `network` has no such addresses elsewhere. */
static bool
gateway_fits(const struct lab_node *node, const struct lab_network *network, GError **error)
{
    EACH_FAMILY(family)
    {
        const struct prefix *prefix = lab_prefix(network, family);

        if (prefix && !lab_fits_box(node, *prefix, error))
            return false;
    }
    return true;
}

/* --- gateways of LANs without a box --------------------------------------------------------------------------- */

/* Whether a router that is attached there is to be the gateway. */
static bool
gateway_is_wanted(const struct lab_node *node, const struct lab_network *network, bool make_default)
{
    return lab_routes_inside(node, FAMILY_IPV4) && network->kind == LAB_LAN && !network->gateway && !make_default;
}

static void
become_gateway(struct lab_interface *interface)
{
    struct lab_network *network = interface->network;
    const GPtrArray *nodes = network->lab->nodes;

    interface->port->inside = true;
    network->gateway = interface->port;
    lab_pay(network->lab, nodes->len);
    for (guint n = 0; n < nodes->len; n++) {
        struct lab_node *node = nodes->pdata[n];

        for (struct lab_interface *i = &node->first; i; i = i->next) {
            if (i->network == network)
                lab_take_default(i, false);
        }
    }
}

/* Takes away the default routes by a port; false when there were none. */
static bool
lose_defaults(struct node *node, const struct port *port)
{
    bool lost = false;

    EACH_FAMILY(family)
    {
        if (node_default(node, family).port != port)
            continue;
        node_set_default_of(node, family, NULL, ADDRESS_NONE);
        lost = true;
    }
    return lost;
}

/* Default routes that led to the gateway which is no more go where else they can, or end. */
static void
lose_gateway(struct lab_network *network)
{
    const GPtrArray *nodes = network->lab->nodes;

    network->gateway = NULL;
    lab_pay(network->lab, nodes->len);
    for (guint n = 0; n < nodes->len; n++) {
        struct lab_node *node = nodes->pdata[n];
        bool led_there = false;

        for (const struct lab_interface *i = &node->first; i; i = i->next) {
            if (i->network == network && i->port)
                led_there |= lose_defaults(node->node, i->port);
        }
        for (struct lab_interface *i = &node->first; led_there && i; i = i->next)
            lab_take_default(i, false);
    }
}

/* --- attaching and detaching ---------------------------------------------------------------------------------- */

struct lab_interface *
lab_attach(struct lab_node *node, struct lab_network *network, const char *addresses, const struct lab_link *link,
           bool make_default, GError **error)
{
    bool gateway = gateway_is_wanted(node, network, make_default);
    struct lab_interface *interface;
    struct place place;

    lab_pay_for_interfaces(node);
    if (!place_find(&place, network, addresses, link, node->box != NULL, false, node->node, error) ||
        !sides_differ(node, place.network, error) || !insides_fit(node, place.network, error) ||
        (gateway && !gateway_fits(node, place.network, error))) {
        g_prefix_error(error, "another interface of '%s': ", node->node->name);
        return NULL;
    }
    interface = lab_add_interface(node, place.network, place.network->name);
    place_take(&place, interface);
    if (gateway)
        become_gateway(interface);
    else
        lab_take_default(interface, make_default);
    if (node->box)
        lab_announce_again(network->lab);
    lab_take_change(interface, LAB_ATTACHED, NULL, lab_addresses_text(interface));
    return interface;
}

void
lab_detach(struct lab_interface *interface)
{
    struct lab_node *owner = interface->owner;
    struct lab_network *network = interface->network;

    if (!interface->port)
        return;
    bool was_gateway = network->gateway == interface->port;

    lab_pay_for_interfaces(owner);
    lab_take_change(interface, LAB_REMOVED, lab_addresses_text(interface), NULL);
    node_remove_port(owner->node, interface->port);
    interface->port = NULL;
    unlink_interface(interface);
    if (was_gateway)
        lose_gateway(network);
    for (struct lab_interface *i = &owner->first; i; i = i->next)
        lab_take_default(i, false);
    if (owner->box || network->lab->parts->routes->len > 0)
        lab_announce_again(network->lab);
}

bool
lab_interface_set_link(struct lab_interface *interface, const struct lab_link *link)
{
    struct link *own = interface->port ? port_link(interface->port) : NULL;

    if (!own)
        return false;
    wire_set(&own->up, &link->up);
    wire_set(&own->down, &link->down);
    return true;
}

struct lab_link
lab_interface_link(const struct lab_interface *interface)
{
    const struct link *own = interface->port ? port_link(interface->port) : NULL;

    return own ? (struct lab_link){ *wire_options(&own->up), *wire_options(&own->down) } : lab_link_default;
}
