#include "scenarios/runner/lua/link_options.h"

#include "scenarios/runner/lua/script.h"

const char *const link_option_keys[] = {
    "delay", "jitter", "loss", "duplicate", "reorder", "rate", "queue", "mtu", "on", "faults", "up", "down", NULL,
};

enum { KEYS_OF_A_WAY = 10 }; /* without `up` and `down` */
enum { STEPS_A_FAULT = 60 }; /* about what reading one, and copying it each way, comes to */

static const char *const fault_keys[] = { "packet", "lose", "duplicate", "delay", NULL };

#define BYTES_MAX INT64_C(0xffffffffffff)

static int
compare_faults(const void *one, const void *other)
{
    const struct link_fault *a = one, *b = other;

    return (a->packet > b->packet) - (a->packet < b->packet);
}

static struct link_fault
read_fault(lua_State *L, int index)
{
    struct link_fault fault = { .packet = 0 };

    if (!options_check(L, index, fault_keys, NULL) || !options_get(L, index, "packet"))
        complain(L, "a fault is {packet=, lose=, duplicate=, delay=}, and has no packet");
    fault.packet = (uint64_t)arg_integer(L, -1, "packet", 1, BYTES_MAX);
    lua_pop(L, 1);
    if (options_get(L, index, "lose")) {
        fault.lose = arg_boolean(L, -1, "lose");
        lua_pop(L, 1);
    }
    if (options_get(L, index, "duplicate")) {
        fault.duplicate = arg_boolean(L, -1, "duplicate");
        lua_pop(L, 1);
    }
    if (options_get(L, index, "delay")) {
        fault.delay = arg_duration(L, -1, "delay");
        lua_pop(L, 1);
    }
    return fault;
}

/* Several for one packet become one: it suffers all of them, and their delays add up. Returns how many there are left. */
static size_t
merge_faults(struct link_fault *faults, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        struct link_fault *last = kept > 0 ? &faults[kept - 1] : NULL;

        if (!last || last->packet != faults[i].packet) {
            faults[kept++] = faults[i];
            continue;
        }
        last->lose |= faults[i].lose;
        last->duplicate |= faults[i].duplicate;
        last->delay = time_add(last->delay, faults[i].delay);
    }
    return kept;
}

/* The list on top of the stack becomes the array that stays there. */
static void
read_faults(lua_State *L, struct link_options *options)
{
    arg_table(L, -1, "faults");
    int list = lua_gettop(L);
    size_t count = lua_rawlen(L, list);

    limits_spend(L, count * STEPS_A_FAULT);
    struct link_fault *faults = lua_newuserdatauv(L, (count + 1) * sizeof *faults, 0);

    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, list, (lua_Integer)i + 1);
        if (lua_type(L, -1) != LUA_TTABLE)
            complain_value(L, lua_pushfstring(L, "faults[%I]", (lua_Integer)i + 1), -2,
                           "{packet=, lose=, duplicate=, delay=}");
        faults[i] = read_fault(L, lua_gettop(L));
        lua_pop(L, 1);
    }
    qsort(faults, count, sizeof *faults, compare_faults);
    options->faults = faults;
    options->fault_count = (uint32_t)merge_faults(faults, count);
    lua_remove(L, list);
}

static chance
read_reorder(lua_State *L)
{
    if (lua_type(L, -1) == LUA_TBOOLEAN)
        return lua_toboolean(L, -1) ? CHANCE_ALWAYS : 0;
    if (lua_type(L, -1) != LUA_TNUMBER)
        complain_value(L, "reorder", -1, "true, false or a share from 0 to 1");
    return arg_chance(L, -1, "reorder");
}

/* Sets the key of this number from the value on top of the stack, which it takes (but for fault lists). */
static void
read_key(lua_State *L, int key, struct link_options *options)
{
    const char *name = link_option_keys[key];

    switch (key) {
    case 0:
        options->delay = arg_duration(L, -1, name);
        break;
    case 1:
        options->jitter = arg_duration(L, -1, name);
        break;
    case 2:
        options->loss = arg_chance(L, -1, name);
        break;
    case 3:
        options->duplicate = arg_chance(L, -1, name);
        break;
    case 4:
        options->reorder = read_reorder(L);
        break;
    case 5:
        options->rate = arg_rate(L, -1, name);
        break;
    case 6:
        options->queue = (uint64_t)arg_integer(L, -1, name, 0, BYTES_MAX);
        break;
    case 7:
        options->mtu = (uint32_t)arg_integer(L, -1, name, 68, 65535);
        break;
    case 8:
        options->off = !arg_boolean(L, -1, name);
        break;
    default:
        read_faults(L, options);
        return;
    }
    lua_pop(L, 1);
}

/* One way; `other`, when not NULL, gets the same. */
static bool
read_way(lua_State *L, int index, struct link_options *options, struct link_options *other)
{
    bool any = false;

    luaL_checkstack(L, 16, NULL);
    for (int key = 0; key < KEYS_OF_A_WAY; key++) {
        if (!options_get(L, index, link_option_keys[key]))
            continue;
        any = true;
        lua_pushvalue(L, -1);
        read_key(L, key, options);
        if (key == KEYS_OF_A_WAY - 1)
            lua_insert(L, -2); /* the array stays, below */
        if (other && key == KEYS_OF_A_WAY - 1) {
            other->faults = options->faults;
            other->fault_count = options->fault_count;
        } else if (other) {
            lua_pushvalue(L, -1);
            read_key(L, key, other);
        }
        lua_pop(L, 1);
    }
    return any;
}

static bool
read_one_way(lua_State *L, int index, const char *name, struct link_options *options)
{
    static const char *const keys[] = {
        "delay", "jitter", "loss", "duplicate", "reorder", "rate", "queue", "mtu", "on", "faults", NULL,
    };

    if (!options_get(L, index, name))
        return false;
    arg_table(L, -1, name);
    int way = lua_gettop(L);
    options_check(L, way, keys, NULL);
    return read_way(L, way, options, NULL); /* the table stays as well, below its fault list */
}

bool
link_options_read(lua_State *L, int index, struct lab_link *link)
{
    if (lua_type(L, index) != LUA_TTABLE)
        return false;
    index = lua_absindex(L, index);
    bool both = read_way(L, index, &link->up, &link->down);
    bool up = read_one_way(L, index, "up", &link->up);
    bool down = read_one_way(L, index, "down", &link->down);

    return both || up || down;
}
