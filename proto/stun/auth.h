/* Who sent this request? The server's side of the credential mechanisms (RFC 8489 sections 9.1 and 9.2).
 *
 * Pure decisions on a decoded message, for every method of every server that authenticates (STUN, TURN):
 *
 *     struct stun_proof proof = stun_auth_check(auth, &message, source, now);
 *
 *     if (proof.verdict == STUN_AUTH_REFUSE) {
 *         stun_put_error(&builder, proof.code);
 *         stun_auth_put_challenge(auth, &builder, &proof, source, now);
 *     } else {
 *         ... serve proof.user ...
 *         stun_seal_put(&proof.seal, &builder);
 *     }
 *
 * It keeps nothing about clients: nonces prove themselves (nonce.h). Comes after the basic checks and before unknown
 * attributes (section 6.3). */
#ifndef PROTO_STUN_AUTH_H
#define PROTO_STUN_AUTH_H

#include "proto/stun/attributes.h"
#include "proto/stun/nonce.h"
#include "proto/stun/users.h"

enum stun_mechanism { STUN_MECHANISM_NONE, STUN_MECHANISM_SHORT_TERM, STUN_MECHANISM_LONG_TERM };

struct stun_auth_options {
    enum stun_mechanism mechanism;
    const struct stun_users *users; /* borrowed, and may change */
    /* Asked for names that `users` does not have: a user that is made up on demand (secret.h), good until the next one is
     * asked for. NULL: there are no others. Such users are not found by USERHASH. */
    const struct stun_user *(*find)(void *owner, struct span name, int64_t now);
    void *find_owner;
    /* Of the long-term mechanism. */
    unsigned algorithms;    /* 1 << enum stun_password_algorithm, or-ed: offered in PASSWORD-ALGORITHMS, the stronger first;
                             * 0: none is offered, as before RFC 8489 */
    bool anonymity;         /* clients shall send USERHASH */
    int64_t nonce_lifetime; /* nanoseconds; 0: STUN_NONCE_LIFETIME */
    uint8_t secret[STUN_SECRET_BYTES]; /* drawn at random by the owner */
};

#define STUN_NONCE_LIFETIME (10 * TIME_MIN)
#define STUN_ALGORITHMS_ALL (1u << STUN_ALGORITHM_MD5 | 1u << STUN_ALGORITHM_SHA256)

struct stun_auth;
typedef struct stun_auth stun_auth;

/* `options` is copied. */
struct stun_auth *stun_auth_new(const struct stun_auth_options *options);
void stun_auth_free(struct stun_auth *auth);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(stun_auth, stun_auth_free)

/* How the answer to a proven request is to be protected; `key` NULL: not at all. */
struct stun_seal {
    const struct stun_key *key;
    bool sha256; /* MESSAGE-INTEGRITY-SHA256, else MESSAGE-INTEGRITY */
};

void stun_seal_put(const struct stun_seal *seal, struct stun_builder *builder);

/* The user of this name, of the table or made up; NULL when there is none. */
const struct stun_user *stun_auth_user(const struct stun_auth *auth, struct span name, int64_t now);

enum stun_auth_verdict {
    STUN_AUTH_ACCEPT,
    STUN_AUTH_REFUSE, /* an error response with `code` */
    STUN_AUTH_DROP,   /* an indication that proves nothing: no answer */
};

struct stun_proof {
    enum stun_auth_verdict verdict;
    uint16_t code;                /* of REFUSE: 400, 401, 438 */
    bool challenge;               /* of REFUSE: the answer tells REALM, NONCE and PASSWORD-ALGORITHMS */
    const struct stun_user *user; /* of ACCEPT; NULL without a mechanism */
    struct stun_seal seal;        /* of ACCEPT */
};

/* A request, or an indication of the short-term mechanism; the long-term one has no indications (section 9.2), so that
 * one is dropped. */
struct stun_proof stun_auth_check(const struct stun_auth *auth, const struct stun_message *message,
                                  struct endpoint source, int64_t now);

/* After ERROR-CODE: what the client needs to try again, if `proof` says so. */
void stun_auth_put_challenge(const struct stun_auth *auth, struct stun_builder *builder, const struct stun_proof *proof,
                             struct endpoint source, int64_t now);

#endif
