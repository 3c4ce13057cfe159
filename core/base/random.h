/* Splittable random streams: a key and a counter.
 *
 * The key is hashed from the world's seed, the owner's name and the purpose ("link A-natA up", "loss"), so a new node,
 * engine or impairment moves no other draw. The n-th value depends on key and n alone. Not for secrets: on the real
 * machine engines draw from the kernel, through the io seam. */
#ifndef CORE_BASE_RANDOM_H
#define CORE_BASE_RANDOM_H

#include "core/base/address.h"

struct random_stream {
    uint64_t key, counter;
};

/* The stream of `purpose` at `owner` in the world of `seed`. */
struct random_stream random_stream_of(uint64_t seed, const char *owner, const char *purpose);

static inline uint64_t
random_u64(struct random_stream *stream)
{
    return mix64(stream->key + ++stream->counter * UINT64_C(0x9e3779b97f4a7c15));
}

static inline uint32_t
random_u32(struct random_stream *stream)
{
    return (uint32_t)(random_u64(stream) >> 32);
}

/* Uniform in 0 .. bound-1, without bias; bound 0 gives 0. May take more than one draw. */
uint64_t random_below(struct random_stream *stream, uint64_t bound);

void random_fill(struct random_stream *stream, void *bytes, size_t length);

/* A probability as a 32-bit threshold: 0 never, CHANCE_ALWAYS always, else n of 2^32. */
typedef uint32_t chance;
#define CHANCE_ALWAYS UINT32_MAX

/* `probability` clamped to 0..1. A positive one never becomes 0, and only 1 becomes CHANCE_ALWAYS. */
chance chance_of(double probability);

/* Draws unless the outcome is certain. */
static inline bool
random_chance(struct random_stream *stream, chance threshold)
{
    if (threshold == 0 || threshold == CHANCE_ALWAYS)
        return threshold != 0;
    return random_u32(stream) < threshold;
}

#endif
