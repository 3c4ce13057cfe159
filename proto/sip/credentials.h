/* The client's half of digest authentication (RFC 3261 section 22, RFC 8760): what a user knows, the challenges that were
 * met, and the Authorization header fields that answer them. Pure but for the cnonce, which is handed in.
 *
 * One challenge of each kind is kept, of a server (401) and of a proxy (407), and used for later requests before anybody
 * asks, with a nonce count that goes up, until a server says otherwise. */
#ifndef PROTO_SIP_CREDENTIALS_H
#define PROTO_SIP_CREDENTIALS_H

#include "proto/sip/digest.h"
#include "proto/sip/print.h"

struct sip_credentials;
typedef struct sip_credentials sip_credentials;

enum sip_challenge {
    SIP_CHALLENGE_NEW,     /* taken: ask again */
    SIP_CHALLENGE_REFUSED, /* the password has been given for this challenge, and is wrong */
    SIP_CHALLENGE_UNKNOWN, /* no challenge that can be answered: another scheme, algorithm or protection; none at all */
};

/* Copied. `user` "" or NULL: nobody, all challenges are UNKNOWN. */
struct sip_credentials *sip_credentials_new(const char *user, const char *password);
void sip_credentials_free(struct sip_credentials *credentials);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sip_credentials, sip_credentials_free)

/* A 401 or 407 came to a request (`request` as it was sent). Of several challenges the strongest algorithm that is known
 * is taken (RFC 8760 section 2.4). The same nonce as the request's credentials had, without stale=true: REFUSED (RFC 3261
 * section 22.2); a new nonce is NEW again, so that the caller bounds how often it tries. */
enum sip_challenge sip_credentials_take(struct sip_credentials *credentials, const struct sip_message *request,
                                        const struct sip_message *response);

/* Writes Authorization and Proxy-Authorization for a request, as far as there are challenges. `cnonce` is fresh, and
 * `uri` its Request-URI. */
void sip_credentials_put(struct sip_credentials *credentials, struct writer *out, struct span method, const char *uri,
                         const char *cnonce);

/* Forgets the challenges. */
void sip_credentials_reset(struct sip_credentials *credentials);

#endif
