/* SIP: its fields, the description that it carries, and the message as it is, line by line. */
#include "proto/sip/describe.h"
#include "scenarios/runner/story/decode.h"

/* A message that is malformed, or, on a stream, has only begun in this segment, is told by its text alone. */
static bool
is_begun(struct span data)
{
    static const char version[] = "SIP/2.0";
    const uint8_t *end = data.length ? memchr(data.bytes, '\n', data.length) : NULL;
    size_t line = end ? (size_t)(end - data.bytes) : 0, mark = sizeof(version) - 1;

    if (line > 0 && data.bytes[line - 1] == '\r')
        line--;
    return line > mark && (memcmp(data.bytes, version, mark) == 0 ||
                           memcmp(data.bytes + line - mark, version, mark) == 0);
}

static void
tell_whole(struct decoding *decoding, const struct sip_message *message)
{
    g_autoptr(GString) said = g_string_new(NULL);

    sip_message_say(message, said);
    decoding->out->open(decoding->out, "SIP");
    sip_message_fields(message, decoding->out);
    decoding->out->close(decoding->out);
    if (message->body.length)
        decode_data(decoding, message->body);
    decode_say(decoding, "SIP %s", said->str);
}

bool
decode_sip(struct decoding *decoding, struct span data)
{
    struct sip_message message;
    enum sip_fault fault;

    if (!sip_may_be(data) || !is_begun(data))
        return false;
    fault = sip_message_decode(data, &message);
    if (fault == SIP_FAULT_NONE)
        tell_whole(decoding, &message);
    else if (decoding->stream && (fault == SIP_FAULT_CUT || fault == SIP_FAULT_UNFINISHED))
        decode_say(decoding, "SIP, of which the rest is in another segment");
    else
        decode_say(decoding, "SIP, malformed: %s", sip_fault_sentence(fault));
    decoding->out->open(decoding->out, "Message");
    decode_tell(decoding, decode_is_text(data) ? "text" : "bytes", data);
    decoding->out->close(decoding->out);
    decoding->protocol = "sip";
    return true;
}
