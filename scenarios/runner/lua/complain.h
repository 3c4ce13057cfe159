/* What is wrong with what a script wrote, in words: the thing, the value, what is accepted, the nearest accepted
 * word, and the script's line in front. All of these raise. */
#ifndef SCENARIOS_RUNNER_LUA_COMPLAIN_H
#define SCENARIOS_RUNNER_LUA_COMPLAIN_H

#include <glib.h>
#include <lua.h>
#include <stdbool.h>

/* "file:line: host:udp: ..." with the word being called; `format` is lua_pushfstring's. */
_Noreturn void complain(lua_State *L, const char *format, ...);
/* The same from a text or an error made on the heap, which is freed. */
_Noreturn void complain_take(lua_State *L, char *text);
_Noreturn void complain_error(lua_State *L, GError *error);

/* "port is 70000; accepted: a whole number from 0 to 65535" for the value at `index`. */
_Noreturn void complain_value(lua_State *L, const char *name, int index, const char *accepted);
/* "type is 'symetric'; accepted: ...; did you mean 'symmetric'?" */
_Noreturn void complain_word(lua_State *L, const char *name, const char *word, const char *const *accepted);
/* Its text alone, for those who have something to free before they raise it by complain_take. */
char *complaint_about_word(const char *name, const char *word, const char *const *accepted);

/* Pushes the value at `index` as a message shows it: 'text', 12, nil, a table, host A. */
const char *complain_say(lua_State *L, int index);

/* Whether the word that runs was called like a field: with a dot, where a colon belongs. */
bool complain_sees_dot(lua_State *L);

/* Pushes "file:line: " of the innermost line of a script; "" when none runs. */
void complain_where(lua_State *L);

#endif
