/* RTCP: reports at random intervals, what the peer's reports say, and farewells. */
#include "proto/rtp/session_private.h"

enum { COMPOUND_MOST = 512 }; /* an SR of 28 bytes, a block of 24 for each source, an SDES of up to 268, a BYE of 8 */

static bool
can_send(const struct rtp_session *session)
{
    return session->options.rtcp_way != RTP_RTCP_NONE && session->rtcp && rtp_endpoint_is_known(session->rtcp_peer);
}

/* --- sending ----------------------------------------------------------------------------------------------------- */

/* Blocks about those who were heard since the last report (section 6.4). */
static unsigned
form_blocks(struct rtp_session *session, int64_t now, struct rtcp_block *blocks)
{
    unsigned count = 0;

    for (int i = 0; i < RTP_SOURCES_MOST; i++) {
        struct rtp_reception *reception = &session->sources[i].reception;

        if (session->sources[i].used && reception->valid && reception->arrived != reception->arrived_prior)
            rtp_reception_report(reception, now, &blocks[count++]);
    }
    return count;
}

/* An SR while media was sent since the second last report, else an RR (section 6.4), then the CNAME. */
static void
form_compound(struct rtp_session *session, struct writer *writer)
{
    int64_t now = session->io->ops->now(session->io);
    struct rtcp_block blocks[RTP_SOURCES_MOST];
    unsigned count = form_blocks(session, now, blocks);
    struct rtcp_sender sender = {
        .ntp = rtcp_ntp_of(now),
        .timestamp = rtp_session_timestamp_at(session, now),
        .packets = (uint32_t)(session->stats.sent.packets - session->earlier_packets),
        .octets = (uint32_t)(session->stats.sent.bytes - session->earlier_bytes),
    };
    bool sends = session->stats.sent.packets != session->reported_packets[1];

    session->reported_packets[1] = session->reported_packets[0];
    session->reported_packets[0] = session->stats.sent.packets;
    rtcp_write_report(writer, session->ssrc, sends ? &sender : NULL, blocks, count);
    rtcp_write_cname(writer, session->ssrc, span_of_text(session->cname));
}

static void
send_compound(struct rtp_session *session, bool bye)
{
    uint8_t buffer[COMPOUND_MOST];
    struct writer writer = writer_over(buffer, sizeof buffer);

    form_compound(session, &writer);
    if (bye)
        rtcp_write_bye(&writer, session->ssrc, span_of(NULL, 0));
    g_assert(!writer_failed(&writer));
    if (rtp_session_send(session, session->rtcp, session->rtcp_peer, writer_span(&writer)) != IO_OK) {
        session->stats.sent.failed++;
        return;
    }
    session->said = true;
    session->stats.sent.reports++;
}

/* Who has sent nothing says no BYE (section 6.3.7). */
void
rtp_session_say_bye(struct rtp_session *session)
{
    if (session->said && can_send(session))
        send_compound(session, true);
    session->said = false;
}

/* `interval` times 0.5 to 1.5, divided by e - 3/2 (section 6.3.1): without reconsideration's effect on the mean, the
 * divisor makes intervals a little short, as the RFC's own are among few. */
static int64_t
draw_interval(struct rtp_session *session, int64_t interval)
{
    uint32_t draw;

    session->io->ops->random(session->io, &draw, sizeof draw);
    return (int64_t)((unsigned __int128)interval * (UINT64_C(0x80000000) + draw) / UINT64_C(5232480610));
}

static void
arm(struct rtp_session *session, int64_t interval)
{
    int64_t wait = MAX(draw_interval(session, interval), 1);

    session->io->ops->arm(session->io, &session->report, time_add(session->io->ops->now(session->io), wait), false);
}

void
rtp_session_report_begin(struct rtp_session *session)
{
    if (session->options.rtcp_way != RTP_RTCP_NONE)
        arm(session, session->options.report / 2);
}

void
rtp_session_report_fire(void *owner, struct io_timer *timer)
{
    struct rtp_session *session = owner;

    (void)timer;
    if (can_send(session))
        send_compound(session, false);
    arm(session, session->options.report);
}

/* --- receiving --------------------------------------------------------------------------------------------------- */

static void
note_reported(struct rtp_session *session, const struct rtcp_block *block, const struct io_datagram *datagram)
{
    struct record record = { .kind = &rtp_kind_reported,
                             .packet = datagram->packet,
                             .rule = block->fraction,
                             .subject = { (uint32_t)block->lost,
                                          (uint32_t)MIN(session->stats.peer.jitter / TIME_US, UINT32_MAX) },
                             .before = rtp_session_flow_from(session, datagram->peer),
                             .detail = session->stats.peer.round_trip };

    rtp_session_note(session, &record);
}

static void
take_block(struct rtp_session *session, const struct rtcp_block *block, const struct io_datagram *datagram,
           uint32_t from)
{
    int64_t now = session->io->ops->now(session->io), trip = rtcp_round_trip(block, now);

    session->stats.peer.known = true;
    session->stats.peer.at = now;
    session->stats.peer.lost = (uint64_t)MAX(block->lost, 0);
    session->stats.peer.fraction = block->fraction;
    session->stats.peer.highest = block->highest;
    session->stats.peer.jitter = (int64_t)block->jitter * TIME_S / session->options.codec->clock;
    if (trip >= 0)
        session->stats.peer.round_trip = trip;
    note_reported(session, block, datagram);
    rtp_session_add_news(session, RTP_REPORTED, datagram->peer, from, false);
}

static void
take_report(struct rtp_session *session, const struct rtcp_packet *packet, const struct io_datagram *datagram)
{
    struct rtp_source *source = rtp_session_source(session, rtcp_report_ssrc(packet));
    struct rtcp_sender sender;
    struct rtcp_block block;

    session->reporter = rtcp_report_ssrc(packet);
    if (source && rtcp_report_sender(packet, &sender))
        rtp_reception_sender(&source->reception, &sender, session->io->ops->now(session->io));
    for (unsigned i = 0; rtcp_report_block(packet, i, &block); i++)
        if (block.ssrc == session->ssrc)
            take_block(session, &block, datagram, session->reporter);
}

/* RTCP of the source that holds the latch comes from elsewhere than the owner said: a NAT has mapped its port apart. */
static void
latch_rtcp(struct rtp_session *session, const struct io_datagram *datagram, uint32_t ssrc)
{
    if (!session->latched || session->latched_ssrc != ssrc || session->options.rtcp_way != RTP_RTCP_NEXT)
        return;
    if (session->rtcp_latched && session->options.latch == RTP_LATCH_ONCE)
        return;
    session->rtcp_latched = true;
    session->rtcp_peer = datagram->peer;
}

static void
note_bye(struct rtp_session *session, const struct rtp_source *source, uint32_t ssrc,
         const struct io_datagram *datagram)
{
    struct record record = { .kind = &rtp_kind_stopped,
                             .packet = datagram->packet,
                             .rule = RTP_STOPPED_BYE,
                             .subject = { ssrc },
                             .before = rtp_session_flow_from(session, datagram->peer),
                             .detail = source ? (int64_t)rtp_reception_received(&source->reception) : 0 };

    rtp_session_note(session, &record);
    rtp_session_add_news(session, RTP_STOPPED, datagram->peer, ssrc, true);
}

/* Of a source, or of who only listens and reports. */
static void
take_bye(struct rtp_session *session, const struct rtcp_packet *packet, const struct io_datagram *datagram)
{
    uint32_t ssrc;

    for (unsigned i = 0; rtcp_bye_source(packet, i, &ssrc); i++) {
        struct rtp_source *source = rtp_session_source(session, ssrc);

        if ((!source || source != session->current) && ssrc != session->reporter)
            continue;
        if (session->stats.peer.bye)
            continue;
        session->stats.peer.bye = true;
        session->silent = session->heard_at >= 0;
        note_bye(session, source, ssrc, datagram);
    }
}

void
rtp_session_take_rtcp(struct rtp_session *session, const struct io_datagram *datagram)
{
    struct rtcp_reader reader;
    struct rtcp_packet packet;
    enum rtcp_fault fault = rtcp_begin(&reader, datagram->data);
    bool first = true;

    if (fault != RTCP_FAULT_NONE) {
        session->stats.odd.malformed_rtcp++;
        rtp_session_note_dropped(session, datagram, DROP_MALFORMED_RTCP, fault);
        return;
    }
    session->stats.received.reports++;
    for (; rtcp_next(&reader, &packet); first = false) {
        if (packet.type == RTCP_BYE)
            take_bye(session, &packet, datagram);
        if (packet.type != RTCP_SR && packet.type != RTCP_RR)
            continue;
        if (rtcp_report_ssrc(&packet) == session->ssrc) {
            rtp_session_collide(session, datagram);
            return;
        }
        if (first)
            latch_rtcp(session, datagram, rtcp_report_ssrc(&packet));
        take_report(session, &packet, datagram);
    }
}
