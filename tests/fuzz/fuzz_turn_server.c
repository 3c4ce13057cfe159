/* A TURN server in the hands of the input: it decides what clients ask, send and make up, over UDP and TCP, what peers and
 * ICMP say, when the host refuses to send or to open a port, and how time goes on.
 *
 * What must hold: counters add up, allocations stay within the limits, nothing reaches a peer that may not be reached, and
 * nothing is left armed, open or leaked at the end. */
#include "core/base/cursor.h"
#include "proto/turn/server.h"
#include "tests/unit/support_io.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define MOST_STEPS 400
#define CLIENTS 4
#define LINES 4
#define TOTAL 6
#define PEERS 8

struct world {
    struct fake_io *host, *far;
    struct turn_server *server;
    struct endpoint at;
    struct io_tcp *lines[LINES], *listener;
    struct endpoint relayed[CLIENTS];
    uint32_t connection;
};

static const char *const peers[PEERS] = { "203.0.113.9:7000", "203.0.113.9:7001", "203.0.113.10:7000", "127.0.0.1:80",
                                          "10.0.0.1:80", "198.51.100.1:3478", "192.0.2.1:7000", "[2001:db8::9]:1" };

static struct endpoint
endpoint_of(const char *text)
{
    struct endpoint endpoint;

    g_assert_true(endpoint_parse(text, &endpoint));
    return endpoint;
}

static struct endpoint
client_of(unsigned n)
{
    return (struct endpoint){ address_ipv4(0xC0000202), (uint16_t)(5000 + n % CLIENTS) };
}

/* One of a few, or an address at which a client is reached. */
static struct endpoint
choose_peer(struct world *world, struct reader *input)
{
    uint8_t n = reader_u8(input);

    return n & 128 ? world->relayed[n % CLIENTS] : endpoint_of(peers[n % PEERS]);
}

/* Attributes one after another, until the input says that it is enough. */
static void
put_attributes(struct world *world, struct stun_builder *builder, struct reader *input)
{
    static const uint16_t numbers[] = { STUN_REQUESTED_TRANSPORT,     STUN_LIFETIME, STUN_EVEN_PORT,
                                        STUN_REQUESTED_ADDRESS_FAMILY, STUN_CHANNEL_NUMBER,
                                        STUN_ADDITIONAL_ADDRESS_FAMILY };

    for (uint8_t what = reader_u8(input); what & 15 && !reader_failed(input); what = reader_u8(input)) {
        uint8_t value = reader_u8(input);

        switch (what & 15) {
        case 7:
            stun_put_endpoint(builder, STUN_XOR_PEER_ADDRESS, choose_peer(world, input));
            break;
        case 8:
            stun_put_text(builder, STUN_DATA_ATTRIBUTE, reader_span(input, MIN(value, reader_left(input))));
            break;
        case 9:
            stun_put_number(builder, STUN_CONNECTION_ID, world->connection ^ (value & 1));
            break;
        case 10:
            stun_put_number(builder, STUN_RESERVATION_TOKEN, value);
            break;
        case 11:
            stun_put_flag(builder, STUN_DONT_FRAGMENT);
            break;
        case 12:
            stun_builder_raw(builder, (uint16_t)(what << 8 | value), span_of(NULL, 0));
            break;
        default:
            stun_put_number(builder, numbers[(what & 15) % G_N_ELEMENTS(numbers)],
                            what & 64 ? 0x4000u + value % 4 : value);
            break;
        }
    }
}

static struct span
build(struct world *world, struct reader *input, uint8_t *buffer, size_t capacity)
{
    static const uint16_t methods[] = { STUN_ALLOCATE, STUN_REFRESH, STUN_CREATE_PERMISSION, STUN_CHANNEL_BIND,
                                        STUN_CONNECT,  STUN_CONNECTION_BIND, STUN_SEND, STUN_BINDING };
    uint8_t method = reader_u8(input);
    struct stun_header header = { .class = method & 8 ? STUN_INDICATION : STUN_REQUEST, .cookie = STUN_COOKIE,
                                  .method = methods[method & 7], .id.bytes = { method >> 4 } };
    struct stun_builder builder;

    stun_builder_begin(&builder, buffer, capacity, &header);
    if (header.method == STUN_ALLOCATE && method & 128) /* most are to succeed */
        stun_put_number(&builder, STUN_REQUESTED_TRANSPORT, method & 64 ? PROTOCOL_TCP : PROTOCOL_UDP);
    put_attributes(world, &builder, input);
    return stun_builder_finish(&builder);
}

/* Learns what the server tells its clients, and checks that it talks to nobody else than it may. */
static void
look(struct world *world)
{
    const struct fake_datagram *sent;

    while ((sent = fake_io_take(world->host))) {
        struct stun_message message;
        struct stun_value value;

        g_assert_false(address_is_loopback(sent->peer.address));
        g_assert_false(address_is_private(sent->peer.address));
        g_assert_false(endpoint_equal(sent->peer, world->at));
        if (address_equal(sent->peer.address, world->at.address)) /* a relayed address of its own */
            fake_io_deliver(world->host, sent->peer, sent->local, sent->data);
        else if (stun_message_decode(sent->data, &message) == STUN_FAULT_NONE &&
                 stun_message_get(&message, STUN_XOR_RELAYED_ADDRESS, &value) == STUN_PRESENT)
            world->relayed[sent->peer.port % CLIENTS] = value.endpoint;
    }
}

/* --- streams ----------------------------------------------------------------------------------------------------- */

static void
on_line(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    struct world *world = owner;
    uint8_t bytes[512];
    struct stun_message message;
    struct stun_value value;
    enum io_result why;
    ssize_t got;

    (void)result;
    if (ready != IO_READABLE)
        return;
    while ((got = tcp->ops->read(tcp, bytes, sizeof bytes, &why)) > 0)
        if (stun_message_decode(span_of(bytes, (size_t)got), &message) == STUN_FAULT_NONE) {
            if (stun_message_get(&message, STUN_CONNECTION_ID, &value) == STUN_PRESENT)
                world->connection = (uint32_t)value.number;
            if (stun_message_get(&message, STUN_XOR_RELAYED_ADDRESS, &value) == STUN_PRESENT)
                world->relayed[0] = value.endpoint;
        }
}

static void
on_listener(void *owner, struct io_tcp *listener, enum io_ready ready, enum io_result result)
{
    struct world *world = owner;
    struct io_tcp *tcp;

    (void)ready, (void)result;
    while ((tcp = listener->ops->accept(listener, on_line, world)))
        for (size_t i = 0;; i++) {
            if (i == LINES)
                tcp->ops->close(tcp, true);
            else if (world->lines[i])
                continue;
            else
                world->lines[i] = tcp;
            break;
        }
}

static void
use_line(struct world *world, uint8_t what, struct reader *input)
{
    struct io_tcp **line = &world->lines[what % LINES];
    struct endpoint any = { ADDRESS_NONE, 0 };
    uint8_t buffer[1024];
    enum io_result why;
    struct span data;

    if (!*line) {
        *line = world->far->io.ops->connect(&world->far->io, &any, what & 4 ? &world->relayed[0] : &world->at, false,
                                            on_line, world, &why);
    } else if (what & 8) {
        (*line)->ops->close(*line, what & 16);
        *line = NULL;
    } else if (what & 16) {
        (*line)->ops->shutdown(*line);
    } else {
        data = what & 32 ? reader_span(input, MIN(reader_u8(input), reader_left(input)))
                         : build(world, input, buffer, sizeof buffer);
        if (data.length)
            (*line)->ops->write(*line, data.bytes, data.length, &why);
    }
}

/* --- steps ------------------------------------------------------------------------------------------------------- */

static void
step(struct world *world, struct reader *input)
{
    static const enum io_result results[] = { IO_OK, IO_FULL, IO_UNREACHABLE, IO_OK };
    uint8_t what = reader_u8(input), buffer[1024];
    struct span data;

    switch (what & 7) {
    case 0:
    case 1:
        data = build(world, input, buffer, sizeof buffer);
        if (data.length)
            fake_io_deliver(world->host, world->at, client_of(what >> 4), data);
        break;
    case 2:
        data = reader_span(input, MIN(reader_u8(input), reader_left(input)));
        fake_io_deliver(world->host, world->at, client_of(what >> 4), data);
        break;
    case 3:
        data = reader_span(input, MIN(reader_u8(input), reader_left(input)));
        fake_io_deliver(world->host, world->relayed[what >> 6], choose_peer(world, input), data);
        break;
    case 4:
        fake_io_deliver_icmp(world->host, world->relayed[what >> 6], choose_peer(world, input), reader_u8(input),
                             what >> 4);
        break;
    case 5:
        fake_io_advance(world->host, what & 128 ? reader_u16(input) * TIME_MS : reader_u8(input) * 10 * TIME_S);
        break;
    case 6:
        use_line(world, what >> 3, input);
        fake_io_carry_streams(world->far, world->host);
        break;
    case 7:
        if (what & 128)
            fake_io_break_streams(world->far);
        else if (what & 64)
            turn_server_drain(world->server, what & 32 ? &world->at : NULL);
        else
            world->host->send_result = results[what >> 3 & 3];
        break;
    }
    look(world);
}

static void
check(const struct world *world)
{
    const struct turn_server_counters *counters = turn_server_counters(world->server);
    uint64_t dropped = 0, ended = counters->expired + counters->deleted + counters->disconnected;
    unsigned walked = 0;

    for (unsigned reason = 0; reason < DROP_REASON_COUNT; reason++)
        dropped += turn_server_dropped(world->server, reason);
    for (const struct turn_allocation *at = NULL; (at = turn_server_next(world->server, at));)
        walked++;
    g_assert_cmpuint(dropped, ==, counters->dropped);
    g_assert_cmpuint(counters->successes + counters->errors, <=, counters->requests);
    g_assert_cmpuint(walked, ==, turn_server_allocations(world->server));
    g_assert_cmpuint(walked, ==, counters->allocated - ended);
    g_assert_cmpuint(walked, <=, TOTAL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct reader input = reader_over(span_of(bytes, length));
    struct turn_server_options options = TURN_SERVER_DEFAULTS;
    uint8_t how = reader_u8(&input);
    struct world world = { .host = fake_io_new("198.51.100.1"), .far = fake_io_new("192.0.2.1"),
                           .at = endpoint_of("198.51.100.1:3478") };
    struct endpoint local = endpoint_of("192.0.2.1:7000");
    enum io_result why;

    options.listen[0].at = world.at;
    options.total = TOTAL;
    options.port_first = 50000;
    options.port_last = (uint16_t)(50000 + (how & 15));
    options.connections = 3;
    options.bytes_per_second = how & 16 ? 100 : 0;
    options.no_dont_fragment = how & 32;
    options.no_relay_to_relay = how & 64;
    options.secret = how & 128 ? span_of_text("north") : span_of(NULL, 0); /* then nobody gets in */
    world.server = turn_server_new(&world.host->io, &options, &why);
    g_assert_nonnull(world.server);
    world.listener = world.far->io.ops->listen(&world.far->io, &local, false, on_listener, &world, &why);
    for (int i = 0; i < MOST_STEPS && reader_left(&input) > 0; i++) {
        step(&world, &input);
        check(&world);
    }
    turn_server_free(world.server);
    fake_io_carry_streams(world.far, world.host);
    for (size_t i = 0; i < LINES; i++)
        if (world.lines[i])
            world.lines[i]->ops->close(world.lines[i], true);
    world.listener->ops->close(world.listener, false);
    fake_io_carry_streams(world.far, world.host);
    g_assert_true(fake_io_free(world.host));
    g_assert_true(fake_io_free(world.far));
    return 0;
}
