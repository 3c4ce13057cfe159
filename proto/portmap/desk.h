/* Where requests for port mappings are decided: what a server of PCP or NAT-PMP answers to a datagram. No io here: a
 * datagram, its sender and `now` in, an answer out. What is decided is told in a `struct portmap_served`.
 *
 * Whose a mapping is: a PCP mapping belongs to who knows its nonce (RFC 6887 section 18.1.2), one of NAT-PMP to its
 * internal address, one of UPnP to whoever comes (see igd.h). None of the three touches another's. */
#ifndef PROTO_PORTMAP_DESK_H
#define PROTO_PORTMAP_DESK_H

#include "core/base/cursor.h"
#include "core/base/reason.h"
#include "proto/portmap/leases.h"

/* The box's, lent to all its servers. */
struct portmap_desk {
    struct portmap_control *control;
    struct portmap_leases *leases;
    int64_t began;     /* when the tables began: epochs count from here */
    bool pcp, nat_pmp; /* which of the two port 5351 speaks */
    bool third_party;  /* a host may ask for another's mappings (RFC 6887 section 13.1) */
};

enum portmap_verdict { PORTMAP_SERVED, PORTMAP_REFUSED, PORTMAP_DROPPED };

struct portmap_served {
    enum portmap_verdict verdict;
    enum portmap_via via;
    uint8_t opcode;
    unsigned code;           /* the protocol's own result, of PORTMAP_REFUSED */
    enum drop_reason reason; /* of PORTMAP_DROPPED */
    bool mapping;            /* what follows is set: it was about one mapping */
    uint8_t protocol;
    struct endpoint internal, external;
    uint32_t lifetime; /* granted; 0: it was ended */
};

/* A datagram has come to the servers' port. Writes what goes back, if anything, and tells what was decided. */
void portmap_desk_answer(struct portmap_desk *desk, struct span datagram, struct endpoint peer, int64_t now,
                         struct writer *writer, struct portmap_served *served);

/* What both protocols announce to all (RFC 6887 section 14.1, RFC 6886 section 3.2.1). `inside`: an address of the
 * box's own on that network. */
void portmap_desk_announce_pcp(const struct portmap_desk *desk, int64_t now, struct writer *writer);
void portmap_desk_announce_nat_pmp(const struct portmap_desk *desk, struct address inside, int64_t now,
                                   struct writer *writer);

/* Parts that igd.h shares. `lease`: to be renewed, or NULL for a new one. */
enum portmap_result portmap_desk_map(struct portmap_desk *desk, const struct portmap_wish *wish,
                                     struct portmap_lease *lease, int64_t now, struct portmap_lease **granted);
void portmap_desk_unmap(struct portmap_desk *desk, struct portmap_lease *lease);

#endif
