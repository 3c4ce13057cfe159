/* The options of a NAT that are lists of things: forwarding rules, timeouts by port, destinations that are exempt, names
 * of quirks. Each function takes the list on top of the stack; the first three leave in its place the memory that the
 * options borrow. */
#ifndef SCENARIOS_RUNNER_LUA_NAT_LISTS_H
#define SCENARIOS_RUNNER_LUA_NAT_LISTS_H

#include "scenarios/runner/lua/nat_words.h"

void nat_list_forwards(lua_State *L, struct nat_options *options);
void nat_list_port_timeouts(lua_State *L, struct nat_options *options);
void nat_list_exempt(lua_State *L, struct nat_options *options);

/* Pushes the names as one text, with commas. */
void nat_list_push_names(lua_State *L, const char *name);

/* The rule in the table at `index`, for a box on `node` (NULL: not built yet), whose external address a rule may name.
 * `name` is what the rule is called when something is wrong with it. */
struct nat_forward nat_list_forward(lua_State *L, int index, const struct node *node, const char *name);

/* Raises when a rule names an external address that is none of the box's. */
void nat_list_check_forwards(lua_State *L, const struct nat_options *options, const struct node *node);
/* Raises when a rule leads elsewhere than inside of the box on `node`. For one that stands: while it is being made, not
 * all that will be inside of it is known. */
void nat_list_check_targets(lua_State *L, const struct nat_options *options, struct node *node);

#endif
