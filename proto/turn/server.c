#include "proto/turn/server_private.h"

#define LISTEN_DRAWS 16 /* of a port that may be any: times that one is drawn which is taken over TCP */

/* --- counting and journal ---------------------------------------------------------------------------------------- */

struct flow
turn_flow_of_client(const struct turn_tuple *tuple)
{
    return (struct flow){ tuple->client.address, tuple->server.address, tuple->client.port, tuple->server.port,
                          tuple->protocol };
}

struct record
turn_record_of(const struct record_kind *kind, const struct turn_allocation *allocation)
{
    struct endpoint relayed = allocation->relays[0].relayed;

    return (struct record){ .kind = kind,
                            .subject = { allocation->number },
                            .before = turn_flow_of_client(&allocation->tuple),
                            .after = { .source = relayed.address, .source_port = relayed.port,
                                       .protocol = allocation->protocol } };
}

void
turn_server_drop(struct turn_server *server, const struct flow *before, uint64_t packet,
                 const struct turn_allocation *allocation, enum drop_reason reason)
{
    server->counters.dropped++;
    server->drops[reason]++;
    if (!turn_server_tells_data(server))
        return;

    struct record record = { .kind = &turn_kind_dropped, .packet = packet, .verdict = VERDICT_DROP,
                             .reason = (uint8_t)reason, .before = *before,
                             .subject = { allocation ? allocation->number : 0 } };

    server->io->ops->note(server->io, &record);
}

/* --- time -------------------------------------------------------------------------------------------------------- */

static void
note_end(struct turn_server *server, const struct turn_end *end)
{
    bool permission = end->what == TURN_ENDED_PERMISSION;

    if (!turn_server_listening(server))
        return;

    struct record record =
        turn_record_of(permission ? &turn_kind_permission_ended : &turn_kind_unbound, end->allocation);

    record.after.destination = end->peer.address;
    record.after.destination_port = end->peer.port;
    record.subject[1] = end->channel;
    server->io->ops->note(server->io, &record);
}

/* The timer that ends things is an idle one: it keeps no run going. */
void
turn_server_arm(struct turn_server *server)
{
    int64_t next = turn_allocations_deadline(server->table);

    if (next == TIME_NEVER)
        server->io->ops->disarm(server->io, &server->timer);
    else if (next != server->armed)
        server->io->ops->arm(server->io, &server->timer, next, false);
    server->armed = next;
}

void
turn_server_sweep(struct turn_server *server, int64_t now)
{
    struct turn_end end;

    while (turn_allocations_due(server->table, now, &end))
        switch (end.what) {
        case TURN_ENDED_ALLOCATION:
            turn_server_end(server, end.allocation, TURN_WHY_EXPIRED);
            break;
        case TURN_ENDED_RELAY:
            turn_relay_close(end.allocation->protocol, end.socket);
            break;
        case TURN_ENDED_PERMISSION:
        case TURN_ENDED_CHANNEL:
            note_end(server, &end);
            break;
        case TURN_ENDED_RESERVATION:
            turn_relay_close(PROTOCOL_UDP, end.socket);
            break;
        }
}

static void
on_timer(void *owner, struct io_timer *timer)
{
    struct turn_server *server = owner;

    (void)timer;
    server->armed = TIME_NEVER;
    turn_server_sweep(server, server->io->ops->now(server->io));
    turn_server_arm(server);
}

static void
close_relays(struct turn_allocation *allocation)
{
    turn_pipes_close(allocation);
    for (unsigned which = 0; which < TURN_RELAYS; which++)
        if (allocation->relays[which].socket)
            turn_relay_close(allocation->protocol, allocation->relays[which].socket);
}

/* Rounded up, and never more than the record has room for. */
static uint32_t
kib_relayed(const struct turn_allocation *allocation)
{
    return (uint32_t)MIN((allocation->bytes_to_peers + allocation->bytes_to_client + 1023) / 1024, UINT32_MAX);
}

void
turn_server_end(struct turn_server *server, struct turn_allocation *allocation, enum turn_why why)
{
    uint64_t *const counters[] = { &server->counters.expired, &server->counters.deleted,
                                   &server->counters.disconnected };

    ++*counters[why];
    if (turn_server_listening(server)) {
        struct record record = turn_record_of(&turn_kind_ended, allocation);

        record.rule = (uint16_t)why;
        record.subject[1] = kib_relayed(allocation);
        record.detail = MIN(server->io->ops->now(server->io), allocation->expires) - allocation->made;
        server->io->ops->note(server->io, &record);
    }
    if (allocation->tuple.protocol == PROTOCOL_TCP && why != TURN_WHY_DISCONNECTED)
        stun_connections_hold(allocation->via, false);
    close_relays(allocation);
    turn_allocation_remove(server->table, allocation);
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static void
on_changed(void *owner)
{
    struct turn_server *server = owner;
    size_t count = server->io->ops->addresses(server->io, server->addresses, TURN_HOST_ADDRESSES);

    server->address_count = MIN(count, TURN_HOST_ADDRESSES);
}

/* The host's first address of a family; none when it has none. Loopback is for those who listen there. */
static struct address
first_address(const struct turn_server *server, enum family family)
{
    for (size_t i = 0; i < server->address_count; i++) {
        struct address address = server->addresses[i].address;

        if (address_family(address) == family && !address_is_loopback(address) && !address_is_link_local(address))
            return address;
    }
    return ADDRESS_NONE;
}

static bool
choose_relays(struct turn_server *server, struct turn_place *place, const struct turn_listen *listen)
{
    struct turn_relay_address *relay = place->relay;
    struct address own = listen->at.address;

    relay[0] = listen->ipv4;
    relay[1] = listen->ipv6;
    if (address_is_none(relay[0].address) && address_is_none(relay[1].address)) {
        bool any = address_is_unspecified(own);

        relay[0].address = any ? first_address(server, FAMILY_IPV4) : address_is_ipv4(own) ? own : ADDRESS_NONE;
        relay[1].address = any ? first_address(server, FAMILY_IPV6) : address_is_ipv4(own) ? ADDRESS_NONE : own;
    }
    server->mapped |= !address_is_none(relay[0].external) || !address_is_none(relay[1].external);
    return !address_is_none(relay[0].address) || !address_is_none(relay[1].address);
}

static bool
open_places(struct turn_server *server, enum io_result *why)
{
    struct io *io = server->io;

    for (size_t i = 0; i < server->options.listens; i++) {
        struct turn_listen *listen = &server->options.listen[i];
        struct turn_place *place = &server->places[i];

        *why = IO_NO_ADDRESS;
        place->server = server;
        if (!choose_relays(server, place, listen))
            return false;
        place->udp = io->ops->udp(io, &listen->at, &turn_place_events, place, why);
        if (!place->udp)
            return false;
        server->listens++;
        listen->at.port = place->udp->ops->local(place->udp).port;
    }
    return !server->options.tcp || turn_open_streams(server, why);
}

static void
close_places(struct turn_server *server)
{
    g_clear_pointer(&server->connections, stun_connections_free);
    for (size_t i = 0; i < server->listens; i++)
        server->places[i].udp->ops->close(server->places[i].udp);
    server->listens = 0;
}

static bool
draws_port(const struct turn_server_options *options)
{
    for (size_t i = 0; i < options->listens; i++)
        if (options->listen[i].at.port == 0)
            return true;
    return false;
}

/* A port that the host has drawn for UDP may be taken over TCP: then others are drawn. */
static bool
open_all(struct turn_server *server, const struct turn_server_options *options, enum io_result *why)
{
    for (unsigned draws = 1; !open_places(server, why); draws++) {
        if (*why != IO_IN_USE || draws == LISTEN_DRAWS || !draws_port(options))
            return false;
        close_places(server);
        for (size_t i = 0; i < options->listens; i++)
            server->options.listen[i] = options->listen[i];
    }
    return true;
}

static void
make_auth(struct turn_server *server, const struct turn_server_options *options)
{
    struct stun_auth_options auth = { .mechanism = STUN_MECHANISM_LONG_TERM, .users = options->users,
                                      .algorithms = options->algorithms, .nonce_lifetime = options->nonce_lifetime };

    if (!options->users && options->secret.length == 0)
        return;
    if (!auth.users)
        auth.users = server->own_users = stun_users_new(options->realm);
    if (options->secret.length) {
        g_autofree char *realm = g_strndup((const char *)stun_users_realm(auth.users).bytes,
                                           stun_users_realm(auth.users).length);

        server->secret = stun_secret_new(options->secret, realm, options->unix_time_at_zero);
        auth.find = stun_secret_find;
        auth.find_owner = server->secret;
    }
    server->io->ops->random(server->io, auth.secret, sizeof auth.secret);
    server->auth = stun_auth_new(&auth);
}

static void
copy_options(struct turn_server *server, const struct turn_server_options *options)
{
    struct turn_policy *peers = &server->options.peers;

    server->options = *options;
    server->allow = g_memdup2(peers->allow, peers->allows * sizeof *peers->allow);
    server->deny = g_memdup2(peers->deny, peers->denies * sizeof *peers->deny);
    peers->allow = server->allow;
    peers->deny = server->deny;
    server->software = g_strdup(options->software ? options->software : "");
    server->options.tcp_allocations &= options->tcp;
    server->binding = (struct stun_rules){ .software = span_of_text(server->software), .mapped_address = true,
                                           .understood = STUN_SET_BASE };
}

static bool
options_fit(const struct turn_server_options *options, enum io_result *why)
{
    *why = IO_TOO_BIG;
    if (options->software && g_utf8_strlen(options->software, -1) > 127)
        return false;
    *why = IO_NO_ADDRESS;
    return options->port_first >= TURN_PORT_LEAST && options->port_first <= options->port_last;
}

struct turn_server *
turn_server_new(struct io *io, const struct turn_server_options *options, enum io_result *why)
{
    g_autoptr(turn_server) server = NULL;

    g_assert(options->listens >= 1 && options->listens <= TURN_SERVER_MAX_LISTEN);
    if (!options_fit(options, why))
        return NULL;
    server = g_new0(struct turn_server, 1);
    server->io = io;
    server->timer = (struct io_timer){ .fire = on_timer, .owner = server };
    server->armed = TIME_NEVER;
    server->table = turn_allocations_new();
    server->pipes = g_hash_table_new(NULL, NULL);
    server->watch = (struct io_watch){ .changed = on_changed, .owner = server };
    io->ops->watch(io, &server->watch);
    on_changed(server);
    copy_options(server, options);
    make_auth(server, options);
    return open_all(server, options, why) ? g_steal_pointer(&server) : NULL;
}

void
turn_server_free(struct turn_server *server)
{
    const struct turn_reservation *reservation;
    struct turn_allocation *allocation = NULL;

    if (!server)
        return;
    server->io->ops->disarm(server->io, &server->timer);
    server->io->ops->unwatch(server->io, &server->watch);
    while ((allocation = turn_allocations_next(server->table, NULL))) {
        close_relays(allocation);
        turn_allocation_remove(server->table, allocation);
    }
    while ((reservation = turn_reservation_any(server->table)))
        turn_relay_close(PROTOCOL_UDP, turn_reservation_take(server->table, reservation->token));
    close_places(server);
    turn_allocations_free(server->table);
    g_hash_table_destroy(server->pipes);
    stun_auth_free(server->auth);
    stun_secret_free(server->secret);
    stun_users_free(server->own_users);
    g_free(server->allow);
    g_free(server->deny);
    g_free(server->software);
    g_free(server);
}

void
turn_server_drain(struct turn_server *server, const struct endpoint *alternate)
{
    server->draining = true;
    server->alternate = alternate ? *alternate : (struct endpoint){ ADDRESS_NONE, 0 };
}

const struct turn_server_counters *
turn_server_counters(const struct turn_server *server)
{
    return &server->counters;
}

uint64_t
turn_server_dropped(const struct turn_server *server, enum drop_reason reason)
{
    return server->drops[reason];
}

uint64_t
turn_server_refused(const struct turn_server *server, unsigned code)
{
    return code >= TURN_FIRST_CODE && code < TURN_FIRST_CODE + TURN_CODES ? server->refusals[code - TURN_FIRST_CODE] : 0;
}

unsigned
turn_server_allocations(const struct turn_server *server)
{
    return turn_allocations_count(server->table);
}

const struct turn_allocation *
turn_server_next(const struct turn_server *server, const struct turn_allocation *after)
{
    return turn_allocations_next(server->table, after);
}

struct endpoint
turn_server_local(const struct turn_server *server, size_t n)
{
    g_assert(n < server->listens);
    return server->places[n].udp->ops->local(server->places[n].udp);
}
