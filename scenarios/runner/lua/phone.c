/* host:sip{}: a phone. Calls have their own words (call_words.c). */
#include "scenarios/runner/lua/phone.h"

#include <stddef.h>

#include "scenarios/runner/lua/arguments.h"
#include "scenarios/runner/lua/endpoint.h"
#include "scenarios/runner/lua/socket.h"

enum { PHONE_BYTES = 16384, CALL_BYTES = 8192, REGISTER_STEPS = 500, CALL_STEPS = 2000 };

static struct phone_handle *
self_phone(lua_State *L)
{
    return lua_touserdata(L, 1);
}

/* ---- calls, as they are remembered */

static struct call_note *
note_new(struct phone_handle *phone, struct phone_call *call)
{
    struct call_note *note = g_new0(struct call_note, 1);

    note->phone = phone;
    note->call = call;
    phone_call_set_data(call, note);
    note->previous = phone->last;
    if (phone->last)
        phone->last->next = note;
    else
        phone->first = note;
    phone->last = note;
    return note;
}

static void
note_free(struct call_note *note)
{
    struct phone_handle *phone = note->phone;

    if (note->previous)
        note->previous->next = note->next;
    else
        phone->first = note->next;
    if (note->next)
        note->next->previous = note->previous;
    else
        phone->last = note->previous;
    g_free(note);
}

static void
wake(struct phone_handle *phone, const struct call_note *note)
{
    phone->script->world->touched = true;
    task_wake_all(&phone->waiting);
    if (note && note->handle)
        task_wake_all(&note->handle->waiting);
}

/* Calls that came and ended before the script took them are nobody's. */
static void
drop_lost_calls(struct phone_handle *phone)
{
    for (struct call_note *note = phone->first, *next; note; note = next) {
        next = note->next;
        if (note->handle || !note->waits_to_be_taken || !phone_call_is_over(note->call))
            continue;
        phone_call_free(note->call);
        note_free(note);
    }
}

/* ---- what the phone tells */

static void
on_told(void *owner, struct phone *engine, const struct phone_news *news)
{
    struct phone_handle *phone = owner;
    struct call_note *note = news->call ? phone_call_data(news->call) : NULL;

    (void)engine;
    switch (news->event) {
    case SIP_AGENT_REGISTERED:
        phone->outcome = PHONE_REGISTERED;
        break;
    case SIP_AGENT_REGISTER_FAILED:
        phone->outcome = PHONE_REFUSED;
        phone->why = news->why;
        phone->status = news->status;
        break;
    case SIP_AGENT_UNREGISTERED:
        phone->outcome = PHONE_UNREGISTERED;
        break;
    case SIP_CALL_OFFERED:
        drop_lost_calls(phone);
        note = note_new(phone, news->call);
        note->waits_to_be_taken = true;
        break;
    case SIP_CALL_CHANGED:
        if (note && news->status != 0) {
            note->changed = true;
            note->change_status = news->status;
        }
        break;
    default:
        break;
    }
    wake(phone, note);
}

/* ---- life */

static void
leave_call(struct call_note *note)
{
    struct call_handle *handle = note->handle;

    if (!handle)
        return;
    phone_call_media(note->call, &handle->media);
    handle->note = NULL;
}

/* Silently, as if its plug was pulled. What its calls have measured stays. */
static void
stop(struct phone_handle *phone)
{
    while (phone->first) {
        leave_call(phone->first);
        note_free(phone->first);
    }
    phone->counters = *sip_agent_counters(phone_agent(phone->phone));
    g_clear_pointer(&phone->phone, phone_free);
}

static void
close_at_end(struct open_thing *thing)
{
    stop((struct phone_handle *)(void *)((char *)thing - offsetof(struct phone_handle, open)));
}

int
phone_word_sip(struct script *script, lua_State *L)
{
    struct lab_node *host = lab_handle_self(L)->node;
    struct phone_options options = PHONE_DEFAULTS;
    enum io_result why;

    arg_no_more(L, 2);
    lua_settop(L, 2);
    phone_options_read(L, script, &options);
    limits_hold_bytes(L, PHONE_BYTES);
    struct phone_handle *phone = handle_new(L, &phone_type, sizeof *phone);
    handle_keep(L, -1, phone);
    phone->script = script;
    phone->host = host;
    phone->phone = phone_new(host->first.network->lab, host->node, &options, on_told, phone, &why);
    if (!phone->phone) {
        handle_drop(L, phone);
        limits_let_go_bytes(&script->limits, PHONE_BYTES);
        return push_io_failure(L, why);
    }
    g_strlcpy(phone->uri, phone_uri(phone->phone), sizeof phone->uri);
    open_add(script, &phone->open, close_at_end);
    return 1;
}

/* phone:stop(): the far ends hear nothing. */
static int
phone_stop(struct script *script, lua_State *L)
{
    struct phone_handle *phone = self_phone(L);

    arg_no_more(L, 1);
    if (!phone->phone)
        return 0;
    open_remove(script, &phone->open);
    for (struct call_note *note = phone->first; note; note = note->next)
        wake(phone, note);
    stop(phone);
    wake(phone, NULL);
    return 0;
}

/* ---- registration */

static int
push_registered(lua_State *L, const struct phone_handle *phone, enum phone_register_outcome wanted)
{
    if (phone->outcome == PHONE_REFUSED)
        return call_push_failure(L, phone->why, phone->status);
    lua_pushboolean(L, phone->outcome == wanted);
    return 1;
}

static int
register_go_on(lua_State *L, int status, lua_KContext context)
{
    struct phone_handle *phone = self_phone(L);

    (void)status, (void)context;
    if (!phone->phone)
        return arg_push_failure(L, "closed");
    if (phone->outcome != PHONE_NOT_ASKED)
        return push_registered(L, phone, PHONE_REGISTERED);
    if (task_timed_out(L))
        return arg_push_failure(L, "timeout");
    return task_park(L, &phone->waiting, "register", &phone->handle, register_go_on);
}

static int
unregister_go_on(lua_State *L, int status, lua_KContext context)
{
    struct phone_handle *phone = self_phone(L);

    (void)status, (void)context;
    if (!phone->phone)
        return arg_push_failure(L, "closed");
    if (phone->outcome != PHONE_NOT_ASKED)
        return push_registered(L, phone, PHONE_UNREGISTERED);
    if (task_timed_out(L))
        return arg_push_failure(L, "timeout");
    return task_park(L, &phone->waiting, "unregister", &phone->handle, unregister_go_on);
}

/* phone:register(timeout): true, or nil and the reason. */
static int
phone_word_register(struct script *script, lua_State *L)
{
    struct phone_handle *phone = self_phone(L);
    int64_t timeout = arg_timeout(L, 2);

    (void)script;
    arg_no_more(L, 2);
    if (!phone->phone)
        return arg_push_failure(L, "closed");
    if (timeout > 0)
        task_check_may_wait(L);
    limits_spend(L, REGISTER_STEPS);
    phone->outcome = PHONE_NOT_ASKED;
    phone_register(phone->phone);
    if (timeout == 0)
        return arg_push_failure(L, "timeout");
    task_set_deadline(L, timeout);
    return register_go_on(L, LUA_OK, 0);
}

static int
phone_word_unregister(struct script *script, lua_State *L)
{
    struct phone_handle *phone = self_phone(L);
    int64_t timeout = arg_timeout(L, 2);

    (void)script;
    arg_no_more(L, 2);
    if (!phone->phone)
        return arg_push_failure(L, "closed");
    if (timeout > 0)
        task_check_may_wait(L);
    limits_spend(L, REGISTER_STEPS);
    phone->outcome = PHONE_NOT_ASKED;
    phone_unregister(phone->phone);
    if (timeout == 0)
        return arg_push_failure(L, "timeout");
    task_set_deadline(L, timeout);
    return unregister_go_on(L, LUA_OK, 0);
}

static int
wait_go_on(lua_State *L, int status, lua_KContext context)
{
    struct phone_handle *phone = self_phone(L);

    (void)status, (void)context;
    if (!phone->phone)
        return arg_push_failure(L, "closed");
    if (sip_agent_is_registered(phone_agent(phone->phone))) {
        lua_pushboolean(L, true);
        return 1;
    }
    if (task_timed_out(L))
        return arg_push_failure(L, "timeout");
    return task_park(L, &phone->waiting, "wait", &phone->handle, wait_go_on);
}

/* phone:wait(timeout): until it is registered, by whatever task. */
static int
phone_wait(struct script *script, lua_State *L)
{
    struct phone_handle *phone = self_phone(L);
    int64_t timeout = arg_timeout(L, 2);

    (void)script;
    arg_no_more(L, 2);
    if (timeout == 0 && phone->phone && !sip_agent_is_registered(phone_agent(phone->phone)))
        return arg_push_failure(L, "timeout");
    task_set_deadline(L, timeout);
    return wait_go_on(L, LUA_OK, 0);
}

/* ---- calling */

/* A call that is over before it stood. */
static int
push_call_failure(lua_State *L, const struct call_note *note)
{
    return call_push_failure(L, phone_call_why(note->call), phone_call_status(note->call));
}

/* On top of the stack: the call's handle, so that the note has one. */
static int
call_go_on(lua_State *L, int status, lua_KContext context)
{
    struct call_handle *call = lua_touserdata(L, -1);

    (void)status, (void)context;
    if (!call->note)
        return arg_push_failure(L, "closed");
    if (phone_call_is_over(call->note->call))
        return push_call_failure(L, call->note);
    if (phone_call_state(call->note->call) == SIP_CALL_STANDING)
        return 1;
    if (task_timed_out(L)) {
        phone_call_hangup(call->note->call);
        return arg_push_failure(L, "timeout");
    }
    return task_park(L, &call->waiting, "call", &call->phone->handle, call_go_on);
}

static const char *
read_target(lua_State *L)
{
    struct phone_handle *other = handle_of(L, 2, &phone_type);

    return other ? other->uri : arg_text(L, 2, "whom to call");
}

/* phone:call(uri or phone, {media=, timeout=, wait=}) -> call. */
static int
phone_word_call(struct script *script, lua_State *L)
{
    static const char *const keys[] = { "media", "timeout", "wait", NULL };
    struct phone_handle *phone = self_phone(L);
    const char *uri = read_target(L);
    struct phone_media_options media = PHONE_MEDIA_DEFAULTS;
    int64_t timeout = TIME_NEVER;
    bool has_media, waits = true;
    struct phone_call *call;

    arg_no_more(L, 3);
    lua_settop(L, 3);
    luaL_checkstack(L, 12, NULL);
    options_check(L, 3, keys, NULL);
    has_media = options_get(L, 3, "media");
    if (has_media)
        phone_media_read(L, script, &media);
    if (options_get(L, 3, "timeout"))
        timeout = arg_timeout(L, lua_gettop(L));
    if (options_get(L, 3, "wait"))
        waits = arg_boolean(L, -1, "wait");
    if (!phone->phone)
        return arg_push_failure(L, "closed");
    if (waits)
        task_check_may_wait(L);
    limits_spend(L, CALL_STEPS);
    limits_hold_bytes(L, CALL_BYTES);
    call = *uri ? phone_dial(phone->phone, uri, has_media ? &media : NULL) : NULL;
    if (!call) {
        limits_let_go_bytes(&script->limits, CALL_BYTES);
        if (*uri && sip_agent_is_full(phone_agent(phone->phone)))
            return arg_push_failure(L, "in-use");
        complain(L,
                 "'%s' is nobody whom a phone can call; accepted: 'bob', 'bob@host', 'sip:bob@example.com' or a phone",
                 uri);
    }
    call_push(L, note_new(phone, call));
    if (!waits)
        return 1;
    task_set_deadline(L, timeout);
    return call_go_on(L, LUA_OK, 0);
}

/* ---- accepting */

static struct call_note *
first_waiting(struct phone_handle *phone)
{
    drop_lost_calls(phone);
    for (struct call_note *note = phone->first; note; note = note->next) {
        if (note->waits_to_be_taken && !phone_call_is_over(note->call))
            return note;
    }
    return NULL;
}

static int
push_taken(lua_State *L, struct call_note *note)
{
    note->waits_to_be_taken = false;
    limits_hold_bytes(L, CALL_BYTES);
    call_push(L, note);
    return 1;
}

static int
accept_go_on(lua_State *L, int status, lua_KContext context)
{
    struct phone_handle *phone = self_phone(L);
    struct call_note *note;

    (void)status, (void)context;
    if (!phone->phone)
        return arg_push_failure(L, "closed");
    note = first_waiting(phone);
    if (note) {
        phone_call_answer(note->call); /* nothing when that is done */
        if (phone_call_state(note->call) == SIP_CALL_STANDING)
            return push_taken(L, note);
    }
    if (task_timed_out(L))
        return arg_push_failure(L, "timeout");
    return task_park(L, &phone->waiting, "accept", &phone->handle, accept_go_on);
}

static int
take_go_on(lua_State *L, int status, lua_KContext context)
{
    struct phone_handle *phone = self_phone(L);
    struct call_note *note;

    (void)status, (void)context;
    if (!phone->phone)
        return arg_push_failure(L, "closed");
    note = first_waiting(phone);
    if (note)
        return push_taken(L, note);
    if (task_timed_out(L))
        return arg_push_failure(L, "timeout");
    return task_park(L, &phone->waiting, "accept", &phone->handle, take_go_on);
}

/* phone:accept(timeout, {answer=}) -> call: answered, or ringing with answer = false. */
static int
phone_accept(struct script *script, lua_State *L)
{
    static const char *const keys[] = { "answer", NULL };
    struct phone_handle *phone = self_phone(L);
    int64_t timeout = arg_timeout(L, 2);
    bool answers = true;

    (void)script;
    arg_no_more(L, 3);
    lua_settop(L, 3);
    luaL_checkstack(L, 8, NULL);
    options_check(L, 3, keys, NULL);
    if (options_get(L, 3, "answer"))
        answers = arg_boolean(L, -1, "answer");
    lua_settop(L, 3);
    if (timeout == 0 && phone->phone && !first_waiting(phone))
        return arg_push_failure(L, "timeout");
    if (answers && timeout > 0)
        task_check_may_wait(L);
    limits_spend(L, CALL_STEPS);
    task_set_deadline(L, timeout);
    return answers ? accept_go_on(L, LUA_OK, 0) : take_go_on(L, LUA_OK, 0);
}

/* ---- what it is */

static int
phone_word_counters(struct script *script, lua_State *L)
{
    static const struct sip_transactions_counters no_messages;
    static const struct sip_carrier_counters no_carrier;
    struct phone_handle *phone = self_phone(L);
    struct sip_transactions *table = phone->phone ? sip_agent_transactions(phone_agent(phone->phone)) : NULL;
    const struct sip_agent_counters *agent =
        phone->phone ? sip_agent_counters(phone_agent(phone->phone)) : &phone->counters;
    const struct sip_transactions_counters *messages = table ? sip_transactions_counters(table) : &no_messages;
    const struct sip_carrier_counters *carrier =
        table ? sip_carrier_counters(sip_transactions_carrier(table)) : &no_carrier;
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        { "registered", agent->registered },
        { "register_failed", agent->register_failed },
        { "challenged", agent->challenged },
        { "calls_out", agent->calls_out },
        { "calls_in", agent->calls_in },
        { "answered", agent->answered },
        { "ended", agent->ended },
        { "refused", agent->refused },
        { "glares", agent->glares },
        { "forked", agent->forked },
        { "answers_again", agent->answers_again },
        { "acks_again", messages->acks_again },
        { "requests_sent", messages->requests_sent },
        { "responses_sent", messages->responses_sent },
        { "requests", messages->requests },
        { "responses", messages->responses },
        { "sent_again", messages->again_sent },
        { "received_again", messages->again },
        { "timeouts", messages->timeouts },
        { "unreachable", messages->unreachable },
        { "stray", messages->stray },
        { "merged", messages->merged },
        { "fallbacks", messages->fallbacks },
        { "sent", carrier->sent },
        { "received", carrier->received },
        { "malformed", carrier->malformed },
        { "unsent", carrier->unsent },
        { "connections", carrier->accepted + carrier->connected },
    };

    (void)script;
    arg_no_more(L, 1);
    lua_createtable(L, 0, G_N_ELEMENTS(rows));
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        lua_pushinteger(L, (lua_Integer)rows[i].value);
        lua_setfield(L, -2, rows[i].name);
    }
    return 1;
}

/* Without a registrar nobody says by which of its addresses a host is reached: the first, then. */
static struct endpoint
with_address(const struct phone_handle *phone, struct endpoint endpoint)
{
    if (address_is_unspecified(endpoint.address))
        endpoint.address = node_address(phone->host->node, FAMILY_NONE);
    return endpoint;
}

static struct endpoint
own_endpoint(const struct phone_handle *phone)
{
    return with_address(phone, phone_local(phone->phone));
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
phone_field(struct script *script, lua_State *L, struct handle *self, const char *name)
{
    struct phone_handle *phone = (struct phone_handle *)(void *)self;

    (void)script;
    if (strcmp(name, "uri") == 0)
        lua_pushstring(L, phone->uri);
    else if (strcmp(name, "registered") == 0)
        lua_pushboolean(L, phone->phone && sip_agent_is_registered(phone_agent(phone->phone)));
    else if (!phone->phone)
        lua_pushnil(L);
    else if (strcmp(name, "own") == 0)
        endpoint_push(L, own_endpoint(phone));
    else if (strcmp(name, "port") == 0)
        lua_pushinteger(L, own_endpoint(phone).port);
    else if (strcmp(name, "contact") == 0)
        push_endpoint_or_nil(L, with_address(phone, phone_contact(phone->phone)));
    else
        push_endpoint_or_nil(L, phone_mapped(phone->phone));
}

static void
phone_say(lua_State *L, const struct handle *self)
{
    const struct phone_handle *phone = (const struct phone_handle *)(const void *)self;

    lua_pushfstring(L, "phone %s of %s", phone->uri, phone->host->node->name);
}

static const struct word phone_words[] = {
    { "register", phone_word_register },
    { "unregister", phone_word_unregister },
    { "wait", phone_wait },
    { "call", phone_word_call },
    { "accept", phone_accept },
    { "counters", phone_word_counters },
    { "stop", phone_stop },
    { "close", phone_stop },
    { NULL, NULL },
};
static const char *const phone_fields[] = { "own", "port", "uri", "contact", "mapped", "registered", NULL };

const struct type phone_type = {
    .name = "phone",
    .words = { phone_words },
    .fields = phone_fields,
    .field = phone_field,
    .say = phone_say,
};
