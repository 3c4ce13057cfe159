#include "proto/sdp/lex.h"

struct sdp_lex
sdp_lex_over(struct span value)
{
    struct reader reader = reader_over(value);

    return (struct sdp_lex){ reader, reader.at, reader.at, true };
}

struct span
sdp_lex_field(struct sdp_lex *lex)
{
    size_t left = reader_left(&lex->reader);
    const uint8_t *blank = left ? memchr(lex->reader.at, ' ', left) : NULL;
    struct span field;

    lex->at = lex->reader.at;
    lex->open = blank != NULL;
    if (!blank)
        return reader_rest(&lex->reader);
    field = reader_span(&lex->reader, (size_t)(blank - lex->reader.at));
    reader_skip(&lex->reader, 1);
    return field;
}

struct span
sdp_lex_rest(struct sdp_lex *lex)
{
    lex->at = lex->reader.at;
    lex->open = false;
    return reader_rest(&lex->reader);
}

bool
sdp_cut(struct span *text, uint8_t mark, struct span *before)
{
    struct reader reader = reader_over(*text);
    const uint8_t *at = text->length ? memchr(text->bytes, mark, text->length) : NULL;

    *before = reader_span(&reader, at ? (size_t)(at - text->bytes) : text->length);
    if (at)
        reader_skip(&reader, 1);
    *text = reader_rest(&reader);
    return at != NULL;
}

bool
sdp_number(struct span text, uint64_t most, uint64_t *value)
{
    uint64_t sum = 0;

    if (text.length == 0)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        unsigned digit = (unsigned)text.bytes[i] - '0';

        if (digit > 9 || digit > most || sum > (most - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    *value = sum;
    return true;
}

bool
sdp_text_is(struct span text, const char *what)
{
    return span_equal(text, span_of_text(what));
}

bool
sdp_text_equal_nocase(struct span a, struct span b)
{
    if (a.length != b.length)
        return false;
    for (size_t i = 0; i < a.length; i++)
        if (g_ascii_tolower((char)a.bytes[i]) != g_ascii_tolower((char)b.bytes[i]))
            return false;
    return true;
}

bool
sdp_text_is_nocase(struct span text, const char *what)
{
    return sdp_text_equal_nocase(text, span_of_text(what));
}

static bool
all(struct span text, bool (*is)(uint8_t byte))
{
    for (size_t i = 0; i < text.length; i++)
        if (!is(text.bytes[i]))
            return false;
    return text.length > 0;
}

static bool
is_token_byte(uint8_t byte)
{
    return byte > 0x20 && byte < 0x7f && !strchr("\"(),/:;<=>?@[\\]", byte);
}

static bool
is_visible_byte(uint8_t byte)
{
    return byte > 0x20 && byte != 0x7f;
}

static bool
is_ice_byte(uint8_t byte)
{
    return g_ascii_isalnum(byte) || byte == '+' || byte == '/';
}

bool
sdp_is_token(struct span text)
{
    return all(text, is_token_byte);
}

bool
sdp_is_visible(struct span text)
{
    return all(text, is_visible_byte);
}

bool
sdp_is_ice(struct span text)
{
    return all(text, is_ice_byte);
}

void
sdp_put_span(GString *out, struct span text)
{
    if (text.length)
        g_string_append_len(out, (const char *)text.bytes, (gssize)text.length);
}
