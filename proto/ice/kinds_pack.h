/* How kinds_record.c packs into a record what kinds.c says of it. */
#ifndef PROTO_ICE_KINDS_PACK_H
#define PROTO_ICE_KINDS_PACK_H

/* What stands in `subject[1]`, from the lowest bit: */
enum {
    PACK_WAS = 0,          /* 3 bits: enum ice_pair_state */
    PACK_IS = 3,           /* 3 */
    PACK_OWN = 6,          /* 2: enum ice_type */
    PACK_PEER = 8,         /* 2 */
    PACK_NEW = 10,         /* 1 */
    PACK_CONTROLLING = 11, /* 1 */
    PACK_STATE = 12,       /* 2: enum ice_state */
    PACK_COMPONENT = 14,   /* 9 */
    PACK_STREAM = 23,      /* 5 */
    PACK_REFUSES = 28,     /* 1: the peer is told of a role conflict */
};

#endif
