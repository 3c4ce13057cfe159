#include "proto/stun/connections.h"

struct list {
    struct connection *first, *last;
};

struct connection {
    struct connection *next, *previous; /* the one that spoke last is last */
    struct list *list;
    struct stun_connections *all;
    struct io_udp *stream;
};

struct stun_connections {
    struct io *io;
    const struct stun_connections_events *events;
    void *owner;
    struct stun_stream_options stream;
    struct io_tcp *listeners[STUN_CONNECTIONS_MAX_LISTEN];
    size_t listens;
    struct list usual, held; /* those that may be ended to make room, and the others */
    unsigned count, most;
};

/* --- the list ---------------------------------------------------------------------------------------------------- */

static void
push(struct list *list, struct connection *connection)
{
    connection->list = list;
    connection->next = NULL;
    connection->previous = list->last;
    if (list->last)
        list->last->next = connection;
    else
        list->first = connection;
    list->last = connection;
}

static void
take_out(struct connection *connection)
{
    struct list *list = connection->list;

    if (connection->previous)
        connection->previous->next = connection->next;
    else
        list->first = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    else
        list->last = connection->previous;
}

/* --- a connection's life ----------------------------------------------------------------------------------------- */

static void
close_connection(struct connection *connection, bool reset)
{
    struct stun_connections *all = connection->all;

    take_out(connection);
    all->count--;
    if (reset)
        stun_stream_reset(connection->stream);
    else
        connection->stream->ops->close(connection->stream);
    g_free(connection);
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

static void
on_message(void *owner, struct io_udp *stream, const struct io_datagram *message)
{
    struct connection *connection = owner;
    struct stun_connections *all = connection->all;

    take_out(connection);
    push(connection->list, connection);
    all->events->message(all->owner, stream, message);
}

static void
on_ended(void *owner, struct io_udp *stream, enum io_result why, enum stun_fault fault)
{
    (void)stream;
    lose(owner, why, fault);
}

static const struct stun_stream_events stream_events = { .udp = { .datagram = on_message }, .ended = on_ended };

/* Until the stream takes over, which is before anything can come. */
static void
ignore(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    (void)owner, (void)tcp, (void)ready, (void)result;
}

static void
on_listener(void *owner, struct io_tcp *listener, enum io_ready ready, enum io_result result)
{
    struct stun_connections *all = owner;
    struct io_tcp *tcp;

    (void)ready, (void)result;
    while ((tcp = listener->ops->accept(listener, ignore, NULL))) {
        struct connection *connection;

        if (all->count == all->most && !all->usual.first) {
            tcp->ops->close(tcp, true);
            continue;
        }
        if (all->count == all->most)
            lose(all->usual.first, IO_FULL, STUN_FAULT_NONE);
        connection = g_new0(struct connection, 1);
        connection->all = all;
        connection->stream = stun_stream_take(tcp, &all->stream, &stream_events, connection);
        push(&all->usual, connection);
        all->count++;
        if (all->events->opened)
            all->events->opened(all->owner, connection->stream);
    }
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
    g_free(all);
}

void
stun_connections_hold(struct io_udp *stream, bool held)
{
    struct connection *connection = stream->owner;
    struct stun_connections *all = connection->all;

    take_out(connection);
    push(held ? &all->held : &all->usual, connection);
}

struct io_tcp *
stun_connections_release(struct io_udp *stream, GByteArray **received, GByteArray **unsent)
{
    struct connection *connection = stream->owner;

    take_out(connection);
    connection->all->count--;
    g_free(connection);
    return stun_stream_release(stream, received, unsent);
}

unsigned
stun_connections_count(const struct stun_connections *all)
{
    return all->count;
}
