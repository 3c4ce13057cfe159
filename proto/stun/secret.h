/* Users made up on demand from a shared secret: the time-limited credentials that WebRTC services hand out
 * (draft-uberti-behave-turn-rest, as deployed).
 *
 * A service that shares the secret with the server tells a client a username "expiry:name" (or "expiry" alone), where
 * expiry is a Unix time in seconds, and as password the base64 of HMAC-SHA1(secret, username). So the server needs no
 * list of users: it computes the password of any name that has not expired, and the client proves the rest by the
 * long-term mechanism. Once the time is over nothing is granted to the username any more, refreshes included: a client
 * that stays has to come with a new one of the same name in time. So who somebody is, is what stun_secret_owner says.
 *
 * Engines have no wall clock: the owner says which Unix time it was when `now` was 0. A few users are remembered, so
 * that a client's requests don't cost new keys each; what strangers make up can't make that grow. */
#ifndef PROTO_STUN_SECRET_H
#define PROTO_STUN_SECRET_H

#include "core/base/time.h"
#include "proto/stun/users.h"

struct stun_secret;
typedef struct stun_secret stun_secret;

/* All is copied. `unix_time_at_zero`: nanoseconds. */
struct stun_secret *stun_secret_new(struct span secret, const char *realm, int64_t unix_time_at_zero);
void stun_secret_free(struct stun_secret *secret);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(stun_secret, stun_secret_free)

/* The user of this name; NULL when it has not the form above or has expired. Good until the next call. `secret` is a
 * struct stun_secret: this is what struct stun_auth_options asks for. */
const struct stun_user *stun_secret_find(void *secret, struct span name, int64_t now);

/* Who stands behind a username of the form above, whatever its expiry: ":name", with the colon, so that a user of another
 * table who is called `name` is somebody else. An expiry alone, and what has not the form, is what it is. A part of
 * `username`. Pure. */
struct span stun_secret_owner(struct span username);

/* The password of `username`, which the service would hand out; the caller frees it. */
char *stun_secret_password(struct span secret, struct span username);

#endif
