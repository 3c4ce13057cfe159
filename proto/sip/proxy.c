/* The proxy of an exchange (RFC 3261 section 16): which requests are forwarded, and whither; what becomes of them is in
 * proxy_call.c. */
#include "proto/sip/exchange_private.h"

/* --- requests ---------------------------------------------------------------------------------------------------- */

static bool
drop_dead_flows(struct sip_exchange *exchange, const char *user)
{
    unsigned count;
    const struct sip_binding *const *bindings = sip_locations_find(exchange->locations, user, &count);

    for (unsigned i = 0; i < count; i++)
        if (sip_binding_is_outbound(bindings[i]) && !bindings[i]->path[0] &&
            !sip_proxy_is_open(exchange, &bindings[i]->flow)) {
            sip_locations_forget(exchange->locations, bindings[i]);
            return true;
        }
    return false;
}

/* Section 16.3 item 6, and no open relay: whoever claims to be of the domain proves it; others may call the domain. */
static bool
admit(struct sip_exchange *exchange, struct sip_server *server, bool to_domain)
{
    struct sip_name_addr from;
    char user[SIP_USER_BYTES];
    const char *proven;

    if (!sip_name_addr_decode(sip_message_value(sip_server_request(server), SIP_HEADER_FROM), &from) ||
        !sip_exchange_is_domain(exchange, &from.uri)) {
        if (!to_domain)
            sip_exchange_refuse(exchange, server, SIP_REFUSAL_STRANGER, span_of(NULL, 0));
        return to_domain;
    }
    if (!exchange->options.auth)
        return true;
    proven = sip_exchange_prove(exchange, server, false);
    if (!proven)
        return false;
    if (!sip_user_of(&from.uri, user) || strcmp(user, proven) != 0) {
        sip_exchange_refuse(exchange, server, SIP_REFUSAL_IDENTITY, span_of(NULL, 0));
        return false;
    }
    return true;
}

static void
call_user(struct sip_exchange *exchange, struct sip_server *server, const struct sip_uri *uri, uint32_t state)
{
    char user[SIP_USER_BYTES];
    struct sip_exchange_call *call;
    unsigned count;

    if (!sip_user_of(uri, user) || !sip_exchange_has_user(exchange, user)) {
        sip_exchange_refuse(exchange, server, SIP_REFUSAL_USER, span_of(NULL, 0));
        return;
    }
    (void)sip_exchange_locations(exchange);
    while (drop_dead_flows(exchange, user))
        continue;
    if (!sip_locations_find(exchange->locations, user, &count)) {
        sip_exchange_refuse(exchange, server, SIP_REFUSAL_ABSENT, span_of(NULL, 0));
        return;
    }
    call = sip_proxy_call_new(exchange, server, state, user);
    if (sip_proxy_call_user(call)) {
        exchange->counters.forwarded++;
        return;
    }
    sip_proxy_call_free(call);
    sip_exchange_refuse(exchange, server, SIP_REFUSAL_ABSENT, span_of(NULL, 0));
}

static void
call_uri(struct sip_exchange *exchange, struct sip_server *server, const struct sip_way *way, uint32_t state)
{
    struct sip_exchange_call *call = sip_proxy_call_new(exchange, server, state, NULL);
    enum sip_refusal why = sip_proxy_call_uri(call, way);

    if (why == SIP_REFUSAL_NONE) {
        exchange->counters.forwarded++;
        return;
    }
    sip_proxy_call_free(call);
    sip_exchange_refuse(exchange, server, why, span_of(NULL, 0));
}

/* The fields on which the way of a request depends (section 16.6 item 8): the same again is a loop, others are a spiral. */
static uint32_t
state_of(const struct sip_message *request)
{
    static const uint8_t fields[] = { SIP_HEADER_FROM, SIP_HEADER_TO,    SIP_HEADER_CALL_ID,
                                      SIP_HEADER_CSEQ, SIP_HEADER_ROUTE, SIP_HEADER_PROXY_REQUIRE };
    uint64_t hash = span_hash(request->uri);

    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
        struct sip_values walk = sip_values_of(request, fields[i]);
        struct span value;

        while (sip_values_next(&walk, &value))
            hash = mix64(hash ^ span_hash(value));
    }
    return (uint32_t)hash;
}

/* Section 16.3, in its order; the syntax and the scheme have been looked at before. */
static enum sip_refusal
validate(struct sip_exchange *exchange, const struct sip_message *request, uint32_t state)
{
    struct sip_uri uri;

    if (sip_uri_decode(request->uri, &uri) && uri.secure)
        return SIP_REFUSAL_SECURE;
    if (sip_hops_of(request) == 0)
        return SIP_REFUSAL_HOPS;
    return sip_proxy_is_loop(exchange, request, state) ? SIP_REFUSAL_LOOP : SIP_REFUSAL_NONE;
}

void
sip_proxy_request(struct sip_exchange *exchange, struct sip_server *server)
{
    static const char *const known[] = { NULL };
    const struct sip_message *request = sip_server_request(server);
    uint32_t state = state_of(request);
    enum sip_refusal why = validate(exchange, request, state);
    struct sip_way way;
    struct sip_uri uri;
    bool ours, known_dialog;

    if (why == SIP_REFUSAL_NONE && !sip_way_begin(&way, request, &exchange->self))
        why = SIP_REFUSAL_ROUTE;
    if (why != SIP_REFUSAL_NONE) {
        sip_exchange_refuse(exchange, server, why, span_of(NULL, 0));
        return;
    }
    if (!sip_exchange_extensions(exchange, server, SIP_HEADER_PROXY_REQUIRE, known))
        return;
    known_dialog = sip_proxy_has_token(exchange, &way);
    ours = !known_dialog && !way.count && sip_uri_decode(way.uri, &uri) && sip_exchange_is_domain(exchange, &uri);
    if (!known_dialog && !admit(exchange, server, ours))
        return;
    if (ours)
        call_user(exchange, server, &uri, state);
    else
        call_uri(exchange, server, &way, state);
}

/* --- what has no transaction of its own ------------------------------------------------------------------------------ */

/* Section 16.10. The CANCEL is answered by this server, whatever becomes of the branches. */
void
sip_proxy_cancel(struct sip_exchange *exchange, struct sip_server *cancel, struct sip_server *invite)
{
    struct sip_exchange_call *call = sip_server_owner(invite);

    exchange->counters.cancels++;
    sip_server_refuse(cancel, 200, span_of(NULL, 0));
    if (call)
        sip_proxy_call_cancel(call);
}

/* The ACK of a 2xx goes by its Route, without a transaction (section 16.11); only within a dialog that was admitted. */
void
sip_proxy_ack(struct sip_exchange *exchange, const struct sip_arrival *arrival)
{
    const struct sip_message *request = arrival->message;
    struct sip_way way;
    struct sip_flow next;
    g_autoptr(GBytes) text = NULL;

    if (sip_hops_of(request) > 0 && sip_way_begin(&way, request, &exchange->self) &&
        sip_proxy_has_token(exchange, &way) &&
        sip_proxy_next_hop(exchange, request, &way, NULL, &next) == SIP_REFUSAL_NONE)
        text = sip_proxy_forwarded(exchange, request, &arrival->flow, &way, &next);
    if (text &&
        sip_transactions_send_request(exchange->transactions, &next, span_of_bytes(text), span_of(NULL, 0)) == IO_OK)
        exchange->counters.acks++;
    else
        exchange->counters.acks_dropped++;
}

/* A response that no branch waits for is not forwarded (RFC 6026 section 7.2, which takes back section 16.7 item 1: such
 * responses could be made to go anywhere). A 2xx of an INVITE has its branch for as long as its sender repeats it. */
void
sip_proxy_response(struct sip_exchange *exchange)
{
    exchange->counters.strays++;
}
