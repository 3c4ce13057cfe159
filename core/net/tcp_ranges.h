/* A few disjoint runs of the sequence space, in order: what a receiver holds behind a gap, what a sender has been told
 * of by selective acknowledgements.
 *
 * Bounded: a peer decides how many gaps there are. Runs that touch are one. */
#ifndef CORE_NET_TCP_RANGES_H
#define CORE_NET_TCP_RANGES_H

#include "core/net/tcp_segment.h"

#define TCP_RANGES_MAX 64

struct tcp_ranges {
    uint32_t count;
    struct tcp_block *runs; /* TCP_RANGES_MAX of them, taken at the first addition */
};

/* Gives the memory back. */
void tcp_ranges_clear(struct tcp_ranges *ranges);

/* Adds left..right, which is not empty. False, and nothing has changed, when that would be one run too many. `*grown`
 * (unless NULL) says whether there was anything new in it. */
bool tcp_ranges_add(struct tcp_ranges *ranges, uint32_t left, uint32_t right, bool *grown);

/* Forgets what lies before `edge`. */
void tcp_ranges_cut(struct tcp_ranges *ranges, uint32_t edge);

/* The octets that lie in left..right and in no run. */
uint32_t tcp_ranges_missing(const struct tcp_ranges *ranges, uint32_t left, uint32_t right);

/* The first octet from `from` on that is in no run; `*end` is where the next run begins, or `limit` when that comes
 * first or there is none. */
uint32_t tcp_ranges_gap(const struct tcp_ranges *ranges, uint32_t from, uint32_t limit, uint32_t *end);

#endif
