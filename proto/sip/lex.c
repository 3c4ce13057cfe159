#include "proto/sip/lex.h"

/* clang-format off */
#define T SIP_CLASS_TOKEN
#define W SIP_CLASS_WORD
#define U SIP_CLASS_USER
#define H SIP_CLASS_HOST
#define V SIP_CLASS_VALUE
#define B SIP_CLASS_BLANK
#define R SIP_CLASS_URI
#define Q SIP_CLASS_QUOTED
#define ALL (T | W | U | H | V | R | Q)

const uint8_t sip_classes[256] = {
    ['\t'] = B | Q, ['\n'] = B | Q, ['\r'] = B | Q, [' '] = B | Q,
    ['!'] = T | W | U | V | R | Q,
    ['"'] = W,
    ['#'] = U | R | Q,
    ['$'] = U | V | R | Q,
    ['%'] = T | W | U | V | R | Q,
    ['&'] = U | V | R | Q,
    ['\''] = T | W | U | V | R | Q,
    ['('] = W | U | V | R | Q,
    [')'] = W | U | V | R | Q,
    ['*'] = T | W | U | V | R | Q,
    ['+'] = T | W | U | V | R | Q,
    [','] = U | R | Q,
    ['-'] = ALL,
    ['.'] = ALL,
    ['/'] = W | U | V | R | Q,
    ['0' ... '9'] = ALL,
    [':'] = W | U | V | R | Q,
    [';'] = U | R | Q,
    ['<'] = W | Q,
    ['='] = U | V | R | Q,
    ['>'] = W | Q,
    ['?'] = W | U | R | Q,
    ['@'] = W | R | Q,
    ['A' ... 'Z'] = ALL,
    ['['] = W | V | R | Q,
    ['\\'] = W,
    [']'] = W | V | R | Q,
    ['^'] = Q,
    ['_'] = ALL,
    ['`'] = T | W | V | Q,
    ['a' ... 'z'] = ALL,
    ['{'] = W | Q,
    ['|'] = Q,
    ['}'] = W | Q,
    ['~'] = T | W | U | V | R | Q,
    [0x80 ... 0xff] = Q,
};
/* clang-format on */

bool
sip_quoted(struct reader *reader, struct span *inside)
{
    struct reader ahead = *reader;
    const uint8_t *from;

    reader_skip(&ahead, 1);
    from = ahead.at;
    for (;;) {
        (void)sip_run(&ahead, SIP_CLASS_QUOTED);
        if (sip_peek(&ahead) == '"')
            break;
        if (sip_peek(&ahead) != '\\')
            return false;
        reader_skip(&ahead, 1); /* quoted-pair: any ASCII, NUL too, but no line end */
        if (sip_peek(&ahead) < 0 || sip_peek(&ahead) > 0x7f || sip_peek(&ahead) == '\r' || sip_peek(&ahead) == '\n')
            return false;
        reader_skip(&ahead, 1);
    }
    *inside = span_of(from, (size_t)(ahead.at - from));
    reader_skip(&ahead, 1);
    *reader = ahead;
    return true;
}

bool
sip_digits(struct span text, uint32_t most, uint32_t *value)
{
    uint64_t sum = 0;

    if (text.length == 0)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        unsigned digit = (unsigned)text.bytes[i] - '0';

        if (digit > 9)
            return false;
        sum = sum * 10 + digit;
        if (sum > most)
            return false;
    }
    *value = (uint32_t)sum;
    return true;
}
