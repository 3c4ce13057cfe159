/* What was found of a box by measuring it (scenarios/conformance), for people and for programs.
 *
 * As text a requirement has two lines, what it asks for and what was seen; at the end a line tells of each RFC how many
 * are met. JSON is {"format":1,"subject","findings":[{"rfc","requirement","section","level","text","outcome","evidence"}]}
 * in the same order. */
#ifndef SCENARIOS_RUNNER_CLI_CONFORMANCE_H
#define SCENARIOS_RUNNER_CLI_CONFORMANCE_H

#include "scenarios/conformance/conformance.h"
#include "scenarios/runner/cli/terminal.h"

void conformance_text(const struct conformance_subject *subject, const GArray *findings,
                      const struct terminal *terminal, GString *out);
void conformance_json(const struct conformance_subject *subject, const GArray *findings, GString *out);

#endif
