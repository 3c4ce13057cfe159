/* punchlab sweep SCENARIO: every run of a grid with all its results, one line a run. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "scenarios/runner/cli/many.h"
#include "scenarios/runner/cli/report.h"
#include "scenarios/runner/sweep/table.h"

struct sweep_options {
    bool help;
    GPtrArray *vary;
    const char *format;
    struct many_options many;
};

#define INTO(member) offsetof(struct sweep_options, member)
static const struct argument options[] = {
    { "vary", 0, ARGUMENT_TEXTS, INTO(vary), "NAME[=V,...]", "a parameter and its values; several multiply" },
    { "set", 0, ARGUMENT_TEXTS, INTO(many.set), "NAME=VALUE", "gives another parameter a value; may be repeated" },
    { "seeds", 0, ARGUMENT_TEXT, INTO(many.seeds), "N|A..B", "plays each with seeds 1 to N, or A to B (1)" },
    { "jobs", 'j', ARGUMENT_TEXT, INTO(many.jobs), "N", "threads (one per processor)" },
    { "format", 0, ARGUMENT_TEXT, INTO(format), "FORMAT", "csv, jsonl or table (csv)" },
    { "unsafe", 0, ARGUMENT_FLAG, INTO(many.unsafe), NULL, "no bounds on the script's memory and instructions" },
    OPTIONS_END
};

static const char *const formats[] = { "csv", "jsonl", "table", NULL };
enum { FORMAT_CSV, FORMAT_JSONL, FORMAT_TABLE };

struct sweep {
    struct many many;
    const struct sweep_options *given;
    int format;
    struct outcomes *outcomes;
};

static const char *
axis_name(const struct sweep *sweep, size_t axis)
{
    return ((const struct axis *)sweep->many.axes->pdata[axis])->name;
}

static size_t
combination_of(const struct sweep *sweep, size_t index)
{
    return index / sweep->many.grid.seed_count;
}

static uint64_t
seed_of(const struct sweep *sweep, size_t index)
{
    return sweep->many.grid.first_seed + index % sweep->many.grid.seed_count;
}

/* ---- CSV and table */

/* The names of all results of all runs, in the order in which they were first seen; borrowed from the outcomes. */
static GPtrArray *
result_names(const struct outcomes *outcomes)
{
    GPtrArray *names = g_ptr_array_new();
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    for (size_t i = 0; i < outcomes->count; i++) {
        const GPtrArray *results = outcomes->items[i].results;

        for (guint j = 0; j < results->len; j++) {
            char *name = ((struct scenario_result *)results->pdata[j])->name;

            if (g_hash_table_add(seen, name))
                g_ptr_array_add(names, name);
        }
    }
    return names;
}

static void
add_header(const struct sweep *sweep, const GPtrArray *names, struct table *table)
{
    for (guint axis = 0; axis < sweep->many.axes->len; axis++)
        table_add(table, axis_name(sweep, axis), STYLE_STRONG);
    table_add(table, "seed", STYLE_STRONG);
    for (guint i = 0; i < names->len; i++)
        table_add(table, names->pdata[i], STYLE_STRONG);
    table_add(table, "ended", STYLE_STRONG);
    table_add(table, "status", STYLE_STRONG);
}

static void
add_run(const struct sweep *sweep, size_t index, const GPtrArray *names, struct table *table)
{
    const struct outcome *outcome = &sweep->outcomes->items[index];
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint axis = 0; axis < sweep->many.axes->len; axis++)
        table_add(table, grid_value(&sweep->many.grid, combination_of(sweep, index), axis), STYLE_PLAIN);
    g_string_printf(text, "%" PRIu64, seed_of(sweep, index));
    table_add(table, text->str, STYLE_PLAIN);
    for (guint i = 0; i < names->len; i++) {
        const struct value *value = outcome_result(outcome, names->pdata[i]);

        g_string_truncate(text, 0);
        if (value)
            value_say(value, text);
        table_add(table, text->str, STYLE_PLAIN);
    }
    table_add(table, scenario_end_words[outcome->ended], STYLE_PLAIN);
    g_string_printf(text, "%d", outcome->status);
    table_add(table, text->str, outcome->status ? STYLE_BAD : STYLE_PLAIN);
}

static void
say_table(const struct sweep *sweep, GString *out)
{
    g_autoptr(GPtrArray) names = result_names(sweep->outcomes);
    struct table *table = table_new(sweep->many.axes->len + names->len + 3);
    struct terminal terminal = terminal_of(stdout);

    add_header(sweep, names, table);
    for (size_t i = 0; i < sweep->outcomes->count; i++)
        add_run(sweep, i, names, table);
    if (sweep->format == FORMAT_CSV)
        table_csv(table, out);
    else
        table_text(table, &terminal, out);
    table_free(table);
}

/* ---- JSON lines */

static void
say_run(const struct sweep *sweep, size_t index, GString *out)
{
    const struct outcome *outcome = &sweep->outcomes->items[index];
    struct json json = json_over(out, false);

    json_open_object(&json, NULL);
    json_open_object(&json, "params");
    for (guint axis = 0; axis < sweep->many.axes->len; axis++)
        json_string(&json, axis_name(sweep, axis), grid_value(&sweep->many.grid, combination_of(sweep, index), axis));
    json_close_object(&json);
    json_integer(&json, "seed", (int64_t)seed_of(sweep, index));
    json_open_object(&json, "results");
    for (guint i = 0; i < outcome->results->len; i++) {
        const struct scenario_result *result = outcome->results->pdata[i];

        report_value(&json, result->name, result->value);
    }
    json_close_object(&json);
    json_string(&json, "ended", scenario_end_words[outcome->ended]);
    json_integer(&json, "status", outcome->status);
    json_string(&json, "complaint", outcome->complaint);
    json_close_object(&json);
    g_string_append_c(out, '\n');
}

/* ---- the command */

static void
print_sweep(const struct sweep *sweep)
{
    g_autoptr(GString) out = g_string_new(NULL);

    if (sweep->format == FORMAT_JSONL) {
        for (size_t i = 0; i < sweep->outcomes->count; i++)
            say_run(sweep, i, out);
    } else {
        say_table(sweep, out);
    }
    fwrite(out->str, 1, out->len, stdout);
}

static int
make_sweep(struct sweep *sweep, const char *word)
{
    const struct sweep_options *given = sweep->given;
    GError *error = NULL;

    if (!given->vary && !given->many.seeds)
        return command_fail(sweep->many.command, "say what varies: --vary NAME=V1,V2 or --seeds N");
    if (!arguments_choice("format", given->format, formats, &sweep->format, &error) ||
        !many_open(&sweep->many, word, &given->many, &error))
        return command_fail_error(sweep->many.command, error);
    for (guint i = 0; given->vary && i < given->vary->len; i++) {
        if (!many_add_axis(&sweep->many, "--vary", given->vary->pdata[i], &error))
            return command_fail_error(sweep->many.command, error);
    }
    sweep->outcomes = many_run(&sweep->many);
    if (!sweep->outcomes)
        return STATUS_ERROR;
    print_sweep(sweep);
    return sweep->outcomes->status;
}

static int
sweep_run(const struct command *command, const void *given, const GPtrArray *words)
{
    struct sweep sweep = { .many.command = command, .given = given };
    int status = make_sweep(&sweep, words->pdata[0]);

    g_clear_pointer(&sweep.outcomes, outcomes_free);
    many_clear(&sweep.many);
    return status;
}

const struct command sweep_command = {
    .name = "sweep",
    .usage = "SCENARIO --vary NAME=V1,V2,... [OPTION]...",
    .summary = "all results of many runs, one line a run",
    .about = "Without values a parameter takes its own {values}, as for 'punchlab matrix'.\n"
             "Nothing is written to files.\n"
             "\n"
             "Exit status: the highest of any run, as for 'punchlab run'.\n",
    .options = options,
    .options_size = sizeof(struct sweep_options),
    .words_min = 1,
    .words_max = 1,
    .run = sweep_run,
};
