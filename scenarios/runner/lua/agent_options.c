/* The options of host:ice: servers, policy, and the figures of RFC 8445. */
#include "scenarios/runner/lua/agent.h"
#include "scenarios/runner/lua/arguments.h"

static const char *const policies[] = { "all", "relay", NULL };
static const char *const transports[] = { "udp", "tcp", "udp-then-tcp", NULL };

static unsigned
word_of(lua_State *L, int index, const char *name, const char *const *accepted)
{
    const char *word = arg_text(L, index, name);

    for (unsigned i = 0; accepted[i]; i++)
        if (strcmp(word, accepted[i]) == 0)
            return i;
    complain_word(L, name, word, accepted);
}

/* Whether the value at `index` is a list rather than one thing. */
static bool
is_list(lua_State *L, int index, const char *key)
{
    bool list;

    if (!lua_istable(L, index))
        return false;
    if (!key)
        return true;
    lua_getfield(L, index, key);
    list = lua_isnil(L, -1);
    lua_pop(L, 1);
    return list;
}

static void
read_stun(lua_State *L, struct ice_agent_options *options)
{
    int value = lua_gettop(L);

    if (!is_list(L, value, NULL)) {
        options->stun[options->stun_count++] = arg_endpoint(L, value, "stun", STUN_PORT);
        return;
    }
    if (lua_rawlen(L, value) > ICE_AGENT_SERVERS_MOST)
        complain(L, "stun has more than %d servers", ICE_AGENT_SERVERS_MOST);
    for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, value); i++) {
        lua_rawgeti(L, value, i);
        options->stun[options->stun_count++] = arg_endpoint(L, lua_gettop(L), "stun", STUN_PORT);
        lua_pop(L, 1);
    }
}

/* One: a server alone, or {server =, user =, password =, transport =}. Its texts stay on the stack. */
static void
read_relay(lua_State *L, int value, struct ice_agent_turn *turn)
{
    static const char *const keys[] = { "server", "user", "password", "transport", NULL };

    if (!lua_istable(L, value)) {
        turn->server = arg_endpoint(L, value, "turn", STUN_PORT);
        return;
    }
    options_check_in(L, value, "turn", keys);
    if (!options_get(L, value, "server"))
        complain(L, "turn lacks server: {server = S, user = 'name', password = 'secret'}");
    turn->server = arg_endpoint(L, lua_gettop(L), "server", STUN_PORT);
    if (options_get(L, value, "user"))
        turn->username = arg_text(L, lua_gettop(L), "user");
    if (options_get(L, value, "password"))
        turn->password = arg_text(L, lua_gettop(L), "password");
    if (!turn->username != !turn->password)
        complain(L, "turn has %s and no %s", turn->username ? "user" : "password",
                 turn->username ? "password" : "user");
    if (options_get(L, value, "transport"))
        turn->transport = (enum turn_client_transport)word_of(L, lua_gettop(L), "transport", transports);
}

void
agent_read_turn(lua_State *L, struct ice_agent_options *options)
{
    int value = lua_gettop(L);

    if (!is_list(L, value, "server")) {
        read_relay(L, value, &options->turn[options->turn_count++]);
        return;
    }
    if (lua_rawlen(L, value) > ICE_AGENT_SERVERS_MOST)
        complain(L, "turn has more than %d servers", ICE_AGENT_SERVERS_MOST);
    for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, value); i++) {
        lua_rawgeti(L, value, i);
        read_relay(L, lua_gettop(L), &options->turn[options->turn_count++]);
    }
}

static void
read_flags(lua_State *L, struct ice_agent_options *options)
{
    struct ice_session_options *session = &options->session;
    const struct {
        const char *name;
        bool *flag;
        bool negated;
    } flags[] = {
        { "controlling", &session->controlling, false }, { "lite", &session->lite, false },
        { "trickle", &session->trickle, false },         { "aggressive", &session->aggressive, false },
        { "consent", &session->consent, false },         { "udp", &options->no_udp, true },
        { "tcp", &options->tcp, false },                 { "simultaneous_open", &options->tcp_so, false },
        { "ipv4", &options->no_ipv4, true },             { "ipv6", &options->no_ipv6, true },
        { "restart_on_change", &options->restart_on_change, false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(flags); i++)
        if (options_get(L, 2, flags[i].name))
            *flags[i].flag = arg_boolean(L, -1, flags[i].name) != flags[i].negated;
}

static void
read_figures(lua_State *L, struct ice_agent_options *options)
{
    struct ice_session_options *session = &options->session;
    const struct {
        const char *name;
        int64_t *duration;
    } durations[] = {
        { "ta", &session->ta },
        { "patience", &session->patience },
        { "keepalive", &session->keepalive },
        { "nominate_direct", &session->nominate_direct },
        { "nominate_relay", &session->nominate_relay },
        { "rto_most", &session->rto_most },
        { "gather_timeout", &options->gather_most },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(durations); i++)
        if (options_get(L, 2, durations[i].name))
            *durations[i].duration = arg_duration(L, -1, durations[i].name);
    if (options_get(L, 2, "components"))
        session->components = (unsigned)arg_integer(L, -1, "components", 1, ICE_COMPONENT_MOST);
    if (options_get(L, 2, "streams"))
        session->streams = (unsigned)arg_integer(L, -1, "streams", 1, ICE_STREAMS_MOST);
    ice_session_options_fit(session);
    if (options_get(L, 2, "pairs"))
        session->pairs_most = (uint16_t)arg_integer(L, -1, "pairs", 1, 1000);
}

void
agent_options_read(lua_State *L, struct ice_agent_options *options)
{
    static const char *const keys[] = {
        "stun",     "turn",      "policy",     "controlling",       "lite",            "trickle",        "aggressive",
        "consent",  "udp",       "tcp",        "simultaneous_open", "ipv4",            "ipv6",           "ta",
        "patience", "keepalive", "components", "streams",           "nominate_direct", "nominate_relay", "rto_most",
        "pairs",    "media",     "restart_on_change", "gather_timeout", NULL
    };

    luaL_checkstack(L, 24 + 6 * ICE_AGENT_SERVERS_MOST, NULL);
    options_check(L, 2, keys, NULL);
    if (options_get(L, 2, "stun"))
        read_stun(L, options);
    if (options_get(L, 2, "turn"))
        agent_read_turn(L, options);
    if (options_get(L, 2, "policy"))
        options->relay_only = word_of(L, lua_gettop(L), "policy", policies) == 1;
    if (options_get(L, 2, "media"))
        options->media = arg_text(L, lua_gettop(L), "media");
    read_flags(L, options);
    read_figures(L, options);
    if (ice_agent_options_fault(options))
        complain(L, "%s", ice_agent_options_fault(options));
}
