/* Everything stands in arrays and is known by a number from 1 up; hash indexes find, lists of numbers tie an
 * allocation's permissions and channels together, so that all of them go with it. */
#include "proto/turn/allocations_private.h"

/* --- hashing ----------------------------------------------------------------------------------------------------- */

static uint32_t
hash_tuple(const struct turn_tuple *tuple)
{
    return (uint32_t)mix64(endpoint_hash(tuple->client) + endpoint_hash(tuple->server) * 3 + tuple->protocol);
}

static uint32_t
hash_relayed(struct endpoint relayed, uint8_t protocol)
{
    return (uint32_t)mix64(endpoint_hash(relayed) + protocol);
}

static guint
user_hash(gconstpointer data)
{
    const struct turn_user *user = data;
    uint64_t hash = user->length;

    for (size_t i = 0; i < user->length; i++)
        hash = mix64(hash ^ user->name[i]);
    return (guint)hash;
}

static gboolean
user_equal(gconstpointer a, gconstpointer b)
{
    const struct turn_user *one = a, *other = b;

    return span_equal(span_of(one->name, one->length), span_of(other->name, other->length));
}

/* --- life -------------------------------------------------------------------------------------------------------- */

struct turn_allocations *
turn_allocations_new(void)
{
    struct turn_allocations *table = g_new0(struct turn_allocations, 1);

    table->allocations = g_ptr_array_new();
    table->free_slots = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    table->users = g_hash_table_new_full(user_hash, user_equal, g_free, NULL);
    table->permissions = g_array_new(FALSE, TRUE, sizeof(struct turn_permission));
    table->channels = g_array_new(FALSE, TRUE, sizeof(struct turn_channel));
    table->reservations = g_array_new(FALSE, TRUE, sizeof(struct turn_reservation));
    return table;
}

void
turn_allocations_free(struct turn_allocations *table)
{
    if (!table)
        return;
    for (guint i = 0; i < table->allocations->len; i++)
        g_free(table->allocations->pdata[i]);
    g_ptr_array_free(table->allocations, TRUE);
    g_array_free(table->free_slots, TRUE);
    g_hash_table_destroy(table->users);
    g_array_free(table->permissions, TRUE);
    g_array_free(table->channels, TRUE);
    g_array_free(table->reservations, TRUE);
    hash_index_clear(&table->tuples);
    hash_index_clear(&table->relays);
    hash_index_clear(&table->permission_index);
    hash_index_clear(&table->number_index);
    hash_index_clear(&table->peer_index);
    hash_index_clear(&table->token_index);
    turn_deadlines_clear(&table->deadlines);
    g_free(table);
}

static struct turn_allocation *
allocation_at(const struct turn_allocations *table, uint32_t slot)
{
    return table->allocations->pdata[slot - 1];
}

/* --- deadlines --------------------------------------------------------------------------------------------------- */

/* The ticket that the object of an entry has: not the entry's when that is outdated. */
static uint64_t
ticket_of(const struct turn_allocations *table, const struct turn_due *due)
{
    struct turn_allocation *allocation;

    switch ((enum turn_due_kind)due->kind) {
    case TURN_DUE_ALLOCATION:
        allocation = allocation_at(table, due->number);
        return allocation ? allocation->ticket : 0;
    case TURN_DUE_PERMISSION:
        return turn_permission_at(table, due->number)->ticket;
    case TURN_DUE_CHANNEL:
    case TURN_DUE_QUARANTINE:
        return turn_channel_at(table, due->number)->ticket;
    case TURN_DUE_RESERVATION:
        return turn_reservation_at(table, due->number)->ticket;
    }
    return 0;
}

static bool
is_live(void *owner, const struct turn_due *due)
{
    return ticket_of(owner, due) == due->ticket;
}

uint64_t
turn_allocations_enter(struct turn_allocations *table, int64_t at, enum turn_due_kind kind, uint32_t number)
{
    uint64_t ticket = turn_deadlines_push(&table->deadlines, at, kind, number);

    if (!turn_deadlines_crowded(&table->deadlines, table->pieces + 1))
        return ticket;
    /* The object has not got its new ticket yet, so that entry is thrown out too. */
    turn_deadlines_keep(&table->deadlines, is_live, table);
    return turn_deadlines_push(&table->deadlines, at, kind, number);
}

/* --- users ------------------------------------------------------------------------------------------------------- */

static struct turn_user *
user_new(struct span name)
{
    struct turn_user *user = g_malloc0(sizeof *user + name.length);

    user->length = name.length;
    if (name.length)
        memcpy(user->name, name.bytes, name.length);
    return user;
}

struct turn_user *
turn_user_take(struct turn_allocations *table, struct span name)
{
    g_autofree struct turn_user *wanted = user_new(name);
    struct turn_user *user = g_hash_table_lookup(table->users, wanted);

    if (!user) {
        user = g_steal_pointer(&wanted);
        g_hash_table_add(table->users, user);
    }
    return user;
}

void
turn_user_settle(struct turn_allocations *table, struct turn_user *user)
{
    if (user->allocations == 0 && user->reservations == 0)
        g_hash_table_remove(table->users, user);
}

static const struct turn_user *
user_find(const struct turn_allocations *table, struct span name)
{
    g_autofree struct turn_user *wanted = user_new(name);

    return g_hash_table_lookup(table->users, wanted);
}

uint32_t
turn_allocations_of_user(const struct turn_allocations *table, struct span name)
{
    const struct turn_user *user = user_find(table, name);

    return user ? user->allocations : 0;
}

uint32_t
turn_reservations_of_user(const struct turn_allocations *table, struct span name)
{
    const struct turn_user *user = user_find(table, name);

    return user ? user->reservations : 0;
}

/* --- allocations ------------------------------------------------------------------------------------------------- */

struct turn_allocation *
turn_allocation_find(const struct turn_allocations *table, const struct turn_tuple *tuple, int64_t now)
{
    uint32_t hash = hash_tuple(tuple), slot, i;

    for (i = hash_index_first(&table->tuples, hash); (slot = hash_index_value(&table->tuples, i));
         i = hash_index_next(&table->tuples, i, hash)) {
        struct turn_allocation *allocation = allocation_at(table, slot);

        if (turn_tuple_equal(&allocation->tuple, tuple))
            return allocation->expires > now ? allocation : NULL;
    }
    return NULL;
}

struct turn_allocation *
turn_allocation_of_relayed(const struct turn_allocations *table, struct endpoint relayed, uint8_t protocol, int64_t now)
{
    uint32_t hash = hash_relayed(relayed, protocol), slot, i;

    for (i = hash_index_first(&table->relays, hash); (slot = hash_index_value(&table->relays, i));
         i = hash_index_next(&table->relays, i, hash)) {
        struct turn_allocation *allocation = allocation_at(table, slot);

        for (unsigned which = 0; which < TURN_RELAYS; which++)
            if (allocation->relays[which].socket && endpoint_equal(allocation->relays[which].relayed, relayed) &&
                allocation->protocol == protocol)
                return allocation->relays[which].expires > now ? allocation : NULL;
    }
    return NULL;
}

struct turn_allocation *
turn_allocation_add(struct turn_allocations *table, const struct turn_tuple *tuple, struct span name, int64_t now,
                    int64_t lifetime)
{
    struct turn_allocation *allocation = g_new0(struct turn_allocation, 1);

    if (table->free_slots->len > 0) {
        allocation->slot = g_array_index(table->free_slots, uint32_t, table->free_slots->len - 1);
        g_array_set_size(table->free_slots, table->free_slots->len - 1);
        table->allocations->pdata[allocation->slot - 1] = allocation;
    } else {
        g_ptr_array_add(table->allocations, allocation);
        allocation->slot = table->allocations->len;
    }
    allocation->tuple = *tuple;
    allocation->number = ++table->made;
    allocation->protocol = PROTOCOL_UDP;
    allocation->made = now;
    allocation->user = turn_user_take(table, name);
    allocation->user->allocations++;
    allocation->expires = allocation->due = time_add(now, lifetime);
    allocation->ticket = turn_allocations_enter(table, allocation->expires, TURN_DUE_ALLOCATION, allocation->slot);
    table->live++;
    table->pieces++;
    hash_index_insert(&table->tuples, hash_tuple(tuple), allocation->slot);
    return allocation;
}

void
turn_allocation_add_relay(struct turn_allocations *table, struct turn_allocation *allocation, unsigned which,
                          struct endpoint relayed, void *socket)
{
    struct turn_relay *relay = &allocation->relays[which];

    g_assert(which < TURN_RELAYS && !relay->socket && socket);
    *relay = (struct turn_relay){ .allocation = allocation, .relayed = relayed, .socket = socket,
                                    .expires = allocation->expires };
    hash_index_insert(&table->relays, hash_relayed(relayed, allocation->protocol), allocation->slot);
}

/* After its relays, or their times, have changed. */
static void
settle_times(struct turn_allocation *allocation)
{
    int64_t first = TIME_NEVER, last = 0;

    for (unsigned which = 0; which < TURN_RELAYS; which++)
        if (allocation->relays[which].socket) {
            first = MIN(first, allocation->relays[which].expires);
            last = MAX(last, allocation->relays[which].expires);
        }
    if (first == TIME_NEVER) /* none */
        return;
    allocation->due = first;
    allocation->expires = last;
}

static void
forget_relay(struct turn_allocations *table, struct turn_allocation *allocation, unsigned which)
{
    struct turn_relay *relay = &allocation->relays[which];

    if (!relay->socket)
        return;
    hash_index_remove(&table->relays, hash_relayed(relay->relayed, allocation->protocol), allocation->slot);
    relay->socket = NULL;
}

void
turn_allocation_drop_relay(struct turn_allocations *table, struct turn_allocation *allocation, unsigned which)
{
    enum family family = address_family(allocation->relays[which].relayed.address);
    uint32_t next;

    forget_relay(table, allocation, which);
    for (uint32_t at = allocation->first_channel; at; at = next) {
        next = turn_channel_at(table, at)->next;
        if (address_family(turn_channel_at(table, at)->peer.address) == family)
            turn_channel_remove(table, at);
    }
    for (uint32_t at = allocation->first_permission; at; at = next) {
        next = turn_permission_at(table, at)->next;
        if (address_family(turn_permission_at(table, at)->peer) == family)
            turn_permission_remove(table, at);
    }
    settle_times(allocation);
}

void
turn_allocation_refresh(struct turn_allocations *table, struct turn_allocation *allocation, enum family family,
                        int64_t now, int64_t lifetime)
{
    int64_t expires = time_add(now, lifetime), before = allocation->due;

    for (unsigned which = 0; which < TURN_RELAYS; which++)
        if (family == FAMILY_NONE || address_family(allocation->relays[which].relayed.address) == family)
            allocation->relays[which].expires = expires;
    settle_times(allocation);
    if (allocation->due < before)
        allocation->ticket = turn_allocations_enter(table, allocation->due, TURN_DUE_ALLOCATION, allocation->slot);
}

void
turn_allocation_remove(struct turn_allocations *table, struct turn_allocation *allocation)
{
    while (allocation->first_channel)
        turn_channel_remove(table, allocation->first_channel);
    while (allocation->first_permission)
        turn_permission_remove(table, allocation->first_permission);
    for (unsigned which = 0; which < TURN_RELAYS; which++)
        forget_relay(table, allocation, which);
    allocation->user->allocations--;
    turn_user_settle(table, allocation->user);
    hash_index_remove(&table->tuples, hash_tuple(&allocation->tuple), allocation->slot);
    table->allocations->pdata[allocation->slot - 1] = NULL;
    g_array_append_val(table->free_slots, allocation->slot);
    table->live--;
    table->pieces--;
    g_free(allocation);
}

struct turn_relay *
turn_allocation_relay(struct turn_allocation *allocation, enum family family)
{
    for (unsigned which = 0; which < TURN_RELAYS; which++)
        if (allocation->relays[which].socket &&
            address_family(allocation->relays[which].relayed.address) == family)
            return &allocation->relays[which];
    return NULL;
}

struct span
turn_allocation_user(const struct turn_allocation *allocation)
{
    return span_of(allocation->user->name, allocation->user->length);
}

int64_t
turn_lifetime(bool asked, uint64_t seconds, int64_t most)
{
    if (!asked || seconds >= (uint64_t)(most / TIME_S))
        return asked ? MAX(most, TURN_LIFETIME) : TURN_LIFETIME;
    return MAX((int64_t)seconds * TIME_S, TURN_LIFETIME);
}

uint32_t
turn_allocations_count(const struct turn_allocations *table)
{
    return table->live;
}

struct turn_allocation *
turn_allocations_next(const struct turn_allocations *table, const struct turn_allocation *after)
{
    for (guint i = after ? after->slot : 0; i < table->allocations->len; i++)
        if (table->allocations->pdata[i])
            return table->allocations->pdata[i];
    return NULL;
}

/* --- time -------------------------------------------------------------------------------------------------------- */

static void
end_relay(struct turn_allocations *table, struct turn_allocation *allocation, int64_t at, struct turn_end *end)
{
    unsigned which = allocation->relays[0].socket && allocation->relays[0].expires <= at ? 0 : 1;
    const struct turn_relay *relay = &allocation->relays[which];

    *end = (struct turn_end){ TURN_ENDED_RELAY, .at = relay->expires, .allocation = allocation,
                              .relayed = relay->relayed, .socket = relay->socket };
    turn_allocation_drop_relay(table, allocation, which);
    allocation->ticket = turn_allocations_enter(table, allocation->due, TURN_DUE_ALLOCATION, allocation->slot);
}

static bool
allocation_due(struct turn_allocations *table, struct turn_allocation *allocation, int64_t at, struct turn_end *end)
{
    allocation->ticket = 0;
    if (allocation->due > at) {
        allocation->ticket = turn_allocations_enter(table, allocation->due, TURN_DUE_ALLOCATION, allocation->slot);
        return false;
    }
    if (allocation->expires > at) {
        end_relay(table, allocation, at, end);
        return true;
    }
    *end = (struct turn_end){ TURN_ENDED_ALLOCATION, .at = allocation->expires, .allocation = allocation };
    return true;
}

static bool
judge_due(struct turn_allocations *table, const struct turn_due *due, struct turn_end *end)
{
    switch ((enum turn_due_kind)due->kind) {
    case TURN_DUE_ALLOCATION:
        return allocation_due(table, allocation_at(table, due->number), due->at, end);
    case TURN_DUE_PERMISSION:
        return turn_permission_due(table, due->number, due->at, end);
    case TURN_DUE_CHANNEL:
        return turn_channel_due(table, due->number, due->at, end);
    case TURN_DUE_QUARANTINE:
        turn_channel_remove(table, due->number);
        return false;
    case TURN_DUE_RESERVATION:
        return turn_reservation_due(table, due->number, end);
    }
    return false;
}

bool
turn_allocations_due(struct turn_allocations *table, int64_t now, struct turn_end *end)
{
    struct turn_due due;

    while (turn_deadlines_pop(&table->deadlines, now, &due))
        if (is_live(table, &due) && judge_due(table, &due, end))
            return true;
    return false;
}

int64_t
turn_allocations_deadline(const struct turn_allocations *table)
{
    return turn_deadlines_next(&table->deadlines);
}
