#include "proto/stun/nonce.h"

#include "core/base/cursor.h"
#include "core/base/time.h"

#define FEATURE_BITS 24 /* in four characters of base64 */
#define FEATURE_CHARACTERS 4
#define COOKIE_BYTES (sizeof STUN_NONCE_COOKIE - 1)
#define SECOND_DIGITS 8
#define SIGNED_BYTES (COOKIE_BYTES + FEATURE_CHARACTERS + SECOND_DIGITS)
#define PROOF_DIGITS 32

G_STATIC_ASSERT(SIGNED_BYTES + PROOF_DIGITS == STUN_NONCE_BYTES);

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

struct stun_nonces {
    GHmac *keyed; /* and still empty: to be copied for each nonce */
    int64_t lifetime;
    char head[COOKIE_BYTES + FEATURE_CHARACTERS];
};

/* --- features --------------------------------------------------------------------------------------------------- */

/* Bit 0 is the first that is sent: the topmost of the 24. */
static void
write_features(unsigned features, char text[FEATURE_CHARACTERS])
{
    uint32_t bits = 0;

    for (unsigned i = 0; i < FEATURE_BITS; i++)
        if (features >> i & 1)
            bits |= UINT32_C(1) << (FEATURE_BITS - 1 - i);
    for (unsigned i = 0; i < FEATURE_CHARACTERS; i++)
        text[i] = base64[bits >> (FEATURE_BITS - 6 * (i + 1)) & 63];
}

/* -1 for a byte that is no character of base64. */
static int
base64_value(uint8_t character)
{
    const char *at = character ? strchr(base64, character) : NULL;

    return at ? (int)(at - base64) : -1;
}

bool
stun_nonce_features(struct span nonce, unsigned *features)
{
    struct reader reader = reader_over(nonce);
    struct span cookie = reader_span(&reader, COOKIE_BYTES), text = reader_span(&reader, FEATURE_CHARACTERS);
    unsigned known = STUN_FEATURE_PASSWORD_ALGORITHMS | STUN_FEATURE_USERNAME_ANONYMITY;
    uint32_t bits = 0;

    *features = 0;
    if (reader_failed(&reader) || !span_equal(cookie, span_of_text(STUN_NONCE_COOKIE)))
        return false;
    for (unsigned i = 0; i < FEATURE_CHARACTERS; i++) {
        int value = base64_value(text.bytes[i]);

        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
    }
    for (unsigned i = 0; i < FEATURE_BITS; i++)
        *features |= (bits >> (FEATURE_BITS - 1 - i) & 1) << i;
    *features &= known;
    return true;
}

/* --- nonces ----------------------------------------------------------------------------------------------------- */

struct stun_nonces *
stun_nonces_new(const uint8_t secret[STUN_SECRET_BYTES], unsigned features, int64_t lifetime)
{
    struct stun_nonces *nonces = g_new0(struct stun_nonces, 1);

    nonces->keyed = g_hmac_new(G_CHECKSUM_SHA256, secret, STUN_SECRET_BYTES);
    nonces->lifetime = lifetime;
    memcpy(nonces->head, STUN_NONCE_COOKIE, COOKIE_BYTES);
    write_features(features, nonces->head + COOKIE_BYTES);
    return nonces;
}

void
stun_nonces_free(struct stun_nonces *nonces)
{
    if (!nonces)
        return;
    g_hmac_unref(nonces->keyed);
    g_free(nonces);
}

static void
write_hex(uint64_t value, unsigned digits, char *text)
{
    for (unsigned i = 0; i < digits; i++)
        text[i] = "0123456789abcdef"[value >> (4 * (digits - 1 - i)) & 15];
}

/* The nonce that was made in this second. */
static void
write_nonce(const struct stun_nonces *nonces, struct endpoint client, uint32_t second, char *nonce)
{
    g_autoptr(GHmac) state = g_hmac_copy(nonces->keyed);
    uint8_t bytes[18], digest[32];
    struct writer writer = writer_over(bytes, sizeof bytes);
    gsize length = sizeof digest;

    memcpy(nonce, nonces->head, sizeof nonces->head);
    write_hex(second, SECOND_DIGITS, nonce + sizeof nonces->head);
    writer_u64(&writer, client.address.high);
    writer_u64(&writer, client.address.low);
    writer_u16(&writer, client.port);
    g_hmac_update(state, (const guchar *)nonce, SIGNED_BYTES);
    g_hmac_update(state, bytes, sizeof bytes);
    g_hmac_get_digest(state, digest, &length);
    for (unsigned i = 0; i < PROOF_DIGITS / 2; i++)
        write_hex(digest[i], 2, nonce + SIGNED_BYTES + 2 * i);
}

void
stun_nonce_make(const struct stun_nonces *nonces, struct endpoint client, int64_t now, char nonce[STUN_NONCE_BYTES])
{
    write_nonce(nonces, client, (uint32_t)(now / TIME_S), nonce);
}

/* The second that stands in a nonce; what is no digit there fails with the proof. */
static uint32_t
read_second(struct span nonce)
{
    uint32_t second = 0;

    for (unsigned i = 0; i < SECOND_DIGITS; i++)
        second = second << 4 | (uint32_t)(g_ascii_xdigit_value((char)nonce.bytes[COOKIE_BYTES + FEATURE_CHARACTERS + i]) & 15);
    return second;
}

bool
stun_nonce_is_good(const struct stun_nonces *nonces, struct span nonce, struct endpoint client, int64_t now)
{
    char right[STUN_NONCE_BYTES];
    uint32_t second;

    if (nonce.length != STUN_NONCE_BYTES)
        return false;
    second = read_second(nonce);
    write_nonce(nonces, client, second, right);

    bool made_here = span_equal_secret(nonce, span_of(right, sizeof right));
    bool in_time = now / TIME_S >= second && now / TIME_S - second <= nonces->lifetime / TIME_S;

    return made_here && in_time;
}
