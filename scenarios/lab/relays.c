#include "scenarios/lab/relays.h"

#include "core/net/stack.h"

static void
turn_free(void *server)
{
    turn_server_free(server);
}

static struct endpoint
turn_local(const void *server)
{
    return turn_server_local(server, 0);
}

static size_t
turn_counters(const void *server, struct service_counter *rows)
{
    const struct turn_server_counters *counters = turn_server_counters(server);
    const struct service_counter all[] = {
        { "allocations", turn_server_allocations(server) },
        { "requests", counters->requests },
        { "successes", counters->successes },
        { "errors", counters->errors },
        { "bindings", counters->bindings },
        { "allocated", counters->allocated },
        { "refreshed", counters->refreshed },
        { "expired", counters->expired },
        { "deleted", counters->deleted },
        { "disconnected", counters->disconnected },
        { "permissions", counters->permissions },
        { "channels", counters->channels },
        { "packets_to_peers", counters->datagrams_to_peers },
        { "bytes_to_peers", counters->bytes_to_peers },
        { "packets_to_clients", counters->datagrams_to_clients },
        { "bytes_to_clients", counters->bytes_to_clients },
        { "icmp", counters->icmp },
        { "dropped", counters->dropped },
        { "unsent", counters->unsent },
        { "connections", counters->connections },
        { "turned_away", counters->turned_away },
        { "peer_connections", counters->peer_connections },
        { "joined", counters->joined },
        { "stream_bytes", counters->stream_bytes },
    };

    G_STATIC_ASSERT(G_N_ELEMENTS(all) <= SERVICE_COUNTERS_MOST);
    memcpy(rows, all, sizeof all);
    return G_N_ELEMENTS(all);
}

static const struct service_kind turn_kind = { turn_free, turn_local, turn_counters };

struct service *
service_start_turn(struct node *node, const struct turn_server_options *options, enum io_result *why)
{
    struct turn_server_options defaults = TURN_SERVER_DEFAULTS;
    struct turn_server *server = turn_server_new(node_io(node), options ? options : &defaults, why);

    return server ? service_take(node, &turn_kind, server) : NULL;
}
