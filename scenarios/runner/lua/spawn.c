#include "scenarios/runner/lua/spawn.h"

#include <stdio.h>

#include "scenarios/runner/lua/arguments.h"

int
spawn_task(lua_State *L, int index, const char *owner, unsigned *count)
{
    static const char *const keys[] = { "background", "name", NULL };
    bool background = false;
    char name[48];

    arg_function(L, index, "the function");
    arg_no_more(L, index + 1);
    options_check(L, index + 1, keys, NULL);
    if (script_of(L)->turn == TURN_END)
        complain(L, "the run is over: no task would run any more");
    if (*count > 0)
        snprintf(name, sizeof name, "%.32s (%u)", owner, *count + 1);
    else
        snprintf(name, sizeof name, "%.40s", owner);
    if (options_get(L, index + 1, "background"))
        background = arg_boolean(L, -1, "background");
    if (options_get(L, index + 1, "name"))
        snprintf(name, sizeof name, "%s", arg_text(L, -1, "name"));
    lua_pushvalue(L, index);
    task_spawn(L, name, background);
    (*count)++;
    return 1;
}
