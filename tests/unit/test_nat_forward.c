/* Forwarding rules and Basic NAT. */
#include "tests/unit/support.h"
#include "tests/unit/support_nat.h"

#define A "10.0.0.2:5000"
#define Y "198.51.100.1:7000"
#define Z "198.51.100.2:7000"

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

static struct nat_forward
rule(uint8_t protocol, uint16_t low, uint16_t high, const char *to)
{
    return (struct nat_forward){ .protocol = protocol, .port_low = low, .port_high = high, .to = nat_endpoint(to) };
}

static void
open_rules(const char *preset, const struct nat_forward *rules, uint32_t count, uint64_t pool)
{
    struct nat_options options = nat_preset_find(preset)->options;

    options.forwards = rules;
    options.forward_count = count;
    options.hairpin = NAT_HAIRPIN_EXTERNAL_SOURCE;
    nat_bench_open_pool(&bench, &options, pool);
}

/* A range of ports, in its order; the answer leaves by the port that was asked, whatever mapping and filtering are. */
static void
test_ports(void)
{
    static const char *const presets[] = { "port-restricted-cone", "symmetric" };

    for (size_t i = 0; i < G_N_ELEMENTS(presets); i++) {
        struct nat_forward rules[] = { rule(PROTOCOL_UDP, 8000, 8010, "10.0.0.2:80") };

        open_rules(presets[i], rules, 1, 1);
        CHECK_ROW_TEXT(presets[i], in(Y, "203.0.113.1:8000"), "in 198.51.100.1:7000 > 10.0.0.2:80");
        CHECK_ROW_TEXT(presets[i], in(Z, "203.0.113.1:8010"), "in 198.51.100.2:7000 > 10.0.0.2:90");
        CHECK_ROW_TEXT(presets[i], in(Z, "203.0.113.1:8011"), "-no-mapping");
        CHECK_ROW_TEXT(presets[i], out("10.0.0.2:80", Y), "out 203.0.113.1:8000 > 198.51.100.1:7000");
        CHECK_ROW_TEXT(presets[i], out("10.0.0.2:80", Z), "out 203.0.113.1:8000 > 198.51.100.2:7000");
        CHECK_ROW_TEXT("of its own accord", out("10.0.0.2:85", Z), "out 203.0.113.1:8005 > 198.51.100.2:7000");
        tear_down();
    }
}

/* Nobody else gets a port that is forwarded; what is in use when a rule comes stays as it is. */
static void
test_reserved(void)
{
    struct nat_forward rules[] = { rule(PROTOCOL_UDP, 5000, 5001, "10.0.0.9:80") };
    struct nat_options options;

    open_rules("full-cone", rules, 1, 1);
    CHECK_ROW_TEXT("kept free", out(A, Y), "out 203.0.113.1:5002 > 198.51.100.1:7000");
    options = *nat_options(bench.nat);
    rules[0] = rule(PROTOCOL_UDP, 5002, 5002, "10.0.0.9:80");
    options.forwards = rules;
    nat_set_options(bench.nat, &options);
    CHECK_ROW_TEXT("in use", in(Z, "203.0.113.1:5002"), "in 198.51.100.2:7000 > 10.0.0.2:5000");
    nat_bench_until(&bench, 300 * TIME_S);
    CHECK_ROW_TEXT("free", in(Z, "203.0.113.1:5002"), "in 198.51.100.2:7000 > 10.0.0.9:80");
}

/* Two rules for one internal endpoint: each answer leaves by the port that was asked. */
static void
test_two_to_one(void)
{
    struct nat_forward rules[] = { rule(PROTOCOL_UDP, 8080, 8080, "10.0.0.2:80"),
                                   rule(PROTOCOL_UDP, 9090, 9090, "10.0.0.2:80") };

    open_rules("port-restricted-cone", rules, 2, 1);
    in(Y, "203.0.113.1:8080");
    in(Z, "203.0.113.1:9090");
    CHECK_ROW_TEXT("one", out("10.0.0.2:80", Y), "out 203.0.113.1:8080 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("two", out("10.0.0.2:80", Z), "out 203.0.113.1:9090 > 198.51.100.2:7000");
}

/* A rule may be for some only; whom the internal host sends to may answer. */
static void
test_from(void)
{
    struct nat_forward rules[] = { rule(PROTOCOL_UDP, 8080, 8080, "10.0.0.2:80") };

    rules[0].from = (struct prefix){ nat_endpoint("198.51.100.1").address, 32 };
    open_rules("port-restricted-cone", rules, 1, 1);
    CHECK_ROW_TEXT("others, before", in(Z, "203.0.113.1:8080"), "-no-mapping");
    CHECK_ROW_TEXT("whom it is for", in(Y, "203.0.113.1:8080"), "in 198.51.100.1:7000 > 10.0.0.2:80");
    CHECK_ROW_TEXT("others, after", in(Z, "203.0.113.1:8080"), "-filtered");
    g_autofree char *said = nat_bench_sentence(&bench, "nat-inbound-dropped");
    CHECK_ROW_TEXT("said", said,
                   "inbound from 198.51.100.2:7000 to 203.0.113.1:8080: dropped as filtered, because the forwarding rule "
                   "is not for everybody");
    out("10.0.0.2:80", Z);
    CHECK_ROW_TEXT("who was sent to", in(Z, "203.0.113.1:8080"), "in 198.51.100.2:7000 > 10.0.0.2:80");
}

static void
test_hairpin(void)
{
    struct nat_forward rules[] = { rule(PROTOCOL_UDP, 8080, 8080, "10.0.0.2:80") };

    open_rules("port-restricted-cone", rules, 1, 1);
    CHECK_ROW_TEXT("from inside", out("10.0.0.3:5000", "203.0.113.1:8080"), "in 203.0.113.1:5000 > 10.0.0.2:80");
}

/* A hairpinned packet counts as sent by its external endpoint, so a rule for insiders lets none of theirs in; and what it
 * made in vain is gone again. */
static void
test_hairpin_in_vain(void)
{
    struct nat_forward rules[] = { rule(PROTOCOL_TCP, 8080, 8080, "10.0.0.2:80") };

    rules[0].from = (struct prefix){ nat_endpoint("10.0.0.0").address, 24 };
    open_rules("port-restricted-cone", rules, 1, 1);
    nat_bench_tcp(&bench, NAT_INSIDE, "S", "10.0.0.3:5000", "203.0.113.1:8080");
    CHECK_ROW_INT("the sender's, and the rule's", (int64_t)nat_counts(bench.nat).made, 2);
    CHECK_ROW_INT("the rule's is gone", (int64_t)nat_counts(bench.nat).expired, 1);
    nat_bench_until(&bench, 10 * 3600 * TIME_S);
    CHECK_ROW_INT("and the sender's with its connection", (int64_t)nat_counts(bench.nat).expired, 2);
}

/* RFC 3022 section 2.1: an address of its own, all ports, both ways; others get none of its ports. */
static void
test_basic(void)
{
    struct nat_forward rules[] = { rule(0, 0, 0, "10.0.0.5") };

    rules[0].external = nat_endpoint("203.0.113.2").address;
    open_rules("symmetric", rules, 1, 2);
    CHECK_ROW_TEXT("in", in(Y, "203.0.113.2:4711"), "in 198.51.100.1:7000 > 10.0.0.5:4711");
    CHECK_ROW_TEXT("out", out("10.0.0.5:4712", Z), "out 203.0.113.2:4712 > 198.51.100.2:7000");
    CHECK_ROW_TEXT("to anybody", out("10.0.0.5:4712", Y), "out 203.0.113.2:4712 > 198.51.100.1:7000");
    for (int i = 0; i < 8; i++) {
        g_autofree char *from = g_strdup_printf("10.0.0.%d:5000", 10 + i);

        CHECK_ROW("others", g_str_has_prefix(out(from, Y), "out 203.0.113.1:"));
    }
}

/* RFC 5508 REQ-1: with Basic NAT queries pass from outside too. */
static void
test_basic_ping(void)
{
    struct nat_forward rules[] = { rule(0, 0, 0, "10.0.0.5") };

    rules[0].external = nat_endpoint("203.0.113.2").address;
    open_rules("port-restricted-cone", rules, 1, 2);
    CHECK_ROW_TEXT("in", nat_bench_echo(&bench, NAT_OUTSIDE, false, "198.51.100.1", "203.0.113.2", 7),
                   "in echo 198.51.100.1 > 10.0.0.5 id 7");
    CHECK_ROW_TEXT("the reply", nat_bench_echo(&bench, NAT_INSIDE, true, "10.0.0.5", "198.51.100.1", 7),
                   "out reply 203.0.113.2 > 198.51.100.1 id 7");
    CHECK_ROW_TEXT("a query of its own", nat_bench_echo(&bench, NAT_INSIDE, false, "10.0.0.5", "198.51.100.1", 9),
                   "out echo 203.0.113.2 > 198.51.100.1 id 9");
    CHECK_ROW_TEXT("its reply", nat_bench_echo(&bench, NAT_OUTSIDE, true, "198.51.100.1", "203.0.113.2", 9),
                   "in reply 198.51.100.1 > 10.0.0.5 id 9");
    CHECK_ROW_TEXT("the box's own address", nat_bench_echo(&bench, NAT_OUTSIDE, false, "198.51.100.1", "203.0.113.1", 7),
                   "out reply 203.0.113.1 > 198.51.100.1 id 7 mine");
    CHECK_ROW_TEXT("a reply of another's", nat_bench_echo(&bench, NAT_INSIDE, true, "10.0.0.6", "198.51.100.1", 7),
                   "-protocol-unsupported");
}

/* ICMP errors about what a rule carries. */
static void
test_errors(void)
{
    struct nat_forward rules[] = { rule(PROTOCOL_UDP, 8080, 8080, "10.0.0.2:80") };

    open_rules("port-restricted-cone", rules, 1, 1);
    in(Y, "203.0.113.1:8080");
    CHECK_ROW_TEXT("from inside", nat_bench_error(&bench, NAT_INSIDE, 3, 3, "10.0.0.2", "198.51.100.1", Y, "10.0.0.2:80", 64),
                   "out icmp 3/3 203.0.113.1 > 198.51.100.1 [198.51.100.1:7000 > 203.0.113.1:8080]");
}

static void
limited(struct nat_options *options)
{
    static struct nat_forward rules[1];

    rules[0] = rule(PROTOCOL_UDP, 8080, 8090, "10.0.0.2:80");
    options->forwards = rules;
    options->forward_count = 1;
    options->limit_per_host = 2;
}

/* Strangers don't get round the limits. */
static void
test_limits(void)
{
    nat_bench_open(&bench, "port-restricted-cone", limited);
    in(Y, "203.0.113.1:8080");
    in(Y, "203.0.113.1:8081");
    CHECK_ROW_TEXT("met", in(Y, "203.0.113.1:8082"), "-mapping-limit");
    CHECK_ROW_TEXT("what is there", in(Z, "203.0.113.1:8081"), "in 198.51.100.2:7000 > 10.0.0.2:81");
}

/* A connection begins with a SYN; what is none makes no mapping, and one that was made in vain is gone again. */
static void
test_tcp(void)
{
    struct nat_forward rules[] = { rule(PROTOCOL_TCP, 8080, 8080, "10.0.0.2:80") };

    rules[0].from = (struct prefix){ nat_endpoint("198.51.100.1").address, 32 };
    open_rules("port-restricted-cone", rules, 1, 1);
    CHECK_ROW_TEXT("no SYN", nat_bench_tcp(&bench, NAT_OUTSIDE, "A", Y, "203.0.113.1:8080"), "-no-mapping");
    CHECK_ROW_TEXT("not for them", nat_bench_tcp(&bench, NAT_OUTSIDE, "S", Z, "203.0.113.1:8080"), "-no-mapping");
    CHECK_ROW_TEXT("TTL", nat_bench_udp_ttl(&bench, NAT_OUTSIDE, Y, "203.0.113.1:8080", 1), "-no-mapping");
    CHECK_ROW_INT("nothing made", (int64_t)nat_counts(bench.nat).made, 0);
    CHECK_ROW("SYN", g_str_has_prefix(nat_bench_tcp(&bench, NAT_OUTSIDE, "S", Y, "203.0.113.1:8080"),
                                      "in 198.51.100.1:7000 > 10.0.0.2:80 S"));
    CHECK_ROW("SYN-ACK", g_str_has_prefix(nat_bench_tcp(&bench, NAT_INSIDE, "SA", "10.0.0.2:80", Y),
                                          "out 203.0.113.1:8080 > 198.51.100.1:7000 S"));
    CHECK_ROW_TEXT("strangers still not", nat_bench_tcp(&bench, NAT_OUTSIDE, "S", Z, "203.0.113.1:8080"), "-filtered");
    nat_bench_until(&bench, 10 * 3600 * TIME_S);
    CHECK_ROW_INT("ends with its connection", (int64_t)nat_counts(bench.nat).expired, 1);
    CHECK_ROW("of its own accord", g_str_has_prefix(nat_bench_tcp(&bench, NAT_INSIDE, "S", "10.0.0.2:80", Z),
                                                    "out 203.0.113.1:8080 > 198.51.100.2:7000 S"));
}

void
suite_nat_forward(void)
{
    UNIT_SUITE("nat: forwarding", NULL, tear_down, { "ports", test_ports }, { "reserved", test_reserved },
               { "two to one", test_two_to_one }, { "from", test_from }, { "hairpin", test_hairpin },
               { "hairpin in vain", test_hairpin_in_vain }, { "Basic NAT", test_basic },
               { "Basic NAT, ping", test_basic_ping }, { "errors", test_errors }, { "limits", test_limits },
               { "TCP", test_tcp });
}
