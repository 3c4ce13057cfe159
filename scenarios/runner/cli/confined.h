/* Programs that are run in processes of their own, with limits: what they do there harms nobody else.
 *
 * Each gets a process group, an empty standard input, a limit of wall-clock time, of processor time, of memory and of
 * what it may write, and no core file; it dies with us, and can win no privileges. What it prints is kept up to a
 * limit. Whatever it does, it ends. */
#ifndef SCENARIOS_RUNNER_CLI_CONFINED_H
#define SCENARIOS_RUNNER_CLI_CONFINED_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct confined_limits {
    unsigned seconds;   /* of wall-clock time */
    unsigned mebibytes; /* of address space */
    size_t output;      /* bytes that it may print, each of standard output and standard error */
};

enum confined_end {
    CONFINED_EXITED,
    CONFINED_SIGNALLED,   /* it crashed, or met a limit of the kernel's */
    CONFINED_TOO_LONG,    /* the time was over */
    CONFINED_TOO_MUCH,    /* it printed too much */
    CONFINED_NOT_STARTED,
    CONFINED_INTERRUPTED, /* `interrupted` said so */
};

struct confined_result {
    enum confined_end end;
    int status;      /* the exit status, or the signal */
    GString *out, *error;
};

/* Runs `count` programs, at most `jobs` at a time. `command(user, i)` gives the arguments of number i (a strv, freed
 * here; the first is the program's path); `done(user, i, result)` is told of each end, in any order; the result is borrowed.
 * `interrupted` ends all of them early. */
void confined_run(const struct confined_limits *limits, size_t count, unsigned jobs, bool (*interrupted)(void *unused),
                  char **(*command)(void *user, size_t index),
                  void (*done)(void *user, size_t index, const struct confined_result *result), void *user);

#endif
