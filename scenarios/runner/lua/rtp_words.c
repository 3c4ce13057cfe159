/* host:rtp: media sent, received and measured by C code. The session is there until the run ends, or the socket that it
 * shares; it sends from :start on until :stop, or for its duration, which the run waits for. */
#include <stddef.h>

#include "core/net/stack.h"
#include "proto/rtp/session.h"
#include "scenarios/runner/lua/agent.h"
#include "scenarios/runner/lua/endpoint.h"
#include "scenarios/runner/lua/node_words.h"
#include "scenarios/runner/lua/open.h"
#include "scenarios/runner/lua/relay.h"
#include "scenarios/runner/lua/rtp_words.h"
#include "scenarios/runner/lua/service_words.h"
#include "scenarios/runner/lua/socket.h"

enum { SESSION_BYTES = 4096 };

struct rtp_handle {
    struct handle handle;
    struct script *script;
    struct lab_node *host;
    struct open_thing open;
    struct rtp_session *session; /* NULL: the run is over, or the shared socket closed */
    struct rtp_stats stats;      /* as they were then */
    struct endpoint own;         /* likewise */
    struct socket_guest guest;
    struct socket_handle *socket; /* that it is the guest of; NULL: the sockets are its own */
    struct waits waiting;
    bool has_end; /* it sends for a duration */
    bool counted; /* as one that keeps the run going */
    bool ended;   /* stopped, its duration over, or the peer has said goodbye */
};

static const struct type rtp_type;

static struct rtp_handle *
self_rtp(lua_State *L)
{
    return lua_touserdata(L, 1);
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static void
count(struct rtp_handle *self, bool counted)
{
    if (self->counted == counted)
        return;
    self->counted = counted;
    if (counted)
        tasks_enter(self->script);
    else
        tasks_leave(self->script);
}

static void
end_session(struct rtp_handle *self)
{
    self->ended = true;
    count(self, false);
    self->script->world->touched = true;
    task_wake_all(&self->waiting);
}

/* Without a duration of its own a session is at its end when the peer says that it is. */
static void
on_told(void *owner, struct rtp_session *session, const struct rtp_news *news)
{
    struct rtp_handle *self = owner;

    (void)session;
    self->script->world->touched = true;
    if (news->event == RTP_DONE || (news->event == RTP_STOPPED && news->bye && !self->has_end))
        end_session(self);
}

static struct endpoint
own_endpoint(const struct rtp_handle *self)
{
    struct endpoint own = self->session ? rtp_session_local(self->session) : self->own;

    if (address_is_unspecified(own.address))
        own.address = node_address(self->host->node, FAMILY_NONE);
    return own;
}

/* The figures stay. */
static void
free_session(struct rtp_handle *self)
{
    self->own = own_endpoint(self);
    rtp_session_stats(self->session, &self->stats);
    g_clear_pointer(&self->session, rtp_session_free);
    if (self->socket)
        self->socket->guest = NULL;
    self->socket = NULL;
}

static void
close_at_end(struct open_thing *thing)
{
    free_session((struct rtp_handle *)(void *)((char *)thing - offsetof(struct rtp_handle, open)));
}

/* --- sharing a socket -------------------------------------------------------------------------------------------- */

static struct rtp_handle *
self_of_guest(struct socket_guest *guest)
{
    return (struct rtp_handle *)(void *)((char *)guest - offsetof(struct rtp_handle, guest));
}

static bool
on_shared_datagram(struct socket_guest *guest, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct rtp_handle *self = self_of_guest(guest);

    return datagram->data.length > 0 && rtp_session_input(self->session, udp, datagram);
}

/* The session is gone, and the handle stays for who holds it. */
static void
let_go(struct rtp_handle *self)
{
    struct script *script = self->script;

    open_remove(script, &self->open);
    free_session(self);
    end_session(self);
    limits_let_go_bytes(&script->limits, SESSION_BYTES);
    handle_drop(script->L, self);
}

/* The socket is being closed: there is nothing to say BYE by. */
static void
on_shared_ended(struct socket_guest *guest)
{
    let_go(self_of_guest(guest));
}

/* A UDP socket, a relay or an ICE agent at the top of the stack. */
static struct socket_handle *
read_socket(lua_State *L, struct rtp_session_options *options)
{
    struct agent_handle *agent = handle_of(L, -1, &agent_type);
    struct socket_handle *socket = agent ? &agent->socket : handle_of(L, -1, &relay_type);

    if (!socket)
        socket = handle_of(L, -1, &socket_type);
    if (!socket)
        complain_value(L, "socket", -1, "a UDP socket, a relay or an ICE agent");
    if (socket->host != lab_handle_self(L)->node)
        complain(L, "socket is another host's");
    if (!socket->udp)
        complain(L, "socket is closed");
    if (socket->guest)
        complain(L, "socket carries the RTP of another session already");
    options->rtp = socket->udp;
    options->rtcp = agent ? ice_agent_component(agent->agent, 0, 2) : NULL;
    options->rtcp_way = options->rtcp ? RTP_RTCP_NEXT : RTP_RTCP_MUX;
    return socket;
}

/* What is sent through an agent goes to its peer, whatever address stands there: the one of the path, for people. */
static bool
find_path(struct rtp_handle *self)
{
    struct agent_handle *agent = (struct agent_handle *)(void *)self->socket;
    struct ice_path path;

    if (!self->socket || self->socket->handle.type != &agent_type)
        return true;
    if (!ice_session_path(ice_agent_session(agent->agent), 0, 1, &path))
        return false;
    rtp_session_set_peer(self->session, path.to, (struct endpoint){ 0 });
    return true;
}

/* --- options ----------------------------------------------------------------------------------------------------- */

/* The index of the option's word. */
static unsigned
word_of(lua_State *L, const char *name, const char *const *accepted)
{
    const char *word = arg_text(L, -1, name);

    for (unsigned i = 0; accepted[i]; i++)
        if (strcmp(word, accepted[i]) == 0)
            return i;
    complain_word(L, name, word, accepted);
}

static enum rtp_direction
read_direction(lua_State *L)
{
    static const char *const words[] = { "sendrecv", "sendonly", "recvonly", "inactive", NULL };

    return (enum rtp_direction)word_of(L, "direction", words);
}

/* false, true (once) or a word. */
static enum rtp_latch
read_latch(lua_State *L)
{
    static const char *const words[] = { "off", "once", "follow", NULL };

    if (lua_type(L, -1) == LUA_TBOOLEAN)
        return lua_toboolean(L, -1) ? RTP_LATCH_ONCE : RTP_LATCH_OFF;
    if (lua_type(L, -1) != LUA_TSTRING)
        complain_value(L, "latch", -1, "true, false, 'once' or 'follow'");
    return (enum rtp_latch)word_of(L, "latch", words);
}

static const struct rtp_codec *
read_codec(lua_State *L)
{
    static const char *const words[] = { "PCMU", "PCMA", NULL };
    const char *word = arg_text(L, -1, "codec");
    const struct rtp_codec *codec = rtp_codec_named(word);

    if (!codec)
        complain_word(L, "codec", word, words);
    return codec;
}

static int64_t
read_positive(lua_State *L, const char *name)
{
    int64_t duration = arg_duration(L, -1, name);

    if (duration == 0)
        complain_value(L, name, -1, "a duration above 0");
    return duration;
}

static struct socket_handle *
read_way(lua_State *L, struct rtp_session_options *options)
{
    static const char *const ways[] = { "next", "mux", "none", NULL };
    struct socket_handle *socket = NULL;

    if (options_get(L, 2, "socket")) {
        socket = read_socket(L, options);
        if (options_get(L, 2, "port") || options_get(L, 2, "ip"))
            complain(L, "socket has a port and an address of its own: port and ip go without it");
    }
    if (options_get(L, 2, "port"))
        options->local.port = (uint16_t)arg_integer(L, -1, "port", 1, 65535);
    if (options_get(L, 2, "ip"))
        options->local.address = arg_address(L, -1, "ip");
    if (options_get(L, 2, "to"))
        options->peer = arg_endpoint(L, -1, "to", 0);
    if (options_get(L, 2, "rtcp_to"))
        options->rtcp_peer = arg_endpoint(L, -1, "rtcp_to", 0);
    if (options_get(L, 2, "rtcp"))
        options->rtcp_way = (enum rtp_rtcp_way)word_of(L, "rtcp", ways);
    if (socket && options->rtcp_way == RTP_RTCP_NEXT && !options->rtcp)
        complain(L, "socket has no next port: rtcp is 'mux' or 'none' there");
    return socket;
}

void
rtp_read_media(lua_State *L, int index, struct rtp_session_options *options)
{
    if (options_get(L, index, "direction"))
        options->direction = read_direction(L);
    if (options_get(L, index, "latch"))
        options->latch = read_latch(L);
    if (options_get(L, index, "codec"))
        options->codec = read_codec(L);
    if (options_get(L, index, "interval"))
        options->interval = arg_duration(L, -1, "interval");
    if (options_get(L, index, "duration"))
        options->duration = read_positive(L, "duration");
    if (options_get(L, index, "report"))
        options->report = arg_duration(L, -1, "report");
    if (options_get(L, index, "keepalive"))
        options->keepalive = read_positive(L, "keepalive");
    if (options_get(L, index, "playout"))
        options->playout = arg_duration(L, -1, "playout");
    if (options_get(L, index, "concealment") && !arg_boolean(L, -1, "concealment"))
        options->concealment = RTP_UNCONCEALED;
}

int
service_word_rtp(struct script *script, lua_State *L)
{
    static const char *const keys[] = { "port",      "ip",      "socket",      "to",       "rtcp_to",  "direction",
                                        "rtcp",      "latch",   "codec",       "interval", "duration", "report",
                                        "keepalive", "playout", "concealment", NULL };
    struct socket_handle *socket;
    struct lab_node *host = lab_handle_self(L)->node;
    struct rtp_session_options options = RTP_SESSION_DEFAULTS;
    enum io_result why;

    arg_no_more(L, 2);
    lua_settop(L, 2);
    luaL_checkstack(L, 24, NULL);
    options_check(L, 2, keys, NULL);
    socket = read_way(L, &options);
    rtp_read_media(L, 2, &options);
    if (rtp_session_options_fault(&options))
        complain(L, "%s", rtp_session_options_fault(&options));
    limits_hold_bytes(L, SESSION_BYTES);
    struct rtp_handle *made = handle_new(L, &rtp_type, sizeof *made);
    handle_keep(L, -1, made);
    made->script = script;
    made->host = host;
    made->has_end = options.duration != TIME_NEVER;
    options.changed = &script->world->touched;
    made->session = rtp_session_new(node_io(host->node), &options, on_told, made, &why);
    if (!made->session) {
        handle_drop(L, made);
        limits_let_go_bytes(&script->limits, SESSION_BYTES);
        return push_io_failure(L, why);
    }
    made->guest = (struct socket_guest){ on_shared_datagram, on_shared_ended };
    made->socket = socket;
    if (socket)
        socket->guest = &made->guest;
    open_add(script, &made->open, close_at_end);
    return 1;
}

/* --- words ------------------------------------------------------------------------------------------------------- */

/* to=, rtcp_to= and direction= of a table at index 2. */
static void
read_changes(lua_State *L, struct rtp_session *session)
{
    static const char *const keys[] = { "to", "rtcp_to", "direction", NULL };
    struct endpoint peer = rtp_session_peer(session), rtcp_peer = { 0 };
    enum rtp_direction direction = rtp_session_direction(session);
    bool moves = false;

    arg_no_more(L, 2);
    if (!options_check(L, 2, keys, NULL))
        return;
    if (options_get(L, 2, "to")) {
        peer = lua_isboolean(L, -1) && !lua_toboolean(L, -1) ? (struct endpoint){ 0 } : arg_endpoint(L, -1, "to", 0);
        moves = true;
    }
    if (options_get(L, 2, "rtcp_to")) {
        rtcp_peer = arg_endpoint(L, -1, "rtcp_to", 0);
        moves = true;
    }
    if (options_get(L, 2, "direction"))
        direction = read_direction(L);
    if (moves)
        rtp_session_set_peer(session, peer, rtcp_peer);
    if (direction != rtp_session_direction(session))
        rtp_session_set_direction(session, direction);
}

static int
push_over(lua_State *L)
{
    return arg_push_failure(L, "closed");
}

/* rtp:start([{to=, rtcp_to=, direction=}]) */
static int
rtp_start(struct script *script, lua_State *L)
{
    struct rtp_handle *self = self_rtp(L);

    if (!self->session || script->turn == TURN_END)
        return push_over(L);
    read_changes(L, self->session);
    if (!rtp_session_is_sending(self->session)) {
        if (!find_path(self))
            return arg_push_failure(L, "unreachable");
        rtp_session_start(self->session);
        self->ended = false;
        count(self, self->has_end);
    }
    lua_pushboolean(L, true);
    return 1;
}

/* rtp:set{to=, rtcp_to=, direction=}: what a re-INVITE changes. */
static int
rtp_set(struct script *script, lua_State *L)
{
    struct rtp_handle *self = self_rtp(L);

    (void)script;
    arg_table(L, 2, "the options");
    if (!self->session)
        return push_over(L);
    read_changes(L, self->session);
    return 0;
}

static int
rtp_stop(struct script *script, lua_State *L)
{
    struct rtp_handle *self = self_rtp(L);

    (void)script;
    arg_no_more(L, 1);
    if (!self->session)
        return 0;
    rtp_session_stop(self->session);
    end_session(self);
    return 0;
}

/* rtp:close(): BYE, and nothing is received any more; its own sockets are closed. */
static int
rtp_close(struct script *script, lua_State *L)
{
    struct rtp_handle *self = self_rtp(L);

    (void)script;
    arg_no_more(L, 1);
    if (!self->session)
        return 0;
    rtp_session_stop(self->session);
    let_go(self);
    return 0;
}

static int
wait_go_on(lua_State *L, int status, lua_KContext context)
{
    struct rtp_handle *self = self_rtp(L);

    (void)status, (void)context;
    if (self->ended) {
        lua_pushboolean(L, true);
        return 1;
    }
    if (task_timed_out(L))
        return arg_push_failure(L, "timeout");
    return task_park(L, &self->waiting, "wait", &self->handle, wait_go_on);
}

static int
rtp_wait(struct script *script, lua_State *L)
{
    struct rtp_handle *self = self_rtp(L);
    int64_t timeout = arg_timeout(L, 2);

    (void)script;
    arg_no_more(L, 2);
    if (!self->ended && timeout == 0)
        return arg_push_failure(L, "timeout");
    if (!self->ended)
        task_check_may_wait(L);
    task_set_deadline(L, timeout);
    return wait_go_on(L, LUA_OK, 0);
}

/* --- figures ----------------------------------------------------------------------------------------------------- */

static void
read_stats(const struct rtp_handle *self, struct rtp_stats *stats)
{
    if (self->session)
        rtp_session_stats(self->session, stats);
    else
        *stats = self->stats;
}

static void
set_count(lua_State *L, const char *name, uint64_t value)
{
    lua_pushinteger(L, (lua_Integer)value);
    lua_setfield(L, -2, name);
}

static void
set_seconds(lua_State *L, const char *name, int64_t duration)
{
    arg_push_seconds(L, duration);
    lua_setfield(L, -2, name);
}

static void
set_share(lua_State *L, const char *name, uint64_t part, uint64_t whole)
{
    lua_pushnumber(L, whole ? (double)part / (double)whole : 0.0);
    lua_setfield(L, -2, name);
}

static void
set_thousandths(lua_State *L, const char *name, int32_t value)
{
    lua_pushnumber(L, value / 1000.0);
    lua_setfield(L, -2, name);
}

void
rtp_push_sent(lua_State *L, const struct rtp_stats *stats)
{
    lua_createtable(L, 0, 5);
    set_count(L, "packets", stats->sent.packets);
    set_count(L, "bytes", stats->sent.bytes);
    set_count(L, "failed", stats->sent.failed);
    set_count(L, "reports", stats->sent.reports);
    set_count(L, "keepalives", stats->sent.keepalives);
}

void
rtp_push_received(lua_State *L, const struct rtp_stats *stats)
{
    lua_createtable(L, 0, 18);
    set_count(L, "packets", stats->received.packets);
    set_count(L, "bytes", stats->received.bytes);
    set_count(L, "expected", stats->received.expected);
    set_count(L, "lost", stats->received.lost);
    set_share(L, "loss", stats->received.lost, stats->received.expected);
    set_count(L, "duplicates", stats->received.duplicates);
    set_count(L, "reordered", stats->received.reordered);
    set_count(L, "late", stats->received.late);
    set_count(L, "sources", stats->received.sources);
    set_count(L, "restarts", stats->received.restarts);
    set_count(L, "reports", stats->received.reports);
    set_count(L, "keepalives", stats->received.keepalives);
    set_seconds(L, "jitter", stats->received.jitter);
    set_seconds(L, "jitter_most", stats->received.jitter_most);
    set_thousandths(L, "r", stats->received.rating);
    set_thousandths(L, "mos", stats->received.mos);
    lua_pushstring(L, stats->received.quality);
    lua_setfield(L, -2, "quality");
    if (stats->received.first_at >= 0) {
        set_seconds(L, "first_at", stats->received.first_at);
        set_seconds(L, "last_at", stats->received.last_at);
        endpoint_push(L, stats->received.from);
        lua_setfield(L, -2, "from");
    }
}

void
rtp_set_peer_report(lua_State *L, const struct rtp_stats *stats)
{
    set_count(L, "lost", stats->peer.lost);
    set_share(L, "loss", stats->peer.fraction, 256);
    set_seconds(L, "jitter", stats->peer.jitter);
    set_seconds(L, "at", stats->peer.at);
    if (stats->peer.round_trip >= 0)
        set_seconds(L, "round_trip", stats->peer.round_trip);
    lua_pushboolean(L, stats->peer.bye);
    lua_setfield(L, -2, "bye");
}

static void
push_peer(lua_State *L, const struct rtp_stats *stats)
{
    lua_createtable(L, 0, 6);
    rtp_set_peer_report(L, stats);
}

/* rtp:stats(): {sent = {}, received = {}, peer = {} or nil} */
static int
rtp_stats(struct script *script, lua_State *L)
{
    struct rtp_stats stats;

    (void)script;
    arg_no_more(L, 1);
    read_stats(self_rtp(L), &stats);
    luaL_checkstack(L, 8, NULL);
    lua_createtable(L, 0, 3);
    rtp_push_sent(L, &stats);
    lua_setfield(L, -2, "sent");
    rtp_push_received(L, &stats);
    lua_setfield(L, -2, "received");
    if (stats.peer.known) {
        push_peer(L, &stats);
        lua_setfield(L, -2, "peer");
    }
    return 1;
}

static int
rtp_counters(struct script *script, lua_State *L)
{
    struct rtp_stats stats;

    (void)script;
    arg_no_more(L, 1);
    read_stats(self_rtp(L), &stats);
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        { "sent", stats.sent.packets },
        { "sent_bytes", stats.sent.bytes },
        { "sent_reports", stats.sent.reports },
        { "failed", stats.sent.failed },
        { "received", stats.received.packets },
        { "received_bytes", stats.received.bytes },
        { "received_reports", stats.received.reports },
        { "malformed_rtp", stats.odd.malformed_rtp },
        { "malformed_rtcp", stats.odd.malformed_rtcp },
        { "wrong_type", stats.odd.wrong_type },
        { "unbelieved", stats.odd.unbelieved },
        { "crowded", stats.odd.crowded },
        { "unwanted", stats.odd.unwanted },
        { "collisions", stats.odd.collisions },
        { "icmp", stats.odd.icmp },
    };

    lua_createtable(L, 0, G_N_ELEMENTS(rows));
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        set_count(L, rows[i].name, rows[i].value);
    return 1;
}

static void
push_endpoint_or_nil(lua_State *L, struct endpoint endpoint)
{
    if (endpoint.port)
        endpoint_push(L, endpoint);
    else
        lua_pushnil(L);
}

static void
rtp_field(struct script *script, lua_State *L, struct handle *handle, const char *name)
{
    const struct rtp_handle *self = (const struct rtp_handle *)(const void *)handle;

    (void)script;
    if (strcmp(name, "own") == 0)
        endpoint_push(L, own_endpoint(self));
    else if (strcmp(name, "port") == 0)
        lua_pushinteger(L, own_endpoint(self).port);
    else if (!self->session)
        lua_pushnil(L);
    else if (strcmp(name, "to") == 0)
        push_endpoint_or_nil(L, rtp_session_peer(self->session));
    else if (strcmp(name, "rtcp_to") == 0)
        push_endpoint_or_nil(L, rtp_session_peer_rtcp(self->session));
    else if (strcmp(name, "ssrc") == 0)
        lua_pushinteger(L, rtp_session_ssrc(self->session));
    else
        lua_pushstring(L, rtp_direction_word(rtp_session_direction(self->session)));
}

static void
rtp_say(lua_State *L, const struct handle *handle)
{
    const struct rtp_handle *self = (const struct rtp_handle *)(const void *)handle;
    char text[ENDPOINT_TEXT];

    lua_pushfstring(L, "rtp %s of %s", endpoint_format(own_endpoint(self), text), self->host->node->name);
}

static const struct word rtp_words[] = {
    { "start", rtp_start }, { "stop", rtp_stop },         { "set", rtp_set }, { "wait", rtp_wait },
    { "stats", rtp_stats }, { "counters", rtp_counters }, { "close", rtp_close }, { NULL, NULL },
};
static const char *const rtp_fields[] = { "own", "port", "to", "rtcp_to", "ssrc", "direction", NULL };

static const struct type rtp_type = {
    .name = "rtp",
    .words = { rtp_words },
    .fields = rtp_fields,
    .field = rtp_field,
    .say = rtp_say,
};
