/* The timeline: a run's story laid out in columns (time, node, packet, text).
 *
 *      40.200 ms  A     A.2   sends A.2 from 10.0.0.2:5000 to 203.0.113.2:5000 (UDP, 43 bytes)
 *      40.300 ms  natA  A.2   outbound: source 10.0.0.2:5000 becomes 203.0.113.1:5000 (mapping 1, ...)
 *      80.300 ms  #           what the script says
 *
 * Times are milliseconds with three decimals in runs of up to ten seconds, else seconds with six; what is finer than a
 * microsecond is cut off. At a terminal lines are broken to its width, under their text; where there is no room beside the columns,
 * the text stands below them. */
#ifndef SCENARIOS_RUNNER_CLI_TIMELINE_H
#define SCENARIOS_RUNNER_CLI_TIMELINE_H

#include "scenarios/runner/cli/terminal.h"
#include "scenarios/runner/story/story.h"

void timeline_print(const struct story *story, const struct terminal *terminal, GString *out);

/* A time as it stands in a timeline whose last event is at `last`: "40.200 ms". */
void timeline_time(int64_t at, int64_t last, GString *out);

#endif
