/* Connections with peers (RFC 6062 section 5). A pipe is one of them, and goes through these states:
 *
 *   CONNECTING  a Connect is under way: the peer has not answered. -> WAITING, with the answer to the Connect; or gone, with
 *               447, when the peer refuses or 30 s have passed
 *   WAITING     the peer is there, and the client has been told the ID. -> JOINED by a ConnectionBind; or gone after 30 s
 *   JOINED      bytes go both ways, until both ends have ended, or one has failed */
#include "proto/turn/server_pipe.h"

#define PATIENCE (30 * TIME_S) /* for the peer, and then for the client (sections 5.2 and 5.3) */
#define MOST_PIPES 64          /* of an allocation */

/* --- the set ----------------------------------------------------------------------------------------------------- */

struct turn_pipe *
turn_pipe_find(const struct turn_server *server, uint32_t id)
{
    struct turn_pipe *pipe = g_hash_table_lookup(server->pipes, GUINT_TO_POINTER(id));

    return pipe && pipe->state == PIPE_WAITING ? pipe : NULL;
}

struct turn_allocation *
turn_pipe_allocation(const struct turn_pipe *pipe)
{
    return pipe->allocation;
}

static uint32_t
draw_id(struct turn_server *server)
{
    uint32_t id;

    do
        server->io->ops->random(server->io, &id, sizeof id);
    while (id == 0 || g_hash_table_contains(server->pipes, GUINT_TO_POINTER(id)));
    return id;
}

static bool
has_room(const struct turn_allocation *allocation)
{
    unsigned count = 0;

    for (const struct turn_pipe *pipe = allocation->more; pipe; pipe = pipe->next)
        count++;
    return count < MOST_PIPES;
}

static bool
is_connected(const struct turn_allocation *allocation, struct endpoint peer)
{
    for (const struct turn_pipe *pipe = allocation->more; pipe; pipe = pipe->next)
        if (endpoint_equal(pipe->peer_at, peer))
            return true;
    return false;
}

static void on_time(void *owner, struct io_timer *timer);

static struct turn_pipe *
pipe_new(struct turn_allocation *allocation, struct endpoint peer, enum turn_pipe_state state)
{
    struct turn_server *server = allocation->home;
    struct turn_pipe *pipe = g_new0(struct turn_pipe, 1);

    pipe->allocation = allocation;
    pipe->server = server;
    pipe->id = draw_id(server);
    pipe->state = state;
    pipe->peer_at = peer;
    pipe->next = allocation->more;
    if (pipe->next)
        pipe->next->previous = pipe;
    allocation->more = pipe;
    g_hash_table_insert(server->pipes, GUINT_TO_POINTER(pipe->id), pipe);
    pipe->timer = (struct io_timer){ .fire = on_time, .owner = pipe };
    server->io->ops->arm(server->io, &pipe->timer, time_add(server->io->ops->now(server->io), PATIENCE), false);
    return pipe;
}

static void
note(const struct turn_pipe *pipe, const struct record_kind *kind, unsigned rule)
{
    struct turn_server *server = pipe->server;

    if (!turn_server_listening(server))
        return;

    struct record record = turn_record_of(kind, pipe->allocation);
    struct turn_relay *relay = turn_allocation_relay(pipe->allocation, address_family(pipe->peer_at.address));

    record.rule = (uint16_t)rule;
    record.subject[1] = pipe->id;
    record.detail = kind == &turn_kind_parted ? (int64_t)pipe->bytes : 0;
    record.after = (struct flow){ .destination = pipe->peer_at.address, .destination_port = pipe->peer_at.port,
                                  .protocol = PROTOCOL_TCP };
    if (relay) {
        record.after.source = relay->relayed.address;
        record.after.source_port = relay->relayed.port;
    }
    server->io->ops->note(server->io, &record);
}

static void
close_end(struct turn_pipe_end *end, bool reset)
{
    if (end->tcp)
        end->tcp->ops->close(end->tcp, reset);
    if (end->unsent)
        g_byte_array_free(end->unsent, TRUE);
}

void
turn_pipe_close(struct turn_pipe *pipe, bool reset)
{
    struct turn_server *server = pipe->server;

    if (pipe->state != PIPE_CONNECTING)
        note(pipe, &turn_kind_parted, 0);
    server->io->ops->disarm(server->io, &pipe->timer);
    g_hash_table_remove(server->pipes, GUINT_TO_POINTER(pipe->id));
    if (pipe->previous)
        pipe->previous->next = pipe->next;
    else
        pipe->allocation->more = pipe->next;
    if (pipe->next)
        pipe->next->previous = pipe->previous;
    close_end(&pipe->peer, reset);
    close_end(&pipe->client, reset);
    g_clear_pointer(&pipe->user, g_bytes_unref);
    g_free(pipe);
}

void
turn_pipes_close(struct turn_allocation *allocation)
{
    while (allocation->more)
        turn_pipe_close(allocation->more, false);
}

/* --- messages on the control connection -------------------------------------------------------------------------- */

static struct stun_seal
seal_of(const struct turn_pipe *pipe)
{
    struct turn_server *server = pipe->server;
    const struct stun_user *user = NULL;

    if (pipe->user)
        user = stun_auth_user(server->auth, span_of(g_bytes_get_data(pipe->user, NULL), g_bytes_get_size(pipe->user)),
                              server->io->ops->now(server->io));
    return (struct stun_seal){ user ? stun_user_long_term(user, pipe->algorithm) : NULL, pipe->sha256 };
}

static void
send_control(const struct turn_pipe *pipe, struct span message)
{
    if (turn_send_to_client(pipe->allocation, message, NULL, NULL) != IO_OK)
        pipe->server->counters.unsent++;
}

/* The answer to the Connect, `code` 0 for success. */
static void
answer_connect(const struct turn_pipe *pipe, unsigned code)
{
    struct turn_server *server = pipe->server;
    struct stun_header header = { .class = code ? STUN_ERROR : STUN_SUCCESS, .method = STUN_CONNECT,
                                  .cookie = STUN_COOKIE, .id = pipe->request };
    struct stun_seal seal = seal_of(pipe);
    uint8_t buffer[STUN_ANSWER_BYTES];
    struct stun_builder builder;

    stun_builder_begin(&builder, buffer, sizeof buffer, &header);
    if (code) {
        turn_count_refusal(server, &pipe->allocation->tuple, 0, STUN_CONNECT, code);
        stun_put_error(&builder, code);
    } else {
        server->counters.successes++;
        stun_put_number(&builder, STUN_CONNECTION_ID, pipe->id);
    }
    send_control(pipe, turn_complete(server, &builder, &seal, pipe->fingerprint));
}

/* Section 5.3. */
static void
tell_attempt(const struct turn_pipe *pipe)
{
    struct stun_header header = { .class = STUN_INDICATION, .method = STUN_CONNECTION_ATTEMPT, .cookie = STUN_COOKIE };
    struct turn_server *server = pipe->server;
    uint8_t buffer[STUN_ANSWER_BYTES];
    struct stun_builder builder;

    server->io->ops->random(server->io, header.id.bytes, sizeof header.id.bytes);
    stun_builder_begin(&builder, buffer, sizeof buffer, &header);
    stun_put_number(&builder, STUN_CONNECTION_ID, pipe->id);
    stun_put_endpoint(&builder, STUN_XOR_PEER_ADDRESS, pipe->peer_at);
    send_control(pipe, stun_builder_finish(&builder));
}

/* --- events ------------------------------------------------------------------------------------------------------ */

static void
on_time(void *owner, struct io_timer *timer)
{
    struct turn_pipe *pipe = owner;

    (void)timer;
    if (pipe->state == PIPE_JOINED) {
        turn_pipe_pump(pipe);
        return;
    }
    if (pipe->state == PIPE_CONNECTING)
        answer_connect(pipe, STUN_CODE_CONNECTION_FAILED);
    turn_pipe_close(pipe, true);
}

static void
on_connected(struct turn_pipe *pipe)
{
    struct turn_server *server = pipe->server;

    pipe->state = PIPE_WAITING;
    server->counters.peer_connections++;
    server->io->ops->arm(server->io, &pipe->timer, time_add(server->io->ops->now(server->io), PATIENCE), false);
    note(pipe, &turn_kind_connected, 0);
    answer_connect(pipe, 0);
}

static void
on_ready(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    struct turn_pipe *pipe = owner;

    (void)tcp, (void)result;
    if (ready == IO_FAILED) {
        if (pipe->state == PIPE_CONNECTING)
            answer_connect(pipe, STUN_CODE_CONNECTION_FAILED);
        turn_pipe_close(pipe, true);
    } else if (ready == IO_CONNECTED) {
        on_connected(pipe);
    } else if (pipe->state == PIPE_JOINED) {
        turn_pipe_pump(pipe);
    }
}

/* Until it has a pipe, which is before anything can come. */
static void
ignore(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    (void)owner, (void)tcp, (void)ready, (void)result;
}

static enum drop_reason
judge_peer(const struct turn_server *server, const struct turn_allocation *allocation, struct endpoint peer, int64_t now)
{
    if (allocation->expires <= now)
        return DROP_NO_ALLOCATION;
    if (!turn_permission_find(server->table, allocation, peer.address, now))
        return DROP_NO_PERMISSION;
    return has_room(allocation) ? DROP_NONE : DROP_LISTEN_QUEUE_FULL;
}

/* Section 5.3: without a permission the connection is closed at once. */
static void
take_peer(struct turn_relay *relay, struct io_tcp *tcp)
{
    struct turn_allocation *allocation = relay->allocation;
    struct turn_server *server = allocation->home;
    int64_t now = server->io->ops->now(server->io);
    struct endpoint peer = turn_outward(server, tcp->ops->peer(tcp));
    enum drop_reason reason = judge_peer(server, allocation, peer, now);
    struct turn_pipe *pipe;

    if (reason != DROP_NONE) {
        struct flow flow = { peer.address, relay->relayed.address, peer.port, relay->relayed.port, PROTOCOL_TCP };

        tcp->ops->close(tcp, true);
        turn_server_drop(server, &flow, 0, allocation, reason);
        return;
    }
    pipe = pipe_new(allocation, peer, PIPE_WAITING);
    pipe->peer.tcp = tcp;
    tcp->ready = on_ready;
    tcp->owner = pipe;
    tcp->ops->prompt(tcp, true); /* who wrote it has decided when it goes */
    server->counters.peer_connections++;
    note(pipe, &turn_kind_connected, 1);
    tell_attempt(pipe);
}

void
turn_relay_accept(void *owner, struct io_tcp *listener, enum io_ready ready, enum io_result result)
{
    struct turn_relay *relay = owner;
    struct io_tcp *tcp;

    (void)ready, (void)result;
    while (relay && (tcp = listener->ops->accept(listener, ignore, NULL)))
        take_peer(relay, tcp);
}

/* --- requests ---------------------------------------------------------------------------------------------------- */

static unsigned
judge_connect(const struct turn_arrival *arrival, struct turn_allocation *allocation, const struct stun_message *message,
              struct endpoint *peer)
{
    struct stun_value value;

    if (allocation->protocol != PROTOCOL_TCP)
        return STUN_CODE_FORBIDDEN;
    if (stun_message_get(message, STUN_XOR_PEER_ADDRESS, &value) != STUN_PRESENT)
        return STUN_CODE_BAD_REQUEST;
    *peer = value.endpoint;
    if (is_connected(allocation, *peer))
        return STUN_CODE_CONNECTION_EXISTS;
    if (!turn_allocation_relay(allocation, address_family(peer->address)))
        return STUN_CODE_PEER_FAMILY_MISMATCH;
    if (!turn_may_reach(arrival->server, *peer, PROTOCOL_TCP, arrival->now))
        return STUN_CODE_FORBIDDEN;
    return has_room(allocation) ? 0 : STUN_CODE_INSUFFICIENT_CAPACITY;
}

static void
remember_request(struct turn_pipe *pipe, const struct stun_message *message, const struct stun_proof *proof)
{
    pipe->request = message->header.id;
    pipe->fingerprint = stun_message_find(message, STUN_FINGERPRINT) != NULL;
    if (proof->seal.key) {
        struct span name = stun_user_name(proof->user);

        pipe->user = g_bytes_new(name.bytes, name.length);
    }
    pipe->sha256 = proof->seal.sha256;
    pipe->algorithm = STUN_ALGORITHM_MD5;
    if (pipe->user && proof->seal.key == stun_user_long_term(proof->user, STUN_ALGORITHM_SHA256))
        pipe->algorithm = STUN_ALGORITHM_SHA256;
}

unsigned
turn_connect(const struct turn_arrival *arrival, struct turn_allocation *allocation, const struct stun_message *message,
             const struct stun_proof *proof)
{
    struct io *io = arrival->server->io;
    struct endpoint peer, to, local;
    unsigned code = judge_connect(arrival, allocation, message, &peer);
    struct turn_relay *relay;
    struct turn_pipe *pipe;
    struct io_tcp *tcp;
    enum io_result why;

    if (code)
        return code;
    relay = turn_allocation_relay(allocation, address_family(peer.address));
    to = turn_inward(arrival->server, peer);
    local = ((struct io_tcp *)relay->socket)->ops->local(relay->socket);
    tcp = io->ops->connect(io, &local, &to, true, on_ready, NULL, &why);
    if (!tcp)
        return STUN_CODE_CONNECTION_FAILED;
    pipe = pipe_new(allocation, peer, PIPE_CONNECTING);
    pipe->peer.tcp = tcp;
    tcp->owner = pipe;
    tcp->ops->prompt(tcp, true);
    remember_request(pipe, message, proof);
    return 0;
}

/* What the client sent right behind its request is the first for the peer; what is left of the answer goes before what the
 * peer says. */
void
turn_pipe_join(struct turn_pipe *pipe, const struct turn_arrival *arrival)
{
    struct turn_server *server = pipe->server;

    server->io->ops->disarm(server->io, &pipe->timer);
    pipe->state = PIPE_JOINED;
    pipe->client.tcp = stun_connections_release(arrival->via, &pipe->peer.unsent, &pipe->client.unsent);
    pipe->client.tcp->ready = on_ready;
    pipe->client.tcp->owner = pipe;
    turn_pipe_count(pipe, &pipe->client, pipe->peer.unsent->len, arrival->now);
    server->counters.joined++;
    if (turn_server_listening(server)) {
        struct record record = turn_record_of(&turn_kind_joined, pipe->allocation);

        record.subject[1] = pipe->id;
        record.before = turn_flow_of_client(&arrival->tuple);
        record.after.destination = pipe->peer_at.address;
        record.after.destination_port = pipe->peer_at.port;
        server->io->ops->note(server->io, &record);
    }
    turn_pipe_pump(pipe);
}
