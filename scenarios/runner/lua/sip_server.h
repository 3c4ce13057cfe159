/* host:sip_server{}: a registrar and proxy of the host. */
#ifndef SCENARIOS_RUNNER_LUA_SIP_SERVER_H
#define SCENARIOS_RUNNER_LUA_SIP_SERVER_H

#include "scenarios/runner/lua/server.h"

extern const struct type sip_server_type;

int sip_word_server(struct script *script, lua_State *L);

#endif
