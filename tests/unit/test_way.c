/* One packet's whole way, from records made by hand. */
#include "core/base/time.h"
#include "scenarios/runner/cli/way_text.h"
#include "tests/unit/support.h"

enum { A = 1, NAT, S };

static const char *
node_name(const struct names *names, uint32_t node)
{
    static const char *const known[] = { "lab", "A", "nat", "S" };

    (void)names;
    return node < G_N_ELEMENTS(known) ? known[node] : "?";
}

static const struct names names = { node_name, node_name };

static void
say(const struct record *record, const struct names *with, GString *out)
{
    (void)with;
    g_string_append(out, record->kind->action);
}

static const struct record_kind sent = { "packet-sent", "sent", "", say, NULL };
static const struct record_kind delivered = { "packet-delivered", "delivered", "", say, NULL };
static const struct record_kind translated = { "nat-outbound", "translated", "RFC 4787 section 4.1", say, NULL };
static const struct record_kind dropped = { "packet-dropped", "dropped", "", say, NULL };
static const struct record_kind opened = { "nat-pinhole-opened", "pinhole-opened", "", say, NULL };

#define A_1 PACKET_NAME(A, 1)
#define A_2 PACKET_NAME(A, 2)
#define S_1 PACKET_NAME(S, 1)

static const struct record all[] = {
    { .at = 0, .kind = &sent, .node = A, .packet = A_1 },
    { .at = TIME_MS, .kind = &translated, .node = NAT, .packet = A_1,
      .before = { .source_port = 1, .destination_port = 9 }, .after = { .source_port = 2, .destination_port = 9 } },
    { .at = TIME_MS, .kind = &opened, .node = NAT, .cause = A_1 },
    { .at = 3 * TIME_MS, .kind = &delivered, .node = S, .packet = A_1 },
    { .at = 3 * TIME_MS, .kind = &sent, .node = S, .packet = S_1, .cause = A_1 },
    { .at = 4 * TIME_MS, .kind = &dropped, .node = NAT, .packet = S_1, .verdict = VERDICT_DROP,
      .reason = DROP_TTL_EXCEEDED },
    { .at = 5 * TIME_MS, .kind = &sent, .node = A, .packet = A_2 },
};

static struct way *
make_way(packet_name packet)
{
    const struct record *pointers[G_N_ELEMENTS(all)];

    for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
        pointers[i] = &all[i];
    struct story story = { .records = pointers, .record_count = G_N_ELEMENTS(all), .names = &names };
    return way_new(&story, packet);
}

static void
test_stations(void)
{
    g_autoptr(way) way = make_way(A_1);

    CHECK_ROW_TEXT("its name", way->packet, "A.1");
    CHECK_ROW_TEXT("nobody's packet caused it", way->cause, "");
    CHECK_ROW_UINT("three nodes", way->stations->len, 3);
    const struct way_station *nat = way->stations->pdata[1];
    CHECK_ROW_TEXT("the second", nat->name, "nat");
    CHECK_ROW_INT("so long on the way", nat->travelled, TIME_MS);
    CHECK_ROW_UINT("one decision", nat->decisions->len, 1);
    CHECK_ROW_TEXT("by a rule", g_array_index(nat->decisions, struct way_decision, 0).source, "RFC 4787 section 4.1");
    CHECK_ROW_UINT("only the source was changed", nat->changes->len, 1);
    const struct payload_change *change = nat->changes->pdata[0];
    CHECK_ROW_TEXT("what", change->what, "source");
    CHECK(way->end == WAY_DELIVERED);
    CHECK_ROW_TEXT("where it ended", way->ended_at, "S");
}

static void
test_effects(void)
{
    g_autoptr(way) way = make_way(A_1);

    CHECK_ROW_UINT("two", way->effects->len, 2);
    const struct way_effect *pinhole = way->effects->pdata[0], *answer = way->effects->pdata[1];
    CHECK_ROW_TEXT("no packet", pinhole->packet, "");
    CHECK_ROW_TEXT("but something that changed", pinhole->text, "pinhole-opened");
    CHECK_ROW_TEXT("a packet", answer->packet, "S.1");
    CHECK_ROW_TEXT("and what became of it", answer->fate, "nat drops it: ttl-exceeded");
}

static void
test_ends(void)
{
    g_autoptr(way) answer = make_way(S_1);
    g_autoptr(way) under_way = make_way(A_2);
    g_autoptr(way) unknown = make_way(PACKET_NAME(A, 9));

    CHECK(answer->end == WAY_DROPPED);
    CHECK_ROW_TEXT("its cause", answer->cause, "A.1");
    CHECK_ROW_TEXT("the reason", answer->reason, "ttl-exceeded");
    CHECK(under_way->end == WAY_UNKNOWN && under_way->stations->len == 1);
    CHECK(unknown->end == WAY_UNKNOWN && unknown->stations->len == 0);
}

static void
test_text(void)
{
    g_autoptr(way) way = make_way(S_1);
    g_autoptr(GString) out = g_string_new(NULL);
    const struct terminal terminal = { .columns = 0 };

    g_free(way->what);
    way->what = g_strdup("an answer\x1b");
    way_text(way, 5 * TIME_MS, &terminal, 60, out);
    CHECK_ROW_TEXT("as text", out->str,
                   "The way of S.1: an answer\\x1b\n"
                   "It was sent because of A.1: --explain=A.1 tells that one's\n"
                   "way.\n"
                   "\n"
                   " 1  S, at 3.000 ms\n"
                   "    sent\n"
                   "\n"
                   " 2  nat, at 4.000 ms, 1.000 ms later\n"
                   "    dropped\n"
                   "       by RFC 1812 section 5.3.1, RFC 8200 section 3\n"
                   "\n"
                   "It ended at nat, dropped as ttl-exceeded: its TTL ran out\n"
                   "(RFC 1812 section 5.3.1, RFC 8200 section 3).\n"
                   "\n"
                   "It caused nothing: no packet was sent because of it.\n");
}

void
suite_way(void)
{
    UNIT_SUITE("way", NULL, NULL, { "stations", test_stations }, { "effects", test_effects }, { "ends", test_ends },
               { "as text", test_text });
}
