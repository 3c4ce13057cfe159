/* Pooling: which external address an internal one gets, and how many mappings it has.
 *
 * A pool is all addresses of one family on a node's outside ports. Pooling is paired (RFC 4787 REQ-2): an internal address
 * keeps its external one as long as it has mappings. New ones get the next of the pool in turn. */
#ifndef NAT_POOLING_H
#define NAT_POOLING_H

#include "core/base/hash.h"
#include "core/net/node.h"

/* The addresses of `family` that a packet which leaves by `out` may get: those of that port when it has any, else of all
 * outside ports. */
uint64_t pool_size(const struct node *node, const struct port *out, enum family family);
/* The n-th of them; `n` below the pool's size. */
struct address pool_address(const struct node *node, const struct port *out, enum family family, uint64_t n);

/* Internal addresses that have mappings. Known by numbers from 1 up. */
struct host {
    struct address internal, external;
    uint32_t mappings; /* 0: free, and `next` counts */
    uint32_t next;
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
uint32_t hosts_count(struct hosts *hosts, struct address internal, struct address external);
/* One less. */
void hosts_discount(struct hosts *hosts, uint32_t number);

#endif
