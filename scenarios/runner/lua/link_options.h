/* Link options from a script's tables: delay jitter loss duplicate reorder rate queue mtu on faults, for both ways,
 * or for one in `up` and `down`. Keys that are not given keep their value. */
#ifndef SCENARIOS_RUNNER_LUA_LINK_OPTIONS_H
#define SCENARIOS_RUNNER_LUA_LINK_OPTIONS_H

#include "scenarios/lab/lab.h"
#include "scenarios/runner/lua/arguments.h"

/* The keys, with `up` and `down`; ends with NULL. */
extern const char *const link_option_keys[];

/* Changes `link` by what the table at `index` says, whatever other keys it has. True when it says anything about links.
 * Fault lists are left on the stack: they must stay there until the link has been set. */
bool link_options_read(lua_State *L, int index, struct lab_link *link);

#endif
