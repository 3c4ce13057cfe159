/* What a running script has: the private side of a scenario. For the files of this folder only. */
#ifndef SCENARIOS_RUNNER_LUA_SCRIPT_H
#define SCENARIOS_RUNNER_LUA_SCRIPT_H

#include <lauxlib.h>

#include "core/base/random.h"
#include "core/trace/recorder.h"
#include "scenarios/runner/lua/handle.h"
#include "scenarios/runner/lua/limits.h"
#include "scenarios/runner/lua/scenario.h"
#include "scenarios/runner/lua/task.h"

/* What runs just now: it decides whether a word may wait, and how it is told that it may not. */
enum turn { TURN_TOP, TURN_TASK, TURN_PREDICATE, TURN_CALLBACK, TURN_END };

struct script {
    struct scenario scenario;         /* first: what the world outside sees */
    struct limits limits;
    struct scenario_options options;  /* `path` and `set` are copies */
    struct world *world;              /* the lab's */
    lua_State *L;                     /* the main thread: callbacks run on it */
    char *file;                       /* the script's name in messages: without folders, so that texts do not depend on
                                         where it lies */
    enum turn turn;
    const struct type *word_type;     /* the word being called, for messages */
    const struct word *word;
    struct random_stream random;
    struct tasks tasks;
    struct watches *watches;          /* watch.c */
    struct open_thing *open;          /* what must be closed before the lab ends */
    GHashTable *pacers;               /* struct lab_node * -> struct ice_pacer *: of its ICE agents. NULL: none yet */
    uint64_t handles;                 /* made so far */
    struct at_call *at_calls, *due, *due_last; /* run.c: lab.at */
    int64_t at_instant;               /* when the last of them was due, */
    uint32_t at_count;                /* and how many at that instant */
    GArray *at_end;                   /* int: references to the functions of lab.at_end */
    bool over;                        /* nothing more is to run; scenario.ended says why */
    GError *usage;                    /* a parameter is wrong: the run never begins */
    bool top_done;
};

static inline struct script *
script_of(lua_State *L)
{
    return *(struct script **)lua_getextraspace(L);
}

/* Calls the function below `arguments` on top of the main thread's stack as a callback in `turn`, with a budget of its
 * own; what it returns is dropped. False when it failed, and the run with it. */
bool script_call(struct script *script, enum turn turn, int arguments);

/* Ends the run with the error on top of `co`'s stack, whose levels are still there (or NULL: taken as told). */
void script_fail(struct script *script, lua_State *co, int status);
/* The world holds more than it may: the run ends, where the script stands in `L`, or with `L` NULL where it most
 * likely filled it. Returns at all only in the second case. */
void script_meet_world(struct script *script, lua_State *L);

/* What the world has done for a word of the script is paid for, before it is called, so that errors are paid too, and
 * after. */
static inline void
script_pay(struct script *script, lua_State *L)
{
    struct world *world = script->world;
    uint64_t work = world->work;

    if (work > 0) {
        world->work = 0;
        limits_spend(L, work);
    }
    if (memory_is_full(&world->memory))
        script_meet_world(script, L);
}

/* Runs the world to the end of the run, with all that the script does in it; then the functions of lab.at_end. */
void script_run(struct script *script);
/* lab.at and lab.stop (run.c). */
int script_word_at(struct script *script, lua_State *L);
int script_word_stop(struct script *script, lua_State *L);
void script_forget_at_calls(struct script *script);

static inline bool
script_failed(const struct script *script)
{
    return script->scenario.error_message != NULL;
}

#endif
