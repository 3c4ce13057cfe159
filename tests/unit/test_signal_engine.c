/* The signalling server against a peer played by hand, the client against a server played by hand, and the two against
 * each other while connections break. */
#include "tests/unit/support.h"

#include <stdio.h>

#include "proto/http/signal_client.h"
#include "proto/http/signal_kinds.h"
#include "proto/http/signal_server.h"
#include "tests/unit/support_io.h"

static struct fake_io *host, *far;
static struct signal_server *server;
static struct endpoint server_at;
static size_t stored;
static bool mute; /* from the next message on that the server takes it can write nothing */

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
on_stored(void *owner, size_t bytes)
{
    CHECK(owner == &stored && bytes != stored);
    if (mute && bytes > stored)
        far->window = 0;
    stored = bytes;
}

static void
serve(const struct signal_limits *limits)
{
    struct signal_server_options options = SIGNAL_SERVER_DEFAULTS;
    enum io_result why = IO_OK;

    options.listen = &server_at;
    options.stored = on_stored;
    options.owner = &stored;
    if (limits)
        options.limits = *limits;
    server = signal_server_new(&far->io, &options, &why);
    CHECK(server != NULL);
}

/* --- peers by hand ----------------------------------------------------------------------------------------------- */

/* Streams without an engine: connections of ours, or those that a listener of ours took. */
struct raw {
    struct io_tcp *tcp;
    GString *got;
    bool over;
};

enum { RAWS = 4 };

static struct raw raws[RAWS];
static unsigned accepted;
static struct io_tcp *listener;

static void
on_raw(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    struct raw *raw = owner;
    char bytes[512];
    enum io_result why = IO_OK;
    ssize_t got = -1;

    (void)result;
    while (ready == IO_READABLE && (got = tcp->ops->read(tcp, bytes, sizeof bytes, &why)) > 0)
        g_string_append_len(raw->got, bytes, got);
    raw->over |= ready == IO_FAILED || got == 0;
}

static void
raw_connect(struct raw *raw)
{
    struct endpoint any = { ADDRESS_NONE, 0 };
    enum io_result why = IO_OK;

    g_string_set_size(raw->got, 0);
    raw->over = false;
    raw->tcp = host->io.ops->connect(&host->io, &any, &server_at, false, on_raw, raw, &why);
    carry();
}

static void
raw_send(struct raw *raw, const char *text)
{
    enum io_result why = IO_OK;

    CHECK(raw->tcp->ops->write(raw->tcp, text, strlen(text), &why) == (ssize_t)strlen(text));
    carry();
}

static void
raw_close(struct raw *raw)
{
    if (raw->tcp)
        raw->tcp->ops->close(raw->tcp, false);
    raw->tcp = NULL;
    carry();
}

/* What it has read since it was asked last. */
static char *
raw_take(struct raw *raw)
{
    char *text = g_strdup(raw->got->str);

    g_string_set_size(raw->got, 0);
    return text;
}

static void
on_listener(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    (void)owner, (void)ready, (void)result;
    for (;;) {
        struct raw *raw = &raws[accepted % RAWS];
        struct io_tcp *stream = tcp->ops->accept(tcp, on_raw, raw);

        if (!stream)
            break;
        CHECK(raw->tcp == NULL);
        raw->tcp = stream;
        raw->over = false;
        accepted++;
    }
}

static void
listen_by_hand(void)
{
    enum io_result why = IO_OK;

    listener = far->io.ops->listen(&far->io, &server_at, false, on_listener, NULL, &why);
    CHECK(listener != NULL);
}

/* --- the server -------------------------------------------------------------------------------------------------- */

static const char *
post(const char *target, const char *text)
{
    static char request[400];

    snprintf(request, sizeof request, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n%s", target,
             strlen(text), text);
    return request;
}

static const char *
get(const char *target)
{
    static char request[400];

    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", target);
    return request;
}

/* The status, and the body after a space if there is one. */
static void
check_answer(const char *row, struct raw *raw, const char *expected)
{
    g_autofree char *text = raw_take(raw);
    const char *body = strstr(text, "\r\n\r\n");
    g_autofree char *short_form = NULL;

    if (!body)
        short_form = g_strdup(text);
    else
        short_form = g_strdup_printf("%.3s%s%s", text + strlen("HTTP/1.1 "), body[4] ? " " : "", body + 4);
    CHECK_ROW_TEXT(row, short_form, expected);
}

static void
test_server(void)
{
    serve(NULL);
    raw_connect(&raws[0]);
    raw_connect(&raws[1]);
    raw_send(&raws[0], post("/peers/B/from/A?id=1-1", "hello"));
    check_answer("taken", &raws[0], "204");
    CHECK(stored > 5);
    raw_send(&raws[0], post("/peers/B/from/A?id=1-1", "hello"));
    check_answer("once more", &raws[0], "204");
    raw_send(&raws[1], get("/peers/B/messages"));
    CHECK(strstr(raws[1].got->str, "\r\nMessage-From: A\r\n") != NULL);
    CHECK(strstr(raws[1].got->str, "\r\nCache-Control: no-store\r\n") != NULL);
    CHECK(strstr(raws[1].got->str, "\r\nContent-Type: text/plain\r\n") != NULL);

    const char *id = strstr(raws[1].got->str, "\r\nMessage-Id: ");
    struct signal_id read = { 0 };
    g_autofree char *after = NULL;

    CHECK(id != NULL);
    id += strlen("\r\nMessage-Id: ");
    CHECK(signal_id_read(span_of(id, strcspn(id, "\r")), &read) && read.number == 1);
    after = g_strdup_printf("/peers/B/messages?after=%.*s", (int)strcspn(id, "\r"), id);
    check_answer("handed", &raws[1], "200 hello");
    raw_send(&raws[1], get("/peers/B/messages?wait=0"));
    check_answer("again, until it is acknowledged", &raws[1], "200 hello");
    raw_send(&raws[1], get(after));
    CHECK_ROW_UINT("and then dropped", stored, 0);
    check_answer("waits", &raws[1], "");
    CHECK(!fake_io_busy(far)); /* for as long as it likes */
    raw_send(&raws[0], post("/peers/B/from/A?id=1-1", "hello"));
    check_answer("a late copy", &raws[0], "204");
    check_answer("is not for those who wait", &raws[1], "");
    raw_send(&raws[0], post("/peers/B/from/A?id=1-2", ""));
    check_answer("an empty one", &raws[0], "204");
    check_answer("wakes who waits", &raws[1], "200");
    CHECK_ROW_UINT("counts", signal_server_counters(server)->taken, 2);
    CHECK_ROW_UINT("counts", signal_server_counters(server)->repeated, 2);
    CHECK_ROW_UINT("counts", signal_server_counters(server)->handed, 3);
    CHECK_ROW_UINT("journal", fake_io_noted(far, &signal_kind_taken), 2);
    CHECK_ROW_UINT("journal", fake_io_noted(far, &signal_kind_repeated), 2);
    CHECK_ROW_UINT("journal", fake_io_noted(far, &signal_kind_handed), 3);
}

static void
test_waiting(void)
{
    serve(NULL);
    for (int i = 0; i < 3; i++)
        raw_connect(&raws[i]);
    raw_send(&raws[0], get("/peers/B/messages?wait=7"));
    pass(7 * TIME_S - 1);
    check_answer("not yet", &raws[0], "");
    pass(1);
    check_answer("nothing came", &raws[0], "204");
    raw_send(&raws[0], get("/peers/B/messages"));
    raw_send(&raws[1], get("/peers/B/messages"));
    check_answer("a later one takes its place", &raws[0],
                 "409 superseded: a later request waits for the messages of this peer\n");
    raw_close(&raws[1]);
    raw_send(&raws[2], post("/peers/B/from/A", "x"));
    CHECK_ROW_UINT("nothing went to who has left", signal_server_counters(server)->handed, 0);
    raw_send(&raws[0], get("/peers/B/messages"));
    check_answer("but waits", &raws[0], "200 x");
    raw_send(&raws[0], get("/peers/C/messages?wait=60")); /* a connection that ends with the server */
}

static void
test_hostile(void)
{
    static const struct {
        const char *name, *request, *answer;
    } rows[] = {
        { "no such thing", "GET /etc/passwd HTTP/1.1\r\nHost: h\r\n\r\n", "404 no-such-resource: ..." },
        { "a name of dots", "GET /peers/../messages HTTP/1.1\r\nHost: h\r\n\r\n", "400 name: ..." },
        { "a field smuggled in", "POST /peers/B/from/A%0d%0aX:y HTTP/1.1\r\nHost: h\r\n\r\n", "400 name: ..." },
        { "no number", "GET /peers/B/messages?wait=1e9 HTTP/1.1\r\nHost: h\r\n\r\n", "400 query: ..." },
        { "an ID of the future", "GET /peers/B/messages?after=zz-1 HTTP/1.1\r\nHost: h\r\n\r\n", "400 id: ..." },
        { "too long", "POST /peers/B/from/A HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n\r\n", "413" },
        { "no HTTP", "hello\r\n\r\n", "400" },
    };

    serve(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(GStrv) parts = g_strsplit(rows[i].answer, "...", 2);

        raw_connect(&raws[0]);
        raw_send(&raws[0], rows[i].request);

        const char *status = raws[0].got->str + MIN(raws[0].got->len, strlen("HTTP/1.1 "));
        const char *body = strstr(status, "\r\n\r\n");
        g_autofree char *got = g_strdup_printf("%.3s%s%s", status, body && body[4] ? " " : "", body ? body + 4 : "");

        CHECK_ROW(rows[i].name, g_str_has_prefix(got, parts[0]));
        raw_close(&raws[0]);
    }
    raw_connect(&raws[0]);
    raw_send(&raws[0], "DELETE /peers/B/from/A HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(strstr(raws[0].got->str, "405 Method Not Allowed\r\n") && strstr(raws[0].got->str, "\r\nAllow: POST\r\n"));
    CHECK_ROW_UINT("nobody is remembered for that", signal_server_peers(server), 0);
    CHECK_ROW_UINT("journal", fake_io_noted(far, &signal_kind_refused), 6);
}

static void
test_full(void)
{
    struct signal_limits limits = SIGNAL_LIMITS_DEFAULT;

    limits.peers = 2;
    limits.messages = 1;
    serve(&limits);
    raw_connect(&raws[0]);
    raw_send(&raws[0], post("/peers/B/from/A", "x"));
    check_answer("one", &raws[0], "204");
    raw_send(&raws[0], post("/peers/B/from/A", "x"));
    check_answer("two", &raws[0], "429 mailbox-full: too many messages wait for this peer\n");
    raw_send(&raws[0], get("/peers/C/messages?wait=0"));
    check_answer("C", &raws[0], "204");
    raw_send(&raws[0], post("/peers/D/from/A", "x"));
    check_answer("D", &raws[0], "503 peers-full: there are too many peers\n");
    raw_send(&raws[0], get("/peers/D/messages"));
    check_answer("D asks", &raws[0], "503 peers-full: there are too many peers\n");
    pass(limits.expiry);
    CHECK_ROW_UINT("B and C are forgotten", signal_server_counters(server)->expired, 2);
    CHECK_ROW_UINT("with what waited", stored, 0);
    CHECK(fake_io_next(far) == TIME_NEVER || !fake_io_busy(far));
    raw_close(&raws[0]);
    raw_connect(&raws[0]);
    raw_send(&raws[0], post("/peers/D/from/A", "x"));
    check_answer("now there is room", &raws[0], "204");
}

/* --- clients ----------------------------------------------------------------------------------------------------- */

struct party {
    struct signal_client *client;
    GString *heard; /* "text from NAME; " of each message */
    GString *ended; /* the outcome of each letter, and of a wait that was given up */
    bool one;       /* takes one message only */
};

static struct party parties[2];

static void
on_message(void *owner, const struct signal_text *message)
{
    struct party *party = owner;

    g_string_append_printf(party->heard, "%.*s from %.*s; ", (int)message->text.length,
                           message->text.length ? (const char *)message->text.bytes : "", (int)message->peer.length,
                           (const char *)message->peer.bytes);
    if (!party->one)
        signal_client_receive(party->client);
}

static void
on_ended(void *owner, const struct signal_result *result)
{
    struct party *party = owner;

    g_string_append_printf(party->ended, "%s", signal_outcome_word(result->outcome));
    if (result->outcome == SIGNAL_OUTCOME_UNREACHABLE || result->outcome == SIGNAL_OUTCOME_CLOSED)
        g_string_append_printf(party->ended, " %s", io_result_word(result->io));
    if (result->outcome == SIGNAL_OUTCOME_REJECTED)
        g_string_append_printf(party->ended, " %u %s", result->status, signal_reason_word(result->reason));
    g_string_append_printf(party->ended, " %u; ", result->attempts);
}

static void
join(struct party *party, const char *name)
{
    party->client = signal_client_new(&host->io, &(struct signal_client_options){ .server = server_at,
                                                                                 .name = span_of_text(name),
                                                                                 .wait = 20 * TIME_S,
                                                                                 .message = on_message,
                                                                                 .lost = on_ended,
                                                                                 .owner = party });
}

static struct signal_letter *
send_text(struct party *party, const char *to, const char *text)
{
    return signal_client_send(party->client,
                              &(struct signal_text){ span_of_text(to), span_of_text("a/b"), span_of_text(text) },
                              on_ended, party);
}

static void
test_together(void)
{
    struct party *a = &parties[0], *b = &parties[1];

    serve(NULL);
    join(a, "A");
    join(b, "B");
    send_text(a, "B", "one");
    send_text(a, "B", "two");
    CHECK(fake_io_busy(host));
    pass(TIME_S);
    CHECK_ROW_TEXT("taken", a->ended->str, "done 1; done 1; ");
    CHECK_ROW_TEXT("nobody has asked", b->heard->str, "");
    signal_client_receive(b->client);
    signal_client_receive(b->client);
    signal_client_receive(a->client);
    carry();
    CHECK_ROW_TEXT("in order", b->heard->str, "one from A; two from A; ");
    CHECK(!fake_io_busy(host) && !fake_io_busy(far));
    pass(10 * TIME_MIN); /* they are not forgotten */
    send_text(b, "A", "three");
    send_text(b, "B", "four");
    carry();
    CHECK_ROW_TEXT("back", a->heard->str, "three from B; ");
    CHECK_ROW_TEXT("to oneself", b->heard->str, "one from A; two from A; four from B; ");
    CHECK_ROW_UINT("each once", signal_server_counters(server)->handed, 4);
    CHECK_ROW_UINT("none again", signal_client_counters(a->client)->retries, 0);
    CHECK_ROW_UINT("stored", stored, 0); /* all is acknowledged */
}

static void
test_refused_letters(void)
{
    struct party *a = &parties[0];
    g_autofree char *long_text = g_strnfill(SIGNAL_TEXT_MAX + 1, 'x');

    join(a, "A");
    CHECK(!send_text(a, "", "x") && !send_text(a, "B/C", "x") && !send_text(a, "B", long_text));
    CHECK(!signal_client_send(a->client,
                              &(struct signal_text){ span_of_text("B"), span_of_text("a\r\nb"), span_of_text("x") },
                              on_ended, a));
    for (unsigned i = 0; i < SIGNAL_LETTERS; i++)
        CHECK(send_text(a, "B", "x") != NULL);
    CHECK(!send_text(a, "B", "x"));
    CHECK_ROW_UINT("letters", signal_client_letters(a->client), SIGNAL_LETTERS);
}

/* Nobody listens: five times, half a second, one, two and four apart. */
static void
test_refused(void)
{
    struct party *a = &parties[0];

    join(a, "A");
    send_text(a, "B", "x");
    signal_client_receive(a->client);
    pass(7500 * TIME_MS - 1);
    CHECK_ROW_TEXT("not yet", a->ended->str, "");
    CHECK(fake_io_busy(host));
    pass(1);
    CHECK_ROW_TEXT("both", a->ended->str, "unreachable refused 5; unreachable refused 5; ");
    CHECK(!signal_client_receiving(a->client));
    CHECK_ROW_UINT("journal", fake_io_noted(host, &signal_kind_retried), 8);
    CHECK_ROW_UINT("journal", fake_io_noted(host, &signal_kind_failed), 2);
    serve(NULL);
    signal_client_receive(a->client);
    send_text(a, "A", "y");
    carry();
    CHECK_ROW_TEXT("later", a->heard->str, "y from A; ");
}

/* What is under way on all connections is lost, and they are. */
static void
break_connections(void)
{
    fake_io_break_streams(host);
    fake_io_break_streams(far);
    far->window = 65536;
    mute = false;
}

/* The server takes a message, and its answer is lost with the connection; so is what it hands on. */
static void
test_lost_answer(void)
{
    struct party *a = &parties[0], *b = &parties[1];

    serve(NULL);
    join(a, "A");
    join(b, "B");
    mute = true;
    send_text(a, "B", "one");
    send_text(a, "B", "two");
    carry();
    CHECK_ROW_UINT("taken", signal_server_counters(server)->taken, 1);
    CHECK_ROW_TEXT("and not said", a->ended->str, "");
    break_connections();
    pass(TIME_S);
    CHECK_ROW_TEXT("said at the second attempt", a->ended->str, "done 2; done 1; ");
    CHECK_ROW_UINT("not twice", signal_server_counters(server)->repeated, 1);
    signal_client_receive(b->client);
    carry();
    CHECK_ROW_TEXT("heard", b->heard->str, "one from A; two from A; ");
    mute = true;
    send_text(a, "B", "three");
    carry();
    CHECK_ROW_UINT("handed", signal_server_counters(server)->handed, 3);
    CHECK_ROW_TEXT("and not heard", b->heard->str, "one from A; two from A; ");
    break_connections();
    pass(TIME_S);
    CHECK_ROW_TEXT("each once", b->heard->str, "one from A; two from A; three from A; ");
    CHECK_ROW_UINT("handed twice", signal_server_counters(server)->handed, 4);
}

/* Connections break every so often, while both talk. */
static void
test_broken_connections(void)
{
    struct random_stream random = random_stream_of(1, "signal", "breaks");

    serve(NULL);
    for (int i = 0; i < 2; i++) {
        join(&parties[i], i ? "B" : "A");
        signal_client_receive(parties[i].client);
    }
    for (unsigned n = 1; n <= 200; n++) {
        char text[20];

        snprintf(text, sizeof text, "%u", n);
        mute = random_below(&random, 3) == 0;
        for (int i = 0; i < 2; i++)
            send_text(&parties[i], i ? "A" : "B", text);
        carry();
        if (mute || random_below(&random, 3) == 0)
            break_connections();
        pass((int64_t)random_below(&random, 20 * TIME_S));
    }
    pass(TIME_MIN);
    for (int i = 0; i < 2; i++) {
        g_autoptr(GString) expected = g_string_new(NULL);

        for (unsigned n = 1; n <= 200; n++)
            g_string_append_printf(expected, "%u from %c; ", n, i ? 'A' : 'B');
        CHECK_ROW_TEXT("each once, in order", parties[i].heard->str, expected->str);
        CHECK_ROW_UINT("sent", signal_client_counters(parties[i].client)->sent, 200);
    }
    CHECK_ROW_UINT("taken", signal_server_counters(server)->taken, 400);
    CHECK(signal_server_counters(server)->repeated > 10);
    CHECK(signal_server_counters(server)->handed > 410);
}

/* A wait is given up when it fails five times in a row, not when it lasts long and breaks now and then. */
static void
test_breaks_far_apart(void)
{
    struct party *a = &parties[0];

    serve(NULL);
    join(a, "A");
    signal_client_receive(a->client);
    for (int i = 0; i < 20; i++) {
        pass(15 * TIME_S);
        break_connections();
    }
    CHECK_ROW_TEXT("not given up", a->ended->str, "");
    for (int i = 0; i < 4; i++) {
        pass(9 * TIME_S);
        break_connections();
    }
    pass(TIME_S);
    CHECK_ROW_TEXT("given up", a->ended->str, "closed reset 5; ");
}

/* The server is a new one, that numbers from the start. */
static void
test_new_server(void)
{
    struct party *a = &parties[0], *b = &parties[1];

    serve(NULL);
    join(a, "A");
    join(b, "B");
    signal_client_receive(b->client);
    for (int i = 0; i < 3; i++)
        send_text(a, "B", "old");
    pass(TIME_S);
    signal_server_free(server);
    stored = 0;
    serve(NULL);
    send_text(a, "B", "new");
    pass(10 * TIME_S);
    CHECK_ROW_TEXT("heard", b->heard->str, "old from A; old from A; old from A; new from A; ");
}

/* Two under one name: the later takes over, and one of them learns why it hears nothing. */
static void
test_two_of_a_name(void)
{
    struct party *a = &parties[0], *b = &parties[1];

    serve(NULL);
    join(a, "A");
    join(b, "A");
    signal_client_receive(a->client);
    carry();
    signal_client_receive(b->client);
    pass(TIME_MIN);
    CHECK_ROW_TEXT("the earlier", a->ended->str, "rejected 409 superseded 5; ");
    CHECK_ROW_TEXT("the later", b->ended->str, "");
    CHECK(signal_client_receiving(b->client));
}

static void
test_mailbox_full(void)
{
    struct party *a = &parties[0];
    struct signal_limits limits = SIGNAL_LIMITS_DEFAULT;

    limits.messages = 1;
    serve(&limits);
    join(a, "A");
    send_text(a, "B", "x");
    send_text(a, "B", "y");
    send_text(a, "C", "z"); /* isn't held up */
    carry();
    CHECK_ROW_TEXT("two are taken", a->ended->str, "done 1; done 1; ");
    pass(8 * TIME_S);
    CHECK_ROW_TEXT("one was tried", a->ended->str, "done 1; done 1; rejected 429 mailbox-full 5; ");
}

/* Whatever the other side says, it ends, in bounded time, with a word. */
static void
test_strange_server(void)
{
    static const struct {
        const char *name, *answer, *ended;
    } rows[] = {
        { "no HTTP", "hello there\r\n\r\n", "malformed 5; malformed 5; " },
        { "another service", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "malformed 5; malformed 5; " },
        { "another place", "HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\n\r\n<html>", "rejected 404 none 1; rejected "
                                                                                       "404 none 1; " },
        { "a redirection", "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", "malformed 5; malformed "
                                                                                             "5; " },
        { "nothing, at once", "HTTP/1.1 204 No Content\r\n\r\n", "done 1; malformed 5; " },
        { "a message from nobody", "HTTP/1.1 200 OK\r\nMessage-Id: 1-1\r\nContent-Length: 0\r\n\r\n", "malformed 5; "
                                                                                                     "malformed 5; " },
        { "of no number", "HTTP/1.1 200 OK\r\nMessage-From: B\r\nContent-Length: 0\r\n\r\n", "malformed 5; malformed "
                                                                                             "5; " },
        { "silence", "", "timeout 5; timeout 5; " },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct party *a = &parties[0];

        accepted = 0;
        listen_by_hand();
        join(a, "A");
        send_text(a, "B", "x");
        signal_client_receive(a->client);
        for (int step = 0; step < 400; step++) {
            pass(TIME_S);
            for (int n = 0; n < RAWS; n++) {
                if (!raws[n].tcp)
                    continue;
                if (raws[n].over)
                    raw_close(&raws[n]);
                else if (raws[n].got->len > 0 && *rows[i].answer)
                    raw_send(&raws[n], rows[i].answer);
                g_string_set_size(raws[n].got, 0);
            }
        }
        CHECK_ROW_TEXT(rows[i].name, a->ended->str, rows[i].ended);
        CHECK_ROW_TEXT(rows[i].name, a->heard->str, "");
        signal_client_free(a->client);
        a->client = NULL;
        g_string_set_size(a->ended, 0);
        for (int n = 0; n < RAWS; n++)
            raw_close(&raws[n]);
        listener->ops->close(listener, false);
        listener = NULL;
    }
}

static void
test_cancel(void)
{
    struct party *a = &parties[0];
    struct signal_letter *first, *second;

    serve(NULL);
    join(a, "A");
    a->one = true;
    first = send_text(a, "A", "x");
    second = send_text(a, "A", "y");
    send_text(a, "A", "z");
    signal_letter_cancel(second);
    signal_letter_cancel(first);
    signal_client_receive(a->client);
    pass(TIME_S);
    CHECK_ROW_TEXT("the third", a->heard->str, "z from A; ");
    CHECK_ROW_TEXT("alone", a->ended->str, "done 1; ");
}

/* --- set-up ------------------------------------------------------------------------------------------------------ */

static void
set_up(void)
{
    host = fake_io_new("10.0.0.2");
    far = fake_io_new("198.51.100.1");
    server_at = (struct endpoint){ far->address, SIGNAL_PORT };
    stored = 0;
    mute = false;
    accepted = 0;
    for (int i = 0; i < RAWS; i++)
        raws[i] = (struct raw){ .got = g_string_new(NULL) };
    for (int i = 0; i < 2; i++)
        parties[i] = (struct party){ .heard = g_string_new(NULL), .ended = g_string_new(NULL) };
}

static void
tear_down(void)
{
    for (int i = 0; i < 2; i++) {
        g_clear_pointer(&parties[i].client, signal_client_free);
        g_string_free(parties[i].heard, TRUE);
        g_string_free(parties[i].ended, TRUE);
    }
    for (int i = 0; i < RAWS; i++)
        raw_close(&raws[i]);
    g_clear_pointer(&server, signal_server_free);
    carry();
    for (int i = 0; i < RAWS; i++)
        g_string_free(raws[i].got, TRUE);
    CHECK(fake_io_free(host));
    CHECK(fake_io_free(far));
}

void
suite_signal_engine(void)
{
    UNIT_SUITE("signal engine", set_up, tear_down, { "server", test_server }, { "waiting", test_waiting },
               { "hostile requests", test_hostile }, { "full", test_full }, { "together", test_together },
               { "letters that are none", test_refused_letters }, { "nobody listens", test_refused },
               { "a lost answer", test_lost_answer }, { "broken connections", test_broken_connections },
               { "breaks far apart", test_breaks_far_apart },
               { "a new server", test_new_server }, { "two of a name", test_two_of_a_name },
               { "a full mailbox", test_mailbox_full }, { "a strange server", test_strange_server },
               { "cancelled", test_cancel });
}
