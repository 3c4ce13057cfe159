/* ICE: the machine (RFC 8445, with RFC 8838 trickle, RFC 8863 patience, RFC 7675 consent, RFC 6544 TCP).
 *
 * It has no socket, no clock and no dice: `now` is an argument, random bytes come from a callback. An engine around it
 * opens sockets, gathers, signals and sends; it tells the machine what happened and does what the machine orders:
 *
 *     session = ice_session_new(&options);              ufrag and password are drawn: signal them
 *     n = ice_session_add_local(session, &candidate, now);   for each one gathered: when it has been signalled
 *     ice_session_set_remote(session, &remote);         the peer's credentials
 *     ice_session_add_remote(session, &candidate, now); for each one signalled
 *     ice_session_end_local(session, now); ice_session_end_remote(session, now);
 *     ice_session_start(session, now);
 *
 *     after every input, and when ice_session_deadline has come:
 *         while (ice_session_next(session, now, &order))
 *             send ice_session_write(session, &order, ...) from order.base to order.to
 *     for every datagram on a socket of a local candidate:
 *         ice_session_datagram(session, now, &arrival, bytes, &reply)
 *
 * Without trickle all candidates of both sides are added before the start; with it they may come later, and
 * `ice_session_end_*` too (RFC 8838). Requests that come before the start are answered, and their consequences follow
 * at the start (RFC 8445 section 7.3).
 *
 * ---- Theory of operation
 *
 * A session has streams, a stream has components, and for each stream there is a checklist of pairs. All pairs stand in
 * one array; a checklist is those of its stream. A pair is formed of a local candidate that is its own base (a
 * reflexive one would be replaced by its base and pruned, section 6.1.2.4) and a remote one. Its state is moved by one
 * function, which tells why (event.h):
 *
 *     Frozen       may not be checked, so that few checks find out what works; left when its foundation works
 *     Waiting      will be checked: in turn, or sooner when it stands in the triggered-check queue
 *     In-Progress  a transaction is under way: struct stun_timer says when to send again and when to give up
 *     Succeeded    answered; it has made a valid pair: itself, or one with a learned local candidate
 *     Failed       can be woken by the peer's check only
 *
 * Every Ta one new check goes out, from the triggered-check queue first, checklists in turn. A check that the peer's
 * check overtakes is cancelled: no more retransmission, but its answer still counts for as long as it would have been
 * waited for.
 *
 * The controlling agent nominates, once for each component, the valid pair of highest priority, as soon as no pair of
 * higher priority can still succeed, or when such pairs have had their time: `nominate_direct` since the component's
 * first valid pair, or `nominate_relay` if the best so far goes over a relay, so that a lost packet does not cost a
 * direct path. That wait begins anew with each direct pair that is formed later or that the peer's check comes by, but is
 * no more than three times as long; and a candidate that was learned from a check counts as a relay as long as the peer
 * may yet signal it as one. The controlled agent selects what is nominated; of several (an aggressive peer, RFC 5245 section
 * 8.1.1.2) the one with the highest priority, so its selection may move.
 *
 * A checklist that has Failed because nothing answered runs again when a check of the peer's comes by it: the peer may
 * have had the description late (by hand, after minutes), and takes the answer to its check for a path. When the check
 * that this triggers is in vain too, the checklist has Failed once more.
 *
 * To nominate is to repeat the check of the pair that made the valid one, with USE-CANDIDATE, at even intervals until it
 * is answered: the pair works, so there is nothing to back off from. That pair stays Succeeded
 * meanwhile (the RFC would have it In-Progress, but it is valid all the time, and the peer's checks must not restart
 * its nomination).
 *
 * After selection consent is kept fresh on each selected pair, every 4 to 6 seconds, and ends 30 seconds after the
 * selection or the last answer since. Before it consent is asked for on the pair that data would take, the best of those
 * that are valid, and without it nothing is sent. A pair that was last answered long before the peer nominated it is asked at once.
 * Without consent the pair counts as Failed, and only a restart mends that. A restart begins a new generation: all
 * pairs go, the old selected pairs stay in use, with consent under the old credentials, until new ones are selected.
 *
 * Everything a peer can make grow is bounded: see the limits in the options. Arrays grow up to them and stay; nothing
 * else is taken for a packet. A pair's number is never used twice in a session; numbers of local candidates stay
 * good over restarts, those of remote ones until a restart, or until over the limit a better one takes the place of one
 * that nothing was checked by. */
#ifndef PROTO_ICE_SESSION_H
#define PROTO_ICE_SESSION_H

#include "core/base/time.h"
#include "proto/ice/check.h"
#include "proto/ice/event.h"
#include "proto/stun/timer.h"

#define ICE_STREAMS_MOST 32
#define ICE_TA (50 * TIME_MS)          /* RFC 8445 section 14.2 */
#define ICE_TA_LEAST (5 * TIME_MS)     /* over all agents of an endpoint */
#define ICE_RTO_LEAST (500 * TIME_MS)  /* section 14.3 */
#define ICE_TR (15 * TIME_S)           /* section 11 */
#define ICE_RELEASE (3 * TIME_S)       /* section 8.3.1 */
#define ICE_PATIENCE (39500 * TIME_MS) /* RFC 8863 section 4 */
#define ICE_CONSENT (5 * TIME_S)       /* RFC 7675 section 5.1 */
#define ICE_CONSENT_EXPIRY (30 * TIME_S)

/* Shared by all sessions of an endpoint, and by what gathers for them, so that together they start no more than one
 * transaction in 5 ms (RFC 8445 section 14.2). Zeroed before first use; outlives those who share it. */
struct ice_pacer {
    int64_t next; /* before this none may start */
};

/* Whether a transaction may start now; if so, the next may 5 ms later. */
bool ice_pacer_take(struct ice_pacer *pacer, int64_t now);

struct ice_session;
typedef struct ice_session ice_session;

struct ice_session_options {
    unsigned streams, components; /* at least 1 of both; components of each stream: the peer's count if it has less */
    bool controlling;             /* the initiator, unless the peer is the only full one (section 6.1.1) */
    bool lite;                    /* this agent is lite: it answers, and checks nothing */
    bool trickle;                 /* candidates of both sides may come until their end is declared (RFC 8838) */
    bool aggressive;              /* nominates with every check, as RFC 5245 allowed: for laboratories */
    bool consent;                 /* asks for consent (RFC 7675); without, keepalives only */
    int64_t ta;                   /* at least 5 ms; the peer's (struct ice_remote) counts when it is larger */
    int64_t rto_most; /* no first timeout of a check is longer. The formula of section 14.3 grows with the square
                                   * of the pairs (20 pairs: 20 s), which the RFC leaves agents free to replace; at
                                   * least 500 ms. TIME_NEVER: the formula alone */
    int64_t nominate_direct, nominate_relay; /* see above */
    int64_t patience;    /* no checklist fails before (RFC 8863); at its end a peer that trickles and has not
                                   * declared the end of its candidates counts as having done so */
    int64_t keepalive;   /* Tr */
    uint16_t pairs_most; /* over all checklists (section 6.1.2.5) */
    uint16_t locals_most, remotes_most;                      /* learned ones included */
    struct ice_pacer *pacer;                                 /* NULL: this is the only session */
    void (*random)(void *owner, void *bytes, size_t length); /* cryptographically, on a real machine */
    /* Told of each event as it happens, inside a call on the session: it may look, with the functions that take a const
     * session, and nothing else. NULL: nobody listens. */
    void (*event)(void *owner, const struct ice_session *session, const struct ice_event *event);
    void *owner;
};

/* One stream, one component, controlling, full, consent, no trickle, the RFCs' figures; nominates direct pairs after
 * 200 ms, relayed ones after 2 s; first timeouts of 500 ms to 1 s; 100 pairs, 64 candidates a side. `random` is to be
 * set. */
#define ICE_SESSION_DEFAULTS                                                                                           \
    ((struct ice_session_options){ .streams = 1,                                                                       \
                                   .components = 1,                                                                    \
                                   .controlling = true,                                                                \
                                   .consent = true,                                                                    \
                                   .ta = ICE_TA,                                                                       \
                                   .rto_most = TIME_S,                                                                 \
                                   .nominate_direct = 200 * TIME_MS,                                                   \
                                   .nominate_relay = 2 * TIME_S,                                                       \
                                   .patience = ICE_PATIENCE,                                                           \
                                   .keepalive = ICE_TR,                                                                \
                                   .pairs_most = 100,                                                                  \
                                   .locals_most = 64,                                                                  \
                                   .remotes_most = 64 })

/* Raises the limits that are meant for a few components, where there are more: 10 pairs and 8 candidates of a side for each,
 * up to 1000 and 4096. To be called after `streams` and `components` are set and before the limits are. */
void ice_session_options_fit(struct ice_session_options *options);
/* The options are copied; `pacer` and `owner` are borrowed. Draws credentials and tiebreaker. */
struct ice_session *ice_session_new(const struct ice_session_options *options);
void ice_session_free(struct ice_session *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ice_session, ice_session_free)

/* ---- what both sides say of themselves */

/* This generation's own, NUL-terminated: 8 and 24 ice-chars, 48 and 144 bits of randomness (RFC 8445 section 5.3). */
const char *ice_session_ufrag(const struct ice_session *session);
const char *ice_session_pwd(const struct ice_session *session);

struct ice_remote {
    struct span ufrag, pwd; /* copied */
    bool lite;              /* it has said ice-lite */
    bool ice2;              /* it speaks RFC 8445: it will not nominate aggressively */
    bool trickle; /* it may send candidates until it declares their end; false: all have been added at the start */
    int64_t ta;   /* what it proposes (ice-pacing); 0: nothing */
};

/* The peer's credentials of this generation, before the start. False, and nothing is changed, when they are not as RFC
 * 8839 section 5.4 wants them. Setting them again is refused: that is a restart. */
bool ice_session_set_remote(struct ice_session *session, const struct ice_remote *remote);

/* A candidate that was gathered and, with trickle, has been sent to the peer (RFC 8838 section 6): it is paired from
 * now on. A reflexive one needs its base added before. `priority` 0 and an empty foundation are computed here; see
 * ice_session_prepare. Returns its number, or -1 with an event when it is not taken: redundant, of no component of this
 * session, over the limit. The same endpoint and base of an earlier generation gives the same number. */
int ice_session_add_local(struct ice_session *session, const struct ice_candidate *candidate, int64_t now);

/* Fills priority and foundation of a candidate as `ice_session_add_local` would, so that it can be signalled first. */
void ice_session_prepare(const struct ice_session *session, struct ice_candidate *candidate);

/* A candidate that the peer has signalled for this generation. It may complete one that was learned from a check.
 * Returns its number, or -1 with an event when it is not taken. */
int ice_session_add_remote(struct ice_session *session, const struct ice_candidate *candidate, int64_t now);

/* No more candidates of this generation, of this side or of the peer (RFC 8838 section 13). Without trickle the start
 * says so. */
void ice_session_end_local(struct ice_session *session, int64_t now);
void ice_session_end_remote(struct ice_session *session, int64_t now);

/* The peer's description was rewritten on the way: ICE does not work with this peer (RFC 8839 section 4.2.5). An Idle
 * session is Failed, until credentials are set that came in a better one; nothing changes in one that has started. */
void ice_session_mismatch(struct ice_session *session, int64_t now);

/* Both sides' credentials are known, and the own have been sent: checklists are formed, checks begin, patience
 * counts. */
void ice_session_start(struct ice_session *session, int64_t now);

/* ---- orders */

enum ice_order_type {
    ICE_ORDER_NONE,
    ICE_ORDER_CHECK,     /* a new transaction; over TCP: connect first if there is no connection between the two */
    ICE_ORDER_RECHECK,   /* the same message once more: its bytes are those of the first */
    ICE_ORDER_CONSENT,   /* a request that is sent once */
    ICE_ORDER_KEEPALIVE, /* a Binding indication */
};

struct ice_order {
    enum ice_order_type type;
    uint32_t pair; /* its number */
    uint16_t base; /* number of the local candidate whose socket (or allocation) sends */
    uint8_t stream;
    uint16_t component;
    unsigned generation;          /* which credentials: for ice_session_write */
    enum ice_transport transport; /* of the base */
    struct endpoint from, to;
    struct ice_check check; /* what the message says */
    unsigned count;         /* which request of the transaction it is, from 1 */
};

/* The next thing to be done at `now`. False, and ICE_ORDER_NONE, when there is nothing more. What the engine can't do
 * it reports (ice_session_broken); what takes time (a permission, a connection) it does as soon as it can: the
 * transaction counts from here. */
bool ice_session_next(struct ice_session *session, int64_t now, struct ice_order *order);

/* When ice_session_next must be asked again though nothing has happened; TIME_NEVER: not at all. */
int64_t ice_session_deadline(const struct ice_session *session);
/* Whether something may still come of itself: checks under way or to come, a nomination. Otherwise what the deadline is
 * for only keeps things alive or cleans up, and need not keep a simulated run going. */
bool ice_session_is_busy(const struct ice_session *session);

/* The bytes of an order, in `buffer` of ICE_MESSAGE_BYTES. */
struct span ice_session_write(const struct ice_session *session, const struct ice_order *order, void *buffer,
                              size_t capacity);

/* ---- inputs */

/* How something came: at the socket of the local candidate `base` (a number), or through its allocation, from `source`
 * (through TURN: the peer). */
struct ice_arrival {
    uint16_t base;
    struct endpoint source;
};

enum ice_input {
    ICE_INPUT_NOT_OURS, /* no STUN, or STUN that is nobody's here: data, or an answer that somebody else waits for */
    ICE_INPUT_TAKEN,
    ICE_INPUT_DROPPED, /* for us, and not to be believed */
};

struct ice_reply {
    size_t length; /* 0: nothing goes back */
    uint8_t bytes[ICE_MESSAGE_BYTES];
};

/* A datagram, or a framed message of a connection, has come. What is in `reply` goes back at once, from where it came
 * to where it came from, and before other orders. */
enum ice_input ice_session_datagram(struct ice_session *session, int64_t now, const struct ice_arrival *arrival,
                                    struct span datagram, struct ice_reply *reply);

/* The same for those who have decoded already. The request is proven and for this generation. Returns 0, or the code of
 * the error response: 487 (section 7.3.1.1), 400. */
unsigned ice_session_request(struct ice_session *session, int64_t now, const struct ice_arrival *arrival,
                             const struct ice_check *check);
/* A proven response; false when no transaction has that ID. */
bool ice_session_response(struct ice_session *session, int64_t now, const struct ice_arrival *arrival,
                          const struct stun_id *id, const struct ice_answer *answer);

/* Nothing will come of what was sent from `base` to `remote`: ICMP (a hard error), UNSENT, PERMISSION, CONNECTION.
 * Checks under way there fail at once (section 7.2.5.2.2). A selected pair is left to its consent (RFC 7675 section
 * 5.2), except by CONNECTION and PERMISSION, which end it. */
void ice_session_broken(struct ice_session *session, int64_t now, uint16_t base, struct endpoint remote,
                        enum ice_why why);

/* The address of a host candidate is gone, or an allocation: its pairs fail, and what it carried stops. Reflexive
 * candidates go with their base; asked of one itself, nothing happens: where its packets leave from is still there. */
void ice_session_remove_local(struct ice_session *session, int64_t now, uint16_t local);

/* Data went out on the component's path: no keepalive is needed for Tr. */
void ice_session_sent(struct ice_session *session, int64_t now, unsigned stream, unsigned component);

/* A new generation (section 9): draws new credentials, drops all candidates and pairs, keeps the roles, and the
 * selected pairs in use. Local candidates are added again (those that stay keep their numbers), then the peer's new
 * credentials, its candidates, and the start. For both sides of a restart: the one who wants it and the one who sees
 * it. */
void ice_session_restart(struct ice_session *session, int64_t now);

/* ---- what there is to know */

/* A pair. Members are read-only for others; good until the next call that takes a non-const session. */
struct ice_pair {
    uint32_t number;        /* from 1, never used twice */
    uint16_t local, remote; /* candidates, by number */
    uint16_t base;          /* the local candidate that checks are sent from; `local` unless that one is prflx */
    uint16_t component;
    uint8_t stream, state; /* enum ice_pair_state */
    bool listed;           /* in the checklist; false: made by a check, to be used only (section 7.2.5.3.2) */
    bool valid, nominated, selected;
    bool nominating; /* the controlling agent repeats its check with USE-CANDIDATE */
    bool use_later;  /* the peer nominated it before it succeeded (section 7.3.1.5) */
    uint8_t won;     /* enum ice_why: why it was chosen to be nominated */
    bool barred;     /* consent was lost here: nothing wakes it in this generation (RFC 7675 section 5.1) */
    uint64_t priority;
    int64_t rtt;            /* of the last check that was answered without retransmission; -1: not known */
    uint32_t foundation;    /* of the pair: equal for pairs whose candidates' foundations are */
    uint32_t queued;        /* place in the triggered-check queue; 0: not in it */
    uint32_t made_by, made; /* pair numbers: of the checked pair that made this valid one; of the valid one it made */
    uint16_t transaction;   /* index + 1 of the one under way; 0: none */
    bool triggered;         /* it is in the queue because of the peer's check */
    int64_t answered;       /* when its last check was answered; -1: never */
    int64_t hoped;          /* when there was last reason to hope for it: it was formed, or the peer's check came by it */
    uint16_t checks;        /* requests sent for it, retransmissions included */
};

enum ice_state ice_session_state(const struct ice_session *session);
enum ice_state ice_session_checklist(const struct ice_session *session, unsigned stream);
bool ice_session_is_controlling(const struct ice_session *session);
unsigned ice_session_generation(const struct ice_session *session); /* from 0 */
unsigned ice_session_streams(const struct ice_session *session);
unsigned ice_session_components(const struct ice_session *session);

/* By number; NULL when there is none. Remote candidates of learned and signalled origin alike. */
const struct ice_candidate *ice_session_local(const struct ice_session *session, unsigned number);
const struct ice_candidate *ice_session_remote(const struct ice_session *session, unsigned number);
size_t ice_session_locals(const struct ice_session *session);
size_t ice_session_remotes(const struct ice_session *session);
/* By index, in no order that means something; `ice_session_find_pair` by number. */
size_t ice_session_pairs(const struct ice_session *session);
const struct ice_pair *ice_session_pair(const struct ice_session *session, size_t index);
const struct ice_pair *ice_session_find_pair(const struct ice_session *session, uint32_t number);

/* Of this generation; NULL: none yet, or consent for it is lost. */
const struct ice_pair *ice_session_selected(const struct ice_session *session, unsigned stream, unsigned component);

/* Where the component's data goes (section 12.1): the selected pair; before there is one, the old generation's, or else
 * the valid pair with the highest priority, as long as there is consent. False when it may go nowhere. */
struct ice_path {
    uint16_t base;
    struct endpoint from, to;
    enum ice_transport transport;
    enum ice_type own_type, peer_type;
    bool selected; /* of this generation or the one before */
    int64_t rtt;   /* -1: not known */
};
bool ice_session_path(const struct ice_session *session, unsigned stream, unsigned component, struct ice_path *path);

/* Whether the socket or allocation of a local candidate is in use by this generation's candidates (until they are
 * released) or by a selected pair. */
bool ice_session_uses(const struct ice_session *session, unsigned local);

struct ice_counters {
    uint64_t checks, rechecks, consents, keepalives; /* orders given */
    uint64_t requests, refused;                      /* received; answered with an error */
    uint64_t responses, ignored;                     /* received; not believed */
    uint64_t conflicts;                              /* role conflicts seen, or told of */
    uint64_t limited;                                /* candidates, pairs and early requests that a limit kept out */
};
const struct ice_counters *ice_session_counters(const struct ice_session *session);

#endif
