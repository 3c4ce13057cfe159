/* What a description says about ICE (RFC 8839 section 5, RFC 8838 and 8840 for trickling). */
#ifndef PROTO_SDP_ICE_H
#define PROTO_SDP_ICE_H

#include "proto/sdp/candidate.h"
#include "proto/sdp/lex.h"
#include "proto/sdp/session.h"

#define SDP_LEAST_UFRAG 4
#define SDP_LEAST_PWD 22
#define SDP_MOST_CREDENTIAL 256 /* of either; a ufrag that we send has at most 32 (section 5.4) */
#define SDP_PACING_MS 50        /* without a=ice-pacing (section 5.5) */

/* For one medium, what is said at session level included: its own ufrag and pwd go before the session's, and
 * `options` is a view of its own, or else of the session's. Without ICE, `ufrag` and `pwd` are empty. */
struct sdp_ice {
    struct span ufrag, pwd, options;
    bool lite, mismatch, end_of_candidates;
    uint64_t pacing_ms;
};

/* Everything is checked but the candidates, which come one by one. `section` may be SDP_SESSION_LEVEL; in a fragment
 * that is where the ufrag usually stands. */
enum sdp_fault sdp_ice_read(const struct sdp_session *session, int section, struct sdp_ice *ice,
                            struct sdp_error *error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether a tag stands in a=ice-options of the medium or of the session ("ice2", "trickle"). */
bool sdp_ice_has_option(const struct sdp_session *session, int section, const char *tag);

/* Appends the attributes that belong to that level: a=ice-lite, a=ice-pacing (unless it is the default) to the session,
 * a=ice-mismatch to a medium, ufrag, pwd and options to either, when they aren't empty. Candidates and
 * a=end-of-candidates come after that, by the caller. */
void sdp_put_ice(GString *out, const struct sdp_ice *ice, int section);

/* The candidate line after `*line`, which is NULL for the first and becomes NULL at the end. A malformed one is told as
 * a fault, and the walk goes on behind it. */
enum sdp_fault sdp_candidate_next(const struct sdp_session *session, int media, const struct sdp_line **line,
                                  struct sdp_candidate *candidate, struct sdp_error *error) G_GNUC_WARN_UNUSED_RESULT;

/* a=remote-candidates (section 5.2): of a walk over its value takes the next one, until sdp_lex_done. */
struct sdp_remote_candidate {
    uint16_t component, port;
    struct sdp_host host;
    struct span port_text;
};

enum sdp_fault sdp_remote_candidate_take(struct sdp_lex *lex,
                                         struct sdp_remote_candidate *remote) G_GNUC_WARN_UNUSED_RESULT;
void sdp_put_remote_candidates(GString *out, const struct sdp_remote_candidate *remotes, size_t count);

/* Where media goes to without ICE: component 1 by c= and m=, component 2 by a=rtcp or else one port above. False when
 * it is a name, there is no c=, or the stream has port 0. */
bool sdp_default_destination(const struct sdp_session *session, int media, unsigned component,
                             struct endpoint *destination);

/* Whether a default destination is not among the candidates of its component (RFC 8839 section 4.2.5): an ALG has
 * rewritten the one and not the others. 0.0.0.0 or :: with port 9 says that there is no default yet, and is no
 * mismatch; nor is a name. Component 2 is looked at when it has candidates. */
bool sdp_ice_is_mismatch(const struct sdp_session *session, int media);

/* Appends the m= and a=mid lines under which candidates for `mid` stand in a fragment (RFC 8840 section 9.2). */
void sdp_put_fragment_media(GString *out, const struct sdp_media_line *line, struct span mid);

#endif
