/* A session description (RFC 8866), or the fragment of one that trickles candidates (RFC 8840), as a list of its lines.
 *
 * Parsing is pure: it borrows the text, allocates nothing, and everything that comes out stands in that text, so that
 * `sdp_session_offset` says where: an ALG edits there and leaves all other bytes alone. The structure has room for all
 * that is ever read; it takes about 13 kilobytes.
 *
 * A line ends with CRLF, or LF alone (section 5), and the last one may lack its end. Empty lines at the end are passed
 * over, anywhere else they are faults. The lines must come in the order of section 5. z= may also follow t= without
 * r=, as RFC 4566 had it. k= is passed over unread, as section 5.12 wants. An attribute's value may be empty, and
 * though section 5.3 forbids it, so may s=: the examples of RFC 8839 have it so, and whoever copied them. A medium with
 * port 0 needs no c=.
 *
 * All lines with a grammar of their own are checked (fields.h); attributes only for their name, because what a reader
 * doesn't know it ignores: whoever wants an attribute asks for it, and hears then what is wrong with it. */
#ifndef PROTO_SDP_SESSION_H
#define PROTO_SDP_SESSION_H

#include "proto/sdp/fields.h"

#define SDP_MAX_BYTES 65535
#define SDP_MAX_LINES 1024
#define SDP_MAX_MEDIA 64

/* In place of a medium's index: what stands before the first m=. */
#define SDP_SESSION_LEVEL (-1)

/* `length` counts the bytes of the value, which begins at `offset` in the text, after "x=". An attribute's name is the
 * first `name` bytes of it; when more follow, they are ':' and its value. */
struct sdp_line {
    uint32_t offset;
    uint16_t length, name;
    char type;
};

/* Lines `first` (the m= line) up to but without `end`. */
struct sdp_media {
    uint16_t first, end;
};

struct sdp_session {
    struct span text;
    uint16_t line_count;
    int16_t media_count;
    struct sdp_line lines[SDP_MAX_LINES];
    struct sdp_media media[SDP_MAX_MEDIA];
};

/* `error` may be NULL and is filled on a fault only. On a fault the session holds nothing to rely on. */
enum sdp_fault sdp_session_parse(struct span text, struct sdp_session *session,
                                 struct sdp_error *error) G_GNUC_WARN_UNUSED_RESULT;

/* application/trickle-ice-sdpfrag (RFC 8840 section 9): attributes, then m= lines with theirs, and no other lines. Each
 * m= line has an a=mid; its media, port and formats mean nothing. */
enum sdp_fault sdp_fragment_parse(struct span text, struct sdp_session *session,
                                  struct sdp_error *error) G_GNUC_WARN_UNUSED_RESULT;

/* Appends it with CRLF and with addresses and numbers in their usual form; candidates too. What was in that form is the
 * same byte for byte. */
void sdp_session_put(GString *out, const struct sdp_session *session);

/* ---- lines */

struct span sdp_line_value(const struct sdp_session *session, const struct sdp_line *line);
/* From 1, as people count. */
unsigned sdp_line_number(const struct sdp_session *session, const struct sdp_line *line);
/* The next line of this type in a section (a medium's index, or SDP_SESSION_LEVEL) after the line `after`, which is
 * NULL for the first; NULL when there is none. */
const struct sdp_line *sdp_line_find(const struct sdp_session *session, int section, char type,
                                     const struct sdp_line *after);

/* The same for an attribute of this name (case counts, section 5.13). Where one has a meaning, the first counts. */
const struct sdp_line *sdp_attribute_find(const struct sdp_session *session, int section, const char *name,
                                          const struct sdp_line *after);
bool sdp_attribute_has(const struct sdp_session *session, int section, const char *name);
/* What follows ':'; empty when nothing does. */
struct span sdp_attribute_value(const struct sdp_session *session, const struct sdp_line *line);
/* The attribute at medium level, else at session level; NULL when it is at neither. */
const struct sdp_line *sdp_attribute_inherit(const struct sdp_session *session, int section, const char *name);

/* The offset of a part of the text from its first byte. */
static inline size_t
sdp_session_offset(const struct sdp_session *session, struct span part)
{
    return (size_t)(part.bytes - session->text.bytes);
}

/* Fills `error`, when it isn't NULL, with a fault of a line's value at `at` bytes into it (for an attribute: into what
 * follows ':'), and returns it. `line` NULL: it is of no line. */
enum sdp_fault sdp_blame(const struct sdp_session *session, const struct sdp_line *line, enum sdp_fault fault,
                         size_t at, const char *attribute, struct sdp_error *error);

/* ---- what every session has; these can't fail after parsing */

struct sdp_origin sdp_session_origin(const struct sdp_session *session);
struct sdp_media_line sdp_media_line_of(const struct sdp_session *session, int media);
/* The first c= of the medium, else the session's; false: neither has one, which only a medium with port 0 may. */
bool sdp_media_connection(const struct sdp_session *session, int media, struct sdp_connection *connection);

#endif
