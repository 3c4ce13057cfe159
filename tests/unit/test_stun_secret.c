/* Time-limited credentials from a shared secret (draft-uberti-behave-turn-rest). */
#include "tests/unit/support.h"

#include "proto/stun/secret.h"

#define SECRET "north"

static const struct {
    const char *name, *user;
    int64_t now_s; /* the owner says that it was 1000 s when now was 0 */
    bool known;
} rows[] = {
    { "in time", "1500:alice", 0, true },       { "without a name", "1500", 0, true },
    { "last second", "1500:alice", 499, true }, { "over", "1500:alice", 500, false },
    { "long over", "999:alice", 0, false },     { "no time", "alice", 0, false },
    { "no digits", ":alice", 0, false },        { "digits and more", "1500x:alice", 0, false },
    { "empty", "", 0, false },                  { "too many digits", "10000000000000000:alice", 0, false },
    { "negative", "-1500:alice", 0, false },
};

static void
test_names(void)
{
    g_autoptr(stun_secret) secret = stun_secret_new(span_of_text(SECRET), "example.org", 1000 * TIME_S);

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        CHECK_ROW_INT(rows[i].name,
                      stun_secret_find(secret, span_of_text(rows[i].user), rows[i].now_s * TIME_S) != NULL,
                      rows[i].known);
}

/* The password by another implementation: printf '1500:alice' | openssl dgst -sha1 -hmac north -binary | base64 */
static void
test_password(void)
{
    g_autoptr(stun_secret) secret = stun_secret_new(span_of_text(SECRET), "example.org", 0);
    g_autofree char *password = stun_secret_password(span_of_text(SECRET), span_of_text("1500:alice"));
    const struct stun_user *user = stun_secret_find(secret, span_of_text("1500:alice"), 0);
    g_autoptr(stun_key) key = stun_key_new_long_term(STUN_ALGORITHM_MD5, span_of_text("1500:alice"),
                                                     span_of_text("example.org"), span_of_text(password));

    CHECK_ROW_TEXT("password", password, "uNYsoStWzmUlTPwfirS1a0VFCQU=");
    CHECK(user && span_equal(stun_key_bytes(stun_user_long_term(user, STUN_ALGORITHM_MD5)), stun_key_bytes(key)));
    CHECK_ROW("remembered", stun_secret_find(secret, span_of_text("1500:alice"), TIME_S) == user);
}

/* Names made up by strangers push each other out and nothing else. */
static void
test_flood(void)
{
    g_autoptr(stun_secret) secret = stun_secret_new(span_of_text(SECRET), "example.org", 0);

    for (int i = 0; i < 2000; i++) {
        char name[32];
        const struct stun_user *user;

        g_snprintf(name, sizeof name, "1500:%d", i);
        user = stun_secret_find(secret, span_of_text(name), 0);
        CHECK_ROW("found", user && span_equal(stun_user_name(user), span_of_text(name)));
    }
}

/* Renewed credentials are of the same owner; nobody else is. */
static void
test_owner(void)
{
    static const struct {
        const char *username, *owner;
    } rows[] = {
        { "1500:alice", ":alice" }, { "1600:alice", ":alice" }, { "1600:a:b", ":a:b" },   { "1600:", ":" },
        { "1600", "1600" },         { "alice", "alice" },       { ":alice", ":alice" },   { "", "" },
        { "15x:alice", "15x:alice" }, { "1234567890123:alice", "1234567890123:alice" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct span owner = stun_secret_owner(span_of_text(rows[i].username));

        CHECK_ROW(rows[i].username, span_equal(owner, span_of_text(rows[i].owner)));
    }
}

void
suite_stun_secret(void)
{
    UNIT_SUITE("stun secret", NULL, NULL, { "names", test_names }, { "password", test_password }, { "owner", test_owner },
               { "flood", test_flood });
}
