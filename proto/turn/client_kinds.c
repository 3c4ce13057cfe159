#include "proto/turn/client_kinds.h"

#include "core/base/time.h"
#include "proto/turn/client_private.h"

static const struct {
    const char *word, *sentence;
} agains[] = {
    [TURN_CLIENT_AGAIN_PORT] = { "other-port", "it asks again from another port" },
    [TURN_CLIENT_AGAIN_TCP] = { "tcp", "it asks again by TCP" },
    [TURN_CLIENT_AGAIN_ELSEWHERE] = { "elsewhere", "it asks the server that it is sent to" },
    [TURN_CLIENT_AGAIN_PLAIN] = { "any-port", "it asks again for any port" },
    [TURN_CLIENT_AGAIN_NO_FRAGMENT] = { "no-df",
                                        "it asks again without DONT-FRAGMENT, which the server does not know" },
    [TURN_CLIENT_AGAIN_LATER] = { "later", "it will ask again" },
};

G_STATIC_ASSERT(G_N_ELEMENTS(agains) == TURN_CLIENT_AGAIN_COUNT);

/* --- sentences --------------------------------------------------------------------------------------------------- */

/* "the server refused, 486 Allocation Quota Reached" */
static void
say_why(const struct record *record, GString *out)
{
    g_string_append(out, turn_client_why_sentence(record->rule));
    if (record->rule == TURN_CLIENT_WHY_REJECTED)
        g_string_append_printf(out, ", %u %s", record->subject[0], stun_code_phrase(record->subject[0]));
}

static void
say_allocated(const struct record *record, const struct names *names, GString *out)
{
    char server[ENDPOINT_TEXT], relayed[ENDPOINT_TEXT], mapped[ENDPOINT_TEXT], lifetime[DURATION_TEXT];

    (void)names;
    g_string_append_printf(
        out, "TURN: the server %s relays at %s, for %s", endpoint_format(flow_destination(&record->before), server),
        endpoint_format(flow_source(&record->after), relayed), duration_format(record->detail, lifetime));
    if (!address_is_none(record->after.destination))
        g_string_append_printf(out, "; it sees this client as %s",
                               endpoint_format(flow_destination(&record->after), mapped));
}

static void
say_refreshed(const struct record *record, const struct names *names, GString *out)
{
    char relayed[ENDPOINT_TEXT], lifetime[DURATION_TEXT];

    (void)names;
    g_string_append_printf(out, "TURN: the allocation of %s is refreshed, for another %s",
                           endpoint_format(flow_source(&record->after), relayed),
                           duration_format(record->detail, lifetime));
}

static void
say_again(const struct record *record, const struct names *names, GString *out)
{
    char pause[DURATION_TEXT];

    (void)names;
    g_string_append(out, "TURN: no allocation yet: ");
    say_why(record, out);
    g_string_append_printf(out, ": %s", agains[record->subject[1]].sentence);
    if (record->detail)
        g_string_append_printf(out, " in %s", duration_format(record->detail, pause));
}

static void
say_failed(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    g_string_append(out, "TURN: no allocation: ");
    say_why(record, out);
}

static void
say_lost(const struct record *record, const struct names *names, GString *out)
{
    char relayed[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(
        out, "TURN: the allocation of %s is lost: ", endpoint_format(flow_source(&record->after), relayed));
    say_why(record, out);
}

static void
say_released(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    g_string_append(out, "TURN: the allocation is released");
    if (record->rule == TURN_CLIENT_WHY_NONE)
        return;
    g_string_append(out, ", but not confirmed: ");
    say_why(record, out);
}

static void
say_permitted(const struct record *record, const struct names *names, GString *out)
{
    char peer[ADDRESS_TEXT];

    (void)names;
    g_string_append_printf(out, "TURN: what %s sends is %s relayed for 5min",
                           address_format(record->after.destination, peer), record->detail ? "further" : "now");
}

static void
say_bound(const struct record *record, const struct names *names, GString *out)
{
    char peer[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "TURN: channel 0x%04x is %s bound to %s for 10min", record->subject[1],
                           record->detail ? "further" : "now", endpoint_format(flow_destination(&record->after), peer));
}

static void
say_refused(const struct record *record, const struct names *names, GString *out)
{
    char address[ADDRESS_TEXT], peer[ENDPOINT_TEXT];

    (void)names;
    if (record->subject[1])
        g_string_append_printf(out,
                               "TURN: no channel to %s%s: ", endpoint_format(flow_destination(&record->after), peer),
                               record->detail ? " any more" : "");
    else
        g_string_append_printf(out,
                               "TURN: no permission for %s%s: ", address_format(record->after.destination, address),
                               record->detail ? " any more" : "");
    say_why(record, out);
}

static void
say_connected(const struct record *record, const struct names *names, GString *out)
{
    char peer[ENDPOINT_TEXT];

    (void)names;
    endpoint_format(flow_destination(&record->after), peer);
    if (record->rule == TURN_CLIENT_WHY_NONE) {
        g_string_append_printf(out, "TURN: connected with %s through the relay", peer);
        return;
    }
    g_string_append_printf(out, "TURN: no connection with %s: ", peer);
    say_why(record, out);
}

static void
say_dropped(const struct record *record, const struct names *names, GString *out)
{
    char peer[ENDPOINT_TEXT];

    (void)names;
    g_string_append(out, "TURN: a datagram");
    if (!address_is_none(record->after.destination))
        g_string_append_printf(out, " with %s as peer", endpoint_format(flow_destination(&record->after), peer));
    g_string_append_printf(out, " is dropped: %s", drop_reason_sentence(record->reason));
}

/* --- fields ------------------------------------------------------------------------------------------------------ */

static void
why_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    if (record->rule != TURN_CLIENT_WHY_NONE)
        fields_text(out, "why", turn_client_why_word(record->rule));
    if (record->rule == TURN_CLIENT_WHY_REJECTED)
        fields_number(out, "code", record->subject[0]);
}

static void
again_fields(const struct record *record, const struct names *names, struct fields *out)
{
    why_fields(record, names, out);
    fields_text(out, "again", agains[record->subject[1]].word);
    if (record->detail)
        fields_time(out, "pause", record->detail);
}

static void
lifetime_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_time(out, "lifetime", record->detail);
}

static void
channel_fields(const struct record *record, const struct names *names, struct fields *out)
{
    why_fields(record, names, out);
    if (record->subject[1])
        fields_number(out, "channel", record->subject[1]);
}

static void
connection_fields(const struct record *record, const struct names *names, struct fields *out)
{
    why_fields(record, names, out);
    fields_number(out, "connection", record->subject[1]);
}

const struct record_kind turn_client_kind_allocated = {
    "turn-client-allocated", "turn-allocated", "RFC 8656 section 7.3", say_allocated, lifetime_fields,
};
const struct record_kind turn_client_kind_refreshed = {
    "turn-client-refreshed", "turn-refreshed", "RFC 8656 section 8.3", say_refreshed, lifetime_fields,
};
const struct record_kind turn_client_kind_again = {
    "turn-client-again", "turn-again", "RFC 8656 section 7.4", say_again, again_fields,
};
const struct record_kind turn_client_kind_failed = {
    "turn-client-failed", "turn-failed", "RFC 8656 section 7.4", say_failed, why_fields,
};
const struct record_kind turn_client_kind_lost = {
    "turn-client-lost", "turn-lost", "RFC 8656 section 5", say_lost, why_fields,
};
const struct record_kind turn_client_kind_released = {
    "turn-client-released", "turn-released", "RFC 8656 section 8", say_released, why_fields,
};
const struct record_kind turn_client_kind_permitted = {
    "turn-client-permitted", "turn-permitted", "RFC 8656 section 9", say_permitted, NULL,
};
const struct record_kind turn_client_kind_bound = {
    "turn-client-bound", "turn-bound", "RFC 8656 section 12", say_bound, channel_fields,
};
const struct record_kind turn_client_kind_refused = {
    "turn-client-refused", "turn-refused", "RFC 8656 sections 10.2 and 12.3", say_refused, channel_fields,
};
const struct record_kind turn_client_kind_connected = {
    "turn-client-connected", "turn-connected", "RFC 6062 section 4.3", say_connected, connection_fields,
};
const struct record_kind turn_client_kind_dropped = {
    "turn-client-dropped", "dropped", "RFC 8656 section 11.4", say_dropped, NULL,
};

/* --- for the client ---------------------------------------------------------------------------------------------- */

bool
turn_client_listened(const struct turn_client *client)
{
    return client->io->ops->listening(client->io);
}

struct record
turn_client_record(const struct turn_client *client, const struct record_kind *kind)
{
    struct endpoint own = client->leg ? client->leg->ops->local(client->leg) : (struct endpoint){ ADDRESS_NONE, 0 };
    struct endpoint server = client->attempt.server, relayed = client->granted.relayed;

    if (address_is_unspecified(own.address))
        (void)client->io->ops->source(client->io, &server.address, &own.address);
    return (struct record){
        .kind = kind,
        .before = { own.address, server.address, own.port, server.port, client->attempt.protocol },
        .after = { relayed.address, ADDRESS_NONE, relayed.port, 0, client->options.protocol },
    };
}

void
turn_client_note(const struct turn_client *client, struct record *record)
{
    client->io->ops->note(client->io, record);
}

void
turn_client_note_failure(const struct turn_client *client, const struct record_kind *kind,
                         const struct turn_client_failure *failure)
{
    if (!turn_client_listened(client))
        return;

    struct record record = turn_client_record(client, kind);

    record.rule = (uint16_t)failure->why;
    record.subject[0] = failure->code;
    turn_client_note(client, &record);
}

void
turn_client_note_drop(const struct turn_client *client, enum drop_reason reason, struct endpoint peer,
                      packet_name packet)
{
    if (!turn_client_listened(client))
        return;

    struct record record = turn_client_record(client, &turn_client_kind_dropped);

    record.verdict = VERDICT_DROP;
    record.reason = (uint8_t)reason;
    record.packet = packet;
    record.after.destination = peer.address;
    record.after.destination_port = peer.port;
    turn_client_note(client, &record);
}
