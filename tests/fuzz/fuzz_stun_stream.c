/* STUN over TCP from both sides. The input decides what the owner of a client does, what a stranger writes to the server,
 * what a stranger says to the client, how the bytes are cut, when connections break, and how time goes on.
 *
 * What must hold: each transaction ends once, and by the time that its schedule has run out; only a redirection is told as
 * one; the server's counters add up; nothing is left open or armed. */
#include "core/base/cursor.h"
#include "proto/stun/client.h"
#include "proto/stun/server.h"
#include "proto/stun/stream.h"
#include "tests/unit/support_io.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define MOST_STEPS 300
#define MOST_AT_ONCE 10
#define STRANGER_PORT 9

struct world {
    struct fake_io *host, *far;
    struct stun_server *server;
    struct stun_users *users;
    struct stun_credentials *credentials;
    struct stun_client *client;
    struct io_udp *stream;                   /* the client's; NULL: closed */
    struct io_tcp *raw;                      /* a stranger's, to the server; NULL: closed */
    struct io_tcp *listener, *said;          /* a stranger's, whom the client takes for a server */
    unsigned begun, ended;
};

/* --- strangers ----------------------------------------------------------------------------------------------------- */

static void
drain(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    uint8_t bytes[1000];
    enum io_result why;

    (void)owner, (void)result;
    while (ready == IO_READABLE && tcp->ops->read(tcp, bytes, sizeof bytes, &why) > 0)
        ;
}

static void
take_client(void *owner, struct io_tcp *listener, enum io_ready ready, enum io_result result)
{
    struct world *world = owner;
    struct io_tcp *tcp = listener->ops->accept(listener, drain, NULL);

    (void)ready, (void)result;
    if (world->said)
        world->said->ops->close(world->said, true);
    world->said = tcp;
}

static void
write_to(struct io_tcp *tcp, struct reader *input)
{
    size_t length = reader_u8(input);
    struct span bytes = reader_span(input, MIN(length, reader_left(input)));
    enum io_result why;

    if (tcp && bytes.length > 0)
        (void)tcp->ops->write(tcp, bytes.bytes, bytes.length, &why);
}

static struct io_tcp *
connect_to(struct world *world, uint16_t port, io_tcp_ready *ready)
{
    const struct endpoint any = { ADDRESS_NONE, 0 }, peer = { world->far->address, port };
    enum io_result why;

    return world->host->io.ops->connect(&world->host->io, &any, &peer, false, ready, NULL, &why);
}

static void
close_raw(struct io_tcp **tcp, bool reset)
{
    if (*tcp)
        (*tcp)->ops->close(*tcp, reset);
    *tcp = NULL;
}

/* --- the client ---------------------------------------------------------------------------------------------------- */

static void
on_message(void *owner, struct io_udp *udp, const struct io_datagram *message)
{
    struct world *world = owner;

    (void)stun_client_datagram(world->client, udp, message);
}

static void
on_ended(void *owner, struct io_udp *udp, enum io_result why, enum stun_fault fault)
{
    struct world *world = owner;

    (void)fault;
    stun_client_lost(world->client, udp, why);
}

static const struct stun_stream_events events = { .udp = { .datagram = on_message }, .ended = on_ended };

static void
on_done(void *owner, struct stun_transaction *transaction, const struct stun_result *result)
{
    struct world *world = owner;

    (void)transaction;
    g_assert_cmpint(result->outcome, <, STUN_OUTCOME_COUNT);
    g_assert_cmpint(result->elapsed, >=, 0);
    g_assert_true(!result->has_alternate ||
                  (result->outcome == STUN_OUTCOME_REJECTED && result->error.code == STUN_CODE_TRY_ALTERNATE));
    world->ended++;
}

static void
open_stream(struct world *world, uint16_t port)
{
    struct stun_stream_options options = STUN_STREAM_DEFAULTS;

    if (!world->stream)
        world->stream = stun_stream_take(connect_to(world, port, drain), &options, &events, world);
}

/* Transactions go before their socket: what is under way is cancelled. */
static void
close_stream(struct world *world, bool reset)
{
    world->begun -= (unsigned)stun_client_outstanding(world->client);
    stun_client_free(world->client);
    world->client = stun_client_new(&world->host->io, "fuzz");
    if (world->stream && reset)
        stun_stream_reset(world->stream);
    else if (world->stream)
        world->stream->ops->close(world->stream);
    world->stream = NULL;
}

static void
ask(struct world *world, uint8_t how)
{
    if (!world->stream || stun_client_outstanding(world->client) >= MOST_AT_ONCE)
        return;

    const struct stun_request request = { .udp = world->stream,
                                          .server = stun_stream_peer(world->stream),
                                          .timer = STUN_TIMER_STREAM,
                                          .protocol = PROTOCOL_TCP,
                                          .credentials = how & 1 ? world->credentials : NULL,
                                          .follow = how & 2,
                                          .persist = how & 4,
                                          .demand_fingerprint = how & 8,
                                          .done = on_done,
                                          .owner = world };

    stun_client_binding(world->client, &request);
    world->begun++;
}

/* --- the input ----------------------------------------------------------------------------------------------------- */

static void
advance(struct world *world, int64_t duration)
{
    fake_io_advance(world->host, duration);
    fake_io_advance(world->far, duration);
}

static void
step(struct world *world, struct reader *input)
{
    uint8_t what = reader_u8(input);

    switch (what & 7) {
    case 0:
        open_stream(world, what & 8 ? STRANGER_PORT : STUN_PORT);
        break;
    case 1:
        ask(world, what >> 4);
        break;
    case 2:
        fake_io_carry_streams(world->host, world->far);
        break;
    case 3:
        advance(world, what & 8 ? (int64_t)(what >> 4) * 10 * TIME_S : (int64_t)(what >> 4) * TIME_MS);
        break;
    case 4:
        if (!world->raw)
            world->raw = connect_to(world, STUN_PORT, drain);
        write_to(world->raw, input);
        break;
    case 5:
        write_to(world->said, input);
        break;
    case 6:
        world->host->piece = world->far->piece = (what & 8 ? 65536u : 1u) + (what >> 4);
        world->host->window = world->far->window = what & 128 ? 65536 : 64 + (what >> 4);
        break;
    case 7:
        if ((what & 24) == 0)
            fake_io_break_streams(what & 32 ? world->host : world->far);
        else if ((what & 24) == 8)
            close_stream(world, what & 32);
        else
            close_raw((what & 24) == 16 ? &world->raw : &world->said, what & 32);
        break;
    }
}

static void
open_world(struct world *world, uint8_t how)
{
    struct stun_auth_options auth = { .mechanism = how & 2 ? STUN_MECHANISM_LONG_TERM : STUN_MECHANISM_SHORT_TERM,
                                      .algorithms = how & 4 ? STUN_ALGORITHMS_ALL : 0 };
    struct stun_server_options options = STUN_SERVER_DEFAULTS;
    struct endpoint stranger = { ADDRESS_NONE, STRANGER_PORT };
    const struct span name = span_of_text("alice"), password = span_of_text("secret");
    enum io_result why;

    world->host = fake_io_new("10.0.0.2");
    world->far = fake_io_new("198.51.100.1");
    world->users = stun_users_new("example.org");
    g_assert_true(stun_users_add(world->users, name, password));
    auth.users = world->users;
    world->credentials = how & 2 ? stun_credentials_new_long_term(name, password)
                                 : stun_credentials_new_short_term(name, password);
    if (how & 1)
        options.auth = &auth;
    if (how & 8) {
        options.alternates = 1;
        options.alternate[0] = (struct endpoint){ world->far->address, STUN_PORT + 1 };
    }
    options.demand_fingerprint = how & 16;
    world->server = stun_server_new(&world->far->io, &options, &why);
    world->listener = world->far->io.ops->listen(&world->far->io, &stranger, false, take_client, world, &why);
    world->client = stun_client_new(&world->host->io, "fuzz");
    g_assert_true(world->server && world->listener);
}

static void
close_world(struct world *world)
{
    const struct stun_server_counters *counters = stun_server_counters(world->server);

    advance(world, 10 * TIME_MIN); /* Ti, for as many tries as there may be */
    g_assert_cmpuint(world->ended, ==, world->begun);
    g_assert_cmpuint(counters->requests, ==, counters->successes + counters->errors);
    g_assert_cmpuint(counters->broken + counters->evicted, <=, counters->connections);
    close_stream(world, false);
    stun_client_free(world->client);
    close_raw(&world->raw, false);
    close_raw(&world->said, false);
    close_raw(&world->listener, false);
    fake_io_carry_streams(world->host, world->far);
    stun_server_free(world->server);
    fake_io_break_streams(world->host); /* what nobody has taken goes nowhere */
    fake_io_break_streams(world->far);
    stun_credentials_free(world->credentials);
    stun_users_free(world->users);
    g_assert_true(fake_io_free(world->host));
    g_assert_true(fake_io_free(world->far));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct world world = { 0 };
    struct reader input = reader_over(span_of(bytes, length));

    open_world(&world, reader_u8(&input));
    for (int steps = 0; steps < MOST_STEPS && reader_left(&input) > 0; steps++)
        step(&world, &input);
    close_world(&world);
    return 0;
}
