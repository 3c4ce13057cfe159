/* Small steps over text as the grammar of SIP has it (RFC 3261 section 25.1): classes of bytes, runs of a class, blanks
 * with folds in them, quoted strings, words in any case. Nothing here allocates; what comes back borrows from what went
 * in. */
#ifndef PROTO_SIP_LEX_H
#define PROTO_SIP_LEX_H

#include "core/base/cursor.h"

/* Sets of bytes, by the names of the grammar. */
enum sip_class {
    SIP_CLASS_TOKEN = 1,   /* token */
    SIP_CLASS_WORD = 2,    /* word, and the '@' between two of them: a Call-ID */
    SIP_CLASS_USER = 4,    /* user and password, with escapes and the ':' between the two; '#' because phones send it */
    SIP_CLASS_HOST = 8,    /* hostname and IPv4address; '_' because names in use have it */
    SIP_CLASS_VALUE = 16,  /* gen-value without quotes, pvalue; '=' because base64 ends with it */
    SIP_CLASS_BLANK = 32,  /* LWS: SP and HTAB, and the CRLF of folds */
    SIP_CLASS_URI = 64,    /* what a URI may have at all */
    SIP_CLASS_QUOTED = 128 /* qdtext, folds included */
};
extern const uint8_t sip_classes[256];

static inline bool
sip_is(uint8_t byte, enum sip_class class)
{
    return (sip_classes[byte] & class) != 0;
}

static inline uint8_t
sip_lower(uint8_t byte)
{
    return (uint8_t)(byte - 'A') < 26 ? byte | 0x20 : byte;
}

/* The next byte, which is not stepped over; -1 at the end. */
static inline int
sip_peek(const struct reader *reader)
{
    return reader->at < reader->end ? *reader->at : -1;
}

/* Steps over as many bytes of a class as stand there. */
static inline struct span
sip_run(struct reader *reader, enum sip_class class)
{
    const uint8_t *from = reader->at, *at = from, *end = reader->end;

    while (at < end && sip_is(*at, class))
        at++;
    reader->at = at;
    return span_of(from, (size_t)(at - from));
}

static inline void
sip_skip_blanks(struct reader *reader)
{
    while (reader->at < reader->end && sip_is(*reader->at, SIP_CLASS_BLANK))
        reader->at++;
}

/* Steps over `mark` and the blanks around it (SEMI, EQUAL, SLASH, ...); over the blanks only when it isn't there. */
static inline bool
sip_skip_mark(struct reader *reader, uint8_t mark)
{
    sip_skip_blanks(reader);
    if (sip_peek(reader) != mark)
        return false;
    reader->at++;
    sip_skip_blanks(reader);
    return true;
}

/* Steps over a quoted string, at whose first quote the reader stands; `*inside` keeps its escapes. False when it has no
 * end, or bytes that cannot stand in one. */
bool sip_quoted(struct reader *reader, struct span *inside);

/* One byte at least, and all of them of a class. */
static inline bool
sip_all(struct span text, enum sip_class class)
{
    for (size_t i = 0; i < text.length; i++)
        if (!sip_is(text.bytes[i], class))
            return false;
    return text.length > 0;
}

/* Without the blanks and folds at both ends. */
static inline struct span
sip_trim(struct span text)
{
    while (text.length > 0 && sip_is(text.bytes[0], SIP_CLASS_BLANK)) {
        text.bytes++;
        text.length--;
    }
    while (text.length > 0 && sip_is(text.bytes[text.length - 1], SIP_CLASS_BLANK))
        text.length--;
    return text;
}

static inline bool
sip_text_equal_nocase(struct span a, struct span b)
{
    if (a.length != b.length)
        return false;
    for (size_t i = 0; i < a.length; i++)
        if (a.bytes[i] != b.bytes[i] && sip_lower(a.bytes[i]) != sip_lower(b.bytes[i]))
            return false;
    return true;
}

static inline bool
sip_text_is(struct span text, const char *what)
{
    return span_equal(text, span_of_text(what));
}

static inline bool
sip_text_is_nocase(struct span text, const char *what)
{
    return sip_text_equal_nocase(text, span_of_text(what));
}

/* Decimal digits and nothing else, at least one, up to `most`. Leading zeros are digits like any. */
bool sip_digits(struct span text, uint32_t most, uint32_t *value);

#endif
