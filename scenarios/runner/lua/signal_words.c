/* Signalling for scripts: host:signal_server, host:signal, and what a channel does.
 *
 * What is between a letter and the task that waits for its end, a *sending*, ends with the call that began it; a task
 * that is stopped leaves it behind, until the end of the run. */
#include "scenarios/runner/lua/signal_words.h"

#include <stddef.h>

#include "scenarios/runner/lua/endpoint.h"
#include "scenarios/runner/lua/node_words.h"
#include "scenarios/runner/lua/open.h"
#include "scenarios/runner/lua/server.h"
#include "scenarios/runner/lua/service_words.h"
#include "scenarios/runner/lua/socket.h"
#include "scenarios/runner/lua/stream.h"

/* COPIES: of a text on its way to the server: the letter's, the request's, and what waits to be written. */
enum { CHANNEL_BYTES = 4096, SEND_STEPS = 1000, COPIES = 3 };

struct sending {
    struct sending *next; /* of the channel */
    struct channel_handle *channel;
    struct signal_letter *letter; /* NULL: it has ended, or the channel was closed */
    bool done;
    struct signal_result result; /* once it is done */
    size_t held;                 /* bytes that count as the script's memory while the letter is under way */
    struct waits waiting;
};

struct channel_handle {
    struct handle handle;
    struct script *script;
    struct open_thing open;
    struct signal_channel *channel; /* the world's */
    const char *host;
    struct sending *sendings;
    struct waits readers;
    bool told; /* the failure that receiving has stopped for */
};

static const struct type channel_type;

/* --- servers ----------------------------------------------------------------------------------------------------- */

int
service_word_signal_server(struct script *script, lua_State *L)
{
    static const char *const keys[] = { "port", "ip", "peers", "messages", "expires", NULL };
    struct lab_node *host = lab_handle_self(L)->node;
    struct signal_server_options options = SIGNAL_SERVER_DEFAULTS;
    struct endpoint listen = { ADDRESS_NONE, SIGNAL_PORT };
    enum io_result why = IO_OK;

    (void)script;
    arg_no_more(L, 2);
    options_check(L, 2, keys, NULL);
    if (options_get(L, 2, "port"))
        listen.port = (uint16_t)arg_integer(L, -1, "port", 1, 65535);
    if (options_get(L, 2, "ip"))
        listen.address = arg_address(L, -1, "ip");
    if (options_get(L, 2, "peers"))
        options.limits.peers = (unsigned)arg_integer(L, -1, "peers", 1, 100000);
    if (options_get(L, 2, "messages"))
        options.limits.messages = (unsigned)arg_integer(L, -1, "messages", 1, 100000);
    if (options_get(L, 2, "expires")) {
        options.limits.expiry = arg_duration(L, -1, "expires");
        if (options.limits.expiry < TIME_S)
            complain_value(L, "expires", -1, "a duration of a second or more");
    }
    options.connections = MAX(options.connections, 2 * options.limits.peers);

    struct server_handle *server = server_new(L, &server_type, host->node->name);
    struct service *service = service_start_signal(host->node, listen, &options, &why);
    return server_push(L, server, service, why);
}

/* --- failures ---------------------------------------------------------------------------------------------------- */

static void
set_number(lua_State *L, const char *name, uint64_t value)
{
    lua_pushinteger(L, (lua_Integer)value);
    lua_setfield(L, -2, name);
}

static int
push_rejection(lua_State *L, const struct signal_result *result)
{
    bool known = result->reason != SIGNAL_REASON_NONE;

    arg_push_failure(L, "rejected");
    lua_createtable(L, 0, 2);
    if (result->outcome == SIGNAL_OUTCOME_REJECTED)
        set_number(L, "code", result->status);
    lua_pushstring(L, known ? signal_reason_sentence(result->reason) : signal_outcome_sentence(result->outcome));
    lua_setfield(L, -2, "text");
    return 3;
}

int
push_signal_failure(lua_State *L, const struct signal_result *result)
{
    switch (result->outcome) {
    case SIGNAL_OUTCOME_TIMEOUT:
        return arg_push_failure(L, "timeout");
    case SIGNAL_OUTCOME_CLOSED:
        return arg_push_failure(L, stream_failure_word(result->io));
    case SIGNAL_OUTCOME_UNREACHABLE:
        return result->io == IO_TIMEOUT ? arg_push_failure(L, "unreachable") : push_io_failure(L, result->io);
    default:
        return push_rejection(L, result);
    }
}

/* --- channels ---------------------------------------------------------------------------------------------------- */

static struct channel_handle *
self_channel(lua_State *L)
{
    return lua_touserdata(L, 1);
}

struct signal_channel *
arg_signal_channel(lua_State *L, int index, const char *name)
{
    struct channel_handle *channel = handle_of(L, index, &channel_type);

    if (!channel)
        complain_value(L, name, index, "a signalling channel: host:signal(server, name)");
    return channel->channel;
}

static void
let_go(struct sending *sending)
{
    limits_let_go_bytes(&sending->channel->script->limits, sending->held);
    sending->held = 0;
}

static void
on_changed(void *owner)
{
    struct channel_handle *channel = owner;

    channel->told = false;
    channel->script->world->touched = true;
    task_wake_all(&channel->readers);
}

static void
close_channel(struct channel_handle *channel)
{
    signal_channel_watch(channel->channel, NULL, NULL);
    signal_channel_close(channel->channel);
    for (struct sending *sending = channel->sendings; sending; sending = sending->next) {
        sending->letter = NULL;
        let_go(sending);
        task_wake_all(&sending->waiting);
    }
    task_wake_all(&channel->readers);
}

static void
close_at_end(struct open_thing *thing)
{
    struct channel_handle *channel =
        (struct channel_handle *)(void *)((char *)thing - offsetof(struct channel_handle, open));

    close_channel(channel);
    while (channel->sendings) {
        struct sending *sending = channel->sendings;

        channel->sendings = sending->next;
        g_free(sending);
    }
}

static const char *
read_name(lua_State *L, int index, const char *name)
{
    const char *text = arg_text(L, index, name);

    if (!signal_is_name(span_of_text(text)))
        complain_value(L, name, index, "1 to 64 letters, digits, '-', '_' and '.', of which the first is no '.'");
    return text;
}

int
service_word_signal(struct script *script, lua_State *L)
{
    struct lab_node *host = lab_handle_self(L)->node;
    struct endpoint server = arg_endpoint(L, 2, "the server", SIGNAL_PORT);
    const char *name = read_name(L, 3, "the name");

    arg_no_more(L, 3);
    if (server.port == 0)
        complain(L, "the server has port 0");
    limits_hold_bytes(L, CHANNEL_BYTES);
    struct channel_handle *channel = handle_new(L, &channel_type, sizeof *channel);
    handle_keep(L, -1, channel);
    channel->script = script;
    channel->host = host->node->name;
    channel->channel = signal_channel_open(host->node, server, name);
    signal_channel_watch(channel->channel, on_changed, channel);
    open_add(script, &channel->open, close_at_end);
    return 1;
}

/* The handle and its sendings stay until the end of the run: tasks that have not run yet look at them. */
static int
channel_close(struct script *script, lua_State *L)
{
    struct channel_handle *channel = self_channel(L);

    (void)script;
    if (signal_channel_is_open(channel->channel))
        close_channel(channel);
    return 0;
}

/* --- sending ----------------------------------------------------------------------------------------------------- */

static void
on_sent(void *owner, const struct signal_result *result)
{
    struct sending *sending = owner;

    sending->letter = NULL;
    let_go(sending);
    sending->done = true;
    sending->result = *result;
    sending->channel->script->world->touched = true;
    task_wake_all(&sending->waiting);
}

static void
free_sending(struct sending *sending)
{
    struct sending **link = &sending->channel->sendings;

    if (sending->letter)
        signal_letter_cancel(sending->letter);
    let_go(sending);
    while (*link != sending)
        link = &(*link)->next;
    *link = sending->next;
    g_free(sending);
}

static int
send_go_on(lua_State *L, int status, lua_KContext context)
{
    struct sending *sending = lua_touserdata(L, -1);
    struct channel_handle *channel = self_channel(L);
    bool good = sending->done && sending->result.outcome == SIGNAL_OUTCOME_DONE;
    struct signal_result result = sending->result;
    bool done = sending->done, closed = !done && !sending->letter;

    (void)status;
    (void)context;
    if (!done && !closed && !task_timed_out(L))
        return task_park(L, &sending->waiting, "send", &channel->handle, send_go_on);
    free_sending(sending);
    if (good) {
        lua_pushboolean(L, 1);
        return 1;
    }
    return done ? push_signal_failure(L, &result) : arg_push_failure(L, closed ? "closed" : "timeout");
}

static void
read_send_options(lua_State *L, struct signal_text *text, int64_t *timeout)
{
    static const char *const keys[] = { "type", "timeout", NULL };

    if (!options_check(L, 4, keys, NULL))
        return;
    if (options_get(L, 4, "timeout"))
        *timeout = arg_duration(L, -1, "timeout");
    if (!options_get(L, 4, "type"))
        return;
    text->type = span_of_text(arg_text(L, -1, "type"));
    for (size_t i = 0; i < text->type.length; i++)
        if (text->type.bytes[i] < ' ' || text->type.bytes[i] > '~' || text->type.length > SIGNAL_TYPE_MAX)
            complain_value(L, "type", -1, "a media type of at most 127 characters, such as 'application/sdp'");
}

static int
channel_send(struct script *script, lua_State *L)
{
    struct channel_handle *channel = self_channel(L);
    struct signal_text text = { .type = span_of_text(SIGNAL_TYPE_DEFAULT) };
    int64_t timeout = TIME_NEVER;
    size_t length;

    (void)script;
    text.peer = span_of_text(read_name(L, 2, "to"));
    if (lua_type(L, 3) != LUA_TSTRING && lua_type(L, 3) != LUA_TNUMBER)
        complain_value(L, "the text", 3, "a text");
    arg_no_more(L, 4);
    text.text.bytes = (const uint8_t *)lua_tolstring(L, 3, &length);
    text.text.length = length;
    read_send_options(L, &text, &timeout);
    if (!signal_channel_is_open(channel->channel))
        return arg_push_failure(L, "closed");
    if (length > SIGNAL_TEXT_MAX)
        return arg_push_failure(L, "too-big");
    task_check_may_wait(L);
    limits_spend(L, SEND_STEPS + length / 4);
    socket_check_room(L);
    luaL_checkstack(L, 8, NULL);
    limits_hold_bytes(L, COPIES * length);

    struct sending *sending = g_new0(struct sending, 1);

    sending->channel = channel;
    sending->held = COPIES * length;
    sending->letter = signal_channel_send(channel->channel, &text, on_sent, sending);
    if (!sending->letter) {
        let_go(sending);
        g_free(sending);
        complain(L, "%d texts are under way on this channel, and more there may not be", SIGNAL_LETTERS);
    }
    sending->next = channel->sendings;
    channel->sendings = sending;
    task_set_deadline(L, timeout);
    lua_pushlightuserdata(L, sending);
    return send_go_on(L, LUA_OK, 0);
}

/* --- receiving --------------------------------------------------------------------------------------------------- */

/* text, from, info. What is taken goes last: a push may raise. */
static int
push_message(lua_State *L, struct signal_channel *channel, const struct signal_text *message)
{
    luaL_checkstack(L, 6, NULL);
    lua_pushlstring(L, (const char *)message->text.bytes, message->text.length);
    lua_pushlstring(L, (const char *)message->peer.bytes, message->peer.length);
    lua_createtable(L, 0, 1);
    lua_pushlstring(L, (const char *)message->type.bytes, message->type.length);
    lua_setfield(L, -2, "type");
    signal_channel_take(channel);
    return 3;
}

static int
recv_go_on(lua_State *L, int status, lua_KContext context)
{
    struct channel_handle *self = self_channel(L);
    struct signal_channel *channel = self->channel;
    const struct signal_result *failure = signal_channel_failure(channel);
    struct signal_text message;

    (void)status;
    (void)context;
    if (signal_channel_first(channel, &message))
        return push_message(L, channel, &message);
    if (!signal_channel_is_open(channel))
        return arg_push_failure(L, "closed");
    if (failure && !self->told) {
        self->told = true;
        return push_signal_failure(L, failure);
    }
    if (task_timed_out(L))
        return arg_push_failure(L, "timeout");
    return task_park(L, &self->readers, "recv", &self->handle, recv_go_on);
}

static int
channel_recv(struct script *script, lua_State *L)
{
    struct channel_handle *channel = self_channel(L);
    int64_t timeout = arg_timeout(L, 2);
    struct signal_text message;
    bool waits = !signal_channel_first(channel->channel, &message) && signal_channel_is_open(channel->channel) &&
                 !(signal_channel_failure(channel->channel) && !channel->told);

    (void)script;
    arg_no_more(L, 2);
    if (waits && timeout == 0)
        return arg_push_failure(L, "timeout");
    if (waits) {
        task_check_may_wait(L);
        signal_channel_receive(channel->channel); /* where it had stopped, and that was told */
    }
    task_set_deadline(L, timeout);
    return recv_go_on(L, LUA_OK, 0);
}

/* --- what it is -------------------------------------------------------------------------------------------------- */

static int
channel_counters(struct script *script, lua_State *L)
{
    const struct signal_channel *channel = self_channel(L)->channel;
    struct signal_client_counters counters = signal_channel_counters(channel);

    (void)script;
    lua_createtable(L, 0, 5);
    set_number(L, "sent", counters.sent);
    set_number(L, "received", counters.received);
    set_number(L, "waiting", signal_channel_waiting(channel));
    set_number(L, "retries", counters.retries);
    set_number(L, "failures", counters.failures);
    return 1;
}

static void
channel_field(struct script *script, lua_State *L, struct handle *self, const char *name)
{
    const struct signal_channel *channel = ((const struct channel_handle *)(const void *)self)->channel;

    (void)script;
    if (strcmp(name, "own") == 0)
        endpoint_push(L, signal_channel_local(channel));
    else
        lua_pushstring(L, signal_channel_name(channel));
}

static void
channel_say(lua_State *L, const struct handle *self)
{
    const struct channel_handle *channel = (const struct channel_handle *)(const void *)self;

    lua_pushfstring(L, "signalling channel %s of %s", signal_channel_name(channel->channel), channel->host);
}

static const struct word channel_words[] = {
    { "send", channel_send },         { "recv", channel_recv }, { "close", channel_close },
    { "counters", channel_counters }, { NULL, NULL },
};
static const char *const channel_fields[] = { "name", "own", NULL };

static const struct type channel_type = {
    .name = "channel",
    .words = { channel_words },
    .fields = channel_fields,
    .field = channel_field,
    .say = channel_say,
};
