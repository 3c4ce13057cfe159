/* What a script finds in its global table: Lua's libraries without the ways out.
 *
 * Left away: io, os, package, debug, load and its kin, string.dump, collectgarbage. Replaced, because the originals
 * run unbounded inside C, order by addresses, or draw from the machine: string.find, match, gmatch, gsub, rep, byte,
 * format and utf8; table.sort and what else walks a table; next, pairs; tostring; setmetatable; pcall, xpcall and
 * the coroutine library; math.random. Each of these files adds its part to the globals of `L`. */
#ifndef SCENARIOS_RUNNER_LUA_SANDBOX_H
#define SCENARIOS_RUNNER_LUA_SANDBOX_H

#include <lua.h>

#include "core/base/random.h"

/* All of it; the limits are installed on `L` already. math.random draws from `random`. */
void sandbox_open(lua_State *L, struct random_stream *random);

void sandbox_open_strings(lua_State *L);    /* strings.c: and utf8 */
void sandbox_open_tables(lua_State *L);     /* tables.c */
void sandbox_open_order(lua_State *L);      /* order.c: next, pairs */
void sandbox_open_protect(lua_State *L);    /* protect.c: pcall, xpcall */
void sandbox_open_coroutines(lua_State *L); /* coroutines.c */

/* Pushes the value at `index` as text, as tostring does: no addresses in it. */
const char *sandbox_tostring(lua_State *L, int index, size_t *length);

/* For a function that stands in for one of Lua's: calls that one (upvalue 1) with the first `top` values of the stack,
 * and has its complaints name the function and the script's line. For `return`. */
int sandbox_call_original(lua_State *L, const char *name, int top);

/* The function behind lab.random and math.random, pushed; as Lua's: (), (m), (m, n). */
void sandbox_push_random(lua_State *L, struct random_stream *random);

/* Lends `co` to nobody: a task's own coroutine, or one in which a task waits, is not to be resumed by the script. */
void sandbox_hold(lua_State *L, lua_State *co, bool held);

/* Ends a coroutine that does not run: closes its to-be-closed variables. The status of lua_resetthread. */
int sandbox_close(lua_State *L, lua_State *co);

#endif
