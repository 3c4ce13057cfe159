/* What a host runs for a script: servers, traffic, sinks, pings. */
#ifndef SCENARIOS_RUNNER_LUA_SERVICE_WORDS_H
#define SCENARIOS_RUNNER_LUA_SERVICE_WORDS_H

#include "core/base/address.h"
#include "scenarios/runner/lua/handle.h"

int service_word_stun_server(struct script *script, lua_State *L);
int service_word_traffic(struct script *script, lua_State *L); /* traffic_words.c */
/* The line that started the traffic which has sent most so far, of all that goes on; 0 when there is none. */
int traffic_line_of_busiest(const struct script *script);
int service_word_sink(struct script *script, lua_State *L);    /* traffic_words.c */
int service_word_ping(struct script *script, lua_State *L);    /* ping.c */
int service_word_nat_check(struct script *script, lua_State *L); /* nat_check.c */
int service_word_map_port(struct script *script, lua_State *L); /* mapping_words.c */
int service_word_signal_server(struct script *script, lua_State *L); /* signal_words.c */
int service_word_signal(struct script *script, lua_State *L);        /* signal_words.c */
int service_word_rtp(struct script *script, lua_State *L);           /* rtp_words.c */

#endif
