/* The words of TCP: host:tcp_connect, and those of its sockets. */
#include "core/net/tcp_socket.h"
#include "scenarios/runner/lua/endpoint.h"
#include "scenarios/runner/lua/socket.h"
#include "scenarios/runner/lua/stream.h"

enum { SEND_STEPS = 200, EXACTLY_MOST = 1 << 28 };

static struct stream_handle *
self_stream(lua_State *L)
{
    return lua_touserdata(L, 1);
}

/* --- connecting -------------------------------------------------------------------------------------------------- */

#define CONNECT_SOCKET 4 /* where the handle is on the stack of a connect */

static int
connect_go_on(lua_State *L, int status, lua_KContext context)
{
    struct stream_handle *stream = lua_touserdata(L, CONNECT_SOCKET);
    const char *reason;

    (void)status;
    if (stream->connected) {
        lua_settop(L, CONNECT_SOCKET);
        return 1;
    }
    if (stream->failure != IO_OK)
        reason = io_result_word(stream->failure);
    else if (context == STREAM_LOOK || task_timed_out(L))
        reason = "timeout";
    else
        return task_park(L, &stream->connecting, "tcp_connect", &stream->handle, connect_go_on);
    stream_drop(stream);
    return arg_push_failure(L, reason);
}

static void
read_connect_options(lua_State *L, int index, struct endpoint *local, int64_t *timeout)
{
    static const char *const keys[] = { "from_port", "ip", "timeout", NULL };

    if (!options_check(L, index, keys, NULL))
        return;
    if (options_get(L, index, "from_port"))
        local->port = (uint16_t)arg_integer(L, -1, "from_port", 0, 65535);
    if (options_get(L, index, "ip"))
        local->address = arg_address(L, -1, "ip");
    if (options_get(L, index, "timeout"))
        *timeout = arg_duration(L, -1, "timeout");
}

int
stream_word_connect(struct script *script, lua_State *L)
{
    struct lab_node *host = lab_handle_self(L)->node;
    struct io *io = node_io(host->node);
    struct endpoint local = { ADDRESS_NONE, 0 }, peer = arg_endpoint(L, 2, "the endpoint", 0);
    int64_t timeout = TIME_NEVER;
    enum io_result why = IO_OK;

    (void)script;
    if (peer.port == 0)
        complain(L, "the endpoint has port 0");
    arg_no_more(L, 3);
    read_connect_options(L, 3, &local, &timeout);
    task_check_may_wait(L);
    lua_settop(L, CONNECT_SOCKET - 1);

    struct stream_handle *stream = stream_new(L, host);
    stream->tcp = io->ops->connect(io, &local, &peer, true, stream_ready, stream, &why);
    if (!stream->tcp) {
        stream_drop(stream);
        return push_io_failure(L, why);
    }
    stream->own = stream->tcp->ops->local(stream->tcp);
    stream->peer = peer;
    return stream_look(L, timeout, connect_go_on);
}

/* --- sending ----------------------------------------------------------------------------------------------------- */

/* On top of the stack: how many bytes TCP must have taken. */
static int
send_go_on(lua_State *L, int status, lua_KContext context)
{
    struct stream_handle *stream = self_stream(L);

    (void)status;
    if (stream->failure != IO_OK)
        return arg_push_failure(L, stream_failure_word(stream->failure));
    if (stream->taken >= (uint64_t)lua_tointeger(L, -1)) {
        lua_pushboolean(L, true);
        return 1;
    }
    if (!stream_is_open(stream))
        return arg_push_failure(L, "closed");
    if (context == STREAM_LOOK || task_timed_out(L))
        return arg_push_failure(L, "timeout");
    return task_park(L, &stream->senders, "send", &stream->handle, send_go_on);
}

static int
stream_send(struct script *script, lua_State *L)
{
    struct stream_handle *stream = self_stream(L);
    int64_t timeout = arg_timeout(L, 3);
    size_t length;

    (void)script;
    if (lua_type(L, 2) != LUA_TSTRING && lua_type(L, 2) != LUA_TNUMBER)
        complain_value(L, "the data", 2, "a text");
    arg_no_more(L, 3);
    const char *data = lua_tolstring(L, 2, &length);
    if (!stream_is_open(stream) || stream->shut)
        return arg_push_failure(L, "closed");
    if (stream->failure != IO_OK)
        return arg_push_failure(L, stream_failure_word(stream->failure));
    if (timeout > 0 && stream->outbox->len > 0)
        task_check_may_wait(L);
    limits_spend(L, SEND_STEPS + length / 4);
    socket_check_room(L);
    limits_expect_bytes(L, length);
    stream_give(stream, data, length);
    stream_count(L, stream);
    lua_pushinteger(L, (lua_Integer)stream->given);
    return stream_look(L, timeout, send_go_on);
}

/* --- receiving --------------------------------------------------------------------------------------------------- */

/* What is taken goes last: a push may raise. */
static int
push_data(lua_State *L, struct stream_handle *stream, size_t length)
{
    limits_spend(L, length / 4);
    lua_pushlstring(L, (const char *)stream->inbox->data, length);
    stream_take(stream, length);
    return 1;
}

/* On top of the stack: how many bytes are asked for exactly, or 0. */
static int
recv_go_on(lua_State *L, int status, lua_KContext context)
{
    struct stream_handle *stream = self_stream(L);
    size_t exactly = (size_t)lua_tointeger(L, -1), there;

    (void)status;
    if (!stream_is_open(stream))
        return arg_push_failure(L, "closed");
    there = stream_pull(stream, exactly > 0 ? exactly : SIZE_MAX);
    stream_count(L, stream);
    if (there > 0 && there >= exactly)
        return push_data(L, stream, exactly > 0 ? exactly : there);
    if (stream->ended != IO_OK)
        return arg_push_failure(L, stream_failure_word(stream->ended));
    if (context == STREAM_LOOK || task_timed_out(L))
        return arg_push_failure(L, "timeout");
    return task_park(L, &stream->readers, "recv", &stream->handle, recv_go_on);
}

static int
stream_recv(struct script *script, lua_State *L)
{
    static const char *const keys[] = { "exactly", NULL };
    int64_t timeout = arg_timeout(L, 2);
    lua_Integer exactly = 0;

    (void)script;
    arg_no_more(L, 3);
    if (options_check(L, 3, keys, NULL) && options_get(L, 3, "exactly"))
        exactly = arg_integer(L, -1, "exactly", 1, EXACTLY_MOST);
    limits_expect_bytes(L, (size_t)exactly);
    lua_settop(L, 1);
    lua_pushinteger(L, exactly);
    return stream_look(L, timeout, recv_go_on);
}

/* --- STUN, closing ----------------------------------------------------------------------------------------------- */

static int
stream_stun(struct script *script, lua_State *L)
{
    static const char *const keys[] = { STUN_ASKING_KEYS, NULL };
    struct stream_handle *stream = self_stream(L);
    struct stun_request request = {
        .udp = &stream->messages, .server = stream->peer, .timer = STUN_TIMER_STREAM, .protocol = PROTOCOL_TCP
    };
    struct stun_asking asking = { .timeout = TIME_NEVER };

    (void)script;
    arg_no_more(L, 2);
    if (options_check(L, 2, keys, NULL))
        stun_words_read(L, 2, &asking);
    if (!stream_is_open(stream) || stream->shut)
        return arg_push_failure(L, "closed");
    task_check_may_wait(L);
    stream_expect_messages(stream);
    if (stream->ended != IO_OK)
        return arg_push_failure(L, stream_failure_word(stream->ended));
    return stun_words_ask(L, &stream->stun, &stream->handle, stream->io, &request, &asking);
}

static int
stream_word_shutdown(struct script *script, lua_State *L)
{
    struct stream_handle *stream = self_stream(L);

    (void)script;
    if (stream_is_open(stream) && !stream->shut)
        stream_shutdown(stream);
    return 0;
}

static int
stream_word_close(struct script *script, lua_State *L)
{
    (void)script;
    stream_close(self_stream(L), false);
    return 0;
}

static int
stream_word_reset(struct script *script, lua_State *L)
{
    (void)script;
    stream_close(self_stream(L), true);
    return 0;
}

/* --- looking at it ----------------------------------------------------------------------------------------------- */

static void
set_count(lua_State *L, const char *name, uint64_t value)
{
    lua_pushinteger(L, (lua_Integer)value);
    lua_setfield(L, -2, name);
}

static int
stream_counters(struct script *script, lua_State *L)
{
    const struct stream_handle *stream = self_stream(L);
    const struct tcp_machine *machine = stream->tcp ? tcp_machine_of(stream->tcp) : NULL;

    (void)script;
    lua_createtable(L, 0, 7);
    lua_pushstring(L, tcp_state_name(machine ? machine->state : TCP_CLOSED));
    lua_setfield(L, -2, "state");
    set_count(L, "sent", stream->taken);
    set_count(L, "received", stream->received);
    if (!machine)
        return 1;
    set_count(L, "unacknowledged", machine->out.used);
    set_count(L, "retransmissions", machine->retransmissions);
    set_count(L, "window", machine->cwnd);
    if (machine->rto.srtt > 0) {
        arg_push_seconds(L, machine->rto.srtt);
        lua_setfield(L, -2, "rtt");
    }
    return 1;
}

static void
stream_field(struct script *script, lua_State *L, struct handle *self, const char *name)
{
    const struct stream_handle *stream = (const struct stream_handle *)(const void *)self;

    (void)script;
    if (strcmp(name, "own") == 0)
        endpoint_push(L, stream->own);
    else if (strcmp(name, "peer") == 0)
        endpoint_push(L, stream->peer);
    else
        lua_pushinteger(L, stream->own.port);
}

static void
stream_say(lua_State *L, const struct handle *self)
{
    const struct stream_handle *stream = (const struct stream_handle *)(const void *)self;
    char own[ENDPOINT_TEXT], peer[ENDPOINT_TEXT];

    lua_pushfstring(L, "TCP socket %s -> %s of %s", endpoint_format(stream->own, own),
                    endpoint_format(stream->peer, peer), stream->host->node->name);
}

static const struct word stream_words[] = {
    { "send", stream_send },
    { "recv", stream_recv },
    { "stun", stream_stun },
    { "shutdown", stream_word_shutdown },
    { "reset", stream_word_reset },
    { "close", stream_word_close },
    { "counters", stream_counters },
    { NULL, NULL },
};
static const char *const stream_fields[] = { "own", "peer", "port", NULL };

const struct type stream_type = {
    .name = "tcp_socket",
    .words = { stream_words },
    .fields = stream_fields,
    .field = stream_field,
    .say = stream_say,
};
