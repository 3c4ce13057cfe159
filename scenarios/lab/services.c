#include "scenarios/lab/services.h"

#include "core/net/stack.h"

struct service {
    struct node *node;
    const struct service_kind *kind;
    void *server; /* NULL once stopped */
    struct stun_users *users; /* NULL: none, or not its own */
    uint16_t port;
    size_t counted;                                    /* of a stopped one: */
    struct service_counter last[SERVICE_COUNTERS_MOST];
};

static void
service_free(gpointer data)
{
    struct service *service = data;

    if (service->server)
        service->kind->free(service->server);
    stun_users_free(service->users);
    g_free(service);
}

struct service *
service_take(struct node *node, const struct service_kind *kind, void *server)
{
    struct service *service = g_new0(struct service, 1);

    service->node = node;
    service->kind = kind;
    service->server = server;
    service->port = kind->local(server).port;
    world_own(node->world, service, service_free);
    return service;
}

void
service_take_users(struct service *service, struct stun_users *users)
{
    service->users = users;
}

void *
service_server(const struct service *service)
{
    return service->server;
}

void
service_stop(struct service *service)
{
    if (!service->server)
        return;
    service->counted = service->kind->counters(service->server, service->last);
    service->kind->free(service->server);
    service->server = NULL;
    service->node->world->touched = true;
}

bool
service_running(const struct service *service)
{
    return service->server != NULL;
}

struct endpoint
service_endpoint(const struct service *service)
{
    struct endpoint local = { .port = service->port };

    if (service->server)
        local = service->kind->local(service->server);
    if (address_is_unspecified(local.address))
        local.address = node_address(service->node, FAMILY_NONE);
    return local;
}

size_t
service_counters(const struct service *service, struct service_counter rows[SERVICE_COUNTERS_MOST])
{
    if (service->server)
        return service->kind->counters(service->server, rows);
    memcpy(rows, service->last, sizeof service->last);
    return service->counted;
}

uint64_t
service_counter(const struct service *service, const char *name)
{
    struct service_counter rows[SERVICE_COUNTERS_MOST];
    size_t count = service_counters(service, rows);

    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].value;
    g_assert_not_reached();
}

/* --- STUN --------------------------------------------------------------------------------------------------------- */

static void
stun_free(void *server)
{
    stun_server_free(server);
}

static struct endpoint
stun_local(const void *server)
{
    return stun_server_local(server, 0);
}

static size_t
stun_counters(const void *server, struct service_counter *rows)
{
    const struct stun_server_counters *counters = stun_server_counters(server);
    const struct service_counter all[] = {
        { "datagrams", counters->datagrams },     { "requests", counters->requests },
        { "successes", counters->successes },     { "errors", counters->errors },
        { "indications", counters->indications }, { "malformed", counters->malformed },
        { "unexpected", counters->unexpected },   { "classic", counters->classic },
        { "unsent", counters->unsent },           { "connections", counters->connections },
        { "broken", counters->broken },           { "evicted", counters->evicted },
        { "silent", counters->silent },           { "turned_away", counters->turned_away },
    };

    G_STATIC_ASSERT(G_N_ELEMENTS(all) <= SERVICE_COUNTERS_MOST);
    memcpy(rows, all, sizeof all);
    return G_N_ELEMENTS(all);
}

static const struct service_kind stun_kind = { stun_free, stun_local, stun_counters };

struct service *
service_start_stun(struct node *node, const struct stun_server_options *options, enum io_result *why)
{
    struct stun_server_options defaults = STUN_SERVER_DEFAULTS;
    struct stun_server *server = stun_server_new(node_io(node), options ? options : &defaults, why);

    return server ? service_take(node, &stun_kind, server) : NULL;
}
