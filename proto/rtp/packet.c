#include "proto/rtp/packet.h"

#include <string.h>

static const struct {
    const char *word, *sentence;
} faults[] = {
#define X(name, word, sentence) { word, sentence },
    RTP_FAULTS(X)
#undef X
};

G_STATIC_ASSERT(G_N_ELEMENTS(faults) == RTP_FAULT_COUNT);

const char *
rtp_fault_word(enum rtp_fault fault)
{
    g_assert((unsigned)fault < RTP_FAULT_COUNT);
    return faults[fault].word;
}

const char *
rtp_fault_sentence(enum rtp_fault fault)
{
    g_assert((unsigned)fault < RTP_FAULT_COUNT);
    return faults[fault].sentence;
}

/* --- decoding ---------------------------------------------------------------------------------------------------- */

enum { BIT_PADDING = 0x20, BIT_EXTENSION = 0x10, BIT_MARKER = 0x80 };

static bool
read_extension(struct reader *reader, struct rtp_packet *packet)
{
    uint16_t words;

    packet->extended = true;
    packet->profile = reader_u16(reader);
    words = reader_u16(reader);
    packet->extension = reader_span(reader, 4 * (size_t)words);
    return !reader_failed(reader);
}

/* The last byte counts the padding, itself included (section 5.1). */
static bool
take_padding(struct rtp_packet *packet)
{
    if (packet->payload.length == 0)
        return false;
    packet->padding = packet->payload.bytes[packet->payload.length - 1];
    if (packet->padding == 0 || packet->padding > packet->payload.length)
        return false;
    packet->payload.length -= packet->padding;
    return true;
}

enum rtp_fault
rtp_packet_decode(struct span datagram, struct rtp_packet *packet)
{
    struct reader reader = reader_over(datagram);
    uint8_t first, second;

    if (datagram.length < RTP_HEADER_BYTES)
        return RTP_FAULT_SHORT;
    first = reader_u8(&reader);
    second = reader_u8(&reader);
    if (first >> 6 != RTP_VERSION)
        return RTP_FAULT_VERSION;

    *packet = (struct rtp_packet){ .marker = second & BIT_MARKER, .payload_type = second & 0x7f };
    packet->sequence = reader_u16(&reader);
    packet->timestamp = reader_u32(&reader);
    packet->ssrc = reader_u32(&reader);
    packet->csrc = reader_span(&reader, 4 * (size_t)(first & RTP_CSRC_MOST));
    if (reader_failed(&reader))
        return RTP_FAULT_CSRC;
    if (first & BIT_EXTENSION && !read_extension(&reader, packet))
        return RTP_FAULT_EXTENSION;
    packet->payload = reader_rest(&reader);
    if (first & BIT_PADDING && !take_padding(packet))
        return RTP_FAULT_PADDING;
    return RTP_FAULT_NONE;
}

uint32_t
rtp_packet_csrc(const struct rtp_packet *packet, unsigned index)
{
    struct reader reader = reader_over(packet->csrc);

    reader_skip(&reader, 4 * (size_t)index);
    return reader_u32(&reader);
}

/* --- encoding ---------------------------------------------------------------------------------------------------- */

static bool
can_stand(const struct rtp_packet *packet)
{
    return packet->payload_type < 128 && packet->csrc.length % 4 == 0 && packet->csrc.length / 4 <= RTP_CSRC_MOST &&
           packet->extension.length % 4 == 0 && packet->extension.length / 4 <= UINT16_MAX &&
           (packet->extended || packet->extension.length == 0);
}

void
rtp_packet_encode(struct writer *out, const struct rtp_packet *packet)
{
    if (!can_stand(packet)) {
        out->failed = true;
        return;
    }
    writer_u8(out, (uint8_t)(RTP_VERSION << 6 | (packet->padding ? BIT_PADDING : 0) |
                             (packet->extended ? BIT_EXTENSION : 0) | packet->csrc.length / 4));
    writer_u8(out, (uint8_t)((packet->marker ? BIT_MARKER : 0) | packet->payload_type));
    writer_u16(out, packet->sequence);
    writer_u32(out, packet->timestamp);
    writer_u32(out, packet->ssrc);
    writer_span_put(out, packet->csrc);
    if (packet->extended) {
        writer_u16(out, packet->profile);
        writer_u16(out, (uint16_t)(packet->extension.length / 4));
        writer_span_put(out, packet->extension);
    }
    writer_span_put(out, packet->payload);
    if (packet->padding) {
        writer_zeros(out, packet->padding - 1u);
        writer_u8(out, packet->padding);
    }
}

/* --- codecs ------------------------------------------------------------------------------------------------------ */

const struct rtp_codec rtp_codecs[] = {
    { "PCMU", 0, 8000, { 0x1e, 0x0b, 0x0b, 0x1e, 0x9e, 0x8b, 0x8b, 0x9e } },
    { "PCMA", 8, 8000, { 0x34, 0x21, 0x21, 0x34, 0xb4, 0xa1, 0xa1, 0xb4 } },
    { NULL, 0, 0, { 0 } },
};

const struct rtp_codec *
rtp_codec_named(const char *name)
{
    for (const struct rtp_codec *codec = rtp_codecs; codec->name; codec++)
        if (g_ascii_strcasecmp(codec->name, name) == 0) /* RFC 4855 section 3: encoding names know no case */
            return codec;
    return NULL;
}

const struct rtp_codec *
rtp_codec_of(unsigned payload_type)
{
    for (const struct rtp_codec *codec = rtp_codecs; codec->name; codec++)
        if (codec->payload_type == payload_type)
            return codec;
    return NULL;
}
