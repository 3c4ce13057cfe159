#include "scenarios/runner/lua/endpoint.h"

#include "scenarios/runner/lua/arguments.h"
#include "scenarios/runner/lua/script.h"

struct endpoint_handle {
    struct handle handle;
    struct endpoint endpoint;
};

static const char interned_key; /* in the registry: the bytes of an endpoint -> its handle, as long as it lives */

const struct endpoint *
endpoint_value(const struct handle *handle)
{
    return &((const struct endpoint_handle *)(const void *)handle)->endpoint;
}

void
endpoint_push(lua_State *L, struct endpoint endpoint)
{
    uint64_t bytes[3] = { endpoint.address.high, endpoint.address.low, endpoint.port };

    luaL_checkstack(L, 8, NULL);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &interned_key);
    lua_pushlstring(L, (const char *)bytes, sizeof bytes);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, -3) == LUA_TNIL) {
        lua_pop(L, 1);
        struct endpoint_handle *made = handle_new(L, &endpoint_type, sizeof *made);
        made->endpoint = endpoint;
        lua_pushvalue(L, -2);
        lua_pushvalue(L, -2);
        lua_rawset(L, -5);
    }
    lua_replace(L, -3);
    lua_pop(L, 1);
}

static void
endpoint_field(struct script *script, lua_State *L, struct handle *self, const char *name)
{
    (void)script;
    if (name[0] == 'p')
        lua_pushinteger(L, endpoint_value(self)->port);
    else
        arg_push_address(L, endpoint_value(self)->address);
}

static void
endpoint_say(lua_State *L, const struct handle *self)
{
    char text[ENDPOINT_TEXT];

    lua_pushstring(L, endpoint_format(*endpoint_value(self), text));
}

static const char *const endpoint_fields[] = { "ip", "port", NULL };

const struct type endpoint_type = {
    .name = "endpoint",
    .fields = endpoint_fields,
    .field = endpoint_field,
    .say = endpoint_say,
    .is_value = true,
};

void
endpoint_open(lua_State *L)
{
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "v"); /* who asks again after one was collected gets an equal one */
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &interned_key);
}
