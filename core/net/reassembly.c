/* Reassembly. Each datagram keeps its fragments in order of offset; a fragment that would overlap a neighbour ends them
 * all. The whole is built once, when no byte is missing. */
#include "core/net/reassembly.h"

#include "core/base/cursor.h"
#include "core/net/checksum.h"
#include "core/net/icmp.h"
#include "core/net/ipv6.h"

struct datagram {
    struct event deadline; /* first: an event is its datagram */
    struct reassembly *owner;
    struct datagram *next, *previous; /* in order of their first fragment's arrival */
    struct address source, destination;
    uint32_t identification;
    uint8_t protocol;                 /* IPv4's key has it, IPv6's has not */
    uint16_t largest;                 /* bytes of the largest fragment */
    struct packet_list fragments;     /* in order of offset */
    uint32_t received;                /* bytes of payload */
    uint32_t total;                   /* known once the last fragment came; else 0 */
};

struct reassembly {
    struct node *node;
    struct datagram *oldest, *newest;
    struct datagram *spare; /* ended, to be used again: no fragment costs the heap anything in the long run */
    uint32_t count, bytes;
};

struct piece {
    uint32_t offset, length; /* of the payload */
    uint32_t from;           /* where that begins in the packet */
    bool last;
    uint32_t identification;
};

/* What the fragments of an IPv6 packet carry begins behind the fragment header, extension headers included. */
static struct piece
read_piece_ipv6(const struct packet *packet)
{
    struct ipv6_chain chain;
    uint32_t from;

    if (!ipv6_walk(packet_span(packet), &chain))
        g_assert_not_reached(); /* it has been checked */
    from = chain.fragment + IPV6_FRAGMENT_HEADER;
    return (struct piece){ chain.offset, packet->length - from, from, !chain.more, chain.identification };
}

static struct piece
read_piece(const struct packet *packet)
{
    struct reader reader = reader_over(packet_span(packet));
    struct piece piece;
    uint16_t word;

    if (packet_is(packet, PACKET_IPV6))
        return read_piece_ipv6(packet);
    reader_skip(&reader, 4);
    piece.identification = reader_u16(&reader);
    word = reader_u16(&reader);
    piece.offset = (word & 0x1fffu) * 8;
    piece.length = packet->length - packet->transport;
    piece.from = packet->transport;
    piece.last = !(word & 0x2000);
    return piece;
}

struct reassembly *
reassembly_new(struct node *node)
{
    struct reassembly *reassembly = g_new0(struct reassembly, 1);

    reassembly->node = node;
    return reassembly;
}

/* Takes a datagram out; its fragments must have gone. */
static void
forget(struct datagram *datagram)
{
    struct reassembly *reassembly = datagram->owner;

    if (datagram->previous)
        datagram->previous->next = datagram->next;
    else
        reassembly->oldest = datagram->next;
    if (datagram->next)
        datagram->next->previous = datagram->previous;
    else
        reassembly->newest = datagram->previous;
    reassembly->count--;
    world_cancel(reassembly->node->world, &datagram->deadline);
    datagram->next = reassembly->spare;
    reassembly->spare = datagram;
}

static void
drop_all(struct datagram *datagram, enum drop_reason reason)
{
    struct reassembly *reassembly = datagram->owner;
    struct packet *packet;

    while ((packet = packet_list_pop(&datagram->fragments))) {
        reassembly->bytes -= packet->length;
        packet_drop(reassembly->node, packet, reason);
    }
    forget(datagram);
}

static void
time_out(struct event *event)
{
    struct datagram *datagram = (struct datagram *)event;
    struct packet *first = datagram->fragments.first;

    if (first && !packet_is(first, PACKET_LATER_FRAGMENT)) {
        packet_list_remove(&datagram->fragments, first);
        datagram->owner->bytes -= first->length;
        icmp_refuse(datagram->owner->node, first, DROP_FRAGMENT_TIMEOUT, ICMP_TIME_EXCEEDED, 1, 0);
    }
    drop_all(datagram, DROP_FRAGMENT_TIMEOUT);
}

void
reassembly_clear(struct reassembly *reassembly)
{
    while (reassembly->oldest)
        drop_all(reassembly->oldest, DROP_NODE_DOWN);
}

void
reassembly_free(struct reassembly *reassembly)
{
    struct datagram *spare;

    if (!reassembly)
        return;
    while (reassembly->oldest) {
        struct packet *packet;

        while ((packet = packet_list_pop(&reassembly->oldest->fragments)))
            ; /* they go with the world's slabs */
        forget(reassembly->oldest);
    }
    while ((spare = reassembly->spare)) {
        reassembly->spare = spare->next;
        g_free(spare);
    }
    g_free(reassembly);
}

static struct datagram *
find_datagram(const struct reassembly *reassembly, const struct packet *packet, uint32_t identification)
{
    bool ipv6 = packet_is(packet, PACKET_IPV6);
    struct datagram *datagram;

    for (datagram = reassembly->newest; datagram; datagram = datagram->previous)
        if (datagram->identification == identification && (ipv6 || datagram->protocol == packet->flow.protocol) &&
            address_equal(datagram->source, packet->flow.source) &&
            address_equal(datagram->destination, packet->flow.destination))
            return datagram;
    return NULL;
}

static struct datagram *
take_spare(struct reassembly *reassembly)
{
    struct datagram *datagram = reassembly->spare;

    if (!datagram)
        return g_new(struct datagram, 1);
    reassembly->spare = datagram->next;
    return datagram;
}

static struct datagram *
begin_datagram(struct reassembly *reassembly, const struct packet *packet, uint32_t identification)
{
    int64_t time = packet_is(packet, PACKET_IPV6) ? REASSEMBLY_TIME_IPV6 : REASSEMBLY_TIME;
    struct world *world = reassembly->node->world;
    struct datagram *datagram = take_spare(reassembly);

    *datagram = (struct datagram){
        .deadline = { .fire = time_out },
        .owner = reassembly,
        .previous = reassembly->newest,
        .source = packet->flow.source,
        .destination = packet->flow.destination,
        .identification = identification,
        .protocol = packet->flow.protocol,
    };
    if (reassembly->newest)
        reassembly->newest->next = datagram;
    else
        reassembly->oldest = datagram;
    reassembly->newest = datagram;
    reassembly->count++;
    world_schedule(world, &datagram->deadline, world->now + time);
    return datagram;
}

static void
make_room(struct reassembly *reassembly, const struct packet *packet, const struct datagram *keep)
{
    while (reassembly->oldest && (reassembly->count > REASSEMBLY_DATAGRAMS ||
                                  reassembly->bytes + packet->length > REASSEMBLY_BYTES)) {
        struct datagram *victim = reassembly->oldest == keep ? keep->next : reassembly->oldest;

        if (!victim)
            return;
        drop_all(victim, DROP_FRAGMENT_LIMIT);
    }
}

static struct span
carried(const struct packet *packet, const struct piece *piece)
{
    return span_of(packet->data + piece->from, piece->length);
}

enum fit { FITS, DUPLICATE, OVERLAPS };

/* Finds the fragment behind which `fragment` belongs (NULL: it is the first), and whether it fits there. */
static enum fit
find_place(const struct datagram *datagram, const struct packet *fragment, const struct piece *piece,
           struct packet **behind)
{
    uint32_t end = piece->offset + piece->length;

    *behind = NULL;
    if (datagram->total && (end > datagram->total || (piece->last && end != datagram->total)))
        return OVERLAPS;
    for (struct packet *packet = datagram->fragments.first; packet; packet = packet->next) {
        struct piece other = read_piece(packet);

        if (other.offset == piece->offset && other.last == piece->last &&
            span_equal(carried(packet, &other), carried(fragment, piece)))
            return DUPLICATE;
        if (piece->last && other.offset + other.length > end)
            return OVERLAPS;
        if (other.offset + other.length <= piece->offset)
            *behind = packet;
        else if (other.offset < end)
            return OVERLAPS;
        else
            break;
    }
    return FITS;
}

static void
insert_behind(struct packet_list *list, struct packet *packet, struct packet *behind)
{
    packet->previous = behind;
    packet->next = behind ? behind->next : list->first;
    if (packet->next)
        packet->next->previous = packet;
    else
        list->last = packet;
    if (behind)
        behind->next = packet;
    else
        list->first = packet;
}

/* What of the first fragment stands before the payload of the whole. */
static uint32_t
header_length(const struct packet *first)
{
    return packet_is(first, PACKET_IPV6) ? read_piece(first).from - IPV6_FRAGMENT_HEADER : first->transport;
}

/* Mends the header of the whole, which is that of the first fragment: its length, and no fragment header in the chain
 * (RFC 8200 section 4.5). */
static void
mend_header_ipv6(struct packet *whole, const struct packet *first)
{
    struct ipv6_chain chain;
    struct writer writer = writer_over(whole->data, IPV6_HEADER);

    if (!ipv6_walk(packet_span(first), &chain))
        g_assert_not_reached(); /* it has been checked */
    whole->data[chain.fragment_at] = first->data[chain.fragment];
    writer_room(&writer, IPV6_HEADER);
    writer_patch_u16(&writer, 4, (uint16_t)(whole->length - IPV6_HEADER));
}

/* Its length, and no offset. */
static void
mend_header_ipv4(struct packet *whole, unsigned header)
{
    struct writer writer = writer_over(whole->data, header);
    uint16_t flags = (uint16_t)(whole->data[6] << 8) & 0x4000;

    writer_room(&writer, 2);
    writer_u16(&writer, (uint16_t)whole->length);
    writer_room(&writer, 2);
    writer_u16(&writer, flags);
    writer_room(&writer, 2);
    writer_u16(&writer, 0);
    writer_patch_u16(&writer, 10, checksum_of(span_of(whole->data, header)));
}

/* Puts the pieces together. The fragments count as delivered; the whole takes the place of the first. */
static struct packet *
build_whole(struct datagram *datagram)
{
    struct reassembly *reassembly = datagram->owner;
    struct node *node = reassembly->node;
    struct packet *first = datagram->fragments.first, *packet, *whole;
    bool ipv6 = packet_is(first, PACKET_IPV6);
    uint32_t header = header_length(first);
    enum drop_reason reason;

    whole = packet_new(node->world, header + datagram->total);
    whole->name = first->name;
    whole->cause = first->cause;
    whole->in = first->in;
    memcpy(whole->data, first->data, header);
    if (ipv6)
        mend_header_ipv6(whole, first);
    else
        mend_header_ipv4(whole, header);
    whole->fragment_size = datagram->largest;
    whole->flags = ipv6 ? PACKET_CUT : 0;
    while ((packet = packet_list_pop(&datagram->fragments))) {
        struct piece piece = read_piece(packet);

        memcpy(whole->data + header + piece.offset, packet->data + piece.from, piece.length);
        reassembly->bytes -= packet->length;
        packet_deliver(node->world, packet);
    }
    forget(datagram);
    reason = ip_check(whole);
    if (reason == DROP_NONE && packet_is(whole, PACKET_FRAGMENT))
        reason = DROP_FRAGMENT_BAD; /* a fragment header within the fragments */
    if (reason != DROP_NONE) {
        packet_drop(node, whole, reason);
        return NULL;
    }
    return whole;
}

/* Whether the header of the first fragment leaves room for the payload: IPv4's counts among what a packet can hold, as do
 * the extension headers of IPv6. */
static bool
fits_packet(const struct datagram *datagram)
{
    const struct packet *first = datagram->fragments.first;

    return header_length(first) + datagram->total <= ip_packet_max(first->flow.source);
}

/* What IPv4's header check has looked at already (RFC 8200 section 4.5): pieces are whole words but for the last, and the
 * datagram is no larger than can be. False when the fragment has been ended, its sender told. */
static bool
accept_piece_ipv6(struct node *node, struct packet *fragment, const struct piece *piece)
{
    uint32_t before = piece->from - IPV6_FRAGMENT_HEADER - IPV6_HEADER;

    if (piece->length == 0) {
        packet_drop(node, fragment, DROP_FRAGMENT_BAD);
        return false;
    }
    if (!piece->last && piece->length % 8 != 0) {
        icmp6_refuse_parameter(node, fragment, DROP_FRAGMENT_BAD, ICMP6_BAD_FIELD, 4, false);
        return false;
    }
    if (before + piece->offset + piece->length > PACKET_MAX) {
        icmp6_refuse_parameter(node, fragment, DROP_FRAGMENT_BAD, ICMP6_BAD_FIELD,
                               piece->from - IPV6_FRAGMENT_HEADER + 2, false);
        return false;
    }
    return true;
}

struct packet *
reassembly_add(struct reassembly *reassembly, struct packet *fragment)
{
    struct node *node = reassembly->node;
    struct piece piece = read_piece(fragment);
    struct datagram *datagram;
    struct packet *behind;

    if (packet_is(fragment, PACKET_IPV6) && !accept_piece_ipv6(node, fragment, &piece))
        return NULL;
    datagram = find_datagram(reassembly, fragment, piece.identification);
    if (!datagram)
        datagram = begin_datagram(reassembly, fragment, piece.identification);
    make_room(reassembly, fragment, datagram);
    switch (find_place(datagram, fragment, &piece, &behind)) {
    case DUPLICATE:
        packet_drop(node, fragment, DROP_FRAGMENT_DUPLICATE);
        return NULL;
    case OVERLAPS:
        packet_drop(node, fragment, DROP_FRAGMENT_OVERLAP);
        drop_all(datagram, DROP_FRAGMENT_OVERLAP);
        return NULL;
    case FITS:
        break;
    }
    if (node->fragments == NODE_FRAGMENTS_IN_ORDER && piece.offset != datagram->received) {
        packet_drop(node, fragment, DROP_FRAGMENT_ORDER);
        return NULL;
    }
    insert_behind(&datagram->fragments, fragment, behind);
    reassembly->bytes += fragment->length;
    datagram->received += piece.length;
    datagram->largest = (uint16_t)MAX(datagram->largest, MIN(fragment->length, UINT16_MAX));
    if (piece.last)
        datagram->total = piece.offset + piece.length;
    if (!datagram->total || datagram->received < datagram->total)
        return NULL;
    if (!fits_packet(datagram)) {
        drop_all(datagram, DROP_FRAGMENT_BAD);
        return NULL;
    }
    return build_whole(datagram);
}
