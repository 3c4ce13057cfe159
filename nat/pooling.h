/* Pooling: which external address an internal one gets, and how many mappings it has.
 *
 * A pool is all addresses of one family on a node's outside ports. Where pooling is paired (RFC 4787 REQ-2), an internal
 * address keeps its external one as long as it has mappings; otherwise each mapping gets the next of the pool in
 * turn. */
#ifndef NAT_POOLING_H
#define NAT_POOLING_H

#include "core/net/node.h"
#include "nat/mappings.h"

/* The addresses of `family` that a packet which leaves by `out` may get: those of that port when it has any, else of all
 * outside ports. */
uint64_t pool_size(const struct node *node, const struct port *out, enum family family);
/* The n-th of them; `n` below the pool's size. */
struct address pool_address(const struct node *node, const struct port *out, enum family family, uint64_t n);

/* Which of those of all outside ports an IPv4 address is, from 0; false when it is none. */
bool pool_index(const struct node *node, struct address address, uint64_t *n);

/* The IPv4 addresses of the networks that the node's inside ports are on, in the order of the ports: how many there
 * are, the n-th of them, and which one `address` is (false: none). */
uint64_t inside_size(const struct node *node);
struct address inside_address(const struct node *node, uint64_t n);
bool inside_index(const struct node *node, struct address address, uint64_t *n);

/* Internal addresses that have mappings. Known by numbers from 1 up. */
struct host {
    struct address internal, external;
    uint32_t mappings; /* 0: free, and `next` counts */
    uint32_t next;
    uint32_t of[NAT_PROTOCOLS]; /* of the mappings, by nat_protocol_index */
    uint32_t made;              /* mappings, in the second that began at `second` */
    int64_t second;
};

struct hosts {
    struct host *list;
    uint32_t slots, capacity, free;
    struct hash_index by_address;
};

struct hosts *hosts_new(void);
void hosts_free(struct hosts *hosts);
size_t hosts_bytes(const struct hosts *hosts);

/* The host of this internal address; NULL when it has no mappings. Good until the next hosts_count. */
const struct host *hosts_find(const struct hosts *hosts, struct address internal);
/* One more mapping of `internal`, which has `external` from now on. Gives the host's number. */
uint32_t hosts_count(struct hosts *hosts, struct address internal, struct address external, uint8_t protocol);
/* The host has made a mapping now: how many it made in this second, which begins with its first. */
void hosts_note_made(struct hosts *hosts, uint32_t number, int64_t now);
uint32_t host_made(const struct host *host, int64_t now);
/* One mapping less. */
void hosts_discount(struct hosts *hosts, uint32_t number, uint8_t protocol);

#endif
