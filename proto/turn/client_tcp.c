/* TCP to peers (RFC 6062). A link is a connection that is being made: by Connect, which gives it a number, or with the
 * number that a ConnectionAttempt told; then by a data connection to the server, over which ConnectionBind goes as the
 * first message. With the answer to that the stream begins, so what is read here is the answers and not a byte more. */
#include "proto/turn/client_private.h"

#include "proto/stun/framing.h"

#define ANSWER_BYTES 2048

struct turn_client_link {
    struct io_udp udp; /* first: where ConnectionBind goes */
    struct turn_client *client;
    struct endpoint peer;
    turn_client_connected *done;
    void *owner;
    uint32_t connection;
    struct stun_transaction *transaction;
    struct io_tcp *tcp; /* NULL while Connect is under way */
    GByteArray *unsent; /* what TCP has not taken yet */
    bool *gone;         /* set when the link is freed while it reads */
    size_t got;
    uint8_t answer[ANSWER_BYTES];
};

void
turn_client_link_free(void *data)
{
    struct turn_client_link *link = data;

    if (link->transaction)
        stun_transaction_cancel(link->transaction);
    if (link->tcp)
        link->tcp->ops->close(link->tcp, true);
    if (link->gone)
        *link->gone = true;
    g_byte_array_unref(link->unsent);
    g_free(link);
}

/* Ends the link: with a connection, which is its owner's from now on, or with a failure. False when the client is
 * gone. */
static bool
end_link(struct turn_client_link *link, const struct turn_client_failure *failure)
{
    struct turn_client *client = link->client;
    struct io_tcp *tcp = failure ? NULL : g_steal_pointer(&link->tcp);
    turn_client_connected *done = link->done;
    struct endpoint peer = link->peer;
    void *owner = link->owner;

    if (turn_client_listened(client)) {
        struct record record = turn_client_record(client, &turn_client_kind_connected);

        record.after.destination = peer.address;
        record.after.destination_port = peer.port;
        record.rule = failure ? (uint16_t)failure->why : 0;
        record.subject[0] = failure ? failure->code : 0;
        record.subject[1] = link->connection;
        turn_client_note(client, &record);
    }
    g_ptr_array_remove(client->links, link);
    turn_client_hold(client);
    done(owner, client, peer, tcp, failure);
    return turn_client_let_go(client);
}

bool
turn_client_refuse_links(struct turn_client *client, const struct turn_client_failure *failure)
{
    while (client->links->len > 0)
        if (!end_link(g_ptr_array_index(client->links, 0), failure))
            return false;
    return true;
}

static void
fail_link(struct turn_client_link *link, enum turn_client_why why, enum io_result io)
{
    struct turn_client_failure failure = { .why = why, .io = io };

    end_link(link, &failure);
}

/* --- the data connection ----------------------------------------------------------------------------------------- */

static void
flush(struct turn_client_link *link)
{
    enum io_result why;
    ssize_t taken =
        link->unsent->len ? link->tcp->ops->write(link->tcp, link->unsent->data, link->unsent->len, &why) : 0;

    if (taken > 0)
        g_byte_array_remove_range(link->unsent, 0, (guint)taken);
}

static enum io_result
link_send(struct io_udp *udp, struct io_datagram *datagram)
{
    struct turn_client_link *link = (struct turn_client_link *)udp;

    datagram->packet = 0;
    g_byte_array_append(link->unsent, datagram->data.bytes, (guint)datagram->data.length);
    flush(link);
    return IO_OK;
}

static struct endpoint
link_local(const struct io_udp *udp)
{
    const struct turn_client_link *link = (const struct turn_client_link *)udp;

    return link->tcp->ops->local(link->tcp);
}

static const struct io_udp_ops link_ops = { .send = link_send, .local = link_local };

/* How long the message is that has come so far; 0 for one that is none, or too long. */
static size_t
message_length(const struct turn_client_link *link)
{
    struct stun_frame frame = stun_frame_at(span_of(link->answer, link->got), false, sizeof link->answer);

    if (frame.kind == STUN_FRAME_FAULT)
        return 0;
    return link->got < STUN_HEADER_BYTES ? STUN_HEADER_BYTES : frame.size;
}

/* A whole message has come. It may end the link. */
static void
take_answer(struct turn_client_link *link)
{
    struct turn_client *client = link->client;
    struct io_datagram datagram = IO_DATAGRAM_TO(client->attempt.server, span_of(link->answer, link->got));

    link->got = 0;
    (void)stun_client_datagram(client->stun, &link->udp, &datagram);
}

static void
read_link(struct turn_client_link *link)
{
    bool gone = false;

    link->gone = &gone;
    while (!gone) {
        size_t whole = message_length(link);
        enum io_result why = IO_CLOSED;
        ssize_t got;

        if (whole == 0) {
            fail_link(link, TURN_CLIENT_WHY_MALFORMED, IO_OK);
            return;
        }
        if (link->got == whole) {
            take_answer(link);
            continue;
        }
        got = link->tcp->ops->read(link->tcp, link->answer + link->got, whole - link->got, &why);
        if (got > 0) {
            link->got += (size_t)got;
            continue;
        }
        link->gone = NULL;
        if (got == 0 || why != IO_AGAIN)
            fail_link(link, TURN_CLIENT_WHY_CONNECTION, got == 0 ? IO_CLOSED : why);
        return;
    }
}

static void
on_data_ready(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    struct turn_client_link *link = owner;

    (void)tcp;
    if (ready == IO_FAILED) {
        fail_link(link, TURN_CLIENT_WHY_CONNECTION, result);
        return;
    }
    flush(link);
    if (ready == IO_READABLE)
        read_link(link);
}

/* Until its receiver has set its own. */
static void
on_nothing(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    (void)owner, (void)tcp, (void)ready, (void)result;
}

static void
on_bound(void *owner, struct stun_transaction *transaction, const struct stun_result *result)
{
    struct turn_client_link *link = owner;
    struct turn_client_failure failure = turn_client_failure_of(result);

    (void)transaction;
    link->transaction = NULL;
    if (failure.why != TURN_CLIENT_WHY_NONE) {
        end_link(link, &failure);
        return;
    }
    link->tcp->ready = on_nothing;
    link->tcp->owner = NULL;
    end_link(link, NULL);
}

/* From another port than the control connection's (RFC 6062 section 4.3). */
static enum io_result
open_data(struct turn_client_link *link)
{
    struct turn_client *client = link->client;
    struct endpoint local = { client->options.local.address, 0 };
    struct io *io = client->io;
    enum io_result why = IO_OK;
    struct stun_request request = {
        .udp = &link->udp,
        .server = client->attempt.server,
        .timer = STUN_TIMER_STREAM,
        .protocol = PROTOCOL_TCP,
        .understood = STUN_SET_BASE | STUN_SET_TURN | STUN_SET_TURN_TCP,
        .credentials = client->credentials,
        .done = on_bound,
        .owner = link,
    };

    link->tcp = io->ops->connect(io, &local, &client->attempt.server, false, on_data_ready, link, &why);
    if (!link->tcp)
        return why;
    link->tcp->ops->prompt(link->tcp, true);
    link->transaction = stun_transaction_new(client->stun, STUN_CONNECTION_BIND, &request);
    stun_put_number(stun_transaction_builder(link->transaction), STUN_CONNECTION_ID, link->connection);
    stun_transaction_start(link->transaction);
    return IO_OK;
}

/* --- who asks ---------------------------------------------------------------------------------------------------- */

static void
on_connected(void *owner, struct stun_transaction *transaction, const struct stun_result *result)
{
    struct turn_client_link *link = owner;
    struct turn_client_failure failure = turn_client_failure_of(result);
    struct stun_value id;
    enum io_result why;

    (void)transaction;
    link->transaction = NULL;
    if (failure.why != TURN_CLIENT_WHY_NONE) {
        end_link(link, &failure);
        return;
    }
    if (stun_message_get(result->message, STUN_CONNECTION_ID, &id) != STUN_PRESENT) {
        fail_link(link, TURN_CLIENT_WHY_MALFORMED, IO_OK);
        return;
    }
    link->connection = (uint32_t)id.number;
    why = open_data(link);
    if (why != IO_OK)
        fail_link(link, TURN_CLIENT_WHY_SOCKET, why);
}

static enum io_result
may_link(const struct turn_client *client, struct endpoint peer)
{
    if (client->phase == PHASE_RELEASING || client->phase == PHASE_OVER)
        return IO_CLOSED;
    if (client->options.protocol != PROTOCOL_TCP)
        return IO_UNSUPPORTED;
    if (client->phase != PHASE_HOLDING)
        return IO_FULL;
    return address_family(peer.address) == address_family(client->granted.relayed.address) ? IO_OK : IO_NO_ROUTE;
}

static struct turn_client_link *
link_new(struct turn_client *client, struct endpoint peer, turn_client_connected *done, void *owner)
{
    struct turn_client_link *link = g_new0(struct turn_client_link, 1);

    link->udp.ops = &link_ops;
    link->client = client;
    link->peer = peer;
    link->done = done;
    link->owner = owner;
    link->unsent = g_byte_array_new();
    g_ptr_array_add(client->links, link);
    return link;
}

enum io_result
turn_client_connect(struct turn_client *client, struct endpoint peer, turn_client_connected *done, void *owner)
{
    enum io_result may = may_link(client, peer);
    struct turn_client_link *link;

    if (may != IO_OK)
        return may;
    link = link_new(client, peer, done, owner);
    link->transaction = turn_client_ask(client, STUN_CONNECT, on_connected, link);
    stun_put_endpoint(stun_transaction_builder(link->transaction), STUN_XOR_PEER_ADDRESS, peer);
    stun_transaction_start(link->transaction);
    return IO_AGAIN;
}

enum io_result
turn_client_accept(struct turn_client *client, struct endpoint peer, uint32_t connection, turn_client_connected *done,
                   void *owner)
{
    enum io_result may = may_link(client, peer);
    struct turn_client_link *link;

    if (may != IO_OK)
        return may;
    link = link_new(client, peer, done, owner);
    link->connection = connection;
    may = open_data(link);
    if (may == IO_OK)
        return IO_AGAIN;
    g_ptr_array_remove(client->links, link);
    return may;
}
