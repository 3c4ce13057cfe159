#include "proto/rtp/describe.h"

#include "core/base/time.h"

/* --- RTP --------------------------------------------------------------------------------------------------------- */

void
rtp_packet_say(const struct rtp_packet *packet, GString *out)
{
    const struct rtp_codec *codec = rtp_codec_of(packet->payload_type);

    g_string_append(out, "RTP ");
    if (codec)
        g_string_append(out, codec->name);
    else
        g_string_append_printf(out, "payload type %u", packet->payload_type);
    g_string_append_printf(
        out, ", sequence %u, timestamp %" G_GUINT32_FORMAT ", SSRC 0x%08x%s, %" G_GSIZE_FORMAT " bytes",
        packet->sequence, packet->timestamp, packet->ssrc, packet->marker ? ", marker" : "", packet->payload.length);
}

void
rtp_packet_fields(const struct rtp_packet *packet, struct fields *out)
{
    const struct rtp_codec *codec = rtp_codec_of(packet->payload_type);

    fields_number(out, "payload_type", packet->payload_type);
    if (codec)
        fields_text(out, "codec", codec->name);
    fields_number(out, "sequence", packet->sequence);
    fields_number(out, "timestamp", packet->timestamp);
    fields_number(out, "ssrc", packet->ssrc);
    out->flag(out, "marker", packet->marker);
    if (packet->padding)
        fields_number(out, "padding", packet->padding);
    if (packet->csrc.length) {
        out->open(out, "csrc");
        for (unsigned i = 0; i < rtp_packet_csrc_count(packet); i++)
            fields_number(out, "ssrc", rtp_packet_csrc(packet, i));
        out->close(out);
    }
    if (packet->extended) {
        fields_number(out, "extension_profile", packet->profile);
        out->bytes(out, "extension", packet->extension);
    }
    out->bytes(out, "payload", packet->payload);
}

/* --- RTCP in words ----------------------------------------------------------------------------------------------- */

static void
report_say(const struct rtcp_packet *packet, GString *out)
{
    struct rtcp_block block;

    g_string_append_printf(out, " of 0x%08x", rtcp_report_ssrc(packet));
    for (unsigned i = 0; rtcp_report_block(packet, i, &block); i++)
        g_string_append_printf(out, " (of 0x%08x %d lost, lately %u %%)", block.ssrc, block.lost,
                               (block.fraction * 100u + 128) / 256);
}

void
rtcp_say(struct rtcp_reader *reader, GString *out)
{
    struct rtcp_packet packet;
    const char *separator = "RTCP ";

    for (; rtcp_next(reader, &packet); separator = ", ") {
        const char *word = rtcp_type_word(packet.type);

        g_string_append(out, separator);
        if (word)
            g_string_append(out, word);
        else
            g_string_append_printf(out, "type %u", packet.type);
        if (packet.type == RTCP_SR || packet.type == RTCP_RR)
            report_say(&packet, out);
    }
}

bool
rtp_datagram_say(struct span datagram, GString *out)
{
    struct rtp_packet packet;
    struct rtcp_reader reader;

    switch (rtp_sort_of(datagram)) {
    case RTP_SORT_RTP:
        if (rtp_packet_decode(datagram, &packet) != RTP_FAULT_NONE)
            return false;
        rtp_packet_say(&packet, out);
        return true;
    case RTP_SORT_RTCP:
        if (rtcp_begin(&reader, datagram) != RTCP_FAULT_NONE)
            return false;
        rtcp_say(&reader, out);
        return true;
    default:
        return false;
    }
}

/* --- RTCP in fields ---------------------------------------------------------------------------------------------- */

static void
block_fields(const struct rtcp_block *block, struct fields *out)
{
    out->open(out, "block");
    fields_number(out, "ssrc", block->ssrc);
    fields_number(out, "fraction_lost", block->fraction);
    fields_number(out, "lost", block->lost);
    fields_number(out, "highest", block->highest);
    fields_number(out, "jitter", block->jitter);
    fields_number(out, "last_sr", block->last_sr);
    fields_number(out, "delay_since_sr", block->delay);
    out->close(out);
}

static void
report_fields(const struct rtcp_packet *packet, struct fields *out)
{
    struct rtcp_sender sender;
    struct rtcp_block block;

    fields_number(out, "ssrc", rtcp_report_ssrc(packet));
    if (rtcp_report_sender(packet, &sender)) {
        fields_number(out, "ntp_seconds", (int64_t)(sender.ntp >> 32));
        fields_number(out, "ntp_fraction", (int64_t)(sender.ntp & UINT32_MAX));
        fields_number(out, "timestamp", sender.timestamp);
        fields_number(out, "packets", sender.packets);
        fields_number(out, "octets", sender.octets);
    }
    for (unsigned i = 0; rtcp_report_block(packet, i, &block); i++)
        block_fields(&block, out);
    if (rtcp_report_extension(packet).length)
        out->bytes(out, "extension", rtcp_report_extension(packet));
}

static void
description_fields(const struct rtcp_packet *packet, struct fields *out)
{
    struct rtcp_sdes sdes;
    struct rtcp_chunk chunk;
    struct span text;
    uint8_t type;

    rtcp_sdes_begin(&sdes, packet);
    while (rtcp_sdes_chunk(&sdes, &chunk)) {
        out->open(out, "chunk");
        fields_number(out, "ssrc", chunk.ssrc);
        while (rtcp_chunk_item(&chunk, &type, &text))
            out->text(out, rtcp_item_word(type) ? rtcp_item_word(type) : "item", text);
        out->close(out);
    }
}

static void
goodbye_fields(const struct rtcp_packet *packet, struct fields *out)
{
    uint32_t ssrc;

    for (unsigned i = 0; rtcp_bye_source(packet, i, &ssrc); i++)
        fields_number(out, "ssrc", ssrc);
    if (rtcp_bye_reason(packet).length)
        out->text(out, "reason", rtcp_bye_reason(packet));
}

static void
application_fields(const struct rtcp_packet *packet, struct fields *out)
{
    struct rtcp_app app;

    rtcp_app_read(packet, &app);
    fields_number(out, "subtype", packet->count);
    fields_number(out, "ssrc", app.ssrc);
    out->text(out, "name", span_of(app.name, sizeof app.name));
    out->bytes(out, "data", app.data);
}

static void
packet_fields(const struct rtcp_packet *packet, struct fields *out)
{
    switch (packet->type) {
    case RTCP_SR:
    case RTCP_RR:
        report_fields(packet, out);
        break;
    case RTCP_SDES:
        description_fields(packet, out);
        break;
    case RTCP_BYE:
        goodbye_fields(packet, out);
        break;
    case RTCP_APP:
        application_fields(packet, out);
        break;
    default:
        fields_number(out, "type", packet->type);
        fields_number(out, "count", packet->count);
        out->bytes(out, "body", packet->body);
    }
}

void
rtcp_fields(struct rtcp_reader *reader, struct fields *out)
{
    static const char *const groups[] = { "sr", "rr", "sdes", "bye", "app", "rtpfb", "psfb", "xr" };
    struct rtcp_packet packet;

    while (rtcp_next(reader, &packet)) {
        unsigned place = packet.type - (unsigned)RTCP_SR;

        out->open(out, place < G_N_ELEMENTS(groups) ? groups[place] : "rtcp");
        packet_fields(&packet, out);
        out->close(out);
    }
}
