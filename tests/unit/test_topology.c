/* Topologies: who reaches whom (the interface page, section 2: what is inside of a router is routed from outside, a
 * NAT's inside is not), what interfaces that come and go change, reboots, traffic and services. */
#include "core/net/net.h"
#include "nat/presets.h"
#include "scenarios/lab/services.h"
#include "scenarios/lab/traffic.h"
#include "tests/unit/support_lab.h"

/* --- who reaches whom ----------------------------------------------------------------------------------------- */

static void
test_hosts(void)
{
    struct lab_network *net = make_internet();
    struct lab_network *lan = lab_lan(test_lab, "office", "192.168.0.0/24", NULL, NULL);

    make_host(net, "A", NULL);
    make_host(net, "B", "198.51.100.7, 198.51.100.9");
    make_host(lan, "C", "192.168.0.1");
    make_host(lan, "D", "192.168.0.2");
    CHECK(reaches("A", "B", "198.51.100.7"));
    CHECK(reaches("A", "B", "198.51.100.9"));
    CHECK(reaches("C", "D", "192.168.0.2"));
    CHECK(!reaches("A", "C", "192.168.0.1"));
    CHECK(!reaches("C", "A", "198.51.100.1"));
}

static void
test_nested_nats(void)
{
    struct lab_network *net = make_internet();
    struct lab_network *cgn = make_nat(net, "cgn", "203.0.113.1", "full-cone", "100.64.0.0/10");
    struct lab_network *one = make_nat(cgn, "one", NULL, "symmetric", "10.0.0.0/24");
    struct lab_network *two =
        make_nat(cgn, "two", NULL, "symmetric", "10.0.0.0/24"); /* the same behind another: no trouble */
    struct listener s, a;

    make_host(net, "S", "198.51.100.1");
    make_host(one, "A", "10.0.0.2");
    make_host(two, "B", "10.0.0.2");
    CHECK(reaches("A", "S", "198.51.100.1"));
    CHECK(reaches("B", "S", "198.51.100.1"));
    CHECK(!reaches("S", "A", "10.0.0.2"));

    listen_at(&s, "S", 9);
    listen_at(&a, "A", 5001);
    say_to(&a, "198.51.100.1", 9);
    run_for(TIME_S);
    check_address(s.from.address, "203.0.113.1", "seen from the internet");
    check_address(node_address(node_called("one"), FAMILY_IPV4), "100.64.0.2", "a box inside of a box");
    check_address(node_default(node_called("one"), FAMILY_IPV4).next, "100.64.0.1", "its way out");
}

static void
test_pools(void)
{
    struct lab_network *net = make_internet();
    struct lab_network *home = make_nat(net, "cgn", "203.0.113.16/29", "full-cone", "10.0.0.0/24");
    char name[8];

    make_host(net, "S", "198.51.100.0/29");
    for (unsigned i = 1; i <= 6; i++) {
        g_autofree char *of_s = g_strdup_printf("198.51.100.%u", i);
        struct listener s, a;

        g_snprintf(name, sizeof name, "h%u", i);
        make_host(home, name, NULL);
        CHECK_ROW(of_s, reaches(name, "S", of_s));
        listen_at(&s, "S", 9);
        listen_at(&a, name, 5001);
        say_to(&a, of_s, 9);
        run_for(TIME_S);
        CHECK_ROW(of_s, address_compare(s.from.address, read_address("203.0.113.17")) >= 0);
        CHECK_ROW(of_s, address_compare(s.from.address, read_address("203.0.113.22")) <= 0);
        s.socket->ops->close(s.socket);
    }
    CHECK(node_owns(node_called("cgn"), read_address("203.0.113.17")));
    CHECK(node_owns(node_called("cgn"), read_address("203.0.113.22")));
    CHECK(!node_owns(node_called("cgn"), read_address("203.0.113.16")));
    CHECK(!node_owns(node_called("cgn"), read_address("203.0.113.23")));
}

/* Router in router on an internet: both insides are reached from everywhere, and reach everything. */
static void
test_routers(void)
{
    struct lab_network *net = make_internet();
    struct lab_network *outer = make_router(net, "R1", NULL, "192.0.2.0/25");
    struct lab_network *inner = make_router(outer, "R2", NULL, "192.0.2.128/25");

    make_host(net, "S", "198.51.100.1");
    make_host(outer, "A", "192.0.2.10");
    make_host(inner, "B", "192.0.2.140");
    CHECK(reaches("S", "A", "192.0.2.10"));
    CHECK(reaches("S", "B", "192.0.2.140"));
    CHECK(reaches("A", "B", "192.0.2.140"));
    CHECK(reaches("B", "A", "192.0.2.10"));
    CHECK(reaches("B", "S", "198.51.100.1"));
}

/* What is inside of a firewall is routed from outside like a router's, also where one stands in the other, and where a
 * firewall is attached to a LAN as its gateway; but only who has sent gets answers. */
static void
test_firewalls(void)
{
    struct lab_network *net = make_internet();
    struct lab_network *outer = make_router(net, "R", NULL, "192.0.2.0/25");
    struct lab_network *inner = make_firewall(outer, "F", NULL, "192.0.2.128/25");
    struct lab_network *lan = lab_lan(test_lab, "lan", "198.18.0.0/24", NULL, NULL);
    struct listener a, s;

    make_host(net, "S", "198.51.100.1");
    make_host(outer, "A", "192.0.2.10");
    make_host(inner, "B", "192.0.2.140");
    make_host(lan, "C", "198.18.0.9");
    CHECK(reaches("B", "S", "198.51.100.1"));
    CHECK(reaches("B", "A", "192.0.2.10"));
    CHECK(!reaches("S", "B", "192.0.2.140"));
    CHECK(!reaches("A", "B", "192.0.2.140"));
    CHECK(!reaches("C", "S", "198.51.100.1"));
    CHECK_ROW_UINT(NULL, node_dropped(node_called("F"), DROP_FILTERED), 2);
    make_attached("F", lan, "198.18.0.1", false);
    CHECK(reaches("C", "S", "198.51.100.1"));
    CHECK(!reaches("S", "C", "198.18.0.9"));
    CHECK_ROW_UINT(NULL, node_dropped(node_called("F"), DROP_FILTERED), 3);

    listen_at(&a, "B", 5001);
    listen_at(&s, "S", 9);
    say_to(&a, "198.51.100.1", 9);
    run_for(TIME_S);
    say_to(&s, "192.0.2.140", 5001);
    run_for(TIME_S);
    CHECK_ROW_UINT("an answer", a.heard, 1);
    check_address(s.from.address, "192.0.2.140", "seen as itself");
}

/* A prefix that a box shows outside leads to it from everywhere, also when it is another one later. */
static void
test_external_prefixes(void)
{
    struct lab_network *net = make_internet();
    struct nat_options options = nat_preset_find("symmetric")->options;
    struct lab_network *outer = make_router(net, "R", NULL, "2001:db8:1::/64"), *inner;
    g_autoptr(GError) error = NULL;
    struct lab_node *box;

    options.ipv6 = NAT_IPV6_PREFIX;
    CHECK(prefix_parse("2001:db8:2::/48", &options.ipv6_prefix));
    inner = lab_nat(outer, "N", NULL, &options, "symmetric", "fd00:0:0:1::/64", NULL, NULL, &error);
    CHECK_ROW(error ? error->message : "made", inner != NULL);
    make_host(net, "S", "2001:db8:9::1");
    make_host(outer, "A", "2001:db8:1::9");
    make_host(inner, "B", "fd00:0:0:1::2");
    CHECK(reaches("B", "S", "2001:db8:9::1"));
    CHECK(reaches("S", "B", "2001:db8:2:cf46::2"));
    CHECK(reaches("A", "B", "2001:db8:2:cf46::2"));

    box = lab_find(test_lab, "N");
    options = *nat_options(nat_of(box->node));
    CHECK(prefix_parse("2001:db8:3::/48", &options.ipv6_prefix));
    CHECK(lab_set_nat_options(box, &options, NULL));
    CHECK(!reaches("S", "B", "2001:db8:2:cf46::2"));
    CHECK(reaches("S", "B", "2001:db8:3:cf45::2"));
    options.ipv6 = NAT_IPV6_OPEN;
    CHECK(lab_set_nat_options(box, &options, NULL));
    CHECK(!reaches("S", "B", "2001:db8:3:cf45::2"));
    CHECK(reaches("S", "B", "fd00:0:0:1::2"));
}

/* The NAT learns the ways inside, and nobody beyond it does. */
static void
test_routers_behind_a_nat(void)
{
    struct lab_network *net = make_internet();
    struct lab_network *home = make_nat(net, "natA", "203.0.113.1", "symmetric", "10.0.0.0/24");
    struct lab_network *outer = make_router(home, "R1", NULL, "10.1.0.0/24");
    struct lab_network *inner = make_router(outer, "R2", NULL, "10.2.0.0/24");

    make_host(net, "S", "198.51.100.1");
    make_host(home, "A", "10.0.0.9");
    make_host(inner, "B", "10.2.0.9");
    CHECK(reaches("A", "B", "10.2.0.9"));
    CHECK(reaches("B", "A", "10.0.0.9"));
    CHECK(reaches("B", "S", "198.51.100.1"));
    CHECK(!reaches("S", "B", "10.2.0.9"));
    CHECK_ROW_UINT(NULL, node_dropped(net->router, DROP_NO_ROUTE), 1);
    CHECK(lab_host(net, "T", "10.2.0.9", NULL, NULL) != NULL); /* what is behind the NAT is nobody's out here */
}

static void
test_router_on_a_lan_without_gateway(void)
{
    struct lab_network *lan = lab_lan(test_lab, "office", "192.168.0.0/24", NULL, NULL), *inside;

    make_host(lan, "early", "192.168.0.2");
    inside = make_router(lan, "R", "192.168.0.3", "192.168.1.0/24");
    make_host(lan, "late", "192.168.0.4");
    make_host(inside, "B", "192.168.1.2");
    CHECK(reaches("early", "B", "192.168.1.2"));
    CHECK(reaches("late", "B", "192.168.1.2"));
    CHECK(reaches("B", "late", "192.168.0.4"));
}

/* A router that is attached there is the gateway: for those that are there already and for those that come. Both LANs are
 * reached from each other and from the router's inside. */
static void
test_router_joins_two_lans(void)
{
    struct lab_network *one = lab_lan(test_lab, "one", "192.168.1.0/24", NULL, NULL), *inside;
    struct lab_network *two = lab_lan(test_lab, "two", "192.168.2.0/24", NULL, NULL);
    struct lab_interface *joined;

    make_host(one, "A", "192.168.1.2");
    make_host(two, "early", "192.168.2.2");
    inside = make_router(one, "R", "192.168.1.1", "192.168.3.0/24");
    make_host(inside, "C", "192.168.3.2");
    CHECK(!one->gateway); /* its outside */
    CHECK(!node_default(node_called("early"), FAMILY_IPV4).port);
    joined = make_attached("R", two, "192.168.2.1", false);
    CHECK(two->gateway == joined->port && !two->box);
    make_host(two, "late", "192.168.2.3");
    make_host(one, "B", "192.168.1.3");
    check_address(node_default(node_called("early"), FAMILY_IPV4).next, "192.168.2.1", "was there");
    check_address(node_default(node_called("late"), FAMILY_IPV4).next, "192.168.2.1", "came later");
    CHECK(!node_default(node_called("R"), FAMILY_IPV4).port);
    CHECK(reaches("A", "early", "192.168.2.2"));
    CHECK(reaches("B", "late", "192.168.2.3"));
    CHECK(reaches("early", "A", "192.168.1.2"));
    CHECK(reaches("late", "C", "192.168.3.2"));
    CHECK(reaches("C", "late", "192.168.2.3"));

    lab_detach(joined);
    CHECK(!two->gateway && !node_default(node_called("early"), FAMILY_IPV4).port);
    CHECK(!node_default(node_called("late"), FAMILY_IPV4).port);
    CHECK(!reaches("A", "early", "192.168.2.2"));
    CHECK(reaches("early", "late", "192.168.2.3"));
    make_attached("R", two, "192.168.2.9", false);
    check_address(node_default(node_called("late"), FAMILY_IPV4).next, "192.168.2.9", "attached again");
    CHECK(reaches("A", "late", "192.168.2.3"));
}

/* To the internet, and as far as the next NAT back: as what is inside of a router. */
static void
test_router_takes_a_lan_outside(void)
{
    struct lab_network *net = make_internet();
    struct lab_network *home = make_nat(net, "natA", "203.0.113.1", "full-cone", "10.0.0.0/24");
    struct lab_network *lan = lab_lan(test_lab, "lan", "192.0.2.0/24", NULL, NULL);
    struct lab_network *office = lab_lan(test_lab, "office", "192.168.0.0/24", NULL, NULL);
    struct lab_network *further;
    g_autoptr(GError) error = NULL;

    make_host(net, "S", "198.51.100.1");
    make_host(home, "A", "10.0.0.2");
    make_host(lan, "D", "192.0.2.2");
    make_host(office, "O", "192.168.0.2");
    further = make_router(lan, "R2", "192.0.2.3", "198.51.101.0/24"); /* on that LAN by its outside */
    make_host(further, "E", "198.51.101.2");
    make_router(net, "R", "198.51.100.3", "10.9.0.0/24");
    make_router(home, "Rhome", "10.0.0.3", "10.8.0.0/24");
    make_attached("R", lan, "192.0.2.1", false);
    make_attached("Rhome", office, "192.168.0.1", false);
    CHECK(reaches("D", "S", "198.51.100.1"));
    CHECK(reaches("S", "D", "192.0.2.2"));
    CHECK(reaches("S", "E", "198.51.101.2"));
    CHECK(reaches("E", "S", "198.51.100.1"));
    CHECK(reaches("D", "E", "198.51.101.2"));
    CHECK(reaches("A", "O", "192.168.0.2"));
    CHECK(reaches("O", "S", "198.51.100.1"));
    CHECK(!reaches("S", "O", "192.168.0.2"));

    CHECK(!lab_host(net, "X", "192.0.2.77", NULL, &error));
    CHECK(error && strstr(error->message, "192.0.2.77 is inside of 'R'"));
}

/* Only a router, only where there is no gateway, and not where its default route leads. */
static void
test_who_becomes_no_gateway(void)
{
    struct lab_network *net = make_internet();
    struct lab_network *lan = lab_lan(test_lab, "lan", "192.168.0.0/24", NULL, NULL);
    struct lab_network *other = lab_lan(test_lab, "other", "192.168.7.0/24", NULL, NULL);
    g_autoptr(GError) error = NULL;
    struct lab_interface *first;

    make_host(net, "S", "198.51.100.1");
    make_host(lan, "D", "192.168.0.2");
    make_nat(net, "natA", "203.0.113.1", "full-cone", "10.0.0.0/24");
    make_attached("natA", lan, "192.168.0.3", false);
    CHECK(!lan->gateway && !node_default(node_called("D"), FAMILY_IPV4).port);
    make_attached("S", lan, "192.168.0.4", false);
    CHECK(!lan->gateway);
    make_router(net, "R1", "198.51.100.3", "192.168.1.0/24");
    make_attached("R1", lan, "192.168.0.5", true);
    CHECK(!lan->gateway);

    make_router(net, "R2", "198.51.100.4", "192.168.2.0/24");
    make_router(net, "R3", "198.51.100.5", "192.168.3.0/24");
    first = make_attached("R2", other, NULL, false);
    make_attached("R3", other, NULL, false);
    CHECK(other->gateway == first->port);

    /* What it would announce must be nobody's: the same LAN behind two routers is told, and nothing is built. */
    CHECK(lab_lan(test_lab, "again", "192.168.7.0/25", NULL, NULL) != NULL);
    CHECK(!lab_attach(lab_find(test_lab, "R1"), net_called("again"), NULL, NULL, false, &error));
    CHECK(error && strstr(error->message, "192.168.7.0/25 overlaps 192.168.7.0/24 of 'R2'"));
    CHECK(!net_called("again")->gateway && lab_find(test_lab, "R1")->first.next->next->next == NULL);
}

/* Who has another default route keeps it, and still knows the way to what is behind the router. */
static void
test_gateway_and_another_way_out(void)
{
    struct lab_network *net = make_internet();
    struct lab_network *lan = lab_lan(test_lab, "lan", "192.168.0.0/24", NULL, NULL);
    struct lab_network *behind = lab_lan(test_lab, "behind", "192.168.8.0/24", NULL, NULL), *inside;

    make_host(net, "A", "198.51.100.1");
    make_attached("A", lan, "192.168.0.2", false);
    inside = make_router(behind, "R", "192.168.8.1", "192.168.9.0/24");
    make_host(inside, "C", "192.168.9.2");
    make_attached("R", lan, "192.168.0.1", false);
    CHECK(node_default(node_called("A"), FAMILY_IPV4).port == lab_find(test_lab, "A")->first.port);
    CHECK(reaches("A", "C", "192.168.9.2"));
    lab_detach(&lab_find(test_lab, "A")->first);
    check_address(node_default(node_called("A"), FAMILY_IPV4).next, "192.168.0.1", "now the only way out");
}

static void
test_further_insides(void)
{
    struct lab_network *net = make_internet();
    struct lab_network *home = make_nat(net, "natA", "203.0.113.1", "full-cone", "10.0.0.0/24"), *guests, *dmz;

    guests = lab_further_lan(lab_find(test_lab, "natA"), "guests", "10.0.1.0/24", NULL, NULL);
    if (!CHECK(guests != NULL))
        return;
    make_router(net, "R", "198.51.100.3", "192.0.2.0/25");
    dmz = lab_further_lan(lab_find(test_lab, "R"), "dmz", "192.0.2.128/25", NULL, NULL);
    make_host(net, "S", "198.51.100.1");
    make_host(home, "A", "10.0.0.2");
    make_host(guests, "G", "10.0.1.2");
    make_host(dmz, "D", "192.0.2.130");
    CHECK(reaches("G", "S", "198.51.100.1"));
    CHECK(reaches("A", "G", "10.0.1.2"));
    CHECK(reaches("S", "D", "192.0.2.130"));
    CHECK(home->next == guests && !guests->next);
    CHECK_ROW_TEXT(NULL, lab_find(test_lab, "natA")->first.label, "internet");
    CHECK_ROW_TEXT(NULL, lab_find(test_lab, "natA")->first.next->label, "lan");
    CHECK_ROW_TEXT(NULL, lab_find(test_lab, "natA")->first.next->next->label, "guests");
}

static void
test_none(void)
{
    struct lab_network *net = make_internet();
    struct lab_network *written = lab_nat_none(net, "natA", "203.0.113.7", NULL);
    struct lab_network *chosen = lab_nat_none(net, "natB", NULL, NULL);
    struct lab_network *later = make_nat(net, "natC", NULL, "symmetric", NULL);

    CHECK(written->stands_for == net);
    make_host(later, "C", NULL);
    make_host(written, "A", "10.0.0.2"); /* its private address is ignored */
    make_host(chosen, "B", "10.1.1.3");
    check_address(node_address(node_called("A"), FAMILY_IPV4), "203.0.113.7", "the box's address");
    CHECK(!node_owns(node_called("A"), read_address("10.0.0.2")));
    check_address(node_address(node_called("B"), FAMILY_IPV4), "203.0.113.1", "chosen when the box was made");
    check_address(node_address(node_called("natC"), FAMILY_IPV4), "203.0.113.2", "not the one reserved");
    CHECK(lab_find(test_lab, "A")->first.network == net);
    CHECK_ROW_TEXT(NULL, lab_find(test_lab, "A")->first.label, "internet");
    CHECK(reaches("A", "B", "203.0.113.1"));
    CHECK(reaches("C", "A", "203.0.113.7"));
}

static void
test_several_interfaces(void)
{
    struct lab_network *net = make_internet();
    struct lab_network *home = make_nat(net, "natA", "203.0.113.1", "symmetric", "10.0.0.0/24");
    struct lab_network *other = make_nat(net, "natB", "203.0.113.2", "symmetric", "10.1.0.0/24");
    struct lab_node *a;
    struct listener s, socket;
    struct lab_interface *second;

    make_host(net, "S", "198.51.100.1");
    make_host(home, "A", "10.0.0.2");
    make_host(other, "B", "10.1.0.2");
    a = lab_find(test_lab, "A");
    listen_at(&s, "S", 9);
    listen_at(&socket, "A", 5001);

    second = make_attached("A", other, NULL, false);
    check_address(port_address(second->port, FAMILY_IPV4), "10.1.0.3", "next free one");
    CHECK(reaches("A", "B", "10.1.0.2"));
    say_to(&socket, "198.51.100.1", 9);
    run_for(TIME_S);
    check_address(s.from.address, "203.0.113.1", "the default route stays");

    lab_detach(&a->first);
    CHECK(a->first.port == NULL);
    CHECK(!node_owns(a->node, read_address("10.0.0.2")));
    say_to(&socket, "198.51.100.1", 9);
    run_for(TIME_S);
    check_address(s.from.address, "203.0.113.2", "the other interface takes over");

    make_attached("A", home, "10.0.0.2", true);
    say_to(&socket, "198.51.100.1", 9);
    run_for(TIME_S);
    check_address(s.from.address, "203.0.113.1", "the default route is moved");
    CHECK_ROW_UINT(NULL, s.heard, 3);
    CHECK_ROW_TEXT(NULL, a->first.label, "natA");
    CHECK_ROW_TEXT(NULL, second->label, "natB");
    CHECK_ROW_TEXT(NULL, second->next->label, "natA-2");
}

static void
test_detached_for_good(void)
{
    struct lab_network *net = make_internet();
    struct listener socket;
    struct lab_link link = lab_link_default;

    make_host(net, "A", "198.51.100.1");
    make_host(net, "B", "198.51.100.2");
    listen_at(&socket, "A", 5001);
    CHECK(say_to(&socket, "198.51.100.2", 9) == IO_OK);
    lab_detach(&lab_find(test_lab, "A")->first);
    lab_detach(&lab_find(test_lab, "A")->first); /* nothing */
    CHECK(say_to(&socket, "198.51.100.2", 9) != IO_OK);
    CHECK(!lab_interface_set_link(&lab_find(test_lab, "A")->first, &link));
    run_for(TIME_S);
    CHECK(lab_host(net, "C", "198.51.100.1", NULL, NULL) != NULL); /* its address is free again */
}

/* Labels, which name files, are given once; the list of interfaces holds those that are there, and the first place. */
static void
test_labels(void)
{
    struct lab_network *net = make_internet(), *named = lab_lan(test_lab, "internet-3", NULL, NULL, NULL);
    struct lab_interface *second, *third;
    struct lab_node *a;

    make_host(net, "A", NULL);
    a = lab_find(test_lab, "A");
    second = make_attached("A", net, NULL, false);
    third = make_attached("A", named, NULL, false);
    CHECK_ROW_TEXT("second", second->label, "internet-2");
    CHECK_ROW_TEXT("third", third->label, "internet-3");
    lab_detach(second);
    CHECK(a->first.next == third && third->previous == &a->first && a->interfaces == 2);
    lab_detach(&a->first);
    CHECK(a->first.next == third && a->interfaces == 2);
    lab_detach(third);
    CHECK(a->last == &a->first && !a->first.next);
    CHECK_ROW_TEXT("taken by another network", make_attached("A", net, NULL, false)->label, "internet-4");
    CHECK_ROW_TEXT("again", make_attached("A", named, NULL, false)->label, "internet-3-2");
    CHECK_ROW_TEXT("removed", second->label, "internet-2");
}

/* A host that had several addresses, then none, then another: as in a roaming phone. */
static void
test_attached_again(void)
{
    struct lab_network *net = make_internet();

    make_host(net, "A", "198.51.100.1, 198.51.100.2");
    make_host(net, "B", "198.51.100.3");
    lab_detach(&lab_find(test_lab, "A")->first);
    make_attached("A", net, "198.51.100.4", false);
    check_address(node_address(node_called("A"), FAMILY_IPV4), "198.51.100.4", "the new one");
    CHECK(reaches("B", "A", "198.51.100.4"));
    CHECK(reaches("A", "B", "198.51.100.3"));
}

/* An uplink that goes takes the announced routes along; a second one carries them. */
static void
test_router_uplinks(void)
{
    struct lab_network *net = make_internet();
    struct lab_network *outer = make_router(net, "R1", "198.51.100.10", "192.0.2.0/25");
    struct lab_network *inner = make_router(outer, "R2", NULL, "192.0.2.128/25");
    struct lab_node *r1 = lab_find(test_lab, "R1");

    make_host(net, "S", "198.51.100.1");
    make_host(inner, "B", "192.0.2.130");
    CHECK(reaches("S", "B", "192.0.2.130"));
    make_attached("R1", net, "198.51.100.11", false);
    lab_detach(&r1->first);
    CHECK(reaches("S", "B", "192.0.2.130"));
    lab_detach(r1->first.next->next);
    CHECK(!reaches("S", "B", "192.0.2.130"));
    CHECK_ROW_UINT(NULL, node_dropped(net->router, DROP_NO_ROUTE), 1);
    CHECK(lab_host(net, "T", "192.0.2.130", NULL, NULL) != NULL);
}

static void
test_two_internets(void)
{
    struct lab_network *one = make_internet(), *two = lab_internet(test_lab, "other", "192.0.0.9", NULL, NULL);

    make_host(one, "A", "198.51.100.1");
    make_host(two, "B", "198.51.100.1"); /* nobody can mix them up */
    make_host(two, "C", "198.51.100.2");
    CHECK(reaches("C", "B", "198.51.100.1"));
    check_address(node_address(two->router, FAMILY_IPV4), "192.0.0.9", "the router's own");
    check_address(node_address(one->router, FAMILY_IPV4), "192.0.0.8", "the dummy address of RFC 7600");
}

/* --- traffic and services ------------------------------------------------------------------------------------- */

static void
test_through_two_nats(void)
{
    struct lab_network *net = make_internet();
    struct lab_network *home_a = make_nat(net, "natA", "203.0.113.1", "symmetric", "10.0.0.0/24");
    struct lab_network *home_b = make_nat(net, "natB", "203.0.113.2", "full-cone", "10.1.1.0/24");
    struct traffic_options options = { .packets = 1000, .size = 100, .interval = TIME_MS };
    struct traffic traffic = { 0 }, opener = { 0 };
    struct sink sink;

    make_host(net, "S", "198.51.100.1");
    make_host(home_a, "A", "10.0.0.2");
    make_host(home_b, "B", "10.1.1.3");
    options.to = (struct endpoint){ read_address("198.51.100.1"), 9 };
    options.packets = 1;
    options.from_port = 6000;
    CHECK(traffic_start(&opener, node_called("B"), &options) == IO_OK); /* opens the full cone at 203.0.113.2:6000 */
    run_for(TIME_S);
    CHECK(opener.done);

    options = (struct traffic_options){
        .to = { read_address("203.0.113.2"), 6000 }, .packets = 1000, .size = 100, .interval = TIME_MS
    };
    CHECK(sink_open(&sink, node_called("B"), 6000) == IO_OK);
    CHECK(traffic_start(&traffic, node_called("A"), &options) == IO_OK);
    run_for(2 * TIME_S);
    CHECK_ROW_UINT(NULL, traffic.sent, 1000);
    CHECK_ROW_UINT(NULL, sink.packets, 1000);
    CHECK_ROW_UINT(NULL, sink.bytes, 100000);
    CHECK(world_quiet(test_lab->world));
    sink_close(&sink);
}

static void
test_stun_service(void)
{
    enum io_result why = IO_OK;
    struct stun_server_options options = STUN_SERVER_DEFAULTS;
    struct service *service, *other;
    struct listener client;

    make_host(make_internet(), "S", "198.51.100.1");
    make_host(net_called("internet"), "A", "198.51.100.2");
    service = service_start_stun(node_called("S"), NULL, &why);
    if (!CHECK(service != NULL))
        return;
    CHECK(service_endpoint(service).port == 3478);
    check_address(service_endpoint(service).address, "198.51.100.1", "of the host");
    CHECK(!service_start_stun(node_called("S"), NULL, &why) && why == IO_IN_USE);
    options.listen[0].port = 3479;
    other = service_start_stun(node_called("S"), &options, &why);
    CHECK(other && service_endpoint(other).port == 3479);

    /* A Binding request without attributes, RFC 8489 section 5. */
    listen_at(&client, "A", 5000);
    g_autoptr(GBytes) request = unit_hex("0001 0000 2112a442 000102030405060708090a0b");
    struct io_datagram datagram = IO_DATAGRAM_TO(service_endpoint(service), unit_span(request));
    client.socket->ops->send(client.socket, &datagram);
    run_for(TIME_S);
    CHECK_ROW_UINT(NULL, client.heard, 1);
    CHECK_ROW_UINT(NULL, client.from.port, 3478);
    CHECK_ROW_UINT(NULL, service_counter(service, "successes"), 1);
    CHECK_ROW_UINT(NULL, service_counter(other, "datagrams"), 0);

    service_stop(service);
    service_stop(service);
    CHECK(!service_running(service));
    CHECK_ROW_UINT(NULL, service_counter(service, "successes"), 1);
    client.socket->ops->send(client.socket, &datagram);
    run_for(TIME_S);
    CHECK_ROW_UINT(NULL, client.heard, 1);
    CHECK_ROW_UINT(NULL, node_dropped(node_called("S"), DROP_PORT_UNREACHABLE), 1);
}

/* --- reboots -------------------------------------------------------------------------------------------------- */

static void
test_reboot(void)
{
    struct lab_network *net = make_internet();
    struct lab_network *home = make_nat(net, "natA", "203.0.113.1", "full-cone", "10.0.0.0/24");
    struct lab_node *box = lab_find(test_lab, "natA");
    struct listener s, a;

    make_host(net, "S", "198.51.100.1");
    make_host(home, "A", "10.0.0.2");
    listen_at(&s, "S", 9);
    listen_at(&a, "A", 5000);
    say_to(&a, "198.51.100.1", 9);
    run_for(TIME_S);
    CHECK_ROW_UINT(NULL, nat_counts(nat_of(box->node)).made, 1);

    CHECK(lab_reboot(box, 5 * TIME_S, NULL, NULL));
    CHECK_ROW_UINT(NULL, nat_counts(nat_of(box->node)).forgotten, 1);
    CHECK(world_quiet(test_lab->world)); /* nobody waits for it */
    say_to(&a, "198.51.100.1", 9);
    run_for(5 * TIME_S - 1);
    CHECK_ROW_UINT(NULL, s.heard, 1);
    CHECK_ROW_UINT(NULL, node_dropped(box->node, DROP_NODE_DOWN), 1);
    CHECK(box->node->down);
    run_for(1);
    CHECK(!box->node->down);
    say_to(&s, "203.0.113.1", 5000); /* the mapping is gone */
    run_for(TIME_S);
    CHECK_ROW_UINT(NULL, a.heard, 0);
    say_to(&a, "198.51.100.1", 9);
    run_for(TIME_S);
    CHECK_ROW_UINT(NULL, s.heard, 2);

    CHECK(lab_reboot(box, TIME_S, "203.0.113.8", NULL));
    run_for(TIME_S);
    say_to(&a, "198.51.100.1", 9);
    run_for(TIME_S);
    CHECK_ROW_UINT(NULL, s.heard, 3);
    check_address(s.from.address, "203.0.113.8", "after it came back with another address");
    CHECK(!node_owns(box->node, read_address("203.0.113.1")));

    CHECK(lab_reboot(box, 10 * TIME_S, "203.0.113.8", NULL)); /* its own is no other's */
    run_for(TIME_S);
    CHECK(lab_reboot(box, 10 * TIME_S, NULL, NULL)); /* once more, from now */
    run_for(10 * TIME_S - 1);
    CHECK(box->node->down);
    run_for(1);
    CHECK(!box->node->down);
    CHECK(lab_reboot(box, 0, NULL, NULL));
    CHECK(!box->node->down);
    CHECK(lab_reboot(box, TIME_MIN, NULL, NULL)); /* and the lab ends meanwhile */
}

/* Routes announced by way of the old address go by the new one. */
static void
test_reboot_of_a_router(void)
{
    struct lab_network *net = make_internet();
    struct lab_network *outer = make_router(net, "R1", NULL, "192.0.2.0/25");
    struct lab_network *inner = make_router(outer, "R2", "192.0.2.2", "192.0.2.128/25");

    make_host(net, "S", "198.51.100.1");
    make_host(inner, "B", "192.0.2.130");
    CHECK(lab_reboot(lab_find(test_lab, "R2"), 0, "192.0.2.3", NULL));
    CHECK(reaches("S", "B", "192.0.2.130"));
}

/* -------------------------------------------------------------------------------------------------------------- */

void
suite_topology(void)
{
    UNIT_SUITE("topology", test_lab_begin, test_lab_end, { "hosts on an internet and a LAN", test_hosts },
               { "NAT inside NAT", test_nested_nats }, { "pools", test_pools },
               { "router inside router", test_routers }, { "firewalls", test_firewalls },
               { "external prefixes", test_external_prefixes }, { "routers behind a NAT", test_routers_behind_a_nat },
               { "a router on a LAN without gateway", test_router_on_a_lan_without_gateway },
               { "a router joins two LANs", test_router_joins_two_lans },
               { "a router takes a LAN outside", test_router_takes_a_lan_outside },
               { "who becomes no gateway", test_who_becomes_no_gateway },
               { "a gateway and another way out", test_gateway_and_another_way_out },
               { "further insides", test_further_insides }, { "type none", test_none },
               { "several interfaces", test_several_interfaces }, { "an interface removed", test_detached_for_good },
               { "labels", test_labels },
               { "attached again", test_attached_again }, { "uplinks of a router", test_router_uplinks },
               { "two internets", test_two_internets }, { "traffic through two NATs", test_through_two_nats },
               { "STUN service", test_stun_service }, { "reboot", test_reboot },
               { "reboot of a router", test_reboot_of_a_router });
}
