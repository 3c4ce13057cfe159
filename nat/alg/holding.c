/* What is held of a connection, and how segments go on.
 *
 * A held segment carries the bytes of its own range, and no two carry the same. Once its bytes have been let go it goes
 * on with what these are for the receiver: an edit belongs to the segment that has its first byte. So what is sent on
 * is the same whether a segment was held, came late, or came again with other boundaries.
 *
 * Numbers. What a segment says of its own direction is translated outwards, what it acknowledges of the other inwards:
 * the acknowledgement, the blocks of SACK (those that become empty are left out), and the window, whose edge moves by
 * what the edits between the two have added. One without data never points beyond what has been let go, so that the
 * receiver sees no gap; a keep-alive stays one before it (RFC 9293 section 3.8.4).
 *
 * Sizes. A segment that has grown may be longer than the path takes. What is longer than it was, and than 512 bytes
 * (which every path takes, RFC 9293 section 3.7.1), is cut in two. */
#include "nat/alg/connections.h"

enum { SAFE_BYTES = 512 };

static struct world *
world_of(const struct alg_connection *connection)
{
    return connection->streams->box->node->world;
}

static void
forward(struct alg_connection *connection, struct packet *packet)
{
    node_forward(connection->streams->box->node, packet);
}

/* ---- numbers */

/* The window that the sender tells, as bytes. */
static uint32_t
window_of(const struct alg_connection *connection, bool inbound, uint16_t window, uint8_t flags)
{
    const struct alg_half *half = &connection->halves[inbound], *other = &connection->halves[!inbound];
    bool scaled = !(flags & TCP_SYN) && half->has_scale && other->has_scale;

    return (uint32_t)window << (scaled ? half->scale : 0);
}

static void
translate_window(const struct alg_connection *connection, bool inbound, struct tcp_segment *tcp)
{
    const struct alg_half *half = &connection->halves[inbound], *other = &connection->halves[!inbound];
    uint32_t window = window_of(connection, inbound, tcp->window, tcp->flags);
    int32_t growth;

    if (!other->stream.store || window == 0)
        return;
    growth = stream_growth(&other->stream, tcp->ack, tcp->ack + window);
    if (growth <= 0)
        return;
    window = (uint32_t)growth < window ? window - (uint32_t)growth : 0;
    tcp->window = (uint16_t)(window >> (half->has_scale && other->has_scale ? half->scale : 0));
}

static void
translate_blocks(const struct stream *stream, struct tcp_segment *tcp)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < tcp->sack_count; i++) {
        struct tcp_block block = { stream_in_end(stream, tcp->sack[i].left), stream_in(stream, tcp->sack[i].right) };

        if (seq_before(block.left, block.right))
            tcp->sack[kept++] = block;
    }
    tcp->sack_count = (uint8_t)kept;
}

/* What a segment says of the other direction. */
static void
translate_acknowledgement(const struct alg_connection *connection, bool inbound, struct tcp_segment *tcp)
{
    const struct alg_half *other = &connection->halves[!inbound];
    const struct stream *stream = &other->stream;

    if (!(tcp->flags & TCP_ACK) || stream_is_plain(stream))
        return;
    translate_window(connection, inbound, tcp);
    tcp->ack = seq_max(stream_in(stream, tcp->ack), other->isn + 1); /* of one that is long overtaken nobody knows more */
    translate_blocks(stream, tcp);
}

/* A segment that has waited says what its sender has said since; an older timestamp would be taken for a segment of old
 * (RFC 7323 section 5). */
static void
renew(const struct alg_half *half, struct tcp_segment *tcp)
{
    if (half->has_ack && tcp->flags & TCP_ACK && seq_before(tcp->ack, half->ack)) {
        tcp->ack = half->ack;
        tcp->window = half->window;
        tcp->sack_count = 0;
    }
    if (tcp->has_timestamp && seq_before(tcp->timestamp, half->timestamp)) {
        tcp->timestamp = half->timestamp;
        tcp->echo = half->echo;
    }
}

static void
note_told(struct alg_half *half, const struct tcp_segment *tcp)
{
    if (tcp->flags & TCP_ACK && seq_before(half->told_ack, tcp->ack))
        half->told_ack = tcp->ack;
}

/* ---- bytes */

static void
change(struct packet *packet, const struct tcp_segment *tcp, struct span data)
{
    bool fits = packet_change_segment(packet, tcp, data);

    g_assert(fits); /* whoever calls has seen to it */
}

/* The first `length` bytes of what a segment has become go ahead. */
static void
send_ahead(struct alg_connection *connection, const struct packet *packet, struct tcp_segment *tcp, struct span *data,
           size_t length)
{
    size_t headers = packet->length - alg_segment_of(packet).data.length;
    struct packet *ahead = packet_copy_larger(world_of(connection), packet, MAX(packet->length, headers + length));
    struct tcp_segment first = *tcp;

    first.flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
    change(ahead, &first, span_of(data->bytes, length));
    tcp->seq += (uint32_t)length;
    tcp->urgent = tcp->urgent > length ? (uint16_t)(tcp->urgent - length) : 0;
    if (tcp->urgent == 0)
        tcp->flags &= (uint8_t)~TCP_URG;
    *data = span_of(data->bytes + length, data->length - length);
    forward(connection, ahead);
}

/* What the segment's bytes are for the receiver: its own, or written into the scratch space. */
static struct span
bytes_of(const struct alg_connection *connection, const struct stream *stream, const struct tcp_segment *tcp)
{
    struct alg_streams *streams = connection->streams;
    struct writer writer = writer_over(streams->scratch, sizeof streams->scratch);

    if (!stream->store || tcp->data.length == 0)
        return tcp->data;
    stream_write(stream, tcp->seq, tcp->data, &writer);
    g_assert(!writer_failed(&writer)); /* there is room for any segment with all edits */
    return writer_span(&writer);
}

static uint16_t
urgent_of(const struct stream *stream, const struct tcp_segment *tcp)
{
    uint32_t urgent = stream_out(stream, tcp->seq + tcp->urgent) - stream_out(stream, tcp->seq);

    return (uint16_t)MIN(urgent, UINT16_MAX);
}

/* The longest segment that may come of one. */
static size_t
limit_of(const struct alg_connection *connection, bool inbound, const struct packet *packet, const struct tcp_segment *tcp)
{
    uint16_t mss = connection->halves[!inbound].mss;
    size_t safe = MIN(SAFE_BYTES, mss ? mss : TCP_MSS_DEFAULT);

    return MAX(tcp->data.length, MIN(safe, tcp->data.length + packet_tailroom(packet)));
}

/* Leaves out what the receiver has acknowledged: its edits are forgotten, so nobody knows any more where it was. False
 * when that is all. */
static bool
cut_old(const struct alg_half *half, struct tcp_segment *tcp)
{
    uint32_t known = stream_in(&half->stream, half->acked), old;

    if (!half->begun || stream_is_plain(&half->stream) || tcp->data.length == 0 || !seq_before(tcp->seq, known))
        return true;
    old = known - tcp->seq;
    if (old >= tcp_segment_length(tcp))
        return false;
    old = MIN(old, (uint32_t)tcp->data.length);
    tcp->seq += old;
    tcp->data = span_of(tcp->data.bytes + old, tcp->data.length - old);
    tcp->urgent = tcp->urgent > old ? (uint16_t)(tcp->urgent - old) : 0;
    return true;
}

void
alg_translate(struct alg_connection *connection, bool inbound, struct packet *packet, bool held)
{
    struct alg_half *half = &connection->halves[inbound];
    struct tcp_segment tcp = alg_segment_of(packet);
    bool has_data = tcp.data.length > 0;
    struct span data;
    size_t limit;

    if (!has_data && !(tcp.flags & (TCP_SYN | TCP_FIN | TCP_RST))) {
        alg_make_bare(connection, inbound, packet, false);
        return;
    }
    if (!cut_old(half, &tcp)) {
        alg_make_bare(connection, inbound, packet, true); /* the receiver says so once more */
        return;
    }
    if (held)
        renew(half, &tcp);
    note_told(half, &tcp);
    data = bytes_of(connection, &half->stream, &tcp);
    if (has_data && data.length == 0 && !(tcp.flags & TCP_FIN)) {
        alg_make_bare(connection, inbound, packet, true); /* all of it is the rest of an edit: the receiver has it */
        return;
    }
    limit = limit_of(connection, inbound, packet, &tcp);
    translate_acknowledgement(connection, inbound, &tcp);
    if (tcp.flags & TCP_URG)
        tcp.urgent = urgent_of(&half->stream, &tcp);
    tcp.seq = stream_out(&half->stream, tcp.seq);
    while (data.length > limit)
        send_ahead(connection, packet, &tcp, &data, limit);
    change(packet, &tcp, data);
}

void
alg_make_bare(struct alg_connection *connection, bool inbound, struct packet *packet, bool probe)
{
    struct alg_half *half = &connection->halves[inbound];
    const struct stream *stream = &half->stream;
    struct tcp_segment tcp = alg_segment_of(packet);
    uint32_t next = stream->next, behind = seq_before(tcp.seq, next) ? next - tcp.seq : 0;

    note_told(half, &tcp);
    translate_acknowledgement(connection, inbound, &tcp);
    if (tcp.data.length > 0 || probe)
        behind = probe;
    tcp.seq = half->begun ? stream_out(stream, next) - behind : tcp.seq;
    tcp.flags &= (uint8_t) ~(TCP_FIN | TCP_PSH | TCP_URG);
    tcp.urgent = 0;
    change(packet, &tcp, span_of(NULL, 0));
}

void
alg_send_bare(struct alg_connection *connection, bool inbound, const struct packet *packet, bool probe)
{
    struct packet *copy = packet_copy(world_of(connection), packet);

    alg_make_bare(connection, inbound, copy, probe);
    forward(connection, copy);
}

/* Leaves of a segment what is behind `from`. */
static void
trim(struct packet *packet, uint32_t from)
{
    struct tcp_segment tcp = alg_segment_of(packet);
    uint32_t cut = from - tcp.seq;

    tcp.seq = from;
    tcp.urgent = tcp.urgent > cut ? (uint16_t)(tcp.urgent - cut) : 0;
    if (tcp.urgent == 0)
        tcp.flags &= (uint8_t)~TCP_URG;
    change(packet, &tcp, span_of(tcp.data.bytes + cut, tcp.data.length - cut));
}

void
alg_send_front(struct alg_connection *connection, bool inbound, struct packet *packet, uint32_t end, bool held)
{
    struct packet *front = packet_copy(world_of(connection), packet);
    struct tcp_segment tcp = alg_segment_of(front);

    tcp.flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
    change(front, &tcp, span_of(tcp.data.bytes, end - tcp.seq));
    alg_translate(connection, inbound, front, held);
    forward(connection, front);
    trim(packet, end);
}

/* ---- holding */

static void
journal_released(struct alg_connection *connection, const struct packet *packet)
{
    struct world *world = world_of(connection);
    struct record record;

    if (!world->journal || packet->in)
        return;
    record = packet_record(packet, &alg_released_kind, connection->streams->box->node);
    record.verdict = VERDICT_PASS;
    record.detail = world->now - packet->event.at;
    journal_take(world->journal, &record);
}

/* What is held still when a segment has been dealt with waits. `gap`: bytes before it are missing. */
static void
note_waiting(struct alg_connection *connection, struct alg_half *half, struct packet *packet)
{
    struct world *world = world_of(connection);
    struct record record;

    if (!packet->in)
        return;
    packet->in = NULL;             /* a port may go while it waits */
    packet->event.at = world->now; /* it is on no link */
    if (!world->journal)
        return;
    record = packet_record(packet, &alg_held_kind, connection->streams->box->node);
    record.verdict = VERDICT_HELD;
    record.rule = seq_before(half->stream.end, alg_segment_of(packet).seq + 1);
    record.detail = half->stream.end - half->stream.next;
    journal_take(world->journal, &record);
}

static void
insert_before(struct packet_list *list, struct packet *packet, struct packet *next)
{
    if (!next) {
        packet_list_push(list, packet);
        return;
    }
    packet->next = next;
    packet->previous = next->previous;
    if (next->previous)
        next->previous->next = packet;
    else
        list->first = packet;
    next->previous = packet;
}

void
alg_hold(struct alg_connection *connection, bool inbound, struct packet *packet)
{
    struct alg_half *half = &connection->halves[inbound];
    uint32_t seq = alg_segment_of(packet).seq;
    struct packet *next = half->held.first;

    while (next && seq_up_to(alg_segment_of(next).seq, seq))
        next = next->next;
    if (!half->held.first)
        half->held_since = world_of(connection)->now;
    insert_before(&half->held, packet, next);
    half->held_count++;
    half->held_bytes += packet->length;
    connection->streams->held++;
}

void
alg_unhold(struct alg_connection *connection, bool inbound, struct packet *packet)
{
    struct alg_half *half = &connection->halves[inbound];

    packet_list_remove(&half->held, packet);
    half->held_count--;
    half->held_bytes -= packet->length;
    connection->streams->held--;
}

bool
alg_holds(const struct alg_half *half, uint32_t from, uint32_t end)
{
    for (const struct packet *packet = half->held.first; packet; packet = packet->next) {
        struct tcp_segment tcp = alg_segment_of(packet);

        if (seq_up_to(tcp.seq, from) && seq_up_to(end, tcp.seq + tcp_segment_length(&tcp)))
            return true;
    }
    return false;
}

static void
end_held(struct alg_connection *connection, bool inbound, struct packet *packet, enum drop_reason reason)
{
    alg_unhold(connection, inbound, packet);
    packet_drop(connection->streams->box->node, packet, reason);
}

void
alg_drop_held(struct alg_connection *connection, bool inbound, enum drop_reason reason)
{
    while (connection->halves[inbound].held.first)
        end_held(connection, inbound, connection->halves[inbound].held.first, reason);
}

/* Cuts off what others carry already. */
static void
trim_held(struct alg_half *half, struct packet *packet, uint32_t from)
{
    half->held_bytes -= packet->length;
    trim(packet, from);
    half->held_bytes += packet->length;
}

bool
alg_gather(struct alg_connection *connection, bool inbound, bool *fin)
{
    struct alg_half *half = &connection->halves[inbound];
    struct stream *stream = &half->stream;
    uint32_t covered = stream->next;

    *fin = false;
    for (struct packet *packet = half->held.first, *next; packet; packet = next) {
        struct tcp_segment tcp = alg_segment_of(packet);
        uint32_t end = tcp.seq + (uint32_t)tcp.data.length;
        bool ends = tcp.flags & TCP_FIN;

        next = packet->next;
        if (seq_before(covered, tcp.seq))
            break;
        if (seq_up_to(end, covered) && (!ends || seq_before(end, covered))) {
            end_held(connection, inbound, packet, DROP_STREAM_HELD);
            continue;
        }
        if (seq_before(tcp.seq, covered)) {
            trim_held(half, packet, covered);
            tcp = alg_segment_of(packet);
        }
        if (seq_before(stream->end, end)) {
            uint32_t known = stream->end - tcp.seq;

            if (end - stream->end > stream_room(stream))
                return false;
            if (!stream->gathered)
                stream->gathered = slab_take(&connection->streams->gathered);
            stream_gather(stream, span_of(tcp.data.bytes + known, tcp.data.length - known));
            half->newest_at = world_of(connection)->now;
        }
        covered = end;
        *fin = ends;
        if (ends)
            break;
    }
    return true;
}

void
alg_release(struct alg_connection *connection, bool inbound)
{
    struct alg_half *half = &connection->halves[inbound];
    struct packet *packet;

    while ((packet = half->held.first)) {
        struct tcp_segment tcp = alg_segment_of(packet);
        uint32_t end = tcp.seq + tcp_segment_length(&tcp);

        if (!seq_before(tcp.seq, half->stream.next))
            break;
        if (seq_before(half->stream.next, end)) {
            half->held_bytes -= packet->length;
            journal_released(connection, packet);
            alg_send_front(connection, inbound, packet, half->stream.next, true);
            half->held_bytes += packet->length;
            break;
        }
        alg_unhold(connection, inbound, packet);
        if (tcp.flags & TCP_FIN)
            half->ended = true;
        journal_released(connection, packet);
        alg_translate(connection, inbound, packet, true);
        forward(connection, packet);
    }
}

void
alg_note_waiting(struct alg_connection *connection, bool inbound)
{
    struct alg_half *half = &connection->halves[inbound];

    for (struct packet *packet = half->held.first; packet; packet = packet->next)
        note_waiting(connection, half, packet);
}

void
alg_tidy(struct alg_connection *connection, bool inbound)
{
    struct alg_half *half = &connection->halves[inbound];
    struct stream *stream = &half->stream;

    if (stream->gathered && stream->start == stream->end) {
        slab_return(&connection->streams->gathered, stream->gathered);
        stream->gathered = NULL;
    }
    if (stream->store && stream->store->count == 0) {
        slab_return(&connection->streams->stores, stream->store);
        stream->store = NULL;
    }
    if (!connection->halves[0].held.first && !connection->halves[1].held.first)
        world_cancel(world_of(connection), &connection->event);
}

void
alg_blind(struct alg_connection *connection, bool inbound)
{
    struct alg_half *half = &connection->halves[inbound];
    uint32_t end = half->stream.end;

    half->blind = true;
    half->given_up = half->skipping = false;
    for (struct packet *packet = half->held.first; packet; packet = packet->next) {
        struct tcp_segment tcp = alg_segment_of(packet);

        end = seq_max(end, tcp.seq + tcp_segment_length(&tcp));
    }
    stream_skip(&half->stream, end);
    alg_release(connection, inbound);
    alg_tidy(connection, inbound);
}
