/* Rewriting TCP segments in place: the numbers in the header, the options that hold some, and the data. */
#include "core/net/checksum.h"
#include "core/base/cursor.h"
#include "core/net/ip.h"
#include "core/net/net.h"
#include "core/net/rewrite.h"

enum { OPTION_END = 0, OPTION_NOP = 1, OPTION_SACK = 5, OPTION_TIMESTAMPS = 8, SACK_BLOCK = 8, CHECKSUM_AT = 16 };

/* The blocks that are left of a SACK option with room for `room` of them; what is free now is filled up. */
static void
write_sack(struct writer *writer, const struct tcp_segment *segment, size_t room)
{
    size_t count = MIN(segment->sack_count, room);

    if (count > 0) {
        writer_u8(writer, OPTION_SACK);
        writer_u8(writer, (uint8_t)(2 + count * SACK_BLOCK));
    }
    for (size_t i = 0; i < count; i++) {
        writer_u32(writer, segment->sack[i].left);
        writer_u32(writer, segment->sack[i].right);
    }
    for (size_t left = (room - count) * SACK_BLOCK + (count > 0 ? 0 : 2); left > 0; left--)
        writer_u8(writer, OPTION_NOP);
}

/* Writes options over themselves; those without numbers stay. They have been read before, so they are well-formed. */
static void
rewrite_options(uint8_t *options, size_t length, const struct tcp_segment *segment)
{
    struct reader reader = reader_over(span_of(options, length));

    while (reader_left(&reader) > 0) {
        size_t at = length - reader_left(&reader);
        uint8_t kind = reader_u8(&reader), size;
        struct writer writer = writer_over(options + at, length - at);

        if (kind == OPTION_END)
            return;
        if (kind == OPTION_NOP)
            continue;
        size = reader_u8(&reader);
        if (reader_failed(&reader) || size < 2 || size - 2u > reader_left(&reader))
            return;
        reader_skip(&reader, size - 2u);
        if (kind == OPTION_SACK) {
            write_sack(&writer, segment, (size - 2u) / SACK_BLOCK);
        } else if (kind == OPTION_TIMESTAMPS && size == 10) {
            writer_room(&writer, 2);
            writer_u32(&writer, segment->timestamp);
            writer_u32(&writer, segment->echo);
        }
    }
}

static void
rewrite_header(uint8_t *header, size_t length, const struct tcp_segment *segment)
{
    struct writer writer = writer_over(header, length);

    writer_room(&writer, 4); /* the ports */
    writer_u32(&writer, segment->seq);
    writer_u32(&writer, segment->ack);
    writer_room(&writer, 1);
    writer_u8(&writer, segment->flags);
    writer_u16(&writer, segment->window);
    writer_u16(&writer, 0); /* the checksum */
    writer_u16(&writer, segment->urgent);
    rewrite_options(header + TCP_HEADER, length - TCP_HEADER, segment);
}

/* The length in the IP header, and its checksum where it has one. */
static void
rewrite_length(struct packet *packet)
{
    bool ipv6 = packet_is(packet, PACKET_IPV6);
    struct reader old = reader_over(span_of(packet->data + (ipv6 ? 4 : 2), 2));
    struct reader sum = reader_over(span_of(packet->data + 10, 2));
    uint16_t before = reader_u16(&old), after = (uint16_t)(packet->length - (ipv6 ? IPV6_HEADER : 0));
    struct writer length = writer_over(packet->data + (ipv6 ? 4 : 2), 2);
    struct writer checksum = writer_over(packet->data + 10, 2);

    writer_u16(&length, after);
    if (!ipv6)
        writer_u16(&checksum, checksum_mend(reader_u16(&sum), before, after));
}

bool
packet_change_segment(struct packet *packet, const struct tcp_segment *segment, struct span data)
{
    uint8_t *tcp = packet->data + packet->transport;
    struct reader reader = reader_over(packet_transport(packet));
    uint64_t sum;
    size_t header, length;
    struct writer checksum;

    reader_skip(&reader, 12);
    header = (reader_u8(&reader) >> 4) * 4u;
    length = packet->transport + header + data.length;
    if (length > ip_packet_max(packet->flow.source) || length > packet->length + packet_tailroom(packet))
        return false;
    if (data.length > 0)
        memmove(tcp + header, data.bytes, data.length);
    if (length != packet->length) {
        packet->length = (uint32_t)length;
        rewrite_length(packet);
    }
    rewrite_header(tcp, header, segment);
    sum = checksum_pseudo(packet->flow.source, packet->flow.destination, PROTOCOL_TCP, (uint32_t)(header + data.length));
    checksum = writer_over(tcp + CHECKSUM_AT, 2);
    writer_u16(&checksum, (uint16_t)~checksum_fold(checksum_add(sum, packet_transport(packet))));
    return true;
}
