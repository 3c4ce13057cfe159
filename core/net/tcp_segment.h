/* TCP segments as they stand on the wire (RFC 9293 section 3.1), and arithmetic on sequence numbers.
 *
 * The decoder is pure and borrows from its input; the encoder writes into the caller's buffer. Neither looks at the
 * checksum when reading: the stack has verified it over the whole datagram. Known options: maximum segment size (RFC
 * 9293 section 3.2), window scale and timestamps (RFC 7323), SACK-permitted and SACK (RFC 2018). Unknown ones are
 * skipped. */
#ifndef CORE_NET_TCP_SEGMENT_H
#define CORE_NET_TCP_SEGMENT_H

#include <glib.h>

#include "core/base/address.h"
#include "core/base/reason.h"

#define TCP_HEADER 20
#define TCP_HEADER_MAX 60
#define TCP_SACK_MAX 4       /* blocks that fit into the option space; three beside a timestamp */
#define TCP_NO_SCALE 255
#define TCP_SCALE_MAX 14     /* RFC 7323 section 2.3 */
#define TCP_MSS_DEFAULT 536  /* of a peer that names none (RFC 9293 section 3.7.1, IPv4) */
#define TCP_MSS_DEFAULT_IPV6 1220
#define TCP_MSS_MIN 48       /* what a link of 68 bytes leaves, with options of 12 away (RFC 791) */

enum tcp_flags {
    TCP_FIN = 1 << 0,
    TCP_SYN = 1 << 1,
    TCP_RST = 1 << 2,
    TCP_PSH = 1 << 3,
    TCP_ACK = 1 << 4,
    TCP_URG = 1 << 5,
};

/* The octets from `left` up to, not including, `right`. */
struct tcp_block {
    uint32_t left, right;
};

struct tcp_segment {
    uint16_t source_port, destination_port;
    uint32_t seq, ack;
    uint16_t window, urgent; /* the window as it stands, unscaled */
    uint8_t flags;           /* enum tcp_flags, and the two bits of ECN as they came */
    uint8_t scale;           /* window scale; TCP_NO_SCALE: no such option */
    uint16_t mss;            /* 0: no such option */
    bool sack_permitted, has_timestamp;
    uint8_t sack_count;
    uint32_t timestamp, echo;
    struct tcp_block sack[TCP_SACK_MAX];
    struct span data, more; /* `more` follows `data`: to be sent from a ring that is cut there; empty when read */
};

/* Reads a segment: the transport part of a datagram. DROP_NONE, DROP_BAD_TRANSPORT or DROP_BAD_TCP_OPTION; `*segment`
 * is only good with DROP_NONE and borrows from `bytes`. */
enum drop_reason tcp_segment_read(struct span bytes, struct tcp_segment *segment) G_GNUC_WARN_UNUSED_RESULT;

/* The bytes that the header of `segment` takes with its options. */
size_t tcp_segment_header(const struct tcp_segment *segment);

/* Writes header, options, data and the checksum for a datagram between these addresses. `length` is exactly
 * tcp_segment_header plus the data; false, and nothing worth sending, when it is not. */
bool tcp_segment_write(const struct tcp_segment *segment, struct address source, struct address destination,
                       void *buffer, size_t length) G_GNUC_WARN_UNUSED_RESULT;

/* What the segment occupies of the sequence space: SEG.LEN, which counts SYN and FIN. */
static inline uint32_t
tcp_segment_length(const struct tcp_segment *segment)
{
    return (uint32_t)(segment->data.length + segment->more.length) + !!(segment->flags & TCP_SYN) +
           !!(segment->flags & TCP_FIN);
}

/* Sequence numbers are compared modulo 2^32 (RFC 9293 section 3.4): right as long as they lie within half of that. */
static inline bool
seq_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static inline bool
seq_up_to(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) <= 0;
}

static inline uint32_t
seq_max(uint32_t a, uint32_t b)
{
    return seq_before(a, b) ? b : a;
}

static inline uint32_t
seq_min(uint32_t a, uint32_t b)
{
    return seq_before(a, b) ? a : b;
}

#endif
