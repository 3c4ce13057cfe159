/* Pinholes: who may come in by a mapping though the filter would not let them (nat/nat.h tells what they are for).
 *
 * A pinhole belongs to a mapping, which lives at least as long, and to an owner, which is a word of whoever opens it.
 * Known by slots from 1 up, which are used again, and by numbers, which are not. Those of one mapping are a list that
 * begins in the mapping, those of one owner another, oldest first. Strangers can't make any: only who is inside asks
 * for them, and has a share. */
#ifndef NAT_PINHOLES_H
#define NAT_PINHOLES_H

#include "core/base/hash.h"
#include "nat/deadlines.h"
#include "nat/nat.h"

enum {
    NAT_PINHOLES_MAX = 32768,        /* of a box */
    NAT_PINHOLES_PER_HOST = 4096,    /* of an internal address */
    NAT_PINHOLES_PER_MAPPING = 16,
};

struct pinhole {
    struct endpoint remote; /* no address: anybody; port 0: any port */
    uint64_t owner, packets;
    int64_t opened, deadline, lifetime;
    uint32_t number;                     /* 0: the slot is free */
    uint32_t mapping;                    /* its slot */
    uint32_t host;                       /* in `hosts` */
    uint32_t next, previous;             /* of the mapping's, newest first; `next` of the free ones */
    uint32_t owner_next, owner_previous; /* of the owner's, oldest first */
    uint32_t owner_last;                 /* of the oldest: the newest */
    uint8_t asker;                       /* whose word `owner` is */
    bool once, used, refreshed;
};

/* How many an internal address has. */
struct pinhole_host {
    struct address address; /* of a free one its low word is the next */
    uint32_t count;         /* 0: free */
};

struct pinholes {
    struct pinhole *list;
    struct pinhole_host *hosts;
    uint32_t slots, capacity, free, count, made;
    uint32_t host_slots, host_capacity, host_free;
    struct hash_index by_owner; /* the oldest */
    struct hash_index by_number, by_host;
    struct deadlines deadlines;
};

enum pinhole_end {
    PINHOLE_EXPIRED,
    PINHOLE_SERVED,        /* it has let the one in that it was for */
    PINHOLE_CLOSED,        /* whoever opened it asks for that */
    PINHOLE_TAKEN_BACK,    /* likewise: what it was opened for did not happen */
    PINHOLE_MAPPING_ENDED,
    PINHOLE_FORGOTTEN,
    PINHOLE_ENDS,
};

/* Whether a pinhole of the mapping in `slot` is for `remote`. */
bool nat_pinholes_admit(const struct nat *nat, uint32_t slot, const struct endpoint *remote);
/* A packet from `remote` has been let in by the mapping in `slot`; has gone out by it to there. */
void nat_pinholes_inbound(struct nat *nat, uint32_t slot, const struct endpoint *remote);
void nat_pinholes_outbound(struct nat *nat, uint32_t slot, const struct endpoint *remote);

/* Closes those whose time has come. */
void nat_pinholes_expire(struct nat *nat);
/* None is due before; TIME_NEVER when there are none. */
int64_t nat_pinholes_wake(const struct nat *nat);
/* The last deadline of those of a mapping, which has some. */
int64_t nat_pinholes_last(const struct nat *nat, uint32_t slot);
/* The mapping in `slot` ends: so do they. */
void nat_pinholes_drop(struct nat *nat, uint32_t slot, enum pinhole_end why);

void nat_pinholes_free(struct nat *nat);
size_t nat_pinholes_bytes(const struct nat *nat);

/* pinhole_kinds.c. subject[0]: the mapping's number, subject[1]: the pinhole's. `before` is from the internal to the
 * remote endpoint, `after` from the external one. `rule`: whose it is (an index of nat_alg_words) | enum pinhole_flags
 * | enum pinhole_end << 8. `detail`: when it expires (opened), how long it was open (closed). */
enum pinhole_flags { PINHOLE_ONCE = 1 << 4, PINHOLE_REFRESHED = 1 << 5 };
extern const struct record_kind nat_pinhole_opened_kind, nat_pinhole_used_kind, nat_pinhole_narrowed_kind,
    nat_pinhole_closed_kind;

#endif
