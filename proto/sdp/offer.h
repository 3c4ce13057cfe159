/* Offers and answers (RFC 3264): making an answer that fits, and telling whether one does. */
#ifndef PROTO_SDP_OFFER_H
#define PROTO_SDP_OFFER_H

#include "proto/sdp/attributes.h"

#define SDP_MOST_FORMATS 128 /* payload types of RTP */

/* The payload types of an offered RTP medium that one of `codecs` can serve, in the offer's order and with its numbers
 * (section 6.1). The codecs' own payload types mean nothing. Returns how many. */
size_t sdp_formats_common(const struct sdp_session *offer, int media, const struct sdp_rtpmap *codecs, size_t count,
                          uint8_t formats[SDP_MOST_FORMATS]);

/* What the answerer makes of one medium. Not accepted: it is answered with port 0. `address` ADDRESS_NONE: the
 * session's. `wished` is what we would like; the answer has as much of it as the offer allows. `codecs` serve RTP; of
 * other protocols all formats are taken. */
struct sdp_answer_media {
    bool accept;
    uint16_t port;
    struct address address;
    enum sdp_direction wished;
    const struct sdp_rtpmap *codecs;
    size_t codec_count;
};

/* `decide` is asked about each medium in turn, with `answer` all zero but `wished`, which is sendrecv. `attributes` may
 * be NULL; it adds lines ("a=...\r\n") to the session (SDP_SESSION_LEVEL) and to each medium that is accepted. */
struct sdp_answerer {
    struct sdp_origin origin;
    struct address address;
    void (*decide)(void *owner, const struct sdp_session *offer, int media, struct sdp_answer_media *answer);
    void (*attributes)(void *owner, const struct sdp_session *offer, int section, GString *out);
    void *owner;
};

/* Appends an answer: the offer's times, and its m= lines in their order. A medium has port 0 when it isn't accepted,
 * has port 0 in the offer, has no format in common, or is for a multicast group, for which nobody here answers. a=mid
 * goes along (RFC 5888 section 9.1), a=rtpmap for each payload type, and the direction unless it is sendrecv. */
void sdp_answer_put(GString *out, const struct sdp_session *offer, const struct sdp_answerer *answerer);

/* Whether an answer fits an offer (section 6): as many m= lines, each of the offered kind and protocol, none revived
 * that the offer has at port 0, a format in common, a direction that is allowed, the same times. The error is of the
 * answer's lines. */
enum sdp_fault sdp_answer_check(const struct sdp_session *offer, const struct sdp_session *answer,
                                struct sdp_error *error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether a description may follow another of the same writer in a session (section 8): o= the same with a version one
 * higher, or the same text again; no m= line gone; no stream in use of another kind. The error is of `next`'s lines. */
enum sdp_fault sdp_update_check(const struct sdp_session *before, const struct sdp_session *next,
                                struct sdp_error *error) G_GNUC_WARN_UNUSED_RESULT;

/* The o= of the next description in a session. */
static inline struct sdp_origin
sdp_origin_next(struct sdp_origin origin)
{
    origin.version++;
    return origin;
}

#endif
