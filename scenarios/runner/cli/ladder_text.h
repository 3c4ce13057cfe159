/* The ladder of a run for a terminal: the time at the left, a column a node, the story beside it.
 *
 *                   A      natA       S      natB       B
 *        0.000 ms   o        |        |        |        |   A: sends A.1 from 10.0.0.2:5000 to ...
 *        0.100 ms   |--A.1-->+        |        |        |   natA: new mapping 10.0.0.2:5000 -> ...
 *                   |        #        |        |        |   natA: outbound: source ...
 *               [10.0.0.2:5000 -> 203.0.113.1:4768]     |   ...
 *       40.100 ms   |        |--A.1-->*        |        |   S: receives A.1 from 203.0.113.1:4768
 *
 * A time stands where it changes. What a translator changes stands at its column, before -> after; where a packet is
 * dropped there is an X and the reason; what the script says goes across. Terminals that show UTF-8 get drawn lines.
 *
 * It is made to fit: first the columns move together and their names are cut short, then the nodes with the least to
 * tell share one column, "others". What is narrower still gets the plain timeline (timeline.h), one event a line. */
#ifndef SCENARIOS_RUNNER_CLI_LADDER_TEXT_H
#define SCENARIOS_RUNNER_CLI_LADDER_TEXT_H

#include "scenarios/runner/cli/terminal.h"
#include "scenarios/runner/story/ladder.h"

enum {
    LADDER_WIDTH = 120,      /* where there is no terminal to fit */
    LADDER_WIDTH_LEAST = 72, /* below this there is no ladder */
    LADDER_WIDTH_MOST = 1000,
};

/* `width`: in characters; 0: the plain timeline, its lines not broken. */
void ladder_text(const struct story *story, const struct ladder_order *order, const struct terminal *terminal,
                 unsigned width, GString *out);

#endif
