/* Any bytes as a stream of STUN, cut in any way: however it is cut, the same frames come out, each is what stun_frame_at
 * says of it, and the buffer keeps its bound. The input: settings, then pieces, each behind its length. */
#include <glib.h>

#include "proto/stun/framing.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define BUFFER_LEAST 2048

/* Takes off what is whole. False at a fault. */
static bool
take_frames(struct stun_framing *framing, GString *out)
{
    for (;;) {
        struct stun_frame frame = stun_framing_next(framing);

        if (frame.kind == STUN_FRAME_NONE) {
            g_assert_cmpuint(stun_framing_pending(framing), <, MAX(frame.size, 1));
            return true;
        }
        if (frame.kind == STUN_FRAME_FAULT) {
            g_assert_cmpint(frame.fault, !=, STUN_FAULT_NONE);
            g_assert_cmpint(stun_framing_next(framing).fault, ==, frame.fault);
            g_string_append_printf(out, "fault %s", stun_fault_word(frame.fault));
            return false;
        }
        g_assert_cmpuint(frame.bytes.length, <=, frame.size);
        g_assert_cmpuint(frame.size, <=, framing->most);
        g_string_append_c(out, frame.kind == STUN_FRAME_MESSAGE ? 'm' : 'c');
        g_string_append_len(out, (const char *)frame.bytes.bytes, (gssize)frame.bytes.length);
    }
}

static bool
feed(struct stun_framing *framing, const uint8_t *bytes, size_t length, GString *out)
{
    while (length > 0) {
        size_t room;
        uint8_t *to = stun_framing_room(framing, &room);

        g_assert_cmpuint(room, >, 0);
        g_assert_cmpuint(framing->capacity, <=, MAX(framing->most, BUFFER_LEAST));
        room = MIN(room, length);
        memcpy(to, bytes, room);
        stun_framing_filled(framing, room);
        bytes += room;
        length -= room;
        if (!take_frames(framing, out))
            return false;
    }
    return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length < 2)
        return 0;

    struct stun_framing cut = { .most = 20 + 4 * (size_t)bytes[0], .channels = bytes[1] & 1 }, whole = cut;
    g_autoptr(GString) by_pieces = g_string_new(NULL), at_once = g_string_new(NULL);
    g_autoptr(GByteArray) all = g_byte_array_new();
    bool going = true;

    for (size_t at = 2; at < length;) {
        size_t piece = MIN(bytes[at], length - at - 1);

        g_byte_array_append(all, bytes + at + 1, (guint)piece);
        going = going && feed(&cut, bytes + at + 1, piece, by_pieces);
        at += 1 + piece;
    }
    feed(&whole, all->data, all->len, at_once);
    g_assert_cmpmem(by_pieces->str, by_pieces->len, at_once->str, at_once->len);
    stun_framing_clear(&cut);
    stun_framing_clear(&whole);
    return 0;
}
