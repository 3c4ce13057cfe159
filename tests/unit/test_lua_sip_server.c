/* host:sip_server, with right and with wrong options, and what it tells of a registration by hand. */
#include "tests/unit/support_lua.h"

#define NET "local n = lab.internet { delay = '10ms' } local S, a, b = n:host 'S', n:host 'A', n:host 'B' "
#define TASK "lab.spawn(function() "
/* A request of `A`: asks, and logs the status and what a pattern finds in the answer. */
#define ASK                                                                                                            \
    "local function ask(sock, method, uri, to, more, pattern) "                                                        \
    "  local id = math.random(1, 10^9) "                                                                               \
    "  sock:send(S.ip .. ':5060', table.concat({method .. ' ' .. uri .. ' SIP/2.0', 'Via: SIP/2.0/UDP "                \
    "198.51.100.2:5060;rport;"                                                                                         \
    "branch=z9hG4bK' .. id, 'From: <sip:alice@x.example>;tag=1', 'To: <' .. to .. '>', 'Call-ID: ' .. id, 'CSeq: 1 ' " \
    ".. method, "                                                                                                      \
    "'Max-Forwards: 70', more .. 'Content-Length: 0', '', ''}, '\\r\\n')) "                                            \
    "  local data = assert(sock:recv '5s') log(data:match '^SIP/2.0 (%d+)') "                                          \
    "  if pattern then log(tostring(data:match(pattern))) end end "

static void
test_options(void)
{
    static const struct unit_lua_row rows[] = {
        { "a server", NET "local s = S:sip_server() out(s, s.own, s.port, s:wait())",
          "198.51.100.1:5060 198.51.100.1:5060 5060 true" },
        { "another port", NET "out(S:sip_server {port = 5070, ip = '198.51.100.1', tcp = false})",
          "198.51.100.1:5070" },
        { "in use", NET "S:sip_server() out(S:sip_server())", "nil in-use" },
        { "a stopped one", NET "local s = S:sip_server() s:stop() s:stop() out(s:wait(), #s:bindings())", "nil 0..." },
        { "no such option", NET "S:sip_server {user = 80}",
          "1: host:sip_server: 'user' is not an option here; accepted: domain, users, realm, ..." },
        { "a domain", NET "S:sip_server {domain = 'a\"b'}",
          "1: host:sip_server: domain is 'a\"b'; accepted: 1 to 127 bytes without quotes..." },
        { "its software", NET "S:sip_server {software = 'x\\r\\nX-Evil: 1'}", "1: host:sip_server: software is 'x..." },
        { "users", NET "S:sip_server {users = {'alice'}}",
          "1: host:sip_server: users has something else than passwords by name; accepted: {alice = 'secret'}" },
        { "a user's name", NET "S:sip_server {users = {['a\"'] = 'b'}}", "1: host:sip_server: a user's name has..." },
        { "a user's password", NET "S:sip_server {users = {a = ''}}", "1: host:sip_server: a user's password has..." },
        { "auth without users", NET "S:sip_server {auth = true}", "1: host:sip_server: auth needs users" },
        { "an expiry", NET "S:sip_server {min_expires = 0.5}",
          "1: host:sip_server: min_expires is 0.5; accepted: a duration of a second or more" },
        { "expiries", NET "S:sip_server {min_expires = '3h'}",
          "1: host:sip_server: min_expires is more than max_expires..." },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_registering(void)
{
    static const struct unit_lua_row rows[] = {
        { "registered",
          NET ASK TASK
          "local s = S:sip_server {domain = 'x.example'} local u = a:udp(5060) "
          "ask(u, 'REGISTER', 'sip:x.example', 'sip:alice@x.example', 'Contact: <sip:alice@10.0.0.9>;q=0.5\\r\\n', "
          "'Contact: ([^\\r]*)') "
          "local b = s:bindings()[1] log(b.user .. ' ' .. b.contact .. ' ' .. tostring(b.from) .. ' ' .. b.transport "
          ".. ' ' "
          ".. b.q .. ' ' .. math.ceil(b.expires)) end)",
          "200; <sip:alice@10.0.0.9>;q=0.5;expires=3600; alice sip:alice@10.0.0.9 198.51.100.2:5060 udp 0.5 3600" },
        { "expired",
          NET ASK TASK "local s = S:sip_server {domain = 'x.example'} local u = a:udp(5060) "
                       "ask(u, 'REGISTER', 'sip:x.example', 'sip:alice@x.example', 'Contact: "
                       "<sip:alice@10.0.0.9>\\r\\nExpires: 60\\r\\n') "
                       "lab.sleep '61s' log(#s:bindings() .. ' ' .. s:counters().expired) end)",
          "200; 0 1" },
        { "refused",
          NET ASK TASK "local s = S:sip_server {domain = 'x.example', users = {alice = 'secret'}} "
                       "local u = a:udp(5060) "
                       "ask(u, 'REGISTER', 'sip:x.example', 'sip:alice@x.example', '', 'Digest realm=\"([^\"]*)\"') "
                       "ask(u, 'OPTIONS', 'sip:x.example', 'sip:x.example', '') "
                       "log(s:refusals().unproven .. ' ' .. s:counters().requests) end)",
          "401; x.example; 200; 1 2" },
        { "drained",
          NET ASK TASK
          "local s = S:sip_server {domain = 'x.example'} s:drain() "
          "ask(a:udp(5060), 'REGISTER', 'sip:x.example', 'sip:alice@x.example', '') log(s:refusals().draining) end)",
          "503; 1" },
        { "unknown to everybody",
          NET ASK TASK "local s = S:sip_server {domain = 'x.example', users = {bob = 'x'}, auth = false} "
                       "ask(a:udp(5060), 'OPTIONS', 'sip:carol@x.example', 'sip:carol@x.example', '') "
                       "log(s:refusals()['unknown-user']) end)",
          "404; 1" },
    };

    UNIT_LUA_CHECK(rows);
}

/* Two phones, each behind a NAT whose mapping depends on the destination: called along the flow of the registration, and
 * hung up on by the recorded route, though both Contacts are private. With `how`: options of both. UDP is blocked for those
 * whose names are in `blocked`. */
#define PHONES(server, how) PHONES_OF("", server, how)
#define PHONES_OF(blocked, server, how)                                                                                \
    "local blocked = '" blocked "' local n = lab.internet { delay = '10ms' } local S = n:host 'S' "                                                  \
    "local s = S:sip_server {domain = 'x.example', users = {alice = 'one', bob = 'two'}, " server "} "                 \
    "local function phone(name, user, password) local nat = n:nat('nat' .. name, nil, {type = "                         \
    "blocked:find(name) and 'udp-blocked' or 'symmetric'}) "                                                           \
    "  return nat:host(name, '10.0.0.2'):sip {user = user, password = password, registrar = s, " how "} end "          \
    "local alice, bob = phone('A', 'alice', 'one'), phone('B', 'bob', 'two') "                                         \
    "lab.spawn(function() assert(bob:register()) assert(alice:register()) "                                            \
    "  lab.spawn(function() local call = bob:accept '20s' if call then log(select(2, call:wait())) end end) "          \
    "  local call, why, more = alice:call('bob', {timeout = '10s'}) "                                                  \
    "  log(tostring(call and call.state or why)) if call then lab.sleep(2) call:hangup() call:wait() end "             \
    "lab.sleep(1) "                                                                                                    \
    "  local c = s:counters() log(c.answered .. ' ' .. c.failed .. ' ' .. c.bindings) end)"

#define MIXED "transport = blocked:find(name) and 'tcp' or 'udp'"

static void
test_phones(void)
{
    static const struct unit_lua_row rows[] = {
        { "UDP", PHONES("", "transport = 'udp'"), "standing; peer-hangup; 1 0 2" },
        { "TCP", PHONES("", "transport = 'tcp'"), "standing; peer-hangup; 1 0 2" },
        { "flows (RFC 5626)", PHONES("", "outbound = true"), "standing; peer-hangup; 1 0 2" },
        { "flows over TCP", PHONES("", "outbound = true, transport = 'tcp'"), "standing; peer-hangup; 1 0 2" },
        /* What is on record leads back by the transport that each came by (RFC 5658). */
        { "UDP is blocked for the caller", PHONES_OF("A", "", MIXED), "standing; peer-hangup; 1 0 2" },
        { "for the one who is called", PHONES_OF("B", "", MIXED), "standing; peer-hangup; 1 0 2" },
        { "for both", PHONES_OF("AB", "", MIXED), "standing; peer-hangup; 1 0 2" },
        { "to the Contact, which is private", PHONES("flows = false", "transport = 'udp'"), "timeout; 0 0 2" },
    };

    UNIT_LUA_CHECK(rows);
}

void
suite_lua_sip_server(void)
{
    UNIT_SUITE("lua_sip_server", NULL, NULL, { "options", test_options }, { "registering", test_registering },
               { "phones behind NATs", test_phones });
}
