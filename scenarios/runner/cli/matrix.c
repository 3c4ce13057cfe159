/* punchlab matrix SCENARIO: one result over the combinations of parameters, as a table. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/words.h"
#include "scenarios/runner/cli/many.h"
#include "scenarios/runner/cli/report.h"
#include "scenarios/runner/sweep/heat.h"
#include "scenarios/runner/sweep/table.h"
#include "scenarios/runner/sweep/tally.h"

struct matrix_options {
    bool help;
    GPtrArray *rows, *cols;
    const char *cell, *format;
    struct many_options many;
};

#define INTO(member) offsetof(struct matrix_options, member)
static const struct argument options[] = {
    { "rows", 0, ARGUMENT_TEXTS, INTO(rows), "NAME[=V,...]", "a parameter down the side (nat_a); several multiply" },
    { "cols", 0, ARGUMENT_TEXTS, INTO(cols), "NAME[=V,...]", "a parameter across the top (nat_b); several multiply" },
    { "cell", 0, ARGUMENT_TEXT, INTO(cell), "RESULT", "the result that the cells show (connected)" },
    { "set", 0, ARGUMENT_TEXTS, INTO(many.set), "NAME=VALUE", "gives another parameter a value; may be repeated" },
    { "seeds", 0, ARGUMENT_TEXT, INTO(many.seeds), "N|A..B",
      "plays each cell with seeds 1 to N, or A to B (1):\na cell is then a share" },
    { "jobs", 'j', ARGUMENT_TEXT, INTO(many.jobs), "N", "threads (one per processor)" },
    { "format", 0, ARGUMENT_TEXT, INTO(format), "FORMAT", "text, markdown, csv, json, or svg: a heat map (text)" },
    { "unsafe", 0, ARGUMENT_FLAG, INTO(many.unsafe), NULL, "no bounds on the script's memory and instructions" },
    OPTIONS_END
};

static const char *const formats[] = { "text", "markdown", "csv", "json", "svg", NULL };
enum { FORMAT_TEXT, FORMAT_MARKDOWN, FORMAT_CSV, FORMAT_JSON, FORMAT_SVG };

enum { HEADINGS_WIDTH = 120 }; /* of all columns together, before they are numbered */

struct matrix {
    struct many many;
    const struct matrix_options *given;
    const char *cell;
    int format;
    size_t row_axes;           /* the first of many.axes; the others are columns */
    size_t rows, columns;
    struct outcomes *outcomes;
};

/* ---- axes */

static bool
add_axes(struct matrix *matrix, const char *option, const GPtrArray *texts, GError **error)
{
    for (guint i = 0; i < texts->len; i++) {
        if (!many_add_axis(&matrix->many, option, texts->pdata[i], error))
            return false;
    }
    return true;
}

/* nat_a and nat_b go without saying, each with the one value that --set gives it, if it does; a scenario with one NAT has
 * one column. */
static bool
choose_axes(struct matrix *matrix, GError **error)
{
    const struct matrix_options *given = matrix->given;

    if (given->rows ? !add_axes(matrix, "--rows", given->rows, error)
                    : !many_add_default_axis(&matrix->many, "--rows", "nat_a", error))
        return false;
    matrix->row_axes = matrix->many.axes->len;
    if (given->cols)
        return add_axes(matrix, "--cols", given->cols, error);
    return !axis_parameter(matrix->many.shown->parameters, "nat_b") ||
           many_add_default_axis(&matrix->many, "--cols", "nat_b", error);
}

static void
count_cells(struct matrix *matrix)
{
    matrix->rows = matrix->columns = 1;
    for (guint i = 0; i < matrix->many.axes->len; i++) {
        size_t values = ((const struct axis *)matrix->many.axes->pdata[i])->values->len;

        if (i < matrix->row_axes)
            matrix->rows *= values;
        else
            matrix->columns *= values;
    }
}

static const char *
axis_name(const struct matrix *matrix, size_t axis)
{
    return ((const struct axis *)matrix->many.axes->pdata[axis])->name;
}

static struct tally
tally_at(const struct matrix *matrix, size_t combination)
{
    size_t seeds = matrix->many.grid.seed_count;

    return tally_of(&matrix->outcomes->items[combination * seeds], seeds, matrix->cell);
}

/* ---- the table */

/* The values of a column, joined; the cell's name where there are no column axes. The caller frees it. */
static char *
column_heading(const struct matrix *matrix, size_t column)
{
    GString *heading = g_string_new(NULL);

    for (size_t axis = matrix->row_axes; axis < matrix->many.axes->len; axis++)
        g_string_append_printf(heading, "%s%s", axis > matrix->row_axes ? " / " : "",
                               grid_value(&matrix->many.grid, column, axis));
    if (heading->len == 0)
        g_string_append(heading, matrix->cell);
    return g_string_free(heading, FALSE);
}

/* People can't follow a row across headings that are wider than a page: those columns are numbered, and the headings
 * stand below the table. Programs always get them in full. */
static bool
columns_are_numbered(const struct matrix *matrix)
{
    size_t width = 0;

    for (size_t column = 0; column < matrix->columns; column++) {
        g_autofree char *heading = column_heading(matrix, column);

        width += terminal_width(heading) + 2;
    }
    return matrix->format == FORMAT_TEXT && width > HEADINGS_WIDTH;
}

static void
add_column_heading(const struct matrix *matrix, size_t column, bool numbered, struct table *table)
{
    g_autofree char *heading =
        numbered ? g_strdup_printf("%zu", column + 1) : column_heading(matrix, column);

    table_add(table, heading, STYLE_STRONG);
}

/* What the numbers stand for. */
static void
say_columns(const struct matrix *matrix, GString *out)
{
    g_string_append_c(out, '\n');
    for (size_t column = 0; column < matrix->columns; column++) {
        g_autofree char *heading = column_heading(matrix, column);

        g_string_append_printf(out, "%3zu  %s\n", column + 1, heading);
    }
}

static void
add_cell(const struct matrix *matrix, size_t combination, struct table *table)
{
    const struct tally tally = tally_at(matrix, combination);
    g_autoptr(GString) text = g_string_new(NULL);
    enum terminal_style style = STYLE_PLAIN;

    if (matrix->format == FORMAT_CSV)
        tally_say_plain(&tally, text);
    else
        tally_say(&tally, text);
    if (tally.errors > 0)
        style = STYLE_WARM;
    else if (tally_is_share(&tally))
        style = tally.trues == tally.runs ? STYLE_GOOD : tally.trues == 0 ? STYLE_BAD : STYLE_WARM;
    table_add(table, text->str, style);
}

static struct table *
make_table(const struct matrix *matrix)
{
    struct table *table = table_new(matrix->row_axes + matrix->columns);
    bool numbered = columns_are_numbered(matrix);

    for (size_t axis = 0; axis < matrix->row_axes; axis++)
        table_add(table, axis_name(matrix, axis), STYLE_STRONG);
    for (size_t column = 0; column < matrix->columns; column++)
        add_column_heading(matrix, column, numbered, table);
    for (size_t row = 0; row < matrix->rows; row++) {
        for (size_t axis = 0; axis < matrix->row_axes; axis++)
            table_add(table, grid_value(&matrix->many.grid, row * matrix->columns, axis), STYLE_PLAIN);
        for (size_t column = 0; column < matrix->columns; column++)
            add_cell(matrix, row * matrix->columns + column, table);
    }
    return table;
}

/* "connected, nat_a down, nat_b across" above the table of people. */
static void
say_heading(const struct matrix *matrix, GString *out)
{
    g_string_append_printf(out, "%s: %s; ", matrix->many.name, matrix->cell);
    for (size_t axis = 0; axis < matrix->row_axes; axis++)
        g_string_append_printf(out, "%s%s", axis > 0 ? ", " : "", axis_name(matrix, axis));
    g_string_append(out, " down");
    for (size_t axis = matrix->row_axes; axis < matrix->many.axes->len; axis++)
        g_string_append_printf(out, ", %s", axis_name(matrix, axis));
    if (matrix->many.axes->len > matrix->row_axes)
        g_string_append(out, " across");
    if (matrix->many.grid.seed_count > 1)
        g_string_append_printf(out, "; %" PRIu64 " seeds", matrix->many.grid.seed_count);
    g_string_append(out, "\n\n");
}

/* ---- JSON */

static void
json_cell(const struct matrix *matrix, size_t combination, struct json *json)
{
    const struct tally tally = tally_at(matrix, combination);

    json_open_object(json, NULL);
    json_open_object(json, "params");
    for (guint axis = 0; axis < matrix->many.axes->len; axis++)
        json_string(json, axis_name(matrix, axis), grid_value(&matrix->many.grid, combination, axis));
    json_close_object(json);
    json_integer(json, "runs", (int64_t)tally.runs);
    json_integer(json, "failed", (int64_t)tally.failed);
    json_integer(json, "errors", (int64_t)tally.errors);
    if (tally_is_share(&tally))
        json_number(json, "share", tally_share(&tally));
    if (tally.common && tally.common_count == tally.runs)
        report_value(json, "value", tally.common);
    else
        json_null(json, "value");
    json_close_object(json);
}

static void
json_axes(const struct matrix *matrix, const char *name, size_t first, size_t end, struct json *json)
{
    json_open_array(json, name);
    for (size_t axis = first; axis < end; axis++)
        json_string(json, NULL, axis_name(matrix, axis));
    json_close_array(json);
}

static void
say_json(const struct matrix *matrix, GString *out)
{
    struct json json = json_over(out, true);

    json_open_object(&json, NULL);
    json_integer(&json, "format", 1);
    json_string(&json, "scenario", matrix->many.name);
    json_string(&json, "cell", matrix->cell);
    json_axes(matrix, "rows", 0, matrix->row_axes, &json);
    json_axes(matrix, "cols", matrix->row_axes, matrix->many.axes->len, &json);
    json_integer(&json, "first_seed", (int64_t)matrix->many.grid.first_seed);
    json_integer(&json, "seeds", (int64_t)matrix->many.grid.seed_count);
    json_open_array(&json, "cells");
    for (size_t i = 0; i < matrix->rows * matrix->columns; i++)
        json_cell(matrix, i, &json);
    json_close_array(&json);
    json_close_object(&json);
    g_string_append_c(out, '\n');
}

/* ---- the heat map */

/* The values of a row, joined. The caller frees it. */
static char *
row_heading(const struct matrix *matrix, size_t row)
{
    GString *heading = g_string_new(NULL);

    for (size_t axis = 0; axis < matrix->row_axes; axis++)
        g_string_append_printf(heading, "%s%s", axis > 0 ? " / " : "",
                               grid_value(&matrix->many.grid, row * matrix->columns, axis));
    return g_string_free(heading, FALSE);
}

/* "nat_a / nat_b" */
static char *
axes_heading(const struct matrix *matrix, size_t first, size_t end, const char *sign)
{
    GString *heading = g_string_new(NULL);

    for (size_t axis = first; axis < end; axis++)
        g_string_append_printf(heading, "%s%s", axis > first ? " / " : "", axis_name(matrix, axis));
    if (end > first)
        g_string_append(heading, sign);
    return g_string_free(heading, FALSE);
}

static struct heat_cell
heat_cell(const struct matrix *matrix, size_t combination)
{
    const struct tally tally = tally_at(matrix, combination);
    g_autoptr(GString) text = g_string_new(NULL);
    struct heat_cell cell = { .kind = HEAT_OTHER };

    tally_say(&tally, text);
    cell.text = g_strdup(text->str);
    if (tally.errors > 0) {
        cell.kind = HEAT_ERROR;
    } else if (tally_is_share(&tally)) {
        cell.kind = HEAT_SHARE;
        cell.share = tally_share(&tally);
    }
    return cell;
}

static void
say_svg(const struct matrix *matrix, GString *out)
{
    g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(g_free), columns = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GArray) cells = g_array_new(FALSE, FALSE, sizeof(struct heat_cell));
    g_autofree char *down = axes_heading(matrix, 0, matrix->row_axes, " \xe2\x86\x93");
    g_autofree char *across = axes_heading(matrix, matrix->row_axes, matrix->many.axes->len, " \xe2\x86\x92");
    g_autofree char *title = matrix->many.grid.seed_count > 1
        ? g_strdup_printf("%s: %s (%" PRIu64 " seeds)", matrix->many.name, matrix->cell, matrix->many.grid.seed_count)
        : g_strdup_printf("%s: %s", matrix->many.name, matrix->cell);

    for (size_t row = 0; row < matrix->rows; row++)
        g_ptr_array_add(rows, row_heading(matrix, row));
    for (size_t column = 0; column < matrix->columns; column++)
        g_ptr_array_add(columns, column_heading(matrix, column));
    for (size_t i = 0; i < matrix->rows * matrix->columns; i++) {
        struct heat_cell cell = heat_cell(matrix, i);

        g_array_append_val(cells, cell);
    }
    const struct heat heat = { title, down, across, rows, columns, (const struct heat_cell *)(void *)cells->data };
    heat_svg(&heat, out);
    for (guint i = 0; i < cells->len; i++)
        g_free(g_array_index(cells, struct heat_cell, i).text);
}

/* ---- the command */

static void
print_matrix(const struct matrix *matrix)
{
    struct terminal terminal = terminal_of(stdout);
    g_autoptr(GString) out = g_string_new(NULL);
    struct table *table = make_table(matrix);

    switch (matrix->format) {
    case FORMAT_TEXT:
        say_heading(matrix, out);
        table_text(table, &terminal, out);
        if (columns_are_numbered(matrix))
            say_columns(matrix, out);
        break;
    case FORMAT_MARKDOWN:
        table_markdown(table, out);
        break;
    case FORMAT_CSV:
        table_csv(table, out);
        break;
    case FORMAT_JSON:
        say_json(matrix, out);
        break;
    case FORMAT_SVG:
        say_svg(matrix, out);
        break;
    }
    table_free(table);
    fputs(out->str, stdout);
}

/* A result that no run reports is a mistake in --cell, not a table of dashes. */
static bool
check_cell(const struct matrix *matrix)
{
    const GPtrArray *names = matrix->outcomes->names;

    for (size_t i = 0; i < matrix->outcomes->count; i++) {
        if (matrix->outcomes->items[i].status == STATUS_ERROR || matrix->outcomes->items[i].results->len > 0)
            return true;
    }
    if (names->len == 0) {
        command_fail(matrix->many.command, "--cell: no run reported a result '%s', nor any other", matrix->cell);
        return false;
    }
    g_ptr_array_add((GPtrArray *)names, NULL);
    g_autofree char *complaint =
        words_complaint((const char *const *)names->pdata, matrix->cell, "a result of this scenario");
    command_fail(matrix->many.command, "--cell: %s", complaint);
    return false;
}

static int
make_matrix(struct matrix *matrix, const char *word)
{
    const struct matrix_options *given = matrix->given;
    GError *error = NULL;

    if (!arguments_choice("format", given->format, formats, &matrix->format, &error) ||
        !many_open(&matrix->many, word, &given->many, &error) || !choose_axes(matrix, &error))
        return command_fail_error(matrix->many.command, error);

    count_cells(matrix);
    matrix->many.grid.only = matrix->cell;
    matrix->outcomes = many_run(&matrix->many);
    if (!matrix->outcomes || !check_cell(matrix))
        return STATUS_ERROR;
    print_matrix(matrix);
    return matrix->outcomes->status;
}

static int
matrix_run(const struct command *command, const void *given, const GPtrArray *words)
{
    struct matrix matrix = { .many.command = command, .given = given };

    matrix.cell = matrix.given->cell ? matrix.given->cell : "connected";
    int status = make_matrix(&matrix, words->pdata[0]);
    g_clear_pointer(&matrix.outcomes, outcomes_free);
    many_clear(&matrix.many);
    return status;
}

const struct command matrix_command = {
    .name = "matrix",
    .usage = "SCENARIO [OPTION]...",
    .summary = "one result over all combinations of parameters, as a table",
    .about = "Without values a parameter takes its own {values}; one that names a kind of NAT takes none, full-cone,\n"
             "restricted-cone, port-restricted-cone and symmetric. Nothing is written to files.\n"
             "nat_a and nat_b are the rows and columns unless others are given; with --set of one it has that value alone.\n"
             "\n"
             "Exit status: the highest of any run, as for 'punchlab run'.\n",
    .options = options,
    .options_size = sizeof(struct matrix_options),
    .words_min = 1,
    .words_max = 1,
    .run = matrix_run,
};
