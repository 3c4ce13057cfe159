/* What a topology is made of: addresses, names, links, and what is said about mistakes. Addresses and defaults are
 * those of the interface page, section 2. */
#include "core/net/net.h"
#include "core/net/stack.h"
#include "nat/presets.h"
#include "tests/unit/support_lab.h"

/* --- addresses ------------------------------------------------------------------------------------------------ */

static const struct {
    const char *text;
    const char *first[3];
    uint64_t count[3];
} address_rows[] = {
    { "198.51.100.1", { "198.51.100.1" }, { 1 } },
    { "198.51.100.1, 2001:db8::1", { "198.51.100.1", "2001:db8::1" }, { 1, 1 } },
    { "198.51.100.1 198.51.100.2,198.51.100.4", { "198.51.100.1", "198.51.100.2", "198.51.100.4" }, { 1, 1, 1 } },
    { "203.0.113.0/28", { "203.0.113.1" }, { 14 } },
    { "203.0.113.4/31", { "203.0.113.4" }, { 2 } },
    { "203.0.113.4/32", { "203.0.113.4" }, { 1 } },
    { "203.0.113.0/30, 203.0.113.9", { "203.0.113.1", "203.0.113.9" }, { 2, 1 } },
    { "2001:db8::/120", { "2001:db8::1" }, { 255 } },
};

static void
test_parses(void)
{
    for (size_t row = 0; row < G_N_ELEMENTS(address_rows); row++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GArray) runs = NULL;
        const char *text = address_rows[row].text;

        if (!CHECK_ROW(text, lab_parse_addresses(text, &runs, &error)))
            continue;
        for (guint i = 0; i < 3 && address_rows[row].first[i]; i++) {
            if (!CHECK_ROW(text, i < runs->len))
                break;
            check_address(g_array_index(runs, struct lab_addresses, i).first, address_rows[row].first[i], text);
            CHECK_ROW_UINT(text, g_array_index(runs, struct lab_addresses, i).count, address_rows[row].count[i]);
        }
        CHECK_ROW(text, runs->len == 3 || !address_rows[row].first[runs->len]);
    }
}

static void
test_refuses_texts(void)
{
    static const char *const rows[] = { "",
                                        " , ",
                                        "nonsense",
                                        "10.0.0.300",
                                        "10.0.0.1x",
                                        "10.0.0.01",
                                        "10.0.0.0/33",
                                        "10.0.0.5/24",
                                        "10.0.0.0/8",
                                        "10.0.0.1 10.0.0.1",
                                        "10.0.0.0/28, 10.0.0.3",
                                        "10.0.0.1;10.0.0.2",
                                        "2001:db8::/64" };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GArray) runs = NULL;

        CHECK_ROW(rows[i], !lab_parse_addresses(rows[i], &runs, &error));
        CHECK_ROW(rows[i], g_error_matches(error, LAB_ERROR, LAB_ERROR_ADDRESS));
        CHECK_ROW(rows[i], !runs);
    }
}

static void
test_gives_free_addresses(void)
{
    struct lab_network *net = make_internet(), *home, *small;

    check_address(node_address(make_host(net, "first", NULL), FAMILY_IPV4), "198.51.100.1", "first host");
    make_host(net, "written", "198.51.100.2, 198.51.100.3");
    check_address(node_address(make_host(net, "second", NULL), FAMILY_IPV4), "198.51.100.4", "skips what is taken");
    home = make_nat(net, "natA", NULL, "symmetric", NULL);
    check_address(node_address(node_called("natA"), FAMILY_IPV4), "203.0.113.1", "first box");
    make_nat(net, "natB", NULL, "symmetric", NULL);
    check_address(node_address(node_called("natB"), FAMILY_IPV4), "203.0.113.2", "second box");

    check_address(port_address(home->gateway, FAMILY_IPV4), "10.0.0.1", "the box has the first of its inside");
    make_host(home, "taken", "10.0.0.3");
    check_address(node_address(make_host(home, "A", NULL), FAMILY_IPV4), "10.0.0.2", "skips the box");
    check_address(node_address(make_host(home, "B", NULL), FAMILY_IPV4), "10.0.0.4", "skips the host");

    small = make_nat(net, "natC", NULL, "symmetric", "192.168.7.6/29");
    check_address(port_address(small->gateway, FAMILY_IPV4), "192.168.7.6", "the box has the one written");
    for (unsigned i = 1; i <= 5; i++) {
        g_autofree char *name = g_strdup_printf("s%u", i), *expected = g_strdup_printf("192.168.7.%u", i);

        check_address(node_address(make_host(small, name, NULL), FAMILY_IPV4), expected, name);
    }
    CHECK(!lab_host(small, "s6", NULL, NULL, NULL)); /* neither the box's nor the broadcast address is given */

    lab_detach(&lab_find(test_lab, "s3")->first);
    check_address(node_address(make_host(small, "s7", NULL), FAMILY_IPV4), "192.168.7.3", "what was given back");
}

static void
test_passes_over_odd_addresses(void)
{
    struct lab_network *net = make_internet();

    for (unsigned i = 0; i < 255; i++) {
        g_autofree char *name = g_strdup_printf("h%u", i);

        make_host(net, name, NULL);
    }
    check_address(node_address(node_called("h253"), FAMILY_IPV4), "198.51.100.254", "last of the first 256");
    check_address(node_address(node_called("h254"), FAMILY_IPV4), "198.51.101.1", "first of the next");
}

/* --- mistakes ------------------------------------------------------------------------------------------------- */

enum making { HOST, NAT, ROUTER, NONE, LAN, INTERNET, FURTHER, ATTACH, REBOOT };

/* To what build_for_mistakes has made. FURTHER, ATTACH and REBOOT are of the node `name`. */
static const struct {
    const char *row;
    enum making making;
    const char *where, *name, *addresses, *lan;
    enum lab_error code;
    const char *said;
} mistakes[] = {
    { "empty name", HOST, "internet", "", NULL, NULL, LAB_ERROR_NAME, "empty" },
    { "control character", HOST, "internet", "a\nb", NULL, NULL, LAB_ERROR_NAME, "a\\nb" },
    { "C1 control character", HOST, "internet", "a\xc2\x85", NULL, NULL, LAB_ERROR_NAME, "control" },
    { "not UTF-8", HOST, "internet", "a\xff", NULL, NULL, LAB_ERROR_NAME, "a\\377" },
    { "name of a host", HOST, "internet", "S", NULL, NULL, LAB_ERROR_NAME, "'S'" },
    { "name of a host elsewhere", NAT, "internet", "A", NULL, NULL, LAB_ERROR_NAME, "'A'" },
    { "name of a network", HOST, "internet", "office", NULL, NULL, LAB_ERROR_NAME, "'office'" },
    { "name of a box", LAN, NULL, "natA", NULL, "10.9.0.0/24", LAB_ERROR_NAME, "'natA'" },
    { "name of none", HOST, "internet", "none1", NULL, NULL, LAB_ERROR_NAME, "'none1'" },
    { "name of the internet", INTERNET, NULL, "internet", NULL, NULL, LAB_ERROR_NAME, "'internet'" },
    { "malformed", HOST, "internet", "X", "198.51.100", NULL, LAB_ERROR_ADDRESS,
      "host 'X': '198.51.100' is not an address" },
    { "no address", HOST, "internet", "X", " ", NULL, LAB_ERROR_ADDRESS, "no address" },
    { "taken on the internet", HOST, "internet", "X", "198.51.100.1", NULL, LAB_ERROR_ADDRESS,
      "198.51.100.1 is taken by 'S'" },
    { "second is taken", HOST, "internet", "X", "198.51.100.9 203.0.113.1", NULL, LAB_ERROR_ADDRESS,
      "taken by 'natA'" },
    { "pool holds a taken one", NAT, "internet", "X", "203.0.113.0/28", NULL, LAB_ERROR_ADDRESS,
      "203.0.113.1 is taken by 'natA'" },
    { "the internet's own", HOST, "internet", "X", "192.0.0.8", NULL, LAB_ERROR_ADDRESS, "taken by 'internet'" },
    { "taken on a LAN", HOST, "natA", "X", "10.0.0.2", NULL, LAB_ERROR_ADDRESS, "10.0.0.2 is taken by 'A'" },
    { "the box's inside", HOST, "natA", "X", "10.0.0.1", NULL, LAB_ERROR_ADDRESS, "10.0.0.1 is taken by 'natA'" },
    { "not in the prefix", HOST, "natA", "X", "10.0.1.2", NULL, LAB_ERROR_ADDRESS, "10.0.1.2 is not in 10.0.0.0/24" },
    { "network address", HOST, "natA", "X", "10.0.0.0", NULL, LAB_ERROR_ADDRESS, "network 10.0.0.0/24 itself" },
    { "broadcast address", HOST, "natA", "X", "10.0.0.255", NULL, LAB_ERROR_ADDRESS,
      "broadcast address of 10.0.0.0/24" },
    { "inside of a router", HOST, "internet", "X", "192.0.2.77", NULL, LAB_ERROR_ADDRESS,
      "192.0.2.77 is inside of 'R'" },
    { "multicast", HOST, "internet", "X", "224.0.0.1", NULL, LAB_ERROR_ADDRESS, "multicast" },
    { "loopback", HOST, "internet", "X", "127.0.0.1", NULL, LAB_ERROR_ADDRESS, "loopback" },
    { "unspecified", HOST, "internet", "X", "0.0.0.0", NULL, LAB_ERROR_ADDRESS, "0.0.0.0" },
    { "limited broadcast", HOST, "internet", "X", "255.255.255.255", NULL, LAB_ERROR_ADDRESS, "broadcast" },
    { "reserved", HOST, "internet", "X", "240.0.0.1", NULL, LAB_ERROR_ADDRESS, "reserved" },
    { "IPv6, taken", HOST, "internet", "X", "198.51.100.9 2001:db8::5", NULL, LAB_ERROR_ADDRESS,
      "2001:db8::5 is taken by 'S6'" },
    { "IPv6, the internet's own", HOST, "internet", "X", "3fff::8", NULL, LAB_ERROR_ADDRESS, "taken by 'internet'" },
    { "IPv6, inside of a NAT", HOST, "internet", "X", "2001:db8:6::9", NULL, LAB_ERROR_ADDRESS,
      "2001:db8:6::9 is inside of 'nat6'" },
    { "IPv6 where there is none", HOST, "natA", "X", "2001:db8::9", NULL, LAB_ERROR_ADDRESS,
      "2001:db8::9 is not in 10.0.0.0/24" },
    { "IPv6, network address", HOST, "nat6", "X", "2001:db8:6::", NULL, LAB_ERROR_ADDRESS,
      "network 2001:db8:6::/64 itself" },
    { "IPv6, multicast", HOST, "internet", "X", "ff02::1", NULL, LAB_ERROR_ADDRESS, "multicast" },
    { "IPv6, loopback", HOST, "internet", "X", "::1", NULL, LAB_ERROR_ADDRESS, "loopback" },
    { "IPv6, unspecified", HOST, "internet", "X", "::", NULL, LAB_ERROR_ADDRESS, "this host" },
    { "IPv6, link-local", HOST, "internet", "X", "fe80::1", NULL, LAB_ERROR_ADDRESS, "link-local" },
    { "two IPv6 insides", NAT, "internet", "X", NULL, "2001:db8:a::/64 2001:db8:b::/64", LAB_ERROR_PREFIX,
      "second IPv6 prefix" },
    { "IPv6 inside of one address", NAT, "internet", "X", NULL, "2001:db8:a::1/128", LAB_ERROR_PREFIX,
      "lengths 1 to 127" },
    { "IPv6 inside holds the outside", NAT, "internet", "X", "2001:db8:a::1", "2001:db8:a::/64", LAB_ERROR_PREFIX,
      "2001:db8:a::1 is in its own inside" },
    { "IPv6 inside is routed already", NAT, "internet", "X", NULL, "10.9.0.0/24 2001:db8:6::/60", LAB_ERROR_PREFIX,
      "overlaps 2001:db8:6::/64 of 'nat6'" },
    { "IPv6 inside of a host", NAT, "internet", "X", NULL, "2001:db8::/64", LAB_ERROR_PREFIX, "'S6'" },
    { "IPv6 LAN with host bits", LAN, NULL, "X", NULL, "2001:db8:a::7/64", LAB_ERROR_PREFIX, "2001:db8:a::/64" },
    { "inside is no prefix", NAT, "internet", "X", NULL, "10.9.0.0", LAB_ERROR_PREFIX,
      "NAT 'X': '10.9.0.0' is not a prefix" },
    { "inside of one address", NAT, "internet", "X", NULL, "10.9.0.1/32", LAB_ERROR_PREFIX, "10.9.0.1/32" },
    { "inside of everything", NAT, "internet", "X", NULL, "0.0.0.0/0", LAB_ERROR_PREFIX, "0.0.0.0/0" },
    { "inside of multicast", NAT, "internet", "X", NULL, "224.0.0.0/24", LAB_ERROR_PREFIX, "multicast" },
    { "box at broadcast", NAT, "internet", "X", NULL, "10.9.0.255/24", LAB_ERROR_PREFIX, "broadcast" },
    { "two IPv4 insides", NAT, "internet", "X", NULL, "10.9.0.0/24 10.8.0.0/24", LAB_ERROR_PREFIX, "second IPv4 prefix" },
    { "inside holds the outside", NAT, "internet", "X", "10.0.0.7", NULL, LAB_ERROR_PREFIX,
      "10.0.0.7 is in its own inside" },
    { "inside is the outer LAN", NAT, "natA", "X", NULL, NULL, LAB_ERROR_PREFIX, "overlaps 10.0.0.0/24 of 'natA'" },
    { "inside in the outer LAN", NAT, "natA", "X", NULL, "10.0.0.128/25", LAB_ERROR_PREFIX,
      "overlaps 10.0.0.0/24 of 'natA'" },
    { "routed inside twice", ROUTER, "internet", "X", NULL, "192.0.2.128/25", LAB_ERROR_PREFIX,
      "overlaps 192.0.2.0/24 of 'R'" },
    { "routed inside of a host", ROUTER, "internet", "X", NULL, "198.51.100.0/30", LAB_ERROR_PREFIX, "'S'" },
    { "large routed inside of a host", ROUTER, "internet", "X", NULL, "198.51.0.0/16", LAB_ERROR_PREFIX, "'S'" },
    { "routed to the NAT's outside", ROUTER, "natB", "X", NULL, "172.16.0.0/16", LAB_ERROR_PREFIX,
      "overlaps 172.16.0.0/24" },
    { "second host in none", HOST, "none1", "X", NULL, NULL, LAB_ERROR_PLACE, "only one host" },
    { "box in none", NAT, "none1", "X", NULL, "10.9.0.0/24", LAB_ERROR_PLACE, "none" },
    { "none in none", NONE, "none1", "X", NULL, NULL, LAB_ERROR_PLACE, "none" },
    { "none at a taken address", NONE, "internet", "X", "198.51.100.1", NULL, LAB_ERROR_ADDRESS, "taken by 'S'" },
    { "LAN with host bits", LAN, NULL, "X", NULL, "10.9.0.7/24", LAB_ERROR_PREFIX, "10.9.0.0/24" },
    { "internet of two", INTERNET, NULL, "X", "192.0.0.8 192.0.0.9", NULL, LAB_ERROR_ADDRESS, "one address" },
    { "further inside of a host", FURTHER, NULL, "S", NULL, "10.9.0.0/24", LAB_ERROR_PLACE, "'S' is a host" },
    { "further inside overlaps", FURTHER, NULL, "natA", NULL, "10.0.0.0/25", LAB_ERROR_PREFIX, "overlaps" },
    { "attached where it is taken", ATTACH, "natA", "S", "10.0.0.2", NULL, LAB_ERROR_ADDRESS, "taken by 'A'" },
    { "attached with its own", ATTACH, "office", "A", "10.0.0.2", NULL, LAB_ERROR_ADDRESS, "'A' has 10.0.0.2 already" },
    { "attached on two sides", ATTACH, "office", "natA", NULL, NULL, LAB_ERROR_PLACE, "10.0.0.0/24 already" },
    { "reboot of a host", REBOOT, NULL, "S", NULL, NULL, LAB_ERROR_PLACE, "'S' is a host" },
    { "reboot to a taken one", REBOOT, NULL, "natA", "198.51.100.1", NULL, LAB_ERROR_ADDRESS, "taken by 'S'" },
    { "reboot to nonsense", REBOOT, NULL, "natA", "x", NULL, LAB_ERROR_ADDRESS, "reboot of 'natA': 'x' is not" },
};

static void
build_for_mistakes(void)
{
    struct lab_network *net = make_internet(), *home, *none;

    make_host(net, "S", "198.51.100.1");
    home = make_nat(net, "natA", "203.0.113.1", "symmetric", "10.0.0.0/24");
    make_host(home, "A", "10.0.0.2");
    make_router(net, "R", "198.51.100.3", "192.0.2.0/24");
    g_assert(lab_lan(test_lab, "office", "10.0.0.0/24", NULL, NULL));
    g_assert(lab_lan(test_lab, "street", "172.16.0.0/24", NULL, NULL));
    make_nat(net_called("street"), "natB", "172.16.0.2", "symmetric", "10.2.0.0/24");
    none = lab_nat_none(net, "none1", "203.0.113.9", NULL);
    make_host(none, "N", NULL);
    make_host(net, "S6", "2001:db8::5");
    make_nat(net, "nat6", "203.0.113.6", "symmetric", "10.6.0.0/24, 2001:db8:6::/64");
}

static bool
make(size_t row, GError **error)
{
    struct lab_network *where = mistakes[row].where ? net_called(mistakes[row].where) : NULL;
    struct lab_node *node = lab_find(test_lab, mistakes[row].name);
    const char *name = mistakes[row].name, *addresses = mistakes[row].addresses, *lan = mistakes[row].lan;

    switch (mistakes[row].making) {
    case HOST:
        return lab_host(where, name, addresses, NULL, error) != NULL;
    case NAT:
        return lab_nat(where, name, addresses, &nat_presets[0].options, NULL, lan, NULL, NULL, error) != NULL;
    case ROUTER:
        return lab_router(where, name, addresses, lan, NULL, NULL, error) != NULL;
    case NONE:
        return lab_nat_none(where, name, addresses, error) != NULL;
    case LAN:
        return lab_lan(test_lab, name, lan, NULL, error) != NULL;
    case INTERNET:
        return lab_internet(test_lab, name, addresses, NULL, error) != NULL;
    case FURTHER:
        return lab_further_lan(node, "X", lan, NULL, error) != NULL;
    case ATTACH:
        return lab_attach(node, where, addresses, NULL, false, error) != NULL;
    case REBOOT:
        return lab_reboot(node, TIME_S, addresses, error);
    }
    return false;
}

static void
test_mistakes(void)
{
    build_for_mistakes();
    for (size_t i = 0; i < G_N_ELEMENTS(mistakes); i++) {
        g_autoptr(GError) error = NULL;
        const char *row = mistakes[i].row;
        guint nodes = test_lab->nodes->len, networks = test_lab->networks->len;
        guint all_nodes = world_net(test_lab->world)->list->len;

        if (!CHECK_ROW(row, !make(i, &error)) || !CHECK_ROW(row, error != NULL))
            continue;
        CHECK_ROW(row, error->domain == LAB_ERROR);
        CHECK_ROW_INT(row, error->code, mistakes[i].code);
        if (!strstr(error->message, mistakes[i].said))
            CHECK_ROW_TEXT(row, error->message, mistakes[i].said);
        CHECK_ROW(row, test_lab->nodes->len == nodes && test_lab->networks->len == networks);
        CHECK_ROW(row, world_net(test_lab->world)->list->len == all_nodes);
    }
    CHECK(!node_called("natA")->down);
    check_address(node_address(node_called("natA"), FAMILY_IPV4), "203.0.113.1", "after failed reboots");
}

static void
test_takes_names(void)
{
    static const char *const rows[] = { "A", "a b", "natA/1", "..", "Zürich", "東京", "internet:1", "-", "0" };
    struct lab_network *net = make_internet();

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct node *made = lab_host(net, rows[i], NULL, NULL, NULL);

        if (!CHECK_ROW(rows[i], made != NULL))
            continue;
        CHECK_ROW_TEXT(rows[i], made->name, rows[i]);
        CHECK_ROW(rows[i], lab_find(test_lab, rows[i])->node == made);
        CHECK_ROW(rows[i], lab_node_of(test_lab, made) == lab_find(test_lab, rows[i]));
    }
    CHECK(!lab_find(test_lab, "nobody"));
    CHECK(!lab_node_of(test_lab, net->router));
    CHECK_ROW_TEXT(NULL, lab_internet(test_lab, NULL, NULL, NULL, NULL)->name, "internet-2");
}

/* Private addresses are no mistake on an internet: a carrier's inside may be one (RFC 6598). */
static void
test_takes_private_addresses(void)
{
    struct lab_network *net = make_internet();

    CHECK(lab_host(net, "shared", "100.64.0.1", NULL, NULL) != NULL);
    CHECK(lab_host(net, "private", "192.168.1.1", NULL, NULL) != NULL);
}

/* --- links ---------------------------------------------------------------------------------------------------- */

static void
test_links(void)
{
    struct lab_link slow = lab_link_default, fast = lab_link_default, got;
    struct lab_network *net, *home;
    struct listener a, b;
    int64_t begun;

    CHECK(lab_link_options_equal(&lab_link_default.up, &link_defaults));
    slow.up.delay = slow.down.delay = 20 * TIME_MS;
    fast.up.delay = 3 * TIME_MS;
    fast.down.loss = chance_of(0.5);
    net = lab_internet(test_lab, "internet", NULL, &slow, NULL);
    CHECK(lab_host(net, "A", "198.51.100.1", NULL, NULL) != NULL);
    CHECK(lab_host(net, "B", "198.51.100.2", &fast, NULL) != NULL);
    home = lab_nat(net, "natA", NULL, &nat_presets[0].options, NULL, NULL, &fast, &slow, NULL);
    make_host(home, "C", NULL);

    got = lab_interface_link(&lab_find(test_lab, "A")->first);
    CHECK(lab_link_equal(&got, &slow));
    got = lab_interface_link(&lab_find(test_lab, "B")->first);
    CHECK(lab_link_equal(&got, &fast));
    got = lab_interface_link(&lab_find(test_lab, "natA")->first);
    CHECK(lab_link_equal(&got, &fast));
    got = lab_interface_link(&lab_find(test_lab, "C")->first);
    CHECK(lab_link_equal(&got, &slow));
    CHECK(!lab_interface_set_link(lab_find(test_lab, "natA")->first.next, &fast)); /* an inside has no link */

    /* 20 ms up from A, 20 ms down to B */
    fast.down = slow.down;
    CHECK(lab_interface_set_link(&lab_find(test_lab, "B")->first, &fast));
    listen_at(&a, "A", 5000);
    listen_at(&b, "B", 5000);
    begun = test_lab->world->now;
    say_to(&a, "198.51.100.2", 5000);
    world_run(test_lab->world, begun + 40 * TIME_MS - 1);
    CHECK_ROW_UINT(NULL, b.heard, 0);
    world_run(test_lab->world, begun + 40 * TIME_MS);
    CHECK_ROW_UINT(NULL, b.heard, 1);
}

/* --- drawing -------------------------------------------------------------------------------------------------- */

static void
test_draws(void)
{
    struct lab_link link = lab_link_default, slow = lab_link_default;
    struct lab_network *net, *home, *inner, *none;
    g_autoptr(GString) drawn = g_string_new(NULL);

    slow.up.delay = slow.down.delay = 20 * TIME_MS;
    net = lab_internet(test_lab, "internet", NULL, &slow, NULL);
    make_host(net, "S", "198.51.100.1, 198.51.100.2");
    link.down.loss = chance_of(0.1);
    link.up.rate = 10000000;
    home = lab_nat(net, "natA", "203.0.113.0/29", &nat_preset_find("symmetric")->options, "symmetric", NULL, &link,
                   NULL, NULL);
    make_host(home, "A", "10.0.0.2");
    inner = make_router(home, "R", NULL, "10.2.0.0/24");
    make_host(inner, "B", NULL);
    g_assert(lab_further_lan(lab_find(test_lab, "natA"), "guests", "10.3.0.0/24", &slow, NULL));
    make_host(net_called("guests"), "G", NULL);
    none = lab_nat_none(net, "natN", "203.0.113.9", NULL);
    make_host(none, "N", NULL);
    make_host(lab_lan(test_lab, "office", "192.168.0.0/24", NULL, NULL), "D", NULL);
    make_attached("A", net_called("office"), NULL, false);
    make_attached("R", net_called("office"), "192.168.0.9", false);

    lab_draw(test_lab, drawn);
    CHECK_ROW_TEXT(NULL, drawn->str,
                   "internet  (links: 20ms)\n"
                   "├── S  198.51.100.1, 198.51.100.2\n"
                   "├── natA  203.0.113.1-203.0.113.6  (NAT: symmetric)  [up 100us, 10Mbit/s; down 100us, loss 10%]\n"
                   "│   ├── A  10.0.0.2\n"
                   "│   ├── R  10.0.0.3  (router)\n"
                   "│   │   └── B  10.2.0.2\n"
                   "│   └── guests  10.3.0.0/24  (links: 20ms)\n"
                   "│       └── G  10.3.0.2\n"
                   "└── N  203.0.113.9  (for natN, of type none)\n"
                   "office  192.168.0.0/24\n"
                   "├── A  192.168.0.2  (also on natA)\n"
                   "├── R  192.168.0.9  (also on natA; the gateway here)\n"
                   "└── D  192.168.0.1\n");
}

/* --- the end -------------------------------------------------------------------------------------------------- */

struct last_words {
    struct journal journal; /* first */
    struct io_tcp *tcp;
    bool connected, ending;
    unsigned sent; /* while the world ends */
};

static void
count_sent(struct journal *journal, const struct record *record)
{
    struct last_words *words = (struct last_words *)(void *)journal;

    words->sent += words->ending && record->kind == &packet_sent_kind;
}

static void
on_stream(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    struct last_words *words = owner;

    (void)tcp, (void)result;
    words->connected |= ready == IO_CONNECTED;
}

static void
close_at_end(gpointer data)
{
    struct last_words *words = data;

    words->ending = true;
    words->tcp->ops->close(words->tcp, true);
}

/* A service that ends with the world closes its connections: their resets go nowhere, since the segment that they would
 * leave by is gone already. */
static void
test_ends_silently(void)
{
    struct last_words words = { .journal.take = count_sent };
    struct lab *lab = lab_new(1);
    struct lab_network *internet = lab_internet(lab, "internet", NULL, NULL, NULL);
    struct node *server = lab_host(internet, "S", "198.51.100.1", NULL, NULL);
    struct lab_network *office;
    struct endpoint local = { ADDRESS_NONE, 80 }, any = { ADDRESS_NONE, 0 };
    struct io_tcp *listener;
    struct node *host;
    enum io_result why;

    world_own(lab->world, &words, close_at_end);
    office = lab_router(internet, "R", "198.51.100.2", "10.0.0.0/24", NULL, NULL, NULL);
    host = lab_host(office, "A", "10.0.0.2", NULL, NULL);
    local.address = node_address(server, FAMILY_IPV4);
    listener = node_io(server)->ops->listen(node_io(server), &local, false, on_stream, &words, &why);
    words.tcp = node_io(host)->ops->connect(node_io(host), &any, &local, false, on_stream, &words, &why);
    CHECK(listener && words.tcp);
    world_run(lab->world, TIME_S);
    CHECK(words.connected);
    lab->world->journal = &words.journal;
    lab_free(lab);
    CHECK(words.ending);
    CHECK_ROW_UINT("sent", words.sent, 0);
}

void
suite_lab(void)
{
    UNIT_SUITE("lab", test_lab_begin, test_lab_end, { "reads addresses", test_parses },
               { "refuses what is no address", test_refuses_texts },
               { "gives free addresses", test_gives_free_addresses },
               { "passes over .0 and .255", test_passes_over_odd_addresses }, { "tells mistakes", test_mistakes },
               { "takes names", test_takes_names }, { "takes private addresses", test_takes_private_addresses },
               { "links", test_links }, { "draws", test_draws },
               { "ends silently", test_ends_silently });
}
