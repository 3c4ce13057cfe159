#include "scenarios/runner/lua/lab_words.h"

#include "core/base/words.h"
#include "scenarios/runner/lua/endpoint.h"
#include "scenarios/runner/lua/mailbox.h"
#include "scenarios/runner/lua/node_words.h"
#include "scenarios/runner/lua/parameter.h"
#include "scenarios/runner/lua/sandbox.h"
#include "scenarios/runner/lua/spawn.h"
#include "scenarios/runner/lua/watch.h"

static const char lab_key; /* in the registry: what require returns */

static const char *
read_line(lua_State *L)
{
    const char *text = arg_text(L, 1, "the text");

    arg_no_more(L, 1);
    return text;
}

static int
lab_title(struct script *script, lua_State *L)
{
    const char *text = read_line(L);

    g_free(script->scenario.title);
    script->scenario.title = g_strdup(text);
    return 0;
}

static int
lab_about(struct script *script, lua_State *L)
{
    const char *text = read_line(L);

    g_free(script->scenario.about);
    script->scenario.about = g_strdup(text);
    return 0;
}

static int
lab_spawn(struct script *script, lua_State *L)
{
    return spawn_task(L, 1, "lab", &script->tasks.experimenters);
}

static int
lab_now(struct script *script, lua_State *L)
{
    arg_no_more(L, 0);
    arg_push_seconds(L, script->world->now);
    return 1;
}

static int
lab_seconds(struct script *script, lua_State *L)
{
    (void)script;
    arg_no_more(L, 1);
    arg_push_seconds(L, arg_duration(L, 1, "the duration"));
    return 1;
}

static int
lab_random(struct script *script, lua_State *L)
{
    int count = lua_gettop(L);

    for (int i = 1; i <= count; i++)
        (void)arg_integer(L, i, "a bound", LUA_MININTEGER, LUA_MAXINTEGER);
    if (count == 2 && lua_tointeger(L, 1) > lua_tointeger(L, 2))
        complain(L, "there is nothing from %I to %I", lua_tointeger(L, 1), lua_tointeger(L, 2));
    sandbox_push_random(L, &script->random);
    lua_insert(L, 1);
    lua_call(L, count, 1);
    return 1;
}

/* lab.capture{A, "natA"}: from then on only what is named, over all calls, is traced. */
static int
lab_capture(struct script *script, lua_State *L)
{
    struct scenario *scenario = &script->scenario;

    arg_no_more(L, 1);
    arg_table(L, 1, "the nodes");
    lua_settop(L, 1);
    lua_Integer count = (lua_Integer)lua_rawlen(L, 1);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, 1, i);
        (void)arg_node(L, 2, lua_pushfstring(L, "node %I", i));
        lua_settop(L, 1);
    }
    limits_hold_bytes(L, (size_t)count * 64);
    scenario->captures_asked = true;
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, 1, i);
        const char *name = arg_node(L, -1, "a node")->node->name;
        if (!g_ptr_array_find_with_equal_func(scenario->capture_nodes, name, g_str_equal, NULL))
            g_ptr_array_add(scenario->capture_nodes, g_strdup(name));
        lua_pop(L, 1);
    }
    return 0;
}

static int
lab_endpoint(struct script *script, lua_State *L)
{
    struct address address = arg_address(L, 1, "the address");

    (void)script;
    arg_no_more(L, 2);
    endpoint_push(L, (struct endpoint){ address, (uint16_t)arg_integer(L, 2, "the port", 0, 65535) });
    return 1;
}

static int
lab_at_end(struct script *script, lua_State *L)
{
    arg_function(L, 1, "the function");
    arg_no_more(L, 1);
    if (script->turn == TURN_END)
        complain(L, "the run is over: this comes too late");
    lua_settop(L, 1);
    int function = luaL_ref(L, LUA_REGISTRYINDEX);
    g_array_append_val(script->at_end, function);
    return 0;
}

static const struct word lab_words[] = {
    { "title", lab_title },
    { "about", lab_about },
    { "param", parameter_word },
    { "internet", network_word_internet },
    { "network", network_word_network },
    { "spawn", lab_spawn },
    { "sleep", task_word_sleep },
    { "wait", task_word_wait },
    { "now", lab_now },
    { "seconds", lab_seconds },
    { "at", script_word_at },
    { "random", lab_random },
    { "note", report_word_note },
    { "result", report_word_result },
    { "expect", report_word_expect },
    { "watch", watch_word },
    { "capture", lab_capture },
    { "mailbox", mailbox_word_new },
    { "endpoint", lab_endpoint },
    { "at_end", lab_at_end },
    { "stop", script_word_stop },
    { NULL, NULL },
};

static const struct type lab_type = { .name = "lab", .words = { lab_words }, .is_table = true };

static int
lab_index(lua_State *L)
{
    const char *names[G_N_ELEMENTS(lab_words) + 1], *name = lua_tostring(L, 2);
    size_t count = 0;

    script_of(L)->word = NULL;
    for (const struct word *word = lab_words; word->name; word++)
        names[count++] = word->name;
    names[count++] = "results";
    names[count] = NULL;
    if (!name)
        complain(L, "lab has no [%s]", complain_say(L, 2));
    const char *nearest = words_nearest(names, name);
    if (nearest)
        complain(L, "lab has no '%s'; did you mean '%s'?", name, nearest);
    GString *text = g_string_new(NULL);
    g_string_append_printf(text, "lab has no '%.60s'; it has: ", name);
    words_say(names, text);
    complain_take(L, g_string_free(text, FALSE));
}

static int
lab_assign(lua_State *L)
{
    script_of(L)->word = NULL;
    complain(L, "lab.%s cannot be assigned to; its words are called: lab.title(\"...\")", sandbox_tostring(L, 2, NULL));
}

/* An empty table whose metatable knows the words, so that an assignment is seen. */
static void
push_lab(lua_State *L)
{
    lua_newtable(L);
    lua_createtable(L, 0, 4);
    lua_createtable(L, 0, G_N_ELEMENTS(lab_words));
    for (const struct word *word = lab_words; word->name; word++) {
        word_push(L, &lab_type, word);
        lua_setfield(L, -2, word->name);
    }
    report_push_results(L);
    lua_setfield(L, -2, "results");
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, lab_index);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, lab_assign);
    lua_setfield(L, -2, "__newindex");
    lua_pushliteral(L, "lab");
    lua_setfield(L, -2, "__name");
    lua_pushliteral(L, "lab");
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
}

static int
base_require(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);

    if (strcmp(name, "punchlab") != 0) {
        script_of(L)->word = NULL;
        complain(L, "require: there is no '%s'; a scenario can require \"punchlab\" only", name);
    }
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &lab_key) == LUA_TNIL) {
        lua_pop(L, 1);
        push_lab(L);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &lab_key);
    }
    return 1;
}

void
lab_words_open(lua_State *L)
{
    lua_register(L, "require", base_require);
    lua_register(L, "print", report_word_print);
}
