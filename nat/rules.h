/* The rules of a firewall: which flows may begin.
 *
 * Rules are looked at for the packet that begins a flow, in their order, and the first that matches decides. Packets of
 * a flow that has begun pass without being looked at, as do the replies to a flow that a rule let in: what has state
 * needs no rule. Where no rule matches, a flow may begin outwards and may not inwards (but see filtering).
 *
 * A rule looks at a flow as those inside see it: outwards before translation, inwards after it. `address` and `port` are
 * where the flow goes, `from` is where it comes from. A rule is a plain value; lists of them belong to whoever made them,
 * and a NAT keeps a copy. */
#ifndef NAT_RULES_H
#define NAT_RULES_H

#include <glib.h>

#include "core/base/address.h"

enum firewall_action { FIREWALL_ALLOW, FIREWALL_DENY };

enum firewall_direction { FIREWALL_OUT, FIREWALL_IN, FIREWALL_BOTH };

struct firewall_rule {
    uint8_t action;    /* enum firewall_action */
    uint8_t direction; /* enum firewall_direction */
    uint8_t protocol;  /* PROTOCOL_ICMP: of either family, and queries only, for errors follow their flow; 0: any */
    bool has_address, has_from;
    uint16_t port_low, port_high; /* 0 to 65535: any */
    struct prefix address, from;
};

/* Any flow, either way: what rules are made from. */
#define FIREWALL_ANY .direction = FIREWALL_BOTH, .port_high = UINT16_MAX

#define FIREWALL_RULES_MAX 1024

/* The words of actions, directions ("out", "in", "both") and protocols, and the keys of a rule; each ends with NULL. */
extern const char *const firewall_action_words[], *const firewall_direction_words[], *const firewall_protocol_words[],
    *const firewall_rule_keys[];

/* Sets one key ("action" "deny", "protocol" "udp", "address" "198.51.100.0/24", "port" "5000-5999") of a rule that began
 * as { FIREWALL_ANY }. False and `error` (G_OPTION_ERROR) with the key, the value and what is accepted. */
gboolean firewall_rule_set(struct firewall_rule *rule, const char *key, const char *value, GError **error);

/* Appends "deny out udp to 198.51.100.1 port 53". */
void firewall_rule_say(const struct firewall_rule *rule, GString *out);

/* The number, from 1, of the first rule that matches a flow which begins in this direction; 0 when none does. */
uint32_t firewall_rules_match(const struct firewall_rule *rules, uint32_t count, enum firewall_direction direction,
                              const struct flow *flow);

#endif
