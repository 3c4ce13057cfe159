#include "scenarios/runner/cli/conformance.h"

#include <stdio.h>

#include "core/trace/json.h"
#include "nat/presets.h"
#include "scenarios/runner/cli/terminal.h"

enum { INDENT = 2, COLUMNS_MIN = 60 };

/* ---- text */

static enum terminal_style
style_of(const struct finding *finding)
{
    switch (finding->outcome) {
    case OUTCOME_MET:
        return STYLE_GOOD;
    case OUTCOME_NOT_MET:
        return finding->requirement->level == LEVEL_MUST ? STYLE_BAD : STYLE_WARM;
    default:
        return STYLE_FAINT;
    }
}

/* Appends text that goes on in further lines, indented, where the terminal ends. */
static void
say_broken(const char *text, size_t indent, unsigned columns, GString *out)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    size_t column = indent;

    for (unsigned i = 0; words[i]; i++) {
        size_t width = terminal_width(words[i]);

        if (i > 0 && columns >= COLUMNS_MIN && column + 1 + width > columns) {
            g_string_append_printf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (i > 0) {
            g_string_append_c(out, ' ');
            column++;
        }
        g_string_append(out, words[i]);
        column += width;
    }
}

struct widths {
    size_t number, level, outcome;
};

static void
say_cell(const struct terminal *terminal, enum terminal_style style, const char *text, size_t width, GString *out)
{
    terminal_styled(terminal, style, text, out);
    terminal_pad(text, width + INDENT, out);
}

static void
say_finding(const struct finding *finding, const struct widths *widths, const struct terminal *terminal, GString *out)
{
    const struct requirement *requirement = finding->requirement;
    size_t evidence = widths->number + 2 * INDENT, indent = evidence + widths->level + widths->outcome + 2 * INDENT;

    g_string_append_printf(out, "%*s", INDENT, "");
    say_cell(terminal, STYLE_PLAIN, requirement->number, widths->number, out);
    say_cell(terminal, STYLE_PLAIN, level_words[requirement->level], widths->level, out);
    say_cell(terminal, style_of(finding), outcome_words[finding->outcome], widths->outcome, out);
    say_broken(requirement->text, indent, terminal->columns, out);
    g_string_append_printf(out, "\n%*s", (int)evidence, "");
    say_broken(finding->evidence, evidence, terminal->columns, out);
    g_string_append_c(out, '\n');
}

/* "RFC 4787: 14 met, 2 not met (REQ-1, REQ-9), 3 not applicable" */
static void
say_summary(const GArray *findings, const struct requirement_table *table, GString *out)
{
    unsigned counts[OUTCOMES] = { 0 };
    g_autoptr(GString) broken = g_string_new(NULL);

    for (guint i = 0; i < findings->len; i++) {
        const struct finding *finding = &g_array_index(findings, struct finding, i);

        if (finding->table != table)
            continue;
        counts[finding->outcome]++;
        if (finding->outcome == OUTCOME_NOT_MET)
            g_string_append_printf(broken, "%s%s", broken->len ? ", " : "", finding->requirement->number);
    }
    g_string_append_printf(out, "RFC %u: %u met, %u not met", table->rfc, counts[OUTCOME_MET], counts[OUTCOME_NOT_MET]);
    if (broken->len)
        g_string_append_printf(out, " (%s)", broken->str);
    g_string_append_printf(out, ", %u not applicable\n", counts[OUTCOME_NOT_APPLICABLE]);
}

static struct widths
find_widths(const GArray *findings)
{
    struct widths widths = { 0, 0, 0 };

    for (guint i = 0; i < findings->len; i++) {
        const struct finding *finding = &g_array_index(findings, struct finding, i);

        widths.number = MAX(widths.number, terminal_width(finding->requirement->number));
        widths.level = MAX(widths.level, terminal_width(level_words[finding->requirement->level]));
        widths.outcome = MAX(widths.outcome, terminal_width(outcome_words[finding->outcome]));
    }
    return widths;
}

void
conformance_text(const struct conformance_subject *subject, const GArray *findings, const struct terminal *terminal,
                 GString *out)
{
    const struct requirement_table *table = NULL;
    struct widths widths = find_widths(findings);
    const struct nat_preset *preset = nat_preset_find(subject->name);

    g_string_append_printf(out, "%s, measured from outside%s\n", subject->name,
                           preset && nat_preset_is_firewall(preset)
                               ? " as a NAT of this type (network:nat): a firewall maps nothing"
                               : "");
    for (guint i = 0; i < findings->len; i++) {
        const struct finding *finding = &g_array_index(findings, struct finding, i);

        if (finding->table != table) {
            g_autofree char *heading = g_strdup_printf("RFC %u, %s", finding->table->rfc, finding->table->about);

            g_string_append_c(out, '\n');
            terminal_styled(terminal, STYLE_STRONG, heading, out);
            g_string_append_c(out, '\n');
        }
        table = finding->table;
        say_finding(finding, &widths, terminal, out);
    }
    g_string_append_c(out, '\n');
    for (const struct requirement_table *const *each = requirement_tables; *each; each++)
        say_summary(findings, *each, out);
}

/* ---- JSON */

void
conformance_json(const struct conformance_subject *subject, const GArray *findings, GString *out)
{
    struct json json = json_over(out, true);

    json_open_object(&json, NULL);
    json_integer(&json, "format", 1);
    json_string(&json, "subject", subject->name);
    json_open_array(&json, "findings");
    for (guint i = 0; i < findings->len; i++) {
        const struct finding *finding = &g_array_index(findings, struct finding, i);
        const struct requirement *requirement = finding->requirement;

        json_open_object(&json, NULL);
        json_integer(&json, "rfc", finding->table->rfc);
        json_string(&json, "requirement", requirement->number);
        json_string(&json, "section", requirement->section);
        json_string(&json, "level", level_words[requirement->level]);
        json_string(&json, "text", requirement->text);
        json_string(&json, "outcome", outcome_words[finding->outcome]);
        json_string(&json, "evidence", finding->evidence);
        json_close_object(&json);
    }
    json_close_array(&json);
    json_close_object(&json);
    g_string_append_c(out, '\n');
}
