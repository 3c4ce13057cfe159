#include "scenarios/runner/cli/command.h"

#include <stdio.h>

#include "scenarios/runner/cli/terminal.h"

const struct command *const commands[] = {
    &run_command, &matrix_command, &sweep_command, &list_command, &show_command, &nat_command,
    &what_if_command, &view_command, &grade_command, &serve_command, &nat_check_command, &ice_command, NULL,
};

int
command_fail(const struct command *command, const char *format, ...)
{
    g_autoptr(GString) safe = g_string_new(NULL);
    va_list list;

    va_start(list, format);
    g_autofree char *text = g_strdup_vprintf(format, list);
    va_end(list);

    /* A message of several lines (a script's own words) keeps them; anything else in it is made harmless. */
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        if (line != lines)
            g_string_append(safe, "\n    ");
        terminal_safe(*line, safe);
    }
    if (command)
        fprintf(stderr, "punchlab %s: %s\n", command->name, safe->str);
    else
        fprintf(stderr, "punchlab: %s\n", safe->str);
    return STATUS_ERROR;
}

int
command_fail_error(const struct command *command, GError *error)
{
    command_fail(command, "%s", error->message);
    g_error_free(error);
    return STATUS_ERROR;
}
