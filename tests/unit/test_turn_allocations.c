/* What a TURN server keeps, and for how long: RFC 8656 sections 7.2, 8, 9, 11.3 and 12, to the nanosecond. */
#include "tests/unit/support.h"

#include "proto/turn/allocations.h"
#include "proto/turn/policy.h"

#define RELAYED "198.51.100.1:50000"
#define PEER "203.0.113.9:7000"

static struct turn_allocations *table;
static struct turn_allocation *allocation;
static int relay_socket, other_socket;

static struct endpoint
at(const char *text)
{
    struct endpoint endpoint;

    CHECK_ROW(text, endpoint_parse(text, &endpoint));
    return endpoint;
}

static struct turn_tuple
tuple_of(const char *client)
{
    return (struct turn_tuple){ .client = at(client), .server = at("198.51.100.1:3478"), .protocol = PROTOCOL_UDP };
}

static struct turn_allocation *
allocate(const char *client, const char *user, int64_t now, int64_t lifetime)
{
    struct turn_tuple tuple = tuple_of(client);

    return turn_allocation_add(table, &tuple, span_of_text(user), now, lifetime);
}

static void
set_up(void)
{
    table = turn_allocations_new();
    allocation = allocate("192.0.2.1:5000", "alice", 0, TURN_LIFETIME);
    turn_allocation_add_relay(table, allocation, 0, at(RELAYED), &relay_socket);
}

static void
tear_down(void)
{
    turn_allocations_free(table);
}

/* Section 7.2: min(asked, maximum), and the default where that is less; section 7.2 again where nothing is asked. */
static const struct {
    const char *name;
    bool asked;
    uint64_t seconds;
    int64_t most_s, lifetime_s;
} lifetimes[] = {
    { "nothing asked", false, 0, 3600, 600 }, { "the default", true, 600, 3600, 600 },
    { "less than the default", true, 599, 3600, 600 }, { "zero", true, 0, 3600, 600 },
    { "more", true, 601, 3600, 601 }, { "the most", true, 3600, 3600, 3600 }, { "too much", true, 3601, 3600, 3600 },
    { "all there is", true, UINT32_MAX, 3600, 3600 }, { "a lower maximum", true, 3600, 1800, 1800 },
};

static void
test_lifetime_rule(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(lifetimes); i++)
        CHECK_ROW_INT(lifetimes[i].name,
                      turn_lifetime(lifetimes[i].asked, lifetimes[i].seconds, lifetimes[i].most_s * TIME_S),
                      lifetimes[i].lifetime_s * TIME_S);
}

/* Section 6: an allocation lives for its lifetime and not longer; only Refresh changes that (section 8). */
static void
test_allocation(void)
{
    struct turn_tuple tuple = tuple_of("192.0.2.1:5000"), other = tuple_of("192.0.2.1:5001");
    struct turn_end end;

    CHECK(turn_allocation_find(table, &tuple, 0) == allocation);
    CHECK(turn_allocation_find(table, &other, 0) == NULL);
    tuple.protocol = PROTOCOL_TCP;
    CHECK_ROW("another transport is another 5-tuple", turn_allocation_find(table, &tuple, 0) == NULL);
    tuple.protocol = PROTOCOL_UDP;
    CHECK(turn_allocation_find(table, &tuple, 600 * TIME_S - 1) == allocation);
    CHECK(turn_allocation_find(table, &tuple, 600 * TIME_S) == NULL);
    CHECK(turn_allocation_of_relayed(table, at(RELAYED), PROTOCOL_UDP, 600 * TIME_S - 1) == allocation);
    CHECK(turn_allocation_of_relayed(table, at(RELAYED), PROTOCOL_UDP, 600 * TIME_S) == NULL);
    CHECK(turn_allocation_of_relayed(table, at(RELAYED), PROTOCOL_TCP, 0) == NULL);

    turn_allocation_refresh(table, allocation, FAMILY_NONE, 500 * TIME_S, 600 * TIME_S);
    CHECK(!turn_allocations_due(table, 600 * TIME_S, &end));
    CHECK_ROW_INT("put off", turn_allocations_deadline(table), 1100 * TIME_S);
    CHECK(turn_allocation_find(table, &tuple, 1100 * TIME_S - 1) == allocation);
    CHECK(!turn_allocations_due(table, 1100 * TIME_S - 1, &end));
    CHECK(turn_allocations_due(table, 1100 * TIME_S, &end));
    CHECK_ROW_INT("what", end.what, TURN_ENDED_ALLOCATION);
    CHECK_ROW_INT("when", end.at, 1100 * TIME_S);
    CHECK(end.allocation == allocation);
    turn_allocation_remove(table, allocation);
    CHECK_ROW_INT("left", turn_allocations_count(table), 0);
    CHECK_ROW_INT("of the user", turn_allocations_of_user(table, span_of_text("alice")), 0);
    CHECK(!turn_allocations_due(table, TIME_NEVER - 1, &end));
}

/* Section 8: a Refresh may shorten what an earlier one had lengthened. */
static void
test_shortened(void)
{
    struct turn_end end;

    turn_allocation_refresh(table, allocation, FAMILY_NONE, 0, 3600 * TIME_S);
    turn_allocation_refresh(table, allocation, FAMILY_NONE, TIME_S, 700 * TIME_S);
    CHECK(!turn_allocations_due(table, 701 * TIME_S - 1, &end));
    CHECK(turn_allocations_due(table, 701 * TIME_S, &end));
    CHECK_ROW_INT("when", end.at, 701 * TIME_S);
}

/* Section 9: 300 s, by address alone; refreshed by a new one only. */
static void
test_permission(void)
{
    struct turn_end end;
    bool made;

    CHECK(turn_permission_find(table, allocation, at(PEER).address, 0) == NULL);
    CHECK(turn_permission_install(table, allocation, at(PEER).address, 10 * TIME_S, &made) && made);
    CHECK(turn_permission_find(table, allocation, at("203.0.113.9:1").address, 10 * TIME_S) != NULL);
    CHECK(turn_permission_find(table, allocation, at("203.0.113.8:7000").address, 10 * TIME_S) == NULL);
    CHECK(turn_permission_find(table, allocation, at(PEER).address, 310 * TIME_S - 1) != NULL);
    CHECK(turn_permission_find(table, allocation, at(PEER).address, 310 * TIME_S) == NULL);

    CHECK(turn_permission_install(table, allocation, at(PEER).address, 200 * TIME_S, &made) && !made);
    CHECK_ROW_INT("one for one address", allocation->permissions, 1);
    CHECK(turn_permission_find(table, allocation, at(PEER).address, 500 * TIME_S - 1) != NULL);
    CHECK(!turn_allocations_due(table, 500 * TIME_S - 1, &end));
    CHECK(turn_allocations_due(table, 500 * TIME_S, &end));
    CHECK_ROW_INT("what", end.what, TURN_ENDED_PERMISSION);
    CHECK_ROW_INT("when", end.at, 500 * TIME_S);
    CHECK_ROW_INT("none left", allocation->permissions, 0);
}

static void
test_permission_limit(void)
{
    struct address peer = at("203.0.113.9:7000").address;
    bool made;

    for (unsigned i = 0; i < TURN_MOST_PERMISSIONS; i++)
        CHECK_ROW("within the limit", turn_permission_install(table, allocation, address_add(peer, i), 0, &made));
    CHECK(!turn_permission_install(table, allocation, address_add(peer, TURN_MOST_PERMISSIONS), 0, &made));
    CHECK_ROW("refreshing needs no room", turn_permission_install(table, allocation, peer, 0, &made));
    CHECK_ROW_INT("how many", allocation->permissions, TURN_MOST_PERMISSIONS);
}

/* Section 12: 600 s bound, then 300 s in which neither number nor peer may be bound otherwise. */
static const struct {
    const char *name;
    int64_t at; /* ns after the binding at 0 of 0x4000 to PEER */
    uint16_t number;
    const char *peer;
    enum turn_bind bind;
} bindings[] = {
    { "the same again", TIME_S, 0x4000, PEER, TURN_BIND_REFRESH },
    { "number to another peer", TIME_S, 0x4000, "203.0.113.9:7001", TURN_BIND_CONFLICT },
    { "peer to another number", TIME_S, 0x4001, PEER, TURN_BIND_CONFLICT },
    { "another port of the peer", TIME_S, 0x4001, "203.0.113.9:7001", TURN_BIND_NEW },
    { "last moment of the binding", 600 * TIME_S - 1, 0x4000, "203.0.113.9:7001", TURN_BIND_CONFLICT },
    { "quarantine: number", 600 * TIME_S, 0x4000, "203.0.113.9:7001", TURN_BIND_CONFLICT },
    { "quarantine: peer", 600 * TIME_S, 0x4001, PEER, TURN_BIND_CONFLICT },
    { "quarantine: the same pair", 600 * TIME_S, 0x4000, PEER, TURN_BIND_REFRESH },
    { "last moment of the quarantine", 900 * TIME_S - 1, 0x4000, "203.0.113.9:7001", TURN_BIND_CONFLICT },
    { "after it: number", 900 * TIME_S, 0x4000, "203.0.113.9:7001", TURN_BIND_NEW },
    { "after it: peer", 900 * TIME_S, 0x4001, PEER, TURN_BIND_NEW },
};

static void
test_binding(void)
{
    turn_allocation_refresh(table, allocation, FAMILY_NONE, 0, 3600 * TIME_S);
    turn_channel_bind(table, allocation, 0x4000, at(PEER), 0);
    for (size_t i = 0; i < G_N_ELEMENTS(bindings); i++)
        CHECK_ROW_INT(bindings[i].name,
                      turn_channel_judge(table, allocation, bindings[i].number, at(bindings[i].peer), bindings[i].at),
                      bindings[i].bind);
}

/* Binding anew after the quarantine, whether or not anybody has asked what was due. */
static void
test_rebinding(void)
{
    struct turn_end end;

    for (int swept = 0; swept < 2; swept++) {
        const struct turn_channel *channel;
        int64_t now = (1 + swept) * 1000 * TIME_S;

        turn_allocation_refresh(table, allocation, FAMILY_NONE, now - 1000 * TIME_S, 3600 * TIME_S);
        turn_channel_bind(table, allocation, 0x4000, at(swept ? "203.0.113.9:7001" : PEER), now - 1000 * TIME_S);
        while (swept && turn_allocations_due(table, now, &end))
            CHECK_ROW_INT("not the allocation", end.what != TURN_ENDED_ALLOCATION, true);
        turn_channel_bind(table, allocation, 0x4000, at("203.0.113.9:7001"), now);
        channel = turn_channel_of_client(table, &allocation->tuple, 0x4000, now);
        CHECK(channel && endpoint_equal(channel->peer, at("203.0.113.9:7001")));
        CHECK_ROW_INT("one channel", allocation->channels, 1);
    }
}

/* Section 11.3: data from a peer needs the permission first, then the channel; section 12.6 asks for no permission. */
static void
test_channel_and_permission(void)
{
    struct turn_tuple tuple = tuple_of("192.0.2.1:5000"), spoofed = tuple_of("192.0.2.1:5001");
    struct turn_end end;
    bool permitted = false;

    turn_allocation_refresh(table, allocation, FAMILY_NONE, 0, 3600 * TIME_S);
    turn_channel_bind(table, allocation, 0x4000, at(PEER), 0);
    CHECK(turn_channel_of_peer(table, allocation, at(PEER), 300 * TIME_S - 1, &permitted) && permitted);
    CHECK(turn_channel_of_peer(table, allocation, at(PEER), 300 * TIME_S, &permitted) && !permitted);
    CHECK(turn_allocations_due(table, 300 * TIME_S, &end) && end.what == TURN_ENDED_PERMISSION);
    CHECK(!turn_allocations_due(table, 300 * TIME_S, &end));
    CHECK_ROW("the channel outlives it", turn_channel_of_peer(table, allocation, at(PEER), 400 * TIME_S, &permitted));
    CHECK(!permitted);
    CHECK(turn_channel_of_client(table, &tuple, 0x4000, 400 * TIME_S) != NULL);
    CHECK(turn_channel_of_client(table, &spoofed, 0x4000, 400 * TIME_S) == NULL);
    CHECK(turn_channel_of_client(table, &tuple, 0x4001, 400 * TIME_S) == NULL);

    /* Section 12: refreshing the channel brings the permission back. */
    turn_channel_bind(table, allocation, 0x4000, at(PEER), 500 * TIME_S);
    CHECK(turn_channel_of_peer(table, allocation, at(PEER), 800 * TIME_S - 1, &permitted) && permitted);
    CHECK(turn_channel_of_client(table, &tuple, 0x4000, 1100 * TIME_S - 1) != NULL);
    CHECK(turn_channel_of_client(table, &tuple, 0x4000, 1100 * TIME_S) == NULL);
    CHECK(turn_channel_of_peer(table, allocation, at(PEER), 1100 * TIME_S, &permitted) == NULL);
    CHECK(turn_allocations_due(table, 1100 * TIME_S, &end) && end.what == TURN_ENDED_PERMISSION && end.at == 800 * TIME_S);
    CHECK(turn_allocations_due(table, 1100 * TIME_S, &end) && end.what == TURN_ENDED_CHANNEL && end.at == 1100 * TIME_S);
    CHECK_ROW_INT("its number", end.channel, 0x4000);
    CHECK_ROW_INT("in quarantine", allocation->channels, 1);
    CHECK(!turn_allocations_due(table, 1400 * TIME_S, &end));
    CHECK_ROW_INT("out of it", allocation->channels, 0);
    CHECK_ROW_INT("and the permission with it", allocation->permissions, 0);
}

/* Section 8.2: each family's relay has its own time, and the allocation that of the last. */
static void
test_one_family(void)
{
    struct turn_end end;

    turn_allocation_add_relay(table, allocation, 1, at("[2001:db8::1]:50000"), &other_socket);
    turn_channel_bind(table, allocation, 0x4000, at(PEER), 400 * TIME_S);
    turn_allocation_refresh(table, allocation, FAMILY_IPV6, 300 * TIME_S, 3600 * TIME_S);
    CHECK_ROW_INT("lives as long as the last", allocation->expires, 3900 * TIME_S);
    CHECK(turn_allocation_of_relayed(table, at(RELAYED), PROTOCOL_UDP, 600 * TIME_S - 1) == allocation);
    CHECK(turn_allocation_of_relayed(table, at(RELAYED), PROTOCOL_UDP, 600 * TIME_S) == NULL);
    CHECK(!turn_allocations_due(table, 600 * TIME_S - 1, &end));
    CHECK(turn_allocations_due(table, 600 * TIME_S, &end));
    CHECK_ROW_INT("what", end.what, TURN_ENDED_RELAY);
    CHECK_ROW_INT("when", end.at, 600 * TIME_S);
    CHECK(end.socket == &relay_socket && endpoint_equal(end.relayed, at(RELAYED)) && end.allocation == allocation);
    CHECK_ROW_INT("and its channels", allocation->channels, 0);

    turn_allocation_refresh(table, allocation, FAMILY_IPV6, 700 * TIME_S, 600 * TIME_S);
    CHECK(!turn_allocations_due(table, 1300 * TIME_S - 1, &end));
    CHECK(turn_allocations_due(table, 1300 * TIME_S, &end));
    CHECK_ROW_INT("then all of it", end.what, TURN_ENDED_ALLOCATION);
}

/* A sweep that comes late ends both, each at its time. */
static void
test_one_family_late(void)
{
    struct turn_end end;

    turn_allocation_add_relay(table, allocation, 1, at("[2001:db8::1]:50000"), &other_socket);
    turn_allocation_refresh(table, allocation, FAMILY_IPV4, 100 * TIME_S, 600 * TIME_S);
    CHECK(turn_allocations_due(table, 5000 * TIME_S, &end));
    CHECK(end.what == TURN_ENDED_RELAY && end.at == 600 * TIME_S && end.socket == &other_socket);
    CHECK(turn_allocations_due(table, 5000 * TIME_S, &end));
    CHECK(end.what == TURN_ENDED_ALLOCATION && end.at == 700 * TIME_S);
}

/* Section 8.2: one family's relay goes with its permissions and channels, the other's stay. */
static void
test_dual(void)
{
    struct endpoint six = at("[2001:db8:9::1]:7000");
    bool made;

    turn_allocation_add_relay(table, allocation, 1, at("[2001:db8::1]:50000"), &other_socket);
    turn_channel_bind(table, allocation, 0x4000, at(PEER), 0);
    turn_channel_bind(table, allocation, 0x4001, six, 0);
    CHECK(turn_permission_install(table, allocation, at("203.0.113.10:1").address, 0, &made));
    CHECK(turn_allocation_relay(allocation, FAMILY_IPV6) == &allocation->relays[1]);
    turn_allocation_drop_relay(table, allocation, 0);
    CHECK(turn_allocation_relay(allocation, FAMILY_IPV4) == NULL);
    CHECK(turn_allocation_of_relayed(table, at(RELAYED), PROTOCOL_UDP, 0) == NULL);
    CHECK(turn_allocation_of_relayed(table, at("[2001:db8::1]:50000"), PROTOCOL_UDP, 0) == allocation);
    CHECK(turn_channel_of_client(table, &allocation->tuple, 0x4000, 0) == NULL);
    CHECK(turn_channel_of_client(table, &allocation->tuple, 0x4001, 0) != NULL);
    CHECK_ROW_INT("permissions", allocation->permissions, 1);
}

/* Section 7.2: a token holds a port for 30 s and is redeemed once. */
static void
test_reservation(void)
{
    struct turn_end end;

    turn_reserve(table, span_of_text("alice"), 77, at("198.51.100.1:50001"), &other_socket, 0);
    turn_reserve(table, span_of_text("alice"), 78, at("198.51.100.1:50003"), &relay_socket, TIME_S);
    CHECK(turn_reservation_find(table, 79, 0) == NULL);
    CHECK(turn_reservation_find(table, 0, 0) == NULL);
    CHECK(turn_reservation_find(table, 77, 30 * TIME_S - 1) != NULL);
    CHECK(turn_reservation_find(table, 77, 30 * TIME_S) == NULL);
    CHECK_ROW_INT("of alice", turn_reservations_of_user(table, span_of_text("alice")), 2);
    CHECK(turn_reservation_take(table, 77) == &other_socket);
    CHECK_ROW_INT("one is redeemed", turn_reservations_of_user(table, span_of_text("alice")), 1);
    CHECK(turn_reservation_find(table, 77, 0) == NULL);
    CHECK(turn_allocations_due(table, 31 * TIME_S, &end) && end.what == TURN_ENDED_RESERVATION);
    CHECK(end.socket == &relay_socket && end.at == 31 * TIME_S);
    CHECK_ROW_INT("left", turn_reservations_count(table), 0);
    CHECK_ROW_INT("of alice", turn_reservations_of_user(table, span_of_text("alice")), 0);
}

/* Everything that falls due in one call comes in order of its deadline. */
static void
test_order(void)
{
    struct turn_allocation *second = allocate("192.0.2.2:5000", "bob", 0, 601 * TIME_S);
    int64_t last = 0;
    struct turn_end end;
    unsigned ends = 0;

    turn_channel_bind(table, second, 0x4000, at(PEER), 0);
    turn_channel_bind(table, allocation, 0x4000, at(PEER), TIME_MS);
    turn_reserve(table, span_of_text("alice"), 1, at(RELAYED), &other_socket, 400 * TIME_S);
    while (turn_allocations_due(table, 10000 * TIME_S, &end)) {
        CHECK_ROW("in order", end.at >= last);
        last = end.at;
        ends++;
        if (end.what == TURN_ENDED_ALLOCATION)
            turn_allocation_remove(table, end.allocation);
    }
    CHECK_ROW_INT("two permissions, a reservation, two allocations, a channel", ends, 6);
    CHECK_ROW_INT("nothing waits", turn_allocations_deadline(table), TIME_NEVER);
}

/* A client that allocates and deletes without end makes nothing grow, and the rest still ends in time. */
static void
test_churn(void)
{
    struct turn_end end;
    bool made;

    for (int i = 0; i < 20000; i++) {
        struct turn_allocation *brief = allocate("192.0.2.9:1", "mallory", i, 3600 * TIME_S);

        CHECK_ROW("permission", turn_permission_install(table, brief, at(PEER).address, i, &made));
        turn_channel_bind(table, brief, 0x4000, at(PEER), i);
        turn_allocation_remove(table, brief);
    }
    CHECK_ROW_INT("allocations", turn_allocations_count(table), 1);
    CHECK(turn_allocations_due(table, 600 * TIME_S, &end) && end.allocation == allocation);
    CHECK(!turn_allocations_due(table, TIME_NEVER - 1, &end));
}

static void
test_walk(void)
{
    struct turn_allocation *second = allocate("192.0.2.2:5000", "bob", 0, TURN_LIFETIME);
    struct turn_allocation *third = allocate("192.0.2.3:5000", "bob", 0, TURN_LIFETIME);

    CHECK_ROW_INT("of bob", turn_allocations_of_user(table, span_of_text("bob")), 2);
    CHECK(turn_allocations_next(table, NULL) == allocation);
    turn_allocation_remove(table, second);
    CHECK(turn_allocations_next(table, allocation) == third);
    CHECK(turn_allocations_next(table, third) == NULL);
    CHECK_ROW_INT("of bob", turn_allocations_of_user(table, span_of_text("bob")), 1);
}

/* Section 21: peers that nobody may reach through a relay, in every form that stands for them. */
static const struct {
    const char *name, *peer;
    enum turn_opinion opinion;
} peers[] = {
    { "public", "203.0.113.9", TURN_PEER_USUAL },
    { "public IPv6", "2001:db8::1", TURN_PEER_USUAL },
    { "this host", "0.0.0.0", TURN_PEER_REFUSED },
    { "this network", "0.1.2.3", TURN_PEER_REFUSED },
    { "loopback", "127.0.0.1", TURN_PEER_REFUSED },
    { "all of loopback", "127.255.0.1", TURN_PEER_REFUSED },
    { "metadata service", "169.254.169.254", TURN_PEER_REFUSED },
    { "multicast", "224.0.0.1", TURN_PEER_REFUSED },
    { "reserved", "240.0.0.1", TURN_PEER_REFUSED },
    { "broadcast", "255.255.255.255", TURN_PEER_REFUSED },
    { "private 10", "10.0.0.1", TURN_PEER_REFUSED },
    { "private 172", "172.31.255.255", TURN_PEER_REFUSED },
    { "next to private 172", "172.32.0.0", TURN_PEER_USUAL },
    { "private 192", "192.168.1.1", TURN_PEER_REFUSED },
    { "carrier", "100.64.0.1", TURN_PEER_REFUSED },
    { "protocol assignments", "192.0.0.170", TURN_PEER_REFUSED },
    { "next to those", "192.0.1.0", TURN_PEER_USUAL },
    { "documentation", "192.0.2.1", TURN_PEER_USUAL },
    { "6to4 relay", "192.88.99.1", TURN_PEER_REFUSED },
    { "benchmark", "198.18.0.1", TURN_PEER_REFUSED },
    { "last of benchmark", "198.19.255.255", TURN_PEER_REFUSED },
    { "next to benchmark", "198.20.0.0", TURN_PEER_USUAL },
    { "site-local IPv6", "feff::1", TURN_PEER_REFUSED },
    { "discard-only IPv6", "100::1", TURN_PEER_REFUSED },
    { "next to discard-only", "100:0:0:2::1", TURN_PEER_USUAL },
    { "SRv6 SIDs", "5f00:1::1", TURN_PEER_REFUSED },
    { "6to4 of a benchmark", "2002:c612:1::1", TURN_PEER_REFUSED },
    { "unspecified IPv6", "::", TURN_PEER_REFUSED },
    { "loopback IPv6", "::1", TURN_PEER_REFUSED },
    { "link-local IPv6", "fe80::1", TURN_PEER_REFUSED },
    { "multicast IPv6", "ff02::1", TURN_PEER_REFUSED },
    { "unique local IPv6", "fd00::1", TURN_PEER_REFUSED },
    { "IPv4-mapped loopback", "::ffff:127.0.0.1", TURN_PEER_REFUSED },
    { "IPv4-compatible loopback", "::127.0.0.1", TURN_PEER_REFUSED },
    { "6to4 of loopback", "2002:7f00:1::1", TURN_PEER_REFUSED },
    { "6to4 of a private address", "2002:c0a8:101::1", TURN_PEER_REFUSED },
    { "6to4 of a public address", "2002:cb00:7109::1", TURN_PEER_USUAL },
    { "Teredo of 10.0.0.1", "2001:0:cb00:7109::f5ff:fffe", TURN_PEER_REFUSED },
    { "NAT64 of loopback", "64:ff9b::7f00:1", TURN_PEER_REFUSED },
    { "NAT64 of a public address", "64:ff9b::cb00:7109", TURN_PEER_USUAL },
    { "local-use NAT64 of 10.0.0.1", "64:ff9b:1::a00:1", TURN_PEER_REFUSED },
    { "denied", "198.51.100.77", TURN_PEER_REFUSED },
    { "denied, as 6to4", "2002:c633:644d::1", TURN_PEER_REFUSED },
    { "allowed, though private", "10.9.0.1", TURN_PEER_ALLOWED },
    { "allowed, though denied", "198.51.100.99", TURN_PEER_ALLOWED },
};

static void
test_policy(void)
{
    struct prefix allow[2], deny[1];
    struct turn_policy policy = { .allow = allow, .allows = 2, .deny = deny, .denies = 1 };

    CHECK(prefix_parse("10.9.0.0/16", &allow[0]) && prefix_parse("198.51.100.99/32", &allow[1]));
    CHECK(prefix_parse("198.51.100.64/26", &deny[0]));
    for (size_t i = 0; i < G_N_ELEMENTS(peers); i++) {
        struct address address;

        CHECK_ROW(peers[i].name, address_parse(peers[i].peer, &address));
        CHECK_ROW_INT(peers[i].name, turn_policy_of(&policy, address), peers[i].opinion);
    }
}

void
suite_turn_allocations(void)
{
    UNIT_SUITE("turn allocations", set_up, tear_down, { "lifetime", test_lifetime_rule },
               { "allocation", test_allocation }, { "shortened", test_shortened }, { "permission", test_permission },
               { "most permissions", test_permission_limit }, { "binding", test_binding },
               { "binding anew", test_rebinding }, { "channel and permission", test_channel_and_permission },
               { "both families", test_dual }, { "one family", test_one_family },
               { "one family, late", test_one_family_late }, { "reservation", test_reservation }, { "order", test_order },
               { "churn", test_churn }, { "walk", test_walk }, { "policy", test_policy });
}
