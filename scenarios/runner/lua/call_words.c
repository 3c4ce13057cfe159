/* The calls of phones. */
#include "scenarios/runner/lua/agent.h"
#include "scenarios/runner/lua/arguments.h"
#include "scenarios/runner/lua/endpoint.h"
#include "scenarios/runner/lua/phone.h"
#include "scenarios/runner/lua/rtp_words.h"

enum { CHANGE_STEPS = 1000 };

static struct call_handle *
self_call(lua_State *L)
{
    return lua_touserdata(L, 1);
}

void
call_push(lua_State *L, struct call_note *note)
{
    struct call_handle *call;

    if (note->handle) {
        handle_push(L, note->handle);
        return;
    }
    call = handle_new(L, &call_type, sizeof *call);
    handle_keep(L, -1, call);
    call->phone = note->phone;
    call->note = note;
    call->ours = phone_call_is_ours(note->call);
    g_strlcpy(call->uri, phone_call_peer(note->call), sizeof call->uri);
    note->handle = call;
}

/* ---- failures */

/* The short words that scripts know. */
static const char *
failure_word(enum sip_why why, unsigned status)
{
    switch (why) {
    case SIP_WHY_REJECTED:
        return "rejected";
    case SIP_WHY_TIMEOUT:
    case SIP_WHY_UNANSWERED:
        return "timeout";
    case SIP_WHY_UNREACHABLE:
        return "unreachable";
    case SIP_WHY_MEDIA:
        return status ? "rejected" : "unreachable";
    default:
        return "closed";
    }
}

int
call_push_failure(lua_State *L, enum sip_why why, unsigned status)
{
    luaL_checkstack(L, 6, NULL);
    arg_push_failure(L, failure_word(why, status));
    lua_createtable(L, 0, 3);
    if (status) {
        lua_pushinteger(L, status);
        lua_setfield(L, -2, "code");
        lua_pushfstring(L, "%d %s", (int)status, sip_status_phrase(status));
    } else {
        lua_pushstring(L, sip_why_sentence(why));
    }
    lua_setfield(L, -2, "text");
    lua_pushstring(L, sip_why_word(why));
    lua_setfield(L, -2, "why");
    return 3;
}

static int
push_over(lua_State *L, const struct call_handle *call)
{
    if (!call->note)
        return arg_push_failure(L, "closed");
    return call_push_failure(L, phone_call_why(call->note->call), phone_call_status(call->note->call));
}

static bool
is_over(const struct call_handle *call)
{
    return !call->note || phone_call_is_over(call->note->call);
}

/* ---- answering */

static int
answer_go_on(lua_State *L, int status, lua_KContext context)
{
    struct call_handle *call = self_call(L);

    (void)status, (void)context;
    if (is_over(call))
        return push_over(L, call);
    if (phone_call_state(call->note->call) == SIP_CALL_STANDING) {
        lua_pushboolean(L, true);
        return 1;
    }
    if (task_timed_out(L))
        return arg_push_failure(L, "timeout");
    return task_park(L, &call->waiting, "answer", &call->handle, answer_go_on);
}

/* call:answer(timeout): 200, and its ACK. Of a call of ours: waits until the other side has answered. */
static int
call_answer(struct script *script, lua_State *L)
{
    struct call_handle *call = self_call(L);
    int64_t timeout = arg_timeout(L, 2);

    (void)script;
    arg_no_more(L, 2);
    if (is_over(call))
        return push_over(L, call);
    if (timeout > 0)
        task_check_may_wait(L);
    phone_call_answer(call->note->call);
    if (timeout == 0 && phone_call_state(call->note->call) != SIP_CALL_STANDING)
        return arg_push_failure(L, "timeout");
    task_set_deadline(L, timeout);
    return answer_go_on(L, LUA_OK, 0);
}

/* call:progress(): 183 with an answer to the offer: early media. */
static int
call_progress(struct script *script, lua_State *L)
{
    struct call_handle *call = self_call(L);

    (void)script;
    arg_no_more(L, 1);
    if (!is_over(call))
        phone_call_progress(call->note->call);
    return 0;
}

/* call:reject(code): 603 unless something else is said. */
static int
call_reject(struct script *script, lua_State *L)
{
    struct call_handle *call = self_call(L);
    unsigned status = 603;

    (void)script;
    arg_no_more(L, 2);
    if (!lua_isnoneornil(L, 2))
        status = (unsigned)arg_integer(L, 2, "the code", 300, 699);
    if (!is_over(call))
        phone_call_reject(call->note->call, status);
    return 0;
}

/* ---- ending */

static int
call_hangup(struct script *script, lua_State *L)
{
    struct call_handle *call = self_call(L);

    (void)script;
    arg_no_more(L, 1);
    if (!is_over(call))
        phone_call_hangup(call->note->call);
    return 0;
}

static int
wait_go_on(lua_State *L, int status, lua_KContext context)
{
    struct call_handle *call = self_call(L);

    (void)status, (void)context;
    if (is_over(call)) {
        lua_pushboolean(L, true);
        lua_pushstring(L, call->note ? sip_why_word(phone_call_why(call->note->call)) : "closed");
        return 2;
    }
    if (task_timed_out(L))
        return arg_push_failure(L, "timeout");
    return task_park(L, &call->waiting, "wait", &call->handle, wait_go_on);
}

/* call:wait(timeout): until it has ended; true and why. */
static int
call_wait(struct script *script, lua_State *L)
{
    int64_t timeout = arg_timeout(L, 2);

    (void)script;
    arg_no_more(L, 2);
    if (timeout == 0 && !is_over(self_call(L)))
        return arg_push_failure(L, "timeout");
    task_set_deadline(L, timeout);
    return wait_go_on(L, LUA_OK, 0);
}

/* ---- changing */

static int
change_go_on(lua_State *L, int status, lua_KContext context)
{
    struct call_handle *call = self_call(L);

    (void)status, (void)context;
    if (is_over(call))
        return push_over(L, call);
    if (call->note->changed) {
        if (call->note->change_status >= 300)
            return call_push_failure(L, SIP_WHY_REJECTED, call->note->change_status);
        lua_pushboolean(L, true);
        return 1;
    }
    if (task_timed_out(L))
        return arg_push_failure(L, "timeout");
    return task_park(L, &call->waiting, "change", &call->handle, change_go_on);
}

enum change { CHANGE_HOLD, CHANGE_RESUME, CHANGE_RENEW };

static int
change(lua_State *L, enum change what)
{
    struct call_handle *call = self_call(L);
    int64_t timeout = arg_timeout(L, 2);
    bool begun;

    arg_no_more(L, 2);
    if (is_over(call))
        return push_over(L, call);
    if (timeout > 0)
        task_check_may_wait(L);
    limits_spend(L, CHANGE_STEPS);
    call->note->changed = false;
    if (what == CHANGE_RENEW)
        begun = phone_call_renew(call->note->call);
    else
        begun = phone_call_hold(call->note->call, what == CHANGE_HOLD);
    if (!begun)
        return arg_push_failure(L, "in-use");
    if (timeout == 0)
        return arg_push_failure(L, "timeout");
    task_set_deadline(L, timeout);
    return change_go_on(L, LUA_OK, 0);
}

static int
call_hold(struct script *script, lua_State *L)
{
    (void)script;
    return change(L, CHANGE_HOLD);
}

static int
call_resume(struct script *script, lua_State *L)
{
    (void)script;
    return change(L, CHANGE_RESUME);
}

/* call:renew(): offers anew, with the addresses that there are now. */
static int
call_renew(struct script *script, lua_State *L)
{
    (void)script;
    return change(L, CHANGE_RENEW);
}

/* ---- media */

static void
look(const struct call_handle *call, struct phone_media *media)
{
    if (call->note)
        phone_call_media(call->note->call, media);
    else
        *media = call->media;
}

static void
set_endpoint(lua_State *L, const char *name, struct endpoint endpoint)
{
    if (endpoint.port == 0)
        return;
    endpoint_push(L, endpoint);
    lua_setfield(L, -2, name);
}

static void
push_pair(lua_State *L, const struct phone_media *media)
{
    lua_createtable(L, 0, 4);
    agent_push_candidate(L, &media->pair_own);
    lua_setfield(L, -2, "own");
    agent_push_candidate(L, &media->pair_peer);
    lua_setfield(L, -2, "peer");
    lua_pushstring(L, agent_path_word(&media->pair_own, &media->pair_peer));
    lua_setfield(L, -2, "path");
    if (media->pair_rtt >= 0) {
        arg_push_seconds(L, media->pair_rtt);
        lua_setfield(L, -2, "rtt");
    }
}

/* call:media(): {sent =, received =, own =, peer =, way =, direction =, pair =, ice =}. */
static int
call_media(struct script *script, lua_State *L)
{
    struct phone_media media;

    (void)script;
    arg_no_more(L, 1);
    look(self_call(L), &media);
    luaL_checkstack(L, 16, NULL);
    lua_createtable(L, 0, 8);
    rtp_push_sent(L, &media.stats);
    if (media.stats.peer.known)
        rtp_set_peer_report(L, &media.stats);
    lua_setfield(L, -2, "sent");
    rtp_push_received(L, &media.stats);
    lua_setfield(L, -2, "received");
    set_endpoint(L, "own", media.own);
    set_endpoint(L, "peer", media.peer);
    lua_pushstring(L, media.way ? media.way : "local");
    lua_setfield(L, -2, "way");
    lua_pushstring(L, rtp_direction_word(media.direction));
    lua_setfield(L, -2, "direction");
    if (media.ice_state) {
        lua_pushstring(L, media.ice_state);
        lua_setfield(L, -2, "ice");
    }
    if (media.has_pair) {
        push_pair(L, &media);
        lua_setfield(L, -2, "pair");
    }
    return 1;
}

/* ---- what it is */

static const char *
state_word(const struct call_handle *call)
{
    static const char *const words[] = { "calling",  "calling",  "ringing", "ringing",
                                         "answered", "standing", "ending",  "ended" };

    if (is_over(call))
        return "ended";
    return words[phone_call_state(call->note->call)];
}

static void
call_field(struct script *script, lua_State *L, struct handle *self, const char *name)
{
    struct call_handle *call = (struct call_handle *)(void *)self;
    bool over = is_over(call);

    (void)script;
    if (strcmp(name, "uri") == 0)
        lua_pushstring(L, call->uri);
    else if (strcmp(name, "state") == 0)
        lua_pushstring(L, state_word(call));
    else if (strcmp(name, "held") == 0)
        lua_pushboolean(L, call->note && phone_call_is_held(call->note->call));
    else if (strcmp(name, "incoming") == 0)
        lua_pushboolean(L, !call->ours);
    else if (strcmp(name, "why") == 0 && over)
        lua_pushstring(L, call->note ? sip_why_word(phone_call_why(call->note->call)) : "closed");
    else if (strcmp(name, "code") == 0 && over && call->note && phone_call_status(call->note->call))
        lua_pushinteger(L, phone_call_status(call->note->call));
    else
        lua_pushnil(L);
}

static void
call_say(lua_State *L, const struct handle *self)
{
    const struct call_handle *call = (const struct call_handle *)(const void *)self;

    lua_pushfstring(L, call->ours ? "call to %s" : "call from %s", call->uri);
}

static const struct word call_words[] = {
    { "answer", call_answer }, { "progress", call_progress }, { "reject", call_reject }, { "hangup", call_hangup },
    { "wait", call_wait },     { "hold", call_hold },         { "resume", call_resume }, { "renew", call_renew },
    { "media", call_media },   { "close", call_hangup },      { "stop", call_hangup },   { NULL, NULL },
};
static const char *const call_fields[] = { "uri", "state", "held", "incoming", "why", "code", NULL };

const struct type call_type = {
    .name = "call",
    .words = { call_words },
    .fields = call_fields,
    .field = call_field,
    .say = call_say,
};
