/* What the parts of the table of allocations share (allocations.h): allocations.c, permissions.c, channels.c and
 * reservations.c, each for the struct of its name. */
#ifndef PROTO_TURN_ALLOCATIONS_PRIVATE_H
#define PROTO_TURN_ALLOCATIONS_PRIVATE_H

#include "core/base/hash.h"
#include "proto/turn/allocations.h"
#include "proto/turn/deadlines.h"

#define TURN_HASH_STEP UINT64_C(0x9e3779b97f4a7c15)

enum turn_due_kind {
    TURN_DUE_ALLOCATION,
    TURN_DUE_PERMISSION,
    TURN_DUE_CHANNEL,
    TURN_DUE_QUARANTINE,
    TURN_DUE_RESERVATION,
};

/* A user, while he has allocations or reservations. */
struct turn_user {
    uint32_t allocations, reservations;
    size_t length;
    uint8_t name[];
};

struct turn_allocations {
    struct turn_deadlines deadlines;
    uint32_t made, live; /* allocations ever, allocations now */
    uint32_t pieces;     /* that have an entry among the deadlines */

    GPtrArray *allocations; /* struct turn_allocation * or NULL; number n is at n - 1 */
    GArray *free_slots;     /* uint32_t */
    struct hash_index tuples, relays;
    GHashTable *users;      /* struct turn_user * to itself */

    GArray *permissions, *channels, *reservations; /* number n is at n - 1; `allocation` NULL, or token 0: free */
    uint32_t free_permission, free_channel, free_reservation;
    struct hash_index permission_index, number_index, peer_index, token_index;
};

/* --- numbers ----------------------------------------------------------------------------------------------------- */

static inline struct turn_permission *
turn_permission_at(const struct turn_allocations *table, uint32_t number)
{
    return &g_array_index(table->permissions, struct turn_permission, number - 1);
}

static inline struct turn_channel *
turn_channel_at(const struct turn_allocations *table, uint32_t number)
{
    return &g_array_index(table->channels, struct turn_channel, number - 1);
}

static inline struct turn_reservation *
turn_reservation_at(const struct turn_allocations *table, uint32_t number)
{
    return &g_array_index(table->reservations, struct turn_reservation, number - 1);
}

static inline bool
turn_tuple_equal(const struct turn_tuple *a, const struct turn_tuple *b)
{
    return a->protocol == b->protocol && endpoint_equal(a->client, b->client) && endpoint_equal(a->server, b->server);
}

/* --- allocations.c */

/* A new entry among the deadlines; its ticket, which the object keeps. */
uint64_t turn_allocations_enter(struct turn_allocations *table, int64_t at, enum turn_due_kind kind, uint32_t number);

/* The user of this name, new if need be: good as long as he has something. */
struct turn_user *turn_user_take(struct turn_allocations *table, struct span name);
/* After he has got less. */
void turn_user_settle(struct turn_allocations *table, struct turn_user *user);

/* --- permissions.c */

/* Makes the permission or refreshes it; its number. There is room. */
uint32_t turn_permission_put(struct turn_allocations *table, struct turn_allocation *allocation, struct address peer,
                             int64_t now);
void turn_permission_remove(struct turn_allocations *table, uint32_t number);
/* Its entry has come up, for the time `at`. True when it has ended, and `end` says so; false when it was put off. */
bool turn_permission_due(struct turn_allocations *table, uint32_t number, int64_t at, struct turn_end *end);

/* --- channels.c */

void turn_channel_remove(struct turn_allocations *table, uint32_t at);
/* As for permissions. */
bool turn_channel_due(struct turn_allocations *table, uint32_t number, int64_t at, struct turn_end *end);

/* --- reservations.c */

/* As for permissions. */
bool turn_reservation_due(struct turn_allocations *table, uint32_t number, struct turn_end *end);

#endif
