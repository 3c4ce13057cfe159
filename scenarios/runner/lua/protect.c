/* pcall and xpcall: as Lua's, but a limit goes through them, and so does the end of the task. */
#include <lauxlib.h>

#include "scenarios/runner/lua/limits.h"
#include "scenarios/runner/lua/sandbox.h"

/* `skip` values at the bottom of the stack are not results. */
static int
finish_call(lua_State *L, int status, lua_KContext skip)
{
    struct limits *limits = limits_of(L);

    if (limits_caught(limits, status))
        limits_raise(L);
    if (status != LUA_OK && status != LUA_YIELD) {
        lua_pushboolean(L, 0);
        lua_pushvalue(L, -2);
        return 2;
    }
    return lua_gettop(L) - (int)skip;
}

static int
base_pcall(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    return finish_call(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, finish_call), 0);
}

/* Stands before the script's handler (upvalue 1), which a limit passes by. */
static int
handle_message(lua_State *L)
{
    if (limits_of(L)->hit)
        return 1;
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 1, 1);
    return 1;
}

static int
base_xpcall(lua_State *L)
{
    int count = lua_gettop(L);

    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, handle_message, 1);
    lua_replace(L, 2);
    lua_pushboolean(L, 1); /* the first result */
    lua_pushvalue(L, 1);
    lua_rotate(L, 3, 2);
    return finish_call(L, lua_pcallk(L, count - 2, LUA_MULTRET, 2, 2, finish_call), 2);
}

void
sandbox_open_protect(lua_State *L)
{
    lua_register(L, "pcall", base_pcall);
    lua_register(L, "xpcall", base_xpcall);
}
