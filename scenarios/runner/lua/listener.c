/* TCP listeners for scripts: host:tcp_listen, and what a listener does. */
#include <stddef.h>

#include "scenarios/runner/lua/endpoint.h"
#include "scenarios/runner/lua/socket.h"
#include "scenarios/runner/lua/stream.h"

enum { LISTENER_BYTES = 1024 };

static struct listener_handle *
self_listener(lua_State *L)
{
    return lua_touserdata(L, 1);
}

static void
on_ready(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    struct listener_handle *listener = owner;

    (void)tcp, (void)ready, (void)result;
    listener->ready = true;
    listener->script->world->touched = true;
    task_wake_all(&listener->acceptors);
}

/* The run is over: it ends with its host. */
static void
close_at_end(struct open_thing *thing)
{
    struct listener_handle *listener =
        (struct listener_handle *)(void *)((char *)thing - offsetof(struct listener_handle, open));

    listener->tcp = NULL;
}

static struct endpoint
own_endpoint(const struct listener_handle *listener)
{
    struct endpoint own = listener->own;

    if (address_is_unspecified(own.address))
        own.address = node_address(listener->host->node, FAMILY_NONE);
    return own;
}

int
stream_word_listen(struct script *script, lua_State *L)
{
    static const char *const keys[] = { "ip", NULL };
    struct lab_node *host = lab_handle_self(L)->node;
    struct io *io = node_io(host->node);
    struct endpoint local = { ADDRESS_NONE, 0 };
    enum io_result why = IO_OK;

    arg_no_more(L, 3);
    if (!lua_isnoneornil(L, 2))
        local.port = (uint16_t)arg_integer(L, 2, "the port", 0, 65535);
    if (options_check(L, 3, keys, NULL) && options_get(L, 3, "ip"))
        local.address = arg_address(L, -1, "ip");

    limits_hold_bytes(L, LISTENER_BYTES);
    struct listener_handle *listener = handle_new(L, &listener_type, sizeof *listener);
    handle_keep(L, -1, listener);
    listener->tcp = io->ops->listen(io, &local, true, on_ready, listener, &why);
    if (!listener->tcp) {
        handle_drop(L, listener);
        limits_let_go_bytes(&script->limits, LISTENER_BYTES);
        return push_io_failure(L, why);
    }
    listener->script = script;
    listener->host = host;
    listener->own = listener->tcp->ops->local(listener->tcp);
    open_add(script, &listener->open, close_at_end);
    return 1;
}

/* Pushes the socket of a connection that waits, and where it is from; false, and nothing pushed, when there is none: one
 * that waited may have ended meanwhile. */
static bool
push_connection(lua_State *L, struct listener_handle *listener)
{
    if (!listener->ready)
        return false;
    luaL_checkstack(L, 10, NULL);
    struct stream_handle *stream = stream_new(L, listener->host);
    stream->tcp = listener->tcp->ops->accept(listener->tcp, stream_ready, stream);
    if (!stream->tcp) {
        listener->ready = false;
        stream_drop(stream);
        lua_pop(L, 1);
        return false;
    }
    stream->own = stream->tcp->ops->local(stream->tcp);
    stream->peer = stream->tcp->ops->peer(stream->tcp);
    stream->connected = true;
    endpoint_push(L, stream->peer);
    return true;
}

static int
accept_go_on(lua_State *L, int status, lua_KContext context)
{
    struct listener_handle *listener = self_listener(L);

    (void)status;
    if (!listener->tcp)
        return arg_push_failure(L, "closed");
    if (push_connection(L, listener))
        return 2;
    if (context == STREAM_LOOK || task_timed_out(L))
        return arg_push_failure(L, "timeout");
    return task_park(L, &listener->acceptors, "accept", &listener->handle, accept_go_on);
}

static int
listener_accept(struct script *script, lua_State *L)
{
    int64_t timeout = arg_timeout(L, 2);

    (void)script;
    arg_no_more(L, 2);
    return stream_look(L, timeout, accept_go_on);
}

/* Connections that nobody has accepted are reset. */
static int
listener_close(struct script *script, lua_State *L)
{
    struct listener_handle *listener = self_listener(L);

    if (!listener->tcp)
        return 0;
    open_remove(script, &listener->open);
    listener->tcp->ops->close(listener->tcp, false);
    listener->tcp = NULL;
    limits_let_go_bytes(&script->limits, LISTENER_BYTES);
    script->world->touched = true;
    task_wake_all(&listener->acceptors);
    handle_drop(L, listener);
    return 0;
}

static void
listener_field(struct script *script, lua_State *L, struct handle *self, const char *name)
{
    const struct listener_handle *listener = (const struct listener_handle *)(const void *)self;

    (void)script;
    if (strcmp(name, "own") == 0)
        endpoint_push(L, own_endpoint(listener));
    else
        lua_pushinteger(L, listener->own.port);
}

static void
listener_say(lua_State *L, const struct handle *self)
{
    const struct listener_handle *listener = (const struct listener_handle *)(const void *)self;
    char text[ENDPOINT_TEXT];

    lua_pushfstring(L, "TCP listener %s of %s", endpoint_format(own_endpoint(listener), text),
                    listener->host->node->name);
}

static const struct word listener_words[] = {
    { "accept", listener_accept },
    { "close", listener_close },
    { NULL, NULL },
};
static const char *const listener_fields[] = { "own", "port", NULL };

const struct type listener_type = {
    .name = "tcp_listener",
    .words = { listener_words },
    .fields = listener_fields,
    .field = listener_field,
    .say = listener_say,
};
