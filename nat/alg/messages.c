/* Messages of streams: what the framer cuts out of what has been gathered is read, and what it is to become is kept. */
#include "nat/alg/connections.h"

static void
journal_passed(const struct alg_connection *connection, const struct packet *packet, enum alg_passed why, size_t bytes)
{
    alg_journal_passed(connection->streams->box->node, packet, why, bytes);
}

/* ---- one message */

static void
begin_message(struct alg_message *message, struct alg_connection *connection, const struct packet *packet,
              const struct nat_translation *way, struct span data)
{
    message->seat = connection->seat;
    message->packet = packet;
    message->way = *way;
    message->remote = connection->remote;
    message->data = data;
    message->is_stream = true;
    message->from_opener = connection->from_inside != way->inbound;
    message->memory = connection->memory;
    alg_message_begin(message);
}

static void
end_message(struct alg_message *message, bool changed)
{
    const struct alg *alg = message->seat->alg;

    if (changed)
        alg_journal_changed(message);
    else if (message->given_up || message->count > 0 || message->overfull)
        alg_take_back(message);
    if (alg->done)
        alg->done(message, changed);
}

/* Keeps what a message is to become. False when it passes as it is. */
static bool
keep_changes(struct alg_connection *connection, const struct alg_message *message)
{
    static const enum alg_passed because[] = { [STREAM_NO_ROOM] = ALG_PASSED_UNACKED, [STREAM_EMPTY] = ALG_PASSED_EMPTY };
    struct stream *stream = &connection->halves[message->way.inbound].stream;
    enum stream_edited edited;

    if (message->given_up || (message->count == 0 && !message->overfull))
        return false;
    if (message->overfull) {
        journal_passed(connection, message->packet, ALG_PASSED_CHANGES, message->data.length);
        return false;
    }
    if (!stream->store) {
        stream->store = slab_take(&connection->streams->stores);
        stream->store->count = stream->store->used = 0;
    }
    edited = stream_edit(stream, message->data.length, message->changes, message->count);
    if (edited != STREAM_EDITED)
        journal_passed(connection, message->packet, because[edited], message->data.length);
    return edited == STREAM_EDITED;
}

/* The first `length` bytes that are gathered are a message. True when the ALG goes on reading. */
static bool
read_message(struct alg_connection *connection, const struct packet *packet, const struct nat_translation *way,
             size_t length)
{
    struct alg_half *half = &connection->halves[way->inbound];
    struct alg_message message;

    if (half->given_up)
        return true;
    begin_message(&message, connection, packet, way, span_of(half->stream.gathered, length));
    message.seat->alg->read(&message);
    end_message(&message, keep_changes(connection, &message));
    return !message.stopped;
}

/* ---- the messages of a stream */

/* Bytes of a message that is too long pass. */
static void
skip(struct alg_half *half)
{
    struct stream *stream = &half->stream;
    uint32_t end = seq_min(half->skip, stream->end);

    stream_advance(stream, end - stream->start);
    half->skipping = end != half->skip;
}

enum alg_framed
alg_read_messages(struct alg_connection *connection, const struct packet *packet, const struct nat_translation *way)
{
    struct alg_half *half = &connection->halves[way->inbound];
    struct stream *stream = &half->stream;
    const struct alg_seat *seat = connection->seat;

    while (stream->start != stream->end) {
        struct span so_far = stream_gathered(stream);
        size_t length;

        if (half->skipping) {
            skip(half);
            continue;
        }
        length = seat->alg->frame(seat, so_far, connection->from_inside != way->inbound);
        if (length == ALG_FRAME_NONE) {
            journal_passed(connection, packet, ALG_PASSED_FOREIGN, so_far.length);
            return ALG_FRAMED_BLIND;
        }
        if (length == ALG_FRAME_MORE || (length > so_far.length && length <= ALG_MESSAGE_MAX))
            return ALG_FRAMED_PART;
        if (length > ALG_MESSAGE_MAX) {
            journal_passed(connection, packet, ALG_PASSED_LONG, length);
            half->skip = stream->start + (uint32_t)MIN(length, 1u << 30);
            half->skipping = true;
            continue;
        }
        if (!read_message(connection, packet, way, length))
            return ALG_FRAMED_BLIND; /* it has been kept, and goes on changed */
        half->given_up = false;
        stream_advance(stream, length);
    }
    return ALG_FRAMED_ALL;
}

/* ---- the naive way */

bool
alg_read_naively(struct alg_connection *connection, struct packet *packet, const struct nat_translation *way,
                 const struct tcp_segment *tcp)
{
    struct alg_streams *streams = connection->streams;
    struct writer writer = writer_over(streams->scratch, sizeof streams->scratch);
    struct alg_message message;
    size_t done = 0;
    bool changed;

    begin_message(&message, connection, packet, way, tcp->data);
    message.seat->alg->read(&message);
    for (unsigned i = 0; i < message.count; i++) {
        writer_span_put(&writer, span_of(tcp->data.bytes + done, message.changes[i].at - done));
        writer_span_put(&writer, message.changes[i].bytes);
        done = message.changes[i].at + message.changes[i].count;
    }
    writer_span_put(&writer, span_of(tcp->data.bytes + done, tcp->data.length - done));
    changed = message.count > 0 && !message.overfull && !message.given_up;
    if (changed && !packet_change_segment(packet, tcp, writer_span(&writer))) {
        changed = false;
        journal_passed(connection, packet, ALG_PASSED_ROOM, tcp->data.length);
    }
    end_message(&message, changed);
    return !message.stopped;
}
