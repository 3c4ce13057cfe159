#include "nat/alg/connections.h"

struct alg_streams *
alg_streams_new(struct alg_box *box)
{
    struct alg_streams *streams = g_new0(struct alg_streams, 1);
    struct memory *memory = &box->node->world->memory;

    streams->box = box;
    slab_init(&streams->connections, sizeof(struct alg_connection));
    slab_init(&streams->stores, sizeof(struct stream_store));
    slab_init(&streams->gathered, ALG_MESSAGE_MAX);
    slab_count_in(&streams->connections, memory, MEMORY_MAPPINGS);
    slab_count_in(&streams->stores, memory, MEMORY_STREAMS);
    slab_count_in(&streams->gathered, memory, MEMORY_STREAMS);
    return streams;
}

void
alg_streams_free(struct alg_streams *streams)
{
    struct alg_age *ages[] = { &streams->standing, &streams->over };

    for (unsigned i = 0; i < G_N_ELEMENTS(ages); i++)
        for (struct alg_connection *connection = ages[i]->oldest; connection; connection = connection->newer)
            world_cancel(streams->box->node->world, &connection->event);
    slab_clear(&streams->connections);
    slab_clear(&streams->stores);
    slab_clear(&streams->gathered);
    g_free(streams);
}

/* ---- finding */

static struct alg_connection **
bucket_of(struct alg_streams *streams, struct endpoint internal, struct endpoint remote)
{
    return &streams->buckets[mix64(endpoint_hash(internal) + mix64(endpoint_hash(remote))) % ALG_BUCKETS];
}

struct alg_connection *
alg_connection_find(const struct alg_streams *streams, struct endpoint internal, struct endpoint remote)
{
    struct alg_connection *connection = *bucket_of((struct alg_streams *)streams, internal, remote);

    while (connection && !(endpoint_equal(connection->internal, internal) && endpoint_equal(connection->remote, remote)))
        connection = connection->below;
    return connection;
}

/* ---- ages */

static struct alg_age *
age_of(const struct alg_connection *connection)
{
    return connection->over ? &connection->streams->over : &connection->streams->standing;
}

static void
join_age(struct alg_connection *connection)
{
    struct alg_age *age = age_of(connection);

    connection->newer = NULL;
    connection->older = age->newest;
    if (age->newest)
        age->newest->newer = connection;
    else
        age->oldest = connection;
    age->newest = connection;
}

static void
leave_age(struct alg_connection *connection)
{
    struct alg_age *age = age_of(connection);

    if (connection->older)
        connection->older->newer = connection->newer;
    else
        age->oldest = connection->newer;
    if (connection->newer)
        connection->newer->older = connection->older;
    else
        age->newest = connection->older;
}

void
alg_connection_use(struct alg_connection *connection)
{
    bool over = connection->over || (connection->halves[0].ended && connection->halves[1].ended);

    connection->used = connection->streams->box->node->world->now;
    if (over == connection->over && age_of(connection)->newest == connection)
        return;
    leave_age(connection);
    connection->over = over;
    join_age(connection);
}

static void
sweep(struct alg_streams *streams, struct alg_age *age, int64_t idle)
{
    while (age->oldest && time_add(age->oldest->used, idle) <= streams->box->node->world->now)
        alg_connection_free(age->oldest);
}

void
alg_connections_sweep(struct alg_streams *streams)
{
    const struct nat_options *options = nat_options(streams->box->nat);

    sweep(streams, &streams->standing, MAX(options->tcp.timeout, ALG_HELD_TIME + 1));
    sweep(streams, &streams->over, MAX(options->tcp_closing, ALG_HELD_TIME + 1));
}

/* ---- beginning and ending */

struct alg_connection *
alg_connection_new(struct alg_streams *streams, struct endpoint internal, struct endpoint remote)
{
    struct alg_connection **bucket = bucket_of(streams, internal, remote), *connection;

    alg_connections_sweep(streams);
    if (streams->count == ALG_CONNECTIONS_MAX)
        return NULL;
    connection = slab_take(&streams->connections);
    *connection = (struct alg_connection){ .streams = streams, .internal = internal, .remote = remote, .below = *bucket,
                                           .used = streams->box->node->world->now };
    *bucket = connection;
    streams->count++;
    streams->full = false;
    join_age(connection);
    return connection;
}

void
alg_connection_free(struct alg_connection *connection)
{
    struct alg_streams *streams = connection->streams;
    struct alg_connection **at = bucket_of(streams, connection->internal, connection->remote);

    world_cancel(streams->box->node->world, &connection->event);
    for (unsigned i = 0; i < 2; i++) {
        struct stream *stream = &connection->halves[i].stream;

        g_assert(!connection->halves[i].held.first);
        if (stream->store)
            slab_return(&streams->stores, stream->store);
        if (stream->gathered)
            slab_return(&streams->gathered, stream->gathered);
    }
    while (*at != connection)
        at = &(*at)->below;
    *at = connection->below;
    leave_age(connection);
    streams->count--;
    slab_return(&streams->connections, connection);
}
