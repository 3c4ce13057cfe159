/* The HTTP server and client: against each other, and each against a peer played by hand. RFC 9112 section 9. */
#include "tests/unit/support.h"

#include "proto/http/client.h"
#include "proto/http/server.h"
#include "tests/unit/support_io.h"

#define PORT 8080

static struct fake_io *host, *far;
static struct http_server *server;
static struct http_client *client;
static struct endpoint server_at;

/* The raw peer: a stream without an engine. */
struct raw {
    struct io_tcp *tcp;
    GString *got;
    bool connected, ended, failed;
};

static struct raw raw;

static void
raw_read(void)
{
    char bytes[512];
    enum io_result why = IO_OK;
    ssize_t got;

    while ((got = raw.tcp->ops->read(raw.tcp, bytes, sizeof bytes, &why)) > 0)
        g_string_append_len(raw.got, bytes, got);
    raw.ended |= got == 0;
}

static void
on_raw(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    (void)owner, (void)result;
    raw.tcp = tcp;
    raw.connected |= ready == IO_CONNECTED;
    raw.failed |= ready == IO_FAILED;
    if (ready == IO_READABLE)
        raw_read();
}

static void
carry(void)
{
    do {
        fake_io_advance(host, 0);
        fake_io_advance(far, 0);
    } while (fake_io_carry_streams(host, far));
}

static void
pass(int64_t duration)
{
    carry();
    while (duration > 0) {
        int64_t next = MIN(fake_io_next(host), fake_io_next(far));
        int64_t part = CLAMP(next - host->now, 1, duration);

        fake_io_advance(host, part);
        fake_io_advance(far, part);
        duration -= part;
        carry();
    }
}

static void
raw_connect(void)
{
    struct endpoint any = { ADDRESS_NONE, 0 };
    enum io_result why;

    raw = (struct raw){ .got = raw.got };
    g_string_set_size(raw.got, 0);
    raw.tcp = host->io.ops->connect(&host->io, &any, &server_at, false, on_raw, NULL, &why);
    carry();
    CHECK(raw.connected);
}

/* All of it, as fast as the windows allow. */
static void
raw_send(const char *text)
{
    size_t length = strlen(text);

    for (int tries = 0; length > 0 && tries < 1000; tries++) {
        enum io_result why;
        ssize_t taken = raw.tcp->ops->write(raw.tcp, text, length, &why);

        if (taken > 0) {
            text += taken;
            length -= (size_t)taken;
        }
        carry();
    }
    CHECK(length == 0);
}

static void
raw_close(void)
{
    raw.tcp->ops->close(raw.tcp, false);
    raw.tcp = NULL;
    carry();
}

/* --- what the server's handler does ------------------------------------------------------------------------------ */

enum then { ANSWER, HOLD, FREE_SERVER, BAD_FIELD };

static struct {
    enum then then;
    unsigned requests, gone;
    GString *targets, *body;
    struct http_exchange *held;
    struct endpoint peer;
} seen;

static void
answer(struct http_exchange *exchange)
{
    struct http_request request = http_exchange_request(exchange);
    static const struct http_pair bad[] = { { "X", "a\r\nY: b" }, { NULL, NULL } };
    g_autofree char *text = g_strndup((const char *)request.head->target.bytes, request.head->target.length);
    struct http_response response = {
        .status = 200, .type = "text/plain", .body = span_of_text(text), .fields = seen.then == BAD_FIELD ? bad : NULL
    };

    http_exchange_respond(exchange, &response);
}

static void
on_gone(void *owner, struct http_exchange *exchange)
{
    CHECK(owner == &seen && exchange == seen.held);
    CHECK(http_exchange_data(exchange) == &raw);
    seen.held = NULL;
    seen.gone++;
}

static void
on_request(void *owner, struct http_exchange *exchange)
{
    struct http_request request = http_exchange_request(exchange);

    CHECK(owner == &seen);
    seen.requests++;
    seen.peer = request.peer;
    g_string_append_len(seen.targets, (const char *)request.head->target.bytes, (gssize)request.head->target.length);
    g_string_set_size(seen.body, 0);
    if (request.body.length)
        g_string_append_len(seen.body, (const char *)request.body.bytes, (gssize)request.body.length);
    if (seen.then == HOLD) {
        seen.held = exchange;
        http_exchange_set_data(exchange, &raw);
        http_exchange_on_gone(exchange, on_gone, &seen);
    } else if (seen.then == FREE_SERVER) {
        http_server_free(server);
        server = NULL;
    } else {
        answer(exchange);
    }
}

static void
server_open(void)
{
    struct http_server_options options = HTTP_SERVER_DEFAULTS;
    enum io_result why = IO_OK;

    options.listen = &server_at;
    options.listens = 1;
    options.limits.body = 4096;
    options.connections = 3;
    options.handler = on_request;
    options.owner = &seen;
    server = http_server_new(&far->io, &options, &why);
    CHECK(server != NULL);
}

static void
set_up(void)
{
    host = fake_io_new("10.0.0.2");
    far = fake_io_new("198.51.100.1");
    server_at = (struct endpoint){ far->address, PORT };
    raw.got = g_string_new(NULL);
    memset(&seen, 0, sizeof seen);
    seen.targets = g_string_new(NULL);
    seen.body = g_string_new(NULL);
    client = http_client_new(&host->io, &HTTP_LIMITS_DEFAULT, "test");
    server_open();
}

static void
tear_down(void)
{
    if (raw.tcp)
        raw.tcp->ops->close(raw.tcp, true);
    http_client_free(client);
    http_server_free(server);
    CHECK(fake_io_free(host));
    CHECK(fake_io_free(far));
    g_string_free(raw.got, TRUE);
    g_string_free(seen.targets, TRUE);
    g_string_free(seen.body, TRUE);
    raw = (struct raw){ 0 };
}

/* --- the server, against a raw peer ------------------------------------------------------------------------------ */

#define OK_A "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n/a"
#define GET(target) "GET " target " HTTP/1.1\r\nHost: h\r\n\r\n"

static const struct {
    const char *name, *request, *response;
    bool ended;
} rows[] = {
    { "GET", GET("/a"), OK_A, false },
    { "two, pipelined (9112 9.3.2)", GET("/a") GET("/a"), OK_A OK_A, false },
    { "close is said (9112 9.6)", "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n\r\n/a", true },
    { "HTTP/1.0", "GET /a HTTP/1.0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n\r\n/a", true },
    { "HTTP/1.0 keep-alive", "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n/a", false },
    { "HEAD (9110 9.3.2)", "HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n", false },
    { "malformed", "GET /a\r\n\r\n" GET("/b"),
      "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", true },
    { "good, then malformed", GET("/a") "X\r\n\r\n",
      OK_A "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", true },
    { "smuggled (9112 11.2)",
      "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" GET("/b"),
      "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", true },
    { "unknown coding (9112 6.1)", "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: br\r\n\r\n",
      "HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", true },
    { "too long (9110 15.5.14)", "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 4097\r\n\r\n",
      "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", true },
    { "100-continue (9110 10.1.1)", "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n",
      "HTTP/1.1 100 Continue\r\n\r\n", false },
};

static void
test_server_rows(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (size_t piece = 1; piece <= 65536; piece *= 256) {
            far->piece = host->piece = piece;
            far->window = piece == 1 ? 16 : 65536; /* the server writes little at a time too */
            raw_connect();
            raw_send(rows[i].request);
            CHECK_ROW_TEXT(rows[i].name, raw.got->str, rows[i].response);
            CHECK_ROW(rows[i].name, raw.ended == rows[i].ended);
            raw_close();
        }
    }
}

/* Body and 100 (Continue) together. */
static void
test_body(void)
{
    raw_connect();
    raw_send("POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n");
    CHECK_ROW_TEXT("asked on", raw.got->str, "HTTP/1.1 100 Continue\r\n\r\n");
    raw_send("3\r\nabc\r\n");
    CHECK_ROW_INT("not yet", seen.requests, 0);
    raw_send("2\r\nde\r\n0\r\n\r\n");
    CHECK_ROW_INT("whole", seen.requests, 1);
    CHECK_ROW_TEXT("body", seen.body->str, "abcde");
    CHECK(address_equal(seen.peer.address, host->address));
}

/* A deferred answer holds back the next request, and is no call inside a call. */
static void
test_deferred(void)
{
    seen.then = HOLD;
    raw_connect();
    raw_send(GET("/a") GET("/b"));
    CHECK_ROW_INT("one at a time", seen.requests, 1);
    pass(TIME_MIN * 10);
    CHECK_ROW_TEXT("held", raw.got->str, "");
    seen.then = ANSWER;
    answer(seen.held);
    CHECK_ROW_INT("no call inside a call", seen.requests, 1);
    carry();
    CHECK_ROW_INT("then the next", seen.requests, 2);
    CHECK_ROW_TEXT("in order", seen.targets->str, "/a/b");
    CHECK(g_str_has_suffix(raw.got->str, "/b"));
}

/* The client leaves while it waits: by closing, and by a reset. */
static void
test_gone(void)
{
    seen.then = HOLD;
    for (unsigned i = 1; i <= 2; i++) {
        raw_connect();
        raw_send(GET("/poll"));
        CHECK(seen.held != NULL);
        raw.tcp->ops->close(raw.tcp, i == 2);
        raw.tcp = NULL;
        carry();
        CHECK_ROW_INT("gone", seen.gone, i);
    }
    CHECK_ROW_UINT("counted", http_server_counters(server)->gone, 2);
}

/* A peer that pours in requests while it waits is not read beyond a few kilobytes. */
static void
test_flood_while_held(void)
{
    g_autoptr(GString) flood = g_string_new(NULL);
    enum io_result why = IO_OK;
    size_t sent = 0;
    ssize_t taken;

    host->window = far->window = 1024;
    seen.then = HOLD;
    while (flood->len < 65536)
        g_string_append(flood, GET("/a"));
    raw_connect();
    while ((taken = raw.tcp->ops->write(raw.tcp, flood->str + sent, flood->len - sent, &why)) > 0) {
        sent += (size_t)taken;
        carry();
    }
    CHECK(why == IO_AGAIN);
    CHECK_ROW("bounded", sent < 8192);
    CHECK_ROW_INT("one at a time", seen.requests, 1);
}

static void
test_server_timeouts(void)
{
    raw_connect();
    pass(TIME_MIN - 1);
    CHECK(!raw.ended);
    pass(1);
    CHECK_ROW("idle", raw.ended);
    raw_close();

    raw_connect();
    raw_send("GET /a HT");
    pass(30 * TIME_S - 1);
    CHECK_ROW_TEXT("slow", raw.got->str, "");
    pass(1);
    CHECK_ROW_TEXT("408 (9110 15.5.9)", raw.got->str,
                   "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    CHECK(raw.ended);
    pass(TIME_MIN); /* and does not close its own side */
    CHECK(raw.failed);
    CHECK_ROW_UINT("counted", http_server_counters(server)->timeouts, 1);
}

/* One that takes none of its response is let go. */
static void
test_stalled_reader(void)
{
    far->window = host->window = 8;
    raw_connect();
    raw.tcp->ready = NULL;
    raw_send(GET("/a"));
    CHECK_ROW_INT("asked", seen.requests, 1);
    pass(30 * TIME_S - 1);
    raw_read();
    CHECK_ROW("not yet reset", !raw.ended && raw.got->len == 8);
    raw.tcp->ready = on_raw;
    pass(TIME_MIN);
    CHECK_ROW_TEXT("one that goes on reading gets it", raw.got->str, OK_A);
    raw_close();

    raw_connect();
    raw.tcp->ready = NULL;
    raw_send(GET("/a"));
    pass(30 * TIME_S);
    raw.tcp->ready = on_raw;
    raw_read();
    CHECK_ROW("reset", raw.got->len < sizeof OK_A - 1 && !raw.ended);
}

static void
test_connections_limited(void)
{
    struct endpoint any = { ADDRESS_NONE, 0 };
    struct io_tcp *extra[3];
    enum io_result why;

    for (size_t i = 0; i < G_N_ELEMENTS(extra); i++)
        extra[i] = host->io.ops->connect(&host->io, &any, &server_at, false, on_raw, NULL, &why);
    carry();
    raw_connect();
    CHECK_ROW("the fourth is reset", raw.failed);
    CHECK_ROW_UINT("refused", http_server_counters(server)->refused, 1);
    for (size_t i = 0; i < G_N_ELEMENTS(extra); i++)
        extra[i]->ops->close(extra[i], false);
    carry();
    raw_close();
    raw_connect();
    raw_send(GET("/a"));
    CHECK_ROW_TEXT("room again", raw.got->str, OK_A);
}

static void
test_server_freed_in_handler(void)
{
    seen.then = FREE_SERVER;
    raw_connect();
    raw_send(GET("/a") GET("/b"));
    CHECK(server == NULL);
    CHECK_ROW_INT("once", seen.requests, 1);
    carry();
    CHECK(raw.failed);
}

static void
test_unwritable_response(void)
{
    seen.then = BAD_FIELD;
    raw_connect();
    raw_send(GET("/a"));
    CHECK_ROW_TEXT("500", raw.got->str, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");
}

static void
test_port_taken(void)
{
    struct http_server_options options = HTTP_SERVER_DEFAULTS;
    struct endpoint both[] = { { far->address, PORT + 1 }, server_at };
    enum io_result why = IO_OK;

    options.listen = both;
    options.listens = 2;
    options.handler = on_request;
    CHECK(!http_server_new(&far->io, &options, &why));
    CHECK_ROW_TEXT("why", io_result_word(why), "in-use");
    CHECK_ROW_UINT("and the first is let go", fake_io_streams(far), 1);
}

/* --- the client, against the server ------------------------------------------------------------------------------ */

static struct {
    unsigned calls;
    enum http_outcome outcome;
    unsigned status;
    GString *body;
    enum io_result io;
    enum http_fault fault;
    int64_t at;
    bool again, free_client;
} told;

static void ask(const char *method, const char *target, const char *body);

static void
on_done(void *owner, struct http_call *call, const struct http_result *result)
{
    (void)owner;
    told.calls++;
    told.outcome = result->outcome;
    told.status = result->head ? result->head->status : 0;
    told.io = result->io;
    told.fault = result->fault;
    told.at = host->now;
    g_string_set_size(told.body, 0);
    if (result->body.length)
        g_string_append_len(told.body, (const char *)result->body.bytes, (gssize)result->body.length);
    http_call_cancel(call); /* does nothing here */
    if (told.again) {
        told.again = false;
        ask("GET", "/again", "");
    }
    if (told.free_client) {
        http_client_free(client);
        client = NULL;
    }
}

static void
ask(const char *method, const char *target, const char *body)
{
    struct http_ask asked = {
        .server = server_at, .method = method, .target = target, .body = span_of_text(body), .done = on_done
    };

    http_client_ask(client, &asked);
}

static void
set_up_client(void)
{
    set_up();
    memset(&told, 0, sizeof told);
    told.body = g_string_new(NULL);
}

static void
tear_down_client(void)
{
    tear_down();
    g_string_free(told.body, TRUE);
}

static void
test_ask(void)
{
    ask("GET", "/a", "");
    CHECK(fake_io_busy(host));
    CHECK_ROW_INT("not inside the call", told.calls, 0);
    carry();
    CHECK_ROW_INT("calls", told.calls, 1);
    CHECK_ROW_TEXT("outcome", http_outcome_word(told.outcome), "answered");
    CHECK_ROW_INT("status", told.status, 200);
    CHECK_ROW_TEXT("body", told.body->str, "/a");
    CHECK(!fake_io_busy(host));
    CHECK_ROW_UINT("kept", http_client_idle(client), 1);

    ask("POST", "/b", "hello");
    carry();
    CHECK_ROW_INT("calls", told.calls, 2);
    CHECK_ROW_TEXT("body sent", seen.body->str, "hello");
    CHECK_ROW_UINT("one connection for both", http_server_counters(server)->connections, 1);
    pass(HTTP_CLIENT_IDLE_TIME);
    CHECK_ROW_UINT("not for ever", http_client_idle(client), 0);
}

/* The next request from within `done`, and the client freed there. */
static void
test_done_may(void)
{
    told.again = true;
    ask("GET", "/a", "");
    carry();
    CHECK_ROW_INT("calls", told.calls, 2);
    CHECK_ROW_TEXT("body", told.body->str, "/again");
    told.free_client = true;
    ask("GET", "/b", "");
    ask("GET", "/c", "");
    carry();
    CHECK_ROW_INT("calls", told.calls, 3);
    CHECK(client == NULL);
}

/* The server closes a kept connection just when the next request goes out: sent again if that is safe (9112 9.3.1). */
static void
test_stale(void)
{
    static const struct {
        const char *name, *method, *outcome;
    } stale[] = { { "GET again", "GET", "answered" }, { "POST not", "POST", "closed" } };

    for (size_t i = 0; i < G_N_ELEMENTS(stale); i++) {
        told.calls = 0;
        ask("GET", "/a", "");
        carry();
        fake_io_break_streams(far);
        ask(stale[i].method, "/b", "");
        carry();
        CHECK_ROW_INT(stale[i].name, told.calls, 2);
        CHECK_ROW_TEXT(stale[i].name, http_outcome_word(told.outcome), stale[i].outcome);
    }
}

/* A kept connection whose address the host has lost leads nowhere, and nobody has said so: it is passed over. */
static void
test_stranded(void)
{
    ask("GET", "/a", "");
    carry();
    CHECK_ROW_UINT("kept", http_client_idle(client), 1);
    CHECK(address_parse("192.0.2.77", &host->address));
    ask("GET", "/b", "");
    carry();
    CHECK_ROW_INT("calls", told.calls, 2);
    CHECK_ROW_TEXT("outcome", http_outcome_word(told.outcome), "answered");
    CHECK_ROW_UINT("another connection", http_server_counters(server)->connections, 2);
}

static void
test_timeout_and_cancel(void)
{
    struct http_ask asked = {
        .server = server_at, .method = "GET", .target = "/", .timeout = 5 * TIME_S, .idle = true, .done = on_done
    };

    seen.then = HOLD;
    http_client_ask(client, &asked);
    CHECK_ROW("a long poll is idle", !fake_io_busy(host));
    pass(5 * TIME_S - 1);
    CHECK_ROW_INT("calls", told.calls, 0);
    pass(1);
    CHECK_ROW_INT("calls", told.calls, 1);
    CHECK_ROW_TEXT("outcome", http_outcome_word(told.outcome), "timeout");
    CHECK_ROW_UINT("the server hears of it", http_server_counters(server)->gone, 1);

    http_call_cancel(http_client_ask(client, &asked));
    pass(TIME_MIN);
    CHECK_ROW_INT("silent", told.calls, 1);
    CHECK_ROW_UINT("outstanding", http_client_outstanding(client), 0);
}

static void
test_unreachable(void)
{
    server_at.port++;
    ask("GET", "/a", "");
    carry();
    CHECK_ROW_TEXT("refused", http_outcome_word(told.outcome), "unreachable");
    CHECK_ROW_TEXT("refused", io_result_word(told.io), "refused");
    host->send_result = IO_NO_ROUTE;
    ask("GET", "/a", "");
    CHECK_ROW_INT("later", told.calls, 1);
    carry();
    CHECK_ROW_INT("calls", told.calls, 2);
    CHECK_ROW_TEXT("no route", io_result_word(told.io), "no-route");
    ask("GET", "/a b", "");
    carry();
    CHECK_ROW_TEXT("no target", http_outcome_word(told.outcome), "unsendable");
}

/* --- the client, against a raw server ---------------------------------------------------------------------------- */

static const char *scripted;
static struct io_tcp *scripted_stream;

/* Says its piece once the request has come, and closes. */
static void
on_scripted(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    enum io_result why = IO_OK;
    char bytes[1024];

    (void)owner, (void)result;
    if (ready != IO_READABLE || tcp != scripted_stream)
        return;
    while (tcp->ops->read(tcp, bytes, sizeof bytes, &why) > 0)
        ;
    (void)tcp->ops->write(tcp, scripted, strlen(scripted), &why);
    scripted_stream = NULL;
    tcp->ops->close(tcp, false);
}

static void
on_scripted_listener(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    (void)owner, (void)ready, (void)result;
    scripted_stream = tcp->ops->accept(tcp, on_scripted, NULL);
}

static const struct {
    const char *name, *response, *outcome, *body;
} client_rows[] = {
    { "length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", "answered", "ab" },
    { "until the end", "HTTP/1.1 200 OK\r\n\r\nabc", "answered", "abc" },
    { "of HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nabc", "answered", "abc" },
    { "chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "answered",
      "abc" },
    { "interim first (9110 15.2)",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", "answered",
      "" },
    { "surplus", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 200 OK\r\n\r\n", "answered", "ab" },
    { "cut", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", "closed", "" },
    { "nothing", "", "closed", "" },
    { "garbage", "SSH-2.0-server\r\n\r\n", "malformed", "" },
    { "two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc", "malformed", "" },
    { "bad chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n", "malformed", "" },
    { "too long", "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", "malformed", "" },
};

static void
test_client_rows(void)
{
    struct io_tcp *listener;
    enum io_result why;

    server_at.port++;
    listener = far->io.ops->listen(&far->io, &server_at, false, on_scripted_listener, NULL, &why);
    for (size_t i = 0; i < G_N_ELEMENTS(client_rows); i++) {
        for (size_t piece = 1; piece <= 65536; piece *= 256) {
            const char *name = client_rows[i].name;

            host->piece = piece; /* of what arrives there */
            told.calls = 0;
            scripted = client_rows[i].response;
            ask("GET", "/", "");
            carry();
            CHECK_ROW_INT(name, told.calls, 1);
            CHECK_ROW_TEXT(name, http_outcome_word(told.outcome), client_rows[i].outcome);
            CHECK_ROW_TEXT(name, told.body->str, client_rows[i].body);
            pass(HTTP_CLIENT_IDLE_TIME);
            CHECK_ROW_UINT(name, http_client_idle(client), 0);
        }
    }
    listener->ops->close(listener, false);
}

void
suite_http_engine(void)
{
    UNIT_SUITE("HTTP server", set_up, tear_down, { "requests", test_server_rows }, { "body", test_body },
               { "deferred", test_deferred }, { "gone", test_gone }, { "flood while held", test_flood_while_held },
               { "timeouts", test_server_timeouts }, { "stalled reader", test_stalled_reader },
               { "connections limited", test_connections_limited },
               { "freed in handler", test_server_freed_in_handler },
               { "unwritable response", test_unwritable_response }, { "port taken", test_port_taken });
    UNIT_SUITE("HTTP client", set_up_client, tear_down_client, { "ask", test_ask }, { "done may", test_done_may },
               { "stale", test_stale }, { "stranded", test_stranded },
               { "timeout and cancel", test_timeout_and_cancel }, { "unreachable", test_unreachable },
               { "responses", test_client_rows });
}
