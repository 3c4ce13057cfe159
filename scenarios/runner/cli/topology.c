#include "scenarios/runner/cli/topology.h"

#include "core/base/time.h"

/* ---- texts */

/* The addresses at one interface, as "198.51.100.1", "203.0.113.0 +15", with ", " between runs. */
static void
say_addresses(const struct lab_interface *interface, GString *out)
{
    const struct node *node = interface->owner->node;

    for (uint32_t i = 0; interface->port && i < node->local_count; i++) {
        const struct local_range *range = &node->locals[i];
        char text[ADDRESS_TEXT];

        if (range->port != interface->port)
            continue;
        g_string_append_printf(out, "%s%s", out->len ? ", " : "", address_format(range->first, text));
        if (range->count > 1)
            g_string_append_printf(out, " +%u", range->count - 1);
    }
}

static char *
addresses_of(const struct lab_interface *interface)
{
    GString *out = g_string_new(NULL);

    say_addresses(interface, out);
    return g_string_free(out, FALSE);
}

static char *
prefixes_of(const struct lab_network *network)
{
    GString *out = g_string_new(NULL);

    for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++) {
        const struct prefix *prefix = lab_prefix(network, family);
        char text[ADDRESS_TEXT];

        if (prefix)
            g_string_append_printf(out, "%s%s/%u", out->len ? ", " : "", address_format(prefix->address, text),
                                   prefix->length);
    }
    return g_string_free(out, FALSE);
}

/* What matters most of a link: its delay and its loss. */
static void
say_direction(const struct link_options *options, GString *out)
{
    char text[DURATION_TEXT];

    g_string_append(out, duration_format(options->delay, text));
    if (options->loss)
        g_string_append_printf(out, ", loss %.3g%%", options->loss / 42949672.96);
    if (options->off)
        g_string_append(out, ", off");
}

static char *
link_text(const struct lab_link *link)
{
    GString *out = g_string_new(NULL);
    g_autoptr(GString) down = g_string_new(NULL);

    say_direction(&link->up, out);
    say_direction(&link->down, down);
    if (!g_string_equal(out, down))
        g_string_append_printf(out, " up, %s down", down->str);
    return g_string_free(out, FALSE);
}

static char *
also_text(const struct lab_node *node)
{
    GString *out = g_string_new(NULL);

    for (const struct lab_interface *more = node->first.next; more; more = more->next) {
        bool inside = more->network->box == node;

        if (more->port && !inside)
            g_string_append_printf(out, "%s%s", out->len ? ", " : "also on ", more->network->name);
    }
    return g_string_free(out, FALSE);
}

static char *
inside_text(const struct lab_node *node)
{
    GString *out = g_string_new(NULL);

    for (const struct lab_interface *more = node->first.next; more; more = more->next) {
        if (more->port && more->network == node->box->insides)
            say_addresses(more, out);
    }
    return g_string_free(out, FALSE);
}

/* ---- the tree */

static struct topology *
topology_make(enum topology_kind kind)
{
    struct topology *topology = g_new0(struct topology, 1);

    topology->kind = kind;
    topology->children = g_ptr_array_new_with_free_func((GDestroyNotify)topology_free);
    return topology;
}

void
topology_free(struct topology *topology)
{
    g_ptr_array_unref(topology->children);
    g_free(topology->name);
    g_free(topology->outside);
    g_free(topology->inside);
    g_free(topology->type);
    g_free(topology->link);
    g_free(topology->also);
    g_free(topology);
}

static struct topology *
of_node(const struct lab_node *node)
{
    static const enum topology_kind kinds[] = {
        [LAB_HOST] = TOPOLOGY_HOST, [LAB_ROUTER] = TOPOLOGY_ROUTER, [LAB_NAT] = TOPOLOGY_NAT,
        [LAB_FIREWALL] = TOPOLOGY_FIREWALL,
    };
    struct topology *topology = topology_make(kinds[node->kind]);
    struct lab_link link = lab_interface_link(&node->first);

    topology->number = node->node->number;
    topology->name = g_strdup(node->node->name);
    topology->outside = addresses_of(&node->first);
    topology->inside = node->box ? inside_text(node) : g_strdup("");
    topology->type = g_strdup(node->box && node->box->type ? node->box->type : "");
    topology->link = node->first.port && !lab_link_equal(&link, node->first.network->links) ? link_text(&link)
                                                                                             : g_strdup("");
    topology->also = also_text(node);
    return topology;
}

static struct topology *
of_network(const struct lab_network *network)
{
    struct topology *topology = topology_make(network->kind == LAB_INTERNET ? TOPOLOGY_INTERNET : TOPOLOGY_LAN);

    topology->number = network->router ? network->router->number : 0;
    topology->name = g_strdup(network->name);
    topology->outside = prefixes_of(network);
    topology->inside = g_strdup("");
    topology->type = g_strdup("");
    topology->link = network->links == &lab_link_default ? g_strdup("") : link_text(network->links);
    topology->also = g_strdup("");
    return topology;
}

struct topology *
topology_new(const struct lab *lab)
{
    struct topology *root = topology_make(TOPOLOGY_INTERNET);
    g_autoptr(GHashTable) nodes = g_hash_table_new(NULL, NULL);    /* struct lab_node * -> struct topology * */
    g_autoptr(GHashTable) networks = g_hash_table_new(NULL, NULL); /* struct lab_network * -> struct topology * */

    for (guint i = 0; i < lab->nodes->len; i++)
        g_hash_table_insert(nodes, lab->nodes->pdata[i], of_node(lab->nodes->pdata[i]));
    for (guint i = 0; i < lab->networks->len; i++) {
        struct lab_network *network = lab->networks->pdata[i];
        struct topology *box = network->box ? g_hash_table_lookup(nodes, network->box) : root, *place = box;

        if (network->stands_for)
            continue;
        if (!network->box || network != network->box->box->insides) {
            place = of_network(network);
            g_ptr_array_add(box->children, place);
        }
        g_hash_table_insert(networks, network, place);
    }
    for (guint i = 0; i < lab->nodes->len; i++) {
        const struct lab_node *node = lab->nodes->pdata[i];
        struct topology *place = g_hash_table_lookup(networks, node->first.network);

        g_ptr_array_add((place ? place : root)->children, g_hash_table_lookup(nodes, node));
    }
    return root;
}

/* ---- from left to right */

static void
add_number(const struct topology *node, GArray *numbers)
{
    if (node->number)
        g_array_append_val(numbers, node->number);
}

/* A node with what is inside of it; `inside_first` on the left of the picture. */
static void
add_subtree(const struct topology *node, bool inside_first, GArray *numbers)
{
    if (!inside_first)
        add_number(node, numbers);
    for (guint i = 0; i < node->children->len; i++)
        add_subtree(node->children->pdata[i], inside_first, numbers);
    if (inside_first)
        add_number(node, numbers);
}

static void
add_internet(const struct topology *internet, GArray *numbers)
{
    guint boxes = 0, seen = 0;

    for (guint i = 0; i < internet->children->len; i++)
        boxes += topology_is_box(internet->children->pdata[i]);
    for (guint i = 0; i < internet->children->len; i++) {
        const struct topology *child = internet->children->pdata[i];

        if (topology_is_box(child) && seen++ < (boxes + 1) / 2)
            add_subtree(child, true, numbers);
    }
    for (guint i = 0; i < internet->children->len; i++) {
        if (!topology_is_box(internet->children->pdata[i]))
            add_subtree(internet->children->pdata[i], false, numbers);
    }
    add_number(internet, numbers);
    seen = 0;
    for (guint i = 0; i < internet->children->len; i++) {
        const struct topology *child = internet->children->pdata[i];

        if (topology_is_box(child) && seen++ >= (boxes + 1) / 2)
            add_subtree(child, false, numbers);
    }
}

void
topology_across(const struct topology *topology, GArray *numbers)
{
    for (guint i = 0; i < topology->children->len; i++)
        add_internet(topology->children->pdata[i], numbers);
}
