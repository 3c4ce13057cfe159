/* How mappings begin and end. A mapping begins with the first packet out that needs it, a firewall's also with one in
 * that a rule admits, or is asked for (explicit.c). It ends when its deadline comes (of TCP: with its last connection),
 * when the box forgets everything, or when who has asked for it takes it back; nothing else ends one (RFC 4787 REQ-12,
 * RFC 6888 REQ-11: none makes room for another). */
#include "nat/box.h"

#include "nat/forwards.h"
#include "nat/peers.h"
#include "nat/shares.h"

void
nat_arm(struct nat *nat)
{
    int64_t wake = MIN(mapping_table_wake(nat->table), session_wake(nat->table));

    wake = MIN(wake, nat_pinholes_wake(nat));
    nat->due = wake;
    if (wake != TIME_NEVER && (!event_pending(&nat->expiry) || wake < nat->expiry.at))
        world_schedule(nat_world(nat), &nat->expiry, wake);
}

void
nat_set_deadline(struct nat *nat, uint32_t slot, int64_t deadline)
{
    if (mapping_refresh(nat->table, slot, deadline))
        nat_arm(nat);
}

int64_t
nat_idle_time(const struct nat *nat, uint8_t protocol, uint16_t remote_port, bool answered)
{
    const struct nat_options *options = nat->options;
    const struct nat_behaviour *behaviour = nat_behaviour(nat, protocol);

    for (uint32_t i = 0; protocol == PROTOCOL_UDP && i < options->port_timeout_count; i++)
        if (options->port_timeouts[i].port == remote_port)
            return options->port_timeouts[i].timeout;
    return answered && behaviour->stream_timeout ? behaviour->stream_timeout : behaviour->timeout;
}

/* Where timeouts depend on the port, traffic to one with a short timeout takes nothing from what others were given. */
static void
refresh_by_port(struct nat *nat, uint32_t slot, uint16_t remote_port)
{
    const struct mapping *mapping = mapping_at(nat->table, slot);
    int64_t idle = nat_idle_time(nat, mapping->protocol, remote_port, mapping->answered);
    int64_t deadline = time_add(nat_world(nat)->now, idle);

    if (deadline > mapping->deadline)
        nat_set_deadline(nat, slot, deadline);
}

void
nat_refresh_mapping(struct nat *nat, uint32_t slot, uint16_t remote_port)
{
    const struct mapping *mapping = mapping_at(nat->table, slot);
    const struct nat_behaviour *behaviour = nat_behaviour(nat, mapping->protocol);

    if (mapping->fixed)
        return;
    if (G_UNLIKELY(nat->options->port_timeout_count > 0 || behaviour->stream_timeout))
        refresh_by_port(nat, slot, remote_port);
    else
        nat_set_deadline(nat, slot, time_add(nat_world(nat)->now, behaviour->timeout));
}

/* ---- the journal of mappings */

struct record
nat_mapping_record(const struct nat *nat, const struct mapping *mapping, const struct record_kind *kind)
{
    return (struct record){
        .at = nat_world(nat)->now,
        .kind = kind,
        .node = nat->box.node->number,
        .subject = { mapping->number },
        .before = { mapping->internal_address, mapping->peer_address, mapping->internal_port, mapping->peer_port,
                    mapping->protocol },
        .after = { mapping->external_address, mapping->peer_address, mapping->external_port, mapping->peer_port,
                   mapping->protocol },
        .rule = (uint16_t)(NAT_RULE_DEPENDENCE + mapping->dependence + (mapping->origin << NAT_RULE_ORIGIN_SHIFT)),
    };
}

static void
journal_made(struct nat *nat, uint32_t slot, const struct packet *packet)
{
    const struct mapping *mapping = mapping_at(nat->table, slot);
    struct record record = nat_mapping_record(nat, mapping, &nat_mapping_new_kind);
    uint32_t origin = mapping_origin(nat->table, mapping->protocol, mapping_internal(mapping));

    if (packet) {
        record.packet = packet->name;
        record.cause = packet->cause;
        record.size = (uint16_t)MIN(packet->length, UINT16_MAX);
        record.ttl = packet->ttl;
    } else {
        record.cause = nat_world(nat)->handling;
    }
    record.subject[1] = origin ? mapping_at(nat->table, origin)->number : 0;
    record.detail = mapping->protocol == PROTOCOL_TCP && !mapping->fixed && mapping->origin != NAT_ORIGIN_ALG
                        ? time_add(record.at, nat->options->tcp_opening)
                        : mapping->deadline;
    record.rule |= (uint16_t)(nat_behaviour(nat, mapping->protocol)->ports << NAT_RULE_EXTRA_SHIFT);
    if (mapping->peer_unsent)
        record.rule = NAT_RULE_FIREWALL;
    mapping_origin_set(nat->table, slot);
    journal_take(nat_world(nat)->journal, &record);
}

/* ---- beginning */

/* Internal addresses are counted once something depends on them: several external ones to choose from, or a limit. */
static void
count_hosts(struct nat *nat)
{
    nat->hosts = hosts_new();
    for (uint32_t slot = 1; slot <= nat->table->slots; slot++) {
        struct mapping *mapping = mapping_at(nat->table, slot);

        if (mapping->number)
            mapping->host = hosts_count(nat->hosts, mapping->internal_address, mapping->external_address,
                                        mapping->protocol);
    }
}

static bool
needs_hosts(const struct nat *nat, const struct port *out)
{
    const struct nat_options *options = nat->options;

    return options->limit_per_host || options->udp.limit_per_host || options->tcp.limit_per_host ||
           options->icmp.limit_per_host || options->limit_rate || pool_size(nat->box.node, out, FAMILY_IPV4) > 1 ||
           pool_size(nat->box.node, out, FAMILY_IPV6) > 1;
}

static bool
is_met(uint32_t limit, uint32_t count)
{
    return limit && count >= limit;
}

/* Mappings of a protocol, whatever the families. */
static uint32_t
alive(const struct mapping_table *table, unsigned protocol)
{
    uint32_t count = 0;

    for (unsigned realm = 0; realm < NAT_REALMS; realm++)
        count += table->alive[realm][protocol];
    return count;
}

static enum drop_reason
check_limits(const struct nat *nat, uint8_t protocol, struct address internal)
{
    const struct nat_options *options = nat->options;
    const struct nat_behaviour *behaviour = nat_behaviour(nat, protocol);
    const struct host *host = nat->hosts ? hosts_find(nat->hosts, internal) : NULL;
    unsigned index = nat_protocol_index(protocol);

    if (nat->table->count >= NAT_MAPPINGS_MAX || is_met(options->limit_total, nat->table->count) ||
        is_met(behaviour->limit_total, alive(nat->table, index)))
        return DROP_MAPPING_LIMIT;
    if (host && (is_met(options->limit_per_host, host->mappings) || is_met(behaviour->limit_per_host, host->of[index])))
        return DROP_MAPPING_LIMIT;
    return host && is_met(options->limit_rate, host_made(host, nat_world(nat)->now)) ? DROP_MAPPING_RATE : DROP_NONE;
}

enum drop_reason
nat_may_map(struct nat *nat, uint8_t protocol, struct address internal, const struct port *out)
{
    if (!nat->table) {
        nat->table = mapping_table_new((uint32_t)nat->counts.made);
        mapping_table_count_in(nat->table, &nat_world(nat)->memory);
    }
    if (!nat->hosts && needs_hosts(nat, out))
        count_hosts(nat);
    nat_plan_blocks(nat);
    return check_limits(nat, protocol, internal);
}

uint32_t
nat_begin_mapping(struct nat *nat, const struct making *making, const struct packet *packet)
{
    struct world *world = nat_world(nat);
    const struct mapping_key *key = &making->key;
    uint32_t slot =
        mapping_make(nat->table, key, making->external, world->now, time_add(world->now, making->lifetime));
    struct mapping *mapping = mapping_at(nat->table, slot);

    mapping->origin = making->origin;
    mapping->fixed = making->fixed;
    if (making->open)
        mapping_open(nat->table, slot);
    if (packet && packet->in && !packet->in->inside && !address_is_none(mapping->peer_address))
        mapping->peer_unsent = mapping->address_unsent = true;
    if (making->shared)
        shares_join(nat->table, slot);
    if (nat->hosts) {
        mapping->host =
            hosts_count(nat->hosts, key->internal.address, making->external.address, key->protocol);
        hosts_note_made(nat->hosts, mapping->host, world->now);
    }
    nat_enter_block(nat, mapping);
    nat->counts.made++;
    world->touched = true;
    nat_arm(nat);
    if (world->journal)
        journal_made(nat, slot, packet);
    return slot;
}

/* Those of TCP live as long as their connections. */
static int64_t
first_lifetime(const struct nat *nat, uint8_t protocol, uint16_t remote_port)
{
    return protocol == PROTOCOL_TCP ? TIME_NEVER : nat_idle_time(nat, protocol, remote_port, false);
}

enum drop_reason
nat_make_mapping(struct nat *nat, const struct mapping_key *key, const struct packet *packet, const struct port *out,
                 uint32_t *slot)
{
    struct making making = { .key = *key, .external = key->internal };
    enum drop_reason reason = nat_may_map(nat, key->protocol, key->internal.address, out);

    if (reason == DROP_NONE && key->dependence != NAT_MAPPING_NONE)
        reason = nat_choose(nat, &making, out);
    if (reason != DROP_NONE)
        return reason;
    making.lifetime = first_lifetime(nat, key->protocol, key->remote.port);
    *slot = nat_begin_mapping(nat, &making, packet);
    return DROP_NONE;
}

enum drop_reason
nat_make_forward(struct nat *nat, const struct packet *packet, uint32_t *slot)
{
    const struct flow *flow = &packet->flow;
    struct making making = {
        .key = { .remote = { ADDRESS_NONE, 0 }, .protocol = flow->protocol, .dependence = NAT_ENDPOINT_INDEPENDENT },
        .external = flow_destination(flow),
        .origin = NAT_ORIGIN_FORWARD,
        .open = true,
    };
    enum drop_reason reason;

    *slot = 0;
    if (!node_owns(nat->box.node, making.external.address) ||
        !forwards_inbound(nat->options, flow->protocol, &making.external, flow->source, &making.key.internal))
        return DROP_NONE;
    reason = nat_may_map(nat, flow->protocol, making.key.internal.address, NULL);
    if (reason != DROP_NONE)
        return reason;
    making.lifetime = first_lifetime(nat, flow->protocol, flow->source_port);
    *slot = nat_begin_mapping(nat, &making, packet);
    return DROP_NONE;
}

/* ---- ending */

/* The external port that a mapping leaves rests for a while, so that nobody gets what was meant for another (RFC 6888
 * REQ-8). Not so where that can't be: of TCP, which is followed to its end (exception A), in a block that is somebody's
 * for ever (B), and where the filter admits no strangers (C). */
static void
rest(struct nat *nat, const struct mapping *mapping)
{
    struct tuple tuple = { mapping_external(mapping), { ADDRESS_NONE, 0 }, mapping->protocol };
    bool strangers = nat_is_unfiltered(mapping) || nat_behaviour(nat, mapping->protocol)->filtering == NAT_ENDPOINT_INDEPENDENT;
    int64_t now = nat_world(nat)->now;

    if (nat->options->port_hold == 0 || mapping->dependence == NAT_MAPPING_NONE || !strangers ||
        mapping->protocol == PROTOCOL_TCP || nat_is_in_fixed_block(nat, &tuple.external))
        return;
    tuples_remember(&nat->resting, &tuple, time_add(now, nat->options->port_hold), now);
}

void
nat_end_mapping(struct nat *nat, uint32_t slot, const struct record_kind *kind, int64_t detail)
{
    struct mapping *mapping = mapping_at(nat->table, slot);
    struct world *world = nat_world(nat);
    uint32_t host = mapping->host;
    uint8_t protocol = mapping->protocol;

    if (G_UNLIKELY(mapping->pinholes))
        nat_pinholes_drop(nat, slot, kind == &nat_mapping_forgotten_kind ? PINHOLE_FORGOTTEN : PINHOLE_MAPPING_ENDED);
    if (world->journal) {
        struct record record = nat_mapping_record(nat, mapping, kind);

        record.detail = detail;
        journal_take(world->journal, &record);
    }
    if (kind != &nat_mapping_forgotten_kind)
        rest(nat, mapping);
    nat_leave_block(nat, mapping);
    mapping_end(nat->table, slot);
    if (host)
        hosts_discount(nat->hosts, host, protocol);
    world->touched = true;
}

void
nat_expire_mapping(struct nat *nat, uint32_t slot)
{
    const struct mapping *mapping = mapping_at(nat->table, slot);
    bool idle_known = !nat->timeouts_changed && !mapping->fixed && !nat->options->port_timeout_count &&
                      !nat_behaviour(nat, mapping->protocol)->stream_timeout;

    nat->counts.expired++;
    nat_end_mapping(nat, slot, &nat_mapping_expired_kind,
                    idle_known ? nat_behaviour(nat, mapping->protocol)->timeout : 0);
}

void
nat_expire(struct nat *nat)
{
    struct world *world = nat_world(nat);
    uint32_t slot, session;

    nat_pinholes_expire(nat);
    while ((slot = mapping_due(nat->table, world->now)))
        if (G_UNLIKELY(mapping_at(nat->table, slot)->pinholes))
            mapping_at(nat->table, slot)->deadline = nat_pinholes_last(nat, slot);
        else
            nat_expire_mapping(nat, slot);
    while ((session = session_due(nat->table, world->now)))
        nat_tcp_expire(nat, session);
    nat_arm(nat);
}

static void
forget_one(void *user, uint32_t slot)
{
    struct nat *nat = user;

    nat->counts.forgotten++;
    nat_end_mapping(nat, slot, &nat_mapping_forgotten_kind, 0);
}

static void
forget_mappings(struct nat *nat)
{
    nat_expire_due(nat);
    mapping_each(nat->table, forget_one, nat);
    world_cancel(nat_world(nat), &nat->expiry);
    mapping_table_free(nat->table);
    hosts_free(nat->hosts);
    blocks_free(nat->blocks);
    nat_pinholes_free(nat);
    tuples_clear(&nat->resting);
    nat->table = NULL;
    nat->hosts = NULL;
    nat->blocks = NULL;
    nat->due = TIME_NEVER;
    memset(nat->last_port, 0, sizeof nat->last_port);
    nat->next_address = 0;
}

void
nat_forget(struct nat *nat)
{
    nat_syns_forget(nat);
    tuples_clear(&nat->poisoned);
    if (nat->table)
        forget_mappings(nat);
    if (nat->reader)
        nat->reader->forget(nat->reader);
}
