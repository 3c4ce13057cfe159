/* How ALGs read TCP: segments come in, messages are read, segments go on.
 *
 * A connection has two directions, and each is in one of these states:
 *
 *   plain      nothing is gathered, and nothing has been changed: positions are the same on both sides.
 *   gathering  the beginning of a message is there, and its segments are held; nothing behind it has gone on. The
 *              sender gets no acknowledgement for them, because the box makes none of its own. So it does not last: the
 *              message becomes complete, or is given up.
 *   given up   what has come of the message has gone on as it is, and the rest will; the next one is read again. Given
 *              up is a message when its sender can't go on without an acknowledgement: it sends again what is held
 *              already (not at once, for then a link has doubled it), or has used up the receiver's window. Also one
 *              that ends with the connection, and one that is held for too long. So a connection is never held up by
 *              more than a retransmission.
 *   skipping   the message is longer than what is held, but its length is known: it passes, and the next one is read
 *              again.
 *   blind      nothing is read any more: the ALG has stopped, this is not its protocol, too much would be held, or a
 *              RST has come. What has been changed is followed on: numbers are translated, retransmissions changed
 *              again.
 *
 * What comes:
 *
 *   in order            is gathered; whole messages are read, changed, and let go.
 *   behind a gap        is held, for nobody knows how long the gap will be for the receiver. Where nothing else is held
 *                       the receiver is made to repeat its acknowledgement, so that the sender learns of the gap (RFC
 *                       5681 section 3.2); after some time it is as lost as what was in the gap.
 *   before what has     is a retransmission, or a keep-alive: it goes on, changed as before, whatever its boundaries.
 *   been let go
 *   beyond the window   is a probe (RFC 9293 section 3.8.6.1): its header goes on, so that the receiver tells its
 *                       window; the byte will come again.
 *   FIN                 ends the last message; RST both directions. Data with a SYN (RFC 7413) is not read.
 *   held and repeated   is dropped.
 *
 * What a held segment acknowledges goes on at once by itself. Segments with a wrong checksum pass as they are, for the
 * receiver to drop. Hairpinned segments, and those between the families, are not read. */
#include "nat/alg/connections.h"

static struct world *
world_of(const struct alg_connection *connection)
{
    return connection->streams->box->node->world;
}

static void
journal_passed(const struct alg_connection *connection, const struct packet *packet, enum alg_passed why, size_t bytes)
{
    alg_journal_passed(connection->streams->box->node, packet, why, bytes);
}

static void
blind_both(struct alg_connection *connection)
{
    alg_blind(connection, false);
    alg_blind(connection, true);
}

/* ---- giving up */

static void
give_up(struct alg_connection *connection, bool inbound, const struct packet *packet, enum alg_passed why)
{
    struct alg_half *half = &connection->halves[inbound];

    journal_passed(connection, packet, why, half->stream.end - half->stream.next);
    half->given_up = true;
    stream_let_go(&half->stream);
}

/* Up to where the sender may send, as it sees it. */
static uint32_t
edge_of(const struct alg_half *half)
{
    return stream_in(&half->stream, half->window_edge);
}

/* ---- time */

static int64_t
time_up(const struct alg_half *half)
{
    return half->held.first ? time_add(half->held_since, ALG_HELD_TIME) : TIME_NEVER;
}

static void
arm(struct alg_connection *connection)
{
    int64_t at = MIN(time_up(&connection->halves[0]), time_up(&connection->halves[1]));

    if (at != TIME_NEVER && (!event_pending(&connection->event) || connection->event.at != at))
        world_schedule(world_of(connection), &connection->event, at);
}

static void
let_go_late(struct alg_connection *connection, bool inbound)
{
    struct alg_half *half = &connection->halves[inbound];

    if (world_of(connection)->now < time_up(half))
        return;
    if (half->stream.next != half->stream.end) {
        give_up(connection, inbound, half->held.first, ALG_PASSED_UNFINISHED);
        alg_release(connection, inbound);
    }
    alg_drop_held(connection, inbound, DROP_STREAM_GAP);
}

static void
fire(struct event *event)
{
    struct alg_connection *connection = (struct alg_connection *)event;

    let_go_late(connection, false);
    let_go_late(connection, true);
    alg_tidy(connection, false);
    alg_tidy(connection, true);
    arm(connection);
}

/* ---- segments with data */

/* Something has been gathered: reads, gives up what can't become complete, and sends on. */
static void
go_on(struct alg_connection *connection, const struct packet *packet, const struct nat_translation *way, bool fin)
{
    struct alg_half *half = &connection->halves[way->inbound];
    struct stream *stream = &half->stream;
    enum alg_framed framed = alg_read_messages(connection, packet, way);

    if (framed == ALG_FRAMED_BLIND) {
        blind_both(connection);
        return;
    }
    if (framed == ALG_FRAMED_PART && !half->given_up) {
        if (fin)
            give_up(connection, way->inbound, packet, ALG_PASSED_ENDED);
        else if (half->has_edge && seq_up_to(edge_of(half), stream->end))
            give_up(connection, way->inbound, packet, ALG_PASSED_WINDOW);
    }
    if (half->given_up || half->skipping)
        stream_let_go(stream);
    if (fin)
        stream_skip(stream, stream->end + 1);
    alg_release(connection, way->inbound);
}

/* What is held already comes again. Its sender waits, unless a link has doubled it. */
static void
take_repeated(struct alg_connection *connection, struct packet *packet, const struct nat_translation *way)
{
    struct alg_half *half = &connection->halves[way->inbound];
    struct node *node = connection->streams->box->node;

    if (world_of(connection)->now - half->newest_at >= ALG_HELD_PATIENCE && half->stream.next != half->stream.end) {
        give_up(connection, way->inbound, packet, ALG_PASSED_UNFINISHED);
        alg_release(connection, way->inbound);
    }
    packet_drop(node, packet, DROP_STREAM_HELD);
}

static bool
holds_too_much(const struct alg_connection *connection, const struct alg_half *half)
{
    return half->held_count > ALG_HELD_MAX || half->held_bytes > ALG_HELD_BYTES_MAX ||
           connection->streams->held > ALG_BOX_HELD_MAX;
}

/* New bytes, or a new FIN, from what has been let go on. */
static void
take_new(struct alg_connection *connection, struct packet *packet, const struct nat_translation *way, uint32_t seq)
{
    struct alg_half *half = &connection->halves[way->inbound];
    bool gap = seq_before(half->stream.end, seq), fin, fits;

    alg_hold(connection, way->inbound, packet);
    fits = alg_gather(connection, way->inbound, &fin);
    if (!fits || holds_too_much(connection, half)) {
        journal_passed(connection, packet, fits ? ALG_PASSED_HELD : ALG_PASSED_LONG, half->held_bytes);
        alg_blind(connection, way->inbound);
    } else if (!gap) {
        go_on(connection, packet, way, fin);
    } else if (half->stream.next == half->stream.end) {
        alg_send_bare(connection, way->inbound, packet, true);
    }
}

/* The last of the held segments has acknowledged something that has not gone on. */
static void
tell_acknowledgement(struct alg_connection *connection, bool inbound)
{
    const struct alg_half *half = &connection->halves[inbound];

    if (half->held.last && half->has_ack && seq_before(half->told_ack, half->ack))
        alg_send_bare(connection, inbound, half->held.last, false);
}

static enum verdict
take_data(struct alg_connection *connection, struct packet *packet, const struct nat_translation *way,
          const struct tcp_segment *tcp)
{
    struct alg_half *half = &connection->halves[way->inbound];
    struct stream *stream = &half->stream;
    uint32_t seq = tcp->seq, data_end = seq + (uint32_t)tcp->data.length, end = tcp->seq + tcp_segment_length(tcp);

    if (seq_up_to(end, stream->next)) {
        alg_translate(connection, way->inbound, packet, false);
        return VERDICT_PASS;
    }
    if (tcp->data.length > 0 && half->has_edge && seq_up_to(stream->next, seq) && seq_up_to(edge_of(half), seq)) {
        alg_make_bare(connection, way->inbound, packet, true);
        return VERDICT_PASS;
    }
    if (seq_before(seq, stream->next)) {
        alg_send_front(connection, way->inbound, packet, stream->next, false);
        seq = stream->next;
    }
    if ((seq_up_to(data_end, stream->end) && !(tcp->flags & TCP_FIN)) || alg_holds(half, seq, end))
        take_repeated(connection, packet, way);
    else
        take_new(connection, packet, way, seq);
    alg_note_waiting(connection, way->inbound);
    tell_acknowledgement(connection, way->inbound);
    alg_tidy(connection, way->inbound);
    arm(connection);
    return VERDICT_HELD;
}

/* ---- what segments say */

static void
note_sender(struct alg_half *half, const struct tcp_segment *tcp)
{
    if (tcp->flags & TCP_ACK && (!half->has_ack || seq_up_to(half->ack, tcp->ack))) {
        if (!half->has_ack)
            half->told_ack = tcp->ack - 1;
        half->has_ack = true;
        half->ack = tcp->ack;
        half->window = tcp->window;
    }
    if (tcp->has_timestamp && (half->timestamp == 0 || seq_before(half->timestamp, tcp->timestamp))) {
        half->timestamp = tcp->timestamp;
        half->echo = tcp->echo;
    }
}

/* What the receiver of `half` says, in a segment of its own. */
static void
note_receiver(struct alg_connection *connection, bool inbound, const struct tcp_segment *tcp)
{
    struct alg_half *half = &connection->halves[inbound];
    const struct alg_half *receiver = &connection->halves[!inbound];
    bool scaled = !(tcp->flags & TCP_SYN) && half->has_scale && receiver->has_scale;

    if (!(tcp->flags & TCP_ACK) || !half->begun || seq_before(tcp->ack, half->acked) ||
        seq_before(stream_out(&half->stream, half->stream.next), tcp->ack))
        return;
    half->acked = tcp->ack;
    half->window_edge = tcp->ack + ((uint32_t)tcp->window << (scaled ? receiver->scale : 0));
    half->has_edge = true;
    if (stream_acknowledge(&half->stream, tcp->ack))
        alg_tidy(connection, inbound);
}

/* ---- beginnings */

static void
begin_half(struct alg_connection *connection, bool inbound, const struct tcp_segment *tcp)
{
    struct alg_half *half = &connection->halves[inbound];

    half->begun = true;
    half->isn = tcp->seq;
    half->acked = tcp->seq + 1;
    half->mss = tcp->mss;
    half->has_scale = tcp->scale != TCP_NO_SCALE;
    half->scale = half->has_scale ? tcp->scale : 0;
    stream_begin(&half->stream, tcp->seq + 1);
    if (tcp->data.length == 0)
        return;
    half->blind = true;
    stream_skip(&half->stream, tcp->seq + tcp_segment_length(tcp));
}

/* Who reads a connection to this port. */
static struct alg_seat *
seat_for(const struct alg_box *box, uint16_t port)
{
    for (unsigned i = 0; i < box->count; i++)
        if (box->seats[i]->alg->over & ALG_OVER_TCP &&
            (box->seats[i]->alg->port == 0 || box->seats[i]->alg->port == port))
            return box->seats[i];
    return NULL;
}

static struct endpoint
remote_of(const struct packet *packet, const struct nat_translation *way)
{
    return way->inbound ? flow_source(&packet->flow) : flow_destination(&packet->flow);
}

/* A connection that is new to the box, when there is room for it. */
static struct alg_connection *
new_connection(struct alg_box *box, struct packet *packet, const struct nat_translation *way, bool begins)
{
    struct alg_connection *connection;

    if (!box->streams)
        box->streams = alg_streams_new(box);
    connection = alg_connection_new(box->streams, way->internal, remote_of(packet, way));
    if (!connection && !box->streams->full)
        alg_journal_passed(box->node, packet, ALG_PASSED_CONNECTIONS, 0);
    if (!connection) {
        box->streams->full = true;
        return NULL;
    }
    connection->event.fire = fire;
    connection->seat = begins ? seat_for(box, packet->flow.destination_port) : NULL;
    connection->from_inside = !way->inbound;
    return connection;
}

/* A SYN that asks for a connection. */
static struct alg_connection *
begin(struct alg_box *box, struct alg_connection *connection, struct packet *packet, const struct nat_translation *way,
      const struct tcp_segment *tcp)
{
    struct alg_half *half = connection ? &connection->halves[way->inbound] : NULL;
    bool crossed = connection && connection->seat && !half->begun && !connection->over;

    if (connection && half->begun && half->isn == tcp->seq)
        return connection; /* sent again */
    if (!crossed && connection) {
        alg_drop_held(connection, false, DROP_STREAM_GAP);
        alg_drop_held(connection, true, DROP_STREAM_GAP);
        alg_connection_free(connection);
    }
    if (!crossed)
        connection = seat_for(box, packet->flow.destination_port) ? new_connection(box, packet, way, true) : NULL;
    if (connection)
        begin_half(connection, way->inbound, tcp);
    return connection;
}

/* One that the box did not see begin: known from now on, so that it is told of once. */
static void
meet(struct alg_box *box, struct packet *packet, const struct nat_translation *way)
{
    if (!seat_for(box, packet->flow.destination_port) && !seat_for(box, packet->flow.source_port))
        return;
    if (new_connection(box, packet, way, false))
        alg_journal_passed(box->node, packet, ALG_PASSED_MIDDLE, 0);
}

/* ---- every segment */

static bool
is_naive(const struct alg_connection *connection)
{
    return connection->seat && connection->seat->quirks & connection->seat->alg->segments_quirk;
}

/* Numbers are translated where anything has been changed, or is held. */
static void
pass(struct alg_connection *connection, bool inbound, struct packet *packet, const struct tcp_segment *tcp)
{
    struct alg_half *half = &connection->halves[inbound];
    const struct stream *back = &connection->halves[!inbound].stream;

    if (half->begun && !(tcp->flags & TCP_RST))
        stream_skip(&half->stream, seq_max(half->stream.end, tcp->seq + tcp_segment_length(tcp)));
    if (tcp->flags & TCP_FIN)
        half->ended = true;
    if (!stream_is_plain(&half->stream) || !stream_is_plain(back))
        alg_translate(connection, inbound, packet, false);
}

/* A segment of what is not read, or one without data. */
static void
pass_on(struct alg_connection *connection, struct packet *packet, const struct nat_translation *way,
        const struct tcp_segment *tcp)
{
    struct alg_half *half = &connection->halves[way->inbound];
    const struct stream *back = &connection->halves[!way->inbound].stream;

    if (tcp->flags & TCP_ACK && half->has_ack)
        half->told_ack = seq_max(half->told_ack, tcp->ack);
    if (is_naive(connection) && !half->blind) {
        half->ended |= (tcp->flags & TCP_FIN) != 0;
        if (tcp->data.length > 0 && !alg_read_naively(connection, packet, way, tcp))
            blind_both(connection);
    } else if (tcp_segment_length(tcp) > 0) {
        pass(connection, way->inbound, packet, tcp);
    } else if (half->held.first || !stream_is_plain(&half->stream) || !stream_is_plain(back)) {
        alg_translate(connection, way->inbound, packet, false);
    }
}

static enum verdict
read_known(struct alg_connection *connection, struct packet *packet, const struct nat_translation *way,
           const struct tcp_segment *tcp)
{
    struct alg_half *half = &connection->halves[way->inbound];

    note_sender(half, tcp);
    note_receiver(connection, !way->inbound, tcp);
    if (tcp->flags & TCP_SYN)
        return VERDICT_PASS;
    if (tcp->flags & TCP_RST) {
        blind_both(connection);
        connection->halves[0].ended = connection->halves[1].ended = true;
    }
    if (!half->begun && tcp->data.length > 0)
        half->blind = true;
    if (connection->seat && !half->blind && tcp_segment_length(tcp) > 0 && !is_naive(connection))
        return take_data(connection, packet, way, tcp);
    pass_on(connection, packet, way, tcp);
    return VERDICT_PASS;
}

enum verdict
alg_read_segment(struct alg_box *box, struct packet *packet, const struct nat_translation *way)
{
    struct alg_connection *connection;
    struct tcp_segment tcp;

    if (way->hairpin || address_is_ipv4(way->internal.address) != address_is_ipv4(way->external.address) ||
        tcp_segment_read(packet_transport(packet), &tcp) != DROP_NONE || !ip_transport_checksum_ok(packet))
        return VERDICT_PASS;
    connection = box->streams ? alg_connection_find(box->streams, way->internal, remote_of(packet, way)) : NULL;
    if ((tcp.flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN)
        connection = begin(box, connection, packet, way, &tcp);
    else if (!connection && tcp.data.length > 0)
        meet(box, packet, way);
    else if (connection && tcp.flags & TCP_SYN && connection->seat && !connection->halves[way->inbound].begun)
        begin_half(connection, way->inbound, &tcp);
    if (!connection)
        return VERDICT_PASS;
    alg_connection_use(connection);
    return read_known(connection, packet, way, &tcp);
}

/* ---- ends */

static void
leave(struct alg_age *age, const struct alg_seat *seat)
{
    for (struct alg_connection *connection = age->oldest; connection; connection = connection->newer) {
        if (connection->seat != seat)
            continue;
        blind_both(connection);
        connection->seat = NULL;
    }
}

void
alg_leave_connections(struct alg_box *box, const struct alg_seat *seat)
{
    if (!box->streams)
        return;
    leave(&box->streams->standing, seat);
    leave(&box->streams->over, seat);
}

static void
forget(struct alg_age *age)
{
    while (age->oldest) {
        alg_drop_held(age->oldest, false, DROP_NODE_DOWN);
        alg_drop_held(age->oldest, true, DROP_NODE_DOWN);
        alg_connection_free(age->oldest);
    }
}

void
alg_forget_connections(struct alg_box *box)
{
    if (!box->streams)
        return;
    forget(&box->streams->standing);
    forget(&box->streams->over);
}
