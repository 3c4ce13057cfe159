/* The NAT's table of mappings and its peers: machines without packets. */
#include "nat/mappings.h"
#include "nat/peers.h"
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

static struct mapping_key
key(uint8_t dependence, uint8_t protocol, const char *internal, const char *remote)
{
    return (struct mapping_key){ nat_endpoint(internal), nat_endpoint(remote), protocol, dependence };
}

static uint32_t
make(uint8_t dependence, const char *internal, const char *remote, const char *external, int64_t deadline)
{
    struct mapping_key k = key(dependence, PROTOCOL_UDP, internal, remote);

    return mapping_make(table, &k, nat_endpoint(external), 0, deadline);
}

static uint32_t
find(uint8_t dependence, uint8_t protocol, const char *internal, const char *remote)
{
    struct mapping_key k = key(dependence, protocol, internal, remote);

    return mapping_find(table, &k);
}

static uint32_t
find_external(uint8_t protocol, const char *external)
{
    struct endpoint endpoint = nat_endpoint(external);

    return mapping_find_external(table, protocol, &endpoint);
}

static enum peer_known
known(uint32_t slot, const char *remote)
{
    struct endpoint endpoint = nat_endpoint(remote);

    return peer_find(table, slot, &endpoint);
}

static uint32_t
affinity(uint8_t protocol, const char *internal, const char *remote)
{
    struct mapping_key k = key(0, protocol, internal, remote);

    return peer_affinity(table, &k);
}

static void
test_keys(void)
{
    static const struct {
        const char *name;
        uint8_t dependence;
        bool same_port, same_address;
    } rows[] = {
        { "EIM", NAT_ENDPOINT_INDEPENDENT, true, true },
        { "ADM", NAT_ADDRESS_DEPENDENT, true, false },
        { "APDM", NAT_ADDRESS_AND_PORT_DEPENDENT, false, false },
        { "none", NAT_MAPPING_NONE, true, true },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        uint8_t dependence = rows[i].dependence;
        uint32_t slot = make(dependence, "10.0.0.2:1", "198.51.100.1:1", "203.0.113.1:1", 9);

        CHECK_ROW_INT(rows[i].name, find(dependence, PROTOCOL_UDP, "10.0.0.2:1", "198.51.100.1:1"), slot);
        CHECK_ROW_INT(rows[i].name, find(dependence, PROTOCOL_UDP, "10.0.0.2:1", "198.51.100.1:2"),
                      rows[i].same_port ? slot : 0);
        CHECK_ROW_INT(rows[i].name, find(dependence, PROTOCOL_UDP, "10.0.0.2:1", "198.51.100.2:1"),
                      rows[i].same_address ? slot : 0);
        CHECK_ROW_INT(rows[i].name, find(dependence, PROTOCOL_UDP, "10.0.0.2:2", "198.51.100.1:1"), 0);
        CHECK_ROW_INT(rows[i].name, find(dependence, PROTOCOL_UDP, "10.0.0.3:1", "198.51.100.1:1"), 0);
        CHECK_ROW_INT(rows[i].name, find(dependence, PROTOCOL_ICMP, "10.0.0.2:1", "198.51.100.1:1"), 0);
        CHECK_ROW_INT(rows[i].name, find_external(PROTOCOL_UDP, "203.0.113.1:1"), slot);
        CHECK_ROW_INT(rows[i].name, find_external(PROTOCOL_UDP, "203.0.113.1:2"), 0);
        CHECK_ROW_INT(rows[i].name, find_external(PROTOCOL_UDP, "203.0.113.2:1"), 0);
        CHECK_ROW_INT(rows[i].name, find_external(PROTOCOL_ICMP, "203.0.113.1:1"), 0);
        mapping_end(table, slot);
        CHECK_ROW_INT(rows[i].name, find(dependence, PROTOCOL_UDP, "10.0.0.2:1", "198.51.100.1:1"), 0);
        CHECK_ROW_INT(rows[i].name, find_external(PROTOCOL_UDP, "203.0.113.1:1"), 0);
    }
    CHECK_ROW_INT("alive", table->count, 0);
}

/* Due come the earliest first, of equals the oldest; who was refreshed waits for the new deadline. */
static void
test_deadlines(void)
{
    static const struct {
        const char *external;
        int64_t deadline;
    } rows[] = {
        { "203.0.113.1:1", 50 }, { "203.0.113.1:2", 30 }, { "203.0.113.1:3", 40 },
        { "203.0.113.1:4", 30 }, { "203.0.113.1:5", 60 },
    };
    uint32_t slots[G_N_ELEMENTS(rows)];

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        slots[i] =
            make(NAT_ADDRESS_AND_PORT_DEPENDENT, "10.0.0.2:1", rows[i].external, rows[i].external, rows[i].deadline);
    CHECK_ROW_INT("wake", mapping_table_wake(table), 30);
    CHECK_ROW_INT("none yet", mapping_due(table, 29), 0);
    CHECK_ROW_INT("older first", mapping_due(table, 30), slots[1]);
    CHECK_ROW_INT("until it is ended", mapping_due(table, 30), slots[1]);
    mapping_end(table, slots[1]);
    CHECK_ROW("later", !mapping_refresh(table, slots[3], 70));
    CHECK_ROW_INT("refreshed", mapping_due(table, 30), 0);
    CHECK_ROW_INT("wake again", mapping_table_wake(table), 40);
    CHECK_ROW("earlier", mapping_refresh(table, slots[4], 35));
    CHECK_ROW_INT("hastened", mapping_table_wake(table), 35);
    CHECK_ROW_INT("hastened is due", mapping_due(table, 100), slots[4]);
    mapping_end(table, slots[4]);
    CHECK_ROW_INT("then", mapping_due(table, 100), slots[2]);
    mapping_end(table, slots[2]);
    CHECK_ROW_INT("then", mapping_due(table, 100), slots[0]);
    mapping_end(table, slots[0]);
    CHECK_ROW_INT("the refreshed one", mapping_due(table, 100), slots[3]);
    mapping_end(table, slots[3]);
    CHECK_ROW_INT("no more", mapping_due(table, 100), 0);
    CHECK_ROW_INT("never", mapping_table_wake(table), TIME_NEVER);
}

struct told {
    uint32_t numbers[8];
    unsigned count;
};

static void
tell(void *user, uint32_t slot)
{
    struct told *told = user;

    told->numbers[told->count++] = mapping_at(table, slot)->number;
}

/* Slots are used again, numbers are not, and walking goes by age. */
static void
test_numbers(void)
{
    struct told told = { { 0 }, 0 };
    uint32_t first = make(NAT_ENDPOINT_INDEPENDENT, "10.0.0.2:1", "198.51.100.1:1", "203.0.113.1:1", 9);

    make(NAT_ENDPOINT_INDEPENDENT, "10.0.0.2:2", "198.51.100.1:1", "203.0.113.1:2", 9);
    mapping_end(table, first);
    CHECK_ROW_INT("slot again", make(NAT_ENDPOINT_INDEPENDENT, "10.0.0.2:3", "198.51.100.1:1", "203.0.113.1:3", 9),
                  first);
    make(NAT_ENDPOINT_INDEPENDENT, "10.0.0.2:4", "198.51.100.1:1", "203.0.113.1:4", 9);
    mapping_each(table, tell, &told);
    CHECK_ROW_INT("three", told.count, 3);
    for (unsigned i = 0; i < told.count; i++)
        CHECK_ROW_INT("by age", told.numbers[i], i + 2);
}

static void
test_peers(void)
{
    uint32_t slot = make(NAT_ENDPOINT_INDEPENDENT, "10.0.0.2:1", "198.51.100.1:1", "203.0.113.1:1", 9);
    uint32_t other = make(NAT_ENDPOINT_INDEPENDENT, "10.0.0.2:2", "198.51.100.1:1", "203.0.113.1:2", 9);
    struct endpoint admitted = nat_endpoint("198.51.100.2:1"), sent = nat_endpoint("198.51.100.2:2"), list[4];

    CHECK_ROW_INT("first", known(slot, "198.51.100.1:1"), PEER_SENT_TO);
    CHECK_ROW_INT("its other port", known(slot, "198.51.100.1:2"), PEER_UNKNOWN);
    CHECK_ROW("its address", peer_address_sent_to(table, slot, nat_endpoint("198.51.100.1").address));

    CHECK(peer_note(table, slot, &admitted, PEER_ADMITTED));
    CHECK_ROW_INT("admitted", peer_find(table, slot, &admitted), PEER_ADMITTED);
    CHECK_ROW("no permission", !peer_address_sent_to(table, slot, admitted.address));
    CHECK(peer_note(table, slot, &sent, PEER_SENT_TO));
    CHECK_ROW_INT("sent to", peer_find(table, slot, &sent), PEER_SENT_TO);
    CHECK_ROW("permission", peer_address_sent_to(table, slot, admitted.address));
    CHECK_ROW_INT("admitted still", peer_find(table, slot, &admitted), PEER_ADMITTED);
    CHECK(peer_note(table, slot, &admitted, PEER_SENT_TO));
    CHECK(peer_note(table, slot, &admitted, PEER_ADMITTED));
    CHECK_ROW_INT("sent to as well", peer_find(table, slot, &admitted), PEER_SENT_TO);
    CHECK_ROW_INT("the other mapping's", peer_find(table, other, &sent), PEER_UNKNOWN);
    CHECK_ROW("nor its address", !peer_address_sent_to(table, other, sent.address));

    CHECK_ROW_INT("three", mapping_at(table, slot)->peer_count, 3);
    peer_list(table, slot, list, 4);
    CHECK_ROW("in order", endpoint_equal(list[1], admitted) && endpoint_equal(list[2], sent));

    mapping_end(table, slot);
    CHECK_ROW_INT("none left", table->peers.count, 0);
    CHECK_ROW_INT("in no index", table->peers.by_endpoint.used + table->peers.by_address.used, 0);
}

static void
test_affinity(void)
{
    uint32_t one = make(NAT_ADDRESS_DEPENDENT, "10.0.0.2:1", "198.51.100.1:1", "203.0.113.1:1", 9);
    uint32_t two = make(NAT_ADDRESS_DEPENDENT, "10.0.0.2:1", "198.51.100.2:1", "203.0.113.1:2", 9);
    struct endpoint remote = nat_endpoint("198.51.100.9:9");

    peer_affine(table, one, &remote);
    CHECK_ROW_INT("of no peer", affinity(PROTOCOL_UDP, "10.0.0.2:1", "198.51.100.9:9"), 0);
    peer_note(table, one, &remote, PEER_ADMITTED);
    peer_note(table, two, &remote, PEER_ADMITTED);
    peer_affine(table, one, &remote);
    CHECK_ROW_INT("one", affinity(PROTOCOL_UDP, "10.0.0.2:1", "198.51.100.9:9"), one);
    CHECK_ROW_INT("another protocol", affinity(PROTOCOL_ICMP, "10.0.0.2:1", "198.51.100.9:9"), 0);
    CHECK_ROW_INT("another remote", affinity(PROTOCOL_UDP, "10.0.0.2:1", "198.51.100.9:8"), 0);
    peer_affine(table, two, &remote);
    CHECK_ROW_INT("the newest", affinity(PROTOCOL_UDP, "10.0.0.2:1", "198.51.100.9:9"), two);
    mapping_end(table, one);
    CHECK_ROW_INT("the other's end", affinity(PROTOCOL_UDP, "10.0.0.2:1", "198.51.100.9:9"), two);
    mapping_end(table, two);
    CHECK_ROW_INT("its end", affinity(PROTOCOL_UDP, "10.0.0.2:1", "198.51.100.9:9"), 0);
    CHECK_ROW_INT("nothing left", table->peers.affinity.used, 0);
}

/* A great many, made and ended in waves: what is found is exactly what lives, and due come in order. */
static void
test_many(void)
{
    enum { MANY = 20000 };
    g_autofree uint32_t *slots = g_new0(uint32_t, MANY);
    struct address inside = nat_endpoint("10.0.0.0").address, outside = nat_endpoint("203.0.113.1").address;
    uint32_t ended = 0, slot;
    int64_t last = 0;
    bool found = true, ordered = true;

    for (uint32_t i = 0; i < MANY; i++) {
        struct mapping_key k = { { address_add(inside, i % 250), (uint16_t)i }, { outside, 1 }, PROTOCOL_UDP, 0 };

        slots[i] = mapping_make(table, &k, (struct endpoint){ outside, (uint16_t)i }, 0, (int64_t)i * 7919 % 10007);
    }
    for (uint32_t i = 0; i < MANY; i += 3)
        mapping_refresh(table, slots[i], 20000 + i);
    while ((slot = mapping_due(table, 10007))) {
        ordered &= mapping_at(table, slot)->deadline >= last;
        last = mapping_at(table, slot)->deadline;
        mapping_end(table, slot);
        ended++;
    }
    for (uint32_t i = 0; i < MANY; i++)
        found &= (mapping_find_external(table, PROTOCOL_UDP, &(struct endpoint){ outside, (uint16_t)i }) == slots[i]) ==
                 (i % 3 == 0);
    CHECK(ordered);
    CHECK(found);
    CHECK_ROW_INT("ended", ended, MANY - (MANY + 2) / 3);
    CHECK_ROW_INT("alive", table->count, (MANY + 2) / 3);
}

/* The figure of `make bench`: at most 160 bytes a mapping, indexes and all, with one peer each. */
static void
test_size(void)
{
    enum { MANY = 10000 };
    struct address inside = nat_endpoint("10.0.0.0").address, outside = nat_endpoint("203.0.113.1").address;

    for (uint32_t i = 0; i < MANY; i++) {
        struct mapping_key k = {
            { address_add(inside, i), 5000 }, { outside, (uint16_t)i }, PROTOCOL_UDP, NAT_ADDRESS_AND_PORT_DEPENDENT
        };

        mapping_make(table, &k, (struct endpoint){ outside, (uint16_t)i }, 0, 1);
    }
    CHECK(mapping_table_bytes(table) / MANY <= 160);
}

void
suite_nat_mappings(void)
{
    UNIT_SUITE("nat: mappings", set_up, tear_down, { "keys", test_keys }, { "deadlines", test_deadlines },
               { "numbers", test_numbers }, { "peers", test_peers }, { "affinity", test_affinity },
               { "many", test_many }, { "size", test_size });
}
