#include "proto/sip/framing.h"

#include <glib.h>

#include "proto/sip/headers.h"
#include "proto/sip/lex.h"
#include "proto/sip/line.h"

/* `*scanned` counts bytes in which no empty line begins, until one is found; then it has this mark and tells the length
 * of the whole message, so that a body that comes in small pieces is not searched again. */
#define KNOWN (SIZE_MAX / 2 + 1)

static enum sip_frame
line_ends(struct span bytes, bool whole, size_t *length)
{
    static const char ping[] = "\r\n\r\n";
    size_t most = MIN(bytes.length, sizeof ping - 1), same = 0;

    while (same < most && bytes.bytes[same] == (uint8_t)ping[same])
        same++;
    if (same == 4) {
        *length = 4;
        return SIP_FRAME_PING;
    }
    if (same == bytes.length && !whole)
        return SIP_FRAME_MORE;
    if (same < 2)
        return SIP_FRAME_BROKEN; /* half a line end */
    *length = 2;
    return SIP_FRAME_PONG;
}

/* How many bytes there are up to and with the empty line; 0 when it hasn't come. */
static size_t
head_length(struct span bytes, size_t scanned)
{
    size_t from = scanned > 3 ? scanned - 3 : 0;
    const uint8_t *end = memmem(bytes.bytes + from, bytes.length - from, "\r\n\r\n", 4);

    return end ? (size_t)(end - bytes.bytes) + 4 : 0;
}

/* The one Content-Length of a head; false without one, with two, and with a malformed one or line. */
static bool
content_length(struct span head, uint32_t *length)
{
    struct reader reader = reader_over(head);
    struct span start;
    bool found = false;

    if (sip_line_start(&reader, &start) != SIP_LINE_HEADER)
        return false;
    for (struct sip_header header;;) {
        enum sip_line line = sip_line_next(&reader, &header);

        if (line == SIP_LINE_END)
            return found;
        if (line != SIP_LINE_HEADER)
            return false;
        if (sip_header_of(header.name) != SIP_HEADER_CONTENT_LENGTH)
            continue;
        if (found || !sip_number_decode(header.value, SIP_MESSAGE_MAX, length))
            return false;
        found = true;
    }
}

static enum sip_frame
message_at(struct span bytes, size_t *scanned, size_t *length)
{
    if (!(*scanned & KNOWN)) {
        size_t head = head_length(bytes, *scanned);
        uint32_t body;

        if (head > SIP_MESSAGE_MAX || (!head && bytes.length >= SIP_MESSAGE_MAX))
            return SIP_FRAME_BROKEN;
        *scanned = bytes.length;
        if (!head)
            return SIP_FRAME_MORE;
        if (!content_length(span_of(bytes.bytes, head), &body) || head + body > SIP_MESSAGE_MAX)
            return SIP_FRAME_BROKEN;
        *scanned = (head + body) | KNOWN;
    }
    *length = *scanned & ~KNOWN;
    return bytes.length < *length ? SIP_FRAME_MORE : SIP_FRAME_MESSAGE;
}

enum sip_frame
sip_frame_first(struct span bytes, bool whole, size_t *scanned, size_t *length)
{
    enum sip_frame frame;

    *length = 0;
    if (bytes.length == 0)
        return SIP_FRAME_MORE;
    if (bytes.bytes[0] == '\r')
        return line_ends(bytes, whole, length);
    if (!sip_is(bytes.bytes[0], SIP_CLASS_TOKEN))
        return SIP_FRAME_BROKEN;
    frame = message_at(bytes, scanned, length);
    if (frame != SIP_FRAME_MESSAGE)
        *length = 0;
    return frame == SIP_FRAME_MORE && whole ? SIP_FRAME_BROKEN : frame; /* the rest will never come */
}
