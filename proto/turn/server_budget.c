/* The bandwidth of an allocation (RFC 8656 section 5): a bucket that fills at the limit's rate and holds what it lets
 * through in a second. It counts in bytes times TIME_S, so that nothing is lost by rounding.
 *
 * A datagram finds room in it or is dropped; an empty one counts as a byte, or there would be no limit to those. A stream is read no faster than it fills (RFC 6062 has no place for a loss):
 * by pieces of a twentieth of a second, so that a low limit does not make it byte by byte. What has been read already, as
 * with a request, is taken all the same, and then paid off. */
#include "proto/turn/server_private.h"

#define PIECES_A_SECOND 20

static int64_t
rate_of(const struct turn_allocation *allocation)
{
    const struct turn_server *server = allocation->home;

    return (int64_t)MIN(server->options.bytes_per_second, (uint64_t)INT32_MAX * 2);
}

static void
fill(struct turn_allocation *allocation, int64_t rate, int64_t now)
{
    int64_t full = rate * TIME_S, passed = now - allocation->budget_at;

    if (passed >= (full - allocation->budget + rate - 1) / rate)
        allocation->budget = full;
    else
        allocation->budget += passed * rate;
    allocation->budget_at = now;
}

bool
turn_budget_spend(struct turn_allocation *allocation, size_t bytes, int64_t now)
{
    int64_t rate = rate_of(allocation), cost = (int64_t)MAX(bytes, 1) * TIME_S;

    if (rate == 0)
        return true;
    fill(allocation, rate, now);
    if (cost > allocation->budget)
        return false;
    allocation->budget -= cost;
    return true;
}

size_t
turn_budget_allows(struct turn_allocation *allocation, size_t most, int64_t now, int64_t *when)
{
    int64_t rate = rate_of(allocation), piece;

    if (rate == 0)
        return most;
    piece = CLAMP(rate / PIECES_A_SECOND, 1, (int64_t)most);
    fill(allocation, rate, now);
    if (allocation->budget >= piece * TIME_S)
        return (size_t)MIN(allocation->budget / TIME_S, (int64_t)most);
    *when = time_add(now, (piece * TIME_S - allocation->budget + rate - 1) / rate);
    return 0;
}

void
turn_budget_take(struct turn_allocation *allocation, size_t bytes, int64_t now)
{
    int64_t rate = rate_of(allocation);

    if (rate == 0)
        return;
    fill(allocation, rate, now);
    allocation->budget -= (int64_t)bytes * TIME_S;
}
