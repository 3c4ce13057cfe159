/* The words of ICE agents, with right and with wrong arguments. RFC 8445, RFC 8838, RFC 8839. */
#include "tests/unit/support_lua.h"

/* `show(...)` logs values of any kind. A is 198.51.100.2, B 198.51.100.3, nothing between them; T relays for alice. */
#define NET                                                                                                            \
    "local n = lab.internet { delay = '10ms' } local S, a, b = n:host 'S', n:host 'A', n:host 'B' "                    \
    "local function show(...) local t = table.pack(...) for i = 1, t.n do t[i] = tostring(t[i]) end "                  \
    "log(table.concat(t, ' ')) end "
/* `call(f, g, {of A}, {of B})`: both connect over channels; then f(agent, pair, channel) runs on A, g(...) on B. What fails
 * is logged. */
#define CALL                                                                                                           \
    NET "local server = S:signal_server() local agents = {} "                                                          \
        "local function side(h, me, other, options, f) h:spawn(function() options = options or {} "                    \
        "if options.controlling == nil then options.controlling = me == 'A' end "                                      \
        "local agent, channel = h:ice(options), h:signal(server, me) agents[me] = agent "                              \
        "local pair, why, detail = agent:connect(channel, other, '60s') "                                              \
        "if not pair then show(me, why, detail and detail.text) end f(agent, pair, channel) end) end "                 \
        "local function nothing() end "                                                                                \
        "local function call(f, g, oa, ob) side(a, 'A', 'B', oa, f or nothing) side(b, 'B', 'A', ob, g or nothing) "   \
        "end "
/* `hand(f, g, {of A}, {of B})`: the same without channels: descriptions go from hand to hand. */
#define HAND                                                                                                           \
    NET "local agents, told = {}, {} "                                                                                 \
        "local function side(h, me, other, options, f) h:spawn(function() options = options or {} "                    \
        "options.controlling = me == 'A' local agent = h:ice(options) agents[me] = agent agent:gather() "              \
        "told[me] = agent:local_sdp() lab.wait(function() return told[other] end) "                                    \
        "agent:remote_sdp(told[other]) f(agent, agent:wait '60s') end) end "                                           \
        "local function hand(f, g, oa, ob) side(a, 'A', 'B', oa, f) side(b, 'B', 'A', ob, g) end "

static void
test_opening(void)
{
    static const struct unit_lua_row rows[] = {
        { "an agent", NET "local x = a:ice() out(x, x.own, x.peer, x.state, x.controlling)",
          "ICE agent of A nil nil running true" },
        { "controlled", NET "out(a:ice {controlling = false}.controlling)", "false" },
        { "a wrong option", NET "a:ice {stunn = S}",
          "1: host:ice: 'stunn' is not an option here; accepted: stun, turn, ..." },
        { "no options", NET "a:ice(5)", "1: host:ice: the options is 5; accepted: ..." },
        { "an argument too many", NET "a:ice({}, 1)", "1: host:ice: there is an argument too many: 1" },
        { "a policy", NET "a:ice {policy = 'relays'}",
          "1: host:ice: policy is 'relays'; accepted: all or relay; did you mean 'relay'?" },
        { "a transport", NET "a:ice {turn = {server = S, transport = 'tls'}}",
          "1: host:ice: transport is 'tls'; accepted: udp, tcp or udp-then-tcp; did you mean 'tcp'?" },
        { "no server", NET "a:ice {turn = {{user = 'a', password = 'b'}}}",
          "1: host:ice: turn lacks server: {server = S, user = 'name', password = 'secret'}" },
        { "half of credentials", NET "a:ice {turn = {server = S, user = 'a'}}",
          "1: host:ice: turn has user and no password" },
        { "the other half", NET "a:ice {turn = {server = S, password = 'a'}}",
          "1: host:ice: turn has password and no user" },
        { "too many servers", NET "local t = {} for i = 1, 9 do t[i] = S end a:ice {stun = t}",
          "1: host:ice: stun has more than 8 servers" },
        { "too many relays", NET "local t = {} for i = 1, 9 do t[i] = {server = S} end a:ice {turn = t}",
          "1: host:ice: turn has more than 8 servers" },
        { "components", NET "a:ice {components = 0}",
          "1: host:ice: components is 0; accepted: a whole number from 1 to 256" },
        { "streams", NET "a:ice {streams = 33}", "1: host:ice: streams is 33; accepted: a whole number from 1 to 32" },
        { "pairs", NET "a:ice {pairs = 1001}", "1: host:ice: pairs is 1001; accepted: a whole number from 1 to 1000" },
        { "a Ta too quick (RFC 8445 section 14.2)", NET "a:ice {ta = '4ms'}",
          "1: host:ice: Ta is 5ms or more (RFC 8445 section 14.2)" },
        { "a first timeout too short (RFC 8445 section 14.3)", NET "a:ice {rto_most = '499ms'}",
          "1: host:ice: the longest first timeout is 500ms or more (RFC 8445 section 14.3)" },
        { "a policy without a relay", NET "a:ice {policy = 'relay'}",
          "1: host:ice: relayed candidates alone need a TURN server" },
        { "lite and relayed", NET "a:ice {policy = 'relay', lite = true, turn = S}",
          "1: host:ice: a lite agent has host candidates only (RFC 8445 section 5.2)" },
        { "a flag", NET "a:ice {trickle = 1}", "1: host:ice: trickle is 1; accepted: true or false" },
        { "no family", NET "local x = a:ice {ipv4 = false, ipv6 = false} out(x:gather(), #x:candidates())", "true 0" },
        { "neither UDP nor TCP", NET "a:ice {udp = false}", "1: host:ice: without UDP and TCP there is no way at all" },
        { "a word that it has not", NET "a:ice():accept()",
          "1: agent has no 'accept'; it has: gather, candidate, local_sdp, ..." },
        { "a dot", NET "a:ice().gather()",
          "1: agent.gather(...) was called with a dot; write agent:gather(...) with a colon" },
        { "fields are not assigned", NET "a:ice().state = 1", "1: an agent cannot be assigned to (.state)" },
        { "an agent on each address, in both families (RFC 8445 section 5.1.1.1)",
          NET
          "local h = n:host('H', {'198.51.100.9', '2001:db8::9'}) h:spawn(function() local x = h:ice() "
          "show(x:gather()) "
          "local c = x:candidates() for i = 1, 2 do show(c[i].type, c[i].endpoint.ip, c[i].transport, c[i].component, "
          "c[i].stream) end show(#c, c[2].priority > c[1].priority) end)",
          "true; host 198.51.100.9 udp 1 1; host 2001:db8::9 udp 1 1; 2 true" },
        { "one family",
          NET "local h = n:host('H', {'198.51.100.9', '2001:db8::9'}) h:spawn(function() local x = h:ice {ipv6 "
              "= false} x:gather() show(#x:candidates(), x:candidates()[1].endpoint.ip) end)",
          "1 198.51.100.9" },
        { "over TCP (RFC 6544)",
          NET "a:spawn(function() local x = a:ice {udp = false, tcp = true} x:gather() "
              "for _, c in ipairs(x:candidates()) do show(c.type, c.transport, c.priority) end end)",
          "host tcp 2128609279; host tcp 2124414975" },
        { "left open, gathering", NET "a:ice {stun = b} a:spawn(function() a:ice {stun = b}:gather(1) end)", "" },
        { "memory counts", NET "for i = 1, 100000 do a:ice() end", "1: ..." },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_gathering(void)
{
    static const struct unit_lua_row rows[] = {
        { "without servers at once", NET "a:spawn(function() show(a:ice():gather(), lab.now()) end)", "true 0.0" },
        { "a server's answer",
          NET "S:stun_server() local nat = n:nat('nat', '203.0.113.1') local h = nat:host('H', '10.0.0.2') "
              "h:spawn(function() local x = h:ice {stun = S} show(x:gather()) local c = x:candidates() "
              "show(#c, c[2].type, c[2].endpoint.ip, c[2].base.ip, c[2].server, c[2].related.ip) end)",
          "true; 2 srflx 203.0.113.1 10.0.0.2 198.51.100.1:3478 10.0.0.2" },
        { "a server that is silent",
          NET "b:link {on = false} a:spawn(function() local x = a:ice {stun = b} show(x:gather '1s') "
              "show(x:gather()) show(lab.now(), x:counters().silent) end)",
          "nil timeout; true; 7.5 1" },
        { "or is waited for less long",
          NET "b:link {on = false} a:spawn(function() show(a:ice {stun = b, gather_timeout = '2s'}"
              ":gather(), lab.now()) end)",
          "true 2.0" },
        { "nobody serves there",
          NET "a:spawn(function() local x = a:ice {stun = b} show(x:gather(), #x:candidates(), lab.now() "
              "< 9) end)",
          "true 1 true" },
        { "a relay",
          NET "local t = S:turn_server {users = {alice = 'secret'}} a:spawn(function() local x = a:ice {turn = "
              "{server = t, user = 'alice', password = 'secret'}} x:gather() local c = x:candidates() "
              "show(#c, c[2].type, c[2].endpoint.ip) x:close() end)",
          "2 relay 198.51.100.1" },
        { "a wrong password",
          NET "local t = S:turn_server {users = {alice = 'secret'}} a:spawn(function() local x = a:ice "
              "{turn = {server = t, user = 'alice', password = 'wrong'}} show(x:gather(), #x:candidates()) end)",
          "true 1" },
        { "relayed candidates alone",
          NET "local t = S:turn_server {users = {alice = 'secret'}} a:spawn(function() local x = a:ice "
              "{policy = 'relay', turn = {server = t, user = 'alice', password = 'secret'}} x:gather() "
              "local c = x:candidates() show(#c, c[1].type, c[1].related) "
              "show(x:local_sdp():find('198.51.100.2', 1, true)) x:close() end)",
          "1 relay nil; nil" },
        { "looking", NET "local x = a:ice {stun = b} out(x:gather(0)) out(x:gather(0))", "nil timeout" },
        { "waiting at the top", NET "a:ice {stun = b}:gather()", "1: agent:gather: the top level runs at time 0..." },
        { "what is there already, at the top", NET "out(a:ice():gather())", "true" },
        { "5 ms between all agents of a host (RFC 8445 section 14.2)",
          NET "S:stun_server() for _, h in ipairs {a, a, a, b} do h:spawn(function() h:ice {stun = S}:gather() "
              "show(h, math.floor(lab.now() * 1000)) end) end",
          "host A 40; host B 40; host A 45; host A 50" },
        { "two tasks wait",
          NET "S:stun_server() local x = a:ice {stun = S} for i = 1, 2 do a:spawn(function() show(i, x:gather()) "
              "end) end",
          "1 true; 2 true" },
        { "one is stopped meanwhile",
          NET "S:stun_server() local x = a:ice {stun = S} local t = a:spawn(function() show(1, "
              "x:gather()) end) a:spawn(function() t:stop() show(2, x:gather()) end)",
          "2 true" },
        { "closed meanwhile",
          NET "b:link {on = false} local x = a:ice {stun = b} a:spawn(function() show(x:gather()) "
              "show(x:gather()) end) a:spawn(function() lab.sleep(1) x:close() x:close() end)",
          "nil closed; nil closed" },
        { "in a predicate",
          NET "S:stun_server() local x = a:ice {stun = S} a:spawn(function() show(lab.wait(function() return "
              "x:gather(0) end), lab.now()) end)",
          "true 0.04" },
        { "an argument too many", NET "a:ice():gather(1, 2)", "1: agent:gather: there is an argument too many: 2" },
        { "a timeout that is none", NET "a:ice():gather 'soon'",
          "1: agent:gather: timeout is 'soon'; accepted: a duration such as ..." },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_descriptions(void)
{
    static const struct unit_lua_row rows[] = {
        { "before gathering", NET "a:ice {stun = b}:local_sdp()",
          "1: agent:local_sdp: candidates are not gathered yet; wait for agent:gather(), or let the agent trickle" },
        { "with trickle it may be",
          NET "local d = a:ice {trickle = true, stun = b}:local_sdp() "
              "out(d:find('a=candidate', 1, true), d:find('ice%-options:[^\\r]*trickle') ~= nil, "
              "d:find('m=application 9 udp octet-stream', 1, true) ~= nil)",
          "nil true true" },
        { "what it says (RFC 8839 section 5)",
          NET
          "local x = a:ice() x:gather(0) local d = x:local_sdp() out(d:match('a=candidate:%w+ 1 UDP 2130706431 "
          "198.51.100.2 %d+ typ host') ~= nil, d:match('a=ice%-ufrag:(%w+)') ~= nil, #d:match('a=ice%-pwd:([%w+/]+)') "
          ">= 22, d:match('ice%-options:ice2') ~= nil)",
          "true true true true" },
        { "media", NET "local x = a:ice {media = 'audio'} x:gather(0) out(x:local_sdp():match('m=(%w+)'))", "audio" },
        { "the same twice", NET "local x = a:ice() x:gather(0) out(x:local_sdp() == x:local_sdp())", "true" },
        { "an argument too many", NET "a:ice():local_sdp(1)", "1: agent:local_sdp: there is an argument too many: 1" },
        { "no text", NET "a:ice():remote_sdp(b)", "1: agent:remote_sdp: the description is host B; accepted: a text" },
        { "nothing", NET "local _, why, d = a:ice():remote_sdp('') show(why, d.text)", "rejected ..." },
        { "garbage: where, and what",
          NET "local _, why, d = a:ice():remote_sdp('v=0\\r\\nnonsense\\r\\n') show(why, d.text)",
          "rejected it is no session description: line 2..." },
        { "without ICE",
          NET "local _, why, d = a:ice():remote_sdp('v=0\\r\\no=- 1 1 IN IP4 192.0.2.1\\r\\ns=-\\r\\nt=0 0\\r\\n"
              "m=application 9 udp octet-stream\\r\\nc=IN IP4 192.0.2.1\\r\\n') show(why, d.text)",
          "rejected it lacks ICE's ufrag and password: the peer has no ICE..." },
        { "another number of media",
          NET "local x, y = a:ice {streams = 2}, b:ice() y:gather(0) local _, why, d = "
              "x:remote_sdp(y:local_sdp()) show(why, d.text)",
          "rejected it has another number of media..." },
        { "rewritten on the way (RFC 8839 section 4.2.5)",
          NET "local x, y = a:ice(), b:ice() x:gather(0) y:gather(0) local d = y:local_sdp():gsub('c=IN IP4 %S+', "
              "'c=IN IP4 203.0.113.9') local _, why, e = x:remote_sdp(d) show(why, e.text) "
              "show(x:local_sdp():match('a=ice%-mismatch')) show(x.state) show(x:remote_sdp(y:local_sdp()), x.state)",
          "rejected its default address is none of its candidates: something on the way has rewritten it; "
          "a=ice-mismatch; failed; true running" },
        { "its own",
          NET "local x = a:ice() x:gather(0) local _, why, e = x:remote_sdp(x:local_sdp()) show(why, e.text, x.state)",
          "rejected it is this agent's own description running" },
        { "bytes of all kinds",
          NET "for i = 0, 255 do local _, why = a:ice():remote_sdp(string.char(i):rep(100)) if why ~= "
              "'rejected' then log(i) end end out 'refused'",
          "refused" },
        { "every beginning of one",
          NET "local x, y = a:ice(), b:ice() y:gather(0) local d = y:local_sdp() local taken = 0 "
              "for i = 0, #d - 150 do if x:remote_sdp(d:sub(1, i)) then taken = i break end end "
              "out(taken == 0 or d:sub(1, taken):find('ice%-pwd') ~= nil)",
          "true" },
        { "a candidate that is none",
          NET "local _, why, d = a:ice {trickle = true}:add_candidate('nonsense') show(why, d.text)",
          "rejected it is no candidate..." },
        { "a candidate that is no text", NET "a:ice():add_candidate(5)",
          "1: agent:add_candidate: the candidate is 5; accepted: a text" },
        { "a stream that there is not",
          NET "a:ice():add_candidate('candidate:1 1 UDP 1 192.0.2.1 5 typ host', {stream = 33})",
          "1: agent:add_candidate: stream is 33; accepted: a whole number from 1 to 32" },
        { "a stream that this agent has not",
          NET
          "local _, why, d = a:ice():add_candidate('candidate:1 1 UDP 1 192.0.2.1 5 typ host', {stream = 2}) show(why)",
          "rejected" },
        { "with a= or without",
          NET "local x = a:ice {trickle = true} show(x:add_candidate('candidate:1 1 UDP 5 192.0.2.1 5 typ "
              "host')) show(x:add_candidate('a=candidate:1 1 UDP 4 192.0.2.1 6 typ host')) "
              "show(x:add_candidate('a=end-of-candidates'))",
          "true; true; true" },
        { "after close",
          NET "local x = a:ice() x:close() show(x:local_sdp()) show(x:remote_sdp('')) show(x:add_candidate('')) "
              "show(x:gather()) show(x:wait()) show(x:send('x')) show(x:recv()) show(x:restart()) show(x.state, "
              "x.own)",
          "nil closed; nil closed; nil closed; nil closed; nil closed; nil closed; nil closed; nil closed; closed "
          "nil" },
        { "candidates of an agent that does not trickle", NET "a:ice():candidate()",
          "1: agent:candidate: this agent does not trickle; one that does is host:ice{trickle = true}" },
        { "candidates of one that does",
          NET "S:stun_server() a:spawn(function() local x = a:ice {trickle = true, stun = S} "
              "show(x:candidate(0)) a:spawn(function() x:gather() end) repeat local c = "
              "x:candidate() show((c:gsub('%d+ typ', 'typ'):gsub('ufrag %S+', 'ufrag'):gsub("
              "'^(%w+):%w+', '%1'))) until c == 'end-of-candidates' show(x:candidate('1s')) end)",
          "nil timeout; candidate 1 UDP 2130706431 198.51.100.2 typ host ufrag; end-of-candidates; nil timeout" },
        { "an offer after the selection (RFC 8839 sections 4.4 and 5.2)",
          NET "local x, y = a:ice(), b:ice {controlling = false} a:spawn(function() x:gather() y:gather() "
              "y:remote_sdp(x:local_sdp()) x:remote_sdp(y:local_sdp()) x:wait() y:wait() show(x.offer_due) "
              "local offer = x:local_sdp() show(offer:match('remote%-candidates:1 (%S+)'), "
              "select(2, offer:gsub('a=candidate', ''))) show(y:remote_sdp(offer)) show(y:wait() ~= nil) "
              "local answer = y:local_sdp() show(answer:find('remote%-candidates')) show(x:remote_sdp(answer)) "
              "show(y:remote_sdp((offer:gsub('remote%-candidates:1 %S+', 'remote-candidates:1 192.0.2.9')))) "
              "local _, why, d = y:wait('1s') show(why, d.text, y.state) end)",
          "false; 198.51.100.3 1; true; true; nil; true; true; unreachable a pair that the peer has selected is not "
          "to be had here; a restart is due failed" },
        { "closed while one waits for a candidate",
          NET "b:link {on = false} local x = a:ice {trickle = true, stun = b} "
              "a:spawn(function() x:gather(0) x:candidate() show(x:candidate()) end) "
              "a:spawn(function() lab.sleep(1) x:close() end)",
          "nil closed" },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_connecting(void)
{
    static const struct unit_lua_row rows[] = {
        { "over channels",
          CALL "call(function(x, p) show(x.state, p.path, p.own.type, p.peer.type, p.own.endpoint == x.own, "
               "p.peer.endpoint == x.peer, x.peer.ip) show(p.rtt, p.after > 0 and p.after < 1, "
               "x:counters().checks > 0) end)",
          "completed host host host true true 198.51.100.3; 0.04 true true" },
        { "both see the same pair",
          CALL "call(nothing, function(x, p) lab.wait(function() return agents.A.state == 'completed' "
               "end) show(x.own == agents.A.peer, x.peer == agents.A.own, x.controlling) end)",
          "true true false" },
        { "from hand to hand", HAND "hand(function(x, p) show(p.path, x.state) end, function(x, p) show(p.path) end)",
          "host; host completed" },
        { "an answer that comes late, to where checks pass already (RFC 7675 section 5.1)",
          NET "a:spawn(function() local x, y = a:ice(), b:ice {controlling = false} x:gather() y:gather() "
              "y:remote_sdp(x:local_sdp()) local d = y:local_sdp() lab.sleep '35s' x:remote_sdp(d) x:wait '5s' "
              "lab.sleep '60s' show(x.state, y.state) end)",
          "completed completed" },
        { "and after the answerer has given up (RFC 8445 section 7.3)",
          NET "local h = n:nat('nat', '203.0.113.1'):host('H', '10.0.0.2') "
              "a:spawn(function() local x, y = h:ice(), b:ice {controlling = false} x:gather() y:gather() "
              "y:remote_sdp(x:local_sdp()) local d = y:local_sdp() lab.sleep '60s' show(y.state) x:remote_sdp(d) "
              "x:wait '5s' lab.sleep '60s' show(x.state, y.state) end)",
          "failed; completed completed" },
        { "with trickle over channels",
          CALL "call(function(x, p) show(p.path) end, nil, {trickle = true}, {trickle = true})", "host" },
        { "one trickles and the other doesn't (RFC 8838 section 3)",
          CALL "call(function(x, p) show('A', p.path) end, function(x, p) show('B', p.path) end, {trickle = true})",
          "B host; A host" },
        { "with trickle from hand to hand",
          NET "local x, y = a:ice {trickle = true}, b:ice {trickle = true, controlling = false} "
              "local function carry(from, to) repeat local c = from:candidate() to:add_candidate(c) until c == "
              "'end-of-candidates' end "
              "a:spawn(function() y:remote_sdp(x:local_sdp()) x:remote_sdp(y:local_sdp()) x:gather() y:gather() "
              "carry(x, y) "
              "show(x:wait '5s'.path) end) b:spawn(function() carry(y, x) end)",
          "host" },
        { "wait looks",
          CALL "call(nothing) a:spawn(function() lab.sleep '1ms' show(agents.A:wait(0)) show(agents.A:wait '10ms') "
               "show(agents.A:wait().path) end)",
          "nil timeout; nil timeout; host" },
        { "two tasks wait",
          CALL "call(nothing) for i = 1, 2 do a:spawn(function() lab.sleep '1ms' show(i, agents.A:wait().path) "
               "end) end",
          "1 host; 2 host" },
        { "one who waits is stopped",
          CALL "call(nothing) local t = a:spawn(function() lab.sleep '1ms' agents.A:wait() log 'no' "
               "end) a:spawn(function() lab.sleep '2ms' t:stop() show(agents.A:wait().path) end)",
          "host" },
        { "one who connects is stopped, and the call goes on",
          CALL
          "local t = a:spawn(function() agents.A = a:ice() agents.A:connect(a:signal(server, 'A'), 'B') log 'no' end) "
          "side(b, 'B', 'A', {}, function(x, p) show(p.path) end) a:spawn(function() lab.sleep '5ms' t:stop() end)",
          "host" },
        { "closed while it connects",
          CALL "call(function(x) show(x.state) end, nothing) a:spawn(function() lab.sleep '1ms' "
               "agents.A:close() lab.sleep(1) agents.B:close() end)",
          "A closed nil; closed; B closed nil" },
        { "nobody there", CALL "side(a, 'A', 'B', {}, function(x) show(x.state, lab.now()) end)",
          "A timeout nil; running 60.0" },
        { "connect at the top", CALL "a:ice():connect(a:signal(server, 'A'), 'B')",
          "1: agent:connect: the top level runs..." },
        { "connect once more", CALL "call(function(x, p, c) x:connect(c, 'B') end)",
          "1: agent:connect: this agent connects already: agent:wait() waits for it" },
        { "no channel", NET "a:ice():connect('A', 'B')", "1: agent:connect: the channel is 'A'; accepted: ..." },
        { "no peer", CALL "a:ice():connect(a:signal(server, 'A'))",
          "1: agent:connect: the peer is missing; accepted: a text" },
        { "a peer that can't be", CALL "a:ice():connect(a:signal(server, 'A'), 'B C')",
          "1: agent:connect: the peer is 'B C'; accepted: the name of another channel" },
        { "itself",
          CALL "a:spawn(function() local x = a:ice() local _, why, d = x:connect(a:signal(server, 'A'), 'A', '1s') "
               "show(why, d.text) end)",
          "unreachable it is this agent's own description" },
        { "over a closed channel",
          CALL "a:spawn(function() local c = a:signal(server, 'A') c:close() show(a:ice():connect(c, "
               "'B')) end)",
          "nil closed" },
        { "the channel is closed meanwhile",
          CALL "call(function(x) show(x.state) end, nothing, nil, {}) a:spawn(function() "
               "lab.sleep '1ms' end)",
          "completed" },
        { "a server that is not there",
          NET "a:spawn(function() local _, why, d = a:ice():connect(a:signal(b, 'A'), 'B') show(why, "
              "d.text) end)",
          "unreachable ..." },
        { "a server that dies", CALL "server:stop() call(function(x) show(x.state) end)", "A unreachable ..." },
        { "no path: they are told why",
          CALL "call(function(x) show(x.state, lab.now() > 39) end, nil, "
               "{udp = false, tcp = true}, {})",
          "B unreachable no pair is left that could succeed, and a component has none that did; A unreachable no pair "
          "is left "
          "that could succeed, and a component has none that did; failed true" },
        { "less patience (RFC 8863)",
          CALL "call(function(x) show(lab.now() < 10) end, nil, {udp = false, tcp = true, patience = "
               "'5s'}, {patience = '5s'})",
          "B unreachable no pair is left that could succeed, and a component has none that did; A unreachable no pair "
          "is left "
          "that could succeed, and a component has none that did; true" },
        { "both want to lead (RFC 8445 section 7.3.1.1)",
          CALL "call(function(x, p) lab.sleep(1) show(x.controlling ~= agents.B.controlling, x:counters().conflicts + "
               "agents.B:counters().conflicts > 0, p.path) end, nil, {}, {controlling = true})",
          "true true host" },
        { "a lite peer",
          CALL "call(function(x, p) show(p.path, agents.B:counters().checks, x.controlling) end, nil, "
               "{controlling = false}, {lite = true, controlling = true})",
          "host 0 true" },
        { "both lite (RFC 8445 section 6.1.1)",
          CALL "call(function(x, p) show(p.path, x:counters().checks) end, nil, {lite = "
               "true}, {lite = true})",
          "host 0" },
        { "over TCP alone (RFC 6544)",
          CALL "call(function(x, p) show(p.own.transport, x:counters().connections > 0) x:send 'ping' "
               "show((x:recv '1s')) end, function(x) x:send('pong to ' .. x:recv '1s') end, "
               "{udp = false, tcp = true}, {udp = false, tcp = true})",
          "tcp true; pong to ping" },
        { "relayed alone",
          CALL "local t = S:turn_server {users = {alice = 'secret'}} local o = {policy = 'relay', turn = {server "
               "= t, user = 'alice', password = 'secret'}} call(function(x, p) show(p.path, p.own.type, "
               "p.peer.type) x:send 'ping' show((x:recv '1s')) x:close() end, function(x) x:send('pong to ' .. "
               "x:recv '1s') lab.sleep(1) x:close() end, o, {policy = 'relay', turn = o.turn})",
          "relay relay relay; pong to ping" },
        { "what it tells",
          CALL "call(function(x) local t = x:transcript() show(t:find('host 198.51.100.2', 1, true) ~= nil, "
               "t:find('Succeeded', 1, true) ~= nil) end)",
          "true true" },
        { "the transcript of a closed one",
          NET "local x = a:ice() x:close() lab.spawn(function() lab.sleep(1) "
              "show(x:transcript()) show(#x:candidates(), x:counters().checks) end)",
          "nil closed; 0 0" },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_data(void)
{
    static const struct unit_lua_row rows[] = {
        { "there and back",
          CALL "call(function(x) show(x:send 'ping' ~= nil) local d, from, info = x:recv '1s' show(d, from == "
               "x.peer, info.ttl) end, function(x) x:recv '1s' x:send(42) end)",
          "true; 42 true 63" },
        { "the packet's name",
          CALL "call(function(x) local w = lab.watch {packet = x:send 'ping'} lab.sleep(1) show(w[#w].action) "
               "end)",
          "delivered" },
        { "before there is a path", NET "out(a:ice():send 'x')", "nil unreachable" },
        { "no data", NET "a:ice():send()", "1: agent:send: the data is missing; accepted: a text" },
        { "a component that it has not", NET "a:ice():send('x', {component = 2})",
          "1: agent:send: component is 2; accepted: a whole number from 1 to 1" },
        { "a wrong option", NET "a:ice():send('x', {comp = 2})",
          "1: agent:send: 'comp' is not an option here; accepted: component, stream, df or dscp; did you mean "
          "'component'?" },
        { "two components (RFC 8445 section 13)",
          CALL "call(function(x, p) show(#x:candidates(), x:candidates()[2].component) x:send('rtcp', {component = 2}) "
               "x:send 'rtp' end, function(x) for i = 1, 2 do local d, from = x:recv '1s' show(d, from == "
               "agents.A.own) end end, "
               "{components = 2}, {components = 2})",
          "2 2; rtcp false; rtp true" },
        { "more components than candidates of a side usually are (RFC 8445 section 13)",
          CALL "call(function(x, p) show(#x:candidates(), x:counters().limited) x:send('last', {component = 70}) end, "
               "function(x) show((x:recv '1s')) end, {components = 70}, {components = 70})",
          "70 0; last" },
        { "two streams",
          CALL "call(function(x, p) x:send('second', {stream = 2}) end, function(x) show((x:recv '1s')) end, {streams "
               "= 2}, {streams = 2})",
          "second" },
        { "too big for the way",
          CALL "a:link {mtu = 600} call(function(x) show(x:send(('x'):rep(1000), {df = true})) end)", "nil too-big" },
        { "dscp",
          CALL "call(function(x) x:send('x', {dscp = 46}) end, function(x) show(select(3, x:recv '1s').dscp) end)",
          "46" },
        { "nothing came", CALL "call(function(x) show(x:recv '1s') show(x:recv(0)) end)", "nil timeout; nil timeout" },
        { "two readers",
          CALL "call(function(x) a:spawn(function() show('second', (x:recv())) end) show('first', (x:recv())) end, "
               "function(x) lab.sleep(1) x:send 'x' lab.sleep(1) x:send 'y' end)",
          "first x; second y" },
        { "closed while one reads",
          CALL "call(function(x) a:spawn(function() lab.sleep(1) x:close() end) show(x:recv()) "
               "show(x.state, x:send 'x') end)",
          "nil closed; closed nil closed" },
        { "strangers are not heard (RFC 8445 section 12.2)",
          CALL "call(function(x) show(x:recv '2s') show(x:counters().strangers) end, function(x) b:udp():send(x.peer, "
               "'let me in') end)",
          "nil timeout; 1" },
        { "the address is gone",
          NET "local server = S:signal_server() local h = lab.network('own', 'fd00::/64'):host 'H' local i = "
              "h:attach(n, nil, {default = true}) local x, y = h:ice(), b:ice {controlling = false} "
              "b:spawn(function() y:connect(b:signal(server, 'B'), 'H') end) h:spawn(function() "
              "show(x:connect(h:signal(server, 'H'), 'B').path) i:remove() show(x:send 'x') lab.sleep(1) "
              "show(x:send 'x') show(x.state) end)",
          "host; nil no-route; nil unreachable; failed" },
        { "consent is lost after 30 s (RFC 7675 section 5.1)",
          CALL "call(function(x) b:link {on = false} lab.sleep '20s' show(x:send 'x' ~= nil, x.state) lab.sleep '20s' "
               "show(x:send 'x') show(x.state) local _, why, d = x:wait(0) show(why, d.text) end)",
          "true completed; nil unreachable; failed; unreachable the peer has not answered for thirty seconds" },
        { "consent needs no data to be asked for",
          CALL "call(function(x) lab.sleep '2min' show(x.state, x:counters().consents > "
               "19) end, function() lab.sleep '2min' end)",
          "completed true" },
        { "without consent only keepalives (RFC 8445 section 11)",
          CALL "call(function(x) lab.sleep '2min' show(x.state, x:counters().consents, x:counters().keepalives) end, "
               "function() lab.sleep '2min' end, {consent = false}, {consent = false})",
          "completed 0 7" },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_restarting(void)
{
    static const struct unit_lua_row rows[] = {
        { "over the channel",
          CALL "call(function(x, p) local ufrag = x:local_sdp():match 'ufrag:(%S+)' lab.sleep(1) "
               "show(x:restart(), x.state) show(x:wait '5s'.path, x:local_sdp():match 'ufrag:(%S+)' ~= ufrag) "
               "x:send 'ping' show((x:recv '1s')) end, function(x) x:send('pong to ' .. x:recv '9s') end)",
          "true running; host true; pong to ping" },
        { "by the controlled side; roles stay (RFC 8445 section 9)",
          CALL "call(nothing, function(x) lab.sleep(1) x:restart() show(x:wait '5s'.path, x.controlling, "
               "agents.A.controlling) end)",
          "host false true" },
        { "by both at once",
          CALL "local function again(x) lab.sleep(1) x:restart() show(x:wait '5s'.path) x:send 'x' show((x:recv "
               "'2s')) end call(again, again)",
          "host; host; x; x" },
        { "twice", CALL "call(function(x) x:restart() show(x:wait '5s'.path) x:restart() show(x:wait '5s'.path) end)",
          "host; host" },
        { "twice at once", CALL "call(function(x) x:restart() x:restart() show(x:wait '9s' ~= nil) end)", "true" },
        { "by hand",
          HAND
          "hand(function(x) x:restart() x:gather() told.A2 = x:local_sdp() lab.wait(function() return told.B2 end) "
          "show(x:remote_sdp(told.B2)) show(x:wait '5s'.path) end, function(x) lab.wait(function() return told.A2 "
          "end) show(x:remote_sdp(told.A2)) x:gather() told.B2 = x:local_sdp() show(x:wait '5s'.path) end)",
          "true; true; host; host" },
        { "a description of before the restart is refused",
          HAND "hand(function(x) x:restart() x:gather() local _, why, d = "
               "x:remote_sdp(told.B) show(why, d.text) end, function() end)",
          "rejected it is of before the restart..." },
        { "data goes on meanwhile",
          CALL "call(function(x) x:restart() show(x:send 'still here' ~= nil) end, function(x) "
               "show((x:recv '1s')) end)",
          "true; still here" },
        { "with trickle",
          CALL "call(function(x) lab.sleep(1) x:restart() show(x:wait '5s'.path) end, nil, {trickle = true}, "
               "{trickle = true})",
          "host" },
        { "after consent was lost",
          CALL "call(function(x) b:link {on = false} lab.sleep '40s' b:link {on = true} show(x.state) "
               "x:restart() show(x:wait '60s'.path) x:send 'again' end, function(x) lab.sleep '41s' "
               "show((x:recv '60s')) end)",
          "failed; host; again" },
        { "one that has not begun", NET "local x = a:ice() out(x:restart(), x:gather(0))", "true true" },
        { "restart_on_change",
          NET "local server = S:signal_server() local h = lab.network('own', 'fd00::/64'):host 'H' local i = "
              "h:attach(n, nil, "
              "{default = true}) local x, y = h:ice {restart_on_change = true}, b:ice {controlling = false} "
              "b:spawn(function() "
              "y:connect(b:signal(server, 'B'), 'H') show((y:recv '20s')) end) h:spawn(function() "
              "show(x:connect(h:signal(server, "
              "'H'), 'B').path) h:attach(n, nil, {default = true}) i:remove() lab.sleep '5s' show(x:wait '10s'.path) "
              "x:send 'moved' "
              "end)",
          "host; host; moved" },
        { "an argument too many", NET "a:ice():restart(1)", "1: agent:restart: there is an argument too many: 1" },
    };

    UNIT_LUA_CHECK(rows);
}

void
suite_lua_ice(void)
{
    UNIT_SUITE("lua ice", NULL, NULL, { "opening", test_opening }, { "gathering", test_gathering },
               { "descriptions", test_descriptions }, { "connecting", test_connecting }, { "data", test_data },
               { "restarting", test_restarting });
}
