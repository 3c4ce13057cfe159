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

    if ((behaviour->ports == NAT_PORTS_PRESERVE || behaviour->ports == NAT_PORTS_OVERLOAD) && usual) {
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

/* What a port should be besides free; given up from the last on. */
enum wish { WISH_NOTHING, WISH_PARITY, WISH_NEIGHBOUR };

struct search {
    const struct nat_behaviour *behaviour;
    struct port_range range;
    uint16_t internal;
    struct random_stream *random;
    const struct port_asker *asker;
    enum wish wish;
};

static bool
suits(const struct search *search, uint16_t port)
{
    if (search->wish >= WISH_PARITY && (port ^ search->internal) & 1)
        return false;
    if (search->asker->taken(search->asker, port))
        return false;
    return search->wish < WISH_NEIGHBOUR ||
           (in_range(search->range, port + 1) && !search->asker->taken(search->asker, port + 1));
}

/* The first that suits among `start`, `start` + `step`, ... wrapping within the range, one round of it; 0 for none. */
static uint16_t
first_free(const struct search *search, uint16_t start, uint32_t step)
{
    uint32_t size = range_size(search->range), offset = (uint32_t)start - search->range.low;

    for (uint32_t tries = 0; tries < size; tries++) {
        uint16_t port = (uint16_t)(search->range.low + offset);

        if (suits(search, port))
            return port;
        offset = (offset + step) % size;
    }
    return 0;
}

static uint16_t
choose_sequential(const struct search *search, uint16_t last)
{
    uint32_t size = range_size(search->range);
    uint16_t start = search->range.low, step = MAX(search->behaviour->step, 1), port;

    if (in_range(search->range, last))
        start = (uint16_t)(search->range.low + ((uint32_t)(last - search->range.low) + step) % size);
    port = first_free(search, start, step);
    if (port == 0 && step > 1) /* a step that divides the range leaves ports out */
        port = first_free(search, start, 1);
    return port;
}

static uint16_t
choose_random(const struct search *search)
{
    uint16_t port = search->range.low;

    for (int draw = 0; draw < RANDOM_DRAWS; draw++) {
        port = (uint16_t)(search->range.low + random_below(search->random, range_size(search->range)));
        if (suits(search, port))
            return port;
    }
    return first_free(search, port, 1);
}

/* The internal port has been found free, or is the one to begin from. */
static uint16_t
choose_near(const struct search *search)
{
    bool clash_at_random = search->behaviour->ports == NAT_PORTS_PRESERVE && search->behaviour->clash == NAT_CLASH_RANDOM;

    if (clash_at_random)
        return choose_random(search);
    return first_free(search, in_range(search->range, search->internal) ? search->internal : search->range.low, 1);
}

static uint16_t
choose(const struct search *search, uint16_t last)
{
    switch (search->behaviour->ports) {
    case NAT_PORTS_SEQUENTIAL:
        return choose_sequential(search, last);
    case NAT_PORTS_RANDOM:
        return choose_random(search);
    default:
        return choose_near(search);
    }
}

/* The most that can be wished for a port of `internal`. An odd one is no RTP port, and follows another. */
static enum wish
wish_for(const struct nat_behaviour *behaviour, uint16_t internal)
{
    if (behaviour->contiguous && internal % 2 == 0)
        return WISH_NEIGHBOUR;
    return behaviour->parity || behaviour->contiguous ? WISH_PARITY : WISH_NOTHING;
}

uint16_t
port_choose(const struct nat_behaviour *behaviour, struct port_range range, uint16_t internal, uint16_t last,
            struct random_stream *random, const struct port_asker *asker)
{
    struct search search = { behaviour, range, internal, random, asker, wish_for(behaviour, internal) };
    bool keeps = behaviour->ports == NAT_PORTS_PRESERVE || behaviour->ports == NAT_PORTS_OVERLOAD;
    uint16_t port;

    if (keeps && in_range(range, internal) && !asker->taken(asker, internal))
        return internal;
    while ((port = choose(&search, last)) == 0 && search.wish > WISH_NOTHING)
        search.wish--;
    return port;
}
