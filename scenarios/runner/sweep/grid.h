/* Many runs of one scenario: every combination of some axes' values, each with several seeds, side by side in threads.
 *
 * Nothing is written and no record is kept. Runs are numbered: the last axis moves fastest but for the seed, which
 * moves fastest of all. What comes out depends on the runs alone, never on the threads. */
#ifndef SCENARIOS_RUNNER_SWEEP_GRID_H
#define SCENARIOS_RUNNER_SWEEP_GRID_H

#include "scenarios/runner/sweep/axis.h"

struct grid {
    const char *path;
    const GPtrArray *axes;   /* struct axis *; may be empty */
    const GPtrArray *set;    /* const char * "k=v" that hold for all runs; or NULL */
    uint64_t first_seed, seed_count;
    const char *only;        /* the one result to keep; NULL: all */
    unsigned threads;        /* 0: one per processor */
    bool unsafe;
    bool (*interrupted)(void *unused); /* true ends it early; NULL: never */
    void (*progress)(void *user, size_t done, size_t total); /* now and then, from any thread; NULL: nobody asks */
    void *user;
};

/* What became of one run. */
struct outcome {
    GPtrArray *results;  /* struct scenario_result *: copies, in the order in which they were first set */
    char *complaint;     /* the error, or the first expectation that failed; NULL: there was none */
    enum scenario_end ended;
    uint8_t status;      /* as the exit status of `punchlab run` */
    bool ran;            /* false when the sweep ended before */
};

struct outcomes {
    struct outcome *items;
    size_t count;
    int status; /* the highest */
    GPtrArray *names; /* char *: of all results of runs that did not report the one to keep; in the order of runs */
};

/* The number of combinations; 0 when it is beyond what is sensible (GRID_MAX runs in all). */
#define GRID_MAX 10000000
size_t grid_combinations(const struct grid *grid);

/* The value of axis number `axis` in combination number `combination`. */
const char *grid_value(const struct grid *grid, size_t combination, size_t axis);

/* Runs all; item combination * seed_count + seed is that run's. */
struct outcomes *grid_run(const struct grid *grid);
void outcomes_free(struct outcomes *outcomes);
typedef struct outcomes outcomes;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(outcomes, outcomes_free)

/* The result of this name, or NULL. */
const struct value *outcome_result(const struct outcome *outcome, const char *name);

#endif
