#include "scenarios/runner/sweep/grid.h"

#include <string.h>

#include "core/base/time.h"

/* ---- combinations */

static const struct axis *
axis_at(const struct grid *grid, size_t index)
{
    return grid->axes->pdata[index];
}

size_t
grid_combinations(const struct grid *grid)
{
    size_t count = 1;

    for (guint i = 0; i < grid->axes->len; i++) {
        guint values = axis_at(grid, i)->values->len;

        if (values == 0 || count > GRID_MAX / values)
            return 0;
        count *= values;
    }
    return grid->seed_count > GRID_MAX / count ? 0 : count;
}

const char *
grid_value(const struct grid *grid, size_t combination, size_t axis)
{
    for (size_t i = grid->axes->len - 1; i > axis; i--)
        combination /= axis_at(grid, i)->values->len;
    const GPtrArray *values = axis_at(grid, axis)->values;
    return values->pdata[combination % values->len];
}

/* ---- one run */

static struct value *
copy_value(const struct value *value)
{
    struct value *copy = g_memdup2(value, sizeof(*value));

    if (value->type == VALUE_TEXT)
        copy->text = g_bytes_ref(value->text);
    if (value->type == VALUE_LIST) {
        copy->list = g_ptr_array_new_with_free_func((GDestroyNotify)value_free);
        for (guint i = 0; i < value->list->len; i++)
            g_ptr_array_add(copy->list, copy_value(value->list->pdata[i]));
    }
    return copy;
}

static void
free_result(gpointer data)
{
    struct scenario_result *result = data;

    g_free(result->name);
    value_free(result->value);
    g_free(result);
}

static void
copy_results(const struct grid *grid, const struct scenario *scenario, struct outcome *outcome)
{
    outcome->results = g_ptr_array_new_with_free_func(free_result);
    for (guint i = 0; i < scenario->results->len; i++) {
        const struct scenario_result *result = scenario->results->pdata[i];

        if (grid->only && strcmp(grid->only, result->name) != 0)
            continue;
        struct scenario_result *copy = g_new(struct scenario_result, 1);
        *copy = (struct scenario_result){ g_strdup(result->name), copy_value(result->value) };
        g_ptr_array_add(outcome->results, copy);
    }
}

/* The first thing that went wrong in a run that ended by itself. */
static char *
first_complaint(const struct scenario *scenario)
{
    if (scenario->ended == SCENARIO_FAILED) {
        if (!scenario->error_file || strstr(scenario->error_message, scenario->error_file))
            return g_strdup(scenario->error_message);
        return scenario->error_line > 0 ? g_strdup_printf("%s:%d: %s", scenario->error_file, scenario->error_line,
                                                          scenario->error_message)
                                        : g_strdup_printf("%s: %s", scenario->error_file, scenario->error_message);
    }
    for (guint i = 0; i < scenario->expectations->len; i++) {
        const struct scenario_expectation *expectation = scenario->expectations->pdata[i];

        if (!expectation->ok)
            return g_strdup_printf("expectation failed in line %d: %s", expectation->line, expectation->text);
    }
    if (scenario->waiting->len > 0) {
        const struct scenario_waiting *waiting = scenario->waiting->pdata[0];

        return g_strdup_printf("task %s was left waiting in line %d: %s", waiting->task, waiting->line, waiting->on);
    }
    return NULL;
}

static void
take_outcome(const struct grid *grid, const struct scenario *scenario, struct outcome *outcome)
{
    copy_results(grid, scenario, outcome);
    outcome->complaint = first_complaint(scenario);
    outcome->ended = scenario->ended;
    outcome->status = scenario->ended == SCENARIO_FAILED ? 2 : scenario_passed(scenario) ? 0 : 1;
}

/* The settings of one combination, ending with NULL; later ones hold. */
static GPtrArray *
settings_of(const struct grid *grid, size_t combination)
{
    GPtrArray *settings = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; grid->set && i < grid->set->len; i++)
        g_ptr_array_add(settings, g_strdup(grid->set->pdata[i]));
    for (guint i = 0; i < grid->axes->len; i++)
        g_ptr_array_add(settings, g_strdup_printf("%s=%s", axis_at(grid, i)->name, grid_value(grid, combination, i)));
    g_ptr_array_add(settings, NULL);
    return settings;
}

/* ---- names of results, for who asked for one that there is not */

/* Which run gave a name first. */
struct sight {
    char *name;
    size_t run;
    guint place; /* among that run's results */
};

struct sights {
    GMutex lock;
    GHashTable *by_name; /* struct sight *, by its name */
};

static void
sight_free(gpointer data)
{
    struct sight *sight = data;

    g_free(sight->name);
    g_free(sight);
}

static void
see(struct sights *sights, const char *name, size_t run, guint place)
{
    struct sight *sight = g_hash_table_lookup(sights->by_name, name);

    if (sight && sight->run <= run)
        return;
    if (!sight) {
        sight = g_new0(struct sight, 1);
        sight->name = g_strdup(name);
        g_hash_table_insert(sights->by_name, sight->name, sight);
    }
    sight->run = run;
    sight->place = place;
}

static void
see_all(struct sights *sights, const GPtrArray *results, size_t run)
{
    g_mutex_lock(&sights->lock);
    for (guint i = 0; i < results->len; i++)
        see(sights, ((const struct scenario_result *)results->pdata[i])->name, run, i);
    g_mutex_unlock(&sights->lock);
}

static gint
compare_sights(gconstpointer a, gconstpointer b)
{
    const struct sight *one = *(const struct sight *const *)a, *other = *(const struct sight *const *)b;

    if (one->run != other->run)
        return one->run < other->run ? -1 : 1;
    return (one->place > other->place) - (one->place < other->place);
}

/* The names in the order of runs, whatever thread played them. */
static void
list_sights(const struct sights *sights, GPtrArray *names)
{
    g_autoptr(GList) values = g_hash_table_get_values(sights->by_name);
    g_autoptr(GPtrArray) sorted = g_ptr_array_new();

    for (GList *link = values; link; link = link->next)
        g_ptr_array_add(sorted, link->data);
    g_ptr_array_sort(sorted, compare_sights);
    for (guint i = 0; i < sorted->len; i++)
        g_ptr_array_add(names, g_strdup(((const struct sight *)sorted->pdata[i])->name));
}

/* ---- one run */

static void
run_one(const struct grid *grid, size_t index, struct outcome *outcome, struct sights *sights)
{
    g_autoptr(GPtrArray) settings = settings_of(grid, index / grid->seed_count);
    g_autoptr(GError) error = NULL;
    const struct scenario_options how = {
        .path = grid->path,
        .seed = grid->first_seed + index % grid->seed_count,
        .set = (const char *const *)settings->pdata,
        .until = TIME_NEVER,
        .unsafe = grid->unsafe,
        .interrupted = grid->interrupted,
    };
    g_autoptr(scenario) scenario = scenario_new(&how, &error);

    outcome->ran = true;
    if (!scenario) {
        outcome->results = g_ptr_array_new();
        outcome->complaint = g_strdup(error->message);
        outcome->ended = SCENARIO_FAILED;
        outcome->status = 2;
        return;
    }
    if (scenario->ended != SCENARIO_FAILED)
        scenario_run(scenario);
    take_outcome(grid, scenario, outcome);
    if (outcome->results->len == 0)
        see_all(sights, scenario->results, index);
}

/* ---- all of them */

struct crew {
    const struct grid *grid;
    struct outcomes *outcomes;
    gint next, done; /* atomic */
    struct sights sights;
};

static gpointer
work(gpointer data)
{
    struct crew *crew = data;
    const struct grid *grid = crew->grid;

    for (;;) {
        size_t index = (size_t)g_atomic_int_add(&crew->next, 1);

        if (index >= crew->outcomes->count || (grid->interrupted && grid->interrupted(NULL)))
            return NULL;
        run_one(grid, index, &crew->outcomes->items[index], &crew->sights);
        int done = g_atomic_int_add(&crew->done, 1) + 1;
        if (grid->progress)
            grid->progress(grid->user, (size_t)done, crew->outcomes->count);
    }
}

struct outcomes *
grid_run(const struct grid *grid)
{
    struct outcomes *outcomes = g_new0(struct outcomes, 1);
    struct crew crew = { .grid = grid, .outcomes = outcomes };

    outcomes->count = grid_combinations(grid) * grid->seed_count;
    outcomes->items = g_new0(struct outcome, outcomes->count);
    outcomes->names = g_ptr_array_new_with_free_func(g_free);
    g_mutex_init(&crew.sights.lock);
    crew.sights.by_name = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, sight_free);

    /* This thread works too. */
    size_t threads = grid->threads ? grid->threads : g_get_num_processors();
    threads = MIN(threads, outcomes->count);
    g_autoptr(GPtrArray) others = g_ptr_array_new();
    for (size_t i = 1; i < threads; i++) {
        GThread *thread = g_thread_try_new("punchlab", work, &crew, NULL);

        if (thread)
            g_ptr_array_add(others, thread);
    }
    work(&crew);
    for (guint i = 0; i < others->len; i++)
        g_thread_join(others->pdata[i]);
    list_sights(&crew.sights, outcomes->names);
    g_hash_table_unref(crew.sights.by_name);
    g_mutex_clear(&crew.sights.lock);

    for (size_t i = 0; i < outcomes->count; i++)
        outcomes->status = MAX(outcomes->status, outcomes->items[i].status);
    return outcomes;
}

void
outcomes_free(struct outcomes *outcomes)
{
    for (size_t i = 0; i < outcomes->count; i++) {
        g_clear_pointer(&outcomes->items[i].results, g_ptr_array_unref);
        g_free(outcomes->items[i].complaint);
    }
    g_ptr_array_unref(outcomes->names);
    g_free(outcomes->items);
    g_free(outcomes);
}

const struct value *
outcome_result(const struct outcome *outcome, const char *name)
{
    for (guint i = 0; outcome->results && i < outcome->results->len; i++) {
        const struct scenario_result *result = outcome->results->pdata[i];

        if (strcmp(result->name, name) == 0)
            return result->value;
    }
    return NULL;
}
