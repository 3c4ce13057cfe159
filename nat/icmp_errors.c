/* ICMP errors through a NAT (RFC 5508 section 4). What counts is not where an error comes from but the packet that it
 * quotes, as the one who made the error saw it:
 *
 *   from outside   the quote's source is external: it becomes internal again, and the error goes there.
 *   from inside    the quote's destination is internal: it becomes external again, and the error comes from there.
 *   hairpin        both.
 *
 * Errors neither refresh nor end a mapping (RFC 4787 REQ-12, RFC 5508 REQ-6) and are not filtered by their source
 * (RFC 4787 REQ-12a). */
#include "core/net/icmp.h"
#include "core/net/rewrite.h"
#include "nat/box.h"
#include "nat/peers.h"
#include "nat/shares.h"

static bool
is_translated(uint8_t protocol)
{
    return protocol == PROTOCOL_UDP || protocol == PROTOCOL_TCP || protocol == PROTOCOL_ICMP ||
           protocol == PROTOCOL_ICMPV6;
}

uint32_t
nat_find_admitting(const struct nat *nat, uint8_t protocol, struct endpoint internal, struct endpoint remote)
{
    struct mapping_key key = nat_key(nat, protocol, internal, remote);
    uint16_t rule;
    uint32_t slot = is_translated(key.protocol) ? nat_find_way(nat, &key, true, &rule) : 0;

    return slot && nat_known(nat, slot, &key.remote) != PEER_UNKNOWN ? slot : 0;
}

/* The same of the packet that is quoted, which had come in. */
static uint32_t
find_admitting(const struct nat *nat, const struct quote *quote)
{
    return nat_find_admitting(nat, quote->flow.protocol, flow_destination(&quote->flow), flow_source(&quote->flow));
}

struct record
nat_error_record(const struct nat *nat, const struct packet *packet, const struct quote *quote)
{
    struct record record = packet_record(packet, &nat_icmp_error_dropped_kind, nat->box.node);

    record.detail = quote->type << 8 | quote->code;
    return record;
}

enum verdict
nat_error_pass(struct nat *nat, struct packet *packet, struct record *record)
{
    struct world *world = nat_world(nat);

    packet->flags |= PACKET_TRANSLATED;
    nat->counts.icmp_errors++;
    if (world->journal) {
        record->kind = &nat_icmp_error_kind;
        record->verdict = VERDICT_PASS;
        record->after = packet->flow;
        journal_take(world->journal, record);
    }
    return VERDICT_PASS;
}

/* Gives the quote its external destination back, and the error an external source. */
static void
restore_destination(struct nat *nat, struct packet *packet, struct quote *quote, uint32_t slot)
{
    const struct mapping *mapping = mapping_at(nat->table, slot);

    if (mapping->dependence == NAT_MAPPING_NONE)
        return;
    packet_rewrite_quote_destination(packet, quote, mapping_external(mapping));
    nat_show_source(nat, packet, mapping->external_address, mapping->external_port);
}

/* An error about something that no mapping sent: the box's own affair, in transit, or nobody's. */
static enum verdict
unrelated(struct nat *nat, struct packet *packet, const struct quote *quote, struct record *record)
{
    const struct local_range *local = node_local(nat->box.node, packet->flow.destination);

    if (!packet->in || (local && nat_box_has(nat, quote->flow.protocol, flow_source(&quote->flow))))
        return VERDICT_MINE;
    if (!local && !nat_leads_inside(nat, packet->flow.destination))
        return VERDICT_PASS;
    return nat_drop(nat, packet, record, DROP_ICMP_UNRELATED);
}

enum verdict
nat_error_enter(struct nat *nat, struct packet *packet, const struct port *in)
{
    bool inside = in && in->inside;
    struct quote quote;
    enum drop_reason reason = packet_read_quote(packet, &quote);
    struct record record = nat_error_record(nat, packet, &quote);
    struct endpoint sender, receiver;
    const struct mapping *mapping;
    enum verdict verdict;
    uint32_t slot = 0, other = 0;

    record.rule = inside ? NAT_RULE_HAIRPIN : NAT_RULE_NONE;
    if (reason == DROP_NONE && quote.is_icmp_error)
        reason = DROP_ICMP_UNRELATED;
    if (reason != DROP_NONE)
        return nat_drop(nat, packet, &record, reason);
    sender = flow_source(&quote.flow);
    receiver = flow_destination(&quote.flow);
    if (nat->table && is_translated(quote.flow.protocol))
        slot = mapping_find_inbound(nat->table, quote.flow.protocol, &sender, &receiver);
    if (!slot)
        return unrelated(nat, packet, &quote, &record);
    mapping = mapping_at(nat->table, slot);
    record.subject[0] = mapping->number;
    if (!nat->options->icmp_errors && in)
        return nat_drop(nat, packet, &record, DROP_ICMP_REFUSED);
    if ((inside || !in) && !(other = find_admitting(nat, &quote)) && inside)
        return nat_drop(nat, packet, &record, DROP_ICMP_UNRELATED);
    if (in && mapping->dependence != NAT_MAPPING_NONE && node_ttl_expired(nat->box.node, packet))
        return nat_drop(nat, packet, &record, DROP_TTL_EXCEEDED);

    if (other)
        restore_destination(nat, packet, &quote, other);
    if (nat_realm(mapping->internal_address, mapping->external_address) == NAT_IPV6_TO_IPV4) {
        reason = nat64_error_in(nat, packet, &quote, slot);
        if (reason != DROP_NONE)
            return nat_drop(nat, packet, &record, reason);
    } else if (mapping->dependence != NAT_MAPPING_NONE) {
        packet_rewrite_quote_source(packet, &quote, mapping_internal(mapping));
        packet_rewrite_destination(packet, mapping->internal_address, mapping->internal_port);
    }
    verdict = nat_error_pass(nat, packet, &record);
    if (nat_has_quirk(nat, NAT_QUIRK_ICMP_DESTROYS) && in && !inside)
        nat_quirk_destroy(nat, slot, NAT_QUIRK_ICMP_DESTROYS);
    return verdict;
}

enum verdict
nat_error_leave(struct nat *nat, struct packet *packet)
{
    bool own = !packet->in;
    struct quote quote;
    enum drop_reason reason = packet_read_quote(packet, &quote);
    struct record record = nat_error_record(nat, packet, &quote);
    uint32_t slot = 0;

    if (reason == DROP_NONE && !quote.is_icmp_error)
        slot = find_admitting(nat, &quote);
    if (!slot && own)
        return VERDICT_PASS; /* about what it had not translated */
    if (!slot)
        return nat_drop(nat, packet, &record, reason != DROP_NONE ? reason : DROP_ICMP_UNRELATED);
    record.subject[0] = mapping_at(nat->table, slot)->number;
    if (!nat->options->icmp_errors && !own)
        return nat_drop(nat, packet, &record, DROP_ICMP_REFUSED);

    restore_destination(nat, packet, &quote, slot);
    return nat_error_pass(nat, packet, &record);
}
