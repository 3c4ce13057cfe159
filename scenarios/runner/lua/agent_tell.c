/* What a script may know of an ICE agent: its pair, its candidates, its counters, and its story. */
#include "scenarios/runner/lua/agent.h"
#include "scenarios/runner/lua/arguments.h"
#include "scenarios/runner/lua/endpoint.h"

/* How far from direct a candidate's way is. */
static int
detour(enum ice_type type)
{
    static const int ranks[ICE_TYPES] = { [ICE_HOST] = 0, [ICE_SRFLX] = 1, [ICE_PRFLX] = 2, [ICE_RELAY] = 3 };

    return ranks[type];
}

const char *
agent_path_word(const struct ice_candidate *own, const struct ice_candidate *peer)
{
    return ice_type_word(detour(own->type) > detour(peer->type) ? own->type : peer->type);
}

static void
set_text(lua_State *L, const char *name, const char *text)
{
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

static void
set_endpoint(lua_State *L, const char *name, struct endpoint endpoint)
{
    if (address_is_none(endpoint.address))
        return;
    endpoint_push(L, endpoint);
    lua_setfield(L, -2, name);
}

void
agent_push_candidate(lua_State *L, const struct ice_candidate *candidate)
{
    lua_createtable(L, 0, 10);
    set_text(L, "type", ice_type_word(candidate->type));
    set_text(L, "transport", candidate->transport == ICE_UDP ? "udp" : "tcp");
    set_endpoint(L, "endpoint", candidate->endpoint);
    set_endpoint(L, "base", candidate->base);
    set_endpoint(L, "related", candidate->related);
    set_endpoint(L, "server", candidate->server);
    set_text(L, "foundation", candidate->foundation);
    lua_pushinteger(L, candidate->priority);
    lua_setfield(L, -2, "priority");
    lua_pushinteger(L, candidate->component);
    lua_setfield(L, -2, "component");
    lua_pushinteger(L, candidate->stream + 1);
    lua_setfield(L, -2, "stream");
}

void
agent_push_pair(lua_State *L, const struct agent_handle *agent)
{
    const struct ice_session *session = ice_agent_session(agent->agent);
    const struct ice_pair *pair = ice_session_selected(session, 0, 1);

    luaL_checkstack(L, 12, NULL);
    lua_createtable(L, 0, 5);
    if (!pair)
        return;

    const struct ice_candidate *own = ice_session_local(session, pair->local);
    const struct ice_candidate *peer = ice_session_remote(session, pair->remote);

    agent_push_candidate(L, own);
    lua_setfield(L, -2, "own");
    agent_push_candidate(L, peer);
    lua_setfield(L, -2, "peer");
    set_text(L, "path", agent_path_word(own, peer));
    if (pair->rtt >= 0) {
        arg_push_seconds(L, pair->rtt);
        lua_setfield(L, -2, "rtt");
    }
    arg_push_seconds(L, agent->after);
    lua_setfield(L, -2, "after");
}

int
agent_word_candidates(struct script *script, lua_State *L)
{
    struct agent_handle *agent = lua_touserdata(L, 1);
    const struct ice_session *session = agent->agent ? ice_agent_session(agent->agent) : NULL;
    lua_Integer count = 0;

    (void)script;
    arg_no_more(L, 1);
    luaL_checkstack(L, 12, NULL);
    lua_newtable(L);
    for (unsigned i = 0; session && i < ice_session_locals(session); i++) {
        const struct ice_candidate *candidate = ice_session_local(session, i);

        if (!candidate)
            continue;
        agent_push_candidate(L, candidate);
        lua_rawseti(L, -2, ++count);
    }
    return 1;
}

int
agent_word_counters(struct script *script, lua_State *L)
{
    static const struct ice_counters no_checks;
    static const struct ice_agent_counters nothing;
    struct agent_handle *agent = lua_touserdata(L, 1);
    const struct ice_counters *session =
        agent->agent ? ice_session_counters(ice_agent_session(agent->agent)) : &no_checks;
    const struct ice_agent_counters *counters = agent->agent ? ice_agent_counters(agent->agent) : &nothing;
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        { "checks", session->checks },       { "rechecks", session->rechecks },   { "consents", session->consents },
        { "keepalives", session->keepalives }, { "requests", session->requests }, { "refused", session->refused },
        { "responses", session->responses }, { "ignored", session->ignored },     { "conflicts", session->conflicts },
        { "limited", session->limited },     { "sent", counters->sent },          { "received", counters->received },
        { "strangers", counters->strangers }, { "unexpected", counters->unexpected },
        { "unsent", counters->unsent },      { "connections", counters->connections },
        { "gathered", counters->gathered },  { "silent", counters->silent },
    };

    (void)script;
    lua_createtable(L, 0, G_N_ELEMENTS(rows));
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        lua_pushinteger(L, (lua_Integer)rows[i].value);
        lua_setfield(L, -2, rows[i].name);
    }
    return 1;
}

/* The text is made in a buffer of Lua's, since a push may raise. */
int
agent_word_transcript(struct script *script, lua_State *L)
{
    struct agent_handle *agent = lua_touserdata(L, 1);
    GString *text;
    luaL_Buffer buffer;
    char *copy;

    (void)script;
    arg_no_more(L, 1);
    if (!agent->agent)
        return arg_push_failure(L, "closed");
    text = g_string_new(NULL);
    ice_agent_transcript(agent->agent, text);
    if (agent->told)
        g_string_free(agent->told, TRUE);
    agent->told = text; /* so that it is not lost if there is no memory for the copy */
    copy = luaL_buffinitsize(L, &buffer, text->len);
    memcpy(copy, text->str, text->len);
    luaL_pushresultsize(&buffer, text->len);
    return 1;
}
