#include "tests/bench/support_program.h"

#include <glib.h>

void
program_find(struct program *program)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *build = self ? g_path_get_dirname(self) : g_strdup("build");

    program->path = g_build_filename(build, "punchlab", NULL);
    program->folder = bench_folder();
}

void
program_clear(struct program *program)
{
    bench_folder_remove(program->folder);
    g_free(program->path);
    g_free(program->folder);
}

char *
program_write(const struct program *program, const char *name, const char *text)
{
    char *path = g_build_filename(program->folder, name, NULL);

    if (!g_file_set_contents(path, text, -1, NULL))
        g_error("can't write %s", path);
    return path;
}

double
program_play(const struct program *program, const char *const *words)
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

double
program_run(const struct program *program, const char *scenario)
{
    g_autofree char *out = g_build_filename(program->folder, "run", NULL);
    double spent = program_play(program, (const char *const[]){ "run", scenario, "-q", "--no-trace", "-o", out, NULL });

    bench_folder_remove(out);
    return spent;
}
