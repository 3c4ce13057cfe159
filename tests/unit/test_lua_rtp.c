/* host:rtp: media between hosts of a scenario, and what is said of it. */
#include "tests/unit/support_lua.h"

#define TWO                                                                                                            \
    "local lab = require 'punchlab' local net = lab.internet{delay = '10ms'} "                                         \
    "local function show(...) local t = table.pack(...) for i = 1, t.n do t[i] = tostring(t[i]) end "                  \
    "log(table.concat(t, ' ')) end "                                                                                   \
    "local a, b = net:host('A', '198.51.100.1'), net:host('B', '198.51.100.2') "
#define CALL TWO "local x, y = a:rtp{port = 6000, duration = '10s'}, b:rtp{port = 7000, duration = '10s'} "
#define BOTH "x:start{to = y.own} y:start{to = x.own} "

static void
test_calls(void)
{
    static const struct unit_lua_row rows[] = {
        { "both ways",
          CALL BOTH
          "a:spawn(function() x:wait() lab.sleep(1) local s, r = x:stats(), y:stats() "
          "show(s.sent.packets, s.sent.bytes) show(r.received.packets, r.received.lost, r.received.duplicates) "
          "show(s.received.packets, s.received.loss, s.received.jitter, s.received.quality) "
          "show(r.received.first_at, r.received.from) end)",
          "500 80000; 500 0 0; 500 0.0 0.0 best; 0.02 198.51.100.1:6000" },
        { "one way",
          CALL "x:start{to = y.own} a:spawn(function() x:wait() lab.sleep(1) "
               "local r, s = y:stats().received, x:stats().received show(r.packets, r.quality) "
               "show(s.packets, s.mos, s.r, s.quality, s.jitter, s.from) end)",
          "500 best; 0 1.0 0.0 no audio 0.0 nil" },
        { "nobody there",
          TWO
          "local x = a:rtp{to = '198.51.100.2:7000', duration = '1s'} x:start() "
          "a:spawn(function() x:wait() lab.sleep(1) local c = x:counters() show(c.sent, c.received, c.icmp > 0) end)",
          "50 0 true" },
        { "the same source again",
          CALL BOTH "a:spawn(function() x:wait() lab.sleep(3) local ssrc = x.ssrc x:start() x:wait() lab.sleep(1) "
                    "local r = y:stats().received show(r.packets, r.lost, r.sources, x.ssrc == ssrc) end)",
          "1000 0 1 true" },
        { "fields",
          CALL
          "show(x.own, x.port, x.to, x.rtcp_to, x.direction, tostring(x)) x:set{to = y.own, direction = 'recvonly'} "
          "show(x.to, x.rtcp_to, x.direction)",
          "198.51.100.1:6000 6000 nil nil sendrecv rtp 198.51.100.1:6000 of A; 198.51.100.2:7000 198.51.100.2:7001 "
          "recvonly" },
        { "a port of its own is even", TWO "for i = 1, 20 do assert(a:rtp{}.port % 2 == 0) end out('even')", "even" },
        { "in use", TWO "assert(a:udp(6001)) show(a:rtp{port = 6000})", "nil in-use" },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_waiting(void)
{
    static const struct unit_lua_row rows[] = {
        { "until its time is over",
          CALL BOTH "a:spawn(function() show(x:wait('9s'), lab.now()) show(x:wait(), lab.now()) end)",
          "nil 9.0; true 10.0" },
        { "until the peer says goodbye",
          TWO "local x, y = a:rtp{port = 6000, to = lab.endpoint(b, 7000), duration = '4s'}, b:rtp{port = 7000} "
              "x:start() b:spawn(function() show(y:wait(), lab.now() < 5) end)",
          "true true" },
        { "until it is stopped",
          TWO "local x = a:rtp{to = '198.51.100.2:7000'} x:start() "
              "a:spawn(function() show(x:wait(), lab.now()) end) a:spawn(function() lab.sleep(3) x:stop() end)",
          "true 3.0" },
        { "without an end it keeps no run going",
          TWO "local x = a:rtp{to = '198.51.100.2:7000'} x:start() "
              "lab.at_end(function() out(lab.now() <= 60) end)",
          "true" },
        { "looked at between two events",
          CALL BOTH "a:spawn(function() lab.wait(function() return y:stats().received.packets == 100 end) "
                    "show(lab.now()) end)",
          "2.0" },
        { "after the end", CALL BOTH "lab.at_end(function() show(x:stats().sent.packets, x.own, x:start()) end)",
          "500 198.51.100.1:6000 nil closed" },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_changes(void)
{
    static const struct unit_lua_row rows[] = {
        { "hold and on",
          CALL BOTH "a:spawn(function() lab.sleep(2) x:set{direction = 'recvonly'} lab.sleep(4) "
                    "x:set{direction = 'sendrecv'} x:wait() lab.sleep(1) local r = y:stats().received "
                    "show(r.packets, r.lost, r.jitter, r.late, x:stats().received.packets) end)",
          "300 0 0.0 0 500" },
        { "nothing to nobody",
          CALL BOTH
          "a:spawn(function() lab.sleep(2) x:set{to = '0.0.0.0:6000'} x:wait() show(x:stats().sent.packets) end)",
          "100" },
        { "elsewhere",
          CALL BOTH
          "local z = b:rtp{port = 8000} a:spawn(function() lab.sleep(2) x:set{to = z.own} x:wait() lab.sleep(1) "
          "show(y:stats().received.packets, z:stats().received.packets) end)",
          "100 400" },
        { "unwanted",
          CALL "x:start{to = y.own} y:set{direction = 'inactive'} a:spawn(function() x:wait() lab.sleep(1) "
               "show(y:stats().received.packets, y:counters().unwanted) end)",
          "0 500" },
        { "latching, once",
          TWO "local x, y = a:rtp{port = 6000, to = lab.endpoint(b, 7000), duration = '4s'}, b:rtp{port = 7000, "
              "to = '192.168.1.2:6000', latch = true, duration = '4s'} x:start() y:start() "
              "a:spawn(function() x:wait() lab.sleep(1) local r = x:stats().received show(y.to, r.packets > 190, "
              "r.lost) end)",
          "198.51.100.1:6000 true 0" },
        { "without latching nothing comes",
          TWO "local x, y = a:rtp{port = 6000, to = lab.endpoint(b, 7000), duration = '4s'}, b:rtp{port = 7000, "
              "to = '192.168.1.2:6000', duration = '4s'} x:start() y:start() "
              "a:spawn(function() x:wait() lab.sleep(1) show(y.to, x:stats().received.quality) end)",
          "192.168.1.2:6000 no audio" },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_reports(void)
{
    static const struct unit_lua_row rows[] = {
        { "what the peer says",
          TWO "a:link{up = {loss = 0.1}} local x, y = a:rtp{duration = '60s'}, b:rtp{duration = '60s'} " BOTH
              "a:spawn(function() x:wait() lab.sleep(1) local s, r = x:stats(), y:stats().received "
              "show(s.peer.lost == r.lost, r.lost > 200, r.lost + r.packets == r.expected) "
              "show(math.abs(s.peer.round_trip - 0.04) < 0.0001, s.peer.bye, s.peer.jitter) "
              "show(r.mos < 3.5 and r.mos > 2.5, s.received.mos > 4.3) end)",
          "true true true; true true 0.0; true true" },
        { "the next port",
          CALL BOTH
          "local n = 0 lab.watch({action = 'sent', node = a}, function(p) if p.to == lab.endpoint(b, 7001) then "
          "n = n + 1 end end) a:spawn(function() x:wait() show(n >= 2, n == x:stats().sent.reports) end)",
          "true true" },
        { "on the same port",
          TWO "local x, y = a:rtp{port = 6001, rtcp = 'mux', duration = '9s'}, b:rtp{port = 7001, rtcp = 'mux', "
              "duration = '9s'} " BOTH "a:spawn(function() x:wait() lab.sleep(1) "
              "show(y:stats().received.reports >= 2, y:stats().received.packets, x:stats().peer.lost) end)",
          "true 450 0" },
        { "none",
          TWO "local x, y = a:rtp{rtcp = 'none', duration = '9s'}, b:rtp{rtcp = 'none', duration = '9s'} " BOTH
              "a:spawn(function() x:wait() lab.sleep(1) show(x:stats().sent.reports, y:stats().received.reports, "
              "x:stats().peer) end)",
          "0 0 nil" },
        { "kept alive",
          TWO "local x = a:rtp{to = '198.51.100.2:7000', direction = 'inactive', rtcp = 'none', keepalive = '5s', "
              "duration = '21s'} x:start() a:spawn(function() x:wait() show(x:stats().sent.keepalives, "
              "x:stats().sent.packets) end)",
          "4 0" },
        { "more in a packet",
          TWO "local x, y = a:rtp{codec = 'PCMA', interval = '60ms', duration = '6s'}, b:rtp{codec = 'pcma', duration "
              "= '6s'} " BOTH "a:spawn(function() x:wait() lab.sleep(1) local r = y:stats().received show(r.packets, "
                              "r.bytes, r.jitter) end)",
          "100 48000 0.0" },
        { "another codec is not listened to",
          TWO "local x, y = a:rtp{codec = 'PCMA', duration = '1s'}, b:rtp{duration = '1s'} " BOTH
              "a:spawn(function() x:wait() lab.sleep(1) show(y:stats().received.quality, y:counters().wrong_type) end)",
          "no audio 50" },
        { "told in the journal",
          CALL BOTH "local w = lab.watch{node = b, action = 'media-started'} "
                    "local s = lab.watch{node = b, action = 'media-stopped'} a:spawn(function() x:wait() lab.sleep(2) "
                    "show(#w, w[1].text:gsub('0x%x+', 'N'), #s) show((s[1].text:gsub(', after.*', ''))) end)",
          "1 media: the first RTP packets from 198.51.100.1:6000 have come: PCMU, SSRC N 1; "
          "media: 198.51.100.1:6001 says goodbye (RTCP BYE)" },
    };

    UNIT_LUA_CHECK(rows);
}

/* By sockets that a script has already: with STUN on them, through a relay, over the path of an ICE agent. */
static void
test_sockets(void)
{
    static const struct unit_lua_row rows[] = {
        {
            "a socket on which STUN is asked",
            TWO "b:stun_server() local s, y = a:udp(6000), b:rtp{port = 7000, duration = '2s', rtcp = 'mux'} "
                "local x = a:rtp{socket = s, to = y.own, duration = '2s'} x:start() y:start{to = x.own} "
                "a:spawn(function() lab.sleep(1) show(s:stun(b)) x:wait() lab.sleep(1) b:udp(9):send(x.own, 'text') "
                "show(s:recv(1)) show(x:stats().received.packets, y:stats().received.packets, "
                "x:stats().received.reports > 0) end)",
            "198.51.100.1:6000 ...",
        },
        { "the script closes it",
          TWO
          "local s = a:udp(6000) local x = a:rtp{socket = s, to = lab.endpoint(b, 7000), duration = '2s'} x:start() "
          "a:spawn(function() lab.sleep(1) s:close() show(x:wait(), lab.now(), x:stats().sent.packets, x.own, "
          "x:start()) end)",
          "true 1.0 50 198.51.100.1:6000 nil closed" },
        { "through a relay",
          TWO "local t = net:host('T', '198.51.100.9'):turn_server{} local y = b:rtp{port = 7000, rtcp = 'mux', latch "
              "= true, "
              "duration = '9s'} a:spawn(function() local relay = a:turn(t) relay:permit(b) "
              "local x = a:rtp{socket = relay, to = y.own, duration = '9s'} x:start() y:start() x:wait() lab.sleep(1) "
              "show(x.own == relay.relayed, y.to == relay.relayed, y:stats().received.packets, "
              "x:stats().received.packets > 440, "
              "x:stats().peer.lost) end)",
          "true true 450 true 0" },
        { "over ICE",
          TWO "local na = net:nat('natA', '203.0.113.1', {lan = '10.0.0.0/24'}) local c = na:host('C') "
              "local p, q = c:ice{controlling = true, components = 2}, b:ice{components = 2} "
              "local x, y = c:rtp{socket = p, duration = '9s'}, b:rtp{socket = q, duration = '9s'} show(x:start()) "
              "c:spawn(function() p:gather() q:gather() q:remote_sdp(p:local_sdp()) p:remote_sdp(q:local_sdp()) "
              "p:wait() q:wait() "
              "x:start() y:start() x:wait() lab.sleep(1) "
              "show(x:stats().received.packets, y:stats().received.packets, y:stats().received.from.ip, "
              "x:stats().peer.lost, p:recv(0)) "
              "end)",
          "nil unreachable; 450 450 203.0.113.1 0 nil timeout" },
        { "closed",
          CALL BOTH "a:spawn(function() lab.sleep(1) x:close() x:close() show(x:wait(), x.own, x.to, x:start()) "
                    "show(a:rtp{port = 6000}.port, x:stats().sent.packets, y:wait(1)) end)",
          "true 198.51.100.1:6000 nil nil closed; 6000 50 nil timeout" },
        { "closed, and the socket is the script's again",
          TWO "local s, t = a:udp(6000), b:udp(7000) local x = a:rtp{socket = s} x:close() b:spawn(function() "
              "t:send(s.own, '\\x80\\x00 and more text') show(#s:recv(1), a:rtp{socket = s}.port) end)",
          "16 6000" },
        { "two on one", TWO "local s = a:udp() a:rtp{socket = s} a:rtp{socket = s}",
          "1: host:rtp: socket carries the RTP of another session already" },
        { "another's", TWO "a:rtp{socket = b:udp()}", "1: host:rtp: socket is another host's" },
        { "a port as well", TWO "a:rtp{socket = a:udp(), port = 6000}", "1: host:rtp: socket has a port..." },
        { "no next port", TWO "a:rtp{socket = a:udp(), rtcp = 'next'}", "1: host:rtp: socket has no next port..." },
        { "no socket", TWO "a:rtp{socket = 6000}", "1: host:rtp: socket is 6000..." },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_mistakes(void)
{
    static const struct unit_lua_row rows[] = {
        { "a codec that is none", TWO "a:rtp{codec = 'G729'}", "1: host:rtp: codec is 'G729'..." },
        { "an interval that does not fit", TWO "a:rtp{interval = '2.5ms'}",
          "1: host:rtp: the interval is not a whole number of milliseconds from 1 to 100" },
        { "no port after the last", TWO "a:rtp{port = 65535}", "1: host:rtp: there is no port after 65535 for RTCP" },
        { "a direction that is none", TWO "a:rtp{direction = 'both'}", "1: host:rtp: direction is 'both'..." },
        { "a latch that is none", TWO "a:rtp{latch = 1}", "1: host:rtp: latch is 1..." },
        { "an option that is none", TWO "a:rtp{prot = 1}", "1: host:rtp: ..." },
        { "a word that is none", TWO "a:rtp{}:hold()", "1: rtp has no 'hold'..." },
        { "another's address", TWO "a:rtp{ip = b}", "1: host:rtp: the local address is none of this host's" },
    };

    UNIT_LUA_CHECK(rows);
}

void
suite_lua_rtp(void)
{
    UNIT_SUITE("lua rtp", NULL, NULL, { "calls", test_calls }, { "waiting", test_waiting }, { "changes", test_changes },
               { "reports", test_reports }, { "sockets", test_sockets }, { "mistakes", test_mistakes });
}
