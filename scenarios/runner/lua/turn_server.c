#include "scenarios/runner/lua/turn_server.h"

#include "core/net/stack.h"
#include "proto/turn/server.h"
#include "scenarios/lab/relays.h"
#include "scenarios/runner/lua/arguments.h"
#include "scenarios/runner/lua/endpoint.h"
#include "scenarios/runner/lua/node_words.h"
#include "scenarios/runner/lua/script.h"
#include "scenarios/runner/lua/users.h"

enum { PREFIXES_MOST = 16 };

static struct server_handle *
self_server(lua_State *L)
{
    return lua_touserdata(L, 1);
}

/* --- options ------------------------------------------------------------------------------------------------------ */

/* "10.0.0.0/8", or one address. */
static bool
read_prefix(const char *text, struct prefix *prefix)
{
    if (prefix_parse(text, prefix))
        return true;
    if (!address_parse(text, &prefix->address))
        return false;
    prefix->length = (uint8_t)family_bits(address_family(prefix->address));
    return true;
}

/* One prefix or a list of them, into `prefixes`; how many. */
static size_t
read_prefixes(lua_State *L, const char *name, struct prefix prefixes[PREFIXES_MOST])
{
    static const char accepted[] = "a prefix such as '10.0.0.0/8' or an address, or a list of up to 16";
    int list = lua_gettop(L);
    bool one = lua_type(L, list) == LUA_TSTRING;
    lua_Integer count = one ? 1 : lua_istable(L, list) ? (lua_Integer)lua_rawlen(L, list) : 0;

    if (count < 1 || count > PREFIXES_MOST)
        complain_value(L, name, list, accepted);
    for (lua_Integer i = 0; i < count; i++) {
        if (one)
            lua_pushvalue(L, list);
        else
            lua_rawgeti(L, list, i + 1);
        if (lua_type(L, -1) != LUA_TSTRING || !read_prefix(lua_tostring(L, -1), &prefixes[i]))
            complain_value(L, name, -1, accepted);
        lua_pop(L, 1);
    }
    return (size_t)count;
}

/* {first, last} */
static void
read_ports(lua_State *L, struct turn_server_options *options)
{
    static const char accepted[] = "{first, last}, both from 1024 to 65535";
    lua_Integer ports[2] = { 0, 0 };

    for (int i = 0; i < 2 && lua_istable(L, -1); i++) {
        lua_rawgeti(L, -1, i + 1);
        ports[i] = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
        lua_pop(L, 1);
    }
    if (ports[0] < TURN_PORT_LEAST || ports[1] > UINT16_MAX || ports[0] > ports[1])
        complain_value(L, "ports", -1, accepted);
    options->port_first = (uint16_t)ports[0];
    options->port_last = (uint16_t)ports[1];
}

/* A byte a second at least: none would mean no limit. */
static uint64_t
read_bandwidth(lua_State *L)
{
    uint64_t bits = arg_rate(L, -1, "bandwidth");

    if (bits == 0)
        complain_value(L, "bandwidth", -1, "a rate above 0, such as '1Mbit/s'");
    return MAX(bits / 8, 1);
}

/* RFC 8656 section 7.2: never less than the default lifetime. */
static int64_t
read_max_lifetime(lua_State *L)
{
    int64_t most = arg_duration(L, -1, "max_lifetime");

    if (most < TURN_LIFETIME || most / TIME_S > UINT32_MAX)
        complain_value(L, "max_lifetime", -1, "from '10min' to 136 years");
    return most;
}

static struct span
read_secret(lua_State *L)
{
    struct span secret = span_of_text(arg_text(L, -1, "secret"));

    if (secret.length == 0)
        complain_value(L, "secret", -1, "a text that nobody guesses");
    return secret;
}

static void
read_limits(lua_State *L, struct turn_server_options *options)
{
    if (options_get(L, 2, "quota"))
        options->per_user = (unsigned)arg_integer(L, -1, "quota", 1, 1000000);
    if (options_get(L, 2, "total_quota"))
        options->total = (unsigned)arg_integer(L, -1, "total_quota", 1, 1000000);
    if (options_get(L, 2, "bandwidth"))
        options->bytes_per_second = read_bandwidth(L);
    if (options_get(L, 2, "max_lifetime"))
        options->lifetime_most = read_max_lifetime(L);
    if (options_get(L, 2, "nonce_lifetime"))
        options->nonce_lifetime = arg_duration(L, -1, "nonce_lifetime");
    if (options_get(L, 2, "ports"))
        read_ports(L, options);
}

/* Outside of a 1:1 NAT, of the relay address of its family: that which was given, or the host's. */
static void
read_external(lua_State *L, struct turn_listen *listen)
{
    struct address external = arg_address(L, -1, "external");
    enum family family = address_family(external);
    struct turn_relay_address *relay = family == FAMILY_IPV4 ? &listen->ipv4 : &listen->ipv6;

    if (address_is_none(relay->address))
        relay->address = node_address(lab_handle_self(L)->node->node, family);
    if (address_is_none(relay->address))
        complain(L, "external is of a family that this host has no address of");
    relay->external = external;
}

/* Where it listens and where its relayed addresses are: one of each family, of the host. */
static void
read_places(lua_State *L, struct turn_server_options *options)
{
    struct turn_listen *listen = &options->listen[0];

    if (options_get(L, 2, "port"))
        listen->at.port = (uint16_t)arg_integer(L, -1, "port", 1, 65535);
    if (options_get(L, 2, "ip"))
        listen->at.address = arg_address(L, -1, "ip");
    if (options_get(L, 2, "relay")) {
        struct address relay = arg_address(L, -1, "relay");

        if (!node_owns(lab_handle_self(L)->node->node, relay))
            complain(L, "relay is none of this host's addresses; one outside of a NAT goes as external");
        *(address_is_ipv4(relay) ? &listen->ipv4 : &listen->ipv6) = (struct turn_relay_address){ .address = relay };
    }
    if (options_get(L, 2, "external"))
        read_external(L, listen);
}

static void
read_manners(lua_State *L, struct turn_server_options *options)
{
    if (options_get(L, 2, "tcp"))
        options->tcp = options->tcp_allocations = arg_boolean(L, -1, "tcp");
    if (options_get(L, 2, "old_channels"))
        options->old_channels = arg_boolean(L, -1, "old_channels");
    if (options_get(L, 2, "dont_fragment"))
        options->no_dont_fragment = !arg_boolean(L, -1, "dont_fragment");
    if (options_get(L, 2, "icmp"))
        options->no_icmp = !arg_boolean(L, -1, "icmp");
    if (options_get(L, 2, "relay_to_relay"))
        options->no_relay_to_relay = !arg_boolean(L, -1, "relay_to_relay");
    if (options_get(L, 2, "software"))
        options->software = arg_text(L, -1, "software");
}

/* --- host:turn_server --------------------------------------------------------------------------------------------- */

int
turn_word_server(struct script *script, lua_State *L)
{
    static const char *const keys[] = { "users",    "realm",        "secret",        "port",           "ip",
                                        "relay",    "external",     "quota",         "total_quota",    "bandwidth",
                                        "ports",    "max_lifetime", "nonce_lifetime", "allow",         "deny",
                                        "tcp",      "old_channels", "dont_fragment", "relay_to_relay", "icmp",
                                        "software", NULL };
    struct lab_node *host = lab_handle_self(L)->node;
    struct turn_server_options options = TURN_SERVER_DEFAULTS;
    struct prefix allow[PREFIXES_MOST], deny[PREFIXES_MOST];
    enum io_result why = IO_OK;

    (void)script;
    arg_no_more(L, 2);
    lua_settop(L, 2);
    luaL_checkstack(L, 40, NULL);
    options_check(L, 2, keys, NULL);
    options.realm = host->node->name;
    read_places(L, &options);
    read_limits(L, &options);
    read_manners(L, &options);
    options.peers.allow = allow;
    options.peers.deny = deny;
    if (options_get(L, 2, "allow"))
        options.peers.allows = read_prefixes(L, "allow", allow);
    if (options_get(L, 2, "deny"))
        options.peers.denies = read_prefixes(L, "deny", deny);
    if (options_get(L, 2, "realm"))
        options.realm = realm_option(L);
    if (options_get(L, 2, "secret"))
        options.secret = read_secret(L);

    int passwords = users_option(L, 2) ? lua_gettop(L) : 0;
    struct server_handle *server = server_new(L, &turn_server_type, host->node->name);
    struct stun_users *users = passwords ? users_make(L, passwords, options.realm) : NULL;
    struct service *service;

    options.users = users;
    service = service_start_turn(host->node, &options, &why);
    if (service)
        service_take_users(service, users);
    else
        stun_users_free(users);
    if (!service && why == IO_TOO_BIG)
        complain(L, "software is longer than 127 characters");
    return server_push(L, server, service, why);
}

/* --- what a relay does -------------------------------------------------------------------------------------------- */

/* server:drain(): no new allocations; those there are live on. */
static int
server_drain(struct script *script, lua_State *L)
{
    struct turn_server *server = service_server(self_server(L)->service);

    (void)script;
    arg_no_more(L, 1);
    if (server)
        turn_server_drain(server, NULL);
    return 0;
}

static void
set_number(lua_State *L, const char *name, uint64_t value)
{
    lua_pushinteger(L, (lua_Integer)value);
    lua_setfield(L, -2, name);
}

static void
set_endpoint(lua_State *L, const char *name, struct endpoint endpoint)
{
    endpoint_push(L, endpoint);
    lua_setfield(L, -2, name);
}

static void
push_allocation(lua_State *L, const struct turn_allocation *allocation, int64_t now)
{
    struct span user = turn_allocation_user(allocation);

    lua_createtable(L, 0, 10);
    set_endpoint(L, "client", allocation->tuple.client);
    for (size_t i = 0; i < TURN_RELAYS; i++)
        if (allocation->relays[i].socket)
            set_endpoint(L, i == 0 ? "relayed" : "also_relayed", allocation->relays[i].relayed);
    lua_pushlstring(L, (const char *)user.bytes, user.length);
    lua_setfield(L, -2, "user");
    lua_pushstring(L, allocation->tuple.protocol == PROTOCOL_TCP ? "tcp" : "udp");
    lua_setfield(L, -2, "transport");
    arg_push_seconds(L, MAX(allocation->expires - now, 0));
    lua_setfield(L, -2, "expires");
    set_number(L, "permissions", allocation->permissions);
    set_number(L, "channels", allocation->channels);
    set_number(L, "bytes_to_peers", allocation->bytes_to_peers);
    set_number(L, "bytes_to_client", allocation->bytes_to_client);
}

static int
by_number(const void *a, const void *b)
{
    const struct turn_allocation *const *one = a, *const *other = b;

    return ((*one)->number > (*other)->number) - ((*one)->number < (*other)->number);
}

/* server:allocations(): a list, as they were made. The array of them is Lua's, which may raise an error amid. */
static int
server_allocations(struct script *script, lua_State *L)
{
    struct turn_server *server = service_server(self_server(L)->service);
    size_t count = server ? turn_server_allocations(server) : 0, i = 0;
    const struct turn_allocation **all, *allocation = NULL;

    arg_no_more(L, 1);
    luaL_checkstack(L, 12, NULL);
    limits_spend(L, (int64_t)count);
    all = lua_newuserdatauv(L, MAX(count, 1) * sizeof *all, 0);
    while (server && (allocation = turn_server_next(server, allocation)))
        all[i++] = allocation;
    g_assert(i == count);
    qsort(all, count, sizeof *all, by_number);
    lua_createtable(L, (int)count, 0);
    for (i = 0; i < count; i++) {
        push_allocation(L, all[i], script->world->now);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static const struct word turn_server_words[] = {
    { "allocations", server_allocations },
    { "drain", server_drain },
    { NULL, NULL },
};

const struct type turn_server_type = {
    .name = "server",
    .words = { server_words, turn_server_words },
    .fields = server_fields,
    .field = server_field,
    .say = server_say,
};
