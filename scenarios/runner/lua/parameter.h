/* lab.param: what a scenario can be given with --set. */
#ifndef SCENARIOS_RUNNER_LUA_PARAMETER_H
#define SCENARIOS_RUNNER_LUA_PARAMETER_H

#include "scenarios/runner/lua/script.h"

int parameter_word(struct script *script, lua_State *L); /* lab.param(name, default, help, {values}) */

/* After the top level: whether each --set names a parameter. False with an error. */
bool parameters_all_known(const struct script *script, GError **error);

void scenario_parameter_free(gpointer parameter);

#endif
