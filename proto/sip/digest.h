/* Digest authentication as SIP uses it (RFC 3261 section 22, RFC 7616 calculations, RFC 8760: MD5, SHA-256). Pure; what
 * is random (nonces, cnonces) is handed in. */
#ifndef PROTO_SIP_DIGEST_H
#define PROTO_SIP_DIGEST_H

#include "proto/sip/headers.h"

enum sip_digest_algorithm { SIP_DIGEST_MD5, SIP_DIGEST_SHA256, SIP_DIGEST_ALGORITHMS };
const char *sip_digest_word(enum sip_digest_algorithm algorithm); /* "MD5", "SHA-256" */
/* An empty word is MD5. False for one that isn't known (the -sess ones among them). */
bool sip_digest_algorithm_of(struct span word, enum sip_digest_algorithm *algorithm);

#define SIP_DIGEST_HEX 65 /* a response as hexadecimal digits, and a NUL */

struct sip_digest_input {
    enum sip_digest_algorithm algorithm;
    struct span user, realm, password;
    struct span method, uri;
    struct span nonce, cnonce, nc, qop; /* qop empty: the form of RFC 2069 */
    struct span body;                   /* for qop=auth-int */
};
void sip_digest_response(const struct sip_digest_input *input, char response[SIP_DIGEST_HEX]);

/* Whether credentials prove the password; compares in constant time. */
bool sip_digest_proves(const struct sip_digest_fields *credentials, struct span password, struct span method,
                       struct span body);

#endif
