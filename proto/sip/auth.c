#include "proto/sip/auth.h"

#include <inttypes.h>
#include <string.h>

#include "proto/sip/lex.h"

struct sip_auth {
    char *realm;
    uint8_t secret[SIP_SECRET_BYTES];
    int64_t lifetime;
    GHashTable *users; /* name -> password */
};

/* --- users ------------------------------------------------------------------------------------------------------- */

static bool
fits(const char *text)
{
    for (const char *at = text; *at; at++)
        if (g_ascii_iscntrl(*at) || *at == '"' || *at == '\\')
            return false;
    return *text && strlen(text) < 128;
}

bool
sip_auth_realm_fits(const char *realm)
{
    return fits(realm);
}

struct sip_auth *
sip_auth_new(const char *realm, const uint8_t secret[SIP_SECRET_BYTES], int64_t nonce_lifetime)
{
    struct sip_auth *auth = g_new0(struct sip_auth, 1);

    auth->realm = g_strdup(realm);
    auth->lifetime = nonce_lifetime;
    auth->users = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    memcpy(auth->secret, secret, sizeof auth->secret);
    return auth;
}

void
sip_auth_free(struct sip_auth *auth)
{
    if (!auth)
        return;
    g_hash_table_unref(auth->users);
    g_free(auth->realm);
    g_free(auth);
}

const char *
sip_auth_realm(const struct sip_auth *auth)
{
    return auth->realm;
}

bool
sip_auth_add_user(struct sip_auth *auth, const char *name, const char *password)
{
    if (!fits(name) || sip_auth_has_user(auth, name))
        return false;
    g_hash_table_insert(auth->users, g_strdup(name), g_strdup(password));
    return true;
}

bool
sip_auth_has_user(const struct sip_auth *auth, const char *name)
{
    return g_hash_table_contains(auth->users, name);
}

unsigned
sip_auth_users(const struct sip_auth *auth)
{
    return g_hash_table_size(auth->users);
}

/* --- nonces ------------------------------------------------------------------------------------------------------ */

static void
make_nonce(const struct sip_auth *auth, struct address client, uint32_t second, char nonce[SIP_NONCE_BYTES])
{
    g_autoptr(GHmac) hmac = g_hmac_new(G_CHECKSUM_SHA256, auth->secret, sizeof auth->secret);
    uint8_t bytes[16], digest[32];
    gsize length = sizeof digest;
    size_t size = address_to_bytes(client, bytes);

    g_snprintf(nonce, SIP_NONCE_BYTES, "%08" PRIx32, second);
    g_hmac_update(hmac, (const guchar *)nonce, 8);
    g_hmac_update(hmac, bytes, (gssize)size);
    g_hmac_get_digest(hmac, digest, &length);
    for (unsigned i = 0; i < 16; i++)
        g_snprintf(nonce + 8 + 2 * i, 3, "%02x", digest[i]);
}

static uint32_t
second_of(int64_t now)
{
    return (uint32_t)(now / TIME_S);
}

/* Whether the nonce was made here for this client; `*fresh`: and is not too old. */
static bool
is_ours(const struct sip_auth *auth, struct span nonce, struct address client, int64_t now, bool *fresh)
{
    char made[SIP_NONCE_BYTES];
    uint32_t second = 0;

    *fresh = false;
    if (nonce.length != SIP_NONCE_BYTES - 1)
        return false;
    for (unsigned i = 0; i < 8; i++) {
        int digit = g_ascii_xdigit_value((char)nonce.bytes[i]);

        if (digit < 0)
            return false;
        second = second << 4 | (uint32_t)digit;
    }
    make_nonce(auth, client, second, made);
    *fresh = second_of(now) - second < (uint64_t)(auth->lifetime / TIME_S);
    return span_equal_secret(nonce, span_of_text(made));
}

/* --- requests ---------------------------------------------------------------------------------------------------- */

static const char *
find_password(const struct sip_auth *auth, struct span name, const char **user)
{
    char copy[128];
    gpointer found, password;

    if (name.length >= sizeof copy || (name.length && memchr(name.bytes, 0, name.length)))
        return NULL;
    if (name.length)
        memcpy(copy, name.bytes, name.length);
    copy[name.length] = 0;
    if (!g_hash_table_lookup_extended(auth->users, copy, &found, &password))
        return NULL;
    *user = found;
    return password;
}

static enum sip_verdict
judge(const struct sip_auth *auth, const struct sip_message *request, const struct sip_digest_fields *fields,
      struct address client, int64_t now, const char **user)
{
    const char *found = NULL, *password = find_password(auth, fields->username, &found);
    bool fresh, ours = is_ours(auth, fields->nonce, client, now, &fresh);

    if (!password || !sip_digest_proves(fields, span_of_text(password), request->method, request->body))
        return SIP_WRONG;
    if (!ours || !fresh)
        return SIP_STALE; /* another address of the client's is no mistake of his: a NAT may have given him a new one */
    *user = found;
    return SIP_PROVEN;
}

enum sip_verdict
sip_auth_check(const struct sip_auth *auth, const struct sip_message *request, enum sip_header_name header,
               struct address client, int64_t now, const char **user)
{
    struct sip_values walk = sip_values_of(request, header);
    struct sip_digest_fields fields;
    struct span value;

    *user = NULL;
    while (sip_values_next(&walk, &value))
        if (sip_digest_decode(value, &fields) && sip_text_is(fields.realm, auth->realm))
            return judge(auth, request, &fields, client, now, user);
    return SIP_NOT_PROVEN;
}

void
sip_auth_challenge(const struct sip_auth *auth, struct address client, int64_t now, bool stale, GString *out)
{
    char nonce[SIP_NONCE_BYTES];

    make_nonce(auth, client, second_of(now), nonce);
    g_string_append_printf(out, "Digest realm=\"%s\", nonce=\"%s\", algorithm=MD5, qop=\"auth\"%s", auth->realm, nonce,
                           stale ? ", stale=true" : "");
}
