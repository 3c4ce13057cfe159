/* host:nat_check over simulated NATs: every pair of RFC 4787's behaviours is found, or it can't be told; never wrong. */
#include "tests/unit/support_lua.h"

/* Of all 81 NATs in one world: 8,100 checks. Under sanitizers fewer, they take ten times as long. */
#define SEEDS 100
#define SEEDS_SANITIZED 8

/* Three links, each of which loses a packet in twenty each way: of four round trips one fails. */
static const char *const every_pair =
    "local n = lab.internet{ delay = '20ms', loss = 0.05 } "
    "local S = n:host('S', {'198.51.100.1', '198.51.100.2'}) S:stun_server{ alternate = '198.51.100.2' } "
    "local words = {'endpoint-independent', 'address-dependent', 'address-and-port-dependent'} "
    "local wrong, told, i = {}, {mapping = 0, filtering = 0, ports = 0, hairpin = 0, lifetime = 0}, 0 "
    "for _, mapping in ipairs(words) do for _, filtering in ipairs(words) do "
    "for _, ports in ipairs{'preserve', 'sequential', 'random'} do "
    "for _, hairpin in ipairs{'off', 'internal-source', 'external-source'} do i = i + 1 "
    "local is = {mapping = mapping, filtering = filtering, ports = ports, hairpin = hairpin} "
    "local box = n:nat('n' .. i, '203.0.113.' .. i, {mapping = mapping, filtering = filtering, ports = ports, "
    "hairpin = hairpin, timeout = '30s'}) "
    "local A = box:host('A' .. i, nil, {loss = 0.05}) "
    "A:spawn(function() local t = A:nat_check(S, {lifetime = '2min'}) "
    "for k, v in pairs(is) do if t[k] then told[k] = told[k] + 1 "
    "if t[k] ~= v then wrong[#wrong + 1] = i .. ' ' .. k .. ' ' .. t[k] end end end "
    "if t.lifetime then told.lifetime = told.lifetime + 1 "
    "if t.lifetime > 30.2 or t.lifetime_end < 30 or t.lifetime_end - t.lifetime > 8 then "
    "wrong[#wrong + 1] = i .. ' lifetime ' .. t.lifetime .. ' ' .. t.lifetime_end end end end) "
    "end end end end "
    "lab.at_end(function() lab.result('wrong', table.concat(wrong, '; ')) "
    "for k, v in pairs(told) do lab.result(k, v) end end) ";

static int64_t
number_of(const struct scenario *scenario, const char *name)
{
    const struct value *value = scenario_result(scenario, name);

    return value && value->type == VALUE_INTEGER ? value->integer : -1;
}

static void
check_text(const char *row, const struct scenario *scenario, const char *name, const char *expected)
{
    g_autoptr(GString) text = g_string_new(NULL);
    const struct value *value = scenario_result(scenario, name);

    if (CHECK_ROW(row, value != NULL))
        value_say(value, text);
    CHECK_ROW_TEXT(row, text->str, expected);
}

static void
test_every_pair(void)
{
    g_autofree char *text = g_strconcat("local lab = require 'punchlab' ", every_pair, "\n", NULL);

    static const char *const kinds[] = { "mapping", "filtering", "ports", "hairpin", "lifetime" };
    /* How often each has to be told at least, of ten thousand: what can't be is loss beyond what silence survives, and the
     * hairpin of the 12 in 81 whose mapping depends on the destination, whose filter lets in only whom one has sent to, and
     * whose ports can't be foretold. */
    static const int least[] = { 10000, 9000, 9950, 8000, 8500 };
    uint64_t seeds = g_getenv("SANITIZED") ? SEEDS_SANITIZED : SEEDS;
    int64_t told[G_N_ELEMENTS(kinds)] = { 0 };

    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct scenario_options options = { .seed = seed, .until = TIME_NEVER };
        g_autofree char *row = g_strdup_printf("seed %" PRIu64, seed);
        g_autoptr(scenario) scenario = unit_lua_new(text, &options, NULL);

        if (!CHECK_ROW(row, scenario != NULL))
            continue;
        scenario_run(scenario);
        CHECK_ROW_TEXT(row, scenario->error_message, NULL);
        check_text(row, scenario, "wrong", "");
        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
            told[i] += number_of(scenario, kinds[i]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
        CHECK_ROW(kinds[i], told[i] * 10000 >= least[i] * 81 * (int64_t)seeds);
}

#define HEAD HEAD_OVER("0s")
#define HEAD_OVER(delay)                                                                                               \
    "local n = lab.internet{ delay = '" delay "' } local S = n:host('S', {'198.51.100.1', '198.51.100.2'}) "                                \
    "local function check(host, server, options) host:spawn(function() local t = host:nat_check(server, options) "     \
    "local w = t.why for _, k in ipairs{'mapping', 'filtering', 'class', 'rfc3489'} do "                               \
    "log(t[k] or '(' .. w[k] .. ')') end end) end "
#define TWO "S:stun_server{ alternate = '198.51.100.2' } "
#define QUICK "{ lifetime = 0 }"

static void
test_situations(void)
{
    static const struct unit_lua_row rows[] = {
        { "no NAT", HEAD TWO "check(n:host 'A', S, " QUICK ")", "none; endpoint-independent; open; open" },
        { "a firewall", HEAD TWO "check(n:firewall('F', nil, {lan = '192.0.2.0/24'}):host 'A', S, " QUICK ")",
          "none; address-and-port-dependent; symmetric-udp-firewall; symmetric-udp-firewall" },
        { "a symmetric NAT", HEAD TWO "check(n:nat('N', nil, {type = 'symmetric'}):host 'A', S, " QUICK ")",
          "address-and-port-dependent; address-and-port-dependent; symmetric; symmetric" },
        { "what RFC 3489 takes for a full cone",
          HEAD TWO "check(n:nat('N', nil, {mapping = 'address-dependent', filtering = 'endpoint-independent'})"
                   ":host 'A', S, " QUICK ")",
          "address-dependent; endpoint-independent; (RFC 3489 has no name for this mapping with this filtering); "
          "full-cone" },
        { "two NATs in a row: the stricter of each",
          HEAD TWO "local outer = n:nat('O', nil, {type = 'full-cone'}) "
                   "check(outer:nat('I', nil, {type = 'symmetric', lan = '10.1.0.0/24'}):host 'A', S, " QUICK ")",
          "address-and-port-dependent; address-and-port-dependent; symmetric; symmetric" },
        { "a server with one address", HEAD "S:stun_server() check(n:nat('N'):host 'A', S, " QUICK ")",
          "(the server has no second address); (the server has no second address); (the server has no second address); "
          "(the server has no second address)" },
        { "a liar before a port-restricted cone",
          HEAD "S:stun_server{ alternate = '198.51.100.2', ignore_change = true } check(n:nat('N'):host 'A', S, " QUICK ")",
          "endpoint-independent; (the server ignores CHANGE-REQUEST); (the server ignores CHANGE-REQUEST); "
          "(the server ignores CHANGE-REQUEST)" },
        { "a long way, without loss",
          HEAD_OVER("1s") TWO "check(n:nat('N'):host 'A', S, " QUICK ")",
          "endpoint-independent; address-and-port-dependent; port-restricted-cone; port-restricted-cone" },
        { "UDP blocked", HEAD TWO "check(n:nat('N', nil, {type = 'udp-blocked'}):host 'A', S, " QUICK ")",
          "(the server does not answer: it is down, or UDP is blocked on the way); ..." },
        { "nobody there", HEAD "check(n:nat('N'):host 'A', S, " QUICK ")", "(the server cannot be reached); ..." },
    };

    UNIT_LUA_CHECK(rows);
}

/* A server of RFC 3489 by hand: all 128 bits of the transaction ID come back, MAPPED-ADDRESS, SOURCE-ADDRESS and
 * CHANGED-ADDRESS with them, and of what it is asked it knows CHANGE-REQUEST and, behind that, RESPONSE-ADDRESS (sections
 * 8.1, 11.2). To what is longer
 * than a datagram of its time it says nothing. */
#define CLASSIC                                                                                                        \
    "local n = lab.internet{} local S = n:host('S', {'198.51.100.1', '198.51.100.2'}) local sockets = {} "             \
    "local function attribute(kind, ip, port) local bytes = string.pack('>I2I2I1I1I2', kind, 8, 0, 1, port) "          \
    "for byte in ip:gmatch '%d+' do bytes = bytes .. string.char(tonumber(byte)) end return bytes end "                \
    "for i = 1, 2 do for _, port in ipairs{3478, 3479} do "                                                            \
    "local ip, other, away = '198.51.100.' .. i, '198.51.100.' .. 3 - i, 3478 + 3479 - port "                          \
    "local sock = S:udp(port, {ip = ip}) sockets[ip .. port] = sock "                                                  \
    "S:spawn(function() while true do local data, from = sock:recv() "                                                 \
    "local flags = data:sub(21, 22) == '\\0\\3' and data:byte(28) or 0 "                                               \
    "local a, p = flags & 4 ~= 0 and other or ip, flags & 2 ~= 0 and away or port "                                    \
    "local back = from if data:sub(29, 30) == '\\0\\2' then back = lab.endpoint(('%d.%d.%d.%d'):format("                 \
    "data:byte(37, 40)), (string.unpack('>I2', data, 35))) end "                                                       \
    "local body = attribute(1, from.ip, from.port) .. attribute(4, a, p) .. attribute(5, other, away) "                \
    "if #data <= 548 then sockets[a .. p]:send(back, string.pack('>I2I2', 0x0101, #body) .. data:sub(5, 20) .. body) " \
    "end end end, {background = true}) end end "                                                                       \
    "local function check(type) local A = n:nat('N', nil, {type = type}):host 'A' A:spawn(function() "                 \
    "local t = A:nat_check(S, {lifetime = '1min'}) log(t.mapping) log(t.filtering) log(t.rfc3489) "                    \
    "log(t.why.fragments) log(t.why.lifetime) log(t.why.alg) end) end "
#define CLASSIC_CANT                                                                                                   \
    "the server is one of RFC 3489, which has no PADDING; "                                                            \
    "the server ignores RESPONSE-PORT; "                                                                               \
    "no answer has both MAPPED-ADDRESS and XOR-MAPPED-ADDRESS"

static void
test_classic_server(void)
{
    static const struct unit_lua_row rows[] = {
        { "no NAT", CLASSIC "check 'none'", "none; endpoint-independent; open; " CLASSIC_CANT },
        { "full cone", CLASSIC "check 'full-cone'",
          "endpoint-independent; endpoint-independent; full-cone; " CLASSIC_CANT },
        { "restricted cone", CLASSIC "check 'restricted-cone'",
          "endpoint-independent; address-dependent; restricted-cone; " CLASSIC_CANT },
        { "port-restricted cone", CLASSIC "check 'port-restricted-cone'",
          "endpoint-independent; address-and-port-dependent; port-restricted-cone; " CLASSIC_CANT },
        { "symmetric", CLASSIC "check 'symmetric'",
          "address-and-port-dependent; address-and-port-dependent; symmetric; " CLASSIC_CANT },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_words(void)
{
    static const struct unit_lua_row rows[] = {
        { "the rest of the table",
          HEAD TWO "local A = n:nat('N', '203.0.113.1', {timeout = '1min'}):host('A', '10.0.0.2') A:spawn(function() "
                   "local t = A:nat_check(S) out(t.own.ip, t.mapped.ip, t.ports, t.step, t.hairpin, t.fragments, t.alg, "
                   "t.lifetime < 60.2 and t.lifetime_end >= 60 and t.lifetime_end - t.lifetime < 9, #t.evidence) end)",
          "10.0.0.2 203.0.113.1 preserve nil off pass none true 17" },
        { "an ALG",
          HEAD TWO "local A = n:nat('N', nil, {alg = 'rewrite-addresses'}):host 'A' A:spawn(function() "
                   "local t = A:nat_check(S, " QUICK ") out(t.alg, t.mapping, t.filtering, (t.evidence[1]:gsub('.*, ', ''))) end)",
          "rewrites-addresses endpoint-independent address-and-port-dependent and MAPPED-ADDRESS was rewritten on the way" },
        { "an ALG, and a server without MAPPED-ADDRESS",
          HEAD "S:stun_server{mapped_address = false} local A = n:nat('N', nil, {alg = 'rewrite-addresses'}):host 'A' "
               "A:spawn(function() local t = A:nat_check(S, " QUICK ") out(t.alg, t.why.alg) end)",
          "nil no answer has both MAPPED-ADDRESS and XOR-MAPPED-ADDRESS" },
        { "sequential by two",
          HEAD TWO "local A = n:nat('N', nil, {ports = 'sequential', step = 2}):host 'A' A:spawn(function() "
                   "local t = A:nat_check(S, " QUICK ") out(t.ports, t.step, t.why.lifetime) end)",
          "sequential 2 it was not looked at" },
        { "hairpinning by ports that are foretold, with a neighbour who takes some now and then",
          HEAD TWO "for _, hairpin in ipairs{'off', 'external-source'} do "
                   "local N = n:nat(hairpin, nil, {type = 'symmetric-sequential', hairpin = hairpin}) "
                   "local A, B = N:host('A' .. hairpin), N:host('B' .. hairpin) "
                   "B:spawn(function() while true do B:udp():send('198.51.100.9:9', 'x') lab.sleep(1.3) end end, "
                   "{ background = true }) "
                   "A:spawn(function() local t = A:nat_check(S, " QUICK ") log(t.hairpin or t.why.hairpin) end) end ",
          "external-source; off" },
        { "a NAT that begins anew while two sockets send to each other",
          HEAD TWO "local N = n:nat('N', '203.0.113.1', {type = 'full-cone', hairpin = 'off'}) local A = N:host 'A' "
                   "lab.at(1, function() N:reboot{ ip = '203.0.113.9' } end) A:spawn(function() "
                   "local t = A:nat_check(S, " QUICK ") out(t.mapping, t.hairpin, t.why.hairpin) end)",
          "endpoint-independent nil what the server calls the two sockets does not hold" },
        { "longer than it may look",
          HEAD TWO "local A = n:nat('N', nil, {timeout = '1min'}):host 'A' A:spawn(function() "
                   "local t = A:nat_check(S, { lifetime = '20s' }) out(t.lifetime, t.lifetime_end) end)",
          "20.0 nil" },
        { "without fragments",
          HEAD TWO "local A = n:nat('N'):host 'A' A:spawn(function() "
                   "local t = A:nat_check(S, { lifetime = 0, fragments = false }) out(t.fragments, t.why.fragments) end)",
          "nil it was not looked at" },
        { "from another port",
          HEAD "local s = S:stun_server{ port = 4000, alternate = '198.51.100.2:5000' } local A = n:host 'A' "
               "A:spawn(function() out(A:nat_check(s, " QUICK ").class) end)",
          "open" },
        { "timeout",
          HEAD TWO "local A = n:nat('N'):host 'A' A:spawn(function() local t, why = A:nat_check(S, { timeout = '5s' }) "
                   "out(t, why, lab.now()) end)",
          "nil timeout 5.0" },
        { "not at the top", HEAD TWO "n:host('A'):nat_check(S)", "1: host:nat_check: ..." },
        { "an unknown option", HEAD "n:host('A'):nat_check(S, { lifetmie = 1 })",
          "1: host:nat_check: 'lifetmie' is not an option here; accepted: lifetime, fragments or timeout; did you mean 'lifetime'?" },
        { "a second address that is the first", HEAD "S:stun_server{ alternate = '198.51.100.1' }",
          "1: host:stun_server: alternate is '198.51.100.1'; accepted: another address of the host" },
        { "one that is not the host's",
          HEAD "out(S:stun_server{ alternate = '198.51.100.9' })",
          "1: host:stun_server: the local address is none of this host's" },
    };

    UNIT_LUA_CHECK(rows);
}

/* The same check twice is the same to the packet. */
static void
test_again(void)
{
    static const char snippet[] = HEAD TWO
        "local A = n:nat('N', nil, {type = 'symmetric'}):host 'A' A:spawn(function() "
        "out(table.concat(A:nat_check(S).evidence, '; '), lab.now()) end)";
    g_autofree char *one = unit_lua_run(snippet), *two = unit_lua_run(snippet);

    CHECK(strlen(one) > 1000);
    CHECK_ROW_TEXT("again", two, one);
}

void
suite_nat_check(void)
{
    UNIT_SUITE("nat_check", NULL, NULL, { "every pair", test_every_pair }, { "situations", test_situations },
               { "a classic server", test_classic_server },
               { "words", test_words }, { "again", test_again });
}
