/* Messages on a stream: RFC 8489 section 6.2.2, RFC 8656 section 12.5. */
#include "proto/stun/framing.h"
#include "tests/unit/support.h"

#define ID "0102030405060708090a0b0c"
#define EMPTY "0001 0000 2112a442" ID
#define FOUR "0101 0004 2112a442" ID "deadbeef"
#define MOST 64

/* What stands at the head: a kind, and for a frame its length and what it takes of the stream. */
static const struct {
    const char *name, *bytes;
    bool channels;
    enum stun_frame_kind kind;
    size_t length, size; /* of NONE: only size */
    enum stun_fault fault;
} rows[] = {
    { "nothing yet", "", false, STUN_FRAME_NONE, 0, 4, 0 },
    { "one byte", "00", false, STUN_FRAME_NONE, 0, 4, 0 },
    { "three bytes", "000100", false, STUN_FRAME_NONE, 0, 4, 0 },
    { "its length is known", "00010004", false, STUN_FRAME_NONE, 0, 24, 0 },
    { "half a cookie", "00010004 2112", false, STUN_FRAME_NONE, 0, 24, 0 },
    { "a header", "0101 0004 2112a442" ID, false, STUN_FRAME_NONE, 0, 24, 0 },
    { "all but a byte", "0101 0004 2112a442" ID "deadbe", false, STUN_FRAME_NONE, 0, 24, 0 },
    { "a message without attributes", EMPTY, false, STUN_FRAME_MESSAGE, 20, 20, 0 },
    { "a message", FOUR, false, STUN_FRAME_MESSAGE, 24, 24, 0 },
    { "a message, and more behind it", FOUR EMPTY, false, STUN_FRAME_MESSAGE, 24, 24, 0 },
    { "what is in it is not looked at", "3fff 0004 2112a442" ID "ffffffff", false, STUN_FRAME_MESSAGE, 24, 24, 0 },
    { "the longest", "0001 002c 2112a442", false, STUN_FRAME_NONE, 0, 64, 0 },
    { "longer", "0001 0030", false, STUN_FRAME_FAULT, 0, 0, STUN_FAULT_TOO_LONG },
    { "the longest there can be", "0001 fffc", false, STUN_FRAME_FAULT, 0, 0, STUN_FAULT_TOO_LONG },
    { "an odd length", "0001 0003", false, STUN_FRAME_FAULT, 0, 0, STUN_FAULT_LENGTH_UNALIGNED },
    { "text", "47", false, STUN_FRAME_FAULT, 0, 0, STUN_FAULT_FIRST_BITS }, /* GET / */
    { "TLS", "160301 00f4", false, STUN_FRAME_FAULT, 0, 0, STUN_FAULT_TOO_LONG },
    { "too long, and a wrong cookie: the length comes first", "0001 0100 f4", false, STUN_FRAME_FAULT, 0, 0,
      STUN_FAULT_TOO_LONG },
    { "a wrong cookie, at its first byte", "0001 0000 20", false, STUN_FRAME_FAULT, 0, 0, STUN_FAULT_COOKIE },
    { "at its last", "0001 0000 2112a443", false, STUN_FRAME_FAULT, 0, 0, STUN_FAULT_COOKIE },
    { "RFC 3489", "0001 0000 deadbeef" ID, false, STUN_FRAME_FAULT, 0, 0, STUN_FAULT_COOKIE },
    { "ChannelData where there are none", "4000 0000", false, STUN_FRAME_FAULT, 0, 0, STUN_FAULT_FIRST_BITS },
    { "ChannelData without data", "4000 0000", true, STUN_FRAME_CHANNEL, 4, 4, 0 },
    { "ChannelData", "4fff 0004 01020304", true, STUN_FRAME_CHANNEL, 8, 8, 0 },
    { "padded", "4000 0001 01 000000", true, STUN_FRAME_CHANNEL, 5, 8, 0 },
    { "the padding is missing", "4000 0001 01 0000", true, STUN_FRAME_NONE, 0, 8, 0 },
    { "beyond the channel numbers", "5000 0000", true, STUN_FRAME_FAULT, 0, 0, STUN_FAULT_FIRST_BITS },
    { "the longest ChannelData", "4000 003c", true, STUN_FRAME_NONE, 0, 64, 0 },
    { "longer, by its padding", "4000 003d", true, STUN_FRAME_FAULT, 0, 0, STUN_FAULT_TOO_LONG },
    { "a message among channels", EMPTY, true, STUN_FRAME_MESSAGE, 20, 20, 0 },
};

static void
test_head(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GBytes) bytes = unit_hex(rows[i].bytes);
        g_autofree uint8_t *exact = unit_exact(unit_span(bytes));
        struct stun_frame frame = stun_frame_at(span_of(exact, g_bytes_get_size(bytes)), rows[i].channels, MOST);

        CHECK_ROW_INT(rows[i].name, frame.kind, rows[i].kind);
        CHECK_ROW_UINT(rows[i].name, frame.fault, rows[i].fault);
        CHECK_ROW_UINT(rows[i].name, frame.size, rows[i].size);
        CHECK_ROW_UINT(rows[i].name, frame.bytes.length, rows[i].length);
        CHECK_ROW(rows[i].name, frame.bytes.length == 0 || frame.bytes.bytes == exact);
    }
}

/* Feeds `bytes` in pieces of `piece`; what is taken off goes into `out` as "m24 c5 " and, at the end, "+3" for bytes
 * that are no frame yet, "!" for a fault. The buffer never holds more than it may. */
static void
feed(struct stun_framing *framing, struct span bytes, size_t piece, GString *out)
{
    struct stun_frame frame = { .kind = STUN_FRAME_NONE };
    size_t at = 0;

    while (frame.kind != STUN_FRAME_FAULT && at < bytes.length) {
        size_t room;
        uint8_t *to = stun_framing_room(framing, &room);
        size_t length = MIN(MIN(piece, room), bytes.length - at);

        CHECK(room > 0 && framing->capacity <= MAX(framing->most, 2048));
        memcpy(to, bytes.bytes + at, length);
        stun_framing_filled(framing, length);
        at += length;
        while ((frame = stun_framing_next(framing)).kind == STUN_FRAME_MESSAGE || frame.kind == STUN_FRAME_CHANNEL)
            g_string_append_printf(out, "%c%zu ", frame.kind == STUN_FRAME_MESSAGE ? 'm' : 'c', frame.bytes.length);
    }
    if (frame.kind == STUN_FRAME_FAULT) {
        CHECK_ROW_INT("a fault stays", stun_framing_next(framing).kind, STUN_FRAME_FAULT);
        g_string_append_c(out, '!');
    } else if (stun_framing_pending(framing) > 0) {
        g_string_append_printf(out, "+%zu", stun_framing_pending(framing));
    }
}

/* However the stream is cut, the same comes out. */
static void
test_any_segmentation(void)
{
    static const struct {
        const char *name, *bytes, *frames;
    } streams[] = {
        { "one", EMPTY, "m20 " },
        { "three and a piece", FOUR EMPTY FOUR "0101", "m24 m20 m24 +2" },
        { "mixed", EMPTY "4001 0002 abcd 0000" FOUR "4002 0000 4003 0005 01020304 05000000", "m20 c6 m24 c4 c9 " },
        { "garbage behind a message", FOUR "ff", "m24 !" },
        { "garbage first", "ff" FOUR, "!" },
        { "a wrong length, so that the next begins inside", "0001 0004 2112a442" ID EMPTY, "m24 !" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(streams); i++) {
        g_autoptr(GBytes) bytes = unit_hex(streams[i].bytes);

        for (size_t piece = 1; piece <= g_bytes_get_size(bytes); piece++) {
            struct stun_framing framing = { .most = MOST, .channels = true };
            g_autoptr(GString) out = g_string_new(NULL);

            feed(&framing, unit_span(bytes), piece, out);
            CHECK_ROW_TEXT(streams[i].name, out->str, streams[i].frames);
            stun_framing_clear(&framing);
            CHECK(framing.buffer == NULL && stun_framing_pending(&framing) == 0);
        }
    }
}

/* The buffer grows to the longest message that there is, and to that only when it comes. */
static void
test_long_message(void)
{
    struct stun_framing framing = { .most = STUN_HEADER_BYTES + 65532 };
    g_autofree uint8_t *bytes = g_malloc0(framing.most);
    g_autoptr(GBytes) head = unit_hex("0001 fffc 2112a442");
    g_autoptr(GString) out = g_string_new(NULL);

    memcpy(bytes, unit_span(head).bytes, 8);
    feed(&framing, span_of(bytes, 1000), 1000, out);
    CHECK_ROW_TEXT("not whole", out->str, "+1000");
    feed(&framing, span_of(bytes + 1000, framing.most - 1000), 1448, out);
    CHECK_ROW_TEXT("whole", out->str, "+1000m65552 ");
    stun_framing_clear(&framing);
}

void
suite_stun_framing(void)
{
    UNIT_SUITE("stun framing", NULL, NULL, { "head", test_head }, { "any segmentation", test_any_segmentation },
               { "long message", test_long_message });
}
