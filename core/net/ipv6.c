/* IPv6 headers. RFC 8200 has the format. Only this file, ip.c and rewrite.c touch header bytes. */
#include "core/net/ipv6.h"

#include "core/base/cursor.h"
#include "core/net/ip_private.h"
#include "core/net/net.h"

enum { NEXT_HEADER_AT = 6, OFFSET_MASK = 0xfff8, MORE = 1 };

/* --- the chain -------------------------------------------------------------------------------------------------- */

static bool
is_extension(const struct ipv6_chain *chain)
{
    if (chain->fragment && chain->offset > 0)
        return false; /* what follows is somewhere in the datagram */
    switch (chain->next) {
    case IPV6_HOP_BY_HOP:
        return chain->end == IPV6_HEADER; /* elsewhere it is a header that nobody knows (RFC 8200 section 4) */
    case IPV6_ROUTING:
    case IPV6_FRAGMENT:
    case IPV6_DESTINATION:
        return true;
    default:
        return false;
    }
}

/* One extension header; `reader` stands behind its length. Returns its size, 0 when it can't stand here. */
static uint32_t
read_extension(struct reader *reader, struct ipv6_chain *chain, uint8_t length)
{
    uint32_t size = (length + 1u) * 8;
    uint16_t word;

    if (chain->next != IPV6_FRAGMENT) {
        reader_skip(reader, size - 2);
        return size;
    }
    if (chain->fragment)
        return 0;
    word = reader_u16(reader);
    chain->identification = reader_u32(reader);
    chain->offset = word & OFFSET_MASK;
    chain->more = word & MORE;
    chain->fragment = chain->end;
    chain->fragment_at = chain->next_at;
    return IPV6_FRAGMENT_HEADER;
}

bool
ipv6_walk(struct span packet, struct ipv6_chain *chain)
{
    struct reader reader = reader_over(packet);

    reader_skip(&reader, NEXT_HEADER_AT);
    *chain = (struct ipv6_chain){ .next = reader_u8(&reader), .next_at = NEXT_HEADER_AT, .end = IPV6_HEADER,
                                  .split = IPV6_HEADER, .split_at = NEXT_HEADER_AT };
    reader_skip(&reader, IPV6_HEADER - NEXT_HEADER_AT - 1);
    for (unsigned count = 0; is_extension(chain); count++) {
        uint8_t next = reader_u8(&reader), length = reader_u8(&reader);
        uint32_t size = read_extension(&reader, chain, length);

        if (count == IPV6_EXTENSIONS_MAX || size == 0 || reader_failed(&reader))
            return false;
        if (chain->next == IPV6_HOP_BY_HOP || chain->next == IPV6_ROUTING) {
            chain->split = chain->end + size;
            chain->split_at = chain->end;
        }
        chain->next = next;
        chain->next_at = chain->end;
        chain->end += size;
    }
    return !reader_failed(&reader);
}

/* --- checking --------------------------------------------------------------------------------------------------- */

/* An IPv4 address in its IPv6 form is for the inside of a host (RFC 4291 section 2.5.5.2), and what is for the interface
 * alone never leaves it (section 2.7). */
static bool
may_travel(struct address source, struct address destination)
{
    bool near = address_is_for_all(destination) && (destination.high >> 48 & 15) <= 1;

    return !near && !address_is_ipv4(source) && !address_is_ipv4(destination) &&
           ip_addresses_possible(source, destination);
}

enum drop_reason
ipv6_check(struct packet *packet)
{
    struct reader reader = reader_over(packet_span(packet));
    uint32_t version_class = reader_u32(&reader);
    uint32_t total = IPV6_HEADER + reader_u16(&reader);
    uint16_t flags = PACKET_CHECKED | PACKET_IPV6;
    struct span source, destination;
    struct ipv6_chain chain;
    enum drop_reason reason;
    uint8_t ttl;

    reader_skip(&reader, 1);
    ttl = reader_u8(&reader);
    source = reader_span(&reader, 16);
    destination = reader_span(&reader, 16);
    if (reader_failed(&reader) || total > packet->length)
        return DROP_BAD_HEADER;
    packet->flow.source = address_from_bytes(source.bytes, FAMILY_IPV6);
    packet->flow.destination = address_from_bytes(destination.bytes, FAMILY_IPV6);
    if (!may_travel(packet->flow.source, packet->flow.destination))
        return DROP_BAD_ADDRESS;
    if (!ipv6_walk(span_of(packet->data, total), &chain))
        return DROP_BAD_EXTENSION;

    packet->flow.protocol = chain.next;
    packet->length = total;
    packet->transport = (uint16_t)chain.end;
    packet->ttl = ttl;
    packet->tos = (uint8_t)(version_class >> 20);
    if (chain.end > IPV6_HEADER)
        flags |= PACKET_OPTIONS;
    if (chain.offset > 0 || chain.more) /* one that is the whole is no fragment (RFC 6946) */
        flags |= PACKET_FRAGMENT;
    if (chain.offset > 0)
        flags |= PACKET_LATER_FRAGMENT;
    else if ((reason = ip_check_transport(packet, &flags)) != DROP_NONE)
        return reason;

    packet->flags = (packet->flags & (PACKET_TRANSLATED | PACKET_FROM_INSIDE | PACKET_CUT)) | flags;
    return DROP_NONE;
}

/* --- building --------------------------------------------------------------------------------------------------- */

static void
write_address(struct writer *writer, struct address address)
{
    writer_u64(writer, address.high);
    writer_u64(writer, address.low);
}

void
ipv6_write(struct packet *packet, const struct ip_template *header)
{
    struct writer writer;
    uint32_t payload = packet->length;

    g_assert(packet->data - packet->buffer >= IPV6_HEADER && payload <= PACKET_MAX);
    packet->data -= IPV6_HEADER;
    packet->length += IPV6_HEADER;
    writer = writer_over(packet->data, IPV6_HEADER);
    writer_u32(&writer, UINT32_C(6) << 28 | (uint32_t)header->tos << 20);
    writer_u16(&writer, (uint16_t)payload);
    writer_u8(&writer, header->protocol);
    writer_u8(&writer, header->ttl);
    write_address(&writer, header->source);
    write_address(&writer, header->destination);
}

/* --- fragmenting ------------------------------------------------------------------------------------------------ */

/* Writes the headers of one fragment in front of what it carries; `shared` is what all have in common. */
static void
write_fragment(struct packet *piece, struct span shared, const struct ipv6_chain *chain, uint8_t next,
               uint16_t offset_flags, uint32_t identification)
{
    struct writer writer = writer_over(piece->data, shared.length + IPV6_FRAGMENT_HEADER);

    memmove(writer_room(&writer, shared.length), shared.bytes, shared.length);
    writer_u8(&writer, next);
    writer_u8(&writer, 0);
    writer_u16(&writer, offset_flags);
    writer_u32(&writer, identification);
    writer_patch_u16(&writer, 4, (uint16_t)(piece->length - IPV6_HEADER));
    piece->data[chain->split_at] = IPV6_FRAGMENT;
    piece->flags &= (uint16_t)~(PACKET_CHECKED | PACKET_SUM_GOOD | PACKET_CUT);
    if (ip_check_headers(piece) != DROP_NONE)
        g_assert_not_reached(); /* nothing got shorter than its chain: who asks for pieces this small had such ones */
}

void
ipv6_fragment(struct world *world, struct packet *packet, uint32_t size, uint32_t identification,
              struct packet_list *out)
{
    struct packet *first = packet;
    struct ipv6_chain chain;
    uint32_t header, room, done;
    struct span payload, shared;
    uint8_t next;

    if (!ipv6_walk(packet_span(packet), &chain))
        g_assert_not_reached(); /* it has been checked */
    header = chain.split + IPV6_FRAGMENT_HEADER;
    g_assert(size >= header + 8 && packet->length > size);
    room = (size - header) / 8 * 8;
    payload = span_of(packet->data + chain.split, packet->length - chain.split);
    shared = span_of(packet->data, chain.split);
    next = packet->data[chain.split_at];

    packet_list_push(out, first);
    for (done = room; done < payload.length; done += room) {
        uint32_t length = (uint32_t)MIN(room, payload.length - done);
        bool last = done + length == payload.length;
        struct packet *piece = packet_new(world, header + length);

        memcpy(piece->data + header, payload.bytes + done, length);
        piece->name = first->name;
        piece->cause = first->cause;
        piece->in = first->in;
        write_fragment(piece, shared, &chain, next, (uint16_t)(done | (last ? 0 : MORE)), identification);
        packet_list_push(out, piece);
    }
    g_assert(first->data - first->buffer >= IPV6_FRAGMENT_HEADER);
    first->data -= IPV6_FRAGMENT_HEADER;
    first->length = header + room;
    write_fragment(first, shared, &chain, next, MORE, identification);
}
