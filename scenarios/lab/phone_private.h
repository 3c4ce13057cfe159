/* What phone.c (registration, calls), phone_media.c (sockets, STUN, ICE, RTP of a call) and phone_sdp.c (its descriptions)
 * share. */
#ifndef SCENARIOS_LAB_PHONE_PRIVATE_H
#define SCENARIOS_LAB_PHONE_PRIVATE_H

#include "proto/sdp/attributes.h"
#include "proto/stun/client.h"
#include "scenarios/lab/phone.h"

enum { PHONE_SOCKETS = 2 }; /* RTP and RTCP */

struct phone_call {
    struct phone *phone;
    struct phone_call *next;
    struct sip_call *sip;    /* NULL: over */
    struct session *session; /* NULL: over, or not begun */
    struct phone_media last; /* of a call that is over */
    bool ours, held;
    enum sip_why why;
    unsigned status;
    char *peer, *id;
    struct io_timer answer;
    void *data;
};

struct phone {
    const struct lab *lab;
    struct io *io;
    struct phone_options options;
    char *uri;
    struct sip_agent *agent;
    phone_told *told;
    void *owner;
    struct phone_call *first, *last;
    struct stun_transaction *asking; /* for the SIP socket's address */
    bool knows_contact;              /* STUN has told it */
    bool register_wanted, moved;
    struct endpoint mapped;
    struct io_watch watch;
    GPtrArray *leaving;  /* struct session *: of calls that are over, whose ICE agents say goodbye to their servers */
    GStringChunk *texts; /* of TURN users and passwords */
    bool freed;
};

/* A call's media session: what sip_media_policy calls `media`. */
struct session {
    struct phone *phone;
    struct phone_call *call;
    struct sip_call *sip;
    struct phone_media_options options;
    bool offers;                           /* we have called: the controlling side of ICE */
    struct io_udp *sockets[PHONE_SOCKETS]; /* NULL with ICE */
    struct endpoint own[PHONE_SOCKETS];    /* what a description says of them */
    struct stun_client *stun;
    unsigned asking;
    bool ready, failed, told;
    struct address base;   /* the host's, when `own` was found out; none with ICE */
    bool renewal_due;      /* and can't be yet */
    struct ice_agent *ice; /* NULL: none, or not any more */
    bool fallen_back, mismatch, ice_taken;
    bool agreed; /* the offer that waits for an answer has been taken: the pairs that it names are here */
    struct rtp_session *rtp;
    bool held, held_before, started;
    uint64_t sdp_id, sdp_version;
    GString *described; /* the last description, as it was sent */
    enum rtp_direction direction;
    struct endpoint peer;
};

extern const struct sip_media_policy phone_media_policy;

void phone_session_look(const struct session *session, struct phone_media *media);
void phone_session_free(struct session *session);
void phone_session_renew(struct session *session);
/* The host's addresses have changed. */
void phone_session_moved(struct session *session);
/* Changes the session if something about it is due, and nothing else is under way. */
void phone_session_catch_up(struct session *session);
void phone_session_hang_up(struct session *session); /* nothing more is sent */

/* phone_sdp.c */

/* What a description of ours says. */
struct phone_sdp {
    uint64_t id, version;
    struct endpoint own[PHONE_SOCKETS];
    const struct rtp_codec *first;           /* the codec that is wanted most */
    enum sdp_direction direction;            /* that is wished */
    const char *session_lines, *media_lines; /* of ICE; "" */
    bool has_rtcp;                           /* among media_lines */
};
void phone_sdp_offer(GString *out, const struct phone_sdp *sdp);
/* False: the offer has no audio that can be had, or can't be read. */
bool phone_sdp_answer(GString *out, const struct phone_sdp *sdp, struct span offer);

/* What the peer's description says of the audio. False: there is none, or it is malformed. */
struct phone_sdp_peer {
    struct endpoint rtp, rtcp;    /* none, or 0.0.0.0: nothing is to be sent */
    enum sdp_direction direction; /* as the peer wrote it */
    const struct rtp_codec *codec;
};
bool phone_sdp_read(struct span description, struct phone_sdp_peer *peer);
/* The same of an answer to this offer of ours, which it must fit (RFC 3264 section 6). */
bool phone_sdp_read_answer(struct span offer, struct span answer, struct phone_sdp_peer *peer);

/* ICE's lines out of an agent's description, for ours: of the session, of the medium. And its default destinations. */
bool phone_sdp_take_ice(struct span description, GString *session_lines, GString *media_lines,
                        struct endpoint own[PHONE_SOCKETS]);

#endif
