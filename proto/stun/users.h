/* Who may use a server: usernames, and the keys that their passwords make (RFC 8489 section 9).
 *
 * Keys are made when a user is added, so that a message costs no more than its own HMAC. Names and passwords are bytes
 * that have been prepared already (OpaqueString), as in integrity.h. */
#ifndef PROTO_STUN_USERS_H
#define PROTO_STUN_USERS_H

#include "proto/stun/integrity.h"

struct stun_user;
struct stun_users;
typedef struct stun_users stun_users;

/* A user by himself, in no table. NULL when the name can't stand in USERNAME (1 to 508 bytes). */
struct stun_user *stun_user_new(struct span name, struct span realm, struct span password);
void stun_user_free(struct stun_user *user);

/* `realm` is copied; it should be fewer than 128 characters. */
struct stun_users *stun_users_new(const char *realm);
void stun_users_free(struct stun_users *users);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(stun_users, stun_users_free)

struct span stun_users_realm(const struct stun_users *users);

/* Whether a name can stand in USERNAME: 1 to 508 bytes (RFC 8489 section 14.3), none of them a control character (an
 * OpaqueString has none, RFC 8265 section 4.2). */
bool stun_user_name_fits(struct span name);

/* False, and nothing is added, when there is one of this name, or when it does not fit. */
bool stun_users_add(struct stun_users *users, struct span name, struct span password);

/* NULL when there is none. Good as long as the table. */
const struct stun_user *stun_users_find(const struct stun_users *users, struct span name);
/* By USERHASH. */
const struct stun_user *stun_users_find_hash(const struct stun_users *users, struct span hash);

struct span stun_user_name(const struct stun_user *user);
const struct stun_key *stun_user_short_term(const struct stun_user *user);
/* Its long-term key by `algorithm`; NULL for one we don't know. */
const struct stun_key *stun_user_long_term(const struct stun_user *user, unsigned algorithm);

#endif
