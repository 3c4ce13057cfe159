/* TCP through a relay (RFC 6062): relay:connect(peer, timeout) and relay:accept(timeout) give sockets of TCP. */
#include "scenarios/runner/lua/endpoint.h"
#include "scenarios/runner/lua/relay.h"
#include "scenarios/runner/lua/stream.h"

enum { CONNECT_STEPS = 1000, ATTEMPTS_MOST = 64 };

/* A peer has connected to the relayed address; the server waits 30 s for us to take it. */
struct attempt {
    struct attempt *next;
    struct endpoint peer;
    uint32_t connection;
};

void
relay_take_attempt(struct relay_handle *relay, const struct turn_client_news *news)
{
    if (relay->attempts == ATTEMPTS_MOST) /* like a listener whose queue is full: the server gives it up */
        return;

    struct attempt *attempt = g_new0(struct attempt, 1);

    attempt->peer = news->peer;
    attempt->connection = news->connection;
    if (relay->last)
        relay->last->next = attempt;
    else
        relay->first = attempt;
    relay->last = attempt;
    relay->attempts++;
}

static void
drop_first(struct relay_handle *relay)
{
    struct attempt *attempt = relay->first;

    relay->first = attempt->next;
    if (!relay->first)
        relay->last = NULL;
    relay->attempts--;
    g_free(attempt);
}

void
relay_forget_attempts(struct relay_handle *relay)
{
    while (relay->first)
        drop_first(relay);
}

/* It is nobody's until a task takes it, and must not lose what comes meanwhile: it stays in TCP until read. */
static void
unheard(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    (void)owner, (void)tcp, (void)ready, (void)result;
}

static void
on_connected(void *owner, struct turn_client *client, struct endpoint peer, struct io_tcp *tcp,
             const struct turn_client_failure *failure)
{
    struct errand *errand = owner;

    (void)client;
    errand->peer = peer;
    errand->tcp = tcp;
    if (tcp) {
        tcp->ready = unheard;
        tcp->owner = errand;
    }
    errand_settle(errand, failure);
}

static void
push_stream(lua_State *L, struct errand *errand)
{
    luaL_checkstack(L, 10, NULL);
    struct stream_handle *stream = stream_new(L, errand->relay->socket.host);

    stream->tcp = errand->tcp;
    errand->tcp = NULL;
    stream->tcp->ready = stream_ready;
    stream->tcp->owner = stream;
    stream->own = stream->tcp->ops->local(stream->tcp);
    stream->peer = errand->peer;
    stream->connected = true;
}

/* On top of the stack: the errand. `context`: how many values a success returns. */
static int
connect_go_on(lua_State *L, int status, lua_KContext context)
{
    struct errand *errand = lua_touserdata(L, -1);
    struct relay_handle *relay = lua_touserdata(L, 1);
    int results;

    (void)status, (void)context;
    if (errand->done && !errand->failed) {
        struct endpoint peer = errand->peer;

        push_stream(L, errand);
        errand_leave(errand);
        endpoint_push(L, peer);
        return 2;
    }
    if (errand->done)
        results = relay_push_failure(L, &errand->failure);
    else if (task_timed_out(L))
        results = arg_push_failure(L, "timeout");
    else
        return task_park(L, &errand->waiting, "connect", &relay->socket.handle, connect_go_on);
    errand_leave(errand);
    return results;
}

/* The client has been asked, with `errand`, until the running task's deadline. */
static int
await_stream(lua_State *L, struct errand *errand, enum io_result result)
{
    if (result != IO_AGAIN) {
        errand->done = true;
        errand_leave(errand);
        return relay_push_refusal(L, result);
    }
    lua_pushlightuserdata(L, errand);
    return connect_go_on(L, LUA_OK, 0);
}

static void
check_carries_tcp(lua_State *L, const struct relay_handle *relay)
{
    if (!relay->carries_tcp)
        complain(L, "this relay carries UDP; one for TCP is host:turn(server, {transport = 'tcp', peers = 'tcp'})");
}

int
relay_word_connect(struct script *script, lua_State *L)
{
    struct relay_handle *relay = lua_touserdata(L, 1);
    struct endpoint peer = arg_endpoint(L, 2, "the peer", 0);
    int64_t timeout = arg_timeout(L, 3);

    (void)script;
    arg_no_more(L, 3);
    check_carries_tcp(L, relay);
    if (!relay->client || relay->ended)
        return relay_push_failure(L, &relay->failure);
    task_check_may_wait(L);
    limits_spend(L, CONNECT_STEPS);
    luaL_checkstack(L, 8, NULL);
    task_set_deadline(L, timeout);
    struct errand *errand = errand_new(relay);
    return await_stream(L, errand, turn_client_connect(relay->client, peer, on_connected, errand));
}

static int
accept_go_on(lua_State *L, int status, lua_KContext context)
{
    struct relay_handle *relay = lua_touserdata(L, 1);

    (void)status;
    if (relay->ended)
        return relay_push_failure(L, &relay->failure);
    if (relay->first) {
        struct attempt attempt = *relay->first;
        struct errand *errand;

        drop_first(relay);
        luaL_checkstack(L, 8, NULL);
        errand = errand_new(relay);
        return await_stream(L, errand, turn_client_accept(relay->client, attempt.peer, attempt.connection,
                                                          on_connected, errand));
    }
    if (context == STREAM_LOOK || task_timed_out(L))
        return arg_push_failure(L, "timeout");
    return task_park(L, &relay->waiting, "accept", &relay->socket.handle, accept_go_on);
}

int
relay_word_accept(struct script *script, lua_State *L)
{
    struct relay_handle *relay = lua_touserdata(L, 1);
    int64_t timeout = arg_timeout(L, 2);

    (void)script;
    arg_no_more(L, 2);
    check_carries_tcp(L, relay);
    task_check_may_wait(L);
    limits_spend(L, CONNECT_STEPS);
    task_set_deadline(L, TIME_NEVER); /* of what follows when one is there already */
    return stream_look(L, timeout, accept_go_on);
}
