/* Two kinds of lists, each in the order of time, so that what has run out is always at a head: a connection is in `usual`
 * or in `held` since it last spoke, and in `partial` too since a message began to come that is not whole yet. One idle
 * timer serves all. It is armed for no later than the soonest end; ends that are put off leave it where it is. */
#include "proto/stun/connections.h"

enum { LINK_LIFE, LINK_PARTIAL, LINKS };

struct link {
    struct connection *next, *previous; /* the one that came last is last */
    struct list *list;                  /* NULL: in none */
    int64_t since;
};

struct list {
    unsigned which; /* of the links */
    struct connection *first, *last;
};

struct connection {
    struct link links[LINKS];
    struct stun_connections *all;
    struct io_udp *stream;
    struct client *client;
};

/* An address, while it has connections. */
struct client {
    struct address address;
    unsigned count;
};

struct stun_connections {
    struct io *io;
    const struct stun_connections_events *events;
    void *owner;
    struct stun_stream_options stream;
    struct io_tcp *listeners[STUN_CONNECTIONS_MAX_LISTEN];
    size_t listens;
    struct list usual, held; /* those that may be ended to make room, and the others */
    struct list partial;
    GHashTable *clients; /* struct client * to itself */
    struct io_timer timer;
    int64_t armed; /* for when; TIME_NEVER: not at all */
    int64_t idle, patience;
    unsigned count, most, most_of_one;
};

/* --- the list ---------------------------------------------------------------------------------------------------- */

static int64_t
now_of(const struct stun_connections *all)
{
    return all->io->ops->now(all->io);
}

static void
push(struct list *list, struct connection *connection)
{
    struct link *link = &connection->links[list->which];

    *link = (struct link){ .previous = list->last, .list = list, .since = now_of(connection->all) };
    if (list->last)
        list->last->links[list->which].next = connection;
    else
        list->first = connection;
    list->last = connection;
}

static void
take_out(struct connection *connection, unsigned which)
{
    struct link *link = &connection->links[which];
    struct list *list = link->list;

    if (!list)
        return;
    link->list = NULL;
    if (link->previous)
        link->previous->links[which].next = link->next;
    else
        list->first = link->next;
    if (link->next)
        link->next->links[which].previous = link->previous;
    else
        list->last = link->previous;
}

/* --- clients ----------------------------------------------------------------------------------------------------- */

static guint
client_hash(gconstpointer client)
{
    return (guint)address_hash(((const struct client *)client)->address);
}

static gboolean
client_equal(gconstpointer a, gconstpointer b)
{
    return address_equal(((const struct client *)a)->address, ((const struct client *)b)->address);
}

/* Who has a /64 has all the addresses in it. */
static struct client *
client_at(struct stun_connections *all, struct address address)
{
    struct client wanted = { .address = address_is_ipv4(address) ? address : (struct address){ address.high, 0 } };
    struct client *client = g_hash_table_lookup(all->clients, &wanted);

    if (client)
        return client;
    client = g_memdup2(&wanted, sizeof wanted);
    g_hash_table_add(all->clients, client);
    return client;
}

static void
client_release(struct stun_connections *all, struct client *client)
{
    if (--client->count == 0)
        g_hash_table_remove(all->clients, client);
}

/* --- a connection's life ----------------------------------------------------------------------------------------- */

/* All of it but its stream, which comes back. */
static struct io_udp *
forget(struct connection *connection)
{
    struct io_udp *stream = connection->stream;

    take_out(connection, LINK_LIFE);
    take_out(connection, LINK_PARTIAL);
    client_release(connection->all, connection->client);
    connection->all->count--;
    g_free(connection);
    return stream;
}

static void
close_connection(struct connection *connection, bool reset)
{
    struct io_udp *stream = forget(connection);

    if (reset)
        stun_stream_reset(stream);
    else
        stream->ops->close(stream);
}

/* The owner is told first, while the connection still has a name; he frees nothing in `closed`. */
static void
lose(struct connection *connection, enum io_result why, enum stun_fault fault)
{
    struct stun_connections *all = connection->all;

    if (all->events->closed)
        all->events->closed(all->owner, connection->stream, why, fault);
    close_connection(connection, fault != STUN_FAULT_NONE);
}

/* --- time -------------------------------------------------------------------------------------------------------- */

/* When the head of `list` runs out. */
static int64_t
end_of(const struct list *list, int64_t duration)
{
    return list->first && duration ? time_add(list->first->links[list->which].since, duration) : TIME_NEVER;
}

static void
arm(struct stun_connections *all)
{
    int64_t next = MIN(end_of(&all->usual, all->idle), end_of(&all->partial, all->patience));

    if (next >= all->armed)
        return;
    all->armed = next;
    all->io->ops->arm(all->io, &all->timer, next, false);
}

static void
on_timer(void *owner, struct io_timer *timer)
{
    struct stun_connections *all = owner;
    int64_t now = now_of(all);

    (void)timer;
    all->armed = TIME_NEVER;
    while (end_of(&all->usual, all->idle) <= now)
        lose(all->usual.first, IO_TIMEOUT, STUN_FAULT_NONE);
    while (end_of(&all->partial, all->patience) <= now)
        lose(all->partial.first, IO_TIMEOUT, STUN_FAULT_NONE);
    arm(all);
}

/* --- what comes -------------------------------------------------------------------------------------------------- */

static void
move(struct connection *connection, struct list *list)
{
    take_out(connection, list->which);
    push(list, connection);
    arm(connection->all);
}

static void
on_message(void *owner, struct io_udp *stream, const struct io_datagram *message)
{
    struct connection *connection = owner;
    struct stun_connections *all = connection->all;

    take_out(connection, LINK_PARTIAL);
    move(connection, connection->links[LINK_LIFE].list);
    all->events->message(all->owner, stream, message);
}

static void
on_ended(void *owner, struct io_udp *stream, enum io_result why, enum stun_fault fault)
{
    (void)stream;
    lose(owner, why, fault);
}

/* Only the first part of a message counts: who sends it byte by byte gains nothing. */
static void
on_partial(void *owner, struct io_udp *stream)
{
    struct connection *connection = owner;

    (void)stream;
    if (!connection->links[LINK_PARTIAL].list)
        move(connection, &connection->all->partial);
}

static const struct stun_stream_events stream_events = { .udp = { .datagram = on_message }, .ended = on_ended,
                                                         .partial = on_partial };

/* Until the stream takes over, which is before anything can come. */
static void
ignore(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    (void)owner, (void)tcp, (void)ready, (void)result;
}

static bool
is_one_too_many(const struct stun_connections *all, const struct client *client)
{
    return (all->most_of_one && client->count > all->most_of_one) || (all->count == all->most && !all->usual.first);
}

static void
take(struct stun_connections *all, struct io_tcp *tcp)
{
    struct client *client = client_at(all, tcp->ops->peer(tcp).address);
    struct connection *connection;

    client->count++;
    if (is_one_too_many(all, client)) {
        client_release(all, client);
        tcp->ops->close(tcp, true);
        if (all->events->refused)
            all->events->refused(all->owner);
        return;
    }
    if (all->count == all->most)
        lose(all->usual.first, IO_FULL, STUN_FAULT_NONE);
    connection = g_new0(struct connection, 1);
    connection->all = all;
    connection->client = client;
    connection->stream = stun_stream_take(tcp, &all->stream, &stream_events, connection);
    move(connection, &all->usual);
    all->count++;
    if (all->events->opened)
        all->events->opened(all->owner, connection->stream);
}

static void
on_listener(void *owner, struct io_tcp *listener, enum io_ready ready, enum io_result result)
{
    struct io_tcp *tcp;

    (void)ready, (void)result;
    while ((tcp = listener->ops->accept(listener, ignore, NULL)))
        take(owner, tcp);
}

/* --- all of them ------------------------------------------------------------------------------------------------- */

struct stun_connections *
stun_connections_new(struct io *io, const struct stun_connections_options *options,
                     const struct stun_connections_events *events, void *owner, enum io_result *why)
{
    struct stun_connections *all = g_new0(struct stun_connections, 1);

    g_assert(options->listens <= STUN_CONNECTIONS_MAX_LISTEN && options->most >= 1);
    all->io = io;
    all->events = events;
    all->owner = owner;
    all->stream = options->stream;
    all->most = options->most;
    all->most_of_one = options->most_of_one;
    all->idle = options->idle;
    all->patience = options->patience;
    all->partial.which = LINK_PARTIAL;
    all->clients = g_hash_table_new_full(client_hash, client_equal, g_free, NULL);
    all->timer = (struct io_timer){ .fire = on_timer, .owner = all };
    all->armed = TIME_NEVER;
    for (size_t i = 0; i < options->listens; i++) {
        struct io_tcp *listener = io->ops->listen(io, &options->listen[i], true, on_listener, all, why);

        if (!listener) {
            stun_connections_free(all);
            return NULL;
        }
        all->listeners[all->listens++] = listener;
    }
    return all;
}

void
stun_connections_free(struct stun_connections *all)
{
    if (!all)
        return;
    for (size_t i = 0; i < all->listens; i++)
        all->listeners[i]->ops->close(all->listeners[i], false);
    while (all->usual.first)
        close_connection(all->usual.first, false);
    while (all->held.first)
        close_connection(all->held.first, false);
    all->io->ops->disarm(all->io, &all->timer);
    g_hash_table_destroy(all->clients);
    g_free(all);
}

void
stun_connections_hold(struct io_udp *stream, bool held)
{
    struct connection *connection = stream->owner;
    struct stun_connections *all = connection->all;

    move(connection, held ? &all->held : &all->usual);
}

struct io_tcp *
stun_connections_release(struct io_udp *stream, GByteArray **received, GByteArray **unsent)
{
    return stun_stream_release(forget(stream->owner), received, unsent);
}

unsigned
stun_connections_count(const struct stun_connections *all)
{
    return all->count;
}
