/* Ports that are kept for whoever has the token (RFC 8656 section 7.2, EVEN-PORT). */
#include "proto/turn/allocations_private.h"

static uint32_t
reservation_number(const struct turn_allocations *table, uint64_t token)
{
    uint32_t hash = (uint32_t)mix64(token), number, i;

    if (token == 0)
        return 0;
    for (i = hash_index_first(&table->token_index, hash); (number = hash_index_value(&table->token_index, i));
         i = hash_index_next(&table->token_index, i, hash))
        if (turn_reservation_at(table, number)->token == token)
            break;
    return number;
}

void
turn_reserve(struct turn_allocations *table, struct span name, uint64_t token, struct endpoint relayed, void *socket,
             int64_t now)
{
    uint32_t number = table->free_reservation;
    struct turn_reservation *reservation;

    g_assert(token != 0 && !reservation_number(table, token));
    if (number) {
        table->free_reservation = (uint32_t)turn_reservation_at(table, number)->expires;
    } else {
        g_array_set_size(table->reservations, table->reservations->len + 1);
        number = table->reservations->len;
    }
    reservation = turn_reservation_at(table, number);
    *reservation = (struct turn_reservation){ .token = token, .relayed = relayed, .socket = socket,
                                              .user = turn_user_take(table, name),
                                              .expires = time_add(now, TURN_RESERVATION_LIFETIME) };
    reservation->user->reservations++;
    reservation->ticket = turn_allocations_enter(table, reservation->expires, TURN_DUE_RESERVATION, number);
    table->pieces++;
    hash_index_insert(&table->token_index, (uint32_t)mix64(token), number);
}

const struct turn_reservation *
turn_reservation_find(const struct turn_allocations *table, uint64_t token, int64_t now)
{
    uint32_t number = reservation_number(table, token);
    const struct turn_reservation *reservation = number ? turn_reservation_at(table, number) : NULL;

    return reservation && reservation->expires > now ? reservation : NULL;
}

void *
turn_reservation_take(struct turn_allocations *table, uint64_t token)
{
    uint32_t number = reservation_number(table, token);
    struct turn_user *user;
    void *socket;

    g_assert(number != 0);
    socket = turn_reservation_at(table, number)->socket;
    user = turn_reservation_at(table, number)->user;
    user->reservations--;
    turn_user_settle(table, user);
    hash_index_remove(&table->token_index, (uint32_t)mix64(token), number);
    *turn_reservation_at(table, number) = (struct turn_reservation){ .expires = table->free_reservation };
    table->free_reservation = number;
    table->pieces--;
    return socket;
}

const struct turn_reservation *
turn_reservation_any(const struct turn_allocations *table)
{
    for (guint i = 0; i < table->reservations->len; i++)
        if (turn_reservation_at(table, i + 1)->token)
            return turn_reservation_at(table, i + 1);
    return NULL;
}

uint32_t
turn_reservations_count(const struct turn_allocations *table)
{
    return table->token_index.used;
}

bool
turn_reservation_due(struct turn_allocations *table, uint32_t number, struct turn_end *end)
{
    const struct turn_reservation *reservation = turn_reservation_at(table, number);

    *end = (struct turn_end){ TURN_ENDED_RESERVATION, .at = reservation->expires, .relayed = reservation->relayed };
    end->socket = turn_reservation_take(table, reservation->token);
    return true;
}
