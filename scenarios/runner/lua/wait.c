/* lab.wait and lab.sleep.
 *
 * A predicate is called when its wait begins, and then after any task has run and after any event that touched
 * something a script holds, each time those of all waits in the order in which they began. It runs on the main
 * thread, where nothing can wait. What it returned is kept in its task's handle until the task runs. */
#include "scenarios/runner/lua/arguments.h"
#include "scenarios/runner/lua/script.h"
#include "scenarios/runner/lua/task.h"

#define VALUE_ANSWER                                                                                                   \
    2 /* a user value of the task's handle: the predicate while it waits, then a list of what it returned */

/* Calls the predicate that is on top of the stack, and packs what it returns, or the error, into a table there:
 * {n=, raised=, ...}. True when it held or raised. */
static bool
ask(struct script *script, lua_State *L)
{
    enum turn before = script->turn;
    int bottom = lua_gettop(L);

    script->turn = TURN_PREDICATE;
    lua_State *ran = limits_run(&script->limits, L);
    int status = lua_pcall(L, 0, LUA_MULTRET, 0);
    limits_run(&script->limits, ran);
    script->turn = before;
    script->word = NULL;
    if (limits_caught(&script->limits, status))
        limits_raise(L);

    luaL_checkstack(L, 4, NULL);
    int count = lua_gettop(L) - bottom + 1;
    bool answered = status != LUA_OK || (count > 0 && lua_toboolean(L, bottom));
    if (!answered) {
        lua_settop(L, bottom - 1);
        return false;
    }
    lua_createtable(L, count, 2);
    lua_insert(L, bottom);
    lua_pushboolean(L, status != LUA_OK);
    lua_setfield(L, bottom, "raised");
    lua_pushinteger(L, count);
    lua_setfield(L, bottom, "n");
    for (int i = count; i >= 1; i--)
        lua_rawseti(L, bottom, i);
    return true;
}

/* Returns what a packed answer (on top) holds, or raises it. */
static int
unpack_answer(lua_State *L)
{
    int answer = lua_gettop(L);

    lua_getfield(L, answer, "raised");
    lua_getfield(L, answer, "n");
    bool raised = lua_toboolean(L, -2);
    int count = (int)lua_tointeger(L, -1);
    lua_pop(L, 2);
    luaL_checkstack(L, count, "too many results");
    for (int i = 1; i <= count; i++)
        lua_rawgeti(L, answer, i);
    return raised ? lua_error(L) : count;
}

static int
wait_go_on(lua_State *L, int status, lua_KContext context)
{
    struct script *script = script_of(L);
    struct task *task = script->tasks.current;

    (void)status;
    (void)context;
    if (task->answered) {
        handle_push(L, task);
        lua_getiuservalue(L, -1, VALUE_ANSWER);
        return unpack_answer(L);
    }
    lua_settop(L, 1); /* the time is up: a last look */
    return ask(script, L) ? unpack_answer(L) : arg_push_failure(L, "timeout");
}

int
task_word_wait(struct script *script, lua_State *L)
{
    arg_function(L, 1, "the predicate");
    int64_t timeout = arg_timeout(L, 2);

    if (timeout > 0)
        task_check_may_wait(L);
    lua_settop(L, 1);
    lua_pushvalue(L, 1);
    if (ask(script, L))
        return unpack_answer(L);
    if (timeout == 0)
        return arg_push_failure(L, "timeout");

    struct task *task = script->tasks.current;
    handle_push(L, task);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, VALUE_ANSWER);
    lua_settop(L, 1);
    task->answered = false;
    task_set_deadline(L, timeout);
    return task_park(L, &script->tasks.looking, "lab.wait", NULL, wait_go_on);
}

/* Runs protected: see run.c. A predicate may end tasks, so the place in the list moves on with them. */
void
task_look_again(struct script *script)
{
    struct tasks *tasks = &script->tasks;
    lua_State *L = script->L;

    tasks->look_next = tasks->looking.first;
    while (tasks->look_next) {
        struct task *task = tasks->look_next;

        tasks->look_next = task->next_waiting;
        handle_push(L, task);
        lua_getiuservalue(L, -1, VALUE_ANSWER);
        limits_renew(&script->limits);
        if (ask(script, L)) {
            lua_setiuservalue(L, -2, VALUE_ANSWER);
            task->answered = true;
            task_wake(task);
        }
        lua_pop(L, 1);
    }
}

static int
sleep_go_on(lua_State *L, int status, lua_KContext context)
{
    (void)L;
    (void)status;
    (void)context;
    return 0;
}

int
task_word_sleep(struct script *script, lua_State *L)
{
    int64_t duration = arg_duration(L, 1, "the time");
    struct task *task = script->tasks.current;

    arg_no_more(L, 1);
    task_check_may_wait(L);
    task_set_deadline(L, duration);
    task->timed_out = false;
    return task_park(L, NULL, "lab.sleep", NULL, sleep_go_on);
}
