/* Reading what a script passes: one function for each kind of value. Each raises when the value is another, with its
 * name, what it is and what is accepted. `index` may be negative only where the value was just pushed. */
#ifndef SCENARIOS_RUNNER_LUA_ARGUMENTS_H
#define SCENARIOS_RUNNER_LUA_ARGUMENTS_H

#include "core/base/address.h"
#include "core/base/random.h"
#include "core/base/time.h"
#include "scenarios/runner/lua/complain.h"
#include "scenarios/runner/lua/handle.h"

const char *arg_text(lua_State *L, int index, const char *name);
bool arg_boolean(lua_State *L, int index, const char *name);
/* "a whole number from `low` to `high`". */
lua_Integer arg_integer(lua_State *L, int index, const char *name, lua_Integer low, lua_Integer high);
/* "20ms", or a number of seconds; in nanoseconds, never negative. */
int64_t arg_duration(lua_State *L, int index, const char *name);
/* The same; nothing or nil is TIME_NEVER: for ever. */
int64_t arg_timeout(lua_State *L, int index);
/* A share from 0 to 1. */
chance arg_chance(lua_State *L, int index, const char *name);
/* "10Mbit/s", or a number of bits a second; 0: no limit. */
uint64_t arg_rate(lua_State *L, int index, const char *name);
void arg_function(lua_State *L, int index, const char *name);
void arg_table(lua_State *L, int index, const char *name);
/* Nothing may follow the argument at `last`. */
void arg_no_more(lua_State *L, int last);

/* An address: a text, a node (its first), an endpoint's. */
struct address arg_address(lua_State *L, int index, const char *name);
/* An endpoint, its text, a server; a node or a bare address too where `implied_port` is not 0. */
struct endpoint arg_endpoint(lua_State *L, int index, const char *name, uint16_t implied_port);
/* One address, several or a pool, or prefixes, as the lab reads them: pushes the text and returns it; NULL (and nil
 * pushed) when there are none. */
const char *arg_addresses(lua_State *L, int index, const char *name);

/* --- option tables ---------------------------------------------------------------------------------------------- */

/* A table at `index`, or nothing there; every key must be in one of the two lists (the second may be NULL). False when
 * there is none. */
bool options_check(lua_State *L, int index, const char *const *accepted, const char *const *also);
/* Of a table that is a part of the options, at a positive `index`: a complaint begins with its name, "rules[1]". */
void options_check_in(lua_State *L, int index, const char *name, const char *const *accepted);
/* Pushes the option of that name; false and nothing pushed when it is not given, or there is no table. */
bool options_get(lua_State *L, int index, const char *name);

/* --- results ---------------------------------------------------------------------------------------------------- */

/* nil, reason: for `return`. */
int arg_push_failure(lua_State *L, const char *reason);
/* nil, reason, {from = address}. */
int arg_push_failure_from(lua_State *L, const char *reason, struct address from);
void arg_push_seconds(lua_State *L, int64_t duration);
void arg_push_address(lua_State *L, struct address address);

#endif
