/* ICE over TCP (RFC 6544): who listens and who connects, and messages on connections (RFC 4571 section 2: 16 bits of
 * length before each).
 *
 * A tcp_port is a local candidate: active (it has no socket of its own, and port 9 in its address), passive (a
 * listener) or simultaneous-open (a listener, and connections from its port); or one of the two of a relay, whose server
 * makes and takes its connections (agent_tcp_relay.c). A connection belongs to the candidate that it was made from or
 * came to; checks and data between the two ends use it. What is sent while it is being made waits in it. */
#include "proto/ice/agent_private.h"

#include "core/base/cursor.h"

#define FRAME_HEADER 2
#define FRAME_MOST (FRAME_HEADER + UINT16_MAX)
#define BACKLOG_MOST (2 * FRAME_MOST) /* what waits to be sent on a connection */

struct connection {
    struct ice_agent *agent;
    struct tcp_port *port;
    struct io_tcp *tcp; /* NULL: a relay makes it, or it is closed; then its memory goes with the bracket, because its
                         * bytes may be in use */
    struct endpoint peer;
    bool connected;
    GByteArray *in, *out;
};

/* ---- connections */

static void
connection_free(struct connection *connection)
{
    g_byte_array_free(connection->in, TRUE);
    g_byte_array_free(connection->out, TRUE);
    g_free(connection);
}

static struct connection *
connection_new(struct tcp_port *port, struct endpoint peer)
{
    struct connection *connection = g_new0(struct connection, 1);

    *connection = (struct connection){
        .agent = port->agent, .port = port, .peer = peer, .in = g_byte_array_new(), .out = g_byte_array_new()
    };
    return connection;
}

static void
connection_close(struct connection *connection)
{
    struct ice_agent *agent = connection->agent;

    if (connection->tcp)
        connection->tcp->ops->close(connection->tcp, false);
    connection->tcp = NULL;
    g_ptr_array_remove(agent->connections, connection);
    g_ptr_array_add(agent->closed_connections, connection);
}

void
agent_tcp_bury(struct ice_agent *agent)
{
    while (agent->closed_connections->len)
        connection_free(g_ptr_array_steal_index_fast(agent->closed_connections, agent->closed_connections->len - 1));
}

/* It has ended of itself. */
static void
connection_lost(struct connection *connection)
{
    struct ice_agent *agent = connection->agent;
    struct tcp_port *port = connection->port;
    struct endpoint peer = connection->peer;

    connection_close(connection);
    if (port->number >= 0 && !agent->closing)
        ice_session_broken(agent->session, agent_now(agent), (uint16_t)port->number, peer, ICE_WHY_CONNECTION);
}

static struct connection *
find_connection(const struct tcp_port *port, struct endpoint peer)
{
    for (guint i = 0; i < port->agent->connections->len; i++) {
        struct connection *connection = g_ptr_array_index(port->agent->connections, i);

        if (connection->port == port && endpoint_equal(connection->peer, peer))
            return connection;
    }
    return NULL;
}

/* Writes what waits; false when the connection is broken. */
static bool
flush(struct connection *connection)
{
    GByteArray *out = connection->out;
    enum io_result why = IO_OK;

    while (out->len) {
        ssize_t taken = connection->tcp->ops->write(connection->tcp, out->data, out->len, &why);

        if (taken < 0)
            return why == IO_AGAIN;
        g_byte_array_remove_range(out, 0, (guint)taken);
    }
    return true;
}

static enum io_result
put_frame(struct connection *connection, struct span data)
{
    uint8_t header[FRAME_HEADER];
    struct writer writer = writer_over(header, sizeof header);

    if (data.length > UINT16_MAX)
        return IO_TOO_BIG;
    if (connection->out->len + FRAME_HEADER + data.length > BACKLOG_MOST)
        return IO_FULL;
    writer_u16(&writer, (uint16_t)data.length);
    g_byte_array_append(connection->out, header, sizeof header);
    g_byte_array_append(connection->out, data.bytes, (guint)data.length);
    if (connection->connected)
        (void)flush(connection); /* one that is broken says so by itself */
    return IO_OK;
}

/* Hands on the messages that have come whole. */
static void
take_frames(struct connection *connection)
{
    struct ice_agent *agent = connection->agent;
    size_t done = 0;

    while (connection->tcp && !agent->freed) {
        struct reader reader = reader_over(span_of(connection->in->data + done, connection->in->len - done));
        size_t length = reader_u16(&reader);
        struct io_datagram datagram = IO_DATAGRAM_TO(connection->peer, reader_span(&reader, length));

        if (reader_failed(&reader))
            break;
        done += FRAME_HEADER + length;
        datagram.local = connection->port->at;
        if (length)
            agent_take(agent, connection->port->number, &datagram);
    }
    if (connection->tcp && !agent->freed)
        g_byte_array_remove_range(connection->in, 0, (guint)done);
}

static void
read_all(struct connection *connection)
{
    struct ice_agent *agent = connection->agent;
    uint8_t bytes[4096];
    enum io_result why = IO_OK;

    while (connection->tcp && !agent->freed) {
        ssize_t got = connection->tcp->ops->read(connection->tcp, bytes, sizeof bytes, &why);

        if (got < 0 && why == IO_AGAIN)
            return;
        if (got <= 0) {
            connection_lost(connection);
            return;
        }
        g_byte_array_append(connection->in, bytes, (guint)got);
        take_frames(connection);
    }
}

static void
on_connection(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    struct connection *connection = owner;
    struct ice_agent *agent = connection->agent;

    (void)tcp, (void)result;
    agent_enter(agent);
    switch (ready) {
    case IO_CONNECTED:
    case IO_WRITABLE:
        connection->connected = true;
        if (!flush(connection))
            connection_lost(connection);
        break;
    case IO_READABLE:
        read_all(connection);
        break;
    case IO_FAILED:
        connection_lost(connection);
        break;
    default:
        break;
    }
    agent_pump(agent);
    agent_leave(agent, true);
}

/* Room for one more. Anybody may connect, and say nothing: over the limit the oldest connection goes that is nobody's
 * whom the session knows, so that strangers keep the peer out no longer than they go on connecting. */
static bool
make_room(struct ice_agent *agent)
{
    if (agent->connections->len < ICE_AGENT_CONNECTIONS_MOST)
        return true;
    for (guint i = 0; i < agent->connections->len; i++) {
        struct connection *connection = g_ptr_array_index(agent->connections, i);

        if (agent_is_peers(agent, connection->port->number, connection->peer))
            continue;
        connection_close(connection);
        return true;
    }
    return false;
}

/* From an active candidate by any port. A relay's server connects later. */
static enum io_result
begin_connection(struct connection *connection)
{
    struct tcp_port *port = connection->port;
    struct io *io = port->agent->io;
    bool so = port->transport == ICE_TCP_SO;
    struct endpoint local = { port->at.address, so ? port->at.port : 0 };
    enum io_result why = IO_OK;

    if (port->relay)
        return agent_tcp_relay_connect(port, connection->peer);
    connection->tcp = io->ops->connect(io, &local, &connection->peer, so, on_connection, connection, &why);
    if (!connection->tcp)
        return why;
    connection->tcp->ops->prompt(connection->tcp, true); /* each frame is a datagram (RFC 6544 section 3) */
    return IO_AGAIN;
}

/* Only those connect who may (RFC 6544 section 4.1). */
static struct connection *
open_connection(struct tcp_port *port, struct endpoint peer, enum io_result *why)
{
    struct ice_agent *agent = port->agent;
    struct connection *connection;

    *why = IO_NO_ROUTE;
    if (port->transport == ICE_TCP_PASSIVE)
        return NULL;
    *why = IO_FULL;
    if (!make_room(agent))
        return NULL;
    connection = connection_new(port, peer);
    *why = begin_connection(connection);
    if (*why != IO_AGAIN) {
        connection_free(connection);
        return NULL;
    }
    agent->counters.connections++;
    g_ptr_array_add(agent->connections, connection);
    return connection;
}

enum io_result
agent_tcp_send(struct tcp_port *port, struct io_datagram *datagram)
{
    struct connection *connection = find_connection(port, datagram->peer);
    enum io_result why = IO_OK;

    if (!connection)
        connection = open_connection(port, datagram->peer, &why);
    return connection ? put_frame(connection, datagram->data) : why;
}

/* ---- connections of relays */

bool
agent_tcp_expect(struct tcp_port *port, struct endpoint peer)
{
    struct ice_agent *agent = port->agent;

    if (find_connection(port, peer) || !make_room(agent))
        return false;
    agent->counters.connections++;
    g_ptr_array_add(agent->connections, connection_new(port, peer));
    return true;
}

void
agent_tcp_made(struct tcp_port *port, struct endpoint peer, struct io_tcp *tcp)
{
    struct connection *connection = find_connection(port, peer);

    if (!connection || connection->tcp) {
        if (tcp)
            tcp->ops->close(tcp, true);
        return;
    }
    if (!tcp) {
        connection_lost(connection);
        return;
    }
    tcp->ready = on_connection;
    tcp->owner = connection;
    tcp->ops->prompt(tcp, true);
    connection->tcp = tcp;
    connection->connected = true;
    if (flush(connection))
        read_all(connection); /* what came before we listened to it */
    else
        connection_lost(connection);
}

void
agent_tcp_close_connections(struct tcp_port *port)
{
    struct ice_agent *agent = port->agent;

    for (guint i = agent->connections->len; i > 0; i--) {
        struct connection *connection = g_ptr_array_index(agent->connections, i - 1);

        if (connection->port == port)
            connection_close(connection);
    }
}

/* ---- listening */

static void
accept_one(struct tcp_port *port)
{
    struct ice_agent *agent = port->agent;
    struct connection *connection = connection_new(port, (struct endpoint){ ADDRESS_NONE, 0 });

    connection->tcp = port->listener->ops->accept(port->listener, on_connection, connection);
    if (!connection->tcp || !make_room(agent)) {
        if (connection->tcp)
            connection->tcp->ops->close(connection->tcp, true);
        connection_free(connection);
        return;
    }
    connection->tcp->ops->prompt(connection->tcp, true);
    connection->peer = connection->tcp->ops->peer(connection->tcp);
    connection->connected = true;
    agent->counters.connections++;
    g_ptr_array_add(agent->connections, connection);
    read_all(connection); /* what came before we listened to it */
}

static void
on_listener(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    struct tcp_port *port = owner;
    struct ice_agent *agent = port->agent;

    (void)tcp, (void)result;
    if (ready != IO_ACCEPT)
        return;
    agent_enter(agent);
    accept_one(port);
    agent_pump(agent);
    agent_leave(agent, true);
}

/* ---- candidates */

static void
add_candidate(struct tcp_port *port)
{
    struct ice_agent *agent = port->agent;
    struct ice_candidate candidate = { .type = ICE_HOST,
                                       .transport = port->transport,
                                       .stream = port->stream,
                                       .component = port->component,
                                       .local_preference = ice_tcp_local_preference(
                                           ICE_HOST, port->transport, ice_tcp_other_preference(port->rank)),
                                       .endpoint = port->at,
                                       .base = port->at };

    port->number = agent_add_candidate(agent, &candidate);
    agent_way_set(agent, port->number, (struct way){ .kind = WAY_TCP, .tcp = port });
}

/* STUN servers are asked from a listener's port, and one for simultaneous open connects from there. */
static void
open_port(struct ice_agent *agent, const struct tcp_port *like)
{
    struct tcp_port *port = g_memdup2(like, sizeof *like);
    bool share = like->transport == ICE_TCP_SO || agent->options.stun_count > 0;
    enum io_result why;

    port->agent = agent;
    port->number = -1;
    if (port->transport == ICE_TCP_ACTIVE) {
        port->at.port = ICE_TCP_DISCARD_PORT;
    } else {
        port->listener = agent->io->ops->listen(agent->io, &port->at, share, on_listener, port, &why);
        if (!port->listener) {
            g_free(port);
            return;
        }
        port->at.port = port->listener->ops->local(port->listener).port;
    }
    g_ptr_array_add(agent->tcp_ports, port);
    add_candidate(port);
}

static bool
is_open(const struct ice_agent *agent, const struct tcp_port *like)
{
    for (guint i = 0; i < agent->tcp_ports->len; i++) {
        const struct tcp_port *port = g_ptr_array_index(agent->tcp_ports, i);

        if (port->transport == like->transport && address_equal(port->at.address, like->at.address) &&
            port->stream == like->stream && port->component == like->component)
            return true;
    }
    return false;
}

void
agent_tcp_open(struct ice_agent *agent, struct address address, uint8_t stream, uint16_t component, unsigned rank)
{
    static const enum ice_transport transports[] = { ICE_TCP_ACTIVE, ICE_TCP_PASSIVE, ICE_TCP_SO };

    for (size_t i = 0; i < G_N_ELEMENTS(transports); i++) {
        struct tcp_port like = {
            .transport = transports[i], .at = { address, 0 }, .stream = stream, .component = component, .rank = rank
        };
        bool wanted = transports[i] == ICE_TCP_SO ? agent->options.tcp_so : agent->options.tcp;

        if (wanted && !is_open(agent, &like))
            open_port(agent, &like);
    }
}

static void
port_close(struct tcp_port *port)
{
    struct ice_agent *agent = port->agent;

    agent_tcp_close_connections(port);
    agent_jobs_cancel(agent, port);
    agent_probes_close(port);
    g_ptr_array_remove(agent->tcp_ports, port);
    agent_remove_candidate(agent, port->number);
    if (port->listener)
        port->listener->ops->close(port->listener, false);
    g_free(port);
}

void
agent_tcp_keep(struct ice_agent *agent, const struct io_address *list, size_t count)
{
    for (guint i = agent->tcp_ports->len; i > 0; i--) {
        struct tcp_port *port = g_ptr_array_index(agent->tcp_ports, i - 1);
        bool listed = false;

        for (size_t k = 0; k < count; k++)
            listed |= address_equal(list[k].address, port->at.address);
        if (!listed)
            port_close(port);
    }
}

void
agent_tcp_renew(struct ice_agent *agent)
{
    for (guint i = 0; i < agent->tcp_ports->len; i++) {
        struct tcp_port *port = g_ptr_array_index(agent->tcp_ports, i);
        struct ice_candidate candidate;

        if (port->number < 0)
            continue;
        candidate = *ice_session_local(agent->session, (unsigned)port->number);
        port->number = agent_add_candidate(agent, &candidate);
        agent_way_set(agent, port->number, (struct way){ .kind = WAY_TCP, .tcp = port });
    }
}

/* The connections that carry data stay. */
static bool
is_carrying(const struct connection *connection)
{
    const struct tcp_port *port = connection->port;
    struct ice_path path;

    return ice_session_path(port->agent->session, port->stream, port->component, &path) && path.base == port->number &&
           endpoint_equal(path.to, connection->peer);
}

void
agent_tcp_release(struct ice_agent *agent)
{
    for (guint i = agent->tcp_ports->len; i > 0; i--) {
        struct tcp_port *port = g_ptr_array_index(agent->tcp_ports, i - 1);

        if (ice_session_checklist(agent->session, port->stream) == ICE_COMPLETED &&
            (port->number < 0 || !ice_session_uses(agent->session, (unsigned)port->number)))
            port_close(port);
    }
    for (guint i = agent->connections->len; i > 0; i--) {
        struct connection *connection = g_ptr_array_index(agent->connections, i - 1);

        if (ice_session_checklist(agent->session, connection->port->stream) == ICE_COMPLETED &&
            !is_carrying(connection))
            connection_close(connection);
    }
}

void
agent_tcp_close_all(struct ice_agent *agent)
{
    while (agent->tcp_ports->len)
        port_close(g_ptr_array_index(agent->tcp_ports, agent->tcp_ports->len - 1));
}
