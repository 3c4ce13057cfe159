#include "scenarios/runner/cli/summary.h"

#include <inttypes.h>
#include <string.h>

#include "scenarios/runner/cli/timeline.h"

static void
say_value(const struct value *value, GString *out)
{
    g_autoptr(GString) raw = g_string_new(NULL);

    value_say(value, raw);
    terminal_safe(raw->str, out);
}

void
summary_heading(const struct scenario *scenario, const struct report_about *about, const struct terminal *terminal,
                GString *out)
{
    g_autoptr(GString) title = g_string_new(NULL), rest = g_string_new("  ");

    terminal_safe(scenario->title ? scenario->title : about->name, title);
    terminal_styled(terminal, STYLE_STRONG, title->str, out);
    g_string_append_c(out, '\n');

    if (scenario->title) {
        terminal_safe(about->name, rest);
        g_string_append(rest, ", ");
    }
    g_string_append_printf(rest, "seed %" PRIu64, about->seed);
    for (guint i = 0; i < scenario->parameters->len; i++) {
        const struct scenario_parameter *parameter = scenario->parameters->pdata[i];

        g_string_append_printf(rest, ", %s=", parameter->name);
        say_value(parameter->value, rest);
    }
    terminal_styled(terminal, STYLE_FAINT, rest->str, out);
    g_string_append_c(out, '\n');
}

/* ---- results */

static void
say_results(const GPtrArray *results, const struct terminal *terminal, GString *out)
{
    size_t column = 0;

    if (results->len == 0)
        return;
    for (guint i = 0; i < results->len; i++)
        column = MAX(column, terminal_width(((const struct scenario_result *)results->pdata[i])->name));

    g_string_append_c(out, '\n');
    terminal_styled(terminal, STYLE_STRONG, "Results", out);
    g_string_append_c(out, '\n');
    for (guint i = 0; i < results->len; i++) {
        const struct scenario_result *result = results->pdata[i];

        g_string_append(out, "  ");
        terminal_safe(result->name, out);
        terminal_pad(result->name, column + 2, out);
        say_value(result->value, out);
        g_string_append_c(out, '\n');
    }
}

/* ---- expectations */

static void
say_verdict(bool good, const struct terminal *terminal, GString *out)
{
    const char *sign = terminal->unicode ? (good ? "✓ " : "✗ ") : (good ? "ok    " : "FAIL  ");

    g_string_append(out, "  ");
    terminal_styled(terminal, good ? STYLE_GOOD : STYLE_BAD, sign, out);
}

static void
say_expectation(const struct scenario_expectation *expectation, int64_t last, const struct terminal *terminal,
                GString *out)
{
    say_verdict(expectation->ok, terminal, out);
    terminal_safe(expectation->text, out);
    if (!expectation->ok) {
        g_string_append_printf(out, " (line %d, at ", expectation->line);
        timeline_time(expectation->at, last, out);
        g_string_append_c(out, ')');
    }
    g_string_append_c(out, '\n');
}

static void
say_waiting(const struct scenario_waiting *waiting, const struct terminal *terminal, GString *out)
{
    say_verdict(false, terminal, out);
    g_string_append(out, "task ");
    terminal_safe(waiting->task, out);
    g_string_append_printf(out, " was left waiting in line %d: ", waiting->line);
    terminal_safe(waiting->on, out);
    g_string_append_c(out, '\n');
}

static void
say_expectations(const struct scenario *scenario, const struct terminal *terminal, GString *out)
{
    if (scenario->expectations->len + scenario->waiting->len == 0)
        return;
    g_string_append_c(out, '\n');
    terminal_styled(terminal, STYLE_STRONG, "Expectations", out);
    g_string_append_c(out, '\n');
    for (guint i = 0; i < scenario->expectations->len; i++)
        say_expectation(scenario->expectations->pdata[i], scenario->lab->world->now, terminal, out);
    for (guint i = 0; i < scenario->waiting->len; i++)
        say_waiting(scenario->waiting->pdata[i], terminal, out);
}

/* ---- packets */

static void
say_packets(const struct world *world, GString *out)
{
    const struct packet_counts *counts = &world->counts;
    uint64_t dropped = packet_counts_dropped(counts);

    g_string_append_printf(out, "\nPackets: %" PRIu64 " sent = %" PRIu64 " delivered + %" PRIu64 " dropped",
                           counts->sent, counts->delivered, dropped);
    g_string_append_printf(out, " + %" PRIu64 " under way\n", world->packets_alive);
    for (int reason = 0; reason < DROP_REASON_COUNT; reason++) {
        if (counts->dropped[reason])
            g_string_append_printf(out, "  %" PRIu64 " dropped as %s: %s\n", counts->dropped[reason],
                                   drop_reason_word(reason), drop_reason_sentence(reason));
    }
}

/* ---- the end */

static void
say_end(const struct scenario *scenario, GString *out)
{
    static const char *const ends[] = {
        [SCENARIO_DONE] = "everything was done",
        [SCENARIO_STUCK] = "nothing more could happen",
        [SCENARIO_STOPPED] = "it was stopped",
        [SCENARIO_UNTIL] = "its time was up",
        [SCENARIO_FAILED] = "an error ended it",
    };
    int64_t now = scenario->lab->world->now;

    g_string_append(out, "Time:    ");
    timeline_time(now, now, out);
    g_string_append_printf(out, " of virtual time; %s\n", ends[scenario->ended]);
}

static void
say_files(const struct report_about *about, const char *folder, GString *out)
{
    size_t captures = 0;
    bool together = false;

    for (size_t i = 0; i < about->file_count; i++) {
        if (about->files[i].node)
            captures++;
        else
            together = true;
    }
    g_string_append_printf(out, "Files:   %s/:%s", folder, about->unwritten ? "" : " report.json,");
    if (about->file_count > 0)
        g_string_append(out, " journal.jsonl,");
    if (together)
        g_string_append(out, " all.pcapng,");
    if (captures > 0)
        g_string_append_printf(out, " %zu .pcap, one per interface,", captures);
    out->str[out->len - 1] = '\n'; /* instead of the last comma, or of the colon */
}

void
summary_print(const struct scenario *scenario, const struct report_about *about, const char *folder,
              const struct terminal *terminal, GString *out)
{
    say_results(scenario->results, terminal, out);
    say_expectations(scenario, terminal, out);
    say_packets(scenario->lab->world, out);
    say_end(scenario, out);
    say_files(about, folder, out);
}

void
summary_page(const char *folder, GString *out)
{
    g_string_append_printf(out, "Page:    %s/report.html\n", folder);
}
