/* Theory of operation.
 *
 * The desk knows what waits for whom. What the engine adds is who waits for it: a *poll* is a GET that found nothing,
 * with its exchange and an alarm at which it is answered with 204. It stands in its peer as `reader`, and ends in one of
 * four ways: a message comes, the alarm, a later GET takes its place, the client has gone. */
#include "proto/http/signal_server.h"

#include "proto/http/signal_kinds.h"

struct poll {
    struct signal_server *server;
    struct signal_peer *peer;
    struct http_exchange *exchange;
    struct io_timer alarm;
    struct poll *next, *previous;
};

struct signal_server {
    struct io *io;
    struct signal_server_options options;
    struct http_server *http;
    struct signal_desk *desk;
    struct poll *polls;
    struct io_timer expiry;
    struct signal_server_counters counters;
    size_t told; /* bytes that `stored` was called with last */
};

static int64_t
now_of(const struct signal_server *server)
{
    return server->io->ops->now(server->io);
}

static void
tell_stored(struct signal_server *server)
{
    size_t bytes = signal_desk_bytes(server->desk);

    if (!server->options.stored || bytes == server->told)
        return;
    server->told = bytes;
    server->options.stored(server->options.owner, bytes);
}

/* --- the journal ------------------------------------------------------------------------------------------------- */

static void
note(struct signal_server *server, const struct record_kind *kind, const struct http_exchange *exchange,
     enum signal_reason reason, struct span from, struct span to)
{
    if (!server->io->ops->listening(server->io))
        return;

    struct http_request request = http_exchange_request(exchange);
    struct record record = { .kind = kind,
                             .rule = (uint16_t)reason,
                             .before = { request.peer.address, request.local.address, request.peer.port,
                                         request.local.port, PROTOCOL_TCP } };

    signal_record_sender(&record, from);
    signal_record_receiver(&record, to);
    server->io->ops->note(server->io, &record);
}

/* --- answers ----------------------------------------------------------------------------------------------------- */

static void
refuse(struct signal_server *server, struct http_exchange *exchange, enum signal_reason reason,
       const struct signal_request *request)
{
    static const struct http_pair allow_post[] = { { "Allow", "POST" }, { NULL, NULL } };
    static const struct http_pair allow_get[] = { { "Allow", "GET" }, { NULL, NULL } };
    g_autofree char *text = g_strdup_printf("%s: %s\n", signal_reason_word(reason), signal_reason_sentence(reason));
    struct http_response response = { .status = signal_reason_status(reason),
                                      .type = "text/plain",
                                      .body = span_of_text(text) };

    if (reason == SIGNAL_REASON_METHOD) /* RFC 9110 section 15.5.6 */
        response.fields = request->method == SIGNAL_POST ? allow_post : allow_get;
    server->counters.refused++;
    note(server, &signal_kind_refused, exchange, reason, span_of(NULL, 0), span_of(NULL, 0));
    http_exchange_respond(exchange, &response);
}

static void
hand(struct signal_server *server, struct http_exchange *exchange, const struct signal_peer *peer,
     const struct signal_message *message)
{
    uint8_t bytes[40];
    struct writer writer = writer_over(bytes, sizeof bytes - 1);

    signal_put_id(&writer, (struct signal_id){ peer->session, message->number });
    bytes[writer_length(&writer)] = '\0';

    const struct http_pair fields[] = { { "Message-From", message->from },
                                        { "Message-Id", (const char *)bytes },
                                        { "Cache-Control", "no-store" },
                                        { NULL, NULL } };
    struct http_response response = { .status = 200, .type = message->type, .body = message->text, .fields = fields };

    server->counters.handed++;
    note(server, &signal_kind_handed, exchange, SIGNAL_REASON_NONE, span_of_text(message->from),
         span_of_text(peer->name));
    http_exchange_respond(exchange, &response);
}

static void
answer_nothing(struct http_exchange *exchange)
{
    static const struct http_pair fields[] = { { "Cache-Control", "no-store" }, { NULL, NULL } };

    http_exchange_respond(exchange, &(struct http_response){ .status = 204, .fields = fields });
}

/* --- polls ------------------------------------------------------------------------------------------------------- */

/* Takes the poll off, and returns the exchange that is to be answered. */
static struct http_exchange *
end_poll(struct poll *poll)
{
    struct signal_server *server = poll->server;
    struct http_exchange *exchange = poll->exchange;

    server->io->ops->disarm(server->io, &poll->alarm);
    poll->peer->reader = NULL;
    signal_desk_touch(server->desk, poll->peer, now_of(server));
    if (poll->previous)
        poll->previous->next = poll->next;
    else
        server->polls = poll->next;
    if (poll->next)
        poll->next->previous = poll->previous;
    g_free(poll);
    return exchange;
}

static void
on_gone(void *owner, struct http_exchange *exchange)
{
    (void)exchange;
    (void)end_poll(owner);
}

static void
on_alarm(void *owner, struct io_timer *timer)
{
    struct poll *poll = owner;
    struct signal_server *server = poll->server;

    (void)timer;
    server->counters.empty++;
    answer_nothing(end_poll(poll));
}

static void
new_poll(struct signal_server *server, struct signal_peer *peer, struct http_exchange *exchange, int64_t wait)
{
    struct poll *poll = g_new0(struct poll, 1);

    poll->server = server;
    poll->peer = peer;
    poll->exchange = exchange;
    poll->alarm = (struct io_timer){ .fire = on_alarm, .owner = poll };
    poll->next = server->polls;
    if (server->polls)
        server->polls->previous = poll;
    server->polls = poll;
    peer->reader = poll;
    http_exchange_on_gone(exchange, on_gone, poll);
    server->io->ops->arm(server->io, &poll->alarm, time_add(now_of(server), wait), false);
}

/* --- requests ---------------------------------------------------------------------------------------------------- */

static void
on_expiry(void *owner, struct io_timer *timer)
{
    struct signal_server *server = owner;
    int64_t next;

    server->counters.expired += signal_desk_expire(server->desk, now_of(server), &next);
    if (next != TIME_NEVER)
        server->io->ops->arm(server->io, timer, next, false);
    tell_stored(server);
}

/* The peer of that name, made if need be; NULL when there are too many. */
static struct signal_peer *
peer_of(struct signal_server *server, struct span name)
{
    struct signal_peer *peer = signal_desk_find(server->desk, name);
    bool first = signal_desk_peers(server->desk) == 0;
    uint64_t session;

    if (peer) {
        signal_desk_touch(server->desk, peer, now_of(server));
        return peer;
    }
    server->io->ops->random(server->io, &session, sizeof session);
    peer = signal_desk_add(server->desk, name, session, now_of(server));
    if (peer && first)
        server->io->ops->arm(server->io, &server->expiry, time_add(now_of(server), server->options.limits.expiry),
                             false);
    return peer;
}

static void
serve_post(struct signal_server *server, struct http_exchange *exchange, const struct signal_request *request)
{
    struct signal_peer *peer = peer_of(server, request->name);
    enum signal_reason reason = SIGNAL_REASON_PEERS_FULL;
    bool repeated = false;

    if (peer)
        reason = signal_desk_put(server->desk, peer, request, http_exchange_request(exchange).body, &repeated);
    if (reason != SIGNAL_REASON_NONE) {
        refuse(server, exchange, reason, request);
        return;
    }
    server->counters.taken += !repeated;
    server->counters.repeated += repeated;
    note(server, repeated ? &signal_kind_repeated : &signal_kind_taken, exchange, reason, request->from,
         request->name);
    http_exchange_respond(exchange, &(struct http_response){ .status = 204 });
    if (peer->reader && !repeated)
        hand(server, end_poll(peer->reader), peer, signal_desk_first(peer));
}

static void
serve_get(struct signal_server *server, struct http_exchange *exchange, const struct signal_request *request)
{
    struct signal_peer *peer = peer_of(server, request->name);
    enum signal_reason reason = SIGNAL_REASON_PEERS_FULL;
    const struct signal_message *message = NULL;

    if (peer)
        reason = signal_desk_next(server->desk, peer, request, &message);
    if (reason != SIGNAL_REASON_NONE) {
        refuse(server, exchange, reason, request);
        return;
    }
    if (peer->reader)
        refuse(server, end_poll(peer->reader), SIGNAL_REASON_SUPERSEDED, request);
    if (message) {
        hand(server, exchange, peer, message);
    } else if (request->wait > 0) {
        new_poll(server, peer, exchange, request->wait);
    } else {
        server->counters.empty++;
        answer_nothing(exchange);
    }
}

static void
on_request(void *owner, struct http_exchange *exchange)
{
    struct signal_server *server = owner;
    struct signal_request request;
    enum signal_reason reason = signal_request_read(http_exchange_request(exchange).head, &request);

    if (reason != SIGNAL_REASON_NONE)
        refuse(server, exchange, reason, &request);
    else if (request.method == SIGNAL_POST)
        serve_post(server, exchange, &request);
    else
        serve_get(server, exchange, &request);
    tell_stored(server);
}

/* --- life -------------------------------------------------------------------------------------------------------- */

struct signal_server *
signal_server_new(struct io *io, const struct signal_server_options *options, enum io_result *why)
{
    struct signal_server *server = g_new0(struct signal_server, 1);
    struct http_server_options http = HTTP_SERVER_DEFAULTS;

    server->io = io;
    server->options = *options;
    server->options.listen = NULL;
    server->desk = signal_desk_new(&options->limits);
    server->expiry = (struct io_timer){ .fire = on_expiry, .owner = server };
    http.listen = options->listen;
    http.listens = options->listens;
    http.connections = options->connections;
    http.limits.body = SIGNAL_TEXT_MAX;
    http.name = "punchlab";
    http.handler = on_request;
    http.owner = server;
    server->http = http_server_new(io, &http, why);
    if (!server->http)
        g_clear_pointer(&server, signal_server_free);
    return server;
}

void
signal_server_free(struct signal_server *server)
{
    if (!server)
        return;
    while (server->polls)
        (void)end_poll(server->polls);
    http_server_free(server->http);
    server->io->ops->disarm(server->io, &server->expiry);
    signal_desk_free(server->desk);
    g_free(server);
}

struct endpoint
signal_server_local(const struct signal_server *server, size_t n)
{
    return http_server_local(server->http, n);
}

const struct signal_server_counters *
signal_server_counters(const struct signal_server *server)
{
    return &server->counters;
}

const struct http_server_counters *
signal_server_http_counters(const struct signal_server *server)
{
    return http_server_counters(server->http);
}

unsigned
signal_server_peers(const struct signal_server *server)
{
    return signal_desk_peers(server->desk);
}
