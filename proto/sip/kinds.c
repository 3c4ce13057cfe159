#include "proto/sip/kinds.h"

#include "core/base/io.h"
#include "proto/sip/connection.h"
#include "proto/sip/transactions.h"

static const char *
source_of(const struct record *record, char text[ENDPOINT_TEXT])
{
    return endpoint_format(flow_source(&record->before), text);
}

static const char *
destination_of(const struct record *record, char text[ENDPOINT_TEXT])
{
    return endpoint_format(flow_destination(&record->before), text);
}

static const char *
method_of(const struct record *record)
{
    return record->rule > SIP_METHOD_OTHER && record->rule < SIP_METHOD_COUNT ? sip_method_word(record->rule)
                                                                              : "request";
}

static enum sip_fault
fault_of(const struct record *record)
{
    return record->rule < SIP_FAULT_COUNT ? record->rule : SIP_FAULT_NONE;
}

static enum sip_outcome
outcome_of(const struct record *record)
{
    return record->subject[0] < SIP_OUTCOME_COUNT ? record->subject[0] : SIP_OUTCOME_TIMEOUT;
}

/* ---- the carrier */

static void
say_dropped(const struct record *record, const struct names *names, GString *out)
{
    char source[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "SIP: a message of %s dropped: %s", source_of(record, source),
                           drop_reason_sentence(record->reason));
    if (fault_of(record) != SIP_FAULT_NONE)
        g_string_append_printf(out, " (%s)", sip_fault_sentence(fault_of(record)));
}

static void
say_refused(const struct record *record, const struct names *names, GString *out)
{
    char source[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "SIP: a request of %s is refused with %d %s", source_of(record, source),
                           (int)record->detail, sip_status_phrase((unsigned)record->detail));
    if (fault_of(record) != SIP_FAULT_NONE)
        g_string_append_printf(out, ": %s", sip_fault_sentence(fault_of(record)));
}

static void
fault_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    if (fault_of(record) != SIP_FAULT_NONE)
        fields_text(out, "fault", sip_fault_word(fault_of(record)));
    if (record->detail != 0)
        fields_number(out, "code", record->detail);
}

static const char *const end_words[] = { "closed", "broken", "silent", "lapsed" };
static const char *const end_sentences[] = { "it was closed or failed", "nothing that came could be understood",
                                             "nothing came for too long", "no pong came to a ping" };

static unsigned
end_of(const struct record *record)
{
    return record->rule < G_N_ELEMENTS(end_words) ? record->rule : 0;
}

static void
say_connection(const struct record *record, const struct names *names, GString *out)
{
    char peer[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "SIP: the connection with %s ends: %s", destination_of(record, peer),
                           end_sentences[end_of(record)]);
    if (record->detail > IO_OK && record->detail <= IO_UNSUPPORTED)
        g_string_append_printf(out, " (%s)", io_result_word((enum io_result)record->detail));
}

static void
connection_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_text(out, "why", end_words[end_of(record)]);
    if (record->detail >= IO_OK && record->detail <= IO_UNSUPPORTED)
        fields_text(out, "io", io_result_word((enum io_result)record->detail));
}

static void
say_lapsed(const struct record *record, const struct names *names, GString *out)
{
    char peer[ENDPOINT_TEXT], mapped[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "SIP: the flow to %s is dead: ", destination_of(record, peer));
    if (record->after.source_port)
        g_string_append_printf(out, "it is seen at %s now, so the NAT has forgotten the mapping it was known by",
                               endpoint_format(flow_source(&record->after), mapped));
    else
        g_string_append(out, "a keep-alive was not answered");
}

const struct record_kind sip_kind_dropped = {
    "sip-dropped", "dropped", "RFC 3261 section 18.3", say_dropped, fault_fields,
};
const struct record_kind sip_kind_refused = {
    "sip-refused", "sip-refused", "RFC 3261 section 8.2", say_refused, fault_fields,
};
const struct record_kind sip_kind_connection_ended = {
    "sip-connection-ended", "sip-connection", "RFC 3261 section 18.4", say_connection, connection_fields,
};
const struct record_kind sip_kind_flow_lapsed = {
    "sip-flow-lapsed", "sip-flow", "RFC 5626 section 4.4", say_lapsed, NULL,
};

/* ---- transactions */

static void
say_message(const struct record *record, GString *out)
{
    if (record->detail > 0)
        g_string_append_printf(out, "%d %s to %s", (int)record->detail, sip_status_phrase((unsigned)record->detail),
                               method_of(record));
    else
        g_string_append(out, method_of(record));
}

static void
say_again(const struct record *record, const struct names *names, GString *out)
{
    char peer[ENDPOINT_TEXT];

    (void)names;
    g_string_append(out, "SIP: ");
    say_message(record, out);
    g_string_append_printf(out, " is sent to %s again (%u times so far): ", destination_of(record, peer),
                           record->subject[0]);
    if (record->detail > 0)
        g_string_append(out, "it has not been acknowledged, or was asked for once more");
    else
        g_string_append(out, "nobody has answered");
}

static void
again_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_text(out, "method", method_of(record));
    if (record->detail > 0)
        fields_number(out, "code", record->detail);
    fields_number(out, "sent", record->subject[0]);
}

static void
say_unanswered(const struct record *record, const struct names *names, GString *out)
{
    char peer[ENDPOINT_TEXT];

    (void)names;
    g_string_append(out, "SIP: ");
    say_message(record, out);
    g_string_append_printf(out, " with %s came to nothing: %s", destination_of(record, peer),
                           record->detail > 0 && outcome_of(record) == SIP_OUTCOME_TIMEOUT
                               ? "no ACK came"
                               : sip_outcome_sentence(outcome_of(record)));
}

static void
unanswered_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_text(out, "method", method_of(record));
    if (record->detail > 0)
        fields_number(out, "code", record->detail);
    fields_text(out, "outcome", sip_outcome_word(outcome_of(record)));
    fields_number(out, "sent", record->subject[1]);
}

static void
say_long(const struct record *record, const struct names *names, GString *out)
{
    char peer[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "SIP: %s of %d bytes goes to %s over TCP: it is too long for a datagram",
                           method_of(record), (int)record->detail, destination_of(record, peer));
}

static void
say_fallback(const struct record *record, const struct names *names, GString *out)
{
    char peer[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "SIP: %s of %d bytes goes to %s over UDP after all: there is no connection to be had",
                           method_of(record), (int)record->detail, destination_of(record, peer));
}

static void
long_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_text(out, "method", method_of(record));
    fields_number(out, "bytes", record->detail);
}

const struct record_kind sip_kind_again = {
    "sip-again", "sip-again", "RFC 3261 section 17", say_again, again_fields,
};
const struct record_kind sip_kind_unanswered = {
    "sip-unanswered", "sip-unanswered", "RFC 3261 section 17", say_unanswered, unanswered_fields,
};
const struct record_kind sip_kind_long_request = {
    "sip-long-request", "sip-long-request", "RFC 3261 section 18.1.1", say_long, long_fields,
};
const struct record_kind sip_kind_fallback = {
    "sip-fallback", "sip-long-request", "RFC 3261 section 18.1.1", say_fallback, long_fields,
};
