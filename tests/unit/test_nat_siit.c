/* Header translation between IPv4 and IPv6: RFC 7915, row by row. */
#include "nat/siit.h"

#include "core/base/random.h"
#include "core/net/icmp.h"
#include "core/net/ipv6.h"
#include "core/net/net.h"
#include "tests/unit/support.h"
#include "tests/unit/support_nat.h"
#include "tests/unit/support_wire.h"

#define HOST4 "203.0.113.1"
#define HOST6 "2001:db8::2"
#define REMOTE4 "198.51.100.1"
#define REMOTE6 "64:ff9b::c633:6401"

static struct world *lab;
static const struct siit_mtus mtus = { 1500, 1500 };

static void
set_up(void)
{
    lab = world_new(1);
}

static void
tear_down(void)
{
    CHECK(lab->packets_alive == 0);
    world_free(lab);
}

/* ---- helpers */

static struct packet *
packet_of(struct span bytes)
{
    struct packet *packet = packet_new(lab, bytes.length);

    memcpy(packet->data, bytes.bytes, bytes.length);
    CHECK_ROW_TEXT("well-formed", drop_reason_word(ip_check(packet)), "none");
    return packet;
}

static struct packet *
packet_from(const struct wire_packet *wire)
{
    uint8_t bytes[WIRE_MAX];

    return packet_of(span_of(bytes, wire_write(bytes, wire)));
}

static struct flow
flow_of(const char *from, const char *to)
{
    struct endpoint source = nat_endpoint(from), destination = nat_endpoint(to);

    return (struct flow){ source.address, destination.address, source.port, destination.port, 0 };
}

/* What the packet says, and that its parsed members say what a header check would find. Ends it. */
static char *
finish(const char *row, struct packet *packet)
{
    struct packet *again = packet_of(packet_span(packet));
    char *text = wire_text(packet_span(packet));
    uint16_t kept = PACKET_CUT | PACKET_SUM_GOOD;

    CHECK_ROW_INT(row, again->transport, packet->transport);
    CHECK_ROW_INT(row, again->flags & ~kept, packet->flags & ~kept);
    CHECK_ROW_INT(row, again->ttl, packet->ttl);
    CHECK_ROW_INT(row, again->tos, packet->tos);
    CHECK_ROW_INT(row, again->flow.protocol, packet->flow.protocol);
    CHECK_ROW(row, endpoint_equal(flow_source(&again->flow), flow_source(&packet->flow)) &&
                       endpoint_equal(flow_destination(&again->flow), flow_destination(&packet->flow)));
    packet_deliver(lab, again);
    packet_deliver(lab, packet);
    return text;
}

static struct wire_packet
wire(uint8_t protocol, const char *from, const char *to, size_t length)
{
    return (struct wire_packet){ .from = nat_endpoint(from), .to = nat_endpoint(to), .protocol = protocol,
                                 .length = length };
}

/* ---- whole packets: sections 4.1 and 5.1 */

static void
test_packets(void)
{
    static const struct {
        const char *name;
        uint8_t protocol, type;
        const char *from, *to, *new_from, *new_to, *said;
    } rows[] = {
        { "UDP to IPv6", PROTOCOL_UDP, 0, REMOTE4 ":7000", HOST4 ":40000", "[" REMOTE6 "]:7000", "[" HOST6 "]:5000",
          "[64:ff9b::c633:6401]:7000 > [2001:db8::2]:5000" },
        { "TCP to IPv6", PROTOCOL_TCP, 0, REMOTE4 ":443", HOST4 ":40000", "[" REMOTE6 "]:443", "[" HOST6 "]:5000",
          "tcp [64:ff9b::c633:6401]:443 > [2001:db8::2]:5000" },
        { "echo to IPv6", PROTOCOL_ICMP, 8, REMOTE4 ":9", HOST4, "[" REMOTE6 "]:7", HOST6,
          "echo 64:ff9b::c633:6401 > 2001:db8::2 id 7" },
        { "reply to IPv6", PROTOCOL_ICMP, 0, REMOTE4, HOST4 ":9", REMOTE6, "[" HOST6 "]:7",
          "reply 64:ff9b::c633:6401 > 2001:db8::2 id 7" },
        { "UDP to IPv4", PROTOCOL_UDP, 0, "[" HOST6 "]:5000", "[" REMOTE6 "]:7000", HOST4 ":40000", REMOTE4 ":7000",
          "203.0.113.1:40000 > 198.51.100.1:7000" },
        { "TCP to IPv4", PROTOCOL_TCP, 0, "[" HOST6 "]:5000", "[" REMOTE6 "]:443", HOST4 ":40000", REMOTE4 ":443",
          "tcp 203.0.113.1:40000 > 198.51.100.1:443" },
        { "echo to IPv4", PROTOCOL_ICMP, 128, "[" HOST6 "]:7", REMOTE6, HOST4 ":9", REMOTE4,
          "echo 203.0.113.1 > 198.51.100.1 id 9" },
        { "reply to IPv4", PROTOCOL_ICMP, 129, HOST6, "[" REMOTE6 "]:7", HOST4, REMOTE4 ":9",
          "reply 203.0.113.1 > 198.51.100.1 id 9" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (size_t length = 0; length < 40; length++) {
            struct wire_packet written = wire(rows[i].protocol, rows[i].from, rows[i].to, length);
            struct flow flow = flow_of(rows[i].new_from, rows[i].new_to);
            struct packet *packet;

            written.type = rows[i].type;
            written.word = (uint32_t)(written.from.port ? written.from.port : written.to.port) << 16 | 3;
            written.tos = (uint8_t)(length * 5);
            written.ttl = (uint8_t)(200 - length);
            packet = packet_from(&written);
            CHECK_ROW_INT(rows[i].name, siit_translate(packet, &flow, 77), DROP_NONE);
            CHECK_ROW_INT(rows[i].name, packet->ttl, 200 - (int)length);
            CHECK_ROW_INT(rows[i].name, packet->tos, (int)length * 5);
            for (size_t n = 0; n < length; n++)
                CHECK_ROW(rows[i].name, packet->data[packet->length - length + n] == (uint8_t)(n * 7 + 1));
            g_autofree char *said = finish(rows[i].name, packet);
            CHECK_ROW_TEXT(rows[i].name, said, rows[i].said);
        }
    }
}

/* What has no counterpart stays as it was: other ICMP queries (sections 4.2, 5.2), other protocols. */
static void
test_no_counterpart(void)
{
    static const struct {
        const char *name;
        uint8_t protocol, type;
        bool ipv6;
    } rows[] = {
        { "timestamp", PROTOCOL_ICMP, 13, false },     { "its reply", PROTOCOL_ICMP, 14, false },
        { "router advertisement", PROTOCOL_ICMP, 9, false }, { "address mask", PROTOCOL_ICMP, 17, false },
        { "listener report", PROTOCOL_ICMP, 131, true }, { "neighbour solicitation", PROTOCOL_ICMP, 135, true },
        { "ESP", 50, 0, false },                       { "IGMP", 2, 0, false },
        { "ICMPv6 over IPv4", PROTOCOL_ICMPV6, 128, false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct wire_packet written = wire(rows[i].protocol, rows[i].ipv6 ? HOST6 : REMOTE4,
                                          rows[i].ipv6 ? REMOTE6 : HOST4, 24);
        struct flow flow = rows[i].ipv6 ? flow_of(HOST4, REMOTE4) : flow_of(REMOTE6, HOST6);
        uint8_t bytes[WIRE_MAX];
        size_t length;
        struct packet *packet;

        written.type = rows[i].type;
        length = wire_write(bytes, &written);
        packet = packet_of(span_of(bytes, length));
        CHECK_ROW_INT(rows[i].name, siit_translate(packet, &flow, 1), DROP_NO_COUNTERPART);
        CHECK_ROW(rows[i].name, packet->length == length && memcmp(packet->data, bytes, length) == 0);
        packet_deliver(lab, packet);
    }
}

/* Section 5.1: DF is set where the packet would be longer than 1260 bytes, and an identification is made where it isn't;
 * section 4: IPv4 without DF goes on in fragments of 1280. */
static void
test_fragmentation(void)
{
    static const struct {
        const char *name;
        bool to_ipv6, dont_fragment, cut;
        size_t length; /* of the IPv4 packet */
        bool dont_fragment_after;
        unsigned cut_after;
    } rows[] = {
        { "IPv6 of 1280", false, false, false, 1260, false, 0 },
        { "of 1281", false, false, false, 1261, true, 0 },
        { "of 1500", false, false, false, 1480, true, 0 },
        { "of 1500, in fragments", false, false, true, 1480, false, 0 },
        { "IPv4 of 1260", true, false, false, 1260, false, 0 },
        { "of 1261", true, false, false, 1261, false, 1280 },
        { "of 1261 with DF", true, true, false, 1261, false, 0 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct wire_packet written = rows[i].to_ipv6
                                         ? wire(PROTOCOL_UDP, REMOTE4 ":7000", HOST4 ":5000", rows[i].length - 28)
                                         : wire(PROTOCOL_UDP, "[" HOST6 "]:5000", "[" REMOTE6 "]:7000",
                                                rows[i].length - 28);
        struct flow flow = rows[i].to_ipv6 ? flow_of("[" REMOTE6 "]:7000", "[" HOST6 "]:5000")
                                           : flow_of(HOST4 ":5000", REMOTE4 ":7000");
        struct packet *packet;

        written.dont_fragment = rows[i].dont_fragment;
        packet = packet_from(&written);
        if (rows[i].cut)
            packet->flags |= PACKET_CUT;
        CHECK_ROW_INT(rows[i].name, siit_translate(packet, &flow, 0xabcd), DROP_NONE);
        CHECK_ROW_UINT(rows[i].name, packet->length, rows[i].length + (rows[i].to_ipv6 ? 20 : 0));
        CHECK_ROW(rows[i].name, packet_is(packet, PACKET_DONT_FRAGMENT) == rows[i].dont_fragment_after);
        CHECK_ROW_UINT(rows[i].name, packet_is(packet, PACKET_CUT) ? packet->fragment_size : 0, rows[i].cut_after);
        if (!rows[i].to_ipv6)
            CHECK_ROW_INT(rows[i].name, packet->data[4] << 8 | packet->data[5],
                          rows[i].dont_fragment_after ? 0 : 0xabcd);
        packet_deliver(lab, packet);
    }
}

/* Section 4.5: a checksum is made up for what had none. */
static void
test_no_checksum(void)
{
    for (size_t length = 0; length < 200; length++) {
        struct wire_packet written = wire(PROTOCOL_UDP, REMOTE4 ":7000", HOST4 ":40000", length);
        struct flow flow = flow_of("[" REMOTE6 "]:7000", "[" HOST6 "]:5000");
        struct packet *packet;

        written.no_checksum = true;
        packet = packet_from(&written);
        CHECK(siit_translate(packet, &flow, 1) == DROP_NONE);
        g_autofree char *said = finish("made up", packet);
        CHECK_ROW_TEXT("made up", said, "[64:ff9b::c633:6401]:7000 > [2001:db8::2]:5000");
    }
}

/* Checksums of every value, 0 and ffff too: there and back all is as it was. */
static void
test_there_and_back(void)
{
    struct random_stream random = random_stream_of(1, "siit", "packets");

    for (int i = 0; i < 20000; i++) {
        static const uint8_t protocols[] = { PROTOCOL_UDP, PROTOCOL_TCP, PROTOCOL_ICMP };
        uint8_t protocol = protocols[random_below(&random, 3)], data[4], bytes[WIRE_MAX];
        struct wire_packet written = wire(protocol, REMOTE4 ":7000", HOST4 ":5000", 0);
        struct flow there = flow_of("[" REMOTE6 "]:7000", "[" HOST6 "]:5000"),
                    back = flow_of(REMOTE4 ":7000", HOST4 ":5000");
        struct packet *packet;
        size_t length;

        for (size_t n = 0; n < sizeof data; n++)
            data[n] = random_below(&random, 3) == 0 ? 0 : (uint8_t)random_u32(&random);
        if (random_below(&random, 64) == 0)
            memset(data, 0, sizeof data);
        written.data = span_of(data, random_below(&random, 5));
        written.type = random_below(&random, 2) == 0 ? 8 : 0;
        if (protocol == PROTOCOL_ICMP) {
            written.word = random_below(&random, 8) == 0 ? 0 : random_u32(&random);
            there.source_port = there.destination_port = back.source_port = back.destination_port =
                (uint16_t)(written.word >> 16);
            there.source_port = back.source_port = written.type == 8 ? there.source_port : 0;
            there.destination_port = back.destination_port = written.type == 8 ? 0 : there.destination_port;
        }
        length = wire_write(bytes, &written);
        packet = packet_of(span_of(bytes, length));
        CHECK(siit_translate(packet, &there, 1) == DROP_NONE);
        g_autofree char *said = wire_text(packet_span(packet));
        CHECK_ROW(said, !strstr(said, "BAD"));
        CHECK(siit_translate(packet, &back, 0x1234) == DROP_NONE);
        CHECK_ROW(said, packet->length == length && memcmp(packet->data, bytes, length) == 0);
        packet_deliver(lab, packet);
    }
}

/* A checksum that comes out as 0 is written as ffff (RFC 768): one datagram of these in each direction. */
static void
test_zero_sums(void)
{
    unsigned zeros = 0;

    for (unsigned value = 0; value < 2 * 65536; value++) {
        bool to_ipv6 = value & 65536;
        uint8_t data[] = { (uint8_t)(value >> 8), (uint8_t)value };
        struct wire_packet written = to_ipv6 ? wire(PROTOCOL_UDP, REMOTE4 ":7000", HOST4 ":5000", 0)
                                             : wire(PROTOCOL_UDP, "[" HOST6 "]:5000", "[" REMOTE6 "]:7000", 0);
        struct flow flow = to_ipv6 ? flow_of("[" REMOTE6 "]:7000", "[" HOST6 "]:5000")
                                   : flow_of(HOST4 ":5000", REMOTE4 ":7000");
        struct packet *packet;
        const uint8_t *udp;

        written.data = span_of(data, 2);
        packet = packet_from(&written);
        CHECK(siit_translate(packet, &flow, 1) == DROP_NONE);
        udp = packet->data + packet->transport;
        CHECK(udp[6] || udp[7]);
        if (udp[6] == 0xff && udp[7] == 0xff) {
            g_autofree char *said = wire_text(packet_span(packet));

            CHECK_ROW(said, !strstr(said, "BAD"));
            zeros++;
        }
        packet_deliver(lab, packet);
    }
    CHECK_ROW_UINT("in all", zeros, 2);
}

/* Options and extension headers do not go across. */
static void
test_extra_headers(void)
{
    static const uint8_t hop_by_hop[] = { PROTOCOL_UDP, 0, 1, 4, 0, 0, 0, 0 };
    struct wire_packet written = wire(PROTOCOL_UDP, "[" HOST6 "]:5000", "[" REMOTE6 "]:7000", 5);
    struct flow to4 = flow_of(HOST4 ":5000", REMOTE4 ":7000"), to6 = flow_of("[" REMOTE6 "]:7000", "[" HOST6 "]:5000");
    uint8_t bytes[WIRE_MAX], longer[WIRE_MAX];
    size_t length = wire_write(bytes, &written);
    struct packet *packet;

    memcpy(longer, bytes, 40);
    memcpy(longer + 40, hop_by_hop, 8);
    memcpy(longer + 48, bytes + 40, length - 40);
    longer[6] = 0;
    longer[5] = (uint8_t)(longer[5] + 8);
    packet = packet_of(span_of(longer, length + 8));
    CHECK(siit_translate(packet, &to4, 1) == DROP_NONE);
    g_autofree char *without = finish("hop-by-hop options", packet);
    CHECK_ROW_TEXT("hop-by-hop options", without, "203.0.113.1:5000 > 198.51.100.1:7000");

    written = wire(PROTOCOL_UDP, REMOTE4 ":7000", HOST4 ":5000", 5);
    length = wire_write(bytes, &written);
    memcpy(longer, bytes, 20);
    memset(longer + 20, 1, 8); /* no operation */
    memcpy(longer + 28, bytes + 20, length - 20);
    longer[0] = 0x47;
    longer[3] = (uint8_t)(longer[3] + 8);
    longer[10] = longer[11] = 0;
    uint16_t checksum = checksum_of(span_of(longer, 28));
    longer[10] = (uint8_t)(checksum >> 8);
    longer[11] = (uint8_t)checksum;
    packet = packet_of(span_of(longer, length + 8));
    CHECK(siit_translate(packet, &to6, 1) == DROP_NONE);
    g_autofree char *plain = finish("IPv4 options", packet);
    CHECK_ROW_TEXT("IPv4 options", plain, "[64:ff9b::c633:6401]:7000 > [2001:db8::2]:5000");
}

/* ---- the meaning of errors: sections 4.2 and 5.2 */

enum { ANY = -1, NONE = -1 };

struct row {
    int type, code, pointer; /* pointer ANY: not looked at */
    int new_type, new_code;  /* NONE: it is dropped */
    uint32_t new_info;
};

static const struct row to_ipv6[] = {
    { 3, 0, ANY, 1, 0, 0 },   { 3, 1, ANY, 1, 0, 0 },   { 3, 2, ANY, 4, 1, 6 },     { 3, 3, ANY, 1, 4, 0 },
    { 3, 5, ANY, 1, 0, 0 },   { 3, 6, ANY, 1, 0, 0 },   { 3, 7, ANY, 1, 0, 0 },     { 3, 8, ANY, 1, 0, 0 },
    { 3, 9, ANY, 1, 1, 0 },   { 3, 10, ANY, 1, 1, 0 },  { 3, 11, ANY, 1, 0, 0 },    { 3, 12, ANY, 1, 0, 0 },
    { 3, 13, ANY, 1, 1, 0 },  { 3, 14, ANY, NONE, 0, 0 }, { 3, 15, ANY, 1, 1, 0 },  { 3, 16, ANY, NONE, 0, 0 },
    { 3, 255, ANY, NONE, 0, 0 },
    { 4, 0, ANY, NONE, 0, 0 }, { 5, 0, ANY, NONE, 0, 0 }, { 5, 1, ANY, NONE, 0, 0 },
    { 11, 0, ANY, 3, 0, 0 },  { 11, 1, ANY, 3, 1, 0 },
    { 12, 0, 0, 4, 0, 0 },    { 12, 0, 1, 4, 0, 1 },    { 12, 0, 2, 4, 0, 4 },      { 12, 0, 3, 4, 0, 4 },
    { 12, 0, 4, NONE, 0, 0 }, { 12, 0, 5, NONE, 0, 0 }, { 12, 0, 6, NONE, 0, 0 },   { 12, 0, 7, NONE, 0, 0 },
    { 12, 0, 8, 4, 0, 7 },    { 12, 0, 9, 4, 0, 6 },    { 12, 0, 10, NONE, 0, 0 },  { 12, 0, 11, NONE, 0, 0 },
    { 12, 0, 12, 4, 0, 8 },   { 12, 0, 15, 4, 0, 8 },   { 12, 0, 16, 4, 0, 24 },    { 12, 0, 19, 4, 0, 24 },
    { 12, 0, 20, NONE, 0, 0 }, { 12, 1, 0, NONE, 0, 0 }, { 12, 2, 8, 4, 0, 7 },     { 12, 3, 0, NONE, 0, 0 },
    { 6, 0, ANY, NONE, 0, 0 }, { 40, 0, ANY, NONE, 0, 0 },
};

static const struct row to_ipv4[] = {
    { 1, 0, ANY, 3, 1, 0 },  { 1, 1, ANY, 3, 10, 0 }, { 1, 2, ANY, 3, 1, 0 }, { 1, 3, ANY, 3, 1, 0 },
    { 1, 4, ANY, 3, 3, 0 },  { 1, 5, ANY, NONE, 0, 0 }, { 1, 6, ANY, NONE, 0, 0 }, { 1, 255, ANY, NONE, 0, 0 },
    { 3, 0, ANY, 11, 0, 0 }, { 3, 1, ANY, 11, 1, 0 },
    { 4, 0, 0, 12, 0, 0u << 24 }, { 4, 0, 1, 12, 0, 1u << 24 }, { 4, 0, 2, NONE, 0, 0 }, { 4, 0, 3, NONE, 0, 0 },
    { 4, 0, 4, 12, 0, 2u << 24 }, { 4, 0, 5, 12, 0, 2u << 24 }, { 4, 0, 6, 12, 0, 9u << 24 },
    { 4, 0, 7, 12, 0, 8u << 24 }, { 4, 0, 8, 12, 0, 12u << 24 }, { 4, 0, 23, 12, 0, 12u << 24 },
    { 4, 0, 24, 12, 0, 16u << 24 }, { 4, 0, 39, 12, 0, 16u << 24 }, { 4, 0, 40, NONE, 0, 0 },
    { 4, 0, 1000, NONE, 0, 0 }, { 4, 1, ANY, 3, 2, 0 }, { 4, 2, 40, NONE, 0, 0 }, { 4, 3, 0, NONE, 0, 0 },
    { 5, 0, ANY, NONE, 0, 0 }, { 100, 0, ANY, NONE, 0, 0 },
};

static void
test_errors_to_ipv6(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(to_ipv6); i++) {
        const struct row *row = &to_ipv6[i];
        g_autofree char *name = g_strdup_printf("%d/%d %d", row->type, row->code, row->pointer);
        struct siit_error error = { (uint8_t)row->type, (uint8_t)row->code,
                                    row->pointer == ANY ? 0 : (uint32_t)row->pointer << 24 };

        CHECK_ROW(name, siit_error_to_ipv6(&error, 100, mtus) == (row->new_type != NONE));
        if (row->new_type == NONE)
            continue;
        CHECK_ROW_INT(name, error.type, row->new_type);
        CHECK_ROW_INT(name, error.code, row->new_code);
        CHECK_ROW_UINT(name, error.info, row->new_info);
    }
}

static void
test_errors_to_ipv4(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(to_ipv4); i++) {
        const struct row *row = &to_ipv4[i];
        g_autofree char *name = g_strdup_printf("%d/%d %d", row->type, row->code, row->pointer);
        struct siit_error error = { (uint8_t)row->type, (uint8_t)row->code,
                                    row->pointer == ANY ? 0 : (uint32_t)row->pointer };

        CHECK_ROW(name, siit_error_to_ipv4(&error, mtus) == (row->new_type != NONE));
        if (row->new_type == NONE)
            continue;
        CHECK_ROW_INT(name, error.type, row->new_type);
        CHECK_ROW_INT(name, error.code, row->new_code);
        CHECK_ROW_UINT(name, error.info, row->new_info);
    }
}

static void
test_mtus(void)
{
    static const struct {
        const char *name;
        bool to_ipv6;
        uint32_t told, length, ipv4, ipv6, mtu;
    } rows[] = {
        { "20 more", true, 1400, 1480, 1500, 1500, 1420 },
        { "the IPv6 link is narrower", true, 1480, 1480, 1500, 1400, 1400 },
        { "the IPv4 link is", true, 1480, 1480, 1300, 1500, 1320 },
        { "never below 1280", true, 576, 1480, 1500, 1500, 1280 },
        { "old routers don't say: the plateau below 1480", true, 0, 1480, 9000, 9000, 1280 },
        { "below 2003", true, 0, 2003, 9000, 9000, 2022 },
        { "below 4352", true, 0, 4352, 9000, 9000, 2022 },
        { "below 65535", true, 0, 65535, 65535, 65535, 32020 },
        { "20 less", false, 1400, 0, 1500, 1500, 1380 },
        { "the IPv4 link is narrower", false, 1500, 0, 1300, 1500, 1300 },
        { "the IPv6 link is", false, 1500, 0, 1500, 1400, 1380 },
        { "a lie", false, 5, 0, 1500, 1500, 0 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct siit_mtus limits = { rows[i].ipv4, rows[i].ipv6 };
        struct siit_error error = rows[i].to_ipv6 ? (struct siit_error){ 3, 4, rows[i].told }
                                                  : (struct siit_error){ 2, 0, rows[i].told };

        CHECK_ROW(rows[i].name, rows[i].to_ipv6 ? siit_error_to_ipv6(&error, rows[i].length, limits)
                                                : siit_error_to_ipv4(&error, limits));
        CHECK_ROW_INT(rows[i].name, error.type << 8 | error.code, rows[i].to_ipv6 ? 0x200 : 0x304);
        CHECK_ROW_UINT(rows[i].name, error.info, rows[i].mtu);
    }
}

/* ---- errors, with what they quote */

static char *
translate_error(const char *row, const struct wire_packet *outer, struct span quoted, const struct flow *flow,
                const struct flow *inner)
{
    struct wire_packet written = *outer;
    struct packet *packet;
    struct quote quote;

    written.protocol = PROTOCOL_ICMP;
    written.data = quoted;
    packet = packet_from(&written);
    CHECK_ROW_INT(row, packet_read_quote(packet, &quote), DROP_NONE);
    CHECK_ROW_INT(row, siit_translate_error(packet, &quote, flow, inner, mtus), DROP_NONE);
    return finish(row, packet);
}

static void
test_quotes(void)
{
    static const struct {
        const char *name;
        uint8_t protocol, type;
        bool to_ipv6;
        const char *from, *to, *new_from, *new_to, *said;
    } rows[] = {
        { "UDP to IPv6", PROTOCOL_UDP, 0, true, HOST4 ":40000", REMOTE4 ":7000", "[" HOST6 "]:5000", "[" REMOTE6 "]:7000",
          "icmp6 1/4 64:ff9b::c633:6409 > 2001:db8::2 [[2001:db8::2]:5000 > [64:ff9b::c633:6401]:7000]" },
        { "TCP to IPv6", PROTOCOL_TCP, 0, true, HOST4 ":40000", REMOTE4 ":443", "[" HOST6 "]:5000", "[" REMOTE6 "]:443",
          "icmp6 1/4 64:ff9b::c633:6409 > 2001:db8::2 [tcp [2001:db8::2]:5000 > [64:ff9b::c633:6401]:443]" },
        { "echo to IPv6", PROTOCOL_ICMP, 8, true, HOST4 ":9", REMOTE4, "[" HOST6 "]:7", REMOTE6,
          "icmp6 1/4 64:ff9b::c633:6409 > 2001:db8::2 [echo 2001:db8::2 > 64:ff9b::c633:6401 id 7]" },
        { "UDP to IPv4", PROTOCOL_UDP, 0, false, "[" REMOTE6 "]:7000", "[" HOST6 "]:5000", REMOTE4 ":7000",
          HOST4 ":40000", "icmp 3/3 203.0.113.1 > 198.51.100.1 [198.51.100.1:7000 > 203.0.113.1:40000]" },
        { "TCP to IPv4", PROTOCOL_TCP, 0, false, "[" REMOTE6 "]:443", "[" HOST6 "]:5000", REMOTE4 ":443",
          HOST4 ":40000", "icmp 3/3 203.0.113.1 > 198.51.100.1 [tcp 198.51.100.1:443 > 203.0.113.1:40000]" },
        { "reply to IPv4", PROTOCOL_ICMP, 129, false, REMOTE6, "[" HOST6 "]:7", REMOTE4, HOST4 ":9",
          "icmp 3/3 203.0.113.1 > 198.51.100.1 [reply 198.51.100.1 > 203.0.113.1 id 9]" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (size_t cut = 0; cut < 60; cut++) {
            struct wire_packet inner = wire(rows[i].protocol, rows[i].from, rows[i].to, 60), outer = { .code = 3 };
            struct flow flow = rows[i].to_ipv6 ? flow_of("64:ff9b::c633:6409", HOST6) : flow_of(HOST4, REMOTE4);
            struct flow quoted = flow_of(rows[i].new_from, rows[i].new_to);
            uint8_t bytes[WIRE_MAX];
            size_t length;

            inner.type = rows[i].type;
            inner.word = (uint32_t)(inner.from.port ? inner.from.port : inner.to.port) << 16;
            length = wire_write(bytes, &inner);
            outer.type = rows[i].to_ipv6 ? 3 : 1;
            outer.code = rows[i].to_ipv6 ? 3 : 4;
            outer.from = nat_endpoint(rows[i].to_ipv6 ? "198.51.100.9" : HOST6);
            outer.to = nat_endpoint(rows[i].to_ipv6 ? HOST4 : REMOTE6);
            g_autofree char *said = translate_error(rows[i].name, &outer, span_of(bytes, length - cut), &flow, &quoted);
            CHECK_ROW_TEXT(rows[i].name, said, rows[i].said);
        }
    }
}

/* RFC 4443 section 2.4 c: no longer than 1280 bytes. What pads the quote, and the extensions of RFC 4884 behind it, stay
 * behind; the field that tells where they begin is 0 then. */
static void
test_long_quotes(void)
{
    struct wire_packet inner = wire(PROTOCOL_UDP, HOST4 ":40000", REMOTE4 ":7000", 1400), outer = { .type = 3, .code = 4 };
    struct flow flow = flow_of("64:ff9b::c633:6409", HOST6), quoted = flow_of("[" HOST6 "]:5000", "[" REMOTE6 "]:7000");
    uint8_t bytes[WIRE_MAX];
    size_t length = wire_write(bytes, &inner);
    struct packet *packet;
    struct quote quote;

    outer.from = nat_endpoint("198.51.100.9");
    outer.to = nat_endpoint(HOST4);
    outer.word = 1400;
    outer.protocol = PROTOCOL_ICMP;
    outer.data = span_of(bytes, length);
    packet = packet_from(&outer);
    CHECK_ROW_INT("long", packet_read_quote(packet, &quote), DROP_NONE);
    CHECK_ROW_INT("long", siit_translate_error(packet, &quote, &flow, &quoted, mtus), DROP_NONE);
    CHECK_ROW_UINT("long", packet->length, 1280);
    g_autofree char *said = finish("long", packet);
    CHECK_ROW_TEXT("long", said, "icmp6 2/0 64:ff9b::c633:6409 > 2001:db8::2 (1420) [[2001:db8::2]:5000 > "
                                 "[64:ff9b::c633:6401]:7000]");

    inner = wire(PROTOCOL_UDP, HOST4 ":40000", REMOTE4 ":7000", 20);
    length = wire_write(bytes, &inner);
    memset(bytes + length, 0, 128 + 12 - length); /* padded to 128, then an extension */
    outer.code = 1;
    outer.word = 128 / 4 << 16;
    g_autofree char *extended = translate_error("extended", &outer, span_of(bytes, 128 + 12), &flow, &quoted);
    CHECK_ROW_TEXT("extended", extended, "icmp6 1/0 64:ff9b::c633:6409 > 2001:db8::2 [[2001:db8::2]:5000 > "
                                         "[64:ff9b::c633:6401]:7000]");
}

/* What quotes something without a counterpart, or says something without one, is left as it was. */
static void
test_refused_errors(void)
{
    static const struct {
        const char *name;
        uint8_t type, code, protocol, quoted_type;
    } rows[] = {
        { "source quench", 4, 0, PROTOCOL_UDP, 0 },
        { "redirect", 5, 1, PROTOCOL_UDP, 0 },
        { "about a timestamp", 3, 1, PROTOCOL_ICMP, 13 },
        { "about ESP", 3, 1, 50, 0 },
        { "a precedence violation", 3, 14, PROTOCOL_UDP, 0 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct wire_packet inner = wire(rows[i].protocol, HOST4 ":40000", REMOTE4 ":7000", 20), outer = { .code = 0 };
        struct flow flow = flow_of("64:ff9b::c633:6409", HOST6),
                    quoted = flow_of("[" HOST6 "]:5000", "[" REMOTE6 "]:7000");
        uint8_t bytes[WIRE_MAX], before[WIRE_MAX];
        struct packet *packet;
        struct quote quote;
        size_t length;

        inner.type = rows[i].quoted_type;
        outer = wire(PROTOCOL_ICMP, "198.51.100.9", HOST4, 0);
        outer.type = rows[i].type;
        outer.code = rows[i].code;
        outer.data = span_of(bytes, wire_write(bytes, &inner));
        length = wire_write(before, &outer);
        packet = packet_of(span_of(before, length));
        CHECK_ROW_INT(rows[i].name, packet_read_quote(packet, &quote), DROP_NONE);
        CHECK_ROW_INT(rows[i].name, siit_translate_error(packet, &quote, &flow, &quoted, mtus), DROP_NO_COUNTERPART);
        CHECK_ROW(rows[i].name, packet->length == length && memcmp(packet->data, before, length) == 0);
        packet_deliver(lab, packet);
    }
}

void
suite_nat_siit(void)
{
    UNIT_SUITE("nat: IPv4 and IPv6 headers", set_up, tear_down, { "packets", test_packets },
               { "what has no counterpart", test_no_counterpart }, { "fragmentation", test_fragmentation },
               { "no checksum", test_no_checksum }, { "there and back", test_there_and_back }, { "zero sums", test_zero_sums },
               { "options and extension headers", test_extra_headers }, { "errors to IPv6", test_errors_to_ipv6 },
               { "errors to IPv4", test_errors_to_ipv4 }, { "MTUs", test_mtus }, { "quotes", test_quotes },
               { "long quotes", test_long_quotes }, { "errors that stay behind", test_refused_errors });
}
