/* The sink: whose packet it is, what it does to the figures, and whether the session follows it to where it came
 * from. */
#include "proto/rtp/session_private.h"

static struct flow
flow_as_came(const struct io_datagram *datagram)
{
    return (struct flow){ .source = datagram->peer.address,
                          .source_port = datagram->peer.port,
                          .destination = datagram->local.address,
                          .destination_port = datagram->local.port,
                          .protocol = PROTOCOL_UDP };
}

void
rtp_session_note_dropped(struct rtp_session *session, const struct io_datagram *datagram, enum drop_reason reason,
                         unsigned rule)
{
    struct record record = { .kind = &rtp_kind_dropped,
                             .packet = datagram->packet,
                             .verdict = VERDICT_DROP,
                             .reason = (uint8_t)reason,
                             .rule = (uint16_t)rule,
                             .before = flow_as_came(datagram) };

    rtp_session_note(session, &record);
}

/* --- sources ----------------------------------------------------------------------------------------------------- */

struct rtp_source *
rtp_session_source(struct rtp_session *session, uint32_t ssrc)
{
    for (int i = 0; i < RTP_SOURCES_MOST; i++)
        if (session->sources[i].used && session->sources[i].reception.ssrc == ssrc)
            return &session->sources[i];
    return NULL;
}

/* Who may take the place of a source: one that nobody is in, else one that is not believed, else one that has been
 * silent; of those the one heard longest ago. NULL: all are there. */
static struct rtp_source *
place_for_another(struct rtp_session *session, int64_t now)
{
    struct rtp_source *best = NULL;
    int best_rank = 0;

    for (int i = 0; i < RTP_SOURCES_MOST; i++) {
        struct rtp_source *source = &session->sources[i];
        int rank = !source->used                                    ? 3
                   : !source->reception.valid                       ? 2
                   : now - source->reception.last_at >= RTP_SILENCE ? 1
                                                                    : 0;

        if (rank > best_rank ||
            (rank > 0 && rank == best_rank && source->reception.last_at < best->reception.last_at)) {
            best = source;
            best_rank = rank;
        }
    }
    return best;
}

static void
retire(struct rtp_session *session, struct rtp_source *source)
{
    const struct rtp_reception *reception = &source->reception;

    if (session->current == source)
        session->current = NULL;
    if (!source->used)
        return;
    source->used = false;
    if (!reception->valid) {
        session->stats.odd.unbelieved += reception->arrived;
        return;
    }
    session->stats.odd.unbelieved += reception->jumps;
    session->ended.expected += rtp_reception_expected(reception);
    session->ended.received += rtp_reception_received(reception);
    session->ended.bytes += reception->bytes;
    session->ended.duplicates += reception->duplicates;
    session->ended.reordered += reception->reordered;
    session->ended.late += reception->late;
    session->ended.restarts += reception->restarts;
}

static struct rtp_source *
add_source(struct rtp_session *session, const struct rtp_packet *packet, int64_t now)
{
    struct rtp_source *source = place_for_another(session, now);

    if (!source)
        return NULL;
    retire(session, source);
    source->used = true;
    rtp_reception_begin(&source->reception, packet->ssrc, session->options.codec->clock, session->options.playout);
    return source;
}

/* --- starting, stopping ------------------------------------------------------------------------------------------ */

static void
arm_silence(struct rtp_session *session, int64_t at)
{
    session->io->ops->arm(session->io, &session->silence, time_add(at, RTP_SILENCE), false);
}

void
rtp_session_silence_fire(void *owner, struct io_timer *timer)
{
    struct rtp_session *session = owner;
    const struct rtp_source *current = session->current;
    struct record record = { .kind = &rtp_kind_stopped, .rule = RTP_STOPPED_SILENCE };

    (void)timer;
    if (session->heard_at < 0 || session->silent || !current)
        return;
    if (session->io->ops->now(session->io) - session->heard_at < RTP_SILENCE) {
        arm_silence(session, session->heard_at);
        return;
    }
    session->silent = true;
    record.subject[0] = current->reception.ssrc;
    record.detail = (int64_t)rtp_reception_received(&current->reception);
    record.before = rtp_session_flow_from(session, current->from);
    rtp_session_note(session, &record);
    rtp_session_add_news(session, RTP_STOPPED, current->from, current->reception.ssrc, false);
    rtp_session_tell(session);
}

void
rtp_session_expect(struct rtp_session *session)
{
    if (rtp_direction_receives(session->options.direction))
        return;
    session->heard_at = -1; /* that nothing comes any more is as it shall be */
    session->silent = false;
    session->io->ops->disarm(session->io, &session->silence);
}

static void
note_heard(struct rtp_session *session, const struct rtp_source *source, const struct io_datagram *datagram,
           int64_t gap)
{
    struct record record = { .kind = &rtp_kind_heard,
                             .packet = datagram->packet,
                             .before = flow_as_came(datagram),
                             .subject = { source->reception.ssrc, source->payload_type },
                             .detail = gap };

    rtp_session_note(session, &record);
}

/* A packet of a source that is believed has come. */
static void
hear(struct rtp_session *session, struct rtp_source *source, const struct io_datagram *datagram, bool first,
     int64_t now)
{
    bool rested = session->silent || session->heard_at < 0;

    if (first) {
        session->stats.received.sources++;
        note_heard(session, source, datagram, 0);
        rtp_session_add_news(session, RTP_HEARD, datagram->peer, source->reception.ssrc, false);
    } else if (rested) {
        note_heard(session, source, datagram, now - session->stats.received.last_at);
        rtp_session_add_news(session, RTP_RESUMED, datagram->peer, source->reception.ssrc, false);
    }
    if (rested)
        arm_silence(session, now);
    if (session->stats.received.first_at < 0)
        session->stats.received.first_at = source->reception.first_at;
    session->stats.received.last_at = now;
    session->stats.received.from = datagram->peer;
    session->stats.peer.bye = false;
    session->silent = false;
    session->heard_at = now;
    session->current = source;
}

/* --- latching ---------------------------------------------------------------------------------------------------- */

/* Whether a packet of `source` may move a latch: the first one that is believed; with RTP_LATCH_FOLLOW then only one of
 * the same source that goes on where it was, or of another when that one has been silent. */
static bool
may_latch(struct rtp_session *session, const struct rtp_source *source, enum rtp_taken taken, int64_t now)
{
    const struct rtp_source *holder;

    if (session->options.latch == RTP_LATCH_OFF || !session->latched)
        return session->options.latch != RTP_LATCH_OFF;
    if (session->options.latch == RTP_LATCH_ONCE)
        return false;
    if (source->reception.ssrc == session->latched_ssrc)
        return taken == RTP_TAKEN;
    holder = rtp_session_source(session, session->latched_ssrc);
    return !holder || now - holder->reception.last_at >= RTP_SILENCE;
}

static void
latch(struct rtp_session *session, const struct rtp_source *source, const struct io_datagram *datagram)
{
    struct record record = { .kind = &rtp_kind_redirected, .packet = datagram->packet, .rule = 1 };

    session->latched_ssrc = source->reception.ssrc;
    session->latched = true;
    if (endpoint_equal(session->peer, datagram->peer))
        return;
    record.before = rtp_session_flow_to(session, session->peer);
    record.after = rtp_session_flow_to(session, datagram->peer);
    session->peer = datagram->peer;
    rtp_session_note(session, &record);
    rtp_session_derive_rtcp(session);
    rtp_session_pace(session, RTP_QUIET_HOLD);
    rtp_session_keep(session);
    rtp_session_add_news(session, RTP_LATCHED, session->peer, source->reception.ssrc, false);
}

/* --- packets ----------------------------------------------------------------------------------------------------- */

void
rtp_session_collide(struct rtp_session *session, const struct io_datagram *datagram)
{
    session->stats.odd.collisions++;
    rtp_session_note_dropped(session, datagram, DROP_UNEXPECTED_RTP, RTP_UNEXPECTED_COLLISION);
    if (endpoint_equal(session->conflict, datagram->peer))
        return; /* our own, in a loop: another SSRC would come back as well */
    session->conflict = datagram->peer;
    rtp_session_say_bye(session);
    rtp_session_draw_source(session);
    session->earlier_packets = session->stats.sent.packets;
    session->earlier_bytes = session->stats.sent.bytes;
}

static bool
type_is_known(const struct rtp_session *session, unsigned payload_type)
{
    return payload_type == session->options.codec->payload_type || payload_type == RTP_PAYLOAD_TYPE_NOISE;
}

static void
take_media(struct rtp_session *session, const struct rtp_packet *packet, const struct io_datagram *datagram)
{
    int64_t now = session->io->ops->now(session->io);
    struct rtp_source *source = rtp_session_source(session, packet->ssrc);
    enum rtp_taken taken;

    if (!source && !(source = add_source(session, packet, now))) {
        session->stats.odd.crowded++;
        rtp_session_note_dropped(session, datagram, DROP_UNEXPECTED_RTP, RTP_UNEXPECTED_SOURCE);
        return;
    }
    source->payload_type = packet->payload_type;
    taken = rtp_reception_take(&source->reception, packet, now);
    if (!source->reception.valid || taken == RTP_TAKEN_JUMP || taken == RTP_TAKEN_DUPLICATE)
        return;
    source->from = datagram->peer;
    if (may_latch(session, source, taken, now))
        latch(session, source, datagram);
    hear(session, source, datagram, taken == RTP_TAKEN_VALID, now);
}

static void
take_rtp(struct rtp_session *session, const struct io_datagram *datagram)
{
    struct rtp_packet packet;
    enum rtp_fault fault = rtp_packet_decode(datagram->data, &packet);

    if (fault != RTP_FAULT_NONE) {
        session->stats.odd.malformed_rtp++;
        rtp_session_note_dropped(session, datagram, DROP_MALFORMED_RTP, fault);
    } else if (packet.ssrc == session->ssrc) {
        rtp_session_collide(session, datagram);
    } else if (!type_is_known(session, packet.payload_type)) {
        session->stats.odd.wrong_type++;
        rtp_session_note_dropped(session, datagram, DROP_UNEXPECTED_RTP, RTP_UNEXPECTED_TYPE);
    } else if (!rtp_direction_receives(session->options.direction)) {
        session->stats.odd.unwanted++;
    } else {
        take_media(session, &packet, datagram);
    }
}

bool
rtp_session_input(struct rtp_session *session, struct io_udp *udp, const struct io_datagram *datagram)
{
    (void)udp;
    rtp_session_changed(session);
    switch (rtp_sort_of(datagram->data)) {
    case RTP_SORT_RTP:
        take_rtp(session, datagram);
        break;
    case RTP_SORT_RTCP:
        rtp_session_take_rtcp(session, datagram);
        break;
    default:
        if (datagram->data.length > 0)
            return false;
        session->stats.received.keepalives++;
    }
    if (session->news_count > 0)
        rtp_session_tell(session);
    return true;
}

static void
on_datagram(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct rtp_session *session = owner;

    if (rtp_session_input(session, udp, datagram))
        return;
    session->stats.odd.malformed_rtp++;
    rtp_session_note_dropped(session, datagram, DROP_MALFORMED_RTP,
                             datagram->data.length < 2 ? RTP_FAULT_SHORT : RTP_FAULT_VERSION);
}

void
rtp_session_icmp(struct rtp_session *session, const struct io_icmp *icmp)
{
    (void)icmp;
    session->stats.odd.icmp++;
}

static void
on_icmp(void *owner, struct io_udp *udp, const struct io_icmp *icmp)
{
    (void)udp;
    rtp_session_icmp(owner, icmp);
}

const struct io_udp_events rtp_session_events = { on_datagram, on_icmp };
