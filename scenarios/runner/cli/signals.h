/* SIGINT, SIGTERM and SIGHUP: the first one asks the run to end, so that its files get closed; then the program ends by
 * that signal. A second one ends it at once. */
#ifndef SCENARIOS_RUNNER_CLI_SIGNALS_H
#define SCENARIOS_RUNNER_CLI_SIGNALS_H

#include <stdbool.h>

void signals_catch(void);

/* Whether one came; for scenario_options.interrupted. Safe in any thread. */
bool signals_came(void *unused);

/* Ends the program by the signal that came; returns when none did. */
void signals_obey(void);

#endif
