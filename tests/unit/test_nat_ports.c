/* Choosing external ports (RFC 4787 section 4.2). */
#include "nat/ports.h"
#include "tests/unit/support.h"

struct taken_ports {
    struct port_asker asker;
    bool taken[65536];
    unsigned asked;
};

static bool
is_taken(const struct port_asker *asker, uint16_t port)
{
    struct taken_ports *ports = (struct taken_ports *)asker;

    ports->asked++;
    return ports->taken[port];
}

static struct taken_ports ports;

static void
set_up(void)
{
    memset(&ports, 0, sizeof ports);
    ports.asker.taken = is_taken;
}

static void
take(unsigned from, unsigned to)
{
    for (unsigned port = from; port <= to; port++)
        ports.taken[port] = true;
}

static const struct nat_behaviour behaviours[] = {
    [NAT_PORTS_PRESERVE] = { .ports = NAT_PORTS_PRESERVE, .step = 1, .port_low = 1024, .port_high = 65535 },
    [NAT_PORTS_SEQUENTIAL] = { .ports = NAT_PORTS_SEQUENTIAL, .step = 1, .port_low = 1024, .port_high = 65535 },
    [NAT_PORTS_RANDOM] = { .ports = NAT_PORTS_RANDOM, .step = 1, .port_low = 1024, .port_high = 65535 },
};

static uint16_t
choose(struct nat_behaviour behaviour, uint8_t protocol, uint16_t internal, uint16_t last, struct random_stream *random)
{
    return port_choose(&behaviour, port_range_for(&behaviour, protocol, internal), internal, last, random,
                       &ports.asker);
}

static void
test_ranges(void)
{
    static const struct {
        const char *name;
        uint8_t ports, protocol;
        uint16_t low, high, internal, from, to;
    } rows[] = {
        { "REQ-3a, high", NAT_PORTS_PRESERVE, PROTOCOL_UDP, 1024, 65535, 1024, 1024, 65535 },
        { "REQ-3a, low", NAT_PORTS_PRESERVE, PROTOCOL_UDP, 1024, 65535, 1023, 1, 1023 },
        { "REQ-3a, port 0", NAT_PORTS_PRESERVE, PROTOCOL_UDP, 1024, 65535, 0, 1, 1023 },
        { "an identifier", NAT_PORTS_PRESERVE, PROTOCOL_ICMP, 1024, 65535, 7, 1, 65535 },
        { "narrowed", NAT_PORTS_PRESERVE, PROTOCOL_UDP, 40000, 40009, 5000, 40000, 40009 },
        { "sequential", NAT_PORTS_SEQUENTIAL, PROTOCOL_UDP, 1024, 65535, 7, 1024, 65535 },
        { "random", NAT_PORTS_RANDOM, PROTOCOL_ICMP, 1024, 65535, 7, 1024, 65535 },
        { "never 0", NAT_PORTS_RANDOM, PROTOCOL_UDP, 0, 65535, 7, 1, 65535 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct nat_behaviour behaviour = { .ports = rows[i].ports, .port_low = rows[i].low, .port_high = rows[i].high };
        struct port_range range = port_range_for(&behaviour, rows[i].protocol, rows[i].internal);

        CHECK_ROW_INT(rows[i].name, range.low, rows[i].from);
        CHECK_ROW_INT(rows[i].name, range.high, rows[i].to);
    }
}

static void
test_preserve(void)
{
    static const struct {
        const char *name;
        unsigned from, to;
        uint16_t internal, chosen;
    } rows[] = {
        { "free", 0, 0, 5000, 5000 },
        { "taken", 5000, 5000, 5000, 5001 },
        { "a row of them", 5000, 5009, 5000, 5010 },
        { "wraps", 60000, 65535, 60000, 1024 },
        { "wraps below 1024", 1000, 1023, 1010, 1 },
        { "port 0", 0, 0, 0, 1 },
        { "the one below", 5000, 65535, 5000, 1024 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        set_up();
        take(rows[i].from, rows[i].to);
        CHECK_ROW_INT(rows[i].name, choose(behaviours[NAT_PORTS_PRESERVE], PROTOCOL_UDP, rows[i].internal, 0, NULL),
                      rows[i].chosen);
    }
}

static void
test_sequential(void)
{
    static const struct {
        const char *name;
        uint16_t step, low, high, last;
        unsigned from, to;
        uint16_t chosen;
    } rows[] = {
        { "begins at the low end", 1, 1024, 65535, 0, 0, 0, 1024 },
        { "next", 1, 1024, 65535, 1024, 0, 0, 1025 },
        { "by two", 2, 1024, 65535, 1024, 0, 0, 1026 },
        { "skips", 1, 1024, 65535, 1024, 1025, 1027, 1028 },
        { "skips by two", 2, 1024, 65535, 1024, 1026, 1026, 1028 },
        { "wraps", 1, 1024, 65535, 65535, 0, 0, 1024 },
        { "wraps by three", 3, 40000, 40009, 40008, 0, 0, 40001 },
        { "a last outside the range", 1, 40000, 40009, 5000, 0, 0, 40000 },
        { "what the step leaves out", 2, 40000, 40003, 40000, 40000, 40002, 40003 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct nat_behaviour behaviour = {
            .ports = NAT_PORTS_SEQUENTIAL, .step = rows[i].step, .port_low = rows[i].low, .port_high = rows[i].high
        };

        set_up();
        take(rows[i].from, rows[i].to);
        if (rows[i].from == 40000) /* only the odd one is free, which steps of two from 40000 don't meet */
            ports.taken[40001] = true;
        CHECK_ROW_INT(rows[i].name, choose(behaviour, PROTOCOL_UDP, 5000, rows[i].last, NULL), rows[i].chosen);
    }
}

/* Every port of a small range comes up about as often, and no other. */
static void
test_random(void)
{
    struct nat_behaviour behaviour = { .ports = NAT_PORTS_RANDOM, .port_low = 50000, .port_high = 50007 };
    struct random_stream random = random_stream_of(1, "natA", "nat ports"), again = random;
    unsigned counts[8] = { 0 };

    for (int i = 0; i < 8000; i++) {
        uint16_t port = choose(behaviour, PROTOCOL_UDP, 5000, 0, &random);

        CHECK_ROW_INT("same stream", choose(behaviour, PROTOCOL_UDP, 5000, 0, &again), port);
        if (CHECK_ROW("in range", port >= 50000 && port <= 50007))
            counts[port - 50000]++;
    }
    for (int i = 0; i < 8; i++)
        CHECK_ROW("uniform", counts[i] > 850 && counts[i] < 1150);

    take(50000, 50002);
    take(50004, 50007);
    for (int i = 0; i < 100; i++)
        CHECK_ROW_INT("the free one", choose(behaviour, PROTOCOL_UDP, 5000, 0, &random), 50003);
    take(50003, 50003);
    CHECK_ROW_INT("none", choose(behaviour, PROTOCOL_UDP, 5000, 0, &random), 0);
}

static void
test_exhausted(void)
{
    struct random_stream random = random_stream_of(1, "natA", "nat ports");

    take(0, 65535);
    for (uint8_t policy = 0; policy <= NAT_PORTS_RANDOM; policy++) {
        CHECK_ROW_INT(nat_ports_words[policy], choose(behaviours[policy], PROTOCOL_UDP, 5000, 0, &random), 0);
        ports.taken[65535] = false;
        CHECK_ROW_INT(nat_ports_words[policy], choose(behaviours[policy], PROTOCOL_UDP, 5000, 0, &random), 65535);
        ports.taken[65535] = true;
    }
    ports.taken[1] = false;
    CHECK_ROW_INT("not across 1024", choose(behaviours[NAT_PORTS_PRESERVE], PROTOCOL_UDP, 5000, 0, &random), 0);
}

/* RFC 4787 REQ-4 and section 4.2.3: parity, and room for a neighbour, as long as there are ports that have it. */
static void
test_wishes(void)
{
    static const struct {
        const char *name;
        uint8_t ports;
        bool parity, contiguous;
        unsigned from, to, also; /* taken */
        uint16_t internal, chosen;
    } rows[] = {
        { "even stays even", NAT_PORTS_PRESERVE, true, false, 40000, 40000, 0, 40000, 40002 },
        { "odd stays odd", NAT_PORTS_PRESERVE, true, false, 40001, 40001, 0, 40001, 40003 },
        { "kept when free", NAT_PORTS_PRESERVE, true, true, 0, 0, 40001, 40000, 40000 },
        { "one that has the neighbour free", NAT_PORTS_PRESERVE, false, true, 40000, 40000, 40003, 40000, 40004 },
        { "an odd one needs none", NAT_PORTS_PRESERVE, false, true, 40001, 40001, 40004, 40001, 40003 },
        { "sequential, even", NAT_PORTS_SEQUENTIAL, true, false, 0, 0, 0, 5000, 40000 },
        { "sequential, odd", NAT_PORTS_SEQUENTIAL, true, false, 0, 0, 0, 5001, 40001 },
        { "parity is given up", NAT_PORTS_PRESERVE, true, false, 40000, 40008, 0, 40000, 40009 },
        { "the neighbour is given up first", NAT_PORTS_PRESERVE, false, true, 40000, 40005, 40007, 40000, 40008 },
        { "no parity", NAT_PORTS_PRESERVE, false, false, 40000, 40000, 0, 40000, 40001 },
        { "overload", NAT_PORTS_OVERLOAD, true, true, 0, 0, 0, 40003, 40003 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct nat_behaviour behaviour = { .ports = rows[i].ports, .parity = rows[i].parity,
                                           .contiguous = rows[i].contiguous, .step = 1, .port_low = 40000,
                                           .port_high = 40009 };

        set_up();
        if (rows[i].from)
            take(rows[i].from, rows[i].to);
        ports.taken[rows[i].also] = true;
        CHECK_ROW_INT(rows[i].name, choose(behaviour, PROTOCOL_UDP, rows[i].internal, 0, NULL), rows[i].chosen);
    }
}

/* On a clash any free port will do, drawn; the port's own is kept without a draw. */
static void
test_clash_at_random(void)
{
    struct nat_behaviour behaviour = { .ports = NAT_PORTS_PRESERVE, .clash = NAT_CLASH_RANDOM, .port_low = 50000,
                                       .port_high = 50999 };
    struct random_stream random = random_stream_of(1, "natA", "nat ports"), untouched = random;
    unsigned near = 0;

    CHECK_ROW_INT("kept", choose(behaviour, PROTOCOL_UDP, 50100, 0, &random), 50100);
    CHECK_ROW("no draw", memcmp(&random, &untouched, sizeof random) == 0);
    take(50100, 50100);
    for (int i = 0; i < 100; i++) {
        uint16_t port = choose(behaviour, PROTOCOL_UDP, 50100, 0, &random);

        CHECK_ROW("free", port >= 50000 && port <= 50999 && port != 50100);
        near += port > 50100 && port < 50200;
    }
    CHECK_ROW("anywhere", near < 40);
}

void
suite_nat_ports(void)
{
    UNIT_SUITE("nat: ports", set_up, NULL, { "ranges", test_ranges }, { "preserve", test_preserve },
               { "sequential", test_sequential }, { "random", test_random }, { "exhausted", test_exhausted },
               { "parity and neighbours", test_wishes }, { "clash at random", test_clash_at_random });
}
