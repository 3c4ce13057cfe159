#include "proto/turn/client_peers.h"

static guint
address_key_hash(gconstpointer key)
{
    return (guint)address_hash(*(const struct address *)key);
}

static gboolean
address_key_equal(gconstpointer a, gconstpointer b)
{
    return address_equal(*(const struct address *)a, *(const struct address *)b);
}

static guint
peer_key_hash(gconstpointer key)
{
    return (guint)endpoint_hash(*(const struct endpoint *)key);
}

static gboolean
peer_key_equal(gconstpointer a, gconstpointer b)
{
    return endpoint_equal(*(const struct endpoint *)a, *(const struct endpoint *)b);
}

static void
lease_clear(struct turn_client_lease *lease)
{
    g_clear_pointer(&lease->waiting, g_array_unref);
}

static void
permission_free(void *data)
{
    struct turn_client_permission *permission = data;

    for (unsigned i = 0; i < permission->held; i++)
        g_bytes_unref(permission->datagrams[i].data);
    lease_clear(&permission->lease);
    g_free(permission);
}

static void
channel_free(void *data)
{
    struct turn_client_channel *channel = data;

    lease_clear(&channel->lease);
    g_free(channel);
}

void
turn_client_peers_open(struct turn_client_peers *peers, struct turn_client *client)
{
    peers->client = client;
    peers->permissions = g_ptr_array_new_with_free_func(permission_free);
    peers->channels = g_ptr_array_new_with_free_func(channel_free);
    peers->by_address = g_hash_table_new(address_key_hash, address_key_equal);
    peers->by_peer = g_hash_table_new(peer_key_hash, peer_key_equal);
}

void
turn_client_peers_close(struct turn_client_peers *peers)
{
    g_hash_table_unref(peers->by_address);
    g_hash_table_unref(peers->by_peer);
    g_ptr_array_unref(peers->permissions);
    g_ptr_array_unref(peers->channels);
}

/* --- finding and making ------------------------------------------------------------------------------------------ */

struct turn_client_permission *
turn_client_permission_find(const struct turn_client_peers *peers, struct address address)
{
    return g_hash_table_lookup(peers->by_address, &address);
}

struct turn_client_channel *
turn_client_channel_find(const struct turn_client_peers *peers, struct endpoint peer)
{
    return g_hash_table_lookup(peers->by_peer, &peer);
}

struct turn_client_channel *
turn_client_channel_at(const struct turn_client_peers *peers, unsigned number)
{
    return number - TURN_CHANNEL_FIRST < peers->channels->len
               ? g_ptr_array_index(peers->channels, number - TURN_CHANNEL_FIRST)
               : NULL;
}

/* Wanted from `now`: asked for at once, unless it is under way or held. */
static void
want(struct turn_client_lease *lease, int64_t now)
{
    bool held = turn_client_lease_holds(lease, now);

    if (!lease->kept && !lease->transaction)
        lease->due = now; /* one that was forgotten may have little time left */
    lease->kept = true;
    if (!held && !lease->transaction)
        lease->due = MIN(lease->due, now);
}

struct turn_client_permission *
turn_client_permission_want(struct turn_client_peers *peers, struct address address, int64_t now)
{
    struct turn_client_permission *permission = turn_client_permission_find(peers, address);

    if (!permission) {
        permission = g_new0(struct turn_client_permission, 1);
        permission->lease = (struct turn_client_lease){ .client = peers->client, .due = TIME_NEVER };
        permission->address = address;
        g_ptr_array_add(peers->permissions, permission);
        g_hash_table_insert(peers->by_address, &permission->address, permission);
    }
    want(&permission->lease, now);
    return permission;
}

void
turn_client_permission_drop(struct turn_client_peers *peers, struct turn_client_permission *permission)
{
    g_hash_table_remove(peers->by_address, &permission->address);
    g_ptr_array_remove(peers->permissions, permission);
}

/* A number that nobody has had yet, or the first that has cooled down. */
static struct turn_client_channel *
channel_number(struct turn_client_peers *peers, int64_t now)
{
    if (peers->channels->len < TURN_CLIENT_CHANNELS) {
        struct turn_client_channel *fresh = g_new0(struct turn_client_channel, 1);

        fresh->number = (uint16_t)(TURN_CHANNEL_FIRST + peers->channels->len);
        g_ptr_array_add(peers->channels, fresh);
        return fresh;
    }
    for (guint i = 0; i < peers->channels->len; i++) {
        struct turn_client_channel *used = g_ptr_array_index(peers->channels, i);

        if (used->lease.granted || used->lease.transaction || used->lease.kept || used->free_at > now)
            continue;
        g_hash_table_remove(peers->by_peer, &used->peer);
        return used;
    }
    return NULL;
}

struct turn_client_channel *
turn_client_channel_want(struct turn_client_peers *peers, struct endpoint peer, int64_t now)
{
    struct turn_client_channel *channel = turn_client_channel_find(peers, peer);

    if (!channel) {
        channel = channel_number(peers, now);
        if (!channel)
            return NULL;
        lease_clear(&channel->lease);
        channel->lease = (struct turn_client_lease){ .client = peers->client, .is_channel = true, .due = TIME_NEVER };
        channel->peer = peer;
        g_hash_table_insert(peers->by_peer, &channel->peer, channel);
    }
    want(&channel->lease, now);
    return channel;
}

/* --- the life of a lease ----------------------------------------------------------------------------------------- */

void
turn_client_lease_ask(struct turn_client_lease *lease, struct stun_transaction *transaction)
{
    lease->transaction = transaction;
    lease->due = TIME_NEVER;
}

void
turn_client_lease_grant(struct turn_client_lease *lease, int64_t now, int64_t lifetime, int64_t refresh_after)
{
    lease->transaction = NULL;
    lease->granted = true;
    lease->expires = time_add(now, lifetime);
    lease->due = lease->kept ? time_add(now, refresh_after) : TIME_NEVER;
}

bool
turn_client_lease_retry(struct turn_client_lease *lease, int64_t now)
{
    lease->transaction = NULL;
    if (!turn_client_lease_holds(lease, now))
        return false;
    lease->due = lease->kept ? time_add(now, TURN_CLIENT_RETRY) : TIME_NEVER;
    return true;
}

void
turn_client_lease_end(struct turn_client_lease *lease)
{
    lease->transaction = NULL;
    lease->granted = lease->kept = false;
    lease->due = TIME_NEVER;
}

void
turn_client_channel_grant(struct turn_client_channel *channel, int64_t now)
{
    turn_client_lease_grant(&channel->lease, now, TURN_CLIENT_CHANNEL_LIFETIME, TURN_CLIENT_CHANNEL_REFRESH);
}

void
turn_client_channel_end(struct turn_client_channel *channel, int64_t bound_until)
{
    turn_client_lease_end(&channel->lease);
    channel->free_at = bound_until ? time_add(bound_until, TURN_CLIENT_CHANNEL_COOLING) : 0;
}

static void
renew(struct turn_client_lease *lease, int64_t now)
{
    lease->transaction = NULL;
    lease->granted = false;
    lease->due = lease->kept || lease->waiting ? now : TIME_NEVER;
}

void
turn_client_peers_renew(struct turn_client_peers *peers, int64_t now)
{
    for (guint i = peers->permissions->len; i-- > 0;) {
        struct turn_client_permission *permission = g_ptr_array_index(peers->permissions, i);

        if (permission->lease.kept || permission->lease.waiting)
            renew(&permission->lease, now);
        else
            turn_client_permission_drop(peers, permission);
    }
    for (guint i = 0; i < peers->channels->len; i++) {
        struct turn_client_channel *channel = g_ptr_array_index(peers->channels, i);

        if (channel->lease.granted && !channel->lease.kept)
            turn_client_channel_end(channel, channel->lease.expires);
        renew(&channel->lease, now);
    }
}

void
turn_client_lease_await(struct turn_client_lease *lease, turn_client_done *done, void *owner)
{
    struct turn_client_waiting waiting = { done, owner };

    if (!done)
        return;
    if (!lease->waiting)
        lease->waiting = g_array_new(FALSE, FALSE, sizeof waiting);
    g_array_append_val(lease->waiting, waiting);
}

/* --- what is next ------------------------------------------------------------------------------------------------ */

/* The n-th of all leases, permissions first: a permission lets datagrams through while the channel is being bound. */
static struct turn_client_lease *
lease_at(const struct turn_client_peers *peers, guint n)
{
    if (n < peers->permissions->len)
        return g_ptr_array_index(peers->permissions, n);
    n -= peers->permissions->len;
    return n < peers->channels->len ? g_ptr_array_index(peers->channels, n) : NULL;
}

/* While a request is under way its end decides. */
int64_t
turn_client_lease_next(const struct turn_client_lease *lease)
{
    if (lease->transaction)
        return TIME_NEVER;
    return lease->granted ? MIN(lease->due, lease->expires) : lease->due;
}

int64_t
turn_client_peers_next(const struct turn_client_peers *peers)
{
    const struct turn_client_lease *lease;
    int64_t next = TIME_NEVER;

    for (guint i = 0; (lease = lease_at(peers, i)); i++)
        next = MIN(next, turn_client_lease_next(lease));
    return next;
}

struct turn_client_lease *
turn_client_peers_due(const struct turn_client_peers *peers, int64_t now)
{
    struct turn_client_lease *lease;

    for (guint i = 0; (lease = lease_at(peers, i)); i++)
        if (!lease->transaction && lease->due <= now)
            break;
    return lease;
}

struct turn_client_lease *
turn_client_peers_lapsed(const struct turn_client_peers *peers, int64_t now)
{
    struct turn_client_lease *lease;

    for (guint i = 0; (lease = lease_at(peers, i)); i++)
        if (!lease->transaction && lease->granted && lease->expires <= now)
            break;
    return lease;
}

struct turn_client_lease *
turn_client_peers_awaited(const struct turn_client_peers *peers)
{
    struct turn_client_lease *lease;

    for (guint i = 0; (lease = lease_at(peers, i)); i++)
        if (lease->waiting)
            break;
    return lease;
}
