/* A loop of two relays (RFC 8656 section 21.4): each allocation's client is the other's relayed address, so that what one
 * relays to its client comes to the other as from a peer, and back again. No TTL ends it. Whoever can make such allocations
 * has held the relayed addresses for a moment, or has seen what is sent there; else the nonce stops him. */
#include "tests/unit/support.h"

#include "proto/turn/kinds.h"
#include "tests/unit/support_turn.h"

enum { SIDES = 2 };

static const struct {
    const char *server, *relayed;
} at[SIDES] = { { "198.51.100.1:3478", "198.51.100.1:50000" }, { "198.51.100.2:3478", "198.51.100.2:50000" } };

static struct fake_io *hosts[SIDES];
static struct turn_server *servers[SIDES];

static void
open_side(unsigned side, uint64_t bytes_per_second, const struct stun_users *users)
{
    struct turn_server_options options = TURN_SERVER_DEFAULTS;
    enum io_result why;

    options.listen[0].at = turn_at(at[side].server);
    options.port_first = options.port_last = turn_at(at[side].relayed).port;
    options.bytes_per_second = bytes_per_second;
    options.users = users;
    hosts[side] = fake_io_new(side ? "198.51.100.2" : "198.51.100.1");
    servers[side] = turn_server_new(&hosts[side]->io, &options, &why);
    CHECK(servers[side] != NULL);
}

static void
close_sides(void)
{
    for (unsigned side = 0; side < SIDES; side++) {
        turn_server_free(servers[side]);
        CHECK(fake_io_free(hosts[side]));
    }
}

/* A request that says to come from the other side's relayed address; the class of what is answered there. */
static enum stun_class
ask_as_relay(unsigned side, uint16_t method, const char *peer, unsigned channel)
{
    struct stun_header header = { STUN_REQUEST, method, STUN_COOKIE, { { (uint8_t)method } } };
    struct endpoint source = turn_at(at[!side].relayed);
    const struct fake_datagram *answer;
    uint8_t buffer[200];
    struct stun_builder builder;

    stun_builder_begin(&builder, buffer, sizeof buffer, &header);
    if (method == STUN_ALLOCATE)
        stun_put_number(&builder, STUN_REQUESTED_TRANSPORT, PROTOCOL_UDP);
    if (channel)
        stun_put_number(&builder, STUN_CHANNEL_NUMBER, channel);
    if (peer)
        stun_put_endpoint(&builder, STUN_XOR_PEER_ADDRESS, turn_at(peer));
    CHECK(fake_io_deliver(hosts[side], turn_at(at[side].server), source, stun_builder_finish(&builder)));
    answer = fake_io_take(hosts[side]);
    if (!CHECK(answer && endpoint_equal(answer->peer, source) && stun_header_peek(answer->data, &header)))
        return STUN_ERROR;
    return header.class;
}

/* Each side's peer is the other server, where its client's datagrams come from: by a permission, or a channel too. */
static void
make_loop(uint64_t bytes_per_second, bool channels)
{
    for (unsigned side = 0; side < SIDES; side++)
        open_side(side, bytes_per_second, NULL);
    for (unsigned side = 0; side < SIDES; side++) {
        CHECK_ROW_INT("allocate", ask_as_relay(side, STUN_ALLOCATE, NULL, 0), STUN_SUCCESS);
        if (channels)
            CHECK_ROW_INT("bind", ask_as_relay(side, STUN_CHANNEL_BIND, at[!side].server, 0x4000), STUN_SUCCESS);
        else
            CHECK_ROW_INT("permit", ask_as_relay(side, STUN_CREATE_PERMISSION, at[!side].server, 0), STUN_SUCCESS);
    }
}

static void
kick(size_t length)
{
    g_autofree uint8_t *bytes = g_malloc0(length);

    CHECK(fake_io_deliver(hosts[0], turn_at(at[0].relayed), turn_at(at[1].server), span_of(bytes, length)));
}

/* Times that it goes over from one relay to the other, `most` at most. */
static unsigned
go_round(unsigned most)
{
    unsigned hops = 0;

    while (hops < most && fake_io_waiting(hosts[hops % SIDES]) > 0) {
        if (!CHECK_ROW_INT("as many as there were", fake_io_carry(hosts[hops % SIDES], hosts[!(hops % SIDES)]), 1))
            break;
        hops++;
    }
    return hops;
}

static uint64_t
dropped(enum drop_reason reason)
{
    return turn_server_dropped(servers[0], reason) + turn_server_dropped(servers[1], reason);
}

/* Each round puts a header in front of it, so that no datagram can hold it in the end. */
static void
test_growth(void)
{
    static const struct {
        const char *name;
        bool channels;
        size_t length;
        unsigned hops;
    } rows[] = {
        { "Data indications, 36 bytes each", false, 60, 1817 },
        { "channels, 4 bytes each", true, 60, 16361 },
        { "a large one", false, 65000, 14 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        make_loop(0, rows[i].channels);
        kick(rows[i].length);
        CHECK_ROW_INT(rows[i].name, go_round(100000), rows[i].hops);
        CHECK_ROW_INT(rows[i].name, dropped(DROP_TOO_BIG), 1);
        close_sides();
    }
}

/* With a limit it ends at once: no time passes within the loop, and the buckets are empty. With a network between them it
 * goes on no faster than they fill. */
static void
test_limited(void)
{
    uint64_t bytes;
    unsigned hops;

    make_loop(1000, true);
    kick(60);
    hops = go_round(100000);
    bytes = turn_server_counters(servers[0])->bytes_to_clients + turn_server_counters(servers[1])->bytes_to_clients;
    CHECK_ROW("soon", hops < 30);
    CHECK_ROW("a bucket each", bytes <= 2000);
    CHECK_ROW_INT("dropped", dropped(DROP_OVER_BANDWIDTH), 1);
    close_sides();
}

/* Nobody is there to refresh anything: it ends with the first permission (section 9), however slow it goes. */
static void
test_time(void)
{
    unsigned hops = 0;

    make_loop(0, false);
    kick(60);
    for (int second = 0; second < 400; second++) {
        hops += go_round(2);
        for (unsigned side = 0; side < SIDES; side++)
            fake_io_advance(hosts[side], TIME_S);
    }
    CHECK_ROW_INT("two a second, for 300 s", hops, 601);
    CHECK_ROW_INT("dropped", dropped(DROP_NO_PERMISSION), 1);
    for (unsigned side = 0; side < SIDES; side++)
        fake_io_advance(hosts[side], 200 * TIME_S);
    CHECK_ROW_INT("the allocations have ended too",
                  turn_server_allocations(servers[0]) + turn_server_allocations(servers[1]), 0);
    close_sides();
}

/* Section 21.1.7: where users have to prove themselves a spoofed request gets a nonce, which goes elsewhere. */
static void
test_nonce(void)
{
    struct stun_users *users = stun_users_new(TURN_REALM);

    for (unsigned side = 0; side < SIDES; side++) {
        open_side(side, 0, users);
        CHECK_ROW_INT("challenged", ask_as_relay(side, STUN_ALLOCATE, NULL, 0), STUN_ERROR);
        CHECK_ROW_INT("none made", turn_server_allocations(servers[side]), 0);
    }
    close_sides();
    stun_users_free(users);
}

/* What the host did not take was not relayed, and is told as dropped only. */
static void
test_told_once(void)
{
    make_loop(0, true);
    kick(65504);
    CHECK_ROW_INT("too big behind a header", dropped(DROP_TOO_BIG), 1);
    CHECK_ROW_INT("dropped", fake_io_noted(hosts[0], &turn_kind_dropped), 1);
    CHECK_ROW_INT("not relayed", fake_io_noted(hosts[0], &turn_kind_to_client), 0);
    kick(100);
    CHECK_ROW_INT("relayed", fake_io_noted(hosts[0], &turn_kind_to_client), 1);
    close_sides();
}

void
suite_turn_loop(void)
{
    UNIT_SUITE("turn loop", NULL, NULL, { "growth", test_growth }, { "limited", test_limited }, { "time", test_time },
               { "nonce", test_nonce }, { "told once", test_told_once });
}
