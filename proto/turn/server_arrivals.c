/* What comes from clients, by datagrams and over TCP, is sorted here: data, requests of TURN, and STUN besides. */
#include "proto/stun/fingerprint.h"
#include "proto/stun/kinds.h"
#include "proto/turn/server_private.h"

#define MESSAGE_MOST (STUN_HEADER_BYTES + 65532) /* over TCP: a Send indication with the longest datagram */
#define CONNECTION_IDLE (60 * TIME_S) /* over TCP: without an allocation, or for the rest of a message */
#define BACKLOG_MOST 262144 /* over TCP: what may wait for a client; data beyond that is dropped, as on a full link */

static void
drop_arrival(const struct turn_arrival *arrival, enum drop_reason reason)
{
    struct flow flow = turn_flow_of_client(&arrival->tuple);

    turn_server_drop(arrival->server, &flow, arrival->datagram->packet, NULL, reason);
}

static void
note_binding(const struct turn_arrival *arrival, const struct stun_answer *answer)
{
    struct turn_server *server = arrival->server;

    if (!turn_server_listening(server))
        return;

    struct record record = { .kind = answer->reply == STUN_REPLY_ERROR ? &stun_kind_refused : &stun_kind_served,
                             .packet = arrival->datagram->packet, .verdict = VERDICT_MINE, .rule = answer->method,
                             .before = turn_flow_of_client(&arrival->tuple), .detail = answer->code };

    server->io->ops->note(server->io, &record);
}

/* Binding of either generation, and what is no message of TURN at all. */
static void
serve_stun(const struct turn_arrival *arrival)
{
    struct turn_server *server = arrival->server;
    struct stun_arrival how = { .source = arrival->tuple.client, .local = arrival->tuple.server, .now = arrival->now };
    uint8_t buffer[STUN_ANSWER_BYTES];
    struct stun_answer answer = stun_answer(&server->binding, arrival->datagram->data, &how, buffer, sizeof buffer);
    struct io_datagram datagram = IO_DATAGRAM_TO(arrival->tuple.client, answer.message);

    if (answer.reply == STUN_REPLY_DROP) {
        drop_arrival(arrival, answer.reason);
        return;
    }
    if (answer.reply == STUN_REPLY_NONE)
        return;
    server->counters.bindings++;
    note_binding(arrival, &answer);
    if (arrival->tuple.protocol == PROTOCOL_UDP)
        datagram.local = arrival->datagram->local;
    if (arrival->via->ops->send(arrival->via, &datagram) != IO_OK)
        server->counters.unsent++;
}

static bool
is_request_method(uint16_t method, bool tcp)
{
    switch (method) {
    case STUN_ALLOCATE:
    case STUN_REFRESH:
    case STUN_CREATE_PERMISSION:
    case STUN_CHANNEL_BIND:
        return true;
    case STUN_CONNECT:
    case STUN_CONNECTION_BIND:
        return tcp;
    default:
        return false;
    }
}

static void
serve_turn(const struct turn_arrival *arrival)
{
    struct turn_server *server = arrival->server;
    struct stun_message message;
    enum stun_fault fault = stun_message_decode(arrival->datagram->data, &message);
    enum stun_class class = message.header.class;

    if (fault == STUN_FAULT_TOO_MANY && class == STUN_REQUEST) /* which is told so */
        fault = STUN_FAULT_NONE;
    if (fault != STUN_FAULT_NONE || stun_fingerprint_check(&message) == STUN_CHECK_WRONG) {
        drop_arrival(arrival, DROP_MALFORMED_STUN);
        return;
    }
    if (class == STUN_INDICATION && message.header.method == STUN_SEND) {
        turn_relay_send(arrival, &message);
        return;
    }
    if (class != STUN_REQUEST || !is_request_method(message.header.method, server->options.tcp_allocations)) {
        drop_arrival(arrival, DROP_UNEXPECTED_STUN);
        return;
    }
    turn_server_sweep(server, arrival->now);
    turn_serve_request(arrival, &message);
    turn_server_arm(server);
}

static void
sort(const struct turn_arrival *arrival)
{
    struct span data = arrival->datagram->data;
    bool old = arrival->server->options.old_channels;
    struct stun_header header;

    if (old ? turn_looks_like_old_channel_data(data) : turn_looks_like_channel_data(data))
        turn_relay_channel_data(arrival);
    else if (stun_header_peek(data, &header) && header.method != STUN_BINDING)
        serve_turn(arrival);
    else
        serve_stun(arrival);
}

static void
on_datagram(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct turn_place *place = owner;
    struct io *io = place->server->io;
    struct turn_arrival arrival = { .server = place->server, .place = place, .via = udp, .datagram = datagram,
                                    .tuple = { datagram->peer, datagram->local, PROTOCOL_UDP },
                                    .now = io->ops->now(io) };

    sort(&arrival);
}

const struct io_udp_events turn_place_events = { .datagram = on_datagram };

/* --- over TCP ---------------------------------------------------------------------------------------------------- */

static const struct turn_place *
place_at(const struct turn_server *server, struct endpoint local)
{
    for (size_t i = 0; i < server->listens; i++) {
        struct endpoint at = turn_server_local(server, i);

        if (at.port == local.port && (address_equal(at.address, local.address) || address_is_unspecified(at.address)))
            return &server->places[i];
    }
    return &server->places[0];
}

static void
on_opened(void *owner, struct io_udp *connection)
{
    struct turn_server *server = owner;

    (void)connection;
    server->counters.connections++;
}

static void
on_message(void *owner, struct io_udp *connection, const struct io_datagram *message)
{
    struct turn_server *server = owner;
    struct turn_arrival arrival = { .server = server, .place = place_at(server, message->local), .via = connection,
                                    .datagram = message, .tuple = { message->peer, message->local, PROTOCOL_TCP },
                                    .now = server->io->ops->now(server->io) };

    sort(&arrival);
}

/* An allocation goes with its connection: the 5-tuple can't come back (RFC 8656 section 6). */
static void
on_closed(void *owner, struct io_udp *connection, enum io_result why, enum stun_fault fault)
{
    struct turn_server *server = owner;
    struct turn_tuple tuple = { stun_stream_peer(connection), connection->ops->local(connection), PROTOCOL_TCP };
    struct turn_allocation *allocation = turn_allocation_find(server->table, &tuple, INT64_MIN);

    server->counters.evicted += why == IO_FULL;
    server->counters.silent += why == IO_TIMEOUT;
    server->counters.broken += fault != STUN_FAULT_NONE;
    if (fault != STUN_FAULT_NONE) {
        struct flow flow = turn_flow_of_client(&tuple);

        turn_server_drop(server, &flow, 0, allocation, DROP_MALFORMED_STUN);
    }
    if (allocation && allocation->via == connection)
        turn_server_end(server, allocation, TURN_WHY_DISCONNECTED);
}

static void
on_refused(void *owner)
{
    struct turn_server *server = owner;

    server->counters.turned_away++;
}

static const struct stun_connections_events connection_events = { on_opened, on_message, on_closed, on_refused };

bool
turn_open_streams(struct turn_server *server, enum io_result *why)
{
    struct endpoint local[TURN_SERVER_MAX_LISTEN];
    struct stun_connections_options options = {
        .listens = server->listens,
        .listen = local,
        .stream = { .channels = server->options.old_channels ? STUN_CHANNELS_OLD : STUN_CHANNELS_NEW, .most = MESSAGE_MOST, .backlog = BACKLOG_MOST },
        .most = MAX(server->options.connections, 1),
        .most_of_one = server->options.connections_of_one,
        .idle = CONNECTION_IDLE,
        .patience = CONNECTION_IDLE,
    };

    for (size_t i = 0; i < server->listens; i++)
        local[i] = turn_server_local(server, i);
    server->connections = stun_connections_new(server->io, &options, &connection_events, server, why);
    return server->connections != NULL;
}
