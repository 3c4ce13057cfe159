/* A TURN client, whose server is the input: it decides what is answered to which request, over UDP or TCP, what else
 * comes, in which pieces, how time goes on, when the host refuses, what the owner asks for, and whether it frees the
 * client when it is told something.
 *
 * What must hold: every `done` is called at most once, and once exactly while the client lives; after the news that
 * end it nothing more is told; the counters add up; nothing is left armed or open. */
#include "core/base/cursor.h"
#include "proto/stun/integrity.h"
#include "proto/turn/channel_data.h"
#include "proto/turn/client.h"
#include "tests/unit/support_io.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define MOST_STEPS 200
#define PEERS 4
#define MOST_AGAIN 20

struct world {
    struct fake_io *host, *far;
    struct turn_client *client; /* NULL: freed */
    struct io_udp *shared;
    struct endpoint server;
    struct stun_key *key;
    struct io_tcp *listener, *side; /* side: the last connection */
    GPtrArray *streams;             /* what was handed over or accepted */
    uint64_t begun, done, delivered, again;
    bool over, frees;
};

static struct endpoint
peer_at(uint8_t what)
{
    return (struct endpoint){ address_ipv4(0xc0000200 + (what & 1)), (uint16_t)(7000 + (what >> 1) % (PEERS / 2)) };
}

static void
free_client(struct world *world)
{
    g_clear_pointer(&world->client, turn_client_free);
    world->done = world->begun; /* nobody is told any more */
}

static void
on_told(void *owner, struct turn_client *client, const struct turn_client_news *news)
{
    struct world *world = owner;

    g_assert_true(client == world->client);
    g_assert_false(world->over && news->event != TURN_CLIENT_RELEASED);
    g_assert_cmpint(news->failure.why, <, TURN_CLIENT_WHY_COUNT);
    if (news->event == TURN_CLIENT_ALLOCATED)
        g_assert_cmpuint(news->lifetime, >, 0);
    world->over |= news->event == TURN_CLIENT_FAILED || news->event == TURN_CLIENT_RELEASED;
    if (world->frees)
        free_client(world);
}

static void
on_done(void *owner, struct turn_client *client, struct endpoint peer, const struct turn_client_failure *failure)
{
    struct world *world = owner;

    (void)failure;
    g_assert_true(client == world->client);
    g_assert_cmpuint(world->done, <, world->begun);
    world->done++;
    if (world->frees)
        free_client(world);
    else if (failure && world->again++ < MOST_AGAIN &&
             turn_client_permit(client, peer.address, on_done, world) == IO_AGAIN)
        world->begun++;
}

static void
on_stream(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    uint8_t bytes[256];
    enum io_result why;

    (void)owner, (void)ready, (void)result;
    while (tcp->ops->read(tcp, bytes, sizeof bytes, &why) > 0)
        ;
}

static void
on_connected(void *owner, struct turn_client *client, struct endpoint peer, struct io_tcp *tcp,
             const struct turn_client_failure *failure)
{
    struct world *world = owner;

    g_assert_true(!tcp == !!failure);
    if (tcp) {
        tcp->ready = on_stream;
        g_ptr_array_add(world->streams, tcp);
    }
    on_done(owner, client, peer, failure);
}

static void
on_relayed(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct world *world = owner;

    (void)udp, (void)datagram;
    world->delivered++;
    if (world->frees && (world->delivered & 7) == 0)
        free_client(world);
}

static void
on_icmp(void *owner, struct io_udp *udp, const struct io_icmp *icmp)
{
    (void)owner, (void)udp, (void)icmp;
}

static const struct turn_client_events events = { on_told, { on_relayed, on_icmp } };

static void
on_shared(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct world *world = owner;

    if (world->client)
        (void)turn_client_datagram(world->client, udp, datagram);
}

static void
on_shared_icmp(void *owner, struct io_udp *udp, const struct io_icmp *icmp)
{
    struct world *world = owner;

    if (world->client)
        (void)turn_client_icmp(world->client, udp, icmp);
}

static const struct io_udp_events shared_events = { on_shared, on_shared_icmp };

static void
on_listener(void *owner, struct io_tcp *listener, enum io_ready ready, enum io_result result)
{
    struct world *world = owner;

    (void)ready, (void)result;
    world->side = listener->ops->accept(listener, NULL, NULL);
    if (world->side)
        g_ptr_array_add(world->streams, world->side);
}

/* --- what the server says ---------------------------------------------------------------------------------------- */

static void
put_some(struct stun_builder *builder, struct reader *input, struct endpoint own)
{
    static const uint16_t numbers[] = { STUN_LIFETIME, STUN_CHANNEL_NUMBER, STUN_CONNECTION_ID, STUN_RESERVATION_TOKEN,
                                        STUN_ICMP };
    uint8_t what = reader_u8(input);

    if (what & 1)
        stun_put_endpoint(builder, STUN_XOR_RELAYED_ADDRESS, (struct endpoint){ own.address, 50000 });
    if (what & 2)
        stun_put_endpoint(builder, STUN_XOR_PEER_ADDRESS, peer_at(what >> 4));
    if (what & 4)
        stun_put_number(builder, numbers[(what >> 3) % G_N_ELEMENTS(numbers)], reader_u8(input));
    if (what & 8)
        stun_put_number(builder, STUN_LIFETIME, (uint32_t)reader_u8(input) * 10);
    if (what & 64)
        stun_put_endpoint(builder, STUN_ALTERNATE_SERVER,
                          (struct endpoint){ own.address, (uint16_t)(3478 + (what >> 7)) });
    if (what & 128)
        stun_builder_raw(builder, STUN_DATA_ATTRIBUTE, reader_span(input, MIN(reader_left(input), 5)));
}

static void
put_error(struct stun_builder *builder, uint8_t what)
{
    static const enum stun_code codes[] = { STUN_CODE_TRY_ALTERNATE,     STUN_CODE_BAD_REQUEST,
                                            STUN_CODE_UNAUTHENTICATED,   STUN_CODE_FORBIDDEN,
                                            STUN_CODE_UNKNOWN_ATTRIBUTE, STUN_CODE_ALLOCATION_MISMATCH,
                                            STUN_CODE_STALE_NONCE,       STUN_CODE_QUOTA_REACHED,
                                            STUN_CODE_SERVER_ERROR,      STUN_CODE_INSUFFICIENT_CAPACITY };
    static const struct stun_types unknown = { 1, { STUN_DONT_FRAGMENT } };
    enum stun_code code = codes[what % G_N_ELEMENTS(codes)];

    stun_put_error(builder, code);
    if (code == STUN_CODE_UNKNOWN_ATTRIBUTE)
        stun_put_unknown(builder, &unknown);
    if (code == STUN_CODE_UNAUTHENTICATED || code == STUN_CODE_STALE_NONCE) {
        stun_put_text(builder, STUN_REALM, span_of_text("example.org"));
        stun_put_text(builder, STUN_NONCE, span_of_text(what & 128 ? "one" : "two"));
    }
}

/* An answer to `header`'s request, made of the input; or an indication. */
static struct span
compose(struct world *world, struct reader *input, const struct stun_header *request, void *buffer, size_t capacity)
{
    uint8_t what = reader_u8(input);
    struct stun_header header = stun_header_respond(request, what & 1 ? STUN_ERROR : STUN_SUCCESS);
    struct stun_builder builder;

    if ((what & 12) == 12) {
        header.class = STUN_INDICATION;
        header.method = what & 16 ? STUN_CONNECTION_ATTEMPT : STUN_DATA;
    }
    stun_builder_begin(&builder, buffer, capacity, &header);
    if (header.class == STUN_ERROR)
        put_error(&builder, what >> 1);
    if (header.class != STUN_ERROR && what & 32) { /* the usual */
        stun_put_endpoint(&builder, STUN_XOR_RELAYED_ADDRESS, (struct endpoint){ world->server.address, 50000 });
        stun_put_number(&builder, STUN_LIFETIME, 600);
        stun_put_number(&builder, STUN_CONNECTION_ID, what);
    } else {
        put_some(&builder, input, world->server);
    }
    if (what & 2)
        stun_put_integrity(&builder, world->key);
    return stun_builder_finish(&builder);
}

static void
answer_datagram(struct world *world, struct reader *input)
{
    const struct fake_datagram *sent = fake_io_take(world->host);
    struct stun_header request;
    uint8_t buffer[512];
    struct span message;

    if (!sent || !stun_header_peek(sent->data, &request))
        return;
    message = compose(world, input, &request, buffer, sizeof buffer);
    fake_io_deliver(world->host, sent->local, sent->peer, message);
}

static void
carry(struct world *world)
{
    fake_io_carry_streams(world->host, world->far);
}

/* To the first request that has come on the last connection; what else has come is read and forgotten. */
static void
answer_stream(struct world *world, struct reader *input)
{
    struct stun_header request = { .class = STUN_REQUEST };
    uint8_t got[2048], buffer[512];
    enum io_result why;
    struct span message;
    ssize_t count;

    carry(world);
    if (!world->side)
        return;
    count = world->side->ops->read(world->side, got, sizeof got, &why);
    if (count < STUN_HEADER_BYTES)
        return;
    stun_header_peek(span_of(got, MIN((size_t)count, STUN_HEADER_BYTES + (size_t)(got[2] << 8 | got[3]))), &request);
    message = compose(world, input, &request, buffer, sizeof buffer);
    (void)world->side->ops->write(world->side, message.bytes, message.length, &why);
    carry(world);
}

static void
say(struct world *world, struct reader *input, bool stream)
{
    uint8_t what = reader_u8(input), bytes[64];
    struct span data = reader_span(input, MIN(reader_left(input), what & 31u)), message;
    struct endpoint own = world->shared ? world->shared->ops->local(world->shared)
                                        : (struct endpoint){ world->host->address, (uint16_t)(49152 + (what >> 6)) };
    enum io_result why;

    message = what & 32 ? data : turn_channel_data_write(0x4000 + (what >> 6), data, bytes, sizeof bytes);
    if (stream && world->side && message.length)
        (void)world->side->ops->write(world->side, message.bytes, message.length, &why);
    else
        fake_io_deliver(world->host, own, world->server, message);
    carry(world);
}

/* --- what the owner wants ---------------------------------------------------------------------------------------- */

static void
want(struct world *world, uint8_t what)
{
    struct endpoint peer = peer_at(what >> 3);
    struct io_udp *relay = turn_client_relay(world->client);
    struct io_datagram datagram = IO_DATAGRAM_TO(peer, span_of_text("data"));
    enum io_result result = IO_OK;

    world->begun++; /* before: nothing is called inside */
    switch (what & 7) {
    case 0:
        result = turn_client_permit(world->client, peer.address, on_done, world);
        break;
    case 1:
        result = turn_client_channel(world->client, peer, on_done, world);
        break;
    case 2:
        result = turn_client_connect(world->client, peer, on_connected, world);
        break;
    case 3:
        result = turn_client_accept(world->client, peer, what, on_connected, world);
        break;
    case 4:
        turn_client_forget(world->client, peer.address);
        break;
    case 5:
        if (what >= 248)
            relay->ops->close(relay);
        else if (what >= 232)
            turn_client_release(world->client);
        break;
    default:
        datagram.dont_fragment = what & 64 ? 1 : IO_UNSET;
        (void)relay->ops->send(relay, &datagram);
    }
    if (result != IO_AGAIN)
        world->begun--;
}

static void
step(struct world *world, struct reader *input)
{
    static const enum io_result says[] = { IO_OK, IO_OK, IO_FULL, IO_NO_ROUTE };
    uint8_t what = reader_u8(input);

    switch (what & 7) {
    case 0:
        fake_io_advance(world->host, (int64_t)(what >> 3) * (what & 128 ? 30 : 1) * TIME_S);
        break;
    case 1:
        world->host->send_result = says[what >> 6];
        world->host->piece = what & 8 ? 1 : 65536;
        world->frees = (what & 0x30) == 0x30;
        break;
    case 2:
        say(world, input, what & 8);
        break;
    case 3:
        if (what & 128)
            fake_io_break_streams(world->far);
        else
            fake_io_deliver_icmp(world->host,
                                 (struct endpoint){ world->host->address, (uint16_t)(49152 + (what >> 6)) },
                                 world->server, 3, what >> 3 & 3);
        break;
    case 4:
        answer_stream(world, input);
        break;
    case 5:
        if (world->client)
            want(world, reader_u8(input));
        break;
    default:
        answer_datagram(world, input);
    }
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static void
open_world(struct world *world)
{
    struct endpoint at = { ADDRESS_NONE, 3478 };
    enum io_result why;

    world->host = fake_io_new("10.0.0.2");
    world->far = fake_io_new("198.51.100.1");
    world->server = (struct endpoint){ world->far->address, 3478 };
    world->streams = g_ptr_array_new();
    world->key = stun_key_new_long_term(STUN_ALGORITHM_MD5, span_of_text("alice"), span_of_text("example.org"),
                                        span_of_text("secret"));
    world->listener = world->far->io.ops->listen(&world->far->io, &at, false, on_listener, world, &why);
}

static void
start(struct world *world, struct reader *input)
{
    uint8_t how = reader_u8(input), more = reader_u8(input);
    struct turn_client_options options = { .server = world->server,
                                           .transport = how % 3,
                                           .port = how & 4 ? TURN_CLIENT_EVEN_PORT : TURN_CLIENT_ANY_PORT,
                                           .username = how & 8 ? "alice" : NULL,
                                           .password = how & 8 ? "secret" : NULL,
                                           .dont_fragment = how & 16,
                                           .auto_permit = how & 32,
                                           .persist = how & 64,
                                           .insist = how & 128,
                                           .family = more & 1 ? FAMILY_IPV4 : FAMILY_NONE,
                                           .lifetime = more & 2 ? 1200 : 0 };
    enum io_result why;

    if (more & 4 && options.transport == TURN_CLIENT_TCP) {
        options.protocol = PROTOCOL_TCP;
        options.port = TURN_CLIENT_ANY_PORT;
        options.dont_fragment = false;
    }
    if (more & 8)
        options.udp = world->shared = world->host->io.ops->udp(
            &world->host->io, &(struct endpoint){ ADDRESS_NONE, 5000 }, &shared_events, world, &why);
    world->client = turn_client_new(&world->host->io, &options, &events, world);
}

static void
close_world(struct world *world)
{
    if (world->client) {
        const struct turn_client_counters *counters = turn_client_counters(world->client);

        g_assert_cmpuint(world->delivered, ==, counters->received_channel + counters->received_indication);
        g_assert_cmpuint(counters->unsent, <=, counters->held);
        turn_client_free(world->client);
    }
    if (world->shared)
        world->shared->ops->close(world->shared);
    for (guint i = 0; i < world->streams->len; i++) {
        struct io_tcp *tcp = g_ptr_array_index(world->streams, i);

        tcp->ops->close(tcp, true);
    }
    world->listener->ops->close(world->listener, false);
    carry(world);
    g_ptr_array_unref(world->streams);
    stun_key_free(world->key);
    g_assert_true(fake_io_free(world->host));
    g_assert_true(fake_io_free(world->far));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct reader input = reader_over(span_of(bytes, length));
    struct world world = { 0 };

    open_world(&world);
    start(&world, &input);
    for (int steps = 0; steps < MOST_STEPS && reader_left(&input) > 0 && world.client; steps++)
        step(&world, &input);
    /* Whatever is under way ends: every request in its time, or with the release. */
    world.host->send_result = IO_OK;
    world.frees = false;
    world.again = MOST_AGAIN;
    if (world.client) {
        turn_client_release(world.client);
        fake_io_advance(world.host, 5 * TIME_MIN);
    }
    g_assert_cmpuint(world.done, ==, world.begun);
    g_assert_false(world.client && !world.over);
    g_assert_false(fake_io_busy(world.host));
    close_world(&world);
    return 0;
}
