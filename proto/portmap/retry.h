/* When a request is sent again, and when its sender gives up. Machines: they know no io.
 *
 * NAT-PMP (RFC 6886 section 3.1): 250 ms, doubled each time; after the ninth request 64 s are waited, 127.75 s in all.
 * PCP (RFC 6887 section 8.1.1): 3 s, doubled each time up to 1024 s, each wait longer or shorter by up to a tenth;
 * without end, unless the owner sets one. */
#ifndef PROTO_PORTMAP_RETRY_H
#define PROTO_PORTMAP_RETRY_H

#include "core/base/time.h"
#include "proto/portmap/control.h"

enum portmap_step { PORTMAP_WAIT, PORTMAP_RESEND, PORTMAP_GIVE_UP };

/* A plain value; members are read-only for others. */
struct portmap_retry {
    enum portmap_via via;
    int64_t deadline; /* when to ask again */
    int64_t interval; /* the last wait */
    int64_t end;      /* TIME_NEVER: none */
    unsigned sent;
};

/* The first request goes out now. `patience`: how long at most, 0 for what the protocol says. `dice`: a random number;
 * each call draws its own. */
void portmap_retry_start(struct portmap_retry *retry, enum portmap_via via, int64_t patience, int64_t now,
                         uint32_t dice);
/* `now` has come. Before the deadline: PORTMAP_WAIT. */
enum portmap_step portmap_retry_fire(struct portmap_retry *retry, int64_t now, uint32_t dice);

#endif
