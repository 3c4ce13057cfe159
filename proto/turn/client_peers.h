/* The permissions and channels of a TURN client: which it has, until when, and what is to be asked next (RFC 8656
 * sections 9 to 12). A machine: it knows no io.
 *
 * Both are leases: asked for, granted for a time, refreshed before it is over, or run out. Permissions are found by
 * address, channels by endpoint and by number; a look-up takes no memory. The order of the lists is that of asking. */
#ifndef PROTO_TURN_CLIENT_PEERS_H
#define PROTO_TURN_CLIENT_PEERS_H

#include <glib.h>

#include "core/base/io.h"
#include "proto/turn/channel_data.h"
#include "proto/turn/client.h"

#define TURN_CLIENT_PERMISSION_LIFETIME (300 * TIME_S) /* section 9 */
#define TURN_CLIENT_PERMISSION_REFRESH (240 * TIME_S)
#define TURN_CLIENT_CHANNEL_LIFETIME (600 * TIME_S) /* section 12 */
#define TURN_CLIENT_CHANNEL_REFRESH (540 * TIME_S)
#define TURN_CLIENT_CHANNEL_COOLING (300 * TIME_S) /* section 12: then its number may go to another peer */
#define TURN_CLIENT_RETRY (5 * TIME_S)             /* after a refresh that failed */
#define TURN_CLIENT_CHANNELS (TURN_CHANNEL_LAST - TURN_CHANNEL_FIRST + 1)

/* A lease is `held` while now < expires. `due` is when to ask; TIME_NEVER while a request is under way, or nobody wants
 * it any more. */
struct turn_client_lease {
    struct turn_client *client;
    bool is_channel;                      /* what it is a part of: a channel or a permission */
    struct stun_transaction *transaction; /* the request under way, or NULL */
    bool granted;                         /* at least once, and it has not run out */
    bool kept;                            /* is to be refreshed */
    int64_t expires, due;
    GArray *waiting; /* struct turn_client_waiting: who is to be told of the grant; NULL: nobody */
};

struct turn_client_waiting {
    turn_client_done *done;
    void *owner;
};

struct turn_client_held {
    struct endpoint peer;
    GBytes *data;
    int16_t dscp, ecn, dont_fragment;
};

struct turn_client_permission {
    struct turn_client_lease lease; /* first */
    struct address address;
    unsigned held; /* datagrams that wait for the grant */
    struct turn_client_held datagrams[TURN_CLIENT_HELD];
};

struct turn_client_channel {
    struct turn_client_lease lease; /* first */
    struct endpoint peer;
    uint16_t number;
    int64_t free_at; /* from when on the number may go to another peer */
};

struct turn_client_peers {
    struct turn_client *client;
    GPtrArray *permissions, *channels; /* owned; channels: by number, from TURN_CHANNEL_FIRST */
    GHashTable *by_address, *by_peer;
};

void turn_client_peers_open(struct turn_client_peers *peers, struct turn_client *client);
/* Nothing is told to those who wait; transactions are the caller's to cancel. */
void turn_client_peers_close(struct turn_client_peers *peers);

/* NULL when there is none. What is found may have run out: see turn_client_lease_holds. */
struct turn_client_permission *turn_client_permission_find(const struct turn_client_peers *peers,
                                                           struct address address);
struct turn_client_channel *turn_client_channel_find(const struct turn_client_peers *peers, struct endpoint peer);
struct turn_client_channel *turn_client_channel_at(const struct turn_client_peers *peers, unsigned number);

/* The permission of `address`, made when there is none, and kept from now on. */
struct turn_client_permission *turn_client_permission_want(struct turn_client_peers *peers, struct address address,
                                                           int64_t now);
/* The channel to `peer`, with a number; NULL when none is free. A peer has the same number again. */
struct turn_client_channel *turn_client_channel_want(struct turn_client_peers *peers, struct endpoint peer,
                                                     int64_t now);
void turn_client_permission_drop(struct turn_client_peers *peers, struct turn_client_permission *permission);

static inline bool
turn_client_lease_holds(const struct turn_client_lease *lease, int64_t now)
{
    return lease->granted && now < lease->expires;
}

/* A request goes out. */
void turn_client_lease_ask(struct turn_client_lease *lease, struct stun_transaction *transaction);
/* It was granted: until now + lifetime. */
void turn_client_lease_grant(struct turn_client_lease *lease, int64_t now, int64_t lifetime, int64_t refresh_after);
/* It failed for a reason that may pass. False when there is nothing left to try for: it is not held any more. */
bool turn_client_lease_retry(struct turn_client_lease *lease, int64_t now);
/* Nobody has it: the server has refused or forgotten it, or it has run out. */
void turn_client_lease_end(struct turn_client_lease *lease);
/* The allocation is another one: all is to be asked for again that is kept. */
void turn_client_peers_renew(struct turn_client_peers *peers, int64_t now);

void turn_client_channel_grant(struct turn_client_channel *channel, int64_t now);
/* There is no channel any more. The server may have it until `bound_until`, 0: it has not. */
void turn_client_channel_end(struct turn_client_channel *channel, int64_t bound_until);
/* Whether ChannelData on it is taken: as soon as the first request has gone out (section 12.2). */
static inline bool
turn_client_channel_is_open(const struct turn_client_channel *channel, int64_t now)
{
    return channel->lease.transaction || turn_client_lease_holds(&channel->lease, now);
}

/* When something is to be done next; TIME_NEVER for nothing. */
int64_t turn_client_lease_next(const struct turn_client_lease *lease);
int64_t turn_client_peers_next(const struct turn_client_peers *peers);

/* One that is to be asked for now, or has run out by now: NULL when there is none. */
struct turn_client_lease *turn_client_peers_due(const struct turn_client_peers *peers, int64_t now);
struct turn_client_lease *turn_client_peers_lapsed(const struct turn_client_peers *peers, int64_t now);
/* The next for which somebody waits. */
struct turn_client_lease *turn_client_peers_awaited(const struct turn_client_peers *peers);

void turn_client_lease_await(struct turn_client_lease *lease, turn_client_done *done, void *owner);

#endif
