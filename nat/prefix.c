/* NPTv6 in the box (RFC 6296): IPv6 goes out with another prefix and comes in with its own, by the algorithm in npt.c.
 * There is no state, so nothing is filtered; whoever wants that puts a firewall beside it.
 *
 *   out      on `leave`: the source's prefix, and in an ICMPv6 error the quoted destination's
 *   in       on `enter`: the destination's, and in an error the quoted source's
 *   hairpin  from inside to the external prefix, on `enter`: both (section 4) */
#include "core/net/icmp.h"
#include "nat/box.h"

enum side { OUTWARDS, INWARDS };

/* ---- the journal */

static void
say_address(GString *out, const char *what, struct address before, struct address after)
{
    char one[ADDRESS_TEXT], other[ADDRESS_TEXT];

    if (!address_equal(before, after))
        g_string_append_printf(out, "%s %s becomes %s", what, address_format(before, one),
                               address_format(after, other));
}

static void
say_translated(const struct record *record, const struct names *names, GString *out)
{
    const struct flow *before = &record->before, *after = &record->after;
    bool both = !address_equal(before->source, after->source) && !address_equal(before->destination, after->destination);

    (void)names;
    say_address(out, "source", before->source, after->source);
    g_string_append(out, both ? ", " : "");
    say_address(out, "destination", before->destination, after->destination);
    g_string_append(out, ": the prefix is another outside; nothing is remembered and nothing filtered");
}

const struct record_kind nat_prefix_kind = {
    "nat-prefix", "translated", "RFC 6296 section 3", say_translated, NULL,
};

static void
say_dropped(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    flow_say(&record->before, out);
    g_string_append_printf(out, ": dropped, because %s",
                           record->reason == DROP_NO_COUNTERPART ? "its address has no counterpart under the other prefix"
                           : record->reason == DROP_NO_MAPPING   ? "what is inside has another prefix outside"
                                                                 : drop_reason_sentence(record->reason));
}

const struct record_kind nat_prefix_dropped_kind = {
    "nat-prefix-dropped", "dropped", "RFC 6296 section 3", say_dropped, NULL,
};

/* ---- addresses */

/* The internal prefix is the box's own inside, as much of it as the external one is long: what numbers the subnets
 * stays. */
void
nat_prefix_prepare(struct nat *nat)
{
    const struct node *node = nat->box.node;
    struct prefix external = nat->options->ipv6_prefix;

    g_clear_pointer(&nat->npt, g_free);
    if (nat->options->ipv6 != NAT_IPV6_PREFIX || external.length == 0)
        return;
    for (uint32_t i = 0; i < node->local_count; i++) {
        const struct local_range *range = &node->locals[i];
        struct prefix internal = { range->first, MIN(range->prefix_length, external.length) };
        struct npt npt;

        if (!range->port->inside || !npt_make(&npt, internal, external))
            continue;
        nat->npt = g_memdup2(&npt, sizeof npt);
        return;
    }
}

static bool
translate(const struct npt *npt, enum side side, struct address *address)
{
    return side == OUTWARDS ? npt_outbound(npt, *address, address) : npt_inbound(npt, *address, address);
}

/* ---- packets */

static enum verdict
drop(struct nat *nat, struct packet *packet, enum drop_reason reason)
{
    struct record record = packet_record(packet, &nat_prefix_dropped_kind, nat->box.node);
    enum verdict verdict = nat_drop(nat, packet, &record, reason);

    if (reason == DROP_NO_COUNTERPART)
        icmp_send_error(nat->box.node, packet, ICMP_UNREACHABLE, ICMP_NET_UNREACHABLE, 0);
    return verdict;
}

/* The packet that an error quotes went the other way, so that its other end is the one to translate. What doesn't have
 * the prefix stays as it is. No checksum changes: RFC 6296 section 3.1. */
static enum drop_reason
translate_quote(const struct npt *npt, struct packet *packet, enum side side)
{
    struct quote quote;
    enum drop_reason reason = packet_read_quote(packet, &quote);
    struct endpoint end;

    if (reason != DROP_NONE)
        return reason;
    end = side == OUTWARDS ? flow_destination(&quote.flow) : flow_source(&quote.flow);
    if (!translate(npt, side, &end.address))
        return DROP_NONE;
    if (side == OUTWARDS)
        packet_rewrite_quote_destination(packet, &quote, end);
    else
        packet_rewrite_quote_source(packet, &quote, end);
    return DROP_NONE;
}

/* One end of a packet, of which it is known that it has the prefix. */
static enum drop_reason
translate_end(struct nat *nat, struct packet *packet, enum side side)
{
    struct endpoint end = side == OUTWARDS ? flow_source(&packet->flow) : flow_destination(&packet->flow);

    if (!translate(nat->npt, side, &end.address))
        return DROP_NO_COUNTERPART;
    if (packet_is(packet, PACKET_ICMP_ERROR)) {
        enum drop_reason reason = translate_quote(nat->npt, packet, side);

        if (reason != DROP_NONE)
            return reason;
    }
    if (side == OUTWARDS)
        packet_rewrite_source(packet, end.address, end.port);
    else
        packet_rewrite_destination(packet, end.address, end.port);
    return DROP_NONE;
}

/* `hairpin`: out before in. */
static enum verdict
pass(struct nat *nat, struct packet *packet, enum side side, bool hairpin)
{
    struct record record = packet_record(packet, &nat_prefix_kind, nat->box.node);
    enum drop_reason reason = hairpin ? translate_end(nat, packet, OUTWARDS) : DROP_NONE;

    if (reason == DROP_NONE)
        reason = translate_end(nat, packet, side);
    if (reason != DROP_NONE)
        return drop(nat, packet, reason);
    packet->flags |= PACKET_TRANSLATED;
    nat->counts.outbound += side == OUTWARDS;
    nat->counts.inbound += side == INWARDS && !hairpin;
    nat->counts.hairpinned += hairpin;
    if (nat_listening(nat)) {
        record.verdict = VERDICT_PASS;
        record.after = packet->flow;
        journal_take(nat_world(nat)->journal, &record);
    }
    return VERDICT_PASS;
}

enum verdict
nat_prefix_enter(struct nat *nat, struct packet *packet, const struct port *in)
{
    const struct flow *flow = &packet->flow;
    bool inside = in && in->inside;

    if (inside)
        packet->flags |= PACKET_FROM_INSIDE;
    if (node_owns(nat->box.node, flow->destination))
        return VERDICT_PASS;
    if (prefix_contains(nat->npt->external, flow->destination))
        return pass(nat, packet, INWARDS, inside && prefix_contains(nat->npt->internal, flow->source));
    if (in && !inside && prefix_contains(nat->npt->internal, flow->destination))
        return drop(nat, packet, DROP_NO_MAPPING);
    return VERDICT_PASS;
}

/* Errors that the box makes about packets that had come in quote them as they are inside; those about packets that were
 * on their way out are for their external source, and turn round here. */
enum verdict
nat_prefix_leave(struct nat *nat, struct packet_list *list, struct packet *packet)
{
    if (prefix_contains(nat->npt->external, packet->flow.destination)) {
        if (pass(nat, packet, INWARDS, false) == VERDICT_DROP)
            return VERDICT_DROP;
        packet_list_remove(list, packet);
        node_forward(nat->box.node, packet);
        return VERDICT_HELD;
    }
    if (prefix_contains(nat->npt->internal, packet->flow.source))
        return pass(nat, packet, OUTWARDS, false);
    if (!packet->in && packet_is(packet, PACKET_ICMP_ERROR))
        (void)translate_quote(nat->npt, packet, OUTWARDS);
    return VERDICT_PASS;
}
