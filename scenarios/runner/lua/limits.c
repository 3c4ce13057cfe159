#include "scenarios/runner/lua/limits.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

enum {
    HOOK_STEPS = 1000,
    ASK_STEPS = 100000,     /* between two looks for a signal where no hook comes by */
    MOMENT_STEPS = 5000000, /* that a turn has before a signal stops it: some hundredths of a second */
    BYTES_A_STEP = 64,
};

/* Lua's record of a call, made for each level that is deeper than any before, and freed again after an error: a loop of
 * errors from deep down spends its time on these and on moving the stack below them, and few instructions. */
enum { CALL_BYTES = 64, CALL_STEPS = 40 };

#define COLLECT_FIRST ((size_t)8 << 20)
#define ROOM_FOR_THE_ERROR ((size_t)1 << 20) /* allocated beyond the hard limit once a limit is met */

static const char metatables_key; /* in the registry: the metatables in use, as weak keys */

static void on_count(lua_State *L, lua_Debug *activation);

void
limits_init(struct limits *limits, const char *file, bool unbounded)
{
    *limits = (struct limits){
        .soft = unbounded ? SIZE_MAX : LIMITS_MEMORY,
        .hard = unbounded ? SIZE_MAX : LIMITS_MEMORY + LIMITS_MEMORY / 4,
        .collect_at = COLLECT_FIRST,
        .steps_each = unbounded ? INT64_MAX : LIMITS_STEPS,
        .file = file,
    };
    limits_renew(limits);
}

int
limits_line(lua_State *L, const char *file)
{
    lua_Debug activation;
    int first = 0;

    for (int level = 0; lua_getstack(L, level, &activation); level++) {
        lua_getinfo(L, "Sl", &activation);
        if (activation.currentline <= 0)
            continue;
        if (activation.source[0] == '@' && strcmp(activation.source + 1, file) == 0)
            return activation.currentline;
        first = first ? first : activation.currentline;
    }
    return first;
}

/* Makes the hook of the running coroutine come at the next instruction. Safe where an allocator runs: lua_sethook
 * may be called from a signal handler. */
static void
trap(struct limits *limits)
{
    if (limits->trapped || !limits->running)
        return;
    limits->trapped = true;
    lua_sethook(limits->running, on_count, LUA_MASKCOUNT, 1);
}

lua_State *
limits_run(struct limits *limits, lua_State *L)
{
    lua_State *before = limits->running;

    limits->running = L;
    limits->trapped = false;
    if (limits->used > limits->collect_at || limits->steps < 0)
        trap(limits);
    return before;
}

static bool
fits(const struct limits *limits, size_t old_size, size_t new_size)
{
    size_t hard = limits->hard + (limits->hit && limits->hard < SIZE_MAX ? ROOM_FOR_THE_ERROR : 0);

    size_t taken = limits->used + limits->held;

    return new_size <= old_size || (taken <= hard && new_size - old_size <= hard - taken);
}

void *
limits_allocate(void *opaque, void *block, size_t old_size, size_t new_size)
{
    struct limits *limits = opaque;
    bool is_object = !block && old_size != 0; /* it tells the kind of object then */

    if (!block)
        old_size = 0;
    if (new_size == 0) {
        free(block);
        limits->used -= old_size;
        return NULL;
    }
    if (!fits(limits, old_size, new_size)) {
        /* Lua collects and tries again; when that fails too, whoever catches its error finds the line here. */
        if (!limits->hit && limits->running)
            limits->line = limits_line(limits->running, limits->file);
        return NULL;
    }

    void *moved = realloc(block, new_size);
    if (!moved)
        return NULL;
    limits->used += new_size - old_size;
    limits->steps -= (int64_t)(new_size / BYTES_A_STEP);
    if (new_size == CALL_BYTES && !block && !is_object)
        limits->steps -= CALL_STEPS;
    if (limits->used > limits->collect_at || limits->steps < 0)
        trap(limits);
    return moved;
}

const char *
limits_message(const struct limits *limits)
{
    switch (limits->hit) {
    case LIMIT_MEMORY:
        return "the script takes too much memory (the limit is 256 MiB; --unsafe lifts it)";
    case LIMIT_WORLD:
        return limits->world_says;
    case LIMIT_STEPS:
        return "the script runs for ever without waiting (the limit is 100 million steps between two waits; --unsafe "
               "lifts it)";
    case LIMIT_WAKES:
        return "a task woke a million times in one instant: time stands still while it does (use lab.sleep with a "
               "time)";
    case LIMIT_ALL_WAKES:
        return "tasks woke ten million times in one instant: time stands still while they do (use lab.sleep with a "
               "time)";
    case LIMIT_STARTS:
        return "a million tasks began in one instant: time stands still while they do (use lab.sleep with a time)";
    case LIMIT_CALLS:
        return "lab.at called a million functions in one instant: time stands still while it does (give it a later "
               "time)";
    case LIMIT_INTERRUPTED:
        return "a signal ended the run";
    case LIMIT_NONE:
        break;
    }
    return "no limit is met";
}

void
limits_raise(lua_State *L)
{
    struct limits *limits = limits_of(L);

    lua_sethook(L, on_count, LUA_MASKCOUNT, 1); /* whatever still runs here on the way out is cut short */
    if (limits->line > 0)
        lua_pushfstring(L, "%s:%d: %s", limits->file, limits->line, limits_message(limits));
    else
        lua_pushfstring(L, "%s: %s", limits->file, limits_message(limits));
    lua_error(L);
    abort(); /* lua_error does not return */
}

void
limits_meet(lua_State *L, enum limit limit)
{
    struct limits *limits = limits_of(L);

    if (!limits->hit) {
        limits->hit = limit;
        limits->line = limits_line(L, limits->file);
    }
    limits_raise(L);
}

bool
limits_caught(struct limits *limits, int status)
{
    if (status == LUA_ERRMEM && !limits->hit)
        limits->hit = LIMIT_MEMORY; /* the allocator noted the line */
    return limits->hit != LIMIT_NONE;
}

/* A metatable may get its __mode only after setmetatable has looked at it. */
static void
check_metatables(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &metatables_key);
    if (lua_istable(L, -1)) {
        for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
            lua_pushliteral(L, "__mode");
            if (lua_rawget(L, -3) != LUA_TNIL) {
                lua_pushfstring(L, "%s:%d: a metatable has got a __mode: weak tables are not allowed in a scenario",
                                limits_of(L)->file, limits_line(L, limits_of(L)->file));
                lua_error(L);
            }
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
}

static void
collect(lua_State *L, struct limits *limits)
{
    luaL_checkstack(L, 6, NULL);
    check_metatables(L);
    lua_gc(L, LUA_GCCOLLECT);
    limits->steps -= (int64_t)(limits->used / BYTES_A_STEP);
    if (limits->used + limits->held > limits->soft)
        limits_meet(L, LIMIT_MEMORY);

    /* Twice what lives, but no more than the limit; near the limit a little beyond, so that it is not run all the
     * time. */
    size_t next = limits->used > COLLECT_FIRST / 2 ? limits->used * 2 : COLLECT_FIRST;
    if (limits->soft < SIZE_MAX) {
        next = next < limits->soft - limits->held ? next : limits->soft - limits->held;
        next = next > limits->used + limits->soft / 16 ? next : limits->used + limits->soft / 16;
    }
    limits->collect_at = next;
}

void
limits_ask_later(struct limits *limits)
{
    limits->ask_at = limits->steps > ASK_STEPS ? limits->steps - ASK_STEPS : 0;
}

bool
limits_interrupted(const struct limits *limits)
{
    return limits->steps < limits->deaf_until && limits->interrupted && limits->interrupted(limits->user);
}

static void
check(lua_State *L, struct limits *limits)
{
    if (limits->hit)
        limits_raise(L);
    if (limits->steps < 0)
        limits_meet(L, LIMIT_STEPS);
    limits_ask_later(limits);
    if (limits_interrupted(limits))
        limits_meet(L, LIMIT_INTERRUPTED);
    if (limits->used > limits->collect_at)
        collect(L, limits);
}

static void
on_count(lua_State *L, lua_Debug *activation)
{
    struct limits *limits = limits_of(L);

    (void)activation;
    if (lua_gethookcount(L) == 1) {
        limits->trapped = false;
        lua_sethook(L, on_count, LUA_MASKCOUNT, HOOK_STEPS);
    } else {
        limits->steps -= HOOK_STEPS;
    }
    check(L, limits);
}

void
limits_install(lua_State *L)
{
    lua_gc(L, LUA_GCSTOP);
    lua_sethook(L, on_count, LUA_MASKCOUNT, HOOK_STEPS);

    lua_createtable(L, 0, 0);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &metatables_key);
}

void
limits_renew(struct limits *limits)
{
    limits->steps = limits->steps_each;
    limits->ask_at = limits->steps - ASK_STEPS;
    limits->deaf_until = limits->steps - MOMENT_STEPS;
}

void
limits_spend(lua_State *L, uint64_t steps)
{
    struct limits *limits = limits_of(L);

    limits->steps -= steps < INT64_MAX / 2 ? (int64_t)steps : INT64_MAX / 2;
    if (limits->steps < limits->ask_at || limits->hit)
        check(L, limits);
}

void
limits_expect_bytes(lua_State *L, size_t bytes)
{
    struct limits *limits = limits_of(L);

    if (bytes > limits->soft)
        limits_meet(L, LIMIT_MEMORY);
    limits_spend(L, bytes / BYTES_A_STEP);
}

void
limits_hold_bytes(lua_State *L, size_t bytes)
{
    struct limits *limits = limits_of(L);

    limits->held += bytes;
    limits_spend(L, bytes / BYTES_A_STEP);
    if (limits->used + limits->held > limits->soft)
        collect(L, limits);
}

void
limits_let_go_bytes(struct limits *limits, size_t bytes)
{
    limits->held -= bytes;
}

void
limits_watch_metatable(lua_State *L, int index)
{
    static const char *const refused[] = { "__gc", "__mode" };

    index = lua_absindex(L, index);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        lua_pushstring(L, refused[i]);
        if (lua_rawget(L, index) != LUA_TNIL)
            luaL_error(L, "setmetatable: %s is not allowed in a scenario (no finalizers, no weak tables)", refused[i]);
        lua_pop(L, 1);
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &metatables_key);
    lua_pushvalue(L, index);
    lua_pushboolean(L, 1);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}
