/* host:signal_server and host:signal. */
#ifndef SCENARIOS_RUNNER_LUA_SIGNAL_WORDS_H
#define SCENARIOS_RUNNER_LUA_SIGNAL_WORDS_H

#include "scenarios/lab/signalling.h"
#include "scenarios/runner/lua/script.h"

/* The channel of the handle at `index`, for words that use one; raises when it is something else. It stays good until
 * the lab is freed. */
struct signal_channel *arg_signal_channel(lua_State *L, int index, const char *name);

/* nil, reason, detail: for `return`. */
int push_signal_failure(lua_State *L, const struct signal_result *result);

#endif
