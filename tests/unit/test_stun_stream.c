/* STUN over TCP: RFC 8489 sections 6.2.2 and 12, the server and the client on hosts of the small network. */
#include "core/net/stack_private.h"
#include "core/net/tcp_socket.h"
#include "proto/stun/client.h"
#include "proto/stun/connections.h"
#include "proto/stun/kinds.h"
#include "proto/stun/server.h"
#include "tests/unit/support.h"
#include "tests/unit/support_net.h"

#define SERVER "198.51.100.1:3478"
#define ID "0102030405060708090a0b0c"
#define REQUEST "0001 0000 2112a442" ID
#define INDICATION "0011 0000 2112a442" ID
#define CUT_ATTRIBUTE "0001 0004 2112a442" ID "80220008" /* well framed, and malformed */

static struct net_trio trio;
static struct stun_server *server;

static struct stun_server *
serve(struct stun_server_options options)
{
    enum io_result why;
    struct stun_server *made;

    options.software = NULL;
    made = stun_server_new(node_io(trio.b), &options, &why);
    CHECK(made != NULL);
    return made;
}

static void
start_server(void)
{
    server = serve(STUN_SERVER_DEFAULTS);
}

static void
set_up(void)
{
    net_trio_start(&trio);
    start_server();
}

static void
tear_down(void)
{
    stun_server_free(server);
    net_run(trio.world, 10 * TIME_MIN);
    CHECK_ROW_UINT("nothing is left", tcp_connection_count(stack_tcp(node_stack(trio.a))), 0);
    CHECK_ROW_UINT("nothing is left", tcp_connection_count(stack_tcp(node_stack(trio.b))), 0);
    net_trio_end(&trio);
}

/* --- a client of bytes ------------------------------------------------------------------------------------------- */

struct raw {
    struct io_tcp *tcp; /* NULL: closed */
    GByteArray *got;
    bool reads, ended;
    enum io_result failure;
};

static void
raw_read(struct raw *raw)
{
    uint8_t bytes[3000];
    enum io_result why;
    ssize_t got;

    while ((got = raw->tcp->ops->read(raw->tcp, bytes, sizeof bytes, &why)) > 0)
        g_byte_array_append(raw->got, bytes, (guint)got);
    raw->ended |= got == 0;
}

static void
raw_ready(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    struct raw *raw = owner;

    (void)tcp;
    if (ready == IO_FAILED)
        raw->failure = result;
    else if (ready == IO_READABLE && raw->reads)
        raw_read(raw);
}

static void
raw_open(struct raw *raw)
{
    struct endpoint any = { ADDRESS_NONE, 0 }, to = net_endpoint(SERVER);
    struct io *io = node_io(trio.a);
    enum io_result why;

    *raw = (struct raw){ .got = g_byte_array_new(), .reads = true };
    raw->tcp = io->ops->connect(io, &any, &to, true, raw_ready, raw, &why);
    CHECK(raw->tcp != NULL);
    raw->tcp->ops->prompt(raw->tcp, true);
    net_run(trio.world, 100 * TIME_MS);
}

static void
raw_write(struct raw *raw, struct span bytes)
{
    enum io_result why;

    CHECK_ROW_INT("written", raw->tcp->ops->write(raw->tcp, bytes.bytes, bytes.length, &why), (ssize_t)bytes.length);
}

static void
raw_end(struct raw *raw)
{
    if (raw->tcp)
        raw->tcp->ops->close(raw->tcp, false);
    g_byte_array_unref(raw->got);
}

/* --- the server -------------------------------------------------------------------------------------------------- */

/* What is written, in pieces of every length, and what comes of it. */
static void
test_server(void)
{
    static const struct {
        const char *name, *bytes;
        unsigned answers, indications, malformed, broken;
        bool reset;
    } rows[] = {
        { "a request", REQUEST, 1, 0, 0, 0, false },
        { "three at once", REQUEST REQUEST REQUEST, 3, 0, 0, 0, false },
        { "an indication and a request", INDICATION REQUEST, 1, 1, 0, 0, false },
        { "malformed within its length, then a good one", CUT_ATTRIBUTE REQUEST, 1, 0, 1, 0, false },
        { "half a request", "0001 0000 2112", 0, 0, 0, 0, false },
        { "garbage behind a request", REQUEST "474554", 1, 0, 0, 1, true },
        { "garbage", "474554202f", 0, 0, 0, 1, true },
        { "RFC 3489", "0001 0000 deadbeef" ID, 0, 0, 0, 1, true },
        { "ChannelData", "4000 0004 01020304", 0, 0, 0, 1, true },
    };
    static const size_t pieces[] = { 1, 3, 20, 21, 100 };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        for (size_t p = 0; p < G_N_ELEMENTS(pieces); p++) {
            g_autoptr(GBytes) bytes = unit_hex(rows[i].bytes);
            struct stun_server_counters before = *stun_server_counters(server), after;
            struct span rest = unit_span(bytes);
            struct raw raw;

            raw_open(&raw);
            while (rest.length > 0 && raw.failure == IO_OK) {
                size_t length = MIN(pieces[p], rest.length);

                raw_write(&raw, span_of(rest.bytes, length));
                rest = span_of(rest.bytes + length, rest.length - length);
                net_run(trio.world, 100 * TIME_MS);
            }
            net_run(trio.world, 200 * TIME_MS); /* Nagle's algorithm holds small answers back until others are known */
            after = *stun_server_counters(server);
            CHECK_ROW_UINT(rows[i].name, raw.got->len, rows[i].answers * 44);
            CHECK_ROW_UINT(rows[i].name, after.successes - before.successes, rows[i].answers);
            CHECK_ROW_UINT(rows[i].name, after.indications - before.indications, rows[i].indications);
            CHECK_ROW_UINT(rows[i].name, after.malformed - before.malformed, rows[i].malformed);
            CHECK_ROW_UINT(rows[i].name, after.broken - before.broken, rows[i].broken);
            CHECK_ROW_UINT(rows[i].name, after.connections - before.connections, 1);
            CHECK_ROW_INT(rows[i].name, raw.failure, rows[i].reset ? IO_RESET : IO_OK);
            raw_end(&raw);
            net_run(trio.world, TIME_S);
        }
    CHECK_ROW_UINT("each is journalled", net_journal_count(&trio.journal, &stun_kind_broken, DROP_MALFORMED_STUN),
                   stun_server_counters(server)->broken);
}

/* Section 6.3.1.1: the address that the request came from, over TCP as over UDP. The answer has no FINGERPRINT, since the
 * request had none. */
static void
test_answer(void)
{
    g_autoptr(GBytes) request = unit_hex(REQUEST);
    struct stun_message message;
    struct stun_value mapped;
    struct raw raw;

    raw_open(&raw);
    raw_write(&raw, unit_span(request));
    net_run(trio.world, TIME_S);
    CHECK(stun_message_decode(net_span(raw.got), &message) == STUN_FAULT_NONE);
    CHECK(stun_message_get(&message, STUN_XOR_MAPPED_ADDRESS, &mapped) == STUN_PRESENT);
    CHECK(endpoint_equal(mapped.endpoint, raw.tcp->ops->local(raw.tcp)));
    CHECK_ROW_UINT("served", net_journal_last(&trio.journal, &stun_kind_served)->before.protocol, PROTOCOL_TCP);
    raw_end(&raw);
}

/* The client closes its half at once: it is answered all the same, and the server closes too. */
static void
test_half_close(void)
{
    g_autoptr(GBytes) request = unit_hex(REQUEST REQUEST);
    struct raw raw;

    raw_open(&raw);
    raw_write(&raw, unit_span(request));
    raw.tcp->ops->shutdown(raw.tcp);
    net_run(trio.world, TIME_S);
    CHECK_ROW_UINT("answers", raw.got->len, 88);
    CHECK(raw.ended);
    raw_end(&raw);
}

/* A client that asks and never takes an answer is no longer read, so that it gets stuck and not the server fat. */
static void
test_never_reads(void)
{
    enum { ROUNDS = 3000 };
    g_autoptr(GBytes) request = unit_hex(REQUEST);
    struct span bytes = unit_span(request);
    uint64_t given = 0, answered;
    enum io_result why;
    size_t at = 0;
    struct raw raw;

    raw_open(&raw);
    raw.reads = false;
    for (unsigned round = 0; round < ROUNDS;) {
        ssize_t taken = raw.tcp->ops->write(raw.tcp, bytes.bytes + at, bytes.length - at, &why);

        if (taken < 0) {
            net_run(trio.world, 10 * TIME_MS);
            round++;
            continue;
        }
        at = (at + (size_t)taken) % bytes.length;
        given += at == 0;
    }
    net_run(trio.world, 10 * TIME_S);
    answered = stun_server_counters(server)->successes;
    CHECK(answered > 10000 && answered < given);
    CHECK_ROW_UINT("none was refused", stun_server_counters(server)->unsent, 0);
    raw.reads = true;
    raw_read(&raw);
    net_run(trio.world, 20 * TIME_S);
    CHECK_ROW_UINT("then all that came whole are", stun_server_counters(server)->successes, given);
    CHECK_ROW_UINT("and arrive", raw.got->len, given * 44);
    raw_end(&raw);
}

static void
count_opened(void *owner, struct io_udp *connection)
{
    (void)connection;
    ((unsigned *)owner)[0]++;
}

static void
ignore_message(void *owner, struct io_udp *connection, const struct io_datagram *message)
{
    (void)owner, (void)connection, (void)message;
}

static void
count_closed(void *owner, struct io_udp *connection, enum io_result why, enum stun_fault fault)
{
    (void)connection;
    CHECK(fault == STUN_FAULT_NONE);
    ((unsigned *)owner)[1] += why == IO_FULL;
}

static void
count_refused(void *owner)
{
    ((unsigned *)owner)[2]++;
}

/* One client may have so many of them, whatever ports it uses; what it gives back it may have again. */
static void
test_too_many_of_one(void)
{
    const struct endpoint at = net_endpoint("198.51.100.1:5000"), any = { ADDRESS_NONE, 0 };
    const struct stun_connections_options options = { .listens = 1, .listen = &at, .stream = STUN_STREAM_DEFAULTS,
                                                      .most = 100, .most_of_one = 2 };
    const struct stun_connections_events events = { count_opened, ignore_message, count_closed, count_refused };
    struct io *io = node_io(trio.a);
    unsigned counts[3] = { 0 };
    enum io_result why;
    struct stun_connections *connections =
        stun_connections_new(node_io(trio.b), &options, &events, counts, &why);
    struct raw raws[4];

    for (size_t i = 0; i < G_N_ELEMENTS(raws); i++) {
        raws[i] = (struct raw){ .got = g_byte_array_new(), .reads = true };
        raws[i].tcp = io->ops->connect(io, &any, &at, true, raw_ready, &raws[i], &why);
        net_run(trio.world, 100 * TIME_MS);
        CHECK_ROW_INT("the third is refused", raws[i].failure, i == 2 ? IO_RESET : IO_OK);
        if (i == 2)
            raw_end(&raws[0]);
        net_run(trio.world, 100 * TIME_MS);
    }
    CHECK_ROW_UINT("opened", counts[0], 3);
    CHECK_ROW_UINT("none of them evicted", counts[1], 0);
    CHECK_ROW_UINT("refused", counts[2], 1);
    for (size_t i = 1; i < G_N_ELEMENTS(raws); i++)
        raw_end(&raws[i]);
    net_run(trio.world, TIME_S);
    stun_connections_free(connections);
}

/* A server of STUN keeps what is silent, since the client's NAT does (RFC 8489 section 6.2.2), but not half a message. */
static void
test_patience(void)
{
    struct raw silent, partial;

    raw_open(&silent);
    raw_open(&partial);
    raw_write(&partial, span_of("\0\1", 2));
    net_run(trio.world, 59 * TIME_S);
    CHECK_ROW("still there", !partial.ended);
    net_run(trio.world, 2 * TIME_S);
    CHECK_ROW("closed", partial.ended);
    CHECK_ROW_UINT("counted", stun_server_counters(server)->silent, 1);
    net_run(trio.world, 10 * TIME_MIN);
    CHECK_ROW("the other is there", !silent.ended);
    raw_end(&silent);
    raw_end(&partial);
}

/* One more than there may be ends the one that has been silent for longest. */
static void
test_too_many(void)
{
    const struct endpoint at = net_endpoint("198.51.100.1:5000"), any = { ADDRESS_NONE, 0 };
    const struct stun_connections_options options = { .listens = 1, .listen = &at, .stream = STUN_STREAM_DEFAULTS,
                                                      .most = 3 };
    const struct stun_connections_events events = { count_opened, ignore_message, count_closed, NULL };
    struct io *io = node_io(trio.a);
    struct stun_connections *connections;
    unsigned counts[2] = { 0 };
    struct raw raws[4];
    enum io_result why;

    connections = stun_connections_new(node_io(trio.b), &options, &events, counts, &why);
    CHECK(connections != NULL);
    CHECK(!stun_connections_new(node_io(trio.b), &options, &events, counts, &why) && why == IO_IN_USE);
    for (size_t i = 0; i < G_N_ELEMENTS(raws); i++) {
        raws[i] = (struct raw){ .got = g_byte_array_new(), .reads = true };
        raws[i].tcp = io->ops->connect(io, &any, &at, true, raw_ready, &raws[i], &why);
        net_run(trio.world, 100 * TIME_MS);
    }
    CHECK_ROW_UINT("three are left", stun_connections_count(connections), 3);
    CHECK_ROW_UINT("opened", counts[0], 4);
    CHECK_ROW_UINT("evicted", counts[1], 1);
    for (size_t i = 0; i < G_N_ELEMENTS(raws); i++) {
        CHECK(raws[i].ended == (i == 0));
        raw_end(&raws[i]);
    }
    net_run(trio.world, TIME_S);
    CHECK_ROW_UINT("all have gone", stun_connections_count(connections), 0);
    stun_connections_free(connections);
}

/* --- the client -------------------------------------------------------------------------------------------------- */

struct asker {
    struct io_udp *udp;
    struct stun_client *client;
    struct stun_result results[4];
    unsigned done;
};

static void
on_done(void *owner, struct stun_transaction *transaction, const struct stun_result *result)
{
    struct asker *asker = owner;

    (void)transaction;
    asker->results[asker->done++] = *result;
}

static void
on_datagram(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct asker *asker = owner;

    CHECK(stun_client_datagram(asker->client, udp, datagram));
}

static void
on_ended(void *owner, struct io_udp *udp, enum io_result why, enum stun_fault fault)
{
    struct asker *asker = owner;

    CHECK(fault == STUN_FAULT_NONE);
    stun_client_lost(asker->client, udp, why);
}

static const struct stun_stream_events asker_events = { .udp = { .datagram = on_datagram }, .ended = on_ended };

static void
asker_open(struct asker *asker, const char *to)
{
    const struct stun_stream_options options = STUN_STREAM_DEFAULTS;
    struct endpoint any = { ADDRESS_NONE, 0 }, peer = net_endpoint(to);
    struct io *io = node_io(trio.a);
    enum io_result why;

    *asker = (struct asker){ .client = stun_client_new(io, NULL) };
    asker->udp = stun_stream_take(io->ops->connect(io, &any, &peer, true, raw_ready, NULL, &why), &options,
                                  &asker_events, asker);
}

static void
ask_with(struct asker *asker, struct stun_credentials *credentials)
{
    const struct stun_request request = {
        .udp = asker->udp, .server = stun_stream_peer(asker->udp), .timer = STUN_TIMER_STREAM, .protocol = PROTOCOL_TCP,
        .credentials = credentials, .follow = credentials != NULL, .done = on_done, .owner = asker,
    };

    stun_client_binding(asker->client, &request);
}

static void
ask(struct asker *asker)
{
    ask_with(asker, NULL);
}

static void
asker_end(struct asker *asker)
{
    stun_client_free(asker->client);
    asker->udp->ops->close(asker->udp);
}

/* Several requests may be in flight (section 6.2.2), and go as soon as the connection stands. */
static void
test_client(void)
{
    struct asker asker;

    asker_open(&asker, SERVER);
    for (unsigned i = 0; i < 3; i++)
        ask(&asker);
    net_run(trio.world, TIME_S);
    CHECK_ROW_UINT("done", asker.done, 3);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_ROW_INT("answered", asker.results[i].outcome, STUN_OUTCOME_ANSWERED);
        CHECK(endpoint_equal(asker.results[i].xor_mapped, asker.udp->ops->local(asker.udp)));
        CHECK_ROW_UINT("one request", asker.results[i].requests, 1);
    }
    CHECK_ROW_UINT("one round trip after the handshake's", asker.results[0].rtt, 80 * TIME_MS);
    asker_end(&asker);
}

/* How a transaction over TCP fails. */
static void
test_client_fails(void)
{
    static const struct {
        const char *name, *to;
        bool off;          /* the link is switched off */
        unsigned asks, goes; /* ms: how long after connecting it asks; how long after that the server goes; 0: it stays */
        enum stun_outcome outcome;
        enum io_result io;
        unsigned elapsed;
    } rows[] = {
        { "refused", "198.51.100.1:9", false, 0, 0, STUN_OUTCOME_LOST, IO_REFUSED, 40 },
        { "Ti", SERVER, true, 0, 0, STUN_OUTCOME_TIMEOUT, IO_OK, 39500 },
        { "no answer over a connection that stands", SERVER, true, 100, 0, STUN_OUTCOME_TIMEOUT, IO_OK, 39500 },
        { "the server goes", SERVER, false, 100, 10, STUN_OUTCOME_LOST, IO_CLOSED, 30 },
        { "the server has gone", SERVER, false, 0, 1, STUN_OUTCOME_LOST, IO_REFUSED, 40 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct link_options link = trio.link;
        struct asker asker;

        if (!server)
            start_server();
        asker_open(&asker, rows[i].to);
        net_run(trio.world, rows[i].asks * TIME_MS);
        link.off = rows[i].off;
        wire_set(&port_link(trio.a_port)->up, &link);
        ask(&asker);
        net_run(trio.world, rows[i].goes * TIME_MS);
        if (rows[i].goes > 0)
            g_clear_pointer(&server, stun_server_free);
        net_run(trio.world, TIME_MIN);
        CHECK_ROW_UINT(rows[i].name, asker.done, 1);
        CHECK_ROW_INT(rows[i].name, asker.results[0].outcome, rows[i].outcome);
        CHECK_ROW_INT(rows[i].name, asker.results[0].io, rows[i].io);
        CHECK_ROW_INT(rows[i].name, asker.results[0].elapsed, rows[i].elapsed * TIME_MS);
        asker_end(&asker);
        wire_set(&port_link(trio.a_port)->up, &trio.link);
        net_run(trio.world, TIME_S);
    }
}

/* --- with credentials -------------------------------------------------------------------------------------------- */

/* The server of the long-term mechanism on one port, which sends those who have proven themselves to another. */
static struct stun_server *
serve_users(struct stun_users *users, uint16_t port, uint16_t alternate)
{
    const struct stun_auth_options auth = {
        .mechanism = STUN_MECHANISM_LONG_TERM, .users = users, .algorithms = STUN_ALGORITHMS_ALL, .anonymity = true
    };
    struct endpoint at = net_endpoint(SERVER);
    struct stun_server_options options = { .tcp = true, .listens = 1, .listen = { { at.address, port } }, .auth = &auth };

    if (alternate) {
        options.alternates = 1;
        options.alternate[0] = (struct endpoint){ at.address, alternate };
    }
    return serve(options);
}

/* Section 9.2.3: the 401 and what follows it take one connection and no time but round trips. */
static void
test_credentials(void)
{
    static const struct {
        const char *name, *password;
        enum stun_outcome outcome;
        unsigned code;
    } rows[] = {
        { "right", "secret", STUN_OUTCOME_ANSWERED, 0 },
        { "wrong: asked once more, and no more", "guess", STUN_OUTCOME_REJECTED, 401 },
    };
    g_autoptr(stun_users) users = stun_users_new("example.org");
    struct stun_server *second;

    CHECK(stun_users_add(users, span_of_text("alice"), span_of_text("secret")));
    second = serve_users(users, 3479, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(stun_credentials) credentials =
            stun_credentials_new_long_term(span_of_text("alice"), span_of_text(rows[i].password));
        struct asker asker;

        asker_open(&asker, "198.51.100.1:3479");
        ask_with(&asker, credentials);
        net_run(trio.world, TIME_S);
        CHECK_ROW_UINT(rows[i].name, asker.done, 1);
        CHECK_ROW_INT(rows[i].name, asker.results[0].outcome, rows[i].outcome);
        CHECK_ROW_UINT(rows[i].name, asker.results[0].error.code, rows[i].code);
        CHECK_ROW_UINT(rows[i].name, asker.results[0].requests, 2);
        CHECK_ROW_UINT("the handshake and two round trips", asker.results[0].elapsed, 120 * TIME_MS);
        asker_end(&asker);
    }
    stun_server_free(second);
}

/* Section 9.1.4: over a reliable transport what can't be trusted ends the transaction at once. */
static void
test_distrust(void)
{
    g_autoptr(stun_users) users = stun_users_new(NULL);
    g_autoptr(stun_credentials) credentials =
        stun_credentials_new_short_term(span_of_text("alice"), span_of_text("secret"));
    const struct stun_auth_options auth = { .mechanism = STUN_MECHANISM_SHORT_TERM, .users = users };
    struct stun_server_options options = {
        .tcp = true, .listens = 1, .listen = { net_endpoint("198.51.100.1:3479") }, .auth = &auth
    };
    struct stun_server *second = serve(options);
    struct asker asker;

    asker_open(&asker, "198.51.100.1:3479");
    ask_with(&asker, credentials);
    net_run(trio.world, TIME_S);
    CHECK_ROW_UINT("done", asker.done, 1);
    CHECK_ROW_TEXT("an error that nothing protects", stun_outcome_word(asker.results[0].outcome), "integrity");
    asker_end(&asker);
    stun_server_free(second);
}

/* Section 10: a redirection is told to the owner, whose next connection leads there; none back within five minutes. */
static void
test_alternate(void)
{
    g_autoptr(stun_users) users = stun_users_new("example.org");
    g_autoptr(stun_credentials) credentials =
        stun_credentials_new_long_term(span_of_text("alice"), span_of_text("secret"));
    struct stun_server *first, *second;
    struct asker asker, next;

    CHECK(stun_users_add(users, span_of_text("alice"), span_of_text("secret")));
    first = serve_users(users, 3479, 3480);
    second = serve_users(users, 3480, 3479);
    asker_open(&asker, "198.51.100.1:3479");
    ask_with(&asker, credentials);
    net_run(trio.world, TIME_S);
    CHECK_ROW_INT("sent elsewhere", asker.results[0].outcome, STUN_OUTCOME_REJECTED);
    CHECK_ROW_UINT("sent elsewhere", asker.results[0].error.code, STUN_CODE_TRY_ALTERNATE);
    CHECK(asker.results[0].has_alternate);
    CHECK(endpoint_equal(asker.results[0].alternate, net_endpoint("198.51.100.1:3480")));

    asker_open(&next, "198.51.100.1:3480");
    stun_client_free(next.client);
    next.client = asker.client; /* it remembers */
    ask_with(&next, credentials);
    net_run(trio.world, TIME_S);
    CHECK_ROW_UINT("sent back", next.results[0].error.code, STUN_CODE_TRY_ALTERNATE);
    CHECK_ROW("not to be followed", !next.results[0].has_alternate);
    next.udp->ops->close(next.udp);
    asker_end(&asker);
    stun_server_free(first);
    stun_server_free(second);
}

/* --- an engine that closes --------------------------------------------------------------------------------------- */

static void
close_at_first(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    unsigned *calls = owner;

    (void)datagram;
    ++*calls;
    udp->ops->close(udp);
}

static void
never_ended(void *owner, struct io_udp *udp, enum io_result why, enum stun_fault fault)
{
    (void)owner, (void)udp, (void)why, (void)fault;
    CHECK(false);
}

/* A stream may be closed while its messages are handed out: then no more come. */
static void
test_closed_in_message(void)
{
    static const struct stun_stream_events events = { .udp = { .datagram = close_at_first }, .ended = never_ended };
    const struct stun_stream_options options = STUN_STREAM_DEFAULTS;
    struct endpoint any = { ADDRESS_NONE, 0 }, peer = net_endpoint(SERVER);
    struct io *io = node_io(trio.a);
    g_autoptr(GBytes) requests = unit_hex(REQUEST REQUEST REQUEST);
    struct io_datagram datagram = IO_DATAGRAM_TO(peer, unit_span(requests));
    enum io_result why;
    unsigned calls = 0;
    struct io_udp *udp = stun_stream_take(io->ops->connect(io, &any, &peer, true, raw_ready, NULL, &why), &options,
                                          &events, &calls);

    CHECK(udp->ops->send(udp, &datagram) == IO_OK);
    net_run(trio.world, TIME_S);
    CHECK_ROW_UINT("calls", calls, 1);
}

/* What waits to be sent is bounded. */
static void
test_backlog(void)
{
    static const struct stun_stream_events events = { .udp = { .datagram = close_at_first }, .ended = never_ended };
    const struct stun_stream_options options = { .most = 2000, .backlog = 4000 };
    struct endpoint any = { ADDRESS_NONE, 0 }, peer = net_endpoint(SERVER);
    struct io *io = node_io(trio.a);
    static const uint8_t message[1001];
    struct io_datagram datagram = IO_DATAGRAM_TO(peer, span_of(message, sizeof message));
    enum io_result why, result = IO_OK;
    size_t taken = 0;
    struct io_udp *udp = stun_stream_take(io->ops->connect(io, &any, &peer, true, raw_ready, NULL, &why), &options,
                                          &events, NULL);

    while (taken < 1000 && (result = udp->ops->send(udp, &datagram)) == IO_OK)
        taken++;
    CHECK_ROW_INT("full", result, IO_FULL);
    CHECK_ROW_UINT("64 KiB of TCP's, and three more, padded", taken, 65536 / 1004 + 4);
    stun_stream_reset(udp);
    net_run(trio.world, TIME_S);
}

void
suite_stun_stream(void)
{
    UNIT_SUITE("stun stream", set_up, tear_down, { "server", test_server }, { "answer", test_answer },
               { "half-close", test_half_close }, { "never reads", test_never_reads }, { "too many", test_too_many },
               { "too many of one", test_too_many_of_one }, { "patience", test_patience },
               { "client", test_client }, { "client fails", test_client_fails },
               { "credentials", test_credentials }, { "distrust", test_distrust }, { "alternate", test_alternate },
               { "closed in message", test_closed_in_message }, { "backlog", test_backlog });
}
