/* A connection with a peer, joined with one of the client's (RFC 6062): for server_tcp.c, which makes and ends them and has
 * their states, and server_pipe.c, which moves their bytes. */
#ifndef PROTO_TURN_SERVER_PIPE_H
#define PROTO_TURN_SERVER_PIPE_H

#include "proto/turn/server_private.h"

enum turn_pipe_state { PIPE_CONNECTING, PIPE_WAITING, PIPE_JOINED };

/* One end: the peer's or the client's. */
struct turn_pipe_end {
    struct io_tcp *tcp;
    GByteArray *unsent; /* what is for this end and was not taken yet; NULL: none */
    bool ended, shut;   /* it has sent its last byte; it was told that none will come */
};

struct turn_pipe {
    struct turn_pipe *next, *previous; /* of the allocation */
    struct turn_allocation *allocation;
    struct turn_server *server;
    uint32_t id;
    enum turn_pipe_state state;
    struct endpoint peer_at; /* as the client knows it */
    struct turn_pipe_end peer, client;
    struct io_timer timer; /* of patience; of a pipe that is joined: when it may read again */
    uint64_t bytes;
    bool clients_turn, has_read; /* which way goes first; whether this pump has brought anything */
    /* Of a Connect: what its answer needs. The key is looked up again, since a user may be made up for a moment only. */
    struct stun_id request;
    GBytes *user; /* NULL: nobody was asked */
    bool sha256, fingerprint;
    unsigned algorithm;
};

/* server_tcp.c */

/* It is gone then; `reset`: something has failed. */
void turn_pipe_close(struct turn_pipe *pipe, bool reset);

/* server_pipe.c */

/* Moves what can be moved, and closes what is over: the pipe may be gone then. */
void turn_pipe_pump(struct turn_pipe *pipe);
/* Bytes that have come from one of its ends. */
void turn_pipe_count(struct turn_pipe *pipe, const struct turn_pipe_end *from, size_t bytes, int64_t now);

#endif
