/* `--svg ladder|topology`: pictures for documents, written into the run's folder as ladder.svg and topology.svg. */
#ifndef SCENARIOS_RUNNER_CLI_PICTURES_H
#define SCENARIOS_RUNNER_CLI_PICTURES_H

#include "scenarios/runner/cli/explain.h"

enum picture { PICTURE_LADDER = 1 << 0, PICTURE_TOPOLOGY = 1 << 1 };

/* What --svg asks for: each text one word, or several with commas between. False with an error. */
bool pictures_parse(const GPtrArray *texts, unsigned *pictures, GError **error);

/* Writes them after the run. `explain` has been there from its beginning (for a ladder; else it may be NULL). */
bool pictures_write(unsigned pictures, const struct explain *explain, const struct scenario *scenario, const char *name,
                    const char *folder, GError **error);

#endif
