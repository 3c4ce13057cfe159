/* Packets: the bytes from the IP header up, and what the lab knows of them.
 *
 * A packet has one owner, who passes it on, and ends it with packet_deliver, packet_drop or packet_end
 * (core/net/net.h) and no other way. Its buffer comes from the world's slabs in three sizes, with room in front for a
 * longer header, and behind for data that grows.
 *
 * The header check (core/net/ip.h) reads the headers once and leaves what it found in host order in `flow`, `ttl`,
 * `transport` and `flags`. Whoever changes bytes does it through core/net/rewrite.h, which keeps bytes, checksums
 * and these in step, or clears PACKET_CHECKED and PACKET_SUM_GOOD so that the next node checks again. */
#ifndef CORE_NET_PACKET_H
#define CORE_NET_PACKET_H

#include "core/base/journal.h"
#include "core/sim/world.h"

struct port;
struct wire;

enum packet_flags {
    PACKET_CHECKED = 1 << 0,    /* the headers were found good; the members below hold */
    PACKET_FRAGMENT = 1 << 1,   /* a piece of a datagram; ports are known in the first piece only */
    PACKET_LATER_FRAGMENT = 1 << 2, /* not the first piece: no transport header here */
    PACKET_DONT_FRAGMENT = 1 << 3,
    PACKET_ICMP_ERROR = 1 << 4, /* quotes another packet */
    PACKET_OPTIONS = 1 << 5,    /* has IP options, or IPv6 extension headers */
    PACKET_TRANSLATED = 1 << 6, /* a middlebox has rewritten it at this node: `leave` knows it has been done */
    PACKET_FROM_INSIDE = 1 << 7,/* the middlebox's own: it came in by an inside port of this node */
    PACKET_SUM_GOOD = 1 << 8,   /* the transport checksum was made by a node here and has been kept right since */
    PACKET_IPV6 = 1 << 9,
    PACKET_CUT = 1 << 10,       /* IPv6: goes on in fragments of at most `fragment_size` bytes, as its source has it */
};

struct packet {
    struct event event;             /* its arrival at the end of a link; a holder's deadline */
    struct packet *next, *previous; /* the list it is on: a link's, a holder's, a packet_list */

    uint8_t *data;                  /* the first byte of the IP header */
    uint32_t length;                /* from `data` */
    uint16_t transport;             /* offset of the transport header from `data` */
    uint16_t flags;                 /* enum packet_flags */
    packet_name name, cause;
    struct wire *wire;              /* the direction of a link that it is on */
    struct port *in;                /* the port by which it came to the node that has it; NULL: made there */
    struct flow flow;
    struct address next_hop;        /* on a segment: whom it is handed to; the multicast group or broadcast as such */

    void *holder;                   /* whoever holds it for a while: his own */

    uint8_t ttl;
    uint8_t reason;                 /* enum drop_reason: set with VERDICT_DROP */
    uint8_t size_class;
    uint8_t tos;                    /* DSCP << 2 | ECN, as in the header */
    uint16_t fragment_size;         /* with PACKET_CUT */
    uint8_t buffer[];
};

#define PACKET_HEADROOM 64 /* enough for IPv4 -> IPv6 with a fragment header, and to spare */
#define PACKET_MAX 65535   /* of an IPv4 datagram; an IPv6 packet may be 40 longer */

/* Packets in order, linked through themselves. */
struct packet_list {
    struct packet *first, *last;
};

static inline void
packet_list_push(struct packet_list *list, struct packet *packet)
{
    packet->next = NULL;
    packet->previous = list->last;
    if (list->last)
        list->last->next = packet;
    else
        list->first = packet;
    list->last = packet;
}

static inline void
packet_list_remove(struct packet_list *list, struct packet *packet)
{
    if (packet->previous)
        packet->previous->next = packet->next;
    else
        list->first = packet->next;
    if (packet->next)
        packet->next->previous = packet->previous;
    else
        list->last = packet->previous;
    packet->next = packet->previous = NULL;
}

static inline struct packet *
packet_list_pop(struct packet_list *list)
{
    struct packet *packet = list->first;

    if (packet)
        packet_list_remove(list, packet);
    return packet;
}

/* The packet's bytes, borrowed. */
static inline struct span
packet_span(const struct packet *packet)
{
    return span_of(packet->data, packet->length);
}

/* The bytes behind the IP header; empty for a packet that was not checked. */
static inline struct span
packet_transport(const struct packet *packet)
{
    return span_of(packet->data + packet->transport, packet->length - packet->transport);
}

static inline bool
packet_is(const struct packet *packet, enum packet_flags flags)
{
    return (packet->flags & flags) != 0;
}

#endif
