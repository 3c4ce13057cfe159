/* host:map_port{}: asks the gateway for a mapping while the task waits; the mapping is then kept until it is stopped. */
#include <math.h>
#include <stddef.h>

#include "core/net/stack.h"
#include "proto/portmap/client.h"
#include "proto/portmap/kinds.h"
#include "proto/portmap/soap.h"
#include "scenarios/runner/lua/endpoint.h"
#include "scenarios/runner/lua/node_words.h"
#include "scenarios/runner/lua/open.h"
#include "scenarios/runner/lua/service_words.h"
#include "scenarios/runner/lua/socket.h"

enum { MAPPING_BYTES = 8192, OBJECT = 3 }; /* OBJECT: where the mapping's handle is while map_port waits */

#define PATIENCE_DEFAULT (2 * TIME_MIN) /* of PCP, which would ask for ever (RFC 6887 section 8.1.1) */

struct mapping_handle {
    struct handle handle;
    struct script *script;
    struct open_thing open;
    struct portmap_client *client; /* NULL: it is over */
    struct portmap_news grant;     /* the last */
    struct portmap_news end;       /* once it is over */
    struct endpoint own;
    struct waits waiting;
    const char *host;
    bool stopped; /* by the script: the gateway is asked to end it */
    unsigned grants, changes;
};

static const struct type mapping_type;

/* --- what the client tells --------------------------------------------------------------------------------------- */

static void
end_mapping(struct mapping_handle *self)
{
    portmap_client_free(self->client);
    self->client = NULL;
    open_remove(self->script, &self->open);
    handle_drop(self->script->L, self);
}

static void
on_told(void *owner, struct portmap_client *client, const struct portmap_news *news)
{
    struct mapping_handle *self = owner;

    (void)client;
    self->script->world->touched = true;
    task_wake_all(&self->waiting);
    if (news->event == PORTMAP_GRANTED) {
        self->grant = *news;
        self->grants++;
        self->changes += news->changed;
        return;
    }
    self->end = *news;
    end_mapping(self);
}

static void
close_at_end(struct open_thing *thing)
{
    struct mapping_handle *self =
        (struct mapping_handle *)(void *)((char *)thing - offsetof(struct mapping_handle, open));

    portmap_client_free(self->client);
    self->client = NULL;
}

/* --- how it went ------------------------------------------------------------------------------------------------- */

static int
push_rejection(lua_State *L, const struct portmap_news *news)
{
    bool refused = news->failure == PORTMAP_FAILURE_REJECTED;
    const char *word =
        news->via == PORTMAP_UPNP ? upnp_error_description(news->code) : portmap_code_word(news->via, news->code);

    arg_push_failure(L, "rejected");
    lua_createtable(L, 0, 2);
    if (refused) {
        lua_pushinteger(L, news->code);
        lua_setfield(L, -2, "code");
    }
    lua_pushstring(L, refused ? word : portmap_failure_sentence(news->failure));
    lua_setfield(L, -2, "text");
    return 3;
}

static int
push_end(lua_State *L, const struct portmap_news *news)
{
    if (news->event == PORTMAP_RELEASED) {
        lua_pushboolean(L, 1);
        return 1;
    }
    switch (news->failure) {
    case PORTMAP_FAILURE_TIMEOUT:
    case PORTMAP_FAILURE_EXPIRED:
        return arg_push_failure(L, "timeout");
    case PORTMAP_FAILURE_UNREACHABLE:
        return push_io_failure(L, news->io);
    default:
        return push_rejection(L, news);
    }
}

/* --- map_port ---------------------------------------------------------------------------------------------------- */

static int
map_go_on(lua_State *L, int status, lua_KContext context)
{
    struct mapping_handle *self = lua_touserdata(L, OBJECT);

    (void)status;
    (void)context;
    if (self->grants > 0) {
        lua_pushvalue(L, OBJECT);
        return 1;
    }
    if (!self->client)
        return push_end(L, &self->end);
    if (!task_timed_out(L))
        return task_park(L, &self->waiting, "map_port", lua_touserdata(L, 1), map_go_on);
    end_mapping(self);
    return arg_push_failure(L, "timeout");
}

/* The router on the host's way out; at the other end of the wire where the way names none. */
static struct address
gateway_of(const struct lab_node *host)
{
    struct hop way = node_default(host->node, FAMILY_IPV4);
    const struct lab_network *network = lab_outer(host);

    if (way.port && !address_is_unspecified(way.next))
        return way.next;
    return network->router ? node_address(network->router, FAMILY_IPV4) : ADDRESS_NONE;
}

static uint32_t
lifetime_argument(lua_State *L)
{
    int64_t lifetime = arg_duration(L, -1, "lifetime");

    if (lifetime == 0)
        complain_value(L, "lifetime", -1, "a duration above 0");
    return (uint32_t)MIN((lifetime - 1) / TIME_S + 1, (int64_t)PORTMAP_LIFETIME_FOREVER);
}

/* A port, or an endpoint. */
static struct endpoint
external_argument(lua_State *L)
{
    if (lua_type(L, -1) == LUA_TNUMBER)
        return (struct endpoint){ ADDRESS_NONE, (uint16_t)arg_integer(L, -1, "external", 1, 65535) };
    return arg_endpoint(L, -1, "external", 0);
}

static int
word_argument(lua_State *L, const char *name, const char *const *words)
{
    const char *word = arg_text(L, -1, name);

    for (int i = 0; words[i]; i++) {
        if (strcmp(words[i], word) == 0)
            return i;
    }
    complain_word(L, name, word, words);
}

static void
read_options(lua_State *L, struct portmap_request *request, int64_t *timeout)
{
    static const char *const keys[] = { "protocol", "port",    "via",         "external", "exact", "lifetime",
                                        "gateway",  "timeout", "description", "fallback", "ip",    NULL };
    static const char *const protocols[] = { "udp", "tcp", NULL };

    arg_table(L, 2, "the options");
    arg_no_more(L, 2);
    options_check(L, 2, keys, NULL);
    if (!options_get(L, 2, "port"))
        complain(L, "port is missing; accepted: a whole number from 1 to 65535");
    request->port = (uint16_t)arg_integer(L, -1, "port", 1, 65535);
    if (options_get(L, 2, "protocol") && word_argument(L, "protocol", protocols) == 1)
        request->protocol = PROTOCOL_TCP;
    if (options_get(L, 2, "via"))
        request->via = (enum portmap_via)word_argument(L, "via", portmap_via_words);
    if (options_get(L, 2, "external"))
        request->external = external_argument(L);
    if (options_get(L, 2, "exact"))
        request->exact = arg_boolean(L, -1, "exact");
    if (options_get(L, 2, "lifetime"))
        request->lifetime = lifetime_argument(L);
    if (options_get(L, 2, "gateway"))
        request->gateway.address = arg_address(L, -1, "gateway");
    if (options_get(L, 2, "ip"))
        request->local = arg_address(L, -1, "ip");
    if (options_get(L, 2, "timeout"))
        *timeout = arg_duration(L, -1, "timeout");
    if (options_get(L, 2, "description"))
        request->description = arg_text(L, -1, "description");
    if (options_get(L, 2, "fallback"))
        request->no_fallback = !arg_boolean(L, -1, "fallback");
    if (request->exact && request->external.port == 0)
        complain(L, "exact needs an external port to insist on");
}

int
service_word_map_port(struct script *script, lua_State *L)
{
    struct lab_node *host = lab_handle_self(L)->node;
    struct portmap_request request = { .via = PORTMAP_PCP, .protocol = PROTOCOL_UDP, .told = on_told };
    int64_t timeout = TIME_NEVER;

    read_options(L, &request, &timeout);
    if (!address_is_unspecified(request.local) && !node_owns(host->node, request.local))
        (void)push_io_failure(L, IO_NO_ADDRESS);
    if (address_is_none(request.gateway.address) && request.via != PORTMAP_UPNP) /* which searches for one */
        request.gateway.address = gateway_of(host);
    if (address_is_none(request.gateway.address) && request.via != PORTMAP_UPNP)
        return arg_push_failure(L, "no-route");
    if (request.via == PORTMAP_PCP && timeout == TIME_NEVER)
        request.patience = PATIENCE_DEFAULT;
    task_check_may_wait(L);
    limits_hold_bytes(L, MAPPING_BYTES);
    luaL_checkstack(L, 10, NULL);

    struct mapping_handle *self = handle_new(L, &mapping_type, sizeof *self);
    handle_keep(L, -1, self);
    lua_insert(L, OBJECT); /* below what the options have pushed, which the request borrows until it is copied */
    self->script = script;
    self->host = host->node->name;
    request.owner = self;
    self->client = portmap_client_new(node_io(host->node), &request);
    self->own = portmap_client_internal(self->client);
    open_add(script, &self->open, close_at_end);
    lua_settop(L, OBJECT);
    task_set_deadline(L, timeout);
    return map_go_on(L, LUA_OK, 0);
}

/* --- the mapping ------------------------------------------------------------------------------------------------- */

static int
wait_go_on(lua_State *L, int status, lua_KContext context)
{
    struct mapping_handle *self = lua_touserdata(L, 1);

    (void)status;
    (void)context;
    if (!self->client)
        return push_end(L, &self->end);
    if (!self->stopped && portmap_client_holds(self->client)) {
        lua_pushboolean(L, 1);
        return 1;
    }
    if (task_timed_out(L))
        return arg_push_failure(L, "timeout");
    return task_park(L, &self->waiting, "wait", &self->handle, wait_go_on);
}

/* Until it stands; after a stop, until the gateway has ended it. */
static int
mapping_wait(struct script *script, lua_State *L)
{
    const struct mapping_handle *self = lua_touserdata(L, 1);
    int64_t timeout = arg_timeout(L, 2);
    bool waits = self->client && (self->stopped || !portmap_client_holds(self->client));

    (void)script;
    if (waits && timeout == 0)
        return arg_push_failure(L, "timeout");
    if (waits)
        task_check_may_wait(L);
    task_set_deadline(L, timeout);
    return wait_go_on(L, LUA_OK, 0);
}

static int
mapping_stop(struct script *script, lua_State *L)
{
    struct mapping_handle *self = lua_touserdata(L, 1);

    (void)script;
    if (self->client)
        portmap_client_release(self->client);
    self->stopped = true;
    return 0;
}

static int
mapping_counters(struct script *script, lua_State *L)
{
    const struct mapping_handle *self = lua_touserdata(L, 1);

    (void)script;
    lua_createtable(L, 0, 2);
    lua_pushinteger(L, self->grants);
    lua_setfield(L, -2, "grants");
    lua_pushinteger(L, self->changes);
    lua_setfield(L, -2, "changes");
    return 1;
}

static void
mapping_field(struct script *script, lua_State *L, struct handle *self, const char *name)
{
    const struct mapping_handle *mapping = (const struct mapping_handle *)(const void *)self;

    (void)script;
    if (strcmp(name, "external") == 0)
        endpoint_push(L, mapping->grant.external);
    else if (strcmp(name, "own") == 0)
        endpoint_push(L, mapping->own);
    else if (strcmp(name, "via") == 0)
        lua_pushstring(L, portmap_via_words[mapping->grant.via]);
    else if (mapping->grant.lifetime == PORTMAP_LIFETIME_FOREVER)
        lua_pushnumber(L, HUGE_VAL);
    else
        lua_pushinteger(L, mapping->grant.lifetime);
}

static void
mapping_say(lua_State *L, const struct handle *self)
{
    const struct mapping_handle *mapping = (const struct mapping_handle *)(const void *)self;
    char text[ENDPOINT_TEXT];

    lua_pushfstring(L, "mapping %s of %s", endpoint_format(mapping->grant.external, text), mapping->host);
}

static const struct word mapping_words[] = {
    { "wait", mapping_wait },
    { "stop", mapping_stop },
    { "counters", mapping_counters },
    { NULL, NULL },
};
static const char *const mapping_fields[] = { "external", "lifetime", "via", "own", NULL };

static const struct type mapping_type = {
    .name = "mapping",
    .words = { mapping_words },
    .fields = mapping_fields,
    .field = mapping_field,
    .say = mapping_say,
};
