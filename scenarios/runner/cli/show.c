/* punchlab show SCENARIO: its title, text, parameters and topology, from its top level alone. */
#include <stdio.h>
#include <string.h>

#include "core/base/time.h"
#include "scenarios/runner/cli/command.h"
#include "scenarios/runner/cli/find.h"
#include "scenarios/runner/cli/ladder_text.h"
#include "scenarios/runner/cli/topology.h"
#include "scenarios/runner/lua/scenario.h"

struct show_options {
    bool help;
    GPtrArray *set;
};

static const struct argument options[] = {
    { "set", 0, ARGUMENT_TEXTS, offsetof(struct show_options, set), "NAME=VALUE", "draws it with this parameter" },
    OPTIONS_END
};

static char *
value_text(const struct value *value)
{
    g_autoptr(GString) raw = g_string_new(NULL);
    GString *safe = g_string_new(NULL);

    value_say(value, raw);
    terminal_safe(raw->str, safe);
    return g_string_free(safe, FALSE);
}

/* "    accepted: a, b or c" */
static void
say_accepted(const GPtrArray *accepted, GString *out)
{
    for (guint i = 0; i < accepted->len; i++) {
        g_autofree char *text = value_text(accepted->pdata[i]);

        g_string_append_printf(out, "%s%s", i == 0 ? "" : i + 1 < accepted->len ? ", " : " or ", text);
    }
}

static void
say_parameter(const struct scenario_parameter *parameter, GString *out)
{
    g_autofree char *value = value_text(parameter->value), *fallback = value_text(parameter->fallback);

    g_string_append_printf(out, "  %s = %s", parameter->name, value);
    if (strcmp(value, fallback) != 0)
        g_string_append_printf(out, "   (default %s)", fallback);
    g_string_append_c(out, '\n');
    if (parameter->help && *parameter->help) {
        g_string_append(out, "      ");
        terminal_safe(parameter->help, out);
        g_string_append_c(out, '\n');
    }
    if (parameter->accepted) {
        g_string_append(out, "      accepted: ");
        say_accepted(parameter->accepted, out);
        g_string_append_c(out, '\n');
    }
}

/* The script's text, with its own line breaks and without blanks around it. */
static void
say_about(const char *about, GString *out)
{
    g_autofree char *copy = g_strdup(about);
    g_auto(GStrv) lines = g_strsplit(g_strstrip(copy), "\n", -1);

    for (char **line = lines; *line; line++) {
        terminal_safe(*line, out);
        g_string_append_c(out, '\n');
    }
}

/* Boxes with an inside and an outside, where there is room. What they leave out (links, further interfaces) the tree below
 * has. */
static void
draw(const struct lab *lab, const struct terminal *terminal, GString *out)
{
    g_autoptr(topology) topology = topology_new(lab);
    size_t width = terminal->interactive ? terminal->columns : LADDER_WIDTH;

    if (topology_text(topology, width, !terminal->interactive || terminal->unicode, out))
        g_string_append_c(out, '\n');
}

static void
print_scenario(const struct scenario *scenario, const char *name)
{
    struct terminal terminal = terminal_of(stdout);
    g_autoptr(GString) out = g_string_new(NULL), title = g_string_new(NULL), drawing = g_string_new(NULL);

    terminal_safe(scenario->title ? scenario->title : name, title);
    terminal_styled(&terminal, STYLE_STRONG, title->str, out);
    g_string_append_c(out, '\n');
    if (scenario->about && *scenario->about) {
        g_string_append_c(out, '\n');
        say_about(scenario->about, out);
    }
    if (scenario->parameters->len > 0) {
        g_string_append(out, "\nParameters, for --set NAME=VALUE\n");
        for (guint i = 0; i < scenario->parameters->len; i++)
            say_parameter(scenario->parameters->pdata[i], out);
    }
    g_string_append(out, "\nTopology\n");
    draw(scenario->lab, &terminal, out);
    if (scenario->lab->networks->len > 0)
        lab_draw(scenario->lab, drawing);
    terminal_safe_lines(drawing->str, out);
    if (scenario->lab->networks->len == 0)
        g_string_append(out, "(nothing is built)\n");
    fputs(out->str, stdout);
}

static int
show_run(const struct command *command, const void *given, const GPtrArray *words)
{
    const struct show_options *show = given;
    g_autofree char *path = NULL, *name = NULL;
    GError *error = NULL;

    for (guint i = 0; show->set && i < show->set->len; i++) {
        if (!arguments_setting("--set", show->set->pdata[i], &error))
            return command_fail_error(command, error);
    }
    if (!find_scenario(words->pdata[0], &path, &name, &error))
        return command_fail_error(command, error);
    if (show->set)
        g_ptr_array_add(show->set, NULL);

    struct scenario_options how = {
        .path = path, .seed = 1, .until = TIME_NEVER, .show_only = true,
        .set = show->set ? (const char *const *)show->set->pdata : NULL,
    };
    g_autoptr(scenario) scenario = scenario_new(&how, &error);
    if (!scenario)
        return command_fail_error(command, error);
    if (scenario->ended == SCENARIO_FAILED)
        return command_fail(command, "%s", scenario->error_message);
    print_scenario(scenario, name);
    return STATUS_HELD;
}

const struct command show_command = {
    .name = "show",
    .usage = "SCENARIO [OPTION]...",
    .summary = "a scenario's title, text, parameters and topology, drawn in text",
    .options = options,
    .options_size = sizeof(struct show_options),
    .words_min = 1,
    .words_max = 1,
    .run = show_run,
};
