/* What has changed in a packet's data, told field by field. */
#include "scenarios/runner/story/payload.h"
#include "tests/unit/support.h"

static const struct flow udp = { .source_port = 5000, .destination_port = 3478, .protocol = PROTOCOL_UDP };

/* "what: before -> after" of each change, one a line. */
static char *
changes_text(struct span before, struct span after)
{
    g_autoptr(GPtrArray) changes = g_ptr_array_new_with_free_func((GDestroyNotify)payload_change_free);
    GString *out = g_string_new(NULL);

    payload_changes(&udp, before, after, changes);
    for (guint i = 0; i < changes->len; i++) {
        const struct payload_change *change = changes->pdata[i];

        g_string_append_printf(out, "%s: %s -> %s\n", change->what, change->before, change->after);
    }
    return g_string_free(out, FALSE);
}

static void
test_text(void)
{
    static const struct { const char *name, *before, *after, *changes; } rows[] = {
        { "the same", "a\r\nb", "a\r\nb", "" },
        { "both empty", "", "", "" },
        { "a line", "v=0\r\nc=IN IP4 10.0.0.2\r\n", "v=0\r\nc=IN IP4 203.0.113.1\r\n",
          "line 2: c=IN IP4 10.0.0.2 -> c=IN IP4 203.0.113.1\n" },
        { "two lines", "a\nb\nc", "x\nb\ny", "line 1: a -> x\nline 3: c -> y\n" },
        { "one more", "a\nb", "a\nnew\nb", "new line:  -> new\n" },
        { "one fewer", "a\nold\nb", "a\nb", "line 2: old -> \n" },
        { "one more at the end", "a", "a\nb", "new line:  -> b\n" },
        { "one fewer at the end", "a\nb", "a", "line 2: b -> \n" },
        { "other line ends", "a\r\nb", "a\nb", "data, bytes: 4 -> 3\ndata, from byte 1: 0d0a -> 0a62\n" },
        { "nothing, then something", "", "a", "data, bytes: 0 -> 1\n" },
        { "no text", "a\1b", "a\2b", "data, from byte 1: 01 -> 02\n" },
        { "not UTF-8", "a\xff", "a\xfe", "data, from byte 1: ff -> fe\n" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *found = changes_text(span_of_text(rows[i].before), span_of_text(rows[i].after));

        CHECK_ROW_TEXT(rows[i].name, found, rows[i].changes);
    }
}

/* A Binding success response with XOR-MAPPED-ADDRESS 203.0.113.1:5000 (RFC 8489 section 14.2) and MAPPED-ADDRESS. */
static const uint8_t response[] = {
    0x01, 0x01, 0x00, 0x18, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
    0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0x32, 0x9a, 0xea, 0x12, 0xd5, 0x43,
    0x00, 0x01, 0x00, 0x08, 0x00, 0x01, 0x13, 0x88, 203, 0, 113, 1,
};

static void
test_stun(void)
{
    uint8_t other[sizeof response];
    char *found;

    memcpy(other, response, sizeof response);
    memcpy(other + sizeof other - 4, "\x0a\0\0\2", 4);
    found = changes_text(span_of(response, sizeof response), span_of(other, sizeof other));
    CHECK_ROW_TEXT("MAPPED-ADDRESS", found, "STUN mapped_address: 203.0.113.1:5000 -> 10.0.0.2:5000\n");
    g_free(found);

    other[3] = 0x0c; /* without its second attribute */
    found = changes_text(span_of(response, sizeof response), span_of(other, sizeof other - 12));
    CHECK_ROW("an attribute that is gone", g_str_has_suffix(found, "STUN mapped_address: 203.0.113.1:5000 -> \n"));
    g_free(found);
}

static void
test_limit(void)
{
    g_autoptr(GPtrArray) changes = g_ptr_array_new_with_free_func((GDestroyNotify)payload_change_free);
    uint8_t before[1000] = { 0 }, after[1000] = { 0 };

    for (size_t i = 0; i < sizeof after; i += 2)
        after[i] = 1;
    payload_changes(&udp, span_of(before, sizeof before), span_of(after, sizeof after), changes);
    CHECK_ROW_UINT("no more than are told", changes->len, PAYLOAD_CHANGES_MAX);
    CHECK_ROW_TEXT("and it says so",
                   ((const struct payload_change *)changes->pdata[PAYLOAD_CHANGES_MAX - 1])->what, "and more");
}

void
suite_payload(void)
{
    UNIT_SUITE("payload", NULL, NULL, { "text", test_text }, { "STUN", test_stun }, { "limit", test_limit });
}
