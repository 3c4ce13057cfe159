/* A firewall: state without translation, rules about flows that begin, and rules in a NAT. Filters are RFC 4787's and
 * RFC 6092's (a stateful filter is a NAT's without the translation: RFC 6092 section 3). */
#include "core/base/random.h"
#include "core/net/stack.h"
#include "tests/unit/support.h"
#include "tests/unit/support_nat.h"

#define X "10.0.0.2:5000"
#define X2 "10.0.0.3:5000"
#define Y1 "198.51.100.1:7000"
#define Y2 "198.51.100.2:7000"
#define Y1_PORT "198.51.100.1:7001"

static struct nat_bench bench;

static const struct firewall_rule any = { FIREWALL_ANY };

/* A firewall of a preset, or with these rules where there are some. */
static void
open_firewall(const char *preset, const struct firewall_rule *rules, uint32_t count)
{
    struct nat_options options = nat_preset_find(preset)->options;

    nat_options_make_firewall(&options);
    if (count > 0) {
        options.rules = rules;
        options.rule_count = count;
    }
    nat_bench_open_pool(&bench, &options, 1);
}

static void
open_nat(const struct firewall_rule *rules, uint32_t count, void (*change)(struct nat_options *options))
{
    struct nat_options options = nat_preset_find("port-restricted-cone")->options;

    options.rules = rules;
    options.rule_count = count;
    if (change)
        change(&options);
    nat_bench_open_pool(&bench, &options, 1);
}

static void
tear_down(void)
{
    nat_bench_close(&bench);
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
set_rules(const struct firewall_rule *rules, uint32_t count)
{
    struct nat_options options = *nat_options(bench.nat);

    options.rules = rules;
    options.rule_count = count;
    nat_set_options(bench.nat, &options);
}

/* ---- state */

/* RFC 6092 REC-14 and REC-16: five minutes, refreshed by what goes out. */
static void
test_state(void)
{
    open_firewall("firewall", NULL, 0);
    CHECK_ROW_TEXT("nobody has sent", in(Y1, X), "-filtered");
    CHECK_ROW_TEXT("out", out(X, Y1), "out 10.0.0.2:5000 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("an answer", in(Y1, X), "in 198.51.100.1:7000 > 10.0.0.2:5000");
    CHECK_ROW_TEXT("another port", in(Y1_PORT, X), "-filtered");
    CHECK_ROW_TEXT("another address", in(Y2, X), "-filtered");
    CHECK_ROW_TEXT("another port inside", in(Y1, "10.0.0.2:5001"), "-filtered");
    CHECK_ROW_TEXT("the same port of another host", in(Y1, X2), "-filtered");
    CHECK_ROW_TEXT("that one's own", out(X2, Y1), "out 10.0.0.3:5000 > 198.51.100.1:7000");
    nat_bench_until(&bench, 5 * TIME_MIN - 1);
    CHECK_ROW_TEXT("still", in(Y1, X), "in 198.51.100.1:7000 > 10.0.0.2:5000");
    nat_bench_until(&bench, 5 * TIME_MIN);
    CHECK_ROW_TEXT("no more", in(Y1, X), "-filtered");
}

/* What is for the box itself is no business of its filter, apart from UDP that nobody there waits for. */
static void
test_own_addresses(void)
{
    open_firewall("firewall", NULL, 0);
    CHECK_ROW_TEXT("UDP from outside", in(Y1, "203.0.113.1:9"), "-filtered");
    CHECK_ROW_TEXT("its inside address from outside", in(Y1, "10.0.0.1:9"), "-filtered");
    CHECK_ROW_TEXT("echo", nat_bench_echo(&bench, NAT_OUTSIDE, false, "198.51.100.1", "203.0.113.1", 7),
                   "out reply 203.0.113.1 > 198.51.100.1 id 7 mine");
    CHECK_ROW_TEXT("from inside to its outside address", out(X, "203.0.113.1:9"),
                   "in icmp 3/3 10.0.0.1 > 10.0.0.2 [10.0.0.2:5000 > 203.0.113.1:9] -port-unreachable");
    g_autofree char *sentence = nat_bench_sentence(&bench, "nat-inbound-dropped");
    CHECK_ROW_TEXT("words", sentence, "inbound from 198.51.100.1:7000 to 10.0.0.1:9: dropped as filtered, because it is "
                                      "for the firewall itself, which has no use for it");
}

/* A mapping of somebody inside keeps no port of the box's own addresses. */
static void
test_own_sockets(void)
{
    struct io *io;
    struct io_udp *socket;
    static const struct io_udp_events events = { NULL, NULL };
    enum io_result why = IO_OK;

    open_firewall("firewall", NULL, 0);
    out(X, Y1);
    io = node_io(bench.box);
    socket = io->ops->udp(io, &(struct endpoint){ .port = 5000 }, &events, NULL, &why);
    CHECK_ROW_INT("a socket of any address", why, IO_OK);
    if (socket)
        socket->ops->close(socket);
}

static void
test_refusals(void)
{
    static const struct {
        const char *name;
        enum nat_refusal refusal;
        const char *filtered;
    } rows[] = {
        { "drop", NAT_REFUSE_SILENTLY, "-filtered" },
        { "icmp", NAT_REFUSE_ICMP,
          "out icmp 3/13 203.0.113.1 > 198.51.100.1 [198.51.100.1:7000 > 10.0.0.2:5000] -filtered" },
        { "reset", NAT_REFUSE_RESET,
          "out icmp 3/13 203.0.113.1 > 198.51.100.1 [198.51.100.1:7000 > 10.0.0.2:5000] -filtered" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct nat_options options = nat_preset_find("firewall")->options;

        nat_options_make_firewall(&options);
        options.udp.refusal = rows[i].refusal;
        nat_bench_open_pool(&bench, &options, 1);
        CHECK_ROW_TEXT(rows[i].name, in(Y1, X), rows[i].filtered);
        if (i + 1 < G_N_ELEMENTS(rows))
            nat_bench_close(&bench);
    }
}

/* ICMP errors follow the flow that they are about, both ways, and no others do (RFC 6092 REC-10). */
static void
test_icmp_errors(void)
{
    open_firewall("firewall", NULL, 0);
    out(X, Y1);
    CHECK_ROW_TEXT("from outside", nat_bench_error(&bench, NAT_OUTSIDE, 3, 3, "198.51.100.9", "10.0.0.2", X, Y1, 28),
                   "in icmp 3/3 198.51.100.9 > 10.0.0.2 [10.0.0.2:5000 > 198.51.100.1:7000]");
    CHECK_ROW_TEXT("from inside", nat_bench_error(&bench, NAT_INSIDE, 3, 3, "10.0.0.2", "198.51.100.1", Y1, X, 28),
                   "out icmp 3/3 10.0.0.2 > 198.51.100.1 [198.51.100.1:7000 > 10.0.0.2:5000]");
    CHECK_ROW_TEXT("about nothing", nat_bench_error(&bench, NAT_OUTSIDE, 3, 3, "198.51.100.9", "10.0.0.3", X2, Y1, 28),
                   "-icmp-unrelated");
    CHECK_ROW_TEXT("from inside about nothing",
                   nat_bench_error(&bench, NAT_INSIDE, 3, 3, "10.0.0.3", "198.51.100.1", Y1, X2, 28),
                   "-icmp-unrelated");
}

static void
test_queries(void)
{
    static const struct firewall_rule let_ping[] = {
        { .action = FIREWALL_ALLOW, .direction = FIREWALL_IN, .protocol = PROTOCOL_ICMP, .port_high = UINT16_MAX },
    };

    open_firewall("firewall", NULL, 0);
    CHECK_ROW_TEXT("from outside", nat_bench_echo(&bench, NAT_OUTSIDE, false, "198.51.100.1", "10.0.0.2", 7),
                   "-filtered");
    CHECK_ROW_TEXT("out", nat_bench_echo(&bench, NAT_INSIDE, false, "10.0.0.2", "198.51.100.1", 7),
                   "out echo 10.0.0.2 > 198.51.100.1 id 7");
    CHECK_ROW_TEXT("its reply", nat_bench_echo(&bench, NAT_OUTSIDE, true, "198.51.100.1", "10.0.0.2", 7),
                   "in reply 198.51.100.1 > 10.0.0.2 id 7");
    CHECK_ROW_TEXT("of another", nat_bench_echo(&bench, NAT_OUTSIDE, true, "198.51.100.1", "10.0.0.2", 8), "-filtered");
    CHECK_ROW_TEXT("a reply to nothing", nat_bench_echo(&bench, NAT_INSIDE, true, "10.0.0.2", "198.51.100.1", 9),
                   "-protocol-unsupported");
    set_rules(let_ping, 1);
    CHECK_ROW_TEXT("let in", nat_bench_echo(&bench, NAT_OUTSIDE, false, "198.51.100.1", "10.0.0.2", 9),
                   "in echo 198.51.100.1 > 10.0.0.2 id 9");
    CHECK_ROW_TEXT("and answered", nat_bench_echo(&bench, NAT_INSIDE, true, "10.0.0.2", "198.51.100.1", 9),
                   "out reply 10.0.0.2 > 198.51.100.1 id 9");
    CHECK_ROW_TEXT("an error about that answer",
                   nat_bench_error(&bench, NAT_OUTSIDE, 3, 1, "198.51.100.7", "10.0.0.2", "10.0.0.2", "198.51.100.1#9", 28),
                   "in icmp 3/1 198.51.100.7 > 10.0.0.2 [reply 10.0.0.2 > 198.51.100.1 id 9]");
}

/* ---- rules */

/* Rules are asked when a flow begins; what has state, from whichever side, is let alone. */
static void
test_begun_flows_pass(void)
{
    struct firewall_rule no_udp = any;

    no_udp.action = FIREWALL_DENY;
    no_udp.protocol = PROTOCOL_UDP;
    open_firewall("firewall", NULL, 0);
    out(X, Y1);
    set_rules(&no_udp, 1);
    CHECK_ROW_TEXT("goes on", out(X, Y1), "out 10.0.0.2:5000 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("and back", in(Y1, X), "in 198.51.100.1:7000 > 10.0.0.2:5000");
    CHECK_ROW_TEXT("another", out(X, Y2), "-policy");
    CHECK_ROW_TEXT("another in", in(Y2, X), "-policy");
    CHECK_ROW_TEXT("to a stranger", in(Y1, X2), "-policy");
    nat_bench_until(&bench, 5 * TIME_MIN);
    CHECK_ROW_TEXT("no more", out(X, Y1), "-policy");
    CHECK_ROW_INT("refused", (int64_t)nat_counts(bench.nat).refused, 4);
    set_rules(NULL, 0);
    CHECK_ROW_TEXT("lifted", out(X, Y1), "out 10.0.0.2:5000 > 198.51.100.1:7000");
}

/* `allow` lets strangers in, and the answers out, though a rule forbids to begin anything outwards. */
static void
test_let_in(void)
{
    struct firewall_rule rules[] = { any, any };

    rules[0].direction = FIREWALL_IN;
    rules[0].port_low = rules[0].port_high = 5000;
    rules[0].address = (struct prefix){ nat_endpoint("10.0.0.2").address, 32 };
    rules[0].has_address = true;
    rules[1].action = FIREWALL_DENY;
    rules[1].direction = FIREWALL_OUT;
    open_firewall("firewall", rules, 2);
    CHECK_ROW_TEXT("out", out(X, Y1), "-policy");
    CHECK_ROW_TEXT("in", in(Y1, X), "in 198.51.100.1:7000 > 10.0.0.2:5000");
    CHECK_ROW_TEXT("an answer", out(X, Y1), "out 10.0.0.2:5000 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("to somebody else", out(X, Y2), "-policy");
    CHECK_ROW_TEXT("him in", in(Y2, X), "in 198.51.100.2:7000 > 10.0.0.2:5000");
    CHECK_ROW_TEXT("another port", in(Y1, "10.0.0.2:5001"), "-filtered");
    CHECK_ROW_TEXT("another host", in(Y1, X2), "-filtered");
    set_rules(&rules[1], 1);
    CHECK_ROW_TEXT("answered before", in(Y1, X), "in 198.51.100.1:7000 > 10.0.0.2:5000");
    CHECK_ROW_TEXT("never answered", in(Y2, X), "-filtered");
    CHECK_ROW_TEXT("his address neither", in("198.51.100.2:7001", X), "-filtered");
    CHECK_ROW_TEXT("an answer now", out(X, Y2), "out 10.0.0.2:5000 > 198.51.100.2:7000");
    CHECK_ROW_TEXT("and he is in", in(Y2, X), "in 198.51.100.2:7000 > 10.0.0.2:5000");
}

static void
filter_by_address(struct nat_options *options)
{
    options->udp.filtering = NAT_ADDRESS_DEPENDENT;
    options->udp.mapping = NAT_MAPPING_NONE;
}

/* Who was let in by a rule counts as sent to once he has been answered, and his address with him. */
static void
test_let_in_and_addresses(void)
{
    struct firewall_rule rule = any;

    rule.direction = FIREWALL_IN;
    open_nat(&rule, 1, filter_by_address);
    in(Y1, X);
    set_rules(NULL, 0);
    CHECK_ROW_TEXT("not answered", in(Y1, X), "-filtered");
    CHECK_ROW_TEXT("to another port of his", out(X, Y1_PORT), "out 10.0.0.2:5000 > 198.51.100.1:7001");
    CHECK_ROW_TEXT("his address has been sent to", in(Y1, X), "in 198.51.100.1:7000 > 10.0.0.2:5000");
    CHECK_ROW_TEXT("and no other", in(Y2, X), "-filtered");
}

static void
test_presets(void)
{
    static const struct {
        const char *preset, *port, *told;
    } rows[] = {
        { "firewall", Y1, "out 10.0.0.2:5000 > 198.51.100.1:7000" },
        { "udp-blocked", Y1, "-policy" },
        { "only-443", Y1, "-policy" },
        { "only-443", "198.51.100.1:443", "-policy" },
        { "captive", Y1, "in icmp 3/13 10.0.0.1 > 10.0.0.2 [10.0.0.2:5000 > 198.51.100.1:7000] -policy" },
        { "captive", "198.51.100.1:53", "out 10.0.0.2:5000 > 198.51.100.1:53" },
    };
    static const struct {
        const char *preset, *told;
    } pings[] = {
        { "firewall", "out echo 10.0.0.2 > 198.51.100.1 id 7" },
        { "udp-blocked", "out echo 10.0.0.2 > 198.51.100.1 id 7" },
        { "only-443", "-policy" },
        { "captive", "in icmp 3/13 10.0.0.1 > 10.0.0.2 [echo 10.0.0.2 > 198.51.100.1 id 7] -policy" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        open_firewall(rows[i].preset, NULL, 0);
        CHECK_ROW_TEXT(rows[i].preset, out(X, rows[i].port), rows[i].told);
        nat_bench_close(&bench);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(pings); i++) {
        open_firewall(pings[i].preset, NULL, 0);
        CHECK_ROW_TEXT(pings[i].preset, nat_bench_echo(&bench, NAT_INSIDE, false, "10.0.0.2", "198.51.100.1", 7),
                       pings[i].told);
        CHECK_ROW_TEXT(pings[i].preset, nat_bench_echo(&bench, NAT_INSIDE, false, "10.0.0.2", "10.0.0.1", 7),
                       "in reply 10.0.0.1 > 10.0.0.2 id 7 mine");
        nat_bench_close(&bench);
    }
    nat_bench_open(&bench, "udp-blocked", NULL);
    CHECK_ROW_TEXT("as a NAT", nat_bench_echo(&bench, NAT_INSIDE, false, "10.0.0.2", "198.51.100.1", 7),
                   "out echo 203.0.113.1 > 198.51.100.1 id 7");
    CHECK_ROW_TEXT("as a NAT", out(X, Y1), "-policy");
}

/* ---- rules in a NAT */

/* The internal view: before translation on the way out, after it on the way in. `allow` opens the filter of a mapping,
 * and makes none. */
static void
test_rules_of_a_nat(void)
{
    struct firewall_rule rules[] = { any, any, any };

    rules[0].direction = FIREWALL_IN;
    rules[0].has_address = true;
    rules[0].address = (struct prefix){ nat_endpoint("10.0.0.2").address, 32 };
    rules[1].action = rules[2].action = FIREWALL_DENY;
    rules[1].has_from = true;
    rules[1].from = (struct prefix){ nat_endpoint("10.0.0.3").address, 32 };
    rules[2].has_address = true;
    rules[2].address = (struct prefix){ nat_endpoint("203.0.113.1").address, 32 }; /* as nobody inside sees it */
    open_nat(rules, 3, NULL);
    CHECK_ROW_TEXT("from", out(X2, Y1), "-policy");
    CHECK_ROW_TEXT("no mapping", in(Y1, "203.0.113.1:5000"), "-no-mapping");
    CHECK_ROW_TEXT("out", out(X, Y1), "out 203.0.113.1:5000 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("in", in(Y1, "203.0.113.1:5000"), "in 198.51.100.1:7000 > 10.0.0.2:5000");
    CHECK_ROW_TEXT("a stranger", in(Y2, "203.0.113.1:5000"), "in 198.51.100.2:7000 > 10.0.0.2:5000");
    CHECK_ROW_TEXT("another host's", in(Y2, "203.0.113.1:5001"), "-no-mapping");
    CHECK_ROW_TEXT("its internal address", in(Y2, X), "-no-mapping");
    g_autofree char *sentence = nat_bench_sentence(&bench, "nat-inbound");
    CHECK_ROW_TEXT("words", sentence, "inbound: destination 203.0.113.1:5000 becomes 10.0.0.2:5000 (mapping 1), because "
                                      "rule 1 allows it");
}

static void
hairpins(struct nat_options *options)
{
    options->hairpin = NAT_HAIRPIN_EXTERNAL_SOURCE;
    options->udp.filtering = NAT_ENDPOINT_INDEPENDENT;
}

/* A hairpinned packet goes out and comes in, and rules see both. */
static void
test_rules_of_a_hairpin(void)
{
    struct firewall_rule rule = any;

    rule.action = FIREWALL_DENY;
    rule.direction = FIREWALL_IN;
    open_nat(NULL, 0, hairpins);
    out(X, Y1);
    set_rules(&rule, 1);
    CHECK_ROW_TEXT("in", out(X2, "203.0.113.1:5000"), "-policy");
    rule.direction = FIREWALL_OUT;
    set_rules(&rule, 1);
    CHECK_ROW_TEXT("it has state by now", out(X2, "203.0.113.1:5000"), "in 203.0.113.1:5001 > 10.0.0.2:5000");
    CHECK_ROW_TEXT("out", out("10.0.0.4:5000", "203.0.113.1:5000"), "-policy");
    g_autofree char *sentence = nat_bench_sentence(&bench, "nat-outbound-dropped");
    CHECK_ROW_TEXT("words", sentence, "hairpin, outbound from 10.0.0.4:5000 to 203.0.113.1:5000: dropped, because rule 1 "
                                      "denies all traffic");
}

/* ---- words */

static void
test_sentences(void)
{
    struct firewall_rule rules[] = { any, any };

    rules[0].direction = FIREWALL_IN;
    rules[0].port_low = rules[0].port_high = 5000;
    rules[1].action = FIREWALL_DENY;
    rules[1].protocol = PROTOCOL_UDP;
    rules[1].port_low = 53;
    rules[1].port_high = 7000;
    rules[1].has_address = true;
    rules[1].address = (struct prefix){ nat_endpoint("198.51.100.1").address, 24 };
    rules[1].has_from = true;
    rules[1].from = rules[1].address;
    rules[1].from.address = nat_endpoint("10.0.0.0").address;
    open_firewall("firewall", rules, 2);
    in(Y1, X);
    in(Y1, "10.0.0.2:5001");
    out(X2, Y1);
    g_autofree char *made = nat_bench_sentence(&bench, "nat-mapping-new");
    g_autofree char *let = nat_bench_sentence(&bench, "nat-inbound");
    g_autofree char *filtered = nat_bench_sentence(&bench, "nat-inbound-dropped");
    g_autofree char *denied = nat_bench_sentence(&bench, "nat-outbound-dropped");
    out(X, Y1);
    g_autofree char *answered = nat_bench_sentence(&bench, "nat-outbound");

    CHECK_ROW_TEXT("made", made, "new mapping 10.0.0.2:5000, because a rule lets 198.51.100.1:7000 in (mapping 1)");
    CHECK_ROW_TEXT("let in", let, "inbound: destination 10.0.0.2:5000 is not translated (mapping 1), because rule 1 "
                                  "allows it");
    CHECK_ROW_TEXT("filtered", filtered, "inbound from 198.51.100.1:7000 to 10.0.0.2:5001: dropped as filtered, because "
                                         "nothing has been sent from there and no rule allows it in");
    CHECK_ROW_TEXT("denied", denied, "outbound from 10.0.0.3:5000 to 198.51.100.1:7000: dropped, because rule 2 denies "
                                     "udp from 10.0.0.3 to ports 53 to 7000 to 198.51.100.1");
    CHECK_ROW_TEXT("answered", answered, "outbound: source 10.0.0.2:5000 is not translated (mapping 1); from now on "
                                         "198.51.100.1:7000 may send in");
}

/* ---- against a model */

enum { INTERNALS = 3, REMOTES = 4, PACKETS = 3000, RULES_MAX = 4 };

static const char *const internals[INTERNALS] = { X, "10.0.0.2:5001", X2 };
static const char *const remotes[REMOTES] = { Y1, Y1_PORT, Y2, "198.51.100.3:53" };

/* Slow and obvious: what each pair has done, and when each internal endpoint was last heard. */
struct model {
    struct firewall_rule rules[RULES_MAX];
    uint32_t count;
    int filtering;
    bool sent[INTERNALS][REMOTES], admitted[INTERNALS][REMOTES], alive[INTERNALS];
    int64_t until[INTERNALS], now;
};

static int
model_verdict(const struct model *model, bool outwards, const char *from, const char *to)
{
    for (uint32_t i = 0; i < model->count; i++) {
        const struct firewall_rule *rule = &model->rules[i];
        unsigned port = nat_endpoint(to).port;

        if ((rule->direction == FIREWALL_OUT && !outwards) || (rule->direction == FIREWALL_IN && outwards))
            continue;
        if (port < rule->port_low || port > rule->port_high)
            continue;
        if (rule->has_address && !address_equal(rule->address.address, nat_endpoint(to).address))
            continue;
        if (rule->has_from && !address_equal(rule->from.address, nat_endpoint(from).address))
            continue;
        return rule->action;
    }
    return -1;
}

static bool
model_filter(const struct model *model, int internal, int remote)
{
    if (!model->alive[internal])
        return false;
    for (int other = 0; other < REMOTES; other++) {
        bool same = other == remote || model->filtering == NAT_ENDPOINT_INDEPENDENT ||
                    (model->filtering == NAT_ADDRESS_DEPENDENT &&
                     address_equal(nat_endpoint(remotes[other]).address, nat_endpoint(remotes[remote]).address));

        if (same && (model->sent[internal][other] || model->filtering == NAT_ENDPOINT_INDEPENDENT))
            return true;
    }
    return false;
}

static void
model_expire(struct model *model)
{
    for (int i = 0; i < INTERNALS; i++)
        if (model->alive[i] && model->now >= model->until[i]) {
            model->alive[i] = false;
            memset(model->sent[i], 0, sizeof model->sent[i]);
            memset(model->admitted[i], 0, sizeof model->admitted[i]);
        }
}

static const char *
model_out(struct model *model, int internal, int remote)
{
    bool known = model->sent[internal][remote] || model->admitted[internal][remote];

    if (!known && model_verdict(model, true, internals[internal], remotes[remote]) == FIREWALL_DENY)
        return "-policy";
    model->alive[internal] = model->sent[internal][remote] = true;
    model->until[internal] = model->now + 5 * TIME_MIN;
    return "out";
}

static const char *
model_in(struct model *model, int internal, int remote)
{
    int verdict = model_verdict(model, false, remotes[remote], internals[internal]);
    bool sent = model->sent[internal][remote];

    if (!sent && verdict == FIREWALL_DENY)
        return "-policy";
    if (!sent && verdict != FIREWALL_ALLOW && !model_filter(model, internal, remote))
        return "-filtered";
    if (!model->alive[internal]) {
        model->alive[internal] = true;
        model->until[internal] = model->now + 5 * TIME_MIN;
    }
    model->admitted[internal][remote] = true;
    return "in";
}

static void
draw_rules(struct model *model, struct random_stream *random)
{
    model->count = (uint32_t)random_below(random, RULES_MAX + 1);
    for (uint32_t i = 0; i < model->count; i++) {
        struct firewall_rule *rule = &model->rules[i];
        const char *inside = internals[random_below(random, INTERNALS)], *outside = remotes[random_below(random, REMOTES)];

        *rule = any;
        rule->action = (uint8_t)random_below(random, 2);
        rule->direction = (uint8_t)random_below(random, 3);
        if (random_below(random, 2) == 0)
            rule->port_low = rule->port_high = random_below(random, 2) == 0 ? 5000 : 7000;
        rule->has_address = random_below(random, 2) == 0;
        rule->address = (struct prefix){ nat_endpoint(random_below(random, 2) == 0 ? inside : outside).address, 32 };
        rule->has_from = random_below(random, 3) == 0;
        rule->from = (struct prefix){ nat_endpoint(random_below(random, 2) == 0 ? inside : outside).address, 32 };
    }
}

static bool
step(struct model *model, struct random_stream *random)
{
    int internal = (int)random_below(random, INTERNALS), remote = (int)random_below(random, REMOTES);
    bool outwards = random_below(random, 2) == 0;
    const char *wanted, *told;

    if (random_below(random, 3) == 0)
        model->now += (int64_t)random_below(random, 120) * TIME_S;
    if (random_below(random, 40) == 0) {
        draw_rules(model, random);
        set_rules(model->rules, model->count);
    }
    nat_bench_until(&bench, model->now);
    model_expire(model);
    wanted = outwards ? model_out(model, internal, remote) : model_in(model, internal, remote);
    told = outwards ? out(internals[internal], remotes[remote]) : in(remotes[remote], internals[internal]);
    return *wanted == '-' ? strcmp(told, wanted) == 0 : g_str_has_prefix(told, wanted);
}

static void
test_model(void)
{
    for (int filtering = NAT_ENDPOINT_INDEPENDENT; filtering <= NAT_ADDRESS_AND_PORT_DEPENDENT; filtering++) {
        struct nat_options options = nat_preset_find("firewall")->options;
        struct random_stream random = random_stream_of(1, nat_dependence_words[filtering], "firewall");
        struct model model = { .filtering = filtering };

        nat_options_make_firewall(&options);
        options.udp.filtering = (uint8_t)filtering;
        nat_bench_open_pool(&bench, &options, 1);
        for (int i = 0; i < PACKETS; i++)
            if (!CHECK_ROW(nat_dependence_words[filtering], step(&model, &random)))
                break;
        if (filtering < NAT_ADDRESS_AND_PORT_DEPENDENT)
            nat_bench_close(&bench);
    }
}

void
suite_nat_firewall(void)
{
    UNIT_SUITE("nat: firewall", NULL, tear_down, { "state", test_state }, { "its own addresses", test_own_addresses },
               { "its own sockets", test_own_sockets }, { "refusals", test_refusals },
               { "ICMP errors", test_icmp_errors }, { "queries", test_queries },
               { "what has begun passes", test_begun_flows_pass }, { "who is let in", test_let_in },
               { "who is let in, by address", test_let_in_and_addresses }, { "presets", test_presets },
               { "rules of a NAT", test_rules_of_a_nat }, { "rules of a hairpin", test_rules_of_a_hairpin },
               { "sentences", test_sentences }, { "random packets and rules", test_model });
}
