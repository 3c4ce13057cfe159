/* Boxes: NATs, firewalls and routers with their insides, the boxes that are none, and reboots. */
#include "nat/alg/alg.h"
#include "nat/pooling.h"
#include "nat/services/port_control.h"
#include "scenarios/lab/parts.h"

/* --- making --------------------------------------------------------------------------------------------------- */

/* A box that can be built: everything about it has been found good. */
struct plan {
    const char *name;
    enum lab_node_kind kind;
    struct place place;
    struct inside inside;
    bool routed; /* though its kind is not: see struct lab_box */
};

static const char *const kind_words[] = { "host", "router", "NAT", "firewall" };

/* The box must know on which side an address is. */
static bool
sides_are_apart(const struct plan *plan, GError **error)
{
    char address[LAB_RUN_TEXT], inside[LAB_PREFIX_TEXT];

    for (unsigned i = 0; i < plan->place.count; i++) {
        struct lab_addresses run = plan->place.runs[i];
        struct prefix prefix = plan->inside.prefixes[!address_is_ipv4(run.first)];

        if (!prefix_is_none(prefix) && (prefix_contains(prefix, run.first) ||
                                        prefix_contains(prefix, address_add(run.first, run.count - 1))))
            return lab_fail(error, LAB_ERROR_PREFIX, "its address %s is in its own inside %s",
                            lab_format_run(run, address), lab_format_prefix(prefix, inside));
    }
    return true;
}

static bool
inside_is_free(const struct plan *plan, GError **error)
{
    EACH_FAMILY(family)
    {
        struct prefix prefix = plan->inside.prefixes[family == FAMILY_IPV6];

        if (!prefix_is_none(prefix) &&
            !lab_check_inside(plan->place.network, NULL, prefix, plan->routed || lab_is_routed(plan->kind, family),
                              error))
            return false;
    }
    return true;
}

static bool
make_plan(struct plan *plan, struct lab_network *network, const char *name, enum lab_node_kind kind,
          const char *addresses, const char *lan, const struct lab_link *link, bool routed, GError **error)
{
    plan->name = name;
    plan->kind = kind;
    plan->routed = routed;
    if (!lab_check_name(network->lab, name, error))
        return false;
    if (!lab_read_inside(lan ? lan : LAB_DEFAULT_LAN, &plan->inside, error) ||
        !place_find(&plan->place, network, addresses, link, true, !prefix_is_none(plan->inside.prefixes[1]), NULL,
                    error) ||
        !inside_is_free(plan, error) || !sides_are_apart(plan, error)) {
        g_prefix_error(error, "%s '%s': ", kind_words[kind], name);
        return false;
    }
    return true;
}

/* The box's port on an inside of its own sits on the segment directly: what is there is on its doorstep. */
static struct lab_network *
add_inside(struct lab_node *box, const char *name, bool named, const struct inside *plan, const struct lab_link *links)
{
    struct lab *lab = lab_of(box);
    struct lab_network *inside = lab_add_network(lab, name, LAB_LAN, named), **end = &box->box->insides;
    struct lab_interface *interface;

    inside->segment = segment_new(lab->world, name);
    memcpy(inside->prefixes, plan->prefixes, sizeof plan->prefixes);
    inside->box = box;
    inside->links = lab_keep_link(lab, links);
    while (*end)
        end = &(*end)->next;
    *end = inside;

    interface = lab_add_interface(box, inside, named ? inside->name : "lan");
    interface->port = inside->gateway = node_sit(box->node, inside->segment);
    interface->port->inside = true;
    for (unsigned i = 0; i < G_N_ELEMENTS(plan->own); i++) {
        bool added = address_is_none(plan->own[i]) || node_add_address(box->node, interface->port, plan->own[i], 1,
                                                                       plan->prefixes[i].length);

        g_assert(added);
    }
    lab_tell_interface(interface);
    return inside;
}

static struct lab_node *
build(const struct plan *plan, const struct lab_link *inner_links)
{
    struct lab *lab = plan->place.network->lab;
    struct lab_node *box = lab_add_node(lab, node_new(lab->world, plan->name), plan->kind);
    struct lab_interface *outside = lab_add_interface(box, plan->place.network, plan->place.network->name);

    box->node->forwards = true;
    place_take(&plan->place, outside);
    lab_take_default(outside, true);
    box->box->routed = plan->routed;
    lab_announce(add_inside(box, box->node->name, false, &plan->inside, inner_links));
    return box;
}

/* Its servers of port control, as its options ask for them. */
static bool
set_port_control(struct lab_node *box, GError **error)
{
    struct nat *nat = nat_of(box->node);
    unsigned kinds = nat_options(nat)->port_control;
    enum io_result why = IO_OK;

    if (box->box->control)
        (void)port_control_set(box->box->control, kinds, &why);
    else if (kinds)
        box->box->control = port_control_new(box->node, nat, kinds, &why);
    if (why == IO_OK)
        return true;
    return lab_fail(error, LAB_ERROR_PLACE, "port control of '%s': a port of its servers is %s", box->node->name,
                    io_result_word(why));
}

/* A box with a NAT, or a firewall, in it. */
static struct lab_network *
build_with(const struct plan *plan, const struct nat_options *options, const char *type,
           const struct lab_link *inner_links)
{
    struct lab_node *box = build(plan, inner_links);

    box->box->type = type ? g_string_chunk_insert_const(lab_of(box)->parts->texts, type) : NULL;
    nat_new(box->node, options);
    alg_fit(box->node);
    lab_announce_external(box->box->insides);
    if (options->port_control) {
        bool started = set_port_control(box, NULL); /* the box is new: its ports are free */

        g_assert(started);
    }
    return box->box->insides;
}

/* The prefix that is to be seen outside must lead to this box, and be another one than its inside. */
static bool
external_is_free(const struct plan *plan, const struct nat_options *options, GError **error)
{
    struct prefix prefix = options->ipv6_prefix, inside = plan->inside.prefixes[1];
    char text[LAB_PREFIX_TEXT];

    if (options->ipv6 != NAT_IPV6_PREFIX)
        return true;
    if (prefix_is_none(inside))
        return lab_fail(error, LAB_ERROR_PREFIX, "%s '%s': ipv6 = 'prefix' needs an IPv6 prefix in its lan",
                        kind_words[plan->kind], plan->name);
    if (prefix_overlaps(prefix, inside))
        return lab_fail(error, LAB_ERROR_PREFIX, "%s '%s': ipv6_prefix %s is that of its inside", kind_words[plan->kind],
                        plan->name, lab_format_prefix(prefix, text));
    if (lab_check_inside(plan->place.network, NULL, prefix, true, error))
        return true;
    g_prefix_error(error, "%s '%s': ipv6_prefix: ", kind_words[plan->kind], plan->name);
    return false;
}

static bool
fail_masquerade(const char *kind, const char *name, GError **error)
{
    return lab_fail(error, LAB_ERROR_ADDRESS, "%s '%s': ipv6 = 'masquerade' needs an IPv6 address outside, such as "
                                              "{'203.0.113.1', '2001:db8::1'}", kind, name);
}

static bool
can_masquerade(const struct plan *plan, const struct nat_options *options, GError **error)
{
    if (options->ipv6 != NAT_IPV6_MASQUERADE)
        return true;
    for (unsigned i = 0; i < plan->place.count; i++) {
        if (!address_is_ipv4(plan->place.runs[i].first))
            return true;
    }
    return fail_masquerade(kind_words[plan->kind], plan->name, error);
}

bool
lab_set_nat_options(struct lab_node *box, const struct nat_options *options, GError **error)
{
    struct nat *nat = nat_of(box->node);
    bool shown = nat_options(nat)->ipv6 == NAT_IPV6_PREFIX || options->ipv6 == NAT_IPV6_PREFIX;

    if (options->ipv6 == NAT_IPV6_MASQUERADE && nat_options(nat)->ipv6 != NAT_IPV6_MASQUERADE &&
        pool_size(box->node, NULL, FAMILY_IPV6) == 0)
        return fail_masquerade(kind_words[box->kind], box->node->name, error);
    nat_set_options(nat, options);
    alg_fit(box->node);
    if (shown)
        lab_announce_again(lab_of(box));
    return set_port_control(box, error);
}

struct lab_network *
lab_nat(struct lab_network *network, const char *name, const char *addresses, const struct nat_options *options,
        const char *type, const char *lan, const struct lab_link *link, const struct lab_link *inner_links,
        GError **error)
{
    bool routed = options->exempt_count > 0; /* what comes back from there has to find its way */
    struct plan plan;

    return make_plan(&plan, network, name, LAB_NAT, addresses, lan, link, routed, error) &&
                   external_is_free(&plan, options, error) && can_masquerade(&plan, options, error)
               ? build_with(&plan, options, type, inner_links)
               : NULL;
}

struct lab_network *
lab_firewall(struct lab_network *network, const char *name, const char *addresses, const struct nat_options *options,
             const char *type, const char *lan, const struct lab_link *link, const struct lab_link *inner_links,
             GError **error)
{
    struct nat_options own = *options;
    struct plan plan;

    if (!make_plan(&plan, network, name, LAB_FIREWALL, addresses, lan, link, false, error) ||
        !external_is_free(&plan, options, error) || !can_masquerade(&plan, options, error))
        return NULL;
    nat_options_make_firewall(&own);
    return build_with(&plan, &own, type, inner_links);
}

struct lab_network *
lab_router(struct lab_network *network, const char *name, const char *addresses, const char *lan,
           const struct lab_link *link, const struct lab_link *inner_links, GError **error)
{
    struct lab_node *box;
    struct plan plan;

    if (!make_plan(&plan, network, name, LAB_ROUTER, addresses, lan, link, false, error))
        return NULL;
    box = build(&plan, inner_links);
    return box->box->insides;
}

bool
lab_fits_box(const struct lab_node *box, struct prefix inside, GError **error)
{
    for (const struct lab_interface *i = &box->first; i; i = i->next) {
        if (!i->port)
            continue;
        if (!lab_check_inside(i->network, box, inside,
                              lab_routes_inside(box, address_family(inside.address)) && !i->port->inside, error))
            return false;
    }
    return true;
}

static bool
all_fit_box(const struct lab_node *box, const struct inside *inside, GError **error)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(inside->prefixes); i++) {
        if (!prefix_is_none(inside->prefixes[i]) && !lab_fits_box(box, inside->prefixes[i], error))
            return false;
    }
    return true;
}

struct lab_network *
lab_further_lan(struct lab_node *box, const char *name, const char *prefixes, const struct lab_link *inner_links,
                GError **error)
{
    struct lab_network *added;
    struct inside inside;

    lab_pay_for_interfaces(box);
    if (!box->box)
        return lab_fail(error, LAB_ERROR_PLACE, "'%s' is a host: only boxes have an inside", box->node->name), NULL;
    if (!lab_check_name(lab_of(box), name, error))
        return NULL;
    if (!lab_read_inside(prefixes ? prefixes : LAB_DEFAULT_LAN, &inside, error) ||
        !all_fit_box(box, &inside, error)) {
        g_prefix_error(error, "network '%s' of '%s': ", name, box->node->name);
        return NULL;
    }
    added = add_inside(box, name, true, &inside, inner_links);
    lab_announce(added);
    return added;
}

/* --- type none ------------------------------------------------------------------------------------------------ */

/* What `place` holds, as a text to be read again. */
static const char *
keep_addresses(struct lab *lab, const struct place *place)
{
    g_autoptr(GString) text = g_string_new(NULL);
    char address[ADDRESS_TEXT];

    for (unsigned i = 0; i < place->count; i++)
        g_string_append_printf(text, " %s", address_format(place->runs[i].first, address));
    return g_string_chunk_insert(lab->parts->texts, text->str);
}

struct lab_network *
lab_nat_none(struct lab_network *network, const char *name, const char *addresses, GError **error)
{
    struct lab *lab = network->lab;
    struct lab_network *none;
    struct place place;

    if (!lab_check_name(lab, name, error))
        return NULL;
    if (!place_find(&place, network, addresses, NULL, true, false, NULL, error)) {
        g_prefix_error(error, "NAT '%s': ", name);
        return NULL;
    }
    none = lab_add_network(lab, name, LAB_LAN, true);
    none->links = network->links;
    none->stands_for = network;
    none->none_addresses =
        addresses ? g_string_chunk_insert(lab->parts->texts, addresses) : keep_addresses(lab, &place);
    return none;
}

/* --- reboots -------------------------------------------------------------------------------------------------- */

struct lab_reboot {
    struct event event; /* first: the box is back */
    struct node *node;
};

static void
come_back(struct event *event)
{
    struct lab_reboot *reboot = (struct lab_reboot *)event;

    reboot->node->down = false;
    reboot->node->world->touched = true;
}

void
lab_cancel_reboots(struct lab *lab)
{
    for (guint i = 0; i < lab->parts->reboots->len; i++) {
        struct lab_reboot *reboot = lab->parts->reboots->pdata[i];

        world_cancel(lab->world, &reboot->event);
    }
}

static void
schedule_return(struct lab_node *box, int64_t down)
{
    struct world *world = box->node->world;
    struct lab_reboot *reboot = box->box->reboot;

    if (!reboot) {
        reboot = box->box->reboot = g_new0(struct lab_reboot, 1);
        reboot->node = box->node;
        reboot->event.fire = come_back;
        g_ptr_array_add(lab_of(box)->parts->reboots, reboot);
    }
    world_schedule(world, &reboot->event, time_add(world->now, MAX(down, 0)));
}

static void
change_addresses(struct lab_interface *interface, const struct lab_addresses *runs, unsigned count)
{
    struct node *node = interface->owner->node;
    char *before = lab_addresses_text(interface);

    for (uint32_t i = node->local_count; i > 0; i--) {
        if (node->locals[i - 1].port == interface->port)
            node_remove_address(node, node->locals[i - 1].first);
    }
    for (unsigned i = 0; i < count; i++) {
        bool added = node_add_address(node, interface->port, runs[i].first, runs[i].count,
                                      lab_prefix_length(interface->network, runs[i].first));

        g_assert(added);
    }
    lab_take_change(interface, LAB_READDRESSED, before, lab_addresses_text(interface));
    lab_announce_again(interface->network->lab);
}

static bool
check_new_addresses(const struct lab_interface *interface, const char *text, struct lab_addresses *runs,
                    unsigned *count, GError **error)
{
    const struct node *node = interface->owner->node;

    if (!interface->port)
        return lab_fail(error, LAB_ERROR_PLACE, "its first uplink has been removed");
    return lab_read_runs(text, runs, count, error) && lab_check_runs(interface->network, runs, *count, node, error) &&
           lab_check_elsewhere(node, interface->port, runs, *count, error);
}

bool
lab_reboot(struct lab_node *box, int64_t down, const char *new_addresses, GError **error)
{
    struct lab_addresses runs[LAB_RUNS_MAX];
    struct node *node = box->node;
    unsigned count;

    if (!box->box)
        return lab_fail(error, LAB_ERROR_PLACE, "'%s' is a host: only boxes can be rebooted", node->name);
    if (new_addresses && !check_new_addresses(&box->first, new_addresses, runs, &count, error)) {
        g_prefix_error(error, "reboot of '%s': ", node->name);
        return false;
    }
    if (nat_of(node))
        nat_forget(nat_of(node));
    node_forget(node);
    if (box->box->control)
        port_control_reboot(box->box->control, time_add(node->world->now, MAX(down, 0)));
    if (new_addresses)
        change_addresses(&box->first, runs, count);
    if (down > 0) {
        node->down = true;
        schedule_return(box, down);
    } else if (node->down) {
        schedule_return(box, 0);
    }
    node->world->touched = true;
    return true;
}
