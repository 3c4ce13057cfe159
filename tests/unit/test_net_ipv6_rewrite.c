/* Rewriting of IPv6 packets and of what ICMPv6 errors quote: what comes out is what a sender of the new addresses would
 * have built. */
#include "core/net/rewrite.h"

#include "core/base/random.h"
#include "tests/unit/support.h"
#include "tests/unit/support_net_ipv6.h"

static struct world *here;
static struct random_stream dice;

static void
set_up(void)
{
    here = world_new(1);
    dice = random_stream_of(1, "rewrite", "IPv6");
}

static void
tear_down(void)
{
    net_world_end(here);
}

enum { SOURCE_SIDE = 1, DESTINATION_SIDE = 2 };

/* Which side of which protocol has a port, and extension headers in front of it. `error`: it quotes another packet. */
static const struct {
    const char *name;
    uint8_t protocol, type;
    unsigned sides;
    uint8_t first;
    const char *headers;
    bool error;
} kinds[] = {
    { "UDP", PROTOCOL_UDP, 0, 3, PROTOCOL_UDP, NULL, false },
    { "UDP behind options", PROTOCOL_UDP, 0, 3, 0, "3c00 0104 00000000 1101 010c 000000000000000000000000", false },
    { "UDP in an atomic fragment", PROTOCOL_UDP, 0, 3, 44, "1100 0000 00000007", false },
    { "TCP", PROTOCOL_TCP, 0, 3, PROTOCOL_TCP, NULL, false },
    { "TCP behind options", PROTOCOL_TCP, 0, 3, 60, "0600 0104 00000000", false },
    { "echo request", PROTOCOL_ICMPV6, ICMP6_ECHO, SOURCE_SIDE, PROTOCOL_ICMPV6, NULL, false },
    { "echo reply", PROTOCOL_ICMPV6, ICMP6_ECHO_REPLY, DESTINATION_SIDE, PROTOCOL_ICMPV6, NULL, false },
    { "neighbour solicitation", PROTOCOL_ICMPV6, 135, 0, PROTOCOL_ICMPV6, NULL, false },
    { "ICMPv6 error", PROTOCOL_ICMPV6, ICMP6_UNREACHABLE, 0, PROTOCOL_ICMPV6, NULL, true },
    { "GRE", 47, 0, 0, 47, NULL, false },
    { "IPv4's ICMP", PROTOCOL_ICMP, ICMP_ECHO, 0, PROTOCOL_ICMP, NULL, false },
};

static struct endpoint
any_endpoint(void)
{
    struct address address = { UINT64_C(0x20010db8) << 32 | random_u32(&dice), random_u64(&dice) };

    return (struct endpoint){ address, (uint16_t)random_u32(&dice) };
}

/* A packet of a kind, built whole. An identifier stands where the side that has one says. */
static GByteArray *
packet_of(size_t kind, struct endpoint source, struct endpoint destination, struct span data)
{
    uint16_t identifier = kinds[kind].sides == SOURCE_SIDE ? source.port : destination.port;
    g_autoptr(GByteArray) payload = NULL;

    if (kinds[kind].protocol == PROTOCOL_UDP)
        payload = net6_udp_payload(source, destination, data);
    else if (kinds[kind].protocol == PROTOCOL_TCP)
        payload = net6_tcp_payload(source, destination, data);
    else if (kinds[kind].protocol == PROTOCOL_ICMPV6)
        payload = net6_icmp_payload(source.address, destination.address, kinds[kind].type, 0,
                                    kinds[kind].sides ? (uint32_t)identifier << 16 | 7 : 7, data);
    else
        payload = net_icmp_payload(kinds[kind].type, 0, 7, data);
    return net6_build(&(struct net6_template){ .source = source.address,
                                               .destination = destination.address,
                                               .next = kinds[kind].first,
                                               .headers = kinds[kind].headers,
                                               .payload = net_span(payload) });
}

static struct packet *
good_packet(struct span bytes)
{
    struct packet *packet = net_packet(here, bytes);

    CHECK(ip_check(packet) == DROP_NONE);
    return packet;
}

/* The parsed members are what the header check would read now. */
static void
check_members(const char *row, const struct packet *packet)
{
    struct packet *again = good_packet(packet_span(packet));

    CHECK_ROW(row, endpoint_equal(flow_source(&again->flow), flow_source(&packet->flow)));
    CHECK_ROW(row, endpoint_equal(flow_destination(&again->flow), flow_destination(&packet->flow)));
    CHECK_ROW_UINT(row, packet->flags, again->flags);
    packet_deliver(here, again);
}

/* The endpoints as they are after one side was rewritten. */
static void
replace(size_t kind, unsigned side, struct endpoint new, struct endpoint *source, struct endpoint *destination)
{
    struct endpoint *end = side == SOURCE_SIDE ? source : destination;

    end->address = new.address;
    if (kinds[kind].sides & side)
        end->port = new.port;
}

static void
rewrite_once(size_t kind, unsigned n)
{
    const char *row = kinds[kind].name;
    unsigned side = n % 2 ? SOURCE_SIDE : DESTINATION_SIDE;
    struct endpoint source = any_endpoint(), destination = any_endpoint(), new = any_endpoint();
    g_autoptr(GByteArray) data = net_pattern(n % 33);
    g_autoptr(GByteArray) bytes = packet_of(kind, source, destination, net_span(data)), after = NULL;
    struct packet *packet = good_packet(net_span(bytes));

    if (side == SOURCE_SIDE)
        packet_rewrite_source(packet, new.address, new.port);
    else
        packet_rewrite_destination(packet, new.address, new.port);
    replace(kind, side, new, &source, &destination);
    after = packet_of(kind, source, destination, net_span(data));
    CHECK_ROW_BYTES(row, packet_span(packet), net_span(after));
    CHECK_ROW(row, ip_transport_checksum_ok(packet));
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

/* In a later fragment only the address is there; put together again, the checksum is right. */
static void
test_fragments(void)
{
    struct endpoint source = any_endpoint(), destination = any_endpoint(), new = any_endpoint();
    g_autoptr(GByteArray) data = net_pattern(500), bytes = packet_of(0, source, destination, net_span(data));
    g_autoptr(GByteArray) whole = g_byte_array_new();
    struct packet_list list = { NULL, NULL };
    struct packet *packet;

    ipv6_fragment(here, good_packet(net_span(bytes)), 200, 1, &list);
    while ((packet = packet_list_pop(&list))) {
        packet_rewrite_source(packet, new.address, new.port);
        check_members("fragment", packet);
        if (whole->len == 0)
            g_byte_array_append(whole, packet->data, 40);
        g_byte_array_append(whole, packet->data + 48, packet->length - 48);
        packet_deliver(here, packet);
    }
    CHECK_ROW_UINT("checksum", net6_sum(net_span(whole), 40, PROTOCOL_UDP), 0xffff);
    CHECK_ROW_UINT("port", (unsigned)(whole->data[40] << 8 | whole->data[41]), new.port);
}

/* --- quotes ------------------------------------------------------------------------------------------------------ */

static GByteArray *
error_about(const GByteArray *inner, size_t length)
{
    return net6_icmp("2001:db8:ffff::1", "2001:db8:eeee::1", ICMP6_TOO_BIG, 0, 1280,
                     span_of(inner->data, MIN(length, inner->len)));
}

/* Lengths of the quote behind its headers: 8 bytes, odd, before, in and behind TCP's checksum, all. */
static const unsigned quoted_lengths[] = { 8, 9, 12, 15, 16, 17, 18, 19, 20, 21, 28, 33, 1000 };

/* What is quoted after the rewrite is what would be quoted of the packet rewritten whole; but where its checksum is not
 * in the quote it cannot be mended, and where it is cut through it isn't. */
static void
quote_once(size_t kind, unsigned quoted, unsigned n)
{
    unsigned side = n % 2 ? SOURCE_SIDE : DESTINATION_SIDE;
    struct endpoint source = any_endpoint(), destination = any_endpoint(), new = any_endpoint();
    g_autoptr(GByteArray) data = net_pattern(n % 13 + 6);
    g_autoptr(GByteArray) inner = packet_of(kind, source, destination, net_span(data)), inner_after = NULL;
    g_autofree char *row = g_strdup_printf("%s, %u bytes", kinds[kind].name, quoted);
    struct packet *inner_packet = good_packet(net_span(inner));
    unsigned headers = inner_packet->transport;
    g_autoptr(GByteArray) error = error_about(inner, headers + quoted), error_after = NULL;
    struct packet *packet = good_packet(net_span(error));
    struct quote quote;

    packet_deliver(here, inner_packet);
    CHECK_ROW_TEXT(row, drop_reason_word(packet_read_quote(packet, &quote)), "none");
    CHECK_ROW(row, address_equal(quote.flow.source, source.address));
    CHECK_ROW(row, address_equal(quote.flow.destination, destination.address));
    CHECK_ROW(row, quote.type == ICMP6_TOO_BIG && quote.info == 1280);
    CHECK_ROW_UINT(row, quote.offset, 48);
    CHECK_ROW_UINT(row, quote.transport, 48 + headers);
    if (kinds[kind].sides & SOURCE_SIDE)
        CHECK_ROW_UINT(row, quote.flow.source_port, source.port);
    if (side == SOURCE_SIDE)
        packet_rewrite_quote_source(packet, &quote, new);
    else
        packet_rewrite_quote_destination(packet, &quote, new);
    replace(kind, side, new, &source, &destination);
    inner_after = packet_of(kind, source, destination, net_span(data));
    if (kinds[kind].protocol == PROTOCOL_TCP && quoted < 18)
        memcpy(inner_after->data + headers + 16, inner->data + headers + 16, 2);
    error_after = error_about(inner_after, headers + quoted);
    CHECK_ROW_BYTES(row, packet_span(packet), net_span(error_after));
    CHECK_ROW(row, ip_transport_checksum_ok(packet));
    packet_deliver(here, packet);
}

static void
test_quotes(void)
{
    for (size_t kind = 0; kind < G_N_ELEMENTS(kinds); kind++)
        for (size_t i = 0; i < G_N_ELEMENTS(quoted_lengths); i++)
            for (unsigned n = 0; !kinds[kind].error && n < 40; n++)
                quote_once(kind, quoted_lengths[i], n);
}

/* What can't be read, and what need not be whole. */
static void
test_bad_quotes(void)
{
    struct endpoint source = any_endpoint(), destination = any_endpoint();
    g_autoptr(GByteArray) inner = packet_of(1, source, destination, span_of_text("hello world")); /* 72 bytes of headers */
    static const struct {
        const char *name;
        unsigned length;
        int spoil;
        uint8_t value;
        enum drop_reason reason;
    } rows[] = {
        { "all", 1000, -1, 0, DROP_NONE },
        { "8 bytes of UDP", 72, -1, 0, DROP_NONE },
        { "7 bytes of UDP", 71, -1, 0, DROP_ICMP_BAD_QUOTE },
        { "no UDP", 64, -1, 0, DROP_ICMP_BAD_QUOTE },
        { "cut in the second header", 50, -1, 0, DROP_ICMP_BAD_QUOTE },
        { "the fixed header alone", 40, -1, 0, DROP_ICMP_BAD_QUOTE },
        { "less than that", 39, -1, 0, DROP_ICMP_BAD_QUOTE },
        { "nothing", 0, -1, 0, DROP_ICMP_BAD_QUOTE },
        { "IPv4", 1000, 0, 0x45, DROP_ICMP_BAD_QUOTE },
        { "a length that isn't quoted is of no matter", 1000, 4, 0xff, DROP_NONE },
        { "chain too long", 1000, 41, 0xff, DROP_ICMP_BAD_QUOTE },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GByteArray) bytes = NULL;
        struct packet *packet;
        struct quote quote;
        uint8_t *at = rows[i].spoil >= 0 ? inner->data + rows[i].spoil : NULL, before = at ? *at : 0;

        if (at)
            *at = rows[i].value;
        bytes = error_about(inner, rows[i].length);
        packet = good_packet(net_span(bytes));
        CHECK_ROW_TEXT(rows[i].name, drop_reason_word(packet_read_quote(packet, &quote)),
                       drop_reason_word(rows[i].reason));
        packet->data[packet->length - 1] ^= 1;
        CHECK_ROW_TEXT(rows[i].name, drop_reason_word(packet_read_quote(packet, &quote)), "bad-checksum");
        packet_deliver(here, packet);
        if (at)
            *at = before;
    }
}

/* A "packet too big" about a later fragment tells of the path; other errors about one are no use. */
static void
test_later_fragment(void)
{
    struct endpoint new = any_endpoint();
    g_autoptr(GByteArray) data = net_pattern(64);
    g_autoptr(GByteArray) inner =
        net6_fragment("2001:db8:a::1", "2001:db8:b::1", PROTOCOL_ICMPV6, 1, 8, 40, false, net_span(data));
    g_autoptr(GByteArray) big = error_about(inner, 1000);
    g_autoptr(GByteArray) other =
        net6_icmp("2001:db8:ffff::1", "2001:db8:eeee::1", ICMP6_UNREACHABLE, 0, 0, net_span(inner));
    struct packet *packet = good_packet(net_span(other));
    struct quote quote;

    CHECK(packet_read_quote(packet, &quote) == DROP_ICMP_BAD_QUOTE);
    packet_deliver(here, packet);
    packet = good_packet(net_span(big));
    CHECK(packet_read_quote(packet, &quote) == DROP_NONE && quote.later_fragment);
    packet_rewrite_quote_source(packet, &quote, new);
    CHECK(ip_transport_checksum_ok(packet));
    CHECK(packet_read_quote(packet, &quote) == DROP_NONE && address_equal(quote.flow.source, new.address));
    CHECK_ROW_BYTES("what it carries stays", span_of(packet->data + 96, 40), span_of(data->data + 8, 40));
    packet_deliver(here, packet);
}

void
suite_net_ipv6_rewrite(void)
{
    UNIT_SUITE("rewriting IPv6", set_up, tear_down, { "packets", test_packets }, { "fragments", test_fragments },
               { "quotes", test_quotes }, { "bad quotes", test_bad_quotes },
               { "a later fragment in a quote", test_later_fragment });
}
