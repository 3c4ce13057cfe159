/* Which ways the kernel has lately proven good: from a socket and a local address to a peer. A server with thousands of
 * clients answers them in turns, so there are many for a socket; one table serves all sockets of the machine. It forgets:
 * a way that falls into a seat takes it. That costs a batch, never a datagram. The last way of each socket is kept at the
 * socket besides: a burst takes one way, and a relay of one client has mostly one peer. */
#include "core/live/udp.h"

#define WAYS 4096 /* a power of two */

struct live_way {
    uint64_t socket; /* 0: nobody's */
    struct endpoint peer;
    struct address local;
};

static struct live_way *
seat_of(const struct live_udp *udp, struct endpoint peer, struct address local)
{
    return &udp->live->ways[mix64(endpoint_hash(peer) ^ local.low ^ udp->ordinal) % WAYS];
}

static bool
is_last(const struct live_udp *udp, struct endpoint peer, struct address local)
{
    return udp->last_ordinal == udp->ordinal && endpoint_equal(udp->last_peer, peer) &&
           address_equal(udp->last_local, local);
}

void
live_way_prove(struct live_udp *udp, struct endpoint peer, struct address local)
{
    if (is_last(udp, peer, local))
        return;
    udp->last_ordinal = udp->ordinal;
    udp->last_peer = peer;
    udp->last_local = local;
    if (!udp->live->ways)
        udp->live->ways = g_new0(struct live_way, WAYS);
    *seat_of(udp, peer, local) = (struct live_way){ udp->ordinal, peer, local };
}

bool
live_way_is_proven(const struct live_udp *udp, struct endpoint peer, struct address local)
{
    if (is_last(udp, peer, local))
        return true;

    const struct live_way *way = udp->live->ways ? seat_of(udp, peer, local) : NULL;

    return way && way->socket == udp->ordinal && endpoint_equal(way->peer, peer) && address_equal(way->local, local);
}

void
live_way_doubt(struct live_udp *udp)
{
    udp->ordinal = ++udp->live->ordinals;
}
