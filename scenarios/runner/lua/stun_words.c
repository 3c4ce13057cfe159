/* socket:stun: a Binding transaction on the socket, while the task waits.
 *
 * The exchange between transaction and task ends with the call that began it; a task that is stopped leaves it behind,
 * until the end of the run. The answer is copied out of the transaction's callback, in which no Lua runs. */
#include <stddef.h>
#include <stdio.h>

#include "scenarios/runner/lua/endpoint.h"
#include "scenarios/runner/lua/socket.h"

enum { PHRASE_SHOWN = 127 };

struct stun_exchange {
    struct stun_exchange *next;   /* of the socket */
    struct socket_handle *socket; /* NULL: it was closed */
    struct open_thing open;
    struct script *script;
    struct stun_transaction *transaction; /* NULL: it has ended, or the socket was closed */
    struct stun_result result;            /* what is borrowed in it is gone */
    char phrase[PHRASE_SHOWN + 1];
    struct waits waiting;
};

static void
on_done(void *owner, struct stun_transaction *transaction, const struct stun_result *result)
{
    struct stun_exchange *exchange = owner;

    (void)transaction;
    exchange->transaction = NULL;
    exchange->result = *result;
    if (result->outcome == STUN_OUTCOME_REJECTED)
        snprintf(exchange->phrase, sizeof exchange->phrase, "%.*s", (int)MIN(result->error.phrase.length, PHRASE_SHOWN),
                 (const char *)result->error.phrase.bytes);
    exchange->script->world->touched = true;
    task_wake_all(&exchange->waiting);
}

/* The socket is closed: who waits is told, and finds the exchange without it. */
void
stun_exchanges_end(struct socket_handle *socket)
{
    struct stun_exchange *next;

    for (struct stun_exchange *exchange = socket->exchanges; exchange; exchange = next) {
        next = exchange->next;
        if (exchange->transaction)
            stun_transaction_cancel(exchange->transaction);
        exchange->transaction = NULL;
        exchange->socket = NULL;
        task_wake_all(&exchange->waiting);
    }
    socket->exchanges = NULL;
}

static void
free_exchange(struct stun_exchange *exchange)
{
    struct stun_exchange **link = exchange->socket ? &exchange->socket->exchanges : NULL;

    if (exchange->transaction)
        stun_transaction_cancel(exchange->transaction);
    while (link && *link != exchange)
        link = &(*link)->next;
    if (link)
        *link = exchange->next;
    g_free(exchange);
}

static void
close_at_end(struct open_thing *thing)
{
    free_exchange((struct stun_exchange *)(void *)((char *)thing - offsetof(struct stun_exchange, open)));
}

static void
set_endpoint(lua_State *L, const char *name, bool has, struct endpoint endpoint)
{
    if (!has)
        return;
    endpoint_push(L, endpoint);
    lua_setfield(L, -2, name);
}

static int
push_answer(lua_State *L, const struct stun_result *result)
{
    if (!result->has_mapped && !result->has_xor_mapped)
        return arg_push_failure(L, "rejected");
    endpoint_push(L, result->has_xor_mapped ? result->xor_mapped : result->mapped);
    lua_createtable(L, 0, 5);
    set_endpoint(L, "mapped", result->has_mapped, result->mapped);
    set_endpoint(L, "xor_mapped", result->has_xor_mapped, result->xor_mapped);
    if (result->rtt >= 0) { /* after a retransmission nobody knows it (Karn's algorithm) */
        arg_push_seconds(L, result->rtt);
        lua_setfield(L, -2, "rtt");
    }
    arg_push_seconds(L, result->elapsed);
    lua_setfield(L, -2, "elapsed");
    lua_pushinteger(L, result->requests);
    lua_setfield(L, -2, "requests");
    return 2;
}

static int
push_rejection(lua_State *L, const struct stun_exchange *exchange)
{
    const struct stun_result *result = &exchange->result;

    arg_push_failure(L, "rejected");
    lua_createtable(L, 0, 2);
    if (result->outcome == STUN_OUTCOME_REJECTED) {
        lua_pushinteger(L, result->error.code);
        lua_setfield(L, -2, "code");
    }
    lua_pushstring(L, result->outcome == STUN_OUTCOME_REJECTED ? exchange->phrase
                                                               : stun_outcome_sentence(result->outcome));
    lua_setfield(L, -2, "text");
    return 3;
}

static int
push_unreachable(lua_State *L, const struct stun_result *result)
{
    if (result->icmp.type == 0)
        return push_io_failure(L, result->io);
    arg_push_failure(L, icmp_reason_word(&result->icmp));
    push_icmp_detail(L, &result->icmp);
    return 3;
}

static int
push_outcome(lua_State *L, const struct stun_exchange *exchange)
{
    switch (exchange->result.outcome) {
    case STUN_OUTCOME_ANSWERED:
        return push_answer(L, &exchange->result);
    case STUN_OUTCOME_TIMEOUT:
        return arg_push_failure(L, "timeout");
    case STUN_OUTCOME_UNREACHABLE:
        return push_unreachable(L, &exchange->result);
    default:
        return push_rejection(L, exchange);
    }
}

static int
stun_go_on(lua_State *L, int status, lua_KContext context)
{
    struct stun_exchange *exchange = lua_touserdata(L, -1);
    int results;

    (void)status;
    (void)context;
    if (!exchange->socket)
        results = arg_push_failure(L, "closed");
    else if (!exchange->transaction)
        results = push_outcome(L, exchange);
    else if (task_timed_out(L))
        results = arg_push_failure(L, "timeout");
    else
        return task_park(L, &exchange->waiting, "stun", &exchange->socket->handle, stun_go_on);
    open_remove(exchange->script, &exchange->open);
    free_exchange(exchange);
    return results;
}

static void
read_options(lua_State *L, int index, struct stun_timer_options *timer, int64_t *timeout)
{
    static const char *const keys[] = { "timeout", "rto", "requests", NULL };

    if (!options_check(L, index, keys, NULL))
        return;
    if (options_get(L, index, "timeout"))
        *timeout = arg_duration(L, -1, "timeout");
    if (options_get(L, index, "rto")) {
        timer->rto = arg_duration(L, -1, "rto");
        if (timer->rto == 0)
            complain_value(L, "rto", -1, "a duration above 0");
    }
    if (options_get(L, index, "requests"))
        timer->rc = (unsigned)arg_integer(L, -1, "requests", 1, 30);
}

int
socket_word_stun(struct script *script, lua_State *L)
{
    struct socket_handle *socket = lua_touserdata(L, 1);
    struct endpoint server = arg_endpoint(L, 2, "the server", STUN_PORT);
    struct stun_request request = {
        .udp = socket->udp, .server = server, .timer = STUN_TIMER_DEFAULTS, .done = on_done
    };
    int64_t timeout = TIME_NEVER;

    arg_no_more(L, 3);
    read_options(L, 3, &request.timer, &timeout);
    if (!socket->udp)
        return arg_push_failure(L, "closed");
    task_check_may_wait(L);
    luaL_checkstack(L, 10, NULL);

    if (!socket->client)
        socket->client = stun_client_new(socket->io, "punchlab");
    struct stun_exchange *exchange = g_new0(struct stun_exchange, 1);
    exchange->script = script;
    exchange->socket = socket;
    open_add(script, &exchange->open, close_at_end);
    exchange->next = socket->exchanges;
    socket->exchanges = exchange;
    request.owner = exchange;
    exchange->transaction = stun_client_binding(socket->client, &request);
    task_set_deadline(L, timeout);
    lua_pushlightuserdata(L, exchange);
    return stun_go_on(L, LUA_OK, 0);
}
