/* socket:stun: a Binding transaction on the socket, while the task waits.
 *
 * The exchange between transaction and task ends with the call that began it; a task that is stopped leaves it behind,
 * until the end of the run. The answer is copied out of the transaction's callback, in which no Lua runs. */
#include "scenarios/runner/lua/stun_words.h"

#include <stddef.h>
#include <stdio.h>

#include "core/base/words.h"
#include "proto/stun/attributes.h"
#include "scenarios/runner/lua/endpoint.h"
#include "scenarios/runner/lua/open.h"
#include "scenarios/runner/lua/socket.h"
#include "scenarios/runner/lua/stream.h"

#define SOFTWARE "punchlab"

enum { PHRASE_SHOWN = 127 };

struct stun_exchange {
    struct stun_exchange *next; /* of the socket */
    struct stun_inquiries *user;     /* NULL: the socket was closed */
    struct handle *handle;      /* the socket's */
    struct open_thing open;
    struct script *script;
    struct stun_transaction *transaction; /* NULL: it has ended, or the socket was closed */
    struct stun_credentials *credentials; /* NULL: none */
    struct stun_result result;            /* what is borrowed in it is gone */
    enum stun_fault fault;                /* of what came on the stream */
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

/* Who waits finds the exchange without its socket. */
void
stun_words_end(struct stun_inquiries *user)
{
    struct stun_exchange *next;

    for (struct stun_exchange *exchange = user->exchanges; exchange; exchange = next) {
        next = exchange->next;
        if (exchange->transaction)
            stun_transaction_cancel(exchange->transaction);
        exchange->transaction = NULL;
        exchange->user = NULL;
        task_wake_all(&exchange->waiting);
    }
    user->exchanges = NULL;
    g_clear_pointer(&user->client, stun_client_free);
}

void
stun_words_spoil(struct stun_inquiries *user, struct io_udp *udp, enum stun_fault fault)
{
    for (struct stun_exchange *exchange = user->exchanges; exchange; exchange = exchange->next)
        if (exchange->transaction)
            exchange->fault = fault;
    stun_client_lost(user->client, udp, IO_CLOSED);
}

static void
free_exchange(struct stun_exchange *exchange)
{
    struct stun_exchange **link = exchange->user ? &exchange->user->exchanges : NULL;

    if (exchange->transaction)
        stun_transaction_cancel(exchange->transaction);
    while (link && *link != exchange)
        link = &(*link)->next;
    if (link)
        *link = exchange->next;
    stun_credentials_free(exchange->credentials);
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
    endpoint_push(L, result->has_xor_mapped ? result->xor_mapped : result->mapped);
    lua_createtable(L, 0, 6);
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
    set_endpoint(L, "server", true, result->server);
    return 2;
}

static int
push_rejection(lua_State *L, const struct stun_exchange *exchange)
{
    const struct stun_result *result = &exchange->result;

    arg_push_failure(L, "rejected");
    lua_createtable(L, 0, 3);
    if (result->outcome == STUN_OUTCOME_REJECTED) {
        lua_pushinteger(L, result->error.code);
        lua_setfield(L, -2, "code");
    }
    lua_pushstring(L, result->outcome == STUN_OUTCOME_REJECTED ? exchange->phrase
                                                               : stun_outcome_sentence(result->outcome));
    lua_setfield(L, -2, "text");
    set_endpoint(L, "alternate", result->has_alternate, result->alternate);
    return 3;
}

static int
push_fault(lua_State *L, enum stun_fault fault)
{
    arg_push_failure(L, "rejected");
    lua_createtable(L, 0, 1);
    lua_pushfstring(L, "what came is no STUN message: %s", stun_fault_sentence(fault));
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

/* Something came, but nothing that could be believed: to the protocol that is as if nothing had come. */
static int
push_silence(lua_State *L, const struct stun_result *result)
{
    arg_push_failure(L, "timeout");
    if (result->outcome == STUN_OUTCOME_TIMEOUT)
        return 2;
    lua_createtable(L, 0, 1);
    lua_pushstring(L, stun_outcome_sentence(result->outcome));
    lua_setfield(L, -2, "text");
    return 3;
}

static int
push_outcome(lua_State *L, const struct stun_exchange *exchange)
{
    switch (exchange->result.outcome) {
    case STUN_OUTCOME_ANSWERED:
        return push_answer(L, &exchange->result);
    case STUN_OUTCOME_TIMEOUT:
    case STUN_OUTCOME_VIOLATED:
    case STUN_OUTCOME_SPOILT:
        return push_silence(L, &exchange->result);
    case STUN_OUTCOME_UNREACHABLE:
        return push_unreachable(L, &exchange->result);
    case STUN_OUTCOME_LOST:
        return exchange->fault ? push_fault(L, exchange->fault)
                               : arg_push_failure(L, stream_failure_word(exchange->result.io));
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
    if (!exchange->user)
        results = arg_push_failure(L, "closed");
    else if (!exchange->transaction)
        results = push_outcome(L, exchange);
    else if (task_timed_out(L))
        results = arg_push_failure(L, "timeout");
    else
        return task_park(L, &exchange->waiting, "stun", exchange->handle, stun_go_on);
    open_remove(exchange->script, &exchange->open);
    free_exchange(exchange);
    return results;
}

/* The user's name and password are on the stack as long as this runs. */
static struct stun_credentials *
make_credentials(const struct stun_asking *asking)
{
    if (!asking->name.bytes)
        return NULL;
    return asking->short_term ? stun_credentials_new_short_term(asking->name, asking->password)
                             : stun_credentials_new_long_term(asking->name, asking->password);
}

/* stun_client_binding's request, but for FINGERPRINT where that is not wanted. */
static struct stun_transaction *
start(struct stun_client *client, const struct stun_request *request, bool no_fingerprint)
{
    struct stun_transaction *transaction;

    if (!no_fingerprint)
        return stun_client_binding(client, request);
    transaction = stun_transaction_new(client, STUN_BINDING, request);
    stun_put_text(stun_transaction_builder(transaction), STUN_SOFTWARE, span_of_text(SOFTWARE));
    stun_transaction_start(transaction);
    return transaction;
}

int
stun_words_ask(lua_State *L, struct stun_inquiries *user, struct handle *handle, struct io *io,
               struct stun_request *request, const struct stun_asking *asking)
{
    struct script *script = script_of(L);

    task_check_may_wait(L);
    luaL_checkstack(L, 10, NULL);
    if (!user->client)
        user->client = stun_client_new(io, SOFTWARE);
    struct stun_exchange *exchange = g_new0(struct stun_exchange, 1);
    exchange->script = script;
    exchange->user = user;
    exchange->handle = handle;
    open_add(script, &exchange->open, close_at_end);
    exchange->next = user->exchanges;
    user->exchanges = exchange;
    request->done = on_done;
    request->owner = exchange;
    request->credentials = exchange->credentials = make_credentials(asking);
    request->follow = request->credentials != NULL;
    exchange->transaction = start(user->client, request, asking->no_fingerprint);
    task_set_deadline(L, asking->timeout);
    lua_pushlightuserdata(L, exchange);
    return stun_go_on(L, LUA_OK, 0);
}

/* A text of at least one byte and at most `most`, which the options' table keeps alive. */
static struct span
arg_bytes(lua_State *L, const char *name, size_t most)
{
    size_t length;

    (void)arg_text(L, -1, name);
    const char *text = lua_tolstring(L, -1, &length);
    if (length == 0 || length > most)
        complain(L, "%s has %I bytes; accepted: 1 to %I", name, (lua_Integer)length, (lua_Integer)most);
    return span_of(text, length);
}

static void
read_user(lua_State *L, int index, struct stun_asking *asking)
{
    bool has_user = options_get(L, index, "user");

    if (has_user)
        asking->name = arg_bytes(L, "user", STUN_USER_BYTES);
    if (has_user && !stun_user_name_fits(asking->name))
        complain(L, "user has a control character");
    if (options_get(L, index, "password"))
        asking->password = arg_bytes(L, "password", STUN_USER_BYTES);
    if (has_user != (asking->password.bytes != NULL))
        complain(L, "%s", has_user ? "user needs a password" : "password needs a user");
    if (options_get(L, index, "mechanism"))
        asking->short_term = stun_words_mechanism(L) == STUN_MECHANISM_SHORT_TERM;
}

void
stun_words_read(lua_State *L, int index, struct stun_asking *asking)
{
    if (options_get(L, index, "timeout"))
        asking->timeout = arg_duration(L, -1, "timeout");
    if (options_get(L, index, "fingerprint"))
        asking->no_fingerprint = !arg_boolean(L, -1, "fingerprint");
    read_user(L, index, asking);
}

enum stun_mechanism
stun_words_mechanism(lua_State *L)
{
    static const char *const words[] = { "long-term", "short-term", NULL };
    const char *word = arg_text(L, -1, "mechanism");
    int index = words_find(words, word);

    if (index < 0)
        complain_word(L, "mechanism", word, words);
    return index == 0 ? STUN_MECHANISM_LONG_TERM : STUN_MECHANISM_SHORT_TERM;
}

static void
read_options(lua_State *L, int index, struct stun_timer_options *timer, struct stun_asking *asking)
{
    static const char *const keys[] = { STUN_ASKING_KEYS, "rto", "requests", NULL };

    if (!options_check(L, index, keys, NULL))
        return;
    stun_words_read(L, index, asking);
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
    struct stun_request request = { .udp = socket->udp, .server = server, .timer = STUN_TIMER_DEFAULTS };
    struct stun_asking asking = { .timeout = TIME_NEVER };

    (void)script;
    arg_no_more(L, 3);
    read_options(L, 3, &request.timer, &asking);
    if (!socket->udp)
        return arg_push_failure(L, "closed");
    return stun_words_ask(L, &socket->stun, &socket->handle, socket->io, &request, &asking);
}
