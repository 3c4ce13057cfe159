#include "core/net/ip.h"

#include "core/base/random.h"
#include "core/net/icmp.h"
#include "tests/unit/support.h"
#include "tests/unit/support_net.h"

static struct world *here;

static void
set_up(void)
{
    here = world_new(1);
}

static void
tear_down(void)
{
    net_world_end(here);
}

/* Checks a packet of these bytes and ends it; the reason. */
static enum drop_reason
check_bytes(struct span bytes)
{
    struct packet *packet = net_packet(here, bytes);
    enum drop_reason reason = ip_check(packet);

    CHECK(packet_is(packet, PACKET_CHECKED) == (reason == DROP_NONE));
    packet_end(here, NULL, packet, reason);
    return reason;
}

static GByteArray *
a_datagram(void)
{
    return net_udp(net_endpoint("192.0.2.1:5000"), net_endpoint("198.51.100.1:3478"), span_of_text("hello"));
}

/* --- headers ---------------------------------------------------------------------------------------------------- */

/* A good UDP packet of 33 bytes with a few bytes changed; the header checksum is mended unless a row is about it. */
static const struct {
    const char *name;
    uint8_t at[4], value[4];
    unsigned changes;
    bool keep_checksum;
    enum drop_reason reason;
} headers[] = {
    { "nothing changed", { 0 }, { 0 }, 0, false, DROP_NONE },
    /* RFC 1122 section 3.2.1.1: another version is discarded */
    { "version 0", { 0 }, { 0x05 }, 1, false, DROP_BAD_HEADER },
    { "version 5", { 0 }, { 0x55 }, 1, false, DROP_BAD_HEADER },
    { "version 6", { 0 }, { 0x65 }, 1, false, DROP_BAD_HEADER },
    { "version 15", { 0 }, { 0xf5 }, 1, false, DROP_BAD_HEADER },
    /* RFC 1812 section 5.2.2 (4): a header of at least 5 words */
    { "header of 4 words", { 0 }, { 0x44 }, 1, false, DROP_BAD_HEADER },
    { "no header", { 0 }, { 0x40 }, 1, false, DROP_BAD_HEADER },
    { "header longer than the packet", { 0 }, { 0x4f }, 1, true, DROP_BAD_HEADER },
    /* (5): a total length that holds the header, and no more than came */
    { "total length 0", { 2, 3 }, { 0, 0 }, 2, false, DROP_BAD_HEADER },
    { "total length 19", { 3 }, { 19 }, 1, false, DROP_BAD_HEADER },
    { "total length one more", { 3 }, { 34 }, 1, false, DROP_BAD_HEADER },
    { "total length much more", { 2 }, { 0xff }, 1, false, DROP_BAD_HEADER },
    { "total length one less: the datagram is cut", { 3 }, { 32 }, 1, false, DROP_BAD_TRANSPORT },
    { "no transport header", { 3 }, { 20 }, 1, false, DROP_BAD_TRANSPORT },
    /* (2): the checksum */
    { "checksum", { 10 }, { 0x12 }, 1, true, DROP_BAD_CHECKSUM },
    { "checksum 0", { 10, 11 }, { 0, 0 }, 2, true, DROP_BAD_CHECKSUM },
    { "TTL without its checksum", { 8 }, { 63 }, 1, true, DROP_BAD_CHECKSUM },
    /* RFC 1122 section 3.2.1.3: addresses that cannot stand there */
    { "source 0.0.0.0", { 12, 13, 14, 15 }, { 0, 0, 0, 0 }, 4, false, DROP_BAD_ADDRESS },
    { "source multicast", { 12 }, { 224 }, 1, false, DROP_BAD_ADDRESS },
    { "source last multicast", { 12 }, { 239 }, 1, false, DROP_BAD_ADDRESS },
    { "source broadcast", { 12, 13, 14, 15 }, { 255, 255, 255, 255 }, 4, false, DROP_BAD_ADDRESS },
    { "source loopback", { 12 }, { 127 }, 1, false, DROP_BAD_ADDRESS },
    { "destination 0.0.0.0", { 16, 17, 18, 19 }, { 0, 0, 0, 0 }, 4, false, DROP_BAD_ADDRESS },
    { "destination loopback", { 16 }, { 127 }, 1, false, DROP_BAD_ADDRESS },
    { "destination multicast", { 16 }, { 224 }, 1, false, DROP_NONE },
    { "destination broadcast", { 16, 17, 18, 19 }, { 255, 255, 255, 255 }, 4, false, DROP_NONE },
    /* what may be anything */
    { "TOS", { 1 }, { 0xff }, 1, false, DROP_NONE },
    { "identification", { 4 }, { 0xff }, 1, false, DROP_NONE },
    { "DF", { 6 }, { 0x40 }, 1, false, DROP_NONE },
    { "TTL 0: of no concern to its destination", { 8 }, { 0 }, 1, false, DROP_NONE }, /* RFC 1122 section 3.2.1.7 */
    { "another protocol", { 9 }, { 47 }, 1, false, DROP_NONE },
    /* fragments */
    { "MF with a length no multiple of 8", { 6 }, { 0x20 }, 1, false, DROP_BAD_HEADER }, /* RFC 791 section 3.1 */
    { "last fragment of any length", { 7 }, { 1 }, 1, false, DROP_NONE },
    { "last fragment, as far as can be", { 6, 7 }, { 0x1f, 0xfb }, 2, false, DROP_NONE }, /* 8187 * 8 + 13 + 20 */
    { "last fragment beyond 65535", { 6, 7 }, { 0x1f, 0xfc }, 2, false, DROP_BAD_HEADER },
    { "empty last fragment", { 3, 7 }, { 20, 1 }, 2, false, DROP_BAD_HEADER },
    { "empty first fragment", { 3, 6 }, { 20, 0x20 }, 2, false, DROP_BAD_HEADER },
    /* UDP: RFC 768, "Length is the length in octets including this header" */
    { "UDP length 7", { 25 }, { 7 }, 1, false, DROP_BAD_TRANSPORT },
    { "UDP length 0", { 25 }, { 0 }, 1, false, DROP_BAD_TRANSPORT },
    { "UDP length 8", { 25 }, { 8 }, 1, false, DROP_NONE },
    { "UDP length one less", { 25 }, { 12 }, 1, false, DROP_NONE },
    { "UDP length one more", { 25 }, { 14 }, 1, false, DROP_BAD_TRANSPORT },
    { "UDP length 0xffff", { 24, 25 }, { 0xff, 0xff }, 2, false, DROP_BAD_TRANSPORT },
    { "UDP port 0", { 22, 23 }, { 0, 0 }, 2, false, DROP_NONE },
    /* the transport checksum is the end host's business */
    { "UDP checksum", { 26 }, { 0x12 }, 1, false, DROP_NONE },
    /* 13 bytes are no TCP header, but an ICMP one */
    { "TCP cut short", { 9 }, { PROTOCOL_TCP }, 1, false, DROP_BAD_TRANSPORT },
    { "ICMP", { 9 }, { PROTOCOL_ICMP }, 1, false, DROP_NONE },
    { "ICMP of 7 bytes", { 3, 9 }, { 27, PROTOCOL_ICMP }, 2, false, DROP_BAD_TRANSPORT },
    { "ICMP of 8 bytes", { 3, 9 }, { 28, PROTOCOL_ICMP }, 2, false, DROP_NONE },
    { "a later fragment has no transport header", { 3, 7, 9 }, { 21, 1, PROTOCOL_TCP }, 3, false, DROP_NONE },
};

static void
test_headers(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(headers); i++) {
        g_autoptr(GByteArray) bytes = a_datagram();

        for (unsigned n = 0; n < headers[i].changes; n++)
            bytes->data[headers[i].at[n]] = headers[i].value[n];
        if (!headers[i].keep_checksum)
            net_mend_header(bytes->data);
        CHECK_ROW_TEXT(headers[i].name, drop_reason_word(check_bytes(net_span(bytes))),
                       drop_reason_word(headers[i].reason));
    }
}

/* A valid packet cut at every length is refused; with bytes behind it, these are cut off. */
static void
test_truncated(void)
{
    g_autoptr(GByteArray) bytes = a_datagram();
    struct packet *packet;

    for (size_t length = 0; length < bytes->len; length++) {
        g_autofree char *row = g_strdup_printf("%zu bytes", length);

        CHECK_ROW(row, check_bytes(span_of(bytes->data, length)) == DROP_BAD_HEADER);
    }
    for (unsigned more = 1; more < 30; more++) {
        g_byte_array_append(bytes, (const guint8 *)"\xff", 1);
        packet = net_packet(here, net_span(bytes));
        CHECK(ip_check(packet) == DROP_NONE);
        CHECK_ROW_UINT("padding", packet->length, bytes->len - more);
        packet_deliver(here, packet);
    }
}

/* Any bytes at all: no harm, and what passes has good checksums and lengths. */
static void
test_random_bytes(void)
{
    struct random_stream dice = random_stream_of(1, "ip", "bytes");

    for (unsigned n = 0; n < 20000; n++) {
        uint8_t bytes[100];
        size_t length = random_below(&dice, sizeof bytes + 1);
        struct packet *packet;

        random_fill(&dice, bytes, sizeof bytes);
        bytes[0] = (uint8_t)(0x40 | (bytes[0] & 0x0f));
        if (n % 2 && length >= (bytes[0] & 15u) * 4 && (bytes[0] & 15) >= 3) {
            bytes[2] = 0;
            bytes[3] = (uint8_t)(length - n % 3);
            bytes[6] &= 0x40;
            bytes[9] = (uint8_t[]){ 1, 6, 17, 47 }[n / 2 % 4];
            net_mend_header(bytes);
        }
        packet = net_packet(here, span_of(bytes, length));
        if (ip_check(packet) == DROP_NONE) {
            CHECK(net_slow_sum(0, span_of(packet->data, packet->transport)) == 0xffff);
            CHECK(packet->transport <= packet->length && packet->length <= length);
        }
        packet_end(here, NULL, packet, DROP_BAD_HEADER);
    }
}

/* --- options ---------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *options;
    enum drop_reason reason;
} options[] = {
    { "end of list", "00 00 00 00", DROP_NONE },
    { "no operation", "01 01 01 01", DROP_NONE },
    { "what is behind the end is not looked at", "00 44 00 83", DROP_NONE },
    { "record route", "07 07 04 00 00 00 00 00", DROP_NONE },
    { "router alert", "94 04 00 00", DROP_NONE },        /* RFC 2113 */
    { "unknown", "5e 06 01 02 03 04 01 01", DROP_NONE }, /* RFC 1122 section 3.2.1.8: ignored */
    { "unknown without data", "5e 02 01 00", DROP_NONE },
    { "fills all 40 bytes",
      "07 27 04 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"
      "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
      DROP_NONE },
    { "length 0", "07 00 00 00", DROP_BAD_OPTION },
    { "length 1", "07 01 00 00", DROP_BAD_OPTION },
    { "one byte too long", "07 05 04 00", DROP_BAD_OPTION },
    { "much too long", "07 ff 04 00", DROP_BAD_OPTION },
    { "no length at the end", "01 01 01 07", DROP_BAD_OPTION },
    { "bad behind a good one", "94 04 00 00 07 01 00 00", DROP_BAD_OPTION },
    /* RFC 7126 sections 4.3 and 4.4 */
    { "loose source route", "83 07 04 c0 00 02 09 00", DROP_SOURCE_ROUTE },
    { "strict source route", "89 07 04 c0 00 02 09 00", DROP_SOURCE_ROUTE },
    { "used up source route", "83 07 08 c0 00 02 09 00", DROP_SOURCE_ROUTE },
    { "source route behind another", "94 04 00 00 83 03 04 00", DROP_SOURCE_ROUTE },
    { "source route too long", "83 0b 04 c0 00 02 09 00", DROP_BAD_OPTION },
    { "the numbers of source routes without the copy bit are other options", "03 07 04 c0 00 02 09 00", DROP_NONE },
};

static void
test_options(void)
{
    g_autoptr(GByteArray) payload =
        net_udp_payload(net_endpoint("192.0.2.1:5000"), net_endpoint("198.51.100.1:3478"), span_of_text("hello"));

    for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
        g_autoptr(GBytes) bytes = unit_hex(options[i].options);
        g_autoptr(GByteArray) packet = net_build(&(struct net_template){ .source = net_address("192.0.2.1"),
                                                                         .destination = net_address("198.51.100.1"),
                                                                         .protocol = PROTOCOL_UDP,
                                                                         .options = unit_span(bytes),
                                                                         .payload = net_span(payload) });

        CHECK_ROW_TEXT(options[i].name, drop_reason_word(check_bytes(net_span(packet))),
                       drop_reason_word(options[i].reason));
    }
}

/* --- what the check reads --------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *payload;
    uint8_t protocol;
    uint16_t fragment, source_port, destination_port;
    uint8_t flags;
} parsed[] = {
    { "UDP", "13 88 0d 96 00 08 00 00", PROTOCOL_UDP, 0, 5000, 3478, 0 },
    { "UDP with DF", "13 88 0d 96 00 08 00 00", PROTOCOL_UDP, NET_DF, 5000, 3478, PACKET_DONT_FRAGMENT },
    { "TCP", "13 88 0d 96 00 00 00 00 00 00 00 00 50 02 00 00 00 00 00 00", PROTOCOL_TCP, 0, 5000, 3478, 0 },
    { "first fragment", "13 88 0d 96 01 00 00 00", PROTOCOL_UDP, NET_MF, 5000, 3478, PACKET_FRAGMENT },
    { "first fragment of TCP, 8 bytes", "13 88 0d 96 01 02 03 04", PROTOCOL_TCP, NET_MF, 5000, 3478, PACKET_FRAGMENT },
    { "middle fragment", "13 88 0d 96 00 08 00 00", PROTOCOL_UDP, NET_MF | 7, 0, 0,
      PACKET_FRAGMENT | PACKET_LATER_FRAGMENT },
    { "last fragment", "13", PROTOCOL_UDP, 7, 0, 0, PACKET_FRAGMENT | PACKET_LATER_FRAGMENT },
    /* RFC 792: the identifier, at the end that asked */
    { "echo request", "08 00 00 00 12 34 00 01", PROTOCOL_ICMP, 0, 0x1234, 0, 0 },
    { "echo reply", "00 00 00 00 12 34 00 01", PROTOCOL_ICMP, 0, 0, 0x1234, 0 },
    { "timestamp request", "0d 00 00 00 12 34 00 01", PROTOCOL_ICMP, 0, 0x1234, 0, 0 },
    { "timestamp reply", "0e 00 00 00 12 34 00 01", PROTOCOL_ICMP, 0, 0, 0x1234, 0 },
    { "destination unreachable", "03 01 00 00 12 34 00 01", PROTOCOL_ICMP, 0, 0, 0, PACKET_ICMP_ERROR },
    { "source quench", "04 00 00 00 12 34 00 01", PROTOCOL_ICMP, 0, 0, 0, PACKET_ICMP_ERROR },
    { "redirect", "05 00 00 00 12 34 00 01", PROTOCOL_ICMP, 0, 0, 0, PACKET_ICMP_ERROR },
    { "time exceeded", "0b 00 00 00 12 34 00 01", PROTOCOL_ICMP, 0, 0, 0, PACKET_ICMP_ERROR },
    { "parameter problem", "0c 00 00 00 12 34 00 01", PROTOCOL_ICMP, 0, 0, 0, PACKET_ICMP_ERROR },
    { "router advertisement", "09 00 00 00 12 34 00 01", PROTOCOL_ICMP, 0, 0, 0, 0 },
    { "GRE", "00 00 08 00", 47, 0, 0, 0, 0 },
};

static void
test_parsed(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(parsed); i++) {
        const char *row = parsed[i].name;
        g_autoptr(GBytes) payload = unit_hex(parsed[i].payload);
        g_autoptr(GByteArray) bytes = net_build(&(struct net_template){ .source = net_address("192.0.2.1"),
                                                                        .destination = net_address("198.51.100.1"),
                                                                        .protocol = parsed[i].protocol,
                                                                        .ttl = 7,
                                                                        .tos = 0xb9,
                                                                        .flags_offset = parsed[i].fragment,
                                                                        .payload = unit_span(payload) });
        struct packet *packet = net_packet(here, net_span(bytes));

        if (CHECK_ROW(row, ip_check(packet) == DROP_NONE)) {
            CHECK_ROW(row, address_equal(packet->flow.source, net_address("192.0.2.1")));
            CHECK_ROW(row, address_equal(packet->flow.destination, net_address("198.51.100.1")));
            CHECK_ROW_UINT(row, packet->flow.protocol, parsed[i].protocol);
            CHECK_ROW_UINT(row, packet->flow.source_port, parsed[i].source_port);
            CHECK_ROW_UINT(row, packet->flow.destination_port, parsed[i].destination_port);
            CHECK_ROW_UINT(row, packet->flags, parsed[i].flags | PACKET_CHECKED);
            CHECK_ROW_UINT(row, packet->ttl, 7);
            CHECK_ROW_UINT(row, packet->tos, 0xb9);
            CHECK_ROW_UINT(row, packet->transport, 20);
            CHECK_ROW_BYTES(row, packet_transport(packet), unit_span(payload));
        }
        packet_deliver(here, packet);
    }
}

/* --- TTL -------------------------------------------------------------------------------------------------------- */

/* RFC 1812 section 5.3.1, RFC 1141: for every TTL and a few protocols the checksum is what the whole header gives. */
static void
test_ttl(void)
{
    static const uint8_t protocols[] = { 0, 1, 6, 17, 255 };

    for (unsigned n = 0; n < 255 * G_N_ELEMENTS(protocols); n++) {
        unsigned ttl = 1 + n % 255;
        g_autoptr(GByteArray) bytes =
            net_build(&(struct net_template){ .source = net_address("192.0.2.1"),
                                              .destination = net_address("198.51.100.1"),
                                              .protocol = protocols[n / 255],
                                              .ttl = (uint8_t)ttl,
                                              .identification = (uint16_t)(n * 257),
                                              .flags_offset = NET_MF | 1, /* so that there is no transport header */
                                              .payload = span_of_text("01234567") });
        struct packet *packet = net_packet(here, net_span(bytes));

        CHECK(ip_check(packet) == DROP_NONE);
        ip_decrement_ttl(packet);
        bytes->data[8] = (uint8_t)(ttl - 1);
        net_mend_header(bytes->data);
        CHECK_ROW_BYTES("one less", packet_span(packet), net_span(bytes));
        CHECK_ROW_UINT("one less", packet->ttl, ttl - 1);
        packet_deliver(here, packet);
    }
}

/* --- building and transport checksums --------------------------------------------------------------------------- */

static void
test_build(void)
{
    struct endpoint source = net_endpoint("192.0.2.1:5000"), destination = net_endpoint("198.51.100.1:3478");

    for (unsigned n = 0; n < 64; n++) {
        g_autoptr(GByteArray) data = net_pattern(n * 23);
        g_autoptr(GByteArray) payload = net_udp_payload(source, destination, net_span(data));
        struct net_template wanted = { .source = source.address,
                                       .destination = destination.address,
                                       .protocol = PROTOCOL_UDP,
                                       .tos = (uint8_t)(n * 4 + 3),
                                       .ttl = (uint8_t)(255 - n),
                                       .identification = (uint16_t)(n * 1021),
                                       .flags_offset = n % 2 ? NET_DF : 0,
                                       .payload = net_span(payload) };
        g_autoptr(GByteArray) bytes = net_build(&wanted);
        struct packet *packet = net_packet(here, net_span(payload));

        ip_build(packet, &(struct ip_template){ .source = source.address,
                                                .destination = destination.address,
                                                .protocol = PROTOCOL_UDP,
                                                .ttl = wanted.ttl,
                                                .tos = wanted.tos,
                                                .dont_fragment = n % 2,
                                                .identification = wanted.identification });
        CHECK_ROW_BYTES("built", packet_span(packet), net_span(bytes));
        CHECK(packet_is(packet, PACKET_CHECKED) && packet_is(packet, PACKET_DONT_FRAGMENT) == (n % 2));
        CHECK_ROW_UINT("built", packet->flow.source_port, 5000);
        CHECK_ROW_UINT("built", packet->flow.destination_port, 3478);
        CHECK_ROW_UINT("built", packet->tos, wanted.tos);
        CHECK_ROW_UINT("built", packet->ttl, wanted.ttl);
        CHECK(ip_transport_checksum_ok(packet));
        /* and what was built stands the check of the next node */
        packet->flags = 0;
        CHECK(ip_check(packet) == DROP_NONE);
        packet_deliver(here, packet);
    }
}

static const struct {
    const char *name;
    uint8_t protocol;
    unsigned length; /* of the data */
    int spoil;       /* a byte of the transport part to change; -1: none */
    int checksum;    /* to put there; -1: as it is */
    bool good;
} transports[] = {
    { "UDP", PROTOCOL_UDP, 5, -1, -1, true },
    { "UDP even", PROTOCOL_UDP, 6, -1, -1, true },
    { "UDP empty", PROTOCOL_UDP, 0, -1, -1, true },
    { "UDP, a byte of data", PROTOCOL_UDP, 5, 12, -1, false },
    { "UDP, a byte of the port", PROTOCOL_UDP, 5, 1, -1, false },
    { "UDP without a checksum", PROTOCOL_UDP, 5, 12, 0, true }, /* RFC 768: the sender made none */
    { "TCP", PROTOCOL_TCP, 5, -1, -1, true },
    { "TCP, a byte of data", PROTOCOL_TCP, 5, 24, -1, false },
    { "TCP has no 'no checksum'", PROTOCOL_TCP, 5, -1, 0, false },
    { "ICMP", PROTOCOL_ICMP, 5, -1, -1, true },
    { "ICMP, a byte of data", PROTOCOL_ICMP, 5, 12, -1, false },
    { "ICMP has no 'no checksum'", PROTOCOL_ICMP, 5, -1, 0, false },
};

static GByteArray *
transport_payload(uint8_t protocol, struct span data)
{
    struct endpoint source = net_endpoint("192.0.2.1:5000"), destination = net_endpoint("198.51.100.1:3478");

    return protocol == PROTOCOL_UDP   ? net_udp_payload(source, destination, data)
           : protocol == PROTOCOL_TCP ? net_tcp_payload(source, destination, data)
                                      : net_icmp_payload(ICMP_ECHO, 0, 0x12340001, data);
}

static void
test_transport_checksums(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(transports); i++) {
        g_autoptr(GByteArray) data = net_pattern(transports[i].length);
        g_autoptr(GByteArray) payload = transport_payload(transports[i].protocol, net_span(data));
        unsigned place = transports[i].protocol == PROTOCOL_UDP ? 6 : transports[i].protocol == PROTOCOL_TCP ? 16 : 2;
        g_autoptr(GByteArray) bytes = NULL;
        struct packet *packet;

        if (transports[i].spoil >= 0)
            payload->data[transports[i].spoil] ^= 0x10;
        if (transports[i].checksum >= 0)
            payload->data[place] = payload->data[place + 1] = 0;
        bytes = net_build(&(struct net_template){ .source = net_address("192.0.2.1"),
                                                  .destination = net_address("198.51.100.1"),
                                                  .protocol = transports[i].protocol,
                                                  .payload = net_span(payload) });
        packet = net_packet(here, net_span(bytes));
        CHECK_ROW(transports[i].name, ip_check(packet) == DROP_NONE);
        CHECK_ROW(transports[i].name, ip_transport_checksum_ok(packet) == transports[i].good);
        packet_deliver(here, packet);
    }
}

/* --- fragmentation ---------------------------------------------------------------------------------------------- */

static unsigned
get16(const uint8_t *at)
{
    return (unsigned)(at[0] << 8 | at[1]);
}

/* Checks that the pieces are well-formed fragments of at most `mtu` bytes, and that in order they are `payload`. The
 * options of all but the first are `copied`; the last has the MF flag only if the packet that was cut had. */
static void
check_pieces(const char *row, struct packet_list *list, const struct net_template *whole, uint32_t mtu,
             struct span copied)
{
    unsigned offset = (whole->flags_offset & 0x1fffu) * 8, start = offset;
    struct packet *piece;

    while ((piece = packet_list_pop(list))) {
        struct span bytes = packet_transport(piece);
        bool first = offset == start, last = list->first == NULL;
        struct span options = span_of(piece->data + 20, piece->transport - 20u);

        CHECK_ROW(row, piece->length <= mtu);
        CHECK_ROW(row, packet_is(piece, PACKET_CHECKED) && packet_is(piece, PACKET_FRAGMENT));
        CHECK_ROW(row, packet_is(piece, PACKET_LATER_FRAGMENT) == (offset > 0));
        CHECK_ROW(row, net_checksums_good(packet_span(piece)));
        CHECK_ROW_UINT(row, get16(piece->data + 2), piece->length);
        CHECK_ROW_UINT(row, get16(piece->data + 4), whole->identification);
        CHECK_ROW_UINT(row, get16(piece->data + 6) & 0x1fff, offset / 8);
        CHECK_ROW_UINT(row, get16(piece->data + 6) & 0xe000, last ? whole->flags_offset & NET_MF : NET_MF);
        CHECK_ROW_UINT(row, piece->data[1], whole->tos);
        CHECK_ROW_UINT(row, piece->data[8], whole->ttl);
        CHECK_ROW_UINT(row, piece->data[9], whole->protocol);
        CHECK_ROW_UINT(row, piece->name, 77);
        CHECK_ROW_BYTES(row, options, first ? whole->options : copied);
        if (!last) /* as full as it can be (RFC 791 section 3.2: NFB) */
            CHECK_ROW_UINT(row, bytes.length, (mtu - piece->transport) / 8 * 8);
        if (CHECK_ROW(row, offset - start + bytes.length <= whole->payload.length))
            CHECK_ROW_BYTES(row, bytes, span_of(whole->payload.bytes + (offset - start), bytes.length));
        offset += (unsigned)bytes.length;
        packet_deliver(here, piece);
    }
    CHECK_ROW_UINT(row, offset - start, whole->payload.length);
}

static struct packet *
good_packet(const struct net_template *header)
{
    g_autoptr(GByteArray) bytes = net_build(header);
    struct packet *packet = net_packet(here, net_span(bytes));

    packet->name = 77;
    CHECK(ip_check(packet) == DROP_NONE);
    return packet;
}

static const struct {
    const char *name;
    unsigned length; /* of the UDP datagram, header and all */
    uint32_t mtu;
    unsigned pieces;
    const char *options, *copied;
    uint16_t flags_offset;
} cuts[] = {
    { "Ethernet", 1508, 1500, 2, "", "", 0 },
    { "one byte too long", 1481, 1500, 2, "", "", 0 },
    { "an MTU that leaves no multiple of 8", 3000, 1499, 3, "", "", 0 }, /* 1472 + 1472 + 56 */
    { "the smallest MTU", 200, 68, 5, "", "", 0 },                       /* RFC 791: 68 bytes, 48 of them data */
    { "the smallest MTU and the longest packet", 65515, 68, 1365, "", "", 0 },
    { "the last piece is one byte", 1481, 1500, 2, "", "", 0 },
    { "three equal ones", 144, 68, 3, "", "", 0 },
    { "copied option", 100, 68, 3, "94 04 00 00", "94 04 00 00", 0 },
    { "an option that stays in the first", 100, 68, 3, "07 07 04 00 00 00 00 00", "", 0 },
    { "both, and padding", 100, 76, 3, "07 03 04 01 94 04 00 00 01 82 03 09", "94 04 00 00 82 03 09 00", 0 },
    { "a full header leaves 8 bytes", 100, 68, 3, /* 8, then 48 */
      "07 27 04 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"
      "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
      "", 0 },
    { "a full header in every piece", 24, 68, 3,
      "9e 27 04 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"
      "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
      "9e 27 04 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"
      "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
      0 },
    /* a fragment is cut again */
    { "a first fragment", 1480, 576, 3, "", "", NET_MF },
    { "a middle fragment", 1480, 576, 3, "", "", NET_MF | 185 },
    { "a last fragment", 1001, 576, 2, "", "", 185 },
};

static void
test_fragment(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cuts); i++) {
        const char *row = cuts[i].name;
        g_autoptr(GBytes) option_bytes = unit_hex(cuts[i].options), copied = unit_hex(cuts[i].copied);
        g_autoptr(GByteArray) data = net_pattern(cuts[i].length - 8);
        g_autoptr(GByteArray) payload =
            net_udp_payload(net_endpoint("192.0.2.1:5000"), net_endpoint("198.51.100.1:3478"), net_span(data));
        struct net_template whole = { .source = net_address("192.0.2.1"),
                                      .destination = net_address("198.51.100.1"),
                                      .protocol = PROTOCOL_UDP,
                                      .ttl = 9,
                                      .tos = 0xb8,
                                      .identification = 0xabcd,
                                      .flags_offset = cuts[i].flags_offset,
                                      .options = unit_span(option_bytes),
                                      .payload = net_span(payload) };
        struct packet_list list = { NULL, NULL };
        unsigned count = 0;

        ip_fragment(here, good_packet(&whole), cuts[i].mtu, &list);
        for (struct packet *piece = list.first; piece; piece = piece->next)
            count++;
        CHECK_ROW_UINT(row, count, cuts[i].pieces);
        check_pieces(row, &list, &whole, cuts[i].mtu, unit_span(copied));
    }
}

/* Each protocol, cut as small as can be: also where the first piece holds no whole TCP header. */
static void
test_fragment_protocols(void)
{
    static const uint8_t protocols[] = { PROTOCOL_UDP, PROTOCOL_TCP, PROTOCOL_ICMP };
    g_autoptr(GByteArray) full = net_pattern(40), data = net_pattern(200);

    memset(full->data, 1, 40); /* 40 "no operation" */
    for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++) {
        g_autoptr(GByteArray) payload = transport_payload(protocols[i], net_span(data));
        struct net_template whole = { .source = net_address("192.0.2.1"),
                                      .destination = net_address("198.51.100.1"),
                                      .protocol = protocols[i],
                                      .ttl = 9,
                                      .options = net_span(full),
                                      .payload = net_span(payload) };
        struct packet_list list = { NULL, NULL };

        ip_fragment(here, good_packet(&whole), 68, &list);
        check_pieces(protocol_name(protocols[i]), &list, &whole, 68, (struct span){ NULL, 0 });
    }
}

void
suite_net_ip(void)
{
    UNIT_SUITE("ip", set_up, tear_down, { "headers", test_headers }, { "cut short, padded", test_truncated },
               { "random bytes", test_random_bytes }, { "options", test_options }, { "what is read", test_parsed },
               { "TTL", test_ttl }, { "building", test_build }, { "transport checksums", test_transport_checksums },
               { "fragmentation", test_fragment }, { "fragmentation of each protocol", test_fragment_protocols });
}
