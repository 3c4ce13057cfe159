/* How far long work has come, in words. */
#include "core/base/time.h"
#include "scenarios/runner/cli/progress.h"
#include "tests/unit/support.h"

static void
test_words(void)
{
    static const struct { const char *name; size_t done, total; int64_t elapsed; unsigned width; const char *said; } rows[] = {
        { "begun", 0, 10, 0, 0, "  0%  0 of 10 runs" },
        { "half", 5, 10, 7 * TIME_S, 0, " 50%  5 of 10 runs, 7 s left" },
        { "a part of a second is one more", 2, 3, 3 * TIME_S, 0, " 66%  2 of 3 runs, 2 s left" },
        { "minutes", 1, 2, 150 * TIME_S, 0, " 50%  1 of 2 runs, 3 min left" },
        { "hours", 1, 3, 5000 * TIME_S, 0, " 33%  1 of 3 runs, 3 h left" },
        { "done", 10, 10, TIME_S, 0, "100%  10 of 10 runs" },
        { "more than all", 11, 10, TIME_S, 0, "100%  10 of 10 runs" },
        { "nothing to do", 0, 0, 0, 0, "  0%  0 of 1 runs" },
        { "a bar", 5, 10, 7 * TIME_S, 78, "[###############...............]  50%  5 of 10 runs, 7 s left" },
        { "a short one", 5, 10, 7 * TIME_S, 44, "[######......]  50%  5 of 10 runs, 7 s left" },
        { "no room for one", 5, 10, 7 * TIME_S, 30, " 50%  5 of 10 runs, 7 s left" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GString) out = g_string_new(NULL);

        progress_say("runs", rows[i].done, rows[i].total, rows[i].elapsed, rows[i].width, false, out);
        CHECK_ROW_TEXT(rows[i].name, out->str, rows[i].said);
        CHECK_ROW(rows[i].name, rows[i].width == 0 || out->len <= MAX(rows[i].width, 30));
    }
}

/* Large numbers overflow nothing. */
static void
test_large(void)
{
    g_autoptr(GString) out = g_string_new(NULL);

    progress_say("runs", 1, 10000000, 86400 * TIME_S, 60, false, out);
    CHECK(g_str_has_suffix(out->str, " h left"));
}

void
suite_progress(void)
{
    UNIT_SUITE("progress", NULL, NULL, { "in words", test_words }, { "large", test_large });
}
