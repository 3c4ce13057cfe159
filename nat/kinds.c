/* The NAT's words: what its records say to people and to programs. */
#include "core/base/time.h"
#include "core/net/icmp.h"
#include "nat/box.h"

static const char *
dependence_word(unsigned dependence)
{
    return dependence <= NAT_MAPPING_NONE ? nat_dependence_words[dependence] : "?";
}

static unsigned
rule_of(const struct record *record)
{
    return record->rule & NAT_RULE_MASK;
}

static unsigned
dependence_of(const struct record *record)
{
    return rule_of(record) - NAT_RULE_DEPENDENCE;
}

static bool
is_hairpin(const struct record *record)
{
    return record->rule & NAT_RULE_HAIRPIN;
}

/* "10.0.0.2:5000"; of an ICMP query "10.0.0.2 with identifier 7", and the bare address of the end that has none. */
static void
say_end(GString *out, struct address address, uint16_t port, uint8_t protocol)
{
    char text[ENDPOINT_TEXT];

    if (protocol == PROTOCOL_UDP || protocol == PROTOCOL_TCP) {
        g_string_append(out, endpoint_format((struct endpoint){ address, port }, text));
        return;
    }
    g_string_append(out, address_format(address, text));
    if (port)
        g_string_append_printf(out, " with identifier %u", port);
}

static void
say_source(GString *out, const struct flow *flow)
{
    say_end(out, flow->source, flow->source_port, flow->protocol);
}

static void
say_destination(GString *out, const struct flow *flow)
{
    say_end(out, flow->destination, flow->destination_port, flow->protocol);
}

/* An end as far as `dependence` looks at it. */
static void
say_as_seen(GString *out, struct address address, uint16_t port, uint8_t protocol, unsigned dependence)
{
    char text[ADDRESS_TEXT];

    if (dependence == NAT_ADDRESS_DEPENDENT)
        g_string_append(out, address_format(address, text));
    else
        say_end(out, address, port, protocol);
}

static void
fields_rule(const struct record *record, struct fields *out)
{
    static const char *const words[NAT_RULES] = {
        [NAT_RULE_AFFINITY] = "affinity",
        [NAT_RULE_KEPT] = "kept",
        [NAT_RULE_INSIDE_ADDRESS] = "inside-address",
        [NAT_RULE_FIREWALL] = "rule",
        [NAT_RULE_OPEN] = "open",
        [NAT_RULE_QUIRK] = "quirk",
        [NAT_RULE_EXEMPT] = "exempt",
        [NAT_RULE_PINHOLE] = "pinhole",
    };
    unsigned rule = rule_of(record);

    if (rule >= NAT_RULE_DEPENDENCE && rule <= NAT_RULE_DEPENDENCE + NAT_MAPPING_NONE)
        fields_text(out, "rule", dependence_word(rule - NAT_RULE_DEPENDENCE));
    else if (rule < NAT_RULES && words[rule])
        fields_text(out, "rule", words[rule]);
    if (is_hairpin(record))
        out->flag(out, "hairpin", true);
}

static void
fields_mapping(const struct record *record, struct endpoint internal, struct endpoint external, struct fields *out)
{
    fields_number(out, "mapping", record->subject[0]);
    fields_rule(record, out);
    fields_endpoint(out, "internal", internal);
    fields_endpoint(out, "external", external);
}

/* Whether a packet has become one of the other version of IP. */
static bool
changes_family(const struct record *record)
{
    return !address_is_none(record->after.source) &&
           address_is_ipv4(record->before.source) != address_is_ipv4(record->after.source);
}

static const char *
family_word(struct address address)
{
    return address_is_ipv4(address) ? "IPv4" : "IPv6";
}

/* ---- rules of the user's */

/* What a rule looks at, in `detail`: its protocol in the lowest byte, these flags, the first and the last port. */
enum { LOOKS_AT_ADDRESS = 1 << 8, LOOKS_AT_FROM = 1 << 9, PORT_LOW_SHIFT = 16, PORT_HIGH_SHIFT = 32 };

void
nat_record_firewall(struct record *record, const struct firewall_rule *rules, uint32_t number)
{
    const struct firewall_rule *rule = &rules[number - 1];

    record->rule = (record->rule & NAT_RULE_HAIRPIN) | NAT_RULE_FIREWALL;
    record->subject[1] = number;
    record->detail = (int64_t)rule->port_high << PORT_HIGH_SHIFT | (int64_t)rule->port_low << PORT_LOW_SHIFT |
                     (rule->has_address ? LOOKS_AT_ADDRESS : 0) | (rule->has_from ? LOOKS_AT_FROM : 0) |
                     rule->protocol;
}

static void
say_ports(uint16_t low, uint16_t high, GString *out)
{
    if (low == high)
        g_string_append_printf(out, " to port %u", low);
    else if (low > 0 || high < UINT16_MAX)
        g_string_append_printf(out, " to ports %u to %u", low, high);
}

/* "rule 2 denies udp to port 53": as far as the rule looks. */
static void
say_denial(const struct record *record, GString *out)
{
    const char *protocol = protocol_name((uint8_t)record->detail);
    char text[ADDRESS_TEXT];

    g_string_append_printf(out, "rule %u denies %s", record->subject[1], protocol ? protocol : "all traffic");
    if (record->detail & LOOKS_AT_FROM)
        g_string_append_printf(out, " from %s", address_format(record->before.source, text));
    say_ports((uint16_t)(record->detail >> PORT_LOW_SHIFT), (uint16_t)(record->detail >> PORT_HIGH_SHIFT), out);
    if (record->detail & LOOKS_AT_ADDRESS)
        g_string_append_printf(out, " to %s", address_format(record->before.destination, text));
}

static void
say_dropped(const struct record *record, GString *out)
{
    g_string_append(out, ": dropped, because ");
    if (record->reason == DROP_POLICY)
        say_denial(record, out);
    else
        g_string_append(out, drop_reason_sentence(record->reason));
}

/* ---- outbound */

/* Why this mapping, in brackets behind its number. */
static void
say_choice(const struct record *record, GString *out)
{
    const struct flow *flow = &record->before;

    if (record->subject[0] == 0) {
        g_string_append(out, rule_of(record) == NAT_RULE_EXEMPT
                                 ? ", because nothing is translated to this destination"
                                 : " (a forwarding rule for the whole address)");
        return;
    }
    g_string_append_printf(out, " (mapping %u", record->subject[0]);
    switch (rule_of(record)) {
    case NAT_RULE_DEPENDENCE + NAT_ENDPOINT_INDEPENDENT:
        g_string_append(out, ", endpoint-independent: the same for every destination)");
        return;
    case NAT_RULE_DEPENDENCE + NAT_ADDRESS_DEPENDENT:
    case NAT_RULE_DEPENDENCE + NAT_ADDRESS_AND_PORT_DEPENDENT:
        g_string_append_printf(out, ", %s: only for destination ", dependence_word(dependence_of(record)));
        say_as_seen(out, flow->destination, flow->destination_port, flow->protocol, dependence_of(record));
        break;
    case NAT_RULE_AFFINITY:
        g_string_append(out, ": a reply leaves by the mapping that admitted what it answers");
        break;
    case NAT_RULE_KEPT:
        g_string_append(out, ", which was made before the options changed and stays as it is");
        break;
    case NAT_RULE_QUIRK:
        g_string_append(out, ", which a quirk made for this destination alone");
        break;
    case NAT_RULE_OPEN:
        g_string_append(out, ", which was asked for: it comes before all others)");
        return;
    default:
        break;
    }
    g_string_append_c(out, ')');
}

/* Whom a packet out lets in from now on: the hole. */
static void
say_opened(const struct record *record, GString *out)
{
    const struct flow *flow = &record->before;

    if (record->subject[1] < NAT_OPENS)
        return;
    g_string_append(out, "; from now on ");
    if (record->subject[1] == NAT_OPENS + NAT_ENDPOINT_INDEPENDENT)
        g_string_append(out, "anyone");
    else
        say_as_seen(out, flow->destination, flow->destination_port, flow->protocol, record->subject[1] - NAT_OPENS);
    g_string_append(out, " may send in");
}

static void
say_outbound(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    g_string_append(out, is_hairpin(record) ? "hairpin, outbound: source " : "outbound: source ");
    say_source(out, &record->before);
    if (rule_of(record) == NAT_RULE_DEPENDENCE + NAT_MAPPING_NONE || rule_of(record) == NAT_RULE_EXEMPT) {
        g_string_append(out, " is not translated");
    } else {
        g_string_append(out, " becomes ");
        say_source(out, &record->after);
    }
    if (changes_family(record)) {
        g_string_append(out, ", destination ");
        say_destination(out, &record->before);
        g_string_append(out, " becomes ");
        say_destination(out, &record->after);
    }
    say_choice(record, out);
    say_opened(record, out);
}

static void
fields_outbound(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_mapping(record, flow_source(&record->before), flow_source(&record->after), out);
    fields_time(out, "expires", record->detail);
    out->flag(out, "opens", record->subject[1] >= NAT_OPENS);
}

const struct record_kind nat_outbound_kind = {
    "nat-outbound", "translated", "RFC 4787 section 4.1", say_outbound, fields_outbound,
};

static void
say_outbound_dropped(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    g_string_append(out, is_hairpin(record) ? "hairpin, outbound from " : "outbound from ");
    say_source(out, &record->before);
    g_string_append(out, " to ");
    say_destination(out, &record->before);
    say_dropped(record, out);
}

static void
fields_dropped(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    if (record->subject[0])
        fields_number(out, "mapping", record->subject[0]);
    fields_rule(record, out);
    if (rule_of(record) == NAT_RULE_FIREWALL)
        fields_number(out, "rule_number", record->subject[1]);
}

const struct record_kind nat_outbound_dropped_kind = {
    "nat-outbound-dropped", "dropped", "", say_outbound_dropped, fields_dropped,
};

/* ---- inbound */

static void
say_admission(const struct record *record, GString *out)
{
    const struct flow *flow = &record->before;
    unsigned filtering = dependence_of(record);

    if (rule_of(record) == NAT_RULE_FIREWALL) {
        g_string_append_printf(out, "because rule %u allows it", record->subject[1]);
        return;
    }
    if (rule_of(record) == NAT_RULE_OPEN) {
        g_string_append(out, record->subject[0] ? "because this mapping was asked for: no filter applies to it"
                                                : "because a forwarding rule gives the whole address to it");
        return;
    }
    if (rule_of(record) == NAT_RULE_PINHOLE) {
        g_string_append(out, "because a pinhole is open to its sender");
        return;
    }
    if (filtering == NAT_ENDPOINT_INDEPENDENT) {
        g_string_append(out, "because filtering is endpoint-independent: anyone may send");
        return;
    }
    g_string_append(out, "because ");
    say_destination(out, &record->after);
    g_string_append(out, " has sent to ");
    say_as_seen(out, flow->source, flow->source_port, flow->protocol, filtering);
    g_string_append_printf(out, " and filtering is %s", dependence_word(filtering));
}

static void
say_inbound(const struct record *record, const struct names *names, GString *out)
{
    bool crosses = changes_family(record);
    bool source_restored = !crosses && !endpoint_equal(flow_source(&record->before), flow_source(&record->after));

    (void)names;
    g_string_append(out, is_hairpin(record) ? "hairpin, inbound: destination " : "inbound: destination ");
    say_destination(out, &record->before);
    if (endpoint_equal(flow_destination(&record->before), flow_destination(&record->after))) {
        g_string_append(out, " is not translated");
    } else {
        g_string_append(out, " becomes ");
        say_destination(out, &record->after);
    }
    if (crosses) {
        g_string_append(out, ", source ");
        say_source(out, &record->before);
        g_string_append(out, " becomes ");
        say_source(out, &record->after);
    }
    if (record->subject[0])
        g_string_append_printf(out, " (mapping %u)", record->subject[0]);
    g_string_append(out, ", ");
    say_admission(record, out);
    if (source_restored) {
        g_string_append(out, "; hairpinning is internal-source, so the source stays ");
        say_source(out, &record->after);
    }
}

static void
fields_inbound(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_mapping(record, flow_destination(&record->after), flow_destination(&record->before), out);
    if (rule_of(record) == NAT_RULE_FIREWALL)
        fields_number(out, "rule_number", record->subject[1]);
    fields_time(out, "expires", record->detail);
}

const struct record_kind nat_inbound_kind = {
    "nat-inbound", "translated", "RFC 4787 section 5", say_inbound, fields_inbound,
};

/* The first of a mapping's living connections that were used from inside, and how many further ones there are; more than
 * can be told are not counted. The unspecified endpoint when there is none. */
static struct endpoint
first_sent_to(const struct mapping_table *table, const struct mapping *mapping, uint32_t *further)
{
    struct endpoint first = { ADDRESS_NONE, 0 };
    uint32_t count = 0;

    for (uint32_t number = mapping->further_first; number && count <= 256;
         number = session_at(table, number)->next) {
        const struct session *session = session_at(table, number);

        if (session->flags & SESSION_SENT && count++ == 0)
            first = session_remote(session);
    }
    *further = count ? count - 1 : 0;
    return first;
}

/* The record of a filtered packet keeps IPv4 endpoints in numbers: the internal one in `detail` (address, then port),
 * the first peer's address in subject[1] and its port behind the internal one's. */
void
nat_record_filtered(const struct nat *nat, struct record *record, uint32_t slot)
{
    const struct mapping *mapping = mapping_at(nat->table, slot);
    struct endpoint first = mapping_first_peer(mapping);
    uint32_t further = mapping->peer_count - 1u;

    if (mapping->protocol == PROTOCOL_TCP)
        first = first_sent_to(nat->table, mapping, &further);
    record->rule |= (uint16_t)(MIN(further, 255u) << NAT_RULE_EXTRA_SHIFT);
    if (nat_realm(mapping->internal_address, first.address) != NAT_IPV4)
        return; /* there is no room for IPv6 */
    record->detail = (int64_t)((uint64_t)first.port << 48 | (uint64_t)mapping->internal_port << 32 |
                               address_to_ipv4(mapping->internal_address));
    record->subject[1] = address_to_ipv4(first.address);
}

struct filtered {
    struct endpoint internal, first_peer;
    unsigned further;
};

static struct filtered
unpack_filtered(const struct record *record)
{
    uint64_t packed = (uint64_t)record->detail;

    return (struct filtered){
        .internal = { address_ipv4((uint32_t)packed), (uint16_t)(packed >> 32) },
        .first_peer = { address_ipv4(record->subject[1]), (uint16_t)(packed >> 48) },
        .further = record->rule >> NAT_RULE_EXTRA_SHIFT,
    };
}

static void
say_filtered(const struct record *record, GString *out)
{
    const struct flow *flow = &record->before;
    struct filtered filtered = unpack_filtered(record);

    g_string_append(out, ": dropped as filtered, because ");
    if (rule_of(record) == NAT_RULE_OPEN) {
        g_string_append(out, "the forwarding rule is not for everybody");
        return;
    }
    if (record->detail)
        say_end(out, filtered.internal.address, filtered.internal.port, flow->protocol);
    else
        g_string_append_printf(out, "who has mapping %u", record->subject[0]);
    g_string_append(out, " has not sent to ");
    say_as_seen(out, flow->source, flow->source_port, flow->protocol, dependence_of(record));
    g_string_append_printf(out, " and filtering is %s", dependence_word(dependence_of(record)));
    if (!record->detail)
        return;
    g_string_append(out, " (it has sent to ");
    say_end(out, filtered.first_peer.address, filtered.first_peer.port, flow->protocol);
    if (filtered.further == 0)
        g_string_append(out, " only)");
    else
        g_string_append_printf(out, " and %s%u other%s)", filtered.further == 255 ? "at least " : "", filtered.further,
                               filtered.further == 1 ? "" : "s");
}

static void
say_unmapped(const struct record *record, GString *out)
{
    g_string_append(out, record->reason == DROP_FILTERED ? ": dropped as filtered, because " : ": dropped, because ");
    if (record->reason == DROP_FILTERED && rule_of(record) == NAT_RULE_DEPENDENCE + NAT_MAPPING_NONE) {
        g_string_append(out, "nothing has been sent from there and no rule allows it in");
    } else if (record->reason == DROP_FILTERED) {
        g_string_append(out, "it is for the firewall itself, which has no use for it");
    } else if (rule_of(record) == NAT_RULE_INSIDE_ADDRESS) {
        g_string_append(out, "what is inside a NAT can't be reached from outside by its own address");
    } else {
        g_string_append(out, "no mapping leads inside from ");
        say_destination(out, &record->before);
    }
}

static void
say_inbound_dropped(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    g_string_append(out, is_hairpin(record) ? "hairpin, inbound from " : "inbound from ");
    say_source(out, &record->before);
    g_string_append(out, " to ");
    say_destination(out, &record->before);
    if (record->reason == DROP_FILTERED && record->subject[0])
        say_filtered(record, out);
    else if (record->reason == DROP_NO_MAPPING || record->reason == DROP_FILTERED)
        say_unmapped(record, out);
    else
        say_dropped(record, out);
}

static void
fields_inbound_dropped(const struct record *record, const struct names *names, struct fields *out)
{
    fields_dropped(record, names, out);
    if (record->reason == DROP_FILTERED && record->subject[0] && record->detail) {
        struct filtered filtered = unpack_filtered(record);

        fields_endpoint(out, "internal", filtered.internal);
        fields_endpoint(out, "external", flow_destination(&record->before));
        fields_endpoint(out, "first_peer", filtered.first_peer);
        fields_number(out, "further_peers", filtered.further);
    }
}

const struct record_kind nat_inbound_dropped_kind = {
    "nat-inbound-dropped", "dropped", "RFC 4787 section 5", say_inbound_dropped, fields_inbound_dropped,
};

/* ---- ICMP errors */

static void
say_error(const struct record *record, GString *out)
{
    char text[ADDRESS_TEXT];

    uint8_t type = (uint8_t)(record->detail >> 8), code = (uint8_t)record->detail;
    bool ipv6 = record->before.protocol == PROTOCOL_ICMPV6;

    g_string_append_printf(out, "ICMP%s %s from %s", ipv6 ? "v6" : "",
                           ipv6 ? icmp6_describe(type, code) : icmp_describe(type, code),
                           address_format(record->before.source, text));
    if (record->subject[0])
        g_string_append_printf(out, ", about a packet of mapping %u", record->subject[0]);
}

static void
say_icmp_error(const struct record *record, const struct names *names, GString *out)
{
    bool restored_source = !address_equal(record->before.destination, record->after.destination);
    bool restored_destination = !address_equal(record->before.source, record->after.source);
    char text[ADDRESS_TEXT];

    (void)names;
    say_error(record, out);
    if (changes_family(record)) {
        g_string_append_printf(out, ", goes to %s", address_format(record->after.destination, text));
        g_string_append_printf(out, " as from %s: it and what it quotes become %s",
                               address_format(record->after.source, text), family_word(record->after.source));
        return;
    }
    if (restored_source)
        g_string_append_printf(out, ", goes to %s", address_format(record->after.destination, text));
    if (restored_destination)
        g_string_append_printf(out, ", leaves as from %s", address_format(record->after.source, text));
    if (restored_source && restored_destination)
        g_string_append(out, ": both ends of the packet it quotes are put back");
    else if (restored_source)
        g_string_append(out, ": the packet it quotes gets its internal source back");
    else if (restored_destination)
        g_string_append(out, ": the packet it quotes gets its external destination back");
    else
        g_string_append(out, ", passes");
}

static void
fields_icmp_error(const struct record *record, const struct names *names, struct fields *out)
{
    fields_dropped(record, names, out);
    fields_number(out, "icmp_type", record->detail >> 8);
    fields_number(out, "icmp_code", record->detail & 0xff);
}

const struct record_kind nat_icmp_error_kind = {
    "nat-icmp-error", "translated", "RFC 5508 section 4.2", say_icmp_error, fields_icmp_error,
};

static void
say_icmp_error_dropped(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    say_error(record, out);
    g_string_append_printf(out, ": dropped, because %s", drop_reason_sentence(record->reason));
}

const struct record_kind nat_icmp_error_dropped_kind = {
    "nat-icmp-error-dropped", "dropped", "RFC 5508 section 4.2", say_icmp_error_dropped, fields_icmp_error,
};

/* ---- mappings */

static void
say_mapping(const struct record *record, GString *out)
{
    say_source(out, &record->before);
    if (dependence_of(record) == NAT_MAPPING_NONE || rule_of(record) == NAT_RULE_FIREWALL)
        return; /* it is not translated */
    g_string_append(out, " -> ");
    say_source(out, &record->after);
}

static unsigned
origin_of(const struct record *record)
{
    return record->rule >> NAT_RULE_ORIGIN_SHIFT;
}

static const char *
origin_word(const struct record *record)
{
    return origin_of(record) < NAT_ORIGINS ? nat_origin_words[origin_of(record)] : "?";
}

/* Whether somebody asked for the mapping, and whether for a time. */
static bool
was_asked_for(const struct record *record)
{
    return (origin_of(record) != NAT_ORIGIN_TRAFFIC && origin_of(record) <= NAT_ORIGIN_FORWARD) ||
           origin_of(record) == NAT_ORIGIN_ALG;
}

static bool
has_lifetime(const struct record *record)
{
    return was_asked_for(record) && origin_of(record) != NAT_ORIGIN_FORWARD && origin_of(record) != NAT_ORIGIN_ALG;
}

static void
say_why_new(const struct record *record, GString *out)
{
    unsigned dependence = dependence_of(record);

    if (rule_of(record) == NAT_RULE_FIREWALL) {
        g_string_append(out, ", because a rule lets ");
        say_destination(out, &record->before);
        g_string_append(out, " in");
    } else if (origin_of(record) == NAT_ORIGIN_FORWARD) {
        g_string_append(out, ", because a forwarding rule leads there");
    } else if (origin_of(record) == NAT_ORIGIN_ALG) {
        g_string_append(out, ", because an ALG opens a pinhole for it");
    } else if (was_asked_for(record)) {
        g_string_append_printf(out, ", because %s asks for it", origin_word(record));
    } else if (origin_of(record) == NAT_ORIGIN_CLASH || origin_of(record) == NAT_ORIGIN_POISON) {
        g_string_append(out, ", for ");
        say_destination(out, &record->before);
        g_string_append(out, origin_of(record) == NAT_ORIGIN_CLASH
                                 ? " alone, because this box is endpoint-independent only as long as ports can be kept"
                                 : " alone, because an early packet from there has come to the port that it would have");
    } else if (dependence == NAT_MAPPING_NONE) {
        g_string_append(out, ", to remember what it sends: it is not translated");
    } else if (record->subject[1] == 0) {
        g_string_append(out, ", because ");
        say_source(out, &record->before);
        g_string_append_printf(out, " has none yet; mapping is %s", dependence_word(dependence));
    } else if (dependence == NAT_ENDPOINT_INDEPENDENT) {
        g_string_append(out, ", because the one it has was made before mapping became endpoint-independent");
    } else {
        g_string_append_printf(out, ", because the destination%s differs and mapping is %s",
                               dependence == NAT_ADDRESS_DEPENDENT ? " address" : "", dependence_word(dependence));
    }
}

static unsigned
ports_of(const struct record *record)
{
    return record->rule >> NAT_RULE_EXTRA_SHIFT & 0xf;
}

static void
say_mapping_new(const struct record *record, const struct names *names, GString *out)
{
    unsigned ports = ports_of(record);

    (void)names;
    g_string_append(out, "new mapping ");
    say_mapping(record, out);
    say_why_new(record, out);
    if (!was_asked_for(record) && ports == NAT_PORTS_PRESERVE && record->before.source_port != record->after.source_port)
        g_string_append_printf(out, "; its own port %u can't be kept", record->before.source_port);
    g_string_append_printf(out, " (mapping %u)", record->subject[0]);
}

static void
fields_mapping_kind(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_mapping(record, flow_source(&record->before), flow_source(&record->after), out);
    if (origin_of(record) != NAT_ORIGIN_TRAFFIC)
        fields_text(out, "origin", origin_word(record));
}

static void
fields_mapping_new(const struct record *record, const struct names *names, struct fields *out)
{
    unsigned ports = ports_of(record);

    fields_mapping_kind(record, names, out);
    fields_time(out, "expires", record->detail);
    if (record->subject[1])
        fields_number(out, "earlier_mapping", record->subject[1]);
    if (!was_asked_for(record) && ports <= NAT_PORTS_OVERLOAD)
        fields_text(out, "ports", nat_ports_words[ports]);
}

const struct record_kind nat_mapping_new_kind = {
    "nat-mapping-new", "mapping-new", "RFC 4787 section 4.1", say_mapping_new, fields_mapping_new,
};

static void
say_mapping_expired(const struct record *record, const struct names *names, GString *out)
{
    char text[DURATION_TEXT];

    (void)names;
    g_string_append_printf(out, "mapping %u, ", record->subject[0]);
    say_mapping(record, out);
    g_string_append(out, ", has expired: ");
    if (has_lifetime(record)) {
        g_string_append(out, "its lifetime has ended");
        return;
    }
    if (record->before.protocol == PROTOCOL_TCP) {
        g_string_append(out, "its last connection is over");
        return;
    }
    g_string_append(out, "nothing has refreshed it ");
    if (record->detail)
        g_string_append_printf(out, "for %s", duration_format(record->detail, text));
    else
        g_string_append(out, "in time");
}

const struct record_kind nat_mapping_expired_kind = {
    "nat-mapping-expired", "mapping-expired", "RFC 4787 section 4.3", say_mapping_expired, fields_mapping_kind,
};

static void
say_mapping_forgotten(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    g_string_append_printf(out, "mapping %u, ", record->subject[0]);
    say_mapping(record, out);
    g_string_append(out, ", is forgotten: the box has lost its state");
}

const struct record_kind nat_mapping_forgotten_kind = {
    "nat-mapping-forgotten", "mapping-forgotten", "", say_mapping_forgotten, fields_mapping_kind,
};

static void
say_mapping_renewed(const struct record *record, const struct names *names, GString *out)
{
    char text[DURATION_TEXT];

    (void)names;
    g_string_append_printf(out, "mapping %u, ", record->subject[0]);
    say_mapping(record, out);
    g_string_append_printf(out, ", is renewed by %s", origin_word(record));
    if (record->detail != TIME_NEVER)
        g_string_append_printf(out, " for %s", duration_format(record->detail - record->at, text));
}

static void
fields_mapping_renewed(const struct record *record, const struct names *names, struct fields *out)
{
    fields_mapping_kind(record, names, out);
    fields_time(out, "expires", record->detail);
}

const struct record_kind nat_mapping_renewed_kind = {
    "nat-mapping-renewed", "mapping-renewed", "RFC 6887 section 11.3", say_mapping_renewed, fields_mapping_renewed,
};

static void
say_mapping_removed(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    g_string_append_printf(out, "mapping %u, ", record->subject[0]);
    say_mapping(record, out);
    if (origin_of(record) == NAT_ORIGIN_ALG)
        g_string_append(out, ", is removed: the last pinhole that it was made for is closed");
    else
        g_string_append_printf(out, ", is removed: %s asks for that", origin_word(record));
}

const struct record_kind nat_mapping_removed_kind = {
    "nat-mapping-removed", "mapping-removed", "RFC 6887 section 15", say_mapping_removed, fields_mapping_kind,
};

static const char *
quirk_word(const struct record *record)
{
    return record->detail >= 0 && record->detail < NAT_QUIRKS ? nat_quirk_words[record->detail] : "?";
}

static void
say_mapping_destroyed(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    g_string_append_printf(out, "mapping %u, ", record->subject[0]);
    say_mapping(record, out);
    g_string_append_printf(out, ", is gone, because %s ends one in this box (quirk %s)",
                           record->detail == NAT_QUIRK_ICMP_DESTROYS ? "an ICMP error" : "a packet that is refused",
                           quirk_word(record));
}

static void
fields_mapping_destroyed(const struct record *record, const struct names *names, struct fields *out)
{
    fields_mapping_kind(record, names, out);
    fields_text(out, "quirk", quirk_word(record));
}

const struct record_kind nat_mapping_destroyed_kind = {
    "nat-mapping-destroyed", "mapping-destroyed", "RFC 4787 REQ-12", say_mapping_destroyed, fields_mapping_destroyed,
};
