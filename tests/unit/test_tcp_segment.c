/* TCP segments on the wire: RFC 9293 section 3.1, and the ring and ranges that a machine keeps octets in. */
#include "core/net/tcp_ranges.h"
#include "core/net/tcp_ring.h"
#include "core/net/tcp_segment.h"
#include "tests/unit/support.h"
#include "tests/unit/support_net.h"

/* --- reading ---------------------------------------------------------------------------------------------------- */

#define HEADER(offset, flags) "12 34 00 50 01 02 03 04 05 06 07 08 " offset " " flags " 20 00 ab cd 00 07 "

static void
test_fields(void)
{
    g_autoptr(GBytes) bytes = unit_hex(HEADER("50", "1b") "68 69");
    struct tcp_segment segment;

    CHECK(tcp_segment_read(unit_span(bytes), &segment) == DROP_NONE);
    CHECK_ROW_UINT("source port", segment.source_port, 0x1234);
    CHECK_ROW_UINT("destination port", segment.destination_port, 80);
    CHECK_ROW_UINT("sequence number", segment.seq, 0x01020304);
    CHECK_ROW_UINT("acknowledgement", segment.ack, 0x05060708);
    CHECK_ROW_UINT("flags", segment.flags, TCP_FIN | TCP_SYN | TCP_PSH | TCP_ACK);
    CHECK_ROW_UINT("window", segment.window, 0x2000);
    CHECK_ROW_UINT("urgent pointer", segment.urgent, 7);
    CHECK_ROW_BYTES("data", segment.data, span_of_text("hi"));
    CHECK_ROW_UINT("length", tcp_segment_length(&segment), 4);
    CHECK_ROW_UINT("no MSS", segment.mss, 0);
    CHECK_ROW_UINT("no scale", segment.scale, TCP_NO_SCALE);
    CHECK(!segment.sack_permitted && !segment.has_timestamp && segment.sack_count == 0);
}

static void
test_options(void)
{
    static const struct {
        const char *name, *bytes;
        enum drop_reason reason;
        unsigned mss, scale, sacks;
        bool sack_permitted, timestamp;
    } rows[] = {
        { "MSS", HEADER("60", "02") "02 04 05 b4", DROP_NONE, 1460, 255, 0, false, false },
        { "scale", HEADER("60", "02") "01 03 03 07", DROP_NONE, 0, 7, 0, false, false },
        { "a scale above 14 counts as 14", HEADER("60", "02") "01 03 03 0f", DROP_NONE, 0, 14, 0, false, false },
        { "SACK permitted", HEADER("60", "02") "04 02 00 00", DROP_NONE, 0, 255, 0, true, false },
        { "timestamps, aligned", HEADER("80", "10") "01 01 08 0a 00 00 00 01 00 00 00 02",
          DROP_NONE, 0, 255, 0, false, true },
        { "timestamps, not aligned", HEADER("80", "10") "08 0a 00 00 00 01 00 00 00 02 01 01",
          DROP_NONE, 0, 255, 0, false, true },
        { "a SACK block", HEADER("80", "10") "01 01 05 0a 00 00 00 01 00 00 00 02",
          DROP_NONE, 0, 255, 1, false, false },
        { "four SACK blocks", HEADER("e0", "10") "01 01 05 22 00 00 00 01 00 00 00 02 00 00 00 03 00 00 00 04 "
          "00 00 00 05 00 00 00 06 00 00 00 07 00 00 00 08",
          DROP_NONE, 0, 255, 4, false, false },
        { "what a host's SYN has", HEADER("a0", "02") "02 04 05 b4 04 02 08 0a 00 00 00 01 00 00 00 02 01 03 03 07",
          DROP_NONE, 1460, 7, 0, true, true },
        { "an unknown option is skipped", HEADER("70", "02") "fe 04 de ad 02 04 05 b4",
          DROP_NONE, 1460, 255, 0, false, false },
        { "behind the end nothing counts", HEADER("70", "02") "00 04 05 b4 02 04 05 b4",
          DROP_NONE, 0, 255, 0, false, false },
        { "length zero", HEADER("60", "02") "02 00 05 b4", DROP_BAD_TCP_OPTION, 0, 0, 0, false, false },
        { "length one", HEADER("60", "02") "fe 01 05 b4", DROP_BAD_TCP_OPTION, 0, 0, 0, false, false },
        { "a kind without length", HEADER("60", "02") "01 01 01 02", DROP_BAD_TCP_OPTION, 0, 0, 0, false, false },
        { "past the header", HEADER("60", "02") "01 02 04 05", DROP_BAD_TCP_OPTION, 0, 0, 0, false, false },
        { "MSS of three", HEADER("60", "02") "02 03 05 00", DROP_BAD_TCP_OPTION, 0, 0, 0, false, false },
        { "scale of four", HEADER("60", "02") "03 04 05 00", DROP_BAD_TCP_OPTION, 0, 0, 0, false, false },
        { "SACK permitted of three", HEADER("60", "02") "04 03 05 00", DROP_BAD_TCP_OPTION, 0, 0, 0, false, false },
        { "timestamps of nine", HEADER("80", "02") "01 01 08 09 00 00 00 01 00 00 00 00",
          DROP_BAD_TCP_OPTION, 0, 0, 0, false, false },
        { "half a SACK block", HEADER("80", "10") "01 01 05 06 00 00 00 01 00 00 00 00",
          DROP_BAD_TCP_OPTION, 0, 0, 0, false, false },
        { "no SACK block", HEADER("60", "10") "01 01 05 02", DROP_BAD_TCP_OPTION, 0, 0, 0, false, false },
        { "a header too short", HEADER("40", "10"), DROP_BAD_TRANSPORT, 0, 0, 0, false, false },
        { "a header longer than the segment", HEADER("60", "10") "01 01 01",
          DROP_BAD_TRANSPORT, 0, 0, 0, false, false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GBytes) bytes = unit_hex(rows[i].bytes);
        g_autofree uint8_t *exact = unit_exact(unit_span(bytes));
        struct tcp_segment segment;
        enum drop_reason reason = tcp_segment_read(span_of(exact, unit_span(bytes).length), &segment);

        CHECK_ROW_UINT(rows[i].name, reason, rows[i].reason);
        if (reason != DROP_NONE || rows[i].reason != DROP_NONE)
            continue;
        CHECK_ROW_UINT(rows[i].name, segment.mss, rows[i].mss);
        CHECK_ROW_UINT(rows[i].name, segment.scale, rows[i].scale);
        CHECK_ROW_UINT(rows[i].name, segment.sack_count, rows[i].sacks);
        CHECK_ROW(rows[i].name, segment.sack_permitted == rows[i].sack_permitted);
        CHECK_ROW(rows[i].name, segment.has_timestamp == rows[i].timestamp);
        for (unsigned n = 0; n < segment.sack_count; n++)
            CHECK_ROW(rows[i].name, segment.sack[n].left == 2 * n + 1 && segment.sack[n].right == 2 * n + 2);
        if (segment.has_timestamp)
            CHECK_ROW(rows[i].name, segment.timestamp == 1 && segment.echo == 2);
    }
}

/* Every truncation of a segment with all options, to below the header it names, is refused. */
static void
test_truncations(void)
{
    g_autoptr(GBytes) bytes =
        unit_hex(HEADER("a0", "02") "02 04 05 b4 04 02 08 0a 00 00 00 01 00 00 00 02 01 03 03 07");
    struct tcp_segment segment;

    for (size_t length = 0; length < 40; length++) {
        g_autofree uint8_t *exact = unit_exact(span_of(unit_span(bytes).bytes, length));

        CHECK_ROW("truncated", tcp_segment_read(span_of(exact, length), &segment) == DROP_BAD_TRANSPORT);
    }
}

/* --- writing ---------------------------------------------------------------------------------------------------- */

/* Each combination of options that hosts send: written, checked by the slow sum, and read again. */
static void
test_round_trip(void)
{
    struct address a = net_address("192.0.2.1"), b = net_address("198.51.100.7");
    g_autoptr(GByteArray) data = net_pattern(700);

    for (unsigned bits = 0; bits < 1u << 7; bits++) {
        struct tcp_segment read, segment = {
            .source_port = 40000, .destination_port = 443, .seq = 0xfffffff0, .ack = 0x80000001, .window = 65535,
            .flags = TCP_ACK | TCP_PSH, .scale = bits & 1 ? 9 : TCP_NO_SCALE, .mss = bits & 2 ? 1220 : 0,
            .sack_permitted = bits & 4, .has_timestamp = bits & 8, .timestamp = bits & 8 ? 77 : 0,
            .echo = bits & 8 ? 88 : 0,
            .sack_count = bits >> 4 & 3, .sack = { { 1, 2 }, { 3, 4 }, { 5, 6 } },
            .data = { data->data, bits & 64 ? 699 : 0 }, .more = { data->data + 699, bits & 64 ? 1 : 0 },
        };
        size_t length = tcp_segment_header(&segment) + segment.data.length + segment.more.length;
        g_autofree uint8_t *bytes = g_malloc(length + 1);
        g_autoptr(GByteArray) packet = NULL;

        if (tcp_segment_header(&segment) > TCP_HEADER_MAX) {
            CHECK(!tcp_segment_write(&segment, a, b, bytes, length));
            continue;
        }
        CHECK(!tcp_segment_write(&segment, a, b, bytes, length - 1));
        CHECK(!tcp_segment_write(&segment, a, b, bytes, length + 1));
        CHECK(tcp_segment_write(&segment, a, b, bytes, length));
        packet = net_build(&(struct net_template){ .source = a, .destination = b, .protocol = PROTOCOL_TCP,
                                                   .payload = { bytes, length } });
        CHECK(net_checksums_good(net_span(packet)));
        CHECK(tcp_segment_read(span_of(bytes, length), &read) == DROP_NONE);
        CHECK_ROW_UINT("ports", (uint32_t)read.source_port << 16 | read.destination_port, 40000u << 16 | 443);
        CHECK_ROW_UINT("seq", read.seq, segment.seq);
        CHECK_ROW_UINT("ack", read.ack, segment.ack);
        CHECK_ROW_UINT("flags", read.flags, segment.flags);
        CHECK_ROW_UINT("window", read.window, segment.window);
        CHECK_ROW_UINT("mss", read.mss, segment.mss);
        CHECK_ROW_UINT("scale", read.scale, segment.scale);
        CHECK(read.sack_permitted == segment.sack_permitted && read.has_timestamp == segment.has_timestamp);
        CHECK(read.timestamp == segment.timestamp && read.echo == segment.echo);
        CHECK(read.sack_count == segment.sack_count &&
              memcmp(read.sack, segment.sack, segment.sack_count * sizeof *segment.sack) == 0);
        CHECK_ROW_BYTES("data", read.data, span_of(data->data, bits & 64 ? 700 : 0));
    }
}

/* RFC 9293 section 3.4: modulo 2^32. */
static void
test_sequence_numbers(void)
{
    static const struct {
        uint32_t a, b;
        bool before;
    } rows[] = {
        { 0, 1, true }, { 1, 0, false }, { 5, 5, false }, { 0xffffffff, 0, true }, { 0, 0xffffffff, false },
        { 0xffffff00, 0x100, true }, { 0x7fffffff, 0x80000000, true }, { 0, 0x7fffffff, true },
        { 1, 0x80000002, false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        CHECK(seq_before(rows[i].a, rows[i].b) == rows[i].before);
        CHECK(seq_up_to(rows[i].a, rows[i].b) == (rows[i].before || rows[i].a == rows[i].b));
        CHECK(seq_max(rows[i].a, rows[i].b) == (rows[i].before ? rows[i].b : rows[i].a));
        CHECK(seq_min(rows[i].a, rows[i].b) == (rows[i].before ? rows[i].a : rows[i].b));
    }
}

/* --- what a machine keeps octets in ------------------------------------------------------------------------------ */

/* Random appending, placing behind gaps, looking and taking, against plain arrays. */
static void
test_ring(void)
{
    struct random_stream dice = random_stream_of(1, "ring", "test");
    struct tcp_ring ring = { 0 };
    g_autofree uint8_t *model = g_malloc0(1 << 20), *out = g_malloc(1 << 20);
    uint32_t first = 0, used = 0; /* the model's bytes from `first` on */

    for (int round = 0; round < 20000 && first + used < 900000; round++) {
        uint32_t length = (uint32_t)random_below(&dice, random_below(&dice, 20) ? 200 : 9000), gap;
        struct span data, more;

        for (uint32_t i = 0; i < length; i++)
            out[i] = (uint8_t)random_u32(&dice);
        switch (random_below(&dice, 4)) {
        case 0:
            tcp_ring_append(&ring, out, length);
            memcpy(model + first + used, out, length);
            used += length;
            break;
        case 1: /* a piece behind a gap, then the gap */
            gap = (uint32_t)random_below(&dice, 300);
            tcp_ring_place(&ring, used + gap, span_of(out, length));
            memcpy(model + first + used + gap, out, length);
            tcp_ring_place(&ring, used, span_of(out, MIN(gap, length)));
            memcpy(model + first + used, out, MIN(gap, length));
            if (length < gap) {
                tcp_ring_extend(&ring, length);
                used += length;
            } else {
                tcp_ring_extend(&ring, gap + length);
                used += gap + length;
            }
            break;
        case 2:
            length = MIN(length, used);
            tcp_ring_look(&ring, used - length, length, &data, &more);
            CHECK(data.length + more.length == length);
            memcpy(out, data.bytes ? data.bytes : out, data.length);
            memcpy(out + data.length, more.bytes ? more.bytes : out, more.length);
            CHECK(memcmp(out, model + first + used - length, length) == 0);
            break;
        default:
            length = MIN(length * 2, used);
            tcp_ring_take(&ring, out, length);
            CHECK(memcmp(out, model + first, length) == 0);
            first += length;
            used -= length;
        }
        CHECK(ring.used == used);
    }
    tcp_ring_clear(&ring);
    CHECK(!ring.bytes && ring.capacity == 0);
}

/* Random runs around 2^32 against a map of bits. */
static void
test_ranges(void)
{
    enum { SPACE = 300 };
    const uint32_t base = 0xffffff80;

    for (uint64_t seed = 0; seed < 50; seed++) {
        struct random_stream dice = random_stream_of(seed, "ranges", "test");
        struct tcp_ranges ranges = { 0 };
        bool held[SPACE] = { false };
        uint32_t edge = 0;

        for (int round = 0; round < 60; round++) {
            uint32_t left = edge + (uint32_t)random_below(&dice, SPACE - edge - 1);
            uint32_t right = left + 1 + (uint32_t)random_below(&dice, MIN(12, SPACE - left - 1) + 1u), missing = 0, end;
            bool grown = false, news = false;
            unsigned runs = 0;

            right = MIN(right, SPACE);
            CHECK(tcp_ranges_add(&ranges, base + left, base + right, &grown));
            for (uint32_t i = left; i < right; i++) {
                news |= !held[i];
                held[i] = true;
            }
            CHECK(grown == news);
            if (random_below(&dice, 10) == 0 && edge + 20 < SPACE) {
                edge += (uint32_t)random_below(&dice, 20);
                tcp_ranges_cut(&ranges, base + edge);
                memset(held, 0, edge * sizeof *held);
            }
            for (uint32_t i = edge; i < SPACE; i++) {
                runs += held[i] && (i == 0 || !held[i - 1]);
                missing += !held[i];
            }
            CHECK(ranges.count == runs);
            CHECK(tcp_ranges_missing(&ranges, base + edge, base + SPACE) == missing);
            left = tcp_ranges_gap(&ranges, base + edge, base + SPACE, &end) - base;
            end -= base;
            for (uint32_t i = edge; i < left && i < SPACE; i++)
                CHECK(held[i]);
            for (uint32_t i = left; i < end && i < SPACE; i++)
                CHECK(!held[i]);
            CHECK(end == SPACE || held[end]);
        }
        tcp_ranges_clear(&ranges);
    }
}

static void
test_ranges_bounded(void)
{
    struct tcp_ranges ranges = { 0 };

    for (uint32_t i = 0; i < TCP_RANGES_MAX; i++)
        CHECK(tcp_ranges_add(&ranges, 10 * i, 10 * i + 5, NULL));
    CHECK(!tcp_ranges_add(&ranges, 10 * TCP_RANGES_MAX, 10 * TCP_RANGES_MAX + 5, NULL));
    CHECK(ranges.count == TCP_RANGES_MAX);
    CHECK(tcp_ranges_add(&ranges, 5, 10, NULL)); /* closes a gap, so there is one less */
    CHECK(ranges.count == TCP_RANGES_MAX - 1);
    CHECK(tcp_ranges_add(&ranges, 10 * TCP_RANGES_MAX, 10 * TCP_RANGES_MAX + 5, NULL));
    tcp_ranges_clear(&ranges);
}

void
suite_tcp_segment(void)
{
    UNIT_SUITE("tcp segment", NULL, NULL, { "fields", test_fields }, { "options", test_options },
               { "truncations", test_truncations }, { "round trip", test_round_trip },
               { "sequence numbers", test_sequence_numbers }, { "ring", test_ring }, { "ranges", test_ranges },
               { "ranges are bounded", test_ranges_bounded });
}
