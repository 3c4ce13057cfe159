/* Hairpinning (RFC 4787 section 6): a packet from inside to one of the box's external addresses turns round. It goes
 * out by its sender's mapping, as if it left, and comes in again by the one it was sent to, as if it came from the
 * sender's external endpoint. Both decisions are way.c's, and each leaves its record; nothing about the packet changes
 * before both are made. */
#include "nat/box.h"
#include "nat/shares.h"

/* The way out of a hairpinned packet: its sender's mapping, which makes it come from `*external`. `dropped` is to say
 * why there is none. */
static enum drop_reason
way_out(struct nat *nat, const struct packet *packet, const struct flow *flow, const struct port *out,
        struct record *dropped, struct endpoint *external)
{
    struct way way;
    enum drop_reason reason = nat_take_way(nat, packet, flow, out, &way);

    if (nat_listening(nat) && reason == DROP_POLICY)
        nat_record_firewall(dropped, nat->options->rules, way.denied);
    if (reason != DROP_NONE)
        return reason;
    *external = mapping_external(mapping_at(nat->table, way.slot));
    if (nat_listening(nat)) {
        struct record record = packet_record(packet, &nat_outbound_kind, nat->box.node);

        record.rule = NAT_RULE_HAIRPIN;
        record.after = packet->flow;
        record.after.source = external->address;
        record.after.source_port = external->port;
        nat_journal_outbound(nat, &record, &way);
    }
    return DROP_NONE;
}

/* What a hairpinned packet says when it comes in. Between the families there is only the external source to show. */
static void
turn_round(struct nat *nat, struct packet *packet, struct endpoint external, const struct mapping *mapping)
{
    bool ipv6 = !address_is_ipv4(mapping->internal_address);

    if (ipv6 != packet_is(packet, PACKET_IPV6)) {
        nat64_rewrite(nat, packet, ipv6 ? nat64_embed(nat, external) : external, mapping_internal(mapping));
        return;
    }
    if (address_is_ipv4(external.address) && ipv6)
        external = nat64_embed(nat, external);
    packet_rewrite_destination(packet, mapping->internal_address, mapping->internal_port);
    if (nat->options->hairpin == NAT_HAIRPIN_EXTERNAL_SOURCE || nat64_takes(nat, external.address))
        nat_show_source(nat, packet, external.address, external.port);
}

/* A hairpinned packet on its way out, which its sender's mapping made come from `external`. */
static void G_GNUC_NO_INLINE
let_read(struct nat *nat, struct packet *packet, struct endpoint sender, struct endpoint external)
{
    struct nat_translation translation = { false, true, sender, external };
    enum verdict verdict = nat->reader->read(nat->reader, packet, &translation);

    g_assert(verdict == VERDICT_PASS);
}

/* The way in again: `seen` is the packet's flow as mappings know it, and it counts as sent by `external`. */
static enum verdict
way_in(struct nat *nat, struct packet *packet, const struct flow *seen, struct endpoint external, uint32_t slot)
{
    const struct mapping *mapping = slot ? mapping_at(nat->table, slot) : NULL;
    struct endpoint sender = flow_source(seen);
    struct flow flow = *seen;
    struct record record;
    struct admission by;
    enum verdict verdict;

    flow.source = external.address;
    flow.source_port = external.port;
    if (nat_listening(nat)) {
        record = packet_record(packet, &nat_inbound_dropped_kind, nat->box.node);
        record.before = flow;
        record.rule = NAT_RULE_HAIRPIN | (slot ? nat_inbound_rule(nat, mapping) : NAT_RULE_NONE);
        record.subject[0] = slot ? mapping->number : 0;
    }
    if (!slot)
        return nat_refuse(nat, packet, &record, DROP_NO_MAPPING, &external);
    verdict = nat_admit(nat, packet, slot, &flow, &record, &by);
    if (verdict != VERDICT_PASS)
        return verdict;
    turn_round(nat, packet, external, mapping);
    nat->counts.hairpinned++;
    if (G_UNLIKELY(nat->reader))
        let_read(nat, packet, sender, external);
    return nat_let_in(nat, packet, slot, &by, &record);
}

/* Of several mappings that share an external endpoint, whose is a packet from `external`? */
static uint32_t
sharer(const struct nat *nat, uint8_t protocol, const struct endpoint *target, const struct endpoint *external,
       uint32_t slot)
{
    return slot && mapping_at(nat->table, slot)->shared ? mapping_find_inbound(nat->table, protocol, target, external)
                                                        : slot;
}

enum verdict
nat_hairpin(struct nat *nat, struct packet *packet, const struct port *out)
{
    struct endpoint target = flow_destination(&packet->flow), external;
    struct record record;
    uint32_t slot = 0;
    enum drop_reason reason;
    enum verdict verdict;

    if (packet_is(packet, PACKET_ICMP_ERROR))
        return nat_error_enter(nat, packet, packet->in);
    if (!nat_has_ports(packet))
        return VERDICT_MINE;
    reason = nat_find_inbound(nat, packet, &target, &slot);
    if (reason != DROP_NONE)
        return nat_refuse_forward(nat, packet, reason);
    reason = DROP_HAIRPIN_OFF;
    if (!slot && (nat_translates_nothing(nat, packet) || nat_box_has(nat, packet->flow.protocol, target)))
        return VERDICT_MINE;
    if (nat_listening(nat)) {
        record = packet_record(packet, &nat_outbound_dropped_kind, nat->box.node);
        record.rule = NAT_RULE_HAIRPIN;
    }
    if (nat->options->hairpin != NAT_HAIRPIN_OFF)
        reason = node_ttl_expired(nat->box.node, packet) ? DROP_TTL_EXCEEDED
                                                         : way_out(nat, packet, &packet->flow, out, &record, &external);
    if (reason == DROP_NONE)
        verdict = way_in(nat, packet, &packet->flow, external,
                         sharer(nat, packet->flow.protocol, &target, &external, slot));
    else
        verdict = nat_deny(nat, packet, &record, reason);
    if (slot && verdict != VERDICT_PASS)
        nat_end_unused(nat, slot);
    return verdict;
}

enum verdict
nat_hairpin_crossing(struct nat *nat, struct packet *packet, const struct flow *flow, const struct port *out,
                     struct record *record)
{
    struct endpoint target = flow_destination(flow), external;
    uint32_t slot = nat->table ? mapping_find_external(nat->table, flow->protocol, &target) : 0;
    enum drop_reason reason = way_out(nat, packet, flow, out, record, &external);

    if (reason != DROP_NONE)
        return nat_deny(nat, packet, record, reason);
    return way_in(nat, packet, flow, external, sharer(nat, flow->protocol, &target, &external, slot));
}
