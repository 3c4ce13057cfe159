#include "scenarios/runner/lua/server.h"

#include "scenarios/runner/lua/endpoint.h"
#include "scenarios/runner/lua/socket.h"

enum { SERVER_BYTES = 4096 };

bool
server_handle_is(const struct handle *handle)
{
    return type_has(handle->type, server_words);
}

struct endpoint
server_handle_endpoint(const struct handle *handle)
{
    return service_endpoint(((const struct server_handle *)(const void *)handle)->service);
}

struct server_handle *
server_new(lua_State *L, const struct type *type, const char *host)
{
    limits_hold_bytes(L, SERVER_BYTES);
    struct server_handle *server = handle_new(L, type, sizeof *server);

    server->host = host;
    return server;
}

int
server_push(lua_State *L, struct server_handle *server, struct service *service, enum io_result why)
{
    if (!service)
        return push_io_failure(L, why);
    server->service = service;
    handle_keep(L, -1, server);
    return 1;
}

static struct server_handle *
self_server(lua_State *L)
{
    return lua_touserdata(L, 1);
}

static int
server_stop(struct script *script, lua_State *L)
{
    (void)script;
    service_stop(self_server(L)->service);
    return 0;
}

/* A server runs from the moment it is made. */
static int
server_wait(struct script *script, lua_State *L)
{
    (void)script;
    (void)arg_timeout(L, 2);
    if (!service_running(self_server(L)->service))
        return arg_push_failure(L, "closed");
    lua_pushboolean(L, 1);
    return 1;
}

static int
server_counters(struct script *script, lua_State *L)
{
    struct service_counter rows[SERVICE_COUNTERS_MOST];
    size_t count = service_counters(self_server(L)->service, rows);

    (void)script;
    lua_createtable(L, 0, (int)count);
    for (size_t i = 0; i < count; i++) {
        lua_pushinteger(L, (lua_Integer)rows[i].value);
        lua_setfield(L, -2, rows[i].name);
    }
    return 1;
}

void
server_field(struct script *script, lua_State *L, struct handle *self, const char *name)
{
    struct endpoint own = server_handle_endpoint(self);

    (void)script;
    if (strcmp(name, "own") == 0)
        endpoint_push(L, own);
    else
        lua_pushinteger(L, own.port);
}

void
server_say(lua_State *L, const struct handle *self)
{
    char text[ENDPOINT_TEXT];

    lua_pushstring(L, endpoint_format(server_handle_endpoint(self), text));
}

const struct word server_words[] = {
    { "wait", server_wait },
    { "stop", server_stop },
    { "counters", server_counters },
    { NULL, NULL },
};
const char *const server_fields[] = { "own", "port", NULL };

const struct type server_type = {
    .name = "server",
    .words = { server_words },
    .fields = server_fields,
    .field = server_field,
    .say = server_say,
};
