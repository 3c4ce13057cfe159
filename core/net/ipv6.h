/* What only IPv6 has: extension headers, and fragments that a source makes (RFC 8200).
 *
 * The header check walks the chain of extension headers to the transport header and looks at its shape only. What the
 * headers ask for is looked at where the packet ends (ipv6_accept): routers here examine no hop-by-hop options, as RFC
 * 8200 section 4 allows. */
#ifndef CORE_NET_IPV6_H
#define CORE_NET_IPV6_H

#include "core/net/ip.h"

struct node;

#define IPV6_MTU_MIN 1280 /* RFC 8200 section 5: every link carries this much, in pieces of its own if need be */
#define IPV6_FRAGMENT_HEADER 8
#define IPV6_EXTENSIONS_MAX 8 /* headers in one packet; RFC 8504 section 5.3 lets a node have a limit */

enum ipv6_next {
    IPV6_HOP_BY_HOP = 0,
    IPV6_ROUTING = 43,
    IPV6_FRAGMENT = 44,
    IPV6_NO_NEXT = 59,
    IPV6_DESTINATION = 60,
};

/* Where things are in a packet, as offsets from its first byte. */
struct ipv6_chain {
    uint8_t next;         /* what comes behind the last extension header, */
    uint32_t next_at;     /* the byte that says so, */
    uint32_t end;         /* and where it begins */
    uint32_t split;       /* where the part that fragments share ends (section 4.5, "per-fragment headers"), */
    uint32_t split_at;    /* and the byte that says what comes there */
    uint32_t fragment;    /* the fragment header; 0: there is none */
    uint32_t fragment_at; /* the byte that says that it is one */
    uint32_t offset;      /* what it says: bytes before this piece, */
    uint32_t identification;
    bool more;            /* and whether others come behind */
};

/* Walks the extension headers: as far as one that is none or not known, and no further than the fragment header of a
 * later fragment. False when they are malformed, more than IPV6_EXTENSIONS_MAX, or run out of the packet, in a first
 * fragment too (RFC 7112 section 5). The fixed header must be there. */
bool ipv6_walk(struct span packet, struct ipv6_chain *chain);

/* The IPv6 part of ip_check_headers, and of ip_build but for the members of the packet. */
enum drop_reason ipv6_check(struct packet *packet);
void ipv6_write(struct packet *packet, const struct ip_template *header);

/* Cuts a packet into fragments of at most `size` bytes, in order (RFC 8200 section 4.5). Takes over the packet, which
 * becomes the first of `out`. The extra ones count as sent. */
void ipv6_fragment(struct world *world, struct packet *packet, uint32_t size, uint32_t identification,
                   struct packet_list *out);

/* What a destination does with the extension headers of a whole packet that has some: options it does not know (section
 * 4.2), source routes (RFC 5095), next headers it does not know. False when the packet has been ended, its sender told
 * where the RFC has it. */
bool ipv6_accept(struct node *node, struct packet *packet);

#endif
