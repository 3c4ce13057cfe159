/* Attributes of media: which formats, which way, and where RTCP goes.
 *
 * As in fields.h: a parser takes what follows "name:", and on a fault `*at` is the offset of the field at fault. */
#ifndef PROTO_SDP_ATTRIBUTES_H
#define PROTO_SDP_ATTRIBUTES_H

#include "proto/sdp/session.h"

/* a=rtpmap (RFC 8866 section 6.6). `channels` is 1 when nothing is said. */
struct sdp_rtpmap {
    uint8_t payload_type;
    struct span encoding;
    uint32_t clock;
    uint32_t channels;
};

enum sdp_fault sdp_rtpmap_parse(struct span value, struct sdp_rtpmap *map, size_t *at) G_GNUC_WARN_UNUSED_RESULT;
void sdp_put_rtpmap(GString *out, const struct sdp_rtpmap *map);
/* What a payload type of this medium is: by its a=rtpmap, else by the static assignment (RFC 3551 section 6). False:
 * by neither. A malformed a=rtpmap says nothing. */
bool sdp_rtpmap_find(const struct sdp_session *session, int media, uint8_t payload_type, struct sdp_rtpmap *map);
/* The same encoding (whatever its case), clock and channels. */
bool sdp_rtpmap_matches(const struct sdp_rtpmap *a, const struct sdp_rtpmap *b);

/* Which way media goes, seen by whoever wrote the description (RFC 8866 section 6.7): two bits. */
enum sdp_direction { SDP_INACTIVE, SDP_SENDONLY, SDP_RECVONLY, SDP_SENDRECV };

const char *sdp_direction_word(enum sdp_direction direction);
/* The medium's attribute, else the session's, else sendrecv. Of several at one level the last counts. */
enum sdp_direction sdp_media_direction(const struct sdp_session *session, int media);
/* The same stream as the other end says it: send for receive. */
enum sdp_direction sdp_direction_reverse(enum sdp_direction direction);
/* What to answer to an offer when we would like `wished` (RFC 3264 section 6.1): as much of it as the offer allows. */
enum sdp_direction sdp_direction_answer(enum sdp_direction offered, enum sdp_direction wished);
/* What to offer to put the other end on hold (RFC 3264 section 8.4): we stop receiving. */
enum sdp_direction sdp_direction_hold(enum sdp_direction direction);
/* Whether its writer holds us: it takes nothing from us, or it has 0.0.0.0 as RFC 2543 had it. */
bool sdp_media_is_held(const struct sdp_session *session, int media);

/* a=rtcp (RFC 3605): `to` has no host (SDP_HOST_NONE) when only the port differs. `port_text` is where it stands. */
struct sdp_rtcp {
    uint16_t port;
    struct span port_text;
    struct sdp_network to;
};

enum sdp_fault sdp_rtcp_parse(struct span value, struct sdp_rtcp *rtcp, size_t *at) G_GNUC_WARN_UNUSED_RESULT;
void sdp_put_rtcp(GString *out, const struct sdp_rtcp *rtcp);

/* The medium whose a=mid is `mid` (RFC 5888 section 4), or -1. */
int sdp_media_by_mid(const struct sdp_session *session, struct span mid);

#endif
