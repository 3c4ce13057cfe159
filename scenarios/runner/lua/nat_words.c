#include "scenarios/runner/lua/nat_words.h"

#include <stdio.h>

#include "core/base/words.h"
#include "nat/options.h"
#include "nat/presets.h"
#include "scenarios/runner/lua/nat_lists.h"
#include "scenarios/runner/lua/sandbox.h"
#include "scenarios/runner/lua/script.h"

const char *const nat_table_keys[] = {
    "type",    "lan",          "mapping", "filtering", "ports",     "step",        "port_range", "port_block",
    "parity",  "contiguous",   "pooling", "hairpin",   "timeout",   "refresh",     "filtered",   "syn_wait",
    "limits",  "rules",        "ipv6",    "ipv6_prefix", "ttl",     "fragments",   "icmp_errors", "affinity",
    "alg",     "forward",      "port_control", "quirks", "udp",     "tcp",         "icmp",       "clash",
    "overlap", "exempt",       "port_hold", "port_timeout",
    "identification", NULL,
};

/* In this order, so that of several mistakes always the same is told. */
static const char *const plain_keys[] = {
    "mapping",   "filtering",   "ports",    "step",     "port_range", "port_block",   "parity", "contiguous", "pooling",
    "hairpin",   "timeout",     "refresh",  "filtered", "syn_wait",   "limits",       "rules",  "ipv6",
    "ipv6_prefix", "ttl",       "fragments", "icmp_errors", "affinity", "alg",        "forward", "port_control",
    "quirks",    "clash",       "overlap",  "exempt",   "port_hold",  "port_timeout", "identification", NULL,
};
static const char *const timeout_keys[] = { "udp", "udp_stream", "icmp", "tcp", "tcp_opening", "tcp_closing", NULL };
static const char *const limit_keys[] = { "per_host", "total", "rate", "answer", NULL };
static const char *const protocol_limit_keys[] = { "per_host", "total", NULL };
static const char *const block_keys[] = { "size", "per_host", "deterministic", "dynamic", NULL };

/* The names of the presets, and "none". */
static _Noreturn void
complain_about_type(lua_State *L, const char *type, enum nat_box_kind kind, bool none)
{
    bool firewall = kind == NAT_BOX_FIREWALL;

    if (strcmp(type, "router") == 0)
        complain(L, "a router is no %s: network:router(name, ip, {}) makes one", firewall ? "firewall" : "NAT");
    if (nat_preset_find(type))
        complain(L, "'%s' is a type of NAT, and a firewall translates nothing: network:nat(name, ip, {}) makes one", type);
    GPtrArray *accepted = g_ptr_array_new();

    for (const char *const *name = firewall ? nat_firewall_names() : nat_preset_names(); *name; name++)
        g_ptr_array_add(accepted, (gpointer)*name);
    if (none)
        g_ptr_array_add(accepted, "none");
    g_ptr_array_add(accepted, NULL);
    char *text = words_complaint((const char *const *)accepted->pdata, type,
                                 firewall ? "a type of firewall" : "a type of NAT");
    g_ptr_array_unref(accepted);
    complain_take(L, text);
}

static bool
is_type_of(const struct nat_preset *preset, enum nat_box_kind kind)
{
    return preset && (kind == NAT_BOX_NAT || nat_preset_is_firewall(preset));
}

const char *
nat_table_type(lua_State *L, int index, enum nat_box_kind kind, bool none)
{
    if (!options_get(L, index, "type"))
        return NULL;
    const char *type = arg_text(L, -1, "type");
    const struct nat_preset *preset = nat_preset_find(type);

    if (!is_type_of(preset, kind) && !(none && strcmp(type, "none") == 0))
        complain_about_type(L, type, kind, none);
    lua_pop(L, 1);
    return preset ? preset->name : "none";
}

/* Whether the table on top of the stack is. */
static bool
is_empty(lua_State *L)
{
    lua_pushnil(L);
    if (lua_next(L, -2) == 0)
        return true;
    lua_pop(L, 2);
    return false;
}

/* The words in the list on top of the stack, with commas between them. */
static void
push_list_text(lua_State *L, const char *key)
{
    int list = lua_gettop(L);
    lua_Integer count = (lua_Integer)lua_rawlen(L, list);

    if (count == 0 || count > 16)
        complain(L, "%s is no list of a few words: {'pcp', 'upnp'}", key);
    lua_pushstring(L, "");
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, list, i);
        (void)arg_text(L, -2, lua_pushfstring(L, "%s[%I]", key, i));
        lua_pop(L, 1);
        lua_pushstring(L, i == 1 ? "" : ",");
        lua_insert(L, -2);
        lua_concat(L, 3);
    }
}

/* The number on top of the stack; one of seconds gets a unit, for texts have one. */
static void
push_number_text(lua_State *L, const char *key)
{
    bool is_wait = strcmp(key, "syn_wait") == 0;
    lua_Number number = lua_tonumber(L, -1);
    char text[DURATION_TEXT];
    int64_t duration;

    if ((is_wait || g_str_has_prefix(key, "timeout")) && number > 0 && duration_from_seconds(number, &duration))
        lua_pushstring(L, duration_format(duration, text));
    else if (is_wait && number <= 0)
        lua_pushliteral(L, "0"); /* a negative duration is none */
    else
        sandbox_tostring(L, -1, NULL);
}

/* The value on top of the stack as the text that options are read from. */
static const char *
push_value_text(lua_State *L, const char *key)
{
    switch (lua_type(L, -1)) {
    case LUA_TSTRING:
        lua_pushvalue(L, -1);
        break;
    case LUA_TBOOLEAN:
        lua_pushstring(L, lua_toboolean(L, -1) ? "true" : "false");
        break;
    case LUA_TNUMBER:
        push_number_text(L, key);
        break;
    case LUA_TTABLE:
        if (strcmp(key, "port_range") == 0) {
            lua_rawgeti(L, -1, 1);
            lua_rawgeti(L, -2, 2);
            lua_Integer low = arg_integer(L, -2, "port_range[1]", 1, 65535),
                        high = arg_integer(L, -1, "port_range[2]", 1, 65535);
            lua_pop(L, 2);
            lua_pushfstring(L, "%I-%I", low, high);
            break;
        }
        if (strcmp(key, "port_control") == 0 && !is_empty(L))
            push_list_text(L, key);
        else if (strcmp(key, "quirks") == 0 || strcmp(key, "alg") == 0)
            nat_list_push_names(L, key);
        else
            lua_pushstring(L, is_empty(L) ? "{}" : "{...}");
        break;
    default:
        complain(L, "%s is %s", key, complain_say(L, -1));
    }
    return lua_tostring(L, -1);
}

/* Sets one key from the value on top of the stack, which it takes. */
static void
set_key(lua_State *L, struct nat_options *options, const char *protocol, const char *key)
{
    const char *value = push_value_text(L, key);
    GError *error = NULL;

    if (!nat_options_set(options, protocol, key, value, &error))
        complain_error(L, error);
    lua_pop(L, 2);
}

/* "timeout", "limits" and "port_block" may be tables of their own: {udp=, icmp=}, {per_host=, total=}, {size=}. Takes the
 * table on top of the stack. */
static void
set_group(lua_State *L, struct nat_options *options, const char *protocol, const char *group, const char *const *keys)
{
    int table = lua_gettop(L);

    options_check(L, table, keys, NULL);
    for (; *keys; keys++) {
        char key[48];

        if (!options_get(L, table, *keys))
            continue;
        snprintf(key, sizeof key, "%s.%s", group, *keys);
        set_key(L, options, protocol, key);
    }
    lua_pop(L, 1);
}

/* The timeout on top of the stack, which it takes: of UDP or one protocol, or a table of several. */
static void
set_timeout(lua_State *L, struct nat_options *options, const char *protocol)
{
    if (!lua_istable(L, -1)) {
        set_key(L, options, protocol, "timeout");
        return;
    }
    if (protocol)
        complain_value(L, lua_pushfstring(L, "timeout in %s", protocol), -2,
                       "a duration such as '5min' or '30s', or a number of seconds");
    set_group(L, options, NULL, "timeout", timeout_keys);
}

static void
lift_limits(struct nat_options *options, const char *protocol)
{
    if (!protocol)
        options->limit_per_host = options->limit_total = options->limit_rate = 0;
    else if (strcmp(protocol, "icmp") == 0)
        options->icmp.limit_per_host = options->icmp.limit_total = 0;
    else if (strcmp(protocol, "tcp") == 0)
        options->tcp.limit_per_host = options->tcp.limit_total = 0;
    else
        options->udp.limit_per_host = options->udp.limit_total = 0;
}

/* The limits on top of the stack, which it takes: the box's, or those of one protocol. */
static void
set_limits(lua_State *L, struct nat_options *options, const char *protocol)
{
    if (lua_istable(L, -1)) {
        set_group(L, options, protocol, "limits", protocol ? protocol_limit_keys : limit_keys);
        return;
    }
    if (lua_type(L, -1) != LUA_TBOOLEAN || lua_toboolean(L, -1))
        complain_value(L, "limits", -1, "{per_host=, total=}, or false for no limit");
    lift_limits(options, protocol);
    lua_pop(L, 1);
}

/* The blocks on top of the stack, which it takes: a table is the whole plan. */
static void
set_blocks(lua_State *L, struct nat_options *options)
{
    if (!lua_istable(L, -1)) {
        set_key(L, options, NULL, "port_block");
        return;
    }
    options->blocks = (struct nat_block_options){ .size = 0 };
    set_group(L, options, NULL, "port_block", block_keys);
    if (!options->blocks.size && !options->blocks.deterministic)
        complain(L, "port_block has no size, and is not deterministic");
}

/* ---- rules */

/* The value of a rule's key, on top of the stack, as the text that rules are read from. */
static const char *
push_rule_text(lua_State *L, const char *key, lua_Integer number)
{
    if (strcmp(key, "port") == 0 && lua_istable(L, -1))
        return push_value_text(L, "port_range");
    if (lua_type(L, -1) == LUA_TSTRING || (strcmp(key, "port") == 0 && lua_type(L, -1) == LUA_TNUMBER)) {
        lua_pushvalue(L, -1);
        return lua_tostring(L, -1);
    }
    if (strcmp(key, "address") != 0 && strcmp(key, "from") != 0)
        complain_value(L, lua_pushfstring(L, "%s in rules[%I]", key, number), -2,
                       strcmp(key, "port") == 0 ? "a port, or {low, high}" : "a word");
    arg_push_address(L, arg_address(L, lua_gettop(L), key)); /* a node */
    return lua_tostring(L, -1);
}

/* The rule in the table on top of the stack. */
static struct firewall_rule
read_rule(lua_State *L, lua_Integer number)
{
    struct firewall_rule rule = { FIREWALL_ANY };
    int table = lua_gettop(L);
    GError *error = NULL;

    if (lua_type(L, table) != LUA_TTABLE)
        complain_value(L, lua_pushfstring(L, "rules[%I]", number), table,
                       "{action=, direction=, protocol=, address=, port=, from=}");
    options_check_in(L, table, lua_pushfstring(L, "rules[%I]", number), firewall_rule_keys);
    lua_settop(L, table);
    if (!options_get(L, table, "action"))
        complain(L, "rules[%I] has no action; accepted: 'allow' or 'deny'", number);
    lua_pop(L, 1);
    for (const char *const *key = firewall_rule_keys; *key; key++) {
        if (!options_get(L, table, *key))
            continue;
        if (!firewall_rule_set(&rule, *key, push_rule_text(L, *key, number), &error)) {
            g_prefix_error(&error, "rules[%d]: ", (int)number);
            complain_error(L, error);
        }
        lua_settop(L, table);
    }
    return rule;
}

/* The list on top of the stack becomes the array that stays there, as long as the options borrow it. */
static void
set_rules(lua_State *L, struct nat_options *options)
{
    if (!lua_istable(L, -1))
        complain_value(L, "rules", -1, "a list of {action=, direction=, protocol=, address=, port=, from=}");
    int list = lua_gettop(L);
    lua_Integer count = (lua_Integer)lua_rawlen(L, list);

    if (count == 0 && !is_empty(L))
        complain(L, "rules is a list: {{action='deny', protocol='udp'}}, with braces around each rule");
    if (count > FIREWALL_RULES_MAX)
        complain(L, "rules has %I; at most %d are accepted", count, (int)FIREWALL_RULES_MAX);
    struct firewall_rule *rules = lua_newuserdatauv(L, ((size_t)count + 1) * sizeof *rules, 0);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, list, i);
        rules[i - 1] = read_rule(L, i);
        lua_pop(L, 1);
    }
    options->rules = rules;
    options->rule_count = (uint32_t)count;
    lua_remove(L, list);
}

/* ---- the table */

static void
read_keys(lua_State *L, int index, struct nat_options *options, const char *protocol)
{
    for (const char *const *key = plain_keys; *key; key++) {
        if (!options_get(L, index, *key))
            continue;
        if (strcmp(*key, "timeout") == 0)
            set_timeout(L, options, protocol);
        else if (strcmp(*key, "limits") == 0)
            set_limits(L, options, protocol);
        else if (!protocol && strcmp(*key, "port_block") == 0)
            set_blocks(L, options);
        else if (!protocol && strcmp(*key, "rules") == 0)
            set_rules(L, options);
        else if (!protocol && strcmp(*key, "forward") == 0)
            nat_list_forwards(L, options);
        else if (!protocol && strcmp(*key, "port_timeout") == 0)
            nat_list_port_timeouts(L, options);
        else if (!protocol && strcmp(*key, "exempt") == 0)
            nat_list_exempt(L, options);
        else
            set_key(L, options, protocol, *key);
    }
}

void
nat_table_read(lua_State *L, int index, enum nat_box_kind kind, struct nat_options *options)
{
    const char *type = nat_table_type(L, index, kind, true);
    GError *error = NULL;

    if (lua_type(L, index) != LUA_TTABLE)
        return;
    index = lua_absindex(L, index);
    if (type && strcmp(type, "none") != 0) {
        *options = nat_preset_find(type)->options;
        if (kind == NAT_BOX_FIREWALL)
            nat_options_make_firewall(options);
    }
    read_keys(L, index, options, NULL);
    for (const char *const *protocol = nat_option_protocols; *protocol; protocol++) {
        if (!options_get(L, index, *protocol))
            continue;
        options_check(L, lua_gettop(L), plain_keys, NULL);
        read_keys(L, lua_gettop(L), options, *protocol);
        lua_pop(L, 1);
    }
    if (!nat_options_check(options, &error))
        complain_error(L, error);
    if (kind == NAT_BOX_FIREWALL && !nat_options_are_firewall(options))
        complain(L, "a firewall's mapping is 'none': it translates nothing; network:nat(name, ip, {}) makes a box that does");
}
