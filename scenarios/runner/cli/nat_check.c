/* punchlab nat-check: behaviour discovery by a STUN server, from this machine. */
#include <stdio.h>

#include "core/live/live.h"
#include "core/trace/json.h"
#include "proto/stun/discovery.h"
#include "proto/stun/message.h"
#include "scenarios/runner/cli/addresses.h"
#include "scenarios/runner/cli/command.h"
#include "scenarios/runner/cli/terminal.h"

struct nat_check_options {
    bool help, evidence;
    const char *from, *lifetime, *format;
};

#define LIFETIME_DEFAULT (10 * TIME_MIN)

static const struct argument options[] = {
    { "from", 0, ARGUMENT_TEXT, offsetof(struct nat_check_options, from), "ADDR",
      "the address of this machine to ask from; by default the one that leads there" },
    { "lifetime", 0, ARGUMENT_OPTIONAL, offsetof(struct nat_check_options, lifetime), "TIME",
      "look for the lifetime of mappings too, leaving them alone for at most TIME\n(10min): takes a few times as long as "
      "they live" },
    { "evidence", 'e', ARGUMENT_FLAG, offsetof(struct nat_check_options, evidence), NULL,
      "tell what was asked, and what became of it" },
    { "format", 0, ARGUMENT_TEXT, offsetof(struct nat_check_options, format), "FORMAT", "text or json" },
    OPTIONS_END
};

enum format { FORMAT_TEXT, FORMAT_JSON };
static const char *const formats[] = { "text", "json", NULL };

struct check {
    GMainLoop *loop;
    struct stun_evidence evidence;
    struct stun_findings findings;
};

static void
on_done(void *owner, struct stun_discovery *discovery, const struct stun_evidence *evidence,
        const struct stun_findings *findings)
{
    struct check *check = owner;

    (void)discovery;
    check->evidence = *evidence;
    check->findings = *findings;
    g_main_loop_quit(check->loop);
}

/* --- what is told ----------------------------------------------------------------------------------------------- */

struct row {
    const char *name;
    const struct stun_finding *finding;
    const char *(*word)(int value);
};

#define ROWS 8

static void
make_rows(const struct stun_findings *findings, struct row rows[ROWS])
{
    const struct row all[ROWS] = {
        { "mapping", &findings->mapping, stun_behaviour_word },
        { "filtering", &findings->filtering, stun_behaviour_word },
        { "ports", &findings->ports, stun_port_allocation_word },
        { "hairpin", &findings->hairpin, stun_hairpinning_word },
        { "fragments", &findings->fragments, stun_fragments_word },
        { "alg", &findings->alg, stun_alg_word },
        { "class", &findings->class, stun_class_word },
        { "rfc3489", &findings->walk, stun_class_word },
    };

    memcpy(rows, all, sizeof all);
}

static void
say_unknown(const char *name, const char *why, GString *out)
{
    g_string_append_printf(out, "%-10s  can't tell, because %s\n", name, why);
}

static void
say_lifetime(const struct stun_findings *findings, GString *out)
{
    char alive[DURATION_TEXT], dead[DURATION_TEXT];

    if (findings->lifetime.value < 0)
        say_unknown("lifetime", findings->lifetime.why, out);
    else if (findings->dead_by == TIME_NEVER)
        g_string_append_printf(out, "%-10s  at least %s\n", "lifetime", duration_format(findings->alive_for, alive));
    else
        g_string_append_printf(out, "%-10s  %s to %s\n", "lifetime", duration_format(findings->alive_for, alive),
                               duration_format(findings->dead_by, dead));
}

static void
print_text(const struct check *check, bool evidence)
{
    const struct stun_sight *first = &check->evidence.sights[STUN_QUESTION_FIRST];
    g_autoptr(GString) out = g_string_new(NULL);
    struct row rows[ROWS];
    char own[ENDPOINT_TEXT], mapped[ENDPOINT_TEXT];

    make_rows(&check->findings, rows);
    if (first->seen == STUN_SEEN_ANSWER)
        g_string_append_printf(out, "%-10s  %s, seen as %s\n", "address", endpoint_format(first->local, own),
                               endpoint_format(first->mapped, mapped));
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].finding->value < 0)
            say_unknown(rows[i].name, rows[i].finding->why, out);
        else if (rows[i].finding == &check->findings.ports && rows[i].finding->value == STUN_PORTS_SEQUENTIAL)
            g_string_append_printf(out, "%-10s  sequential, by %d\n", "ports", check->findings.step);
        else
            g_string_append_printf(out, "%-10s  %s\n", rows[i].name, rows[i].word(rows[i].finding->value));
    }
    say_lifetime(&check->findings, out);
    if (evidence)
        g_string_append_c(out, '\n');
    for (unsigned i = 0; evidence && i < stun_evidence_count(&check->evidence); i++) {
        stun_evidence_say(&check->evidence, i, out);
        g_string_append_c(out, '\n');
    }
    fputs(out->str, stdout);
}

static void
json_endpoint(struct json *json, const char *name, struct endpoint endpoint)
{
    char text[ENDPOINT_TEXT];

    json_string(json, name, endpoint_format(endpoint, text));
}

static void
json_reasons(struct json *json, const struct row rows[ROWS], const struct stun_finding *lifetime)
{
    json_open_object(json, "why");
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].finding->value < 0)
            json_string(json, rows[i].name, rows[i].finding->why);
    if (lifetime->value < 0)
        json_string(json, "lifetime", lifetime->why);
    json_close_object(json);
}

static void
json_evidence(struct json *json, const struct stun_evidence *evidence)
{
    json_open_array(json, "evidence");
    for (unsigned i = 0; i < stun_evidence_count(evidence); i++) {
        g_autoptr(GString) text = g_string_new(NULL);

        stun_evidence_say(evidence, i, text);
        json_string(json, NULL, text->str);
    }
    json_close_array(json);
}

/* The members are the fields of nat_check in Lua. */
static void
print_json(const struct check *check)
{
    const struct stun_findings *findings = &check->findings;
    const struct stun_sight *first = &check->evidence.sights[STUN_QUESTION_FIRST];
    g_autoptr(GString) out = g_string_new(NULL);
    struct json json = json_over(out, true);
    struct row rows[ROWS];

    make_rows(findings, rows);
    json_open_object(&json, NULL);
    if (first->seen == STUN_SEEN_ANSWER) {
        json_endpoint(&json, "own", first->local);
        json_endpoint(&json, "mapped", first->mapped);
    }
    for (size_t i = 0; i < ROWS; i++)
        json_string(&json, rows[i].name, rows[i].finding->value < 0 ? NULL : rows[i].word(rows[i].finding->value));
    if (findings->ports.value == STUN_PORTS_SEQUENTIAL)
        json_integer(&json, "step", findings->step);
    if (findings->lifetime.value >= 0)
        json_time(&json, "lifetime", findings->alive_for);
    else
        json_null(&json, "lifetime");
    if (findings->lifetime.value >= 0 && findings->dead_by != TIME_NEVER)
        json_time(&json, "lifetime_end", findings->dead_by);
    json_reasons(&json, rows, &findings->lifetime);
    json_evidence(&json, &check->evidence);
    json_close_object(&json);
    g_string_append_c(out, '\n');
    fputs(out->str, stdout);
}

/* --- the check -------------------------------------------------------------------------------------------------- */

static bool
read_options(const struct nat_check_options *given, const char *server, struct stun_discovery_options *wanted,
             int *format, GError **error)
{
    struct endpoint from = { ADDRESS_NONE, 0 };

    if (!arguments_choice("format", given->format, formats, format, error) ||
        !addresses_server(server, STUN_PORT, &wanted->server, error))
        return false;
    if (given->from && !addresses_listen("--from", given->from, 0, &from, error))
        return false;
    if (given->from && address_is_ipv4(from.address) != address_is_ipv4(wanted->server.address)) {
        g_set_error(error, ADDRESSES_ERROR, 0, "--from: '%s' is not of the server's family; accepted: an %s address",
                    given->from, address_is_ipv4(wanted->server.address) ? "IPv4" : "IPv6");
        return false;
    }
    wanted->local = from.address;
    if (!given->lifetime)
        return true;
    wanted->lifetime_most = LIFETIME_DEFAULT;
    return !*given->lifetime || arguments_duration("--lifetime", given->lifetime, &wanted->lifetime_most, error);
}

static bool
run_check(struct check *check, const struct stun_discovery_options *wanted, GError **error)
{
    g_autoptr(live) live = live_new(NULL, error);
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    struct stun_discovery *discovery;
    enum io_result why = IO_OK;

    if (!live)
        return false;
    check->loop = loop;
    discovery = stun_discovery_start(live_io(live), wanted, on_done, check, &why);
    if (!discovery) {
        g_set_error(error, ADDRESSES_ERROR, 0, "no socket can be opened: %s", io_result_word(why));
        return false;
    }
    g_main_loop_run(loop);
    stun_discovery_free(discovery);
    return true;
}

static int
nat_check_run(const struct command *command, const void *options_given, const GPtrArray *words)
{
    const struct nat_check_options *given = options_given;
    struct stun_discovery_options wanted = { .lifetime_most = 0 };
    struct check check = { .loop = NULL };
    GError *error = NULL;
    int format;

    if (!read_options(given, words->pdata[0], &wanted, &format, &error) || !run_check(&check, &wanted, &error))
        return command_fail_error(command, error);
    if (format == FORMAT_JSON)
        print_json(&check);
    else
        print_text(&check, given->evidence);
    return check.evidence.sights[STUN_QUESTION_FIRST].seen == STUN_SEEN_ANSWER ? STATUS_HELD : STATUS_FAILED;
}

const struct command nat_check_command = {
    .name = "nat-check",
    .usage = "SERVER [--from ADDR] [--lifetime[=TIME]] [--evidence] [--format text|json]",
    .summary = "what the NAT in front of this machine does",
    .about = "SERVER is a stun: URI, a name or an address. Mapping and filtering can be told only by a server with two\n"
             "addresses (RFC 5780), such as 'punchlab serve stun --alternate ADDR'. Nothing is guessed: what was lost, what the\n"
             "server does not serve and what it may have lied about can't be told, and the reason is given. It takes half a\n"
             "minute where much is filtered.\n"
             "\n"
             "Exit status: 0; 1 when the server did not answer; 2 an error.\n",
    .options = options,
    .options_size = sizeof(struct nat_check_options),
    .words_min = 1,
    .words_max = 1,
    .run = nat_check_run,
};
