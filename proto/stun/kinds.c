#include "proto/stun/kinds.h"

#include "core/base/time.h"
#include "proto/stun/client.h"

static const char *
method_of(const struct record *record)
{
    const char *name = stun_method_name(record->rule);

    return name ? name : "unknown";
}

static const char *
source_of(const struct flow *flow, char text[ENDPOINT_TEXT])
{
    return endpoint_format(flow_source(flow), text);
}

static const char *
destination_of(const struct flow *flow, char text[ENDPOINT_TEXT])
{
    return endpoint_format(flow_destination(flow), text);
}

static void
say_started(const struct record *record, const struct names *names, GString *out)
{
    char server[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "STUN transaction %u: %s request to %s", record->subject[0], method_of(record),
                           destination_of(&record->before, server));
}

static void
say_retransmitted(const struct record *record, const struct names *names, GString *out)
{
    char server[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "STUN transaction %u: no answer yet, request %u of %d to %s", record->subject[0],
                           record->subject[1], (int)record->detail, destination_of(&record->before, server));
}

static void
say_ignored(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    g_string_append_printf(out, "STUN transaction %u: an answer is ignored, because %s", record->subject[0],
                           record->rule == STUN_OUTCOME_SPOILT
                               ? "its FINGERPRINT is wrong: something on the way has changed it"
                               : "it does not prove to be the server's: MESSAGE-INTEGRITY is wrong, missing or too weak");
}

static const char *
why_again(unsigned code)
{
    switch (code) {
    case STUN_CODE_UNAUTHENTICATED:
        return "it is asked who it is, and asks again with credentials";
    case STUN_CODE_STALE_NONCE:
        return "its nonce has expired, and it asks again with a new one";
    case STUN_CODE_TRY_ALTERNATE:
        return "it is sent elsewhere";
    default:
        return "it will ask again in a while";
    }
}

static void
say_repeated(const struct record *record, const struct names *names, GString *out)
{
    char server[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "STUN transaction %u: %d %s: %s (%s)", record->subject[0], (int)record->detail,
                           stun_code_phrase((unsigned)record->detail), why_again((unsigned)record->detail),
                           destination_of(&record->before, server));
}

static void
say_answered(const struct record *record, const struct names *names, GString *out)
{
    char server[ENDPOINT_TEXT], mapped[ENDPOINT_TEXT], elapsed[DURATION_TEXT];

    (void)names;
    g_string_append_printf(out, "STUN transaction %u: %s answered after %s", record->subject[0],
                           destination_of(&record->before, server), duration_format(record->detail, elapsed));
    if (!address_is_none(record->after.source))
        g_string_append_printf(out, ": it sees this socket as %s", source_of(&record->after, mapped));
}

static void
say_failed(const struct record *record, const struct names *names, GString *out)
{
    char server[ENDPOINT_TEXT], elapsed[DURATION_TEXT];

    (void)names;
    g_string_append_printf(out, "STUN transaction %u with %s failed: %s", record->subject[0],
                           destination_of(&record->before, server), stun_outcome_sentence(record->rule));
    if (record->rule == STUN_OUTCOME_REJECTED)
        g_string_append_printf(out, ", %d %s", (int)record->detail, stun_code_phrase((unsigned)record->detail));
    else
        g_string_append_printf(out, " (%u %s in %s)", record->subject[1],
                               record->subject[1] == 1 ? "request" : "requests",
                               duration_format(record->detail, elapsed));
}

/* By the flags of CHANGE-REQUEST, halved. */
static const char *const changes[] = { "where it was asked", "the other port", "the other address",
                                       "the other address and port" };

static void
say_served(const struct record *record, const struct names *names, GString *out)
{
    char source[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "STUN %s request came from %s: the success response says so", method_of(record),
                           source_of(&record->before, source));
    if (record->detail)
        g_string_append_printf(out, ", from %s", changes[record->detail & 3]);
}

static void
served_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    if (record->detail)
        fields_text(out, "from", changes[record->detail & 3]);
}

static void
say_refused(const struct record *record, const struct names *names, GString *out)
{
    char source[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "STUN %s request of %s refused: %d %s", method_of(record),
                           source_of(&record->before, source), (int)record->detail,
                           stun_code_phrase((unsigned)record->detail));
}

static void
say_dropped(const struct record *record, const struct names *names, GString *out)
{
    char source[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "%s of %s dropped: %s",
                           record->before.protocol == PROTOCOL_TCP ? "message" : "datagram",
                           source_of(&record->before, source), drop_reason_sentence(record->reason));
    if (record->rule != STUN_FAULT_NONE)
        g_string_append_printf(out, " (%s)", stun_fault_sentence(record->rule));
}

static void
say_broken(const struct record *record, const struct names *names, GString *out)
{
    char source[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "resets the connection of %s: what came is no STUN message (%s)",
                           source_of(&record->before, source), stun_fault_sentence(record->rule));
}

static void
client_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_number(out, "transaction", record->subject[0]);
    fields_number(out, "requests", record->subject[1]);
}

static void
repeated_fields(const struct record *record, const struct names *names, struct fields *out)
{
    client_fields(record, names, out);
    fields_number(out, "code", record->detail);
}

static void
ignored_fields(const struct record *record, const struct names *names, struct fields *out)
{
    client_fields(record, names, out);
    fields_text(out, "because", stun_outcome_word(record->rule));
}

static void
answered_fields(const struct record *record, const struct names *names, struct fields *out)
{
    client_fields(record, names, out);
    if (!address_is_none(record->after.source))
        fields_endpoint(out, "mapped", flow_source(&record->after));
    fields_time(out, "elapsed", record->detail);
}

static void
failed_fields(const struct record *record, const struct names *names, struct fields *out)
{
    client_fields(record, names, out);
    fields_text(out, "outcome", stun_outcome_word(record->rule));
    if (record->rule == STUN_OUTCOME_REJECTED)
        fields_number(out, "code", record->detail);
    else
        fields_time(out, "elapsed", record->detail);
}

static void
refused_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_number(out, "code", record->detail);
}

static void
dropped_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_text(out, "fault", stun_fault_word(record->rule));
}

const struct record_kind stun_kind_started = {
    "stun-transaction-started", "stun-started", "RFC 8489 section 6.2.1", say_started, client_fields,
};
const struct record_kind stun_kind_retransmitted = {
    "stun-retransmission", "stun-retransmitted", "RFC 8489 section 6.2.1", say_retransmitted, client_fields,
};
const struct record_kind stun_kind_repeated = {
    "stun-transaction-repeated", "stun-repeated", "RFC 8489 section 6.3.4", say_repeated, repeated_fields,
};
const struct record_kind stun_kind_ignored = {
    "stun-response-ignored", "stun-ignored", "RFC 8489 section 6.3", say_ignored, ignored_fields,
};
const struct record_kind stun_kind_answered = {
    "stun-transaction-answered", "stun-answered", "RFC 8489 section 6.3.3", say_answered, answered_fields,
};
const struct record_kind stun_kind_failed = {
    "stun-transaction-failed", "stun-failed", "RFC 8489 section 6.2.1", say_failed, failed_fields,
};
const struct record_kind stun_kind_served = {
    "stun-request-served", "stun-served", "RFC 8489 section 6.3.1.1", say_served, served_fields,
};
const struct record_kind stun_kind_refused = {
    "stun-request-refused", "stun-refused", "RFC 8489 section 6.3.1", say_refused, refused_fields,
};
const struct record_kind stun_kind_dropped = {
    "stun-dropped", "dropped", "RFC 8489 section 6.3", say_dropped, dropped_fields,
};
const struct record_kind stun_kind_broken = {
    "stun-connection-broken", "stun-broken", "RFC 8489 section 6.2.2", say_broken, dropped_fields,
};
