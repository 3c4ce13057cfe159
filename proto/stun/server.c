#include "proto/stun/server.h"

#include "core/base/journal.h"
#include "proto/stun/connections.h"
#include "proto/stun/kinds.h"

#define REQUEST_MOST (STUN_HEADER_BYTES + 65532) /* over TCP: every message that there can be */
#define PATIENCE (60 * TIME_S) /* over TCP: for the rest of a message */
#define BACKLOG_MOST 8192 /* over TCP: a few answers */

#define SECOND_SOCKETS 3
#define MOST_SOCKETS (STUN_SERVER_MAX_LISTEN + SECOND_SOCKETS)

/* The four sockets of behaviour discovery make a square: the corner's bits say which address and which port. */
enum corner { CORNER_SECOND_ADDRESS = 1, CORNER_SECOND_PORT = 2, CORNERS = 4 };

struct place {
    struct stun_server *server;
    struct io_udp *udp;
    bool discovers; /* `corner` and `other` say something */
    unsigned corner;
    struct endpoint other;
};

struct stun_server {
    struct io *io;
    struct stun_rules rules;
    struct stun_auth *auth;
    char *software;
    size_t sockets;
    struct place places[MOST_SOCKETS];
    struct place *corners[CORNERS];
    struct stun_connections *connections; /* NULL: not over TCP */
    struct stun_server_counters counters;
};

static void
count(struct stun_server_counters *counters, const struct stun_answer *answer)
{
    counters->datagrams++;
    switch (answer->reply) {
    case STUN_REPLY_NONE:
        counters->indications++;
        break;
    case STUN_REPLY_SUCCESS:
        counters->requests++;
        counters->successes++;
        break;
    case STUN_REPLY_ERROR:
        counters->requests++;
        counters->errors++;
        break;
    case STUN_REPLY_DROP:
        if (answer->reason == DROP_MALFORMED_STUN)
            counters->malformed++;
        else
            counters->unexpected++;
        break;
    }
    counters->classic += answer->classic;
}

static struct record
record_of(const struct io_datagram *datagram, enum protocol protocol, const struct stun_answer *answer)
{
    struct record record = { .packet = datagram->packet,
                             .verdict = VERDICT_MINE,
                             .rule = answer->method,
                             .before = { datagram->peer.address, datagram->local.address, datagram->peer.port,
                                         datagram->local.port, (uint8_t)protocol } };

    if (answer->reply == STUN_REPLY_DROP) {
        record.kind = &stun_kind_dropped;
        record.verdict = VERDICT_DROP;
        record.reason = (uint8_t)answer->reason;
        record.rule = (uint16_t)answer->fault;
    } else if (answer->reply == STUN_REPLY_ERROR) {
        record.kind = &stun_kind_refused;
        record.detail = answer->code;
    } else {
        record.kind = &stun_kind_served;
        record.detail = answer->change / STUN_CHANGE_PORT;
    }
    return record;
}

static void
note(struct stun_server *server, const struct io_datagram *datagram, enum protocol protocol,
     const struct stun_answer *answer)
{
    struct io *io = server->io;

    if (answer->reply == STUN_REPLY_NONE || !io->ops->listening(io))
        return;

    struct record record = record_of(datagram, protocol, answer);

    io->ops->note(io, &record);
}

/* The socket that the answer leaves by (RFC 5780 section 6.1). */
static struct io_udp *
leaves_by(const struct place *place, unsigned change)
{
    unsigned corner = place->corner;

    if (!place->discovers)
        return place->udp;
    corner ^= change & STUN_CHANGE_ADDRESS ? CORNER_SECOND_ADDRESS : 0;
    corner ^= change & STUN_CHANGE_PORT ? CORNER_SECOND_PORT : 0;
    return place->server->corners[corner]->udp;
}

/* From where the request arrived, to where it came from (section 6.3.1.2), unless it asks for something else. */
static void
send_back(const struct place *place, const struct io_datagram *request, const struct stun_answer *answer)
{
    struct io_datagram datagram = IO_DATAGRAM_TO(request->peer, answer->message);
    struct io_udp *udp = leaves_by(place, answer->change);

    if (answer->port)
        datagram.peer.port = answer->port;
    if (udp == place->udp)
        datagram.local = request->local;
    if (udp->ops->send(udp, &datagram) != IO_OK)
        place->server->counters.unsent++;
}

/* `other`: the address and port opposite, where there is behaviour discovery, which is for UDP only. */
static struct stun_answer
serve(struct stun_server *server, const struct io_datagram *request, enum protocol protocol,
      const struct endpoint *other, uint8_t buffer[STUN_ANSWER_BYTES])
{
    struct stun_arrival arrival = { .source = request->peer,
                                    .local = request->local,
                                    .other = other,
                                    .now = server->auth ? server->io->ops->now(server->io) : 0 };
    struct stun_answer answer = stun_answer(&server->rules, request->data, &arrival, buffer, STUN_ANSWER_BYTES);

    count(&server->counters, &answer);
    note(server, request, protocol, &answer);
    return answer;
}

static void
on_datagram(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct place *place = owner;
    uint8_t buffer[STUN_ANSWER_BYTES];
    struct stun_answer answer =
        serve(place->server, datagram, PROTOCOL_UDP, place->discovers ? &place->other : NULL, buffer);

    (void)udp;
    if (answer.message.length)
        send_back(place, datagram, &answer);
}

static const struct io_udp_events events = { .datagram = on_datagram };

/* --- over TCP ---------------------------------------------------------------------------------------------------- */

static void
on_opened(void *owner, struct io_udp *connection)
{
    struct stun_server *server = owner;

    (void)connection;
    server->counters.connections++;
}

static void
on_message(void *owner, struct io_udp *connection, const struct io_datagram *message)
{
    struct stun_server *server = owner;
    uint8_t buffer[STUN_ANSWER_BYTES];
    struct stun_answer answer = serve(server, message, PROTOCOL_TCP, NULL, buffer);
    struct io_datagram datagram = IO_DATAGRAM_TO(message->peer, answer.message);

    if (answer.message.length && connection->ops->send(connection, &datagram) != IO_OK)
        server->counters.unsent++;
}

static void
note_broken(struct stun_server *server, const struct io_udp *connection, enum stun_fault fault)
{
    struct endpoint peer = stun_stream_peer(connection), local = connection->ops->local(connection);
    struct io *io = server->io;

    if (!io->ops->listening(io))
        return;

    struct record record = {
        .kind = &stun_kind_broken,
        .verdict = VERDICT_DROP,
        .reason = DROP_MALFORMED_STUN,
        .rule = (uint16_t)fault,
        .before = { peer.address, local.address, peer.port, local.port, PROTOCOL_TCP },
    };

    io->ops->note(io, &record);
}

static void
on_closed(void *owner, struct io_udp *connection, enum io_result why, enum stun_fault fault)
{
    struct stun_server *server = owner;

    server->counters.evicted += why == IO_FULL;
    server->counters.silent += why == IO_TIMEOUT;
    if (fault == STUN_FAULT_NONE)
        return;
    server->counters.broken++;
    note_broken(server, connection, fault);
}

static void
on_refused(void *owner)
{
    struct stun_server *server = owner;

    server->counters.turned_away++;
}

static const struct stun_connections_events connection_events = { on_opened, on_message, on_closed, on_refused };

/* On the endpoints that UDP has, so that a port which was to be any free one is the same. */
static bool
open_streams(struct stun_server *server, size_t listens, enum io_result *why)
{
    struct endpoint local[STUN_SERVER_MAX_LISTEN];
    struct stun_connections_options options = { .listens = listens,
                                                .listen = local,
                                                .stream = { .most = REQUEST_MOST, .backlog = BACKLOG_MOST },
                                                .most = STUN_SERVER_MAX_CONNECTIONS,
                                                .most_of_one = STUN_SERVER_MAX_CONNECTIONS / 4,
                                                .patience = PATIENCE };

    for (size_t i = 0; i < listens; i++)
        local[i] = stun_server_local(server, i);
    server->connections = stun_connections_new(server->io, &options, &connection_events, server, why);
    return server->connections != NULL;
}

/* --- life -------------------------------------------------------------------------------------------------------- */

/* Whether SOFTWARE can be sent with this text: the builder knows the limits. */
static bool
software_fits(struct span software)
{
    uint8_t buffer[STUN_ANSWER_BYTES];
    struct stun_header header = { .cookie = STUN_COOKIE };
    struct stun_builder builder;

    stun_builder_begin(&builder, buffer, sizeof buffer, &header);
    stun_put_text(&builder, STUN_SOFTWARE, software);
    return !stun_builder_failed(&builder);
}

static struct place *
open_place(struct stun_server *server, const struct endpoint *local, enum io_result *why)
{
    struct place *place = &server->places[server->sockets];

    place->server = server;
    place->udp = server->io->ops->udp(server->io, local, &events, place, why);
    if (!place->udp)
        return NULL;
    server->sockets++;
    return place;
}

/* The other three corners of the square whose first is there already. Each tells clients of the one opposite. */
static bool
open_corners(struct stun_server *server, struct endpoint first, struct endpoint second, enum io_result *why)
{
    for (unsigned corner = 0; corner < CORNERS; corner++) {
        bool other_address = corner & CORNER_SECOND_ADDRESS, other_port = corner & CORNER_SECOND_PORT;
        struct endpoint own = { other_address ? second.address : first.address, other_port ? second.port : first.port };
        struct place *place = corner ? open_place(server, &own, why) : &server->places[0];

        if (!place)
            return false;
        place->discovers = true;
        place->corner = corner;
        place->other = (struct endpoint){ other_address ? first.address : second.address,
                                          other_port ? first.port : second.port };
        server->corners[corner] = place;
    }
    return true;
}

static bool
is_second(struct endpoint first, struct endpoint second)
{
    return !address_is_unspecified(first.address) && !address_is_unspecified(second.address) &&
           address_family(first.address) == address_family(second.address) &&
           !address_equal(first.address, second.address) && first.port != second.port;
}

static bool
open_sockets(struct stun_server *server, const struct stun_server_options *options, enum io_result *why)
{
    struct endpoint first, second = options->second;

    for (size_t i = 0; i < options->listens; i++)
        if (!open_place(server, &options->listen[i], why))
            return false;
    if (options->tcp && !open_streams(server, options->listens, why))
        return false;
    if (address_is_none(second.address))
        return true;
    first = stun_server_local(server, 0);
    if (second.port == 0)
        second.port = first.port == UINT16_MAX ? (uint16_t)(first.port - 1) : (uint16_t)(first.port + 1);
    if (!is_second(first, second)) {
        *why = IO_NO_ADDRESS;
        return false;
    }
    return open_corners(server, first, second, why);
}

static void
close_sockets(struct stun_server *server)
{
    for (size_t i = 0; i < server->sockets; i++)
        server->places[i].udp->ops->close(server->places[i].udp);
    server->sockets = 0;
    g_clear_pointer(&server->connections, stun_connections_free);
}

static bool
draws_port(const struct stun_server_options *options)
{
    for (size_t i = 0; i < options->listens; i++)
        if (options->listen[i].port == 0)
            return true;
    return false;
}

/* A port that the host has drawn for UDP may be taken over TCP, or at the second address: then others are drawn. */
static bool
open_all(struct stun_server *server, const struct stun_server_options *options, enum io_result *why)
{
    for (unsigned draws = 1; !open_sockets(server, options, why); draws++) {
        if (*why != IO_IN_USE || draws == STUN_SERVER_DRAWS || !draws_port(options))
            return false;
        close_sockets(server);
    }
    return true;
}

static struct stun_auth *
make_auth(struct io *io, const struct stun_auth_options *options)
{
    struct stun_auth_options own = *options;

    io->ops->random(io, own.secret, sizeof own.secret);
    return stun_auth_new(&own);
}

static void
make_rules(struct stun_server *server, const struct stun_server_options *options)
{
    struct stun_rules *rules = &server->rules;

    *rules = (struct stun_rules){ .software = span_of_text(server->software),
                                  .mapped_address = options->mapped_address,
                                  .understood = STUN_SET_BASE,
                                  .auth = server->auth,
                                  .demand_fingerprint = options->demand_fingerprint,
                                  .ignore_change = options->ignore_change,
                                  .alternates = options->alternates };
    for (size_t i = 0; i < options->alternates; i++)
        rules->alternate[i] = options->alternate[i];
}

struct stun_server *
stun_server_new(struct io *io, const struct stun_server_options *options, enum io_result *why)
{
    g_autoptr(stun_server) server = g_new0(struct stun_server, 1);

    g_assert(options->listens >= 1 && options->listens <= STUN_SERVER_MAX_LISTEN);
    g_assert(options->alternates <= STUN_MOST_ALTERNATES);
    server->io = io;
    server->software = g_strdup(options->software ? options->software : "");
    if (options->auth)
        server->auth = make_auth(io, options->auth);
    make_rules(server, options);
    if (!software_fits(server->rules.software)) {
        *why = IO_TOO_BIG;
        return NULL;
    }
    return open_all(server, options, why) ? g_steal_pointer(&server) : NULL;
}

void
stun_server_free(struct stun_server *server)
{
    if (!server)
        return;
    close_sockets(server);
    stun_auth_free(server->auth);
    g_free(server->software);
    g_free(server);
}

const struct stun_server_counters *
stun_server_counters(const struct stun_server *server)
{
    return &server->counters;
}

size_t
stun_server_sockets(const struct stun_server *server)
{
    return server->sockets;
}

struct endpoint
stun_server_local(const struct stun_server *server, size_t n)
{
    g_assert(n < server->sockets);
    return server->places[n].udp->ops->local(server->places[n].udp);
}
