#include "proto/sip/credentials.h"

struct challenge {
    char *realm, *nonce, *opaque; /* realm NULL: none */
    enum sip_digest_algorithm algorithm;
    bool has_algorithm, qop;
    uint32_t count; /* of requests with this nonce */
};

enum side { SIDE_SERVER, SIDE_PROXY, SIDES };

static const struct {
    enum sip_header_name challenge, answer;
} headers[SIDES] = {
    { SIP_HEADER_WWW_AUTHENTICATE, SIP_HEADER_AUTHORIZATION },
    { SIP_HEADER_PROXY_AUTHENTICATE, SIP_HEADER_PROXY_AUTHORIZATION },
};

struct sip_credentials {
    char *user, *password;
    struct challenge challenges[SIDES];
};

static char *
text_of(struct span span)
{
    return span.length ? g_strndup((const char *)span.bytes, span.length) : g_strdup("");
}

static void
challenge_clear(struct challenge *challenge)
{
    g_free(challenge->realm);
    g_free(challenge->nonce);
    g_free(challenge->opaque);
    *challenge = (struct challenge){ 0 };
}

struct sip_credentials *
sip_credentials_new(const char *user, const char *password)
{
    struct sip_credentials *credentials = g_new0(struct sip_credentials, 1);

    credentials->user = g_strdup(user ? user : "");
    credentials->password = g_strdup(password ? password : "");
    return credentials;
}

void
sip_credentials_reset(struct sip_credentials *credentials)
{
    for (int side = 0; side < SIDES; side++)
        challenge_clear(&credentials->challenges[side]);
}

void
sip_credentials_free(struct sip_credentials *credentials)
{
    if (!credentials)
        return;
    sip_credentials_reset(credentials);
    g_free(credentials->user);
    g_free(credentials->password);
    g_free(credentials);
}

/* Whether one of the comma-separated words is "auth". */
static bool
offers_auth(struct span qop)
{
    g_autofree char *text = text_of(qop);
    g_auto(GStrv) words = g_strsplit(text, ",", -1);

    for (char **word = words; *word; word++) {
        if (g_ascii_strcasecmp(g_strstrip(*word), "auth") == 0)
            return true;
    }
    return false;
}

/* A quoted string comes without its quotes, its escapes as they stood: such text goes back as it came. What could end
 * the string again is not taken. */
static bool
is_answerable(const struct sip_digest_fields *fields, enum sip_digest_algorithm *algorithm)
{
    return fields->realm.length > 0 && fields->nonce.length > 0 &&
           sip_digest_algorithm_of(fields->algorithm, algorithm) &&
           (fields->qop.length == 0 || offers_auth(fields->qop));
}

/* The strongest of them; among equals the first. */
static bool
find_challenge(const struct sip_message *response, enum side side, struct sip_digest_fields *best,
               enum sip_digest_algorithm *best_algorithm)
{
    bool found = false;
    unsigned from = 0;
    const struct sip_header *header;

    while ((header = sip_message_find(response, headers[side].challenge, from))) {
        struct sip_digest_fields fields;
        enum sip_digest_algorithm algorithm;

        from = (unsigned)(header - response->headers) + 1;
        if (!sip_digest_decode(header->value, &fields) || !is_answerable(&fields, &algorithm))
            continue;
        if (found && algorithm <= *best_algorithm)
            continue;
        *best = fields;
        *best_algorithm = algorithm;
        found = true;
    }
    return found;
}

/* Whether the request had credentials for this nonce. */
static bool
was_tried(const struct sip_message *request, enum side side, struct span nonce)
{
    const struct sip_header *header = sip_message_find(request, headers[side].answer, 0);
    struct sip_digest_fields fields;

    return header && sip_digest_decode(header->value, &fields) && span_equal(fields.nonce, nonce);
}

enum sip_challenge
sip_credentials_take(struct sip_credentials *credentials, const struct sip_message *request,
                     const struct sip_message *response)
{
    enum side side = response->status == 407 ? SIDE_PROXY : SIDE_SERVER;
    struct challenge *challenge = &credentials->challenges[side];
    struct sip_digest_fields fields;
    enum sip_digest_algorithm algorithm = SIP_DIGEST_MD5;

    if (!credentials->user[0] || !find_challenge(response, side, &fields, &algorithm))
        return SIP_CHALLENGE_UNKNOWN;
    if (was_tried(request, side, fields.nonce) && !fields.stale) {
        challenge_clear(challenge);
        return SIP_CHALLENGE_REFUSED;
    }
    challenge_clear(challenge);
    challenge->realm = text_of(fields.realm);
    challenge->nonce = text_of(fields.nonce);
    challenge->opaque = fields.opaque.length > 0 ? text_of(fields.opaque) : NULL;
    challenge->algorithm = algorithm;
    challenge->has_algorithm = fields.algorithm.length > 0;
    challenge->qop = fields.qop.length > 0;
    return SIP_CHALLENGE_NEW;
}

static void
put_answer(struct sip_credentials *credentials, enum side side, struct writer *out, struct span method, const char *uri,
           const char *cnonce)
{
    struct challenge *challenge = &credentials->challenges[side];
    struct sip_digest_input input = { .algorithm = challenge->algorithm,
                                      .user = span_of_text(credentials->user),
                                      .realm = span_of_text(challenge->realm),
                                      .password = span_of_text(credentials->password),
                                      .method = method,
                                      .uri = span_of_text(uri),
                                      .nonce = span_of_text(challenge->nonce) };
    g_autoptr(GString) value = g_string_new(NULL);
    char response[SIP_DIGEST_HEX], count[9];

    g_snprintf(count, sizeof count, "%08x", ++challenge->count);
    if (challenge->qop) {
        input.qop = span_of_text("auth");
        input.cnonce = span_of_text(cnonce);
        input.nc = span_of_text(count);
    }
    sip_digest_response(&input, response);
    g_string_append_printf(value, "Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", response=\"%s\"",
                           credentials->user, challenge->realm, challenge->nonce, uri, response);
    if (challenge->has_algorithm)
        g_string_append_printf(value, ", algorithm=%s", sip_digest_word(challenge->algorithm));
    if (challenge->opaque)
        g_string_append_printf(value, ", opaque=\"%s\"", challenge->opaque);
    if (challenge->qop)
        g_string_append_printf(value, ", qop=auth, cnonce=\"%s\", nc=%s", cnonce, count);
    sip_put_header(out, headers[side].answer, span_of(value->str, value->len));
}

void
sip_credentials_put(struct sip_credentials *credentials, struct writer *out, struct span method, const char *uri,
                    const char *cnonce)
{
    for (int side = 0; side < SIDES; side++) {
        if (credentials->challenges[side].realm)
            put_answer(credentials, side, out, method, uri, cnonce);
    }
}
