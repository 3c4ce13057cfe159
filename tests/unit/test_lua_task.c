/* Tasks in virtual time (interface section 3): who runs when, what waits, how a run ends. */
#include "tests/unit/support_lua.h"

static void
test_order(void)
{
    static const struct unit_lua_row rows[] = {
        { "tasks run after the top level, in the order of spawning",
          "lab.spawn(function() log 'a' end) lab.spawn(function() log 'b' end) log 'top'", "top; a; b" },
        { "a task started by a task runs after those that were ready",
          "lab.spawn(function() log 'a' lab.spawn(function() log 'c' end) end) lab.spawn(function() log 'b' end)",
          "a; b; c" },
        { "sleepers wake by time",
          "for _, t in ipairs {3, 1, 2} do lab.spawn(function() lab.sleep(t) log(t, lab.now()) end) end",
          "1 1.0; 2 2.0; 3 3.0" },
        { "of one instant in the order of going to sleep",
          "for i = 1, 3 do lab.spawn(function() lab.sleep(1) log(i) end) end", "1; 2; 3" },
        { "a put does not run the taker at once",
          "local m = lab.mailbox() lab.spawn(function() log('took', m:take()) end) lab.spawn(function() m:put 'x' log "
          "'put' end)",
          "put; took x" },
        { "lab.at runs in order of time, then of asking",
          "lab.at(2, function() log 'c' end) lab.at(1, function() log 'a' end) "
          "lab.at(1, function() log 'b' end)",
          "a; b; c" },
        { "lab.at in the past is now",
          "lab.spawn(function() lab.sleep(5) lab.at(1, function() log('at', lab.now()) end) log 'asked' end)",
          "asked; at 5.0" },
        { "a callback makes ready, and does not run",
          "local m = lab.mailbox() lab.spawn(function() m:take() log 'task' end) lab.at(1, function() m:put(1) log "
          "'callback' end)",
          "callback; task" },
        { "a watch's function runs after the event, before the tasks that it made ready",
          "local n = lab.internet{} local a, b = n:host 'A', n:host 'B' local s = b:udp(9) "
          "lab.watch({node = b, action = 'delivered'}, function(r) log('watch', r.packet) end) "
          "b:spawn(function() s:recv() log 'recv' end) a:spawn(function() a:udp():send(s.own, 'x') log 'sent' end)",
          "sent; watch A.1; recv" },
        { "at_end functions run last, in order",
          "lab.at_end(function() log('y', lab.now()) end) lab.at_end(function() log 'z' end) "
          "lab.spawn(function() lab.sleep(1) log 'x' end)",
          "x; y 1.0; z" },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_waiting(void)
{
    static const struct unit_lua_row rows[] = {
        { "what the predicate returned",
          "local x lab.spawn(function() log(lab.wait(function() return x, 'more' end)) end) "
          "lab.spawn(function() lab.sleep(1) x = 5 end)",
          "5 more" },
        { "at once when it holds", "lab.spawn(function() log(lab.wait(function() return 1 end), lab.now()) end)",
          "1 0.0" },
        { "at the top level with 0", "out(lab.wait(function() return false end, 0))", "nil timeout" },
        { "a timeout", "lab.spawn(function() out(lab.wait(function() return false end, '2s')) log(lab.now()) end)",
          "2.0" },
        { "a timeout's words", "lab.spawn(function() out(lab.wait(function() end, '2s')) end)", "nil timeout" },
        { "the last look is at the end of the time",
          "lab.spawn(function() log(lab.wait(function() return lab.now() >= 2 and 'yes' end, 2)) end)", "yes" },
        { "asked in the order in which the waits began, after any task",
          "local go for i = 1, 3 do lab.spawn(function() lab.wait(function() log('ask ' .. i) return go end) log('run "
          "' .. i) end) end "
          "lab.spawn(function() lab.sleep(1) go = true log 'go' end)",
          "ask 1; ask 1; ask 2; ask 1; ask 2; ask 3; ask 1; ask 2; ask 3; ask 1; ask 2; ask 3; go; ask 1; ask 2; ask "
          "3; run 1; run 2; run 3" },
        { "after an event that touched a socket",
          "local n = lab.internet{} local a, b = n:host 'A', n:host 'B' local k = b:sink(9) "
          "lab.spawn(function() lab.wait(function() return k.packets == 2 end) log(lab.now()) end) "
          "a:spawn(function() local s = a:udp() s:send(lab.endpoint(b, 9), 'x') s:send(lab.endpoint(b, 9), 'y') end)",
          "0.0002" },
        { "an error in it is the waiter's",
          "lab.spawn(function() log(tostring(pcall(lab.wait, function() error 'x' end))) end)", "false" },
        { "also later",
          "local x lab.spawn(function() out(pcall(lab.wait, function() if x then error 'late' end end)) end) "
          "lab.spawn(function() lab.sleep(1) x = true end)",
          "false t.lua:1: late" },
        { "a predicate may end tasks",
          "local t = {} for i = 1, 3 do t[i] = lab.spawn(function() lab.wait(function() if i == 1 and lab.now() > 0 "
          "then "
          "t[2]:stop() t[3]:stop() return true end end) log(i) end) end lab.spawn(function() lab.sleep(1) end)",
          "1" },
        { "waiting for a task",
          "local t = lab.spawn(function() lab.sleep(2) end) lab.spawn(function() log(tostring(t:wait(1)), lab.now()) "
          "log(tostring(t:wait()), lab.now()) log(tostring(t:wait(0))) end)",
          "nil 1.0; true 2.0; true" },
        { "stopping a task",
          "local t = lab.spawn(function() lab.sleep(100) log 'no' end) lab.spawn(function() lab.sleep(1) t:stop() "
          "t:stop() "
          "log(t:counters().state) end) lab.at_end(function() log(lab.now()) end)",
          "ended; 1.0" },
        { "a task stops itself",
          "local t t = lab.spawn(function() t:stop() log 'no' end) lab.spawn(function() t:wait() log 'ended' end)",
          "ended" },
        { "stopping closes variables",
          "local t = lab.spawn(function() local x <close> = setmetatable({}, {__close = function() log 'closed' end}) "
          "lab.sleep(9) end) lab.spawn(function() t:stop() end)",
          "closed" },
        { "its own end", "local t t = lab.spawn(function() t:wait() end)",
          "1: task:wait: a task cannot wait for its own end" },
        { "a timeout of nothing", "local m = lab.mailbox() out(m:take(0))", "nil timeout" },
        { "negative is 0", "local m = lab.mailbox() out(m:take(-5))", "nil timeout" },
        { "two takers",
          "local m = lab.mailbox() for i = 1, 2 do lab.spawn(function() log(i, m:take()) end) end m:put 'a' m:put 'b'",
          "1 a; 2 b" },
    };

    UNIT_LUA_CHECK(rows);
}

static void
test_where_nobody_waits(void)
{
    static const struct unit_lua_row rows[] = {
        { "the top level", "lab.sleep(1)",
          "1: lab.sleep: the top level runs at time 0 and cannot wait; wait in a task: lab.spawn(function() ... end)" },
        { "a predicate", "lab.spawn(function() lab.wait(function() lab.sleep(1) end) end)",
          "1: lab.sleep: the function given to lab.wait may not wait itself" },
        { "lab.at", "local m = lab.mailbox() lab.at(1, function() m:take() end)",
          "1: mailbox:take: a callback may not wait; let it start a task: lab.spawn(function() ... end)" },
        { "at_end", "lab.at_end(function() lab.sleep(1) end)",
          "1: lab.sleep: functions given to lab.at_end may not wait: the run is over" },
        { "at_end starts nothing", "lab.at_end(function() lab.spawn(print) end)",
          "1: lab.spawn: the run is over: no task would run any more" },
        { "sort", "lab.spawn(function() table.sort({2, 1}, function() lab.sleep(1) end) end)",
          "1: lab.sleep: nothing can wait inside a function that is called by sort, gsub or a metamethod" },
        { "a metamethod's coroutine",
          "lab.spawn(function() local t = setmetatable({}, {__index = coroutine.wrap(function() lab.sleep(1) return 1 "
          "end)}) "
          "table.sort({2, 1}, function() return t.x end) end)",
          "1: lab.sleep: nothing can wait inside a function that is called by sort, gsub or a metamethod" },
    };

    UNIT_LUA_CHECK(rows);
}

/* --- ends -------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *text;
    enum scenario_end ended;
    int64_t at;
    bool passed;
    const char *waiting; /* "task:line on", of all */
} ends[] = {
    { "nothing to do", "", SCENARIO_DONE, 0, true, "" },
    { "tasks end", "lab.spawn(function() lab.sleep(5) end)", SCENARIO_DONE, 5 * TIME_S, true, "" },
    { "a task for ever in the background",
      "lab.spawn(function() while true do lab.sleep(1) end end, {background = true}) "
      "lab.spawn(function() lab.sleep('2.5s') end)",
      SCENARIO_DONE, 2500 * TIME_MS, true, "" },
    { "stuck", "lab.spawn(function()\nlab.mailbox():take() end)", SCENARIO_STUCK, 0, false, "lab:2 take on mailbox" },
    { "stuck in lab.wait",
      "lab.spawn(function()\n\nlab.wait(function() end) end, {name = 'me'}) lab.spawn(function() lab.sleep(1) end)",
      SCENARIO_STUCK, TIME_S, false, "me:3 lab.wait" },
    { "a background task does not count as stuck",
      "lab.spawn(function() lab.mailbox():take() end, {background = true})", SCENARIO_DONE, 0, true, "" },
    { "stop",
      "lab.spawn(function() lab.sleep(1) lab.stop() lab.expect(false) end) lab.spawn(function() lab.sleep(9) end)",
      SCENARIO_STOPPED, TIME_S, true, "" },
    { "stop at the top level", "lab.spawn(function() lab.expect(false) end) lab.stop()", SCENARIO_STOPPED, 0, true,
      "" },
    { "until", "lab.spawn(function() lab.sleep('100h') end)", SCENARIO_UNTIL, 24 * 60 * TIME_MIN, false,
      "lab:1 lab.sleep" },
    { "a failed expectation", "lab.expect(false, 'no')", SCENARIO_DONE, 0, false, "" },
    { "a deadline is not stuck", "lab.spawn(function() lab.mailbox():take('10s') end)", SCENARIO_DONE, 10 * TIME_S,
      true, "" },
    { "lab.at keeps it going", "lab.at(7, function() end)", SCENARIO_DONE, 7 * TIME_S, true, "" },
    { "traffic keeps it going",
      "local n = lab.internet{} local a, b = n:host 'A', n:host 'B' b:sink(9) "
      "a:traffic{to = lab.endpoint(b, 9), packets = 11, interval = '1s'}",
      SCENARIO_DONE, 10 * TIME_S + 200 * TIME_US, true, "" },
    { "packets under way keep it going",
      "local n = lab.internet{delay = '30s'} local a, b = n:host 'A', n:host 'B' b:sink(9) "
      "a:spawn(function() a:udp():send(lab.endpoint(b, 9), 'x') end)",
      SCENARIO_DONE, 60 * TIME_S, true, "" },
    { "but 60 s after the last task at most",
      "local n = lab.internet{delay = '31s'} local a, b = n:host 'A', n:host 'B' b:sink(9) "
      "a:spawn(function() a:udp():send(lab.endpoint(b, 9), 'x') end)",
      SCENARIO_DONE, 60 * TIME_S, true, "" },
    { "a mapping's expiry does not",
      "local n = lab.internet{} local a, b = n:nat('N'):host 'A', n:host 'B' b:sink(9) "
      "a:spawn(function() a:udp():send(lab.endpoint(b, 9), 'x') end)",
      SCENARIO_DONE, 300 * TIME_US, true, "" },
    { "an error", "lab.spawn(function() lab.sleep(1) error 'x' end) lab.spawn(function() lab.sleep(2) end)",
      SCENARIO_FAILED, TIME_S, false, "" },
    { "two waiting",
      "local n = lab.internet{} local a = n:host 'A' a:spawn(function() a:udp(5):recv() end)\n"
      "a:spawn(function() a:udp(6):recv() end)",
      SCENARIO_STUCK, 0, false, "A:1 recv on socket 198.51.100.1:5 of A, A (2):2 recv on socket 198.51.100.1:6 of A" },
};

static char *
say_waiting(const struct scenario *scenario)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < scenario->waiting->len; i++) {
        const struct scenario_waiting *waiting = scenario->waiting->pdata[i];

        g_string_append_printf(text, "%s%s:%d %s", i > 0 ? ", " : "", waiting->task, waiting->line, waiting->on);
    }
    return g_string_free(text, FALSE);
}

static void
test_ends(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_autofree char *text = g_strconcat("local lab = require 'punchlab' ", ends[i].text, NULL);
        g_autoptr(scenario) scenario = unit_lua_new(text, NULL, NULL);

        if (!CHECK_ROW(ends[i].name, scenario != NULL))
            continue;
        scenario_run(scenario);
        g_autofree char *waiting = say_waiting(scenario);
        CHECK_ROW_TEXT(ends[i].name, scenario_end_words[scenario->ended], scenario_end_words[ends[i].ended]);
        CHECK_ROW_INT(ends[i].name, scenario->lab->world->now, ends[i].at);
        CHECK_ROW_INT(ends[i].name, scenario_passed(scenario), ends[i].passed);
        CHECK_ROW_TEXT(ends[i].name, waiting, ends[i].waiting);
    }
}

static bool
interrupt(void *user)
{
    ++*(unsigned *)user;
    return true;
}

static void
test_interrupt_and_until(void)
{
    unsigned asked = 0;
    struct scenario_options options = { .seed = 1, .until = TIME_NEVER, .interrupted = interrupt, .user = &asked };
    g_autoptr(scenario) interrupted = unit_lua_new(
        "local lab = require 'punchlab' lab.spawn(function() while true do lab.sleep('1ms') end end)", &options, NULL);

    scenario_run(interrupted);
    CHECK(asked == 1);
    CHECK(interrupted->ended == SCENARIO_STOPPED);
    CHECK(scenario_passed(interrupted));

    options = (struct scenario_options){ .seed = 1, .until = 3 * TIME_S };
    g_autoptr(scenario) cut = unit_lua_new(
        "local lab = require 'punchlab' lab.spawn(function() while true do lab.sleep(2) end end)", &options, NULL);
    scenario_run(cut);
    CHECK(cut->ended == SCENARIO_UNTIL);
    CHECK(cut->lab->world->now == 3 * TIME_S);
}

void
suite_lua_task(void)
{
    UNIT_SUITE("lua task", NULL, NULL, { "order", test_order }, { "waiting", test_waiting },
               { "where nobody waits", test_where_nobody_waits }, { "ends", test_ends },
               { "interrupt and until", test_interrupt_and_until });
}
