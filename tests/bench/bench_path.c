/* A packet's way: from a host through its NAT, the internet and another NAT to a host. Five events each: the sender's
 * timer and four arrivals. Beside each rate stands a bare loop that does as many events in a queue of the same kind, at
 * the same times, and two hash look-ups a packet, but has no packet; where the packets are captured, it writes as many
 * records with libpcap. */
#include <glib.h>
#include <malloc.h>

#include "core/base/hash.h"
#include "core/net/net.h"
#include "core/net/stack.h"
#include "core/trace/tracer.h"
#include "nat/presets.h"
#include "scenarios/lab/lab.h"
#include "tests/bench/bench.h"
#include "tests/bench/bench_trace.h"

#define PACKETS 200000
#define PACKETS_CAPTURED 50000
#define RECORDS 8 /* of a packet: it passes eight interfaces */
#define INTERVAL (10 * TIME_US)
#define PAYLOAD 100
#define FIRST_PORT 10000

/* --- the simulated way ---------------------------------------------------------------------------------------- */

struct way {
    struct lab *lab;
    unsigned flows, turn;
    struct io_udp **from, **to; /* sockets of A and B, one a flow, on the same ports */
    struct io *io;
    struct io_timer timer;
    uint64_t left, arrived;
    struct address peer; /* B's NAT */
};

static void
count_arrival(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct way *way = owner;

    (void)udp;
    way->arrived++;
    bench_keep(datagram->data.bytes[0]);
}

static const struct io_udp_events count_events = { count_arrival, NULL };

static void
send_next(void *owner, struct io_timer *timer)
{
    static const uint8_t payload[PAYLOAD];
    struct way *way = owner;
    struct endpoint peer = { way->peer, (uint16_t)(FIRST_PORT + way->turn) };
    struct io_datagram datagram = IO_DATAGRAM_TO(peer, span_of(payload, sizeof payload));

    way->from[way->turn]->ops->send(way->from[way->turn], &datagram);
    way->turn = way->turn + 1 == way->flows ? 0 : way->turn + 1;
    if (--way->left > 0)
        way->io->ops->arm(way->io, timer, timer->at + INTERVAL, true);
}

/* Seconds that so many packets take. */
static double
send_packets(struct way *way, uint64_t count)
{
    struct world *world = way->lab->world;
    uint64_t before = way->arrived;
    double begun = bench_clock(), spent;

    way->left = count;
    way->io->ops->arm(way->io, &way->timer, world->now, true);
    world_run(world, world->now + (int64_t)count * INTERVAL + TIME_S / 10);
    spent = bench_clock() - begun;
    g_assert(way->arrived - before == count);
    return spent;
}

/* The same with a pcap for each interface, completed. */
static double
send_captured(struct way *way, uint64_t count, const char *folder)
{
    struct net *net = world_net(way->lab->world);
    g_autoptr(tracer) tracer = tracer_open(way->lab->world, folder, TRACER_PCAP, NULL);
    const struct trace_file *files;
    uint64_t records = 0;
    double begun, spent;
    size_t made;

    for (guint i = 1; i < net->ports_by_interface->len; i++) {
        struct port *port = net->ports_by_interface->pdata[i];

        tracer_add(tracer, port, port->node->name, "net", NULL);
    }
    spent = send_packets(way, count);
    begun = bench_clock();
    tracer_close(tracer, NULL);
    spent += bench_clock() - begun;
    files = tracer_files(tracer, &made);
    for (size_t i = 0; i < made; i++)
        records += files[i].packets;
    g_assert(records == count * RECORDS);
    return spent;
}

static struct io_udp **
open_sockets(struct way *way, struct node *node)
{
    struct io *io = node_io(node);
    struct io_udp **sockets = g_new(struct io_udp *, way->flows);

    for (unsigned i = 0; i < way->flows; i++) {
        enum io_result why = IO_OK;
        struct endpoint local = { .port = (uint16_t)(FIRST_PORT + i) };

        sockets[i] = io->ops->udp(io, &local, &count_events, way, &why);
        g_assert(sockets[i]);
    }
    return sockets;
}

/* One packet a flow from `sockets` to the other side's NAT: makes the mappings, which preserve ports, and opens the
 * filters. */
static void
punch(struct way *way, struct io_udp **sockets, struct address peer)
{
    for (unsigned i = 0; i < way->flows; i++) {
        struct endpoint to = { peer, (uint16_t)(FIRST_PORT + i) };
        struct io_datagram datagram = IO_DATAGRAM_TO(to, span_of_text("punch"));

        sockets[i]->ops->send(sockets[i], &datagram);
    }
    world_run(way->lab->world, way->lab->world->now + TIME_MS);
}

static struct way *
way_new(unsigned flows, int64_t jitter)
{
    struct way *way = g_new0(struct way, 1);
    struct nat_options options = nat_preset_find("port-restricted-cone")->options;
    struct lab_link uplink = lab_link_default;
    struct lab_network *internet, *home_a, *home_b;
    struct node *a, *b;

    options.udp.timeout = 24 * 60 * TIME_MIN;
    uplink.up.jitter = jitter;
    way->lab = lab_new(1);
    way->flows = flows;
    internet = lab_internet(way->lab, "internet", NULL, NULL, NULL);
    home_a = lab_nat(internet, "natA", "203.0.113.1", &options, NULL, "10.0.0.0/24", &uplink, NULL, NULL);
    home_b = lab_nat(internet, "natB", "203.0.113.2", &options, NULL, "10.1.1.0/24", NULL, NULL, NULL);
    a = lab_host(home_a, "A", NULL, NULL, NULL);
    b = lab_host(home_b, "B", NULL, NULL, NULL);
    way->from = open_sockets(way, a);
    way->to = open_sockets(way, b);
    way->peer = address_ipv4(0xcb007102);
    punch(way, way->to, address_ipv4(0xcb007101));
    punch(way, way->from, way->peer);
    way->io = node_io(a);
    way->timer.fire = send_next;
    way->timer.owner = way;
    return way;
}

static void
way_free(struct way *way)
{
    g_assert(net_balanced(way->lab->world));
    lab_free(way->lab);
    g_free(way->from);
    g_free(way->to);
    g_free(way);
}

/* --- the bare loop -------------------------------------------------------------------------------------------- */

struct bare {
    struct queue *queue;
    struct slab packets;
    struct hash_index index;
    struct flow *keys; /* number: place here, from 1 */
    unsigned flows, turn;
    int64_t now, jitter;
    struct random_stream dice;
    struct event timer;
    uint64_t left, arrived;
};

struct bare_packet {
    struct event event;
    struct bare *bare;
    struct flow flow;
    unsigned hop;
};

static uint32_t
key_hash(const struct flow *flow)
{
    return (uint32_t)mix64(endpoint_hash(flow_source(flow)) + endpoint_hash(flow_destination(flow)));
}

static bool
look_up(const struct bare *bare, const struct flow *flow)
{
    uint32_t hash = key_hash(flow), number, i;

    for (i = hash_index_first(&bare->index, hash); (number = hash_index_value(&bare->index, i));
         i = hash_index_next(&bare->index, i, hash)) {
        const struct flow *key = &bare->keys[number];

        if (endpoint_equal(flow_source(key), flow_source(flow)) &&
            endpoint_equal(flow_destination(key), flow_destination(flow)))
            return true;
    }
    return false;
}

static void
bare_arrive(struct event *event)
{
    struct bare_packet *packet = (struct bare_packet *)event;
    struct bare *bare = packet->bare;
    int64_t delay = TIME_MS / 10;

    if (packet->hop == 0 || packet->hop == 2)
        g_assert(look_up(bare, &packet->flow));
    if (packet->hop == 0 && bare->jitter)
        delay += (int64_t)random_below(&bare->dice, (uint64_t)bare->jitter);
    if (++packet->hop < 4) {
        queue_schedule(bare->queue, event, bare->now + delay);
        return;
    }
    bare->arrived++;
    slab_return(&bare->packets, packet);
}

static void
bare_turn(struct event *event)
{
    struct bare *bare = (struct bare *)((char *)event - offsetof(struct bare, timer));
    struct bare_packet *packet = slab_take(&bare->packets);

    *packet = (struct bare_packet){ .bare = bare, .flow = bare->keys[1 + bare->turn] };
    packet->event.fire = bare_arrive;
    bare->turn = bare->turn + 1 == bare->flows ? 0 : bare->turn + 1;
    queue_schedule(bare->queue, &packet->event, bare->now + TIME_MS / 10);
    if (--bare->left > 0)
        queue_schedule(bare->queue, event, bare->now + INTERVAL);
}

static double
send_bare(struct bare *bare, uint64_t count)
{
    uint64_t before = bare->arrived;
    double begun = bench_clock();
    struct event *event;

    bare->left = count;
    queue_schedule(bare->queue, &bare->timer, bare->now);
    while ((event = queue_pop(bare->queue, TIME_NEVER))) {
        bare->now = event->at;
        event->fire(event);
    }
    g_assert(bare->arrived - before == count);
    return bench_clock() - begun;
}

static struct bare *
bare_new(unsigned flows, int64_t jitter)
{
    struct bare *bare = g_new0(struct bare, 1);

    bare->queue = queue_new();
    slab_init(&bare->packets, sizeof(struct bare_packet));
    bare->flows = flows;
    bare->jitter = jitter;
    bare->dice = random_stream_of(1, "bare", "jitter");
    bare->timer.fire = bare_turn;
    bare->keys = g_new0(struct flow, flows + 1);
    for (unsigned i = 1; i <= flows; i++) {
        bare->keys[i] = (struct flow){ address_ipv4(0x0a000002), address_ipv4(0xcb007102), (uint16_t)(FIRST_PORT + i),
                                       (uint16_t)(FIRST_PORT + i), PROTOCOL_UDP };
        hash_index_insert(&bare->index, key_hash(&bare->keys[i]), i);
    }
    return bare;
}

static void
bare_free(struct bare *bare)
{
    queue_free(bare->queue);
    slab_clear(&bare->packets);
    hash_index_clear(&bare->index);
    g_free(bare->keys);
    g_free(bare);
}

/* --- both in turns -------------------------------------------------------------------------------------------- */

struct pair {
    struct way *way;
    struct bare *bare;
    char *folder; /* for captures */
};

/* Millions of packets a second. */
static double
measure_way(void *context)
{
    return PACKETS / send_packets(((struct pair *)context)->way, PACKETS) / 1e6;
}

static double
measure_bare(void *context)
{
    return PACKETS / send_bare(((struct pair *)context)->bare, PACKETS) / 1e6;
}

static double
measure_captured(void *context)
{
    const struct pair *pair = context;

    return PACKETS_CAPTURED / send_captured(pair->way, PACKETS_CAPTURED, pair->folder) / 1e6;
}

static double
measure_bare_captured(void *context)
{
    const struct pair *pair = context;
    double spent = send_bare(pair->bare, PACKETS_CAPTURED);

    spent += bench_bare_pcap(pair->folder, PACKETS_CAPTURED * RECORDS, IPV4_HEADER + UDP_HEADER + PAYLOAD);
    return PACKETS_CAPTURED / spent / 1e6;
}

static void
compare(struct bench *bench, const char *figure, double reach, unsigned flows, int64_t jitter)
{
    struct pair pair = { way_new(flows, jitter), bare_new(flows, jitter), NULL };

    bench_compare(bench, figure, "M/s", BENCH_MORE, reach, measure_way, measure_bare, &pair);
    way_free(pair.way);
    bare_free(pair.bare);
}

static void
compare_captured(struct bench *bench)
{
    struct pair pair = { way_new(1, 0), bare_new(1, 0), bench_folder() };

    bench_compare(bench, "one flow, every interface captured to pcap", "M/s", BENCH_MORE, 0.6, measure_captured,
                  measure_bare_captured, &pair);
    bench_folder_remove(pair.folder);
    g_free(pair.folder);
    way_free(pair.way);
    bare_free(pair.bare);
}

/* --- sizes ---------------------------------------------------------------------------------------------------- */

static size_t
heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

static void
bytes_a_mapping(struct bench *bench)
{
    enum { MAPPINGS = 10000 };
    struct way *one = way_new(1, 0), *many = way_new(MAPPINGS, 0);
    size_t few = nat_bytes(nat_of(lab_find(one->lab, "natA")->node));
    size_t all = nat_bytes(nat_of(lab_find(many->lab, "natA")->node));

    bench_row(bench, "a mapping, of 10,000", "bytes", BENCH_LESS, 160, (double)(all - few) / (MAPPINGS - 1), 0);
    way_free(one);
    way_free(many);
}

/* What the figures count: a host's node, port, uplink and name; a NAT's node, two ports, uplink, name and the
 * translator. */
static void
bytes_of_parts(struct bench *bench)
{
    struct way *way = way_new(1, 0);
    const struct net *net = world_net(way->lab->world);
    size_t host = net->nodes.size + net->ports.size + net->links.size + sizeof "host12345";
    struct lab_network *home;

    home =
        lab_nat(way->lab->networks->pdata[0], "nat12345", NULL, &nat_presets[0].options, NULL, NULL, NULL, NULL, NULL);
    bench_row(bench, "a host at rest", "bytes", BENCH_LESS, 512, (double)host, 0);
    bench_row(bench, "a NAT at rest", "bytes", BENCH_LESS, 1024,
              (double)(host + net->ports.size + nat_bytes(nat_of(home->box->node))), 0);
    way_free(way);
}

/* And what the whole takes from the heap for each: tables of names and addresses, segments, the router's routes. */
static void
bytes_of_all(struct bench *bench)
{
    enum { NATS = 10000, HOSTS = 100000 };
    struct lab *lab = lab_new(1);
    struct lab_network *internet = lab_internet(lab, "internet", NULL, NULL, NULL);
    size_t before = heap_bytes(), with_nats;
    char name[16];

    for (unsigned i = 0; i < NATS; i++) {
        g_snprintf(name, sizeof name, "nat%u", i);
        lab_nat(internet, name, NULL, &nat_presets[0].options, "full-cone", NULL, NULL, NULL, NULL);
    }
    with_nats = heap_bytes();
    for (unsigned i = 0; i < HOSTS; i++) {
        g_snprintf(name, sizeof name, "host%u", i);
        lab_host(lab->networks->pdata[1 + i % NATS], name, NULL, NULL, NULL);
    }
    bench_row(bench, "  with its places in all tables, of 100,000", "bytes", BENCH_LESS, 0,
              (double)(heap_bytes() - with_nats) / HOSTS, 0);
    bench_row(bench, "  a NAT likewise, of 10,000", "bytes", BENCH_LESS, 0, (double)(with_nats - before) / NATS, 0);
    lab_free(lab);
}

void
bench_path(struct bench *bench)
{
    compare(bench, "UDP through two NATs, one flow", 2.5, 1, 0);
    compare(bench, "the same with 1 ms jitter", 1.2, 1, TIME_MS);
    compare(bench, "the same over 10,000 flows", 0.8, 10000, 0);
    compare_captured(bench);
    bytes_a_mapping(bench);
    bytes_of_parts(bench);
    bytes_of_all(bench);
}
