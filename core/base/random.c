#include "core/base/random.h"

/* FNV-1a over a string and its NUL, which keeps ("a", "bc") and ("ab", "c") apart. */
static uint64_t
absorb(uint64_t hash, const char *text)
{
    do {
        hash ^= (uint8_t)*text;
        hash *= UINT64_C(0x100000001b3);
    } while (*text++);
    return hash;
}

struct random_stream
random_stream_of(uint64_t seed, const char *owner, const char *purpose)
{
    uint64_t hash = mix64(seed + UINT64_C(0x9e3779b97f4a7c15));

    hash = absorb(hash, owner);
    hash = absorb(hash, purpose);
    return (struct random_stream){ .key = mix64(hash), .counter = 0 };
}

/* Lemire, "Fast Random Integer Generation in an Interval" (2019): the high half of draw * bound is the result; of the
 * low halves, the first 2^64 mod bound are drawn again, since the results they belong to would come up too often. */
uint64_t
random_below(struct random_stream *stream, uint64_t bound)
{
    if (bound == 0)
        return 0;

    unsigned __int128 product = (unsigned __int128)random_u64(stream) * bound;
    if ((uint64_t)product < bound) {
        uint64_t surplus = (0 - bound) % bound;

        while ((uint64_t)product < surplus)
            product = (unsigned __int128)random_u64(stream) * bound;
    }
    return (uint64_t)(product >> 64);
}

void
random_fill(struct random_stream *stream, void *bytes, size_t length)
{
    uint8_t *at = bytes;
    uint64_t draw = 0;

    /* Byte by byte, so that machines of either byte order fill alike. */
    for (size_t i = 0; i < length; i++) {
        draw = i % 8 ? draw >> 8 : random_u64(stream);
        at[i] = (uint8_t)draw;
    }
}

chance
chance_of(double probability)
{
    if (!(probability > 0)) /* NaN too */
        return 0;
    if (probability >= 1)
        return CHANCE_ALWAYS;

    double scaled = probability * 4294967296.0; /* a power of two: exact */
    uint64_t threshold = (uint64_t)scaled;
    threshold += scaled - (double)threshold >= 0.5;
    return threshold == 0 ? 1 : threshold >= CHANCE_ALWAYS ? CHANCE_ALWAYS - 1 : (chance)threshold;
}
