/* punchlab nat: the presets and what each does. */
#include <stdio.h>
#include <string.h>

#include "core/base/time.h"
#include "core/base/words.h"
#include "nat/presets.h"
#include "scenarios/runner/cli/command.h"
#include "scenarios/runner/cli/conformance.h"
#include "scenarios/runner/sweep/table.h"

struct nat_command_options {
    bool help, conformance;
    const char *format;
};

static const struct argument options[] = {
    { "conformance", 0, ARGUMENT_FLAG, offsetof(struct nat_command_options, conformance), NULL,
      "measure the preset in simulation: which requirements of RFC 4787, 5382, 5508, 7857\nand 6888 it meets, with the "
      "evidence" },
    { "format", 0, ARGUMENT_TEXT, offsetof(struct nat_command_options, format), "FORMAT",
      "of what is measured: text or json" },
    OPTIONS_END
};

/* ---- all */

static void
print_all(void)
{
    static const char *const headings[] = { "preset", "mapping", "filtering", "ports", "hairpin", "timeout", "source" };
    struct table *table = table_new(G_N_ELEMENTS(headings));
    struct terminal terminal = terminal_of(stdout);
    g_autoptr(GString) out = g_string_new(NULL);
    char timeout[DURATION_TEXT];

    for (size_t i = 0; i < G_N_ELEMENTS(headings); i++)
        table_add(table, headings[i], STYLE_STRONG);
    for (const struct nat_preset *preset = nat_presets; preset->name; preset++) {
        const struct nat_behaviour *udp = &preset->options.udp;
        const char *cells[] = {
            preset->name,
            nat_dependence_words[udp->mapping],
            nat_dependence_words[udp->filtering],
            nat_ports_words[udp->ports],
            nat_hairpin_words[preset->options.hairpin],
            duration_format(udp->timeout, timeout),
            preset->source,
        };

        for (size_t j = 0; j < G_N_ELEMENTS(cells); j++)
            table_add(table, cells[j], STYLE_PLAIN);
    }
    table_text(table, &terminal, out);
    g_string_append(out, "\nMapping and filtering are those of UDP. 'punchlab nat PRESET' tells one in full. "
                         "Types of firewalls too,\nwhich map nothing: ");
    words_say(nat_firewall_names(), out);
    g_string_append(out, ".\n");
    table_free(table);
    fputs(out->str, stdout);
}

/* ---- one */

static const char *
mapping_meaning(uint8_t mapping)
{
    static const char *const meanings[] = {
        [NAT_ENDPOINT_INDEPENDENT] = "one external port for an internal one, whomever it sends to",
        [NAT_ADDRESS_DEPENDENT] = "another external port for each address it sends to",
        [NAT_ADDRESS_AND_PORT_DEPENDENT] = "another external port for each address and port it sends to",
        [NAT_MAPPING_NONE] = "nothing is translated",
    };

    return meanings[mapping];
}

static const char *
filtering_meaning(uint8_t filtering)
{
    static const char *const meanings[] = {
        [NAT_ENDPOINT_INDEPENDENT] = "anybody may send in while the mapping lives",
        [NAT_ADDRESS_DEPENDENT] = "only addresses that were sent to may send in, from any port",
        [NAT_ADDRESS_AND_PORT_DEPENDENT] = "only addresses and ports that were sent to may send in",
        [NAT_MAPPING_NONE] = "",
    };

    return meanings[filtering];
}

static const char *
ports_meaning(const struct nat_behaviour *behaviour)
{
    static const char *const meanings[] = {
        [NAT_PORTS_PRESERVE] = "the internal port; the next free one up when it is taken",
        [NAT_PORTS_SEQUENTIAL] = "one after another",
        [NAT_PORTS_RANDOM] = "any free one",
        [NAT_PORTS_OVERLOAD] = "the internal port, whoever has it already",
    };

    if (behaviour->ports == NAT_PORTS_PRESERVE && behaviour->clash == NAT_CLASH_RANDOM)
        return "the internal port; any free one when it is taken";
    return meanings[behaviour->ports];
}

static void
say_behaviour(const char *protocol, const struct nat_behaviour *behaviour, GString *out)
{
    char timeout[DURATION_TEXT];

    g_string_append_printf(out, "\n%s\n", protocol);
    g_string_append_printf(out, "  mapping     %s: %s\n", nat_dependence_words[behaviour->mapping],
                           behaviour->overlap ? "state for each address and port it sends to"
                                              : mapping_meaning(behaviour->mapping));
    g_string_append_printf(out, "  filtering   %s: %s\n", nat_dependence_words[behaviour->filtering],
                           filtering_meaning(behaviour->filtering));
    g_string_append_printf(out, "  ports       %s: %s; %u to %u", nat_ports_words[behaviour->ports],
                           ports_meaning(behaviour), behaviour->port_low, behaviour->port_high);
    if (behaviour->ports == NAT_PORTS_SEQUENTIAL)
        g_string_append_printf(out, ", step %u", behaviour->step);
    if (behaviour->parity)
        g_string_append(out, ", even for even and odd for odd");
    if (behaviour->overlap)
        g_string_append(out, "\n  overlap     a port is taken only for the destination that it is used for");
    g_string_append_printf(out, "\n  timeout     %s idle, refreshed by %s packets\n",
                           duration_format(behaviour->timeout, timeout),
                           behaviour->refresh == NAT_REFRESH_BOTH ? "outbound and inbound"
                                                                  : nat_refresh_words[behaviour->refresh]);
    if (behaviour->stream_timeout && behaviour->stream_timeout != behaviour->timeout)
        g_string_append_printf(out, "              %s once packets have gone both ways\n",
                               duration_format(behaviour->stream_timeout, timeout));
    g_string_append_printf(out, "  filtered    %s: what a refused packet gets\n",
                           nat_refusal_words[behaviour->refusal]);
}

static void
say_tcp(const struct nat_options *box, GString *out)
{
    char text[DURATION_TEXT];

    say_behaviour("TCP", &box->tcp, out);
    g_string_append_printf(out, "  opening     %s: timeout of a connection that is partially open\n",
                           duration_format(box->tcp_opening, text));
    g_string_append_printf(out, "  closing     %s: timeout of one that both sides have closed, or one has reset\n",
                           duration_format(box->tcp_closing, text));
    g_string_append_printf(out, "  syn wait    %s: before a SYN that nobody asked for is answered\n",
                           duration_format(box->syn_wait, text));
}

static void
say_limit(const char *name, uint32_t limit, GString *out)
{
    if (limit)
        g_string_append_printf(out, "  %-11s %u mappings\n", name, limit);
}

static void
say_rules(const struct nat_options *options, GString *out)
{
    if (options->rule_count > 0)
        g_string_append(out, "\nRules for flows that begin, the first that matches holds\n");
    for (uint32_t i = 0; i < options->rule_count; i++) {
        g_string_append_printf(out, "  %-11u ", i + 1);
        firewall_rule_say(&options->rules[i], out);
        g_string_append_c(out, '\n');
    }
}

static void
print_one(const struct nat_preset *preset)
{
    const struct nat_options *box = &preset->options;
    g_autoptr(GString) out = g_string_new(NULL);
    char hold[DURATION_TEXT];

    g_string_append_printf(out, "%s: %s\n", preset->name, preset->help);
    if (nat_preset_is_firewall(preset))
        g_string_append(out, "As the type of a firewall it maps nothing; what follows is a NAT of that type.\n");
    if (*preset->source)
        g_string_append_printf(out, "Source: %s\n", preset->source);
    say_behaviour("UDP", &box->udp, out);
    say_tcp(box, out);
    say_behaviour("ICMP queries (the identifier is the port)", &box->icmp, out);
    g_string_append_printf(out, "\nThe box\n  hairpin     %s\n  ttl         %s\n", nat_hairpin_words[box->hairpin],
                           nat_ttl_words[box->ttl]);
    g_string_append_printf(out, "  affinity    %s: a reply leaves by the mapping that admitted what it answers\n",
                           box->affinity ? "on" : "off");
    g_string_append_printf(out, "  icmp errors %s\n", box->icmp_errors ? "passed and translated" : "dropped");
    say_limit("per host", box->limit_per_host, out);
    say_limit("in all", box->limit_total, out);
    if (box->limit_answer != NAT_LIMIT_ICMP)
        g_string_append(out, "  limits      who meets one is told host unreachable (ICMP 3/1)\n");
    if (box->identification == NAT_IDENTIFICATION_RENUMBER)
        g_string_append(out, "  ip ids      new ones for packets out that may be cut into fragments\n");
    if (box->port_hold)
        g_string_append_printf(out, "  port hold   %s before a port that has become free is given out again\n",
                               duration_format(box->port_hold, hold));
    say_rules(box, out);
    fputs(out->str, stdout);
}

/* ---- measured */

enum format { FORMAT_TEXT, FORMAT_JSON };
static const char *const formats[] = { "text", "json", NULL };

/* A box that breaks what an RFC asks for has still been measured: that is no failure. */
static int
measure(const struct nat_preset *preset, enum format format)
{
    struct conformance_subject subject = { preset->name, &preset->options, g_str_has_prefix(preset->name, "cgn") };
    g_autoptr(GArray) findings = conformance_measure(&subject);
    struct terminal terminal = terminal_of(stdout);
    g_autoptr(GString) out = g_string_new(NULL);

    if (format == FORMAT_JSON)
        conformance_json(&subject, findings, out);
    else
        conformance_text(&subject, findings, &terminal, out);
    fputs(out->str, stdout);
    return STATUS_HELD;
}

static int
nat_run(const struct command *command, const void *given, const GPtrArray *words)
{
    const struct nat_command_options *nat = given;
    const char *name = words->len > 0 ? words->pdata[0] : NULL;
    const struct nat_preset *preset = name ? nat_preset_find(name) : NULL;
    GError *error = NULL;
    int format;

    if (name && !preset) {
        g_autofree char *complaint = words_complaint(nat_preset_names(), name, "a preset");

        return command_fail(command, "%s", complaint);
    }
    if (!arguments_choice("--format", nat->format, formats, &format, &error))
        return command_fail_error(command, error);
    if (nat->conformance && !preset)
        return command_fail(command, "--conformance: which preset?");
    if (nat->format && !nat->conformance)
        return command_fail(command, "--format goes with --conformance");
    if (nat->conformance)
        return measure(preset, (enum format)format);
    if (preset)
        print_one(preset);
    else
        print_all();
    return STATUS_HELD;
}

const struct command nat_command = {
    .name = "nat",
    .usage = "[PRESET] [OPTION]...",
    .summary = "the presets and what each does",
    .about = "A preset is a value for 'type' of a box in a scenario; the words are those of RFC 4787, RFC 5382 and\n"
             "RFC 5508.\n",
    .options = options,
    .options_size = sizeof(struct nat_command_options),
    .words_max = 1,
    .run = nat_run,
};
