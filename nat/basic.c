/* What passes a NAT without a mapping: ICMP queries from outside to a host with an external address of its own (Basic
 * NAT, RFC 3022 section 2.1; RFC 5508 REQ-1), and their replies; and what goes to destinations for which translation is
 * switched off (RFC 6888 REQ-6). */
#include "core/net/icmp.h"
#include "core/net/rewrite.h"
#include "nat/box.h"
#include "nat/forwards.h"

static struct record
record_of(const struct nat *nat, const struct packet *packet, const struct record_kind *kind, uint16_t rule)
{
    struct record record = packet_record(packet, kind, nat->box.node);

    record.rule = rule;
    record.verdict = VERDICT_PASS;
    return record;
}

/* Tells what became of a packet, whose record was begun before it was rewritten. */
static void
tell(struct nat *nat, struct packet *packet, struct record *record)
{
    packet->flags |= PACKET_TRANSLATED;
    record->after = packet->flow;
    if (nat_world(nat)->journal)
        journal_take(nat_world(nat)->journal, record);
}

bool
nat_basic_in(struct nat *nat, struct packet *packet, enum verdict *verdict)
{
    struct address internal = nat->options->forward_count > 0
                                  ? forwards_basic_in(nat->options, packet->flow.destination, packet->flow.source)
                                  : ADDRESS_NONE;
    struct record record;

    if (address_is_none(internal))
        return false;
    record = record_of(nat, packet, &nat_inbound_kind, NAT_RULE_OPEN);
    if (node_ttl_expired(nat->box.node, packet)) {
        record.kind = &nat_inbound_dropped_kind;
        *verdict = nat_drop(nat, packet, &record, DROP_TTL_EXCEEDED);
        icmp_send_error(nat->box.node, packet, ICMP_TIME_EXCEEDED, 0, 0);
        return true;
    }
    packet_rewrite_destination(packet, internal, packet->flow.destination_port);
    nat->counts.inbound++;
    tell(nat, packet, &record);
    *verdict = VERDICT_PASS;
    return true;
}

bool
nat_basic_out(struct nat *nat, struct packet *packet)
{
    struct address external = nat->options->forward_count > 0 ? forwards_basic_out(nat->options, packet->flow.source)
                                                              : ADDRESS_NONE;
    struct record record;

    if (address_is_none(external))
        return false;
    record = record_of(nat, packet, &nat_outbound_kind, NAT_RULE_OPEN);
    nat_show_source(nat, packet, external, packet->flow.source_port);
    nat->counts.outbound++;
    tell(nat, packet, &record);
    return true;
}

bool
nat_is_exempt(const struct nat *nat, struct address remote)
{
    for (uint32_t i = 0; i < nat->options->exempt_count; i++)
        if (prefix_contains(nat->options->exempt[i], remote))
            return true;
    return false;
}

enum verdict
nat_pass_exempt(struct nat *nat, struct packet *packet)
{
    struct record record = record_of(nat, packet, &nat_outbound_kind, NAT_RULE_EXEMPT);

    nat->counts.outbound++;
    tell(nat, packet, &record);
    return VERDICT_PASS;
}
