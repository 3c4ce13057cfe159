/* The server's side of digest authentication (RFC 3261 section 22, RFC 7616): users, nonces, and what becomes of a
 * request. A machine: no io; time is handed in, and the secret is drawn by the owner.
 *
 * A nonce is the second it was made in, a number, and 128 bits of an HMAC over these and the client's address. So one is
 * good from one address only, for some time; then the client is told "stale" and uses its password once more without
 * asking anybody. It is told so as well when its nonce count has not grown, by which a response that somebody has
 * overheard and repeats is of no use (RFC 7616 section 3.4.5). The counts of the last SIP_NONCES nonces are remembered,
 * and one that has been forgotten is stale: what strangers send makes honest clients ask once more, and grows nothing. */
#ifndef PROTO_SIP_AUTH_H
#define PROTO_SIP_AUTH_H

#include <glib.h>

#include "core/base/time.h"
#include "proto/sip/digest.h"

#define SIP_SECRET_BYTES 32
#define SIP_NONCE_BYTES 49 /* with its NUL */
#define SIP_NONCES 65536   /* whose counts are remembered */
#define SIP_NONCE_LIFETIME (5 * TIME_MIN)

struct sip_auth;
typedef struct sip_auth sip_auth;

/* All is copied. `sha256`: challenges offer SHA-256 first and MD5 after it (RFC 8760 section 2.4), else MD5 alone;
 * credentials of either are taken. `realm` has neither quotes, backslashes nor control characters, and fewer than 128 characters. */
struct sip_auth *sip_auth_new(const char *realm, const uint8_t secret[SIP_SECRET_BYTES], int64_t nonce_lifetime,
                              bool sha256);
void sip_auth_free(struct sip_auth *auth);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sip_auth, sip_auth_free)

const char *sip_auth_realm(const struct sip_auth *auth);
bool sip_auth_realm_fits(const char *realm);

/* False, and nothing is added, when there is one of this name, or the name doesn't fit (1 to 127 bytes, no quote,
 * backslash or control character). */
bool sip_auth_add_user(struct sip_auth *auth, const char *name, const char *password);
bool sip_auth_has_user(const struct sip_auth *auth, const char *name);
unsigned sip_auth_users(const struct sip_auth *auth);

enum sip_verdict {
    SIP_PROVEN,
    SIP_NOT_PROVEN, /* no credentials for this realm: challenge */
    SIP_STALE,      /* right, but for a nonce that is too old, or a count that was used: challenge with stale=true */
    SIP_WRONG,      /* wrong ones: challenge again; counted apart */
};

/* Looks for credentials of this realm among the header fields of that name: SIP_HEADER_AUTHORIZATION at a registrar,
 * SIP_HEADER_PROXY_AUTHORIZATION at a proxy. `user`: who has proven himself, borrowed from the table. */
enum sip_verdict sip_auth_check(struct sip_auth *auth, const struct sip_message *request,
                                enum sip_header_name header, struct address client, int64_t now, const char **user);

/* Appends a challenge with a nonce of its own: a line of `field`, "WWW-Authenticate" or "Proxy-Authenticate", for each
 * algorithm, the preferred one first. */
void sip_auth_challenge(struct sip_auth *auth, const char *field, struct address client, int64_t now, bool stale,
                        GString *out);

#endif
