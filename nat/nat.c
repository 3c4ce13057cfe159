/* The NAT as its node and those who build and ask see it. What it does to packets is in way.c. */
#include "nat/nat.h"

#include "nat/box.h"
#include "nat/peers.h"
#include "nat/policy.h"

/* ---- the middlebox */

/* Whether a mapping has this port on one of the external addresses of a family. */
static bool
pool_has(const struct nat *nat, uint8_t protocol, enum family family, uint64_t size, uint16_t port)
{
    for (uint64_t i = 0; i < size; i++) {
        struct endpoint external = { pool_address(nat->box.node, NULL, family, i), port };

        if (mapping_find_external(nat->table, protocol, &external))
            return true;
    }
    return false;
}

/* Whether a mapping has `local`. A socket of any address must keep off the port on all external ones; the shorter of
 * two lists is walked. */
static bool
port_taken(struct middlebox *box, uint8_t protocol, struct endpoint local)
{
    struct nat *nat = (struct nat *)box;
    uint64_t ipv4 = pool_size(box->node, NULL, FAMILY_IPV4), ipv6 = pool_size(box->node, NULL, FAMILY_IPV6);

    nat_expire_due(nat);
    if (!nat->table)
        return false;
    if (!address_is_unspecified(local.address))
        return mapping_find_external(nat->table, protocol, &local) != 0;
    if (ipv4 + ipv6 <= nat->table->count)
        return pool_has(nat, protocol, FAMILY_IPV4, ipv4, local.port) ||
               pool_has(nat, protocol, FAMILY_IPV6, ipv6, local.port);
    for (uint32_t slot = 1; slot <= nat->table->slots; slot++) {
        const struct mapping *mapping = mapping_at(nat->table, slot);

        if (mapping->number && mapping->protocol == protocol && mapping->external_port == local.port &&
            node_owns(box->node, mapping->external_address))
            return true;
    }
    return false;
}

static void
fire_expiry(struct event *event)
{
    nat_expire((struct nat *)((char *)event - offsetof(struct nat, expiry)));
}

void
nat_take_reader(struct nat *nat, struct nat_reader *reader)
{
    if (nat->reader)
        nat->reader->free(nat->reader);
    nat->reader = reader;
}

struct nat_reader *
nat_reader(const struct nat *nat)
{
    return nat->reader;
}

static void
nat_free(struct middlebox *box)
{
    struct nat *nat = (struct nat *)box;

    world_cancel(nat_world(nat), &nat->expiry);
    nat_syns_free(nat);
    mapping_table_free(nat->table);
    hosts_free(nat->hosts);
    blocks_free(nat->blocks);
    nat_pinholes_free(nat);
    tuples_clear(&nat->resting);
    tuples_clear(&nat->poisoned);
    policy_release(nat->options);
    nat_take_reader(nat, NULL);
    g_free(nat->npt);
    g_free(nat);
}

static const struct middlebox_ops nat_ops = { nat_enter, nat_leave, port_taken, nat_free };

/* ---- options */

bool
nat_options_are_firewall(const struct nat_options *options)
{
    return options->udp.mapping == NAT_MAPPING_NONE && options->tcp.mapping == NAT_MAPPING_NONE &&
           options->icmp.mapping == NAT_MAPPING_NONE;
}

void
nat_options_make_firewall(struct nat_options *options)
{
    options->udp.mapping = options->tcp.mapping = options->icmp.mapping = NAT_MAPPING_NONE;
}

/* The box has this policy from now on, and releases the one before. */
static void
adopt(struct nat *nat, const struct nat_options *policy)
{
    const struct nat_options *before = nat->options;

    if (before)
        nat64_withdraw(nat);
    nat->options = policy;
    nat->box.node->keep_ttl = policy->ttl == NAT_TTL_KEEP;
    nat->box.node->fragments = policy->fragments;
    nat_prefix_prepare(nat);
    nat64_prepare(nat);
    if (before)
        policy_release(before);
}

/* ---- for who builds and asks */

struct nat *
nat_new(struct node *node, const struct nat_options *options)
{
    struct nat *nat = g_new0(struct nat, 1);

    nat->box = (struct middlebox){ &nat_ops, node };
    nat->random = random_stream_of(node->world->seed, node->name, "nat ports");
    nat->expiry.fire = fire_expiry;
    nat->due = TIME_NEVER;
    adopt(nat, policy_take_shared(node->world, options));
    node->forwards = true;
    node->box = &nat->box;
    return nat;
}

struct nat *
nat_of(const struct node *node)
{
    return node->box && node->box->ops == &nat_ops ? (struct nat *)node->box : NULL;
}

const struct nat_options *
nat_options(const struct nat *nat)
{
    return nat->options;
}

void
nat_set_options(struct nat *nat, const struct nat_options *options)
{
    nat->timeouts_changed |=
        options->udp.timeout != nat->options->udp.timeout || options->icmp.timeout != nat->options->icmp.timeout ||
        options->tcp.timeout != nat->options->tcp.timeout || options->tcp_opening != nat->options->tcp_opening ||
        options->tcp_closing != nat->options->tcp_closing ||
        options->udp.stream_timeout != nat->options->udp.stream_timeout ||
        options->port_timeout_count != nat->options->port_timeout_count;
    adopt(nat, policy_take(options));
}

struct teller {
    struct nat *nat;
    void (*tell)(void *user, const struct nat_mapping_view *mapping);
    void *user;
};

struct nat_mapping_view
nat_view(const struct nat *nat, uint32_t slot)
{
    const struct mapping *mapping = mapping_at(nat->table, slot);
    bool by_sessions = mapping->protocol == PROTOCOL_TCP && !mapping->fixed;

    return (struct nat_mapping_view){
        .number = mapping->number,
        .protocol = mapping->protocol,
        .origin = mapping->origin,
        .is_explicit = mapping->fixed,
        .internal = mapping_internal(mapping),
        .external = mapping_external(mapping),
        .made = mapping->made,
        .expires = mapping->pinholes ? MAX(mapping->deadline, nat_pinholes_last(nat, slot))
                   : by_sessions     ? session_last_deadline(nat->table, slot)
                                     : mapping->deadline,
    };
}

static void
tell_mapping(void *user, uint32_t slot)
{
    const struct teller *teller = user;
    struct nat_mapping_view view = nat_view(teller->nat, slot);
    g_autofree struct endpoint *peers = NULL;

    view.peer_count = mapping_at(teller->nat->table, slot)->peer_count;
    view.peers = peers = g_new(struct endpoint, view.peer_count);
    if (view.protocol == PROTOCOL_TCP)
        session_list(teller->nat->table, slot, peers, view.peer_count);
    else
        peer_list(teller->nat->table, slot, peers, view.peer_count);
    teller->tell(teller->user, &view);
}

void
nat_each_mapping(struct nat *nat, void (*tell)(void *user, const struct nat_mapping_view *mapping), void *user)
{
    struct teller teller = { nat, tell, user };

    nat_expire_due(nat);
    if (nat->table)
        mapping_each(nat->table, tell_mapping, &teller);
}

struct nat_counts
nat_counts(const struct nat *nat)
{
    return nat->counts;
}

size_t
nat_bytes(const struct nat *nat)
{
    const struct nat_options *options = nat->options;

    return sizeof *nat + (nat->table ? mapping_table_bytes(nat->table) : 0) +
           (nat->hosts ? hosts_bytes(nat->hosts) : 0) + nat_syns_bytes(nat) +
           (nat->blocks ? blocks_bytes(nat->blocks) : 0) + tuples_bytes(&nat->resting) + tuples_bytes(&nat->poisoned) +
           nat_pinholes_bytes(nat) + options->rule_count * sizeof *options->rules + options->forward_count * sizeof *options->forwards +
           options->port_timeout_count * sizeof *options->port_timeouts + options->exempt_count * sizeof *options->exempt;
}
