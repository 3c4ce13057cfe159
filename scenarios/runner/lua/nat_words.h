/* NAT options from a script's table: a preset as `type`, any key over it, `udp`, `tcp` and `icmp` for one protocol. */
#ifndef SCENARIOS_RUNNER_LUA_NAT_WORDS_H
#define SCENARIOS_RUNNER_LUA_NAT_WORDS_H

#include "nat/nat.h"
#include "scenarios/runner/lua/arguments.h"

#define NAT_TYPE_DEFAULT "port-restricted-cone"

/* The keys of a NAT's table; ends with NULL. */
extern const char *const nat_table_keys[];

/* The type that the table at `index` names, or NULL; "none" is one where `none` allows it. Lives as long as the
 * presets. */
const char *nat_table_type(lua_State *L, int index, bool none);

/* Changes `options` by what the table says, its type first. */
void nat_table_read(lua_State *L, int index, struct nat_options *options);

#endif
