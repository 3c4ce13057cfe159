/* An RTP session with one peer: a paced source of media, a sink that measures, and RTCP between the two.
 *
 *     struct rtp_session_options options = RTP_SESSION_DEFAULTS;
 *     options.local.port = 6000;                            its own sockets: RTP on an even port, RTCP on the next
 *     session = rtp_session_new(io, &options, told, owner, &why);
 *     ... rtp_session_local(session) goes into an offer; the answer says where to:
 *     rtp_session_set_peer(session, peer, rtcp_peer);
 *     rtp_session_start(session);                           from now on media is sent, as the direction allows
 *     ...
 *     rtp_session_stop(session);                            BYE; the figures stay until rtp_session_free
 *
 * What is received is measured from the beginning on, started or not.
 *
 *  - Sockets. The session opens its own (symmetric RTP, RFC 4961: each sends from where it receives), or is given one
 *    or two that it does not own: an ICE agent's components, a TURN client's relay, a phone's sockets on which STUN was
 *    asked. It sends by them, and never closes them nor changes whose they are. What arrives there is handed in by
 *    `rtp_session_input`, which says whether it was the session's (RFC 7983 section 7: a first byte of 128 to 191; RTCP
 *    among it by RFC 5761 section 4); or the socket's owner hands it all over: udp->events = &rtp_session_events,
 *    udp->owner = session. To an ICE component any peer will do, since it sends to its own: the path's, say.
 *  - Media. PCMU or PCMA at 8 bytes a millisecond: a tone of 1 kHz, the same in every packet. Sequence number,
 *    timestamp and SSRC begin at random (RFC 3550 section 5.1), the timestamp runs on while nothing is sent, and the
 *    first packet of a talkspurt, the session's first and those after a hold, has the marker (RFC 3551 section 4.1).
 *  - Hold. Whether media is sent and expected is the direction's (RFC 3264 section 8.4); RTCP goes on in all of them.
 *    With a peer of no address or 0.0.0.0 (RFC 2543's hold) nothing is sent at all.
 *  - RTCP. The first report comes after half the interval, each interval is drawn between 0.5 and 1.5 of it and divided
 *    by e - 3/2 (RFC 3550 section 6.3.1). Of the RFC's rules that is what is left where there are two members and 64
 *    kbit/s: 5 % of those would allow a report in about 0.6 s, so the 5 s minimum decides, and timer reconsideration,
 *    which answers to a number of members that changes, never has anything to reconsider. `report` makes it shorter or
 *    longer. An SR when media was sent since the second last report, else an RR (section 6.4), with SDES CNAME; at the
 *    end a BYE at once (section 6.3.7 lets groups under 50 members).
 *  - Latching. An answer may name an address that a NAT hides. With `latch` the session sends to where media comes
 *    from, once the source has passed its probation. RTP_LATCH_ONCE takes the first such address for good.
 *    RTP_LATCH_FOLLOW takes each further one from which the same source (SSRC, sequence numbers that fit) goes on, so
 *    that the peer may move. Whoever can send RTP to this port before the peer does gets the media, and with FOLLOW
 *    whoever can guess the SSRC and a sequence number: that is the risk of latching, and why it is off unless asked
 *    for.
 *  - Sources. RTP_SOURCES_MOST at a time; a new one takes the place of one that is not believed, or silent for
 *    RTP_SILENCE; else it is counted and dropped. The figures are of all that were believed, jitter of the one heard
 *    last. Another's SSRC that is our own is a collision: BYE, and another SSRC (section 8.2), once for each address.
 *
 * The owner is told last, with the session settled, and may free it there. Nothing in a packet's way allocates. */
#ifndef PROTO_RTP_SESSION_H
#define PROTO_RTP_SESSION_H

#include "core/base/io.h"
#include "proto/rtp/packet.h"
#include "proto/rtp/quality.h"
#include "proto/rtp/reception.h"
#include "proto/rtp/rtcp.h"

struct rtp_session;

enum {
    RTP_SOURCES_MOST = 4,
    RTP_PACKET_MS_MOST = 100, /* of media in one packet */
};

#define RTP_INTERVAL (20 * TIME_MS)
#define RTP_REPORT_INTERVAL (5 * TIME_S)
#define RTP_PLAYOUT (60 * TIME_MS)
#define RTP_SILENCE TIME_S          /* without a packet, media is said to have stopped */
#define RTP_KEEPALIVE (15 * TIME_S) /* Tr of RFC 6263, unless the owner knows better */

/* clang-format off */
#define RTP_DIRECTIONS(X) \
    X(SENDRECV, "sendrecv") X(SENDONLY, "sendonly") X(RECVONLY, "recvonly") X(INACTIVE, "inactive")
enum rtp_direction {
#define X(name, word) RTP_##name,
    RTP_DIRECTIONS(X)
#undef X
    RTP_DIRECTION_COUNT
};
/* clang-format on */

const char *rtp_direction_word(enum rtp_direction direction);

static inline bool
rtp_direction_sends(enum rtp_direction direction)
{
    return direction == RTP_SENDRECV || direction == RTP_SENDONLY;
}

static inline bool
rtp_direction_receives(enum rtp_direction direction)
{
    return direction == RTP_SENDRECV || direction == RTP_RECVONLY;
}

enum rtp_rtcp_way {
    RTP_RTCP_NEXT, /* a socket of its own, on the port after RTP's (RFC 3550 section 11) */
    RTP_RTCP_MUX,  /* with RTP on one port (RFC 5761) */
    RTP_RTCP_NONE, /* none is sent; what comes is read all the same */
};

enum rtp_latch { RTP_LATCH_OFF, RTP_LATCH_ONCE, RTP_LATCH_FOLLOW };

struct rtp_session_options {
    struct io_udp *rtp, *rtcp; /* the owner's sockets, both outlive the session; `rtp` NULL: it opens its own */
    struct endpoint local;     /* where it opens them; port 0: any even one (any at all without RTP_RTCP_NEXT) */
    struct endpoint source;    /* the local address to send from on a given socket of several; none: by route */
    struct endpoint peer;      /* no address: not known yet */
    struct endpoint rtcp_peer; /* none: after `peer`, the next port or the same */
    enum rtp_direction direction;
    enum rtp_rtcp_way rtcp_way;
    enum rtp_latch latch;
    const struct rtp_codec *codec; /* NULL: PCMU */
    int64_t interval;              /* of media in a packet: whole milliseconds, 1 to RTP_PACKET_MS_MOST */
    int64_t duration;  /* how long media is sent; TIME_NEVER: until stopped. With an end, the run waits for it */
    int64_t report;    /* the interval of RTCP, before it is drawn */
    int64_t keepalive; /* after so long without sending, an empty datagram (RFC 6263 section 4.1); 0: none */
    int64_t playout;   /* the depth of the play-out buffer that MOS reckons with */
    enum rtp_concealment concealment;
    const char *cname; /* copied; NULL: one is drawn (RFC 7022 section 4.2) */
    bool *changed;     /* set to true when figures change, for who looks at them between events; NULL: nobody does */
};

#define RTP_SESSION_DEFAULTS                                                                                           \
    ((struct rtp_session_options){                                                                                     \
        .interval = RTP_INTERVAL, .duration = TIME_NEVER, .report = RTP_REPORT_INTERVAL, .playout = RTP_PLAYOUT })

/* --- what the owner is told */

enum rtp_event {
    RTP_HEARD,    /* the first packet of a source: `peer`, `ssrc` */
    RTP_STOPPED,  /* nothing has come for RTP_SILENCE, or the source said BYE: see `bye` */
    RTP_RESUMED,  /* something comes again */
    RTP_LATCHED,  /* media goes to `peer` from now on, because it comes from there */
    RTP_REPORTED, /* the peer's RTCP says how it receives us: see rtp_session_stats, `peer` */
    RTP_DONE,     /* the duration is over, and BYE is said */
};

struct rtp_news {
    enum rtp_event event;
    struct endpoint peer;
    uint32_t ssrc;
    bool bye;
};

typedef void rtp_told(void *owner, struct rtp_session *session, const struct rtp_news *news);

/* --- life */

/* Why options can't be: a sentence; NULL when they can. */
const char *rtp_session_options_fault(const struct rtp_session_options *options);

/* NULL and `*why` when its own sockets can't be opened: IO_IN_USE for a port, or the one after it, that is taken.
 * `told` may be NULL. */
struct rtp_session *rtp_session_new(struct io *io, const struct rtp_session_options *options, rtp_told *told,
                                    void *owner, enum io_result *why);
/* Silently: no BYE. Closes what it opened. */
void rtp_session_free(struct rtp_session *session);

/* Media is sent from the next turn on, where direction and peer allow it, and RTCP as well. Nothing when it has
 * started; a session that was stopped starts again, as the same source. */
void rtp_session_start(struct rtp_session *session);
/* BYE to the peer, and nothing more is sent. What arrives is still measured. Nothing when it has not started. */
void rtp_session_stop(struct rtp_session *session);

/* What a re-INVITE changes. `rtcp_peer` none: as in the options. A latch starts over. */
void rtp_session_set_peer(struct rtp_session *session, struct endpoint peer, struct endpoint rtcp_peer);
void rtp_session_set_direction(struct rtp_session *session, enum rtp_direction direction);
/* Before it has sent anything: what the answer says. */
void rtp_session_set_codec(struct rtp_session *session, const struct rtp_codec *codec);
/* By what is sent from now on: a socket of the owner's (RTCP: the same). For a call that moves to another path. */
void rtp_session_set_sockets(struct rtp_session *session, struct io_udp *rtp, struct io_udp *rtcp);

/* A datagram that came to a socket of the owner's. True: it was RTP, RTCP or an empty one that keeps a NAT open, and is
 * dealt with; the session may be gone by then. */
bool rtp_session_input(struct rtp_session *session, struct io_udp *udp, const struct io_datagram *datagram);
/* An ICMP error for such a socket; only counted. */
void rtp_session_icmp(struct rtp_session *session, const struct io_icmp *icmp);
/* For who gives a socket over: `owner` is the session. */
extern const struct io_udp_events rtp_session_events;

/* --- what there is to know */

struct endpoint rtp_session_local(const struct rtp_session *session);
/* RTCP's; RTP's own with RTP_RTCP_MUX. */
struct endpoint rtp_session_local_rtcp(const struct rtp_session *session);
struct endpoint rtp_session_peer(const struct rtp_session *session); /* where media goes */
struct endpoint rtp_session_peer_rtcp(const struct rtp_session *session);
enum rtp_direction rtp_session_direction(const struct rtp_session *session);
bool rtp_session_is_sending(const struct rtp_session *session); /* started, and neither stopped nor done */
uint32_t rtp_session_ssrc(const struct rtp_session *session);

struct rtp_stats {
    struct {
        uint64_t packets, bytes; /* bytes of payload */
        uint64_t failed;         /* the socket would not take them */
        uint64_t reports, keepalives;
    } sent;
    struct {
        uint64_t packets, bytes; /* of sources that are believed; duplicates are not counted */
        uint64_t expected, lost;
        uint64_t duplicates, reordered;
        uint64_t late;              /* came, but too late for the play-out buffer */
        uint64_t sources, restarts; /* that were believed; that began again under the same SSRC */
        uint64_t reports, keepalives;
        int64_t jitter, jitter_most; /* RFC 3550's, nanoseconds; 0 when nothing came */
        int64_t first_at, last_at;   /* of the first and the last packet; -1 before the first */
        struct endpoint from;        /* where the last one came from; none before the first */
        uint32_t ssrc;
        int32_t rating, mos; /* thousandths */
        const char *quality; /* rtp_quality_word */
    } received;
    struct { /* what the peer's last report said of us */
        bool known;
        int64_t at;
        uint64_t lost;      /* 0 where duplicates outweigh */
        uint32_t fraction;  /* of 256, since its report before */
        uint32_t highest;   /* the last sequence number of ours that it has, with cycles */
        int64_t jitter;     /* nanoseconds */
        int64_t round_trip; /* nanoseconds; -1: not known */
        bool bye;           /* it said BYE since it was heard last */
    } peer;
    struct {
        uint64_t malformed_rtp, malformed_rtcp;
        uint64_t wrong_type; /* RTP of a payload type that nobody agreed on */
        uint64_t unbelieved; /* on probation, or a jump that nothing followed */
        uint64_t crowded;    /* of a source too many */
        uint64_t unwanted;   /* RTP while the direction receives none */
        uint64_t collisions, icmp;
    } odd;
};

void rtp_session_stats(const struct rtp_session *session, struct rtp_stats *stats);

#endif
