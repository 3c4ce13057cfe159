/* Scenarios as whole: the file, its parameters, what it reports; the same seed, the same run. */
#include "tests/unit/support_lua.h"

static char *
error_of(const char *text, const struct scenario_options *options)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(scenario) scenario = unit_lua_new(text, options, &error);

    if (scenario)
        return g_strdup(scenario->error_message ? scenario->error_message : "");
    CHECK(error->domain == SCENARIO_ERROR);
    return g_strdup(error->message);
}

/* --- parameters -------------------------------------------------------------------------------------------------- */

static const char parameters[] = "local lab = require 'punchlab'\n"
                                 "local a = lab.param('nat_a', 'symmetric', 'A\\'s NAT')\n"
                                 "local n = lab.param('count', 3)\n"
                                 "local f = lab.param('factor', 0.5, '')\n"
                                 "local b = lab.param('loud', false)\n"
                                 "local m = lab.param('mode', 'one', 'which', {'one', 'two', 'three'})\n"
                                 "local s = lab.param('size', 10, nil, {10, 20})\n"
                                 "lab.result('all', {a, n, math.type(n), f, b, m, s})\n";

static const struct {
    const char *set, *all, *error;
} settings[] = {
    { NULL, "symmetric, 3, integer, 0.5, false, one, 10", NULL },
    { "nat_a=full-cone", "full-cone, 3, integer, 0.5, false, one, 10", NULL },
    { "nat_a=", ", 3, integer, 0.5, false, one, 10", NULL },
    { "nat_a=a=b", "a=b, 3, integer, 0.5, false, one, 10", NULL },
    { "count=7", "symmetric, 7, integer, 0.5, false, one, 10", NULL },
    { "count=2.5", "symmetric, 2.5, float, 0.5, false, one, 10", NULL },
    { "count=-1", "symmetric, -1, integer, 0.5, false, one, 10", NULL },
    { "factor=2", "symmetric, 3, integer, 2, false, one, 10", NULL },
    { "loud=true", "symmetric, 3, integer, 0.5, true, one, 10", NULL },
    { "mode=two", "symmetric, 3, integer, 0.5, false, two, 10", NULL },
    { "size=20", "symmetric, 3, integer, 0.5, false, one, 20", NULL },
    { "count=x", NULL, "--set count=x: 'x' is no number; accepted: a number such as 5 or 0.25" },
    { "count=nan", NULL, "--set count=nan: 'nan' is no number; accepted: a number such as 5 or 0.25" },
    { "count=", NULL, "--set count=: '' is no number; accepted: a number such as 5 or 0.25" },
    { "loud=yes", NULL, "--set loud=yes: 'yes' is no boolean; accepted: true or false" },
    { "mode=tow", NULL,
      "--set mode=tow: 'tow' is not a value of mode; accepted: one, two or three; did you mean 'two'?" },
    { "size=15", NULL, "--set size=15: '15' is not a value of size; accepted: 10 or 20; did you mean '10'?" },
    { "nat_b=x", NULL,
      "--set: 'nat_b' is not a parameter of this scenario; accepted: nat_a, count, factor, loud, mode or size; "
      "did you mean 'nat_a'?" },
    { "nat_a", NULL, "--set nat_a: it is not of the form name=value" },
};

static void
test_settings(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(settings); i++) {
        const char *set[] = { settings[i].set, NULL };
        struct scenario_options options = { .seed = 1, .until = TIME_NEVER, .set = set };
        const char *name = settings[i].set ? settings[i].set : "none";
        g_autoptr(GError) error = NULL;
        g_autoptr(scenario) scenario = unit_lua_new(parameters, &options, &error);

        if (settings[i].error) {
            CHECK_ROW(name, scenario == NULL);
            CHECK_ROW_TEXT(name, error ? error->message : NULL, settings[i].error);
            continue;
        }
        if (!CHECK_ROW(name, scenario != NULL))
            continue;
        g_autoptr(GString) all = g_string_new(NULL);
        value_say(scenario_result(scenario, "all"), all);
        CHECK_ROW_TEXT(name, all->str, settings[i].all);
    }
}

static void
test_parameters(void)
{
    g_autoptr(scenario) scenario = unit_lua_new(parameters, NULL, NULL);

    CHECK(scenario->parameters->len == 6);
    const struct scenario_parameter *first = scenario->parameters->pdata[0], *mode = scenario->parameters->pdata[4];
    CHECK_ROW_TEXT("first", first->name, "nat_a");
    CHECK_ROW_TEXT("first", first->help, "A's NAT");
    CHECK(first->accepted == NULL);
    CHECK(first->fallback->type == VALUE_TEXT);
    CHECK(mode->accepted != NULL && mode->accepted->len == 3);
}

static void
test_bad_parameters(void)
{
    static const struct unit_lua_row rows[] = {
        { "a default of another kind", "lab.param('x', {})",
          "1: lab.param: the default is a table; accepted: a boolean, a number or a text" },
        { "no default", "lab.param('x')",
          "1: lab.param: the default is missing; accepted: a boolean, a number or a text" },
        { "no name", "lab.param(5, 5)", "1: lab.param: the name is 5; accepted: a text" },
        { "an odd name", "lab.param('a=b', 5)", "1: lab.param: 'a=b' cannot be the name of a parameter" },
        { "twice", "lab.param('x', 1) lab.param('x', 1)", "1: lab.param: there is a parameter 'x' already" },
        { "a default that is not among the values", "lab.param('x', 'c', '', {'a', 'b'})",
          "1: lab.param: 'c' is not a value of x; accepted: a or b; did you mean 'a'?" },
        { "values of another type", "lab.param('x', 'c', '', {1})",
          "1: lab.param: the accepted value 1 is of another type than the default 'c'" },
        { "no values", "lab.param('x', 'c', '', {})", "1: lab.param: the list of accepted values is empty" },
        { "later", "lab.spawn(function() lab.param('x', 1) end)",
          "1: lab.param: parameters are read at the top level, at time 0 only" },
    };

    UNIT_LUA_CHECK(rows);
}

/* --- files -------------------------------------------------------------------------------------------------------- */

static void
test_files(void)
{
    g_autofree char *empty = error_of("", NULL);
    g_autofree char *mark = error_of("\xef\xbb\xbf"
                                     "error('oh', 0)",
                                     NULL);
    g_autofree char *shell = error_of("#!/usr/bin/env punchlab\nerror('oh', 0)", NULL);
    g_autofree char *bytecode = error_of("\x1bLua...", NULL);
    struct scenario_options options = { .path = "no/such/scenario.lua", .seed = 1, .until = TIME_NEVER };
    g_autoptr(GError) error = NULL;

    CHECK_ROW_TEXT("empty", empty, "");
    CHECK_ROW_TEXT("mark", mark, "oh");
    CHECK_ROW_TEXT("shell", shell, "oh");
    CHECK(g_str_has_suffix(bytecode, "t.lua: this is no Lua text: it has bytes that no text has"));
    CHECK(scenario_new(&options, &error) == NULL);
    CHECK(g_error_matches(error, SCENARIO_ERROR, 0) && strstr(error->message, "no/such/scenario.lua"));
}

static void
test_line_after_first_line(void)
{
    g_autoptr(scenario) scenario = unit_lua_new("#!/usr/bin/env punchlab\n\nerror 'oh'", NULL, NULL);

    CHECK_ROW_INT("line", scenario->error_line, 3);
    CHECK(g_str_has_suffix(scenario->error_file, "t.lua"));
    CHECK(scenario->ended == SCENARIO_FAILED);
}

/* --- reports ------------------------------------------------------------------------------------------------------ */

static void
count_note(void *user, int64_t at, const char *text)
{
    g_string_append_printf(user, "%d %s; ", (int)(at / TIME_S), text);
}

static void
test_reports(void)
{
    static const char text[] = "local lab = require 'punchlab'\n"
                               "lab.title 'A title'\n"
                               "lab.about 'What it is about'\n"
                               "print('one', 2, nil)\n"
                               "lab.spawn(function() lab.sleep(1) lab.note 'two' end)\n"
                               "lab.expect(true, 'holds')\n"
                               "lab.at_end(function()\nlab.expect(1 > 2) end)\n"
                               "lab.capture {}\n";
    g_autoptr(GString) notes = g_string_new(NULL);
    struct scenario_options options = { .seed = 1, .until = TIME_NEVER, .note = count_note, .user = notes };
    g_autoptr(scenario) scenario = unit_lua_new(text, &options, NULL);

    scenario_run(scenario);
    CHECK_ROW_TEXT("title", scenario->title, "A title");
    CHECK_ROW_TEXT("about", scenario->about, "What it is about");
    CHECK_ROW_TEXT("name", scenario->name, "t");
    CHECK_ROW_TEXT("notes", notes->str, "0 one\t2\tnil; 1 two; ");
    CHECK(scenario->notes->len == 2 && scenario->expectations->len == 2);
    const struct scenario_note *second = scenario->notes->pdata[1];
    const struct scenario_expectation *holds = scenario->expectations->pdata[0],
                                      *fails = scenario->expectations->pdata[1];
    CHECK(second->at == TIME_S);
    CHECK(holds->ok && holds->line == 6 && holds->at == 0);
    CHECK(!fails->ok && fails->line == 8 && fails->at == TIME_S);
    CHECK_ROW_TEXT("without words", fails->text, "what line 8 expects");
    CHECK(scenario->captures_asked && scenario->capture_nodes->len == 0);
    CHECK(!scenario_passed(scenario));
}

static void
test_captures(void)
{
    g_autoptr(scenario) scenario =
        unit_lua_new("local lab = require 'punchlab' local n = lab.internet{} local a = n:host 'A' n:host 'B' "
                     "lab.capture {a, 'B', a}",
                     NULL, NULL);

    CHECK(scenario->capture_nodes->len == 2);
    CHECK_ROW_TEXT("first", scenario->capture_nodes->pdata[0], "A");
    CHECK_ROW_TEXT("second", scenario->capture_nodes->pdata[1], "B");
}

static void
test_show_only(void)
{
    struct scenario_options options = { .seed = 1, .until = TIME_NEVER, .show_only = true };
    g_autoptr(scenario) scenario = unit_lua_new(
        "local lab = require 'punchlab' lab.spawn(function() lab.result('ran', true) end)", &options, NULL);

    scenario_run(scenario);
    CHECK(scenario_result(scenario, "ran") == NULL);
}

static void
test_unsafe(void)
{
    struct scenario_options options = { .seed = 1, .until = TIME_NEVER, .unsafe = true };
    g_autoptr(scenario) scenario =
        unit_lua_new("local lab = require 'punchlab' for i = 1, 1.2e8 do end "
                     "for i = 1, 300 do local s = ('x'):rep(1e7) .. i end lab.result('n', #('x'):rep(3e8))",
                     &options, NULL);

    CHECK_ROW_TEXT("no limit", scenario->error_message, NULL);
    CHECK(scenario_result(scenario, "n")->integer == 300000000);
}

/* --- the same run ------------------------------------------------------------------------------------------------- */

static const char story[] =
    "local lab = require 'punchlab'\n"
    "local n = lab.internet {delay = '10ms', jitter = '3ms', loss = 0.1}\n"
    "local S = n:host 'S' S:stun_server()\n"
    "local list = {}\n"
    "for i = 1, 4 do\n"
    "  local box = n:nat('N' .. i, nil, {type = 'symmetric'})\n"
    "  local h = box:host('H' .. i)\n"
    "  h:spawn(function()\n"
    "    lab.sleep(lab.random())\n"
    "    local s = h:udp()\n"
    "    list[#list + 1] = tostring(s:stun(S, {rto = '100ms'})) .. ' ' .. lab.now() .. ' ' .. math.random(1000)\n"
    "  end)\n"
    "end\n"
    "lab.at_end(function() lab.result('out', list) end)\n";

static char *
run_story(uint64_t seed)
{
    struct scenario_options options = { .seed = seed, .until = TIME_NEVER };
    g_autoptr(scenario) scenario = unit_lua_new(story, &options, NULL);
    GString *text = g_string_new(NULL);

    scenario_run(scenario);
    CHECK(scenario_passed(scenario));
    value_say(scenario_result(scenario, "out"), text);
    return g_string_free(text, FALSE);
}

static void
test_same_seed(void)
{
    g_autofree char *one = run_story(1), *again = run_story(1), *other = run_story(2);

    CHECK_ROW_TEXT("one seed", again, one);
    CHECK(strcmp(one, other) != 0);
}

static gpointer
run_in_thread(gpointer seed)
{
    return run_story(GPOINTER_TO_UINT(seed));
}

static void
test_side_by_side(void)
{
    GThread *threads[4];
    g_autofree char *alone = run_story(1);

    for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("story", run_in_thread, GUINT_TO_POINTER(1));
    for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++) {
        g_autofree char *came = g_thread_join(threads[i]);
        CHECK_ROW_TEXT("thread", came, alone);
    }
}

/* --- a signal ----------------------------------------------------------------------------------------------------- */

/* Has come once it has been asked for `user` times. */
static bool
came_after(void *user)
{
    int *left = user;

    return *left == 0 || --*left == 0;
}

static const struct {
    const char *name, *text;
    int asked;          /* until it comes */
    const char *result; /* "out" afterwards; NULL: there is none */
} interrupted[] = {
    { "at the top level", "while true do end", 3, NULL },
    { "in a task", "lab.spawn(function() lab.sleep(1) while true do end end)", 30, NULL },
    { "in pcall", "lab.spawn(function() while true do pcall(function() while true do end end) end end)", 30, NULL },
    { "in a coroutine", "coroutine.wrap(function() while true do end end)()", 3, NULL },
    { "in a library call", "local s = (('a'):rep(40)):find(('a?'):rep(40) .. ('a'):rep(40) .. 'b')", 30, NULL },
    { "in a predicate", "lab.spawn(function() lab.wait(function() while true do end end) end)", 30, NULL },
    { "in a callback", "lab.at(1, function() while true do end end)", 30, NULL },
    { "in a function of the end", "lab.at_end(function() while true do end end)", 30, NULL },
    { "a script that was stopped does not go on",
      "lab.at_end(function() lab.result('out', 1) end) while true do end", 3, NULL },
    { "between two turns the end is played",
      "lab.at_end(function() lab.result('out', lab.now() > 0) end) "
      "lab.spawn(function() while true do lab.sleep(1) end end)",
      30, "true" },
    { "but not for ever", "lab.at_end(function() lab.result('out', 1) while true do end end) "
      "lab.spawn(function() while true do lab.sleep(1) end end)",
      30, "1" },
};

static void
test_interrupted(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(interrupted); i++) {
        int left = interrupted[i].asked;
        struct scenario_options options = {
            .seed = 1, .until = TIME_NEVER, .unsafe = true, .interrupted = came_after, .user = &left
        };
        g_autofree char *text = g_strconcat("local lab = require 'punchlab' ", interrupted[i].text, NULL);
        g_autoptr(scenario) scenario = unit_lua_new(text, &options, NULL);
        g_autoptr(GString) out = g_string_new(NULL);

        if (!CHECK_ROW(interrupted[i].name, scenario != NULL))
            continue;
        scenario_run(scenario);
        CHECK_ROW_TEXT(interrupted[i].name, scenario_end_words[scenario->ended], "stop");
        CHECK_ROW_TEXT(interrupted[i].name, scenario->error_message, NULL);
        CHECK_ROW(interrupted[i].name, left == 0 && scenario->waiting->len == 0);
        if (scenario_result(scenario, "out"))
            value_say(scenario_result(scenario, "out"), out);
        CHECK_ROW_TEXT(interrupted[i].name, out->len > 0 ? out->str : NULL, interrupted[i].result);
    }
}

void
suite_lua_scenario(void)
{
    UNIT_SUITE("lua scenario", NULL, NULL, { "settings", test_settings }, { "parameters", test_parameters },
               { "bad parameters", test_bad_parameters }, { "files", test_files },
               { "line numbers", test_line_after_first_line }, { "reports", test_reports },
               { "captures", test_captures }, { "show only", test_show_only }, { "unsafe", test_unsafe },
               { "interrupted", test_interrupted },
               { "same seed", test_same_seed }, { "side by side", test_side_by_side });
}
