/* The words of the interface (section 2), with right and with wrong arguments. */
#include "tests/unit/support_lua.h"

#define NET "local n = lab.internet{} "
#define TWO NET "local a, b = n:host 'A', n:host 'B' "
#define DURATION                                                                                                       \
    "; accepted: a duration such as '200ms', '1.5s' or '5min' (units ns us ms s min h), or a number of seconds"
#define OPTIONS_OF_A_LINK "delay, jitter, loss, duplicate, reorder, rate, queue, mtu, on, faults, up or down"

static void
test_lab(void)
{
    static const struct unit_lua_row rows[] = {
        { "an unknown word", "lab.spwan(print)", "1: lab has no 'spwan'; did you mean 'spawn'?" },
        { "one that is near nothing", "lab.xyzzyplugh()", "1: lab has no 'xyzzyplugh'; it has: title, about, ..." },
        { "a colon", "lab:note 'x'", "1: lab:note(...) was called with a colon; write lab.note(...) with a dot" },
        { "an assignment", "lab.title = 'x'",
          "1: lab.title cannot be assigned to; its words are called: lab.title(\"...\")" },
        { "title", "lab.title(5)", "1: lab.title: the text is 5; accepted: a text" },
        { "now", "out(lab.now())", "0.0" },
        { "an argument too many", "lab.now(1)", "1: lab.now: there is an argument too many: 1" },
        { "seconds", "log(lab.seconds '20ms', lab.seconds '5min', lab.seconds(3), lab.seconds(-1), lab.seconds '1ns')",
          "0.02 300.0 3.0 0.0 1e-09" },
        { "a duration without a unit", "lab.seconds '20'", "1: lab.seconds: the duration is '20'" DURATION },
        { "a duration of another kind", "lab.seconds {}", "1: lab.seconds: the duration is a table" DURATION },
        { "not a number", "lab.at(0/0, print)", "1: lab.at: the time is nan" DURATION },
        { "at", "lab.at(1)", "1: lab.at: what to do is missing; accepted: a function" },
        { "spawn", "lab.spawn(5)", "1: lab.spawn: the function is 5; accepted: a function" },
        { "spawn's options", "lab.spawn(print, {backgruond = true})",
          "1: lab.spawn: 'backgruond' is not an option here; accepted: background or name; did you mean "
          "'background'?" },
        { "wait", "lab.wait(5)", "1: lab.wait: the predicate is 5; accepted: a function" },
        { "wait's timeout", "lab.wait(print, 'x')", "1: lab.wait: timeout is 'x'" DURATION },
        { "note", "lab.note()", "1: lab.note: the text is missing; accepted: anything that can be shown" },
        { "expect", "log(tostring(lab.expect(1 == 1)), tostring(lab.expect(nil, 'x')))", "true false" },
        { "random",
          "local r = lab.random(6) log(r >= 1 and r <= 6 and 'in', math.type(lab.random()), lab.random(5, 5))",
          "in float 5" },
        { "random of nothing", "lab.random(3, 2)", "1: lab.random: there is nothing from 3 to 2" },
        { "random of a text", "lab.random 'x'",
          "1: lab.random: a bound is 'x'; accepted: a whole number from -9223372036854775808 to 9223372036854775807" },
        { "require gives the same", "out(require 'punchlab' == lab, type(lab))", "true table" },
        { "capture", NET "n:host 'A' lab.capture {'B'}",
          "1: lab.capture: node 1 is 'B': no node is called that; did you mean 'A'?" },
        { "capture of what is no node", "lab.capture {5}",
          "1: lab.capture: node 1 is 5; accepted: a host, a box or the name of one" },
        { "at, at the end", "lab.at_end(function() lab.at(1, print) end)",
          "1: lab.at: the run is over: it would never be called" },
        { "traffic at the end",
          NET "local a = n:host 'A' lab.at_end(function() a:traffic{to = '192.0.2.1:5'} end)",
          "1: host:traffic: the run is over: nothing would be sent any more" },
        { "at_end", "lab.at_end 'x'", "1: lab.at_end: the function is 'x'; accepted: a function" },
    };

    UNIT_LUA_CHECK(rows);
}

/* One stream, whoever draws from it; and not always the same number. */
static void
test_dice(void)
{
    g_autofree char *lab = unit_lua_run("out(lab.random(1000), lab.random(1000), lab.random(5, 500), lab.random())");
    g_autofree char *math =
        unit_lua_run("out(math.random(1000), lab.random(1000), math.random(5, 500), math.random())");
    g_autofree char *spread = unit_lua_run("local seen, n = {}, 0 for i = 1, 1000 do seen[lab.random(6)] = true end "
                                           "for k in pairs(seen) do log(k) end");

    CHECK_ROW_TEXT("one stream", math, lab);
    CHECK_ROW_TEXT("all faces", spread, "1; 2; 3; 4; 5; 6");
}

static void
test_results(void)
{
    static const struct unit_lua_row rows[] = {
        { "not a number", "lab.result('out', 0/0)",
          "1: lab.result: out is nan; accepted: "
          "a boolean, a finite number, a text, an endpoint, or a list of these" },
        { "infinite", "lab.result('out', -math.huge)",
          "1: lab.result: out is -inf; accepted: "
          "a boolean, a finite number, a text, an endpoint, or a list of these" },
        { "not a number in a list", "lab.result('out', {1, 0/0})",
          "1: lab.result: out[2] is nan; accepted: "
          "a boolean, a finite number, a text, an endpoint, or a list of these" },
        { "no name", "lab.result('', 1)", "1: lab.result: the name is empty; accepted: a text" },
        { "a port is missing", "lab.endpoint('192.0.2.1')",
          "1: lab.endpoint: the port is missing; accepted: a whole number from 0 to 65535" },
        { "a sink's port is missing", "lab.internet{}:host('A'):sink()",
          "1: host:sink: the port is missing; accepted: a whole number from 1 to 65535" },
        { "a NUL in an error", "error('a\\0b')", "1: a\\0b" },
        { "a NUL in a callback's error", "lab.at(1, function() error('a\\0b', 0) end)", "1: a\\0b" },
        { "plain", "lab.result('out', 1.5)", "1.5" },
        { "an endpoint", "lab.result('out', lab.endpoint('192.0.2.1', 5))", "192.0.2.1:5" },
        { "a list", "lab.result('out', {1, 'a', true, lab.endpoint('2001:db8::1', 5)})",
          "1, a, true, [2001:db8::1]:5" },
        { "set again", "lab.result('out', 1) lab.result('out', 'x')", "x" },
        { "read back", "lab.result('a', 5) out(lab.results.a, lab.results.b)", "5 nil" },
        { "assigned", "lab.results.out = 7", "7" },
        { "assigned wrongly", "lab.results.out = print",
          "1: lab.result: out is a function; accepted: a boolean, a finite number, a text, an endpoint, or a list of these" },
        { "walked", "lab.result('b', 1) lab.result('a', 2) for k, v in pairs(lab.results) do log(k, v) end",
          "a 2; b 1" },
        { "nil", "lab.result('out', nil)",
          "1: lab.result: out is nil; for a call that failed, give its reason: lab.result(k, v or why)" },
        { "nil, assigned", "lab.results.out = nil",
          "1: lab.result: out is nil; for a call that failed, give its reason: lab.result(k, v or why)" },
        { "nothing", "lab.result('out')",
          "1: lab.result: out is missing; accepted: a boolean, a finite number, a text, an endpoint, or a list of these" },
        { "nil in a list", "lab.result('out', {1, nil, 3})",
          "1: lab.result: out is a table that is no list; accepted: ..." },
        { "a list of lists", "lab.result('out', {{}})",
          "1: lab.result: out[1] is a table; accepted: a boolean, a finite number, a text, an endpoint, or a list of these" },
        { "no list", "lab.result('out', {a = 1})",
          "1: lab.result: out is a table that is no list; accepted: a boolean, a finite number, a text, an endpoint, or a "
          "list of these" },
        { "no name", "lab.result(5, 5)", "1: lab.result: the name is 5; accepted: a text" },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_networks(void)
{
    static const struct unit_lua_row rows[] = {
        { "names",
          NET "local b = n:nat('N', '203.0.113.1') local l = lab.network('L', '10.9.0.0/24') out(n, n.name, b, b.name, "
              "b:router('R', nil, {lan = '10.8.0.0/24'}), l)",
          "network internet internet nat N N router R network L" },
        { "a host", NET "local h = n:host('A', '198.51.100.7') out(h, h.name, h.ip, #h.ips)",
          "host A A 198.51.100.7 1" },
        { "addresses", NET "local h = n:host('A', {'198.51.100.7', '198.51.100.9'}) out(h.ip, h.ips[2])",
          "198.51.100.7 198.51.100.9" },
        { "a pool", NET "local b = n:nat('N', '203.0.113.0/28') out(#b.ips > 10, b.ip)", "true 203.0.113.1" },
        { "left out", NET "out(n:host('A').ip ~= n:host('B').ip)", "true" },
        { "lan", NET "local b = n:nat('N', nil, {lan = '10.7.0.0/16'}) out(b:host('A').ip)", "10.7.0.2" },
        { "nested", NET "out(n:nat('C'):nat('N', nil, {lan = '192.168.0.0/24'}):host('A').ip)", "192.168.0.2" },
        { "a further inside", NET "local l = n:nat('N'):lan('guests', '10.5.0.0/24') out(l, l:host('A').ip)",
          "network guests 10.5.0.2" },
        { "a bad address", NET "n:host('A', '1.2.3')",
          "1: network:host: host 'A': '1.2.3' is not an address; accepted: an address (198.51.100.1), several, or a "
          "pool (203.0.113.0/28)" },
        { "an address of another kind", NET "n:host('A', 5)",
          "1: network:host: the address is 5; accepted: a text such as '198.51.100.1' or '203.0.113.0/28', or a list "
          "of such" },
        { "a list with a mistake", NET "n:host('A', {'198.51.100.1', 5})",
          "1: network:host: the address[2] is 5; accepted: a text such as '198.51.100.1'" },
        { "a name twice", TWO "n:host 'A'", "1: network:host: the name 'A' is taken by another node" },
        { "no name", NET "n:host()", "1: network:host: the name is missing; accepted: a text" },
        { "an option of a link", NET "n:host('A', nil, {dely = 1})",
          "1: network:host: 'dely' is not an option here; accepted: " OPTIONS_OF_A_LINK "; did you mean 'delay'?" },
        { "of several mistakes always the same is told", NET "n:host('A', nil, {zz = 1, yy = 1, xx = 1, ww = 1})",
          "1: network:host: 'ww' is not an option here; accepted: " OPTIONS_OF_A_LINK },
        { "an option without a name", NET "n:host('A', nil, {'x'})",
          "1: network:host: an option has no name: [1] = 'x'" },
        { "options of another kind", NET "n:host('A', nil, 5)",
          "1: network:host: the options is 5; accepted: a table { ... }" },
        { "a type", NET "n:nat('N', nil, {type = 'symetric'})",
          "1: network:nat: 'symetric' is not a type of NAT; accepted: full-cone, ..." },
        { "a real box", NET "local b = n:nat('N', nil, {type = 'linux'}) b:set{type = 'pf'} out(b)", "nat N" },
        { "near to a type", NET "n:nat('N', nil, {type = 'linux-randm'})",
          "1: network:nat: 'linux-randm' is not a type of NAT; accepted: ..." },
        { "a router", NET "n:nat('N', nil, {type = 'router'})",
          "1: network:nat: a router is no NAT: network:router(name, ip, {}) makes one" },
        { "a value", NET "n:nat('N', nil, {mapping = 'address'})",
          "1: network:nat: 'address' is not a value of 'mapping'; accepted: endpoint-independent, address-dependent, "
          "address-and-port-dependent or none; did you mean 'address-dependent'?" },
        { "a value for one protocol", NET "n:nat('N', nil, {udp = {filtering = 'x'}})",
          "1: network:nat: 'x' is not a value of 'filtering'; accepted: ..." },
        { "a timeout", NET "n:nat('N', nil, {timeout = {udp = 'x'}})",
          "1: network:nat: 'x' is not a value of 'timeout.udp'; accepted: ..." },
        { "a key of timeout", NET "n:nat('N', nil, {timeout = {upd = 5}})",
          "1: network:nat: 'upd' is not an option here; accepted: udp, udp_stream, icmp, tcp, tcp_opening or "
          "tcp_closing; did you mean 'udp'?" },
        { "limits of one protocol", NET "n:nat('N', nil, {udp = {limits = {rate = 5}}})",
          "1: network:nat: 'rate' is not an option here; accepted: per_host or total" },
        { "the answer to limits", NET "n:nat('N', nil, {limits = {answer = 'imcp'}})",
          "1: network:nat: 'imcp' is not a value of 'limits.answer'; accepted: icmp, icmp-host or drop; did you mean "
          "'icmp'?" },
        { "timeouts in one protocol's options", NET "n:nat('N', nil, {udp = {timeout = {udp = 1}}})",
          "1: network:nat: timeout in udp is a table; accepted: a duration such as '5min' or '30s', or a number of "
          "seconds" },
        { "limits", NET "n:nat('N', nil, {limits = 5})",
          "1: network:nat: limits is 5; accepted: {per_host=, total=}, or false for no limit" },
        { "a limit", NET "n:nat('N', nil, {limits = {total = true}})",
          "1: network:nat: 'true' is not a value of 'limits.total'; accepted: a whole number from 1 to 4194304, or 0 "
          "or false for no limit" },
        { "what is empty asks for nothing",
          NET "out(n:nat('N', nil, {rules = {}, quirks = {}, forward = {}, alg = {}, port_control = {}, tcp = {}, "
              "udp = {}, icmp = {}, timeout = {}, limits = {}}))",
          "nat N" },
        { "rules",
          NET "local h = n:host 'H' out(n:nat('N', nil, {rules = {{action = 'deny', protocol = 'udp', direction = 'out', "
              "port = 53, address = h}, {action = 'allow', address = '10.0.0.0/8', from = '2001:db8::1', "
              "port = {5000, 6000}}, {action = 'deny', port = '7-8'}}}))",
          "nat N" },
        { "rules without braces", NET "n:nat('N', nil, {rules = {action = 'deny'}})",
          "1: network:nat: rules is a list: {{action='deny', protocol='udp'}}, with braces around each rule" },
        { "no list of rules", NET "n:nat('N', nil, {rules = 'deny'})",
          "1: network:nat: rules is 'deny'; accepted: a list of {action=, direction=, protocol=, address=, port=, "
          "from=}" },
        { "a rule that is none", NET "n:nat('N', nil, {rules = {'deny'}})",
          "1: network:nat: rules[1] is 'deny'; accepted: {action=, direction=, protocol=, address=, port=, from=}" },
        { "a rule without action", NET "n:nat('N', nil, {rules = {{action = 'allow'}, {protocol = 'udp'}}})",
          "1: network:nat: rules[2] has no action; accepted: 'allow' or 'deny'" },
        { "a rule's action", NET "n:nat('N', nil, {rules = {{action = 'alow'}}})",
          "1: network:nat: rules[1]: 'alow' is not a rule's action; accepted: allow or deny; did you mean 'allow'?" },
        { "a rule's key", NET "n:nat('N', nil, {rules = {{action = 'allow', adress = 'x'}}})",
          "1: network:nat: rules[1]: 'adress' is not an option here; accepted: action, direction, protocol, address, port or "
          "from; did you mean 'address'?" },
        { "a rule's port", NET "n:nat('N', nil, {rules = {{action = 'allow', port = true}}})",
          "1: network:nat: port in rules[1] is true; accepted: a port, or {low, high}" },
        { "a rule's ports", NET "n:nat('N', nil, {rules = {{action = 'allow', port = {2, 1}}}})",
          "1: network:nat: rules[1]: '2-1' is not a rule's port; accepted: one from 1 to 65535, or two such as "
          "\"5000-5999\", the lower first" },
        { "a rule's address", NET "n:nat('N', nil, {rules = {{action = 'allow', address = '10.0.0'}}})",
          "1: network:nat: rules[1]: '10.0.0' is not a rule's address; accepted: an address, or a prefix such as "
          "\"198.51.100.0/24\" or \"2001:db8::/32\"" },
        { "a quirk", NET "n:nat('N', nil, {quirks = {'early-inbound-poison'}})",
          "1: network:nat: 'early-inbound-poison' is not a quirk; accepted: early-inbound-poisons, "
          "filtered-inbound-destroys, icmp-destroys, preserve-then-symmetric or rewrites-payload; did you mean "
          "'early-inbound-poisons'?" },
        { "a quirk's name", NET "n:nat('N', nil, {quirks = {5}})",
          "1: network:nat: quirks[1] is 5; accepted: a name" },
        { "a block", NET "n:nat('N', nil, {port_block = {per_host = 2}})",
          "1: network:nat: port_block has no size, and is not deterministic" },
        { "a block's size", NET "n:nat('N', nil, {port_block = {size = 0}})",
          "1: network:nat: '0' is not a value of 'port_block.size'; accepted: a whole number from 1 to 65535" },
        { "a block's key", NET "n:nat('N', nil, {port_block = {sice = 64}})",
          "1: network:nat: 'sice' is not an option here; accepted: size, per_host, deterministic or dynamic; did you "
          "mean 'size'?" },
        { "a port's timeout", NET "n:nat('N', nil, {port_timeout = {dns = '20s'}})",
          "1: network:nat: port_timeout has the key 'dns'; accepted: a table of durations by port such as {[53]='20s'}" },
        { "no port's timeout", NET "n:nat('N', nil, {port_timeout = {[53] = 0}})",
          "1: network:nat: port_timeout[53] is 0; a mapping has to live for a while" },
        { "exempt", NET "n:nat('N', nil, {exempt = {'198.51'}})",
          "1: network:nat: exempt[1] is '198.51'; accepted: a prefix such as '198.51.100.0/24', an address, a host or an "
          "endpoint" },
        { "exempt, set", NET "n:nat 'N':set{exempt = {'1.2.3.4/40'}}",
          "1: nat:set: exempt[1] is '1.2.3.4/40'; accepted: a prefix such as '198.51.100.0/24', an address, a host or an "
          "endpoint" },
        { "exempt, and no text", NET "n:nat('N', nil, {exempt = {5}})",
          "1: network:nat: exempt[1] is 5; accepted: a prefix such as ..." },
        { "a forward's key", NET "n:nat('N', nil, {forward = {{prt = 80}}})",
          "1: network:nat: forward[1]: 'prt' is not an option here; ..." },
        { "a forward that leads elsewhere, set", NET "n:nat 'N':set{forward = {{port = 80, to = '9.9.9.9:80'}}}",
          "1: nat:set: forward: 9.9.9.9 is not inside of N" },
        { "one more", NET "n:nat 'N':forward{port = 80, to = '9.9.9.9:80'}",
          "1: nat:forward: forward: 9.9.9.9 is not inside of N" },
        { "a forward to a further inside",
          NET "local b = n:nat('N', nil, {forward = {{port = 80, to = '10.9.0.2'}}}) b:set{ttl = 'keep'} "
              "b:lan('L', '10.9.0.0/24') b:set{forward = {{port = 80, to = '10.9.0.2'}}} out(b)",
          "nat N" },
        { "forwards", NET "n:nat('N', nil, {forward = {port = 80}})",
          "1: network:nat: forward is a list: accepted: a list of {protocol=, port=, address=, to=, from=}" },
        { "a forward", NET "n:nat('N', nil, {forward = {{port = 80}}})",
          "1: network:nat: forward[1] has no 'to'; accepted: an endpoint, a host or its address inside" },
        { "a forward of nothing", NET "n:nat('N', nil, {forward = {{to = '10.0.0.2'}}})",
          "1: network:nat: forward[1] has neither a port nor an address: which external endpoint is to be forwarded?" },
        { "a forward's protocol", NET "n:nat('N', nil, {forward = {{protocol = 'upd', port = 80, to = '10.0.0.2'}}})",
          "1: network:nat: protocol in forward[1] is 'upd'; accepted: udp or tcp; did you mean 'udp'?" },
        { "a forward's ports", NET "n:nat('N', nil, {forward = {{port = {80, 79}, to = '10.0.0.2'}}})",
          "1: network:nat: port in forward[1] is 79; accepted: a whole number from 80 to 65535" },
        { "a forward's address", NET "n:nat('N', '203.0.113.1', {forward = {{address = '203.0.113.2', to = '10.0.0.2'}}})",
          "1: network:nat: forward: 203.0.113.2 is none of N's outside addresses" },
        { "what a NAT can do",
          NET "local b = n:nat('N', '203.0.113.0/30', {ports = 'overload', parity = true, contiguous = true, clash = "
              "'random', overlap = true, pooling = 'arbitrary', port_block = {size = 64, per_host = 2}, port_hold = "
              "'2min', fragments = 'in-order-only', quirks = {'icmp-destroys', 'rewrites-payload'}, port_timeout = "
              "{[53] = '20s', [123] = 10}, limits = {per_host = 5, rate = 10, answer = 'icmp-host'}, udp = {limits = "
              "{per_host = 3}}, timeout = {udp_stream = '2min'}, forward = {{protocol = 'udp', port = {80, 81}, to = "
              "'10.0.0.2:8080', from = '198.51.100.0/24'}, {address = '203.0.113.2', to = '10.0.0.3'}}}) "
              "b:set{port_block = 32, quirks = {}, port_hold = 0} b:set{port_block = {deterministic = true}} "
              "b:set{port_block = false, limits = false, udp = {limits = false}} out(b)",
          "nat N" },
        { "forwarded",
          NET "local b = n:nat('N', '203.0.113.1') local a, s = b:host('A', '10.0.0.2'), n:host 'S' local k = a:sink(80) "
              "b:forward{protocol = 'udp', port = 8080, to = lab.endpoint(a, 80)} s:udp(7):send('203.0.113.1:8080', 'x') "
              "lab.at(1, function() local m = b:mappings()[1] log(k.packets, m.external.port, m.origin) end)",
          "1 8080 forward" },
        { "good ones",
          NET "local b = n:nat('N', nil, {timeout = {udp = '1min', icmp = 30}, limits = {per_host = 5}, port_range = "
              "{4000, 5000}, "
              "udp = {filtering = 'address-dependent'}, affinity = false, ttl = 'keep', delay = '1ms', inside = {loss "
              "= 0.1}}) out(b)",
          "nat N" },
        { "an ALG, on and off",
          NET "local b = n:nat('N', '203.0.113.1') local a, s = b:host('A', '10.0.0.2'), n:host 'S' local k = s:udp(7) "
              "local u = a:udp(5) local function says() u:send(lab.endpoint(s, 7), '\\10\\0\\0\\2') "
              "return (k:recv():byte()) end lab.spawn(function() local r = {says()} "
              "b:alg 'rewrite-addresses' r[2] = says() b:alg('rewrite-addresses', false) r[3] = says() "
              "b:set{alg = {'rewrite-addresses'}} r[4] = says() b:alg('rewrite-addresses', {}) r[5] = says() "
              "b:set{alg = false} r[6] = says() log(table.concat(r, ' ')) end)",
          "10 203 10 203 203 10" },
        { "a firewall", NET "local f = n:firewall 'F' out(f, f:host('A'), f:lan('L', '10.1.0.0/24'))",
          "firewall F host A network L" },
        { "firewalls", NET "out(n:firewall 'F', n:firewall('G', nil, {type = 'udp-blocked', lan = '10.1.0.0/24', "
                           "mapping = 'none', rules = {}}))",
          "firewall F firewall G" },
        { "a firewall of a NAT's type", NET "n:firewall('F', nil, {type = 'symmetric'})",
          "1: network:firewall: 'symmetric' is a type of NAT, and a firewall translates nothing: network:nat(name, ip, "
          "{}) makes one" },
        { "no type of firewall", NET "n:firewall('F', nil, {type = 'captiv'})",
          "1: network:firewall: 'captiv' is not a type of firewall; accepted: firewall, udp-blocked, only-443, captive "
          "or none; did you mean 'captive'?" },
        { "ipv6", NET "out(n:nat('N', nil, {lan = {'10.0.0.0/24', '2001:db8:a::/64'}, ipv6 = 'prefix', ipv6_prefix = "
                      "'2001:db8:1::/48'}))",
          "nat N" },
        { "no such ipv6", NET "n:nat('N', nil, {ipv6 = 'nat46'})",
          "1: network:nat: 'nat46' is not a value of 'ipv6'; accepted: firewall, open, prefix, masquerade or nat64; did "
          "you mean 'nat64'?" },
        { "another prefix without one", NET "n:nat('N', nil, {ipv6 = 'prefix'})",
          "1: network:nat: ipv6 = 'prefix' needs ipv6_prefix, ..." },
        { "masquerade without an IPv6 address", NET "n:nat('N', nil, {ipv6 = 'masquerade'})",
          "1: network:nat: NAT 'N': ipv6 = 'masquerade' needs an IPv6 address outside, ..." },
        { "masquerade, set, without one", NET "n:nat 'N':set{ipv6 = 'masquerade'}",
          "1: nat:set: NAT 'N': ipv6 = 'masquerade' needs an IPv6 address outside, ..." },
        { "masquerade",
          NET "local b = n:nat('N', {'203.0.113.1', '2001:db8::1'}, {ipv6 = 'masquerade'}) b:set{ipv6 = 'open'} "
              "b:set{ipv6 = 'masquerade'} out(b, n:nat('M', nil, {lan = '2001:db8:a::/64', ipv6 = 'masquerade'}))",
          "nat N nat M" },
        { "a prefix without IPv6 inside", NET "n:nat('N', nil, {ipv6 = 'prefix', ipv6_prefix = '2001:db8::/48'})",
          "1: network:nat: NAT 'N': ipv6 = 'prefix' needs an IPv6 prefix in its lan" },
        { "a prefix that is the inside's",
          NET "n:nat('N', nil, {lan = '2001:db8:a::/64', ipv6 = 'prefix', ipv6_prefix = '2001:db8:a::/48'})",
          "1: network:nat: NAT 'N': ipv6_prefix 2001:db8:a::/48 is that of its inside" },
        { "a prefix that somebody has",
          NET "n:host('H', '2001:db8:1::1') n:nat('N', nil, {lan = '2001:db8:a::/64', ipv6 = 'prefix', ipv6_prefix = "
              "'2001:db8:1::/48'})",
          "1: network:nat: NAT 'N': ipv6_prefix: ..." },
        { "synthesize",
          NET "local x = n:nat('N', nil, {lan = '2001:db8:a::/64', ipv6 = 'nat64'}) local h = n:host('H', '198.51.100.1') "
              "out(x:synthesize(h), x:synthesize('192.0.2.33'), x:synthesize(lab.endpoint(h, 5)), "
              "x:synthesize('2001:db8::1'), x:synthesize('198.51.100.1:3478'))",
          "64:ff9b::c633:6401 64:ff9b::c000:221 [64:ff9b::c633:6401]:5 2001:db8::1 [64:ff9b::c633:6401]:3478" },
        { "synthesize a private one", NET "n:nat('N', nil, {ipv6 = 'nat64'}):synthesize('10.0.0.1')",
          "1: nat:synthesize: 64:ff9b::/96 may not stand for a private address (RFC 6052 section 3.1); ..." },
        { "synthesize where no NAT64 is", NET "n:nat('N'):synthesize('198.51.100.1')",
          "1: nat:synthesize: this box is no NAT64; ..." },
        { "a firewall that maps", NET "n:firewall('F', nil, {mapping = 'address-dependent'})",
          "1: network:firewall: a firewall's mapping is 'none': it translates nothing; ..." },
        { "one that maps icmp", NET "n:firewall('F'):set{icmp = {mapping = 'address-dependent'}}",
          "1: firewall:set: a firewall's mapping is 'none': it translates nothing; ..." },
        { "a router's type", NET "n:firewall('F', nil, {type = 'router'})",
          "1: network:firewall: a router is no firewall: ..." },
        { "forward", NET "n:nat('N'):forward{}",
          "1: nat:forward: the rule has no 'to'; accepted: an endpoint, a host or its address inside" },
        { "forward of a firewall", NET "n:firewall('F'):forward{port = 80, to = '10.0.0.2'}",
          "1: firewall:forward: F translates nothing: there is nothing to forward" },
        { "no such ALG", NET "n:nat('N'):alg('skype', {})",
          "1: nat:alg: 'skype' is not an ALG; accepted: rewrite-addresses, ftp or sip" },
        { "an ALG's options", NET "n:nat('N'):alg('rewrite-addresses', {quirk = 'x'})",
          "1: nat:alg: 'x' is not a quirk of the ALG rewrite-addresses, which has none" },
        { "an ALG's quirk", NET "n:nat('N'):alg('ftp', {quirk = 'breaks-on-segment'})",
          "1: nat:alg: 'breaks-on-segment' is not a quirk of the ALG ftp; accepted: breaks-on-segments; did you mean "
          "'breaks-on-segments'?" },
        { "an ALG's quirk in a list", NET "n:nat('N'):alg('ftp', {quirk = {'breaks-on-segments', 1}})",
          "1: nat:alg: a word of quirk is 1; accepted: a text" },
        { "an ALG's other option", NET "n:nat('N'):alg('ftp', {port = 2121})",
          "1: nat:alg: 'port' is not an option here; accepted: quirk" },
        { "an ALG of a router", NET "n:router('R', nil, {}):alg('rewrite-addresses')",
          "1: router:alg: a router translates nothing: it has no ALG" },
        { "an ALG in options", NET "n:nat('N', nil, {alg = {'skype'}})",
          "1: network:nat: 'skype' is not an ALG; accepted: rewrite-addresses, ftp or sip" },
        { "a dot", NET "n.host('A')",
          "1: network.host(...) was called with a dot; write network:host(...) with a colon" },
        { "of another", TWO "n.host(a, 'C')",
          "1: network.host(...) was called with a dot; write network:host(...) with a colon" },
        { "of another, by a colon", TWO "local f = n.host f(a, 'C')", "1: host is a word of a network, not of a host" },
        { "a dot, and another host as the first argument", TWO "a.udp(b, 'x')",
          "1: host:udp: the port is 'x'; accepted: a whole number from 0 to 65535 (it was called with a dot; write "
          "host:udp(...) with a colon)" },
        { "an unknown word", NET "n:hots 'A'", "1: network has no 'hots'; did you mean 'host'?" },
        { "an unknown field", TWO "out(a.nmae)", "1: host has no 'nmae'; did you mean 'name'?" },
        { "an assignment", TWO "a.name = 'x'", "1: a host cannot be assigned to (.name)" },
        { "handles are equal",
          TWO "local l = lab.network('L', '10.9.0.0/24') local i = a:attach(l) out(i.network == l, i == i, a ~= b)",
          "true true true" },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_links(void)
{
    static const struct unit_lua_row rows[] = {
        { "delay of both",
          "local n = lab.internet{delay = '20ms'} local a, b = n:host 'A', n:host 'B' a:spawn(function() "
          "out(a:ping(b)) end)",
          "0.08" },
        { "its own",
          NET "local a, b = n:host('A', nil, {delay = '5ms'}), n:host 'B' a:spawn(function() out(a:ping(b)) end)",
          "0.0102" },
        { "one way",
          NET
          "local a, b = n:host('A', nil, {up = {delay = '5ms'}}), n:host 'B' a:spawn(function() out(a:ping(b)) end)",
          "0.0053" },
        { "changed later, keys not given stay",
          NET
          "local a, b = n:host('A', nil, {delay = '5ms'}), n:host 'B' a:spawn(function() a:link{down = {delay = 0}} "
          "out(a:ping(b)) a:link{loss = 0} log(a:ping(b)) end)",
          "0.0052" },
        { "off", TWO "a:spawn(function() a:link{on = false} out(a:ping(b, {timeout = 1})) end)", "nil timeout" },
        { "faults",
          TWO "a:link{up = {faults = {{packet = 2, lose = true}, {packet = 1, delay = '1ms'}}}} "
              "a:spawn(function() log(a:ping(b)) log(tostring(a:ping(b, {timeout = 1}))) log(a:ping(b)) end)",
          "0.0014; nil; 0.0004" },
        { "several faults of one packet",
          TWO "a:link{up = {faults = {{packet = 1, delay = '1ms'}, {packet = 2, delay = '2ms'}, {packet = 1, delay = '3ms'}, "
              "{packet = 2, lose = true}}}} a:spawn(function() log(a:ping(b)) log(tostring(a:ping(b, {timeout = 1}))) end)",
          "0.0044; nil" },
        { "loss", TWO "a:link{loss = 2}", "1: host:link: loss is 2; accepted: a share from 0 to 1" },
        { "a rate", TWO "a:link{rate = '10Mbps'}",
          "1: host:link: rate is '10Mbps'; accepted: a rate such as '10Mbit/s' (units bit/s kbit/s Mbit/s Gbit/s), or "
          "a number of bits a second" },
        { "rates",
          TWO "for _, r in ipairs{'1bit/s', '2.5kbit/s', '10Mbit/s', '1Gbit/s', 64000, 0} do a:link{rate = r} end out "
              "'good'",
          "good" },
        { "a rate counts", TWO "a:link{rate = '1Mbit/s'} a:spawn(function() out(a:ping(b, {size = 97})) end)",
          "0.0024" },
        { "mtu", TWO "a:link{mtu = 20}", "1: host:link: mtu is 20; accepted: a whole number from 68 to 65535" },
        { "reorder", TWO "a:link{reorder = 'x'}",
          "1: host:link: reorder is 'x'; accepted: true, false or a share from 0 to 1" },
        { "on", TWO "a:link{on = 1}", "1: host:link: on is 1; accepted: true or false" },
        { "queue", TWO "a:link{queue = -1}", "1: host:link: queue is -1; accepted: a whole number from 0 to ..." },
        { "one way's keys", TWO "a:link{up = {up = {}}}",
          "1: host:link: 'up' is not an option here; accepted: delay, jitter, ..." },
        { "a fault", TWO "a:link{faults = {{lose = true}}}",
          "1: host:link: a fault is {packet=, lose=, duplicate=, delay=}, and has no packet" },
        { "a fault's key", TWO "a:link{faults = {{packet = 1, loose = true}}}",
          "1: host:link: 'loose' is not an option here; accepted: packet, lose, duplicate or delay; did you mean "
          "'lose'?" },
        { "no faults", TWO "a:link{faults = {1}}",
          "1: host:link: faults[1] is 1; accepted: {packet=, lose=, duplicate=, delay=}" },
        { "interfaces",
          TWO "local l = lab.network('L', '10.9.0.0/24') local i = a:attach(l, '10.9.0.5') i:link{delay = 1} "
              "log(tostring(i), i.ip, a.ips[2]) "
              "i:remove() log(tostring(i.ip), #a.ips, i:counters().packets_in)",
          "interface A-L 10.9.0.5 10.9.0.5; nil 1 0" },
        { "a removed one", TWO "local i = a:attach(lab.network('L', '10.9.0.0/24')) i:remove() i:link{}",
          "1: interface:link: this interface has been removed" },
        { "attach", TWO "a:attach('L')",
          "1: host:attach: the network is 'L'; accepted: a network (an internet, lab.network, or the inside of a "
          "box)" },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_sockets(void)
{
    static const struct unit_lua_row rows[] = {
        { "a datagram",
          TWO "local r = b:udp(7) a:spawn(function() log(a:udp(5):send(b.ip .. ':7', 'hi', {ttl = 9, dscp = 46, df = "
              "true})) end) "
              "b:spawn(function() local d, f, i = r:recv() log(d, tostring(f), f.ip, f.port, i.ttl, i.dscp, "
              "tostring(i.df), i.packet, i.at, tostring(i.to)) end)",
          "A.1; hi 198.51.100.1:5 198.51.100.1 5 8 46 true A.1 0.0002 198.51.100.2:7" },
        { "the text of an endpoint, a server and an endpoint do",
          TWO "local s, t = a:udp(5), b:stun_server() out(s:send('198.51.100.2:7', 'x'), s:send(t, 'x'), "
              "s:send(lab.endpoint(b, 9), 'x'))",
          "A.1 A.2 A.3" },
        { "its own end", TWO "local s = a:udp(5000) out(s, s.own, s.port)",
          "socket 198.51.100.1:5000 of A 198.51.100.1:5000 5000" },
        { "any port", TWO "out(a:udp().port >= 1024)", "true" },
        { "one of several addresses",
          NET "local a = n:host('A', {'198.51.100.1', '198.51.100.5'}) out(a:udp(5, {ip = '198.51.100.5'}).own)",
          "198.51.100.5:5" },
        { "an address of others", TWO "a:udp(5, {ip = b})", "1: host:udp: the local address is none of this host's" },
        { "in use", TWO "a:udp(5) out(a:udp(5))", "nil in-use" },
        { "a port", TWO "a:udp(70000)", "1: host:udp: the port is 70000; accepted: a whole number from 0 to 65535" },
        { "half a port", TWO "a:udp(5.5)", "1: host:udp: the port is 5.5; accepted: a whole number from 0 to 65535" },
        { "a timeout",
          TWO "a:spawn(function() local s = a:udp() out(s:recv(0), select(2, s:recv('1s'))) log(lab.now()) end)",
          "1.0" },
        { "closed", TWO "local s = a:udp(5) s:close() s:close() out(s:recv(), select(2, s:send('192.0.2.1:5', 'x')))",
          "nil closed" },
        { "closed while somebody waits",
          TWO "local s = a:udp(5) a:spawn(function() out(s:recv()) end) a:spawn(function() lab.sleep(1) s:close() end)",
          "nil closed" },
        { "closed ports are free", TWO "a:udp(5):close() out(a:udp(5).port)", "5" },
        { "no port", TWO "a:udp():send('192.0.2.1', 'x')",
          "1: socket:send: the endpoint is '192.0.2.1', which has no port; write '192.0.2.1:PORT' or "
          "lab.endpoint('192.0.2.1', port)" },
        { "a host alone", TWO "a:udp():send(b, 'x')",
          "1: socket:send: the endpoint is host B: a host alone has no port; write lab.endpoint(host, port)" },
        { "no endpoint", TWO "a:udp():send(5, 'x')",
          "1: socket:send: the endpoint is 5; accepted: an endpoint, its text 'ip:port' or a server" },
        { "no data", TWO "a:udp():send('192.0.2.1:5')", "1: socket:send: the data is missing; accepted: a text" },
        { "ttl", TWO "a:udp():send('192.0.2.1:5', 'x', {ttl = 0})",
          "1: socket:send: ttl is 0; accepted: a whole number from 1 to 255" },
        { "too big", TWO "out(a:udp():send(lab.endpoint(b, 5), ('x'):rep(70000)))", "nil too-big" },
        { "too big with df", TWO "out(a:udp():send(lab.endpoint(b, 5), ('x'):rep(2000), {df = true}))", "nil too-big" },
        { "an ICMP error only counts",
          TWO "a:spawn(function() local s = a:udp() s:send(lab.endpoint(b, 9), 'x') out(s:recv(1)) end)",
          "nil timeout" },
        { "unless asked for",
          TWO "a:spawn(function() local s = a:udp(nil, {errors = true}) s:send(lab.endpoint(b, 9), 'x') local d, r, i "
              "= s:recv() "
              "log(tostring(d), r, i.from, tostring(i.to)) end)",
          "nil refused 198.51.100.2 198.51.100.2:9" },
        { "ttl-exceeded",
          TWO "a:spawn(function() local s = a:udp(nil, {errors = true}) s:send(lab.endpoint(b, 9), 'x', {ttl = 1}) "
              "out(select(2, s:recv())) log(lab.results.out:sub(1, 12)) end)",
          "ttl-exceeded" },
        { "a dot", TWO "a.udp(5)", "1: host.udp(...) was called with a dot; write host:udp(...) with a colon" },
        { "a full receive buffer",
          TWO "local s, r = a:udp(5), b:udp(7) local data = ('x'):rep(1000) "
              "lab.spawn(function() for i = 1, 5000 do s:send(r.own, data) end lab.sleep(1) "
              "local kept, lost = b:counters().delivered, b:counters().dropped['socket-full'] "
              "log(tostring(kept + lost == 5000), tostring(kept > 3000 and kept < 4194), tostring(s:recv(0))) "
              "local got = 0 while r:recv(0) do got = got + 1 end log(tostring(got == kept)) "
              "s:send(r.own, 'more') log((r:recv(1))) end)",
          "true true nil; true; more" },
        { "a word of an endpoint", TWO "a:udp():send(lab.endpoint(b, 9):foo(), 'x')",
          "1: endpoint has no 'foo'; it has: ip or port" },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_endpoints(void)
{
    static const struct unit_lua_row rows[] = {
        { "equal ones are the same",
          "local e = lab.endpoint('192.0.2.1', 5) out(e == lab.endpoint('192.0.2.1', 5), e == "
          "lab.endpoint('192.0.2.1', 6), ({[e] = 'key'})[lab.endpoint('192.0.2.1', 5)])",
          "true false key" },
        { "printed",
          "out(lab.endpoint('192.0.2.1', 5), lab.endpoint('2001:db8::1', 5), 'to ' .. lab.endpoint('192.0.2.1', 5) .. "
          "'!')",
          "192.0.2.1:5 [2001:db8::1]:5 to 192.0.2.1:5!" },
        { "parts", "local e = lab.endpoint('192.0.2.1', 5) out(e.ip, e.port, math.type(e.port))",
          "192.0.2.1 5 integer" },
        { "of a host", TWO "out(lab.endpoint(b, 5))", "198.51.100.2:5" },
        { "immutable", "lab.endpoint('192.0.2.1', 5).port = 6", "1: an endpoint cannot be assigned to (.port)" },
        { "a bad address", "lab.endpoint('192.0.2', 5)",
          "1: lab.endpoint: the address is '192.0.2'; accepted: an address such as '198.51.100.1', a host or an "
          "endpoint" },
        { "a bad port", "lab.endpoint('192.0.2.1', 'x')",
          "1: lab.endpoint: the port is 'x'; accepted: a whole number from 0 to 65535" },
        { "many of them",
          "local t = {} for i = 1, 60000 do t[lab.endpoint('192.0.2.1', i)] = i end local s = 0 for i = 1, 60000 do s "
          "= s + t[lab.endpoint('192.0.2.1', i)] end out(s)",
          "1800030000" },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_services(void)
{
    static const struct unit_lua_row rows[] = {
        { "stun",
          NET "local a, b = n:nat('N', '203.0.113.1'):host 'A', n:host 'S' b:stun_server() a:spawn(function() local e, "
              "r = a:udp(5):stun(b) "
              "log(tostring(e), tostring(r.mapped), tostring(r.xor_mapped), r.rtt, r.requests) end)",
          "203.0.113.1:5 203.0.113.1:5 203.0.113.1:5 0.0006 1" },
        { "stun by server, endpoint and text",
          TWO "local s = b:stun_server{port = 99} a:spawn(function() local u = a:udp(5) "
              "log(tostring(u:stun(s)), tostring(u:stun(s.own)), tostring(u:stun '198.51.100.2:99'), s.port) end)",
          "198.51.100.1:5 198.51.100.1:5 198.51.100.1:5 99" },
        { "stun takes its own answer only",
          TWO "b:stun_server() local u = a:udp(5) b:spawn(function() b:udp(9):send(lab.endpoint(a, 5), 'other') end) "
              "a:spawn(function() lab.sleep(1) u:stun(b) log((u:recv(0))) end)",
          "other" },
        { "long-term credentials",
          TWO "b:stun_server{users = {alice = 'secret', bob = 'x'}} a:spawn(function() local u = a:udp(5) "
              "for _, who in ipairs{{user = 'alice', password = 'secret'}, {user = 'alice', password = 'wrong'}, "
              "{user = 'eve', password = 'secret'}, {}} do local e, r, d = u:stun(b, who) log(tostring(e), d and d.code or "
              "r.requests) end end)",
          "198.51.100.1:5 2; nil 401; nil 401; nil 401" },
        { "short-term credentials",
          TWO "b:stun_server{users = {alice = 'secret'}, mechanism = 'short-term'} a:spawn(function() local u = a:udp(5) "
              "for _, who in ipairs{{user = 'alice', password = 'secret', mechanism = 'short-term'}, {user = 'alice', "
              "password = 'wrong', mechanism = 'short-term', fingerprint = false}, {}} do "
              "local e, r, d = u:stun(b, who) log(tostring(e), d and (d.code or r .. ', ' .. d.text) or r.requests) end end)",
          "198.51.100.1:5 1; nil timeout, answers came, but none was protected as it has to be; nil 400" },
        { "credentials over TCP",
          TWO "b:stun_server{users = {alice = 'secret'}, realm = 'example.org'} a:spawn(function() "
              "log(tostring((a:tcp_connect(lab.endpoint(b, 3478), {from_port = 9}):stun{user = 'alice', password = "
              "'secret'}))) end)",
          "198.51.100.1:9" },
        { "FINGERPRINT and an ALG",
          NET "local a, b = n:nat('N', '203.0.113.1', {alg = 'rewrite-addresses'}):host('A', '10.0.0.2'), n:host 'S' "
              "b:stun_server() a:spawn(function() local u = a:udp(5) local _, why, d = u:stun(b) log(why, d.text) "
              "local e, r = u:stun(b, {fingerprint = false}) log(tostring(e), tostring(r.mapped)) end)",
          "timeout answers came, but something on the way had changed them: FINGERPRINT was wrong; "
          "203.0.113.1:5 10.0.0.2:5" },
        { "a user without a password", TWO "a:udp():stun(b, {user = 'alice'})", "1: socket:stun: user needs a password" },
        { "a password without a user", TWO "a:udp():stun(b, {password = 'x'})", "1: socket:stun: password needs a user" },
        { "a mechanism", TWO "a:udp():stun(b, {user = 'x', password = 'y', mechanism = 'short'})",
          "1: socket:stun: mechanism is 'short'; accepted: long-term or short-term; ..." },
        { "users", TWO "b:stun_server{users = {'alice'}}",
          "1: host:stun_server: users has something else than passwords by name; accepted: {alice = 'secret'}" },
        { "no users", TWO "b:stun_server{users = 'alice'}",
          "1: host:stun_server: users is 'alice'; accepted: a table of passwords by name: {alice = 'secret'}" },
        { "a realm of nobody", TWO "b:stun_server{realm = 'example.org'}", "1: host:stun_server: realm needs users" },
        { "a mechanism of nobody", TWO "b:stun_server{mechanism = 'short-term'}",
          "1: host:stun_server: mechanism needs users" },
        { "a user without a password", TWO "b:stun_server{users = {a = ''}}",
          "1: host:stun_server: a user's password has 1 to 508 bytes" },
        { "a user with two lines", TWO "b:stun_server{users = {['a\\nb'] = 'x'}}",
          "1: host:stun_server: a user's name has 1 to 508 bytes, and no control characters" },
        { "who says to be one", TWO "a:udp():stun(b, {user = 'a\\0b', password = 'x'})",
          "1: socket:stun: user has a control character" },
        { "ALTERNATE-SERVER",
          TWO "local users = {alice = 'secret'} b:stun_server{port = 4000, users = users} "
              "b:stun_server{users = users, redirect = lab.endpoint(b, 4000)} a:spawn(function() "
              "local me = {user = 'alice', password = 'secret'} local e, r = a:udp(5):stun(b, me) "
              "log(tostring(e), tostring(r.server)) log(select(3, a:udp():stun(b)).code) "
              "local s = a:tcp_connect(lab.endpoint(b, 3478)) local e, why, d = s:stun(me) "
              "log(tostring(e), why, d.code, tostring(d.alternate)) end)",
          "198.51.100.1:5 198.51.100.2:4000; 401; nil rejected 300 198.51.100.2:4000" },
        { "a way for nobody", TWO "b:stun_server{redirect = '198.51.100.9:1'}",
          "1: host:stun_server: redirect needs users" },
        { "an empty realm", TWO "b:stun_server{users = {a = 'b'}, realm = ''}",
          "1: host:stun_server: realm has 0 bytes; accepted: 1 to 127" },
        { "nobody answers", TWO "b:sink(3478) a:spawn(function() out(a:udp():stun(b)) log(lab.now()) end)", "39.5" },
        { "a time limit",
          TWO "b:sink(3478) a:spawn(function() out(a:udp():stun(b, {timeout = '2s'})) log(lab.now()) end)", "2.0" },
        { "other timers",
          TWO "b:sink(3478) a:spawn(function() a:udp():stun(b, {rto = '100ms', requests = 1}) log(lab.now()) end)",
          "1.6" },
        { "refused",
          TWO "a:spawn(function() local e, why, more = a:udp():stun(b) log(tostring(e), why, more.from) end)",
          "nil refused 198.51.100.2" },
        { "closed meanwhile",
          TWO
          "b:sink(3478) local u = a:udp() a:spawn(function() out(u:stun(b)) end) lab.at(1, function() u:close() end)",
          "nil closed" },
        { "stopped meanwhile",
          TWO "b:sink(3478) local u = a:udp() local t = a:spawn(function() u:stun(b) end) lab.at(1, function() "
              "t:stop() u:close() out 'fine' end)",
          "fine" },
        { "a stopped server",
          TWO "local s = b:stun_server() s:stop() a:spawn(function() out(select(2, a:udp():stun(b)), select(2, "
              "s:wait())) end) ",
          "refused closed" },
        { "counters of a server",
          TWO "local s = b:stun_server() a:spawn(function() a:udp():stun(s) out(s:counters().requests, s:wait()) end)",
          "1 true" },
        { "two servers", TWO "b:stun_server() out(b:stun_server())", "nil in-use" },
        { "ping",
          TWO "a:spawn(function() out(a:ping(b), (select(2, a:ping(b, {ttl = 1}))), (select(2, a:ping('192.0.2.77')))) "
              "end)",
          "0.0004 ttl-exceeded unreachable" },
        { "ping of no address", TWO "a:spawn(function() a:ping 'B' end)",
          "1: host:ping: the address is 'B'; accepted: an address such as '198.51.100.1', a host or an endpoint" },
        { "traffic and sink",
          TWO "local k = b:sink(9) local t = a:traffic{to = lab.endpoint(b, 9), packets = 1000, size = 100, interval = "
              "'1ms'} "
              "lab.spawn(function() log(tostring(t:wait(0))) log(tostring(t:wait()), t:counters().sent, lab.now()) "
              "lab.sleep(1) log(k.packets, k.bytes) end)",
          "nil; true 1000 0.999; 1000 100000" },
        { "traffic stopped",
          TWO "local t = a:traffic{to = '192.0.2.1:5'} lab.at(1, function() t:stop() out(t:counters().sent) end)",
          "50" },
        { "traffic to nowhere", TWO "a:traffic{}",
          "1: host:traffic: to is missing; accepted: an endpoint, its text 'ip:port' or a server" },
        { "traffic's size", TWO "a:traffic{to = '192.0.2.1:5', size = 3}",
          "1: host:traffic: size is 3; accepted: a whole number from 4 to 65507" },
        { "sink in use", TWO "b:sink(9) out(b:sink(9))", "nil in-use" },
        { "mailbox", "local m = lab.mailbox() m:put(1) m:put {2} out(m:take(0), m:take(0)[1], m:take(0))",
          "1 2 nil timeout" },
        { "mailbox of nil", "lab.mailbox():put()", "1: mailbox:put: the value is missing; accepted: anything but nil" },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_boxes(void)
{
    static const struct unit_lua_row rows[] = {
        { "mappings",
          NET "local x = n:nat('N', '203.0.113.1') local a, b = x:host('A', '10.0.0.2'), n:host 'B' b:sink(9) "
              "a:udp(5):send(lab.endpoint(b, 9), 'x') "
              "lab.at(1, function() local m = x:mappings()[1] log(#x:mappings(), m.protocol, tostring(m.internal), "
              "tostring(m.external), #m.peers, tostring(m.peers[1]), m.expires) end)",
          "1 udp 10.0.0.2:5 203.0.113.1:5 1 198.51.100.1:9 300.0001" },
        { "reboot",
          NET "local x = n:nat('N', '203.0.113.1') local a, b = x:host('A', '10.0.0.2'), n:host 'B' "
              "a:udp(5):send(lab.endpoint(b, 9), 'x') "
              "lab.at(1, function() log(#x:mappings()) x:reboot{down = '1s', ip = '203.0.113.9'} log(#x:mappings()) "
              "end) lab.at(3, function() log(x.ip) end)",
          "1; 0; 203.0.113.9" },
        { "set", NET "local x = n:nat('N') x:set{mapping = 'address-dependent', type = 'symmetric'} out 'fine'",
          "fine" },
        { "limits lifted",
          NET "local x = n:nat('N', nil, {limits = {per_host = 1, total = 1}}) local a, b = x:host 'A', n:host 'B' "
              "local function some(n, t) for i = 1, n do a:udp():send(lab.endpoint(b, 9), 'x') end lab.sleep(1) "
              "log(#x:mappings()) end "
              "a:spawn(function() some(3) x:set{limits = {total = 2}} some(1) x:set{limits = {per_host = 0}} some(3) "
              "x:set{limits = {total = false}} some(3) x:set{limits = {total = 6}} some(3) x:set{limits = false} "
              "some(3) end)",
          "1; 1; 2; 5; 6; 9" },
        { "set wrongly", NET "n:nat('N'):set{type = 'none'}",
          "1: nat:set: 'none' is not a type of NAT; accepted: full-cone, ..." },
        { "set without a word", NET "n:nat('N'):set{filtring = 'x'}",
          "1: nat:set: 'filtring' is not an option here; accepted: type, ..." },
        { "set of a router", NET "n:router('R'):set{mapping = 'x'}",
          "1: router:set: a router translates nothing: it has no options to set" },
        { "set of a firewall",
          NET "local f, b = n:firewall('F'), n:host 'B' local a = f:host 'A' local s = a:udp() a:spawn(function() "
              "s:send(lab.endpoint(b, 9), 'x') lab.sleep(1) f:set{type = 'udp-blocked'} s:send(lab.endpoint(b, 9), 'x') "
              "s:send(lab.endpoint(b, 8), 'x') lab.sleep(1) f:set{rules = {}} s:send(lab.endpoint(b, 7), 'x') "
              "lab.sleep(1) local d = f:counters() out(d.outbound, d.dropped.policy, d.refused) end)",
          "3 1 1" },
        { "counters",
          NET "local x = n:nat('N') local a, b = x:host 'A', n:host 'B' a:udp(5):send(lab.endpoint(b, 9), 'x') "
              "lab.at(1, function() log(x:counters().made, x:counters().outbound, a:counters().sent, "
              "b:counters().dropped['port-unreachable']) end)",
          "1 1 1 1" },
        { "none",
          NET "local x = n:nat('N', '203.0.113.1', {type = 'none'}) local a = x:host('A', '10.0.0.2') x:reboot{} "
              "x:set{type = 'symmetric'} x:link{delay = 1} "
              "out(x, x.ip, #x.ips, a.ip, #x:mappings(), x:counters().sent)",
          "nat N 203.0.113.1 1 203.0.113.1 0 0" },
        { "none, with a link",
          NET "local x = n:nat('N', '203.0.113.1', {type = 'none', delay = '5ms', up = {delay = '7ms'}}) "
              "local a, b = x:host 'A', n:host 'B' a:spawn(function() out(a:ping(b)) end)",
          "0.0122" },
        { "none, and the host's own link",
          NET "local x = n:nat('N', '203.0.113.1', {type = 'none', delay = '5ms'}) "
              "local a, b = x:host('A', nil, {down = {delay = '1ms'}}), n:host 'B' a:spawn(function() out(a:ping(b)) "
              "end)",
          "0.0062" },
        { "none, and a fault list",
          NET "local x = n:nat('N', '203.0.113.1', {type = 'none', faults = {{packet = 1, lose = true}}}) "
              "local a, b = x:host 'A', n:host 'B' a:spawn(function() log(tostring(a:ping(b, {timeout = 1}))) "
              "log(tostring(a:ping(b, {timeout = 1}))) log(a:ping(b)) end)",
          "nil; nil; 0.0004" },
        { "none, on a network with a delay",
          "local n = lab.internet{delay = '20ms'} local x = n:nat('N', nil, {type = 'none', loss = 0}) "
          "local a, b = x:host 'A', n:host 'B' a:spawn(function() out(a:ping(b)) end)",
          "0.08" },
        { "none, its link changed before a host is there",
          NET "local x = n:nat('N', '203.0.113.1', {type = 'none'}) x:link{delay = '5ms'} "
              "local a, b = x:host 'A', n:host 'B' a:spawn(function() out(a:ping(b)) end)",
          "0.0102" },
        { "none with two", NET "local x = n:nat('N', nil, {type = 'none'}) x:host 'A' x:host 'B'",
          "1: nat:host: host 'B': 'N' is of type none: ..." },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_watch(void)
{
    static const struct unit_lua_row rows[] = {
        { "a packet that was filtered",
          NET "local x = n:nat('N', '203.0.113.1') local a, b = x:host 'A', n:host 'B' local w = lab.watch{action = "
              "'dropped', packet = "
              "b:udp(5):send('203.0.113.1:9', 'hi')} "
              "lab.at(1, function() local r = w[#w] log(#w, r.reason, r.node, r.action, r.protocol, r.size, "
              "tostring(r.from), tostring(r.to), r.packet, r.at) end)",
          "1 no-mapping N dropped udp 30 198.51.100.1:5 203.0.113.1:9 B.1 0.0002" },
        { "in the same instant",
          TWO "local w = lab.watch{node = a, action = 'sent'} a:spawn(function() a:udp():send('192.0.2.1:5', 'x') "
              "lab.sleep(0) "
              "log(#w, w[1].at, w[1].text) end)",
          "1 0.0 sends A.1..." },
        { "with a function",
          TWO "b:sink(9) lab.watch({node = 'B', action = 'delivered'}, function(r) log(r.packet, r.at) end) "
              "for i = 1, 2 do a:udp(i):send(lab.endpoint(b, 9), 'x') end",
          "A.1 0.0002; A.2 0.0002" },
        { "by ends",
          TWO "b:sink(9) local w = lab.watch{from = a, to = lab.endpoint(b, 9), action = 'delivered'} "
              "a:udp(1):send(lab.endpoint(b, 9), 'x') "
              "a:udp(2):send(lab.endpoint(b, 8), 'x') lab.at(1, function() log(#w, tostring(w[1].from)) end)",
          "1 198.51.100.1:1" },
        { "by reason",
          TWO "local w = lab.watch{reason = 'port-unreachable'} a:udp(1):send(lab.endpoint(b, 9), 'x') lab.at(1, "
              "function() out(#w, w[1].text) end)",
          "1 drops A.1 ..." },
        { "an internet",
          NET "local w = lab.watch{node = 'internet', action = 'dropped'} n:host('A'):udp(5):send('192.0.2.1:5', 'x') "
              "lab.at(1, function() out(#w, w[1].node, w[1].reason) end)",
          "1 internet no-route" },
        { "an internet as such",
          NET "local w = lab.watch{node = n, action = 'dropped'} n:host('A'):udp(5):send('192.0.2.1:5', 'x') "
              "lab.at(1, function() out(#w, w[1].node) end)",
          "1 internet" },
        { "a packet of an internet's",
          NET "local w = lab.watch{packet = 'internet.1', action = 'sent'} "
              "n:host('A'):udp(5):send('192.0.2.1:5', 'x') lab.at(1, function() out(#w, w[1].packet) end)",
          "1 internet.1" },
        { "nearly an internet", NET "lab.watch{node = 'intrnet'}",
          "1: lab.watch: node is 'intrnet': no node is called that; did you mean 'internet'?" },
        { "a network that decides nothing", NET "lab.network('L') lab.watch{node = 'L'}",
          "1: lab.watch: node is 'L': no node is called that" },
        { "a network that decides nothing, as such", NET "lab.watch{node = lab.network('L')}",
          "1: lab.watch: node is network L; accepted: a host, a box, an internet or the name of one" },
        { "an action", "lab.watch{action = 'droped'}",
          "1: lab.watch: action is 'droped'; accepted: sent, delivered, dropped, duplicated, fragmented, tcp-state, "
          "tcp-retransmitted, translated, mapping-new, mapping-expired, mapping-forgotten, ..." },
        { "endpoints of a mapping",
          NET "local x = n:nat('N', '203.0.113.1') local a, b = x:host('A', '10.0.0.2'), n:host 'B' b:sink(9) "
              "local w = lab.watch{action = 'translated'} "
              "a:udp(5):send(lab.endpoint(b, 9), 'x') "
              "lab.at(1, function() local r = w[1] log(tostring(r.internal == lab.endpoint('10.0.0.2', 5)), "
              "r.external.ip, r.external.port, math.type(r.mapping)) end)",
          "true 203.0.113.1 5 integer" },
        { "endpoints of a filter",
          NET "local x = n:nat('N', '203.0.113.1') local a, b = x:host('A', '10.0.0.2'), n:host 'B' b:sink(9) "
              "local w = lab.watch{reason = 'filtered'} a:udp(5):send(lab.endpoint(b, 9), 'x') "
              "b:udp(8):send('203.0.113.1:5', 'x') "
              "lab.at(1, function() local r = w[1] log(r.internal.port, r.external.ip, r.first_peer.port) end)",
          "5 203.0.113.1 9" },
        { "the endpoint that STUN found",
          TWO "b:stun_server() local w = lab.watch{action = 'stun-answered'} a:spawn(function() a:udp(5):stun(b) "
              "out(w[1].mapped.port) end)",
          "5" },
        { "the sending of a packet of the top level",
          TWO "b:sink(9) local w = lab.watch{packet = a:udp(5):send(lab.endpoint(b, 9), 'x')} log(#w) "
              "lab.at(1, function() log(w[1].action, w[#w].action) end)",
          "0; sent delivered" },
        { "the sending of a packet of a task",
          TWO "b:sink(9) lab.spawn(function() local w = lab.watch{packet = a:udp(5):send(lab.endpoint(b, 9), 'x')} "
              "lab.sleep(1) log(w[1].action) end)",
          "delivered" },
        { "a word", "lab.watch{nod = 'x'}",
          "1: lab.watch: 'nod' is not an option here; accepted: packet, node, action, reason, protocol, size, ttl, "
          "from, to or text; did you mean 'node'?" },
        { "a reason", "lab.watch{reason = 'filterd'}", "1: lab.watch: reason is 'filterd'; accepted: ..." },
        { "a protocol", "lab.watch{protocol = 'upd'}",
          "1: lab.watch: protocol is 'upd'; accepted: udp, icmp, tcp or icmpv6; did you mean 'udp'?" },
        { "a packet", "lab.watch{packet = 'x'}",
          "1: lab.watch: packet is 'x'; accepted: a packet's name such as 'A.3', as send returns it" },
        { "a node", TWO "lab.watch{node = 'C'}", "1: lab.watch: node is 'C': no node is called that..." },
    };

    UNIT_LUA_CHECK(rows);
}

void
suite_lua_words(void)
{
    UNIT_SUITE("lua words", NULL, NULL, { "lab", test_lab }, { "dice", test_dice }, { "results", test_results },
               { "networks", test_networks }, { "links", test_links }, { "sockets", test_sockets },
               { "endpoints", test_endpoints }, { "services", test_services }, { "boxes", test_boxes },
               { "watch", test_watch });
}
