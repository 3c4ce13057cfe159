/* Reassembly of IPv6 fragments (RFC 8200 section 4.5, RFC 5722, RFC 6946), at a host and in a box on the way. */
#include "core/net/reassembly.h"

#include "core/base/random.h"
#include "core/net/stack.h"
#include "tests/unit/support.h"
#include "tests/unit/support_net_ipv6.h"

#define A "2001:db8:a::1"
#define B "2001:db8:b::1"

static struct net_trio trio;
static struct net_socket socket_b;
static GByteArray *payload; /* a UDP datagram of 45 bytes to B's socket */

static void
set_up(void)
{
    g_autoptr(GByteArray) data = net_pattern(37);

    net_trio_start(&trio);
    net6_trio_add(&trio);
    memset(&socket_b, 0, sizeof socket_b);
    CHECK(net_socket_open(&socket_b, node_io(trio.b), "[" B "]:7") == IO_OK);
    payload = net6_udp_payload(net_endpoint("[" A "]:5000"), net_endpoint("[" B "]:7"), net_span(data));
}

static void
tear_down(void)
{
    net_socket_end(&socket_b);
    g_byte_array_unref(payload);
    net_trio_end(&trio);
}

/* Gives one piece to B: "offset:units", in units of 8 bytes; "+" where more follow; "~" where a byte differs; "/2" of
 * another datagram. */
static void
give(const char *text)
{
    unsigned offset = (unsigned)(text[0] - '0') * 8, length = (unsigned)(text[2] - '0') * 8;
    g_autofree uint8_t *bytes = g_memdup2(payload->data, payload->len);
    g_autoptr(GByteArray) packet = NULL;

    if (strchr(text, '~'))
        bytes[offset + 4] ^= 1;
    packet = net6_fragment(A, B, PROTOCOL_UDP, strchr(text, '/') ? 2 : 1, offset, MIN(length, payload->len - offset),
                           strchr(text, '+') != NULL, span_of(bytes, payload->len));
    net_arrive(trio.b_port, net_span(packet));
}

static const struct {
    const char *name, *pieces;
    unsigned whole;   /* datagrams that came out */
    unsigned dropped; /* fragments ended under this reason */
    enum drop_reason reason;
} rows[] = {
    { "in order", "0:2+ 2:2+ 4:2", 1, 0, 0 },
    { "reversed", "4:2 2:2+ 0:2+", 1, 0, 0 },
    { "no first", "2:2+ 4:2", 0, 0, 0 },
    { "no middle", "0:2+ 4:2", 0, 0, 0 },
    { "another identification", "0:2+ 2:4/", 0, 0, 0 },
    { "two at once", "0:2+ 0:2+/ 2:4/ 2:4", 2, 0, 0 },
    /* RFC 8200: an exact duplicate may be dropped alone; RFC 5722: any other overlap ends the datagram */
    { "duplicates", "0:2+ 0:2+ 2:4", 1, 1, DROP_FRAGMENT_DUPLICATE },
    { "overlaps the one before", "0:2+ 1:2+", 0, 2, DROP_FRAGMENT_OVERLAP },
    { "inside another", "0:4+ 1:1+", 0, 2, DROP_FRAGMENT_OVERLAP },
    { "a duplicate with other bytes", "0:2+ 0:2+~", 0, 2, DROP_FRAGMENT_OVERLAP },
    { "two ends", "4:2 2:1", 0, 2, DROP_FRAGMENT_OVERLAP },
    { "a piece beyond the end", "2:1 3:1+", 0, 2, DROP_FRAGMENT_OVERLAP },
    /* RFC 6946 section 4: an atomic fragment is whole, whatever waits under its identification */
    { "atomic", "0:6", 1, 0, 0 },
    { "atomic among others", "0:2+ 0:6 2:4", 2, 0, 0 },
};

static void
test_rows(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(GStrv) pieces = g_strsplit(rows[i].pieces, " ", -1);
        uint64_t dropped = trio.world->counts.dropped[rows[i].reason];
        uint64_t all = packet_counts_dropped(&trio.world->counts);
        guint got = socket_b.got->len;

        for (unsigned n = 0; pieces[n]; n++)
            give(pieces[n]);
        CHECK_ROW_UINT(rows[i].name, socket_b.got->len - got, rows[i].whole);
        CHECK_ROW_UINT(rows[i].name, packet_counts_dropped(&trio.world->counts) - all, rows[i].dropped);
        CHECK_ROW_UINT(rows[i].name, trio.world->counts.dropped[rows[i].reason] - dropped, rows[i].dropped);
        for (guint n = got; n < socket_b.got->len; n++)
            CHECK_ROW_BYTES(rows[i].name, span_of(net_socket_got(&socket_b, n)->data, 37),
                            span_of(payload->data + 8, 37));
        node_forget(trio.b);
        CHECK_ROW_UINT(rows[i].name, trio.world->packets_alive, 0);
    }
}

/* The key is source, destination and identification, whatever the fragments say of the protocol: RFC 8200 takes that
 * from the first one. */
static void
test_next_header_of_first(void)
{
    g_autoptr(GByteArray) first = net6_fragment(A, B, PROTOCOL_UDP, 9, 0, 16, true, net_span(payload));
    g_autoptr(GByteArray) rest = net6_fragment(A, B, PROTOCOL_TCP, 9, 16, payload->len - 16, false, net_span(payload));

    net_arrive(trio.b_port, net_span(rest));
    net_arrive(trio.b_port, net_span(first));
    CHECK_ROW_UINT("whole", socket_b.got->len, 1);
}

/* RFC 8200 section 4.5: 60 seconds, and an error where the first fragment had come. */
static void
test_timeout(void)
{
    struct net6_error error;

    give("2:2+/");
    give("0:2+");
    net_run(trio.world, 59 * TIME_S);
    CHECK_ROW_UINT("not yet", node_dropped(trio.b, DROP_FRAGMENT_TIMEOUT), 0);
    net_run(trio.world, 2 * TIME_S);
    CHECK_ROW_UINT("both", node_dropped(trio.b, DROP_FRAGMENT_TIMEOUT), 2);
    CHECK_ROW_UINT("about one", net_tap_count(&trio.tap, TRIO_A, CAPTURE_IN), 1);
    if (net6_seen_error("about the first", &trio, TRIO_A, 0, &error))
        CHECK(error.type == ICMP6_TIME_EXCEEDED && error.code == 1 && error.quote.length == 64);
}

/* What a parameter problem points to (RFC 8200 section 4.5). */
static void
test_bad_pieces(void)
{
    static const struct {
        const char *name;
        unsigned offset, length;
        bool more;
        uint32_t pointer; /* 0: nobody is told */
    } pieces[] = {
        { "length no multiple of 8", 0, 20, true, 4 },
        { "one byte", 8, 1, true, 4 },
        { "beyond 65535", 65528, 8, false, 42 },
        { "beyond 65535, more to come", 65528, 16, true, 42 },
        { "nothing in it", 8, 0, false, 0 },
    };
    g_autoptr(GByteArray) long_one = net_pattern(66000);

    for (size_t i = 0; i < G_N_ELEMENTS(pieces); i++) {
        g_autoptr(GByteArray) bytes = net6_fragment(A, B, PROTOCOL_UDP, 3, pieces[i].offset, pieces[i].length,
                                                    pieces[i].more, net_span(long_one));
        struct net6_error error;
        uint64_t dropped = node_dropped(trio.b, DROP_FRAGMENT_BAD);

        net_tap_clear(&trio.tap);
        net_arrive(trio.b_port, net_span(bytes));
        net_trio_run(&trio);
        CHECK_ROW_UINT(pieces[i].name, node_dropped(trio.b, DROP_FRAGMENT_BAD) - dropped, 1);
        CHECK_ROW_UINT(pieces[i].name, net_tap_count(&trio.tap, TRIO_A, CAPTURE_IN), pieces[i].pointer != 0);
        if (pieces[i].pointer && net6_seen_error(pieces[i].name, &trio, TRIO_A, 0, &error))
            CHECK_ROW(pieces[i].name, error.type == ICMP6_PARAMETER_PROBLEM && error.code == 0 &&
                                          error.word == pieces[i].pointer);
    }
    CHECK_ROW_UINT("nothing waits", trio.world->packets_alive, 0);
}

/* A fragment header within the fragments makes no packet. */
static void
test_nested(void)
{
    g_autoptr(GByteArray) inner = g_byte_array_new(), first = NULL, rest = NULL;
    static const uint8_t header[8] = { PROTOCOL_UDP, 0, 0, 1, 0, 0, 0, 9 };

    g_byte_array_append(inner, header, 8);
    g_byte_array_append(inner, payload->data, payload->len);
    first = net6_fragment(A, B, 253, 1, 0, 24, true, net_span(inner));
    rest = net6_fragment(A, B, 253, 1, 24, inner->len - 24, false, net_span(inner));
    first->data[40] = IPV6_FRAGMENT; /* refused already where it arrives: two in one chain */
    net_arrive(trio.b_port, net_span(first));
    CHECK_ROW_UINT("in one packet", node_dropped(trio.b, DROP_BAD_EXTENSION), 1);
    net_arrive(trio.b_port, net_span(rest));
    net_run(trio.world, 61 * TIME_S);
    CHECK_ROW_UINT("nothing came of it", socket_b.got->len, 0);
}

/* What is cut at the source arrives whole, whatever the order. */
static void
test_random_order(void)
{
    struct random_stream dice = random_stream_of(1, "reassembly", "order");

    for (unsigned n = 0; n < 100; n++) {
        g_autoptr(GByteArray) data = net_pattern(1300 + random_below(&dice, 8000));
        g_autoptr(GByteArray) bytes = net6_udp("[" A "]:5000", "[" B "]:7", net_span(data));
        g_autoptr(GPtrArray) pieces = g_ptr_array_new();
        struct packet_list list = { NULL, NULL };
        struct packet *packet = net_packet(trio.world, net_span(bytes));
        guint got = socket_b.got->len;

        CHECK(ip_check(packet) == DROP_NONE);
        ipv6_fragment(trio.world, packet, 400 + (uint32_t)random_below(&dice, 900), n, &list);
        while ((packet = packet_list_pop(&list)))
            g_ptr_array_insert(pieces, (gint)random_below(&dice, pieces->len + 1), packet);
        for (guint i = 0; i < pieces->len; i++)
            port_receive(trio.b_port, pieces->pdata[i]);
        if (CHECK_ROW_UINT("whole", socket_b.got->len - got, 1))
            CHECK_ROW_BYTES("data", span_of(net_socket_got(&socket_b, got)->data, data->len), net_span(data));
    }
}

/* --- in a box on the way ----------------------------------------------------------------------------------------- */

static enum verdict
enter(struct middlebox *box, struct packet *packet, struct port *in)
{
    (void)box, (void)in;
    CHECK_ROW("whole", !packet_is(packet, PACKET_FRAGMENT));
    return VERDICT_PASS;
}

static enum verdict
leave(struct middlebox *box, struct packet_list *list, struct port *out)
{
    (void)box, (void)list, (void)out;
    return VERDICT_PASS;
}

/* A node with a middlebox puts fragments together, and lets them go on as their source cut them: no larger, and never
 * smaller either. */
static void
test_through_box(void)
{
    static const struct middlebox_ops ops = { enter, leave, NULL, NULL };
    struct middlebox box = { &ops, trio.router };
    g_autoptr(GByteArray) data = net_pattern(4000), bytes = net6_udp("[" A "]:5000", "[" B "]:7", net_span(data));
    struct link_options narrow = trio.link;
    const struct record *record;
    struct packet *packet;

    trio.router->box = &box;
    for (unsigned turn = 0; turn < 2; turn++) {
        struct packet_list list = { NULL, NULL };

        net_tap_clear(&trio.tap);
        packet = net_packet(trio.world, net_span(bytes));
        CHECK(ip_check(packet) == DROP_NONE);
        ipv6_fragment(trio.world, packet, 1400, 7 + turn, &list);
        while ((packet = packet_list_pop(&list)))
            port_receive(trio.router_a, packet);
        net_trio_run(&trio);
        CHECK_ROW_UINT("fragments", net_tap_count(&trio.tap, TRIO_B, CAPTURE_IN), turn == 0 ? 3 : 0);
        if (turn == 0)
            CHECK_ROW_UINT("as large", net_tap_at(&trio.tap, TRIO_B, CAPTURE_IN, 0)->bytes->len, 1400);
        narrow.mtu = 1399;
        wire_set(trio.router_b->wire, &narrow);
    }
    CHECK_ROW_UINT("arrived", socket_b.got->len, 1);
    CHECK_ROW_UINT("and not cut smaller", node_dropped(trio.router, DROP_TOO_BIG), 1);
    record = net_journal_last(&trio.journal, &fragments_kind);
    if (CHECK(record != NULL)) {
        CHECK_ROW_UINT("again", record->rule, FRAGMENTS_AGAIN);
        CHECK_ROW_INT("size", record->detail, 1400);
    }
    trio.router->box = NULL;
}

void
suite_net_ipv6_reassembly(void)
{
    UNIT_SUITE("IPv6 reassembly", set_up, tear_down, { "what fits", test_rows },
               { "the first says what it is", test_next_header_of_first }, { "time", test_timeout },
               { "bad pieces", test_bad_pieces }, { "nested", test_nested }, { "any order", test_random_order },
               { "through a box", test_through_box });
}
