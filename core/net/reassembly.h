/* Reassembly of fragments of both families (RFC 791 section 3.2, RFC 1122 section 3.3.2; RFC 8200 section 4.5), with the
 * overlap rule of IPv6 for both.
 *
 * One per node that needs it, made at first use. Datagrams wait at most 30 seconds, in IPv6 60; then they end as
 * DROP_FRAGMENT_TIMEOUT, with an ICMP time exceeded (code 1) when the first fragment had come. At most 64 datagrams and
 * 1 MiB wait; beyond that the oldest ends as DROP_FRAGMENT_LIMIT (RFC 4787 REQ-14a).
 *
 * Any overlap ends all that has come of the datagram, silently (RFC 5722); an exact duplicate of a waiting fragment
 * ends only itself, as RFC 8200 section 4.5 allows. What comes after an overlap begins a new datagram: RFC 5722
 * would discard that too, RFC 8200, which replaced it, no longer does, and an identification may be used again soon. */
#ifndef CORE_NET_REASSEMBLY_H
#define CORE_NET_REASSEMBLY_H

#include "core/net/node.h"

#define REASSEMBLY_TIME (30 * TIME_S)
#define REASSEMBLY_TIME_IPV6 (60 * TIME_S)
#define REASSEMBLY_DATAGRAMS 64
#define REASSEMBLY_BYTES (1 << 20)

struct reassembly;

struct reassembly *reassembly_new(struct node *node);
void reassembly_free(struct reassembly *reassembly);

/* Takes over a fragment. Returns the whole datagram, checked, with the first fragment's name, when this one completed
 * it; the fragments then count as delivered. Otherwise NULL: it waits, or was dropped. Of IPv6 the whole is PACKET_CUT
 * to the size of the largest fragment: should it go on, it goes as its source has cut it. */
struct packet *reassembly_add(struct reassembly *reassembly, struct packet *fragment);

/* Drops everything that waits, as DROP_NODE_DOWN. */
void reassembly_clear(struct reassembly *reassembly);

#endif
