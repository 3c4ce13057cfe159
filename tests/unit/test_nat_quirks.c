/* Ways of real boxes that no RFC allows: each does what its name says, and only where it is asked for. The one
 * that is an ALG: test_nat_alg.c. */
#include "tests/unit/support.h"
#include "tests/unit/support_nat.h"

#define A "10.0.0.2:5000"
#define B "10.0.0.3:5000"
#define Y "198.51.100.1:7000"
#define Z "198.51.100.2:7000"
#define X1 "203.0.113.1:5000"

static struct nat_bench bench;

static void
tear_down(void)
{
    if (bench.world)
        nat_bench_close(&bench);
    bench.world = NULL;
}

static const char *
out(const char *from, const char *to)
{
    return nat_bench_udp(&bench, NAT_INSIDE, from, to);
}

static const char *
in(const char *from, const char *to)
{
    return nat_bench_udp(&bench, NAT_OUTSIDE, from, to);
}

static void
open_quirk(const char *preset, enum nat_quirk quirk)
{
    struct nat_options options = nat_preset_find(preset)->options;

    options.quirks = (uint8_t)(1 << quirk);
    nat_bench_open_pool(&bench, &options, 1);
}

/* ---- early-inbound-poisons */

/* As netfilter does without an input drop: the early packet is a conversation of the box's own, so that the tuple is
 * taken and the later one to its sender gets another port. */
static void
test_poison_linux(void)
{
    open_quirk("linux", NAT_QUIRK_EARLY_INBOUND_POISONS);
    out(A, Z);
    CHECK_ROW_TEXT("early", in(Y, X1), "-filtered");
    g_autofree char *said = nat_bench_sentence(&bench, "nat-poisoned");
    CHECK_ROW_TEXT("said", said,
                   "for 30s nobody inside gets 203.0.113.1:5000 for packets to 198.51.100.1:7000: the box takes the early "
                   "packet for a conversation of its own (quirk early-inbound-poisons)");
    const char *other = out(A, Y);
    CHECK_ROW("another port", g_str_has_prefix(other, "out 203.0.113.1:") && !g_str_has_prefix(other, "out " X1 " "));
    CHECK_ROW_TEXT("to others the same", out(A, "198.51.100.3:1"), "out 203.0.113.1:5000 > 198.51.100.3:1");
    tear_down();

    nat_bench_open(&bench, "linux", NULL);
    out(A, Z);
    in(Y, X1);
    CHECK_ROW_TEXT("not without the quirk", out(A, Y), "out 203.0.113.1:5000 > 198.51.100.1:7000");
}

/* It lasts as long as an idle mapping, from the last early packet on. */
static void
test_poison_passes(void)
{
    open_quirk("linux", NAT_QUIRK_EARLY_INBOUND_POISONS);
    in(Y, X1);
    nat_bench_until(&bench, 20 * TIME_S);
    in(Y, X1);
    nat_bench_until(&bench, 50 * TIME_S - 1);
    CHECK_ROW("poisoned", !g_str_has_prefix(out(B, Y), "out " X1 " "));
    nat_bench_until(&bench, 50 * TIME_S);
    CHECK_ROW_TEXT("passed", out(A, Y), "out 203.0.113.1:5000 > 198.51.100.1:7000");
}

/* On a NAT that is endpoint-independent otherwise only the poisoned destination gets a mapping of its own. */
static void
test_poison_cone(void)
{
    open_quirk("port-restricted-cone", NAT_QUIRK_EARLY_INBOUND_POISONS);
    CHECK_ROW_TEXT("before", out(A, Z), "out 203.0.113.1:5000 > 198.51.100.2:7000");
    in(Y, X1);
    CHECK_ROW_TEXT("poisoned", out(A, Y), "out 203.0.113.1:5001 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("again", out(A, Y), "out 203.0.113.1:5001 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("others", out(A, "198.51.100.3:1"), "out 203.0.113.1:5000 > 198.51.100.3:1");
    CHECK_ROW_TEXT("in", in(Y, "203.0.113.1:5001"), "in 198.51.100.1:7000 > 10.0.0.2:5000");
    g_autofree char *new = nat_bench_sentence(&bench, "nat-mapping-new");
    CHECK_ROW_TEXT("said", new,
                   "new mapping 10.0.0.2:5000 -> 203.0.113.1:5001, for 198.51.100.1:7000 alone, because an early packet "
                   "from there has come to the port that it would have; its own port 5000 can't be kept (mapping 2)");
    tear_down();

    open_quirk("port-restricted-cone", NAT_QUIRK_EARLY_INBOUND_POISONS);
    in(Y, X1);
    CHECK_ROW_TEXT("with the first packet", out(A, Y), "out 203.0.113.1:5001 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("others keep the port", out(A, Z), "out 203.0.113.1:5000 > 198.51.100.2:7000");
}

/* Whom one has sent to before is no early comer. */
static void
test_poison_needs_to_be_early(void)
{
    open_quirk("restricted-cone", NAT_QUIRK_EARLY_INBOUND_POISONS);
    out(A, Y);
    in(Y, X1);
    CHECK_ROW_TEXT("goes on", out(A, Y), "out 203.0.113.1:5000 > 198.51.100.1:7000");
    CHECK_ROW_INT("nothing is poisoned", nat_bench_records(&bench, "nat-poisoned"), 0);
}

/* ---- filtered-inbound-destroys, icmp-destroys */

static void
test_filtered_destroys(void)
{
    open_quirk("port-restricted-cone", NAT_QUIRK_FILTERED_INBOUND_DESTROYS);
    out(A, Y);
    CHECK_ROW_TEXT("admitted ones don't", in(Y, X1), "in 198.51.100.1:7000 > 10.0.0.2:5000");
    CHECK_ROW_TEXT("refused", in(Z, X1), "-filtered");
    CHECK_ROW_TEXT("gone", in(Y, X1), "-no-mapping");
    g_autofree char *said = nat_bench_sentence(&bench, "nat-mapping-destroyed");
    CHECK_ROW_TEXT("said", said,
                   "mapping 1, 10.0.0.2:5000 -> 203.0.113.1:5000, is gone, because a packet that is refused ends one in "
                   "this box (quirk filtered-inbound-destroys)");
    CHECK_ROW_INT("counted", (int64_t)nat_counts(bench.nat).destroyed, 1);
}

/* RFC 4787 REQ-12, RFC 5508 REQ-6: what must not be. */
static void
test_icmp_destroys(void)
{
    static const char error[] = "in icmp 11/0 192.0.2.1 > 10.0.0.2 [10.0.0.2:5000 > 198.51.100.1:7000]";

    for (int quirk = 0; quirk < 2; quirk++) {
        if (quirk)
            open_quirk("full-cone", NAT_QUIRK_ICMP_DESTROYS);
        else
            nat_bench_open(&bench, "full-cone", NULL);
        out(A, Y);
        CHECK_ROW_TEXT("passes", nat_bench_error(&bench, NAT_OUTSIDE, 11, 0, "192.0.2.1", "203.0.113.1", X1, Y, 64), error);
        CHECK_ROW_TEXT(quirk ? "gone" : "stays", in(Y, X1),
                       quirk ? "-no-mapping" : "in 198.51.100.1:7000 > 10.0.0.2:5000");
        tear_down();
    }
}

/* Mappings that were asked for by name outlive both. */
static void
test_explicit_stays(void)
{
    struct nat_map_request request = { .protocol = PROTOCOL_UDP, .origin = NAT_ORIGIN_PCP,
                                       .internal = nat_endpoint(A), .lifetime = 60 * TIME_S };
    struct nat_mapping_view view;

    open_quirk("full-cone", NAT_QUIRK_ICMP_DESTROYS);
    CHECK_ROW_INT("mapped", nat_map_explicit(bench.nat, &request, &view), NAT_MAP_OK);
    out(A, Y);
    nat_bench_error(&bench, NAT_OUTSIDE, 3, 3, "198.51.100.1", "203.0.113.1", X1, Y, 64);
    CHECK_ROW_TEXT("stays", in(Y, X1), "in 198.51.100.1:7000 > 10.0.0.2:5000");
}

/* ---- preserve-then-symmetric (RFC 4787 REQ-11) */

static void
test_preserve_then_symmetric(void)
{
    open_quirk("port-restricted-cone", NAT_QUIRK_PRESERVE_THEN_SYMMETRIC);
    out(A, Y);
    CHECK_ROW_TEXT("A is endpoint-independent", out(A, Z), "out 203.0.113.1:5000 > 198.51.100.2:7000");
    CHECK_ROW_TEXT("B clashes", out(B, Y), "out 203.0.113.1:5001 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("and is symmetric", out(B, Z), "out 203.0.113.1:5002 > 198.51.100.2:7000");
    CHECK_ROW_TEXT("as before", out(B, Y), "out 203.0.113.1:5001 > 198.51.100.1:7000");
    nat_bench_until(&bench, 299 * TIME_S);
    out(B, Y);
    nat_bench_until(&bench, 300 * TIME_S);
    CHECK_ROW_TEXT("until the port is free", out(B, "198.51.100.3:1"), "out 203.0.113.1:5000 > 198.51.100.3:1");
    CHECK_ROW_TEXT("what it has it keeps", out(B, Y), "out 203.0.113.1:5001 > 198.51.100.1:7000");
}

void
suite_nat_quirks(void)
{
    UNIT_SUITE("nat: quirks", NULL, tear_down, { "poison, linux", test_poison_linux },
               { "poison passes", test_poison_passes }, { "poison, cone", test_poison_cone },
               { "poison needs to be early", test_poison_needs_to_be_early },
               { "filtered inbound destroys", test_filtered_destroys }, { "ICMP destroys", test_icmp_destroys },
               { "explicit mappings stay", test_explicit_stays },
               { "preserve, then symmetric", test_preserve_then_symmetric });
}
