/* agent:connect, where the peer's letters come at inconvenient times. */
#include "tests/unit/support_lua.h"

#define TWO                                                                                                            \
    "local n = lab.internet { delay = '10ms' } local S, a, b = n:host 'S', n:host 'A', n:host 'B' "                    \
    "S:signal_server() local A, B = a:signal(S, 'A'), b:signal(S, 'B') "

/* B has begun without waiting for A: its description, and behind it the end of its candidates, lie in A's mailbox before A
 * has told its own. The end belongs to that description and comes into force after it (RFC 8838 section 14). */
static void
test_letters_before_the_own_is_delivered(void)
{
    static const struct unit_lua_row rows[] = {
        { "the end of candidates behind the description", TWO
          "b:spawn(function() local agent = b:ice {controlling = false, trickle = true} agent:gather() "
          "B:send('A', agent:local_sdp(), {type = 'application/sdp'}) "
          "B:send('A', 'm=application 9 udp octet-stream\\r\\na=mid:0\\r\\na=end-of-candidates\\r\\n', "
          "{type = 'application/trickle-ice-sdpfrag'}) "
          "agent:remote_sdp((B:recv())) local pair = agent:wait '5s' log(pair and pair.own.type or 'none') end) "
          "a:spawn(function() lab.sleep(1) local agent = a:ice {trickle = true, patience = '3s'} "
          "local pair, why = agent:connect(A, 'B', '5s') log(pair and pair.peer.type or why) end)",
          "host; host" },
    };

    UNIT_LUA_CHECK(rows);
}

/* Once the session stands, a text that is no description of use ends nothing (RFC 3264 section 4). */
static void
test_nonsense_later(void)
{
    static const struct unit_lua_row rows[] = {
        { "while the checks run, and after them", TWO
          "local sound = 'v=0\\r\\no=- 1 1 IN IP4 0.0.0.0\\r\\ns=-\\r\\nt=0 0\\r\\n' "
          "local function side(h, channel, peer, first) h:spawn(function() local agent = h:ice {controlling = first} "
          "local pair, why = agent:connect(channel, peer, '5s') log(pair and pair.path or why) lab.sleep(2) "
          "agent:send('hello') log((agent:recv '1s')) log((agent:wait(0) or {}).path) end) end "
          "side(a, A, 'B', true) side(b, B, 'A', false) "
          "S:spawn(function() for _, at in ipairs {0.15, 0.2, 0.3, 1} do lab.sleep(at - lab.now()) "
          "B:send('A', 'junk') B:send('A', sound) end end)",
          "host; host; hello; host; hello; host" },
    };

    UNIT_LUA_CHECK(rows);
}

void
suite_lua_connect(void)
{
    UNIT_SUITE("lua connect", NULL, NULL,
               { "letters before the own is delivered", test_letters_before_the_own_is_delivered },
               { "nonsense later", test_nonsense_later });
}
