/* punchlab list: the scenarios that ship, one line each. */
#include <stdio.h>
#include <string.h>

#include "core/base/time.h"
#include "scenarios/runner/cli/command.h"
#include "scenarios/runner/cli/find.h"
#include "scenarios/runner/cli/terminal.h"
#include "scenarios/runner/lua/scenario.h"

struct list_options {
    bool help;
};

static const struct argument options[] = { OPTIONS_END };

/* Prints a line; false when the scenario can't be read. */
static bool
print_line(const char *folder, const char *name, size_t column)
{
    g_autofree char *path = g_strdup_printf("%s/%s.lua", folder, name);
    struct scenario_options how = { .path = path, .seed = 1, .until = TIME_NEVER, .show_only = true };
    g_autoptr(GError) error = NULL;
    g_autoptr(scenario) scenario = scenario_new(&how, &error);
    g_autoptr(GString) line = g_string_new(name);
    bool good = scenario && scenario->ended != SCENARIO_FAILED;

    terminal_pad(name, column + 2, line);
    if (!good)
        command_fail(&list_command, "%s: %s", path, scenario ? scenario->error_message : error->message);
    else
        terminal_safe(scenario->title ? scenario->title : "(no title)", line);
    if (good)
        puts(line->str);
    return good;
}

static int
list_run(const struct command *command, const void *unused, const GPtrArray *words)
{
    g_autofree char *folder = find_shipped_folder();
    bool good = true;
    size_t column = 0;

    (void)unused;
    (void)words;
    if (!folder)
        return command_fail(command, FIND_NO_FOLDER);
    g_auto(GStrv) names = find_shipped(folder);
    for (char **name = names; *name; name++)
        column = MAX(column, strlen(*name));
    for (char **name = names; *name; name++)
        good = print_line(folder, *name, column) && good;
    return good ? STATUS_HELD : STATUS_ERROR;
}

const struct command list_command = {
    .name = "list",
    .usage = "[OPTION]...",
    .summary = "the scenarios that come with it, one line each",
    .options = options,
    .options_size = sizeof(struct list_options),
    .run = list_run,
};
