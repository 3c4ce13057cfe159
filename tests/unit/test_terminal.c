/* Texts for a terminal: how wide they are, where they break, and what of others' texts is made harmless. */
#include "scenarios/runner/cli/terminal.h"
#include "tests/unit/support.h"

#define WIDE "\xe4\xb8\xad"       /* a Chinese character */
#define ACCENT "e\xcc\x81"        /* e, and an acute accent that goes onto it */

static void
test_width(void)
{
    static const struct { const char *name, *text; size_t width; } rows[] = {
        { "empty", "", 0 }, { "ASCII", "natA", 4 }, { "Latin", "\xc3\xa9", 1 }, { "wide", WIDE WIDE, 4 },
        { "an accent of its own", ACCENT, 1 }, { "an arrow", "\xe2\x86\x92", 1 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        CHECK_ROW_UINT(rows[i].name, terminal_width(rows[i].text), rows[i].width);
}

static void
test_cut(void)
{
    static const struct { const char *name, *text; size_t width; const char *cut; } rows[] = {
        { "fits", "natA", 4, "natA" },
        { "does not", "natA", 3, "na~" },
        { "one column", "natA", 1, "~" },
        { "none", "natA", 0, "" },
        { "a wide one is not halved", WIDE WIDE WIDE, 4, WIDE "~" },
        { "the accent stays with its letter", ACCENT "bc", 2, ACCENT "~" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *cut = terminal_cut(rows[i].text, rows[i].width);

        CHECK_ROW_TEXT(rows[i].name, cut, rows[i].cut);
        CHECK_ROW(rows[i].name, terminal_width(cut) <= rows[i].width);
    }
}

static void
test_broken(void)
{
    static const struct { const char *name, *text; size_t width; const char *lines; } rows[] = {
        { "empty: one line", "", 10, "|" },
        { "no width: one line", "a b c", 0, "a b c|" },
        { "fits", "a b c", 5, "a b c|" },
        { "at blanks", "one two three", 8, "one two|three|" },
        { "a word that is too long", "abcdefgh ij", 4, "abcd|efgh|ij|" },
        { "blanks at the end", "abcd   ", 4, "abcd|" },
        { "wide ones", WIDE WIDE WIDE, 4, WIDE WIDE "|" WIDE "|" },
        { "wider than there is room for: one a line", WIDE WIDE, 1, WIDE "|" WIDE "|" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GString) found = g_string_new(NULL);

        terminal_broken(rows[i].text, rows[i].width, lines);
        for (guint j = 0; j < lines->len; j++)
            g_string_append_printf(found, "%s|", (char *)lines->pdata[j]);
        CHECK_ROW_TEXT(rows[i].name, found->str, rows[i].lines);
    }
}

static void
test_safe(void)
{
    static const struct { const char *name, *text, *safe; } rows[] = {
        { "plain", "natA", "natA" },
        { "escape sequences", "\x1b[31mred", "\\x1b[31mred" },
        { "a tab", "a\tb", "a b" },
        { "C1", "\xc2\x9b", "\\xc2" },
        { "not UTF-8", "a\xff", "a\\xff" },
        { "cut short", "a\xe4\xb8", "a\\xe4\\xb8" },
        { "what turns text round", "\xe2\x80\xae" "abc\xe2\x81\xa6", "\\u202eabc\\u2066" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GString) safe = g_string_new(NULL);

        terminal_safe(rows[i].text, safe);
        CHECK_ROW_TEXT(rows[i].name, safe->str, rows[i].safe);
    }

    g_autoptr(GString) lines = g_string_new(NULL);
    terminal_safe_lines("one\x1b\ntwo\n", lines);
    CHECK_ROW_TEXT("line ends stay", lines->str, "one\\x1b\ntwo\n");
}

void
suite_terminal(void)
{
    UNIT_SUITE("terminal", NULL, NULL, { "width", test_width }, { "cut", test_cut }, { "broken", test_broken },
               { "made harmless", test_safe });
}
