/* What exchange.c (life, who is who, requests without a dialog), registrar.c and the proxy (proxy.c, proxy_call.c,
 * proxy_forward.c) share. */
#ifndef PROTO_SIP_EXCHANGE_PRIVATE_H
#define PROTO_SIP_EXCHANGE_PRIVATE_H

#include "proto/sip/exchange.h"
#include "proto/sip/exchange_kinds.h"
#include "proto/sip/route.h"

struct sip_exchange_call; /* proxy_call.c */

struct sip_exchange {
    struct io *io;
    struct sip_exchange_options options;
    char *domain, *software;
    struct sip_auth *auth; /* users, whether or not they have to prove themselves */
    uint8_t secret[SIP_SECRET_BYTES];
    struct sip_locations *locations;
    struct sip_transactions *transactions;
    struct io_timer expiry;
    struct endpoint local;
    struct sip_names names;
    struct sip_self self;
    struct sip_exchange_call *first_call, *last_call;
    unsigned pending;     /* calls without a final response */
    GHashTable *branches; /* text of a branch of ours -> struct sip_exchange_call, while its transaction lives */
    struct sip_exchange_counters counters;
    bool draining;
};

/* The bytes of a whole message. */
static inline struct span
span_of_bytes(GBytes *bytes)
{
    gsize length;
    const void *data = g_bytes_get_data(bytes, &length);

    return span_of(data, length);
}

int64_t sip_exchange_time(const struct sip_exchange *exchange);
/* Whether a URI is of the domain: an address-of-record's, or a Request-URI to resolve. */
bool sip_exchange_is_domain(const struct sip_exchange *exchange, const struct sip_uri *uri);
/* Whether there is such a user: anybody, when no users were given. */
bool sip_exchange_has_user(const struct sip_exchange *exchange, const char *user);
/* Refuses, counts and notes. `more`: header lines. */
void sip_exchange_refuse(struct sip_exchange *exchange, struct sip_server *server, enum sip_refusal why,
                         struct span more);
/* The same with a challenge, at a registrar (WWW-Authenticate) or a proxy (Proxy-Authenticate). */
void sip_exchange_challenge(struct sip_exchange *exchange, struct sip_server *server, enum sip_refusal why,
                            bool registrar);
/* Who asks, by credentials in that field: a name, or NULL when it has been challenged. */
const char *sip_exchange_prove(struct sip_exchange *exchange, struct sip_server *server, bool registrar);
/* Refuses with 420 when one of these fields names an option tag that isn't among the known ones (NULL at the end). */
bool sip_exchange_extensions(struct sip_exchange *exchange, struct sip_server *server, enum sip_header_name field,
                             const char *const *known);

/* registrar.c */
void sip_exchange_register(struct sip_exchange *exchange, struct sip_server *server);

/* proxy.c */
void sip_proxy_request(struct sip_exchange *exchange, struct sip_server *server);
void sip_proxy_cancel(struct sip_exchange *exchange, struct sip_server *cancel, struct sip_server *invite);
void sip_proxy_ack(struct sip_exchange *exchange, const struct sip_arrival *arrival);
void sip_proxy_response(struct sip_exchange *exchange);

/* proxy_call.c */
/* The server is the call's own from now on. `state`: of what decides about the request's way; `user`: of the domain, to
 * whom it goes, or NULL. */
struct sip_exchange_call *sip_proxy_call_new(struct sip_exchange *exchange, struct sip_server *server, uint32_t state,
                                             const char *user);
/* Of one that has no branch. */
void sip_proxy_call_free(struct sip_exchange_call *call);
/* Calls all of the user's agents; false when there was none to call. */
bool sip_proxy_call_user(struct sip_exchange_call *call);
enum sip_refusal sip_proxy_call_uri(struct sip_exchange_call *call, const struct sip_way *way);
void sip_proxy_call_cancel(struct sip_exchange_call *call);
/* Whether the request has been here before with the same state (section 16.3 item 4). */
bool sip_proxy_is_loop(struct sip_exchange *exchange, const struct sip_message *request, uint32_t state);
void sip_proxy_free(struct sip_exchange *exchange);

/* proxy_forward.c */
/* Whether a flow can be gone by: a connection that is gone can't. */
bool sip_proxy_is_open(const struct sip_exchange *exchange, const struct sip_flow *flow);
/* Whether a request comes back by a Record-Route or Path of ours: it belongs to what has been admitted. */
bool sip_proxy_has_token(const struct sip_exchange *exchange, const struct sip_way *way);
/* The flow to the next hop of a request, to a binding unless that is NULL. */
enum sip_refusal sip_proxy_next_hop(struct sip_exchange *exchange, const struct sip_message *request,
                                    struct sip_way *way, const struct sip_binding *binding, struct sip_flow *flow);
/* The request that came by `came` as it goes on to `next`; NULL when it can't be written. */
GBytes *sip_proxy_forwarded(struct sip_exchange *exchange, const struct sip_message *request,
                            const struct sip_flow *came, const struct sip_way *way, const struct sip_flow *next);

#endif
