/* ChannelData: four bytes of header before the data, where a Send or Data indication has 36 (RFC 8656 section 12.4).
 *
 * On UDP a message is a datagram, and bytes after its length are padding. On a stream it is padded to a multiple of
 * four; framing.h of proto/stun cuts it out there, so both come here as a span that begins with the header. */
#ifndef PROTO_TURN_CHANNEL_DATA_H
#define PROTO_TURN_CHANNEL_DATA_H

#include <stdbool.h>

#include "core/base/span.h"

#define TURN_CHANNEL_HEADER_BYTES 4

/* The numbers that a channel may have (section 12). RFC 5766 had them go up to 0x7FFF; 0x5000 and above are reserved. */
#define TURN_CHANNEL_FIRST 0x4000
#define TURN_CHANNEL_LAST 0x4FFF

#define TURN_CHANNEL_OLD_LAST 0x7FFF

static inline bool
turn_channel_is_valid(unsigned number)
{
    return number >= TURN_CHANNEL_FIRST && number <= TURN_CHANNEL_LAST;
}

/* Whether a datagram on a port that TURN shares is for its channels: first byte 64 to 79 (section 12, RFC 7983 section 7).
 * It may still be malformed. */
static inline bool
turn_looks_like_channel_data(struct span datagram)
{
    return datagram.length > 0 && datagram.bytes[0] >= 64 && datagram.bytes[0] <= 79;
}

/* The same under RFC 5766: first byte 64 to 127. */
static inline bool
turn_looks_like_old_channel_data(struct span datagram)
{
    return datagram.length > 0 && datagram.bytes[0] >> 6 == 1;
}

struct turn_channel_data {
    uint16_t channel;
    struct span data; /* may be empty */
};

/* False when the datagram is shorter than its length says, or the number is none that a channel may have. Borrows. */
bool turn_channel_data_read(struct span datagram, struct turn_channel_data *out);

/* The same, up to the `last` number that is a channel's. */
bool turn_channel_data_read_to(struct span datagram, unsigned last, struct turn_channel_data *out);

/* Writes header and data, without padding, into `buffer`; an empty span when they don't fit or the data is longer than
 * 65535 bytes. */
struct span turn_channel_data_write(uint16_t channel, struct span data, void *buffer, size_t capacity);

#endif
