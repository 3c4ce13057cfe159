/* punchlab serve: the servers of scenarios on real sockets. */
#include <glib-unix.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "core/live/live.h"
#include "core/live/log.h"
#include "proto/stun/server.h"
#include "scenarios/runner/cli/addresses.h"
#include "scenarios/runner/cli/command.h"
#include "scenarios/runner/cli/users.h"

enum { LINES_PER_SECOND = 10, LINES_AT_ONCE = 50 };

struct serve_options {
    bool help, quiet;
    GPtrArray *listen, *users;
    const char *alternate, *realm;
};

static const struct argument options[] = {
    { "listen", 'l', ARGUMENT_TEXTS, offsetof(struct serve_options, listen), "ADDR",
      "where to listen, several times if need be: 198.51.100.1, [2001:db8::1]:3478\nor :3478; by default port 3478 of all "
      "addresses" },
    { "alternate", 'a', ARGUMENT_TEXT, offsetof(struct serve_options, alternate), "ADDR",
      "a second address of this machine, for behaviour discovery (RFC 5780); the\nfirst is that of the first --listen. Port: "
      "the next one" },
    { "user", 'u', ARGUMENT_TEXTS, offsetof(struct serve_options, users), "NAME:PASSWORD",
      "who may ask, several times if need be (RFC 8489's long-term credentials);\nby default everybody" },
    { "realm", 0, ARGUMENT_TEXT, offsetof(struct serve_options, realm), "TEXT",
      "of the users; by default " USERS_REALM },
    { "quiet", 'q', ARGUMENT_FLAG, offsetof(struct serve_options, quiet), NULL, "no log on standard error" },
    OPTIONS_END
};

static const char *const servers[] = { "stun", NULL };

static bool
read_addresses(const struct serve_options *given, struct stun_server_options *server, GError **error)
{
    const GPtrArray *listen = given->listen;

    if (listen && listen->len > STUN_SERVER_MAX_LISTEN) {
        g_set_error(error, ADDRESSES_ERROR, 0, "--listen: %u are too many; accepted: up to %d", listen->len,
                    STUN_SERVER_MAX_LISTEN);
        return false;
    }
    for (guint i = 0; listen && i < listen->len; i++)
        if (!addresses_listen("--listen", listen->pdata[i], STUN_PORT, &server->listen[i], error))
            return false;
    server->listens = listen ? listen->len : 1;
    if (!given->alternate)
        return true;
    if (!addresses_listen("--alternate", given->alternate, 0, &server->second, error))
        return false;
    if (address_is_unspecified(server->listen[0].address) || address_is_unspecified(server->second.address)) {
        g_set_error(error, ADDRESSES_ERROR, 0,
                    "--alternate needs an address of its own and a first --listen with another one");
        return false;
    }
    return true;
}

/* Standard output belongs to what it listens on, so that whoever started it can wait for that. */
static void
print_sockets(const struct stun_server *server, const struct stun_server_options *chosen)
{
    char text[ENDPOINT_TEXT];

    for (size_t i = 0; i < stun_server_sockets(server); i++)
        printf("listening on %s (%s)\n", endpoint_format(stun_server_local(server, i), text),
               chosen->tcp && i < chosen->listens ? "UDP, TCP" : "UDP");
    fflush(stdout);
}

static void
print_line(void *owner, const char *line)
{
    (void)owner;
    fprintf(stderr, "%s\n", line);
}

static void
print_counters(const struct stun_server_counters *counters)
{
    printf("%" PRIu64 " messages: %" PRIu64 " requests (%" PRIu64 " answered, %" PRIu64 " refused), %" PRIu64
           " indications, %" PRIu64 " malformed, %" PRIu64 " unexpected; %" PRIu64 " answers not sent; %" PRIu64
           " TCP connections\n",
           counters->datagrams, counters->requests, counters->successes, counters->errors, counters->indications,
           counters->malformed, counters->unexpected, counters->unsent, counters->connections);
}

static gboolean
on_signal(gpointer loop)
{
    g_main_loop_quit(loop);
    return G_SOURCE_CONTINUE; /* a supervisor may signal a process and its group: the second must not end it half-way */
}

/* A loop that a signal ends. The handlers, which hold it, stay until the program ends. */
static GMainLoop *
new_loop(void)
{
    static const int numbers[] = { SIGINT, SIGTERM };
    GMainLoop *loop = g_main_loop_new(NULL, FALSE);

    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
        g_unix_signal_add_full(G_PRIORITY_DEFAULT, numbers[i], on_signal, g_main_loop_ref(loop),
                               (GDestroyNotify)g_main_loop_unref);
    return loop;
}

/* What the words of the seam mean for an address on the command line. */
static const char *
why_not(enum io_result why)
{
    switch (why) {
    case IO_IN_USE:
        return "a port is taken";
    case IO_NO_ADDRESS:
        return "an address is none of this machine's, or the second is no other one";
    case IO_UNSUPPORTED:
        return "this user may not use such a port";
    default:
        return io_result_word(why);
    }
}

/* As many connections as the administrator allows, not as many as a shell is used to. */
static void
raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static int
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

    chosen.auth = users ? &auth : NULL;
    raise_descriptors();

    g_autoptr(live) live = live_new(NULL, &error);

    if (!live)
        return command_fail_error(command, error);

    g_autoptr(live_log) log = live_log_new(LINES_PER_SECOND, LINES_AT_ONCE, print_line, NULL);
    struct stun_server *server = stun_server_new(live_io(live), &chosen, &why);

    if (!server)
        return command_fail(command, "cannot listen: %s", why_not(why));
    if (!given->quiet)
        live_set_journal(live, live_log_journal(log));

    g_autoptr(GMainLoop) loop = new_loop(); /* before it says that it listens: whoever waits for that may signal then */

    print_sockets(server, &chosen);
    g_main_loop_run(loop);
    print_counters(stun_server_counters(server));
    stun_server_free(server);
    return STATUS_HELD;
}

static int
serve_run(const struct command *command, const void *given, const GPtrArray *words)
{
    int which;
    GError *error = NULL;

    if (!arguments_choice("server", words->pdata[0], servers, &which, &error))
        return command_fail_error(command, error);
    return serve_stun(command, given);
}

const struct command serve_command = {
    .name = "serve",
    .usage = "stun [--listen ADDR]... [--alternate ADDR] [--user NAME:PASSWORD]... [--quiet]",
    .summary = "a STUN server on real sockets",
    .about = "It answers Binding requests (RFC 8489, and RFC 3489's) over UDP and TCP until SIGINT or SIGTERM, and prints\n"
             "where it listens and, at the end, what it has counted. What it does is told on standard error, at most ten lines a\n"
             "second. An answer goes to where its request came from; only with --alternate may it leave from another\n"
             "address or port, or go to another port of the same address, where the request asks for that. With --user it\n"
             "answers those who know a password, and asks others for one (401).\n"
             "\n"
             "Exit status: 0; 2 when it cannot listen.\n",
    .options = options,
    .options_size = sizeof(struct serve_options),
    .words_min = 1,
    .words_max = 1,
    .run = serve_run,
};
