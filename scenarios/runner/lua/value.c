/* Values: what results and parameters are made of. */
#include <math.h>

#include "scenarios/runner/lua/value.h"

#include "scenarios/runner/lua/complain.h"
#include "scenarios/runner/lua/endpoint.h"
#include "scenarios/runner/lua/sandbox.h"
#include "scenarios/runner/lua/server.h"

void
value_free(struct value *value)
{
    if (!value)
        return;
    if (value->text)
        g_bytes_unref(value->text);
    if (value->list)
        g_ptr_array_unref(value->list);
    g_free(value);
}

static void
free_item(gpointer value)
{
    value_free(value);
}

static void
say_number(double number, GString *out)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    if (isnan(number))
        g_string_append(out, "nan");
    else if (isinf(number))
        g_string_append(out, number < 0 ? "-inf" : "inf");
    else
        g_string_append(out, g_ascii_formatd(text, sizeof text, "%.14g", number));
}

void
value_say(const struct value *value, GString *out)
{
    gsize length;
    const char *text;

    switch (value->type) {
    case VALUE_BOOLEAN:
        g_string_append(out, value->boolean ? "true" : "false");
        break;
    case VALUE_INTEGER:
        g_string_append_printf(out, "%" G_GINT64_FORMAT, (gint64)value->integer);
        break;
    case VALUE_NUMBER:
        say_number(value->number, out);
        break;
    case VALUE_TEXT:
        text = g_bytes_get_data(value->text, &length);
        g_string_append_len(out, text, (gssize)length);
        break;
    case VALUE_LIST:
        for (guint i = 0; i < value->list->len; i++) {
            if (i > 0)
                g_string_append(out, ", ");
            value_say(value->list->pdata[i], out);
        }
        break;
    }
}

struct value *
value_text(const void *bytes, size_t length)
{
    struct value *value = g_new0(struct value, 1);

    value->type = VALUE_TEXT;
    value->text = g_bytes_new(bytes, length);
    return value;
}

bool
value_equal(const struct value *a, const struct value *b)
{
    if (a->type != b->type)
        return (a->type == VALUE_INTEGER || a->type == VALUE_NUMBER) &&
               (b->type == VALUE_INTEGER || b->type == VALUE_NUMBER) && value_number(a) == value_number(b);
    switch (a->type) {
    case VALUE_BOOLEAN:
        return a->boolean == b->boolean;
    case VALUE_INTEGER:
        return a->integer == b->integer;
    case VALUE_NUMBER:
        return a->number == b->number;
    case VALUE_TEXT:
        return g_bytes_equal(a->text, b->text);
    case VALUE_LIST:
        break;
    }
    return false;
}

double
value_number(const struct value *value)
{
    return value->type == VALUE_INTEGER ? (double)value->integer : value->number;
}

/* --- from and to Lua -------------------------------------------------------------------------------------------- */

static bool
is_shown_handle(lua_State *L, int index)
{
    const struct handle *handle = handle_at(L, index);

    return handle && (handle->type == &endpoint_type || server_handle_is(handle));
}

static bool
is_plain(lua_State *L, int index)
{
    int type = lua_type(L, index);

    if (type == LUA_TNUMBER && !isfinite(lua_tonumber(L, index)))
        return false; /* reports have no way to write it */
    return type == LUA_TBOOLEAN || type == LUA_TNUMBER || type == LUA_TSTRING || is_shown_handle(L, index);
}

void
value_check(lua_State *L, int index, const char *name)
{
    static const char accepted[] = "a boolean, a finite number, a text, an endpoint, or a list of these";

    index = lua_absindex(L, index);
    if (is_plain(L, index))
        return;
    if (lua_type(L, index) == LUA_TNIL)
        complain(L, "%s is nil; for a call that failed, give its reason: lab.result(k, v or why)", name);
    if (!lua_istable(L, index))
        complain_value(L, name, index, accepted);
    lua_Integer count = 0, length = (lua_Integer)lua_rawlen(L, index);
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
        count++;
    if (count != length)
        complain(L, "%s is a table that is no list; accepted: %s", name, accepted);
    for (lua_Integer i = 1; i <= length; i++) {
        lua_rawgeti(L, index, i);
        if (!is_plain(L, -1))
            complain_value(L, lua_pushfstring(L, "%s[%I]", name, i), -2, accepted);
        lua_pop(L, 1);
    }
}

/* Nothing raises here: an endpoint becomes text without Lua. */
struct value *
value_from(lua_State *L, int index)
{
    struct value *value = g_new0(struct value, 1);
    const struct handle *handle;
    char text[ENDPOINT_TEXT];
    size_t length;
    const char *bytes;

    index = lua_absindex(L, index);
    switch (lua_type(L, index)) {
    case LUA_TBOOLEAN:
        value->type = VALUE_BOOLEAN;
        value->boolean = lua_toboolean(L, index);
        break;
    case LUA_TNUMBER:
        value->type = lua_isinteger(L, index) ? VALUE_INTEGER : VALUE_NUMBER;
        value->integer = lua_tointeger(L, index);
        value->number = lua_tonumber(L, index);
        break;
    case LUA_TSTRING:
        bytes = lua_tolstring(L, index, &length);
        value->type = VALUE_TEXT;
        value->text = g_bytes_new(bytes, length);
        break;
    case LUA_TUSERDATA:
        handle = handle_at(L, index);
        endpoint_format(handle->type == &endpoint_type ? *endpoint_value(handle) : server_handle_endpoint(handle),
                        text);
        value->type = VALUE_TEXT;
        value->text = g_bytes_new(text, strlen(text));
        break;
    default:
        value->type = VALUE_LIST;
        value->list = g_ptr_array_new_with_free_func(free_item);
        for (lua_Integer i = 1, count = (lua_Integer)lua_rawlen(L, index); i <= count; i++) {
            lua_rawgeti(L, index, i);
            g_ptr_array_add(value->list, value_from(L, -1));
            lua_pop(L, 1);
        }
    }
    return value;
}

void
value_push(lua_State *L, const struct value *value)
{
    gsize length;
    const char *text;

    switch (value->type) {
    case VALUE_BOOLEAN:
        lua_pushboolean(L, value->boolean);
        break;
    case VALUE_INTEGER:
        lua_pushinteger(L, value->integer);
        break;
    case VALUE_NUMBER:
        lua_pushnumber(L, value->number);
        break;
    case VALUE_TEXT:
        text = g_bytes_get_data(value->text, &length);
        lua_pushlstring(L, text, length);
        break;
    case VALUE_LIST:
        lua_pushnil(L);
        break; /* parameters are no lists */
    }
}
