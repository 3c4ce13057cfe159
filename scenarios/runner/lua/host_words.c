/* What hosts have: :udp :tcp_listen :tcp_connect :ping :spawn :stun_server :nat_check :map_port :traffic :sink
 * :signal_server :signal :turn_server :turn :ice :rtp :sip_server :sip */
#include <stdio.h>

#include "scenarios/runner/lua/agent.h"
#include "scenarios/runner/lua/node_words.h"
#include "scenarios/runner/lua/phone.h"
#include "scenarios/runner/lua/relay.h"
#include "scenarios/runner/lua/service_words.h"
#include "scenarios/runner/lua/sip_server.h"
#include "scenarios/runner/lua/socket.h"
#include "scenarios/runner/lua/spawn.h"
#include "scenarios/runner/lua/stream.h"
#include "scenarios/runner/lua/turn_server.h"

static int
host_spawn(struct script *script, lua_State *L)
{
    struct lab_handle *self = lab_handle_self(L);

    (void)script;
    return spawn_task(L, 2, node_handle_name(&self->handle), &self->spawned);
}

const struct word host_words[] = {
    { "udp", socket_word_udp },
    { "tcp_listen", stream_word_listen },
    { "tcp_connect", stream_word_connect },
    { "ping", service_word_ping },
    { "spawn", host_spawn },
    { "stun_server", service_word_stun_server },
    { "nat_check", service_word_nat_check },
    { "map_port", service_word_map_port },
    { "traffic", service_word_traffic },
    { "sink", service_word_sink },
    { "turn_server", turn_word_server },
    { "turn", relay_word_turn },
    { "ice", agent_word_ice },
    { "signal_server", service_word_signal_server },
    { "signal", service_word_signal },
    { "rtp", service_word_rtp },
    { "sip_server", sip_word_server },
    { "sip", phone_word_sip },
    { NULL, NULL },
};
