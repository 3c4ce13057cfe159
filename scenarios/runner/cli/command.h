/* The commands of `punchlab`: each is one of these, in a file of its own. */
#ifndef SCENARIOS_RUNNER_CLI_COMMAND_H
#define SCENARIOS_RUNNER_CLI_COMMAND_H

#include "scenarios/runner/cli/arguments.h"

/* Exit statuses. */
enum status {
    STATUS_HELD = 0,   /* all expectations held */
    STATUS_FAILED = 1, /* an expectation failed, or a task was left waiting */
    STATUS_ERROR = 2,  /* wrong usage; a scenario that cannot be read or raised an error; output that cannot be made */
};

struct command {
    const char *name;
    const char *usage;              /* what follows the name: "SCENARIO [OPTION]..." */
    const char *summary;            /* one line */
    const char *about;              /* the rest of its help page, with line ends; NULL: nothing more */
    const struct argument *options; /* ends with OPTIONS_END */
    size_t options_size;            /* of the struct that they are read into, which begins with `bool help` */
    unsigned words_min, words_max;  /* words besides options */
    int (*run)(const struct command *command, const void *options, const GPtrArray *words);
};

/* What every table of options ends with. */
#define OPTIONS_END { "help", 'h', ARGUMENT_FLAG, 0, NULL, "this page" }, { .name = NULL }

/* In the order of the help page; ends with NULL. */
extern const struct command *const commands[];

extern const struct command run_command, matrix_command, sweep_command, list_command, show_command, nat_command,
    what_if_command, view_command, grade_command, serve_command, nat_check_command, ice_command;

/* Prints "punchlab NAME: ..." as one line on standard error; for use as `return command_fail(...)`: STATUS_ERROR. */
int command_fail(const struct command *command, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The same with the message of an error, which it frees. */
int command_fail_error(const struct command *command, GError *error);

#endif
