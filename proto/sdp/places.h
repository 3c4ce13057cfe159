/* Where in a description the addresses and ports stand, for an ALG that puts others there, and the editing itself.
 *
 *     struct sdp_places walk = SDP_PLACES_BEGIN;
 *     while (sdp_place_next(&session, &walk, &place)) ...
 *
 * Spans lie in the session's text, so that sdp_session_offset and the length say what to replace; nothing else is
 * touched, and what the walk doesn't understand it passes over. */
#ifndef PROTO_SDP_PLACES_H
#define PROTO_SDP_PLACES_H

#include "core/base/cursor.h"
#include "proto/sdp/session.h"

/* RELATED: raddr and rport of a candidate; it follows its CANDIDATE. REMOTE: one of a=remote-candidates. */
enum sdp_place_kind {
    SDP_PLACE_ORIGIN,
    SDP_PLACE_CONNECTION,
    SDP_PLACE_MEDIA,
    SDP_PLACE_RTCP,
    SDP_PLACE_CANDIDATE,
    SDP_PLACE_RELATED,
    SDP_PLACE_REMOTE,
};

/* `host` has no kind, or `port_text` is empty, where there is no address or port: o= and c= have no port, m= has no
 * address of its own (sdp_media_connection), a=rtcp may have none. host.text is without the "/127" of multicast, and
 * port_text without the "/2" of several ports. */
struct sdp_place {
    enum sdp_place_kind kind;
    int section; /* a medium's index, or SDP_SESSION_LEVEL */
    const struct sdp_line *line;
    struct sdp_host host;
    struct span port_text;
    uint16_t port;
    uint32_t port_count;
};

struct sdp_places {
    int section;
    unsigned line, part;
};

#define SDP_PLACES_BEGIN ((struct sdp_places){ SDP_SESSION_LEVEL, 0, 0 })

/* The next place in the text's order; false at the end. */
bool sdp_place_next(const struct sdp_session *session, struct sdp_places *walk, struct sdp_place *place);

/* Puts `with` in the place of `length` bytes at `offset` of the old text. */
struct sdp_edit {
    size_t offset, length;
    struct span with;
};

/* Writes the text with the edits made, which don't overlap, and are sorted here: in a=rtcp the port stands before the
 * address. The writer has failed when it doesn't fit. */
void sdp_edit(struct span text, struct sdp_edit *edits, size_t count, struct writer *out);

#endif
