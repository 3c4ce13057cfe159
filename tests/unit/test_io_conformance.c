/* The conformance suite of the io seam over simulated hosts. They share a segment, so that multicast reaches the other
 * and no router touches the TTL. */
#include "core/net/segment.h"
#include "core/net/stack.h"
#include "tests/unit/support_io_conformance.h"
#include "tests/unit/support_net.h"

struct simulated {
    struct io_pair pair; /* first: a pair is its simulation */
    struct world *world;
    struct node *a, *b;
    struct port *a_port;
};

static struct simulated simulated;

static void
run(struct io_pair *pair, unsigned ms)
{
    net_run(((struct simulated *)pair)->world, ms * TIME_MS);
}

static void
change(struct io_pair *pair, bool add)
{
    struct simulated *own = (struct simulated *)pair;
    struct address more = net_address("192.0.2.77");

    if (add)
        CHECK(node_add_address(own->a, own->a_port, more, 1, 24));
    else
        node_remove_address(own->a, more);
}

static uint64_t
busy(struct io_pair *pair)
{
    return ((struct simulated *)pair)->world->busy;
}

static struct port *
join(struct node *node, struct segment *segment, const char *address)
{
    struct port *port = node_join(node, segment, NULL, NULL);

    CHECK(node_add_address(node, port, net_address(address), 1, 24));
    node_set_default(node, port, ADDRESS_NONE);
    return port;
}

static void
set_up(void)
{
    struct world *world = world_new(1);
    struct segment *segment = segment_new(world, "LAN");

    simulated = (struct simulated){ .world = world, .a = node_new(world, "A"), .b = node_new(world, "B") };
    simulated.a_port = join(simulated.a, segment, "192.0.2.1");
    join(simulated.b, segment, "192.0.2.2");
    simulated.pair = (struct io_pair){
        .a = node_io(simulated.a),
        .b = node_io(simulated.b),
        .a_address = net_address("192.0.2.1"),
        .b_address = net_address("192.0.2.2"),
        .no_address = net_address("192.0.2.3"),
        .group = net_address("224.0.0.251"),
        .can = IO_CAN_STREAM | IO_CAN_MARK | IO_CAN_MULTICAST | IO_CAN_KEEP_ORDER | IO_CAN_TELL_TIME,
        .run = run,
        .change = change,
        .busy = busy,
    };
    io_conformance_begin(&simulated.pair);
}

static void
tear_down(void)
{
    io_conformance_end();
    net_world_end(simulated.world);
}

void
suite_io_conformance(void)
{
    unit_suite_add("io of a simulated host", set_up, tear_down, io_conformance_tests, io_conformance_test_count);
}
