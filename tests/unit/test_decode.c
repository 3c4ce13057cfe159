/* Packets as fields: each layer, what is cut short, and that what anybody sends is bounded. */
#include "core/trace/json.h"
#include "scenarios/runner/story/decode.h"
#include "tests/unit/support.h"

struct told {
    GString *json, *summary;
    char protocol[16];
};

static struct told
tell(struct span packet)
{
    struct told told = { .json = g_string_new(NULL), .summary = g_string_new(NULL) };
    struct json json = json_over(told.json, false);
    struct json_fields sink = json_fields_over(&json);
    struct decoding decoding = { .out = &sink.fields, .summary = told.summary };

    json_open_object(&json, NULL);
    decode_packet(&decoding, packet);
    json_close_object(&json);
    CHECK_ROW_INT("every group is closed", json.depth, 0);
    g_strlcpy(told.protocol, decoding.protocol, sizeof(told.protocol));
    return told;
}

static void
told_clear(struct told *told)
{
    g_string_free(told->json, TRUE);
    g_string_free(told->summary, TRUE);
}

/* 10.0.0.2 to 198.51.100.1, TTL 63; checksums are of no matter here. */
#define IPV4(length, protocol) "45 00 " length " 12 34 40 00 3f " protocol " 00 00 0a 00 00 02 c6 33 64 01 "
#define UDP(length) "13 88 0d 96 " length " be ef "
#define STUN_REQUEST "00 01 00 00 21 12 a4 42 01 02 03 04 05 06 07 08 09 0a 0b 0c"

static const struct {
    const char *name, *packet, *protocol, *summary, *holds;
} rows[] = {
    { "text", IPV4("00 20", "11") UDP("00 0c") "70 75 6e 63", "udp", "4 bytes of data: punc",
      "\"Data\":{\"text\":\"punc\"}" },
    { "addresses", IPV4("00 20", "11") UDP("00 0c") "70 75 6e 63", "udp", NULL,
      "\"IPv4\":{\"source\":\"10.0.0.2\",\"destination\":\"198.51.100.1\",\"protocol\":17,\"protocol_name\":\"udp\","
      "\"ttl\":63," },
    { "ports", IPV4("00 20", "11") UDP("00 0c") "70 75 6e 63", "udp", NULL,
      "\"UDP\":{\"source_port\":5000,\"destination_port\":3478,\"length\":12,\"checksum\":48879}" },
    { "bytes", IPV4("00 1e", "11") UDP("00 0a") "00 ff", "udp", "2 bytes of data", "\"bytes\":\"00ff\"" },
    { "STUN", IPV4("00 30", "11") UDP("00 1c") STUN_REQUEST, "stun", "Binding request", "\"class\":\"request\"" },
    { "an ICE check", IPV4("00 38", "11") UDP("00 24") "00 01 00 08 21 12 a4 42 01 02 03 04 05 06 07 08 09 0a 0b 0c "
      "00 24 00 04 6e 00 01 ff", "ice", "ICE check: Binding request", "\"priority\":1845494271" },
    { "ChannelData", IPV4("00 24", "11") UDP("00 10") "40 00 00 04 70 75 6e 63", "turn",
      "4 bytes of data: punc, on channel 0x4000", "\"ChannelData\":{\"channel\":16384,\"length\":4}" },
    { "STUN on a channel", IPV4("00 34", "11") UDP("00 20") "40 00 00 14 " STUN_REQUEST, "turn",
      "Binding request, on channel 0x4000", "\"STUN\":{" },
    { "a Send indication", IPV4("00 38", "11") UDP("00 24") "00 16 00 08 21 12 a4 42 01 02 03 04 05 06 07 08 09 0a 0b 0c "
      "00 13 00 04 70 75 6e 63", "turn", "4 bytes of data: punc, in a Send indication", "\"Data\":{\"text\":\"punc\"}" },
    { "a SYN", IPV4("00 2c", "06") "13 88 0d 96 00 00 00 01 00 00 00 00 60 02 ff ff 00 00 00 00 02 04 05 b4", "tcp",
      "TCP SYN", "\"maximum_segment_size\":1460" },
    { "HTTP", IPV4("00 3a", "06") "13 88 1f 90 00 00 00 01 00 00 00 01 50 18 ff ff 00 00 00 00 "
      "47 45 54 20 2f 20 48 54 54 50 2f 31 2e 30 0d 0a 0d 0a", "http", "HTTP GET /", "\"Message\":{\"text\":\"GET / HTTP" },
    { "SIP", IPV4("00 b4", "11") "13 c4 13 c4 00 a0 00 00 "
      "4f 50 54 49 4f 4e 53 20 73 69 70 3a 62 40 61 20 53 49 50 2f 32 2e 30 0d 0a " /* OPTIONS sip:b@a SIP/2.0 */
      "56 69 61 3a 20 53 49 50 2f 32 2e 30 2f 55 44 50 20 61 3b 62 72 61 6e 63 68 3d 7a 39 68 47 34 62 4b 31 0d 0a "
      "46 72 6f 6d 3a 20 3c 73 69 70 3a 61 40 61 3e 3b 74 61 67 3d 31 0d 0a " /* From: <sip:a@a>;tag=1 */
      "54 6f 3a 20 3c 73 69 70 3a 62 40 61 3e 0d 0a " /* To: <sip:b@a> */
      "43 61 6c 6c 2d 49 44 3a 20 31 0d 0a 43 53 65 71 3a 20 31 20 4f 50 54 49 4f 4e 53 0d 0a 0d 0a", "sip",
      "SIP OPTIONS sip:b@a", "\"call_id\":\"1\"" },
    { "half of a SIP message", IPV4("00 35", "11") "13 c4 13 c4 00 21 00 00 "
      "53 49 50 2f 32 2e 30 20 32 30 30 20 4f 4b 0d 0a 56 69 61 3a 20 0d 0a", "sip",
      "SIP, malformed: its header has no end", "\"Message\":{\"text\":\"SIP/2.0 200 OK" },
    { "an echo request", IPV4("00 1c", "01") "08 00 00 00 00 07 00 01", "icmp", "ICMP echo request",
      "\"identifier\":7,\"sequence\":1" },
    { "an error and what it quotes", IPV4("00 38", "01") "03 03 00 00 00 00 00 00 "
      "45 00 00 1c 00 01 00 00 40 11 00 00 c6 33 64 01 0a 00 00 02 0d 96 13 88 00 08 00 00", "icmp",
      "ICMP port unreachable", "\"quoted\":{\"IPv4\":{\"source\":\"198.51.100.1\"" },
    { "a later fragment", "45 00 00 18 12 34 20 02 3f 11 00 00 0a 00 00 02 c6 33 64 01 61 62 63 64", "udp",
      "a fragment, from byte 16 on", "\"fragment_offset\":16" },
    { "IPv6", "60 00 00 00 00 0c 11 40 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 02 "
      "00 64 ff 9b 00 00 00 00 00 00 00 00 cb 00 71 02 13 88 13 88 00 0c 00 00 70 75 6e 63", "udp",
      "4 bytes of data: punc", "\"IPv6\":{\"source\":\"2001:db8::2\",\"destination\":\"64:ff9b::cb00:7102\"" },
    { "no IP", "00 01 02", "ip", "malformed: it is of no version of IP", "\"malformed\"" },
    { "nothing", "", "ip", "malformed: it is of no version of IP", "\"malformed\"" },
};

static void
test_layers(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GBytes) packet = unit_hex(rows[i].packet);
        struct told told = tell(unit_span(packet));

        CHECK_ROW_TEXT(rows[i].name, told.protocol, rows[i].protocol);
        if (rows[i].summary)
            CHECK_ROW_TEXT(rows[i].name, told.summary->str, rows[i].summary);
        if (!CHECK_ROW(rows[i].name, strstr(told.json->str, rows[i].holds) != NULL))
            printf("    %s\n", told.json->str);
        told_clear(&told);
    }
}

/* A sanitizer sees the first step past the end. */
static void
test_truncations(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GBytes) packet = unit_hex(rows[i].packet);

        for (size_t length = 0; length < unit_span(packet).length; length++) {
            g_autofree uint8_t *cut = unit_exact(span_of(unit_span(packet).bytes, length));
            struct told told = tell(span_of(cut, length));

            CHECK_ROW(rows[i].name, told.summary->len > 0 || length > 20);
            told_clear(&told);
        }
    }
}

static void
test_bounds(void)
{
    g_autoptr(GString) nest = g_string_new(NULL);
    uint8_t packet[1400] = { 0x45, 0, 0x05, 0x78, 0, 0, 0, 0, 64, PROTOCOL_ICMP };

    /* Errors that quote errors that quote errors. */
    for (size_t at = 20; at + 28 < sizeof(packet); at += 28) {
        packet[at] = 3;
        memcpy(packet + at + 8, packet, 20);
    }
    struct told told = tell(span_of(packet, sizeof(packet)));
    unsigned depth = 0;
    for (const char *at = told.json->str; (at = strstr(at, "\"quoted\"")); at++)
        depth++;
    CHECK_ROW_INT("quotes in each other", depth, DECODE_DEPTH - 1);
    told_clear(&told);

    memset(packet + 20, 'x', sizeof(packet) - 20);
    packet[9] = PROTOCOL_UDP;
    packet[24] = 0x05, packet[25] = 0x64;
    packet[28] = 0;
    told = tell(span_of(packet, sizeof(packet)));
    CHECK_ROW("data is cut", strstr(told.json->str, "\"length\":1372") != NULL && told.json->len < 1000);
    told_clear(&told);
}

void
suite_decode(void)
{
    UNIT_SUITE("decode", NULL, NULL, { "layers", test_layers }, { "truncations", test_truncations },
               { "bounds", test_bounds });
}
