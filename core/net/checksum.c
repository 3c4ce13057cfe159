#include "core/net/checksum.h"

#include <glib.h>

/* One's complement addition: the carry comes back in at the other end. */
static inline uint64_t
add_around(uint64_t a, uint64_t b)
{
    a += b;
    return a + (a < b);
}

static inline uint16_t
fold64(uint64_t sum)
{
    uint64_t half = (sum & UINT32_MAX) + (sum >> 32);

    return checksum_fold(half);
}

/* RFC 1071 section 2(B) and (C): a sum of wide words in the machine's own byte order folds to the sum of 16-bit
 * words in that order, whose two bytes only need to be put in network order. */
uint64_t
checksum_add(uint64_t sum, struct span bytes)
{
    const uint8_t *at = bytes.bytes;
    size_t left = bytes.length;
    uint64_t native = 0, wide;
    uint32_t half;
    uint16_t word;

    for (; left >= 16; at += 16, left -= 16) {
        uint64_t pair[2];

        memcpy(pair, at, 16);
        native = add_around(add_around(native, pair[0]), pair[1]);
    }
    if (left >= 8) {
        memcpy(&wide, at, 8);
        native = add_around(native, wide);
        at += 8;
        left -= 8;
    }
    /* the tail by 4, 2 and 1: a copy of any length would be stored in pieces and loaded as a whole, which stalls */
    if (left & 4) {
        memcpy(&half, at, 4);
        native = add_around(native, half);
        at += 4;
    }
    if (left & 2) {
        memcpy(&word, at, 2);
        native = add_around(native, word);
        at += 2;
    }
    if (left & 1)
        native = add_around(native, GUINT16_FROM_LE((uint16_t)*at));
    return sum + GUINT16_FROM_BE(fold64(native));
}
