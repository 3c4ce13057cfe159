#include "proto/rtp/session.h"

#include <glib.h>

#include "proto/rtp/session_private.h"

enum { PORT_TRIES = 64, CNAME_BYTES = 12 };

static const char *const directions[] = {
#define X(name, word) word,
    RTP_DIRECTIONS(X)
#undef X
};

G_STATIC_ASSERT(G_N_ELEMENTS(directions) == RTP_DIRECTION_COUNT);

const char *
rtp_direction_word(enum rtp_direction direction)
{
    g_assert((unsigned)direction < RTP_DIRECTION_COUNT);
    return directions[direction];
}

/* --- telling ----------------------------------------------------------------------------------------------------- */

struct flow
rtp_session_flow_to(const struct rtp_session *session, struct endpoint peer)
{
    struct endpoint local = rtp_session_local(session);

    if (address_is_unspecified(local.address) && rtp_endpoint_is_known(peer))
        (void)session->io->ops->source(session->io, &peer.address, &local.address);
    return (struct flow){ .source = local.address,
                          .source_port = local.port,
                          .destination = peer.address,
                          .destination_port = peer.port,
                          .protocol = PROTOCOL_UDP };
}

struct flow
rtp_session_flow_from(const struct rtp_session *session, struct endpoint peer)
{
    struct flow flow = rtp_session_flow_to(session, peer);

    return (struct flow){ .source = peer.address,
                          .source_port = peer.port,
                          .destination = flow.source,
                          .destination_port = flow.source_port,
                          .protocol = PROTOCOL_UDP };
}

void
rtp_session_note(struct rtp_session *session, struct record *record)
{
    if (session->io->ops->listening(session->io))
        session->io->ops->note(session->io, record);
}

void
rtp_session_add_news(struct rtp_session *session, enum rtp_event event, struct endpoint peer, uint32_t ssrc, bool bye)
{
    if (session->told && session->news_count < RTP_NEWS_MOST)
        session->news[session->news_count++] = (struct rtp_news){ event, peer, ssrc, bye };
}

void
rtp_session_tell(struct rtp_session *session)
{
    bool gone = false;

    session->gone = &gone;
    for (unsigned i = 0; i < session->news_count; i++) {
        struct rtp_news news = session->news[i];

        session->told(session->owner, session, &news);
        if (gone)
            return;
    }
    session->gone = NULL;
    session->news_count = 0;
}

/* --- sockets ----------------------------------------------------------------------------------------------------- */

static struct io_udp *
open_at(struct rtp_session *session, unsigned port, enum io_result *why)
{
    struct endpoint local = { session->options.local.address, (uint16_t)port };

    return session->io->ops->udp(session->io, &local, &rtp_session_events, session, why);
}

static void
close_both(struct rtp_session *session)
{
    if (session->rtcp && session->rtcp != session->rtp)
        session->rtcp->ops->close(session->rtcp);
    if (session->rtp)
        session->rtp->ops->close(session->rtp);
    session->rtp = session->rtcp = NULL;
}

static bool
open_pair_at(struct rtp_session *session, unsigned port, enum io_result *why)
{
    session->rtp = open_at(session, port, why);
    if (session->rtp)
        session->rtcp = open_at(session, port + 1, why);
    if (!session->rtcp)
        close_both(session);
    return session->rtcp;
}

/* An even port of the host's choice with the next one free (RFC 3550 section 11). The host says which ports it gives;
 * the even one of such a pair of neighbours is asked for. */
static bool
open_any_pair(struct rtp_session *session, enum io_result *why)
{
    for (int i = 0; i < PORT_TRIES; i++) {
        struct io_udp *any = open_at(session, 0, why);
        unsigned port;

        if (!any)
            return false;
        port = any->ops->local(any).port & ~1u;
        any->ops->close(any);
        if (open_pair_at(session, port, why))
            return true;
        if (*why != IO_IN_USE)
            return false;
    }
    return false;
}

static bool
open_sockets(struct rtp_session *session, enum io_result *why)
{
    unsigned port = session->options.local.port;

    session->owns = true;
    if (session->options.rtcp_way == RTP_RTCP_NEXT)
        return port ? open_pair_at(session, port, why) : open_any_pair(session, why);
    session->rtp = session->rtcp = open_at(session, port, why);
    return session->rtp;
}

static void
take_sockets(struct rtp_session *session, struct io_udp *rtp, struct io_udp *rtcp)
{
    session->rtp = rtp;
    session->rtcp = session->options.rtcp_way == RTP_RTCP_NEXT ? rtcp : rtp;
}

/* --- life -------------------------------------------------------------------------------------------------------- */

const char *
rtp_session_options_fault(const struct rtp_session_options *options)
{
    if (options->interval < TIME_MS || options->interval > RTP_PACKET_MS_MOST * TIME_MS ||
        options->interval % TIME_MS != 0)
        return "the interval is not a whole number of milliseconds from 1 to 100";
    if (options->duration <= 0)
        return "the duration is not positive";
    if (options->report < TIME_MS || options->report > 60 * TIME_MIN)
        return "the interval of reports is not from 1 ms to an hour";
    if (options->playout < 0 || options->playout > 10 * TIME_S)
        return "the play-out buffer is not from 0 to 10 s deep";
    if (options->keepalive < 0 || (options->keepalive > 0 && options->keepalive < TIME_MS))
        return "the time between keep-alives is below 1 ms";
    if (!options->rtp && options->rtcp_way == RTP_RTCP_NEXT && options->local.port == UINT16_MAX)
        return "there is no port after 65535 for RTCP";
    if (options->rtcp && !options->rtp)
        return "a socket for RTCP is given, and none for RTP";
    return NULL;
}

static void
set_timer(struct rtp_session *session, struct io_timer *timer, void (*fire)(void *owner, struct io_timer *timer))
{
    timer->fire = fire;
    timer->owner = session;
}

/* Identity and beginnings, at random (RFC 3550 section 5.1); one draw a statement. */
static void
draw_beginnings(struct rtp_session *session)
{
    struct io *io = session->io;
    uint8_t name[CNAME_BYTES];

    rtp_session_draw_source(session);
    io->ops->random(io, &session->timestamp, sizeof session->timestamp);
    io->ops->random(io, &session->sequence, sizeof session->sequence);
    if (session->options.cname) {
        session->cname = g_strdup(session->options.cname);
        return;
    }
    io->ops->random(io, name, sizeof name);
    session->cname = g_base64_encode(name, sizeof name);
}

struct rtp_session *
rtp_session_new(struct io *io, const struct rtp_session_options *options, rtp_told *told, void *owner,
                enum io_result *why)
{
    struct rtp_session *session = g_new0(struct rtp_session, 1);

    g_assert(rtp_session_options_fault(options) == NULL);
    *session = (struct rtp_session){ .io = io,
                                     .told = told,
                                     .owner = owner,
                                     .options = *options,
                                     .ends_at = TIME_NEVER,
                                     .sent_at = -1,
                                     .heard_at = -1 };
    if (!session->options.codec)
        session->options.codec = rtp_codec_of(0);
    set_timer(session, &session->pace, rtp_session_pace_fire);
    set_timer(session, &session->report, rtp_session_report_fire);
    set_timer(session, &session->silence, rtp_session_silence_fire);
    set_timer(session, &session->keepalive, rtp_session_keep_alive);
    *why = IO_OK;
    if (options->rtp) {
        take_sockets(session, options->rtp, options->rtcp);
    } else if (!open_sockets(session, why)) {
        g_free(session);
        return NULL;
    }
    draw_beginnings(session);
    session->slot = io->ops->now(io);
    session->stats.peer.round_trip = -1;
    session->stats.received.first_at = session->stats.received.last_at = -1;
    rtp_session_form_packet(session);
    rtp_session_set_peer(session, options->peer, options->rtcp_peer);
    return session;
}

void
rtp_session_free(struct rtp_session *session)
{
    struct io *io;

    if (!session)
        return;
    io = session->io;
    if (session->gone)
        *session->gone = true;
    io->ops->disarm(io, &session->pace);
    io->ops->disarm(io, &session->report);
    io->ops->disarm(io, &session->silence);
    io->ops->disarm(io, &session->keepalive);
    if (session->owns)
        close_both(session);
    g_free(session->cname);
    g_free(session);
}

void
rtp_session_start(struct rtp_session *session)
{
    if (session->started)
        return;
    session->started = true;
    session->ends_at = time_add(session->io->ops->now(session->io), session->options.duration);
    rtp_session_pace(session, RTP_QUIET_HOLD);
    rtp_session_report_begin(session);
    rtp_session_keep(session);
}

void
rtp_session_stop(struct rtp_session *session)
{
    if (!session->started)
        return;
    rtp_session_say_bye(session);
    session->started = false;
    rtp_session_pace(session, RTP_QUIET_STOP);
    rtp_session_keep(session);
    session->io->ops->disarm(session->io, &session->report);
}

/* --- what a re-INVITE changes ------------------------------------------------------------------------------------ */

void
rtp_session_derive_rtcp(struct rtp_session *session)
{
    struct endpoint peer = session->peer;

    if (session->options.rtcp_way != RTP_RTCP_NEXT) {
        session->rtcp_peer = peer;
        return;
    }
    if (session->rtcp_latched)
        return;
    session->rtcp_peer = session->options.rtcp_peer;
    if (session->rtcp_peer.port == 0 && peer.port != 0 && peer.port != UINT16_MAX)
        session->rtcp_peer = (struct endpoint){ peer.address, (uint16_t)(peer.port + 1) };
}

void
rtp_session_set_peer(struct rtp_session *session, struct endpoint peer, struct endpoint rtcp_peer)
{
    struct record record = { .kind = &rtp_kind_redirected,
                             .before = rtp_session_flow_to(session, session->peer),
                             .after = rtp_session_flow_to(session, peer) };
    bool moved = session->pacing && rtp_endpoint_is_known(peer) && !endpoint_equal(peer, session->peer);

    session->options.rtcp_peer = rtcp_peer;
    session->latched = session->rtcp_latched = false;
    if (moved)
        rtp_session_note(session, &record);
    if (session->pacing && !rtp_endpoint_is_known(peer))
        rtp_session_rest(session, RTP_QUIET_HOLD); /* told while the peer is known that hears no more */
    session->peer = peer;
    rtp_session_derive_rtcp(session);
    rtp_session_pace(session, RTP_QUIET_HOLD);
    rtp_session_keep(session);
}

void
rtp_session_set_direction(struct rtp_session *session, enum rtp_direction direction)
{
    session->options.direction = direction;
    rtp_session_expect(session);
    rtp_session_pace(session, RTP_QUIET_HOLD);
}

void
rtp_session_set_codec(struct rtp_session *session, const struct rtp_codec *codec)
{
    session->options.codec = codec;
    rtp_session_form_packet(session);
}

void
rtp_session_set_sockets(struct rtp_session *session, struct io_udp *rtp, struct io_udp *rtcp)
{
    g_assert(!session->owns);
    take_sockets(session, rtp, rtcp);
}

/* --- what there is to know --------------------------------------------------------------------------------------- */

struct endpoint
rtp_session_local(const struct rtp_session *session)
{
    struct endpoint local = session->rtp->ops->local(session->rtp);

    if (address_is_unspecified(local.address) && !address_is_unspecified(session->options.source.address))
        local.address = session->options.source.address;
    return local;
}

struct endpoint
rtp_session_local_rtcp(const struct rtp_session *session)
{
    return session->rtcp ? session->rtcp->ops->local(session->rtcp) : (struct endpoint){ 0 };
}

struct endpoint
rtp_session_peer(const struct rtp_session *session)
{
    return session->peer;
}

struct endpoint
rtp_session_peer_rtcp(const struct rtp_session *session)
{
    return session->rtcp_peer;
}

enum rtp_direction
rtp_session_direction(const struct rtp_session *session)
{
    return session->options.direction;
}

bool
rtp_session_is_sending(const struct rtp_session *session)
{
    return session->started;
}

uint32_t
rtp_session_ssrc(const struct rtp_session *session)
{
    return session->ssrc;
}

static void
add_source(struct rtp_stats *stats, const struct rtp_reception *reception)
{
    if (!reception->valid) {
        stats->odd.unbelieved += reception->arrived;
        return;
    }
    stats->odd.unbelieved += reception->jumps;
    stats->received.expected += rtp_reception_expected(reception);
    stats->received.packets += rtp_reception_received(reception);
    stats->received.bytes += reception->bytes;
    stats->received.duplicates += reception->duplicates;
    stats->received.reordered += reception->reordered;
    stats->received.late += reception->late;
    stats->received.restarts += reception->restarts;
}

static void
judge(const struct rtp_session *session, struct rtp_stats *stats)
{
    int64_t trip = stats->peer.round_trip;
    struct rtp_quality quality = {
        .expected = stats->received.expected,
        .lost = stats->received.lost + stats->received.late,
        .delay = session->options.playout + session->options.interval + (trip > 0 ? trip / 2 : 0),
        .concealment = session->options.concealment,
    };

    stats->received.rating = rtp_quality_rating(&quality);
    stats->received.mos = rtp_quality_mos(stats->received.rating);
    stats->received.quality = rtp_quality_word(&quality);
}

void
rtp_session_stats(const struct rtp_session *session, struct rtp_stats *stats)
{
    *stats = session->stats;
    stats->received.expected = session->ended.expected;
    stats->received.packets = session->ended.received;
    stats->received.bytes = session->ended.bytes;
    stats->received.duplicates = session->ended.duplicates;
    stats->received.reordered = session->ended.reordered;
    stats->received.late = session->ended.late;
    stats->received.restarts = session->ended.restarts;
    for (int i = 0; i < RTP_SOURCES_MOST; i++)
        if (session->sources[i].used)
            add_source(stats, &session->sources[i].reception);
    stats->received.lost = stats->received.expected - stats->received.packets;
    if (session->current) {
        const struct rtp_reception *reception = &session->current->reception;

        stats->received.ssrc = reception->ssrc;
        stats->received.jitter = rtp_reception_jitter(reception);
        stats->received.jitter_most = reception->jitter_most;
    }
    judge(session, stats);
}
