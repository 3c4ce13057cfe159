/* A stand for one box: a world of its own with the box between an inside and an outside that take everything in silence.
 * Packets are put into either side of the box, and what leaves it is read off the wire.
 *
 *     inside   10.0.0.1/24 is the box, the hosts are 10.0.0.2 to 10.0.0.251
 *     outside  203.0.113.1 and those after it are the box's external addresses, everybody else is behind them */
#ifndef SCENARIOS_CONFORMANCE_STAND_H
#define SCENARIOS_CONFORMANCE_STAND_H

#include <glib.h>

#include "nat/nat.h"
#include "scenarios/conformance/wire.h"

enum stand_side { INSIDE, OUTSIDE };

struct stand_layout {
    unsigned addresses; /* external ones, in a row; 0 is 1 */
    unsigned apart;     /* further ones, from 192.0.2.1 on */
    uint32_t mtu;       /* of the outside link; 0 is 1500 */
};

/* A packet that left. */
struct seen {
    enum stand_side side;
    struct form form, quote; /* `quote`: of an ICMP error */
    size_t length;
    uint8_t bytes[];
};

struct stand;

struct stand *stand_new(const struct nat_options *options, const struct stand_layout *layout);
void stand_free(struct stand *stand);

/* Puts a packet into a side of the box. What left before is forgotten; what leaves in this instant can be asked for. */
void stand_put(struct stand *stand, enum stand_side side, const struct form *form);
void stand_put_bytes(struct stand *stand, enum stand_side side, struct span bytes);

/* Lets time pass. What left before is forgotten, what leaves meanwhile can be asked for. */
void stand_wait(struct stand *stand, int64_t duration);

/* The `n`-th packet, from 0, that left on a side; NULL for none. Good until the next put or wait. */
const struct seen *stand_seen(const struct stand *stand, enum stand_side side, unsigned n);

/* Whether an address is one of the box's external ones. */
bool stand_is_external(const struct stand *stand, struct address address);

#endif
