/* A channel that has run out stays for its quarantine, dead to every look-up but that of a ChannelBind (RFC 8656
 * section 12). */
#include "proto/turn/allocations_private.h"

static uint32_t
hash_number(const struct turn_tuple *tuple, uint16_t number)
{
    return (uint32_t)mix64(endpoint_hash(tuple->client) + endpoint_hash(tuple->server) * 3 + tuple->protocol +
                           number * TURN_HASH_STEP);
}

static uint32_t
hash_peer(const struct turn_allocation *allocation, struct endpoint peer)
{
    return (uint32_t)mix64(endpoint_hash(peer) + allocation->number * TURN_HASH_STEP);
}

static uint32_t
channel_by_number(const struct turn_allocations *table, const struct turn_tuple *tuple, uint16_t number)
{
    uint32_t hash = hash_number(tuple, number), at, i;

    for (i = hash_index_first(&table->number_index, hash); (at = hash_index_value(&table->number_index, i));
         i = hash_index_next(&table->number_index, i, hash)) {
        const struct turn_channel *channel = turn_channel_at(table, at);

        if (channel->number == number && turn_tuple_equal(&channel->allocation->tuple, tuple))
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
        const struct turn_channel *channel = turn_channel_at(table, at);

        if (channel->allocation == allocation && endpoint_equal(channel->peer, peer))
            break;
    }
    return at;
}

const struct turn_channel *
turn_channel_of_client(const struct turn_allocations *table, const struct turn_tuple *tuple, uint16_t number,
                       int64_t now)
{
    uint32_t at = channel_by_number(table, tuple, number);
    const struct turn_channel *channel = at ? turn_channel_at(table, at) : NULL;

    return channel && channel->expires > now && channel->allocation->expires > now ? channel : NULL;
}

const struct turn_channel *
turn_channel_of_peer(const struct turn_allocations *table, const struct turn_allocation *allocation,
                     struct endpoint peer, int64_t now, bool *permitted)
{
    uint32_t at = channel_by_peer(table, allocation, peer);
    const struct turn_channel *channel = at ? turn_channel_at(table, at) : NULL;

    if (!channel || channel->expires <= now)
        return NULL;
    *permitted = turn_permission_at(table, channel->permission)->expires > now;
    return channel;
}

/* A channel that is no obstacle any more, though nobody has asked yet what was due. */
static bool
has_outstayed(const struct turn_allocations *table, uint32_t at, int64_t now)
{
    return at && turn_channel_at(table, at)->expires + TURN_CHANNEL_QUARANTINE <= now;
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
        table->free_channel = turn_channel_at(table, at)->next;
    } else {
        g_array_set_size(table->channels, table->channels->len + 1);
        at = table->channels->len;
    }
    channel = turn_channel_at(table, at);
    *channel = (struct turn_channel){ .allocation = allocation, .peer = peer, .number = number,
                                      .next = allocation->first_channel };
    if (channel->next)
        turn_channel_at(table, channel->next)->previous = at;
    allocation->first_channel = at;
    allocation->channels++;
    hash_index_insert(&table->number_index, hash_number(&allocation->tuple, number), at);
    hash_index_insert(&table->peer_index, hash_peer(allocation, peer), at);
    return at;
}

/* The permission that it leaned on goes with the last channel, if it has run out. */
void
turn_channel_remove(struct turn_allocations *table, uint32_t at)
{
    struct turn_channel *channel = turn_channel_at(table, at);
    struct turn_allocation *allocation = channel->allocation;
    struct turn_permission *permission = turn_permission_at(table, channel->permission);

    if (channel->previous)
        turn_channel_at(table, channel->previous)->next = channel->next;
    else
        allocation->first_channel = channel->next;
    if (channel->next)
        turn_channel_at(table, channel->next)->previous = channel->previous;
    allocation->channels--;
    table->pieces--;
    hash_index_remove(&table->number_index, hash_number(&allocation->tuple, channel->number), at);
    hash_index_remove(&table->peer_index, hash_peer(allocation, channel->peer), at);
    if (--permission->channels == 0 && !permission->ticket)
        turn_permission_remove(table, channel->permission);
    *channel = (struct turn_channel){ .next = table->free_channel };
    table->free_channel = at;
}

void
turn_channel_bind(struct turn_allocations *table, struct turn_allocation *allocation, uint16_t number,
                  struct endpoint peer, int64_t now)
{
    uint32_t permission = turn_permission_put(table, allocation, peer.address, now);
    uint32_t at = channel_by_peer(table, allocation, peer);

    if (has_outstayed(table, at, now))
        turn_channel_remove(table, at);
    at = channel_by_number(table, &allocation->tuple, number);
    if (has_outstayed(table, at, now)) {
        turn_channel_remove(table, at);
        at = 0;
    }

    if (!at) {
        at = channel_new(table, allocation, number, peer);
        turn_channel_at(table, at)->permission = permission;
        turn_permission_at(table, permission)->channels++;
        table->pieces++;
    }

    struct turn_channel *channel = turn_channel_at(table, at);
    bool was_bound = channel->expires > now;

    channel->expires = time_add(now, TURN_CHANNEL_LIFETIME);
    if (!channel->ticket || !was_bound) { /* not the entry of the quarantine: that comes up as another kind */
        channel->ticket = 0;
        channel->ticket = turn_allocations_enter(table, channel->expires, TURN_DUE_CHANNEL, at);
    }
}

bool
turn_channel_due(struct turn_allocations *table, uint32_t number, int64_t at, struct turn_end *end)
{
    struct turn_channel *channel = turn_channel_at(table, number);

    channel->ticket = 0;
    if (channel->expires > at) {
        channel->ticket = turn_allocations_enter(table, channel->expires, TURN_DUE_CHANNEL, number);
        return false;
    }
    *end = (struct turn_end){ TURN_ENDED_CHANNEL, .at = channel->expires, .allocation = channel->allocation,
                              .peer = channel->peer, .channel = channel->number };
    channel->ticket =
        turn_allocations_enter(table, channel->expires + TURN_CHANNEL_QUARANTINE, TURN_DUE_QUARANTINE, number);
    return true;
}
