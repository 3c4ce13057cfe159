/* The options of servers that say who may use them: users = {alice = "secret"}, realm = "example.org". */
#ifndef SCENARIOS_RUNNER_LUA_USERS_H
#define SCENARIOS_RUNNER_LUA_USERS_H

#include <lua.h>

#include "proto/stun/users.h"

/* Whether the options at `table` have users: passwords by name, which are found good, count as the script's memory, and stay
 * on top of the stack. */
bool users_option(lua_State *L, int table);
/* The users in the table at `index`, which has been found good; needs four free slots of the stack, and raises nothing. */
struct stun_users *users_make(lua_State *L, int index, const char *realm);

/* The realm on top of the stack: 1 to 127 bytes. */
const char *realm_option(lua_State *L);

#endif
