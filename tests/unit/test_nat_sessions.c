/* The table of TCP connections: a machine without packets. */
#include "nat/sessions.h"
#include "tests/unit/support.h"
#include "tests/unit/support_nat.h"

static struct mapping_table *table;

static void
set_up(void)
{
    table = mapping_table_new(0);
}

static void
tear_down(void)
{
    mapping_table_free(table);
}

static uint32_t
make_mapping(const char *internal, const char *external)
{
    struct mapping_key key = { nat_endpoint(internal), nat_endpoint("198.51.100.1:1"), PROTOCOL_TCP, 0 };

    return mapping_make(table, &key, nat_endpoint(external), 0, TIME_NEVER);
}

static uint32_t
make(uint32_t mapping, const char *remote, int64_t deadline)
{
    struct endpoint endpoint = nat_endpoint(remote);

    return session_make(table, mapping, &endpoint, NAT_TCP_INSIDE, deadline);
}

static uint32_t
find(uint32_t mapping, const char *remote)
{
    struct endpoint endpoint = nat_endpoint(remote);

    return session_find(table, mapping, &endpoint);
}

static uint32_t
find_ends(const char *internal, const char *remote)
{
    struct endpoint from = nat_endpoint(internal), to = nat_endpoint(remote);

    return session_find_ends(table, &from, &to);
}

static void
test_finds(void)
{
    uint32_t mapping, other, a, b;

    CHECK_ROW_INT("nothing yet", session_wake(table) == TIME_NEVER, true);
    mapping = make_mapping("10.0.0.2:1", "203.0.113.1:1");
    other = make_mapping("10.0.0.3:1", "203.0.113.1:2");
    CHECK_ROW_INT("no session", find(mapping, "198.51.100.1:1"), 0);
    a = make(mapping, "198.51.100.1:1", 10);
    b = make(other, "198.51.100.1:1", 20);
    CHECK_ROW_INT("by mapping", find(mapping, "198.51.100.1:1"), a);
    CHECK_ROW_INT("by the other", find(other, "198.51.100.1:1"), b);
    CHECK_ROW_INT("another port", find(mapping, "198.51.100.1:2"), 0);
    CHECK_ROW_INT("another address", find(mapping, "198.51.100.2:1"), 0);
    CHECK_ROW_INT("by its ends", find_ends("10.0.0.2:1", "198.51.100.1:1"), a);
    CHECK_ROW_INT("by other ends", find_ends("10.0.0.2:2", "198.51.100.1:1"), 0);
    session_end(table, a);
    CHECK_ROW_INT("ended", find(mapping, "198.51.100.1:1"), 0);
    CHECK_ROW_INT("ended", find_ends("10.0.0.2:1", "198.51.100.1:1"), 0);
    CHECK_ROW_INT("the other lives", find(other, "198.51.100.1:1"), b);
    CHECK_ROW_INT("its number is used again", make(other, "198.51.100.2:1", 30), a);
}

/* The one that was last preferred of two mappings' sessions between the same ends. */
static void
test_prefers(void)
{
    uint32_t one = make_mapping("10.0.0.2:1", "203.0.113.1:1"), two, a, b;
    struct mapping_key key = { nat_endpoint("10.0.0.2:1"), nat_endpoint("198.51.100.9:9"), PROTOCOL_TCP,
                               NAT_ADDRESS_AND_PORT_DEPENDENT };

    two = mapping_make(table, &key, nat_endpoint("203.0.113.1:2"), 0, TIME_NEVER);
    a = make(one, "198.51.100.1:1", 10);
    b = make(two, "198.51.100.1:1", 20);
    CHECK_ROW_INT("the newest", find_ends("10.0.0.2:1", "198.51.100.1:1"), b);
    session_prefer(table, a);
    CHECK_ROW_INT("the preferred", find_ends("10.0.0.2:1", "198.51.100.1:1"), a);
    session_end(table, b);
    CHECK_ROW_INT("still", find_ends("10.0.0.2:1", "198.51.100.1:1"), a);
    session_end(table, a);
    CHECK_ROW_INT("none", find_ends("10.0.0.2:1", "198.51.100.1:1"), 0);
}

static bool
sent_to(uint32_t mapping, const char *address)
{
    return session_address_sent_to(table, mapping, nat_endpoint(address).address);
}

/* By address counts who was sent to, whichever of them goes first. */
static void
test_addresses(void)
{
    for (int first = 0; first < 3; first++) {
        uint32_t mapping = make_mapping("10.0.0.2:1", "203.0.113.1:1"), sessions[3];

        sessions[0] = make(mapping, "198.51.100.1:1", 10);
        sessions[1] = make(mapping, "198.51.100.1:2", 10);
        sessions[2] = make(mapping, "198.51.100.1:3", 10);
        CHECK(!sent_to(mapping, "198.51.100.1"));
        for (int i = 0; i < 3; i++)
            session_sent(table, sessions[i]);
        CHECK(sent_to(mapping, "198.51.100.1") && !sent_to(mapping, "198.51.100.2"));
        for (int i = 0; i < 3; i++) {
            CHECK_ROW_INT("one is left", sent_to(mapping, "198.51.100.1"), true);
            session_end(table, sessions[(first + i) % 3]);
        }
        CHECK_ROW_INT("none is left", sent_to(mapping, "198.51.100.1"), false);
        mapping_end(table, mapping);
    }
}

/* They go with their mapping, and nothing of them stays in any index. */
static void
test_drops(void)
{
    uint32_t mapping = make_mapping("10.0.0.2:1", "203.0.113.1:1"), other = make_mapping("10.0.0.3:1", "203.0.113.1:2");
    struct endpoint remotes[2];

    make(mapping, "198.51.100.1:1", 10);
    session_sent(table, make(mapping, "198.51.100.1:2", 20));
    make(other, "198.51.100.1:1", 15);
    session_list(table, mapping, remotes, 2);
    CHECK(endpoint_equal(remotes[0], nat_endpoint("198.51.100.1:1")));
    CHECK(endpoint_equal(remotes[1], nat_endpoint("198.51.100.1:2")));
    CHECK_ROW_INT("the last", session_last_deadline(table, mapping), 20);
    mapping_end(table, mapping);
    CHECK_ROW_INT("one is left", table->sessions->count, 1);
    CHECK_ROW_INT("by remote", table->sessions->by_remote.used, 1);
    CHECK_ROW_INT("by address", table->sessions->by_address.used, 0);
    CHECK_ROW_INT("by ends", table->sessions->by_ends.used, 1);
    CHECK_ROW_INT("unsent", table->sessions->unsent, 1);
    CHECK_ROW_INT("due", session_wake(table), 15);
}

/* Strangers take no room from those inside: who was only admitted has a part of the table. */
static void
test_room(void)
{
    uint32_t mapping = make_mapping("10.0.0.2:1", "203.0.113.1:1"), session;

    CHECK(session_room(table, NAT_TCP_OUTSIDE));
    session = make(mapping, "198.51.100.1:1", 10);
    CHECK_ROW_INT("not sent to yet", table->sessions->unsent, 1);
    table->sessions->unsent = NAT_ADMITTED_MAX;
    CHECK(!session_room(table, NAT_TCP_OUTSIDE) && session_room(table, NAT_TCP_INSIDE));
    session_sent(table, session);
    CHECK(session_room(table, NAT_TCP_OUTSIDE));
    table->sessions->count = NAT_MAPPINGS_MAX;
    CHECK(!session_room(table, NAT_TCP_OUTSIDE) && !session_room(table, NAT_TCP_INSIDE));
    table->sessions->count = 1;
}

/* A great many in waves: what is found is exactly what lives, and due come in order, of equals the oldest first. */
static void
test_many(void)
{
    enum { MANY = 20000, MAPPINGS = 10 };
    g_autofree uint32_t *sessions = g_new0(uint32_t, MANY);
    uint32_t mappings[MAPPINGS], ended = 0, number, last_ordinal = 0;
    struct address remote = nat_endpoint("198.51.100.0").address;
    int64_t last = 0;
    bool found = true, ordered = true;

    for (uint16_t i = 0; i < MAPPINGS; i++) {
        g_autofree char *external = g_strdup_printf("203.0.113.1:%u", i + 1u);

        mappings[i] = make_mapping(external, external);
    }
    for (uint32_t i = 0; i < MANY; i++) {
        struct endpoint to = { address_add(remote, i % 200), (uint16_t)i };

        sessions[i] = session_make(table, mappings[i % MAPPINGS], &to, NAT_TCP_INSIDE, (int64_t)i * 7919 % 1009);
        if (i % 2)
            session_sent(table, sessions[i]);
    }
    for (uint32_t i = 0; i < MANY; i += 3)
        session_refresh(table, sessions[i], 20000 + i);
    for (uint32_t i = 0; i < MANY; i += 6)
        CHECK_ROW_INT("sooner again", session_refresh(table, sessions[i], 500), true);
    while ((number = session_due(table, 1009))) {
        const struct session *session = session_at(table, number);

        ordered &= session->deadline > last || (session->deadline == last && session->ordinal > last_ordinal);
        last = session->deadline;
        last_ordinal = session->ordinal;
        session_end(table, number);
        ended++;
    }
    for (uint32_t i = 0; i < MANY; i++) {
        struct endpoint to = { address_add(remote, i % 200), (uint16_t)i };
        bool lives = i % 3 == 0 && i % 6 != 0;

        found &= (session_find(table, mappings[i % MAPPINGS], &to) == sessions[i]) == lives;
    }
    CHECK(ordered);
    CHECK(found);
    CHECK_ROW_INT("alive", table->sessions->count, MANY - ended);
    for (uint32_t i = 0; i < MAPPINGS; i++)
        mapping_end(table, mappings[i]);
    CHECK_ROW_INT("none", table->sessions->count, 0);
    CHECK_ROW_INT("nothing in an index", table->sessions->by_remote.used + table->sessions->by_address.used +
                                             table->sessions->by_ends.used + table->sessions->deadlines.count, 0);
}

void
suite_nat_sessions(void)
{
    UNIT_SUITE("nat: sessions", set_up, tear_down, { "finds", test_finds }, { "prefers", test_prefers },
               { "addresses", test_addresses }, { "drops", test_drops }, { "room", test_room }, { "many", test_many });
}
