/* Small steps over one value of a session description: fields with one blank between them (RFC 8866 section 9). What
 * comes back borrows from what went in. */
#ifndef PROTO_SDP_LEX_H
#define PROTO_SDP_LEX_H

#include <glib.h>

#include "core/base/cursor.h"

/* A walk over the fields of a value. `open`: another field is to come, be it an empty one after a last blank. */
struct sdp_lex {
    struct reader reader;
    const uint8_t *start, *at;
    bool open;
};

struct sdp_lex sdp_lex_over(struct span value);

/* The next field, without blanks; empty when there is none, or when two blanks stand together. */
struct span sdp_lex_field(struct sdp_lex *lex);

/* All that has not been taken yet, blanks included; nothing is left then. */
struct span sdp_lex_rest(struct sdp_lex *lex);

static inline bool
sdp_lex_done(const struct sdp_lex *lex)
{
    return !lex->open;
}

/* Where in the value the field begins that was taken last: what a fault points at. */
static inline size_t
sdp_lex_at(const struct sdp_lex *lex)
{
    return (size_t)(lex->at - lex->start);
}

/* Cuts off what stands before the first `mark`, which is taken away too, and leaves the rest in `*text`. False, with
 * all of it cut off, when there is no mark. */
bool sdp_cut(struct span *text, uint8_t mark, struct span *before);

/* Decimal digits and nothing else, at least one, up to `most`. Leading zeros are digits like any. */
bool sdp_number(struct span text, uint64_t most, uint64_t *value);

bool sdp_text_is(struct span text, const char *what);
bool sdp_text_is_nocase(struct span text, const char *what);
bool sdp_text_equal_nocase(struct span a, struct span b);

/* One byte at least, and all of them of the kind: token-char and visible ones (RFC 8866 section 9), ice-char (RFC 8839
 * section 5.1). */
bool sdp_is_token(struct span text);
bool sdp_is_visible(struct span text);
bool sdp_is_ice(struct span text);

void sdp_put_span(GString *out, struct span text);

#endif
