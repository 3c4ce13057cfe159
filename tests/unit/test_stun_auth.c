/* Credentials at the server: RFC 8489 sections 9.1.3 and 9.2.4, row by row; nonces and users. */
#include "tests/unit/support.h"

#include "core/base/time.h"
#include "proto/stun/auth.h"
#include "tests/unit/stun_vectors.h"

static struct stun_users *users;
static struct stun_auth *short_term, *long_term, *plain; /* `plain`: as before RFC 8489, without algorithms */
static struct endpoint client, other_client;

static struct stun_auth *
auth_of(enum stun_mechanism mechanism, unsigned algorithms)
{
    struct stun_auth_options options = { .mechanism = mechanism, .users = users, .algorithms = algorithms,
                                         .anonymity = algorithms != 0, .nonce_lifetime = TIME_MIN, .secret = "s" };

    return stun_auth_new(&options);
}

static void
set_up(void)
{
    users = stun_users_new("example.org");
    CHECK(stun_users_add(users, span_of_text("alice"), span_of_text("secret")));
    CHECK(stun_users_add(users, span_of_text(STUN_VECTOR_USERNAME), span_of_text(STUN_VECTOR_LONG_PASSWORD)));
    short_term = auth_of(STUN_MECHANISM_SHORT_TERM, 0);
    long_term = auth_of(STUN_MECHANISM_LONG_TERM, STUN_ALGORITHMS_ALL);
    plain = auth_of(STUN_MECHANISM_LONG_TERM, 0);
    CHECK(endpoint_parse("203.0.113.1:40000", &client));
    CHECK(endpoint_parse("203.0.113.1:40001", &other_client));
}

static void
tear_down(void)
{
    stun_auth_free(short_term);
    stun_auth_free(long_term);
    stun_auth_free(plain);
    stun_users_free(users);
}

/* --- nonces ----------------------------------------------------------------------------------------------------- */

static const struct {
    const char *nonce;
    bool cookie;
    unsigned features;
} features[] = {
    { "obMatJos2AAAA", true, 0 },
    { "obMatJos2gAAArest", true, STUN_FEATURE_PASSWORD_ALGORITHMS },
    { "obMatJos2QAAA", true, STUN_FEATURE_USERNAME_ANONYMITY },
    { "obMatJos2wAAAf//499k", true, STUN_FEATURE_PASSWORD_ALGORITHMS | STUN_FEATURE_USERNAME_ANONYMITY },
    { "obMatJos2////", true, STUN_FEATURE_PASSWORD_ALGORITHMS | STUN_FEATURE_USERNAME_ANONYMITY },
    { "obMatJos2AAAC", true, 0 }, /* bit 22, which has no name */
    { "obMatJos2gAA", false, 0 },
    { "obMatJos2gA-A", false, 0 },
    { "obMatJos3gAAA", false, 0 },
    { "f//499k954d6OL34oL9FSTvy64sA", false, 0 },
    { "", false, 0 },
};

/* RFC 8489 section 9.2 and 18.1. */
static void
test_features(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(features); i++) {
        unsigned got = 77;

        CHECK_ROW(features[i].nonce,
                  stun_nonce_features(span_of_text(features[i].nonce), &got) == features[i].cookie);
        CHECK_ROW_UINT(features[i].nonce, got, features[i].features);
    }
}

static void
test_nonce(void)
{
    static const uint8_t secret[STUN_SECRET_BYTES] = { 1 }, other_secret[STUN_SECRET_BYTES] = { 2 };
    g_autoptr(stun_nonces) nonces = stun_nonces_new(secret, STUN_FEATURE_USERNAME_ANONYMITY, 60 * TIME_S);
    g_autoptr(stun_nonces) others = stun_nonces_new(other_secret, STUN_FEATURE_USERNAME_ANONYMITY, 60 * TIME_S);
    int64_t made = 1000 * TIME_S;
    char nonce[STUN_NONCE_BYTES];
    struct span text = span_of(nonce, sizeof nonce);
    unsigned got;

    stun_nonce_make(nonces, client, made, nonce);
    CHECK(stun_nonce_features(text, &got));
    CHECK_ROW_UINT("features", got, STUN_FEATURE_USERNAME_ANONYMITY);
    CHECK_ROW("at once", stun_nonce_is_good(nonces, text, client, made));
    CHECK_ROW("to the last", stun_nonce_is_good(nonces, text, client, made + 60 * TIME_S));
    CHECK_ROW("expired", !stun_nonce_is_good(nonces, text, client, made + 61 * TIME_S));
    CHECK_ROW("not made yet", !stun_nonce_is_good(nonces, text, client, made - TIME_S));
    CHECK_ROW("never shared by two clients", !stun_nonce_is_good(nonces, text, other_client, made));
    CHECK_ROW("of another server", !stun_nonce_is_good(others, text, client, made));
    CHECK_ROW("cut", !stun_nonce_is_good(nonces, span_of(nonce, sizeof nonce - 1), client, made));
    for (size_t i = 0; i < sizeof nonce; i++) {
        nonce[i] ^= 1;
        CHECK_ROW("any character changed", !stun_nonce_is_good(nonces, text, client, made));
        nonce[i] ^= 1;
    }
    CHECK(stun_nonce_is_good(nonces, text, client, made));
}

static void
test_users(void)
{
    const struct stun_user *alice = stun_users_find(users, span_of_text("alice"));
    g_autofree char *longest = g_strnfill(508, 'x'), *longer = g_strnfill(509, 'x');
    uint8_t hash[STUN_USERHASH_BYTES];

    stun_userhash(span_of_text("alice"), span_of_text("example.org"), hash);
    if (CHECK(alice != NULL)) {
        CHECK(span_equal(stun_user_name(alice), span_of_text("alice")));
        CHECK(stun_users_find_hash(users, span_of(hash, sizeof hash)) == alice);
        CHECK(stun_user_long_term(alice, 3) == NULL);
    }
    CHECK(!stun_users_find(users, span_of_text("alic")));
    CHECK(!stun_users_find_hash(users, span_of(hash, sizeof hash - 1)));
    CHECK_ROW("twice", !stun_users_add(users, span_of_text("alice"), span_of_text("other")));
    CHECK_ROW("empty", !stun_users_add(users, span_of_text(""), span_of_text("other")));
    CHECK_ROW("longest", stun_users_add(users, span_of_text(longest), span_of_text("")));
    CHECK_ROW("too long", !stun_users_add(users, span_of_text(longer), span_of_text("")));
}

/* --- requests --------------------------------------------------------------------------------------------------- */

/* What a request is made of: letters in order.
 *   u username, U unknown username, h userhash, r realm, R another realm, n nonce, N nonce of another client,
 *   O nonce of old, F foreign nonce, l list of algorithms, L a list changed on the way, a SHA-256, m MD5, x algorithm 9,
 *   p SHA-256 with parameters, i integrity, s SHA-256 integrity, w, W the same under a wrong password.
 * What keys the integrity: the last of a, m, p; before them MD5. */
struct making {
    struct stun_builder builder;
    const struct stun_auth *auth;
    int64_t now;
    unsigned algorithm;
};

static void
put_nonce(struct making *making, struct endpoint source, int64_t at)
{
    struct stun_proof challenge = { .verdict = STUN_AUTH_REFUSE, .code = 401, .challenge = true };
    struct stun_header header = { STUN_ERROR, STUN_BINDING, STUN_COOKIE, { { 0 } } };
    struct stun_builder builder;
    struct stun_message message;
    struct stun_value value;
    uint8_t buffer[512];

    stun_builder_begin(&builder, buffer, sizeof buffer, &header);
    stun_auth_put_challenge(making->auth, &builder, &challenge, source, at);
    CHECK(stun_message_decode(stun_builder_finish(&builder), &message) == STUN_FAULT_NONE);
    if (CHECK(stun_message_get(&message, STUN_NONCE, &value) == STUN_PRESENT))
        stun_put_text(&making->builder, STUN_NONCE, value.bytes);
}

static void
put_list(struct making *making, unsigned count)
{
    struct stun_algorithms list = { count, { { .number = STUN_ALGORITHM_SHA256 }, { .number = STUN_ALGORITHM_MD5 } } };

    stun_put_algorithms(&making->builder, &list);
}

static void
put_integrity(struct making *making, const char *password, bool sha256)
{
    struct span name = span_of_text("alice"), secret = span_of_text(password);
    g_autoptr(stun_key) key = making->auth == short_term
                                  ? stun_key_new_short_term(secret)
                                  : stun_key_new_long_term(making->algorithm, name, span_of_text("example.org"), secret);

    if (sha256)
        stun_put_integrity_sha256(&making->builder, key);
    else
        stun_put_integrity(&making->builder, key);
}

static void
put_letter(struct making *making, char letter)
{
    struct stun_builder *builder = &making->builder;
    uint8_t hash[STUN_USERHASH_BYTES];

    switch (letter) {
    case 'u':
    case 'U':
        stun_put_text(builder, STUN_USERNAME, span_of_text(letter == 'u' ? "alice" : "mallory"));
        break;
    case 'h':
        stun_userhash(span_of_text("alice"), span_of_text("example.org"), hash);
        stun_builder_raw(builder, STUN_USERHASH, span_of(hash, sizeof hash));
        break;
    case 'r':
    case 'R':
        stun_put_text(builder, STUN_REALM, span_of_text(letter == 'r' ? "example.org" : "example.com"));
        break;
    case 'n':
        put_nonce(making, client, making->now);
        break;
    case 'N':
        put_nonce(making, other_client, making->now);
        break;
    case 'O':
        put_nonce(making, client, making->now - 2 * TIME_MIN);
        break;
    case 'F':
        stun_put_text(builder, STUN_NONCE, span_of_text("f//499k954d6OL34oL9FSTvy64sA"));
        break;
    case 'l':
    case 'L':
        put_list(making, letter == 'l' ? 2 : 1);
        break;
    case 'a':
    case 'm':
        making->algorithm = letter == 'a' ? STUN_ALGORITHM_SHA256 : STUN_ALGORITHM_MD5;
        stun_put_algorithm(builder, making->algorithm);
        break;
    case 'x':
        stun_put_algorithm(builder, 9);
        break;
    case 'p':
        making->algorithm = STUN_ALGORITHM_SHA256;
        stun_builder_raw(builder, STUN_PASSWORD_ALGORITHM, span_of("\0\2\0\4\1\2\3\4", 8));
        break;
    case 'i':
    case 'w':
        put_integrity(making, letter == 'i' ? "secret" : "guess", false);
        break;
    case 's':
    case 'W':
        put_integrity(making, letter == 's' ? "secret" : "guess", true);
        break;
    }
}

enum auth_kind { SHORT, LONG, PLAIN };
enum { PLAIN_SEAL = 1, SHA256_SEAL };

static const struct {
    const char *name;
    enum auth_kind auth;
    const char *letters;
    unsigned code; /* 0: accepted */
    bool challenge;
    unsigned seal;
} rows[] = {
    /* section 9.1.3 */
    { "short-term: nothing", SHORT, "", 400, false, 0 },
    { "short-term: no integrity", SHORT, "u", 400, false, 0 },
    { "short-term: no username", SHORT, "i", 400, false, 0 },
    { "short-term: unknown username", SHORT, "Ui", 401, false, 0 },
    { "short-term: wrong", SHORT, "uw", 401, false, 0 },
    { "short-term: right", SHORT, "ui", 0, false, PLAIN_SEAL },
    { "short-term: right, SHA-256", SHORT, "us", 0, false, SHA256_SEAL },
    { "short-term: both", SHORT, "uis", 0, false, SHA256_SEAL },
    { "short-term: both, SHA-256 wrong", SHORT, "uiW", 401, false, 0 },
    /* section 9.2.4 */
    { "long-term: nothing", LONG, "", 401, true, 0 },
    { "long-term: all but integrity", LONG, "urnla", 401, true, 0 },
    { "long-term: no username", LONG, "rni", 400, false, 0 },
    { "long-term: no realm", LONG, "uni", 400, false, 0 },
    { "long-term: no nonce", LONG, "uri", 400, false, 0 },
    { "long-term: neither list nor choice is MD5", LONG, "urni", 0, false, PLAIN_SEAL },
    { "long-term: list without choice", LONG, "urnli", 400, false, 0 },
    { "long-term: choice without list", LONG, "urnai", 400, false, 0 },
    { "long-term: list changed on the way", LONG, "urnLas", 400, false, 0 },
    { "long-term: a choice that is not in the list", LONG, "urnlxs", 400, false, 0 },
    { "long-term: a choice whose parameters are not in the list", LONG, "urnlps", 400, false, 0 },
    { "long-term: SHA-256", LONG, "urnlas", 0, false, SHA256_SEAL },
    { "long-term: MD5 chosen", LONG, "urnlms", 0, false, SHA256_SEAL },
    { "long-term: SHA-256 key, SHA-1 integrity", LONG, "urnlai", 0, false, SHA256_SEAL },
    { "long-term: userhash", LONG, "hrnlas", 0, false, SHA256_SEAL },
    { "long-term: unknown username", LONG, "Urnlas", 401, true, 0 },
    { "long-term: another realm", LONG, "uRnlas", 401, true, 0 },
    { "long-term: wrong", LONG, "urnlaW", 401, true, 0 },
    { "long-term: wrong, and stale: the password is looked at first", LONG, "urOlaW", 401, true, 0 },
    { "long-term: expired", LONG, "urOlas", 438, true, 0 },
    { "long-term: another client's nonce", LONG, "urNlas", 438, true, 0 },
    { "long-term: foreign nonce", LONG, "urFi", 438, true, 0 },
    { "without algorithms: right", PLAIN, "urni", 0, false, PLAIN_SEAL },
    { "without algorithms: nothing", PLAIN, "", 401, true, 0 },
    { "without algorithms: choice is ignored", PLAIN, "urnlmi", 0, false, PLAIN_SEAL },
    { "without algorithms: expired", PLAIN, "urOi", 438, true, 0 },
};

static struct stun_message
make(struct making *making, const struct stun_auth *auth, enum stun_class class, const char *letters, uint8_t *buffer,
     size_t capacity)
{
    struct stun_header header = { class, STUN_BINDING, STUN_COOKIE, { { 1, 2, 3 } } };
    struct stun_message message = { .count = 0 };

    *making = (struct making){ .auth = auth, .now = 1000 * TIME_S, .algorithm = STUN_ALGORITHM_MD5 };
    stun_builder_begin(&making->builder, buffer, capacity, &header);
    for (const char *letter = letters; *letter; letter++)
        put_letter(making, *letter);
    CHECK_ROW(letters, stun_message_decode(stun_builder_finish(&making->builder), &message) == STUN_FAULT_NONE);
    return message;
}

static void
check_challenge(const char *name, const struct stun_auth *auth, const struct stun_proof *proof)
{
    struct stun_header header = { STUN_ERROR, STUN_BINDING, STUN_COOKIE, { { 0 } } };
    struct stun_builder builder;
    struct stun_message message;
    uint8_t buffer[512];

    stun_builder_begin(&builder, buffer, sizeof buffer, &header);
    stun_auth_put_challenge(auth, &builder, proof, client, 0);
    CHECK_ROW(name, stun_message_decode(stun_builder_finish(&builder), &message) == STUN_FAULT_NONE);
    CHECK_ROW_UINT(name, message.count, !proof->challenge ? 0 : auth == long_term ? 3 : 2);
}

static void
test_rows(void)
{
    struct stun_auth *const auths[] = { short_term, long_term, plain };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *name = rows[i].name;
        const struct stun_auth *auth = auths[rows[i].auth];
        struct making making;
        uint8_t buffer[1024];
        struct stun_message message = make(&making, auth, STUN_REQUEST, rows[i].letters, buffer, sizeof buffer);
        struct stun_proof proof = stun_auth_check(auth, &message, client, making.now);

        CHECK_ROW_INT(name, proof.verdict, rows[i].code ? STUN_AUTH_REFUSE : STUN_AUTH_ACCEPT);
        CHECK_ROW_UINT(name, proof.code, rows[i].code);
        CHECK_ROW(name, proof.challenge == rows[i].challenge);
        CHECK_ROW_UINT(name, proof.seal.key ? 1 + proof.seal.sha256 : 0, rows[i].seal);
        CHECK_ROW(name, (proof.user != NULL) == (rows[i].code == 0));
        check_challenge(name, auth, &proof);
    }
}

/* Indications get no answer: they prove themselves or are dropped; the long-term mechanism has none (section 9.2). */
static void
test_indications(void)
{
    struct making making;
    uint8_t buffer[1024];
    struct stun_message message = make(&making, short_term, STUN_INDICATION, "ui", buffer, sizeof buffer);

    CHECK_ROW_INT("right", stun_auth_check(short_term, &message, client, 0).verdict, STUN_AUTH_ACCEPT);
    message = make(&making, short_term, STUN_INDICATION, "uw", buffer, sizeof buffer);
    CHECK_ROW_INT("wrong", stun_auth_check(short_term, &message, client, 0).verdict, STUN_AUTH_DROP);
    message = make(&making, short_term, STUN_INDICATION, "", buffer, sizeof buffer);
    CHECK_ROW_INT("nothing", stun_auth_check(short_term, &message, client, 0).verdict, STUN_AUTH_DROP);
    message = make(&making, long_term, STUN_INDICATION, "urnlas", buffer, sizeof buffer);
    CHECK_ROW_INT("long-term", stun_auth_check(long_term, &message, client, making.now).verdict, STUN_AUTH_DROP);
}

/* The vectors: their integrity is right, and their nonces are not ours, which is the last thing looked at. */
static void
test_vectors(void)
{
    static const struct {
        const char *name, *hex;
    } vectors[] = { { "V4", STUN_V4 }, { "V5", STUN_V5 }, { "V6", STUN_V6 } };

    for (size_t i = 0; i < G_N_ELEMENTS(vectors); i++) {
        g_autoptr(GBytes) bytes = unit_hex(vectors[i].hex);
        struct stun_message message;

        CHECK(stun_message_decode(unit_span(bytes), &message) == STUN_FAULT_NONE);
        CHECK_ROW_UINT(vectors[i].name, stun_auth_check(long_term, &message, client, 0).code, 438);
    }
}

void
suite_stun_auth(void)
{
    UNIT_SUITE("stun auth", set_up, tear_down, { "nonce cookie", test_features }, { "nonces", test_nonce },
               { "users", test_users }, { "requests", test_rows }, { "indications", test_indications },
               { "vectors", test_vectors });
}
