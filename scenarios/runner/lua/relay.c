#include "scenarios/runner/lua/relay.h"

#include <stddef.h>

#include "scenarios/runner/lua/endpoint.h"

enum { RELAY_BYTES = 8192, ERRAND_STEPS = 500 };

static struct relay_handle *
self_relay(lua_State *L)
{
    return lua_touserdata(L, 1);
}

/* --- what goes wrong ---------------------------------------------------------------------------------------------- */

/* The short words that scripts know. What a server says itself is "rejected", with its code. */
static const char *
failure_word(const struct turn_client_failure *failure)
{
    switch (failure->why) {
    case TURN_CLIENT_WHY_SOCKET:
    case TURN_CLIENT_WHY_UNREACHABLE:
    case TURN_CLIENT_WHY_CONNECTION:
        return failure->io == IO_OK ? "unreachable" : io_result_word(failure->io);
    case TURN_CLIENT_WHY_TIMEOUT:
        return "timeout";
    case TURN_CLIENT_WHY_RELEASED:
    case TURN_CLIENT_WHY_GONE:
    case TURN_CLIENT_WHY_EXPIRED:
        return "closed";
    default:
        return "rejected";
    }
}

/* "486 Allocation Quota Reached", or why there is no answer. */
static void
push_reason(lua_State *L, const struct turn_client_failure *failure)
{
    const char *phrase = failure->why == TURN_CLIENT_WHY_REJECTED ? stun_code_phrase(failure->code) : NULL;

    if (!phrase)
        lua_pushstring(L, turn_client_why_sentence(failure->why));
    else if (*phrase)
        lua_pushfstring(L, "%d %s", (int)failure->code, phrase);
    else
        lua_pushfstring(L, "%d", (int)failure->code);
}

int
relay_push_failure(lua_State *L, const struct turn_client_failure *failure)
{
    luaL_checkstack(L, 6, NULL);
    arg_push_failure(L, failure_word(failure));
    lua_createtable(L, 0, 2);
    if (failure->why == TURN_CLIENT_WHY_REJECTED) {
        lua_pushinteger(L, failure->code);
        lua_setfield(L, -2, "code");
    }
    push_reason(L, failure);
    lua_setfield(L, -2, "text");
    return 3;
}

int
relay_push_refusal(lua_State *L, enum io_result result)
{
    if (result == IO_NO_ROUTE)
        complain(L, "the peer's address is of another family than the relayed one");
    return result == IO_FULL ? arg_push_failure(L, "in-use") : arg_push_failure(L, io_result_word(result));
}

/* --- errands ------------------------------------------------------------------------------------------------------ */

static void
free_errand(struct errand *errand)
{
    if (errand->tcp)
        errand->tcp->ops->close(errand->tcp, true);
    g_free(errand);
}

static void
close_errand(struct open_thing *thing)
{
    free_errand((struct errand *)(void *)((char *)thing - offsetof(struct errand, open)));
}

struct errand *
errand_new(struct relay_handle *relay)
{
    struct errand *errand = g_new0(struct errand, 1);

    errand->relay = relay;
    open_add(relay->socket.script, &errand->open, close_errand);
    return errand;
}

static void
end_errand(struct errand *errand)
{
    open_remove(errand->relay->socket.script, &errand->open);
    free_errand(errand);
}

void
errand_settle(struct errand *errand, const struct turn_client_failure *failure)
{
    errand->done = true;
    errand->failed = failure != NULL;
    if (failure)
        errand->failure = *failure;
    if (errand->left) {
        end_errand(errand);
        return;
    }
    errand->relay->socket.script->world->touched = true;
    task_wake_all(&errand->waiting);
}

void
errand_leave(struct errand *errand)
{
    if (errand->done)
        end_errand(errand);
    else
        errand->left = true;
}

static void
on_granted(void *owner, struct turn_client *client, struct endpoint peer, const struct turn_client_failure *failure)
{
    (void)client, (void)peer;
    errand_settle(owner, failure);
}

/* On top of the stack: the errand. */
static int
errand_go_on(lua_State *L, int status, lua_KContext context)
{
    struct errand *errand = lua_touserdata(L, -1);
    int results = 1;

    (void)status, (void)context;
    if (errand->done && errand->failed)
        results = relay_push_failure(L, &errand->failure);
    else if (errand->done)
        lua_pushboolean(L, true);
    else if (task_timed_out(L))
        results = arg_push_failure(L, "timeout");
    else
        return task_park(L, &errand->waiting, "permit", &self_relay(L)->socket.handle, errand_go_on);
    errand_leave(errand);
    return results;
}

static int
wait_for(lua_State *L, struct errand *errand, enum io_result result, int64_t timeout)
{
    if (result == IO_AGAIN) {
        task_set_deadline(L, timeout);
        lua_pushlightuserdata(L, errand);
        return errand_go_on(L, LUA_OK, 0);
    }
    errand->done = true;
    errand_leave(errand);
    if (result != IO_OK)
        return relay_push_refusal(L, result);
    lua_pushboolean(L, true);
    return 1;
}

static void
check_carries_udp(lua_State *L)
{
    if (self_relay(L)->carries_tcp)
        complain(L, "this relay carries TCP: it has connect and accept, and permit");
}

/* relay:permit(peer, timeout): an address may send to the relay, and be sent to. */
static int
relay_permit(struct script *script, lua_State *L)
{
    struct relay_handle *relay = self_relay(L);
    struct address peer = arg_address(L, 2, "the peer");
    int64_t timeout = arg_timeout(L, 3);

    (void)script;
    arg_no_more(L, 3);
    if (!relay->client || relay->ended)
        return relay_push_failure(L, &relay->failure);
    task_check_may_wait(L);
    limits_spend(L, ERRAND_STEPS);
    luaL_checkstack(L, 8, NULL);
    struct errand *errand = errand_new(relay);
    return wait_for(L, errand, turn_client_permit(relay->client, peer, on_granted, errand), timeout);
}

/* relay:channel(peer, timeout): a number for the peer, so that data has four bytes of header instead of 36. */
static int
relay_channel(struct script *script, lua_State *L)
{
    struct relay_handle *relay = self_relay(L);
    struct endpoint peer = arg_endpoint(L, 2, "the peer", 0);
    int64_t timeout = arg_timeout(L, 3);

    (void)script;
    arg_no_more(L, 3);
    check_carries_udp(L);
    if (!relay->client || relay->ended)
        return relay_push_failure(L, &relay->failure);
    task_check_may_wait(L);
    limits_spend(L, ERRAND_STEPS);
    luaL_checkstack(L, 8, NULL);
    struct errand *errand = errand_new(relay);
    return wait_for(L, errand, turn_client_channel(relay->client, peer, on_granted, errand), timeout);
}

/* relay:forget(peer): its permission and channels are refreshed no longer, and run out. */
static int
relay_forget(struct script *script, lua_State *L)
{
    struct relay_handle *relay = self_relay(L);
    struct address peer = arg_address(L, 2, "the peer");

    (void)script;
    arg_no_more(L, 2);
    if (relay->client && !relay->ended)
        turn_client_forget(relay->client, peer);
    return 0;
}

/* relay:send(endpoint, data, options), as of any socket. */
static int
relay_send(struct script *script, lua_State *L)
{
    check_carries_udp(L);
    if (!self_relay(L)->allocated)
        return arg_push_failure(L, "closed"); /* for now: `persist` will have another */
    return socket_word_send(script, L);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static void
end_socket(struct relay_handle *relay)
{
    socket_end(&relay->socket);
    relay_forget_attempts(relay);
}

/* The allocation is no more: what the script still does with it is told so. */
static void
on_ended(struct relay_handle *relay, const struct turn_client_news *news)
{
    relay->ended = true;
    relay->failure = news->failure;
    end_socket(relay);
    task_wake_all(&relay->socket.readers);
}

/* The server has confirmed, or doesn't answer: the client has nothing more to do. */
static void
on_released(struct relay_handle *relay)
{
    open_remove(relay->socket.script, &relay->socket.open);
    limits_let_go_bytes(&relay->socket.script->limits, RELAY_BYTES);
    g_clear_pointer(&relay->client, turn_client_free);
    handle_drop(relay->socket.script->L, relay);
}

static void
on_told(void *owner, struct turn_client *client, const struct turn_client_news *news)
{
    struct relay_handle *relay = owner;

    (void)client;
    relay->socket.script->world->touched = true;
    switch (news->event) {
    case TURN_CLIENT_ALLOCATED:
        relay->news = *news;
        relay->allocated = true;
        relay->socket.own = news->relayed;
        break;
    case TURN_CLIENT_LOST:
        relay->allocated = false;
        if (!relay->persists)
            on_ended(relay, news);
        break;
    case TURN_CLIENT_FAILED:
        on_ended(relay, news);
        break;
    case TURN_CLIENT_ATTEMPT:
        relay_take_attempt(relay, news);
        break;
    case TURN_CLIENT_PEER_LOST:
        break; /* sending to it says so */
    case TURN_CLIENT_RELEASED:
        relay->released = true;
        break;
    }
    task_wake_all(&relay->waiting);
    if (news->event == TURN_CLIENT_RELEASED)
        on_released(relay);
}

static const struct turn_client_events events = { .told = on_told };

static void
close_at_end(struct open_thing *thing)
{
    struct relay_handle *relay =
        (struct relay_handle *)(void *)((char *)thing - offsetof(struct relay_handle, socket.open));

    end_socket(relay);
    g_clear_pointer(&relay->client, turn_client_free);
}

/* relay:close(): nothing is sent or received any more, and the server is asked to end the allocation. */
static int
relay_close(struct script *script, lua_State *L)
{
    struct relay_handle *relay = self_relay(L);

    if (!relay->client || relay->released)
        return 0;
    relay->released = true;
    relay->ended = true;
    relay->failure = (struct turn_client_failure){ .why = TURN_CLIENT_WHY_RELEASED };
    end_socket(relay);
    script->world->touched = true;
    task_wake_all(&relay->socket.readers);
    task_wake_all(&relay->waiting);
    if (relay->allocated)
        turn_client_release(relay->client);
    else
        on_released(relay);
    return 0;
}

static int
turn_go_on(lua_State *L, int status, lua_KContext context)
{
    struct relay_handle *relay = lua_touserdata(L, -1);

    (void)status, (void)context;
    if (relay->allocated && !relay->ended)
        return 1;
    if (!relay->ended && !task_timed_out(L))
        return task_park(L, &relay->waiting, "turn", &relay->socket.handle, turn_go_on);
    on_released(relay);
    return relay->ended ? relay_push_failure(L, &relay->failure) : arg_push_failure(L, "timeout");
}

/* --- host:turn ---------------------------------------------------------------------------------------------------- */

static const char *const transports[] = { "udp", "tcp", "udp-then-tcp", NULL };
static const char *const peer_protocols[] = { "udp", "tcp", NULL };
static const char *const families[] = { "ipv4", "ipv6", NULL };

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

/* false, true (EVEN-PORT) or "pair" (the next one reserved too). */
static enum turn_client_port
read_even_port(lua_State *L)
{
    if (lua_type(L, -1) == LUA_TSTRING && strcmp(lua_tostring(L, -1), "pair") == 0)
        return TURN_CLIENT_EVEN_PORT_PAIR;
    if (lua_type(L, -1) != LUA_TBOOLEAN)
        complain_value(L, "even_port", -1, "true, false or 'pair'");
    return lua_toboolean(L, -1) ? TURN_CLIENT_EVEN_PORT : TURN_CLIENT_ANY_PORT;
}

/* As relay.token gives it: 16 hexadecimal digits. */
static uint64_t
read_token(lua_State *L)
{
    const char *text = arg_text(L, -1, "token");
    guint64 token;

    if (strlen(text) != 16 || !g_ascii_string_to_unsigned(text, 16, 0, G_MAXUINT64, &token, NULL))
        complain_value(L, "token", -1, "what .token of another relay says");
    return token;
}

/* `false`: none. */
static int64_t
read_keepalive(lua_State *L)
{
    int64_t duration = 0;

    if (lua_isboolean(L, -1) && !lua_toboolean(L, -1))
        return 0;
    if (lua_type(L, -1) != LUA_TBOOLEAN)
        duration = arg_duration(L, -1, "keepalive");
    if (duration < TIME_S)
        complain_value(L, "keepalive", -1, "a duration of at least '1s', or false for none");
    return duration;
}

/* In whole seconds, and as many as LIFETIME has room for (RFC 8656 section 18.2). */
static uint32_t
read_lifetime(lua_State *L)
{
    int64_t lifetime = arg_duration(L, -1, "lifetime"), seconds = lifetime / TIME_S + (lifetime % TIME_S > 0);

    if (seconds > UINT32_MAX)
        complain_value(L, "lifetime", -1, "a duration of up to 136 years");
    return (uint32_t)seconds;
}

static void
read_wishes(lua_State *L, struct turn_client_options *options)
{
    if (options_get(L, 3, "transport"))
        options->transport = (enum turn_client_transport)word_of(L, "transport", transports);
    if (options_get(L, 3, "peers") && word_of(L, "peers", peer_protocols) == 1)
        options->protocol = PROTOCOL_TCP;
    if (options_get(L, 3, "family"))
        options->family = word_of(L, "family", families) == 1 ? FAMILY_IPV6 : FAMILY_IPV4;
    if (options_get(L, 3, "even_port"))
        options->port = read_even_port(L);
    if ((options->has_token = options_get(L, 3, "token")))
        options->token = read_token(L);
    if (options_get(L, 3, "dont_fragment"))
        options->dont_fragment = arg_boolean(L, -1, "dont_fragment");
    if (options_get(L, 3, "lifetime"))
        options->lifetime = read_lifetime(L);
    if (options_get(L, 3, "auto_permit"))
        options->auto_permit = arg_boolean(L, -1, "auto_permit");
    options->send_unpermitted = !options->auto_permit; /* so that a lesson sees the server drop it */
    if (options_get(L, 3, "persist"))
        options->persist = arg_boolean(L, -1, "persist");
    if (options_get(L, 3, "keepalive"))
        options->keepalive = read_keepalive(L);
}

/* Texts stay on the stack: they are borrowed until the client has been made. */
static void
read_identity(lua_State *L, struct turn_client_options *options)
{
    if (options_get(L, 3, "user"))
        options->username = arg_text(L, -1, "user");
    if (options_get(L, 3, "password"))
        options->password = arg_text(L, -1, "password");
    if (!options->username != !options->password)
        complain(L, "%s is missing: they go together", options->username ? "password" : "user");
    if (options_get(L, 3, "ip"))
        options->local.address = arg_address(L, -1, "ip");
    if (!address_is_none(options->local.address) && !node_owns(lab_handle_self(L)->node->node, options->local.address))
        (void)push_io_failure(L, IO_NO_ADDRESS); /* complains */
    if (options_get(L, 3, "from_port"))
        options->local.port = (uint16_t)arg_integer(L, -1, "from_port", 0, 65535);
}

int
relay_word_turn(struct script *script, lua_State *L)
{
    static const char *const keys[] = { "user",       "password",    "transport", "peers",  "family",
                                        "even_port",  "token",       "dont_fragment", "lifetime", "auto_permit",
                                        "persist",    "keepalive",   "ip",        "from_port", "errors", "timeout", NULL };
    struct lab_node *host = lab_handle_self(L)->node;
    struct turn_client_options options = { .server = arg_endpoint(L, 2, "the server", STUN_PORT),
                                           .software = "punchlab",
                                           .keepalive = TURN_CLIENT_KEEPALIVE,
                                           .insist = true };
    int64_t timeout = TIME_NEVER;
    bool errors = false;

    arg_no_more(L, 3);
    lua_settop(L, 3);
    luaL_checkstack(L, 32, NULL);
    options_check(L, 3, keys, NULL);
    read_wishes(L, &options);
    read_identity(L, &options);
    if (options_get(L, 3, "errors"))
        errors = arg_boolean(L, -1, "errors");
    if (options_get(L, 3, "timeout"))
        timeout = arg_duration(L, -1, "timeout");
    if (turn_client_options_fault(&options))
        complain(L, "%s", turn_client_options_fault(&options));
    task_check_may_wait(L);

    limits_hold_bytes(L, RELAY_BYTES);
    struct relay_handle *relay = handle_new(L, &relay_type, sizeof *relay);
    handle_keep(L, -1, relay);
    socket_begin(&relay->socket, script, host, errors);
    relay->carries_tcp = options.protocol == PROTOCOL_TCP;
    relay->persists = options.persist;
    relay->client = turn_client_new(node_io(host->node), &options, &events, relay);
    socket_take(&relay->socket, turn_client_relay(relay->client));
    open_add(script, &relay->socket.open, close_at_end);
    task_set_deadline(L, timeout);
    return turn_go_on(L, LUA_OK, 0);
}

/* --- what there is to know ---------------------------------------------------------------------------------------- */

static int
relay_counters(struct script *script, lua_State *L)
{
    static const struct turn_client_counters nothing;
    const struct relay_handle *relay = self_relay(L);
    const struct turn_client_counters *counters = relay->client ? turn_client_counters(relay->client) : &nothing;
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        { "sent_channel", counters->sent_channel },
        { "sent_indication", counters->sent_indication },
        { "sent_bytes", counters->sent_bytes },
        { "received_channel", counters->received_channel },
        { "received_indication", counters->received_indication },
        { "received_bytes", counters->received_bytes },
        { "received_icmp", counters->received_icmp },
        { "keepalives", counters->keepalives },
        { "malformed", counters->malformed },
        { "unexpected", counters->unexpected },
        { "unpermitted", counters->unpermitted },
        { "unbound", counters->unbound },
    };

    (void)script;
    lua_createtable(L, 0, G_N_ELEMENTS(rows));
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        lua_pushinteger(L, (lua_Integer)rows[i].value);
        lua_setfield(L, -2, rows[i].name);
    }
    return 1;
}

static int
wait_go_on(lua_State *L, int status, lua_KContext context)
{
    struct relay_handle *relay = self_relay(L);

    (void)status, (void)context;
    if (relay->ended)
        return relay_push_failure(L, &relay->failure);
    if (task_timed_out(L))
        return arg_push_failure(L, "timeout");
    return task_park(L, &relay->waiting, "wait", &relay->socket.handle, wait_go_on);
}

/* relay:wait(timeout): until the allocation has ended. */
static int
relay_wait(struct script *script, lua_State *L)
{
    int64_t timeout = arg_timeout(L, 2);

    (void)script;
    arg_no_more(L, 2);
    if (timeout == 0 && !self_relay(L)->ended)
        return arg_push_failure(L, "timeout");
    task_set_deadline(L, timeout);
    return wait_go_on(L, LUA_OK, 0);
}

static void
push_token(lua_State *L, const struct turn_client_news *news)
{
    char text[17];

    g_snprintf(text, sizeof text, "%016" G_GINT64_MODIFIER "x", news->token);
    if (news->has_token)
        lua_pushstring(L, text);
    else
        lua_pushnil(L);
}

static void
relay_field(struct script *script, lua_State *L, struct handle *self, const char *name)
{
    const struct relay_handle *relay = (const struct relay_handle *)(const void *)self;

    if (strcmp(name, "relayed") == 0)
        endpoint_push(L, relay->news.relayed);
    else if (strcmp(name, "mapped") == 0)
        endpoint_push(L, relay->news.mapped);
    else if (strcmp(name, "server") == 0)
        endpoint_push(L, relay->news.server);
    else if (strcmp(name, "transport") == 0)
        lua_pushstring(L, relay->news.protocol == PROTOCOL_TCP ? "tcp" : "udp");
    else if (strcmp(name, "lifetime") == 0)
        lua_pushinteger(L, relay->news.lifetime);
    else if (strcmp(name, "token") != 0)
        socket_type.field(script, L, self, name);
    else
        push_token(L, &relay->news);
}

static void
relay_say(lua_State *L, const struct handle *self)
{
    const struct relay_handle *relay = (const struct relay_handle *)(const void *)self;
    char text[ENDPOINT_TEXT];

    lua_pushfstring(L, "relay %s of %s", endpoint_format(relay->news.relayed, text),
                    relay->socket.host->node->name);
}

static const struct word relay_words[] = {
    { "permit", relay_permit },        { "channel", relay_channel },   { "forget", relay_forget },
    { "connect", relay_word_connect }, { "accept", relay_word_accept }, { "counters", relay_counters },
    { "wait", relay_wait },            { "close", relay_close },       { "send", relay_send },
    { "recv", socket_word_recv },      { "stun", socket_word_stun },   { NULL, NULL },
};
static const char *const relay_fields[] = { "own",       "port",     "relayed", "mapped", "server",
                                            "transport", "lifetime", "token",   NULL };

const struct type relay_type = {
    .name = "relay",
    .words = { relay_words },
    .fields = relay_fields,
    .field = relay_field,
    .say = relay_say,
};
