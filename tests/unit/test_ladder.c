/* The ladder of a run: which nodes have columns, and where arrows go; and what a terminal makes of it. */
#include "core/base/time.h"
#include "scenarios/runner/cli/ladder_text.h"
#include "tests/unit/support.h"

enum { A = 1, NAT_A, S, NAT_B, B, ROUTER, NODES };

static const char *
node_name(const struct names *names, uint32_t node)
{
    static const char *const known[] = { "lab", "A", "natA", "S", "natB", "B", "internet" };

    (void)names;
    return node < NODES ? known[node] : "?";
}

static const char *
interface_name(const struct names *names, uint32_t interface)
{
    (void)names;
    return interface == 1 ? "A-natA" : "natB-internet";
}

static const struct names names = { node_name, interface_name };

static void
say(const struct record *record, const struct names *with, GString *out)
{
    (void)with;
    g_string_append(out, record->kind->action);
}

static const struct record_kind sent = { "packet-sent", "sent", "", say, NULL };
static const struct record_kind delivered = { "packet-delivered", "delivered", "", say, NULL };
static const struct record_kind dropped = { "packet-dropped", "dropped", "", say, NULL };
static const struct record_kind link_dropped = { "link-dropped", "dropped", "", say, NULL };
static const struct record_kind translated = { "nat-outbound", "translated", "", say, NULL };
static const struct record_kind decided = { "test-decided", "thought", "", say, NULL };

#define A_1 PACKET_NAME(A, 1)
#define B_1 PACKET_NAME(B, 1)

static struct endpoint
at_port(const char *address, uint16_t port)
{
    struct endpoint endpoint = { .port = port };

    g_assert_true(address_parse(address, &endpoint.address));
    return endpoint;
}

static struct flow
flow_between(struct endpoint source, struct endpoint destination)
{
    return (struct flow){ source.address, destination.address, source.port, destination.port, PROTOCOL_UDP };
}

/* A's first packet goes through natA and reaches S; B's is lost on its first link, A's second at natB's. */
static void
make_records(struct record *records, const struct record **pointers, size_t *count)
{
    struct endpoint inside = at_port("10.0.0.2", 5000), outside = at_port("203.0.113.1", 6000);
    struct endpoint server = at_port("198.51.100.1", 3478), home = at_port("10.1.1.3", 1);
    struct flow out = flow_between(inside, server), there = flow_between(outside, server);
    const struct record all[] = {
        { .at = 0, .kind = &sent, .node = A, .packet = A_1, .before = out },
        { .at = 0, .kind = &decided, .node = A, .packet = A_1 },
        { .at = TIME_MS, .kind = &translated, .node = NAT_A, .packet = A_1, .before = out, .after = there },
        { .at = 2 * TIME_MS, .kind = &delivered, .node = S, .packet = A_1, .before = there },
        { .at = 3 * TIME_MS, .kind = &delivered, .node = S, .packet = A_1, .before = there },
        { .at = 4 * TIME_MS, .kind = &sent, .node = B, .packet = B_1, .before = flow_between(home, server) },
        { .at = 4 * TIME_MS, .kind = &link_dropped, .node = B, .packet = B_1, .before = flow_between(home, server),
          .verdict = VERDICT_DROP, .reason = DROP_LINK_LOSS, .subject = { 2, 0 } },
        { .at = 5 * TIME_MS, .kind = &sent, .node = A, .packet = A_1 + 1, .before = out },
        { .at = 6 * TIME_MS, .kind = &dropped, .node = NAT_B, .packet = A_1 + 1, .before = there,
          .verdict = VERDICT_DROP, .reason = DROP_FILTERED },
    };

    *count = G_N_ELEMENTS(all);
    memcpy(records, all, sizeof all);
    for (size_t i = 0; i < *count; i++)
        pointers[i] = &records[i];
}

static const uint32_t from_left[] = { A, NAT_A, S, ROUTER, NAT_B, B };
static const struct ladder_order order = { from_left, G_N_ELEMENTS(from_left) };

static struct ladder *
make_ladder(size_t most)
{
    struct record records[16];
    const struct record *pointers[16];
    size_t count;

    make_records(records, pointers, &count);
    struct story story = { .records = pointers, .record_count = count, .names = &names };
    return ladder_new(&story, &order, most);
}

static void
test_columns(void)
{
    g_autoptr(ladder) ladder = make_ladder(0);
    static const char *const wanted[] = { "A", "natA", "S", "natB", "B" };

    CU_ASSERT_EQUAL_FATAL(ladder->columns->len, G_N_ELEMENTS(wanted)); /* the router has nothing to tell */
    for (guint i = 0; i < G_N_ELEMENTS(wanted); i++)
        CHECK_ROW_TEXT("from left to right", (const char *)ladder->columns->pdata[i], wanted[i]);
    CU_ASSERT_FALSE(ladder->others);
    CU_ASSERT_EQUAL(ladder->last, 6 * TIME_MS);
}

static void
test_others(void)
{
    g_autoptr(ladder) ladder = make_ladder(3);

    CU_ASSERT_TRUE(ladder->others);
    CU_ASSERT_EQUAL_FATAL(ladder->columns->len, 3);
    CHECK_ROW_TEXT("who tells most", (const char *)ladder->columns->pdata[0], "A");
    CHECK_ROW_TEXT("and next", (const char *)ladder->columns->pdata[1], "S");
    CHECK_ROW_TEXT("the rest share one", (const char *)ladder->columns->pdata[2], "others");
    CU_ASSERT_EQUAL(ladder_row(ladder, 2)->column, 2);
    CU_ASSERT_EQUAL(ladder_row(ladder, 2)->from, 0);
}

static void
test_arrows(void)
{
    static const struct { const char *name; int from, column; bool on_the_way; enum ladder_mark mark; } rows[] = {
        { "sent: no arrow", 0, 0, false, LADDER_SENT },
        { "decided at the same place", 0, 0, false, LADDER_DECIDED },
        { "to the translator", 0, 1, false, LADDER_TRANSLATED },
        { "from it to the server", 1, 2, false, LADDER_DELIVERED },
        { "a copy arrives there once more", 1, 2, false, LADDER_DELIVERED },
        { "another packet", 4, 4, false, LADDER_SENT },
        { "is lost on the way to its neighbour", 4, 3, true, LADDER_DROPPED },
        { "a third", 0, 0, false, LADDER_SENT },
        { "ends where it is dropped, past others", 0, 3, false, LADDER_DROPPED },
    };
    g_autoptr(ladder) ladder = make_ladder(0);

    CU_ASSERT_EQUAL_FATAL(ladder->rows->len, G_N_ELEMENTS(rows));
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        const struct ladder_row *row = ladder_row(ladder, i);

        CHECK_ROW(rows[i].name, row->from == rows[i].from && row->column == rows[i].column);
        CHECK_ROW(rows[i].name, row->on_the_way == rows[i].on_the_way && row->mark == rows[i].mark);
    }
    CHECK_ROW_TEXT("translated from", ladder_row(ladder, 2)->before, "10.0.0.2:5000");
    CHECK_ROW_TEXT("translated to", ladder_row(ladder, 2)->after, "203.0.113.1:6000");
    CHECK_ROW_TEXT("why it ended", ladder_row(ladder, 6)->reason, "link-loss");
    CU_ASSERT_PTR_NULL(ladder_row(ladder, 3)->before);
}

static void
check_text(unsigned width, const char *row, const char *expected)
{
    struct terminal terminal = { .columns = 0 };
    struct record records[16];
    const struct record *pointers[16];
    size_t count;
    g_autoptr(GString) out = g_string_new(NULL);

    make_records(records, pointers, &count);
    struct story_remark remark = { .at = 4 * TIME_MS, .before = 5, .text = "said\x1b by a script",
                                   .sort = STORY_REMARK_NOTE };
    struct story story = { .records = pointers, .record_count = count, .names = &names, .remarks = &remark,
                           .remark_count = 1 };
    ladder_text(&story, &order, &terminal, width, out);
    CHECK_ROW_TEXT(row, out->str, expected);
}

static void
test_text(void)
{
    check_text(120, "with room",
        "             o sends, * receives, # translates, X drops, + anything else\n"
        "             A       natA        S       natB        B\n"
        "   0.000 ms  o         |         |         |         |  A: sent\n"
        "             +         |         |         |         |  A: thought\n"
        "   1.000 ms  |---A.1-->#         |         |         |  natA: translated\n"
        "             [10.0.0.2:5000 -> 203.0.113.1:6000]     |\n"
        "   2.000 ms  |         |---A.1-->*         |         |  S: delivered\n"
        "   3.000 ms  |         |---A.1-->*         |         |  S: delivered\n"
        "   4.000 ms  # said\\x1b by a script\n"
        "             |         |         |         |         o  B: sent\n"
        "             |         |         |    link-loss X<---|  B: dropped\n"
        "   5.000 ms  o         |         |         |         |  A: sent\n"
        "   6.000 ms  |-------------A.2------------>X filtered|  natB: dropped\n");
}

static void
test_narrow(void)
{
    check_text(60, "no room for a ladder: the timeline",
               "   0.000 ms  A     A.1   sent\n"
               "   0.000 ms  A     A.1   thought\n"
               "   1.000 ms  natA  A.1   translated\n"
               "   2.000 ms  S     A.1   delivered\n"
               "   3.000 ms  S     A.1   delivered\n"
               "   4.000 ms  #           said\\x1b by a script\n"
               "   4.000 ms  B     B.1   sent\n"
               "   4.000 ms  B     B.1   dropped\n"
               "   5.000 ms  A     A.2   sent\n"
               "   6.000 ms  natB  A.2   dropped\n");
}

void
suite_ladder(void)
{
    UNIT_SUITE("ladder", NULL, NULL, { "columns", test_columns }, { "others", test_others }, { "arrows", test_arrows },
               { "as text", test_text }, { "too narrow", test_narrow });
}
