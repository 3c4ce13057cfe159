/* socket:stun, for sockets of both kinds: a Binding transaction while the task waits. */
#ifndef SCENARIOS_RUNNER_LUA_STUN_WORDS_H
#define SCENARIOS_RUNNER_LUA_STUN_WORDS_H

#include "proto/stun/auth.h"
#include "proto/stun/client.h"
#include "scenarios/runner/lua/script.h"

struct stun_exchange;

/* What a socket has for it; all zero at first. */
struct stun_inquiries {
    struct stun_client *client; /* made by the first transaction; the socket offers it what comes */
    struct stun_exchange *exchanges;
};

/* What a script says about one: who asks, and how long it waits. The texts are the options' own. */
struct stun_asking {
    struct span name, password; /* no name: without credentials */
    bool short_term;            /* RFC 8489 section 9.1; else long-term, section 9.2 */
    bool no_fingerprint;
    int64_t timeout;
};

/* The options that sockets of both kinds take, and how they are read from the table at `index`. */
#define STUN_ASKING_KEYS "timeout", "user", "password", "mechanism", "fingerprint"
void stun_words_read(lua_State *L, int index, struct stun_asking *asking);

/* Names and passwords of users have at most so many bytes (RFC 8489 section 14.3). */
#define STUN_USER_BYTES 508

/* The mechanism of credentials that the text on top of the stack names. */
enum stun_mechanism stun_words_mechanism(lua_State *L);

/* Begins a transaction (its `done` and `owner` are filled in here) and waits for its end; for `return`. `handle` is the
 * socket's, at index 1; checks of arguments have been made. */
int stun_words_ask(lua_State *L, struct stun_inquiries *user, struct handle *handle, struct io *io,
                   struct stun_request *request, const struct stun_asking *asking);

/* The socket is closed: who waits is told, and the client goes. */
void stun_words_end(struct stun_inquiries *user);

/* What came on a stream is no STUN message, so nothing more will be understood. */
void stun_words_spoil(struct stun_inquiries *user, struct io_udp *udp, enum stun_fault fault);

/* Whether transactions are under way. */
static inline bool
stun_words_wait(const struct stun_inquiries *user)
{
    return user->client && stun_client_outstanding(user->client) > 0;
}

#endif
