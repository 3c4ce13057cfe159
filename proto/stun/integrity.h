/* MESSAGE-INTEGRITY and MESSAGE-INTEGRITY-SHA256 (RFC 8489 sections 14.5, 14.6), and the keys for both (section 9).
 *
 * Usernames, realms and passwords are bytes that have been prepared already (RFC 8265, OpaqueString): what a profile
 * makes of a character is the caller's. */
#ifndef PROTO_STUN_INTEGRITY_H
#define PROTO_STUN_INTEGRITY_H

#include "proto/stun/builder.h"

#define STUN_INTEGRITY_BYTES 20
#define STUN_INTEGRITY_SHA256_BYTES 32
#define STUN_USERHASH_BYTES 32

/* A key. It holds the HMAC's state after the key has gone in, so that a message costs only its own bytes. Made and
 * freed by its owner; unchanged by use. */
struct stun_key;
typedef struct stun_key stun_key;

/* Short-term: the password itself (section 9.1.1). */
struct stun_key *stun_key_new_short_term(struct span password);
/* Long-term: a hash of "username:realm:password" (section 9.2.2), by `algorithm`; NULL for one we don't know. MD5 is
 * what a peer without PASSWORD-ALGORITHM means. */
struct stun_key *stun_key_new_long_term(enum stun_password_algorithm algorithm, struct span username, struct span realm,
                                        struct span password);
void stun_key_free(struct stun_key *key);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(stun_key, stun_key_free)

/* The key's bytes, good as long as the key. */
struct span stun_key_bytes(const struct stun_key *key);

/* USERHASH: SHA-256 of "username:realm" (section 14.4). */
void stun_userhash(struct span username, struct span realm, uint8_t hash[STUN_USERHASH_BYTES]);

enum stun_check { STUN_CHECK_ABSENT, STUN_CHECK_RIGHT, STUN_CHECK_WRONG };

/* Encoder and decoder of each. A check takes a time that does not depend on how much of the HMAC is right. The shorter
 * forms of the SHA-256 one are wrong here: no usage of ours allows truncation (section 14.6). */
void stun_put_integrity(struct stun_builder *builder, const struct stun_key *key);
enum stun_check stun_integrity_check(const struct stun_message *message, const struct stun_key *key);

void stun_put_integrity_sha256(struct stun_builder *builder, const struct stun_key *key);
enum stun_check stun_integrity_sha256_check(const struct stun_message *message, const struct stun_key *key);

#endif
