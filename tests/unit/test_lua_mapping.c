/* host:map_port and a box's `port_control`: PCP, NAT-PMP and UPnP from a script to the mapping and back. */
#include "tests/unit/support_lua.h"

/* Shows anything; what map_port said. */
#define SHOW                                                                                                           \
    "local function show(...) local t = table.pack(...) for i = 1, t.n do t[i] = tostring(t[i]) end "                  \
    "log(table.concat(t, ' ')) end "
#define SAY                                                                                                            \
    "local function say(m, why, detail) log(m and tostring(m.external) or why, m and m.lifetime or detail and "        \
    "detail.code or '-') return m end "
#define NET(control)                                                                                                   \
    SHOW SAY "local n = lab.internet{} local S = n:host('S', '198.51.100.1') "                                         \
             "local box = n:nat('box', '203.0.113.1', {port_control = " control "}) local A = box:host('A') "
#define ALL NET("true")
#define TASK(body) "A:spawn(function() " body " end)"
static void
test_granted(void)
{
    static const struct unit_lua_row rows[] = {
        { "PCP", ALL TASK("say(A:map_port{port = 5000})"), "203.0.113.1:5000 7200" },
        { "NAT-PMP", ALL TASK("say(A:map_port{port = 5000, via = 'nat-pmp', lifetime = '1h'})"),
          "203.0.113.1:5000 3600" },
        { "UPnP", ALL TASK("say(A:map_port{port = 5000, via = 'upnp', lifetime = '1h'})"), "203.0.113.1:5000 3600" },
        { "a suggested port", ALL TASK("say(A:map_port{port = 5000, external = 6000})"), "203.0.113.1:6000 7200" },
        { "a suggested endpoint", ALL TASK("say(A:map_port{port = 5000, external = '203.0.113.1:6000'})"),
          "203.0.113.1:6000 7200" },
        { "a lifetime below a second", ALL TASK("say(A:map_port{port = 5000, via = 'nat-pmp', lifetime = 0.2})"),
          "203.0.113.1:5000 1" },
        { "fields", ALL TASK("local m = A:map_port{port = 5000, via = 'upnp'} show(tostring(m), m.own, m.via)"),
          "mapping 203.0.113.1:5000 of A 10.0.0.2:5000 upnp" },
        { "as the box has it",
          ALL TASK("A:map_port{port = 5000, external = 6000, protocol = 'tcp'} for _, m in ipairs(box:mappings()) do "
                   "show(m.protocol, m.internal, m.external, m.origin) end"),
          "tcp 10.0.0.2:5000 203.0.113.1:6000 pcp" },
        { "a fallback", NET("'nat-pmp'") TASK("show(A:map_port{port = 5000}.via)"), "nat-pmp" },
        { "none wanted", NET("'nat-pmp'") TASK("say(A:map_port{port = 5000, fallback = false})"), "rejected 1" },
        { "taken",
          ALL TASK("A:map_port{port = 5000, external = 6000} "
                   "say(A:map_port{port = 5001, external = 6000, exact = true})"),
          "rejected 11" },
        { "taken, over UPnP",
          ALL TASK("A:map_port{port = 5000, external = 6000} "
                   "say(A:map_port{port = 5001, external = 6000, exact = true, via = 'upnp'})"),
          "rejected 729" },
        { "what it has already, and that is another",
          ALL TASK("local s = A:udp(5000) s:send('198.51.100.1:9', 'x') lab.sleep(1) "
                   "say(A:map_port{port = 5000, external = 6000, exact = true}) "
                   "say(A:map_port{port = 5000, external = 5000, exact = true})"),
          "rejected 11; 203.0.113.1:5000 7200" },
        { "the words of a code",
          NET("'nat-pmp'") TASK("local _, _, d = A:map_port{port = 5000, fallback = false} show(d.text)"),
          "unsupported-version" },
        { "a limit", ALL TASK("box:set{limits = {per_host = 1}} A:map_port{port = 5000} say(A:map_port{port = 5001})"),
          "rejected 10" },
        { "nobody there", NET("false") TASK("say(A:map_port{port = 5000})"), "refused -" },
        { "nobody there, over UPnP", NET("{}") TASK("say(A:map_port{port = 5000, via = 'upnp'}) show(lab.now())"),
          "timeout -; 9.0" },
        { "a timeout",
          NET("false") "box:link{on = true} A:link{on = false} " TASK(
              "say(A:map_port{port = 5000, timeout = '5s'}) show(lab.now())"),
          "timeout -; 5.0" },
        { "PCP's patience", NET("false") "A:link{on = false} " TASK("say(A:map_port{port = 5000}) show(lab.now())"),
          "timeout -; 120.0" },
        { "on the internet",
          SHOW SAY "local n = lab.internet{} local A = n:host('A') " TASK("say(A:map_port{port = 5000})"),
          "refused -" },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_life(void)
{
    static const struct unit_lua_row rows[] = {
        { "kept",
          ALL TASK("local m = A:map_port{port = 5000, lifetime = '10min'} lab.sleep('3h') "
                   "show(m:wait(0), #box:mappings(), m:counters().grants > 10, m:counters().changes)"),
          "true 1 true 1" },
        { "and keeps no run going", ALL TASK("A:map_port{port = 5000} show(lab.now() < 1)"), "true" },
        { "stopped",
          ALL TASK(
              "local m = A:map_port{port = 5000} m:stop() show(m:wait(0)) show(m:wait(), #box:mappings()) m:stop()"),
          "nil timeout; true 0" },
        { "stopped, over UPnP",
          ALL TASK("local m = A:map_port{port = 5000, via = 'upnp'} m:stop() show(m:wait(), #box:mappings())"),
          "true 0" },
        { "PCP's, not to be had over UPnP",
          ALL TASK("local m = A:map_port{port = 5000} say(A:map_port{port = 5000, via = 'upnp'}) "
                   "local b = box:mappings()[1] show(b.origin, b.expires < 7201, #box:mappings()) m:stop() show(m:wait())"),
          "rejected 718; pcp true 1; true" },
        { "UPnP's, and PCP's after a reboot",
          ALL TASK("local u = A:map_port{port = 5000, via = 'upnp'} box:reboot{} A:map_port{port = 5000} u:stop() "
                   "local ok, why, d = u:wait() show(ok, why, d.code, #box:mappings())"),
          "nil rejected 606 1" },
        { "not renewed",
          ALL TASK("local m = A:map_port{port = 5000, lifetime = '10min'} A:link{on = false} show(m:wait(0)) "
                   "lab.sleep('11min') show(m:wait()) show(#box:mappings())"),
          "true; nil timeout; 0" },
        { "a reboot, and it is asked for again",
          ALL TASK("local m = A:map_port{port = 5000} lab.sleep('1min') box:reboot{down = '2s', ip = '203.0.113.9'} "
                   "lab.sleep('1s') show(#box:mappings()) lab.sleep('7s') show(m.external, m:counters().changes)"),
          "0; 203.0.113.9:5000 2" },
        { "the same with NAT-PMP",
          ALL TASK("local m = A:map_port{port = 5000, via = 'nat-pmp'} lab.sleep('1min') box:reboot{} "
                   "show(#box:mappings()) lab.sleep('6s') show(m.external, m:counters().grants)"),
          "0; 203.0.113.1:5000 2" },
        { "set during a run",
          NET("false") TASK("box:set{port_control = {'nat-pmp'}} say(A:map_port{port = 5000, via = 'nat-pmp'}) "
                            "box:set{port_control = {}} say(A:map_port{port = 5001, via = 'nat-pmp'})"),
          "203.0.113.1:5000 7200; refused -" },
        { "a further inside",
          ALL "local B = box:lan('guests', '10.9.0.0/24'):host('B') "
              "B:spawn(function() say(B:map_port{port = 5000}) say(B:map_port{port = 5001, via = 'upnp'}) end)",
          "203.0.113.1:5000 7200; 203.0.113.1:5001 7200" },
        { "one host for another's: its own NAT has it",
          ALL "local B = box:host('B') A:spawn(function() A:map_port{port = 5000} "
              "say(B:map_port{port = 5000, external = 5000, exact = true}) end)",
          "rejected 11" },
        { "from outside nobody is answered",
          ALL "S:spawn(function() local s = S:udp() s:send('203.0.113.1:5351', '\\0\\0') show(s:recv('1s')) "
              "show(S:tcp_connect('203.0.113.1:5000', {timeout = '5s'})) end)",
          "nil timeout; nil ..." },
    };

    UNIT_LUA_CHECK(rows);
}

/* The mapping carries what it promises. */
static void
test_reached(void)
{
    static const struct unit_lua_row rows[] = {
        { "a datagram of a stranger",
          ALL TASK("local s = A:udp(5000) local m = A:map_port{port = 5000, external = 6000} "
                   "S:udp(7):send(m.external, 'hello') local d, from = s:recv('1s') show(d, from) "
                   "s:send(from, 'back')"),
          "hello 198.51.100.1:7" },
        { "a connection of a stranger",
          ALL TASK("local l = A:tcp_listen(5000) local m = A:map_port{port = 5000, external = 6000, protocol = 'tcp'} "
                   "S:spawn(function() local c = S:tcp_connect(m.external, {timeout = '5s'}) c:send('hello') end) "
                   "local c = l:accept('5s') show(c:recv('5s', {exactly = 5}))"),
          "hello" },
        { "until it is given back",
          ALL TASK(
              "local s = A:udp(5000) local m = A:map_port{port = 5000} m:stop() m:wait() "
              "local w = lab.watch{packet = S:udp(7):send(m.external, 'hello')} lab.sleep('1s') show(w[#w].reason)"),
          "no-mapping" },
        { "a firewall opens a hole",
          SHOW SAY
          "local n = lab.internet{} local S = n:host('S', '198.51.100.1') "
          "local box = n:firewall('box', '203.0.113.1', {port_control = {'pcp'}, lan = '198.51.100.64/26'}) "
          "local A = box:host('A') " TASK("local s = A:udp(5000) local m = A:map_port{port = 5000} show(m.external) "
                                          "S:udp(7):send(m.external, 'hello') show(s:recv('1s'))"),
          "198.51.100.66:5000; hello 198.51.100.1:7 ..." },
        { "behind two NATs it is the inner one's word",
          SHOW SAY "local n = lab.internet{} local isp = n:nat('isp', '203.0.113.1', {port_control = true, lan = "
                   "'100.64.0.0/10'}) "
                   "local box = isp:nat('box', '100.64.0.2', {port_control = true}) local A = box:host('A') " TASK(
                       "show(A:map_port{port = 5000}.external, #isp:mappings())"),
          "100.64.0.2:5000 0" },
        { "and the outer one is asked by its address in vain: a NAT stands between",
          SHOW SAY "local n = lab.internet{} local isp = n:nat('isp', '203.0.113.1', {port_control = true, lan = "
                   "'100.64.0.0/10'}) "
                   "local box = isp:nat('box', '100.64.0.2', {}) local A = box:host('A') " TASK(
                       "say(A:map_port{port = 5000, gateway = '100.64.0.1'})"),
          "rejected 12" },
    };

    UNIT_LUA_CHECK(rows);
}

#define A_PORT "; accepted: a whole number from 1 to 65535"

static void
test_mistakes(void)
{
    static const struct unit_lua_row rows[] = {
        { "no options", ALL "A:map_port()", "1: host:map_port: the options is missing; accepted: a table..." },
        { "no port", ALL "A:map_port{}", "1: host:map_port: port is missing" A_PORT },
        { "a wrong port", ALL "A:map_port{port = 0}", "1: host:map_port: port is 0" A_PORT },
        { "a wrong way", ALL "A:map_port{port = 1, via = 'pnp'}",
          "1: host:map_port: via is 'pnp'; accepted: pcp, nat-pmp or upnp; did you mean 'pcp'?" },
        { "a wrong protocol", ALL "A:map_port{port = 1, protocol = 'icmp'}",
          "1: host:map_port: protocol is 'icmp'; accepted: udp or tcp..." },
        { "another's address", ALL TASK("A:map_port{port = 1, ip = '10.0.0.77'}"),
          "1: host:map_port: the local address is none of this host's" },
        { "no lifetime", ALL "A:map_port{port = 1, lifetime = 0}",
          "1: host:map_port: lifetime is 0; accepted: a duration above 0" },
        { "exact what", ALL "A:map_port{port = 1, exact = true}",
          "1: host:map_port: exact needs an external port to insist on" },
        { "an option", ALL "A:map_port{port = 1, extrenal = 5}",
          "1: host:map_port: 'extrenal' is not an option here; accepted: ..." },
        { "outside of a task", ALL "A:map_port{port = 1}", "1: host:map_port: ..." },
        { "an unknown server", NET("{'pcp', 'upnpp'}"),
          "1: network:nat: 'upnpp' is not a value of 'port_control'; accepted: pcp, nat-pmp or upnp; did you mean "
          "'upnp'?" },
        { "a number", NET("{5}"), "1: network:nat: port_control[1] is 5; accepted: a text" },
        { "a table that is no list", NET("{pcp = true}"),
          "1: network:nat: port_control is no list of a few words: {'pcp', 'upnp'}" },
        { "a text of several", NET("'pcp, upnp'") "show('fine')", "fine" },
    };

    UNIT_LUA_CHECK(rows);
}

void
suite_lua_mapping(void)
{
    UNIT_SUITE("lua: map_port", NULL, NULL, { "granted", test_granted }, { "life", test_life },
               { "reached", test_reached }, { "mistakes", test_mistakes });
}
