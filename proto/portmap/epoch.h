/* Whether a gateway still knows our mappings: each answer tells the seconds since its table began, and a clock that has
 * gone back, or does not keep pace with ours, belongs to a gateway that has started over. A machine each for the two
 * protocols. */
#ifndef PROTO_PORTMAP_EPOCH_H
#define PROTO_PORTMAP_EPOCH_H

#include "core/base/time.h"

/* Zeroed: nothing heard yet. */
struct portmap_epoch {
    bool heard;
    uint32_t server; /* as last heard */
    int64_t at;      /* when, by our clock */
};

/* An answer has come. False: the gateway has lost its state (RFC 6887 section 8.5, RFC 6886 section 3.6). */
bool pcp_epoch_check(struct portmap_epoch *epoch, uint32_t server, int64_t now);
bool nat_pmp_epoch_check(struct portmap_epoch *epoch, uint32_t server, int64_t now);

#endif
