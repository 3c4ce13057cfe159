/* --stun, --turn and --user on the command line of `punchlab ice`: the servers of an agent. */
#ifndef SCENARIOS_RUNNER_CLI_ICE_SERVERS_H
#define SCENARIOS_RUNNER_CLI_ICE_SERVERS_H

#include <glib.h>

#include "proto/ice/agent.h"

#define ICE_SERVERS_ERROR (ice_servers_error_quark())
GQuark ice_servers_error_quark(void);

/* Lists of texts, or NULL. Names are resolved, which may take a while, to an address of each family. A TURN URI without a transport is tried over UDP,
 * then over TCP. One user is everybody's; of several the first is the first TURN server's, and so on. The texts in
 * `options` are kept in `names`. False with an error, which tells no password. */
bool ice_servers_read(const GPtrArray *stun, const GPtrArray *turn, const GPtrArray *users, GStringChunk *names,
                      struct ice_agent_options *options, GError **error);

#endif
