#include "scenarios/lab/services.h"

#include "core/net/stack.h"

struct stun_service {
    struct node *node;
    struct stun_server *server; /* NULL once stopped */
    uint16_t port;
    struct stun_server_counters last; /* of a stopped one */
};

static void
stun_service_free(gpointer data)
{
    struct stun_service *service = data;

    stun_server_free(service->server);
    g_free(service);
}

struct stun_service *
stun_service_start(struct node *node, const struct stun_server_options *options, enum io_result *why)
{
    struct stun_server_options defaults = STUN_SERVER_DEFAULTS;
    struct stun_server *server = stun_server_new(node_io(node), options ? options : &defaults, why);
    struct stun_service *service;

    if (!server)
        return NULL;
    service = g_new0(struct stun_service, 1);
    service->node = node;
    service->server = server;
    service->port = stun_server_local(server, 0).port;
    world_own(node->world, service, stun_service_free);
    return service;
}

void
stun_service_stop(struct stun_service *service)
{
    if (!service->server)
        return;
    service->last = *stun_server_counters(service->server);
    stun_server_free(service->server);
    service->server = NULL;
    service->node->world->touched = true;
}

bool
stun_service_running(const struct stun_service *service)
{
    return service->server != NULL;
}

struct endpoint
stun_service_endpoint(const struct stun_service *service)
{
    struct endpoint local = { .port = service->port };

    if (service->server)
        local = stun_server_local(service->server, 0);
    if (address_is_unspecified(local.address))
        local.address = node_address(service->node, FAMILY_NONE);
    return local;
}

struct stun_server_counters
stun_service_counters(const struct stun_service *service)
{
    return service->server ? *stun_server_counters(service->server) : service->last;
}
