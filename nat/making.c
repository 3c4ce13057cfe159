/* How mappings begin and end. A mapping begins with the first packet out that needs it, a firewall's also with one in
 * that a rule admits, or is asked for (explicit.c). It ends when its deadline comes (of TCP: with its last connection),
 * when the box forgets everything, or when who has asked for it takes it back; nothing else ends one (RFC 4787 REQ-12,
 * RFC 6888 REQ-11: none makes room for another). */
#include "nat/box.h"

#include "nat/peers.h"

void
nat_arm(struct nat *nat)
{
    int64_t wake = MIN(mapping_table_wake(nat->table), session_wake(nat->table));

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

void
nat_refresh_mapping(struct nat *nat, uint32_t slot)
{
    const struct mapping *mapping = mapping_at(nat->table, slot);

    if (!mapping->fixed)
        nat_set_deadline(nat, slot, time_add(nat_world(nat)->now, nat_behaviour(nat, mapping->protocol)->timeout));
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
    record.detail = mapping->protocol == PROTOCOL_TCP && !mapping->fixed
                        ? time_add(record.at, nat->options.tcp_opening)
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
            mapping->host = hosts_count(nat->hosts, mapping->internal_address, mapping->external_address);
    }
}

static enum drop_reason
check_limits(const struct nat *nat, struct address internal)
{
    const struct nat_options *options = &nat->options;
    const struct host *host = nat->hosts ? hosts_find(nat->hosts, internal) : NULL;

    if (nat->table->count >= NAT_MAPPINGS_MAX || (options->limit_total && nat->table->count >= options->limit_total))
        return DROP_MAPPING_LIMIT;
    if (options->limit_per_host && host && host->mappings >= options->limit_per_host)
        return DROP_MAPPING_LIMIT;
    return DROP_NONE;
}

struct external_asker {
    struct port_asker asker; /* first */
    struct nat *nat;
    struct address external;
    uint8_t protocol;
    bool met_socket; /* one of the box's own sockets was in the way */
};

static bool
external_taken(const struct port_asker *asker, uint16_t port)
{
    struct external_asker *external = (struct external_asker *)asker;
    struct endpoint endpoint = { external->external, port };

    if (mapping_find_external(external->nat->table, external->protocol, &endpoint))
        return true;
    if (!nat_box_has(external->nat, external->protocol, endpoint))
        return false;
    external->met_socket = true;
    return true;
}

/* The mappings that have ended so far. */
static uint64_t
ended(const struct nat *nat)
{
    return nat->counts.made - nat->table->count;
}

/* The searches that find nothing are the long ones, and a host that keeps asking would cause one for every packet. */
static bool
known_exhausted(const struct nat *nat, uint8_t protocol, struct address external, struct port_range range)
{
    const struct exhaustion *last = &nat->exhausted;

    return last->ended == ended(nat) + 1 && last->protocol == protocol &&
           last->range.low == range.low && last->range.high == range.high && address_equal(last->external, external);
}

static uint16_t
choose_port(struct nat *nat, const struct mapping_key *key, struct address external)
{
    const struct nat_behaviour *behaviour = nat_behaviour(nat, key->protocol);
    struct port_range range = port_range_for(behaviour, key->protocol, key->internal.port);
    struct external_asker asker = { { external_taken }, nat, external, key->protocol, false };
    uint16_t *last = &nat->last_port[nat_protocol_index(key->protocol)];
    uint16_t port;

    if (known_exhausted(nat, key->protocol, external, range))
        return 0;
    port = port_choose(behaviour, range, key->internal.port, *last, &nat->random, &asker.asker);
    if (port && behaviour->ports == NAT_PORTS_SEQUENTIAL)
        *last = port;
    if (!port && !asker.met_socket)
        nat->exhausted = (struct exhaustion){ ended(nat) + 1, external, range, key->protocol };
    return port;
}

/* A host with mappings keeps its address, even when that has no port left (RFC 7857 section 4: paired pooling is not
 * traded away). A new one may take any, in turn. */
enum drop_reason
nat_choose_external(struct nat *nat, const struct mapping_key *key, const struct port *out, struct endpoint *external)
{
    const struct node *node = nat->box.node;
    const struct host *host = nat->hosts ? hosts_find(nat->hosts, key->internal.address) : NULL;
    enum family family = address_is_ipv4(key->internal.address) ? FAMILY_IPV4 : address_family(key->remote.address);
    uint64_t size = pool_size(node, out, family);

    if (host && address_family(host->external) == family && node_owns(node, host->external)) {
        external->address = host->external;
        external->port = choose_port(nat, key, external->address);
        return external->port ? DROP_NONE : DROP_NO_PORT;
    }
    for (uint64_t tries = 0; tries < size; tries++) {
        external->address = pool_address(node, out, family, size > 1 ? nat->next_address++ % size : 0);
        external->port = choose_port(nat, key, external->address);
        if (external->port)
            return DROP_NONE;
    }
    return DROP_NO_PORT;
}

bool
nat_is_free(struct nat *nat, const struct mapping_key *key, struct endpoint external)
{
    struct external_asker asker = { { external_taken }, nat, external.address, key->protocol, false };

    return !external_taken(&asker.asker, external.port);
}

enum drop_reason
nat_may_map(struct nat *nat, uint8_t protocol, struct address internal, const struct port *out)
{
    (void)protocol;
    if (!nat->table) {
        nat->table = mapping_table_new((uint32_t)nat->counts.made);
        mapping_table_count_in(nat->table, &nat_world(nat)->memory);
    }
    if (!nat->hosts && (nat->options.limit_per_host || pool_size(nat->box.node, out, FAMILY_IPV4) > 1 ||
                        pool_size(nat->box.node, out, FAMILY_IPV6) > 1))
        count_hosts(nat);
    return check_limits(nat, internal);
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
    if (packet && packet->in && !packet->in->inside)
        mapping->peer_unsent = mapping->address_unsent = true;
    if (nat->hosts)
        mapping->host = hosts_count(nat->hosts, key->internal.address, making->external.address);
    nat->counts.made++;
    world->touched = true;
    nat_arm(nat);
    if (world->journal)
        journal_made(nat, slot, packet);
    return slot;
}

enum drop_reason
nat_make_mapping(struct nat *nat, const struct mapping_key *key, const struct packet *packet, const struct port *out,
                 uint32_t *slot)
{
    struct making making = { .key = *key, .external = key->internal };
    enum drop_reason reason = nat_may_map(nat, key->protocol, key->internal.address, out);

    if (reason == DROP_NONE && key->dependence != NAT_MAPPING_NONE)
        reason = nat_choose_external(nat, key, out, &making.external);
    if (reason != DROP_NONE)
        return reason;
    making.lifetime = key->protocol == PROTOCOL_TCP ? TIME_NEVER : nat_behaviour(nat, key->protocol)->timeout;
    *slot = nat_begin_mapping(nat, &making, packet);
    return DROP_NONE;
}

/* ---- ending */

static void
end_mapping(struct nat *nat, uint32_t slot, const struct record_kind *kind, int64_t detail)
{
    struct mapping *mapping = mapping_at(nat->table, slot);
    struct world *world = nat_world(nat);
    uint32_t host = mapping->host;

    if (world->journal) {
        struct record record = nat_mapping_record(nat, mapping, kind);

        record.detail = detail;
        journal_take(world->journal, &record);
    }
    mapping_end(nat->table, slot);
    if (host)
        hosts_discount(nat->hosts, host);
    world->touched = true;
}

void
nat_end_mapping(struct nat *nat, uint32_t slot, const struct record_kind *kind)
{
    end_mapping(nat, slot, kind, 0);
}

void
nat_expire_mapping(struct nat *nat, uint32_t slot)
{
    const struct mapping *mapping = mapping_at(nat->table, slot);
    bool idle_known = !nat->timeouts_changed && !mapping->fixed;

    nat->counts.expired++;
    end_mapping(nat, slot, &nat_mapping_expired_kind,
                idle_known ? nat_behaviour(nat, mapping->protocol)->timeout : 0);
}

void
nat_expire(struct nat *nat)
{
    struct world *world = nat_world(nat);
    uint32_t slot, session;

    while ((slot = mapping_due(nat->table, world->now)))
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
    end_mapping(nat, slot, &nat_mapping_forgotten_kind, 0);
}

void
nat_forget(struct nat *nat)
{
    nat_syns_forget(nat);
    if (!nat->table)
        return;
    nat_expire_due(nat);
    mapping_each(nat->table, forget_one, nat);
    world_cancel(nat_world(nat), &nat->expiry);
    mapping_table_free(nat->table);
    hosts_free(nat->hosts);
    nat->table = NULL;
    nat->hosts = NULL;
    nat->due = TIME_NEVER;
    memset(nat->last_port, 0, sizeof nat->last_port);
    nat->next_address = 0;
}
