/* next and pairs in a fixed order: integers ascending, then strings by bytes, then other numbers, false and true, the
 * lab's things in the order in which they were made, endpoints by value. Keys of any other kind (tables, functions)
 * have no order that would be the same in each run: a table may have one of them, and two are an error.
 *
 * pairs takes the keys as they are when it is called, in O(n log n), and passes over those that have gone since. next
 * does the same for whoever calls it with one key after the other, and remembers the last such walk. */
#include <glib.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/runner/lua/handle.h"
#include "scenarios/runner/lua/limits.h"
#include "scenarios/runner/lua/sandbox.h"

enum { STEPS_A_KEY = 4 };

enum key_class { KEY_INTEGER, KEY_STRING, KEY_NUMBER, KEY_FALSE, KEY_TRUE, KEY_HANDLE, KEY_OTHER };

struct key {
    enum key_class class;
    uint32_t slot; /* in the walk's list of keys, from 1 */
    union {
        lua_Integer integer;
        lua_Number number;
        const struct handle *handle;
        struct {
            const char *bytes; /* the key's own: good while the key is alive */
            size_t length;
        } string;
    };
};

/* The keys of a table, sorted. Its user values: the list of the keys (nil when all are integers), and for `next` the
 * table that it is a walk of. */
struct walk {
    size_t count, at; /* `at`: how many have been given out */
    bool integers;
    struct key keys[];
};

static const char walk_key; /* in the registry: the last walk that next began */

static struct key
read_key(lua_State *L, int index)
{
    struct key key = { .class = KEY_OTHER };

    switch (lua_type(L, index)) {
    case LUA_TNUMBER:
        if (lua_isinteger(L, index)) {
            key.class = KEY_INTEGER;
            key.integer = lua_tointeger(L, index);
        } else {
            key.class = KEY_NUMBER;
            key.number = lua_tonumber(L, index);
        }
        break;
    case LUA_TSTRING:
        key.class = KEY_STRING;
        key.string.bytes = lua_tolstring(L, index, &key.string.length);
        break;
    case LUA_TBOOLEAN:
        key.class = lua_toboolean(L, index) ? KEY_TRUE : KEY_FALSE;
        break;
    case LUA_TUSERDATA:
        key.class = KEY_HANDLE;
        key.handle = handle_at(L, index);
        break;
    }
    return key;
}

static int
compare_strings(const struct key *a, const struct key *b)
{
    size_t shorter = MIN(a->string.length, b->string.length);
    int order = memcmp(a->string.bytes, b->string.bytes, shorter);

    return order ? order : (a->string.length > b->string.length) - (a->string.length < b->string.length);
}

static int
compare_keys(const void *one, const void *other)
{
    const struct key *a = one, *b = other;

    if (a->class != b->class)
        return a->class < b->class ? -1 : 1;
    switch (a->class) {
    case KEY_INTEGER:
        return (a->integer > b->integer) - (a->integer < b->integer);
    case KEY_STRING:
        return compare_strings(a, b);
    case KEY_NUMBER:
        return (a->number > b->number) - (a->number < b->number);
    case KEY_HANDLE:
        return handle_compare(a->handle, b->handle);
    default:
        return 0;
    }
}

static void
refuse_others(lua_State *L, const char *kind)
{
    luaL_error(L,
               "this table has several keys that are tables, functions or coroutines (one is a %s): they have no fixed "
               "order to go through; keep them in a list",
               kind);
}

/* Counts the keys of the table; raises when they have no order. */
static size_t
count_keys(lua_State *L, int table, bool *integers)
{
    size_t count = 0, others = 0;

    *integers = true;
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
        int type = lua_type(L, -2);

        count++;
        *integers &= type == LUA_TNUMBER && lua_isinteger(L, -2);
        if ((type == LUA_TTABLE || type == LUA_TFUNCTION || type == LUA_TTHREAD) && ++others > 1)
            refuse_others(L, luaL_typename(L, -2));
    }
    return count;
}

/* Pushes a walk over the table at `table` (absolute). */
static struct walk *
push_walk(lua_State *L, int table)
{
    bool integers, sorted = true;
    size_t count = count_keys(L, table, &integers), i = 0;
    struct walk *walk = lua_newuserdatauv(L, sizeof *walk + count * sizeof *walk->keys, 2);

    limits_spend(L, STEPS_A_KEY * count);
    walk->count = 0;
    walk->at = 0;
    walk->integers = integers;
    if (!integers)
        lua_createtable(L, (int)MIN(count, G_MAXINT), 0);
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) { /* as many as were counted: nothing ran in between */
        walk->keys[i] = read_key(L, -2);
        walk->keys[i].slot = (uint32_t)i + 1;
        sorted = sorted && (i == 0 || compare_keys(&walk->keys[i - 1], &walk->keys[i]) < 0);
        if (!integers) {
            lua_pushvalue(L, -2);
            lua_rawseti(L, -4, (lua_Integer)i + 1);
        }
        i++;
    }
    walk->count = i;
    if (!integers)
        lua_setiuservalue(L, -2, 1);
    if (!sorted)
        qsort(walk->keys, walk->count, sizeof *walk->keys, compare_keys);
    return walk;
}

/* Pushes the n-th key of the walk at `index`. */
static void
push_key(lua_State *L, const struct walk *walk, int index, size_t n)
{
    if (walk->integers) {
        lua_pushinteger(L, walk->keys[n].integer);
        return;
    }
    lua_getiuservalue(L, index, 1);
    lua_rawgeti(L, -1, walk->keys[n].slot);
    lua_remove(L, -2);
}

/* Pushes the next key that the table still has and its value; or nil. */
static int
step(lua_State *L, struct walk *walk, int index, int table)
{
    while (walk->at < walk->count) {
        push_key(L, walk, index, walk->at++);
        lua_pushvalue(L, -1);
        if (lua_rawget(L, table) != LUA_TNIL)
            return 2;
        lua_pop(L, 2);
    }
    lua_pushnil(L);
    return 1;
}

/* Upvalues: the walk, the table. */
static int
pairs_next(lua_State *L)
{
    return step(L, lua_touserdata(L, lua_upvalueindex(1)), lua_upvalueindex(1), lua_upvalueindex(2));
}

static int
base_pairs(lua_State *L)
{
    luaL_checkany(L, 1);
    if (luaL_getmetafield(L, 1, "__pairs") != LUA_TNIL) {
        lua_pushvalue(L, 1);
        lua_call(L, 1, 3);
        return 3;
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    push_walk(L, 1);
    lua_pushvalue(L, 1);
    lua_pushcclosure(L, pairs_next, 2);
    lua_pushvalue(L, 1);
    lua_pushnil(L);
    return 3;
}

/* next(t): the first key and its value, without sorting them all. */
static int
push_first(lua_State *L)
{
    struct key best = { .slot = 0 };

    lua_settop(L, 1);
    lua_pushnil(L); /* 2, 3: the best so far */
    lua_pushnil(L);
    size_t seen = 0;
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        struct key key = read_key(L, -2);

        if (seen++ > 0 && key.class == KEY_OTHER && best.class == KEY_OTHER)
            refuse_others(L, luaL_typename(L, -2));
        if (seen > 1 && compare_keys(&best, &key) <= 0)
            continue;
        best = key;
        lua_copy(L, -2, 2);
        lua_copy(L, -1, 3);
    }
    limits_spend(L, STEPS_A_KEY * seen);
    return seen > 0 ? 2 : 1;
}

/* Pushes the walk that next is on, if `key` (at 2) was its last of the table at 1. */
static struct walk *
push_last_walk(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &walk_key) == LUA_TNIL)
        return NULL;

    struct walk *walk = lua_touserdata(L, -1);
    lua_getiuservalue(L, -1, 2);
    bool same = lua_rawequal(L, -1, 1);
    lua_pop(L, 1);
    if (!same || walk->at == 0)
        return NULL;
    push_key(L, walk, lua_gettop(L), walk->at - 1);
    same = lua_rawequal(L, -1, 2);
    lua_pop(L, 1);
    return same ? walk : NULL;
}

/* A walk that stands behind the key at 2. */
static struct walk *
push_walk_behind(lua_State *L)
{
    struct key key = read_key(L, 2);
    struct walk *walk = push_walk(L, 1);
    size_t low = 0, high = walk->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare_keys(&walk->keys[middle], &key) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    walk->at = low;
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 2);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &walk_key);
    return walk;
}

static int
base_next(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    if (lua_isnil(L, 2))
        return push_first(L);

    struct walk *walk = push_last_walk(L);
    if (!walk) {
        lua_settop(L, 2);
        walk = push_walk_behind(L);
    }
    return step(L, walk, lua_gettop(L), 1);
}

void
sandbox_open_order(lua_State *L)
{
    lua_register(L, "next", base_next);
    lua_register(L, "pairs", base_pairs);
}
