/* Rewriting packets in place: what translators do. Bytes, checksums (RFC 1624) and the parsed members stay in step.
 *
 * The packet must be PACKET_CHECKED; addresses stay of its family. A UDP checksum of 0 stays 0, and a computed 0 becomes
 * 0xffff (RFC 768). In a later fragment only the address is there to be rewritten. */
#ifndef CORE_NET_REWRITE_H
#define CORE_NET_REWRITE_H

#include "core/net/packet.h"
#include "core/net/tcp_segment.h"

/* For ICMP queries the port is the identifier, at the end that has one (see struct flow). */
void packet_rewrite_source(struct packet *packet, struct address address, uint16_t port);
void packet_rewrite_destination(struct packet *packet, struct address address, uint16_t port);

/* Gives an IPv4 packet another identification. */
void packet_renumber(struct packet *packet, uint16_t identification);

/* The data of a whole UDP datagram, borrowed; empty of anything else, and of one whose length is a lie. */
struct span packet_udp_data(const struct packet *packet);

/* `count` bytes of that data, from `at` on, become others. */
struct packet_change {
    uint32_t at, count;
    struct span bytes;
};

/* Makes changes to the data, which stand in order and apart from each other: what is behind them moves when they make it
 * longer or shorter, and the lengths and the checksum follow (a checksum that was wrong stays wrong). False, and nothing
 * has changed, when the packet's buffer has no room for it, or no datagram can be that long. */
bool packet_change_data(struct packet *packet, const struct packet_change *changes, unsigned count)
    G_GNUC_WARN_UNUSED_RESULT;

/* Gives a whole TCP segment, whose checksum is right, other numbers and data: `segment` is as read from the packet, with
 * another seq, ack, window, urgent, flags, timestamps or SACK blocks, of which there may be fewer. Its other options stay.
 * `data` may be the packet's own. The checksum is right afterwards. False, and nothing has changed, when the packet's
 * buffer has no room for it, or no packet can be that long. */
bool packet_change_segment(struct packet *packet, const struct tcp_segment *segment, struct span data)
    G_GNUC_WARN_UNUSED_RESULT;

/* The packet that an ICMP error quotes, as far as it is quoted (RFC 792: header and 8 bytes; RFC 1812: more; RFC 4443
 * section 2.4 c: what fits into 1280 bytes). */
struct quote {
    struct flow flow;    /* of the quoted packet, in the direction in which it went */
    uint32_t offset;     /* of the quoted IP header from the ICMP packet's `data` */
    uint32_t transport;  /* of the quoted transport header, likewise */
    uint8_t type, code;  /* of the error */
    uint32_t info;       /* the second word: next-hop MTU in "fragmentation needed" and "packet too big" */
    bool is_icmp_error;  /* the quoted packet was itself an ICMP error: never answered, never translated */
    bool later_fragment; /* it has no ports: only of an IPv6 "packet too big", which tells of the path */
};

/* Reads the quote of a PACKET_ICMP_ERROR. The ICMP checksum and the quoted IP header's must be right (RFC 5508 REQ-3),
 * the quoted transport checksum is not looked at, its IP options or extension headers are skipped, and the zero padding
 * and extensions of RFC 4884 behind it are left alone. DROP_NONE, DROP_BAD_CHECKSUM or DROP_ICMP_BAD_QUOTE. */
enum drop_reason packet_read_quote(const struct packet *packet, struct quote *quote);

/* Rewrites the source or destination inside the quote and mends the quoted IP header, the quoted transport checksum
 * where it is there, and the ICMP checksum (RFC 5508 section 4.2). `quote` is as read from this packet and is
 * updated. */
void packet_rewrite_quote_source(struct packet *packet, struct quote *quote, struct endpoint source);
void packet_rewrite_quote_destination(struct packet *packet, struct quote *quote, struct endpoint destination);

#endif
