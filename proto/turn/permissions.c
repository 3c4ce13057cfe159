/* A permission that has run out stays as long as a channel leans on it, since a channel may outlive its permission and
 * get a new one (RFC 8656 section 12). It is dead to every look-up meanwhile. */
#include "proto/turn/allocations_private.h"

static uint32_t
hash_permission(const struct turn_allocation *allocation, struct address peer)
{
    return (uint32_t)mix64(address_hash(peer) + allocation->number * TURN_HASH_STEP);
}

static uint32_t
permission_number(const struct turn_allocations *table, const struct turn_allocation *allocation, struct address peer)
{
    uint32_t hash = hash_permission(allocation, peer), number, i;

    for (i = hash_index_first(&table->permission_index, hash); (number = hash_index_value(&table->permission_index, i));
         i = hash_index_next(&table->permission_index, i, hash)) {
        const struct turn_permission *permission = turn_permission_at(table, number);

        if (permission->allocation == allocation && address_equal(permission->peer, peer))
            break;
    }
    return number;
}

const struct turn_permission *
turn_permission_find(const struct turn_allocations *table, const struct turn_allocation *allocation,
                     struct address peer, int64_t now)
{
    uint32_t number = permission_number(table, allocation, peer);
    const struct turn_permission *permission = number ? turn_permission_at(table, number) : NULL;

    return permission && permission->expires > now ? permission : NULL;
}

bool
turn_permission_fits(const struct turn_allocation *allocation, uint32_t more)
{
    return allocation->permissions + more <= TURN_MOST_PERMISSIONS;
}

static uint32_t
permission_new(struct turn_allocations *table, struct turn_allocation *allocation, struct address peer)
{
    uint32_t number = table->free_permission;
    struct turn_permission *permission;

    if (number) {
        table->free_permission = turn_permission_at(table, number)->next;
    } else {
        g_array_set_size(table->permissions, table->permissions->len + 1);
        number = table->permissions->len;
    }
    permission = turn_permission_at(table, number);
    *permission = (struct turn_permission){ .allocation = allocation, .peer = peer,
                                            .next = allocation->first_permission };
    if (permission->next)
        turn_permission_at(table, permission->next)->previous = number;
    allocation->first_permission = number;
    allocation->permissions++;
    hash_index_insert(&table->permission_index, hash_permission(allocation, peer), number);
    return number;
}

void
turn_permission_remove(struct turn_allocations *table, uint32_t number)
{
    struct turn_permission *permission = turn_permission_at(table, number);
    struct turn_allocation *allocation = permission->allocation;

    if (permission->previous)
        turn_permission_at(table, permission->previous)->next = permission->next;
    else
        allocation->first_permission = permission->next;
    if (permission->next)
        turn_permission_at(table, permission->next)->previous = permission->previous;
    allocation->permissions--;
    table->pieces -= permission->ticket != 0;
    hash_index_remove(&table->permission_index, hash_permission(allocation, permission->peer), number);
    *permission = (struct turn_permission){ .next = table->free_permission };
    table->free_permission = number;
}

/* Each permission lives for the same time, so refreshing one never brings its deadline forward. */
uint32_t
turn_permission_put(struct turn_allocations *table, struct turn_allocation *allocation, struct address peer,
                    int64_t now)
{
    uint32_t number = permission_number(table, allocation, peer);

    if (!number)
        number = permission_new(table, allocation, peer);
    turn_permission_at(table, number)->expires = time_add(now, TURN_PERMISSION_LIFETIME);
    if (!turn_permission_at(table, number)->ticket) {
        turn_permission_at(table, number)->ticket =
            turn_allocations_enter(table, turn_permission_at(table, number)->expires, TURN_DUE_PERMISSION, number);
        table->pieces++;
    }
    return number;
}

bool
turn_permission_install(struct turn_allocations *table, struct turn_allocation *allocation, struct address peer,
                        int64_t now, bool *made)
{
    *made = !turn_permission_find(table, allocation, peer, now);
    if (!permission_number(table, allocation, peer) && !turn_permission_fits(allocation, 1))
        return false;
    turn_permission_put(table, allocation, peer, now);
    return true;
}

bool
turn_permission_due(struct turn_allocations *table, uint32_t number, int64_t at, struct turn_end *end)
{
    struct turn_permission *permission = turn_permission_at(table, number);

    if (permission->expires > at) {
        permission->ticket = 0;
        permission->ticket = turn_allocations_enter(table, permission->expires, TURN_DUE_PERMISSION, number);
        return false;
    }
    *end = (struct turn_end){ TURN_ENDED_PERMISSION, .at = permission->expires, .allocation = permission->allocation,
                              .peer = { permission->peer, 0 } };
    if (permission->channels == 0) {
        turn_permission_remove(table, number);
        return true;
    }
    permission->ticket = 0;
    table->pieces--;
    return true;
}
