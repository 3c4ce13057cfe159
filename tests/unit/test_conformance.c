/* Measuring boxes against the RFCs: what each preset breaks, derived from the RFCs and from what the preset says it does;
 * and boxes that are made to break one thing, which shows that each probe can fail. */
#include <string.h>

#include "core/base/time.h"
#include "nat/options.h"
#include "nat/presets.h"
#include "scenarios/conformance/conformance.h"
#include "scenarios/conformance/stand.h"
#include "tests/unit/support.h"

/* The findings of one outcome: "4787 REQ-1, 4787 REQ-9". */
static char *
list(const GArray *findings, enum outcome outcome)
{
    GString *out = g_string_new(NULL);

    for (guint i = 0; i < findings->len; i++) {
        const struct finding *finding = &g_array_index(findings, struct finding, i);

        if (finding->outcome == outcome)
            g_string_append_printf(out, "%s%u %s", out->len ? ", " : "", finding->table->rfc,
                                   finding->requirement->number);
    }
    return g_string_free(out, FALSE);
}

static char *
measure(const struct nat_options *options, bool carrier, enum outcome outcome)
{
    struct conformance_subject subject = { "box", options, carrier };
    g_autoptr(GArray) findings = conformance_measure(&subject);

    return list(findings, outcome);
}

/* ---- presets */

#define CLASSIC_RESULTS "5382 REQ-4 answer, 5382 REQ-8, 5382 REQ-8a, 5508 REQ-7, 5508 REQ-7a, 7857 9, 7857 10"

static const struct {
    const char *preset;
    bool carrier;
    const char *broken;
} presets[] = {
    { "rfc4787", false, "" },
    /* No hairpin, silence, and the next port up on a clash. */
    { "full-cone", false, "4787 REQ-4, 4787 REQ-9, 4787 REQ-9a, " CLASSIC_RESULTS },
    { "restricted-cone", false, "4787 REQ-4, 4787 REQ-9, 4787 REQ-9a, " CLASSIC_RESULTS },
    /* The same, and a filter by port. */
    { "port-restricted-cone", false, "4787 REQ-4, 4787 REQ-8, 4787 REQ-9, 4787 REQ-9a, 5382 REQ-3, " CLASSIC_RESULTS },
    /* A random port for each destination, so neither range nor parity are kept; nobody can guess it. */
    { "symmetric", false,
      "4787 REQ-1, 4787 REQ-3a, 4787 REQ-4, 4787 REQ-8, 4787 REQ-9, 4787 REQ-9a, 5382 REQ-1, 5382 REQ-3, "
      "5382 REQ-4 answer, 5382 REQ-8, 5382 REQ-8a, 5508 REQ-1a, 5508 REQ-7, 5508 REQ-7a, 7857 10" },
    { "symmetric-sequential", false,
      "4787 REQ-1, 4787 REQ-3a, 4787 REQ-4, 4787 REQ-8, 4787 REQ-9, 4787 REQ-9a, 5382 REQ-1, 5382 REQ-3, "
      "5382 REQ-4 answer, 5382 REQ-8, 5382 REQ-8a, 5508 REQ-1a, 5508 REQ-7, 5508 REQ-7a, 7857 9, 7857 10" },
    /* Random ports; no server for port control. Who meets a limit hears what RFC 6888 REQ-11 asks for, which
     * is not what RFC 5508 REQ-8 does. */
    { "cgn", true, "4787 REQ-3a, 4787 REQ-4, 5508 REQ-8, 6888 REQ-9" },
    /* State for each pair of endpoints, which shows only when a port is taken; short timers. */
    { "linux", false,
      "4787 REQ-4, 4787 REQ-5, 4787 REQ-5c, 4787 REQ-8, 4787 REQ-9, 4787 REQ-9a, 4787 REQ-11, 5382 REQ-3, "
      "5382 REQ-4 answer, 5382 REQ-5 opening, 5382 REQ-5 closing, 5382 REQ-8, 5382 REQ-8a, 5508 REQ-2, 5508 REQ-7, "
      "5508 REQ-7a, 7857 2.1, 7857 2.2 kept, 7857 2.2 traffic, 7857 10" },
    { "pf", false,
      "4787 REQ-1, 4787 REQ-3a, 4787 REQ-4, 4787 REQ-5, 4787 REQ-5c, 4787 REQ-8, 4787 REQ-9, 4787 REQ-9a, "
      "5382 REQ-1, 5382 REQ-3, 5382 REQ-4 answer, 5382 REQ-5 opening, 5382 REQ-5 closing, 5382 REQ-8, 5382 REQ-8a, "
      "5508 REQ-1a, 5508 REQ-2, 5508 REQ-7, 5508 REQ-7a, 7857 2.1, 7857 2.2 kept, 7857 2.2 traffic, 7857 10" },
    /* What is blocked is not measured. As a NAT it is a port-restricted cone. */
    { "udp-blocked", false, "5382 REQ-3, 5382 REQ-4 answer, 5382 REQ-8, 5382 REQ-8a" },
    { "captive", false, "" },
};

static void
test_presets(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(presets); i++) {
        g_autofree char *broken =
            measure(&nat_preset_find(presets[i].preset)->options, presets[i].carrier, OUTCOME_NOT_MET);

        CHECK_ROW_TEXT(presets[i].preset, broken, presets[i].broken);
    }
}

/* ---- one thing broken */

struct change {
    const char *protocol, *key, *value;
};

static const struct {
    const char *name;
    struct change changes[3];
    const char *broken;
} boxes[] = {
    { "UDP filtered by nothing is as good", { { "udp", "filtering", "endpoint-independent" } }, "" },
    { "a mapping for each address",
      { { "udp", "filtering", "endpoint-independent" }, { "udp", "mapping", "address-dependent" } },
      "4787 REQ-1" },
    { "a mapping for each address and port",
      { { "udp", "filtering", "endpoint-independent" }, { "udp", "mapping", "address-and-port-dependent" } },
      "4787 REQ-1" },
    { "UDP filtered by port", { { "udp", "filtering", "address-and-port-dependent" } }, "4787 REQ-8" },
    { "UDP lives for 4 minutes", { { NULL, "timeout", "4min" } }, "4787 REQ-5c" },
    { "UDP lives for 119 seconds", { { NULL, "timeout", "119s" } }, "4787 REQ-5, 4787 REQ-5c" },
    { "refreshed from outside only", { { "udp", "refresh", "inbound" } }, "4787 REQ-6" },
    { "refreshed from both sides", { { "udp", "refresh", "both" } }, "" },
    { "no hairpin",
      { { NULL, "hairpin", "off" } },
      "4787 REQ-9, 4787 REQ-9a, 5382 REQ-8, 5382 REQ-8a, 5508 REQ-7, 5508 REQ-7a" },
    { "hairpin with the internal source", { { NULL, "hairpin", "internal-source" } }, "4787 REQ-9a, 5382 REQ-8a" },
    { "no ICMP errors",
      { { NULL, "icmp_errors", "false" } },
      "4787 REQ-12a, 4787 REQ-12b, 5382 REQ-9, 5508 REQ-3b, 5508 REQ-3c, 5508 REQ-3d, 5508 REQ-4a, 5508 REQ-4b, "
      "5508 REQ-4c, 5508 REQ-5a, 5508 REQ-5b, 5508 REQ-5c, 5508 REQ-7, 5508 REQ-7a, 5508 REQ-10" },
    { "a mapping for each address, TCP",
      { { "tcp", "filtering", "endpoint-independent" }, { "tcp", "mapping", "address-dependent" } },
      "5382 REQ-1" },
    { "TCP filtered by port", { { "tcp", "filtering", "address-and-port-dependent" } }, "5382 REQ-3" },
    { "a SYN is answered after 5.9 s", { { NULL, "syn_wait", "5900ms" } }, "5382 REQ-4" },
    { "a SYN is not answered", { { "tcp", "filtered", "drop" } }, "5382 REQ-4 answer" },
    { "a SYN is answered by a RST", { { "tcp", "filtered", "reset" } }, "5382 REQ-4 answer" },
    { "connections live for two hours", { { NULL, "timeout.tcp", "2h" } }, "5382 REQ-5, 7857 2" },
    { "half-open ones for 239 seconds", { { NULL, "timeout.tcp_opening", "239s" } }, "5382 REQ-5 opening, 7857 2.1" },
    { "closed ones for 239 seconds", { { NULL, "timeout.tcp_closing", "239s" } }, "5382 REQ-5 closing, 7857 2.2 kept" },
    { "closed ones for two minutes",
      { { NULL, "timeout.tcp_closing", "2min" } },
      "5382 REQ-5 closing, 7857 2.2 kept, 7857 2.2 traffic" },
    { "an identifier for each host", { { "icmp", "mapping", "address-dependent" } }, "5508 REQ-1a" },
    { "queries live for 59 seconds", { { NULL, "timeout.icmp", "59s" } }, "5508 REQ-2" },
    { "neither parity", { { "udp", "parity", "false" } }, "4787 REQ-4" },
    { "the next port on a clash", { { "udp", "clash", "next" } }, "7857 9" },
    { "random ports", { { "udp", "ports", "random" } }, "4787 REQ-3a" },
    { "sequential ports", { { "udp", "ports", "sequential" } }, "4787 REQ-3a, 7857 9" },
    { "shared ports", { { "udp", "ports", "overload" } }, "4787 REQ-3, 7857 3" },
    { "shared ports, TCP", { { "tcp", "ports", "overload" } }, "5382 REQ-7" },
    { "another address each time", { { NULL, "pooling", "arbitrary" } }, "4787 REQ-2, 7857 4" },
    { "no fragments", { { NULL, "fragments", "drop" } }, "4787 REQ-14" },
    { "fragments in order only", { { NULL, "fragments", "in-order-only" } }, "4787 REQ-14" },
    { "an early packet poisons", { { NULL, "quirks", "early-inbound-poisons" } }, "4787 REQ-11" },
    { "a refused packet destroys", { { NULL, "quirks", "filtered-inbound-destroys" } }, "4787 REQ-11" },
    { "an ICMP error destroys", { { NULL, "quirks", "icmp-destroys" } }, "4787 REQ-12, 5382 REQ-10, 5508 REQ-6" },
    { "symmetric on a clash", { { NULL, "quirks", "preserve-then-symmetric" } }, "4787 REQ-11" },
    { "data is rewritten", { { NULL, "quirks", "rewrites-payload" } }, "4787 REQ-10" },
    { "who meets a limit hears nothing", { { NULL, "limits.answer", "drop" } }, "5508 REQ-8" },
    { "who meets a limit hears 3/1", { { NULL, "limits.answer", "icmp-host" } }, "5508 REQ-8" },
    { "identifications are kept", { { NULL, "identification", "keep" } }, "7857 10" },
    { "not a hop", { { NULL, "ttl", "keep" } }, "5508 7.2" },
};

static char *
break_and_measure(const struct change *changes, const char *name, const char *preset, bool carrier)
{
    struct nat_options options = nat_preset_find(preset)->options;
    GError *error = NULL;

    for (unsigned i = 0; i < 3 && changes[i].key; i++) {
        nat_options_set(&options, changes[i].protocol, changes[i].key, changes[i].value, &error);
        CHECK_ROW_TEXT(name, error ? error->message : NULL, NULL);
        g_clear_error(&error);
    }
    return measure(&options, carrier, OUTCOME_NOT_MET);
}

static void
test_one_thing(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(boxes); i++) {
        g_autofree char *broken = break_and_measure(boxes[i].changes, boxes[i].name, "rfc4787", false);

        CHECK_ROW_TEXT(boxes[i].name, broken, boxes[i].broken);
    }
}

/* The same of a provider's NAT, which has some already (see above). */
static const struct {
    const char *name;
    struct change changes[3];
    const char *broken;
} providers[] = {
    { "an answer as of RFC 5508",
      { { NULL, "limits.answer", "icmp" } },
      "4787 REQ-3a, 4787 REQ-4, 6888 REQ-9, 6888 REQ-11B" },
    { "with PCP", { { NULL, "port_control", "pcp" } }, "4787 REQ-3a, 4787 REQ-4, 5508 REQ-8" },
    { "sequential ports",
      { { "udp", "ports", "sequential" } },
      "4787 REQ-3a, 4787 REQ-4, 5508 REQ-8, 7857 9, 6888 REQ-9, 6888 REQ-15" },
    { "filtered by address",
      { { "udp", "filtering", "address-dependent" } },
      "4787 REQ-3a, 4787 REQ-4, 5508 REQ-8, 6888 REQ-7, 6888 REQ-9" },
    { "ports don't rest",
      { { NULL, "port_hold", "0" } },
      "4787 REQ-3a, 4787 REQ-4, 5508 REQ-8, 6888 REQ-8, 6888 REQ-9" },
    { "ports rest for 100 seconds",
      { { NULL, "port_hold", "100s" } },
      "4787 REQ-3a, 4787 REQ-4, 5508 REQ-8, 6888 REQ-8, 6888 REQ-9" },
    { "another address each time",
      { { NULL, "pooling", "arbitrary" } },
      "4787 REQ-2, 4787 REQ-3a, 4787 REQ-4, 5508 REQ-8, 7857 4, 6888 REQ-2, 6888 REQ-9" },
    { "few ports",
      { { "udp", "port_range", "10000-19999" } },
      "4787 REQ-3a, 4787 REQ-4, 5508 REQ-8, 6888 REQ-9, 6888 REQ-13" },
    { "no hairpin",
      { { NULL, "hairpin", "off" } },
      "4787 REQ-3a, 4787 REQ-4, 4787 REQ-9, 4787 REQ-9a, 5382 REQ-8, 5382 REQ-8a, 5508 REQ-7, 5508 REQ-7a, "
      "5508 REQ-8, 6888 REQ-1, 6888 REQ-9" },
};

static void
test_providers(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(providers); i++) {
        g_autofree char *broken = break_and_measure(providers[i].changes, providers[i].name, "cgn", true);

        CHECK_ROW_TEXT(providers[i].name, broken, providers[i].broken);
    }
}

/* What only boxes that make use of it meet. */
static void
test_permissions(void)
{
    static const struct nat_port_timeout names = { 53, 30 * TIME_S };
    struct nat_options options = nat_preset_find("rfc4787")->options, limited = nat_preset_find("cgn")->options;
    g_autofree char *plain = measure(&options, false, OUTCOME_MET), *linux_met = NULL, *changed = NULL, *all = NULL;

    options.port_timeouts = &names;
    options.port_timeout_count = 1;
    options.udp.refresh = NAT_REFRESH_BOTH;
    limited.limit_per_host = 100;
    changed = measure(&options, false, OUTCOME_MET);
    linux_met = measure(&nat_preset_find("linux")->options, false, OUTCOME_MET);
    all = measure(&limited, true, OUTCOME_MET);
    CHECK(!strstr(plain, "4787 REQ-5a") && !strstr(plain, "4787 REQ-6a") && !strstr(plain, "7857 3"));
    CHECK(strstr(changed, "4787 REQ-5a") && strstr(changed, "4787 REQ-6a"));
    CHECK(strstr(linux_met, "7857 3") != NULL);
    CHECK(strstr(all, "6888 REQ-4") && strstr(all, "6888 REQ-11D") && !strstr(plain, "6888"));
}

/* ---- the tables */

static void
test_tables(void)
{
    for (const struct requirement_table *const *table = requirement_tables; *table; table++) {
        for (const struct requirement *row = (*table)->rows; row->number; row++) {
            CHECK_ROW(row->number, (row->probe == NULL) != (row->reason == NULL));
            CHECK_ROW(row->number, row->text && row->section && row->level < LEVELS);
            for (const struct requirement *other = (*table)->rows; other != row; other++)
                CHECK_ROW(row->number, strcmp(other->number, row->number) != 0);
        }
    }
}

/* Everything is measured, and told of, once; a box that translates nothing is none to measure. */
static void
test_findings(void)
{
    struct nat_options firewall = nat_preset_find("firewall")->options;
    g_autofree char *met = NULL, *broken = NULL;

    nat_options_make_firewall(&firewall);
    met = measure(&firewall, false, OUTCOME_MET);
    broken = measure(&firewall, false, OUTCOME_NOT_MET);
    CHECK_ROW_TEXT("a firewall", met, "");
    CHECK_ROW_TEXT("a firewall", broken, "");
}

/* ---- packets */

static struct form
some_form(uint8_t protocol)
{
    return (struct form){
        .from = { address_ipv4(0x0a000002), 5000 },
        .to = { address_ipv4(0xc6336401), 1000 },
        .protocol = protocol,
        .ttl = 63,
        .identification = 7,
        .flags = LETTER_SYN,
        .sequence = 1000,
        .type = 8,
        .data = span_of("hello", 5),
    };
}

static void
test_wire(void)
{
    static const uint8_t protocols[] = { PROTOCOL_UDP, PROTOCOL_TCP, PROTOCOL_ICMP };

    for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++) {
        for (uint8_t wrong = 0; wrong < 4; wrong++) {
            struct form form = some_form(protocols[i]), read;
            uint8_t bytes[FORM_MAX];
            size_t length;

            form.wrong = wrong;
            form.options = wrong * 4;
            length = form_write(bytes, &form);
            CHECK(form_read(span_of(bytes, length), false, &read));
            CHECK_ROW_INT("wrong", read.wrong, wrong);
            CHECK_ROW_INT("options", read.options, form.options);
            CHECK_ROW_INT("port", read.from.port, 5000);
            CHECK(endpoint_equal(read.to, form.to) || protocols[i] == PROTOCOL_ICMP);
            CHECK(span_equal(read.data, form.data));
            for (size_t cut = 0; cut < 20 + (size_t)form.options; cut++)
                CHECK(!form_read(span_of(bytes, cut), true, &read));
        }
    }
}

/* `identification`: what may be cut gets a new one, what may not (RFC 6864 calls it atomic) keeps its own. */
static void
test_identification(void)
{
    static const struct {
        const char *name;
        uint8_t protocol;
        bool dont_fragment, renumber, kept;
    } rows[] = {
        { "UDP", PROTOCOL_UDP, false, true, false },        { "UDP with DF", PROTOCOL_UDP, true, true, true },
        { "TCP", PROTOCOL_TCP, false, true, false },        { "TCP with DF", PROTOCOL_TCP, true, true, true },
        { "a query", PROTOCOL_ICMP, false, true, false },   { "the option is off", PROTOCOL_UDP, false, false, true },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct nat_options options = nat_preset_find("full-cone")->options;
        struct form form = some_form(rows[i].protocol);
        struct stand *stand;
        const struct seen *seen;

        options.identification = rows[i].renumber ? NAT_IDENTIFICATION_RENUMBER : NAT_IDENTIFICATION_KEEP;
        stand = stand_new(&options, &(struct stand_layout){ .addresses = 1 });
        form.identification = 0x1234;
        form.dont_fragment = rows[i].dont_fragment;
        stand_put(stand, INSIDE, &form);
        seen = stand_seen(stand, OUTSIDE, 0);
        if (CHECK_ROW(rows[i].name, seen != NULL)) {
            CHECK_ROW_INT(rows[i].name, seen->form.identification == 0x1234, rows[i].kept);
            CHECK_ROW_INT(rows[i].name, seen->form.wrong, 0);
        }
        stand_free(stand);
    }
}

void
suite_conformance(void)
{
    UNIT_SUITE("conformance", NULL, NULL, { "presets", test_presets }, { "one thing broken", test_one_thing },
               { "providers", test_providers }, { "permissions", test_permissions }, { "tables", test_tables },
               { "a firewall", test_findings }, { "packets", test_wire }, { "identification", test_identification });
}
