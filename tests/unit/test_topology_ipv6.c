/* Topologies of two families: which addresses nodes get, where IPv6 leads, and where IPv4 does not. */
#include "tests/unit/support_lab.h"

/* The addresses of a node as text, those of its insides too, in the order in which it has them. */
static char *
addresses_of(const char *name)
{
    const struct node *node = node_called(name);
    GString *text = g_string_new(NULL);
    char one[ADDRESS_TEXT];

    for (uint32_t i = 0; i < node->local_count; i++)
        g_string_append_printf(text, "%s%s", i ? " " : "", address_format(node->locals[i].first, one));
    return g_string_free(text, FALSE);
}

static void
check_addresses(const char *name, const char *expected)
{
    g_autofree char *addresses = addresses_of(name);

    CHECK_ROW_TEXT(name, addresses, expected);
}

/* Left out, a node gets one of each family that its LAN has; on an internet IPv4, and a box with IPv6 inside both. */
static void
test_automatic(void)
{
    struct lab_network *net = make_internet();
    struct lab_network *both = make_nat(net, "both", NULL, "cgn", "10.0.0.0/24 2001:db8:1::/64");
    struct lab_network *four = make_nat(net, "four", NULL, "cgn", NULL);
    struct lab_network *six = make_nat(net, "six", NULL, "cgn", "2001:db8:6::fe/64");
    struct lab_network *more = lab_further_lan(lab_find(test_lab, "four"), "more", "2001:db8:7::/64", NULL, NULL);

    make_host(net, "S", NULL);
    make_host(net, "S6", "2001:db8::1");
    make_host(both, "A", NULL);
    make_host(both, "B", "2001:db8:1::9"); /* written: no IPv4 */
    make_host(both, "C", NULL);
    make_host(four, "D", NULL);
    make_host(six, "E", NULL);
    make_host(more, "F", NULL);
    check_addresses("both", "203.0.113.1 2001:db8:203:0:113::1 10.0.0.1 2001:db8:1::1");
    check_addresses("four", "203.0.113.2 10.0.0.1 2001:db8:7::1");
    check_addresses("six", "203.0.113.3 2001:db8:203:0:113::2 2001:db8:6::fe");
    check_addresses("S", "198.51.100.1");
    check_addresses("S6", "2001:db8::1");
    check_addresses("A", "10.0.0.2 2001:db8:1::2");
    check_addresses("B", "2001:db8:1::9");
    check_addresses("C", "10.0.0.3 2001:db8:1::3");
    check_addresses("D", "10.0.0.2");
    check_addresses("E", "2001:db8:6::1");
    check_addresses("F", "2001:db8:7::2");
}

/* The written address was free, so the next one is. */
static void
test_written_are_skipped(void)
{
    struct lab_network *both = make_nat(make_internet(), "both", NULL, "cgn", "10.0.0.0/24, 2001:db8:1::/64");

    make_host(both, "B", "2001:db8:1::2 10.0.0.3");
    make_host(both, "A", NULL);
    make_host(both, "C", NULL);
    check_addresses("A", "10.0.0.2 2001:db8:1::3");
    check_addresses("C", "10.0.0.4 2001:db8:1::4");
}

/* From now on the NAT lets IPv6 in from outside too: by default it is a firewall. */
static void
open_to_ipv6(const char *name)
{
    struct nat *nat = nat_of(node_called(name));
    struct nat_options options = *nat_options(nat);

    options.ipv6 = NAT_IPV6_OPEN;
    nat_set_options(nat, &options);
}

/* NATs in each other: IPv4 ends at each, IPv6 leads through: outwards, and where they are open both ways. */
static void
test_nested(void)
{
    struct lab_network *net = make_internet();
    struct lab_network *cgn = make_nat(net, "cgn", NULL, "full-cone", "100.64.0.0/10 2001:db8:64::/64");
    struct lab_network *one = make_nat(cgn, "one", NULL, "symmetric", "10.0.0.0/24 2001:db8:1::/64");
    struct lab_network *two = make_firewall(cgn, "two", NULL, "10.0.2.0/24 2001:db8:2::/64");
    struct lab_network *far = make_router(net, "far", NULL, "192.0.2.0/24 2001:db8:3::/64");

    make_host(net, "S", "198.51.100.1 2001:db8::1");
    make_host(one, "A", NULL);
    make_host(two, "B", NULL);
    make_host(far, "C", NULL);
    CHECK(reaches("A", "S", "2001:db8::1") && !reaches("S", "A", "2001:db8:1::2"));
    open_to_ipv6("cgn");
    CHECK(!reaches("S", "A", "2001:db8:1::2") && reaches("S", "one", "2001:db8:64::2"));
    open_to_ipv6("one");
    open_to_ipv6("two");
    CHECK(reaches("A", "S", "2001:db8::1") && reaches("S", "A", "2001:db8:1::2"));
    CHECK(reaches("A", "B", "2001:db8:2::2") && reaches("B", "A", "2001:db8:1::2"));
    CHECK(reaches("C", "A", "2001:db8:1::2") && reaches("A", "C", "2001:db8:3::2"));
    CHECK(reaches("S", "one", "2001:db8:64::2") && reaches("S", "one", "2001:db8:1::1"));
    CHECK(reaches("A", "S", "198.51.100.1") && !reaches("S", "A", "10.0.0.2"));
    CHECK(reaches("S", "C", "192.0.2.2"));
    check_address(node_default(node_called("A"), FAMILY_IPV6).next, "2001:db8:1::1", "its way out");
    check_address(node_default(node_called("one"), FAMILY_IPV6).next, "2001:db8:64::1", "its box's");
}

/* Where a box has no IPv6 address on the LAN outside, nobody there can send to it: its inside is an island, and IPv4 goes
 * on as ever. */
static void
test_island(void)
{
    struct lab_network *net = make_internet();
    struct lab_network *cgn = make_nat(net, "cgn", NULL, "full-cone", "100.64.0.0/10");
    struct lab_network *one = make_nat(cgn, "one", NULL, "symmetric", "10.0.0.0/24 2001:db8:1::/64");

    make_host(net, "S", "198.51.100.1 2001:db8::1");
    make_host(one, "A", NULL);
    make_host(one, "B", NULL);
    CHECK(reaches("A", "S", "198.51.100.1"));
    CHECK(reaches("A", "B", "2001:db8:1::3"));
    CHECK(!reaches("A", "S", "2001:db8::1") && !reaches("S", "A", "2001:db8:1::2"));
}

/* A LAN without a box of two families, and a router that becomes its gateway, and no longer is. */
static void
test_lan(void)
{
    struct lab_network *net = make_internet();
    struct lab_network *lan = lab_lan(test_lab, "lan", "10.1.0.0/24 2001:db8:1::/64", NULL, NULL);
    struct lab_interface *up;

    make_host(net, "S", "198.51.100.1 2001:db8::1");
    make_host(lan, "A", NULL);
    make_router(net, "R", NULL, "10.2.0.0/24");
    CHECK(!reaches("A", "S", "2001:db8::1"));
    up = make_attached("R", lan, NULL, false);
    make_host(lan, "B", NULL);
    check_addresses("B", "10.1.0.3 2001:db8:1::3");
    CHECK(reaches("A", "S", "2001:db8::1") && reaches("S", "A", "2001:db8:1::1"));
    CHECK(reaches("B", "S", "2001:db8::1") && reaches("B", "S", "198.51.100.1"));
    lab_detach(up);
    CHECK(!reaches("A", "S", "2001:db8::1") && !reaches("S", "A", "2001:db8:1::1"));
    CHECK(node_default(node_called("A"), FAMILY_IPV6).port == NULL);
    CHECK(reaches("A", "B", "2001:db8:1::3"));
}

/* A host with a way out for each family: IPv4 by one network, IPv6 by another, until that one is gone. */
static void
test_two_ways_out(void)
{
    struct lab_network *net = make_internet();
    struct lab_network *four = make_nat(net, "four", NULL, "cgn", "10.0.0.0/24");
    struct lab_network *six = make_router(net, "six", NULL, "2001:db8:6::/64");
    struct lab_network *both = make_nat(net, "both", NULL, "cgn", "10.3.0.0/24 2001:db8:3::/64");
    struct node *host = make_host(four, "A", NULL);
    struct lab_interface *to_six = make_attached("A", six, NULL, false), *to_both;

    make_host(net, "S", "198.51.100.1 2001:db8::1");
    CHECK(node_default(host, FAMILY_IPV4).port == lab_find(test_lab, "A")->first.port);
    CHECK(node_default(host, FAMILY_IPV6).port == to_six->port);
    CHECK(reaches("A", "S", "198.51.100.1") && reaches("A", "S", "2001:db8::1"));
    to_both = make_attached("A", both, NULL, true); /* moves both */
    CHECK(node_default(host, FAMILY_IPV4).port == to_both->port);
    CHECK(node_default(host, FAMILY_IPV6).port == to_both->port);
    lab_detach(to_both);
    CHECK(node_default(host, FAMILY_IPV4).port == lab_find(test_lab, "A")->first.port);
    CHECK(node_default(host, FAMILY_IPV6).port == to_six->port);
    CHECK(reaches("A", "S", "198.51.100.1") && reaches("A", "S", "2001:db8::1"));
}

/* A box that comes back with other addresses of both families. */
static void
test_reboot(void)
{
    struct lab_network *net = make_internet();
    struct lab_network *home = make_nat(net, "home", NULL, "cgn", "10.0.0.0/24 2001:db8:1::/64");

    make_host(net, "S", "198.51.100.1 2001:db8::1");
    make_host(home, "A", NULL);
    open_to_ipv6("home");
    CHECK(lab_reboot(lab_find(test_lab, "home"), 0, "203.0.113.9 2001:db8::9", NULL));
    run_for(TIME_MS);
    check_addresses("home", "10.0.0.1 2001:db8:1::1 203.0.113.9 2001:db8::9");
    CHECK(reaches("S", "home", "2001:db8::9") && reaches("S", "A", "2001:db8:1::2"));
    CHECK(!reaches("S", "home", "2001:db8:203:0:113::1"));
}

static void
test_drawn(void)
{
    struct lab_network *net = make_internet();
    struct lab_network *home = make_nat(net, "home", NULL, "cgn", "10.0.0.0/24 2001:db8:1::/64");
    g_autoptr(GString) drawn = g_string_new(NULL);

    make_host(home, "A", NULL);
    lab_further_lan(lab_find(test_lab, "home"), "guests", "2001:db8:2::/64", NULL, NULL);
    g_assert(lab_lan(test_lab, "lan", "10.1.0.0/24 2001:db8:3::/64", NULL, NULL));
    lab_draw(test_lab, drawn);
    CHECK_ROW_TEXT("drawn", drawn->str,
                   "internet\n"
                   "└── home  203.0.113.1, 2001:db8:203:0:113::1  (NAT: cgn)\n"
                   "    ├── A  10.0.0.2, 2001:db8:1::2\n"
                   "    └── guests  2001:db8:2::/64\n"
                   "lan  10.1.0.0/24, 2001:db8:3::/64\n");
}

void
suite_topology_ipv6(void)
{
    UNIT_SUITE("topologies of two families", test_lab_begin, test_lab_end, { "next free addresses", test_automatic },
               { "written ones are skipped", test_written_are_skipped }, { "nested", test_nested },
               { "an island", test_island }, { "a LAN", test_lan }, { "two ways out", test_two_ways_out },
               { "reboot", test_reboot }, { "drawn", test_drawn });
}
