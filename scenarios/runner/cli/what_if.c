/* punchlab what-if SCENARIO --change NAME=VALUE: two runs with one seed, and where their stories part. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/time.h"
#include "core/trace/json.h"
#include "scenarios/runner/cli/command.h"
#include "scenarios/runner/cli/explain.h"
#include "scenarios/runner/cli/find.h"
#include "scenarios/runner/cli/ladder_text.h"
#include "scenarios/runner/cli/report.h"
#include "scenarios/runner/cli/signals.h"
#include "scenarios/runner/cli/timeline.h"
#include "scenarios/runner/story/compare.h"

struct what_if_options {
    bool help, unsafe;
    GPtrArray *set, *change;
    const char *seed, *until, *format;
};

#define INTO(member) offsetof(struct what_if_options, member)
static const struct argument options[] = {
    { "change", 0, ARGUMENT_TEXTS, INTO(change), "NAME=VALUE", "what is different in the second run; may be repeated" },
    { "set", 0, ARGUMENT_TEXTS, INTO(set), "NAME=VALUE", "gives a parameter another value in both; may be repeated" },
    { "seed", 0, ARGUMENT_TEXT, INTO(seed), "N", "of everything random, in both (1)" },
    { "until", 0, ARGUMENT_TEXT, INTO(until), "T", "ends each run at this virtual time (24h)" },
    { "format", 0, ARGUMENT_TEXT, INTO(format), "text|json", "how the comparison is printed (text)" },
    { "unsafe", 0, ARGUMENT_FLAG, INTO(unsafe), NULL, "no bounds on the script's memory and instructions" },
    OPTIONS_END
};

static const char *const formats[] = { "text", "json", NULL };
enum { FORMAT_TEXT, FORMAT_JSON };

enum { DROPS_NAMED = 8, SIDES_LEAST = 90 }; /* packets in one line; characters for two decisions side by side */

/* One of the two runs. */
struct trial {
    struct scenario_options how;
    GPtrArray *set;
    struct scenario *scenario;
    struct explain *explain;
    GPtrArray *records;
    struct story story;
};

struct what_if {
    const struct command *command;
    const struct what_if_options *given;
    int format;
    uint64_t seed;
    int64_t until;
    char *path, *name;
    struct trial trials[COMPARE_RUNS];
    struct comparison *comparison;
};

/* ---- running */

static bool
check_settings(const char *option, const GPtrArray *settings, GError **error)
{
    for (guint i = 0; settings && i < settings->len; i++) {
        if (!arguments_setting(option, settings->pdata[i], error))
            return false;
    }
    return true;
}

static bool
check_options(struct what_if *what_if, GError **error)
{
    const struct what_if_options *given = what_if->given;

    if (!given->change) {
        g_set_error(error, ARGUMENTS_ERROR, 0, "say what is different: --change NAME=VALUE");
        return false;
    }
    if (!arguments_choice("format", given->format, formats, &what_if->format, error) ||
        (given->seed && !arguments_number("--seed", given->seed, &what_if->seed, error)) ||
        (given->until && !arguments_duration("--until", given->until, &what_if->until, error)))
        return false;
    what_if->until = MIN(what_if->until, TIME_NEVER - 1);
    return check_settings("--set", given->set, error) && check_settings("--change", given->change, error);
}

/* Whether this setting is of a parameter that a change gives its value to. */
static bool
is_changed(const struct what_if_options *given, const char *setting)
{
    size_t length = (size_t)(strchr(setting, '=') - setting) + 1;

    for (guint i = 0; i < given->change->len; i++) {
        if (strncmp(given->change->pdata[i], setting, length) == 0)
            return true;
    }
    return false;
}

static GPtrArray *
settings_of(const struct what_if_options *given, bool changed)
{
    GPtrArray *settings = g_ptr_array_new();

    for (guint i = 0; given->set && i < given->set->len; i++) {
        if (!changed || !is_changed(given, given->set->pdata[i]))
            g_ptr_array_add(settings, given->set->pdata[i]);
    }
    for (guint i = 0; changed && i < given->change->len; i++)
        g_ptr_array_add(settings, given->change->pdata[i]);
    g_ptr_array_add(settings, NULL);
    return settings;
}

static void
take_interface(void *user, struct lab_interface *interface)
{
    explain_interface(user, interface);
}

/* What --set says has been good in the first run: what is wrong in the second is a change. */
static void
blame_change(GError **error)
{
    static const char set[] = "--set: ";

    if (error && g_str_has_prefix((*error)->message, set)) {
        g_autofree char *rest = g_strdup((*error)->message + strlen(set));

        g_free((*error)->message);
        (*error)->message = g_strconcat("--change: ", rest, NULL);
    }
}

static bool
run_trial(struct what_if *what_if, struct trial *trial, bool changed, GError **error)
{
    trial->set = settings_of(what_if->given, changed);
    trial->how = (struct scenario_options){
        .path = what_if->path, .seed = what_if->seed, .set = (const char *const *)trial->set->pdata,
        .until = what_if->until, .unsafe = what_if->given->unsafe, .interrupted = signals_came,
    };
    trial->scenario = scenario_new(&trial->how, error);
    if (!trial->scenario) {
        if (changed)
            blame_change(error);
        return false;
    }
    trial->explain = explain_new(NULL);
    explain_begin(trial->explain, trial->scenario);
    trial->scenario->lab->interface_made = take_interface;
    trial->scenario->lab->interface_user = trial->explain;
    if (trial->scenario->ended != SCENARIO_FAILED)
        scenario_run(trial->scenario);
    trial->records = g_ptr_array_new();
    trial->story = explain_story(trial->explain, trial->records);
    return true;
}

static int
status_of(const struct trial *trial)
{
    if (trial->scenario->ended == SCENARIO_FAILED)
        return STATUS_ERROR;
    return scenario_passed(trial->scenario) ? STATUS_HELD : STATUS_FAILED;
}

/* ---- results that differ */

static char *
value_text(const struct value *value)
{
    GString *out = g_string_new(NULL);

    if (value)
        value_say(value, out);
    else
        g_string_append(out, "(not set)");
    return g_string_free(out, FALSE);
}

/* The names of all results, in the order of the first run, then of the second; borrowed. */
static GPtrArray *
result_names(const struct what_if *what_if)
{
    GPtrArray *names = g_ptr_array_new();

    for (int side = 0; side < COMPARE_RUNS; side++) {
        const GPtrArray *results = what_if->trials[side].scenario->results;

        for (guint i = 0; i < results->len; i++) {
            const struct scenario_result *result = results->pdata[i];

            if (side == 0 || !scenario_result(what_if->trials[0].scenario, result->name))
                g_ptr_array_add(names, result->name);
        }
    }
    return names;
}

/* Calls `tell` for each result that differs. */
static void
each_difference(const struct what_if *what_if, void *user,
                void (*tell)(void *user, const char *name, const struct value *const values[COMPARE_RUNS]))
{
    g_autoptr(GPtrArray) names = result_names(what_if);

    for (guint i = 0; i < names->len; i++) {
        const struct value *values[COMPARE_RUNS] = {
            scenario_result(what_if->trials[0].scenario, names->pdata[i]),
            scenario_result(what_if->trials[1].scenario, names->pdata[i]),
        };
        g_autofree char *before = value_text(values[0]), *after = value_text(values[1]);

        if (strcmp(before, after) != 0)
            tell(user, names->pdata[i], values);
    }
}

/* ---- text */

struct page {
    const struct what_if *what_if;
    struct terminal terminal;
    size_t width;
    int64_t last;
    char *changed; /* "with nat_b=restricted-cone" */
    GString *out;
};

static char *
safe(const char *text)
{
    GString *out = g_string_new(NULL);

    terminal_safe(text, out);
    return g_string_free(out, FALSE);
}

static void
put_lines(const struct page *page, size_t margin, enum terminal_style style, const char *text)
{
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *harmless = safe(text);

    terminal_broken(harmless, page->width > margin + 20 ? page->width - margin : 0, lines);
    for (guint i = 0; i < lines->len; i++) {
        g_string_append_printf(page->out, "%*s", (int)margin, "");
        terminal_styled(&page->terminal, style, lines->pdata[i], page->out);
        g_string_append_c(page->out, '\n');
    }
}

static char *
time_text(const struct page *page, int64_t at)
{
    GString *out = g_string_new(NULL);

    timeline_time(at, page->last, out);
    return g_string_free(out, FALSE);
}

/* A decision as lines of at most `width`. */
static GPtrArray *
step_lines(const struct page *page, const struct compare_step *step, const char *heading, size_t width)
{
    GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *title = safe(heading);

    terminal_broken(title, width, lines);
    if (!step) {
        terminal_broken("nothing of that kind", width, lines);
        return lines;
    }
    g_autofree char *at = time_text(page, step->at);
    g_autofree char *who = g_strdup_printf("%s  %s%s%s", at, step->node, *step->packet ? ", about " : "", step->packet);
    g_autofree char *harmless_who = safe(who), *text = safe(step->text);
    terminal_broken(harmless_who, width, lines);
    terminal_broken(text, width, lines);
    if (*step->source) {
        g_autofree char *by = g_strdup_printf("by %s", step->source);

        terminal_broken(by, width, lines);
    }
    return lines;
}

static enum terminal_style
step_style(const struct compare_step *step)
{
    return step && step->reason ? STYLE_BAD : STYLE_PLAIN;
}

static void
put_line(const struct page *page, const GPtrArray *lines, guint index, enum terminal_style style)
{
    if (index < lines->len)
        terminal_styled(&page->terminal, index == 0 ? STYLE_STRONG : style, lines->pdata[index], page->out);
}

/* Both decisions, side by side where there is room. */
static void
put_pair(const struct page *page, const struct compare_pair *pair)
{
    bool beside = page->width >= SIDES_LEAST;
    size_t width = (beside ? page->width / 2 : page->width) - 4;
    g_autoptr(GPtrArray) left = step_lines(page, pair->steps[0], "as it is", width);
    g_autoptr(GPtrArray) right = step_lines(page, pair->steps[1], page->changed, width);

    for (guint i = 0; beside && i < MAX(left->len, right->len); i++) {
        g_string_append(page->out, "  ");
        put_line(page, left, i, step_style(pair->steps[0]));
        if (i < right->len) {
            terminal_pad(i < left->len ? left->pdata[i] : "", width, page->out);
            g_string_append(page->out, "  | ");
            put_line(page, right, i, step_style(pair->steps[1]));
        }
        g_string_append_c(page->out, '\n');
    }
    for (int side = 0; !beside && side < COMPARE_RUNS; side++) {
        const GPtrArray *lines = side ? right : left;

        for (guint i = 0; i < lines->len; i++) {
            g_string_append(page->out, i == 0 ? "  " : "    ");
            put_line(page, lines, i, step_style(pair->steps[side]));
            g_string_append_c(page->out, '\n');
        }
    }
    g_string_append_c(page->out, '\n');
}

/* Drops that share node, reason and what is instead are told in one line. */
static void
put_drops(const struct page *page, const char *heading, const char *where, const GPtrArray *drops)
{
    g_autofree bool *told = g_new0(bool, drops->len + 1);

    if (drops->len == 0)
        return;
    g_autofree char *title = g_strdup_printf("%s (%u)", heading, drops->len);
    put_lines(page, 0, STYLE_STRONG, title);
    for (guint i = 0; i < drops->len; i++) {
        const struct compare_drop *drop = drops->pdata[i];
        g_autoptr(GString) line = g_string_new(NULL);
        guint count = 0;

        if (told[i])
            continue;
        for (guint j = i; j < drops->len; j++) {
            const struct compare_drop *other = drops->pdata[j];

            if (other->reason != drop->reason || strcmp(other->node, drop->node) != 0 ||
                strcmp(other->instead, drop->instead) != 0)
                continue;
            told[j] = true;
            if (count++ < DROPS_NAMED)
                g_string_append_printf(line, "%s%s", line->len ? ", " : "", other->packet);
        }
        if (count > DROPS_NAMED)
            g_string_append_printf(line, " and %u more", count - DROPS_NAMED);
        g_string_append_printf(line, " at %s: %s", drop->node, drop->reason);
        if (*drop->instead)
            g_string_append_printf(line, "; %s %s", where, drop->instead);
        put_lines(page, 2, STYLE_PLAIN, line->str);
    }
    g_string_append_c(page->out, '\n');
}

static void
put_result(void *user, const char *name, const struct value *const values[COMPARE_RUNS])
{
    const struct page *page = user;
    g_autofree char *before = value_text(values[0]), *after = value_text(values[1]);
    g_autofree char *line = g_strdup_printf("%s: %s  ->  %s", name, before, after);

    put_lines(page, 2, STYLE_PLAIN, line);
}

static void
put_results(const struct page *page)
{
    size_t before = page->out->len;

    put_lines(page, 0, STYLE_STRONG, "Results that differ");
    size_t heading = page->out->len;
    each_difference(page->what_if, (void *)page, put_result);
    if (page->out->len == heading) {
        g_string_truncate(page->out, before);
        put_lines(page, 0, STYLE_STRONG, "The results are the same.");
    }
}

/* Expectations that failed, and errors, of either run. */
static void
put_failures(const struct page *page)
{
    for (int side = 0; side < COMPARE_RUNS; side++) {
        const struct scenario *scenario = page->what_if->trials[side].scenario;
        const char *where = side ? page->changed : "as it is";

        for (guint i = 0; i < scenario->expectations->len; i++) {
            const struct scenario_expectation *expectation = scenario->expectations->pdata[i];

            if (expectation->ok)
                continue;
            g_autofree char *line = g_strdup_printf("%s an expectation failed: %s", where, expectation->text);
            put_lines(page, 0, STYLE_BAD, line);
        }
        if (scenario->ended == SCENARIO_FAILED) {
            g_autofree char *line = g_strdup_printf("%s it ended by an error: %s", where, scenario->error_message);
            put_lines(page, 0, STYLE_BAD, line);
        }
    }
}

static void
put_parting(const struct page *page)
{
    const struct comparison *comparison = page->what_if->comparison;
    g_autofree char *until = time_text(page, comparison->common_until);
    g_autofree char *common = comparison->common == 0
        ? g_strdup("The stories differ from the beginning.")
        : g_strdup_printf("The first %zu records are the same, up to %s.", comparison->common, until);

    put_lines(page, 0, STYLE_PLAIN, common);
    put_lines(page, 0, STYLE_STRONG, "Here the stories part:");
    put_pair(page, &comparison->parted);
}

static void
say_text(const struct page *page)
{
    const struct what_if *what_if = page->what_if;
    const struct comparison *comparison = what_if->comparison;
    g_autofree char *title = g_strdup_printf("%s, as it is and %s (seed %" PRIu64 ")", what_if->name, page->changed,
                                             what_if->seed);

    put_lines(page, 0, STYLE_STRONG, title);
    g_string_append_c(page->out, '\n');
    if (comparison->same) {
        put_lines(page, 0, STYLE_PLAIN, "It makes no difference: both runs tell the same story.");
        g_string_append_c(page->out, '\n');
    } else {
        put_parting(page);
        if (comparison->decisive.steps[0] || comparison->decisive.steps[1]) {
            put_lines(page, 0, STYLE_STRONG, "The decision that made the difference:");
            put_pair(page, &comparison->decisive);
        } else {
            put_lines(page, 0, STYLE_PLAIN, "No packet that both runs send met another fate.");
            g_string_append_c(page->out, '\n');
        }
    }
    put_drops(page, "Drops that are gone", page->changed, comparison->gone);
    put_drops(page, "Drops that are new", "as it is", comparison->new);
    put_results(page);
    put_failures(page);
}

static void
print_text(const struct what_if *what_if)
{
    struct page page = { .what_if = what_if, .terminal = terminal_of(stdout), .out = g_string_new(NULL) };
    g_autoptr(GString) changed = g_string_new("with");

    for (guint i = 0; i < what_if->given->change->len; i++)
        g_string_append_printf(changed, "%s %s", i ? "," : "", (const char *)what_if->given->change->pdata[i]);
    page.changed = changed->str;
    page.width = page.terminal.interactive ? MIN(page.terminal.columns, LADDER_WIDTH_MOST) : LADDER_WIDTH;
    for (int side = 0; side < COMPARE_RUNS; side++) {
        const struct story *story = &what_if->trials[side].story;

        if (story->record_count > 0)
            page.last = MAX(page.last, story->records[story->record_count - 1]->at);
    }
    say_text(&page);
    fputs(page.out->str, stdout);
    g_string_free(page.out, TRUE);
}

/* ---- JSON */

static void
json_step(struct json *json, const char *name, const struct compare_step *step)
{
    if (!step) {
        json_null(json, name);
        return;
    }
    json_open_object(json, name);
    json_integer(json, "at", step->at);
    json_string(json, "node", step->node);
    json_string(json, "packet", *step->packet ? step->packet : NULL);
    json_string(json, "kind", step->kind);
    json_string(json, "reason", step->reason);
    json_string(json, "source", *step->source ? step->source : NULL);
    json_string(json, "text", step->text);
    json_close_object(json);
}

static void
json_pair(struct json *json, const char *name, const struct compare_pair *pair)
{
    if (!pair->steps[0] && !pair->steps[1]) {
        json_null(json, name);
        return;
    }
    json_open_object(json, name);
    json_step(json, "before", pair->steps[0]);
    json_step(json, "after", pair->steps[1]);
    json_close_object(json);
}

static void
json_drops(struct json *json, const char *name, const GPtrArray *drops)
{
    json_open_array(json, name);
    for (guint i = 0; i < drops->len; i++) {
        const struct compare_drop *drop = drops->pdata[i];

        json_open_object(json, NULL);
        json_string(json, "packet", drop->packet);
        json_string(json, "node", drop->node);
        json_string(json, "reason", drop->reason);
        json_integer(json, "at", drop->at);
        json_string(json, "instead", *drop->instead ? drop->instead : NULL);
        json_close_object(json);
    }
    json_close_array(json);
}

static void
json_result(void *user, const char *name, const struct value *const values[COMPARE_RUNS])
{
    struct json *json = user;

    json_open_object(json, NULL);
    json_string(json, "name", name);
    for (int side = 0; side < COMPARE_RUNS; side++) {
        const char *member = side ? "after" : "before";

        if (values[side])
            report_value(json, member, values[side]);
        else
            json_null(json, member);
    }
    json_close_object(json);
}

static void
json_settings(struct json *json, const char *name, const GPtrArray *settings)
{
    json_open_array(json, name);
    for (guint i = 0; settings && i < settings->len; i++)
        json_string(json, NULL, settings->pdata[i]);
    json_close_array(json);
}

static void
print_json(const struct what_if *what_if)
{
    const struct comparison *comparison = what_if->comparison;
    g_autoptr(GString) out = g_string_new(NULL);
    struct json json = json_over(out, true);

    json_open_object(&json, NULL);
    json_integer(&json, "format", 1);
    json_string(&json, "scenario", what_if->name);
    json_integer(&json, "seed", (int64_t)what_if->seed);
    json_settings(&json, "set", what_if->given->set);
    json_settings(&json, "change", what_if->given->change);
    json_flag(&json, "same", comparison->same);
    json_open_object(&json, "common");
    json_integer(&json, "records", (int64_t)comparison->common);
    json_integer(&json, "until", comparison->common_until);
    json_close_object(&json);
    json_pair(&json, "parted", &comparison->parted);
    json_pair(&json, "decisive", &comparison->decisive);
    json_drops(&json, "drops_gone", comparison->gone);
    json_drops(&json, "drops_new", comparison->new);
    json_open_array(&json, "results");
    each_difference(what_if, &json, json_result);
    json_close_array(&json);
    json_open_array(&json, "status");
    for (int side = 0; side < COMPARE_RUNS; side++)
        json_integer(&json, NULL, status_of(&what_if->trials[side]));
    json_close_array(&json);
    json_close_object(&json);
    g_string_append_c(out, '\n');
    fputs(out->str, stdout);
}

/* ---- the command */

static int
play(struct what_if *what_if, const char *word)
{
    GError *error = NULL;
    int status = STATUS_HELD;

    if (!check_options(what_if, &error) || !find_scenario(word, &what_if->path, &what_if->name, &error))
        return command_fail_error(what_if->command, error);
    signals_catch();
    for (int side = 0; side < COMPARE_RUNS; side++) {
        struct trial *trial = &what_if->trials[side];

        if (!run_trial(what_if, trial, side == 1, &error))
            return command_fail_error(what_if->command, error);
        if (signals_came(NULL))
            return command_fail(what_if->command, "interrupted: a signal came before both runs were done");
        status = MAX(status, status_of(trial));
        if (trial->scenario->ended == SCENARIO_FAILED)
            command_fail(what_if->command, "%s: %s", side ? "changed" : "as it is", trial->scenario->error_message);
    }
    what_if->comparison = comparison_new(&what_if->trials[0].story, &what_if->trials[1].story);
    if (what_if->format == FORMAT_JSON)
        print_json(what_if);
    else
        print_text(what_if);
    return status;
}

static int
what_if_run(const struct command *command, const void *given, const GPtrArray *words)
{
    struct what_if what_if = { .command = command, .given = given, .seed = 1, .until = TIME_NEVER };
    int status = play(&what_if, words->pdata[0]);

    g_clear_pointer(&what_if.comparison, comparison_free);
    for (int side = 0; side < COMPARE_RUNS; side++) {
        struct trial *trial = &what_if.trials[side];

        g_clear_pointer(&trial->records, g_ptr_array_unref);
        g_clear_pointer(&trial->explain, explain_free);
        g_clear_pointer(&trial->scenario, scenario_free);
        g_clear_pointer(&trial->set, g_ptr_array_unref);
    }
    g_free(what_if.path);
    g_free(what_if.name);
    return status;
}

const struct command what_if_command = {
    .name = "what-if",
    .usage = "SCENARIO --change NAME=VALUE [OPTION]...",
    .summary = "two runs, one seed: where the stories part, and why",
    .about = "Plays SCENARIO as it is (with what --set says), and once more with what --change says. Packets of both runs\n"
             "are matched, and then it tells how much the two have in common, the first decision that differs, the\n"
             "decision that made the difference (the first packet with another fate), the drops that are gone and those\n"
             "that are new, and the results that differ. Nothing is written to files.\n"
             "\n"
             "Exit status: the higher of the two runs', as for 'punchlab run'.\n",
    .options = options,
    .options_size = sizeof(struct what_if_options),
    .words_min = 1,
    .words_max = 1,
    .run = what_if_run,
};
