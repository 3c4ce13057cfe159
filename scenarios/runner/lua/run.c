/* How a run goes (interface section 3).
 *
 * The world fires one event after the other. When an event has touched something, made a task ready or a call due, a
 * *turn* of the script follows: predicates are asked, due calls are made, and ready tasks run one at a time, with the
 * predicates asked again after each, until nothing is left to do at this instant. While no turn is due an event costs
 * the script three comparisons.
 *
 * All of it runs inside one protected call, and no Lua runs inside an event: an error never jumps over the world. */
#include <stddef.h>

#include "scenarios/runner/lua/arguments.h"
#include "scenarios/runner/lua/lab_words.h"
#include "scenarios/runner/lua/script.h"
#include "scenarios/runner/lua/service_words.h"
#include "scenarios/runner/lua/watch.h"

enum { ASK_EVERY = 4096, CALLS_AN_INSTANT = 1000000 };

#define LINGER (60 * TIME_S) /* the longest a run goes on after the last task has ended */
#define UNTIL_DEFAULT (24 * 60 * TIME_MIN)

/* --- failing ---------------------------------------------------------------------------------------------------- */

/* Takes "file:12: " off a message; the line, or 0 when it has none. */
static int
take_position(const char *file, const char **message)
{
    size_t length = strlen(file);
    const char *at = *message;
    char *end;

    if (strncmp(at, file, length) != 0 || at[length] != ':' || !g_ascii_isdigit(at[length + 1]))
        return 0;
    gint64 line = g_ascii_strtoll(at + length + 1, &end, 10);
    if (end[0] != ':' || end[1] != ' ')
        return 0;
    *message = end + 2;
    return (int)line;
}

static int
say_error(lua_State *L)
{
    if (lua_istable(L, 1) && luaL_getmetafield(L, 1, "__tostring") == LUA_TNIL) {
        lua_pushfstring(L, "the error is a table, not a text");
        return 1;
    }
    lua_getglobal(L, "tostring");
    lua_pushvalue(L, 1);
    lua_call(L, 1, 1);
    return 1;
}

/* The error object on top of `co` as a text on top of `L`. */
static const char *
push_error_text(lua_State *L, lua_State *co, size_t *length)
{

    if (co == L) {
        lua_pushcfunction(L, say_error);
        lua_insert(L, -2);
    } else {
        lua_pushcfunction(L, say_error);
        lua_xmove(co, L, 1);
    }
    if (lua_pcall(L, 1, 1, 0) != LUA_OK || lua_type(L, -1) != LUA_TSTRING)
        lua_pushliteral(L, "an error that cannot be told");
    return lua_tolstring(L, -1, length);
}

void
script_fail(struct script *script, lua_State *co, int status)
{
    struct scenario *scenario = &script->scenario;
    lua_State *L = script->L;

    if (limits_caught(&script->limits, status) && script->limits.hit == LIMIT_INTERRUPTED) {
        scenario->ended = SCENARIO_STOPPED;
        script->over = true;
        return;
    }
    script->over = true;
    if (scenario->error_message)
        return;
    scenario->ended = SCENARIO_FAILED;
    scenario->error_file = g_strdup(script->options.path);
    if (limits_caught(&script->limits, status)) {
        scenario->error_message = g_strdup(limits_message(&script->limits));
        scenario->error_line = script->limits.line;
        return;
    }

    int top = lua_gettop(L), where = co != L ? limits_line(co, script->file) : 0;
    size_t length;
    const char *text = push_error_text(L, co, &length), *message = text;
    int line = take_position(script->file, &message);
    scenario->error_message = text_without_nul(message, length - (size_t)(message - text));
    scenario->error_line = line > 0 ? line : where;
    lua_settop(L, co == L ? top - 1 : top);
}

/* Where the script most likely fills the world: where it started the traffic that sends most, else where the task stands
 * that ran last. */
static int
line_that_fills(const struct script *script)
{
    const struct task *latest = NULL;
    int line = traffic_line_of_busiest(script);

    for (const struct task *task = script->tasks.first; task; task = task->next) {
        if (!latest || task->instant >= latest->instant)
            latest = task;
    }
    return line > 0 || !latest ? line : task_line(latest);
}

void
script_meet_world(struct script *script, lua_State *L)
{
    struct limits *limits = &script->limits;
    GString *text = g_string_new("the world holds too much: ");

    lab_say_fullest(script->scenario.lab, text);
    g_string_append_printf(text, " (the limit is %u MiB; --unsafe lifts it)", (unsigned)(LIMITS_WORLD >> 20));
    if (!limits->world_says)
        limits->world_says = g_string_free(text, FALSE);
    else
        g_string_free(text, TRUE);
    if (L)
        limits_meet(L, LIMIT_WORLD);
    if (limits->hit)
        return;
    limits->hit = LIMIT_WORLD;
    limits->line = line_that_fills(script);
    script_fail(script, script->L, LUA_ERRRUN);
}

/* Notes the line of an error that has none in its message. */
static int
find_line(lua_State *L)
{
    const char *message = lua_tostring(L, 1), *file = limits_of(L)->file;

    if (limits_of(L)->hit)
        return 1;
    if (lua_type(L, 1) == LUA_TSTRING && take_position(file, &message) == 0) {
        int line = limits_line(L, file);

        if (line > 0) {
            lua_pushfstring(L, "%s:%d: ", file, line);
            lua_insert(L, 1);
            lua_settop(L, 2);
            lua_concat(L, 2);
            return 1;
        }
    }
    lua_settop(L, 1);
    return 1;
}

bool
script_call(struct script *script, enum turn turn, int arguments)
{
    lua_State *L = script->L;
    enum turn before = script->turn;
    int function = lua_gettop(L) - arguments;

    lua_pushcfunction(L, find_line);
    lua_insert(L, function);
    script->turn = turn;
    script->word = NULL;
    limits_renew(&script->limits);
    limits_run(&script->limits, L);
    int status = lua_pcall(L, arguments, 0, function);
    limits_run(&script->limits, NULL);
    script->turn = before;
    script->word = NULL;
    if (status != LUA_OK)
        script_fail(script, L, status);
    lua_settop(L, function - 1);
    return status == LUA_OK;
}

/* --- lab.at ----------------------------------------------------------------------------------------------------- */

struct at_call {
    struct event event;
    struct script *script;
    int function;                    /* reference */
    struct at_call *next, *previous; /* of all; once due, `next` of those that are */
};

static void
unlink_at_call(struct at_call *call)
{
    if (call->previous)
        call->previous->next = call->next;
    else
        call->script->at_calls = call->next;
    if (call->next)
        call->next->previous = call->previous;
}

static void
on_at(struct event *event)
{
    struct at_call *call = (struct at_call *)(void *)((char *)event - offsetof(struct at_call, event));
    struct script *script = call->script;

    unlink_at_call(call);
    call->next = NULL;
    if (script->due_last)
        script->due_last->next = call;
    else
        script->due = call;
    script->due_last = call;
}

/* True when a call was made. */
static bool
make_due_call(struct script *script)
{
    struct at_call *call = script->due;
    lua_State *L = script->L;

    if (!call)
        return false;
    script->due = call->next;
    if (!script->due)
        script->due_last = NULL;
    lua_rawgeti(L, LUA_REGISTRYINDEX, call->function);
    luaL_unref(L, LUA_REGISTRYINDEX, call->function);
    limits_let_go_bytes(&script->limits, sizeof *call);
    g_free(call);

    if (script->at_instant != script->world->now) {
        script->at_instant = script->world->now;
        script->at_count = 0;
    }
    if (++script->at_count > CALLS_AN_INSTANT && !script->options.unsafe) {
        lua_Debug function;

        lua_getinfo(L, ">S", &function);
        script->limits.hit = LIMIT_CALLS;
        script->limits.line = function.linedefined;
        script_fail(script, L, LUA_ERRRUN);
        return true;
    }
    script_call(script, TURN_CALLBACK, 0);
    tasks_leave(script);
    return true;
}

int
script_word_at(struct script *script, lua_State *L)
{
    int64_t at = arg_duration(L, 1, "the time");

    arg_function(L, 2, "what to do");
    arg_no_more(L, 2);
    if (script->turn == TURN_END)
        complain(L, "the run is over: it would never be called");
    lua_settop(L, 2);
    limits_hold_bytes(L, sizeof(struct at_call));
    int function = luaL_ref(L, LUA_REGISTRYINDEX);

    struct at_call *call = g_new0(struct at_call, 1);
    call->event.fire = on_at;
    call->script = script;
    call->function = function;
    call->next = script->at_calls;
    if (call->next)
        call->next->previous = call;
    script->at_calls = call;
    tasks_enter(script);
    world_schedule(script->world, &call->event, at);
    return 0;
}

void
script_forget_at_calls(struct script *script)
{
    for (struct at_call *call = script->at_calls, *next; call; call = next) {
        next = call->next;
        world_cancel(script->world, &call->event);
        g_free(call);
    }
    for (struct at_call *call = script->due, *next; call; call = next) {
        next = call->next;
        g_free(call);
    }
    script->at_calls = script->due = script->due_last = NULL;
}

/* --- lab.stop --------------------------------------------------------------------------------------------------- */

static int
stay(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    return luaL_error(L, "a task went on after lab.stop");
}

static void
stop_run(struct script *script)
{
    if (!script->over)
        script->scenario.ended = SCENARIO_STOPPED;
    script->over = true;
}

/* Where it can it does not come back: what stands behind it in a task is not run. */
int
script_word_stop(struct script *script, lua_State *L)
{
    arg_no_more(L, 0);
    stop_run(script);
    if (script->turn != TURN_TASK || !lua_isyieldable(L) || script->limits.blocked > 0 || script->limits.closing > 0)
        return 0;
    task_set_deadline(L, TIME_NEVER);
    return task_park(L, NULL, "lab.stop", NULL, stay);
}

/* --- turns ------------------------------------------------------------------------------------------------------ */

static inline bool
turn_is_due(const struct script *script)
{
    return script->world->touched || script->tasks.ready_first || script->due || watch_is_due(script);
}

static void
ask_interrupted(struct script *script)
{
    if (script->options.interrupted && script->options.interrupted(script->options.user))
        stop_run(script);
}

static void
take_turn(struct script *script)
{
    while (!script->over) {
        if (memory_is_full(&script->world->memory)) {
            script_meet_world(script, NULL);
            return;
        }
        if (script->world->touched) {
            task_look_again(script);
            script->world->touched = false; /* what a predicate touches itself is no reason to ask again */
        }
        if (!make_due_call(script) && !watch_call(script) && !task_run_next(script))
            break;
        script->world->touched = true; /* it has run, and may have changed whatever a predicate looks at */
        ask_interrupted(script);
    }
}

/* Whether the run is over by itself: sets why. */
static bool
is_at_end(struct script *script, bool more_events)
{
    const struct tasks *tasks = &script->tasks;

    if (more_events && !world_quiet(script->world))
        return false;
    if (tasks->foreground == 0)
        script->scenario.ended = SCENARIO_DONE;
    else if (tasks->deadlines == 0 && !script->at_calls)
        script->scenario.ended = SCENARIO_STUCK;
    else
        return false;
    script->over = true;
    return true;
}

/* No event is left before the horizon. */
static void
end_at(struct script *script, int64_t until, int64_t horizon)
{
    bool more = queue_next_time(script->world->queue) != TIME_NEVER;

    if (is_at_end(script, more))
        return;
    script->scenario.ended = horizon == until ? SCENARIO_UNTIL : SCENARIO_DONE;
    script->over = true;
    if (more && script->world->now < horizon)
        script->world->now = horizon;
}

static void
run_world(struct script *script)
{
    struct world *world = script->world;
    int64_t until = script->options.until == TIME_NEVER ? UNTIL_DEFAULT : script->options.until;
    unsigned countdown = ASK_EVERY;

    world_begin(world);
    for (;;) {
        if (turn_is_due(script))
            take_turn(script);
        if (script->over || (world_quiet(world) && is_at_end(script, true)))
            return;

        int64_t horizon = until;
        if (script->tasks.foreground == 0)
            horizon = MIN(horizon, time_add(script->tasks.last_end, LINGER));
        /* many events pass while nothing of the script is due */
        do {
            if (!world_step(world, horizon)) {
                end_at(script, until, horizon);
                return;
            }
            if (--countdown == 0) {
                countdown = ASK_EVERY;
                ask_interrupted(script);
            }
        } while (!turn_is_due(script) && !script->over && !world_quiet(world));
    }
}

static void
note_waiting(struct script *script)
{
    for (const struct task *task = script->tasks.first; task; task = task->next) {
        if (task->background)
            continue;
        struct scenario_waiting *waiting = g_new0(struct scenario_waiting, 1);
        GString *on = g_string_new(NULL);

        task_say_waiting(task, on);
        waiting->task = g_strdup(task->name);
        waiting->line = task_line(task);
        waiting->on = g_string_free(on, FALSE);
        g_ptr_array_add(script->scenario.waiting, waiting);
    }
}

static void
call_at_end(struct script *script)
{
    for (guint i = 0; i < script->at_end->len && !script->limits.hit && !script_failed(script); i++) {
        lua_rawgeti(script->L, LUA_REGISTRYINDEX, g_array_index(script->at_end, int, i));
        script_call(script, TURN_END, 0);
    }
}

/* Runs protected. */
static int
run_all(lua_State *L)
{
    struct script *script = script_of(L);

    script->world->touched = true;
    if (!script->over)
        run_world(script);
    return 0;
}

void
script_run(struct script *script)
{
    lua_State *L = script->L;

    lua_pushcfunction(L, run_all);
    int status = lua_pcall(L, 0, 0, 0);
    if (status != LUA_OK)
        script_fail(script, L, status);
    lua_settop(L, 0);
    if (script_failed(script))
        return;
    if (script->scenario.ended != SCENARIO_STOPPED)
        note_waiting(script);
    call_at_end(script);
}
