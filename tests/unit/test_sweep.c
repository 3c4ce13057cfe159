/* Sweeps: axes, combinations, tallies and tables. What runs in them is told in tests/scenario. */
#include "scenarios/runner/sweep/grid.h"
#include "scenarios/runner/sweep/table.h"
#include "scenarios/runner/sweep/tally.h"
#include "tests/unit/support.h"

/* ---- axes */

static struct value *
text_value(const char *text)
{
    struct value *value = g_new0(struct value, 1);

    value->type = VALUE_TEXT;
    value->text = g_bytes_new(text, strlen(text));
    return value;
}

static void
free_parameter(gpointer data)
{
    struct scenario_parameter *parameter = data;

    value_free(parameter->fallback);
    g_clear_pointer(&parameter->accepted, g_ptr_array_unref);
    g_free(parameter);
}

static struct scenario_parameter *
add_parameter(GPtrArray *parameters, const char *name, struct value *fallback)
{
    struct scenario_parameter *parameter = g_new0(struct scenario_parameter, 1);

    parameter->name = (char *)name;
    parameter->fallback = parameter->value = fallback;
    g_ptr_array_add(parameters, parameter);
    return parameter;
}

static GPtrArray *
some_parameters(void)
{
    GPtrArray *parameters = g_ptr_array_new_with_free_func(free_parameter);
    struct value *flag = g_new0(struct value, 1);

    add_parameter(parameters, "nat_a", text_value("symmetric"));
    add_parameter(parameters, "lifetime", text_value("30s"));
    add_parameter(parameters, "keepalive", flag);
    struct scenario_parameter *colour = add_parameter(parameters, "colour", text_value("red"));
    colour->accepted = g_ptr_array_new_with_free_func((GDestroyNotify)value_free);
    g_ptr_array_add(colour->accepted, text_value("red"));
    g_ptr_array_add(colour->accepted, text_value("blue"));
    return parameters;
}

static void
test_axes(void)
{
    static const struct { const char *name, *text, *values, *message; } rows[] = {
        { "kinds of NAT", "nat_a", "none full-cone restricted-cone port-restricted-cone symmetric", NULL },
        { "given values", "nat_a=none,cgn", "none cgn", NULL },
        { "the parameter's own", "colour", "red blue", NULL },
        { "some of its own", "colour=blue", "blue", NULL },
        { "a boolean", "keepalive", "false true", NULL },
        { "a value with =", "lifetime=a=b", "a=b", NULL },
        { "nothing to go by", "lifetime", NULL,
          "--rows: say which values 'lifetime' shall take: --rows lifetime=30s,..." },
        { "not of its own", "colour=bleu", NULL,
          "--rows: 'bleu' is not a value of 'colour'; accepted: red or blue; did you mean 'blue'?" },
        { "unknown", "nat_x", NULL,
          "--rows: 'nat_x' is not a parameter of this scenario; accepted: nat_a, lifetime, keepalive or colour; did "
          "you mean 'nat_a'?" },
        { "an empty value", "nat_a=none,", NULL, "--rows: a value of 'nat_a' is missing in 'none,'" },
        { "no values", "nat_a=", NULL, "--rows: 'nat_a=' needs values: --rows nat_a=v1,v2" },
    };
    g_autoptr(GPtrArray) parameters = some_parameters();

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(axis) axis = axis_parse("--rows", rows[i].text, parameters, &error);

        CHECK_ROW_TEXT(rows[i].name, error ? error->message : NULL, rows[i].message);
        if (CHECK_ROW(rows[i].name, (axis != NULL) == (rows[i].values != NULL)) && axis) {
            g_ptr_array_add(axis->values, NULL);
            g_autofree char *values = g_strjoinv(" ", (char **)axis->values->pdata);
            CHECK_ROW_TEXT(rows[i].name, values, rows[i].values);
        }
    }
}

static void
test_combinations(void)
{
    g_autoptr(GPtrArray) parameters = some_parameters();
    g_autoptr(GPtrArray) axes = g_ptr_array_new_with_free_func((GDestroyNotify)axis_free);
    struct grid grid = { .axes = axes, .first_seed = 1, .seed_count = 1 };
    g_autoptr(GString) all = g_string_new(NULL);

    CHECK_ROW_INT("no axis: one run", (int64_t)grid_combinations(&grid), 1);
    g_ptr_array_add(axes, axis_parse("--rows", "nat_a=x,y", parameters, NULL));
    g_ptr_array_add(axes, axis_parse("--rows", "lifetime=1,2,3", parameters, NULL));
    CHECK_ROW_INT("axes multiply", (int64_t)grid_combinations(&grid), 6);
    for (size_t i = 0; i < 6; i++)
        g_string_append_printf(all, "%s%s ", grid_value(&grid, i, 0), grid_value(&grid, i, 1));
    CHECK_ROW_TEXT("the last axis moves fastest", all->str, "x1 x2 x3 y1 y2 y3 ");
    grid.seed_count = GRID_MAX / 6;
    CHECK_ROW_INT("just enough", (int64_t)grid_combinations(&grid), 6);
    grid.seed_count++;
    CHECK_ROW_INT("too many runs", (int64_t)grid_combinations(&grid), 0);
}

/* ---- tallies */

static void
free_result(gpointer data)
{
    struct scenario_result *result = data;

    value_free(result->value);
    g_free(result);
}

/* 't' and 'f' are booleans, '-' is a run without the result, 'E' one that raised an error, others are texts. */
static void
make_outcome(struct outcome *outcome, char sort)
{
    struct scenario_result *result = g_new0(struct scenario_result, 1);
    const char text[] = { sort, '\0' };

    *outcome = (struct outcome){ .results = g_ptr_array_new_with_free_func(free_result), .ran = true };
    result->name = (char *)(sort == '-' ? "other" : "it");
    result->value = text_value(text);
    if (sort == 't' || sort == 'f') {
        g_clear_pointer(&result->value->text, g_bytes_unref);
        *result->value = (struct value){ .type = VALUE_BOOLEAN, .boolean = sort == 't' };
    }
    outcome->status = sort == 'E' ? 2 : sort == 'f' ? 1 : 0;
    g_ptr_array_add(outcome->results, result);
}

static void
test_tallies(void)
{
    static const struct { const char *runs, *said, *plain; size_t failed; } rows[] = {
        { "t", "yes", "true", 0 },        { "f", "no", "false", 1 },         { "tttt", "100%", "1", 0 },
        { "tfft", "50%", "0.5", 2 },      { "tft", "66.7%", "0.666667", 1 }, { "t-", "50%", "0.5", 0 },
        { "-", "-", "-", 0 },             { "x", "x", "x", 0 },              { "xyyx", "x 50%", "x 50%", 0 },
        { "xyy", "y 66.7%", "y 66.7%", 0 }, { "x-", "x 50%", "x 50%", 0 },   { "ttE", "error", "error", 0 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        size_t count = strlen(rows[i].runs);
        g_autofree struct outcome *outcomes = g_new0(struct outcome, count);
        g_autoptr(GString) said = g_string_new(NULL), plain = g_string_new(NULL);

        for (size_t j = 0; j < count; j++)
            make_outcome(&outcomes[j], rows[i].runs[j]);
        struct tally tally = tally_of(outcomes, count, "it");
        tally_say(&tally, said);
        tally_say_plain(&tally, plain);
        CHECK_ROW_TEXT(rows[i].runs, said->str, rows[i].said);
        CHECK_ROW_TEXT(rows[i].runs, plain->str, rows[i].plain);
        CHECK_ROW_INT(rows[i].runs, (int64_t)tally.failed, (int64_t)rows[i].failed);
        for (size_t j = 0; j < count; j++)
            g_ptr_array_unref(outcomes[j].results);
    }
}

/* ---- tables */

static void
test_tables(void)
{
    static const char *const cells[] = { "", "narrow", "b,c", "row \"1\"", "ä", "x", "row_2", "a|b", "two\nlines" };
    struct table *table = table_new(3);
    struct terminal plain = { 0 };
    g_autoptr(GString) text = g_string_new(NULL), markdown = g_string_new(NULL), csv = g_string_new(NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(cells); i++)
        table_add(table, cells[i], STYLE_GOOD);
    table_text(table, &plain, text);
    table_markdown(table, markdown);
    table_csv(table, csv);
    CHECK_ROW_TEXT("text", text->str,
                   "         narrow  b,c\n"
                   "row \"1\"  ä       x\n"
                   "row_2    a|b     two\\x0alines\n");
    CHECK_ROW_TEXT("Markdown", markdown->str,
                   "|  | narrow | b,c |\n|---|---|---|\n| row \"1\" | ä | x |\n"
                   "| row\\_2 | a\\|b | two\\\\x0alines |\n");
    CHECK_ROW_TEXT("CSV (RFC 4180)", csv->str,
                   ",narrow,\"b,c\"\n\"row \"\"1\"\"\",ä,x\nrow_2,a|b,\"two\nlines\"\n");
    table_free(table);
}

void
suite_sweep(void)
{
    UNIT_SUITE("sweep", NULL, NULL, { "axes", test_axes }, { "combinations", test_combinations },
               { "tallies", test_tallies }, { "tables", test_tables });
}
