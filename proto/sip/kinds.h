/* The journal kinds of SIP's carrier and transactions: what they decide, in numbers, and how to say it.
 *
 * `before` is the way of the message: from this element to the peer where it was sent, from the peer where it came.
 * `rule` is enum sip_method where nothing else is said. The user agent's own kinds are in agent_kinds.h. */
#ifndef PROTO_SIP_KINDS_H
#define PROTO_SIP_KINDS_H

#include "core/base/journal.h"

/* `reason`: DROP_MALFORMED_SIP or DROP_UNEXPECTED_SIP; `rule`: enum sip_fault. */
extern const struct record_kind sip_kind_dropped;
/* A request that was answered without a transaction; `rule`: enum sip_fault (NONE: `detail` says all); `detail`: the
 * status. */
extern const struct record_kind sip_kind_refused;
/* A connection ends. `rule`: enum sip_connection_end; `detail`: enum io_result. */
extern const struct record_kind sip_kind_connection_ended;
/* A flow that is kept has no answer any more, or (`after` has an address) its mapped address has changed. */
extern const struct record_kind sip_kind_flow_lapsed;

/* A message is sent again. `subject[0]`: how many times so far; `detail`: a response's status, 0 for a request. */
extern const struct record_kind sip_kind_again;
/* A transaction ends without what it waits for. `subject[0]`: enum sip_outcome; `subject[1]`: how many times it was sent;
 * `detail`: 0, or the status of the response whose ACK did not come. */
extern const struct record_kind sip_kind_unanswered;
/* A request that is too long for a datagram goes over TCP (`detail`: its bytes), or over UDP after all. */
extern const struct record_kind sip_kind_long_request;
extern const struct record_kind sip_kind_fallback;

#endif
