#include "scenarios/runner/lua/nat_words.h"

#include <stdio.h>

#include "core/base/words.h"
#include "nat/options.h"
#include "nat/presets.h"
#include "scenarios/runner/lua/script.h"

const char *const nat_table_keys[] = {
    "type",    "lan",          "mapping", "filtering", "ports",     "step",        "port_range", "port_block",
    "parity",  "contiguous",   "pooling", "hairpin",   "timeout",   "refresh",     "filtered",   "syn_wait",
    "limits",  "rules",        "ipv6",    "ttl",       "fragments", "icmp_errors", "affinity",   "alg",
    "forward", "port_control", "quirks",  "udp",       "tcp",       "icmp",        NULL,
};

/* In this order, so that of several mistakes always the same is told. */
static const char *const plain_keys[] = {
    "mapping",   "filtering",   "ports",    "step",     "port_range", "port_block",   "parity", "contiguous", "pooling",
    "hairpin",   "timeout",     "refresh",  "filtered", "syn_wait",   "limits",       "rules",  "ipv6",       "ttl",
    "fragments", "icmp_errors", "affinity", "alg",      "forward",    "port_control", "quirks", NULL,
};
static const char *const timeout_keys[] = { "udp", "icmp", "tcp", "tcp_opening", "tcp_closing", NULL };
static const char *const limit_keys[] = { "per_host", "total", NULL };

/* The names of the presets, and "none". */
static _Noreturn void
complain_about_type(lua_State *L, const char *type, bool none)
{
    GPtrArray *accepted = g_ptr_array_new();

    for (const char *const *name = nat_preset_names(); *name; name++)
        g_ptr_array_add(accepted, (gpointer)*name);
    if (none)
        g_ptr_array_add(accepted, "none");
    g_ptr_array_add(accepted, NULL);
    char *text = words_complaint((const char *const *)accepted->pdata, type, "a type of NAT");
    g_ptr_array_unref(accepted);
    complain_take(L, text);
}

const char *
nat_table_type(lua_State *L, int index, bool none)
{
    if (!options_get(L, index, "type"))
        return NULL;
    const char *type = arg_text(L, -1, "type");
    const struct nat_preset *preset = nat_preset_find(type);

    if (!preset && !(none && strcmp(type, "none") == 0))
        complain_about_type(L, type, none);
    lua_pop(L, 1);
    return preset ? preset->name : "none";
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
        lua_pushvalue(L, -1);
        lua_tolstring(L, -1, NULL);
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
        lua_pushliteral(L, "{...}");
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

/* "timeout" and "limits" may be tables of their own: {udp=, icmp=}, {per_host=, total=}. */
static void
set_group(lua_State *L, struct nat_options *options, const char *group, const char *const *keys)
{
    int table = lua_gettop(L);

    options_check(L, table, keys, NULL);
    for (; *keys; keys++) {
        char key[48];

        if (!options_get(L, table, *keys))
            continue;
        snprintf(key, sizeof key, "%s.%s", group, *keys);
        set_key(L, options, NULL, key);
    }
    lua_pop(L, 1);
}

static void
read_keys(lua_State *L, int index, struct nat_options *options, const char *protocol)
{
    for (const char *const *key = plain_keys; *key; key++) {
        if (!options_get(L, index, *key))
            continue;
        bool is_table = lua_istable(L, -1);
        if (is_table && !protocol && strcmp(*key, "timeout") == 0)
            set_group(L, options, *key, timeout_keys);
        else if (is_table && !protocol && strcmp(*key, "limits") == 0)
            set_group(L, options, *key, limit_keys);
        else
            set_key(L, options, protocol, *key);
    }
}

void
nat_table_read(lua_State *L, int index, struct nat_options *options)
{
    const char *type = nat_table_type(L, index, true);

    if (lua_type(L, index) != LUA_TTABLE)
        return;
    index = lua_absindex(L, index);
    if (type && strcmp(type, "none") != 0)
        *options = nat_preset_find(type)->options;
    read_keys(L, index, options, NULL);
    for (const char *const *protocol = nat_option_protocols; *protocol; protocol++) {
        if (!options_get(L, index, *protocol))
            continue;
        options_check(L, lua_gettop(L), plain_keys, NULL);
        read_keys(L, lua_gettop(L), options, *protocol);
        lua_pop(L, 1);
    }
}
