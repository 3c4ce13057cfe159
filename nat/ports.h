/* Choosing an external port, or an external identifier of ICMP queries (RFC 4787 section 4.2). */
#ifndef NAT_PORTS_H
#define NAT_PORTS_H

#include "core/base/random.h"
#include "nat/nat.h"

struct port_range {
    uint16_t low, high;
};

/* The ports that may be chosen for an internal one. A UDP or TCP port that is preserved stays on its side of 1024 (RFC 4787
 * REQ-3a) as long as the options don't narrow the usual 1024 to 65535; port 0 is never chosen. */
struct port_range port_range_for(const struct nat_behaviour *behaviour, uint8_t protocol, uint16_t internal);

/* Who asks knows which ports are taken. */
struct port_asker {
    bool (*taken)(const struct port_asker *asker, uint16_t port);
};

/* Chooses a port for `internal` from `range`. `last` is what NAT_PORTS_SEQUENTIAL chose last here, 0 for nothing yet.
 * Draws from `random` for NAT_PORTS_RANDOM, and for NAT_CLASH_RANDOM on a clash. 0 when all are taken.
 *
 * Parity (RFC 4787 REQ-4) and room for a neighbour (section 4.2.3) are wishes: a port that has both is taken before one
 * that has the parity only, and that before any. */
uint16_t port_choose(const struct nat_behaviour *behaviour, struct port_range range, uint16_t internal, uint16_t last,
                     struct random_stream *random, const struct port_asker *asker);

#endif
