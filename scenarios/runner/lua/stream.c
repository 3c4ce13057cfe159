#include "scenarios/runner/lua/stream.h"

#include <stddef.h>

#include "proto/stun/framing.h"
#include "scenarios/runner/lua/socket.h"

enum { STREAM_BYTES = 2048, CHUNK = 16384, MESSAGE_MOST = 65552 };

/* --- memory ------------------------------------------------------------------------------------------------------ */

static size_t
bytes_kept(const struct stream_handle *stream)
{
    return stream->inbox->len + stream->outbox->len;
}

static void
uncount(struct stream_handle *stream)
{
    size_t kept = bytes_kept(stream);

    if (kept >= stream->held)
        return;
    limits_let_go_bytes(&stream->script->limits, stream->held - kept);
    stream->held = kept;
}

void
stream_count(lua_State *L, struct stream_handle *stream)
{
    size_t kept = bytes_kept(stream);

    if (kept > stream->held) {
        limits_hold_bytes(L, kept - stream->held);
        stream->held = kept;
    }
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static struct stream_handle *
stream_of_messages(const struct io_udp *udp)
{
    return (struct stream_handle *)(void *)((char *)udp - offsetof(struct stream_handle, messages));
}

static void
free_buffers(struct stream_handle *stream)
{
    stun_words_end(&stream->stun);
    g_byte_array_set_size(stream->inbox, 0);
    g_byte_array_set_size(stream->outbox, 0);
    uncount(stream);
    g_byte_array_unref(stream->inbox);
    g_byte_array_unref(stream->outbox);
    stream->inbox = stream->outbox = NULL;
}

/* The run is over: the connection ends with its host, without a word. */
static void
close_at_end(struct open_thing *thing)
{
    struct stream_handle *stream =
        (struct stream_handle *)(void *)((char *)thing - offsetof(struct stream_handle, open));

    stream->tcp = NULL;
    free_buffers(stream);
}

static const struct io_udp_ops message_ops; /* below */

struct stream_handle *
stream_new(lua_State *L, struct lab_node *host)
{
    struct script *script = script_of(L);

    limits_hold_bytes(L, STREAM_BYTES);
    struct stream_handle *stream = handle_new(L, &stream_type, sizeof *stream);
    handle_keep(L, -1, stream);
    stream->script = script;
    stream->host = host;
    stream->io = node_io(host->node);
    stream->messages.ops = &message_ops;
    stream->inbox = g_byte_array_new();
    stream->outbox = g_byte_array_new();
    open_add(script, &stream->open, close_at_end);
    return stream;
}

/* Taking a handle out of the kept ones allocates nothing, so it may be done in a callback of the world's. */
static void
finish(struct stream_handle *stream, bool reset)
{
    if (stream->tcp)
        stream->tcp->ops->close(stream->tcp, reset);
    stream->tcp = NULL;
    stream->closed = true;
    free_buffers(stream);
    open_remove(stream->script, &stream->open);
    limits_let_go_bytes(&stream->script->limits, STREAM_BYTES);
    handle_drop(stream->script->L, stream);
}

void
stream_drop(struct stream_handle *stream)
{
    finish(stream, false);
}

static void
wake_all(struct stream_handle *stream)
{
    stream->script->world->touched = true;
    task_wake_all(&stream->connecting);
    task_wake_all(&stream->readers);
    task_wake_all(&stream->senders);
}

void
stream_close(struct stream_handle *stream, bool reset)
{
    if (!stream_is_open(stream))
        return;
    stream->closed = true;
    stun_words_end(&stream->stun);
    wake_all(stream);
    if (reset || stream->outbox->len == 0)
        finish(stream, reset);
}

const char *
stream_failure_word(enum io_result result)
{
    return result == IO_TIMEOUT ? "unreachable" : io_result_word(result);
}

/* --- out --------------------------------------------------------------------------------------------------------- */

/* What of `bytes` TCP takes now. */
static size_t
write_some(struct stream_handle *stream, const void *bytes, size_t length)
{
    enum io_result why;
    ssize_t taken = stream->tcp->ops->write(stream->tcp, bytes, length, &why);

    if (taken < 0 && why != IO_AGAIN)
        stream->failure = why;
    stream->taken += taken > 0 ? (size_t)taken : 0;
    return taken > 0 ? (size_t)taken : 0;
}

void
stream_give(struct stream_handle *stream, const void *bytes, size_t length)
{
    size_t taken = stream->outbox->len == 0 ? write_some(stream, bytes, length) : 0;

    stream->given += length;
    g_byte_array_append(stream->outbox, (const guint8 *)bytes + taken, (guint)(length - taken));
}

/* TCP has room again. */
static void
drain(struct stream_handle *stream)
{
    size_t taken = write_some(stream, stream->outbox->data, stream->outbox->len);

    if (taken > 0)
        g_byte_array_remove_range(stream->outbox, 0, (guint)taken);
    uncount(stream);
    if (stream->outbox->len > 0)
        return;
    if (stream->closed)
        finish(stream, false);
    else if (stream->shut)
        stream->tcp->ops->shutdown(stream->tcp);
}

void
stream_shutdown(struct stream_handle *stream)
{
    stream->shut = true;
    if (stream->outbox->len == 0)
        stream->tcp->ops->shutdown(stream->tcp);
}

/* --- in ---------------------------------------------------------------------------------------------------------- */

static void
read_all(struct stream_handle *stream, size_t wanted)
{
    uint8_t chunk[CHUNK];
    enum io_result why;

    while (stream->ended == IO_OK && stream->inbox->len < wanted) {
        size_t most = MIN(sizeof chunk, wanted - stream->inbox->len);
        ssize_t got = stream->tcp->ops->read(stream->tcp, chunk, most, &why);

        if (got > 0) {
            g_byte_array_append(stream->inbox, chunk, (guint)got);
            stream->received += (size_t)got;
        } else if (got == 0) {
            stream->ended = IO_CLOSED;
        } else {
            stream->ended = why == IO_AGAIN ? IO_OK : why;
            return;
        }
    }
}

size_t
stream_pull(struct stream_handle *stream, size_t wanted)
{
    if (stun_words_wait(&stream->stun))
        return stream->unparsed;
    read_all(stream, wanted);
    return stream->inbox->len;
}

void
stream_take(struct stream_handle *stream, size_t length)
{
    g_byte_array_remove_range(stream->inbox, 0, (guint)length);
    stream->unparsed -= MIN(stream->unparsed, length);
    uncount(stream);
}

/* --- STUN -------------------------------------------------------------------------------------------------------- */

static enum io_result
send_message(struct io_udp *udp, struct io_datagram *datagram)
{
    struct stream_handle *stream = stream_of_messages(udp);

    datagram->packet = 0;
    stream_give(stream, datagram->data.bytes, datagram->data.length);
    return stream->failure;
}

static enum io_result
join_nothing(struct io_udp *udp, const struct address *group, int interface)
{
    (void)udp, (void)group, (void)interface;
    return IO_UNSUPPORTED;
}

static struct endpoint
messages_local(const struct io_udp *udp)
{
    return stream_of_messages(udp)->own;
}

static void
close_nothing(struct io_udp *udp)
{
    (void)udp;
}

static const struct io_udp_ops message_ops = {
    .send = send_message,
    .join = join_nothing,
    .local = messages_local,
    .close = close_nothing,
};

void
stream_expect_messages(struct stream_handle *stream)
{
    if (stun_words_wait(&stream->stun))
        return;
    read_all(stream, SIZE_MAX);
    stream->unparsed = stream->inbox->len;
}

/* Offers each message to the transactions; others stay where they are, for recv. */
static void
parse_messages(struct stream_handle *stream)
{
    while (stun_words_wait(&stream->stun)) {
        size_t pending = stream->inbox->len - stream->unparsed;

        if (pending == 0)
            return;
        struct stun_frame frame =
            stun_frame_at(span_of(stream->inbox->data + stream->unparsed, pending), STUN_CHANNELS_NONE, MESSAGE_MOST);
        if (frame.kind == STUN_FRAME_FAULT)
            stun_words_spoil(&stream->stun, &stream->messages, frame.fault);
        if (frame.kind != STUN_FRAME_MESSAGE)
            return;
        struct io_datagram datagram = IO_DATAGRAM_TO(stream->peer, frame.bytes);
        datagram.local = stream->own;
        if (stun_client_datagram(stream->stun.client, &stream->messages, &datagram))
            g_byte_array_remove_range(stream->inbox, (guint)stream->unparsed, (guint)frame.size);
        else
            stream->unparsed += frame.size;
    }
}

static void
take_messages(struct stream_handle *stream)
{
    if (!stun_words_wait(&stream->stun))
        return;
    read_all(stream, SIZE_MAX);
    parse_messages(stream);
    if (stream->ended != IO_OK && stun_words_wait(&stream->stun))
        stun_client_lost(stream->stun.client, &stream->messages, stream->ended);
}

/* --- what happens ------------------------------------------------------------------------------------------------ */

static void
fail(struct stream_handle *stream, enum io_result failure)
{
    stream->failure = failure;
    g_byte_array_set_size(stream->outbox, 0);
    uncount(stream);
    if (stream->closed)
        finish(stream, false);
    else
        take_messages(stream);
}

void
stream_ready(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    struct stream_handle *stream = owner;

    (void)tcp;
    switch (ready) {
    case IO_CONNECTED:
        stream->connected = true;
        break;
    case IO_READABLE:
        if (!stream->closed)
            take_messages(stream);
        break;
    case IO_WRITABLE:
        drain(stream);
        break;
    default:
        fail(stream, result);
    }
    wake_all(stream);
}
