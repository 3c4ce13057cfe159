/* The TURN server on a host of the small network: what a relay does to packets (RFC 8656 sections 11.5 and 14). */
#include "tests/unit/support.h"

#include "core/net/stack.h"
#include "proto/turn/channel_data.h"
#include "proto/turn/server.h"
#include "tests/unit/support_net.h"

#define SERVER "198.51.100.1:3478"
#define PEER "192.0.2.1:7000"

static struct net_trio trio;
static struct turn_server *server;
static struct net_socket client, peer;
static struct endpoint relayed;

static void
begin(struct stun_builder *builder, uint8_t *buffer, size_t capacity, enum stun_class class, uint16_t method)
{
    struct stun_header header = { .class = class, .method = method, .cookie = STUN_COOKIE };

    stun_builder_begin(builder, buffer, capacity, &header);
}

static void
send_marked(struct net_socket *from, const char *to, struct span data, int dscp, int df)
{
    struct io_datagram datagram = IO_DATAGRAM_TO(net_endpoint(to), data);

    datagram.dscp = (int16_t)dscp;
    datagram.dont_fragment = (int16_t)df;
    datagram.ttl = 33;
    CHECK_ROW_INT("sent", from->udp->ops->send(from->udp, &datagram), IO_OK);
    net_run(trio.world, TIME_S);
}

static void
set_up(void)
{
    struct turn_server_options options = TURN_SERVER_DEFAULTS;
    const struct turn_allocation *allocation;
    struct stun_builder builder;
    uint8_t buffer[256];
    enum io_result why;

    net_trio_start(&trio);
    memset(&client, 0, sizeof client);
    memset(&peer, 0, sizeof peer);
    server = turn_server_new(node_io(trio.b), &options, &why);
    CHECK(server != NULL);
    CHECK_ROW_INT("client", net_socket_open(&client, node_io(trio.a), "192.0.2.1:5000"), IO_OK);
    CHECK_ROW_INT("peer", net_socket_open(&peer, node_io(trio.a), PEER), IO_OK);
    begin(&builder, buffer, sizeof buffer, STUN_REQUEST, STUN_ALLOCATE);
    stun_put_number(&builder, STUN_REQUESTED_TRANSPORT, PROTOCOL_UDP);
    send_marked(&client, SERVER, stun_builder_finish(&builder), IO_UNSET, IO_UNSET);
    begin(&builder, buffer, sizeof buffer, STUN_REQUEST, STUN_CHANNEL_BIND);
    stun_put_number(&builder, STUN_CHANNEL_NUMBER, 0x4000);
    stun_put_endpoint(&builder, STUN_XOR_PEER_ADDRESS, net_endpoint(PEER));
    send_marked(&client, SERVER, stun_builder_finish(&builder), IO_UNSET, IO_UNSET);
    allocation = turn_server_next(server, NULL);
    CHECK(allocation && allocation->channels == 1);
    if (allocation)
        relayed = allocation->relays[0].relayed;
}

static void
tear_down(void)
{
    turn_server_free(server);
    net_socket_end(&client);
    net_socket_end(&peer);
    net_trio_end(&trio);
}

/* DSCP and DF are copied both ways, TTL starts anew: a host sends with 64, and one router is on the way. */
static void
test_headers(void)
{
    uint8_t buffer[64];
    char text[ENDPOINT_TEXT];

    for (int df = 0; df < 2; df++) {
        unsigned seen = peer.got->len, back = client.got->len;
        const struct net_got *got;

        send_marked(&client, SERVER, turn_channel_data_write(0x4000, span_of_text("to"), buffer, sizeof buffer), 46, df);
        got = net_socket_got(&peer, seen);
        CHECK_ROW_TEXT("data", got ? got->data : NULL, "to");
        CHECK(got && endpoint_equal(got->datagram.peer, relayed));
        CHECK_ROW_INT("DSCP", got ? got->datagram.dscp : -1, 46);
        CHECK_ROW_INT("DF", got ? got->datagram.dont_fragment : -1, df);
        CHECK_ROW_INT("TTL", got ? got->datagram.ttl : -1, 63);

        send_marked(&peer, endpoint_format(relayed, text), span_of_text("fro"), 10, df);
        got = net_socket_got(&client, back);
        CHECK_ROW_INT("framed", got ? (int64_t)got->length : -1, 7);
        CHECK_ROW_INT("DSCP", got ? got->datagram.dscp : -1, 10);
        CHECK_ROW_INT("DF", got ? got->datagram.dont_fragment : -1, df);
        CHECK_ROW_INT("TTL", got ? got->datagram.ttl : -1, 63);
    }
}

/* The peer's port closes: its host says so to the relay, and the relay to the client. */
static void
test_icmp(void)
{
    uint8_t buffer[64];
    unsigned before = client.got->len;
    const struct net_got *got;
    struct stun_message message;
    struct stun_value value;

    net_socket_close(&peer);
    send_marked(&client, SERVER, turn_channel_data_write(0x4000, span_of_text("to"), buffer, sizeof buffer), IO_UNSET, 0);
    got = net_socket_got(&client, before);
    CHECK(got && stun_message_decode(span_of(got->data, got->length), &message) == STUN_FAULT_NONE);
    if (!got)
        return;
    CHECK_ROW_INT("method", message.header.method, STUN_DATA);
    CHECK(stun_message_get(&message, STUN_ICMP, &value) == STUN_PRESENT);
    CHECK_ROW_INT("type 3, code 3", value.number >> 32, 0x0303);
    CHECK(stun_message_get(&message, STUN_XOR_PEER_ADDRESS, &value) == STUN_PRESENT &&
          endpoint_equal(value.endpoint, net_endpoint(PEER)));
}

/* Timers of what is kept are idle: they end things in time, and hold no run up. */
static void
test_time(void)
{
    CHECK_ROW_INT("there", turn_server_allocations(server), 1);
    net_run(trio.world, 600 * TIME_S);
    CHECK_ROW_INT("expired", turn_server_counters(server)->expired, 1);
    CHECK_ROW_INT("gone", turn_server_allocations(server), 0);
}

void
suite_turn_net(void)
{
    UNIT_SUITE("turn net", set_up, tear_down, { "headers", test_headers }, { "icmp", test_icmp }, { "time", test_time });
}
