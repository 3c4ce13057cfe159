/* The journal kinds of the TURN client. Its transactions journal themselves (proto/stun/kinds.h); here is what comes
 * of them.
 *
 * `before` is the flow from the client's socket to the server. `after` has the relayed endpoint as its source, once
 * there is one, and the peer as its destination. `rule`: enum turn_client_why, where something has failed;
 * `subject[0]` is then the error code. */
#ifndef PROTO_TURN_CLIENT_KINDS_H
#define PROTO_TURN_CLIENT_KINDS_H

#include "core/base/journal.h"

/* What comes of an attempt that has failed. */
enum turn_client_again {
    TURN_CLIENT_AGAIN_PORT,        /* from another port */
    TURN_CLIENT_AGAIN_TCP,         /* by TCP */
    TURN_CLIENT_AGAIN_ELSEWHERE,   /* at the alternate server */
    TURN_CLIENT_AGAIN_PLAIN,       /* without EVEN-PORT or token */
    TURN_CLIENT_AGAIN_NO_FRAGMENT, /* without DONT-FRAGMENT */
    TURN_CLIENT_AGAIN_LATER,       /* after a pause */
    TURN_CLIENT_AGAIN_COUNT
};

extern const struct record_kind turn_client_kind_allocated; /* `after.destination`: mapped; `detail`: lifetime, ns */
extern const struct record_kind turn_client_kind_refreshed; /* `detail`: lifetime, ns */
extern const struct record_kind turn_client_kind_again;  /* `subject[1]`: enum turn_client_again; `detail`: pause, ns */
extern const struct record_kind turn_client_kind_failed; /* there will be no allocation */
extern const struct record_kind turn_client_kind_lost;
extern const struct record_kind turn_client_kind_released;
/* `subject[1]`: the channel's number; `detail`: whether it was there before. */
extern const struct record_kind turn_client_kind_permitted;
extern const struct record_kind turn_client_kind_bound;
extern const struct record_kind turn_client_kind_refused; /* of either: number 0 for a permission */
/* RFC 6062: `subject[1]` is the CONNECTION-ID. */
extern const struct record_kind turn_client_kind_connected;
extern const struct record_kind
    turn_client_kind_dropped; /* `reason`; `after.destination`: the peer, where it is known */

#endif
