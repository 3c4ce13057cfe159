/* The TCP of real hosts through NATs: transfers, and hole punching (RFC 5382 section 4.3 and REQ-4, RFC 5128 section
 * 3.4). */
#include "core/net/segment.h"
#include "core/net/stack.h"
#include "core/net/tcp_socket.h"
#include "nat/box.h"
#include "nat/options.h"
#include "tests/unit/support.h"
#include "tests/unit/support_nat.h"

enum { SIDES = 2, DELAY = 10 * TIME_MS };

/* One end of a connection, or a listener that keeps the last one it got. */
struct end {
    struct io_tcp *tcp;
    struct io_tcp *accepted;
    uint64_t to_write, written, received;
    bool connected, wrong, ended;
    enum io_result failure;
};

static struct world *the_world;
static struct node *router, *server, *boxes[SIDES], *hosts[SIDES];
static struct link_options lossy;

/* ---- users of sockets */

static uint8_t
byte_at(uint64_t position)
{
    return (uint8_t)(position * 31 + (position >> 9));
}

static void
write_on(struct end *end, struct io_tcp *tcp)
{
    uint8_t bytes[1000];
    ssize_t taken = 1;
    enum io_result why;

    while (end->written < end->to_write && taken > 0) {
        size_t length = MIN(sizeof bytes, end->to_write - end->written);

        for (size_t i = 0; i < length; i++)
            bytes[i] = byte_at(end->written + i);
        taken = tcp->ops->write(tcp, bytes, length, &why);
        end->written += taken > 0 ? (uint64_t)taken : 0;
    }
    if (end->written == end->to_write)
        tcp->ops->shutdown(tcp);
}

static void
read_on(struct end *end, struct io_tcp *tcp)
{
    uint8_t bytes[4096];
    ssize_t got;
    enum io_result why;

    while ((got = tcp->ops->read(tcp, bytes, sizeof bytes, &why)) > 0)
        for (ssize_t i = 0; i < got; i++)
            end->wrong |= bytes[i] != byte_at(end->received++);
    end->ended |= got == 0;
}

static void
ready(void *owner, struct io_tcp *tcp, enum io_ready what, enum io_result result)
{
    struct end *end = owner;

    switch (what) {
    case IO_ACCEPT:
        end->accepted = tcp->ops->accept(tcp, ready, end);
        end->connected = true;
        if (end->to_write)
            write_on(end, end->accepted);
        return;
    case IO_CONNECTED:
        end->connected = true;
        if (end->to_write)
            write_on(end, tcp);
        return;
    case IO_READABLE:
        read_on(end, tcp);
        return;
    case IO_WRITABLE:
        write_on(end, tcp);
        return;
    case IO_FAILED:
        end->failure = result;
        return;
    }
}

static void
listen_at(struct end *end, struct node *node, uint16_t port)
{
    struct io *io = node_io(node);
    enum io_result why;

    end->tcp = io->ops->listen(io, &(struct endpoint){ ADDRESS_NONE, port }, true, ready, end, &why);
    CHECK_ROW("listens", end->tcp != NULL);
}

static void
connect_to(struct end *end, struct node *node, uint16_t port, const char *to)
{
    struct io *io = node_io(node);
    struct endpoint peer = nat_endpoint(to);
    enum io_result why;

    end->tcp = io->ops->connect(io, &(struct endpoint){ ADDRESS_NONE, port }, &peer, true, ready, end, &why);
    CHECK_ROW("connects", end->tcp != NULL);
}

static void
close_end(struct end *end)
{
    if (end->accepted)
        end->accepted->ops->close(end->accepted, true);
    if (end->tcp)
        end->tcp->ops->close(end->tcp, true);
}

/* ---- S at 198.51.100.1, and two boxes 203.0.113.1 and .2 with a host 10.0.0.2 behind each */

static struct port *
hang(struct node *node, const char *address)
{
    struct port *port = node_connect(node, router, &lossy, &lossy);

    node_add_address(node, port, nat_endpoint(address).address, 1, 32);
    node_set_default(node, port, ADDRESS_NONE);
    return port;
}

static void
add_side(int side, const struct nat_options *options)
{
    g_autofree char *name = g_strdup_printf("nat%d", side), *host_name = g_strdup_printf("host%d", side);
    struct segment *lan = segment_new(the_world, name);
    struct address inside = nat_endpoint("10.0.0.1").address;
    struct port *port;

    boxes[side] = node_new(the_world, name);
    hang(boxes[side], side == 0 ? "203.0.113.1" : "203.0.113.2");
    port = node_sit(boxes[side], lan);
    port->inside = true;
    node_add_address(boxes[side], port, inside, 1, 24);
    nat_new(boxes[side], options);

    hosts[side] = node_new(the_world, host_name);
    port = node_join(hosts[side], lan, NULL, NULL);
    node_add_address(hosts[side], port, address_add(inside, 1), 1, 24);
    node_set_default(hosts[side], port, inside);
}

static void
open_world(const struct nat_options *a, const struct nat_options *b, uint64_t seed, double loss)
{
    lossy = link_defaults;
    lossy.delay = DELAY;
    lossy.loss = (uint32_t)(loss * 4294967295.0);
    the_world = world_new(seed);
    router = node_new(the_world, "internet");
    router->forwards = true;
    server = node_new(the_world, "S");
    hang(server, "198.51.100.1");
    add_side(0, a);
    add_side(1, b);
    world_begin(the_world);
}

static void
run_for(int64_t time)
{
    world_run(the_world, the_world->now + time);
    CHECK(net_balanced(the_world));
}

static void
close_world(void)
{
    run_for(10 * TIME_MIN);
    CHECK(the_world->packets_alive == 0);
    world_free(the_world);
}

/* ---- transfers */

enum { BYTES = 300000 };

static void
test_transfer(void)
{
    static const char *const presets[] = { "full-cone", "port-restricted-cone", "symmetric", "cgn" };

    for (size_t i = 0; i < G_N_ELEMENTS(presets); i++)
        for (int loss = 0; loss < 2; loss++) {
            const struct nat_options *options = &nat_preset_find(presets[i])->options;
            struct end listener = { .to_write = BYTES }, client = { .to_write = BYTES };

            open_world(options, options, i + 1, loss * 0.03);
            listen_at(&listener, server, 80);
            connect_to(&client, hosts[0], 5000, "198.51.100.1:80");
            run_for(5 * TIME_MIN);
            CHECK_ROW_INT(presets[i], (int64_t)client.received, BYTES);
            CHECK_ROW_INT(presets[i], (int64_t)listener.received, BYTES);
            CHECK_ROW(presets[i], client.ended && listener.ended && !client.wrong && !listener.wrong);
            CHECK_ROW_INT(presets[i], (int64_t)nat_counts(nat_of(boxes[0])).connections, 1);
            close_end(&client);
            close_end(&listener);
            close_world();
        }
}

/* A connection that is closed both ways goes after `tcp_closing`; its mapping does, too. */
static void
test_closes(void)
{
    const struct nat_options *options = &nat_preset_find("port-restricted-cone")->options;
    struct end listener = { .to_write = 10 }, client = { .to_write = 10 };

    open_world(options, options, 1, 0);
    listen_at(&listener, server, 80);
    connect_to(&client, hosts[0], 5000, "198.51.100.1:80");
    run_for(TIME_S);
    CHECK(client.ended && listener.ended);
    run_for(200 * TIME_S);
    CHECK_ROW_INT("it closes", (int64_t)nat_counts(nat_of(boxes[0])).expired, 0);
    run_for(60 * TIME_S);
    CHECK_ROW_INT("it is over", (int64_t)nat_counts(nat_of(boxes[0])).expired, 1);
    close_end(&client);
    close_end(&listener);
    close_world();
}

/* ---- hole punching */

/* Both have opened a mapping by connecting to S from port 5000, and then connect to each other's from there: B so much
 * later than A. Where they listen too, a SYN that comes before the own one is taken. */
static const struct punch {
    const char *name, *preset_a, *preset_b;
    uint8_t refusal;
    int64_t wait, later;
    bool listen, connected;
} punches[] = {
    { "at once, silence", "port-restricted-cone", "port-restricted-cone", NAT_REFUSE_SILENTLY, 6 * TIME_S, 0, false, true },
    { "later, silence: sent again", "port-restricted-cone", "port-restricted-cone", NAT_REFUSE_SILENTLY, 6 * TIME_S,
      2500 * TIME_MS, false, true },
    { "later, ICMP after 6 s", "port-restricted-cone", "port-restricted-cone", NAT_REFUSE_ICMP, 6 * TIME_S,
      2500 * TIME_MS, false, true },
    { "later, RST after 6 s", "port-restricted-cone", "port-restricted-cone", NAT_REFUSE_RESET, 6 * TIME_S,
      2500 * TIME_MS, false, true },
    { "address-dependent, RST after 6 s", "restricted-cone", "restricted-cone", NAT_REFUSE_RESET, 6 * TIME_S,
      2500 * TIME_MS, false, true },
    { "too late, RST after 6 s", "port-restricted-cone", "port-restricted-cone", NAT_REFUSE_RESET, 6 * TIME_S,
      8 * TIME_S, false, false },
    { "too late, ICMP after 6 s", "port-restricted-cone", "port-restricted-cone", NAT_REFUSE_ICMP, 6 * TIME_S, 8 * TIME_S,
      false, false },
    { "at the same time, RST at once", "port-restricted-cone", "port-restricted-cone", NAT_REFUSE_RESET, 0, 0, false,
      true },
    { "later, RST at once", "port-restricted-cone", "port-restricted-cone", NAT_REFUSE_RESET, 0, 500 * TIME_MS, false,
      false },
    { "later, ICMP at once", "port-restricted-cone", "port-restricted-cone", NAT_REFUSE_ICMP, 0, 500 * TIME_MS, false,
      false },
    { "later, RST at once, but A listens", "port-restricted-cone", "port-restricted-cone", NAT_REFUSE_RESET, 0,
      500 * TIME_MS, true, true },
    { "full cone: the host refuses", "full-cone", "full-cone", NAT_REFUSE_SILENTLY, 6 * TIME_S, 500 * TIME_MS, false,
      false },
    { "full cone: the host listens", "full-cone", "full-cone", NAT_REFUSE_SILENTLY, 6 * TIME_S, 500 * TIME_MS, true,
      true },
    { "symmetric with symmetric", "symmetric", "symmetric", NAT_REFUSE_SILENTLY, 6 * TIME_S, 0, true, false },
    { "symmetric with port-restricted", "symmetric", "port-restricted-cone", NAT_REFUSE_SILENTLY, 6 * TIME_S, 0, true,
      false },
    { "symmetric with full cone", "symmetric", "full-cone", NAT_REFUSE_SILENTLY, 6 * TIME_S, 0, true, true },
};

static struct nat_options
options_of(const char *preset, const struct punch *punch)
{
    struct nat_options options = nat_preset_find(preset)->options;

    options.tcp.refusal = punch->refusal;
    options.syn_wait = punch->wait;
    return options;
}

static void
test_punch(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(punches); i++) {
        const struct punch *punch = &punches[i];
        struct nat_options a = options_of(punch->preset_a, punch), b = options_of(punch->preset_b, punch);
        struct end rendezvous = { .to_write = 0 }, to_server[SIDES] = { 0 }, to_peer[SIDES] = { 0 }, listeners[SIDES] = { 0 };

        open_world(&a, &b, 1, 0);
        listen_at(&rendezvous, server, 80);
        for (int side = 0; side < SIDES; side++) {
            connect_to(&to_server[side], hosts[side], 5000, "198.51.100.1:80");
            if (punch->listen)
                listen_at(&listeners[side], hosts[side], 5000);
        }
        run_for(TIME_S);
        CHECK_ROW(punch->name, to_server[0].connected && to_server[1].connected);
        connect_to(&to_peer[0], hosts[0], 5000, "203.0.113.2:5000");
        run_for(punch->later);
        if (!listeners[1].connected) /* else there is one between these ends already */
            connect_to(&to_peer[1], hosts[1], 5000, "203.0.113.1:5000");
        run_for(10 * TIME_S);
        CHECK_ROW_INT(punch->name,
                      (to_peer[0].connected || listeners[0].connected) && (to_peer[1].connected || listeners[1].connected),
                      punch->connected);
        if (!punch->listen && !punch->connected)
            CHECK_ROW_INT(punch->name, to_peer[0].failure, IO_REFUSED);
        for (int side = 0; side < SIDES; side++) {
            close_end(&to_server[side]);
            close_end(&to_peer[side]);
            close_end(&listeners[side]);
        }
        close_end(&rendezvous);
        close_world();
    }
}

void
suite_nat_tcp_hosts(void)
{
    UNIT_SUITE("nat: TCP of hosts", NULL, NULL, { "transfer", test_transfer }, { "closes", test_closes },
               { "punch", test_punch });
}
