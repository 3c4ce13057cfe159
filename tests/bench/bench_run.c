/* The program as its user meets it: from its start to its end, files closed.
 *
 * The bound of a run is the program's own start: what `punchlab --version` takes. That of a topology from Lua is the
 * same topology from C. The program is the one beside the benchmark; scenarios are found from the repository's root. */
#include <glib.h>

#include "nat/presets.h"
#include "scenarios/lab/lab.h"
#include "tests/bench/bench.h"

struct program {
    char *path, *folder;
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

static char *
write_scenario(const char *folder, const char *name, const char *text)
{
    char *path = g_build_filename(folder, name, NULL);

    if (!g_file_set_contents(path, text, -1, NULL))
        g_error("can't write %s", path);
    return path;
}

static void
program_find(struct program *program)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *build = self ? g_path_get_dirname(self) : g_strdup("build");

    program->path = g_build_filename(build, "punchlab", NULL);
    program->folder = bench_folder();
    program->none = write_scenario(program->folder, "none.lua", none);
    program->large = write_scenario(program->folder, "large.lua", large);
}

static void
program_clear(struct program *program)
{
    bench_folder_remove(program->folder);
    g_free(program->path);
    g_free(program->folder);
    g_free(program->none);
    g_free(program->large);
}

/* Milliseconds from the program's start to its end; `words` end with NULL. */
static double
play(const struct program *program, const char *const *words)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    double begun = bench_clock();
    gint status = -1;

    g_ptr_array_add(argv, program->path);
    for (; *words; words++)
        g_ptr_array_add(argv, (gpointer)*words);
    g_ptr_array_add(argv, NULL);
    if (!g_spawn_sync(NULL, (char **)argv->pdata, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, NULL, &status,
                      NULL) ||
        status != 0)
        g_error("%s %s failed", program->path, (const char *)argv->pdata[1]);
    return (bench_clock() - begun) * 1000;
}

static double
start_ms(void *context)
{
    return play(context, (const char *const[]){ "--version", NULL });
}

static double
run_ms(void *context)
{
    const struct program *program = context;
    g_autofree char *out = g_build_filename(program->folder, "run", NULL);
    double spent = play(program, (const char *const[]){ "run", "situations/restricted-both", "-q", "-o", out, NULL });

    bench_folder_remove(out);
    return spent;
}

#define KINDS "none,full-cone,restricted-cone,port-restricted-cone,symmetric"

static double
matrix_ms(void *context)
{
    return play(context, (const char *const[]){ "matrix", "nat/hole-punching", "--rows", "nat_a=" KINDS, "--cols",
                                                "nat_b=" KINDS, NULL });
}

/* A run that sends nothing. */
static double
build_run_ms(const struct program *program, const char *scenario)
{
    g_autofree char *out = g_build_filename(program->folder, "run", NULL);
    double spent = play(program, (const char *const[]){ "run", scenario, "-q", "--no-trace", "-o", out, NULL });

    bench_folder_remove(out);
    return spent;
}

/* What the hosts add to a run: making and freeing them. */
static double
from_lua_ms(void *context)
{
    const struct program *program = context;

    return build_run_ms(program, program->large) - build_run_ms(program, program->none);
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
    struct program program;

    program_find(&program);
    bench_compare(bench, "10,000 hosts behind 1,000 NATs, from Lua", "ms", BENCH_LESS, 40, from_lua_ms, from_c_ms,
                  &program);
    bench_compare(bench, "run situations/restricted-both, all files", "ms", BENCH_LESS, 15, run_ms, start_ms, &program);
    bench_compare(bench, "matrix nat/hole-punching, 25 cells", "ms", BENCH_LESS, 100, matrix_ms, start_ms, &program);
    program_clear(&program);
}
