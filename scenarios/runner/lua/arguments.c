#include "scenarios/runner/lua/arguments.h"

#include <math.h>

#include "core/base/rate.h"
#include "core/base/words.h"
#include "scenarios/runner/lua/endpoint.h"
#include "scenarios/runner/lua/node_words.h"
#include "scenarios/runner/lua/script.h"
#include "scenarios/runner/lua/server.h"

#define DURATION_ACCEPTED                                                                                              \
    "a duration such as '200ms', '1.5s' or '5min' (units ns us ms s min h), or a number of seconds"
#define RATE_ACCEPTED "a rate such as '10Mbit/s' (units " RATE_UNITS "), or a number of bits a second"

const char *
arg_text(lua_State *L, int index, const char *name)
{
    if (lua_type(L, index) != LUA_TSTRING)
        complain_value(L, name, index, "a text");
    return lua_tostring(L, index);
}

bool
arg_boolean(lua_State *L, int index, const char *name)
{
    if (lua_type(L, index) != LUA_TBOOLEAN)
        complain_value(L, name, index, "true or false");
    return lua_toboolean(L, index);
}

lua_Integer
arg_integer(lua_State *L, int index, const char *name, lua_Integer low, lua_Integer high)
{
    int whole;
    lua_Integer value = lua_type(L, index) == LUA_TNUMBER ? lua_tointegerx(L, index, &whole) : (whole = 0);

    if (!whole || value < low || value > high) {
        const char *said = complain_say(L, index); /* first: what is pushed may stand where a missing one would */

        complain(L, "%s is %s; accepted: a whole number from %I to %I", name, said, low, high);
    }
    return value;
}

int64_t
arg_duration(lua_State *L, int index, const char *name)
{
    int64_t duration;
    bool good = false;

    if (lua_type(L, index) == LUA_TNUMBER)
        good = duration_from_seconds(lua_tonumber(L, index), &duration);
    else if (lua_type(L, index) == LUA_TSTRING)
        good = duration_parse(lua_tostring(L, index), &duration);
    if (!good)
        complain_value(L, name, index, DURATION_ACCEPTED);
    return duration;
}

int64_t
arg_timeout(lua_State *L, int index)
{
    return lua_isnoneornil(L, index) ? TIME_NEVER : arg_duration(L, index, "timeout");
}

chance
arg_chance(lua_State *L, int index, const char *name)
{
    lua_Number share = lua_type(L, index) == LUA_TNUMBER ? lua_tonumber(L, index) : -1;

    if (!(share >= 0 && share <= 1))
        complain_value(L, name, index, "a share from 0 to 1");
    return chance_of(share);
}

uint64_t
arg_rate(lua_State *L, int index, const char *name)
{
    uint64_t rate = 0;
    bool good = false;

    if (lua_type(L, index) == LUA_TNUMBER) {
        lua_Number number = lua_tonumber(L, index);
        good = number >= 0 && number < 0x1p62 && (number == 0 || number >= 1);
        rate = good ? (uint64_t)number : 0;
    } else if (lua_type(L, index) == LUA_TSTRING) {
        good = rate_parse(lua_tostring(L, index), &rate) && (rate > 0 || lua_tostring(L, index)[0] == '0');
    }
    if (!good)
        complain_value(L, name, index, RATE_ACCEPTED);
    return rate;
}

void
arg_function(lua_State *L, int index, const char *name)
{
    if (lua_type(L, index) != LUA_TFUNCTION)
        complain_value(L, name, index, "a function");
}

void
arg_table(lua_State *L, int index, const char *name)
{
    if (lua_type(L, index) != LUA_TTABLE)
        complain_value(L, name, index, "a table { ... }");
}

void
arg_no_more(lua_State *L, int last)
{
    if (lua_gettop(L) > last && !lua_isnil(L, last + 1))
        complain(L, "there is an argument too many: %s", complain_say(L, last + 1));
}

/* --- addresses -------------------------------------------------------------------------------------------------- */

struct address
arg_address(lua_State *L, int index, const char *name)
{
    struct handle *handle = handle_at(L, index);
    struct address address = ADDRESS_NONE;

    if (handle && handle->type == &endpoint_type)
        return endpoint_value(handle)->address;
    if (handle && node_handle_is(handle))
        address = node_handle_address(handle);
    else if (lua_type(L, index) == LUA_TSTRING && !address_parse(lua_tostring(L, index), &address))
        address = ADDRESS_NONE;
    if (address_is_none(address))
        complain_value(L, name, index, "an address such as '198.51.100.1', a host or an endpoint");
    return address;
}

struct endpoint
arg_endpoint(lua_State *L, int index, const char *name, uint16_t implied_port)
{
    struct handle *handle = handle_at(L, index);
    struct endpoint endpoint = { ADDRESS_NONE, 0 };
    bool good = false;

    if (handle && handle->type == &endpoint_type)
        return *endpoint_value(handle);
    if (handle && server_handle_is(handle))
        return server_handle_endpoint(handle);
    if (handle && node_handle_is(handle)) {
        if (implied_port == 0)
            complain(L, "%s is %s: a host alone has no port; write lab.endpoint(host, port)", name,
                     complain_say(L, index));
        endpoint = (struct endpoint){ node_handle_address(handle), implied_port };
        good = !address_is_none(endpoint.address);
    } else if (lua_type(L, index) == LUA_TSTRING) {
        const char *text = lua_tostring(L, index);

        good = endpoint_parse(text, &endpoint);
        if (!good && address_parse(text, &endpoint.address)) {
            if (implied_port == 0)
                complain(L, "%s is '%s', which has no port; write '%s:PORT' or lab.endpoint('%s', port)", name, text,
                         address_is_ipv4(endpoint.address) ? text : lua_pushfstring(L, "[%s]", text), text);
            endpoint.port = implied_port;
            good = true;
        }
    }
    if (!good)
        complain_value(L, name, index,
                       implied_port ? "an endpoint, its text 'ip:port', a server, a host or its address"
                                    : "an endpoint, its text 'ip:port' or a server");
    return endpoint;
}

const char *
arg_addresses(lua_State *L, int index, const char *name)
{
    if (lua_isnoneornil(L, index)) {
        lua_pushnil(L);
        return NULL;
    }
    if (lua_type(L, index) == LUA_TSTRING) {
        lua_pushvalue(L, index);
        return lua_tostring(L, -1);
    }
    if (lua_type(L, index) != LUA_TTABLE)
        complain_value(L, name, index, "a text such as '198.51.100.1' or '203.0.113.0/28', or a list of such");

    lua_Integer count = (lua_Integer)lua_rawlen(L, index);
    index = lua_absindex(L, index);
    lua_pushliteral(L, "");
    for (lua_Integer i = 1; i <= count; i++) {
        if (i > 1)
            lua_pushliteral(L, ", ");
        if (lua_rawgeti(L, index, i) != LUA_TSTRING)
            complain_value(L, lua_pushfstring(L, "%s[%I]", name, i), -2, "a text such as '198.51.100.1'");
        lua_concat(L, i > 1 ? 3 : 2);
    }
    if (count == 0)
        complain(L, "%s is an empty list", name);
    return lua_tostring(L, -1);
}

/* --- option tables ---------------------------------------------------------------------------------------------- */

static bool
is_option(const char *const *accepted, const char *key)
{
    return accepted && words_find(accepted, key) >= 0;
}

/* Of several unknown keys the first in order of bytes is told: tables have no order of their own. */
static const char *
find_unknown(lua_State *L, int index, const char *const *accepted, const char *const *also)
{
    const char *unknown = NULL;

    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING) {
            const char *key = complain_say(L, -2);

            complain(L, "an option has no name: [%s] = %s", key,
                     complain_say(L, -2)); /* the value, now a place lower */
        }
        const char *key = lua_tostring(L, -2);
        if (!is_option(accepted, key) && !is_option(also, key) && (!unknown || strcmp(key, unknown) < 0))
            unknown = key;
    }
    return unknown;
}

static _Noreturn void
complain_about_option(lua_State *L, const char *key, const char *const *accepted, const char *const *also)
{
    GPtrArray *all = g_ptr_array_new();

    for (; *accepted; accepted++)
        g_ptr_array_add(all, (gpointer)*accepted);
    for (; also && *also; also++)
        g_ptr_array_add(all, (gpointer)*also);
    g_ptr_array_add(all, NULL);
    char *text = words_complaint((const char *const *)all->pdata, key, "an option here");
    g_ptr_array_unref(all);
    complain_take(L, text);
}

bool
options_check(lua_State *L, int index, const char *const *accepted, const char *const *also)
{
    if (lua_isnoneornil(L, index))
        return false;
    if (lua_type(L, index) != LUA_TTABLE)
        complain_value(L, "the options", index, "a table { ... }");
    const char *unknown = find_unknown(L, lua_absindex(L, index), accepted, also);
    if (unknown)
        complain_about_option(L, unknown, accepted, also);
    return true;
}

void
options_check_in(lua_State *L, int index, const char *name, const char *const *accepted)
{
    const char *unknown = find_unknown(L, index, accepted, NULL);
    char *text, *named;

    if (!unknown)
        return;
    text = words_complaint(accepted, unknown, "an option here");
    named = g_strdup_printf("%s: %s", name, text);
    g_free(text);
    complain_take(L, named);
}

bool
options_get(lua_State *L, int index, const char *name)
{
    if (lua_type(L, index) != LUA_TTABLE)
        return false;
    lua_getfield(L, index, name);
    if (!lua_isnil(L, -1))
        return true;
    lua_pop(L, 1);
    return false;
}

/* --- results ---------------------------------------------------------------------------------------------------- */

int
arg_push_failure(lua_State *L, const char *reason)
{
    lua_pushnil(L);
    lua_pushstring(L, reason);
    return 2;
}

int
arg_push_failure_from(lua_State *L, const char *reason, struct address from)
{
    arg_push_failure(L, reason);
    lua_createtable(L, 0, 1);
    arg_push_address(L, from);
    lua_setfield(L, -2, "from");
    return 3;
}

void
arg_push_seconds(lua_State *L, int64_t duration)
{
    lua_pushnumber(L, (lua_Number)duration / (lua_Number)TIME_S);
}

void
arg_push_address(lua_State *L, struct address address)
{
    char text[ADDRESS_TEXT];

    lua_pushstring(L, address_format(address, text));
}
