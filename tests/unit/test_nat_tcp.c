/* TCP through the NAT, by segments (RFC 5382, RFC 7857). */
#include "nat/options.h"
#include "tests/unit/support.h"
#include "tests/unit/support_nat.h"

#define X "10.0.0.2:5000"
#define N "203.0.113.1"
#define Y1 "198.51.100.1:80"
#define Y1B "198.51.100.1:81"
#define Y2 "198.51.100.9:80"

static struct nat_bench bench;
static struct nat_options options;

static void
tear_down(void)
{
    if (bench.world)
        nat_bench_close(&bench);
    bench.world = NULL;
}

/* A bench with `options`, which each test sets before. */
static void
open_bench(void)
{
    tear_down();
    nat_bench_open_pool(&bench, &options, 1);
}

static void
use(const char *preset)
{
    options = nat_preset_find(preset)->options;
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

static void
check_mappings(const char *row, const char *expected)
{
    g_autofree char *told = nat_bench_mappings(&bench);

    CHECK_ROW_TEXT(row, told, expected);
}

/* ---- connections */

static void
test_handshake(void)
{
    use("port-restricted-cone");
    open_bench();
    CHECK_ROW_TEXT("SYN", out("S", Y1), "out " N ":5000 > " Y1 " S 1000/0");
    CHECK_ROW_TEXT("SYN-ACK", in("SA", Y1), "in " Y1 " > " X " SA 1000/2000");
    CHECK_ROW_TEXT("ACK", out("A", Y1), "out " N ":5000 > " Y1 " A 1000/2000");
    CHECK_ROW_TEXT("data out", out("PA", Y1), "out " N ":5000 > " Y1 " PA 1000/2000");
    CHECK_ROW_TEXT("data in", in("PA", Y1), "in " Y1 " > " X " PA 1000/2000");
    CHECK_ROW_TEXT("FIN", in("FA", Y1), "in " Y1 " > " X " FA 1000/2000");
    CHECK_ROW_TEXT("FIN", out("FA", Y1), "out " N ":5000 > " Y1 " FA 1000/2000");
    CHECK_ROW_TEXT("last ACK", in("A", Y1), "in " Y1 " > " X " A 1000/2000");
    check_mappings("one connection", "tcp " X " -> " N ":5000 [" Y1 "]");
    CHECK_ROW_INT("connections", (int64_t)nat_counts(bench.nat).connections, 1);
}

/* REQ-2a: both send a SYN, then both a SYN-ACK; here the first from outside comes before and after the one from
 * inside. */
static void
test_simultaneous_open(void)
{
    use("port-restricted-cone");
    open_bench();
    CHECK_ROW_TEXT("out SYN", out("S", Y1), "out " N ":5000 > " Y1 " S 1000/0");
    CHECK_ROW_TEXT("in SYN", in("S", Y1), "in " Y1 " > " X " S 1000/0");
    CHECK_ROW_TEXT("out SYN-ACK", out("SA", Y1), "out " N ":5000 > " Y1 " SA 1000/2000");
    CHECK_ROW_TEXT("in SYN-ACK", in("SA", Y1), "in " Y1 " > " X " SA 1000/2000");
    CHECK_ROW_TEXT("data", in("PA", Y1), "in " Y1 " > " X " PA 1000/2000");
    CHECK_ROW_INT("states", nat_bench_records(&bench, "nat-connection-state"), 1);
}

/* What belongs to no connection. */
static void
test_without_connection(void)
{
    static const char *const rows[] = { "A", "SA", "FA", "RA", "R", "PA", "SRA" };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        use("full-cone");
        open_bench();
        CHECK_ROW_TEXT(rows[i], out(rows[i], Y1), "-no-session");
        CHECK_ROW_TEXT(rows[i], in(rows[i], Y1), "-no-mapping");
        check_mappings(rows[i], "");

        out("S", Y2); /* RFC 6146 section 3.5.2.2, CLOSED: another connection's mapping takes it along */
        nat_bench_until(&bench, 60 * TIME_S);
        CHECK_ROW(rows[i], g_str_has_prefix(out(rows[i], Y1), "out " N ":5000 > " Y1));
        CHECK_ROW(rows[i], g_str_has_prefix(in(rows[i], Y1), "in " Y1 " > " X));
        check_mappings(rows[i], "tcp " X " -> " N ":5000 [" Y2 "]");
        nat_bench_until(&bench, 4 * TIME_MIN);
        check_mappings("it did not live longer", "");
    }
}

/* A mapping out makes room for nobody else under a filter. */
static void
test_without_connection_filtered(void)
{
    use("port-restricted-cone");
    open_bench();
    out("S", Y1);
    CHECK_ROW_TEXT("out", out("A", Y2), "out " N ":5000 > " Y2 " A 1000/2000");
    CHECK_ROW_TEXT("in", in("A", Y2), "-filtered");
}

/* RFC 7857 section 5: UDP and TCP know nothing of each other. */
static void
test_independent_of_udp(void)
{
    use("port-restricted-cone");
    options.tcp.mapping = NAT_ADDRESS_DEPENDENT;
    open_bench();
    CHECK_ROW_TEXT("UDP", nat_bench_udp(&bench, NAT_INSIDE, X, Y1), "out " N ":5000 > " Y1);
    CHECK_ROW_TEXT("TCP, not opened", in("S", Y1), "-no-mapping");
    CHECK_ROW_TEXT("TCP has the port too", out("S", Y1), "out " N ":5000 > " Y1 " S 1000/0");
    CHECK_ROW_TEXT("TCP, address-dependent", out("S", Y2), "out " N ":5001 > " Y2 " S 1000/0");
    CHECK_ROW_TEXT("UDP is not", nat_bench_udp(&bench, NAT_INSIDE, X, Y2), "out " N ":5000 > " Y2);
    CHECK_ROW_TEXT("UDP, other port of TCP", nat_bench_udp(&bench, NAT_OUTSIDE, Y2, N ":5001"), "-no-mapping");
    check_mappings("all", "udp " X " -> " N ":5000 [" Y1 ", " Y2 "]; tcp " X " -> " N ":5000 [" Y1 "]; "
                          "tcp " X " -> " N ":5001 [" Y2 "]");
}

/* REQ-1, REQ-3: the same nine combinations as UDP, asked by SYNs. Per mapping: the external ports of SYNs to Y1, to
 * another port of Y1's address, and to Y2. Per filtering: whether SYNs of those reach the first mapping after only Y1
 * was sent to. */
static void
test_mapping_and_filtering(void)
{
    static const char *const ports[][3] = {
        { ":1024 ", ":1024 ", ":1024 " }, { ":1024 ", ":1024 ", ":1025 " }, { ":1024 ", ":1025 ", ":1026 " }
    };
    static const bool admitted[][3] = { { true, true, true }, { true, true, false }, { true, false, false } };
    static const char *const remotes[] = { Y1, Y1B, Y2 };

    for (uint8_t mapping = 0; mapping <= NAT_ADDRESS_AND_PORT_DEPENDENT; mapping++)
        for (uint8_t filtering = 0; filtering <= NAT_ADDRESS_AND_PORT_DEPENDENT; filtering++) {
            g_autofree char *row =
                g_strdup_printf("%s, %s", nat_dependence_words[mapping], nat_dependence_words[filtering]);

            use("symmetric-sequential");
            options.tcp.mapping = mapping;
            options.tcp.filtering = filtering;
            open_bench();
            out("S", Y1);
            for (int i = 0; i < 3; i++) {
                const char *told = nat_bench_tcp(&bench, NAT_OUTSIDE, "S", remotes[i], N ":1024");

                CHECK_ROW(row, admitted[filtering][i] ? g_str_has_prefix(told, "in ") : strcmp(told, "-filtered") == 0);
            }
            nat_forget(bench.nat);
            for (int i = 0; i < 3; i++)
                CHECK_ROW(row, strstr(out("S", remotes[i]), ports[mapping][i]) != NULL);
        }
}

/* Who was only admitted opens no filter; whom the inside has answered does. */
static void
test_filter_opens_by_answer(void)
{
    use("full-cone");
    open_bench();
    out("S", Y1);
    in("S", Y2);
    options.tcp.filtering = NAT_ADDRESS_DEPENDENT;
    nat_set_options(bench.nat, &options);
    CHECK_ROW_TEXT("admitted, not answered", in("S", "198.51.100.9:99"), "-filtered");
    out("SA", Y2);
    CHECK_ROW_TEXT("answered", in("S", "198.51.100.9:99"), "in 198.51.100.9:99 > " X " S 1000/0");
    options.tcp.filtering = NAT_ADDRESS_AND_PORT_DEPENDENT;
    nat_set_options(bench.nat, &options);
    CHECK_ROW_TEXT("admitted, not answered", in("A", "198.51.100.9:99"), "-filtered");
    CHECK_ROW_TEXT("answered", in("A", Y2), "in " Y2 " > " X " A 1000/2000");
}

/* The filter asks living connections: it closes behind each, and by address behind the last of that address. */
static void
test_filter_closes(void)
{
    use("restricted-cone");
    open_bench();
    out("S", Y2);
    in("SA", Y2);
    out("S", Y1);
    nat_bench_until(&bench, 100 * TIME_S);
    out("S", Y1B);
    nat_bench_until(&bench, 240 * TIME_S);
    CHECK_ROW_TEXT("another of its address", in("S", "198.51.100.1:99"), "in 198.51.100.1:99 > " X " S 1000/0");
    nat_bench_until(&bench, 340 * TIME_S);
    CHECK_ROW_TEXT("none of its address", in("S", "198.51.100.1:98"), "-filtered");
    CHECK_ROW_TEXT("admitted, but never answered", in("A", "198.51.100.1:99"), "-filtered");
    check_mappings("two", "tcp " X " -> " N ":5000 [" Y2 ", 198.51.100.1:99]");
}

/* RFC 5382 section 4.3: the SYN-ACK leaves by the mapping that admitted the SYN. */
static void
test_affinity(void)
{
    for (int affinity = 0; affinity < 2; affinity++) {
        use("symmetric-sequential");
        options.tcp.filtering = NAT_ENDPOINT_INDEPENDENT;
        options.affinity = affinity;
        open_bench();
        out("S", Y1);
        CHECK_ROW_TEXT("SYN", nat_bench_tcp(&bench, NAT_OUTSIDE, "S", Y2, N ":1024"), "in " Y2 " > " X " S 1000/0");
        CHECK_ROW_TEXT("SYN-ACK", out("SA", Y2), affinity ? "out " N ":1024 > " Y2 " SA 1000/2000" : "-no-session");
    }
    g_autofree char *said = nat_bench_sentence(&bench, "nat-outbound");
    CHECK_ROW("said", said && strstr(said, "a reply leaves by the mapping that admitted what it answers") != NULL);
}

/* Of two mappings that admitted the same remote endpoint the last one gets the answer. */
static void
test_affinity_of_two(void)
{
    use("symmetric-sequential");
    options.tcp.filtering = NAT_ENDPOINT_INDEPENDENT;
    open_bench();
    out("S", Y1);
    out("S", Y1B);
    nat_bench_tcp(&bench, NAT_OUTSIDE, "S", Y2, N ":1024");
    nat_bench_tcp(&bench, NAT_OUTSIDE, "S", Y2, N ":1025");
    CHECK_ROW_TEXT("the second", out("SA", Y2), "out " N ":1025 > " Y2 " SA 1000/2000");
    nat_bench_tcp(&bench, NAT_OUTSIDE, "S", Y2, N ":1024");
    CHECK_ROW_TEXT("the first again", out("SA", Y2), "out " N ":1024 > " Y2 " SA 1000/2000");
}

/* ---- time */

/* A conversation with Y1: "iS" is a SYN from inside, "oSA" a SYN-ACK from outside, "+60" lets 60 seconds go by; then the
 * mapping lives for so many seconds more, to the nanosecond. */
static const struct {
    const char *name, *conversation;
    int64_t lives_s;
    const char *state;
} lives[] = {
    { "REQ-5: opening, from inside", "iS", 240, "INIT-INSIDE" },
    { "a SYN again", "iS +100 iS", 240, "INIT-INSIDE" },
    { "refused: the time goes on", "iS +100 oRA", 140, "INIT-INSIDE" },
    { "opening, from outside", "iS oS2", 240, "INIT-INSIDE" },
    { "REQ-5: established", "iS oSA", 7440, "ESTABLISHED" },
    { "REQ-2a: both open", "iS oS", 7440, "ESTABLISHED" },
    { "both open, both answer", "iS oS iSA oSA", 7440, "ESTABLISHED" },
    { "established, traffic out", "iS oSA iA +7000 iA", 7440, "ESTABLISHED" },
    { "established, traffic in", "iS oSA iA +7000 oA", 7440, "ESTABLISHED" },
    { "section 5: FIN from inside", "iS oSA iA iFA", 7440, "FIN-INSIDE" },
    { "FIN from outside", "iS oSA iA oFA", 7440, "FIN-OUTSIDE" },
    { "the same side's FIN again", "iS oSA iA iFA +10 iFA", 7440, "FIN-INSIDE" },
    { "half-closed for hours", "iS oSA iA iFA +7000 oPA", 7440, "FIN-INSIDE" },
    { "REQ-5: closing", "iS oSA iA iFA oFA", 240, "FINS" },
    { "closing, the other way", "iS oSA iA oFA iFA", 240, "FINS" },
    { "closing is an idle time too", "iS oSA iA iFA oFA +200 iA", 240, "FINS" },
    { "closing, RST", "iS oSA iA iFA oFA +200 oR", 40, "FINS" },
    { "7857 2.2: RST from outside", "iS oSA iA oR", 240, "TRANS" },
    { "RST from inside", "iS oSA iA iRA", 240, "TRANS" },
    { "RST, half-closed", "iS oSA iA iFA oR", 240, "TRANS" },
    { "RST again, in vain", "iS oSA iA oR +200 iR", 40, "TRANS" },
    { "7857 2.2: it goes on", "iS oSA iA oR +200 iA", 7440, "ESTABLISHED" },
    { "it goes on, from outside", "iS oSA iA oR +200 oPA", 7440, "ESTABLISHED" },
    { "it goes on, half-closed", "iS oSA iA iFA oR +200 oPA", 7440, "FIN-INSIDE" },
    { "it goes on and closes", "iS oSA iA iFA oR +200 oFA", 240, "FINS" },
    { "a new one after the old", "iS oSA iA iFA oFA +200 iS", 240, "INIT-INSIDE" },
    { "a new one, established", "iS oSA iA iFA oFA +200 iS oSA", 7440, "ESTABLISHED" },
    { "a new one from outside", "iS oSA iA iFA oFA +200 oS", 240, "INIT-OUTSIDE" },
    { "a new one after a RST", "iS oSA iA oR +200 iS", 240, "INIT-INSIDE" },
    { "a SYN while it stands", "iS oSA iA +100 iS", 7440, "ESTABLISHED" },
};

static void
converse(const char *conversation)
{
    g_auto(GStrv) steps = g_strsplit(conversation, " ", -1);

    for (char **step = steps; *step; step++) {
        if (**step == '+')
            nat_bench_until(&bench, bench.world->now + atoi(*step + 1) * TIME_S);
        else if (**step == 'i')
            CHECK_ROW(conversation, g_str_has_prefix(out(*step + 1, Y1), "out "));
        else if (strchr(*step, '2'))
            in("S", Y2);
        else
            CHECK_ROW(conversation, g_str_has_prefix(in(*step + 1, Y1), "in "));
    }
}

static void
check_dies_after(const char *row, int64_t lives_for)
{
    int64_t end = bench.world->now + lives_for;

    nat_bench_until(&bench, end - 1);
    CHECK_ROW_INT(row, nat_bench_records(&bench, "nat-connection-expired"), 0);
    nat_bench_until(&bench, end);
    CHECK_ROW_INT(row, nat_bench_records(&bench, "nat-connection-expired"), 1);
    CHECK_ROW_INT(row, nat_bench_records(&bench, "nat-mapping-expired"), 1);
    CHECK_ROW_TEXT(row, in("A", Y1), "-no-mapping");
}

static void
test_lives(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(lives); i++) {
        use("port-restricted-cone");
        open_bench();
        converse(lives[i].conversation);
        check_dies_after(lives[i].name, lives[i].lives_s * TIME_S);
        g_autofree char *said = nat_bench_sentence(&bench, "nat-connection-expired");
        CHECK_ROW(lives[i].name, said && strstr(said, lives[i].state));
    }
}

/* Through a filter that admits anybody: a connection from outside has a life of its own. */
static void
test_lives_from_outside(void)
{
    static const struct {
        const char *name, *flags_in, *flags_out;
        int64_t lives_s;
    } rows[] = {
        { "asked for", "S", NULL, 240 }, { "answered", "S", "SA", 7440 }, { "refused", "S", "RA", 240 }
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        use("full-cone");
        open_bench();
        out("S", Y1);
        nat_bench_until(&bench, 100 * TIME_S);
        CHECK_ROW_TEXT(rows[i].name, in(rows[i].flags_in, Y2), "in " Y2 " > " X " S 1000/0");
        if (rows[i].flags_out)
            out(rows[i].flags_out, Y2);
        nat_bench_until(&bench, 240 * TIME_S);
        check_mappings(rows[i].name, "tcp " X " -> " N ":5000 [" Y2 "]");
        nat_bench_until(&bench, (100 + rows[i].lives_s) * TIME_S - 1);
        check_mappings(rows[i].name, "tcp " X " -> " N ":5000 [" Y2 "]");
        nat_bench_until(&bench, (100 + rows[i].lives_s) * TIME_S);
        check_mappings(rows[i].name, "");
    }
}

/* RFC 7857 section 2.1: three settings; `refresh` says which direction counts as traffic. */
static void
test_timeouts(void)
{
    static const struct {
        const char *name, *conversation;
        uint8_t refresh;
        int64_t lives_s;
    } rows[] = {
        { "opening", "iS", NAT_REFRESH_BOTH, 7 },
        { "established", "iS oSA", NAT_REFRESH_BOTH, 100 },
        { "closing", "iS oSA iFA oFA", NAT_REFRESH_BOTH, 11 },
        { "reset", "iS oSA oR", NAT_REFRESH_BOTH, 11 },
        { "traffic out counts", "iS oSA +50 iA", NAT_REFRESH_OUTBOUND, 100 },
        { "traffic in doesn't", "iS oSA +50 oA", NAT_REFRESH_OUTBOUND, 50 },
        { "traffic in counts", "iS oSA +50 oA", NAT_REFRESH_INBOUND, 100 },
        { "traffic out doesn't", "iS oSA +50 iA", NAT_REFRESH_INBOUND, 50 },
        { "a change of state always does", "iS oSA +50 oFA", NAT_REFRESH_OUTBOUND, 100 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        use("port-restricted-cone");
        options.tcp.timeout = 100 * TIME_S;
        options.tcp_opening = 7 * TIME_S;
        options.tcp_closing = 11 * TIME_S;
        options.tcp.refresh = rows[i].refresh;
        open_bench();
        converse(rows[i].conversation);
        check_dies_after(rows[i].name, rows[i].lives_s * TIME_S);
    }
}

/* A mapping lives as long as its last connection; its view says until when that is. */
static int64_t seen_expires;

static void
see_expires(void *user, const struct nat_mapping_view *view)
{
    (void)user;
    seen_expires = view->expires;
}

static void
test_last_connection(void)
{
    use("port-restricted-cone");
    open_bench();
    out("S", Y1);
    in("SA", Y1);
    nat_bench_until(&bench, 1000 * TIME_S);
    out("S", Y2);
    nat_each_mapping(bench.nat, see_expires, NULL);
    CHECK_ROW_INT("the latest", seen_expires, 7440 * TIME_S);
    nat_bench_until(&bench, 1240 * TIME_S);
    check_mappings("one is over", "tcp " X " -> " N ":5000 [" Y1 "]");
    nat_bench_until(&bench, 7440 * TIME_S);
    check_mappings("both are", "");
    CHECK_ROW_INT("expired", (int64_t)nat_counts(bench.nat).expired, 1);
}

/* ---- changes */

/* Mappings that exist stay, and with them the connections they carry. */
static void
test_options_change(void)
{
    use("port-restricted-cone");
    open_bench();
    out("S", Y1);
    in("SA", Y1);
    options.tcp.mapping = NAT_ADDRESS_AND_PORT_DEPENDENT;
    options.tcp.ports = NAT_PORTS_SEQUENTIAL;
    nat_set_options(bench.nat, &options);
    CHECK_ROW_TEXT("goes on", out("A", Y1), "out " N ":5000 > " Y1 " A 1000/2000");
    g_autofree char *said = nat_bench_sentence(&bench, "nat-outbound");
    CHECK_ROW("said", said && strstr(said, "made before the options changed") != NULL);
    CHECK_ROW_TEXT("a new one", out("S", Y2), "out " N ":1024 > " Y2 " S 1000/0");
    CHECK_ROW_TEXT("no connection, no mapping", out("A", "198.51.100.7:7"), "-no-session");

    options.affinity = false; /* the old one is found all the same */
    nat_set_options(bench.nat, &options);
    CHECK_ROW_TEXT("goes on", out("A", Y1), "out " N ":5000 > " Y1 " A 1000/2000");
    options.tcp.timeout = 10 * TIME_S;
    nat_set_options(bench.nat, &options);
    out("A", Y1);
    nat_bench_until(&bench, 10 * TIME_S);
    CHECK_ROW_TEXT("the new timeout holds from the next packet on", in("A", Y1), "-no-mapping");
}

static void
test_forgets(void)
{
    use("port-restricted-cone");
    open_bench();
    out("S", Y1);
    in("SA", Y1);
    nat_forget(bench.nat);
    CHECK_ROW_INT("told", nat_bench_records(&bench, "nat-mapping-forgotten"), 1);
    CHECK_ROW_TEXT("in", in("PA", Y1), "-no-mapping");
    CHECK_ROW_TEXT("out", out("PA", Y1), "-no-session");
    CHECK_ROW_TEXT("a new one", out("S", Y1), "out " N ":5000 > " Y1 " S 1000/0");
    nat_bench_until(&bench, 240 * TIME_S);
    CHECK_ROW_INT("nothing is left of the old", nat_bench_records(&bench, "nat-connection-expired"), 1);
}

/* ---- limits and TTL */

static void
test_limits(void)
{
    use("symmetric-sequential");
    options.limit_per_host = 2;
    open_bench();
    out("S", Y1);
    nat_bench_udp(&bench, NAT_INSIDE, X, Y1);
    CHECK_ROW_TEXT("UDP and TCP together", out("S", Y2),
                   "in icmp 3/13 10.0.0.1 > 10.0.0.2 [" X " > " Y2 "] -mapping-limit");
    CHECK_ROW_TEXT("another host", nat_bench_tcp(&bench, NAT_INSIDE, "S", "10.0.0.3:5000", Y2),
                   "out " N ":1025 > " Y2 " S 1000/0");
}

/* A packet that goes no further changes nothing. */
static void
test_ttl(void)
{
    uint8_t bytes[64];
    size_t length;

    use("full-cone");
    open_bench();
    out("S", Y1);
    length = nat_write_tcp(bytes, nat_endpoint(Y2), nat_endpoint(N ":5000"), "S");
    bytes[8] = 1;
    bytes[10] += 63; /* what the TTL has less, the checksum has more */
    CHECK_ROW_TEXT("in", nat_bench_bytes(&bench, NAT_OUTSIDE, span_of(bytes, length)),
                   "out icmp 11/0 " N " > 198.51.100.9 [" Y2 " > " N ":5000] -ttl-exceeded");
    check_mappings("no connection", "tcp " X " -> " N ":5000 [" Y1 "]");
}

/* ---- hairpin: REQ-8 */

static void
test_hairpin(void)
{
    static const struct {
        uint8_t hairpin;
        const char *syn;
    } rows[] = {
        { NAT_HAIRPIN_OFF, "-hairpin-off" },
        { NAT_HAIRPIN_INTERNAL_SOURCE, "in 10.0.0.3:6000 > " X " S 1000/0" },
        { NAT_HAIRPIN_EXTERNAL_SOURCE, "in " N ":6000 > " X " S 1000/0" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        use("full-cone");
        options.hairpin = rows[i].hairpin;
        open_bench();
        out("S", Y1);
        CHECK_ROW_TEXT(nat_hairpin_words[rows[i].hairpin],
                       nat_bench_tcp(&bench, NAT_INSIDE, "S", "10.0.0.3:6000", N ":5000"), rows[i].syn);
    }
    CHECK_ROW_TEXT("SYN-ACK", out("SA", N ":6000"), "in " N ":5000 > 10.0.0.3:6000 SA 1000/2000");
    CHECK_ROW_TEXT("ACK", nat_bench_tcp(&bench, NAT_INSIDE, "A", "10.0.0.3:6000", N ":5000"),
                   "in " N ":6000 > " X " A 1000/2000");
    check_mappings("both ends", "tcp " X " -> " N ":5000 [" Y1 ", " N ":6000]; tcp 10.0.0.3:6000 -> " N ":6000 [" N
                                ":5000]");
    CHECK_ROW_INT("counted", (int64_t)nat_counts(bench.nat).hairpinned, 3);
}

/* Two behind one NAT that both filter open at once. */
static void
test_hairpin_simultaneous_open(void)
{
    use("rfc4787");
    options.tcp.filtering = NAT_ADDRESS_AND_PORT_DEPENDENT;
    open_bench();
    out("S", Y1);
    nat_bench_tcp(&bench, NAT_INSIDE, "S", "10.0.0.3:6000", Y1);
    CHECK_ROW_TEXT("too early, held", nat_bench_tcp(&bench, NAT_INSIDE, "S", "10.0.0.3:6000", N ":5000"), "");
    CHECK_ROW_TEXT("passes, and the held one goes", out("S", N ":6000"),
                   "in " N ":5000 > 10.0.0.3:6000 S 1000/0 -syn-crossed");
    CHECK_ROW_TEXT("SYN-ACK", nat_bench_tcp(&bench, NAT_INSIDE, "SA", "10.0.0.3:6000", N ":5000"),
                   "in " N ":6000 > " X " SA 1000/2000");
    CHECK_ROW_TEXT("SYN-ACK", out("SA", N ":6000"), "in " N ":5000 > 10.0.0.3:6000 SA 1000/2000");
    nat_bench_until(&bench, 10 * TIME_S);
    CHECK_ROW_TEXT("nobody is answered", nat_bench_left(&bench), "");
}

/* A sender inside that is refused hears it like one outside. */
static void
test_hairpin_refused(void)
{
    use("rfc4787");
    options.tcp.refusal = NAT_REFUSE_RESET;
    open_bench();
    CHECK_ROW_TEXT("held", out("S", N ":7000"), "");
    nat_bench_until(&bench, 6 * TIME_S);
    CHECK_ROW_TEXT("RST", nat_bench_left(&bench), "in " N ":7000 > " X " RA 0/1001");
    CHECK_ROW_INT("dropped", (int64_t)node_dropped(bench.box, DROP_NO_MAPPING), 1);
}

/* ---- ICMP errors: REQ-9, REQ-10 */

static void
test_icmp_errors(void)
{
    use("port-restricted-cone");
    open_bench();
    out("S", Y1);
    in("SA", Y1);
    nat_bench_until(&bench, TIME_S);
    for (size_t quoted = 28; quoted <= 40; quoted += 12) { /* 8 bytes of it have no checksum */
        CHECK_ROW_TEXT("from outside",
                       nat_bench_error(&bench, NAT_OUTSIDE, 3, 1, "198.51.100.254", N, "tcp " N ":5000", Y1, quoted),
                       "in icmp 3/1 198.51.100.254 > 10.0.0.2 [" X " > " Y1 "]");
        CHECK_ROW_TEXT("from inside",
                       nat_bench_error(&bench, NAT_INSIDE, 3, 3, "10.0.0.2", "198.51.100.1", "tcp " Y1, X, quoted),
                       "out icmp 3/3 " N " > 198.51.100.1 [" Y1 " > " N ":5000]");
    }
    CHECK_ROW_TEXT("about no connection",
                   nat_bench_error(&bench, NAT_INSIDE, 3, 3, "10.0.0.2", "198.51.100.9", "tcp " Y2, X, 40),
                   "-icmp-unrelated");
    check_mappings("REQ-10: it stands", "tcp " X " -> " N ":5000 [" Y1 "]");
    check_dies_after("they are no traffic", 7439 * TIME_S);
}

void
suite_nat_tcp(void)
{
    UNIT_SUITE("nat: TCP", NULL, tear_down, { "handshake", test_handshake },
               { "simultaneous open", test_simultaneous_open }, { "without connection", test_without_connection },
               { "without connection, filtered", test_without_connection_filtered },
               { "independent of UDP", test_independent_of_udp },
               { "mapping and filtering", test_mapping_and_filtering },
               { "the filter opens by an answer", test_filter_opens_by_answer },
               { "the filter closes", test_filter_closes }, { "affinity", test_affinity },
               { "affinity of two", test_affinity_of_two }, { "lives", test_lives },
               { "lives, from outside", test_lives_from_outside }, { "timeouts", test_timeouts },
               { "last connection", test_last_connection }, { "options change", test_options_change },
               { "forgets", test_forgets }, { "limits", test_limits }, { "ttl", test_ttl },
               { "hairpin", test_hairpin }, { "hairpin, simultaneous open", test_hairpin_simultaneous_open },
               { "hairpin, refused", test_hairpin_refused }, { "ICMP errors", test_icmp_errors });
}
