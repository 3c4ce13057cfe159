/* What the files of the session share: session.c (life), session_send.c, session_receive.c, session_rtcp.c. */
#ifndef PROTO_RTP_SESSION_PRIVATE_H
#define PROTO_RTP_SESSION_PRIVATE_H

#include "core/base/journal.h"
#include "proto/rtp/kinds.h"
#include "proto/rtp/session.h"

enum {
    RTP_PAYLOAD_MOST = RTP_PACKET_MS_MOST * 8,
    RTP_NEWS_MOST = 8, /* of one datagram or one turn of a timer; more are not told */
};

/* Who sends to us. */
struct rtp_source {
    struct rtp_reception reception;
    struct endpoint from; /* of its last packet */
    uint8_t payload_type;
    bool used;
};

/* What was counted of sources that others have taken the place of. */
struct rtp_ended {
    uint64_t expected, received, bytes, duplicates, reordered, late, restarts;
};

struct rtp_session {
    struct io *io;
    rtp_told *told;
    void *owner;
    struct io_udp *rtp, *rtcp; /* `rtcp` is `rtp` when they share it; NULL: RTCP can't be sent */
    bool owns;                 /* both sockets are its own */
    struct rtp_session_options options;
    char *cname;

    struct endpoint peer, rtcp_peer; /* where to, as it is now; port 0: not known */
    bool latched, rtcp_latched;
    uint32_t latched_ssrc; /* who holds the latch */

    /* Sending. */
    bool started, pacing; /* pacing: media is on its way, packet after packet */
    bool said;            /* something has been sent since the start, so BYE has a meaning */
    int64_t ends_at;      /* TIME_NEVER: when it is stopped */
    int64_t slot;         /* when the next packet is due, or would have been; `timestamp` is its own */
    uint32_t ssrc, timestamp;
    uint16_t sequence;
    bool marker;      /* the next packet begins a talkspurt */
    uint32_t samples; /* of a packet, in units of the timestamp */
    size_t length;    /* of a packet */
    uint8_t packet[RTP_HEADER_BYTES + RTP_PAYLOAD_MOST];
    struct io_timer pace, report, silence, keepalive;
    int64_t sent_at;                         /* anything, by the RTP socket */
    uint64_t reported_packets[2];            /* sent.packets at the last report, and at the one before */
    uint64_t earlier_packets, earlier_bytes; /* sent under another SSRC */

    /* Receiving. */
    struct rtp_source sources[RTP_SOURCES_MOST];
    struct rtp_source *current; /* believed, and heard last; NULL */
    struct rtp_ended ended;
    int64_t heard_at;         /* -1: nothing believed has come, or none is expected since */
    bool silent;              /* and it was told */
    uint32_t reporter;        /* the SSRC of the peer's last report; with `reports` */
    struct endpoint conflict; /* where our own SSRC came from last */

    struct rtp_stats stats; /* sent, peer, odd and what else is counted one by one */

    struct rtp_news news[RTP_NEWS_MOST];
    unsigned news_count;
    bool *gone; /* set by rtp_session_free while the owner is being told */
};

/* To be told once the session is settled. */
void rtp_session_add_news(struct rtp_session *session, enum rtp_event event, struct endpoint peer, uint32_t ssrc,
                          bool bye);
/* Tells them: the last that an entry does, since the session may be gone after. */
void rtp_session_tell(struct rtp_session *session);

/* From the session's socket to `peer`. */
struct flow rtp_session_flow_to(const struct rtp_session *session, struct endpoint peer);
struct flow rtp_session_flow_from(const struct rtp_session *session, struct endpoint peer);
/* Hands in a record, when somebody listens. */
void rtp_session_note(struct rtp_session *session, struct record *record);

static inline void
rtp_session_changed(const struct rtp_session *session)
{
    if (session->options.changed)
        *session->options.changed = true;
}

static inline bool
rtp_endpoint_is_known(struct endpoint endpoint)
{
    return endpoint.port != 0 && !address_is_unspecified(endpoint.address);
}

/* Where RTCP goes, unless it was told or latched: it follows the peer. */
void rtp_session_derive_rtcp(struct rtp_session *session);

/* session_send.c: sends, or rests, as state and peer have it now; `why` it rests, if it does. */
void rtp_session_pace(struct rtp_session *session, enum rtp_quiet_why why);
void rtp_session_rest(struct rtp_session *session, enum rtp_quiet_why why);
void rtp_session_pace_fire(void *owner, struct io_timer *timer);
void rtp_session_keep_alive(void *owner, struct io_timer *timer);
/* The keep-alive timer, as state and peer have it now. */
void rtp_session_keep(struct rtp_session *session);
void rtp_session_form_packet(struct rtp_session *session);
void rtp_session_draw_source(struct rtp_session *session);
/* The timestamp of an instant. */
uint32_t rtp_session_timestamp_at(const struct rtp_session *session, int64_t now);
enum io_result rtp_session_send(struct rtp_session *session, struct io_udp *udp, struct endpoint peer,
                                struct span data);

/* session_receive.c */
void rtp_session_silence_fire(void *owner, struct io_timer *timer);
void rtp_session_note_dropped(struct rtp_session *session, const struct io_datagram *datagram, enum drop_reason reason,
                              unsigned rule);
struct rtp_source *rtp_session_source(struct rtp_session *session, uint32_t ssrc);
/* Direction or peer have changed. */
void rtp_session_expect(struct rtp_session *session);
/* Another has our SSRC. */
void rtp_session_collide(struct rtp_session *session, const struct io_datagram *datagram);

/* session_rtcp.c */
void rtp_session_report_fire(void *owner, struct io_timer *timer);
void rtp_session_report_begin(struct rtp_session *session);
void rtp_session_take_rtcp(struct rtp_session *session, const struct io_datagram *datagram);
void rtp_session_say_bye(struct rtp_session *session);

#endif
