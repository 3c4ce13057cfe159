/* How a proxy sends a request on (RFC 3261 section 16.6): its next hop, and the message with what is put on record. */
#include "proto/sip/exchange_private.h"

#include "proto/sip/lex.h"

/* --- where to ----------------------------------------------------------------------------------------------------- */

/* Whether a flow can be gone by: a connection that is gone can't. */
bool
sip_proxy_is_open(const struct sip_exchange *exchange, const struct sip_flow *flow)
{
    return !address_is_none(flow->peer.address) &&
           sip_carrier_has(sip_transactions_carrier(exchange->transactions), flow);
}

/* The other end of the dialog, by a token that stood in the request's Route. */
static bool
flow_by_token(struct sip_exchange *exchange, const struct sip_message *request, const struct sip_way *way,
              struct sip_flow *flow, bool *was_token)
{
    struct sip_token token;
    struct sip_name_addr from;

    *was_token = way->token.length && sip_token_read(way->token, exchange->secret, &token);
    if (!*was_token || !sip_name_addr_decode(sip_message_value(request, SIP_HEADER_FROM), &from))
        return false;
    *flow = sip_token_hash(from.tag) == token.caller ? token.to_callee : token.to_caller;
    return sip_proxy_is_open(exchange, flow);
}

/* Section 16.6 item 7. A token's flow comes before what the next hop's URI says (RFC 5626 section 5.3), and a binding's
 * before its Contact, which may be private to a NAT. */
enum sip_refusal
sip_proxy_next_hop(struct sip_exchange *exchange, const struct sip_message *request, struct sip_way *way,
                   const struct sip_binding *binding, struct sip_flow *flow)
{
    struct sip_uri hop;
    bool token, routed = way->count > 0;

    if (!sip_way_next(way, &hop))
        return SIP_REFUSAL_ROUTE;
    if (flow_by_token(exchange, request, way, flow, &token))
        return SIP_REFUSAL_NONE;
    if (binding && !routed && exchange->options.flows && sip_proxy_is_open(exchange, &binding->flow)) {
        *flow = binding->flow;
        return SIP_REFUSAL_NONE;
    }
    if (binding && !routed && exchange->options.flows && sip_binding_is_outbound(binding))
        return SIP_REFUSAL_FLOW;
    if (sip_flow_of_uri(&hop, &exchange->names, flow))
        return exchange->self.is(exchange, &hop) ? SIP_REFUSAL_LOOP : SIP_REFUSAL_NONE;
    return token ? SIP_REFUSAL_FLOW : SIP_REFUSAL_UNRESOLVED;
}

/* Whether a request comes back by a Record-Route of ours: it belongs to a dialog that has been admitted. */
bool
sip_proxy_has_token(const struct sip_exchange *exchange, const struct sip_way *way)
{
    struct sip_token token;

    return way->token.length && sip_token_read(way->token, exchange->secret, &token);
}

/* --- the message -------------------------------------------------------------------------------------------------- */

/* "<sip:TOKEN@host:port;lr>", for Record-Route and Path, as who is at the other end of `side` has to write to. */
static void
put_own_uri(struct sip_exchange *exchange, const struct sip_flow *side, const struct sip_token *token, const char *more,
            GString *out)
{
    char text[SIP_TOKEN_TEXT];
    uint8_t host[ENDPOINT_TEXT + 2];
    struct writer writer = writer_over(host, sizeof host);
    struct endpoint at = exchange->local;

    (void)sip_carrier_sent_by(sip_transactions_carrier(exchange->transactions), side, &at);
    sip_put_host(&writer, at);
    sip_token_write(token, exchange->secret, text);
    g_string_append_printf(out, "<sip:%s@%.*s;lr%s>", text, (int)writer_length(&writer), (const char *)host, more);
}

static const char *
transport_parameter(const struct sip_flow *flow)
{
    return flow->protocol == SIP_TCP ? ";transport=tcp" : "";
}

/* Each side comes back by the transport that it came by: where UDP is blocked nothing else would arrive. Where the two
 * differ there is a value for each, the callee's on top (RFC 5658 section 3.1). */
static void
put_record_route(struct sip_exchange *exchange, const struct sip_token *token, GString *out)
{
    const struct sip_flow *caller = &token->to_caller, *callee = &token->to_callee;

    put_own_uri(exchange, callee, token, transport_parameter(callee), out);
    if (caller->protocol == callee->protocol)
        return;
    g_string_append(out, ", ");
    put_own_uri(exchange, caller, token, transport_parameter(caller), out);
}

static bool
has_to_tag(const struct sip_message *request)
{
    struct sip_name_addr to;

    return sip_name_addr_decode(sip_message_value(request, SIP_HEADER_TO), &to) && to.tag.length;
}

/* What this server puts on top, so that it hears of the dialog again, and of requests to whoever registers through it. */
static void
put_on_record(struct sip_exchange *exchange, const struct sip_message *request, const struct sip_flow *came,
              const struct sip_flow *next, GString *record_route, GString *path)
{
    struct sip_token token = { .to_caller = *came, .to_callee = *next };
    struct sip_name_addr from;
    bool begins =
        request->method_id == SIP_INVITE || request->method_id == SIP_SUBSCRIBE || request->method_id == SIP_REFER;

    if (request->method_id == SIP_REGISTER && sip_message_lists(request, SIP_HEADER_SUPPORTED, "path")) {
        token.to_callee = *came; /* whoever comes from elsewhere goes to the user agent */
        put_own_uri(exchange, came, &token, ";ob", path);
    } else if (exchange->options.record_route && begins && !has_to_tag(request)) {
        if (sip_name_addr_decode(sip_message_value(request, SIP_HEADER_FROM), &from))
            token.caller = sip_token_hash(from.tag);
        put_record_route(exchange, &token, record_route);
    }
}

/* The request as it goes on along `*flow`. */
GBytes *
sip_proxy_forwarded(struct sip_exchange *exchange, const struct sip_message *request, const struct sip_flow *came,
                    const struct sip_way *way, const struct sip_flow *next)
{
    g_autoptr(GString) record_route = g_string_new(NULL);
    g_autoptr(GString) path = g_string_new(NULL);
    struct sip_forwarding forwarding = {
        .request = request, .source = came->peer, .way = way, .realm = sip_auth_realm(exchange->auth)
    };
    g_autofree uint8_t *buffer = NULL;
    struct writer out;
    unsigned hops = sip_hops_of(request);

    put_on_record(exchange, request, came, next, record_route, path);
    forwarding.hops = sip_message_find(request, SIP_HEADER_MAX_FORWARDS, 0) ? hops - 1 : hops;
    forwarding.record_route = span_of(record_route->str, record_route->len);
    forwarding.path = span_of(path->str, path->len);
    buffer = g_malloc(sip_forwarded_room(&forwarding));
    out = writer_over(buffer, sip_forwarded_room(&forwarding));
    sip_put_forwarded(&out, &forwarding);
    return writer_failed(&out) ? NULL : g_bytes_new(buffer, writer_length(&out));
}
