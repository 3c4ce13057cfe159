/* pairs, next and sort: the same order in each run. */
#include "tests/unit/support_lua.h"

static void
test_pairs(void)
{
    static const struct unit_lua_row rows[] = {
        { "integers, then strings by bytes",
          "for k in pairs {b = 1, a = 1, B = 1, aa = 1, [''] = 1, [10] = 1, [-1] = 1, [2] = 1, 'x'} do log(k) end",
          "-1; 1; 2; 10; ; B; a; aa; b" },
        { "then the rest",
          "local t = {[2.5] = 1, [-0.5] = 1, [true] = 1, [false] = 1, z = 1, [1] = 1} for k in pairs(t) do "
          "log(tostring(k)) end",
          "1; z; -0.5; 2.5; false; true" },
        { "strings with zeros", "for k in pairs {['a\\0b'] = 1, ['a'] = 2, ['a\\0a'] = 3} do log(#k) end", "1; 3; 3" },
        { "hosts in the order of making",
          "local n = lab.internet{} local b, a = n:host 'B', n:host 'A' local t = {[a] = 1, [b] = 2} "
          "for h in pairs(t) do log(h.name) end",
          "B; A" },
        { "endpoints by value",
          "local t = {} for _, p in ipairs {30, 10, 20} do t[lab.endpoint('192.0.2.1', p)] = p end "
          "for e in pairs(t) do log(tostring(e)) end",
          "192.0.2.1:10; 192.0.2.1:20; 192.0.2.1:30" },
        { "one table as a key", "for k in pairs {[{}] = 1, a = 2} do log(type(k)) end", "string; table" },
        { "two are an error", "for k in pairs {[{}] = 1, [{}] = 2} do end",
          "1: this table has several keys that are tables, functions or coroutines (one is a table): they have no "
          "fixed order to "
          "go through; keep them in a list" },
        { "functions too", "for k in pairs {[print] = 1, [pairs] = 2} do end", "1: this table has several keys..." },
        { "an empty table", "for k in pairs {} do log(k) end out 'none'", "none" },
        { "fields may change",
          "local t = {a = 1, b = 2, c = 3} for k, v in pairs(t) do t[k] = v * 10 end log(t.a, t.b, t.c)", "10 20 30" },
        { "fields may go", "local t = {a = 1, b = 2, c = 3} for k in pairs(t) do t.b = nil log(k) end", "a; c" },
        { "all fields may go",
          "local t = {} for i = 1, 1000 do t[i] = i t['k' .. i] = i end local n = 0 for k in pairs(t) do t[k] = nil n "
          "= n + 1 end "
          "out(n, next(t))",
          "2000 nil" },
        { "__pairs",
          "local t = setmetatable({}, {__pairs = function(t) return function(_, k) if not k then return 'only', 1 end "
          "end, t, nil end}) "
          "for k, v in pairs(t) do log(k, v) end",
          "only 1" },
        { "raw, whatever __index", "for k in pairs(setmetatable({a = 1}, {__index = {b = 2}})) do log(k) end", "a" },
        { "no table", "pairs(5)", "1: bad argument #1 to 'pairs' (table expected, got number)" },
        { "many strings",
          "local t, last = {}, '' for i = 1, 20000 do t['k' .. (i * 7919) % 20011] = i end "
          "for k in pairs(t) do assert(k > last) last = k end out 'ascending'",
          "ascending" },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_next(void)
{
    static const struct unit_lua_row rows[] = {
        { "walk", "local t, k = {c = 1, a = 2, [3] = 3, b = 4} k = next(t) while k do log(k) k = next(t, k) end",
          "3; a; b; c" },
        { "generic for", "for k in next, {b = 1, a = 2} do log(k) end", "a; b" },
        { "emptiness", "out(next({}), next({5}))", "nil 1 5" },
        { "two walks at once",
          "local t, u = {1, 2, 3}, {a = 1, b = 2, c = 3} local i, k = next(t), next(u) while i do log(i, k) i = "
          "next(t, i) k = next(u, k) end",
          "1 a; 2 b; 3 c" },
        { "clearing as it goes",
          "local t = {} for i = 1, 500 do t['k' .. i] = i end local n = 0 local k = next(t) while k do t[k] = nil n = "
          "n + 1 k = next(t, k) end out(n)",
          "500" },
        { "the last", "out(next({a = 1}, 'a'))", "nil" },
        { "a key that is not there", "out(next({a = 1, c = 2}, 'b'))", "c 2" },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_sort(void)
{
    static const struct unit_lua_row rows[] = {
        { "numbers", "local t = {3, 1, 2} table.sort(t) log(table.unpack(t))", "1 2 3" },
        { "by function", "local t = {3, 1, 2} table.sort(t, function(a, b) return a > b end) log(table.unpack(t))",
          "3 2 1" },
        { "equals stay in their order",
          "local t = {} for i = 1, 300 do t[i] = {i % 3, i} end table.sort(t, function(a, b) return a[1] < b[1] end) "
          "for i = 2, 300 do assert(t[i - 1][1] < t[i][1] or t[i - 1][2] < t[i][2]) end out 'stable'",
          "stable" },
        { "all lengths",
          "for n = 0, 70 do local t = {} for i = 1, n do t[i] = (i * 37) % 101 end table.sort(t) for i = 2, n do "
          "assert(t[i - 1] <= t[i]) end end out 'sorted'",
          "sorted" },
        { "an error leaves it alone",
          "local t = {3, 1, 2} pcall(table.sort, t, function() error 'x' end) log(table.unpack(t))", "3 1 2" },
        { "a comparison that makes no sense",
          "local t = {3, 1, 2, 5, 4} table.sort(t, function() return true end) out(#t)", "5" },
        { "what cannot be compared", "table.sort {1, 'x'}", "1: attempt to compare string with number" },
        { "no table", "table.sort(5)", "1: bad argument #1 to 'sort' (table expected, got number)" },
        { "insert", "local t = {1, 2} table.insert(t, 3) table.insert(t, 1, 0) log(table.unpack(t))", "0 1 2 3" },
        { "insert out of bounds", "table.insert({}, 5, 1)", "1: bad argument #2 to 'insert' (position out of bounds)" },
        { "remove", "local t = {1, 2, 3} log(table.remove(t), table.remove(t, 1), #t)", "3 1 1" },
        { "move", "log(table.unpack(table.move({1, 2, 3}, 2, 3, 1)))", "2 3 3" },
        { "concat", "out(table.concat({1, 'a', 2.5}, '-'), table.concat({}, ','), table.concat({1, 2, 3}, ',', 2, 3))",
          "1-a-2.5  2,3" },
        { "unpack", "log(table.unpack({1, 2, 3}, 2)) log(table.unpack({1, 2, 3}, 2, 2))", "2 3; 2" },
    };

    UNIT_LUA_CHECK(rows);
}

void
suite_lua_order(void)
{
    UNIT_SUITE("lua order", NULL, NULL, { "pairs", test_pairs }, { "next", test_next }, { "sort", test_sort });
}
