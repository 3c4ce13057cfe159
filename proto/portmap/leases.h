/* What the servers of a box remember of the mappings that they have made: whose each is, what proves it, and how it was
 * described. Bounded, in the order of making. A lease ends with its mapping's lifetime; whoever looks, ends those first
 * with `portmap_leases_expire`. Pointers are good until the next lease is added or removed. */
#ifndef PROTO_PORTMAP_LEASES_H
#define PROTO_PORTMAP_LEASES_H

#include "core/base/time.h"
#include "proto/portmap/control.h"

#define PORTMAP_LEASES 4096    /* as many at most, unless told otherwise */
#define PORTMAP_DESCRIPTION 64 /* bytes with the NUL; longer ones are cut */
#define PORTMAP_NONCE 12

struct portmap_lease {
    enum portmap_via via;
    uint8_t protocol;
    struct endpoint internal, external;
    int64_t expires;                       /* TIME_NEVER: for ever */
    uint8_t nonce[PORTMAP_NONCE];          /* PCP's: who does not know it may not change the mapping */
    char description[PORTMAP_DESCRIPTION]; /* UPnP's */
};

struct portmap_leases;
typedef struct portmap_leases portmap_leases;

struct portmap_leases *portmap_leases_new(size_t limit);
void portmap_leases_free(struct portmap_leases *leases);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(portmap_leases, portmap_leases_free)

void portmap_leases_expire(struct portmap_leases *leases, int64_t now);
/* Forgets all, as a box does that loses power. */
void portmap_leases_clear(struct portmap_leases *leases);

size_t portmap_leases_count(const struct portmap_leases *leases);
struct portmap_lease *portmap_leases_at(struct portmap_leases *leases, size_t index);

/* Of an internal endpoint; of an external port. NULL when there is none. */
struct portmap_lease *portmap_leases_internal(struct portmap_leases *leases, uint8_t protocol,
                                              struct endpoint internal);
struct portmap_lease *portmap_leases_external(struct portmap_leases *leases, uint8_t protocol, uint16_t port);

bool portmap_leases_full(const struct portmap_leases *leases);
/* Zeroed, and without an end; the table must not be full. */
struct portmap_lease *portmap_leases_add(struct portmap_leases *leases);
void portmap_leases_remove(struct portmap_leases *leases, struct portmap_lease *lease);

void portmap_leases_set_end(struct portmap_leases *leases, struct portmap_lease *lease, int64_t expires);

/* When a mapping that was granted `lifetime` seconds at `now` ends, and the seconds that one has left, rounded up. */
int64_t portmap_lifetime_end(uint32_t lifetime, int64_t now);
uint32_t portmap_lifetime_left(int64_t expires, int64_t now);

#endif
