/* The words of TCP (interface section 2), with right and with wrong arguments. */
#include "tests/unit/support_lua.h"

#define NET "local n = lab.internet { delay = '10ms' } "
#define TWO NET "local a, b = n:host 'A', n:host 'B' "
/* `pair(f, g)`: f runs on A with the socket of a connection from port 5000 to B's port 80, g on B with the accepted one;
 * what fails is logged. `show(...)` logs values of any kind. */
#define PAIR                                                                                                           \
    TWO "local l = b:tcp_listen(80) "                                                                                  \
        "local function show(...) local t = table.pack(...) for i = 1, t.n do t[i] = tostring(t[i]) end "              \
        "log(table.concat(t, ' ')) end "                                                                               \
        "local function pair(f, g) "                                                                                   \
        "b:spawn(function() local s = l:accept() g(s) end) "                                                           \
        "a:spawn(function() f(assert(a:tcp_connect(l.own, {from_port = 5000}))) end) end "

static void
test_opening(void)
{
    static const struct unit_lua_row rows[] = {
        { "a listener", TWO "local l = a:tcp_listen(80) out(l, l.own, l.port)",
          "TCP listener 198.51.100.1:80 of A 198.51.100.1:80 80" },
        { "a free port", TWO "out(a:tcp_listen().port >= 49152)", "true" },
        { "one of several addresses",
          NET "local a = n:host('A', {'198.51.100.1', '198.51.100.5'}) out(a:tcp_listen(5, {ip = '198.51.100.5'}).own)",
          "198.51.100.5:5" },
        { "an address of others", TWO "a:tcp_listen(5, {ip = b})",
          "1: host:tcp_listen: the local address is none of this host's" },
        { "in use", TWO "a:tcp_listen(80) out(a:tcp_listen(80))", "nil in-use" },
        { "closed ports are free", TWO "a:tcp_listen(80):close() out(a:tcp_listen(80).port)", "80" },
        { "a wrong port", TWO "a:tcp_listen(70000)",
          "1: host:tcp_listen: the port is 70000; accepted: a whole number from 0 to 65535" },
        { "a wrong option", TWO "a:tcp_listen(80, {pi = 1})",
          "1: host:tcp_listen: 'pi' is not an option here; accepted: ip; did you mean 'ip'?" },
        { "a word of sockets", TWO "a:tcp_listen(80):recv()", "1: tcp_listener has no 'recv'; it has: accept, ..." },
        { "a connection", PAIR "pair(function(s) show(s, s.own, s.peer, s.port, lab.now()) end, "
                               "function(s) show(s, s.own, s.peer, lab.now()) end)",
          "TCP socket 198.51.100.1:5000 -> 198.51.100.2:80 of A 198.51.100.1:5000 198.51.100.2:80 5000 0.04; "
          "TCP socket 198.51.100.2:80 -> 198.51.100.1:5000 of B 198.51.100.2:80 198.51.100.1:5000 0.06" },
        { "accept tells from where", PAIR "a:spawn(function() a:tcp_connect(l.own, {from_port = 7}) end) "
                                          "b:spawn(function() local s, from = l:accept() show(from, from == s.peer) end)",
          "198.51.100.1:7 true" },
        { "accept in time", PAIR "b:spawn(function() show(l:accept '1s') show(lab.now()) show(l:accept(0)) end)",
          "nil timeout; 1.0; nil timeout" },
        { "accept at the top", PAIR "show(l:accept(0)) l:accept(1)",
          "1: tcp_listener:accept: the top level runs at time 0 and cannot wait; wait in a task: "
          "lab.spawn(function() ... end)" },
        { "accept on what is closed", PAIR "b:spawn(function() show(l:accept()) show(l:accept()) end) "
                                           "b:spawn(function() lab.sleep(1) l:close() l:close() end)",
          "nil closed; nil closed" },
        { "two may accept", PAIR "for i = 1, 2 do b:spawn(function() show(i, (select(2, l:accept()))) end) "
                                 "a:spawn(function() a:tcp_connect(l.own, {from_port = 10 + i}) end) end",
          "1 198.51.100.1:11; 2 198.51.100.1:12" },
        { "one that was reset before it was accepted", PAIR
          "a:spawn(function() a:tcp_connect(l.own):reset() a:tcp_connect(l.own, {from_port = 9}) end) "
          "b:spawn(function() lab.sleep '30ms' lab.sleep '1s' show((select(2, l:accept()))) show(l:accept(0)) end)",
          "198.51.100.1:9; nil timeout" },
        { "refused", TWO "a:spawn(function() out(a:tcp_connect(lab.endpoint(b, 80))) end)", "nil refused" },
        { "unreachable", TWO "a:spawn(function() out(a:tcp_connect('198.51.100.99:80')) end)", "nil unreachable" },
        { "no route", "local a = lab.network('L', '10.0.0.0/24'):host 'A' "
                      "a:spawn(function() out(a:tcp_connect('198.51.100.99:80')) end)",
          "nil no-route" },
        { "a network's broadcast address (MUST-57)",
          "local h = lab.internet{}:nat('box', nil, {lan = {'10.0.0.0/24'}}):host('h') h:spawn(function() "
          "log(select(2, h:tcp_connect('10.0.0.255:80')), h:counters().sent, lab.now()) end)",
          "unreachable 0 0.0" },
        { "a timeout", TWO "b:link {on = false} a:spawn(function() out(a:tcp_connect(lab.endpoint(b, 80), "
                           "{timeout = '2s'})) log(lab.now()) end)",
          "2.0" },
        { "no answer: the SYN is repeated for three minutes",
          TWO "b:link {on = false} a:spawn(function() out(a:tcp_connect(lab.endpoint(b, 80))) "
              "lab.expect(lab.now() >= 180 and lab.now() < 300) end)",
          "nil timeout" },
        { "the same two ends twice", PAIR "pair(function() out(a:tcp_connect(l.own, {from_port = 5000})) end, "
                                          "function() end)",
          "nil in-use" },
        { "a port may be shared by a listener and connects", PAIR
          "local m = a:tcp_listen(5000) pair(function(s) show(s.own, a:tcp_connect(lab.endpoint(b, 81), {from_port = "
          "5000})) show(m:accept(0)) end, function() end) b:tcp_listen(81)",
          "198.51.100.1:5000 TCP socket 198.51.100.1:5000 -> 198.51.100.2:81 of A; nil timeout" },
        { "both at once (RFC 9293 figure 7)", PAIR
          "local function open(h, to) h:spawn(function() local s = h:tcp_connect(lab.endpoint(to, 7), {from_port = 7}) "
          "s:send(h.name) show(h.name, lab.now(), s:recv()) end) end open(a, b) open(b, a)",
          "B 0.04 A; A 0.04 B" },
        { "from one of several addresses",
          NET "local a, b = n:host('A', {'198.51.100.1', '198.51.100.5'}), n:host 'B' b:tcp_listen(80) "
              "a:spawn(function() out(a:tcp_connect(lab.endpoint(b, 80), {ip = '198.51.100.5', from_port = 9}).own) end)",
          "198.51.100.5:9" },
        { "over IPv6",
          NET "local a, b = n:host('A', '2001:db8::1'), n:host('B', '2001:db8::2') local l = b:tcp_listen(80) "
              "b:stun_server() b:spawn(function() local s = l:accept() s:send(s:recv():upper()) s:close() end) "
              "a:spawn(function() local s = a:tcp_connect(l.own, {from_port = 9}) s:send 'x' log(tostring(s.own), "
              "s:recv()) log(tostring((a:tcp_connect('[2001:db8::2]:3478', {from_port = 9}):stun()))) end)",
          "[2001:db8::1]:9 X; [2001:db8::1]:9" },
        { "from an address of others", PAIR "a:spawn(function() a:tcp_connect(l.own, {ip = b}) end)",
          "1: host:tcp_connect: the local address is none of this host's" },
        { "a host alone", TWO "a:tcp_connect(b)",
          "1: host:tcp_connect: the endpoint is host B: a host alone has no port; write lab.endpoint(host, port)" },
        { "port 0", TWO "a:tcp_connect(lab.endpoint(b, 0))", "1: host:tcp_connect: the endpoint has port 0" },
        { "at the top", TWO "a:tcp_connect(lab.endpoint(b, 80))",
          "1: host:tcp_connect: the top level runs at time 0 and cannot wait; wait in a task: lab.spawn(function() ... "
          "end)" },
        { "an argument too many", TWO "a:tcp_connect(lab.endpoint(b, 80), {}, 3)",
          "1: host:tcp_connect: there is an argument too many: 3" },
        { "a socket cannot be assigned to", PAIR "pair(function(s) s.own = 1 end, function() end)",
          "1: a tcp_socket cannot be assigned to (.own)" },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_data(void)
{
    static const struct unit_lua_row rows[] = {
        { "there and back", PAIR "pair(function(s) show(s:send 'hello') show(s:recv()) end, "
                                 "function(s) show(s:recv()) s:send(42) end)",
          "true; hello; 42" },
        { "what is there comes at once", PAIR
          "pair(function(s) s:send 'one' s:send 'two' s:send 'three' end, function(s) lab.sleep(1) show(s:recv()) end)",
          "onetwothree" },
        { "exactly", PAIR "pair(function(s) s:send 'abcdefgh' end, function(s) show(s:recv(1, {exactly = 3})) "
                          "show(s:recv(nil, {exactly = 1})) show(s:recv '1s') end)",
          "abc; d; efgh" },
        { "exactly, in pieces", PAIR
          "pair(function(s) for i = 1, 5 do s:send 'ab' lab.sleep '100ms' end end, "
          "function(s) show(s:recv(nil, {exactly = 9}), lab.now() > 0.4) end)",
          "ababababa true" },
        { "not so many in time: they stay", PAIR
          "pair(function(s) s:send 'abc' end, function(s) show(s:recv(1, {exactly = 9})) show(s:recv()) end)",
          "nil timeout; abc" },
        { "not so many before the end: they stay", PAIR
          "pair(function(s) s:send 'abc' s:shutdown() end, function(s) show(s:recv(1, {exactly = 9})) show(s:recv()) "
          "show(s:recv()) end)",
          "nil closed; abc; nil closed" },
        { "more than TCP's buffer, exactly", PAIR
          "pair(function(s) s:send(('x'):rep(3000000)) end, function(s) show(#s:recv(nil, {exactly = 3000000})) end)",
          "3000000" },
        { "a timeout", PAIR "pair(function(s) show(s:recv '500ms') show(lab.now()) show(s:recv(0)) end, function() end)",
          "nil timeout; 0.54; nil timeout" },
        { "two readers", PAIR "pair(function(s) lab.sleep(1) s:send 'x' lab.sleep(1) s:send 'y' end, "
                              "function(s) b:spawn(function() show('second', s:recv()) end) show('first', s:recv()) end)",
          "first x; second y" },
        { "looking in a predicate", PAIR
          "pair(function(s) lab.sleep(1) s:send 'x' end, function(s) show(lab.wait(function() return s:recv(0) end)) "
          "show(lab.now()) end)",
          "x; 1.06" },
        { "waiting in a predicate", PAIR "pair(function(s) lab.wait(function() return s:recv(1) end) end, function() end)",
          "1: tcp_socket:recv: the function given to lab.wait may not wait itself" },
        { "no data", PAIR "pair(function(s) s:send() end, function() end)",
          "1: tcp_socket:send: the data is missing; accepted: a text" },
        { "nothing is something to send", PAIR "pair(function(s) show(s:send '') end, function() end)", "true" },
        { "exactly none", PAIR "pair(function(s) s:recv(1, {exactly = 0}) end, function() end)",
          "1: tcp_socket:recv: exactly is 0; accepted: a whole number from 1 to 268435456" },
        { "a wrong option", PAIR "pair(function(s) s:recv(1, {exact = 1}) end, function() end)",
          "1: tcp_socket:recv: 'exact' is not an option here; accepted: exactly; did you mean 'exactly'?" },
        { "send waits for room", PAIR
          "pair(function(s) s:send(('x'):rep(3000000)) show('sent', lab.now() > 1) end, "
          "function(s) lab.sleep(1) local n = 0 while n < 3000000 do n = n + #s:recv() end show('all', n) end)",
          "sent true; all 3000000" },
        { "send does not wait for ever, and what it was given goes all the same", PAIR
          "pair(function(s) show(s:send(('x'):rep(3000000), '1s')) show(lab.now()) s:close() end, "
          "function(s) lab.sleep(3) local n = 0 while true do local d, why = s:recv() if not d then show(n, why) break "
          "end n = n + #d end end)",
          "nil timeout; 1.04; 3000000 closed" },
        { "sends are not mixed", PAIR
          "pair(function(s) for i = 1, 3 do a:spawn(function() s:send(tostring(i):rep(400000)) end) end end, "
          "function(s) lab.sleep(1) local d = s:recv(nil, {exactly = 1200000}) "
          "show(d == ('1'):rep(400000) .. ('2'):rep(400000) .. ('3'):rep(400000)) end)",
          "true" },
        { "what a stopped task sent goes all the same", PAIR
          "pair(function(s) local t = a:spawn(function() s:send(('x'):rep(2000000)) end) lab.sleep '1s' t:stop() end, "
          "function(s) lab.sleep(2) show(#s:recv(nil, {exactly = 2000000})) end)",
          "2000000" },
        { "send in a callback", PAIR "pair(function(s) lab.at(1, function() show(s:send 'x') end) end, "
                                     "function(s) show(s:recv()) end)",
          "true; x" },
        { "send in a callback, more than fits", PAIR
          "pair(function(s) lab.at(1, function() show(s:send(('x'):rep(3000000), 0)) s:send 'y' end) end, "
          "function() end)",
          "1: tcp_socket:send: a callback may not wait; let it start a task: lab.spawn(function() ... end)" },
        { "counters", PAIR
          "pair(function(s) s:send(('x'):rep(10000)) lab.sleep(1) local c = s:counters() show(c.state, c.sent, "
          "c.received, c.unacknowledged, c.retransmissions, c.rtt > 0.03 and c.rtt < 0.1, c.window > 5000) s:close() "
          "c = s:counters() show(c.state, c.sent) end, function(s) s:recv() end)",
          "ESTABLISHED 10000 0 0 0 true true; CLOSED 10000" },
        { "counters of what was lost", PAIR
          "pair(function(s) a:link {up = {faults = {{packet = 3, lose = true}}}} s:send 'x' lab.sleep(3) "
          "show(s:counters().retransmissions) end, function(s) show(s:recv(), lab.now() > 1) end)",
          "x true; 1" },
        { "memory counts", PAIR
          "pair(function(s) for i = 1, 300 do s:send(('x'):rep(1000000), 0) end end, function() end)", "1: ..." },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_ending(void)
{
    static const struct unit_lua_row rows[] = {
        { "closed by the peer", PAIR "pair(function(s) s:send 'bye' s:close() end, "
                                     "function(s) show(s:recv()) show(s:recv()) show(s:recv(0)) end)",
          "bye; nil closed; nil closed" },
        { "half-closed", PAIR
          "pair(function(s) s:send 'ask' s:shutdown() s:shutdown() show(s:send 'x') show(s:recv()) show(s:recv()) end, "
          "function(s) show(s:recv()) show(s:recv()) lab.sleep(1) s:send 'answer' s:close() end)",
          "nil closed; ask; nil closed; answer; nil closed" },
        { "shut down with data still to go", PAIR
          "pair(function(s) s:send(('x'):rep(3000000), 0) s:shutdown() end, function(s) lab.sleep(1) local n = 0 "
          "while true do local d, why = s:recv() if not d then show(n, why) break end n = n + #d end end)",
          "3000000 closed" },
        { "reset by the peer", PAIR "pair(function(s) show(s:recv()) show(s:recv()) show(s:send 'x') end, "
                                    "function(s) s:reset() end)",
          "nil reset; nil reset; nil reset" },
        { "what came before the reset can be read", PAIR
          "pair(function(s) lab.sleep(1) show(s:recv()) show(s:recv()) end, "
          "function(s) s:send 'last words' lab.sleep '100ms' s:reset() end)",
          "last words; nil reset" },
        { "closed with something unread, which resets (RFC 9293 section 3.6.1)", PAIR
          "pair(function(s) s:send 'x' show(s:recv()) lab.sleep(1) show(s:send 'y') end, "
          "function(s) lab.sleep(1) s:close() end)",
          "nil closed; nil reset" },
        { "own sockets that are closed", PAIR
          "pair(function(s) s:close() s:close() s:reset() s:shutdown() show(s:recv()) show(s:send 'x') show(s.own) end, "
          "function() end)",
          "nil closed; nil closed; 198.51.100.1:5000" },
        { "closed while others wait", PAIR
          "pair(function(s) a:spawn(function() show('recv', s:recv()) end) a:spawn(function() show('send', "
          "s:send(('x'):rep(3000000))) end) lab.sleep(1) s:reset() end, function(s) lab.sleep(2) show(#s:recv() > 1000000) "
          "show(s:recv()) end)",
          "recv nil closed; send nil closed; true; nil reset" },
        { "a peer that is gone", PAIR
          "pair(function(s) b:link {on = false} s:send 'x' show(s:recv()) show(lab.now() > 100) show(s:send 'y') end, "
          "function() end)",
          "nil unreachable; true; nil unreachable" },
        { "the listener's end resets who waits", PAIR
          "a:spawn(function() local s = a:tcp_connect(l.own) show(s:recv()) end) b:spawn(function() lab.sleep(1) "
          "l:close() end)",
          "nil reset" },
        { "unread data keeps no run going, nor does TIME-WAIT", PAIR
          "pair(function(s) s:send 'x' s:close() end, function(s) lab.sleep(1) s:recv() s:close() end) "
          "lab.at_end(function() show(lab.now() < 2) end)",
          "true" },
        { "unacknowledged data keeps it going", PAIR
          "pair(function(s) b:link {on = false} s:send 'x' s:close() end, function() end) "
          "lab.at_end(function() show(lab.now() > 59) end)",
          "true" },
        { "who waits for a silent peer is stuck", PAIR "pair(function(s) s:recv() end, function() end) "
                                                       "lab.at_end(function() show(lab.now() < 1) end)",
          "true" },
        { "the end of a run closes all", PAIR
          "pair(function(s) s:send(('x'):rep(3000000), 0) lab.stop() end, function() end) out 'fine'", "fine" },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_stun(void)
{
#define STUN TWO "local function show(...) local t = table.pack(...) for i = 1, t.n do t[i] = tostring(t[i]) end "           \
                 "log(table.concat(t, ' ')) end local server = b:stun_server() "                                       \
                 "local function on(f) a:spawn(function() f(a:tcp_connect(server, {from_port = 5000})) end) end "
    static const struct unit_lua_row rows[] = {
        { "an answer", STUN "on(function(s) local e, r = s:stun() show(e, r.mapped, r.xor_mapped, r.rtt, r.elapsed, "
                            "r.requests) end)",
          "198.51.100.1:5000 198.51.100.1:5000 198.51.100.1:5000 0.04 0.04 1" },
        { "again over the same connection", STUN "on(function(s) show(s:stun()) show((s:stun())) end)",
          "198.51.100.1:5000 table; 198.51.100.1:5000" },
        { "several at once", STUN "on(function(s) for i = 1, 3 do a:spawn(function() show(i, (s:stun())) end) end end)",
          "1 198.51.100.1:5000; 2 198.51.100.1:5000; 3 198.51.100.1:5000" },
        { "counted", STUN "on(function(s) s:stun() s:stun() local c = server:counters() show(c.connections, c.successes, "
                          "c.datagrams, c.broken) end)",
          "1 2 2 0" },
        { "garbage breaks the connection", STUN
          "on(function(s) s:send 'GET / HTTP/1.1' show(s:recv()) show(server:counters().broken) end)", "nil reset; 1" },
        { "a server of UDP only", TWO "b:stun_server {tcp = false} a:spawn(function() "
                                      "out(a:tcp_connect(lab.endpoint(b, 3478))) end)",
          "nil refused" },
        { "the server stops", STUN "on(function(s) lab.sleep(1) server:stop() show(s:stun()) show(s:recv()) end)",
          "nil closed; nil closed" },
        { "no answer", PAIR "pair(function(s) show(s:stun()) show(lab.now()) end, function(s) s:recv() lab.sleep(100) end)",
          "nil timeout; 39.54" },
        { "no answer in time", PAIR
          "pair(function(s) show(s:stun {timeout = '1s'}) end, function(s) s:recv() lab.sleep(2) end)", "nil timeout" },
        { "the peer closes", PAIR "pair(function(s) show(s:stun()) end, function(s) s:recv() s:close() end)",
          "nil closed" },
        { "the peer resets", PAIR "pair(function(s) show(s:stun()) end, function(s) s:reset() end)", "nil reset" },
        { "closed meanwhile", PAIR "pair(function(s) a:spawn(function() lab.sleep(1) s:close() end) show(s:stun()) end, "
                                   "function(s) lab.sleep(2) end)",
          "nil closed" },
        { "an answer that is none", PAIR
          "pair(function(s) local _, why, d = s:stun() show(why, d.text) show(s:recv()) end, "
          "function(s) s:recv() s:send 'hello' end)",
          "rejected what came is no STUN message: its first two bits are not zero; hello" },
        { "what came before, and other messages, stay for recv", PAIR
          "local function other(i) return '\\0\\x11\\0\\0\\x21\\x12\\xa4\\x42abcdefghijk' .. i end "
          "pair(function(s) lab.sleep(1) show(s:stun()) show(s:recv() == 'before' .. other(1) .. other(2)) end, "
          "function(s) s:send 'before' local q = s:recv() "
          "local answer = '\\x01\\x01\\0\\x0c\\x21\\x12\\xa4\\x42' .. q:sub(9, 20) .. "
          "'\\0\\x20\\0\\x08\\0\\x01\\x32\\x9a\\xe7\\x21\\xc0\\x43' "
          "s:send(other(1)) lab.sleep '100ms' s:send(answer:sub(1, 7)) lab.sleep '100ms' "
          "s:send(answer:sub(8) .. other(2)) end)",
          "198.51.100.1:5000 table; true" },
        { "recv beside it takes only what came before", PAIR
          "pair(function(s) lab.sleep(1) a:spawn(function() show('recv', s:recv()) show('recv', s:recv '500ms') end) "
          "show((s:stun())) end, "
          "function(s) s:send 'before' local q = s:recv() lab.sleep '1s' "
          "s:send('\\x01\\x01\\0\\x0c\\x21\\x12\\xa4\\x42' .. q:sub(9, 20) .. "
          "'\\0\\x20\\0\\x08\\0\\x01\\x32\\x9a\\xe7\\x21\\xc0\\x43') end)",
          "recv before; recv nil timeout; 198.51.100.1:5000" },
        { "an argument", STUN "on(function(s) s:stun(server) end)",
          "1: tcp_socket:stun: the options is ..." },
        { "an option of UDP", STUN "on(function(s) s:stun {rto = 1} end)",
          "1: tcp_socket:stun: 'rto' is not an option here; accepted: timeout, user, password, mechanism or fingerprint" },
        { "on what is closed", STUN "on(function(s) s:close() show(s:stun()) end)", "nil closed" },
    };

    UNIT_LUA_CHECK(rows);
}

/* Ten megabytes of a script's own over links that lose, reorder and duplicate: they arrive, and as they were. */
static void
test_ten_megabytes(void)
{
    static const char snippet[] =
        "local n = lab.internet {delay = '5ms', jitter = '2ms', loss = 0.02, duplicate = 0.01, reorder = 0.05} "
        "local a, b = n:host 'A', n:host 'B' local l, total = b:tcp_listen(80), 10000000 "
        "local function mix(h, s) for i = 1, #s, 101 do h = (h * 31 + s:byte(i)) % 4294967291 end return h end "
        "local piece = {} for i = 1, 101 * 40 do piece[i] = string.char(lab.random(0, 255)) end "
        "piece = table.concat(piece) local sent, got = 0, 0 "
        "a:spawn(function() local s = a:tcp_connect(l.own) for at = 1, total, #piece do "
        "local part = piece:sub(1, total - at + 1) sent = mix(sent, part) s:send(part) piece = piece:sub(102) .. "
        "piece:sub(1, 101) end s:close() end) "
        "b:spawn(function() local s, count = l:accept(), 0 while true do local d = s:recv(nil, {exactly = 4040}) or "
        "s:recv() if not d then break end count = count + #d got = mix(got, d) end out(count, got == sent) end)";
    g_autofree char *came = unit_lua_run(snippet);

    CHECK_ROW_TEXT("ten megabytes", came, "10000000 true");
}

void
suite_lua_tcp(void)
{
    UNIT_SUITE("lua tcp", NULL, NULL, { "opening", test_opening }, { "data", test_data }, { "ending", test_ending },
               { "stun", test_stun }, { "ten megabytes", test_ten_megabytes });
}
