#include "core/net/node.h"

#include "core/net/segment.h"
#include "core/net/stack.h"
#include "tests/unit/support.h"
#include "tests/unit/support_net.h"

static struct net_trio trio;
static struct net_socket a, b;

static void
set_up(void)
{
    net_trio_start(&trio);
    a = b = (struct net_socket){ 0 };
    CHECK(net_socket_open(&a, node_io(trio.a), "192.0.2.1:5000") == IO_OK);
    CHECK(net_socket_open(&b, node_io(trio.b), "198.51.100.1:7") == IO_OK);
}

static void
tear_down(void)
{
    net_socket_end(&a);
    net_socket_end(&b);
    net_trio_end(&trio);
}

/* --- the way there ---------------------------------------------------------------------------------------------- */

static void
test_forward(void)
{
    struct io_datagram datagram = IO_DATAGRAM_TO(net_endpoint("198.51.100.1:7"), span_of_text("hello"));
    const struct net_seen *out, *in;

    CHECK(a.udp->ops->send(a.udp, &datagram) == IO_OK);
    net_trio_run(&trio);
    CHECK_ROW_TEXT("arrived", net_socket_text(&b, 0), "hello");
    CHECK_ROW_INT("two links of 10 ms", net_socket_got(&b, 0)->at, 20 * TIME_MS);
    CHECK_ROW_UINT("one hop", net_socket_got(&b, 0)->datagram.ttl, 63);
    CHECK_ROW_UINT("name", net_socket_got(&b, 0)->datagram.packet, PACKET_NAME(trio.a->number, 1));
    CHECK_ROW_UINT("name", datagram.packet, PACKET_NAME(trio.a->number, 1));
    /* the captures show what each node handled */
    out = net_tap_at(&trio.tap, TRIO_A, CAPTURE_OUT, 0);
    in = net_tap_at(&trio.tap, TRIO_ROUTER_A, CAPTURE_IN, 0);
    if (CHECK(out && in))
        CHECK_ROW_BYTES("the same on both ends of a link", net_span(in->bytes), net_span(out->bytes));
    for (guint i = 0; i < trio.tap.seen->len; i++)
        CHECK(net_checksums_good(net_span(g_array_index(trio.tap.seen, struct net_seen, i).bytes)));
    CHECK_ROW_UINT("seen four times", trio.tap.seen->len, 4);
    CHECK_ROW_UINT("sent", trio.a->counts.sent, 1);
    CHECK_ROW_UINT("forwarded", trio.router->counts.forwarded, 1);
    CHECK_ROW_UINT("delivered", trio.b->counts.delivered, 1);
    CHECK_ROW_UINT("port", trio.router_b->packets_out, 1);
    CHECK_ROW_UINT("port", trio.router_b->bytes_out, 33);
    CHECK_ROW_UINT("port", trio.b_port->bytes_in, 33);
    CHECK_ROW_UINT("journal", net_journal_count(&trio.journal, &packet_sent_kind, DROP_NONE), 1);
    CHECK_ROW_UINT("journal", net_journal_count(&trio.journal, &packet_delivered_kind, DROP_NONE), 1);
}

/* What a malformed packet meets at the first node that checks it. */
static void
test_malformed(void)
{
    g_autoptr(GByteArray) bytes =
        net_udp(net_endpoint("192.0.2.1:5000"), net_endpoint("198.51.100.1:7"), span_of_text("hello"));

    bytes->data[10] ^= 1;
    net_arrive(trio.router_a, net_span(bytes));
    CHECK_ROW_UINT("dropped", node_dropped(trio.router, DROP_BAD_CHECKSUM), 1);
    CHECK_ROW_UINT("journal", net_journal_count(&trio.journal, &packet_dropped_kind, DROP_BAD_CHECKSUM), 1);
    CHECK_ROW_UINT("shown as it came", net_tap_count(&trio.tap, TRIO_ROUTER_A, CAPTURE_IN), 1);
    bytes->data[10] ^= 1;
    bytes->data[26] ^= 1; /* the UDP checksum is its receiver's business */
    net_arrive(trio.router_a, net_span(bytes));
    net_trio_run(&trio);
    CHECK_ROW_UINT("at B", node_dropped(trio.b, DROP_BAD_CHECKSUM), 1);
    CHECK_ROW_UINT("nobody is told", a.icmp->len, 0);
}

/* --- errors ----------------------------------------------------------------------------------------------------- */

/* What A sends, and the ICMP error it gets: from whom, and with which second word. */
static const struct {
    const char *name, *to;
    int16_t ttl, dont_fragment;
    unsigned length;
    const char *from;
    uint8_t type, code;
    uint32_t info;
    enum drop_reason reason;
    bool at_b; /* the one that drops it; else the router */
} errors[] = {
    { "TTL 1 dies at the router", "198.51.100.1:7", 1, 0, 5, "192.0.2.254", ICMP_TIME_EXCEEDED, 0, 0, DROP_TTL_EXCEEDED,
      false },
    { "no route", "203.0.113.1:7", 64, 0, 5, "192.0.2.254", ICMP_UNREACHABLE, ICMP_NET_UNREACHABLE, 0, DROP_NO_ROUTE,
      false },
    { "no socket", "198.51.100.1:8", 64, 0, 5, "198.51.100.1", ICMP_UNREACHABLE, ICMP_PORT_UNREACHABLE, 0,
      DROP_PORT_UNREACHABLE, true },
    { "no socket at the router's far address", "198.51.100.254:8", 64, 0, 5, "198.51.100.254", ICMP_UNREACHABLE,
      ICMP_PORT_UNREACHABLE, 0, DROP_PORT_UNREACHABLE, false },
    { "TTL 1 is enough for the router itself", "192.0.2.254:8", 1, 0, 5, "192.0.2.254", ICMP_UNREACHABLE,
      ICMP_PORT_UNREACHABLE, 0, DROP_PORT_UNREACHABLE, false },
    { "TTL 2 is enough for B", "198.51.100.1:8", 2, 0, 5, "198.51.100.1", ICMP_UNREACHABLE, ICMP_PORT_UNREACHABLE, 0,
      DROP_PORT_UNREACHABLE, true },
    { "too big for the next link", "198.51.100.1:7", 64, 1, 1252, "192.0.2.254", ICMP_UNREACHABLE,
      ICMP_FRAGMENTATION_NEEDED, 1279, DROP_TOO_BIG, false },
    { "too big, and its TTL runs out: that is seen first", "198.51.100.1:7", 1, 1, 1300, "192.0.2.254",
      ICMP_TIME_EXCEEDED, 0, 0, DROP_TTL_EXCEEDED, false },
};

/* The record of the drop stands before that of the ICMP error about it: who decides tells it before anything goes out. */
static bool
told_before_sent(enum drop_reason reason)
{
    const GArray *records = trio.journal.records;
    const struct record *dropped = NULL;

    for (guint i = 0; i < records->len; i++) {
        const struct record *record = &g_array_index(records, struct record, i);

        if (record->kind == &packet_dropped_kind && record->reason == reason)
            dropped = record;
        if (dropped && record->kind == &packet_sent_kind && record->cause == dropped->packet)
            return true;
    }
    return false;
}

static void
test_errors(void)
{
    struct link_options narrow = trio.link;
    unsigned count = 0;

    narrow.mtu = 1279;
    wire_set(&port_link(trio.b_port)->down, &narrow);
    for (size_t i = 0; i < G_N_ELEMENTS(errors); i++) {
        const char *row = errors[i].name;
        struct node *node = errors[i].at_b ? trio.b : trio.router;
        g_autoptr(GByteArray) data = net_pattern(errors[i].length);
        struct io_datagram datagram = IO_DATAGRAM_TO(net_endpoint(errors[i].to), net_span(data));
        uint64_t dropped = node_dropped(node, errors[i].reason);
        const struct net_seen *sent, *answer;
        const struct io_icmp *icmp;
        const struct record *record;

        net_tap_clear(&trio.tap);
        net_journal_clear(&trio.journal);
        datagram.ttl = errors[i].ttl;
        datagram.dont_fragment = errors[i].dont_fragment;
        CHECK_ROW(row, a.udp->ops->send(a.udp, &datagram) == IO_OK);
        net_trio_run(&trio);
        CHECK_ROW_UINT(row, node_dropped(node, errors[i].reason) - dropped, 1);
        CHECK_ROW(row, told_before_sent(errors[i].reason));
        icmp = net_socket_icmp(&a, count++);
        if (!CHECK_ROW(row, icmp != NULL))
            continue;
        CHECK_ROW(row, address_equal(icmp->from, net_address(errors[i].from)));
        CHECK_ROW(row, endpoint_equal(icmp->local, net_endpoint("192.0.2.1:5000")));
        CHECK_ROW(row, endpoint_equal(icmp->peer, net_endpoint(errors[i].to)));
        CHECK_ROW_UINT(row, icmp->type, errors[i].type);
        CHECK_ROW_UINT(row, icmp->code, errors[i].code);
        CHECK_ROW_UINT(row, icmp->info, errors[i].info);

        /* RFC 1812 section 4.3.2.3: as much of the packet as fits into 576 bytes */
        sent = net_tap_at(&trio.tap, TRIO_A, CAPTURE_OUT, 0);
        answer = net_tap_at(&trio.tap, TRIO_A, CAPTURE_IN, 0);
        CHECK_ROW(row, net_checksums_good(net_span(answer->bytes)));
        CHECK_ROW_UINT(row, answer->bytes->len, MIN(sent->bytes->len + 28, 576));
        CHECK_ROW_BYTES(row, span_of(answer->bytes->data + 28 + 20, answer->bytes->len - 48),
                        span_of(sent->bytes->data + 20, answer->bytes->len - 48));
        if (errors[i].reason == DROP_TTL_EXCEEDED) /* and as it came, before the TTL was touched */
            CHECK_ROW_BYTES(row, span_of(answer->bytes->data + 28, 20), span_of(sent->bytes->data, 20));
        record = net_journal_last(&trio.journal, &packet_sent_kind);
        CHECK_ROW_UINT(row, record->node, node->number);
        CHECK_ROW_UINT(row, record->cause, datagram.packet);
    }
    CHECK_ROW_UINT("no more", a.icmp->len, count);
}

/* A host is no router (RFC 1122 section 3.3.4.2): silently. */
static void
test_not_for_me(void)
{
    g_autoptr(GByteArray) bytes =
        net_udp(net_endpoint("192.0.2.1:5000"), net_endpoint("203.0.113.1:7"), span_of_text("hello"));

    net_arrive(trio.b_port, net_span(bytes));
    CHECK_ROW_UINT("dropped", node_dropped(trio.b, DROP_NOT_FOR_ME), 1);
    net_trio_run(&trio);
    CHECK_ROW_UINT("silently", trio.world->counts.sent, 1);
}

/* No ICMP about what one may not answer: an ICMP error, a later fragment, a multicast (RFC 1122 section 3.2.2). */
static void
test_silent_drops(void)
{
    g_autoptr(GByteArray) inner =
        net_udp(net_endpoint("203.0.113.1:5000"), net_endpoint("192.0.2.1:7"), span_of_text("hello"));
    g_autoptr(GByteArray) error =
        net_icmp(net_address("192.0.2.1"), net_address("203.0.113.1"), ICMP_UNREACHABLE, 3, 0, net_span(inner));
    g_autoptr(GByteArray) fragment = net_build(&(struct net_template){ .source = net_address("192.0.2.1"),
                                                                       .destination = net_address("203.0.113.1"),
                                                                       .protocol = PROTOCOL_UDP,
                                                                       .flags_offset = 5,
                                                                       .payload = span_of_text("01234567") });

    net_arrive(trio.router_a, net_span(error));
    net_arrive(trio.router_a, net_span(fragment));
    CHECK_ROW_UINT("no route", node_dropped(trio.router, DROP_NO_ROUTE), 2);
    error->data[8] = fragment->data[8] = 1;
    net_mend_header(error->data);
    net_mend_header(fragment->data);
    net_arrive(trio.router_a, net_span(error));
    net_arrive(trio.router_a, net_span(fragment));
    CHECK_ROW_UINT("TTL", node_dropped(trio.router, DROP_TTL_EXCEEDED), 2);
    CHECK_ROW_UINT("no answers", trio.router->counts.sent, 0);
}

static const struct {
    const char *name;
    uint8_t came, went; /* TTL; 0: it was dropped */
    bool keeps;
} ttls[] = {
    { "64", 64, 63, false }, { "255", 255, 254, false }, { "2", 2, 1, false },        { "1", 1, 0, false },
    { "0", 0, 0, false },    { "kept", 64, 64, true },   { "kept at 1", 1, 1, true }, { "0 isn't kept", 0, 0, true },
};

static void
test_ttl(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(ttls); i++) {
        g_autoptr(GByteArray) bytes =
            net_udp(net_endpoint("192.0.2.1:5000"), net_endpoint("198.51.100.1:7"), span_of_text("hello"));
        const struct net_seen *seen;

        net_tap_clear(&trio.tap);
        bytes->data[8] = ttls[i].came;
        net_mend_header(bytes->data);
        trio.router->keep_ttl = ttls[i].keeps;
        net_arrive(trio.router_a, net_span(bytes));
        seen = net_tap_at(&trio.tap, TRIO_ROUTER_B, CAPTURE_OUT, 0);
        CHECK_ROW(ttls[i].name, (seen != NULL) == (ttls[i].went > 0));
        if (seen) {
            CHECK_ROW_UINT(ttls[i].name, seen->bytes->data[8], ttls[i].went);
            CHECK_ROW(ttls[i].name, net_checksums_good(net_span(seen->bytes)));
        }
        net_trio_run(&trio);
    }
}

/* --- the own addresses ------------------------------------------------------------------------------------------ */

static bool inside;

static void
answer_once(struct net_socket *socket, const struct io_datagram *datagram)
{
    CHECK(!inside); /* no callback runs inside a call */
    if (socket->got->len > 2)
        return;
    inside = true;
    net_socket_send(socket, "192.0.2.1:5000", "again");
    inside = false;
    (void)datagram;
}

static void
test_to_self(void)
{
    g_autofree char *large = g_strnfill(3000, 'x');

    a.on_datagram = answer_once;
    inside = true;
    CHECK(net_socket_send(&a, "192.0.2.1:5000", "hello") == IO_OK);
    inside = false;
    CHECK_ROW_UINT("not yet", a.got->len, 0);
    CHECK_ROW_UINT("under way", trio.world->packets_alive, 1);
    net_run(trio.world, 0);
    CHECK_ROW_UINT("in the same instant", a.got->len, 3);
    CHECK_ROW_TEXT("it", net_socket_text(&a, 0), "hello");
    CHECK_ROW_UINT("no link", trio.a_port->packets_out, 0);
    CHECK_ROW_UINT("TTL", net_socket_got(&a, 0)->datagram.ttl, 64);
    CHECK(net_socket_send(&a, "192.0.2.1:5000", large) == IO_OK);
    net_run(trio.world, 0);
    CHECK_ROW_UINT("no MTU", net_socket_got(&a, 3)->length, 3000);
    /* nobody there: the error comes back the same way */
    CHECK(net_socket_send(&a, "192.0.2.1:9", "hello") == IO_OK);
    CHECK_ROW_UINT("not yet", a.icmp->len, 0);
    net_run(trio.world, 0);
    if (CHECK(net_socket_icmp(&a, 0) != NULL))
        CHECK_ROW_UINT("port", net_socket_icmp(&a, 0)->code, ICMP_PORT_UNREACHABLE);
}

/* A node with two interfaces, a pool and routes of several lengths. */
static void
test_longest_prefix(void)
{
    static const struct {
        const char *to;
        unsigned port;
        const char *next, *source;
    } rows[] = {
        { "10.1.0.77", 1, "10.1.0.77", "10.1.0.1" }, /* on-link */
        { "10.2.0.77", 2, "10.2.0.77", "10.2.0.1" },
        { "10.1.0.200", 2, "10.2.0.9", "10.2.0.1" }, /* a longer route than the network's */
        { "172.16.0.1", 2, "10.2.0.9", "10.2.0.1" },
        { "172.16.5.1", 1, "10.1.0.9", "10.1.0.1" },
        { "8.8.8.8", 1, "10.1.0.254", "10.1.0.1" }, /* the default */
        { "224.0.0.1", 1, "224.0.0.1", "10.1.0.1" },
        { "255.255.255.255", 1, "255.255.255.255", "10.1.0.1" },
    };
    struct segment *one = segment_new(trio.world, "one"), *two = segment_new(trio.world, "two");
    struct node *node = node_new(trio.world, "router2");
    struct port *ports[3] = { NULL, node_join(node, one, NULL, NULL), node_join(node, two, NULL, NULL) };
    struct hop hop;

    CHECK(!node_route(node, net_address("10.1.0.77"), &hop));
    CHECK(address_is_none(node_source_for(node, net_address("10.1.0.77"))));
    CHECK(node_add_address(node, ports[1], net_address("10.1.0.1"), 1, 24));
    CHECK(node_add_address(node, ports[2], net_address("10.2.0.1"), 4, 24));
    CHECK(!node_route(node, net_address("8.8.8.8"), &hop));
    node_set_default(node, ports[1], net_address("10.1.0.254"));
    node_add_route(node, net_prefix("172.16.0.0/12"), ports[2], net_address("10.2.0.9"));
    node_add_route(node, net_prefix("172.16.4.0/22"), ports[1], net_address("10.1.0.9"));
    node_add_route(node, net_prefix("10.1.0.200/32"), ports[2], net_address("10.2.0.9"));
    for (unsigned turn = 0; turn < 2; turn++)
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
            if (!CHECK_ROW(rows[i].to, node_route(node, net_address(rows[i].to), &hop)))
                continue;
            CHECK_ROW(rows[i].to, hop.port == ports[rows[i].port]);
            CHECK_ROW(rows[i].to, address_equal(hop.next, net_address(rows[i].next)));
            CHECK_ROW(rows[i].to,
                      address_equal(node_source_for(node, net_address(rows[i].to)), net_address(rows[i].source)));
        }
    CHECK(node_owns(node, net_address("10.2.0.4")) && !node_owns(node, net_address("10.2.0.5")));
    CHECK(address_equal(node_source_for(node, net_address("10.2.0.3")), net_address("10.2.0.3")));
    CHECK(address_equal(node_address(node, FAMILY_IPV4), net_address("10.1.0.1")));
    CHECK(address_is_none(node_address(node, FAMILY_IPV6)));
    CHECK(address_equal(port_address(ports[2], FAMILY_NONE), net_address("10.2.0.1")));
    CHECK(!node_route(node, net_address("2001:db8::1"), &hop) ||
          address_is_none(node_source_for(node, net_address("2001:db8::1"))));
}

/* Of two local networks that an address is in, the longer prefix; a broadcast without any router goes out by the first
 * port, when that is on a segment. */
static void
test_local_networks(void)
{
    struct segment *one = segment_new(trio.world, "one"), *two = segment_new(trio.world, "two");
    struct node *node = node_new(trio.world, "node"), *alone = node_new(trio.world, "alone");
    struct port *wide = node_join(node, one, NULL, NULL), *narrow = node_join(node, two, NULL, NULL);
    struct hop hop;

    CHECK(node_add_address(node, wide, net_address("10.1.0.1"), 1, 8));
    CHECK(node_add_address(node, narrow, net_address("10.1.2.1"), 1, 24));
    CHECK(node_add_address(node, wide, net_address("10.1.0.2"), 1, 16));
    CHECK(node_route(node, net_address("10.1.2.9"), &hop) && hop.port == narrow);
    CHECK(node_route(node, net_address("10.1.3.9"), &hop) && hop.port == wide);
    CHECK(node_route(node, net_address("10.200.3.9"), &hop) && hop.port == wide);
    CHECK(!node_route(node, net_address("11.0.0.1"), &hop));
    CHECK(node_route(node, net_address("255.255.255.255"), &hop) && hop.port == wide);
    CHECK(address_equal(hop.next, net_address("255.255.255.255")));
    CHECK(!node_route(alone, net_address("255.255.255.255"), &hop));
    /* all addresses go, and others come */
    node_remove_address(node, net_address("10.1.0.1"));
    node_remove_address(node, net_address("10.1.0.2"));
    node_remove_address(node, net_address("10.1.2.1"));
    CHECK(!node_route(node, net_address("10.1.2.9"), &hop));
    CHECK(address_is_none(node_address(node, FAMILY_NONE)));
    CHECK(node_add_address(node, narrow, net_address("10.1.2.1"), 1, 24));
    CHECK(node_add_address(node, wide, net_address("10.1.0.1"), 1, 8));
    CHECK(node_route(node, net_address("10.1.2.9"), &hop) && hop.port == narrow);
    CHECK(net_node(trio.world, node->number) == node);
    CHECK(net_node(trio.world, 0) == NULL && net_node(trio.world, 1000) == NULL);
    CHECK(io_node(node_io(node)) == node);
}

/* Every change counts at once, also for a destination that was just sent to. */
static void
test_changes(void)
{
    struct segment *one = segment_new(trio.world, "one"), *two = segment_new(trio.world, "two");
    struct node *node = node_new(trio.world, "router2");
    struct port *first = node_join(node, one, NULL, NULL), *second = node_join(node, two, NULL, NULL);
    struct address to = net_address("172.16.0.1");
    struct hop hop;

#define CHECK_WAY(row, there, expected)                                                                                \
    do {                                                                                                               \
        bool found = node_route(node, to, &hop);                                                                       \
        CHECK_ROW(row, found == (there));                                                                              \
        if (found)                                                                                                     \
            CHECK_ROW(row, hop.port == (expected));                                                                    \
    } while (0)

    CHECK(node_add_address(node, first, net_address("10.1.0.1"), 1, 24));
    CHECK(node_add_address(node, second, net_address("10.2.0.1"), 1, 24));
    CHECK_WAY("none", false, NULL);
    node_set_default(node, first, net_address("10.1.0.254"));
    CHECK_WAY("default", true, first);
    node_set_default(node, second, net_address("10.2.0.254"));
    CHECK_WAY("another default", true, second);
    CHECK(address_equal(hop.next, net_address("10.2.0.254")));
    node_set_default(node, second, net_address("10.2.0.253"));
    CHECK_WAY("another gateway", true, second);
    CHECK(address_equal(hop.next, net_address("10.2.0.253")));
    node_add_route(node, net_prefix("172.16.0.0/16"), first, net_address("10.1.0.9"));
    CHECK_WAY("a route", true, first);
    node_add_route(node, net_prefix("172.16.0.0/24"), second, net_address("10.2.0.9"));
    CHECK_WAY("a longer one", true, second);
    node_remove_route(node, net_prefix("172.16.0.0/24"));
    CHECK_WAY("removed", true, first);
    CHECK(node_add_address(node, second, net_address("172.16.0.7"), 1, 24));
    CHECK_WAY("a network there", true, second);
    CHECK(address_equal(hop.next, to));
    node_remove_address(node, net_address("172.16.0.7"));
    CHECK_WAY("gone", true, first);
    CHECK(node_add_address(node, second, to, 1, 24));
    CHECK(node_owns(node, to));
    CHECK(address_equal(node_source_for(node, to), to));
    node_remove_address(node, to);
    CHECK(!node_owns(node, to));
    CHECK_WAY("as before", true, first);
    node_remove_port(node, first);
    CHECK_WAY("without its port: the default", true, second);
    node_remove_port(node, second);
    CHECK_WAY("without any", false, NULL);
#undef CHECK_WAY
}

/* An address that moves to the node itself is for the node from then on. */
static void
test_becomes_mine(void)
{
    struct net_socket any = { 0 };

    CHECK(net_socket_open(&any, node_io(trio.a), "0.0.0.0:7") == IO_OK);
    CHECK(net_socket_send(&a, "198.51.100.1:7", "to B") == IO_OK);
    net_trio_run(&trio);
    CHECK_ROW_UINT("B", b.got->len, 1);
    node_remove_port(trio.b, trio.b_port);
    CHECK(node_add_address(trio.a, trio.a_port, net_address("198.51.100.1"), 1, 32));
    CHECK(net_socket_send(&a, "198.51.100.1:7", "to myself") == IO_OK);
    net_trio_run(&trio);
    CHECK_ROW_TEXT("A", net_socket_text(&any, 0), "to myself");
    node_remove_address(trio.a, net_address("198.51.100.1"));
    CHECK(net_socket_send(&a, "198.51.100.1:7", "nobody") == IO_OK);
    net_trio_run(&trio);
    CHECK_ROW_UINT("nobody", any.got->len, 1);
    CHECK_ROW_UINT("nobody", node_dropped(trio.router, DROP_NO_ROUTE), 1);
    net_socket_end(&any);
}

/* --- building and removing -------------------------------------------------------------------------------------- */

/* An address is one node's: on a link between routers too. */
static void
test_taken(void)
{
    struct node *c = node_new(trio.world, "C");
    struct port *port = node_connect(c, trio.router, NULL, NULL);

    CHECK(!node_add_address(c, port, net_address("198.51.100.1"), 1, 32)); /* B's, by the router's route */
    CHECK(!node_add_address(c, port, net_address("192.0.2.254"), 1, 32));  /* the router's own */
    CHECK(!node_add_address(c, port, net_address("198.51.100.0"), 2, 32));
    CHECK(!node_add_address(trio.a, trio.a_port, net_address("192.0.2.1"), 1, 24));
    CHECK(node_add_address(c, port, net_address("203.0.113.1"), 3, 32));
    node_set_default(c, port, ADDRESS_NONE);
    CHECK(net_socket_send(&a, "203.0.113.3:9", "pool") == IO_OK);
    net_trio_run(&trio);
    CHECK_ROW_UINT("the third of a pool", node_dropped(c, DROP_PORT_UNREACHABLE), 1);
    CHECK_ROW_UINT("answered from there", a.icmp->len, 1);
    CHECK(address_equal(net_socket_icmp(&a, 0)->from, net_address("203.0.113.3")));
}

static void
test_remove_address_under_way(void)
{
    CHECK(net_socket_send(&a, "198.51.100.1:7", "one") == IO_OK);
    CHECK(net_socket_send(&b, "192.0.2.1:5000", "two") == IO_OK);
    CHECK(net_socket_send(&a, "192.0.2.1:5000", "three") == IO_OK);
    world_run(trio.world, 0);
    CHECK(net_socket_send(&a, "192.0.2.1:5000", "four") == IO_OK);
    node_remove_address(trio.a, net_address("192.0.2.1"));
    net_trio_run(&trio);
    CHECK_ROW_UINT("what left arrives", b.got->len, 1);
    CHECK_ROW_UINT("to myself in time", a.got->len, 1);
    CHECK_ROW_UINT("to myself too late", node_dropped(trio.a, DROP_NOT_FOR_ME), 1);
    CHECK_ROW_UINT("no route back", node_dropped(trio.router, DROP_NO_ROUTE), 1);
    CHECK(net_socket_send(&a, "198.51.100.1:7", "five") == IO_NO_ADDRESS);
}

static void
test_remove_port(void)
{
    static const struct {
        const char *name;
        bool router_side;
    } rows[] = { { "the host's", false }, { "the router's", true } };
    struct wire *up = &port_link(trio.a_port)->up;
    struct link_options options = trio.link;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *row = rows[i].name;
        uint64_t ended = trio.world->counts.dropped[DROP_LINK_DOWN];

        options.jitter = TIME_MS; /* so that the wire has something to give back */
        wire_set(up, &options);
        CHECK(net_socket_send(&a, "198.51.100.1:7", "one") == IO_OK);
        CHECK(net_socket_send(&b, "192.0.2.1:5000", "two") == IO_OK);
        net_run(trio.world, 15 * TIME_MS);
        CHECK(net_socket_send(&a, "198.51.100.1:7", "three") == IO_OK);
        if (rows[i].router_side)
            node_remove_port(trio.router, trio.router_a);
        else
            node_remove_port(trio.a, trio.a_port);
        CHECK_ROW_UINT(row, trio.world->counts.dropped[DROP_LINK_DOWN] - ended, 2);
        CHECK_ROW(row, net_balanced(trio.world));
        CHECK_ROW(row, !node_owns(trio.a, net_address("192.0.2.1")));
        CHECK_ROW(row, !node_owns(trio.router, net_address("192.0.2.254")));
        CHECK_ROW(row, trio.a->ports == NULL && trio.a->last_port == NULL);
        CHECK_ROW(row, node_default(trio.a, FAMILY_IPV4).port == NULL && node_default(trio.a, FAMILY_IPV6).port == NULL);
        CHECK_ROW(row, trio.router->ports == trio.router_b && trio.router->last_port == trio.router_b);
        net_trio_run(&trio);
        CHECK_ROW_UINT(row, b.got->len, i + 1);
        CHECK_ROW_UINT(row, a.got->len, 0);
        CHECK_ROW(row, net_socket_send(&a, "198.51.100.1:7", "four") == IO_NO_ROUTE);
        CHECK_ROW(row, net_socket_send(&b, "192.0.2.1:5000", "five") == IO_OK);
        net_trio_run(&trio);
        CHECK_ROW_UINT(row, node_dropped(trio.router, DROP_NO_ROUTE), i + 1);
        /* and again by a new link */
        trio.a_port = node_connect(trio.a, trio.router, &trio.link, &trio.link);
        trio.router_a = port_peer(trio.a_port);
        up = &port_link(trio.a_port)->up;
        node_set_default(trio.a, trio.a_port, ADDRESS_NONE);
        CHECK_ROW(row, node_add_address(trio.a, trio.a_port, net_address("192.0.2.1"), 1, 24));
        CHECK_ROW(row, node_add_address(trio.router, trio.router_a, net_address("192.0.2.254"), 1, 24));
        CHECK_ROW(row, trio.router->ports == trio.router_b && trio.router->last_port == trio.router_a);
    }
}

/* A box that is down drops what reaches it, and what it would send; what it held is forgotten. */
static void
test_down(void)
{
    g_autofree char *large = g_strnfill(3000, 'x');

    CHECK(net_socket_send(&a, "198.51.100.1:7", "one") == IO_OK);
    trio.router->down = true;
    net_trio_run(&trio);
    CHECK_ROW_UINT("through it", node_dropped(trio.router, DROP_NODE_DOWN), 1);
    trio.router->down = false;
    CHECK(net_socket_send(&a, "198.51.100.1:7", large) == IO_OK);
    net_run(trio.world, 20 * TIME_MS - 1);
    node_remove_port(trio.a, trio.a_port);
    trio.b->down = true;
    CHECK(net_socket_send(&b, "198.51.100.1:7", "to myself") == IO_UNREACHABLE);
    CHECK(net_socket_send(&b, "192.0.2.1:5000", "out") == IO_UNREACHABLE);
    CHECK_ROW_UINT("from it", node_dropped(trio.b, DROP_NODE_DOWN), 2);
    trio.b->down = false;
    CHECK(net_socket_send(&b, "198.51.100.1:7", "to myself") == IO_OK);
    trio.b->down = true;
    net_trio_run(&trio);
    CHECK_ROW_UINT("arriving", node_dropped(trio.b, DROP_NODE_DOWN), 2 + 1 + 3);
    CHECK_ROW_UINT("nothing came", b.got->len, 0);
}

static void
test_forget(void)
{
    g_autofree char *large = g_strnfill(3000, 'x');
    struct link_options options = trio.link;

    options.fault_count = 1;
    options.faults = &(struct link_fault){ .packet = 2, .lose = true };
    wire_set(&port_link(trio.a_port)->up, &options);
    CHECK(net_socket_send(&a, "198.51.100.1:7", large) == IO_OK);
    net_trio_run(&trio);
    CHECK_ROW_UINT("waiting", trio.world->packets_alive, 2);
    node_forget(trio.router);
    CHECK_ROW_UINT("a router holds none", trio.world->packets_alive, 2);
    node_forget(trio.b);
    CHECK_ROW_UINT("forgotten", node_dropped(trio.b, DROP_NODE_DOWN), 2);
    CHECK_ROW_UINT("forgotten", trio.world->packets_alive, 0);
    net_run(trio.world, 60 * TIME_S);
    CHECK_ROW_UINT("and no timeout", node_dropped(trio.b, DROP_FRAGMENT_TIMEOUT), 0);
}

/* --- middleboxes ------------------------------------------------------------------------------------------------ */

/* One that notes what it saw and says what the row tells it to. */
struct probe {
    struct middlebox box;
    enum verdict enter, leave;
    GString *seen;
    struct packet *held;
};

static enum verdict
probe_enter(struct middlebox *box, struct packet *packet, struct port *in)
{
    struct probe *probe = (struct probe *)box;

    g_string_append_printf(probe->seen, "enter %u ttl %u %s; ", packet->length, packet->ttl, in ? "port" : "self");
    packet->reason = DROP_FILTERED;
    if (probe->enter == VERDICT_HELD)
        probe->held = packet;
    return probe->enter;
}

static enum verdict
probe_leave(struct middlebox *box, struct packet_list *list, struct port *out)
{
    struct probe *probe = (struct probe *)box;

    g_string_append_printf(probe->seen, "leave %u %s; ", list->first->length,
                           out == trio.router_b   ? "B"
                           : out == trio.router_a ? "A"
                                                  : "?");
    list->first->reason = DROP_POLICY;
    if (probe->leave == VERDICT_HELD)
        probe->held = packet_list_pop(list);
    else if (probe->leave == VERDICT_NONE) { /* two for one */
        packet_list_push(list, packet_copy(trio.world, list->first));
        return VERDICT_PASS;
    }
    return probe->leave;
}

static void
probe_free(struct middlebox *box)
{
    g_string_free(((struct probe *)box)->seen, TRUE);
}

static const struct {
    const char *name;
    enum verdict enter, leave;
    const char *to, *seen;
    unsigned arrived, filtered, policy, alive;
} verdicts[] = {
    { "through", VERDICT_PASS, VERDICT_PASS, "198.51.100.1:7", "enter 33 ttl 63 port; leave 33 B; ", 1, 0, 0, 0 },
    { "dropped on entering", VERDICT_DROP, VERDICT_PASS, "198.51.100.1:7", "enter 33 ttl 63 port; ", 0, 1, 0, 0 },
    { "dropped on leaving", VERDICT_PASS, VERDICT_DROP, "198.51.100.1:7", "enter 33 ttl 63 port; leave 33 B; ", 0, 0, 1,
      0 },
    { "held", VERDICT_PASS, VERDICT_HELD, "198.51.100.1:7", "enter 33 ttl 63 port; leave 33 B; ", 0, 0, 0, 1 },
    { "two for one", VERDICT_PASS, VERDICT_NONE, "198.51.100.1:7", "enter 33 ttl 63 port; leave 33 B; ", 2, 0, 0, 0 },
    /* for the box itself, which answers; the answer passes `leave` */
    { "for its own stack", VERDICT_MINE, VERDICT_PASS, "192.0.2.254:9", "enter 33 ttl 64 port; leave 61 A; ", 0, 0, 0,
      0 },
    { "for itself", VERDICT_PASS, VERDICT_PASS, "192.0.2.254:9", "enter 33 ttl 64 port; leave 61 A; ", 0, 0, 0, 0 },
    { "for itself, refused", VERDICT_DROP, VERDICT_PASS, "192.0.2.254:9", "enter 33 ttl 64 port; ", 0, 1, 0, 0 },
};

static void
test_middlebox(void)
{
    static const struct middlebox_ops ops = { probe_enter, probe_leave, NULL, probe_free };
    static struct probe probe; /* lives longer than the world */

    probe = (struct probe){ .box = { &ops, trio.router }, .seen = g_string_new(NULL) };
    trio.router->box = &probe.box;
    for (size_t i = 0; i < G_N_ELEMENTS(verdicts); i++) {
        const char *row = verdicts[i].name;
        unsigned arrived = b.got->len;
        uint64_t filtered = node_dropped(trio.router, DROP_FILTERED), policy = node_dropped(trio.router, DROP_POLICY);
        unsigned told = net_journal_count(&trio.journal, &packet_dropped_kind, DROP_NONE);

        g_string_truncate(probe.seen, 0);
        probe.enter = verdicts[i].enter;
        probe.leave = verdicts[i].leave;
        CHECK_ROW(row, net_socket_send(&a, verdicts[i].to, "hello") == IO_OK);
        net_trio_run(&trio);
        CHECK_ROW_TEXT(row, probe.seen->str, verdicts[i].seen);
        CHECK_ROW_UINT(row, b.got->len - arrived, verdicts[i].arrived);
        CHECK_ROW_UINT(row, node_dropped(trio.router, DROP_FILTERED) - filtered, verdicts[i].filtered);
        CHECK_ROW_UINT(row, node_dropped(trio.router, DROP_POLICY) - policy, verdicts[i].policy);
        CHECK_ROW_UINT(row, trio.world->packets_alive, verdicts[i].alive);
        if (verdicts[i].filtered || verdicts[i].policy) /* the middlebox has written its own record */
            CHECK_ROW_UINT(row, net_journal_count(&trio.journal, &packet_dropped_kind, DROP_NONE), told);
        if (probe.held) {
            node_output(trio.router, probe.held, &(struct hop){ net_address("198.51.100.1"), trio.router_b });
            probe.held = NULL;
            net_trio_run(&trio);
            CHECK_ROW_UINT("resumed", b.got->len - arrived, 1);
        }
    }
    /* fragments come whole, and go on in pieces */
    {
        g_autofree char *large = g_strnfill(2000, 'x');

        g_string_truncate(probe.seen, 0);
        probe.enter = probe.leave = VERDICT_PASS;
        CHECK(net_socket_send(&a, "198.51.100.1:7", large) == IO_OK);
        net_trio_run(&trio);
        CHECK_ROW_TEXT("fragments", probe.seen->str, "enter 2028 ttl 63 port; leave 2028 B; ");
        CHECK_ROW_UINT("arrived", net_socket_got(&b, b.got->len - 1)->length, 2000);
    }
    /* held on entering, then sent on */
    probe.enter = VERDICT_HELD;
    CHECK(net_socket_send(&a, "198.51.100.1:7", "hello") == IO_OK);
    net_trio_run(&trio);
    CHECK_ROW_UINT("held on entering", trio.world->packets_alive, 1);
    {
        unsigned arrived = b.got->len;

        node_forward(trio.router, probe.held);
        net_trio_run(&trio);
        CHECK_ROW_UINT("sent on", b.got->len, arrived + 1);
    }
    probe.enter = VERDICT_PASS;
    /* a held packet whose port has gone meanwhile */
    probe.leave = VERDICT_HELD;
    CHECK(net_socket_send(&a, "198.51.100.1:7", "hello") == IO_OK);
    net_trio_run(&trio);
    node_remove_port(trio.router, trio.router_b);
    node_output(trio.router, probe.held, &(struct hop){ net_address("198.51.100.1"), trio.router_b });
    CHECK_ROW_UINT("port gone", node_dropped(trio.router, DROP_LINK_DOWN), 1);
    /* the world ends it with its node */
}

void
suite_net_node(void)
{
    UNIT_SUITE("node", set_up, tear_down, { "through a router", test_forward }, { "malformed", test_malformed },
               { "errors", test_errors }, { "not for me", test_not_for_me }, { "silent drops", test_silent_drops },
               { "TTL", test_ttl }, { "to itself", test_to_self }, { "the longest prefix", test_longest_prefix },
               { "local networks", test_local_networks }, { "changes count at once", test_changes },
               { "an address becomes its own", test_becomes_mine }, { "addresses taken", test_taken },
               { "an address goes", test_remove_address_under_way }, { "a port goes", test_remove_port },
               { "down", test_down }, { "forgets", test_forget }, { "middlebox", test_middlebox });
}
