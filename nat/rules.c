#include "nat/rules.h"

#include "core/base/words.h"

const char *const firewall_action_words[] = { "allow", "deny", NULL };
const char *const firewall_direction_words[] = { "out", "in", "both", NULL };
const char *const firewall_protocol_words[] = { "udp", "tcp", "icmp", NULL };

G_STATIC_ASSERT(G_N_ELEMENTS(firewall_action_words) == FIREWALL_DENY + 2);
G_STATIC_ASSERT(G_N_ELEMENTS(firewall_direction_words) == FIREWALL_BOTH + 2);

static const uint8_t protocols[] = { PROTOCOL_UDP, PROTOCOL_TCP, PROTOCOL_ICMP }; /* by word */
G_STATIC_ASSERT(G_N_ELEMENTS(firewall_protocol_words) == G_N_ELEMENTS(protocols) + 1);

enum rule_key { RULE_ACTION, RULE_DIRECTION, RULE_PROTOCOL, RULE_ADDRESS, RULE_PORT, RULE_FROM, RULE_KEYS };

const char *const firewall_rule_keys[] = { "action", "direction", "protocol", "address", "port", "from", NULL };
G_STATIC_ASSERT(G_N_ELEMENTS(firewall_rule_keys) == RULE_KEYS + 1);

/* ---- values */

static gboolean
fail(GError **error, char *message)
{
    g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, message);
    g_free(message);
    return FALSE;
}

static gboolean
read_word(const char *key, const char *value, const char *const *words, uint8_t *out, GError **error)
{
    g_autofree char *what = g_strdup_printf("a rule's %s", key);
    int index = words_find(words, value);

    if (index < 0)
        return fail(error, words_complaint(words, value, what));
    *out = (uint8_t)index;
    return TRUE;
}

static gboolean
read_prefix(const char *key, const char *value, struct prefix *prefix, bool *has, GError **error)
{
    struct prefix read = { ADDRESS_NONE, 0 };

    if (address_parse(value, &read.address))
        read.length = (uint8_t)family_bits(address_is_ipv4(read.address) ? FAMILY_IPV4 : FAMILY_IPV6);
    else if (!prefix_parse(value, &read))
        return fail(error, g_strdup_printf("'%s' is not a rule's %s; accepted: an address, or a prefix such as "
                                           "\"198.51.100.0/24\" or \"2001:db8::/32\"",
                                           value, key));
    *prefix = read;
    *has = true;
    return TRUE;
}

static gboolean
read_ports(const char *value, struct firewall_rule *rule, GError **error)
{
    g_auto(GStrv) ends = g_strsplit(value, "-", 3);
    guint count = g_strv_length(ends);
    guint64 low = 0, high = 0;

    if (count < 1 || count > 2 || !g_ascii_string_to_unsigned(ends[0], 10, 1, 65535, &low, NULL) ||
        !g_ascii_string_to_unsigned(ends[count - 1], 10, low, 65535, &high, NULL))
        return fail(error, g_strdup_printf("'%s' is not a rule's port; accepted: one from 1 to 65535, or two such as "
                                           "\"5000-5999\", the lower first",
                                           value));
    rule->port_low = (uint16_t)low;
    rule->port_high = (uint16_t)high;
    return TRUE;
}

static gboolean
read_protocol(const char *value, struct firewall_rule *rule, GError **error)
{
    uint8_t index;

    if (!read_word("protocol", value, firewall_protocol_words, &index, error))
        return FALSE;
    rule->protocol = protocols[index];
    return TRUE;
}

static bool
has_port(const struct firewall_rule *rule)
{
    return rule->port_low > 0 || rule->port_high < UINT16_MAX;
}

static gboolean
set(struct firewall_rule *rule, int key, const char *value, GError **error)
{
    switch (key) {
    case RULE_ACTION:
        return read_word("action", value, firewall_action_words, &rule->action, error);
    case RULE_DIRECTION:
        return read_word("direction", value, firewall_direction_words, &rule->direction, error);
    case RULE_PROTOCOL:
        return read_protocol(value, rule, error);
    case RULE_ADDRESS:
        return read_prefix("address", value, &rule->address, &rule->has_address, error);
    case RULE_PORT:
        return read_ports(value, rule, error);
    default:
        return read_prefix("from", value, &rule->from, &rule->has_from, error);
    }
}

gboolean
firewall_rule_set(struct firewall_rule *rule, const char *key, const char *value, GError **error)
{
    int index = words_find(firewall_rule_keys, key);
    struct firewall_rule changed = *rule;

    if (index < 0)
        return fail(error, words_complaint(firewall_rule_keys, key, "a key of a rule"));
    if (!set(&changed, index, value, error))
        return FALSE;
    if (changed.protocol == PROTOCOL_ICMP && has_port(&changed))
        return fail(error, g_strdup("a rule about icmp has no port"));
    *rule = changed;
    return TRUE;
}

/* ---- saying */

static void
say_prefix(const char *before, struct prefix prefix, GString *out)
{
    char text[ADDRESS_TEXT];
    unsigned whole = family_bits(address_is_ipv4(prefix.address) ? FAMILY_IPV4 : FAMILY_IPV6);

    g_string_append_printf(out, " %s %s", before, address_format(prefix.address, text));
    if (prefix.length < whole)
        g_string_append_printf(out, "/%u", prefix.length);
}

void
firewall_rule_say(const struct firewall_rule *rule, GString *out)
{
    g_string_append(out, firewall_action_words[rule->action]);
    if (rule->direction != FIREWALL_BOTH)
        g_string_append_printf(out, " %s", firewall_direction_words[rule->direction]);
    for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++)
        if (rule->protocol == protocols[i])
            g_string_append_printf(out, " %s", firewall_protocol_words[i]);
    if (rule->has_from)
        say_prefix("from", rule->from, out);
    if (rule->has_address)
        say_prefix("to", rule->address, out);
    if (!has_port(rule))
        return;
    g_string_append_printf(out, rule->port_low == rule->port_high ? " port %u" : " port %u-%u", rule->port_low,
                           rule->port_high);
}

/* ---- matching */

static inline bool
matches(const struct firewall_rule *rule, enum firewall_direction direction, const struct flow *flow)
{
    uint8_t protocol = flow->protocol == PROTOCOL_ICMPV6 ? PROTOCOL_ICMP : flow->protocol;

    if (rule->direction != FIREWALL_BOTH && rule->direction != direction)
        return false;
    if (rule->protocol && rule->protocol != protocol)
        return false;
    if (flow->destination_port < rule->port_low || flow->destination_port > rule->port_high)
        return false;
    return (!rule->has_address || prefix_contains(rule->address, flow->destination)) &&
           (!rule->has_from || prefix_contains(rule->from, flow->source));
}

uint32_t
firewall_rules_match(const struct firewall_rule *rules, uint32_t count, enum firewall_direction direction,
                     const struct flow *flow)
{
    for (uint32_t i = 0; i < count; i++)
        if (matches(&rules[i], direction, flow))
            return i + 1;
    return 0;
}
