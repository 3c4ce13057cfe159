/* What a person reads after a run: results, expectations, packets, and where the traces are. */
#ifndef SCENARIOS_RUNNER_CLI_SUMMARY_H
#define SCENARIOS_RUNNER_CLI_SUMMARY_H

#include "scenarios/runner/cli/report.h"
#include "scenarios/runner/cli/terminal.h"

/* "Title" and, faint, what was run with which parameters. */
void summary_heading(const struct scenario *scenario, const struct report_about *about,
                     const struct terminal *terminal, GString *out);

/* The rest. `folder`: where the report is and the traces are. */
void summary_print(const struct scenario *scenario, const struct report_about *about, const char *folder,
                   const struct terminal *terminal, GString *out);

/* Where the page is, for who made one. */
void summary_page(const char *folder, GString *out);

#endif
