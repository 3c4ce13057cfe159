/* TCP through firewalls, by rules and by explicit mappings, and what the journal says of connections. */
#include "tests/unit/support.h"
#include "tests/unit/support_nat.h"

#define X "10.0.0.2:5000"
#define N "203.0.113.1"
#define Y1 "198.51.100.1:80"
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

static void
open_bench(void)
{
    tear_down();
    nat_bench_open_pool(&bench, &options, 1);
}

static void
open_firewall(const struct firewall_rule *rules, uint32_t count)
{
    options = nat_preset_find("firewall")->options;
    nat_options_make_firewall(&options);
    options.rules = rules;
    options.rule_count = count;
    open_bench();
}

static const char *
out(const char *flags, const char *to)
{
    return nat_bench_tcp(&bench, NAT_INSIDE, flags, X, to);
}

static const char *
in(const char *flags, const char *from, const char *to)
{
    return nat_bench_tcp(&bench, NAT_OUTSIDE, flags, from, to);
}

static void
check_mappings(const char *row, const char *expected)
{
    g_autofree char *told = nat_bench_mappings(&bench);

    CHECK_ROW_TEXT(row, told, expected);
}

/* ---- firewalls (RFC 6092 section 3.3: what RFC 5382 asks of a NAT, without the translation) */

static void
test_firewall(void)
{
    open_firewall(NULL, 0);
    CHECK_ROW_TEXT("unsolicited", in("S", Y1, X), "-filtered");
    CHECK_ROW_TEXT("out of the blue", out("PA", Y1), "-no-session");
    CHECK_ROW_TEXT("SYN", out("S", Y1), "out " X " > " Y1 " S 1000/0");
    CHECK_ROW_TEXT("SYN-ACK", in("SA", Y1, X), "in " Y1 " > " X " SA 1000/2000");
    CHECK_ROW_TEXT("from another", in("S", Y2, X), "-filtered");
    CHECK_ROW_TEXT("simultaneous open", out("S", Y2), "out " X " > " Y2 " S 1000/0");
    CHECK_ROW_TEXT("simultaneous open", in("S", Y2, X), "in " Y2 " > " X " S 1000/0");
    check_mappings("state", "tcp " X " -> " X " [" Y1 ", " Y2 "]");
}

/* The six seconds hold for what a firewall refuses aloud; its answers speak for the host. */
static void
test_firewall_answers(void)
{
    open_firewall(NULL, 0);
    options.tcp.refusal = NAT_REFUSE_RESET;
    nat_set_options(bench.nat, &options);
    CHECK_ROW_TEXT("held", in("S", Y1, X), "");
    CHECK_ROW_TEXT("crossed", out("S", Y1), "out " X " > " Y1 " S 1000/0 -syn-crossed");
    CHECK_ROW_TEXT("held", in("S", Y2, X), "");
    nat_bench_until(&bench, 6 * TIME_S);
    CHECK_ROW_TEXT("RST", nat_bench_left(&bench), "out " X " > " Y2 " RA 0/1001");
}

static const struct firewall_rule inbound[] = {
    { FIREWALL_ANY, .action = FIREWALL_DENY, .from = { .length = 0 } },
};

static void
test_inbound_rules(void)
{
    struct firewall_rule rules[] = { inbound[0], inbound[0], inbound[0] };

    rules[0].direction = rules[1].direction = FIREWALL_IN;
    rules[0].action = FIREWALL_ALLOW;
    rules[0].protocol = PROTOCOL_TCP;
    rules[0].port_low = rules[0].port_high = 80; /* X's port is another */
    rules[1].protocol = PROTOCOL_TCP;
    rules[1].port_low = rules[1].port_high = 22;
    rules[2].direction = FIREWALL_OUT;
    rules[2].protocol = PROTOCOL_TCP;
    open_firewall(rules, 3);
    CHECK_ROW_TEXT("no SYN begins nothing", in("A", Y1, "10.0.0.2:80"), "-no-session");
    CHECK_ROW_TEXT("let in", in("S", Y1, "10.0.0.2:80"), "in " Y1 " > 10.0.0.2:80 S 1000/0");
    CHECK_ROW_TEXT("its answer needs no rule", nat_bench_tcp(&bench, NAT_INSIDE, "SA", "10.0.0.2:80", Y1),
                   "out 10.0.0.2:80 > " Y1 " SA 1000/2000");
    CHECK_ROW_TEXT("it goes on", in("A", Y1, "10.0.0.2:80"), "in " Y1 " > 10.0.0.2:80 A 1000/2000");
    CHECK_ROW_TEXT("no rule", in("S", Y1, X), "-filtered");
    CHECK_ROW_TEXT("forbidden", in("S", Y1, "10.0.0.2:22"), "-policy");
    CHECK_ROW_TEXT("forbidden out", out("S", Y1), "-policy");
    check_mappings("one", "tcp 10.0.0.2:80 -> 10.0.0.2:80 [" Y1 "]");
    nat_bench_until(&bench, 7440 * TIME_S);
    check_mappings("none", "");
}

/* What a rule forbids outwards is answered at once: nobody waits there. Inwards it waits. */
static void
test_rules_answer(void)
{
    struct firewall_rule rule = inbound[0];

    rule.protocol = PROTOCOL_TCP;
    rule.direction = FIREWALL_BOTH;
    options = nat_preset_find("port-restricted-cone")->options;
    options.rules = &rule;
    options.rule_count = 1;
    options.tcp.refusal = NAT_REFUSE_RESET;
    open_bench();
    CHECK_ROW_TEXT("out", out("S", Y1), "in " Y1 " > " X " RA 0/1001 -policy");
    CHECK_ROW_TEXT("RST", out("R", Y1), "-policy");
    options.tcp.refusal = NAT_REFUSE_ICMP;
    nat_set_options(bench.nat, &options);
    CHECK_ROW_TEXT("out", out("S", Y1), "in icmp 3/13 10.0.0.1 > 10.0.0.2 [" X " > " Y1 "] -policy");
    options.rule_count = 0;
    nat_set_options(bench.nat, &options);
    out("S", Y1);
    options.rule_count = 1;
    nat_set_options(bench.nat, &options);
    CHECK_ROW_TEXT("in", in("S", Y2, N ":5000"), "");
    g_autofree char *said = nat_bench_sentence(&bench, "nat-syn-held");
    CHECK_ROW_TEXT("said", said, "inbound SYN from " Y2 " to " N ":5000, which a rule forbids, is held for 6s: unless a "
                                 "SYN of the same connection passes by then, an ICMP error answers it");
    nat_bench_until(&bench, 6 * TIME_S);
    CHECK_ROW_TEXT("in, later", nat_bench_left(&bench), "out icmp 3/13 " N " > 198.51.100.9 [" Y2 " > " N ":5000]");
    CHECK_ROW_INT("dropped", (int64_t)node_dropped(bench.box, DROP_POLICY), 4);
}

/* ---- explicit mappings (RFC 6887) */

static void
test_explicit(void)
{
    struct nat_map_request request = { .protocol = PROTOCOL_TCP,
                                       .origin = NAT_ORIGIN_PCP,
                                       .internal = nat_endpoint(X),
                                       .external = nat_endpoint("0.0.0.0:8080"),
                                       .lifetime = TIME_MIN * 10 };
    struct nat_mapping_view view;

    options = nat_preset_find("symmetric")->options;
    open_bench();
    CHECK_ROW_INT("granted", nat_map_explicit(bench.nat, &request, &view), NAT_MAP_OK);
    check_mappings("without connections", "tcp " X " -> " N ":8080 []");
    CHECK_ROW_TEXT("anybody", in("S", Y1, N ":8080"), "in " Y1 " > " X " S 1000/0");
    CHECK_ROW_TEXT("answer", out("SA", Y1), "out " N ":8080 > " Y1 " SA 1000/2000");
    CHECK_ROW_TEXT("out by it too", out("S", Y2), "out " N ":8080 > " Y2 " S 1000/0");
    nat_bench_until(&bench, 240 * TIME_S);
    check_mappings("one connection is over", "tcp " X " -> " N ":8080 [" Y1 "]");
    nat_bench_until(&bench, 600 * TIME_S - 1);
    CHECK_ROW_TEXT("it lives by its lifetime", in("S", Y2, N ":8080"), "in " Y2 " > " X " S 1000/0");
    nat_bench_until(&bench, 600 * TIME_S);
    check_mappings("and ends by it, with its connections", "");
    CHECK_ROW_TEXT("in", in("A", Y1, N ":8080"), "-no-mapping");
    nat_bench_until(&bench, 8000 * TIME_S);
    CHECK_ROW_INT("no connection is left behind", nat_bench_records(&bench, "nat-connection-expired"), 1);
}

/* An ordinary mapping that becomes explicit keeps its port, and no longer ends with its last connection. */
static void
test_becomes_explicit(void)
{
    struct nat_map_request request = { .protocol = PROTOCOL_TCP,
                                       .origin = NAT_ORIGIN_NAT_PMP,
                                       .internal = nat_endpoint(X),
                                       .external = nat_endpoint("0.0.0.0:0"),
                                       .lifetime = TIME_MIN * 10 };
    struct nat_mapping_view view;

    options = nat_preset_find("port-restricted-cone")->options;
    open_bench();
    out("S", Y1);
    CHECK_ROW_INT("granted", nat_map_explicit(bench.nat, &request, &view), NAT_MAP_OK);
    CHECK_ROW("its port", endpoint_equal(view.external, nat_endpoint(N ":5000")));
    CHECK_ROW_INT("expires", view.expires, 600 * TIME_S);
    nat_bench_until(&bench, 300 * TIME_S);
    check_mappings("without connections", "tcp " X " -> " N ":5000 []");
    CHECK(nat_unmap_explicit(bench.nat, PROTOCOL_TCP, nat_endpoint(X)));
    check_mappings("taken back", "");
}

/* ---- words */

static void
check_says(const char *kind, const char *expected)
{
    g_autofree char *said = nat_bench_sentence(&bench, kind);

    CHECK_ROW_TEXT(kind, said, expected);
}

static void
test_says(void)
{
    options = nat_preset_find("port-restricted-cone")->options;
    open_bench();
    out("S", Y1);
    check_says("nat-connection-new", "new connection 1, of " X " with " Y1 " (mapping 1): INIT-INSIDE, because a SYN has "
                                     "come from inside; it is forgotten after 4min without traffic");
    check_says("nat-outbound", "outbound: source " X " becomes " N ":5000 (mapping 1, endpoint-independent: the same for "
                               "every destination); from now on " Y1 " may send in");
    in("SA", Y1, N ":5000");
    check_says("nat-connection-state", "connection 1, of " X " with " Y1 ", goes from INIT-INSIDE to ESTABLISHED, because "
                                       "a SYN has come from outside: both sides have sent one now; it is forgotten after "
                                       "124min without traffic");
    in("A", Y2, N ":5000");
    check_says("nat-inbound-dropped", "inbound from " Y2 " to " N ":5000: dropped as filtered, because " X " has not sent "
                                      "to " Y2 " and filtering is address-and-port-dependent (it has sent to " Y1 " only)");
    out("FA", Y1);
    check_says("nat-connection-state", "connection 1, of " X " with " Y1 ", goes from ESTABLISHED to FIN-INSIDE, because "
                                       "a FIN has come from inside: this side has no more to send, the other may go on; "
                                       "it is forgotten after 124min without traffic");
    in("R", Y1, N ":5000");
    check_says("nat-connection-state", "connection 1, of " X " with " Y1 ", goes from FIN-INSIDE to TRANS, because a RST "
                                       "has come from outside: it is over if nothing follows; it is forgotten after 4min "
                                       "without traffic");
    in("PA", Y1, N ":5000");
    check_says("nat-connection-state", "connection 1, of " X " with " Y1 ", goes from TRANS to FIN-INSIDE, because a "
                                       "segment has come from outside: it goes on, whatever the RST said; it is forgotten "
                                       "after 124min without traffic");
    in("FA", Y1, N ":5000");
    check_says("nat-connection-state", "connection 1, of " X " with " Y1 ", goes from FIN-INSIDE to FINS, because a FIN has "
                                       "come from outside: neither side has more to send; it is forgotten after 4min "
                                       "without traffic");
    out("S", Y1);
    check_says("nat-connection-state", "connection 1, of " X " with " Y1 ", goes from FINS to INIT-INSIDE, because a SYN has "
                                       "come from inside: the old connection is over, a new one has its ports; it is "
                                       "forgotten after 4min without traffic");
    nat_bench_until(&bench, 4 * TIME_MIN);
    check_says("nat-connection-expired", "connection 1, of " X " with " Y1 ", is forgotten in state INIT-INSIDE: nobody "
                                         "outside has answered its SYN, and 4min have passed without traffic");
    check_says("nat-mapping-expired", "mapping 1, " X " -> " N ":5000, has expired: its last connection is over");
    out("A", Y1);
    check_says("nat-outbound-dropped", "outbound from " X " to " Y1 ": dropped, because no connection with these ends was "
                                       "opened through the box");
}

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
    struct listing listing = { { .number = list_number, .time = list_number, .flag = list_flag, .text = list_text },
                               g_string_new(NULL) };
    const struct record *record = nat_bench_record(&bench, kind);

    if (CHECK_ROW(kind, record != NULL))
        record->kind->fields(record, NULL, &listing.fields);
    CHECK_ROW_TEXT(kind, listing.out->str, expected);
    g_string_free(listing.out, TRUE);
}

static void
test_fields(void)
{
    options = nat_preset_find("rfc4787")->options;
    open_bench();
    out("S", Y1);
    check_fields("nat-connection-new", "mapping=1 connection=1 internal=" X " external=" N ":5000 remote=" Y1
                                       " state=INIT-INSIDE expires=240000000000 ");
    in("SA", Y1, N ":5000");
    check_fields("nat-connection-state", "mapping=1 connection=1 internal=" X " external=" N ":5000 remote=" Y1
                                         " state=ESTABLISHED expires=7440000000000 state_before=INIT-INSIDE flag=SYN "
                                         "from_inside=false ");
    check_fields("nat-inbound", "mapping=1 rule=address-dependent internal=" X " external=" N ":5000 "
                                "expires=7440000000000 ");
    in("S", Y2, N ":5000");
    check_fields("nat-syn-held", "mapping=1 until=6000000000 ");
    nat_bench_until(&bench, 6 * TIME_S);
    check_fields("nat-syn-ended", "held=6000000000 ");
    CHECK_ROW_INT("verdict", nat_bench_record(&bench, "nat-syn-held")->verdict, VERDICT_HELD);
    CHECK_ROW_INT("reason", nat_bench_record(&bench, "nat-syn-held")->reason, DROP_NONE);
    CHECK_ROW_INT("reason", nat_bench_record(&bench, "nat-syn-ended")->reason, DROP_FILTERED);
}

void
suite_nat_tcp_more(void)
{
    UNIT_SUITE("nat: TCP of firewalls and explicit mappings", NULL, tear_down, { "firewall", test_firewall },
               { "firewall, answers", test_firewall_answers }, { "inbound rules", test_inbound_rules },
               { "rules answer", test_rules_answer }, { "explicit", test_explicit },
               { "becomes explicit", test_becomes_explicit }, { "says", test_says }, { "fields", test_fields });
}
