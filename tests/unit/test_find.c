/* Scenarios by path and by name. */
#include <glib/gstdio.h>

#include "scenarios/runner/cli/find.h"
#include "tests/unit/support.h"

static char *folder, *before;

static void
put_file(const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL), *above = g_path_get_dirname(path);

    g_mkdir_with_parents(above, 0777);
    CHECK(g_file_set_contents(path, "", 0, NULL));
}

static void
set_up(void)
{
    before = g_strdup(g_getenv("PUNCHLAB_SCENARIOS"));
    folder = unit_folder_new();
    put_file("shipped/situations/symmetric-both.lua");
    put_file("shipped/situations/full-cone-both.lua");
    put_file("shipped/nat/hairpin.lua");
    put_file("shipped/nat/notes.txt");
    put_file("shipped/lab/not-a-topic.lua");
    put_file("mine.lua");
    g_autofree char *shipped = g_build_filename(folder, "shipped", NULL);
    g_setenv("PUNCHLAB_SCENARIOS", shipped, TRUE);
}

static void
tear_down(void)
{
    if (before)
        g_setenv("PUNCHLAB_SCENARIOS", before, TRUE);
    else
        g_unsetenv("PUNCHLAB_SCENARIOS");
    g_clear_pointer(&before, g_free);
    g_clear_pointer(&folder, unit_folder_remove);
}

static void
test_list(void)
{
    set_up();
    g_autofree char *shipped = find_shipped_folder();
    g_auto(GStrv) names = find_shipped(shipped);
    g_autofree char *all = g_strjoinv(" ", names);

    CHECK_ROW_TEXT("sorted, topics only", all, "nat/hairpin situations/full-cone-both situations/symmetric-both");
    tear_down();
}

static void
test_find(void)
{
    static const struct { const char *name, *word, *path, *called; } rows[] = {
        { "by name", "nat/hairpin", "shipped/nat/hairpin.lua", "nat/hairpin" },
        { "by name with .lua", "nat/hairpin.lua", "shipped/nat/hairpin.lua", "nat/hairpin" },
        { "by path", "DIR/mine.lua", "mine.lua", "mine" },
        { "by path without .lua", "DIR/mine", "mine.lua", "mine" },
        { "one that ships, by path", "DIR/shipped/nat/hairpin.lua", "shipped/nat/hairpin.lua", "nat/hairpin" },
        { "by a winding path", "DIR/shipped/../shipped/nat/hairpin", "shipped/../shipped/nat/hairpin.lua",
          "nat/hairpin" },
    };

    set_up();
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *word = g_str_has_prefix(rows[i].word, "DIR/")
                                    ? g_build_filename(folder, rows[i].word + 4, NULL) : g_strdup(rows[i].word);
        g_autofree char *expected = g_build_filename(folder, rows[i].path, NULL), *path = NULL, *called = NULL;
        g_autoptr(GError) error = NULL;

        if (CHECK_ROW(rows[i].name, find_scenario(word, &path, &called, &error))) {
            CHECK_ROW_TEXT(rows[i].name, path, expected);
            CHECK_ROW_TEXT(rows[i].name, called, rows[i].called);
        }
    }
    tear_down();
}

static void
test_complaints(void)
{
    static const struct { const char *name, *word, *message; } rows[] = {
        { "mistyped", "situations/symetric-both",
          "there is no scenario 'situations/symetric-both'; did you mean 'situations/symmetric-both'?" },
        { "without its topic", "hairpin", "there is no scenario 'hairpin'; did you mean 'nat/hairpin'?" },
        { "without its topic, mistyped", "harpin", "there is no scenario 'harpin'; did you mean 'nat/hairpin'?" },
        { "under another topic", "stun/full-cone-bth",
          "there is no scenario 'stun/full-cone-bth'; did you mean 'situations/full-cone-both'?" },
        { "nothing near", "zzzzzzzzzz",
          "there is no scenario 'zzzzzzzzzz': no such file, and none that ships has this name ('punchlab list' shows "
          "them)" },
        { "a folder", "/", "'/' is a folder, not a scenario" },
        { "nothing", "",
          "there is no scenario '': no such file, and none that ships has this name ('punchlab list' shows them)" },
    };

    set_up();
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = NULL, *called = NULL;
        g_autoptr(GError) error = NULL;

        CHECK_ROW(rows[i].name, !find_scenario(rows[i].word, &path, &called, &error));
        CHECK_ROW_TEXT(rows[i].name, error ? error->message : NULL, rows[i].message);
    }
    tear_down();
}

void
suite_find(void)
{
    UNIT_SUITE("find", NULL, NULL, { "list", test_list }, { "find", test_find }, { "complaints", test_complaints });
}
