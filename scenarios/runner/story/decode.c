#include "scenarios/runner/story/decode.h"

const struct decoder decoders[] = {
    { "ChannelData", decode_channel_data },
    { "STUN", decode_stun },
    { "framed message", decode_framed },
    { "SIP", decode_sip },
    { "HTTP", decode_http },
    { "SDP", decode_sdp },
    { "port control", decode_portmap },
    { "RTP", decode_media },
    { NULL, NULL },
};

void
decode_say(struct decoding *decoding, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_string_vprintf(decoding->summary, format, arguments);
    va_end(arguments);
}

bool
decode_is_text(struct span data)
{
    const char *text = (const char *)data.bytes;

    if (data.length == 0 || !g_utf8_validate_len(text, data.length, NULL))
        return false;
    for (const char *at = text; at < text + data.length; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);

        if ((c < 0x20 && c != '\r' && c != '\n' && c != '\t') || c == 0x7f || (c >= 0x80 && c < 0xa0))
            return false;
    }
    return true;
}

/* A text up to `most` bytes, or bytes. */
static void
tell_up_to(struct decoding *decoding, const char *name, struct span data, size_t most)
{
    struct fields *out = decoding->out;
    bool text = decode_is_text(data);
    size_t length = MIN(data.length, text ? most : DECODE_BYTES);

    while (text && length < data.length && (data.bytes[length] & 0xc0) == 0x80)
        length--; /* never within a character */
    if (text)
        out->text(out, name, span_of(data.bytes, length));
    else
        out->bytes(out, name, span_of(data.bytes, length));
    if (length < data.length)
        fields_number(out, "length", (int64_t)data.length);
}

void
decode_tell(struct decoding *decoding, const char *name, struct span data)
{
    tell_up_to(decoding, name, data, DECODE_TEXT);
}

/* "8 bytes of data: punch 1" */
static void
tell_data(struct decoding *decoding, struct span data)
{
    enum { SHOWN = 40 };

    decode_say(decoding, "%zu byte%s of data", data.length, data.length == 1 ? "" : "s");
    if (data.length <= SHOWN && decode_is_text(data) && !memchr(data.bytes, '\n', data.length))
        g_string_append_printf(decoding->summary, ": %.*s", (int)data.length, (const char *)data.bytes);
    decoding->out->open(decoding->out, "Data");
    tell_up_to(decoding, decode_is_text(data) ? "text" : "bytes", data, DECODE_DATA);
    decoding->out->close(decoding->out);
}

void
decode_data(struct decoding *decoding, struct span data)
{
    if (data.length == 0)
        return;
    if (decoding->depth < DECODE_DEPTH) {
        decoding->depth++;
        for (const struct decoder *decoder = decoders; decoder->name; decoder++) {
            if (decoder->take(decoding, data)) {
                decoding->depth--;
                return;
            }
        }
        decoding->depth--;
    }
    tell_data(decoding, data);
}

void
decode_packet(struct decoding *decoding, struct span packet)
{
    struct reader reader = reader_over(packet);

    decoding->protocol = "ip";
    decoding->depth = 0;
    g_string_truncate(decoding->summary, 0);
    decode_ip(decoding, &reader);
}
