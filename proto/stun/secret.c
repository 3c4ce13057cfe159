#include "proto/stun/secret.h"

#include "core/base/address.h"

#define REMEMBERED 256 /* a power of two; one name each, by its hash */
#define MOST_DIGITS 12
#define SHA1_BYTES 20

struct stun_secret {
    GBytes *secret;
    char *realm;
    int64_t zero;
    struct stun_user *users[REMEMBERED];
};

struct stun_secret *
stun_secret_new(struct span secret, const char *realm, int64_t unix_time_at_zero)
{
    struct stun_secret *made = g_new0(struct stun_secret, 1);

    made->secret = g_bytes_new(secret.bytes, secret.length);
    made->realm = g_strdup(realm);
    made->zero = unix_time_at_zero;
    return made;
}

void
stun_secret_free(struct stun_secret *secret)
{
    if (!secret)
        return;
    for (size_t i = 0; i < REMEMBERED; i++)
        stun_user_free(secret->users[i]);
    g_bytes_unref(secret->secret);
    g_free(secret->realm);
    g_free(secret);
}

char *
stun_secret_password(struct span secret, struct span username)
{
    GHmac *hmac = g_hmac_new(G_CHECKSUM_SHA1, secret.bytes, secret.length);
    uint8_t digest[SHA1_BYTES];
    gsize length = sizeof digest;

    g_hmac_update(hmac, username.bytes, (gssize)username.length);
    g_hmac_get_digest(hmac, digest, &length);
    g_hmac_unref(hmac);
    return g_base64_encode(digest, length);
}

/* The digits before the colon, or the end; how many there are. 0 when there is anything else. */
static size_t
read_expiry(struct span name, int64_t *seconds)
{
    size_t i;

    *seconds = 0;
    for (i = 0; i < name.length && i <= MOST_DIGITS && g_ascii_isdigit((char)name.bytes[i]); i++)
        *seconds = *seconds * 10 + (name.bytes[i] - '0');
    return i <= MOST_DIGITS && (i == name.length || name.bytes[i] == ':') ? i : 0;
}

struct span
stun_secret_owner(struct span username)
{
    int64_t expiry;
    size_t digits = read_expiry(username, &expiry);

    if (digits == 0 || digits == username.length)
        return username;
    return span_of(username.bytes + digits, username.length - digits);
}

const struct stun_user *
stun_secret_find(void *data, struct span name, int64_t now)
{
    struct stun_secret *secret = data;
    struct stun_user **user = &secret->users[span_hash(name) % REMEMBERED];
    g_autofree char *password = NULL;
    int64_t expiry;

    if (!read_expiry(name, &expiry) || time_add(secret->zero, now) / TIME_S >= expiry)
        return NULL;
    if (*user && span_equal(stun_user_name(*user), name))
        return *user;
    stun_user_free(*user);
    password = stun_secret_password(span_of(g_bytes_get_data(secret->secret, NULL), g_bytes_get_size(secret->secret)),
                                    name);
    *user = stun_user_new(name, span_of_text(secret->realm), span_of_text(password));
    return *user;
}
