#include "scenarios/runner/lua/sip_server.h"

#include "scenarios/lab/exchanges.h"
#include "scenarios/runner/lua/arguments.h"
#include "scenarios/runner/lua/endpoint.h"
#include "scenarios/runner/lua/node_words.h"
#include "scenarios/runner/lua/script.h"

enum { USER_BYTES = 512 /* what a user takes */ };

static struct server_handle *
self_server(lua_State *L)
{
    return lua_touserdata(L, 1);
}

static struct sip_exchange *
self_exchange(lua_State *L)
{
    return service_server(self_server(L)->service);
}

/* --- options ------------------------------------------------------------------------------------------------------ */

/* Whether there are users: passwords by name, left on top of the stack, found good. */
static bool
check_users(lua_State *L, size_t *count)
{
    *count = 0;
    if (!options_get(L, 2, "users"))
        return false;
    if (!lua_istable(L, -1))
        complain_value(L, "users", -1, "a table of passwords by name: {alice = 'secret'}");
    lua_pushnil(L);
    while (lua_next(L, -2) != 0) {
        if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
            complain(L, "users has something else than passwords by name; accepted: {alice = 'secret'}");
        if (!sip_auth_realm_fits(lua_tostring(L, -2)) || lua_rawlen(L, -2) != strlen(lua_tostring(L, -2)))
            complain(L, "a user's name has 1 to 127 bytes, and no quotes or control characters");
        if (lua_rawlen(L, -1) == 0 || lua_rawlen(L, -1) > 255)
            complain(L, "a user's password has 1 to 255 bytes");
        ++*count;
        lua_pop(L, 1);
    }
    limits_hold_bytes(L, *count * USER_BYTES);
    return true;
}

/* Of the table at `index`, whose texts are borrowed; raises nothing. */
static struct sip_exchange_user *
read_users(lua_State *L, int index, size_t count)
{
    struct sip_exchange_user *users = g_new(struct sip_exchange_user, MAX(count, 1));
    size_t i = 0;

    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        users[i++] = (struct sip_exchange_user){ lua_tostring(L, -2), lua_tostring(L, -1) };
        lua_pop(L, 1);
    }
    return users;
}

static const char *
read_name(lua_State *L, const char *name)
{
    const char *text = arg_text(L, -1, name);

    if (!sip_auth_realm_fits(text))
        complain_value(L, name, -1, "1 to 127 bytes without quotes and control characters, like 'example.org'");
    return text;
}

static uint32_t
read_seconds(lua_State *L, const char *name)
{
    int64_t duration = arg_duration(L, -1, name);

    if (duration < TIME_S || duration / TIME_S > INT32_MAX)
        complain_value(L, name, -1, "a duration of a second or more");
    return (uint32_t)(duration / TIME_S);
}

static void
read_expiries(lua_State *L, struct sip_exchange_options *options)
{
    if (options_get(L, 2, "min_expires"))
        options->expires_least = read_seconds(L, "min_expires");
    if (options_get(L, 2, "max_expires"))
        options->expires_most = read_seconds(L, "max_expires");
    if (options->expires_least > options->expires_most)
        complain(L, "min_expires is more than max_expires, which is %d s", (int)options->expires_most);
    options->expires = CLAMP(options->expires, options->expires_least, options->expires_most);
    if (options_get(L, 2, "expires"))
        options->expires = read_seconds(L, "expires");
    if (options_get(L, 2, "nonce_lifetime"))
        options->nonce_lifetime = arg_duration(L, -1, "nonce_lifetime");
    if (options_get(L, 2, "bindings"))
        options->per_user = (unsigned)arg_integer(L, -1, "bindings", 1, 1000);
}

static void
read_manners(lua_State *L, struct sip_exchange_options *options)
{
    if (options_get(L, 2, "port"))
        options->listen.port = (uint16_t)arg_integer(L, -1, "port", 1, 65535);
    if (options_get(L, 2, "ip"))
        options->listen.address = arg_address(L, -1, "ip");
    if (options_get(L, 2, "tcp"))
        options->tcp = arg_boolean(L, -1, "tcp");
    if (options_get(L, 2, "record_route"))
        options->record_route = arg_boolean(L, -1, "record_route");
    if (options_get(L, 2, "flows"))
        options->flows = arg_boolean(L, -1, "flows");
    if (options_get(L, 2, "sha256"))
        options->sha256 = arg_boolean(L, -1, "sha256");
    if (options_get(L, 2, "software"))
        options->software = read_name(L, "software");
}

/* --- host:sip_server ---------------------------------------------------------------------------------------------- */

int
sip_word_server(struct script *script, lua_State *L)
{
    static const char *const keys[] = { "domain",      "users",       "realm",        "auth",           "port",
                                        "ip",          "tcp",         "record_route", "flows",          "expires",
                                        "min_expires", "max_expires", "bindings",     "nonce_lifetime", "software",
                                        "sha256",      NULL };
    struct lab_node *host = lab_handle_self(L)->node;
    struct sip_exchange_options options = SIP_EXCHANGE_DEFAULTS;
    char domain[ADDRESS_TEXT];
    enum io_result why = IO_OK;
    size_t count;

    (void)script;
    arg_no_more(L, 2);
    lua_settop(L, 2);
    luaL_checkstack(L, 40, NULL);
    options_check(L, 2, keys, NULL);
    read_manners(L, &options);
    read_expiries(L, &options);
    options.domain = address_format(node_address(host->node, FAMILY_IPV4), domain);
    if (options_get(L, 2, "domain"))
        options.domain = read_name(L, "domain");
    if (options_get(L, 2, "realm"))
        options.realm = read_name(L, "realm");

    int users = check_users(L, &count) ? lua_gettop(L) : 0;

    options.auth = users > 0;
    if (options_get(L, 2, "auth"))
        options.auth = arg_boolean(L, -1, "auth");
    if (options.auth && !users)
        complain(L, "auth needs users");

    struct server_handle *server = server_new(L, &sip_server_type, host->node->name);
    g_autofree struct sip_exchange_user *known = users ? read_users(L, users, count) : NULL;
    struct service *service;

    options.users = known;
    options.user_count = users ? count : 0;
    service = service_start_sip(host->node, &options, &why);
    g_clear_pointer(&known, g_free); /* what follows may raise */
    return server_push(L, server, service, why);
}

/* --- what it knows ------------------------------------------------------------------------------------------------ */

static void
set_text(lua_State *L, const char *name, const char *text)
{
    if (!text[0])
        return;
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

static void
push_binding(lua_State *L, const struct sip_binding *binding, int64_t now)
{
    lua_createtable(L, 0, 10);
    set_text(L, "user", binding->user);
    set_text(L, "contact", binding->contact);
    set_text(L, "path", binding->path);
    set_text(L, "instance", binding->instance);
    set_text(L, "transport", sip_flow_is_stream(&binding->flow) ? "tcp" : "udp");
    endpoint_push(L, binding->flow.peer);
    lua_setfield(L, -2, "from");
    arg_push_seconds(L, MAX(binding->until - now, 0));
    lua_setfield(L, -2, "expires");
    lua_pushnumber(L, binding->q / 1000.0);
    lua_setfield(L, -2, "q");
    if (sip_binding_is_outbound(binding)) {
        lua_pushinteger(L, binding->reg_id);
        lua_setfield(L, -2, "reg_id");
    }
}

/* server:bindings(): a list, by user and preference. Nothing is used of the table of bindings while Lua may raise but
 * the binding itself. */
static int
server_bindings(struct script *script, lua_State *L)
{
    struct sip_exchange *exchange = self_exchange(L);
    const struct sip_locations *locations = exchange ? sip_exchange_locations(exchange) : NULL;
    const struct sip_binding *binding = NULL;
    lua_Integer count = 0;

    arg_no_more(L, 1);
    luaL_checkstack(L, 12, NULL);
    lua_newtable(L);
    while (locations && (binding = sip_locations_next(locations, binding))) {
        push_binding(L, binding, script->world->now);
        lua_rawseti(L, -2, ++count);
    }
    return 1;
}

/* server:refusals(): how many requests were refused, by the word of the reason; those that were not are left out. */
static int
server_refusals(struct script *script, lua_State *L)
{
    struct sip_exchange *exchange = self_exchange(L);
    const struct sip_exchange_counters *counters = exchange ? sip_exchange_counters(exchange) : NULL;

    (void)script;
    arg_no_more(L, 1);
    lua_newtable(L);
    for (enum sip_refusal i = SIP_REFUSAL_NONE + 1; counters && i < SIP_REFUSAL_COUNT; i++)
        if (counters->refused[i]) {
            lua_pushinteger(L, (lua_Integer)counters->refused[i]);
            lua_setfield(L, -2, sip_refusal_word(i));
        }
    for (enum sip_registering i = SIP_REGISTERING_DONE + 1; counters && i < SIP_REGISTERING_COUNT; i++)
        if (counters->registering[i]) {
            lua_pushinteger(L, (lua_Integer)counters->registering[i]);
            lua_setfield(L, -2, sip_registering_word(i));
        }
    return 1;
}

static int
server_drain(struct script *script, lua_State *L)
{
    struct sip_exchange *exchange = self_exchange(L);

    (void)script;
    arg_no_more(L, 1);
    if (exchange)
        sip_exchange_drain(exchange);
    return 0;
}

static const struct word sip_server_words[] = {
    { "bindings", server_bindings },
    { "refusals", server_refusals },
    { "drain", server_drain },
    { NULL, NULL },
};

static void
sip_server_field(struct script *script, lua_State *L, struct handle *self, const char *name)
{
    const struct server_handle *server = (const struct server_handle *)(const void *)self;
    const struct sip_exchange *exchange = service_server(server->service);

    if (strcmp(name, "domain") != 0)
        server_field(script, L, self, name);
    else if (exchange)
        lua_pushstring(L, sip_exchange_domain(exchange));
    else
        lua_pushnil(L);
}

static const char *const sip_server_fields[] = { "own", "port", "domain", NULL };

const struct type sip_server_type = {
    .name = "server",
    .words = { server_words, sip_server_words },
    .fields = sip_server_fields,
    .field = sip_server_field,
    .say = server_say,
};
