/* The journal kinds of RTP: what a session and its owner hear and decide, never one for each packet.
 *
 * `before` is the flow from the session's socket to where media goes, or, of what was received, the flow as it came. */
#ifndef PROTO_RTP_KINDS_H
#define PROTO_RTP_KINDS_H

#include "core/base/journal.h"

/* A source is heard: it has passed its probation, or is there again. `subject[0]`: SSRC, `subject[1]`: payload type,
 * `detail`: how long nothing came, nanoseconds; 0 for the first time. */
extern const struct record_kind rtp_kind_heard;

enum rtp_stopped_why { RTP_STOPPED_SILENCE, RTP_STOPPED_BYE };
/* Nothing comes any more. `rule`: enum rtp_stopped_why, `subject[0]`: SSRC, `detail`: packets received so far. */
extern const struct record_kind rtp_kind_stopped;

/* Media is sent from now on. `subject[0]`: SSRC, `subject[1]`: payload type, `detail`: the interval, nanoseconds. */
extern const struct record_kind rtp_kind_sending;

enum rtp_quiet_why { RTP_QUIET_STOP, RTP_QUIET_HOLD, RTP_QUIET_DONE, RTP_QUIET_WHY_COUNT };
/* None is sent any more. `rule`: enum rtp_quiet_why, `subject[0]`: SSRC, `detail`: packets sent so far. */
extern const struct record_kind rtp_kind_quiet;

/* Media goes elsewhere from now on: `before` the flow to where it went, `after` to where it goes. `rule`: whether it
 * was latched; else the owner said so. */
extern const struct record_kind rtp_kind_redirected;

/* A report of the peer about this session's media. `rule`: the fraction lost lately, 256ths; `subject[0]`: lost so far
 * (with sign); `subject[1]`: jitter, microseconds; `detail`: round trip, nanoseconds, -1 where it is not known. */
extern const struct record_kind rtp_kind_reported;

/* `reason`: DROP_MALFORMED_RTP (`rule`: enum rtp_fault), DROP_MALFORMED_RTCP (enum rtcp_fault) or DROP_UNEXPECTED_RTP
 * (enum rtp_unexpected). */
extern const struct record_kind rtp_kind_dropped;

enum rtp_unexpected { RTP_UNEXPECTED_TYPE, RTP_UNEXPECTED_SOURCE, RTP_UNEXPECTED_COLLISION, RTP_UNEXPECTED_COUNT };

#endif
