/* How far long work has come, for the people who wait: on standard error, never in what is printed.
 *
 * At a terminal it is a bar that is drawn over, with counts and the time left; elsewhere a line a step, twenty at most.
 * Work that is over within two seconds says nothing. The wall clock is read for this alone: nothing that is computed
 * knows of it. */
#ifndef SCENARIOS_RUNNER_CLI_PROGRESS_H
#define SCENARIOS_RUNNER_CLI_PROGRESS_H

#include "scenarios/runner/cli/terminal.h"

struct progress;

/* `what` is counted: "runs". */
struct progress *progress_new(const char *what);
/* Takes the bar away. */
void progress_free(struct progress *progress);

/* So many are done, of so many. From any thread, as often as one likes; `progress` as void * for callbacks. */
void progress_show(void *progress, size_t done, size_t total);

/* Takes the bar away until the next step: something else is to be printed. */
void progress_hide(struct progress *progress);

/* What it says, without colour or line end: "[######......]  50%  512 of 1000 runs, 12 s left" in `width` characters at most
 * (0: without the bar). `elapsed`: nanoseconds. */
void progress_say(const char *what, size_t done, size_t total, int64_t elapsed, unsigned width, bool unicode,
                  GString *out);

#endif
