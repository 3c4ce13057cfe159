/* Options of a NAT or a firewall from a script's table: a preset as `type`, any key over it, `udp`, `tcp` and `icmp` for
 * one protocol. A firewall has the same keys, and types of its own; it translates nothing, and a key that says otherwise
 * is an error. */
#ifndef SCENARIOS_RUNNER_LUA_NAT_WORDS_H
#define SCENARIOS_RUNNER_LUA_NAT_WORDS_H

#include "nat/nat.h"
#include "scenarios/runner/lua/arguments.h"

#define NAT_TYPE_DEFAULT "port-restricted-cone"
#define FIREWALL_TYPE_DEFAULT "firewall"

/* The keys of a NAT's table; ends with NULL. */
extern const char *const nat_table_keys[];

enum nat_box_kind { NAT_BOX_NAT, NAT_BOX_FIREWALL };

/* The type that the table at `index` names, or NULL; "none" is one where `none` allows it. Lives as long as the
 * presets. */
const char *nat_table_type(lua_State *L, int index, enum nat_box_kind kind, bool none);

/* Changes `options` by what the table says, its type first. Leaves the lists, which `options` borrow, on the stack. */
void nat_table_read(lua_State *L, int index, enum nat_box_kind kind, struct nat_options *options);

#endif
