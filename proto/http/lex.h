/* Small steps over text in spans, as the grammar of HTTP has it (RFC 9110 section 5.6). Nothing here allocates; what
 * comes back borrows from what went in. */
#ifndef PROTO_HTTP_LEX_H
#define PROTO_HTTP_LEX_H

#include "core/base/span.h"

/* tchar (RFC 9110 section 5.6.2). */
bool http_is_tchar(uint8_t byte);
/* One tchar at least, and nothing else. */
bool http_is_token(struct span text);
/* What a field's value may hold (section 5.5): visible characters, spaces, tabs and bytes beyond ASCII. */
bool http_is_field_text(struct span text);

/* Byte for byte, and without regard to the case of ASCII letters. */
bool http_span_is(struct span text, const char *what);
bool http_span_is_nocase(struct span text, const char *what);
bool http_span_equal_nocase(struct span a, struct span b);
bool http_span_starts_nocase(struct span text, const char *what);

/* Without the spaces and tabs at both ends. */
struct span http_trim(struct span text);

/* Cuts off what stands before the first `mark`, which is taken away too, and leaves the rest in `*text`. Without a
 * mark: all of it, and `*text` is empty. */
struct span http_cut(struct span *text, uint8_t mark);

/* 1 to 19 decimal digits and nothing else. */
bool http_decimal(struct span text, uint64_t *value);
/* 1 to 15 hexadecimal digits and nothing else. */
bool http_hexadecimal(struct span text, uint64_t *value);

#endif
