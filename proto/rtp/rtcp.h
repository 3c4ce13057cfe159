/* RTCP (RFC 3550 section 6): compound packets, read one by one, and the writers of those that an engine sends.
 *
 *     struct rtcp_reader reader;
 *     struct rtcp_packet packet;
 *
 *     if (rtcp_begin(&reader, datagram) != RTCP_FAULT_NONE)      the whole datagram is checked here (appendix A.2)
 *         ... drop it
 *     while (rtcp_next(&reader, &packet))
 *         switch (packet.type) ...
 *
 * Everything borrows the datagram. Packets of types that are not known stand in the chain like any other and are kept
 * as bytes. */
#ifndef PROTO_RTP_RTCP_H
#define PROTO_RTP_RTCP_H

#include <glib.h>

#include "core/base/cursor.h"

enum rtcp_type {
    RTCP_SR = 200,
    RTCP_RR = 201,
    RTCP_SDES = 202,
    RTCP_BYE = 203,
    RTCP_APP = 204,
    RTCP_TRANSPORT_FEEDBACK = 205, /* RFC 4585 */
    RTCP_PAYLOAD_FEEDBACK = 206,
    RTCP_XR = 207, /* RFC 3611 */
};

/* "SR", "receiver report": NULL for a type that is not known. */
const char *rtcp_type_word(unsigned type);
const char *rtcp_type_name(unsigned type);

enum rtcp_item { RTCP_END, RTCP_CNAME, RTCP_NAME, RTCP_EMAIL, RTCP_PHONE, RTCP_LOC, RTCP_TOOL, RTCP_NOTE, RTCP_PRIV };

/* "cname"; NULL. */
const char *rtcp_item_word(unsigned item);

enum { RTCP_HEADER_BYTES = 4, RTCP_BLOCK_BYTES = 24, RTCP_COUNT_MOST = 31, RTCP_ITEM_MOST = 255 };

/* clang-format off */
/* What is wrong with bytes as RTCP.              word               sentence */
#define RTCP_FAULTS(X) \
    X(NONE,         "none",         "nothing is wrong with it") \
    X(SHORT,        "short",        "it is shorter than an RTCP header") \
    X(VERSION,      "version",      "the version of a packet in it is not 2") \
    X(FIRST,        "first",        "its first packet is no sender or receiver report") \
    X(LENGTH,       "length",       "the lengths of its packets do not add up to its own") \
    X(PADDING,      "padding",      "padding stands elsewhere than in its last packet, or has a wrong count") \
    X(REPORT,       "report",       "a report in it is shorter than its blocks") \
    X(DESCRIPTION,  "description",  "a source description in it is cut short") \
    X(GOODBYE,      "goodbye",      "a BYE in it is shorter than its sources, or its reason is") \
    X(APPLICATION,  "application",  "an APP packet in it has no name")

enum rtcp_fault {
#define X(name, word, sentence) RTCP_FAULT_##name,
    RTCP_FAULTS(X)
#undef X
    RTCP_FAULT_COUNT
};
/* clang-format on */

const char *rtcp_fault_word(enum rtcp_fault fault);
const char *rtcp_fault_sentence(enum rtcp_fault fault);

struct rtcp_packet {
    uint8_t type;
    uint8_t count;    /* blocks, chunks, sources, or a subtype: five bits */
    uint8_t padding;  /* of the last packet of a compound */
    struct span body; /* behind the header's first word, without padding */
};

struct rtcp_reader {
    struct reader left;
};

/* Checks the whole datagram: versions, the first packet's type and lack of padding, the chain of lengths, and that each
 * packet's own contents are all there. On a fault nothing is to be read. */
enum rtcp_fault rtcp_begin(struct rtcp_reader *reader, struct span datagram) G_GNUC_WARN_UNUSED_RESULT;
/* The next packet; false at the end. */
bool rtcp_next(struct rtcp_reader *reader, struct rtcp_packet *packet);

/* --- SR and RR (sections 6.4.1, 6.4.2) */

struct rtcp_sender {
    uint64_t ntp;             /* 32 bits of seconds since 1900, 32 of their fraction */
    uint32_t timestamp;       /* the same instant in the units of the RTP timestamps */
    uint32_t packets, octets; /* sent so far; octets of payload */
};

/* What one receiver says of one source. */
struct rtcp_block {
    uint32_t ssrc;    /* of whom */
    uint8_t fraction; /* lost since the last report, in 256ths; 0 where duplicates outweigh */
    int32_t lost;     /* since the beginning, 24 bits with sign: duplicates make it smaller */
    uint32_t highest; /* sequence number received, its cycles above it */
    uint32_t jitter;  /* in units of the RTP timestamps */
    uint32_t last_sr; /* the middle 32 bits of the NTP time of the last SR that came; 0: none */
    uint32_t delay;   /* since that came, in 65536ths of a second */
};

/* `packet` is an SR or RR. The sender's part of an SR; false of an RR. */
bool rtcp_report_sender(const struct rtcp_packet *packet, struct rtcp_sender *sender);
/* Who reports. */
uint32_t rtcp_report_ssrc(const struct rtcp_packet *packet);
/* Block `index` from 0; false beyond the last. */
bool rtcp_report_block(const struct rtcp_packet *packet, unsigned index, struct rtcp_block *block);
/* What a profile has put behind the blocks. */
struct span rtcp_report_extension(const struct rtcp_packet *packet);

/* --- SDES, BYE, APP (sections 6.5 to 6.7) */

struct rtcp_chunk {
    uint32_t ssrc;
    struct reader items;
};

/* The chunks of an SDES, in turn; false at the end. */
struct rtcp_sdes {
    struct reader left;
};
void rtcp_sdes_begin(struct rtcp_sdes *sdes, const struct rtcp_packet *packet);
bool rtcp_sdes_chunk(struct rtcp_sdes *sdes, struct rtcp_chunk *chunk);
/* The next item of a chunk: its type (enum rtcp_item, or another) and text. */
bool rtcp_chunk_item(struct rtcp_chunk *chunk, uint8_t *type, struct span *text);
/* The CNAME of `ssrc` in an SDES; an empty span when it has none. */
struct span rtcp_sdes_cname(const struct rtcp_packet *packet, uint32_t ssrc);

/* The source `index` that leaves; false beyond the last. */
bool rtcp_bye_source(const struct rtcp_packet *packet, unsigned index, uint32_t *ssrc);
struct span rtcp_bye_reason(const struct rtcp_packet *packet);

struct rtcp_app {
    uint32_t ssrc;
    uint8_t name[4]; /* ASCII */
    struct span data;
};
void rtcp_app_read(const struct rtcp_packet *packet, struct rtcp_app *app);

/* --- writers: each appends one packet; together they make a compound */

/* An SR when `sender` is given, else an RR; at most RTCP_COUNT_MOST blocks. */
void rtcp_write_report(struct writer *out, uint32_t ssrc, const struct rtcp_sender *sender,
                       const struct rtcp_block *blocks, unsigned count);
/* An SDES with one chunk of one CNAME, which is cut to 255 bytes. */
void rtcp_write_cname(struct writer *out, uint32_t ssrc, struct span cname);
/* `reason` may be empty. */
void rtcp_write_bye(struct writer *out, uint32_t ssrc, struct span reason);
void rtcp_write_app(struct writer *out, unsigned subtype, const struct rtcp_app *app);

/* --- NTP times (section 4) */

/* Nanoseconds since the world began, as NTP time. A world begins where its traces do, 2026-01-01 (UTC). */
uint64_t rtcp_ntp_of(int64_t now);
/* The middle 32 bits: what LSR holds, in 65536ths of a second. */
static inline uint32_t
rtcp_ntp_middle(uint64_t ntp)
{
    return (uint32_t)(ntp >> 16);
}
/* The round trip by a block that came at `now` (section 6.4.1), in nanoseconds; -1 where the block says nothing of it
 * or what can't be: a time that has not come yet, or a wait longer than all that has passed. */
int64_t rtcp_round_trip(const struct rtcp_block *block, int64_t now);

#endif
