#include "scenarios/runner/lua/handle.h"

#include <lauxlib.h>
#include <string.h>

#include "core/base/words.h"
#include "scenarios/runner/lua/complain.h"
#include "scenarios/runner/lua/endpoint.h"
#include "scenarios/runner/lua/sandbox.h"
#include "scenarios/runner/lua/script.h"
#include "scenarios/runner/lua/watch.h"

enum { STEPS_A_WORD = 20, NAMES_MAX = 80 };

static const char kept_key; /* in the registry: object -> handle */

bool
type_has(const struct type *type, const struct word *words)
{
    for (int i = 0; i < HANDLE_WORD_LISTS && type->words[i]; i++) {
        if (type->words[i] == words)
            return true;
    }
    return false;
}

static bool
type_has_word(const struct type *type, const struct word *word)
{
    for (int i = 0; i < HANDLE_WORD_LISTS && type->words[i]; i++) {
        for (const struct word *other = type->words[i]; other->name; other++) {
            if (other == word)
                return true;
        }
    }
    return false;
}

struct handle *
handle_at(lua_State *L, int index)
{
    return lua_type(L, index) == LUA_TUSERDATA ? lua_touserdata(L, index) : NULL;
}

void *
handle_of(lua_State *L, int index, const struct type *type)
{
    struct handle *handle = handle_at(L, index);

    return handle && handle->type == type ? handle : NULL;
}

int
handle_compare(const struct handle *a, const struct handle *b)
{
    if (a->type->is_value != b->type->is_value)
        return a->type->is_value ? 1 : -1;
    if (a->type->is_value)
        return endpoint_compare(*endpoint_value(a), *endpoint_value(b));
    return (a->ordinal > b->ordinal) - (a->ordinal < b->ordinal);
}

/* --- words ------------------------------------------------------------------------------------------------------ */

static const char *
article(const char *noun)
{
    return strchr("aeiou", noun[0]) ? "an" : "a";
}

/* The handle that a word is called on is missing or of another kind. */
static void
complain_about_self(lua_State *L, const struct type *type, const struct word *word)
{
    struct handle *other = handle_at(L, 1);

    script_of(L)->word = NULL;
    if (other && !complain_sees_dot(L))
        complain(L, "%s is a word of %s %s, not of %s %s", word->name, article(type->name), type->name,
                 article(other->type->name), other->type->name);
    complain(L, "%s.%s(...) was called with a dot; write %s:%s(...) with a colon", type->name, word->name, type->name,
             word->name);
}

/* Upvalues: the word, its type. */
static int
call_method(lua_State *L)
{
    const struct word *word = lua_touserdata(L, lua_upvalueindex(1));
    const struct type *type = lua_touserdata(L, lua_upvalueindex(2));
    const struct handle *self = handle_at(L, 1);
    struct script *script = script_of(L);

    if (!self || (self->type != type && !type_has_word(self->type, word)))
        complain_about_self(L, type, word);
    limits_spend(L, STEPS_A_WORD);
    script_pay(script, L);
    script->word_type = self->type;
    script->word = word;
    int results = word->call(script, L);
    script->word = NULL;
    script_pay(script, L);
    watch_flush(script, L);
    return results;
}

/* Upvalues: the word, its type. The words of `lab` have no handle: the table is recognised by its metatable's name. */
static int
call_function(lua_State *L)
{
    const struct word *word = lua_touserdata(L, lua_upvalueindex(1));
    const struct type *type = lua_touserdata(L, lua_upvalueindex(2));
    struct script *script = script_of(L);

    script->word_type = type;
    script->word = NULL;
    if (lua_type(L, 1) == LUA_TTABLE && luaL_getmetafield(L, 1, "__name") != LUA_TNIL) {
        if (lua_type(L, -1) == LUA_TSTRING && strcmp(lua_tostring(L, -1), type->name) == 0)
            complain(L, "%s:%s(...) was called with a colon; write %s.%s(...) with a dot", type->name, word->name,
                     type->name, word->name);
        lua_pop(L, 1);
    }
    limits_spend(L, STEPS_A_WORD);
    script_pay(script, L);
    script->word = word;
    int results = word->call(script, L);
    script->word = NULL;
    script_pay(script, L);
    watch_flush(script, L);
    return results;
}

void
word_push(lua_State *L, const struct type *type, const struct word *word)
{
    lua_pushlightuserdata(L, (void *)word);
    lua_pushlightuserdata(L, (void *)type);
    lua_pushcclosure(L, call_function, 2);
}

/* --- what a handle answers ---------------------------------------------------------------------------------------- */

/* Fills `names` with all words and fields, ending with NULL. */
static void
list_names(const struct type *type, const char *names[NAMES_MAX + 1])
{
    size_t count = 0;

    for (int i = 0; i < HANDLE_WORD_LISTS && type->words[i]; i++) {
        for (const struct word *word = type->words[i]; word->name && count < NAMES_MAX; word++)
            names[count++] = word->name;
    }
    for (const char *const *field = type->fields; field && *field && count < NAMES_MAX; field++)
        names[count++] = *field;
    names[count] = NULL;
}

static int
complain_about_name(lua_State *L, const struct type *type)
{
    const char *names[NAMES_MAX + 1], *name = lua_tostring(L, 2);

    script_of(L)->word = NULL;
    if (lua_type(L, 2) != LUA_TSTRING)
        complain(L, "%s %s has no [%s]", article(type->name), type->name, complain_say(L, 2));
    list_names(type, names);
    GString *text = g_string_new(NULL);
    const char *nearest = words_nearest(names, name);
    g_string_append_printf(text, "%s has no '%.60s'; ", type->name, name);
    if (nearest) {
        g_string_append_printf(text, "did you mean '%s'?", nearest);
    } else {
        g_string_append(text, "it has: ");
        words_say(names, text);
    }
    complain_take(L, g_string_free(text, FALSE));
}

/* Upvalues: the type, the table of its words. */
static int
index_handle(lua_State *L)
{
    const struct type *type = lua_touserdata(L, lua_upvalueindex(1));
    struct handle *self = handle_at(L, 1);

    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(2)) != LUA_TNIL)
        return 1;
    lua_pop(L, 1);
    if (self && self->type == type && lua_type(L, 2) == LUA_TSTRING) {
        const char *name = lua_tostring(L, 2);
        int field = type->fields ? words_find(type->fields, name) : -1;

        if (field >= 0) {
            type->field(script_of(L), L, self, name);
            return 1;
        }
    }
    return complain_about_name(L, type);
}

static int
assign_handle(lua_State *L)
{
    const struct type *type = lua_touserdata(L, lua_upvalueindex(1));

    script_of(L)->word = NULL;
    complain(L, "%s %s cannot be assigned to (.%s)", article(type->name), type->name, sandbox_tostring(L, 2, NULL));
}

static int
say_handle(lua_State *L)
{
    const struct handle *self = handle_at(L, 1);

    if (!self)
        lua_pushliteral(L, "?");
    else if (self->type->say)
        self->type->say(L, self);
    else
        lua_pushstring(L, self->type->name);
    return 1;
}

/* `"to " .. endpoint`: a handle in a text stands there as tostring shows it. */
static int
concat_handle(lua_State *L)
{
    for (int i = 1; i <= 2; i++) {
        if (lua_type(L, i) != LUA_TUSERDATA && !lua_isstring(L, i))
            luaL_error(L, "attempt to concatenate a %s value", luaL_typename(L, i));
        sandbox_tostring(L, i, NULL);
    }
    lua_concat(L, 2);
    return 1;
}

static void
push_words(lua_State *L, const struct type *type)
{
    lua_newtable(L);
    for (int i = 0; i < HANDLE_WORD_LISTS && type->words[i]; i++) {
        for (const struct word *word = type->words[i]; word->name; word++) {
            lua_pushlightuserdata(L, (void *)word);
            lua_pushlightuserdata(L, (void *)type);
            lua_pushcclosure(L, call_method, 2);
            lua_setfield(L, -2, word->name);
        }
    }
}

/* The metatable of a type, made at its first handle. */
static void
push_metatable(lua_State *L, const struct type *type)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, type) != LUA_TNIL)
        return;
    lua_pop(L, 1);
    lua_createtable(L, 0, 6);
    lua_pushlightuserdata(L, (void *)type);
    push_words(L, type);
    lua_pushcclosure(L, index_handle, 2);
    lua_setfield(L, -2, "__index");
    lua_pushlightuserdata(L, (void *)type);
    lua_pushcclosure(L, assign_handle, 1);
    lua_setfield(L, -2, "__newindex");
    lua_pushcfunction(L, say_handle);
    lua_setfield(L, -2, "__tostring");
    lua_pushcfunction(L, concat_handle);
    lua_setfield(L, -2, "__concat");
    lua_pushstring(L, type->name);
    lua_setfield(L, -2, "__name");
    lua_pushstring(L, type->name);
    lua_setfield(L, -2, "__metatable");
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, type);
}

void *
handle_new(lua_State *L, const struct type *type, size_t size)
{
    struct handle *handle = lua_newuserdatauv(L, size, type->user_values);

    memset(handle, 0, size);
    handle->type = type;
    handle->ordinal = ++script_of(L)->handles;
    push_metatable(L, type);
    lua_setmetatable(L, -2);
    return handle;
}

/* --- keeping ---------------------------------------------------------------------------------------------------- */

void
handle_open(lua_State *L)
{
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &kept_key);
}

void
handle_keep(lua_State *L, int index, const void *object)
{
    index = lua_absindex(L, index);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &kept_key);
    lua_pushvalue(L, index);
    lua_rawsetp(L, -2, object);
    lua_pop(L, 1);
}

void
handle_drop(lua_State *L, const void *object)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &kept_key);
    lua_pushnil(L);
    lua_rawsetp(L, -2, object);
    lua_pop(L, 1);
}

bool
handle_push(lua_State *L, const void *object)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &kept_key);
    bool found = lua_rawgetp(L, -1, object) != LUA_TNIL;

    lua_remove(L, -2);
    if (!found)
        lua_pop(L, 1);
    return found;
}
