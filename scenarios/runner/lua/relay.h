/* TURN relays for scripts: a UDP socket like any other, whose address is one of a TURN server (host:turn).
 *
 * The client behind it lives as long as the run, or until the script closes the relay and the server has confirmed. What
 * a script asks of the server (a permission, a channel, a connection) is an errand: the task waits for it, and one that
 * waits no more leaves it behind. */
#ifndef SCENARIOS_RUNNER_LUA_RELAY_H
#define SCENARIOS_RUNNER_LUA_RELAY_H

#include "proto/turn/client.h"
#include "scenarios/runner/lua/socket.h"

struct attempt;

struct relay_handle {
    struct socket_handle socket; /* first: the words of sockets are a relay's too */
    struct turn_client *client;  /* NULL: gone */
    bool carries_tcp; /* the allocation is for TCP (RFC 6062) */
    bool persists;    /* a loss is not the end: the client asks for another allocation */
    bool allocated, ended, released;
    struct turn_client_news news;       /* of the allocation */
    struct turn_client_failure failure; /* of ended */
    struct attempt *first, *last; /* connections that peers have opened and nobody has accepted */
    unsigned attempts;
    struct waits waiting;
};

extern const struct type relay_type;

/* host:turn(server, {}). */
int relay_word_turn(struct script *script, lua_State *L);

/* nil, reason, {code=, text=} for a failure of the client's; for `return`. */
int relay_push_failure(lua_State *L, const struct turn_client_failure *failure);

/* nil and a reason for a call on the client that says no at once; complains when it is the script's mistake. */
int relay_push_refusal(lua_State *L, enum io_result result);

/* relay:connect and relay:accept (relay_streams.c). */
int relay_word_connect(struct script *script, lua_State *L);
int relay_word_accept(struct script *script, lua_State *L);
void relay_take_attempt(struct relay_handle *relay, const struct turn_client_news *news);
void relay_forget_attempts(struct relay_handle *relay);

/* --- errands */

struct errand {
    struct open_thing open;
    struct relay_handle *relay; /* kept by the task that waits, and by the run while it is open */
    bool done, left;            /* left: nobody waits any more, so the callback ends it */
    bool failed;
    struct turn_client_failure failure;
    struct io_tcp *tcp; /* a connection that has come and is nobody's yet */
    struct endpoint peer;
    struct waits waiting;
};

struct errand *errand_new(struct relay_handle *relay);
/* For callbacks: it is done; `failure` NULL: well. */
void errand_settle(struct errand *errand, const struct turn_client_failure *failure);
/* The task waits no more. */
void errand_leave(struct errand *errand);

#endif
