/* The media source.
 *
 * A packet stands ready in the session; what changes from one to the next is written into its header. One timer sends
 * one packet a turn, and is not armed while nothing is to be sent, except for the end of the duration. Timestamps are
 * those of the slots: after a pause the next one is as far ahead as the pause was long (RFC 3550 section 5.1). */
#include "proto/rtp/session_private.h"

enum { BEHIND_MOST = 50 }; /* packets that a source which was held up sends at once; beyond, it skips */

void
rtp_session_draw_source(struct rtp_session *session)
{
    session->io->ops->random(session->io, &session->ssrc, sizeof session->ssrc);
}

void
rtp_session_form_packet(struct rtp_session *session)
{
    const struct rtp_codec *codec = session->options.codec;
    struct writer writer = writer_over(session->packet, sizeof session->packet);
    int64_t milliseconds = session->options.interval / TIME_MS;

    session->samples = (uint32_t)(codec->clock / 1000 * milliseconds);
    writer_zeros(&writer, RTP_HEADER_BYTES);
    for (int64_t i = 0; i < milliseconds; i++)
        writer_span_put(&writer, span_of(codec->tone, sizeof codec->tone));
    g_assert(!writer_failed(&writer));
    session->length = writer_length(&writer);
}

enum io_result
rtp_session_send(struct rtp_session *session, struct io_udp *udp, struct endpoint peer, struct span data)
{
    struct io_datagram datagram = IO_DATAGRAM_TO(peer, data);

    datagram.local = session->options.source;
    if (udp == session->rtp)
        session->sent_at = session->io->ops->now(session->io);
    return udp->ops->send(udp, &datagram);
}

uint32_t
rtp_session_timestamp_at(const struct rtp_session *session, int64_t now)
{
    int64_t passed = now - session->slot, clock = session->options.codec->clock; /* the next slot may be ahead */

    return session->timestamp + (uint32_t)(passed / TIME_S * clock + passed % TIME_S * clock / TIME_S);
}

/* A talkspurt begins. */
static void
note_sending(struct rtp_session *session)
{
    struct record record = { .kind = &rtp_kind_sending,
                             .before = rtp_session_flow_to(session, session->peer),
                             .subject = { session->ssrc, session->options.codec->payload_type },
                             .detail = session->options.interval };

    rtp_session_note(session, &record);
}

static void
send_packet(struct rtp_session *session)
{
    struct writer writer = writer_over(session->packet, RTP_HEADER_BYTES);
    enum io_result result;

    if (session->marker)
        note_sending(session);
    writer_u8(&writer, RTP_VERSION << 6);
    writer_u8(&writer, (uint8_t)(session->marker << 7 | session->options.codec->payload_type));
    writer_u16(&writer, session->sequence++);
    writer_u32(&writer, session->timestamp);
    writer_u32(&writer, session->ssrc);
    session->marker = false;
    rtp_session_changed(session);
    result = rtp_session_send(session, session->rtp, session->peer, span_of(session->packet, session->length));
    if (result != IO_OK) {
        session->stats.sent.failed++;
        return;
    }
    session->said = true;
    session->stats.sent.packets++;
    session->stats.sent.bytes += session->length - RTP_HEADER_BYTES;
}

/* --- when -------------------------------------------------------------------------------------------------------- */

static bool
may_send(const struct rtp_session *session)
{
    return session->started && rtp_direction_sends(session->options.direction) && rtp_endpoint_is_known(session->peer);
}

static void
arm(struct rtp_session *session, int64_t at)
{
    session->io->ops->arm(session->io, &session->pace, at, session->ends_at != TIME_NEVER);
}

/* A talkspurt begins at once. */
static void
begin(struct rtp_session *session)
{
    int64_t now = session->io->ops->now(session->io);

    session->timestamp = rtp_session_timestamp_at(session, MAX(now, session->slot)); /* no instant is said twice */
    session->slot = now;
    session->marker = true;
    session->pacing = true;
    arm(session, now);
}

void
rtp_session_rest(struct rtp_session *session, enum rtp_quiet_why why)
{
    struct record record = { .kind = &rtp_kind_quiet,
                             .rule = (uint16_t)why,
                             .subject = { session->ssrc },
                             .before = rtp_session_flow_to(session, session->peer),
                             .detail = (int64_t)session->stats.sent.packets };

    session->pacing = false;
    if (!session->marker) /* it has begun, and was told to have */
        rtp_session_note(session, &record);
}

void
rtp_session_pace(struct rtp_session *session, enum rtp_quiet_why why)
{
    bool sends = may_send(session);

    if (sends && !session->pacing)
        begin(session);
    else if (!sends && session->pacing)
        rtp_session_rest(session, why);
    if (session->pacing)
        return;
    if (session->started && session->ends_at != TIME_NEVER)
        arm(session, session->ends_at);
    else
        session->io->ops->disarm(session->io, &session->pace);
}

/* The time is over: BYE, and the owner hears of it. */
static void
finish(struct rtp_session *session)
{
    rtp_session_say_bye(session);
    session->started = false;
    rtp_session_pace(session, RTP_QUIET_DONE);
    rtp_session_keep(session);
    session->io->ops->disarm(session->io, &session->report);
    rtp_session_add_news(session, RTP_DONE, session->peer, session->ssrc, false);
    rtp_session_tell(session);
}

/* The slot after this one. One that is far behind, as on a machine that was asleep, is left out, with its
 * timestamps. */
static void
step(struct rtp_session *session, int64_t now)
{
    int64_t missed = (now - session->slot) / session->options.interval;

    session->slot += session->options.interval;
    session->timestamp += session->samples;
    if (missed > BEHIND_MOST) {
        session->slot += missed * session->options.interval;
        session->timestamp += (uint32_t)missed * session->samples;
    }
}

void
rtp_session_pace_fire(void *owner, struct io_timer *timer)
{
    struct rtp_session *session = owner;
    int64_t now = session->io->ops->now(session->io);

    (void)timer;
    if (now >= session->ends_at || session->slot >= session->ends_at) {
        finish(session);
        return;
    }
    if (!session->pacing) {
        rtp_session_pace(session, RTP_QUIET_HOLD);
        return;
    }
    send_packet(session);
    step(session, now);
    arm(session, MIN(session->slot, session->ends_at));
}

/* --- keeping a NAT open ------------------------------------------------------------------------------------------ */

void
rtp_session_keep(struct rtp_session *session)
{
    if (session->options.keepalive == 0 || !session->started || !rtp_endpoint_is_known(session->peer)) {
        session->io->ops->disarm(session->io, &session->keepalive);
        return;
    }
    session->io->ops->arm(session->io, &session->keepalive,
                          time_add(session->io->ops->now(session->io), session->options.keepalive), false);
}

void
rtp_session_keep_alive(void *owner, struct io_timer *timer)
{
    struct rtp_session *session = owner;
    int64_t now = session->io->ops->now(session->io), due = time_add(session->sent_at, session->options.keepalive);

    if (session->sent_at >= 0 && due > now) {
        session->io->ops->arm(session->io, timer, due, false);
        return;
    }
    if (rtp_session_send(session, session->rtp, session->peer, span_of(NULL, 0)) == IO_OK)
        session->stats.sent.keepalives++;
    session->io->ops->arm(session->io, timer, time_add(now, session->options.keepalive), false);
}
