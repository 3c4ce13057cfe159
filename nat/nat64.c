/* NAT64 (RFC 6146): what way.c does with packets between IPv6 inside and IPv4 outside, by the mappings, filters and timers
 * of any NAT. Headers are translated by RFC 7915 (siit.c), addresses by RFC 6052 (embed.c).
 *
 * A binding of RFC 6146 is a mapping whose internal endpoint is IPv6 and whose external one is IPv4; its remote ends are
 * IPv4. */
#include "core/net/icmp.h"
#include "core/net/ipv6.h"
#include "nat/box.h"
#include "nat/siit.h"

static struct prefix
prefix_of(const struct nat *nat)
{
    return nat->options->ipv6_prefix.length ? nat->options->ipv6_prefix : embed_well_known;
}

static uint8_t
protocol_seen(uint8_t protocol)
{
    return protocol == PROTOCOL_ICMPV6 ? PROTOCOL_ICMP : protocol;
}

/* ---- the box's own packets */

/* They only have to reach `leave`, so that any outside port will do. */
void
nat64_prepare(struct nat *nat)
{
    struct port *port = node_default(nat->box.node, FAMILY_IPV4).port;

    if (nat->options->ipv6 == NAT_IPV6_NAT64 && port)
        node_add_route(nat->box.node, prefix_of(nat), port, ADDRESS_NONE);
}

void
nat64_withdraw(struct nat *nat)
{
    if (nat->options->ipv6 == NAT_IPV6_NAT64)
        node_remove_route(nat->box.node, prefix_of(nat));
}

/* ---- packets */

bool
nat64_takes(const struct nat *nat, struct address destination)
{
    return nat->options->ipv6 == NAT_IPV6_NAT64 && prefix_contains(prefix_of(nat), destination);
}

struct endpoint
nat64_embed(const struct nat *nat, struct endpoint ipv4)
{
    return (struct endpoint){ embed_ipv4(prefix_of(nat), ipv4.address), ipv4.port };
}

/* What stands for an IPv4 address can send nothing to this side: such a source is a loop, or a lie (RFC 6146 section
 * 3.5). The well-known prefix stands for no private address (RFC 6052 section 3.1). */
enum drop_reason
nat64_see(const struct nat *nat, const struct packet *packet, struct flow *flow)
{
    *flow = packet->flow;
    flow->protocol = protocol_seen(packet->flow.protocol);
    if (prefix_contains(prefix_of(nat), packet->flow.source) ||
        !embedded_ipv4(prefix_of(nat), packet->flow.destination, &flow->destination) ||
        !embed_allows(prefix_of(nat), flow->destination) || address_is_for_all(flow->destination))
        return DROP_BAD_ADDRESS;
    return DROP_NONE;
}

/* An IPv4 packet of 1260 bytes may be fragmented on its way, and so may all that its source has cut (RFC 7915 section
 * 5.1), or allows to be cut (section 4). */
enum drop_reason
nat64_fits(const struct packet *packet, const struct hop *hop, uint32_t *mtu)
{
    bool to_ipv6 = !packet_is(packet, PACKET_IPV6);
    uint32_t payload = packet->length - packet->transport;
    bool may_be_cut = to_ipv6 ? !packet_is(packet, PACKET_DONT_FRAGMENT)
                              : packet_is(packet, PACKET_CUT) || IPV4_HEADER + payload <= SIIT_ATOMIC_LENGTH;
    uint32_t length = payload + (to_ipv6 ? IPV6_HEADER : IPV4_HEADER), most = hop_mtu(hop);

    if (!siit_can_translate(packet))
        return DROP_NO_COUNTERPART;
    if (length > most && !may_be_cut) {
        *mtu = to_ipv6 ? most - SIIT_HEADERS_DIFFER : MAX(most + SIIT_HEADERS_DIFFER, IPV6_MTU_MIN);
        return DROP_TOO_BIG;
    }
    return !to_ipv6 && IPV4_HEADER + payload > PACKET_MAX ? DROP_TOO_BIG : DROP_NONE;
}

void
nat64_rewrite(struct nat *nat, struct packet *packet, struct endpoint source, struct endpoint destination)
{
    struct flow flow = { source.address, destination.address, source.port, destination.port, 0 };
    enum drop_reason reason = siit_translate(packet, &flow, ++nat->identification);

    g_assert(reason == DROP_NONE); /* nat64_fits has looked */
}

/* ---- ICMP errors */

static struct siit_mtus
mtus_between(const struct nat *nat, struct address ipv4, struct address ipv6)
{
    struct siit_mtus mtus = { link_defaults.mtu, link_defaults.mtu };
    struct hop hop;

    if (node_route(nat->box.node, ipv4, &hop))
        mtus.ipv4 = hop_mtu(&hop);
    if (node_route(nat->box.node, ipv6, &hop))
        mtus.ipv6 = hop_mtu(&hop);
    return mtus;
}

enum drop_reason
nat64_error_in(struct nat *nat, struct packet *packet, struct quote *quote, uint32_t slot)
{
    const struct mapping *mapping = mapping_at(nat->table, slot);
    struct endpoint remote = nat64_embed(nat, flow_destination(&quote->flow));
    struct flow flow = { embed_ipv4(prefix_of(nat), packet->flow.source), mapping->internal_address, 0, 0, 0 };
    struct flow quoted = { mapping->internal_address, remote.address, mapping->internal_port, remote.port, 0 };

    return siit_translate_error(packet, quote, &flow, &quoted,
                                mtus_between(nat, quote->flow.destination, mapping->internal_address));
}

/* The mapping that had let in the quoted packet, whose source stands for an IPv4 one. */
static uint32_t
find_quoted(const struct nat *nat, const struct quote *quote, struct endpoint *remote)
{
    remote->port = quote->flow.source_port;
    if (quote->is_icmp_error || quote->later_fragment ||
        !embedded_ipv4(prefix_of(nat), quote->flow.source, &remote->address))
        return 0;
    return nat_find_admitting(nat, protocol_seen(quote->flow.protocol), flow_destination(&quote->flow), *remote);
}

enum verdict
nat64_error_out(struct nat *nat, struct packet *packet)
{
    const struct local_range *local;
    const struct mapping *mapping;
    struct quote quote;
    struct endpoint remote;
    enum drop_reason reason = packet_read_quote(packet, &quote);
    struct record record = nat_error_record(nat, packet, &quote);
    struct flow flow = { .source_port = 0 }, quoted;
    uint32_t slot;

    if (reason == DROP_NONE && !embedded_ipv4(prefix_of(nat), packet->flow.destination, &flow.destination))
        reason = DROP_BAD_ADDRESS;
    if (reason != DROP_NONE || !(slot = find_quoted(nat, &quote, &remote)))
        return nat_drop(nat, packet, &record, reason != DROP_NONE ? reason : DROP_ICMP_UNRELATED);
    mapping = mapping_at(nat->table, slot);
    record.subject[0] = mapping->number;
    if (!nat->options->icmp_errors && packet->in)
        return nat_drop(nat, packet, &record, DROP_ICMP_REFUSED);
    flow.source = mapping->external_address;
    quoted = (struct flow){ remote.address, mapping->external_address, remote.port, mapping->external_port, 0 };
    reason = siit_translate_error(packet, &quote, &flow, &quoted,
                                  mtus_between(nat, flow.destination, mapping->internal_address));
    if (reason != DROP_NONE)
        return nat_drop(nat, packet, &record, reason);
    local = node_local(nat->box.node, flow.destination);
    if (local) /* the quoted packet had been hairpinned: on to who sent it, as if the error came from outside */
        return nat_error_enter(nat, packet, local->port);
    return nat_error_pass(nat, packet, &record);
}
