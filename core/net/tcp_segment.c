#include "core/net/tcp_segment.h"

#include "core/base/cursor.h"
#include "core/net/checksum.h"

enum option {
    OPTION_END = 0,
    OPTION_NOP = 1,
    OPTION_MSS = 2,
    OPTION_SCALE = 3,
    OPTION_SACK_PERMITTED = 4,
    OPTION_SACK = 5,
    OPTION_TIMESTAMPS = 8,
};

enum { MSS_SIZE = 4, SCALE_SIZE = 3, SACK_PERMITTED_SIZE = 2, TIMESTAMPS_SIZE = 10, SACK_BLOCK = 8 };

#define ALIGNED_TIMESTAMPS 0x0101080au /* two NOPs and a timestamps option: what nearly every segment carries */

/* --- reading ---------------------------------------------------------------------------------------------------- */

static void
read_timestamps(struct reader *value, struct tcp_segment *segment)
{
    segment->has_timestamp = true;
    segment->timestamp = reader_u32(value);
    segment->echo = reader_u32(value);
}

/* RFC 2018 section 3: one to four blocks. */
static bool
read_sack(struct reader *value, struct tcp_segment *segment)
{
    size_t size = reader_left(value);

    if (size == 0 || size % SACK_BLOCK != 0 || size / SACK_BLOCK > TCP_SACK_MAX)
        return false;
    segment->sack_count = (uint8_t)(size / SACK_BLOCK);
    for (unsigned i = 0; i < segment->sack_count; i++) {
        segment->sack[i].left = reader_u32(value);
        segment->sack[i].right = reader_u32(value);
    }
    return true;
}

/* One option's value. False when its length is not what its kind has. */
static bool
read_option(uint8_t kind, struct reader *value, struct tcp_segment *segment)
{
    size_t size = reader_left(value) + 2;
    uint8_t shift;

    switch (kind) {
    case OPTION_MSS:
        segment->mss = reader_u16(value);
        return size == MSS_SIZE;
    case OPTION_SCALE:
        shift = reader_u8(value);
        segment->scale = shift > TCP_SCALE_MAX ? TCP_SCALE_MAX : shift; /* RFC 7323 section 2.3: log it, use 14 */
        return size == SCALE_SIZE;
    case OPTION_SACK_PERMITTED:
        segment->sack_permitted = true;
        return size == SACK_PERMITTED_SIZE;
    case OPTION_SACK:
        return read_sack(value, segment);
    case OPTION_TIMESTAMPS:
        read_timestamps(value, segment);
        return size == TIMESTAMPS_SIZE;
    default:
        return true;
    }
}

static bool
read_options(struct span bytes, struct tcp_segment *segment)
{
    struct reader options = reader_over(bytes);

    if (bytes.length == TIMESTAMPS_SIZE + 2) {
        if (reader_u32(&options) == ALIGNED_TIMESTAMPS) {
            read_timestamps(&options, segment);
            return true;
        }
        options = reader_over(bytes);
    }
    while (reader_left(&options) > 0) {
        uint8_t kind = reader_u8(&options), size;
        struct reader value;

        if (kind == OPTION_END)
            return true;
        if (kind == OPTION_NOP)
            continue;
        size = reader_u8(&options);
        if (reader_failed(&options) || size < 2) /* RFC 9293 MUST-7: an illegal length, such as zero */
            return false;
        value = reader_cut(&options, size - 2u);
        if (reader_failed(&options) || !read_option(kind, &value, segment))
            return false;
    }
    return true;
}

enum drop_reason
tcp_segment_read(struct span bytes, struct tcp_segment *segment)
{
    struct reader reader = reader_over(bytes);
    unsigned header;
    struct span options;

    *segment = (struct tcp_segment){ .scale = TCP_NO_SCALE };
    segment->source_port = reader_u16(&reader);
    segment->destination_port = reader_u16(&reader);
    segment->seq = reader_u32(&reader);
    segment->ack = reader_u32(&reader);
    header = (reader_u8(&reader) >> 4) * 4u;
    segment->flags = reader_u8(&reader);
    segment->window = reader_u16(&reader);
    reader_skip(&reader, 2);
    segment->urgent = reader_u16(&reader);
    if (reader_failed(&reader) || header < TCP_HEADER)
        return DROP_BAD_TRANSPORT;
    options = reader_span(&reader, header - TCP_HEADER);
    if (reader_failed(&reader))
        return DROP_BAD_TRANSPORT;
    segment->data = reader_rest(&reader);
    if (options.length > 0 && !read_options(options, segment))
        return DROP_BAD_TCP_OPTION;
    return DROP_NONE;
}

/* --- writing ---------------------------------------------------------------------------------------------------- */

/* Sizes and writers go through the options in the same order, each padded with NOPs to whole words as hosts do it:
 * MSS; SACK-permitted, before a timestamp without padding; timestamps; window scale; SACK. */
size_t
tcp_segment_header(const struct tcp_segment *segment)
{
    size_t size = TCP_HEADER;

    if (segment->mss)
        size += MSS_SIZE;
    if (segment->has_timestamp)
        size += TIMESTAMPS_SIZE + 2; /* with two NOPs or SACK-permitted */
    else if (segment->sack_permitted)
        size += SACK_PERMITTED_SIZE + 2;
    if (segment->scale != TCP_NO_SCALE)
        size += SCALE_SIZE + 1;
    if (segment->sack_count > 0)
        size += 4 + SACK_BLOCK * segment->sack_count;
    return size;
}

static void
write_small(struct writer *writer, uint8_t kind, uint8_t size)
{
    writer_u8(writer, kind);
    writer_u8(writer, size);
}

static void
write_nops(struct writer *writer, unsigned count)
{
    while (count-- > 0)
        writer_u8(writer, OPTION_NOP);
}

static void
write_options(const struct tcp_segment *segment, struct writer *writer)
{
    if (segment->mss) {
        write_small(writer, OPTION_MSS, MSS_SIZE);
        writer_u16(writer, segment->mss);
    }
    if (!segment->sack_permitted && segment->has_timestamp) {
        writer_u32(writer, ALIGNED_TIMESTAMPS);
    } else if (segment->sack_permitted) {
        write_small(writer, OPTION_SACK_PERMITTED, SACK_PERMITTED_SIZE);
        if (segment->has_timestamp)
            write_small(writer, OPTION_TIMESTAMPS, TIMESTAMPS_SIZE);
        else
            write_nops(writer, 2);
    }
    if (segment->has_timestamp) {
        writer_u32(writer, segment->timestamp);
        writer_u32(writer, segment->echo);
    }
    if (segment->scale != TCP_NO_SCALE) {
        write_nops(writer, 1);
        write_small(writer, OPTION_SCALE, SCALE_SIZE);
        writer_u8(writer, segment->scale);
    }
    if (segment->sack_count == 0)
        return;
    write_nops(writer, 2);
    write_small(writer, OPTION_SACK, (uint8_t)(2 + SACK_BLOCK * segment->sack_count));
    for (unsigned i = 0; i < segment->sack_count; i++) {
        writer_u32(writer, segment->sack[i].left);
        writer_u32(writer, segment->sack[i].right);
    }
}

bool
tcp_segment_write(const struct tcp_segment *segment, struct address source, struct address destination, void *buffer,
                  size_t length)
{
    struct writer writer = writer_over(buffer, length);
    size_t header = tcp_segment_header(segment);
    uint64_t sum;

    if (header > TCP_HEADER_MAX)
        return false;
    writer_u16(&writer, segment->source_port);
    writer_u16(&writer, segment->destination_port);
    writer_u32(&writer, segment->seq);
    writer_u32(&writer, segment->ack);
    writer_u8(&writer, (uint8_t)(header / 4 << 4));
    writer_u8(&writer, segment->flags);
    writer_u16(&writer, segment->window);
    writer_u16(&writer, 0);
    writer_u16(&writer, segment->urgent);
    write_options(segment, &writer);
    writer_span_put(&writer, segment->data);
    writer_span_put(&writer, segment->more);
    if (writer_failed(&writer) || writer_length(&writer) != length)
        return false;

    sum = checksum_pseudo(source, destination, PROTOCOL_TCP, (uint32_t)length);
    writer_patch_u16(&writer, 16, (uint16_t)~checksum_fold(checksum_add(sum, writer_span(&writer))));
    return true;
}
