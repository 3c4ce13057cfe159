#include "core/base/hash.h"

#include "core/base/random.h"
#include "tests/unit/support.h"

/* An object's hash, as weak as a row wants it. Two numbers may share one. */
static uint32_t
hash_of(uint32_t number, uint32_t mask, uint32_t base)
{
    return base + ((uint32_t)mix64(number) & mask);
}

/* What the header shows: the first value under `hash` that the caller knows as equal. */
static uint32_t
find(const struct hash_index *index, uint32_t hash, uint32_t number)
{
    uint32_t value, i;

    for (i = hash_index_first(index, hash); (value = hash_index_value(index, i)); i = hash_index_next(index, i, hash)) {
        if (value == number)
            break;
    }
    return value;
}

static unsigned
values_under(const struct hash_index *index, uint32_t hash)
{
    unsigned count = 0;

    for (uint32_t i = hash_index_first(index, hash); hash_index_value(index, i); i = hash_index_next(index, i, hash))
        count++;
    return count;
}

static const struct {
    const char *name;
    uint32_t mask, base;
    uint32_t numbers, steps;
    unsigned insert; /* of 100; the rest removes */
} rows[] = {
    { "well mixed", UINT32_MAX, 0, 20000, 100000, 55 },
    { "few, coming and going", UINT32_MAX, 0, 12, 20000, 50 },
    { "one hash", 0, 77, 200, 5000, 55 },
    { "one hash at the end of the table", 0, UINT32_MAX, 200, 5000, 55 },
    { "a run over the end of the table", 7, UINT32_MAX - 3, 100, 20000, 55 },
    { "neighbours", 63, 0, 200, 20000, 52 },
    { "neighbours, many", 1023, UINT32_MAX - 511, 900, 50000, 52 },
    { "emptied again and again", 255, 0, 300, 50000, 35 },
};

/* The index answers as the GHashTable for the number just handled and, now and then, for all. */
static bool
agrees(const struct hash_index *index, GHashTable *model, size_t row, uint32_t from, uint32_t to)
{
    for (uint32_t number = from; number <= to; number++) {
        bool present = g_hash_table_contains(model, GUINT_TO_POINTER(number));

        if (find(index, hash_of(number, rows[row].mask, rows[row].base), number) != (present ? number : 0))
            return false;
    }
    return index->used == g_hash_table_size(model);
}

static bool
step(struct hash_index *index, GHashTable *model, size_t row, struct random_stream *dice)
{
    uint32_t number = 1 + (uint32_t)random_below(dice, rows[row].numbers);
    uint32_t hash = hash_of(number, rows[row].mask, rows[row].base);
    bool present = g_hash_table_contains(model, GUINT_TO_POINTER(number));

    if (random_below(dice, 100) >= rows[row].insert) {
        g_hash_table_remove(model, GUINT_TO_POINTER(number));
        if (hash_index_remove(index, hash, number) != present)
            return false;
    } else if (!present) {
        g_hash_table_add(model, GUINT_TO_POINTER(number));
        hash_index_insert(index, hash, number);
    }
    return agrees(index, model, row, number, number);
}

static void
test_against_table(void)
{
    for (size_t row = 0; row < G_N_ELEMENTS(rows); row++) {
        g_autoptr(GHashTable) model = g_hash_table_new(NULL, NULL);
        struct random_stream dice = random_stream_of(1, "hash", rows[row].name);
        struct hash_index index = { 0 };
        bool same = true;

        for (uint32_t i = 0; same && i < rows[row].steps; i++) {
            same = step(&index, model, row, &dice);
            if (i % (rows[row].steps / 20) == 0)
                same = same && agrees(&index, model, row, 1, rows[row].numbers);
        }
        CHECK_ROW(rows[row].name, same);
        CHECK_ROW(rows[row].name, agrees(&index, model, row, 1, rows[row].numbers));
        hash_index_clear(&index);
    }
}

static void
test_empty(void)
{
    struct hash_index index = { 0 };

    CHECK_ROW_UINT("memory", hash_index_bytes(&index), 0);
    CHECK_ROW_UINT("look-up", find(&index, 5, 1), 0);
    CHECK(!hash_index_remove(&index, 5, 1));
    hash_index_clear(&index);

    hash_index_insert(&index, 5, 1);
    CHECK_ROW_UINT("first slots", hash_index_bytes(&index), 64);
    CHECK(!hash_index_remove(&index, 5, 2) && !hash_index_remove(&index, 6, 1) && !hash_index_remove(&index, 5, 0));
    CHECK(hash_index_remove(&index, 5, 1) && !hash_index_remove(&index, 5, 1));
    CHECK_ROW_UINT("removed", find(&index, 5, 1), 0);
    hash_index_clear(&index);
    CHECK_ROW_UINT("cleared", hash_index_bytes(&index), 0);
    hash_index_insert(&index, 5, 1);
    CHECK_ROW_UINT("used again", find(&index, 5, 1), 1);
    hash_index_clear(&index);
}

/* The load stays at 3/4 or less, slots are a power of two, and nothing shrinks. */
static void
test_growth(void)
{
    struct hash_index index = { 0 };
    bool loaded = true, doubled = true;
    size_t most;

    for (uint32_t number = 1; number <= 10000; number++) {
        size_t before = hash_index_bytes(&index) / 8;

        hash_index_insert(&index, (uint32_t)mix64(number), number);

        size_t slots = hash_index_bytes(&index) / 8;

        loaded = loaded && number * 4 <= slots * 3;
        doubled = doubled && (slots == before || slots == MAX(before * 2, 8)) && (slots & (slots - 1)) == 0;
    }
    CHECK(loaded);
    CHECK(doubled);
    most = hash_index_bytes(&index);
    CHECK_ROW_UINT("10,000 in slots of 8 bytes", most, 16384 * 8);
    for (uint32_t number = 1; number <= 10000; number++)
        CHECK(hash_index_remove(&index, (uint32_t)mix64(number), number));
    CHECK_ROW_UINT("not shrunk", hash_index_bytes(&index), most);
    CHECK_ROW_UINT("empty", index.used, 0);
    hash_index_clear(&index);
}

/* A look-up meets the values of its own hash only, each once. */
static void
test_shared_hash(void)
{
    struct hash_index index = { 0 };

    for (uint32_t number = 1; number <= 100; number++)
        hash_index_insert(&index, number % 10, number);
    for (uint32_t hash = 0; hash < 10; hash++)
        CHECK_ROW_UINT("values of one hash", values_under(&index, hash), 10);
    CHECK_ROW_UINT("no such hash", values_under(&index, 10), 0);
    CHECK_ROW_UINT("same place, other hash", values_under(&index, 1 + index.mask + 1), 0);
    hash_index_clear(&index);
}

void
suite_hash(void)
{
    UNIT_SUITE("hash", NULL, NULL, { "against GHashTable", test_against_table }, { "empty", test_empty },
               { "growth", test_growth }, { "shared hashes", test_shared_hash });
}
