/* The journal kinds of SIP's user agent. `subject` has the first characters of the agent's user; `before` is the way from
 * the agent to the other side (the registrar, or the next hop of the call), as far as it is known. */
#ifndef PROTO_SIP_AGENT_KINDS_H
#define PROTO_SIP_AGENT_KINDS_H

#include "core/base/journal.h"
#include "core/base/span.h"

/* `after`: from the contact that was registered, to the address that the registrar saw, if it told. `detail`: for how
 * long, nanoseconds. */
extern const struct record_kind sip_agent_kind_registered;
/* `rule`: enum sip_why; `detail`: a status, or 0. */
extern const struct record_kind sip_agent_kind_register_failed;
extern const struct record_kind sip_agent_kind_unregistered;

/* Calls. `rule`: enum sip_why, plus 256 when the call is one that came; `detail`: a status, or 0. */
extern const struct record_kind sip_call_kind_offered;
extern const struct record_kind sip_call_kind_ringing;
extern const struct record_kind sip_call_kind_answered;
extern const struct record_kind sip_call_kind_changed;
extern const struct record_kind sip_call_kind_ended;

/* A record's numbers for a name. */
void sip_record_name(struct record *record, struct span name);

#endif
