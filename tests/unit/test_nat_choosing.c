/* Which external endpoint a mapping gets, beyond the plain policies: sharing, pairs, pools, limits, ports that rest; and
 * how long it lives. */
#include "core/net/node.h"
#include "tests/unit/support.h"
#include "tests/unit/support_nat.h"

#define A "10.0.0.2:5000"
#define B "10.0.0.3:5000"
#define Y "198.51.100.1:7000"
#define Y_OTHER "198.51.100.1:7001"
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
open_with(const char *preset, void (*change)(struct nat_options *options), uint64_t pool)
{
    struct nat_options options = nat_preset_find(preset)->options;

    if (change)
        change(&options);
    nat_bench_open_pool(&bench, &options, pool);
}

/* ---- overloading (RFC 4787 section 4.2.1) */

static void
overload(struct nat_options *options)
{
    options->udp.ports = options->icmp.ports = NAT_PORTS_OVERLOAD;
}

/* Two hosts with one external endpoint: packets in go to who sent last to where they come from, others to the newer. */
static void
test_overload(void)
{
    open_with("full-cone", overload, 1);
    CHECK_ROW_TEXT("A", out(A, Y), "out 203.0.113.1:5000 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("B, even on a clash", out(B, Z), "out 203.0.113.1:5000 > 198.51.100.2:7000");
    CHECK_ROW_TEXT("A's session", in(Y, X1), "in 198.51.100.1:7000 > 10.0.0.2:5000");
    CHECK_ROW_TEXT("B's session", in(Z, X1), "in 198.51.100.2:7000 > 10.0.0.3:5000");
    CHECK_ROW_TEXT("a stranger's is the newer's", in(Y_OTHER, X1), "in 198.51.100.1:7001 > 10.0.0.3:5000");
    out(B, Y);
    CHECK_ROW_TEXT("B has taken it", in(Y, X1), "in 198.51.100.1:7000 > 10.0.0.3:5000");
    out(A, Y);
    CHECK_ROW_TEXT("A has it back", in(Y, X1), "in 198.51.100.1:7000 > 10.0.0.2:5000");
    CHECK_ROW_INT("two mappings", (int64_t)nat_counts(bench.nat).made, 2);
    CHECK_ROW_TEXT("an error about A's", nat_bench_error(&bench, NAT_OUTSIDE, 3, 3, "198.51.100.1", "203.0.113.1", X1, Y, 64),
                   "in icmp 3/3 198.51.100.1 > 10.0.0.2 [10.0.0.2:5000 > 198.51.100.1:7000]");
}

/* When the newer is gone, the older has the endpoint to itself again. */
static void
test_overload_ends(void)
{
    open_with("full-cone", overload, 1);
    out(A, Y);
    nat_bench_until(&bench, 60 * TIME_S);
    out(B, Z);
    nat_bench_until(&bench, 120 * TIME_S);
    out("10.0.0.4:5000", Z);
    nat_bench_until(&bench, 200 * TIME_S);
    out(A, Y);
    CHECK_ROW_TEXT("the newest of three", in(Y_OTHER, X1), "in 198.51.100.1:7001 > 10.0.0.4:5000");
    nat_bench_until(&bench, 420 * TIME_S);
    CHECK_ROW_TEXT("the oldest, and last", in(Y_OTHER, X1), "in 198.51.100.1:7001 > 10.0.0.2:5000");
    CHECK_ROW_TEXT("all of it", in(Z, X1), "in 198.51.100.2:7000 > 10.0.0.2:5000");
    nat_bench_until(&bench, 500 * TIME_S);
    CHECK_ROW_TEXT("nobody", in(Y, X1), "-no-mapping");
}

/* A mapping made before ports were overloaded shares from then on. */
static void
test_overload_later(void)
{
    struct nat_options options;

    open_with("full-cone", NULL, 1);
    out(A, Y);
    options = *nat_options(bench.nat);
    overload(&options);
    nat_set_options(bench.nat, &options);
    CHECK_ROW_TEXT("B", out(B, Z), "out 203.0.113.1:5000 > 198.51.100.2:7000");
    CHECK_ROW_TEXT("A's session", in(Y, X1), "in 198.51.100.1:7000 > 10.0.0.2:5000");
    CHECK_ROW_TEXT("B's session", in(Z, X1), "in 198.51.100.2:7000 > 10.0.0.3:5000");
}

/* ---- overlapping (RFC 7857 section 3): what netfilter does */

static void
test_overlap(void)
{
    open_with("linux", NULL, 1);
    CHECK_ROW_TEXT("A", out(A, Y), "out 203.0.113.1:5000 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("A to another: looks endpoint-independent", out(A, Z), "out 203.0.113.1:5000 > 198.51.100.2:7000");
    CHECK_ROW_TEXT("B to a third keeps its port too", out(B, Y_OTHER), "out 203.0.113.1:5000 > 198.51.100.1:7001");
    const char *clash = out(B, Y);
    CHECK_ROW("B to where A is gets another, at random",
              g_str_has_prefix(clash, "out 203.0.113.1:") && g_str_has_suffix(clash, " > 198.51.100.1:7000") &&
                  strncmp(clash, "out 203.0.113.1:500", 19) != 0);
    CHECK_ROW_TEXT("A's", in(Y, X1), "in 198.51.100.1:7000 > 10.0.0.2:5000");
    CHECK_ROW_TEXT("A's other", in(Z, X1), "in 198.51.100.2:7000 > 10.0.0.2:5000");
    CHECK_ROW_TEXT("B's", in(Y_OTHER, X1), "in 198.51.100.1:7001 > 10.0.0.3:5000");
    CHECK_ROW_TEXT("a stranger", in("198.51.100.9:7000", X1), "-filtered");
}

/* Each pair of endpoints has its own timer (30 s, and 120 s once there was an answer), refreshed from both sides. */
static void
test_linux_timers(void)
{
    open_with("linux", NULL, 1);
    out(A, Y);
    out(A, Z);
    in(Z, X1);
    nat_bench_until(&bench, 30 * TIME_S - 1);
    CHECK_ROW_TEXT("unanswered, alive", in(Y, X1), "in 198.51.100.1:7000 > 10.0.0.2:5000");
    nat_bench_until(&bench, 120 * TIME_S - 1);
    CHECK_ROW_TEXT("answered, alive", in(Z, X1), "in 198.51.100.2:7000 > 10.0.0.2:5000");
    nat_bench_until(&bench, 150 * TIME_S - 2);
    CHECK_ROW_TEXT("refreshed from outside", out(A, Y), "out 203.0.113.1:5000 > 198.51.100.1:7000");
    CHECK_ROW_INT("no new one", (int64_t)nat_counts(bench.nat).made, 2);
    out(A, "198.51.100.3:1");
    nat_bench_until(&bench, 180 * TIME_S - 2);
    CHECK_ROW_TEXT("never answered", in("198.51.100.3:1", X1), "-filtered");
}

static const char *
tcp(enum nat_side side, const char *flags, const char *from, const char *to)
{
    return nat_bench_tcp(&bench, side, flags, from, to);
}

static void
overload_tcp(struct nat_options *options)
{
    options->tcp.ports = NAT_PORTS_OVERLOAD;
}

/* TCP shares ports in the same manner: by who has sent last to the remote end. */
static void
test_shared_tcp(void)
{
    for (int overlap = 0; overlap < 2; overlap++) {
        const char *name = overlap ? "overlap" : "overload";

        open_with(overlap ? "linux" : "full-cone", overlap ? NULL : overload_tcp, 1);
        CHECK_ROW(name, g_str_has_prefix(tcp(NAT_INSIDE, "S", A, Y), "out 203.0.113.1:5000 > 198.51.100.1:7000 S"));
        CHECK_ROW(name, g_str_has_prefix(tcp(NAT_INSIDE, "S", B, Z), "out 203.0.113.1:5000 > 198.51.100.2:7000 S"));
        CHECK_ROW(name, g_str_has_prefix(tcp(NAT_OUTSIDE, "SA", Y, X1), "in 198.51.100.1:7000 > 10.0.0.2:5000 S"));
        CHECK_ROW(name, g_str_has_prefix(tcp(NAT_OUTSIDE, "SA", Z, X1), "in 198.51.100.2:7000 > 10.0.0.3:5000 S"));
        CHECK_ROW(name, g_str_has_prefix(tcp(NAT_INSIDE, "S", B, Y), "out 203.0.113.1:5000 ") == !overlap);
        CHECK_ROW(name, g_str_has_prefix(tcp(NAT_OUTSIDE, "A", Y, X1), overlap ? "in 198.51.100.1:7000 > 10.0.0.2:5000 "
                                                                               : "in 198.51.100.1:7000 > 10.0.0.3:5000 "));
        tear_down();
    }
}

/* ---- pairs of ports (RFC 4787 section 4.2.3) */

static void
contiguous_sequential(struct nat_options *options)
{
    options->udp.ports = NAT_PORTS_SEQUENTIAL;
    options->udp.contiguous = true;
}

static void
contiguous_random(struct nat_options *options)
{
    options->udp.ports = NAT_PORTS_RANDOM;
    options->udp.contiguous = true;
}

static uint16_t
external_port(const char *told)
{
    g_auto(GStrv) words = g_strsplit(told, " ", 3);

    return g_strcmp0(words[0], "out") == 0 ? nat_endpoint(words[1]).port : 0;
}

static void
test_contiguous(void)
{
    open_with("full-cone", contiguous_sequential, 1);
    CHECK_ROW_TEXT("RTP", out("10.0.0.2:6000", Y), "out 203.0.113.1:1024 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("another between", out("10.0.0.3:6000", Y), "out 203.0.113.1:1026 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("RTCP follows", out("10.0.0.2:6001", Y_OTHER), "out 203.0.113.1:1025 > 198.51.100.1:7001");
    CHECK_ROW_TEXT("RTCP first", out("10.0.0.4:6001", Y), "out 203.0.113.1:1027 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("whose neighbour is taken", out("10.0.0.4:6000", Y), "out 203.0.113.1:1028 > 198.51.100.1:7000");
}

/* Also where ports are drawn, and where every destination has a mapping of its own (RTCP goes to the next port). */
static void
test_contiguous_at_random(void)
{
    static const char *const presets[] = { "full-cone", "symmetric" };

    for (size_t i = 0; i < G_N_ELEMENTS(presets); i++) {
        open_with(presets[i], contiguous_random, 1);
        for (int host = 2; host < 40; host++) {
            g_autofree char *rtp = g_strdup_printf("10.0.0.%d:6000", host);
            g_autofree char *rtcp = g_strdup_printf("10.0.0.%d:6001", host);
            uint16_t even = external_port(out(rtp, Y)), odd = external_port(out(rtcp, Y_OTHER));

            CHECK_ROW(presets[i], even && even % 2 == 0 && odd == even + 1);
        }
        tear_down();
    }
}

/* ---- the pool */

static void
arbitrary(struct nat_options *options)
{
    options->pooling = NAT_POOLING_ARBITRARY;
}

static void
arbitrary_sequential(struct nat_options *options)
{
    options->pooling = NAT_POOLING_ARBITRARY;
    options->udp.ports = NAT_PORTS_SEQUENTIAL;
}

/* RFC 4787 section 4.1: sessions of one internal address may get several external ones. */
static void
test_arbitrary(void)
{
    open_with("symmetric", arbitrary_sequential, 3);
    CHECK_ROW_TEXT("first", out(A, Y), "out 203.0.113.1:1024 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("second", out(A, Z), "out 203.0.113.2:1025 > 198.51.100.2:7000");
    CHECK_ROW_TEXT("third", out(A, Y_OTHER), "out 203.0.113.3:1026 > 198.51.100.1:7001");
    CHECK_ROW_TEXT("around", out(B, Y), "out 203.0.113.1:1027 > 198.51.100.1:7000");
}

/* Section 4.2.1: who preserves ports takes another address of the pool before another port. */
static void
test_preserve_by_address(void)
{
    open_with("full-cone", arbitrary, 2);
    CHECK_ROW_TEXT("first", out(A, Y), "out 203.0.113.1:5000 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("the same port elsewhere", out(B, Y), "out 203.0.113.2:5000 > 198.51.100.1:7000");
    const char *third = out("10.0.0.4:5000", Y);
    CHECK_ROW("no address is left", g_str_has_suffix(third, ":5001 > 198.51.100.1:7000"));
}

/* ---- limits (RFC 6888 REQ-4, REQ-11) */

static void
limit_udp(struct nat_options *options)
{
    options->udp.limit_per_host = 1;
    options->limit_answer = NAT_LIMIT_ICMP_HOST;
}

static void
limit_udp_total(struct nat_options *options)
{
    options->udp.limit_total = 2;
    options->limit_answer = NAT_LIMIT_DROP;
}

static void
limit_rate(struct nat_options *options)
{
    options->limit_rate = 2;
}

static void
test_protocol_limits(void)
{
    open_with("port-restricted-cone", limit_udp, 1);
    out(A, Y);
    CHECK_ROW_TEXT("REQ-4a, REQ-11: 3/1", out("10.0.0.2:5001", Y),
                   "in icmp 3/1 10.0.0.1 > 10.0.0.2 [10.0.0.2:5001 > 198.51.100.1:7000] -mapping-limit");
    CHECK_ROW_TEXT("ICMP has its own", nat_bench_echo(&bench, NAT_INSIDE, false, "10.0.0.2", "198.51.100.1", 7),
                   "out echo 203.0.113.1 > 198.51.100.1 id 7");
    CHECK_ROW_TEXT("another host", out(B, Y), "out 203.0.113.1:5001 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("none was evicted", out(A, Z), "out 203.0.113.1:5000 > 198.51.100.2:7000");
    tear_down();

    open_with("port-restricted-cone", limit_udp_total, 1);
    out(A, Y);
    out(B, Y);
    CHECK_ROW_TEXT("in silence", out("10.0.0.4:5000", Y), "-mapping-limit");
}

/* REQ-4c: so many new mappings in a second; the second begins with the first of them. */
static void
test_rate(void)
{
    open_with("port-restricted-cone", limit_rate, 1);
    nat_bench_until(&bench, 500 * TIME_MS);
    out(A, Y);
    out("10.0.0.2:5001", Y);
    CHECK_ROW_TEXT("too fast", out("10.0.0.2:5002", Y),
                   "in icmp 3/13 10.0.0.1 > 10.0.0.2 [10.0.0.2:5002 > 198.51.100.1:7000] -mapping-rate");
    CHECK_ROW_TEXT("what is there goes on", out(A, Y), "out 203.0.113.1:5000 > 198.51.100.1:7000");
    nat_bench_until(&bench, 1500 * TIME_MS - 1);
    CHECK_ROW("still", g_str_has_suffix(out("10.0.0.2:5002", Y), "-mapping-rate"));
    nat_bench_until(&bench, 1500 * TIME_MS);
    CHECK_ROW_TEXT("a second later", out("10.0.0.2:5002", Y), "out 203.0.113.1:5002 > 198.51.100.1:7000");
}

/* ---- ports that rest (RFC 6888 REQ-8) */

static void
hold(struct nat_options *options)
{
    options->udp.timeout = 60 * TIME_S;
    options->port_hold = 120 * TIME_S;
}

static void
hold_one(struct nat_options *options)
{
    hold(options);
    options->udp.port_low = options->udp.port_high = 5000;
}

static void
test_port_rests(void)
{
    open_with("full-cone", hold, 1);
    out(A, Y);
    nat_bench_until(&bench, 180 * TIME_S - 1);
    CHECK_ROW_TEXT("rests", out(B, Y), "out 203.0.113.1:5001 > 198.51.100.1:7000");
    nat_bench_until(&bench, 180 * TIME_S);
    CHECK_ROW_TEXT("after 120 s", out("10.0.0.4:5000", Y), "out 203.0.113.1:5000 > 198.51.100.1:7000");
    tear_down();

    open_with("full-cone", hold_one, 1);
    out(A, Y);
    nat_bench_until(&bench, 60 * TIME_S);
    for (int i = 0; i < 3; i++)
        CHECK_ROW("the only one rests", g_str_has_suffix(out(B, Y), "-no-port"));
    nat_bench_until(&bench, 180 * TIME_S);
    CHECK_ROW_TEXT("and no more", out(B, Y), "out 203.0.113.1:5000 > 198.51.100.1:7000");
    tear_down();

    open_with("port-restricted-cone", hold, 1);
    out(A, Y);
    nat_bench_until(&bench, 60 * TIME_S);
    CHECK_ROW_TEXT("exception C: no stranger gets in", out(B, Y), "out 203.0.113.1:5000 > 198.51.100.1:7000");
}

/* ---- timers by port (RFC 4787 REQ-5a) */

static const struct nat_port_timeout dns[] = { { 53, 20 * TIME_S } };

static void
short_dns(struct nat_options *options)
{
    options->port_timeouts = dns;
    options->port_timeout_count = 1;
}

static void
test_port_timeouts(void)
{
    open_with("full-cone", short_dns, 1);
    out("10.0.0.2:4000", "198.51.100.1:53");
    out("10.0.0.2:4001", Y);
    out("10.0.0.2:4001", "198.51.100.1:53");
    out("10.0.0.2:4002", "198.51.100.1:53");
    nat_bench_until(&bench, 10 * TIME_S);
    out("10.0.0.2:4002", "198.51.100.1:53");
    nat_bench_until(&bench, 20 * TIME_S - 1);
    CHECK_ROW_TEXT("alive", in("198.51.100.1:53", "203.0.113.1:4000"), "in 198.51.100.1:53 > 10.0.0.2:4000");
    nat_bench_until(&bench, 20 * TIME_S);
    CHECK_ROW_TEXT("20 s", in("198.51.100.1:53", "203.0.113.1:4000"), "-no-mapping");
    CHECK_ROW_TEXT("refreshed", in("198.51.100.1:53", "203.0.113.1:4002"), "in 198.51.100.1:53 > 10.0.0.2:4002");
    nat_bench_until(&bench, 30 * TIME_S);
    CHECK_ROW_TEXT("no longer", in("198.51.100.1:53", "203.0.113.1:4002"), "-no-mapping");
    nat_bench_until(&bench, 300 * TIME_S - 1);
    CHECK_ROW_TEXT("takes nothing from others", in(Y, "203.0.113.1:4001"), "in 198.51.100.1:7000 > 10.0.0.2:4001");
    g_autofree char *end = nat_bench_sentence(&bench, "nat-mapping-expired");
    CHECK_ROW_TEXT("said", end,
                   "mapping 3, 10.0.0.2:4002 -> 203.0.113.1:4002, has expired: nothing has refreshed it in time");
}

/* ---- destinations that are exempt (RFC 6888 REQ-6) */

static void
exempt_one(struct nat_options *options)
{
    static struct prefix exempt;

    exempt = (struct prefix){ nat_endpoint("198.51.100.2").address, 32 };
    options->exempt = &exempt;
    options->exempt_count = 1;
}

static void
test_exempt(void)
{
    open_with("port-restricted-cone", exempt_one, 1);
    CHECK_ROW_TEXT("translated", out(A, Y), "out 203.0.113.1:5000 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("exempt", out(A, Z), "out 10.0.0.2:5000 > 198.51.100.2:7000");
    CHECK_ROW_TEXT("and back", in(Z, A), "in 198.51.100.2:7000 > 10.0.0.2:5000");
    CHECK_ROW_TEXT("others not", in(Y, A), "-no-mapping");
    CHECK_ROW_INT("one mapping", (int64_t)nat_counts(bench.nat).made, 1);
    g_autofree char *said = nat_bench_sentence(&bench, "nat-outbound");
    CHECK_ROW_TEXT("said", said,
                   "outbound: source 10.0.0.2:5000 is not translated, because nothing is translated to this destination");
}

/* The options are the box's own: what they were made from may go. */
static void
test_lists_are_copied(void)
{
    struct nat_port_timeout timeouts[] = { { 53, 20 * TIME_S } };
    struct nat_options options = nat_preset_find("full-cone")->options;

    options.port_timeouts = timeouts;
    options.port_timeout_count = 1;
    nat_bench_open_pool(&bench, &options, 1);
    timeouts[0].timeout = TIME_S;
    options = *nat_options(bench.nat);
    options.hairpin = NAT_HAIRPIN_EXTERNAL_SOURCE;
    nat_set_options(bench.nat, &options);
    CHECK_ROW_INT("kept", nat_options(bench.nat)->port_timeouts[0].timeout, 20 * TIME_S);
}

void
suite_nat_choosing(void)
{
    UNIT_SUITE("nat: choosing", NULL, tear_down, { "overload", test_overload }, { "overload ends", test_overload_ends },
               { "overload later", test_overload_later }, { "overlap", test_overlap }, { "TCP shares", test_shared_tcp },
               { "timers of linux", test_linux_timers }, { "contiguous", test_contiguous },
               { "contiguous at random", test_contiguous_at_random }, { "arbitrary pooling", test_arbitrary },
               { "preserve by address", test_preserve_by_address }, { "limits of a protocol", test_protocol_limits },
               { "rate", test_rate }, { "a port rests", test_port_rests }, { "timeouts by port", test_port_timeouts },
               { "exempt destinations", test_exempt }, { "lists are copied", test_lists_are_copied });
}
