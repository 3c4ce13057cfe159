/* SYNs that nobody asked for (RFC 5382 REQ-4): what they get, when, and what spares them. */
#include "nat/options.h"
#include "nat/syns.h"
#include "tests/unit/support.h"
#include "tests/unit/support_nat.h"

#define X "10.0.0.2:5000"
#define N "203.0.113.1"
#define Y1 "198.51.100.1:80"
#define Y2 "198.51.100.9:80"
#define UNREACHABLE "out icmp 3/3 " N " > 198.51.100.9 [" Y2 " > " N ":5000]"
#define PROHIBITED "out icmp 3/13 " N " > 198.51.100.9 [" Y2 " > " N ":5000]"
#define RESET "out " N ":5000 > " Y2 " RA 0/1001"

static struct nat_bench bench;
static struct nat_options options;

static void
tear_down(void)
{
    if (bench.world)
        nat_bench_close(&bench);
    bench.world = NULL;
}

static void
open_bench(uint8_t refusal, int64_t wait)
{
    tear_down();
    options = nat_preset_find("port-restricted-cone")->options;
    options.tcp.refusal = refusal;
    options.syn_wait = wait;
    nat_bench_open_pool(&bench, &options, 1);
}

static const char *
out(const char *flags, const char *to)
{
    return nat_bench_tcp(&bench, NAT_INSIDE, flags, X, to);
}

static const char *
in(const char *flags, const char *from)
{
    return nat_bench_tcp(&bench, NAT_OUTSIDE, flags, from, N ":5000");
}

/* What comes at once, and what later: nothing a nanosecond before its time. */
static const struct {
    const char *name;
    uint8_t refusal;
    int64_t wait;
    bool mapped;
    const char *at_once, *later;
} answers[] = {
    { "REQ-4: ICMP after 6 s", NAT_REFUSE_ICMP, 6 * TIME_S, false, "", UNREACHABLE },
    { "REQ-4: filtered", NAT_REFUSE_ICMP, 6 * TIME_S, true, "", UNREACHABLE },
    { "RST after 6 s", NAT_REFUSE_RESET, 6 * TIME_S, false, "", RESET },
    { "RST, filtered", NAT_REFUSE_RESET, 6 * TIME_S, true, "", RESET },
    { "REQ-4a: never", NAT_REFUSE_SILENTLY, 6 * TIME_S, false, "-no-mapping", "" },
    { "REQ-4a: filtered", NAT_REFUSE_SILENTLY, 6 * TIME_S, true, "-filtered", "" },
    { "ICMP at once", NAT_REFUSE_ICMP, 0, false, UNREACHABLE " -no-mapping", "" },
    { "ICMP at once, filtered", NAT_REFUSE_ICMP, 0, true, UNREACHABLE " -filtered", "" },
    { "RST at once", NAT_REFUSE_RESET, 0, false, RESET " -no-mapping", "" },
    { "RST at once, filtered", NAT_REFUSE_RESET, 0, true, RESET " -filtered", "" },
    { "ICMP after 50 ms", NAT_REFUSE_ICMP, 50 * TIME_MS, true, "", UNREACHABLE },
};

static void
test_answers(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
        bool held = *answers[i].at_once == '\0';
        enum drop_reason reason = answers[i].mapped ? DROP_FILTERED : DROP_NO_MAPPING;

        open_bench(answers[i].refusal, answers[i].wait);
        nat_bench_until(&bench, TIME_S);
        if (answers[i].mapped)
            out("S", Y1);
        CHECK_ROW_TEXT(answers[i].name, in("S", Y2), answers[i].at_once);
        CHECK_ROW_INT(answers[i].name, (int64_t)bench.world->packets_alive,
                      held + answers[i].mapped + g_str_has_prefix(answers[i].at_once, "out"));
        CHECK(net_balanced(bench.world));
        nat_bench_until(&bench, TIME_S + answers[i].wait - 1);
        CHECK_ROW_TEXT(answers[i].name, nat_bench_left(&bench), "");
        CHECK_ROW_INT(answers[i].name, (int64_t)node_dropped(bench.box, reason), !held);
        nat_bench_until(&bench, TIME_S + answers[i].wait);
        CHECK_ROW_TEXT(answers[i].name, nat_bench_left(&bench), answers[i].later);
        CHECK_ROW_INT(answers[i].name, (int64_t)node_dropped(bench.box, reason), 1);
        CHECK_ROW_INT(answers[i].name, (int64_t)nat_counts(bench.nat).refused, 1);
        CHECK_ROW_INT(answers[i].name, (int64_t)nat_counts(bench.nat).held, held);
    }
}

/* What is no SYN has nothing to wait for. */
static void
test_others(void)
{
    static const struct {
        const char *flags;
        uint8_t refusal;
        bool mapped;
        const char *told;
    } rows[] = {
        { "A", NAT_REFUSE_SILENTLY, false, "-no-mapping" },
        { "A", NAT_REFUSE_ICMP, false, UNREACHABLE " -no-mapping" },
        { "A", NAT_REFUSE_ICMP, true, PROHIBITED " -filtered" },
        { "SA", NAT_REFUSE_ICMP, true, PROHIBITED " -filtered" },
        { "A", NAT_REFUSE_RESET, false, "out " N ":5000 > " Y2 " R 2000/0 -no-mapping" },
        { "PA", NAT_REFUSE_RESET, true, "out " N ":5000 > " Y2 " R 2000/0 -filtered" },
        { "P", NAT_REFUSE_RESET, true, "out " N ":5000 > " Y2 " RA 0/1005 -filtered" },
        { "F", NAT_REFUSE_RESET, true, "out " N ":5000 > " Y2 " RA 0/1001 -filtered" },
        { "R", NAT_REFUSE_RESET, true, "-filtered" },
        { "RA", NAT_REFUSE_RESET, false, "-no-mapping" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        open_bench(rows[i].refusal, 6 * TIME_S);
        if (rows[i].mapped)
            out("S", Y1);
        CHECK_ROW_TEXT(rows[i].flags, in(rows[i].flags, Y2), rows[i].told);
        CHECK_ROW_INT(rows[i].flags, (int64_t)nat_counts(bench.nat).held, 0);
    }
}

/* REQ-4: an outbound SYN of the same connection makes the held one go in silence; none of another does. */
static void
test_crossed(void)
{
    static const struct {
        const char *name, *to;
        bool mapped, crossed;
    } rows[] = {
        { "simultaneous open, no mapping before", Y2, false, true },
        { "simultaneous open, filtered before", Y2, true, true },
        { "to another port", "198.51.100.9:81", true, false },
        { "to another address", Y1, true, false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *passes = g_strdup_printf("out " N ":5000 > %s S 1000/0%s", rows[i].to,
                                                  rows[i].crossed ? " -syn-crossed" : "");

        open_bench(NAT_REFUSE_RESET, 6 * TIME_S);
        if (rows[i].mapped)
            out("S", "198.51.100.3:80");
        CHECK_ROW_TEXT(rows[i].name, in("S", Y2), "");
        nat_bench_until(&bench, 6 * TIME_S - 1);
        CHECK_ROW_TEXT(rows[i].name, out("S", rows[i].to), passes);
        if (rows[i].crossed)
            CHECK_ROW_TEXT(rows[i].name, in("S", Y2), "in " Y2 " > " X " S 1000/0");
        nat_bench_until(&bench, 12 * TIME_S);
        CHECK_ROW_TEXT(rows[i].name, nat_bench_left(&bench), rows[i].crossed ? "" : RESET);
    }
}

/* A port that differs on the way out makes it another connection. */
static void
test_not_crossed(void)
{
    open_bench(NAT_REFUSE_RESET, 6 * TIME_S);
    in("S", Y2);
    nat_bench_tcp(&bench, NAT_INSIDE, "S", "10.0.0.2:5001", Y2);
    nat_bench_until(&bench, 6 * TIME_S);
    CHECK_ROW_TEXT("another external port", nat_bench_left(&bench), RESET);
}

/* When the connection has come to stand in another way, the held SYN must not end it. */
static void
test_opened_from_outside(void)
{
    open_bench(NAT_REFUSE_RESET, 6 * TIME_S);
    options.tcp.filtering = NAT_ADDRESS_DEPENDENT;
    nat_set_options(bench.nat, &options);
    out("S", Y1);
    in("S", Y2);
    out("S", "198.51.100.9:81");
    CHECK_ROW_TEXT("sent again, admitted by now", in("S", Y2), "in " Y2 " > " X " S 1000/0 -syn-crossed");
    nat_bench_until(&bench, 12 * TIME_S);
    CHECK_ROW_TEXT("nothing follows", nat_bench_left(&bench), "");
}

/* One is held for each connection; the time runs from the first. */
static void
test_sent_again(void)
{
    open_bench(NAT_REFUSE_ICMP, 6 * TIME_S);
    CHECK_ROW_TEXT("first", in("S", Y2), "");
    nat_bench_until(&bench, TIME_S);
    CHECK_ROW_TEXT("again", in("S", Y2), "-no-mapping");
    CHECK_ROW_TEXT("of another", nat_bench_tcp(&bench, NAT_OUTSIDE, "S", Y2, N ":5001"), "");
    nat_bench_until(&bench, 6 * TIME_S);
    CHECK_ROW_TEXT("one answer", nat_bench_left(&bench), UNREACHABLE);
    CHECK_ROW_TEXT("after that it is held anew", in("S", Y2), "");
    nat_bench_until(&bench, 7 * TIME_S);
    CHECK_ROW_TEXT("of another", nat_bench_left(&bench),
                   "out icmp 3/3 " N " > 198.51.100.9 [" Y2 " > " N ":5001]");
    nat_bench_until(&bench, 12 * TIME_S);
    CHECK_ROW_TEXT("second answer", nat_bench_left(&bench), UNREACHABLE);
    CHECK_ROW_INT("held", (int64_t)nat_counts(bench.nat).held, 3);
}

/* A flood holds no more than its share; what doesn't fit goes in silence, at once and counted. */
static void
test_flood(void)
{
    uint8_t bytes[64];
    unsigned held = 0, dropped = 0;

    open_bench(NAT_REFUSE_RESET, 6 * TIME_S);
    bench.world->journal = NULL;
    for (uint32_t i = 0; i < NAT_SYNS_MAX + 500; i++) {
        struct endpoint from = { address_ipv4(0x0a640001 + i / 7), (uint16_t)(1000 + i % 7) };
        const char *told = nat_bench_bytes(
            &bench, NAT_OUTSIDE, span_of(bytes, nat_write_tcp(bytes, from, nat_endpoint(N ":5000"), "S")));

        held += strcmp(told, "") == 0;
        dropped += strcmp(told, "-syn-limit") == 0;
    }
    CHECK_ROW_INT("held", held, NAT_SYNS_MAX);
    CHECK_ROW_INT("dropped", dropped, 500);
    CHECK_ROW_INT("refused", (int64_t)nat_counts(bench.nat).refused, 500);
    CHECK_ROW_TEXT("from inside it goes on", out("S", Y1), "out " N ":5000 > " Y1 " S 1000/0");
    nat_bench_until(&bench, 6 * TIME_S);
    CHECK_ROW_INT("ended", (int64_t)node_dropped(bench.box, DROP_NO_MAPPING), NAT_SYNS_MAX);
    nat_bench_left(&bench);
    CHECK_ROW_TEXT("there is room again", in("S", Y2), "");
    nat_bench_until(&bench, 12 * TIME_S);
}

/* A box that loses its state ends them with a record; one that goes with its world leaves no event behind. */
static void
test_ends(void)
{
    open_bench(NAT_REFUSE_RESET, 6 * TIME_S);
    in("S", Y1);
    in("S", Y2);
    nat_forget(bench.nat);
    CHECK_ROW_INT("told", nat_bench_records(&bench, "nat-syn-ended"), 2);
    CHECK_ROW_INT("dropped", (int64_t)node_dropped(bench.box, DROP_NODE_DOWN), 2);
    CHECK(net_balanced(bench.world));
    nat_bench_until(&bench, 10 * TIME_S);
    CHECK_ROW_TEXT("no answer", nat_bench_left(&bench), "");

    in("S", Y2);
    CHECK_ROW_INT("held", (int64_t)bench.world->packets_alive, 1);
    world_free(bench.world);
    g_array_unref(bench.records);
    g_string_free(bench.left, TRUE);
    bench.world = NULL;
}

/* `syn_wait` and `filtered` may change while one is held: its time is what it was, its answer what `filtered` says
 * then. */
static void
test_options_change(void)
{
    open_bench(NAT_REFUSE_RESET, 6 * TIME_S);
    in("S", Y2);
    options.syn_wait = TIME_S;
    options.tcp.refusal = NAT_REFUSE_ICMP;
    nat_set_options(bench.nat, &options);
    nat_bench_tcp(&bench, NAT_OUTSIDE, "S", Y2, N ":5001");
    nat_bench_until(&bench, TIME_S);
    CHECK_ROW_TEXT("the later one first", nat_bench_left(&bench),
                   "out icmp 3/3 " N " > 198.51.100.9 [" Y2 " > " N ":5001]");
    options.tcp.refusal = NAT_REFUSE_SILENTLY;
    nat_set_options(bench.nat, &options);
    nat_bench_until(&bench, 6 * TIME_S);
    CHECK_ROW_TEXT("in silence now", nat_bench_left(&bench), "");
    CHECK_ROW_INT("ended", (int64_t)node_dropped(bench.box, DROP_NO_MAPPING), 2);
}

static void
check_says(const char *kind, const char *expected)
{
    g_autofree char *said = nat_bench_sentence(&bench, kind);

    CHECK_ROW_TEXT(kind, said, expected);
}

static void
test_says(void)
{
    open_bench(NAT_REFUSE_ICMP, 6 * TIME_S);
    in("S", Y2);
    check_says("nat-syn-held", "inbound SYN from " Y2 " to " N ":5000, which leads to no mapping, is held for 6s: unless "
                               "a SYN of the same connection passes by then, an ICMP error answers it");
    nat_bench_until(&bench, 6 * TIME_S);
    check_says("nat-syn-ended", "held SYN from " Y2 " to " N ":5000: dropped after 6s, because no mapping leads inside "
                                "from that port and no SYN of the same connection has passed; an ICMP error answers it");
    out("S", Y1);
    in("S", Y2);
    check_says("nat-syn-held", "inbound SYN from " Y2 " to " N ":5000, which the filter does not admit, is held for 6s: "
                               "unless a SYN of the same connection passes by then, an ICMP error answers it");
    nat_bench_until(&bench, 8 * TIME_S);
    out("S", Y2);
    check_says("nat-syn-ended", "held SYN from " Y2 " to " N ":5000: dropped after 2s, because another SYN of the same "
                                "connection has passed meanwhile; nothing answers it");
}

void
suite_nat_syns(void)
{
    UNIT_SUITE("nat: SYNs that nobody asked for", NULL, tear_down, { "answers", test_answers },
               { "others", test_others }, { "crossed", test_crossed }, { "not crossed", test_not_crossed },
               { "opened from outside", test_opened_from_outside }, { "sent again", test_sent_again },
               { "flood", test_flood }, { "ends", test_ends }, { "options change", test_options_change },
               { "says", test_says });
}
