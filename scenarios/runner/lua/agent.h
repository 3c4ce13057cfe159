/* ICE agents for scripts: host:ice{}. */
#ifndef SCENARIOS_RUNNER_LUA_AGENT_H
#define SCENARIOS_RUNNER_LUA_AGENT_H

#include "proto/ice/agent.h"
#include "scenarios/lab/rendezvous.h"
#include "scenarios/runner/lua/socket.h"

struct trickled; /* an own candidate that waits to be told to the script */

struct agent_handle {
    struct socket_handle socket; /* first: what arrives for any component waits here; `udp` is the first one's */
    struct ice_agent *agent;     /* NULL: closed */
    struct rendezvous *rendezvous;
    bool gathering, trickle;
    bool failed;             /* of this generation, or of its signalling */
    const char *why;         /* a sentence; NULL */
    char *trouble;           /* the same, where it had to be made */
    GString *told;           /* a text that was made for the script last: Lua copies it */
    struct trickled *first, *last;
    unsigned queued;
    int64_t after; /* the start of checks: when the first component had its pair */
    struct waits waiting;
};

extern const struct type agent_type;

/* host:ice{} */
int agent_word_ice(struct script *script, lua_State *L);

/* Reads the options at index 2 (agent_options.c). Texts that are borrowed stay on the stack. */
void agent_options_read(lua_State *L, struct ice_agent_options *options);
/* The value on top: a TURN server, {server=, user=, password=, transport=}, or a list of these. */
void agent_read_turn(lua_State *L, struct ice_agent_options *options);
/* Pushes a candidate as agent:candidates has it (agent_tell.c). */
void agent_push_candidate(lua_State *L, const struct ice_candidate *candidate);
/* How far from direct a pair is: the type of the farther end. */
const char *agent_path_word(const struct ice_candidate *own, const struct ice_candidate *peer);

/* Pushes the pair of the first component, as agent:wait returns it (agent_tell.c). */
void agent_push_pair(lua_State *L, const struct agent_handle *agent);
int agent_word_counters(struct script *script, lua_State *L);
int agent_word_candidates(struct script *script, lua_State *L);
int agent_word_transcript(struct script *script, lua_State *L);

#endif
