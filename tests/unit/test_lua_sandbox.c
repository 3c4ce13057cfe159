/* The sandbox: what a script cannot reach, catch, or escape. */
#include "tests/unit/support_lua.h"

#define STEPS                                                                                                          \
    "the script runs for ever without waiting (the limit is 100 million steps between two waits; --unsafe lifts it)"
#define MEMORY "the script takes too much memory (the limit is 256 MiB; --unsafe lifts it)"
#define WAKES "a task woke a million times in one instant: time stands still while it does (use lab.sleep with a time)"
#define ALL_WAKES                                                                                                      \
    "tasks woke ten million times in one instant: time stands still while they do (use lab.sleep with a time)"
#define STARTS "a million tasks began in one instant: time stands still while they do (use lab.sleep with a time)"
#define CALLS                                                                                                          \
    "lab.at called a million functions in one instant: time stands still while it does (give it a later time)"

static void
test_absent(void)
{
    static const struct unit_lua_row rows[] = {
        { "ways out",
          "out(load, loadstring, dofile, loadfile, io, os, debug, package, collectgarbage, string.dump, warn)",
          "nil nil nil nil nil nil nil nil nil nil nil" },
        { "require", "require 'socket'", "1: require: there is no 'socket'; a scenario can require \"punchlab\" only" },
        { "a call of nil", "os.exit()", "1: attempt to index a nil value (global 'os')" },
        { "finalizer", "setmetatable({}, {__gc = print})",
          "1: setmetatable: __gc is not allowed in a scenario (no finalizers, no weak tables)" },
        { "weak table", "setmetatable({}, {__mode = 'v'})",
          "1: setmetatable: __mode is not allowed in a scenario (no finalizers, no weak tables)" },
        { "weak table, later", "local m = {} t = setmetatable({}, m) m.__mode = 'k' for i = 1, 4e5 do t[i] = {i} end",
          "1: a metatable has got a __mode: weak tables are not allowed in a scenario" },
        { "finalizer, later",
          "local m = {} t = setmetatable({}, m) m.__gc = function() out 'ran' end t = nil "
          "for i = 1, 4e5 do local x = {i} end",
          "" },
        { "metatables of handles", "out(getmetatable(lab), getmetatable(lab.mailbox()))", "lab mailbox" },
        { "seed of the dice", "math.randomseed(1)",
          "1: math.randomseed: the dice are the world's; --seed N chooses them" },
        { "addresses",
          "out(tostring({}), tostring(print), tostring(coroutine.create(print)), tostring(lab.mailbox()), "
          "('%s'):format({}), tostring(lab.results))",
          "table function thread mailbox table table" },
        { "addresses by format", "out(('%p'):format({}))",
          "1: string.format: '%p' shows an address: not in a scenario" },
        { "not a number in a list", "out(table.concat({1, 0/0, 'x', -(0/0)}, ','), table.concat({0/0, 2}, ',', 2))",
          "1,nan,x,nan 2" },
        { "not a number", "out(0/0, -(0/0), ('%f'):format(-(0/0)), ('%5.1f'):format(0/0))", "nan nan nan   nan" },
    };

    UNIT_LUA_CHECK(rows);
}

/* One row takes about a second: a hundred million steps. */
static void
test_steps(void)
{
    static const struct unit_lua_row rows[] = {
        { "a loop", "\nwhile true do end", "2: " STEPS },
        { "pcall catches nothing", "pcall(function() while true do end end) out 'escaped'", "1: " STEPS },
        { "xpcall, a handler that loops",
          "xpcall(function() while true do end end, function() while true do end end) out 'escaped'", "1: " STEPS },
        { "a coroutine in a coroutine",
          "coroutine.resume(coroutine.create(function() coroutine.wrap(function() "
          "while true do end end)() end)) out 'escaped'",
          "1: " STEPS },
        { "close variables",
          "pcall(function() local x <close> = setmetatable({}, {__close = function() while true do end end}) "
          "while true do end end) out 'escaped'",
          "1: " STEPS },
        { "coroutine.close",
          "local c = coroutine.create(function() local x <close> = setmetatable({}, {__close = function() "
          "while true do end end}) coroutine.yield() end) coroutine.resume(c) pcall(coroutine.close, c) out 'escaped'",
          "1: " STEPS },
        { "short coroutines", "while true do coroutine.wrap(function() end)() end", "1: " STEPS },
        { "a callback", "lab.at(1, function() while true do end end)", "1: " STEPS },
        { "a predicate", "lab.spawn(function() pcall(lab.wait, function() while true do end end) out 'escaped' end)",
          "1: " STEPS },
        { "after the run", "lab.at_end(function() while true do end end)", "1: " STEPS },
        { "stack overflows", "local function f() return 1 + f() end while true do pcall(f, 1) end", "1: " STEPS },
        { "a wait ends the count",
          "lab.spawn(function() for i = 1, 3 do for j = 1, 2e7 do end lab.sleep(1) end out(lab.now()) end)", "3.0" },
    };

    UNIT_LUA_CHECK(rows);
}

/* What takes long inside C counts as well. */
static void
test_library_steps(void)
{
    static const struct unit_lua_row rows[] = {
        { "find", "(('a'):rep(40)):find(('a?'):rep(40) .. ('a'):rep(40) .. 'b')", "1: " STEPS },
        { "match", "pcall(string.match, ('a'):rep(1e6), '.-b') out 'escaped'", "1: " STEPS },
        { "gsub", "(('a'):rep(3e5)):gsub('.-b', 'x')", "1: " STEPS },
        { "gmatch", "for x in (('a'):rep(3e5)):gmatch('.-b') do end", "1: " STEPS },
        { "plain find in a loop", "local s = ('x'):rep(1e7) while true do s:find('y', 1, true) end", "1: " STEPS },
        { "move", "table.move({}, 1, 1e15, 2, {})", "1: " STEPS },
        { "concat", "table.concat({}, ',', 1, 1e15)", "1: " STEPS },
        { "unpack in a loop", "while true do table.unpack({}, 1, 1e5) end", "1: " STEPS },
        { "insert in front", "local t = {} for i = 1, 1e6 do t[i] = i end while true do table.insert(t, 1, 0) end",
          "1: " STEPS },
        { "sort in a loop", "local t = {} for i = 1, 2e5 do t[i] = -i end while true do table.sort(t) end",
          "1: " STEPS },
        { "concatenation", "local s = ('x'):rep(1e7) while true do local t = s .. 'y' end", "1: " STEPS },
        { "pairs in a loop", "local t = {} for i = 1, 1e5 do t[i] = i end while true do pairs(t) end", "1: " STEPS },
        { "next from the beginning", "local t = {} for i = 1, 1e5 do t[i] = i end while true do next(t) end",
          "1: " STEPS },
        { "utf8", "local s = ('x'):rep(1e7) while true do utf8.len(s) end", "1: " STEPS },
        { "pattern too complex", "(('a'):rep(300)):find(('a?'):rep(300))", "1: pattern too complex" },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_memory(void)
{
    static const struct unit_lua_row rows[] = {
        { "rep", "pcall(string.rep, 'x', 1e10) out 'escaped'", "1: " MEMORY },
        { "rep beyond all bounds", "('xxxxxxxx'):rep(math.maxinteger)", "1: " MEMORY },
        { "a table", "local t = {} while true do\nt[#t + 1] = {} end", "2: " MEMORY },
        { "in pcall", "local t = {} while true do pcall(function()\nt[#t + 1] = ('x'):rep(1e6) .. #t end) end",
          "2: " MEMORY },
        { "doubling", "local s = 'x' while true do\ns = s .. s end", "2: " MEMORY },
        { "doubling in pcall", "local s = 'x' pcall(function() while true do s = s .. s end end) out 'escaped'",
          "1: " MEMORY },
        { "a coroutine",
          "local t = {} coroutine.wrap(function() while true do t[#t + 1] = ('x'):rep(1e6) .. #t end end)()",
          "1: " MEMORY },
        { "hosts",
          "local n = lab.internet{} pcall(function() while true do n:host('h' .. lab.random(0)) end end) out 'escaped'",
          "1: ..." },
        { "notes", "pcall(function() while true do lab.note(('x'):rep(1e5)) end end) out 'escaped'", "1: " MEMORY },
        { "users of a server",
          "local s, t = lab.internet{}:host('S'), {} for i = 1, 70000 do t['u' .. i] = 'x' end\ns:stun_server{users = t}",
          "2: " MEMORY },
        { "tasks", "while true do lab.spawn(function() end) end", "1: " MEMORY },
        { "garbage is no memory", "for i = 1, 1000 do local s = ('x'):rep(1e6) .. i end out 'fine'", "fine" },
        { "much of it", "local t = {} for i = 1, 100 do t[i] = ('x'):rep(1e6) .. i end out(#t)", "100" },
    };

    UNIT_LUA_CHECK(rows);
}

/* What the world holds on the script's account: a limit of its own, told with what fills it. */
static void
test_world(void)
{
    static const struct unit_lua_row rows[] = {
        { "traffic over a slow link",
          "local n = lab.internet{} local s, a = n:host('S'), n:host('A')\n"
          "a:link{delay = '10s'} a:traffic{to = '198.51.100.1:9', interval = '10ns', size = 1000}",
          "2: the world holds too much: ..." },
        { "packets of a task",
          "local n = lab.internet{delay = '10s'} local s, a = n:host('S'), n:host('A') a:spawn(function() "
          "local u = a:udp() while true do lab.sleep('1us')\npcall(u.send, u, '198.51.100.1:9', ('x'):rep(60000)) end end)",
          "2: the world holds too much: ..." },
        { "pools", "local i = 0 while true do i = i + 1\nlab.internet():nat('p' .. i, '20.0.0.0/16') end",
          "2: the world holds too much: there are ..." },
    };

    UNIT_LUA_CHECK(rows);
}

/* What one call costs beyond its instructions is paid for, and does not grow with what has been before. */
static void
test_building(void)
{
    static const struct unit_lua_row rows[] = {
        { "interfaces that come and go",
          "local n = lab.internet{} local a = n:host('A') for i = 1, 20000 do a:attach(n):remove() end out 'fine'",
          "fine" },
        { "for ever", "local n = lab.internet{} local a = n:host('A') while true do a:attach(n):remove() end",
          "1: " STEPS },
        { "interfaces that stay", "local n = lab.internet{} local a = n:host('A') while true do a:attach(n) end",
          "1: " STEPS },
        { "insides of a box",
          "local b = lab.internet{}:nat('b') local i = 0 while true do i = i + 1 "
          "b:lan('l' .. i, ('10.%d.%d.0/24'):format(i // 256 + 1, i % 256)) end",
          "1: " STEPS },
        { "insides that are refused",
          "local b = lab.internet{}:nat('b') for i = 1, 5000 do b:lan('l' .. i, ('10.%d.%d.0/24'):format(i // 256 + 1, "
          "i % 256)) end while true do pcall(b.lan, b, 'x', '10.1.1.0/24') end",
          "1: " STEPS },
        { "fault lists",
          "local a, t = lab.internet{}:host('A'), {} for i = 1, 1e5 do t[i] = {packet = i, lose = true} end "
          "while true do a:link{faults = t} end",
          "1: " STEPS },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_standing_still(void)
{
    static const struct unit_lua_row rows[] = {
        { "sleep(0)", "lab.spawn(function() while true do\nlab.sleep(0) end end)", "2: " WAKES },
        { "in pcall", "lab.spawn(function() while true do pcall(lab.sleep, 0) end end)", "1: " WAKES },
        { "lab.at", "local function again() lab.at(0, again) end again()", "1: " CALLS },
        { "a task begins the next", "\nlocal function f() lab.spawn(f) end lab.spawn(f)", "2: " STARTS },
        { "many tasks", "for i = 1, 20 do lab.spawn(function()\nfor j = 1, 900000 do lab.sleep(0) end end) end",
          "2: " ALL_WAKES },
        { "tasks of many instants",
          "local n = 0 local function f() n = n + 1 if n < 1.2e6 then if n % 4e5 == 0 then lab.sleep('1ns') end "
          "lab.spawn(f) end end lab.spawn(f) lab.at_end(function() out(n) end)",
          "1200000" },
        { "time goes on", "lab.spawn(function() for i = 1, 1e5 do lab.sleep('1ns') end out(lab.now()) end)", "0.0001" },
    };

    UNIT_LUA_CHECK(rows);
}

/* 256 levels. */
#define TIMES_4(text) text text text text
#define NESTED TIMES_4(TIMES_4(TIMES_4(TIMES_4("("))))
#define CLOSED TIMES_4(TIMES_4(TIMES_4(TIMES_4(")"))))

static void
test_errors(void)
{
    static const struct unit_lua_row rows[] = {
        { "a text", "\n\nerror 'oh'", "3: oh" },
        { "without position", "\nerror('oh', 0)", "2: oh" },
        { "a table", "\nerror {}", "2: the error is a table, not a text" },
        { "nil", "error()", "1: nil" },
        { "a table that can be told", "error(setmetatable({}, {__tostring = function() return 'told' end}))",
          "1: told" },
        { "one that cannot", "error(setmetatable({}, {__tostring = function() error {} end}))",
          "1: an error that cannot be told" },
        { "assert", "\nassert(false)", "2: assertion failed!" },
        { "in a function", "local function f()\nlocal x = nil + 1 end f()",
          "2: attempt to perform arithmetic on a nil value" },
        { "in a task", "lab.spawn(function()\nundefined() end)",
          "2: attempt to call a nil value (global 'undefined')" },
        { "in a callback", "lab.at(1, function()\nerror('oh', 0) end)", "2: oh" },
        { "in a coroutine", "lab.spawn(coroutine.wrap(function()\nerror 'oh' end))", "2: oh" },
        { "syntax", "\nlocal = 5", "2: <name> expected near '='" },
        { "the library's name and line", "\n('x'):format(1) string.format('%d', 'x')",
          "2: bad argument #2 to 'format' (number expected, got string)" },
        { "concat", "table.concat({1, {}})", "1: invalid value (table) at index 2 in table for 'concat'" },
        { "pcall gives the file without folders",
          "out(pcall(error, 'x')) out(select(2, pcall(function() error 'x' end)))", "t.lua:1: x" },
        { "nested too deeply", "local x = 1\nlocal y = " NESTED "1" CLOSED "\nx = 2",
          "2: what stands here is nested too deeply (about 200 levels are allowed)" },
        { "stack overflow", "local function f() return 1 + f() end f()", "1: stack overflow" },
        { "caught", "out(pcall(error, {}))", "false table" },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_coroutines(void)
{
    static const struct unit_lua_row rows[] = {
        { "generators",
          "local g = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) out(g(), g(), g(), g())",
          "1 2 3" },
        { "resume",
          "local c = coroutine.create(function(a, b) local x = coroutine.yield(a + b) return x * 2 end) "
          "local _, s = coroutine.resume(c, 1, 2) local _, d = coroutine.resume(c, 10) out(s, d, coroutine.status(c), "
          "coroutine.resume(c))",
          "3 20 dead false cannot resume dead coroutine" },
        { "errors", "out(coroutine.resume(coroutine.create(function() error 'x' end)))", "false t.lua:1: x" },
        { "errors of wrap", "out(pcall(coroutine.wrap(function() error 'x' end)))", "false t.lua:1: x" },
        { "close",
          "local c = coroutine.create(function() local x <close> = setmetatable({}, {__close = function() log 'closed' "
          "end}) "
          "coroutine.yield() end) coroutine.resume(c) log(tostring(coroutine.close(c)), coroutine.status(c))",
          "closed; true dead" },
        { "close of one with an error",
          "local c = coroutine.create(function() error 'x' end) coroutine.resume(c) out(coroutine.close(c))",
          "false t.lua:1: x" },
        { "waiting inside one",
          "lab.spawn(function() local g = coroutine.wrap(function() lab.sleep(1) coroutine.yield 'a' lab.sleep(1) "
          "return 'b' end) log(g(), lab.now()) log(g(), lab.now()) end)",
          "a 1.0; b 2.0" },
        { "waiting two deep",
          "lab.spawn(function() local g = coroutine.wrap(function() return coroutine.wrap(function() lab.sleep(1) "
          "return 'x' end)() end) log(g(), lab.now()) end)",
          "x 1.0" },
        { "waiting inside pcall",
          "lab.spawn(function() log(tostring(pcall(function() lab.sleep(1) error 'x' end)), lab.now()) end)",
          "false 1.0" },
        { "a task is not to be resumed",
          "local t lab.spawn(function() t = coroutine.running() lab.sleep(5) log(lab.now()) end) "
          "lab.spawn(function() lab.sleep(1) log(coroutine.status(t), coroutine.resume(t) and 'resumed' or 'not') end)",
          "normal not; 5.0" },
        { "nor one in which a task waits",
          "local c lab.spawn(function() c = coroutine.create(function() lab.sleep(5) log(lab.now()) end) "
          "coroutine.resume(c) end) lab.spawn(function() lab.sleep(1) log(select(2, coroutine.resume(c))) "
          "log(tostring(pcall(coroutine.close, c))) end)",
          "cannot resume non-suspended coroutine; false; 5.0" },
        { "a task cannot yield", "lab.spawn(function() coroutine.yield() end)",
          "1: coroutine.yield outside a coroutine: a task waits with lab.sleep, lab.wait or recv" },
        { "yieldable",
          "lab.spawn(function() log(tostring(coroutine.isyieldable())) coroutine.wrap(function() "
          "log(tostring(coroutine.isyieldable())) end)() end)",
          "false; true" },
        { "yield in __close",
          "local c = coroutine.create(function() local x <close> = setmetatable({}, {__close = function() "
          "coroutine.yield() end}) coroutine.yield() end) coroutine.resume(c) out(coroutine.close(c))",
          "false t.lua:1: attempt to yield from a __close metamethod" },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_strings(void)
{
    static const struct unit_lua_row rows[] = {
        { "find", "out(('hello'):find('l'), ('hello'):find('xyz'), ('hello'):find('l+', -2))", "3 nil 4 4" },
        { "find plain", "out(('a.b'):find('.', 1, true))", "2 2" },
        { "find beyond the end", "out(('a'):find('', 2), ('a'):find('', 3))", "2 nil" },
        { "find gives captures", "out(('key=val'):find('(%w+)=(%w+)'))", "1 7 key val" },
        { "match", "out(('2026-11-22'):match('(%d+)-(%d+)-(%d+)'))", "2026 11 22" },
        { "match position", "out(('abc'):match('()b()'))", "2 3" },
        { "gmatch", "for k, v in ('a=1, b=2'):gmatch('(%w+)=(%w+)') do log(k, v) end", "a 1; b 2" },
        { "gmatch of the empty", "for x in ('abc'):gmatch('') do log('x') end", "x; x; x; x" },
        { "gmatch %w*", "for x in ('ab cd'):gmatch('%w*') do log('[' .. x .. ']') end", "[ab]; [cd]" },
        { "gsub", "out(('hello world'):gsub('o', '0'))", "hell0 w0rld 2" },
        { "gsub with captures", "out((('hello world'):gsub('(%w+) (%w+)', '%2 %1 %0 %%')))",
          "world hello hello world %" },
        { "gsub by function", "out((('abc'):gsub('%w', function(c) if c ~= 'b' then return c:upper() end end)))",
          "AbC" },
        { "gsub by table", "out((('$a $b'):gsub('%$(%w)', {a = 1})))", "1 $b" },
        { "gsub of the empty", "out(('abc'):gsub('', '-'))", "-a-b-c- 4" },
        { "gsub %w*", "out(('ab cd'):gsub('%w*', 'x'))", "x x 2" },
        { "gsub anchored", "out(('aaa'):gsub('^a', 'b'))", "baa 1" },
        { "gsub at most", "out(('aaa'):gsub('a', 'b', 2))", "bba 2" },
        { "gsub, a bad replacement", "('a'):gsub('a', '%')", "1: invalid use of '%' in replacement string" },
        { "gsub, a bad capture", "('a'):gsub('a', '%2')", "1: invalid capture index %2" },
        { "rep", "out(('ab'):rep(3, '-'), ('ab'):rep(1, '-'), '[' .. ('ab'):rep(0) .. ']', (''):rep(3, ','))",
          "ab-ab-ab ab [] ,," },
        { "rep of odd numbers",
          "for n = 1, 9 do assert(('abc'):rep(n, ';') == table.concat({('abc;'):rep(n)}):sub(1, -2)) end out 'same'",
          "same" },
        { "byte",
          "out(('abc'):byte(1, -1)) log(('abc'):byte(-1), ('abc'):byte(-10, 2)) log(#{('abc'):byte(0)}, "
          "#{('abc'):byte(10)})",
          "99 97 98; 0 0" },
        { "utf8", "out(utf8.char(228, 8364), utf8.len('\xc3\xa4x'), utf8.codepoint('\xc3\xa4'))",
          "\xc3\xa4\xe2\x82\xac 2 228" },
        { "format", "out(('%5d|%-5s|%05.1f|%x|%q|%c|%%|%i'):format(42, 'ab', 3.14159, 255, 'a\\nb', 65, 7))",
          "   42|ab   |003.1|ff|\"a\\\nb\"|A|%|7" },
        { "format of things", "out(('%s %s %s'):format(nil, true, lab.endpoint('192.0.2.1', 5)))",
          "nil true 192.0.2.1:5" },
    };

    UNIT_LUA_CHECK(rows);
}

void
suite_lua_sandbox(void)
{
    UNIT_SUITE("lua sandbox", NULL, NULL, { "what is absent", test_absent }, { "errors", test_errors },
               { "coroutines", test_coroutines }, { "strings", test_strings }, { "steps", test_steps },
               { "steps of the library", test_library_steps }, { "memory", test_memory },
               { "memory of the world", test_world }, { "building", test_building },
               { "standing still", test_standing_still });
}
