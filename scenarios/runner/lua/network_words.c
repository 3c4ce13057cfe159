/* lab.internet, lab.network, and what networks have: :host :nat :router :firewall. */
#include "nat/presets.h"
#include "scenarios/runner/lua/link_options.h"
#include "scenarios/runner/lua/nat_lists.h"
#include "scenarios/runner/lua/node_words.h"

enum { HOST_BYTES = 1024, BOX_BYTES = 3072 }; /* about what one takes, for the script's bounds */

/* The default link of a new network, in `link`; NULL when the table says nothing about it. */
static const struct lab_link *
read_default_link(lua_State *L, int index, struct lab_link *link)
{
    *link = lab_link_default;
    return link_options_read(L, index, link) ? link : NULL;
}

/* A node's own link: the network's default, changed by what the table says; NULL when it says nothing. */
static const struct lab_link *
read_own_link(lua_State *L, int index, const struct lab_network *network, struct lab_link *link)
{
    *link = *network->links;
    return link_options_read(L, index, link) ? link : NULL;
}

int
network_word_internet(struct script *script, lua_State *L)
{
    static const char *const keys[] = { "name", "ip", NULL };
    struct lab_link link;
    const char *name = NULL, *address = NULL;
    GError *error = NULL;

    arg_no_more(L, 1);
    lua_settop(L, 1);
    options_check(L, 1, keys, link_option_keys);
    if (options_get(L, 1, "name"))
        name = arg_text(L, -1, "name");
    if (options_get(L, 1, "ip"))
        address = arg_addresses(L, lua_gettop(L), "ip");
    const struct lab_link *links = read_default_link(L, 1, &link);
    limits_hold_bytes(L, BOX_BYTES);
    struct lab_network *made = lab_internet(script->scenario.lab, name, address, links, &error);
    if (!made)
        complain_error(L, error);
    lab_handle_push_network(L, made);
    return 1;
}

int
network_word_network(struct script *script, lua_State *L)
{
    struct lab_link link;
    const char *name = arg_text(L, 1, "the name");
    GError *error = NULL;

    arg_no_more(L, 3);
    lua_settop(L, 3);
    const char *prefixes = arg_addresses(L, 2, "the prefix");
    options_check(L, 3, link_option_keys, NULL);
    const struct lab_link *links = read_default_link(L, 3, &link);
    limits_hold_bytes(L, BOX_BYTES);
    struct lab_network *made = lab_lan(script->scenario.lab, name, prefixes, links, &error);
    if (!made)
        complain_error(L, error);
    lab_handle_push_network(L, made);
    return 1;
}

static int
network_host(struct script *script, lua_State *L)
{
    struct lab_network *network = lab_handle_self(L)->network;
    const char *name = arg_text(L, 2, "the name");
    struct lab_link link;
    GError *error = NULL;

    arg_no_more(L, 4);
    lua_settop(L, 4);
    const char *addresses = arg_addresses(L, 3, "the address");
    options_check(L, 4, link_option_keys, NULL);
    const struct lab_link *own = lua_isnil(L, 4) ? NULL : read_own_link(L, 4, network, &link);
    limits_hold_bytes(L, HOST_BYTES);
    if (!lab_host(network, name, addresses, own, &error))
        complain_error(L, error);
    const GPtrArray *nodes = script->scenario.lab->nodes;
    lab_handle_new_host(L, nodes->pdata[nodes->len - 1]);
    return 1;
}

/* Pushes the text of the `lan` option; NULL when it is not given. */
static const char *
push_lan(lua_State *L, int index)
{
    if (!options_get(L, index, "lan"))
        lua_pushnil(L);
    const char *lan = arg_addresses(L, lua_gettop(L), "lan");

    lua_remove(L, -2);
    return lan;
}

/* The link options of a box's table, and those of `inside`, the default of the links of who is inside. */
struct box_links {
    struct lab_link own, inner;
    const struct lab_link *own_or_null, *inner_or_null;
};

static void
read_box_links(lua_State *L, int index, const struct lab_network *network, struct box_links *links)
{
    links->own_or_null = read_own_link(L, index, network, &links->own);
    links->inner_or_null = NULL;
    if (options_get(L, index, "inside")) { /* stays on the stack, as its fault lists do */
        options_check(L, lua_gettop(L), link_option_keys, NULL);
        links->inner_or_null = read_default_link(L, lua_gettop(L), &links->inner);
    }
}

/* The keys of a box besides its NAT's: links. */
static const char *const *
box_keys(void)
{
    static const char *const keys[] = {
        "inside", "delay", "jitter", "loss",   "duplicate", "reorder", "rate",
        "queue",  "mtu",   "on",     "faults", "up",        "down",    NULL,
    };

    return keys;
}

/* The link is that of the host which is to stand there. */
static int
make_none(lua_State *L, struct lab_network *network, const char *name, const char *addresses,
          const struct lab_link *link)
{
    GError *error = NULL;
    GArray *runs = NULL;
    struct lab_network *made = lab_nat_none(network, name, addresses, &error);

    if (!made)
        complain_error(L, error);
    if (link)
        lab_set_links(made, link);
    lab_handle_push_network(L, made);
    struct lab_handle *handle = lua_touserdata(L, -1);
    if (made->none_addresses && lab_parse_addresses(made->none_addresses, &runs, NULL) && runs->len > 0)
        handle->only.address = g_array_index(runs, struct lab_addresses, 0).first;
    if (runs)
        g_array_unref(runs);
    return 1;
}

/* A NAT or a firewall. */
static int
make_box(lua_State *L, enum nat_box_kind kind, const char *usual_type)
{
    struct lab_network *network = lab_handle_self(L)->network;
    const char *name = arg_text(L, 2, "the name"), *type;
    struct nat_options options;
    struct box_links links;
    GError *error = NULL;

    arg_no_more(L, 4);
    lua_settop(L, 4);
    const char *addresses = arg_addresses(L, 3, "the address");
    options_check(L, 4, nat_table_keys, box_keys());
    type = nat_table_type(L, 4, kind, true);
    type = type ? type : usual_type;
    options = nat_preset_find(strcmp(type, "none") == 0 ? usual_type : type)->options;
    if (kind == NAT_BOX_FIREWALL)
        nat_options_make_firewall(&options);
    nat_table_read(L, 4, kind, &options);
    const char *lan = push_lan(L, 4);
    read_box_links(L, 4, network, &links);
    limits_hold_bytes(L, BOX_BYTES);
    if (strcmp(type, "none") == 0)
        return make_none(L, network, name, addresses, links.own_or_null);
    struct lab_network *made = (kind == NAT_BOX_FIREWALL ? lab_firewall : lab_nat)(
        network, name, addresses, &options, type, lan, links.own_or_null, links.inner_or_null, &error);
    if (!made)
        complain_error(L, error);
    nat_list_check_forwards(L, &options, made->box->node);
    lab_handle_push_network(L, made);
    return 1;
}

static int
network_nat(struct script *script, lua_State *L)
{
    (void)script;
    return make_box(L, NAT_BOX_NAT, NAT_TYPE_DEFAULT);
}

static int
network_firewall(struct script *script, lua_State *L)
{
    (void)script;
    return make_box(L, NAT_BOX_FIREWALL, FIREWALL_TYPE_DEFAULT);
}

static int
network_router(struct script *script, lua_State *L)
{
    static const char *const keys[] = { "lan", NULL };
    struct lab_network *network = lab_handle_self(L)->network;
    const char *name = arg_text(L, 2, "the name");
    struct box_links links;
    GError *error = NULL;

    (void)script;
    arg_no_more(L, 4);
    lua_settop(L, 4);
    const char *addresses = arg_addresses(L, 3, "the address");
    options_check(L, 4, keys, box_keys());
    const char *lan = push_lan(L, 4);
    read_box_links(L, 4, network, &links);
    limits_hold_bytes(L, BOX_BYTES);
    struct lab_network *made =
        lab_router(network, name, addresses, lan, links.own_or_null, links.inner_or_null, &error);
    if (!made)
        complain_error(L, error);
    lab_handle_push_network(L, made);
    return 1;
}

const struct word network_words[] = {
    { "host", network_host },   { "nat", network_nat }, { "router", network_router },
    { "firewall", network_firewall }, { NULL, NULL },
};
