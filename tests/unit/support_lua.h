/* Running small scenarios in tests: a text becomes a file in a folder of its own, "t.lua", and what comes out of it one
 * text, for tables of snippets.
 *
 * A snippet runs on line 1, behind helpers: `out(...)` sets what comes out, `log(x)` appends to it. */
#ifndef TESTS_UNIT_SUPPORT_LUA_H
#define TESTS_UNIT_SUPPORT_LUA_H

#include "scenarios/runner/lua/scenario.h"
#include "tests/unit/support.h"

/* A scenario of this very text, not yet run; NULL with the error. `options` NULL: seed 1, no --set. Its path is
 * overwritten. */
struct scenario *unit_lua_new(const char *text, const struct scenario_options *options, GError **error);

/* What a snippet came to: "LINE: message" of an error; else what `out` and `log` wrote, "" for nothing. Free it. */
char *unit_lua_run(const char *snippet);

struct unit_lua_row {
    const char *name, *snippet, *expected; /* expected may end with "...": only what comes before counts */
};

/* Runs each row and checks what it came to; also that the run ended, packets add up and nothing is left. */
void unit_lua_check(const struct unit_lua_row *rows, size_t count);
#define UNIT_LUA_CHECK(rows) unit_lua_check(rows, G_N_ELEMENTS(rows))

#endif
