/* Options and presets in words. */
#include "nat/options.h"
#include "tests/unit/support.h"
#include "tests/unit/support_nat.h"

static struct nat_options options;

static void
set_up(void)
{
    options = nat_preset_find("port-restricted-cone")->options;
}

/* The complaint, or "" when it was taken. The caller frees it. */
static char *
set(const char *protocol, const char *key, const char *value)
{
    g_autoptr(GError) error = NULL;
    gboolean taken = nat_options_set(&options, protocol, key, value, &error);

    CHECK_ROW(key, taken == (error == NULL));
    return g_strdup(error ? error->message : "");
}

static void
test_classic_presets(void)
{
    static const struct {
        const char *name;
        uint8_t mapping, filtering, ports;
    } rows[] = {
        { "full-cone", NAT_ENDPOINT_INDEPENDENT, NAT_ENDPOINT_INDEPENDENT, NAT_PORTS_PRESERVE },
        { "restricted-cone", NAT_ENDPOINT_INDEPENDENT, NAT_ADDRESS_DEPENDENT, NAT_PORTS_PRESERVE },
        { "port-restricted-cone", NAT_ENDPOINT_INDEPENDENT, NAT_ADDRESS_AND_PORT_DEPENDENT, NAT_PORTS_PRESERVE },
        { "symmetric", NAT_ADDRESS_AND_PORT_DEPENDENT, NAT_ADDRESS_AND_PORT_DEPENDENT, NAT_PORTS_RANDOM },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const struct nat_options *preset = &nat_preset_find(rows[i].name)->options;

        CHECK_ROW_INT(rows[i].name, preset->udp.mapping, rows[i].mapping);
        CHECK_ROW_INT(rows[i].name, preset->udp.filtering, rows[i].filtering);
        CHECK_ROW_INT(rows[i].name, preset->udp.ports, rows[i].ports);
        CHECK_ROW_INT(rows[i].name, preset->icmp.mapping, rows[i].mapping);
        CHECK_ROW_INT(rows[i].name, preset->hairpin, NAT_HAIRPIN_OFF);
        CHECK_ROW_INT(rows[i].name, preset->udp.timeout, 5 * TIME_MIN);
        CHECK_ROW_INT(rows[i].name, preset->icmp.timeout, 60 * TIME_S);
        CHECK_ROW_INT(rows[i].name, preset->tcp.mapping, rows[i].mapping);
        CHECK_ROW_INT(rows[i].name, preset->tcp.filtering, rows[i].filtering);
        CHECK_ROW_INT(rows[i].name, preset->tcp.refusal, NAT_REFUSE_SILENTLY);
        CHECK_ROW_INT(rows[i].name, preset->syn_wait, 6 * TIME_S);
        CHECK_ROW_INT(rows[i].name, preset->udp.refresh, NAT_REFRESH_OUTBOUND);
        CHECK_ROW(rows[i].name, preset->affinity && preset->icmp_errors);
    }
    CHECK(nat_preset_find("cone") == NULL);
}

/* RFC 4787 REQ-1, 5, 5c, 6, 8, 9, 9a; RFC 5382 REQ-1, 3, 4, 5; RFC 5508 REQ-2; RFC 6888 REQ-1, 7. */
static void
test_compliant_presets(void)
{
    static const char *const names[] = { "rfc4787", "cgn" };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        const struct nat_options *preset = &nat_preset_find(names[i])->options;

        CHECK_ROW_INT(names[i], preset->udp.mapping, NAT_ENDPOINT_INDEPENDENT);
        CHECK_ROW(names[i], preset->udp.filtering != NAT_ADDRESS_AND_PORT_DEPENDENT);
        CHECK_ROW(names[i], preset->udp.timeout >= 5 * TIME_MIN && preset->icmp.timeout >= TIME_MIN);
        CHECK_ROW(names[i], preset->udp.refresh != NAT_REFRESH_INBOUND);
        CHECK_ROW_INT(names[i], preset->tcp.mapping, NAT_ENDPOINT_INDEPENDENT);
        CHECK_ROW(names[i], preset->tcp.filtering != NAT_ADDRESS_AND_PORT_DEPENDENT);
        CHECK_ROW(names[i], preset->tcp.timeout >= 124 * TIME_MIN);
        CHECK_ROW(names[i], preset->tcp_opening >= 4 * TIME_MIN && preset->tcp_closing >= 4 * TIME_MIN);
        CHECK_ROW(names[i], preset->tcp.refusal == NAT_REFUSE_ICMP && preset->syn_wait >= 6 * TIME_S);
        CHECK_ROW_INT(names[i], preset->hairpin, NAT_HAIRPIN_EXTERNAL_SOURCE);
    }
    CHECK_ROW_INT("cgn", nat_preset_find("cgn")->options.udp.filtering, NAT_ENDPOINT_INDEPENDENT);
}

static void
test_preset_names(void)
{
    const char *const *names = nat_preset_names();
    size_t count = 0;

    for (const struct nat_preset *preset = nat_presets; preset->name; preset++, count++) {
        CHECK_ROW_TEXT(preset->name, names[count], preset->name);
        CHECK_ROW(preset->name, unit_is_word(preset->name) && preset->help && preset->source);
    }
    CHECK(names[count] == NULL);
}

static void
test_words(void)
{
    static const char *const *const tables[] = {
        nat_dependence_words, nat_ports_words, nat_hairpin_words, nat_refresh_words, nat_refusal_words, nat_ttl_words,
        nat_clash_words, nat_pooling_words, nat_limit_answer_words, nat_quirk_words, nat_fragments_words, nat_identification_words, nat_origin_words,
    };

    for (size_t i = 0; i < G_N_ELEMENTS(tables); i++)
        for (const char *const *word = tables[i]; *word; word++)
            CHECK_ROW(*word, unit_is_word(*word));
}

/* RFC 5382 REQ-5. */
#define TCP_TIMES ", 124min (TCP; opening 4min, closing 4min)"

static void
test_sets(void)
{
    static const struct {
        const char *protocol, *key, *value, *said;
    } rows[] = {
        { NULL, "mapping", "address-dependent",
          "mapping address-dependent, filtering address-and-port-dependent, ports "
          "preserve, refreshed outbound; timeout 5min (UDP), 7s (ICMP queries)" TCP_TIMES "; hairpin off" },
        { "udp", "filtering", "endpoint-independent",
          "mapping endpoint-independent, filtering endpoint-independent, ports "
          "preserve, refreshed outbound; TCP: mapping endpoint-independent, filtering address-and-port-dependent, ports "
          "preserve, refreshed both; ICMP queries: mapping endpoint-independent, filtering "
          "address-and-port-dependent, "
          "ports preserve, refreshed outbound; timeout 5min (UDP), 7s (ICMP queries)" TCP_TIMES "; hairpin off" },
        { NULL, "timeout", "30s",
          "mapping endpoint-independent, filtering address-and-port-dependent, ports preserve, "
          "refreshed outbound; timeout 30s (UDP), 7s (ICMP queries)" TCP_TIMES "; hairpin off" },
        { "icmp", "timeout", "11s",
          "mapping endpoint-independent, filtering address-and-port-dependent, ports preserve, "
          "refreshed outbound; timeout 5min (UDP), 11s (ICMP queries)" TCP_TIMES "; hairpin off" },
        { NULL, "hairpin", "external-source",
          "mapping endpoint-independent, filtering address-and-port-dependent, ports "
          "preserve, refreshed outbound; timeout 5min (UDP), 7s (ICMP queries)" TCP_TIMES "; hairpin external-source" },
        { NULL, "filtered", "icmp",
          "mapping endpoint-independent, filtering address-and-port-dependent, ports preserve, "
          "refreshed outbound, refuses by icmp; timeout 5min (UDP), 7s (ICMP queries)" TCP_TIMES "; hairpin off" },
        { "tcp", "filtered", "reset",
          "mapping endpoint-independent, filtering address-and-port-dependent, ports preserve, "
          "refreshed outbound; TCP: mapping endpoint-independent, filtering address-and-port-dependent, ports preserve, "
          "refreshed both, refuses by reset (a SYN after 6s); timeout 5min (UDP), 7s (ICMP queries)" TCP_TIMES
          "; hairpin off" },
        { NULL, "timeout.tcp_closing", "9s",
          "mapping endpoint-independent, filtering address-and-port-dependent, ports preserve, refreshed outbound; "
          "timeout 5min (UDP), 7s (ICMP queries), 124min (TCP; opening 4min, closing 9s); hairpin off" },
        { NULL, "clash", "random",
          "mapping endpoint-independent, filtering address-and-port-dependent, ports preserve or else random, "
          "refreshed outbound; timeout 5min (UDP), 7s (ICMP queries)" TCP_TIMES "; hairpin off" },
        { NULL, "overlap", "true",
          "mapping endpoint-independent, filtering address-and-port-dependent, ports preserve, overlapping where "
          "destinations differ, refreshed outbound; timeout 5min (UDP), 7s (ICMP queries)" TCP_TIMES "; hairpin off" },
        { NULL, "port_block.deterministic", "true",
          "mapping endpoint-independent, filtering address-and-port-dependent, ports preserve, refreshed outbound; "
          "timeout 5min (UDP), 7s (ICMP queries)" TCP_TIMES "; hairpin off, deterministic blocks of as many ports as there are for "
          "each host" },
        { NULL, "quirks", "icmp-destroys,rewrites-payload",
          "mapping endpoint-independent, filtering address-and-port-dependent, ports preserve, refreshed outbound; "
          "timeout 5min (UDP), 7s (ICMP queries)" TCP_TIMES "; hairpin off; quirks icmp-destroys, rewrites-payload" },
        { "udp", "limits.per_host", "3",
          "mapping endpoint-independent, filtering address-and-port-dependent, ports preserve, refreshed outbound; "
          "timeout 5min (UDP), 7s (ICMP queries)" TCP_TIMES "; hairpin off, at most 3 UDP mappings a host" },
        { NULL, "limits.per_host", "12",
          "mapping endpoint-independent, filtering address-and-port-dependent, ports "
          "preserve, refreshed outbound; timeout 5min (UDP), 7s (ICMP queries)" TCP_TIMES "; hairpin off, at most 12 mappings a "
          "host" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        GString *said = g_string_new(NULL);

        set_up();
        options.icmp.timeout = 7 * TIME_S;
        g_autofree char *complaint = set(rows[i].protocol, rows[i].key, rows[i].value);
        CHECK_ROW_TEXT(rows[i].key, complaint, "");
        nat_options_say(&options, said);
        CHECK_ROW_TEXT(rows[i].key, said->str, rows[i].said);
        g_string_free(said, TRUE);
    }
}

static void
test_sets_numbers(void)
{
    g_autofree char *step = set("udp", "step", "3"), *range = set(NULL, "port_range", "40000-40009");
    g_autofree char *total = set(NULL, "limits.total", "100"), *ttl = set(NULL, "ttl", "keep");
    g_autofree char *affinity = set(NULL, "affinity", "false"), *errors = set(NULL, "icmp_errors", "false");
    g_autofree char *refresh = set("icmp", "refresh", "both"), *none = set(NULL, "mapping", "none");

    CHECK_ROW_TEXT("step", step, "");
    CHECK_ROW_INT("step", options.udp.step, 3);
    CHECK_ROW_INT("step", options.icmp.step, 1);
    CHECK_ROW_TEXT("range", range, "");
    CHECK(options.udp.port_low == 40000 && options.udp.port_high == 40009 && options.icmp.port_low == 40000);
    CHECK_ROW_TEXT("total", total, "");
    CHECK_ROW_INT("total", options.limit_total, 100);
    CHECK_ROW_TEXT("ttl", ttl, "");
    CHECK_ROW_INT("ttl", options.ttl, NAT_TTL_KEEP);
    CHECK(!*affinity && !options.affinity && !*errors && !options.icmp_errors);
    CHECK(!*refresh && options.icmp.refresh == NAT_REFRESH_BOTH && options.udp.refresh == NAT_REFRESH_OUTBOUND);
    CHECK(!*none && options.udp.mapping == NAT_MAPPING_NONE);
}

/* Given plainly they hold for UDP, TCP and ICMP, but the timeout, which is UDP's. */
static void
test_sets_tcp(void)
{
    g_autofree char *filtering = set("tcp", "filtering", "endpoint-independent"), *step = set(NULL, "step", "7");
    g_autofree char *opening = set(NULL, "timeout.tcp_opening", "30s"), *closing = set(NULL, "timeout.tcp_closing", "9s");
    g_autofree char *established = set(NULL, "timeout.tcp", "1h"), *udp = set(NULL, "timeout", "31s");
    g_autofree char *wait = set(NULL, "syn_wait", "250ms");

    CHECK(!*filtering && !*step && !*opening && !*closing && !*established && !*udp && !*wait);
    CHECK_ROW_INT("filtering", options.tcp.filtering, NAT_ENDPOINT_INDEPENDENT);
    CHECK_ROW_INT("filtering of UDP", options.udp.filtering, NAT_ADDRESS_AND_PORT_DEPENDENT);
    CHECK(options.tcp.step == 7 && options.udp.step == 7 && options.icmp.step == 7);
    CHECK_ROW_INT("opening", options.tcp_opening, 30 * TIME_S);
    CHECK_ROW_INT("closing", options.tcp_closing, 9 * TIME_S);
    CHECK_ROW_INT("established", options.tcp.timeout, 3600 * TIME_S);
    CHECK_ROW_INT("UDP", options.udp.timeout, 31 * TIME_S);
    CHECK_ROW_INT("wait", options.syn_wait, 250 * TIME_MS);
    g_autofree char *alone = set("tcp", "timeout", "2h");
    CHECK(!*alone && options.tcp.timeout == 7200 * TIME_S && options.udp.timeout == 31 * TIME_S);
}

/* RFC 5382 REQ-4 asks for an answer after six seconds; one at once is a box that breaks it. */
static void
test_sets_no_wait(void)
{
    static const char *const values[] = { "0", "0s", "0ms", "false" };

    for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
        options.syn_wait = TIME_S;
        g_autofree char *complaint = set(NULL, "syn_wait", values[i]);

        CHECK_ROW_TEXT(values[i], complaint, "");
        CHECK_ROW_INT(values[i], options.syn_wait, 0);
    }
}

static void
test_lifts_limits(void)
{
    static const char *const keys[] = { "limits.per_host", "limits.total" }, *const values[] = { "0", "false" };

    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        for (size_t j = 0; j < G_N_ELEMENTS(values); j++) {
            options.limit_per_host = options.limit_total = 5;
            g_autofree char *complaint = set(NULL, keys[i], values[j]);

            CHECK_ROW_TEXT(values[j], complaint, "");
            CHECK_ROW_UINT(keys[i], options.limit_per_host, i == 0 ? 0 : 5);
            CHECK_ROW_UINT(keys[i], options.limit_total, i == 1 ? 0 : 5);
        }
    }
}

static void
test_sets_algs(void)
{
    static const struct {
        const char *value;
        uint8_t algs;
        unsigned ftp_quirks;
    } rows[] = { { "rewrite-addresses", NAT_ALG_REWRITE_ADDRESSES, 0 },
                 { "false", 0, 0 },
                 { "ftp:breaks-on-segments,rewrite-addresses", NAT_ALG_FTP | NAT_ALG_REWRITE_ADDRESSES,
                   1 << NAT_FTP_BREAKS_ON_SEGMENTS },
                 { "ftp", NAT_ALG_FTP, 0 },
                 { "{}", 0, 0 } };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        options.algs = 0x80;
        g_autofree char *complaint = set(NULL, "alg", rows[i].value);

        CHECK_ROW_TEXT(rows[i].value, complaint, "");
        CHECK_ROW_UINT(rows[i].value, options.algs, rows[i].algs);
        CHECK_ROW_UINT(rows[i].value, options.alg_quirks[1], rows[i].ftp_quirks);
    }
    options.algs = NAT_ALG_REWRITE_ADDRESSES;
    g_autoptr(GString) said = g_string_new(NULL);
    nat_options_say(&options, said);
    CHECK_ROW("said", g_str_has_suffix(said->str, "; ALG rewrite-addresses"));
    options.algs |= NAT_ALG_FTP;
    options.alg_quirks[1] = 1 << NAT_FTP_BREAKS_ON_SEGMENTS;
    nat_options_say(&options, said);
    CHECK_ROW("said", g_str_has_suffix(said->str, "; ALG rewrite-addresses, ftp:breaks-on-segments"));
}

/* Any of the servers, in one text. */
static void
test_sets_port_control(void)
{
    static const struct {
        const char *value;
        unsigned kinds;
        const char *said;
    } rows[] = {
        { "pcp", NAT_CONTROL_PCP, ", port control by pcp" },
        { "upnp,pcp", NAT_CONTROL_PCP | NAT_CONTROL_UPNP, ", port control by pcp and upnp" },
        { "nat-pmp, nat-pmp", NAT_CONTROL_NAT_PMP, ", port control by nat-pmp" },
        { "true", NAT_CONTROL_PCP | NAT_CONTROL_NAT_PMP | NAT_CONTROL_UPNP, ", port control by pcp and nat-pmp and upnp" },
        { "false", 0, NULL },
        { "{}", 0, NULL },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *complaint = set(NULL, "port_control", rows[i].value);
        g_autoptr(GString) said = g_string_new(NULL);

        CHECK_ROW_TEXT(rows[i].value, complaint, "");
        CHECK_ROW_UINT(rows[i].value, options.port_control, rows[i].kinds);
        nat_options_say(&options, said);
        CHECK_ROW(rows[i].value, rows[i].said ? strstr(said->str, rows[i].said) != NULL
                                              : strstr(said->str, "port control") == NULL);
    }
    g_autofree char *wrong = set(NULL, "port_control", "pcp,igd");
    CHECK_ROW_TEXT("wrong", wrong, "'igd' is not a value of 'port_control'; accepted: pcp, nat-pmp or upnp");
    g_autofree char *alone = set("udp", "port_control", "pcp");
    CHECK_ROW_TEXT("one protocol's", alone, "'port_control' is an option of the whole box, not of udp alone");
}

/* A complaint names the value, what is accepted and the nearest of it, and nothing has changed. */
static void
test_refuses(void)
{
    static const struct {
        const char *protocol, *key, *value, *complaint;
    } rows[] = {
        { NULL, "mapping", "adress-dependent",
          "'adress-dependent' is not a value of 'mapping'; accepted: "
          "endpoint-independent, address-dependent, address-and-port-dependent or none; did you mean "
          "'address-dependent'?" },
        { NULL, "filtering", "none",
          "'none' is not a value of 'filtering'; accepted: endpoint-independent, "
          "address-dependent or address-and-port-dependent" },
        { NULL, "maping", "none",
          "'maping' is not an option of a NAT; accepted: mapping, filtering, ports, step, port_range, timeout, refresh, "
          "parity, contiguous, clash, overlap, filtered, timeout.udp, timeout.udp_stream, timeout.icmp, "
          "timeout.tcp, timeout.tcp_opening, timeout.tcp_closing, syn_wait, hairpin, ttl, "
          "affinity, icmp_errors, limits.per_host, limits.total, limits.rate, limits.answer, pooling, port_hold, "
          "port_block, port_block.size, port_block.per_host, port_block.deterministic, port_block.dynamic, fragments, "
          "identification, quirks, forward, port_timeout, exempt, rules, ipv6, ipv6_prefix, port_control or "
          "alg; "
          "did you mean 'mapping'?" },
        { NULL, "timeout", "5 parsecs",
          "'5 parsecs' is not a value of 'timeout'; accepted: a duration above 0 such as "
          "\"5min\" or \"30s\", or a number of seconds" },
        { NULL, "timeout", "30",
          "'30' is not a value of 'timeout'; accepted: a duration above 0 such as \"5min\" or "
          "\"30s\", or a number of seconds" },
        { NULL, "timeout", "inf",
          "'inf' is not a value of 'timeout'; accepted: a duration above 0 such as \"5min\" or "
          "\"30s\", or a number of seconds" },
        { NULL, "timeout", "0",
          "'0' is not a value of 'timeout'; accepted: a duration above 0 such as \"5min\" or "
          "\"30s\", or a number of seconds" },
        { NULL, "step", "0", "'0' is not a value of 'step'; accepted: a whole number from 1 to 65535" },
        { NULL, "port_range", "5000-4000",
          "'5000-4000' is not a value of 'port_range'; accepted: two ports from 1 to "
          "65535 such as \"40000-40999\", the lower first" },
        { NULL, "port_range", "5000",
          "'5000' is not a value of 'port_range'; accepted: two ports from 1 to 65535 such as "
          "\"40000-40999\", the lower first" },
        { NULL, "ports", "overlod",
          "'overlod' is not a value of 'ports'; accepted: preserve, sequential, random or overload; did you mean "
          "'overload'?" },
        { NULL, "parity", "maybe", "'maybe' is not a value of 'parity'; accepted: false or true" },
        { NULL, "pooling", "any", "'any' is not a value of 'pooling'; accepted: paired or arbitrary" },
        { NULL, "port_block", "0", "'0' is not a value of 'port_block'; accepted: a whole number from 1 to 65535" },
        { NULL, "quirks", "icmp-destroys,x",
          "'x' is not a quirk; accepted: early-inbound-poisons, filtered-inbound-destroys, icmp-destroys, "
          "preserve-then-symmetric or rewrites-payload" },
        { NULL, "forward", "80",
          "'80' is not a value of 'forward'; accepted: a list of {protocol=, port=, address=, to=, from=}, or {} for "
          "none" },
        { "udp", "pooling", "paired", "'pooling' is an option of the whole box, not of udp alone" },
        { NULL, "rules", "deny", "'deny' is not a value of 'rules'; accepted: a list of {action=, direction=, protocol=, "
                                 "address=, port=, from=}, or {} for none" },
        { NULL, "alg", "rewrite-adresses",
          "'rewrite-adresses' is not an ALG; accepted: rewrite-addresses, ftp or sip; did you mean 'rewrite-addresses'?" },
        { NULL, "alg", "ftp:breaks",
          "'breaks' is not a quirk of the ALG ftp; accepted: breaks-on-segments; did you mean 'breaks-on-segments'?" },
        { NULL, "alg", "ftp,,", "'' is not an ALG; accepted: rewrite-addresses, ftp or sip" },
        { "udp", "alg", "false", "'alg' is an option of the whole box, not of udp alone" },
        { NULL, "ipv6", "{}",
          "'{}' is not a value of 'ipv6'; accepted: firewall, open, prefix, masquerade or nat64" },
        { NULL, "ipv6_prefix", "10.0.0.0/8",
          "'10.0.0.0/8' is not a value of 'ipv6_prefix'; accepted: an IPv6 prefix such as \"2001:db8:1::/48\"" },
        { NULL, "limits.total", "4194305",
          "'4194305' is not a value of 'limits.total'; accepted: a whole number from 1 to 4194304, or 0 or false for no "
          "limit" },
        { NULL, "timeout.tcp_opening", "0",
          "'0' is not a value of 'timeout.tcp_opening'; accepted: a duration above 0 such as \"5min\" or \"30s\", or a "
          "number of seconds" },
        { NULL, "syn_wait", "soon",
          "'soon' is not a value of 'syn_wait'; accepted: a duration such as \"6s\", a number of seconds, or 0 or false "
          "for an answer at once" },
        { "tcp", "syn_wait", "0", "'syn_wait' is an option of the whole box, not of tcp alone" },
        { "upd", "mapping", "none",
          "'upd' is not a protocol with options of its own; accepted: udp, icmp or tcp; did you "
          "mean 'udp'?" },
        { "udp", "hairpin", "off", "'hairpin' is an option of the whole box, not of udp alone" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        set_up();
        struct nat_options before = options;
        g_autofree char *complaint = set(rows[i].protocol, rows[i].key, rows[i].value);

        CHECK_ROW_TEXT(rows[i].key, complaint, rows[i].complaint);
        CHECK_ROW(rows[i].key, memcmp(&before, &options, sizeof before) == 0);
    }
}

/* What this version does anyway may be said. */
static void
test_takes_today(void)
{
    static const char *const rows[][2] = { { "pooling", "paired" },
                                           { "parity", "false" },
                                           { "contiguous", "false" },
                                           { "alg", "false" },
                                           { "rules", "{}" },
                                           { "quirks", "{}" },
                                           { "forward", "{}" },
                                           { "alg", "{}" } };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *complaint = set(NULL, rows[i][0], rows[i][1]);

        CHECK_ROW_TEXT(rows[i][0], complaint, "");
    }
}

void
suite_nat_options(void)
{
    UNIT_SUITE("nat: options", set_up, NULL, { "classic presets", test_classic_presets },
               { "compliant presets", test_compliant_presets }, { "preset names", test_preset_names },
               { "words", test_words }, { "sets", test_sets }, { "sets numbers", test_sets_numbers },
               { "sets TCP", test_sets_tcp }, { "sets no wait", test_sets_no_wait },
               { "lifts limits", test_lifts_limits },
               { "sets port control", test_sets_port_control }, { "sets ALGs", test_sets_algs },
               { "refuses", test_refuses }, { "takes what is so today", test_takes_today });
}
