/* Nonces of the long-term mechanism (RFC 8489 section 9.2): the nonce cookie with its security features, and nonces
 * that a server makes and checks without keeping any.
 *
 * Such a nonce is the cookie, four characters of features, the second it was made in (eight hexadecimal digits), and
 * 128 bits of an HMAC over those and the client's address and port. So it is good for one client only, nobody else can
 * make it, its features can't be changed on the way (the bid-down attack of section 16.1.4), and it expires. */
#ifndef PROTO_STUN_NONCE_H
#define PROTO_STUN_NONCE_H

#include <glib.h>

#include "core/base/address.h"

#define STUN_NONCE_COOKIE "obMatJos2"
#define STUN_NONCE_BYTES 53 /* of one that is made here, without NUL */
#define STUN_SECRET_BYTES 32

/* STUN Security Features (section 18.1): the number of a bit, counted from the first. */
enum stun_feature { STUN_FEATURE_PASSWORD_ALGORITHMS = 1 << 0, STUN_FEATURE_USERNAME_ANONYMITY = 1 << 1 };

/* Reads the features of any server's nonce, or-ed; those we have no name for are left out. False when it does not begin
 * with the nonce cookie, and `*features` is 0 then. */
bool stun_nonce_features(struct span nonce, unsigned *features);

struct stun_nonces;
typedef struct stun_nonces stun_nonces;

/* `secret` is drawn at random by the owner and copied. `lifetime` is nanoseconds. */
struct stun_nonces *stun_nonces_new(const uint8_t secret[STUN_SECRET_BYTES], unsigned features, int64_t lifetime);
void stun_nonces_free(struct stun_nonces *nonces);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(stun_nonces, stun_nonces_free)

/* The nonce for `client` at `now`, without NUL. */
void stun_nonce_make(const struct stun_nonces *nonces, struct endpoint client, int64_t now,
                     char nonce[STUN_NONCE_BYTES]);
/* Whether `nonce` was made for `client` and has not expired. Takes a time that does not depend on what is wrong. */
bool stun_nonce_is_good(const struct stun_nonces *nonces, struct span nonce, struct endpoint client, int64_t now);

#endif
