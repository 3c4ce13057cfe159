#include "proto/sip/digest.h"

#include <glib.h>

#include "proto/sip/lex.h"

static const struct {
    const char *word;
    GChecksumType type;
} algorithms[] = {
    { "MD5", G_CHECKSUM_MD5 },
    { "SHA-256", G_CHECKSUM_SHA256 },
};

G_STATIC_ASSERT(G_N_ELEMENTS(algorithms) == SIP_DIGEST_ALGORITHMS);

const char *
sip_digest_word(enum sip_digest_algorithm algorithm)
{
    return algorithms[algorithm].word;
}

bool
sip_digest_algorithm_of(struct span word, enum sip_digest_algorithm *algorithm)
{
    *algorithm = SIP_DIGEST_MD5;
    if (word.length == 0)
        return true;
    for (enum sip_digest_algorithm i = 0; i < SIP_DIGEST_ALGORITHMS; i++)
        if (sip_text_is_nocase(word, algorithms[i].word)) {
            *algorithm = i;
            return true;
        }
    return false;
}

/* H(a:b:c...) as hexadecimal digits, of `count` parts. */
static void
hash(enum sip_digest_algorithm algorithm, const struct span *parts, size_t count, char hex[SIP_DIGEST_HEX])
{
    g_autoptr(GChecksum) checksum = g_checksum_new(algorithms[algorithm].type);

    for (size_t i = 0; i < count; i++) {
        if (i)
            g_checksum_update(checksum, (const guchar *)":", 1);
        if (parts[i].length)
            g_checksum_update(checksum, parts[i].bytes, (gssize)parts[i].length);
    }
    g_strlcpy(hex, g_checksum_get_string(checksum), SIP_DIGEST_HEX);
}

/* RFC 7616 section 3.4.3; with qop=auth-int the body takes part. */
static void
hash_request(const struct sip_digest_input *input, char ha2[SIP_DIGEST_HEX])
{
    char body[SIP_DIGEST_HEX];
    struct span parts[] = { input->method, input->uri, { NULL, 0 } };

    if (!sip_text_is_nocase(input->qop, "auth-int")) {
        hash(input->algorithm, parts, 2, ha2);
        return;
    }
    hash(input->algorithm, &input->body, 1, body);
    parts[2] = span_of_text(body);
    hash(input->algorithm, parts, 3, ha2);
}

void
sip_digest_response(const struct sip_digest_input *input, char response[SIP_DIGEST_HEX])
{
    char ha1[SIP_DIGEST_HEX], ha2[SIP_DIGEST_HEX];
    const struct span secret[] = { input->user, input->realm, input->password };

    hash(input->algorithm, secret, G_N_ELEMENTS(secret), ha1);
    hash_request(input, ha2);

    const struct span old[] = { span_of_text(ha1), input->nonce, span_of_text(ha2) };
    const struct span with_qop[] = { span_of_text(ha1), input->nonce, input->nc,
                                     input->cnonce,     input->qop,   span_of_text(ha2) };

    if (input->qop.length)
        hash(input->algorithm, with_qop, G_N_ELEMENTS(with_qop), response);
    else
        hash(input->algorithm, old, G_N_ELEMENTS(old), response);
}

/* With qop there are nc, of eight hexadecimal digits, and cnonce (RFC 7616 section 3.4). */
static bool
is_complete(const struct sip_digest_fields *fields)
{
    if (!fields->username.bytes || !fields->realm.bytes || !fields->nonce.bytes || !fields->uri.bytes ||
        !fields->response.bytes)
        return false;
    if (fields->qop.length == 0)
        return true;
    if (!sip_text_is_nocase(fields->qop, "auth") && !sip_text_is_nocase(fields->qop, "auth-int"))
        return false;
    for (size_t i = 0; i < fields->nc.length; i++)
        if (!g_ascii_isxdigit(fields->nc.bytes[i]))
            return false;
    return fields->nc.length == 8 && fields->cnonce.length > 0;
}

bool
sip_digest_proves(const struct sip_digest_fields *credentials, struct span password, struct span method,
                  struct span body)
{
    struct sip_digest_input input = {
        .user = credentials->username,
        .realm = credentials->realm,
        .password = password,
        .method = method,
        .uri = credentials->uri,
        .nonce = credentials->nonce,
        .cnonce = credentials->cnonce,
        .nc = credentials->nc,
        .qop = credentials->qop,
        .body = body,
    };
    char response[SIP_DIGEST_HEX];

    if (!is_complete(credentials) || !sip_digest_algorithm_of(credentials->algorithm, &input.algorithm))
        return false;
    sip_digest_response(&input, response);
    return span_equal_secret(credentials->response, span_of_text(response));
}
