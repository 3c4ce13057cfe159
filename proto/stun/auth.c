/* The checks stand in the order of RFC 8489 section 9.1.3 (short-term) and 9.2.4 (long-term). */
#include "proto/stun/auth.h"

#include "core/base/time.h"

struct stun_auth {
    struct stun_auth_options options;
    struct stun_algorithms offered;
    struct stun_nonces *nonces;
};

struct stun_auth *
stun_auth_new(const struct stun_auth_options *options)
{
    static const uint16_t strongest_first[] = { STUN_ALGORITHM_SHA256, STUN_ALGORITHM_MD5 };
    struct stun_auth *auth = g_new0(struct stun_auth, 1);
    unsigned features = (options->algorithms ? STUN_FEATURE_PASSWORD_ALGORITHMS : 0) |
                        (options->anonymity ? STUN_FEATURE_USERNAME_ANONYMITY : 0);

    g_assert(options->mechanism == STUN_MECHANISM_NONE || options->users);
    auth->options = *options;
    for (size_t i = 0; i < G_N_ELEMENTS(strongest_first); i++)
        if (options->algorithms >> strongest_first[i] & 1)
            auth->offered.items[auth->offered.count++].number = strongest_first[i];
    auth->nonces = stun_nonces_new(options->secret, features,
                                   options->nonce_lifetime ? options->nonce_lifetime : STUN_NONCE_LIFETIME);
    return auth;
}

void
stun_auth_free(struct stun_auth *auth)
{
    if (!auth)
        return;
    stun_nonces_free(auth->nonces);
    g_free(auth);
}

void
stun_seal_put(const struct stun_seal *seal, struct stun_builder *builder)
{
    if (!seal->key)
        return;
    if (seal->sha256)
        stun_put_integrity_sha256(builder, seal->key);
    else
        stun_put_integrity(builder, seal->key);
}

static struct stun_proof
refuse(unsigned code, bool challenge)
{
    return (struct stun_proof){ .verdict = STUN_AUTH_REFUSE, .code = (uint16_t)code, .challenge = challenge };
}

static bool
has(const struct stun_message *message, uint16_t type)
{
    return stun_message_find(message, type) != NULL;
}

static bool
is_protected(const struct stun_message *message)
{
    return has(message, STUN_MESSAGE_INTEGRITY) || has(message, STUN_MESSAGE_INTEGRITY_SHA256);
}

/* The SHA-256 one counts where both are there. */
static bool
is_intact(const struct stun_message *message, const struct stun_key *key)
{
    enum stun_check check = stun_integrity_sha256_check(message, key);

    if (check == STUN_CHECK_ABSENT)
        check = stun_integrity_check(message, key);
    return check == STUN_CHECK_RIGHT;
}

const struct stun_user *
stun_auth_user(const struct stun_auth *auth, struct span name, int64_t now)
{
    const struct stun_user *user = stun_users_find(auth->options.users, name);

    if (user || !auth->options.find)
        return user;
    return auth->options.find(auth->options.find_owner, name, now);
}

static const struct stun_user *
find_user(const struct stun_auth *auth, const struct stun_message *message, int64_t now)
{
    struct stun_value value;

    if (stun_message_get(message, STUN_USERNAME, &value) == STUN_PRESENT)
        return stun_auth_user(auth, value.bytes, now);
    if (stun_message_get(message, STUN_USERHASH, &value) == STUN_PRESENT)
        return stun_users_find_hash(auth->options.users, value.bytes);
    return NULL;
}

/* --- short-term ------------------------------------------------------------------------------------------------- */

static struct stun_proof
check_short_term(const struct stun_auth *auth, const struct stun_message *message, int64_t now)
{
    const struct stun_user *user;

    if (!is_protected(message) || !has(message, STUN_USERNAME))
        return refuse(STUN_CODE_BAD_REQUEST, false);
    user = find_user(auth, message, now);
    if (!user || !is_intact(message, stun_user_short_term(user)))
        return refuse(STUN_CODE_UNAUTHENTICATED, false);
    return (struct stun_proof){ .user = user,
                                .seal = { stun_user_short_term(user), has(message, STUN_MESSAGE_INTEGRITY_SHA256) } };
}

/* --- long-term -------------------------------------------------------------------------------------------------- */

static bool
same_algorithm(const struct stun_algorithm *a, const struct stun_algorithm *b)
{
    return a->number == b->number && span_equal(a->parameters, b->parameters);
}

static bool
same_algorithms(const struct stun_algorithms *a, const struct stun_algorithms *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!same_algorithm(&a->items[i], &b->items[i]))
            return false;
    return true;
}

static bool
is_offered(const struct stun_auth *auth, const struct stun_algorithm *choice)
{
    for (size_t i = 0; i < auth->offered.count; i++)
        if (same_algorithm(&auth->offered.items[i], choice))
            return true;
    return false;
}

/* Which algorithm the client has chosen: MD5 where it says nothing (`*by_absence`). False when what it says does not
 * fit what was offered, which somebody on the way may have changed. */
static bool
read_choice(const struct stun_auth *auth, const struct stun_message *message, bool asked, uint16_t *number,
            bool *by_absence)
{
    struct stun_value list, choice;
    enum stun_found found_list = stun_message_get(message, STUN_PASSWORD_ALGORITHMS, &list);
    enum stun_found found_choice = stun_message_get(message, STUN_PASSWORD_ALGORITHM, &choice);

    *number = STUN_ALGORITHM_MD5;
    *by_absence = !asked || (found_list == STUN_ABSENT && found_choice == STUN_ABSENT);
    if (*by_absence)
        return true;
    if (found_list != STUN_PRESENT || found_choice != STUN_PRESENT)
        return false;
    *number = choice.algorithm.number;
    return same_algorithms(&list.algorithms, &auth->offered) && is_offered(auth, &choice.algorithm);
}

static bool
is_our_realm(const struct stun_auth *auth, const struct stun_message *message)
{
    struct stun_value value;

    return stun_message_get(message, STUN_REALM, &value) == STUN_PRESENT &&
           span_equal(value.bytes, stun_users_realm(auth->options.users));
}

static struct stun_proof
check_long_term(const struct stun_auth *auth, const struct stun_message *message, struct endpoint source, int64_t now)
{
    bool named = has(message, STUN_USERNAME) || has(message, STUN_USERHASH), by_absence;
    struct stun_value nonce;
    uint16_t algorithm;
    unsigned features;

    if (!is_protected(message))
        return refuse(STUN_CODE_UNAUTHENTICATED, true);
    if (!named || !has(message, STUN_REALM) || stun_message_get(message, STUN_NONCE, &nonce) != STUN_PRESENT)
        return refuse(STUN_CODE_BAD_REQUEST, false);
    stun_nonce_features(nonce.bytes, &features);
    if (!read_choice(auth, message, features & STUN_FEATURE_PASSWORD_ALGORITHMS, &algorithm, &by_absence))
        return refuse(STUN_CODE_BAD_REQUEST, false);

    const struct stun_user *user = is_our_realm(auth, message) ? find_user(auth, message, now) : NULL;
    const struct stun_key *key = user ? stun_user_long_term(user, algorithm) : NULL;

    if (!key || !is_intact(message, key))
        return refuse(STUN_CODE_UNAUTHENTICATED, true);
    if (!stun_nonce_is_good(auth->nonces, nonce.bytes, source, now))
        return refuse(STUN_CODE_STALE_NONCE, true);
    return (struct stun_proof){ .user = user, .seal = { key, !by_absence } };
}

/* --- any -------------------------------------------------------------------------------------------------------- */

static struct stun_proof
check(const struct stun_auth *auth, const struct stun_message *message, struct endpoint source, int64_t now)
{
    switch (auth->options.mechanism) {
    case STUN_MECHANISM_NONE:
        break;
    case STUN_MECHANISM_SHORT_TERM:
        return check_short_term(auth, message, now);
    case STUN_MECHANISM_LONG_TERM:
        if (message->header.class == STUN_REQUEST)
            return check_long_term(auth, message, source, now);
        return refuse(STUN_CODE_UNAUTHENTICATED, false);
    }
    return (struct stun_proof){ .verdict = STUN_AUTH_ACCEPT };
}

struct stun_proof
stun_auth_check(const struct stun_auth *auth, const struct stun_message *message, struct endpoint source, int64_t now)
{
    struct stun_proof proof = check(auth, message, source, now);

    if (proof.verdict == STUN_AUTH_REFUSE && message->header.class != STUN_REQUEST)
        return (struct stun_proof){ .verdict = STUN_AUTH_DROP };
    return proof;
}

void
stun_auth_put_challenge(const struct stun_auth *auth, struct stun_builder *builder, const struct stun_proof *proof,
                        struct endpoint source, int64_t now)
{
    char nonce[STUN_NONCE_BYTES];

    if (!proof->challenge)
        return;
    stun_nonce_make(auth->nonces, source, now, nonce);
    stun_put_text(builder, STUN_REALM, stun_users_realm(auth->options.users));
    stun_put_text(builder, STUN_NONCE, span_of(nonce, sizeof nonce));
    if (auth->offered.count)
        stun_put_algorithms(builder, &auth->offered);
}
