/* What the files of the session share: session.c holds it, candidates.c its candidates, forming.c makes checklists, checks.c
 * sends, results.c takes responses, requests.c the peer's checks, conclude.c nominates and ends, consent.c keeps alive,
 * datagram.c is the wire's side. session.h tells the theory. */
#ifndef PROTO_ICE_SESSION_PRIVATE_H
#define PROTO_ICE_SESSION_PRIVATE_H

#include "proto/ice/session.h"

#define UFRAG_CHARS 8
#define PWD_CHARS 24
#define MOST_EARLY 16 /* requests before the start whose consequences are kept */

/* Credentials of one generation. */
struct generation {
    unsigned number;
    char ufrag[UFRAG_CHARS + 1], pwd[PWD_CHARS + 1];
    char remote_ufrag[ICE_UFRAG_MOST + 1];
    struct stun_key *key, *remote_key; /* of the own password, of the peer's; NULL: not known */
};

struct local {
    struct ice_candidate candidate;
    unsigned generation; /* of the last one that it was added to */
    uint16_t base;       /* number of the candidate whose socket it is; its own for host and relayed ones */
    uint32_t foundation; /* equal for equal ones */
    bool gone;
};

struct remote {
    struct ice_candidate candidate;
    uint32_t foundation;
    bool learned; /* from a check, and not signalled yet */
};

enum transaction_kind { TRANSACTION_CHECK, TRANSACTION_CONSENT };

/* A request that may still be answered. */
struct transaction {
    enum transaction_kind kind;
    bool cancelled;  /* no more retransmissions, and silence is no failure (section 7.3.1.4) */
    bool nominating; /* it repeats a valid pair's check */
    bool triggered;  /* the peer's check has come by this way */
    bool stream;     /* over TCP */
    uint16_t base;
    uint32_t pair;       /* its number */
    unsigned generation; /* whose credentials */
    struct endpoint to;
    struct ice_check check;
    struct stun_timer timer;
    int64_t until; /* cancelled, or for consent: when it is forgotten */
};

/* A selected pair as data uses it: values of its own, so that it outlives a restart. */
struct route {
    bool used;
    uint8_t own_type, peer_type;
    unsigned generation;
    uint16_t base;
    uint32_t pair;
    uint32_t priority; /* PRIORITY of its consent requests */
    struct endpoint to;
    int64_t rtt, last_sent;
    int64_t consent_expires, consent_next; /* TIME_NEVER: consent is not asked for */
};

struct component {
    struct route route, old; /* of this generation; of the one before until there is one of this */
    struct route early;      /* the best valid pair, while there is neither and consent is asked for */
    int64_t first_valid;     /* TIME_NEVER: none yet */
};

struct checklist {
    enum ice_state state;
    bool given_up;   /* Failed for lack of answers, not of consent: a check of the peer's revives it */
    int64_t release; /* TIME_NEVER: not Completed, or done */
};

struct early {
    struct ice_arrival arrival;
    struct ice_check check;
};

struct ice_session {
    struct ice_session_options options;
    bool controlling, lite_peer, aggressive_peer, trickling_peer, started, impatient, ended_local, ended_remote;
    uint64_t tiebreaker;
    int64_t ta, started_at, patience, last_check;
    unsigned generation;
    struct generation credentials, old; /* this generation's; those of routes that a restart left in use */
    enum ice_state state;
    struct checklist checklists[ICE_STREAMS_MOST];
    struct component *components; /* streams x components */
    unsigned turn;                /* the checklist that had the last turn */
    uint32_t last_pair, last_queued, last_foundation;
    struct local *locals;
    struct remote *remotes;
    struct ice_pair *pairs;
    struct transaction *transactions;
    size_t local_count, remote_count, pair_count, transaction_count;
    size_t local_room, remote_room, pair_room, transaction_room;
    struct early early[MOST_EARLY];
    size_t early_count;
    struct ice_counters counters;
};

/* NULL: they are not known any more. */
static inline const struct generation *
session_credentials_of(const struct ice_session *session, unsigned generation)
{
    if (generation == session->credentials.number)
        return &session->credentials;
    return session->old.key && generation == session->old.number ? &session->old : NULL;
}

static inline struct component *
session_component(const struct ice_session *session, unsigned stream, unsigned component)
{
    return &session->components[stream * session->options.components + component - 1];
}

static inline bool
pair_is_undecided(const struct ice_pair *pair)
{
    return pair->state <= ICE_PAIR_IN_PROGRESS;
}

/* Of a checklist, and still there. */
static inline bool
pair_is_of(const struct ice_pair *pair, unsigned stream)
{
    return pair->state != ICE_PAIR_GONE && pair->listed && pair->stream == stream;
}

static inline bool
pair_is_same_component(const struct ice_pair *a, const struct ice_pair *b)
{
    return a->stream == b->stream && a->component == b->component;
}

/* session.c */

/* Room for one more in a growing array of `size`-byte elements. */
void *session_grow(void *array, size_t *room, size_t count, size_t size);
uint64_t session_draw(struct ice_session *session);
void session_tell(const struct ice_session *session, struct ice_event *event);
/* Makes this agent controlling or not, and orders the pairs anew. */
void session_switch_role(struct ice_session *session, int64_t now, bool controlling, enum ice_why why);
void session_clear_credentials(struct generation *credentials);

/* candidates.c */

/* A local candidate of this generation by its address; -1. */
int session_find_local(const struct ice_session *session, const struct local *like, struct endpoint endpoint);
/* Learned candidates; -1 and an event over the limit. */
int session_learn_local(struct ice_session *session, int64_t now, unsigned base, struct endpoint mapped,
                        uint32_t priority);
int session_learn_remote(struct ice_session *session, int64_t now, unsigned base, struct endpoint source,
                         uint32_t priority);
/* The remote candidate that a packet at `base` came from; -1. */
int session_find_remote(const struct ice_session *session, unsigned base, struct endpoint source);
/* Whether the candidate is one of this generation and can send. */
bool session_local_is_live(const struct ice_session *session, unsigned number);

void session_clear_credentials(struct generation *credentials);

/* forming.c */

/* The kind of transport that a local candidate's peer has (RFC 6544 section 6.2). */
enum ice_transport ice_transport_counterpart(enum ice_transport transport);
void session_form(struct ice_session *session, int64_t now);
void session_pair_with_remotes(struct ice_session *session, int64_t now, unsigned local);
void session_pair_with_locals(struct ice_session *session, int64_t now, unsigned remote);
/* A pair that a check has made. NULL over the limit. It is Frozen if listed, and untold of until its first move. */
struct ice_pair *session_add_pair(struct ice_session *session, int64_t now, unsigned local, unsigned remote,
                                  unsigned base, bool listed);
/* The same within the limit of a checklist: a failed pair, or one of lower priority, makes room. */
struct ice_pair *session_add_listed(struct ice_session *session, int64_t now, unsigned local, unsigned remote);
struct ice_pair *session_find_listed(const struct ice_session *session, unsigned base, unsigned remote);
struct ice_pair *session_find_number(const struct ice_session *session, uint32_t number);
uint64_t session_pair_priority(const struct ice_session *session, const struct ice_pair *pair);
uint32_t session_pair_foundation(const struct ice_session *session, const struct ice_pair *pair);
/* The one place where a pair's state changes. `code`: of an error response, else 0. */
void session_move(struct ice_session *session, int64_t now, struct ice_pair *pair, enum ice_pair_state is,
                  enum ice_why why, unsigned code);
/* Fills in what an event about a pair tells. */
struct ice_event session_pair_event(const struct ice_session *session, int64_t now, enum ice_event_type type,
                                    const struct ice_pair *pair, enum ice_why why);
/* Frozen pairs of this foundation become Waiting, in all checklists (section 7.2.5.3.3). */
void session_unfreeze(struct ice_session *session, int64_t now, uint32_t foundation);
/* Those of a checklist that nothing else speaks for (section 6.1.4.2, step 2). Returns whether there were any; with
 * `look_only` nothing moves. */
bool session_unfreeze_idle(struct ice_session *session, int64_t now, unsigned stream, bool look_only);

/* checks.c */

void session_enqueue(struct ice_session *session, struct ice_pair *pair, bool triggered);
/* The transaction under way is not repeated and its silence is no failure; its answer still counts. */
void session_cancel(struct ice_session *session, struct ice_pair *pair);
/* It is not to be nominated any more, or is already. What a check under way proves still counts. */
void session_stop_nominating(struct ice_session *session, struct ice_pair *pair);
/* Forgets all transactions of a pair. */
void session_forget(struct ice_session *session, struct ice_pair *pair);
struct transaction *session_new_transaction(struct ice_session *session, enum transaction_kind kind);
void session_drop_transaction(struct ice_session *session, size_t index);

/* results.c */

/* By its ID; the count when there is none. */
size_t session_find_transaction(const struct ice_session *session, const struct stun_id *id);
/* A check of the pair has failed. */
void session_fail(struct ice_session *session, int64_t now, struct ice_pair *pair, enum ice_why why, unsigned code);

/* requests.c */

/* What came before the start takes effect. */
void session_replay(struct ice_session *session, int64_t now);

/* conclude.c */

/* A valid pair is nominated: perhaps selected, and its component concluded. */
void session_nominate(struct ice_session *session, int64_t now, struct ice_pair *valid, enum ice_why why);
void session_select(struct ice_session *session, int64_t now, struct ice_pair *pair, enum ice_why why);
void session_set_checklist(struct ice_session *session, int64_t now, unsigned stream, enum ice_state state,
                           enum ice_why why);
/* After every change: nominates what is ripe, ends what can't succeed. */
void session_settle(struct ice_session *session, int64_t now);
/* When the passing of time alone will give `session_settle` something to do. */
int64_t session_settle_deadline(const struct ice_session *session);
void session_select_lite(struct ice_session *session, int64_t now);
/* The valid pair of a component with the highest priority; NULL. */
struct ice_pair *session_best_valid(const struct ice_session *session, unsigned stream, unsigned component);

/* consent.c */

void session_route_begin(struct ice_session *session, int64_t now, struct route *route, const struct ice_pair *pair);
/* Stops what a route carries, for good. Not for those before the selection. */
void session_route_lose(struct ice_session *session, int64_t now, unsigned index, bool old, enum ice_why why);
bool session_consent_next(struct ice_session *session, int64_t now, struct ice_order *order);
int64_t session_consent_deadline(const struct ice_session *session);
void session_consent_answer(struct ice_session *session, int64_t now, const struct transaction *transaction,
                            const struct ice_answer *answer);
/* After every change: which pair data takes before the selection. It may fail the one whose consent is over. */
void session_settle_early(struct ice_session *session, int64_t now);

#endif
