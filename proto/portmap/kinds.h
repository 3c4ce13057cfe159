/* The journal kinds of port control: what its servers and clients decide, in numbers, and how to say it.
 *
 * In `before` stands the flow of the request as it came or went; in `after`, where a mapping was granted or ended, the
 * internal endpoint as source and the external one as destination. `rule` is enum portmap_via, `subject[0]` the code of
 * a refusal in that protocol's own numbers (or a HTTP status), `detail` the lifetime in seconds. */
#ifndef PROTO_PORTMAP_KINDS_H
#define PROTO_PORTMAP_KINDS_H

#include "core/base/journal.h"

/* Servers. */
extern const struct record_kind portmap_kind_served;
extern const struct record_kind portmap_kind_refused;
extern const struct record_kind portmap_kind_dropped; /* `reason` */

/* Clients. */
extern const struct record_kind
    portmap_kind_asked; /* `subject[1]`: which request of this transaction, from 1; of UPnP which step */
extern const struct record_kind portmap_kind_granted;
extern const struct record_kind portmap_kind_failed;   /* `subject[1]`: enum portmap_failure */
extern const struct record_kind portmap_kind_lost;     /* the gateway has started over */
extern const struct record_kind portmap_kind_fallback; /* from PCP to NAT-PMP */

/* The code in that protocol's words; "" for UPnP, which sends a text of its own. */
const char *portmap_code_word(unsigned via, unsigned code);

#endif
