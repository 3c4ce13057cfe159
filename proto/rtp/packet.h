/* RTP packets (RFC 3550 section 5), and what on a shared port is one.
 *
 * Decoding is pure: the packet borrows the datagram, and its spans are good as long as those bytes are. What is checked
 * is what bytes alone can say (appendix A.1); whether a source is to be believed is reception.h's. */
#ifndef PROTO_RTP_PACKET_H
#define PROTO_RTP_PACKET_H

#include <glib.h>

#include "core/base/cursor.h"

enum { RTP_VERSION = 2, RTP_HEADER_BYTES = 12, RTP_CSRC_MOST = 15 };

/* What a datagram is, by its first bytes. */
enum rtp_sort {
    RTP_SORT_OTHER, /* STUN, DTLS, ChannelData, ...: first byte outside 128 to 191 (RFC 7983 section 7); or too short */
    RTP_SORT_RTP,
    RTP_SORT_RTCP, /* second byte 192 to 223: RTCP packet types, which no RTP payload type may look like (RFC 5761) */
};

static inline enum rtp_sort
rtp_sort_of(struct span datagram)
{
    if (datagram.length < 2 || datagram.bytes[0] >> 6 != RTP_VERSION)
        return RTP_SORT_OTHER;
    return datagram.bytes[1] >= 192 && datagram.bytes[1] <= 223 ? RTP_SORT_RTCP : RTP_SORT_RTP;
}

struct rtp_packet {
    bool marker, extended;
    uint8_t payload_type; /* 0 to 127 */
    uint8_t padding;      /* bytes at the end that are none of the payload; 0: the P bit is not set */
    uint16_t sequence;
    uint32_t timestamp, ssrc;
    struct span csrc;      /* contributing sources, four bytes each: rtp_packet_csrc */
    uint16_t profile;      /* of the extension */
    struct span extension; /* its data, whole words */
    struct span payload;
};

/* clang-format off */
/* What is wrong with bytes as an RTP packet.     word            sentence */
#define RTP_FAULTS(X) \
    X(NONE,      "none",      "nothing is wrong with it") \
    X(SHORT,     "short",     "it is shorter than an RTP header") \
    X(VERSION,   "version",   "its version is not 2") \
    X(CSRC,      "csrc",      "it ends within its list of contributing sources") \
    X(EXTENSION, "extension", "it ends within its header extension") \
    X(PADDING,   "padding",   "its last byte counts no padding, or more of it than there is room for")

enum rtp_fault {
#define X(name, word, sentence) RTP_FAULT_##name,
    RTP_FAULTS(X)
#undef X
    RTP_FAULT_COUNT
};
/* clang-format on */

const char *rtp_fault_word(enum rtp_fault fault);
const char *rtp_fault_sentence(enum rtp_fault fault); /* after "it was dropped: " */

/* On a fault `packet` holds nothing to rely on. */
enum rtp_fault rtp_packet_decode(struct span datagram, struct rtp_packet *packet) G_GNUC_WARN_UNUSED_RESULT;

static inline unsigned
rtp_packet_csrc_count(const struct rtp_packet *packet)
{
    return (unsigned)(packet->csrc.length / 4);
}

/* 0 beyond the last. */
uint32_t rtp_packet_csrc(const struct rtp_packet *packet, unsigned index);

/* Writes header, payload and padding. The writer fails when they don't fit; also when `csrc` or `extension` are not
 * whole words, or more of them than the header can count. */
void rtp_packet_encode(struct writer *out, const struct rtp_packet *packet);

/* --- codecs that have a payload type of their own (RFC 3551 section 6) */

struct rtp_codec {
    const char *name; /* as SDP and scripts have it: "PCMU" */
    uint8_t payload_type;
    uint32_t clock;  /* timestamp units a second */
    uint8_t tone[8]; /* 1 ms of a 1 kHz tone at 0 dBm0 (ITU-T G.711 tables 5 and 6), which goes on by repeating */
};

extern const struct rtp_codec rtp_codecs[]; /* ends with a NULL name */

/* NULL when there is none. */
const struct rtp_codec *rtp_codec_named(const char *name);
const struct rtp_codec *rtp_codec_of(unsigned payload_type);

#define RTP_PAYLOAD_TYPE_NOISE 13 /* comfort noise, RFC 3389 */

#endif
