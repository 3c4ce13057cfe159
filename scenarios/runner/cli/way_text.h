/* One packet's whole way, for people: `--explain=A.3`. */
#ifndef SCENARIOS_RUNNER_CLI_WAY_TEXT_H
#define SCENARIOS_RUNNER_CLI_WAY_TEXT_H

#include "scenarios/runner/cli/terminal.h"
#include "scenarios/runner/story/way.h"

/* `width`: in characters; 0: lines are not broken. `last`: when the run ended, for how times are written. */
void way_text(const struct way *way, int64_t last, const struct terminal *terminal, unsigned width, GString *out);

#endif
