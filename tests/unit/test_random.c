#include "core/base/random.h"

#include <math.h>

#include "tests/unit/support.h"

#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

/* random_u64 on a key of 0 is SplitMix64 seeded with 0 (Steele, Lea, Flood 2014), whose values are widely published. */
static void
test_known_values(void)
{
    static const uint64_t expected[] = { 0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f, 0xf88bb8a8724c81ec,
                                         0x1b39896a51a8749b };
    struct random_stream stream = { 0, 0 };

    for (size_t i = 0; i < G_N_ELEMENTS(expected); i++)
        CHECK_ROW_UINT("splitmix64", random_u64(&stream), expected[i]);
}

/* The bytes of every trace hang on these: a change here is a change of every seeded run. */
static void
test_streams_stay(void)
{
    static const struct {
        uint64_t seed;
        const char *owner, *purpose;
    } rows[] = {
        { 1, "link A-natA up", "loss" },
        { 1, "link A-natA up", "jitter" },
        { 2, "link A-natA up", "loss" },
        { 1, "link A-natA down", "loss" },
        { 1, "a", "bc" },
        { 1, "ab", "c" },
        { 1, "abc", "" },
        { 1, "", "abc" },
        { 1, "", "" },
        { 0, "", "" },
        { UINT64_MAX, "", "" },
        { 1, "\xff", "" },
        { 1, "", "\xff" },
    };
    uint64_t first[G_N_ELEMENTS(rows)];

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct random_stream stream = random_stream_of(rows[i].seed, rows[i].owner, rows[i].purpose);
        struct random_stream again = random_stream_of(rows[i].seed, rows[i].owner, rows[i].purpose);

        CHECK_ROW(rows[i].owner, stream.counter == 0 && stream.key == again.key);
        first[i] = random_u64(&stream);
        CHECK_ROW(rows[i].owner, first[i] == random_u64(&again));
        for (size_t j = 0; j < i; j++)
            CHECK_ROW(rows[i].owner, first[i] != first[j]);
    }
}

/* The n-th value depends on key and n alone, so drawing from one stream moves nothing in another. */
static void
test_independent(void)
{
    struct random_stream a = random_stream_of(7, "A", "ports"), b = random_stream_of(7, "B", "ports");
    struct random_stream alone = b;

    for (int i = 0; i < 100; i++) {
        for (int j = 0; j < i % 5; j++)
            random_u32(&a);
        CHECK(random_u64(&b) == random_u64(&alone));
    }
    struct random_stream jumped = { b.key, 57 };
    struct random_stream walked = { b.key, 0 };
    for (int i = 0; i < 57; i++)
        random_u64(&walked);
    CHECK(random_u64(&jumped) == random_u64(&walked));
}

/* The draw number `n` of `stream`, by the definition in the header. */
static uint64_t
draw(const struct random_stream *stream, uint64_t n)
{
    return mix64(stream->key + n * GOLDEN);
}

/* Against the slow, obvious model: a result is floor(draw * bound / 2^64), and of the draws that give one result
 * exactly floor(2^64 / bound) count, the last ones; others are drawn again. */
static void
test_below(void)
{
    static const uint64_t bounds[] = {
        1,
        2,
        3,
        5,
        6,
        7,
        10,
        100,
        1000,
        65535,
        65536,
        UINT32_MAX,
        UINT64_C(1) << 32,
        (UINT64_C(1) << 63) - 1,
        UINT64_C(1) << 63,
        (UINT64_C(1) << 63) + 1,
        UINT64_C(3) << 62,
        UINT64_MAX - 1,
        UINT64_MAX,
    };

    for (size_t i = 0; i < G_N_ELEMENTS(bounds); i++) {
        g_autofree char *row = g_strdup_printf("below %" PRIu64, bounds[i]);
        struct random_stream stream = { 42 + i, 0 };
        uint64_t n = 0, again = 0, surplus = (UINT64_MAX % bounds[i] + 1) % bounds[i]; /* 2^64 mod bound */

        for (int j = 0; j < 2000; j++) {
            unsigned __int128 product;

            do {
                product = (unsigned __int128)draw(&stream, ++n) * bounds[i];
                again++;
            } while ((uint64_t)product < surplus);
            again--;
            CHECK_ROW_UINT(row, random_below(&stream, bounds[i]), (uint64_t)(product >> 64));
            CHECK_ROW_UINT(row, stream.counter, n);
        }
        /* Half of all draws, or a third, fall away at these bounds: the row has seen the rejection. */
        if (bounds[i] == (UINT64_C(1) << 63) + 1)
            CHECK_ROW(row, again > 1800 && again < 2200);
        if (bounds[i] == UINT64_C(3) << 62)
            CHECK_ROW(row, again > 550 && again < 800);
    }
    struct random_stream stream = { 1, 0 };
    CHECK(random_below(&stream, 0) == 0);
}

/* 60,000 throws of a die: chi-square of 5 degrees of freedom is below 20.5 but for 0.1 %. The seed is fixed, so this
 * never flickers. */
static void
test_below_is_even(void)
{
    struct random_stream stream = random_stream_of(1, "die", "throw");
    int counts[6] = { 0 };
    double chi = 0;

    for (int i = 0; i < 60000; i++)
        counts[random_below(&stream, 6)]++;
    for (int i = 0; i < 6; i++)
        chi += (counts[i] - 10000.0) * (counts[i] - 10000.0) / 10000.0;
    CHECK(chi < 20.5);
    CHECK(chi > 0.2);
}

/* Little-endian draws, cut at the end; nothing is written beyond. */
static void
test_fill(void)
{
    for (size_t length = 0; length <= 40; length++) {
        struct random_stream stream = { 9, 0 };
        g_autofree uint8_t *bytes = g_malloc0(length + 1);

        random_fill(&stream, bytes, length);
        CHECK_ROW_UINT("draws", stream.counter, (length + 7) / 8);
        for (size_t i = 0; i < length; i++)
            CHECK_ROW_UINT("byte", bytes[i], draw(&stream, i / 8 + 1) >> (i % 8 * 8) & 255);
        CHECK(bytes[length] == 0);
    }
}

static const struct {
    const char *name;
    double probability;
    chance threshold;
} chances[] = {
    { "0", 0, 0 },
    { "-0", -0.0, 0 },
    { "-1", -1, 0 },
    { "-infinity", -INFINITY, 0 },
    { "not a number", NAN, 0 },
    { "1", 1, CHANCE_ALWAYS },
    { "2", 2, CHANCE_ALWAYS },
    { "infinity", INFINITY, CHANCE_ALWAYS },
    { "a half", 0.5, UINT32_C(1) << 31 },
    { "a quarter", 0.25, UINT32_C(1) << 30 },
    { "0.01", 0.01, 42949673 }, /* 42949672.96 */
    { "2^-32", 0x1p-32, 1 },
    { "1.5 * 2^-32", 0x1.8p-32, 2 },
    { "2^-33", 0x1p-33, 1 },
    { "2^-40: never to 0", 0x1p-40, 1 },
    { "the smallest", 0x1p-1074, 1 },
    { "all but one of 2^32", 1 - 0x1p-32, CHANCE_ALWAYS - 1 },
    { "all but two of 2^32", 1 - 0x1p-31, CHANCE_ALWAYS - 1 },
    { "all but three of 2^32", 1 - 0x3p-32, CHANCE_ALWAYS - 2 },
    { "just below 1", 0x1.fffffffffffffp-1, CHANCE_ALWAYS - 1 },
};

static void
test_chances(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(chances); i++)
        CHECK_ROW_UINT(chances[i].name, chance_of(chances[i].probability), chances[i].threshold);
}

/* What is certain takes no draw; the rest is decided by one 32-bit draw against the threshold. */
static void
test_chance_draws(void)
{
    struct random_stream stream = { 5, 0 };
    int hits = 0;

    for (int i = 0; i < 1000; i++) {
        CHECK(!random_chance(&stream, 0));
        CHECK(random_chance(&stream, CHANCE_ALWAYS));
    }
    CHECK(stream.counter == 0);
    for (uint64_t i = 1; i <= 10000; i++) {
        bool hit = random_chance(&stream, chance_of(0.3));

        CHECK(stream.counter == i);
        CHECK(hit == (draw(&stream, i) >> 32 < chance_of(0.3)));
        hits += hit;
    }
    CHECK(hits > 2850 && hits < 3150);
}

void
suite_random(void)
{
    UNIT_SUITE("random", NULL, NULL, { "known values", test_known_values },
               { "streams by seed, owner, purpose", test_streams_stay }, { "independence", test_independent },
               { "below a bound, against a model", test_below }, { "below six is even", test_below_is_even },
               { "bytes", test_fill }, { "probabilities", test_chances }, { "chances and draws", test_chance_draws });
}
