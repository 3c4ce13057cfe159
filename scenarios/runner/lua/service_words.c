/* host:stun_server. */
#include "scenarios/runner/lua/service_words.h"

#include "scenarios/lab/services.h"
#include "scenarios/runner/lua/endpoint.h"
#include "scenarios/runner/lua/node_words.h"
#include "scenarios/runner/lua/socket.h"

enum { SERVER_BYTES = 4096 };

struct server_handle {
    struct handle handle;
    struct stun_service *service; /* the world's, which outlives the script */
    const char *host;
};

struct endpoint
stun_server_handle_endpoint(const struct handle *handle)
{
    return stun_service_endpoint(((const struct server_handle *)(const void *)handle)->service);
}

/* A second address, with a port or without: the server is at the host's first address of that family then. */
static void
read_alternate(lua_State *L, const struct node *node, struct stun_server_options *options)
{
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";

    if (!address_parse(text, &options->second.address))
        options->second = arg_endpoint(L, -1, "alternate", 0);
    if (address_is_none(options->listen[0].address))
        options->listen[0].address = node_address(node, address_family(options->second.address));
    if (address_is_none(options->listen[0].address) ||
        address_equal(options->listen[0].address, options->second.address))
        complain_value(L, "alternate", -1, "another address of the host");
}

int
service_word_stun_server(struct script *script, lua_State *L)
{
    static const char *const keys[] = { "port", "ip", "software", "mapped_address", "tcp", "alternate", "ignore_change",
                                        NULL };
    struct lab_node *host = lab_handle_self(L)->node;
    struct stun_server_options options = STUN_SERVER_DEFAULTS;
    enum io_result why = IO_OK;

    (void)script;
    arg_no_more(L, 2);
    options_check(L, 2, keys, NULL);
    if (options_get(L, 2, "port"))
        options.listen[0].port = (uint16_t)arg_integer(L, -1, "port", 1, 65535);
    if (options_get(L, 2, "ip"))
        options.listen[0].address = arg_address(L, -1, "ip");
    if (options_get(L, 2, "software"))
        options.software = arg_text(L, -1, "software");
    if (options_get(L, 2, "mapped_address"))
        options.mapped_address = arg_boolean(L, -1, "mapped_address");
    if (options_get(L, 2, "tcp"))
        options.tcp = arg_boolean(L, -1, "tcp");

    if (options_get(L, 2, "alternate"))
        read_alternate(L, host->node, &options);
    if (options_get(L, 2, "ignore_change"))
        options.ignore_change = arg_boolean(L, -1, "ignore_change");

    limits_hold_bytes(L, SERVER_BYTES);
    struct server_handle *server = handle_new(L, &stun_server_type, sizeof *server);
    server->host = host->node->name;
    server->service = stun_service_start(host->node, &options, &why);
    if (!server->service && why == IO_TOO_BIG)
        complain(L, "software is longer than 127 characters");
    if (!server->service)
        return push_io_failure(L, why);
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
    stun_service_stop(self_server(L)->service);
    return 0;
}

/* A server runs from the moment it is made. */
static int
server_wait(struct script *script, lua_State *L)
{
    (void)script;
    (void)arg_timeout(L, 2);
    if (!stun_service_running(self_server(L)->service))
        return arg_push_failure(L, "closed");
    lua_pushboolean(L, 1);
    return 1;
}

static int
server_counters(struct script *script, lua_State *L)
{
    struct stun_server_counters counters = stun_service_counters(self_server(L)->service);
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        { "datagrams", counters.datagrams },     { "requests", counters.requests },
        { "successes", counters.successes },     { "errors", counters.errors },
        { "indications", counters.indications }, { "malformed", counters.malformed },
        { "unexpected", counters.unexpected },   { "classic", counters.classic },
        { "unsent", counters.unsent },           { "connections", counters.connections },
        { "broken", counters.broken },           { "evicted", counters.evicted },
    };

    (void)script;
    lua_createtable(L, 0, G_N_ELEMENTS(rows));
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        lua_pushinteger(L, (lua_Integer)rows[i].value);
        lua_setfield(L, -2, rows[i].name);
    }
    return 1;
}

static void
server_field(struct script *script, lua_State *L, struct handle *self, const char *name)
{
    struct endpoint own = stun_server_handle_endpoint(self);

    (void)script;
    if (strcmp(name, "own") == 0)
        endpoint_push(L, own);
    else
        lua_pushinteger(L, own.port);
}

static void
server_say(lua_State *L, const struct handle *self)
{
    char text[ENDPOINT_TEXT];

    lua_pushstring(L, endpoint_format(stun_server_handle_endpoint(self), text));
}

static const struct word server_words[] = {
    { "wait", server_wait },
    { "stop", server_stop },
    { "counters", server_counters },
    { NULL, NULL },
};
static const char *const server_fields[] = { "own", "port", NULL };

const struct type stun_server_type = {
    .name = "server",
    .words = { server_words },
    .fields = server_fields,
    .field = server_field,
    .say = server_say,
};
