/* punchlab: finds the command, reads its options, runs it, and sees that what was printed arrived. */
#include <string.h>

#include "core/base/words.h"
#include "scenarios/runner/cli/command.h"
#include "scenarios/runner/cli/signals.h"
#include "scenarios/runner/cli/terminal.h"

#ifndef PUNCHLAB_VERSION
#define PUNCHLAB_VERSION "0.1.0"
#endif

/* Names that are taken: these come in later versions. */
static const struct {
    const char *name, *what;
} later[] = {
    { "live", "a scenario against real programs" },
    { "merge", "traces put together" },
};

static void
print_help(void)
{
    g_autoptr(GString) out = g_string_new(
        "punchlab: a laboratory for NAT traversal. Simulates hosts, links and NAT boxes packet by packet,\n"
        "plays scenarios written in Lua over them, and writes traces that open in Wireshark.\n"
        "\n"
        "Usage: punchlab COMMAND [OPTION]... [WORD]...\n"
        "\n");

    for (const struct command *const *command = commands; *command; command++)
        g_string_append_printf(out, "  %-9s %s\n", (*command)->name, (*command)->summary);
    g_string_append(out,
        "\n"
        "      --help      this page; after a command, that command's page\n"
        "      --version   the version\n"
        "\n"
        "SCENARIO is the path of a Lua file, or the name of a scenario that ships: situations/symmetric-both.\n"
        "Exit status: 0 all expectations held; 1 an expectation failed or a task was left waiting; 2 an error.\n"
        "\n"
        "Try: punchlab list\n"
        "     punchlab run situations/restricted-both --explain\n");
    fputs(out->str, stdout);
}

static void
print_command_help(const struct command *command)
{
    g_autoptr(GString) out = g_string_new(NULL);

    g_string_append_printf(out, "Usage: punchlab %s %s\n\n", command->name, command->usage);
    g_string_append_printf(out, "punchlab %s: %s.\n\n", command->name, command->summary);
    arguments_help(command->options, out);
    if (command->about)
        g_string_append_printf(out, "\n%s", command->about);
    fputs(out->str, stdout);
}

/* What follows a wrong word on the command line. */
static int
fail_unknown(const char *name)
{
    enum { MOST = 32 };
    const char *names[MOST] = { NULL };
    size_t count = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(later); i++) {
        if (strcmp(later[i].name, name) == 0)
            return command_fail(NULL, "this version does not have '%s' yet (%s); 'punchlab --help' shows what it has",
                                name, later[i].what);
    }
    for (const struct command *const *command = commands; *command; command++)
        names[count++] = (*command)->name;
    if (name[0] == '-')
        return command_fail(NULL, "there is no option '%s' before a command; accepted: --help or --version", name);

    const char *nearest = words_nearest(names, name);
    if (nearest)
        return command_fail(NULL, "there is no command '%s'; did you mean '%s'?", name, nearest);

    g_autoptr(GString) all = g_string_new(NULL);
    words_say(names, all);
    return command_fail(NULL, "there is no command '%s'; accepted: %s", name, all->str);
}

static int
run_with(const struct command *command, const void *options, const GPtrArray *words)
{
    if (*(const bool *)options) {
        print_command_help(command);
        return STATUS_HELD;
    }
    if (words->len < command->words_min)
        return command_fail(command, "a word is missing: punchlab %s %s", command->name, command->usage);
    if (words->len > command->words_max)
        return command_fail(command, "'%s' is one word too many: punchlab %s %s",
                            (const char *)words->pdata[command->words_max], command->name, command->usage);
    return command->run(command, options, words);
}

static int
run_command_line(const struct command *command, int argc, char **argv)
{
    g_autofree void *options = g_malloc0(command->options_size);
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    GError *error = NULL;
    int status;

    if (arguments_parse(command->options, argc, argv, options, words, &error))
        status = run_with(command, options, words);
    else
        status = command_fail_error(command, error);
    arguments_clear(command->options, options);
    return status;
}

static const struct command *
find_command(const char *name)
{
    for (const struct command *const *command = commands; *command; command++) {
        if (strcmp((*command)->name, name) == 0)
            return *command;
    }
    return NULL;
}

static int
run_arguments(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : NULL;

    if (!name) {
        return command_fail(NULL, "a command is missing; 'punchlab --help' shows them all");
    } else if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || (strcmp(name, "help") == 0 && argc == 2)) {
        print_help();
        return STATUS_HELD;
    } else if (strcmp(name, "--version") == 0) {
        puts("punchlab " PUNCHLAB_VERSION);
        return STATUS_HELD;
    } else if (strcmp(name, "help") == 0 && find_command(argv[2])) {
        print_command_help(find_command(argv[2]));
        return STATUS_HELD;
    } else if (strcmp(name, "help") == 0) {
        return fail_unknown(argv[2]);
    }
    const struct command *command = find_command(name);
    return command ? run_command_line(command, argc - 2, argv + 2) : fail_unknown(name);
}

int
main(int argc, char **argv)
{
    terminal_begin();
    int status = run_arguments(argc, argv);

    if (!terminal_end())
        status = STATUS_ERROR;
    signals_obey();
    return status;
}
