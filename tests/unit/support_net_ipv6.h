/* IPv6 packets built byte by byte, with whatever is wrong with them, and the small network of support_net.h with IPv6
 * addresses besides:
 *
 *     A 2001:db8:a::1 ---- router ---- 2001:db8:b::1 B        the router has 2001:db8:a::fe and 2001:db8:b::fe
 */
#ifndef TESTS_UNIT_SUPPORT_NET_IPV6_H
#define TESTS_UNIT_SUPPORT_NET_IPV6_H

#include "core/net/ipv6.h"
#include "tests/unit/support_net.h"

/* The lengths are made right; spoil the bytes afterwards. */
struct net6_template {
    struct address source, destination;
    uint8_t next; /* the first next header */
    uint8_t tos;
    uint8_t hop_limit;   /* 0: 64 */
    const char *headers; /* extension headers, in hexadecimal; NULL: none */
    struct span payload; /* behind those */
};

GByteArray *net6_build(const struct net6_template *header);
/* Transport parts with their checksums. */
GByteArray *net6_udp_payload(struct endpoint source, struct endpoint destination, struct span data);
GByteArray *net6_tcp_payload(struct endpoint source, struct endpoint destination, struct span data);
GByteArray *net6_icmp_payload(struct address source, struct address destination, uint8_t type, uint8_t code,
                              uint32_t word, struct span data);
/* Whole packets. */
GByteArray *net6_udp(const char *source, const char *destination, struct span data);
GByteArray *net6_icmp(const char *source, const char *destination, uint8_t type, uint8_t code, uint32_t word,
                      struct span data);
/* A fragment of `payload`, whose first header is `next`: `length` bytes from `offset`. */
GByteArray *net6_fragment(const char *source, const char *destination, uint8_t next, uint32_t identification,
                          unsigned offset, unsigned length, bool more, struct span payload);

/* The checksum over the pseudo-header and the transport part at `transport`, as it stands: 0xffff when it is right. */
uint16_t net6_sum(struct span packet, unsigned transport, uint8_t protocol);

/* What the ports of `trio` have in IPv6, besides; between net_trio_start and net_trio_end. */
void net6_trio_add(struct net_trio *trio);

/* The n-th packet that A (or another port of the trio) has seen coming in, as an ICMPv6 error: checks that it is whole and
 * right, and gives what it says. False when there is none. */
struct net6_error {
    struct address from, to;
    uint8_t type, code;
    uint32_t word;
    struct span quote; /* good as long as the tap is not cleared */
    uint32_t size;
};
bool net6_seen_error(const char *row, const struct net_trio *trio, uint32_t interface, unsigned n,
                     struct net6_error *error);

#endif
