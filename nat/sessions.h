/* The TCP connections that mappings carry: their *sessions* (RFC 6146 section 3.1).
 *
 * A mapping of TCP has one for each remote endpoint. It is what the filter asks (an internal endpoint *has sent to* whom
 * a living session was opened or answered to from inside), what decides how long the mapping lives, and what leads the
 * packets of a connection to the mapping that carries it (reply affinity, RFC 5382 section 4.3). Each of these is one
 * look-up. Sessions end with their mapping at the latest.
 *
 * Known by numbers from 1 up, which are used again, within the mapping table whose `sessions` they are. A pointer to one
 * is good until the next session_make. */
#ifndef NAT_SESSIONS_H
#define NAT_SESSIONS_H

#include "nat/mappings.h"
#include "nat/peers.h"
#include "nat/tcp.h"

struct session {
    struct address remote_address;
    int64_t deadline;
    uint32_t mapping;        /* its slot */
    uint32_t ordinal;        /* among all that were made: which is older; 0: the number is free */
    uint32_t next, previous; /* of the mapping's, in order of making; of the free ones */
    uint32_t ring_next, ring_previous; /* a ring: sent to, same mapping, same remote address */
    uint16_t remote_port;
    struct nat_tcp tcp;
    uint8_t flags; /* enum session_flags */
};

enum session_flags {
    SESSION_SENT = 1 << 0,      /* the internal endpoint has sent to the remote one */
    SESSION_PREFERRED = 1 << 1, /* what the internal endpoint sends to the remote one goes this way */
    SESSION_INVITED = 1 << 2,   /* it was opened from inside */
};

struct sessions {
    struct session *list;
    uint32_t slots, capacity, free; /* numbers ever used; room for; a free one, which leads to the next by `next` */
    uint32_t count, made;           /* alive; ever made */
    uint32_t unsent;                /* of those alive, not SESSION_SENT */
    struct hash_index by_remote;    /* mapping and remote endpoint */
    struct hash_index by_address;   /* mapping and remote address, of those sent to: one of its ring */
    struct hash_index by_ends;      /* internal and remote endpoint, of the preferred */
    struct deadlines deadlines;
};

static inline struct session *
session_at(const struct mapping_table *table, uint32_t number)
{
    return &table->sessions->list[number - 1];
}

static inline struct endpoint
session_remote(const struct session *session)
{
    return (struct endpoint){ session->remote_address, session->remote_port };
}

/* The number of a mapping's session with `remote`, or 0. */
uint32_t session_find(const struct mapping_table *table, uint32_t slot, const struct endpoint *remote);
/* The preferred session of these two endpoints, or 0. */
uint32_t session_find_ends(const struct mapping_table *table, const struct endpoint *internal,
                           const struct endpoint *remote);

/* As peer_find and peer_address_sent_to, for mappings of TCP. */
enum peer_known session_known(const struct mapping_table *table, uint32_t slot, const struct endpoint *remote);
bool session_address_sent_to(const struct mapping_table *table, uint32_t slot, struct address address);

/* Whether there is room for one more. As with peers, those that nobody inside has sent to have a part of it only. */
bool session_room(const struct mapping_table *table, enum nat_tcp_side opener);

/* Begins the session of a mapping with `remote`, which it has none with; there must be room. It is preferred. */
uint32_t session_make(struct mapping_table *table, uint32_t slot, const struct endpoint *remote,
                      enum nat_tcp_side opener, int64_t deadline);

/* The internal endpoint has sent to the remote one. */
void session_sent(struct mapping_table *table, uint32_t number);
/* What the internal endpoint sends to the remote one goes this way from now on. */
void session_prefer(struct mapping_table *table, uint32_t number);

/* It lives until `deadline`. True when that is earlier than before, and so the table may wake earlier. */
bool session_refresh(struct mapping_table *table, uint32_t number, int64_t deadline);

void session_end(struct mapping_table *table, uint32_t number);

/* A session whose deadline is not after `now`, the earliest first, of equals the oldest; 0 when there is none. The
 * caller ends it. */
uint32_t session_due(struct mapping_table *table, int64_t now);
/* No session is due before; TIME_NEVER when there is none at all. */
int64_t session_wake(const struct mapping_table *table);

/* Writes at most `max` of the remote endpoints of a mapping, oldest session first. */
void session_list(const struct mapping_table *table, uint32_t slot, struct endpoint *remotes, uint32_t max);
/* The last deadline of a mapping's sessions. */
int64_t session_last_deadline(const struct mapping_table *table, uint32_t slot);

/* The mapping in `slot` ends. */
void sessions_drop(struct mapping_table *table, uint32_t slot);
void sessions_free(struct sessions *sessions);
size_t sessions_bytes(const struct sessions *sessions);

#endif
