/* What a box does with IPv6 from its inside: filters it (RFC 6092), passes it, gives it another prefix (RFC 6296) or
 * masquerades it. NAT64 has tests of its own. */
#include "core/base/random.h"
#include "tests/unit/support.h"
#include "tests/unit/support_nat.h"

#define X "[2001:db8:a::2]:5000"
#define X2 "[2001:db8:a::3]:5000"
#define Y1 "[2001:db8:1::1]:7000"
#define Y1_PORT "[2001:db8:1::1]:7001"
#define Y2 "[2001:db8:2::1]:7000"

static struct nat_bench bench;

static void
open_box(const char *preset, enum nat_ipv6 ipv6, const char *prefix)
{
    struct nat_options options = nat_preset_find(preset)->options;

    options.ipv6 = ipv6;
    if (prefix)
        CHECK_ROW(prefix, prefix_parse(prefix, &options.ipv6_prefix));
    CHECK(nat_options_check(&options, NULL));
    nat_bench_open_dual(&bench, &options);
}

static void
tear_down(void)
{
    nat_bench_close(&bench);
}

static const char *
send_as(enum nat_side side, uint8_t protocol, const char *from, const char *to)
{
    struct wire_packet packet = { .from = nat_endpoint(from), .to = nat_endpoint(to), .protocol = protocol, .length = 5 };

    return nat_bench_wire(&bench, side, &packet);
}

static const char *
out(const char *from, const char *to)
{
    return send_as(NAT_INSIDE, PROTOCOL_UDP, from, to);
}

static const char *
in(const char *from, const char *to)
{
    return send_as(NAT_OUTSIDE, PROTOCOL_UDP, from, to);
}

/* "2001:db8::1#7" has the identifier. */
static const char *
echo(enum nat_side side, bool reply, const char *from, const char *to, uint16_t identifier)
{
    struct wire_packet packet = {
        .from = nat_endpoint(from),
        .to = nat_endpoint(to),
        .protocol = PROTOCOL_ICMP,
        .type = reply ? 129 : 128,
        .word = (uint32_t)identifier << 16,
        .length = 5,
    };

    return nat_bench_wire(&bench, side, &packet);
}

/* An ICMPv6 error about a datagram. */
static const char *
error(enum nat_side side, uint8_t type, const char *from, const char *to, const char *quoted_from, const char *quoted_to)
{
    struct wire_packet quoted = { .from = nat_endpoint(quoted_from),
                                  .to = nat_endpoint(quoted_to),
                                  .protocol = PROTOCOL_UDP,
                                  .length = 5 };
    uint8_t bytes[WIRE_MAX];
    struct wire_packet packet = { .from = nat_endpoint(from), .to = nat_endpoint(to), .protocol = PROTOCOL_ICMP,
                                  .type = type };

    packet.data = span_of(bytes, wire_write(bytes, &quoted));
    return nat_bench_wire(&bench, side, &packet);
}

/* ---- firewall: RFC 6092 */

static void
test_firewall(void)
{
    static const char *const presets[] = { "symmetric", "firewall" }; /* of NATs: IPv6 is not translated all the same */

    for (size_t i = 0; i < G_N_ELEMENTS(presets); i++) {
        open_box(presets[i], NAT_IPV6_FIREWALL, NULL);
        CHECK_ROW_TEXT("REC-11: nobody has sent", in(Y1, X), "-filtered");
        CHECK_ROW_TEXT("out", out(X, Y1), "out [2001:db8:a::2]:5000 > [2001:db8:1::1]:7000");
        CHECK_ROW_TEXT("an answer", in(Y1, X), "in [2001:db8:1::1]:7000 > [2001:db8:a::2]:5000");
        CHECK_ROW_TEXT("another port", in(Y1_PORT, X), "-filtered");
        CHECK_ROW_TEXT("another address", in(Y2, X), "-filtered");
        CHECK_ROW_TEXT("another host", in(Y1, X2), "-filtered");
        CHECK_ROW_TEXT("IPv4 beside it", nat_bench_udp(&bench, NAT_OUTSIDE, "198.51.100.1:7000", "203.0.113.1:5000"),
                       "-no-mapping");
        CHECK_ROW_TEXT("its own address", in(Y1, "[2001:db8:f::1]:9"), "-filtered");
        CHECK_ROW_TEXT("echo to it", echo(NAT_OUTSIDE, false, "2001:db8:1::1", "2001:db8:f::1", 7),
                       "out reply 2001:db8:f::1 > 2001:db8:1::1 id 7 mine");
        nat_bench_until(&bench, 5 * TIME_MIN - 1);
        CHECK_ROW_TEXT("REC-14: five minutes", in(Y1, X), "in [2001:db8:1::1]:7000 > [2001:db8:a::2]:5000");
        nat_bench_until(&bench, 5 * TIME_MIN);
        CHECK_ROW_TEXT("no more", in(Y1, X), "-filtered");
        if (i == 0)
            nat_bench_close(&bench);
    }
}

/* REC-10, REC-18, REC-31, REC-36: errors about flows pass, echo goes out. */
static void
test_firewall_icmp(void)
{
    open_box("port-restricted-cone", NAT_IPV6_FIREWALL, NULL);
    CHECK_ROW_TEXT("in", echo(NAT_OUTSIDE, false, "2001:db8:1::1", "2001:db8:a::2", 7), "-filtered");
    CHECK_ROW_TEXT("out", echo(NAT_INSIDE, false, "2001:db8:a::2", "2001:db8:1::1", 7),
                   "out echo 2001:db8:a::2 > 2001:db8:1::1 id 7");
    CHECK_ROW_TEXT("its reply", echo(NAT_OUTSIDE, true, "2001:db8:1::1", "2001:db8:a::2", 7),
                   "in reply 2001:db8:1::1 > 2001:db8:a::2 id 7");
    CHECK_ROW_TEXT("another's", echo(NAT_OUTSIDE, true, "2001:db8:1::1", "2001:db8:a::2", 8), "-filtered");
    out(X, Y1);
    CHECK_ROW_TEXT("an error from outside", error(NAT_OUTSIDE, 1, "2001:db8:9::1", "2001:db8:a::2", X, Y1),
                   "in icmp6 1/0 2001:db8:9::1 > 2001:db8:a::2 [[2001:db8:a::2]:5000 > [2001:db8:1::1]:7000]");
    g_autofree char *said = nat_bench_sentence(&bench, "nat-icmp-error");
    CHECK_ROW_TEXT("words", said, "ICMPv6 no route from 2001:db8:9::1, about a packet of mapping 2, passes");
    CHECK_ROW_TEXT("about nothing", error(NAT_OUTSIDE, 2, "2001:db8:9::1", "2001:db8:a::3", X2, Y1), "-icmp-unrelated");
    CHECK_ROW_TEXT("from inside", error(NAT_INSIDE, 1, "2001:db8:a::2", "2001:db8:1::1", Y1, X),
                   "out icmp6 1/0 2001:db8:a::2 > 2001:db8:1::1 [[2001:db8:1::1]:7000 > [2001:db8:a::2]:5000]");
    CHECK_ROW_TEXT("about nobody's", error(NAT_INSIDE, 1, "2001:db8:a::3", "2001:db8:1::1", Y1, X2), "-icmp-unrelated");
}

static void
test_firewall_tcp(void)
{
    open_box("port-restricted-cone", NAT_IPV6_FIREWALL, NULL);
    CHECK_ROW_TEXT("no SYN, no flow", send_as(NAT_INSIDE, PROTOCOL_TCP, X, Y1), "-no-session");
    CHECK_ROW_TEXT("nor from outside", send_as(NAT_OUTSIDE, PROTOCOL_TCP, Y1, X), "-filtered");
}

static void
test_refusals(void)
{
    open_box("port-restricted-cone", NAT_IPV6_FIREWALL, NULL);
    struct nat_options options = *nat_options(bench.nat);

    options.udp.refusal = NAT_REFUSE_ICMP;
    nat_set_options(bench.nat, &options);
    CHECK_ROW_TEXT("told", in(Y1, X), "out icmp6 1/1 2001:db8:f::1 > 2001:db8:1::1 [[2001:db8:1::1]:7000 > "
                                      "[2001:db8:a::2]:5000] -filtered");
    out(X, Y1);
    CHECK_ROW_TEXT("with state", in(Y2, X), "out icmp6 1/1 2001:db8:f::1 > 2001:db8:2::1 [[2001:db8:2::1]:7000 > "
                                            "[2001:db8:a::2]:5000] -filtered");
    g_autofree char *said = nat_bench_sentence(&bench, "nat-inbound-dropped");
    CHECK_ROW_TEXT("words", said,
                   "inbound from [2001:db8:2::1]:7000 to [2001:db8:a::2]:5000: dropped as filtered, because who has "
                   "mapping 1 has not sent to [2001:db8:2::1]:7000 and filtering is address-and-port-dependent");
}

static void
test_rules(void)
{
    struct firewall_rule rules[] = { { FIREWALL_ANY }, { FIREWALL_ANY } };

    rules[0].direction = FIREWALL_IN;
    rules[0].has_address = true;
    rules[0].address = (struct prefix){ nat_endpoint("2001:db8:a::2").address, 128 };
    rules[1].action = FIREWALL_DENY;
    rules[1].has_from = true;
    rules[1].from = (struct prefix){ nat_endpoint("2001:db8:a::3").address, 128 };
    open_box("symmetric", NAT_IPV6_FIREWALL, NULL);
    struct nat_options options = *nat_options(bench.nat);
    options.rules = rules;
    options.rule_count = 2;
    nat_set_options(bench.nat, &options);
    CHECK_ROW_TEXT("let in", in(Y1, X), "in [2001:db8:1::1]:7000 > [2001:db8:a::2]:5000");
    CHECK_ROW_TEXT("kept in", out(X2, Y1), "-policy");
    CHECK_ROW_TEXT("not let in", in(Y1, X2), "-filtered");
}

/* ---- open */

static void
test_open(void)
{
    open_box("symmetric", NAT_IPV6_OPEN, NULL);
    CHECK_ROW_TEXT("in", in(Y1, X), "in [2001:db8:1::1]:7000 > [2001:db8:a::2]:5000");
    CHECK_ROW_TEXT("out", out(X, Y1), "out [2001:db8:a::2]:5000 > [2001:db8:1::1]:7000");
    CHECK_ROW_TEXT("an error", error(NAT_OUTSIDE, 1, "2001:db8:9::1", "2001:db8:a::3", X2, Y1),
                   "in icmp6 1/0 2001:db8:9::1 > 2001:db8:a::3 [[2001:db8:a::3]:5000 > [2001:db8:1::1]:7000]");
    CHECK_ROW_TEXT("IPv4 is translated", nat_bench_udp(&bench, NAT_INSIDE, "10.0.0.2:5000", "198.51.100.1:7000") +
                                             strlen("out 203.0.113.1"),
                   strchr(nat_bench_udp(&bench, NAT_INSIDE, "10.0.0.2:5000", "198.51.100.1:7000"), ':'));
}

/* ---- prefix: RFC 6296 */

/* 2001:db8:a::/48 and fd01:203:405::/48: their words sum to 2dc3 and 30a, so subnet 0 becomes 2ab9. */
#define E "[fd01:203:405:2ab9::2]:5000"
#define E2 "[fd01:203:405:2ab9::3]:5000"

static void
test_prefix(void)
{
    open_box("symmetric", NAT_IPV6_PREFIX, "fd01:203:405::/48");
    CHECK_ROW_TEXT("out", out(X, Y1), "out " E " > " Y1);
    CHECK_ROW_TEXT("in", in(Y1, E), "in " Y1 " > " X);
    CHECK_ROW_TEXT("there is no filter", in(Y2, E2), "in " Y2 " > " X2);
    CHECK_ROW_TEXT("its internal address is no address outside", in(Y1, X), "-no-mapping");
    CHECK_ROW_TEXT("hairpin (section 4)", out(X2, E), "in " E2 " > " X);
    CHECK_ROW_TEXT("TCP", send_as(NAT_INSIDE, PROTOCOL_TCP, X, Y1), "out tcp " E " > " Y1);
    CHECK_ROW_TEXT("the box's own address", echo(NAT_OUTSIDE, false, "2001:db8:1::1", "2001:db8:f::1", 7),
                   "out reply 2001:db8:f::1 > 2001:db8:1::1 id 7 mine");
    CHECK_ROW_INT("out", (int64_t)nat_counts(bench.nat).outbound, 2);
    CHECK_ROW_INT("in", (int64_t)nat_counts(bench.nat).inbound, 2);
    CHECK_ROW_INT("hairpinned", (int64_t)nat_counts(bench.nat).hairpinned, 1);
    CHECK_ROW_INT("no state", (int64_t)nat_counts(bench.nat).made, 0);
}

/* What is quoted is put back, in errors from either side and in the box's own. */
static void
test_prefix_errors(void)
{
    struct wire_packet packet = { .from = nat_endpoint(Y1), .to = nat_endpoint(E), .protocol = PROTOCOL_UDP, .ttl = 1 };
    struct link_options narrow;

    open_box("symmetric", NAT_IPV6_PREFIX, "fd01:203:405::/48");
    CHECK_ROW_TEXT("from outside", error(NAT_OUTSIDE, 1, "2001:db8:9::1", "fd01:203:405:2ab9::2", E, Y1),
                   "in icmp6 1/0 2001:db8:9::1 > 2001:db8:a::2 [" X " > " Y1 "]");
    CHECK_ROW_TEXT("from inside", error(NAT_INSIDE, 1, "2001:db8:a::2", "2001:db8:1::1", Y1, X),
                   "out icmp6 1/0 fd01:203:405:2ab9::2 > 2001:db8:1::1 [" Y1 " > " E "]");
    CHECK_ROW_TEXT("hairpinned", error(NAT_INSIDE, 1, "2001:db8:a::2", "fd01:203:405:2ab9::3", E2, X),
                   "in icmp6 1/0 fd01:203:405:2ab9::2 > 2001:db8:a::3 [" X2 " > " E "]");
    CHECK_ROW_TEXT("the box's own, on the way in", nat_bench_wire(&bench, NAT_OUTSIDE, &packet),
                   "out icmp6 3/0 2001:db8:f::1 > 2001:db8:1::1 [" Y1 " > " E "] -ttl-exceeded");
    packet.ttl = 64;
    packet.to = nat_endpoint("[fd01:203:405:2ab9::ff00]:5000");
    CHECK_ROW_TEXT("and once it is in", nat_bench_wire(&bench, NAT_OUTSIDE, &packet),
                   "out icmp6 1/3 2001:db8:f::1 > 2001:db8:1::1 [" Y1 " > [fd01:203:405:2ab9::ff00]:5000] -no-neighbour");
    narrow = *wire_options(bench.ports[NAT_OUTSIDE]->wire);
    narrow.mtu = 1280;
    wire_set(bench.ports[NAT_OUTSIDE]->wire, &narrow);
    packet = (struct wire_packet){ .from = nat_endpoint(X), .to = nat_endpoint(Y1), .protocol = PROTOCOL_UDP,
                                   .length = 1300 };
    CHECK_ROW_TEXT("on the way out", nat_bench_wire(&bench, NAT_INSIDE, &packet),
                   "in icmp6 2/0 2001:db8:a::1 > 2001:db8:a::2 (1280) [" X " > " Y1 "] -too-big");
}

/* The word that would take the adjustment is ffff: section 3.5 for prefixes beyond /48. */
static void
test_prefix_untranslatable(void)
{
    open_box("symmetric", NAT_IPV6_PREFIX, "fd01:203:405:9::/64");
    node_add_address(bench.sinks[NAT_INSIDE], bench.sinks[NAT_INSIDE]->ports,
                     nat_endpoint("2001:db8:a:0:ffff:ffff:ffff:ffff").address, 1, 64);
    CHECK_ROW_TEXT("dropped and told", out("[2001:db8:a:0:ffff:ffff:ffff:ffff]:5000", Y1),
                   "in icmp6 1/0 2001:db8:a::1 > 2001:db8:a:0:ffff:ffff:ffff:ffff "
                   "[[2001:db8:a:0:ffff:ffff:ffff:ffff]:5000 > [2001:db8:1::1]:7000] -no-counterpart");
}

static void
test_prefix_words(void)
{
    open_box("symmetric", NAT_IPV6_PREFIX, "fd01:203:405::/48");
    out(X, Y1);
    g_autofree char *went = nat_bench_sentence(&bench, "nat-prefix");
    CHECK_ROW_TEXT("out", went, "source 2001:db8:a::2 becomes fd01:203:405:2ab9::2: the prefix is another outside; nothing "
                                "is remembered and nothing filtered");
    out(X2, E);
    g_autofree char *turned = nat_bench_sentence(&bench, "nat-prefix");
    CHECK_ROW_TEXT("hairpin", turned, "source 2001:db8:a::3 becomes fd01:203:405:2ab9::3, destination "
                                      "fd01:203:405:2ab9::2 becomes 2001:db8:a::2: the prefix is another outside; "
                                      "nothing is remembered and nothing filtered");
    in(Y1, X);
    g_autofree char *dropped = nat_bench_sentence(&bench, "nat-prefix-dropped");
    CHECK_ROW_TEXT("dropped", dropped, Y1 " -> " X ": dropped, because what is inside has another prefix outside");
}

/* ---- masquerade */

static void
test_masquerade(void)
{
    open_box("port-restricted-cone", NAT_IPV6_MASQUERADE, NULL);
    CHECK_ROW_TEXT("out", out(X, Y1), "out [2001:db8:f::1]:5000 > [2001:db8:1::1]:7000");
    CHECK_ROW_TEXT("to another", out(X, Y2), "out [2001:db8:f::1]:5000 > [2001:db8:2::1]:7000");
    CHECK_ROW_TEXT("another host", out(X2, Y1), "out [2001:db8:f::1]:5001 > [2001:db8:1::1]:7000");
    CHECK_ROW_TEXT("in", in(Y1, "[2001:db8:f::1]:5000"), "in [2001:db8:1::1]:7000 > [2001:db8:a::2]:5000");
    CHECK_ROW_TEXT("filtered", in(Y1_PORT, "[2001:db8:f::1]:5000"), "-filtered");
    CHECK_ROW_TEXT("no mapping", in(Y1, "[2001:db8:f::1]:6000"), "-no-mapping");
    CHECK_ROW_TEXT("its internal address", in(Y1, X), "-no-mapping");
    CHECK_ROW_TEXT("echo", echo(NAT_INSIDE, false, "2001:db8:a::2", "2001:db8:1::1", 7),
                   "out echo 2001:db8:f::1 > 2001:db8:1::1 id 7");
    CHECK_ROW_TEXT("its reply", echo(NAT_OUTSIDE, true, "2001:db8:1::1", "2001:db8:f::1", 7),
                   "in reply 2001:db8:1::1 > 2001:db8:a::2 id 7");
    CHECK_ROW_TEXT("an error", error(NAT_OUTSIDE, 1, "2001:db8:9::1", "2001:db8:f::1", "[2001:db8:f::1]:5001", Y1),
                   "in icmp6 1/0 2001:db8:9::1 > 2001:db8:a::3 [[2001:db8:a::3]:5000 > [2001:db8:1::1]:7000]");
    CHECK_ROW_TEXT("IPv4 has its own", nat_bench_udp(&bench, NAT_INSIDE, "10.0.0.2:5000", "198.51.100.1:7000"),
                   "out 203.0.113.1:5000 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("hairpin", out(X2, "[2001:db8:f::1]:5000"), "-hairpin-off");
}

static void
test_options(void)
{
    static const struct {
        const char *name;
        enum nat_ipv6 ipv6;
        const char *prefix, *complaint;
    } rows[] = {
        { "no prefix", NAT_IPV6_PREFIX, NULL,
          "ipv6 = 'prefix' needs ipv6_prefix, the prefix that is seen outside, such as \"2001:db8:1::/48\"" },
        { "too long", NAT_IPV6_PREFIX, "2001:db8::/65",
          "ipv6_prefix has 65 bits; accepted for ipv6 = 'prefix': at most 64" },
        { "a length of no NAT64", NAT_IPV6_NAT64, "2001:db8::/60",
          "ipv6_prefix has 60 bits; accepted for ipv6 = 'nat64': 32, 40, 48, 56, 64, or 96 with zeros in bits 64 to 71 "
          "(RFC 6052)" },
        { "NAT64 has a usual one", NAT_IPV6_NAT64, NULL, "" },
        { "nobody looks", NAT_IPV6_FIREWALL, "2001:db8::/128", "" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct nat_options options = nat_preset_find("full-cone")->options;
        g_autoptr(GError) complaint = NULL;

        options.ipv6 = rows[i].ipv6;
        if (rows[i].prefix)
            CHECK_ROW(rows[i].name, prefix_parse(rows[i].prefix, &options.ipv6_prefix));
        CHECK_ROW(rows[i].name, nat_options_check(&options, &complaint) == !*rows[i].complaint);
        CHECK_ROW_TEXT(rows[i].name, complaint ? complaint->message : "", rows[i].complaint);
    }
    open_box("full-cone", NAT_IPV6_FIREWALL, NULL); /* for tear_down */
}

void
suite_nat_ipv6(void)
{
    UNIT_SUITE("nat: IPv6", NULL, tear_down, { "firewall", test_firewall }, { "firewall, ICMPv6", test_firewall_icmp },
               { "firewall, TCP", test_firewall_tcp }, { "refusals", test_refusals }, { "rules", test_rules },
               { "open", test_open }, { "prefix", test_prefix }, { "prefix, errors", test_prefix_errors },
               { "prefix, what can't be translated", test_prefix_untranslatable },
               { "prefix, words", test_prefix_words }, { "masquerade", test_masquerade },
               { "options that fit", test_options });
}
