/* The header and the list of attributes: RFC 8489 sections 5, 6.3 and 9. */
#include "tests/unit/support.h"

#include "proto/stun/message.h"
#include "tests/unit/stun_vectors.h"

static const struct {
    const char *name, *hex;
    enum stun_class class;
    uint16_t types[8];
} vectors[] = {
    { "V1", STUN_V1, STUN_REQUEST, { 0x8022, 0x0024, 0x8029, 0x0006, 0x0008, 0x8028 } },
    { "V2", STUN_V2, STUN_SUCCESS, { 0x8022, 0x0020, 0x0008, 0x8028 } },
    { "V3", STUN_V3, STUN_SUCCESS, { 0x8022, 0x0020, 0x0008, 0x8028 } },
    { "V4", STUN_V4, STUN_REQUEST, { 0x0006, 0x0015, 0x0014, 0x0008 } },
    { "V5", STUN_V5, STUN_REQUEST, { 0x001E, 0x0015, 0x0014, 0x001C } },
    { "V6", STUN_V6, STUN_REQUEST, { 0x001E, 0x0015, 0x0014, 0x8002, 0x001D, 0x001C, 0x8028 } },
};

static void
test_vectors(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(vectors); i++) {
        g_autoptr(GBytes) bytes = unit_hex(vectors[i].hex);
        struct stun_message message;
        size_t count = 0;

        CHECK_ROW_INT(vectors[i].name, stun_message_decode(unit_span(bytes), &message), STUN_FAULT_NONE);
        CHECK_ROW_INT(vectors[i].name, message.header.class, vectors[i].class);
        CHECK_ROW_INT(vectors[i].name, message.header.method, STUN_BINDING);
        while (count < G_N_ELEMENTS(vectors[i].types) && vectors[i].types[count])
            count++;
        CHECK_ROW_INT(vectors[i].name, message.count, count);
        for (size_t n = 0; n < MIN(count, message.count); n++)
            CHECK_ROW_UINT(vectors[i].name, message.attributes[n].type, vectors[i].types[n]);
    }
}

/* Any cut leaves a length field that no longer matches, down to a header that is not whole. */
static void
test_truncated(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(vectors); i++) {
        g_autoptr(GBytes) bytes = unit_hex(vectors[i].hex);
        struct span whole = unit_span(bytes);

        for (size_t length = 0; length < whole.length; length++) {
            g_autofree uint8_t *cut = unit_exact(span_of(whole.bytes, length));
            struct stun_message message;
            enum stun_fault expected = length < STUN_HEADER_BYTES ? STUN_FAULT_SHORT : STUN_FAULT_LENGTH;

            CHECK_ROW_INT(vectors[i].name, stun_message_decode(span_of(cut, length), &message), expected);
            CHECK_ROW(vectors[i].name, !stun_looks_like_message(span_of(cut, length)));
        }
    }
}

/* The header's length, and that of each attribute, one word less or more: either the chain breaks, or another attribute
 * is read from inside a value; never the same list. */
static void
test_lengths_off(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(vectors); i++) {
        g_autoptr(GBytes) bytes = unit_hex(vectors[i].hex);
        struct span whole = unit_span(bytes);
        struct stun_message right, wrong;

        CHECK_ROW_INT(vectors[i].name, stun_message_decode(whole, &right), STUN_FAULT_NONE);
        for (int off = -4; off <= 4; off += 1) {
            g_autofree uint8_t *changed = unit_exact(whole);

            if (off == 0)
                continue;
            changed[3] = (uint8_t)(changed[3] + off);
            CHECK_ROW_INT(vectors[i].name, stun_message_decode(span_of(changed, whole.length), &wrong),
                          off % 4 ? STUN_FAULT_LENGTH_UNALIGNED : STUN_FAULT_LENGTH);
        }
        for (size_t n = 0; n < right.count; n++) {
            g_autofree uint8_t *changed = unit_exact(whole);
            size_t last = right.attributes[n].offset + 3;

            changed[last] = (uint8_t)(changed[last] + 4);
            enum stun_fault longer = stun_message_decode(span_of(changed, whole.length), &wrong);
            CHECK_ROW(vectors[i].name, longer != STUN_FAULT_NONE || wrong.count != right.count ||
                                           wrong.attributes[n].length != right.attributes[n].length);
            if (n + 1 == right.count)
                CHECK_ROW_INT(vectors[i].name, longer, STUN_FAULT_ATTRIBUTE_CUT);
        }
    }
}

#define HEAD(length)                                                                                                   \
    "0001" length "2112a442"                                                                                           \
    "0102030405060708090a0b0c"
#define INTEGRITY                                                                                                      \
    "00080014"                                                                                                         \
    "0000000000000000000000000000000000000000"
#define SHA256                                                                                                         \
    "001c0010"                                                                                                         \
    "00000000000000000000000000000000"
#define PRINT                                                                                                          \
    "80280004"                                                                                                         \
    "00000000"
#define FLAG "00250000"

static const struct {
    const char *name, *hex;
    enum stun_fault fault;
    unsigned count, ignored;
} rows[] = {
    { "no attributes", HEAD("0000"), STUN_FAULT_NONE, 0, 0 },
    { "nothing", "", STUN_FAULT_SHORT, 0, 0 },
    { "first bit", "8001 0000 2112a442 0102030405060708090a0b0c", STUN_FAULT_FIRST_BITS, 0, 0 },
    { "second bit", "4001 0000 2112a442 0102030405060708090a0b0c", STUN_FAULT_FIRST_BITS, 0, 0 },
    { "length not of words", HEAD("0001") "00", STUN_FAULT_LENGTH_UNALIGNED, 0, 0 },
    { "length beyond the datagram", HEAD("0004"), STUN_FAULT_LENGTH, 0, 0 },
    { "datagram beyond the length", HEAD("0000") FLAG, STUN_FAULT_LENGTH, 0, 0 },
    { "another cookie", "0001 0000 2112a443 0102030405060708090a0b0c", STUN_FAULT_COOKIE, 0, 0 },
    { "empty attribute", HEAD("0004") FLAG, STUN_FAULT_NONE, 1, 0 },
    { "value beyond the end", HEAD("0004") "00240004", STUN_FAULT_ATTRIBUTE_CUT, 0, 0 },
    { "padding beyond the end", HEAD("0004") "00060001", STUN_FAULT_ATTRIBUTE_CUT, 0, 0 },
    { "longest length", HEAD("0004") "0006ffff", STUN_FAULT_ATTRIBUTE_CUT, 0, 0 },
    { "unknown attributes are kept", HEAD("0010") "7fff0001ab000000 ffff0001cd000000", STUN_FAULT_NONE, 2, 0 },
    { "after MESSAGE-INTEGRITY", HEAD("001c") INTEGRITY FLAG, STUN_FAULT_NONE, 1, 1 },
    { "two MESSAGE-INTEGRITY", HEAD("0030") INTEGRITY INTEGRITY, STUN_FAULT_NONE, 1, 1 },
    { "MESSAGE-INTEGRITY, SHA256, FINGERPRINT", HEAD("0034") INTEGRITY SHA256 PRINT, STUN_FAULT_NONE, 3, 0 },
    { "between MESSAGE-INTEGRITY and SHA256", HEAD("0030") INTEGRITY FLAG SHA256, STUN_FAULT_NONE, 2, 1 },
    { "after SHA256", HEAD("0018") SHA256 FLAG, STUN_FAULT_NONE, 1, 1 },
    { "MESSAGE-INTEGRITY after SHA256", HEAD("002c") SHA256 INTEGRITY, STUN_FAULT_NONE, 1, 1 },
    { "FINGERPRINT last", HEAD("000c") FLAG PRINT, STUN_FAULT_NONE, 2, 0 },
    { "FINGERPRINT not last", HEAD("000c") PRINT FLAG, STUN_FAULT_FINGERPRINT_NOT_LAST, 0, 0 },
    { "two FINGERPRINT", HEAD("0010") PRINT PRINT, STUN_FAULT_FINGERPRINT_NOT_LAST, 0, 0 },
    { "ignored, then FINGERPRINT", HEAD("0024") INTEGRITY FLAG PRINT, STUN_FAULT_NONE, 2, 1 },
};

static void
test_rows(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GBytes) bytes = unit_hex(rows[i].hex);
        g_autofree uint8_t *exact = unit_exact(unit_span(bytes));
        struct stun_message message;
        enum stun_fault fault = stun_message_decode(span_of(exact, g_bytes_get_size(bytes)), &message);

        CHECK_ROW_TEXT(rows[i].name, stun_fault_word(fault), stun_fault_word(rows[i].fault));
        if (fault == STUN_FAULT_NONE) {
            CHECK_ROW_INT(rows[i].name, message.count, rows[i].count);
            CHECK_ROW_INT(rows[i].name, message.ignored, rows[i].ignored);
        }
    }
}

static void
test_too_many(void)
{
    uint8_t bytes[STUN_HEADER_BYTES + (STUN_MAX_ATTRIBUTES + 1) * 4] = {
        0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42
    };
    uint8_t *last = bytes + sizeof bytes - 4;
    struct stun_message message;

    for (size_t count = STUN_MAX_ATTRIBUTES; count <= STUN_MAX_ATTRIBUTES + 1; count++) {
        bytes[2] = (uint8_t)(count * 4 >> 8);
        bytes[3] = (uint8_t)(count * 4);
        CHECK(stun_message_decode(span_of(bytes, STUN_HEADER_BYTES + count * 4), &message) ==
              (count > STUN_MAX_ATTRIBUTES ? STUN_FAULT_TOO_MANY : STUN_FAULT_NONE));
    }
    last[0] = 0x90; /* comprehension-optional */
    CHECK(stun_message_decode(span_of(bytes, sizeof bytes), &message) == STUN_FAULT_NONE);
    CHECK_ROW_UINT("ignored", message.ignored, 1);
    last[0] = 0;
    last[1] = 0x08; /* MESSAGE-INTEGRITY has a place of its own */
    CHECK(stun_message_decode(span_of(bytes, sizeof bytes), &message) == STUN_FAULT_NONE);
    CHECK(stun_message_find(&message, STUN_MESSAGE_INTEGRITY) != NULL);
}

/* The type words that the RFCs print (RFC 8489 section 5, RFC 8656). */
static const struct {
    const char *name;
    uint16_t word;
    enum stun_class class;
    uint16_t method;
} types[] = {
    { "Binding request", 0x0001, STUN_REQUEST, 0x001 },
    { "Binding indication", 0x0011, STUN_INDICATION, 0x001 },
    { "Binding success", 0x0101, STUN_SUCCESS, 0x001 },
    { "Binding error", 0x0111, STUN_ERROR, 0x001 },
    { "Allocate error", 0x0113, STUN_ERROR, 0x003 },
    { "Data indication", 0x0017, STUN_INDICATION, 0x007 },
    { "ChannelBind success", 0x0109, STUN_SUCCESS, 0x009 },
    { "all method bits", 0x3eef, STUN_REQUEST, 0xfff },
    { "all bits", 0x3fff, STUN_ERROR, 0xfff },
};

static void
test_types(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        enum stun_class class;
        uint16_t method;

        CHECK_ROW_UINT(types[i].name, stun_type_encode(types[i].class, types[i].method), types[i].word);
        stun_type_decode(types[i].word, &class, &method);
        CHECK_ROW_UINT(types[i].name, class, types[i].class);
        CHECK_ROW_UINT(types[i].name, method, types[i].method);
    }
    for (unsigned word = 0; word < 0x4000; word++) {
        enum stun_class class;
        uint16_t method;

        stun_type_decode((uint16_t)word, &class, &method);
        if (stun_type_encode(class, method) != word)
            CHECK_ROW_UINT("every word", stun_type_encode(class, method), word);
    }
}

/* A message of RFC 3489: 128 bits of transaction ID, of which any may stand in the cookie's place. */
static void
test_classic(void)
{
    g_autoptr(GBytes) bytes = unit_hex("0001 0008 deadbeef 0102030405060708090a0b0c 0003000400000006");
    struct stun_message message;

    CHECK(stun_message_decode(unit_span(bytes), &message) == STUN_FAULT_COOKIE);
    CHECK(stun_message_decode_classic(unit_span(bytes), &message) == STUN_FAULT_NONE);
    CHECK(stun_header_is_classic(&message.header));
    CHECK_ROW_UINT("cookie", message.header.cookie, 0xdeadbeef);
    CHECK_ROW_INT("count", message.count, 1);
    CHECK(!stun_looks_like_message(unit_span(bytes)));

    g_autoptr(GBytes) modern = unit_hex(STUN_V1);

    CHECK(stun_message_decode_classic(unit_span(modern), &message) == STUN_FAULT_NONE);
    CHECK(!stun_header_is_classic(&message.header));
}

static void
test_find(void)
{
    g_autoptr(GBytes) bytes = unit_hex(HEAD("0018") "0006000141000000 0024000400000001 0006000142000000");
    struct stun_message message;

    CHECK(stun_message_decode(unit_span(bytes), &message) == STUN_FAULT_NONE);

    const struct stun_attribute *first = stun_message_find(&message, STUN_USERNAME);
    const struct stun_attribute *second = first ? stun_message_find_next(&message, first) : NULL;

    CHECK_ROW_BYTES("the first counts", first ? stun_message_value(&message, first) : span_of(NULL, 0),
                    span_of_text("A"));
    CHECK_ROW_BYTES("the next", second ? stun_message_value(&message, second) : span_of(NULL, 0), span_of_text("B"));
    CHECK(second && !stun_message_find_next(&message, second));
    CHECK(!stun_message_find(&message, STUN_REALM));
}

static void
test_unknown(void)
{
    g_autoptr(GBytes) bytes = unit_hex(
        HEAD("0028") "0024000400000001 7ffe0000 7ffe0000 8fff0000 00030004 00000006 0008 0004 00000000 7ffd0000");
    struct stun_message message;
    struct stun_types unknown;

    CHECK(stun_message_decode(unit_span(bytes), &message) == STUN_FAULT_NONE);
    CHECK(stun_message_unknown(&message, STUN_SET_BASE, &unknown));
    CHECK_ROW_INT("each once, optional ones and what is ignored not", unknown.count, 3);
    CHECK_ROW_UINT("ICE's, to an agent without ICE", unknown.types[0], STUN_PRIORITY);
    CHECK_ROW_UINT("not registered", unknown.types[1], 0x7ffe);
    CHECK_ROW_UINT("RFC 5780's", unknown.types[2], 0x0003);
    CHECK(stun_message_unknown(&message, STUN_SET_BASE | STUN_SET_ICE, &unknown));
    CHECK_ROW_INT("to an agent with ICE", unknown.count, 2);

    g_autoptr(GBytes) vector = unit_hex(STUN_V4);

    CHECK(stun_message_decode(unit_span(vector), &message) == STUN_FAULT_NONE);
    CHECK(!stun_message_unknown(&message, STUN_SET_BASE, &unknown));
}

/* What else may come in on a shared port (RFC 7983). */
static void
test_demultiplexing(void)
{
    static const struct {
        const char *name, *hex;
        bool stun;
    } datagrams[] = {
        { "STUN", HEAD("0000"), true },
        { "highest first byte", "3fff 0000 2112a442 0102030405060708090a0b0c", true },
        { "TURN channel", "4000 0000 2112a442 0102030405060708090a0b0c", false },
        { "RTP", "8001 0000 2112a442 0102030405060708090a0b0c", false },
        { "no cookie", "0001 0000 00000000 0102030405060708090a0b0c", false },
        { "keep-alive of one byte", "00", false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(datagrams); i++) {
        g_autoptr(GBytes) bytes = unit_hex(datagrams[i].hex);

        CHECK_ROW(datagrams[i].name, stun_looks_like_message(unit_span(bytes)) == datagrams[i].stun);
    }
}

static void
test_names(void)
{
    size_t count;
    const struct stun_attribute_info *table = stun_attribute_table(&count);

    for (int fault = 0; fault < STUN_FAULT_COUNT; fault++) {
        CHECK_ROW(stun_fault_word(fault), unit_is_word(stun_fault_word(fault)));
        CHECK_ROW(stun_fault_word(fault), strlen(stun_fault_sentence(fault)) > 0);
    }
    for (size_t i = 0; i < count; i++) {
        CHECK_ROW(table[i].name, stun_attribute_info(table[i].type) == &table[i]);
        CHECK_ROW(table[i].name, i == 0 || table[i - 1].type < table[i].type);
        CHECK_ROW(table[i].name, table[i].least <= table[i].sent && table[i].sent <= table[i].most);
    }
    CHECK(!stun_attribute_info(0x7fff));
    CHECK(!stun_attribute_info(0x0000));
    CHECK(!stun_attribute_info(0xffff));
    CHECK_ROW_TEXT("method", stun_method_name(STUN_BINDING), "Binding");
    CHECK(!stun_method_name(0xfff));
    CHECK_ROW_TEXT("class", stun_class_name(STUN_ERROR), "error response");
    CHECK_ROW_TEXT("code", stun_code_phrase(420), "Unknown Attribute");
    CHECK_ROW_TEXT("code", stun_code_phrase(699), "");
}

void
suite_stun_message(void)
{
    UNIT_SUITE("stun message", NULL, NULL, { "vectors", test_vectors }, { "every truncation refused", test_truncated },
               { "lengths off", test_lengths_off }, { "rows", test_rows }, { "too many attributes", test_too_many },
               { "type words", test_types }, { "RFC 3489", test_classic }, { "find", test_find },
               { "unknown attributes", test_unknown }, { "demultiplexing", test_demultiplexing },
               { "names", test_names });
}
