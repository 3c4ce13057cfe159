/* Source addresses (RFC 6724 section 5), and default routes of two families. */
#include "core/net/source.h"

#include "core/net/segment.h"
#include "core/net/stack.h"
#include "tests/unit/support.h"
#include "tests/unit/support_net_ipv6.h"

/* Addresses of the port by which the packet leaves, those of another port behind "|", and which one is taken. Those with
 * a name in brackets are the examples of RFC 6724 section 10.1, where they can be told with addresses alone. */
static const struct {
    const char *name, *addresses, *destination, *source;
} rows[] = {
    { "the only one", "2001:db8::1", "2001:db8:f::1", "2001:db8::1" },
    { "the first of equals", "2001:db8::1 2001:db8::2", "2620::1", "2001:db8::1" },
    { "none of IPv4", "192.0.2.1 2001:db8::1", "2001:db8:f::1", "2001:db8::1" },
    { "IPv4: the first", "2001:db8::1 192.0.2.1 192.0.2.2", "198.51.100.1", "192.0.2.1" },
    { "no IPv6 at all", "192.0.2.1", "2001:db8:f::1", NULL },
    /* rule 2: appropriate scope */
    { "rule 2: global for global [prefer appropriate scope]", "fe80::1 2001:db8:3::1", "2001:db8:1::1",
      "2001:db8:3::1" },
    { "rule 2: link-local for link-local", "2001:db8:3::1 fe80::1", "fe80::9", "fe80::1" },
    { "rule 2: link-local for a group of the link", "2001:db8:3::1 fe80::1", "ff02::1", "fe80::1" },
    { "rule 2: global for a group of the site", "fe80::1 2001:db8:3::1", "ff05::1", "2001:db8:3::1" },
    { "rule 2: too large is better than too small", "fe80::1 2001:db8:3::1", "fec0::1", "2001:db8:3::1" },
    /* rule 5 */
    { "rule 5: the port's own", "2001:db8:3::1 | 2001:db8:1::2", "2001:db8:1::1", "2001:db8:3::1" },
    { "rule 2 before rule 5", "fe80::1 | 2001:db8:1::2", "2001:db8:1::1", "2001:db8:1::2" },
    { "an unnumbered port borrows", "192.0.2.1 | 2001:db8:1::2", "2620::1", "2001:db8:1::2" },
    /* rule 6 */
    { "rule 6: 6to4 for 6to4 [prefer matching label]", "2001:db8:1::2 2002:c633:6401:d5e3::1",
      "2002:c633:6401::1", "2002:c633:6401:d5e3::1" },
    { "rule 6: native for native", "2002:c633:6401:d5e3::1 2001:db8:1::2", "2001:db8:f::1", "2001:db8:1::2" },
    { "rule 6: unique local for unique local", "2001:db8:1::2 fd00::1", "fd12::1", "fd00::1" },
    { "rule 6: global for global, not unique local", "fd00::1 2001:db8:1::2", "2620::1", "2001:db8:1::2" },
    { "rule 6: Teredo", "2001:db8:1::2 2001:0:c633::1", "2001:0:1::1", "2001:0:c633::1" },
    /* rule 8 */
    { "rule 8: longest prefix [longest matching prefix]", "2001:db8:1::2 2001:db8:3::2", "2001:db8:3::9",
      "2001:db8:3::2" },
    { "rule 8: in the other order", "2001:db8:3::2 2001:db8:1::2", "2001:db8:3::9", "2001:db8:3::2" },
    { "rule 8: no further than the prefix", "2001:db8::1 2001:db8::8000:2", "2001:db8::8000:9", "2001:db8::1" },
};

static struct port *
give(struct node *node, struct segment *segment, const char *addresses)
{
    struct port *port = node_sit(node, segment);
    g_auto(GStrv) list = g_strsplit(addresses, " ", -1);

    for (unsigned i = 0; list[i]; i++) {
        struct address address = *list[i] ? net_address(list[i]) : ADDRESS_NONE;

        if (*list[i])
            CHECK(node_add_address(node, port, address, 1, address_is_ipv4(address) ? 24 : 64));
    }
    return port;
}

static void
test_rows(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct world *world = world_new(1);
        struct node *node = node_new(world, "node");
        g_auto(GStrv) sides = g_strsplit(rows[i].addresses, "|", 2);
        struct port *port = give(node, segment_new(world, "one"), sides[0]);
        struct address source;
        char text[ADDRESS_TEXT];

        if (sides[1])
            give(node, segment_new(world, "other"), sides[1]);
        source = source_choose(node, port, net_address(rows[i].destination));
        CHECK_ROW_TEXT(rows[i].name, address_is_none(source) ? NULL : address_format(source, text), rows[i].source);
        net_world_end(world);
    }
}

/* Each family has its default route. */
static void
test_defaults(void)
{
    struct world *world = world_new(1);
    struct node *node = node_new(world, "node");
    struct port *one = give(node, segment_new(world, "one"), "192.0.2.1 2001:db8:1::1");
    struct port *two = give(node, segment_new(world, "two"), "198.51.100.1 2001:db8:2::1");
    struct address four = net_address("203.0.113.9"), six = net_address("2001:db8:f::9");
    struct hop hop;

    CHECK(!node_route(node, four, &hop) && !node_route(node, six, &hop));
    node_set_default(node, one, net_address("192.0.2.254"));
    CHECK(node_route(node, four, &hop) && hop.port == one && address_equal(hop.next, net_address("192.0.2.254")));
    CHECK(!node_route(node, six, &hop));
    node_set_default(node, two, net_address("2001:db8:2::fe"));
    CHECK(node_route(node, six, &hop) && hop.port == two && address_equal(hop.next, net_address("2001:db8:2::fe")));
    CHECK(node_route(node, four, &hop) && hop.port == one);
    CHECK(address_equal(node_source_for(node, six), net_address("2001:db8:2::1")));
    CHECK(address_equal(node_source_for(node, four), net_address("192.0.2.1")));
    CHECK(node_route(node, net_address("ff02::1"), &hop) && hop.port == two);
    CHECK(node_route(node, net_address("224.0.0.1"), &hop) && hop.port == one);
    CHECK(node_route(node, net_address("2001:db8:1::9"), &hop) && hop.port == one);
    node_set_default_of(node, FAMILY_IPV6, NULL, ADDRESS_NONE);
    CHECK(!node_route(node, six, &hop) && node_route(node, four, &hop));
    node_set_default(node, two, ADDRESS_NONE);
    CHECK(node_route(node, six, &hop) && hop.port == two && node_route(node, four, &hop) && hop.port == two);
    node_remove_port(node, two);
    CHECK(!node_route(node, six, &hop) && !node_route(node, four, &hop));
    net_world_end(world);
}

/* What io tells of addresses, and what it picks. */
static void
test_io(void)
{
    struct world *world = world_new(1);
    struct node *node = node_new(world, "node");
    struct port *one = give(node, segment_new(world, "one"), "192.0.2.1 2001:db8:1::1");
    struct port *two = give(node, segment_new(world, "two"), "198.51.100.1 2001:db8:2::1");
    struct io *io = node_io(node);
    struct io_address list[8];
    struct address local, far = net_address("2001:db8:f::1");

    node_set_default(node, one, net_address("192.0.2.254"));
    node_set_default(node, two, net_address("2001:db8:2::fe"));
    CHECK_ROW_UINT("all", io->ops->addresses(io, list, G_N_ELEMENTS(list)), 4);
    for (unsigned i = 0; i < 4; i++) {
        bool ipv4 = address_is_ipv4(list[i].address);

        CHECK_ROW_UINT("prefix", list[i].prefix_length, ipv4 ? 24 : 64);
        CHECK_ROW_INT("the default's are better", list[i].preference, list[i].interface == (ipv4 ? 0 : 1));
    }
    CHECK(io->ops->source(io, &far, &local) == IO_OK && address_equal(local, net_address("2001:db8:2::1")));
    net_world_end(world);
}

void
suite_net_ipv6_source(void)
{
    UNIT_SUITE("source addresses", NULL, NULL, { "RFC 6724", test_rows }, { "defaults of two families", test_defaults },
               { "as io tells", test_io });
}
