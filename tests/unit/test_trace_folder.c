#include "core/trace/run_folder.h"
#include "tests/unit/support.h"
#include "tests/unit/support_trace.h"

static char *folder;

static void
set_up(void)
{
    folder = unit_folder_new();
}

static void
tear_down(void)
{
    unit_folder_remove(folder);
}

/* ---- making it */

static void
test_makes_folders(void)
{
    g_autofree char *deep = g_build_filename(folder, "out", "situations", "restricted-both", NULL);

    CHECK(run_folder_open(deep, NULL));
    CHECK(g_file_test(deep, G_FILE_TEST_IS_DIR));
    CHECK(run_folder_open(deep, NULL));
}

static const struct { const char *name, *path; } bad_rows[] = {
    { "a file is in the way", "file" },
    { "a file is above", "file/out" },
};

static void
test_cannot_make(void)
{
    trace_write(folder, "file", "mine");
    for (size_t i = 0; i < G_N_ELEMENTS(bad_rows); i++) {
        g_autofree char *path = g_build_filename(folder, bad_rows[i].path, NULL);
        g_autoptr(GError) error = NULL;

        CHECK_ROW(bad_rows[i].name, !run_folder_open(path, &error));
        CHECK_ROW(bad_rows[i].name, error && strstr(error->message, path));
    }
    CHECK(trace_exists(folder, "file"));
}

/* ---- clearing it */

static const char *const present[] = { "A-natA.pcap", "B-natB.pcap", "notes.pcap", "all.pcapng", "journal.jsonl",
                                       "report.html", "notes.txt", "outside.pcap" };

#define LIST "\"files\":[{\"path\":\"A-natA.pcap\"},{\"path\":\"all.pcapng\"},{\"path\":\"gone.pcap\"}]"

/* `left`: which of `present` must still be there, as a string of 0 and 1. "outside.pcap" lies above the folder. */
static const struct {
    const char *name, *report, *left;
    bool report_left;
} clearing[] = {
    { "no report", NULL, "11111111", false },
    { "ours", "{\"format\":1,\"scenario\":\"x\"," LIST "}", "01100011", false },
    { "empty", "", "11111111", true },
    { "not JSON", "{\"format\":1,\"scenario\":\"x\"," LIST, "11111111", true },
    { "a list", "[1]", "11111111", true },
    { "another format", "{\"format\":2,\"scenario\":\"x\"," LIST "}", "11111111", true },
    { "the format is text", "{\"format\":\"1\",\"scenario\":\"x\"," LIST "}", "11111111", true },
    { "the format is a list", "{\"format\":[1],\"scenario\":\"x\"," LIST "}", "11111111", true },
    { "no scenario", "{\"format\":1," LIST "}", "11111111", true },
    { "no files", "{\"format\":1,\"scenario\":\"x\"}", "11111111", true },
    { "files is no list", "{\"format\":1,\"scenario\":\"x\",\"files\":{}}", "11111111", true },
    { "an empty list", "{\"format\":1,\"scenario\":\"x\",\"files\":[]}", "11110011", false },
    { "a path out of the folder", "{\"format\":1,\"scenario\":\"x\",\"files\":[{\"path\":\"../outside.pcap\"}]}",
      "11110011", false },
    { "what no run writes", "{\"format\":1,\"scenario\":\"x\",\"files\":[{\"path\":\"notes.txt\"}]}", "11110011",
      false },
    { "entries of other shapes",
      "{\"format\":1,\"scenario\":\"x\",\"files\":[1,null,{},{\"path\":1},{\"path\":null},{\"path\":\"B-natB.pcap\"}]}",
      "10110011", false },
};

static void
test_clears(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(clearing); i++) {
        g_autofree char *run = g_strdup_printf("%s/run%zu", folder, i);
        char left[G_N_ELEMENTS(present) + 1] = "";

        CHECK_ROW(clearing[i].name, run_folder_open(run, NULL));
        for (size_t j = 0; j < G_N_ELEMENTS(present); j++)
            trace_write(j == 7 ? folder : run, present[j], "x");
        if (clearing[i].report)
            trace_write(run, "report.json", clearing[i].report);
        CHECK_ROW(clearing[i].name, run_folder_open(run, NULL));
        for (size_t j = 0; j < G_N_ELEMENTS(present); j++)
            left[j] = trace_exists(j == 7 ? folder : run, present[j]) ? '1' : '0';
        CHECK_ROW_TEXT(clearing[i].name, left, clearing[i].left);
        CHECK_ROW(clearing[i].name, trace_exists(run, "report.json") == clearing[i].report_left);
    }
}

/* A folder that a user called like a capture is not ours to remove: the run is refused. */
static void
test_cannot_clear(void)
{
    g_autofree char *inside = g_build_filename(folder, "A-natA.pcap", "mine", NULL);
    g_autoptr(GError) error = NULL;

    CHECK(run_folder_open(inside, NULL));
    trace_write(folder, "report.json", "{\"format\":1,\"scenario\":\"x\"," LIST "}");
    CHECK(!run_folder_open(folder, &error));
    CHECK(error && strstr(error->message, "A-natA.pcap"));
    CHECK(g_file_test(inside, G_FILE_TEST_IS_DIR));
    CHECK(trace_exists(folder, "report.json"));
}

/* ---- names */

#define TEN(x) x x x x x x x x x x

static const struct { const char *name, *word, *expected; } words[] = {
    { "plain", "natA", "natA" },
    { "what stays", "a.b_c-d+9", "a.b_c-d+9" },
    { "spaces and slashes", "my host/eth 0\\", "my_host_eth_0_" },
    { "up and out", "../../etc", "_._.._etc" },
    { "a dot in front hides no file", ".hidden", "_hidden" },
    { "controls", "a\nb\x7f", "a_b_" },
    { "what shells and other systems take", "a*b?c:d|e\"f", "a_b_c_d_e_f" },
    { "letters of other scripts", "Z\xc3\xbcrich \xd0\x9c", "Z\xc3\xbcrich_\xd0\x9c" },
    { "no UTF-8", "a\xff", "a_" },
    { "empty", "", "_" },
    { "too long", TEN("0123456789") "x", TEN("0123456789") },
    { "not cut within a character", TEN("012345678") "012345678\xc3\xbc", TEN("012345678") "012345678" },
};

static void
test_words(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        g_autoptr(GString) out = g_string_new("A-");

        run_folder_word(words[i].word, out);
        CHECK_ROW_TEXT(words[i].name, out->str + 2, words[i].expected);
    }
}

void
suite_trace_folder(void)
{
    UNIT_SUITE("trace folder", set_up, tear_down, { "makes folders", test_makes_folders },
               { "cannot make", test_cannot_make }, { "clears", test_clears }, { "cannot clear", test_cannot_clear },
               { "words", test_words });
}
