/* ChannelData: RFC 8656 sections 12 and 12.4. */
#include "tests/unit/support.h"

#include "proto/turn/channel_data.h"

static void
test_read(void)
{
    static const struct {
        const char *name, *hex;
        bool good;
        uint16_t channel;
        const char *data;
    } rows[] = {
        { "the first number", "40000003 616263", true, 0x4000, "abc" },
        { "the last number", "4fff0003 616263", true, 0x4fff, "abc" },
        { "no data", "40010000", true, 0x4001, "" },
        { "padding", "40010001 61000000", true, 0x4001, "a" },
        { "below the first", "3fff0000", false, 0, NULL },
        { "a number of RFC 5766", "50000000", false, 0, NULL },
        { "one byte short", "40010003 6162", false, 0, NULL },
        { "header cut", "400100", false, 0, NULL },
        { "nothing", "", false, 0, NULL },
        { "the greatest length", "4001ffff 61", false, 0, NULL },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GBytes) bytes = unit_hex(rows[i].hex);
        struct turn_channel_data data;

        if (!CHECK_ROW_INT(rows[i].name, turn_channel_data_read(unit_span(bytes), &data), rows[i].good) || !rows[i].good)
            continue;
        CHECK_ROW_UINT(rows[i].name, data.channel, rows[i].channel);
        CHECK_ROW_BYTES(rows[i].name, data.data, span_of_text(rows[i].data));
    }
}

static void
test_write(void)
{
    g_autofree uint8_t *long_data = g_malloc0(UINT16_MAX + 1), *buffer = g_malloc(UINT16_MAX + 8);
    g_autoptr(GBytes) expected = unit_hex("4abc0003 616263");

    CHECK_ROW_BYTES("abc", turn_channel_data_write(0x4abc, span_of_text("abc"), buffer, 7), unit_span(expected));
    CHECK(turn_channel_data_write(0x4abc, span_of_text("abc"), buffer, 6).length == 0);
    CHECK_ROW_UINT("longest", turn_channel_data_write(0x4000, span_of(long_data, UINT16_MAX), buffer,
                                                      UINT16_MAX + 8).length,
                   UINT16_MAX + TURN_CHANNEL_HEADER_BYTES);
    CHECK(turn_channel_data_write(0x4000, span_of(long_data, UINT16_MAX + 1), buffer, UINT16_MAX + 8).length == 0);
}

/* RFC 7983 section 7: 64 to 79 is TURN channels. */
static void
test_demultiplexing(void)
{
    for (unsigned first = 0; first < 256; first++) {
        uint8_t byte = (uint8_t)first;

        CHECK_ROW_INT("first byte", turn_looks_like_channel_data(span_of(&byte, 1)), first >= 64 && first <= 79);
    }
    CHECK(!turn_looks_like_channel_data(span_of(NULL, 0)));
}

void
suite_turn_channel_data(void)
{
    UNIT_SUITE("turn channel data", NULL, NULL, { "read", test_read }, { "write", test_write },
               { "demultiplexing", test_demultiplexing });
}
