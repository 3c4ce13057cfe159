#include "proto/http/signal_kinds.h"

#include "proto/http/signal.h"
#include "proto/http/signal_client.h"

enum { SHOWN = 8 };

/* A name that is longer ends with '~'. */
static uint64_t
pack(struct span name)
{
    uint64_t packed = 0;

    for (size_t i = 0; i < SHOWN; i++) {
        uint8_t byte = i < name.length ? name.bytes[i] : 0;

        packed = packed << 8 | (i == SHOWN - 1 && name.length > SHOWN ? '~' : byte);
    }
    return packed;
}

static const char *
unpack(uint64_t packed, char text[SHOWN + 1])
{
    for (size_t i = 0; i < SHOWN; i++)
        text[i] = (char)(packed >> (56 - 8 * i));
    text[SHOWN] = '\0';
    return text;
}

void
signal_record_sender(struct record *record, struct span name)
{
    uint64_t packed = pack(name);

    record->subject[0] = (uint32_t)(packed >> 32);
    record->subject[1] = (uint32_t)packed;
}

void
signal_record_receiver(struct record *record, struct span name)
{
    record->detail = (int64_t)pack(name);
}

static const char *
sender_of(const struct record *record, char text[SHOWN + 1])
{
    return unpack((uint64_t)record->subject[0] << 32 | record->subject[1], text);
}

static const char *
receiver_of(const struct record *record, char text[SHOWN + 1])
{
    return unpack((uint64_t)record->detail, text);
}

static const char *
client_of(const struct record *record, char text[ENDPOINT_TEXT])
{
    return endpoint_format(flow_source(&record->before), text);
}

/* --- servers ----------------------------------------------------------------------------------------------------- */

static void
say_taken(const struct record *record, const struct names *names, GString *out)
{
    char from[SHOWN + 1], to[SHOWN + 1], client[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "signalling: a message from %s at %s waits for %s", sender_of(record, from),
                           client_of(record, client), receiver_of(record, to));
}

static void
say_repeated(const struct record *record, const struct names *names, GString *out)
{
    char from[SHOWN + 1], to[SHOWN + 1], client[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "signalling: a message from %s at %s for %s came once more, and is not kept twice",
                           sender_of(record, from), client_of(record, client), receiver_of(record, to));
}

static void
say_handed(const struct record *record, const struct names *names, GString *out)
{
    char from[SHOWN + 1], to[SHOWN + 1], client[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "signalling: hands %s at %s the message from %s", receiver_of(record, to),
                           client_of(record, client), sender_of(record, from));
}

static enum signal_reason
reason_of(const struct record *record)
{
    return record->rule < SIGNAL_REASON_COUNT ? record->rule : SIGNAL_REASON_NONE;
}

static void
say_refused(const struct record *record, const struct names *names, GString *out)
{
    char client[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "signalling: request of %s refused: %u %s: %s", client_of(record, client),
                           signal_reason_status(reason_of(record)), signal_reason_word(reason_of(record)),
                           signal_reason_sentence(reason_of(record)));
}

static void
message_fields(const struct record *record, const struct names *names, struct fields *out)
{
    char name[SHOWN + 1];

    (void)names;
    fields_text(out, "sender", sender_of(record, name));
    fields_text(out, "receiver", receiver_of(record, name));
}

static void
refused_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_text(out, "why", signal_reason_word(reason_of(record)));
    fields_number(out, "code", signal_reason_status(reason_of(record)));
}

const struct record_kind signal_kind_taken = {
    "signal-taken", "signal-taken", "RFC 9110 section 9.3.3", say_taken, message_fields,
};
const struct record_kind signal_kind_repeated = {
    "signal-repeated", "signal-repeated", "RFC 9110 section 9.2.2", say_repeated, message_fields,
};
const struct record_kind signal_kind_handed = {
    "signal-handed", "signal-handed", "RFC 9110 section 9.3.1", say_handed, message_fields,
};
const struct record_kind signal_kind_refused = {
    "signal-refused", "signal-refused", "RFC 9110 section 15.5", say_refused, refused_fields,
};

/* --- clients ----------------------------------------------------------------------------------------------------- */

static enum signal_outcome
outcome_of(const struct record *record)
{
    return record->rule < SIGNAL_OUTCOME_COUNT ? record->rule : SIGNAL_OUTCOME_DONE;
}

static void
say_request(const struct record *record, GString *out)
{
    char to[SHOWN + 1], server[ENDPOINT_TEXT];

    g_string_append_printf(out, "signalling: request %u to %s for the mailbox of %s came to nothing: %s",
                           record->subject[0], endpoint_format(flow_destination(&record->before), server),
                           receiver_of(record, to), signal_outcome_sentence(outcome_of(record)));
}

static void
say_retried(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    say_request(record, out);
    g_string_append(out, "; it will be sent again");
}

static void
say_failed(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    say_request(record, out);
    g_string_append(out, "; given up");
}

static void
failed_fields(const struct record *record, const struct names *names, struct fields *out)
{
    char name[SHOWN + 1];

    (void)names;
    fields_text(out, "receiver", receiver_of(record, name));
    fields_number(out, "requests", record->subject[0]);
    fields_text(out, "outcome", signal_outcome_word(outcome_of(record)));
}

const struct record_kind signal_kind_retried = {
    "signal-retried", "signal-retried", "RFC 9110 section 9.2.2", say_retried, failed_fields,
};
const struct record_kind signal_kind_failed = {
    "signal-failed", "signal-failed", "RFC 9110 section 9.2.2", say_failed, failed_fields,
};
