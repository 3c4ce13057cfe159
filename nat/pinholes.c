#include "nat/pinholes.h"

#include "nat/array.h"
#include "nat/box.h"

static struct pinhole *
pinhole_at(const struct nat *nat, uint32_t slot)
{
    return &nat->pinholes->list[slot - 1];
}

/* ---- finding */

static uint32_t
hash_owner(uint8_t asker, uint64_t owner)
{
    return (uint32_t)mix64(owner + asker * UINT64_C(0x9e3779b97f4a7c15));
}

/* The oldest of an owner's, or 0. */
static uint32_t
find_owner(const struct pinholes *pinholes, uint8_t asker, uint64_t owner)
{
    uint32_t hash = hash_owner(asker, owner), i, slot;

    for (i = hash_index_first(&pinholes->by_owner, hash); (slot = hash_index_value(&pinholes->by_owner, i));
         i = hash_index_next(&pinholes->by_owner, i, hash))
        if (pinholes->list[slot - 1].owner == owner && pinholes->list[slot - 1].asker == asker)
            break;
    return slot;
}

static uint32_t
find_number(const struct nat *nat, uint32_t number)
{
    uint32_t hash = (uint32_t)mix64(number), i, slot = 0;

    if (!nat->pinholes || number == 0)
        return 0;
    for (i = hash_index_first(&nat->pinholes->by_number, hash); (slot = hash_index_value(&nat->pinholes->by_number, i));
         i = hash_index_next(&nat->pinholes->by_number, i, hash))
        if (pinhole_at(nat, slot)->number == number)
            break;
    return slot;
}

static uint32_t
find_host(const struct pinholes *pinholes, struct address address)
{
    uint32_t hash = (uint32_t)mix64(address_hash(address)), i, slot;

    for (i = hash_index_first(&pinholes->by_host, hash); (slot = hash_index_value(&pinholes->by_host, i));
         i = hash_index_next(&pinholes->by_host, i, hash))
        if (address_equal(pinholes->hosts[slot - 1].address, address))
            break;
    return slot;
}

/* ---- the journal */

static struct nat_pinhole_view
view_of(const struct nat *nat, uint32_t slot)
{
    const struct pinhole *pinhole = pinhole_at(nat, slot);
    const struct mapping *mapping = mapping_at(nat->table, pinhole->mapping);

    return (struct nat_pinhole_view){
        .number = pinhole->number, .mapping = mapping->number, .protocol = mapping->protocol, .asker = pinhole->asker,
        .once = pinhole->once, .used = pinhole->packets > 0, .refreshed = pinhole->refreshed,
        .internal = mapping_internal(mapping), .external = mapping_external(mapping), .remote = pinhole->remote,
        .opened = pinhole->opened, .expires = pinhole->deadline, .owner = pinhole->owner, .packets = pinhole->packets,
    };
}

static void
journal(const struct nat *nat, uint32_t slot, const struct record_kind *kind, enum pinhole_end end, int64_t detail)
{
    struct world *world = nat_world(nat);
    const struct pinhole *pinhole;
    struct record record;

    if (!world->journal)
        return;
    pinhole = pinhole_at(nat, slot);
    record = nat_mapping_record(nat, mapping_at(nat->table, pinhole->mapping), kind);
    record.cause = world->handling;
    record.subject[1] = pinhole->number;
    record.before.destination = record.after.destination = pinhole->remote.address;
    record.before.destination_port = record.after.destination_port = pinhole->remote.port;
    record.rule = (uint16_t)(pinhole->asker | (pinhole->once ? PINHOLE_ONCE : 0) |
                             (pinhole->refreshed ? PINHOLE_REFRESHED : 0) | end << 8);
    record.detail = detail;
    journal_take(world->journal, &record);
}

/* ---- lists */

static uint32_t
count_host(struct pinholes *pinholes, struct address address)
{
    uint32_t slot = find_host(pinholes, address);

    if (!slot && pinholes->host_free) {
        slot = pinholes->host_free;
        pinholes->host_free = (uint32_t)pinholes->hosts[slot - 1].address.low;
    } else if (!slot) {
        if (pinholes->host_slots == pinholes->host_capacity) {
            pinholes->host_capacity = array_room(pinholes->host_capacity);
            pinholes->hosts = g_renew(struct pinhole_host, pinholes->hosts, pinholes->host_capacity);
        }
        slot = ++pinholes->host_slots;
    }
    if (!find_host(pinholes, address)) {
        pinholes->hosts[slot - 1] = (struct pinhole_host){ address, 0 };
        hash_index_insert(&pinholes->by_host, (uint32_t)mix64(address_hash(address)), slot);
    }
    pinholes->hosts[slot - 1].count++;
    return slot;
}

static void
discount_host(struct pinholes *pinholes, uint32_t slot)
{
    struct pinhole_host *host = &pinholes->hosts[slot - 1];

    if (--host->count > 0)
        return;
    hash_index_remove(&pinholes->by_host, (uint32_t)mix64(address_hash(host->address)), slot);
    host->address = (struct address){ .low = pinholes->host_free };
    pinholes->host_free = slot;
}

static void
link_owner(struct pinholes *pinholes, uint32_t slot)
{
    struct pinhole *pinhole = &pinholes->list[slot - 1];
    uint32_t first = find_owner(pinholes, pinhole->asker, pinhole->owner);

    pinhole->owner_next = pinhole->owner_previous = 0;
    if (!first) {
        pinhole->owner_last = slot;
        hash_index_insert(&pinholes->by_owner, hash_owner(pinhole->asker, pinhole->owner), slot);
        return;
    }
    pinhole->owner_previous = pinholes->list[first - 1].owner_last;
    pinholes->list[pinhole->owner_previous - 1].owner_next = slot;
    pinholes->list[first - 1].owner_last = slot;
}

static void
unlink_owner(struct pinholes *pinholes, uint32_t slot)
{
    struct pinhole *pinhole = &pinholes->list[slot - 1];
    uint32_t first = find_owner(pinholes, pinhole->asker, pinhole->owner), hash = hash_owner(pinhole->asker, pinhole->owner);

    if (pinhole->owner_next)
        pinholes->list[pinhole->owner_next - 1].owner_previous = pinhole->owner_previous;
    else
        pinholes->list[first - 1].owner_last = pinhole->owner_previous;
    if (pinhole->owner_previous) {
        pinholes->list[pinhole->owner_previous - 1].owner_next = pinhole->owner_next;
        return;
    }
    hash_index_remove(&pinholes->by_owner, hash, slot);
    if (!pinhole->owner_next)
        return;
    pinholes->list[pinhole->owner_next - 1].owner_last = pinhole->owner_last;
    hash_index_insert(&pinholes->by_owner, hash, pinhole->owner_next);
}

static void
link_mapping(struct nat *nat, uint32_t slot)
{
    struct pinhole *pinhole = pinhole_at(nat, slot);
    struct mapping *mapping = mapping_at(nat->table, pinhole->mapping);

    pinhole->previous = 0;
    pinhole->next = mapping->pinholes;
    if (pinhole->next)
        pinhole_at(nat, pinhole->next)->previous = slot;
    mapping->pinholes = slot;
}

static void
unlink_mapping(struct nat *nat, uint32_t slot)
{
    struct pinhole *pinhole = pinhole_at(nat, slot);

    if (pinhole->next)
        pinhole_at(nat, pinhole->next)->previous = pinhole->previous;
    if (pinhole->previous)
        pinhole_at(nat, pinhole->previous)->next = pinhole->next;
    else
        mapping_at(nat->table, pinhole->mapping)->pinholes = pinhole->next;
}

static uint32_t
take_slot(struct pinholes *pinholes)
{
    uint32_t slot = pinholes->free;

    if (slot) {
        pinholes->free = pinholes->list[slot - 1].next;
        return slot;
    }
    if (pinholes->slots == pinholes->capacity) {
        pinholes->capacity = array_room(pinholes->capacity);
        pinholes->list = g_renew(struct pinhole, pinholes->list, pinholes->capacity);
    }
    return ++pinholes->slots;
}

/* ---- ending */

/* The mapping has lost its last pinhole. One that was made for pinholes has nothing more to live for. */
static void
leave_mapping(struct nat *nat, uint32_t slot, bool served)
{
    const struct mapping *mapping = mapping_at(nat->table, slot);

    if (mapping->origin != NAT_ORIGIN_ALG)
        return;
    if (mapping->protocol == PROTOCOL_TCP ? mapping->peer_count > 0 : served) {
        int64_t idle = nat_idle_time(nat, mapping->protocol, mapping->peer_port, mapping->answered);

        nat_set_deadline(nat, slot,
                         mapping->protocol == PROTOCOL_TCP ? TIME_NEVER : time_add(nat_world(nat)->now, idle));
        return;
    }
    nat->counts.removed++;
    nat_end_mapping(nat, slot, &nat_mapping_removed_kind, 0);
}

/* The only place where a pinhole ends. */
static void
end_pinhole(struct nat *nat, uint32_t slot, enum pinhole_end why)
{
    struct pinholes *pinholes = nat->pinholes;
    struct pinhole *pinhole = pinhole_at(nat, slot);
    struct nat_pinhole_view view = view_of(nat, slot);
    bool by_itself = why != PINHOLE_CLOSED && why != PINHOLE_TAKEN_BACK;
    uint32_t mapping = pinhole->mapping;

    journal(nat, slot, &nat_pinhole_closed_kind, why, nat_world(nat)->now - pinhole->opened);
    unlink_mapping(nat, slot);
    unlink_owner(pinholes, slot);
    discount_host(pinholes, pinhole->host);
    deadlines_remove(&pinholes->deadlines, slot);
    hash_index_remove(&pinholes->by_number, (uint32_t)mix64(pinhole->number), slot);
    pinhole->number = 0;
    pinhole->next = pinholes->free;
    pinholes->free = slot;
    pinholes->count--;
    nat_world(nat)->touched = true;
    if (why != PINHOLE_MAPPING_ENDED && why != PINHOLE_FORGOTTEN && !mapping_at(nat->table, mapping)->pinholes)
        leave_mapping(nat, mapping, why == PINHOLE_SERVED);
    if (by_itself && nat->reader)
        nat->reader->closed(nat->reader, &view);
}

void
nat_pinholes_drop(struct nat *nat, uint32_t slot, enum pinhole_end why)
{
    while (mapping_at(nat->table, slot)->pinholes)
        end_pinhole(nat, mapping_at(nat->table, slot)->pinholes, why);
}

void
nat_pinholes_expire(struct nat *nat)
{
    struct deadlines *deadlines = nat->pinholes ? &nat->pinholes->deadlines : NULL;

    while (deadlines && deadlines->count > 0 && deadlines->heap[0].at <= nat_world(nat)->now) {
        uint32_t slot = deadlines->heap[0].slot;
        const struct pinhole *pinhole = pinhole_at(nat, slot);

        if (pinhole->deadline > deadlines->heap[0].at)
            deadlines_put_off(deadlines, pinhole->deadline);
        else
            end_pinhole(nat, slot, pinhole->once && pinhole->packets > 0 ? PINHOLE_SERVED : PINHOLE_EXPIRED);
    }
}

int64_t
nat_pinholes_wake(const struct nat *nat)
{
    return nat->pinholes ? deadlines_wake(&nat->pinholes->deadlines) : TIME_NEVER;
}

int64_t
nat_pinholes_last(const struct nat *nat, uint32_t slot)
{
    int64_t last = 0;

    for (uint32_t at = mapping_at(nat->table, slot)->pinholes; at; at = pinhole_at(nat, at)->next)
        last = MAX(last, pinhole_at(nat, at)->deadline);
    return last;
}

void
nat_pinholes_free(struct nat *nat)
{
    struct pinholes *pinholes = nat->pinholes;

    if (!pinholes)
        return;
    hash_index_clear(&pinholes->by_owner);
    hash_index_clear(&pinholes->by_number);
    hash_index_clear(&pinholes->by_host);
    deadlines_clear(&pinholes->deadlines);
    g_free(pinholes->hosts);
    g_free(pinholes->list);
    g_free(pinholes);
    nat->pinholes = NULL;
}

size_t
nat_pinholes_bytes(const struct nat *nat)
{
    const struct pinholes *pinholes = nat->pinholes;

    return pinholes ? sizeof *pinholes + pinholes->capacity * sizeof *pinholes->list +
                          pinholes->host_capacity * sizeof *pinholes->hosts + hash_index_bytes(&pinholes->by_owner) +
                          hash_index_bytes(&pinholes->by_number) + hash_index_bytes(&pinholes->by_host) +
                          deadlines_bytes(&pinholes->deadlines)
                    : 0;
}

/* ---- packets */

static bool
is_for(const struct pinhole *pinhole, const struct endpoint *remote)
{
    return address_is_none(pinhole->remote.address) ||
           (address_equal(pinhole->remote.address, remote->address) &&
            (pinhole->remote.port == 0 || pinhole->remote.port == remote->port));
}

/* The pinhole of a mapping that a packet from `remote` comes in by, or 0: of several that which was opened last. */
static uint32_t
find_for(const struct nat *nat, uint32_t slot, const struct endpoint *remote)
{
    uint32_t at = mapping_at(nat->table, slot)->pinholes;

    while (at && !is_for(pinhole_at(nat, at), remote))
        at = pinhole_at(nat, at)->next;
    return at;
}

bool
nat_pinholes_admit(const struct nat *nat, uint32_t slot, const struct endpoint *remote)
{
    return find_for(nat, slot, remote) != 0;
}

static void
set_deadline(struct nat *nat, uint32_t slot, int64_t deadline)
{
    struct pinhole *pinhole = pinhole_at(nat, slot);
    bool sooner = deadline < pinhole->deadline;

    pinhole->deadline = deadline;
    if (!sooner)
        return;
    deadlines_hasten(&nat->pinholes->deadlines, slot, deadline);
    nat_arm(nat);
}

static void
refresh(struct nat *nat, struct pinhole *pinhole)
{
    if (pinhole->refreshed)
        pinhole->deadline = MAX(pinhole->deadline, time_add(nat_world(nat)->now, pinhole->lifetime));
}

void
nat_pinholes_inbound(struct nat *nat, uint32_t slot, const struct endpoint *remote)
{
    uint32_t at = find_for(nat, slot, remote);
    struct pinhole *pinhole = at ? pinhole_at(nat, at) : NULL;

    if (!at)
        return;
    refresh(nat, pinhole);
    if (pinhole->packets++ > 0 || !pinhole->once)
        return;
    pinhole->remote = *remote;
    journal(nat, at, &nat_pinhole_used_kind, 0, 0);
}

void
nat_pinholes_outbound(struct nat *nat, uint32_t slot, const struct endpoint *remote)
{
    for (uint32_t at = mapping_at(nat->table, slot)->pinholes; at; at = pinhole_at(nat, at)->next)
        if (is_for(pinhole_at(nat, at), remote))
            refresh(nat, pinhole_at(nat, at));
}

/* ---- opening */

/* The key of what a pinhole needs: a mapping for whoever may come. */
static struct mapping_key
key_of(const struct nat *nat, uint8_t protocol, struct endpoint internal, struct endpoint remote)
{
    struct address outside = address_is_none(remote.address) ? internal.address : remote.address;
    bool translates = nat_mapping_of(nat, protocol, internal.address, outside) != NAT_MAPPING_NONE;

    return (struct mapping_key){ internal, { ADDRESS_NONE, 0 }, protocol,
                                 translates ? NAT_ENDPOINT_INDEPENDENT : NAT_MAPPING_NONE };
}

/* The mapping that a packet to `remote` would take, or 0. One that depends on the destination is of use only where that
 * is known. */
static uint32_t
find_mapping(const struct nat *nat, uint8_t protocol, struct endpoint internal, struct endpoint remote)
{
    struct mapping_key any = key_of(nat, protocol, internal, remote), key;
    uint32_t slot;
    uint16_t rule;

    if (!nat->table)
        return 0;
    if ((slot = mapping_find_open(nat->table, &any)) || (slot = mapping_find(nat->table, &any)))
        return slot;
    if (address_is_none(remote.address) || remote.port == 0)
        return 0;
    key = nat_key(nat, protocol, internal, remote);
    return nat_find_way(nat, &key, nat->options->affinity, &rule);
}

bool
nat_find_internal(struct nat *nat, uint8_t protocol, struct endpoint internal, struct endpoint remote,
                  struct nat_mapping_view *view)
{
    uint32_t slot;

    nat_expire_due(nat);
    if (!(slot = find_mapping(nat, protocol, internal, remote)))
        return false;
    *view = nat_view(nat, slot);
    return true;
}

static enum nat_map_result
make_mapping(struct nat *nat, const struct nat_pinhole_request *request, uint32_t *slot)
{
    struct making making = {
        .key = key_of(nat, request->protocol, request->internal, request->remote),
        .external = request->internal,
        .lifetime = request->lifetime,
        .origin = NAT_ORIGIN_ALG,
        .open = true,
    };
    enum drop_reason reason = nat_may_map(nat, request->protocol, request->internal.address, NULL);

    if (reason != DROP_NONE)
        return NAT_MAP_LIMIT;
    if (making.key.dependence != NAT_MAPPING_NONE) {
        nat->keeps_pairs = true;
        reason = nat_choose(nat, &making, NULL);
        nat->keeps_pairs = false;
    }
    if (reason != DROP_NONE)
        return reason == DROP_MAPPING_LIMIT ? NAT_MAP_LIMIT : NAT_MAP_NO_PORT;
    *slot = nat_begin_mapping(nat, &making, NULL);
    return NAT_MAP_OK;
}

static unsigned
count_of(const struct nat *nat, uint32_t slot)
{
    unsigned count = 0;

    for (uint32_t at = mapping_at(nat->table, slot)->pinholes; at; at = pinhole_at(nat, at)->next)
        count++;
    return count;
}

/* Whether there is room for one more, in the box and for the internal address. */
static bool
has_room(const struct nat *nat, struct address internal)
{
    uint32_t host = nat->pinholes ? find_host(nat->pinholes, internal) : 0;

    return !nat->pinholes ||
           (nat->pinholes->count < NAT_PINHOLES_MAX &&
            (!host || nat->pinholes->hosts[host - 1].count < NAT_PINHOLES_PER_HOST));
}

static uint32_t
make_pinhole(struct nat *nat, const struct nat_pinhole_request *request, uint32_t mapping)
{
    struct world *world = nat_world(nat);
    struct pinholes *pinholes = nat->pinholes;
    uint32_t slot = take_slot(pinholes);
    int64_t deadline = time_add(world->now, request->lifetime);

    pinholes->list[slot - 1] = (struct pinhole){
        .remote = request->remote, .owner = request->owner, .opened = world->now, .deadline = deadline,
        .lifetime = request->lifetime, .number = ++pinholes->made, .mapping = mapping,
        .host = count_host(pinholes, request->internal.address), .asker = request->asker, .once = request->once,
        .refreshed = request->refreshed,
    };
    pinholes->count++;
    link_mapping(nat, slot);
    link_owner(pinholes, slot);
    hash_index_insert(&pinholes->by_number, (uint32_t)mix64(pinholes->made), slot);
    deadlines_add(&pinholes->deadlines, (struct deadline){ deadline, slot, pinholes->made });
    world->touched = true;
    nat_arm(nat);
    journal(nat, slot, &nat_pinhole_opened_kind, 0, deadline);
    return slot;
}

/* The owner's pinhole for this protocol and internal endpoint, or 0. */
static uint32_t
find_again(const struct nat *nat, const struct nat_pinhole_request *request)
{
    uint32_t at = nat->pinholes ? find_owner(nat->pinholes, request->asker, request->owner) : 0;

    for (; at; at = pinhole_at(nat, at)->owner_next) {
        const struct mapping *mapping = mapping_at(nat->table, pinhole_at(nat, at)->mapping);

        if (mapping->protocol == request->protocol && endpoint_equal(mapping_internal(mapping), request->internal))
            break;
    }
    return at;
}

static void
narrow(struct nat *nat, uint32_t slot, struct endpoint remote)
{
    struct pinhole *pinhole = pinhole_at(nat, slot);

    if (endpoint_equal(pinhole->remote, remote))
        return;
    pinhole->remote = remote;
    journal(nat, slot, &nat_pinhole_narrowed_kind, 0, 0);
}

enum nat_map_result
nat_pinhole_open(struct nat *nat, const struct nat_pinhole_request *request, struct nat_pinhole_view *opened, bool *is_new,
                 bool *mapped)
{
    enum nat_map_result result = NAT_MAP_OK;
    uint32_t slot, mapping;

    if (request->protocol != PROTOCOL_UDP && request->protocol != PROTOCOL_TCP)
        return NAT_MAP_NO_PROTOCOL;
    nat_expire_due(nat);
    *is_new = *mapped = false;
    if ((slot = find_again(nat, request))) {
        narrow(nat, slot, request->remote);
        pinhole_at(nat, slot)->lifetime = request->lifetime;
        pinhole_at(nat, slot)->refreshed = request->refreshed;
        set_deadline(nat, slot, time_add(nat_world(nat)->now, request->lifetime));
        *opened = view_of(nat, slot);
        return NAT_MAP_OK;
    }
    mapping = find_mapping(nat, request->protocol, request->internal, request->remote);
    if (!has_room(nat, request->internal.address) || (mapping && count_of(nat, mapping) >= NAT_PINHOLES_PER_MAPPING))
        return NAT_MAP_LIMIT;
    *mapped = mapping != 0;
    if (!mapping)
        result = make_mapping(nat, request, &mapping);
    if (result != NAT_MAP_OK)
        return result;
    if (!nat->pinholes)
        nat->pinholes = g_new0(struct pinholes, 1);
    *is_new = true;
    *opened = view_of(nat, make_pinhole(nat, request, mapping));
    return NAT_MAP_OK;
}

/* ---- for who has opened them */

bool
nat_pinhole_find(struct nat *nat, uint32_t number, struct nat_pinhole_view *view)
{
    uint32_t slot;

    nat_expire_due(nat);
    if (!(slot = find_number(nat, number)))
        return false;
    *view = view_of(nat, slot);
    return true;
}

bool
nat_pinhole_narrow(struct nat *nat, uint32_t number, struct endpoint remote)
{
    uint32_t slot;

    nat_expire_due(nat);
    if (!(slot = find_number(nat, number)))
        return false;
    narrow(nat, slot, remote);
    return true;
}

bool
nat_pinhole_prolong(struct nat *nat, uint32_t number, int64_t lifetime)
{
    uint32_t slot;

    nat_expire_due(nat);
    if (!(slot = find_number(nat, number)))
        return false;
    pinhole_at(nat, slot)->lifetime = lifetime;
    set_deadline(nat, slot, time_add(nat_world(nat)->now, lifetime));
    return true;
}

bool
nat_pinhole_let_end(struct nat *nat, uint32_t number, int64_t grace)
{
    uint32_t slot;

    nat_expire_due(nat);
    if (!(slot = find_number(nat, number)))
        return false;
    pinhole_at(nat, slot)->refreshed = false;
    set_deadline(nat, slot, MIN(pinhole_at(nat, slot)->deadline, time_add(nat_world(nat)->now, grace)));
    return true;
}

bool
nat_pinhole_close(struct nat *nat, uint32_t number, bool taken_back)
{
    uint32_t slot;

    nat_expire_due(nat);
    if (!(slot = find_number(nat, number)))
        return false;
    end_pinhole(nat, slot, taken_back ? PINHOLE_TAKEN_BACK : PINHOLE_CLOSED);
    return true;
}

uint32_t
nat_pinhole_next(struct nat *nat, uint8_t asker, uint64_t owner, uint32_t after)
{
    uint32_t slot;

    nat_expire_due(nat);
    if (!nat->pinholes)
        return 0;
    slot = after ? find_number(nat, after) : 0;
    if (after)
        slot = slot ? pinhole_at(nat, slot)->owner_next : 0;
    else
        slot = find_owner(nat->pinholes, asker, owner);
    return slot ? pinhole_at(nat, slot)->number : 0;
}
