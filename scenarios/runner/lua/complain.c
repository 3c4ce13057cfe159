#include "scenarios/runner/lua/complain.h"

#include <stdarg.h>
#include <stdlib.h>

#include "core/base/words.h"
#include "scenarios/runner/lua/sandbox.h"
#include "scenarios/runner/lua/script.h"

enum { SHOWN = 60 }; /* characters of a text */

void
complain_where(lua_State *L)
{
    const char *file = limits_of(L)->file;
    int line = limits_line(L, file);

    if (line > 0)
        lua_pushfstring(L, "%s:%d: ", file, line);
    else
        lua_pushliteral(L, "");
}

bool
complain_sees_dot(lua_State *L)
{
    lua_Debug activation;

    return lua_getstack(L, 0, &activation) && lua_getinfo(L, "n", &activation) &&
           strcmp(activation.namewhat, "field") == 0;
}

/* Puts position and word in front of the text on top of the stack, and raises it. */
static _Noreturn void
raise_text(lua_State *L)
{
    const struct script *script = script_of(L);

    if (script->word && !script->word_type->is_table && complain_sees_dot(L)) {
        lua_pushfstring(L, " (it was called with a dot; write %s:%s(...) with a colon)", script->word_type->name,
                        script->word->name);
        lua_concat(L, 2);
    }
    complain_where(L);
    if (script->word)
        lua_pushfstring(L, "%s%s%s: ", script->word_type->name, script->word_type->is_table ? "." : ":",
                        script->word->name);
    else
        lua_pushliteral(L, "");
    lua_rotate(L, -3, 2);
    lua_concat(L, 3);
    lua_error(L);
    abort(); /* lua_error does not return */
}

void
complain(lua_State *L, const char *format, ...)
{
    va_list arguments;

    luaL_checkstack(L, 6, NULL);
    va_start(arguments, format);
    lua_pushvfstring(L, format, arguments);
    va_end(arguments);
    raise_text(L);
}

void
complain_take(lua_State *L, char *text)
{
    luaL_checkstack(L, 6, NULL);
    lua_pushstring(L, text); /* a failure for want of memory here would lose `text`, and ends the run anyway */
    g_free(text);
    raise_text(L);
}

void
complain_error(lua_State *L, GError *error)
{
    luaL_checkstack(L, 6, NULL);
    lua_pushstring(L, error->message);
    g_error_free(error);
    raise_text(L);
}

const char *
complain_say(lua_State *L, int index)
{
    size_t length;
    const char *text;

    switch (lua_type(L, index)) {
    case LUA_TSTRING:
        text = lua_tolstring(L, index, &length);
        if (length > SHOWN) {
            lua_pushlstring(L, text, SHOWN);
            text = lua_pushfstring(L, "'%s...'", lua_tostring(L, -1));
            lua_remove(L, -2);
            return text;
        }
        return lua_pushfstring(L, "'%s'", text);
    case LUA_TNONE:
        return lua_pushstring(L, "missing");
    case LUA_TNUMBER:
    case LUA_TNIL:
    case LUA_TBOOLEAN:
        return sandbox_tostring(L, index, NULL);
    case LUA_TUSERDATA:
        return sandbox_tostring(L, index, NULL);
    default:
        return lua_pushfstring(L, "a %s", luaL_typename(L, index));
    }
}

void
complain_value(lua_State *L, const char *name, int index, const char *accepted)
{
    luaL_checkstack(L, 8, NULL);
    const char *value = complain_say(L, lua_absindex(L, index));

    complain(L, "%s is %s; accepted: %s", name, value, accepted);
}

char *
complaint_about_word(const char *name, const char *word, const char *const *accepted)
{
    const char *nearest = words_nearest(accepted, word);
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "%s is '%.*s'; accepted: ", name, SHOWN, word);
    words_say(accepted, text);
    if (nearest)
        g_string_append_printf(text, "; did you mean '%s'?", nearest);
    return g_string_free(text, FALSE);
}

void
complain_word(lua_State *L, const char *name, const char *word, const char *const *accepted)
{
    complain_take(L, complaint_about_word(name, word, accepted));
}
