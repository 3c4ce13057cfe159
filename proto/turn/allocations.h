/* The allocations of a TURN server, with their permissions, channels and reservations (RFC 8656 sections 6, 9 and 12).
 *
 * A machine: it is told what happens and when, opens no socket and sends nothing. Times are nanoseconds. Every look-up
 * compares deadlines with `now`, so nothing is found for a nanosecond longer than it lives: something with a lifetime of
 * 300 s made at 0 is there at 299.999999999 s and not at 300 s. What has run out is taken away in order of deadline when
 * `turn_allocations_due` is called, at the latest before the owner changes anything.
 *
 * The table owns everything it hands out. A pointer to an allocation is good until `turn_allocation_remove`; pointers to
 * permissions and channels only until the next call that makes one. */
#ifndef PROTO_TURN_ALLOCATIONS_H
#define PROTO_TURN_ALLOCATIONS_H

#include "core/base/address.h"
#include "core/base/time.h"
#include "proto/stun/message.h"

#define TURN_LIFETIME (600 * TIME_S)       /* of an allocation, when nothing else is asked (section 3.2) */
#define TURN_LIFETIME_MOST (3600 * TIME_S) /* section 7.2 recommends no more */
#define TURN_PERMISSION_LIFETIME (300 * TIME_S)   /* section 9: exactly this */
#define TURN_CHANNEL_LIFETIME (600 * TIME_S)      /* section 12 */
#define TURN_CHANNEL_QUARANTINE (300 * TIME_S)    /* afterwards, before number or peer may be bound otherwise */
#define TURN_RESERVATION_LIFETIME (30 * TIME_S)   /* section 7.2: at least this */

/* What one client can make us keep; one more is answered with 508. A peer needs one permission and perhaps a channel. */
#define TURN_MOST_PERMISSIONS 512
#define TURN_MOST_CHANNELS 512

/* The 5-tuple as the server sees it (section 3.2): both ends of the client's leg, and its transport. */
struct turn_tuple {
    struct endpoint client, server;
    uint8_t protocol; /* PROTOCOL_UDP or PROTOCOL_TCP */
};

struct turn_allocation;
struct turn_allocations;
typedef struct turn_allocations turn_allocations;

/* A relayed transport address. `socket` is the owner's: NULL where there is no such relay (any more). */
struct turn_relay {
    struct turn_allocation *allocation;
    struct endpoint relayed; /* as clients and peers know it */
    void *socket;
    int64_t expires; /* of two each has its time, since a Refresh may be for one of them (section 8.2) */
};

enum { TURN_RELAYS = 2 }; /* one of each family at most */

/* Members are read by the owner; those of the second part it also writes. */
struct turn_allocation {
    struct turn_tuple tuple;
    uint32_t number; /* 1, 2, ... in the order in which they were made */
    uint8_t protocol; /* of its relayed addresses: PROTOCOL_UDP, or PROTOCOL_TCP (RFC 6062) */
    int64_t made, expires; /* with the last of its relays */
    struct turn_relay relays[TURN_RELAYS];
    uint32_t permissions, channels; /* how many, those that ended lately included */
    /* For the table only. */
    struct turn_user *user;
    uint32_t slot, first_permission, first_channel;
    int64_t due; /* when the first of its relays ends */
    uint64_t ticket;

    struct stun_id request; /* that made it, so that the same once more gets the same answer (section 7.2) */
    uint64_t token;         /* of the reservation made with it; 0: none */
    uint16_t other_code;    /* why there is no second relay; 0: none was asked for, or there is one */
    void *home, *via;       /* whose it is, and how to reach the client */
    void *more;             /* connections of RFC 6062 */
    int64_t budget, budget_at;   /* the bandwidth left, bytes scaled by TIME_S, and when that was computed */
    uint64_t bytes_to_peers, bytes_to_client; /* of data, in datagrams or connections */
    uint64_t datagrams_to_peers, datagrams_to_client;
};

struct turn_permission {
    struct turn_allocation *allocation;
    struct address peer;
    int64_t expires;
    uint64_t ticket;
    uint32_t next, previous, channels;
};

struct turn_channel {
    struct turn_allocation *allocation;
    struct endpoint peer;
    int64_t expires; /* quarantine follows */
    uint64_t ticket;
    uint32_t next, previous, permission;
    uint16_t number;
};

struct turn_reservation {
    uint64_t token;
    int64_t expires;
    uint64_t ticket;
    struct endpoint relayed;
    struct turn_user *user; /* who made it: for the table only */
    void *socket; /* the owner's, held open for whoever redeems it */
};

struct turn_allocations *turn_allocations_new(void);
/* The owner has closed the sockets. */
void turn_allocations_free(struct turn_allocations *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(turn_allocations, turn_allocations_free)

/* --- allocations */

/* NULL when there is none, or its time is over. */
struct turn_allocation *turn_allocation_find(const struct turn_allocations *table, const struct turn_tuple *tuple,
                                             int64_t now);
/* Whose relayed address this is; NULL when it is nobody's. */
struct turn_allocation *turn_allocation_of_relayed(const struct turn_allocations *table, struct endpoint relayed,
                                                   uint8_t protocol, int64_t now);

/* A new one of user `name` (empty: of nobody); there is none of this 5-tuple. Relays are added afterwards. */
struct turn_allocation *turn_allocation_add(struct turn_allocations *table, const struct turn_tuple *tuple,
                                            struct span name, int64_t now, int64_t lifetime);
void turn_allocation_add_relay(struct turn_allocations *table, struct turn_allocation *allocation, unsigned which,
                               struct endpoint relayed, void *socket);
/* Takes one of its relays away, with the permissions and channels of that family (section 8.2). The owner has closed it. */
void turn_allocation_drop_relay(struct turn_allocations *table, struct turn_allocation *allocation, unsigned which);
/* Its relay of this family, which it has, or with FAMILY_NONE all of them. */
void turn_allocation_refresh(struct turn_allocations *table, struct turn_allocation *allocation, enum family family,
                             int64_t now, int64_t lifetime);
/* With all its permissions and channels. */
void turn_allocation_remove(struct turn_allocations *table, struct turn_allocation *allocation);

/* The relay of a family; NULL without one. It may have run out since the owner asked what is due. */
struct turn_relay *turn_allocation_relay(struct turn_allocation *allocation, enum family family);
/* Who made it. */
struct span turn_allocation_user(const struct turn_allocation *allocation);

/* How long an allocation will live that asks for `seconds` (`asked` false: for nothing): never less than the default, never
 * more than `most` (section 7.2). */
int64_t turn_lifetime(bool asked, uint64_t seconds, int64_t most);

uint32_t turn_allocations_count(const struct turn_allocations *table);
uint32_t turn_allocations_of_user(const struct turn_allocations *table, struct span name);
/* Walks them in the order of their slots, which depends on nothing but what happened: NULL to begin with, NULL at the
 * end. */
struct turn_allocation *turn_allocations_next(const struct turn_allocations *table,
                                              const struct turn_allocation *after);

/* --- permissions */

/* The live permission for this address; NULL when there is none (section 9). Ports play no part. */
const struct turn_permission *turn_permission_find(const struct turn_allocations *table,
                                                   const struct turn_allocation *allocation, struct address peer,
                                                   int64_t now);
/* Whether `more` permissions could still be made. */
bool turn_permission_fits(const struct turn_allocation *allocation, uint32_t more);
/* Makes one or refreshes it; false when there are too many. `*made`: it was not live before. */
bool turn_permission_install(struct turn_allocations *table, struct turn_allocation *allocation, struct address peer,
                             int64_t now, bool *made);

/* --- channels */

enum turn_bind {
    TURN_BIND_NEW,
    TURN_BIND_REFRESH,
    TURN_BIND_CONFLICT, /* the number is bound to another peer, or the peer to another number, or either was until lately */
    TURN_BIND_FULL,
};

/* What would become of a ChannelBind (section 12.2). */
enum turn_bind turn_channel_judge(const struct turn_allocations *table, const struct turn_allocation *allocation,
                                  uint16_t number, struct endpoint peer, int64_t now);
/* Binds or refreshes, and refreshes or makes the permission; judged before, and the permission fits. */
void turn_channel_bind(struct turn_allocations *table, struct turn_allocation *allocation, uint16_t number,
                       struct endpoint peer, int64_t now);

/* The live channel that a client's ChannelData means: one look-up by 5-tuple and number. */
const struct turn_channel *turn_channel_of_client(const struct turn_allocations *table, const struct turn_tuple *tuple,
                                                  uint16_t number, int64_t now);
/* The channel bound to this peer, and whether there is a permission for it (section 11.3 has both asked): one look-up.
 * `*permitted` says nothing when NULL comes back. */
const struct turn_channel *turn_channel_of_peer(const struct turn_allocations *table,
                                                const struct turn_allocation *allocation, struct endpoint peer,
                                                int64_t now, bool *permitted);

/* --- reservations */

/* Made by user `name`, whoever redeems it. */
void turn_reserve(struct turn_allocations *table, struct span name, uint64_t token, struct endpoint relayed, void *socket,
                  int64_t now);
/* A live reservation; NULL when there is none. Good until the next one is made or taken. */
const struct turn_reservation *turn_reservation_find(const struct turn_allocations *table, uint64_t token, int64_t now);
/* Takes it out and gives its socket to the caller. */
void *turn_reservation_take(struct turn_allocations *table, uint64_t token);
/* Any of them, to be taken: NULL when there is none. */
const struct turn_reservation *turn_reservation_any(const struct turn_allocations *table);
uint32_t turn_reservations_count(const struct turn_allocations *table);
uint32_t turn_reservations_of_user(const struct turn_allocations *table, struct span name);

/* --- time */

enum turn_ended {
    TURN_ENDED_ALLOCATION,  /* the owner closes its sockets and removes it */
    TURN_ENDED_RELAY,       /* of two; gone, with its permissions and channels. The owner closes `socket` */
    TURN_ENDED_PERMISSION,  /* gone */
    TURN_ENDED_CHANNEL,     /* no longer bound; its number and peer are in quarantine */
    TURN_ENDED_RESERVATION, /* the owner closes `socket`: the reservation is gone */
};

struct turn_end {
    enum turn_ended what;
    int64_t at;
    struct turn_allocation *allocation; /* NULL for a reservation */
    struct endpoint peer;               /* of a permission: port 0 */
    uint16_t channel;
    struct endpoint relayed; /* of a relay and a reservation, and the next */
    void *socket;
};

/* The next thing that has ended by `now`; false when there is nothing more. */
bool turn_allocations_due(struct turn_allocations *table, int64_t now, struct turn_end *end);
/* When to ask again. */
int64_t turn_allocations_deadline(const struct turn_allocations *table);

#endif
