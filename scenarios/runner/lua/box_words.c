/* What boxes have: :mappings :reboot :set :forward :alg :lan. */
#include <math.h>

#include "core/base/words.h"
#include "nat/options.h"
#include "scenarios/runner/lua/endpoint.h"
#include "scenarios/runner/lua/link_options.h"
#include "scenarios/runner/lua/nat_lists.h"
#include "scenarios/runner/lua/node_words.h"

static struct nat *
self_nat(const struct lab_handle *self)
{
    return self->node ? nat_of(self->node->node) : NULL;
}

/* Copies of the views: what comes next may raise, and the NAT is in the midst of its walk. */
struct mapping_copy {
    struct nat_mapping_view view;
    guint first_peer;
};

struct mapping_copies {
    GArray *views; /* struct mapping_copy */
    GArray *peers; /* struct endpoint */
};

static void
copy_mapping(void *user, const struct nat_mapping_view *view)
{
    struct mapping_copies *copies = user;
    struct mapping_copy copy = { *view, copies->peers->len };

    g_array_append_val(copies->views, copy);
    g_array_append_vals(copies->peers, view->peers, view->peer_count);
}

static void
push_mapping(lua_State *L, const struct mapping_copy *copy, const struct endpoint *peers)
{
    const char *protocol = protocol_name(copy->view.protocol);

    lua_createtable(L, 0, 6);
    lua_pushstring(L, protocol ? protocol : "?");
    lua_setfield(L, -2, "protocol");
    endpoint_push(L, copy->view.internal);
    lua_setfield(L, -2, "internal");
    endpoint_push(L, copy->view.external);
    lua_setfield(L, -2, "external");
    lua_createtable(L, (int)copy->view.peer_count, 0);
    for (uint32_t i = 0; i < copy->view.peer_count; i++) {
        endpoint_push(L, peers[copy->first_peer + i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "peers");
    if (copy->view.expires == TIME_NEVER)
        lua_pushnumber(L, HUGE_VAL);
    else
        arg_push_seconds(L, copy->view.expires);
    lua_setfield(L, -2, "expires");
    lua_pushstring(L, nat_origin_words[copy->view.origin]);
    lua_setfield(L, -2, "origin");
}

/* What the copies hold is taken over into memory of Lua's, so that nothing is lost when a push raises. */
static int
box_mappings(struct script *script, lua_State *L)
{
    struct nat *nat = self_nat(lab_handle_self(L));
    struct mapping_copies copies;

    (void)script;
    arg_no_more(L, 1);
    lua_newtable(L);
    if (!nat)
        return 1;
    copies.views = g_array_new(FALSE, FALSE, sizeof(struct mapping_copy));
    copies.peers = g_array_new(FALSE, FALSE, sizeof(struct endpoint));
    nat_each_mapping(nat, copy_mapping, &copies);

    guint count = copies.views->len;
    size_t views_size = count * sizeof(struct mapping_copy), peers_size = copies.peers->len * sizeof(struct endpoint);
    uint8_t *block =
        views_size + peers_size < script->limits.soft ? lua_newuserdatauv(L, views_size + peers_size + 1, 0) : NULL;
    if (block && views_size > 0)
        memcpy(block, copies.views->data, views_size);
    if (block && peers_size > 0)
        memcpy(block + views_size, copies.peers->data, peers_size);
    g_array_unref(copies.views);
    g_array_unref(copies.peers);
    limits_expect_bytes(L, views_size + peers_size);
    for (guint i = 0; i < count; i++) {
        push_mapping(L, (const struct mapping_copy *)(void *)block + i,
                     (const struct endpoint *)(void *)(block + views_size));
        lua_rawseti(L, 2, (lua_Integer)i + 1);
    }
    lua_settop(L, 2);
    return 1;
}

static int
box_reboot(struct script *script, lua_State *L)
{
    static const char *const keys[] = { "down", "ip", NULL };
    const struct lab_handle *self = lab_handle_self(L);
    int64_t down = 0;
    GError *error = NULL;

    arg_no_more(L, 2);
    lua_settop(L, 2);
    options_check(L, 2, keys, NULL);
    if (options_get(L, 2, "down")) {
        down = arg_duration(L, -1, "down");
        lua_pop(L, 1);
    }
    if (!options_get(L, 2, "ip"))
        lua_pushnil(L);
    const char *addresses = arg_addresses(L, 3, "ip");
    if (self->node && !lab_reboot(self->node, down, addresses, &error))
        complain_error(L, error);
    script->world->touched = true;
    return 0;
}

static int
box_set(struct script *script, lua_State *L)
{
    const struct lab_handle *self = lab_handle_self(L);
    struct nat *nat = self_nat(self);
    struct nat_options options = { .limit_total = 0 };

    arg_table(L, 2, "the options");
    arg_no_more(L, 2);
    options_check(L, 2, nat_table_keys, NULL);
    if (options_get(L, 2, "lan"))
        complain(L, "the lan of a box stays what it was");
    if (self->node && !nat)
        complain(L, "a router translates nothing: it has no options to set");
    enum nat_box_kind kind = self->node && self->node->kind == LAB_FIREWALL ? NAT_BOX_FIREWALL : NAT_BOX_NAT;
    const char *type = nat_table_type(L, 2, kind, !nat);
    if (nat)
        options = *nat_options(nat);
    nat_table_read(L, 2, kind, &options);
    if (!nat)
        return 0; /* a box of type none: what it says is good, and there is nothing to do */
    GError *error = NULL;
    nat_list_check_forwards(L, &options, self->node->node);
    if (options.forwards != nat_options(nat)->forwards)
        nat_list_check_targets(L, &options, self->node->node);
    if (!lab_set_nat_options(self->node, &options, &error))
        complain_error(L, error);
    if (type)
        self->node->box->type = type; /* the preset's own name: it lives as long as the program */
    script->world->touched = true;
    return 0;
}

/* One more forwarding rule, behind those that the box has. */
static int
box_forward(struct script *script, lua_State *L)
{
    const struct lab_handle *self = lab_handle_self(L);
    struct nat *nat = self_nat(self);
    struct nat_forward added, *forwards;
    struct nat_options options;

    arg_table(L, 2, "the rule");
    arg_no_more(L, 2);
    if (self->node && (!nat || self->node->kind == LAB_FIREWALL))
        complain(L, "%s translates nothing: there is nothing to forward", self->node->node->name);
    added = nat_list_forward(L, 2, nat ? self->node->node : NULL, "the rule");
    if (!nat)
        return 0;
    nat_list_check_targets(L, &(struct nat_options){ .forwards = &added, .forward_count = 1 }, self->node->node);
    options = *nat_options(nat);
    if (options.forward_count >= NAT_FORWARDS_MAX)
        complain(L, "%s has %d rules already, and may have no more", self->node->node->name, NAT_FORWARDS_MAX);
    forwards = lua_newuserdatauv(L, (options.forward_count + 1) * sizeof *forwards, 0);
    if (options.forward_count > 0)
        memcpy(forwards, options.forwards, options.forward_count * sizeof *forwards);
    forwards[options.forward_count++] = added;
    options.forwards = forwards;
    nat_set_options(nat, &options);
    script->world->touched = true;
    return 0;
}

/* The bit of a quirk of an ALG, the word on top of the stack. */
static unsigned
quirk_bit(lua_State *L, int alg, const char *what)
{
    const char *word = arg_text(L, -1, what);
    int quirk = words_find(nat_alg_quirk_words[alg], word);

    if (quirk < 0)
        complain_take(L, nat_alg_quirk_complaint(alg, word));
    return 1u << quirk;
}

/* The quirks on top of the stack, a word or a list of words. */
static unsigned
arg_quirks(lua_State *L, int alg)
{
    unsigned bits = 0;

    if (!lua_istable(L, -1))
        return quirk_bit(L, alg, "quirk");
    int list = lua_gettop(L);
    lua_Integer count = (lua_Integer)lua_rawlen(L, list);

    if (count > 16)
        complain(L, "quirk is no list of a few words");
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, list, i);
        bits |= quirk_bit(L, alg, "a word of quirk");
        lua_pop(L, 1);
    }
    return bits;
}

/* Whether the third argument switches an ALG on, and with which quirks. */
static bool
arg_alg_on(lua_State *L, int alg, unsigned *quirks)
{
    static const char *const keys[] = { "quirk", NULL };

    *quirks = 0;
    if (lua_isnoneornil(L, 3))
        return true;
    if (lua_isboolean(L, 3) && !lua_toboolean(L, 3))
        return false;
    arg_table(L, 3, "the options");
    options_check(L, 3, keys, NULL);
    if (options_get(L, 3, "quirk")) {
        *quirks = arg_quirks(L, alg);
        lua_pop(L, 1);
    }
    return true;
}

static int
box_alg(struct script *script, lua_State *L)
{
    const struct lab_handle *self = lab_handle_self(L);
    struct nat *nat = self_nat(self);
    const char *name = arg_text(L, 2, "the ALG");
    int index = words_find(nat_alg_words, name);
    struct nat_options options;
    GError *error = NULL;

    arg_no_more(L, 3);
    if (index < 0)
        complain_take(L, words_complaint(nat_alg_words, name, "an ALG"));
    unsigned quirks;
    bool on = arg_alg_on(L, index, &quirks);
    if (self->node && !nat)
        complain(L, "a router translates nothing: it has no ALG");
    if (!nat)
        return 0; /* a box of type none */
    options = *nat_options(nat);
    options.algs = (uint8_t)(on ? options.algs | 1 << index : options.algs & ~(1 << index));
    options.alg_quirks[index] = (uint16_t)quirks;
    if (!lab_set_nat_options(self->node, &options, &error))
        complain_error(L, error);
    script->world->touched = true;
    return 0;
}

static int
box_lan(struct script *script, lua_State *L)
{
    const struct lab_handle *self = lab_handle_self(L);
    const char *name = arg_text(L, 2, "the name");
    struct lab_link link = lab_link_default;
    GError *error = NULL;

    (void)script;
    arg_no_more(L, 4);
    lua_settop(L, 4);
    if (!self->node)
        complain(L, "a box of type none has no further inside");
    const char *prefixes = arg_addresses(L, 3, "the prefix");
    options_check(L, 4, link_option_keys, NULL);
    bool own = link_options_read(L, 4, &link);
    limits_hold_bytes(L, 2048);
    struct lab_network *made = lab_further_lan(self->node, name, prefixes, own ? &link : NULL, &error);
    if (!made)
        complain_error(L, error);
    lab_handle_push_network(L, made);
    return 1;
}

/* What an address is reached at from inside of a NAT64: the part of a resolver (RFC 6147). An endpoint keeps its port;
 * IPv6 needs no help. */
static int
box_synthesize(struct script *script, lua_State *L)
{
    struct nat *nat = self_nat(lab_handle_self(L));
    const struct handle *endpoint = handle_of(L, 2, &endpoint_type);
    struct endpoint found = { .port = 0 };
    bool has_port = endpoint || (lua_type(L, 2) == LUA_TSTRING && endpoint_parse(lua_tostring(L, 2), &found));

    (void)script;
    arg_no_more(L, 2);
    if (endpoint)
        found = *endpoint_value(endpoint);
    else if (!has_port)
        found.address = arg_address(L, 2, "the address");
    if (!nat || nat_options(nat)->ipv6 != NAT_IPV6_NAT64)
        complain(L, "this box is no NAT64; network:nat(name, ip, {ipv6 = 'nat64'}) makes one");
    if (address_is_ipv4(found.address)) {
        found.address = nat_synthesize(nat_options(nat), found.address);
        if (address_is_none(found.address))
            complain(L, "64:ff9b::/96 may not stand for a private address (RFC 6052 section 3.1); give the box an "
                        "ipv6_prefix of its own, such as '64:ff9b:1::/96'");
    }
    if (has_port)
        endpoint_push(L, found);
    else
        arg_push_address(L, found.address);
    return 1;
}

const struct word box_words[] = {
    { "mappings", box_mappings }, { "reboot", box_reboot }, { "set", box_set }, { "lan", box_lan },
    { "synthesize", box_synthesize },
    { "forward", box_forward },   { "alg", box_alg },    { NULL, NULL },
};
