/* punchlab serve signal: the signalling server of scenarios on real sockets. */
#include <inttypes.h>
#include <stdio.h>

#include "proto/http/signal_server.h"
#include "scenarios/runner/cli/serve.h"

/* A process has 1024 descriptors unless told otherwise. */
enum { CONNECTIONS = 960 };

static void
print_counters(const struct signal_server *server)
{
    const struct signal_server_counters *counters = signal_server_counters(server);
    const struct http_server_counters *http = signal_server_http_counters(server);

    printf("%" PRIu64 " messages: %" PRIu64 " taken, %" PRIu64 " repeated; %" PRIu64 " handed out, %" PRIu64
           " waits without one; %" PRIu64 " requests refused, %" PRIu64 " malformed; %" PRIu64
           " peers forgotten; %" PRIu64 " connections\n",
           counters->taken + counters->repeated, counters->taken, counters->repeated, counters->handed,
           counters->empty, counters->refused, http->malformed, counters->expired, http->connections);
}

int
serve_signal(const struct command *command, const struct serve_options *given)
{
    struct endpoint listen[HTTP_SERVER_MAX_LISTEN] = { { ADDRESS_NONE, SIGNAL_PORT } };
    struct signal_server_options chosen = SIGNAL_SERVER_DEFAULTS;
    enum io_result why = IO_OK;
    GError *error = NULL;

    chosen.listen = listen;
    chosen.connections = CONNECTIONS;
    chosen.listens = serve_addresses(given, SIGNAL_PORT, listen, G_N_ELEMENTS(listen), &error);
    if (chosen.listens == 0)
        return command_fail_error(command, error);

    g_auto(serving) serving = { .live = NULL };

    if (!serving_begin(&serving, given, &error))
        return command_fail_error(command, error);

    g_autoptr(signal_server) server = signal_server_new(live_io(serving.live), &chosen, &why);

    if (!server)
        return command_fail(command, "cannot listen: %s", serve_why_not(why));
    for (size_t i = 0; i < chosen.listens; i++)
        serve_print_place(signal_server_local(server, i), "HTTP");
    serving_run(&serving);
    print_counters(server);
    return STATUS_HELD;
}
