/* RTP packets: RFC 3550 section 5.1 and appendix A.1. */
#include "tests/unit/support.h"

#include "proto/rtp/packet.h"

#define HEAD "8000 1267 000000a0 0badcafe"

static void
test_decode(void)
{
    static const struct {
        const char *name, *hex;
        enum rtp_fault fault;
        struct {
            bool marker;
            unsigned type, csrcs, padding;
            const char *extension, *payload;
        } got;
    } rows[] = {
        { "plain", HEAD "ffff", RTP_FAULT_NONE, { false, 0, 0, 0, NULL, "ffff" } },
        { "no payload", HEAD, RTP_FAULT_NONE, { false, 0, 0, 0, NULL, "" } },
        { "marker, type 127", "80ff1267000000a00badcafe", RTP_FAULT_NONE, { true, 127, 0, 0, NULL, "" } },
        { "two sources",
          "8208 1267 000000a0 0badcafe 00000001 00000002 41",
          RTP_FAULT_NONE,
          { false, 8, 2, 0, NULL, "41" } },
        { "extension",
          "9000 1267 000000a0 0badcafe bede0001 10aa0000 41",
          RTP_FAULT_NONE,
          { false, 0, 0, 0, "10aa0000", "41" } },
        { "empty extension", "9000 1267 000000a0 0badcafe bede0000 41", RTP_FAULT_NONE, { false, 0, 0, 0, "", "41" } },
        { "padding", "a000 1267 000000a0 0badcafe 41 000003", RTP_FAULT_NONE, { false, 0, 0, 3, NULL, "41" } },
        { "padding only", "a000 1267 000000a0 0badcafe 00000004", RTP_FAULT_NONE, { false, 0, 0, 4, NULL, "" } },
        { "nothing", "", RTP_FAULT_SHORT, { 0 } },
        { "a byte short", "8000 1267 000000a0 0badca", RTP_FAULT_SHORT, { 0 } },
        { "version 1", "4000 1267 000000a0 0badcafe", RTP_FAULT_VERSION, { 0 } },
        { "version 3", "c000 1267 000000a0 0badcafe", RTP_FAULT_VERSION, { 0 } },
        { "sources cut", "8200 1267 000000a0 0badcafe 00000001 000000", RTP_FAULT_CSRC, { 0 } },
        { "15 sources, none there", "8f00 1267 000000a0 0badcafe", RTP_FAULT_CSRC, { 0 } },
        { "extension's head cut", "9000 1267 000000a0 0badcafe bede00", RTP_FAULT_EXTENSION, { 0 } },
        { "extension cut", "9000 1267 000000a0 0badcafe bede0002 10aa0000 41", RTP_FAULT_EXTENSION, { 0 } },
        { "padding of nothing", "a000 1267 000000a0 0badcafe", RTP_FAULT_PADDING, { 0 } },
        { "padding 0", "a000 1267 000000a0 0badcafe 4100", RTP_FAULT_PADDING, { 0 } },
        { "padding beyond the payload", "a000 1267 000000a0 0badcafe 4103", RTP_FAULT_PADDING, { 0 } },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GBytes) bytes = unit_hex(rows[i].hex), payload = unit_hex(rows[i].got.payload ?: "");
        g_autoptr(GBytes) extension = unit_hex(rows[i].got.extension ?: "");
        g_autofree uint8_t *exact = unit_exact(unit_span(bytes));
        struct rtp_packet packet;

        if (!CHECK_ROW_INT(rows[i].name, rtp_packet_decode(span_of(exact, g_bytes_get_size(bytes)), &packet),
                           rows[i].fault) ||
            rows[i].fault != RTP_FAULT_NONE)
            continue;
        CHECK_ROW_INT(rows[i].name, packet.marker, rows[i].got.marker);
        CHECK_ROW_UINT(rows[i].name, packet.payload_type, rows[i].got.type);
        CHECK_ROW_UINT(rows[i].name, packet.sequence, 0x1267);
        CHECK_ROW_UINT(rows[i].name, packet.timestamp, 160);
        CHECK_ROW_UINT(rows[i].name, packet.ssrc, 0x0badcafe);
        CHECK_ROW_UINT(rows[i].name, rtp_packet_csrc_count(&packet), rows[i].got.csrcs);
        CHECK_ROW_UINT(rows[i].name, rtp_packet_csrc(&packet, 1), rows[i].got.csrcs > 1 ? 2 : 0);
        CHECK_ROW_UINT(rows[i].name, packet.padding, rows[i].got.padding);
        CHECK_ROW_INT(rows[i].name, packet.extended, rows[i].got.extension != NULL);
        CHECK_ROW_BYTES(rows[i].name, packet.extension, unit_span(extension));
        CHECK_ROW_BYTES(rows[i].name, packet.payload, unit_span(payload));
    }
}

/* Encoded, decoded, the same; and every buffer too small is refused. */
static void
test_encode(void)
{
    static const uint8_t csrc[60] = { 1, 2, 3, 4 }, data[8] = { 0xbe, 0xde };
    static const struct {
        const char *name;
        struct rtp_packet packet;
    } rows[] = {
        { "plain", { .sequence = 65535, .timestamp = UINT32_MAX, .ssrc = 1, .payload = { data, 8 } } },
        { "everything",
          { .marker = true,
            .extended = true,
            .payload_type = 96,
            .padding = 255,
            .sequence = 1,
            .timestamp = 2,
            .ssrc = 3,
            .csrc = { csrc, 60 },
            .profile = 0xbede,
            .extension = { data, 8 },
            .payload = { data, 5 } } },
        { "an extension of nothing", { .extended = true, .profile = 7, .padding = 1 } },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        uint8_t buffer[512];
        struct writer writer = writer_over(buffer, sizeof buffer);
        const struct rtp_packet *in = &rows[i].packet;
        struct rtp_packet out;

        rtp_packet_encode(&writer, in);
        CHECK_ROW(rows[i].name, !writer_failed(&writer));
        CHECK_ROW_INT(rows[i].name, rtp_packet_decode(writer_span(&writer), &out), RTP_FAULT_NONE);
        CHECK_ROW(rows[i].name, out.marker == in->marker && out.extended == in->extended &&
                                    out.payload_type == in->payload_type && out.padding == in->padding &&
                                    out.sequence == in->sequence && out.timestamp == in->timestamp &&
                                    out.ssrc == in->ssrc && out.profile == in->profile);
        CHECK_ROW_BYTES(rows[i].name, out.csrc, in->csrc);
        CHECK_ROW_BYTES(rows[i].name, out.extension, in->extension);
        CHECK_ROW_BYTES(rows[i].name, out.payload, in->payload);
        for (size_t room = 0; room < writer_length(&writer); room++) {
            struct writer small = writer_over(buffer, room);

            rtp_packet_encode(&small, in);
            CHECK_ROW(rows[i].name, writer_failed(&small));
        }
    }
}

static void
test_encode_refuses(void)
{
    static const uint8_t data[64] = { 0 };
    static const struct {
        const char *name;
        struct rtp_packet packet;
    } rows[] = {
        { "a payload type of eight bits", { .payload_type = 128 } },
        { "half a contributing source", { .csrc = { data, 2 } } },
        { "sixteen of them", { .csrc = { data, 64 } } },
        { "half a word of extension", { .extended = true, .extension = { data, 6 } } },
        { "an extension that is none", { .extension = { data, 4 } } },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        uint8_t buffer[256];
        struct writer writer = writer_over(buffer, sizeof buffer);

        rtp_packet_encode(&writer, &rows[i].packet);
        CHECK_ROW(rows[i].name, writer_failed(&writer));
    }
}

/* RFC 7983 section 7: 128 to 191 is RTP or RTCP; RFC 5761 section 4: RTCP by its packet types. */
static void
test_demultiplexing(void)
{
    for (unsigned first = 0; first < 256; first++) {
        for (unsigned second = 0; second < 256; second++) {
            uint8_t bytes[2] = { (uint8_t)first, (uint8_t)second };
            enum rtp_sort sort = first < 128 || first > 191       ? RTP_SORT_OTHER
                                 : second >= 192 && second <= 223 ? RTP_SORT_RTCP
                                                                  : RTP_SORT_RTP;

            if (rtp_sort_of(span_of(bytes, 2)) != sort)
                CHECK_ROW_INT(g_strdup_printf("%u %u", first, second), rtp_sort_of(span_of(bytes, 2)), sort);
        }
    }
    CHECK(rtp_sort_of(span_of("\x80", 1)) == RTP_SORT_OTHER);
    CHECK(rtp_sort_of(span_of(NULL, 0)) == RTP_SORT_OTHER);
}

static void
test_codecs(void)
{
    CHECK(rtp_codec_named("pcmu") == rtp_codec_of(0));
    CHECK(rtp_codec_named("PCMA") == rtp_codec_of(8));
    CHECK(rtp_codec_named("G729") == NULL && rtp_codec_of(18) == NULL);
}

static void
test_faults(void)
{
    for (int fault = 0; fault < RTP_FAULT_COUNT; fault++) {
        CHECK_ROW(rtp_fault_word(fault), unit_is_word(rtp_fault_word(fault)));
        CHECK_ROW(rtp_fault_word(fault), strlen(rtp_fault_sentence(fault)) > 10);
    }
}

void
suite_rtp_packet(void)
{
    UNIT_SUITE("rtp packet", NULL, NULL, { "decode", test_decode }, { "encode", test_encode },
               { "refuses to encode", test_encode_refuses }, { "demultiplexing", test_demultiplexing },
               { "codecs", test_codecs }, { "faults", test_faults });
}
