/* RTCP: RFC 3550 section 6 and appendix A.2; what is told of RTP and RTCP. */
#include "tests/unit/support.h"

#include "core/base/time.h"
#include "proto/rtp/describe.h"
#include "proto/rtp/rtcp.h"

#define RR "80c90001 00000001"
#define BLOCK "00000002 03fffffe 00010005 00000010 12345678 00008000"

static void
test_faults(void)
{
    static const struct {
        const char *name, *hex;
        enum rtcp_fault fault;
    } rows[] = {
        { "an empty RR", RR, RTCP_FAULT_NONE },
        { "an RR with a block", "81c90007 00000001" BLOCK, RTCP_FAULT_NONE },
        { "an RR with an extension", "80c90002 00000001 deadbeef", RTCP_FAULT_NONE },
        { "RR, SDES, BYE", RR "81ca0003 00000001 010461406261 0000 81cb0001 00000001", RTCP_FAULT_NONE },
        { "an SDES of nobody", RR "80ca0000", RTCP_FAULT_NONE },
        { "a BYE of nobody", RR "80cb0000", RTCP_FAULT_NONE },
        { "a BYE with a reason", RR "81cb0002 00000001 03627965", RTCP_FAULT_NONE },
        { "an APP", RR "85cc0003 00000001 74657374 00000000", RTCP_FAULT_NONE },
        { "a type that is not known", RR "80d20001 00000000", RTCP_FAULT_NONE },
        { "padding in the last", RR "a1cb0002 00000001 00000004", RTCP_FAULT_NONE },
        { "nothing", "", RTCP_FAULT_SHORT },
        { "three bytes", "80c900", RTCP_FAULT_SHORT },
        { "version 1", "40c90001 00000001", RTCP_FAULT_VERSION },
        { "version 3 in the second", RR "c1cb0001 00000001", RTCP_FAULT_VERSION },
        { "begins with SDES", "81ca0002 00000001 00000000", RTCP_FAULT_FIRST },
        { "one word too long", "80c90002 00000001", RTCP_FAULT_LENGTH },
        { "a byte over", RR "00", RTCP_FAULT_LENGTH },
        { "the second too long", RR "81cb0002 00000001", RTCP_FAULT_LENGTH },
        { "padding in the first", "a0c90002 00000001 00000004", RTCP_FAULT_PADDING },
        { "padding in the middle", RR "a1cb0002 00000001 00000004 80cb0000", RTCP_FAULT_PADDING },
        { "padding of 0", RR "a1cb0002 00000001 00000000", RTCP_FAULT_PADDING },
        { "padding of 3", RR "a1cb0002 00000001 00000003", RTCP_FAULT_PADDING },
        { "padding beyond it", RR "a1cb0002 00000001 0000000c", RTCP_FAULT_PADDING },
        { "padding of nothing", RR "a0cb0000", RTCP_FAULT_PADDING },
        { "a report without its SSRC", "80c90000", RTCP_FAULT_REPORT },
        { "a block that is not there", "81c90001 00000001", RTCP_FAULT_REPORT },
        { "an SR as short as an RR", "80c80001 00000001", RTCP_FAULT_REPORT },
        { "a chunk that is not there", RR "81ca0000", RTCP_FAULT_DESCRIPTION },
        { "an item cut", RR "81ca0002 00000001 01056140", RTCP_FAULT_DESCRIPTION },
        { "a chunk without end", RR "81ca0003 00000001 0106 614062616161", RTCP_FAULT_DESCRIPTION },
        { "two chunks, one there", RR "82ca0002 00000001 00000000", RTCP_FAULT_DESCRIPTION },
        { "a BYE of two, one there", RR "82cb0001 00000001", RTCP_FAULT_GOODBYE },
        { "a reason cut", RR "81cb0002 00000001 04627965", RTCP_FAULT_GOODBYE },
        { "an APP without name", RR "80cc0001 00000001", RTCP_FAULT_APPLICATION },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GBytes) bytes = unit_hex(rows[i].hex);
        g_autofree uint8_t *exact = unit_exact(unit_span(bytes));
        struct rtcp_reader reader;
        struct rtcp_packet packet;
        enum rtcp_fault fault = rtcp_begin(&reader, span_of(exact, g_bytes_get_size(bytes)));

        CHECK_ROW_TEXT(rows[i].name, rtcp_fault_word(fault), rtcp_fault_word(rows[i].fault));
        CHECK_ROW(rows[i].name, rtcp_next(&reader, &packet) == (rows[i].fault == RTCP_FAULT_NONE));
    }
    for (int fault = 0; fault < RTCP_FAULT_COUNT; fault++)
        CHECK_ROW(rtcp_fault_word(fault), unit_is_word(rtcp_fault_word(fault)));
}

/* A compound of all that can be written, read again; every truncation is refused, and every buffer too small. */
static void
test_round(void)
{
    static const struct rtcp_sender sender = { UINT64_C(0x1122334455667788), 9, 10, 11 };
    static const struct rtcp_block blocks[] = {
        { 5, 255, -1, 0x10002, 3, 4, 5 },
        { 6, 0, 0x7fffff, 1, 2, 3, UINT32_MAX },
        { 7, 1, -0x800000, 0, 0, 0, 0 },
    };
    struct rtcp_app app = { 1, "test", span_of("12345678", 8) };
    uint8_t buffer[512];
    struct writer writer = writer_over(buffer, sizeof buffer);
    struct rtcp_reader reader;
    struct rtcp_packet packet;
    struct rtcp_sender got;
    struct rtcp_block block;
    uint32_t ssrc;

    rtcp_write_report(&writer, 1, &sender, blocks, 3);
    rtcp_write_cname(&writer, 1, span_of_text("a@b"));
    rtcp_write_app(&writer, 31, &app);
    rtcp_write_bye(&writer, 1, span_of_text("enough"));
    CHECK(!writer_failed(&writer));
    CHECK(rtcp_begin(&reader, writer_span(&writer)) == RTCP_FAULT_NONE);

    CHECK(rtcp_next(&reader, &packet) && packet.type == RTCP_SR && rtcp_report_ssrc(&packet) == 1);
    CHECK(rtcp_report_sender(&packet, &got) && got.ntp == sender.ntp && got.timestamp == sender.timestamp &&
          got.packets == sender.packets && got.octets == sender.octets);
    for (unsigned i = 0; i < 3; i++)
        CHECK(rtcp_report_block(&packet, i, &block) && block.ssrc == blocks[i].ssrc &&
              block.fraction == blocks[i].fraction && block.lost == blocks[i].lost &&
              block.highest == blocks[i].highest && block.jitter == blocks[i].jitter &&
              block.last_sr == blocks[i].last_sr && block.delay == blocks[i].delay);
    CHECK(!rtcp_report_block(&packet, 3, &block));
    CHECK(rtcp_next(&reader, &packet) && packet.type == RTCP_SDES);
    CHECK_ROW_BYTES("CNAME", rtcp_sdes_cname(&packet, 1), span_of_text("a@b"));
    CHECK(rtcp_sdes_cname(&packet, 2).length == 0);
    CHECK(rtcp_next(&reader, &packet) && packet.type == RTCP_APP && packet.count == 31);
    rtcp_app_read(&packet, &app);
    CHECK_ROW_BYTES("APP", app.data, span_of("12345678", 8));
    CHECK(rtcp_next(&reader, &packet) && rtcp_bye_source(&packet, 0, &ssrc) && ssrc == 1);
    CHECK(!rtcp_bye_source(&packet, 1, &ssrc));
    CHECK_ROW_BYTES("reason", rtcp_bye_reason(&packet), span_of_text("enough"));
    CHECK(!rtcp_next(&reader, &packet));

    for (size_t length = 0; length < writer_length(&writer); length++) {
        g_autofree uint8_t *exact = unit_exact(span_of(buffer, length));
        enum rtcp_fault fault = rtcp_begin(&reader, span_of(exact, length));

        /* Cut between two packets it is whole again. */
        CHECK(fault != RTCP_FAULT_NONE || length == 100 || length == 116 || length == 136);
    }
}

/* All lengths of a CNAME: the zeros after it are one to four (section 6.5). */
static void
test_cname(void)
{
    char text[301];

    memset(text, 'x', sizeof text);
    for (size_t length = 0; length <= 300; length++) {
        uint8_t buffer[300];
        struct writer writer = writer_over(buffer, sizeof buffer);
        struct rtcp_reader reader;
        struct rtcp_packet packet;

        rtcp_write_report(&writer, 1, NULL, NULL, 0);
        rtcp_write_cname(&writer, 1, span_of(text, length));
        CHECK(!writer_failed(&writer) && writer_length(&writer) % 4 == 0);
        CHECK(rtcp_begin(&reader, writer_span(&writer)) == RTCP_FAULT_NONE);
        CHECK(rtcp_next(&reader, &packet) && rtcp_next(&reader, &packet));
        CHECK_ROW_UINT("length", rtcp_sdes_cname(&packet, 1).length, MIN(length, 255));
    }
}

static void
test_write_refuses(void)
{
    static const struct rtcp_block blocks[32] = { 0 };
    struct rtcp_app odd = { 1, "test", span_of("123", 3) };
    uint8_t buffer[1024];
    struct writer writer = writer_over(buffer, sizeof buffer);

    rtcp_write_report(&writer, 1, NULL, blocks, 31);
    CHECK(!writer_failed(&writer));
    rtcp_write_report(&writer, 1, NULL, blocks, 32);
    CHECK(writer_failed(&writer));
    writer = writer_over(buffer, sizeof buffer);
    rtcp_write_app(&writer, 0, &odd);
    CHECK(writer_failed(&writer));
    writer = writer_over(buffer, 7);
    rtcp_write_report(&writer, 1, NULL, NULL, 0);
    CHECK(writer_failed(&writer));
}

static void
test_ntp(void)
{
    /* 2026-01-01 00:00 UTC is 3976214400 s after 1900: 46021 days. */
    CHECK_ROW_UINT("the beginning", rtcp_ntp_of(0), UINT64_C(46021) * 86400 << 32);
    CHECK_ROW_UINT("half a second", rtcp_ntp_of(TIME_S / 2) & UINT32_MAX, UINT64_C(1) << 31);
    CHECK_ROW_UINT("the middle", rtcp_ntp_middle(UINT64_C(0x1122334455667788)), 0x33445566);
}

/* The RFC's own example in section 6.4.1, figure 2: A = 0xb710:8000, DLSR = 5.25 s, LSR = 0xb705:2000; 6.125 s. */
static void
test_round_trip(void)
{
    static const struct {
        const char *name;
        int64_t sr_at, wait, now;
        int64_t trip;
    } rows[] = {
        { "the figure's", 1000 * TIME_S, 5250 * TIME_MS, 1011375 * TIME_MS, 6125 * TIME_MS },
        { "no time at all", 5 * TIME_S, 2 * TIME_S, 7 * TIME_S, 0 },
        { "a wait longer than what has passed", 5 * TIME_S, 3 * TIME_S, 7 * TIME_S, -1 },
        { "a report of what is to come", 9 * TIME_S, 0, 7 * TIME_S, -1 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct rtcp_block block = { .last_sr = rtcp_ntp_middle(rtcp_ntp_of(rows[i].sr_at)),
                                    .delay = (uint32_t)(rows[i].wait * 65536 / TIME_S) };

        CHECK_ROW_INT(rows[i].name, rtcp_round_trip(&block, rows[i].now), rows[i].trip);
    }
    CHECK_ROW_INT("no SR yet", rtcp_round_trip(&(struct rtcp_block){ .delay = 0 }, TIME_S), -1);
}

static void
test_say(void)
{
    static const struct {
        const char *name, *hex, *text;
    } rows[] = {
        { "RTP", "8080 1267 000000a0 0badcafe ffff",
          "RTP PCMU, sequence 4711, timestamp 160, SSRC 0x0badcafe, marker, 2 bytes" },
        { "another type", "8060 0001 000000a0 0badcafe",
          "RTP payload type 96, sequence 1, timestamp 160, SSRC 0x0badcafe, 0 bytes" },
        { "RTCP", "81c90007 00000001" BLOCK "81cb0001 00000001",
          "RTCP RR of 0x00000001 (of 0x00000002 -2 lost, lately 1 %), BYE" },
        { "RTCP of a type that is not known", RR "80d20001 00000000", "RTCP RR of 0x00000001, type 210" },
        { "malformed RTP", "a000 1267 000000a0 0badcafe", NULL },
        { "malformed RTCP", "81c90001 00000001", NULL },
        { "STUN", "000100002112a442000000000000000000000000", NULL },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GBytes) bytes = unit_hex(rows[i].hex);
        g_autoptr(GString) text = g_string_new(NULL);

        CHECK_ROW(rows[i].name, rtp_datagram_say(unit_span(bytes), text) == (rows[i].text != NULL));
        CHECK_ROW_TEXT(rows[i].name, text->str, rows[i].text ?: "");
    }
}

/* --- fields, as one line ----------------------------------------------------------------------------------------- */

struct line {
    struct fields fields;
    GString *text;
};

static GString *
heard(struct fields *fields, const char *name)
{
    GString *text = ((struct line *)fields)->text;

    g_string_append_printf(text, "%s%s", text->len && text->str[text->len - 1] != '{' ? " " : "", name);
    return text;
}

static void
on_number(struct fields *fields, const char *name, int64_t value)
{
    g_string_append_printf(heard(fields, name), "=%" G_GINT64_FORMAT, value);
}

static void
on_flag(struct fields *fields, const char *name, bool value)
{
    g_string_append(heard(fields, name), value ? "=yes" : "=no");
}

static void
on_text(struct fields *fields, const char *name, struct span value)
{
    g_string_append_printf(heard(fields, name), "='%.*s'", (int)value.length, (const char *)value.bytes);
}

static void
on_bytes(struct fields *fields, const char *name, struct span value)
{
    g_string_append_printf(heard(fields, name), "[%" G_GSIZE_FORMAT "]", value.length);
}

static void
on_open(struct fields *fields, const char *name)
{
    g_string_append(heard(fields, name), "{");
}

static void
on_close(struct fields *fields)
{
    g_string_append_c(((struct line *)fields)->text, '}');
}

static void
test_fields(void)
{
    static const struct {
        const char *name, *hex, *text;
    } rows[] = {
        { "RTP", "b1e0 0001 000000a0 00000003 00000004 bede0000 41 0002",
          "payload_type=96 sequence=1 timestamp=160 ssrc=3 marker=yes padding=2 csrc{ssrc=4} extension_profile=48862 "
          "extension[0] payload[1]" },
        { "SR", "80c80006 00000001 00000002 00000003 00000004 00000005 00000006",
          "sr{ssrc=1 ntp_seconds=2 ntp_fraction=3 timestamp=4 packets=5 octets=6}" },
        { "RR, SDES, BYE, APP, unknown",
          "81c90007 00000001" BLOCK "81ca0004 00000001 01026162 02016300 00000000 81cb0002 00000001 03627965"
          "85cc0003 00000001 74657374 00000000 80d20001 00000000",
          "rr{ssrc=1 block{ssrc=2 fraction_lost=3 lost=-2 highest=65541 jitter=16 last_sr=305419896 "
          "delay_since_sr=32768}} sdes{chunk{ssrc=1 cname='ab' name='c'}} bye{ssrc=1 reason='bye'} app{subtype=5 "
          "ssrc=1 "
          "name='test' data[4]} rtcp{type=210 count=0 body[4]}" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GBytes) bytes = unit_hex(rows[i].hex);
        g_autoptr(GString) text = g_string_new(NULL);
        struct line line = { { on_number, on_number, on_flag, on_text, on_bytes, on_open, on_close }, text };
        struct rtp_packet packet;
        struct rtcp_reader reader;

        if (rtp_sort_of(unit_span(bytes)) == RTP_SORT_RTP) {
            if (CHECK_ROW(rows[i].name, rtp_packet_decode(unit_span(bytes), &packet) == RTP_FAULT_NONE))
                rtp_packet_fields(&packet, &line.fields);
        } else if (CHECK_ROW_INT(rows[i].name, rtcp_begin(&reader, unit_span(bytes)), RTCP_FAULT_NONE)) {
            rtcp_fields(&reader, &line.fields);
        }
        CHECK_ROW_TEXT(rows[i].name, text->str, rows[i].text);
    }
}

void
suite_rtp_rtcp(void)
{
    UNIT_SUITE("rtp rtcp", NULL, NULL, { "faults", test_faults }, { "there and back", test_round },
               { "CNAME", test_cname }, { "refuses to write", test_write_refuses }, { "NTP times", test_ntp },
               { "round trip", test_round_trip }, { "sentences", test_say }, { "fields", test_fields });
}
