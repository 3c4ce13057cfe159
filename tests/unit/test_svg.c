/* The writer of SVG: what XML can hold, how texts are cut and broken; and a ladder as a picture. */
#include <string.h>

#include "scenarios/runner/cli/timeline.h"
#include "scenarios/runner/story/ladder_svg.h"
#include "scenarios/runner/story/svg.h"
#include "scenarios/runner/sweep/heat.h"
#include "tests/unit/support.h"

static void
test_escape(void)
{
    static const struct { const char *name, *text, *escaped; } rows[] = {
        { "plain", "natA 10.0.0.2", "natA 10.0.0.2" },
        { "XML's own", "</text><script a=\"b\" c='d'>&", "&lt;/text&gt;&lt;script a=&quot;b&quot; c=&#39;d&#39;&gt;&amp;" },
        { "control characters", "a\x1b[2J\tb\nc\x7f", "a\\x1b[2J b\\x0ac\\x7f" },
        { "C1", "\xc2\x9b", "\\x9b" },
        { "not UTF-8", "a\xff z", "a\xef\xbf\xbd z" },
        { "what turns text round", "\xe2\x80\xae" "abc", "\\u202eabc" },
        { "no character", "\xef\xbf\xbf", "\\uffff" },
        { "other scripts", "\xc3\xa9\xe4\xb8\xad", "\xc3\xa9\xe4\xb8\xad" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GString) out = g_string_new(NULL);

        svg_escape(rows[i].text, out);
        CHECK_ROW_TEXT(rows[i].name, out->str, rows[i].escaped);
    }
}

static void
test_cut(void)
{
    g_autofree char *whole = svg_cut("short", 200, SVG_TEXT), *cut = svg_cut("a name that is too long for it", 80, SVG_TEXT);
    g_autofree char *nothing = svg_cut("x", 0, SVG_TEXT), *broken = svg_cut("\xff\xff\xff\xff\xff\xff\xff\xff", 60, SVG_TEXT);

    CHECK_ROW_TEXT("what fits stays", whole, "short");
    CHECK(g_str_has_suffix(cut, "\xe2\x80\xa6") && svg_width(cut, SVG_TEXT) <= 80);
    CHECK_ROW_TEXT("no room", nothing, "\xe2\x80\xa6");
    CHECK(g_utf8_validate(broken, -1, NULL));
}

static void
test_broken(void)
{
    static const struct { const char *name, *text; int width; guint lines; } rows[] = {
        { "empty: no line", "", 100, 0 },
        { "one line", "a b", 100, 1 },
        { "at blanks", "word word word word word word", 80, 3 },
        { "a word that is too long is cut", "wwwwwwwwwwwwwwwwwwww", 60, 4 },
        { "narrower than a character: one each", "abc", 1, 3 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);

        svg_broken(rows[i].text, rows[i].width, SVG_TEXT, lines);
        CHECK_ROW_UINT(rows[i].name, lines->len, rows[i].lines);
    }

    g_autofree char *endless = g_strnfill(100000, 'x');
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    svg_broken(endless, 400, SVG_TEXT, lines);
    CHECK_ROW("an endless text ends", lines->len < 200);
}

/* ---- a ladder of many rows */

static const char *
node_name(const struct names *names, uint32_t node)
{
    (void)names;
    return node == 1 ? "A</svg>" : "B";
}

static void
say(const struct record *record, const struct names *with, GString *out)
{
    (void)record;
    (void)with;
    g_string_append(out, "<b>sends</b>");
}

static const struct names names = { node_name, node_name };
static const struct record_kind sent = { "packet-sent", "sent", "", say, NULL };

static unsigned
count_of(const char *text, const char *part)
{
    unsigned count = 0;

    for (; (text = strstr(text, part)); text++)
        count++;
    return count;
}

static void
check_ladder(size_t records, const char *row, unsigned drawn, bool more)
{
    g_autofree struct record *all = g_new0(struct record, records + 1);
    g_autoptr(GPtrArray) pointers = g_ptr_array_new();
    g_autoptr(GString) out = g_string_new(NULL);

    for (size_t i = 0; i < records; i++) {
        all[i] = (struct record){ .at = (int64_t)i * 1000, .kind = &sent, .node = 1 + (uint32_t)(i & 1) };
        g_ptr_array_add(pointers, &all[i]);
    }
    struct story story = { .records = (const struct record *const *)pointers->pdata, .record_count = records,
                           .names = &names };
    const struct ladder_order order = { NULL, 0 };
    g_autoptr(ladder) ladder = ladder_new(&story, &order, LADDER_SVG_COLUMNS);
    ladder_svg(ladder, "title & <more>", timeline_time, out);
    CHECK_ROW(row, g_str_has_prefix(out->str, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\""));
    CHECK_ROW(row, g_str_has_suffix(out->str, "</svg>\n") && count_of(out->str, "</svg>") == 1);
    CHECK_ROW(row, strstr(out->str, "title &amp; &lt;more&gt;") != NULL);
    CHECK_ROW_UINT(row, count_of(out->str, "&lt;b&gt;sends"), drawn);
    CHECK_ROW(row, (strstr(out->str, " more, which --explain tells") != NULL) == more);
}

static void
test_ladder(void)
{
    check_ladder(0, "nothing happened", 0, false);
    check_ladder(5, "five rows", 5, false);
    check_ladder(LADDER_SVG_ROWS + 3, "too many", LADDER_SVG_ROWS, true);
}

static void
test_heat(void)
{
    g_autoptr(GPtrArray) rows = g_ptr_array_new(), columns = g_ptr_array_new();
    struct heat_cell cells[] = {
        { HEAT_SHARE, 0, "no" }, { HEAT_SHARE, 1, "yes" }, { HEAT_SHARE, 0.5, "50%" }, { HEAT_ERROR, 0, "<error>" },
    };
    g_autoptr(GString) out = g_string_new(NULL);

    g_ptr_array_add(rows, "r1");
    g_ptr_array_add(rows, "r2");
    g_ptr_array_add(columns, "c1");
    g_ptr_array_add(columns, "c2");
    heat_svg(&(struct heat){ "t", "down", "across", rows, columns, cells }, out);
    CHECK(strstr(out->str, "#f0a04b") && strstr(out->str, "#56a0d3") && strstr(out->str, "#ecece8"));
    CHECK(strstr(out->str, "&lt;error&gt;") && strstr(out->str, "#d9b3cc"));
}

void
suite_svg(void)
{
    UNIT_SUITE("svg", NULL, NULL, { "escape", test_escape }, { "cut", test_cut }, { "broken", test_broken },
               { "ladder", test_ladder }, { "heat map", test_heat });
}
