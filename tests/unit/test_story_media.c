/* RTP and RTCP among what pages and timelines show of a packet. */
#include "tests/unit/support.h"

#include "scenarios/runner/story/decode.h"

static void
on_number(struct fields *fields, const char *name, int64_t value)
{
    (void)fields, (void)name, (void)value;
}

static void
on_flag(struct fields *fields, const char *name, bool value)
{
    (void)fields, (void)name, (void)value;
}

static void
on_bytes(struct fields *fields, const char *name, struct span value)
{
    (void)fields, (void)name, (void)value;
}

static void
on_open(struct fields *fields, const char *name)
{
    (void)fields, (void)name;
}

static void
on_close(struct fields *fields)
{
    (void)fields;
}

static void
test_media(void)
{
    static const struct {
        const char *name, *hex, *summary;
        uint16_t from, to;
        bool stream;
    } rows[] = {
        { "RTP", "8080 1267 000000a0 0badcafe ffff",
          "RTP PCMU, sequence 4711, timestamp 160, SSRC 0x0badcafe, marker, 2 bytes", 6000, 7000, false },
        { "RTCP", "80c90001 00000001 81cb0001 00000001", "RTCP RR of 0x00000001, BYE", 6001, 7001, false },
        { "a dynamic type", "8060 0001 000000a0 0badcafe",
          "RTP payload type 96, sequence 1, timestamp 160, SSRC 0x0badcafe, 0 bytes", 6000, 7000, false },
        { "a type that is not in use", "8030 1267 000000a0 0badcafe ffff", "14 bytes of data", 6000, 7000, false },
        { "DNS, by its port", "8000 1267 000000a0 0badcafe ffff", "14 bytes of data", 6000, 53, false },
        { "on a stream", "8000 1267 000000a0 0badcafe ffff", "14 bytes of data", 6000, 7000, true },
        { "malformed RTCP", "80c90002 00000001", "8 bytes of data", 6001, 7001, false },
        { "text", "68656c6c6f", "5 bytes of data: hello", 6000, 7000, false },
    };
    struct fields sink = { on_number, on_number, on_flag, on_bytes, on_bytes, on_open, on_close };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GBytes) bytes = unit_hex(rows[i].hex);
        g_autoptr(GString) summary = g_string_new("before");
        struct decoding decoding = {
            .out = &sink,
            .protocol = "udp",
            .summary = summary,
            .stream = rows[i].stream,
            .flow = { .source_port = rows[i].from, .destination_port = rows[i].to, .protocol = PROTOCOL_UDP },
        };

        decode_data(&decoding, unit_span(bytes));
        CHECK_ROW_TEXT(rows[i].name, summary->str, rows[i].summary);
    }
}

void
suite_story_media(void)
{
    UNIT_SUITE("story media", NULL, NULL, { "RTP and RTCP", test_media });
}
