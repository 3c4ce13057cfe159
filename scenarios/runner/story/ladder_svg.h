/* The ladder of a run as a picture: for `--svg ladder`, and for documents. */
#ifndef SCENARIOS_RUNNER_STORY_LADDER_SVG_H
#define SCENARIOS_RUNNER_STORY_LADDER_SVG_H

#include "scenarios/runner/story/ladder.h"

enum {
    LADDER_SVG_COLUMNS = 24, /* ask ladder_new for no more */
    LADDER_SVG_ROWS = 2000,  /* further ones are counted, not drawn */
};

/* `time` says a time as it stands at the left. */
void ladder_svg(const struct ladder *ladder, const char *title, void (*time)(int64_t at, int64_t last, GString *out),
                GString *out);

#endif
