/* Candidates, and the numbers that order them (RFC 8445 section 5.1; RFC 6544 for TCP; RFC 8421 for hosts with both
 * families).
 *
 * Plain values and arithmetic: nothing here knows a session, SDP or a socket. */
#ifndef PROTO_ICE_CANDIDATE_H
#define PROTO_ICE_CANDIDATE_H

#include "core/base/address.h"

/* RFC 8445 section 4. */
enum ice_type { ICE_HOST, ICE_SRFLX, ICE_PRFLX, ICE_RELAY };
#define ICE_TYPES 4

/* RFC 6544 section 3. */
enum ice_transport { ICE_UDP, ICE_TCP_ACTIVE, ICE_TCP_PASSIVE, ICE_TCP_SO };
#define ICE_TRANSPORTS 4

#define ICE_FOUNDATION_MOST 32 /* RFC 8839 section 5.1 */
#define ICE_COMPONENT_MOST 256
#define ICE_TCP_DISCARD_PORT 9 /* what an active candidate has as port (RFC 6544 section 4.5) */

struct ice_candidate {
    enum ice_type type;
    enum ice_transport transport;
    uint8_t stream;            /* which data stream, from 0 */
    uint16_t component;        /* of the stream, from 1 to 256 */
    uint16_t local_preference; /* of a local one; 65535 when there is one address only */
    uint32_t priority;         /* 1 to 2^31 - 1 */
    struct endpoint endpoint;  /* where the peer sends to */
    struct endpoint base;      /* of a local one: where packets for it arrive and checks leave; of a host or relayed one
                                * its own endpoint (section 5.1.1) */
    struct endpoint related;   /* told to the peer for diagnostics: the base of a reflexive one, the mapped address of a
                                * relayed one; none: not known, or hidden */
    struct endpoint server;    /* the STUN or TURN server it was learned from; none for host and prflx */
    char foundation[ICE_FOUNDATION_MOST + 1];
};

/* "host", "srflx", "prflx", "relay"; and how a student calls them: "server-reflexive", ... */
const char *ice_type_word(enum ice_type type);
const char *ice_type_phrase(enum ice_type type);
/* "udp", "tcp-active", "tcp-passive", "tcp-so" */
const char *ice_transport_word(enum ice_transport transport);

/* 126, 110, 100, 0 for host, prflx, srflx and relay (RFC 8445 section 5.1.2.2). */
unsigned ice_type_preference(enum ice_type type);

/* 2^24 type preference + 2^8 local preference + 256 - component (section 5.1.2.1). */
uint32_t ice_priority(unsigned type_preference, unsigned local_preference, unsigned component);
/* The same for a candidate, by its type, local preference and component. */
uint32_t ice_candidate_priority(const struct ice_candidate *candidate);
/* What it would have as peer-reflexive candidate: the value of PRIORITY in checks from it (section 7.1.1). */
uint32_t ice_candidate_prflx_priority(const struct ice_candidate *candidate);

/* 2^32 min(G, D) + 2 max(G, D) + (G > D), G being the controlling agent's candidate (section 6.1.2.3). */
uint64_t ice_pair_priority(uint32_t controlling, uint32_t controlled);

/* The local preference of a TCP candidate: 2^13 direction preference + `other` (RFC 6544 section 4.2). `other` orders
 * addresses, up to 8191: the value for a single one. */
uint16_t ice_tcp_local_preference(enum ice_type type, enum ice_transport transport, unsigned other);
#define ICE_TCP_OTHER_MOST 8191

/* An address of the host, to be ordered. */
struct ice_address {
    struct address address;
    bool unreliable; /* on an interface that is known to be bad: comes after all others (RFC 8421 section 3) */
};

/* Orders the addresses of a host with both families: `order[0]` is the index of the one to prefer most. IPv6 comes
 * first, and the n IPv4 addresses are strewn in so that each stands at the end of a run of (IPv4 + IPv6) / IPv4
 * (RFC 8421 section 4); within a family the caller's order stays. Up to ICE_ADDRESSES_MOST; the rest is left out.
 * Returns how many stand in `order`. */
#define ICE_ADDRESSES_MOST 64
size_t ice_address_order(const struct ice_address *addresses, size_t count, uint16_t *order);

/* The local preference of the address at `rank` in that order: 65535, 64535, ... (an address that is the only one has
 * 65535, section 5.1.2.1); and the `other` preference of its TCP candidates: 8191, 8066, ... */
uint16_t ice_local_preference(size_t rank);
uint16_t ice_tcp_other_preference(size_t rank);

/* Whether two local candidates have the same foundation: same type, same IP address of the base, same IP address of the
 * server, same transport (section 5.1.1.3). TCP types differ among themselves (RFC 6544 section 4.1). */
bool ice_same_foundation(const struct ice_candidate *a, const struct ice_candidate *b);

/* Gives `candidate` the foundation of the one among `others` that shares it, or else a new one: a number that none of
 * them has. */
void ice_foundation_assign(struct ice_candidate *candidate, const struct ice_candidate *others, size_t count);

/* Whether one of two local candidates of a component is redundant: same transport address, same base (section
 * 5.1.3). */
bool ice_is_redundant(const struct ice_candidate *a, const struct ice_candidate *b);

/* 1 to 32 characters of ALPHA, DIGIT, '+' and '/' (RFC 8839 section 5.1); for ufrag and password with their lengths. */
bool ice_is_ice_chars(struct span text, size_t least, size_t most);

#endif
