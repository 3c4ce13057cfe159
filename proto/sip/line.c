#include "proto/sip/line.h"

#include "proto/sip/lex.h"

/* Takes bytes up to and with the next CRLF. A CR or LF that stands alone ends the line too, but as a malformed one. */
static enum sip_line
take_line(struct reader *reader, struct span *line)
{
    size_t left = reader_left(reader);
    const uint8_t *feed = left ? memchr(reader->at, '\n', left) : NULL;
    const uint8_t *from = reader->at;
    size_t length;

    if (!feed)
        return SIP_LINE_UNFINISHED;
    length = (size_t)(feed - from);
    reader_skip(reader, length + 1);
    if (length == 0 || memchr(from, '\r', length) != feed - 1)
        return SIP_LINE_MALFORMED;
    *line = span_of(from, length - 1);
    return SIP_LINE_HEADER;
}

static bool
is_folded(const struct reader *reader)
{
    return sip_peek(reader) == ' ' || sip_peek(reader) == '\t';
}

enum sip_line
sip_line_next(struct reader *reader, struct sip_header *header)
{
    const uint8_t *from = reader->at;
    struct span line;
    struct reader inside;
    enum sip_line what = take_line(reader, &line);
    bool sound = what == SIP_LINE_HEADER;

    if (sound && line.length == 0)
        return SIP_LINE_END;
    while (what != SIP_LINE_UNFINISHED && is_folded(reader)) {
        what = take_line(reader, &line);
        sound = sound && what == SIP_LINE_HEADER;
    }
    if (what == SIP_LINE_UNFINISHED)
        return SIP_LINE_UNFINISHED;

    header->line = span_of(from, (size_t)(reader->at - from));
    inside = reader_over(header->line);
    header->name = sip_run(&inside, SIP_CLASS_TOKEN);
    while (sip_peek(&inside) == ' ' || sip_peek(&inside) == '\t')
        inside.at++;
    if (!sound || header->name.length == 0 || reader_u8(&inside) != ':')
        return SIP_LINE_MALFORMED;
    header->value = sip_trim(reader_rest(&inside));
    return SIP_LINE_HEADER;
}

enum sip_line
sip_line_start(struct reader *reader, struct span *line)
{
    return take_line(reader, line);
}
