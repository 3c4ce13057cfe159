#include "proto/portmap/kinds.h"

#include "core/base/time.h"
#include "proto/portmap/client.h"
#include "proto/portmap/nat_pmp.h"
#include "proto/portmap/pcp.h"

/* Which of the words a record's numbers stand for. */

static const char *
name_of(const struct record *record)
{
    static const char *const names[] = { "PCP", "NAT-PMP", "UPnP" };

    return record->rule < G_N_ELEMENTS(names) ? names[record->rule] : "?";
}

const char *
portmap_code_word(unsigned via, unsigned code)
{
    if (via == PORTMAP_PCP)
        return pcp_result_word(code);
    return via == PORTMAP_NAT_PMP ? nat_pmp_result_word(code) : "";
}

static void
say_code(const struct record *record, GString *out)
{
    const char *word = portmap_code_word(record->rule, record->subject[0]);

    g_string_append_printf(out, "%u%s%s", record->subject[0], *word ? " " : "", word);
}

/* "udp 10.0.0.2:5000 at 203.0.113.1:5000" */
static void
say_mapping(const struct flow *flow, GString *out)
{
    const char *protocol = protocol_name(flow->protocol);
    char internal[ENDPOINT_TEXT], external[ENDPOINT_TEXT];

    if (protocol)
        g_string_append_printf(out, "%s ", protocol);
    else
        g_string_append_printf(out, "protocol %u ", flow->protocol);
    g_string_append_printf(out, "%s at %s", endpoint_format(flow_source(flow), internal),
                           endpoint_format(flow_destination(flow), external));
}

static bool
is_for_ever(const struct record *record)
{
    return record->detail == PORTMAP_LIFETIME_FOREVER;
}

static void
say_lifetime(const struct record *record, GString *out)
{
    char lifetime[DURATION_TEXT];

    if (is_for_ever(record))
        g_string_append(out, " for ever");
    else
        g_string_append_printf(out, " for %s", duration_format(record->detail * TIME_S, lifetime));
}

static void
say_served(const struct record *record, const struct names *names, GString *out)
{
    char source[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "%s request of %s: ", name_of(record),
                           endpoint_format(flow_source(&record->before), source));
    if (record->after.protocol == 0) {
        g_string_append(out, "answered");
        return;
    }
    g_string_append(out, record->detail ? "maps " : "ends the mapping of ");
    say_mapping(&record->after, out);
    if (record->detail)
        say_lifetime(record, out);
}

static void
say_refused(const struct record *record, const struct names *names, GString *out)
{
    char source[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "%s request of %s refused: ", name_of(record),
                           endpoint_format(flow_source(&record->before), source));
    say_code(record, out);
}

static void
say_dropped(const struct record *record, const struct names *names, GString *out)
{
    char source[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "datagram of %s dropped: %s", endpoint_format(flow_source(&record->before), source),
                           drop_reason_sentence(record->reason));
}

/* What UPnP asks for, step by step: see client_upnp.c. */
static const char *
step_of(const struct record *record)
{
    static const char *const steps[] = { "?", "a gateway", "its description", "the external address", "the mapping" };

    return steps[record->subject[1] < G_N_ELEMENTS(steps) ? record->subject[1] : 0];
}

static void
say_asked(const struct record *record, const struct names *names, GString *out)
{
    char server[ENDPOINT_TEXT];

    (void)names;
    if (record->rule == PORTMAP_UPNP) {
        g_string_append_printf(out, "UPnP: asks %s for %s", endpoint_format(flow_destination(&record->before), server),
                               step_of(record));
        return;
    }
    g_string_append_printf(out, "%s: request %u to %s", name_of(record), record->subject[1],
                           endpoint_format(flow_destination(&record->before), server));
}

static void
say_granted(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    g_string_append_printf(out, "%s: the gateway %s ", name_of(record), record->detail ? "maps" : "has ended");
    say_mapping(&record->after, out);
    if (record->detail)
        say_lifetime(record, out);
}

static void
say_failed(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    g_string_append_printf(out, "%s: no mapping: %s", name_of(record), portmap_failure_sentence(record->subject[1]));
    if (record->subject[1] == PORTMAP_FAILURE_REJECTED) {
        g_string_append(out, ", ");
        say_code(record, out);
    }
}

static void
say_lost(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    g_string_append_printf(out, "%s: the gateway's clock says that it has started over: the mapping is asked for again",
                           name_of(record));
}

static void
say_fallback(const struct record *record, const struct names *names, GString *out)
{
    char server[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "%s does not speak PCP but NAT-PMP: asked by that",
                           endpoint_format(flow_destination(&record->before), server));
}

static void
via_field(const struct record *record, struct fields *out)
{
    if (record->rule < PORTMAP_VIAS)
        fields_text(out, "via", portmap_via_words[record->rule]);
}

static void
mapping_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    via_field(record, out);
    if (record->after.protocol == 0)
        return;
    fields_endpoint(out, "internal", flow_source(&record->after));
    fields_endpoint(out, "external", flow_destination(&record->after));
    if (!is_for_ever(record))
        fields_time(out, "lifetime", record->detail * TIME_S);
}

static void
code_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    via_field(record, out);
    fields_number(out, "code", record->subject[0]);
}

static void
asked_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    via_field(record, out);
    if (record->rule == PORTMAP_UPNP)
        fields_text(out, "step", step_of(record));
    else
        fields_number(out, "requests", record->subject[1]);
}

static void
failed_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    via_field(record, out);
    fields_text(out, "outcome", portmap_failure_word(record->subject[1]));
    if (record->subject[1] == PORTMAP_FAILURE_REJECTED)
        fields_number(out, "code", record->subject[0]);
}

static void
plain_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    via_field(record, out);
}

const struct record_kind portmap_kind_served = {
    "portmap-served", "portmap-served", "RFC 6887 section 8.2", say_served, mapping_fields,
};
const struct record_kind portmap_kind_refused = {
    "portmap-refused", "portmap-refused", "RFC 6887 section 7.4", say_refused, code_fields,
};
const struct record_kind portmap_kind_dropped = {
    "portmap-dropped", "dropped", "RFC 6887 section 8.2", say_dropped, NULL,
};
const struct record_kind portmap_kind_asked = {
    "portmap-asked", "portmap-asked", "RFC 6887 section 8.1", say_asked, asked_fields,
};
const struct record_kind portmap_kind_granted = {
    "portmap-granted", "portmap-granted", "RFC 6887 section 11.4", say_granted, mapping_fields,
};
const struct record_kind portmap_kind_failed = {
    "portmap-failed", "portmap-failed", "RFC 6887 section 8.3", say_failed, failed_fields,
};
const struct record_kind portmap_kind_lost = {
    "portmap-lost", "portmap-lost", "RFC 6887 section 8.5", say_lost, plain_fields,
};
const struct record_kind portmap_kind_fallback = {
    "portmap-fallback", "portmap-fallback", "RFC 6887 section 9", say_fallback, plain_fields,
};
