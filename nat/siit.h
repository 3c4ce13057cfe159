/* Translating headers between IPv4 and IPv6: RFC 7915, which calls itself the IP/ICMP translation algorithm (SIIT).
 *
 * Stateless: whoever calls has decided which ends the packet is to have, in the other family, and has room for a longer
 * header (PACKET_HEADROOM). The packet is rewritten in place; payloads stay where they are, and checksums are mended
 * (RFC 1624) but for those of ICMP errors, which are made anew.
 *
 * - IPv4 options and IPv6 extension headers do not go across (sections 4.1, 5.1).
 * - Nodes with a middlebox put fragments together first, so there is always a whole datagram: a UDP checksum of 0 can be
 *   made up for (section 4.5), and no fragment header needs to be translated. What came in pieces may go in pieces: an
 *   IPv4 packet that may be fragmented goes on as IPv6 in pieces of 1280 bytes (section 4), an IPv6 one as IPv4 without
 *   DF (section 5.1.1).
 * - Where an IPv6 packet becomes an IPv4 one of up to 1260 bytes, that may be fragmented too (section 5.1).
 * - Extensions of RFC 4884 behind what an ICMP error quotes are left behind. */
#ifndef NAT_SIIT_H
#define NAT_SIIT_H

#include "core/net/packet.h"
#include "core/net/rewrite.h"

#define SIIT_HEADERS_DIFFER 20  /* an IPv6 header is so much longer */
#define SIIT_ATOMIC_LENGTH 1260 /* IPv4 packets up to here go without DF (section 5.1) */

/* Translates a whole packet that is no ICMP error: UDP, TCP, echo. `flow` has the ends it shall have, ports as well (for
 * echo the identifier at the end that has one); the protocol follows by itself. `identification` is for an IPv4 header
 * without DF. DROP_NONE, or DROP_NO_COUNTERPART with the packet as it was. */
enum drop_reason siit_translate(struct packet *packet, const struct flow *flow, uint16_t identification);

/* Whether siit_translate would take it. */
bool siit_can_translate(const struct packet *packet);

/* The next hops' MTUs, on both sides of the translator. */
struct siit_mtus {
    uint32_t ipv4, ipv6;
};

/* The same for an ICMP error: `quote` is as it was read from the packet, `quoted` what its flow shall be. */
enum drop_reason siit_translate_error(struct packet *packet, const struct quote *quote, const struct flow *flow,
                                      const struct flow *quoted, struct siit_mtus mtus);

/* An ICMP error in the other family: RFC 7915 sections 4.2 and 5.2. */
struct siit_error {
    uint8_t type, code;
    uint32_t info; /* the second header word: the MTU, the pointer */
};

/* `packet_length` is that of the packet which was too big, for an IPv4 error that tells no MTU. False: there is no
 * counterpart. */
bool siit_error_to_ipv6(struct siit_error *error, uint32_t packet_length, struct siit_mtus mtus);
bool siit_error_to_ipv4(struct siit_error *error, struct siit_mtus mtus);

#endif
