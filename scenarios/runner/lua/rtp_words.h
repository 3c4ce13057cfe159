/* What host:rtp and the calls of phones have in common: options of media, and figures. */
#ifndef SCENARIOS_RUNNER_LUA_RTP_WORDS_H
#define SCENARIOS_RUNNER_LUA_RTP_WORDS_H

#include "proto/rtp/session.h"
#include "scenarios/runner/lua/handle.h"

/* Reads these of the option table at `index`, which was checked. */
#define RTP_MEDIA_KEYS                                                                                                 \
    "direction", "latch", "codec", "interval", "duration", "report", "keepalive", "playout", "concealment"
void rtp_read_media(lua_State *L, int index, struct rtp_session_options *options);

/* Each pushes a table: what was sent, and what came. */
void rtp_push_sent(lua_State *L, const struct rtp_stats *stats);
void rtp_push_received(lua_State *L, const struct rtp_stats *stats);
/* What the peer's last report says, which there is, into the table on top: lost, loss, jitter, at, round_trip, bye. */
void rtp_set_peer_report(lua_State *L, const struct rtp_stats *stats);

#endif
