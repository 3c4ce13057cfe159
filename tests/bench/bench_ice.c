/* Whole ICE sessions: gathering at a STUN (and a TURN) server, descriptions there and back, checks, nomination, until both
 * sides are Completed. One world, two NATs, a host behind each; twenty sessions at a time. By agents in C, and from Lua,
 * where a description is handed over by the script, or goes through a signalling server over HTTP and simulated TCP. */
#include "core/net/stack.h"
#include "nat/presets.h"
#include "proto/ice/agent.h"
#include "proto/stun/server.h"
#include "proto/turn/server.h"
#include "scenarios/lab/lab.h"
#include "tests/bench/support_program.h"

#define AT_A_TIME 20

struct run;

struct side {
    struct run *run;
    struct side *other;
    struct ice_agent *agent;
    bool gathered, completed;
};

struct run {
    const char *nat;
    bool turn;
    unsigned sessions, begun, done;
    struct lab *lab;
    struct io *ios[2];
    struct side sides[AT_A_TIME][2];
    struct ice_agent_options options;
};

static void told(void *owner, struct ice_agent *agent, const struct ice_agent_news *news);

static void
begin_session(struct run *run, struct side *sides)
{
    if (run->begun == run->sessions)
        return;
    run->begun++;
    for (int i = 0; i < 2; i++) {
        run->options.session.controlling = i == 0;
        sides[i] = (struct side){ .run = run, .other = &sides[1 - i] };
        sides[i].agent = ice_agent_new(run->ios[i], &run->options, told, &sides[i]);
    }
    for (int i = 0; i < 2; i++)
        ice_agent_gather(sides[i].agent);
}

static void
describe(struct side *from, struct side *to)
{
    g_autoptr(GString) text = g_string_new(NULL);

    ice_agent_description(from->agent, text);
    if (!ice_agent_take_description(to->agent, span_of_text(text->str), NULL))
        g_error("a description was not taken");
}

static void
told(void *owner, struct ice_agent *agent, const struct ice_agent_news *news)
{
    struct side *side = owner, *other = side->other;
    struct run *run = side->run;

    (void)agent;
    side->gathered |= news->event == ICE_AGENT_GATHERED;
    side->completed |= news->event == ICE_AGENT_STATE && news->state == ICE_COMPLETED;
    if (news->event == ICE_AGENT_GATHERED && other->gathered) {
        describe(side, other);
        describe(other, side);
    }
    if (news->event != ICE_AGENT_STATE || !side->completed || !other->completed)
        return;
    run->done++;
    ice_agent_free(side->agent);
    ice_agent_free(other->agent);
    begin_session(run, side < other ? side : other);
}

static struct io *
host(struct lab_network *network, const char *name, const char *address)
{
    struct node *node = lab_host(network, name, address, NULL, NULL);

    g_assert(node);
    return node_io(node);
}

static struct lab_network *
nat(struct run *run, struct lab_network *internet, const char *name, const char *address, const char *lan)
{
    return lab_nat(internet, name, address, &nat_preset_find(run->nat)->options, run->nat, lan, NULL, NULL, NULL);
}

static double
sessions_per_second(void *context)
{
    struct run *run = context;
    struct stun_server_options stun_options = STUN_SERVER_DEFAULTS;
    struct turn_server_options turn_options = TURN_SERVER_DEFAULTS;
    struct lab_network *internet;
    struct stun_server *stun;
    struct turn_server *turn;
    enum io_result why;
    double begun;

    run->lab = lab_new(1);
    run->begun = run->done = 0;
    internet = lab_internet(run->lab, NULL, NULL, NULL, NULL);
    stun = stun_server_new(host(internet, "S", "198.51.100.1"), &stun_options, &why);
    turn_options.total = turn_options.per_user = 0;
    turn_options.realm = NULL;
    turn = turn_server_new(host(internet, "T", "198.51.100.2"), &turn_options, &why);
    run->ios[0] = host(nat(run, internet, "natA", "203.0.113.1", "10.0.0.0/24"), "A", NULL);
    run->ios[1] = host(nat(run, internet, "natB", "203.0.113.2", "10.1.0.0/24"), "B", NULL);

    begun = bench_clock();
    for (int i = 0; i < AT_A_TIME; i++)
        begin_session(run, run->sides[i]);
    while (run->done < run->sessions && world_step(run->lab->world, TIME_NEVER - 1))
        ;
    if (run->done < run->sessions)
        g_error("%u of %u sessions were completed", run->done, run->sessions);

    double rate = run->sessions / (bench_clock() - begun);

    stun_server_free(stun);
    turn_server_free(turn);
    lab_free(run->lab);
    return rate;
}

/* ---- from Lua */

#define LUA_SESSIONS 2000
#define LUA_WORLD(sessions_)                                                                                           \
    "local lab = require 'punchlab'\n"                                                                                 \
    "local sessions = " G_STRINGIFY(sessions_) "\n"                                                                    \
    "local internet = lab.internet {}\n"                                                                               \
    "local S = internet:host('S', '198.51.100.1')\n"                                                                   \
    "local A = internet:nat('natA', '203.0.113.1', { lan = '10.0.0.0/24' }):host('A')\n"                               \
    "local B = internet:nat('natB', '203.0.113.2', { lan = '10.1.0.0/24' }):host('B')\n"                               \
    "S:stun_server()\n"                                                                                                \
    "local ended = 0\n"                                                                                                \
    "lab.at_end(function() lab.expect(ended == sessions, 'all are connected') end)\n"

static const char by_hand[] = LUA_WORLD(LUA_SESSIONS)
    "local function session()\n"
    "  local a, b = A:ice { stun = S, controlling = true }, B:ice { stun = S, controlling = false }\n"
    "  a:gather() b:gather()\n"
    "  b:remote_sdp(a:local_sdp()) a:remote_sdp(b:local_sdp())\n"
    "  if a:wait '1min' and b:wait '1min' then ended = ended + 1 end\n"
    "  a:close() b:close()\n"
    "end\n"
    "for _ = 1, 20 do lab.spawn(function() for _ = 1, sessions // 20 do session() end end) end\n";

static const char signalled[] = LUA_WORLD(LUA_SESSIONS)
    "local server = S:signal_server { peers = 10000 }\n"
    "local function side(host, me, other, controlling)\n"
    "  for i = 1, sessions // 20 do\n"
    "    local agent, channel = host:ice { stun = S, controlling = controlling }, host:signal(server, me .. i)\n"
    "    if agent:connect(channel, other .. i, '1min') then ended = ended + 1 / 2 end\n"
    "    agent:close() channel:close()\n"
    "  end\n"
    "end\n"
    "for n = 1, 20 do\n"
    "  lab.spawn(function() side(A, 'A' .. n .. '.', 'B' .. n .. '.', true) end)\n"
    "  lab.spawn(function() side(B, 'B' .. n .. '.', 'A' .. n .. '.', false) end)\n"
    "end\n";

struct script {
    struct program program;
    char *none, *path;
};

/* What an empty world takes is not the sessions'. */
static double
lua_sessions_per_second(void *context)
{
    const struct script *script = context;

    return LUA_SESSIONS * 1000 / (program_run(&script->program, script->path) -
                                  program_run(&script->program, script->none));
}

static void
bench_script(struct bench *bench, const char *figure, const char *text, double reach)
{
    struct script script;

    program_find(&script.program);
    script.none = program_write(&script.program, "none.lua", LUA_WORLD(0));
    script.path = program_write(&script.program, "sessions.lua", text);
    bench_compare(bench, figure, "/s", BENCH_MORE, reach, lua_sessions_per_second, NULL, &script);
    program_clear(&script.program);
    g_free(script.none);
    g_free(script.path);
}

void
bench_ice(struct bench *bench)
{
    struct run *run = g_new0(struct run, 1);

    run->options = ICE_AGENT_DEFAULTS;
    run->options.stun_count = 1;
    run->options.stun[0] = (struct endpoint){ address_ipv4(0xc6336401), STUN_PORT };
    run->options.turn[0].server = (struct endpoint){ address_ipv4(0xc6336402), STUN_PORT };
    run->nat = "port-restricted-cone";
    run->sessions = 4000;
    bench_compare(bench, "ICE sessions, two port-restricted NATs", "/s", BENCH_MORE, 5000, sessions_per_second, NULL,
                  run);
    run->nat = "symmetric";
    run->options.turn_count = 1;
    run->sessions = 1000;
    bench_compare(bench, "ICE sessions, two symmetric NATs and TURN", "/s", BENCH_MORE, 1000, sessions_per_second, NULL,
                  run);
    g_free(run);
    bench_script(bench, "ICE sessions from Lua, two port-restricted NATs", by_hand, 2000);
    bench_script(bench, "the same, signalled over HTTP", signalled, 0);
}
