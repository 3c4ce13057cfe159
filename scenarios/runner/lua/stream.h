/* TCP sockets for scripts: what lies between struct io_tcp and the words.
 *
 * Data that has come stays in TCP until a script asks for it, so a slow reader slows its sender. What a script gives to
 * be sent is queued here as far as TCP has no room for it, and goes out in the order of the calls, whatever becomes of
 * the tasks that made them. A socket that is closed lives on until that has been taken. One that is forgotten stays
 * open until the run ends, as UDP sockets do. */
#ifndef SCENARIOS_RUNNER_LUA_STREAM_H
#define SCENARIOS_RUNNER_LUA_STREAM_H

#include "core/net/stack.h"
#include "scenarios/runner/lua/node_words.h"
#include "scenarios/runner/lua/open.h"
#include "scenarios/runner/lua/stun_words.h"

struct stream_handle {
    struct handle handle;
    struct script *script;
    struct open_thing open;
    struct lab_node *host;
    struct io *io;
    struct io_tcp *tcp;     /* NULL: gone */
    struct endpoint own, peer;
    bool connected;         /* it has stood */
    bool closed;            /* by the script; it may still have something to deliver */
    bool shut;              /* no more is to be sent */
    enum io_result failure; /* IO_OK: none */
    enum io_result ended;   /* why nothing more can be read: IO_CLOSED at the peer's FIN; IO_OK: more may come */
    GByteArray *inbox;      /* read, and not taken by the script */
    GByteArray *outbox;     /* given, and not taken by TCP */
    size_t held;            /* bytes of both that are counted as the script's memory */
    uint64_t given, taken;  /* bytes so far: by the script, by TCP; what lies between is in `outbox` */
    uint64_t received;
    struct waits connecting, readers, senders;
    struct stun_inquiries stun;
    struct io_udp messages; /* the socket as the STUN client sees it */
    size_t unparsed;        /* bytes of the inbox that no message is looked for in: they came before, or were others */
};

struct listener_handle {
    struct handle handle;
    struct script *script;
    struct open_thing open;
    struct lab_node *host;
    struct io_tcp *tcp; /* NULL: closed */
    struct endpoint own;
    bool ready;         /* a connection waits, as far as is known */
    struct waits acceptors;
};

extern const struct type stream_type, listener_type;

/* A new handle on top of the stack, without a connection yet: the caller sets `tcp`, `own` and `peer` at once, with
 * `stream_ready` and the handle as its owner, or drops the handle. Raises when there is no memory for one more. */
struct stream_handle *stream_new(lua_State *L, struct lab_node *host);
/* It came to nothing: the handle is no socket any more. */
void stream_drop(struct stream_handle *stream);
io_tcp_ready stream_ready;

static inline bool
stream_is_open(const struct stream_handle *stream)
{
    return stream->tcp && !stream->closed;
}

/* Reads until `wanted` bytes are in the inbox, or no more are to be had now. Returns those that a script may take: while
 * a STUN transaction is under way, what may be its answer is not among them. */
size_t stream_pull(struct stream_handle *stream, size_t wanted);
/* Takes them off. */
void stream_take(struct stream_handle *stream, size_t length);
/* Counts what it holds as the script's memory; may raise. */
void stream_count(lua_State *L, struct stream_handle *stream);

/* A word that may wait begins: `go_on` looks, and parks the task when there is nothing and `context` is not
 * STREAM_LOOK, which it is for a timeout of 0. So nobody need be able to wait who finds at once what he looks for. */
enum { STREAM_LOOK = 1 };

static inline int
stream_look(lua_State *L, int64_t timeout, lua_KFunction go_on)
{
    if (timeout == 0)
        return go_on(L, LUA_OK, STREAM_LOOK);
    task_set_deadline(L, timeout);
    return go_on(L, LUA_OK, 0);
}

/* Sends, or queues what TCP does not take. */
void stream_give(struct stream_handle *stream, const void *bytes, size_t length);
/* FIN after what was given. */
void stream_shutdown(struct stream_handle *stream);
/* The script is done with it. Who waits is woken. */
void stream_close(struct stream_handle *stream, bool reset);

/* From now on messages are looked for in what comes. */
void stream_expect_messages(struct stream_handle *stream);

/* The word for how a connection has ended. One that was given up because its peer had been silent for too long is
 * "unreachable": "timeout" is for waits. */
const char *stream_failure_word(enum io_result result);

/* host:tcp_listen(port, {}), host:tcp_connect(endpoint, {}). */
int stream_word_listen(struct script *script, lua_State *L);
int stream_word_connect(struct script *script, lua_State *L);

#endif
