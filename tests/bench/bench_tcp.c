/* A TCP transfer: from a host through its box, the internet and another box to a host, over clean links of 1 Gbit/s.
 * The boxes only forward, or are NATs, of which the second lets the connection in by a forwarding rule. Beside the rate stands a bare loop that does as many events in a queue
 * of the same kind, and moves and sums the bytes as often, but knows no TCP. Payload in Gbit for a second of the wall
 * clock. */
#include <glib.h>

#include "core/net/checksum.h"
#include "core/net/net.h"
#include "core/net/stack.h"
#include "core/sim/slab.h"
#include "nat/presets.h"
#include "tests/bench/bench.h"

#define TRANSFER (UINT64_C(1) << 30)
#define PAYLOAD 1448
#define CHUNK 65536
#define HOPS 4

/* --- the transfer ----------------------------------------------------------------------------------------------- */

struct end {
    struct io *io;
    struct io_tcp *tcp;
    uint64_t left; /* to write, or to read */
};

struct transfer {
    struct world *world;
    struct node *nodes[HOPS + 1];
    struct io_tcp *listener;
    struct end sender, receiver;
    struct endpoint peer;
};

static uint8_t bytes[CHUNK];

static void
write_more(struct end *end)
{
    enum io_result why = IO_OK;
    ssize_t taken = 1;

    while (end->left > 0 && taken > 0) {
        taken = end->tcp->ops->write(end->tcp, bytes, MIN(sizeof bytes, end->left), &why);
        if (taken > 0)
            end->left -= (uint64_t)taken;
    }
    if (end->left == 0)
        end->tcp->ops->shutdown(end->tcp);
}

static void
sender_ready(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    (void)tcp;
    g_assert(ready != IO_FAILED && result == IO_OK);
    if (ready == IO_CONNECTED || ready == IO_WRITABLE)
        write_more(owner);
}

static void
receiver_ready(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    struct end *end = owner;
    enum io_result why = IO_OK;
    uint8_t buffer[CHUNK];
    ssize_t got;

    g_assert(ready == IO_READABLE && result == IO_OK);
    while ((got = tcp->ops->read(tcp, buffer, sizeof buffer, &why)) > 0) {
        end->left -= (uint64_t)got;
        bench_keep(buffer[0]);
    }
}

static void
listener_ready(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    struct end *end = owner;

    g_assert(ready == IO_ACCEPT && result == IO_OK);
    end->tcp = tcp->ops->accept(tcp, receiver_ready, end);
}

static double
gigabits_per_second(void *context)
{
    struct transfer *transfer = context;
    struct world *world = transfer->world;
    const struct io_ops *ops = transfer->sender.io->ops;
    struct endpoint any = { ADDRESS_NONE, 0 };
    enum io_result why = IO_OK;
    double begun = bench_clock(), spent;

    transfer->sender.left = transfer->receiver.left = TRANSFER;
    transfer->sender.tcp = ops->connect(transfer->sender.io, &any, &transfer->peer, false, sender_ready,
                                        &transfer->sender, &why);
    g_assert(transfer->sender.tcp);
    while (transfer->receiver.left > 0 && world_step(world, TIME_NEVER))
        ;
    spent = bench_clock() - begun;
    g_assert(transfer->receiver.left == 0);
    transfer->receiver.tcp->ops->close(transfer->receiver.tcp, false);
    transfer->sender.tcp->ops->close(transfer->sender.tcp, false);
    return TRANSFER * 8 / spent / 1e9;
}

/* Makes both boxes NATs; the peer is then where the second one's rule leads from. */
static void
put_nats(struct transfer *transfer)
{
    struct nat_options options = nat_preset_find("port-restricted-cone")->options;
    struct node *box = transfer->nodes[HOPS - 1];
    struct nat_forward forward = { .to = transfer->peer, .port_low = 80, .port_high = 80 };

    for (unsigned i = 0; i < 2; i++) {
        struct node *host = transfer->nodes[i * HOPS];

        port_peer(host->ports)->inside = true;
    }
    nat_new(transfer->nodes[1], &options);
    options.forwards = &forward;
    options.forward_count = 1;
    nat_new(box, &options);
    for (struct port *port = box->ports; port; port = port->next) {
        if (!port->inside && !address_is_none(port_address(port, FAMILY_IPV4)))
            transfer->peer.address = port_address(port, FAMILY_IPV4);
    }
}

static struct transfer *
transfer_new(int64_t delay, const struct link_options *impaired, bool nats)
{
    static const char *const names[] = { "A", "boxA", "internet", "boxB", "B" };
    struct transfer *transfer = g_new0(struct transfer, 1);
    struct link_options link = link_defaults;
    struct endpoint local = { ADDRESS_NONE, 80 };
    enum io_result why = IO_OK;

    if (impaired)
        link = *impaired;
    link.delay = delay;
    transfer->world = world_new(1);
    for (unsigned i = 0; i <= HOPS; i++) {
        transfer->nodes[i] = node_new(transfer->world, names[i]);
        transfer->nodes[i]->forwards = i > 0 && i < HOPS;
    }
    for (unsigned i = 0; i < HOPS; i++) { /* the side nearer to a host has the link, as in the lab */
        bool up = i < HOPS / 2;
        struct node *near = transfer->nodes[up ? i : i + 1], *far = transfer->nodes[up ? i + 1 : i];
        struct port *port = node_connect(near, far, &link, &link);

        node_set_default(near, port, ADDRESS_NONE);
        node_add_address(near, port, address_ipv4(0xc0000201 + i * 256), 1, 24);
        wire_set(&port_link(port)->up, &link);
        wire_set(&port_link(port)->down, &link);
        if (!up && i + 1 < HOPS)
            node_add_route(far, (struct prefix){ address_ipv4(0xc0000501), 32 }, port_peer(port), ADDRESS_NONE);
        if (up && i > 0)
            node_add_route(far, (struct prefix){ address_ipv4(0xc0000201), 32 }, port_peer(port), ADDRESS_NONE);
    }
    transfer->sender.io = node_io(transfer->nodes[0]);
    transfer->receiver.io = node_io(transfer->nodes[HOPS]);
    transfer->peer = (struct endpoint){ node_address(transfer->nodes[HOPS], FAMILY_IPV4), 80 };
    transfer->listener = transfer->receiver.io->ops->listen(transfer->receiver.io, &local, false, listener_ready,
                                                            &transfer->receiver, &why);
    g_assert(transfer->listener);
    if (nats)
        put_nats(transfer);
    return transfer;
}

static void
transfer_free(struct transfer *transfer)
{
    g_assert(net_balanced(transfer->world));
    world_free(transfer->world);
    g_free(transfer);
}

/* --- the bare loop ---------------------------------------------------------------------------------------------- */

struct bare_packet {
    struct event event;
    struct bare *bare;
    unsigned hop;
    uint32_t length;
    uint8_t data[PAYLOAD];
};

struct bare {
    struct queue *queue;
    struct slab packets;
    uint8_t buffer[CHUNK], sink[CHUNK];
    int64_t now;
    uint64_t left, arrived;
};

static void bare_arrive(struct event *event);

static void
bare_send(struct bare *bare, uint32_t length, unsigned hop)
{
    struct bare_packet *packet = slab_take(&bare->packets);
    uint32_t at = (uint32_t)(bare->left % (CHUNK - PAYLOAD));

    packet->event = (struct event){ .fire = bare_arrive };
    packet->bare = bare;
    packet->hop = hop;
    packet->length = length;
    memcpy(bare->buffer + at, bytes + at, length);      /* the writer's copy */
    memcpy(packet->data, bare->buffer + at, length);    /* the packet's */
    bench_keep(checksum_add(0, span_of(packet->data, length)));
    queue_schedule(bare->queue, &packet->event, bare->now + TIME_MS / 10);
}

static void
bare_arrive(struct event *event)
{
    struct bare_packet *packet = (struct bare_packet *)event;
    struct bare *bare = packet->bare;
    uint32_t length = packet->length, at = (uint32_t)(bare->arrived % (CHUNK - PAYLOAD));

    if (++packet->hop % HOPS != 0) {
        queue_schedule(bare->queue, event, bare->now + TIME_MS / 10);
        return;
    }
    memcpy(bare->sink + at, packet->data, length); /* the receiver's copy */
    memcpy(bytes + at, bare->sink + at, length);   /* the reader's */
    bare->arrived += length;
    slab_return(&bare->packets, packet);
    if (length > 0 && bare->arrived / PAYLOAD % 2 == 0) { /* every second one is acknowledged, which brings two more */
        bare_send(bare, 0, 0);
    } else if (length == 0) {
        for (int i = 0; i < 2 && bare->left > 0; i++) {
            bare->left -= PAYLOAD;
            bare_send(bare, PAYLOAD, 0);
        }
    }
}

static double
bare_gigabits_per_second(void *context)
{
    struct bare *bare = g_new0(struct bare, 1);
    double begun = bench_clock(), spent;
    struct event *event;

    (void)context;
    bare->queue = queue_new();
    slab_init(&bare->packets, sizeof(struct bare_packet));
    bare->left = TRANSFER / PAYLOAD * PAYLOAD;
    for (int i = 0; i < 100; i++) { /* what fits on the way */
        bare->left -= PAYLOAD;
        bare_send(bare, PAYLOAD, 0);
    }
    while ((event = queue_pop(bare->queue, TIME_NEVER))) {
        bare->now = event->at;
        event->fire(event);
    }
    spent = bench_clock() - begun;
    g_assert(bare->left == 0);
    queue_free(bare->queue);
    slab_clear(&bare->packets);
    g_free(bare);
    return TRANSFER * 8 / spent / 1e9;
}

static void
compare(struct bench *bench, const char *figure, double reach, int64_t delay, const struct link_options *link,
        bool nats)
{
    struct transfer *transfer = transfer_new(delay, link, nats);

    bench_compare(bench, figure, "Gbit/s", BENCH_MORE, reach, gigabits_per_second, bare_gigabits_per_second, transfer);
    transfer_free(transfer);
}

void
bench_tcp(struct bench *bench)
{
    struct link_options gigabit = link_defaults, shallow = link_defaults;

    gigabit.rate = shallow.rate = UINT64_C(1000000000);
    shallow.queue = 250000;
    compare(bench, "TCP, 1 GiB over clean 1 Gbit/s links", 4, TIME_MS / 10, &gigabit, false);
    compare(bench, "the same through two NATs", 4, TIME_MS / 10, &gigabit, true);
    compare(bench, "without NATs, with 5 ms a link", 4, 5 * TIME_MS, &gigabit, false);
    compare(bench, "the same with queues of 250 kB", 4, 5 * TIME_MS, &shallow, false);
}
