/* The table of the kinds of records: complete, and the manual names all their actions. */
#include "core/base/words.h"
#include "scenarios/lab/kinds.h"
#include "tests/unit/support.h"

static bool
is_listed(const char *name, const char *action)
{
    for (const struct record_kind *const *kind = lab_record_kinds; *kind; kind++) {
        if (strcmp((*kind)->name, name) == 0)
            return strcmp((*kind)->action, action) == 0;
    }
    return false;
}

/* The kinds that a source file defines. */
static unsigned
check_file(const char *path)
{
    static const char pattern[] = "^const struct record_kind \\w+ = \\{\\s*\"([^\"]+)\",\\s*\"([^\"]+)\"";
    g_autoptr(GRegex) definition = g_regex_new(pattern, G_REGEX_MULTILINE, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;
    g_autofree char *text = NULL;
    unsigned count = 0;

    if (!CHECK_ROW(path, g_file_get_contents(path, &text, NULL, NULL)))
        return 0;
    g_regex_match(definition, text, 0, &match);
    for (; g_match_info_matches(match); g_match_info_next(match, NULL), count++) {
        g_autofree char *name = g_match_info_fetch(match, 1), *action = g_match_info_fetch(match, 2);

        CHECK_ROW(name, is_listed(name, action));
    }
    return count;
}

static unsigned
check_folder(const char *path)
{
    GDir *folder = g_dir_open(path, 0, NULL);
    unsigned count = 0;

    if (!CHECK_ROW(path, folder != NULL))
        return 0;
    for (const char *name; (name = g_dir_read_name(folder));) {
        g_autofree char *inside = g_build_filename(path, name, NULL);

        if (g_file_test(inside, G_FILE_TEST_IS_DIR))
            count += check_folder(inside);
        else if (g_str_has_suffix(name, ".c"))
            count += check_file(inside);
    }
    g_dir_close(folder);
    return count;
}

/* Every kind that the sources define is in the table, with its action, and nothing else is. */
static void
test_complete(void)
{
    static const char *const rooms[] = { "core", "nat", "proto", "scenarios" };
    unsigned found = 0, listed = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(rooms); i++)
        found += check_folder(rooms[i]);
    while (lab_record_kinds[listed])
        listed++;
    CHECK_ROW_UINT("kinds", listed, found);
    CHECK(found >= 20);
}

static void
test_actions(void)
{
    g_autofree const char **actions = lab_record_actions();
    g_autofree char *manual = NULL;

    CHECK(g_file_get_contents("docs/lua.md", &manual, NULL, NULL));
    for (const struct record_kind *const *kind = lab_record_kinds; *kind; kind++)
        CHECK_ROW((*kind)->action, words_find(actions, (*kind)->action) >= 0);
    for (size_t i = 0; actions[i]; i++) {
        g_autofree char *quoted = g_strdup_printf("`%s`", actions[i]);

        CHECK_ROW(actions[i], unit_is_word(actions[i]) && words_find(actions, actions[i]) == (int)i);
        CHECK_ROW(actions[i], manual && strstr(manual, quoted));
    }
}

void
suite_lab_kinds(void)
{
    UNIT_SUITE("lab kinds", NULL, NULL, { "complete", test_complete }, { "actions", test_actions });
}
