#include "scenarios/runner/sweep/table.h"

#include <string.h>

struct table {
    size_t columns;
    GArray *cells; /* struct table_cell, row by row; the first row is the header */
};

static void
clear_cell(void *cell)
{
    g_free(((struct table_cell *)cell)->text);
}

struct table *
table_new(size_t columns)
{
    struct table *table = g_new(struct table, 1);

    table->columns = columns;
    table->cells = g_array_new(FALSE, FALSE, sizeof(struct table_cell));
    g_array_set_clear_func(table->cells, clear_cell);
    return table;
}

void
table_free(struct table *table)
{
    g_array_unref(table->cells);
    g_free(table);
}

void
table_add(struct table *table, const char *text, enum terminal_style style)
{
    struct table_cell cell = { g_strdup(text), style };

    g_array_append_val(table->cells, cell);
}

static size_t
row_count(const struct table *table)
{
    return table->cells->len / table->columns;
}

static const struct table_cell *
cell_at(const struct table *table, size_t row, size_t column)
{
    return &g_array_index(table->cells, struct table_cell, row * table->columns + column);
}

/* ---- for a terminal */

static char *
safe_text(const char *text)
{
    GString *safe = g_string_new(NULL);

    terminal_safe(text, safe);
    return g_string_free(safe, FALSE);
}

static size_t
column_width(const struct table *table, size_t column)
{
    size_t width = 0;

    for (size_t row = 0; row < row_count(table); row++) {
        g_autofree char *text = safe_text(cell_at(table, row, column)->text);

        width = MAX(width, terminal_width(text));
    }
    return width;
}

void
table_text(const struct table *table, const struct terminal *terminal, GString *out)
{
    g_autofree size_t *widths = g_new(size_t, table->columns);

    for (size_t column = 0; column < table->columns; column++)
        widths[column] = column_width(table, column);
    for (size_t row = 0; row < row_count(table); row++) {
        for (size_t column = 0; column < table->columns; column++) {
            const struct table_cell *cell = cell_at(table, row, column);
            g_autofree char *text = safe_text(cell->text);

            terminal_styled(terminal, row == 0 ? STYLE_STRONG : cell->style, text, out);
            if (column + 1 < table->columns)
                terminal_pad(text, widths[column] + 2, out);
        }
        g_string_append_c(out, '\n');
    }
}

/* ---- Markdown */

static void
say_markdown_cell(const char *text, GString *out)
{
    g_autofree char *safe = safe_text(text);

    g_string_append_c(out, ' ');
    for (const char *at = safe; *at; at++) {
        if (strchr("|\\`*_<", *at))
            g_string_append_c(out, '\\');
        g_string_append_c(out, *at);
    }
    g_string_append(out, " |");
}

void
table_markdown(const struct table *table, GString *out)
{
    for (size_t row = 0; row < row_count(table); row++) {
        g_string_append_c(out, '|');
        for (size_t column = 0; column < table->columns; column++)
            say_markdown_cell(cell_at(table, row, column)->text, out);
        g_string_append_c(out, '\n');
        if (row > 0)
            continue;
        g_string_append_c(out, '|');
        for (size_t column = 0; column < table->columns; column++)
            g_string_append(out, "---|");
        g_string_append_c(out, '\n');
    }
}

/* ---- CSV */

static void
say_csv_cell(const char *text, GString *out)
{
    if (!strpbrk(text, ",\"\r\n")) {
        g_string_append(out, text);
        return;
    }
    g_string_append_c(out, '"');
    for (; *text; text++) {
        if (*text == '"')
            g_string_append_c(out, '"');
        g_string_append_c(out, *text);
    }
    g_string_append_c(out, '"');
}

/* Lines end with a bare line feed, as everywhere here; readers of CSV take both. */
void
table_csv(const struct table *table, GString *out)
{
    for (size_t row = 0; row < row_count(table); row++) {
        for (size_t column = 0; column < table->columns; column++) {
            if (column > 0)
                g_string_append_c(out, ',');
            say_csv_cell(cell_at(table, row, column)->text, out);
        }
        g_string_append_c(out, '\n');
    }
}
