/* The words of signalling, with right and with wrong arguments, and a long talk over a bad way. */
#include "tests/unit/support_lua.h"

#define NET                                                                                                            \
    "local n = lab.internet { delay = '10ms' } local S, a, b = n:host 'S', n:host 'A', n:host 'B' "                    \
    "local function show(...) local t = table.pack(...) for i = 1, t.n do t[i] = tostring(t[i]) end "                  \
    "log(table.concat(t, ' ')) end "
#define TWO NET "local server = S:signal_server() local A, B = a:signal(S, 'A'), b:signal(server, 'B') "

static void
test_opening(void)
{
    static const struct unit_lua_row rows[] = {
        { "a server", TWO "out(server, server.own, server.port, server:wait())",
          "198.51.100.1:8080 198.51.100.1:8080 8080 true" },
        { "another port", NET "out(S:signal_server {port = 80, ip = '198.51.100.1'})", "198.51.100.1:80" },
        { "in use", NET "S:signal_server() out(S:signal_server())", "nil in-use" },
        { "a stopped one", TWO "server:stop() server:stop() out(server:wait())", "nil closed" },
        { "no such option", NET "S:signal_server {prot = 80}",
          "1: host:signal_server: 'prot' is not an option here; accepted: port, ip, peers, messages or expires; did "
          "you mean 'port'?" },
        { "an expiry", NET "S:signal_server {expires = 0.5}",
          "1: host:signal_server: expires is 0.5; accepted: a duration of a second or more" },
        { "a channel", TWO "out(A, A.name, A.own)", "signalling channel A of A A 198.51.100.2:0" },
        { "a name", NET "a:signal(S, 'a b')",
          "1: host:signal: the name is 'a b'; accepted: 1 to 64 letters, digits, '-', '_' and '.', of which the first is "
          "no '.'" },
        { "no name", NET "a:signal(S)", "1: host:signal: the name is missing; accepted: a text" },
        { "port 0", NET "a:signal(lab.endpoint(S, 0), 'A')", "1: host:signal: the server has port 0" },
        { "a word of sockets", TWO "A:accept()",
          "1: channel has no 'accept'; it has: send, recv, close, counters, name or own" },
        { "a word of later", NET "S:sip()", "1: host:sip..." },
    };

    UNIT_LUA_CHECK(rows);
}

/* A host that leaves one network for another is not left to the timeouts of connections that its old address had: `move()`
 * after a second, and then a message comes at once, whether the host waits for it or sends it. */
#define MOVING                                                                                                         \
    NET "S:signal_server() local h = lab.network('own', 'fd00::/64'):host 'H' "                                        \
        "local one = n:nat('one', nil, {lan = {'10.0.0.0/24'}}) local two = n:nat('two', nil, {lan = {'10.1.0.0/24'}}) " \
        "local i = h:attach(one, nil, {default = true}) local H, B = h:signal(S, 'H'), b:signal(S, 'B') "              \
        "local function move(keep) lab.sleep(1) h:attach(two, nil, {default = true}) if not keep then i:remove() end "  \
        "lab.sleep(1) end "

static void
test_moving(void)
{
    static const struct unit_lua_row rows[] = {
        { "who waits for a message", MOVING "b:spawn(function() move() B:send('H', 'x') end) "
                                            "h:spawn(function() show(H:recv(), lab.now() < 3) end)",
          "x true" },
        { "both networks are there", MOVING "b:spawn(function() move(true) B:send('H', 'x') end) "
                                            "h:spawn(function() show(H:recv(), lab.now() < 3) end)",
          "x true" },
        { "who sends, over a connection that was kept", MOVING
          "h:spawn(function() H:send('B', 'x') move() H:send('B', 'y') end) "
          "b:spawn(function() show((B:recv())) show((B:recv())) show(lab.now() < 3) end)",
          "x; y; true" },
        { "in the middle of a request", MOVING
          "h:spawn(function() lab.sleep '990ms' H:send('B', 'x') end) h:spawn(function() move() end) "
          "b:spawn(function() show((B:recv())) show(lab.now() < 3) show(B:recv '1min') end)",
          "x; true; nil timeout" },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_talking(void)
{
    static const struct unit_lua_row rows[] = {
        { "there and back", TWO
          "a:spawn(function() A:send('B', 'hello') local text, from = A:recv() show(text, from) end) b:spawn(function() local text, from, info = "
          "B:recv() show(text, from, info.type) show(B:send(from, 42)) end)",
          "hello A text/plain; true; 42 B" },
        { "a type", TWO "a:spawn(function() A:send('A', 'v=0', {type = 'application/sdp'}) show((select(3, A:recv())).type) "
                        "end)",
          "application/sdp" },
        { "before the other is there", NET
          "S:signal_server() a:spawn(function() local A = a:signal(S, 'A') for i = 1, 5 do A:send('B', i) end end) "
          "b:spawn(function() lab.sleep(60) local B = b:signal(S, 'B') for i = 1, 5 do local text, from = B:recv() show(text, from) end end)",
          "1 A; 2 A; 3 A; 4 A; 5 A" },
        { "recv in time", TWO "a:spawn(function() show(A:recv '1s') show(lab.now()) show(A:recv(0)) end)",
          "nil timeout; 1.0; nil timeout" },
        { "recv that looks, anywhere", TWO "show(A:recv(0)) A:recv(1)", "1: channel:recv: the top level runs at time 0..." },
        { "send at the top", TWO "A:send('B', 'x')", "1: channel:send: the top level runs at time 0..." },
        { "to whom", TWO "a:spawn(function() A:send('B/', 'x') end)",
          "1: channel:send: to is 'B/'; accepted: 1 to 64 letters, digits, '-', '_' and '.', of which the first is no "
          "'.'" },
        { "what", TWO "a:spawn(function() A:send('B', {}) end)",
          "1: channel:send: the text is a table; accepted: a text" },
        { "too big", TWO "a:spawn(function() show(A:send('B', ('x'):rep(65537))) show(A:send('B', ('x'):rep(65536))) "
                         "show(#B:recv()) end)",
          "nil too-big; true; 65536" },
        { "bytes are bytes", TWO "a:spawn(function() A:send('B', '\\0\\r\\n\\255') show(B:recv() == '\\0\\r\\n\\255') end)",
          "true" },
        { "closed", TWO "a:spawn(function() lab.sleep(1) A:close() A:close() show(A:send('B', 'x')) show(A:recv()) end) "
                        "b:spawn(function() show(A:recv()) end)",
          "nil closed; nil closed; nil closed" },
        { "closed while it sends", TWO "b:link {on = false} b:spawn(function() show(B:send('A', 'x')) end) "
                                       "lab.at(1, function() B:close() end)",
          "nil closed" },
        { "in time", TWO "b:link {on = false} b:spawn(function() show(B:send('A', 'x', {timeout = 2})) show(lab.now()) end)",
          "nil timeout; 2.0" },
        { "nobody there", NET "local A = a:signal(S, 'A') a:spawn(function() show(A:send('B', 'x')) show(lab.now() < 8) "
                              "end) b:spawn(function() show(A:recv()) show(A:recv '1s') show(A:recv()) end)",
          "nil refused; true; nil refused; nil timeout; nil refused" },
        { "a full mailbox", NET
          "local server = S:signal_server {messages = 1} local A = a:signal(S, 'A') a:spawn(function() A:send('B', 'x') "
          "local _, why, detail = A:send('B', 'y') show(why, detail.code, detail.text) end)",
          "rejected 429 too many messages wait for this peer" },
        { "too many peers", NET
          "S:signal_server {peers = 1} local A, B = a:signal(S, 'A'), b:signal(S, 'B') b:spawn(function() local _, why, "
          "detail = B:recv() show(why, detail.code, detail.text) end)",
          "rejected 503 there are too many peers" },
        { "forgotten", NET "local server = S:signal_server {expires = '1min'} local A = a:signal(S, 'A') a:spawn(function() "
                           "A:send('B', 'x') lab.sleep(61) show(server:counters().expired, server:counters().peers) end)",
          "1 1" },
        { "counters", TWO
          "a:spawn(function() A:send('B', 'x') A:send('B', 'y') lab.sleep(1) local c, s, r = A:counters(), "
          "server:counters(), B:counters() show(c.sent, c.received, c.retries, c.failures) show(r.received, r.waiting) "
          "show(s.taken, s.handed, s.repeated, s.refused, s.peers, s.connections) end)",
          "2 0 0 0; 2 2; 2 2 0 0 2 3" },
        { "two tasks on one channel", TWO
          "for i = 1, 3 do a:spawn(function() A:send('B', i) end) end "
          "for i = 1, 3 do b:spawn(function() show(i, (B:recv())) end) end",
          "1 1; 2 2; 3 3" },
        { "a stopped task's letter goes all the same", TWO
          "local t = a:spawn(function() A:send('B', 'x') end) lab.at('1ms', function() t:stop() end) "
          "b:spawn(function() show((B:recv())) end)",
          "x" },
        { "more than a channel keeps stays with the server", TWO
          "a:spawn(function() for i = 1, 120 do A:send('B', i) end lab.sleep(1) show(B:counters().waiting) "
          "for i = 1, 120 do assert(B:recv() == tostring(i)) end show(B:recv(1)) end)",
          "64; nil timeout" },
        { "one that waits keeps no run going", TWO "b:spawn(function() lab.sleep(1) end) lab.at_end(function() "
                                                   "show(lab.now() < 2) end)",
          "true" },
        { "too much under way", NET
          "b:link {on = false} local text = ('x'):rep(65536) b:spawn(function() for i = 1, 100 do local B = b:signal(S, 'B') "
          "for i = 1, 64 do b:spawn(function() B:send('C' .. i, text) end) end lab.sleep '1ms' end log 'all' end)",
          "1: the script takes too much memory..." },
        { "but not for ever", TWO
          "local text = ('x'):rep(65536) a:spawn(function() for i = 1, 3000 do if not A:send('B', text) then log(i) end "
          "B:recv() end log 'all' end)",
          "all" },
        { "lab.wait sees what comes", TWO "a:spawn(function() lab.wait(function() return B:counters().waiting > 0 end) "
                                          "show(lab.now() < 1) end) a:spawn(function() A:send('B', 'x') end)",
          "true" },
    };

    UNIT_LUA_CHECK(rows);
}

/* Over lossy links, through NATs that forget their connections every few seconds: each once, in order. */
static void
test_bad_way(void)
{
    static const struct unit_lua_row rows[] = {
        { "each once", "local n = lab.internet { delay = '10ms', loss = 0.1 } local S = n:host('S', '198.51.100.1') "
                       "local server = S:signal_server() local done = 0 "
                       "local function peer(me, other, ip, lan) "
                       "local nat = n:nat('nat' .. me, ip, {lan = lan}) local h = nat:host(me) "
                       "local c = h:signal(S, me) "
                       "h:spawn(function() for i = 1, 100 do while not c:send(other, i) do end "
                       "lab.sleep(lab.random() * 2) end done = done + 1 end) "
                       "h:spawn(function() for i = 1, 100 do local text, from repeat text, from = c:recv() until text "
                       "assert(text == tostring(i) and from == other, text) end "
                       "assert(not c:recv '2min') done = done + 1 end) "
                       "lab.spawn(function() for i = 1, 20 do lab.sleep(lab.random() * 10) nat:reboot{} end end) end "
                       "peer('A', 'B', '203.0.113.1', '10.0.0.0/24') peer('B', 'A', '203.0.113.2', '10.0.1.0/24') "
                       "lab.at_end(function() assert(done == 4) local c = server:counters() log(done) "
                       "assert(c.taken == 200 and c.handed >= 200, c.handed) end)",
          "4" },
    };

    UNIT_LUA_CHECK(rows);
}

void
suite_lua_signal(void)
{
    UNIT_SUITE("lua signal", NULL, NULL, { "opening", test_opening }, { "talking", test_talking },
               { "moving", test_moving }, { "a bad way", test_bad_way });
}
