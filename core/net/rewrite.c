/* Rewriting in place; the arithmetic is RFC 1624's. Nearly all that translators rewrite is a whole UDP datagram, so that
 * has a short way of its own (rewrite_udp). */
#include "core/net/rewrite.h"

#include "core/base/cursor.h"
#include "core/net/checksum.h"
#include "core/net/icmp.h"
#include "core/net/ipv6.h"
#include "core/net/net.h"

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

static void
store32(uint8_t *at, uint32_t value)
{
    store16(at, (uint16_t)(value >> 16));
    store16(at + 2, (uint16_t)value);
}

/* Mends the checksum at `at` for words that summed to `old` and now sum to `new`. */
static inline void
mend(uint8_t *at, uint64_t old, uint64_t new)
{
    store16(at, checksum_mend(load16(at), old, new));
}

static inline void
mend_udp(uint8_t *at, uint64_t old, uint64_t new)
{
    uint16_t checksum = load16(at);

    if (checksum == 0)
        return; /* RFC 768: the sender made none */
    checksum = checksum_mend(checksum, old, new);
    store16(at, checksum ? checksum : 0xffff);
}

enum side { SOURCE, DESTINATION };

/* Rewrites one side of the transport header at `at`, of which `length` bytes are there (a quote may be cut short).
 * `words_old` and `words_new` are the sums of the address words, which the pseudo-header of UDP and TCP covers. Gives
 * what changed in the bytes at `at` as a pair of sums, for checksums that cover those bytes. */
static void
rewrite_transport(uint8_t *at, size_t length, uint8_t protocol, enum side side, uint16_t port_old, uint16_t port_new,
                  uint64_t words_old, uint64_t words_new)
{
    size_t port_at = side == SOURCE ? 0 : 2;

    switch (protocol) {
    case PROTOCOL_UDP:
    case PROTOCOL_TCP:
        if (length >= port_at + 2)
            store16(at + port_at, port_new);
        if (protocol == PROTOCOL_UDP && length >= 8)
            mend_udp(at + 6, words_old + port_old, words_new + port_new);
        if (protocol == PROTOCOL_TCP && length >= 18)
            mend(at + 16, words_old + port_old, words_new + port_new);
        return;
    case PROTOCOL_ICMP: /* no pseudo-header; the identifier is rewritten at the end that has one */
        if (length < 8 || port_old == port_new)
            return;
        store16(at + 4, port_new);
        mend(at + 2, port_old, port_new);
        return;
    case PROTOCOL_ICMPV6: /* a pseudo-header as well (RFC 4443 section 2.3) */
        if (length < 8)
            return;
        if (port_old != port_new)
            store16(at + 4, port_new);
        mend(at + 2, words_old + port_old, words_new + port_new);
        return;
    default:
        return;
    }
}

/* The address words of the IP header at `header`; IPv4 has a checksum to be mended. */
static void
rewrite_address(uint8_t *header, enum side side, struct address new)
{
    uint8_t *at = header + (side == SOURCE ? 12 : 16);
    uint64_t old_words = (uint64_t)load16(at) + load16(at + 2);

    if (!address_is_ipv4(new)) {
        address_to_bytes(new, header + (side == SOURCE ? 8 : 24));
        return;
    }
    address_to_bytes(new, at);
    mend(header + 10, old_words, checksum_address(new));
}

/* Whether this side of the transport header at `at` has a port. An ICMP query has its identifier on one side only; the
 * other side's port is 0 and stays so. */
static bool
side_has_port(uint8_t protocol, const uint8_t *at, enum side side)
{
    if (protocol != PROTOCOL_ICMP && protocol != PROTOCOL_ICMPV6)
        return protocol == PROTOCOL_UDP || protocol == PROTOCOL_TCP;
    return side == SOURCE ? icmp_asks(protocol, at[0]) : icmp_answers(protocol, at[0]);
}

/* A whole UDP datagram over IPv4: both checksums cover the address, and the UDP one the port. */
static inline void
rewrite_udp(struct packet *packet, enum side side, struct address new, uint16_t port_new)
{
    uint8_t *ip = packet->data, *udp = ip + packet->transport;
    struct flow *flow = &packet->flow;
    struct address *address = side == SOURCE ? &flow->source : &flow->destination;
    uint16_t *port = side == SOURCE ? &flow->source_port : &flow->destination_port;
    uint64_t words_old = checksum_ipv4(address_to_ipv4(*address)), words_new = checksum_ipv4(address_to_ipv4(new));

    store32(ip + (side == SOURCE ? 12 : 16), address_to_ipv4(new));
    mend(ip + 10, words_old, words_new);
    store16(udp + (side == SOURCE ? 0 : 2), port_new);
    mend_udp(udp + 6, words_old + *port, words_new + port_new);
    *address = new;
    *port = port_new;
}

/* ICMP has its own number in each family; under the other's there is nothing that anybody knows. */
static bool
is_of_family(uint8_t protocol, struct address address)
{
    return protocol != (address_is_ipv4(address) ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP);
}

/* Whether the checksum of the transport header is here, and covers what a rewrite changes: an ICMP error's does in IPv6
 * only. */
static bool
has_transport_sum(const struct packet *packet)
{
    return !packet_is(packet, PACKET_LATER_FRAGMENT) && is_of_family(packet->flow.protocol, packet->flow.source) &&
           (packet_is(packet, PACKET_IPV6) || !packet_is(packet, PACKET_ICMP_ERROR));
}

/* All else: IPv6, TCP, ICMP, fragments, other protocols. */
static void G_GNUC_NO_INLINE
rewrite_other(struct packet *packet, enum side side, struct address new, uint16_t port_new)
{
    struct flow *flow = &packet->flow;
    struct address *address = side == SOURCE ? &flow->source : &flow->destination;
    uint16_t *port = side == SOURCE ? &flow->source_port : &flow->destination_port;
    uint8_t *at = packet->data + packet->transport;
    bool has_port = false;

    g_assert(address_is_ipv4(new) == address_is_ipv4(*address));
    if (has_transport_sum(packet)) {
        has_port = side_has_port(flow->protocol, at, side);
        rewrite_transport(at, packet->length - packet->transport, flow->protocol, side, *port,
                          has_port ? port_new : *port, checksum_address(*address), checksum_address(new));
        /* a mended 0 is right unless the whole message is zeros now, which equation 3 can't see: that one has 0xffff */
        if (flow->protocol == PROTOCOL_ICMP && load16(at + 2) == 0 && checksum_of(packet_transport(packet)) != 0)
            store16(at + 2, 0xffff);
    }
    rewrite_address(packet->data, side, new);
    *address = new;
    if (has_port)
        *port = port_new;
}

static inline void
rewrite(struct packet *packet, enum side side, struct address new, uint16_t port_new)
{
    g_assert(packet_is(packet, PACKET_CHECKED));
    if (G_LIKELY(packet->flow.protocol == PROTOCOL_UDP && !packet_is(packet, PACKET_LATER_FRAGMENT | PACKET_IPV6)))
        rewrite_udp(packet, side, new, port_new);
    else
        rewrite_other(packet, side, new, port_new);
}

void
packet_rewrite_source(struct packet *packet, struct address address, uint16_t port)
{
    rewrite(packet, SOURCE, address, port);
}

void
packet_rewrite_destination(struct packet *packet, struct address address, uint16_t port)
{
    rewrite(packet, DESTINATION, address, port);
}

void
packet_renumber(struct packet *packet, uint16_t identification)
{
    uint8_t *at = packet->data + 4;
    uint16_t old = load16(at);

    g_assert(packet_is(packet, PACKET_CHECKED) && !packet_is(packet, PACKET_IPV6));
    store16(at, identification);
    mend(packet->data + 10, old, identification);
}

/* ---- the data */

struct span
packet_udp_data(const struct packet *packet)
{
    const uint8_t *datagram = packet->data + packet->transport;
    uint32_t there = packet->length - packet->transport, length;

    if (packet->flow.protocol != PROTOCOL_UDP || packet_is(packet, PACKET_FRAGMENT | PACKET_LATER_FRAGMENT) ||
        !packet_is(packet, PACKET_CHECKED) || there < UDP_HEADER)
        return span_of(NULL, 0);
    length = load16(datagram + 4);
    return length >= UDP_HEADER && length <= there ? span_of(datagram + UDP_HEADER, length - UDP_HEADER) : span_of(NULL, 0);
}

/* By how much a packet gets longer. */
static int64_t
growth_of(const struct packet_change *changes, unsigned count)
{
    int64_t growth = 0;

    for (unsigned i = 0; i < count; i++)
        growth += (int64_t)changes[i].bytes.length - changes[i].count;
    return growth;
}

static bool
has_room(const struct packet *packet, int64_t growth)
{
    return growth <= 0 || (packet->length + growth <= (int64_t)ip_packet_max(packet->flow.source) &&
                           growth <= (int64_t)packet_tailroom(packet));
}

/* The lengths in both headers; the IPv4 header's checksum covers the one in it. */
static void
mend_lengths(struct packet *packet, int64_t growth)
{
    uint8_t *ip = packet->data, *at = ip + (packet_is(packet, PACKET_IPV6) ? 4 : 2);
    uint8_t *udp = packet->data + packet->transport;
    uint16_t old = load16(at), new = (uint16_t)(old + growth);

    store16(at, new);
    if (!packet_is(packet, PACKET_IPV6))
        mend(ip + 10, old, new);
    store16(udp + 4, (uint16_t)(load16(udp + 4) + growth));
}

/* What the UDP checksum covers and a change of the data changes: the length stands in the pseudo-header as well. */
static uint16_t
data_sum(const struct packet *packet)
{
    struct span data = packet_udp_data(packet);

    return checksum_fold(checksum_add(2 * (data.length + UDP_HEADER), data));
}

bool
packet_change_data(struct packet *packet, const struct packet_change *changes, unsigned count)
{
    int64_t growth = growth_of(changes, count), moved = 0;
    uint8_t *udp = packet->data + packet->transport;
    uint16_t old = data_sum(packet);

    if (!has_room(packet, growth))
        return false;
    for (unsigned i = 0; i < count; i++) {
        const struct packet_change *change = &changes[i];
        uint8_t *at = udp + UDP_HEADER + change->at + moved, *behind = at + change->count;

        memmove(at + change->bytes.length, behind, (size_t)(packet->data + packet->length + moved - behind));
        if (change->bytes.length > 0)
            memcpy(at, change->bytes.bytes, change->bytes.length);
        moved += (int64_t)change->bytes.length - change->count;
    }
    packet->length = (uint32_t)(packet->length + growth);
    mend_lengths(packet, growth);
    mend_udp(udp + 6, old, data_sum(packet));
    return true;
}

/* ---- quotes */

/* Reads the ports of a quoted transport header, of which 8 bytes suffice (RFC 792). */
static bool
read_quoted_transport(struct reader *reader, struct quote *quote)
{
    struct flow *flow = &quote->flow;

    switch (flow->protocol) {
    case PROTOCOL_UDP:
    case PROTOCOL_TCP:
        flow->source_port = reader_u16(reader);
        flow->destination_port = reader_u16(reader);
        reader_skip(reader, 4);
        break;
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMPV6: {
        uint8_t type = reader_u8(reader);
        uint16_t identifier;

        if (!is_of_family(flow->protocol, flow->source))
            break;
        reader_skip(reader, 3);
        identifier = reader_u16(reader);
        reader_skip(reader, 2);
        quote->is_icmp_error = flow->protocol == PROTOCOL_ICMP ? icmp_is_error(type) : icmp6_is_error(type);
        if (icmp_asks(flow->protocol, type))
            flow->source_port = identifier;
        else if (icmp_answers(flow->protocol, type))
            flow->destination_port = identifier;
        break;
    }
    default:
        break;
    }
    return !reader_failed(reader);
}

/* The quoted packet; `reader` stands at its first byte. */
static enum drop_reason
read_quoted_ipv4(struct reader reader, struct quote *quote)
{
    struct span header, source, destination;
    struct reader inner = reader;
    unsigned length = (reader_u8(&inner) & 15u) * 4;
    uint16_t fragment;

    header = reader_span(&reader, length);
    if (reader_failed(&reader) || length < IPV4_HEADER || header.bytes[0] >> 4 != 4)
        return DROP_ICMP_BAD_QUOTE;
    quote->transport = quote->offset + length;
    if (checksum_of(header) != 0)
        return DROP_ICMP_BAD_QUOTE; /* RFC 5508 REQ-3a */
    reader_skip(&inner, 5);
    fragment = reader_u16(&inner);
    reader_skip(&inner, 1);
    quote->flow.protocol = reader_u8(&inner);
    reader_skip(&inner, 2);
    source = reader_span(&inner, 4);
    destination = reader_span(&inner, 4);
    quote->flow.source = address_from_bytes(source.bytes, FAMILY_IPV4);
    quote->flow.destination = address_from_bytes(destination.bytes, FAMILY_IPV4);
    if (fragment & 0x1fff)
        return DROP_ICMP_BAD_QUOTE; /* RFC 1122 section 3.2.2: never about a later fragment */
    return read_quoted_transport(&reader, quote) ? DROP_NONE : DROP_ICMP_BAD_QUOTE;
}

static enum drop_reason
read_quoted_ipv6(struct reader reader, struct quote *quote)
{
    struct reader header = reader;
    struct span source, destination;
    struct ipv6_chain chain;

    if (reader_u8(&header) >> 4 != 6)
        return DROP_ICMP_BAD_QUOTE;
    reader_skip(&header, 7);
    source = reader_span(&header, 16);
    destination = reader_span(&header, 16);
    if (reader_failed(&header) || !ipv6_walk(span_of(reader.at, reader_left(&reader)), &chain))
        return DROP_ICMP_BAD_QUOTE;
    quote->flow.source = address_from_bytes(source.bytes, FAMILY_IPV6);
    quote->flow.destination = address_from_bytes(destination.bytes, FAMILY_IPV6);
    quote->flow.protocol = chain.next;
    quote->transport = quote->offset + chain.end;
    quote->later_fragment = chain.offset > 0;
    if (address_is_ipv4(quote->flow.source) || address_is_ipv4(quote->flow.destination))
        return DROP_ICMP_BAD_QUOTE; /* the IPv4-mapped form stands in no packet */
    if (quote->later_fragment)
        return quote->type == ICMP6_TOO_BIG ? DROP_NONE : DROP_ICMP_BAD_QUOTE;
    reader_skip(&reader, chain.end);
    return read_quoted_transport(&reader, quote) ? DROP_NONE : DROP_ICMP_BAD_QUOTE;
}

enum drop_reason
packet_read_quote(const struct packet *packet, struct quote *quote)
{
    struct span icmp = packet_transport(packet);
    struct reader reader = reader_over(icmp);
    bool ipv6 = packet_is(packet, PACKET_IPV6);
    uint64_t pseudo = ipv6 ? checksum_pseudo(packet->flow.source, packet->flow.destination, PROTOCOL_ICMPV6,
                                             (uint32_t)icmp.length)
                           : 0;

    *quote = (struct quote){ .offset = packet->transport + ICMP_HEADER };
    if (checksum_fold(checksum_add(pseudo, icmp)) != 0xffff)
        return DROP_BAD_CHECKSUM;
    quote->type = reader_u8(&reader);
    quote->code = reader_u8(&reader);
    reader_skip(&reader, 2);
    quote->info = reader_u32(&reader);
    return ipv6 ? read_quoted_ipv6(reader, quote) : read_quoted_ipv4(reader, quote);
}

/* Words within the quote are covered by the ICMP checksum; one changed on an odd offset cannot be, for headers are whole
 * words. The sums before and after are taken over the quoted headers, which is exact and simple. */
static void
rewrite_quote(struct packet *packet, struct quote *quote, enum side side, struct endpoint new)
{
    uint8_t *header = packet->data + quote->offset;
    uint8_t *icmp = packet->data + packet->transport;
    uint32_t length = quote->transport - quote->offset;
    size_t there = packet->length - quote->offset, covered = MIN(there, length + 20u) & ~(size_t)1;
    uint16_t old = checksum_fold(checksum_add(0, span_of(header, covered)));
    struct address *address = side == SOURCE ? &quote->flow.source : &quote->flow.destination;
    uint16_t *port = side == SOURCE ? &quote->flow.source_port : &quote->flow.destination_port;
    bool readable = !quote->later_fragment && is_of_family(quote->flow.protocol, *address);
    uint16_t port_new =
        readable && side_has_port(quote->flow.protocol, header + length, side) ? new.port : *port;

    if (readable)
        rewrite_transport(header + length, there - length, quote->flow.protocol, side, *port, port_new,
                          checksum_address(*address), checksum_address(new.address));
    rewrite_address(header, side, new.address);
    mend(icmp + 2, old, checksum_fold(checksum_add(0, span_of(header, covered))));
    *address = new.address;
    *port = port_new;
}

void
packet_rewrite_quote_source(struct packet *packet, struct quote *quote, struct endpoint source)
{
    rewrite_quote(packet, quote, SOURCE, source);
}

void
packet_rewrite_quote_destination(struct packet *packet, struct quote *quote, struct endpoint destination)
{
    rewrite_quote(packet, quote, DESTINATION, destination);
}
