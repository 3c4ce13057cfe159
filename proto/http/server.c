/* Theory of operation.
 *
 * A connection is in one of these phases:
 *   READING    waiting for a request, or in the middle of one; the alarm is the idle or the request timeout.
 *   HANDLING   the handler has the exchange. No alarm. What the peer sends meanwhile is kept up to AHEAD_BYTES and
 *              then left in the stream, so that its end is noticed and a pipelining peer is slowed.
 *   ANSWERING  the response is being written. The alarm is the response timeout, moved by each byte that goes.
 *   LINGERING  the last response has been written and our side closed; what still comes is thrown away until the peer
 *              closes too (RFC 9112 section 9.6: else the reset that answers it may overtake the response). The alarm
 *              is the response timeout.
 * `work` moves a connection on as far as it goes and is called from the stream's events and from the `turn` timer, never
 * from a call of the owner's: an owner who answers from elsewhere gets the next request in a turn of its own.
 *
 * The owner may free the server inside a callback. Who calls it holds the connection's memory over that call, and
 * touches nothing else when the connection is `over` afterwards. */
#include "proto/http/server.h"

#include "proto/http/lex.h"
#include "proto/http/output.h"

#define READ_BYTES 4096
#define AHEAD_BYTES 4096

enum phase { PHASE_READING, PHASE_HANDLING, PHASE_ANSWERING, PHASE_LINGERING };

struct http_exchange {
    struct connection *connection;
    bool open;
    http_gone *gone;
    void *gone_owner, *data;
};

struct connection {
    struct connection *next, *previous;
    struct http_server *server;
    struct io_tcp *tcp;
    struct io_timer alarm, turn;
    enum phase phase;
    struct http_reader reader;
    GByteArray *ahead; /* read from the stream and not yet taken by the reader */
    struct http_output output;
    struct http_exchange exchange;
    bool ended;     /* the peer has closed its side */
    bool last;      /* no request after this one */
    bool continued; /* 100 (Continue) has been sent for this request */
    bool over;      /* closed and off the server's list; the memory goes with the last hold */
    unsigned holds;
};

struct http_server {
    struct io *io;
    struct http_server_options options;
    char *name;
    struct io_tcp *listeners[HTTP_SERVER_MAX_LISTEN];
    size_t listening;
    struct connection *first;
    unsigned connections;
    struct http_server_counters counters;
};

static void work(struct connection *connection);

static void
arm(struct connection *connection, int64_t timeout)
{
    struct io *io = connection->server->io;

    io->ops->arm(io, &connection->alarm, time_add(io->ops->now(io), timeout), false);
}

static void
disarm(struct connection *connection)
{
    connection->server->io->ops->disarm(connection->server->io, &connection->alarm);
}

/* --- the end of a connection ------------------------------------------------------------------------------------- */

static void
release_memory(struct connection *connection)
{
    http_reader_close(&connection->reader);
    http_output_close(&connection->output);
    g_byte_array_unref(connection->ahead);
    g_free(connection);
}

static void
let_go(struct connection *connection)
{
    connection->holds--;
    if (connection->over && connection->holds == 0)
        release_memory(connection);
}

static void
connection_free(struct connection *connection, bool reset)
{
    struct http_server *server = connection->server;

    disarm(connection);
    server->io->ops->disarm(server->io, &connection->turn);
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        server->first = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    server->connections--;
    connection->tcp->ops->close(connection->tcp, reset);
    connection->over = true;
    if (connection->holds == 0)
        release_memory(connection);
}

/* The peer has left or the stream is broken. */
static void
abandon(struct connection *connection, bool reset)
{
    struct http_exchange *exchange = &connection->exchange;

    connection->holds++;
    if (exchange->open) {
        exchange->open = false;
        connection->server->counters.gone++;
        if (exchange->gone)
            exchange->gone(exchange->gone_owner, exchange);
    }
    if (!connection->over)
        connection_free(connection, reset);
    let_go(connection);
}

/* --- responses --------------------------------------------------------------------------------------------------- */

static bool
has_no_content(unsigned status)
{
    return status < 200 || status == 204 || status == 304;
}

static void
put_head(struct writer *writer, const struct connection *connection, const struct http_response *response, bool close)
{
    http_put_status_line(writer, response->status);
    if (connection->server->name)
        http_put_field(writer, "Server", span_of_text(connection->server->name));
    if (response->type)
        http_put_field(writer, "Content-Type", span_of_text(response->type));
    if (!has_no_content(response->status))
        http_put_number(writer, "Content-Length", response->body.length);
    for (const struct http_pair *field = response->fields; field && field->name; field++)
        http_put_field(writer, field->name, span_of_text(field->value));
    if (close)
        http_put_field(writer, "Connection", span_of_text("close"));
    else if (connection->reader.head.minor == 0)
        http_put_field(writer, "Connection", span_of_text("keep-alive"));
    http_put_end(writer);
}

static void
put_response(struct connection *connection, const struct http_response *response, bool to_head)
{
    uint8_t bytes[HTTP_HEAD_BYTES];
    struct writer writer = writer_over(bytes, sizeof bytes);

    connection->last |= response->close;
    put_head(&writer, connection, response, connection->last);
    if (writer_failed(&writer)) {
        static const struct http_response failure = { .status = 500 };

        writer = writer_over(bytes, sizeof bytes);
        put_head(&writer, connection, &failure, connection->last);
        response = &failure;
    }
    http_output_put(&connection->output, writer_span(&writer));
    if (!to_head && !has_no_content(response->status))
        http_output_put(&connection->output, response->body);
    connection->server->counters.responses++;
}

static bool
is_head_request(const struct connection *connection)
{
    return http_span_is(connection->reader.head.method, "HEAD");
}

void
http_exchange_respond(struct http_exchange *exchange, const struct http_response *response)
{
    struct connection *connection = exchange->connection;
    struct io *io = connection->server->io;

    g_assert(exchange->open);
    exchange->open = false;
    put_response(connection, response, is_head_request(connection));
    connection->phase = PHASE_ANSWERING;
    arm(connection, connection->server->options.response_timeout);
    if (connection->holds == 0) /* else `work` is under way, and goes on when the handler has returned */
        io->ops->arm(io, &connection->turn, io->ops->now(io), true);
}

struct http_request
http_exchange_request(const struct http_exchange *exchange)
{
    const struct connection *connection = exchange->connection;

    return (struct http_request){ .head = &connection->reader.head,
                                  .body = http_reader_body(&connection->reader),
                                  .local = connection->tcp->ops->local(connection->tcp),
                                  .peer = connection->tcp->ops->peer(connection->tcp) };
}

void
http_exchange_on_gone(struct http_exchange *exchange, http_gone *gone, void *owner)
{
    exchange->gone = gone;
    exchange->gone_owner = owner;
}

void
http_exchange_set_data(struct http_exchange *exchange, void *data)
{
    exchange->data = data;
}

void *
http_exchange_data(const struct http_exchange *exchange)
{
    return exchange->data;
}

/* --- requests ---------------------------------------------------------------------------------------------------- */

/* Reads up to `most` bytes more. False when the stream is broken. */
static bool
read_ahead(struct connection *connection, size_t most)
{
    while (!connection->ended && connection->ahead->len < most) {
        uint8_t bytes[READ_BYTES];
        size_t room = MIN(sizeof bytes, most - connection->ahead->len);
        enum io_result why = IO_OK;
        ssize_t got = connection->tcp->ops->read(connection->tcp, bytes, room, &why);

        if (got < 0)
            return why == IO_AGAIN;
        if (got == 0)
            connection->ended = true;
        else
            g_byte_array_append(connection->ahead, bytes, (guint)got);
    }
    return true;
}

/* A client that waits for our word before it sends a body gets it (RFC 9110 section 10.1.1). */
static void
maybe_continue(struct connection *connection)
{
    const struct http_reader *reader = &connection->reader;

    if (reader->state != HTTP_READING_BODY || connection->continued || reader->head.minor == 0)
        return;
    connection->continued = true;
    if (connection->ahead->len == 0 && http_head_lists(&reader->head, "expect", "100-continue"))
        http_output_put(&connection->output, span_of_text("HTTP/1.1 100 Continue\r\n\r\n"));
}

static void
feed_reader(struct connection *connection)
{
    struct http_reader *reader = &connection->reader;
    GByteArray *ahead = connection->ahead;
    bool fresh = !reader->started;

    while (ahead->len > 0 && reader->state < HTTP_READ)
        g_byte_array_remove_range(ahead, 0, (guint)http_reader_take(reader, span_of(ahead->data, ahead->len)));
    maybe_continue(connection);
    if (fresh && reader->started)
        arm(connection, connection->server->options.request_timeout);
}

/* Nothing more is read from a peer that sends what cannot be understood: nobody knows where its next request begins. */
static void
refuse(struct connection *connection, unsigned status)
{
    connection->reader.head.minor = 1;
    put_response(connection, &(struct http_response){ .status = status, .close = true }, false);
    connection->phase = PHASE_ANSWERING;
    arm(connection, connection->server->options.response_timeout);
}

/* Hands the request to the owner. */
static void
dispatch(struct connection *connection)
{
    struct http_server *server = connection->server;

    disarm(connection);
    server->counters.requests++;
    connection->last = !http_head_keeps(&connection->reader.head);
    connection->exchange = (struct http_exchange){ .connection = connection, .open = true };
    connection->phase = PHASE_HANDLING;
    server->options.handler(server->options.owner, &connection->exchange);
}

/* Each of these does the work of one phase. True: the phase has changed, go on; false: wait, or the connection is
 * over. */

static bool
work_reading(struct connection *connection)
{
    struct http_reader *reader = &connection->reader;

    while (reader->state < HTTP_READ) {
        if (!read_ahead(connection, READ_BYTES)) {
            abandon(connection, true);
            return false;
        }
        if (connection->ahead->len == 0)
            break;
        feed_reader(connection);
    }
    if (http_output_waits(&connection->output))
        (void)http_output_flush(&connection->output, connection->tcp); /* a failure shows in the next read */
    if (reader->state < HTTP_READ && !connection->ended)
        return false;
    if (reader->state < HTTP_READ && !reader->started) { /* it closed between two requests, as it may */
        abandon(connection, false);
        return false;
    }
    if (reader->state < HTTP_READ)
        http_reader_end(reader);
    if (reader->state == HTTP_BROKEN) {
        connection->server->counters.malformed++;
        refuse(connection, http_fault_status(reader->fault));
    } else {
        dispatch(connection);
    }
    return true;
}

/* A peer that closes its side while it waits for an answer may have meant "no more requests" only. As most servers do,
 * we take it as gone: a message must not be handed to a long poll that nobody reads any more. */
static bool
work_handling(struct connection *connection)
{
    if (!read_ahead(connection, AHEAD_BYTES))
        abandon(connection, true);
    else if (connection->ended)
        abandon(connection, false);
    return false;
}

static bool
work_answering(struct connection *connection)
{
    size_t before = connection->output.bytes->len - connection->output.sent;
    enum io_result result = http_output_flush(&connection->output, connection->tcp);
    bool moved = before > connection->output.bytes->len - connection->output.sent;

    if (result == IO_AGAIN) {
        if (moved)
            arm(connection, connection->server->options.response_timeout);
        return false;
    }
    if (result != IO_OK) {
        abandon(connection, true);
        return false;
    }
    if (connection->last) {
        connection->tcp->ops->shutdown(connection->tcp);
        connection->phase = PHASE_LINGERING;
        arm(connection, connection->server->options.response_timeout);
        return true;
    }
    http_reader_next(&connection->reader);
    connection->continued = false;
    connection->phase = PHASE_READING;
    arm(connection, connection->server->options.idle_timeout);
    return true;
}

static bool
work_lingering(struct connection *connection)
{
    bool fine;

    do {
        g_byte_array_set_size(connection->ahead, 0);
        fine = read_ahead(connection, READ_BYTES);
    } while (fine && connection->ahead->len > 0);
    if (!fine || connection->ended)
        abandon(connection, !fine);
    return false;
}

static void
work(struct connection *connection)
{
    static bool (*const steps[])(struct connection *) = {
        [PHASE_READING] = work_reading,
        [PHASE_HANDLING] = work_handling,
        [PHASE_ANSWERING] = work_answering,
        [PHASE_LINGERING] = work_lingering,
    };

    connection->holds++;
    while (steps[connection->phase](connection) && !connection->over)
        ;
    let_go(connection);
}

/* --- events ------------------------------------------------------------------------------------------------------ */

static void
on_stream(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    (void)tcp, (void)result;
    if (ready == IO_FAILED)
        abandon(owner, true);
    else
        work(owner);
}

static void
on_turn(void *owner, struct io_timer *timer)
{
    (void)timer;
    work(owner);
}

static void
on_alarm(void *owner, struct io_timer *timer)
{
    struct connection *connection = owner;

    (void)timer;
    if (connection->phase == PHASE_READING && connection->reader.started) {
        connection->server->counters.timeouts++;
        refuse(connection, 408);
        work(connection);
    } else {
        abandon(connection, connection->phase != PHASE_READING);
    }
}

static void
connection_new(struct http_server *server, struct io_tcp *tcp)
{
    struct connection *connection = tcp->owner;

    connection->server = server;
    connection->tcp = tcp;
    connection->alarm = (struct io_timer){ .fire = on_alarm, .owner = connection };
    connection->turn = (struct io_timer){ .fire = on_turn, .owner = connection };
    connection->ahead = g_byte_array_new();
    http_reader_open(&connection->reader, HTTP_REQUEST, &server->options.limits);
    http_output_open(&connection->output);
    connection->next = server->first;
    if (server->first)
        server->first->previous = connection;
    server->first = connection;
    server->connections++;
    server->counters.connections++;
    tcp->ops->prompt(tcp, true);
    arm(connection, server->options.idle_timeout);
    server->io->ops->arm(server->io, &connection->turn, server->io->ops->now(server->io),
                         true); /* what has come already */
}

static void
on_refused(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    (void)owner, (void)tcp, (void)ready, (void)result;
}

static void
on_listener(void *owner, struct io_tcp *listener, enum io_ready ready, enum io_result result)
{
    struct http_server *server = owner;
    bool more = ready == IO_ACCEPT;

    (void)result;
    while (more) {
        bool full = server->connections >= server->options.connections;
        struct connection *connection = full ? NULL : g_new0(struct connection, 1);
        struct io_tcp *tcp = listener->ops->accept(listener, full ? on_refused : on_stream, connection);

        more = tcp != NULL;
        if (more && full) {
            server->counters.refused++;
            tcp->ops->close(tcp, true);
        } else if (more) {
            connection_new(server, tcp);
        } else {
            g_free(connection);
        }
    }
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static bool
open_listeners(struct http_server *server, enum io_result *why)
{
    struct io *io = server->io;

    for (size_t i = 0; i < server->options.listens; i++) {
        struct io_tcp *listener = io->ops->listen(io, &server->options.listen[i], false, on_listener, server, why);

        if (!listener)
            return false;
        server->listeners[server->listening++] = listener;
    }
    return true;
}

struct http_server *
http_server_new(struct io *io, const struct http_server_options *options, enum io_result *why)
{
    g_autoptr(http_server) server = g_new0(struct http_server, 1);
    bool opened;

    g_assert(options->listens >= 1 && options->listens <= HTTP_SERVER_MAX_LISTEN);
    g_assert(!options->name || http_is_field_text(span_of_text(options->name)));
    server->io = io;
    server->options = *options;
    server->name = g_strdup(options->name);
    opened = open_listeners(server, why);
    server->options.listen = NULL; /* borrowed for this call */
    return opened ? g_steal_pointer(&server) : NULL;
}

void
http_server_free(struct http_server *server)
{
    if (!server)
        return;
    while (server->first)
        connection_free(server->first, true);
    for (size_t i = 0; i < server->listening; i++)
        server->listeners[i]->ops->close(server->listeners[i], false);
    g_free(server->name);
    g_free(server);
}

struct endpoint
http_server_local(const struct http_server *server, size_t n)
{
    g_assert(n < server->listening);
    return server->listeners[n]->ops->local(server->listeners[n]);
}

const struct http_server_counters *
http_server_counters(const struct http_server *server)
{
    return &server->counters;
}
