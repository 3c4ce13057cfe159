#include "scenarios/runner/lua/sandbox.h"

#include <lauxlib.h>
#include <lualib.h>
#include <math.h>
#include <string.h>

#include "scenarios/runner/lua/handle.h"
#include "scenarios/runner/lua/limits.h"

const char *
sandbox_tostring(lua_State *L, int index, size_t *length)
{
    index = lua_absindex(L, index);
    if (luaL_callmeta(L, index, "__tostring")) {
        if (!lua_isstring(L, -1))
            luaL_error(L, "'__tostring' must return a string");
        return lua_tolstring(L, -1, length);
    }
    switch (lua_type(L, index)) {
    case LUA_TNUMBER:
        if (!lua_isinteger(L, index) && isnan(lua_tonumber(L, index)))
            lua_pushliteral(L, "nan"); /* machines differ in its sign */
        else
            lua_pushvalue(L, index);
        break;
    case LUA_TSTRING:
    case LUA_TNIL:
    case LUA_TBOOLEAN:
        return luaL_tolstring(L, index, length);
    default:
        if (luaL_getmetafield(L, index, "__name") != LUA_TSTRING) {
            lua_settop(L, lua_gettop(L));
            lua_pushstring(L, luaL_typename(L, index));
        }
    }
    return lua_tolstring(L, -1, length);
}

static int
base_tostring(lua_State *L)
{
    luaL_checkany(L, 1);
    sandbox_tostring(L, 1, NULL);
    return 1;
}

static int
base_setmetatable(lua_State *L)
{
    int type = lua_type(L, 2);

    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
        return luaL_error(L, "cannot change a protected metatable");
    if (type == LUA_TTABLE)
        limits_watch_metatable(L, 2);
    lua_settop(L, 2);
    lua_setmetatable(L, 1);
    return 1;
}

/* The message of an original knows neither its name nor the line: it was called from C. */
static void
mend_message(lua_State *L, const char *name)
{
    const char *file = limits_of(L)->file, *message = lua_tostring(L, -1);
    size_t length = strlen(file);

    if (lua_type(L, -1) != LUA_TSTRING || (strncmp(message, file, length) == 0 && message[length] == ':'))
        return;
    luaL_where(L, 1);
    lua_pushfstring(L, "'%s'", name);
    luaL_gsub(L, message, "'?'", lua_tostring(L, -1));
    lua_remove(L, -2);
    lua_concat(L, 2);
}

int
sandbox_call_original(lua_State *L, const char *name, int top)
{
    lua_settop(L, top);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);

    int status = lua_pcall(L, top, LUA_MULTRET, 0);
    if (status == LUA_OK)
        return lua_gettop(L);
    if (limits_caught(limits_of(L), status))
        limits_raise(L);
    mend_message(L, name);
    return lua_error(L);
}

/* Upvalue: the stream. As math.random of the manual; integers are uniform without bias. */
static int
draw(lua_State *L)
{
    struct random_stream *random = lua_touserdata(L, lua_upvalueindex(1));
    lua_Integer low = 1, high;

    switch (lua_gettop(L)) {
    case 0:
        lua_pushnumber(L, (lua_Number)(random_u64(random) >> 11) * 0x1p-53);
        return 1;
    case 1:
        high = luaL_checkinteger(L, 1);
        if (high == 0) {
            lua_pushinteger(L, (lua_Integer)random_u64(random));
            return 1;
        }
        break;
    case 2:
        low = luaL_checkinteger(L, 1);
        high = luaL_checkinteger(L, 2);
        break;
    default:
        return luaL_error(L, "wrong number of arguments: random(), random(m) or random(m, n)");
    }
    luaL_argcheck(L, low <= high, lua_gettop(L), "interval is empty");

    uint64_t span = (uint64_t)high - (uint64_t)low;
    uint64_t drawn = span == UINT64_MAX ? random_u64(random) : random_below(random, span + 1);
    lua_pushinteger(L, (lua_Integer)((uint64_t)low + drawn));
    return 1;
}

void
sandbox_push_random(lua_State *L, struct random_stream *random)
{
    lua_pushlightuserdata(L, random);
    lua_pushcclosure(L, draw, 1);
}

static int
math_randomseed(lua_State *L)
{
    return luaL_error(L, "math.randomseed: the dice are the world's; --seed N chooses them");
}

static void
open_library(lua_State *L, const char *name, lua_CFunction open)
{
    luaL_requiref(L, name, open, 1);
    lua_pop(L, 1);
}

static void
open_base(lua_State *L)
{
    static const char *const absent[] = { "collectgarbage", "dofile", "load", "loadfile", "warn" };

    open_library(L, "_G", luaopen_base);
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
        lua_pushnil(L);
        lua_setglobal(L, absent[i]);
    }
    lua_register(L, "tostring", base_tostring);
    lua_register(L, "setmetatable", base_setmetatable);
}

static void
open_math(lua_State *L, struct random_stream *random)
{
    open_library(L, LUA_MATHLIBNAME, luaopen_math);
    lua_getglobal(L, LUA_MATHLIBNAME);
    sandbox_push_random(L, random);
    lua_setfield(L, -2, "random");
    lua_pushcfunction(L, math_randomseed);
    lua_setfield(L, -2, "randomseed");
    lua_pop(L, 1);
}

void
sandbox_open(lua_State *L, struct random_stream *random)
{
    open_base(L);
    open_math(L, random);
    open_library(L, LUA_STRLIBNAME, luaopen_string);
    open_library(L, LUA_TABLIBNAME, luaopen_table);
    open_library(L, LUA_UTF8LIBNAME, luaopen_utf8);
    sandbox_open_strings(L);
    sandbox_open_tables(L);
    sandbox_open_order(L);
    sandbox_open_protect(L);
    sandbox_open_coroutines(L);
}
