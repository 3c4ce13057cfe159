/* The NAT and UDP, in the words of RFC 4787: mapping, filtering, ports, timers, hairpinning. */
#include "core/net/stack.h"
#include "nat/options.h"
#include "tests/unit/support.h"
#include "tests/unit/support_nat.h"

#define X "10.0.0.2:5000"
#define Y1 "198.51.100.1:7000"       /* first destination */
#define Y1_OTHER "198.51.100.1:7001" /* the same address, another port */
#define Y2 "198.51.100.2:7000"       /* another address */

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

/* The external endpoint that a packet out got, "" when none left. */
static char *
mapped(const char *from, const char *to)
{
    const char *told = out(from, to);
    const char *end = strstr(told, " > ");

    return g_str_has_prefix(told, "out ") && end ? g_strndup(told + 4, (gsize)(end - told - 4)) : g_strdup("");
}

/* ---- mapping and filtering */

static const struct {
    const char *name;
    uint8_t mapping, filtering;
    bool same_for_port, same_for_address; /* RFC 4787 section 4.1: the mapping is reused */
    bool admits_port, admits_address;     /* section 5: who may send to X' when X has sent to Y1 */
} combinations[] = {
    { "EIM/EIF", NAT_ENDPOINT_INDEPENDENT, NAT_ENDPOINT_INDEPENDENT, true, true, true, true },
    { "EIM/ADF", NAT_ENDPOINT_INDEPENDENT, NAT_ADDRESS_DEPENDENT, true, true, true, false },
    { "EIM/APDF", NAT_ENDPOINT_INDEPENDENT, NAT_ADDRESS_AND_PORT_DEPENDENT, true, true, false, false },
    { "ADM/EIF", NAT_ADDRESS_DEPENDENT, NAT_ENDPOINT_INDEPENDENT, true, false, true, true },
    { "ADM/ADF", NAT_ADDRESS_DEPENDENT, NAT_ADDRESS_DEPENDENT, true, false, true, false },
    { "ADM/APDF", NAT_ADDRESS_DEPENDENT, NAT_ADDRESS_AND_PORT_DEPENDENT, true, false, false, false },
    { "APDM/EIF", NAT_ADDRESS_AND_PORT_DEPENDENT, NAT_ENDPOINT_INDEPENDENT, false, false, true, true },
    { "APDM/ADF", NAT_ADDRESS_AND_PORT_DEPENDENT, NAT_ADDRESS_DEPENDENT, false, false, true, false },
    { "APDM/APDF", NAT_ADDRESS_AND_PORT_DEPENDENT, NAT_ADDRESS_AND_PORT_DEPENDENT, false, false, false, false },
};

static void
open_combination(size_t row, uint8_t ports)
{
    struct nat_options options = nat_preset_find("full-cone")->options;

    options.udp.mapping = combinations[row].mapping;
    options.udp.filtering = combinations[row].filtering;
    options.udp.ports = ports;
    nat_bench_open_pool(&bench, &options, 1);
}

static void
test_mapping(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(combinations); i++) {
        open_combination(i, NAT_PORTS_SEQUENTIAL);
        g_autofree char *first = mapped(X, Y1), *again = mapped(X, Y1), *port = mapped(X, Y1_OTHER);
        g_autofree char *address = mapped(X, Y2), *other = mapped("10.0.0.2:5001", Y1), *back = mapped(X, Y1);

        CHECK_ROW_TEXT(combinations[i].name, first, "203.0.113.1:1024");
        CHECK_ROW_TEXT(combinations[i].name, again, first);
        CHECK_ROW(combinations[i].name, (strcmp(port, first) == 0) == combinations[i].same_for_port);
        CHECK_ROW(combinations[i].name, (strcmp(address, first) == 0) == combinations[i].same_for_address);
        CHECK_ROW(combinations[i].name, strcmp(other, first) != 0);
        CHECK_ROW_TEXT(combinations[i].name, back, first);
        tear_down();
    }
}

static void
test_filtering(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(combinations); i++) {
        open_combination(i, NAT_PORTS_PRESERVE);
        const char *name = combinations[i].name, *external = "203.0.113.1:5000";

        CHECK_ROW_TEXT(name, in(Y1, external), "-no-mapping");
        CHECK_ROW_TEXT(name, out(X, Y1), "out 203.0.113.1:5000 > 198.51.100.1:7000");
        CHECK_ROW_TEXT(name, in(Y1, external), "in 198.51.100.1:7000 > 10.0.0.2:5000");
        CHECK_ROW_TEXT(name, in(Y1_OTHER, external),
                       combinations[i].admits_port ? "in 198.51.100.1:7001 > 10.0.0.2:5000" : "-filtered");
        CHECK_ROW_TEXT(name, in(Y2, external),
                       combinations[i].admits_address ? "in 198.51.100.2:7000 > 10.0.0.2:5000" : "-filtered");
        CHECK_ROW_TEXT(name, in(Y1, "203.0.113.1:5001"), "-no-mapping");
        tear_down();
    }
}

/* An endpoint-independent mapping has one filter for all whom X has sent to, whatever the order. */
static void
test_filter_grows(void)
{
    nat_bench_open(&bench, "port-restricted-cone", NULL);
    out(X, Y1);
    out(X, Y2);
    CHECK_ROW_TEXT("first", in(Y1, "203.0.113.1:5000"), "in 198.51.100.1:7000 > 10.0.0.2:5000");
    CHECK_ROW_TEXT("second", in(Y2, "203.0.113.1:5000"), "in 198.51.100.2:7000 > 10.0.0.2:5000");
    CHECK_ROW_TEXT("other port", in("198.51.100.2:7001", "203.0.113.1:5000"), "-filtered");
    g_autofree char *mappings = nat_bench_mappings(&bench);
    CHECK_ROW_TEXT("peers", mappings, "udp 10.0.0.2:5000 -> 203.0.113.1:5000 [198.51.100.1:7000, 198.51.100.2:7000]");
}

/* The reply to an admitted packet leaves by the mapping that admitted it, by the newest of several (RFC 5382 section
 * 4.3). */
static void
test_affinity(void)
{
    nat_bench_open(&bench, "symmetric-sequential", NULL);
    struct nat_options options = *nat_options(bench.nat);

    options.udp.filtering = NAT_ENDPOINT_INDEPENDENT;
    nat_set_options(bench.nat, &options);
    CHECK_ROW_TEXT("first", out(X, Y1), "out 203.0.113.1:1024 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("admitted", in(Y2, "203.0.113.1:1024"), "in 198.51.100.2:7000 > 10.0.0.2:5000");
    CHECK_ROW_TEXT("reply", out(X, Y2), "out 203.0.113.1:1024 > 198.51.100.2:7000");
    CHECK_ROW_TEXT("rule", nat_bench_record(&bench, "nat-outbound")->kind->action, "translated");
    CHECK_ROW_TEXT("to another port", out(X, "198.51.100.2:7001"), "out 203.0.113.1:1025 > 198.51.100.2:7001");
    CHECK_ROW_TEXT("admitted elsewhere", in(Y2, "203.0.113.1:1025"), "in 198.51.100.2:7000 > 10.0.0.2:5000");
    CHECK_ROW_TEXT("the newest wins", out(X, Y2), "out 203.0.113.1:1025 > 198.51.100.2:7000");

    options.affinity = false;
    nat_set_options(bench.nat, &options);
    CHECK_ROW_TEXT("off", out(X, Y2), "out 203.0.113.1:1026 > 198.51.100.2:7000");
}

static void
test_affinity_ends_with_mapping(void)
{
    nat_bench_open(&bench, "symmetric-sequential", NULL);
    struct nat_options options = *nat_options(bench.nat);

    options.udp.filtering = NAT_ENDPOINT_INDEPENDENT;
    nat_set_options(bench.nat, &options);
    out(X, Y1);
    in(Y2, "203.0.113.1:1024");
    nat_bench_until(&bench, 5 * TIME_MIN);
    CHECK_ROW_TEXT("reply", out(X, Y2), "out 203.0.113.1:1025 > 198.51.100.2:7000");
}

/* ---- ports */

static void
narrow(struct nat_options *options)
{
    options->udp.port_low = 40000;
    options->udp.port_high = 40003;
}

static void
test_port_collision(void)
{
    nat_bench_open(&bench, "full-cone", NULL);
    CHECK_ROW_TEXT("kept", out(X, Y1), "out 203.0.113.1:5000 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("next", out("10.0.0.3:5000", Y1), "out 203.0.113.1:5001 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("next but one", out("10.0.0.4:5000", Y1), "out 203.0.113.1:5002 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("well-known", out("10.0.0.2:1023", Y1), "out 203.0.113.1:1023 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("wraps below 1024", out("10.0.0.3:1023", Y1), "out 203.0.113.1:1 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("the last", out("10.0.0.2:65535", Y1), "out 203.0.113.1:65535 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("wraps to 1024", out("10.0.0.3:65535", Y1), "out 203.0.113.1:1024 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("port 0", out("10.0.0.5:0", Y1), "out 203.0.113.1:2 > 198.51.100.1:7000");
}

static const char *const exhausting[] = { "full-cone", "symmetric", "symmetric-sequential" };

static void
test_ports_exhausted(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(exhausting); i++) {
        nat_bench_open(&bench, exhausting[i], narrow);
        for (int host = 2; host < 6; host++) {
            g_autofree char *from = g_strdup_printf("10.0.0.%d:5000", host);

            CHECK_ROW(exhausting[i], g_str_has_prefix(out(from, Y1), "out 203.0.113.1:4000"));
        }
        for (int again = 0; again < 2; again++)
            CHECK_ROW_TEXT(exhausting[i], out("10.0.0.9:5000", Y1),
                           "in icmp 3/13 10.0.0.1 > 10.0.0.9 [10.0.0.9:5000 > 198.51.100.1:7000] -no-port");
        CHECK_ROW_INT(exhausting[i], (int64_t)nat_counts(bench.nat).made, 4);
        nat_bench_until(&bench, 5 * TIME_MIN);
        CHECK_ROW(exhausting[i], g_str_has_prefix(out("10.0.0.9:5000", Y1), "out 203.0.113.1:4000"));
        tear_down();
    }
}

static void
step_two(struct nat_options *options)
{
    options->udp.step = 2;
}

static void
test_sequential_step(void)
{
    nat_bench_open(&bench, "symmetric-sequential", step_two);
    CHECK_ROW_TEXT("first", out(X, Y1), "out 203.0.113.1:1024 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("second", out(X, Y2), "out 203.0.113.1:1026 > 198.51.100.2:7000");
    CHECK_ROW_TEXT("third", out(X, Y1_OTHER), "out 203.0.113.1:1028 > 198.51.100.1:7001");
}

static void
ignore_datagram(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    (void)owner, (void)udp, (void)datagram;
}

/* The box's own sockets and its mappings keep off each other's ports. */
static void
test_own_sockets(void)
{
    static const struct io_udp_events events = { ignore_datagram, NULL };
    enum io_result why;
    struct io *io;
    struct io_udp *udp;

    nat_bench_open(&bench, "full-cone", NULL);
    io = node_io(bench.box);
    udp = io->ops->udp(io, &(struct endpoint){ ADDRESS_NONE, 5000 }, &events, NULL, &why);
    CHECK_ROW("socket opens", udp != NULL);
    CHECK_ROW_TEXT("mapping keeps off", out(X, Y1), "out 203.0.113.1:5001 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("socket hears", in(Y2, "203.0.113.1:5000"), "mine");
    CHECK_ROW("socket keeps off", !io->ops->udp(io, &(struct endpoint){ ADDRESS_NONE, 5001 }, &events, NULL, &why));
    CHECK_ROW_INT("in use", why, IO_IN_USE);
    if (udp)
        udp->ops->close(udp);
    CHECK_ROW_TEXT("free again", out("10.0.0.3:5000", Y1), "out 203.0.113.1:5000 > 198.51.100.1:7000");
}

/* Paired pooling: one external address for each internal one as long as it has mappings (RFC 4787 REQ-2). */
static void
test_pool(void)
{
    nat_bench_open_pool(&bench, &nat_preset_find("symmetric-sequential")->options, 3);
    g_autofree char *first = mapped("10.0.0.2:1", Y1), *second = mapped("10.0.0.3:1", Y1);
    g_autofree char *third = mapped("10.0.0.4:1", Y1), *fourth = mapped("10.0.0.5:1", Y1);
    g_autofree char *first_again = mapped("10.0.0.2:2", Y2), *second_again = mapped("10.0.0.3:2", Y2);

    CHECK(g_str_has_prefix(first, "203.0.113.1:") && g_str_has_prefix(second, "203.0.113.2:"));
    CHECK(g_str_has_prefix(third, "203.0.113.3:") && g_str_has_prefix(fourth, "203.0.113.1:"));
    CHECK(g_str_has_prefix(first_again, "203.0.113.1:") && g_str_has_prefix(second_again, "203.0.113.2:"));
    CHECK_ROW_TEXT("in by the second", in(Y1, second), "in 198.51.100.1:7000 > 10.0.0.3:1");
}

/* ---- time */

static const struct {
    const char *name;
    uint8_t refresh;
    bool outbound, inbound; /* whether a packet that way at 100 s keeps the mapping until 400 s */
} refreshes[] = {
    { "outbound", NAT_REFRESH_OUTBOUND, true, false },
    { "inbound", NAT_REFRESH_INBOUND, false, true },
    { "both", NAT_REFRESH_BOTH, true, true },
};

static void
open_refresh(uint8_t refresh)
{
    struct nat_options options = nat_preset_find("port-restricted-cone")->options;

    options.udp.refresh = refresh;
    nat_bench_open_pool(&bench, &options, 1);
}

/* The reply of Y1 passes just before the deadline and not at it. */
static void
check_lives_until(const char *name, int64_t deadline)
{
    nat_bench_until(&bench, deadline - 1);
    CHECK_ROW_TEXT(name, in(Y2, "203.0.113.1:5000"), "-filtered");
    nat_bench_until(&bench, deadline);
    CHECK_ROW_TEXT(name, in(Y2, "203.0.113.1:5000"), "-no-mapping");
    CHECK_ROW_INT(name, nat_bench_record(&bench, "nat-mapping-expired")->at, deadline);
}

static void
test_lifetime(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(refreshes); i++) {
        open_refresh(refreshes[i].refresh);
        out(X, Y1);
        check_lives_until(refreshes[i].name, 300 * TIME_S);
        tear_down();

        open_refresh(refreshes[i].refresh);
        out(X, Y1);
        nat_bench_until(&bench, 100 * TIME_S);
        out(X, Y1);
        check_lives_until(refreshes[i].name, refreshes[i].outbound ? 400 * TIME_S : 300 * TIME_S);
        tear_down();

        open_refresh(refreshes[i].refresh);
        out(X, Y1);
        nat_bench_until(&bench, 100 * TIME_S);
        CHECK_ROW_TEXT(refreshes[i].name, in(Y1, "203.0.113.1:5000"), "in 198.51.100.1:7000 > 10.0.0.2:5000");
        check_lives_until(refreshes[i].name, refreshes[i].inbound ? 400 * TIME_S : 300 * TIME_S);
        tear_down();
    }
}

/* A packet that the filter refuses refreshes nothing. */
static void
test_refused_does_not_refresh(void)
{
    open_refresh(NAT_REFRESH_BOTH);
    out(X, Y1);
    nat_bench_until(&bench, 200 * TIME_S);
    CHECK_ROW_TEXT("refused", in(Y2, "203.0.113.1:5000"), "-filtered");
    check_lives_until("refused", 300 * TIME_S);
}

/* Expiry happens by itself, in the journal too, and lets a script look. */
static void
test_expires_untouched(void)
{
    nat_bench_open(&bench, "symmetric", NULL);
    out(X, Y1);
    nat_bench_until(&bench, TIME_S);
    out(X, Y2);
    nat_bench_until(&bench, 300 * TIME_S - 1);
    bench.world->touched = false;
    CHECK_ROW_INT("before", nat_bench_records(&bench, "nat-mapping-expired"), 0);
    nat_bench_until(&bench, 300 * TIME_S);
    CHECK_ROW("touched", bench.world->touched);
    CHECK_ROW_INT("one", nat_bench_records(&bench, "nat-mapping-expired"), 1);
    CHECK_ROW_INT("which", nat_bench_record(&bench, "nat-mapping-expired")->subject[0], 1);
    nat_bench_until(&bench, 400 * TIME_S);
    CHECK_ROW_INT("both", (int64_t)nat_counts(bench.nat).expired, 2);
    CHECK_ROW_INT("at its own time", nat_bench_record(&bench, "nat-mapping-expired")->at, 301 * TIME_S);
    CHECK_ROW_INT("nothing is busy", (int64_t)bench.world->busy, 0);
}

/* ---- hairpin */

static void
test_hairpin(void)
{
    static const struct {
        const char *name;
        uint8_t hairpin;
        const char *told;
    } rows[] = {
        { "off", NAT_HAIRPIN_OFF, "-hairpin-off" },
        { "internal-source", NAT_HAIRPIN_INTERNAL_SOURCE, "in 10.0.0.3:6000 > 10.0.0.2:5000" },
        { "external-source", NAT_HAIRPIN_EXTERNAL_SOURCE, "in 203.0.113.1:6000 > 10.0.0.2:5000" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct nat_options options = nat_preset_find("full-cone")->options;

        options.hairpin = rows[i].hairpin;
        nat_bench_open_pool(&bench, &options, 1);
        out(X, Y1);
        CHECK_ROW_TEXT(rows[i].name, out("10.0.0.3:6000", "203.0.113.1:5000"), rows[i].told);
        CHECK_ROW_INT(rows[i].name, (int64_t)nat_counts(bench.nat).made, rows[i].hairpin ? 2 : 1);
        CHECK_ROW_INT(rows[i].name, nat_bench_records(&bench, "nat-outbound"), rows[i].hairpin ? 2 : 1);
        CHECK_ROW_INT(rows[i].name, nat_bench_records(&bench, "nat-inbound"), rows[i].hairpin ? 1 : 0);
        tear_down();
    }
}

/* A hairpinned packet is one in to the target: it needs a permission there, which is for its external source. */
static void
test_hairpin_filter(void)
{
    for (uint8_t hairpin = NAT_HAIRPIN_INTERNAL_SOURCE; hairpin <= NAT_HAIRPIN_EXTERNAL_SOURCE; hairpin++) {
        struct nat_options options = nat_preset_find("port-restricted-cone")->options;

        options.hairpin = hairpin;
        nat_bench_open_pool(&bench, &options, 1);
        out(X, Y1);
        CHECK_ROW_TEXT("first is filtered", out("10.0.0.3:6000", "203.0.113.1:5000"), "-filtered");
        CHECK_ROW_TEXT("answer passes", out(X, "203.0.113.1:6000"),
                       hairpin == NAT_HAIRPIN_EXTERNAL_SOURCE ? "in 203.0.113.1:5000 > 10.0.0.3:6000"
                                                              : "in 10.0.0.2:5000 > 10.0.0.3:6000");
        CHECK_ROW("and so does the next",
                  g_str_has_suffix(out("10.0.0.3:6000", "203.0.113.1:5000"), "> 10.0.0.2:5000"));
        CHECK_ROW_TEXT("no mapping", out("10.0.0.3:6000", "203.0.113.1:9"), "-no-mapping");
        tear_down();
    }
}

/* ---- TTL */

static void
test_ttl(void)
{
    nat_bench_open(&bench, "rfc4787", NULL);
    CHECK_ROW_TEXT("out", nat_bench_udp_ttl(&bench, NAT_INSIDE, X, Y1, 1),
                   "in icmp 11/0 10.0.0.1 > 10.0.0.2 [10.0.0.2:5000 > 198.51.100.1:7000] -ttl-exceeded");
    CHECK_ROW_INT("makes no mapping", (int64_t)nat_counts(bench.nat).made, 0);
    CHECK_ROW_TEXT("two is enough", nat_bench_udp_ttl(&bench, NAT_INSIDE, X, Y1, 2),
                   "out 203.0.113.1:5000 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("in", nat_bench_udp_ttl(&bench, NAT_OUTSIDE, Y1, "203.0.113.1:5000", 1),
                   "out icmp 11/0 203.0.113.1 > 198.51.100.1 [198.51.100.1:7000 > 203.0.113.1:5000] -ttl-exceeded");
    CHECK_ROW_INT("one record", nat_bench_records(&bench, "nat-inbound-dropped"), 1);
    CHECK_ROW_TEXT("hairpin", nat_bench_udp_ttl(&bench, NAT_INSIDE, "10.0.0.3:6000", "203.0.113.1:5000", 1),
                   "in icmp 11/0 10.0.0.1 > 10.0.0.3 [10.0.0.3:6000 > 203.0.113.1:5000] -ttl-exceeded");
    CHECK_ROW_INT("nor there", (int64_t)nat_counts(bench.nat).made, 1);
}

static void
keep_ttl(struct nat_options *options)
{
    options->ttl = NAT_TTL_KEEP;
}

static void
test_ttl_kept(void)
{
    nat_bench_open(&bench, "full-cone", keep_ttl);
    CHECK_ROW_TEXT("out", nat_bench_udp_ttl(&bench, NAT_INSIDE, X, Y1, 1), "out 203.0.113.1:5000 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("in", nat_bench_udp_ttl(&bench, NAT_OUTSIDE, Y1, "203.0.113.1:5000", 1),
                   "in 198.51.100.1:7000 > 10.0.0.2:5000");
}

/* ---- what is refused */

static void
refuse_by_icmp(struct nat_options *options)
{
    options->udp.refusal = NAT_REFUSE_ICMP;
}

static void
test_refusal(void)
{
    nat_bench_open(&bench, "port-restricted-cone", refuse_by_icmp);
    out(X, Y1);
    CHECK_ROW_TEXT("filtered", in(Y2, "203.0.113.1:5000"),
                   "out icmp 3/13 203.0.113.1 > 198.51.100.2 [198.51.100.2:7000 > 203.0.113.1:5000] -filtered");
    CHECK_ROW_TEXT("no mapping", in(Y2, "203.0.113.1:5001"),
                   "out icmp 3/3 203.0.113.1 > 198.51.100.2 [198.51.100.2:7000 > 203.0.113.1:5001] -no-mapping");
    CHECK_ROW_INT("counted", (int64_t)nat_counts(bench.nat).refused, 2);
}

/* The inside is not reached by its own address; neither is the box's address there. */
static void
test_inside_addresses(void)
{
    nat_bench_open(&bench, "full-cone", NULL);
    out(X, Y1);
    CHECK_ROW_TEXT("a host", in(Y1, X), "-no-mapping");
    CHECK_ROW_TEXT("the box's inside", in(Y1, "10.0.0.1:5000"), "-no-mapping");
}

static void
few(struct nat_options *options)
{
    options->limit_per_host = 2;
    options->limit_total = 3;
}

static void
test_limits(void)
{
    nat_bench_open(&bench, "symmetric-sequential", few);
    CHECK_ROW_TEXT("first", out(X, Y1), "out 203.0.113.1:1024 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("second", out(X, Y2), "out 203.0.113.1:1025 > 198.51.100.2:7000");
    CHECK_ROW_TEXT("third of the host", out(X, Y1_OTHER),
                   "in icmp 3/13 10.0.0.1 > 10.0.0.2 [10.0.0.2:5000 > 198.51.100.1:7001] -mapping-limit");
    CHECK_ROW_TEXT("a living flow goes on", out(X, Y2), "out 203.0.113.1:1025 > 198.51.100.2:7000");
    CHECK_ROW_TEXT("another host", out("10.0.0.3:1", Y1), "out 203.0.113.1:1026 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("in all", out("10.0.0.4:1", Y1),
                   "in icmp 3/13 10.0.0.1 > 10.0.0.4 [10.0.0.4:1 > 198.51.100.1:7000] -mapping-limit");
    nat_bench_until(&bench, 5 * TIME_MIN);
    CHECK_ROW_TEXT("when others have ended", out(X, Y1_OTHER), "out 203.0.113.1:1027 > 198.51.100.1:7001");
}

/* A limit that is set while mappings live counts those too. */
static void
test_limit_set_late(void)
{
    nat_bench_open(&bench, "symmetric-sequential", NULL);
    struct nat_options options = *nat_options(bench.nat);

    out(X, Y1);
    out(X, Y2);
    options.limit_per_host = 2;
    nat_set_options(bench.nat, &options);
    CHECK(g_str_has_suffix(out(X, Y1_OTHER), "-mapping-limit"));
}

static void
test_other_protocols(void)
{
    uint8_t bytes[64];
    size_t length = nat_write_udp(bytes, nat_endpoint(X), nat_endpoint(Y1), 64, 11);

    nat_bench_open(&bench, "full-cone", NULL);
    bytes[9] = 47; /* GRE, with the header checksum for it */
    bytes[10] = bytes[11] = 0;
    uint32_t sum = 0;
    for (int i = 0; i < 20; i += 2)
        sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    sum = ~((sum & 0xffff) + (sum >> 16));
    bytes[10] = (uint8_t)(sum >> 8);
    bytes[11] = (uint8_t)sum;
    CHECK_ROW_TEXT("GRE", nat_bench_bytes(&bench, NAT_INSIDE, span_of(bytes, length)), "-protocol-unsupported");
    CHECK_ROW_INT("one record", nat_bench_records(&bench, "nat-outbound-dropped"), 1);
}

/* ---- changes */

static void
test_reboot(void)
{
    nat_bench_open(&bench, "port-restricted-cone", NULL);
    out(X, Y1);
    out("10.0.0.3:1", Y1);
    nat_bench_until(&bench, TIME_S);
    nat_forget(bench.nat);
    CHECK_ROW_INT("forgotten", nat_bench_records(&bench, "nat-mapping-forgotten"), 2);
    CHECK_ROW_INT("oldest first", nat_bench_record(&bench, "nat-mapping-forgotten")->subject[0], 2);
    CHECK_ROW_TEXT("in", in(Y1, "203.0.113.1:5000"), "-no-mapping");
    CHECK_ROW_TEXT("out", out(X, Y1), "out 203.0.113.1:5000 > 198.51.100.1:7000");
    CHECK_ROW_INT("numbers go on", nat_bench_record(&bench, "nat-mapping-new")->subject[0], 3);
    nat_bench_until(&bench, 301 * TIME_S - 1);
    CHECK_ROW_INT("the new one lives its time", nat_bench_records(&bench, "nat-mapping-expired"), 0);
    nat_bench_until(&bench, 301 * TIME_S);
    CHECK_ROW_INT("and no longer", nat_bench_records(&bench, "nat-mapping-expired"), 1);
}

/* New options hold from the next packet on; conversations that living mappings carry go on by them. */
static void
test_set_mapping(void)
{
    nat_bench_open(&bench, "full-cone", NULL);
    struct nat_options options = *nat_options(bench.nat);

    out(X, Y1);
    options.udp.mapping = NAT_ADDRESS_AND_PORT_DEPENDENT;
    options.udp.ports = NAT_PORTS_SEQUENTIAL;
    nat_set_options(bench.nat, &options);
    CHECK_ROW_TEXT("the old conversation", out(X, Y1), "out 203.0.113.1:5000 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("a new one", out(X, Y2), "out 203.0.113.1:1024 > 198.51.100.2:7000");
    CHECK_ROW_TEXT("the old one in", in(Y1, "203.0.113.1:5000"), "in 198.51.100.1:7000 > 10.0.0.2:5000");
    options.udp.mapping = NAT_ENDPOINT_INDEPENDENT;
    nat_set_options(bench.nat, &options);
    CHECK_ROW_TEXT("back again", out(X, Y1_OTHER), "out 203.0.113.1:5000 > 198.51.100.1:7001");
    CHECK_ROW_TEXT("kept", out(X, Y2), "out 203.0.113.1:1024 > 198.51.100.2:7000");
}

static void
test_set_filtering(void)
{
    nat_bench_open(&bench, "port-restricted-cone", NULL);
    struct nat_options options = *nat_options(bench.nat);

    out(X, Y1);
    CHECK_ROW_TEXT("before", in(Y2, "203.0.113.1:5000"), "-filtered");
    options.udp.filtering = NAT_ENDPOINT_INDEPENDENT;
    nat_set_options(bench.nat, &options);
    CHECK_ROW_TEXT("opened", in(Y2, "203.0.113.1:5000"), "in 198.51.100.2:7000 > 10.0.0.2:5000");
    options.udp.filtering = NAT_ADDRESS_DEPENDENT;
    nat_set_options(bench.nat, &options);
    CHECK_ROW_TEXT("who was only admitted", in(Y2, "203.0.113.1:5000"), "-filtered");
    CHECK_ROW_TEXT("sent to", in(Y1_OTHER, "203.0.113.1:5000"), "in 198.51.100.1:7001 > 10.0.0.2:5000");
}

/* A deadline is what the timeout said at the last refresh, later or earlier than the one before. */
static void
test_set_timeout(void)
{
    nat_bench_open(&bench, "port-restricted-cone", NULL);
    struct nat_options options = *nat_options(bench.nat);

    out(X, Y1);
    out("10.0.0.3:1", Y1);
    options.udp.timeout = 10 * TIME_S;
    nat_set_options(bench.nat, &options);
    nat_bench_until(&bench, 100 * TIME_S);
    CHECK_ROW_INT("stay as they are", nat_bench_records(&bench, "nat-mapping-expired"), 0);
    out("10.0.0.3:1", Y1);
    nat_bench_until(&bench, 110 * TIME_S - 1);
    CHECK_ROW_INT("not yet", nat_bench_records(&bench, "nat-mapping-expired"), 0);
    nat_bench_until(&bench, 110 * TIME_S);
    CHECK_ROW_INT("the refreshed one", nat_bench_record(&bench, "nat-mapping-expired")->subject[0], 2);
    nat_bench_until(&bench, 300 * TIME_S);
    CHECK_ROW_INT("the other", nat_bench_record(&bench, "nat-mapping-expired")->subject[0], 1);
    CHECK_ROW_INT("at", nat_bench_record(&bench, "nat-mapping-expired")->at, 300 * TIME_S);
}

/* mapping = "none": a stateful firewall. */
static void
test_not_translated(void)
{
    nat_bench_open(&bench, "port-restricted-cone", NULL);
    struct nat_options options = *nat_options(bench.nat);

    options.udp.mapping = NAT_MAPPING_NONE;
    nat_set_options(bench.nat, &options);
    CHECK_ROW_TEXT("before", in(Y1, X), "-filtered");
    CHECK_ROW_TEXT("out", out(X, Y1), "out 10.0.0.2:5000 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("in", in(Y1, X), "in 198.51.100.1:7000 > 10.0.0.2:5000");
    CHECK_ROW_TEXT("filtered", in(Y2, X), "-filtered");
}

void
suite_nat_udp(void)
{
    UNIT_SUITE("nat: UDP", NULL, tear_down, { "mapping", test_mapping }, { "filtering", test_filtering },
               { "a filter grows with what is sent", test_filter_grows }, { "reply affinity", test_affinity },
               { "affinity ends with its mapping", test_affinity_ends_with_mapping },
               { "port collisions", test_port_collision }, { "ports exhausted", test_ports_exhausted },
               { "sequential by a step", test_sequential_step }, { "own sockets", test_own_sockets },
               { "paired pooling", test_pool }, { "lifetime", test_lifetime },
               { "what is refused refreshes nothing", test_refused_does_not_refresh },
               { "expires untouched", test_expires_untouched }, { "hairpin", test_hairpin },
               { "hairpin and filters", test_hairpin_filter }, { "TTL", test_ttl }, { "TTL kept", test_ttl_kept },
               { "refusal by ICMP", test_refusal }, { "inside addresses", test_inside_addresses },
               { "limits", test_limits }, { "a limit set late", test_limit_set_late },
               { "other protocols", test_other_protocols }, { "reboot", test_reboot },
               { "mapping set during a run", test_set_mapping }, { "filtering set during a run", test_set_filtering },
               { "timeout set during a run", test_set_timeout }, { "not translated", test_not_translated });
}
