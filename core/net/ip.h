/* IP headers: checking, building, fragmenting. Of both families; what only IPv6 has is in core/net/ipv6.h. */
#ifndef CORE_NET_IP_H
#define CORE_NET_IP_H

#include "core/net/checksum.h"
#include "core/net/packet.h"

#define IP_TTL_DEFAULT 64
#define IPV4_HEADER 20
#define IPV6_HEADER 40
#define UDP_HEADER 8
#define ICMP_HEADER 8

/* Checks the IP header (version, lengths, options or extension headers, checksum, addresses; RFC 791, RFC 1122 section
 * 3.2.1, RFC 1812 section 5.2.2; RFC 8200) and the transport header's lengths, cuts trailing bytes off, and fills the
 * packet's parsed members. What only the destination may refuse, such as an unknown IPv6 option, is not looked at.
 * Returns DROP_NONE and sets PACKET_CHECKED, or the reason. A packet that is PACKET_CHECKED already costs nothing. */
enum drop_reason ip_check_headers(struct packet *packet);

static inline enum drop_reason
ip_check(struct packet *packet)
{
    return packet_is(packet, PACKET_CHECKED) ? DROP_NONE : ip_check_headers(packet);
}

/* Verifies the checksum of the transport header over the whole datagram: what an end host does (RFC 1122 section
 * 4.1.3.4). Of a packet that is PACKET_SUM_GOOD nothing needs to be summed up. */
bool ip_transport_checksum_ok(const struct packet *packet);

/* Whether it is a UDP datagram that came over IPv6 with no checksum, which is never right (RFC 8200 section 8.1). */
bool ip_lacks_checksum(const struct packet *packet);

/* The IP header that a node gives to packets of this family. */
static inline unsigned
ip_header_size(struct address address)
{
    return address_is_ipv4(address) ? IPV4_HEADER : IPV6_HEADER;
}

/* The largest packet of this family, header included (RFC 8200 section 3: an IPv6 one counts only what follows). */
static inline size_t
ip_packet_max(struct address address)
{
    return address_is_ipv4(address) ? PACKET_MAX : PACKET_MAX + IPV6_HEADER;
}

/* What goes into a new header. IPv6 has no identification there, and routers never fragment it: then `dont_fragment`
 * keeps the source itself from doing so. */
struct ip_template {
    struct address source, destination;
    uint8_t protocol, ttl, tos;
    bool dont_fragment;
    uint16_t identification;
};

/* Writes the header in front of the packet's data, which must be the transport part with its right checksum in
 * place, and sets PACKET_CHECKED, PACKET_SUM_GOOD and the parsed members. */
void ip_build(struct packet *packet, const struct ip_template *header);

/* One less, checksum mended (RFC 1812 section 5.3.1; RFC 8200 section 3 calls it hop limit). It must be above 0. */
static inline void
ip_decrement_ttl(struct packet *packet)
{
    uint8_t *checksum = packet->data + 10;
    uint16_t old = (uint16_t)(checksum[0] << 8 | checksum[1]);
    uint16_t mended = checksum_mend(old, 0x100, 0); /* the TTL is the high byte of its word */

    g_assert(packet->ttl > 0);
    packet->ttl--;
    if (packet_is(packet, PACKET_IPV6)) {
        packet->data[7] = packet->ttl;
        return;
    }
    checksum[0] = (uint8_t)(mended >> 8);
    checksum[1] = (uint8_t)mended;
    packet->data[8] = packet->ttl;
}

/* Cuts an IPv4 packet into fragments of at most `mtu` bytes (RFC 791 section 3.2), in order; options marked for copying go
 * into each. Takes over the packet, which becomes the first of `out`. The extra ones count as sent. */
void ip_fragment(struct world *world, struct packet *packet, uint32_t mtu, struct packet_list *out);

#endif
