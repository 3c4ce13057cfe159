/* A client and a server of STUN, with the network between them in the hands of the input: it decides what is lost,
 * doubled, damaged and made up, what ICMP says, when the host refuses to send, how time goes on, and what the owner
 * does when a transaction ends.
 *
 * What must hold: each transaction ends at most once, and once exactly unless it was cancelled; nothing comes after
 * the end; counters add up; nothing is left armed or open. */
#include "core/base/cursor.h"
#include "proto/stun/client.h"
#include "proto/stun/server.h"
#include "tests/unit/support_io.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define SLOTS 8
#define MOST_STEPS 400
#define MOST_AGAIN 50 /* an owner who asks again at once would do so for ever where the host refuses to send */

enum then { THEN_NOTHING, THEN_ASK_AGAIN, THEN_FREE_CLIENT, THEN_CANCEL_ALL, THEN_COUNT };

struct world;

struct slot {
    struct world *world;
    struct stun_transaction *transaction; /* NULL: none is under way */
};

struct world {
    struct fake_io *host, *far;
    struct io_udp *udp;
    struct endpoint own, server_at;
    struct stun_client *client;
    struct stun_server *server;
    struct stun_users *users;
    struct stun_credentials *credentials;
    struct slot slots[SLOTS];
    enum then then;
    unsigned again;
};

static void
on_datagram(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct world *world = owner;

    (void)stun_client_datagram(world->client, udp, datagram);
}

static void
on_icmp(void *owner, struct io_udp *udp, const struct io_icmp *icmp)
{
    struct world *world = owner;

    (void)stun_client_icmp(world->client, udp, icmp);
}

static const struct io_udp_events events = { on_datagram, on_icmp };

static void
cancel(struct slot *slot)
{
    if (slot->transaction)
        stun_transaction_cancel(slot->transaction);
    slot->transaction = NULL;
}

static void
renew_client(struct world *world)
{
    stun_client_free(world->client);
    for (size_t i = 0; i < SLOTS; i++)
        world->slots[i].transaction = NULL;
    world->client = stun_client_new(&world->host->io, "fuzz");
}

static void on_done(void *owner, struct stun_transaction *transaction, const struct stun_result *result);

static void
ask(struct slot *slot, uint8_t how)
{
    struct world *world = slot->world;
    struct stun_request request = { .udp = world->udp,
                                    .server = world->server_at,
                                    .any_source = how & 1,
                                    .follow = how & 8,
                                    .persist = how & 8,
                                    .credentials = how & 4 ? world->credentials : NULL,
                                    .timer = { how & 2 ? 10 * TIME_MS : 0, 3, 2, 0 },
                                    .done = on_done,
                                    .owner = slot };

    if (!slot->transaction)
        slot->transaction = stun_client_binding(world->client, &request);
}

static void
on_done(void *owner, struct stun_transaction *transaction, const struct stun_result *result)
{
    struct slot *slot = owner;
    struct world *world = slot->world;

    g_assert_true(slot->transaction == transaction);
    g_assert_cmpint(result->outcome, <, STUN_OUTCOME_COUNT);
    g_assert_cmpint(result->elapsed, >=, 0);
    slot->transaction = NULL;
    switch (world->then) {
    case THEN_ASK_AGAIN:
        if (world->again++ < MOST_AGAIN)
            ask(slot, 2);
        break;
    case THEN_FREE_CLIENT:
        renew_client(world);
        break;
    case THEN_CANCEL_ALL:
        stun_transaction_cancel(transaction);
        for (size_t i = 0; i < SLOTS; i++)
            cancel(&world->slots[i]);
        break;
    default:
        break;
    }
}

/* The oldest datagram that waits at `from` arrives at `to`, a byte of it changed, its end cut off, once or twice. */
static void
deliver_damaged(struct fake_io *from, struct fake_io *to, struct reader *input)
{
    const struct fake_datagram *datagram = fake_io_take(from);
    uint8_t at = reader_u8(input), with = reader_u8(input), cut = reader_u8(input), times = reader_u8(input);

    if (!datagram)
        return;

    g_autofree uint8_t *copy = g_memdup2(datagram->data.bytes, datagram->data.length);

    if (datagram->data.length > 0)
        copy[at % datagram->data.length] ^= with;
    for (int i = 0; i <= (times & 1); i++)
        fake_io_deliver(to, datagram->peer, datagram->local, span_of(copy, datagram->data.length - cut % 8));
}

static void
deliver_made_up(struct fake_io *to, struct endpoint local, struct endpoint peer, struct reader *input)
{
    size_t length = reader_u8(input);
    struct span data = reader_span(input, MIN(length, reader_left(input)));

    peer.port ^= length & 1;
    fake_io_deliver(to, local, peer, data);
}

static void
advance(struct world *world, int64_t duration)
{
    fake_io_advance(world->host, duration);
    fake_io_advance(world->far, duration);
}

static void
step(struct world *world, struct reader *input)
{
    static const enum io_result results[] = { IO_OK, IO_FULL, IO_UNREACHABLE, IO_TOO_BIG };
    uint8_t what = reader_u8(input);

    switch (what % 12) {
    case 0:
        ask(&world->slots[reader_u8(input) % SLOTS], what >> 4);
        break;
    case 1:
        advance(world, reader_u16(input) * TIME_MS);
        break;
    case 2:
        fake_io_carry(world->host, world->far);
        break;
    case 3:
        fake_io_carry(world->far, world->host);
        break;
    case 4:
        (void)fake_io_take(what & 64 ? world->host : world->far);
        break;
    case 5:
        deliver_damaged(world->host, world->far, input);
        break;
    case 6:
        deliver_damaged(world->far, world->host, input);
        break;
    case 7:
        deliver_made_up(world->far, world->server_at, world->own, input);
        break;
    case 8:
        deliver_made_up(world->host, world->own, world->server_at, input);
        break;
    case 9:
        fake_io_deliver_icmp(world->host, world->own, world->server_at, what & 64 ? 3 : 11, reader_u8(input));
        break;
    case 10:
        world->host->send_result = results[reader_u8(input) % G_N_ELEMENTS(results)];
        break;
    case 11:
        if (what & 64)
            cancel(&world->slots[reader_u8(input) % SLOTS]);
        else
            world->then = (enum then)(reader_u8(input) % THEN_COUNT);
        break;
    }
}

/* A server that asks who it is, one that sends its clients elsewhere, one with two addresses: the input's last byte says. */
static void
open_world(struct world *world, uint8_t how)
{
    struct stun_auth_options auth = { .mechanism = how & 2 ? STUN_MECHANISM_LONG_TERM : STUN_MECHANISM_SHORT_TERM,
                                      .algorithms = how & 4 ? STUN_ALGORITHMS_ALL : 0,
                                      .anonymity = how & 8 };
    struct stun_server_options options = STUN_SERVER_DEFAULTS;
    enum io_result why;

    world->host = fake_io_new("10.0.0.2");
    world->far = fake_io_new("198.51.100.1");
    world->own = (struct endpoint){ world->host->address, 5000 };
    world->server_at = (struct endpoint){ world->far->address, STUN_PORT };
    world->udp = world->host->io.ops->udp(&world->host->io, &world->own, &events, world, &why);
    world->users = stun_users_new("example.org");
    g_assert_true(stun_users_add(world->users, span_of_text("alice"), span_of_text("secret")));
    auth.users = world->users;
    world->credentials = how & 2 ? stun_credentials_new_long_term(span_of_text("alice"), span_of_text("secret"))
                                 : stun_credentials_new_short_term(span_of_text("alice"), span_of_text("secret"));
    world->far->second = address_ipv4(0xc6336402);
    if (how & 1)
        options.auth = &auth;
    if (how & 16) {
        options.listen[0].address = world->far->address;
        options.second.address = world->far->second;
    }
    if (how & 32) {
        options.alternates = 1;
        options.alternate[0] = (struct endpoint){ world->far->address, STUN_PORT + 1 };
    }
    world->server = stun_server_new(&world->far->io, &options, &why);
    world->client = stun_client_new(&world->host->io, "fuzz");
    for (size_t i = 0; i < SLOTS; i++)
        world->slots[i].world = world;
}

static void
check_counters(const struct stun_server_counters *counters)
{
    g_assert_cmpuint(counters->datagrams, ==,
                     counters->requests + counters->indications + counters->malformed + counters->unexpected);
    g_assert_cmpuint(counters->requests, ==, counters->successes + counters->errors);
}

static void
close_world(struct world *world)
{
    world->then = THEN_NOTHING;
    advance(world, 5 * TIME_MIN); /* without another answer, the longest schedule is over by then, the longest pause too */
    for (size_t i = 0; i < SLOTS; i++)
        g_assert_null(world->slots[i].transaction);
    g_assert_cmpuint(stun_client_outstanding(world->client), ==, 0);
    check_counters(stun_server_counters(world->server));

    stun_client_free(world->client);
    stun_server_free(world->server);
    stun_credentials_free(world->credentials);
    stun_users_free(world->users);
    world->udp->ops->close(world->udp);
    g_assert_true(fake_io_free(world->host));
    g_assert_true(fake_io_free(world->far));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct world world = { 0 };
    struct reader input = reader_over(span_of(bytes, length));

    open_world(&world, length ? bytes[length - 1] : 0);
    for (int steps = 0; steps < MOST_STEPS && reader_left(&input) > 0; steps++)
        step(&world, &input);
    close_world(&world);
    return 0;
}
