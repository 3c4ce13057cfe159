/* The words of phones and their calls, with right and with wrong arguments. RFC 3261, RFC 3264, RFC 8839. */
#include "tests/unit/support_lua.h"

/* `show(...)` logs values of any kind. A, B and S are public; `phones(of_a, of_b)` makes alice at A and bob at B;
 * `call(f, g)`: alice calls bob, then f(call) runs on A and g(call) on B; what fails is logged. */
#define NET                                                                                                            \
    "local n = lab.internet { delay = '10ms' } local S, a, b = n:host 'S', n:host 'A', n:host 'B' S:stun_server() "    \
    "local function show(...) local t = table.pack(...) for i = 1, t.n do t[i] = tostring(t[i]) end "                  \
    "log(table.concat(t, ' ')) end "                                                                                   \
    "local alice, bob local function phones(oa, ob) oa, ob = oa or {}, ob or {} oa.user, ob.user = 'alice', 'bob' "    \
    "oa.domain, ob.domain = 'e.com', 'e.com' alice, bob = a:sip(oa), b:sip(ob) end "                                   \
    "local function call(f, g) a:spawn(function() local c, why, d = alice:call('sip:bob@B') "                          \
    "if not c then show('a', why, d and d.code, d and d.text) return end f(c) end) "                                   \
    "b:spawn(function() local c, why = bob:accept '60s' if not c then show('b', why) return end g(c) end) end "

static void
test_opening(void)
{
    static const struct unit_lua_row rows[] = {
        { "a phone",
          NET "local p = a:sip {user = 'alice', domain = 'e.com'} "
              "out(p, p.own, p.port, p.uri, p.contact, p.mapped, p.registered)",
          "phone sip:alice@e.com of A 198.51.100.2:5060 5060 sip:alice@e.com 198.51.100.2:5060 nil false" },
        { "the domain is the registrar's address", NET "out(a:sip{user = 'x', registrar = S}.uri)",
          "sip:x@198.51.100.1" },
        { "or the own", NET "out(a:sip{user = 'x'}.uri)", "sip:x@198.51.100.2" },
        { "no options", NET "a:sip()", "1: host:sip: the options is nil; accepted: ..." },
        { "no user", NET "a:sip {}", "1: host:sip: user is missing: host:sip{user = 'alice', registrar = server}" },
        { "a wrong option", NET "a:sip {user = 'x', registar = S}",
          "1: host:sip: 'registar' is not an option here; accepted: user, password, ..." },
        { "no SIP address", NET "a:sip {user = 'a b'}", "1: host:sip: user and domain make no SIP address" },
        { "a contact", NET "a:sip {user = 'x', contact = 'turn'}",
          "1: host:sip: contact is 'turn'; accepted: local, stun or ice; did you mean 'stun'?" },
        { "nobody to ask", NET "a:sip {user = 'x', contact = 'stun'}",
          "1: host:sip: contact is 'stun', and stun, the server to ask, is missing" },
        { "a relay without ICE", NET "a:sip {user = 'x', turn = S}", "1: host:sip: turn belongs to contact = 'ice'" },
        { "a transport", NET "a:sip {user = 'x', transport = 'tls'}",
          "1: host:sip: transport is 'tls'; accepted: udp or tcp; did you mean 'tcp'?" },
        { "expires", NET "a:sip {user = 'x', expires = '10ms'}",
          "1: host:sip: expires is less than a second, or more than 2^32 of them" },
        { "media", NET "a:sip {user = 'x', media = {codex = 'PCMU'}}",
          "1: host:sip: media: 'codex' is not an option here; accepted: port, direction, ..." },
        { "a codec", NET "a:sip {user = 'x', media = {codec = 'G729'}}",
          "1: host:sip: codec is 'G729'; accepted: PCMU or PCMA..." },
        { "a second one on the port", NET "a:sip {user = 'x'} out(a:sip {user = 'y'})", "nil in-use" },
        { "elsewhere", NET "out(a:sip {user = 'x', port = 5062}.own)", "198.51.100.2:5062" },
        { "a word that it has not", NET "a:sip{user = 'x'}:send()", "1: phone has no 'send'; it has: register, ..." },
        { "a dot", NET "a:sip{user = 'x'}.register()",
          "1: phone.register(...) was called with a dot; write phone:register(...) with a colon" },
        { "nobody to call", NET "a:sip{user = 'x'}:call('sip:b b', {wait = false})",
          "1: phone:call: 'sip:b b' is nobody whom a phone can call; accepted: ..." },
        { "nobody at all", NET "a:sip{user = 'x'}:call('', {wait = false})",
          "1: phone:call: '' is nobody whom a phone..." },
        { "nobody besides a call",
          NET "local p = a:sip{user = 'x'} p:call('y', {wait = false}) p:call('sip:b b', {wait = false})",
          "1: phone:call: 'sip:b b' is nobody whom a phone..." },
        { "too many calls",
          NET "local p = a:sip{user = 'x', calls = 1} p:call('y', {wait = false}) out(p:call('z', {wait = false}))",
          "nil in-use" },
        { "stopped", NET "local p = a:sip{user = 'x'} p:stop() p:stop() out(p.own, p:call('y', {wait = false}))",
          "nil nil closed" },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_calls(void)
{
    static const struct unit_lua_row rows[] = {
        { "a call",
          NET "phones() call(function(c) show(c, c.state, c.incoming) lab.sleep '1s' c:hangup() show(c:wait()) "
              "show(c.state, c.why, c.code) end, function(c) show(c, c.incoming) show(c:wait()) end)",
          "call to sip:bob@B standing false; call from sip:alice@e.com true; true peer-hangup; true hangup; "
          "ended hangup nil" },
        { "to a phone's handle, from the registrar's point of view nobody",
          NET "phones() a:spawn(function() show(alice:call(bob, {timeout = '1s'})) end)", "nil unreachable table" },
        { "refused",
          NET "phones() a:spawn(function() local c, why, d = alice:call 'sip:bob@B' show(c, why, d.code, d.text, "
              "d.why) end) "
              "b:spawn(function() local c = bob:accept('9s', {answer = false}) show(c.state) c:reject(486) c:wait() "
              "show(c.state, c.why, c.code) end)",
          "ringing; ended rejected 486; nil rejected 486 486 Busy Here rejected" },
        { "declined",
          NET "phones() a:spawn(function() local c, why, d = alice:call 'sip:bob@B' show(c, why, d.code) end) "
              "b:spawn(function() bob:accept('9s', {answer = false}):reject() end)",
          "nil rejected 603" },
        { "a code that is none",
          NET "phones() a:spawn(function() alice:call('sip:bob@B', {timeout = '2s'}) end) "
              "b:spawn(function() bob:accept('9s', {answer = false}):reject(200) end)",
          "1: call:reject: the code is 200; accepted: a whole number from 300 to 699" },
        { "busy",
          NET "phones({}, {calls = 1, auto_answer = true}) a:spawn(function() show(alice:call('sip:bob@B').state) "
              "local c, why, d = alice:call 'sip:bob@B' show(why, d.code) end)",
          "standing; rejected 486" },
        { "nobody there",
          NET "phones() a:spawn(function() local c, why, d = alice:call 'sip:bob@198.51.100.99' "
              "show(why, d.text, lab.now()) end)",
          "timeout nobody answered 32.0" },
        { "no phone there",
          NET "phones() a:spawn(function() local c, why, d = alice:call 'sip:bob@S' "
              "show(why, d.text) end)",
          "unreachable there is no way to the peer" },
        { "a name that nobody has",
          NET "phones() a:spawn(function() local c, why, d = alice:call 'sip:bob@nobody' show(why) end)",
          "unreachable" },
        { "given up: CANCEL",
          NET "phones() a:spawn(function() show(alice:call('sip:bob@B', {timeout = '2s'})) end) "
              "b:spawn(function() local c = bob:accept('9s', {answer = false}) show(c:wait()) show(c.code) end)",
          "nil timeout; true cancelled; 487" },
        { "given up while it rings",
          NET
          "phones() a:spawn(function() local c = alice:call('sip:bob@B', {wait = false}) show(c.state) "
          "lab.sleep '1s' show(c.state) c:hangup() show(c:wait()) end) b:spawn(function() show(bob:accept '5s') end)",
          "calling; call from sip:alice@e.com; standing; true hangup" },
        { "an answer by itself",
          NET "phones({}, {auto_answer = '2s'}) a:spawn(function() local c = alice:call 'sip:bob@B' "
              "show(lab.now() > 2, bob:accept '1s') end)",
          "true call from sip:alice@e.com" },
        { "answered later, by the script",
          NET "phones() a:spawn(function() show(alice:call('sip:bob@B')) end) "
              "b:spawn(function() local c = bob:accept('9s', {answer = false}) lab.sleep '3s' show(c:answer(), "
              "c.state, lab.now() > 3) end)",
          "call to sip:bob@B; true standing true" },
        { "it rings for too long",
          NET "phones({}, {ring = '5s'}) a:spawn(function() local c, why, d = alice:call 'sip:bob@B' show(why, d.code) "
              "end)",
          "rejected 480" },
        { "accept looks only", NET "phones() a:spawn(function() show(alice:accept(0)) show(alice:accept '1s') end)",
          "nil timeout; nil timeout" },
        { "hold and resume",
          NET "phones() call(function(c) show(c:hold(), c.held, c:media().direction) lab.sleep '1s' "
              "show(c:resume(), c.held, c:media().direction) c:hangup() end, function(c) lab.sleep '0.6s' "
              "show(c:media().direction) c:wait() end)",
          "true true sendonly; recvonly; true false sendrecv" },
        { "both at once (RFC 3261 section 14.1)",
          NET "phones() call(function(c) lab.sleep(2 - lab.now()) show('a', c:renew()) c:hangup() end, "
              "function(c) lab.sleep(2 - lab.now()) show('b', c:renew()) c:wait() end)",
          "b true; a true" },
        { "nothing to hold",
          NET "phones() a:spawn(function() local c = alice:call('sip:bob@B', {wait = false}) show(c:hold()) c:hangup() "
              "c:wait() show(c:hold()) end)",
          "nil in-use; nil closed table..." },
        { "over TCP",
          NET "phones() a:spawn(function() local c = alice:call 'sip:bob@B;transport=tcp' show(c.state, "
              "alice:counters().connections) c:hangup() show(c:wait()) end) "
              "b:spawn(function() bob:accept '9s' end)",
          "standing 1; true hangup" },
        { "without an offer in the INVITE",
          NET
          "phones({late_offer = true}) call(function(c) lab.sleep '1s' c:hangup() c:wait() "
          "show(c:media().received.packets > 40) end, function(c) c:wait() show(c:media().received.packets > 40) end)",
          "true; true" },
        { "unplugged",
          NET "phones() call(function(c) lab.sleep '1s' alice:stop() show(c.state, c.why, c:media().received.packets > "
              "40) show(c:wait()) end, "
              "function(c) lab.sleep '5s' c:hangup() show(c:wait()) end)",
          "ended closed true; true closed; true hangup" },
        { "nobody registers",
          NET "a:spawn(function() local p = a:sip{user = 'x', registrar = S, domain = 'e.com'} local ok, why, d = "
              "p:register() "
              "show(ok, why, d.why) show(p.registered) end)",
          "nil unreachable unreachable; false" },
        { "counters",
          NET "phones() call(function(c) c:hangup() c:wait() local k = alice:counters() show(k.calls_out, k.answered, "
              "k.ended, k.requests_sent) end, "
              "function(c) c:wait() end)",
          "1 1 1 2" },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_media(void)
{
    static const struct unit_lua_row rows[] = {
        { "both ways",
          NET "phones() call(function(c) lab.sleep '10s' c:hangup() c:wait() local m = c:media() "
              "show(m.way, m.own.ip, m.peer.ip, m.received.packets > 490, m.received.lost, m.sent.loss, m.received.mos "
              "> 4.3) end, "
              "function(c) c:wait() local m = c:media() show(m.received.packets > 490, m.received.lost, m.pair) end)",
          "true 0 nil; local 198.51.100.2 198.51.100.3 true 0 0.0 true" },
        { "ports and codec",
          NET
          "phones({media = {port = 6000, codec = 'PCMA'}}, {media = {port = 7000}}) call(function(c) lab.sleep '1s' "
          "local m = c:media() show(m.own.port, m.peer.port) c:hangup() end, function(c) c:wait() end)",
          "6000 7000" },
        { "of one call",
          NET "phones() a:spawn(function() local c = alice:call('sip:bob@B', {media = {port = 6000}}) "
              "show(c:media().own.port) c:hangup() end) "
              "b:spawn(function() bob:accept '9s' end)",
          "6000" },
        { "a port that is taken",
          NET "phones({media = {port = 6000}}) a:udp(6000) a:spawn(function() local c, why, d = alice:call 'sip:bob@B' "
              "show(why, d.why) end)",
          "unreachable media" },
        { "through a NAT, as it is",
          NET "local h = n:nat('N', '203.0.113.1', {lan = '10.0.0.0/24'}):host('H', '10.0.0.2') local p = h:sip{user = "
              "'carol', domain = 'e.com'} phones() "
              "h:spawn(function() local c = p:call 'sip:bob@B' lab.sleep '2s' c:hangup() c:wait() show(c:media().own, "
              "c:media().received.packets) end) "
              "b:spawn(function() local c = bob:accept '9s' c:wait() show(c:media().received.packets > 90, "
              "c:media().peer.ip) end)",
          "true 10.0.0.2; 10.0.0.2:..." },
        { "with STUN",
          NET "local h = n:nat('N', '203.0.113.1', {lan = '10.0.0.0/24'}):host('H', '10.0.0.2') local p = h:sip{user = "
              "'carol', domain = 'e.com', contact = 'stun', stun = S} phones() "
              "h:spawn(function() local c = p:call 'sip:bob@B' lab.sleep '2s' c:hangup() c:wait() "
              "show(c:media().own.ip, c:media().received.packets > 90, p.contact) end) "
              "b:spawn(function() local c = bob:accept '9s' c:wait() show(c:media().received.packets > 90, "
              "c:media().peer.ip) end)",
          "true 203.0.113.1; 203.0.113.1 true 203.0.113.1:5060" },
        { "latching instead (RFC 4961)",
          NET "local h = n:nat('N', '203.0.113.1', {lan = '10.0.0.0/24'}):host('H', '10.0.0.2') local p = h:sip{user = "
              "'carol', domain = 'e.com'} phones({}, {media = {latch = true}}) "
              "h:spawn(function() local c = p:call 'sip:bob@B' lab.sleep '2s' c:hangup() c:wait() "
              "show(c:media().received.packets > 90) end) "
              "b:spawn(function() local c = bob:accept '9s' c:wait() end)",
          "true" },
        { "a STUN server that is silent",
          NET "phones({contact = 'stun', stun = b}) a:spawn(function() local c, why, d = alice:call 'sip:bob@B' "
              "show(why, d.why) end)",
          "unreachable media" },
        { "one that falls silent in a call",
          NET "local s = b:stun_server {port = 3479} phones({contact = 'stun', stun = lab.endpoint(b, 3479)}) "
              "call(function(c) s:stop() show(c:renew '60s', c.state) c:hangup() show(c:wait()) end, "
              "function(c) c:wait() end)",
          "true standing; true hangup" },
        { "with ICE",
          NET "phones({contact = 'ice', stun = S}, {contact = 'ice', stun = S}) call(function(c) lab.sleep '3s' "
              "c:hangup() c:wait() local m = c:media() "
              "show(m.way, m.ice, m.pair.path, m.pair.own.type, m.received.packets > 100) end, function(c) c:wait() "
              "local m = c:media() "
              "show(m.way, m.received.packets > 100) end)",
          "ice true; ice completed host host true" },
        { "ICE with a phone that has none",
          NET
          "phones({contact = 'ice', stun = S}) call(function(c) lab.sleep '3s' c:hangup() c:wait() local m = c:media() "
          "show(m.way, m.pair, m.received.packets > 100) end, function(c) c:wait() show(c:media().way, "
          "c:media().received.packets > 100) end)",
          "local true; plain nil true" },
        { "the same, called",
          NET "phones({}, {contact = 'ice', stun = S}) call(function(c) lab.sleep '3s' c:hangup() c:wait() local m = "
              "c:media() "
              "show(m.way, m.received.packets > 100) end, function(c) c:wait() show(c:media().way, "
              "c:media().received.packets > 100) end)",
          "plain true; local true" },
        { "hold with ICE",
          NET "phones({contact = 'ice'}, {contact = 'ice'}) call(function(c) lab.sleep '1s' show(c:hold(), "
              "c:media().direction) show(c:resume()) "
              "lab.sleep '1s' c:hangup() c:wait() show(c:media().ice) end, function(c) c:wait() end)",
          "true sendonly; true; completed" },
    };

    UNIT_LUA_CHECK(rows);
}

/* The pair that ICE selects in one LAN is not what the descriptions have as default, the NAT's endpoints: whoever says no
 * ice2 is told so, by a re-INVITE (RFC 8839 section 4.4). `lan(of_bob)`: alice calls him; show what is described then. */
#define LAN                                                                                                            \
    NET "local function lan(o) local w = n:nat('N', '203.0.113.1', {lan = '10.0.0.0/24'}) "                             \
        "local h, g = w:host('H', '10.0.0.2'), w:host('G', '10.0.0.3') o.user, o.contact, o.stun = 'bob', 'ice', S "   \
        "local p, q = h:sip {user = 'alice', contact = 'ice', stun = S}, g:sip(o) "                                    \
        "h:spawn(function() local c = p:call 'sip:bob@10.0.0.3' lab.sleep '4s' show(c:media().own.ip, "                \
        "c:media().pair.own.type) c:hangup() c:wait() show(c:media().received.packets > 100) end) "                    \
        "g:spawn(function() local c = q:accept '9s' lab.sleep '3s' show(c:media().own.ip, c:media().ice) end) end "

static void
test_updated_offer(void)
{
    static const struct unit_lua_row rows[] = {
        { "RFC 8445 on both sides: none", LAN "lan {}",
          "203.0.113.1 completed; 203.0.113.1 host; true" },
        { "the peer is of RFC 5245", LAN "lan {ice2 = false}", "10.0.0.3 completed; 10.0.0.2 host; true" },
    };

    UNIT_LUA_CHECK(rows);
}

/* With a registrar at S, whose domain the phones take for their own. */
#define REGISTRAR                                                                                                      \
    NET "local server = S:sip_server {domain = 'r.org', users = {alice = 'a', bob = 'b'}} "                            \
        "local h = n:nat('N', '203.0.113.1', {lan = '10.0.0.0/24'}):host('H', '10.0.0.2') "                            \
        "local function at(host, user, o) o = o or {} o.user, o.password, o.registrar = user, user:sub(1, 1), server " \
        "return host:sip(o) end "

static void
test_registration(void)
{
    static const struct unit_lua_row rows[] = {
        { "registered",
          REGISTRAR "local p = at(a, 'alice') a:spawn(function() show(p.uri, p:register(), p.registered, p.mapped) "
                    "show(server:bindings()[1].contact) show(p:unregister(), p.registered, #server:bindings()) end)",
          "sip:alice@r.org true true 198.51.100.2:5060; sip:alice@198.51.100.2:5060; true false 0" },
        { "the wrong password",
          REGISTRAR "local p = at(a, 'bob') p:stop() p = a:sip {user = 'bob', password = 'x', registrar = server} "
                    "a:spawn(function() local ok, why, d = p:register() show(ok, why, d.code) show(p:wait '1s') end)",
          "nil rejected 401; nil timeout" },
        { "somebody waits for it",
          REGISTRAR "local p = at(a, 'alice') a:spawn(function() lab.sleep '1s' p:register() end) "
                    "b:spawn(function() show(p:wait(), lab.now() > 1) end)",
          "true true" },
        { "refreshed",
          REGISTRAR "local p = at(a, 'alice', {expires = '60s'}) a:spawn(function() p:register() lab.sleep '5min' "
                    "show(p:counters().registered, p:counters().challenged, #server:bindings()) end)",
          "6 1 1" },
        { "a short one is made longer (423)",
          REGISTRAR "local p = at(a, 'alice', {expires = '5s'}) a:spawn(function() show(p:register()) "
                    "show(server:bindings()[1].expires > 59) end)",
          "true; true" },
        { "learned through a NAT (RFC 3581 section 9)",
          REGISTRAR "local p = at(h, 'alice', {learn = true}) h:spawn(function() show(p:register(), p.contact) "
                    "show(#server:bindings(), server:bindings()[1].contact) end)",
          "true 203.0.113.1:5060; 1 sip:alice@203.0.113.1:5060" },
        { "told by STUN",
          REGISTRAR "local p = at(h, 'alice', {contact = 'stun', stun = S}) h:spawn(function() show(p:register(), "
                    "server:bindings()[1].contact) end)",
          "true sip:alice@203.0.113.1:5060" },
        { "nobody tells",
          REGISTRAR "local p = at(h, 'alice', {contact = 'stun', stun = b}) h:spawn(function() local ok, why = "
                    "p:register() show(ok, why) end)",
          "nil unreachable" },
        { "over TCP, kept alive (RFC 5626)",
          REGISTRAR
          "local p = at(h, 'alice', {transport = 'tcp', outbound = true}) h:spawn(function() p:register() "
          "lab.sleep '20min' show(p.registered, server:bindings()[1].instance ~= nil, p:counters().registered) end)",
          "true true 1" },
        { "called through the server, behind a NAT",
          REGISTRAR "local p, q = at(h, 'alice', {contact = 'stun', stun = S}), at(b, 'bob') "
                    "h:spawn(function() p:register() local c = p:accept '60s' show(c) c:wait() "
                    "show(c:media().received.packets > 40) end) "
                    "b:spawn(function() q:register() lab.sleep '1s' local c = q:call 'alice' lab.sleep '1s' c:hangup() "
                    "show(c:wait()) show(c:media().received.packets > 40) end)",
          "call from sip:bob@r.org; true; true hangup; true" },
        { "nobody of that name",
          REGISTRAR "local q = at(b, 'bob') b:spawn(function() q:register() local c, why, d = q:call 'carol' "
                    "show(why, d.code) c, why, d = q:call 'alice' show(why, d.code) end)",
          "rejected 404; rejected 480" },
        { "a relay for two symmetric NATs",
          REGISTRAR
          "S:turn_server {users = {u = 'p'}, port = 3479} local s1 = n:nat('M1', '203.0.113.11', {lan = '10.1.0.0/24', "
          "type = "
          "'symmetric'}):host('H1', '10.1.0.2') local s2 = n:nat('M2', '203.0.113.12', {lan = '10.2.0.0/24', type = "
          "'symmetric'}):host('H2', '10.2.0.2') local turn = {server = lab.endpoint(S, 3479), user = 'u', password = "
          "'p'} "
          "local p = at(s1, 'alice', {contact = 'ice', stun = S, turn = turn}) "
          "local q = at(s2, 'bob', {contact = 'ice', stun = S, turn = turn}) "
          "s1:spawn(function() p:register() local c = p:accept '60s' c:wait() show(c:media().received.packets > 40) "
          "end) "
          "s2:spawn(function() q:register() lab.sleep '1s' local c = q:call 'alice' lab.sleep '5s' "
          "show(c:media().pair.path) "
          "c:hangup() c:wait() show(c:media().received.packets > 40) end)",
          "relay; true; true" },
    };

    UNIT_LUA_CHECK(rows);
}

/* `move(contact, after)`: alice, at home behind a NAT, calls bob, and goes over to another network after 2 s; `after(call)`
 * runs 3 s later. */
#define MOVING                                                                                                         \
    REGISTRAR                                                                                                          \
        "local home, mobile = n:nat('N1', '203.0.113.11', {lan = '10.1.0.0/24'}), "                                    \
        "n:nat('N2', '203.0.113.12', {lan = '10.2.0.0/24'}) local m = lab.network('watch', 'fd00:a::/64')"             \
        ":host('M', 'fd00:a::1') local wlan = m:attach(home, '10.1.0.5', {default = true}) "                           \
        "local function move(contact, after) local stun = contact ~= 'local' and S or nil "                            \
        "local p, q = at(m, 'alice', {contact = contact, stun = stun}), "                                              \
        "at(b, 'bob', {contact = contact, stun = stun, auto_answer = true}) b:spawn(function() q:register() end) "     \
        "m:spawn(function() p:register() lab.sleep '1s' local c, why = p:call 'bob' if not c then show(why) return "   \
        "end "                                                                                                         \
        "lab.sleep '2s' m:attach(mobile, '10.2.0.5', {default = true}) wlan:remove() lab.sleep '3s' after(c, p) "      \
        "local heard = c:media().received.packets lab.sleep '2s' show(c:media().received.packets - heard > 80) "       \
        "c:hangup() show(c:wait()) end) end "

static void
test_moving(void)
{
    static const struct unit_lua_row rows[] = {
        { "ICE restarts by itself (RFC 8445 section 9)",
          MOVING "move('ice', function(c, p) show(c:media().own.ip, c:media().pair.own.type, p.contact.ip) end)",
          "203.0.113.12 srflx 203.0.113.12; true; true hangup" },
        { "STUN is asked anew, and the call renewed",
          MOVING "move('stun', function(c, p) show(c:media().own.ip, p.contact.ip) end)",
          "203.0.113.12 203.0.113.12; true; true hangup" },
        { "once more, by hand",
          MOVING "move('stun', function(c, p) show(c:renew(), c:media().own.ip, p.contact.ip) end)",
          "true 203.0.113.12 203.0.113.12; true; true hangup" },
        { "the new address is as private as the old",
          MOVING "move('local', function(c, p) show(c:media().own.ip, p.contact.ip) end)",
          "10.2.0.5 10.2.0.5; false; true hangup" },
    };

    UNIT_LUA_CHECK(rows);
}

void
suite_lua_sip(void)
{
    UNIT_SUITE("Lua SIP", NULL, NULL, { "opening", test_opening }, { "calls", test_calls }, { "media", test_media },
               { "registration", test_registration }, { "moving", test_moving },
               { "updated offer", test_updated_offer });
}
