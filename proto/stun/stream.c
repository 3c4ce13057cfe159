#include "proto/stun/stream.h"

#define BACKLOG_KEPT 4096 /* what a connection may occupy that has sent all; there may be thousands */

struct stun_stream {
    struct io_udp udp; /* first: an io_udp is its stream */
    const struct stun_stream_events *events;
    struct io_tcp *tcp;
    struct stun_framing framing;
    size_t backlog_most;
    GByteArray *backlog; /* what TCP has not taken yet */
    size_t backlog_peak; /* the most that it has held: what it may still occupy */
    bool ended;           /* the owner has been told */
    bool pumping, closed; /* the owner may close it while messages are handed out: it goes when that is done */
};

static struct stun_stream *
stream_of(const struct io_udp *udp)
{
    return (struct stun_stream *)udp;
}

static void
free_stream(struct stun_stream *stream)
{
    stun_framing_clear(&stream->framing);
    if (stream->backlog)
        g_byte_array_free(stream->backlog, TRUE);
    g_free(stream);
}

/* --- out --------------------------------------------------------------------------------------------------------- */

/* What of `bytes` TCP takes now; failures come as events. */
static size_t
write_some(struct stun_stream *stream, struct span bytes, enum io_result *why)
{
    ssize_t taken = stream->tcp->ops->write(stream->tcp, bytes.bytes, bytes.length, why);

    return taken > 0 ? (size_t)taken : 0;
}

static void
flush(struct stun_stream *stream)
{
    enum io_result why;
    size_t taken;

    if (stream->backlog->len == 0) /* a write of nothing may be owed an IO_WRITABLE, and that the next one */
        return;
    taken = write_some(stream, span_of(stream->backlog->data, stream->backlog->len), &why);
    if (taken > 0)
        g_byte_array_remove_range(stream->backlog, 0, (guint)taken);
    if (stream->backlog->len == 0 && stream->backlog_peak > BACKLOG_KEPT) {
        g_byte_array_free(stream->backlog, TRUE);
        stream->backlog = g_byte_array_new();
        stream->backlog_peak = 0;
    }
}

static enum io_result
stream_send(struct io_udp *udp, struct io_datagram *datagram)
{
    static const uint8_t zeros[4];
    struct stun_stream *stream = stream_of(udp);
    struct span message = datagram->data;
    size_t padding = stun_padding(message.length), taken = 0;
    enum io_result why = IO_OK;

    datagram->packet = 0; /* segments have names, messages have not */
    if (stream->ended)
        return IO_CLOSED;
    if (stream->backlog->len + message.length + padding > stream->backlog_most)
        return IO_FULL;
    if (stream->backlog->len == 0 && padding == 0)
        taken = write_some(stream, message, &why);
    if (why != IO_OK && why != IO_AGAIN)
        return why;
    g_byte_array_append(stream->backlog, message.bytes + taken, (guint)(message.length - taken));
    g_byte_array_append(stream->backlog, zeros, (guint)padding);
    stream->backlog_peak = MAX(stream->backlog_peak, stream->backlog->len);
    if (padding > 0)
        flush(stream); /* in one piece: one segment, where one will do */
    return IO_OK;
}

/* --- in ---------------------------------------------------------------------------------------------------------- */

static void
end(struct stun_stream *stream, enum io_result why, enum stun_fault fault)
{
    stream->ended = true;
    stream->events->ended(stream->udp.owner, &stream->udp, why, fault);
}

static void
deliver(struct stun_stream *stream, struct span message)
{
    struct io_tcp *tcp = stream->tcp;
    struct io_datagram datagram = IO_DATAGRAM_TO(tcp->ops->peer(tcp), message);

    datagram.local = tcp->ops->local(tcp);
    stream->udp.events->datagram(stream->udp.owner, &stream->udp, &datagram);
}

/* Reads once. False when there is nothing now, or no more. */
static bool
fill(struct stun_stream *stream)
{
    enum io_result why;
    size_t room;
    uint8_t *buffer = stun_framing_room(&stream->framing, &room);
    ssize_t got = stream->tcp->ops->read(stream->tcp, buffer, room, &why);

    if (got > 0)
        stun_framing_filled(&stream->framing, (size_t)got);
    else if (got == 0)
        end(stream, IO_CLOSED, STUN_FAULT_NONE);
    else if (why != IO_AGAIN)
        end(stream, why, STUN_FAULT_NONE);
    return got > 0;
}

/* One message, or one read. False when nothing more is to be had now. */
static bool
step(struct stun_stream *stream)
{
    struct stun_frame frame;

    if (stream->closed || stream->ended || stream->backlog->len > 0)
        return false;
    frame = stun_framing_next(&stream->framing);
    if (frame.kind == STUN_FRAME_NONE)
        return fill(stream);
    if (frame.kind == STUN_FRAME_FAULT) {
        end(stream, IO_OK, frame.fault);
        return false;
    }
    deliver(stream, frame.bytes);
    return true;
}

/* While answers wait, what has come may be whole. */
static bool
is_partial(const struct stun_stream *stream)
{
    return !stream->ended && stream->backlog->len == 0 && stun_framing_pending(&stream->framing) > 0;
}

/* Takes what has come until there is no more, or answers wait to be sent. */
static void
pump(struct stun_stream *stream)
{
    stream->pumping = true;
    while (step(stream))
        ;
    stream->pumping = false;
    if (stream->closed) {
        free_stream(stream);
        return;
    }
    stun_framing_shrink(&stream->framing);
    if (stream->events->partial && is_partial(stream))
        stream->events->partial(stream->udp.owner, &stream->udp);
}

static void
on_ready(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    struct stun_stream *stream = owner;

    (void)tcp;
    if (stream->ended)
        return;
    switch (ready) {
    case IO_READABLE:
        pump(stream);
        break;
    case IO_CONNECTED: /* what was sent meanwhile goes: that it is writable need not be said once more */
    case IO_WRITABLE:
        flush(stream);
        pump(stream);
        break;
    case IO_FAILED:
        end(stream, result, STUN_FAULT_NONE);
        break;
    default:
        break;
    }
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static enum io_result
stream_join(struct io_udp *udp, const struct address *group, int interface)
{
    (void)udp, (void)group, (void)interface;
    return IO_UNSUPPORTED;
}

static struct endpoint
stream_local(const struct io_udp *udp)
{
    struct io_tcp *tcp = stream_of(udp)->tcp;

    return tcp->ops->local(tcp);
}

struct endpoint
stun_stream_peer(const struct io_udp *udp)
{
    struct io_tcp *tcp = stream_of(udp)->tcp;

    return tcp->ops->peer(tcp);
}

static void
close_stream(struct stun_stream *stream, bool reset)
{
    stream->tcp->ops->close(stream->tcp, reset);
    stream->closed = true;
    if (!stream->pumping)
        free_stream(stream);
}

struct io_tcp *
stun_stream_release(struct io_udp *udp, GByteArray **received, GByteArray **unsent)
{
    struct stun_stream *stream = stream_of(udp);
    struct stun_framing *framing = &stream->framing;
    struct io_tcp *tcp = stream->tcp;
    size_t pending = stun_framing_pending(framing);

    *received = g_byte_array_new();
    if (pending > 0)
        g_byte_array_append(*received, framing->buffer + framing->head, (guint)pending);
    *unsent = g_steal_pointer(&stream->backlog);
    stream->closed = true;
    if (!stream->pumping)
        free_stream(stream);
    return tcp;
}

static void
stream_close(struct io_udp *udp)
{
    close_stream(stream_of(udp), false);
}

void
stun_stream_reset(struct io_udp *udp)
{
    close_stream(stream_of(udp), true);
}

static const struct io_udp_ops stream_ops = {
    .send = stream_send,
    .join = stream_join,
    .local = stream_local,
    .close = stream_close,
};

struct io_udp *
stun_stream_take(struct io_tcp *tcp, const struct stun_stream_options *options,
                 const struct stun_stream_events *events, void *owner)
{
    struct stun_stream *stream = g_new0(struct stun_stream, 1);

    stream->udp = (struct io_udp){ .ops = &stream_ops, .events = &events->udp, .owner = owner };
    stream->events = events;
    stream->tcp = tcp;
    stream->framing.most = options->most;
    stream->framing.channels = options->channels;
    stream->backlog_most = options->backlog;
    stream->backlog = g_byte_array_new();
    tcp->ready = on_ready;
    tcp->owner = stream;
    tcp->ops->prompt(tcp, true); /* what is written is whole messages */
    return &stream->udp;
}
