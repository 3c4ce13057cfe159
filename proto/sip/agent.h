/* A SIP user agent: a phone (RFC 3261 sections 8, 10 to 15, RFC 3264, RFC 5626).
 *
 *     options = SIP_AGENT_DEFAULTS;                        who it is, its registrar, its password, how it speaks
 *     agent = sip_agent_new(io, &options, &media, told, owner, &why);
 *     sip_agent_register(agent);                           ... `told` hears SIP_AGENT_REGISTERED
 *     call = sip_agent_call(agent, "sip:bob@example.com", NULL);
 *                                                          ... `told` hears SIP_CALL_RINGING, SIP_CALL_ANSWERED
 *     sip_call_hangup(call);                               ... `told` hears SIP_CALL_ENDED
 *
 * A call that comes is told as SIP_CALL_OFFERED, and is answered by sip_call_ring, sip_call_answer, sip_call_reject.
 *
 * A call is the agent's. It lives until `told` has returned from SIP_CALL_ENDED, which comes once for each call, always,
 * unless the agent is freed. Nothing is told from inside a call of the owner's; in `told` the owner may do anything, and
 * free the agent too.
 *
 * What the agent does by itself: digest (401, 407, stale; RFC 3261 section 22), 423, refreshing the registration before
 * it expires and trying again when that fails (RFC 5626 section 4.5), the 2xx until its ACK comes and the ACK to each 2xx,
 * ACK and BYE to what other branches of a fork say, 491 and trying again when both change a session at once (section 14.1),
 * the BYE when an ACK never came or a request in the dialog finds nobody (section 12.2.1.2), OPTIONS, 486 beyond the limit
 * of calls, 481, 405, 415, 420, 488.
 *
 * Descriptions of media are opaque here, but for being application/sdp: what is offered and answered is the policy's,
 * struct sip_media_policy, so that a phone with private addresses, one that has asked STUN, and one with ICE differ there
 * and nowhere else. */
#ifndef PROTO_SIP_AGENT_H
#define PROTO_SIP_AGENT_H

#include "proto/sip/transactions.h"

struct sip_agent;
struct sip_call;
typedef struct sip_agent sip_agent;

/* ---- media */

enum sip_media_step {
    SIP_MEDIA_READY,  /* it stands in `out` */
    SIP_MEDIA_LATER,  /* not yet: sip_call_media_ready will say when, and the same is asked once more */
    SIP_MEDIA_REFUSED /* there is nothing in common, or the other's description can't be read: 488 */
};

/* How the sessions of calls are described and run. `media` is the policy's own thing for one call; none of these may call
 * the agent. */
struct sip_media_policy {
    /* A call begins, ours or one that comes; `wish` is what sip_agent_call was given, NULL for a call that comes. */
    void *(*open)(void *owner, struct sip_call *call, void *wish);
    /* Appends an offer; of a session that stands already, one that fits it (RFC 3264 section 8). */
    enum sip_media_step (*offer)(void *media, GString *out);
    /* Appends an answer to the peer's offer. It may be asked about the same offer more than once. */
    enum sip_media_step (*answer)(void *media, struct span offer, GString *out);
    /* The peer's answer to our offer. `early`: the call is not answered yet, and another may follow. */
    bool (*take)(void *media, struct span answer, bool early);
    /* Our offer came to nothing: what was agreed before holds. */
    void (*withdraw)(void *media);
    /* From the next offer on. */
    void (*hold)(void *media, bool held);
    /* The call is over: the last that is heard of it. */
    void (*close)(void *media);
};

/* ---- what is told */

enum sip_agent_event {
    SIP_AGENT_REGISTERED, /* `contact`, `mapped`, `expires`; the first time, and when one of the first two is new */
    SIP_AGENT_REGISTER_FAILED, /* `why`, `status`; it is tried again later, unless the registrar has refused */
    SIP_AGENT_UNREGISTERED,    /* as asked for */
    SIP_AGENT_FLOW_LAPSED, /* a keep-alive found the flow dead; `mapped`: its new address, if that is why. It will be
                                * registered again at once */
    SIP_CALL_OFFERED,      /* a call has come: sip_call_peer */
    SIP_CALL_RINGING,      /* `status`: 180, 183, ...; each that comes but 100 */
    SIP_CALL_ANSWERED,     /* both sides have agreed and the ACK is there, or has gone */
    SIP_CALL_CHANGED,      /* the session was changed, by the peer (`status` 0) or by us (`status`: how it answered) */
    SIP_CALL_ENDED,        /* `why`, `status` */
};

/* clang-format off */
/* Why a call, or a registration, came to its end.  word         sentence, after "the call ended: " */
#define SIP_WHYS(X) \
    X(HANGUP,       "hangup",      "this side hung up") \
    X(PEER_HANGUP,  "peer-hangup", "the peer hung up") \
    X(CANCELLED,    "cancelled",   "the caller gave up before it was answered") \
    X(REJECTED,     "rejected",    "it was refused") \
    X(TIMEOUT,      "timeout",     "nobody answered") \
    X(UNREACHABLE,  "unreachable", "there is no way to the peer") \
    X(NO_ACK,       "no-ack",      "the caller never acknowledged the answer") \
    X(LOST,         "lost",        "the peer does not answer, or knows nothing of the call any more") \
    X(MEDIA,        "media",       "the two could not agree on media") \
    X(UNANSWERED,   "unanswered",  "it rang for too long")

enum sip_why {
#define X(name, word, sentence) SIP_WHY_##name,
    SIP_WHYS(X)
#undef X
    SIP_WHY_COUNT
};
/* clang-format on */
const char *sip_why_word(enum sip_why why);
const char *sip_why_sentence(enum sip_why why);

struct sip_agent_news {
    enum sip_agent_event event;
    struct sip_call *call;
    enum sip_why why;
    unsigned status;                 /* of the response that decided, 0 without one */
    struct endpoint contact, mapped; /* `mapped`: as the registrar saw us (received, rport); none when it didn't say */
    int64_t expires;
};

typedef void sip_agent_told(void *owner, struct sip_agent *agent, const struct sip_agent_news *news);

/* ---- the agent */

struct sip_agent_options {
    struct sip_transactions_options transactions; /* its port, its limits, rport; `agent` is "punchlab" */
    const char *user, *domain, *password;         /* "alice", "example.com"; NULL password: none. All text is copied */
    const char *display;                          /* the name that others see; NULL: none */
    struct endpoint registrar;   /* and the way out for all requests that begin something; port 0: none, calls go to the
                                 * address of their URI */
    enum sip_transport protocol; /* to there */
    int64_t expires;             /* whole seconds */
    bool learn;                  /* registers again under the address that the registrar saw (RFC 3581 section 9) */
    bool outbound;               /* RFC 5626: instance and reg-id in the Contact, keep-alives on the flow */
    const char *instance;        /* "urn:uuid:..."; NULL: one is drawn */
    unsigned reg_id;             /* 1.. */
    int64_t keep;                /* keep-alives without `outbound`; 0: none. The registrar's Flow-Timer goes before */
    unsigned calls;              /* at a time: one more is busy here, 486 */
    int64_t ring_timeout;        /* a call that comes and isn't answered ends with 480 */
    bool late_offer;             /* our INVITEs have no description: the 200 offers, the ACK answers */
    struct sip_names names;      /* hosts that URIs may name */
};

#define SIP_AGENT_DEFAULTS                                                                                             \
    ((struct sip_agent_options){ .transactions = SIP_TRANSACTIONS_DEFAULTS,                                            \
                                 .expires = 3600 * TIME_S,                                                             \
                                 .reg_id = 1,                                                                          \
                                 .calls = 8,                                                                           \
                                 .ring_timeout = 3 * TIME_MIN })

/* What is wrong with options, as a sentence; NULL when nothing is. */
const char *sip_agent_options_fault(const struct sip_agent_options *options);

/* `io`, the policy and its owner are borrowed and outlive the agent. NULL and `*why` when a socket can't be opened. */
struct sip_agent *sip_agent_new(struct io *io, const struct sip_agent_options *options,
                                const struct sip_media_policy *policy, void *policy_owner, sip_agent_told *told,
                                void *owner, enum io_result *why);
/* Silent: nothing is sent, nobody is told; the policy's `close` is called for each call. */
void sip_agent_free(struct sip_agent *agent);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sip_agent, sip_agent_free)

struct sip_transactions *sip_agent_transactions(struct sip_agent *agent);
/* What stands in Contact from now on instead of the own address: one that STUN told. No address: the own again. */
void sip_agent_set_contact(struct sip_agent *agent, struct endpoint contact);
struct endpoint sip_agent_contact(struct sip_agent *agent);

/* Registers, or does so again at once; the registration is refreshed until it is given up. */
void sip_agent_register(struct sip_agent *agent);
/* Gives it up: SIP_AGENT_UNREGISTERED, or SIP_AGENT_REGISTER_FAILED when the registrar doesn't answer. */
void sip_agent_unregister(struct sip_agent *agent);
bool sip_agent_is_registered(const struct sip_agent *agent);

struct sip_agent_counters {
    uint64_t registered, register_failed; /* REGISTER requests that were taken, and that came to nothing */
    uint64_t challenged;
    uint64_t calls_out, calls_in, answered, ended;
    uint64_t refused;       /* requests that came and were answered with 4xx to 6xx */
    uint64_t glares;        /* 491, sent and received */
    uint64_t forked;        /* 2xx of other branches, which got ACK and BYE */
    uint64_t answers_again; /* 2xx sent again because no ACK came */
};
const struct sip_agent_counters *sip_agent_counters(const struct sip_agent *agent);
unsigned sip_agent_calls(const struct sip_agent *agent);
/* As many as there may be. */
bool sip_agent_is_full(const struct sip_agent *agent);

/* ---- calls */

/* Calls a SIP URI ("sip:bob@example.com"; a "bob" alone is at the own domain). `wish` goes to the policy. NULL when it is
 * no URI, or there are too many calls. What goes wrong later is told. */
struct sip_call *sip_agent_call(struct sip_agent *agent, const char *uri, void *wish);

void sip_call_ring(struct sip_call *call);     /* 180 */
void sip_call_progress(struct sip_call *call); /* 183 with an answer, when there is an offer and the media are ready */
void sip_call_answer(struct sip_call *call);   /* 200, as soon as the media are ready */
void sip_call_reject(struct sip_call *call, unsigned status); /* 300 to 699: 486, 603, ... */
/* Ends it, whatever its state: CANCEL before there is an answer (of a call that came: 603), BYE after. */
void sip_call_hangup(struct sip_call *call);

/* Offers anew in a call that stands: to hold and to resume, or because addresses have changed. SIP_CALL_CHANGED tells what
 * came of it. False: there is no call to change, or a change is under way already. */
bool sip_call_hold(struct sip_call *call, bool held);
bool sip_call_renew(struct sip_call *call);
bool sip_call_is_changing(const struct sip_call *call);

/* What the policy said LATER about can be had now; `ready` false: never. Not from inside the policy's functions. */
void sip_call_media_ready(struct sip_call *call, bool ready);

enum sip_call_state {
    SIP_CALL_PREPARING, /* ours: the media are not ready */
    SIP_CALL_CALLING,   /* ours: the INVITE has gone */
    SIP_CALL_EARLY,     /* ours: it rings there */
    SIP_CALL_INCOMING,  /* came: not answered */
    SIP_CALL_ACCEPTED,  /* came: the 2xx has gone, the ACK has not come */
    SIP_CALL_STANDING,
    SIP_CALL_ENDING, /* CANCEL or BYE has gone */
    SIP_CALL_OVER,   /* it will be told */
};
enum sip_call_state sip_call_state(const struct sip_call *call);
bool sip_call_is_ours(const struct sip_call *call);     /* we have called */
const char *sip_call_peer(const struct sip_call *call); /* the URI of the other side */
const char *sip_call_id(const struct sip_call *call);
void *sip_call_media(const struct sip_call *call);
/* For the owner's own use: NULL at first. */
void sip_call_set_data(struct sip_call *call, void *data);
void *sip_call_data(const struct sip_call *call);

#endif
