/* Credentials under any message: the server's checks and the client's judgement. The input is a message, or, where it is
 * none, a URI.
 *
 * What must hold: nobody without the password is accepted; what is refused has a code; whatever a client learns, what it
 * puts into a request after that is well formed. */
#include "core/base/time.h"
#include "proto/stun/auth.h"
#include "proto/stun/credentials.h"
#include "proto/stun/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void
check_server(const struct stun_message *message)
{
    static const enum stun_mechanism mechanisms[] = { STUN_MECHANISM_SHORT_TERM, STUN_MECHANISM_LONG_TERM };
    g_autoptr(stun_users) users = stun_users_new("example.org");

    g_assert_true(stun_users_add(users, span_of_text("alice"), span_of_text("a secret that no corpus has")));
    for (size_t i = 0; i < G_N_ELEMENTS(mechanisms); i++) {
        struct stun_auth_options options = { .mechanism = mechanisms[i], .users = users,
                                             .algorithms = STUN_ALGORITHMS_ALL };
        g_autoptr(stun_auth) auth = stun_auth_new(&options);
        struct endpoint source = { address_ipv4(0x0a000002), 5000 };
        struct stun_proof proof = stun_auth_check(auth, message, source, TIME_S);

        g_assert_cmpint(proof.verdict, !=, STUN_AUTH_ACCEPT);
        g_assert_true(proof.verdict == STUN_AUTH_DROP || proof.code == 400 || proof.code == 401 || proof.code == 438);
        g_assert_true(proof.verdict != STUN_AUTH_DROP || message->header.class != STUN_REQUEST);
    }
}

/* What the credentials say of the request. */
static unsigned
check_request(const struct stun_credentials *credentials)
{
    struct stun_header header = { STUN_REQUEST, STUN_BINDING, STUN_COOKIE, { { 0 } } };
    struct stun_builder builder;
    struct stun_message again;
    uint8_t buffer[4096];

    stun_builder_begin(&builder, buffer, sizeof buffer, &header);
    unsigned sent = stun_credentials_put(credentials, &builder);

    if (!stun_builder_failed(&builder)) /* a server may tell a realm that is too long to be sent */
        g_assert_cmpint(stun_message_decode(stun_builder_finish(&builder), &again), ==, STUN_FAULT_NONE);
    return sent;
}

static void
check_client(const struct stun_message *message)
{
    struct span name = span_of_text("alice"), password = span_of_text("secret");
    g_autoptr(stun_credentials) short_term = stun_credentials_new_short_term(name, password);
    g_autoptr(stun_credentials) long_term = stun_credentials_new_long_term(name, password);

    g_assert_cmpint(stun_credentials_judge(short_term, check_request(short_term), message), ==, STUN_DISTRUST);
    for (int i = 0; i < 3; i++)
        (void)stun_credentials_judge(long_term, check_request(long_term), message);
}

static void
check_uri(const uint8_t *bytes, size_t length)
{
    g_autofree char *text = g_strndup((const char *)bytes, length);
    g_autoptr(GError) error = NULL;
    struct stun_uri uri;

    if (!stun_uri_parse(text, &uri, &error)) {
        g_assert_nonnull(error);
        return;
    }
    g_assert_cmpuint(uri.port, >, 0);
    g_assert_cmpuint(strlen(uri.host), >, 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct stun_message message;

    if (stun_message_decode_classic(span_of(bytes, length), &message) != STUN_FAULT_NONE) {
        check_uri(bytes, length);
        return 0;
    }
    check_server(&message);
    if (message.header.class == STUN_SUCCESS || message.header.class == STUN_ERROR)
        check_client(&message);
    return 0;
}
