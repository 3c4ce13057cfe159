/* The coroutine library: as Lua's, with three differences. A limit goes through resume, wrap and close. A word that
 * waits inside a script's own coroutine suspends the whole task: the coroutine's yield is passed on outwards by whoever
 * resumed it, and the wait's end is passed back in. And a coroutine that is a task, or in which a task waits, cannot be
 * resumed or closed by the script. */
#include <lauxlib.h>

#include "scenarios/runner/lua/limits.h"
#include "scenarios/runner/lua/sandbox.h"

enum { STEPS_TO_CREATE = 1000 }; /* at least what the count hook may not see of one that soon ends */

static const char held_key; /* in the registry: coroutines that are not the script's to resume */

void
sandbox_hold(lua_State *L, lua_State *co, bool held)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &held_key);
    if (held)
        lua_pushboolean(L, 1);
    else
        lua_pushnil(L);
    lua_rawsetp(L, -2, co);
    lua_pop(L, 1);
}

static bool
is_held(lua_State *L, lua_State *co)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &held_key);
    bool held = lua_rawgetp(L, -1, co) != LUA_TNIL;

    lua_pop(L, 2);
    return held;
}

static lua_State *
check_coroutine(lua_State *L, int index)
{
    lua_State *co = lua_tothread(L, index);

    luaL_argexpected(L, co, index, "coroutine");
    return co;
}

static const char *
status_word(lua_State *L, lua_State *co)
{
    lua_Debug activation;

    if (co == L)
        return "running";
    if (is_held(L, co))
        return "normal";
    switch (lua_status(co)) {
    case LUA_YIELD:
        return "suspended";
    case LUA_OK:
        if (lua_getstack(co, 0, &activation))
            return "normal"; /* it resumed another */
        return lua_gettop(co) == 0 ? "dead" : "suspended";
    default:
        return "dead";
    }
}

int
sandbox_close(lua_State *L, lua_State *co)
{
    struct limits *limits = limits_of(L);

    limits->closing++;
    lua_State *before = limits_run(limits, co);
    int status = lua_resetthread(co);
    limits_run(limits, before);
    limits->closing--;
    return status;
}

/* How results are handed on: resume puts `true` or `false` before them, wrap raises errors. */
enum manner { MANNER_RESUME, MANNER_WRAP };

static int go_on(lua_State *L, lua_State *co, int arguments, enum manner manner);

/* The coroutine that a continuation's frame is about. */
static lua_State *
coroutine_of(lua_State *L, enum manner manner)
{
    return lua_tothread(L, manner == MANNER_WRAP ? lua_upvalueindex(1) : 1);
}

static int
after_wait(lua_State *L, int status, lua_KContext manner)
{
    lua_State *co = coroutine_of(L, (enum manner)manner);

    (void)status;
    sandbox_hold(L, co, false);
    return go_on(L, co, 0, (enum manner)manner);
}

static int
fail(lua_State *L, enum manner manner)
{
    if (manner == MANNER_WRAP)
        return lua_error(L);
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
}

static int
succeed(lua_State *L, lua_State *co, int results, enum manner manner)
{
    if (!lua_checkstack(L, results + 1)) {
        lua_pop(co, results);
        lua_pushliteral(L, "too many results to resume");
        return fail(L, manner);
    }
    if (manner == MANNER_RESUME)
        lua_pushboolean(L, 1);
    lua_xmove(co, L, results);
    return results + (manner == MANNER_RESUME);
}

/* Resumes `co` with the `arguments` on top of its stack. */
static int
go_on(lua_State *L, lua_State *co, int arguments, enum manner manner)
{
    struct limits *limits = limits_of(L);
    int blocks = !lua_isyieldable(L), results;

    limits_spend(L, 20);
    limits->blocked += blocks;
    limits_run(limits, co);
    int status = lua_resume(co, L, arguments, &results);
    limits_run(limits, L);
    limits->blocked -= blocks;

    if (limits_caught(limits, status))
        limits_raise(L);
    if (status == LUA_YIELD && limits->parked) {
        sandbox_hold(L, co, true);
        return lua_yieldk(L, 0, (lua_KContext)manner, after_wait);
    }
    if (status == LUA_OK || status == LUA_YIELD)
        return succeed(L, co, results, manner);
    lua_xmove(co, L, 1);
    if (manner == MANNER_WRAP) {
        sandbox_close(L, co);
        if (limits->hit)
            limits_raise(L);
    }
    return fail(L, manner);
}

/* Moves the arguments over and starts or continues `co`. */
static int
resume_with(lua_State *L, lua_State *co, int arguments, enum manner manner)
{
    const char *word = status_word(L, co);

    if (word[0] != 's') {
        if (manner == MANNER_WRAP)
            luaL_where(L, 1);
        lua_pushfstring(L, word[0] == 'd' ? "cannot resume dead coroutine" : "cannot resume non-suspended coroutine");
        if (manner == MANNER_WRAP)
            lua_concat(L, 2);
        return fail(L, manner);
    }
    if (!lua_checkstack(co, arguments)) {
        lua_pushliteral(L, "too many arguments to resume");
        return fail(L, manner);
    }
    lua_xmove(L, co, arguments);
    return go_on(L, co, arguments, manner);
}

static int
co_resume(lua_State *L)
{
    return resume_with(L, check_coroutine(L, 1), lua_gettop(L) - 1, MANNER_RESUME);
}

static int
wrapped(lua_State *L)
{
    return resume_with(L, coroutine_of(L, MANNER_WRAP), lua_gettop(L), MANNER_WRAP);
}

static int
co_create(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    limits_spend(L, STEPS_TO_CREATE);
    lua_State *co = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    return 1;
}

static int
co_wrap(lua_State *L)
{
    co_create(L);
    lua_pushcclosure(L, wrapped, 1);
    return 1;
}

static int co_yield (lua_State *L)
{
    if (limits_of(L)->closing > 0)
        return luaL_error(L, "attempt to yield from a __close metamethod");
    if (is_held(L, L))
        return luaL_error(L, "coroutine.yield outside a coroutine: a task waits with lab.sleep, lab.wait or recv");
    return lua_yield(L, lua_gettop(L));
}

static int
co_status(lua_State *L)
{
    lua_pushstring(L, status_word(L, check_coroutine(L, 1)));
    return 1;
}

static int
co_isyieldable(lua_State *L)
{
    lua_State *co = lua_isthread(L, 1) ? lua_tothread(L, 1) : L;

    lua_pushboolean(L, lua_isyieldable(co) && !is_held(L, co));
    return 1;
}

static int
co_running(lua_State *L)
{
    lua_pushthread(L);
    lua_pushboolean(L, is_held(L, L)); /* a task is to the script what the main thread is to a program */
    return 2;
}

static int
co_close(lua_State *L)
{
    lua_State *co = check_coroutine(L, 1);
    const char *word = status_word(L, co);

    if (word[0] != 's' && word[0] != 'd')
        return luaL_error(L, "cannot close a %s coroutine", word);
    int status = sandbox_close(L, co);
    if (limits_caught(limits_of(L), status))
        limits_raise(L);
    lua_pushboolean(L, status == LUA_OK);
    if (status == LUA_OK)
        return 1;
    lua_xmove(co, L, 1);
    return 2;
}

void
sandbox_open_coroutines(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "create", co_create },   { "resume", co_resume }, { "wrap", co_wrap },
        { "yield", co_yield },     { "status", co_status }, { "isyieldable", co_isyieldable },
        { "running", co_running }, { "close", co_close },   { NULL, NULL },
    };

    lua_createtable(L, 0, 0);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &held_key);
    luaL_newlib(L, functions);
    lua_setglobal(L, "coroutine");
}
