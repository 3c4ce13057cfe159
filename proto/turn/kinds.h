/* The journal kinds of a TURN server: what it decides, in numbers, and how to say it.
 *
 * `subject[0]` is the allocation's number at that server (0: there is none). Where nothing else is said, `before` is the
 * flow of the client's leg, from the client to the server. `packet` names the packet that came, where the world has names. */
#ifndef PROTO_TURN_KINDS_H
#define PROTO_TURN_KINDS_H

#include "core/base/journal.h"

/* Why an allocation ended. */
enum turn_why {
    TURN_WHY_EXPIRED,      /* nobody refreshed it */
    TURN_WHY_DELETED,      /* a Refresh with a LIFETIME of zero */
    TURN_WHY_DISCONNECTED, /* the client's connection is gone */
    TURN_WHY_COUNT
};

/* How data travels between client and server. */
enum turn_form { TURN_FORM_INDICATION, TURN_FORM_CHANNEL };

/* `after`: from the relayed address, to nowhere. `detail`: the lifetime, nanoseconds. */
extern const struct record_kind turn_kind_allocated;
extern const struct record_kind turn_kind_refreshed;
/* `rule`: enum turn_why. `detail`: how long it has lived. `subject[1]`: data it has relayed, both directions together, in
 * KiB, rounded up; streams of RFC 6062 are told of on their own. */
extern const struct record_kind turn_kind_ended;
/* An error response goes back. `rule`: the method. `detail`: the code. */
extern const struct record_kind turn_kind_refused;
/* `after`: to the peer, without ports. */
extern const struct record_kind turn_kind_permitted;
extern const struct record_kind turn_kind_permission_ended;
/* `after`: to the peer. `subject[1]`: the channel's number. */
extern const struct record_kind turn_kind_bound;
extern const struct record_kind turn_kind_unbound;
/* A datagram of a client goes on: `after` from the relayed address to the peer. `subject[1]`: the channel; 0: it came in a
 * Send indication. `detail`: bytes of data. */
extern const struct record_kind turn_kind_to_peer;
/* A datagram of a peer goes on: `before` from the peer to the relayed address, `after` from the server to the client. */
extern const struct record_kind turn_kind_to_client;
/* An ICMP error about what was relayed goes to the client; flows as above. `rule`: type and code, 8 bits each. */
extern const struct record_kind turn_kind_icmp;
/* `reason`: why something ended here; `before`: as it came. */
extern const struct record_kind turn_kind_dropped;
/* RFC 6062. `after`: from the relayed address to the peer. `subject[1]`: the connection's ID. */
extern const struct record_kind turn_kind_connected; /* `rule`: 1, the peer has connected; 0, the client asked for it */
extern const struct record_kind turn_kind_joined;    /* the client's data connection has come */
extern const struct record_kind turn_kind_parted;    /* it is over; `detail`: bytes that went through it */

#endif
