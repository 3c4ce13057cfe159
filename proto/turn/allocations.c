/* Everything stands in arrays and is known by a number from 1 up; hash indexes find, lists of numbers tie an allocation's
 * permissions and channels together, so that all of them go with it.
 *
 * A permission that has run out stays as long as a channel leans on it, since a channel may outlive its permission and get
 * a new one (section 12). A channel that has run out stays for its quarantine. Both are dead to every look-up meanwhile. */
#include "proto/turn/allocations.h"

#include "core/base/hash.h"
#include "proto/turn/deadlines.h"

#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

enum kind { KIND_ALLOCATION, KIND_PERMISSION, KIND_CHANNEL, KIND_QUARANTINE, KIND_RESERVATION };

/* A user, while he has allocations. */
struct turn_client {
    uint32_t allocations;
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
    GHashTable *clients;    /* struct turn_client * to itself */

    GArray *permissions, *channels, *reservations; /* number n is at n - 1; `allocation` NULL, or token 0: free */
    uint32_t free_permission, free_channel, free_reservation;
    struct hash_index permission_index, number_index, peer_index, token_index;
};

/* --- hashing ----------------------------------------------------------------------------------------------------- */

static uint32_t
hash_tuple(const struct turn_tuple *tuple)
{
    return (uint32_t)mix64(endpoint_hash(tuple->client) + endpoint_hash(tuple->server) * 3 + tuple->protocol);
}

static uint32_t
hash_number(const struct turn_tuple *tuple, uint16_t number)
{
    return (uint32_t)mix64(endpoint_hash(tuple->client) + endpoint_hash(tuple->server) * 3 + tuple->protocol +
                           number * GOLDEN);
}

static uint32_t
hash_peer(const struct turn_allocation *allocation, struct endpoint peer)
{
    return (uint32_t)mix64(endpoint_hash(peer) + allocation->number * GOLDEN);
}

static uint32_t
hash_permission(const struct turn_allocation *allocation, struct address peer)
{
    return (uint32_t)mix64(address_hash(peer) + allocation->number * GOLDEN);
}

static uint32_t
hash_relayed(struct endpoint relayed, uint8_t protocol)
{
    return (uint32_t)mix64(endpoint_hash(relayed) + protocol);
}

static bool
tuple_equal(const struct turn_tuple *a, const struct turn_tuple *b)
{
    return a->protocol == b->protocol && endpoint_equal(a->client, b->client) && endpoint_equal(a->server, b->server);
}

static guint
client_hash(gconstpointer data)
{
    const struct turn_client *client = data;
    uint64_t hash = client->length;

    for (size_t i = 0; i < client->length; i++)
        hash = mix64(hash ^ client->name[i]);
    return (guint)hash;
}

static gboolean
client_equal(gconstpointer a, gconstpointer b)
{
    const struct turn_client *one = a, *other = b;

    return span_equal(span_of(one->name, one->length), span_of(other->name, other->length));
}

/* --- life -------------------------------------------------------------------------------------------------------- */

struct turn_allocations *
turn_allocations_new(void)
{
    struct turn_allocations *table = g_new0(struct turn_allocations, 1);

    table->allocations = g_ptr_array_new();
    table->free_slots = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    table->clients = g_hash_table_new_full(client_hash, client_equal, g_free, NULL);
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
    g_hash_table_destroy(table->clients);
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

static struct turn_permission *
permission_at(const struct turn_allocations *table, uint32_t number)
{
    return &g_array_index(table->permissions, struct turn_permission, number - 1);
}

static struct turn_channel *
channel_at(const struct turn_allocations *table, uint32_t number)
{
    return &g_array_index(table->channels, struct turn_channel, number - 1);
}

static struct turn_reservation *
reservation_at(const struct turn_allocations *table, uint32_t number)
{
    return &g_array_index(table->reservations, struct turn_reservation, number - 1);
}

/* --- deadlines --------------------------------------------------------------------------------------------------- */

/* The ticket that the object of an entry has: not the entry's when that is outdated. */
static uint64_t
ticket_of(const struct turn_allocations *table, const struct turn_due *due)
{
    struct turn_allocation *allocation;

    switch ((enum kind)due->kind) {
    case KIND_ALLOCATION:
        allocation = allocation_at(table, due->number);
        return allocation ? allocation->ticket : 0;
    case KIND_PERMISSION:
        return permission_at(table, due->number)->ticket;
    case KIND_CHANNEL:
    case KIND_QUARANTINE:
        return channel_at(table, due->number)->ticket;
    case KIND_RESERVATION:
        return reservation_at(table, due->number)->ticket;
    }
    return 0;
}

static bool
is_live(void *owner, const struct turn_due *due)
{
    return ticket_of(owner, due) == due->ticket;
}

static uint64_t
enter(struct turn_allocations *table, int64_t at, enum kind kind, uint32_t number)
{
    uint64_t ticket = turn_deadlines_push(&table->deadlines, at, kind, number);

    if (!turn_deadlines_crowded(&table->deadlines, table->pieces + 1))
        return ticket;
    /* The object has not got its new ticket yet, so that entry is thrown out too. */
    turn_deadlines_keep(&table->deadlines, is_live, table);
    return turn_deadlines_push(&table->deadlines, at, kind, number);
}

/* --- clients ----------------------------------------------------------------------------------------------------- */

static struct turn_client *
client_new(struct span name)
{
    struct turn_client *client = g_malloc0(sizeof *client + name.length);

    client->length = name.length;
    if (name.length)
        memcpy(client->name, name.bytes, name.length);
    return client;
}

static struct turn_client *
client_take(struct turn_allocations *table, struct span name)
{
    g_autofree struct turn_client *wanted = client_new(name);
    struct turn_client *client = g_hash_table_lookup(table->clients, wanted);

    if (!client) {
        client = g_steal_pointer(&wanted);
        g_hash_table_add(table->clients, client);
    }
    client->allocations++;
    return client;
}

static void
client_release(struct turn_allocations *table, struct turn_client *client)
{
    if (--client->allocations == 0)
        g_hash_table_remove(table->clients, client);
}

uint32_t
turn_allocations_of_user(const struct turn_allocations *table, struct span name)
{
    g_autofree struct turn_client *wanted = client_new(name);
    struct turn_client *client = g_hash_table_lookup(table->clients, wanted);

    return client ? client->allocations : 0;
}

/* --- permissions ------------------------------------------------------------------------------------------------- */

static uint32_t
permission_number(const struct turn_allocations *table, const struct turn_allocation *allocation, struct address peer)
{
    uint32_t hash = hash_permission(allocation, peer), number, i;

    for (i = hash_index_first(&table->permission_index, hash); (number = hash_index_value(&table->permission_index, i));
         i = hash_index_next(&table->permission_index, i, hash)) {
        const struct turn_permission *permission = permission_at(table, number);

        if (permission->allocation == allocation && address_equal(permission->peer, peer))
            break;
    }
    return number;
}

const struct turn_permission *
turn_permission_find(const struct turn_allocations *table, const struct turn_allocation *allocation, struct address peer,
                     int64_t now)
{
    uint32_t number = permission_number(table, allocation, peer);
    const struct turn_permission *permission = number ? permission_at(table, number) : NULL;

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
        table->free_permission = permission_at(table, number)->next;
    } else {
        g_array_set_size(table->permissions, table->permissions->len + 1);
        number = table->permissions->len;
    }
    permission = permission_at(table, number);
    *permission = (struct turn_permission){ .allocation = allocation, .peer = peer,
                                            .next = allocation->first_permission };
    if (permission->next)
        permission_at(table, permission->next)->previous = number;
    allocation->first_permission = number;
    allocation->permissions++;
    hash_index_insert(&table->permission_index, hash_permission(allocation, peer), number);
    return number;
}

static void
permission_remove(struct turn_allocations *table, uint32_t number)
{
    struct turn_permission *permission = permission_at(table, number);
    struct turn_allocation *allocation = permission->allocation;

    if (permission->previous)
        permission_at(table, permission->previous)->next = permission->next;
    else
        allocation->first_permission = permission->next;
    if (permission->next)
        permission_at(table, permission->next)->previous = permission->previous;
    allocation->permissions--;
    table->pieces -= permission->ticket != 0;
    hash_index_remove(&table->permission_index, hash_permission(allocation, permission->peer), number);
    *permission = (struct turn_permission){ .next = table->free_permission };
    table->free_permission = number;
}

/* Each permission lives for the same time, so refreshing one never brings its deadline forward. */
static uint32_t
permission_install(struct turn_allocations *table, struct turn_allocation *allocation, struct address peer, int64_t now)
{
    uint32_t number = permission_number(table, allocation, peer);

    if (!number)
        number = permission_new(table, allocation, peer);
    permission_at(table, number)->expires = time_add(now, TURN_PERMISSION_LIFETIME);
    if (!permission_at(table, number)->ticket) {
        permission_at(table, number)->ticket =
            enter(table, permission_at(table, number)->expires, KIND_PERMISSION, number);
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
    permission_install(table, allocation, peer, now);
    return true;
}

/* --- channels ---------------------------------------------------------------------------------------------------- */

static uint32_t
channel_by_number(const struct turn_allocations *table, const struct turn_tuple *tuple, uint16_t number)
{
    uint32_t hash = hash_number(tuple, number), at, i;

    for (i = hash_index_first(&table->number_index, hash); (at = hash_index_value(&table->number_index, i));
         i = hash_index_next(&table->number_index, i, hash)) {
        const struct turn_channel *channel = channel_at(table, at);

        if (channel->number == number && tuple_equal(&channel->allocation->tuple, tuple))
            break;
    }
    return at;
}

static uint32_t
channel_by_peer(const struct turn_allocations *table, const struct turn_allocation *allocation, struct endpoint peer)
{
    uint32_t hash = hash_peer(allocation, peer), at, i;

    for (i = hash_index_first(&table->peer_index, hash); (at = hash_index_value(&table->peer_index, i));
         i = hash_index_next(&table->peer_index, i, hash)) {
        const struct turn_channel *channel = channel_at(table, at);

        if (channel->allocation == allocation && endpoint_equal(channel->peer, peer))
            break;
    }
    return at;
}

const struct turn_channel *
turn_channel_of_client(const struct turn_allocations *table, const struct turn_tuple *tuple, uint16_t number, int64_t now)
{
    uint32_t at = channel_by_number(table, tuple, number);
    const struct turn_channel *channel = at ? channel_at(table, at) : NULL;

    return channel && channel->expires > now && channel->allocation->expires > now ? channel : NULL;
}

const struct turn_channel *
turn_channel_of_peer(const struct turn_allocations *table, const struct turn_allocation *allocation, struct endpoint peer,
                     int64_t now, bool *permitted)
{
    uint32_t at = channel_by_peer(table, allocation, peer);
    const struct turn_channel *channel = at ? channel_at(table, at) : NULL;

    if (!channel || channel->expires <= now)
        return NULL;
    *permitted = permission_at(table, channel->permission)->expires > now;
    return channel;
}

/* A channel that is no obstacle any more, though nobody has asked yet what was due. */
static bool
has_outstayed(const struct turn_allocations *table, uint32_t at, int64_t now)
{
    return at && channel_at(table, at)->expires + TURN_CHANNEL_QUARANTINE <= now;
}

enum turn_bind
turn_channel_judge(const struct turn_allocations *table, const struct turn_allocation *allocation, uint16_t number,
                   struct endpoint peer, int64_t now)
{
    uint32_t of_number = channel_by_number(table, &allocation->tuple, number);
    uint32_t of_peer = channel_by_peer(table, allocation, peer);

    if (has_outstayed(table, of_number, now))
        of_number = 0;
    if (has_outstayed(table, of_peer, now))
        of_peer = 0;
    if (of_number != of_peer)
        return TURN_BIND_CONFLICT;
    if (of_number)
        return TURN_BIND_REFRESH;
    return allocation->channels < TURN_MOST_CHANNELS ? TURN_BIND_NEW : TURN_BIND_FULL;
}

static uint32_t
channel_new(struct turn_allocations *table, struct turn_allocation *allocation, uint16_t number, struct endpoint peer)
{
    uint32_t at = table->free_channel;
    struct turn_channel *channel;

    if (at) {
        table->free_channel = channel_at(table, at)->next;
    } else {
        g_array_set_size(table->channels, table->channels->len + 1);
        at = table->channels->len;
    }
    channel = channel_at(table, at);
    *channel = (struct turn_channel){ .allocation = allocation, .peer = peer, .number = number,
                                      .next = allocation->first_channel };
    if (channel->next)
        channel_at(table, channel->next)->previous = at;
    allocation->first_channel = at;
    allocation->channels++;
    hash_index_insert(&table->number_index, hash_number(&allocation->tuple, number), at);
    hash_index_insert(&table->peer_index, hash_peer(allocation, peer), at);
    return at;
}

/* The permission that it leaned on goes with the last channel, if it has run out. */
static void
channel_remove(struct turn_allocations *table, uint32_t at)
{
    struct turn_channel *channel = channel_at(table, at);
    struct turn_allocation *allocation = channel->allocation;
    struct turn_permission *permission = permission_at(table, channel->permission);

    if (channel->previous)
        channel_at(table, channel->previous)->next = channel->next;
    else
        allocation->first_channel = channel->next;
    if (channel->next)
        channel_at(table, channel->next)->previous = channel->previous;
    allocation->channels--;
    table->pieces--;
    hash_index_remove(&table->number_index, hash_number(&allocation->tuple, channel->number), at);
    hash_index_remove(&table->peer_index, hash_peer(allocation, channel->peer), at);
    if (--permission->channels == 0 && !permission->ticket)
        permission_remove(table, channel->permission);
    *channel = (struct turn_channel){ .next = table->free_channel };
    table->free_channel = at;
}

void
turn_channel_bind(struct turn_allocations *table, struct turn_allocation *allocation, uint16_t number,
                  struct endpoint peer, int64_t now)
{
    uint32_t permission = permission_install(table, allocation, peer.address, now);
    uint32_t at = channel_by_peer(table, allocation, peer);

    if (has_outstayed(table, at, now))
        channel_remove(table, at);
    at = channel_by_number(table, &allocation->tuple, number);
    if (has_outstayed(table, at, now)) {
        channel_remove(table, at);
        at = 0;
    }

    if (!at) {
        at = channel_new(table, allocation, number, peer);
        channel_at(table, at)->permission = permission;
        permission_at(table, permission)->channels++;
        table->pieces++;
    }

    struct turn_channel *channel = channel_at(table, at);
    bool was_bound = channel->expires > now;

    channel->expires = time_add(now, TURN_CHANNEL_LIFETIME);
    if (!channel->ticket || !was_bound) { /* not the entry of the quarantine: that comes up as another kind */
        channel->ticket = 0;
        channel->ticket = enter(table, channel->expires, KIND_CHANNEL, at);
    }
}

/* --- allocations ------------------------------------------------------------------------------------------------- */

struct turn_allocation *
turn_allocation_find(const struct turn_allocations *table, const struct turn_tuple *tuple, int64_t now)
{
    uint32_t hash = hash_tuple(tuple), slot, i;

    for (i = hash_index_first(&table->tuples, hash); (slot = hash_index_value(&table->tuples, i));
         i = hash_index_next(&table->tuples, i, hash)) {
        struct turn_allocation *allocation = allocation_at(table, slot);

        if (tuple_equal(&allocation->tuple, tuple))
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
                return allocation->expires > now ? allocation : NULL;
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
    allocation->client = client_take(table, name);
    allocation->expires = time_add(now, lifetime);
    allocation->ticket = enter(table, allocation->expires, KIND_ALLOCATION, allocation->slot);
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
    *relay = (struct turn_relay){ .allocation = allocation, .relayed = relayed, .socket = socket };
    hash_index_insert(&table->relays, hash_relayed(relayed, allocation->protocol), allocation->slot);
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
        next = channel_at(table, at)->next;
        if (address_family(channel_at(table, at)->peer.address) == family)
            channel_remove(table, at);
    }
    for (uint32_t at = allocation->first_permission; at; at = next) {
        next = permission_at(table, at)->next;
        if (address_family(permission_at(table, at)->peer) == family)
            permission_remove(table, at);
    }
}

void
turn_allocation_refresh(struct turn_allocations *table, struct turn_allocation *allocation, int64_t now, int64_t lifetime)
{
    int64_t expires = time_add(now, lifetime);
    bool sooner = expires < allocation->expires;

    allocation->expires = expires;
    if (sooner)
        allocation->ticket = enter(table, expires, KIND_ALLOCATION, allocation->slot);
}

void
turn_allocation_remove(struct turn_allocations *table, struct turn_allocation *allocation)
{
    while (allocation->first_channel)
        channel_remove(table, allocation->first_channel);
    while (allocation->first_permission)
        permission_remove(table, allocation->first_permission);
    for (unsigned which = 0; which < TURN_RELAYS; which++)
        forget_relay(table, allocation, which);
    client_release(table, allocation->client);
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
    return span_of(allocation->client->name, allocation->client->length);
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

/* --- reservations ------------------------------------------------------------------------------------------------ */

static uint32_t
reservation_number(const struct turn_allocations *table, uint64_t token)
{
    uint32_t hash = (uint32_t)mix64(token), number, i;

    if (token == 0)
        return 0;
    for (i = hash_index_first(&table->token_index, hash); (number = hash_index_value(&table->token_index, i));
         i = hash_index_next(&table->token_index, i, hash))
        if (reservation_at(table, number)->token == token)
            break;
    return number;
}

void
turn_reserve(struct turn_allocations *table, uint64_t token, struct endpoint relayed, void *socket, int64_t now)
{
    uint32_t number = table->free_reservation;
    struct turn_reservation *reservation;

    g_assert(token != 0 && !reservation_number(table, token));
    if (number) {
        table->free_reservation = (uint32_t)reservation_at(table, number)->expires;
    } else {
        g_array_set_size(table->reservations, table->reservations->len + 1);
        number = table->reservations->len;
    }
    reservation = reservation_at(table, number);
    *reservation = (struct turn_reservation){ .token = token, .relayed = relayed, .socket = socket,
                                              .expires = time_add(now, TURN_RESERVATION_LIFETIME) };
    reservation->ticket = enter(table, reservation->expires, KIND_RESERVATION, number);
    table->pieces++;
    hash_index_insert(&table->token_index, (uint32_t)mix64(token), number);
}

const struct turn_reservation *
turn_reservation_find(const struct turn_allocations *table, uint64_t token, int64_t now)
{
    uint32_t number = reservation_number(table, token);
    const struct turn_reservation *reservation = number ? reservation_at(table, number) : NULL;

    return reservation && reservation->expires > now ? reservation : NULL;
}

void *
turn_reservation_take(struct turn_allocations *table, uint64_t token)
{
    uint32_t number = reservation_number(table, token);
    void *socket;

    g_assert(number != 0);
    socket = reservation_at(table, number)->socket;
    hash_index_remove(&table->token_index, (uint32_t)mix64(token), number);
    *reservation_at(table, number) = (struct turn_reservation){ .expires = table->free_reservation };
    table->free_reservation = number;
    table->pieces--;
    return socket;
}

const struct turn_reservation *
turn_reservation_any(const struct turn_allocations *table)
{
    for (guint i = 0; i < table->reservations->len; i++)
        if (reservation_at(table, i + 1)->token)
            return reservation_at(table, i + 1);
    return NULL;
}

uint32_t
turn_reservations_count(const struct turn_allocations *table)
{
    return table->token_index.used;
}

/* --- time -------------------------------------------------------------------------------------------------------- */

static bool
permission_due(struct turn_allocations *table, uint32_t number, int64_t at, struct turn_end *end)
{
    struct turn_permission *permission = permission_at(table, number);

    if (permission->expires > at) {
        permission->ticket = 0;
        permission->ticket = enter(table, permission->expires, KIND_PERMISSION, number);
        return false;
    }
    *end = (struct turn_end){ TURN_ENDED_PERMISSION, .at = permission->expires, .allocation = permission->allocation,
                              .peer = { permission->peer, 0 } };
    if (permission->channels == 0) {
        permission_remove(table, number);
        return true;
    }
    permission->ticket = 0;
    table->pieces--;
    return true;
}

static bool
channel_due(struct turn_allocations *table, uint32_t number, int64_t at, struct turn_end *end)
{
    struct turn_channel *channel = channel_at(table, number);

    channel->ticket = 0;
    if (channel->expires > at) {
        channel->ticket = enter(table, channel->expires, KIND_CHANNEL, number);
        return false;
    }
    *end = (struct turn_end){ TURN_ENDED_CHANNEL, .at = channel->expires, .allocation = channel->allocation,
                              .peer = channel->peer, .channel = channel->number };
    channel->ticket = enter(table, channel->expires + TURN_CHANNEL_QUARANTINE, KIND_QUARANTINE, number);
    return true;
}

static bool
allocation_due(struct turn_allocations *table, struct turn_allocation *allocation, int64_t at, struct turn_end *end)
{
    allocation->ticket = 0;
    if (allocation->expires > at) {
        allocation->ticket = enter(table, allocation->expires, KIND_ALLOCATION, allocation->slot);
        return false;
    }
    *end = (struct turn_end){ TURN_ENDED_ALLOCATION, .at = allocation->expires, .allocation = allocation };
    return true;
}

static bool
reservation_due(struct turn_allocations *table, uint32_t number, struct turn_end *end)
{
    const struct turn_reservation *reservation = reservation_at(table, number);

    *end = (struct turn_end){ TURN_ENDED_RESERVATION, .at = reservation->expires, .relayed = reservation->relayed };
    end->socket = turn_reservation_take(table, reservation->token);
    return true;
}

static bool
judge_due(struct turn_allocations *table, const struct turn_due *due, struct turn_end *end)
{
    switch ((enum kind)due->kind) {
    case KIND_ALLOCATION:
        return allocation_due(table, allocation_at(table, due->number), due->at, end);
    case KIND_PERMISSION:
        return permission_due(table, due->number, due->at, end);
    case KIND_CHANNEL:
        return channel_due(table, due->number, due->at, end);
    case KIND_QUARANTINE:
        channel_remove(table, due->number);
        return false;
    case KIND_RESERVATION:
        return reservation_due(table, due->number, end);
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
