/* NAT64: RFC 6146 over RFC 7915 and RFC 6052. Headers and addresses alone have tests of their own (siit, embed). */
#include "core/base/random.h"
#include "core/net/icmp.h"
#include "core/net/ipv6.h"
#include "tests/unit/support.h"
#include "tests/unit/support_nat.h"

#define X "[2001:db8:a::2]:5000"
#define X2 "[2001:db8:a::3]:5000"
#define Y4 "198.51.100.1:7000"
#define Y4_PORT "198.51.100.1:7001"
#define Z4 "198.51.100.2:7000"
#define Y6 "[64:ff9b::c633:6401]:7000" /* the same from inside */
#define Y6_PORT "[64:ff9b::c633:6401]:7001"
#define Z6 "[64:ff9b::c633:6402]:7000"
#define BOX4 "203.0.113.1"
#define BOX6 "64:ff9b::cb00:7101"

static struct nat_bench bench;

static void
open_with(const char *preset, const char *prefix, void (*change)(struct nat_options *options))
{
    struct nat_options options = nat_preset_find(preset)->options;

    options.ipv6 = NAT_IPV6_NAT64;
    if (prefix)
        CHECK_ROW(prefix, prefix_parse(prefix, &options.ipv6_prefix));
    if (change)
        change(&options);
    CHECK(nat_options_check(&options, NULL));
    nat_bench_open_dual(&bench, &options);
}

static void
open_box(const char *preset)
{
    open_with(preset, NULL, NULL);
}

static void
tear_down(void)
{
    nat_bench_close(&bench);
}

static const char *
send_long(enum nat_side side, uint8_t protocol, const char *from, const char *to, size_t length)
{
    struct wire_packet packet = { .from = nat_endpoint(from), .to = nat_endpoint(to), .protocol = protocol };

    packet.length = length;
    return nat_bench_wire(&bench, side, &packet);
}

static const char *
out(const char *from, const char *to)
{
    return send_long(NAT_INSIDE, PROTOCOL_UDP, from, to, 5);
}

static const char *
in(const char *from, const char *to)
{
    return send_long(NAT_OUTSIDE, PROTOCOL_UDP, from, to, 5);
}

static const char *
icmp(enum nat_side side, uint8_t type, uint8_t code, const char *from, const char *to, uint32_t word, struct span data)
{
    struct wire_packet packet = { .from = nat_endpoint(from), .to = nat_endpoint(to), .protocol = PROTOCOL_ICMP,
                                  .type = type, .code = code, .word = word, .data = data };

    return nat_bench_wire(&bench, side, &packet);
}

static const char *
echo(enum nat_side side, uint8_t type, const char *from, const char *to, unsigned identifier)
{
    return icmp(side, type, 0, from, to, identifier << 16, span_of("abcde", 5));
}

static const char *
error(enum nat_side side, uint8_t type, uint8_t code, const char *from, const char *to, const char *quoted_from,
      const char *quoted_to)
{
    struct wire_packet quoted = { .from = nat_endpoint(quoted_from), .to = nat_endpoint(quoted_to),
                                  .protocol = PROTOCOL_UDP, .length = 5 };
    uint8_t bytes[WIRE_MAX];

    return icmp(side, type, code, from, to, 0, span_of(bytes, wire_write(bytes, &quoted)));
}

/* ---- bindings and sessions: section 3 */

static void
test_udp(void)
{
    open_box("port-restricted-cone");
    CHECK_ROW_TEXT("nobody has sent", in(Y4, BOX4 ":5000"), "-no-mapping");
    CHECK_ROW_TEXT("out", out(X, Y6), "out " BOX4 ":5000 > " Y4);
    CHECK_ROW_TEXT("in", in(Y4, BOX4 ":5000"), "in " Y6 " > " X);
    CHECK_ROW_TEXT("filtered", in(Y4_PORT, BOX4 ":5000"), "-filtered");
    CHECK_ROW_TEXT("one binding for all", out(X, Z6), "out " BOX4 ":5000 > " Z4);
    CHECK_ROW_TEXT("another host", out(X2, Y6), "out " BOX4 ":5001 > " Y4);
    CHECK_ROW_TEXT("IPv4 hosts share the ports", nat_bench_udp(&bench, NAT_INSIDE, "10.0.0.2:5000", Y4),
                   "out " BOX4 ":5002 > " Y4);
    g_autofree char *mappings = nat_bench_mappings(&bench);
    CHECK_ROW_TEXT("bindings", mappings,
                   "udp [2001:db8:a::2]:5000 -> 203.0.113.1:5000 [198.51.100.1:7000, 198.51.100.2:7000]; "
                   "udp [2001:db8:a::3]:5000 -> 203.0.113.1:5001 [198.51.100.1:7000]; "
                   "udp 10.0.0.2:5000 -> 203.0.113.1:5002 [198.51.100.1:7000]");
    nat_bench_until(&bench, 5 * TIME_MIN); /* section 4: UDP_DEFAULT */
    CHECK_ROW_TEXT("no more", in(Y4, BOX4 ":5000"), "-no-mapping");
}

static void
test_mapping_and_filtering(void)
{
    open_with("symmetric-sequential", NULL, NULL);
    CHECK_ROW_TEXT("one", out(X, Y6), "out " BOX4 ":1024 > " Y4);
    CHECK_ROW_TEXT("another destination", out(X, Z6), "out " BOX4 ":1025 > " Z4);
    CHECK_ROW_TEXT("the first again", out(X, Y6), "out " BOX4 ":1024 > " Y4);
    nat_bench_close(&bench);
    open_box("restricted-cone");
    out(X, Y6);
    CHECK_ROW_TEXT("address-dependent", in(Y4_PORT, BOX4 ":5000"), "in " Y6_PORT " > " X);
    CHECK_ROW_TEXT("another address", in(Z4, BOX4 ":5000"), "-filtered");
    nat_bench_close(&bench);
    open_box("firewall"); /* of a firewall too: what becomes IPv4 has to be mapped */
    nat_bench_close(&bench);
    open_with("firewall", NULL, nat_options_make_firewall);
    CHECK_ROW_TEXT("a firewall's", out(X, Y6), "out " BOX4 ":5000 > " Y4);
    CHECK_ROW_TEXT("and back", in(Y4, BOX4 ":5000"), "in " Y6 " > " X);
    CHECK_ROW_TEXT("IPv4 stays", nat_bench_udp(&bench, NAT_INSIDE, "10.0.0.2:5000", Y4), "out 10.0.0.2:5000 > " Y4);
}

static void
test_echo(void)
{
    open_box("port-restricted-cone");
    CHECK_ROW_TEXT("out", echo(NAT_INSIDE, 128, "2001:db8:a::2", "64:ff9b::c633:6401", 7),
                   "out echo " BOX4 " > 198.51.100.1 id 7");
    CHECK_ROW_TEXT("its reply", echo(NAT_OUTSIDE, 0, "198.51.100.1", BOX4, 7),
                   "in reply 64:ff9b::c633:6401 > 2001:db8:a::2 id 7");
    CHECK_ROW_TEXT("another host's", echo(NAT_INSIDE, 128, "2001:db8:a::3", "64:ff9b::c633:6401", 7),
                   "out echo " BOX4 " > 198.51.100.1 id 8");
    CHECK_ROW_TEXT("from a stranger", echo(NAT_OUTSIDE, 0, "198.51.100.2", BOX4, 7), "-filtered");
    CHECK_ROW_TEXT("a reply to nothing", echo(NAT_INSIDE, 129, "2001:db8:a::2", "64:ff9b::c633:6401", 9),
                   "-protocol-unsupported");
    CHECK_ROW_TEXT("a timestamp reply", icmp(NAT_OUTSIDE, 14, 0, "198.51.100.1", BOX4, 7 << 16,
                                             span_of("abcdefghijkl", 12)),
                   "-no-counterpart");
    nat_bench_until(&bench, TIME_MIN); /* section 4: ICMP_DEFAULT */
    CHECK_ROW_TEXT("no more", echo(NAT_OUTSIDE, 0, "198.51.100.1", BOX4, 7), "-no-socket");
}

/* What is not for the prefix meets a firewall, as by default. */
static void
test_other_ipv6(void)
{
    open_box("symmetric");
    CHECK_ROW_TEXT("out", out(X, "[2001:db8:1::1]:7000"), "out " X " > [2001:db8:1::1]:7000");
    CHECK_ROW_TEXT("in", in("[2001:db8:1::1]:7000", X), "in [2001:db8:1::1]:7000 > " X);
    CHECK_ROW_TEXT("filtered", in("[2001:db8:1::2]:7000", X), "-filtered");
    CHECK_ROW(out(X, Y6), g_str_has_prefix(bench.told, "out " BOX4 ":") && g_str_has_suffix(bench.told, " > " Y4));
}

/* Section 3.5: what can't be, and loops. RFC 6052 section 3.1: no private addresses behind the well-known prefix. */
static void
test_bad_addresses(void)
{
    open_box("full-cone");
    CHECK_ROW_TEXT("a loop", out("[64:ff9b::c633:6409]:5000", Y6), "-bad-address");
    CHECK_ROW_TEXT("private", out(X, "[64:ff9b::a00:2]:9"), "-bad-address");
    CHECK_ROW_TEXT("a group", out(X, "[64:ff9b::e000:1]:9"), "-bad-address");
    nat_bench_close(&bench);
    open_with("full-cone", "64:ff9b:1::/48", NULL);
    CHECK_ROW_TEXT("RFC 8215: private ones, but they are inside", out(X, "[64:ff9b:1:a00:0:200::]:9"),
                   "in icmp6 1/0 2001:db8:a::1 > 2001:db8:a::2 [" X " > [64:ff9b:1:a00:0:200::]:9] -no-route");
    CHECK_ROW_TEXT("another prefix", out(X, "[64:ff9b:1:c633:64:100::]:9"), "out " BOX4 ":5000 > 198.51.100.1:9");
    CHECK_ROW_TEXT("back", in("198.51.100.1:9", BOX4 ":5000"), "in [64:ff9b:1:c633:64:100::]:9 > " X);
    CHECK_ROW_TEXT("bits 64 to 71", out(X, "[64:ff9b:1:c633:164:100::]:9"), "-bad-address");
}

/* Section 3.8: always, whatever `hairpin` says, and the source is the external one. */
static void
test_hairpin(void)
{
    open_box("restricted-cone");
    out(X, Y6);
    CHECK_ROW_TEXT("filtered", out(X2, "[" BOX6 "]:5000"), "-filtered");
    out(X, "[" BOX6 "]:5001");
    CHECK_ROW_TEXT("in", out(X2, "[" BOX6 "]:5000"), "in [" BOX6 "]:5001 > " X);
    CHECK_ROW_TEXT("its answer", out(X, "[" BOX6 "]:5001"), "in [" BOX6 "]:5000 > " X2);
    CHECK_ROW_TEXT("to nobody", out(X2, "[" BOX6 "]:6000"), "-no-mapping");
    CHECK_ROW_TEXT("an error", error(NAT_INSIDE, 1, 4, "2001:db8:a::2", BOX6, "[" BOX6 "]:5001", X),
                   "in icmp6 1/4 " BOX6 " > 2001:db8:a::3 [" X2 " > [" BOX6 "]:5000]");
    CHECK_ROW_INT("hairpinned", (int64_t)nat_counts(bench.nat).hairpinned, 3);
}

static void
hairpins(struct nat_options *options)
{
    options->hairpin = NAT_HAIRPIN_INTERNAL_SOURCE;
}

/* Hosts of both families behind one box. */
static void
test_hairpin_between_families(void)
{
    open_with("full-cone", NULL, hairpins);
    out(X, Y6);
    nat_bench_udp(&bench, NAT_INSIDE, "10.0.0.3:6000", Y4);
    CHECK_ROW_TEXT("from IPv6", out(X, "[" BOX6 "]:6000"), "in " BOX4 ":5000 > 10.0.0.3:6000");
    CHECK_ROW_TEXT("from IPv4", nat_bench_udp(&bench, NAT_INSIDE, "10.0.0.3:6000", BOX4 ":5000"),
                   "in [" BOX6 "]:6000 > " X);
}

static void
test_rules(void)
{
    struct firewall_rule rules[] = { { FIREWALL_ANY }, { FIREWALL_ANY } };

    rules[0].action = FIREWALL_DENY;
    rules[0].direction = FIREWALL_OUT;
    rules[0].has_address = true;
    rules[0].address = (struct prefix){ nat_endpoint(Z4).address, 32 };
    rules[1].direction = FIREWALL_IN;
    rules[1].has_from = true;
    rules[1].from = rules[0].address;
    open_box("port-restricted-cone");
    struct nat_options options = *nat_options(bench.nat);
    options.rules = rules;
    options.rule_count = 2;
    nat_set_options(bench.nat, &options);
    CHECK_ROW_TEXT("by the IPv4 address", out(X, Z6), "-policy");
    CHECK_ROW_TEXT("another", out(X, Y6), "out " BOX4 ":5000 > " Y4);
    CHECK_ROW_TEXT("let in by it", in(Z4, BOX4 ":5000"), "in " Z6 " > " X);
}

/* ---- ICMP errors: RFC 7915 sections 4.2, 5.2, RFC 6146 section 3.6 */

static void
test_errors(void)
{
    open_box("full-cone");
    out(X, Y6);
    CHECK_ROW_TEXT("in", error(NAT_OUTSIDE, 3, 3, "198.51.100.9", BOX4, BOX4 ":5000", Y4),
                   "in icmp6 1/4 64:ff9b::c633:6409 > 2001:db8:a::2 [" X " > " Y6 "]");
    CHECK_ROW_TEXT("about nothing", error(NAT_OUTSIDE, 3, 3, "198.51.100.9", BOX4, BOX4 ":5009", Y4),
                   "-icmp-unrelated");
    CHECK_ROW_TEXT("without a counterpart", error(NAT_OUTSIDE, 4, 0, "198.51.100.9", BOX4, BOX4 ":5000", Y4),
                   "-no-counterpart");
    in(Y4, BOX4 ":5000");
    CHECK_ROW_TEXT("out", error(NAT_INSIDE, 1, 4, "2001:db8:a::2", "64:ff9b::c633:6401", Y6, X),
                   "out icmp 3/3 " BOX4 " > 198.51.100.1 [" Y4 " > " BOX4 ":5000]");
    CHECK_ROW_TEXT("from nobody", error(NAT_INSIDE, 1, 4, "2001:db8:a::3", "64:ff9b::c633:6401", Y6, X2),
                   "-icmp-unrelated");
    CHECK_ROW_INT("translated", (int64_t)nat_counts(bench.nat).icmp_errors, 2);
}

/* The box's own errors: about packets as they came, and about packets that it had translated. */
static void
test_own_errors(void)
{
    struct wire_packet packet = { .from = nat_endpoint(X), .to = nat_endpoint(Y6), .protocol = PROTOCOL_UDP, .ttl = 1 };

    open_box("full-cone");
    CHECK_ROW_TEXT("hop limit", nat_bench_wire(&bench, NAT_INSIDE, &packet),
                   "in icmp6 3/0 2001:db8:a::1 > 2001:db8:a::2 [" X " > " Y6 "] -ttl-exceeded");
    out(X, Y6);
    packet = (struct wire_packet){ .from = nat_endpoint(Y4), .to = nat_endpoint(BOX4 ":5000"),
                                   .protocol = PROTOCOL_UDP, .ttl = 1 };
    CHECK_ROW_TEXT("TTL", nat_bench_wire(&bench, NAT_OUTSIDE, &packet),
                   "out icmp 11/0 " BOX4 " > 198.51.100.1 [" Y4 " > " BOX4 ":5000] -ttl-exceeded");
    packet.ttl = 64;
    out("[2001:db8:a::f00]:6000", Y6);
    packet.to.port = 6000; /* who sent that is not there */
    CHECK_ROW_TEXT("nobody there", nat_bench_wire(&bench, NAT_OUTSIDE, &packet),
                   "out icmp 3/1 " BOX4 " > 198.51.100.1 [" Y4 " > " BOX4 ":6000] -no-neighbour");
}

static void
set_mtu(enum nat_side side, uint32_t mtu)
{
    struct wire *wire = side == NAT_OUTSIDE ? bench.ports[side]->wire : bench.sinks[side]->ports->wire;
    struct port *sink = bench.sinks[side]->ports;
    struct link_options narrow = *wire_options(wire);

    narrow.mtu = mtu;
    wire_set(wire, &narrow);
    if (side == NAT_INSIDE) {
        struct link *link = port_link(sink);

        wire_set(&link->up, &narrow);
        wire_set(&link->down, &narrow);
    }
}

/* RFC 7915 sections 4 and 5: 20 bytes more or less, DF and what it means, never below 1280. */
static void
test_mtus(void)
{
    struct wire_packet packet = { .from = nat_endpoint(Y4), .to = nat_endpoint(BOX4 ":5000"),
                                  .protocol = PROTOCOL_UDP, .dont_fragment = true };

    open_box("full-cone");
    out(X, Y6);
    set_mtu(NAT_OUTSIDE, 1400);
    CHECK_ROW_TEXT("fits", send_long(NAT_INSIDE, PROTOCOL_UDP, X, Y6, 1400 - 28), "out " BOX4 ":5000 > " Y4);
    CHECK_ROW_TEXT("doesn't", send_long(NAT_INSIDE, PROTOCOL_UDP, X, Y6, 1400 - 27),
                   "in icmp6 2/0 2001:db8:a::1 > 2001:db8:a::2 (1420) [" X " > " Y6 "] -too-big");
    set_mtu(NAT_OUTSIDE, 1000);
    CHECK_ROW_TEXT("1280 must go: as fragments", send_long(NAT_INSIDE, PROTOCOL_UDP, X, Y6, 1280 - 48),
                   "out " BOX4 " > 198.51.100.1 bytes 0-975+; out " BOX4 " > 198.51.100.1 bytes 976-1239");
    CHECK_ROW_TEXT("beyond, the sender hears 1280", send_long(NAT_INSIDE, PROTOCOL_UDP, X, Y6, 1281 - 48),
                   "in icmp6 2/0 2001:db8:a::1 > 2001:db8:a::2 (1280) [" X " > " Y6 "] -too-big");
    set_mtu(NAT_OUTSIDE, 1500);
    packet.length = 1480 - 28;
    CHECK_ROW_TEXT("IPv4 of 1480 fits", nat_bench_wire(&bench, NAT_OUTSIDE, &packet), "in " Y6 " > " X);
    packet.length = 1481 - 28;
    bench.by_wire = true;
    CHECK_ROW_TEXT("of 1481 doesn't", nat_bench_wire(&bench, NAT_OUTSIDE, &packet),
                   "out icmp 3/4 " BOX4 " > 198.51.100.1 (1480) [" Y4 " > " BOX4 ":5000] -too-big");
    bench.by_wire = false;
    packet.dont_fragment = false;
    CHECK_ROW_TEXT("without DF it goes in pieces of 1280", nat_bench_wire(&bench, NAT_OUTSIDE, &packet),
                   "in 64:ff9b::c633:6401 > 2001:db8:a::2 bytes 0-1231+; in 64:ff9b::c633:6401 > 2001:db8:a::2 bytes "
                   "1232-1460");
}

/* An error from further on tells of a path, and is translated by section 4.2. */
static void
test_path_mtu(void)
{
    struct wire_packet quoted = { .from = nat_endpoint(BOX4 ":5000"), .to = nat_endpoint(Y4),
                                  .protocol = PROTOCOL_UDP, .length = 1400, .dont_fragment = true };
    uint8_t bytes[WIRE_MAX];
    size_t length;

    open_box("full-cone");
    out(X, Y6);
    length = MIN(wire_write(bytes, &quoted), 548);
    CHECK_ROW_TEXT("1300", icmp(NAT_OUTSIDE, 3, 4, "198.51.100.9", BOX4, 1300, span_of(bytes, length)),
                   "in icmp6 2/0 64:ff9b::c633:6409 > 2001:db8:a::2 (1320) [" X " > " Y6 "]");
    CHECK_ROW_TEXT("576", icmp(NAT_OUTSIDE, 3, 4, "198.51.100.9", BOX4, 576, span_of(bytes, length)),
                   "in icmp6 2/0 64:ff9b::c633:6409 > 2001:db8:a::2 (1280) [" X " > " Y6 "]");
}

/* Fragments are put together and translated whole, in whatever order they come; a checksum of 0 is made up for. */
static void
test_fragments(void)
{
    struct wire_packet packet = { .from = nat_endpoint(Y4), .to = nat_endpoint(BOX4 ":5000"),
                                  .protocol = PROTOCOL_UDP, .length = 100, .no_checksum = true };
    uint8_t bytes[WIRE_MAX], piece[WIRE_MAX];
    size_t length;

    open_box("full-cone");
    out(X, Y6);
    CHECK_ROW_TEXT("without a checksum", nat_bench_wire(&bench, NAT_OUTSIDE, &packet), "in " Y6 " > " X);
    length = wire_write(bytes, &packet);
    for (int n = 1; n >= 0; n--) {
        size_t at = n == 0 ? 0 : 64, size = n == 0 ? 64 : length - 20 - 64;

        memcpy(piece, bytes, 20);
        memcpy(piece + 20, bytes + 20 + at, size);
        piece[2] = 0;
        piece[3] = (uint8_t)(20 + size);
        piece[6] = n == 0 ? 0x20 : 0;
        piece[7] = (uint8_t)(at / 8);
        piece[10] = piece[11] = 0;
        uint16_t checksum = checksum_of(span_of(piece, 20));
        piece[10] = (uint8_t)(checksum >> 8);
        piece[11] = (uint8_t)checksum;
        CHECK_ROW_TEXT("pieces", nat_bench_bytes(&bench, NAT_OUTSIDE, span_of(piece, 20 + size)),
                       n == 0 ? "in " Y6 " > " X : "");
    }
}

/* ---- words, and the resolver's part */

static void
test_words(void)
{
    open_box("symmetric-sequential");
    out(X, Y6);
    in(Y4, BOX4 ":1024");
    g_autofree char *made = nat_bench_sentence(&bench, "nat-mapping-new");
    g_autofree char *went = nat_bench_sentence(&bench, "nat-outbound");
    g_autofree char *came = nat_bench_sentence(&bench, "nat-inbound");
    CHECK_ROW_TEXT("made", made, "new mapping [2001:db8:a::2]:5000 -> 203.0.113.1:1024, because [2001:db8:a::2]:5000 has "
                                 "none yet; mapping is address-and-port-dependent (mapping 1)");
    CHECK_ROW_TEXT("out", went,
                   "outbound: source [2001:db8:a::2]:5000 becomes 203.0.113.1:1024, destination "
                   "[64:ff9b::c633:6401]:7000 becomes 198.51.100.1:7000 (mapping 1, address-and-port-dependent: only for "
                   "destination [64:ff9b::c633:6401]:7000); from now on [64:ff9b::c633:6401]:7000 may send in");
    CHECK_ROW_TEXT("in", came,
                   "inbound: destination 203.0.113.1:1024 becomes [2001:db8:a::2]:5000, source 198.51.100.1:7000 becomes "
                   "[64:ff9b::c633:6401]:7000 (mapping 1), because [2001:db8:a::2]:5000 has sent to 198.51.100.1:7000 and "
                   "filtering is address-and-port-dependent");
    error(NAT_OUTSIDE, 3, 3, "198.51.100.9", BOX4, BOX4 ":1024", Y4);
    g_autofree char *told = nat_bench_sentence(&bench, "nat-icmp-error");
    CHECK_ROW_TEXT("error", told, "ICMP port unreachable from 198.51.100.9, about a packet of mapping 1, goes to "
                                  "2001:db8:a::2 as from 64:ff9b::c633:6409: it and what it quotes become IPv6");
}

static void
test_synthesizes(void)
{
    static const struct {
        const char *name;
        enum nat_ipv6 ipv6;
        const char *prefix, *ipv4, *ipv6_text;
    } rows[] = {
        { "well-known", NAT_IPV6_NAT64, NULL, "198.51.100.1", "64:ff9b::c633:6401" },
        { "not for private ones", NAT_IPV6_NAT64, NULL, "10.0.0.2", "::" },
        { "local", NAT_IPV6_NAT64, "64:ff9b:1:abc::/96", "10.0.0.2", "64:ff9b:1:abc::a00:2" },
        { "of a provider", NAT_IPV6_NAT64, "2001:db8:122::/48", "192.0.2.33", "2001:db8:122:c000:2:2100::" },
        { "no NAT64", NAT_IPV6_FIREWALL, NULL, "198.51.100.1", "::" },
        { "no IPv4", NAT_IPV6_NAT64, NULL, "2001:db8::1", "::" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct nat_options options = nat_preset_find("full-cone")->options;
        char text[ADDRESS_TEXT];

        options.ipv6 = rows[i].ipv6;
        if (rows[i].prefix)
            CHECK_ROW(rows[i].name, prefix_parse(rows[i].prefix, &options.ipv6_prefix));
        CHECK_ROW_TEXT(rows[i].name,
                       address_format(nat_synthesize(&options, nat_endpoint(rows[i].ipv4).address), text),
                       rows[i].ipv6_text);
    }
    open_box("full-cone"); /* for tear_down */
}

/* Mappings that exist stay, and do not get in each other's way, when the options change. */
static void
test_changes(void)
{
    open_box("full-cone");
    struct nat_options options = *nat_options(bench.nat);

    out(X, Y6);
    options.ipv6 = NAT_IPV6_MASQUERADE;
    nat_set_options(bench.nat, &options);
    CHECK_ROW_TEXT("still in", in(Y4, BOX4 ":5000"), "in " Y6 " > " X);
    CHECK_ROW_TEXT("masqueraded", out(X, "[2001:db8:1::1]:7000"), "out [2001:db8:f::1]:5000 > [2001:db8:1::1]:7000");
    options.ipv6 = NAT_IPV6_NAT64;
    nat_set_options(bench.nat, &options);
    CHECK_ROW_TEXT("the same as before", out(X, Y6), "out " BOX4 ":5000 > " Y4);
    CHECK_ROW_TEXT("and its", in("[2001:db8:1::1]:7000", "[2001:db8:f::1]:5000"), "in [2001:db8:1::1]:7000 > " X);
}

/* ---- against a model: bindings, filters and timers are those of the same box's IPv4 */

enum { HOSTS = 3, REMOTES = 4, PACKETS = 4000 };

/* The same conversation by IPv4 hosts 10.0.0.2 ... through a NAT, and by IPv6 hosts through NAT64: word for word the
 * same but for the inner ends. */
static char *
as_ipv4(const char *told)
{
    static const char *const pairs[][2] = {
        { "[2001:db8:a::2]", "10.0.0.2" },          { "[2001:db8:a::3]", "10.0.0.3" },
        { "[2001:db8:a::4]", "10.0.0.4" },          { "[64:ff9b::c633:6401]", "198.51.100.1" },
        { "[64:ff9b::c633:6402]", "198.51.100.2" }, { "[64:ff9b::c633:6403]", "198.51.100.3" },
        { "[64:ff9b::cb00:7101]", "203.0.113.1" },
    };
    char *text = g_strdup(told);

    for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++) {
        g_auto(GStrv) parts = g_strsplit(text, pairs[i][0], -1);

        g_free(text);
        text = g_strjoinv(pairs[i][1], parts);
    }
    return text;
}

static bool
step(struct nat_bench *other, struct random_stream *random)
{
    unsigned host = (unsigned)random_below(random, HOSTS) + 2, remote = (unsigned)random_below(random, REMOTES);
    unsigned port = 7000 + (unsigned)random_below(random, 2), external = 5000 + (unsigned)random_below(random, 8);
    char from4[32], from6[48], to4[32], to6[48], box[32];
    int64_t now = bench.world->now + (random_below(random, 3) ? 0 : (int64_t)random_below(random, 90) * TIME_S);
    const char *told4, *told6;

    nat_bench_until(&bench, now);
    nat_bench_until(other, now);
    g_snprintf(from4, sizeof from4, "10.0.0.%u:5000", host);
    g_snprintf(from6, sizeof from6, "[2001:db8:a::%u]:5000", host);
    g_snprintf(to4, sizeof to4, "198.51.100.%u:%u", remote, port);
    g_snprintf(to6, sizeof to6, "[64:ff9b::c633:64%02x]:%u", remote, port);
    if (remote == 0) {
        g_snprintf(to4, sizeof to4, "203.0.113.1:%u", external);
        g_snprintf(to6, sizeof to6, "[64:ff9b::cb00:7101]:%u", external);
    }
    if (random_below(random, 2) == 0 || remote == 0) {
        told4 = nat_bench_udp(other, NAT_INSIDE, from4, to4);
        told6 = out(from6, to6);
    } else {
        g_snprintf(box, sizeof box, "203.0.113.1:%u", external);
        told4 = nat_bench_udp(other, NAT_OUTSIDE, to4, box);
        told6 = in(to4, box);
    }
    g_autofree char *same = as_ipv4(told6);
    return CHECK_ROW_TEXT(from6, same, told4);
}

static void
test_like_ipv4(void)
{
    static const char *const presets[] = { "full-cone", "restricted-cone", "port-restricted-cone",
                                           "symmetric-sequential" };

    for (size_t i = 0; i < G_N_ELEMENTS(presets); i++) {
        struct nat_options options = nat_preset_find(presets[i])->options;
        struct random_stream random = random_stream_of(1, presets[i], "nat64");
        struct nat_bench other;

        options.hairpin = NAT_HAIRPIN_EXTERNAL_SOURCE;
        nat_bench_open_pool(&other, &options, 1);
        options.ipv6 = NAT_IPV6_NAT64;
        nat_bench_open_dual(&bench, &options);
        for (int n = 0; n < PACKETS; n++)
            if (!step(&other, &random))
                break;
        nat_bench_close(&other);
        if (i + 1 < G_N_ELEMENTS(presets))
            nat_bench_close(&bench);
    }
}

void
suite_nat_nat64(void)
{
    UNIT_SUITE("nat: NAT64", NULL, tear_down, { "UDP", test_udp },
               { "mapping and filtering", test_mapping_and_filtering }, { "echo", test_echo },
               { "other IPv6", test_other_ipv6 }, { "bad addresses", test_bad_addresses }, { "hairpin", test_hairpin },
               { "hairpin between families", test_hairpin_between_families }, { "rules", test_rules },
               { "ICMP errors", test_errors }, { "the box's own errors", test_own_errors }, { "MTUs", test_mtus },
               { "path MTU", test_path_mtu }, { "fragments", test_fragments }, { "words", test_words },
               { "synthesizes", test_synthesizes }, { "changes", test_changes },
               { "like IPv4, random packets", test_like_ipv4 });
}
