/* One cell of a matrix: what one result was over some runs that differ in their seeds only. */
#ifndef SCENARIOS_RUNNER_SWEEP_TALLY_H
#define SCENARIOS_RUNNER_SWEEP_TALLY_H

#include "scenarios/runner/sweep/grid.h"

struct tally {
    size_t runs;
    size_t failed, errors; /* with status 1; with status 2 */
    size_t present;        /* runs that set the result */
    size_t booleans, trues;
    const struct value *common; /* the most frequent value, the first among equals; NULL: none. Borrowed */
    size_t common_count;
};

/* Of the result called `name` in `count` outcomes. */
struct tally tally_of(const struct outcome *outcomes, size_t count, const char *name);

/* For people: "yes", "no", "75%"; another value as it is, with its share when there are others ("filtered 75%"); "-"
 * when no run set it; "error" when one raised an error. */
void tally_say(const struct tally *tally, GString *out);

/* For programs: "true", "false", a share from 0 to 1 when there are several runs of booleans; else as people see it. */
void tally_say_plain(const struct tally *tally, GString *out);

/* The share of runs in which it was true; only where tally_is_share says so. */
double tally_share(const struct tally *tally);
bool tally_is_share(const struct tally *tally);

#endif
