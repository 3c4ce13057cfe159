/* The program as its user meets it: from its start to its end, files closed.
 *
 * The bound of a run is the program's own start: what `punchlab --version` takes. That of a topology from Lua is the
 * same topology from C. The program is the one beside the benchmark; scenarios are found from the repository's root. */
#include <glib.h>

#include "nat/presets.h"
#include "scenarios/lab/lab.h"
#include "tests/bench/support_program.h"

struct runs {
    struct program program;
    char *none, *large; /* scenarios: an empty world; 10,000 hosts behind 1,000 NATs */
};

static const char none[] = "local lab = require 'punchlab'\n"
                           "lab.internet {}\n";

static const char large[] = "local lab = require 'punchlab'\n"
                            "local internet = lab.internet {}\n"
                            "for i = 1, 1000 do\n"
                            "  local nat = internet:nat('nat' .. i, nil, { type = 'full-cone' })\n"
                            "  for n = 1, 10 do nat:host('host' .. i .. '.' .. n) end\n"
                            "end\n";

static double
start_ms(void *context)
{
    const struct runs *runs = context;

    return program_play(&runs->program, (const char *const[]){ "--version", NULL });
}

static double
run_ms(void *context)
{
    const struct runs *runs = context;
    g_autofree char *out = g_build_filename(runs->program.folder, "run", NULL);
    double spent = program_play(&runs->program, (const char *const[]){ "run", "situations/restricted-both", "-q", "-o", out, NULL });

    bench_folder_remove(out);
    return spent;
}

#define KINDS "none,full-cone,restricted-cone,port-restricted-cone,symmetric"

static double
matrix_ms(void *context)
{
    const struct runs *runs = context;

    return program_play(&runs->program, (const char *const[]){ "matrix", "nat/hole-punching", "--rows", "nat_a=" KINDS,
                                                               "--cols", "nat_b=" KINDS, NULL });
}

/* What the hosts add to a run: making and freeing them. */
static double
from_lua_ms(void *context)
{
    const struct runs *runs = context;

    return program_run(&runs->program, runs->large) - program_run(&runs->program, runs->none);
}

static double
from_c_ms(void *context)
{
    double begun = bench_clock();
    struct lab *lab = lab_new(1);
    struct lab_network *internet = lab_internet(lab, "internet", NULL, NULL, NULL);
    char name[16];

    (void)context;
    for (unsigned i = 0; i < 1000; i++) {
        struct lab_network *home;

        g_snprintf(name, sizeof name, "nat%u", i);
        home = lab_nat(internet, name, NULL, &nat_presets[0].options, "full-cone", NULL, NULL, NULL, NULL);
        for (unsigned n = 0; n < 10; n++) {
            g_snprintf(name, sizeof name, "host%u.%u", i, n);
            lab_host(home, name, NULL, NULL, NULL);
        }
    }
    lab_free(lab);
    return (bench_clock() - begun) * 1000;
}

void
bench_run(struct bench *bench)
{
    struct runs runs;

    program_find(&runs.program);
    runs.none = program_write(&runs.program, "none.lua", none);
    runs.large = program_write(&runs.program, "large.lua", large);
    bench_compare(bench, "10,000 hosts behind 1,000 NATs, from Lua", "ms", BENCH_LESS, 40, from_lua_ms, from_c_ms,
                  &runs);
    bench_compare(bench, "run situations/restricted-both, all files", "ms", BENCH_LESS, 15, run_ms, start_ms, &runs);
    bench_compare(bench, "matrix nat/hole-punching, 25 cells", "ms", BENCH_LESS, 100, matrix_ms, start_ms, &runs);
    program_clear(&runs.program);
    g_free(runs.none);
    g_free(runs.large);
}
