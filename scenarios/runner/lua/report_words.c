/* lab.note, lab.result, lab.results, lab.expect, and print. */
#include "scenarios/runner/lua/arguments.h"
#include "scenarios/runner/lua/lab_words.h"
#include "scenarios/runner/lua/sandbox.h"
#include "scenarios/runner/lua/value.h"

static const char results_key; /* in the registry: the table of what lab.result has set */

void
scenario_result_free(gpointer data)
{
    struct scenario_result *result = data;

    g_free(result->name);
    value_free(result->value);
    g_free(result);
}

void
scenario_expectation_free(gpointer data)
{
    struct scenario_expectation *expectation = data;

    g_free(expectation->text);
    g_free(expectation);
}

void
scenario_note_free(gpointer data)
{
    struct scenario_note *note = data;

    g_free(note->text);
    g_free(note->task);
    g_free(note);
}

void
scenario_waiting_free(gpointer data)
{
    struct scenario_waiting *waiting = data;

    g_free(waiting->task);
    g_free(waiting->on);
    g_free(waiting);
}

char *
text_without_nul(const char *text, size_t length)
{
    GString *out = g_string_sized_new(length);

    for (const char *end = text + length; text < end; text++) {
        if (*text)
            g_string_append_c(out, *text);
        else
            g_string_append(out, "\\0");
    }
    return g_string_free(out, FALSE);
}

/* --- notes ------------------------------------------------------------------------------------------------------ */

/* All arguments as one text with tabs between, pushed. */
static const char *
push_line(lua_State *L, size_t *length)
{
    int count = lua_gettop(L);
    luaL_Buffer line;

    luaL_buffinit(L, &line);
    for (int i = 1; i <= count; i++) {
        if (i > 1)
            luaL_addchar(&line, '\t');
        sandbox_tostring(L, i, NULL);
        luaL_addvalue(&line);
    }
    luaL_pushresult(&line);
    return lua_tolstring(L, -1, length);
}

static void
take_note(struct script *script, lua_State *L)
{
    size_t length;
    const char *text = push_line(L, &length);
    const struct task *task = script->tasks.current;

    limits_hold_bytes(L, sizeof(struct scenario_note) + length + 64);
    struct scenario_note *note = g_new0(struct scenario_note, 1);
    note->text = text_without_nul(text, length);
    note->at = script->world->now;
    note->task = g_strdup(task ? task->name : "lab");
    g_ptr_array_add(script->scenario.notes, note);
    if (script->options.note)
        script->options.note(script->options.user, note->at, note->text);
}

int
report_word_note(struct script *script, lua_State *L)
{
    if (lua_gettop(L) == 0)
        complain_value(L, "the text", 1, "anything that can be shown");
    take_note(script, L);
    return 0;
}

int
report_word_print(lua_State *L)
{
    take_note(script_of(L), L);
    return 0;
}

/* --- results ---------------------------------------------------------------------------------------------------- */

static void
set_result(struct script *script, const char *name, struct value *value)
{
    GPtrArray *results = script->scenario.results;

    for (guint i = 0; i < results->len; i++) {
        struct scenario_result *result = results->pdata[i];

        if (strcmp(result->name, name) == 0) {
            value_free(result->value);
            result->value = value;
            return;
        }
    }
    struct scenario_result *result = g_new0(struct scenario_result, 1);
    result->name = g_strdup(name);
    result->value = value;
    g_ptr_array_add(results, result);
}

int
report_word_result(struct script *script, lua_State *L)
{
    const char *name = arg_text(L, 1, "the name");

    if (!*name)
        complain(L, "the name is empty; accepted: a text");
    value_check(L, 2, name);
    lua_settop(L, 2);
    limits_hold_bytes(
        L, 128 + (lua_type(L, 2) == LUA_TTABLE || lua_type(L, 2) == LUA_TSTRING ? lua_rawlen(L, 2) * 64 : 0));
    lua_rawgetp(L, LUA_REGISTRYINDEX, &results_key);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2);
    lua_rawset(L, -3);
    set_result(script, name, value_from(L, 2));
    script->world->touched = true;
    return 0;
}

static int
results_assign(lua_State *L)
{
    static const struct word word = { "result", report_word_result };
    static const struct type type = { .name = "lab", .is_table = true };
    struct script *script = script_of(L);

    lua_remove(L, 1);
    script->word_type = &type;
    script->word = &word;
    report_word_result(script, L);
    script->word = NULL;
    return 0;
}

static int
results_pairs(lua_State *L)
{
    lua_getglobal(L, "pairs");
    lua_rawgetp(L, LUA_REGISTRYINDEX, &results_key);
    lua_call(L, 1, 3);
    return 3;
}

void
report_push_results(lua_State *L)
{
    lua_newtable(L);
    lua_createtable(L, 0, 3);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &results_key);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, results_assign);
    lua_setfield(L, -2, "__newindex");
    lua_pushcfunction(L, results_pairs);
    lua_setfield(L, -2, "__pairs");
    lua_pushliteral(L, "results");
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
}

/* --- expectations ----------------------------------------------------------------------------------------------- */

/* Returns whether it held. */
int
report_word_expect(struct script *script, lua_State *L)
{
    bool ok = lua_toboolean(L, 1);
    int line = limits_line(L, script->file);
    size_t length;

    if (lua_gettop(L) == 0)
        complain_value(L, "the condition", 1, "anything; nil and false fail");
    arg_no_more(L, 2);
    lua_settop(L, 2);
    if (lua_isnil(L, 2))
        lua_pushfstring(L, "what line %d expects", line);
    else
        sandbox_tostring(L, 2, NULL);
    const char *text = lua_tolstring(L, -1, &length);
    limits_hold_bytes(L, sizeof(struct scenario_expectation) + length + 32);

    struct scenario_expectation *expectation = g_new0(struct scenario_expectation, 1);
    expectation->text = text_without_nul(text, length);
    expectation->ok = ok;
    expectation->at = script->world->now;
    expectation->line = line;
    g_ptr_array_add(script->scenario.expectations, expectation);
    lua_pushboolean(L, ok);
    return 1;
}
