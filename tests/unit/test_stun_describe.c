/* A message in words and in fields. */
#include "tests/unit/support.h"

#include "proto/stun/describe.h"
#include "tests/unit/stun_vectors.h"

#define HEAD(type, length)                                                                                             \
    type length "2112a442"                                                                                             \
                "0102030405060708090a0b0c"

static const struct {
    const char *name, *hex, *text;
} sentences[] = {
    { "request", HEAD("0001", "0000"), "Binding request" },
    { "indication", HEAD("0011", "0000"), "Binding indication" },
    { "V1", STUN_V1, "Binding request" },
    { "V2", STUN_V2, "Binding success response, XOR-MAPPED-ADDRESS 192.0.2.1:32853" },
    { "V3", STUN_V3, "Binding success response, XOR-MAPPED-ADDRESS [2001:db8:1234:5678:11:2233:4455:6677]:32853" },
    { "both alike", HEAD("0101", "0018") "002000080001a147e112a643 0001000800018055c0000201",
      "Binding success response, XOR-MAPPED-ADDRESS 192.0.2.1:32853" },
    { "rewritten on the way", HEAD("0101", "0018") "002000080001a147e112a643 00010008000180550a000002",
      "Binding success response, XOR-MAPPED-ADDRESS 192.0.2.1:32853, MAPPED-ADDRESS 10.0.0.2:32853" },
    { "MAPPED-ADDRESS alone", HEAD("0101", "000c") "00010008000180550a000002",
      "Binding success response, MAPPED-ADDRESS 10.0.0.2:32853" },
    { "error", HEAD("0111", "0024") "0009001500000414556e6b6e6f776e20417474726962757465000000 000a000400037ffe",
      "Binding error response, 420 Unknown Attribute (CHANGE-REQUEST, 0x7ffe)" },
    { "hostile phrase", HEAD("0111", "000c") "0009000800000400 0a1b5bff",
      "Binding error response, 400 ??[\xef\xbf\xbd" },
    { "unknown method", HEAD("0ace", "0000"), "STUN method 0x2ee request" },
};

static void
test_sentences(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(sentences); i++) {
        g_autoptr(GBytes) bytes = unit_hex(sentences[i].hex);
        g_autoptr(GString) text = g_string_new(NULL);

        CHECK_ROW(sentences[i].name, stun_datagram_say(unit_span(bytes), text));
        CHECK_ROW_TEXT(sentences[i].name, text->str, sentences[i].text);
    }
}

static void
test_classic(void)
{
    g_autoptr(GBytes) bytes = unit_hex("0001 0000 deadbeef 0102030405060708090a0b0c");
    g_autoptr(GString) text = g_string_new(NULL);
    struct stun_message message;

    CHECK(!stun_datagram_say(unit_span(bytes), text));
    CHECK_ROW_TEXT("not STUN", text->str, "");
    CHECK(stun_message_decode_classic(unit_span(bytes), &message) == STUN_FAULT_NONE);
    stun_message_say(&message, text);
    CHECK_ROW_TEXT("RFC 3489", text->str, "Binding request of RFC 3489");
}

/* A sink that writes what it hears on one line. */
struct line {
    struct fields fields;
    GString *text;
};

static GString *
heard(struct fields *fields, const char *name)
{
    GString *text = ((struct line *)fields)->text;

    g_string_append_printf(text, "%s%s", text->len && text->str[text->len - 1] != '{' ? " " : "", name);
    return text;
}

static void
on_number(struct fields *fields, const char *name, int64_t value)
{
    g_string_append_printf(heard(fields, name), "=%" G_GINT64_FORMAT, value);
}

static void
on_flag(struct fields *fields, const char *name, bool value)
{
    g_string_append(heard(fields, name), value ? "=yes" : "=no");
}

static void
on_text(struct fields *fields, const char *name, struct span value)
{
    g_string_append_printf(heard(fields, name), "='%.*s'", (int)value.length, (const char *)value.bytes);
}

static void
on_bytes(struct fields *fields, const char *name, struct span value)
{
    GString *text = heard(fields, name);

    g_string_append_c(text, '=');
    for (size_t i = 0; i < value.length; i++)
        g_string_append_printf(text, "%02x", value.bytes[i]);
}

static void
on_open(struct fields *fields, const char *name)
{
    g_string_append(heard(fields, name), "{");
}

static void
on_close(struct fields *fields)
{
    g_string_append_c(((struct line *)fields)->text, '}');
}

static const struct {
    const char *name, *hex, *text;
} rows[] = {
    { "V1", STUN_V1,
      "class='request' method='Binding' method_number=1 cookie=554869826 transaction_id=b7e7a701bc34d686fa87dfae "
      "software='STUN test client' priority=1845494271 ice_controlled=932ff9b151263b36 username='evtj:h6vY' "
      "message_integrity=9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2 fingerprint=3849993167" },
    { "V6", STUN_V6,
      "class='request' method='Binding' method_number=1 cookie=554869826 transaction_id=78ad3433c6ad72c029da412e "
      "userhash=4a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41407f1704 "
      "nonce='obMatJos2wAAAf//499k954d6OL34oL9FSTvy64sA' realm='example.org' "
      "password_algorithms{algorithm=2 algorithm=1} password_algorithm{algorithm=2} "
      "message_integrity_sha256=30bfc119ead112083ad96dc5c87f01fb271b5a7636c91052a85702aff022a65d "
      "fingerprint=517959001" },
    { "error, flag, unknown, malformed",
      HEAD("0111", "0024") "0009000500000414 78000000 000a000200037ffe 00250000 7abc0001ab000000 00240000",
      "class='error response' method='Binding' method_number=1 cookie=554869826 "
      "transaction_id=0102030405060708090a0b0c error_code{code=420 reason='x'} unknown_attributes{type=3} "
      "use_candidate=yes attribute{type=31420 value=ab} attribute{type=36 value=}" },
};

static void
test_fields(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GBytes) bytes = unit_hex(rows[i].hex);
        g_autoptr(GString) text = g_string_new(NULL);
        struct line line = { { on_number, on_number, on_flag, on_text, on_bytes, on_open, on_close }, text };
        struct stun_message message;

        CHECK_ROW(rows[i].name, stun_message_decode(unit_span(bytes), &message) == STUN_FAULT_NONE);
        stun_message_fields(&message, &line.fields);
        CHECK_ROW_TEXT(rows[i].name, text->str, rows[i].text);
    }
}

void
suite_stun_describe(void)
{
    UNIT_SUITE("stun describe", NULL, NULL, { "sentences", test_sentences }, { "RFC 3489", test_classic },
               { "fields", test_fields });
}
