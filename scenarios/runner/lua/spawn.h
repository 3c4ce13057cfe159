/* host:spawn(f, {}) and lab.spawn(f, {}): a task of a host, or of the experimenter. */
#ifndef SCENARIOS_RUNNER_LUA_SPAWN_H
#define SCENARIOS_RUNNER_LUA_SPAWN_H

#include "scenarios/runner/lua/script.h"

/* The function is at `index`, the options behind it. The task is called like `owner`, from the second on with its
 * number behind: "A", "A (2)". `count` is how many it had. */
int spawn_task(lua_State *L, int index, const char *owner, unsigned *count);

#endif
