/* The bounds of a script: memory, and steps between two waits.
 *
 * A step is about one Lua instruction; library calls, deep calls and big allocations spend steps too, because Lua's
 * count hook sees nothing of what goes on inside C. `struct limits` is the user data of the Lua state's allocator, so
 * everything that has a lua_State finds it.
 *
 * A limit that is met stays met: `hit` is set, and everything of ours that catches errors (pcall, xpcall, coroutines,
 * the scheduler) raises it again, so a script can neither catch nor outlive it. Its error is an ordinary one with file
 * and line. Lua's own "not enough memory" knows no line: the soft limit comes before it, raised at the next
 * instruction; where a single allocation goes beyond the hard limit, the allocator notes the line and Lua's error is
 * replaced.
 *
 * A signal that came is a limit too, also where nothing else is bounded. It stops what runs for longer than a moment;
 * what does not is let to its end, so that a run is cut between two turns whenever that is possible.
 *
 * Lua's collector never runs by itself. It is run at an instruction, once the heap has doubled, after a look at the
 * metatables in use: a table must not be weak, because what is in it would then depend on when the collector ran. */
#ifndef SCENARIOS_RUNNER_LUA_LIMITS_H
#define SCENARIOS_RUNNER_LUA_LIMITS_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIMITS_MEMORY ((size_t)256 << 20)
#define LIMITS_WORLD ((uint64_t)768 << 20) /* of the world: 1 GiB with the script's */
#define LIMITS_STEPS INT64_C(100000000)

enum limit {
    LIMIT_NONE,
    LIMIT_MEMORY,
    LIMIT_WORLD,       /* the world's memory, */
    LIMIT_STEPS,
    LIMIT_WAKES,       /* of one task in one instant, */
    LIMIT_ALL_WAKES,   /* of all tasks, */
    LIMIT_STARTS,      /* tasks that began in one instant, */
    LIMIT_CALLS,       /* calls of lab.at */
    LIMIT_INTERRUPTED, /* a signal came: no error of the script's */
};

struct limits {
    size_t used, held;        /* bytes: of Lua's, and of what C holds for the script */
    size_t soft, hard;        /* limits of both together */
    size_t collect_at;        /* when the collector is due */
    int64_t steps, steps_each; /* left in this turn; given to each turn */
    int64_t ask_at;           /* what spends steps asks for signals once there are fewer left */
    int64_t deaf_until;       /* but not before there are fewer left than this */
    bool (*interrupted)(void *user); /* whether a signal came; NULL: nobody knows */
    void *user;
    lua_State *running;       /* the coroutine that runs now; NULL while none does */
    const char *file;         /* the script's name in messages: lua_Debug.source is this with an '@' in front */
    enum limit hit;
    int line;                 /* where it was met; 0: unknown */
    char *world_says;         /* what LIMIT_WORLD says, made when it is met: see script_meet_world */
    bool trapped;             /* the hook of `running` is set to come at the next instruction */
    bool parked;              /* the yield that is under way is a wait of the whole task, not a script's own */
    int blocked;              /* resumes under way from where nobody can yield: no task may wait then */
    int closing;              /* to-be-closed variables of a coroutine are being closed: nobody may yield then */
};

/* `unbounded`: counts, and never refuses. */
void limits_init(struct limits *limits, const char *file, bool unbounded);

/* The allocator of the Lua state. */
void *limits_allocate(void *limits, void *block, size_t old_size, size_t new_size);

static inline struct limits *
limits_of(lua_State *L)
{
    void *limits;

    (void)lua_getallocf(L, &limits);
    return limits;
}

/* Sets the hook; coroutines made from `L` inherit it. Also stops Lua's own collector. */
void limits_install(lua_State *L);

/* `L` runs from now on (NULL: nothing does); returns what ran before, to be given back when `L` is done. */
lua_State *limits_run(struct limits *limits, lua_State *L);

/* A turn begins: a task goes on after a wait, a callback is called. */
void limits_renew(struct limits *limits);

/* Spends steps; raises the limit's error when they run out. */
void limits_spend(lua_State *L, uint64_t steps);

/* For what spends steps by itself inside C: whether a signal is to stop it, to be asked once fewer steps are left than
 * `ask_at`; and the next time to ask. */
bool limits_interrupted(const struct limits *limits);
void limits_ask_later(struct limits *limits);

/* Refuses a block of `bytes` that cannot fit, before anything is allocated for it. */
void limits_expect_bytes(lua_State *L, size_t bytes);

/* Memory that C holds for the script (a host, a note) counts as well: as steps, and as bytes until it is let go. */
void limits_hold_bytes(lua_State *L, size_t bytes);
void limits_let_go_bytes(struct limits *limits, size_t bytes);

/* After an error was caught: whether it was a limit's. `status` is what lua_pcall or lua_resume returned. */
bool limits_caught(struct limits *limits, int status);

/* Raises the error of the limit that was hit. */
_Noreturn void limits_raise(lua_State *L);

/* Meets a limit here and now. */
_Noreturn void limits_meet(lua_State *L, enum limit limit);

/* What a limit says, without file and line. */
const char *limits_message(const struct limits *limits);

/* Remembers a metatable (at `index`) so that it is looked at before each collection; raises when it makes weak
 * tables or finalizers. */
void limits_watch_metatable(lua_State *L, int index);

/* The line that runs in the script's file, seen from the innermost level of `L`; 0 when none does. */
int limits_line(lua_State *L, const char *file);

#endif
