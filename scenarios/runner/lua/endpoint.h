/* Endpoints for scripts: immutable values. Equal ones are one handle, so that `==` holds and they can be keys. */
#ifndef SCENARIOS_RUNNER_LUA_ENDPOINT_H
#define SCENARIOS_RUNNER_LUA_ENDPOINT_H

#include "core/base/address.h"
#include "scenarios/runner/lua/handle.h"

extern const struct type endpoint_type;

void endpoint_push(lua_State *L, struct endpoint endpoint);

/* The value of a handle of this type. */
const struct endpoint *endpoint_value(const struct handle *handle);

void endpoint_open(lua_State *L);

#endif
