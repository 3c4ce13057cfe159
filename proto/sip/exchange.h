/* A SIP server: the registrar of a domain (RFC 3261 section 10) and a stateful proxy for it (section 16), over UDP and TCP
 * on one port.
 *
 * REGISTER requests for the domain make bindings (locations.h); every other request is forwarded:
 *  - to the user of the domain that its Request-URI names, at all of his bindings at once; of one user agent that has
 *    registered several flows (RFC 5626 section 7) to the latest, and to another when that one is dead;
 *  - by its Route, when it has one, and within a dialog back along the flow by which the user agent is known: the
 *    Record-Route of this server holds a flow token (token.h), so that a request finds its way through the NAT in front
 *    of a user agent whose Contact names a private address;
 *  - else to whom its Request-URI names, if it is one of the domain's users who asks.
 * Responses come back by Via; the best of a fork's is chosen as section 16.7 item 6 has it.
 *
 * A request to a binding goes back along the flow of its REGISTER, not to its Contact (unless `flows` is off), because
 * that way is open through a NAT; over a stream whose connection is gone a new one is made to the Contact.
 *
 * With `auth` REGISTER is challenged (401), and so is what begins a dialog or stands alone and claims to come from the
 * domain (407); who proves to be somebody else than he claims is refused. A request from elsewhere to a user of the
 * domain needs no proof; one that concerns the domain at neither end is refused.
 *
 * TLS, redirection of its own, and recursion on 3xx are left out: a 3xx goes back to the caller. */
#ifndef PROTO_SIP_EXCHANGE_H
#define PROTO_SIP_EXCHANGE_H

#include "proto/sip/auth.h"
#include "proto/sip/locations.h"
#include "proto/sip/transactions.h"

struct sip_exchange;
typedef struct sip_exchange sip_exchange;

struct sip_exchange_user {
    const char *name, *password;
};

struct sip_exchange_options {
    struct endpoint listen; /* no address: all of the host's */
    bool udp, tcp;
    const char *domain; /* a host name or an address, fewer than 128 characters */
    const char *realm;  /* NULL: the domain */
    const struct sip_exchange_user *users;
    size_t user_count; /* 0: anybody may register as anybody, unless `auth` */
    bool auth;
    bool sha256;       /* challenges offer SHA-256 before MD5 (RFC 8760) */
    bool record_route; /* requests within a dialog come back here; without that user agents talk to each other */
    bool flows;
    uint32_t expires, expires_least, expires_most; /* seconds */
    unsigned per_user, bindings;
    unsigned connections;
    unsigned transactions; /* of each kind, at a time */
    int64_t nonce_lifetime;
    int64_t timer_c; /* of an INVITE that rings: more than 3 minutes (section 16.6 item 11) */
    struct sip_timers timers;
    const struct sip_names *names; /* borrowed; NULL: addresses only, and the domain */
    const char *software;          /* Server; NULL: none */
};
#define SIP_EXCHANGE_DEFAULTS                                                                                          \
    ((struct sip_exchange_options){ .listen = { .port = SIP_PORT },                                                    \
                                    .udp = true,                                                                       \
                                    .tcp = true,                                                                       \
                                    .record_route = true,                                                              \
                                    .flows = true,                                                                     \
                                    .expires = 3600,                                                                   \
                                    .expires_least = 60,                                                               \
                                    .expires_most = 7200,                                                              \
                                    .per_user = 10,                                                                    \
                                    .bindings = 20000,                                                                 \
                                    .connections = 1000,                                                               \
                                    .transactions = 20000,                                                             \
                                    .nonce_lifetime = SIP_NONCE_LIFETIME,                                              \
                                    .timer_c = 190 * TIME_S,                                                           \
                                    .timers = SIP_TIMERS_DEFAULTS,                                                     \
                                    .software = "punchlab" })

/* clang-format off */
/* Why a request is refused here.  word            status  sentence, after "because " */
#define SIP_REFUSALS(X) \
    X(NONE,        "none",             200, "nothing is wrong with it") \
    X(UNPROVEN,    "unproven",         401, "nobody has proven who asks") \
    X(STALE,       "stale-nonce",      401, "its proof is for an old nonce, for another address, or was used") \
    X(WRONG,       "wrong-password",   401, "its user or password is wrong") \
    X(IDENTITY,    "identity",         403, "who asks has proven to be somebody else") \
    X(STRANGER,    "stranger",         403, "neither end belongs to the domain") \
    X(USER,        "unknown-user",     404, "the domain has no such user") \
    X(METHOD,      "method",           405, "the server itself has no such method") \
    X(SECURE,      "sips",             416, "it asks for TLS all the way, which is not spoken here") \
    X(EXTENSION,   "extension",        420, "it requires an extension that is not known here") \
    X(FLOW,        "flow-failed",      430, "the flow that its token names is gone") \
    X(ABSENT,      "absent",           480, "the user has no binding that can be reached") \
    X(LOOP,        "loop",             482, "it has been here before, as it is now") \
    X(HOPS,        "too-many-hops",    483, "its Max-Forwards is used up") \
    X(ROUTE,       "route",            400, "its Route is malformed") \
    X(UNRESOLVED,  "unresolved",       500, "nobody knows where its next hop is") \
    X(BUSY,        "busy",             503, "there are as many transactions as there may be") \
    X(DRAINING,    "draining",         503, "the server is about to end")

enum sip_refusal {
#define X(name, word, status, sentence) SIP_REFUSAL_##name,
    SIP_REFUSALS(X)
#undef X
    SIP_REFUSAL_COUNT
};
/* clang-format on */
const char *sip_refusal_word(enum sip_refusal refusal);
const char *sip_refusal_sentence(enum sip_refusal refusal);
unsigned sip_refusal_status(enum sip_refusal refusal); /* 401: at a proxy 407 */

struct sip_exchange_counters {
    uint64_t requests; /* that made a transaction; = registers + refused + forwarded + local, but for those under way */
    uint64_t registers; /* REGISTERs that the location service answered, by `registering` */
    uint64_t registering[SIP_REGISTERING_COUNT];
    uint64_t refused[SIP_REFUSAL_COUNT];
    uint64_t forwarded; /* requests that went on, to one or more */
    uint64_t branches;  /* as how many */
    uint64_t local;     /* OPTIONS that the server answered itself */
    uint64_t acks, acks_dropped;
    uint64_t cancels;
    uint64_t responses;        /* that went back, provisional ones too */
    uint64_t strays;           /* responses for which nobody waits */
    uint64_t answered, failed; /* forwarded INVITEs that ended in a 2xx, and in another final response */
    uint64_t bound, refreshed, unbound, expired, flows_ended; /* bindings */
};

/* `io` is borrowed and outlives it; options are copied with their texts. NULL and `*why` when it cannot listen, or a
 * name or realm does not fit (IO_TOO_BIG). */
struct sip_exchange *sip_exchange_new(struct io *io, const struct sip_exchange_options *options, enum io_result *why);
/* Silent. */
void sip_exchange_free(struct sip_exchange *exchange);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sip_exchange, sip_exchange_free)

/* No new dialogs and bindings from now on: 503. What is under way goes on. */
void sip_exchange_drain(struct sip_exchange *exchange);
/* Forwarded requests whose final response has not come yet. */
unsigned sip_exchange_pending(const struct sip_exchange *exchange);

const struct sip_exchange_counters *sip_exchange_counters(const struct sip_exchange *exchange);
struct sip_transactions *sip_exchange_transactions(struct sip_exchange *exchange);
/* As it is now, without what has expired. */
const struct sip_locations *sip_exchange_locations(struct sip_exchange *exchange);
const char *sip_exchange_domain(const struct sip_exchange *exchange);
struct endpoint sip_exchange_local(const struct sip_exchange *exchange);
int64_t sip_exchange_now(const struct sip_exchange *exchange);

#endif
