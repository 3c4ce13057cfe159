/* The bytes of a pipe (RFC 6062 section 5.5).
 *
 * What a peer sends before the client joins stays in its connection, which nobody reads: TCP's window is the buffer that
 * section 5.2 asks for. Once joined, bytes are read only when the last ones have been written, so that a slow reader slows
 * the writer down; a pipe keeps no more than what one read has brought. An end of one side is passed on as such; when both
 * have ended, or anything fails, both connections are closed (section 5.5).
 *
 * The bandwidth of the allocation holds for all its pipes together: one that may not read now has its timer set for when
 * it may. Who waits then takes turns: a pipe that has read comes one nanosecond after those that have not, and the two
 * directions of a pipe go first by turns. */
#include "proto/turn/server_pipe.h"

#define PIECE 16384 /* bytes read at a time */

enum flow_on { FLOW_AGAIN, FLOW_DONE, FLOW_FAILED };

/* Writes what it can of what is left for `to`. AGAIN: all of it is gone. DONE: it takes no more now. */
static enum flow_on
write_unsent(struct turn_pipe_end *to)
{
    enum io_result why = IO_OK;
    ssize_t taken;

    if (!to->unsent)
        return FLOW_AGAIN;
    taken = to->unsent->len ? to->tcp->ops->write(to->tcp, to->unsent->data, to->unsent->len, &why) : 0;
    if (taken < 0 && why != IO_AGAIN)
        return FLOW_FAILED;
    if (taken > 0)
        g_byte_array_remove_range(to->unsent, 0, (guint)taken);
    if (to->unsent->len > 0)
        return FLOW_DONE;
    g_byte_array_free(to->unsent, TRUE);
    to->unsent = NULL;
    return FLOW_AGAIN;
}

/* Writes new bytes; what is not taken is kept. */
static enum flow_on
write_new(struct turn_pipe_end *to, const uint8_t *bytes, size_t length)
{
    enum io_result why = IO_OK;
    ssize_t taken = to->tcp->ops->write(to->tcp, bytes, length, &why);

    if (taken < 0 && why != IO_AGAIN)
        return FLOW_FAILED;
    if (taken >= 0 && (size_t)taken == length)
        return FLOW_AGAIN;
    to->unsent = g_byte_array_new();
    g_byte_array_append(to->unsent, bytes + MAX(taken, 0), (guint)(length - (size_t)MAX(taken, 0)));
    return FLOW_DONE;
}

static enum flow_on
pass_end(struct turn_pipe_end *to)
{
    if (!to->shut)
        to->tcp->ops->shutdown(to->tcp);
    to->shut = true;
    return FLOW_DONE;
}

void
turn_pipe_count(struct turn_pipe *pipe, const struct turn_pipe_end *from, size_t bytes, int64_t now)
{
    struct turn_allocation *allocation = pipe->allocation;

    pipe->has_read = true;
    pipe->bytes += bytes;
    *(from == &pipe->client ? &allocation->bytes_to_peers : &allocation->bytes_to_client) += bytes;
    pipe->server->counters.stream_bytes += bytes;
    turn_budget_take(allocation, bytes, now);
}

/* Reads what the budget allows, and writes it. */
static enum flow_on
read_some(struct turn_pipe *pipe, struct turn_pipe_end *from, struct turn_pipe_end *to)
{
    struct turn_server *server = pipe->server;
    int64_t now = server->io->ops->now(server->io), when;
    size_t most = turn_budget_allows(pipe->allocation, PIECE, now, &when);
    enum io_result why = IO_OK;
    ssize_t got;

    if (most == 0) {
        server->io->ops->arm(server->io, &pipe->timer, when + pipe->has_read, true);
        return FLOW_DONE;
    }
    got = from->tcp->ops->read(from->tcp, server->buffer, most, &why);
    if (got < 0)
        return why == IO_AGAIN ? FLOW_DONE : FLOW_FAILED;
    if (got == 0) {
        from->ended = true;
        return FLOW_AGAIN;
    }
    turn_pipe_count(pipe, from, (size_t)got, now);
    return write_new(to, server->buffer, (size_t)got);
}

static enum flow_on
step(struct turn_pipe *pipe, struct turn_pipe_end *from, struct turn_pipe_end *to)
{
    enum flow_on left = write_unsent(to);

    if (left != FLOW_AGAIN)
        return left;
    return from->ended ? pass_end(to) : read_some(pipe, from, to);
}

static bool
flow(struct turn_pipe *pipe, struct turn_pipe_end *from, struct turn_pipe_end *to)
{
    enum flow_on on;

    while ((on = step(pipe, from, to)) == FLOW_AGAIN)
        ;
    return on == FLOW_DONE;
}

/* Moves what can be moved, and closes what is over. */
void
turn_pipe_pump(struct turn_pipe *pipe)
{
    struct turn_pipe_end *one = pipe->clients_turn ? &pipe->client : &pipe->peer;
    struct turn_pipe_end *other = pipe->clients_turn ? &pipe->peer : &pipe->client;

    pipe->clients_turn = !pipe->clients_turn;
    pipe->has_read = false;
    if (!flow(pipe, one, other) || !flow(pipe, other, one))
        turn_pipe_close(pipe, true);
    else if (pipe->peer.shut && pipe->client.shut)
        turn_pipe_close(pipe, false);
}
