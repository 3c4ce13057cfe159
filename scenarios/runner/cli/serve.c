/* punchlab serve: the servers of scenarios on real sockets. */
#include "scenarios/runner/cli/serve.h"

#include <glib-unix.h>
#include <stdio.h>
#include <sys/resource.h>

#include "scenarios/runner/cli/addresses.h"
#include "scenarios/runner/cli/users.h"

enum { LINES_PER_SECOND = 10, LINES_AT_ONCE = 50 };

static const struct argument options[] = {
    { "listen", 'l', ARGUMENT_TEXTS, offsetof(struct serve_options, listen), "ADDR",
      "where to listen, several times if need be: 198.51.100.1, [2001:db8::1]:3478\nor :3478; by default port 3478 of all "
      "addresses, for signal port 8080" },
    { "alternate", 'a', ARGUMENT_TEXT, offsetof(struct serve_options, alternate), "ADDR",
      "stun: a second address of this machine, for behaviour discovery (RFC 5780);\nthe first is that of the first --listen. Port: the "
      "next one" },
    { "user", 'u', ARGUMENT_TEXTS, offsetof(struct serve_options, users), "NAME:PASSWORD",
      "stun: who may ask, several times if need be (RFC 8489's long-term credentials);\nby default everybody" },
    { "realm", 0, ARGUMENT_TEXT, offsetof(struct serve_options, realm), "TEXT",
      "of the users; by default " USERS_REALM },
    { "quiet", 'q', ARGUMENT_FLAG, offsetof(struct serve_options, quiet), NULL, "no log on standard error" },
    OPTIONS_END
};

size_t
serve_addresses(const struct serve_options *given, uint16_t port, struct endpoint *listen, size_t most, GError **error)
{
    const GPtrArray *texts = given->listen;

    if (texts && texts->len > most) {
        g_set_error(error, ADDRESSES_ERROR, 0, "--listen: %u are too many; accepted: up to %zu", texts->len, most);
        return 0;
    }
    for (guint i = 0; texts && i < texts->len; i++)
        if (!addresses_listen("--listen", texts->pdata[i], port, &listen[i], error))
            return 0;
    return texts ? texts->len : 1;
}

const char *
serve_why_not(enum io_result why)
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

static void
print_line(void *owner, const char *line)
{
    (void)owner;
    fprintf(stderr, "%s\n", line);
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

bool
serving_begin(struct serving *serving, const struct serve_options *given, GError **error)
{
    raise_descriptors();
    serving->live = live_new(NULL, error);
    if (!serving->live)
        return false;
    serving->log = live_log_new(LINES_PER_SECOND, LINES_AT_ONCE, print_line, NULL);
    if (!given->quiet)
        live_set_journal(serving->live, live_log_journal(serving->log));
    serving->loop = new_loop();
    return true;
}

void
serving_run(struct serving *serving)
{
    fflush(stdout);
    g_main_loop_run(serving->loop);
}

void
serving_end(struct serving *serving)
{
    g_clear_pointer(&serving->loop, g_main_loop_unref);
    g_clear_pointer(&serving->log, live_log_free);
    g_clear_pointer(&serving->live, live_free);
}

static int
serve_run(const struct command *command, const void *given, const GPtrArray *words)
{
    static const char *const names[] = { "stun", "signal", NULL };
    static int (*const servers[])(const struct command *, const struct serve_options *) = { serve_stun, serve_signal };
    int which;
    GError *error = NULL;

    if (!arguments_choice("server", words->pdata[0], names, &which, &error))
        return command_fail_error(command, error);
    return servers[which](command, given);
}

const struct command serve_command = {
    .name = "serve",
    .usage = "stun|signal [--listen ADDR]... [--alternate ADDR] [--user NAME:PASSWORD]... [--quiet]",
    .summary = "a STUN or a signalling server on real sockets",
    .about = "It serves until SIGINT or SIGTERM, and prints where it listens and, at the end, what it has counted. What it\n"
             "does is told on standard error, at most ten lines a second.\n"
             "\n"
             "stun answers Binding requests (RFC 8489, and RFC 3489's) over UDP and TCP. An answer goes to where its request\n"
             "came from; only with --alternate may it leave from another address or port, or go to another port of the same\n"
             "address, where the request asks for that.\n"
             "\n"
             "signal keeps a mailbox for each peer, over HTTP, so that peers who cannot reach each other yet exchange texts:\n"
             "  curl --data-binary @offer.sdp http://SERVER:8080/peers/bob/from/alice   puts one into bob's mailbox\n"
             "  curl -i http://SERVER:8080/peers/bob/messages     waits up to 30 s for bob's oldest one, and shows its ID\n"
             "  curl -i 'http://SERVER:8080/peers/bob/messages?after=ID'         drops that, and waits for the next\n"
             "Nobody has a password: whoever reaches it may read and write everything.\n"
             "\n"
             "Exit status: 0; 2 when it cannot listen.\n",
    .options = options,
    .options_size = sizeof(struct serve_options),
    .words_min = 1,
    .words_max = 1,
    .run = serve_run,
};
