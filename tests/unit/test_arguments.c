/* The command line's options: GNU habits, and one clear message for what is wrong. */
#include "core/base/time.h"
#include "scenarios/runner/cli/arguments.h"
#include "tests/unit/support.h"

struct wanted {
    bool quiet, no_trace;
    const char *seed, *out, *explain, *jobs;
    GPtrArray *set;
};

#define INTO(member) offsetof(struct wanted, member)
static const struct argument table[] = {
    { "quiet", 'q', ARGUMENT_FLAG, INTO(quiet), NULL, "says nothing" },
    { "no-trace", 0, ARGUMENT_FLAG, INTO(no_trace), NULL, "no traces" },
    { "seed", 0, ARGUMENT_TEXT, INTO(seed), "N", "a number" },
    { "set", 0, ARGUMENT_TEXTS, INTO(set), "NAME=VALUE", "a parameter\non two lines" },
    { "out", 'o', ARGUMENT_TEXT, INTO(out), "DIR", "a folder" },
    { "jobs", 'j', ARGUMENT_TEXT, INTO(jobs), "N", "threads" },
    { "explain", 'e', ARGUMENT_OPTIONAL, INTO(explain), "PACKET", "a story" },
    { .name = NULL },
};

static char *
join(const GPtrArray *texts)
{
    GString *all = g_string_new(NULL);

    for (guint i = 0; texts && i < texts->len; i++)
        g_string_append_printf(all, "%s%s", i ? "|" : "", (const char *)texts->pdata[i]);
    return g_string_free(all, FALSE);
}

static void
test_parse(void)
{
    static const struct {
        const char *name, *line, *words;
        struct wanted expected;
        const char *set;
    } rows[] = {
        { "nothing", "", "", { 0 }, "" },
        { "words only", "a b", "a|b", { 0 }, "" },
        { "flag after a word", "a --quiet", "a", { .quiet = true }, "" },
        { "letter", "-q a", "a", { .quiet = true }, "" },
        { "value as a word", "--seed 7 a", "a", { .seed = "7" }, "" },
        { "value after =", "--seed=7 a", "a", { .seed = "7" }, "" },
        { "empty value", "--seed= a", "a", { .seed = "" }, "" },
        { "value with = in it", "--set k=v --set=l=w", "", { 0 }, "k=v|l=w" },
        { "the last one holds", "--seed 1 --seed 2", "", { .seed = "2" }, "" },
        { "letter with value", "-j4", "", { .jobs = "4" }, "" },
        { "letter, then value", "-j 4 a", "a", { .jobs = "4" }, "" },
        { "letters together", "-qj 4", "", { .quiet = true, .jobs = "4" }, "" },
        { "optional without value", "--explain a", "a", { .explain = "" }, "" },
        { "optional with value", "--explain=A.3 a", "a", { .explain = "A.3" }, "" },
        { "optional letter", "-eA.3 a", "a", { .explain = "A.3" }, "" },
        { "cut short", "--no a --ou x", "a", { .no_trace = true, .out = "x" }, "" },
        { "whole name before a longer one", "--se 1", NULL, { 0 }, "" },
        { "after --", "-- --quiet -q", "--quiet|-q", { 0 }, "" },
        { "a lone dash is a word", "- --quiet", "-", { .quiet = true }, "" },
        { "-- as a value", "--out -- a", "a", { .out = "--" }, "" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(GStrv) argv = g_strsplit(rows[i].line, " ", -1);
        g_autoptr(GPtrArray) words = g_ptr_array_new();
        g_autoptr(GError) error = NULL;
        struct wanted got = { 0 };
        bool good = arguments_parse(table, (int)g_strv_length(argv), argv, &got, words, &error);
        g_autofree char *all = join(words), *set = join(got.set);

        if (CHECK_ROW(rows[i].name, good == (rows[i].words != NULL)) && good) {
            CHECK_ROW_TEXT(rows[i].name, all, rows[i].words);
            CHECK_ROW_TEXT(rows[i].name, set, rows[i].set);
            CHECK_ROW_TEXT(rows[i].name, got.seed, rows[i].expected.seed);
            CHECK_ROW_TEXT(rows[i].name, got.out, rows[i].expected.out);
            CHECK_ROW_TEXT(rows[i].name, got.jobs, rows[i].expected.jobs);
            CHECK_ROW_TEXT(rows[i].name, got.explain, rows[i].expected.explain);
            CHECK_ROW(rows[i].name, got.quiet == rows[i].expected.quiet);
            CHECK_ROW(rows[i].name, got.no_trace == rows[i].expected.no_trace);
        }
        arguments_clear(table, &got);
        CHECK_ROW(rows[i].name, got.set == NULL);
    }
}

static void
test_complaints(void)
{
    static const struct { const char *name, *line, *message; } rows[] = {
        { "mistyped", "--sed 1", "there is no option '--sed'; did you mean '--seed'?" },
        { "mistyped with value", "--quite=1", "there is no option '--quite'; did you mean '--quiet'?" },
        { "nothing near", "--frobnicate", "there is no option '--frobnicate'" },
        { "letter", "-x", "there is no option '-x'" },
        { "letter among others", "-qx", "there is no option '-x'" },
        { "not clear", "--se 1", "'--se' could be '--seed' or '--set'" },
        { "no value", "--seed", "'--seed' needs a value: --seed=N" },
        { "no value after a letter", "-j", "'--jobs' (-j) needs a value: N" },
        { "value for a flag", "--quiet=yes", "'--quiet' takes no value" },
        { "empty name", "--=3", "there is no option '--'" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(GStrv) argv = g_strsplit(rows[i].line, " ", -1);
        g_autoptr(GPtrArray) words = g_ptr_array_new();
        g_autoptr(GError) error = NULL;
        struct wanted got = { 0 };

        CHECK_ROW(rows[i].name, !arguments_parse(table, (int)g_strv_length(argv), argv, &got, words, &error));
        CHECK_ROW_TEXT(rows[i].name, error ? error->message : NULL, rows[i].message);
        arguments_clear(table, &got);
    }
}

static void
test_help(void)
{
    g_autoptr(GString) out = g_string_new(NULL);

    arguments_help(table, out);
    CHECK_ROW_TEXT("help", out->str,
                   "  -q, --quiet           says nothing\n"
                   "      --no-trace        no traces\n"
                   "      --seed N          a number\n"
                   "      --set NAME=VALUE  a parameter\n"
                   "                        on two lines\n"
                   "  -o, --out DIR         a folder\n"
                   "  -j, --jobs N          threads\n"
                   "  -e, --explain[=PACKET]\n"
                   "                        a story\n");
}

static void
test_numbers(void)
{
    static const struct { const char *name, *text; bool good; uint64_t value; } rows[] = {
        { "zero", "0", true, 0 },
        { "the largest", "9223372036854775807", true, INT64_MAX },
        { "one more", "9223372036854775808", false, 0 },
        { "negative", "-1", false, 0 },
        { "with a plus", "+1", false, 0 },
        { "blank before", " 1", false, 0 },
        { "text behind", "1x", false, 0 },
        { "empty", "", false, 0 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        uint64_t value = 0;

        CHECK_ROW(rows[i].name, arguments_number("--seed", rows[i].text, &value, &error) == rows[i].good);
        CHECK_ROW_UINT(rows[i].name, value, rows[i].value);
        CHECK_ROW(rows[i].name, rows[i].good == (error == NULL));
    }
}

static void
test_durations(void)
{
    static const struct { const char *name, *text; bool good; int64_t value; } rows[] = {
        { "with a unit", "20ms", true, 20 * TIME_MS },
        { "bare seconds", "2", true, 2 * TIME_S },
        { "fraction of bare seconds", "0.5", true, 500 * TIME_MS },
        { "minutes are not doubled", "5min", true, 5 * TIME_MIN },
        { "unknown unit", "5parsecs", false, 0 },
        { "empty", "", false, 0 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        int64_t value = 0;

        CHECK_ROW(rows[i].name, arguments_duration("--until", rows[i].text, &value, &error) == rows[i].good);
        if (rows[i].good)
            CHECK_ROW_INT(rows[i].name, value, rows[i].value);
    }
}

static void
test_rates(void)
{
    static const struct { const char *name, *text; uint64_t value; } rows[] = { /* 0: not taken */
        { "bits", "1bit/s", 1 },
        { "thousands", "64kbit/s", 64000 },
        { "a fraction", "2.5Mbit/s", 2500000 },
        { "the largest unit", "10Gbit/s", UINT64_C(10000000000) },
        { "no unit", "100", 0 },
        { "bytes", "1kB/s", 0 },
        { "nothing at all", "0Mbit/s", 0 },
        { "empty", "", 0 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        uint64_t value = 0;

        CHECK_ROW(rows[i].name, arguments_rate("--bandwidth", rows[i].text, &value, &error) == (rows[i].value > 0));
        CHECK_ROW_UINT(rows[i].name, value, rows[i].value);
        CHECK_ROW_TEXT(rows[i].name, error ? strtok(error->message, " ") : "--bandwidth:", "--bandwidth:");
    }
}

static void
test_given(void)
{
    struct wanted found = { .seed = "", .no_trace = true };

    for (const struct argument *option = table; option->name; option++)
        CHECK_ROW(option->name, arguments_given(option, &found) == (g_str_equal(option->name, "seed") ||
                                                                    g_str_equal(option->name, "no-trace")));
}

static void
test_seeds(void)
{
    static const struct { const char *name, *text; bool good; uint64_t first, count; } rows[] = {
        { "left out", NULL, true, 1, 1 },
        { "a number", "20", true, 1, 20 },
        { "from, to", "5..7", true, 5, 3 },
        { "one", "5..5", true, 5, 1 },
        { "from zero", "0..1", true, 0, 2 },
        { "none", "0", false, 0, 0 },
        { "backwards", "7..5", false, 0, 0 },
        { "no end", "7..", false, 0, 0 },
        { "no beginning", "..7", false, 0, 0 },
        { "too many", "10000001", false, 0, 0 },
        { "too far", "0..9223372036854775807", false, 0, 0 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        struct seeds seeds = { 0, 0 };

        CHECK_ROW(rows[i].name, arguments_seeds("--seeds", rows[i].text, &seeds, &error) == rows[i].good);
        CHECK_ROW_UINT(rows[i].name, seeds.first, rows[i].first);
        CHECK_ROW_UINT(rows[i].name, seeds.count, rows[i].count);
    }
}

void
suite_arguments(void)
{
    UNIT_SUITE("arguments", NULL, NULL, { "parses", test_parse }, { "complains", test_complaints },
               { "helps", test_help }, { "numbers", test_numbers }, { "durations", test_durations },
               { "rates", test_rates }, { "given", test_given }, { "seeds", test_seeds });
}
