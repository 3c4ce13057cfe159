/* Flow tokens (RFC 5626 section 5.3): the user part of a URI that this server puts into Record-Route or Path, and which
 * says, when a Route brings it back, along which flow to go on. Self-contained, so that nothing is kept per call, and
 * signed, so that nobody makes the server send where he likes. Pure.
 *
 * A server between two user agents knows a flow to each of them; a token has both, and a hash of the caller's tag, by
 * which a later request tells whose it is: who sends with the caller's tag in From goes to the callee. */
#ifndef PROTO_SIP_TOKEN_H
#define PROTO_SIP_TOKEN_H

#include "proto/sip/auth.h"
#include "proto/sip/flow.h"

#define SIP_TOKEN_TEXT 140 /* with its NUL */

struct sip_token {
    uint32_t caller;                      /* sip_token_hash of the From tag of the request that made the dialog */
    struct sip_flow to_caller, to_callee; /* one that isn't known has no peer */
};

uint32_t sip_token_hash(struct span tag);
void sip_token_write(const struct sip_token *token, const uint8_t secret[SIP_SECRET_BYTES], char text[SIP_TOKEN_TEXT]);
/* False when it is none of ours. */
bool sip_token_read(struct span text, const uint8_t secret[SIP_SECRET_BYTES], struct sip_token *token);

#endif
