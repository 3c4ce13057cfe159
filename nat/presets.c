#include "nat/presets.h"

#include <string.h>

#include "core/base/words.h"

#define BEHAVIOUR(mapping_, filtering_, ports_, timeout_, refresh_, refusal_)                                          \
    {                                                                                                                  \
        .mapping = NAT_##mapping_, .filtering = NAT_##filtering_, .ports = NAT_PORTS_##ports_,                         \
        .refresh = NAT_REFRESH_##refresh_, .refusal = NAT_REFUSE_##refusal_, .step = 1, .port_low = 1024,              \
        .port_high = 65535, .timeout = timeout_                                                                        \
    }

/* RFC 4787 REQ-5c recommends 5 minutes for UDP, RFC 5508 REQ-2 asks for 60 seconds at least for ICMP queries, RFC 5382
 * REQ-5 for 2 hours and 4 minutes at least for a TCP connection that stands, and 4 minutes for one that opens or closes;
 * it counts traffic of either direction. `refused_` and `tcp_refused_`: what a refused packet gets. */
#define PROTOCOLS(mapping_, filtering_, ports_, refused_, tcp_refused_)                                                \
    .udp = BEHAVIOUR(mapping_, filtering_, ports_, 5 * TIME_MIN, OUTBOUND, refused_),                                  \
    .tcp = BEHAVIOUR(mapping_, filtering_, ports_, 124 * TIME_MIN, BOTH, tcp_refused_),                                \
    .icmp = BEHAVIOUR(mapping_, filtering_, ports_, TIME_MIN, OUTBOUND, refused_), .tcp_opening = 4 * TIME_MIN,        \
    .tcp_closing = 4 * TIME_MIN, .syn_wait = 6 * TIME_S, .ttl = NAT_TTL_DECREMENT, .affinity = true, .icmp_errors = true

#define OPTIONS(mapping_, filtering_, ports_, hairpin_)                                                                \
    {                                                                                                                  \
        PROTOCOLS(mapping_, filtering_, ports_, SILENTLY, SILENTLY), .hairpin = NAT_HAIRPIN_##hairpin_                 \
    }
/* The same with the answer that RFC 5382 REQ-4 recommends for a SYN that nobody asked for. */
#define OPTIONS_ANSWERING(mapping_, filtering_, ports_, hairpin_, ...)                                                 \
    {                                                                                                                  \
        PROTOCOLS(mapping_, filtering_, ports_, SILENTLY, ICMP), .hairpin = NAT_HAIRPIN_##hairpin_, __VA_ARGS__        \
    }

/* A port that another host has already is replaced by one that can't be guessed (RFC 7857 section 9). */
#define CLASH_AT_RANDOM                                                                                                \
    .udp.clash = NAT_CLASH_RANDOM, .tcp.clash = NAT_CLASH_RANDOM, .icmp.clash = NAT_CLASH_RANDOM

/* A box that tracks connections has state for each pair of endpoints, and each has timers of its own; traffic either
 * way refreshes it. An external port is taken only for the destination that it is used for. So it maps like an
 * address-and-port-dependent NAT, and as long as it can preserve ports nobody sees a difference from an
 * endpoint-independent one. */
#define TRACKED(ports_, clash_, low_, timeout_, stream_)                                                               \
    {                                                                                                                  \
        .mapping = NAT_ADDRESS_AND_PORT_DEPENDENT, .filtering = NAT_ADDRESS_AND_PORT_DEPENDENT,                        \
        .ports = NAT_PORTS_##ports_, .clash = NAT_CLASH_##clash_, .overlap = true, .refresh = NAT_REFRESH_BOTH,        \
        .refusal = NAT_REFUSE_SILENTLY, .step = 1, .port_low = low_, .port_high = 65535, .timeout = timeout_,          \
        .stream_timeout = stream_                                                                                      \
    }
/* UDP unanswered and answered, ICMP; TCP that stands, opens, closes. */
#define TRACKER(ports_, clash_, low_, udp_, stream_, icmp_, tcp_, opening_, closing_)                                  \
    {                                                                                                                  \
        .udp = TRACKED(ports_, clash_, low_, (udp_) * TIME_S, (stream_) * TIME_S),                                     \
        .tcp = TRACKED(ports_, clash_, low_, (tcp_) * TIME_S, 0),                                                      \
        .icmp = TRACKED(ports_, clash_, low_, (icmp_) * TIME_S, 0), .tcp_opening = (opening_) * TIME_S,                \
        .tcp_closing = (closing_) * TIME_S, .syn_wait = 0, .hairpin = NAT_HAIRPIN_OFF, .ttl = NAT_TTL_DECREMENT,       \
        .affinity = true, .icmp_errors = true                                                                          \
    }

/* A firewall's: a filter by address and port, and rules. */
#define FIREWALL(refusal_, ...)                                                                                        \
    {                                                                                                                  \
        PROTOCOLS(ENDPOINT_INDEPENDENT, ADDRESS_AND_PORT_DEPENDENT, PRESERVE, refusal_, refusal_),                     \
        .hairpin = NAT_HAIRPIN_OFF, __VA_ARGS__                                                                        \
    }
#define RULES(rules_) .rules = rules_, .rule_count = G_N_ELEMENTS(rules_)
#define OUTBOUND(action_, protocol_) .action = FIREWALL_##action_, .direction = FIREWALL_OUT, .protocol = protocol_
#define PORT(port_) .port_low = port_, .port_high = port_
#define ANY_PORT .port_high = UINT16_MAX

static const struct firewall_rule no_udp[] = {
    { .action = FIREWALL_DENY, .direction = FIREWALL_BOTH, .protocol = PROTOCOL_UDP, ANY_PORT },
};

/* Names are resolved inside of such a network, so nothing but TLS has a reason to leave it. */
static const struct firewall_rule only_443[] = {
    { OUTBOUND(ALLOW, PROTOCOL_TCP), PORT(443) },
    { OUTBOUND(DENY, 0), ANY_PORT },
};

/* Before anybody has signed in: names can be resolved, so that a browser finds out (RFC 8952 section 2.4). The portal
 * is the box itself, which no rule keeps those inside from. */
static const struct firewall_rule captive[] = {
    { OUTBOUND(ALLOW, PROTOCOL_UDP), PORT(53) },
    { OUTBOUND(ALLOW, PROTOCOL_TCP), PORT(53) },
    { OUTBOUND(DENY, 0), ANY_PORT },
};

const struct nat_preset nat_presets[] = {
    { "full-cone", "one mapping for all destinations; anyone may send to it", "RFC 3489 section 5",
      OPTIONS(ENDPOINT_INDEPENDENT, ENDPOINT_INDEPENDENT, PRESERVE, OFF) },
    { "restricted-cone", "one mapping for all destinations; only addresses it has sent to may answer",
      "RFC 3489 section 5", OPTIONS(ENDPOINT_INDEPENDENT, ADDRESS_DEPENDENT, PRESERVE, OFF) },
    { "port-restricted-cone", "one mapping for all destinations; only addresses and ports it has sent to may answer",
      "RFC 3489 section 5", OPTIONS(ENDPOINT_INDEPENDENT, ADDRESS_AND_PORT_DEPENDENT, PRESERVE, OFF) },
    { "symmetric", "a mapping of its own, with a random port, for each destination; only that may answer",
      "RFC 3489 section 5", OPTIONS(ADDRESS_AND_PORT_DEPENDENT, ADDRESS_AND_PORT_DEPENDENT, RANDOM, OFF) },
    { "symmetric-sequential", "like symmetric, but each new mapping has the next port, which a peer can guess",
      "RFC 4787 section 4.2.1", OPTIONS(ADDRESS_AND_PORT_DEPENDENT, ADDRESS_AND_PORT_DEPENDENT, SEQUENTIAL, OFF) },
    { "rfc4787", "what RFC 4787, 5382, 5508 and 7857 ask of a NAT, with the stricter filter they recommend; hairpins",
      "RFC 4787, RFC 5382, RFC 5508, RFC 7857",
      OPTIONS_ANSWERING(ENDPOINT_INDEPENDENT, ADDRESS_DEPENDENT, PRESERVE, EXTERNAL_SOURCE, .udp.parity = true,
                        CLASH_AT_RANDOM, .identification = NAT_IDENTIFICATION_RENUMBER) },
    { "cgn", "a provider's NAT: endpoint-independent both ways, random ports; hairpins between its customers",
      "RFC 6888",
      OPTIONS_ANSWERING(ENDPOINT_INDEPENDENT, ENDPOINT_INDEPENDENT, RANDOM, EXTERNAL_SOURCE,
                        .limit_answer = NAT_LIMIT_ICMP_HOST, .port_hold = 2 * TIME_MIN,
                        .identification = NAT_IDENTIFICATION_RENUMBER) },
    { "linux", "netfilter masquerade: keeps ports, and shares one between hosts whose destinations differ",
      "Linux nf_nat_core.c, nf_conntrack-sysctl.rst", TRACKER(PRESERVE, RANDOM, 1024, 30, 120, 30, 432000, 120, 120) },
    { "linux-random", "netfilter masquerade fully-random: a random port for each destination",
      "Linux nf_nat_core.c, nf_conntrack-sysctl.rst", TRACKER(RANDOM, NEXT, 1024, 30, 120, 30, 432000, 120, 120) },
    { "pf", "OpenBSD's and FreeBSD's pf, nat-to: a random port from 50001 up for each destination", "pf.conf(5)",
      TRACKER(RANDOM, NEXT, 50001, 60, 60, 20, 86400, 30, 45) },
    { "libalias", "FreeBSD's natd and ipfw nat: a random port from 32768 up for each destination",
      "FreeBSD alias_db.c, libalias(3)", TRACKER(RANDOM, NEXT, 32768, 60, 60, 60, 86400, 300, 10) },
    { "firewall", "lets flows begin outwards only; addresses and ports that were sent to may answer",
      "RFC 6092 section 3", FIREWALL(SILENTLY, .rule_count = 0) },
    { "udp-blocked", "a firewall that lets no UDP through", "RFC 3489 section 10.1", FIREWALL(SILENTLY, RULES(no_udp)) },
    { "only-443", "a firewall that lets out TCP to port 443 and nothing else", "RFC 8835 section 3.4",
      FIREWALL(SILENTLY, RULES(only_443)) },
    { "captive", "a firewall before anybody has signed in: only DNS leaves it, all else is refused aloud",
      "RFC 8952 section 2.4", FIREWALL(RESET, RULES(captive)) },
    { .name = NULL },
};

static const char *const preset_names[] = {
    "full-cone", "restricted-cone", "port-restricted-cone", "symmetric", "symmetric-sequential", "rfc4787", "cgn",
    "linux", "linux-random", "pf", "libalias", "firewall", "udp-blocked", "only-443", "captive", NULL,
};
/* Those of firewalls. */
static const char *const firewall_names[] = { "firewall", "udp-blocked", "only-443", "captive", NULL };
G_STATIC_ASSERT(G_N_ELEMENTS(preset_names) == G_N_ELEMENTS(nat_presets));

const struct nat_preset *
nat_preset_find(const char *name)
{
    for (const struct nat_preset *preset = nat_presets; preset->name; preset++)
        if (strcmp(preset->name, name) == 0)
            return preset;
    return NULL;
}

const char *const *
nat_preset_names(void)
{
    return preset_names;
}

bool
nat_preset_is_firewall(const struct nat_preset *preset)
{
    return words_find(firewall_names, preset->name) >= 0;
}

const char *const *
nat_firewall_names(void)
{
    return firewall_names;
}
