#include "proto/sip/auth.h"

#include <inttypes.h>
#include <string.h>

#include "proto/sip/lex.h"

struct sip_auth {
    char *realm;
    uint8_t secret[SIP_SECRET_BYTES];
    int64_t lifetime;
    bool sha256;
    GHashTable *users;  /* name -> password */
    uint32_t made;      /* nonces so far */
    uint32_t *counts;   /* of the last SIP_NONCES of them, by number: the highest nc that was proven; NULL before the first */
};

struct nonce {
    uint32_t second, number;
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
sip_auth_new(const char *realm, const uint8_t secret[SIP_SECRET_BYTES], int64_t nonce_lifetime, bool sha256)
{
    struct sip_auth *auth = g_new0(struct sip_auth, 1);

    auth->realm = g_strdup(realm);
    auth->lifetime = nonce_lifetime;
    auth->sha256 = sha256;
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
    g_free(auth->counts);
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
nonce_write(const struct sip_auth *auth, struct address client, struct nonce nonce, char text[SIP_NONCE_BYTES])
{
    g_autoptr(GHmac) hmac = g_hmac_new(G_CHECKSUM_SHA256, auth->secret, sizeof auth->secret);
    uint8_t bytes[16], digest[32];
    gsize length = sizeof digest;
    size_t size = address_to_bytes(client, bytes);

    g_snprintf(text, SIP_NONCE_BYTES, "%08" PRIx32 "%08" PRIx32, nonce.second, nonce.number);
    g_hmac_update(hmac, (const guchar *)text, 16);
    g_hmac_update(hmac, bytes, (gssize)size);
    g_hmac_get_digest(hmac, digest, &length);
    for (unsigned i = 0; i < 16; i++)
        g_snprintf(text + 16 + 2 * i, 3, "%02x", digest[i]);
}

/* Eight hexadecimal digits. */
static bool
read_number(const uint8_t *digits, uint32_t *number)
{
    *number = 0;
    for (unsigned i = 0; i < 8; i++) {
        int digit = g_ascii_xdigit_value((char)digits[i]);

        if (digit < 0)
            return false;
        *number = *number << 4 | (uint32_t)digit;
    }
    return true;
}

static uint32_t
second_of(int64_t now)
{
    return (uint32_t)(now / TIME_S);
}

static void
nonce_make(struct sip_auth *auth, struct address client, int64_t now, char text[SIP_NONCE_BYTES])
{
    struct nonce nonce = { second_of(now), auth->made++ };

    if (!auth->counts)
        auth->counts = g_new0(uint32_t, SIP_NONCES);
    auth->counts[nonce.number % SIP_NONCES] = 0;
    nonce_write(auth, client, nonce, text);
}

/* Whether the nonce was made here for this client. */
static bool
nonce_read(const struct sip_auth *auth, struct span text, struct address client, struct nonce *nonce)
{
    char made[SIP_NONCE_BYTES];

    if (text.length != SIP_NONCE_BYTES - 1 || !read_number(text.bytes, &nonce->second) ||
        !read_number(text.bytes + 8, &nonce->number))
        return false;
    nonce_write(auth, client, *nonce, made);
    return span_equal_secret(text, span_of_text(made));
}

/* Takes the count of a proven request. False when the nonce is too old, or the count is no higher than one before.
 * Without qop there is none, and the nonce serves once. */
static bool
nonce_use(struct sip_auth *auth, const struct nonce *nonce, struct span nc, int64_t now)
{
    uint32_t count = 1, *highest = &auth->counts[nonce->number % SIP_NONCES];

    if (second_of(now) - nonce->second >= (uint64_t)(auth->lifetime / TIME_S) ||
        auth->made - nonce->number - 1 >= SIP_NONCES)
        return false;
    if (nc.length == 8 && !read_number(nc.bytes, &count))
        return false;
    if (count <= *highest)
        return false;
    *highest = count;
    return true;
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
judge(struct sip_auth *auth, const struct sip_message *request, const struct sip_digest_fields *fields,
      struct address client, int64_t now, const char **user)
{
    const char *found = NULL, *password = find_password(auth, fields->username, &found);
    struct nonce nonce;

    if (!password || !sip_digest_proves(fields, span_of_text(password), request->method, request->body))
        return SIP_WRONG;
    /* Another address of the client's is no mistake of his: a NAT may have given him a new one. */
    if (!nonce_read(auth, fields->nonce, client, &nonce) ||
        !nonce_use(auth, &nonce, fields->qop.length ? fields->nc : span_of(NULL, 0), now))
        return SIP_STALE;
    *user = found;
    return SIP_PROVEN;
}

enum sip_verdict
sip_auth_check(struct sip_auth *auth, const struct sip_message *request, enum sip_header_name header,
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
sip_auth_challenge(struct sip_auth *auth, const char *field, struct address client, int64_t now, bool stale,
                   GString *out)
{
    static const enum sip_digest_algorithm algorithms[] = { SIP_DIGEST_SHA256, SIP_DIGEST_MD5 };
    char nonce[SIP_NONCE_BYTES];

    nonce_make(auth, client, now, nonce);
    for (size_t i = auth->sha256 ? 0 : 1; i < G_N_ELEMENTS(algorithms); i++)
        g_string_append_printf(out, "%s: Digest realm=\"%s\", nonce=\"%s\", algorithm=%s, qop=\"auth\"%s\r\n", field,
                               auth->realm, nonce, sip_digest_word(algorithms[i]), stale ? ", stale=true" : "");
}
