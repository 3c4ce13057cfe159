/* What ALGs open: over the NAT's pinholes (nat/nat.h), for who may ask for them. */
#include "nat/alg/box.h"

/* Whether the sender may have something opened at `internal`: at its own address only. */
static bool
may_speak_for(const struct alg_message *message, struct endpoint internal)
{
    return !message->way.inbound && address_equal(message->way.internal.address, internal.address);
}

static bool
is_supported(const struct alg_message *message, const struct alg_wish *wish)
{
    const struct nat_translation *way = &message->way;
    unsigned last = wish->internal.port + (wish->pair ? 1u : 0u);

    return (wish->protocol == PROTOCOL_UDP || wish->protocol == PROTOCOL_TCP) && wish->internal.port > 0 &&
           last <= UINT16_MAX && wish->lifetime > 0 &&
           address_is_ipv4(way->internal.address) == address_is_ipv4(way->external.address);
}

static enum alg_opened
result_of(enum nat_map_result result)
{
    switch (result) {
    case NAT_MAP_OK:
        return ALG_OPEN_OK;
    case NAT_MAP_LIMIT:
        return ALG_OPEN_LIMIT;
    case NAT_MAP_NO_PROTOCOL:
        return ALG_OPEN_UNSUPPORTED;
    default:
        return ALG_OPEN_NO_PORT;
    }
}

static enum alg_opened
open_one(struct alg_message *message, const struct alg_wish *wish, unsigned above, struct alg_grant *grant)
{
    const struct alg_seat *seat = message->seat;
    struct nat_pinhole_request request = {
        .protocol = wish->protocol, .asker = (uint8_t)seat->index, .once = wish->once, .refreshed = wish->refreshed,
        .internal = { wish->internal.address, (uint16_t)(wish->internal.port + above) }, .remote = wish->remote,
        .lifetime = wish->lifetime, .owner = wish->owner,
    };
    struct nat_pinhole_view view;
    enum nat_map_result result;

    if (above && request.remote.port)
        request.remote.port = request.remote.port < UINT16_MAX ? (uint16_t)(request.remote.port + above) : 0;
    if (message->opened_count == ALG_OPENED_MAX)
        return ALG_OPEN_LIMIT;
    result = nat_pinhole_open(seat->nat, &request, &view, &grant->is_new, &grant->mapped);
    if (result != NAT_MAP_OK)
        return result_of(result);
    grant->external = view.external;
    grant->pinhole = view.number;
    if (grant->is_new)
        message->opened[message->opened_count++] = view.number;
    return ALG_OPEN_OK;
}

enum alg_opened
alg_open(struct alg_message *message, const struct alg_wish *wish, struct alg_grant grants[2])
{
    enum alg_opened result;

    if (!may_speak_for(message, wish->internal))
        return ALG_OPEN_NOT_THE_SENDERS;
    if (!is_supported(message, wish))
        return ALG_OPEN_UNSUPPORTED;
    result = open_one(message, wish, 0, &grants[0]);
    if (result != ALG_OPEN_OK || !wish->pair)
        return result;
    result = open_one(message, wish, 1, &grants[1]);
    if (result != ALG_OPEN_OK && grants[0].is_new) {
        message->opened_count--;
        nat_pinhole_close(message->seat->nat, grants[0].pinhole, true);
    }
    return result;
}

void
alg_take_back(struct alg_message *message)
{
    while (message->opened_count > 0)
        nat_pinhole_close(message->seat->nat, message->opened[--message->opened_count], true);
}

/* ---- what is open */

static void
show(const struct nat_pinhole_view *view, struct alg_pinhole *out)
{
    *out = (struct alg_pinhole){
        .number = view->number, .mapping = view->mapping, .protocol = view->protocol, .once = view->once,
        .used = view->used, .refreshed = view->refreshed, .internal = view->internal, .external = view->external,
        .remote = view->remote, .opened = view->opened, .expires = view->expires, .owner = view->owner,
        .packets = view->packets,
    };
}

void
alg_tell_closed(const struct alg_box *box, const struct nat_pinhole_view *view)
{
    struct alg_pinhole pinhole;

    show(view, &pinhole);
    for (unsigned i = 0; i < box->count; i++)
        if (box->seats[i] && box->seats[i]->index == view->asker && box->seats[i]->alg->closed)
            box->seats[i]->alg->closed(box->seats[i], &pinhole);
}

bool
alg_find_pinhole(const struct alg_seat *seat, uint32_t pinhole, struct alg_pinhole *found)
{
    struct nat_pinhole_view view;

    if (!nat_pinhole_find(seat->nat, pinhole, &view) || view.asker != seat->index)
        return false;
    show(&view, found);
    return true;
}

bool
alg_narrow(struct alg_seat *seat, uint32_t pinhole, struct endpoint remote)
{
    struct alg_pinhole found;

    return alg_find_pinhole(seat, pinhole, &found) && nat_pinhole_narrow(seat->nat, pinhole, remote);
}

bool
alg_prolong(struct alg_seat *seat, uint32_t pinhole, int64_t lifetime)
{
    struct alg_pinhole found;

    return alg_find_pinhole(seat, pinhole, &found) && nat_pinhole_prolong(seat->nat, pinhole, lifetime);
}

bool
alg_let_end(struct alg_seat *seat, uint32_t pinhole, int64_t grace)
{
    struct alg_pinhole found;

    return alg_find_pinhole(seat, pinhole, &found) && nat_pinhole_let_end(seat->nat, pinhole, grace);
}

bool
alg_close(struct alg_seat *seat, uint32_t pinhole)
{
    struct alg_pinhole found;

    return alg_find_pinhole(seat, pinhole, &found) && nat_pinhole_close(seat->nat, pinhole, false);
}

/* The next of an owner's pinholes after one; 0: there is none. */
static uint32_t
next_of(const struct alg_seat *seat, uint64_t owner, uint32_t after)
{
    return nat_pinhole_next(seat->nat, (uint8_t)seat->index, owner, after);
}

unsigned
alg_prolong_owner(struct alg_seat *seat, uint64_t owner, int64_t lifetime)
{
    unsigned count = 0;

    for (uint32_t at = next_of(seat, owner, 0); at; at = next_of(seat, owner, at), count++)
        nat_pinhole_prolong(seat->nat, at, lifetime);
    return count;
}

unsigned
alg_let_end_owner(struct alg_seat *seat, uint64_t owner, int64_t grace)
{
    unsigned count = 0;

    for (uint32_t at = next_of(seat, owner, 0); at; at = next_of(seat, owner, at), count++)
        nat_pinhole_let_end(seat->nat, at, grace);
    return count;
}

unsigned
alg_close_owner(struct alg_seat *seat, uint64_t owner)
{
    unsigned count = 0;

    for (uint32_t at; (at = next_of(seat, owner, 0)); count++)
        nat_pinhole_close(seat->nat, at, false);
    return count;
}

void
alg_each_pinhole(const struct alg_seat *seat, uint64_t owner,
                 void (*tell)(void *user, const struct alg_pinhole *pinhole), void *user)
{
    struct alg_pinhole found;

    for (uint32_t at = next_of(seat, owner, 0); at; at = next_of(seat, owner, at))
        if (alg_find_pinhole(seat, at, &found))
            tell(user, &found);
}

/* ---- mappings */

bool
alg_external_of(const struct alg_seat *seat, uint8_t protocol, struct endpoint internal, struct endpoint remote,
                struct endpoint *external)
{
    struct nat_mapping_view view;

    if (!nat_find_internal(seat->nat, protocol, internal, remote, &view))
        return false;
    *external = view.external;
    return true;
}

bool
alg_internal_of(const struct alg_seat *seat, uint8_t protocol, struct endpoint external, struct endpoint *internal)
{
    struct nat_mapping_view view;

    if (!nat_find_external(seat->nat, protocol, external, &view))
        return false;
    *internal = view.internal;
    return true;
}

bool
alg_is_external(const struct alg_seat *seat, struct address address)
{
    const struct local_range *local = node_local(seat->node, address);

    return local && !local->port->inside;
}

bool
alg_is_inside(const struct alg_seat *seat, struct address address)
{
    struct hop hop;

    return node_route(seat->node, address, &hop) && hop.port->inside;
}
