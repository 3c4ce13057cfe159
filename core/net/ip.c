/* IPv4 headers, and what both families have. RFC 791 has the format, RFC 1122 section 3.2.1 what a host refuses, RFC 1812
 * section 5.2.2 what a router refuses. Only this file, ipv6.c and rewrite.c touch header bytes. */
#include "core/net/ip_private.h"

#include "core/base/cursor.h"
#include "core/net/icmp.h"
#include "core/net/ipv6.h"

enum {
    IPV4_DF = 0x4000,
    IPV4_MF = 0x2000,
    IPV4_OFFSET = 0x1fff,
    OPTION_END = 0,
    OPTION_NOP = 1,
    OPTION_LSRR = 131,
    OPTION_SSRR = 137,
    OPTION_COPIED = 0x80,
};

/* Walks the options (RFC 791 section 3.1): each is one byte, or a type, a length that counts both, and data. */
static enum drop_reason
check_options(struct span options)
{
    struct reader reader = reader_over(options);

    while (reader_left(&reader) > 0) {
        uint8_t type = reader_u8(&reader);
        uint8_t length;

        if (type == OPTION_END)
            return DROP_NONE;
        if (type == OPTION_NOP)
            continue;
        length = reader_u8(&reader);
        if (length < 2)
            return DROP_BAD_OPTION;
        reader_skip(&reader, length - 2u);
        if (reader_failed(&reader))
            return DROP_BAD_OPTION;
        if (type == OPTION_LSRR || type == OPTION_SSRR)
            return DROP_SOURCE_ROUTE;
    }
    return DROP_NONE;
}

bool
ip_addresses_possible(struct address source, struct address destination)
{
    return !address_is_multicast(source) && !address_is_broadcast(source) && !address_is_unspecified(source) &&
           !address_is_loopback(source) && !address_is_unspecified(destination) && !address_is_loopback(destination);
}

/* An ICMP query has its identifier at the end that asked. */
static enum drop_reason
check_icmp(struct packet *packet, struct reader *reader, uint16_t *flags)
{
    bool ipv6 = *flags & PACKET_IPV6;
    uint8_t type = reader_u8(reader);
    uint16_t identifier;

    reader_skip(reader, 3);
    identifier = reader_u16(reader);
    reader_skip(reader, 2);
    if (reader_failed(reader))
        return DROP_BAD_TRANSPORT;
    if (ipv6 ? icmp6_is_error(type) : icmp_is_error(type))
        *flags |= PACKET_ICMP_ERROR;
    else if (icmp_asks(packet->flow.protocol, type))
        packet->flow.source_port = identifier;
    else if (icmp_answers(packet->flow.protocol, type))
        packet->flow.destination_port = identifier;
    return DROP_NONE;
}

enum drop_reason
ip_check_transport(struct packet *packet, uint16_t *flags)
{
    bool ipv6 = *flags & PACKET_IPV6;
    struct flow *flow = &packet->flow;
    struct reader reader = reader_over(packet_transport(packet));
    size_t length = reader_left(&reader);

    switch (flow->protocol) {
    case PROTOCOL_UDP:
        flow->source_port = reader_u16(&reader);
        flow->destination_port = reader_u16(&reader);
        {
            uint16_t udp_length = reader_u16(&reader);

            reader_skip(&reader, 2);
            if (reader_failed(&reader) || udp_length < UDP_HEADER)
                return DROP_BAD_TRANSPORT;
            if (!(*flags & PACKET_FRAGMENT) && udp_length > length)
                return DROP_BAD_TRANSPORT;
        }
        return DROP_NONE;
    case PROTOCOL_TCP:
        flow->source_port = reader_u16(&reader);
        flow->destination_port = reader_u16(&reader);
        /* RFC 791 lets a first fragment end after 8 bytes, RFC 7112 section 5 does not */
        reader_skip(&reader, *flags & PACKET_FRAGMENT && !ipv6 ? 4 : 16);
        return reader_failed(&reader) ? DROP_BAD_TRANSPORT : DROP_NONE;
    case PROTOCOL_ICMP:
        return ipv6 ? DROP_NONE : check_icmp(packet, &reader, flags); /* each family has its own */
    case PROTOCOL_ICMPV6:
        return ipv6 ? check_icmp(packet, &reader, flags) : DROP_NONE;
    default:
        return DROP_NONE;
    }
}

static enum drop_reason
check_ipv4(struct packet *packet)
{
    struct reader reader = reader_over(packet_span(packet));
    uint8_t version_length = reader_u8(&reader);
    uint8_t tos = reader_u8(&reader);
    uint16_t total = reader_u16(&reader);
    uint16_t fragment;
    uint8_t ttl, protocol;
    uint16_t flags = PACKET_CHECKED;
    struct span source, destination;
    unsigned header = (version_length & 15u) * 4;
    enum drop_reason reason;

    reader_skip(&reader, 2);
    fragment = reader_u16(&reader);
    ttl = reader_u8(&reader);
    protocol = reader_u8(&reader);
    reader_skip(&reader, 2);
    source = reader_span(&reader, 4);
    destination = reader_span(&reader, 4);
    if (reader_failed(&reader) || header < IPV4_HEADER || header > total || total > packet->length)
        return DROP_BAD_HEADER;
    if (checksum_of(span_of(packet->data, header)) != 0)
        return DROP_BAD_CHECKSUM;
    if (header > IPV4_HEADER) {
        reason = check_options(span_of(packet->data + IPV4_HEADER, header - IPV4_HEADER));
        if (reason != DROP_NONE)
            return reason;
        flags |= PACKET_OPTIONS;
    }

    packet->flow = (struct flow){
        .source = address_from_bytes(source.bytes, FAMILY_IPV4),
        .destination = address_from_bytes(destination.bytes, FAMILY_IPV4),
        .protocol = protocol,
    };
    if (!ip_addresses_possible(packet->flow.source, packet->flow.destination))
        return DROP_BAD_ADDRESS;

    packet->length = total; /* what came behind is padding of some link */
    packet->transport = (uint16_t)header;
    packet->ttl = ttl;
    packet->tos = tos;
    if (fragment & IPV4_DF)
        flags |= PACKET_DONT_FRAGMENT;
    if (fragment & (IPV4_MF | IPV4_OFFSET)) {
        uint32_t payload = total - header, end = (fragment & IPV4_OFFSET) * 8u + payload;

        if (payload == 0 || ((fragment & IPV4_MF) && payload % 8 != 0) || end + header > PACKET_MAX)
            return DROP_BAD_HEADER;
        flags |= PACKET_FRAGMENT;
    }
    if (fragment & IPV4_OFFSET)
        flags |= PACKET_LATER_FRAGMENT;
    else if ((reason = ip_check_transport(packet, &flags)) != DROP_NONE)
        return reason;

    packet->flags = (packet->flags & (PACKET_TRANSLATED | PACKET_FROM_INSIDE)) | flags;
    return DROP_NONE;
}

enum drop_reason
ip_check_headers(struct packet *packet)
{
    if (packet_is(packet, PACKET_CHECKED))
        return DROP_NONE;
    packet->flow = (struct flow){ .protocol = 0 };
    packet->ttl = 0;
    if (packet->length < 1)
        return DROP_BAD_HEADER;
    switch (packet->data[0] >> 4) {
    case 4:
        return check_ipv4(packet);
    case 6:
        return ipv6_check(packet);
    default:
        return DROP_BAD_HEADER;
    }
}

bool
ip_transport_checksum_ok(const struct packet *packet)
{
    struct span bytes = packet_transport(packet);
    const struct flow *flow = &packet->flow;
    struct reader reader = reader_over(bytes);

    if (packet_is(packet, PACKET_SUM_GOOD))
        return true;
    switch (flow->protocol) {
    case PROTOCOL_UDP: {
        uint16_t length, checksum;

        reader_skip(&reader, 4);
        length = reader_u16(&reader);
        checksum = reader_u16(&reader);
        if (reader_failed(&reader) || length > bytes.length)
            return false;
        if (checksum == 0)
            return !packet_is(packet, PACKET_IPV6); /* RFC 768: the sender made none */
        return checksum_fold(checksum_add(checksum_pseudo(flow->source, flow->destination, PROTOCOL_UDP, length),
                                          span_of(bytes.bytes, length))) == 0xffff;
    }
    case PROTOCOL_TCP:
        return checksum_fold(checksum_add(checksum_pseudo(flow->source, flow->destination, PROTOCOL_TCP,
                                                          (uint32_t)bytes.length),
                                          bytes)) == 0xffff;
    case PROTOCOL_ICMP:
        return packet_is(packet, PACKET_IPV6) || checksum_of(bytes) == 0;
    case PROTOCOL_ICMPV6: /* RFC 4443 section 2.3: it has a pseudo-header */
        return !packet_is(packet, PACKET_IPV6) ||
               checksum_fold(checksum_add(checksum_pseudo(flow->source, flow->destination, PROTOCOL_ICMPV6,
                                                          (uint32_t)bytes.length),
                                          bytes)) == 0xffff;
    default:
        return true;
    }
}

bool
ip_lacks_checksum(const struct packet *packet)
{
    struct reader reader = reader_over(packet_transport(packet));

    reader_skip(&reader, 6);
    return packet_is(packet, PACKET_IPV6) && packet->flow.protocol == PROTOCOL_UDP && reader_u16(&reader) == 0 &&
           !reader_failed(&reader);
}

/* Of a packet whose transport header this node has made, and so knows to be good. */
static void
read_ports(struct packet *packet)
{
    const uint8_t *transport = packet->data + packet->transport;
    struct flow *flow = &packet->flow;

    if (flow->protocol == PROTOCOL_UDP || flow->protocol == PROTOCOL_TCP) {
        flow->source_port = (uint16_t)(transport[0] << 8 | transport[1]);
        flow->destination_port = (uint16_t)(transport[2] << 8 | transport[3]);
    } else if (ip_check_transport(packet, &packet->flags) != DROP_NONE) {
        g_assert_not_reached();
    }
}

static void
write_ipv4(struct packet *packet, const struct ip_template *header)
{
    struct address source = header->source, destination = header->destination;
    uint16_t fragment = header->dont_fragment ? IPV4_DF : 0;
    struct writer writer;
    uint64_t words;

    g_assert(packet->data - packet->buffer >= IPV4_HEADER && packet->length + IPV4_HEADER <= PACKET_MAX);
    packet->data -= IPV4_HEADER;
    packet->length += IPV4_HEADER;
    words = 0x4500u + header->tos + packet->length + header->identification + fragment +
            (uint16_t)(header->ttl << 8 | header->protocol) + checksum_ipv4(address_to_ipv4(source)) +
            checksum_ipv4(address_to_ipv4(destination));

    writer = writer_over(packet->data, IPV4_HEADER);
    writer_u16(&writer, 0x4500 | header->tos);
    writer_u16(&writer, (uint16_t)packet->length);
    writer_u16(&writer, header->identification);
    writer_u16(&writer, fragment);
    writer_u8(&writer, header->ttl);
    writer_u8(&writer, header->protocol);
    writer_u16(&writer, (uint16_t)~checksum_fold(words));
    writer_u32(&writer, address_to_ipv4(source));
    writer_u32(&writer, address_to_ipv4(destination));
}

void
ip_build(struct packet *packet, const struct ip_template *header)
{
    bool ipv4 = address_is_ipv4(header->source);

    if (G_LIKELY(ipv4))
        write_ipv4(packet, header);
    else
        ipv6_write(packet, header);
    packet->transport = ipv4 ? IPV4_HEADER : IPV6_HEADER;
    packet->ttl = header->ttl;
    packet->tos = header->tos;
    packet->flags = PACKET_CHECKED | PACKET_SUM_GOOD | (ipv4 ? 0 : PACKET_IPV6) |
                    (header->dont_fragment ? PACKET_DONT_FRAGMENT : 0);
    packet->flow = (struct flow){ .source = header->source, .destination = header->destination,
                                  .protocol = header->protocol };
    read_ports(packet);
}

/* The options that go into every fragment (RFC 791 section 3.1, "copied"), padded to whole words. Returns the length. */
static unsigned
copied_options(struct span options, uint8_t out[40])
{
    struct reader reader = reader_over(options);
    unsigned length = 0;

    while (reader_left(&reader) > 0 && reader.at[0] != OPTION_END) {
        unsigned size = reader.at[0] == OPTION_NOP ? 1 : reader_left(&reader) > 1 ? reader.at[1] : 1;
        struct span option = reader_span(&reader, size);

        if (option.length > 1 && (option.bytes[0] & OPTION_COPIED)) {
            memcpy(out + length, option.bytes, option.length);
            length += (unsigned)option.length;
        }
    }
    while (length % 4 != 0)
        out[length++] = OPTION_END;
    return length;
}

/* Gives a fragment its length, offset and checksum, and lets the header check read the rest. */
static void
finish_fragment(struct packet *piece, unsigned header, uint16_t offset_flags)
{
    struct writer writer = writer_over(piece->data, header);
    uint16_t checksum;

    writer_u8(&writer, (uint8_t)(0x40 | header / 4));
    writer_room(&writer, 1);
    writer_u16(&writer, (uint16_t)piece->length);
    writer_room(&writer, 2);
    writer_u16(&writer, offset_flags);
    writer_room(&writer, 2);
    writer_u16(&writer, 0);
    checksum = checksum_of(span_of(piece->data, header));
    writer_patch_u16(&writer, 10, checksum);
    piece->flags &= (uint16_t)~(PACKET_CHECKED | PACKET_SUM_GOOD);
    if (ip_check_headers(piece) != DROP_NONE)
        g_assert_not_reached();
}

void
ip_fragment(struct world *world, struct packet *packet, uint32_t mtu, struct packet_list *out)
{
    unsigned header = packet->transport, more_header;
    uint8_t options[40];
    struct span payload = packet_transport(packet);
    struct reader fields = reader_over(span_of(packet->data + 6, 2));
    uint16_t original = reader_u16(&fields);
    uint32_t done = (mtu - header) / 8 * 8;
    struct packet *first = packet;

    g_assert(mtu >= 68 && payload.length > done); /* RFC 791: every link carries 68 bytes */
    more_header = IPV4_HEADER + copied_options(span_of(packet->data + IPV4_HEADER, header - IPV4_HEADER), options);
    packet_list_push(out, first);
    while (done < payload.length) {
        uint32_t room = (mtu - more_header) / 8 * 8;
        uint32_t size = (uint32_t)MIN(room, payload.length - done);
        bool last = done + size == payload.length;
        struct packet *piece = packet_new(world, more_header + size);
        uint16_t offset = (uint16_t)((original & IPV4_OFFSET) + done / 8);

        memcpy(piece->data, first->data, IPV4_HEADER);
        memcpy(piece->data + IPV4_HEADER, options, more_header - IPV4_HEADER);
        memcpy(piece->data + more_header, payload.bytes + done, size);
        piece->name = first->name;
        piece->cause = first->cause;
        piece->in = first->in;
        finish_fragment(piece, more_header, (uint16_t)(offset | (last ? original & IPV4_MF : IPV4_MF)));
        packet_list_push(out, piece);
        done += size;
    }
    first->length = header + (mtu - header) / 8 * 8;
    finish_fragment(first, header, (uint16_t)(original | IPV4_MF));
}
