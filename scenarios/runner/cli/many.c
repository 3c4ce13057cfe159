#include "scenarios/runner/cli/many.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/time.h"
#include "scenarios/runner/cli/find.h"
#include "scenarios/runner/cli/progress.h"
#include "scenarios/runner/cli/signals.h"
#include "scenarios/runner/cli/terminal.h"

enum { COMPLAINTS_MAX = 5, JOBS_MAX = 1024 };

static bool
read_options(struct many *many, const struct many_options *options, GError **error)
{
    uint64_t jobs = 0;
    struct seeds seeds;

    if (!arguments_seeds("--seeds", options->seeds, &seeds, error) ||
        (options->jobs && !arguments_number("-j", options->jobs, &jobs, error)))
        return false;
    if (options->jobs && (jobs < 1 || jobs > JOBS_MAX)) {
        g_set_error(error, ARGUMENTS_ERROR, 0, "-j: '%s' is not a number of threads from 1 to %d", options->jobs,
                    JOBS_MAX);
        return false;
    }
    for (guint i = 0; options->set && i < options->set->len; i++) {
        if (!arguments_setting("--set", options->set->pdata[i], error))
            return false;
    }
    many->grid = (struct grid){
        .path = many->path,
        .axes = many->axes,
        .set = options->set,
        .first_seed = seeds.first,
        .seed_count = seeds.count,
        .threads = (unsigned)jobs,
        .unsafe = options->unsafe,
        .interrupted = signals_came,
    };
    return true;
}

/* The top level with what --set says: wrong names and values are told here, once. */
static bool
show(struct many *many, const struct many_options *options, GError **error)
{
    g_autoptr(GPtrArray) set = g_ptr_array_new();

    for (guint i = 0; options->set && i < options->set->len; i++)
        g_ptr_array_add(set, options->set->pdata[i]);
    g_ptr_array_add(set, NULL);
    const struct scenario_options how = {
        .path = many->path, .seed = many->grid.first_seed, .set = (const char *const *)set->pdata,
        .until = TIME_NEVER, .unsafe = options->unsafe, .show_only = true,
    };
    many->shown = scenario_new(&how, error);
    if (!many->shown)
        return false;
    if (many->shown->ended != SCENARIO_FAILED)
        return true;
    g_set_error_literal(error, SCENARIO_ERROR, 0, many->shown->error_message);
    return false;
}

bool
many_open(struct many *many, const char *word, const struct many_options *options, GError **error)
{
    many->axes = g_ptr_array_new_with_free_func((GDestroyNotify)axis_free);
    return find_scenario(word, &many->path, &many->name, error) && read_options(many, options, error) &&
           show(many, options, error);
}

void
many_clear(struct many *many)
{
    g_clear_pointer(&many->shown, scenario_free);
    g_clear_pointer(&many->axes, g_ptr_array_unref);
    g_free(many->path);
    g_free(many->name);
}

/* The value that --set gives this parameter, the last one; NULL: none. */
static const char *
set_value(const struct many *many, const char *name)
{
    size_t length = strlen(name);
    const char *found = NULL;

    for (guint i = 0; many->grid.set && i < many->grid.set->len; i++) {
        const char *setting = many->grid.set->pdata[i];

        if (strncmp(setting, name, length) == 0 && setting[length] == '=')
            found = setting + length + 1;
    }
    return found;
}

bool
many_add_axis(struct many *many, const char *option, const char *text, GError **error)
{
    g_autoptr(axis) axis = axis_parse(option, text, many->shown->parameters, error);
    bool taken = false;

    if (!axis)
        return false;
    for (guint i = 0; i < many->axes->len; i++)
        taken = taken || strcmp(((const struct axis *)many->axes->pdata[i])->name, axis->name) == 0;
    if (taken || set_value(many, axis->name)) {
        g_set_error(error, ARGUMENTS_ERROR, 0, "%s: '%s' has its values from %s already", option, axis->name,
                    taken ? "another option" : "--set");
        return false;
    }
    g_ptr_array_add(many->axes, g_steal_pointer(&axis));
    return true;
}

bool
many_add_default_axis(struct many *many, const char *option, const char *name, GError **error)
{
    const char *value = set_value(many, name);

    if (!value)
        return many_add_axis(many, option, name, error);
    g_ptr_array_add(many->axes, axis_of_one(name, value));
    return true;
}

/* ---- running */

static void
complain(const struct many *many, size_t index, const struct outcome *outcome)
{
    g_autoptr(GString) where = g_string_new(NULL);

    for (guint i = 0; i < many->axes->len; i++)
        g_string_append_printf(where, "%s=%s, ", ((const struct axis *)many->axes->pdata[i])->name,
                               grid_value(&many->grid, index / many->grid.seed_count, i));
    command_fail(many->command, "%sseed %" PRIu64 ": %s", where->str,
                 many->grid.first_seed + index % many->grid.seed_count, outcome->complaint);
}

static void
complain_all(const struct many *many, const struct outcomes *outcomes)
{
    size_t found = 0;

    for (size_t i = 0; i < outcomes->count; i++) {
        if (outcomes->items[i].complaint && found++ < COMPLAINTS_MAX)
            complain(many, i, &outcomes->items[i]);
    }
    if (found > COMPLAINTS_MAX)
        command_fail(many->command, "%zu more runs failed, of %zu", found - COMPLAINTS_MAX, outcomes->count);
}

struct outcomes *
many_run(struct many *many)
{
    if (grid_combinations(&many->grid) == 0) {
        command_fail(many->command, "these are more than %d runs", GRID_MAX);
        return NULL;
    }
    struct progress *progress = progress_new("runs");

    many->grid.progress = progress_show;
    many->grid.user = progress;
    signals_catch();
    g_autoptr(outcomes) outcomes = grid_run(&many->grid);
    progress_free(progress);
    if (signals_came(NULL)) {
        command_fail(many->command, "interrupted: a signal came before all runs were done");
        return NULL;
    }
    complain_all(many, outcomes);
    return g_steal_pointer(&outcomes);
}
