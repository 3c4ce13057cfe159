#include "proto/sip/exchange_private.h"

#include "proto/sip/lex.h"

static const struct {
    const char *word;
    unsigned status;
    const char *sentence;
} refusals[] = {
#define X(name, word, status, sentence) { word, status, sentence },
    SIP_REFUSALS(X)
#undef X
};

G_STATIC_ASSERT(G_N_ELEMENTS(refusals) == SIP_REFUSAL_COUNT);

const char *
sip_refusal_word(enum sip_refusal refusal)
{
    return refusals[refusal].word;
}

const char *
sip_refusal_sentence(enum sip_refusal refusal)
{
    return refusals[refusal].sentence;
}

unsigned
sip_refusal_status(enum sip_refusal refusal)
{
    return refusals[refusal].status;
}

int64_t
sip_exchange_time(const struct sip_exchange *exchange)
{
    return exchange->io->ops->now(exchange->io);
}

int64_t
sip_exchange_now(const struct sip_exchange *exchange)
{
    return sip_exchange_time(exchange);
}

/* --- who is who -------------------------------------------------------------------------------------------------- */

static bool
is_our_address(const struct sip_exchange *exchange, struct address address)
{
    struct io_address ours[32];
    size_t count = exchange->io->ops->addresses(exchange->io, ours, G_N_ELEMENTS(ours));

    if (address_equal(address, exchange->local.address))
        return true;
    for (size_t i = 0; i < count; i++)
        if (address_equal(address, ours[i].address))
            return address_is_unspecified(exchange->local.address);
    return false;
}

static bool
is_domain_name(const struct sip_exchange *exchange, const struct sip_uri *uri)
{
    return sip_text_is_nocase(uri->at.host, exchange->domain);
}

/* A URI that leads to this very server: in Route, and in a Request-URI. */
static bool
is_self(void *owner, const struct sip_uri *uri)
{
    const struct sip_exchange *exchange = owner;
    uint16_t port = uri->at.port ? uri->at.port : SIP_PORT;

    if (is_domain_name(exchange, uri))
        return !uri->at.port || port == exchange->local.port;
    return !address_is_none(uri->at.address) && port == exchange->local.port &&
           is_our_address(exchange, uri->at.address);
}

bool
sip_exchange_is_domain(const struct sip_exchange *exchange, const struct sip_uri *uri)
{
    return uri->sip && (is_domain_name(exchange, uri) || is_self((void *)exchange, uri));
}

bool
sip_exchange_has_user(const struct sip_exchange *exchange, const char *user)
{
    return exchange->options.user_count == 0 || sip_auth_has_user(exchange->auth, user);
}

/* The domain's own name leads here, whoever asks for it. */
static bool
resolve(void *owner, struct span host, struct address *address)
{
    const struct sip_exchange *exchange = owner;
    const struct sip_names *names = exchange->options.names;

    return names && names->resolve(names->owner, host, address);
}

/* --- refusing ---------------------------------------------------------------------------------------------------- */

static struct flow
flow_of(const struct sip_flow *flow)
{
    return (struct flow){ .source = flow->peer.address,
                          .source_port = flow->peer.port,
                          .destination = flow->local.address,
                          .destination_port = flow->local.port,
                          .protocol = sip_flow_is_stream(flow) ? PROTOCOL_TCP : PROTOCOL_UDP };
}

static void
refuse(struct sip_exchange *exchange, struct sip_server *server, enum sip_refusal why, unsigned status,
       struct span more)
{
    struct sip_flow came = sip_server_flow(server);
    struct record record = { .kind = &sip_kind_request_refused,
                             .before = flow_of(&came),
                             .rule = sip_server_request(server)->method_id,
                             .detail = why };

    exchange->counters.refused[why]++;
    exchange->io->ops->note(exchange->io, &record);
    sip_server_refuse(server, status, more);
}

void
sip_exchange_refuse(struct sip_exchange *exchange, struct sip_server *server, enum sip_refusal why, struct span more)
{
    refuse(exchange, server, why, refusals[why].status, more);
}

void
sip_exchange_challenge(struct sip_exchange *exchange, struct sip_server *server, enum sip_refusal why, bool registrar)
{
    g_autoptr(GString) more = g_string_new(NULL);

    sip_auth_challenge(exchange->auth, registrar ? "WWW-Authenticate" : "Proxy-Authenticate",
                       sip_server_flow(server).peer.address, sip_exchange_time(exchange), why == SIP_REFUSAL_STALE, more);
    refuse(exchange, server, why, registrar ? 401 : 407, span_of(more->str, more->len));
}

const char *
sip_exchange_prove(struct sip_exchange *exchange, struct sip_server *server, bool registrar)
{
    static const enum sip_refusal refused[] = {
        [SIP_NOT_PROVEN] = SIP_REFUSAL_UNPROVEN,
        [SIP_STALE] = SIP_REFUSAL_STALE,
        [SIP_WRONG] = SIP_REFUSAL_WRONG,
    };
    const char *user;
    enum sip_verdict verdict = sip_auth_check(exchange->auth, sip_server_request(server),
                                              registrar ? SIP_HEADER_AUTHORIZATION : SIP_HEADER_PROXY_AUTHORIZATION,
                                              sip_server_flow(server).peer.address, sip_exchange_time(exchange), &user);

    if (verdict == SIP_PROVEN)
        return user;
    sip_exchange_challenge(exchange, server, refused[verdict], registrar);
    return NULL;
}

static bool
is_known(struct span tag, const char *const *known)
{
    for (; *known; known++)
        if (sip_text_is_nocase(tag, *known))
            return true;
    return false;
}

bool
sip_exchange_extensions(struct sip_exchange *exchange, struct sip_server *server, enum sip_header_name field,
                        const char *const *known)
{
    struct sip_values walk = sip_values_of(sip_server_request(server), field);
    g_autoptr(GString) more = g_string_new(NULL);
    struct span tag;

    while (sip_values_next(&walk, &tag))
        if (!is_known(tag, known))
            g_string_append_printf(more, "Unsupported: %.*s\r\n", (int)tag.length, (const char *)tag.bytes);
    if (!more->len)
        return true;
    sip_exchange_refuse(exchange, server, SIP_REFUSAL_EXTENSION, span_of(more->str, more->len));
    return false;
}

/* --- what comes in ----------------------------------------------------------------------------------------------- */

/* For the server itself: OPTIONS tells what it can do (section 11.2), other methods it has none. Here it is a user agent,
 * which has to know what is required (section 8.2.2.3). */
static void
answer_self(struct sip_exchange *exchange, struct sip_server *server)
{
    static const char able[] = "Allow: REGISTER, INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, MESSAGE, "
                               "SUBSCRIBE, NOTIFY, REFER\r\nSupported: path, outbound\r\n";
    static const char *const known[] = { "path", "outbound", NULL };

    if (sip_server_request(server)->method_id != SIP_OPTIONS) {
        sip_exchange_refuse(exchange, server, SIP_REFUSAL_METHOD, span_of_text(able));
        return;
    }
    if (!sip_exchange_extensions(exchange, server, SIP_HEADER_REQUIRE, known))
        return;
    exchange->counters.local++;
    sip_server_refuse(server, 200, span_of_text(able));
}

static bool
is_for_self(struct sip_exchange *exchange, const struct sip_message *request)
{
    struct sip_uri uri;

    return sip_uri_decode(request->uri, &uri) && !uri.user.length && is_self(exchange, &uri) &&
           !sip_message_find(request, SIP_HEADER_ROUTE, 0);
}

/* A dialog, or a binding, that would begin now. */
static bool
begins_something(const struct sip_message *request)
{
    struct sip_name_addr to;

    return !sip_name_addr_decode(sip_message_value(request, SIP_HEADER_TO), &to) || !to.tag.length;
}

static void
on_request(void *owner, struct sip_server *server, const struct sip_arrival *arrival)
{
    struct sip_exchange *exchange = owner;
    const struct sip_message *request = arrival->message;
    struct sip_uri uri;

    exchange->counters.requests++;
    if (exchange->draining && begins_something(request)) {
        sip_exchange_refuse(exchange, server, SIP_REFUSAL_DRAINING, span_of_text("Retry-After: 60\r\n"));
        return;
    }
    if (request->method_id == SIP_REGISTER && sip_uri_decode(request->uri, &uri) &&
        sip_exchange_is_domain(exchange, &uri)) {
        sip_exchange_register(exchange, server);
        return;
    }
    if (is_for_self(exchange, request))
        answer_self(exchange, server);
    else
        sip_proxy_request(exchange, server);
}

static void
on_cancel(void *owner, struct sip_server *cancel, struct sip_server *invite, const struct sip_arrival *arrival)
{
    (void)arrival;
    sip_proxy_cancel(owner, cancel, invite);
}

static void
on_ack(void *owner, const struct sip_arrival *arrival)
{
    sip_proxy_ack(owner, arrival);
}

static void
on_response(void *owner, const struct sip_arrival *arrival)
{
    (void)arrival;
    sip_proxy_response(owner);
}

static void
arm_expiry(struct sip_exchange *exchange)
{
    int64_t deadline = sip_locations_deadline(exchange->locations);

    if (deadline == TIME_NEVER)
        exchange->io->ops->disarm(exchange->io, &exchange->expiry);
    else
        exchange->io->ops->arm(exchange->io, &exchange->expiry, deadline, false);
}

static void
on_failed(void *owner, const struct sip_flow *flow, enum io_result why)
{
    struct sip_exchange *exchange = owner;

    (void)why;
    if (sip_flow_is_stream(flow) && flow->connection)
        sip_locations_flow_ended(exchange->locations, flow->connection);
    arm_expiry(exchange);
}

static const struct sip_transactions_events events = {
    .request = on_request, .cancel = on_cancel, .ack = on_ack, .response = on_response, .failed = on_failed
};

/* --- bindings ---------------------------------------------------------------------------------------------------- */

static void
on_expiry(void *owner, struct io_timer *timer)
{
    struct sip_exchange *exchange = owner;

    (void)timer;
    sip_locations_expire(exchange->locations, sip_exchange_time(exchange));
    arm_expiry(exchange);
}

static uint64_t *
counter_of(struct sip_exchange_counters *counters, enum sip_binding_change change)
{
    switch (change) {
    case SIP_BINDING_MADE:
        return &counters->bound;
    case SIP_BINDING_REFRESHED:
        return &counters->refreshed;
    case SIP_BINDING_REMOVED:
        return &counters->unbound;
    case SIP_BINDING_EXPIRED:
        return &counters->expired;
    case SIP_BINDING_FLOW_ENDED:
        break;
    }
    return &counters->flows_ended;
}

static void
on_changed(void *owner, const struct sip_binding *binding, enum sip_binding_change change)
{
    struct sip_exchange *exchange = owner;
    struct record record = { .kind = change <= SIP_BINDING_REFRESHED ? &sip_kind_bound : &sip_kind_unbound,
                             .before = flow_of(&binding->flow),
                             .rule = change,
                             .detail = sip_binding_seconds(binding, sip_exchange_time(exchange)) };

    ++*counter_of(&exchange->counters, change);
    sip_record_user(&record, binding->user);
    exchange->io->ops->note(exchange->io, &record);
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static bool
add_users(struct sip_exchange *exchange, const struct sip_exchange_options *options)
{
    for (size_t i = 0; i < options->user_count; i++)
        if (!sip_auth_add_user(exchange->auth, options->users[i].name, options->users[i].password))
            return false;
    return true;
}

static bool
open_transactions(struct sip_exchange *exchange, enum io_result *why)
{
    const struct sip_exchange_options *options = &exchange->options;
    struct sip_transactions_options chosen = SIP_TRANSACTIONS_DEFAULTS;

    chosen.carrier.local = options->listen;
    chosen.carrier.udp = options->udp;
    chosen.carrier.tcp = options->tcp;
    chosen.carrier.connections = options->connections;
    chosen.clients = chosen.servers = options->transactions;
    chosen.timers = options->timers;
    chosen.agent = exchange->software;
    exchange->transactions = sip_transactions_new(exchange->io, &chosen, &events, exchange, why);
    if (exchange->transactions)
        exchange->local = sip_carrier_local(sip_transactions_carrier(exchange->transactions));
    return exchange->transactions != NULL;
}

static struct sip_exchange *
make(struct io *io, const struct sip_exchange_options *options)
{
    struct sip_exchange *exchange = g_new0(struct sip_exchange, 1);
    struct sip_locations_options locations = { .expires = options->expires,
                                               .expires_least = options->expires_least,
                                               .expires_most = options->expires_most,
                                               .per_user = options->per_user,
                                               .total = options->bindings,
                                               .changed = on_changed,
                                               .owner = exchange };

    exchange->io = io;
    exchange->options = *options;
    exchange->domain = g_strdup(options->domain);
    exchange->software = g_strdup(options->software);
    exchange->self = (struct sip_self){ is_self, exchange };
    exchange->names = (struct sip_names){ resolve, exchange };
    exchange->expiry = (struct io_timer){ .fire = on_expiry, .owner = exchange };
    io->ops->random(io, exchange->secret, sizeof exchange->secret);
    exchange->auth = sip_auth_new(options->realm ? options->realm : options->domain, exchange->secret,
                                  options->nonce_lifetime, options->sha256);
    exchange->locations = sip_locations_new(&locations);
    exchange->branches = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return exchange;
}

struct sip_exchange *
sip_exchange_new(struct io *io, const struct sip_exchange_options *options, enum io_result *why)
{
    g_autoptr(sip_exchange) exchange = NULL;

    *why = IO_TOO_BIG;
    if (!sip_auth_realm_fits(options->domain) || (options->realm && !sip_auth_realm_fits(options->realm)))
        return NULL;
    exchange = make(io, options);
    if (!add_users(exchange, options) || !open_transactions(exchange, why))
        return NULL;
    exchange->options.users = NULL;
    exchange->options.domain = exchange->options.realm = exchange->options.software = NULL;
    return g_steal_pointer(&exchange);
}

void
sip_exchange_free(struct sip_exchange *exchange)
{
    if (!exchange)
        return;
    exchange->io->ops->disarm(exchange->io, &exchange->expiry);
    sip_proxy_free(exchange);
    sip_transactions_free(exchange->transactions);
    g_hash_table_unref(exchange->branches);
    sip_locations_free(exchange->locations);
    sip_auth_free(exchange->auth);
    g_free(exchange->domain);
    g_free(exchange->software);
    g_free(exchange);
}

void
sip_exchange_drain(struct sip_exchange *exchange)
{
    exchange->draining = true;
}

unsigned
sip_exchange_pending(const struct sip_exchange *exchange)
{
    return exchange->pending;
}

const struct sip_exchange_counters *
sip_exchange_counters(const struct sip_exchange *exchange)
{
    return &exchange->counters;
}

struct sip_transactions *
sip_exchange_transactions(struct sip_exchange *exchange)
{
    return exchange->transactions;
}

const char *
sip_exchange_domain(const struct sip_exchange *exchange)
{
    return exchange->domain;
}

const struct sip_locations *
sip_exchange_locations(struct sip_exchange *exchange)
{
    sip_locations_expire(exchange->locations, sip_exchange_time(exchange));
    arm_expiry(exchange);
    return exchange->locations;
}

struct endpoint
sip_exchange_local(const struct sip_exchange *exchange)
{
    return exchange->local;
}
