/* Theory of operation.
 *
 * Short-term credentials are ready from the beginning. Long-term ones have no key until a server's 401 has told realm
 * and nonce, and, if its nonce has the cookie that says so, a list of algorithms. Each challenge that is learned has a
 * number; a request remembers the number it was made under, so that a late 401 to an earlier request leads to another
 * try, and one to a request under the very same challenge to none (section 9.2.5). */
#include "proto/stun/credentials.h"

#include "proto/stun/nonce.h"

#define MOST_ALGORITHMS_BYTES 64 /* the list is sent back as it came: room for STUN_MAX_ALGORITHMS without parameters */

/* What `put` returns: 0 for a request without credentials. */
#define SENT_SHORT_TERM 1u
#define SENT_CHALLENGE 2u /* and up: that challenge */

struct stun_credentials {
    bool long_term;
    bool prefers_sha256;
    GBytes *username, *password;
    struct stun_key *key; /* long-term: NULL before the first challenge */
    bool knows_integrity; /* short-term: `sha256` is what the server uses */
    bool sha256;
    unsigned challenges;  /* learned so far */
    GBytes *realm, *nonce, *algorithms; /* `algorithms`: the list as it came; NULL: there was none */
    unsigned features;
    uint16_t algorithm;
};

static struct span
span_of_bytes(GBytes *bytes)
{
    gsize length = 0;
    const void *data = bytes ? g_bytes_get_data(bytes, &length) : NULL;

    return span_of(data, length);
}

static GBytes *
bytes_of(struct span span)
{
    return g_bytes_new(span.bytes, span.length);
}

static struct stun_credentials *
credentials_new(struct span username, struct span password, bool long_term)
{
    struct stun_credentials *credentials = g_new0(struct stun_credentials, 1);

    credentials->long_term = long_term;
    credentials->username = bytes_of(username);
    credentials->password = bytes_of(password);
    return credentials;
}

struct stun_credentials *
stun_credentials_new_short_term(struct span username, struct span password)
{
    struct stun_credentials *credentials = credentials_new(username, password, false);

    credentials->key = stun_key_new_short_term(password);
    return credentials;
}

struct stun_credentials *
stun_credentials_new_long_term(struct span username, struct span password)
{
    return credentials_new(username, password, true);
}

void
stun_credentials_prefer_sha256(struct stun_credentials *credentials)
{
    credentials->prefers_sha256 = true;
}

void
stun_credentials_free(struct stun_credentials *credentials)
{
    if (!credentials)
        return;
    stun_key_free(credentials->key);
    g_clear_pointer(&credentials->username, g_bytes_unref);
    g_clear_pointer(&credentials->password, g_bytes_unref);
    g_clear_pointer(&credentials->realm, g_bytes_unref);
    g_clear_pointer(&credentials->nonce, g_bytes_unref);
    g_clear_pointer(&credentials->algorithms, g_bytes_unref);
    g_free(credentials);
}

/* --- requests --------------------------------------------------------------------------------------------------- */

static unsigned
put_short_term(const struct stun_credentials *credentials, struct stun_builder *builder)
{
    stun_put_text(builder, STUN_USERNAME, span_of_bytes(credentials->username));
    if (!credentials->knows_integrity || !credentials->sha256)
        stun_put_integrity(builder, credentials->key);
    if (!credentials->knows_integrity || credentials->sha256)
        stun_put_integrity_sha256(builder, credentials->key);
    return SENT_SHORT_TERM;
}

static void
put_username(const struct stun_credentials *credentials, struct stun_builder *builder)
{
    struct span username = span_of_bytes(credentials->username);
    uint8_t hash[STUN_USERHASH_BYTES];

    if (!(credentials->features & STUN_FEATURE_USERNAME_ANONYMITY)) {
        stun_put_text(builder, STUN_USERNAME, username);
        return;
    }
    stun_userhash(username, span_of_bytes(credentials->realm), hash);
    stun_builder_raw(builder, STUN_USERHASH, span_of(hash, sizeof hash));
}

unsigned
stun_credentials_put(const struct stun_credentials *credentials, struct stun_builder *builder)
{
    if (!credentials->long_term)
        return put_short_term(credentials, builder);
    if (!credentials->key)
        return 0;
    put_username(credentials, builder);
    stun_put_text(builder, STUN_REALM, span_of_bytes(credentials->realm));
    stun_put_text(builder, STUN_NONCE, span_of_bytes(credentials->nonce));
    if (credentials->algorithms) {
        stun_builder_raw(builder, STUN_PASSWORD_ALGORITHMS, span_of_bytes(credentials->algorithms));
        stun_put_algorithm(builder, credentials->algorithm);
        stun_put_integrity_sha256(builder, credentials->key);
    } else {
        stun_put_integrity(builder, credentials->key);
    }
    return SENT_CHALLENGE + credentials->challenges;
}

/* --- challenges ------------------------------------------------------------------------------------------------- */

struct challenge {
    struct span realm, nonce, algorithms; /* `algorithms` empty: none */
    unsigned features;
    uint16_t algorithm;
};

/* The first of the server's list that we know (section 9.2.3.2), or the better one; 0 when there is none. */
static uint16_t
choose(const struct stun_credentials *credentials, const struct stun_algorithms *list)
{
    uint16_t first = 0;

    for (size_t i = 0; i < list->count; i++) {
        uint16_t number = list->items[i].number;

        if (list->items[i].parameters.length != 0 || (number != STUN_ALGORITHM_SHA256 && number != STUN_ALGORITHM_MD5))
            continue;
        if (credentials->prefers_sha256 && number == STUN_ALGORITHM_SHA256)
            return number;
        first = first ? first : number;
    }
    return first;
}

/* Only a nonce that says there is a list makes it count: no other server checks what is said of it (section 9.2.4). */
static enum stun_trust
read_algorithms(const struct stun_credentials *credentials, const struct stun_message *response,
                struct challenge *challenge)
{
    struct stun_value value;

    challenge->algorithm = STUN_ALGORITHM_MD5;
    if (!(challenge->features & STUN_FEATURE_PASSWORD_ALGORITHMS))
        return STUN_TRY_AGAIN;
    if (stun_message_get(response, STUN_PASSWORD_ALGORITHMS, &value) != STUN_PRESENT)
        return STUN_DISTRUST;
    challenge->algorithms = stun_message_value(response, stun_message_find(response, STUN_PASSWORD_ALGORITHMS));
    challenge->algorithm = choose(credentials, &value.algorithms);
    return challenge->algorithm && challenge->algorithms.length <= MOST_ALGORITHMS_BYTES ? STUN_TRY_AGAIN : STUN_NO_USE;
}

static enum stun_trust
read_challenge(const struct stun_credentials *credentials, const struct stun_message *response,
               struct challenge *challenge)
{
    struct stun_value realm, nonce;

    *challenge = (struct challenge){ .features = 0 };
    if (stun_message_get(response, STUN_REALM, &realm) != STUN_PRESENT ||
        stun_message_get(response, STUN_NONCE, &nonce) != STUN_PRESENT)
        return STUN_DISTRUST; /* nothing to try again with */
    challenge->realm = realm.bytes;
    challenge->nonce = nonce.bytes;
    stun_nonce_features(nonce.bytes, &challenge->features);
    return read_algorithms(credentials, response, challenge);
}

static void
keep(GBytes **kept, struct span bytes)
{
    g_clear_pointer(kept, g_bytes_unref);
    if (bytes.length)
        *kept = bytes_of(bytes);
}

static void
learn(struct stun_credentials *credentials, const struct challenge *challenge)
{
    keep(&credentials->realm, challenge->realm);
    keep(&credentials->nonce, challenge->nonce);
    keep(&credentials->algorithms, challenge->algorithms);
    credentials->features = challenge->features;
    credentials->algorithm = challenge->algorithm;
    credentials->challenges++;
    stun_key_free(credentials->key);
    credentials->key = stun_key_new_long_term(challenge->algorithm, span_of_bytes(credentials->username),
                                              challenge->realm, span_of_bytes(credentials->password));
}

/* Another realm, or an algorithm that was not on offer before: other keys, so another try makes sense. */
static bool
asks_for_more(const struct stun_credentials *credentials, const struct challenge *challenge)
{
    return !span_equal(challenge->realm, span_of_bytes(credentials->realm)) ||
           challenge->algorithm != credentials->algorithm || challenge->features != credentials->features;
}

static enum stun_trust
take_challenge(struct stun_credentials *credentials, unsigned sent, unsigned code, const struct stun_message *response)
{
    bool fresh = sent == SENT_CHALLENGE + credentials->challenges; /* else something has been learned since */
    struct challenge challenge;
    enum stun_trust trust = read_challenge(credentials, response, &challenge);

    if (trust != STUN_TRY_AGAIN)
        return trust;
    if (code == STUN_CODE_UNAUTHENTICATED && fresh && !asks_for_more(credentials, &challenge))
        return STUN_NO_USE;
    learn(credentials, &challenge);
    return STUN_TRY_AGAIN;
}

/* --- responses -------------------------------------------------------------------------------------------------- */

/* Who has asked with an algorithm of the list gets the SHA-256 integrity; less is a bid down. */
static enum stun_trust
check_long_term(const struct stun_credentials *credentials, const struct stun_message *response)
{
    enum stun_check check = credentials->algorithms ? stun_integrity_sha256_check(response, credentials->key)
                                                    : stun_integrity_check(response, credentials->key);

    return check == STUN_CHECK_RIGHT ? STUN_TRUST : STUN_DISTRUST;
}

static enum stun_trust
check_short_term(struct stun_credentials *credentials, const struct stun_message *response)
{
    bool sha256 = stun_message_find(response, STUN_MESSAGE_INTEGRITY_SHA256) != NULL;
    enum stun_check check = sha256 ? stun_integrity_sha256_check(response, credentials->key)
                                   : stun_integrity_check(response, credentials->key);

    if (check != STUN_CHECK_RIGHT || (credentials->knows_integrity && sha256 != credentials->sha256))
        return STUN_DISTRUST;
    credentials->knows_integrity = true;
    credentials->sha256 = sha256;
    return STUN_TRUST;
}

/* A nonce that says there are algorithms, and no list of them: somebody on the way wants us to use a weaker one
 * (section 9.2.5). */
static bool
bids_down(const struct stun_message *response)
{
    struct stun_value value;
    unsigned features;

    return stun_message_get(response, STUN_NONCE, &value) == STUN_PRESENT &&
           stun_nonce_features(value.bytes, &features) && (features & STUN_FEATURE_PASSWORD_ALGORITHMS) &&
           !stun_message_find(response, STUN_PASSWORD_ALGORITHMS);
}

/* Of an error response; 0 of others, and where there is none. */
static unsigned
error_code(const struct stun_message *response)
{
    struct stun_value value;

    if (response->header.class != STUN_ERROR || stun_message_get(response, STUN_ERROR_CODE, &value) != STUN_PRESENT)
        return 0;
    return value.error.code;
}

/* A request without credentials has no key for its answer to be protected by. A 400 must be protected all the same
 * (section 9.2.5): anybody could end the transaction by one. */
static enum stun_trust
judge_long_term(struct stun_credentials *credentials, unsigned sent, const struct stun_message *response)
{
    unsigned code = error_code(response);

    if (bids_down(response))
        return STUN_DISTRUST;
    if (code == STUN_CODE_UNAUTHENTICATED || code == STUN_CODE_STALE_NONCE)
        return take_challenge(credentials, sent, code, response);
    if (sent)
        return check_long_term(credentials, response);
    return code == STUN_CODE_BAD_REQUEST ? STUN_DISTRUST : STUN_TRUST;
}

enum stun_trust
stun_credentials_judge(struct stun_credentials *credentials, unsigned sent, const struct stun_message *response)
{
    return credentials->long_term ? judge_long_term(credentials, sent, response)
                                  : check_short_term(credentials, response);
}

bool
stun_credentials_proven(const struct stun_credentials *credentials, unsigned sent)
{
    return !credentials->long_term || sent != 0;
}
