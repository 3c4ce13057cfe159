/* The end of a server that lets go of what it has under way first: SIGTERM begins it, and the loop ends when nothing is
 * left or the time is over. A second SIGTERM, or SIGINT, ends it at once. */
#ifndef SCENARIOS_RUNNER_CLI_SERVE_DRAIN_H
#define SCENARIOS_RUNNER_CLI_SERVE_DRAIN_H

#include "scenarios/runner/cli/serve.h"

struct serve_draining {
    void (*begin)(void *owner);    /* nothing new from now on */
    unsigned (*left)(void *owner); /* how many are under way */
    void *owner;
    const char *what; /* "calls": what is left */
    int64_t patience; /* nanoseconds; 0: not at all */
};

/* Runs until a signal, and then until it has drained. */
void serve_until_drained(struct serving *serving, const struct serve_draining *how);

#endif
