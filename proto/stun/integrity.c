#include "proto/stun/integrity.h"

#define LONGEST_HMAC 32

/* Keyed and still empty HMACs, to be copied for each message. */
struct stun_key {
    GHmac *sha1, *sha256;
    size_t length;
    uint8_t bytes[];
};

static struct stun_key *
key_new(struct span bytes)
{
    struct stun_key *key = g_malloc(sizeof *key + bytes.length);

    key->length = bytes.length;
    if (bytes.length)
        memcpy(key->bytes, bytes.bytes, bytes.length);
    key->sha1 = g_hmac_new(G_CHECKSUM_SHA1, key->bytes, key->length);
    key->sha256 = g_hmac_new(G_CHECKSUM_SHA256, key->bytes, key->length);
    return key;
}

struct stun_key *
stun_key_new_short_term(struct span password)
{
    return key_new(password);
}

static void
checksum_add(GChecksum *checksum, struct span bytes)
{
    if (bytes.length)
        g_checksum_update(checksum, bytes.bytes, (gssize)bytes.length);
}

/* Hashes the parts with colons between them and gives the length of the digest. */
static size_t
hash_joined(GChecksumType type, const struct span *parts, size_t count, uint8_t digest[LONGEST_HMAC])
{
    g_autoptr(GChecksum) checksum = g_checksum_new(type);
    gsize length = LONGEST_HMAC;

    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            checksum_add(checksum, span_of_text(":"));
        checksum_add(checksum, parts[i]);
    }
    g_checksum_get_digest(checksum, digest, &length);
    return length;
}

struct stun_key *
stun_key_new_long_term(enum stun_password_algorithm algorithm, struct span username, struct span realm,
                       struct span password)
{
    const struct span parts[] = { username, realm, password };
    uint8_t digest[LONGEST_HMAC];

    if (algorithm != STUN_ALGORITHM_MD5 && algorithm != STUN_ALGORITHM_SHA256)
        return NULL;

    GChecksumType type = algorithm == STUN_ALGORITHM_MD5 ? G_CHECKSUM_MD5 : G_CHECKSUM_SHA256;
    size_t length = hash_joined(type, parts, G_N_ELEMENTS(parts), digest);

    return key_new(span_of(digest, length));
}

void
stun_key_free(struct stun_key *key)
{
    if (!key)
        return;
    g_hmac_unref(key->sha1);
    g_hmac_unref(key->sha256);
    g_free(key);
}

struct span
stun_key_bytes(const struct stun_key *key)
{
    return span_of(key->bytes, key->length);
}

void
stun_userhash(struct span username, struct span realm, uint8_t hash[STUN_USERHASH_BYTES])
{
    const struct span parts[] = { username, realm };

    hash_joined(G_CHECKSUM_SHA256, parts, G_N_ELEMENTS(parts), hash);
}

/* The HMAC of all that stands before the attribute at `offset`, as if the message ended with that attribute: a header
 * length of `offset` less the header plus the whole attribute (section 14.5). What follows, FINGERPRINT above all, was
 * not there yet when the sender computed it. */
static void
compute(const GHmac *keyed, struct span message, size_t offset, uint8_t *hmac, size_t length)
{
    g_autoptr(GHmac) state = g_hmac_copy(keyed);
    struct reader reader = reader_over(message);
    struct span type = reader_span(&reader, 2);
    uint8_t adjusted[2];
    struct writer writer = writer_over(adjusted, sizeof adjusted);
    gsize got = length;

    reader_skip(&reader, sizeof adjusted);
    writer_u16(&writer, (uint16_t)(offset - STUN_HEADER_BYTES + STUN_ATTRIBUTE_BYTES + length));

    struct span rest = reader_span(&reader, offset - type.length - sizeof adjusted);

    g_hmac_update(state, type.bytes, (gssize)type.length);
    g_hmac_update(state, adjusted, sizeof adjusted);
    g_hmac_update(state, rest.bytes, (gssize)rest.length);
    g_hmac_get_digest(state, hmac, &got);
}

static void
put(struct stun_builder *builder, uint16_t type, const GHmac *keyed, size_t length)
{
    stun_builder_open(builder, type);

    size_t offset = builder->open;
    uint8_t *room = writer_room(&builder->writer, length);

    stun_builder_close(builder);
    if (!stun_builder_failed(builder))
        compute(keyed, writer_span(&builder->writer), offset, room, length);
}

static enum stun_check
check(const struct stun_message *message, uint16_t type, const GHmac *keyed, size_t length)
{
    const struct stun_attribute *attribute = stun_message_find(message, type);
    uint8_t hmac[LONGEST_HMAC];

    if (!attribute)
        return STUN_CHECK_ABSENT;
    if (attribute->length != length)
        return STUN_CHECK_WRONG;

    compute(keyed, message->bytes, attribute->offset, hmac, length);
    return span_equal_secret(stun_message_value(message, attribute), span_of(hmac, length)) ? STUN_CHECK_RIGHT
                                                                                            : STUN_CHECK_WRONG;
}

void
stun_put_integrity(struct stun_builder *builder, const struct stun_key *key)
{
    put(builder, STUN_MESSAGE_INTEGRITY, key->sha1, STUN_INTEGRITY_BYTES);
}

enum stun_check
stun_integrity_check(const struct stun_message *message, const struct stun_key *key)
{
    return check(message, STUN_MESSAGE_INTEGRITY, key->sha1, STUN_INTEGRITY_BYTES);
}

void
stun_put_integrity_sha256(struct stun_builder *builder, const struct stun_key *key)
{
    put(builder, STUN_MESSAGE_INTEGRITY_SHA256, key->sha256, STUN_INTEGRITY_SHA256_BYTES);
}

enum stun_check
stun_integrity_sha256_check(const struct stun_message *message, const struct stun_key *key)
{
    return check(message, STUN_MESSAGE_INTEGRITY_SHA256, key->sha256, STUN_INTEGRITY_SHA256_BYTES);
}
