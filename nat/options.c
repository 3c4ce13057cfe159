#include "nat/options.h"

#include "core/base/time.h"
#include "core/base/words.h"
#include "nat/embed.h"
#include "nat/npt.h"

const char *const nat_dependence_words[] = {
    "endpoint-independent", "address-dependent", "address-and-port-dependent", "none", NULL,
};
const char *const nat_ports_words[] = { "preserve", "sequential", "random", "overload", NULL };
const char *const nat_clash_words[] = { "next", "random", NULL };
const char *const nat_pooling_words[] = { "paired", "arbitrary", NULL };
const char *const nat_limit_answer_words[] = { "icmp", "icmp-host", "drop", NULL };
const char *const nat_fragments_words[] = { "reassemble", "drop", "in-order-only", NULL };
const char *const nat_identification_words[] = { "keep", "renumber", NULL };
const char *const nat_quirk_words[] = {
    "early-inbound-poisons", "filtered-inbound-destroys", "icmp-destroys", "preserve-then-symmetric", "rewrites-payload",
    NULL,
};
const char *const nat_hairpin_words[] = { "off", "internal-source", "external-source", NULL };
const char *const nat_refresh_words[] = { "outbound", "inbound", "both", NULL };
const char *const nat_refusal_words[] = { "drop", "icmp", "reset", NULL };
const char *const nat_ttl_words[] = { "decrement", "keep", NULL };
const char *const nat_ipv6_words[] = { "firewall", "open", "prefix", "masquerade", "nat64", NULL };
const char *const nat_control_words[] = { "pcp", "nat-pmp", "upnp", NULL }; /* by bit */
const char *const nat_alg_words[] = { "rewrite-addresses", "ftp", "sip", NULL }; /* these, too */
static const char *const no_quirks[] = { NULL };
static const char *const ftp_quirks[] = { "breaks-on-segments", NULL };
static const char *const sip_quirks[] = {
    "content-length", "private-contact", "first-line",     "breaks-on-segments",
    "register",       "short-pinhole",   "public-address", NULL,
};
const char *const *const nat_alg_quirk_words[] = { no_quirks, ftp_quirks, sip_quirks };
const char *const nat_origin_words[] = { "traffic", "pcp", "nat-pmp", "upnp", "forward", "clash", "poison",
                                        "alg", NULL };

G_STATIC_ASSERT(G_N_ELEMENTS(nat_dependence_words) == NAT_MAPPING_NONE + 2);
G_STATIC_ASSERT(G_N_ELEMENTS(nat_ports_words) == NAT_PORTS_OVERLOAD + 2);
G_STATIC_ASSERT(G_N_ELEMENTS(nat_clash_words) == NAT_CLASH_RANDOM + 2);
G_STATIC_ASSERT(G_N_ELEMENTS(nat_pooling_words) == NAT_POOLING_ARBITRARY + 2);
G_STATIC_ASSERT(G_N_ELEMENTS(nat_limit_answer_words) == NAT_LIMIT_DROP + 2);
G_STATIC_ASSERT(G_N_ELEMENTS(nat_identification_words) == NAT_IDENTIFICATION_RENUMBER + 2);
G_STATIC_ASSERT(G_N_ELEMENTS(nat_fragments_words) == NODE_FRAGMENTS_IN_ORDER + 2);
G_STATIC_ASSERT(G_N_ELEMENTS(nat_quirk_words) == NAT_QUIRKS + 1 && NAT_QUIRKS <= 8);
G_STATIC_ASSERT(G_N_ELEMENTS(nat_hairpin_words) == NAT_HAIRPIN_EXTERNAL_SOURCE + 2);
G_STATIC_ASSERT(G_N_ELEMENTS(nat_refresh_words) == NAT_REFRESH_BOTH + 2);
G_STATIC_ASSERT(G_N_ELEMENTS(nat_refusal_words) == NAT_REFUSE_RESET + 2);
G_STATIC_ASSERT(G_N_ELEMENTS(nat_ttl_words) == NAT_TTL_KEEP + 2);
G_STATIC_ASSERT(G_N_ELEMENTS(nat_ipv6_words) == NAT_IPV6_NAT64 + 2);
G_STATIC_ASSERT(G_N_ELEMENTS(nat_alg_words) == G_N_ELEMENTS(nat_alg_quirk_words) + 1 &&
                G_N_ELEMENTS(nat_alg_quirk_words) <= NAT_ALGS_MAX);
G_STATIC_ASSERT(G_N_ELEMENTS(nat_origin_words) == NAT_ORIGINS + 1);

/* A mapping may be none, a filter not. */
static const char *const filtering_words[] = {
    "endpoint-independent",
    "address-dependent",
    "address-and-port-dependent",
    NULL,
};
static const char *const flag_words[] = { "false", "true", NULL };

const char *const nat_option_protocols[] = { "udp", "icmp", "tcp", NULL };

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
    g_autofree char *what = g_strdup_printf("a value of '%s'", key);
    int index = words_find(words, value);

    if (index < 0)
        return fail(error, words_complaint(words, value, what));
    *out = (uint8_t)index;
    return TRUE;
}

static gboolean
read_number(const char *key, const char *value, uint64_t low, uint64_t high, uint64_t *out, GError **error)
{
    guint64 number;

    if (!g_ascii_string_to_unsigned(value, 10, low, high, &number, NULL))
        return fail(error,
                    g_strdup_printf("'%s' is not a value of '%s'; accepted: a whole number from %" G_GUINT64_FORMAT
                                    " to %" G_GUINT64_FORMAT,
                                    value, key, (guint64)low, (guint64)high));
    *out = number;
    return TRUE;
}

/* A mapping has to live for a while. A text has a unit; who has a number of seconds writes it with one. */
static gboolean
read_timeout(const char *key, const char *value, int64_t *out, GError **error)
{
    int64_t duration;

    if (!duration_parse(value, &duration) || duration <= 0)
        return fail(error,
                    g_strdup_printf("'%s' is not a value of '%s'; accepted: a duration above 0 such as \"5min\" or "
                                    "\"30s\", or a number of seconds",
                                    value, key));
    *out = duration;
    return TRUE;
}

/* How long a SYN waits: 0 or false is not at all. */
static gboolean
read_wait(const char *key, const char *value, int64_t *out, GError **error)
{
    int64_t duration = 0;

    if (g_strcmp0(value, "false") == 0 || g_strcmp0(value, "0") == 0 || duration_parse(value, &duration)) {
        *out = duration;
        return TRUE;
    }
    return fail(error, g_strdup_printf("'%s' is not a value of '%s'; accepted: a duration such as \"6s\", a number of "
                                       "seconds, or 0 or false for an answer at once",
                                       value, key));
}

static gboolean
read_port_range(const char *key, const char *value, struct nat_behaviour *behaviour, GError **error)
{
    g_auto(GStrv) ends = g_strsplit(value, "-", 3);
    guint64 low, high;

    if (g_strv_length(ends) != 2 || !g_ascii_string_to_unsigned(ends[0], 10, 1, 65535, &low, NULL) ||
        !g_ascii_string_to_unsigned(ends[1], 10, low, 65535, &high, NULL))
        return fail(error, g_strdup_printf("'%s' is not a value of '%s'; accepted: two ports from 1 to 65535 such as "
                                           "\"40000-40999\", the lower first",
                                           value, key));
    behaviour->port_low = (uint16_t)low;
    behaviour->port_high = (uint16_t)high;
    return TRUE;
}

/* ---- keys */

enum option_key {
    OPTION_MAPPING,
    OPTION_FILTERING,
    OPTION_PORTS,
    OPTION_STEP,
    OPTION_PORT_RANGE,
    OPTION_TIMEOUT,
    OPTION_REFRESH,
    OPTION_PARITY,
    OPTION_CONTIGUOUS,
    OPTION_CLASH,
    OPTION_OVERLAP,
    OPTION_FILTERED, /* those above are a protocol's, those below the box's */
    OPTION_TIMEOUT_UDP,
    OPTION_TIMEOUT_UDP_STREAM,
    OPTION_TIMEOUT_ICMP,
    OPTION_TIMEOUT_TCP,
    OPTION_TIMEOUT_TCP_OPENING,
    OPTION_TIMEOUT_TCP_CLOSING,
    OPTION_SYN_WAIT,
    OPTION_HAIRPIN,
    OPTION_TTL,
    OPTION_AFFINITY,
    OPTION_ICMP_ERRORS,
    OPTION_PER_HOST, /* a protocol's too */
    OPTION_TOTAL,
    OPTION_RATE,
    OPTION_ANSWER,
    OPTION_POOLING,
    OPTION_PORT_HOLD,
    OPTION_BLOCK,
    OPTION_BLOCK_SIZE,
    OPTION_BLOCK_PER_HOST,
    OPTION_BLOCK_DETERMINISTIC,
    OPTION_BLOCK_DYNAMIC,
    OPTION_FRAGMENTS,
    OPTION_IDENTIFICATION,
    OPTION_QUIRKS,
    OPTION_FORWARD, /* lists of things from here on */
    OPTION_PORT_TIMEOUT,
    OPTION_EXEMPT,
    OPTION_RULES,
    OPTION_IPV6,
    OPTION_IPV6_PREFIX,
    OPTION_PORT_CONTROL,
    OPTION_ALG,
    OPTION_KEYS
};

const char *const nat_option_keys[] = {
    "mapping",
    "filtering",
    "ports",
    "step",
    "port_range",
    "timeout",
    "refresh",
    "parity",
    "contiguous",
    "clash",
    "overlap",
    "filtered",
    "timeout.udp",
    "timeout.udp_stream",
    "timeout.icmp",
    "timeout.tcp",
    "timeout.tcp_opening",
    "timeout.tcp_closing",
    "syn_wait",
    "hairpin",
    "ttl",
    "affinity",
    "icmp_errors",
    "limits.per_host",
    "limits.total",
    "limits.rate",
    "limits.answer",
    "pooling",
    "port_hold",
    "port_block",
    "port_block.size",
    "port_block.per_host",
    "port_block.deterministic",
    "port_block.dynamic",
    "fragments",
    "identification",
    "quirks",
    "forward",
    "port_timeout",
    "exempt",
    "rules",
    "ipv6",
    "ipv6_prefix",
    "port_control",
    "alg",
    NULL,
};
G_STATIC_ASSERT(G_N_ELEMENTS(nat_option_keys) == OPTION_KEYS + 1);

static gboolean
set_flag(bool *flag, enum option_key key, const char *value, GError **error)
{
    uint8_t index;

    if (!read_word(nat_option_keys[key], value, flag_words, &index, error))
        return FALSE;
    *flag = index;
    return TRUE;
}

static gboolean
set_behaviour(struct nat_behaviour *behaviour, enum option_key key, const char *value, GError **error)
{
    const char *name = nat_option_keys[key];
    uint64_t number;

    switch (key) {
    case OPTION_MAPPING:
        return read_word(name, value, nat_dependence_words, &behaviour->mapping, error);
    case OPTION_FILTERING:
        return read_word(name, value, filtering_words, &behaviour->filtering, error);
    case OPTION_PORTS:
        return read_word(name, value, nat_ports_words, &behaviour->ports, error);
    case OPTION_STEP:
        if (!read_number(name, value, 1, 65535, &number, error))
            return FALSE;
        behaviour->step = (uint16_t)number;
        return TRUE;
    case OPTION_PORT_RANGE:
        return read_port_range(name, value, behaviour, error);
    case OPTION_TIMEOUT:
        return read_timeout(name, value, &behaviour->timeout, error);
    case OPTION_REFRESH:
        return read_word(name, value, nat_refresh_words, &behaviour->refresh, error);
    case OPTION_PARITY:
        return set_flag(&behaviour->parity, key, value, error);
    case OPTION_CONTIGUOUS:
        return set_flag(&behaviour->contiguous, key, value, error);
    case OPTION_CLASH:
        return read_word(name, value, nat_clash_words, &behaviour->clash, error);
    case OPTION_OVERLAP:
        return set_flag(&behaviour->overlap, key, value, error);
    default:
        return read_word(name, value, nat_refusal_words, &behaviour->refusal, error);
    }
}

static gboolean
set_limit(uint32_t *limit, enum option_key key, const char *value, GError **error)
{
    guint64 number = 0;

    if (g_strcmp0(value, "false") != 0 && !g_ascii_string_to_unsigned(value, 10, 0, NAT_MAPPINGS_MAX, &number, NULL))
        return fail(error,
                    g_strdup_printf("'%s' is not a value of '%s'; accepted: a whole number from 1 to %u, or 0 or "
                                    "false for no limit",
                                    value, nat_option_keys[key], (unsigned)NAT_MAPPINGS_MAX));
    *limit = (uint32_t)number;
    return TRUE;
}

/* A duration, or 0 or false for none. */
static gboolean
set_hold(int64_t *hold, enum option_key key, const char *value, GError **error)
{
    if (g_strcmp0(value, "false") != 0 && g_strcmp0(value, "0") != 0)
        return read_timeout(nat_option_keys[key], value, hold, error);
    *hold = 0;
    return TRUE;
}

static gboolean
set_block_number(uint16_t *number, enum option_key key, const char *value, GError **error)
{
    uint64_t read;

    if (!read_number(nat_option_keys[key], value, 0, 65535, &read, error))
        return FALSE;
    *number = (uint16_t)read;
    return TRUE;
}

/* A size alone is a plan as well; false is none. */
static gboolean
set_block(struct nat_block_options *blocks, enum option_key key, const char *value, GError **error)
{
    uint64_t size;

    if (key == OPTION_BLOCK && g_strcmp0(value, "false") == 0) {
        *blocks = (struct nat_block_options){ .size = 0 };
        return TRUE;
    }
    if (key == OPTION_BLOCK_PER_HOST)
        return set_block_number(&blocks->per_host, key, value, error);
    if (key == OPTION_BLOCK_DYNAMIC)
        return set_block_number(&blocks->dynamic, key, value, error);
    if (key == OPTION_BLOCK_DETERMINISTIC)
        return set_flag(&blocks->deterministic, key, value, error);
    if (!read_number(nat_option_keys[key], value, 1, 65535, &size, error))
        return FALSE;
    if (key == OPTION_BLOCK)
        *blocks = (struct nat_block_options){ .size = 0 };
    blocks->size = (uint32_t)size;
    return TRUE;
}

/* Names joined by commas, each a bit; "{}" and "false" for none. */
static gboolean
set_names(uint8_t *bits, const char *const *words, const char *what, const char *value, GError **error)
{
    g_auto(GStrv) names = g_strsplit(value, ",", -1);
    uint8_t read = 0;

    if (g_strcmp0(value, "{}") == 0 || g_strcmp0(value, "false") == 0) {
        *bits = 0;
        return TRUE;
    }
    for (char **name = names; *name; name++) {
        int index = words_find(words, *name);

        if (index < 0)
            return fail(error, words_complaint(words, *name, what));
        read |= (uint8_t)(1 << index);
    }
    *bits = read;
    return TRUE;
}

/* One ALG, with its quirks behind it: "sip:first-line-only". */
static gboolean
set_alg(struct nat_options *options, char *text, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(text, ":", -1);
    int index = words_find(nat_alg_words, parts[0] ? parts[0] : "");
    uint16_t quirks = 0;

    if (index < 0)
        return fail(error, words_complaint(nat_alg_words, parts[0] ? parts[0] : "", "an ALG"));
    for (char **name = parts + 1; *name; name++) {
        int quirk = words_find(nat_alg_quirk_words[index], *name);

        if (quirk < 0)
            return fail(error, nat_alg_quirk_complaint(index, *name));
        quirks |= (uint16_t)(1 << quirk);
    }
    options->algs |= (uint8_t)(1 << index);
    options->alg_quirks[index] = quirks;
    return TRUE;
}

/* All that the box is to have; the quirks of others are gone. */
static gboolean
set_algs(struct nat_options *options, const char *value, GError **error)
{
    g_auto(GStrv) texts = g_strsplit(value, ",", -1);
    struct nat_options read = *options;

    read.algs = 0;
    memset(read.alg_quirks, 0, sizeof read.alg_quirks);
    if (g_strcmp0(value, "{}") != 0 && g_strcmp0(value, "false") != 0)
        for (char **text = texts; *text; text++)
            if (!set_alg(&read, *text, error))
                return FALSE;
    options->algs = read.algs;
    memcpy(options->alg_quirks, read.alg_quirks, sizeof read.alg_quirks);
    return TRUE;
}

char *
nat_alg_quirk_complaint(int alg, const char *word)
{
    g_autofree char *what = g_strdup_printf("a quirk of the ALG %s", nat_alg_words[alg]);

    if (!nat_alg_quirk_words[alg][0])
        return g_strdup_printf("'%s' is not %s, which has none", word, what);
    return words_complaint(nat_alg_quirk_words[alg], word, what);
}

/* Of a list of things none is to be had from a text. */
static gboolean
clear_list(struct nat_options *options, enum option_key key, const char *value, GError **error)
{
    static const char *const shapes[] = {
        [OPTION_FORWARD] = "a list of {protocol=, port=, address=, to=, from=}",
        [OPTION_PORT_TIMEOUT] = "a table such as {[53]=\"20s\"}",
        [OPTION_EXEMPT] = "a list of prefixes",
        [OPTION_RULES] = "a list of {action=, direction=, protocol=, address=, port=, from=}",
    };

    if (g_strcmp0(value, "{}") != 0 && g_strcmp0(value, "false") != 0)
        return fail(error, g_strdup_printf("'%s' is not a value of '%s'; accepted: %s, or {} for none", value,
                                           nat_option_keys[key], shapes[key]));
    if (key == OPTION_FORWARD)
        options->forward_count = 0;
    else if (key == OPTION_PORT_TIMEOUT)
        options->port_timeout_count = 0;
    else if (key == OPTION_EXEMPT)
        options->exempt_count = 0;
    else
        options->rule_count = 0;
    return TRUE;
}

/* "pcp, upnp": any of the servers; true for all of them, false or an empty list for none. */
static gboolean
read_control(const char *value, uint8_t *out, GError **error)
{
    bool none = g_strcmp0(value, "false") == 0 || g_strcmp0(value, "{}") == 0;
    g_auto(GStrv) words = g_strsplit_set(none ? "" : value, ", ", -1);
    unsigned kinds = 0;

    if (g_strcmp0(value, "true") == 0) {
        *out = NAT_CONTROL_PCP | NAT_CONTROL_NAT_PMP | NAT_CONTROL_UPNP;
        return TRUE;
    }
    for (char **word = words; *word; word++) {
        int index = words_find(nat_control_words, *word);

        if (**word && index < 0)
            return fail(error, words_complaint(nat_control_words, *word, "a value of 'port_control'"));
        if (**word)
            kinds |= 1u << index;
    }
    *out = (uint8_t)kinds;
    return TRUE;
}

static gboolean
read_ipv6_prefix(const char *key, const char *value, struct prefix *out, GError **error)
{
    struct prefix prefix;

    if (!prefix_parse(value, &prefix) || address_is_ipv4(prefix.address) || prefix.length == 0)
        return fail(error, g_strdup_printf("'%s' is not a value of '%s'; accepted: an IPv6 prefix such as "
                                           "\"2001:db8:1::/48\"",
                                           value, key));
    *out = (struct prefix){ address_network(prefix.address, prefix.length), prefix.length };
    return TRUE;
}

static gboolean
set_box(struct nat_options *options, enum option_key key, const char *value, GError **error)
{
    const char *name = nat_option_keys[key];

    switch (key) {
    case OPTION_TIMEOUT_UDP:
        return read_timeout(name, value, &options->udp.timeout, error);
    case OPTION_TIMEOUT_UDP_STREAM:
        return set_hold(&options->udp.stream_timeout, key, value, error);
    case OPTION_TIMEOUT_ICMP:
        return read_timeout(name, value, &options->icmp.timeout, error);
    case OPTION_TIMEOUT_TCP:
        return read_timeout(name, value, &options->tcp.timeout, error);
    case OPTION_TIMEOUT_TCP_OPENING:
        return read_timeout(name, value, &options->tcp_opening, error);
    case OPTION_TIMEOUT_TCP_CLOSING:
        return read_timeout(name, value, &options->tcp_closing, error);
    case OPTION_SYN_WAIT:
        return read_wait(name, value, &options->syn_wait, error);
    case OPTION_HAIRPIN:
        return read_word(name, value, nat_hairpin_words, &options->hairpin, error);
    case OPTION_TTL:
        return read_word(name, value, nat_ttl_words, &options->ttl, error);
    case OPTION_AFFINITY:
        return set_flag(&options->affinity, key, value, error);
    case OPTION_ICMP_ERRORS:
        return set_flag(&options->icmp_errors, key, value, error);
    case OPTION_PER_HOST:
        return set_limit(&options->limit_per_host, key, value, error);
    case OPTION_IPV6:
        return read_word(name, value, nat_ipv6_words, &options->ipv6, error);
    case OPTION_IPV6_PREFIX:
        return read_ipv6_prefix(name, value, &options->ipv6_prefix, error);
    case OPTION_PORT_CONTROL:
        return read_control(value, &options->port_control, error);
    case OPTION_TOTAL:
        return set_limit(&options->limit_total, key, value, error);
    case OPTION_RATE:
        return set_limit(&options->limit_rate, key, value, error);
    case OPTION_ANSWER:
        return read_word(name, value, nat_limit_answer_words, &options->limit_answer, error);
    case OPTION_POOLING:
        return read_word(name, value, nat_pooling_words, &options->pooling, error);
    case OPTION_PORT_HOLD:
        return set_hold(&options->port_hold, key, value, error);
    case OPTION_FRAGMENTS:
        return read_word(name, value, nat_fragments_words, &options->fragments, error);
    case OPTION_IDENTIFICATION:
        return read_word(name, value, nat_identification_words, &options->identification, error);
    case OPTION_QUIRKS:
        return set_names(&options->quirks, nat_quirk_words, "a quirk", value, error);
    case OPTION_ALG:
        return set_algs(options, value, error);
    default:
        return key < OPTION_FORWARD ? set_block(&options->blocks, key, value, error)
                                    : clear_list(options, key, value, error);
    }
}

/* Limits may be a protocol's own besides the box's. */
static gboolean
set_protocol_limit(struct nat_behaviour *behaviour, enum option_key key, const char *value, GError **error)
{
    return set_limit(key == OPTION_PER_HOST ? &behaviour->limit_per_host : &behaviour->limit_total, key, value, error);
}

static struct nat_behaviour *
behaviour_of(struct nat_options *options, const char *protocol)
{
    if (g_strcmp0(protocol, "icmp") == 0)
        return &options->icmp;
    return g_strcmp0(protocol, "tcp") == 0 ? &options->tcp : &options->udp;
}

gboolean
nat_options_set(struct nat_options *options, const char *protocol, const char *key, const char *value, GError **error)
{
    int index = words_find(nat_option_keys, key);
    struct nat_behaviour udp = options->udp;

    if (protocol && words_find(nat_option_protocols, protocol) < 0)
        return fail(error, words_complaint(nat_option_protocols, protocol, "a protocol with options of its own"));
    if (protocol && (index == OPTION_PER_HOST || index == OPTION_TOTAL))
        return set_protocol_limit(behaviour_of(options, protocol), (enum option_key)index, value, error);
    if (protocol && index > OPTION_FILTERED)
        return fail(error, g_strdup_printf("'%s' is an option of the whole box, not of %s alone", key, protocol));
    if (index < 0)
        return fail(error, words_complaint(nat_option_keys, key, "an option of a NAT"));
    if (index > OPTION_FILTERED)
        return set_box(options, (enum option_key)index, value, error);

    if (protocol && behaviour_of(options, protocol) != &options->udp)
        return set_behaviour(behaviour_of(options, protocol), (enum option_key)index, value, error);
    if (!set_behaviour(&udp, (enum option_key)index, value, error))
        return FALSE;
    if (!protocol && index != OPTION_TIMEOUT) { /* UDP took it, and so do the others */
        (void)set_behaviour(&options->tcp, (enum option_key)index, value, NULL);
        (void)set_behaviour(&options->icmp, (enum option_key)index, value, NULL);
    }
    options->udp = udp;
    return TRUE;
}

/* ---- what fits */

gboolean
nat_options_check(const struct nat_options *options, GError **error)
{
    struct prefix prefix = options->ipv6_prefix;

    if (options->ipv6 == NAT_IPV6_PREFIX && prefix.length == 0)
        return fail(error, g_strdup("ipv6 = 'prefix' needs ipv6_prefix, the prefix that is seen outside, such as "
                                    "\"2001:db8:1::/48\""));
    if (options->ipv6 == NAT_IPV6_PREFIX && prefix.length > NPT_LENGTH_MAX)
        return fail(error, g_strdup_printf("ipv6_prefix has %u bits; accepted for ipv6 = 'prefix': at most %u",
                                           prefix.length, NPT_LENGTH_MAX));
    if (options->ipv6 == NAT_IPV6_NAT64 && prefix.length > 0 && !embed_prefix_is_good(prefix))
        return fail(error, g_strdup_printf("ipv6_prefix has %u bits; accepted for ipv6 = 'nat64': 32, 40, 48, 56, 64, "
                                           "or 96 with zeros in bits 64 to 71 (RFC 6052)",
                                           prefix.length));
    return TRUE;
}

struct address
nat_synthesize(const struct nat_options *options, struct address ipv4)
{
    struct prefix prefix = options->ipv6_prefix.length ? options->ipv6_prefix : embed_well_known;

    if (options->ipv6 != NAT_IPV6_NAT64 || !address_is_ipv4(ipv4) || !embed_allows(prefix, ipv4))
        return ADDRESS_NONE;
    return embed_ipv4(prefix, ipv4);
}

/* ---- saying */

static void
say_behaviour(const struct nat_behaviour *behaviour, GString *out)
{
    g_string_append_printf(out, "mapping %s, filtering %s, ports %s", nat_dependence_words[behaviour->mapping],
                           nat_dependence_words[behaviour->filtering], nat_ports_words[behaviour->ports]);
    if (behaviour->ports == NAT_PORTS_SEQUENTIAL && behaviour->step != 1)
        g_string_append_printf(out, " by %u", behaviour->step);
    if (behaviour->ports == NAT_PORTS_PRESERVE && behaviour->clash != NAT_CLASH_NEXT)
        g_string_append_printf(out, " or else %s", nat_clash_words[behaviour->clash]);
    if (behaviour->overlap)
        g_string_append(out, ", overlapping where destinations differ");
    if (behaviour->parity)
        g_string_append(out, ", of the same parity");
    if (behaviour->contiguous)
        g_string_append(out, ", contiguous");
    if (behaviour->port_low != 1024 || behaviour->port_high != 65535)
        g_string_append_printf(out, " from %u to %u", behaviour->port_low, behaviour->port_high);
    g_string_append_printf(out, ", refreshed %s", nat_refresh_words[behaviour->refresh]);
    if (behaviour->refusal != NAT_REFUSE_SILENTLY)
        g_string_append_printf(out, ", refuses by %s", nat_refusal_words[behaviour->refusal]);
}

static bool
alike(const struct nat_behaviour *a, const struct nat_behaviour *b)
{
    return a->mapping == b->mapping && a->filtering == b->filtering && a->ports == b->ports &&
           a->refresh == b->refresh && a->refusal == b->refusal && a->step == b->step && a->port_low == b->port_low &&
           a->port_high == b->port_high && a->clash == b->clash && a->overlap == b->overlap && a->parity == b->parity &&
           a->contiguous == b->contiguous;
}

/* TCP's ways where they differ from UDP's. Both directions refresh a connection as a rule: that is not worth a word. */
static void
say_tcp(const struct nat_options *options, GString *out)
{
    struct nat_behaviour usual = options->udp;
    char text[DURATION_TEXT];

    usual.refresh = NAT_REFRESH_BOTH;
    if (alike(&options->tcp, &usual))
        return;
    g_string_append(out, "; TCP: ");
    say_behaviour(&options->tcp, out);
    if (options->tcp.refusal == NAT_REFUSE_SILENTLY)
        return;
    if (options->syn_wait)
        g_string_append_printf(out, " (a SYN after %s)", duration_format(options->syn_wait, text));
    else
        g_string_append(out, " (a SYN at once)");
}

static void
say_timeouts(const struct nat_options *options, GString *out)
{
    char text[DURATION_TEXT];

    g_string_append_printf(out, "; timeout %s (UDP", duration_format(options->udp.timeout, text));
    if (options->udp.stream_timeout)
        g_string_append_printf(out, "; %s once it has gone both ways", duration_format(options->udp.stream_timeout, text));
    g_string_append(out, ")");
    g_string_append_printf(out, ", %s (ICMP queries)", duration_format(options->icmp.timeout, text));
    g_string_append_printf(out, ", %s (TCP", duration_format(options->tcp.timeout, text));
    g_string_append_printf(out, "; opening %s", duration_format(options->tcp_opening, text));
    g_string_append_printf(out, ", closing %s)", duration_format(options->tcp_closing, text));
}

static void
say_control(unsigned kinds, GString *out)
{
    const char *before = ", port control by ";

    for (unsigned i = 0; nat_control_words[i]; i++) {
        if (!(kinds & 1u << i))
            continue;
        g_string_append_printf(out, "%s%s", before, nat_control_words[i]);
        before = " and ";
    }
}

static void
say_blocks(const struct nat_block_options *blocks, GString *out)
{
    if (!blocks->size && !blocks->deterministic)
        return;
    g_string_append_printf(out, ", %sblocks of ", blocks->deterministic ? "deterministic " : "");
    if (blocks->size)
        g_string_append_printf(out, "%u ports", blocks->size);
    else
        g_string_append(out, "as many ports as there are for each host");
    if (blocks->per_host)
        g_string_append_printf(out, ", at most %u a host", blocks->per_host);
    if (blocks->dynamic)
        g_string_append_printf(out, ", %u of an address left for further ones", blocks->dynamic);
}

static void
say_names(uint8_t bits, const char *const *words, GString *out)
{
    const char *before = "";

    for (int i = 0; words[i]; i++) {
        if (!(bits & 1 << i))
            continue;
        g_string_append_printf(out, "%s%s", before, words[i]);
        before = ", ";
    }
}

void
nat_options_say_quirks(uint8_t quirks, GString *out)
{
    say_names(quirks, nat_quirk_words, out);
}

static void
say_limits(const char *protocol, const struct nat_behaviour *behaviour, GString *out)
{
    if (behaviour->limit_per_host)
        g_string_append_printf(out, ", at most %u %s mappings a host", behaviour->limit_per_host, protocol);
    if (behaviour->limit_total)
        g_string_append_printf(out, ", at most %u %s mappings", behaviour->limit_total, protocol);
}

static void
say_algs(const struct nat_options *options, GString *out)
{
    const char *before = "";

    for (int i = 0; nat_alg_words[i]; i++) {
        if (!(options->algs & 1 << i))
            continue;
        g_string_append_printf(out, "%s%s", before, nat_alg_words[i]);
        for (int q = 0; nat_alg_quirk_words[i][q]; q++)
            if (options->alg_quirks[i] & 1 << q)
                g_string_append_printf(out, ":%s", nat_alg_quirk_words[i][q]);
        before = ", ";
    }
}

/* What few boxes have. */
static void
say_more(const struct nat_options *options, GString *out)
{
    char text[DURATION_TEXT];

    say_limits("UDP", &options->udp, out);
    say_limits("TCP", &options->tcp, out);
    say_limits("ICMP", &options->icmp, out);
    if (options->limit_rate)
        g_string_append_printf(out, ", at most %u new mappings a host and second", options->limit_rate);
    if (options->limit_answer != NAT_LIMIT_ICMP)
        g_string_append_printf(out, ", answers who meets a limit by %s", nat_limit_answer_words[options->limit_answer]);
    if (options->pooling != NAT_POOLING_PAIRED)
        g_string_append_printf(out, ", pooling %s", nat_pooling_words[options->pooling]);
    if (options->port_hold)
        g_string_append_printf(out, ", ports rest %s", duration_format(options->port_hold, text));
    say_blocks(&options->blocks, out);
    if (options->fragments != NODE_FRAGMENTS_REASSEMBLE)
        g_string_append_printf(out, ", fragments %s", nat_fragments_words[options->fragments]);
    if (options->identification != NAT_IDENTIFICATION_KEEP)
        g_string_append_printf(out, ", identification %s", nat_identification_words[options->identification]);
    for (uint32_t i = 0; i < options->port_timeout_count; i++)
        g_string_append_printf(out, ", timeout to port %u %s", options->port_timeouts[i].port,
                               duration_format(options->port_timeouts[i].timeout, text));
    if (options->quirks) {
        g_string_append(out, "; quirks ");
        nat_options_say_quirks(options->quirks, out);
    }
    if (options->algs) {
        g_string_append(out, "; ALG ");
        say_algs(options, out);
    }
}

void
nat_options_say(const struct nat_options *options, GString *out)
{
    say_behaviour(&options->udp, out);
    say_tcp(options, out);
    if (!alike(&options->udp, &options->icmp)) {
        g_string_append(out, "; ICMP queries: ");
        say_behaviour(&options->icmp, out);
    }
    say_timeouts(options, out);
    g_string_append_printf(out, "; hairpin %s", nat_hairpin_words[options->hairpin]);
    if (options->ttl != NAT_TTL_DECREMENT)
        g_string_append_printf(out, ", ttl %s", nat_ttl_words[options->ttl]);
    if (!options->affinity)
        g_string_append(out, ", no reply affinity");
    if (!options->icmp_errors)
        g_string_append(out, ", no ICMP errors");
    if (options->limit_per_host)
        g_string_append_printf(out, ", at most %u mappings a host", options->limit_per_host);
    if (options->limit_total)
        g_string_append_printf(out, ", at most %u mappings", options->limit_total);
    if (options->ipv6 != NAT_IPV6_FIREWALL)
        g_string_append_printf(out, "; IPv6: %s", nat_ipv6_words[options->ipv6]);
    say_more(options, out);
    if (options->port_control)
        say_control(options->port_control, out);
    for (uint32_t i = 0; i < options->rule_count; i++) {
        g_string_append_printf(out, i == 0 ? "; rules: " : ", ");
        firewall_rule_say(&options->rules[i], out);
    }
}
