/* The journal kinds of signalling. Names of peers stand in the records as their first characters: `subject` has those of
 * the sender, `detail` those of the receiver. `before` is the way of the request. */
#ifndef PROTO_HTTP_SIGNAL_KINDS_H
#define PROTO_HTTP_SIGNAL_KINDS_H

#include "core/base/journal.h"
#include "core/base/span.h"

/* Servers. */
extern const struct record_kind signal_kind_taken;    /* a message from a sender */
extern const struct record_kind signal_kind_repeated; /* one that was there before */
extern const struct record_kind signal_kind_handed;   /* a message to its receiver */
extern const struct record_kind signal_kind_refused;  /* `rule`: enum signal_reason; no names */
/* Clients: `rule` is enum signal_outcome, `subject[0]` how many requests went out, `detail` the receiver's name. */
extern const struct record_kind signal_kind_retried; /* a request came to nothing and will be sent again */
extern const struct record_kind signal_kind_failed;  /* given up */

/* A record's numbers for a name. */
void signal_record_sender(struct record *record, struct span name);
void signal_record_receiver(struct record *record, struct span name);

#endif
