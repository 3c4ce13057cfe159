#include "nat/services/port_control.h"

#include "core/net/stack.h"

#define ADDRESSES 256 /* of a box, as far as they are looked through */
#define IGD_VERSION 2

struct port_control {
    struct portmap_control control; /* first: what the servers get */
    struct node *node;
    struct nat *nat;
    struct portmap_desk desk;
    unsigned kinds;
    struct portmap_server *server;
    struct upnp_server *upnp;
    struct prefix inside[PORTMAP_SERVER_INSIDE]; /* that they run on */
    size_t insides;
    struct io_timer back;
    struct io_watch addresses;
};

static struct port_control *
self_of(struct portmap_control *control)
{
    return (struct port_control *)control;
}

/* --- what the servers ask ---------------------------------------------------------------------------------------- */

static uint8_t
origin_of(enum portmap_via via)
{
    static const uint8_t origins[] = {
        [PORTMAP_PCP] = NAT_ORIGIN_PCP, [PORTMAP_NAT_PMP] = NAT_ORIGIN_NAT_PMP, [PORTMAP_UPNP] = NAT_ORIGIN_UPNP
    };

    G_STATIC_ASSERT(G_N_ELEMENTS(origins) == PORTMAP_VIAS);
    return origins[via];
}

static enum portmap_result
result_of(const struct port_control *self, struct address internal, enum nat_map_result result)
{
    switch (result) {
    case NAT_MAP_OK:
        return PORTMAP_OK;
    case NAT_MAP_NO_PROTOCOL:
        return PORTMAP_NO_PROTOCOL;
    case NAT_MAP_TAKEN:
        return PORTMAP_TAKEN;
    case NAT_MAP_LIMIT:
        return PORTMAP_QUOTA;
    default:
        return address_is_none(nat_external_address(self->nat, internal)) ? PORTMAP_NO_NETWORK : PORTMAP_NO_RESOURCES;
    }
}

/* The mapping that an endpoint has already, if the NAT would renew it. */
struct search {
    uint8_t protocol;
    struct endpoint internal, external;
    bool found;
};

static void
look(void *user, const struct nat_mapping_view *mapping)
{
    struct search *search = user;

    if (mapping->protocol != search->protocol || !endpoint_equal(mapping->internal, search->internal))
        return;
    if (!search->found || mapping->is_explicit)
        search->external = mapping->external;
    search->found = true;
}

static bool
suits(const struct portmap_wish *wish, struct endpoint external)
{
    return (wish->external.port == 0 || wish->external.port == external.port) &&
           (address_is_unspecified(wish->external.address) || address_equal(wish->external.address, external.address));
}

/* The NAT renews what there is, whatever external endpoint is suggested; who wants another one only must hear that
 * before anything is touched (RFC 6887 section 13.2). */
static bool
has_another(const struct port_control *self, const struct portmap_wish *wish)
{
    struct search search = { wish->protocol, wish->internal, { ADDRESS_NONE, 0 }, false };

    if (!wish->exact || wish->by_external)
        return false;
    nat_each_mapping(self->nat, look, &search);
    return search.found && !suits(wish, search.external);
}

static enum portmap_result
control_map(struct portmap_control *control, const struct portmap_wish *wish, struct portmap_grant *grant)
{
    struct port_control *self = self_of(control);
    struct nat_map_request request = { .protocol = wish->protocol,
                                       .origin = origin_of(wish->via),
                                       .by_external = wish->by_external && wish->external.port != 0,
                                       .prefer_failure = wish->exact,
                                       .internal = wish->internal,
                                       .external = wish->external,
                                       .lifetime = TIME_NEVER };
    struct nat_mapping_view view;
    enum nat_map_result result;

    if (has_another(self, wish))
        return PORTMAP_TAKEN;
    if (address_is_unspecified(request.external.address))
        request.external.address = ADDRESS_NONE;
    if (wish->lifetime != PORTMAP_LIFETIME_FOREVER)
        request.lifetime = wish->lifetime * TIME_S;
    result = nat_map_explicit(self->nat, &request, &view);
    if (result != NAT_MAP_OK)
        return result_of(self, wish->internal.address, result);
    *grant = (struct portmap_grant){ view.external, wish->lifetime };
    return PORTMAP_OK;
}

static void
control_unmap(struct portmap_control *control, uint8_t protocol, struct endpoint internal, struct endpoint external)
{
    struct port_control *self = self_of(control);
    struct nat_mapping_view view;

    /* The external address may have been another's meanwhile. */
    if (nat_find_external(self->nat, protocol, external, &view) && endpoint_equal(view.internal, internal))
        (void)nat_unmap_external(self->nat, protocol, external);
}

/* A firewall translates nothing: what it is asked for is a hole. */
static struct address
control_external(struct portmap_control *control, struct address internal)
{
    const struct nat *nat = self_of(control)->nat;

    return nat_options_are_firewall(nat_options(nat)) ? internal : nat_external_address(nat, internal);
}

static const struct portmap_control_ops ops = { .map = control_map,
                                                .unmap = control_unmap,
                                                .external_address = control_external };

/* --- which servers run, and where -------------------------------------------------------------------------------- */

static const struct port *
port_numbered(const struct node *node, int16_t number)
{
    const struct port *port = node->ports;

    while (port && port->number != (uint32_t)number)
        port = port->next;
    return port;
}

/* The inside addresses of IPv4: NATs translate nothing else on request. */
static size_t
find_inside(const struct port_control *self, struct prefix inside[PORTMAP_SERVER_INSIDE])
{
    struct io *io = node_io(self->node);
    struct io_address addresses[ADDRESSES];
    size_t count = MIN(io->ops->addresses(io, addresses, ADDRESSES), ADDRESSES), found = 0;

    for (size_t i = 0; i < count && found < PORTMAP_SERVER_INSIDE; i++) {
        const struct port *port = port_numbered(self->node, addresses[i].interface);

        if (port && port->inside && address_is_ipv4(addresses[i].address))
            inside[found++] = (struct prefix){ addresses[i].address, addresses[i].prefix_length };
    }
    return found;
}

static void
stop(struct port_control *self)
{
    g_clear_pointer(&self->server, portmap_server_free);
    g_clear_pointer(&self->upnp, upnp_server_free);
}

static bool
start(struct port_control *self, unsigned kinds, enum io_result *why)
{
    struct portmap_server_options datagrams = { .desk = &self->desk, .inside = self->inside, .insides = self->insides };
    struct upnp_server_options upnp = { .desk = &self->desk,
                                        .inside = self->inside,
                                        .insides = self->insides,
                                        .version = IGD_VERSION,
                                        .name = self->node->name };
    struct io *io = node_io(self->node);

    self->desk.pcp = kinds & NAT_CONTROL_PCP;
    self->desk.nat_pmp = kinds & NAT_CONTROL_NAT_PMP;
    if ((kinds & (NAT_CONTROL_PCP | NAT_CONTROL_NAT_PMP)) && self->insides > 0 &&
        !(self->server = portmap_server_new(io, &datagrams, why)))
        return false;
    if ((kinds & NAT_CONTROL_UPNP) && self->insides > 0 && !(self->upnp = upnp_server_new(io, &upnp, why)))
        return false;
    return true;
}

bool
port_control_set(struct port_control *self, unsigned kinds, enum io_result *why)
{
    enum io_result ignored;

    if (kinds == self->kinds)
        return true;
    stop(self);
    if (start(self, kinds, why)) {
        self->kinds = kinds;
        return true;
    }
    stop(self);
    (void)start(self, self->kinds, &ignored);
    return false;
}

static bool
same_inside(const struct port_control *self, const struct prefix inside[PORTMAP_SERVER_INSIDE], size_t insides)
{
    if (insides != self->insides)
        return false;
    for (size_t i = 0; i < insides; i++) {
        if (!address_equal(inside[i].address, self->inside[i].address) || inside[i].length != self->inside[i].length)
            return false;
    }
    return true;
}

/* A further inside network, or one gone: the servers move. A port that cannot be had leaves the box without. */
static void
on_addresses(void *owner)
{
    struct port_control *self = owner;
    struct prefix inside[PORTMAP_SERVER_INSIDE];
    size_t insides = find_inside(self, inside);
    enum io_result why;

    if (same_inside(self, inside, insides))
        return;
    stop(self);
    memcpy(self->inside, inside, sizeof self->inside);
    self->insides = insides;
    if (!start(self, self->kinds, &why))
        stop(self);
}

/* --- reboots ----------------------------------------------------------------------------------------------------- */

static void
on_back(void *owner, struct io_timer *timer)
{
    struct port_control *self = owner;

    (void)timer;
    if (self->server)
        portmap_server_announce(self->server);
    if (self->upnp)
        upnp_server_announce(self->upnp);
}

void
port_control_reboot(struct port_control *self, int64_t at)
{
    struct io *io = node_io(self->node);

    portmap_leases_clear(self->desk.leases);
    self->desk.began = at;
    io->ops->arm(io, &self->back, at, false);
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static void
port_control_free(gpointer data)
{
    struct port_control *self = data;
    struct io *io = node_io(self->node);

    io->ops->disarm(io, &self->back);
    io->ops->unwatch(io, &self->addresses);
    stop(self);
    portmap_leases_free(self->desk.leases);
    g_free(self);
}

struct port_control *
port_control_new(struct node *node, struct nat *nat, unsigned kinds, enum io_result *why)
{
    struct io *io = node_io(node);
    struct port_control *self = g_new0(struct port_control, 1);

    self->control.ops = &ops;
    self->node = node;
    self->nat = nat;
    self->desk = (struct portmap_desk){ .control = &self->control,
                                        .leases = portmap_leases_new(PORTMAP_LEASES),
                                        .began = io->ops->now(io) };
    self->back = (struct io_timer){ .fire = on_back, .owner = self };
    self->addresses = (struct io_watch){ .changed = on_addresses, .owner = self };
    self->insides = find_inside(self, self->inside);
    io->ops->watch(io, &self->addresses);
    if (!port_control_set(self, kinds, why)) {
        port_control_free(self);
        return NULL;
    }
    world_own(node->world, self, port_control_free);
    return self;
}

const struct portmap_server *
port_control_server(const struct port_control *self)
{
    return self->server;
}

const struct upnp_server *
port_control_upnp(const struct port_control *self)
{
    return self->upnp;
}
