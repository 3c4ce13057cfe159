/* host:nat_check(server, {lifetime=, fragments=, timeout=}): behaviour discovery, while the task waits.
 *
 * The check is no part of the task: a task that is stopped leaves it behind, until the end of the run. What was found is
 * copied out of the discovery's callback, in which no Lua runs. */
#include <stddef.h>

#include "core/net/stack.h"
#include "proto/stun/discovery.h"
#include "scenarios/runner/lua/endpoint.h"
#include "scenarios/runner/lua/node_words.h"
#include "scenarios/runner/lua/open.h"
#include "scenarios/runner/lua/service_words.h"
#include "scenarios/runner/lua/socket.h"

enum { CHECK_BYTES = 16384 };

#define LIFETIME_DEFAULT (15 * TIME_MIN)

struct check {
    struct script *script;
    struct open_thing open;
    struct stun_discovery *discovery;
    bool done;
    struct stun_evidence evidence;
    struct stun_findings findings;
    struct waits waiting;
};

static void
on_done(void *owner, struct stun_discovery *discovery, const struct stun_evidence *evidence,
        const struct stun_findings *findings)
{
    struct check *check = owner;

    (void)discovery;
    check->done = true;
    check->evidence = *evidence;
    check->findings = *findings;
    check->script->world->touched = true;
    task_wake_all(&check->waiting);
}

static void
close_check(struct open_thing *thing)
{
    struct check *check = (struct check *)(void *)((char *)thing - offsetof(struct check, open));

    stun_discovery_free(check->discovery);
    g_free(check);
}

/* Into the table below the top: t[name] = word, or the reason into the table `why` on top. */
static void
set_finding(lua_State *L, const char *name, const struct stun_finding *finding, const char *(*word)(int value))
{
    if (finding->value < 0) {
        lua_pushstring(L, finding->why);
        lua_setfield(L, -2, name);
        return;
    }
    lua_pushstring(L, word(finding->value));
    lua_setfield(L, -3, name);
}

static void
set_lifetime(lua_State *L, const struct stun_findings *findings)
{
    if (findings->lifetime.value < 0) {
        lua_pushstring(L, findings->lifetime.why);
        lua_setfield(L, -2, "lifetime");
        return;
    }
    arg_push_seconds(L, findings->alive_for);
    lua_setfield(L, -3, "lifetime");
    if (findings->dead_by == TIME_NEVER)
        return;
    arg_push_seconds(L, findings->dead_by);
    lua_setfield(L, -3, "lifetime_end");
}

static void
set_evidence(lua_State *L, const struct stun_evidence *evidence)
{
    unsigned count = stun_evidence_count(evidence);

    lua_createtable(L, (int)count, 0);
    for (unsigned i = 0; i < count; i++) {
        char text[512];
        GString *line = g_string_new(NULL);

        stun_evidence_say(evidence, i, line);
        g_strlcpy(text, line->str, sizeof text); /* nothing is owned across a call that may raise */
        g_string_free(line, TRUE);
        lua_pushstring(L, text);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "evidence");
}

static int
push_findings(lua_State *L, const struct check *check)
{
    const struct stun_findings *findings = &check->findings;
    const struct stun_sight *first = &check->evidence.sights[STUN_QUESTION_FIRST];

    lua_createtable(L, 0, 16);
    lua_createtable(L, 0, 9);
    set_finding(L, "mapping", &findings->mapping, stun_behaviour_word);
    set_finding(L, "filtering", &findings->filtering, stun_behaviour_word);
    set_finding(L, "ports", &findings->ports, stun_port_allocation_word);
    set_finding(L, "hairpin", &findings->hairpin, stun_hairpinning_word);
    set_finding(L, "fragments", &findings->fragments, stun_fragments_word);
    set_finding(L, "alg", &findings->alg, stun_alg_word);
    set_finding(L, "class", &findings->class, stun_class_word);
    set_finding(L, "rfc3489", &findings->walk, stun_class_word);
    set_lifetime(L, findings);
    lua_setfield(L, -2, "why");
    if (findings->ports.value == STUN_PORTS_SEQUENTIAL) {
        lua_pushinteger(L, findings->step);
        lua_setfield(L, -2, "step");
    }
    if (first->seen == STUN_SEEN_ANSWER) {
        endpoint_push(L, first->local);
        lua_setfield(L, -2, "own");
        endpoint_push(L, first->mapped);
        lua_setfield(L, -2, "mapped");
    }
    set_evidence(L, &check->evidence);
    return 1;
}

static int
check_go_on(lua_State *L, int status, lua_KContext context)
{
    struct check *check = lua_touserdata(L, -1);
    int results;

    (void)status;
    (void)context;
    if (check->done)
        results = push_findings(L, check);
    else if (task_timed_out(L))
        results = arg_push_failure(L, "timeout");
    else
        return task_park(L, &check->waiting, "nat_check", lua_touserdata(L, 1), check_go_on);
    open_remove(check->script, &check->open);
    close_check(&check->open);
    return results;
}

int
service_word_nat_check(struct script *script, lua_State *L)
{
    static const char *const keys[] = { "lifetime", "fragments", "timeout", NULL };
    struct lab_node *host = lab_handle_self(L)->node;
    struct stun_discovery_options options = { .server = arg_endpoint(L, 2, "the server", STUN_PORT),
                                              .lifetime_most = LIFETIME_DEFAULT };
    int64_t timeout = TIME_NEVER;
    enum io_result why = IO_OK;

    arg_no_more(L, 3);
    options_check(L, 3, keys, NULL);
    if (options_get(L, 3, "lifetime"))
        options.lifetime_most = arg_duration(L, -1, "lifetime");
    if (options_get(L, 3, "fragments"))
        options.no_padding = !arg_boolean(L, -1, "fragments");
    if (options_get(L, 3, "timeout"))
        timeout = arg_duration(L, -1, "timeout");
    task_check_may_wait(L);
    limits_spend(L, CHECK_BYTES);
    luaL_checkstack(L, 10, NULL);

    struct check *check = g_new0(struct check, 1);
    check->script = script;
    check->discovery = stun_discovery_start(node_io(host->node), &options, on_done, check, &why);
    if (!check->discovery) {
        g_free(check);
        return push_io_failure(L, why);
    }
    open_add(script, &check->open, close_check);
    task_set_deadline(L, timeout);
    lua_pushlightuserdata(L, check);
    return check_go_on(L, LUA_OK, 0);
}
