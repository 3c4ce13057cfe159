#include "proto/sip/exchange_kinds.h"

#include "proto/sip/exchange.h"

enum { SHOWN = 8 };

/* A name that is longer ends with '~'. */
void
sip_record_user(struct record *record, const char *user)
{
    size_t length = strlen(user);
    uint64_t packed = 0;

    for (size_t i = 0; i < SHOWN; i++)
        packed = packed << 8 | (i == SHOWN - 1 && length > SHOWN ? '~' : i < length ? (uint8_t)user[i] : 0);
    record->subject[0] = (uint32_t)(packed >> 32);
    record->subject[1] = (uint32_t)packed;
}

static const char *
user_of(const struct record *record, char text[SHOWN + 1])
{
    uint64_t packed = (uint64_t)record->subject[0] << 32 | record->subject[1];

    for (size_t i = 0; i < SHOWN; i++) {
        char letter = (char)(packed >> (56 - 8 * i));

        text[i] = letter && !g_ascii_isprint(letter) ? '?' : letter;
    }
    text[SHOWN] = 0;
    return text;
}

static const char *
source_of(const struct record *record, char text[ENDPOINT_TEXT])
{
    return endpoint_format(flow_source(&record->before), text);
}

static const char *
method_of(const struct record *record)
{
    return record->rule > SIP_METHOD_OTHER && record->rule < SIP_METHOD_COUNT ? sip_method_word(record->rule)
                                                                              : "request";
}

/* --- bindings ---------------------------------------------------------------------------------------------------- */

static const struct {
    const char *word, *sentence;
} changes[] = {
    [SIP_BINDING_MADE] = { "made", "is registered" },
    [SIP_BINDING_REFRESHED] = { "refreshed", "has refreshed its registration" },
    [SIP_BINDING_REMOVED] = { "removed", "has taken its registration back" },
    [SIP_BINDING_EXPIRED] = { "expired", "is not registered any more: nobody has refreshed it" },
    [SIP_BINDING_FLOW_ENDED] = { "flow-ended", "is not registered any more: its flow is dead" },
};

static unsigned
change_of(const struct record *record)
{
    return record->rule < G_N_ELEMENTS(changes) ? record->rule : 0;
}

static void
say_bound(const struct record *record, const struct names *names, GString *out)
{
    char user[SHOWN + 1], source[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "SIP: %s %s at %s for %d s", user_of(record, user), changes[change_of(record)].sentence,
                           source_of(record, source), (int)record->detail);
}

static void
say_unbound(const struct record *record, const struct names *names, GString *out)
{
    char user[SHOWN + 1], source[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "SIP: %s at %s %s", user_of(record, user), source_of(record, source),
                           changes[change_of(record)].sentence);
}

static void
binding_fields(const struct record *record, const struct names *names, struct fields *out)
{
    char user[SHOWN + 1];

    (void)names;
    fields_text(out, "user", user_of(record, user));
    fields_text(out, "change", changes[change_of(record)].word);
    fields_number(out, "seconds", record->detail);
}

const struct record_kind sip_kind_bound = { "sip-bound", "sip-registered", "RFC 3261 section 10.3", say_bound,
                                            binding_fields };
const struct record_kind sip_kind_unbound = { "sip-unbound", "sip-unregistered", "RFC 3261 section 10.3", say_unbound,
                                              binding_fields };

static enum sip_registering
registering_of(const struct record *record)
{
    return record->rule < SIP_REGISTERING_COUNT ? record->rule : SIP_REGISTERING_DONE;
}

static void
say_register_refused(const struct record *record, const struct names *names, GString *out)
{
    char user[SHOWN + 1], source[ENDPOINT_TEXT];
    enum sip_registering what = registering_of(record);

    (void)names;
    g_string_append_printf(out, "SIP: a REGISTER for %s from %s is refused with %u: %s", user_of(record, user),
                           source_of(record, source), sip_registering_status(what), sip_registering_sentence(what));
}

static void
register_refused_fields(const struct record *record, const struct names *names, struct fields *out)
{
    char user[SHOWN + 1];

    (void)names;
    fields_text(out, "user", user_of(record, user));
    fields_text(out, "why", sip_registering_word(registering_of(record)));
    fields_number(out, "code", sip_registering_status(registering_of(record)));
}

const struct record_kind sip_kind_register_refused = { "sip-register-refused", "sip-refused", "RFC 3261 section 10.3",
                                                       say_register_refused, register_refused_fields };

/* --- requests ---------------------------------------------------------------------------------------------------- */

static void
say_forwarded(const struct record *record, const struct names *names, GString *out)
{
    char source[ENDPOINT_TEXT], to[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "SIP: %s from %s goes on to %s", method_of(record), source_of(record, source),
                           endpoint_format(flow_destination(&record->after), to));
}

static void
method_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_text(out, "method", method_of(record));
}

const struct record_kind sip_kind_forwarded = { "sip-forwarded", "sip-forwarded", "RFC 3261 section 16.6",
                                                say_forwarded, method_fields };

static enum sip_refusal
refusal_of(const struct record *record)
{
    return record->detail > 0 && record->detail < SIP_REFUSAL_COUNT ? (enum sip_refusal)record->detail
                                                                    : SIP_REFUSAL_NONE;
}

static unsigned
status_of(const struct record *record)
{
    unsigned status = sip_refusal_status(refusal_of(record));

    return status == 401 && record->rule != SIP_REGISTER ? 407 : status;
}

static void
say_request_refused(const struct record *record, const struct names *names, GString *out)
{
    char source[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "SIP: %s from %s is refused with %u %s, because %s", method_of(record),
                           source_of(record, source), status_of(record), sip_status_phrase(status_of(record)),
                           sip_refusal_sentence(refusal_of(record)));
}

static void
request_refused_fields(const struct record *record, const struct names *names, struct fields *out)
{
    method_fields(record, names, out);
    fields_text(out, "why", sip_refusal_word(refusal_of(record)));
    fields_number(out, "code", status_of(record));
}

const struct record_kind sip_kind_request_refused = { "sip-request-refused", "sip-refused", "RFC 3261 section 16.3",
                                                      say_request_refused, request_refused_fields };

static void
say_returned(const struct record *record, const struct names *names, GString *out)
{
    char source[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "SIP: %s of %s ends with %d %s", method_of(record), source_of(record, source),
                           (int)record->detail, sip_status_phrase((unsigned)record->detail));
}

static void
returned_fields(const struct record *record, const struct names *names, struct fields *out)
{
    method_fields(record, names, out);
    fields_number(out, "code", record->detail);
}

const struct record_kind sip_kind_returned = { "sip-returned", "sip-returned", "RFC 3261 section 16.7", say_returned,
                                               returned_fields };
