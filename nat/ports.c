#include "nat/ports.h"

enum {
    PORT_WELL_KNOWN_LAST = 1023,
    RANDOM_DRAWS = 64, /* before a crowded range is searched in order */
};

static uint32_t
range_size(struct port_range range)
{
    return (uint32_t)range.high - range.low + 1;
}

static bool
in_range(struct port_range range, uint16_t port)
{
    return port >= range.low && port <= range.high;
}

struct port_range
port_range_for(const struct nat_behaviour *behaviour, uint8_t protocol, uint16_t internal)
{
    struct port_range range = { behaviour->port_low, behaviour->port_high };
    bool usual = range.low <= PORT_WELL_KNOWN_LAST + 1 && range.high == UINT16_MAX;

    if (behaviour->ports == NAT_PORTS_PRESERVE && usual) {
        if (protocol == PROTOCOL_ICMP)
            range.low = 1; /* identifiers have no well-known part */
        else if (internal <= PORT_WELL_KNOWN_LAST)
            range = (struct port_range){ 1, PORT_WELL_KNOWN_LAST };
        else
            range.low = PORT_WELL_KNOWN_LAST + 1;
    }
    if (range.low == 0)
        range.low = 1;
    if (range.high < range.low)
        range.high = range.low;
    return range;
}

/* The first that is free among `start`, `start` + `step`, ... wrapping within the range, one round of it; 0 for
 * none. */
static uint16_t
first_free(struct port_range range, uint16_t start, uint32_t step, const struct port_asker *asker)
{
    uint32_t size = range_size(range), offset = (uint32_t)start - range.low;

    for (uint32_t tries = 0; tries < size; tries++) {
        uint16_t port = (uint16_t)(range.low + offset);

        if (!asker->taken(asker, port))
            return port;
        offset = (offset + step) % size;
    }
    return 0;
}

static uint16_t
choose_sequential(struct port_range range, uint16_t last, uint16_t step, const struct port_asker *asker)
{
    uint32_t size = range_size(range);
    uint16_t start = range.low, port;

    if (step == 0)
        step = 1;
    if (in_range(range, last))
        start = (uint16_t)(range.low + ((uint32_t)(last - range.low) + step) % size);
    port = first_free(range, start, step, asker);
    if (port == 0 && step > 1) /* a step that divides the range leaves ports out */
        port = first_free(range, start, 1, asker);
    return port;
}

static uint16_t
choose_random(struct port_range range, struct random_stream *random, const struct port_asker *asker)
{
    uint16_t port = range.low;

    for (int draw = 0; draw < RANDOM_DRAWS; draw++) {
        port = (uint16_t)(range.low + random_below(random, range_size(range)));
        if (!asker->taken(asker, port))
            return port;
    }
    return first_free(range, port, 1, asker);
}

uint16_t
port_choose(const struct nat_behaviour *behaviour, struct port_range range, uint16_t internal, uint16_t last,
            struct random_stream *random, const struct port_asker *asker)
{
    switch (behaviour->ports) {
    case NAT_PORTS_SEQUENTIAL:
        return choose_sequential(range, last, behaviour->step, asker);
    case NAT_PORTS_RANDOM:
        return choose_random(range, random, asker);
    default:
        return first_free(range, in_range(range, internal) ? internal : range.low, 1, asker);
    }
}
