/* Who has which endpoints: connections by both of theirs, listeners and other users of a local port by that. */
#include "core/net/tcp_host.h"

#define EPHEMERAL_FIRST 49152 /* RFC 6335 section 6: the dynamic ports */

/* --- places ------------------------------------------------------------------------------------------------------ */

void
tcp_places_init(struct tcp_places *places)
{
    places->objects = g_ptr_array_new();
    places->spare = g_array_new(FALSE, FALSE, sizeof(guint));
}

void
tcp_places_clear(struct tcp_places *places)
{
    g_ptr_array_free(places->objects, TRUE);
    g_array_free(places->spare, TRUE);
}

uint32_t
tcp_places_add(struct tcp_places *places, void *object)
{
    guint place;

    if (places->spare->len == 0) {
        g_ptr_array_add(places->objects, object);
        return places->objects->len;
    }
    place = g_array_index(places->spare, guint, places->spare->len - 1);
    g_array_set_size(places->spare, places->spare->len - 1);
    places->objects->pdata[place] = object;
    return place + 1;
}

void
tcp_places_remove(struct tcp_places *places, uint32_t place)
{
    guint spare = place - 1;

    places->objects->pdata[spare] = NULL;
    g_array_append_val(places->spare, spare);
}

static void *
object_at(const struct tcp_places *places, uint32_t place)
{
    return places->objects->pdata[place - 1];
}

/* --- connections ------------------------------------------------------------------------------------------------- */

static uint32_t
pair_hash(struct endpoint local, struct endpoint peer)
{
    return (uint32_t)mix64(endpoint_hash(local) * 3 + endpoint_hash(peer));
}

struct tcp_connection *
tcp_find(const struct tcp_host *host, struct endpoint local, struct endpoint peer)
{
    uint32_t hash = pair_hash(local, peer), place, i;

    for (i = hash_index_first(&host->pairs, hash); (place = hash_index_value(&host->pairs, i));
         i = hash_index_next(&host->pairs, i, hash)) {
        struct tcp_connection *connection = object_at(&host->connections, place);

        if (endpoint_equal(connection->peer, peer) && endpoint_equal(connection->socket.local, local))
            return connection;
    }
    return NULL;
}

void
tcp_index(struct tcp_connection *connection)
{
    hash_index_insert(&connection->socket.host->pairs, pair_hash(connection->socket.local, connection->peer),
                      connection->place);
    connection->indexed = true;
}

void
tcp_unindex(struct tcp_connection *connection)
{
    if (!connection->indexed)
        return;
    hash_index_remove(&connection->socket.host->pairs, pair_hash(connection->socket.local, connection->peer),
                      connection->place);
    connection->indexed = false;
}

/* --- local endpoints --------------------------------------------------------------------------------------------- */

static uint32_t
port_hash(uint16_t port)
{
    return (uint32_t)mix64(port);
}

/* The next binding that uses `port`, beginning at `*i`; NULL when there is none. A port has few. */
static struct tcp_binding *
binding_at(const struct tcp_host *host, uint16_t port, uint32_t *i)
{
    uint32_t hash = port_hash(port), place;

    while ((place = hash_index_value(&host->ports, *i))) {
        struct tcp_binding *binding = object_at(&host->bindings, place);

        *i = hash_index_next(&host->ports, *i, hash);
        if (binding->local.port == port)
            return binding;
    }
    return NULL;
}

static uint32_t
first_at(const struct tcp_host *host, uint16_t port)
{
    return hash_index_first(&host->ports, port_hash(port));
}

static bool
overlap(struct address a, struct address b)
{
    return address_is_unspecified(a) || address_is_unspecified(b) || address_equal(a, b);
}

struct tcp_listener *
tcp_find_listener(const struct tcp_host *host, struct endpoint local)
{
    uint32_t i = first_at(host, local.port);
    struct tcp_listener *any = NULL;
    struct tcp_binding *binding;

    while ((binding = binding_at(host, local.port, &i))) {
        if (!binding->listener)
            continue;
        if (address_equal(binding->local.address, local.address))
            return binding->listener;
        if (address_is_unspecified(binding->local.address))
            any = binding->listener;
    }
    return any;
}

bool
tcp_port_taken(const struct tcp_host *host, struct endpoint local)
{
    uint32_t i = first_at(host, local.port);
    struct tcp_binding *binding;

    while ((binding = binding_at(host, local.port, &i)))
        if (overlap(binding->local.address, local.address))
            return true;
    return false;
}

static bool
box_has_port(const struct tcp_host *host, struct endpoint local)
{
    struct middlebox *box = tcp_node(host)->box;

    return box && box->ops->port_taken && box->ops->port_taken(box, PROTOCOL_TCP, local);
}

/* Whoever shares may join those who share, but an endpoint has one listener. */
static bool
may_bind(const struct tcp_host *host, struct endpoint local, bool share, bool listens)
{
    uint32_t i = first_at(host, local.port);
    struct tcp_binding *binding;

    while ((binding = binding_at(host, local.port, &i))) {
        if (!overlap(binding->local.address, local.address))
            continue;
        if (listens && binding->listener)
            return false;
        if (binding->owned > 0 && !(binding->share && share))
            return false;
    }
    return !box_has_port(host, local);
}

/* A free port of the dynamic range (RFC 6056 algorithm 1); 0 when there is none. */
static uint16_t
choose_port(struct tcp_host *host, struct address address)
{
    uint32_t count = 65536 - EPHEMERAL_FIRST;
    uint32_t start = (uint32_t)random_below(&host->stack->ports, count);

    for (uint32_t i = 0; i < count; i++) {
        struct endpoint local = { address, (uint16_t)(EPHEMERAL_FIRST + (start + i) % count) };

        if (!tcp_port_taken(host, local) && !box_has_port(host, local))
            return local.port;
    }
    return 0;
}

static struct tcp_binding *
find_binding(const struct tcp_host *host, struct endpoint local)
{
    uint32_t i = first_at(host, local.port);
    struct tcp_binding *binding;

    while ((binding = binding_at(host, local.port, &i)))
        if (address_equal(binding->local.address, local.address))
            return binding;
    return NULL;
}

struct tcp_binding *
tcp_bind(struct tcp_host *host, struct endpoint local, bool share, bool listens, enum io_result *why)
{
    struct tcp_binding *binding;

    if (local.port == 0 && (local.port = choose_port(host, local.address)) == 0) {
        *why = IO_FULL;
        return NULL;
    }
    if (!may_bind(host, local, share, listens)) {
        *why = IO_IN_USE;
        return NULL;
    }
    binding = find_binding(host, local);
    if (!binding) {
        binding = g_new0(struct tcp_binding, 1);
        binding->local = local;
        binding->place = tcp_places_add(&host->bindings, binding);
        hash_index_insert(&host->ports, port_hash(local.port), binding->place);
    }
    binding->share = share; /* who is there already shares too, or has gone */
    binding->owned++;
    return binding;
}

void
tcp_binding_join(struct tcp_binding *binding)
{
    binding->owned++;
}

void
tcp_binding_orphan(struct tcp_binding *binding)
{
    binding->owned--;
    binding->lingering++;
}

void
tcp_binding_leave(struct tcp_host *host, struct tcp_binding *binding, bool owned)
{
    if (owned)
        binding->owned--;
    else
        binding->lingering--;
    if (binding->owned > 0 || binding->lingering > 0)
        return;
    hash_index_remove(&host->ports, port_hash(binding->local.port), binding->place);
    tcp_places_remove(&host->bindings, binding->place);
    g_free(binding);
}
