/* What `matrix` and `sweep` share: options that make a grid, its progress, and what is said about runs that failed. */
#ifndef SCENARIOS_RUNNER_CLI_MANY_H
#define SCENARIOS_RUNNER_CLI_MANY_H

#include "scenarios/runner/cli/command.h"
#include "scenarios/runner/sweep/grid.h"

struct many_options {
    GPtrArray *set;
    const char *seeds, *jobs;
    bool unsafe;
};

/* What the two need of a scenario before they run it. */
struct many {
    const struct command *command;
    char *path, *name;
    struct scenario *shown; /* its top level alone, for the parameters */
    GPtrArray *axes;        /* struct axis * */
    struct grid grid;
};

/* Finds the scenario and reads its top level and the options; then axes are added to `many->axes`. */
bool many_open(struct many *many, const char *word, const struct many_options *options, GError **error);
void many_clear(struct many *many);

/* Adds an axis; false with an error when it is no parameter, is there already or is set by --set. */
bool many_add_axis(struct many *many, const char *option, const char *text, GError **error);

/* Adds an axis that goes without saying: with the one value that --set gives it, if it does. */
bool many_add_default_axis(struct many *many, const char *option, const char *name, GError **error);

/* Runs the grid, with progress on a terminal, and tells on standard error which runs failed. NULL, having said why,
 * when there are too many of them or a signal ended it. */
struct outcomes *many_run(struct many *many);

#endif
