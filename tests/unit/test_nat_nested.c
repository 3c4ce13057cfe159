/* NATs inside NATs, with real hosts at the ends. */
#include "core/net/segment.h"
#include "core/net/stack.h"
#include "tests/unit/support.h"
#include "tests/unit/support_nat.h"

enum { DEPTH_MAX = 3 };

/* What one end heard last. */
struct ear {
    struct io_udp *udp;
    struct io *io;
    unsigned datagrams, errors;
    struct endpoint from;
    struct io_icmp error;
};

static struct world *the_world;
static struct node *boxes[DEPTH_MAX], *host, *server;
static struct ear host_ear, server_ear;

static void
hear(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct ear *ear = owner;

    (void)udp;
    ear->datagrams++;
    ear->from = datagram->peer;
}

static void
hear_error(void *owner, struct io_udp *udp, const struct io_icmp *icmp)
{
    struct ear *ear = owner;

    (void)udp;
    ear->errors++;
    ear->error = *icmp;
}

static const struct io_udp_events events = { hear, hear_error };

static void
open_ear(struct ear *ear, struct node *node, uint16_t port)
{
    enum io_result why;

    *ear = (struct ear){ .io = node_io(node) };
    ear->udp = ear->io->ops->udp(ear->io, &(struct endpoint){ ADDRESS_NONE, port }, &events, ear, &why);
    CHECK_ROW("socket opens", ear->udp != NULL);
}

static void
send(struct ear *ear, const char *to, int16_t ttl)
{
    struct io_datagram datagram = IO_DATAGRAM_TO(nat_endpoint(to), span_of("hello", 5));

    datagram.ttl = ttl;
    CHECK_ROW_INT(to, ear->udp->ops->send(ear->udp, &datagram), IO_OK);
    world_run(the_world, the_world->now + TIME_S);
}

/* The box `depth` boxes below the outermost: its outside hangs on `above`. Box 0 is 203.0.113.1 outside, 10.0.0.1
 * inside; box 1 10.0.0.2 and 10.1.0.1; box 2 10.1.0.2 and 10.2.0.1. */
static struct segment *
add_box(int depth, struct node *router, struct segment *above, const char *preset)
{
    g_autofree char *name = g_strdup_printf("nat%d", depth);
    struct segment *lan = segment_new(the_world, name);
    struct node *box = boxes[depth] = node_new(the_world, name);
    struct port *outside = above ? node_join(box, above, NULL, NULL) : node_connect(box, router, NULL, NULL);
    struct port *inside = node_sit(box, lan);
    struct address gateway = address_add(nat_endpoint("9.255.0.1").address, (uint64_t)depth << 16);

    inside->inside = true;
    node_add_address(box, outside, above ? address_add(gateway, 1) : nat_endpoint("203.0.113.1").address, 1,
                     above ? 24 : 32);
    node_add_address(box, inside, address_add(nat_endpoint("10.0.0.1").address, (uint64_t)depth << 16), 1, 24);
    node_set_default(box, outside, above ? gateway : ADDRESS_NONE);
    nat_new(box, &nat_preset_find(preset)->options);
    return lan;
}

static void
open_nested(int depth, const char *preset)
{
    struct node *router;
    struct port *port;
    struct segment *lan = NULL;
    struct address gateway = address_add(nat_endpoint("9.255.0.1").address, (uint64_t)depth << 16);

    the_world = world_new(1);
    router = node_new(the_world, "internet");
    router->forwards = true;
    server = node_new(the_world, "S");
    port = node_connect(server, router, NULL, NULL);
    node_add_address(router, port_peer(port), nat_endpoint("198.51.100.254").address, 1, 32);
    node_add_address(server, port, nat_endpoint("198.51.100.1").address, 1, 32);
    node_set_default(server, port, ADDRESS_NONE);
    for (int i = 0; i < depth; i++)
        lan = add_box(i, router, lan, preset);
    host = node_new(the_world, "A");
    port = node_join(host, lan, NULL, NULL);
    node_add_address(host, port, address_add(gateway, 1), 1, 24);
    node_set_default(host, port, gateway);
    open_ear(&host_ear, host, 5000);
    open_ear(&server_ear, server, 3478);
}

static void
close_nested(void)
{
    CHECK(net_balanced(the_world));
    CHECK(the_world->packets_alive == 0);
    world_free(the_world);
}

static void
test_both_ways(void)
{
    static const char *const presets[] = { "full-cone", "restricted-cone", "port-restricted-cone", "symmetric" };

    for (size_t i = 0; i < G_N_ELEMENTS(presets); i++)
        for (int depth = 2; depth <= DEPTH_MAX; depth++) {
            char text[ENDPOINT_TEXT];

            open_nested(depth, presets[i]);
            send(&host_ear, "198.51.100.1:3478", IO_UNSET);
            CHECK_ROW_INT(presets[i], server_ear.datagrams, 1);
            CHECK_ROW(presets[i], address_equal(server_ear.from.address, nat_endpoint("203.0.113.1").address));
            send(&server_ear, endpoint_format(server_ear.from, text), IO_UNSET);
            CHECK_ROW_INT(presets[i], host_ear.datagrams, 1);
            CHECK_ROW(presets[i], endpoint_equal(host_ear.from, nat_endpoint("198.51.100.1:3478")));
            for (int box = 0; box < depth; box++) {
                CHECK_ROW_INT(presets[i], (int64_t)nat_counts(nat_of(boxes[box])).outbound, 1);
                CHECK_ROW_INT(presets[i], (int64_t)nat_counts(nat_of(boxes[box])).inbound, 1);
            }
            close_nested();
        }
}

/* A traceroute from inside sees each box by its inside address, and then whatever is beyond; each error quotes what the
 * host has sent (RFC 5508 REQ-4), through as many boxes as there are. */
static void
test_traceroute(void)
{
    static const char *const hops[] = { "10.2.0.1", "10.1.0.1", "10.0.0.1", "198.51.100.254" };

    open_nested(DEPTH_MAX, "symmetric");
    for (int16_t ttl = 1; ttl <= 4; ttl++) {
        g_autofree char *name = g_strdup_printf("TTL %d", ttl);

        send(&host_ear, "198.51.100.1:3478", ttl);
        if (!CHECK_ROW_INT(name, host_ear.errors, ttl))
            break;
        CHECK_ROW(name, address_equal(host_ear.error.from, nat_endpoint(hops[ttl - 1]).address));
        CHECK_ROW_INT(name, host_ear.error.type, 11);
        CHECK_ROW(name, endpoint_equal(host_ear.error.peer, nat_endpoint("198.51.100.1:3478")));
        CHECK_ROW_INT(name, host_ear.error.local.port, 5000);
    }
    send(&host_ear, "198.51.100.1:3478", 5);
    CHECK_ROW_INT("arrives", server_ear.datagrams, 1);
    close_nested();
}

/* Nobody listens at the far end; nobody listens any more at the near one. */
static void
test_port_unreachable(void)
{
    char text[ENDPOINT_TEXT];

    open_nested(DEPTH_MAX, "port-restricted-cone");
    send(&host_ear, "198.51.100.1:9", IO_UNSET);
    CHECK_ROW_INT("to the host", host_ear.errors, 1);
    CHECK_ROW("who", address_equal(host_ear.error.from, nat_endpoint("198.51.100.1").address));
    CHECK_ROW("about", endpoint_equal(host_ear.error.peer, nat_endpoint("198.51.100.1:9")));

    send(&host_ear, "198.51.100.1:3478", IO_UNSET);
    host_ear.udp->ops->close(host_ear.udp);
    send(&server_ear, endpoint_format(server_ear.from, text), IO_UNSET);
    CHECK_ROW_INT("to the server", server_ear.errors, 1);
    CHECK_ROW("who", address_equal(server_ear.error.from, nat_endpoint("203.0.113.1").address));
    CHECK_ROW("about", endpoint_equal(server_ear.error.peer, server_ear.from));
    close_nested();
}

/* What is under way when a box in the middle reboots finds no mapping there. */
static void
test_reboot_in_the_middle(void)
{
    char text[ENDPOINT_TEXT];

    open_nested(2, "full-cone");
    send(&host_ear, "198.51.100.1:3478", IO_UNSET);
    nat_forget(nat_of(boxes[1]));
    send(&server_ear, endpoint_format(server_ear.from, text), IO_UNSET);
    CHECK_ROW_INT("lost", host_ear.datagrams, 0);
    CHECK_ROW_INT("at the inner box", (int64_t)node_dropped(boxes[1], DROP_NO_MAPPING), 1);
    close_nested();
}

void
suite_nat_nested(void)
{
    UNIT_SUITE("nat: nested", NULL, NULL, { "both ways", test_both_ways }, { "traceroute", test_traceroute },
               { "port unreachable", test_port_unreachable }, { "reboot in the middle", test_reboot_in_the_middle });
}
