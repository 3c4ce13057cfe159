#include "tests/bench/bench.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <glib/gstdio.h>

#include "scenarios/runner/cli/progress.h"

#define RUNS 5

struct bench {
    struct progress *progress;
    unsigned rows, missed, skipped;
};

static double
seconds_of(clockid_t clock)
{
    struct timespec at;

    clock_gettime(clock, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

double
bench_clock(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

double
bench_cpu(void)
{
    return seconds_of(CLOCK_THREAD_CPUTIME_ID);
}

static int
by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double
bench_median_of(double *runs, size_t count)
{
    qsort(runs, count, sizeof *runs, by_size);
    return runs[count / 2];
}

double
bench_median(struct bench *bench, bench_measure *measure, void *context)
{
    double runs[RUNS];

    (void)bench;
    for (int i = 0; i < RUNS; i++)
        runs[i] = measure(context);
    return bench_median_of(runs, RUNS);
}

void
bench_compare(struct bench *bench, const char *figure, const char *unit, enum bench_better better, double reach,
              bench_measure *ours, bench_measure *bound, void *context)
{
    double our_runs[RUNS], bound_runs[RUNS] = { 0 };

    for (int i = 0; i < RUNS; i++) {
        if (bound)
            bound_runs[i] = bound(context);
        our_runs[i] = ours(context);
    }
    bench_row(bench, figure, unit, better, reach, bench_median_of(our_runs, RUNS), bench_median_of(bound_runs, RUNS));
}

char *
bench_folder(void)
{
    char memory[] = "/dev/shm/punchlab-bench-XXXXXX";
    char *folder = mkdtemp(memory) ? g_strdup(memory) : g_dir_make_tmp("punchlab-bench-XXXXXX", NULL);

    g_assert(folder);
    return folder;
}

void
bench_folder_empty(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        g_remove(path);
    }
}

void
bench_folder_remove(const char *folder)
{
    bench_folder_empty(folder);
    g_rmdir(folder);
}

/* A figure in as many digits as say something, or "-" for none. */
static const char *
say(double figure, char text[24])
{
    if (figure == 0)
        snprintf(text, 24, "-");
    else
        snprintf(text, 24, figure < 10 ? "%.2f" : figure < 1000 ? "%.1f" : "%.0f", figure);
    return text;
}

static void
print_heading(struct bench *bench)
{
    progress_hide(bench->progress);
    if (bench->rows++ == 0)
        printf("%-52s %10s %10s %6s %10s  %s\n", "figure", "ours", "bound", "ratio", "reach", "unit");
}

void
bench_skip(struct bench *bench, const char *figure, const char *why)
{
    print_heading(bench);
    bench->skipped++;
    printf("%-52s skipped: %s\n", figure, why);
    fflush(stdout);
}

/* The ratio is the share of the bound that we reach: 1.00 at the bound, whichever way the figure counts. */
void
bench_row(struct bench *bench, const char *figure, const char *unit, enum bench_better better, double reach,
          double ours, double bound)
{
    char texts[4][24];
    bool reached = reach == 0 || (better == BENCH_MORE ? ours >= reach : ours <= reach);
    double ratio = bound == 0 || ours == 0 ? 0 : better == BENCH_MORE ? ours / bound : bound / ours;

    print_heading(bench);
    bench->missed += !reached;
    printf("%-52s %10s %10s %6s %10s  %s%s\n", figure, say(ours, texts[0]), say(bound, texts[1]), say(ratio, texts[2]),
           say(reach, texts[3]), unit, reached ? "" : "  (missed)");
    fflush(stdout);
}

static bool
wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strstr(name, argv[i]))
            return true;
    }
    return argc < 2;
}

/* A machine may be slow or busy: a missed figure is told, and fails nothing. */
int
main(int argc, char **argv)
{
    struct bench bench = { .progress = progress_new("benchmarks") };
    size_t done = 0, total = 0;

    for (const struct bench_file *file = bench_files; file->name; file++)
        total += wanted(file->name, argc, argv);
    for (const struct bench_file *file = bench_files; file->name; file++) {
        if (!wanted(file->name, argc, argv))
            continue;
        file->run(&bench);
        progress_show(bench.progress, ++done, total);
    }
    progress_free(bench.progress);
    if (bench.rows == 0) {
        fprintf(stderr, "no benchmark ran\n");
        return EXIT_FAILURE;
    }
    printf("%u figures, %u of them missed their reach", bench.rows - bench.skipped, bench.missed);
    printf(bench.skipped ? ", %u skipped\n" : "\n", bench.skipped);
    return EXIT_SUCCESS;
}
