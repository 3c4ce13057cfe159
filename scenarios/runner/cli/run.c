/* punchlab run SCENARIO: plays it once, writes its traces and its report, and tells a person or a program.
 *
 * In this order: options, the file's top level, the folder (what can't be written is said before anything runs), the
 * run, the traces closed, report.json, standard output. Whatever ends the run, the files are closed and complete. */
#include <stdio.h>
#include <string.h>

#include "core/base/time.h"
#include "core/trace/run_folder.h"
#include "scenarios/runner/cli/command.h"
#include "scenarios/runner/cli/explain.h"
#include "scenarios/runner/cli/find.h"
#include "scenarios/runner/cli/ladder_text.h"
#include "scenarios/runner/cli/pictures.h"
#include "scenarios/runner/cli/signals.h"
#include "scenarios/runner/cli/summary.h"
#include "scenarios/runner/cli/timeline.h"
#include "scenarios/runner/cli/traces.h"
#include "scenarios/runner/story/page.h"

struct run_options {
    bool help, no_trace, html, quiet, unsafe;
    GPtrArray *set, *trace, *svg;
    const char *seed, *out, *until, *format, *explain, *width;
};

#define INTO(member) offsetof(struct run_options, member)
static const struct argument options[] = {
    { "set", 0, ARGUMENT_TEXTS, INTO(set), "NAME=VALUE", "gives a parameter another value; may be repeated" },
    { "seed", 0, ARGUMENT_TEXT, INTO(seed), "N", "of everything random (1)" },
    { "out", 'o', ARGUMENT_TEXT, INTO(out), "DIR", "where traces and report.json go (out/SCENARIO)" },
    { "no-trace", 0, ARGUMENT_FLAG, INTO(no_trace), NULL, "writes report.json only" },
    { "trace", 0, ARGUMENT_TEXTS, INTO(trace), "NODE,...", "traces the interfaces of these nodes only" },
    { "until", 0, ARGUMENT_TEXT, INTO(until), "T", "ends the run at this virtual time (24h)" },
    { "format", 0, ARGUMENT_TEXT, INTO(format), "text|json", "json prints report.json and nothing else (text)" },
    { "explain", 0, ARGUMENT_OPTIONAL, INTO(explain), "PACKET",
      "prints the run as a ladder, a column a node, with the story\n"
      "beside it: who sent what to whom, what each NAT did and why;\n"
      "with a packet's name (--explain=A.3) that packet's whole way" },
    { "width", 0, ARGUMENT_TEXT, INTO(width), "N",
      "characters that --explain has in a line (the terminal's;\n"
      "120 elsewhere); 0: a line an event, whatever its length" },
    { "svg", 0, ARGUMENT_TEXTS, INTO(svg), "ladder|topology",
      "writes ladder.svg or topology.svg; may be repeated" },
    { "html", 0, ARGUMENT_FLAG, INTO(html), NULL, "writes report.html, the run as one page to play and step\n"
      "through in a browser, offline" },
    { "quiet", 'q', ARGUMENT_FLAG, INTO(quiet), NULL, "prints nothing but errors" },
    { "unsafe", 0, ARGUMENT_FLAG, INTO(unsafe), NULL, "no bounds on the script's memory and instructions" },
    OPTIONS_END
};

static const char *const formats[] = { "text", "json", NULL };
enum { FORMAT_TEXT, FORMAT_JSON };

enum { WIDTH_LEAST = 40 };

/* One run, from its options to its end. */
struct run {
    const struct command *command;
    const struct run_options *given;
    struct terminal terminal;
    int format;
    unsigned pictures; /* enum picture */
    uint64_t seed, width;
    int64_t until;
    char *path, *name, *folder;
    GPtrArray *trace; /* names of nodes; NULL: not asked */
    struct scenario_options how;
    struct scenario *scenario;
    struct traces *traces; /* NULL: --no-trace */
    struct explain *explain;
    bool page;  /* report.html is written */
    bool begun; /* notes are printed as they come; before, they wait for the heading */
};

static void
run_clear(struct run *run)
{
    g_clear_pointer(&run->traces, traces_free);
    g_clear_pointer(&run->explain, explain_free);
    g_clear_pointer(&run->scenario, scenario_free);
    g_clear_pointer(&run->trace, g_ptr_array_unref);
    g_free(run->path);
    g_free(run->name);
    g_free(run->folder);
}

/* Whether people read along: text that nobody told to be quiet. */
static bool
is_chatty(const struct run *run)
{
    return run->format == FORMAT_TEXT && !run->given->quiet;
}

/* ---- options */

static void
split_nodes(struct run *run)
{
    const GPtrArray *given = run->given->trace;

    for (guint i = 0; given && i < given->len; i++) {
        g_auto(GStrv) names = g_strsplit(given->pdata[i], ",", -1);

        if (!run->trace)
            run->trace = g_ptr_array_new_with_free_func(g_free);
        for (char **name = names; *name; name++) {
            if (**name)
                g_ptr_array_add(run->trace, g_strdup(*name));
        }
    }
}

static bool
check_options(struct run *run, GError **error)
{
    const struct run_options *given = run->given;

    if (!arguments_choice("format", given->format, formats, &run->format, error) ||
        (given->seed && !arguments_number("--seed", given->seed, &run->seed, error)) ||
        (given->until && !arguments_duration("--until", given->until, &run->until, error)) ||
        !pictures_parse(given->svg, &run->pictures, error) ||
        (given->width && !arguments_number("--width", given->width, &run->width, error)))
        return false;
    if (given->until)
        run->until = MIN(run->until, TIME_NEVER - 1); /* TIME_NEVER is what is used when nobody asks */
    for (guint i = 0; given->set && i < given->set->len; i++) {
        if (!arguments_setting("--set", given->set->pdata[i], error))
            return false;
    }
    split_nodes(run);
    if (run->width > LADDER_WIDTH_MOST || (run->width > 0 && run->width < WIDTH_LEAST))
        g_set_error(error, ARGUMENTS_ERROR, 0, "--width: '%s' is not a number of characters from %d to %d, or 0",
                    given->width, WIDTH_LEAST, LADDER_WIDTH_MOST);
    else if (given->html && given->no_trace)
        g_set_error(error, ARGUMENTS_ERROR, 0, "--html and --no-trace exclude each other: the page shows the trace");
    else if (given->trace && run->trace->len == 0)
        g_set_error(error, ARGUMENTS_ERROR, 0, "--trace needs the names of nodes: NODE,...");
    else if (given->trace && given->no_trace)
        g_set_error(error, ARGUMENTS_ERROR, 0, "--trace and --no-trace exclude each other");
    else if (given->explain && run->format == FORMAT_JSON)
        g_set_error(error, ARGUMENTS_ERROR, 0, "--explain prints text: it does not go with --format json");
    else if (given->out && !*given->out)
        g_set_error(error, ARGUMENTS_ERROR, 0, "--out needs the name of a folder");
    else
        return true;
    return false;
}

/* ---- notes */

static void
print_note(const struct run *run, int64_t at, const char *text)
{
    g_autoptr(GString) out = g_string_new(NULL), safe = g_string_new(NULL), time = g_string_new(NULL);

    timeline_time(at, 0, time);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        g_string_truncate(safe, 0);
        terminal_safe(*line, safe);
        g_string_append_printf(out, "%13s  ", line == lines ? time->str : "");
        terminal_styled(&run->terminal, STYLE_WARM, safe->str, out);
        g_string_append_c(out, '\n');
    }
    fputs(out->str, stdout);
    if (run->terminal.interactive)
        fflush(stdout);
}

static void
take_note(void *user, int64_t at, const char *text)
{
    struct run *run = user;

    if (run->explain)
        explain_note(run->explain, at, text);
    if (!run->given->explain && run->begun && is_chatty(run))
        print_note(run, at, text);
}

/* The heading, and what the top level had to say. */
static void
print_beginning(struct run *run)
{
    const struct report_about about = { .name = run->name, .seed = run->seed };
    g_autoptr(GString) out = g_string_new(NULL);

    run->begun = true;
    if (!is_chatty(run))
        return;
    summary_heading(run->scenario, &about, &run->terminal, out);
    if (run->given->explain) {
        g_autoptr(GString) drawing = g_string_new(NULL);

        lab_draw(run->scenario->lab, drawing);
        g_string_append_c(out, '\n');
        terminal_safe_lines(drawing->str, out);
    }
    fputs(out->str, stdout);
    if (run->given->explain)
        return;

    if (run->scenario->notes->len > 0)
        putchar('\n');
    for (guint i = 0; i < run->scenario->notes->len; i++) {
        const struct scenario_note *note = run->scenario->notes->pdata[i];

        print_note(run, note->at, note->text);
    }
}

/* ---- the run */

/* A signal came, or what happens can't be written any more. */
static bool
is_to_end(void *user)
{
    const struct run *run = user;

    return signals_came(NULL) || (run->traces && traces_failed(run->traces));
}

static bool
load(struct run *run, const char *word, GError **error)
{
    const struct run_options *given = run->given;

    if (!find_scenario(word, &run->path, &run->name, error))
        return false;
    if (given->set)
        g_ptr_array_add(given->set, NULL);
    if (given->explain || run->pictures)
        run->explain = explain_new(given->explain);

    run->how = (struct scenario_options){
        .path = run->path,
        .seed = run->seed,
        .set = given->set ? (const char *const *)given->set->pdata : NULL,
        .until = run->until,
        .unsafe = given->unsafe,
        .note = take_note,
        .user = run,
        .interrupted = is_to_end,
    };
    run->scenario = scenario_new(&run->how, error);
    return run->scenario != NULL;
}

static bool
open_folder(struct run *run, GError **error)
{
    run->folder = run->given->out ? g_strdup(run->given->out) : g_build_filename("out", run->name, NULL);
    if (run->given->no_trace)
        return run_folder_open(run->folder, error);
    run->traces = traces_open(run->scenario, run->folder, run->trace, error);
    return run->traces != NULL;
}

/* What is built while the world runs is traced and has a name too. */
static void
take_interface(void *user, struct lab_interface *interface)
{
    struct run *run = user;

    if (run->traces)
        traces_add(run->traces, interface);
    if (run->explain)
        explain_interface(run->explain, interface);
}

/* Prints everything that comes after a run. False, having said so, when a packet to explain does not exist. */
static bool
print_end(const struct run *run, const struct report_about *about, const GString *report)
{
    g_autoptr(GString) out = g_string_new(NULL);
    GError *error = NULL;
    bool good = true;

    if (run->format == FORMAT_JSON)
        g_string_append_len(out, report->str, (gssize)report->len);
    if (run->given->explain) {
        if (is_chatty(run))
            g_string_append_c(out, '\n');
        good = explain_print(run->explain, &run->terminal, (unsigned)run->width, out, &error);
        if (!good)
            command_fail_error(run->command, error);
    }
    if (is_chatty(run))
        summary_print(run->scenario, about, run->folder, &run->terminal, out);
    if (is_chatty(run) && run->page)
        summary_page(run->folder, out);
    fwrite(out->str, 1, out->len, stdout);
    return good;
}

/* "FILE:LINE: what", unless the message begins so itself. */
static void
say_failure(const struct run *run)
{
    const struct scenario *scenario = run->scenario;

    if (!scenario->error_file || strstr(scenario->error_message, scenario->error_file))
        command_fail(run->command, "%s", scenario->error_message);
    else if (scenario->error_line == 0)
        command_fail(run->command, "%s: %s", scenario->error_file, scenario->error_message);
    else
        command_fail(run->command, "%s:%d: %s", scenario->error_file, scenario->error_line, scenario->error_message);
}

/* What could not be written is the run's error, unless it had one before: one is told. */
static void
take_failure(struct scenario *scenario, GError *error)
{
    if (scenario->ended != SCENARIO_FAILED) {
        scenario->ended = SCENARIO_FAILED;
        scenario->error_message = g_strdup(error->message);
    }
    g_error_free(error);
}

/* The page is made of what has been written, as it is of any earlier run. */
static void
write_page(struct run *run)
{
    const struct finished_window all = { 0, INT64_MAX, FINISHED_PACKETS };
    GError *error = NULL;

    run->page = page_write(run->folder, &all, &error);
    if (!run->page)
        take_failure(run->scenario, error);
}

/* Closes the traces, writes the report, tells the outcome. */
static int
finish(struct run *run)
{
    struct report_about about = { .name = run->name, .seed = run->seed };
    g_autoptr(GString) report = g_string_new(NULL);
    GError *error = NULL;

    if (run->traces && !traces_close(run->traces, &error))
        take_failure(run->scenario, g_steal_pointer(&error));
    if (!pictures_write(run->pictures, run->explain, run->scenario, run->name, run->folder, &error))
        take_failure(run->scenario, g_steal_pointer(&error));
    if (run->traces)
        about.files = traces_files(run->traces, &about.file_count);
    about.traces = run->traces;
    report_json(run->scenario, &about, report);
    about.unwritten = !report_write(run->folder, report, &error);
    if (about.unwritten)
        take_failure(run->scenario, error);
    if (run->given->html && !about.unwritten)
        write_page(run);
    int status = scenario_passed(run->scenario) ? STATUS_HELD : STATUS_FAILED;

    if (!print_end(run, &about, report))
        status = STATUS_ERROR;
    if (run->scenario->ended == SCENARIO_FAILED) {
        say_failure(run);
        status = STATUS_ERROR;
    }
    return status;
}

static int
play(struct run *run, const char *word)
{
    GError *error = NULL;

    if (!check_options(run, &error) || !load(run, word, &error) || !open_folder(run, &error))
        return command_fail_error(run->command, error);

    if (run->explain)
        explain_begin(run->explain, run->scenario);
    print_beginning(run);
    run->scenario->lab->interface_made = take_interface;
    run->scenario->lab->interface_user = run;
    if (run->scenario->ended != SCENARIO_FAILED)
        scenario_run(run->scenario);
    return finish(run);
}

static int
run_run(const struct command *command, const void *given, const GPtrArray *words)
{
    struct run run = {
        .command = command, .given = given, .terminal = terminal_of(stdout), .seed = 1, .until = TIME_NEVER,
    };

    run.width = run.terminal.interactive ? MIN(run.terminal.columns, LADDER_WIDTH_MOST) : LADDER_WIDTH;

    signals_catch();
    int status = play(&run, words->pdata[0]);
    run_clear(&run);
    return status;
}

const struct command run_command = {
    .name = "run",
    .usage = "SCENARIO [OPTION]...",
    .summary = "plays a scenario once; traces, a report, and an outcome",
    .about = "SCENARIO is the path of a Lua file, or the name of one that ships ('punchlab list').\n"
             "T is a number of seconds, or has a unit: 90s, 1.5h.\n"
             "\n"
             "Into DIR go NODE-NETWORK.pcap for each interface, all.pcapng with every interface and the NATs' words\n"
             "as comments, journal.jsonl with every decision, and report.json. Earlier traces there are replaced.\n"
             "Of a long run report.html shows the first 10000 packets; 'punchlab view' shows others.\n"
             "\n"
             "Exit status: 0 all expectations held; 1 an expectation failed or a task was left waiting; 2 an error.\n"
             "A signal ends the run early; files are complete then, and the program ends by that signal.\n",
    .options = options,
    .options_size = sizeof(struct run_options),
    .words_min = 1,
    .words_max = 1,
    .run = run_run,
};
