/* A packet's way through a NAT or a firewall. There are three:
 *
 *   outbound   from inside to outside, on `leave`: the source becomes external. A mapping is found, or made.
 *   inbound    from outside to an external address, on `enter`: if it leads to a mapping and the filter admits it, the
 *              destination becomes internal. What leads to none is for the box itself, or refused.
 *   hairpin    from inside to an external address, on `enter`: outbound for the sender's mapping, then inbound for the
 *              other's (RFC 4787 section 6): hairpin.c.
 *
 * IPv6 takes the same three, and where the box is no translator of it comes out as it went in. What goes to IPv4 is
 * translated on `enter`, because it is routed as IPv4: nat64.c. A box that only changes prefixes has no state:
 * prefix.c.
 *
 * The user's rules are asked about packets that belong to no flow with state: outbound before anything is translated,
 * inbound before the filter (nat/rules.h).
 *
 * Nothing about a packet or a mapping changes before all is decided, but for the mapping that a hairpinned packet makes
 * on its way out. Each decision is one record. How packets end that are not let through: refusals.c. ICMP errors have
 * their own rules: icmp_errors.c. */
#include "core/base/cursor.h"
#include "core/net/icmp.h"
#include "core/net/rewrite.h"
#include "core/net/stack.h"
#include "nat/box.h"
#include "nat/forwards.h"
#include "nat/peers.h"
#include "nat/shares.h"

/* ---- what a packet is */

enum kind_of_packet { PACKET_ASKS, PACKET_ANSWERS, PACKET_OTHER };

/* UDP and TCP may start a conversation and go on with one. An ICMP query starts one, its reply goes on with it (RFC
 * 5508 section 3.1). Nothing else is translated (RFC 5508 REQ-11). */
static enum kind_of_packet
outbound_kind(const struct packet *packet)
{
    uint8_t protocol = packet->flow.protocol, type;
    struct reader reader;

    if (nat_has_ports(packet))
        return PACKET_ASKS;
    if (protocol != (packet_is(packet, PACKET_IPV6) ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP))
        return PACKET_OTHER;
    reader = reader_over(packet_transport(packet));
    type = reader_u8(&reader);
    return icmp_asks(protocol, type) ? PACKET_ASKS : icmp_answers(protocol, type) ? PACKET_ANSWERS : PACKET_OTHER;
}

bool
nat_translates_nothing(const struct nat *nat, const struct packet *packet)
{
    const struct flow *flow = &packet->flow;

    return nat_mapping_of(nat, flow->protocol, flow->source, flow->destination) == NAT_MAPPING_NONE;
}

bool
nat_box_has(const struct nat *nat, uint8_t protocol, struct endpoint local)
{
    return nat->box.node->stack && stack_port_taken(nat->box.node, protocol, local);
}

bool
nat_leads_inside(const struct nat *nat, struct address address)
{
    struct hop hop;

    return node_route(nat->box.node, address, &hop) && hop.port->inside;
}

/* ---- records */

/* `session`: of TCP, 0 for none. */
static void
journal_translated(const struct nat *nat, struct record *record, uint32_t slot, uint32_t session)
{
    record->verdict = VERDICT_PASS;
    record->subject[0] = mapping_at(nat->table, slot)->number;
    record->detail = session ? session_at(nat->table, session)->deadline : nat_view(nat, slot).expires;
    journal_take(nat_world(nat)->journal, record);
}

/* ---- ways and filters */

/* Mappings that were made under other options stay as they are, and the conversations they carry stay with them. So do
 * those that a quirk made for one destination. */
static uint32_t
find_kept(const struct nat *nat, struct mapping_key key)
{
    uint8_t now = key.dependence;

    for (key.dependence = 0; key.dependence < NAT_DEPENDENCES; key.dependence++) {
        uint32_t slot = key.dependence == now ? 0 : mapping_find(nat->table, &key);

        if (slot && nat_known(nat, slot, &key.remote) == PEER_SENT_TO)
            return slot;
    }
    return 0;
}

uint32_t
nat_find_way(const struct nat *nat, const struct mapping_key *key, bool affinity, uint16_t *rule)
{
    uint32_t slot;

    if (!nat->table)
        return 0;
    if (affinity && key->protocol == PROTOCOL_TCP && (slot = nat_tcp_find_way(nat, key, rule)))
        return slot;
    if (affinity && (slot = peer_affinity(nat->table, key))) {
        *rule = NAT_RULE_AFFINITY;
        return slot;
    }
    if ((slot = mapping_find_open(nat->table, key))) {
        *rule = NAT_RULE_OPEN;
        return slot;
    }
    if (mapping_other_kinds(nat->table, key) && (slot = find_kept(nat, *key))) {
        *rule = nat_is_by_quirk(mapping_at(nat->table, slot)) ? NAT_RULE_QUIRK : NAT_RULE_KEPT;
        return slot;
    }
    *rule = NAT_RULE_DEPENDENCE + key->dependence;
    return mapping_find(nat->table, key);
}

/* What applies to a mapping: its protocol's filter, or none. */
static uint8_t
filtering_of(const struct nat *nat, const struct mapping *mapping)
{
    return nat_is_unfiltered(mapping) ? NAT_ENDPOINT_INDEPENDENT : nat_behaviour(nat, mapping->protocol)->filtering;
}

/* A forwarding rule may be for some only; who has been sent to may answer. */
static bool
forward_admits(const struct nat *nat, uint32_t slot, const struct endpoint *remote)
{
    const struct mapping *mapping = mapping_at(nat->table, slot);
    struct endpoint external = mapping_external(mapping), internal;

    return forwards_inbound(nat->options, mapping->protocol, &external, remote->address, &internal) ||
           nat_known(nat, slot, remote) == PEER_SENT_TO;
}

static bool
filter_admits(const struct nat *nat, uint32_t slot, const struct endpoint *remote)
{
    const struct mapping *mapping = mapping_at(nat->table, slot);

    switch (filtering_of(nat, mapping)) {
    case NAT_ENDPOINT_INDEPENDENT:
        return mapping->origin != NAT_ORIGIN_FORWARD || forward_admits(nat, slot, remote);
    case NAT_ADDRESS_DEPENDENT:
        return mapping->protocol == PROTOCOL_TCP ? session_address_sent_to(nat->table, slot, remote->address)
                                                 : peer_address_sent_to(nat->table, slot, remote->address);
    default:
        return nat_known(nat, slot, remote) == PEER_SENT_TO;
    }
}

bool
nat_admits(const struct nat *nat, uint32_t slot, const struct endpoint *remote)
{
    return filter_admits(nat, slot, remote) ||
           (G_UNLIKELY(nat->pinholes) && nat_pinholes_admit(nat, slot, remote));
}

/* ---- rules */

static bool
has_rules(const struct nat *nat)
{
    return G_UNLIKELY(nat->options->rule_count > 0);
}

/* The number of the rule that decides about a flow; 0 where none does. */
static uint32_t
find_rule(const struct nat *nat, enum firewall_direction direction, const struct flow *flow)
{
    return firewall_rules_match(nat->options->rules, nat->options->rule_count, direction, flow);
}

static bool
denies(const struct nat *nat, uint32_t rule)
{
    return nat->options->rules[rule - 1].action == FIREWALL_DENY;
}

/* The rule that forbids a packet out, or 0. What belongs to a flow that has begun, from either side, passes. */
static uint32_t
forbidden_by(const struct nat *nat, const struct flow *flow, const struct mapping_key *key, uint32_t slot)
{
    uint32_t rule;

    if (slot && nat_known(nat, slot, &key->remote) != PEER_UNKNOWN)
        return 0;
    rule = find_rule(nat, FIREWALL_OUT, flow);
    return rule && denies(nat, rule) ? rule : 0;
}

/* Whether a packet of `flow`, which leads to the mapping in `slot`, may come in, and which rule said so, or 0. Who has
 * been sent to may; else rules decide; else the filter does. */
static inline enum drop_reason
judge_inbound(const struct nat *nat, uint32_t slot, const struct flow *flow, uint32_t *rule)
{
    const struct mapping *mapping = mapping_at(nat->table, slot);
    struct endpoint remote = flow_source(flow);

    *rule = 0;
    if (has_rules(nat) && nat_known(nat, slot, &remote) != PEER_SENT_TO) {
        struct flow seen = *flow;

        seen.destination = mapping->internal_address;
        seen.destination_port = mapping->internal_port;
        *rule = find_rule(nat, FIREWALL_IN, &seen);
        if (*rule)
            return denies(nat, *rule) ? DROP_POLICY : DROP_NONE;
    }
    return nat_admits(nat, slot, &remote) ? DROP_NONE : DROP_FILTERED;
}

/* ---- the source */

void
nat_show_source(struct nat *nat, struct packet *packet, struct address address, uint16_t port)
{
    packet_rewrite_source(packet, address, port);
    if (nat->options->identification == NAT_IDENTIFICATION_RENUMBER &&
        !packet_is(packet, PACKET_IPV6 | PACKET_DONT_FRAGMENT))
        packet_renumber(packet, ++nat->identification);
}

/* ---- the data */

/* A packet that has been translated by the mapping in `slot`: whoever reads the data does so now. */
static enum verdict G_GNUC_NO_INLINE
let_read(struct nat *nat, struct packet *packet, uint32_t slot, bool inbound, bool hairpin)
{
    const struct mapping *mapping = mapping_at(nat->table, slot);
    struct nat_translation translation = { inbound, hairpin, mapping_internal(mapping), mapping_external(mapping) };

    return nat->reader->read(nat->reader, packet, &translation);
}

/* ---- outbound */

/* Whether an early packet from `remote` keeps the mapping's external port from being used to send there. */
static bool
is_kept_from(const struct nat *nat, uint32_t slot, const struct endpoint *remote)
{
    const struct mapping *mapping = mapping_at(nat->table, slot);

    return mapping->dependence != NAT_MAPPING_NONE && !mapping->open &&
           nat_is_poisoned(nat, mapping->protocol, mapping_external(mapping), *remote) &&
           nat_known(nat, slot, remote) != PEER_SENT_TO;
}

/* There is no mapping yet. */
static enum drop_reason
begin_way(struct nat *nat, const struct mapping_key *key, const struct packet *packet, const struct port *out,
          struct way *way)
{
    enum drop_reason reason = nat_make_mapping(nat, key, packet, out, &way->slot);
    const struct mapping *mapping;

    if (reason != DROP_NONE)
        return reason;
    mapping = mapping_at(nat->table, way->slot);
    way->rule = NAT_RULE_DEPENDENCE + key->dependence;
    if (mapping->open)
        way->rule = NAT_RULE_OPEN;
    else if (nat_is_by_quirk(mapping))
        way->rule = NAT_RULE_QUIRK;
    way->opens = !mapping->open;
    return DROP_NONE;
}

/* The mapping that a packet out takes, made when there is none, refreshed, with its destination among its peers. `flow`
 * is the packet's, as it is seen (nat64_see). */
static inline enum drop_reason
take_way(struct nat *nat, const struct packet *packet, const struct flow *flow, const struct port *out,
         struct way *way)
{
    struct mapping_key key = nat_key(nat, flow->protocol, flow_source(flow), flow_destination(flow));

    way->slot = nat_find_way(nat, &key, nat->options->affinity, &way->rule);
    way->denied = has_rules(nat) ? forbidden_by(nat, flow, &key, way->slot) : 0;
    if (way->denied)
        return DROP_POLICY;
    if (key.protocol == PROTOCOL_TCP)
        return nat_tcp_take_way(nat, packet, &key, out, way);
    way->session = 0;
    if (way->slot && G_UNLIKELY(nat->poisoned.count > 0) && is_kept_from(nat, way->slot, &key.remote)) {
        key.dependence = NAT_ADDRESS_AND_PORT_DEPENDENT;
        way->slot = 0;
    }
    if (!way->slot)
        return begin_way(nat, &key, packet, out, way);
    way->opens = nat_listening(nat) && !nat_admits(nat, way->slot, &key.remote);
    if (!peer_note(nat->table, way->slot, &key.remote, PEER_SENT_TO))
        return DROP_MAPPING_LIMIT;
    if (nat_behaviour(nat, key.protocol)->refresh != NAT_REFRESH_INBOUND)
        nat_refresh_mapping(nat, way->slot, key.remote.port);
    if (G_UNLIKELY(nat->pinholes))
        nat_pinholes_outbound(nat, way->slot, &key.remote);
    return DROP_NONE;
}

enum drop_reason
nat_take_way(struct nat *nat, const struct packet *packet, const struct flow *flow, const struct port *out,
             struct way *way)
{
    return take_way(nat, packet, flow, out, way);
}

void
nat_journal_outbound(const struct nat *nat, struct record *record, const struct way *way)
{
    record->kind = &nat_outbound_kind;
    record->rule |= way->rule;
    if (way->opens)
        record->subject[1] = NAT_OPENS + nat_behaviour(nat, record->before.protocol)->filtering;
    journal_translated(nat, record, way->slot, way->session);
}

/* A reply to an ICMP query from outside goes out by what the query left behind; only a firewall lets one in. */
static bool
answers_a_query(const struct nat *nat, const struct packet *packet)
{
    struct endpoint remote = flow_destination(&packet->flow);
    struct mapping_key key = nat_key(nat, PROTOCOL_ICMP, flow_source(&packet->flow), remote);
    uint16_t rule;
    uint32_t slot = nat_translates_nothing(nat, packet) ? nat_find_way(nat, &key, false, &rule) : 0;

    return slot && peer_find(nat->table, slot, &remote) != PEER_UNKNOWN;
}

static enum verdict
outbound(struct nat *nat, struct packet *packet, const struct flow *flow, const struct port *out)
{
    const struct mapping *mapping;
    struct record record;
    struct way way;
    enum kind_of_packet kind = outbound_kind(packet);
    enum drop_reason reason;

    if (nat_listening(nat))
        record = packet_record(packet, &nat_outbound_dropped_kind, nat->box.node);
    if (kind == PACKET_ANSWERS && nat_basic_out(nat, packet))
        return VERDICT_PASS;
    if (kind == PACKET_OTHER || (kind == PACKET_ANSWERS && !answers_a_query(nat, packet)))
        return nat_deny(nat, packet, &record, DROP_PROTOCOL_UNSUPPORTED);
    reason = take_way(nat, packet, flow, out, &way);
    if (nat_listening(nat) && reason == DROP_POLICY)
        nat_record_firewall(&record, nat->options->rules, way.denied);
    if (reason != DROP_NONE)
        return nat_deny(nat, packet, &record, reason);

    mapping = mapping_at(nat->table, way.slot);
    if (flow != &packet->flow)
        nat64_rewrite(nat, packet, mapping_external(mapping), flow_destination(flow));
    else if (mapping->dependence != NAT_MAPPING_NONE)
        nat_show_source(nat, packet, mapping->external_address, mapping->external_port);
    packet->flags |= PACKET_TRANSLATED;
    nat->counts.outbound++;
    if (nat_listening(nat)) {
        record.after = packet->flow;
        nat_journal_outbound(nat, &record, &way);
    }
    return G_UNLIKELY(nat->reader) ? let_read(nat, packet, way.slot, false, false) : VERDICT_PASS;
}

/* ---- inbound */

/* A packet from `remote` has been admitted. Where a reply would ordinarily take another mapping, it shall take this one
 * from now on; of several mappings the last that admitted wins. */
static void
note_admitted(struct nat *nat, uint32_t slot, const struct endpoint *remote)
{
    const struct mapping *mapping = mapping_at(nat->table, slot);
    struct mapping_key key = nat_key(nat, mapping->protocol, mapping_internal(mapping), *remote);
    uint16_t rule;

    peer_note(nat->table, slot, remote, PEER_ADMITTED);
    if (nat_find_way(nat, &key, false, &rule) == slot)
        peer_affine_forget(nat->table, &key);
    else
        peer_affine(nat->table, slot, remote);
}

/* Most packets come from whom the mapping was made for: their replies take it anyway. */
static inline bool
is_noted(const struct nat *nat, const struct mapping *mapping, const struct endpoint *remote)
{
    struct mapping_key key = nat_key(nat, mapping->protocol, mapping_internal(mapping), *remote);

    return mapping_is_first_peer(mapping, remote) && mapping->dependence == key.dependence &&
           !mapping_other_kinds(nat->table, &key) && nat->table->peers.affinity.used == 0;
}

/* A packet from `remote` comes in by the mapping. `*session` as in nat_tcp_accept. */
static inline enum drop_reason
accept_inbound(struct nat *nat, const struct packet *packet, uint32_t slot, const struct endpoint *remote,
               uint32_t *session)
{
    const struct mapping *mapping = mapping_at(nat->table, slot);

    if (G_UNLIKELY(nat->pinholes))
        nat_pinholes_inbound(nat, slot, remote);
    if (mapping->protocol == PROTOCOL_TCP)
        return nat_tcp_accept(nat, packet, slot, remote, session);
    *session = 0;
    if (!is_noted(nat, mapping, remote))
        note_admitted(nat, slot, remote);
    if (G_UNLIKELY(nat_behaviour(nat, mapping->protocol)->stream_timeout))
        mapping_at(nat->table, slot)->answered = true;
    if (nat_behaviour(nat, mapping->protocol)->refresh != NAT_REFRESH_OUTBOUND)
        nat_refresh_mapping(nat, slot, remote->port);
    return DROP_NONE;
}

/* A packet has come in by the mapping in `slot`, because `rule` or (0) the filter admits it. */
static inline enum verdict
let_in(struct nat *nat, struct packet *packet, uint32_t slot, uint32_t session, struct record *record, uint32_t rule,
       bool hairpin)
{
    packet->flags |= PACKET_TRANSLATED;
    if (nat_listening(nat)) {
        record->kind = &nat_inbound_kind;
        record->after = packet->flow;
        if (rule)
            nat_record_firewall(record, nat->options->rules, rule);
        journal_translated(nat, record, slot, session);
    }
    return G_UNLIKELY(nat->reader) ? let_read(nat, packet, slot, true, hairpin) : VERDICT_PASS;
}

enum verdict
nat_let_in(struct nat *nat, struct packet *packet, uint32_t slot, const struct admission *by, struct record *record)
{
    return let_in(nat, packet, slot, by->session, record, by->rule, true);
}

enum verdict
nat_admit(struct nat *nat, struct packet *packet, uint32_t slot, const struct flow *flow, struct record *record,
          struct admission *by)
{
    struct endpoint remote = flow_source(flow);
    enum drop_reason reason = judge_inbound(nat, slot, flow, &by->rule);

    if (reason != DROP_NONE)
        return nat_turn_away(nat, packet, slot, record, reason, by->rule, &remote);
    if (nat_listening(nat) && nat->pinholes && !filter_admits(nat, slot, &remote))
        record->rule = NAT_RULE_HAIRPIN | NAT_RULE_PINHOLE;
    reason = accept_inbound(nat, packet, slot, &remote, &by->session);
    return reason == DROP_NONE ? VERDICT_PASS : nat_drop(nat, packet, record, reason);
}

uint16_t
nat_inbound_rule(const struct nat *nat, const struct mapping *mapping)
{
    return nat_is_unfiltered(mapping) ? NAT_RULE_OPEN : (uint16_t)(NAT_RULE_DEPENDENCE + filtering_of(nat, mapping));
}

/* Whether a mapping leads an IPv4 packet on to IPv6. */
static inline bool
crosses(const struct packet *packet, const struct mapping *mapping)
{
    return !packet_is(packet, PACKET_IPV6) && !address_is_ipv4(mapping->internal_address);
}

/* Whether a packet that crosses to the mapping's internal endpoint can. Its sender hears when it is too big: that is
 * told of as it came, before anything has happened to it (RFC 7915 section 4). */
static enum drop_reason
check_crossing(struct nat *nat, const struct packet *packet, const struct mapping *mapping)
{
    enum drop_reason reason;
    struct hop hop;
    uint32_t mtu;

    if (!node_route(nat->box.node, mapping->internal_address, &hop))
        return DROP_NO_ROUTE;
    reason = nat64_fits(packet, &hop, &mtu);
    if (reason == DROP_TOO_BIG)
        icmp_send_error(nat->box.node, packet, ICMP_UNREACHABLE, ICMP_FRAGMENTATION_NEEDED, mtu);
    return reason;
}

/* A packet in that leads to the mapping in `slot`. The TTL of one that the box does not translate was checked
 * before. */
static enum verdict
inbound(struct nat *nat, struct packet *packet, uint32_t slot)
{
    const struct mapping *mapping = mapping_at(nat->table, slot);
    bool translates = mapping->dependence != NAT_MAPPING_NONE;
    struct endpoint remote = flow_source(&packet->flow);
    struct record record;
    uint32_t rule, session;
    enum drop_reason reason = judge_inbound(nat, slot, &packet->flow, &rule);

    if (nat_listening(nat)) {
        record = packet_record(packet, &nat_inbound_dropped_kind, nat->box.node);
        record.subject[0] = mapping->number;
        record.rule = nat_inbound_rule(nat, mapping);
    }
    if (reason != DROP_NONE)
        return nat_turn_away(nat, packet, slot, &record, reason, rule, &remote);
    if (nat_listening(nat) && nat->pinholes && !filter_admits(nat, slot, &remote))
        record.rule = NAT_RULE_PINHOLE;
    if (translates && packet->in && node_ttl_expired(nat->box.node, packet))
        return nat_deny(nat, packet, &record, DROP_TTL_EXCEEDED);

    if (crosses(packet, mapping))
        reason = check_crossing(nat, packet, mapping);
    if (reason == DROP_NONE)
        reason = accept_inbound(nat, packet, slot, &remote, &session);
    if (reason != DROP_NONE)
        return nat_drop(nat, packet, &record, reason);
    if (crosses(packet, mapping))
        nat64_rewrite(nat, packet, nat64_embed(nat, remote), mapping_internal(mapping));
    else if (translates)
        packet_rewrite_destination(packet, mapping->internal_address, mapping->internal_port);
    nat->counts.inbound++;
    return let_in(nat, packet, slot, session, &record, rule, false);
}

/* The flow that a packet to an internal host begins: a rule must allow it, and then a mapping remembers it. Outsiders
 * get no more of those than they get of peers (NAT_ADMITTED_MAX). `*session` as in nat_tcp_accept. */
static enum drop_reason
begin_inbound(struct nat *nat, const struct packet *packet, uint32_t *slot, uint32_t *session, uint32_t *rule)
{
    const struct flow *flow = &packet->flow;
    struct mapping_key key = nat_key(nat, flow->protocol, flow_destination(flow), flow_source(flow));
    enum drop_reason reason;

    *session = 0;
    *rule = has_rules(nat) ? find_rule(nat, FIREWALL_IN, flow) : 0;
    if (!*rule)
        return DROP_FILTERED;
    if (denies(nat, *rule))
        return DROP_POLICY;
    if (outbound_kind(packet) != PACKET_ASKS)
        return DROP_PROTOCOL_UNSUPPORTED;
    if (flow->protocol == PROTOCOL_TCP && !nat_tcp_opens(nat_tcp_flags(packet)))
        return DROP_NO_SESSION;
    if (nat->table && (nat->table->count >= NAT_ADMITTED_MAX || !session_room(nat->table, NAT_TCP_OUTSIDE)))
        return DROP_MAPPING_LIMIT;
    reason = nat_make_mapping(nat, &key, packet, NULL, slot);
    if (reason == DROP_NONE && flow->protocol == PROTOCOL_TCP)
        reason = nat_tcp_accept(nat, packet, *slot, &key.remote, session);
    return reason;
}

/* A packet to an internal host by its own address, of which the box knows nothing and which it would not translate:
 * a firewall's daily bread. */
static enum verdict
uninvited(struct nat *nat, struct packet *packet)
{
    struct endpoint remote = flow_source(&packet->flow);
    struct record record;
    uint32_t slot = 0, session, rule;
    enum drop_reason reason = begin_inbound(nat, packet, &slot, &session, &rule);

    if (nat_listening(nat)) {
        record = packet_record(packet, &nat_inbound_dropped_kind, nat->box.node);
        record.rule = NAT_RULE_DEPENDENCE + NAT_MAPPING_NONE;
    }
    if (nat_listening(nat) && reason == DROP_POLICY)
        nat_record_firewall(&record, nat->options->rules, rule);
    if (reason != DROP_NONE)
        return nat_refuse(nat, packet, &record, reason, &remote);
    nat->counts.inbound++;
    return let_in(nat, packet, slot, session, &record, rule, false);
}

/* A packet in, or one that the box sends to itself, that leads to no mapping. */
static enum verdict
unmapped(struct nat *nat, struct packet *packet)
{
    const struct local_range *local = node_local(nat->box.node, packet->flow.destination);
    bool external = local && !local->port->inside;
    struct endpoint remote = flow_source(&packet->flow);
    struct record record;

    if (!packet->in)
        return VERDICT_MINE;
    if (!local && !nat_leads_inside(nat, packet->flow.destination))
        return VERDICT_PASS; /* in transit between two outside ports */
    if (external &&
        (!nat_has_ports(packet) || nat_box_has(nat, packet->flow.protocol, flow_destination(&packet->flow))))
        return VERDICT_MINE;
    if (!local && nat->options->exempt_count > 0 && nat_is_exempt(nat, packet->flow.source))
        return VERDICT_PASS;
    if (!local && nat_translates_nothing(nat, packet))
        return uninvited(nat, packet);
    if (nat_listening(nat)) {
        record = packet_record(packet, &nat_inbound_dropped_kind, nat->box.node);
        if (!external)
            record.rule = NAT_RULE_INSIDE_ADDRESS;
    }
    return nat_refuse(nat, packet, &record, nat_translates_nothing(nat, packet) ? DROP_FILTERED : DROP_NO_MAPPING,
                      &remote);
}

/* Whether a packet may make the mapping that a forwarding rule is for. A connection begins with a SYN only. */
static bool
may_begin(const struct nat *nat, const struct packet *packet)
{
    if (packet->flow.protocol != PROTOCOL_TCP)
        return packet->flow.protocol == PROTOCOL_UDP;
    return nat_tcp_opens(nat_tcp_flags(packet)) && (!nat->table || session_room(nat->table, NAT_TCP_OUTSIDE));
}

/* The mapping that a packet in, which counts as sent by `remote`, leads to, or 0; a forwarding rule makes one. */
static inline enum drop_reason
find_inbound(struct nat *nat, const struct packet *packet, const struct endpoint *remote, uint32_t *slot)
{
    struct endpoint target = flow_destination(&packet->flow);

    *slot = nat->table ? mapping_find_inbound(nat->table, packet->flow.protocol, &target, remote) : 0;
    if (*slot || G_LIKELY(nat->options->forward_count == 0) || !may_begin(nat, packet))
        return DROP_NONE;
    return nat_make_forward(nat, packet, slot);
}

enum drop_reason
nat_find_inbound(struct nat *nat, const struct packet *packet, const struct endpoint *remote, uint32_t *slot)
{
    return find_inbound(nat, packet, remote, slot);
}

void
nat_end_unused(struct nat *nat, uint32_t slot)
{
    const struct mapping *mapping = mapping_at(nat->table, slot);

    if (mapping->number && mapping->protocol == PROTOCOL_TCP && mapping->origin == NAT_ORIGIN_FORWARD &&
        mapping->peer_count == 0)
        nat_expire_mapping(nat, slot);
}

enum verdict
nat_refuse_forward(struct nat *nat, struct packet *packet, enum drop_reason reason)
{
    struct endpoint remote = flow_source(&packet->flow);
    struct record record;

    if (nat_listening(nat))
        record = packet_record(packet, &nat_inbound_dropped_kind, nat->box.node);
    return nat_refuse(nat, packet, &record, reason, &remote);
}

static enum verdict
from_outside(struct nat *nat, struct packet *packet)
{
    struct endpoint remote = flow_source(&packet->flow);
    enum kind_of_packet kind;
    enum drop_reason reason = DROP_NONE;
    enum verdict verdict;
    uint32_t slot = 0;

    if (packet_is(packet, PACKET_ICMP_ERROR))
        return nat_error_enter(nat, packet, packet->in);
    kind = outbound_kind(packet);
    if (kind == PACKET_ASKS && packet->flow.protocol == PROTOCOL_ICMP && nat_basic_in(nat, packet, &verdict))
        return verdict;
    if (kind != PACKET_OTHER)
        reason = find_inbound(nat, packet, &remote, &slot);
    if (reason != DROP_NONE)
        return nat_refuse_forward(nat, packet, reason);
    if (!slot)
        return unmapped(nat, packet);
    verdict = inbound(nat, packet, slot);
    if (verdict != VERDICT_PASS)
        nat_end_unused(nat, slot);
    return verdict;
}

/* ---- from IPv6 to IPv4 */

/* Where such a packet goes: DROP_NONE, or why nowhere. */
static enum drop_reason
find_crossing(struct nat *nat, const struct packet *packet, const struct flow *flow, struct hop *hop, uint32_t *mtu)
{
    const struct local_range *local = node_local(nat->box.node, flow->destination);

    if (outbound_kind(packet) != PACKET_ASKS)
        return DROP_PROTOCOL_UNSUPPORTED;
    *hop = (struct hop){ flow->destination, local ? local->port : NULL };
    if (!local && !node_route(nat->box.node, flow->destination, hop))
        return DROP_NO_ROUTE;
    if (hop->port->inside)
        return DROP_NO_ROUTE; /* who has both families inside has a way of his own */
    return local ? DROP_NONE : nat64_fits(packet, hop, mtu);
}

static enum verdict
cross_to_ipv4(struct nat *nat, struct packet *packet)
{
    struct record record;
    struct flow flow;
    struct hop hop;
    uint32_t mtu = 0;
    enum drop_reason reason;

    if (packet_is(packet, PACKET_ICMP_ERROR))
        return nat64_error_out(nat, packet);
    if (nat_listening(nat))
        record = packet_record(packet, &nat_outbound_dropped_kind, nat->box.node);
    reason = nat64_see(nat, packet, &flow);
    if (reason == DROP_NONE)
        reason = find_crossing(nat, packet, &flow, &hop, &mtu);
    if (reason != DROP_NONE) {
        enum verdict verdict = nat_drop(nat, packet, &record, reason);

        if (reason == DROP_TOO_BIG)
            icmp_send_error(nat->box.node, packet, ICMP_UNREACHABLE, ICMP_FRAGMENTATION_NEEDED, mtu);
        if (reason == DROP_NO_ROUTE)
            icmp_send_error(nat->box.node, packet, ICMP_UNREACHABLE, ICMP_NET_UNREACHABLE, 0);
        return verdict;
    }
    if (node_owns(nat->box.node, flow.destination)) {
        if (nat_listening(nat))
            record.rule = NAT_RULE_HAIRPIN;
        return nat_hairpin_crossing(nat, packet, &flow, hop.port, &record);
    }
    return outbound(nat, packet, &flow, hop.port);
}

static enum verdict
from_inside(struct nat *nat, struct packet *packet)
{
    const struct local_range *local = node_local(nat->box.node, packet->flow.destination);

    packet->flags |= PACKET_FROM_INSIDE;
    if (nat64_takes(nat, packet->flow.destination))
        return cross_to_ipv4(nat, packet);
    if (!local)
        return VERDICT_PASS; /* `leave` translates it if it leaves by an outside port */
    return local->port->inside ? VERDICT_MINE : nat_hairpin(nat, packet, local->port);
}

/* ---- in and out */

/* IPv6 of which the box keeps no state. */
static bool
is_stateless(const struct nat *nat, const struct packet *packet)
{
    return packet_is(packet, PACKET_IPV6) &&
           (nat->options->ipv6 == NAT_IPV6_OPEN || nat->options->ipv6 == NAT_IPV6_PREFIX);
}

enum verdict
nat_enter(struct middlebox *box, struct packet *packet, struct port *in)
{
    struct nat *nat = (struct nat *)box;

    packet->flags &= (uint16_t) ~(PACKET_TRANSLATED | PACKET_FROM_INSIDE);
    if (G_UNLIKELY(is_stateless(nat, packet)))
        return nat->npt ? nat_prefix_enter(nat, packet, in) : VERDICT_PASS;
    nat_expire_due(nat);
    return in && in->inside ? from_inside(nat, packet) : from_outside(nat, packet);
}

/* What the box itself sends to an address that stands for an IPv4 one: errors about packets that had come from there,
 * and nothing else. They leave as IPv4, by another way. */
static enum verdict
leave_as_ipv4(struct nat *nat, struct packet_list *list, struct packet *packet)
{
    struct node *node = nat->box.node;
    enum verdict verdict;

    if (packet->in || !packet_is(packet, PACKET_ICMP_ERROR)) {
        packet->reason = DROP_NO_ROUTE;
        packet_note_drop(node, packet, DROP_NO_ROUTE);
        return VERDICT_DROP;
    }
    nat_expire_due(nat);
    verdict = nat64_error_out(nat, packet);
    if (verdict == VERDICT_DROP)
        return VERDICT_DROP;
    packet_list_remove(list, packet);
    node_forward(node, packet);
    return VERDICT_HELD;
}

/* A reader may keep a packet, or send it on by itself: then it must not be on the list. */
static enum verdict G_GNUC_NO_INLINE
leave_read(struct nat *nat, struct packet_list *list, struct packet *packet, const struct port *out)
{
    enum verdict verdict;

    packet_list_remove(list, packet);
    verdict = outbound(nat, packet, &packet->flow, out);
    if (verdict != VERDICT_HELD)
        packet_list_push(list, packet);
    return verdict;
}

enum verdict
nat_leave(struct middlebox *box, struct packet_list *list, struct port *out)
{
    struct nat *nat = (struct nat *)box;
    struct packet *packet = list->first;

    if (out->inside)
        return VERDICT_PASS;
    if (G_UNLIKELY(nat64_takes(nat, packet->flow.destination)))
        return leave_as_ipv4(nat, list, packet);
    if (packet_is(packet, PACKET_TRANSLATED))
        return VERDICT_PASS;
    if (G_UNLIKELY(is_stateless(nat, packet)))
        return nat->npt ? nat_prefix_leave(nat, list, packet) : VERDICT_PASS;
    nat_expire_due(nat);
    if (packet->in && !packet_is(packet, PACKET_FROM_INSIDE))
        return VERDICT_PASS; /* in transit between two outside ports */
    if (nat->options->exempt_count > 0 && packet->in && nat_is_exempt(nat, packet->flow.destination))
        return nat_pass_exempt(nat, packet);
    if (packet_is(packet, PACKET_ICMP_ERROR))
        return nat_error_leave(nat, packet);
    if (!packet->in)
        return VERDICT_PASS;
    return G_UNLIKELY(nat->reader) ? leave_read(nat, list, packet, out) : outbound(nat, packet, &packet->flow, out);
}
