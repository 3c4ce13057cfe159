/* report.json's member `topology`: what the page of a run draws, and what tells whose interface a trace is.
 *
 *     networks   [{name, kind, prefixes, box, stands_for, host}]: kind is "internet" (a router of that name, to which
 *                each node has a link of its own), "lan", "inside" of `box`, or "none": what stood inside of a box of
 *                type none, which is `host`, stands on network number `stands_for`
 *     nodes      [{name, kind, type, addresses, behaviour, interfaces}]: kind is "host", "router", "nat", "firewall" or "internet";
 *                type is the preset of a box; addresses only those of an internet's router; a NAT and a firewall have
 *                behaviour, what they do with UDP in the words of their options at the end of the run
 *                interfaces [{label, network, inside, addresses, trace, file, far_trace, far_file, up, down}]: network
 *                is a number in `networks`, counted from 0; trace the name in all.pcapng and file its own, where there
 *                are such; far_ those of the internet's end of the link; up and down what the link does at the end,
 *                without what is as usual
 *     changes    [{at, node, interface, what, before, after}]: an interface (its label) was "attached" or "removed"
 *                during the run, or "readdressed"; before and after are its addresses
 *     left_out   how many nodes more there are than are listed
 *
 * Addresses are those that an interface has at the end, or had when it was removed. */
#include "scenarios/runner/cli/report.h"

#include "core/sim/world.h"

enum { NODES_MOST = 10000 };

static void
write_texts(struct json *json, const char *name, const char *joined)
{
    g_auto(GStrv) texts = g_strsplit(joined, ", ", -1);

    json_open_array(json, name);
    for (char **text = texts; *text; text++) {
        if (**text)
            json_string(json, NULL, *text);
    }
    json_close_array(json);
}

/* ---- networks */

static int64_t
number_of(GHashTable *numbers, const struct lab_network *network)
{
    return GPOINTER_TO_INT(g_hash_table_lookup(numbers, network));
}

static const char *
network_kind(const struct lab_network *network)
{
    if (network->stands_for)
        return "none";
    if (network->kind == LAB_INTERNET)
        return "internet";
    return network->box ? "inside" : "lan";
}

static void
write_network(struct json *json, const struct lab_network *network, GHashTable *numbers)
{
    g_autoptr(GString) prefixes = g_string_new(NULL);

    json_open_object(json, NULL);
    json_string(json, "name", network->name);
    json_string(json, "kind", network_kind(network));
    lab_say_prefixes(network, prefixes);
    write_texts(json, "prefixes", prefixes->str);
    if (network->box)
        json_string(json, "box", network->box->node->name);
    if (network->stands_for) {
        json_integer(json, "stands_for", number_of(numbers, network->stands_for));
        json_string(json, "host", network->none_host ? network->none_host->node->name : NULL);
    }
    json_close_object(json);
}

/* ---- links */

static void
write_share(struct json *json, const char *name, chance share)
{
    if (share)
        json_number(json, name, share == CHANCE_ALWAYS ? 1.0 : (double)share / 4294967296.0);
}

static void
write_wire(struct json *json, const char *name, const struct link_options *options)
{
    json_open_object(json, name);
    json_time(json, "delay", options->delay);
    if (options->jitter)
        json_time(json, "jitter", options->jitter);
    write_share(json, "loss", options->loss);
    write_share(json, "duplicate", options->duplicate);
    write_share(json, "reorder", options->reorder);
    if (options->rate)
        json_integer(json, "rate", (int64_t)options->rate);
    if (options->mtu != link_defaults.mtu)
        json_integer(json, "mtu", options->mtu);
    if (options->fault_count)
        json_integer(json, "faults", options->fault_count);
    if (options->off)
        json_flag(json, "off", true);
    json_close_object(json);
}

/* ---- nodes */

static void
write_trace(struct json *json, const struct traces *traces, const struct lab_interface *interface, bool far)
{
    struct trace_interface trace;

    if (!traces || !traces_find(traces, interface, far, &trace))
        return;
    json_string(json, far ? "far_trace" : "trace", trace.name);
    if (trace.path)
        json_string(json, far ? "far_file" : "file", trace.path);
}

/* The addresses of an interface that has been removed. */
static const char *
last_addresses(const struct lab *lab, const struct lab_interface *interface)
{
    for (guint i = lab->changes->len; i > 0; i--) {
        const struct lab_change *change = &g_array_index(lab->changes, struct lab_change, i - 1);

        if (change->interface == interface && change->what == LAB_REMOVED)
            return change->before;
    }
    return "";
}

static void
write_interface(struct json *json, const struct lab_interface *interface, GHashTable *numbers,
                const struct traces *traces)
{
    const struct lab *lab = interface->network->lab;
    g_autoptr(GString) addresses = g_string_new(NULL);
    struct lab_link link = lab_interface_link(interface);

    json_open_object(json, NULL);
    json_string(json, "label", interface->label);
    json_integer(json, "network", number_of(numbers, interface->network));
    if (interface->network->box == interface->owner)
        json_flag(json, "inside", true);
    lab_say_addresses(interface, addresses);
    write_texts(json, "addresses", interface->port ? addresses->str : last_addresses(lab, interface));
    write_trace(json, traces, interface, false);
    write_trace(json, traces, interface, true);
    if (interface->port && port_link(interface->port)) {
        write_wire(json, "up", &link.up);
        write_wire(json, "down", &link.down);
    }
    json_close_object(json);
}

/* Those that a node has, and those that it has had. */
static void
write_interfaces(struct json *json, const struct lab_node *node, GHashTable *numbers, const struct traces *traces)
{
    const struct lab *lab = node->first.network->lab;

    json_open_array(json, "interfaces");
    for (const struct lab_interface *interface = &node->first; interface; interface = interface->next)
        write_interface(json, interface, numbers, traces);
    for (guint i = 0; i < lab->changes->len; i++) {
        const struct lab_change *change = &g_array_index(lab->changes, struct lab_change, i);
        const struct lab_interface *interface = change->interface;

        if (change->what == LAB_REMOVED && interface->owner == node && interface != &node->first)
            write_interface(json, interface, numbers, traces);
    }
    json_close_array(json);
}

static void
write_behaviour(struct json *json, const struct nat_options *options)
{
    const struct nat_behaviour *udp = &options->udp;

    json_open_object(json, "behaviour");
    json_string(json, "mapping", nat_dependence_words[udp->mapping]);
    json_string(json, "filtering", nat_dependence_words[udp->filtering]);
    if (udp->mapping != NAT_MAPPING_NONE) {
        json_string(json, "ports", nat_ports_words[udp->ports]);
        json_string(json, "hairpin", nat_hairpin_words[options->hairpin]);
    }
    json_time(json, "timeout", udp->timeout);
    json_string(json, "refresh", nat_refresh_words[udp->refresh]);
    json_close_object(json);
}

static void
write_node(struct json *json, const struct lab_node *node, GHashTable *numbers, const struct traces *traces)
{
    static const char *const kinds[] = {
        [LAB_HOST] = "host", [LAB_ROUTER] = "router", [LAB_NAT] = "nat", [LAB_FIREWALL] = "firewall",
    };

    json_open_object(json, NULL);
    json_string(json, "name", node->node->name);
    json_string(json, "kind", kinds[node->kind]);
    if (node->box && node->box->type)
        json_string(json, "type", node->box->type);
    if (nat_of(node->node))
        write_behaviour(json, nat_options(nat_of(node->node)));
    write_interfaces(json, node, numbers, traces);
    json_close_object(json);
}

static void
write_router(struct json *json, const struct lab_network *internet)
{
    g_autoptr(GString) addresses = g_string_new(NULL);

    json_open_object(json, NULL);
    json_string(json, "name", internet->name);
    json_string(json, "kind", "internet");
    lab_say_router_addresses(internet, addresses);
    write_texts(json, "addresses", addresses->str);
    json_open_array(json, "interfaces");
    json_close_array(json);
    json_close_object(json);
}

/* ---- changes */

static void
write_changes(struct json *json, const struct lab *lab)
{
    static const char *const words[] = {
        [LAB_ATTACHED] = "attached", [LAB_REMOVED] = "removed", [LAB_READDRESSED] = "readdressed",
    };

    json_open_array(json, "changes");
    for (guint i = 0; i < lab->changes->len; i++) {
        const struct lab_change *change = &g_array_index(lab->changes, struct lab_change, i);

        json_open_object(json, NULL);
        json_time(json, "at", change->at);
        json_string(json, "node", change->interface->owner->node->name);
        json_string(json, "interface", change->interface->label);
        json_string(json, "what", words[change->what]);
        write_texts(json, "before", change->before ? change->before : "");
        write_texts(json, "after", change->after ? change->after : "");
        json_close_object(json);
    }
    json_close_array(json);
}

/* ---- the whole */

void
report_topology(struct json *json, const struct lab *lab, const struct traces *traces)
{
    g_autoptr(GHashTable) numbers = g_hash_table_new(NULL, NULL);
    guint nodes = MIN(lab->nodes->len, (guint)NODES_MOST);

    for (guint i = 0; i < lab->networks->len; i++)
        g_hash_table_insert(numbers, lab->networks->pdata[i], GINT_TO_POINTER(i));

    json_open_object(json, "topology");
    json_open_array(json, "networks");
    for (guint i = 0; i < lab->networks->len; i++)
        write_network(json, lab->networks->pdata[i], numbers);
    json_close_array(json);
    json_open_array(json, "nodes");
    for (guint i = 0; i < lab->networks->len; i++) {
        if (((const struct lab_network *)lab->networks->pdata[i])->router)
            write_router(json, lab->networks->pdata[i]);
    }
    for (guint i = 0; i < nodes; i++)
        write_node(json, lab->nodes->pdata[i], numbers, traces);
    json_close_array(json);
    write_changes(json, lab);
    json_integer(json, "left_out", lab->nodes->len - nodes);
    json_close_object(json);
}
