/* Patterns as Lua 5.4's manual describes them (section 6.4.1), and their budget. */
#include "scenarios/runner/lua/pattern.h"
#include "tests/unit/support.h"

static const struct {
    const char *pattern, *subject;
    enum pattern_result result;
    size_t begin, end; /* from 0, end exclusive */
} rows[] = {
    { "b", "abc", PATTERN_MATCHED, 1, 2 },
    { "", "abc", PATTERN_MATCHED, 0, 0 },
    { "^b", "abc", PATTERN_NONE, 0, 0 },
    { "^a", "abc", PATTERN_MATCHED, 0, 1 },
    { "c$", "abc", PATTERN_MATCHED, 2, 3 },
    { "b$", "abc", PATTERN_NONE, 0, 0 },
    { "$", "abc", PATTERN_MATCHED, 3, 3 },
    { "a$b", "a$b", PATTERN_MATCHED, 0, 3 }, /* '$' is magic at the end only */
    { ".", "", PATTERN_NONE, 0, 0 },
    { "%d+", "ab123c", PATTERN_MATCHED, 2, 5 },
    { "%d*", "ab123c", PATTERN_MATCHED, 0, 0 },
    { "%d-c", "ab123c", PATTERN_MATCHED, 2, 6 },
    { "b?c", "abc", PATTERN_MATCHED, 1, 3 },
    { "b?c", "ac", PATTERN_MATCHED, 1, 2 },
    { "x?abc", "abc", PATTERN_MATCHED, 0, 3 },
    { "%a%A", "a1", PATTERN_MATCHED, 0, 2 },
    { "%s%S", " x", PATTERN_MATCHED, 0, 2 },
    { "%s", "\v", PATTERN_MATCHED, 0, 1 },
    { "%w%W%u%U%l%L%x%X%p%P%c%C%g%G", "a-Ab1Af1!x\na.\t", PATTERN_NONE, 0, 0 },
    { "%x+", "xyzBEEf09g", PATTERN_MATCHED, 3, 9 },
    { "[a-c]+", "xxabcd", PATTERN_MATCHED, 2, 5 },
    { "[^a-c]+", "abxyc", PATTERN_MATCHED, 2, 4 },
    { "[]x]+", "a]x]", PATTERN_MATCHED, 1, 4 }, /* a ']' that comes first is one of the set */
    { "[^]]", "]a", PATTERN_MATCHED, 1, 2 },
    { "[a-]+", "x-a-", PATTERN_MATCHED, 1, 4 },
    { "[%a_]+", "1ab_c", PATTERN_MATCHED, 1, 5 },
    { "[%]]", "]", PATTERN_MATCHED, 0, 1 },
    { "%.", "a.b", PATTERN_MATCHED, 1, 2 },
    { "%%", "5%", PATTERN_MATCHED, 1, 2 },
    { "(a)(b)", "ab", PATTERN_MATCHED, 0, 2 },
    { "(a*(.)%w(%s*))", "aab ", PATTERN_MATCHED, 0, 4 },
    { "(%w)%1", "abccd", PATTERN_MATCHED, 2, 4 },
    { "%b()", "f(a(b)c)d", PATTERN_MATCHED, 1, 8 },
    { "%b()", "f(a(b", PATTERN_NONE, 0, 0 },
    { "%bxx", "axbxc", PATTERN_MATCHED, 1, 4 },
    { "%f[%a]%a+", "12 word", PATTERN_MATCHED, 3, 7 },
    { "%f[%z]", "ab", PATTERN_NONE, 0, 0 }, /* %z is no class any more: a plain z */
    { "a.-b", "aXXbXb", PATTERN_MATCHED, 0, 4 },
    { "a.*b", "aXXbXb", PATTERN_MATCHED, 0, 6 },
    { "^%s*(.-)%s*$", "  x y ", PATTERN_MATCHED, 0, 6 },
    { "[", "a", PATTERN_MALFORMED, 0, 0 },
    { "[a", "a", PATTERN_MALFORMED, 0, 0 },
    { "[]", "a", PATTERN_MALFORMED, 0, 0 },
    { "[%", "a", PATTERN_MALFORMED, 0, 0 },
    { "%", "a", PATTERN_MALFORMED, 0, 0 },
    { "(a", "a", PATTERN_MALFORMED, 0, 0 },
    { "a)", "a", PATTERN_MALFORMED, 0, 0 },
    { "%1", "a", PATTERN_MALFORMED, 0, 0 },
    { "(%1)", "a", PATTERN_MALFORMED, 0, 0 },
    { "%b", "a", PATTERN_MALFORMED, 0, 0 },
    { "%b(", "a", PATTERN_MALFORMED, 0, 0 },
    { "%f", "a", PATTERN_MALFORMED, 0, 0 },
    { "%fa", "a", PATTERN_MALFORMED, 0, 0 },
};

static void
test_rows(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        int64_t steps = 100000;
        g_autofree uint8_t *subject = unit_exact(span_of_text(rows[i].subject));
        g_autofree uint8_t *pattern = unit_exact(span_of_text(rows[i].pattern));
        struct pattern_match match = {
            .subject = span_of(subject, strlen(rows[i].subject)),
            .pattern = span_of(pattern, strlen(rows[i].pattern)),
            .steps = &steps,
        };

        enum pattern_result result = pattern_search(&match, 0);
        if (!CHECK_ROW_INT(rows[i].pattern, result, rows[i].result) || result != PATTERN_MATCHED)
            continue;
        CHECK_ROW_INT(rows[i].pattern, match.begin, rows[i].begin);
        CHECK_ROW_INT(rows[i].pattern, match.end, rows[i].end);
    }
}

static void
test_captures(void)
{
    int64_t steps = 100000;
    struct pattern_match match = { .subject = span_of_text("key = value"),
                                   .pattern = span_of_text("()(%w+)%s*=%s*(%w+)()"),
                                   .steps = &steps };

    CHECK(pattern_search(&match, 0) == PATTERN_MATCHED);
    CHECK(match.capture_count == 4);
    CHECK(match.captures[0].length == PATTERN_POSITION && match.captures[0].begin == 0);
    CHECK(match.captures[1].begin == 0 && match.captures[1].length == 3);
    CHECK(match.captures[2].begin == 6 && match.captures[2].length == 5);
    CHECK(match.captures[3].length == PATTERN_POSITION && match.captures[3].begin == 11);
}

/* Patterns whose time is exponential, or of a high power, in what they are matched against. */
static void
test_budget(void)
{
    static const char *const patterns[] = {
        ".-.-.-.-.-b",
        ".*.*.*.*.*b",
        "(.-)(.-)(.-)(.-)b",
        "a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a-a-a-b",
        "%b()",
        "[^b]*[^b]*[^b]*[^b]*b",
    };
    g_autofree char *subject = g_strnfill(20000, 'a');

    memset(subject, '(', 10000); /* for %b: each place is begun at in vain */
    for (size_t i = 0; i < G_N_ELEMENTS(patterns); i++) {
        int64_t steps = 1000000;
        struct pattern_match match = { .subject = span_of_text(subject),
                                       .pattern = span_of_text(patterns[i]),
                                       .steps = &steps };

        CHECK_ROW_INT(patterns[i], pattern_search(&match, 0), PATTERN_EXHAUSTED);
        CHECK_ROW(patterns[i], steps > -100000); /* it stopped at once */
    }
}

static void
test_depth(void)
{
    g_autoptr(GString) pattern = g_string_new(NULL);
    g_autofree char *subject = g_strnfill(1000, 'a');
    int64_t steps = 1000000;

    for (int i = 0; i < 300; i++)
        g_string_append(pattern, "a?");
    struct pattern_match match = { .subject = span_of_text(subject),
                                   .pattern = span_of(pattern->str, pattern->len),
                                   .steps = &steps };
    CHECK(pattern_search(&match, 0) == PATTERN_MALFORMED);
    CHECK(g_strcmp0(match.complaint, "pattern too complex") == 0);
}

static void
test_plain(void)
{
    CHECK(pattern_is_plain(span_of_text("hello world: 1/2")));
    for (const char *magic = "^$*+?.([%-"; *magic; magic++)
        CHECK(!pattern_is_plain(span_of(magic, 1)));
}

void
suite_lua_pattern(void)
{
    UNIT_SUITE("lua pattern", NULL, NULL, { "rows", test_rows }, { "captures", test_captures },
               { "budget", test_budget }, { "depth", test_depth }, { "plain", test_plain });
}
