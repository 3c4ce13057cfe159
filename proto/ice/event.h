/* What a session decides, told as it happens: the words for states and reasons, and the event that carries them.
 *
 * Everything that changes a state changes it in one place and tells it there, with the reason. kinds.h makes journal
 * records of events; an agent's transcript and its owner's callbacks are fed by them too. */
#ifndef PROTO_ICE_EVENT_H
#define PROTO_ICE_EVENT_H

#include "proto/ice/candidate.h"

/* A pair's state (RFC 8445 section 6.1.2.6). GONE is ours: it has left the checklist, and its number does not come
 * again. */
enum ice_pair_state {
    ICE_PAIR_FROZEN,
    ICE_PAIR_WAITING,
    ICE_PAIR_IN_PROGRESS,
    ICE_PAIR_SUCCEEDED,
    ICE_PAIR_FAILED,
    ICE_PAIR_GONE,
};
#define ICE_PAIR_STATES 6

/* Of a checklist (section 6.1.2.1), and of a session (section 6.1.3): Completed when all checklists are, Failed when
 * all are, else Running. IDLE is ours: not started. */
enum ice_state { ICE_IDLE, ICE_RUNNING, ICE_COMPLETED, ICE_FAILED };
#define ICE_STATES 4

/* clang-format off */
/* Why something moved.    word                  sentence, after "because "
 *   source */
#define ICE_WHYS(X) \
    X(NONE,                "none",               "",                                                                        "") \
    /* candidates */ \
    X(GATHERED,            "gathered",           "it was gathered",                                                         "RFC 8445 section 5.1.1") \
    X(SIGNALLED,           "signalled",          "the peer has signalled it",                                               "RFC 8445 section 5.3") \
    X(CHECK_CAME,          "check-came",         "a check came from there",                                                 "RFC 8445 section 7.3.1.3") \
    X(MAPPED,              "mapped",             "the peer saw a check come from there",                                    "RFC 8445 section 7.2.5.3.1") \
    X(CONFIRMED,           "confirmed",          "the peer has signalled what was learned from its check",                  "RFC 8838 section 11") \
    X(REDUNDANT,           "redundant",          "another one has the same address and base",                               "RFC 8445 section 5.1.3") \
    X(UNUSABLE,            "unusable",           "its stream, component, address or priority is none that this session can use", "RFC 8445 section 5.1") \
    X(ENDED,               "ended",              "the end of candidates has been declared",                                 "RFC 8838 section 13") \
    X(REMOVED,             "removed",            "its local candidate is gone",                                             "RFC 8445 section 5.1.1.1") \
    /* pairs: forming */ \
    X(PAIRED,              "paired",             "its two candidates fit",                                                  "RFC 8445 section 6.1.2.2") \
    X(FIRST_OF_FOUNDATION, "first",              "it is the first of its foundation",                                       "RFC 8445 section 6.1.2.6") \
    X(TRICKLED,            "trickled",           "no pair of its foundation goes before it, or one has succeeded",          "RFC 8838 section 12") \
    X(SAME_BASE,           "same-base",          "a pair with the same base and the same remote candidate has higher priority", "RFC 8445 section 6.1.2.4") \
    X(PASSIVE,             "passive",            "only the active side opens a connection",                                 "RFC 6544 section 6.2") \
    X(LIMIT,               "limit",              "there are too many already",                                              "RFC 8445 section 6.1.2.5") \
    /* pairs: checking */ \
    X(UNFROZEN,            "unfrozen",           "nothing waits, and no pair of its foundation is being checked",           "RFC 8445 section 6.1.4.2") \
    X(FOUNDATION_WORKS,    "foundation-works",   "a pair of the same foundation has succeeded",                             "RFC 8445 section 7.2.5.3.3") \
    X(ORDINARY,            "ordinary",           "of those that wait it has the highest priority",                          "RFC 8445 section 6.1.4.2") \
    X(TRIGGERED,           "triggered",          "the peer's check came by this way",                                       "RFC 8445 section 7.3.1.4") \
    X(NOMINATING,          "nominating",         "it is to be nominated",                                                   "RFC 8445 section 8.1.1") \
    X(ANSWERED,            "answered",           "its check was answered",                                                  "RFC 8445 section 7.2.5.3") \
    X(SAME_PATH,           "same-path",          "another pair's check has gone this way",                                  "RFC 8445 section 7.2.5.3.2") \
    X(ROLE_CONFLICT,       "role-conflict",      "both agents had the same role",                                           "RFC 8445 section 7.2.5.1") \
    X(TIMEOUT,             "timeout",            "nobody has answered",                                                     "RFC 8445 section 7.2.5.2.3") \
    X(NOT_SYMMETRIC,       "not-symmetric",      "the answer came from elsewhere, or to elsewhere, than the check",         "RFC 8445 section 7.2.5.2.1") \
    X(ERROR_RESPONSE,      "error-response",     "the peer has answered with an error",                                     "RFC 8445 section 7.2.5.2.2") \
    X(MALFORMED,           "malformed",          "the answer lacks what it must have",                                      "RFC 8445 section 7.2.5.2.2") \
    X(ICMP,                "icmp",               "an ICMP error says that there is no way",                                 "RFC 8445 section 7.2.5.2.2") \
    X(UNSENT,              "unsent",             "the host can't send there",                                               "RFC 8445 section 7.2.5.2.2") \
    X(PERMISSION,          "permission",         "the TURN server gives no permission for it",                              "RFC 8656 section 9") \
    X(CONNECTION,          "connection",         "the connection failed or has ended",                                      "RFC 6544 section 7") \
    /* concluding */ \
    X(NOMINATED,           "nominated",          "the check that nominated it was answered",                                "RFC 8445 section 7.2.5.3.4") \
    X(PEER_NOMINATED,      "peer-nominated",     "the peer has nominated it",                                               "RFC 8445 section 7.3.1.5") \
    X(OTHER_NOMINATED,     "other-nominated",    "another pair of its component is nominated",                              "RFC 8445 section 8.1.2") \
    X(DECIDED,             "decided",            "no pair of higher priority can still succeed",                            "RFC 8445 section 8.1.1") \
    X(WAITED,              "waited",             "those of higher priority have had their time",                            "RFC 8445 section 8.1.1") \
    X(HIGHEST,             "highest",            "of those nominated it has the highest priority",                          "RFC 8445 section 8.1.1") \
    X(LITE,                "lite",               "both agents are lite: nobody checks",                                     "RFC 8445 section 8.2") \
    X(ALL_NOMINATED,       "all-nominated",      "each component has a nominated pair",                                     "RFC 8445 section 8.1.2") \
    X(EXHAUSTED,           "exhausted",          "no pair is left that could succeed, and a component has none that did",   "RFC 8445 section 8.1.2") \
    X(REVIVED,             "revived",            "the peer's check came, after this side had given up",                     "RFC 8445 section 7.3.1.4") \
    X(NOMINATION_FAILED,   "nomination-failed",  "the check that should nominate has failed",                               "RFC 8445 section 7.2.5.3.4") \
    X(MISMATCH,            "mismatch",           "the peer's default address is none of its candidates: something on the way has rewritten it", "RFC 8839 section 4.2.5") \
    X(STARTED,             "started",            "both sides' credentials are known",                                       "RFC 8445 section 6.1.2.6") \
    X(RELEASED,            "released",           "three seconds have passed since the last pair was selected",              "RFC 8445 section 8.3.1") \
    /* afterwards */ \
    X(CONSENT_EXPIRED,     "consent-expired",    "the peer has not answered for thirty seconds",                            "RFC 7675 section 5.1") \
    X(CONSENT_REVOKED,     "consent-revoked",    "the peer has answered 403",                                               "RFC 7675 section 5.2") \
    X(RESTART,             "restart",            "ICE has been restarted",                                                  "RFC 8445 section 9") \
    /* roles, requests, responses */ \
    X(ROLE_LOST,           "role-lost",          "a check showed the same role and a larger tiebreaker",                    "RFC 8445 section 7.3.1.1") \
    X(ROLE_WON,            "role-won",           "a check showed the same role and no larger tiebreaker",                   "RFC 8445 section 7.3.1.1") \
    X(ROLE_TOLD,           "role-told",          "the peer has answered 487",                                               "RFC 8445 section 7.2.5.1") \
    X(PEER_LITE,           "peer-lite",          "the peer is lite",                                                        "RFC 8445 section 6.1.1") \
    X(REFUSED,             "refused",            "it is not as a check has to be",                                          "RFC 8445 section 7.3") \
    X(UNPROVEN,            "unproven",           "its integrity or fingerprint is missing or wrong",                        "RFC 8489 section 9.1.4")

enum ice_why {
#define X(name, word, sentence, source) ICE_WHY_##name,
    ICE_WHYS(X)
#undef X
    ICE_WHY_COUNT
};

/* What an event tells of.     its `why` and what else it carries */
enum ice_event_type {
    ICE_EVENT_LOCAL,       /* `local` is new (GATHERED, MAPPED), was not taken (REDUNDANT, LIMIT, UNUSABLE) or is gone (REMOVED) */
    ICE_EVENT_REMOTE,      /* `remote` is new (SIGNALLED, CHECK_CAME), completed (CONFIRMED) or was not taken */
    ICE_EVENT_PAIR,        /* `pair` has moved from `was` to `is`; new when `is_new`; `code` of an error response */
    ICE_EVENT_CHECK,       /* a check leaves: ORDINARY, TRIGGERED or NOMINATING; `count`: which request of the transaction */
    ICE_EVENT_VALID,       /* `pair` is valid; `elapsed`: the round trip, or -1; `mapped`: what the peer saw */
    ICE_EVENT_NOMINATED,   /* `pair` is nominated: NOMINATED, PEER_NOMINATED */
    ICE_EVENT_SELECTED,    /* `pair` carries the component's data from now on; `elapsed`: since the start */
    ICE_EVENT_CHECKLIST,   /* of `stream`: `state` */
    ICE_EVENT_SESSION,     /* `state`; `elapsed`: since the start */
    ICE_EVENT_RELEASED,    /* of `stream`: candidates that no selected pair uses may be freed */
    ICE_EVENT_ROLE,        /* `controlling`: what this agent is now; `why` also ROLE_WON when the peer is told to switch */
    ICE_EVENT_CONSENT,     /* the selected `pair` may not be used any more: CONSENT_EXPIRED, CONSENT_REVOKED, REMOVED */
    ICE_EVENT_REQUEST,     /* a request was answered with the error `code` */
    ICE_EVENT_IGNORED,     /* a response was ignored */
    ICE_EVENT_RESTARTED,   /* `count`: which generation begins */
    ICE_EVENT_TYPES
};
/* clang-format on */

struct ice_pair;

/* Pointers are good for the call; those that an event has no use for are NULL. `from` and `to` are the transport
 * addresses that the event is about: local and remote candidate of a pair, arrival and source of a request. */
struct ice_event {
    enum ice_event_type type;
    enum ice_why why;
    int64_t at;
    const struct ice_candidate *local, *remote;
    const struct ice_pair *pair;
    enum ice_pair_state was, is;
    enum ice_state state;
    bool is_new, controlling;
    uint8_t stream;
    uint16_t component, code;
    uint32_t count;
    int64_t elapsed;
    struct endpoint from, to, mapped;
};

const char *ice_pair_state_word(enum ice_pair_state state); /* "in-progress" */
const char *ice_pair_state_name(enum ice_pair_state state); /* "In-Progress", as the RFC writes it */
const char *ice_state_word(enum ice_state state);           /* "completed" */
const char *ice_state_name(enum ice_state state);           /* "Completed" */
const char *ice_why_word(enum ice_why why);
const char *ice_why_sentence(enum ice_why why);
const char *ice_why_source(enum ice_why why);

#endif
