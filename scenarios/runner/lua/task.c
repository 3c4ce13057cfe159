/* One function each moves a task on: task_spawn and task_wake make it ready, task_run_next runs it, task_park makes
 * it wait, end_task ends it. A waiting task is in at most one list of waits, and its timer is armed when it has a
 * deadline. */
#include "scenarios/runner/lua/task.h"

#include <stddef.h>

#include "scenarios/runner/lua/arguments.h"
#include "scenarios/runner/lua/complain.h"
#include "scenarios/runner/lua/sandbox.h"
#include "scenarios/runner/lua/script.h"

enum { WAKES_MAX = 1000000, ALL_WAKES_MAX = 10000000, STARTS_MAX = 1000000, TASK_BYTES = 1200 };

#define VALUE_THREAD 1 /* user values of a task's handle; 2 is the predicate of wait.c, and its answer */

static int64_t
now(const struct script *script)
{
    return script->world->now;
}

void
tasks_enter(struct script *script)
{
    script->tasks.foreground++;
}

void
tasks_leave(struct script *script)
{
    script->tasks.foreground--;
    script->tasks.last_end = now(script);
}

/* --- ready ------------------------------------------------------------------------------------------------------ */

static void
make_ready(struct task *task)
{
    struct tasks *tasks = &task->script->tasks;

    task->state = TASK_READY;
    task->next_ready = NULL;
    if (tasks->ready_last)
        tasks->ready_last->next_ready = task;
    else
        tasks->ready_first = task;
    tasks->ready_last = task;
}

static void
take_from_ready(struct task *task)
{
    struct tasks *tasks = &task->script->tasks;
    struct task **link = &tasks->ready_first, *before = NULL;

    while (*link && *link != task) {
        before = *link;
        link = &(*link)->next_ready;
    }
    if (!*link)
        return;
    *link = task->next_ready;
    if (tasks->ready_last == task)
        tasks->ready_last = before;
}

/* --- waiting ---------------------------------------------------------------------------------------------------- */

static void
join_waits(struct task *task, struct waits *waits)
{
    task->waits = waits;
    task->next_waiting = NULL;
    task->previous_waiting = waits->last;
    if (waits->last)
        waits->last->next_waiting = task;
    else
        waits->first = task;
    waits->last = task;
}

static void
leave_waits(struct task *task)
{
    struct waits *waits = task->waits;

    if (!waits)
        return;
    if (task->script->tasks.look_next == task)
        task->script->tasks.look_next = task->next_waiting;
    if (task->previous_waiting)
        task->previous_waiting->next_waiting = task->next_waiting;
    else
        waits->first = task->next_waiting;
    if (task->next_waiting)
        task->next_waiting->previous_waiting = task->previous_waiting;
    else
        waits->last = task->previous_waiting;
    task->waits = NULL;
}

static void
stop_waiting(struct task *task)
{
    leave_waits(task);
    if (task->deadline != TIME_NEVER)
        task->script->tasks.deadlines--;
    if (event_pending(&task->timer))
        world_cancel(task->script->world, &task->timer);
}

void
task_wake(struct task *task)
{
    if (task->state != TASK_WAITING)
        return;
    stop_waiting(task);
    make_ready(task);
}

void
task_wake_all(struct waits *waits)
{
    while (waits->first)
        task_wake(waits->first);
}

static void
on_timer(struct event *event)
{
    struct task *task = (struct task *)(void *)((char *)event - offsetof(struct task, timer));

    task->timed_out = true;
    task_wake(task);
}

void
task_set_deadline(lua_State *L, int64_t timeout)
{
    struct script *script = script_of(L);
    struct task *task = script->tasks.current;

    if (!task)
        return;
    task->deadline = time_add(now(script), timeout);
    task->timed_out = timeout == 0;
}

bool
task_timed_out(lua_State *L)
{
    const struct task *task = script_of(L)->tasks.current;

    return task && task->timed_out;
}

void
task_check_may_wait(lua_State *L)
{
    const struct script *script = script_of(L);

    switch (script->turn) {
    case TURN_TOP:
        complain(L, "the top level runs at time 0 and cannot wait; wait in a task: lab.spawn(function() ... end)");
    case TURN_PREDICATE:
        complain(L, "the function given to lab.wait may not wait itself");
    case TURN_CALLBACK:
        complain(L, "a callback may not wait; let it start a task: lab.spawn(function() ... end)");
    case TURN_END:
        complain(L, "functions given to lab.at_end may not wait: the run is over");
    case TURN_TASK:
        break;
    }
    if (!lua_isyieldable(L) || script->limits.blocked > 0 || script->limits.closing > 0)
        complain(L, "nothing can wait inside a function that is called by sort, gsub or a metamethod");
}

int
task_park(lua_State *L, struct waits *waits, const char *word, const struct handle *object, lua_KFunction go_on)
{
    struct script *script = script_of(L);
    struct task *task = script->tasks.current;

    task_check_may_wait(L);
    task->state = TASK_WAITING;
    task->parked = L;
    task->word = word;
    task->object = object;
    if (waits)
        join_waits(task, waits);
    if (task->deadline != TIME_NEVER) {
        script->tasks.deadlines++;
        world_schedule(script->world, &task->timer, task->deadline);
    }
    script->limits.parked = true;
    script->word = NULL;
    return lua_yieldk(L, 0, 0, go_on);
}

/* Where the function begins that a task is to run. */
static int
first_line(const struct task *task)
{
    lua_Debug function;

    if (lua_gettop(task->L) == 0)
        return 0;
    lua_pushvalue(task->L, 1);
    lua_getinfo(task->L, ">S", &function);
    return function.linedefined > 0 ? function.linedefined : 0;
}

int
task_line(const struct task *task)
{
    if (task->instant < 0)
        return first_line(task);
    return limits_line(task->parked ? task->parked : task->L, task->script->file);
}

void
task_say_waiting(const struct task *task, GString *out)
{
    g_string_append(out, task->word ? task->word : "its turn");
    if (!task->object)
        return;
    g_string_append(out, " on ");
    if (task->object->type->say) {
        lua_State *L = task->script->L; /* only pushes a text: see the types' `say` */

        task->object->type->say(L, task->object);
        g_string_append(out, lua_tostring(L, -1));
        lua_pop(L, 1);
    } else {
        g_string_append(out, task->object->type->name);
    }
}

/* --- beginning, running, ending --------------------------------------------------------------------------------- */

struct task *
task_spawn(lua_State *L, const char *name, bool background)
{
    struct script *script = script_of(L);
    struct tasks *tasks = &script->tasks;

    limits_hold_bytes(L, TASK_BYTES);
    struct task *task = handle_new(L, &task_type, sizeof *task);
    task->L = lua_newthread(L);
    lua_pushvalue(L, -3);
    lua_xmove(L, task->L, 1);
    lua_setiuservalue(L, -2, VALUE_THREAD);
    sandbox_hold(L, task->L, true);
    handle_keep(L, -1, task);
    lua_remove(L, -2);

    task->script = script;
    task->background = background;
    task->deadline = TIME_NEVER;
    task->timer.fire = on_timer;
    task->instant = -1;
    g_strlcpy(task->name, name, sizeof task->name);
    task->previous = tasks->last;
    if (tasks->last)
        tasks->last->next = task;
    else
        tasks->first = task;
    tasks->last = task;
    if (!background)
        tasks_enter(script);
    make_ready(task);
    return task;
}

static void
unlink_living(struct task *task)
{
    struct tasks *tasks = &task->script->tasks;

    if (task->previous)
        task->previous->next = task->next;
    else
        tasks->first = task->next;
    if (task->next)
        task->next->previous = task->previous;
    else
        tasks->last = task->previous;
}

static void
end_task(struct task *task)
{
    struct script *script = task->script;
    lua_State *L = script->L;

    task->state = TASK_ENDED;
    unlink_living(task);
    if (!task->background)
        tasks_leave(script);
    script->world->touched = true;
    task_wake_all(&task->ended);
    limits_let_go_bytes(&script->limits, TASK_BYTES);
    sandbox_hold(L, task->L, false);
    handle_drop(L, task); /* last: the script may not hold it */
}

void
task_stop(struct task *task)
{
    struct script *script = task->script;

    if (task->state == TASK_ENDED || task->state == TASK_RUNNING)
        return;
    if (task->state == TASK_WAITING)
        stop_waiting(task);
    else
        take_from_ready(task);
    task->state = TASK_RUNNING; /* while its variables are closed */
    int status = sandbox_close(script->L, task->L);
    if (limits_caught(&script->limits, status))
        script_fail(script, task->L, status);
    end_task(task);
}

/* Counts what the task is about to do; which limit it meets when it, or all tasks together, run again and again without
 * time going on. */
static enum limit
count_turn(struct task *task)
{
    struct tasks *tasks = &task->script->tasks;
    int64_t instant = now(task->script);
    bool begins = task->instant < 0;

    if (tasks->instant != instant) {
        tasks->instant = instant;
        tasks->wakes = tasks->starts = 0;
    }
    if (task->instant != instant)
        task->wakes = 0;
    tasks->starts += begins;
    tasks->wakes++;
    task->wakes++;
    if (task->script->options.unsafe)
        return LIMIT_NONE;
    return tasks->starts > STARTS_MAX     ? LIMIT_STARTS
           : task->wakes > WAKES_MAX      ? LIMIT_WAKES
           : tasks->wakes > ALL_WAKES_MAX ? LIMIT_ALL_WAKES
                                          : LIMIT_NONE;
}

static void
fail_spinning(struct task *task, enum limit limit)
{
    struct limits *limits = &task->script->limits;

    limits->hit = limit;
    limits->line = task_line(task);
    script_fail(task->script, task->L, LUA_ERRRUN);
}

static void
resume(struct task *task)
{
    struct script *script = task->script;
    struct limits *limits = &script->limits;
    int results;

    task->state = TASK_RUNNING;
    task->instant = now(script);
    script->tasks.current = task;
    script->turn = TURN_TASK;
    script->word = NULL;
    limits_renew(limits);
    limits->parked = false;
    limits_run(limits, task->L);
    int status = lua_resume(task->L, script->L, 0, &results);
    limits_run(limits, NULL);
    limits->parked = false;
    script->tasks.current = NULL;
    script->word = NULL;

    if (limits_caught(limits, status) || (status != LUA_OK && status != LUA_YIELD)) {
        script_fail(script, task->L, status);
        if (task->state == TASK_WAITING)
            stop_waiting(task);
        end_task(task);
    } else if (status == LUA_OK) {
        end_task(task);
    } else if (task->stopping) {
        task_stop(task);
    }
}

bool
task_run_next(struct script *script)
{
    struct task *task = script->tasks.ready_first;

    if (!task)
        return false;
    script->tasks.ready_first = task->next_ready;
    if (!task->next_ready)
        script->tasks.ready_last = NULL;
    enum limit limit = count_turn(task);
    if (limit != LIMIT_NONE)
        fail_spinning(task, limit);
    else
        resume(task);
    return true;
}

void
task_forget_all(struct script *script)
{
    for (struct task *task = script->tasks.first; task; task = task->next) {
        if (event_pending(&task->timer))
            world_cancel(script->world, &task->timer);
    }
}

/* --- words of a task -------------------------------------------------------------------------------------------- */

static int
wait_go_on(lua_State *L, int status, lua_KContext context)
{
    struct task *task = handle_of(L, 1, &task_type);

    (void)status;
    (void)context;
    if (task->state == TASK_ENDED) {
        lua_pushboolean(L, 1);
        return 1;
    }
    if (task_timed_out(L))
        return arg_push_failure(L, "timeout");
    return task_park(L, &task->ended, "wait", &task->handle, wait_go_on);
}

static int
task_wait(struct script *script, lua_State *L)
{
    const struct task *task = handle_of(L, 1, &task_type);
    int64_t timeout = arg_timeout(L, 2);

    if (task == script->tasks.current && task)
        complain(L, "a task cannot wait for its own end");
    if (task->state != TASK_ENDED && timeout > 0)
        task_check_may_wait(L);
    task_set_deadline(L, timeout);
    if (task->state != TASK_ENDED && timeout == 0)
        return arg_push_failure(L, "timeout");
    return wait_go_on(L, LUA_OK, 0);
}

static int
never_again(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    return luaL_error(L, "a stopped task went on");
}

static int
task_word_stop(struct script *script, lua_State *L)
{
    struct task *task = handle_of(L, 1, &task_type);

    (void)script;
    if (task->state != TASK_RUNNING) {
        task_stop(task);
        return 0;
    }
    task_check_may_wait(L);
    task->stopping = true;
    task->deadline = TIME_NEVER;
    return task_park(L, NULL, "stop", NULL, never_again);
}

static int
task_counters(struct script *script, lua_State *L)
{
    static const char *const words[] = { "ready", "running", "waiting", "ended" };
    const struct task *task = handle_of(L, 1, &task_type);

    (void)script;
    lua_createtable(L, 0, 2);
    lua_pushstring(L, words[task->state]);
    lua_setfield(L, -2, "state");
    lua_pushboolean(L, task->background);
    lua_setfield(L, -2, "background");
    return 1;
}

static void
task_field(struct script *script, lua_State *L, struct handle *self, const char *name)
{
    (void)script;
    (void)name;
    lua_pushstring(L, ((struct task *)(void *)self)->name);
}

static void
task_say(lua_State *L, const struct handle *self)
{
    lua_pushfstring(L, "task %s", ((const struct task *)(const void *)self)->name);
}

static const struct word task_words[] = {
    { "wait", task_wait },
    { "stop", task_word_stop },
    { "counters", task_counters },
    { NULL, NULL },
};
static const char *const task_fields[] = { "name", NULL };

const struct type task_type = {
    .name = "task",
    .words = { task_words },
    .fields = task_fields,
    .field = task_field,
    .say = task_say,
    .user_values = 2,
};
