/* The program beside the benchmark, played with scenarios of the benchmark's own. */
#ifndef TESTS_BENCH_SUPPORT_PROGRAM_H
#define TESTS_BENCH_SUPPORT_PROGRAM_H

#include "tests/bench/bench.h"

struct program {
    char *path, *folder; /* a folder for scenarios, and for what their runs write */
};

void program_find(struct program *program);
/* Takes the folder away, too. */
void program_clear(struct program *program);

/* Writes a scenario into the folder; its path, to be freed. */
char *program_write(const struct program *program, const char *name, const char *text);

/* Milliseconds from the program's start to its end; `words` end with NULL. It must end with status 0. */
double program_play(const struct program *program, const char *const *words);
/* The same of a run without traces. */
double program_run(const struct program *program, const char *scenario);

#endif
