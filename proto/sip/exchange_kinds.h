/* The journal kinds of a SIP server: who has registered where, and what became of requests. Of a user's name the record
 * holds its first eight letters. `before`: whence the request came and where to. */
#ifndef PROTO_SIP_EXCHANGE_KINDS_H
#define PROTO_SIP_EXCHANGE_KINDS_H

#include "core/base/journal.h"

/* A binding. `before`: its flow; `rule`: enum sip_binding_change; `detail`: seconds. */
extern const struct record_kind sip_kind_bound;
extern const struct record_kind sip_kind_unbound;
/* A REGISTER that changed nothing. `rule`: enum sip_registering. */
extern const struct record_kind sip_kind_register_refused;
/* A request goes on. `after`: the flow to the next hop; `rule`: enum sip_method. */
extern const struct record_kind sip_kind_forwarded;
/* A request is refused. `rule`: enum sip_method; `detail`: enum sip_refusal. */
extern const struct record_kind sip_kind_request_refused;
/* A final response goes back. `before`: from whom the request came; `rule`: enum sip_method; `detail`: its status. */
extern const struct record_kind sip_kind_returned;

/* The user's name in `subject`. */
void sip_record_user(struct record *record, const char *user);

#endif
