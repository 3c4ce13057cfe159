/* The journal kinds of ICE: what a session decides, in numbers, and how to say it.
 *
 * A record is made of an event (event.h). `before` is the flow from the local to the remote candidate (of a candidate:
 * from its base to itself, or from nowhere); `after.source`, where there is one, the address that the peer saw. `rule`
 * is enum ice_why. `subject[0]` is a pair's number, `subject[1]` is packed: see kinds_pack.h. */
#ifndef PROTO_ICE_KINDS_H
#define PROTO_ICE_KINDS_H

#include "core/base/journal.h"
#include "proto/ice/session.h"

extern const struct record_kind ice_kind_local;     /* `detail`: its priority */
extern const struct record_kind ice_kind_remote;    /* `detail`: its priority */
extern const struct record_kind ice_kind_pair;      /* `detail`: its priority, but for an error response the code */
extern const struct record_kind ice_kind_check;     /* `detail`: which request of the transaction */
extern const struct record_kind ice_kind_valid;     /* `detail`: round trip, or -1 */
extern const struct record_kind ice_kind_nominated; /* `detail`: the pair's priority */
extern const struct record_kind ice_kind_selected;  /* `detail`: nanoseconds since the start */
extern const struct record_kind ice_kind_checklist; /* `subject[0]`: the stream */
extern const struct record_kind ice_kind_session;   /* `detail`: nanoseconds since the start */
extern const struct record_kind ice_kind_released;  /* `subject[0]`: the stream */
extern const struct record_kind ice_kind_role;
extern const struct record_kind ice_kind_consent_lost;
extern const struct record_kind ice_kind_request_refused; /* `detail`: the code */
extern const struct record_kind ice_kind_response_ignored;
extern const struct record_kind ice_kind_restarted; /* `detail`: the generation */

/* The record of an event: all but `node`, which the io seam fills in (and `packet`, where the engine knows one). */
void ice_event_record(const struct ice_event *event, struct record *record);

#endif
