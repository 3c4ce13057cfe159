/* MESSAGE-INTEGRITY, MESSAGE-INTEGRITY-SHA256 and FINGERPRINT: RFC 8489 sections 14.5 to 14.7, 9.1.1, 9.2.2. */
#include "tests/unit/support.h"

#include "proto/stun/attributes.h"
#include "proto/stun/fingerprint.h"
#include "tests/unit/stun_vectors.h"

enum key { SHORT_TERM, LONG_MD5, LONG_SHA256 };

static const struct {
    const char *name, *hex;
    enum key key;
    uint8_t padding;
    enum stun_check sha1, sha256, fingerprint;
} vectors[] = {
    { "V1", STUN_V1, SHORT_TERM, 0x20, STUN_CHECK_RIGHT, STUN_CHECK_ABSENT, STUN_CHECK_RIGHT },
    { "V2", STUN_V2, SHORT_TERM, 0x20, STUN_CHECK_RIGHT, STUN_CHECK_ABSENT, STUN_CHECK_RIGHT },
    { "V3", STUN_V3, SHORT_TERM, 0x20, STUN_CHECK_RIGHT, STUN_CHECK_ABSENT, STUN_CHECK_RIGHT },
    { "V4", STUN_V4, LONG_MD5, 0x00, STUN_CHECK_RIGHT, STUN_CHECK_ABSENT, STUN_CHECK_ABSENT },
    { "V5", STUN_V5, LONG_MD5, 0x00, STUN_CHECK_ABSENT, STUN_CHECK_RIGHT, STUN_CHECK_ABSENT },
    { "V6", STUN_V6, LONG_SHA256, 0x00, STUN_CHECK_ABSENT, STUN_CHECK_RIGHT, STUN_CHECK_RIGHT },
};

static struct stun_key *
key_new(enum key which)
{
    if (which == SHORT_TERM)
        return stun_key_new_short_term(span_of_text(STUN_VECTOR_PASSWORD));
    return stun_key_new_long_term(which == LONG_MD5 ? STUN_ALGORITHM_MD5 : STUN_ALGORITHM_SHA256,
                                  span_of_text(STUN_VECTOR_USERNAME), span_of_text(STUN_VECTOR_REALM),
                                  span_of_text(STUN_VECTOR_LONG_PASSWORD));
}

static void
test_keys(void)
{
    static const struct {
        const char *name;
        enum stun_password_algorithm algorithm;
        const char *username, *realm, *password, *hex;
    } rows[] = {
        { "user:realm:pass", STUN_ALGORITHM_MD5, "user", "realm", "pass", "8493fbc53ba582fb4c044c456bdc40eb" },
        { "V4", STUN_ALGORITHM_MD5, STUN_VECTOR_USERNAME, STUN_VECTOR_REALM, STUN_VECTOR_LONG_PASSWORD,
          "e8ca7ad59d5eb0518e312911d2dab2a9" },
        { "V6", STUN_ALGORITHM_SHA256, STUN_VECTOR_USERNAME, STUN_VECTOR_REALM, STUN_VECTOR_LONG_PASSWORD,
          "dd295a613b9058c3c23d6dc7165bda072304d989c9d0af3a8c7e184b4f9bb4a1" },
    };
    g_autoptr(stun_key) empty = stun_key_new_short_term(span_of_text(""));

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(stun_key) key = stun_key_new_long_term(rows[i].algorithm, span_of_text(rows[i].username),
                                                         span_of_text(rows[i].realm), span_of_text(rows[i].password));
        g_autoptr(GBytes) expected = unit_hex(rows[i].hex);

        CHECK_ROW_BYTES(rows[i].name, stun_key_bytes(key), unit_span(expected));
    }
    CHECK(stun_key_bytes(empty).length == 0);
    CHECK(!stun_key_new_long_term(3, span_of_text("u"), span_of_text("r"), span_of_text("p")));
}

static void
test_userhash(void)
{
    g_autoptr(GBytes) vector = unit_hex(STUN_V5);
    struct stun_message message;
    struct stun_value value;
    uint8_t hash[STUN_USERHASH_BYTES];

    stun_userhash(span_of_text(STUN_VECTOR_USERNAME), span_of_text(STUN_VECTOR_REALM), hash);
    CHECK(stun_message_decode(unit_span(vector), &message) == STUN_FAULT_NONE);
    CHECK(stun_message_get(&message, STUN_USERHASH, &value) == STUN_PRESENT);
    CHECK_ROW_BYTES("V5", value.bytes, span_of(hash, sizeof hash));
}

static void
test_verified(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(vectors); i++) {
        g_autoptr(GBytes) bytes = unit_hex(vectors[i].hex);
        g_autoptr(stun_key) key = key_new(vectors[i].key);
        g_autoptr(stun_key) wrong = stun_key_new_short_term(span_of_text("wrong"));
        struct stun_message message;

        CHECK_ROW_INT(vectors[i].name, stun_message_decode(unit_span(bytes), &message), STUN_FAULT_NONE);
        CHECK_ROW_INT(vectors[i].name, stun_integrity_check(&message, key), vectors[i].sha1);
        CHECK_ROW_INT(vectors[i].name, stun_integrity_sha256_check(&message, key), vectors[i].sha256);
        CHECK_ROW_INT(vectors[i].name, stun_fingerprint_check(&message), vectors[i].fingerprint);
        CHECK_ROW(vectors[i].name,
                  stun_is_fingerprinted(unit_span(bytes)) == (vectors[i].fingerprint == STUN_CHECK_RIGHT));
        CHECK_ROW(vectors[i].name, stun_integrity_check(&message, wrong) != STUN_CHECK_RIGHT);
        CHECK_ROW(vectors[i].name, stun_integrity_sha256_check(&message, wrong) != STUN_CHECK_RIGHT);
    }
}

/* Decodes every value, writes it again with the vector's padding, and lets integrity and fingerprint be computed
 * anew. */
static void
test_encoded_again(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(vectors); i++) {
        g_autoptr(GBytes) bytes = unit_hex(vectors[i].hex);
        g_autoptr(stun_key) key = key_new(vectors[i].key);
        struct stun_message message;
        struct stun_builder builder;
        uint8_t buffer[256];

        CHECK_ROW_INT(vectors[i].name, stun_message_decode(unit_span(bytes), &message), STUN_FAULT_NONE);
        stun_builder_begin(&builder, buffer, sizeof buffer, &message.header);
        builder.padding = vectors[i].padding;
        for (size_t n = 0; n < message.count; n++) {
            struct stun_value value;

            CHECK_ROW(vectors[i].name, stun_attribute_read(&message, &message.attributes[n], &value));
            switch (value.type) {
            case STUN_MESSAGE_INTEGRITY:
                stun_put_integrity(&builder, key);
                break;
            case STUN_MESSAGE_INTEGRITY_SHA256:
                stun_put_integrity_sha256(&builder, key);
                break;
            case STUN_FINGERPRINT:
                stun_put_fingerprint(&builder);
                break;
            default:
                stun_attribute_write(&builder, &value);
                break;
            }
        }
        CHECK_ROW_BYTES(vectors[i].name, stun_builder_finish(&builder), unit_span(bytes));
    }
}

/* Each bit before the HMAC, the padding's too, and each bit of the HMAC: none may change unseen. */
static void
test_flips(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(vectors); i++) {
        g_autoptr(GBytes) bytes = unit_hex(vectors[i].hex);
        g_autoptr(stun_key) key = key_new(vectors[i].key);
        g_autofree uint8_t *changed = unit_exact(unit_span(bytes));
        struct span datagram = span_of(changed, g_bytes_get_size(bytes));

        for (size_t bit = 0; bit < datagram.length * 8; bit++) {
            struct stun_message message;

            changed[bit / 8] ^= (uint8_t)(1 << bit % 8);
            if (stun_message_decode(datagram, &message) == STUN_FAULT_NONE) {
                bool signed_still = stun_integrity_check(&message, key) == STUN_CHECK_RIGHT ||
                                    stun_integrity_sha256_check(&message, key) == STUN_CHECK_RIGHT;
                bool beyond = vectors[i].fingerprint != STUN_CHECK_ABSENT && bit / 8 >= datagram.length - 8;

                if (signed_still != beyond)
                    CHECK_ROW_INT(vectors[i].name, (int64_t)bit, -1);
                if (stun_fingerprint_check(&message) == STUN_CHECK_RIGHT)
                    CHECK_ROW_INT(vectors[i].name, (int64_t)bit, -2);
            }
            changed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        CHECK_ROW_BYTES(vectors[i].name, datagram, unit_span(bytes));
    }
}

/* An HMAC over the whole message's length, FINGERPRINT included, is what a sender gets that forgets section 14.5. */
static void
test_length_not_adjusted(void)
{
    g_autoptr(GBytes) bytes = unit_hex(STUN_V1);
    g_autoptr(stun_key) key = key_new(SHORT_TERM);
    g_autofree uint8_t *changed = unit_exact(unit_span(bytes));
    g_autoptr(GHmac) hmac =
        g_hmac_new(G_CHECKSUM_SHA1, (const guchar *)STUN_VECTOR_PASSWORD, strlen(STUN_VECTOR_PASSWORD));
    struct stun_message message;
    gsize length = STUN_INTEGRITY_BYTES;

    CHECK(stun_message_decode(span_of(changed, g_bytes_get_size(bytes)), &message) == STUN_FAULT_NONE);

    size_t offset = stun_message_find(&message, STUN_MESSAGE_INTEGRITY)->offset;

    g_hmac_update(hmac, changed, (gssize)offset);
    g_hmac_get_digest(hmac, changed + offset + STUN_ATTRIBUTE_BYTES, &length);
    CHECK(stun_integrity_check(&message, key) == STUN_CHECK_WRONG);
}

/* Both HMACs and a FINGERPRINT: the SHA-256 one covers the other. */
static void
test_both(void)
{
    g_autoptr(stun_key) key = key_new(SHORT_TERM);
    struct stun_header header = { STUN_REQUEST, STUN_BINDING, STUN_COOKIE, { { 1, 2, 3 } } };
    struct stun_builder builder;
    struct stun_message message;
    uint8_t buffer[256];

    stun_builder_begin(&builder, buffer, sizeof buffer, &header);
    stun_put_text(&builder, STUN_USERNAME, span_of_text("evtj:h6vY"));
    stun_put_integrity(&builder, key);
    stun_put_integrity_sha256(&builder, key);
    stun_put_fingerprint(&builder);
    CHECK(stun_message_decode(stun_builder_finish(&builder), &message) == STUN_FAULT_NONE);
    CHECK(stun_integrity_check(&message, key) == STUN_CHECK_RIGHT);
    CHECK(stun_integrity_sha256_check(&message, key) == STUN_CHECK_RIGHT);
    CHECK(stun_fingerprint_check(&message) == STUN_CHECK_RIGHT);

    buffer[stun_message_find(&message, STUN_MESSAGE_INTEGRITY)->offset + STUN_ATTRIBUTE_BYTES] ^= 1;
    CHECK(stun_integrity_check(&message, key) == STUN_CHECK_WRONG);
    CHECK(stun_integrity_sha256_check(&message, key) == STUN_CHECK_WRONG);
}

/* Section 14.6 has truncated HMACs only where a usage says so. Section 14.5 has none. */
static void
test_truncated(void)
{
    static const struct {
        const char *name;
        uint16_t type;
        size_t length;
    } rows[] = {
        { "SHA-256, 16 bytes", STUN_MESSAGE_INTEGRITY_SHA256, 16 },
        { "SHA-256, 28 bytes", STUN_MESSAGE_INTEGRITY_SHA256, 28 },
        { "SHA-256, none", STUN_MESSAGE_INTEGRITY_SHA256, 0 },
        { "SHA-1, 16 bytes", STUN_MESSAGE_INTEGRITY, 16 },
        { "SHA-1, none", STUN_MESSAGE_INTEGRITY, 0 },
    };
    g_autoptr(stun_key) key = key_new(SHORT_TERM);

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct stun_header header = { STUN_REQUEST, STUN_BINDING, STUN_COOKIE, { { 0 } } };
        struct stun_builder builder;
        struct stun_message message;
        uint8_t buffer[128], zeros[32] = { 0 };

        stun_builder_begin(&builder, buffer, sizeof buffer, &header);
        stun_builder_raw(&builder, rows[i].type, span_of(zeros, rows[i].length));
        CHECK_ROW_INT(rows[i].name, stun_message_decode(stun_builder_finish(&builder), &message), STUN_FAULT_NONE);
        CHECK_ROW(rows[i].name, stun_integrity_check(&message, key) != STUN_CHECK_RIGHT);
        CHECK_ROW(rows[i].name, stun_integrity_sha256_check(&message, key) != STUN_CHECK_RIGHT);
    }
}

static uint32_t
slow_crc32(struct span bytes)
{
    uint32_t crc = UINT32_MAX;

    for (size_t bit = 0; bit < bytes.length * 8; bit++) {
        uint32_t out = (crc ^ (uint32_t)(bytes.bytes[bit / 8] >> bit % 8)) & 1;

        crc = crc >> 1 ^ (out ? UINT32_C(0xedb88320) : 0);
    }
    return ~crc;
}

static void
test_crc(void)
{
    uint8_t all[256];

    CHECK_ROW_UINT("check value", stun_crc32(span_of_text("123456789")), 0xcbf43926);
    CHECK_ROW_UINT("nothing", stun_crc32(span_of(NULL, 0)), 0);
    for (unsigned i = 0; i < sizeof all; i++) {
        all[i] = (uint8_t)i;
        CHECK_ROW_UINT("one byte", stun_crc32(span_of(&all[i], 1)), slow_crc32(span_of(&all[i], 1)));
    }
    for (size_t length = 0; length <= 20; length++)
        CHECK_ROW_UINT("every length", stun_crc32(span_of(all + 201, length)), slow_crc32(span_of(all + 201, length)));
    CHECK_ROW_UINT("all bytes", stun_crc32(span_of(all, sizeof all)), slow_crc32(span_of(all, sizeof all)));
}

void
suite_stun_integrity(void)
{
    UNIT_SUITE("stun integrity", NULL, NULL, { "keys", test_keys }, { "USERHASH", test_userhash },
               { "vectors verified", test_verified }, { "vectors encoded again", test_encoded_again },
               { "every flipped bit", test_flips }, { "length not adjusted", test_length_not_adjusted },
               { "both HMACs", test_both }, { "truncated HMACs", test_truncated }, { "CRC-32", test_crc });
}
