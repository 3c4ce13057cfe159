#include "nat/presets.h"

#include <string.h>

#include "core/base/words.h"

/* RFC 4787 REQ-5c recommends 5 minutes for UDP, RFC 5508 REQ-2 asks for 60 seconds at least for ICMP queries. */
#define BEHAVIOUR(mapping_, filtering_, ports_, timeout_)                                                              \
    {                                                                                                                  \
        .mapping = NAT_##mapping_, .filtering = NAT_##filtering_, .ports = NAT_PORTS_##ports_,                         \
        .refresh = NAT_REFRESH_OUTBOUND, .refusal = NAT_REFUSE_SILENTLY, .step = 1, .port_low = 1024,                  \
        .port_high = 65535, .timeout = timeout_                                                                        \
    }
#define OPTIONS(mapping_, filtering_, ports_, hairpin_)                                                                \
    {                                                                                                                  \
        .udp = BEHAVIOUR(mapping_, filtering_, ports_, 5 * TIME_MIN),                                                  \
        .icmp = BEHAVIOUR(mapping_, filtering_, ports_, TIME_MIN), .hairpin = NAT_HAIRPIN_##hairpin_,                  \
        .ttl = NAT_TTL_DECREMENT, .affinity = true, .icmp_errors = true                                                \
    }

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
    { "rfc4787", "what RFC 4787 asks of a NAT, with the stricter filter it recommends; hairpins",
      "RFC 4787 REQ-1, REQ-8, REQ-9", OPTIONS(ENDPOINT_INDEPENDENT, ADDRESS_DEPENDENT, PRESERVE, EXTERNAL_SOURCE) },
    { "cgn", "a provider's NAT: endpoint-independent both ways, random ports; hairpins between its customers",
      "RFC 6888 REQ-1, REQ-7, REQ-15", OPTIONS(ENDPOINT_INDEPENDENT, ENDPOINT_INDEPENDENT, RANDOM, EXTERNAL_SOURCE) },
    { .name = NULL },
};

static const char *const preset_names[] = {
    "full-cone", "restricted-cone", "port-restricted-cone", "symmetric", "symmetric-sequential", "rfc4787", "cgn", NULL,
};
G_STATIC_ASSERT(G_N_ELEMENTS(preset_names) == G_N_ELEMENTS(nat_presets));

const struct nat_preset *
nat_preset_find(const char *name)
{
    for (const struct nat_preset *preset = nat_presets; preset->name; preset++)
        if (strcmp(preset->name, name) == 0)
            return preset;
    return NULL;
}

bool
nat_preset_is_later(const char *name)
{
    static const char *const later[] = {
        "linux", "linux-random", "pf", "firewall", "udp-blocked", "only-443", "captive", NULL,
    };

    return words_find(later, name) >= 0;
}

const char *const *
nat_preset_names(void)
{
    return preset_names;
}
