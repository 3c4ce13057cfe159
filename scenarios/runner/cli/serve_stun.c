/* punchlab serve stun: the STUN server of scenarios on real sockets. */
#include <inttypes.h>
#include <stdio.h>

#include "proto/stun/server.h"
#include "scenarios/runner/cli/addresses.h"
#include "scenarios/runner/cli/serve.h"
#include "scenarios/runner/cli/users.h"

static bool
read_addresses(const struct serve_options *given, struct stun_server_options *server, GError **error)
{
    server->listens = serve_addresses(given, STUN_PORT, server->listen, STUN_SERVER_MAX_LISTEN, error);
    if (server->listens == 0)
        return false;
    if (!given->alternate)
        return true;
    if (given->alternate->len > 1) {
        g_set_error(error, ADDRESSES_ERROR, 0, "--alternate: %u are too many; accepted: one", given->alternate->len);
        return false;
    }
    if (!addresses_listen("--alternate", given->alternate->pdata[0], 0, &server->second, error))
        return false;
    if (address_is_unspecified(server->listen[0].address) || address_is_unspecified(server->second.address)) {
        g_set_error(error, ADDRESSES_ERROR, 0,
                    "--alternate needs an address of its own and a first --listen with another one");
        return false;
    }
    return true;
}

static void
print_sockets(const struct stun_server *server, const struct stun_server_options *chosen)
{
    for (size_t i = 0; i < stun_server_sockets(server); i++)
        serve_print_place(stun_server_local(server, i), chosen->tcp && i < chosen->listens ? "UDP, TCP" : "UDP");
}

static void
print_counters(const struct stun_server_counters *counters)
{
    printf("%" PRIu64 " messages: %" PRIu64 " requests (%" PRIu64 " answered, %" PRIu64 " refused), %" PRIu64
           " indications, %" PRIu64 " malformed, %" PRIu64 " unexpected; %" PRIu64 " answers not sent; %" PRIu64
           " TCP connections (%" PRIu64 " broken off, %" PRIu64 " made room for others)\n",
           counters->datagrams, counters->requests, counters->successes, counters->errors, counters->indications,
           counters->malformed, counters->unexpected, counters->unsent, counters->connections,
           counters->broken, counters->evicted);
}

int
serve_stun(const struct command *command, const struct serve_options *given)
{
    struct stun_server_options chosen = STUN_SERVER_DEFAULTS;
    enum io_result why = IO_OK;
    GError *error = NULL;

    if (!read_addresses(given, &chosen, &error))
        return command_fail_error(command, error);

    g_autoptr(stun_users) users = NULL;

    if (!users_read(given->users, given->realm, &users, &error))
        return command_fail_error(command, error);

    struct stun_auth_options auth = { .mechanism = STUN_MECHANISM_LONG_TERM,
                                      .users = users,
                                      .algorithms = STUN_ALGORITHMS_ALL };
    g_auto(serving) serving = { .live = NULL };

    chosen.auth = users ? &auth : NULL;
    if (!serving_begin(&serving, given, &error))
        return command_fail_error(command, error);

    g_autoptr(stun_server) server = stun_server_new(live_io(serving.live), &chosen, &why);

    if (!server)
        return command_fail(command, "cannot listen: %s", serve_why_not(why));
    print_sockets(server, &chosen);
    serving_run(&serving);
    print_counters(stun_server_counters(server));
    return STATUS_HELD;
}
