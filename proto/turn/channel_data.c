#include "proto/turn/channel_data.h"

#include "core/base/cursor.h"

bool
turn_channel_data_read_to(struct span datagram, unsigned last, struct turn_channel_data *out)
{
    struct reader reader = reader_over(datagram);
    uint16_t channel = reader_u16(&reader);
    uint16_t length = reader_u16(&reader);
    struct span data = reader_span(&reader, length);

    if (reader_failed(&reader) || channel < TURN_CHANNEL_FIRST || channel > last)
        return false;
    *out = (struct turn_channel_data){ .channel = channel, .data = data };
    return true;
}

bool
turn_channel_data_read(struct span datagram, struct turn_channel_data *out)
{
    return turn_channel_data_read_to(datagram, TURN_CHANNEL_LAST, out);
}

struct span
turn_channel_data_write(uint16_t channel, struct span data, void *buffer, size_t capacity)
{
    struct writer writer = writer_over(buffer, capacity);

    if (data.length > UINT16_MAX)
        return span_of(NULL, 0);
    writer_u16(&writer, channel);
    writer_u16(&writer, (uint16_t)data.length);
    writer_span_put(&writer, data);
    return writer_failed(&writer) ? span_of(NULL, 0) : span_of(buffer, writer_length(&writer));
}
