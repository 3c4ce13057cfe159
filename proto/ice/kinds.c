#include "proto/ice/kinds.h"

#include "core/base/time.h"
#include "proto/ice/kinds_pack.h"

static unsigned
unpack(const struct record *record, unsigned from, unsigned bits)
{
    return record->subject[1] >> from & ((1u << bits) - 1);
}

static enum ice_pair_state
was_of(const struct record *record)
{
    return (enum ice_pair_state)unpack(record, PACK_WAS, 3);
}

static enum ice_pair_state
is_of(const struct record *record)
{
    return (enum ice_pair_state)unpack(record, PACK_IS, 3);
}

static enum ice_state
state_of(const struct record *record)
{
    return (enum ice_state)unpack(record, PACK_STATE, 2);
}

static enum ice_type
own_of(const struct record *record)
{
    return (enum ice_type)unpack(record, PACK_OWN, 2);
}

static enum ice_type
peer_of(const struct record *record)
{
    return (enum ice_type)unpack(record, PACK_PEER, 2);
}

/* ---- sentences */

static void
say_because(const struct record *record, GString *out)
{
    if (record->rule != ICE_WHY_NONE)
        g_string_append_printf(out, ", because %s", ice_why_sentence((enum ice_why)record->rule));
}

/* "pair 3 (host 10.0.0.2:5000 -> server-reflexive 203.0.113.1:40000)" */
static void
say_pair(const struct record *record, GString *out)
{
    char from[ENDPOINT_TEXT], to[ENDPOINT_TEXT];

    g_string_append_printf(out, "pair %u (%s %s -> %s %s)", record->subject[0], ice_type_phrase(own_of(record)),
                           endpoint_format(flow_source(&record->before), from), ice_type_phrase(peer_of(record)),
                           endpoint_format(flow_destination(&record->before), to));
}

static void
say_candidate(const struct record *record, const char *whose, enum ice_type type, GString *out)
{
    char at[ENDPOINT_TEXT], base[ENDPOINT_TEXT];
    bool taken = unpack(record, PACK_NEW, 1);

    g_string_append_printf(out, "%s%s candidate %s %s", taken ? "new " : "", whose, ice_type_phrase(type),
                           endpoint_format(flow_destination(&record->before), at));
    if (!address_is_none(record->before.source) &&
        !endpoint_equal(flow_source(&record->before), flow_destination(&record->before)))
        g_string_append_printf(out, " with base %s", endpoint_format(flow_source(&record->before), base));
    if (taken)
        g_string_append_printf(out, " (%s, component %u, priority %u)",
                               record->before.protocol == PROTOCOL_TCP ? "TCP" : "UDP",
                               unpack(record, PACK_COMPONENT, 9), (unsigned)record->detail);
    else if (record->rule == ICE_WHY_REMOVED)
        g_string_append(out, " is gone");
    else
        g_string_append(out, " is not taken");
    if (record->rule != ICE_WHY_REMOVED)
        say_because(record, out);
}

static void
say_local(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    say_candidate(record, "local", own_of(record), out);
}

static void
say_remote(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    say_candidate(record, "remote", peer_of(record), out);
}

static void
say_moved(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    say_pair(record, out);
    if (unpack(record, PACK_NEW, 1) && is_of(record) == ICE_PAIR_GONE)
        g_string_append(out, " is left out");
    else if (unpack(record, PACK_NEW, 1))
        g_string_append_printf(out, " is new and %s", ice_pair_state_name(is_of(record)));
    else if (is_of(record) == ICE_PAIR_GONE)
        g_string_append_printf(out, " leaves the checklist, where it was %s", ice_pair_state_name(was_of(record)));
    else
        g_string_append_printf(out, " goes from %s to %s", ice_pair_state_name(was_of(record)),
                               ice_pair_state_name(is_of(record)));
    say_because(record, out);
    if (record->rule == ICE_WHY_ERROR_RESPONSE)
        g_string_append_printf(out, ": %d %s", (int)record->detail, stun_code_phrase((unsigned)record->detail));
}

static void
say_check(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    g_string_append_printf(out, "check %d on ", (int)record->detail);
    say_pair(record, out);
    if (record->rule == ICE_WHY_NOMINATING)
        g_string_append(out, " with USE-CANDIDATE");
    if (record->detail > 1)
        g_string_append(out, ": no answer yet");
    else
        say_because(record, out);
}

static void
say_valid(const struct record *record, const struct names *names, GString *out)
{
    char mapped[ENDPOINT_TEXT], rtt[DURATION_TEXT];

    (void)names;
    say_pair(record, out);
    g_string_append_printf(out, " is valid: the peer sees this agent as %s",
                           endpoint_format(flow_source(&record->after), mapped));
    if (record->detail >= 0)
        g_string_append_printf(out, ", and answered after %s", duration_format(record->detail, rtt));
}

static void
say_nominated(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    say_pair(record, out);
    g_string_append(out, " is nominated");
    say_because(record, out);
}

static void
say_selected(const struct record *record, const struct names *names, GString *out)
{
    char elapsed[DURATION_TEXT];

    (void)names;
    say_pair(record, out);
    g_string_append_printf(out, " is selected for component %u of stream %u, %s after the start",
                           unpack(record, PACK_COMPONENT, 9), unpack(record, PACK_STREAM, 5) + 1,
                           duration_format(record->detail, elapsed));
    say_because(record, out);
}

static void
say_checklist(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    g_string_append_printf(out, "the checklist of stream %u is %s", record->subject[0] + 1,
                           ice_state_name(state_of(record)));
    say_because(record, out);
}

static void
say_session(const struct record *record, const struct names *names, GString *out)
{
    char elapsed[DURATION_TEXT];

    (void)names;
    g_string_append_printf(out, "ICE is %s", ice_state_name(state_of(record)));
    if (state_of(record) != ICE_RUNNING && record->rule != ICE_WHY_MISMATCH) /* that comes before the start */
        g_string_append_printf(out, " %s after the start", duration_format(record->detail, elapsed));
    say_because(record, out);
}

static void
say_released(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    g_string_append_printf(out, "stream %u: candidates that no selected pair uses may be freed",
                           record->subject[0] + 1);
    say_because(record, out);
}

static void
say_role(const struct record *record, const struct names *names, GString *out)
{
    const char *role = unpack(record, PACK_CONTROLLING, 1) ? "controlling" : "controlled";

    (void)names;
    if (unpack(record, PACK_REFUSES, 1))
        g_string_append_printf(out, "this agent stays %s and answers 487 Role Conflict", role);
    else
        g_string_append_printf(out, "this agent becomes %s", role);
    say_because(record, out);
}

static void
say_consent_lost(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    g_string_append(out, "nothing more is sent on ");
    flow_say(&record->before, out);
    say_because(record, out);
}

static void
say_request_refused(const struct record *record, const struct names *names, GString *out)
{
    char source[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "check from %s refused: %d %s", endpoint_format(flow_source(&record->before), source),
                           (int)record->detail, stun_code_phrase((unsigned)record->detail));
}

static void
say_ignored(const struct record *record, const struct names *names, GString *out)
{
    char source[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "STUN message from %s ignored", endpoint_format(flow_source(&record->before), source));
    say_because(record, out);
}

static void
say_restarted(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    g_string_append_printf(out,
                           "ICE restarts: generation %d, with new credentials; pairs that were selected stay in use "
                           "until new ones are",
                           (int)record->detail);
}

/* ---- fields */

static void
why_fields(const struct record *record, struct fields *out)
{
    fields_text(out, "why", ice_why_word((enum ice_why)record->rule));
    fields_text(out, "rfc", ice_why_source((enum ice_why)record->rule));
}

static void
candidate_fields(const struct record *record, enum ice_type type, struct fields *out)
{
    fields_text(out, "type", ice_type_word(type));
    fields_number(out, "component", unpack(record, PACK_COMPONENT, 9));
    fields_number(out, "stream", unpack(record, PACK_STREAM, 5));
    fields_number(out, "priority", record->detail);
    out->flag(out, "taken", unpack(record, PACK_NEW, 1));
    why_fields(record, out);
}

static void
local_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    candidate_fields(record, own_of(record), out);
}

static void
remote_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    candidate_fields(record, peer_of(record), out);
}

static void
pair_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_number(out, "pair", record->subject[0]);
    fields_text(out, "own_type", ice_type_word(own_of(record)));
    fields_text(out, "peer_type", ice_type_word(peer_of(record)));
    fields_number(out, "component", unpack(record, PACK_COMPONENT, 9));
    fields_number(out, "stream", unpack(record, PACK_STREAM, 5));
    why_fields(record, out);
}

static void
moved_fields(const struct record *record, const struct names *names, struct fields *out)
{
    pair_fields(record, names, out);
    if (!unpack(record, PACK_NEW, 1))
        fields_text(out, "was", ice_pair_state_word(was_of(record)));
    fields_text(out, "is", ice_pair_state_word(is_of(record)));
    fields_number(out, record->rule == ICE_WHY_ERROR_RESPONSE ? "code" : "priority", record->detail);
}

static void
check_fields(const struct record *record, const struct names *names, struct fields *out)
{
    pair_fields(record, names, out);
    fields_number(out, "request", record->detail);
}

static void
valid_fields(const struct record *record, const struct names *names, struct fields *out)
{
    pair_fields(record, names, out);
    fields_endpoint(out, "mapped", flow_source(&record->after));
    if (record->detail >= 0)
        fields_time(out, "rtt", record->detail);
}

static void
nominated_fields(const struct record *record, const struct names *names, struct fields *out)
{
    pair_fields(record, names, out);
    fields_number(out, "priority", record->detail);
}

static void
selected_fields(const struct record *record, const struct names *names, struct fields *out)
{
    pair_fields(record, names, out);
    fields_time(out, "elapsed", record->detail);
}

static void
state_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_text(out, "state", ice_state_word(state_of(record)));
    fields_time(out, "elapsed", record->detail);
    why_fields(record, out);
}

static void
checklist_fields(const struct record *record, const struct names *names, struct fields *out)
{
    fields_number(out, "stream", record->subject[0]);
    state_fields(record, names, out);
}

static void
released_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_number(out, "stream", record->subject[0]);
}

static void
role_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_text(out, "role", unpack(record, PACK_CONTROLLING, 1) ? "controlling" : "controlled");
    out->flag(out, "refuses", unpack(record, PACK_REFUSES, 1));
    why_fields(record, out);
}

static void
consent_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_number(out, "component", unpack(record, PACK_COMPONENT, 9));
    fields_number(out, "stream", unpack(record, PACK_STREAM, 5));
    why_fields(record, out);
}

static void
code_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_number(out, "code", record->detail);
}

static void
ignored_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    why_fields(record, out);
}

static void
restarted_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_number(out, "generation", record->detail);
}

/* ---- kinds */

const struct record_kind ice_kind_local = {
    "ice-local-candidate", "ice-candidate", "RFC 8445 section 5.1", say_local, local_fields,
};
const struct record_kind ice_kind_remote = {
    "ice-remote-candidate", "ice-candidate", "RFC 8445 section 5.3", say_remote, remote_fields,
};
const struct record_kind ice_kind_pair = {
    "ice-pair", "ice-pair", "RFC 8445 section 6.1.2.6", say_moved, moved_fields,
};
const struct record_kind ice_kind_check = {
    "ice-check", "ice-check", "RFC 8445 section 7.2.4", say_check, check_fields,
};
const struct record_kind ice_kind_valid = {
    "ice-valid-pair", "ice-valid", "RFC 8445 section 7.2.5.3.2", say_valid, valid_fields,
};
const struct record_kind ice_kind_nominated = {
    "ice-nominated", "ice-nominated", "RFC 8445 section 8.1.1", say_nominated, nominated_fields,
};
const struct record_kind ice_kind_selected = {
    "ice-selected", "ice-selected", "RFC 8445 section 8.1.2", say_selected, selected_fields,
};
const struct record_kind ice_kind_checklist = {
    "ice-checklist", "ice-checklist", "RFC 8445 section 6.1.2.1", say_checklist, checklist_fields,
};
const struct record_kind ice_kind_session = {
    "ice-session", "ice-session", "RFC 8445 section 6.1.3", say_session, state_fields,
};
const struct record_kind ice_kind_released = {
    "ice-released", "ice-released", "RFC 8445 section 8.3.1", say_released, released_fields,
};
const struct record_kind ice_kind_role = {
    "ice-role", "ice-role", "RFC 8445 section 6.1.1", say_role, role_fields,
};
const struct record_kind ice_kind_consent_lost = {
    "ice-consent-lost", "ice-consent-lost", "RFC 7675 section 5.1", say_consent_lost, consent_fields,
};
const struct record_kind ice_kind_request_refused = {
    "ice-check-refused", "ice-refused", "RFC 8445 section 7.3", say_request_refused, code_fields,
};
const struct record_kind ice_kind_response_ignored = {
    "ice-message-ignored", "ice-ignored", "RFC 8489 section 9.1.4", say_ignored, ignored_fields,
};
const struct record_kind ice_kind_restarted = {
    "ice-restarted", "ice-restarted", "RFC 8445 section 9", say_restarted, restarted_fields,
};
