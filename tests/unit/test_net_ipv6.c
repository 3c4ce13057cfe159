#include "core/net/ipv6.h"

#include "core/base/random.h"
#include "tests/unit/support.h"
#include "tests/unit/support_net_ipv6.h"

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

static enum drop_reason
check_bytes(struct span bytes)
{
    g_autofree uint8_t *exact = unit_exact(bytes);
    struct packet *packet = net_packet(here, span_of(exact, bytes.length));
    enum drop_reason reason = ip_check(packet);

    CHECK(packet_is(packet, PACKET_CHECKED) == (reason == DROP_NONE));
    packet_end(here, NULL, packet, reason);
    return reason;
}

static GByteArray *
a_datagram(void)
{
    return net6_udp("[2001:db8:a::1]:5000", "[2001:db8:b::1]:3478", span_of_text("hello"));
}

/* --- headers ---------------------------------------------------------------------------------------------------- */

/* A good UDP packet of 53 bytes with a few bytes changed; `address` takes the place of 16 of them. */
static const struct {
    const char *name;
    uint8_t at[4], value[4];
    unsigned changes, address_at;
    const char *address;
    enum drop_reason reason;
} headers[] = {
    { "nothing changed", { 0 }, { 0 }, 0, 0, NULL, DROP_NONE },
    { "version 4", { 0 }, { 0x45 }, 1, 0, NULL, DROP_BAD_HEADER },
    { "version 7", { 0 }, { 0x70 }, 1, 0, NULL, DROP_BAD_HEADER },
    /* RFC 8200 section 3: what may be anything */
    { "traffic class", { 0, 1 }, { 0x6b, 0x80 }, 2, 0, NULL, DROP_NONE },
    { "flow label", { 1, 2, 3 }, { 0x0f, 0xff, 0xff }, 3, 0, NULL, DROP_NONE },
    { "hop limit 0: of no concern to its destination", { 7 }, { 0 }, 1, 0, NULL, DROP_NONE },
    /* the payload length */
    { "one byte more than came", { 5 }, { 14 }, 1, 0, NULL, DROP_BAD_HEADER },
    { "much more than came", { 4 }, { 0xff }, 1, 0, NULL, DROP_BAD_HEADER },
    { "one byte less: the datagram is cut", { 5 }, { 12 }, 1, 0, NULL, DROP_BAD_TRANSPORT },
    { "no payload", { 5 }, { 0 }, 1, 0, NULL, DROP_BAD_TRANSPORT },
    /* addresses */
    { "source unspecified", { 0 }, { 0 }, 0, 8, "::", DROP_BAD_ADDRESS },           /* RFC 4291 section 2.5.2 */
    { "source loopback", { 0 }, { 0 }, 0, 8, "::1", DROP_BAD_ADDRESS },             /* section 2.5.3 */
    { "source multicast", { 0 }, { 0 }, 0, 8, "ff02::1", DROP_BAD_ADDRESS },        /* section 2.7 */
    { "source link-local", { 0 }, { 0 }, 0, 8, "fe80::1", DROP_NONE },
    { "destination unspecified", { 0 }, { 0 }, 0, 24, "::", DROP_BAD_ADDRESS },
    { "destination loopback", { 0 }, { 0 }, 0, 24, "::1", DROP_BAD_ADDRESS },
    { "destination multicast", { 0 }, { 0 }, 0, 24, "ff02::1", DROP_NONE },
    { "destination of scope 0", { 0 }, { 0 }, 0, 24, "ff00::1", DROP_BAD_ADDRESS }, /* section 2.7 */
    { "destination interface-local", { 0 }, { 0 }, 0, 24, "ff01::1", DROP_BAD_ADDRESS },
    /* UDP */
    { "UDP length 7", { 45 }, { 7 }, 1, 0, NULL, DROP_BAD_TRANSPORT },
    { "UDP length 0: no jumbogram", { 45 }, { 0 }, 1, 0, NULL, DROP_BAD_TRANSPORT },
    { "UDP length one less", { 45 }, { 12 }, 1, 0, NULL, DROP_NONE },
    { "UDP length one more", { 45 }, { 14 }, 1, 0, NULL, DROP_BAD_TRANSPORT },
    /* 13 bytes are no TCP header, but an ICMPv6 one */
    { "TCP cut short", { 6 }, { PROTOCOL_TCP }, 1, 0, NULL, DROP_BAD_TRANSPORT },
    { "ICMPv6", { 6 }, { PROTOCOL_ICMPV6 }, 1, 0, NULL, DROP_NONE },
    { "ICMPv6 of 7 bytes", { 5, 6 }, { 7, PROTOCOL_ICMPV6 }, 2, 0, NULL, DROP_BAD_TRANSPORT },
    { "ICMPv6 of 8 bytes", { 5, 6 }, { 8, PROTOCOL_ICMPV6 }, 2, 0, NULL, DROP_NONE },
    { "IPv4's ICMP is a protocol like any other", { 5, 6 }, { 3, PROTOCOL_ICMP }, 2, 0, NULL, DROP_NONE },
    { "no next header", { 6 }, { IPV6_NO_NEXT }, 1, 0, NULL, DROP_NONE },
    { "an unknown next header", { 6 }, { 253 }, 1, 0, NULL, DROP_NONE },
};

static void
test_headers(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(headers); i++) {
        g_autoptr(GByteArray) bytes = a_datagram();

        for (unsigned n = 0; n < headers[i].changes; n++)
            bytes->data[headers[i].at[n]] = headers[i].value[n];
        if (headers[i].address)
            address_to_bytes(net_address(headers[i].address), bytes->data + headers[i].address_at);
        CHECK_ROW_TEXT(headers[i].name, drop_reason_word(check_bytes(net_span(bytes))),
                       drop_reason_word(headers[i].reason));
    }
}

/* RFC 4291 section 2.5.5.2: the IPv4-mapped form is for the inside of hosts. */
static void
test_mapped(void)
{
    for (unsigned at = 8; at <= 24; at += 16) {
        g_autoptr(GByteArray) bytes = a_datagram();

        memset(bytes->data + at, 0, 10);
        memset(bytes->data + at + 10, 0xff, 2);
        CHECK_ROW_TEXT("mapped", drop_reason_word(check_bytes(net_span(bytes))), "bad-address");
    }
}

static void
test_truncated(void)
{
    g_autoptr(GByteArray) bytes = a_datagram();

    for (unsigned length = 0; length < bytes->len; length++)
        CHECK_ROW_TEXT("cut", drop_reason_word(check_bytes(span_of(bytes->data, length))), "bad-header");
    g_byte_array_append(bytes, (const uint8_t *)"padding", 7);
    CHECK_ROW_TEXT("padding", drop_reason_word(check_bytes(net_span(bytes))), "none");
}

static void
test_members(void)
{
    struct endpoint source = net_endpoint("[2001:db8:a::1]:5000"), destination = net_endpoint("[2001:db8:b::1]:3478");
    g_autoptr(GByteArray) bytes = a_datagram();
    struct packet *packet;

    bytes->data[0] = 0x6b; /* traffic class 0xba */
    bytes->data[1] = 0xa1;
    bytes->data[7] = 17;
    g_byte_array_append(bytes, (const uint8_t *)"padding", 7);
    packet = net_packet(here, net_span(bytes));
    CHECK(ip_check(packet) == DROP_NONE);
    CHECK_ROW_UINT("padding cut off", packet->length, 53);
    CHECK_ROW_UINT("flags", packet->flags, PACKET_CHECKED | PACKET_IPV6);
    CHECK_ROW_UINT("transport", packet->transport, 40);
    CHECK_ROW_UINT("hop limit", packet->ttl, 17);
    CHECK_ROW_UINT("traffic class", packet->tos, 0xba);
    CHECK_ROW_UINT("protocol", packet->flow.protocol, PROTOCOL_UDP);
    CHECK(endpoint_equal(flow_source(&packet->flow), source));
    CHECK(endpoint_equal(flow_destination(&packet->flow), destination));
    CHECK(ip_transport_checksum_ok(packet));
    ip_decrement_ttl(packet);
    CHECK_ROW_UINT("one less", packet->data[7], 16);
    CHECK_ROW_UINT("one less", packet->ttl, 16);
    bytes->data[7] = 16;
    CHECK_ROW_BYTES("and nothing else", packet_span(packet), span_of(bytes->data, 53));
    packet_deliver(here, packet);
}

/* --- extension headers ------------------------------------------------------------------------------------------ */

/* What stands between the fixed header and a UDP datagram of 13 bytes. PAD is a PadN of 4 bytes of nothing. */
#define PAD "0104 00000000"
#define TWO_KINDS "3c00" PAD "2b00" PAD "3c00" PAD "2b00" PAD
static const struct {
    const char *name;
    uint8_t first;
    const char *bytes;
    enum drop_reason reason;
    uint8_t protocol;
    unsigned flags;
} chains[] = {
    { "hop-by-hop", 0, "1100" PAD, DROP_NONE, 17, PACKET_OPTIONS },
    { "destination options", 60, "1100" PAD, DROP_NONE, 17, PACKET_OPTIONS },
    { "routing", 43, "1100 0000 00000000", DROP_NONE, 17, PACKET_OPTIONS },
    { "routing of type 0, a way to go", 43, "1102 0001 00000000 20010db8000b00000000000000000002", DROP_NONE, 17,
      PACKET_OPTIONS },
    { "all, in the order of RFC 8200 section 4.1", 0, "3c00" PAD "2b00" PAD "2c00 0000 00000000 3c00 0000 00000001 1100" PAD,
      DROP_NONE, 17, PACKET_OPTIONS },
    { "sixteen bytes", 60, "1101 010c 000000000000000000000000", DROP_NONE, 17, PACKET_OPTIONS },
    { "eight headers", 60, TWO_KINDS "3c00" PAD "2b00" PAD "3c00" PAD "1100" PAD, DROP_NONE, 17, PACKET_OPTIONS },
    { "nine headers", 60, TWO_KINDS TWO_KINDS "1100" PAD, DROP_BAD_EXTENSION, 0, 0 },
    { "longer than the packet", 60, "1103" PAD, DROP_BAD_EXTENSION, 0, 0 },
    { "the longest", 60, "11ff" PAD, DROP_BAD_EXTENSION, 0, 0 },
    { "hop-by-hop not at the front: a header that nobody knows", 60, "0000" PAD "1100" PAD, DROP_NONE, 0,
      PACKET_OPTIONS },
    { "hop-by-hop twice", 0, "0000" PAD "1100" PAD, DROP_NONE, 0, PACKET_OPTIONS },
    { "no next header", 60, "3b00" PAD, DROP_NONE, 59, PACKET_OPTIONS },
    { "an unknown one ends the walk", 60, "fd00" PAD, DROP_NONE, 253, PACKET_OPTIONS },
    { "ESP ends the walk", 60, "3200" PAD, DROP_NONE, 50, PACKET_OPTIONS },
    { "no transport header behind", 60, "0600" PAD, DROP_BAD_TRANSPORT, 0, 0 }, /* TCP in 13 bytes */
    /* fragments */
    { "first", 44, "1100 0001 00000001", DROP_NONE, 17, PACKET_OPTIONS | PACKET_FRAGMENT },
    { "later", 44, "1100 0008 00000001", DROP_NONE, 17,
      PACKET_OPTIONS | PACKET_FRAGMENT | PACKET_LATER_FRAGMENT },
    { "atomic: RFC 6946 section 4", 44, "1100 0000 00000001", DROP_NONE, 17, PACKET_OPTIONS },
    { "reserved bits", 44, "11ff 0006 00000001", DROP_NONE, 17, PACKET_OPTIONS },
    { "two fragment headers", 44, "2c00 0001 00000001 1100 0001 00000001", DROP_BAD_EXTENSION, 0, 0 },
    { "later: what follows is not looked at", 44, "3c00 0008 00000001 11ff" PAD, DROP_NONE, 60,
      PACKET_OPTIONS | PACKET_FRAGMENT | PACKET_LATER_FRAGMENT },
    { "first, chain incomplete: RFC 7112 section 5", 44, "3c00 0001 00000001 11ff" PAD, DROP_BAD_EXTENSION, 0, 0 },
    { "first, transport header incomplete", 44, "0600 0001 00000001", DROP_BAD_TRANSPORT, 0, 0 },
};

static GByteArray *
chained(size_t i)
{
    struct endpoint source = net_endpoint("[2001:db8:a::1]:5000"), destination = net_endpoint("[2001:db8:b::1]:3478");
    g_autoptr(GByteArray) payload = net6_udp_payload(source, destination, span_of_text("hello"));

    return net6_build(&(struct net6_template){ .source = source.address,
                                               .destination = destination.address,
                                               .next = chains[i].first,
                                               .headers = chains[i].bytes,
                                               .payload = net_span(payload) });
}

static void
test_chains(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(chains); i++) {
        g_autoptr(GByteArray) bytes = chained(i);
        struct packet *packet = net_packet(here, net_span(bytes));
        const char *row = chains[i].name;

        CHECK_ROW_TEXT(row, drop_reason_word(ip_check(packet)), drop_reason_word(chains[i].reason));
        if (chains[i].reason == DROP_NONE) {
            CHECK_ROW_UINT(row, packet->flow.protocol, chains[i].protocol);
            CHECK_ROW_UINT(row, packet->flags, chains[i].flags | PACKET_CHECKED | PACKET_IPV6);
            if (chains[i].protocol == 17 && !(chains[i].flags & PACKET_LATER_FRAGMENT)) {
                CHECK_ROW_UINT(row, packet->transport, bytes->len - 13);
                CHECK_ROW_UINT(row, packet->flow.destination_port, 3478);
            }
        }
        packet_end(here, NULL, packet, DROP_NO_SOCKET);
    }
}

/* Wherever such a packet is cut, with the lengths mended, nothing is read past its end. */
static void
test_chains_truncated(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(chains); i++) {
        g_autoptr(GByteArray) bytes = chained(i);

        for (unsigned length = 40; length < bytes->len; length++) {
            bytes->data[4] = (uint8_t)((length - 40) >> 8);
            bytes->data[5] = (uint8_t)(length - 40);
            check_bytes(span_of(bytes->data, length));
        }
    }
    CHECK(net_balanced(here));
}

/* --- checksums at the end host ---------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    uint8_t next;
    int spoil; /* offset from the transport header; -1: nothing */
    bool zero; /* the UDP checksum is 0 */
    bool good, lacks;
} sums[] = {
    { "UDP", PROTOCOL_UDP, -1, false, true, false },
    { "UDP, data", PROTOCOL_UDP, 9, false, false, false },
    { "UDP, port", PROTOCOL_UDP, 3, false, false, false },
    { "UDP without: RFC 8200 section 8.1", PROTOCOL_UDP, -1, true, false, true },
    { "TCP", PROTOCOL_TCP, -1, false, true, false },
    { "TCP, flags", PROTOCOL_TCP, 13, false, false, false },
    { "ICMPv6", PROTOCOL_ICMPV6, -1, false, true, false },
    { "ICMPv6, identifier: RFC 4443 section 2.3", PROTOCOL_ICMPV6, 5, false, false, false },
    { "ICMP, of which nobody knows a checksum", PROTOCOL_ICMP, -1, false, true, false },
};

static void
test_sums(void)
{
    struct endpoint source = net_endpoint("[2001:db8:a::1]:5000"), destination = net_endpoint("[2001:db8:b::1]:3478");

    for (size_t i = 0; i < G_N_ELEMENTS(sums); i++) {
        uint8_t next = sums[i].next;
        g_autoptr(GByteArray) payload =
            next == PROTOCOL_UDP   ? net6_udp_payload(source, destination, span_of_text("hello"))
            : next == PROTOCOL_TCP ? net6_tcp_payload(source, destination, span_of_text("hello"))
                                   : net6_icmp_payload(source.address, destination.address, ICMP6_ECHO, 0, 7,
                                                       span_of_text("hello"));
        g_autoptr(GByteArray) bytes = net6_build(&(struct net6_template){ .source = source.address,
                                                                          .destination = destination.address,
                                                                          .next = next,
                                                                          .payload = net_span(payload) });
        struct packet *packet;

        if (sums[i].spoil >= 0)
            bytes->data[40 + sums[i].spoil] ^= 1;
        if (sums[i].zero)
            memset(bytes->data + 46, 0, 2);
        packet = net_packet(here, net_span(bytes));
        CHECK_ROW(sums[i].name, ip_check(packet) == DROP_NONE);
        CHECK_ROW(sums[i].name, ip_transport_checksum_ok(packet) == sums[i].good);
        CHECK_ROW(sums[i].name, ip_lacks_checksum(packet) == sums[i].lacks);
        packet_deliver(here, packet);
    }
}

/* --- building and fragmenting ----------------------------------------------------------------------------------- */

static struct packet *
built(size_t length, bool dont_fragment)
{
    struct endpoint source = net_endpoint("[2001:db8:a::1]:5000"), destination = net_endpoint("[2001:db8:b::1]:3478");
    g_autoptr(GByteArray) data = net_pattern(length);
    g_autoptr(GByteArray) payload = net6_udp_payload(source, destination, net_span(data));
    struct packet *packet = net_packet(here, net_span(payload));

    ip_build(packet, &(struct ip_template){ .source = source.address,
                                            .destination = destination.address,
                                            .protocol = PROTOCOL_UDP,
                                            .ttl = 33,
                                            .tos = 0xb8,
                                            .dont_fragment = dont_fragment });
    return packet;
}

static void
test_build(void)
{
    static const size_t lengths[] = { 0, 1, 5, 1452, 65527 };

    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
        struct packet *packet = built(lengths[i], i % 2);
        struct flow flow = packet->flow;

        CHECK_ROW_UINT("length", packet->length, 48 + lengths[i]);
        CHECK_ROW_UINT("flags", packet->flags,
                       PACKET_CHECKED | PACKET_SUM_GOOD | PACKET_IPV6 | (i % 2 ? PACKET_DONT_FRAGMENT : 0));
        CHECK_ROW_UINT("sum", net6_sum(packet_span(packet), 40, PROTOCOL_UDP), 0xffff);
        packet->flags = 0;
        CHECK(ip_check(packet) == DROP_NONE && ip_transport_checksum_ok(packet));
        CHECK(endpoint_equal(flow_source(&flow), flow_source(&packet->flow)));
        CHECK(endpoint_equal(flow_destination(&flow), flow_destination(&packet->flow)));
        CHECK_ROW_UINT("hop limit", packet->ttl, 33);
        CHECK_ROW_UINT("traffic class", packet->tos, 0xb8);
        packet_deliver(here, packet);
    }
}

/* The size of the fragments and how many there are, for 2000 bytes behind the fixed header. */
static const struct {
    unsigned size, count, first;
} cuts[] = {
    { 1280, 2, 1280 }, /* 1232 bytes in each: a multiple of 8 */
    { 1287, 2, 1280 }, { 1288, 2, 1288 }, { 1500, 2, 1496 }, { 2039, 2, 2032 }, { 56, 250, 56 }, { 1000, 3, 1000 },
};

/* RFC 8200 section 4.5. */
static void
test_fragments(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cuts); i++) {
        g_autofree char *row = g_strdup_printf("size %u", cuts[i].size);
        struct packet *packet = built(1992, false), *piece;
        struct span shared = span_of(packet->data, 40);
        g_autoptr(GByteArray) whole = g_byte_array_new(), headers = g_byte_array_new();
        struct packet_list list = { NULL, NULL };
        unsigned count = 0;

        g_byte_array_append(headers, shared.bytes, 40);
        packet->cause = 77;
        ipv6_fragment(here, packet, cuts[i].size, 0xfeedbeef, &list);
        for (piece = list.first; piece; piece = list.first, count++) {
            const uint8_t *at = piece->data + 40;
            unsigned word = (unsigned)(at[2] << 8 | at[3]);

            CHECK_ROW_UINT(row, piece->flags & (PACKET_CHECKED | PACKET_FRAGMENT | PACKET_IPV6 | PACKET_CUT),
                           PACKET_CHECKED | PACKET_FRAGMENT | PACKET_IPV6);
            CHECK_ROW(row, packet_is(piece, PACKET_LATER_FRAGMENT) == (count > 0));
            CHECK_ROW(row, piece->length <= cuts[i].size && piece->cause == 77);
            if (count == 0)
                CHECK_ROW_UINT(row, piece->length, cuts[i].first);
            CHECK_ROW_UINT(row, piece->data[6], IPV6_FRAGMENT);
            CHECK_ROW_UINT(row, at[0], PROTOCOL_UDP);
            CHECK_ROW_UINT(row, at[1], 0);
            CHECK_ROW_UINT(row, word & 0xfff8, whole->len);
            CHECK_ROW_UINT(row, word & 7, count + 1 < cuts[i].count);
            CHECK_ROW(row, memcmp(at + 4, "\xfe\xed\xbe\xef", 4) == 0);
            CHECK_ROW_BYTES(row, span_of(piece->data, 4), span_of(headers->data, 4));
            CHECK_ROW_BYTES(row, span_of(piece->data + 7, 33), span_of(headers->data + 7, 33));
            g_byte_array_append(whole, at + 8, piece->length - 48);
            packet_list_remove(&list, piece);
            packet_deliver(here, piece);
        }
        CHECK_ROW_UINT(row, count, cuts[i].count);
        g_byte_array_append(headers, whole->data, whole->len);
        headers->data[6] = PROTOCOL_UDP;
        CHECK_ROW_UINT(row, whole->len, 2000);
        CHECK_ROW_UINT(row, net6_sum(net_span(headers), 40, PROTOCOL_UDP), 0xffff);
    }
}

/* Per-fragment headers (section 4.5) stay in front of the fragment header, in each fragment; the others are cut up. */
static void
test_fragments_with_headers(void)
{
    struct endpoint source = net_endpoint("[2001:db8:a::1]:5000"), destination = net_endpoint("[2001:db8:b::1]:3478");
    g_autoptr(GByteArray) data = net_pattern(300), payload = NULL, bytes = NULL;
    struct packet_list list = { NULL, NULL };
    struct packet *piece;

    payload = net6_udp_payload(source, destination, net_span(data));
    bytes = net6_build(&(struct net6_template){ .source = source.address,
                                                .destination = destination.address,
                                                .next = IPV6_HOP_BY_HOP,
                                                .headers = "3c00" PAD "2b00" PAD "3c00" PAD "1100" PAD,
                                                .payload = net_span(payload) });
    piece = net_packet(here, net_span(bytes));
    CHECK(ip_check(piece) == DROP_NONE);
    ipv6_fragment(here, piece, 200, 1, &list);
    for (unsigned n = 0; (piece = packet_list_pop(&list)); n++) {
        CHECK_ROW_BYTES("up to the routing header", span_of(piece->data + 40, 16), span_of(bytes->data + 40, 16));
        CHECK_ROW_UINT("then the fragment header", piece->data[56], IPV6_FRAGMENT);
        CHECK_ROW_UINT("and the rest", piece->data[64], IPV6_DESTINATION);
        if (n == 0)
            CHECK_ROW_BYTES("destination options", span_of(piece->data + 72, 8), span_of(bytes->data + 64, 8));
        packet_deliver(here, piece);
    }
}

void
suite_net_ipv6(void)
{
    UNIT_SUITE("IPv6 packets", set_up, tear_down, { "headers", test_headers }, { "IPv4-mapped addresses", test_mapped },
               { "truncated", test_truncated }, { "members", test_members }, { "extension headers", test_chains },
               { "extension headers, truncated", test_chains_truncated }, { "checksums", test_sums },
               { "building", test_build }, { "fragments", test_fragments },
               { "fragments with headers", test_fragments_with_headers });
}
