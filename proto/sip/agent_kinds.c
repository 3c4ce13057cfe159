#include "proto/sip/agent_kinds.h"

#include "proto/sip/agent.h"

enum { SHOWN = 8, CAME = 256 };

/* A name that is longer ends with '~'. */
void
sip_record_name(struct record *record, struct span name)
{
    uint64_t packed = 0;

    for (size_t i = 0; i < SHOWN; i++) {
        uint8_t byte = i < name.length ? name.bytes[i] : 0;

        packed = packed << 8 | (i == SHOWN - 1 && name.length > SHOWN ? '~' : byte);
    }
    record->subject[0] = (uint32_t)(packed >> 32);
    record->subject[1] = (uint32_t)packed;
}

static const char *
name_of(const struct record *record, char text[SHOWN + 1])
{
    uint64_t packed = (uint64_t)record->subject[0] << 32 | record->subject[1];

    for (size_t i = 0; i < SHOWN; i++)
        text[i] = (char)(packed >> (56 - 8 * i));
    text[SHOWN] = '\0';
    return text;
}

static enum sip_why
why_of(const struct record *record)
{
    unsigned why = record->rule % CAME;

    return why < SIP_WHY_COUNT ? why : SIP_WHY_HANGUP;
}

static void
say_status(const struct record *record, GString *out)
{
    if (record->detail > 0)
        g_string_append_printf(out, " (%d %s)", (int)record->detail, sip_status_phrase((unsigned)record->detail));
}

static void
status_fields(const struct record *record, struct fields *out)
{
    char name[SHOWN + 1];

    fields_text(out, "user", name_of(record, name));
    if (record->detail > 0)
        fields_number(out, "code", record->detail);
}

/* ---- registration */

static void
say_registered(const struct record *record, const struct names *names, GString *out)
{
    char name[SHOWN + 1], contact[ENDPOINT_TEXT], seen[ENDPOINT_TEXT], granted[DURATION_TEXT];

    (void)names;
    g_string_append_printf(out, "SIP: %s is registered as %s for %s", name_of(record, name),
                           endpoint_format(flow_source(&record->after), contact),
                           duration_format(record->detail, granted));
    if (record->after.destination_port == 0)
        return;
    if (endpoint_equal(flow_source(&record->after), flow_destination(&record->after)))
        g_string_append(out, ", and that is where the registrar sees it");
    else
        g_string_append_printf(out, ", but the registrar sees it at %s",
                               endpoint_format(flow_destination(&record->after), seen));
}

static void
registered_fields(const struct record *record, const struct names *names, struct fields *out)
{
    char name[SHOWN + 1];

    (void)names;
    fields_text(out, "user", name_of(record, name));
    fields_endpoint(out, "contact", flow_source(&record->after));
    if (record->after.destination_port != 0)
        fields_endpoint(out, "seen", flow_destination(&record->after));
    fields_time(out, "expires", record->detail);
}

static void
say_register_failed(const struct record *record, const struct names *names, GString *out)
{
    char name[SHOWN + 1];

    (void)names;
    g_string_append_printf(out, "SIP: %s could not be registered: %s", name_of(record, name),
                           sip_why_sentence(why_of(record)));
    say_status(record, out);
}

static void
why_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    status_fields(record, out);
    fields_text(out, "why", sip_why_word(why_of(record)));
}

static void
say_unregistered(const struct record *record, const struct names *names, GString *out)
{
    char name[SHOWN + 1];

    (void)names;
    g_string_append_printf(out, "SIP: %s is not registered any more, as it wanted", name_of(record, name));
}

static void
plain_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    status_fields(record, out);
}

const struct record_kind sip_agent_kind_registered = {
    "sip-registered", "sip-registered", "RFC 3261 section 10.2", say_registered, registered_fields,
};
const struct record_kind sip_agent_kind_register_failed = {
    "sip-register-failed", "sip-register-failed", "RFC 3261 section 10.2", say_register_failed, why_fields,
};
const struct record_kind sip_agent_kind_unregistered = {
    "sip-unregistered", "sip-unregistered", "RFC 3261 section 10.2.2", say_unregistered, plain_fields,
};

/* ---- calls */

static void
say_call(const struct record *record, GString *out)
{
    char name[SHOWN + 1];

    g_string_append_printf(out, "SIP: %s %s", record->rule >= CAME ? "a call to" : "the call of",
                           name_of(record, name));
}

static void
say_offered(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    say_call(record, out);
    g_string_append(out, record->rule >= CAME ? " has come" : " begins");
}

static void
say_ringing(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    say_call(record, out);
    g_string_append(out, record->rule >= CAME ? " makes it ring" : " rings at the other end");
    say_status(record, out);
}

static void
say_answered(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    say_call(record, out);
    g_string_append(out, " is answered, and both sides know it");
}

static void
say_changed(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    say_call(record, out);
    if (record->detail == 0)
        g_string_append(out, ": the other side has changed the session");
    else if (record->detail < 300)
        g_string_append(out, ": the session is changed, as this side wanted");
    else
        g_string_append(out, ": the change that this side wanted came to nothing");
    say_status(record, out);
}

static void
say_ended(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    say_call(record, out);
    g_string_append_printf(out, " has ended: %s", sip_why_sentence(why_of(record)));
    say_status(record, out);
}

static void
call_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    status_fields(record, out);
    fields_text(out, "direction", record->rule >= CAME ? "in" : "out");
}

static void
ended_fields(const struct record *record, const struct names *names, struct fields *out)
{
    call_fields(record, names, out);
    fields_text(out, "why", sip_why_word(why_of(record)));
}

const struct record_kind sip_call_kind_offered = {
    "sip-call-offered", "sip-call", "RFC 3261 section 13", say_offered, call_fields,
};
const struct record_kind sip_call_kind_ringing = {
    "sip-call-ringing", "sip-ringing", "RFC 3261 section 13.3.1.1", say_ringing, call_fields,
};
const struct record_kind sip_call_kind_answered = {
    "sip-call-answered", "sip-answered", "RFC 3261 section 13.2.2.4", say_answered, call_fields,
};
const struct record_kind sip_call_kind_changed = {
    "sip-call-changed", "sip-changed", "RFC 3261 section 14", say_changed, call_fields,
};
const struct record_kind sip_call_kind_ended = {
    "sip-call-ended", "sip-ended", "RFC 3261 section 15", say_ended, ended_fields,
};
