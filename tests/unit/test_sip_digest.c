/* Digest authentication: RFC 3261 section 22, RFC 2617 section 3.5, RFC 7616 section 3.9, RFC 8760. */
#include "tests/unit/support.h"

#include "proto/sip/digest.h"

static const struct {
    const char *name;
    enum sip_digest_algorithm algorithm;
    const char *user, *realm, *password, *method, *uri, *nonce, *nc, *cnonce, *qop, *body, *response;
} rows[] = {
    { "RFC 2617 section 3.5", SIP_DIGEST_MD5, "Mufasa", "testrealm@host.com", "Circle Of Life", "GET",
      "/dir/index.html", "dcd98b7102dd2f0e8b11d0f600bfb0c093", "00000001", "0a4f113b", "auth", "",
      "6629fae49393a05397450978507c4ef1" },
    { "RFC 7616 section 3.9.1, MD5", SIP_DIGEST_MD5, "Mufasa", "http-auth@example.org", "Circle of Life", "GET",
      "/dir/index.html", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "00000001",
      "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "auth", "", "8ca523f5e9506fed4657c9700eebdbec" },
    { "RFC 7616 section 3.9.1, SHA-256", SIP_DIGEST_SHA256, "Mufasa", "http-auth@example.org", "Circle of Life", "GET",
      "/dir/index.html", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "00000001",
      "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "auth", "",
      "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1" },
    { "without qop (RFC 2069)", SIP_DIGEST_MD5, "alice", "example.com", "secret", "REGISTER", "sip:example.com",
      "abc123", "", "", "", "", "d1d211daa2e0d7f43de25792410f5057" },
    { "with qop=auth", SIP_DIGEST_MD5, "alice", "example.com", "secret", "REGISTER", "sip:example.com", "abc123",
      "00000001", "0a4f113b", "auth", "", "d21918bd99c83d069e6d288be2db2e3c" },
};

static struct sip_digest_input
input_of(size_t i)
{
    return (struct sip_digest_input){
        .algorithm = rows[i].algorithm,
        .user = span_of_text(rows[i].user),
        .realm = span_of_text(rows[i].realm),
        .password = span_of_text(rows[i].password),
        .method = span_of_text(rows[i].method),
        .uri = span_of_text(rows[i].uri),
        .nonce = span_of_text(rows[i].nonce),
        .nc = span_of_text(rows[i].nc),
        .cnonce = span_of_text(rows[i].cnonce),
        .qop = span_of_text(rows[i].qop),
        .body = span_of_text(rows[i].body),
    };
}

static void
test_responses(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct sip_digest_input input = input_of(i);
        char response[SIP_DIGEST_HEX];

        sip_digest_response(&input, response);
        CHECK_ROW_TEXT(rows[i].name, response, rows[i].response);
    }
}

/* HA2 of qop=auth-int has the hash of the body in it: put together by hand from those of auth (RFC 7616 section
 * 3.4.3). */
static void
test_auth_int(void)
{
    struct sip_digest_input input = input_of(4);
    char response[SIP_DIGEST_HEX], empty[SIP_DIGEST_HEX];
    g_autofree char *ha2 =
        g_compute_checksum_for_string(G_CHECKSUM_MD5, "REGISTER:sip:example.com:d41d8cd98f00b204e9800998ecf8427e", -1);
    g_autofree char *all =
        g_strconcat("b1726872c344b6dc8365b774f8fd6412:abc123:00000001:0a4f113b:auth-int:", ha2, NULL);
    g_autofree char *expected = g_compute_checksum_for_string(G_CHECKSUM_MD5, all, -1);

    input.qop = span_of_text("auth-int");
    sip_digest_response(&input, empty);
    CHECK_ROW_TEXT("empty body", empty, expected);
    input.body = span_of_text("v=0");
    sip_digest_response(&input, response);
    CHECK(strcmp(response, empty) != 0);
}

/* --- proof ------------------------------------------------------------------------------------------------------- */

#define GOOD                                                                                                           \
    "Digest username=\"alice\",realm=\"example.com\",nonce=\"abc123\",uri=\"sip:example.com\",nc=00000001,"            \
    "cnonce=\"0a4f113b\",qop=auth,response=\"d21918bd99c83d069e6d288be2db2e3c\""

static const struct {
    const char *name, *from, *to; /* what is put in place of what */
    bool proves;
} proof_rows[] = {
    { "as it is", "", "", true },
    { "algorithm said", "qop=auth", "qop=auth,algorithm=MD5", true },
    { "algorithm in lower case", "qop=auth", "qop=auth,algorithm=md5", true },
    { "algorithm unknown", "qop=auth", "qop=auth,algorithm=MD5-sess", false },
    { "another algorithm", "qop=auth", "qop=auth,algorithm=SHA-256", false },
    { "another user", "alice", "alicf", false },
    { "another realm", "realm=\"example.com", "realm=\"example.net", false },
    { "another nonce", "abc123", "abc124", false },
    { "another URI", "sip:example.com", "sip:example.net", false },
    { "another count", "00000001", "00000002", false },
    { "a count that is none", "00000001", "1", false },
    { "a count that is no number", "00000001", "0000000g", false },
    { "no count", "nc=00000001,", "", false },
    { "no cnonce", "cnonce=\"0a4f113b\",", "", false },
    { "qop unknown", "qop=auth", "qop=other", false },
    { "qop is another", "qop=auth", "qop=auth-int", false },
    { "no response", ",response=\"d21918bd99c83d069e6d288be2db2e3c\"", "", false },
    { "no username", "username=\"alice\",", "", false },
    { "response cut", "2db2e3c", "2db2e3", false },
    { "response of another", "2db2e3c", "2db2e3d", false },
    { "response empty", "d21918bd99c83d069e6d288be2db2e3c", "", false },
};

static void
test_proof(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(proof_rows); i++) {
        GString *text = g_string_new(GOOD);
        struct sip_digest_fields fields;

        if (*proof_rows[i].from)
            CHECK_ROW_INT(proof_rows[i].name, g_string_replace(text, proof_rows[i].from, proof_rows[i].to, 1), 1);
        CHECK_ROW(proof_rows[i].name, sip_digest_decode(span_of(text->str, text->len), &fields));
        CHECK_ROW(proof_rows[i].name, sip_digest_proves(&fields, span_of_text("secret"), span_of_text("REGISTER"),
                                                        span_of(NULL, 0)) == proof_rows[i].proves);
        CHECK_ROW(proof_rows[i].name,
                  !sip_digest_proves(&fields, span_of_text("secre"), span_of_text("REGISTER"), span_of(NULL, 0)));
        CHECK_ROW(proof_rows[i].name,
                  !sip_digest_proves(&fields, span_of_text("secret"), span_of_text("INVITE"), span_of(NULL, 0)));
        g_string_free(text, TRUE);
    }
}

static void
test_words(void)
{
    enum sip_digest_algorithm found;

    for (enum sip_digest_algorithm i = 0; i < SIP_DIGEST_ALGORITHMS; i++)
        CHECK(sip_digest_algorithm_of(span_of_text(sip_digest_word(i)), &found) && found == i);
    CHECK(sip_digest_algorithm_of(span_of_text(""), &found) && found == SIP_DIGEST_MD5);
    CHECK(!sip_digest_algorithm_of(span_of_text("MD5-sess"), &found));
    CHECK(!sip_digest_algorithm_of(span_of_text("SHA-512-256"), &found));
}

void
suite_sip_digest(void)
{
    UNIT_SUITE("sip_digest", NULL, NULL, { "responses", test_responses }, { "auth-int", test_auth_int },
               { "proof", test_proof }, { "algorithms", test_words });
}
