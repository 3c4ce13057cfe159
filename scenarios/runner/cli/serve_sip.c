/* punchlab serve sip: the registrar and proxy of scenarios on real sockets. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/sip/exchange.h"
#include "proto/sip/exchange_kinds.h"
#include "scenarios/runner/cli/addresses.h"
#include "scenarios/runner/cli/serve_drain.h"

enum { CONNECTIONS = 10000, TRANSACTIONS = 100000, BINDINGS = 100000 };

/* --- options ----------------------------------------------------------------------------------------------------- */

typedef struct choice {
    struct sip_exchange_options server;
    GArray *users; /* of struct sip_exchange_user */
    GPtrArray *names;
    char domain[ADDRESS_TEXT];
    int64_t drain;
} choice;

static void
choice_clear(struct choice *choice)
{
    g_clear_pointer(&choice->users, g_array_unref);
    g_clear_pointer(&choice->names, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(choice, choice_clear)

static bool
add_user(struct choice *choice, const char *text, GError **error)
{
    const char *colon = strchr(text, ':');
    char *name = g_strndup(text, colon ? (gsize)(colon - text) : strlen(text));
    struct sip_exchange_user user = { name, colon ? colon + 1 : "" };

    g_ptr_array_add(choice->names, name);
    if (!colon || !colon[1]) {
        g_set_error(error, ARGUMENTS_ERROR, 0, "--user: '%s' has no password; accepted: NAME:PASSWORD", name);
        return false;
    }
    if (!sip_auth_realm_fits(name)) {
        g_set_error(error, ARGUMENTS_ERROR, 0,
                    "--user: a name of %zu bytes; accepted: 1 to 127 bytes, without quotes and control characters",
                    strlen(name));
        return false;
    }
    for (guint i = 0; i < choice->users->len; i++)
        if (strcmp(g_array_index(choice->users, struct sip_exchange_user, i).name, name) == 0) {
            g_set_error(error, ARGUMENTS_ERROR, 0, "--user: '%s' is there twice", name);
            return false;
        }
    g_array_append_val(choice->users, user);
    return true;
}

static bool
read_users(struct choice *choice, const struct serve_options *given, GError **error)
{
    choice->users = g_array_new(FALSE, FALSE, sizeof(struct sip_exchange_user));
    choice->names = g_ptr_array_new_with_free_func(g_free);
    if (!given->users && !given->open) {
        g_set_error_literal(error, ARGUMENTS_ERROR, 0,
                            "serve sip needs --user NAME:PASSWORD, or --open to let anybody register as anybody");
        return false;
    }
    if (given->users && given->open) {
        g_set_error_literal(error, ARGUMENTS_ERROR, 0, "--open and --user: one of the two");
        return false;
    }
    for (guint i = 0; given->users && i < given->users->len; i++)
        if (!add_user(choice, given->users->pdata[i], error))
            return false;
    choice->server.auth = !given->open;
    choice->server.users = (const struct sip_exchange_user *)choice->users->data;
    choice->server.user_count = choice->users->len;
    return true;
}

static bool
read_domain(struct choice *choice, const struct serve_options *given, GError **error)
{
    const char *domain = given->domain;

    if (!domain && address_is_unspecified(choice->server.listen.address)) {
        g_set_error_literal(
            error, ARGUMENTS_ERROR, 0,
            "serve sip needs --domain NAME: what stands after the @ of its users, or a --listen address");
        return false;
    }
    choice->server.domain = domain ? domain : address_format(choice->server.listen.address, choice->domain);
    choice->server.realm = given->realm;
    if (sip_auth_realm_fits(choice->server.domain) && (!given->realm || sip_auth_realm_fits(given->realm)))
        return true;
    g_set_error(error, ARGUMENTS_ERROR, 0, "%s: accepted: 1 to 127 bytes, without quotes and control characters",
                sip_auth_realm_fits(choice->server.domain) ? "--realm" : "--domain");
    return false;
}

static bool
read_seconds(const char *option, const char *text, uint32_t *seconds, GError **error)
{
    int64_t duration;

    if (!text)
        return true;
    if (!duration_parse(text, &duration) || duration < TIME_S || duration / TIME_S > INT32_MAX) {
        g_set_error(error, ARGUMENTS_ERROR, 0,
                    "%s: '%s' is no time for a registration; accepted: 1s or more, like 10min", option, text);
        return false;
    }
    *seconds = (uint32_t)(duration / TIME_S);
    return true;
}

static bool
read_times(struct choice *choice, const struct serve_options *given, GError **error)
{
    struct sip_exchange_options *server = &choice->server;

    if (!read_seconds("--min-expires", given->min_expires, &server->expires_least, error) ||
        !read_seconds("--max-expires", given->max_expires, &server->expires_most, error))
        return false;
    if (server->expires_least > server->expires_most) {
        g_set_error_literal(error, ARGUMENTS_ERROR, 0, "--min-expires is more than --max-expires");
        return false;
    }
    server->expires = CLAMP(server->expires, server->expires_least, server->expires_most);
    choice->drain = 10 * TIME_S;
    if (given->drain && (!duration_parse(given->drain, &choice->drain) || choice->drain < 0)) {
        g_set_error(error, ARGUMENTS_ERROR, 0, "--drain: '%s' is no time; accepted: 10s, 5min", given->drain);
        return false;
    }
    return true;
}

static bool
choice_read(struct choice *choice, const struct serve_options *given, GError **error)
{
    choice->server = SIP_EXCHANGE_DEFAULTS;
    choice->server.connections = CONNECTIONS;
    choice->server.transactions = TRANSACTIONS;
    choice->server.bindings = BINDINGS;
    choice->server.record_route = !given->no_record_route;
    return serve_addresses(given, SIP_PORT, &choice->server.listen, 1, error) && read_users(choice, given, error) &&
           read_domain(choice, given, error) && read_times(choice, given, error);
}

/* --- the log ------------------------------------------------------------------------------------------------------ */

/* Lets through who registers and what is refused: a line for each request would leave them no room. */
struct sieve {
    struct journal journal; /* first */
    struct journal *to;
};

static void
sieve_take(struct journal *journal, const struct record *record)
{
    const struct sieve *sieve = (const struct sieve *)journal;

    if (record->kind == &sip_kind_bound || record->kind == &sip_kind_unbound ||
        record->kind == &sip_kind_register_refused || record->kind == &sip_kind_request_refused)
        journal_take(sieve->to, record);
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

static void
begin_draining(void *owner)
{
    sip_exchange_drain(owner);
}

static unsigned
pending(void *owner)
{
    return sip_exchange_pending(owner);
}

static uint64_t
refused(const struct sip_exchange_counters *counters)
{
    uint64_t sum = 0;

    for (enum sip_refusal i = SIP_REFUSAL_NONE; i < SIP_REFUSAL_COUNT; i++)
        sum += counters->refused[i];
    return sum;
}

static void
print_counters(struct sip_exchange *server)
{
    const struct sip_exchange_counters *counters = sip_exchange_counters(server);
    const struct sip_carrier_counters *carrier =
        sip_carrier_counters(sip_transactions_carrier(sip_exchange_transactions(server)));

    printf("%" PRIu64 " requests: %" PRIu64 " forwarded, %" PRIu64 " refused, %" PRIu64
           " registrations looked at; %" PRIu64 " calls answered, %" PRIu64 " failed; bindings: %" PRIu64
           " made, %" PRIu64 " refreshed, %" PRIu64 " taken back, %" PRIu64 " expired, %u left; %" PRIu64
           " messages received, %" PRIu64 " sent, %" PRIu64 " malformed; %" PRIu64 " TCP connections; %" PRIu64
           " keep-alives answered\n",
           counters->requests, counters->forwarded, refused(counters), counters->registers, counters->answered,
           counters->failed, counters->bound, counters->refreshed, counters->unbound, counters->expired,
           sip_locations_count(sip_exchange_locations(server)), carrier->received, carrier->sent, carrier->malformed,
           carrier->accepted + carrier->connected, carrier->pings + carrier->bindings);
    for (enum sip_refusal i = SIP_REFUSAL_NONE + 1; i < SIP_REFUSAL_COUNT; i++)
        if (counters->refused[i])
            printf("refused because %s: %" PRIu64 "\n", sip_refusal_sentence(i), counters->refused[i]);
}

int
serve_sip(const struct command *command, const struct serve_options *given)
{
    g_auto(choice) chosen = { .users = NULL };
    g_auto(serving) serving = { .live = NULL };
    enum io_result why = IO_OK;
    GError *error = NULL;

    if (!choice_read(&chosen, given, &error) || !serving_begin(&serving, given, &error))
        return command_fail_error(command, error);

    struct sieve sieve = { { sieve_take }, live_log_journal(serving.log) };

    if (!given->quiet)
        live_set_journal(serving.live, &sieve.journal);

    g_autoptr(sip_exchange) server = sip_exchange_new(live_io(serving.live), &chosen.server, &why);
    struct serve_draining how = { begin_draining, pending, server, "requests", chosen.drain };

    if (!server)
        return command_fail(command, "cannot listen: %s", serve_why_not(why));
    serve_print_place(sip_exchange_local(server), "UDP, TCP");
    serve_until_drained(&serving, &how);
    print_counters(server);
    return STATUS_HELD;
}
