#include "core/base/cursor.h"

#include "tests/unit/support.h"

static const uint8_t bytes[] = { 0x01, 0x82, 0x03, 0x84, 0x05, 0x86, 0x07, 0x88 };

enum step { U8, U16, U32, U64, SPAN3, SKIP3, CUT3 };

static const struct {
    const char *name;
    enum step step;
    size_t width;
    uint64_t value; /* of the first bytes */
} steps[] = {
    { "u8", U8, 1, 0x01 },         { "u16", U16, 2, 0x0182 },
    { "u32", U32, 4, 0x01820384 }, { "u64", U64, 8, 0x0182038405860788 },
    { "span", SPAN3, 3, 3 },       { "skip", SKIP3, 3, 0 },
    { "cut", CUT3, 3, 3 },
};

static uint64_t
read_step(struct reader *reader, enum step step)
{
    struct reader cut;

    switch (step) {
    case U8:
        return reader_u8(reader);
    case U16:
        return reader_u16(reader);
    case U32:
        return reader_u32(reader);
    case U64:
        return reader_u64(reader);
    case SPAN3:
        return reader_span(reader, 3).length;
    case SKIP3:
        reader_skip(reader, 3);
        return 0;
    case CUT3:
        cut = reader_cut(reader, 3);
        CHECK(reader_failed(&cut) == reader_failed(reader));
        return reader_left(&cut);
    }
    return 0;
}

/* Every read over every length, in a block of exactly that length: as much as is there, or 0 and failure. */
static void
test_reads(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
        for (size_t length = 0; length <= sizeof bytes; length++) {
            g_autofree uint8_t *exact = unit_exact(span_of(bytes, length));
            struct reader reader = reader_over(span_of(exact, length));
            bool fits = steps[i].width <= length;

            CHECK_ROW_UINT(steps[i].name, read_step(&reader, steps[i].step), fits ? steps[i].value : 0);
            CHECK_ROW(steps[i].name, reader_failed(&reader) == !fits);
            CHECK_ROW_UINT(steps[i].name, reader_left(&reader), fits ? length - steps[i].width : 0);
        }
    }
}

/* After a step that does not fit, every other gives nothing, also one that would have fitted. */
static void
test_reads_after_failure(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
        struct reader reader = reader_over(span_of(bytes, sizeof bytes));

        reader_skip(&reader, sizeof bytes + 1);
        CHECK_ROW_UINT(steps[i].name, read_step(&reader, steps[i].step), 0);
        CHECK_ROW(steps[i].name, reader_failed(&reader) && reader_left(&reader) == 0);
        CHECK_ROW(steps[i].name, reader_rest(&reader).length == 0 && reader_failed(&reader));
    }
}

static void
test_lengths_that_overflow(void)
{
    static const size_t lengths[] = { sizeof bytes + 1, SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - sizeof bytes, SIZE_MAX / 2 };

    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
        uint8_t room[4];
        struct reader reader = reader_over(span_of(bytes, sizeof bytes));
        struct writer writer = writer_over(room, sizeof room);

        CHECK(reader_u8(&reader) == 1);
        CHECK(reader_span(&reader, lengths[i]).bytes == NULL);
        CHECK(reader_failed(&reader));
        CHECK(writer_room(&writer, lengths[i]) == NULL);
        CHECK(writer_failed(&writer) && writer_length(&writer) == 0);

        writer = writer_over(room, sizeof room);
        writer_u32(&writer, 0x01020304);
        writer_patch_u16(&writer, lengths[i], 0xffff);
        CHECK(writer_failed(&writer));
        CHECK_ROW_BYTES("untouched", span_of(room, 4), span_of("\1\2\3\4", 4));
    }
}

/* A cut reader ends at its length; the outer one goes on after it, whatever becomes of the inner. */
static void
test_cut(void)
{
    struct reader outer = reader_over(span_of(bytes, sizeof bytes));
    struct reader inner = reader_cut(&outer, 3);

    CHECK(reader_u32(&inner) == 0);
    CHECK(reader_failed(&inner) && !reader_failed(&outer));
    CHECK(reader_u16(&outer) == 0x8405);
    inner = reader_cut(&outer, 0);
    CHECK(!reader_failed(&inner) && reader_left(&inner) == 0);
    inner = reader_cut(&outer, 4);
    CHECK(reader_failed(&inner) && reader_failed(&outer));
    CHECK(reader_u8(&inner) == 0);
}

static void
test_empty(void)
{
    struct reader reader = reader_over(span_of(NULL, 0));
    struct writer writer = writer_over(NULL, 0);

    CHECK(reader_rest(&reader).length == 0 && !reader_failed(&reader));
    reader_skip(&reader, 0);
    CHECK(!reader_failed(&reader) && reader_left(&reader) == 0);
    CHECK(reader_u8(&reader) == 0 && reader_failed(&reader));

    writer_span_put(&writer, span_of(NULL, 0));
    writer_zeros(&writer, 0);
    CHECK(!writer_failed(&writer) && writer_length(&writer) == 0 && writer_left(&writer) == 0);
    writer_u8(&writer, 1);
    CHECK(writer_failed(&writer));
}

static void
write_step(struct writer *writer, int step)
{
    switch (step) {
    case 0:
        writer_u8(writer, 0x01);
        break;
    case 1:
        writer_u16(writer, 0x0182);
        break;
    case 2:
        writer_u32(writer, 0x01820384);
        break;
    case 3:
        writer_u64(writer, 0x0182038405860788);
        break;
    case 4:
        writer_span_put(writer, span_of(bytes, 3));
        break;
    case 5:
        writer_zeros(writer, 3);
        break;
    }
}

/* Every write into every room: all of it, or nothing and failure. */
static void
test_writes(void)
{
    static const struct {
        const char *name;
        size_t width;
    } rows[] = { { "u8", 1 }, { "u16", 2 }, { "u32", 4 }, { "u64", 8 }, { "span", 3 }, { "zeros", 3 } };

    for (int i = 0; i < (int)G_N_ELEMENTS(rows); i++) {
        for (size_t room = 0; room <= 9; room++) {
            g_autofree uint8_t *exact = g_malloc(room + 1);
            uint8_t expected[10];
            struct writer writer = writer_over(exact, room);
            bool fits = rows[i].width <= room;

            memset(exact, 0xee, room + 1);
            memset(expected, 0xee, sizeof expected);
            if (fits && i == 5)
                memset(expected, 0, 3);
            else if (fits)
                memcpy(expected, bytes, rows[i].width);
            write_step(&writer, i);
            CHECK_ROW(rows[i].name, writer_failed(&writer) == !fits);
            CHECK_ROW_UINT(rows[i].name, writer_length(&writer), fits ? rows[i].width : 0);
            CHECK_ROW_UINT(rows[i].name, writer_left(&writer), fits ? room - rows[i].width : room);
            CHECK_ROW_BYTES(rows[i].name, span_of(exact, room + 1), span_of(expected, room + 1));
        }
    }
}

static void
test_writes_after_failure(void)
{
    uint8_t room[16] = { 0 };

    for (int i = 0; i < 6; i++) {
        struct writer writer = writer_over(room, sizeof room);

        writer_u8(&writer, 7);
        writer_zeros(&writer, sizeof room);
        write_step(&writer, i);
        writer_patch_u16(&writer, 0, 0xffff);
        CHECK(writer_failed(&writer) && writer_length(&writer) == 1);
        CHECK_ROW_BYTES("one byte only", writer_span(&writer), span_of("\7", 1));
    }
}

static void
test_patch(void)
{
    static const struct {
        const char *name;
        size_t offset;
        bool fits;
    } rows[] = { { "first", 0, true }, { "last", 2, true }, { "half beyond", 3, false }, { "beyond", 4, false } };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        uint8_t room[8] = { 0 };
        struct writer writer = writer_over(room, sizeof room);

        writer_u32(&writer, 0);
        writer_patch_u16(&writer, rows[i].offset, 0xabcd);
        CHECK_ROW(rows[i].name, writer_failed(&writer) == !rows[i].fits);
        CHECK_ROW_UINT(rows[i].name, writer_length(&writer), 4);
        CHECK_ROW_UINT(rows[i].name, room[4] | room[5], 0);
        if (rows[i].fits)
            CHECK_ROW(rows[i].name, room[rows[i].offset] == 0xab && room[rows[i].offset + 1] == 0xcd);
    }
}

static void
test_spans(void)
{
    static const struct {
        const char *name, *a, *b;
        bool equal;
    } rows[] = {
        { "both empty", "", "", true },    { "same", "abc", "abc", true },     { "last byte", "abc", "abd", false },
        { "shorter", "abc", "ab", false }, { "longer", "abc", "abcd", false }, { "first byte", "abc", "bbc", false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct span a = span_of_text(rows[i].a), b = span_of_text(rows[i].b);

        CHECK_ROW(rows[i].name, span_equal(a, b) == rows[i].equal);
        CHECK_ROW(rows[i].name, span_equal_secret(a, b) == rows[i].equal);
    }
    CHECK(span_equal(span_of(NULL, 0), span_of("x", 0)));
}

void
suite_cursor(void)
{
    UNIT_SUITE(
        "cursor", NULL, NULL, { "every read over every length", test_reads },
        { "reads after a failure", test_reads_after_failure }, { "lengths that overflow", test_lengths_that_overflow },
        { "cut readers", test_cut }, { "nothing at all", test_empty }, { "every write into every room", test_writes },
        { "writes after a failure", test_writes_after_failure }, { "patches", test_patch }, { "spans", test_spans });
}
