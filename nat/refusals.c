/* How packets end in a NAT: with a reason and a record, and with what their senders hear of it. */
#include "core/net/icmp.h"
#include "nat/box.h"

enum verdict
nat_drop(struct nat *nat, struct packet *packet, struct record *record, enum drop_reason reason)
{
    packet->reason = (uint8_t)reason;
    if (nat_listening(nat)) {
        record->verdict = VERDICT_DROP;
        record->reason = (uint8_t)reason;
        journal_take(nat_world(nat)->journal, record);
    }
    return VERDICT_DROP;
}

enum verdict
nat_refuse(struct nat *nat, struct packet *packet, struct record *record, enum drop_reason reason,
           const struct endpoint *remote)
{
    uint8_t code = reason == DROP_NO_MAPPING ? ICMP_PORT_UNREACHABLE : ICMP_ADMINISTRATIVELY_PROHIBITED;
    enum verdict verdict;

    if (packet->flow.protocol == PROTOCOL_TCP)
        return nat_tcp_refuse(nat, packet, record, reason, remote);
    verdict = nat_drop(nat, packet, record, reason);
    nat->counts.refused++;
    if (nat_has_quirk(nat, NAT_QUIRK_EARLY_INBOUND_POISONS) && remote && reason != DROP_POLICY)
        nat_quirk_poison(nat, packet);
    if (nat_behaviour(nat, packet->flow.protocol)->refusal != NAT_REFUSE_SILENTLY)
        icmp_send_error(nat->box.node, packet, ICMP_UNREACHABLE, code, 0);
    return verdict;
}

/* What who needed a mapping hears (RFC 5508 REQ-8, RFC 6888 REQ-11). */
static void
answer_limit(const struct nat *nat, const struct packet *packet)
{
    uint8_t code = nat->options->limit_answer == NAT_LIMIT_ICMP ? ICMP_ADMINISTRATIVELY_PROHIBITED
                                                                : ICMP_HOST_UNREACHABLE;

    if (nat->options->limit_answer != NAT_LIMIT_DROP)
        icmp_send_error(nat->box.node, packet, ICMP_UNREACHABLE, code, 0);
}

enum verdict
nat_deny(struct nat *nat, struct packet *packet, struct record *record, enum drop_reason reason)
{
    enum verdict verdict;

    if (reason == DROP_POLICY)
        return nat_refuse(nat, packet, record, reason, NULL);
    verdict = nat_drop(nat, packet, record, reason);
    if (reason == DROP_NO_PORT || reason == DROP_MAPPING_LIMIT || reason == DROP_MAPPING_RATE)
        answer_limit(nat, packet);
    if (reason == DROP_TTL_EXCEEDED)
        icmp_send_error(nat->box.node, packet, ICMP_TIME_EXCEEDED, 0, 0);
    return verdict;
}

enum verdict
nat_turn_away(struct nat *nat, struct packet *packet, uint32_t slot, struct record *record, enum drop_reason reason,
              uint32_t rule, const struct endpoint *remote)
{
    enum verdict verdict;

    if (nat_listening(nat) && reason == DROP_FILTERED)
        nat_record_filtered(nat, record, slot);
    else if (nat_listening(nat))
        nat_record_firewall(record, nat->options->rules, rule);
    verdict = nat_refuse(nat, packet, record, reason, remote);
    if (nat_has_quirk(nat, NAT_QUIRK_FILTERED_INBOUND_DESTROYS) && reason == DROP_FILTERED)
        nat_quirk_destroy(nat, slot, NAT_QUIRK_FILTERED_INBOUND_DESTROYS);
    return verdict;
}
