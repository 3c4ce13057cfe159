/* The benchmarks: figures of ours, each beside the bound that this machine sets to the same work in the same run.
 *
 * A file tests/bench/bench_NAME.c defines `void bench_NAME(struct bench *bench)`, found by its name. It measures with
 * functions that do a fixed amount of work and return a figure, in the row's unit:
 *
 *     static double
 *     events_per_second(void *context)
 *     {
 *         double begun = bench_clock();
 *         ... 10,000,000 events ...
 *         return 10 / (bench_clock() - begun);                    in M/s
 *     }
 *
 *     bench_compare(bench, "events, 1 pending", "M/s", BENCH_MORE, 40, events_per_second, bare_loop, &context);
 *
 * `build/bench NAME...` runs those whose file's name contains one of the names. Here the wall clock is allowed. */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <stddef.h>
#include <stdint.h>

struct bench;

struct bench_file {
    const char *name;
    void (*run)(struct bench *bench);
};

extern const struct bench_file bench_files[]; /* ends with a NULL name */

typedef double bench_measure(void *context);

enum bench_better { BENCH_MORE, BENCH_LESS }; /* which way a figure is good: rates, or times and sizes */

/* Seconds of the monotonic clock, from an arbitrary start. */
double bench_clock(void);

/* Seconds of processor time that this thread has had: for work that waits for nothing, on a machine that others use. */
double bench_cpu(void);

/* The median of five runs of `measure`. */
double bench_median(struct bench *bench, bench_measure *measure, void *context);

/* Of what was measured already; puts it in order. */
double bench_median_of(double *runs, size_t count);

/* Measures both in turns, so that a noisy moment hits both, and prints the row of their medians. `bound` NULL: none. */
void bench_compare(struct bench *bench, const char *figure, const char *unit, enum bench_better better, double reach,
                   bench_measure *ours, bench_measure *bound, void *context);

/* Prints a row of what was measured. `reach` 0: no aim was set; `bound` 0: the machine sets none. */
void bench_row(struct bench *bench, const char *figure, const char *unit, enum bench_better better, double reach,
               double ours, double bound);

/* A row of what could not be measured here, and why. */
void bench_skip(struct bench *bench, const char *figure, const char *why);

/* A new folder in memory (on a tmpfs) where there is one, else among the temporary files; to be freed. */
char *bench_folder(void);
/* Takes away the files in a folder, and the folder itself. */
void bench_folder_empty(const char *folder);
void bench_folder_remove(const char *folder);

/* Makes the compiler believe that `value` is needed. */
static inline void
bench_keep(uint64_t value)
{
    __asm__ volatile("" : : "r"(value) : "memory");
}

#endif
