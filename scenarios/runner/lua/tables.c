/* The table library's functions that walk a table inside C: each spends steps for what it walks.
 *
 * table.sort is written anew: Lua's picks its pivots by the machine's clock, so that the order of equals is left to
 * chance. This one is a merge sort: stable, the same everywhere, at most n log2 n comparisons; the table is written
 * last, so an error of the comparing function leaves it as it was. */
#include <lauxlib.h>
#include <stdbool.h>

#include "scenarios/runner/lua/limits.h"
#include "scenarios/runner/lua/sandbox.h"

enum { STEPS_A_COMPARISON = 6, STEPS_A_PIECE = 20 };

/* 0 for what is no table: the original complains about it. */
static lua_Integer
length_of(lua_State *L, int index)
{
    return lua_istable(L, index) ? luaL_len(L, index) : 0;
}

static void
spend_range(lua_State *L, lua_Integer from, lua_Integer to)
{
    if (to >= from)
        limits_spend(L, (uint64_t)to - (uint64_t)from + 1);
}

static int
table_insert(lua_State *L)
{
    int top = lua_gettop(L);

    if (top >= 3)
        spend_range(L, lua_tointeger(L, 2), length_of(L, 1));
    return sandbox_call_original(L, "insert", top);
}

static int
table_remove(lua_State *L)
{
    int top = lua_gettop(L);

    if (top >= 2)
        spend_range(L, lua_tointeger(L, 2), length_of(L, 1));
    return sandbox_call_original(L, "remove", top);
}

static int
table_move(lua_State *L)
{
    int top = lua_gettop(L);

    spend_range(L, lua_tointeger(L, 2), lua_tointeger(L, 3));
    return sandbox_call_original(L, "move", top);
}

/* Machines differ in the sign of what is not a number, and the original shows it: where there is one in the list, a list
 * of texts takes its place. Looks no further than the original would get. */
static void
even_out(lua_State *L, lua_Integer from, lua_Integer to)
{
    bool found = false, text = true;

    if (!lua_istable(L, 1) || to == LUA_MAXINTEGER)
        return;
    for (lua_Integer i = from; text && i <= to; i++) {
        lua_rawgeti(L, 1, i);
        text = lua_isstring(L, -1);
        found = found || (lua_type(L, -1) == LUA_TNUMBER && lua_tonumber(L, -1) != lua_tonumber(L, -1));
        lua_pop(L, 1);
    }
    if (!found || !text)
        return;
    lua_newtable(L);
    for (lua_Integer i = from; i <= to; i++) {
        lua_rawgeti(L, 1, i);
        sandbox_tostring(L, -1, NULL);
        lua_rawseti(L, -3, i);
        lua_pop(L, 1);
    }
    lua_replace(L, 1);
}

static int
table_concat(lua_State *L)
{
    int top = lua_gettop(L);
    lua_Integer from = lua_isnoneornil(L, 3) ? 1 : lua_tointeger(L, 3);
    lua_Integer to = lua_isnoneornil(L, 4) ? length_of(L, 1) : lua_tointeger(L, 4);

    if (to >= from && (uint64_t)to - (uint64_t)from < UINT64_MAX / STEPS_A_PIECE)
        limits_spend(L, ((uint64_t)to - (uint64_t)from + 1) * STEPS_A_PIECE);
    even_out(L, from, to);
    return sandbox_call_original(L, "concat", top);
}

static int
table_unpack(lua_State *L)
{
    int top = lua_gettop(L);
    lua_Integer from = lua_isnoneornil(L, 2) ? 1 : lua_tointeger(L, 2);
    lua_Integer to = lua_isnoneornil(L, 3) ? length_of(L, 1) : lua_tointeger(L, 3);

    spend_range(L, from, to);
    return sandbox_call_original(L, "unpack", top);
}

enum { SORT_TABLE = 1, SORT_LESS = 2, SORT_FROM = 3, SORT_TO = 4 }; /* where they are on the stack */

/* Whether item `a` of the table at SORT_FROM comes before item `b`. */
static bool
comes_before(lua_State *L, lua_Integer a, lua_Integer b)
{
    bool before;

    limits_spend(L, STEPS_A_COMPARISON);
    if (lua_isnil(L, SORT_LESS)) {
        lua_rawgeti(L, SORT_FROM, a);
        lua_rawgeti(L, SORT_FROM, b);
        before = lua_compare(L, -2, -1, LUA_OPLT);
        lua_pop(L, 2);
        return before;
    }
    lua_pushvalue(L, SORT_LESS);
    lua_rawgeti(L, SORT_FROM, a);
    lua_rawgeti(L, SORT_FROM, b);
    lua_call(L, 2, 1);
    before = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return before;
}

/* Merges [low, middle) and [middle, high) of one table into the other. */
static void
merge(lua_State *L, lua_Integer low, lua_Integer middle, lua_Integer high)
{
    lua_Integer left = low, right = middle;

    for (lua_Integer to = low; to < high; to++) {
        bool from_right = left == middle || (right < high && comes_before(L, right, left));

        lua_rawgeti(L, SORT_FROM, from_right ? right++ : left++);
        lua_rawseti(L, SORT_TO, to);
    }
}

static int
table_sort(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer count = luaL_len(L, 1);

    luaL_argcheck(L, count < INT32_MAX, 1, "array too big");
    if (!lua_isnoneornil(L, 2))
        luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    if (count < 2)
        return 0;
    limits_spend(L, (uint64_t)count);
    lua_createtable(L, (int)count, 0);
    lua_createtable(L, (int)count, 0);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_geti(L, SORT_TABLE, i);
        lua_rawseti(L, SORT_FROM, i);
    }
    for (lua_Integer width = 1; width < count; width *= 2) {
        for (lua_Integer low = 1; low <= count; low += 2 * width) {
            lua_Integer middle = low + width < count + 1 ? low + width : count + 1;
            lua_Integer high = middle + width < count + 1 ? middle + width : count + 1;

            merge(L, low, middle, high);
        }
        lua_insert(L, SORT_FROM); /* what was filled is read next */
    }
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, SORT_FROM, i);
        lua_seti(L, SORT_TABLE, i);
    }
    return 0;
}

void
sandbox_open_tables(lua_State *L)
{
    static const luaL_Reg wrapped[] = {
        { "insert", table_insert }, { "remove", table_remove }, { "move", table_move },
        { "concat", table_concat }, { "unpack", table_unpack }, { NULL, NULL },
    };

    lua_getglobal(L, "table");
    for (const luaL_Reg *function = wrapped; function->name; function++) {
        lua_getfield(L, -1, function->name);
        lua_pushcclosure(L, function->func, 1);
        lua_setfield(L, -2, function->name);
    }
    lua_pushcfunction(L, table_sort);
    lua_setfield(L, -2, "sort");
    lua_pop(L, 1);
}
