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
    struct address more = net_address(address_is_ipv4(pair->a_address) ? "192.0.2.77" : "2001:db8::77");

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

    CHECK(node_add_address(node, port, net_address(address), 1, address_is_ipv4(net_address(address)) ? 24 : 64));
    node_set_default(node, port, ADDRESS_NONE);
    return port;
}

/* Two hosts on a LAN of one family. */
static void
begin(const char *a, const char *b, const char *neither, const char *group, unsigned can)
{
    struct world *world = world_new(1);
    struct segment *segment = segment_new(world, "LAN");

    simulated = (struct simulated){ .world = world, .a = node_new(world, "A"), .b = node_new(world, "B") };
    simulated.a_port = join(simulated.a, segment, a);
    join(simulated.b, segment, b);
    simulated.pair = (struct io_pair){
        .a = node_io(simulated.a),
        .b = node_io(simulated.b),
        .a_address = net_address(a),
        .b_address = net_address(b),
        .no_address = net_address(neither),
        .group = net_address(group),
        .can = IO_CAN_STREAM | IO_CAN_MARK | IO_CAN_MULTICAST | IO_CAN_KEEP_ORDER | IO_CAN_TELL_TIME | can,
        .run = run,
        .change = change,
        .busy = busy,
    };
    io_conformance_begin(&simulated.pair);
}

static void
set_up(void)
{
    begin("192.0.2.1", "192.0.2.2", "192.0.2.3", "224.0.0.251", IO_CAN_TELL_DF);
}

/* IPv6 packets say nothing of DF. */
static void
set_up_ipv6(void)
{
    begin("2001:db8::1", "2001:db8::2", "2001:db8::3", "ff02::fb", 0);
}

static void
tear_down(void)
{
    io_conformance_end();
    net_world_end(simulated.world);
}

/* A change of addresses is something that will happen: a run goes on until it was told. */
static void
count(void *owner)
{
    ++*(unsigned *)owner;
}

static void
test_change_keeps_going(void)
{
    unsigned told = 0;
    struct io_watch watch = { .changed = count, .owner = &told };

    node_io(simulated.a)->ops->watch(node_io(simulated.a), &watch);
    CHECK(world_quiet(simulated.world));
    change(&simulated.pair, true);
    change(&simulated.pair, false);
    CHECK(!world_quiet(simulated.world));
    CHECK(world_step(simulated.world, simulated.world->now));
    CHECK(world_quiet(simulated.world));
    CHECK_ROW_UINT("both changes in one", told, 1);
    change(&simulated.pair, true);
    node_io(simulated.a)->ops->unwatch(node_io(simulated.a), &watch);
    net_run(simulated.world, 0);
    CHECK(world_quiet(simulated.world));
    CHECK_ROW_UINT("nobody", told, 1);
}

/* A world that ends with watchers to be told tells nobody. */
static void
test_freed_with_change_due(void)
{
    struct world *world = world_new(1);
    struct segment *segment = segment_new(world, "LAN");
    struct node *node = node_new(world, "C");
    struct port *port = join(node, segment, "192.0.2.5");
    unsigned told = 0;
    struct io_watch watch = { .changed = count, .owner = &told };

    node_io(node)->ops->watch(node_io(node), &watch);
    CHECK(node_add_address(node, port, net_address("192.0.2.6"), 1, 24));
    world_free(world);
    CHECK_ROW_UINT("nobody", told, 0);
}

/* What is noted comes into the journal with the time and the node. */
static void
test_noted(void)
{
    struct io *io = node_io(simulated.a);
    struct record record = { .kind = &packet_sent_kind, .detail = 7 };
    struct net_journal journal;

    CHECK(!io->ops->listening(io));
    net_journal_start(&journal, simulated.world);
    CHECK(io->ops->listening(io));
    net_run(simulated.world, 5);
    io->ops->note(io, &record);
    CHECK_ROW_UINT("one", journal.records->len, 1);
    CHECK_ROW_INT("time", g_array_index(journal.records, struct record, 0).at, 5);
    CHECK_ROW_UINT("node", g_array_index(journal.records, struct record, 0).node, simulated.a->number);
    CHECK_ROW_INT("the rest", g_array_index(journal.records, struct record, 0).detail, 7);
    simulated.world->journal = NULL;
    net_journal_end(&journal);
}

void
suite_io_conformance(void)
{
    UNIT_SUITE("io of a simulated host alone", set_up, tear_down, { "a change keeps going", test_change_keeps_going },
               { "freed with a change due", test_freed_with_change_due }, { "noted", test_noted });
    unit_suite_add("io of a simulated host", set_up, tear_down, io_conformance_tests, io_conformance_test_count);
    unit_suite_add("streams of a simulated host", set_up, tear_down, io_stream_tests, io_stream_test_count);
    unit_suite_add("io of a simulated host, IPv6", set_up_ipv6, tear_down, io_conformance_tests,
                   io_conformance_test_count);
    unit_suite_add("streams of a simulated host, IPv6", set_up_ipv6, tear_down, io_stream_tests, io_stream_test_count);
}
