/* Explicit mappings: what servers for port control ask for (RFC 6887, RFC 6886, UPnP IGD). */
#include "nat/box.h"

/* Which protocols have ports that can be mapped on request. */
static bool
has_ports(uint8_t protocol)
{
    return protocol == PROTOCOL_UDP || protocol == PROTOCOL_TCP;
}

/* Whether the box only filters: a mapping is a pinhole then (RFC 6887 section 2.2). */
static bool
translates(const struct nat *nat, uint8_t protocol)
{
    return nat_behaviour(nat, protocol)->mapping != NAT_MAPPING_NONE;
}

static struct mapping_key
key_of(const struct nat *nat, uint8_t protocol, struct endpoint internal)
{
    uint8_t dependence = translates(nat, protocol) ? NAT_ENDPOINT_INDEPENDENT : NAT_MAPPING_NONE;

    return (struct mapping_key){ internal, { ADDRESS_NONE, 0 }, protocol, dependence };
}

/* The explicit mapping of `internal`, or 0. */
static uint32_t
find_explicit(const struct nat *nat, uint8_t protocol, struct endpoint internal)
{
    struct mapping_key key = key_of(nat, protocol, internal);
    uint32_t slot = nat->table ? mapping_find_open(nat->table, &key) : 0;

    return slot && mapping_at(nat->table, slot)->fixed ? slot : 0;
}

static uint32_t
find_external(const struct nat *nat, uint8_t protocol, struct endpoint external)
{
    return nat->table ? mapping_find_external(nat->table, protocol, &external) : 0;
}

/* ---- asking */

bool
nat_find_explicit(struct nat *nat, uint8_t protocol, struct endpoint internal, struct nat_mapping_view *view)
{
    uint32_t slot;

    nat_expire_due(nat);
    if (!(slot = find_explicit(nat, protocol, internal)))
        return false;
    *view = nat_view(nat, slot);
    return true;
}

bool
nat_find_external(struct nat *nat, uint8_t protocol, struct endpoint external, struct nat_mapping_view *view)
{
    uint32_t slot;

    nat_expire_due(nat);
    if (!(slot = find_external(nat, protocol, external)))
        return false;
    *view = nat_view(nat, slot);
    return true;
}

struct address
nat_external_address(const struct nat *nat, struct address internal)
{
    const struct host *host = nat->hosts ? hosts_find(nat->hosts, internal) : NULL;
    const struct node *node = nat->box.node;
    enum family family = address_family(internal);
    uint64_t size = pool_size(node, NULL, family);

    if (host && node_owns(node, host->external))
        return host->external;
    return size ? pool_address(node, NULL, family, size > 1 ? nat->next_address % size : 0) : ADDRESS_NONE;
}

/* ---- making */

/* The mapping that a request is about and that exists already: 0 when there is none. */
static uint32_t
find_requested(const struct nat *nat, const struct nat_map_request *request)
{
    struct mapping_key key = key_of(nat, request->protocol, request->internal);
    struct endpoint external = request->external;
    uint32_t slot;

    if (!nat->table)
        return 0;
    if (request->by_external) {
        if (address_is_unspecified(external.address))
            external.address = nat_external_address(nat, request->internal.address);
        slot = find_external(nat, request->protocol, external);
        return slot && endpoint_equal(mapping_internal(mapping_at(nat->table, slot)), request->internal) ? slot : 0;
    }
    slot = mapping_find_open(nat->table, &key);
    return slot ? slot : mapping_find(nat->table, &key);
}

/* It lives as long as is asked for from now on. */
static void
renew(struct nat *nat, uint32_t slot, const struct nat_map_request *request)
{
    struct mapping *mapping = mapping_at(nat->table, slot);
    struct world *world = nat_world(nat);

    mapping->origin = request->origin;
    mapping->fixed = true;
    mapping_open(nat->table, slot);
    nat_set_deadline(nat, slot, time_add(world->now, request->lifetime));
    world->touched = true;
    if (world->journal) {
        struct record record = nat_mapping_record(nat, mapping, &nat_mapping_renewed_kind);

        record.cause = world->handling;
        record.detail = mapping->deadline;
        journal_take(world->journal, &record);
    }
}

/* Whether the suggested address may be `internal`'s: one of the pool, and the one it has. */
static bool
suits(const struct nat *nat, const struct nat_map_request *request)
{
    struct address suggested = request->external.address;
    const struct host *host = nat->hosts ? hosts_find(nat->hosts, request->internal.address) : NULL;
    const struct local_range *local = node_local(nat->box.node, suggested);

    return local && !local->port->inside && (!host || address_equal(host->external, suggested));
}

/* The external endpoint of a new mapping. */
static enum nat_map_result
choose(struct nat *nat, const struct nat_map_request *request, struct endpoint *external)
{
    struct mapping_key key = key_of(nat, request->protocol, request->internal);
    struct making making = { .key = key, .origin = request->origin, .open = true };
    enum drop_reason reason;
    bool any_address = address_is_unspecified(request->external.address);

    *external = request->internal;
    if (!translates(nat, request->protocol))
        return NAT_MAP_OK;
    *external = request->external;
    if (any_address)
        external->address = nat_external_address(nat, request->internal.address);
    if (address_is_none(external->address))
        return NAT_MAP_NO_PORT;
    if (external->port && (any_address || suits(nat, request)) && nat_is_free(nat, &key, *external))
        return NAT_MAP_OK;
    if (request->prefer_failure && (external->port || !any_address))
        return NAT_MAP_TAKEN;
    reason = nat_choose(nat, &making, NULL);
    *external = making.external;
    return reason == DROP_NONE ? NAT_MAP_OK : reason == DROP_MAPPING_LIMIT ? NAT_MAP_LIMIT : NAT_MAP_NO_PORT;
}

enum nat_map_result
nat_map_explicit(struct nat *nat, const struct nat_map_request *request, struct nat_mapping_view *granted)
{
    struct making making = {
        .key = key_of(nat, request->protocol, request->internal),
        .lifetime = request->lifetime,
        .origin = request->origin,
        .open = true,
        .fixed = true,
    };
    enum nat_map_result result;
    uint32_t slot;

    if (!has_ports(request->protocol))
        return NAT_MAP_NO_PROTOCOL;
    nat_expire_due(nat);
    if ((slot = find_requested(nat, request))) {
        renew(nat, slot, request);
        *granted = nat_view(nat, slot);
        return NAT_MAP_OK;
    }
    if (nat_may_map(nat, request->protocol, request->internal.address, NULL) != DROP_NONE)
        return NAT_MAP_LIMIT;
    result = choose(nat, request, &making.external);
    if (result != NAT_MAP_OK)
        return result;
    *granted = nat_view(nat, nat_begin_mapping(nat, &making, NULL));
    return NAT_MAP_OK;
}

/* ---- ending */

static bool
end_explicit(struct nat *nat, uint32_t slot)
{
    if (!slot || !mapping_at(nat->table, slot)->fixed)
        return false;
    nat->counts.removed++;
    nat_end_mapping(nat, slot, &nat_mapping_removed_kind, 0);
    return true;
}

bool
nat_unmap_explicit(struct nat *nat, uint8_t protocol, struct endpoint internal)
{
    nat_expire_due(nat);
    return end_explicit(nat, find_explicit(nat, protocol, internal));
}

bool
nat_unmap_external(struct nat *nat, uint8_t protocol, struct endpoint external)
{
    nat_expire_due(nat);
    return end_explicit(nat, find_external(nat, protocol, external));
}
