/* A TURN server: datagrams relayed in a simulated world, from a client behind a NAT to a public peer over a channel. */
#include <glib.h>

#include "core/net/net.h"
#include "core/net/stack.h"
#include "nat/presets.h"
#include "proto/turn/channel_data.h"
#include "proto/turn/server.h"
#include "scenarios/lab/lab.h"
#include "tests/bench/bench.h"

#define PACKETS 200000
#define INTERVAL (10 * TIME_US)
#define PAYLOAD 100

struct relay_way {
    struct lab *lab;
    struct turn_server *server;
    struct io *io;
    struct io_udp *client, *peer;
    struct io_timer timer;
    struct endpoint server_at;
    uint64_t left, arrived;
};

static void
on_peer(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct relay_way *way = owner;

    (void)udp;
    way->arrived++;
    bench_keep(datagram->data.bytes[0]);
}

static void
on_client(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    (void)owner, (void)udp, (void)datagram;
}

static const struct io_udp_events peer_events = { on_peer, NULL }, client_events = { on_client, NULL };

static void
send_client(struct relay_way *way, struct span data)
{
    struct io_datagram datagram = IO_DATAGRAM_TO(way->server_at, data);

    way->client->ops->send(way->client, &datagram);
}

static void
send_next(void *owner, struct io_timer *timer)
{
    static const uint8_t payload[PAYLOAD];
    struct relay_way *way = owner;
    uint8_t message[PAYLOAD + TURN_CHANNEL_HEADER_BYTES];

    send_client(way, turn_channel_data_write(TURN_CHANNEL_FIRST, span_of(payload, sizeof payload), message,
                                             sizeof message));
    if (--way->left > 0)
        way->io->ops->arm(way->io, timer, timer->at + INTERVAL, true);
}

/* Thousands of datagrams a second of one processor. */
static double
relayed(void *context)
{
    struct relay_way *way = context;
    struct world *world = way->lab->world;
    uint64_t before = way->arrived;
    double begun = bench_cpu(), spent;

    way->left = PACKETS;
    way->io->ops->arm(way->io, &way->timer, world->now, true);
    world_run(world, world->now + (int64_t)PACKETS * INTERVAL + TIME_S / 10);
    spent = bench_cpu() - begun;
    g_assert(way->arrived - before == PACKETS);
    return PACKETS / spent / 1e3;
}

static struct span
allocate_request(uint8_t *buffer, size_t capacity)
{
    struct stun_header header = { .class = STUN_REQUEST, .method = STUN_ALLOCATE, .cookie = STUN_COOKIE };
    struct stun_builder builder;

    stun_builder_begin(&builder, buffer, capacity, &header);
    stun_put_number(&builder, STUN_REQUESTED_TRANSPORT, PROTOCOL_UDP);
    stun_put_number(&builder, STUN_LIFETIME, 3600);
    return stun_builder_finish(&builder);
}

static struct span
bind_request(struct endpoint peer, uint8_t *buffer, size_t capacity)
{
    struct stun_header header = { .class = STUN_REQUEST, .method = STUN_CHANNEL_BIND, .cookie = STUN_COOKIE };
    struct stun_builder builder;

    stun_builder_begin(&builder, buffer, capacity, &header);
    stun_put_number(&builder, STUN_CHANNEL_NUMBER, TURN_CHANNEL_FIRST);
    stun_put_endpoint(&builder, STUN_XOR_PEER_ADDRESS, peer);
    return stun_builder_finish(&builder);
}

void
bench_turn(struct bench *bench)
{
    struct relay_way way = { .timer = { .fire = send_next, .owner = &way } };
    struct nat_options nat = nat_preset_find("port-restricted-cone")->options;
    struct turn_server_options options = TURN_SERVER_DEFAULTS;
    struct lab_network *internet, *home;
    struct endpoint any = { .port = 5000 }, peer = { .port = 5000 };
    struct node *relay, *a, *b;
    uint8_t buffer[256];
    enum io_result why;

    way.lab = lab_new(1);
    internet = lab_internet(way.lab, "internet", NULL, NULL, NULL);
    home = lab_nat(internet, "natA", "203.0.113.1", &nat, NULL, "10.0.0.0/24", NULL, NULL, NULL);
    a = lab_host(home, "A", NULL, NULL, NULL);
    b = lab_host(internet, "B", "203.0.113.9", NULL, NULL);
    relay = lab_host(internet, "relay", "198.51.100.1", NULL, NULL);
    peer.address = address_ipv4(0xcb007109);
    way.server_at = (struct endpoint){ address_ipv4(0xc6336401), STUN_PORT };
    way.server = turn_server_new(node_io(relay), &options, &why);
    g_assert(way.server);
    way.io = node_io(a);
    way.client = way.io->ops->udp(way.io, &any, &client_events, &way, &why);
    way.peer = node_io(b)->ops->udp(node_io(b), &any, &peer_events, &way, &why);
    send_client(&way, allocate_request(buffer, sizeof buffer));
    world_run(way.lab->world, TIME_S);
    send_client(&way, bind_request(peer, buffer, sizeof buffer));
    world_run(way.lab->world, 2 * TIME_S);
    bench_row(bench, "relayed in simulation, client behind a NAT, channel", "k/s", BENCH_MORE, 600,
              bench_median(bench, relayed, &way), 0);
    turn_server_free(way.server);
    lab_free(way.lab);
}
