/* Messages on streams: RFC 3261 sections 7.5 and 18.3, RFC 5626 section 3.5.1. */
#include "tests/unit/support.h"

#include "proto/sip/framing.h"

#define HEAD "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP a\r\n"

static const struct {
    const char *name, *text;
    bool whole;
    enum sip_frame frame;
    size_t length;
} rows[] = {
    { "nothing", "", false, SIP_FRAME_MORE, 0 },
    { "ping", "\r\n\r\n", false, SIP_FRAME_PING, 4 },
    { "ping and more", "\r\n\r\n\r\n", false, SIP_FRAME_PING, 4 },
    { "pong, or half a ping", "\r\n", false, SIP_FRAME_MORE, 0 },
    { "pong", "\r\n", true, SIP_FRAME_PONG, 2 },
    { "pong and a message", "\r\nOPTIONS", false, SIP_FRAME_PONG, 2 },
    { "three quarters of a ping", "\r\n\r", false, SIP_FRAME_MORE, 0 },
    { "and no more", "\r\n\r", true, SIP_FRAME_PONG, 2 },
    { "half a line end", "\r", false, SIP_FRAME_MORE, 0 },
    { "and no more", "\r", true, SIP_FRAME_BROKEN, 0 },
    { "CR alone", "\rX", false, SIP_FRAME_BROKEN, 0 },
    { "LF alone", "\nX", false, SIP_FRAME_BROKEN, 0 },
    { "blank", " OPTIONS", false, SIP_FRAME_BROKEN, 0 },
    { "STUN", "\x01\x01", false, SIP_FRAME_BROKEN, 0 },
    { "one letter", "O", false, SIP_FRAME_MORE, 0 },
    { "one letter and no more", "O", true, SIP_FRAME_BROKEN, 0 },
    { "head without end", HEAD "Content-Length: 0\r\n", false, SIP_FRAME_MORE, 0 },
    { "no body", HEAD "Content-Length: 0\r\n\r\n", false, SIP_FRAME_MESSAGE, 66 },
    { "compact", HEAD "l:0\r\n\r\n", false, SIP_FRAME_MESSAGE, 52 },
    { "folded", HEAD "l:\r\n 3\r\n\r\nabc", false, SIP_FRAME_MESSAGE, 58 },
    { "body and more", HEAD "l: 3\r\n\r\nabcdef", false, SIP_FRAME_MESSAGE, 56 },
    { "body not whole", HEAD "l: 3\r\n\r\nab", false, SIP_FRAME_MORE, 0 },
    { "body never whole", HEAD "l: 3\r\n\r\nab", true, SIP_FRAME_BROKEN, 0 },
    { "no length", HEAD "\r\nabc", false, SIP_FRAME_BROKEN, 0 },
    { "two lengths", HEAD "l: 3\r\nl: 3\r\n\r\nabc", false, SIP_FRAME_BROKEN, 0 },
    { "negative", HEAD "l: -3\r\n\r\nabc", false, SIP_FRAME_BROKEN, 0 },
    { "malformed", HEAD "l: 3 bytes\r\n\r\nabc", false, SIP_FRAME_BROKEN, 0 },
    { "beyond all", HEAD "l: 18446744073709551616\r\n\r\nabc", false, SIP_FRAME_BROKEN, 0 },
    { "too long", HEAD "l: 65535\r\n\r\nabc", false, SIP_FRAME_BROKEN, 0 },
    { "one byte too long", HEAD "l: 65479\r\n\r\nabc", false, SIP_FRAME_BROKEN, 0 },
    { "as long as can be", HEAD "l: 65478\r\n\r\nabc", false, SIP_FRAME_MORE, 0 },
    { "a line without a name", HEAD ": x\r\nl: 3\r\n\r\nabc", false, SIP_FRAME_BROKEN, 0 },
    { "bare LF hides a length", HEAD "X: y\nl: 3\r\n\r\nabc", false, SIP_FRAME_BROKEN, 0 },
    { "a length in the body", HEAD "\r\nl: 3\r\n\r\n", false, SIP_FRAME_BROKEN, 0 },
};

static void
test_frames(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        size_t scanned = 0, length = 99, bytes = strlen(rows[i].text);
        g_autofree uint8_t *block = unit_exact(span_of(rows[i].text, bytes));

        CHECK_ROW_INT(rows[i].name, sip_frame_first(span_of(block, bytes), rows[i].whole, &scanned, &length),
                      rows[i].frame);
        CHECK_ROW_INT(rows[i].name, length, rows[i].length);
    }
}

/* Byte by byte the same comes out as at once, and at the same byte. */
static void
test_pieces(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        size_t scanned = 0, length = 0, bytes = strlen(rows[i].text), at = 0;
        enum sip_frame frame = SIP_FRAME_MORE;

        if (rows[i].whole)
            continue;
        while (at < bytes && frame == SIP_FRAME_MORE) {
            g_autofree uint8_t *block = unit_exact(span_of(rows[i].text, ++at));

            frame = sip_frame_first(span_of(block, at), false, &scanned, &length);
        }
        CHECK_ROW_INT(rows[i].name, frame, rows[i].frame);
        CHECK_ROW_INT(rows[i].name, length, rows[i].length);
        if (frame == SIP_FRAME_MESSAGE)
            CHECK_ROW_INT(rows[i].name, at, length); /* not one byte later than need be */
    }
}

/* Several messages with keep-alives between them come out one by one. */
static void
test_stream(void)
{
    static const char stream[] = "\r\n\r\n" HEAD "l: 4\r\n\r\n\r\n\r\n" HEAD "l: 0\r\n\r\n"
                                 "\r\n" HEAD "l: 1\r\n\r\nx";
    static const enum sip_frame expected[] = { SIP_FRAME_PING, SIP_FRAME_MESSAGE, SIP_FRAME_MESSAGE,
                                               SIP_FRAME_PONG, SIP_FRAME_MESSAGE, SIP_FRAME_MORE };
    size_t at = 0, length;

    for (size_t i = 0; i < G_N_ELEMENTS(expected); i++) {
        size_t scanned = 0;

        CHECK_ROW_INT("frame", sip_frame_first(span_of(stream + at, sizeof stream - 1 - at), false, &scanned, &length),
                      expected[i]);
        at += length;
    }
    CHECK(at == sizeof stream - 1);
}

/* A head that has no end is given up at the limit. */
static void
test_limit(void)
{
    g_autofree char *text = g_strnfill(SIP_MESSAGE_MAX, 'x');
    size_t scanned = 0, length;

    CHECK(sip_frame_first(span_of(text, SIP_MESSAGE_MAX - 1), false, &scanned, &length) == SIP_FRAME_MORE);
    CHECK(sip_frame_first(span_of(text, SIP_MESSAGE_MAX), false, &scanned, &length) == SIP_FRAME_BROKEN);
}

/* What is cut out has no fault of length. */
static void
test_agrees(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        size_t scanned = 0, length;
        struct sip_message message;

        if (sip_frame_first(span_of_text(rows[i].text), false, &scanned, &length) != SIP_FRAME_MESSAGE)
            continue;
        CHECK_ROW_TEXT(rows[i].name, sip_fault_word(sip_message_decode(span_of(rows[i].text, length), &message)),
                       "missing");
        CHECK_ROW_INT(rows[i].name, message.text.length, length);
    }
}

void
suite_sip_framing(void)
{
    UNIT_SUITE("sip_framing", NULL, NULL, { "frames", test_frames }, { "byte by byte", test_pieces },
               { "a stream", test_stream }, { "limit", test_limit }, { "agrees with the decoder", test_agrees });
}
