#include "core/sim/slab.h"

#include <string.h>

#include "tests/unit/support.h"

#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define POISON_IS_TESTED 1
#else
#define __asan_address_is_poisoned(address) ((void)(address), 0)
#define POISON_IS_TESTED 0
#endif

static const struct {
    const char *name;
    size_t size, rounded;
} rows[] = {
    { "a byte", 1, 16 },
    { "a pointer", sizeof(void *), 16 },
    { "16", 16, 16 },
    { "17", 17, 32 },
    { "a line", 64, 64 },
    { "a packet", 1700, 1712 },
    { "larger than the first chunk", 10000, 10000 },
    { "larger than any chunk", 3 * 1024 * 1024, 3 * 1024 * 1024 },
};

/* Objects are aligned, apart from each other and as large as they should be. */
static void
test_objects(void)
{
    for (size_t row = 0; row < G_N_ELEMENTS(rows); row++) {
        size_t count = rows[row].size > 100000 ? 3 : 1000, size = rows[row].size;
        g_autofree uint8_t **objects = g_new(uint8_t *, count);
        bool aligned = true, apart = true;
        struct slab slab;

        slab_init(&slab, size);
        CHECK_ROW_UINT(rows[row].name, slab.size, rows[row].rounded);
        for (size_t i = 0; i < count; i++) {
            objects[i] = slab_take(&slab);
            aligned = aligned && (uintptr_t)objects[i] % 16 == 0;
            memset(objects[i], (int)(i & 0xff), size);
        }
        for (size_t i = 0; i < count; i++) {
            for (size_t byte = 0; byte < size; byte += MAX(size / 16, 1))
                apart = apart && objects[i][byte] == (i & 0xff);
            apart = apart && objects[i][size - 1] == (i & 0xff);
        }
        CHECK_ROW(rows[row].name, aligned);
        CHECK_ROW(rows[row].name, apart);
        CHECK_ROW_UINT(rows[row].name, slab.live, count);
        slab_clear(&slab);
        CHECK_ROW_UINT(rows[row].name, slab_bytes(&slab), 0);
    }
}

/* What was returned is taken again before the slab grows. */
static void
test_steady(void)
{
    void *objects[500];
    struct slab slab;
    size_t grown;

    slab_init(&slab, 100);
    CHECK_ROW_UINT("before the first object", slab_bytes(&slab), 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(objects); i++)
        objects[i] = slab_take(&slab);
    grown = slab_bytes(&slab);
    CHECK(grown >= 500 * 112 && grown < 4 * 500 * 112);

    for (unsigned round = 0; round < 20; round++) {
        void *last = objects[round];

        for (unsigned i = 0; i < G_N_ELEMENTS(objects); i++)
            slab_return(&slab, objects[(i + round + 1) % G_N_ELEMENTS(objects)]);
        CHECK_ROW_UINT("all back", slab.live, 0);
        for (unsigned i = 0; i < G_N_ELEMENTS(objects); i++)
            objects[i] = slab_take(&slab);
        CHECK(objects[0] == last); /* the warmest first */
        CHECK_ROW_UINT("no growth", slab_bytes(&slab), grown);
    }
    slab_clear(&slab);
}

/* Chunks grow to 1 MiB and no further. */
static void
test_chunks(void)
{
    struct slab slab;
    size_t before, largest = 0;

    slab_init(&slab, 1024);
    for (unsigned i = 0; i < 8192; i++) {
        before = slab_bytes(&slab);
        slab_take(&slab);
        largest = MAX(largest, slab_bytes(&slab) - before);
    }
    CHECK_ROW_UINT("largest chunk", largest, 1024 * 1024);
    slab_clear(&slab); /* objects still out included */
    CHECK_ROW_UINT("live", slab.live, 0);

    void *again = slab_take(&slab);

    CHECK(again != NULL && slab.live == 1 && slab_bytes(&slab) < 65536);
    slab_clear(&slab);
}

static void
test_poison(void)
{
    struct slab slab;

    slab_init(&slab, 64);
    uint8_t *object = slab_take(&slab);
    uint8_t *other = slab_take(&slab);

    CHECK(!__asan_address_is_poisoned(object) && !__asan_address_is_poisoned(object + 63));
    slab_return(&slab, object);
    CHECK(!POISON_IS_TESTED || (__asan_address_is_poisoned(object) && __asan_address_is_poisoned(object + 63)));
    CHECK(!__asan_address_is_poisoned(other));
    CHECK(slab_take(&slab) == object);
    CHECK(!__asan_address_is_poisoned(object));
    slab_clear(&slab);
}

static void
test_memory(void)
{
    bool told = false;
    struct memory memory = { .limit = 3 << 20, .told = &told };
    struct slab slab, other;

    slab_init(&slab, 1024);
    slab_init(&other, 1024);
    slab_count_in(&slab, &memory, MEMORY_PACKETS);
    slab_count_in(&other, &memory, MEMORY_NODES);
    slab_take(&other);
    for (unsigned i = 0; i < 2000; i++)
        slab_take(&slab);
    CHECK(memory.of[MEMORY_PACKETS] == slab_bytes(&slab));
    CHECK(memory.of[MEMORY_NODES] == slab_bytes(&other));
    CHECK(memory.used == slab_bytes(&slab) + slab_bytes(&other));
    CHECK(memory_is_full(&memory) == told);
    for (unsigned i = 0; i < 2000; i++)
        slab_take(&slab);
    CHECK(told && memory_is_full(&memory));
    slab_clear(&slab);
    CHECK(!memory_is_full(&memory));
    CHECK(memory.of[MEMORY_PACKETS] == 0);
    slab_take(&slab);
    CHECK(memory.of[MEMORY_PACKETS] == slab_bytes(&slab)); /* it counts on after it was cleared */
    slab_clear(&slab);
    slab_clear(&other);
    CHECK(memory.used == 0);
}

void
suite_slab(void)
{
    UNIT_SUITE("slab", NULL, NULL, { "objects", test_objects }, { "steady state", test_steady },
               { "chunks", test_chunks }, { "poison", test_poison },
               { "memory", test_memory });
}
