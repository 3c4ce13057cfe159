/* Keeping alive: the allocation by Refresh (RFC 8656 section 8), permissions by CreatePermission (section 10),
 * channels by ChannelBind (section 12.3), and the mapping of a NAT on the way by whatever is sent, or else by Binding
 * indications. The owner of a transaction is the lease that it is about. */
#include "proto/turn/client_private.h"

static struct turn_client_permission *
permission_of(struct turn_client_lease *lease)
{
    return (struct turn_client_permission *)lease; /* its first member */
}

static struct turn_client_channel *
channel_of(struct turn_client_lease *lease)
{
    return (struct turn_client_channel *)lease;
}

/* Port 0: a permission. */
static struct endpoint
peer_of(struct turn_client_lease *lease)
{
    return lease->is_channel ? channel_of(lease)->peer : (struct endpoint){ permission_of(lease)->address, 0 };
}

/* Whether asking again may help. */
static bool
may_pass(const struct turn_client_failure *failure)
{
    switch (failure->why) {
    case TURN_CLIENT_WHY_TIMEOUT:
    case TURN_CLIENT_WHY_UNREACHABLE:
    case TURN_CLIENT_WHY_INTEGRITY:
    case TURN_CLIENT_WHY_MALFORMED:
        return true;
    default:
        return failure->code / 100 == 5 || failure->code == STUN_CODE_STALE_NONCE;
    }
}

static bool
is_gone(const struct turn_client_failure *failure)
{
    return failure->why == TURN_CLIENT_WHY_REJECTED && failure->code == STUN_CODE_ALLOCATION_MISMATCH;
}

static void
note_lease(const struct turn_client *client, const struct record_kind *kind, struct turn_client_lease *lease,
           const struct turn_client_failure *failure, int64_t detail)
{
    struct endpoint peer = peer_of(lease);

    if (!turn_client_listened(client))
        return;

    struct record record = turn_client_record(client, kind);

    record.after.destination = peer.address;
    record.after.destination_port = peer.port;
    record.rule = failure ? (uint16_t)failure->why : 0;
    record.subject[0] = failure ? failure->code : 0;
    record.subject[1] = lease->is_channel ? channel_of(lease)->number : 0;
    record.detail = detail;
    turn_client_note(client, &record);
}

/* --- telling ----------------------------------------------------------------------------------------------------- */

/* Tells those who have waited, an array that is taken over, and frees it. False when the client is gone. */
static bool
tell_waiting(struct turn_client *client, GArray *taken, struct endpoint peer, const struct turn_client_failure *failure)
{
    g_autoptr(GArray) waiting = taken;

    if (!waiting)
        return true;
    turn_client_hold(client);
    for (guint i = 0; i < waiting->len && !client->freed; i++) {
        struct turn_client_waiting *at = &g_array_index(waiting, struct turn_client_waiting, i);

        at->done(at->owner, client, peer, failure);
    }
    return turn_client_let_go(client);
}

void
turn_client_drop_held(struct turn_client *client, struct turn_client_permission *permission)
{
    for (unsigned i = 0; i < permission->held; i++) {
        client->counters.unsent++;
        turn_client_note_drop(client, DROP_NO_PERMISSION, permission->datagrams[i].peer, 0);
        g_bytes_unref(permission->datagrams[i].data);
    }
    permission->held = 0;
}

/* Lets go of a permission or channel that is not to be had, or not any more; `bound_until`: see
 * turn_client_channel_end. Tells its owner. False when the client is gone. */
static bool
end_lease(struct turn_client *client, struct turn_client_lease *lease, const struct turn_client_failure *failure,
          int64_t bound_until)
{
    struct turn_client_news news = { .event = TURN_CLIENT_PEER_LOST, .peer = peer_of(lease), .failure = *failure };
    GArray *waiting = g_steal_pointer(&lease->waiting);
    bool missed = lease->granted && lease->kept;

    if (missed || !lease->granted)
        note_lease(client, &turn_client_kind_refused, lease, failure, lease->granted);
    if (lease->is_channel) {
        turn_client_channel_end(channel_of(lease), bound_until);
    } else {
        turn_client_drop_held(client, permission_of(lease));
        turn_client_permission_drop(&client->peers, permission_of(lease));
    }
    if (!tell_waiting(client, waiting, news.peer, failure))
        return false;
    return !missed || turn_client_tell(client, &news);
}

bool
turn_client_refuse_all(struct turn_client *client, const struct turn_client_failure *failure)
{
    struct turn_client_lease *lease;

    while ((lease = turn_client_peers_awaited(&client->peers)))
        if (!tell_waiting(client, g_steal_pointer(&lease->waiting), peer_of(lease), failure))
            return false;
    for (guint i = 0; i < client->peers.permissions->len; i++)
        turn_client_drop_held(client, g_ptr_array_index(client->peers.permissions, i));
    return true;
}

/* --- permissions and channels ------------------------------------------------------------------------------------ */

/* A channel brings the permission of its address (section 12.2). */
static void
grant_permission_of(struct turn_client *client, const struct turn_client_channel *channel, int64_t now)
{
    struct turn_client_permission *permission = turn_client_permission_want(&client->peers, channel->peer.address, now);

    if (permission->lease.transaction) /* its answer will say so too */
        return;
    turn_client_lease_grant(&permission->lease, now, TURN_CLIENT_PERMISSION_LIFETIME, TURN_CLIENT_PERMISSION_REFRESH);
    turn_client_send_held(client, permission);
}

static void
on_granted(struct turn_client *client, struct turn_client_lease *lease)
{
    int64_t now = turn_client_now(client);
    GArray *waiting = g_steal_pointer(&lease->waiting);
    struct endpoint peer = peer_of(lease);

    note_lease(client, lease->is_channel ? &turn_client_kind_bound : &turn_client_kind_permitted, lease, NULL,
               lease->granted);
    if (lease->is_channel) {
        turn_client_channel_grant(channel_of(lease), now);
        if (lease->kept)
            grant_permission_of(client, channel_of(lease), now);
    } else {
        turn_client_lease_grant(lease, now, TURN_CLIENT_PERMISSION_LIFETIME, TURN_CLIENT_PERMISSION_REFRESH);
        turn_client_send_held(client, permission_of(lease));
    }
    turn_client_arm(client);
    tell_waiting(client, waiting, peer, NULL);
}

/* A number that the server has given to another peer, or a peer that it has another number for, is a 400: client and
 * server have lost each other, and start again (section 12.3). */
static void
on_out_of_step(struct turn_client *client, struct turn_client_lease *lease, const struct turn_client_failure *failure)
{
    GArray *waiting = g_steal_pointer(&lease->waiting);
    struct endpoint peer = peer_of(lease);

    note_lease(client, &turn_client_kind_refused, lease, failure, lease->granted);
    turn_client_channel_end(channel_of(lease), 0);
    turn_client_leave(client, TURN_CLIENT_LOST, (struct turn_client_failure){ .why = TURN_CLIENT_WHY_OUT_OF_STEP });
    tell_waiting(client, waiting, peer, failure);
}

static void
on_lease_done(void *owner, struct stun_transaction *transaction, const struct stun_result *result)
{
    struct turn_client_lease *lease = owner;
    struct turn_client *client = lease->client;
    struct turn_client_failure failure = turn_client_failure_of(result);
    int64_t now = turn_client_now(client), bound_until = 0;

    (void)transaction;
    lease->transaction = NULL;
    if (failure.why == TURN_CLIENT_WHY_NONE) {
        on_granted(client, lease);
        return;
    }
    if (is_gone(&failure)) {
        turn_client_lose(client, (struct turn_client_failure){ .why = TURN_CLIENT_WHY_GONE });
        return;
    }
    if (lease->is_channel && failure.code == STUN_CODE_BAD_REQUEST) {
        on_out_of_step(client, lease, &failure);
        return;
    }
    if (may_pass(&failure) && turn_client_lease_retry(lease, now)) {
        turn_client_arm(client);
        return;
    }
    if (failure.why != TURN_CLIENT_WHY_REJECTED) /* a request may have arrived, and only the answer be lost */
        bound_until = time_add(now, TURN_CLIENT_CHANNEL_LIFETIME);
    else if (lease->granted)
        bound_until = lease->expires;
    if (end_lease(client, lease, &failure, bound_until))
        turn_client_arm(client);
}

static void
ask_for(struct turn_client *client, struct turn_client_lease *lease)
{
    struct stun_transaction *transaction =
        turn_client_ask(client, lease->is_channel ? STUN_CHANNEL_BIND : STUN_CREATE_PERMISSION, on_lease_done, lease);
    struct stun_builder *builder = stun_transaction_builder(transaction);

    if (lease->is_channel)
        stun_put_number(builder, STUN_CHANNEL_NUMBER, channel_of(lease)->number);
    stun_put_endpoint(builder, STUN_XOR_PEER_ADDRESS, peer_of(lease));
    turn_client_lease_ask(lease, transaction);
    stun_transaction_start(transaction);
}

/* --- the allocation ---------------------------------------------------------------------------------------------- */

/* 0 where it says none. */
void
turn_client_read_lifetime(const struct stun_message *message, uint32_t *lifetime)
{
    struct stun_value value;

    *lifetime = stun_message_get(message, STUN_LIFETIME, &value) == STUN_PRESENT ? (uint32_t)value.number : 0;
}

static void
on_refreshed(void *owner, struct stun_transaction *transaction, const struct stun_result *result)
{
    struct turn_client *client = owner;
    struct turn_client_lease *lease = &client->allocation;
    struct turn_client_failure failure = turn_client_failure_of(result);
    int64_t now = turn_client_now(client);
    uint32_t lifetime = 0;

    (void)transaction;
    lease->transaction = NULL;
    if (failure.why == TURN_CLIENT_WHY_NONE) {
        turn_client_read_lifetime(result->message, &lifetime);
        failure.why = lifetime ? TURN_CLIENT_WHY_NONE : TURN_CLIENT_WHY_MALFORMED;
    }
    if (lifetime) {
        turn_client_lease_grant(lease, now, (int64_t)lifetime * TIME_S, turn_client_refresh_after(lifetime));
        if (turn_client_listened(client)) {
            struct record record = turn_client_record(client, &turn_client_kind_refreshed);

            record.detail = (int64_t)lifetime * TIME_S;
            turn_client_note(client, &record);
        }
        turn_client_arm(client);
        return;
    }
    if (is_gone(&failure))
        failure = (struct turn_client_failure){ .why = TURN_CLIENT_WHY_GONE };
    else if (may_pass(&failure) && turn_client_lease_retry(lease, now)) {
        turn_client_arm(client);
        return;
    } else if (may_pass(&failure))
        failure = (struct turn_client_failure){ .why = TURN_CLIENT_WHY_EXPIRED };
    turn_client_lose(client, failure);
}

static void
refresh(struct turn_client *client)
{
    struct stun_transaction *transaction = turn_client_ask(client, STUN_REFRESH, on_refreshed, client);

    if (client->options.lifetime)
        stun_put_number(stun_transaction_builder(transaction), STUN_LIFETIME, client->options.lifetime);
    turn_client_lease_ask(&client->allocation, transaction);
    stun_transaction_start(transaction);
}

/* --- what is due ------------------------------------------------------------------------------------------------- */

/* When the next keepalive is due, if nothing else is sent until then. */
static int64_t
keepalive_due(const struct turn_client *client)
{
    bool wanted = client->options.keepalive && client->attempt.protocol == PROTOCOL_UDP;

    return wanted ? time_add(client->sent_at, client->options.keepalive) : TIME_NEVER;
}

/* What is sent puts the keepalive off, but not the alarm: that finds nothing due then, and is armed anew. */
void
turn_client_arm(struct turn_client *client)
{
    int64_t next = MIN(turn_client_lease_next(&client->allocation), turn_client_peers_next(&client->peers));

    next = MIN(next, keepalive_due(client));
    if (client->phase != PHASE_HOLDING)
        return;
    if (next == TIME_NEVER)
        client->io->ops->disarm(client->io, &client->alarm);
    else
        client->io->ops->arm(client->io, &client->alarm, next, false);
}

void
turn_client_ask_for_due(struct turn_client *client)
{
    int64_t now = turn_client_now(client);
    struct turn_client_lease *lease;

    if (!client->allocation.transaction && client->allocation.due <= now)
        refresh(client);
    while ((lease = turn_client_peers_due(&client->peers, now)))
        ask_for(client, lease);
    if (client->phase == PHASE_HOLDING && keepalive_due(client) <= now)
        turn_client_send_keepalive(client);
    turn_client_arm(client);
}

void
turn_client_keep(struct turn_client *client)
{
    static const struct turn_client_failure expired = { .why = TURN_CLIENT_WHY_EXPIRED };
    int64_t now = turn_client_now(client);
    struct turn_client_lease *lease;

    if (!client->allocation.transaction && client->allocation.expires <= now) {
        turn_client_lose(client, expired);
        return;
    }
    turn_client_ask_for_due(client);
    while (client->phase == PHASE_HOLDING && (lease = turn_client_peers_lapsed(&client->peers, now)))
        if (!end_lease(client, lease, &expired, lease->expires))
            return;
}

static void
cancel(struct turn_client_lease *lease)
{
    if (lease->transaction)
        stun_transaction_cancel(g_steal_pointer(&lease->transaction));
}

void
turn_client_cancel_all(struct turn_client *client)
{
    const struct turn_client_peers *peers = &client->peers;

    cancel(&client->allocation);
    turn_client_lease_end(&client->allocation);
    for (guint i = 0; i < peers->permissions->len; i++)
        cancel(&((struct turn_client_permission *)g_ptr_array_index(peers->permissions, i))->lease);
    for (guint i = 0; i < peers->channels->len; i++)
        cancel(&((struct turn_client_channel *)g_ptr_array_index(peers->channels, i))->lease);
}

/* --- what owners ask for ----------------------------------------------------------------------------------------- */

static enum io_result
may_ask(const struct turn_client *client, struct address peer)
{
    bool holding = client->phase == PHASE_HOLDING;
    enum family family = holding ? address_family(client->granted.relayed.address) : client->options.family;

    if (client->phase == PHASE_RELEASING || client->phase == PHASE_OVER || client->relay_closed)
        return IO_CLOSED;
    if (!holding && family == FAMILY_NONE && !client->options.has_token)
        family = FAMILY_IPV4;
    return family != FAMILY_NONE && address_family(peer) != family ? IO_NO_ROUTE : IO_OK;
}

/* `lease` is wanted: asks for it when there is something to ask, and says how it stands. */
static enum io_result
await(struct turn_client *client, struct turn_client_lease *lease, turn_client_done *done, void *owner)
{
    if (client->phase == PHASE_HOLDING) {
        turn_client_ask_for_due(client);
        if (turn_client_lease_holds(lease, turn_client_now(client)))
            return IO_OK;
    }
    turn_client_lease_await(lease, done, owner);
    return IO_AGAIN;
}

enum io_result
turn_client_permit(struct turn_client *client, struct address peer, turn_client_done *done, void *owner)
{
    enum io_result may = may_ask(client, peer);

    if (may != IO_OK)
        return may;
    return await(client, &turn_client_permission_want(&client->peers, peer, turn_client_now(client))->lease, done,
                 owner);
}

enum io_result
turn_client_channel(struct turn_client *client, struct endpoint peer, turn_client_done *done, void *owner)
{
    enum io_result may = may_ask(client, peer.address);
    struct turn_client_channel *channel;

    if (may != IO_OK)
        return may;
    if (client->options.protocol == PROTOCOL_TCP)
        return IO_UNSUPPORTED;
    channel = turn_client_channel_want(&client->peers, peer, turn_client_now(client));
    return channel ? await(client, &channel->lease, done, owner) : IO_FULL;
}

static void
forget(struct turn_client_lease *lease)
{
    lease->kept = false;
    if (lease->granted) /* else somebody waits for it */
        lease->due = TIME_NEVER;
}

void
turn_client_forget(struct turn_client *client, struct address peer)
{
    struct turn_client_permission *permission = turn_client_permission_find(&client->peers, peer);

    if (permission)
        forget(&permission->lease);
    for (guint i = 0; i < client->peers.channels->len; i++) {
        struct turn_client_channel *channel = g_ptr_array_index(client->peers.channels, i);

        if (address_equal(channel->peer.address, peer))
            forget(&channel->lease);
    }
    turn_client_arm(client);
}
