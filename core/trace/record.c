#include "core/trace/record.h"

const char *
verdict_word(enum verdict verdict)
{
    static const char *const words[] = {
        [VERDICT_NONE] = NULL, [VERDICT_PASS] = "pass", [VERDICT_MINE] = "mine", [VERDICT_DROP] = "drop",
        [VERDICT_HELD] = "held",
    };

    G_STATIC_ASSERT(G_N_ELEMENTS(words) == VERDICT_HELD + 1);
    g_assert((unsigned)verdict < G_N_ELEMENTS(words));
    return words[verdict];
}

static void
packet_field(const char *name, packet_name packet, const struct names *names, GString *scratch, struct fields *out)
{
    if (packet == 0)
        return;
    g_string_truncate(scratch, 0);
    packet_name_say(packet, names, scratch);
    out->text(out, name, span_of(scratch->str, scratch->len));
}

static void
protocol_field(uint8_t protocol, struct fields *out)
{
    const char *word = protocol_name(protocol);
    char number[4];

    if (!word)
        g_snprintf(number, sizeof(number), "%u", protocol);
    fields_text(out, "protocol", word ? word : number);
}

/* With its port where it has one: neither end of most ICMP has, nor the end of a query that was asked (flow_say). */
static void
end_field(const char *name, const struct flow *flow, struct endpoint end, struct fields *out)
{
    bool ports = (flow->source_port | flow->destination_port) != 0;
    bool query = flow->protocol == PROTOCOL_ICMP || flow->protocol == PROTOCOL_ICMPV6;

    if (ports && (!query || end.port))
        fields_endpoint(out, name, end);
    else
        fields_address(out, name, end.address);
}

static bool
flow_is_none(const struct flow *flow)
{
    return address_is_none(flow->source) && address_is_none(flow->destination);
}

static void
flow_fields(const struct record *record, struct fields *out)
{
    const struct flow *before = &record->before, *after = &record->after;

    if (flow_is_none(before) && flow_is_none(after))
        return;
    protocol_field(flow_is_none(before) ? after->protocol : before->protocol, out);
    if (!flow_is_none(before)) {
        end_field("from", before, flow_source(before), out);
        end_field("to", before, flow_destination(before), out);
    }
    if (flow_is_none(after))
        return;
    if (!endpoint_equal(flow_source(before), flow_source(after)))
        end_field("after_from", after, flow_source(after), out);
    if (!endpoint_equal(flow_destination(before), flow_destination(after)))
        end_field("after_to", after, flow_destination(after), out);
}

static void
decision_fields(const struct record *record, struct fields *out)
{
    const char *word = verdict_word(record->verdict), *source = record->kind->source;

    if (word)
        fields_text(out, "verdict", word);
    if (record->reason != DROP_NONE) {
        fields_text(out, "reason", drop_reason_word(record->reason));
        if (*drop_reason_source(record->reason))
            source = drop_reason_source(record->reason);
    }
    if (*source)
        fields_text(out, "source", source);
}

void
record_fields(const struct record *record, const struct names *names, const GString *said, struct fields *out)
{
    g_autoptr(GString) scratch = g_string_sized_new(256);

    fields_time(out, "at", record->at);
    fields_text(out, "node", names->node(names, record->node));
    fields_text(out, "kind", record->kind->name);
    fields_text(out, "action", record->kind->action);
    packet_field("packet", record->packet, names, scratch, out);
    packet_field("cause", record->cause, names, scratch, out);
    flow_fields(record, out);
    if (record->size)
        fields_number(out, "size", record->size);
    if (record->ttl)
        fields_number(out, "ttl", record->ttl);
    decision_fields(record, out);
    if (record->kind->fields)
        record->kind->fields(record, names, out);
    if (!said) {
        g_string_truncate(scratch, 0);
        record->kind->say(record, names, scratch);
        said = scratch;
    }
    out->text(out, "text", span_of(said->str, said->len));
}
