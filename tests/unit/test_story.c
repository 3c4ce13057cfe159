/* The story of a run, and the timeline that it becomes: from records made by hand. */
#include "core/base/time.h"
#include "scenarios/runner/cli/timeline.h"
#include "tests/unit/support.h"

static const char *
node_name(const struct names *names, uint32_t node)
{
    static const char *const known[] = { "lab", "A", "B", "natA" };

    (void)names;
    return node < G_N_ELEMENTS(known) ? known[node] : "?";
}

static const struct names names = { node_name, node_name };

static void
say_sends(const struct record *record, const struct names *with, GString *out)
{
    g_string_append(out, "sends ");
    packet_name_say(record->packet, with, out);
}

static void
say_takes(const struct record *record, const struct names *with, GString *out)
{
    (void)with;
    g_string_append_printf(out, "takes it from port %u", record->before.source_port);
}

static void
say_drops(const struct record *record, const struct names *with, GString *out)
{
    (void)with;
    g_string_append(out, drop_reason_sentence(record->reason));
}

static const struct record_kind sent = { "test-sent", "sent", "", say_sends, NULL };
static const struct record_kind delivered = { "test-delivered", "delivered", "", say_takes, NULL };
static const struct record_kind dropped = { "test-dropped", "dropped", "", say_drops, NULL };

enum { A = 1, B = 2, NAT_A = 3 };

/* A story that grows record by record. */
struct draft {
    GArray *records; /* struct record */
    GPtrArray *pointers;
    GArray *remarks;
    struct story story;
};

static struct draft
draft_new(void)
{
    struct draft draft = {
        .records = g_array_new(FALSE, TRUE, sizeof(struct record)),
        .pointers = g_ptr_array_new(),
        .remarks = g_array_new(FALSE, FALSE, sizeof(struct story_remark)),
    };

    draft.story.names = &names;
    return draft;
}

static void
draft_free(struct draft *draft)
{
    g_array_unref(draft->records);
    g_ptr_array_unref(draft->pointers);
    g_array_unref(draft->remarks);
}

static struct record *
add(struct draft *draft, int64_t at, const struct record_kind *kind, uint32_t node, packet_name packet)
{
    struct record record = { .at = at, .kind = kind, .node = node, .packet = packet };

    g_array_append_val(draft->records, record);
    return &g_array_index(draft->records, struct record, draft->records->len - 1);
}

static void
remark(struct draft *draft, int64_t at, size_t before, const char *text, int sort)
{
    struct story_remark said = { .at = at, .before = before, .text = text };

    said.sort = sort;
    g_array_append_val(draft->remarks, said);
}

static const struct story *
finish(struct draft *draft)
{
    for (guint i = 0; i < draft->records->len; i++)
        g_ptr_array_add(draft->pointers, &g_array_index(draft->records, struct record, i));
    draft->story.records = (const struct record *const *)draft->pointers->pdata;
    draft->story.record_count = draft->pointers->len;
    draft->story.remarks = (const struct story_remark *)(void *)draft->remarks->data;
    draft->story.remark_count = draft->remarks->len;
    return &draft->story;
}

static void
check_timeline(struct draft *draft, unsigned columns, const char *row, const char *expected)
{
    struct terminal terminal = { .columns = columns };
    g_autoptr(GString) out = g_string_new(NULL);

    timeline_print(finish(draft), &terminal, out);
    CHECK_ROW_TEXT(row, out->str, expected);
    draft_free(draft);
}

static void
test_lines(void)
{
    struct draft draft = draft_new();
    struct record *drop;

    add(&draft, 0, &sent, A, PACKET_NAME(A, 1));
    add(&draft, 40200 * TIME_US, &delivered, NAT_A, PACKET_NAME(A, 1))->before.source_port = 5000;
    drop = add(&draft, 999999999, &dropped, B, PACKET_NAME(A, 1));
    drop->verdict = VERDICT_DROP;
    drop->reason = DROP_FILTERED;
    add(&draft, 999999999, &sent, B, 0);
    check_timeline(&draft, 0, "columns; what is finer than a microsecond is cut off",
                   "   0.000 ms  A     A.1   sends A.1\n"
                   "  40.200 ms  natA  A.1   takes it from port 5000\n"
                   " 999.999 ms  B     A.1   the filter does not admit this sender\n"
                   " 999.999 ms  B           sends -\n");
}

static void
test_remarks(void)
{
    struct draft draft = draft_new();

    remark(&draft, 0, 0, "first", STORY_REMARK_NOTE);
    add(&draft, TIME_MS, &sent, A, PACKET_NAME(A, 1));
    remark(&draft, TIME_MS, 1, "two\nlines", STORY_REMARK_NOTE);
    add(&draft, TIME_MS, &sent, A, PACKET_NAME(A, 2));
    remark(&draft, TIME_MS, 2, "A.2 went", STORY_REMARK_HELD);
    remark(&draft, TIME_MS, 2, "bell\t\a here", STORY_REMARK_FAILED);
    check_timeline(&draft, 0, "what the script says stands where it said it",
                   "   0.000 ms  #           first\n"
                   "   1.000 ms  A     A.1   sends A.1\n"
                   "   1.000 ms  #           two\n"
                   "                         lines\n"
                   "   1.000 ms  A     A.2   sends A.2\n"
                   "   1.000 ms  #           as expected: A.2 went\n"
                   "   1.000 ms  #           EXPECTATION FAILED: bell \\x07 here\n");
}

static void
test_gaps(void)
{
    struct draft draft = draft_new();

    add(&draft, 0, &sent, A, 0);
    add(&draft, TIME_S - 1, &sent, A, 0);
    add(&draft, 2 * TIME_S - 1, &sent, A, 0);
    add(&draft, 262 * TIME_S, &sent, A, 0);
    add(&draft, 262 * TIME_S + 3 * 3600 * TIME_S + 5 * TIME_MIN, &sent, A, 0);
    check_timeline(&draft, 0, "pauses of a second or more; seconds in long runs",
                   "    0.000000 s  A           sends -\n"
                   "    0.999999 s  A           sends -\n"
                   "                            ... 1.0 s later\n"
                   "    1.999999 s  A           sends -\n"
                   "                            ... 4 min 20 s later\n"
                   "  262.000000 s  A           sends -\n"
                   "                            ... 3 h 5 min later\n"
                   "11362.000000 s  A           sends -\n");
}

/* One packet's way: sent by A, taken by B from `port`. */
static void
add_way(struct draft *draft, unsigned ordinal, uint16_t port)
{
    packet_name packet = PACKET_NAME(A, ordinal);

    add(draft, ordinal * TIME_MS, &sent, A, packet);
    add(draft, ordinal * TIME_MS, &delivered, B, packet)->before.source_port = port;
}

static size_t
count_lines(const struct story *story)
{
    struct terminal terminal = { 0 };
    g_autoptr(GString) out = g_string_new(NULL);
    size_t lines = 0;

    timeline_print(story, &terminal, out);
    for (const char *at = out->str; *at; at++)
        lines += *at == '\n';
    return lines;
}

static void
test_alike(void)
{
    static const struct { const char *name; unsigned packets, odd_one; size_t lines; } rows[] = {
        { "as many as are told", STORY_ALIKE, 0, 2 * STORY_ALIKE },
        { "two more are told too", STORY_ALIKE + 2, 0, 2 * (STORY_ALIKE + 2) },
        { "three more are named", STORY_ALIKE + 3, 0, 2 * STORY_ALIKE + 1 },
        { "a thousand", 1000, 0, 2 * STORY_ALIKE + 1 },
        { "one that fares otherwise is told", 1000, 500, 2 * STORY_ALIKE + 1 + 2 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct draft draft = draft_new();

        for (unsigned ordinal = 1; ordinal <= rows[i].packets; ordinal++)
            add_way(&draft, ordinal, ordinal == rows[i].odd_one ? 7 : 5000);
        CHECK_ROW_INT(rows[i].name, (int64_t)count_lines(finish(&draft)), (int64_t)rows[i].lines);
        draft_free(&draft);
    }
}

static void
test_alike_text(void)
{
    struct draft draft = draft_new();

    for (unsigned ordinal = 1; ordinal <= 100; ordinal++)
        add_way(&draft, ordinal, 5000);
    check_timeline(&draft, 0, "those that fare alike are named",
                   "   1.000 ms  A     A.1    sends A.1\n   1.000 ms  B     A.1    takes it from port 5000\n"
                   "   2.000 ms  A     A.2    sends A.2\n   2.000 ms  B     A.2    takes it from port 5000\n"
                   "   3.000 ms  A     A.3    sends A.3\n   3.000 ms  B     A.3    takes it from port 5000\n"
                   "   4.000 ms  A     A.4    sends A.4\n   4.000 ms  B     A.4    takes it from port 5000\n"
                   "   5.000 ms  A     A.5    sends A.5\n   5.000 ms  B     A.5    takes it from port 5000\n"
                   "                          ... A.6 to A.100 (95 packets, in the next 0.0 s) fare as A.5 did\n");
}

static void
test_only(void)
{
    struct draft draft = draft_new();

    for (unsigned ordinal = 1; ordinal <= 20; ordinal++)
        add_way(&draft, ordinal, 5000);
    add(&draft, TIME_S, &sent, B, PACKET_NAME(B, 1))->cause = PACKET_NAME(A, 9);
    add(&draft, TIME_S, &delivered, A, PACKET_NAME(B, 1))->cause = PACKET_NAME(A, 9);
    remark(&draft, 0, 0, "not about it", STORY_REMARK_NOTE);
    draft.story.only = PACKET_NAME(A, 9);
    check_timeline(&draft, 0, "one packet, however alike others are, and what it caused",
                   "   9.000 ms  A     A.9   sends A.9\n"
                   "   9.000 ms  B     A.9   takes it from port 5000\n"
                   "1000.000 ms  B     B.1   sends B.1\n");
}

static void
test_wrapping(void)
{
    struct draft draft = draft_new();

    remark(&draft, 0, 0, "one two three four five six seven eight nine ten", STORY_REMARK_NOTE);
    remark(&draft, 0, 0, "Donaudampfschifffahrtsgesellschaftskapitän", STORY_REMARK_NOTE);
    check_timeline(&draft, 50, "broken at blanks to the width of a terminal; a long word where it must",
                   "   0.000 ms  #           one two three four five\n"
                   "                         six seven eight nine ten\n"
                   "   0.000 ms  #           Donaudampfschifffahrtsges\n"
                   "                         ellschaftskapitän\n");
}

static void
test_place(void)
{
    struct draft draft = draft_new();

    add(&draft, 1, &sent, A, 0);
    add(&draft, 2, &sent, A, 0);
    add(&draft, 2, &sent, A, 0);
    add(&draft, 4, &sent, A, 0);
    CHECK_ROW_INT("before all", (int64_t)story_place(finish(&draft), 0), 0);
    CHECK_ROW_INT("behind those of its time", (int64_t)story_place(&draft.story, 2), 3);
    CHECK_ROW_INT("between", (int64_t)story_place(&draft.story, 3), 3);
    CHECK_ROW_INT("after all", (int64_t)story_place(&draft.story, 9), 4);
    draft_free(&draft);
}

void
suite_story(void)
{
    UNIT_SUITE("story", NULL, NULL, { "lines", test_lines }, { "remarks", test_remarks }, { "gaps", test_gaps },
               { "alike", test_alike }, { "alike in words", test_alike_text }, { "one packet", test_only },
               { "wrapping", test_wrapping }, { "places", test_place });
}
