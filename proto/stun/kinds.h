/* The journal kinds of STUN: what its engines decide, in numbers, and how to say it.
 *
 * Records of the client carry in `before` the flow from its socket to the server, in `subject[0]` the transaction's
 * number and in `subject[1]` the requests sent so far. Records of the server carry in `before` the flow as it came.
 * `packet` names the packet that came or went, where the world has names. */
#ifndef PROTO_STUN_KINDS_H
#define PROTO_STUN_KINDS_H

#include "core/base/journal.h"

/* The client. `rule`: the method. `detail`: how many requests there will be at most. */
extern const struct record_kind stun_kind_started;
extern const struct record_kind stun_kind_retransmitted;
/* An error response after which the transaction goes on. `detail`: its code. */
extern const struct record_kind stun_kind_repeated;
/* A response that the transaction goes on without. `rule`: STUN_OUTCOME_SPOILT or STUN_OUTCOME_VIOLATED. */
extern const struct record_kind stun_kind_ignored;
/* `after`: the flow as the server saw it, its source being the mapped address. `detail`: elapsed, nanoseconds. */
extern const struct record_kind stun_kind_answered;
/* `rule`: enum stun_outcome. `detail`: the error code of a rejection, else the elapsed nanoseconds. */
extern const struct record_kind stun_kind_failed;

/* The server. `rule`: the method. */
extern const struct record_kind stun_kind_served;  /* a success response goes back; `detail`: its enum stun_change / 2 */
extern const struct record_kind stun_kind_refused; /* an error response goes back; `detail`: its code */
/* `reason`: DROP_MALFORMED_STUN or DROP_UNEXPECTED_STUN. `rule`: enum stun_fault. */
extern const struct record_kind stun_kind_dropped;
/* A connection ends because of what came on it; `rule`: enum stun_fault. */
extern const struct record_kind stun_kind_broken;

#endif
