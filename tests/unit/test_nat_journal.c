/* What the NAT's records say. */
#include "nat/options.h"
#include "tests/unit/support.h"
#include "tests/unit/support_nat.h"

#define X "10.0.0.2:5000"
#define Y1 "198.51.100.1:7000"
#define Y2 "198.51.100.9:7000"

static struct nat_bench bench;

static void
tear_down(void)
{
    if (bench.world)
        nat_bench_close(&bench);
    bench.world = NULL;
}

static void
check_says(const char *kind, const char *expected)
{
    g_autofree char *said = nat_bench_sentence(&bench, kind);

    CHECK_ROW_TEXT(kind, said, expected);
}

static void
test_cone(void)
{
    nat_bench_open(&bench, "port-restricted-cone", NULL);
    nat_bench_udp(&bench, NAT_INSIDE, X, Y1);
    check_says("nat-mapping-new", "new mapping 10.0.0.2:5000 -> 203.0.113.1:5000, because 10.0.0.2:5000 has none yet; "
                                  "mapping is endpoint-independent (mapping 1)");
    check_says("nat-outbound",
               "outbound: source 10.0.0.2:5000 becomes 203.0.113.1:5000 (mapping 1, endpoint-independent: "
               "the same for every destination); from now on 198.51.100.1:7000 may send in");
    nat_bench_udp(&bench, NAT_OUTSIDE, Y1, "203.0.113.1:5000");
    check_says("nat-inbound",
               "inbound: destination 203.0.113.1:5000 becomes 10.0.0.2:5000 (mapping 1), because "
               "10.0.0.2:5000 has sent to 198.51.100.1:7000 and filtering is address-and-port-dependent");
    nat_bench_udp(&bench, NAT_OUTSIDE, Y2, "203.0.113.1:5000");
    check_says("nat-inbound-dropped",
               "inbound from 198.51.100.9:7000 to 203.0.113.1:5000: dropped as filtered, because 10.0.0.2:5000 "
               "has not sent to 198.51.100.9:7000 and filtering is address-and-port-dependent (it "
               "has sent to 198.51.100.1:7000 only)");
    nat_bench_udp(&bench, NAT_INSIDE, X, "198.51.100.2:1");
    nat_bench_udp(&bench, NAT_OUTSIDE, Y2, "203.0.113.1:5000");
    check_says("nat-inbound-dropped",
               "inbound from 198.51.100.9:7000 to 203.0.113.1:5000: dropped as filtered, because 10.0.0.2:5000 "
               "has not sent to 198.51.100.9:7000 and filtering is address-and-port-dependent (it "
               "has sent to 198.51.100.1:7000 and 1 other)");
    nat_bench_udp(&bench, NAT_OUTSIDE, Y2, "203.0.113.1:5001");
    check_says("nat-inbound-dropped", "inbound from 198.51.100.9:7000 to 203.0.113.1:5001: dropped, because no mapping "
                                      "leads inside from 203.0.113.1:5001");
    nat_bench_udp(&bench, NAT_INSIDE, "10.0.0.3:5000", Y1);
    check_says("nat-mapping-new", "new mapping 10.0.0.3:5000 -> 203.0.113.1:5001, because 10.0.0.3:5000 has none yet; "
                                  "mapping is endpoint-independent; its own port 5000 can't be kept (mapping 2)");
    nat_bench_until(&bench, 5 * TIME_MIN);
    check_says("nat-mapping-expired",
               "mapping 2, 10.0.0.3:5000 -> 203.0.113.1:5001, has expired: nothing has refreshed it "
               "for 5min");
    nat_bench_udp(&bench, NAT_OUTSIDE, Y1, X);
    check_says("nat-inbound-dropped",
               "inbound from 198.51.100.1:7000 to 10.0.0.2:5000: dropped, because what is inside a "
               "NAT can't be reached from outside by its own address");
}

static void
test_symmetric(void)
{
    nat_bench_open(&bench, "symmetric-sequential", NULL);
    nat_bench_udp(&bench, NAT_INSIDE, X, Y1);
    nat_bench_udp(&bench, NAT_INSIDE, X, Y2);
    check_says("nat-mapping-new", "new mapping 10.0.0.2:5000 -> 203.0.113.1:1025, because the destination differs and "
                                  "mapping is address-and-port-dependent (mapping 2)");
    check_says("nat-outbound", "outbound: source 10.0.0.2:5000 becomes 203.0.113.1:1025 (mapping 2, "
                               "address-and-port-dependent: only for destination 198.51.100.9:7000); from now on "
                               "198.51.100.9:7000 may send in");
    nat_bench_udp(&bench, NAT_OUTSIDE, Y1, "203.0.113.1:1025");
    check_says("nat-inbound-dropped",
               "inbound from 198.51.100.1:7000 to 203.0.113.1:1025: dropped as filtered, because 10.0.0.2:5000 "
               "has not sent to 198.51.100.1:7000 and filtering is address-and-port-dependent (it "
               "has sent to 198.51.100.9:7000 only)");
    nat_forget(bench.nat);
    check_says("nat-mapping-forgotten",
               "mapping 2, 10.0.0.2:5000 -> 203.0.113.1:1025, is forgotten: the box has lost its "
               "state");
}

static void
address_dependent(struct nat_options *options)
{
    options->udp.mapping = options->udp.filtering = NAT_ADDRESS_DEPENDENT;
}

static void
test_address_dependent(void)
{
    nat_bench_open(&bench, "symmetric-sequential", address_dependent);
    nat_bench_udp(&bench, NAT_INSIDE, X, Y1);
    nat_bench_udp(&bench, NAT_INSIDE, X, Y2);
    check_says("nat-mapping-new",
               "new mapping 10.0.0.2:5000 -> 203.0.113.1:1025, because the destination address differs "
               "and mapping is address-dependent (mapping 2)");
    check_says("nat-outbound",
               "outbound: source 10.0.0.2:5000 becomes 203.0.113.1:1025 (mapping 2, address-dependent: only "
               "for destination 198.51.100.9); from now on 198.51.100.9 may send in");
    nat_bench_udp(&bench, NAT_OUTSIDE, "198.51.100.9:1", "203.0.113.1:1025");
    check_says("nat-inbound", "inbound: destination 203.0.113.1:1025 becomes 10.0.0.2:5000 (mapping 2), because "
                              "10.0.0.2:5000 has sent to 198.51.100.9 and filtering is address-dependent");
    nat_bench_udp(&bench, NAT_OUTSIDE, Y1, "203.0.113.1:1025");
    check_says("nat-inbound-dropped",
               "inbound from 198.51.100.1:7000 to 203.0.113.1:1025: dropped as filtered, because 10.0.0.2:5000 "
               "has not sent to 198.51.100.1 and filtering is address-dependent (it has sent to "
               "198.51.100.9:7000 and 1 other)");
}

static void
test_affinity(void)
{
    nat_bench_open(&bench, "symmetric-sequential", NULL);
    struct nat_options options = *nat_options(bench.nat);

    options.udp.filtering = NAT_ENDPOINT_INDEPENDENT;
    nat_set_options(bench.nat, &options);
    nat_bench_udp(&bench, NAT_INSIDE, X, Y1);
    nat_bench_udp(&bench, NAT_OUTSIDE, Y2, "203.0.113.1:1024");
    check_says("nat-inbound",
               "inbound: destination 203.0.113.1:1024 becomes 10.0.0.2:5000 (mapping 1), because filtering "
               "is endpoint-independent: anyone may send");
    nat_bench_udp(&bench, NAT_INSIDE, X, Y2);
    check_says("nat-outbound",
               "outbound: source 10.0.0.2:5000 becomes 203.0.113.1:1024 (mapping 1: a reply leaves by the "
               "mapping that admitted what it answers)");
}

static void
test_hairpin(void)
{
    nat_bench_open(&bench, "rfc4787", NULL);
    struct nat_options options = *nat_options(bench.nat);

    nat_bench_udp(&bench, NAT_INSIDE, X, Y1);
    nat_bench_udp(&bench, NAT_INSIDE, "10.0.0.3:6000", "203.0.113.1:5000");
    check_says("nat-outbound", "hairpin, outbound: source 10.0.0.3:6000 becomes 203.0.113.1:6000 (mapping 2, "
                               "endpoint-independent: the same for every destination); from now on 203.0.113.1 may send in");
    check_says("nat-inbound-dropped",
               "hairpin, inbound from 203.0.113.1:6000 to 203.0.113.1:5000: dropped as filtered, because "
               "10.0.0.2:5000 has not sent to 203.0.113.1 and filtering is address-dependent (it has "
               "sent to 198.51.100.1:7000 only)");
    options.hairpin = NAT_HAIRPIN_INTERNAL_SOURCE;
    nat_set_options(bench.nat, &options);
    nat_bench_udp(&bench, NAT_INSIDE, X, "203.0.113.1:6000");
    check_says("nat-inbound",
               "hairpin, inbound: destination 203.0.113.1:6000 becomes 10.0.0.3:6000 (mapping 2), because "
               "10.0.0.3:6000 has sent to 203.0.113.1 and filtering is address-dependent; hairpinning is "
               "internal-source, so the source stays 10.0.0.2:5000");
    options.hairpin = NAT_HAIRPIN_OFF;
    nat_set_options(bench.nat, &options);
    nat_bench_udp(&bench, NAT_INSIDE, X, "203.0.113.1:6000");
    check_says("nat-outbound-dropped",
               "hairpin, outbound from 10.0.0.2:5000 to 203.0.113.1:6000: dropped, because the box "
               "does not hairpin");
}

static void
test_icmp(void)
{
    nat_bench_open(&bench, "port-restricted-cone", NULL);
    nat_bench_echo(&bench, NAT_INSIDE, false, "10.0.0.2", "198.51.100.1", 7);
    check_says("nat-outbound",
               "outbound: source 10.0.0.2 with identifier 7 becomes 203.0.113.1 with identifier 7 (mapping "
               "1, endpoint-independent: the same for every destination); from now on 198.51.100.1 may send in");
    nat_bench_echo(&bench, NAT_OUTSIDE, true, "198.51.100.9", "203.0.113.1", 7);
    check_says("nat-inbound-dropped", "inbound from 198.51.100.9 to 203.0.113.1 with identifier 7: dropped as filtered, because "
                                      "10.0.0.2 with identifier 7 has not sent to 198.51.100.9 and filtering is "
                                      "address-and-port-dependent (it has sent to 198.51.100.1 only)");
    nat_bench_udp(&bench, NAT_INSIDE, X, Y1);
    nat_bench_error(&bench, NAT_OUTSIDE, 11, 0, "198.51.100.254", "203.0.113.1", "203.0.113.1:5000", Y1, 28);
    check_says("nat-icmp-error",
               "ICMP time exceeded in transit from 198.51.100.254, about a packet of mapping 2, goes to "
               "10.0.0.2: the packet it quotes gets its internal source back");
    nat_bench_error(&bench, NAT_INSIDE, 3, 3, "10.0.0.2", "198.51.100.1", Y1, X, 28);
    check_says("nat-icmp-error", "ICMP port unreachable from 10.0.0.2, about a packet of mapping 2, leaves as from "
                                 "203.0.113.1: the packet it quotes gets its external destination back");
    nat_bench_error(&bench, NAT_OUTSIDE, 3, 3, "198.51.100.254", "203.0.113.1", "203.0.113.1:9", Y1, 28);
    check_says("nat-icmp-error-dropped",
               "ICMP port unreachable from 198.51.100.254: dropped, because an ICMP error about no "
               "mapping of this box");
}

/* ---- for programs */

struct listing {
    struct fields fields;
    GString *out;
};

static void
list_number(struct fields *fields, const char *name, int64_t value)
{
    g_string_append_printf(((struct listing *)fields)->out, "%s=%" G_GINT64_FORMAT " ", name, value);
}

static void
list_flag(struct fields *fields, const char *name, bool value)
{
    g_string_append_printf(((struct listing *)fields)->out, "%s=%s ", name, value ? "true" : "false");
}

static void
list_text(struct fields *fields, const char *name, struct span value)
{
    g_string_append_printf(((struct listing *)fields)->out, "%s=%.*s ", name, (int)value.length,
                           (const char *)value.bytes);
}

static void
check_fields(const char *kind, const char *expected)
{
    struct listing listing = { { .number = list_number, .time = list_number, .flag = list_flag, .text = list_text }, g_string_new(NULL) };
    const struct record *record = nat_bench_record(&bench, kind);

    if (CHECK_ROW(kind, record != NULL))
        record->kind->fields(record, NULL, &listing.fields);
    CHECK_ROW_TEXT(kind, listing.out->str, expected);
    g_string_free(listing.out, TRUE);
}

static void
test_fields(void)
{
    nat_bench_open(&bench, "rfc4787", NULL);
    nat_bench_udp(&bench, NAT_INSIDE, X, Y1);
    check_fields("nat-mapping-new",
                 "mapping=1 rule=endpoint-independent internal=10.0.0.2:5000 external=203.0.113.1:5000 "
                 "expires=300000000000 ports=preserve ");
    check_fields("nat-outbound", "mapping=1 rule=endpoint-independent internal=10.0.0.2:5000 external=203.0.113.1:5000 "
                                 "expires=300000000000 opens=true ");
    nat_bench_udp(&bench, NAT_OUTSIDE, Y2, "203.0.113.1:5000");
    check_fields("nat-inbound-dropped",
                 "mapping=1 rule=address-dependent internal=10.0.0.2:5000 external=203.0.113.1:5000 "
                 "first_peer=198.51.100.1:7000 further_peers=0 ");
    nat_bench_udp(&bench, NAT_INSIDE, X, "203.0.113.1:5000"); /* to itself */
    check_fields("nat-inbound", "mapping=1 rule=address-dependent hairpin=true internal=10.0.0.2:5000 "
                                "external=203.0.113.1:5000 expires=300000000000 ");
    nat_bench_error(&bench, NAT_OUTSIDE, 11, 0, "198.51.100.254", "203.0.113.1", "203.0.113.1:5000", Y1, 28);
    check_fields("nat-icmp-error", "mapping=1 icmp_type=11 icmp_code=0 ");
}

/* A record says what became of the packet: the verdict, the reason, the flow before and after, size and TTL. */
static void
test_common(void)
{
    nat_bench_open(&bench, "port-restricted-cone", NULL);
    nat_bench_udp(&bench, NAT_INSIDE, X, Y1);
    nat_bench_udp(&bench, NAT_OUTSIDE, Y1, "203.0.113.1:5000");
    nat_bench_udp(&bench, NAT_OUTSIDE, Y2, "203.0.113.1:5000");

    const struct record *in = nat_bench_record(&bench, "nat-inbound");
    const struct record *dropped = nat_bench_record(&bench, "nat-inbound-dropped");

    CHECK_ROW_INT("verdict", in->verdict, VERDICT_PASS);
    CHECK_ROW_INT("ttl", in->ttl, 64);
    CHECK_ROW_INT("size", in->size, 39);
    CHECK_ROW("packet", in->packet == PACKET_NAME(bench.sinks[NAT_OUTSIDE]->number, 1));
    CHECK_ROW("before", in->before.destination_port == 5000 &&
                            address_equal(in->before.destination, nat_endpoint("203.0.113.1").address));
    CHECK_ROW("after", endpoint_equal(flow_destination(&in->after), nat_endpoint(X)));
    CHECK_ROW_INT("dropped", dropped->verdict, VERDICT_DROP);
    CHECK_ROW_INT("reason", dropped->reason, DROP_FILTERED);
    CHECK_ROW("nothing went on", address_is_none(dropped->after.source));
    CHECK_ROW_TEXT("actions", dropped->kind->action, "dropped");
    CHECK_ROW_TEXT("actions", nat_bench_record(&bench, "nat-mapping-new")->kind->action, "mapping-new");
    CHECK_ROW_INT("one record a decision", bench.records->len, 4);
}

void
suite_nat_journal(void)
{
    UNIT_SUITE("nat: journal", NULL, tear_down, { "a cone", test_cone }, { "symmetric", test_symmetric },
               { "address-dependent", test_address_dependent }, { "affinity", test_affinity },
               { "hairpin", test_hairpin }, { "ICMP", test_icmp }, { "fields", test_fields },
               { "common members", test_common });
}
