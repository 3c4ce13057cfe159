#include "scenarios/runner/lua/scenario.h"

#include <errno.h>
#include <stdlib.h>

#include "scenarios/runner/lua/endpoint.h"
#include "scenarios/runner/lua/lab_words.h"
#include "scenarios/runner/lua/open.h"
#include "scenarios/runner/lua/parameter.h"
#include "scenarios/runner/lua/sandbox.h"
#include "scenarios/runner/lua/script.h"
#include "scenarios/runner/lua/watch.h"

G_DEFINE_QUARK(punchlab - scenario - error, scenario_error)

const char *const scenario_end_words[] = { "done", "stuck", "stop", "until", "error", NULL };
G_STATIC_ASSERT(G_N_ELEMENTS(scenario_end_words) == SCENARIO_FAILED + 2);

static struct script *
script_of_scenario(struct scenario *scenario)
{
    return (struct script *)(void *)scenario;
}

/* --- making ----------------------------------------------------------------------------------------------------- */

/* "situations/symmetric-both.lua" -> "symmetric-both". */
static char *
name_of_path(const char *path)
{
    char *name = g_path_get_basename(path);

    if (g_str_has_suffix(name, ".lua"))
        name[strlen(name) - 4] = '\0';
    return name;
}

static struct script *
script_new(const struct scenario_options *options)
{
    struct script *script = g_new0(struct script, 1);
    struct scenario *scenario = &script->scenario;

    script->options = *options;
    script->options.path = g_strdup(options->path);
    script->options.set = (const char *const *)g_strdupv((char **)options->set);
    script->file = g_path_get_basename(options->path);
    script->random = random_stream_of(options->seed, "script", "random");
    script->at_end = g_array_new(FALSE, FALSE, sizeof(int));
    scenario->lab = lab_new(options->seed);
    script->world = scenario->lab->world;
    scenario->recorder = world_recorder(script->world);
    scenario->name = name_of_path(options->path);
    scenario->about = g_strdup("");
    scenario->parameters = g_ptr_array_new_with_free_func(scenario_parameter_free);
    scenario->results = g_ptr_array_new_with_free_func(scenario_result_free);
    scenario->expectations = g_ptr_array_new_with_free_func(scenario_expectation_free);
    scenario->notes = g_ptr_array_new_with_free_func(scenario_note_free);
    scenario->waiting = g_ptr_array_new_with_free_func(scenario_waiting_free);
    scenario->capture_nodes = g_ptr_array_new_with_free_func(g_free);
    limits_init(&script->limits, script->file, options->unsafe);
    if (!options->unsafe)
        script->world->memory.limit = LIMITS_WORLD;
    script->limits.interrupted = options->interrupted;
    script->limits.user = options->user;
    return script;
}

void
scenario_free(struct scenario *scenario)
{
    if (!scenario)
        return;
    struct script *script = script_of_scenario(scenario);

    script->over = true;
    open_close_all(script);
    task_forget_all(script);
    script_forget_at_calls(script);
    watch_free_all(script);
    if (script->L)
        lua_close(script->L);
    g_clear_pointer(&script->pacers, g_hash_table_unref);
    lab_free(scenario->lab);
    g_ptr_array_unref(scenario->parameters);
    g_ptr_array_unref(scenario->results);
    g_ptr_array_unref(scenario->expectations);
    g_ptr_array_unref(scenario->notes);
    g_ptr_array_unref(scenario->waiting);
    g_ptr_array_unref(scenario->capture_nodes);
    g_array_unref(script->at_end);
    g_free(scenario->name);
    g_free(scenario->title);
    g_free(scenario->about);
    g_free(script->limits.world_says);
    g_free(scenario->error_message);
    g_free(scenario->error_file);
    g_free((char *)script->options.path);
    g_strfreev((char **)script->options.set);
    g_free(script->file);
    g_clear_error(&script->usage);
    g_free(script);
}

/* --- the top level ---------------------------------------------------------------------------------------------- */

/* Runs protected. Leaves the coroutine of the top level on the stack of the main thread. */
static int
open_state(lua_State *L)
{
    struct script *script = script_of(L);

    limits_install(L);
    handle_open(L);
    endpoint_open(L);
    sandbox_open(L, &script->random);
    lab_words_open(L);
    return 0;
}

/* Whether the parser gives up on the first `length` bytes because they are nested too deeply. */
static bool
is_too_deep(lua_State *co, const char *text, size_t length)
{
    bool deep = luaL_loadbufferx(co, text, length, "=", "t") != LUA_OK && strstr(lua_tostring(co, -1), "C stack overflow");

    lua_pop(co, 1);
    return deep;
}

/* Lua says of this one mistake not in which line it is: the first after which it is made. */
static int
find_deep_line(lua_State *co, const char *text, size_t length)
{
    size_t good = 0, deep = length; /* ends of what can be read so far, and of what can't */
    int line = 1;

    while (good < deep) {
        size_t middle = good + (deep - good) / 2;

        if (is_too_deep(co, text, middle))
            deep = middle;
        else
            good = middle + 1;
    }
    for (size_t i = 0; i + 1 < deep; i++)
        line += text[i] == '\n';
    return line;
}

static void
fail_to_load(struct script *script, lua_State *co, int status, const char *text, size_t length)
{
    if (status != LUA_ERRSYNTAX && !script->limits.hit && lua_type(co, -1) == LUA_TSTRING &&
        strcmp(lua_tostring(co, -1), "C stack overflow") == 0)
        lua_pushfstring(co, "%s:%d: what stands here is nested too deeply (about 200 levels are allowed)", script->file,
                        find_deep_line(co, text, length));
    script_fail(script, co, status);
}

static bool
load_chunk(struct script *script, lua_State *co, const char *text, size_t length)
{
    g_autofree char *name = g_strconcat("@", script->file, NULL);

    /* an editor's mark at the beginning, and a first line for a shell, are not Lua */
    if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        length -= 3;
    }
    if (length > 0 && text[0] == '#') {
        const char *end = memchr(text, '\n', length);

        length = end ? length - (size_t)(end - text) : 0;
        text = end ? end : text;
    }
    int status = luaL_loadbufferx(co, text, length, name, "t");
    if (status == LUA_OK)
        return true;
    fail_to_load(script, co, status, text, length);
    return false;
}

/* In a coroutine of its own, whose levels are still there when it fails. */
static void
run_top_level(struct script *script, const char *text, size_t length)
{
    lua_State *L = script->L, *co = lua_newthread(L);
    int results;

    sandbox_hold(L, co, true);
    script->turn = TURN_TOP;
    limits_run(&script->limits, co);
    if (load_chunk(script, co, text, length)) {
        int status = lua_resume(co, L, 0, &results);
        if (status != LUA_OK || limits_caught(&script->limits, status))
            script_fail(script, co, status);
    }
    limits_run(&script->limits, NULL);
    script->word = NULL;
    script->top_done = true;
    lua_settop(L, 0);
}

/* Runs protected: the text and its length are arguments. */
static int
run_top_protected(lua_State *L)
{
    const char *text = lua_touserdata(L, 1);
    size_t length = (size_t)lua_tointeger(L, 2);

    run_top_level(script_of(L), text, length);
    return 0;
}

static bool
start_lua(struct script *script, const char *text, size_t length, GError **error)
{
    script->L = lua_newstate(limits_allocate, &script->limits);
    if (!script->L) {
        g_set_error(error, SCENARIO_ERROR, 0, "no memory for Lua");
        return false;
    }
    *(struct script **)lua_getextraspace(script->L) = script;
    lua_pushcfunction(script->L, open_state);
    if (lua_pcall(script->L, 0, 0, 0) != LUA_OK) {
        g_set_error(error, SCENARIO_ERROR, 0, "Lua does not start: %s", lua_tostring(script->L, -1));
        return false;
    }
    lua_pushcfunction(script->L, run_top_protected);
    lua_pushlightuserdata(script->L, (void *)text);
    lua_pushinteger(script->L, (lua_Integer)length);
    int status = lua_pcall(script->L, 2, 0, 0);
    if (status != LUA_OK)
        script_fail(script, script->L, status);
    lua_settop(script->L, 0);
    return true;
}

/* A file that is no text can't be Lua: told as such, instead of as a mistake of Lua's in some line. */
static bool
check_text(const char *path, const char *text, gsize length, GError **error)
{
    if (length == 0 || (text[0] != '\x1b' && !memchr(text, '\0', length)))
        return true;
    g_set_error(error, SCENARIO_ERROR, 0, "%s: this is no Lua text: it has bytes that no text has", path);
    return false;
}

struct scenario *
scenario_new(const struct scenario_options *options, GError **error)
{
    g_autofree char *text = NULL;
    GError *failure = NULL;
    gsize length;

    if (!g_file_get_contents(options->path, &text, &length, &failure)) {
        g_set_error(error, SCENARIO_ERROR, 0, "%s", failure->message);
        g_error_free(failure);
        return NULL;
    }
    if (!check_text(options->path, text, length, error))
        return NULL;

    struct script *script = script_new(options);
    if (!start_lua(script, text, length, error)) {
        scenario_free(&script->scenario);
        return NULL;
    }
    if (script->usage) {
        g_propagate_error(error, g_steal_pointer(&script->usage));
        scenario_free(&script->scenario);
        return NULL;
    }
    bool whole = !script_failed(script) && script->limits.hit == LIMIT_NONE; /* no signal cut it short */
    if (whole && !parameters_all_known(script, error)) {
        scenario_free(&script->scenario);
        return NULL;
    }
    return &script->scenario;
}

void
scenario_run(struct scenario *scenario)
{
    struct script *script = script_of_scenario(scenario);

    if (!script_failed(script) && !script->options.show_only)
        script_run(script);
}

/* --- asking ----------------------------------------------------------------------------------------------------- */

bool
scenario_passed(const struct scenario *scenario)
{
    if (scenario->ended == SCENARIO_FAILED || scenario->waiting->len > 0)
        return false;
    for (guint i = 0; i < scenario->expectations->len; i++) {
        if (!((const struct scenario_expectation *)scenario->expectations->pdata[i])->ok)
            return false;
    }
    return true;
}

const struct value *
scenario_result(const struct scenario *scenario, const char *name)
{
    for (guint i = 0; i < scenario->results->len; i++) {
        const struct scenario_result *result = scenario->results->pdata[i];

        if (strcmp(result->name, name) == 0)
            return result->value;
    }
    return NULL;
}
