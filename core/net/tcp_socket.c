/* The sockets as their owners see them: struct io_tcp over connections and listeners. */
#include "core/net/tcp_socket.h"

#include "core/net/tcp_host.h"

static struct tcp_connection *
connection_of(const struct io_tcp *tcp)
{
    return (struct tcp_connection *)tcp;
}

static struct tcp_listener *
listener_of(const struct io_tcp *tcp)
{
    return (struct tcp_listener *)tcp;
}

static struct endpoint
socket_local(const struct io_tcp *tcp)
{
    return ((const struct tcp_socket *)tcp)->local;
}

/* --- connections ------------------------------------------------------------------------------------------------- */

static ssize_t
connection_read(struct io_tcp *tcp, void *bytes, size_t length, enum io_result *why)
{
    struct tcp_connection *connection = connection_of(tcp);
    ssize_t got = tcp_machine_read(&connection->machine, bytes, length, why);

    if (connection->machine.ack_due)
        tcp_settle(connection);
    return got;
}

static ssize_t
connection_write(struct io_tcp *tcp, const void *bytes, size_t length, enum io_result *why)
{
    struct tcp_connection *connection = connection_of(tcp);
    ssize_t taken = tcp_machine_write(&connection->machine, bytes, length, why);

    if (taken > 0)
        tcp_settle(connection);
    return taken;
}

static struct io_tcp *
no_accept(struct io_tcp *tcp, io_tcp_ready *ready, void *owner)
{
    (void)tcp, (void)ready, (void)owner;
    return NULL;
}

static struct endpoint
connection_peer(const struct io_tcp *tcp)
{
    return connection_of(tcp)->peer;
}

static void
connection_prompt(struct io_tcp *tcp, bool on)
{
    struct tcp_connection *connection = connection_of(tcp);

    connection->machine.nagle = !on;
    tcp_settle(connection);
}

static void
connection_shutdown(struct io_tcp *tcp)
{
    struct tcp_connection *connection = connection_of(tcp);

    tcp_machine_shutdown(&connection->machine, tcp_now(connection->socket.host));
    tcp_settle(connection);
}

static void
connection_close(struct io_tcp *tcp, bool reset)
{
    struct tcp_connection *connection = connection_of(tcp);
    struct tcp_host *host = connection->socket.host;

    if (connection->gone)
        *connection->gone = true;
    connection->gone = NULL;
    world_cancel(tcp_node(host)->world, &connection->tell);
    tcp_binding_orphan(connection->socket.binding);
    if (reset)
        tcp_machine_abort(&connection->machine);
    tcp_machine_release(&connection->machine, tcp_now(host));
    tcp_settle(connection);
}

static const struct io_tcp_ops connection_ops = {
    .read = connection_read,
    .write = connection_write,
    .accept = no_accept,
    .local = socket_local,
    .peer = connection_peer,
    .prompt = connection_prompt,
    .shutdown = connection_shutdown,
    .close = connection_close,
};

/* --- listeners --------------------------------------------------------------------------------------------------- */

static ssize_t
no_read(struct io_tcp *tcp, void *bytes, size_t length, enum io_result *why)
{
    (void)tcp, (void)bytes, (void)length;
    *why = IO_UNSUPPORTED;
    return -1;
}

static ssize_t
no_write(struct io_tcp *tcp, const void *bytes, size_t length, enum io_result *why)
{
    (void)tcp, (void)bytes, (void)length;
    *why = IO_UNSUPPORTED;
    return -1;
}

static struct io_tcp *
listener_accept(struct io_tcp *tcp, io_tcp_ready *ready, void *owner)
{
    struct tcp_listener *listener = listener_of(tcp);
    struct tcp_connection *connection = listener->ready.first;

    if (!connection)
        return NULL;
    tcp_queue_remove(&listener->ready, connection);
    connection->listener = NULL;
    connection->socket.io = (struct io_tcp){ .ops = &connection_ops, .ready = ready, .owner = owner };
    if (connection->machine.news)
        tcp_tell_later(connection);
    return &connection->socket.io;
}

static struct endpoint
no_peer(const struct io_tcp *tcp)
{
    (void)tcp;
    return (struct endpoint){ ADDRESS_NONE, 0 };
}

static void
no_prompt(struct io_tcp *tcp, bool on)
{
    (void)tcp, (void)on;
}

static void
no_shutdown(struct io_tcp *tcp)
{
    (void)tcp;
}

static void
drop_queue(struct tcp_queue *queue)
{
    struct tcp_connection *connection;

    while ((connection = queue->first)) {
        tcp_queue_remove(queue, connection);
        connection->listener = NULL;
        tcp_binding_orphan(connection->socket.binding);
        tcp_machine_abort(&connection->machine);
        tcp_machine_release(&connection->machine, tcp_now(connection->socket.host));
        tcp_settle(connection);
    }
}

/* Nobody will accept those who wait, so they are told (RFC 9293 section 3.10.4: CLOSE in LISTEN). */
static void
listener_close(struct io_tcp *tcp, bool reset)
{
    struct tcp_listener *listener = listener_of(tcp);

    (void)reset;
    drop_queue(&listener->half_open);
    drop_queue(&listener->ready);
    listener->socket.binding->listener = NULL;
    tcp_binding_leave(listener->socket.host, listener->socket.binding, true);
    g_free(listener);
}

static const struct io_tcp_ops listener_ops = {
    .read = no_read,
    .write = no_write,
    .accept = listener_accept,
    .local = socket_local,
    .peer = no_peer,
    .prompt = no_prompt,
    .shutdown = no_shutdown,
    .close = listener_close,
};

/* --- opening ----------------------------------------------------------------------------------------------------- */

struct io_tcp *
tcp_listen(struct tcp_host *host, const struct endpoint *local, bool share, io_tcp_ready *ready, void *owner,
           enum io_result *why)
{
    struct endpoint bound = *local;
    struct tcp_binding *binding;
    struct tcp_listener *listener;

    *why = IO_OK;
    if (address_is_unspecified(bound.address)) {
        bound.address = ADDRESS_NONE;
    } else if (!node_owns(tcp_node(host), bound.address)) {
        *why = IO_NO_ADDRESS;
        return NULL;
    }
    binding = tcp_bind(host, bound, share, true, why);
    if (!binding)
        return NULL;
    listener = g_new0(struct tcp_listener, 1);
    listener->socket = (struct tcp_socket){
        .io = { .ops = &listener_ops, .ready = ready, .owner = owner },
        .host = host,
        .binding = binding,
        .local = binding->local,
    };
    binding->listener = listener;
    return &listener->socket.io;
}

struct io_tcp *
tcp_connect(struct tcp_host *host, const struct endpoint *local, const struct endpoint *peer, bool share,
            io_tcp_ready *ready, void *owner, enum io_result *why)
{
    struct endpoint bound = *local;
    struct tcp_connection *connection;
    struct tcp_binding *binding;
    struct tcp_birth birth;
    struct hop hop;

    *why = node_plan(tcp_node(host), peer->address, &bound.address, &hop);
    if (*why == IO_OK && (address_is_for_all(peer->address) || node_is_broadcast(tcp_node(host), peer->address) ||
                          peer->port == 0))
        *why = IO_UNREACHABLE; /* RFC 9293 MUST-57, MUST-59 */
    if (*why == IO_OK && bound.port != 0 && tcp_find(host, bound, *peer))
        *why = IO_IN_USE;
    if (*why != IO_OK)
        return NULL;
    binding = tcp_bind(host, bound, share, false, why);
    if (!binding)
        return NULL;
    birth = tcp_birth_of(host, binding->local, *peer, &hop);
    connection = tcp_connection_new(host, binding, binding->local, *peer);
    connection->socket.io = (struct io_tcp){ .ops = &connection_ops, .ready = ready, .owner = owner };
    tcp_machine_connect(&connection->machine, host->settings, &birth, tcp_now(host));
    tcp_settle(connection);
    return &connection->socket.io;
}

/* --- a switch, and a look ---------------------------------------------------------------------------------------------------- */

void
tcp_set_keep_alive(struct io_tcp *tcp, bool on)
{
    struct tcp_connection *connection = connection_of(tcp);

    g_assert(tcp->ops == &connection_ops);
    tcp_machine_set_keep_alive(&connection->machine, on, tcp_now(connection->socket.host));
    tcp_settle(connection);
}

const struct tcp_machine *
tcp_machine_of(const struct io_tcp *tcp)
{
    g_assert(tcp->ops == &connection_ops);
    return &connection_of(tcp)->machine;
}
