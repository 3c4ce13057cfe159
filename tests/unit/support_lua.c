#include "tests/unit/support_lua.h"

#include "core/net/net.h"

static const char helpers[] =
    "local lab = require 'punchlab' "
    "local function out(...) local t = table.pack(...) for i = 1, t.n do t[i] = tostring(t[i]) end "
    "lab.result('out', table.concat(t, ' ')) end "
    "local lines = {} local function log(...) lines[#lines + 1] = table.concat({...}, ' ') "
    "lab.result('out', table.concat(lines, '; ')) end ";

struct scenario *
unit_lua_new(const char *text, const struct scenario_options *options, GError **error)
{
    struct scenario_options used = options ? *options : (struct scenario_options){ .seed = 1, .until = TIME_NEVER };
    char *folder = unit_folder_new();
    g_autofree char *path = g_build_filename(folder, "t.lua", NULL);
    struct scenario *scenario;

    if (!g_file_set_contents(path, text, -1, error))
        g_error("cannot write %s", path);
    used.path = path;
    scenario = scenario_new(&used, error);
    unit_folder_remove(folder);
    return scenario;
}

static char *
outcome(const struct scenario *scenario)
{
    const struct value *value = scenario_result(scenario, "out");
    GString *text = g_string_new(NULL);

    if (scenario->error_message)
        g_string_append_printf(text, "%d: %s", scenario->error_line, scenario->error_message);
    else if (value)
        value_say(value, text);
    return g_string_free(text, FALSE);
}

char *
unit_lua_run(const char *snippet)
{
    g_autofree char *text = g_strconcat(helpers, snippet, "\n", NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(scenario) scenario = unit_lua_new(text, NULL, &error);

    if (!scenario)
        return g_strdup_printf("refused: %s", error->message);
    scenario_run(scenario);
    if (!net_balanced(scenario->lab->world))
        return g_strdup("packets do not add up");
    return outcome(scenario);
}

static bool
is_expected(const char *came, const char *expected)
{
    if (g_str_has_suffix(expected, "..."))
        return strncmp(came, expected, strlen(expected) - 3) == 0;
    return strcmp(came, expected) == 0;
}

void
unit_lua_check(const struct unit_lua_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        g_autofree char *came = unit_lua_run(rows[i].snippet);

        if (is_expected(came, rows[i].expected))
            CHECK_ROW(rows[i].name, true);
        else
            CHECK_ROW_TEXT(rows[i].name, came, rows[i].expected);
    }
}
