/* The SIP ALG over TCP: whole messages whatever the segments, lengths and sequence numbers that follow, and streams that
 * are none of SIP's. In the snippets '|' is a line's end. */
#include "tests/unit/support_lua.h"

/* `talk(out, back, options)`: A behind the NAT sends each text of `out`, 50 ms apart; S sends `back` once it has got
 * all of them; what S and then A got is told, line ends as '|' again, with B's words for lost connections. */
#define NET(alg)                                                                                                       \
    "local n = lab.internet { delay = '5ms' } local s = n:host('S', '198.51.100.1') "                                   \
    "local nat = n:nat('N', '203.0.113.1', { lan = '10.0.0.0/24', alg = { 'sip' } }) local a = nat:host('A', '10.0.0.2') " \
    alg " local function crlf(t) return (t:gsub('|', '\\r\\n')) end "                                                   \
    "local function show(t) log((t:gsub('\\r\\n', '|'))) end "                                                          \
    "local function talk(out, back, port) local l = s:tcp_listen(port or 5060) "                                        \
    "s:spawn(function() local c = l:accept() local got = '' "                                                           \
    "while true do local t = c:recv '30s' if not t or t == '' then break end got = got .. t end show(got) "              \
    "if back then c:send(crlf(back)) end c:recv '4s' c:close() end) "                                      \
    "a:spawn(function() local c = assert(a:tcp_connect(lab.endpoint(s, port or 5060), { from_port = 40000 })) "         \
    "for _, t in ipairs(out) do c:send(crlf(t)) lab.sleep '50ms' end "                                                  \
    "local t = c:recv() if t and t ~= '' then show(t) end end) end "

#define HEAD "From: <sip:a@e.com>;tag=1|To: <sip:a@e.com>|Call-ID: c|"
#define REGISTER(via, contact)                                                                                         \
    "REGISTER sip:e.com SIP/2.0|Via: SIP/2.0/TCP " via ";branch=z9hG4bKr|" HEAD "CSeq: 1 REGISTER|Max-Forwards: 70|"     \
    "Contact: <sip:a@" contact ";transport=tcp>|Content-Length: 0||"
#define INVITE(at, length)                                                                                             \
    "INVITE sip:b@e.com SIP/2.0|Via: SIP/2.0/TCP 10.0.0.2:40000;branch=z9hG4bKi|" HEAD                                 \
    "CSeq: 1 INVITE|Max-Forwards: 70|Content-Type: application/sdp|Content-Length: " length "||v=0|o=a 1 1 IN IP4 " at  \
    "|s=-|c=IN IP4 " at "|t=0 0|m=audio 6000 RTP/AVP 0|"
#define INVITE_X(at, length)                                                                                           \
    "INVITE sip:b@e.com SIP/2.0|Via: SIP/2.0/TCP 203.0.113.1:40000;branch=z9hG4bKi|" HEAD                              \
    "CSeq: 1 INVITE|Max-Forwards: 70|Content-Type: application/sdp|Content-Length: " length "||v=0|o=a 1 1 IN IP4 " at  \
    "|s=-|c=IN IP4 " at "|t=0 0|m=audio 6000 RTP/AVP 0|"
#define GRANTED(via, contact)                                                                                          \
    "SIP/2.0 200 OK|Via: SIP/2.0/TCP " via ";branch=z9hG4bKr|" HEAD "CSeq: 1 REGISTER|"                                 \
    "Contact: <sip:a@" contact ";transport=tcp>;expires=60|Content-Length: 0||"

static void
test_messages(void)
{
    static const struct unit_lua_row rows[] = {
        { "one message, and its answer",
          NET("") "talk({ '" REGISTER("10.0.0.2:40000", "10.0.0.2") "' }, '" GRANTED("203.0.113.1:40000", "203.0.113.1")
          "')",
          REGISTER("203.0.113.1:40000", "203.0.113.1") "; " GRANTED("10.0.0.2:40000", "10.0.0.2") },
        { "with a description: its length follows", NET("") "talk { '" INVITE("10.0.0.2", "85") "' }",
          INVITE_X("203.0.113.1", "91") },
        { "two in one segment", NET("") "talk { '" INVITE("10.0.0.2", "85") INVITE("10.0.0.2", "85") "' }",
          INVITE_X("203.0.113.1", "91") INVITE_X("203.0.113.1", "91") },
        { "cut in the midst of an address", /* and of a length */
          NET("") "local m = '" INVITE("10.0.0.2", "85") "' local c = m:find('IP4 10%.0') + 6 "
                  "local d = m:find('Length: 85') + 9 talk { m:sub(1, d - 1), m:sub(d, c - 1), m:sub(c) }",
          INVITE_X("203.0.113.1", "91") },
        { "by eight bytes",
          NET("") "local m, t = '" INVITE("10.0.0.2", "85") "', {} for i = 1, #m, 8 do t[#t + 1] = m:sub(i, i + 7) end talk(t)",
          INVITE_X("203.0.113.1", "91") },
        { "keep-alives go on at once, between messages",
          NET("") "talk { '||', '|', '" INVITE("10.0.0.2", "85") "', '||' }", "|||" INVITE_X("203.0.113.1", "91") "||" },
        { "over a lossy link",
          NET("a:link { loss = 0.2 }") "local t = {} for i = 1, 20 do t[i] = '" INVITE("10.0.0.2", "85") "' end "
                                       "local seen = 0 log = function(x) seen = select(2, x:gsub('IN IP4 203', '')) end "
                                       "talk(t) lab.at_end(function() out(seen) end)",
          "40" },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_foreign(void)
{
#define POST "POST /x HTTP/1.1|Host: s|Content-Length: 999||"
    static const struct unit_lua_row rows[] = {
        { "HTTP that carries SIP, at a segment's border (NAT slipstreaming)",
          NET("") "talk { '" POST "', '" REGISTER("10.0.0.2:40000", "10.0.0.2:9999") "' }",
          POST REGISTER("10.0.0.2:40000", "10.0.0.2:9999") },
        { "and what a naive box makes of it",
          NET("nat:alg('sip', { quirk = 'breaks-on-segments' })") "talk { '" POST "', '" REGISTER("10.0.0.2:40000", "10.0.0.2:9999")
          "' }",
          POST REGISTER("203.0.113.1:40000", "203.0.113.1:9999") },
        { "another port is not looked at",
          NET("") "talk({ '" REGISTER("10.0.0.2:40000", "10.0.0.2") "' }, nil, 5070)", REGISTER("10.0.0.2:40000", "10.0.0.2") },
        { "no length: nothing can be told any more", NET("") "talk { 'OPTIONS sip:b@e.com SIP/2.0|Via: SIP/2.0/TCP "
                                                             "10.0.0.2:40000;branch=z9hG4bKi|" HEAD "CSeq: 1 OPTIONS||' }",
          "OPTIONS sip:b@e.com SIP/2.0|Via: SIP/2.0/TCP 10.0.0.2:40000;branch=z9hG4bKi|" HEAD "CSeq: 1 OPTIONS||" },
    };

    UNIT_LUA_CHECK(rows);
}

void
suite_nat_alg_sip_tcp(void)
{
    UNIT_SUITE("nat_alg_sip_tcp", NULL, NULL, { "messages", test_messages }, { "foreign streams", test_foreign });
}
