/* How a client proves who it is: the client's side of the credential mechanisms (RFC 8489 sections 9.1 and 9.2).
 *
 * An object stands for one username and password at one server, and remembers what that server has asked for: the
 * realm, the last nonce, the password algorithm. So it serves all transactions with that server, one after another or
 * at once, and a second request needs no challenge. It is a machine: it knows no io. Owned by whoever made it, and lent
 * to transactions (`credentials` of struct stun_request), which it has to outlive. */
#ifndef PROTO_STUN_CREDENTIALS_H
#define PROTO_STUN_CREDENTIALS_H

#include "proto/stun/attributes.h"
#include "proto/stun/integrity.h"

struct stun_credentials;
typedef struct stun_credentials stun_credentials;

/* Name and password are copied, and have been prepared (OpaqueString). */
struct stun_credentials *stun_credentials_new_short_term(struct span username, struct span password);
struct stun_credentials *stun_credentials_new_long_term(struct span username, struct span password);
/* Of the algorithms that a server offers SHA-256 is taken wherever it stands in the list, as TURN has it (RFC 8656
 * section 6), instead of the first that is known (RFC 8489 section 9.2.3.2). */
void stun_credentials_prefer_sha256(struct stun_credentials *credentials);
void stun_credentials_free(struct stun_credentials *credentials);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(stun_credentials, stun_credentials_free)

/* Appends what proves the request, integrity last: nothing, before a server has asked for long-term credentials. A
 * short-term request has both kinds of integrity until the server has shown which one it knows (section 9.1.2).
 * Returns what `stun_credentials_judge` has to be told about the request. */
unsigned stun_credentials_put(const struct stun_credentials *credentials, struct stun_builder *builder);

/* What to make of a response. */
enum stun_trust {
    STUN_TRUST,      /* it is the server's */
    STUN_TRY_AGAIN,  /* it asks for credentials, or for fresher ones: they are ready */
    STUN_DISTRUST,   /* not protected as it has to be, or bidding down: as if it had not come (sections 9.1.4, 9.2.5) */
    STUN_NO_USE,     /* it asks for credentials, and those that we have won't do */
};

/* `sent` is what `put` returned for the request that is answered. Learns from the response. */
enum stun_trust stun_credentials_judge(struct stun_credentials *credentials, unsigned sent,
                                       const struct stun_message *response);

/* Whether a response that is trusted was protected by integrity: only such a one may redirect (section
 * 14.8). */
bool stun_credentials_proven(const struct stun_credentials *credentials, unsigned sent);

#endif
