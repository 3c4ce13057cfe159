/* The client's half of digest: which challenge is answered, and how. RFC 3261 section 22, RFC 7616, RFC 8760. */
#include "tests/unit/support.h"

#include "proto/sip/credentials.h"

#define REQUEST(more)                                                                                                  \
    "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:alice@example.com>"  \
    ";tag=1\r\nTo: <sip:alice@example.com>\r\nCall-ID: x\r\nCSeq: 1 REGISTER\r\n" more "\r\n"
#define ANSWER(status, more)                                                                                           \
    "SIP/2.0 " status "\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:alice@example.com>;tag=1\r\n"      \
    "To: <sip:alice@example.com>;tag=2\r\nCall-ID: x\r\nCSeq: 1 REGISTER\r\n" more "\r\n"

static void
decode(const char *text, struct sip_message *message)
{
    CHECK_ROW(text, sip_message_decode(span_of_text(text), message) == SIP_FAULT_NONE);
}

static char *
written(struct sip_credentials *credentials)
{
    char buffer[1024];
    struct writer out = writer_over(buffer, sizeof buffer);

    sip_credentials_put(credentials, &out, span_of_text("REGISTER"), "sip:example.com", "0a4f113b");
    CHECK(!writer_failed(&out));
    return g_strndup(buffer, writer_length(&out));
}

static void
test_challenges(void)
{
    static const struct {
        const char *name, *request, *answer;
        enum sip_challenge taken;
        const char *written; /* what must stand in the next request; NULL: nothing */
    } rows[] = {
        { "with qop", "",
          ANSWER("401 Unauthorized",
                 "WWW-Authenticate: Digest realm=\"example.com\", nonce=\"abc123\", qop=\"auth\"\r\n"),
          SIP_CHALLENGE_NEW,
          "response=\"d21918bd99c83d069e6d288be2db2e3c\", qop=auth, cnonce=\"0a4f113b\", nc=00000001" },
        { "without (RFC 2069)", "",
          ANSWER("401 Unauthorized", "WWW-Authenticate: Digest realm=\"example.com\", nonce=\"abc123\"\r\n"),
          SIP_CHALLENGE_NEW, "response=\"d1d211daa2e0d7f43de25792410f5057\"" },
        { "a proxy's", "",
          ANSWER("407 Proxy Authentication Required", "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n"),
          SIP_CHALLENGE_NEW, "Proxy-Authorization: Digest username=\"alice\", realm=\"r\", nonce=\"n\"" },
        { "a proxy's header in a 401", "",
          ANSWER("401 Unauthorized", "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n"), SIP_CHALLENGE_UNKNOWN,
          NULL },
        { "opaque goes back", "",
          ANSWER("401 Unauthorized",
                 "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", opaque=\"o\", algorithm=MD5\r\n"),
          SIP_CHALLENGE_NEW, "algorithm=MD5, opaque=\"o\"" },
        { "the stronger of two (RFC 8760 section 2.4)", "",
          ANSWER("401 Unauthorized",
                 "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=MD5\r\n"
                 "WWW-Authenticate: Digest realm=\"r\", nonce=\"m\", algorithm=SHA-256, qop=\"auth-int,auth\"\r\n"),
          SIP_CHALLENGE_NEW, "nonce=\"m\"" },
        { "one that is known of two", "",
          ANSWER("401 Unauthorized", "WWW-Authenticate: Digest realm=\"r\", nonce=\"m\", algorithm=SHA-512-256\r\n"
                                     "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n"),
          SIP_CHALLENGE_NEW, "nonce=\"n\"" },
        { "an algorithm that nobody knows", "",
          ANSWER("401 Unauthorized", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=MD5-sess\r\n"),
          SIP_CHALLENGE_UNKNOWN, NULL },
        { "the body is to be protected", "",
          ANSWER("401 Unauthorized", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"\r\n"),
          SIP_CHALLENGE_UNKNOWN, NULL },
        { "another scheme", "", ANSWER("401 Unauthorized", "WWW-Authenticate: Basic realm=\"r\"\r\n"),
          SIP_CHALLENGE_UNKNOWN, NULL },
        { "none", "", ANSWER("401 Unauthorized", ""), SIP_CHALLENGE_UNKNOWN, NULL },
        { "tried already",
          "Authorization: Digest username=\"alice\", realm=\"r\", nonce=\"n\", uri=\"sip:example.com\", "
          "response=\"0\"\r\n",
          ANSWER("401 Unauthorized", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n"), SIP_CHALLENGE_REFUSED,
          NULL },
        { "tried already, and stale",
          "Authorization: Digest username=\"alice\", realm=\"r\", nonce=\"n\", uri=\"sip:example.com\", "
          "response=\"0\"\r\n",
          ANSWER("401 Unauthorized", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", stale=true\r\n"),
          SIP_CHALLENGE_NEW, "nonce=\"n\"" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(sip_credentials) credentials = sip_credentials_new("alice", "secret");
        g_autofree char *ask = g_strdup_printf(REQUEST("%s"), rows[i].request), *text = NULL;
        struct sip_message request, answer;

        decode(ask, &request);
        decode(rows[i].answer, &answer);
        CHECK_ROW_INT(rows[i].name, sip_credentials_take(credentials, &request, &answer), rows[i].taken);
        text = written(credentials);
        if (!rows[i].written)
            CHECK_ROW_TEXT(rows[i].name, text, "");
        else if (!CHECK_ROW(rows[i].name, strstr(text, rows[i].written) != NULL))
            CHECK_ROW_TEXT(rows[i].name, text, rows[i].written);
    }
}

/* What was taken once serves the next requests, each with a count of its own. */
static void
test_counts(void)
{
    g_autoptr(sip_credentials) credentials = sip_credentials_new("alice", "secret");
    struct sip_message request, answer;

    decode(REQUEST(""), &request);
    decode(ANSWER("401 Unauthorized", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n"), &answer);
    CHECK(sip_credentials_take(credentials, &request, &answer) == SIP_CHALLENGE_NEW);
    decode(ANSWER("407 Proxy Authentication Required", "Proxy-Authenticate: Digest realm=\"p\", nonce=\"m\"\r\n"),
           &answer);
    CHECK(sip_credentials_take(credentials, &request, &answer) == SIP_CHALLENGE_NEW);
    for (int i = 1; i <= 2; i++) {
        g_autofree char *text = written(credentials);

        CHECK_ROW("server's", strstr(text, i == 1 ? "nc=00000001" : "nc=00000002") != NULL);
        CHECK_ROW("and proxy's", strstr(text, "Proxy-Authorization: ") != NULL);
    }
    sip_credentials_reset(credentials);
    {
        g_autofree char *text = written(credentials);

        CHECK_ROW_TEXT("forgotten", text, "");
    }
}

static void
test_nobody(void)
{
    g_autoptr(sip_credentials) credentials = sip_credentials_new(NULL, NULL);
    struct sip_message request, answer;

    decode(REQUEST(""), &request);
    decode(ANSWER("401 Unauthorized", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n"), &answer);
    CHECK(sip_credentials_take(credentials, &request, &answer) == SIP_CHALLENGE_UNKNOWN);
}

void
suite_sip_credentials(void)
{
    UNIT_SUITE("sip credentials", NULL, NULL, { "challenges", test_challenges }, { "counts", test_counts },
               { "nobody", test_nobody });
}
