#include "proto/turn/kinds.h"

#include "core/base/time.h"
#include "proto/stun/registry.h"

static const char *const whys[] = { "expired", "deleted", "disconnected" };
static const char *const why_sentences[] = { "its time is over", "the client has deleted it",
                                             "the client's connection is gone" };

G_STATIC_ASSERT(G_N_ELEMENTS(whys) == TURN_WHY_COUNT && G_N_ELEMENTS(why_sentences) == TURN_WHY_COUNT);

/* --- sentences --------------------------------------------------------------------------------------------------- */

static void
append_endpoint(GString *out, const char *before, struct endpoint endpoint)
{
    char text[ENDPOINT_TEXT];

    g_string_append_printf(out, "%s%s", before, endpoint_format(endpoint, text));
}

static void
append_address(GString *out, const char *before, struct address address)
{
    char text[ADDRESS_TEXT];

    g_string_append_printf(out, "%s%s", before, address_format(address, text));
}

static void
say_allocated(const struct record *record, const struct names *names, GString *out)
{
    char lifetime[DURATION_TEXT];

    (void)names;
    append_endpoint(out, "TURN allocation made for ", flow_source(&record->before));
    append_endpoint(out, ": peers reach it at ", flow_source(&record->after));
    g_string_append_printf(out, " for %s (allocation %u)", duration_format(record->detail, lifetime),
                           record->subject[0]);
}

static void
say_refreshed(const struct record *record, const struct names *names, GString *out)
{
    char lifetime[DURATION_TEXT];

    (void)names;
    g_string_append_printf(out, "TURN allocation %u refreshed", record->subject[0]);
    append_endpoint(out, " by ", flow_source(&record->before));
    g_string_append_printf(out, ": it lives for another %s", duration_format(record->detail, lifetime));
}

static void
say_ended(const struct record *record, const struct names *names, GString *out)
{
    char lived[DURATION_TEXT];

    (void)names;
    g_string_append_printf(out, "TURN allocation %u", record->subject[0]);
    append_endpoint(out, " of ", flow_source(&record->before));
    append_endpoint(out, " at ", flow_source(&record->after));
    g_string_append_printf(out, " ends after %s and %u KiB: %s", duration_format(record->detail, lived),
                           record->subject[1], why_sentences[record->rule % TURN_WHY_COUNT]);
}

static void
say_refused(const struct record *record, const struct names *names, GString *out)
{
    const char *method = stun_method_name(record->rule);

    (void)names;
    g_string_append_printf(out, "TURN %s request", method ? method : "unknown");
    append_endpoint(out, " of ", flow_source(&record->before));
    g_string_append_printf(out, " refused: %d %s", (int)record->detail, stun_code_phrase((unsigned)record->detail));
}

static void
say_permitted(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    append_address(out, "TURN permission: datagrams of ", record->after.destination);
    append_endpoint(out, ", from any port, now reach the client at ", flow_source(&record->before));
}

static void
say_permission_ended(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    append_address(out, "TURN permission for ", record->after.destination);
    append_endpoint(out, " has run out: its datagrams no longer reach the client at ", flow_source(&record->before));
}

static void
say_bound(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    g_string_append_printf(out, "TURN channel 0x%04X", record->subject[1]);
    append_endpoint(out, " of ", flow_source(&record->before));
    append_endpoint(out, " bound to the peer ", flow_destination(&record->after));
}

static void
say_unbound(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    g_string_append_printf(out, "TURN channel 0x%04X", record->subject[1]);
    append_endpoint(out, " of ", flow_source(&record->before));
    append_endpoint(out, " has run out: it is no longer bound to ", flow_destination(&record->after));
}

static void
say_form(const struct record *record, const char *indication, GString *out)
{
    if (record->subject[1])
        g_string_append_printf(out, ", channel 0x%04X", record->subject[1]);
    else
        g_string_append_printf(out, ", %s indication", indication);
}

static void
say_to_peer(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    append_endpoint(out, "relayed from ", flow_source(&record->before));
    append_endpoint(out, " to the peer ", flow_destination(&record->after));
    append_endpoint(out, ", who sees it come from ", flow_source(&record->after));
    g_string_append_printf(out, " (%d bytes", (int)record->detail);
    say_form(record, "Send", out);
    g_string_append_c(out, ')');
}

static void
say_to_client(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    append_endpoint(out, "relayed from the peer ", flow_source(&record->before));
    append_endpoint(out, " to the client ", flow_destination(&record->after));
    g_string_append_printf(out, " (%d bytes", (int)record->detail);
    say_form(record, "Data", out);
    g_string_append_c(out, ')');
}

static void
say_icmp(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    g_string_append_printf(out, "ICMP type %u code %u about the peer ", record->rule >> 8, record->rule & 255u);
    append_endpoint(out, "", flow_source(&record->before));
    append_endpoint(out, " told to the client ", flow_destination(&record->after));
}

static void
say_dropped(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    append_endpoint(out, record->before.protocol == PROTOCOL_TCP ? "what came from " : "datagram of ",
                    flow_source(&record->before));
    g_string_append_printf(out, " dropped by the relay: %s", drop_reason_sentence(record->reason));
}

static void
say_connected(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    append_endpoint(out, record->rule ? "TURN: the peer has connected from " : "TURN: connected to the peer ",
                    flow_destination(&record->after));
    append_endpoint(out, record->rule ? " to " : " from ", flow_source(&record->after));
    g_string_append_printf(out, " (connection %08x)", record->subject[1]);
}

static void
say_joined(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    g_string_append_printf(out, "TURN connection %08x", record->subject[1]);
    append_endpoint(out, ": the client joins it from ", flow_source(&record->before));
    append_endpoint(out, ", and bytes go through to ", flow_destination(&record->after));
}

static void
say_parted(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    g_string_append_printf(out, "TURN connection %08x", record->subject[1]);
    append_endpoint(out, " with the peer ", flow_destination(&record->after));
    g_string_append_printf(out, " is closed after %" G_GINT64_FORMAT " bytes", record->detail);
}

/* --- fields ------------------------------------------------------------------------------------------------------ */

static void
allocation_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_number(out, "allocation", record->subject[0]);
}

static void
lifetime_fields(const struct record *record, const struct names *names, struct fields *out)
{
    allocation_fields(record, names, out);
    fields_endpoint(out, "relayed", flow_source(&record->after));
    fields_time(out, "lifetime", record->detail);
}

static void
ended_fields(const struct record *record, const struct names *names, struct fields *out)
{
    allocation_fields(record, names, out);
    fields_endpoint(out, "relayed", flow_source(&record->after));
    fields_text(out, "why", whys[record->rule % TURN_WHY_COUNT]);
    fields_time(out, "lived", record->detail);
    fields_number(out, "kib", record->subject[1]);
}

static void
refused_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_number(out, "code", record->detail);
}

static void
permission_fields(const struct record *record, const struct names *names, struct fields *out)
{
    allocation_fields(record, names, out);
    fields_address(out, "peer", record->after.destination);
}

static void
channel_fields(const struct record *record, const struct names *names, struct fields *out)
{
    allocation_fields(record, names, out);
    fields_endpoint(out, "peer", flow_destination(&record->after));
    fields_number(out, "channel", record->subject[1]);
}

static void
data_fields(const struct record *record, const struct names *names, struct fields *out)
{
    allocation_fields(record, names, out);
    if (record->subject[1])
        fields_number(out, "channel", record->subject[1]);
    fields_number(out, "bytes", record->detail);
}

static void
icmp_fields(const struct record *record, const struct names *names, struct fields *out)
{
    allocation_fields(record, names, out);
    fields_number(out, "icmp_type", record->rule >> 8);
    fields_number(out, "icmp_code", record->rule & 255);
}

static void
connection_fields(const struct record *record, const struct names *names, struct fields *out)
{
    allocation_fields(record, names, out);
    fields_endpoint(out, "peer", flow_destination(&record->after));
    fields_number(out, "connection", record->subject[1]);
}

static void
parted_fields(const struct record *record, const struct names *names, struct fields *out)
{
    connection_fields(record, names, out);
    fields_number(out, "bytes", record->detail);
}

const struct record_kind turn_kind_allocated = {
    "turn-allocated", "turn-allocated", "RFC 8656 section 7.2", say_allocated, lifetime_fields,
};
const struct record_kind turn_kind_refreshed = {
    "turn-refreshed", "turn-refreshed", "RFC 8656 section 8.2", say_refreshed, lifetime_fields,
};
const struct record_kind turn_kind_ended = {
    "turn-allocation-ended", "turn-ended", "RFC 8656 section 6", say_ended, ended_fields,
};
const struct record_kind turn_kind_refused = {
    "turn-request-refused", "turn-refused", "RFC 8656 section 19", say_refused, refused_fields,
};
const struct record_kind turn_kind_permitted = {
    "turn-permission", "turn-permitted", "RFC 8656 section 9", say_permitted, permission_fields,
};
const struct record_kind turn_kind_permission_ended = {
    "turn-permission-ended", "turn-permission-ended", "RFC 8656 section 9", say_permission_ended, permission_fields,
};
const struct record_kind turn_kind_bound = {
    "turn-channel-bound", "turn-bound", "RFC 8656 section 12.2", say_bound, channel_fields,
};
const struct record_kind turn_kind_unbound = {
    "turn-channel-ended", "turn-unbound", "RFC 8656 section 12", say_unbound, channel_fields,
};
const struct record_kind turn_kind_to_peer = {
    "turn-to-peer", "relayed", "RFC 8656 section 11.2", say_to_peer, data_fields,
};
const struct record_kind turn_kind_to_client = {
    "turn-to-client", "relayed", "RFC 8656 section 11.3", say_to_client, data_fields,
};
const struct record_kind turn_kind_icmp = {
    "turn-icmp", "relayed", "RFC 8656 section 11.5", say_icmp, icmp_fields,
};
const struct record_kind turn_kind_dropped = {
    "turn-dropped", "dropped", "RFC 8656 section 11", say_dropped, allocation_fields,
};
const struct record_kind turn_kind_connected = {
    "turn-peer-connected", "turn-connected", "RFC 6062 section 5", say_connected, connection_fields,
};
const struct record_kind turn_kind_joined = {
    "turn-connection-joined", "turn-joined", "RFC 6062 section 5.4", say_joined, connection_fields,
};
const struct record_kind turn_kind_parted = {
    "turn-connection-parted", "turn-parted", "RFC 6062 section 5.5", say_parted, parted_fields,
};
