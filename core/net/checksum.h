/* The internet checksum (RFC 1071), and mending it in place (RFC 1624). Sums are of big-endian 16-bit words. */
#ifndef CORE_NET_CHECKSUM_H
#define CORE_NET_CHECKSUM_H

#include "core/base/address.h"

/* The one's complement sum of `bytes` (an odd last byte is the high half of a word), added to `sum`; not folded. */
uint64_t checksum_add(uint64_t sum, struct span bytes);

/* Folds a sum to 16 bits; its complement is what stands in a header. */
static inline uint16_t
checksum_fold(uint64_t sum)
{
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static inline uint16_t
checksum_of(struct span bytes)
{
    return (uint16_t)~checksum_fold(checksum_add(0, bytes));
}

/* RFC 1624: the checksum after words summing to `old` were replaced by words summing to `new`; both sums under 2^31.
 * The old words are subtracted from a large multiple of 0xffff, which is zero in one's complement and keeps the sum
 * positive, so that a result of zero comes out as 0 as it does in a whole new sum. */
static inline uint16_t
checksum_mend(uint16_t checksum, uint64_t old, uint64_t new)
{
    uint64_t sum = (uint16_t)~checksum + (UINT64_C(0xffff) << 16) - old + new;

    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~((sum & 0xffff) + (sum >> 16));
}

/* The unfolded sum of an address's 16-bit words. */
static inline uint64_t
checksum_ipv4(uint32_t a)
{
    return (a >> 16) + (a & 0xffff);
}

static inline uint64_t
checksum_address(struct address a)
{
    if (address_is_ipv4(a))
        return checksum_ipv4(address_to_ipv4(a));
    return (a.high >> 48) + (a.high >> 32 & 0xffff) + (a.high >> 16 & 0xffff) + (a.high & 0xffff) + (a.low >> 48) +
           (a.low >> 32 & 0xffff) + (a.low >> 16 & 0xffff) + (a.low & 0xffff);
}

/* The pseudo-header of UDP and TCP (and, for IPv6, ICMP) as an unfolded sum. */
static inline uint64_t
checksum_pseudo(struct address source, struct address destination, uint8_t protocol, uint32_t length)
{
    return checksum_address(source) + checksum_address(destination) + protocol + (length >> 16) + (length & 0xffff);
}

#endif
