/* punchlab serve: the servers of scenarios on real sockets. */
#include "scenarios/runner/cli/serve.h"

#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "scenarios/runner/cli/addresses.h"
#include "scenarios/runner/cli/users.h"

enum { LINES_PER_SECOND = 10 };

enum server { SERVER_STUN, SERVER_TURN, SERVER_SIGNAL, SERVER_SIP, SERVER_COUNT };

static const struct {
    const char *name;
    int (*run)(const struct command *command, const struct serve_options *given);
} servers[] = {
    [SERVER_STUN] = { "stun", serve_stun },
    [SERVER_TURN] = { "turn", serve_turn },
    [SERVER_SIGNAL] = { "signal", serve_signal },
    [SERVER_SIP] = { "sip", serve_sip },
};

G_STATIC_ASSERT(G_N_ELEMENTS(servers) == SERVER_COUNT);

#define INTO(member) offsetof(struct serve_options, member)

static const struct argument options[] = {
    { "listen", 'l', ARGUMENT_TEXTS, INTO(listen), "ADDR",
      "where to listen, several times if need be: 198.51.100.1, [2001:db8::1]:3478\nor :3478; by default port 3478 of all "
      "addresses, for signal port 8080, for sip port 5060" },
    { "alternate", 'a', ARGUMENT_TEXTS, INTO(alternate), "ADDR",
      "stun: a second address of this machine, for behaviour discovery (RFC 5780);\nthe first is that of the first --listen. Port: the "
      "next one" },
    { "user", 'u', ARGUMENT_TEXTS, INTO(users), "NAME:PASSWORD",
      "stun, turn: who may ask, several times if need be (RFC 8489's long-term\ncredentials); by default everybody, but for turn "
      "nobody. sip: who may register and call" },
    { "realm", 0, ARGUMENT_TEXT, INTO(realm), "TEXT",
      "stun, turn, sip: of the users; by default " USERS_REALM ", for sip the domain" },
    { "relay", 0, ARGUMENT_TEXTS, INTO(relay), "ADDR[/EXTERNAL]",
      "turn: this machine's address from which peers are reached, once for IPv4 and\nonce for IPv6; EXTERNAL: what it is outside "
      "of a 1:1 NAT. By default the\naddress that is listened at, or the machine's first of each family" },
    { "secret", 0, ARGUMENT_TEXT, INTO(secret), "TEXT",
      "turn: shared with a service that hands out time-limited credentials: the user\nis EXPIRY:NAME, the password "
      "base64(HMAC-SHA1(TEXT, user))" },
    { "open", 0, ARGUMENT_FLAG, INTO(open), NULL,
      "turn: relays for everybody, without --user and --secret; sip: anybody may\nregister and call as anybody" },
    { "allow", 0, ARGUMENT_TEXTS, INTO(allow), "PREFIX",
      "turn: peers to relay to although they are refused otherwise, several times if\nneed be: 10.0.0.0/8. Stronger than --deny" },
    { "deny", 0, ARGUMENT_TEXTS, INTO(deny), "PREFIX",
      "turn: peers never to relay to, besides loopback, link-local, multicast,\nbroadcast and private addresses, and this "
      "machine's own" },
    { "quota", 0, ARGUMENT_TEXT, INTO(quota), "N", "turn: allocations of a user at a time; by default no limit" },
    { "total-quota", 0, ARGUMENT_TEXT, INTO(total_quota), "N", "turn: allocations of all users at a time" },
    { "bandwidth", 0, ARGUMENT_TEXT, INTO(bandwidth), "RATE",
      "turn: what an allocation may relay, both directions together: 2.5Mbit/s;\ndatagrams beyond that are dropped, streams wait" },
    { "ports", 0, ARGUMENT_TEXT, INTO(ports), "LOW-HIGH", "turn: ports of relayed addresses; by default 49152-65535" },
    { "max-lifetime", 0, ARGUMENT_TEXT, INTO(max_lifetime), "TIME",
      "turn: of an allocation until it must be refreshed; by default 1h, and never\nless than 10min" },
    { "old-channels", 0, ARGUMENT_FLAG, INTO(old_channels), NULL,
      "turn: also takes the channels 0x5000 to 0x7FFF, which clients of RFC 5766 choose" },
    { "drain", 0, ARGUMENT_TEXT, INTO(drain), "TIME",
      "turn, sip: how long SIGTERM leaves to allocations, or requests, that there are;\nby default 10s" },
    { "domain", 0, ARGUMENT_TEXT, INTO(domain), "NAME",
      "sip: what stands after the @ of its users; by default the --listen address" },
    { "min-expires", 0, ARGUMENT_TEXT, INTO(min_expires), "TIME",
      "sip: registrations for less are refused (423); by default 1min" },
    { "max-expires", 0, ARGUMENT_TEXT, INTO(max_expires), "TIME",
      "sip: registrations for more are granted as this; by default 2h" },
    { "no-record-route", 0, ARGUMENT_FLAG, INTO(no_record_route), NULL,
      "sip: stays out of calls once they stand; behind NATs they end then" },
    { "quiet", 'q', ARGUMENT_FLAG, INTO(quiet), NULL, "no log on standard error" },
    OPTIONS_END
};

#define OF(server) (1u << SERVER_##server)

/* Those that not all servers have. */
static const struct {
    const char *name;
    unsigned servers;
} belongs[] = {
    { "alternate", OF(STUN) },
    { "user", OF(STUN) | OF(TURN) | OF(SIP) },
    { "realm", OF(STUN) | OF(TURN) | OF(SIP) },
    { "relay", OF(TURN) },
    { "secret", OF(TURN) },
    { "open", OF(TURN) | OF(SIP) },
    { "allow", OF(TURN) },
    { "deny", OF(TURN) },
    { "quota", OF(TURN) },
    { "total-quota", OF(TURN) },
    { "bandwidth", OF(TURN) },
    { "ports", OF(TURN) },
    { "max-lifetime", OF(TURN) },
    { "old-channels", OF(TURN) },
    { "drain", OF(TURN) | OF(SIP) },
    { "domain", OF(SIP) },
    { "min-expires", OF(SIP) },
    { "max-expires", OF(SIP) },
    { "no-record-route", OF(SIP) },
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

void
serve_print_place(struct endpoint at, const char *what)
{
    char text[ENDPOINT_TEXT];

    printf("listening on %s (%s)\n", endpoint_format(at, text), what);
}

static void
print_line(void *owner, const char *line)
{
    (void)owner;
    fprintf(stderr, "%s\n", line);
}

/* --- signals ---------------------------------------------------------------------------------------------------- */

struct serving_signals {
    GMainLoop *loop;
    bool (*terminate)(void *owner); /* NULL: SIGTERM is as SIGINT */
    void *owner;
};

static gboolean
on_interrupt(gpointer data)
{
    struct serving_signals *signals = data;

    g_main_loop_quit(signals->loop);
    return G_SOURCE_CONTINUE; /* a supervisor may signal a process and its group: the second must not end it half-way */
}

static gboolean
on_terminate(gpointer data)
{
    struct serving_signals *signals = data;

    if (!signals->terminate || signals->terminate(signals->owner))
        g_main_loop_quit(signals->loop);
    return G_SOURCE_CONTINUE;
}

static void
clear_signals(gpointer data)
{
    struct serving_signals *signals = data;

    g_main_loop_unref(signals->loop);
}

static void
release_signals(gpointer data)
{
    g_rc_box_release_full(data, clear_signals);
}

/* The handlers hold this, and stay until the program ends. */
static struct serving_signals *
catch_signals(GMainLoop *loop)
{
    struct serving_signals *signals = g_rc_box_new0(struct serving_signals);

    signals->loop = g_main_loop_ref(loop);
    g_unix_signal_add_full(G_PRIORITY_DEFAULT, SIGINT, on_interrupt, g_rc_box_acquire(signals), release_signals);
    g_unix_signal_add_full(G_PRIORITY_DEFAULT, SIGTERM, on_terminate, g_rc_box_acquire(signals), release_signals);
    return signals;
}

void
serving_on_terminate(struct serving *serving, bool (*terminate)(void *owner), void *owner)
{
    serving->signals->terminate = terminate;
    serving->signals->owner = owner;
}

/* --- life ------------------------------------------------------------------------------------------------------- */

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
    serving->log = live_log_new(LINES_PER_SECOND, print_line, NULL);
    if (!given->quiet)
        live_set_journal(serving->live, live_log_journal(serving->log));
    serving->loop = g_main_loop_new(NULL, FALSE);
    serving->signals = catch_signals(serving->loop);
    return true;
}

void
serving_run(struct serving *serving)
{
    fflush(stdout);
    g_main_loop_run(serving->loop);
    serving->signals->terminate = NULL;
}

void
serving_end(struct serving *serving)
{
    g_clear_pointer(&serving->signals, release_signals);
    g_clear_pointer(&serving->loop, g_main_loop_unref);
    g_clear_pointer(&serving->log, live_log_free);
    g_clear_pointer(&serving->live, live_free);
}

/* --- the command ------------------------------------------------------------------------------------------------ */

static const struct argument *
option_called(const char *name)
{
    const struct argument *option = options;

    while (strcmp(option->name, name) != 0)
        option++;
    return option;
}

/* An option of another server is a mistake that would else go unseen. */
static bool
check_options(enum server which, const struct serve_options *given, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(belongs); i++) {
        g_autoptr(GString) owners = g_string_new(NULL);

        if (belongs[i].servers & 1u << which || !arguments_given(option_called(belongs[i].name), given))
            continue;
        for (unsigned server = 0; server < SERVER_COUNT; server++)
            if (belongs[i].servers & 1u << server)
                g_string_append_printf(owners, "%s%s", owners->len ? " and " : "", servers[server].name);
        g_set_error(error, ARGUMENTS_ERROR, 0, "--%s is not for serve %s; it is for %s", belongs[i].name,
                    servers[which].name, owners->str);
        return false;
    }
    return true;
}

static int
serve_run(const struct command *command, const void *given, const GPtrArray *words)
{
    const char *names[SERVER_COUNT + 1] = { NULL };
    int which;
    GError *error = NULL;

    for (unsigned i = 0; i < SERVER_COUNT; i++)
        names[i] = servers[i].name;
    if (!arguments_choice("server", words->pdata[0], names, &which, &error) ||
        !check_options((enum server)which, given, &error))
        return command_fail_error(command, error);
    return servers[which].run(command, given);
}

const struct command serve_command = {
    .name = "serve",
    .usage = "stun|turn|signal|sip [--listen ADDR]... [OPTION]...",
    .summary = "a STUN, TURN, signalling or SIP server on real sockets",
    .about = "It serves until SIGINT or SIGTERM, and prints where it listens and, at the end, what it has counted. What it\n"
             "does is told on standard error, at most ten lines a second.\n"
             "\n"
             "stun answers Binding requests (RFC 8489, and RFC 3489's) over UDP and TCP. An answer goes to where its request\n"
             "came from; only with --alternate may it leave from another address or port, or go to another port of the same\n"
             "address, where the request asks for that.\n"
             "\n"
             "turn relays datagrams and TCP connections for those who can prove who they are (RFC 8656, RFC 6062), to peers for\n"
             "whom they have asked permission, and answers Binding requests too. It does not let anybody into the network that\n"
             "it stands in: see --deny and --allow. SIGTERM lets it drain: no new allocations, and it ends when the last one\n"
             "has, or after --drain; a second SIGTERM, or SIGINT, ends it at once.\n"
             "  punchlab serve turn --listen 198.51.100.1 --user alice:secret --realm example.org\n"
             "\n"
             "signal keeps a mailbox for each peer, over HTTP, so that peers who cannot reach each other yet exchange texts:\n"
             "  curl --data-binary @offer.sdp http://SERVER:8080/peers/bob/from/alice   puts one into bob's mailbox\n"
             "  curl -i http://SERVER:8080/peers/bob/messages     waits up to 30 s for bob's oldest one, and shows its ID\n"
             "  curl -i 'http://SERVER:8080/peers/bob/messages?after=ID'         drops that, and waits for the next\n"
             "There nobody has a password: whoever reaches it may read and write everything.\n"
             "\n"
             "sip is the registrar and a stateful proxy of a domain (RFC 3261), over UDP and TCP on one port. Users register by\n"
             "digest (MD5 or SHA-256 credentials are taken), and prove themselves again when they call. Requests to them go\n"
             "back along the flow of their registration (RFC 5626), so that they may stand behind NATs; CRLF and STUN keep\n"
             "flows alive. SIGTERM lets it drain, as turn does.\n"
             "  punchlab serve sip --listen 198.51.100.1 --domain example.org --user alice:secret --user bob:secret\n"
             "\n"
             "Exit status: 0; 2 when it cannot listen.\n",
    .options = options,
    .options_size = sizeof(struct serve_options),
    .words_min = 1,
    .words_max = 1,
    .run = serve_run,
};
