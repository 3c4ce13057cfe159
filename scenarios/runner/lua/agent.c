#include "scenarios/runner/lua/agent.h"

#include <stddef.h>

#include "scenarios/runner/lua/arguments.h"
#include "scenarios/runner/lua/endpoint.h"
#include "scenarios/runner/lua/signal_words.h"

enum { AGENT_BYTES = 32768, GATHER_STEPS = 2000, TEXT_STEPS = 1000, TRICKLED_MOST = 256, TRANSCRIPT = 1000 };

struct trickled {
    struct trickled *next;
    char line[]; /* "candidate:..." or "end-of-candidates" */
};

static struct agent_handle *
self_agent(lua_State *L)
{
    return lua_touserdata(L, 1);
}

/* nil, reason, {text=}: for `return`. */
static int
push_trouble(lua_State *L, const char *reason, const char *text)
{
    luaL_checkstack(L, 6, NULL);
    arg_push_failure(L, reason);
    lua_createtable(L, 0, 1);
    lua_pushstring(L, text);
    lua_setfield(L, -2, "text");
    return 3;
}

static enum ice_state
state_of(const struct agent_handle *agent)
{
    return ice_session_state(ice_agent_session(agent->agent));
}

/* --- what the agent tells ----------------------------------------------------------------------------------------- */

static void
queue_line(struct agent_handle *agent, const char *line)
{
    struct trickled *trickled;

    if (agent->queued == TRICKLED_MOST)
        return;
    trickled = g_malloc(sizeof *trickled + strlen(line) + 1);
    trickled->next = NULL;
    strcpy(trickled->line, line);
    if (agent->last)
        agent->last->next = trickled;
    else
        agent->first = trickled;
    agent->last = trickled;
    agent->queued++;
}

static void
drop_line(struct agent_handle *agent)
{
    struct trickled *trickled = agent->first;

    agent->first = trickled->next;
    if (!agent->first)
        agent->last = NULL;
    agent->queued--;
    g_free(trickled);
}

static void
queue_candidate(struct agent_handle *agent, const struct ice_candidate *candidate)
{
    g_autoptr(GString) line = g_string_new(NULL);

    ice_agent_candidate_say(agent->agent, candidate, line);
    queue_line(agent, line->str);
}

static void
free_agent(struct agent_handle *agent)
{
    g_clear_pointer(&agent->rendezvous, rendezvous_free);
    g_clear_pointer(&agent->agent, ice_agent_free);
    g_clear_pointer(&agent->trouble, g_free);
    if (agent->told)
        g_string_free(agent->told, TRUE);
    agent->told = NULL;
    while (agent->first)
        drop_line(agent);
}

static void
on_closed(struct agent_handle *agent)
{
    struct script *script = agent->socket.script;

    open_remove(script, &agent->socket.open);
    limits_let_go_bytes(&script->limits, AGENT_BYTES);
    free_agent(agent);
    handle_drop(script->L, agent);
}

static void
note(struct agent_handle *agent, const struct ice_agent_news *news)
{
    switch (news->event) {
    case ICE_AGENT_CANDIDATE:
        if (agent->trickle && !agent->rendezvous)
            queue_candidate(agent, &news->candidate);
        break;
    case ICE_AGENT_GATHERED:
        if (agent->trickle && !agent->rendezvous)
            queue_line(agent, "end-of-candidates");
        break;
    case ICE_AGENT_STATE:
        agent->failed = news->state == ICE_FAILED;
        agent->why = agent->failed ? ice_why_sentence(news->why) : NULL;
        break;
    case ICE_AGENT_NETWORK:
    case ICE_AGENT_RESTARTED:
        if (state_of(agent) != ICE_FAILED) { /* a new generation, of the peer's making or restart_on_change */
            agent->failed = false;
            agent->why = NULL;
        }
        break;
    case ICE_AGENT_AGREED:
        if (news->state == ICE_FAILED) {
            agent->failed = true;
            agent->why = "a pair that the peer has selected is not to be had here; a restart is due";
        }
        break;
    case ICE_AGENT_SELECTED:
        if (news->stream == 0 && news->component == 1)
            agent->after = news->elapsed;
        break;
    default:
        break;
    }
}

static void
on_told(void *owner, struct ice_agent *ice, const struct ice_agent_news *news)
{
    struct agent_handle *agent = owner;

    (void)ice;
    agent->socket.script->world->touched = true;
    task_wake_all(&agent->waiting);
    if (news->event == ICE_AGENT_CLOSED) {
        on_closed(agent);
        return;
    }
    note(agent, news);
    if (agent->rendezvous)
        rendezvous_news(agent->rendezvous, news);
}

static void
on_signalling_failed(void *owner, const char *why, const struct signal_result *result)
{
    struct agent_handle *agent = owner;

    agent->failed = true;
    g_free(agent->trouble);
    agent->trouble = result ? g_strdup_printf("%s: %s", why, signal_outcome_sentence(result->outcome)) : g_strdup(why);
    agent->why = agent->trouble;
    agent->socket.script->world->touched = true;
    task_wake_all(&agent->waiting);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static void
close_at_end(struct open_thing *thing)
{
    struct agent_handle *agent =
        (struct agent_handle *)(void *)((char *)thing - offsetof(struct agent_handle, socket.open));

    socket_end(&agent->socket);
    free_agent(agent);
}

static void
hear_all(struct agent_handle *agent, const struct ice_session_options *session)
{
    for (unsigned stream = 0; stream < session->streams; stream++)
        for (unsigned component = 1; component <= session->components; component++)
            socket_hear(&agent->socket, ice_agent_component(agent->agent, stream, component));
    socket_take(&agent->socket, ice_agent_component(agent->agent, 0, 1));
}

/* All agents of a host together begin no more than one transaction in 5 ms (RFC 8445 section 14.2). */
static struct ice_pacer *
pacer_of(struct script *script, struct lab_node *host)
{
    struct ice_pacer *pacer;

    if (!script->pacers)
        script->pacers = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    pacer = g_hash_table_lookup(script->pacers, host);
    if (!pacer) {
        pacer = g_new0(struct ice_pacer, 1);
        g_hash_table_insert(script->pacers, host, pacer);
    }
    return pacer;
}

int
agent_word_ice(struct script *script, lua_State *L)
{
    struct lab_node *host = lab_handle_self(L)->node;
    struct ice_agent_options options = ICE_AGENT_DEFAULTS;

    arg_no_more(L, 2);
    lua_settop(L, 2);
    options.transcript = TRANSCRIPT;
    agent_options_read(L, &options);
    limits_hold_bytes(L, AGENT_BYTES);
    struct agent_handle *agent = handle_new(L, &agent_type, sizeof *agent);
    handle_keep(L, -1, agent);
    socket_begin(&agent->socket, script, host, false);
    agent->trickle = options.session.trickle;
    options.session.pacer = pacer_of(script, host);
    agent->agent = ice_agent_new(node_io(host->node), &options, on_told, agent);
    hear_all(agent, &options.session);
    open_add(script, &agent->socket.open, close_at_end);
    return 1;
}

/* agent:close(): the servers are told; nothing is sent or received any more. */
static int
agent_close(struct script *script, lua_State *L)
{
    struct agent_handle *agent = self_agent(L);

    if (!agent->agent || !agent->socket.udp)
        return 0;
    socket_end(&agent->socket);
    g_clear_pointer(&agent->rendezvous, rendezvous_free);
    script->world->touched = true;
    task_wake_all(&agent->socket.readers);
    task_wake_all(&agent->waiting);
    ice_agent_close(agent->agent);
    return 0;
}

static bool
is_open(const struct agent_handle *agent)
{
    return agent->agent && agent->socket.udp;
}

/* --- gathering ---------------------------------------------------------------------------------------------------- */

static void
begin_gathering(struct agent_handle *agent)
{
    if (!agent->gathering)
        ice_agent_gather(agent->agent);
    agent->gathering = true;
}

static int
gather_go_on(lua_State *L, int status, lua_KContext context)
{
    struct agent_handle *agent = self_agent(L);

    (void)status, (void)context;
    if (!is_open(agent))
        return arg_push_failure(L, "closed");
    if (ice_agent_has_gathered(agent->agent)) {
        lua_pushboolean(L, true);
        return 1;
    }
    if (task_timed_out(L))
        return arg_push_failure(L, "timeout");
    return task_park(L, &agent->waiting, "gather", &agent->socket.handle, gather_go_on);
}

/* agent:gather(timeout): begins, and waits until all servers have answered or were given up. */
static int
agent_gather(struct script *script, lua_State *L)
{
    struct agent_handle *agent = self_agent(L);
    int64_t timeout = arg_timeout(L, 2);

    (void)script;
    arg_no_more(L, 2);
    if (!is_open(agent))
        return arg_push_failure(L, "closed");
    limits_spend(L, GATHER_STEPS);
    begin_gathering(agent);
    if (timeout == 0 && !ice_agent_has_gathered(agent->agent))
        return arg_push_failure(L, "timeout");
    if (!ice_agent_has_gathered(agent->agent))
        task_check_may_wait(L);
    task_set_deadline(L, timeout);
    return gather_go_on(L, LUA_OK, 0);
}

static int
candidate_go_on(lua_State *L, int status, lua_KContext context)
{
    struct agent_handle *agent = self_agent(L);

    (void)status, (void)context;
    if (agent->first) {
        lua_pushstring(L, agent->first->line);
        drop_line(agent);
        return 1;
    }
    if (!is_open(agent))
        return arg_push_failure(L, "closed");
    if (task_timed_out(L))
        return arg_push_failure(L, "timeout");
    return task_park(L, &agent->waiting, "candidate", &agent->socket.handle, candidate_go_on);
}

/* agent:candidate(timeout): the next own candidate to be trickled, or "end-of-candidates". */
static int
agent_candidate(struct script *script, lua_State *L)
{
    struct agent_handle *agent = self_agent(L);
    int64_t timeout = arg_timeout(L, 2);

    (void)script;
    arg_no_more(L, 2);
    if (!agent->trickle)
        complain(L, "this agent does not trickle; one that does is host:ice{trickle = true}");
    if (timeout == 0 && !agent->first)
        return arg_push_failure(L, "timeout");
    task_set_deadline(L, timeout);
    return candidate_go_on(L, LUA_OK, 0);
}

/* --- signalling --------------------------------------------------------------------------------------------------- */

/* agent:local_sdp(): the own description, which counts as sent. */
static int
agent_local_sdp(struct script *script, lua_State *L)
{
    struct agent_handle *agent = self_agent(L);

    (void)script;
    arg_no_more(L, 1);
    if (!is_open(agent))
        return arg_push_failure(L, "closed");
    if (!agent->trickle && !ice_agent_has_gathered(agent->agent))
        complain(L, "candidates are not gathered yet; wait for agent:gather(), or let the agent trickle");
    limits_spend(L, TEXT_STEPS);
    if (agent->told)
        g_string_free(agent->told, TRUE);
    agent->told = g_string_new(NULL);
    ice_agent_description(agent->agent, agent->told);
    lua_pushlstring(L, agent->told->str, agent->told->len);
    return 1;
}

static int
push_taken(lua_State *L, bool taken, GError *error)
{
    char text[256];

    if (taken) {
        lua_pushboolean(L, true);
        return 1;
    }
    g_strlcpy(text, error->message, sizeof text);
    g_error_free(error);
    return push_trouble(L, "rejected", text);
}

/* A description that was rewritten on the way is the end of ICE with this peer (RFC 8839 section 4.2.5), unless a
 * better one comes all the same. */
static void
note_description(struct agent_handle *agent, bool taken, const GError *error)
{
    enum ice_state state = state_of(agent);

    if (taken && state == ICE_FAILED)
        return;
    if (!taken && (state != ICE_FAILED || !g_error_matches(error, ICE_AGENT_ERROR, ICE_AGENT_FAULT_MISMATCH)))
        return;
    agent->failed = !taken;
    g_free(agent->trouble);
    agent->trouble = taken ? NULL : g_strdup(error->message);
    agent->why = agent->trouble;
    agent->socket.script->world->touched = true;
    task_wake_all(&agent->waiting);
}

/* agent:remote_sdp(text): true, or nil, "rejected", {text=}. */
static int
agent_remote_sdp(struct script *script, lua_State *L)
{
    struct agent_handle *agent = self_agent(L);
    GError *error = NULL;
    size_t length;

    (void)script;
    if (lua_type(L, 2) != LUA_TSTRING)
        complain_value(L, "the description", 2, "a text");
    arg_no_more(L, 2);
    if (!is_open(agent))
        return arg_push_failure(L, "closed");
    const char *text = lua_tolstring(L, 2, &length);
    limits_spend(L, TEXT_STEPS + length / 4);
    bool taken = ice_agent_take_description(agent->agent, span_of(text, length), &error);
    note_description(agent, taken, error);
    return push_taken(L, taken, error);
}

/* agent:add_candidate(line, {stream=}): one that the peer has trickled. */
static int
agent_add_candidate(struct script *script, lua_State *L)
{
    static const char *const keys[] = { "stream", NULL };
    struct agent_handle *agent = self_agent(L);
    const char *line = arg_text(L, 2, "the candidate");
    unsigned stream = 1;
    GError *error = NULL;

    (void)script;
    arg_no_more(L, 3);
    if (options_check(L, 3, keys, NULL) && options_get(L, 3, "stream"))
        stream = (unsigned)arg_integer(L, -1, "stream", 1, ICE_STREAMS_MOST);
    if (!is_open(agent))
        return arg_push_failure(L, "closed");
    limits_spend(L, TEXT_STEPS);
    bool taken = ice_agent_take_candidate(agent->agent, stream - 1, span_of_text(line), &error);
    return push_taken(L, taken, error);
}

/* --- connecting --------------------------------------------------------------------------------------------------- */

/* And, after an offer that names what the peer has selected, this side has selected it, too. */
static bool
is_connected(const struct agent_handle *agent)
{
    return state_of(agent) == ICE_COMPLETED && !ice_agent_is_agreeing(agent->agent);
}

static int
wait_go_on(lua_State *L, int status, lua_KContext context)
{
    struct agent_handle *agent = self_agent(L);

    (void)status, (void)context;
    if (!is_open(agent))
        return arg_push_failure(L, "closed");
    if (agent->failed)
        return push_trouble(L, "unreachable", agent->why);
    if (is_connected(agent)) {
        agent_push_pair(L, agent);
        return 1;
    }
    if (task_timed_out(L))
        return arg_push_failure(L, "timeout");
    return task_park(L, &agent->waiting, "wait", &agent->socket.handle, wait_go_on);
}

/* agent:wait(timeout) -> pair, when each component has one. */
static int
agent_wait(struct script *script, lua_State *L)
{
    struct agent_handle *agent = self_agent(L);
    int64_t timeout = arg_timeout(L, 2);

    (void)script;
    arg_no_more(L, 2);
    if (timeout == 0 && is_open(agent) && !agent->failed && !is_connected(agent))
        return arg_push_failure(L, "timeout");
    task_set_deadline(L, timeout);
    return wait_go_on(L, LUA_OK, 0);
}

/* agent:connect(channel, peer, timeout) -> pair: gathers, exchanges descriptions over the channel, and waits. */
static int
agent_connect(struct script *script, lua_State *L)
{
    struct agent_handle *agent = self_agent(L);
    struct signal_channel *channel = arg_signal_channel(L, 2, "the channel");
    const char *peer = arg_text(L, 3, "the peer");
    int64_t timeout = arg_timeout(L, 4);

    (void)script;
    arg_no_more(L, 4);
    if (!signal_is_name(span_of_text(peer)))
        complain_value(L, "the peer", 3, "the name of another channel");
    if (!is_open(agent))
        return arg_push_failure(L, "closed");
    if (!signal_channel_is_open(channel))
        return arg_push_failure(L, "closed");
    if (agent->rendezvous)
        complain(L, "this agent connects already: agent:wait() waits for it");
    task_check_may_wait(L);
    limits_spend(L, GATHER_STEPS);
    agent->rendezvous = rendezvous_new(&(struct rendezvous_options){
        .agent = agent->agent,
        .channel = channel,
        .peer = peer,
        .offers = ice_session_is_controlling(ice_agent_session(agent->agent)),
        .trickle = agent->trickle,
        .failed = on_signalling_failed,
        .owner = agent,
    });
    begin_gathering(agent);
    task_set_deadline(L, timeout);
    return wait_go_on(L, LUA_OK, 0);
}

/* agent:restart(): new credentials and candidates; over the channel of agent:connect the rest follows by itself. */
static int
agent_restart(struct script *script, lua_State *L)
{
    struct agent_handle *agent = self_agent(L);

    arg_no_more(L, 1);
    if (!is_open(agent))
        return arg_push_failure(L, "closed");
    limits_spend(L, GATHER_STEPS);
    ice_agent_restart(agent->agent);
    agent->gathering = true;
    agent->failed = false;
    agent->why = NULL;
    if (agent->rendezvous)
        rendezvous_restart(agent->rendezvous);
    script->world->touched = true;
    lua_pushboolean(L, true);
    return 1;
}

/* --- data --------------------------------------------------------------------------------------------------------- */

/* Why data did not go. That an address or a path is gone is no mistake of the script's. */
static const char *
unsent_word(enum io_result result)
{
    switch (result) {
    case IO_AGAIN:
    case IO_NO_ADDRESS:
        return "unreachable";
    default:
        return io_result_word(result);
    }
}

/* agent:send(data, {component=, stream=, df=, dscp=}) -> the packet's name. */
static int
agent_send(struct script *script, lua_State *L)
{
    static const char *const keys[] = { "component", "stream", "df", "dscp", NULL };
    struct agent_handle *agent = self_agent(L);
    struct io_datagram datagram = IO_DATAGRAM_TO(((struct endpoint){ ADDRESS_NONE, 0 }), span_of(NULL, 0));
    unsigned component = 1, stream = 1;
    size_t length;

    (void)script;
    if (lua_type(L, 2) != LUA_TSTRING && lua_type(L, 2) != LUA_TNUMBER)
        complain_value(L, "the data", 2, "a text");
    arg_no_more(L, 3);
    if (!is_open(agent))
        return arg_push_failure(L, "closed");
    const struct ice_session *session = ice_agent_session(agent->agent);
    options_check(L, 3, keys, NULL);
    if (options_get(L, 3, "component"))
        component = (unsigned)arg_integer(L, -1, "component", 1, ice_session_components(session));
    if (options_get(L, 3, "stream"))
        stream = (unsigned)arg_integer(L, -1, "stream", 1, ice_session_streams(session));
    if (options_get(L, 3, "df"))
        datagram.dont_fragment = arg_boolean(L, -1, "df");
    if (options_get(L, 3, "dscp"))
        datagram.dscp = (int16_t)arg_integer(L, -1, "dscp", 0, 63);
    datagram.data.bytes = (const uint8_t *)lua_tolstring(L, 2, &length);
    datagram.data.length = length;
    enum io_result result = socket_try(L, ice_agent_component(agent->agent, stream - 1, component), &datagram);
    return result == IO_OK ? socket_push_sent(L, &datagram) : arg_push_failure(L, unsent_word(result));
}

/* --- what it is --------------------------------------------------------------------------------------------------- */

static const char *
state_word(const struct agent_handle *agent)
{
    if (!is_open(agent))
        return "closed";
    if (agent->failed)
        return "failed";
    return state_of(agent) == ICE_COMPLETED ? "completed" : "running";
}

static void
agent_field(struct script *script, lua_State *L, struct handle *self, const char *name)
{
    const struct agent_handle *agent = (const struct agent_handle *)(const void *)self;
    struct ice_path path;

    (void)script;
    if (strcmp(name, "state") == 0)
        lua_pushstring(L, state_word(agent));
    else if (strcmp(name, "offer_due") == 0)
        lua_pushboolean(L, is_open(agent) && ice_agent_owes_offer(agent->agent));
    else if (strcmp(name, "controlling") == 0)
        lua_pushboolean(L, agent->agent && ice_session_is_controlling(ice_agent_session(agent->agent)));
    else if (is_open(agent) && ice_session_path(ice_agent_session(agent->agent), 0, 1, &path))
        endpoint_push(L, strcmp(name, "own") == 0 ? path.from : path.to);
    else
        lua_pushnil(L);
}

static void
agent_say(lua_State *L, const struct handle *self)
{
    const struct agent_handle *agent = (const struct agent_handle *)(const void *)self;

    lua_pushfstring(L, "ICE agent of %s", agent->socket.host->node->name);
}

static const struct word agent_words[] = {
    { "gather", agent_gather },
    { "candidate", agent_candidate },
    { "local_sdp", agent_local_sdp },
    { "remote_sdp", agent_remote_sdp },
    { "add_candidate", agent_add_candidate },
    { "connect", agent_connect },
    { "wait", agent_wait },
    { "restart", agent_restart },
    { "send", agent_send },
    { "recv", socket_word_recv },
    { "candidates", agent_word_candidates },
    { "counters", agent_word_counters },
    { "transcript", agent_word_transcript },
    { "close", agent_close },
    { "stop", agent_close },
    { NULL, NULL },
};
static const char *const agent_fields[] = { "own", "peer", "state", "controlling", "offer_due", NULL };

const struct type agent_type = {
    .name = "agent",
    .words = { agent_words },
    .fields = agent_fields,
    .field = agent_field,
    .say = agent_say,
};
