/* punchlab view DIR: the page of an earlier run, made from its folder alone. */
#include <stdio.h>

#include "core/base/time.h"
#include "scenarios/runner/cli/command.h"
#include "scenarios/runner/cli/terminal.h"
#include "scenarios/runner/story/page.h"

struct view_options {
    bool help;
    const char *from, *to, *packets;
};

#define INTO(member) offsetof(struct view_options, member)
static const struct argument options[] = {
    { "from", 0, ARGUMENT_TEXT, INTO(from), "T", "begins at this virtual time (0)" },
    { "to", 0, ARGUMENT_TEXT, INTO(to), "T", "ends before this virtual time (the run's end)" },
    { "packets", 0, ARGUMENT_TEXT, INTO(packets), "N", "shows so many packets at most (10000)" },
    OPTIONS_END
};

enum { PACKETS_MOST = 1000000 };

static bool
read_window(const struct view_options *view, struct finished_window *window, GError **error)
{
    uint64_t packets = FINISHED_PACKETS;

    *window = (struct finished_window){ 0, INT64_MAX, FINISHED_PACKETS };
    if ((view->from && !arguments_duration("--from", view->from, &window->from, error)) ||
        (view->to && !arguments_duration("--to", view->to, &window->to, error)) ||
        (view->packets && !arguments_number("--packets", view->packets, &packets, error)))
        return false;
    if (packets == 0 || packets > PACKETS_MOST)
        g_set_error(error, ARGUMENTS_ERROR, 0, "--packets: accepted are 1 to %d", PACKETS_MOST);
    else if (window->from >= window->to)
        g_set_error(error, ARGUMENTS_ERROR, 0, "--from must be earlier than --to");
    else
        window->packets = (guint)packets;
    return window->packets == packets && window->from < window->to;
}

static int
view_run(const struct command *command, const void *given, const GPtrArray *words)
{
    const char *folder = words->pdata[0];
    g_autofree char *path = g_build_filename(folder, "report.html", NULL);
    struct finished_window window;
    GError *error = NULL;

    if (!read_window(given, &window, &error) || !page_write(folder, &window, &error))
        return command_fail_error(command, error);
    puts(path);
    return STATUS_HELD;
}

const struct command view_command = {
    .name = "view",
    .usage = "DIR [OPTION]...",
    .summary = "makes the page of an earlier run, and prints its path",
    .about = "DIR is what 'punchlab run' wrote into: the page is made of report.json, journal.jsonl and all.pcapng there.\n"
             "It becomes DIR/report.html, one file to be opened in a browser; no server or network is needed.\n"
             "T is a number of seconds, or has a unit: 90s, 1.5h.\n"
             "\n"
             "A long run is shown in part, which the page says: the first N packets that appear from T on.\n",
    .options = options,
    .options_size = sizeof(struct view_options),
    .words_min = 1,
    .words_max = 1,
    .run = view_run,
};
