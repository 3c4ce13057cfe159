/* Values between Lua and reports: see struct value in scenario.h. */
#ifndef SCENARIOS_RUNNER_LUA_VALUE_H
#define SCENARIOS_RUNNER_LUA_VALUE_H

#include <lua.h>

#include "scenarios/runner/lua/scenario.h"

struct value *value_text(const void *bytes, size_t length);
/* Whether two plain values say the same; 1 and 1.0 do. */
bool value_equal(const struct value *a, const struct value *b);
/* Of an integer or a number. */
double value_number(const struct value *value);

/* Raises unless the value at `index` can be a result. */
void value_check(lua_State *L, int index, const char *name);
/* A copy of a value that has been checked. Raises nothing. */
struct value *value_from(lua_State *L, int index);
void value_push(lua_State *L, const struct value *value);

#endif
