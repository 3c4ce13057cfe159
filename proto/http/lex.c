#include "proto/http/lex.h"

#include <glib.h>

bool
http_is_tchar(uint8_t byte)
{
    return g_ascii_isalnum(byte) || (byte && strchr("!#$%&'*+-.^_`|~", byte));
}

bool
http_is_token(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (!http_is_tchar(text.bytes[i]))
            return false;
    }
    return text.length > 0;
}

bool
http_is_field_text(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        uint8_t byte = text.bytes[i];

        if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
            return false;
    }
    return true;
}

bool
http_span_is(struct span text, const char *what)
{
    return span_equal(text, span_of_text(what));
}

bool
http_span_equal_nocase(struct span a, struct span b)
{
    return a.length == b.length &&
           (a.length == 0 || g_ascii_strncasecmp((const char *)a.bytes, (const char *)b.bytes, a.length) == 0);
}

bool
http_span_is_nocase(struct span text, const char *what)
{
    return http_span_equal_nocase(text, span_of_text(what));
}

bool
http_span_starts_nocase(struct span text, const char *what)
{
    size_t length = strlen(what);

    return text.length >= length && http_span_is_nocase(span_of(text.bytes, length), what);
}

static bool
is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

struct span
http_trim(struct span text)
{
    while (text.length > 0 && is_blank(text.bytes[0])) {
        text.bytes++;
        text.length--;
    }
    while (text.length > 0 && is_blank(text.bytes[text.length - 1]))
        text.length--;
    return text;
}

struct span
http_cut(struct span *text, uint8_t mark)
{
    struct span whole = *text;
    const uint8_t *at = whole.length ? memchr(whole.bytes, mark, whole.length) : NULL;

    if (!at) {
        *text = span_of(NULL, 0);
        return whole;
    }

    size_t before = (size_t)(at - whole.bytes);

    *text = span_of(at + 1, whole.length - before - 1);
    return span_of(whole.bytes, before);
}

/* `most` digits of base `base` cannot overflow. */
static bool
number(struct span text, unsigned base, size_t most, uint64_t *value)
{
    uint64_t sum = 0;

    if (text.length == 0 || text.length > most)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        int digit = base == 16 ? g_ascii_xdigit_value((char)text.bytes[i]) : g_ascii_digit_value((char)text.bytes[i]);

        if (digit < 0)
            return false;
        sum = sum * base + (unsigned)digit;
    }
    *value = sum;
    return true;
}

bool
http_decimal(struct span text, uint64_t *value)
{
    return number(text, 10, 19, value);
}

bool
http_hexadecimal(struct span text, uint64_t *value)
{
    return number(text, 16, 15, value);
}
