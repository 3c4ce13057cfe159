/* host:turn_server{}: a relay of the host. */
#ifndef SCENARIOS_RUNNER_LUA_TURN_SERVER_H
#define SCENARIOS_RUNNER_LUA_TURN_SERVER_H

#include "scenarios/runner/lua/server.h"

extern const struct type turn_server_type;

int turn_word_server(struct script *script, lua_State *L);

#endif
