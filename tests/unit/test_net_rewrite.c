#include "core/net/rewrite.h"

#include "core/base/random.h"
#include "core/net/icmp.h"
#include "core/net/ip.h"
#include "tests/unit/support.h"
#include "tests/unit/support_net.h"

static struct world *here;
static struct random_stream dice;

static void
set_up(void)
{
    here = world_new(1);
    dice = random_stream_of(1, "rewrite", "values");
}

static void
tear_down(void)
{
    net_world_end(here);
}

static struct packet *
good_packet(struct span bytes)
{
    struct packet *packet = net_packet(here, bytes);

    CHECK(ip_check(packet) == DROP_NONE);
    return packet;
}

static unsigned
get16(const uint8_t *at)
{
    return (unsigned)(at[0] << 8 | at[1]);
}

static void
put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* The members that the header check reads are what it would read from the bytes as they are now. */
static void
check_members(const char *row, const struct packet *packet)
{
    struct packet *again = net_packet(here, packet_span(packet));

    CHECK_ROW(row, ip_check(again) == DROP_NONE);
    CHECK_ROW(row, address_equal(again->flow.source, packet->flow.source));
    CHECK_ROW(row, address_equal(again->flow.destination, packet->flow.destination));
    CHECK_ROW_UINT(row, packet->flow.source_port, again->flow.source_port);
    CHECK_ROW_UINT(row, packet->flow.destination_port, again->flow.destination_port);
    CHECK_ROW_UINT(row, packet->flags, again->flags);
    packet_deliver(here, again);
}

/* --- plain packets ---------------------------------------------------------------------------------------------- */

enum { SOURCE_SIDE = 1, DESTINATION_SIDE = 2 };

/* Which side of which protocol has a port to rewrite, and where it stands in the transport header. */
static const struct {
    const char *name;
    uint8_t protocol, type;
    uint8_t sides;    /* that have one */
    uint8_t place[2]; /* of the source's and the destination's */
} kinds[] = {
    { "UDP", PROTOCOL_UDP, 0, SOURCE_SIDE | DESTINATION_SIDE, { 0, 2 } },
    { "TCP", PROTOCOL_TCP, 0, SOURCE_SIDE | DESTINATION_SIDE, { 0, 2 } },
    { "echo request", PROTOCOL_ICMP, ICMP_ECHO, SOURCE_SIDE, { 4, 0 } },
    { "echo reply", PROTOCOL_ICMP, ICMP_ECHO_REPLY, DESTINATION_SIDE, { 0, 4 } },
    { "timestamp", PROTOCOL_ICMP, ICMP_TIMESTAMP, SOURCE_SIDE, { 4, 0 } },
    { "timestamp reply", PROTOCOL_ICMP, ICMP_TIMESTAMP_REPLY, DESTINATION_SIDE, { 0, 4 } },
    { "ICMP error", PROTOCOL_ICMP, ICMP_UNREACHABLE, 0, { 0, 0 } },
    { "GRE", 47, 0, 0, { 0, 0 } },
};

static GByteArray *
payload_of(size_t kind, struct endpoint source, struct endpoint destination, struct span data)
{
    switch (kinds[kind].protocol) {
    case PROTOCOL_UDP:
        return net_udp_payload(source, destination, data);
    case PROTOCOL_TCP:
        return net_tcp_payload(source, destination, data);
    default:
        return net_icmp_payload(kinds[kind].type, 0, (uint32_t)source.port << 16 | 7, data);
    }
}

static struct endpoint
any_endpoint(void)
{
    uint32_t address = 0xc6336400u | (uint32_t)random_below(&dice, 256);
    uint16_t port = (uint16_t)random_u32(&dice);

    return (struct endpoint){ address_ipv4(address), port };
}

/* What the bytes should be after a rewrite: the fields are put in and the checksums made anew. */
static void
expect(GByteArray *bytes, size_t kind, unsigned side, struct endpoint new, bool checksum)
{
    unsigned place = kinds[kind].protocol == PROTOCOL_UDP ? 6 : kinds[kind].protocol == PROTOCOL_TCP ? 16 : 2;
    unsigned address_at = side == SOURCE_SIDE ? 12 : 16;

    put16(bytes->data + address_at, address_to_ipv4(new.address) >> 16);
    put16(bytes->data + address_at + 2, address_to_ipv4(new.address) & 0xffff);
    net_mend_header(bytes->data);
    if (kinds[kind].sides & side)
        put16(bytes->data + 20 + kinds[kind].place[side == DESTINATION_SIDE], new.port);
    if (checksum && kinds[kind].protocol != 47)
        put16(bytes->data + 20 + place, net_transport_checksum(net_span(bytes)));
}

static void
rewrite_once(size_t kind, unsigned n)
{
    const char *row = kinds[kind].name;
    unsigned side = n % 2 ? SOURCE_SIDE : DESTINATION_SIDE;
    struct endpoint source = any_endpoint(), destination = any_endpoint(), new = any_endpoint();
    g_autoptr(GByteArray) data = net_pattern(n % 33);
    g_autoptr(GByteArray) payload = payload_of(kind, source, destination, net_span(data));
    g_autoptr(GByteArray) bytes = NULL;
    bool checksum = !(kinds[kind].protocol == PROTOCOL_UDP && n % 5 == 0);
    struct packet *packet;

    if (!checksum)
        put16(payload->data + 6, 0); /* RFC 768: the sender made none, and so it stays */
    bytes = net_build(&(struct net_template){ .source = source.address,
                                              .destination = destination.address,
                                              .protocol = kinds[kind].protocol,
                                              .payload = net_span(payload) });
    packet = good_packet(net_span(bytes));
    expect(bytes, kind, side, new, checksum);
    if (side == SOURCE_SIDE)
        packet_rewrite_source(packet, new.address, new.port);
    else
        packet_rewrite_destination(packet, new.address, new.port);
    CHECK_ROW_BYTES(row, packet_span(packet), net_span(bytes));
    check_members(row, packet);
    packet_deliver(here, packet);
}

static void
test_packets(void)
{
    for (size_t kind = 0; kind < G_N_ELEMENTS(kinds); kind++)
        for (unsigned n = 0; n < 500; n++)
            rewrite_once(kind, n);
}

/* RFC 768: a checksum that comes out as 0 is sent as 0xffff. Found by trying every port. */
static void
test_udp_zero(void)
{
    struct endpoint source = net_endpoint("192.0.2.1:5000"), destination = net_endpoint("198.51.100.1:3478");
    g_autoptr(GByteArray) bytes = net_udp(source, destination, span_of_text("hello"));
    struct packet *packet = good_packet(net_span(bytes));
    unsigned found = 0;

    for (unsigned port = 0; port <= UINT16_MAX; port++) {
        packet_rewrite_source(packet, source.address, (uint16_t)port);
        if (!net_checksums_good(packet_span(packet)) || get16(packet->data + 26) == 0)
            CHECK_ROW_UINT("port", port, UINT_MAX);
        found += get16(packet->data + 26) == 0xffff;
    }
    CHECK_ROW_UINT("0xffff", found, 1);
    packet_deliver(here, packet);
}

/* The checksum of an ICMP message of zeros is 0xffff, and equation 3 of RFC 1624 alone would make it 0. */
static void
test_icmp_zeros(void)
{
    struct address from = net_address("192.0.2.1"), to = net_address("198.51.100.1");
    g_autoptr(GByteArray) bytes = net_icmp(from, to, ICMP_ECHO_REPLY, 0, 0x12340000, (struct span){ NULL, 0 });
    struct packet *packet = good_packet(net_span(bytes));

    packet_rewrite_destination(packet, to, 0);
    CHECK_ROW_UINT("identifier 0", get16(packet->data + 22), 0xffff);
    CHECK(ip_transport_checksum_ok(packet));
    packet_rewrite_destination(packet, to, 0x1234);
    CHECK_ROW_BYTES("and back", packet_span(packet), net_span(bytes));
    packet_deliver(here, packet);
}

/* In a later fragment only the address is there; a first fragment has its ports too. */
static void
test_fragments(void)
{
    struct endpoint source = net_endpoint("192.0.2.1:5000"), destination = net_endpoint("198.51.100.1:3478");
    struct endpoint new = net_endpoint("203.0.113.9:40000");
    g_autoptr(GByteArray) data = net_pattern(56);
    g_autoptr(GByteArray) payload = net_udp_payload(source, destination, net_span(data));
    struct packet_list list = { NULL, NULL };
    g_autoptr(GByteArray) bytes = NULL, whole = NULL;
    struct packet *packet;

    bytes = net_build(&(struct net_template){ .source = source.address,
                                              .destination = destination.address,
                                              .protocol = PROTOCOL_UDP,
                                              .payload = net_span(payload) });
    ip_fragment(here, good_packet(net_span(bytes)), 68, &list);
    whole = g_byte_array_new();
    while ((packet = packet_list_pop(&list))) {
        packet_rewrite_source(packet, new.address, new.port);
        check_members("fragment", packet);
        if (whole->len == 0)
            g_byte_array_append(whole, packet->data, 20);
        g_byte_array_append(whole, packet->data + 20, packet->length - 20);
        packet_deliver(here, packet);
    }
    /* put together, its checksum is right */
    put16(whole->data + 2, whole->len);
    put16(whole->data + 6, 0);
    net_mend_header(whole->data);
    CHECK_ROW_UINT("port", get16(whole->data + 20), 40000);
    CHECK(net_checksums_good(net_span(whole)));
}

/* --- quotes ----------------------------------------------------------------------------------------------------- */

/* An ICMP error from a router to the sender of `inner`, which it quotes up to `length` bytes. */
static GByteArray *
error_about(const GByteArray *inner, size_t length)
{
    return net_icmp(net_address("203.0.113.254"), net_address("192.0.2.1"), ICMP_UNREACHABLE, ICMP_FRAGMENTATION_NEEDED,
                    1280, span_of(inner->data, MIN(length, inner->len)));
}

static GByteArray *
quoted_packet(size_t kind, struct endpoint source, struct endpoint destination, unsigned options, unsigned length,
              bool checksum)
{
    g_autoptr(GByteArray) data = net_pattern(length), padding = net_pattern(options);
    g_autoptr(GByteArray) payload = payload_of(kind, source, destination, net_span(data));

    if (options > 0)
        memset(padding->data, 1, options);
    if (!checksum)
        put16(payload->data + 6, 0);
    return net_build(&(struct net_template){ .source = source.address,
                                             .destination = destination.address,
                                             .protocol = kinds[kind].protocol,
                                             .ttl = 3,
                                             .options = net_span(padding),
                                             .payload = net_span(payload) });
}

/* What is quoted after the rewrite is what would be quoted of the rewritten packet. `inner` is rewritten as a packet
 * of its own, which test_packets has shown to be right. */
static GByteArray *
rewritten(const GByteArray *inner, unsigned side, struct endpoint new)
{
    struct packet *packet = good_packet(net_span(inner));
    GByteArray *bytes = g_byte_array_new();

    if (side == SOURCE_SIDE)
        packet_rewrite_source(packet, new.address, new.port);
    else
        packet_rewrite_destination(packet, new.address, new.port);
    g_byte_array_append(bytes, packet->data, packet->length);
    packet_deliver(here, packet);
    return bytes;
}

/* Lengths of the quote behind its IP header: 8 bytes (RFC 792), odd, before, in and behind TCP's checksum, all. */
static const unsigned quoted_lengths[] = { 8, 9, 12, 15, 16, 17, 18, 19, 20, 21, 28, 33, 1000 };

static void
quote_once(size_t kind, unsigned quoted, unsigned n)
{
    unsigned side = n % 2 ? SOURCE_SIDE : DESTINATION_SIDE, options = n / 2 % 3 * 4;
    bool checksum = !(kinds[kind].protocol == PROTOCOL_UDP && n % 5 == 0);
    struct endpoint source = any_endpoint(), destination = any_endpoint(), new = any_endpoint();
    g_autoptr(GByteArray) inner = quoted_packet(kind, source, destination, options, n % 13 + 6, checksum);
    g_autoptr(GByteArray) error = error_about(inner, 20 + options + quoted);
    g_autoptr(GByteArray) inner_after = rewritten(inner, side, new);
    g_autoptr(GByteArray) error_after = NULL;
    g_autofree char *row = g_strdup_printf("%s, %u bytes", kinds[kind].name, quoted);
    struct packet *packet = good_packet(net_span(error));
    struct quote quote;

    if (20 + options + quoted < inner->len && kinds[kind].protocol == PROTOCOL_TCP && quoted < 18)
        put16(inner_after->data + 20 + options + 16,
              get16(inner->data + 20 + options + 16)); /* was not there to mend */
    error_after = error_about(inner_after, 20 + options + quoted);
    CHECK_ROW_TEXT(row, drop_reason_word(packet_read_quote(packet, &quote)), "none");
    CHECK_ROW(row, address_equal(quote.flow.source, source.address));
    CHECK_ROW(row, address_equal(quote.flow.destination, destination.address));
    CHECK_ROW_UINT(row, quote.type, ICMP_UNREACHABLE);
    CHECK_ROW_UINT(row, quote.code, ICMP_FRAGMENTATION_NEEDED);
    CHECK_ROW_UINT(row, quote.info, 1280);
    CHECK_ROW_UINT(row, quote.offset, 28);
    CHECK_ROW(row, !quote.is_icmp_error);
    if (side == SOURCE_SIDE)
        packet_rewrite_quote_source(packet, &quote, new);
    else
        packet_rewrite_quote_destination(packet, &quote, new);
    CHECK_ROW_BYTES(row, packet_span(packet), net_span(error_after));
    CHECK_ROW(row, ip_transport_checksum_ok(packet));
    check_members(row, packet);
    {
        struct quote again;

        CHECK_ROW_TEXT(row, drop_reason_word(packet_read_quote(packet, &again)), "none");
        CHECK_ROW_UINT(row, quote.flow.source_port, again.flow.source_port);
        CHECK_ROW_UINT(row, quote.flow.destination_port, again.flow.destination_port);
        CHECK_ROW(row, address_equal(quote.flow.source, again.flow.source));
        CHECK_ROW(row, address_equal(quote.flow.destination, again.flow.destination));
    }
    packet_deliver(here, packet);
}

static void
test_quotes(void)
{
    for (size_t kind = 0; kind < G_N_ELEMENTS(kinds); kind++) {
        if (kinds[kind].type == ICMP_UNREACHABLE)
            continue; /* an error about an error: see below */
        for (size_t i = 0; i < G_N_ELEMENTS(quoted_lengths); i++)
            for (unsigned n = 0; n < 60; n++)
                quote_once(kind, quoted_lengths[i], n);
    }
}

/* An identifier of 0 is an identifier. */
static void
test_quoted_identifier_zero(void)
{
    struct endpoint source = net_endpoint("192.0.2.1:0"), destination = net_endpoint("198.51.100.1:0");
    g_autoptr(GByteArray) inner = quoted_packet(2, source, destination, 0, 4, true);
    g_autoptr(GByteArray) error = error_about(inner, 100);
    struct packet *packet = good_packet(net_span(error));
    struct quote quote;

    CHECK(packet_read_quote(packet, &quote) == DROP_NONE);
    packet_rewrite_quote_source(packet, &quote, net_endpoint("203.0.113.9:4660"));
    CHECK_ROW_UINT("identifier", get16(packet->data + 28 + 24), 4660);
    CHECK_ROW_UINT("flow", quote.flow.source_port, 4660);
    CHECK(ip_transport_checksum_ok(packet));
    packet_deliver(here, packet);
}

static const struct {
    const char *name;
    uint8_t at, value; /* a byte of the ICMP message to change */
    bool mend_quote;   /* the quoted header's checksum is mended */
    bool mend_icmp;    /* and the ICMP checksum */
    unsigned length;   /* of the quote */
    enum drop_reason reason;
} bad_quotes[] = {
    { "all is well", 0, ICMP_UNREACHABLE, false, true, 100, DROP_NONE },
    { "ICMP checksum", 4, 0x55, false, false, 100, DROP_BAD_CHECKSUM },
    { "quoted header checksum", 8 + 8, 0x55, false, true, 100, DROP_ICMP_BAD_QUOTE }, /* RFC 5508 REQ-3 a */
    { "quoted transport checksum", 8 + 26, 0x55, false, true, 100, DROP_NONE },       /* RFC 5508 REQ-3 b */
    { "quoted version", 8, 0x65, true, true, 100, DROP_ICMP_BAD_QUOTE },
    { "quoted header of 4 words", 8, 0x44, true, true, 100, DROP_ICMP_BAD_QUOTE },
    { "quoted header longer than the quote", 8, 0x4f, false, true, 40, DROP_ICMP_BAD_QUOTE },
    { "a quoted later fragment", 8 + 7, 1, true, true, 100, DROP_ICMP_BAD_QUOTE },
    { "a quoted first fragment", 8 + 6, 0x20, true, true, 100, DROP_NONE },
    { "no quote", 0, ICMP_UNREACHABLE, false, true, 0, DROP_ICMP_BAD_QUOTE },
    { "half a header", 0, ICMP_UNREACHABLE, false, true, 12, DROP_ICMP_BAD_QUOTE },
    { "only a header", 0, ICMP_UNREACHABLE, false, true, 20, DROP_ICMP_BAD_QUOTE },
    { "7 bytes behind it", 0, ICMP_UNREACHABLE, false, true, 27, DROP_ICMP_BAD_QUOTE },
    { "8 bytes behind it", 0, ICMP_UNREACHABLE, false, true, 28, DROP_NONE },
};

static void
test_bad_quotes(void)
{
    struct endpoint source = net_endpoint("192.0.2.1:5000"), destination = net_endpoint("198.51.100.1:3478");
    g_autoptr(GByteArray) inner = net_udp(source, destination, span_of_text("hello, world"));

    for (size_t i = 0; i < G_N_ELEMENTS(bad_quotes); i++) {
        g_autoptr(GByteArray) error = error_about(inner, bad_quotes[i].length);
        uint8_t *icmp = error->data + 20;
        struct packet *packet;
        struct quote quote;

        icmp[bad_quotes[i].at] = bad_quotes[i].value;
        if (bad_quotes[i].mend_quote && (icmp[8] & 15) >= 3)
            net_mend_header(icmp + 8);
        if (bad_quotes[i].mend_icmp)
            put16(icmp + 2, net_transport_checksum(net_span(error)));
        packet = good_packet(net_span(error));
        CHECK_ROW_TEXT(bad_quotes[i].name, drop_reason_word(packet_read_quote(packet, &quote)),
                       drop_reason_word(bad_quotes[i].reason));
        packet_deliver(here, packet);
    }
}

/* Cut anywhere, a quote is refused or read; no byte behind it is looked at. */
static void
test_cut_quotes(void)
{
    for (size_t kind = 0; kind < G_N_ELEMENTS(kinds); kind++) {
        g_autoptr(GByteArray) inner =
            quoted_packet(kind, net_endpoint("192.0.2.1:5000"), net_endpoint("198.51.100.1:80"), 8, 20, true);
        unsigned least = 28 + (kinds[kind].protocol == 47 ? 0 : 8);

        for (size_t length = 0; length <= inner->len; length++) {
            g_autoptr(GByteArray) error = error_about(inner, length);
            struct packet *packet = good_packet(net_span(error));
            struct quote quote;
            enum drop_reason reason = packet_read_quote(packet, &quote);

            CHECK_ROW_TEXT(kinds[kind].name, drop_reason_word(reason), length < least ? "icmp-bad-quote" : "none");
            if (reason == DROP_NONE) {
                CHECK_ROW(kinds[kind].name, quote.is_icmp_error == (kinds[kind].type == ICMP_UNREACHABLE));
                if (!quote.is_icmp_error)
                    packet_rewrite_quote_source(packet, &quote, net_endpoint("203.0.113.9:4660"));
                CHECK_ROW(kinds[kind].name, net_checksums_good(packet_span(packet)));
            }
            packet_deliver(here, packet);
        }
    }
}

void
suite_net_rewrite(void)
{
    UNIT_SUITE("rewrite", set_up, tear_down, { "packets", test_packets }, { "UDP checksum 0", test_udp_zero },
               { "an ICMP message of zeros", test_icmp_zeros }, { "fragments", test_fragments },
               { "quotes", test_quotes }, { "quoted identifier 0", test_quoted_identifier_zero },
               { "bad quotes", test_bad_quotes }, { "quotes cut short", test_cut_quotes });
}
