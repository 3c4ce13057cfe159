/* What a response means to a client (RFC 8489 sections 6.3.3 and 6.3.4). Pure. */
#ifndef PROTO_STUN_RESPONSE_H
#define PROTO_STUN_RESPONSE_H

#include "proto/stun/client.h"

/* Fills the members of `result` that come from `message`, its outcome included. The response is to be trusted
 * already. */
void stun_response_judge(const struct stun_message *message, unsigned understood, struct stun_result *result);

/* The ALTERNATE-SERVER of a response with error code 300 that a client at `server` can use: one of the same family
 * (section 10). A port 0 is that of `server`. */
bool stun_response_alternate(const struct stun_message *message, struct endpoint server, struct endpoint *alternate);

#endif
