/* punchlab ice: two ICE agents on real machines find a path to each other, and echo data over it. */
#include <glib-unix.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <unistd.h>

#include "core/trace/json.h"
#include "scenarios/runner/cli/addresses.h"
#include "scenarios/runner/cli/command.h"
#include "scenarios/runner/cli/ice_run.h"
#include "scenarios/runner/cli/ice_servers.h"

#define TIMEOUT (45 * TIME_S)     /* longer than RFC 8863's patience, so that ICE says why it failed */
#define BY_HAND (5 * 60 * TIME_S) /* of an answerer, whose answer somebody has to carry to the peer first */
#define TO_SAY_WHY (5 * TIME_S)
#define MESSAGES 5

struct ice_options {
    bool help, trickle, lite, loopback, explain;
    GPtrArray *stun, *turn, *users, *interfaces, *addresses;
    const char *policy, *components, *tcp, *messages, *timeout, *wait, *stay, *signal, *name, *peer, *format;
};

static const struct argument options[] = {
    { "stun", 0, ARGUMENT_TEXTS, offsetof(struct ice_options, stun), "URI",
      "a STUN server, several times if need be: stun:stun.example.org, or an address" },
    { "turn", 0, ARGUMENT_TEXTS, offsetof(struct ice_options, turn), "URI",
      "a TURN server, several times if need be: turn:198.51.100.1:3478?transport=tcp;\nwithout a transport UDP, then "
      "TCP" },
    { "user", 'u', ARGUMENT_TEXTS, offsetof(struct ice_options, users), "NAME:PASSWORD",
      "at the TURN servers: one for all, or one for each" },
    { "signal", 0, ARGUMENT_TEXT, offsetof(struct ice_options, signal), "URL",
      "exchange descriptions through this signalling server, by HTTP, as --name with\n--peer" },
    { "name", 0, ARGUMENT_TEXT, offsetof(struct ice_options, name), "ME", "of the own mailbox there" },
    { "peer", 0, ARGUMENT_TEXT, offsetof(struct ice_options, peer), "NAME", "of the peer's" },
    { "policy", 0, ARGUMENT_TEXT, offsetof(struct ice_options, policy), "all|relay",
      "relay: relayed candidates only, so that the peer sees no own address" },
    { "components", 0, ARGUMENT_TEXT, offsetof(struct ice_options, components), "N", "of the one stream; 1" },
    { "trickle", 0, ARGUMENT_FLAG, offsetof(struct ice_options, trickle), NULL,
      "describe at once, and send candidates as they are found (RFC 8838)" },
    { "lite", 0, ARGUMENT_FLAG, offsetof(struct ice_options, lite), NULL, "a lite agent: it answers checks, and sends none" },
    { "tcp", 0, ARGUMENT_OPTIONAL, offsetof(struct ice_options, tcp), "only",
      "TCP candidates too (RFC 6544); with \"only\" no others" },
    { "interface", 0, ARGUMENT_TEXTS, offsetof(struct ice_options, interfaces), "NAME",
      "gather there only; several times if need be" },
    { "address", 0, ARGUMENT_TEXTS, offsetof(struct ice_options, addresses), "ADDR",
      "gather on this address only; several times, and with --interface, if need be" },
    { "loopback", 0, ARGUMENT_FLAG, offsetof(struct ice_options, loopback), NULL,
      "gather on loopback addresses too, to try things out on one machine" },
    { "messages", 'm', ARGUMENT_TEXT, offsetof(struct ice_options, messages), "N",
      "of the offerer, to be echoed; 5. With 0 neither side sends or echoes data" },
    { "timeout", 't', ARGUMENT_TEXT, offsetof(struct ice_options, timeout), "TIME",
      "to connect and echo, once the peer's description is there; 45s, and 5min for\nan answerer without --signal, whose answer is carried by hand" },
    { "wait", 0, ARGUMENT_TEXT, offsetof(struct ice_options, wait), "TIME",
      "for the peer's description; by default for as long as it takes" },
    { "stay", 0, ARGUMENT_TEXT, offsetof(struct ice_options, stay), "TIME", "stay connected after the echo; 0" },
    { "explain", 'e', ARGUMENT_FLAG, offsetof(struct ice_options, explain), NULL,
      "at the end, on standard error: each candidate, each pair's way through its states,\nand why the chosen one won" },
    { "format", 0, ARGUMENT_TEXT, offsetof(struct ice_options, format), "FORMAT", "of the result: text or json (one line)" },
    OPTIONS_END
};

enum { FORMAT_TEXT, FORMAT_JSON };
static const char *const formats[] = { "text", "json", NULL };

/* --- what is asked for ------------------------------------------------------------------------------------------ */

static bool
read_number(const char *what, const char *text, unsigned least, unsigned most, unsigned *number, GError **error)
{
    uint64_t value;

    if (!text)
        return true;
    if (!arguments_number(what, text, &value, error))
        return false;
    if (value < least || value > most) {
        g_set_error(error, ARGUMENTS_ERROR, 0, "%s: %s is out of range; accepted: %u to %u", what, text, least, most);
        return false;
    }
    *number = (unsigned)value;
    return true;
}

static bool
read_duration(const char *what, const char *text, int64_t *duration, GError **error)
{
    return !text || arguments_duration(what, text, duration, error);
}

static bool
read_interface(const char *name, struct ice_run_options *wanted, GError **error)
{
    unsigned index = if_nametoindex(name);

    if (index == 0 || index > INT16_MAX) {
        g_set_error(error, ARGUMENTS_ERROR, 0, "--interface: this machine has no '%s'", name);
        return false;
    }
    wanted->interfaces[wanted->interface_count++] = (int16_t)index;
    return true;
}

static bool
read_address(const char *text, struct ice_run_options *wanted, GError **error)
{
    struct address *address = &wanted->addresses[wanted->address_count++];

    if (address_parse(text, address))
        return true;
    g_set_error(error, ARGUMENTS_ERROR, 0, "--address: '%s' is no address; accepted: 198.51.100.1 or 2001:db8::1", text);
    return false;
}

static bool
read_filters(const struct ice_options *given, struct ice_run_options *wanted, GError **error)
{
    guint interfaces = given->interfaces ? given->interfaces->len : 0;
    guint addresses = given->addresses ? given->addresses->len : 0;

    if (interfaces > ICE_RUN_ADDRESSES_MOST || addresses > ICE_RUN_ADDRESSES_MOST) {
        g_set_error(error, ARGUMENTS_ERROR, 0, "--interface and --address: accepted: up to %d of each",
                    ICE_RUN_ADDRESSES_MOST);
        return false;
    }
    for (guint i = 0; i < interfaces; i++)
        if (!read_interface(given->interfaces->pdata[i], wanted, error))
            return false;
    for (guint i = 0; i < addresses; i++)
        if (!read_address(given->addresses->pdata[i], wanted, error))
            return false;
    return true;
}

static bool
read_agent(const struct ice_options *given, struct ice_agent_options *agent, GError **error)
{
    static const char *const policies[] = { "all", "relay", NULL }, *const tcp[] = { "", "only", NULL };
    int policy, only = 0;
    const char *fault;

    if (!arguments_choice("policy", given->policy, policies, &policy, error) ||
        (given->tcp && !arguments_choice("tcp", given->tcp, tcp, &only, error)) ||
        !read_number("--components", given->components, 1, ICE_COMPONENT_MOST, &agent->session.components, error))
        return false;
    ice_session_options_fit(&agent->session);
    agent->session.trickle = given->trickle;
    agent->session.lite = given->lite;
    agent->relay_only = policy == 1;
    agent->loopback = given->loopback;
    agent->tcp = given->tcp != NULL;
    agent->no_udp = only == 1;
    fault = ice_agent_options_fault(agent);
    if (fault)
        g_set_error_literal(error, ARGUMENTS_ERROR, 0, fault);
    return !fault;
}

static bool
read_signal(const struct ice_options *given, struct ice_run_options *wanted, GError **error)
{
    bool any = given->signal || given->name || given->peer, all = given->signal && given->name && given->peer;

    wanted->signal = given->signal;
    wanted->name = given->name;
    wanted->peer = given->peer;
    if (any && !all)
        g_set_error_literal(error, ARGUMENTS_ERROR, 0, "--signal, --name and --peer go together");
    return !any || all;
}

/* RFC 8863's patience is for checks that are under way; the peer of this one sends none before it has the answer. */
static bool
read_timeout(const struct ice_options *given, struct ice_run_options *wanted, GError **error)
{
    bool by_hand = !wanted->offers && !given->signal;
    int64_t *patience = &wanted->agent.session.patience;

    wanted->timeout = by_hand ? BY_HAND : TIMEOUT;
    if (!read_duration("--timeout", given->timeout, &wanted->timeout, error))
        return false;
    if (by_hand)
        *patience = MAX(*patience, wanted->timeout - TO_SAY_WHY);
    return true;
}

static bool
read_options(const struct ice_options *given, const char *word, GStringChunk *names, struct ice_run_options *wanted,
             int *format, GError **error)
{
    static const char *const sides[] = { "offer", "answer", NULL };
    int side;

    *wanted = (struct ice_run_options){ .agent = ICE_AGENT_DEFAULTS, .messages = MESSAGES, .wait = TIME_NEVER,
                                        .explain = given->explain };
    if (!arguments_choice("side", word, sides, &side, error))
        return false;
    wanted->offers = side == 0;
    if (!arguments_choice("format", given->format, formats, format, error) ||
        !read_number("--messages", given->messages, 0, ICE_ECHO_MESSAGES_MOST, &wanted->messages, error) ||
        !read_timeout(given, wanted, error) || !read_duration("--wait", given->wait, &wanted->wait, error) ||
        !read_duration("--stay", given->stay, &wanted->stay, error) || !read_filters(given, wanted, error) ||
        !read_signal(given, wanted, error))
        return false;
    return ice_servers_read(given->stun, given->turn, given->users, names, &wanted->agent, error) &&
           read_agent(given, &wanted->agent, error);
}

/* --- what is told ----------------------------------------------------------------------------------------------- */

/* Of both ends' candidates, the one that it took most to find. */
static const char *
path_word(const struct ice_path *path)
{
    static const enum ice_type order[] = { ICE_RELAY, ICE_PRFLX, ICE_SRFLX };

    for (size_t i = 0; i < G_N_ELEMENTS(order); i++)
        if (path->own_type == order[i] || path->peer_type == order[i])
            return ice_type_word(order[i]);
    return ice_type_word(ICE_HOST);
}

static uint64_t
checks_of(const struct ice_run_result *result)
{
    return result->ice.checks + result->ice.rechecks;
}

static void
say_path(const struct ice_run_result *result, GString *out)
{
    char own[ENDPOINT_TEXT], peer[ENDPOINT_TEXT], took[DURATION_TEXT];
    const struct ice_path *path = &result->path;

    g_string_append_printf(out, "connected  in %s, as the %s side\n",
                           duration_format(result->connect_time / TIME_US * TIME_US, took),
                           result->controlling ? "controlling" : "controlled");
    g_string_append_printf(out, "path       %s over %s: %s %s -> %s %s\n", path_word(path),
                           path->transport == ICE_UDP ? "UDP" : "TCP", ice_type_phrase(path->own_type),
                           endpoint_format(path->from, own), ice_type_phrase(path->peer_type),
                           endpoint_format(path->to, peer));
}

static void
say_messages(const struct ice_run_result *result, const struct ice_run_options *wanted, GString *out)
{
    const struct ice_echo_counters *echo = &result->echo;
    char least[DURATION_TEXT], most[DURATION_TEXT];

    if (wanted->messages == 0)
        return;
    if (!wanted->offers)
        g_string_append_printf(out, "messages   %" PRIu64 " came; %" PRIu64 " sent back\n", echo->echoed, echo->answered);
    else
        g_string_append_printf(out, "messages   %" PRIu64 " of %" PRIu64 " came back; %" PRIu64 " sent again\n",
                               echo->echoed, (uint64_t)wanted->messages * wanted->agent.session.components,
                               echo->repeated);
    if (echo->rtt_least >= 0)
        g_string_append_printf(out, "round trip %s to %s\n", duration_format(echo->rtt_least / TIME_US * TIME_US, least),
                               duration_format(echo->rtt_most / TIME_US * TIME_US, most));
}

static void
print_text(const struct ice_run_result *result, const struct ice_run_options *wanted)
{
    g_autoptr(GString) out = g_string_new(NULL);

    if (result->connected)
        say_path(result, out);
    g_string_append_printf(out, "checks     %" PRIu64 " sent; own candidates: %u\n", checks_of(result),
                           result->candidates);
    say_messages(result, wanted, out);
    if (result->why)
        g_string_append_printf(out, "%s %s\n", result->connected ? "failed    " : "connected  no:", result->why);
    fputs(out->str, stdout);
}

static void
json_path(struct json *json, const struct ice_run_result *result)
{
    char text[ENDPOINT_TEXT];
    const struct ice_path *path = &result->path;

    json_string(json, "path", result->connected ? path_word(path) : NULL);
    json_string(json, "own_type", result->connected ? ice_type_word(path->own_type) : NULL);
    json_string(json, "peer_type", result->connected ? ice_type_word(path->peer_type) : NULL);
    if (!result->connected) {
        json_null(json, "connect_ms");
        return;
    }
    json_number(json, "connect_ms", (double)(result->connect_time / TIME_US) / 1000);
    json_string(json, "transport", path->transport == ICE_UDP ? "udp" : "tcp");
    json_string(json, "own", endpoint_format(path->from, text));
    json_string(json, "peer", endpoint_format(path->to, text));
}

static void
print_json(const struct ice_run_result *result)
{
    const struct ice_echo_counters *echo = &result->echo;
    g_autoptr(GString) out = g_string_new(NULL);
    struct json json = json_over(out, false);

    json_open_object(&json, NULL);
    json_flag(&json, "connected", result->connected);
    json_path(&json, result);
    json_integer(&json, "checks", (int64_t)checks_of(result));
    json_integer(&json, "candidates", result->candidates);
    json_integer(&json, "restarts", result->restarts);
    json_flag(&json, "controlling", result->controlling);
    json_open_object(&json, "messages");
    json_integer(&json, "sent", (int64_t)echo->sent);
    json_integer(&json, "repeated", (int64_t)echo->repeated);
    json_integer(&json, "echoed", (int64_t)echo->echoed);
    json_integer(&json, "answered", (int64_t)echo->answered);
    json_close_object(&json);
    json_string(&json, "why", result->why);
    json_close_object(&json);
    g_string_append_c(out, '\n');
    fputs(out->str, stdout);
}

/* --- the command ------------------------------------------------------------------------------------------------ */

static void
tell_what_to_do(const struct ice_run_options *wanted)
{
    if (wanted->signal || !isatty(STDIN_FILENO))
        return;
    fputs(wanted->offers ? "Carry the description to the peer, paste its answer here, then press Enter twice.\n"
                         : "Paste the peer's offer here, then press Enter twice.\n",
          stderr);
}

static gboolean
on_signal(gpointer loop)
{
    g_main_loop_quit(loop);
    return G_SOURCE_CONTINUE; /* the result is still to be told: a second one must not come between */
}

static GMainLoop *
new_loop(void)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
    GMainLoop *loop = g_main_loop_new(NULL, FALSE);

    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
        g_unix_signal_add_full(G_PRIORITY_DEFAULT, numbers[i], on_signal, g_main_loop_ref(loop),
                               (GDestroyNotify)g_main_loop_unref);
    return loop;
}

static int
ice_command_run(const struct command *command, const void *options_given, const GPtrArray *words)
{
    const struct ice_options *given = options_given;
    g_autoptr(GStringChunk) names = g_string_chunk_new(256);
    struct ice_run_options wanted;
    GError *error = NULL;
    int format;

    if (!read_options(given, words->pdata[0], names, &wanted, &format, &error))
        return command_fail_error(command, error);

    g_autoptr(GMainLoop) loop = new_loop();
    g_autoptr(live) live = live_new(NULL, &error);
    g_auto(ice_run_result) result = { .why = NULL };

    if (live)
        tell_what_to_do(&wanted);
    if (!live || !ice_run(live, loop, &wanted, &result, &error))
        return command_fail_error(command, error);
    if (format == FORMAT_JSON)
        print_json(&result);
    else
        print_text(&result, &wanted);
    if (result.transcript)
        fputs(result.transcript->str, stderr);
    return result.connected && result.echoed && !result.why ? STATUS_HELD : STATUS_FAILED;
}

const struct command ice_command = {
    .name = "ice",
    .usage = "offer|answer [--stun URI]... [--turn URI]... [--user NAME:PASSWORD]... [OPTION]...",
    .summary = "two real machines find a path to each other by ICE",
    .about = "One side offers, the other answers. Each prints a session description (SDP) and an empty line, and reads the\n"
             "peer's from standard input, up to an empty line; or both use a signalling server (punchlab serve signal):\n"
             "  punchlab ice answer --signal http://SERVER:8080 --name bob --peer alice --stun stun:SERVER\n"
             "  punchlab ice offer --signal http://SERVER:8080 --name alice --peer bob --stun stun:SERVER\n"
             "With --trickle candidates follow the description, one a line, up to a=end-of-candidates. When the two are\n"
             "connected, the offerer sends messages (\"punchlab ice 1 of 5\"), and the answerer sends them back. The result is\n"
             "the last that is printed. When this machine's addresses change, both begin anew, if they use a server;\n"
             "by hand nobody could carry a second description, and the path ends with the address that it had.\n"
             "\n"
             "Exit status: 0 connected, and all messages echoed; 1 not, the reason is told; 2 an error.\n",
    .options = options,
    .options_size = sizeof(struct ice_options),
    .words_min = 1,
    .words_max = 1,
    .run = ice_command_run,
};
