/* The users of a server, from its command line. */
#include "scenarios/runner/cli/users.h"
#include "tests/unit/support.h"

static const struct {
    const char *name, *users, *realm; /* users: separated by blanks; NULL: none */
    const char *error;                /* NULL: they are taken */
} rows[] = {
    { "nobody", NULL, NULL, NULL },
    { "one", "alice:secret", NULL, NULL },
    { "two, of a realm", "alice:secret bob:hidden", "example.org", NULL },
    { "a colon in the password", "alice:se:cret", NULL, NULL },
    { "a realm for nobody", NULL, "example.org", "--realm needs a --user NAME:PASSWORD" },
    { "no colon", "alice", NULL, "--user: 'alice' has no password; accepted: NAME:PASSWORD" },
    { "no password", "alice:", NULL, "--user: 'alice' has no password; accepted: NAME:PASSWORD" },
    { "no name", ":secret", NULL, "--user: a name of 0 bytes; accepted: 1 to 508 bytes, without control characters" },
    { "two lines", "a\nb:secret", NULL,
      "--user: a name of 3 bytes; accepted: 1 to 508 bytes, without control characters" },
    { "twice", "alice:secret alice:other", NULL, "--user: 'alice' is there twice" },
    { "not UTF-8", "al\xffice:secret", NULL, "--user: not UTF-8; accepted: NAME:PASSWORD" },
    { "an empty realm", "alice:secret", "", "--realm: '' is no realm; accepted: text of 1 to 127 characters" },
};

static bool
read_users(const char *texts, const char *realm, struct stun_users **users, GError **error)
{
    g_auto(GStrv) words = texts ? g_strsplit(texts, " ", -1) : NULL;
    g_autoptr(GPtrArray) given = texts ? g_ptr_array_new() : NULL;

    for (char **word = words; word && *word; word++)
        g_ptr_array_add(given, *word);
    return users_read(given, realm, users, error);
}

static void
test_rows(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(stun_users) users = NULL;
        g_autoptr(GError) error = NULL;
        bool taken = read_users(rows[i].users, rows[i].realm, &users, &error);

        CHECK_ROW(rows[i].name, taken == !rows[i].error);
        CHECK_ROW(rows[i].name, (users != NULL) == (taken && rows[i].users));
        CHECK_ROW_TEXT(rows[i].name, error ? error->message : "", rows[i].error ? rows[i].error : "");
    }
}

/* RFC 8489 section 9.2.2: MD5 of "user:realm:pass", the section's own example. */
static void
test_keys(void)
{
    static const uint8_t key[] = { 0x84, 0x93, 0xfb, 0xc5, 0x3b, 0xa5, 0x82, 0xfb,
                                   0x4c, 0x04, 0x4c, 0x45, 0x6b, 0xdc, 0x40, 0xeb };
    g_autoptr(stun_users) users = NULL;
    const struct stun_user *user;

    CHECK(read_users("user:pass", "realm", &users, NULL));
    user = stun_users_find(users, span_of_text("user"));
    CHECK(user && span_equal(stun_key_bytes(stun_user_long_term(user, STUN_ALGORITHM_MD5)), span_of(key, sizeof key)));
    CHECK(span_equal(stun_users_realm(users), span_of_text("realm")));
}

static void
test_long(void)
{
    g_autofree char *realm = g_strnfill(127, 'r'), *longer = g_strnfill(128, 'r');
    g_autofree char *name = g_strnfill(509, 'n'), *text = g_strconcat(name, ":p", NULL);

    for (int i = 0; i < 3; i++) {
        g_autoptr(stun_users) users = NULL;
        const char *given = i < 2 ? "alice:secret" : text;

        CHECK_ROW(given, read_users(given, i == 1 ? longer : realm, &users, NULL) == (i == 0));
    }
}

void
suite_users(void)
{
    UNIT_SUITE("users", NULL, NULL, { "what is taken", test_rows }, { "keys", test_keys }, { "long ones", test_long });
}
