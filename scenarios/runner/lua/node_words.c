/* What all nodes have (.name .ip .ips :counters :link :attach), and interfaces. */
#include "scenarios/runner/lua/node_words.h"

#include "core/base/words.h"
#include "core/net/net.h"
#include "nat/nat.h"
#include "scenarios/runner/lua/link_options.h"

enum { ADDRESSES_SHOWN = 4096 }; /* of a pool */

/* --- handles ---------------------------------------------------------------------------------------------------- */

static const struct lab_handle *
lab_handle_of(const struct handle *handle)
{
    return (const struct lab_handle *)(const void *)handle;
}

bool
node_handle_is(const struct handle *handle)
{
    return handle->type == &host_type || type_has(handle->type, box_words);
}

struct address
node_handle_address(const struct handle *handle)
{
    const struct lab_handle *self = lab_handle_of(handle);
    const struct port *uplink = self->node ? self->node->first.port : NULL;
    struct address address = uplink ? port_address(uplink, FAMILY_NONE) : ADDRESS_NONE;

    if (!self->node)
        return self->only.address;
    return address_is_none(address) ? node_address(self->node->node, FAMILY_NONE) : address;
}

const char *
node_handle_name(const struct handle *handle)
{
    const struct lab_handle *self = lab_handle_of(handle);

    return self->node ? self->node->node->name : self->network->name;
}

static struct lab_handle *
new_handle(lua_State *L, const struct type *type, struct lab_node *node, struct lab_network *network)
{
    struct lab_handle *made = handle_new(L, type, sizeof *made);

    made->node = node;
    made->network = network;
    return made;
}

/* One handle each, which is kept: `interface.network` gives it again. */
static void
push_network(lua_State *L, const struct type *type, struct lab_node *node, struct lab_network *network)
{
    if (handle_push(L, network))
        return;
    new_handle(L, type, node, network);
    handle_keep(L, -1, network);
}

void
lab_handle_new_host(lua_State *L, struct lab_node *node)
{
    new_handle(L, &host_type, node, NULL);
}

static const struct type *
type_of_box(const struct lab_node *box)
{
    return box->kind == LAB_ROUTER ? &router_type : box->kind == LAB_FIREWALL ? &firewall_type : &nat_type;
}

void
lab_handle_push_network(lua_State *L, struct lab_network *network)
{
    struct lab_node *box = network->box;

    if (box && box->box->insides == network)
        push_network(L, type_of_box(box), box, network);
    else
        push_network(L, network->stands_for ? &nat_type : &network_type, NULL, network);
}

struct lab_network *
arg_network(lua_State *L, int index, const char *name)
{
    struct handle *handle = handle_at(L, index);

    if (!handle || !type_has(handle->type, network_words))
        complain_value(L, name, index, "a network (an internet, lab.network, or the inside of a box)");
    return lab_handle_of(handle)->network;
}

static _Noreturn void
complain_about_node(lua_State *L, const char *name, const char *text, bool internets)
{
    const struct lab *lab = script_of(L)->scenario.lab;
    GPtrArray *names = g_ptr_array_new();

    for (guint i = 0; i < lab->nodes->len; i++)
        g_ptr_array_add(names, (gpointer)((const struct lab_node *)lab->nodes->pdata[i])->node->name);
    for (guint i = 0; internets && i < lab->networks->len; i++) {
        const struct lab_network *network = lab->networks->pdata[i];

        if (network->kind == LAB_INTERNET)
            g_ptr_array_add(names, (gpointer)network->name);
    }
    g_ptr_array_add(names, NULL);
    const char *nearest = words_nearest((const char *const *)names->pdata, text);
    char *complaint =
        nearest ? g_strdup_printf("%s is '%s': no node is called that; did you mean '%s'?", name, text, nearest)
                : g_strdup_printf("%s is '%s': no node is called that", name, text);
    g_ptr_array_unref(names);
    complain_take(L, complaint);
}

struct lab_node *
arg_node(lua_State *L, int index, const char *name)
{
    struct handle *handle = handle_at(L, index);

    if (handle && node_handle_is(handle) && lab_handle_of(handle)->node)
        return lab_handle_of(handle)->node;
    if (lua_type(L, index) != LUA_TSTRING)
        complain_value(L, name, index, "a host, a box or the name of one");
    struct lab_node *node = lab_find(script_of(L)->scenario.lab, lua_tostring(L, index));
    if (!node)
        complain_about_node(L, name, lua_tostring(L, index), false);
    return node;
}

static const struct node *
find_router(const struct lab *lab, const char *name)
{
    for (guint i = 0; i < lab->networks->len; i++) {
        const struct lab_network *network = lab->networks->pdata[i];

        if (network->kind == LAB_INTERNET && strcmp(network->name, name) == 0)
            return network->router;
    }
    return NULL;
}

const struct node *
arg_decider(lua_State *L, int index, const char *name)
{
    const struct lab *lab = script_of(L)->scenario.lab;
    struct handle *handle = handle_at(L, index);

    if (handle && node_handle_is(handle) && lab_handle_of(handle)->node)
        return lab_handle_of(handle)->node->node;
    if (handle && handle->type == &network_type && lab_handle_of(handle)->network->router)
        return lab_handle_of(handle)->network->router;
    if (lua_type(L, index) != LUA_TSTRING)
        complain_value(L, name, index, "a host, a box, an internet or the name of one");
    const char *text = lua_tostring(L, index);
    const struct lab_node *node = lab_find(lab, text);
    const struct node *found = node ? node->node : find_router(lab, text);
    if (!found)
        complain_about_node(L, name, text, true);
    return found;
}

/* --- fields ----------------------------------------------------------------------------------------------------- */

/* Appends those of the first uplink, or the others, to the list on top of the stack. */
static void
add_addresses(lua_State *L, const struct lab_node *node, bool first_uplink)
{
    lua_Integer count = (lua_Integer)lua_rawlen(L, -1);

    for (uint32_t i = 0; i < node->node->local_count; i++) {
        const struct local_range *range = &node->node->locals[i];

        if ((range->port == node->first.port) != first_uplink)
            continue;
        for (uint64_t n = 0; n < range->count && count < ADDRESSES_SHOWN; n++) {
            arg_push_address(L, address_add(range->first, n));
            lua_rawseti(L, -2, ++count);
        }
    }
}

static void
push_addresses(lua_State *L, const struct lab_handle *self)
{
    lua_newtable(L);
    if (self->node) {
        add_addresses(L, self->node, true);
        add_addresses(L, self->node, false);
        return;
    }
    arg_push_address(L, self->only.address);
    lua_rawseti(L, -2, 1);
}

static void
push_address_or_nil(lua_State *L, struct address address)
{
    if (address_is_none(address))
        lua_pushnil(L);
    else
        arg_push_address(L, address);
}

static void
node_field(struct script *script, lua_State *L, struct handle *self, const char *name)
{
    (void)script;
    if (strcmp(name, "name") == 0)
        lua_pushstring(L, node_handle_name(self));
    else if (strcmp(name, "ip") == 0)
        push_address_or_nil(L, node_handle_address(self));
    else
        push_addresses(L, lab_handle_of(self));
}

static void
network_field(struct script *script, lua_State *L, struct handle *self, const char *name)
{
    (void)script;
    (void)name;
    lua_pushstring(L, lab_handle_of(self)->network->name);
}

static void
node_say(lua_State *L, const struct handle *self)
{
    lua_pushfstring(L, "%s %s", self->type->name, node_handle_name(self));
}

static void
network_say(lua_State *L, const struct handle *self)
{
    lua_pushfstring(L, "network %s", lab_handle_of(self)->network->name);
}

/* --- counters --------------------------------------------------------------------------------------------------- */

static void
set_number(lua_State *L, const char *name, uint64_t value)
{
    lua_pushinteger(L, (lua_Integer)value);
    lua_setfield(L, -2, name);
}

static void
push_dropped(lua_State *L, const struct node *node)
{
    lua_newtable(L);
    for (unsigned reason = 1; reason < DROP_REASON_COUNT; reason++) {
        uint64_t count = node_dropped(node, (enum drop_reason)reason);

        if (count > 0)
            set_number(L, drop_reason_word((enum drop_reason)reason), count);
    }
}

static void
set_nat_counts(lua_State *L, const struct nat *nat)
{
    struct nat_counts counts = nat_counts(nat);

    set_number(L, "outbound", counts.outbound);
    set_number(L, "inbound", counts.inbound);
    set_number(L, "hairpinned", counts.hairpinned);
    set_number(L, "icmp_errors", counts.icmp_errors);
    set_number(L, "refused", counts.refused);
    set_number(L, "made", counts.made);
    set_number(L, "expired", counts.expired);
    set_number(L, "forgotten", counts.forgotten);
    set_number(L, "removed", counts.removed);
    set_number(L, "destroyed", counts.destroyed);
    set_number(L, "connections", counts.connections);
    set_number(L, "held", counts.held);
}

static int
node_counters(struct script *script, lua_State *L)
{
    const struct lab_handle *self = lab_handle_self(L);
    const struct node *node = self->node ? self->node->node : NULL;

    (void)script;
    arg_no_more(L, 1);
    lua_newtable(L);
    set_number(L, "sent", node ? node->counts.sent : 0);
    set_number(L, "delivered", node ? node->counts.delivered : 0);
    set_number(L, "forwarded", node ? node->counts.forwarded : 0);
    if (node)
        push_dropped(L, node);
    else
        lua_newtable(L);
    lua_setfield(L, -2, "dropped");
    if (node && nat_of(node))
        set_nat_counts(L, nat_of(node));
    return 1;
}

void
interface_push_counters(lua_State *L, const struct port *port)
{
    lua_newtable(L);
    set_number(L, "packets_in", port ? port->packets_in : 0);
    set_number(L, "bytes_in", port ? port->bytes_in : 0);
    set_number(L, "packets_out", port ? port->packets_out : 0);
    set_number(L, "bytes_out", port ? port->bytes_out : 0);
}

/* --- links and interfaces --------------------------------------------------------------------------------------- */

static int
set_link(struct script *script, lua_State *L, struct lab_interface *interface)
{
    struct lab_link link = lab_interface_link(interface);

    arg_table(L, 2, "the options");
    options_check(L, 2, link_option_keys, NULL);
    link_options_read(L, 2, &link);
    if (!lab_interface_set_link(interface, &link))
        complain(L, interface->port ? "this interface is a box's inside and has no link of its own"
                                    : "this interface has been removed");
    script->world->touched = true;
    return 0;
}

static int
node_link(struct script *script, lua_State *L)
{
    const struct lab_handle *self = lab_handle_self(L);

    if (self->node)
        return set_link(script, L, &self->node->first);
    if (self->network->none_host)
        return set_link(script, L, &self->network->none_host->first);
    /* a box of type none, and its host is not there yet */
    struct lab_link link = *self->network->links;
    arg_table(L, 2, "the options");
    options_check(L, 2, link_option_keys, NULL);
    if (link_options_read(L, 2, &link))
        lab_set_links(self->network, &link);
    return 0;
}

static void
push_interface(lua_State *L, struct lab_interface *interface)
{
    if (handle_push(L, interface))
        return;
    struct interface_handle *made = handle_new(L, &interface_type, sizeof *made);
    made->interface = interface;
    handle_keep(L, -1, interface);
}

static int
node_attach(struct script *script, lua_State *L)
{
    static const char *const keys[] = { "default", NULL };
    const struct lab_handle *self = lab_handle_self(L);
    struct lab_network *network = arg_network(L, 2, "the network");
    bool make_default = false;
    GError *error = NULL;

    if (!self->node)
        complain(L, "a box of type none has no interfaces");
    arg_no_more(L, 4);
    lua_settop(L, 4);
    const char *addresses = arg_addresses(L, 3, "the address");
    options_check(L, 4, keys, link_option_keys);
    struct lab_link link = network->links ? *network->links : lab_link_default;
    if (options_get(L, 4, "default")) {
        make_default = arg_boolean(L, -1, "default");
        lua_pop(L, 1);
    }
    bool own = link_options_read(L, 4, &link);
    struct lab_interface *interface =
        lab_attach(self->node, network, addresses, own ? &link : NULL, make_default, &error);
    if (!interface)
        complain_error(L, error);
    script->world->touched = true;
    push_interface(L, interface);
    return 1;
}

static struct lab_interface *
self_interface(lua_State *L)
{
    return ((struct interface_handle *)lua_touserdata(L, 1))->interface;
}

static int
interface_link(struct script *script, lua_State *L)
{
    return set_link(script, L, self_interface(L));
}

static int
interface_counters(struct script *script, lua_State *L)
{
    (void)script;
    interface_push_counters(L, self_interface(L)->port);
    return 1;
}

static int
interface_remove(struct script *script, lua_State *L)
{
    lab_detach(self_interface(L));
    script->world->touched = true;
    return 0;
}

static void
interface_field(struct script *script, lua_State *L, struct handle *self, const char *name)
{
    struct lab_interface *interface = ((struct interface_handle *)(void *)self)->interface;

    (void)script;
    if (strcmp(name, "network") == 0)
        lab_handle_push_network(L, interface->network);
    else
        push_address_or_nil(L, interface->port ? port_address(interface->port, FAMILY_NONE) : ADDRESS_NONE);
}

static void
interface_say(lua_State *L, const struct handle *self)
{
    const struct lab_interface *interface = ((const struct interface_handle *)(const void *)self)->interface;

    lua_pushfstring(L, "interface %s-%s", interface->owner->node->name, interface->label);
}

/* --- types ------------------------------------------------------------------------------------------------------ */

const struct word node_words[] = {
    { "counters", node_counters },
    { "link", node_link },
    { "attach", node_attach },
    { NULL, NULL },
};
static const struct word interface_words[] = {
    { "link", interface_link },
    { "counters", interface_counters },
    { "remove", interface_remove },
    { NULL, NULL },
};
static const char *const node_fields[] = { "name", "ip", "ips", NULL };
static const char *const network_fields[] = { "name", NULL };
static const char *const interface_fields[] = { "ip", "network", NULL };

const struct type host_type = {
    .name = "host",
    .words = { host_words, node_words },
    .fields = node_fields,
    .field = node_field,
    .say = node_say,
};
const struct type nat_type = {
    .name = "nat",
    .words = { network_words, box_words, node_words },
    .fields = node_fields,
    .field = node_field,
    .say = node_say,
};
const struct type firewall_type = {
    .name = "firewall",
    .words = { network_words, box_words, node_words },
    .fields = node_fields,
    .field = node_field,
    .say = node_say,
};
const struct type router_type = {
    .name = "router",
    .words = { network_words, box_words, node_words },
    .fields = node_fields,
    .field = node_field,
    .say = node_say,
};
const struct type network_type = {
    .name = "network",
    .words = { network_words },
    .fields = network_fields,
    .field = network_field,
    .say = network_say,
};
const struct type interface_type = {
    .name = "interface",
    .words = { interface_words },
    .fields = interface_fields,
    .field = interface_field,
    .say = interface_say,
};
