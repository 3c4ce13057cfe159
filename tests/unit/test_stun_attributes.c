/* The values of attributes: RFC 8489 section 14. */
#include "tests/unit/support.h"

#include "proto/stun/attributes.h"
#include "proto/stun/integrity.h"

static const struct stun_header header = {
    STUN_REQUEST,
    STUN_BINDING,
    STUN_COOKIE,
    { { 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae } },
};

static struct endpoint
endpoint_of(const char *text)
{
    struct endpoint endpoint = { ADDRESS_NONE, 0 };

    CHECK_ROW(text, endpoint_parse(text, &endpoint));
    return endpoint;
}

/* One attribute in a message of its own. */
static struct span
message_of(const struct stun_value *value, uint8_t *buffer, size_t capacity)
{
    struct stun_builder builder;

    stun_builder_begin(&builder, buffer, capacity, &header);
    stun_attribute_write(&builder, value);
    return stun_builder_finish(&builder);
}

/* What the wire must have, after the attribute's type: length, value, padding. */
static const struct {
    const char *name, *hex;
    uint16_t type;
    const char *endpoint; /* or text, or number */
    const char *text;
    uint64_t number;
} rows[] = {
    { "MAPPED-ADDRESS", "0008 00018055c0000201", STUN_MAPPED_ADDRESS, "192.0.2.1:32853", NULL, 0 },
    { "MAPPED-ADDRESS, IPv6", "0014 00020d96 20010db8000000000000000000000001", STUN_MAPPED_ADDRESS,
      "[2001:db8::1]:3478", NULL, 0 },
    { "XOR-MAPPED-ADDRESS", "0008 0001a147e112a643", STUN_XOR_MAPPED_ADDRESS, "192.0.2.1:32853", NULL, 0 },
    { "XOR-MAPPED-ADDRESS, IPv6", "0014 0002a147 0113a9faa5d3f179bc25f4b5bed2b9d9", STUN_XOR_MAPPED_ADDRESS,
      "[2001:db8:1234:5678:11:2233:4455:6677]:32853", NULL, 0 },
    { "ALTERNATE-SERVER", "0008 00010d96c6336401", STUN_ALTERNATE_SERVER, "198.51.100.1:3478", NULL, 0 },
    { "USERNAME", "0009 6576746a3a68367659000000", STUN_USERNAME, NULL, "evtj:h6vY", 0 },
    { "REALM", "000b 6578616d706c652e6f726700", STUN_REALM, NULL, "example.org", 0 },
    { "NONCE", "0004 61626364", STUN_NONCE, NULL, "abcd", 0 },
    { "SOFTWARE", "0000", STUN_SOFTWARE, NULL, "", 0 },
    { "ALTERNATE-DOMAIN", "0001 61000000", STUN_ALTERNATE_DOMAIN, NULL, "a", 0 },
    { "USERHASH", "0020 6162636461626364616263646162636461626364616263646162636461626364", STUN_USERHASH, NULL,
      "abcdabcdabcdabcdabcdabcdabcdabcd", 0 },
    { "MESSAGE-INTEGRITY", "0014 6162636461626364616263646162636461626364", STUN_MESSAGE_INTEGRITY, NULL,
      "abcdabcdabcdabcdabcd", 0 },
    { "MESSAGE-INTEGRITY-SHA256", "0010 61626364616263646162636461626364", STUN_MESSAGE_INTEGRITY_SHA256, NULL,
      "abcdabcdabcdabcd", 0 },
    { "FINGERPRINT", "0004 e57a3bcf", STUN_FINGERPRINT, NULL, NULL, 0xe57a3bcf },
    { "PRIORITY", "0004 6e0001ff", STUN_PRIORITY, NULL, NULL, 0x6e0001ff },
    { "ICE-CONTROLLED", "0008 932ff9b151263b36", STUN_ICE_CONTROLLED, NULL, NULL, UINT64_C(0x932ff9b151263b36) },
    { "ICE-CONTROLLING", "0008 ffffffffffffffff", STUN_ICE_CONTROLLING, NULL, NULL, UINT64_MAX },
    { "USE-CANDIDATE", "0000", STUN_USE_CANDIDATE, NULL, NULL, 0 },
    { "CHANGE-REQUEST", "0004 00000006", STUN_CHANGE_REQUEST, NULL, NULL, STUN_CHANGE_ADDRESS | STUN_CHANGE_PORT },
    { "PADDING", "0003 61616100", STUN_PADDING, NULL, "aaa", 0 },
    { "RESPONSE-PORT", "0004 c0010000", STUN_RESPONSE_PORT, NULL, NULL, 0xc001 },
    { "RESPONSE-ORIGIN", "0008 00010d96c6336401", STUN_RESPONSE_ORIGIN, "198.51.100.1:3478", NULL, 0 },
    { "OTHER-ADDRESS", "0008 00010d97c6336402", STUN_OTHER_ADDRESS, "198.51.100.2:3479", NULL, 0 },
    { "SOURCE-ADDRESS", "0008 00010d96c6336401", STUN_SOURCE_ADDRESS, "198.51.100.1:3478", NULL, 0 },
    { "RESPONSE-ADDRESS", "0008 00010d97c6336402", STUN_RESPONSE_ADDRESS, "198.51.100.2:3479", NULL, 0 },
    { "CHANGED-ADDRESS", "0008 00010d97c6336402", STUN_CHANGED_ADDRESS, "198.51.100.2:3479", NULL, 0 },
    { "CHANNEL-NUMBER", "0004 40000000", STUN_CHANNEL_NUMBER, NULL, NULL, 0x4000 },
    { "LIFETIME", "0004 00000258", STUN_LIFETIME, NULL, NULL, 600 },
    { "XOR-PEER-ADDRESS", "0008 0001a147e112a643", STUN_XOR_PEER_ADDRESS, "192.0.2.1:32853", NULL, 0 },
    { "DATA", "0005 6162636465000000", STUN_DATA_ATTRIBUTE, NULL, "abcde", 0 },
    { "DATA, empty", "0000", STUN_DATA_ATTRIBUTE, NULL, "", 0 },
    { "XOR-RELAYED-ADDRESS", "0008 0001a147e112a643", STUN_XOR_RELAYED_ADDRESS, "192.0.2.1:32853", NULL, 0 },
    { "REQUESTED-ADDRESS-FAMILY", "0004 02000000", STUN_REQUESTED_ADDRESS_FAMILY, NULL, NULL, 2 },
    { "EVEN-PORT", "0001 80000000", STUN_EVEN_PORT, NULL, NULL, 0x80 },
    { "REQUESTED-TRANSPORT", "0004 11000000", STUN_REQUESTED_TRANSPORT, NULL, NULL, 17 },
    { "DONT-FRAGMENT", "0000", STUN_DONT_FRAGMENT, NULL, NULL, 0 },
    { "RESERVATION-TOKEN", "0008 0123456789abcdef", STUN_RESERVATION_TOKEN, NULL, NULL, UINT64_C(0x0123456789abcdef) },
    { "CONNECTION-ID", "0004 00000007", STUN_CONNECTION_ID, NULL, NULL, 7 },
    { "ADDITIONAL-ADDRESS-FAMILY", "0004 02000000", STUN_ADDITIONAL_ADDRESS_FAMILY, NULL, NULL, 2 },
    { "ICMP", "0008 0000030400000514", STUN_ICMP, NULL, NULL, UINT64_C(0x0000030400000514) },
    { "an unknown one", "0003 78797a00", 0x7abc, NULL, "xyz", 0 },
};

static void
test_round_trip(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *name = rows[i].name;
        const struct stun_attribute_info *info = stun_attribute_info(rows[i].type);
        struct stun_value value = { .type = rows[i].type, .format = info ? info->format : STUN_FORMAT_RAW };
        g_autoptr(GBytes) expected = unit_hex(rows[i].hex);
        uint8_t buffer[128];

        if (rows[i].endpoint)
            value.endpoint = endpoint_of(rows[i].endpoint);
        else if (rows[i].text)
            value.bytes = span_of_text(rows[i].text);
        else
            value.number = rows[i].number;

        struct span bytes = message_of(&value, buffer, sizeof buffer);
        struct stun_message message;
        struct stun_value got;

        if (!CHECK_ROW(name, stun_message_decode(bytes, &message) == STUN_FAULT_NONE))
            continue;
        CHECK_ROW_BYTES(name, span_of(bytes.bytes + STUN_HEADER_BYTES + 2, bytes.length - STUN_HEADER_BYTES - 2),
                        unit_span(expected));
        CHECK_ROW_INT(name, stun_message_get(&message, rows[i].type, &got), STUN_PRESENT);
        if (rows[i].endpoint)
            CHECK_ROW(name, endpoint_equal(got.endpoint, value.endpoint));
        else if (rows[i].text)
            CHECK_ROW_BYTES(name, got.bytes, value.bytes);
        else if (info->format != STUN_FORMAT_EMPTY)
            CHECK_ROW_UINT(name, got.number, value.number);
    }
}

/* Each row of the registry has a row here or a test below. */
static void
test_all_covered(void)
{
    static const uint16_t others[] = { STUN_ERROR_CODE, STUN_ADDRESS_ERROR_CODE, STUN_UNKNOWN_ATTRIBUTES, STUN_PASSWORD_ALGORITHM,
                                       STUN_PASSWORD_ALGORITHMS };
    size_t count;
    const struct stun_attribute_info *table = stun_attribute_table(&count);

    for (size_t n = 0; n < count; n++) {
        bool covered = false;

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
            covered |= rows[i].type == table[n].type;
        for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
            covered |= others[i] == table[n].type;
        CHECK_ROW(table[n].name, covered);
    }
}

/* IPv4 meets the cookie alone; the transaction ID must not matter, and must for IPv6. */
static void
test_xor(void)
{
    static const struct {
        const char *endpoint;
        bool id_matters;
    } cases[] = { { "203.0.113.1:40000", false }, { "[2001:db8::1]:40000", true } };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        uint8_t one[64], other[64];
        struct stun_header changed = header;
        struct stun_builder builder;

        stun_builder_begin(&builder, one, sizeof one, &header);
        stun_put_endpoint(&builder, STUN_XOR_MAPPED_ADDRESS, endpoint_of(cases[i].endpoint));
        size_t length = stun_builder_finish(&builder).length - STUN_HEADER_BYTES;

        changed.id.bytes[0] ^= 0xff;
        stun_builder_begin(&builder, other, sizeof other, &changed);
        stun_put_endpoint(&builder, STUN_XOR_MAPPED_ADDRESS, endpoint_of(cases[i].endpoint));
        CHECK_ROW(cases[i].endpoint, span_equal(span_of(one + STUN_HEADER_BYTES, length),
                                                span_of(other + STUN_HEADER_BYTES, length)) != cases[i].id_matters);
    }
}

static void
test_errors(void)
{
    static const struct {
        const char *name, *hex;
        unsigned code; /* 0: malformed */
        const char *phrase;
    } cases[] = {
        { "420", "00000414 556e6b6e6f776e20417474726962757465", 420, "Unknown Attribute" },
        { "least", "00000300", 300, "" },
        { "most", "00000663 78", 699, "x" },
        { "reserved bits are not looked at", "fffffc01", 401, "" },
        { "class 2", "00000200", 0, NULL },
        { "class 7", "00000700", 0, NULL },
        { "number 100", "00000464", 0, NULL },
        { "cut", "000004", 0, NULL },
        { "empty", "", 0, NULL },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GBytes) bytes = unit_hex(cases[i].hex);
        struct stun_builder builder;
        struct stun_message message;
        struct stun_value value;
        uint8_t buffer[128], again[128];

        stun_builder_begin(&builder, buffer, sizeof buffer, &header);
        stun_builder_raw(&builder, STUN_ERROR_CODE, unit_span(bytes));
        CHECK_ROW(cases[i].name, stun_message_decode(stun_builder_finish(&builder), &message) == STUN_FAULT_NONE);
        enum stun_found found = stun_message_get(&message, STUN_ERROR_CODE, &value);

        CHECK_ROW_INT(cases[i].name, found, cases[i].code ? STUN_PRESENT : STUN_MALFORMED);
        if (found != STUN_PRESENT)
            continue;
        CHECK_ROW_INT(cases[i].name, value.error.code, cases[i].code);
        CHECK_ROW_BYTES(cases[i].name, value.error.phrase, span_of_text(cases[i].phrase));
        if (unit_span(bytes).bytes[0] == 0)
            CHECK_ROW_BYTES(cases[i].name, message_of(&value, again, sizeof again), message.bytes);
    }
}

static void
test_lists(void)
{
    struct stun_types types = { .count = 3, .types = { 0x0003, 0x7fff, 0x0026 } };
    struct stun_algorithms algorithms = { .count = 3,
                                          .items = { { STUN_ALGORITHM_SHA256, { NULL, 0 } },
                                                     { 0x1234, span_of_text("abcde") },
                                                     { STUN_ALGORITHM_MD5, { NULL, 0 } } } };
    g_autoptr(GBytes) expected =
        unit_hex("000a0006 00037fff00260000 80020014 00020000 123400056162636465000000 00010000 001d0004 00020000");
    struct stun_builder builder;
    struct stun_message message;
    struct stun_value value;
    uint8_t buffer[128];

    stun_builder_begin(&builder, buffer, sizeof buffer, &header);
    stun_put_unknown(&builder, &types);
    stun_put_algorithms(&builder, &algorithms);
    stun_put_algorithm(&builder, STUN_ALGORITHM_SHA256);

    struct span bytes = stun_builder_finish(&builder);

    CHECK_ROW_BYTES("as written", span_of(bytes.bytes + STUN_HEADER_BYTES, bytes.length - STUN_HEADER_BYTES),
                    unit_span(expected));
    CHECK(stun_message_decode(bytes, &message) == STUN_FAULT_NONE);
    CHECK(stun_message_get(&message, STUN_UNKNOWN_ATTRIBUTES, &value) == STUN_PRESENT);
    CHECK_ROW_INT("types", value.types.count, 3);
    CHECK(memcmp(value.types.types, types.types, 3 * sizeof types.types[0]) == 0);
    CHECK(stun_message_get(&message, STUN_PASSWORD_ALGORITHMS, &value) == STUN_PRESENT);
    CHECK_ROW_INT("algorithms", value.algorithms.count, 3);
    for (size_t i = 0; i < 3; i++) {
        CHECK_ROW_INT("number", value.algorithms.items[i].number, algorithms.items[i].number);
        CHECK_ROW_BYTES("parameters", value.algorithms.items[i].parameters, algorithms.items[i].parameters);
    }
    CHECK(stun_message_get(&message, STUN_PASSWORD_ALGORITHM, &value) == STUN_PRESENT);
    CHECK_ROW_INT("algorithm", value.algorithm.number, STUN_ALGORITHM_SHA256);
}

/* Values that a decoder must refuse, whatever the rest of the message is like. */
static const struct {
    const char *name, *hex;
    uint16_t type;
} malformed[] = {
    { "address, empty", "", STUN_XOR_MAPPED_ADDRESS },
    { "address without its last byte", "0001a147e112a6", STUN_XOR_MAPPED_ADDRESS },
    { "address with a byte more", "0001a147e112a64300", STUN_XOR_MAPPED_ADDRESS },
    { "IPv4 family with 16 bytes", "0001a147 0113a9faa5d3f179bc25f4b5bed2b9d9", STUN_XOR_MAPPED_ADDRESS },
    { "IPv6 family with 4 bytes", "00020d9620010db8", STUN_MAPPED_ADDRESS },
    { "IPv6 address without its last byte", "00020d96 20010db80000000000000000000000", STUN_MAPPED_ADDRESS },
    { "family 0", "00000d9620010db8", STUN_MAPPED_ADDRESS },
    { "family 3", "00030d9620010db8", STUN_ALTERNATE_SERVER },
    { "odd list of types", "000300", STUN_UNKNOWN_ATTRIBUTES },
    { "MESSAGE-INTEGRITY of 16 bytes", "61626364616263646162636461626364", STUN_MESSAGE_INTEGRITY },
    { "MESSAGE-INTEGRITY-SHA256 of 12 bytes", "616263646162636461626364", STUN_MESSAGE_INTEGRITY_SHA256 },
    { "MESSAGE-INTEGRITY-SHA256 of 17 bytes", "6162636461626364616263646162636461", STUN_MESSAGE_INTEGRITY_SHA256 },
    { "MESSAGE-INTEGRITY-SHA256 of 36 bytes",
      "616263646162636461626364616263646162636461626364616263646162636461626364", STUN_MESSAGE_INTEGRITY_SHA256 },
    { "USERHASH of 31 bytes", "61626364616263646162636461626364616263646162636461626364616263", STUN_USERHASH },
    { "PRIORITY of 3 bytes", "6e0001", STUN_PRIORITY },
    { "PRIORITY of 5 bytes", "6e0001ff00", STUN_PRIORITY },
    { "ICE-CONTROLLED of 7 bytes", "932ff9b151263b", STUN_ICE_CONTROLLED },
    { "USE-CANDIDATE of 1 byte", "00", STUN_USE_CANDIDATE },
    { "FINGERPRINT of 8 bytes", "e57a3bcfe57a3bcf", STUN_FINGERPRINT },
    { "empty ALTERNATE-DOMAIN", "", STUN_ALTERNATE_DOMAIN },
    { "algorithm of 3 bytes", "000200", STUN_PASSWORD_ALGORITHM },
    { "parameters beyond the end", "0002000561626364", STUN_PASSWORD_ALGORITHM },
    { "two where one is asked for", "0002000000010000", STUN_PASSWORD_ALGORITHM },
    { "half an algorithm in the list", "000200000001", STUN_PASSWORD_ALGORITHMS },
    { "nine algorithms", "000100000001000000010000000100000001000000010000000100000001000000010000",
      STUN_PASSWORD_ALGORITHMS },
};

static void
test_malformed(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(malformed); i++) {
        g_autoptr(GBytes) bytes = unit_hex(malformed[i].hex);
        struct stun_builder builder;
        struct stun_message message;
        struct stun_value value;
        uint8_t buffer[128];

        stun_builder_begin(&builder, buffer, sizeof buffer, &header);
        stun_builder_raw(&builder, malformed[i].type, unit_span(bytes));

        struct span whole = stun_builder_finish(&builder);
        g_autofree uint8_t *exact = unit_exact(whole);

        CHECK_ROW(malformed[i].name, stun_message_decode(span_of(exact, whole.length), &message) == STUN_FAULT_NONE);
        CHECK_ROW_INT(malformed[i].name, stun_message_get(&message, malformed[i].type, &value), STUN_MALFORMED);
    }
}

/* Text: what may be sent, and what must be taken (sections 14.3, 14.9, 14.10, 14.14, 14.16). `unit` repeated. */
static const struct {
    const char *name;
    uint16_t type;
    const char *unit;
    size_t count;
    bool sendable, readable;
} limits[] = {
    { "USERNAME of 508 bytes", STUN_USERNAME, "a", 508, true, true },
    { "USERNAME of 509 bytes", STUN_USERNAME, "a", 509, false, true },
    { "USERNAME of 763 bytes", STUN_USERNAME, "a", 763, false, true },
    { "USERNAME of 764 bytes", STUN_USERNAME, "a", 764, false, false },
    { "SOFTWARE of 127 characters", STUN_SOFTWARE, "a", 127, true, true },
    { "SOFTWARE of 128 characters", STUN_SOFTWARE, "a", 128, false, true },
    { "SOFTWARE of 127 characters of 4 bytes", STUN_SOFTWARE, "\xf0\x9f\x98\x80", 127, true, true },
    { "SOFTWARE of 764 bytes", STUN_SOFTWARE, "a", 764, false, false },
    { "REALM of 127 characters", STUN_REALM, "\xc3\xa9", 127, true, true },
    { "REALM of 128 characters", STUN_REALM, "\xc3\xa9", 128, false, true },
    { "NONCE of 127 characters", STUN_NONCE, "n", 127, true, true },
    { "NONCE of 128 characters", STUN_NONCE, "n", 128, false, true },
    { "ALTERNATE-DOMAIN of 255 bytes", STUN_ALTERNATE_DOMAIN, "d", 255, true, true },
    { "ALTERNATE-DOMAIN of 256 bytes", STUN_ALTERNATE_DOMAIN, "d", 256, false, false },
};

static void
test_limits(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(limits); i++) {
        g_autoptr(GString) text = g_string_new(NULL);
        struct stun_builder builder;
        struct stun_message message;
        struct stun_value value;
        uint8_t buffer[1024];

        for (size_t n = 0; n < limits[i].count; n++)
            g_string_append(text, limits[i].unit);

        stun_builder_begin(&builder, buffer, sizeof buffer, &header);
        stun_put_text(&builder, limits[i].type, span_of(text->str, text->len));
        CHECK_ROW(limits[i].name, stun_builder_failed(&builder) != limits[i].sendable);
        CHECK_ROW(limits[i].name, (stun_builder_finish(&builder).length > 0) == limits[i].sendable);

        stun_builder_begin(&builder, buffer, sizeof buffer, &header);
        stun_builder_raw(&builder, limits[i].type, span_of(text->str, text->len));
        CHECK_ROW(limits[i].name, stun_message_decode(stun_builder_finish(&builder), &message) == STUN_FAULT_NONE);
        CHECK_ROW_INT(limits[i].name, stun_message_get(&message, limits[i].type, &value),
                      limits[i].readable ? STUN_PRESENT : STUN_MALFORMED);
    }
}

/* Any buffer too small by a byte or more fails whole, and nothing is written beyond it. */
static void
test_too_small(void)
{
    g_autoptr(stun_key) key = stun_key_new_short_term(span_of_text("secret"));
    size_t whole = 0;

    for (size_t capacity = 256; capacity-- > 0;) {
        g_autofree uint8_t *buffer = g_malloc(MAX(capacity, 1));
        struct stun_builder builder;

        stun_builder_begin(&builder, buffer, capacity, &header);
        stun_put_text(&builder, STUN_SOFTWARE, span_of_text("punchlab"));
        stun_put_endpoint(&builder, STUN_XOR_MAPPED_ADDRESS, endpoint_of("[2001:db8::1]:1"));
        stun_put_error(&builder, STUN_CODE_BAD_REQUEST);
        stun_put_flag(&builder, STUN_USE_CANDIDATE);
        stun_put_number(&builder, STUN_PRIORITY, 1);
        stun_put_integrity(&builder, key);
        stun_put_integrity_sha256(&builder, key);
        stun_builder_raw(&builder, STUN_FINGERPRINT, span_of_text("abcd"));

        size_t length = stun_builder_finish(&builder).length;

        if (capacity == 255)
            whole = length;
        CHECK(length == (capacity >= whole ? whole : 0));
    }
    CHECK_ROW_INT("whole", (int64_t)whole, 20 + 12 + 24 + 20 + 4 + 8 + 24 + 36 + 8);
}

/* The longest message that the length field can tell, and one word more. */
static void
test_longest(void)
{
    g_autofree uint8_t *buffer = g_malloc(80000), *zeros = g_malloc0(65535);
    struct stun_message message;

    for (size_t i = 0; i < 2; i++) {
        struct stun_builder builder;
        size_t value = i ? 65529 : 65528;

        stun_builder_begin(&builder, buffer, 80000, &header);
        stun_builder_raw(&builder, 0x8abc, span_of(zeros, value));

        struct span bytes = stun_builder_finish(&builder);

        CHECK_ROW_INT("length", (int64_t)bytes.length, i ? 0 : 65552);
        if (bytes.length)
            CHECK(stun_message_decode(bytes, &message) == STUN_FAULT_NONE);
    }
}

/* What the decoder would ignore, the builder does not write (section 9, section 14.7). */
static void
test_order(void)
{
    static const struct {
        const char *name;
        uint16_t first, second;
        bool allowed;
    } cases[] = {
        { "MESSAGE-INTEGRITY, SHA256", STUN_MESSAGE_INTEGRITY, STUN_MESSAGE_INTEGRITY_SHA256, true },
        { "MESSAGE-INTEGRITY, FINGERPRINT", STUN_MESSAGE_INTEGRITY, STUN_FINGERPRINT, true },
        { "SHA256, FINGERPRINT", STUN_MESSAGE_INTEGRITY_SHA256, STUN_FINGERPRINT, true },
        { "SHA256, MESSAGE-INTEGRITY", STUN_MESSAGE_INTEGRITY_SHA256, STUN_MESSAGE_INTEGRITY, false },
        { "MESSAGE-INTEGRITY twice", STUN_MESSAGE_INTEGRITY, STUN_MESSAGE_INTEGRITY, false },
        { "MESSAGE-INTEGRITY, USERNAME", STUN_MESSAGE_INTEGRITY, STUN_USERNAME, false },
        { "SHA256, SOFTWARE", STUN_MESSAGE_INTEGRITY_SHA256, STUN_SOFTWARE, false },
        { "FINGERPRINT, SOFTWARE", STUN_FINGERPRINT, STUN_SOFTWARE, false },
        { "FINGERPRINT twice", STUN_FINGERPRINT, STUN_FINGERPRINT, false },
        { "USERNAME twice", STUN_USERNAME, STUN_USERNAME, true },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct stun_builder builder;
        uint8_t buffer[128];

        stun_builder_begin(&builder, buffer, sizeof buffer, &header);
        stun_builder_raw(&builder, cases[i].first, span_of_text("abcd"));
        stun_builder_raw(&builder, cases[i].second, span_of_text("abcd"));
        CHECK_ROW(cases[i].name, stun_builder_failed(&builder) != cases[i].allowed);
    }
}

static void
test_not_sendable(void)
{
    struct stun_value value = { .type = STUN_ERROR_CODE, .format = STUN_FORMAT_ERROR };
    uint8_t buffer[64];

    for (unsigned code = 0; code <= 1000; code++) {
        value.error.code = (uint16_t)code;
        if ((message_of(&value, buffer, sizeof buffer).length > 0) != (code >= 300 && code <= 699))
            CHECK_ROW_INT("error code", code, -1);
    }
}

/* RFC 3489 section 11.2: values are whole words, filled up with what means nothing. */
static void
test_classic(void)
{
    struct stun_header classic = header;
    struct stun_types unknown = { .count = 1, .types = { 0x0003 } };
    struct stun_builder builder;
    uint8_t buffer[128];
    g_autoptr(GBytes) expected =
        unit_hex("00090018 00000414 556e6b6e6f776e20417474726962757465202020 000a0004 00030003");

    classic.cookie = 0xdeadbeef;
    stun_builder_begin(&builder, buffer, sizeof buffer, &classic);
    stun_put_error(&builder, STUN_CODE_UNKNOWN_ATTRIBUTE);
    stun_put_unknown(&builder, &unknown);

    struct span bytes = stun_builder_finish(&builder);

    CHECK_ROW_BYTES("420", span_of(bytes.bytes + STUN_HEADER_BYTES, bytes.length - STUN_HEADER_BYTES),
                    unit_span(expected));
}

/* RFC 8656 section 18.12: the family of the address that there is none of, then as in ERROR-CODE. */
static void
test_family_errors(void)
{
    static const struct {
        const char *name, *hex;
        enum family family; /* FAMILY_NONE: malformed */
        unsigned code;
    } cases[] = {
        { "no IPv6 here", "02000428", FAMILY_IPV6, 440 },
        { "no room for IPv4", "010005084e6f", FAMILY_IPV4, 508 },
        { "reserved bits are not looked at", "02fffc28", FAMILY_IPV6, 440 },
        { "no family", "00000428", FAMILY_NONE, 0 },
        { "family 3", "03000428", FAMILY_NONE, 0 },
        { "class 7", "02000728", FAMILY_NONE, 0 },
        { "cut", "020004", FAMILY_NONE, 0 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GBytes) bytes = unit_hex(cases[i].hex);
        struct stun_builder builder;
        struct stun_message message;
        struct stun_value value;
        uint8_t buffer[128];

        stun_builder_begin(&builder, buffer, sizeof buffer, &header);
        stun_builder_raw(&builder, STUN_ADDRESS_ERROR_CODE, unit_span(bytes));
        if (!CHECK_ROW(cases[i].name,
                       stun_message_decode(stun_builder_finish(&builder), &message) == STUN_FAULT_NONE))
            continue;

        enum stun_found found = stun_message_get(&message, STUN_ADDRESS_ERROR_CODE, &value);

        CHECK_ROW_INT(cases[i].name, found, cases[i].family == FAMILY_NONE ? STUN_MALFORMED : STUN_PRESENT);
        if (found != STUN_PRESENT)
            continue;
        CHECK_ROW_INT(cases[i].name, value.error.family, cases[i].family);
        CHECK_ROW_UINT(cases[i].name, value.error.code, cases[i].code);
    }
}

static void
test_family_error_sent(void)
{
    struct stun_builder builder;
    uint8_t buffer[128];
    g_autoptr(GBytes) expected = unit_hex("80010020 02000428 41646472657373 2046616d696c79206e6f7420537570706f72746564");

    stun_builder_begin(&builder, buffer, sizeof buffer, &header);
    stun_put_family_error(&builder, FAMILY_IPV6, STUN_CODE_FAMILY_UNSUPPORTED);

    struct span bytes = stun_builder_finish(&builder);

    CHECK_ROW_BYTES("440 for IPv6", span_of(bytes.bytes + STUN_HEADER_BYTES, bytes.length - STUN_HEADER_BYTES),
                    unit_span(expected));

    /* without a family there is nothing to send */
    stun_builder_begin(&builder, buffer, sizeof buffer, &header);
    stun_put_family_error(&builder, FAMILY_NONE, STUN_CODE_FAMILY_UNSUPPORTED);
    CHECK(stun_builder_finish(&builder).length == 0);
}

void
suite_stun_attributes(void)
{
    UNIT_SUITE("stun attributes", NULL, NULL, { "round trip", test_round_trip }, { "all covered", test_all_covered },
               { "XOR", test_xor }, { "ERROR-CODE", test_errors }, { "lists", test_lists },
               { "malformed values", test_malformed }, { "limits of text", test_limits },
               { "buffer too small", test_too_small }, { "longest message", test_longest }, { "order", test_order },
               { "not sendable", test_not_sendable }, { "RFC 3489", test_classic },
               { "ADDRESS-ERROR-CODE", test_family_errors }, { "ADDRESS-ERROR-CODE sent", test_family_error_sent });
}
