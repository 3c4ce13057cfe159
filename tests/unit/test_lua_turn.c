/* The words of TURN (docs/lua.md section "Relays"), with right and with wrong arguments. */
#include "tests/unit/support_lua.h"

/* T is 198.51.100.1, A .2, B .3. `show(...)` logs values of any kind; `me` proves who A is. */
#define NET                                                                                                            \
    "local n = lab.internet {delay = '10ms'} local t, a, b = n:host 'T', n:host 'A', n:host 'B' "                      \
    "local me = {user = 'alice', password = 'secret'} local users = {alice = 'secret', bob = 'hidden'} "               \
    "local function show(...) local t = table.pack(...) for i = 1, t.n do t[i] = tostring(t[i]) end "                  \
    "log(table.concat(t, ' ')) end "                                                                                   \
    "local function why(relay, word, detail) show(relay, word, detail and detail.code, detail and detail.text) end "   \
    "local function with(more) local all = {user = 'alice', password = 'secret'} "                                     \
    "for k, v in pairs(more) do all[k] = v end return all end "
#define SERVER NET "local s = t:turn_server {users = users, realm = 'r'} "
/* `on(f)`: f runs on A, with a relay at T. `ports`: the relayed ports that there are, from 50000 on. */
#define ON(server_options, relay_options)                                                                              \
    NET "local s = t:turn_server {users = users, realm = 'r', ports = {50000, 50009}, " server_options "} "            \
        "local function on(f) a:spawn(function() f(assert(a:turn(s, with {" relay_options "}))) end) end "
#define RELAY ON("", "")
#define STREAMS ON("", "transport = 'tcp', peers = 'tcp'")

static void
test_server(void)
{
    static const struct unit_lua_row rows[] = {
        { "a server", NET "local s = t:turn_server() show(s, s.own, s.port, s:wait(0))",
          "198.51.100.1:3478 198.51.100.1:3478 3478 true" },
        { "options",
          NET "local s = t:turn_server {users = users, realm = 'r', secret = 'x', port = 443, ip = t, relay = t, "
              "external = '203.0.113.9', quota = 1, total_quota = 2, bandwidth = '1Mbit/s', "
              "ports = {50000, 50001}, max_lifetime = '20min', nonce_lifetime = '5min', allow = '10.0.0.0/8', "
              "deny = {'203.0.113.0/24', '2001:db8::/32'}, tcp = false, old_channels = true, "
              "dont_fragment = false, relay_to_relay = false, icmp = false, software = 'me'} show(s)",
          "198.51.100.1:443" },
        { "an unknown option", NET "t:turn_server {user = {}}",
          "1: host:turn_server: 'user' is not an option here; accepted: users, realm, secret, port, ip, relay, ..." },
        { "the port is in use", NET "t:turn_server() show(t:turn_server())", "nil in-use" },
        { "two of them", NET "t:turn_server() show(t:turn_server {port = 3479})", "198.51.100.1:3479" },
        { "an address of others", NET "show(t:turn_server {ip = a})",
          "1: host:turn_server: the local address is none of this host's" },
        { "a relay address of others", NET "show(t:turn_server {relay = a})",
          "1: host:turn_server: relay is none of this host's addresses; one outside of a NAT goes as external" },
        { "an external address of a family that the host has not", NET "t:turn_server {external = '2001:db8::9'}",
          "1: host:turn_server: external is of a family that this host has no address of" },
        { "an external IPv6 address",
          "local n = lab.internet {} local t, a = n:host('T', {'198.51.100.1', '2001:db8::1'}), "
          "n:host('A', {'198.51.100.2', '2001:db8::2'}) local s = t:turn_server {external = '2001:db8::9'} "
          "a:spawn(function() log(a:turn(s, {family = 'ipv6'}).relayed.ip) end)",
          "2001:db8::9" },
        { "users are none", NET "t:turn_server {users = 'alice'}",
          "1: host:turn_server: users is 'alice'; accepted: a table of passwords by name: {alice = 'secret'}" },
        { "users without names", NET "t:turn_server {users = {'secret'}}",
          "1: host:turn_server: users has something else than passwords by name; accepted: {alice = 'secret'}" },
        { "a wrong port range", NET "t:turn_server {ports = {50001, 50000}}",
          "1: host:turn_server: ports is a table; accepted: {first, last}, both from 1024 to 65535" },
        { "ports that are none of theirs", NET "t:turn_server {ports = {80, 90}}",
          "1: host:turn_server: ports is a table; accepted: {first, last}, both from 1024 to 65535" },
        { "ports as a text", NET "t:turn_server {ports = '50000-50001'}",
          "1: host:turn_server: ports is '50000-50001'; accepted: {first, last}, both from 1024 to 65535" },
        { "a quota of none", NET "t:turn_server {quota = 0}",
          "1: host:turn_server: quota is 0; accepted: a whole number from 1 to 1000000" },
        { "a wrong prefix", NET "t:turn_server {allow = '10.0.0.0/33'}",
          "1: host:turn_server: allow is '10.0.0.0/33'; accepted: a prefix such as '10.0.0.0/8' or an address, or a "
          "list of up to 16" },
        { "a list of prefixes with something else", NET "t:turn_server {deny = {'10.0.0.0/8', 7}}",
          "1: host:turn_server: deny is 7; accepted: a prefix such as '10.0.0.0/8' or an address, or a list of up to "
          "16" },
        { "too long a name", NET "t:turn_server {software = ('x'):rep(128)}",
          "1: host:turn_server: software is longer than 127 characters" },
        { "no realm", NET "t:turn_server {realm = ''}", "1: host:turn_server: realm has 0 bytes; accepted: 1 to 127" },
        { "no bandwidth", NET "t:turn_server {bandwidth = 0}",
          "1: host:turn_server: bandwidth is 0; accepted: a rate above 0, such as '1Mbit/s'" },
        { "a short life", NET "t:turn_server {max_lifetime = '599s'}",
          "1: host:turn_server: max_lifetime is '599s'; accepted: from '10min' to 136 years" },
        { "too quick a keepalive", NET "local s = t:turn_server() a:spawn(function() a:turn(s, {keepalive = '1ms'}) end)",
          "1: host:turn: keepalive is '1ms'; accepted: a duration of at least '1s', or false for none" },
        { "no secret", NET "t:turn_server {secret = ''}",
          "1: host:turn_server: secret is ''; accepted: a text that nobody guesses" },
        { "a rate", NET "t:turn_server {bandwidth = 'fast'}",
          "1: host:turn_server: bandwidth is 'fast'; accepted: a rate such as '10Mbit/s' (units bit/s kbit/s Mbit/s "
          "Gbit/s), or a number of bits a second" },
        { "nothing is counted yet", SERVER "local c = s:counters() show(c.allocations, c.requests, c.dropped, c.icmp)",
          "0 0 0 0" },
        { "an argument too many", SERVER "s:allocations(1)",
          "1: server:allocations: there is an argument too many: 1" },
        { "no word of it", SERVER "s:allocation()", "1: server has no 'allocation'; did you mean 'allocations'?" },
        { "STUN, without proof",
          SERVER "a:spawn(function() show((a:udp(5000):stun(s))) show((a:tcp_connect(s):stun()) ~= "
                 "nil) show(s:counters().bindings) end)",
          "198.51.100.2:5000; true; 2" },
        { "everybody may who comes to an open one",
          NET "local s = t:turn_server() a:spawn(function() local r = a:turn(s) "
              "show(s:allocations()[1].user, r.lifetime) end)",
          " 600" },
        { "allocations",
          RELAY
          "on(function(r) r:permit(b) r:channel(lab.endpoint(b, 9)) r:send(lab.endpoint(b, 9), 'four') lab.sleep(1) "
          "local l = s:allocations() local e = l[1] show(#l, e.client == r.mapped, e.relayed == r.relayed, "
          "e.also_relayed, "
          "e.user, e.transport, e.expires > 598 and e.expires < 600, e.permissions, e.channels, e.bytes_to_peers, "
          "e.bytes_to_client) end)",
          "1 true true nil alice udp true 1 1 4 0" },
        { "allocations as they were made, though the second has the place of the first",
          RELAY "on(function(r) local q = a:turn(s, me) r:close() lab.sleep(1) local p = a:turn(s, me) "
                "local l = s:allocations() show(#l, l[1].client == q.mapped, l[2].client == p.mapped) end)",
          "2 true true" },
        { "draining", RELAY "on(function(r) s:drain() why(a:turn(s, me)) show(r:permit(b)) end)",
          "nil rejected 508 508 Insufficient Capacity; true" },
        { "stopped: nobody answers",
          RELAY "on(function(r) s:stop() s:stop() show(s:wait()) show(#s:allocations()) "
                "why(r:permit(b)) show(lab.now() < 1) end)",
          "nil closed; 0; nil refused nil the server cannot be reached; true" },
        { "a shared secret",
          NET "local s = t:turn_server {secret = 'x', realm = 'r'} a:spawn(function() why(a:turn(s, me)) end)",
          "nil rejected 401 401 Unauthenticated" },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_opening(void)
{
    static const struct unit_lua_row rows[] = {
        { "a relay",
          RELAY
          "on(function(r) show(r, r.relayed.ip, r.own == r.relayed, r.port == r.relayed.port, r.mapped.ip, r.server, "
          "r.transport, r.lifetime, r.token) show(lab.now()) end)",
          "relay 198.51.100.1:50005 of A 198.51.100.1 true true 198.51.100.2 198.51.100.1:3478 udp 600 nil; 0.08" },
        { "a server by its host", SERVER "a:spawn(function() show(a:turn(t, me).server) end)", "198.51.100.1:3478" },
        { "by an endpoint", SERVER "a:spawn(function() show(a:turn('198.51.100.1:3478', me).server) end)",
          "198.51.100.1:3478" },
        { "none", SERVER "a:turn()",
          "1: host:turn: the server is missing; accepted: an endpoint, its text 'ip:port', a server, a host or its "
          "address" },
        { "a port of its own", SERVER "a:spawn(function() show(a:turn(s, with {from_port = 7000}).mapped) end)",
          "198.51.100.2:7000" },
        { "the port is in use", SERVER "a:spawn(function() a:udp(7000) why(a:turn(s, with {from_port = 7000})) end)",
          "nil in-use nil the own host would not open a socket for it" },
        { "one of several addresses",
          SERVER "local c = n:host('C', {'198.51.100.8', '198.51.100.9'}) c:spawn(function() "
                 "show(c:turn(s, with {ip = '198.51.100.9'}).mapped.ip) end)",
          "198.51.100.9" },
        { "an address of others", SERVER "a:spawn(function() why(a:turn(s, with {ip = b})) end)",
          "1: host:turn: the local address is none of this host's" },
        { "too long a lifetime", SERVER "a:turn(s, with {lifetime = '5000000000s'})",
          "1: host:turn: lifetime is '5000000000s'; accepted: a duration of up to 136 years" },
        { "no password", SERVER "a:turn(s, {user = 'alice'})", "1: host:turn: password is missing: they go together" },
        { "no user", SERVER "a:turn(s, {password = 'alice'})", "1: host:turn: user is missing: they go together" },
        { "nobody", SERVER "a:spawn(function() why(a:turn(s)) end)", "nil rejected 401 401 Unauthenticated" },
        { "a wrong password", SERVER "a:spawn(function() why(a:turn(s, {user = 'alice', password = 'x'})) end)",
          "nil rejected 401 401 Unauthenticated" },
        { "an unknown user", SERVER "a:spawn(function() why(a:turn(s, {user = 'eve', password = 'x'})) end)",
          "nil rejected 401 401 Unauthenticated" },
        { "by TCP", ON("", "transport = 'tcp'") "on(function(r) show(r.transport, s:allocations()[1].transport) end)",
          "tcp tcp" },
        { "an unknown transport", SERVER "a:turn(s, {transport = 'tpc'})",
          "1: host:turn: transport is 'tpc'; accepted: udp, tcp or udp-then-tcp; did you mean 'tcp'?" },
        { "UDP first", ON("", "transport = 'udp-then-tcp'") "on(function(r) show(r.transport) end)", "udp" },
        { "TCP to peers needs TCP", SERVER "a:turn(s, with {peers = 'tcp'})",
          "1: host:turn: an allocation for TCP needs TCP to the server (RFC 6062 section 4.1)" },
        { "a family that is not there", SERVER "a:spawn(function() why(a:turn(s, with {family = 'ipv6'})) end)",
          "nil rejected 440 440 Address Family not Supported" },
        { "IPv6",
          "local n = lab.internet {} local t, a = n:host('T', {'198.51.100.1', '2001:db8::1'}), n:host('A', "
          "'198.51.100.2') "
          "local s = t:turn_server() a:spawn(function() out(a:turn(lab.endpoint('198.51.100.1', 3478), "
          "{family = 'ipv6'}).relayed.ip) end)",
          "2001:db8::1" },
        { "an even port and the next",
          ON("", "even_port = 'pair'") "on(function(r) local q = a:turn(s, with {token = r.token}) show(r.port % 2, "
                                       "q.port - r.port, #r.token, q.token) "
                                       "why(a:turn(s, with {token = r.token})) end)",
          "0 1 16 nil; nil rejected 508 508 Insufficient Capacity" },
        { "an even port", ON("", "even_port = true") "on(function(r) show(r.port % 2, r.token) end)", "0 nil" },
        { "no even port",
          NET "local s = t:turn_server {users = users, realm = 'r', ports = {50001, 50001}} a:spawn(function() "
              "why(a:turn(s, with {even_port = true})) show(a:turn(s, me).port) end)",
          "nil rejected 508 508 Insufficient Capacity; 50001" },
        { "even_port = 7", SERVER "a:turn(s, {even_port = 7})",
          "1: host:turn: even_port is 7; accepted: true, false or 'pair'" },
        { "a token that is none", SERVER "a:turn(s, {token = '12'})",
          "1: host:turn: token is '12'; accepted: what .token of another relay says" },
        { "a token and an even port", SERVER "a:turn(s, with {token = '0123456789abcdef', even_port = true})",
          "1: host:turn: with a reservation token neither an even port nor a family can be asked for (RFC 8656 section "
          "7.1)" },
        { "a longer lifetime", ON("", "lifetime = '30min'") "on(function(r) show(r.lifetime) end)", "1800" },
        { "a shorter one is raised (RFC 8656 section 7.2)",
          ON("", "lifetime = 60") "on(function(r) show(r.lifetime) end)", "600" },
        { "the longest", ON("max_lifetime = '20min'", "lifetime = '30min'") "on(function(r) show(r.lifetime) end)",
          "1200" },
        { "an unknown option", SERVER "a:turn(s, {persists = true})",
          "1: host:turn: 'persists' is not an option here; accepted: user, password, transport, peers, family, ..." },
        { "an argument too many", SERVER "a:turn(s, {}, 1)", "1: host:turn: there is an argument too many: 1" },
        { "at the top", SERVER "a:turn(s, me)",
          "1: host:turn: the top level runs at time 0 and cannot wait; wait in a task: lab.spawn(function() ... end)" },
        { "no server there: no answer",
          NET "t:link {on = false} a:spawn(function() why(a:turn(t, me)) show(lab.now()) end)",
          "nil timeout nil the server did not answer in time; 39.5" },
        { "no server there: refused", NET "a:spawn(function() why(a:turn(t, me)) show(lab.now()) end)",
          "nil refused nil the server cannot be reached; 0.04" },
        { "no server there by TCP",
          NET "a:spawn(function() why(a:turn(t, with {transport = 'tcp'})) show(lab.now()) end)",
          "nil refused nil the connection to the server has ended; 0.04" },
        { "a timeout",
          NET "t:link {on = false} a:spawn(function() why(a:turn(t, with {timeout = '2s'})) show(lab.now()) end)",
          "nil timeout nil nil; 2.0" },
        { "no time at all",
          SERVER "a:spawn(function() why(a:turn(s, with {timeout = 0})) lab.sleep(1) "
                 "show(#s:allocations()) end)",
          "nil timeout nil nil; 0" },
        { "the quota",
          ON("quota = 1", "") "on(function(r) why(a:turn(s, me)) why(a:turn(s, {user = 'bob', password = "
                              "'hidden'}).relayed ~= nil) r:close() lab.sleep(1) show(a:turn(s, me) ~= nil) end)",
          "nil rejected 486 486 Allocation Quota Reached; true nil nil nil; true" },
        { "all of it",
          ON("total_quota = 1", "") "on(function(r) why(a:turn(s, {user = 'bob', password = 'hidden'})) end)",
          "nil rejected 508 508 Insufficient Capacity" },
        { "a task that is stopped leaves it behind",
          SERVER "local job = a:spawn(function() a:turn(s, me) show 'never' end) lab.spawn(function() lab.sleep '5ms' "
                 "job:stop() "
                 "lab.sleep(1) show(s:counters().allocations) end)",
          "1" },
        { "a relay cannot be assigned to", RELAY "on(function(r) r.port = 1 end)",
          "1: a relay cannot be assigned to (.port)" },
        { "no word of it", RELAY "on(function(r) r:permits(b) end)",
          "1: relay has no 'permits'; did you mean 'permit'?" },
        { "two relays of one host",
          RELAY "on(function(r) local q = a:turn(s, me) show(r.port ~= q.port, r.mapped.port ~= "
                "q.mapped.port, #s:allocations()) end)",
          "true true 2" },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_data(void)
{
    static const struct unit_lua_row rows[] = {
        { "permit, and there and back",
          RELAY
          "on(function(r) local p = b:udp(9) show(r:permit(b)) r:send(p.own, 'hello') local d, from, info = p:recv() "
          "show(d, from == r.relayed) p:send(from, 'there') d, from, info = r:recv() show(d, from, info.to == r.own) "
          "end)",
          "true; hello true; there 198.51.100.3:9 true" },
        { "permit takes an endpoint, a host, a text",
          RELAY "on(function(r) show(r:permit(lab.endpoint(b, 9)), r:permit(b), "
                "r:permit '203.0.113.1') end)",
          "true true true" },
        { "it is there already",
          RELAY "on(function(r) r:permit(b) local at = lab.now() show(r:permit(b), lab.now() == at) "
                "end)",
          "true true" },
        { "permit nobody", RELAY "on(function(r) r:permit() end)",
          "1: relay:permit: the peer is missing; accepted: an address such as '198.51.100.1', a host or an endpoint" },
        { "permit what is no address", RELAY "on(function(r) r:permit 'B' end)",
          "1: relay:permit: the peer is 'B'; accepted: an address such as '198.51.100.1', a host or an endpoint" },
        { "a mapping that is kept alive",
          SERVER "local box = n:nat('box', '203.0.113.1', {timeout = '30s'}) local c = box:host('C', '10.0.0.2') "
                 "for _, keep in ipairs {'15s', false} do c:spawn(function() "
                 "local r = assert(c:turn(s, {user = 'alice', password = 'secret', keepalive = keep})) r:permit(b) "
                 "lab.sleep '100s' b:udp():send(r.relayed, 'late') show((r:recv '1s'), r:counters().keepalives) end) end",
          "late 6; nil 0" },
        { "permit refused",
          RELAY "on(function(r) why(r:permit '10.1.2.3') why(r:permit '127.0.0.1') why(r:channel "
                "'198.51.100.1:3478') end)",
          "nil rejected 403 403 Forbidden; nil rejected 403 403 Forbidden; nil rejected 403 403 "
          "Forbidden" },
        { "allowed",
          ON("allow = {'10.0.0.0/8'}, deny = '198.51.100.3'",
             "") "on(function(r) show(r:permit '10.1.2.3') why(r:permit(b)) end)",
          "true; nil rejected 403 403 Forbidden" },
        { "permit the other family", RELAY "on(function(r) r:permit '2001:db8::1' end)",
          "1: relay:permit: the peer's address is of another family than the relayed one" },
        { "channel to the other family", RELAY "on(function(r) r:channel '[2001:db8::1]:9' end)",
          "1: relay:channel: the peer's address is of another family than the relayed one" },
        { "channel",
          RELAY
          "on(function(r) local p = b:udp(9) show(r:channel(p.own)) r:send(p.own, 'x') p:send(r.relayed, (p:recv())) "
          "show((r:recv())) local c = r:counters() show(c.sent_channel, c.sent_indication, c.sent_bytes, "
          "c.received_channel, "
          "c.received_indication, c.received_bytes) c = s:counters() show(c.channels, c.permissions, "
          "c.packets_to_peers, "
          "c.bytes_to_clients) end)",
          "true; x; 1 0 1 1 0 1; 1 1 1 1" },
        { "channel to a host alone", RELAY "on(function(r) r:channel(b) end)",
          "1: relay:channel: the peer is host B: a host alone has no port; write lab.endpoint(host, port)" },
        { "channel to port 0", RELAY "on(function(r) why(r:channel(lab.endpoint(b, 0))) end)",
          "nil rejected 403 403 Forbidden" },
        { "an argument too many", RELAY "on(function(r) r:permit(b, 1, 2) end)",
          "1: relay:permit: there is an argument too many: 2" },
        { "permit in time", RELAY "on(function(r) t:link {on = false} why(r:permit(b, '1s')) show(lab.now()) end)",
          "nil timeout nil nil; 1.08" },
        { "permit, 0 only asks",
          RELAY "on(function(r) why(r:permit(b, 0)) lab.sleep(1) show(r:permit(b, 0)) "
                "why(r:channel(lab.endpoint(b, 9), 0)) lab.sleep(1) show(r:channel(lab.endpoint(b, 9), "
                "0)) end)",
          "nil timeout nil nil; true; nil timeout nil nil; true" },
        { "no answer to permit", RELAY "on(function(r) t:link {on = false} why(r:permit(b)) show(lab.now()) end)",
          "nil timeout nil the server did not answer in time; 39.58" },
        { "permit in a callback", RELAY "on(function(r) lab.at(1, function() r:permit(b) end) lab.sleep(2) end)",
          "1: relay:permit: a callback may not wait; let it start a task: lab.spawn(function() ... end)" },
        { "permit in a predicate", RELAY "on(function(r) lab.wait(function() return r:permit(b) end) end)",
          "1: relay:permit: the function given to lab.wait may not wait itself" },
        { "two tasks permit one peer",
          RELAY "on(function(r) for i = 1, 2 do a:spawn(function() show(i, r:permit(b)) end) end "
                "end) lab.at_end(function() show(s:counters().permissions) end)",
          "1 true; 2 true; 1" },
        { "stopped while it waits for a permission",
          RELAY
          "on(function(r) local job = a:spawn(function() r:permit(b) show 'never' end) lab.sleep '5ms' job:stop() "
          "lab.sleep(1) show(s:counters().permissions, r:permit(b)) end)",
          "1 true" },
        { "closed while it waits for a permission",
          RELAY "on(function(r) a:spawn(function() why(r:permit(b)) end) a:spawn(function() "
                "why(r:channel(lab.endpoint(b, 9))) end) "
                "lab.sleep '5ms' r:close() end)",
          "nil closed nil the allocation has been released; nil closed nil the allocation has been released" },
        { "without permission the server drops it",
          RELAY "on(function(r) show(r:send(lab.endpoint(b, 9), 'x')) lab.sleep(1) b:udp(9):send(r.relayed, 'y') "
                "lab.sleep(1) "
                "show(r:recv(0)) show(s:counters().dropped) end)",
          "A.3; nil timeout; 2" },
        { "auto_permit asks for it",
          ON("", "auto_permit = true") "on(function(r) local p = b:udp(9) r:send(p.own, 'x') show((p:recv())) end)",
          "x" },
        { "auto_permit keeps four until it is there",
          ON("", "auto_permit = true") "local sink = b:sink(9) on(function(r) for i = 1, 6 do "
                                       "show(r:send(lab.endpoint(b, 9), 'x')) end "
                                       "lab.sleep(1) show(sink.packets) end)",
          "true; true; true; true; nil full; nil full; 4" },
        { "forget",
          RELAY "local p = b:udp(9) on(function(r) show(r:permit(b)) show(r:forget(b)) lab.sleep '299s' "
                "p:send(r.relayed, 'in time') "
                "show((r:recv '500ms')) lab.sleep '1s' p:send(r.relayed, 'late') show(r:recv(1)) end)",
          "true; ; in time; nil timeout" },
        { "forget a stranger", RELAY "on(function(r) r:forget(b) show 'fine' r:close() r:forget(b) end)", "fine" },
        { "forget nobody", RELAY "on(function(r) r:forget() end)",
          "1: relay:forget: the peer is missing; accepted: an address such as '198.51.100.1', a host or an endpoint" },
        { "kept alive for hours, without a run being kept going",
          RELAY
          "on(function(r) local p = b:udp(9) r:channel(p.own) lab.sleep '5h' p:send(r.relayed, 'x') show((r:recv(1))) "
          "show(s:counters().refreshed > 30, s:counters().channels) end) lab.at_end(function() show(lab.now() < 18001) "
          "end)",
          "x; true 1; true" },
        { "recv in time", RELAY "on(function(r) show(r:recv '1s') show(lab.now()) show(r:recv(0)) end)",
          "nil timeout; 1.08; nil timeout" },
        { "recv takes turns",
          RELAY "on(function(r) r:permit(b) local p = b:udp(9) for i = 1, 2 do a:spawn(function() show(i, (r:recv())) "
                "end) end "
                "lab.sleep(1) p:send(r.relayed, 'one') lab.sleep(1) p:send(r.relayed, 'two') end)",
          "1 one; 2 two" },
        { "send to the other family", RELAY "on(function(r) show(r:send('[2001:db8::1]:9', 'x')) end)",
          "nil no-route" },
        { "send too much", RELAY "on(function(r) show(r:send(lab.endpoint(b, 9), ('x'):rep(65500))) end)",
          "nil too-big" },
        { "send with DF",
          ON("", "dont_fragment = true") "on(function(r) local p = b:udp(9) r:permit(b) r:send(p.own, 'x', {df = "
                                         "true}) show((select(3, p:recv())).df) "
                                         "r:send(p.own, 'x') show((select(3, p:recv())).df) end)",
          "true; false" },
        { "send with DF where nobody asked",
          RELAY "on(function(r) r:permit(b) show(r:send(lab.endpoint(b, 9), 'x', {df = "
                "true})) end)",
          "nil unsupported" },
        { "DSCP crosses, a TTL does not (RFC 8656 section 14)",
          RELAY "on(function(r) local p = b:udp(9) r:permit(b) r:send(p.own, 'x', {dscp = 46, ttl = 5}) local _, _, i "
                "= p:recv() "
                "show(i.dscp, i.ttl) end)",
          "46 63" },
        { "ICMP errors",
          ON("", "errors = true") "on(function(r) r:permit(b) r:send(lab.endpoint(b, 9), 'x') local d, w, detail = "
                                  "r:recv(1) show(d, w, detail.to) "
                                  "show(r:counters().received_icmp, s:counters().icmp) end)",
          "nil refused 198.51.100.3:9; 1 1" },
        { "ICMP errors of the router",
          ON("", "errors = true") "on(function(r) r:permit '198.51.100.77' r:send('198.51.100.77:9', 'x') local d, w = "
                                  "r:recv(1) show(d, w) end)",
          "nil unreachable" },
        { "only who asks is told",
          RELAY "on(function(r) r:permit(b) r:send(lab.endpoint(b, 9), 'x') show(r:recv(1)) "
                "show(r:counters().received_icmp) end)",
          "nil timeout; 1" },
        { "a server without ICMP",
          ON("icmp = false", "errors = true") "on(function(r) r:permit(b) r:send(lab.endpoint(b, 9), 'x') "
                                              "show(r:recv(1)) show(s:counters().icmp) end)",
          "nil timeout; 0" },
        { "STUN through a relay",
          RELAY "local other = b:stun_server() on(function(r) r:permit(b) show((r:stun(other)) == r.relayed) end)",
          "true" },
        { "two relays of one server talk to each other",
          RELAY "on(function(r) local q = a:turn(s, me) r:permit(t) q:channel(r.relayed) r:send(q.relayed, 'x') "
                "local d, from = q:recv(1) show(d, from == r.relayed) q:send(from, 'y') show((r:recv(1))) end)",
          "x true; y" },
        { "unless it is told not to let them",
          ON("relay_to_relay = false",
             "") "on(function(r) local q = a:turn(s, me) why(r:permit(t)) why(q:channel(r.relayed)) end)",
          "nil rejected 403 403 Forbidden; nil rejected 403 403 Forbidden" },
        { "over TCP",
          ON("", "transport = 'tcp'") "on(function(r) local p = b:udp(9) r:channel(p.own) for i = 1, 3 do "
                                      "r:send(p.own, ('x'):rep(i)) "
                                      "p:send(r.relayed, (p:recv())) show((r:recv(1))) end r:permit '203.0.113.1' "
                                      "r:send(p.own, '') show(#p:recv(1)) end)",
          "x; xx; xxx; 0" },
        { "the bandwidth",
          ON("bandwidth = '8kbit/s'", "") "local sink = b:sink(9) on(function(r) r:permit(b) for i = 1, 5 do "
                                          "r:send(lab.endpoint(b, 9), ('x'):rep(300)) end "
                                          "lab.sleep(1) show(sink.packets, s:counters().dropped) end)",
          "3 2" },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_ending(void)
{
    static const struct unit_lua_row rows[] = {
        { "closed",
          RELAY "on(function(r) r:permit(b) show(r:close()) r:close() show(r:recv()) why(r:permit(b)) "
                "why(r:channel(lab.endpoint(b, "
                "9))) show(r:send(lab.endpoint(b, 9), 'x')) why(r:wait()) lab.sleep(1) show(#s:allocations(), "
                "s:counters().deleted, "
                "r:counters().sent_bytes, r.relayed ~= nil) end)",
          "; nil closed; nil closed nil the allocation has been released; nil closed nil the allocation has been "
          "released; nil closed; nil closed nil the allocation has been released; 0 1 0 true" },
        { "closed while others wait",
          RELAY
          "on(function(r) a:spawn(function() show('recv', r:recv()) end) a:spawn(function() show('wait', (select(2, "
          "r:wait()))) end) a:spawn(function() show('stun', r:stun(b)) end) lab.sleep '1ms' r:close() end)",
          "stun nil closed; recv nil closed; wait closed" },
        { "what has come can still be read after the end",
          RELAY "on(function(r) r:permit(b) b:udp(9):send(r.relayed, 'x') lab.sleep(1) s:stop() show(r:recv()) end)",
          "x 198.51.100.3:9 table" },
        { "wait is until the end", RELAY "on(function(r) show(r:wait '1s') show(r:wait(0)) show(lab.now()) end)",
          "nil timeout; nil timeout; 1.08" },
        { "the server ends it",
          RELAY
          "on(function(r) s:stop() t:turn_server {users = users, realm = 'r'} why(r:wait '20min') why(r:permit(b)) "
          "show(r:send(lab.endpoint(b, 9), 'x')) show(r:recv()) show(lab.now() < 600) end)",
          "nil closed nil the server does not know the allocation any more; nil closed nil the server does not know "
          "the allocation any more; nil closed; nil closed; true" },
        { "the server is gone", RELAY "on(function(r) s:stop() why(r:wait '20min') show(lab.now() < 601) end)",
          "nil closed nil it could not be refreshed in time; true" },
        { "the server is out of reach",
          RELAY "on(function(r) t:link {on = false} why(r:wait '20min') show(lab.now()) end)",
          "nil closed nil it could not be refreshed in time; 624.08" },
        { "the server stops, over TCP",
          ON("", "transport = 'tcp'") "on(function(r) s:stop() why(r:wait '20min') show(lab.now() "
                                      "< 1) end)",
          "nil closed nil the connection to the server has ended; true" },
        { "persist: another one",
          ON("", "persist = true") "on(function(r) local before = r.relayed s:stop() t:turn_server {users = users, "
                                   "realm = 'r', ports = {60000, 60000}} "
                                   "show(r:wait '20min') show(before ~= r.relayed, r.relayed, r:permit(b)) end)",
          "nil timeout; true 198.51.100.1:60000 true" },
        { "persist: nothing can be sent meanwhile, and closing ends it",
          ON("", "persist = true") "on(function(r) s:stop() show(r:wait '11min') show(r:send(lab.endpoint(b, 9), 'x')) "
                                   "a:spawn(function() why(r:wait()) "
                                   "end) lab.sleep(1) r:close() show(lab.now() < 700) end)",
          "nil timeout; nil closed; true; nil closed nil the allocation has been released" },
        { "persist: refused for good",
          SERVER "a:spawn(function() why(a:turn(s, {user = 'alice', password = 'x', persist = true})) "
                 "end)",
          "nil rejected 401 401 Unauthenticated" },
        { "persist: asked until there is room (RFC 8656 section 7.4: after a minute)",
          ON("quota = 1", "") "on(function(r) a:spawn(function() lab.sleep(30) r:close() end) local q = a:turn(s, with "
                              "{persist = true, timeout = '5min'}) "
                              "show(q ~= nil, lab.now() > 60 and lab.now() < 62) end)",
          "true true" },
        { "closing takes its time to be confirmed, and keeps the run going for that",
          RELAY "on(function(r) r:close() end) lab.at_end(function() show(s:counters().deleted, lab.now() < 1) end)",
          "1 true" },
        { "closing when nobody answers",
          RELAY "on(function(r) t:link {on = false} r:close() end) "
                "lab.at_end(function() show(s:counters().deleted, lab.now() < 61) end)",
          "0 true" },
        { "an open relay keeps no run going",
          RELAY "on(function(r) r:channel(lab.endpoint(b, 9)) end) "
                "lab.at_end(function() show(lab.now() < 1) end)",
          "true" },
        { "who waits for a silent peer is stuck",
          RELAY "on(function(r) r:recv() end) lab.at_end(function() show(lab.now() < 1) "
                "end)",
          "true" },
        { "the end of a run closes all",
          RELAY "on(function(r) a:spawn(function() r:permit(b) end) a:spawn(function() r:recv() end) "
                "a:spawn(function() a:turn(s, me) "
                "end) lab.sleep '1ms' lab.stop() end) out 'fine'",
          "fine" },
    };

    UNIT_LUA_CHECK(rows);
}

/* RFC 6062. */
static void
test_streams(void)
{
    static const struct unit_lua_row rows[] = {
        { "connect",
          STREAMS
          "local l = b:tcp_listen(80) b:spawn(function() local p, from = l:accept() p:send(p:recv():upper()) p:close() "
          "show(from.ip) end) on(function(r) local c, from = r:connect(l.own) show(from, c.peer, c.own.ip) c:send "
          "'hello' "
          "show(c:recv()) show(c:recv()) end)",
          "198.51.100.3:80 198.51.100.3:80 198.51.100.2; 198.51.100.1; HELLO; nil closed" },
        { "of UDP", RELAY "on(function(r) r:connect(lab.endpoint(b, 80)) end)",
          "1: relay:connect: this relay carries UDP; one for TCP is host:turn(server, {transport = 'tcp', peers = "
          "'tcp'})" },
        { "accept of UDP", RELAY "on(function(r) r:accept() end)",
          "1: relay:accept: this relay carries UDP; one for TCP is host:turn(server, {transport = 'tcp', peers = "
          "'tcp'})" },
        { "a host alone", STREAMS "on(function(r) r:connect(b) end)",
          "1: relay:connect: the peer is host B: a host alone has no port; write lab.endpoint(host, port)" },
        { "nobody listens: 447", STREAMS "on(function(r) why(r:connect(lab.endpoint(b, 80))) end)",
          "nil rejected 447 447 Connection Timeout or Failure" },
        { "no answer for 30 s: 447 (RFC 6062 section 5.2)",
          STREAMS "b:link {on = false} on(function(r) local at = lab.now() why(r:connect(lab.endpoint(b, 80))) "
                  "show(lab.now() - at >= 30 and lab.now() - at < 30.1) end)",
          "nil rejected 447 447 Connection Timeout or Failure; true" },
        { "in time",
          STREAMS "b:link {on = false} on(function(r) why(r:connect(lab.endpoint(b, 80), '2s')) show(lab.now() < 3) "
                  "end)",
          "nil timeout nil nil; true" },
        { "0 only asks",
          STREAMS "b:tcp_listen(80) on(function(r) why(r:connect(lab.endpoint(b, 80), 0)) lab.sleep(1) "
                  "why(r:connect(lab.endpoint(b, 80))) end)",
          "nil timeout nil nil; TCP socket 198.51.100.2:58937 -> 198.51.100.3:80 of A 198.51.100.3:80 nil nil" },
        { "twice: 446",
          STREAMS "local l = b:tcp_listen(80) on(function(r) show(r:connect(l.own) ~= nil) why(r:connect(l.own)) "
                  "end)",
          "true; nil rejected 446 446 Connection Already Exists" },
        { "refused: 403", STREAMS "on(function(r) why(r:connect '10.0.0.1:80') end)",
          "nil rejected 403 403 Forbidden" },
        { "the other family", STREAMS "on(function(r) r:connect '[2001:db8::1]:80' end)",
          "1: relay:connect: the peer's address is of another family than the relayed one" },
        { "no datagrams",
          STREAMS "on(function(r) r:permit(b) show(r:send(lab.endpoint(b, 80), 'x')) "
                  "end)",
          "1: relay:send: this relay carries TCP: it has connect and accept, and permit" },
        { "no channels", STREAMS "on(function(r) r:channel(lab.endpoint(b, 80)) end)",
          "1: relay:channel: this relay carries TCP: it has connect and accept, and permit" },
        { "accept",
          STREAMS "on(function(r) r:permit(b) b:spawn(function() local c = b:tcp_connect(r.relayed, {from_port = 7}) "
                  "c:send 'early' "
                  "show(c:recv()) end) local c, from = r:accept() show(from, c.peer, c:recv()) c:send 'answer' end)",
          "198.51.100.3:7 198.51.100.3:7 early; answer" },
        { "accept in time", STREAMS "on(function(r) show(r:accept '1s') show(lab.now() < 2) show(r:accept(0)) end)",
          "nil timeout; true; nil timeout" },
        { "accept when it is there already",
          STREAMS
          "on(function(r) r:permit(b) b:spawn(function() b:tcp_connect(r.relayed, {from_port = 7}) end) lab.sleep(1) "
          "show((select(2, r:accept(0)))) end)",
          "198.51.100.3:7" },
        { "too late to accept: the server has given it up after 30 s",
          STREAMS
          "on(function(r) r:permit(b) b:spawn(function() b:tcp_connect(r.relayed, {from_port = 7}) end) lab.sleep(31) "
          "why(r:accept(1)) end)",
          "nil rejected 400 400 Bad Request" },
        { "without permission",
          STREAMS "on(function(r) b:spawn(function() local c = b:tcp_connect(r.relayed) show(c:recv()) "
                  "end) show(r:accept '2s') end)",
          "nil reset; nil timeout" },
        { "closed while others accept and connect",
          STREAMS "b:link {on = false} on(function(r) a:spawn(function() why(r:accept()) end) "
                  "a:spawn(function() why(r:connect(lab.endpoint(b, 80))) end) lab.sleep(1) r:close() "
                  "why(r:accept()) why(r:connect(lab.endpoint(b, 80))) end)",
          "nil closed nil the allocation has been released; nil closed nil the allocation has been released; nil "
          "closed nil the allocation has been released; nil closed nil the allocation has been released" },
        { "stopped while it connects: nobody has the connection",
          STREAMS
          "local l = b:tcp_listen(80) b:spawn(function() local p = l:accept() show(p:recv()) end) "
          "on(function(r) local job = a:spawn(function() r:connect(l.own) show 'never' end) lab.sleep '5ms' job:stop() "
          "lab.sleep(40) show(s:counters().joined) r:close() end)",
          "1; nil closed" },
        { "stopped while it accepts: another has it",
          STREAMS
          "on(function(r) r:permit(b) local job = a:spawn(function() r:accept() show 'never' end) a:spawn(function() "
          "show((select(2, r:accept()))) end) lab.sleep(1) job:stop() b:tcp_connect(r.relayed, {from_port = 7}) end)",
          "198.51.100.3:7" },
        { "the peer ends it",
          STREAMS "local l = b:tcp_listen(80) b:spawn(function() local p = l:accept() lab.sleep(1) p:close() end) "
                  "on(function(r) local c = r:connect(l.own) show(c:recv()) show(s:counters().joined) end)",
          "nil closed; 1" },
        { "a closed relay ends them all",
          STREAMS "local l = b:tcp_listen(80) b:spawn(function() local p = l:accept() show('B', p:recv()) end) "
                  "on(function(r) local c = r:connect(l.own) r:close() show('A', c:recv()) end)",
          "B nil closed; A nil closed" },
        { "megabytes",
          STREAMS
          "local l = b:tcp_listen(80) b:spawn(function() local p = l:accept() p:send(p:recv(nil, {exactly = 2000000})) "
          "p:shutdown() end) on(function(r) local c = r:connect(l.own) local d = ('0123456789'):rep(200000) "
          "a:spawn(function() "
          "c:send(d) end) show(c:recv(nil, {exactly = 2000000}) == d, s:counters().stream_bytes) end)",
          "true 4000000" },
    };

    UNIT_LUA_CHECK(rows);
}

void
suite_lua_turn(void)
{
    UNIT_SUITE("lua turn", NULL, NULL, { "server", test_server }, { "opening", test_opening }, { "data", test_data },
               { "ending", test_ending }, { "streams", test_streams });
}
