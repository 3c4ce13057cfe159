/* A table of texts, written for a terminal, for Markdown, or as CSV (RFC 4180). */
#ifndef SCENARIOS_RUNNER_SWEEP_TABLE_H
#define SCENARIOS_RUNNER_SWEEP_TABLE_H

#include "scenarios/runner/cli/terminal.h"

struct table_cell {
    char *text;
    enum terminal_style style;
};

struct table;

/* `columns`: cells a row has. The first `table_add` calls fill the header. */
struct table *table_new(size_t columns);
void table_free(struct table *table);

/* The next cell, row by row; `text` is copied. */
void table_add(struct table *table, const char *text, enum terminal_style style);

void table_text(const struct table *table, const struct terminal *terminal, GString *out);
void table_markdown(const struct table *table, GString *out);
void table_csv(const struct table *table, GString *out);

#endif
