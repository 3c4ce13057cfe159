#include "nat/siit.h"

#include "core/base/cursor.h"
#include "core/net/checksum.h"
#include "core/net/icmp.h"
#include "core/net/ipv6.h"

static uint16_t
load16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static void
store16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* ---- transport headers */

/* The sums of all that changes about a transport header and what its checksum covers. */
struct change {
    uint64_t old, new;
};

static uint64_t
pseudo_sum(uint8_t protocol, const struct flow *flow, uint32_t length)
{
    return protocol == PROTOCOL_ICMP ? 0 : checksum_pseudo(flow->source, flow->destination, protocol, length);
}

static void
mend(uint8_t *at, struct change change)
{
    store16(at, checksum_mend(load16(at), change.old, change.new));
}

/* A computed 0 is written as ffff (RFC 768), and one of 0 must be made up for in IPv6 (RFC 7915 section 4.5). */
static void
mend_udp(uint8_t *udp, size_t length, struct change change, bool whole, uint64_t pseudo)
{
    uint16_t old = load16(udp + 6);

    if (old == 0 && !whole)
        return;
    store16(udp + 6, old ? checksum_mend(old, change.old, change.new)
                         : (uint16_t)~checksum_fold(checksum_add(pseudo, span_of(udp, length))));
    if (load16(udp + 6) == 0)
        store16(udp + 6, 0xffff);
}

static void
translate_ports(uint8_t *at, size_t length, const struct flow *flow, struct change *change)
{
    if (length < 4)
        return;
    change->old += load16(at) + load16(at + 2);
    store16(at, flow->source_port);
    store16(at + 2, flow->destination_port);
    change->new += load16(at) + load16(at + 2);
}

/* Echo requests and replies have other types, and an identifier at one end. */
static void
translate_echo(uint8_t *at, uint8_t protocol, const struct flow *flow, struct change *change)
{
    bool asks = icmp_asks(protocol, at[0]);

    change->old += (uint64_t)(at[0] << 8) + load16(at + 4);
    if (protocol == PROTOCOL_ICMP)
        at[0] = asks ? ICMP6_ECHO : ICMP6_ECHO_REPLY;
    else
        at[0] = asks ? ICMP_ECHO : ICMP_ECHO_REPLY;
    store16(at + 4, asks ? flow->source_port : flow->destination_port);
    change->new += (uint64_t)(at[0] << 8) + load16(at + 4);
}

static uint8_t
protocol_across(uint8_t protocol)
{
    return protocol == PROTOCOL_ICMP ? PROTOCOL_ICMPV6 : protocol == PROTOCOL_ICMPV6 ? PROTOCOL_ICMP : protocol;
}

static bool
is_echo(uint8_t protocol, uint8_t type)
{
    return protocol == PROTOCOL_ICMP ? type == ICMP_ECHO || type == ICMP_ECHO_REPLY
                                     : type == ICMP6_ECHO || type == ICMP6_ECHO_REPLY;
}

/* Whether a transport header, of which `length` bytes are there, has a counterpart. */
static bool
has_counterpart(const uint8_t *at, size_t length, const struct flow *flow)
{
    if (flow->protocol == PROTOCOL_UDP || flow->protocol == PROTOCOL_TCP)
        return true;
    if (flow->protocol != (address_is_ipv4(flow->source) ? PROTOCOL_ICMP : PROTOCOL_ICMPV6))
        return false;
    return length >= ICMP_HEADER && is_echo(flow->protocol, at[0]);
}

/* Translates a transport header at `at` from `from` to `to`. `length` bytes are there of `total`; a quote may be cut. */
static void
translate_transport(uint8_t *at, size_t length, size_t total, const struct flow *from, const struct flow *to)
{
    uint8_t protocol = from->protocol;
    uint64_t pseudo = pseudo_sum(protocol_across(protocol), to, (uint32_t)total);
    struct change change = { pseudo_sum(protocol, from, (uint32_t)total), pseudo };

    if (protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMPV6) {
        translate_echo(at, protocol, to, &change);
        mend(at + 2, change);
        /* a mended 0 is right unless the whole message is zeros now: that one has ffff */
        if (load16(at + 2) == 0 && length == total && protocol == PROTOCOL_ICMPV6 && checksum_of(span_of(at, total)) != 0)
            store16(at + 2, 0xffff);
        return;
    }
    translate_ports(at, length, to, &change);
    if (protocol == PROTOCOL_UDP && length >= UDP_HEADER)
        mend_udp(at, length, change, length == total && !address_is_ipv4(to->source), pseudo);
    if (protocol == PROTOCOL_TCP && length >= 18)
        mend(at + 16, change);
}

/* ---- IP headers */

/* What both have. */
struct header {
    const struct flow *flow;
    uint8_t protocol, ttl, tos;
    uint32_t payload; /* bytes behind it, in the packet that it heads */
    bool dont_fragment;
    uint16_t identification;
};

static void
write_ipv6(uint8_t *at, const struct header *header)
{
    struct writer writer = writer_over(at, IPV6_HEADER);
    uint8_t address[16];

    writer_u32(&writer, UINT32_C(0x60000000) | (uint32_t)header->tos << 20); /* the flow label is 0 */
    writer_u16(&writer, (uint16_t)header->payload);
    writer_u8(&writer, header->protocol);
    writer_u8(&writer, header->ttl);
    address_to_bytes(header->flow->source, address);
    writer_span_put(&writer, span_of(address, 16));
    address_to_bytes(header->flow->destination, address);
    writer_span_put(&writer, span_of(address, 16));
}

static void
write_ipv4(uint8_t *at, const struct header *header)
{
    struct writer writer = writer_over(at, IPV4_HEADER);

    writer_u16(&writer, (uint16_t)(0x4500 | header->tos));
    writer_u16(&writer, (uint16_t)(IPV4_HEADER + header->payload));
    writer_u16(&writer, header->dont_fragment ? 0 : header->identification);
    writer_u16(&writer, header->dont_fragment ? 0x4000 : 0);
    writer_u8(&writer, header->ttl);
    writer_u8(&writer, header->protocol);
    writer_u16(&writer, 0);
    writer_u32(&writer, address_to_ipv4(header->flow->source));
    writer_u32(&writer, address_to_ipv4(header->flow->destination));
    writer_patch_u16(&writer, 10, checksum_of(span_of(at, IPV4_HEADER)));
}

static uint32_t
write_header(uint8_t *transport, const struct header *header)
{
    if (address_is_ipv4(header->flow->source)) {
        write_ipv4(transport - IPV4_HEADER, header);
        return IPV4_HEADER;
    }
    write_ipv6(transport - IPV6_HEADER, header);
    return IPV6_HEADER;
}

/* RFC 7915 section 5.1: what is small, or came in fragments, may be fragmented. */
static bool
needs_dont_fragment(const struct packet *packet, uint32_t payload)
{
    return IPV4_HEADER + payload > SIIT_ATOMIC_LENGTH && !packet_is(packet, PACKET_CUT);
}

/* The packet's header in the other family, in front of its transport part, and the members that say so. */
static void
change_header(struct packet *packet, uint32_t transport, const struct flow *flow, uint16_t identification)
{
    bool to_ipv6 = !packet_is(packet, PACKET_IPV6), may_be_cut = !packet_is(packet, PACKET_DONT_FRAGMENT);
    struct header header = {
        .flow = flow,
        .protocol = protocol_across(packet->flow.protocol),
        .ttl = packet->ttl,
        .tos = packet->tos,
        .payload = packet->length - transport,
        .identification = identification,
    };
    uint32_t size;

    header.dont_fragment = needs_dont_fragment(packet, header.payload);
    g_assert(packet->data + transport >= packet->buffer + IPV6_HEADER);
    size = write_header(packet->data + transport, &header);
    packet->data += (int64_t)transport - size;
    packet->length = size + header.payload;
    packet->transport = (uint16_t)size;
    packet->flow = *flow;
    packet->flow.protocol = header.protocol;
    packet->flags &= (uint16_t) ~(PACKET_IPV6 | PACKET_DONT_FRAGMENT | PACKET_OPTIONS | PACKET_CUT);
    if (to_ipv6)
        packet->flags |= PACKET_IPV6;
    if (to_ipv6 && may_be_cut && packet->length > IPV6_MTU_MIN) {
        packet->flags |= PACKET_CUT;
        packet->fragment_size = IPV6_MTU_MIN;
    }
    if (!to_ipv6 && header.dont_fragment)
        packet->flags |= PACKET_DONT_FRAGMENT;
}

bool
siit_can_translate(const struct packet *packet)
{
    return has_counterpart(packet->data + packet->transport, packet->length - packet->transport, &packet->flow);
}

enum drop_reason
siit_translate(struct packet *packet, const struct flow *flow, uint16_t identification)
{
    uint8_t *at = packet->data + packet->transport;
    size_t length = packet->length - packet->transport;

    g_assert(packet_is(packet, PACKET_CHECKED) && !packet_is(packet, PACKET_FRAGMENT | PACKET_ICMP_ERROR));
    if (!siit_can_translate(packet))
        return DROP_NO_COUNTERPART;
    if (packet_is(packet, PACKET_IPV6) && IPV4_HEADER + length > PACKET_MAX)
        return DROP_TOO_BIG;
    translate_transport(at, length, length, &packet->flow, flow);
    change_header(packet, packet->transport, flow, identification);
    return DROP_NONE;
}

/* ---- the meaning of errors */

/* RFC 1191 section 7: what paths are usually wide, for errors of old routers that don't say. */
static uint32_t
plateau_below(uint32_t length)
{
    static const uint16_t plateaus[] = { 65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296 };

    for (size_t i = 0; i < G_N_ELEMENTS(plateaus); i++)
        if (plateaus[i] < length)
            return plateaus[i];
    return 68;
}

/* RFC 7915 section 4.2: never below what every IPv6 link carries. */
static uint32_t
mtu_to_ipv6(uint32_t mtu, uint32_t packet_length, struct siit_mtus mtus)
{
    if (mtu == 0)
        mtu = plateau_below(packet_length);
    return MAX(IPV6_MTU_MIN, MIN(MIN(mtu, mtus.ipv4) + SIIT_HEADERS_DIFFER, mtus.ipv6));
}

static uint32_t
mtu_to_ipv4(uint32_t mtu, struct siit_mtus mtus)
{
    mtu = MIN(MIN(mtu, mtus.ipv6), mtus.ipv4 + SIIT_HEADERS_DIFFER);
    return mtu > SIIT_HEADERS_DIFFER ? mtu - SIIT_HEADERS_DIFFER : 0;
}

#define NOWHERE 0xff /* a field that the other header doesn't have */

/* Where the fields of an IPv4 header are in IPv6 (figure 3), and of an IPv6 header in IPv4 (figure 6). */
static uint8_t
pointer_to_ipv6(uint32_t pointer)
{
    static const uint8_t fields[] = { 0, 1, 4, 4, NOWHERE, NOWHERE, NOWHERE, NOWHERE, 7, 6, NOWHERE, NOWHERE };

    if (pointer < G_N_ELEMENTS(fields))
        return fields[pointer];
    return pointer < 16 ? 8 : pointer < 20 ? 24 : NOWHERE;
}

static uint8_t
pointer_to_ipv4(uint32_t pointer)
{
    static const uint8_t fields[] = { 0, 1, NOWHERE, NOWHERE, 2, 2, 9, 8 };

    if (pointer < G_N_ELEMENTS(fields))
        return fields[pointer];
    return pointer < 24 ? 12 : pointer < 40 ? 16 : NOWHERE;
}

static bool
unreachable_to_ipv6(struct siit_error *error, uint32_t packet_length, struct siit_mtus mtus)
{
    static const uint8_t codes[] = {
        [0] = ICMP6_NO_ROUTE, [1] = ICMP6_NO_ROUTE, [2] = NOWHERE, [3] = ICMP6_PORT_UNREACHABLE, [4] = NOWHERE,
        [5] = ICMP6_NO_ROUTE, [6] = ICMP6_NO_ROUTE, [7] = ICMP6_NO_ROUTE, [8] = ICMP6_NO_ROUTE,
        [9] = ICMP6_ADMINISTRATIVELY_PROHIBITED, [10] = ICMP6_ADMINISTRATIVELY_PROHIBITED, [11] = ICMP6_NO_ROUTE,
        [12] = ICMP6_NO_ROUTE, [13] = ICMP6_ADMINISTRATIVELY_PROHIBITED, [14] = NOWHERE,
        [15] = ICMP6_ADMINISTRATIVELY_PROHIBITED,
    };

    if (error->code == ICMP_PROTOCOL_UNREACHABLE) {
        *error = (struct siit_error){ ICMP6_PARAMETER_PROBLEM, ICMP6_UNKNOWN_NEXT_HEADER, 6 }; /* points to it */
        return true;
    }
    if (error->code == ICMP_FRAGMENTATION_NEEDED) {
        *error = (struct siit_error){ ICMP6_TOO_BIG, 0, mtu_to_ipv6(error->info & 0xffff, packet_length, mtus) };
        return true;
    }
    if (error->code >= G_N_ELEMENTS(codes) || codes[error->code] == NOWHERE)
        return false;
    *error = (struct siit_error){ ICMP6_UNREACHABLE, codes[error->code], 0 };
    return true;
}

bool
siit_error_to_ipv6(struct siit_error *error, uint32_t packet_length, struct siit_mtus mtus)
{
    uint8_t pointer = pointer_to_ipv6(error->info >> 24);

    switch (error->type) {
    case ICMP_UNREACHABLE:
        return unreachable_to_ipv6(error, packet_length, mtus);
    case ICMP_TIME_EXCEEDED:
        *error = (struct siit_error){ ICMP6_TIME_EXCEEDED, error->code, 0 };
        return true;
    case ICMP_PARAMETER_PROBLEM:
        if ((error->code != 0 && error->code != 2) || pointer == NOWHERE)
            return false;
        *error = (struct siit_error){ ICMP6_PARAMETER_PROBLEM, ICMP6_BAD_FIELD, pointer };
        return true;
    default:
        return false; /* source quench, redirect, what nobody knows */
    }
}

static bool
unreachable_to_ipv4(struct siit_error *error)
{
    static const uint8_t codes[] = { ICMP_HOST_UNREACHABLE, 10, ICMP_HOST_UNREACHABLE, ICMP_HOST_UNREACHABLE,
                                     ICMP_PORT_UNREACHABLE };

    if (error->code >= G_N_ELEMENTS(codes))
        return false;
    *error = (struct siit_error){ ICMP_UNREACHABLE, codes[error->code], 0 };
    return true;
}

bool
siit_error_to_ipv4(struct siit_error *error, struct siit_mtus mtus)
{
    uint8_t pointer = pointer_to_ipv4(error->info);

    switch (error->type) {
    case ICMP6_UNREACHABLE:
        return unreachable_to_ipv4(error);
    case ICMP6_TOO_BIG:
        *error = (struct siit_error){ ICMP_UNREACHABLE, ICMP_FRAGMENTATION_NEEDED, mtu_to_ipv4(error->info, mtus) };
        return true;
    case ICMP6_TIME_EXCEEDED:
        *error = (struct siit_error){ ICMP_TIME_EXCEEDED, error->code, 0 };
        return true;
    case ICMP6_PARAMETER_PROBLEM:
        if (error->code == ICMP6_UNKNOWN_NEXT_HEADER)
            *error = (struct siit_error){ ICMP_UNREACHABLE, ICMP_PROTOCOL_UNREACHABLE, 0 };
        else if (error->code == ICMP6_BAD_FIELD && pointer != NOWHERE)
            *error = (struct siit_error){ ICMP_PARAMETER_PROBLEM, 0, (uint32_t)pointer << 24 };
        else
            return false;
        return true;
    default:
        return false;
    }
}

/* ---- errors */

/* The quoted packet as its header tells of it. */
struct quoted_header {
    uint8_t ttl, tos;
    uint32_t payload; /* of the whole packet that is quoted, behind the headers that do not go across */
    uint16_t identification;
    bool dont_fragment;
};

static struct quoted_header
read_quoted_header(const struct packet *packet, const struct quote *quote)
{
    const uint8_t *at = packet->data + quote->offset;
    uint32_t headers = quote->transport - quote->offset;
    struct quoted_header header;
    uint32_t total;

    if (packet_is(packet, PACKET_IPV6)) {
        total = IPV6_HEADER + (uint32_t)load16(at + 4);
        header = (struct quoted_header){ .ttl = at[7], .tos = (uint8_t)(load16(at) >> 4) };
    } else {
        total = load16(at + 2);
        header = (struct quoted_header){ .ttl = at[8], .tos = at[1], .identification = load16(at + 4) };
    }
    header.payload = total > headers ? total - headers : 0;
    header.dont_fragment = header.payload + IPV4_HEADER > SIIT_ATOMIC_LENGTH;
    return header;
}

/* How many bytes of the quoted packet's transport part go on: what is there, without padding and extensions (RFC 4884
 * says in bytes 4 and 5 of the ICMP header where those begin), and no more than an ICMPv6 error has room for. */
static uint32_t
quoted_bytes(const struct packet *packet, const struct quote *quote, uint32_t payload)
{
    const uint8_t *icmp = packet->data + packet->transport;
    bool ipv6 = packet_is(packet, PACKET_IPV6);
    uint32_t told = ipv6 ? icmp[4] * 8u : icmp[5] * 4u, headers = quote->transport - quote->offset;
    uint32_t bytes = MIN(packet->length - quote->transport, payload);
    bool extended = ipv6 ? quote->type == ICMP6_UNREACHABLE || quote->type == ICMP6_TIME_EXCEEDED
                         : quote->type == ICMP_UNREACHABLE || quote->type == ICMP_TIME_EXCEEDED ||
                               quote->type == ICMP_PARAMETER_PROBLEM;

    if (extended && told > headers)
        bytes = MIN(bytes, told - headers);
    return ipv6 ? bytes : MIN(bytes, IPV6_MTU_MIN - IPV6_HEADER - ICMP_HEADER - IPV6_HEADER);
}

static void
write_error(uint8_t *at, const struct siit_error *error, const struct flow *flow, uint32_t length)
{
    struct writer writer = writer_over(at, length);
    uint8_t protocol = address_is_ipv4(flow->source) ? PROTOCOL_ICMP : PROTOCOL_ICMPV6;

    writer_u8(&writer, error->type);
    writer_u8(&writer, error->code);
    writer_u16(&writer, 0);
    writer_u32(&writer, error->info);
    store16(at + 2, (uint16_t)~checksum_fold(checksum_add(pseudo_sum(protocol, flow, length), span_of(at, length))));
}

enum drop_reason
siit_translate_error(struct packet *packet, const struct quote *quote, const struct flow *flow,
                     const struct flow *quoted, struct siit_mtus mtus)
{
    struct siit_error error = { quote->type, quote->code, quote->info };
    struct quoted_header inner = read_quoted_header(packet, quote);
    struct header header = { quoted, protocol_across(quote->flow.protocol), inner.ttl, inner.tos, inner.payload,
                             inner.dont_fragment, inner.identification };
    uint32_t bytes = quoted_bytes(packet, quote, inner.payload), size;
    uint8_t *transport = packet->data + quote->transport;
    bool ipv6 = packet_is(packet, PACKET_IPV6);

    if (!has_counterpart(transport, bytes, &quote->flow) || quote->later_fragment)
        return DROP_NO_COUNTERPART;
    if (!(ipv6 ? siit_error_to_ipv4(&error, mtus)
               : siit_error_to_ipv6(&error, inner.payload + (quote->transport - quote->offset), mtus)))
        return DROP_NO_COUNTERPART;

    translate_transport(transport, bytes, inner.payload, &quote->flow, quoted);
    g_assert(transport >= packet->buffer + 2 * IPV6_HEADER + ICMP_HEADER);
    size = write_header(transport, &header);
    packet->data = transport - size - ICMP_HEADER; /* for now the ICMP header; the outer one goes in front */
    packet->length = ICMP_HEADER + size + bytes;
    write_error(packet->data, &error, flow, packet->length);
    change_header(packet, 0, flow, 0);
    return DROP_NONE;
}
