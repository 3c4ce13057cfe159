#include "core/net/reassembly.h"

#include "core/base/random.h"
#include "core/net/link.h"
#include "core/net/stack.h"
#include "tests/unit/support.h"
#include "tests/unit/support_net.h"

static struct net_trio trio;
static struct reassembly *box;
static GByteArray *payload; /* a UDP datagram of 45 bytes: five times 8, and 5 */

static void
set_up(void)
{
    g_autoptr(GByteArray) data = net_pattern(37);

    net_trio_start(&trio);
    box = trio.b->reassembly = reassembly_new(trio.b);
    payload = net_udp_payload(net_endpoint("192.0.2.1:5000"), net_endpoint("198.51.100.1:3478"), net_span(data));
}

static void
tear_down(void)
{
    g_byte_array_unref(payload);
    net_trio_end(&trio);
}

/* A checked fragment of `whole` from A to B. */
static struct packet *
fragment(struct span whole, unsigned offset, unsigned length, bool more, uint16_t identification)
{
    g_autoptr(GByteArray) bytes =
        net_build(&(struct net_template){ .source = net_address("192.0.2.1"),
                                          .destination = net_address("198.51.100.1"),
                                          .protocol = PROTOCOL_UDP,
                                          .identification = identification,
                                          .flags_offset = (uint16_t)(offset / 8 | (more ? NET_MF : 0)),
                                          .payload = span_of(whole.bytes + offset, length) });
    struct packet *packet = net_packet(trio.world, net_span(bytes));

    CHECK(ip_check(packet) == DROP_NONE);
    packet->in = trio.b_port;
    return packet;
}

/* Checks the whole that came out, and ends it. */
static void
take_whole(const char *row, struct packet *packet, struct span expected)
{
    CHECK_ROW_BYTES(row, packet_transport(packet), expected);
    CHECK_ROW(row, net_checksums_good(packet_span(packet)));
    CHECK_ROW_UINT(row, packet->data[6] << 8 | packet->data[7], 0);
    CHECK_ROW_UINT(row, (unsigned)(packet->data[2] << 8 | packet->data[3]), packet->length);
    CHECK_ROW(row, packet->flags == PACKET_CHECKED);
    CHECK_ROW_UINT(row, packet->flow.source_port, 5000);
    CHECK_ROW_UINT(row, packet->flow.destination_port, 3478);
    packet_deliver(trio.world, packet);
}

/* --- what fits and what doesn't --------------------------------------------------------------------------------- */

/* Pieces of the 45 bytes: "offset:units", in units of 8 bytes; "+" where more fragments follow; "~" where the bytes
 * differ from the datagram's. */
static const struct {
    const char *name, *pieces;
    bool whole;       /* it comes out with the last piece named, and with no other */
    unsigned dropped; /* fragments ended on the way, under this reason */
    enum drop_reason reason;
    unsigned held; /* fragments that wait at the end */
} rows[] = {
    { "in order", "0:2+ 2:2+ 4:2", true, 0, 0, 0 },
    { "reversed", "4:2 2:2+ 0:2+", true, 0, 0, 0 },
    { "middle first", "2:2+ 0:2+ 4:2", true, 0, 0, 0 },
    { "last in the middle", "0:2+ 4:2 2:2+", true, 0, 0, 0 },
    { "two pieces", "0:3+ 3:3", true, 0, 0, 0 },
    { "one byte units", "5:1 3:1+ 1:1+ 0:1+ 2:1+ 4:1+", true, 0, 0, 0 },
    { "no first", "2:2+ 4:2", false, 0, 0, 2 },
    { "no middle", "0:2+ 4:2", false, 0, 0, 2 },
    { "no last", "0:2+ 2:2+", false, 0, 0, 2 },
    { "all but one unit", "0:2+ 3:1+ 4:2", false, 0, 0, 3 },
    /* exact duplicates end alone */
    { "first twice", "0:2+ 0:2+ 2:2+ 4:2", true, 1, DROP_FRAGMENT_DUPLICATE, 0 },
    { "last twice", "4:2 4:2 0:2+ 2:2+", true, 1, DROP_FRAGMENT_DUPLICATE, 0 },
    { "all twice", "0:2+ 0:2+ 2:2+ 2:2+ 4:2", true, 2, DROP_FRAGMENT_DUPLICATE, 0 },
    { "a middle one thrice", "2:2+ 4:2 2:2+ 2:2+ 0:2+", true, 2, DROP_FRAGMENT_DUPLICATE, 0 },
    /* RFC 5722: any overlap ends the datagram */
    { "overlaps the one before", "0:2+ 1:2+", false, 2, DROP_FRAGMENT_OVERLAP, 0 },
    { "overlaps the one behind", "2:2+ 1:2+", false, 2, DROP_FRAGMENT_OVERLAP, 0 },
    { "inside another", "0:4+ 1:1+", false, 2, DROP_FRAGMENT_OVERLAP, 0 },
    { "around another", "1:1+ 0:4+", false, 2, DROP_FRAGMENT_OVERLAP, 0 },
    { "around two", "1:1+ 3:1+ 0:5+", false, 3, DROP_FRAGMENT_OVERLAP, 0 },
    { "longer than a duplicate", "0:1+ 0:2+", false, 2, DROP_FRAGMENT_OVERLAP, 0 },
    { "shorter than a duplicate", "0:2+ 0:1+", false, 2, DROP_FRAGMENT_OVERLAP, 0 },
    { "a duplicate with other bytes", "0:2+ 0:2+~", false, 2, DROP_FRAGMENT_OVERLAP, 0 },
    { "the last one overlaps", "0:2+ 2:3+ 4:2", false, 3, DROP_FRAGMENT_OVERLAP, 0 },
    { "overlap with the last one in hand", "4:2 3:2+", false, 2, DROP_FRAGMENT_OVERLAP, 0 },
    /* lying totals */
    { "two ends, the second nearer", "4:2 2:1", false, 2, DROP_FRAGMENT_OVERLAP, 0 },
    { "two ends, the second farther", "2:1 4:2", false, 2, DROP_FRAGMENT_OVERLAP, 0 },
    { "a piece beyond the end", "2:1 3:1+", false, 2, DROP_FRAGMENT_OVERLAP, 0 },
    { "an end before what is there", "3:1+ 2:1", false, 2, DROP_FRAGMENT_OVERLAP, 0 },
    { "a last one that was a middle one", "0:2+ 2:2+ 2:2", false, 3, DROP_FRAGMENT_OVERLAP, 0 },
    { "a middle one that was the last one", "2:2 2:2+", false, 2, DROP_FRAGMENT_OVERLAP, 0 },
    { "after an overlap it begins anew", "0:2+ 1:2+ 0:3+ 3:3", true, 2, DROP_FRAGMENT_OVERLAP, 0 },
};

static struct packet *
piece_from_text(const char *text)
{
    unsigned offset = (unsigned)(text[0] - '0') * 8, length = (unsigned)(text[2] - '0') * 8;
    g_autofree uint8_t *bytes = g_memdup2(payload->data, payload->len);
    bool more = strchr(text, '+') != NULL;

    if (strchr(text, '~'))
        bytes[offset + 4] ^= 1;
    return fragment(span_of(bytes, payload->len), offset, MIN(length, payload->len - offset), more, 1);
}

static void
test_rows(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(GStrv) pieces = g_strsplit(rows[i].pieces, " ", -1);
        unsigned count = g_strv_length(pieces);
        uint64_t dropped = packet_counts_dropped(&trio.world->counts);
        uint64_t reason = trio.world->counts.dropped[rows[i].reason];

        for (unsigned n = 0; n < count; n++) {
            struct packet *whole = reassembly_add(box, piece_from_text(pieces[n]));

            CHECK_ROW(rows[i].name, (whole != NULL) == (rows[i].whole && n == count - 1));
            if (whole)
                take_whole(rows[i].name, whole, net_span(payload));
        }
        CHECK_ROW_UINT(rows[i].name, packet_counts_dropped(&trio.world->counts) - dropped, rows[i].dropped);
        CHECK_ROW_UINT(rows[i].name, trio.world->counts.dropped[rows[i].reason] - reason, rows[i].dropped);
        CHECK_ROW_UINT(rows[i].name, trio.world->packets_alive, rows[i].held);
        CHECK_ROW(rows[i].name, net_balanced(trio.world));
        reassembly_clear(box);
        CHECK_ROW_UINT(rows[i].name, trio.world->packets_alive, 0);
        CHECK_ROW_UINT(rows[i].name, trio.world->counts.dropped[DROP_NODE_DOWN], node_dropped(trio.b, DROP_NODE_DOWN));
    }
}

/* What ip_fragment cuts is put together again, whatever the order. */
static void
test_random_order(void)
{
    struct random_stream dice = random_stream_of(1, "reassembly", "order");

    for (unsigned n = 0; n < 200; n++) {
        g_autoptr(GByteArray) data = net_pattern(100 + random_below(&dice, 8000));
        g_autoptr(GByteArray) bytes =
            net_udp(net_endpoint("192.0.2.1:5000"), net_endpoint("198.51.100.1:3478"), net_span(data));
        g_autoptr(GPtrArray) pieces = g_ptr_array_new();
        struct packet_list list = { NULL, NULL };
        struct packet *packet = net_packet(trio.world, net_span(bytes)), *whole = NULL;

        CHECK(ip_check(packet) == DROP_NONE);
        packet->name = 1000 + n;
        ip_fragment(trio.world, packet, 68 + (uint32_t)random_below(&dice, 60), &list);
        while ((packet = packet_list_pop(&list)))
            g_ptr_array_add(pieces, packet);
        while (pieces->len > 0) {
            CHECK(whole == NULL);
            whole = reassembly_add(box, g_ptr_array_steal_index_fast(pieces, (guint)random_below(&dice, pieces->len)));
        }
        if (CHECK(whole != NULL)) {
            CHECK_ROW_UINT("name", whole->name, 1000 + n);
            take_whole("random", whole, span_of(bytes->data + 20, bytes->len - 20));
        }
        CHECK(net_balanced(trio.world));
    }
    CHECK_ROW_UINT("nothing was dropped", packet_counts_dropped(&trio.world->counts), 0);
}

/* RFC 791 section 3.2: a datagram is told by source, destination, protocol and identification. */
static void
test_keys(void)
{
    static const struct {
        const char *name, *source;
        uint8_t protocol;
        uint16_t identification;
    } others[] = {
        { "another identification", "192.0.2.1", PROTOCOL_UDP, 2 },
        { "another source", "192.0.2.7", PROTOCOL_UDP, 1 },
        { "another protocol", "192.0.2.1", 47, 1 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        g_autoptr(GByteArray) bytes = net_build(&(struct net_template){ .source = net_address(others[i].source),
                                                                        .destination = net_address("198.51.100.1"),
                                                                        .protocol = others[i].protocol,
                                                                        .identification = others[i].identification,
                                                                        .flags_offset = NET_MF,
                                                                        .payload = span_of(payload->data, 16) });
        struct packet *packet = net_packet(trio.world, net_span(bytes));

        CHECK(ip_check(packet) == DROP_NONE);
        CHECK_ROW(others[i].name, reassembly_add(box, packet) == NULL);
        CHECK_ROW(others[i].name, reassembly_add(box, fragment(net_span(payload), 16, 29, false, 1)) == NULL);
        CHECK_ROW_UINT(others[i].name, trio.world->packets_alive, 2);
        reassembly_clear(box);
    }
}

/* --- time ------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    unsigned offset, length;
    bool more, answered;
} times[] = {
    { "the first came", 0, 16, true, true }, /* RFC 792: "if fragment zero is not available then no time exceeded */
    { "only a later one came", 16, 16, true, false }, /*  need be sent at all" */
    { "only the last one came", 40, 5, false, false },
};

static void
test_timeout(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(times); i++) {
        const char *row = times[i].name;
        int64_t begin = trio.world->now;
        struct packet *packet = fragment(net_span(payload), times[i].offset, times[i].length, times[i].more, 9);
        packet_name name = packet->name;
        const struct net_seen *seen;

        net_tap_clear(&trio.tap);
        CHECK_ROW(row, reassembly_add(box, packet) == NULL);
        /* a second piece doesn't prolong it (RFC 1122 section 3.3.2: a fixed time) */
        world_run(trio.world, begin + 20 * TIME_S);
        CHECK_ROW(row, reassembly_add(box, fragment(net_span(payload), 32, 8, true, 9)) == NULL);
        world_run(trio.world, begin + 30 * TIME_S - 1);
        CHECK_ROW_UINT(row, trio.world->packets_alive, 2);
        CHECK_ROW_UINT(row, node_dropped(trio.b, DROP_FRAGMENT_TIMEOUT), i * 2);
        world_run(trio.world, begin + 30 * TIME_S);
        CHECK_ROW_UINT(row, node_dropped(trio.b, DROP_FRAGMENT_TIMEOUT), (i + 1) * 2);
        CHECK_ROW_UINT(row, trio.world->packets_alive, times[i].answered);
        seen = net_tap_at(&trio.tap, TRIO_B, CAPTURE_OUT, 0);
        CHECK_ROW(row, (seen != NULL) == times[i].answered);
        if (seen) {
            const struct record *record = net_journal_last(&trio.journal, &packet_sent_kind);

            CHECK_ROW_INT(row, seen->at, begin + 30 * TIME_S);
            CHECK_ROW_UINT(row, seen->bytes->data[20], ICMP_TIME_EXCEEDED);
            CHECK_ROW_UINT(row, seen->bytes->data[21], 1);
            CHECK_ROW(row, net_checksums_good(net_span(seen->bytes)));
            CHECK_ROW_UINT(row, seen->bytes->data[28 + 6] & 0x20, 0x20); /* quotes the first fragment */
            CHECK_ROW(row, record && record->cause == name);
        }
        net_run(trio.world, TIME_S);
    }
}

/* In time to the nanosecond: the last piece at 30 s less one makes the datagram whole. */
static void
test_in_time(void)
{
    struct packet *whole;

    CHECK(reassembly_add(box, fragment(net_span(payload), 0, 16, true, 9)) == NULL);
    world_run(trio.world, 30 * TIME_S - 1);
    whole = reassembly_add(box, fragment(net_span(payload), 16, 29, false, 9));
    if (CHECK(whole != NULL))
        take_whole("in time", whole, net_span(payload));
    net_run(trio.world, 60 * TIME_S);
    CHECK_ROW_UINT("no timeout", node_dropped(trio.b, DROP_FRAGMENT_TIMEOUT), 0);
}

/* --- limits ----------------------------------------------------------------------------------------------------- */

static void
test_datagram_limit(void)
{
    struct packet *whole;

    for (unsigned n = 0; n < REASSEMBLY_DATAGRAMS; n++)
        CHECK(reassembly_add(box, fragment(net_span(payload), 0, 16, true, (uint16_t)n)) == NULL);
    CHECK_ROW_UINT("all wait", trio.world->packets_alive, REASSEMBLY_DATAGRAMS);
    CHECK(reassembly_add(box, fragment(net_span(payload), 0, 16, true, 1000)) == NULL);
    CHECK_ROW_UINT("the oldest ended", node_dropped(trio.b, DROP_FRAGMENT_LIMIT), 1);
    CHECK_ROW_UINT("the others wait", trio.world->packets_alive, REASSEMBLY_DATAGRAMS);
    whole = reassembly_add(box, fragment(net_span(payload), 16, 29, false, 1));
    if (CHECK(whole != NULL))
        take_whole("the second oldest is there", whole, net_span(payload));
    CHECK(reassembly_add(box, fragment(net_span(payload), 16, 29, false, 0)) == NULL);
    CHECK_ROW_UINT("no ICMP about an eviction", trio.world->counts.sent, REASSEMBLY_DATAGRAMS + 4);
}

/* 1 MiB of fragments, headers and all; one more byte and the oldest datagram goes. */
static void
test_byte_limit(void)
{
    g_autoptr(GByteArray) big = net_pattern(65000);
    unsigned each = 20 + 65000, fit = REASSEMBLY_BYTES / each, rest = REASSEMBLY_BYTES - fit * each - 20;

    rest = rest / 8 * 8;
    for (unsigned n = 0; n < fit; n++)
        CHECK(reassembly_add(box, fragment(net_span(big), 0, 65000, true, (uint16_t)n)) == NULL);
    CHECK(reassembly_add(box, fragment(net_span(big), 0, rest, true, 100)) == NULL);
    CHECK_ROW_UINT("filled", node_dropped(trio.b, DROP_FRAGMENT_LIMIT), 0);
    CHECK(reassembly_add(box, fragment(net_span(big), 65000, 8, true, 3)) == NULL);
    CHECK_ROW_UINT("one more", node_dropped(trio.b, DROP_FRAGMENT_LIMIT), 1);
    /* the datagram that grows is not the one that goes, even when it is the oldest */
    reassembly_clear(box);
    CHECK(reassembly_add(box, fragment(net_span(big), 0, 8, true, 0)) == NULL);
    for (unsigned n = 1; n <= fit; n++)
        CHECK(reassembly_add(box, fragment(net_span(big), 0, 65000, true, (uint16_t)n)) == NULL);
    CHECK(reassembly_add(box, fragment(net_span(big), 8, 64000, true, 0)) == NULL);
    CHECK_ROW_UINT("the second oldest ended", node_dropped(trio.b, DROP_FRAGMENT_LIMIT), 2);
    CHECK(reassembly_add(box, fragment(net_span(big), 0, 8, true, 0)) == NULL);
    CHECK_ROW_UINT("the oldest is there", node_dropped(trio.b, DROP_FRAGMENT_DUPLICATE), 1);
    CHECK(net_balanced(trio.world));
}

/* More than 65535 bytes of header and data, which only the first piece's options bring about. */
static void
test_too_long(void)
{
    g_autoptr(GByteArray) big = net_pattern(65515), options = net_pattern(40), first = NULL;
    struct packet *packet;

    memset(options->data, 1, options->len);
    big->data[4] = 0xff; /* the UDP length */
    big->data[5] = 0xeb;
    first = net_build(&(struct net_template){ .source = net_address("192.0.2.1"),
                                              .destination = net_address("198.51.100.1"),
                                              .protocol = PROTOCOL_UDP,
                                              .identification = 5,
                                              .flags_offset = NET_MF,
                                              .options = net_span(options),
                                              .payload = span_of(big->data, 32000) });
    packet = net_packet(trio.world, net_span(first));
    CHECK(ip_check(packet) == DROP_NONE);
    CHECK(reassembly_add(box, packet) == NULL);
    CHECK(reassembly_add(box, fragment(net_span(big), 32000, 33515, false, 5)) == NULL);
    CHECK_ROW_UINT("fragment-bad", node_dropped(trio.b, DROP_FRAGMENT_BAD), 2);
    CHECK_ROW_UINT("nothing waits", trio.world->packets_alive, 0);
}

/* A whole whose UDP length lies is refused as any other; the fragments count as delivered. */
static void
test_bad_whole(void)
{
    payload->data[5] = 46;
    CHECK(reassembly_add(box, fragment(net_span(payload), 0, 16, true, 9)) == NULL);
    CHECK(reassembly_add(box, fragment(net_span(payload), 16, 29, false, 9)) == NULL);
    CHECK_ROW_UINT("the whole", node_dropped(trio.b, DROP_BAD_TRANSPORT), 1);
    CHECK_ROW_UINT("fragments", trio.world->counts.delivered, 2);
    CHECK_ROW_UINT("sent", trio.world->counts.sent, 3);
}

/* Through the network: a datagram larger than any link, cut at A's own link and again at B's. */
static void
test_through_network(void)
{
    g_autoptr(GByteArray) data = net_pattern(5000);
    struct link_options small = trio.link;
    struct net_socket a = { 0 }, b = { 0 };
    struct io_datagram datagram = IO_DATAGRAM_TO(net_endpoint("198.51.100.1:7"), net_span(data));
    const struct net_got *got;

    small.mtu = 576;
    wire_set(&port_link(trio.b_port)->down, &small);
    CHECK(net_socket_open(&a, node_io(trio.a), "192.0.2.1:5000") == IO_OK);
    CHECK(net_socket_open(&b, node_io(trio.b), "0.0.0.0:7") == IO_OK);
    CHECK(a.udp->ops->send(a.udp, &datagram) == IO_OK);
    net_trio_run(&trio);
    CHECK_ROW_UINT("pieces from A", net_tap_count(&trio.tap, TRIO_A, CAPTURE_OUT), 4);
    CHECK_ROW_UINT("pieces to B", net_tap_count(&trio.tap, TRIO_B, CAPTURE_IN), 3 * 3 + 2);
    got = net_socket_got(&b, 0);
    if (CHECK(got != NULL)) {
        CHECK_ROW_BYTES("arrived", span_of(got->data, got->length), net_span(data));
        CHECK_ROW_UINT("under its name", got->datagram.packet, datagram.packet);
    }
    CHECK_ROW_UINT("cut twice", net_journal_count(&trio.journal, &fragments_kind, DROP_NONE), 1 + 3 + 1);
    CHECK_ROW_UINT("received once", net_journal_count(&trio.journal, &packet_delivered_kind, DROP_NONE), 1);
    net_socket_end(&a);
    net_socket_end(&b);
}

/* A world may end with fragments waiting. */
static void
test_freed_waiting(void)
{
    struct net_trio own;

    net_trio_start(&own);
    {
        g_autoptr(GByteArray) bytes = net_build(&(struct net_template){ .source = net_address("192.0.2.1"),
                                                                        .destination = net_address("198.51.100.1"),
                                                                        .protocol = PROTOCOL_UDP,
                                                                        .flags_offset = NET_MF,
                                                                        .payload = span_of(payload->data, 16) });

        net_arrive(own.b_port, net_span(bytes));
        bytes->data[7] = 2;
        net_mend_header(bytes->data);
        net_arrive(own.b_port, net_span(bytes));
    }
    CHECK_ROW_UINT("waiting", own.world->packets_alive, 2);
    world_free(own.world);
    net_journal_end(&own.journal);
    net_tap_end(&own.tap);
}

void
suite_net_reassembly(void)
{
    UNIT_SUITE("reassembly", set_up, tear_down, { "what fits and what doesn't", test_rows },
               { "random order", test_random_order }, { "what tells datagrams apart", test_keys },
               { "timeout", test_timeout }, { "in time", test_in_time }, { "64 datagrams", test_datagram_limit },
               { "1 MiB", test_byte_limit }, { "too long", test_too_long }, { "a bad whole", test_bad_whole },
               { "through the network", test_through_network }, { "freed waiting", test_freed_waiting });
}
