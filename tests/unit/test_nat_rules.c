/* Rules of a firewall: in words, and against flows. */
#include "nat/rules.h"

#include "core/base/random.h"
#include "tests/unit/support.h"
#include "tests/unit/support_nat.h"

/* A rule of words: "deny direction=out protocol=udp". */
static struct firewall_rule
rule_of(const char *text)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    struct firewall_rule rule = { FIREWALL_ANY };

    CHECK_ROW(text, firewall_rule_set(&rule, "action", words[0], NULL));
    for (char **word = words + 1; *word; word++) {
        g_auto(GStrv) pair = g_strsplit(*word, "=", 2);

        CHECK_ROW(*word, firewall_rule_set(&rule, pair[0], pair[1], NULL));
    }
    return rule;
}

static void
test_says(void)
{
    static const struct {
        const char *rule, *said;
    } rows[] = {
        { "deny", "deny" },
        { "allow direction=both", "allow" },
        { "deny direction=out protocol=udp", "deny out udp" },
        { "allow direction=in protocol=tcp port=443", "allow in tcp port 443" },
        { "allow port=5000-5999 address=198.51.100.0/24", "allow to 198.51.100.0/24 port 5000-5999" },
        { "deny protocol=icmp from=2001:db8::1", "deny icmp from 2001:db8::1" },
        { "deny from=10.0.0.2 address=2001:db8::/32", "deny from 10.0.0.2 to 2001:db8::/32" },
        { "deny address=0.0.0.0/0", "deny to 0.0.0.0/0" },
        { "deny address=::/0 from=::/0", "deny from ::/0 to ::/0" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct firewall_rule rule = rule_of(rows[i].rule);
        GString *said = g_string_new(NULL);

        firewall_rule_say(&rule, said);
        CHECK_ROW_TEXT(rows[i].rule, said->str, rows[i].said);
        g_string_free(said, TRUE);
    }
}

static void
test_refuses(void)
{
    static const struct {
        const char *begun, *key, *value, *complaint;
    } rows[] = {
        { "deny", "actoin", "deny",
          "'actoin' is not a key of a rule; accepted: action, direction, protocol, address, port or from; did you mean "
          "'action'?" },
        { "deny", "action", "drop", "'drop' is not a rule's action; accepted: allow or deny" },
        { "deny", "direction", "inn", "'inn' is not a rule's direction; accepted: out, in or both; did you mean 'in'?" },
        { "deny", "protocol", "upd",
          "'upd' is not a rule's protocol; accepted: udp, tcp or icmp; did you mean 'udp'?" },
        { "deny", "address", "10.0.0.0/33",
          "'10.0.0.0/33' is not a rule's address; accepted: an address, or a prefix such as \"198.51.100.0/24\" or "
          "\"2001:db8::/32\"" },
        { "deny", "from", "",
          "'' is not a rule's from; accepted: an address, or a prefix such as \"198.51.100.0/24\" or "
          "\"2001:db8::/32\"" },
        { "deny", "port", "0",
          "'0' is not a rule's port; accepted: one from 1 to 65535, or two such as \"5000-5999\", the lower first" },
        { "deny", "port", "9-8",
          "'9-8' is not a rule's port; accepted: one from 1 to 65535, or two such as \"5000-5999\", the lower first" },
        { "deny", "port", "1-2-3",
          "'1-2-3' is not a rule's port; accepted: one from 1 to 65535, or two such as \"5000-5999\", the lower "
          "first" },
        { "deny protocol=icmp", "port", "5", "a rule about icmp has no port" },
        { "deny port=5", "protocol", "icmp", "a rule about icmp has no port" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct firewall_rule rule = rule_of(rows[i].begun), before = rule;
        g_autoptr(GError) error = NULL;

        CHECK_ROW(rows[i].value, !firewall_rule_set(&rule, rows[i].key, rows[i].value, &error));
        CHECK_ROW_TEXT(rows[i].value, error ? error->message : "", rows[i].complaint);
        CHECK_ROW(rows[i].value, rule.action == before.action && rule.protocol == before.protocol &&
                                     rule.port_high == before.port_high && !rule.has_address && !rule.has_from);
    }
}

static struct flow
flow_of(uint8_t protocol, const char *from, const char *to)
{
    struct endpoint source = nat_endpoint(from), destination = nat_endpoint(to);

    return (struct flow){ source.address, destination.address, source.port, destination.port, protocol };
}

static void
test_matches(void)
{
    static const char *const rules[] = {
        "deny direction=out protocol=udp port=53 address=198.51.100.9", /* 1 */
        "allow direction=in protocol=tcp port=443 address=192.0.2.0/30", /* 2 */
        "deny protocol=icmp from=192.0.2.1", /* 3 */
        "allow direction=in address=2001:db8::/64 port=5000-5999", /* 4 */
        "deny address=203.0.113.0/24", /* 5 */
        "deny direction=out address=::/0", /* 6 */
    };
    static const struct {
        const char *name;
        enum firewall_direction direction;
        uint8_t protocol;
        const char *from, *to;
        uint32_t number;
    } rows[] = {
        { "port and address", FIREWALL_OUT, PROTOCOL_UDP, "192.0.2.2:9", "198.51.100.9:53", 1 },
        { "another port", FIREWALL_OUT, PROTOCOL_UDP, "192.0.2.2:9", "198.51.100.9:54", 0 },
        { "another address", FIREWALL_OUT, PROTOCOL_UDP, "192.0.2.2:9", "198.51.100.8:53", 0 },
        { "another protocol", FIREWALL_OUT, PROTOCOL_TCP, "192.0.2.2:9", "198.51.100.9:53", 0 },
        { "the other way", FIREWALL_IN, PROTOCOL_UDP, "192.0.2.2:9", "198.51.100.9:53", 0 },
        { "in the prefix", FIREWALL_IN, PROTOCOL_TCP, "198.51.100.9:7", "192.0.2.3:443", 2 },
        { "beyond it", FIREWALL_IN, PROTOCOL_TCP, "198.51.100.9:7", "192.0.2.4:443", 0 },
        { "from", FIREWALL_OUT, PROTOCOL_ICMP, "192.0.2.1", "198.51.100.9", 3 },
        { "either way", FIREWALL_IN, PROTOCOL_ICMP, "192.0.2.1", "198.51.100.9", 3 },
        { "from another", FIREWALL_OUT, PROTOCOL_ICMP, "192.0.2.3", "198.51.100.9", 0 },
        { "the first port", FIREWALL_IN, PROTOCOL_UDP, "[2001:db8:1::1]:9", "[2001:db8::2]:5000", 4 },
        { "the last", FIREWALL_IN, PROTOCOL_UDP, "[2001:db8:1::1]:9", "[2001:db8::2]:5999", 4 },
        { "before", FIREWALL_IN, PROTOCOL_UDP, "[2001:db8:1::1]:9", "[2001:db8::2]:4999", 0 },
        { "behind", FIREWALL_IN, PROTOCOL_UDP, "[2001:db8:1::1]:9", "[2001:db8::2]:6000", 0 },
        { "any protocol", FIREWALL_OUT, PROTOCOL_ICMP, "192.0.2.2", "203.0.113.200", 5 },
        { "the other family", FIREWALL_OUT, PROTOCOL_ICMPV6, "2001:db8::2", "2001:db8:1::1", 6 },
        { "not of it", FIREWALL_OUT, PROTOCOL_UDP, "192.0.2.2:9", "192.0.2.99:9", 0 },
    };
    struct firewall_rule list[G_N_ELEMENTS(rules)];

    for (size_t i = 0; i < G_N_ELEMENTS(rules); i++)
        list[i] = rule_of(rules[i]);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct flow flow = flow_of(rows[i].protocol, rows[i].from, rows[i].to);

        CHECK_ROW_UINT(rows[i].name, firewall_rules_match(list, G_N_ELEMENTS(list), rows[i].direction, &flow),
                       rows[i].number);
    }
}

/* ICMPv6 is icmp; the first of several that match decides. */
static void
test_first_match(void)
{
    struct firewall_rule list[] = { rule_of("allow protocol=icmp"), rule_of("deny from=2001:db8::1"), rule_of("allow") };
    struct flow ping = flow_of(PROTOCOL_ICMPV6, "2001:db8::1", "2001:db8::2");
    struct flow udp = flow_of(PROTOCOL_UDP, "[2001:db8::1]:1", "[2001:db8::2]:2");
    struct flow other = flow_of(PROTOCOL_UDP, "[2001:db8::3]:1", "[2001:db8::2]:2");

    CHECK_ROW_UINT("icmp", firewall_rules_match(list, 3, FIREWALL_OUT, &ping), 1);
    CHECK_ROW_UINT("from", firewall_rules_match(list, 3, FIREWALL_OUT, &udp), 2);
    CHECK_ROW_UINT("all", firewall_rules_match(list, 3, FIREWALL_OUT, &other), 3);
    CHECK_ROW_UINT("none", firewall_rules_match(list, 0, FIREWALL_OUT, &other), 0);
}

static void
test_words(void)
{
    static const char *const *const tables[] = { firewall_action_words, firewall_direction_words,
                                                 firewall_protocol_words, firewall_rule_keys };

    for (size_t i = 0; i < G_N_ELEMENTS(tables); i++)
        for (const char *const *word = tables[i]; *word; word++)
            CHECK_ROW(*word, unit_is_word(*word));
}

void
suite_nat_rules(void)
{
    UNIT_SUITE("nat: rules", NULL, NULL, { "says", test_says }, { "refuses", test_refuses },
               { "matches", test_matches }, { "the first match", test_first_match }, { "words", test_words });
}
