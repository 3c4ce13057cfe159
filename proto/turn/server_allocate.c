/* Allocate (RFC 8656 section 7.2): the request by itself is judged by request.h, what is left needs tables and ports. */
#include "proto/turn/server_work.h"

static void
answer_allocate(struct turn_work *work, const struct turn_allocation *allocation)
{
    struct stun_builder *builder = &work->builder;

    turn_work_begin(work, STUN_SUCCESS);
    for (unsigned which = 0; which < TURN_RELAYS; which++)
        if (allocation->relays[which].socket)
            stun_put_endpoint(builder, STUN_XOR_RELAYED_ADDRESS, allocation->relays[which].relayed);
    stun_put_number(builder, STUN_LIFETIME, (uint64_t)((allocation->expires - work->arrival->now) / TIME_S));
    stun_put_endpoint(builder, STUN_XOR_MAPPED_ADDRESS, allocation->tuple.client);
    if (allocation->token)
        stun_put_number(builder, STUN_RESERVATION_TOKEN, allocation->token);
    if (allocation->other_code)
        stun_put_family_error(builder, address_is_ipv4(allocation->relays[0].relayed.address) ? FAMILY_IPV6 : FAMILY_IPV4,
                              allocation->other_code);
    turn_work_succeed(work);
}

/* RFC 8489 sections 10 and 14.15: only who has proven himself, and to an address of his own family. */
static bool
is_sent_elsewhere(const struct turn_work *work)
{
    struct address alternate = work->server->alternate.address, client = work->arrival->tuple.client.address;

    return !address_is_none(alternate) && address_family(alternate) == address_family(client) && work->proof.seal.key;
}

/* Reserved ports outlive the allocation that they came with, so they are counted by themselves, up to the same limits: or
 * who allocates and deletes without end would have all ports. */
static unsigned
judge_reservation(const struct turn_work *work)
{
    const struct turn_server *server = work->server;

    if (server->options.per_user && turn_reservations_of_user(server->table, turn_work_user(work)) >= server->options.per_user)
        return STUN_CODE_QUOTA_REACHED;
    if (server->options.total && turn_reservations_count(server->table) >= server->options.total)
        return STUN_CODE_INSUFFICIENT_CAPACITY;
    return 0;
}

/* What is wrong with one allocation more (numbers 10 and 11). */
static unsigned
judge_quota(const struct turn_work *work, const struct turn_wish *wish)
{
    const struct turn_server *server = work->server;

    if (server->draining)
        return is_sent_elsewhere(work) ? STUN_CODE_TRY_ALTERNATE : STUN_CODE_INSUFFICIENT_CAPACITY;
    if (server->options.per_user && turn_allocations_of_user(server->table, turn_work_user(work)) >= server->options.per_user)
        return STUN_CODE_QUOTA_REACHED;
    if (server->options.total && turn_allocations_count(server->table) >= server->options.total)
        return STUN_CODE_INSUFFICIENT_CAPACITY;
    return wish->pair ? judge_reservation(work) : 0;
}

/* Sockets for a wish, none of them anybody's yet. */
struct ports {
    struct turn_opened relays[TURN_RELAYS], reserved;
    uint16_t other_code;
};

/* One of each family: success with one of them, too, and then with the reason why the other is missing. */
static bool
open_both(struct turn_work *work, const struct turn_wish *wish, struct ports *ports)
{
    const struct turn_place *place = work->arrival->place;
    struct turn_opened *four = &ports->relays[0], *six = &ports->relays[1];
    bool got_four = turn_open_relay(work->server, place, FAMILY_IPV4, wish->protocol, wish->even, four, NULL);
    bool got_six = turn_open_relay(work->server, place, FAMILY_IPV6, wish->protocol, wish->even, six, NULL);
    bool has_four = !address_is_none(place->relay[0].address), has_six = !address_is_none(place->relay[1].address);

    if (!got_four) {
        *four = *six;
        six->socket = NULL;
        ports->other_code = has_four ? STUN_CODE_INSUFFICIENT_CAPACITY : STUN_CODE_FAMILY_UNSUPPORTED;
    } else if (!got_six) {
        ports->other_code = has_six ? STUN_CODE_INSUFFICIENT_CAPACITY : STUN_CODE_FAMILY_UNSUPPORTED;
    }
    return got_four || got_six;
}

static bool
open_ports(struct turn_work *work, const struct turn_wish *wish, struct ports *ports)
{
    *ports = (struct ports){ .other_code = 0 };
    if (wish->by_token) {
        const struct turn_reservation *reservation =
            turn_reservation_find(work->server->table, wish->token, work->arrival->now);

        ports->relays[0].relayed = reservation->relayed;
        ports->relays[0].socket = turn_reservation_take(work->server->table, wish->token);
        return true;
    }
    if (wish->both)
        return open_both(work, wish, ports);
    return turn_open_relay(work->server, work->arrival->place, wish->family, wish->protocol, wish->even,
                           &ports->relays[0], wish->pair ? &ports->reserved : NULL);
}

static uint64_t
draw_token(struct turn_server *server)
{
    uint64_t token;

    do
        server->io->ops->random(server->io, &token, sizeof token);
    while (token == 0 || turn_reservation_find(server->table, token, INT64_MIN));
    return token;
}

static struct turn_allocation *
make_allocation(struct turn_work *work, const struct turn_wish *wish, const struct ports *ports)
{
    const struct turn_arrival *arrival = work->arrival;
    struct turn_server *server = work->server;
    int64_t lifetime = turn_lifetime(wish->has_lifetime, wish->lifetime, server->options.lifetime_most);
    struct turn_allocation *allocation =
        turn_allocation_add(server->table, &arrival->tuple, turn_work_user(work), arrival->now, lifetime);

    allocation->home = server;
    allocation->via = arrival->via;
    allocation->protocol = wish->protocol;
    allocation->request = work->message->header.id;
    allocation->other_code = ports->other_code;
    allocation->budget_at = arrival->now - TIME_S; /* a full bucket */
    for (unsigned which = 0; which < TURN_RELAYS; which++)
        if (ports->relays[which].socket) {
            turn_allocation_add_relay(server->table, allocation, which, ports->relays[which].relayed,
                                      ports->relays[which].socket);
            turn_relay_attach(wish->protocol, ports->relays[which].socket, &allocation->relays[which]);
        }
    if (ports->reserved.socket) {
        allocation->token = draw_token(server);
        turn_reserve(server->table, turn_work_user(work), allocation->token, ports->reserved.relayed, ports->reserved.socket,
                     arrival->now);
    }
    if (arrival->tuple.protocol == PROTOCOL_TCP)
        stun_connections_hold(arrival->via, true);
    server->counters.allocated++;
    turn_work_note(work, &turn_kind_allocated, allocation, (struct endpoint){ ADDRESS_NONE, 0 }, 0, lifetime);
    return allocation;
}

void
turn_serve_allocate(struct turn_work *work)
{
    const struct turn_arrival *arrival = work->arrival;
    struct turn_server *server = work->server;
    const struct turn_place *place = arrival->place;
    struct turn_offer offer = { .ipv4 = !address_is_none(place->relay[0].address),
                                .ipv6 = !address_is_none(place->relay[1].address),
                                .tcp = server->options.tcp_allocations,
                                .dont_fragment = !server->options.no_dont_fragment,
                                .leg = arrival->tuple.protocol };
    struct turn_allocation *there = turn_allocation_find(server->table, &arrival->tuple, arrival->now);
    struct turn_wish wish;
    struct ports ports;
    unsigned code;

    if (there && stun_id_equal(&there->request, &work->message->header.id) &&
        span_equal(turn_allocation_user(there), turn_work_user(work))) {
        answer_allocate(work, there);
        return;
    }
    if (there) {
        turn_work_refuse(work, STUN_CODE_ALLOCATION_MISMATCH);
        return;
    }
    code = turn_wish_read(work->message, &offer, &wish, &work->unknown);
    if (code == 0 && wish.by_token && !turn_reservation_find(server->table, wish.token, arrival->now))
        code = STUN_CODE_INSUFFICIENT_CAPACITY;
    if (code == 0)
        code = judge_quota(work, &wish);
    if (code == 0 && !open_ports(work, &wish, &ports))
        code = STUN_CODE_INSUFFICIENT_CAPACITY;
    if (code)
        turn_work_refuse(work, code);
    else
        answer_allocate(work, make_allocation(work, &wish, &ports));
}
