/* Tasks: coroutines in virtual time.
 *
 * A task is ready, runs, waits, or has ended. Callbacks of the world never resume one: they make it ready (task_wake),
 * and ready tasks run in that order once the event has returned (run.c). A word that has to wait parks its task:
 *
 *     static int
 *     take_go_on(lua_State *L, int status, lua_KContext context)
 *     {
 *         ... try; return results
 *         if (task_timed_out(L))
 *             return nil, "timeout"
 *         return task_park(L, &mailbox->waiting, "take", &mailbox->handle, take_go_on);
 *     }
 *
 * after task_set_deadline has said until when. Whatever woke the task, the word looks again; `waiting` may belong to
 * anything that wakes those in it when something has changed.
 *
 * A task is a handle, and lives in it: kept until the task has ended, and then as long as the script holds it. */
#ifndef SCENARIOS_RUNNER_LUA_TASK_H
#define SCENARIOS_RUNNER_LUA_TASK_H

#include <lua.h>

#include "core/sim/world.h"
#include "scenarios/lab/lab.h"
#include "scenarios/runner/lua/handle.h"

enum task_state { TASK_READY, TASK_RUNNING, TASK_WAITING, TASK_ENDED };

struct task;

/* Those who wait for one thing, in the order in which they began to. All zero when there are none. */
struct waits {
    struct task *first, *last;
};

struct task {
    struct handle handle;
    struct script *script;
    lua_State *L;
    enum task_state state;
    bool background, stopping;
    bool timed_out;           /* since task_set_deadline */
    bool answered;            /* its predicate held (or raised); the answer is in the second user value */
    int64_t deadline;         /* TIME_NEVER: it waits for ever */
    struct event timer;
    struct waits *waits;      /* the list it is in; NULL: none */
    struct task *next_waiting, *previous_waiting;
    struct task *next_ready;
    struct task *next, *previous; /* of those that have not ended, in order of spawning */
    struct waits ended;       /* who waits for its end */
    lua_State *parked;        /* the coroutine that called the waiting word: its line is told */
    const char *word;         /* that word; a constant */
    const struct handle *object; /* on what; NULL: nothing in particular. Alive: it is on the waiting stack */
    int64_t instant;          /* when it woke last; -1: it has not begun, */
    uint32_t wakes;           /* and how many times since */
    char name[48];
};

struct tasks {
    struct task *first, *last;             /* that have not ended */
    struct task *ready_first, *ready_last;
    struct task *current;
    struct waits looking;                  /* in lab.wait, with a predicate */
    struct task *look_next;                /* the one that is asked next, while they are gone through */
    unsigned foreground;                   /* tasks, traffic and lab.at calls that keep the run going */
    unsigned deadlines;                    /* waiting tasks that have one */
    int64_t last_end;                      /* when the last of the foreground ended */
    int64_t instant;                       /* when one ran last, */
    uint32_t wakes, starts;                /* how often they have woken in that instant, and how many began */
    unsigned experimenters;                /* tasks of the experimenter so far, for their names */
};

extern const struct type task_type;

/* Makes a task of the function on top of the stack, ready to run; replaces it with the task's handle. */
struct task *task_spawn(lua_State *L, const char *name, bool background);

/* Until when the running task will wait from now on: `timeout` nanoseconds, TIME_NEVER: for ever. Forgets an earlier
 * timeout. */
void task_set_deadline(lua_State *L, int64_t timeout);
bool task_timed_out(lua_State *L);

/* Raises when what runs now may not wait, and says why. */
void task_check_may_wait(lua_State *L);

/* Parks the running task until something in `waits` (NULL: nothing but time) or its deadline wakes it, and then calls
 * `go_on`. For `return`; raises when the task may not wait. */
int task_park(lua_State *L, struct waits *waits, const char *word, const struct handle *object, lua_KFunction go_on);

/* The task waits no more: it is ready. Nothing when it does not wait. */
void task_wake(struct task *task);
void task_wake_all(struct waits *waits);

/* Ends a task that does not run; who waits for it is woken. */
void task_stop(struct task *task);

/* Takes the first ready task and runs it until it waits or ends. False when none is ready. */
bool task_run_next(struct script *script);

/* The end of everything: takes timers out of the world. */
void task_forget_all(struct script *script);

/* One more, or one fewer, that keeps the run going. */
void tasks_enter(struct script *script);
void tasks_leave(struct script *script);

/* Where the task waits, and what for: "lab.wait", "recv on 10.0.0.2:5000". */
int task_line(const struct task *task);
void task_say_waiting(const struct task *task, GString *out);

/* lab.wait and lab.sleep (wait.c). */
int task_word_wait(struct script *script, lua_State *L);
int task_word_sleep(struct script *script, lua_State *L);
/* Calls the predicates of those who wait, in the order in which they began to (wait.c). */
void task_look_again(struct script *script);

#endif
