/* The registrar of an exchange (RFC 3261 section 10.3): whose REGISTER it is, and the answer with all bindings. */
#include "proto/sip/exchange_private.h"

/* Item 5: the address-of-record, in canonical form, is the user of the domain that To names. */
static bool
find_user(struct sip_exchange *exchange, const struct sip_message *request, char user[SIP_USER_BYTES])
{
    struct sip_name_addr to;

    return sip_name_addr_decode(sip_message_value(request, SIP_HEADER_TO), &to) &&
           sip_exchange_is_domain(exchange, &to.uri) && sip_user_of(&to.uri, user) &&
           sip_exchange_has_user(exchange, user);
}

/* Items 3 to 5. False when it was refused. */
static bool
admit(struct sip_exchange *exchange, struct sip_server *server, char user[SIP_USER_BYTES])
{
    static const char *const known[] = { "path", "outbound", NULL };
    const char *proven = NULL;

    if (!sip_exchange_extensions(exchange, server, SIP_HEADER_REQUIRE, known))
        return false;
    if (exchange->options.auth && !(proven = sip_exchange_prove(exchange, server, true)))
        return false;
    if (!find_user(exchange, sip_server_request(server), user)) {
        sip_exchange_refuse(exchange, server, SIP_REFUSAL_USER, span_of(NULL, 0));
        return false;
    }
    if (proven && strcmp(proven, user) != 0) {
        sip_exchange_refuse(exchange, server, SIP_REFUSAL_IDENTITY, span_of(NULL, 0));
        return false;
    }
    return true;
}

/* --- the answer -------------------------------------------------------------------------------------------------- */

static void
put_bindings(struct sip_exchange *exchange, const char *user, int64_t now, GString *more)
{
    unsigned count;
    const struct sip_binding *const *bindings = sip_locations_find(exchange->locations, user, &count);

    for (unsigned i = 0; i < count; i++)
        g_string_append_printf(more, "Contact: <%s>%s;expires=%u\r\n", bindings[i]->contact, bindings[i]->parameters,
                               sip_binding_seconds(bindings[i], now));
}

/* RFC 3327 section 5.3: the Path comes back, so that the user agent sees what was put into it. */
static void
put_path(const struct sip_message *request, GString *more)
{
    for (unsigned i = 0; i < request->count; i++)
        if (request->headers[i].id == SIP_HEADER_PATH)
            g_string_append_len(more, (const char *)request->headers[i].line.bytes,
                                (gssize)request->headers[i].line.length);
}

static void
note_refusal(struct sip_exchange *exchange, struct sip_server *server, const char *user, enum sip_registering what)
{
    struct sip_flow came = sip_server_flow(server);
    struct record record = { .kind = &sip_kind_register_refused,
                             .before = { came.peer.address, came.local.address, came.peer.port, came.local.port,
                                         sip_flow_is_stream(&came) ? PROTOCOL_TCP : PROTOCOL_UDP },
                             .rule = what };

    sip_record_user(&record, user);
    exchange->io->ops->note(exchange->io, &record);
}

static void
answer(struct sip_exchange *exchange, struct sip_server *server, const char *user, enum sip_registering what,
       bool outbound, int64_t now)
{
    g_autoptr(GString) more = g_string_new(NULL);

    if (what == SIP_REGISTERING_DONE) {
        put_bindings(exchange, user, now, more);
        put_path(sip_server_request(server), more);
        g_string_append_printf(more, "Supported: path, outbound\r\n%s", outbound ? "Require: outbound\r\n" : "");
    } else {
        if (what == SIP_REGISTERING_BRIEF)
            g_string_append_printf(more, "Min-Expires: %u\r\n", exchange->options.expires_least);
        note_refusal(exchange, server, user, what);
    }
    sip_server_refuse(server, sip_registering_status(what), span_of(more->str, more->len));
}

void
sip_exchange_register(struct sip_exchange *exchange, struct sip_server *server)
{
    char user[SIP_USER_BYTES];
    struct sip_registration registration = { .user = user,
                                             .request = sip_server_request(server),
                                             .flow = sip_server_flow(server),
                                             .now = sip_exchange_time(exchange) };
    enum sip_registering what;
    bool outbound;

    if (!admit(exchange, server, user))
        return;
    what = sip_locations_register(exchange->locations, &registration, &outbound);
    exchange->counters.registers++;
    exchange->counters.registering[what]++;
    sip_exchange_locations(exchange); /* the next expiry may have moved */
    answer(exchange, server, user, what, outbound, registration.now);
}
