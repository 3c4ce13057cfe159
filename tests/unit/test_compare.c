/* Two runs compared: the diff of sequences, and what is said of two lists of records made by hand. */
#include "core/base/time.h"
#include "scenarios/runner/story/compare.h"
#include "scenarios/runner/story/match.h"
#include "tests/unit/support.h"

/* ---- sequences: items are letters; counterparts are written as digits, '-' for none */

static void
test_match(void)
{
    static const struct { const char *name, *a, *b, *to; } rows[] = {
        { "the same", "abc", "abc", "012" },
        { "both empty", "", "", "" },
        { "all gone", "abc", "", "---" },
        { "one more at the front", "abc", "xabc", "123" },
        { "one more in the middle", "abcd", "abxcd", "0134" },
        { "one fewer in the middle", "abxcd", "abcd", "01-23" },
        { "one is another: counterparts all the same", "abcd", "abxd", "0123" },
        { "two are others", "abcd", "axyd", "0123" },
        { "two for one have no counterparts", "axyd", "azd", "0--2" },
        { "a rest at the end that is as long", "abxy", "abvw", "0123" },
        { "moved", "abcd", "bcda", "-012" },
        { "repeated", "aaaa", "aa", "01--" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        uint64_t a[8], b[8];
        size_t to[8], count = strlen(rows[i].a), other_count = strlen(rows[i].b);
        char found[9] = "";

        for (size_t j = 0; j < count; j++)
            a[j] = (uint64_t)rows[i].a[j];
        for (size_t j = 0; j < other_count; j++)
            b[j] = (uint64_t)rows[i].b[j];
        match_sequences(a, count, b, other_count, to);
        for (size_t j = 0; j < count; j++)
            found[j] = to[j] == MATCH_NONE ? '-' : (char)('0' + to[j]);
        CHECK_ROW_TEXT(rows[i].name, found, rows[i].to);
    }
}

/* What is too long for a table is matched in order: no answer that is wrong in its places. */
static void
test_match_long(void)
{
    enum { COUNT = 5000 };
    g_autofree uint64_t *a = g_new(uint64_t, COUNT), *b = g_new(uint64_t, COUNT);
    g_autofree size_t *to = g_new(size_t, COUNT);
    bool grows = true;

    for (size_t i = 0; i < COUNT; i++) {
        a[i] = i;
        b[i] = i + COUNT;
    }
    match_sequences(a, COUNT, b, COUNT - 1, to);
    for (size_t i = 0; i + 1 < COUNT; i++)
        grows = grows && to[i] == i;
    CHECK(grows);
    CHECK_ROW("the one too many", to[COUNT - 1] == MATCH_NONE);
}

/* ---- runs */

enum { A = 1, NAT_B, B, NODES };

static const char *
node_name(const struct names *names, uint32_t node)
{
    static const char *const known[] = { "lab", "A", "natB", "B" };

    (void)names;
    return node < NODES ? known[node] : "?";
}

/* In the other run the same nodes have other numbers. */
static const char *
node_name_changed(const struct names *names, uint32_t node)
{
    return node_name(names, NODES - node);
}

static const struct names names = { node_name, node_name }, names_changed = { node_name_changed, node_name_changed };

static void
say(const struct record *record, const struct names *with, GString *out)
{
    (void)with;
    g_string_append_printf(out, "%s port %u", record->kind->action, record->before.source_port);
}

static const struct record_kind sent = { "packet-sent", "sent", "", say, NULL };
static const struct record_kind delivered = { "packet-delivered", "delivered", "", say, NULL };
static const struct record_kind mapped = { "nat-mapping-new", "mapping-new", "RFC 4787 section 4.1", say, NULL };
static const struct record_kind passed = { "nat-inbound", "translated", "RFC 4787 section 5", say, NULL };
static const struct record_kind dropped = { "nat-inbound-dropped", "dropped", "RFC 4787 section 5", say, NULL };

/* One record as a row of a test. */
struct row {
    int64_t at_ms;
    const struct record_kind *kind;
    uint32_t node, maker;
    unsigned ordinal;
    uint16_t size, port;
    enum drop_reason reason;
};

struct draft {
    struct record records[16];
    const struct record *pointers[16];
    struct story story;
};

static void
draft_fill(struct draft *draft, const struct row *rows, size_t count, bool changed)
{
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];

        draft->records[i] = (struct record){
            .at = row->at_ms * TIME_MS, .kind = row->kind,
            .node = changed ? NODES - row->node : row->node,
            .packet = row->ordinal ? PACKET_NAME(changed ? NODES - row->maker : row->maker, row->ordinal) : 0,
            .size = row->size, .before.source_port = row->port,
            .verdict = row->reason ? VERDICT_DROP : VERDICT_PASS, .reason = (uint8_t)row->reason,
        };
        draft->pointers[i] = &draft->records[i];
    }
    draft->story = (struct story){ .records = draft->pointers, .record_count = count,
                                   .names = changed ? &names_changed : &names };
}

static struct comparison *
compare(const struct row *rows, size_t count, const struct row *changed, size_t changed_count)
{
    struct draft one, other;

    draft_fill(&one, rows, count, false);
    draft_fill(&other, changed, changed_count, true);
    return comparison_new(&one.story, &other.story);
}

static const struct row as_it_is[] = {
    { 0, &sent, A, A, 1, 40, 1, 0 },
    { 1, &mapped, NAT_B, 0, 0, 0, 7, 0 },
    { 2, &dropped, NAT_B, A, 1, 40, 1, DROP_FILTERED },
    { 3, &sent, A, A, 2, 50, 1, 0 },
    { 4, &dropped, NAT_B, A, 2, 50, 1, DROP_FILTERED },
};

static void
test_same(void)
{
    g_autoptr(comparison) comparison = compare(as_it_is, G_N_ELEMENTS(as_it_is), as_it_is, G_N_ELEMENTS(as_it_is));

    CHECK(comparison->same);
    CHECK(comparison->common == G_N_ELEMENTS(as_it_is));
    CHECK(comparison->common_until == 4 * TIME_MS);
    CHECK(!comparison->parted.steps[0] && !comparison->decisive.steps[0] && !comparison->decisive.steps[1]);
    CHECK(comparison->gone->len == 0 && comparison->new->len == 0);
}

static void
test_parted(void)
{
    /* Another port; A's first passes; a packet is sent in between, so what was A.2 is A.3. */
    static const struct row changed[] = {
        { 0, &sent, A, A, 1, 40, 1, 0 },
        { 1, &mapped, NAT_B, 0, 0, 0, 8, 0 },
        { 2, &passed, NAT_B, A, 1, 40, 1, 0 },
        { 3, &delivered, B, A, 1, 40, 1, 0 },
        { 3, &sent, A, A, 2, 99, 1, 0 },
        { 4, &dropped, NAT_B, A, 2, 99, 1, DROP_NO_MAPPING },
        { 5, &sent, A, A, 3, 50, 1, 0 },
        { 6, &dropped, NAT_B, A, 3, 50, 1, DROP_FILTERED },
    };
    g_autoptr(comparison) comparison = compare(as_it_is, G_N_ELEMENTS(as_it_is), changed, G_N_ELEMENTS(changed));

    CHECK(!comparison->same);
    CHECK(comparison->common == 1);
    CHECK_ROW_TEXT("the first that is told otherwise", comparison->parted.steps[0]->text, "mapping-new port 7");
    CHECK_ROW_TEXT("and how", comparison->parted.steps[1]->text, "mapping-new port 8");
    CHECK_ROW_TEXT("what made the difference", comparison->decisive.steps[0]->packet, "A.1");
    CHECK_ROW_TEXT("where", comparison->decisive.steps[0]->node, "natB");
    CHECK_ROW_TEXT("dropped before", comparison->decisive.steps[0]->reason, "filtered");
    CHECK_ROW_TEXT("passed after", comparison->decisive.steps[1]->kind, "nat-inbound");
    CHECK_ROW_UINT("one drop is gone: A.2 is A.3 there, and dropped too", comparison->gone->len, 1);
    const struct compare_drop *gone = comparison->gone->pdata[0];
    CHECK_ROW_TEXT("which", gone->packet, "A.1");
    CHECK_ROW_TEXT("what is instead", gone->instead, "it reaches B");
    CHECK_ROW_UINT("one is new", comparison->new->len, 1);
    const struct compare_drop *new = comparison->new->pdata[0];
    CHECK_ROW_TEXT("of a packet that was not sent", new->instead, "it is not sent");
}

static void
test_other_reason(void)
{
    static const struct row changed[] = {
        { 0, &sent, A, A, 1, 40, 1, 0 },
        { 1, &mapped, NAT_B, 0, 0, 0, 7, 0 },
        { 2, &dropped, NAT_B, A, 1, 40, 1, DROP_NO_MAPPING },
        { 3, &sent, A, A, 2, 50, 1, 0 },
    };
    g_autoptr(comparison) comparison = compare(as_it_is, G_N_ELEMENTS(as_it_is), changed, G_N_ELEMENTS(changed));

    CHECK(comparison->common == 2);
    CHECK_ROW_TEXT("dropped for another reason", comparison->decisive.steps[1]->reason, "no-mapping");
    CHECK_ROW_UINT("both are gone", comparison->gone->len, 2);
    CHECK_ROW_TEXT("one under way", ((const struct compare_drop *)comparison->gone->pdata[1])->instead, "");
    CHECK_ROW_UINT("one is new", comparison->new->len, 1);
}

static void
test_empty(void)
{
    g_autoptr(comparison) none = compare(NULL, 0, NULL, 0);
    g_autoptr(comparison) one = compare(NULL, 0, as_it_is, G_N_ELEMENTS(as_it_is));

    CHECK(none->same && none->common == 0);
    CHECK(!one->same && !one->parted.steps[0] && one->parted.steps[1]);
    CHECK_ROW_UINT("drops of packets that were not sent", one->new->len, 2);
}

void
suite_compare(void)
{
    UNIT_SUITE("compare", NULL, NULL, { "sequences", test_match }, { "long sequences", test_match_long },
               { "the same", test_same }, { "where they part", test_parted }, { "another reason", test_other_reason },
               { "nothing", test_empty });
}
