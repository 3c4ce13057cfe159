/* STUN and what goes over it: ICE's checks, TURN's messages and what they carry. */
#include "proto/stun/describe.h"
#include "proto/stun/message.h"
#include "proto/turn/channel_data.h"
#include "scenarios/runner/story/decode.h"

static bool
is_turn(uint16_t method)
{
    return method >= STUN_ALLOCATE && method <= STUN_CONNECTION_ATTEMPT;
}

static bool
has(const struct stun_message *message, uint16_t type)
{
    struct stun_value value;

    return stun_message_get(message, type, &value) == STUN_PRESENT;
}

/* A check has a priority; its answer is authenticated, but not by a realm's credentials (RFC 8445 section 7). */
static bool
is_check(const struct stun_message *message)
{
    if (message->header.method != STUN_BINDING)
        return false;
    return message->header.class == STUN_REQUEST
               ? has(message, STUN_PRIORITY)
               : has(message, STUN_MESSAGE_INTEGRITY) && !has(message, STUN_REALM);
}

static const char *
class_of(const struct stun_message *message)
{
    return is_turn(message->header.method) ? "turn" : is_check(message) ? "ice" : "stun";
}

static void
say_check(struct decoding *decoding, const struct stun_message *message)
{
    if (message->header.class == STUN_REQUEST)
        g_string_prepend(decoding->summary, "ICE check: ");
    if (has(message, STUN_USE_CANDIDATE))
        g_string_append(decoding->summary, ", nominates");
}

bool
decode_stun(struct decoding *decoding, struct span data)
{
    struct stun_message message;
    struct stun_value carried;

    if (stun_message_decode(data, &message) != STUN_FAULT_NONE)
        return false;
    decoding->protocol = class_of(&message);
    decode_say(decoding, "%s", "");
    stun_message_say(&message, decoding->summary);
    if (is_check(&message))
        say_check(decoding, &message);
    decoding->out->open(decoding->out, "STUN");
    stun_message_fields(&message, decoding->out);
    decoding->out->close(decoding->out);
    if (is_turn(message.header.method) && stun_message_get(&message, STUN_DATA_ATTRIBUTE, &carried) == STUN_PRESENT) {
        g_autofree char *outer = g_strdup(decoding->summary->str);

        decode_data(decoding, carried.bytes);
        g_string_append_printf(decoding->summary, ", in a %s", outer);
        decoding->protocol = "turn";
    }
    return true;
}

bool
decode_channel_data(struct decoding *decoding, struct span data)
{
    struct turn_channel_data message;

    if (!turn_looks_like_channel_data(data) || !turn_channel_data_read(data, &message) ||
        data.length - 4 - message.data.length > 3)
        return false;
    decode_say(decoding, "ChannelData");
    decoding->out->open(decoding->out, "ChannelData");
    fields_number(decoding->out, "channel", message.channel);
    fields_number(decoding->out, "length", (int64_t)message.data.length);
    decoding->out->close(decoding->out);
    decode_data(decoding, message.data);
    g_string_append_printf(decoding->summary, ", on channel 0x%04x", message.channel);
    decoding->protocol = "turn";
    return true;
}

/* A length of two bytes before a message, as ICE has it on TCP (RFC 4571, RFC 6544 section 3). Only what holds exactly one
 * STUN message is believed: anything might begin with two such bytes. */
bool
decode_framed(struct decoding *decoding, struct span data)
{
    struct reader reader = reader_over(data);
    uint16_t length = reader_u16(&reader);
    struct span message = reader_span(&reader, length);

    if (!decoding->stream || reader_failed(&reader) || reader_left(&reader) || !stun_looks_like_message(message))
        return false;
    decoding->out->open(decoding->out, "Frame");
    fields_number(decoding->out, "length", length);
    decoding->out->close(decoding->out);
    decode_data(decoding, message);
    return true;
}
