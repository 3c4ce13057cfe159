/* Addresses, endpoints, prefixes and flows of both families, as plain values.
 *
 * An address is 128 bits in host order. An IPv4 address is held in its IPv4-mapped form (::ffff:a.b.c.d, RFC 4291
 * section 2.5.5.2), which never stands in a packet as itself, so the family is read off the value and comparing is two
 * words. All bits zero is "no address" and at once the unspecified IPv6 address. */
#ifndef CORE_BASE_ADDRESS_H
#define CORE_BASE_ADDRESS_H

#include "core/base/span.h"

enum family { FAMILY_NONE, FAMILY_IPV4, FAMILY_IPV6 };

/* The protocol numbers that the lab knows (IANA). */
enum protocol { PROTOCOL_ICMP = 1, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, PROTOCOL_ICMPV6 = 58 };

struct address {
    uint64_t high, low;
};

struct endpoint {
    struct address address;
    uint16_t port;
};

/* `length` counts bits within the address's own family: 0 to 32, or 0 to 128. Bits beyond it may be set:
 * "10.0.0.254/24" is a prefix and an address in it. */
struct prefix {
    struct address address;
    uint8_t length;
};

/* One direction of a conversation, in host order. An ICMP query has its identifier as the port of the end that asked
 * and 0 at the other; other ICMP and fragments after the first have no ports. */
struct flow {
    struct address source, destination;
    uint16_t source_port, destination_port;
    uint8_t protocol;
};

#define ADDRESS_NONE ((struct address){ 0, 0 })
#define ADDRESS_TEXT 46  /* room for any address in text, with its NUL */
#define ENDPOINT_TEXT 56 /* room for "[address]:port", with its NUL */

#define ADDRESS_MAPPED_TAG UINT64_C(0xffff) /* bits 32 to 47 of `low` of an IPv4 address */

static inline struct address
address_ipv4(uint32_t value)
{
    return (struct address){ 0, ADDRESS_MAPPED_TAG << 32 | value };
}

static inline bool
address_is_ipv4(struct address address)
{
    return address.high == 0 && address.low >> 32 == ADDRESS_MAPPED_TAG;
}

/* The 32 bits of an IPv4 address; meaningless for IPv6. */
static inline uint32_t
address_to_ipv4(struct address address)
{
    return (uint32_t)address.low;
}

static inline bool
address_is_none(struct address address)
{
    return (address.high | address.low) == 0;
}

static inline enum family
address_family(struct address address)
{
    return address_is_ipv4(address) ? FAMILY_IPV4 : address_is_none(address) ? FAMILY_NONE : FAMILY_IPV6;
}

/* 0.0.0.0, :: or no address at all: "any" when binding. */
static inline bool
address_is_unspecified(struct address address)
{
    return address_is_none(address) || (address_is_ipv4(address) && address_to_ipv4(address) == 0);
}

static inline bool
address_equal(struct address a, struct address b)
{
    return ((a.high ^ b.high) | (a.low ^ b.low)) == 0;
}

static inline bool
endpoint_equal(struct endpoint a, struct endpoint b)
{
    return a.port == b.port && address_equal(a.address, b.address);
}

/* A total order: family, then value. For sorting, never for meaning. */
int address_compare(struct address a, struct address b);
int endpoint_compare(struct endpoint a, struct endpoint b);

/* 224.0.0.0/4, ff00::/8; 255.255.255.255; 127.0.0.0/8, ::1; 169.254.0.0/16, fe80::/10;
 * 10/8, 172.16/12, 192.168/16 (RFC 1918), 100.64/10 (RFC 6598) and fc00::/7 (RFC 4193). */
bool address_is_multicast(struct address address);
bool address_is_broadcast(struct address address);
bool address_is_loopback(struct address address);
bool address_is_link_local(struct address address);
bool address_is_private(struct address address);

/* Multicast or broadcast: for everybody, or a group, on a network. */
static inline bool
address_is_for_all(struct address address)
{
    if (address_is_ipv4(address))
        return address_to_ipv4(address) >> 28 == 14 || address_to_ipv4(address) == UINT32_MAX;
    return address.high >> 56 == 0xff;
}

/* The 4 or 16 bytes of a packet or message as an address. An IPv4-mapped IPv6 address becomes the IPv4 address. */
struct address address_from_bytes(const uint8_t *bytes, enum family family);

/* Writes 4 or 16 bytes by the address's family and returns how many (no address: 16 zeros). */
size_t address_to_bytes(struct address address, uint8_t bytes[16]);

/* Text in both directions: dotted quad, RFC 4291 in, RFC 5952 out. The formatters return `text`. The parsers take the
 * whole string or nothing; leading zeros, which some read as octal, are refused. An endpoint is "ip:port" or
 * "[ip]:port"; a prefix "ip/length". */
const char *address_format(struct address address, char text[ADDRESS_TEXT]);
const char *endpoint_format(struct endpoint endpoint, char text[ENDPOINT_TEXT]);
bool address_parse(const char *text, struct address *address);
bool endpoint_parse(const char *text, struct endpoint *endpoint);
bool prefix_parse(const char *text, struct prefix *prefix);

/* The number of bits in an address of this family: 32 or 128. */
static inline unsigned
family_bits(enum family family)
{
    return family == FAMILY_IPV4 ? 32 : 128;
}

/* Mask with the first `length` bits of the 128 set; IPv4 lengths are shifted by the caller's family (see below). */
static inline struct address
address_mask128(unsigned length)
{
    uint64_t high = length >= 64 ? UINT64_MAX : length == 0 ? 0 : ~(UINT64_MAX >> length);
    uint64_t low = length <= 64 ? 0 : length >= 128 ? UINT64_MAX : ~(UINT64_MAX >> (length - 64));

    return (struct address){ high, low };
}

/* The network part: `address` with all bits after `length` (counted in its family) cleared. */
static inline struct address
address_network(struct address address, unsigned length)
{
    struct address mask = address_mask128(address_is_ipv4(address) ? 96 + length : length);

    return (struct address){ address.high & mask.high, address.low & mask.low };
}

static inline bool
prefix_contains(struct prefix prefix, struct address address)
{
    struct address mask;

    if (address_is_ipv4(prefix.address)) /* a shift by 32 - 0 would be undefined on 32 bits, so it is done on 64 */
        return address_is_ipv4(address) &&
               ((prefix.address.low ^ address.low) & UINT32_MAX) >> (32 - prefix.length) == 0;
    if (address_is_ipv4(address))
        return false;
    mask = address_mask128(prefix.length);
    return (((prefix.address.high ^ address.high) & mask.high) | ((prefix.address.low ^ address.low) & mask.low)) == 0;
}

/* `address` plus `step`, within its family's bits: the n-th address of a pool. */
static inline struct address
address_add(struct address address, uint64_t step)
{
    if (address_is_ipv4(address))
        return address_ipv4((uint32_t)(address_to_ipv4(address) + step));
    return (struct address){ address.high + (address.low + step < address.low), address.low + step };
}

/* Mixes 64 bits so that each input bit moves every output bit; hash tables and random streams stand on it. */
static inline uint64_t
mix64(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* Hashes find, they never order: nothing that shows may depend on them. */
static inline uint64_t
address_hash(struct address address)
{
    return mix64(address.low ^ address.high * UINT64_C(0x9e3779b97f4a7c15));
}

static inline uint64_t
endpoint_hash(struct endpoint endpoint)
{
    return mix64(endpoint.address.low + endpoint.address.high * UINT64_C(0x9e3779b97f4a7c15) +
                 (uint64_t)endpoint.port * UINT64_C(0xd6e8feb86659fd93));
}

static inline uint64_t
span_hash(struct span bytes)
{
    uint64_t hash = bytes.length;

    for (size_t i = 0; i < bytes.length; i++)
        hash = mix64(hash ^ bytes.bytes[i]);
    return hash;
}

static inline struct endpoint
flow_source(const struct flow *flow)
{
    return (struct endpoint){ flow->source, flow->source_port };
}

static inline struct endpoint
flow_destination(const struct flow *flow)
{
    return (struct endpoint){ flow->destination, flow->destination_port };
}

/* The word for a protocol number ("udp", "icmp"), or NULL for one the lab has no word for. */
const char *protocol_name(uint8_t protocol);

#endif
