/* The TURN server over UDP: RFC 8656, message by message. */
#include "tests/unit/support.h"

#include "proto/stun/secret.h"
#include "proto/turn/kinds.h"
#include "tests/unit/support_turn.h"

static struct turn_speaker alice, bob;

static void
set_up(void)
{
    struct turn_server_options options = turn_bench_options();

    turn_bench_open(&options);
    alice = turn_speaker_new("192.0.2.1:5000", "alice", "secret");
    bob = turn_speaker_new("192.0.2.2:5000", "bob", "hidden");
}

static void
tear_down(void)
{
    turn_speaker_clear(&alice);
    turn_speaker_clear(&bob);
    turn_bench_close();
}

/* The server anew, with other options. */
static void
reopen(struct turn_server_options *options)
{
    tear_down();
    turn_bench_open(options);
    alice = turn_speaker_new("192.0.2.1:5000", "alice", "secret");
    bob = turn_speaker_new("192.0.2.2:5000", "bob", "hidden");
}

static const struct turn_server_counters *
counters(void)
{
    return turn_server_counters(turn_under_test);
}

/* --- Allocate (section 7.2) --------------------------------------------------------------------------------------- */

static void
test_allocate(void)
{
    struct turn_ask ask;
    struct stun_value value, again;

    turn_ask_begin(&ask, &alice, STUN_ALLOCATE);
    stun_put_number(&ask.builder, STUN_REQUESTED_TRANSPORT, PROTOCOL_UDP);
    CHECK_ROW_INT("success", turn_ask_send(&ask), 0);
    CHECK(stun_message_get(&ask.answer, STUN_XOR_MAPPED_ADDRESS, &value) == STUN_PRESENT);
    CHECK(endpoint_equal(value.endpoint, alice.at));
    CHECK(stun_message_get(&ask.answer, STUN_LIFETIME, &value) == STUN_PRESENT);
    CHECK_ROW_INT("LIFETIME", value.number, 600);
    CHECK(stun_message_get(&ask.answer, STUN_XOR_RELAYED_ADDRESS, &value) == STUN_PRESENT);
    CHECK(address_equal(value.endpoint.address, turn_at(TURN_SERVER_AT).address));
    CHECK(value.endpoint.port >= 49152);
    CHECK_ROW_INT("journal", fake_io_noted(turn_host, &turn_kind_allocated), 1);

    /* Section 7.2: the same request once more gets the same; another transaction 437. */
    CHECK_ROW_INT("once more", turn_ask_repeat(&ask), 0);
    CHECK(stun_message_get(&ask.answer, STUN_XOR_RELAYED_ADDRESS, &again) == STUN_PRESENT);
    CHECK(endpoint_equal(value.endpoint, again.endpoint));
    CHECK_ROW_INT("another", turn_speaker_allocate(&alice), STUN_CODE_ALLOCATION_MISMATCH);
    CHECK_ROW_INT("one", turn_server_allocations(turn_under_test), 1);
    CHECK_ROW_INT("counted", turn_server_refused(turn_under_test, STUN_CODE_ALLOCATION_MISMATCH), 1);
}

enum { NO_TRANSPORT = 255, EVEN = 1, PAIR = 2, TOKEN = 4, FOUR = 8, SIX = 16, ODD_FAMILY = 32, ALSO_SIX = 64,
       ALSO_FOUR = 128, DF = 256, LONG_TRANSPORT = 512 };

static const struct {
    const char *name;
    unsigned transport, has;
    int code;
} allocates[] = {
    { "no transport", NO_TRANSPORT, 0, 400 },
    { "malformed transport", NO_TRANSPORT, LONG_TRANSPORT, 400 },
    { "SCTP", 132, 0, 442 },
    { "TCP over a leg of UDP (RFC 6062 section 5.1)", PROTOCOL_TCP, 0, 400 },
    { "DF", PROTOCOL_UDP, DF, 0 },
    { "IPv4", PROTOCOL_UDP, FOUR, 0 },
    { "IPv6, which there is not", PROTOCOL_UDP, SIX, 440 },
    { "no family", PROTOCOL_UDP, ODD_FAMILY, 440 },
    { "both attributes", PROTOCOL_UDP, FOUR | ALSO_SIX, 400 },
    { "an additional IPv4 address", PROTOCOL_UDP, ALSO_FOUR, 400 },
    { "an additional IPv6 address", PROTOCOL_UDP, ALSO_SIX, 0 },
    { "even port", PROTOCOL_UDP, EVEN, 0 },
    { "pair", PROTOCOL_UDP, PAIR, 0 },
    { "pair and additional", PROTOCOL_UDP, PAIR | ALSO_SIX, 400 },
    { "unknown token", PROTOCOL_UDP, TOKEN, 508 },
    { "token and even port", PROTOCOL_UDP, TOKEN | EVEN, 400 },
    { "token and family", PROTOCOL_UDP, TOKEN | FOUR, 400 },
    { "token and additional family", PROTOCOL_UDP, TOKEN | ALSO_SIX, 400 },
    { "transport before token (3 before 5)", 132, TOKEN | FOUR, 442 },
};

static void
test_allocate_table(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(allocates); i++) {
        unsigned has = allocates[i].has;
        struct turn_ask ask;

        turn_ask_begin(&ask, &alice, STUN_ALLOCATE);
        if (has & LONG_TRANSPORT)
            stun_builder_raw(&ask.builder, STUN_REQUESTED_TRANSPORT, span_of("\x11\0\0\0\0", 5));
        if (allocates[i].transport != NO_TRANSPORT)
            stun_put_number(&ask.builder, STUN_REQUESTED_TRANSPORT, allocates[i].transport);
        if (has & (EVEN | PAIR))
            stun_put_number(&ask.builder, STUN_EVEN_PORT, has & PAIR ? 0x80 : 0);
        if (has & TOKEN)
            stun_put_number(&ask.builder, STUN_RESERVATION_TOKEN, 99);
        if (has & (FOUR | SIX | ODD_FAMILY))
            stun_put_number(&ask.builder, STUN_REQUESTED_ADDRESS_FAMILY, has & FOUR ? 1 : has & SIX ? 2 : 9);
        if (has & (ALSO_FOUR | ALSO_SIX))
            stun_put_number(&ask.builder, STUN_ADDITIONAL_ADDRESS_FAMILY, has & ALSO_FOUR ? 1 : 2);
        if (has & DF)
            stun_put_flag(&ask.builder, STUN_DONT_FRAGMENT);
        CHECK_ROW_INT(allocates[i].name, turn_ask_send(&ask), allocates[i].code);
        if (allocates[i].code == 0)
            CHECK_ROW_INT(allocates[i].name, turn_speaker_refresh(&alice, 0), 0);
    }
    CHECK_ROW_INT("none left", turn_server_allocations(turn_under_test), 0);
}

/* Number 9: one of two families is better than none, and the client is told why. */
static void
test_additional(void)
{
    struct turn_server_options options = turn_bench_options();
    struct stun_value value;
    struct turn_ask ask;

    turn_ask_begin(&ask, &alice, STUN_ALLOCATE);
    stun_put_number(&ask.builder, STUN_REQUESTED_TRANSPORT, PROTOCOL_UDP);
    stun_put_number(&ask.builder, STUN_ADDITIONAL_ADDRESS_FAMILY, 2);
    CHECK_ROW_INT("success", turn_ask_send(&ask), 0);
    CHECK(stun_message_get(&ask.answer, STUN_ADDRESS_ERROR_CODE, &value) == STUN_PRESENT);
    CHECK_ROW_INT("family", value.error.family, FAMILY_IPV6);
    CHECK_ROW_INT("code", value.error.code, STUN_CODE_FAMILY_UNSUPPORTED);

    options.listen[0].ipv4.address = turn_at(TURN_SERVER_AT).address;
    options.listen[0].ipv6.address = turn_at("[2001:db8::1]:0").address;
    options.no_dont_fragment = true;
    reopen(&options);
    turn_host->second = options.listen[0].ipv6.address;
    turn_ask_begin(&ask, &alice, STUN_ALLOCATE);
    stun_put_number(&ask.builder, STUN_REQUESTED_TRANSPORT, PROTOCOL_UDP);
    stun_put_flag(&ask.builder, STUN_DONT_FRAGMENT);
    CHECK_ROW_INT("number 4", turn_ask_send(&ask), STUN_CODE_UNKNOWN_ATTRIBUTE);
    CHECK(stun_message_get(&ask.answer, STUN_UNKNOWN_ATTRIBUTES, &value) == STUN_PRESENT);
    CHECK(value.types.count == 1 && value.types.types[0] == STUN_DONT_FRAGMENT);
    turn_ask_begin(&ask, &alice, STUN_CREATE_PERMISSION);
    for (int i = 0; i <= STUN_MAX_ATTRIBUTES; i++)
        stun_put_endpoint(&ask.builder, STUN_XOR_PEER_ADDRESS, turn_at(TURN_PEER));
    CHECK_ROW_INT("more peers than are read: not some of them", turn_ask_send(&ask), STUN_CODE_BAD_REQUEST);
    turn_ask_begin(&ask, &alice, STUN_ALLOCATE);
    stun_put_number(&ask.builder, STUN_REQUESTED_TRANSPORT, PROTOCOL_UDP);
    stun_put_number(&ask.builder, STUN_ADDITIONAL_ADDRESS_FAMILY, 2);
    CHECK_ROW_INT("both", turn_ask_send(&ask), 0);
    CHECK(stun_message_get(&ask.answer, STUN_ADDRESS_ERROR_CODE, &value) == STUN_ABSENT);
    CHECK_ROW_INT("peer of either family", turn_speaker_permit(&alice, "[2001:db8:9::9]:1"), 0);
    CHECK_ROW_INT("peer of either family", turn_speaker_permit(&alice, TURN_PEER), 0);

    /* Section 8.2: one of them goes. */
    turn_ask_begin(&ask, &alice, STUN_REFRESH);
    stun_put_number(&ask.builder, STUN_LIFETIME, 0);
    stun_put_number(&ask.builder, STUN_REQUESTED_ADDRESS_FAMILY, 2);
    CHECK_ROW_INT("delete IPv6", turn_ask_send(&ask), 0);
    CHECK_ROW_INT("443 afterwards", turn_speaker_permit(&alice, "[2001:db8:9::9]:1"), STUN_CODE_PEER_FAMILY_MISMATCH);
    turn_ask_begin(&ask, &alice, STUN_REFRESH);
    stun_put_number(&ask.builder, STUN_REQUESTED_ADDRESS_FAMILY, 2);
    CHECK_ROW_INT("443 of Refresh", turn_ask_send(&ask), STUN_CODE_PEER_FAMILY_MISMATCH);
    CHECK_ROW_INT("IPv4 stays", turn_speaker_permit(&alice, TURN_PEER), 0);
}

static int
refresh_family(unsigned family)
{
    struct turn_ask ask;

    turn_ask_begin(&ask, &alice, STUN_REFRESH);
    stun_put_number(&ask.builder, STUN_REQUESTED_ADDRESS_FAMILY, family);
    return turn_ask_send(&ask);
}

/* Section 8.2: a Refresh for one family leaves the time of the other as it was. */
static void
test_refresh_one_family(void)
{
    struct turn_server_options options = turn_bench_options();
    struct turn_ask ask;

    options.listen[0].ipv4.address = turn_at(TURN_SERVER_AT).address;
    options.listen[0].ipv6.address = turn_at("[2001:db8::1]:0").address;
    options.nonce_lifetime = 3600 * TIME_S;
    reopen(&options);
    turn_host->second = options.listen[0].ipv6.address;
    turn_ask_begin(&ask, &alice, STUN_ALLOCATE);
    stun_put_number(&ask.builder, STUN_REQUESTED_TRANSPORT, PROTOCOL_UDP);
    stun_put_number(&ask.builder, STUN_ADDITIONAL_ADDRESS_FAMILY, 2);
    CHECK_ROW_INT("both", turn_ask_send(&ask), 0);
    CHECK_ROW_INT("a family that there is not", refresh_family(3), STUN_CODE_PEER_FAMILY_MISMATCH);
    fake_io_advance(turn_host, 300 * TIME_S);
    CHECK_ROW_INT("IPv6 only", refresh_family(2), 0);
    CHECK_ROW_INT("IPv4 peer", turn_speaker_bind(&alice, 0x4000, TURN_PEER), 0);
    CHECK_ROW_INT("IPv6 peer", turn_speaker_bind(&alice, 0x4001, "[2001:db8:9::9]:1"), 0);

    fake_io_advance(turn_host, 300 * TIME_S - 1);
    CHECK_ROW_INT("until the end", turn_speaker_permit(&alice, TURN_PEER), 0);
    turn_send_channel(&alice, 0x4000, "x");
    CHECK(turn_sent(NULL, TURN_PEER, "x"));
    fake_io_advance(turn_host, 1);
    turn_send_channel(&alice, 0x4000, "x");
    CHECK(turn_silent());
    CHECK_ROW_INT("IPv4 has ended", turn_speaker_permit(&alice, TURN_PEER), STUN_CODE_PEER_FAMILY_MISMATCH);
    CHECK_ROW_INT("and cannot be refreshed", refresh_family(1), STUN_CODE_PEER_FAMILY_MISMATCH);
    turn_send_channel(&alice, 0x4001, "x");
    CHECK(turn_sent(NULL, "[2001:db8:9::9]:1", "x"));
    CHECK_ROW_INT("one allocation", turn_server_allocations(turn_under_test), 1);

    fake_io_advance(turn_host, 300 * TIME_S - 1);
    CHECK_ROW_INT("IPv6 until its end", turn_speaker_permit(&alice, "[2001:db8:9::9]:1"), 0);
    fake_io_advance(turn_host, 1);
    CHECK_ROW_INT("all has ended", refresh_family(2), STUN_CODE_ALLOCATION_MISMATCH);
    CHECK_ROW_INT("none", turn_server_allocations(turn_under_test), 0);
}

static void
test_even_port(void)
{
    struct stun_value token, first, second;
    struct turn_ask ask;

    turn_ask_begin(&ask, &alice, STUN_ALLOCATE);
    stun_put_number(&ask.builder, STUN_REQUESTED_TRANSPORT, PROTOCOL_UDP);
    stun_put_number(&ask.builder, STUN_EVEN_PORT, 0x80);
    CHECK_ROW_INT("pair", turn_ask_send(&ask), 0);
    CHECK(stun_message_get(&ask.answer, STUN_XOR_RELAYED_ADDRESS, &first) == STUN_PRESENT);
    CHECK(stun_message_get(&ask.answer, STUN_RESERVATION_TOKEN, &token) == STUN_PRESENT);
    CHECK_ROW_INT("even", first.endpoint.port % 2, 0);
    fake_io_advance(turn_host, 30 * TIME_S - 1);
    turn_ask_begin(&ask, &bob, STUN_ALLOCATE);
    stun_put_number(&ask.builder, STUN_REQUESTED_TRANSPORT, PROTOCOL_UDP);
    stun_put_number(&ask.builder, STUN_RESERVATION_TOKEN, token.number);
    CHECK_ROW_INT("any client may redeem it", turn_ask_send(&ask), 0);
    CHECK(stun_message_get(&ask.answer, STUN_XOR_RELAYED_ADDRESS, &second) == STUN_PRESENT);
    CHECK_ROW_INT("the next", second.endpoint.port, first.endpoint.port + 1);
    bob.relayed = second.endpoint;
    CHECK_ROW_INT("and it relays", turn_speaker_permit(&bob, TURN_PEER), 0);
    CHECK(turn_peer_says(&bob, TURN_PEER, "hello") && turn_sent_data(&bob, TURN_PEER, "hello"));
    CHECK_ROW_INT("once", turn_speaker_refresh(&bob, 0), 0);
    turn_ask_begin(&ask, &bob, STUN_ALLOCATE);
    stun_put_number(&ask.builder, STUN_REQUESTED_TRANSPORT, PROTOCOL_UDP);
    stun_put_number(&ask.builder, STUN_RESERVATION_TOKEN, token.number);
    CHECK_ROW_INT("only once", turn_ask_send(&ask), STUN_CODE_INSUFFICIENT_CAPACITY);
}

/* --- who asks (RFC 8489 section 9.2.4, RFC 8656 section 5) -------------------------------------------------------- */

static void
test_credentials(void)
{
    struct turn_speaker liar = turn_speaker_new("192.0.2.3:5000", "alice", "guess");
    struct turn_speaker stranger = turn_speaker_new("192.0.2.4:5000", "eve", "secret");
    struct turn_speaker other = turn_speaker_new("192.0.2.1:5000", "bob", "hidden");

    CHECK_ROW_INT("wrong password", turn_speaker_allocate(&liar), STUN_CODE_UNAUTHENTICATED);
    CHECK_ROW_INT("unknown user", turn_speaker_allocate(&stranger), STUN_CODE_UNAUTHENTICATED);
    CHECK_ROW_INT("nothing made", turn_server_allocations(turn_under_test), 0);
    CHECK_ROW_INT("without an allocation", turn_speaker_permit(&alice, TURN_PEER), STUN_CODE_ALLOCATION_MISMATCH);
    CHECK_ROW_INT("right", turn_speaker_allocate(&alice), 0);
    CHECK_ROW_INT("another user on the 5-tuple", turn_speaker_permit(&other, TURN_PEER), STUN_CODE_WRONG_CREDENTIALS);
    CHECK_ROW_INT("and may not delete it", turn_speaker_refresh(&other, 0), STUN_CODE_WRONG_CREDENTIALS);

    /* A nonce is good for one client only: who has seen it can't use it. */
    alice.at = turn_at("192.0.2.5:5000");
    CHECK_ROW_INT("replayed nonce", turn_speaker_allocate(&alice), STUN_CODE_STALE_NONCE);
    turn_speaker_clear(&liar);
    turn_speaker_clear(&stranger);
    turn_speaker_clear(&other);
}

/* Section 5: a stale nonce in the middle ends nothing. */
static void
test_stale_nonce(void)
{
    CHECK_ROW_INT("allocate", turn_speaker_allocate(&alice), 0);
    fake_io_advance(turn_host, 599 * TIME_S);
    CHECK_ROW_INT("fresh", turn_speaker_refresh(&alice, 3600), 0);
    fake_io_advance(turn_host, 2 * TIME_S);
    CHECK_ROW_INT("stale", turn_speaker_refresh(&alice, 3600), STUN_CODE_STALE_NONCE);
    CHECK_ROW_INT("and again with the new one", turn_speaker_refresh(&alice, 3600), 0);
    CHECK_ROW_INT("the same allocation", counters()->allocated, 1);
}

static void
test_secret(void)
{
    struct turn_server_options options = turn_bench_options();
    g_autofree char *password = stun_secret_password(span_of_text("north"), span_of_text("1500:carol"));
    struct turn_speaker carol;

    options.secret = span_of_text("north");
    options.unix_time_at_zero = 1000 * TIME_S;
    reopen(&options);
    carol = turn_speaker_new("192.0.2.3:5000", "1500:carol", password);
    CHECK_ROW_INT("made up on demand", turn_speaker_allocate(&carol), 0);
    CHECK_ROW_INT("the table's users too", turn_speaker_allocate(&alice), 0);
    fake_io_advance(turn_host, 499 * TIME_S);
    CHECK_ROW_INT("last second", turn_speaker_refresh(&carol, 600), 0);
    fake_io_advance(turn_host, TIME_S);
    CHECK_ROW_INT("over", turn_speaker_refresh(&carol, 600), STUN_CODE_UNAUTHENTICATED);
    turn_speaker_clear(&carol);
}

/* The quota is a person's, not a credential's; and who comes with new credentials of the same name owns what there is. */
static void
test_secret_renewed(void)
{
    struct turn_server_options options = turn_bench_options();
    g_autofree char *first = stun_secret_password(span_of_text("north"), span_of_text("1500:carol"));
    g_autofree char *second = stun_secret_password(span_of_text("north"), span_of_text("2500:carol"));
    g_autofree char *other = stun_secret_password(span_of_text("north"), span_of_text("2500:dave"));
    struct turn_speaker carol, again, dave;

    options.secret = span_of_text("north");
    options.unix_time_at_zero = 1000 * TIME_S;
    options.per_user = 1;
    reopen(&options);
    carol = turn_speaker_new("192.0.2.3:5000", "1500:carol", first);
    CHECK_ROW_INT("one", turn_speaker_allocate(&carol), 0);
    again = turn_speaker_new("192.0.2.3:5001", "2500:carol", second);
    CHECK_ROW_INT("another credential is no other user", turn_speaker_allocate(&again), STUN_CODE_QUOTA_REACHED);
    turn_speaker_clear(&again);

    turn_speaker_clear(&carol);
    carol = turn_speaker_new("192.0.2.3:5000", "2500:carol", second);
    CHECK_ROW_INT("permission", turn_speaker_permit(&carol, TURN_PEER), 0);
    fake_io_advance(turn_host, 500 * TIME_S);
    CHECK_ROW_INT("after the first has expired", turn_speaker_refresh(&carol, 600), 0);
    dave = turn_speaker_new("192.0.2.3:5000", "2500:dave", other);
    CHECK_ROW_INT("not anybody's", turn_speaker_refresh(&dave, 600), STUN_CODE_WRONG_CREDENTIALS);
    turn_speaker_clear(&dave);
    turn_speaker_clear(&carol);
}

/* --- data (sections 9 to 12) -------------------------------------------------------------------------------------- */

static void
test_indications(void)
{
    CHECK_ROW_INT("allocate", turn_speaker_allocate(&alice), 0);
    turn_send_data(&alice, TURN_PEER, "early");
    CHECK(turn_peer_says(&alice, TURN_PEER, "early"));
    CHECK_ROW("no permission yet", turn_silent());
    CHECK_ROW_INT("named", turn_server_dropped(turn_under_test, DROP_NO_PERMISSION), 2);
    CHECK_ROW_INT("permission", turn_speaker_permit(&alice, "203.0.113.9:1"), 0);

    char relayed[ENDPOINT_TEXT];
    turn_send_data(&alice, TURN_PEER, "hello");
    CHECK_ROW("from the relayed address", turn_sent(endpoint_format(alice.relayed, relayed), TURN_PEER, "hello"));
    CHECK(turn_peer_says(&alice, "203.0.113.9:999", "any"));
    CHECK_ROW("from any port", turn_sent_data(&alice, "203.0.113.9:999", "any"));
    CHECK(turn_peer_says(&alice, TURN_PEER, "") && turn_sent_data(&alice, TURN_PEER, ""));
    CHECK(turn_peer_says(&alice, "203.0.113.8:7000", "stranger") && turn_silent());

    /* Section 9: 300 s, whatever has come and gone meanwhile. */
    fake_io_advance(turn_host, 300 * TIME_S - 1);
    turn_send_data(&alice, TURN_PEER, "last");
    CHECK(turn_sent(NULL, TURN_PEER, "last"));
    CHECK(turn_peer_says(&alice, TURN_PEER, "last") && turn_sent_data(&alice, TURN_PEER, "last"));
    fake_io_advance(turn_host, 1);
    turn_send_data(&alice, TURN_PEER, "late");
    CHECK(turn_peer_says(&alice, TURN_PEER, "late") && turn_silent());
    CHECK_ROW_INT("journal", fake_io_noted(turn_host, &turn_kind_permission_ended), 1);
    CHECK_ROW_INT("to peers", counters()->datagrams_to_peers, 2);
    CHECK_ROW_INT("to clients", counters()->datagrams_to_clients, 3);
}

static void
test_channels(void)
{
    struct turn_speaker spoofer = { .at = turn_at("192.0.2.1:5001") };

    CHECK_ROW_INT("allocate", turn_speaker_allocate(&alice), 0);
    CHECK_ROW_INT("below", turn_speaker_bind(&alice, 0x3FFF, TURN_PEER), STUN_CODE_BAD_REQUEST);
    CHECK_ROW_INT("above", turn_speaker_bind(&alice, 0x5000, TURN_PEER), STUN_CODE_BAD_REQUEST);
    CHECK_ROW_INT("last", turn_speaker_bind(&alice, 0x4FFF, "203.0.113.9:7001"), 0);
    CHECK_ROW_INT("no peer", turn_speaker_bind(&alice, 0x4000, NULL), STUN_CODE_BAD_REQUEST);
    CHECK_ROW_INT("first", turn_speaker_bind(&alice, 0x4000, TURN_PEER), 0);
    CHECK_ROW_INT("number taken", turn_speaker_bind(&alice, 0x4000, "203.0.113.9:7002"), STUN_CODE_BAD_REQUEST);
    CHECK_ROW_INT("peer taken", turn_speaker_bind(&alice, 0x4001, TURN_PEER), STUN_CODE_BAD_REQUEST);
    CHECK_ROW_INT("family", turn_speaker_bind(&alice, 0x4002, "[2001:db8::9]:1"), STUN_CODE_PEER_FAMILY_MISMATCH);

    turn_send_channel(&alice, 0x4000, "hello");
    CHECK(turn_sent(NULL, TURN_PEER, "hello"));
    turn_send_channel(&alice, 0x4000, "");
    CHECK_ROW("an empty datagram (section 12.6)", turn_sent(NULL, TURN_PEER, ""));
    CHECK(turn_peer_says(&alice, TURN_PEER, "hi") && turn_sent_channel(&alice, 0x4000, "hi"));
    CHECK_ROW("the channel of its port", turn_peer_says(&alice, "203.0.113.9:7001", "x") &&
                                             turn_sent_channel(&alice, 0x4FFF, "x"));
    CHECK_ROW("no channel: Data", turn_peer_says(&alice, "203.0.113.9:7009", "y") &&
                                      turn_sent_data(&alice, "203.0.113.9:7009", "y"));

    turn_send_channel(&alice, 0x4001, "unbound");
    CHECK_ROW_INT("unbound", turn_server_dropped(turn_under_test, DROP_NO_CHANNEL), 1);
    turn_send_channel(&spoofer, 0x4000, "spoofed");
    CHECK_ROW_INT("another 5-tuple", turn_server_dropped(turn_under_test, DROP_NO_ALLOCATION), 1);
    CHECK(turn_silent());

    /* Section 11.3 and section 12: the permission ends at 300 s, the channel at 600 s. */
    fake_io_advance(turn_host, 300 * TIME_S);
    CHECK_ROW("deaf", turn_peer_says(&alice, TURN_PEER, "hi") && turn_silent());
    turn_send_channel(&alice, 0x4000, "not mute");
    CHECK(turn_sent(NULL, TURN_PEER, "not mute"));
    CHECK_ROW_INT("refresh", turn_speaker_refresh(&alice, 3600), 0);
    fake_io_advance(turn_host, 300 * TIME_S);
    turn_send_channel(&alice, 0x4000, "mute");
    CHECK(turn_silent());
    CHECK_ROW_INT("journal", fake_io_noted(turn_host, &turn_kind_unbound), 2);
}

/* RFC 5766 section 11 had numbers up to 0x7FFF; nobody gets them unless the operator says so. */
static void
test_old_channels(void)
{
    struct turn_server_options options = turn_bench_options();

    options.old_channels = true;
    reopen(&options);
    CHECK_ROW_INT("allocate", turn_speaker_allocate(&alice), 0);
    CHECK_ROW_INT("above", turn_speaker_bind(&alice, 0x8000, TURN_PEER), STUN_CODE_BAD_REQUEST);
    CHECK_ROW_INT("last", turn_speaker_bind(&alice, 0x7FFF, TURN_PEER), 0);
    turn_send_channel(&alice, 0x7FFF, "old");
    CHECK(turn_sent(NULL, TURN_PEER, "old"));
}

/* A log has no room for each datagram. */
static void
test_data_untold(void)
{
    struct turn_server_options options = turn_bench_options();

    for (int untold = 0; untold < 2; untold++) {
        options.data_untold = untold;
        reopen(&options);
        CHECK_ROW_INT("allocate", turn_speaker_allocate(&alice), 0);
        CHECK_ROW_INT("bind", turn_speaker_bind(&alice, 0x4000, TURN_PEER), 0);
        turn_send_channel(&alice, 0x4000, "said");
        CHECK(turn_sent(NULL, TURN_PEER, "said"));
        turn_send_channel(&alice, 0x4001, "no such channel");
        CHECK_ROW_INT("dropped", counters()->dropped, 1);
        CHECK_ROW_INT("allocation", fake_io_noted(turn_host, &turn_kind_allocated), 1);
        CHECK_ROW_INT("datagram", fake_io_noted(turn_host, &turn_kind_to_peer), !untold);
        CHECK_ROW_INT("drop", fake_io_noted(turn_host, &turn_kind_dropped), !untold);
    }
}

/* What is said of the n-th allocation that has ended; -1 when none has. */
static int64_t
kib_of_ended(uint32_t number)
{
    for (guint i = 0; i < turn_host->notes->len; i++) {
        const struct record *record = &g_array_index(turn_host->notes, struct record, i);

        if (record->kind == &turn_kind_ended && record->subject[0] == number)
            return record->subject[1];
    }
    return -1;
}

/* Sections 6 and 8: deleted is gone, and the 5-tuple may allocate anew. */
static void
test_delete(void)
{
    struct endpoint old;

    CHECK_ROW_INT("allocate", turn_speaker_allocate(&alice), 0);
    CHECK_ROW_INT("bind", turn_speaker_bind(&alice, 0x4000, TURN_PEER), 0);
    old = alice.relayed;
    turn_send_channel(&alice, 0x4000, "relayed");
    CHECK(turn_sent(NULL, TURN_PEER, "relayed"));
    CHECK_ROW_INT("delete", turn_speaker_refresh(&alice, 0), 0);
    CHECK_ROW_INT("again (section 8.2)", turn_speaker_refresh(&alice, 0), STUN_CODE_ALLOCATION_MISMATCH);
    turn_send_channel(&alice, 0x4000, "gone");
    CHECK_ROW("its port is closed", !fake_io_deliver(turn_host, old, turn_at(TURN_PEER), span_of_text("x")));
    CHECK(turn_silent());
    CHECK_ROW_INT("anew", turn_speaker_allocate(&alice), 0);
    turn_send_channel(&alice, 0x4000, "no channel yet");
    CHECK(turn_silent());

    fake_io_advance(turn_host, 600 * TIME_S - 1);
    CHECK_ROW_INT("still there", turn_server_allocations(turn_under_test), 1);
    fake_io_advance(turn_host, 1);
    CHECK_ROW_INT("expired", turn_server_allocations(turn_under_test), 0);
    CHECK_ROW_INT("counted", counters()->expired, 1);
    CHECK_ROW_INT("journal", fake_io_noted(turn_host, &turn_kind_ended), 2);
    CHECK_ROW_INT("the first has relayed a little", kib_of_ended(1), 1);
    CHECK_ROW_INT("the second nothing", kib_of_ended(2), 0);
}

/* Section 10.2: all of them or none. */
static void
test_create_permission(void)
{
    struct turn_ask ask;

    CHECK_ROW_INT("allocate", turn_speaker_allocate(&alice), 0);
    CHECK_ROW_INT("none", turn_speaker_permit(&alice, NULL), STUN_CODE_BAD_REQUEST);
    turn_ask_begin(&ask, &alice, STUN_CREATE_PERMISSION);
    stun_put_endpoint(&ask.builder, STUN_XOR_PEER_ADDRESS, turn_at(TURN_PEER));
    stun_put_endpoint(&ask.builder, STUN_XOR_PEER_ADDRESS, turn_at("10.0.0.1:1"));
    CHECK_ROW_INT("one forbidden", turn_ask_send(&ask), STUN_CODE_FORBIDDEN);
    CHECK(turn_peer_says(&alice, TURN_PEER, "x") && turn_silent());
    turn_ask_begin(&ask, &alice, STUN_CREATE_PERMISSION);
    stun_put_endpoint(&ask.builder, STUN_XOR_PEER_ADDRESS, turn_at(TURN_PEER));
    stun_put_endpoint(&ask.builder, STUN_XOR_PEER_ADDRESS, turn_at("203.0.113.10:1"));
    CHECK_ROW_INT("both", turn_ask_send(&ask), 0);
    CHECK(turn_peer_says(&alice, "203.0.113.10:5", "x") && turn_sent_data(&alice, "203.0.113.10:5", "x"));
    CHECK_ROW_INT("made", counters()->permissions, 2);
}

/* --- whom (section 21) -------------------------------------------------------------------------------------------- */

/* What the host sends to itself arrives there. */
static void
forward(struct fake_io *host)
{
    const struct fake_datagram *sent = fake_io_take(host);

    CHECK_ROW("sent to one of our own", sent && fake_io_deliver(host, sent->peer, sent->local, sent->data));
}

/* An own address, and loopback, as a translator on the way would understand them. */
static void
test_peers_in_disguise(void)
{
    static const struct {
        const char *peer;
        int code;
    } rows[] = {
        { "[64:ff9b::198.51.100.1]:80", STUN_CODE_FORBIDDEN }, { "[2002:c633:6401::1]:80", STUN_CODE_FORBIDDEN },
        { "[64:ff9b:1::198.51.100.1]:80", STUN_CODE_FORBIDDEN }, { "[::ffff:0:c633:6401]:80", STUN_CODE_FORBIDDEN },
        { "[::ffff:0:7f00:1]:80", STUN_CODE_FORBIDDEN }, { "[64:ff9b::198.51.100.9]:80", 0 },
        { "[::ffff:0:c633:6409]:80", 0 },
    };
    struct turn_server_options options = turn_bench_options();
    struct turn_ask ask;

    options.listen[0].ipv4.address = turn_at(TURN_SERVER_AT).address;
    options.listen[0].ipv6.address = turn_at("[2001:db8::1]:0").address;
    reopen(&options);
    turn_host->second = options.listen[0].ipv6.address;
    turn_ask_begin(&ask, &alice, STUN_ALLOCATE);
    stun_put_number(&ask.builder, STUN_REQUESTED_TRANSPORT, PROTOCOL_UDP);
    stun_put_number(&ask.builder, STUN_REQUESTED_ADDRESS_FAMILY, 2);
    CHECK_ROW_INT("allocate", turn_ask_send(&ask), 0);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        CHECK_ROW_INT(rows[i].peer, turn_speaker_permit(&alice, rows[i].peer), rows[i].code);
}

static void
test_peers(void)
{
    char relayed[ENDPOINT_TEXT];

    CHECK_ROW_INT("alice", turn_speaker_allocate(&alice), 0);
    CHECK_ROW_INT("bob", turn_speaker_allocate(&bob), 0);
    CHECK_ROW_INT("loopback", turn_speaker_bind(&alice, 0x4000, "127.0.0.1:80"), STUN_CODE_FORBIDDEN);
    CHECK_ROW_INT("private", turn_speaker_permit(&alice, "192.168.0.1:80"), STUN_CODE_FORBIDDEN);
    CHECK_ROW_INT("the server itself", turn_speaker_bind(&alice, 0x4000, TURN_SERVER_AT), STUN_CODE_FORBIDDEN);
    CHECK_ROW_INT("another service there", turn_speaker_bind(&alice, 0x4000, "198.51.100.1:80"), STUN_CODE_FORBIDDEN);
    turn_host->address = turn_at("203.0.113.77:1").address;
    CHECK_ROW_INT("not yet its own", turn_speaker_permit(&alice, "203.0.113.77:80"), 0);
    fake_io_changed(turn_host);
    CHECK_ROW_INT("its own by now", turn_speaker_permit(&alice, "203.0.113.77:80"), STUN_CODE_FORBIDDEN);
    turn_host->address = turn_at(TURN_SERVER_AT).address;
    fake_io_changed(turn_host);
    CHECK_ROW_INT("all its neighbours", turn_speaker_permit(&alice, "198.51.100.255:80"), STUN_CODE_FORBIDDEN);
    CHECK_ROW_INT("its network", turn_speaker_bind(&alice, 0x4000, "198.51.100.0:80"), STUN_CODE_FORBIDDEN);
    CHECK_ROW_INT("a neighbour", turn_speaker_permit(&alice, "198.51.100.9:80"), 0);
    CHECK_ROW_INT("another network", turn_speaker_permit(&alice, "198.51.101.255:80"), 0);
    CHECK_ROW_INT("bob's relayed address", turn_speaker_bind(&alice, 0x4000, endpoint_format(bob.relayed, relayed)), 0);
    CHECK_ROW_INT("permission for bob", turn_speaker_permit(&bob, "198.51.100.1:1"), 0);

    /* With the permission for that address, still nothing but live allocations. */
    turn_send_data(&alice, TURN_SERVER_AT, "loop");
    turn_send_data(&alice, "198.51.100.1:80", "service");
    CHECK(turn_silent());
    CHECK_ROW_INT("named", turn_server_dropped(turn_under_test, DROP_PEER_REFUSED), 2);

    turn_send_channel(&alice, 0x4000, "relay to relay");
    forward(turn_host);
    CHECK(turn_sent_data(&bob, endpoint_format(alice.relayed, relayed), "relay to relay"));
    CHECK_ROW_INT("bob goes", turn_speaker_refresh(&bob, 0), 0);
    turn_send_channel(&alice, 0x4000, "nobody");
    CHECK_ROW("whoever has the port now", turn_silent());
}

/* Behind a 1:1 NAT that need not hairpin: clients know the outside, sockets the inside. */
static void
test_external(void)
{
    struct turn_server_options options = turn_bench_options();
    char relayed[ENDPOINT_TEXT];

    options.listen[0].ipv4 = (struct turn_relay_address){ turn_at(TURN_SERVER_AT).address,
                                                         turn_at("203.0.113.200:1").address };
    reopen(&options);
    CHECK_ROW_INT("alice", turn_speaker_allocate(&alice), 0);
    CHECK_ROW_INT("bob", turn_speaker_allocate(&bob), 0);
    CHECK(address_equal(alice.relayed.address, turn_at("203.0.113.200:1").address));
    CHECK_ROW_INT("bind", turn_speaker_bind(&alice, 0x4000, endpoint_format(bob.relayed, relayed)), 0);
    CHECK_ROW_INT("bob permits", turn_speaker_permit(&bob, "203.0.113.200:1"), 0);
    turn_send_channel(&alice, 0x4000, "inside");
    forward(turn_host);
    CHECK(turn_sent_data(&bob, endpoint_format(alice.relayed, relayed), "inside"));
}

/* --- limits ------------------------------------------------------------------------------------------------------- */

static void
test_quota(void)
{
    struct turn_server_options options = turn_bench_options();
    struct turn_speaker second, third;

    options.per_user = 1;
    options.total = 2;
    reopen(&options);
    second = turn_speaker_new("192.0.2.1:5001", "alice", "secret");
    third = turn_speaker_new("192.0.2.1:5002", "bob", "hidden");
    CHECK_ROW_INT("first", turn_speaker_allocate(&alice), 0);
    CHECK_ROW_INT("second of alice", turn_speaker_allocate(&second), STUN_CODE_QUOTA_REACHED);
    CHECK_ROW_INT("bob", turn_speaker_allocate(&bob), 0);
    CHECK_ROW_INT("alice leaves", turn_speaker_refresh(&alice, 0), 0);
    CHECK_ROW_INT("now she may", turn_speaker_allocate(&second), 0);
    CHECK_ROW_INT("full, but his own limit counts first", turn_speaker_allocate(&third), STUN_CODE_QUOTA_REACHED);
    turn_server_drain(turn_under_test, NULL);
    CHECK_ROW_INT("alice leaves", turn_speaker_refresh(&second, 0), 0);
    CHECK_ROW_INT("draining", turn_speaker_allocate(&second), STUN_CODE_INSUFFICIENT_CAPACITY);
    CHECK_ROW_INT("those there live on", turn_speaker_refresh(&bob, 600), 0);

    struct endpoint other = turn_at("198.51.100.2:3478");
    turn_server_drain(turn_under_test, &other);
    CHECK_ROW_INT("elsewhere", turn_speaker_allocate(&second), STUN_CODE_TRY_ALTERNATE);
    other = turn_at("[2001:db8::2]:3478");
    turn_server_drain(turn_under_test, &other);
    CHECK_ROW_INT("not in the other family", turn_speaker_allocate(&second), STUN_CODE_INSUFFICIENT_CAPACITY);
    turn_speaker_clear(&second);
    turn_speaker_clear(&third);
}

/* A reserved port outlives its allocation by up to 30 s (RFC 8656 section 7.2): who allocates and deletes without end must
 * not get all ports so. */
static void
test_quota_of_reservations(void)
{
    struct turn_server_options options = turn_bench_options();
    unsigned made = 0, refused = 0;

    options.per_user = 2;
    reopen(&options);
    for (int i = 0; i < 10; i++) {
        struct turn_ask ask;
        int code;

        turn_ask_begin(&ask, &alice, STUN_ALLOCATE);
        stun_put_number(&ask.builder, STUN_REQUESTED_TRANSPORT, PROTOCOL_UDP);
        stun_put_number(&ask.builder, STUN_EVEN_PORT, 0x80);
        code = turn_ask_send(&ask);
        made += code == 0;
        refused += code == STUN_CODE_QUOTA_REACHED;
        if (code == 0)
            CHECK_ROW_INT("delete", turn_speaker_refresh(&alice, 0), 0);
    }
    CHECK_ROW_INT("as many as allocations", made, 2);
    CHECK_ROW_INT("refused", refused, 8);
    CHECK_ROW_INT("without one she may", turn_speaker_allocate(&alice), 0);
    CHECK_ROW_INT("delete", turn_speaker_refresh(&alice, 0), 0);
    fake_io_advance(turn_host, 30 * TIME_S);
    CHECK_ROW_INT("later too", turn_speaker_allocate(&alice), 0);
}

static void
test_flood(void)
{
    struct turn_server_options options = turn_bench_options();
    unsigned made = 0;

    options.port_first = 50000;
    options.port_last = 50019;
    options.total = 15;
    reopen(&options);
    for (int i = 0; i < 40; i++) {
        char at[ENDPOINT_TEXT];
        struct turn_speaker speaker;
        int code;

        g_snprintf(at, sizeof at, "192.0.2.9:%d", 6000 + i);
        speaker = turn_speaker_new(at, "alice", "secret");
        code = turn_speaker_allocate(&speaker);
        made += code == 0;
        CHECK_ROW("0 or 508", code == 0 || code == STUN_CODE_INSUFFICIENT_CAPACITY);
        if (code == 0)
            CHECK_ROW("in the range", speaker.relayed.port >= 50000 && speaker.relayed.port <= 50019);
        turn_speaker_clear(&speaker);
    }
    CHECK_ROW_INT("bounded", made, 15);

    options.total = 0;
    reopen(&options);
    for (int i = 0; i < 40; i++) {
        char at[ENDPOINT_TEXT];
        struct turn_speaker speaker;

        g_snprintf(at, sizeof at, "192.0.2.9:%d", 6000 + i);
        speaker = turn_speaker_new(at, "alice", "secret");
        CHECK_ROW_INT("until the ports are used up", turn_speaker_allocate(&speaker),
                      i < 20 ? 0 : STUN_CODE_INSUFFICIENT_CAPACITY);
        turn_speaker_clear(&speaker);
    }
}

static void
test_bandwidth(void)
{
    struct turn_server_options options = turn_bench_options();

    options.bytes_per_second = 10;
    reopen(&options);
    CHECK_ROW_INT("allocate", turn_speaker_allocate(&alice), 0);
    CHECK_ROW_INT("bind", turn_speaker_bind(&alice, 0x4000, TURN_PEER), 0);
    turn_send_channel(&alice, 0x4000, "sixsix");
    CHECK(turn_sent(NULL, TURN_PEER, "sixsix"));
    CHECK(turn_peer_says(&alice, TURN_PEER, "fives") && turn_silent());
    CHECK_ROW_INT("named", turn_server_dropped(turn_under_test, DROP_OVER_BANDWIDTH), 1);
    fake_io_advance(turn_host, TIME_S / 10);
    CHECK(turn_peer_says(&alice, TURN_PEER, "fives") && turn_sent_channel(&alice, 0x4000, "fives"));
    fake_io_advance(turn_host, 100 * TIME_S);
    turn_send_channel(&alice, 0x4000, "ten bytes.");
    CHECK(turn_sent(NULL, TURN_PEER, "ten bytes."));
    turn_send_channel(&alice, 0x4000, "1");
    CHECK(turn_silent());
    turn_send_channel(&alice, 0x4000, "");
    CHECK_ROW("not even nothing", turn_silent());
    CHECK(turn_peer_says(&alice, TURN_PEER, "") && turn_silent());
}

/* --- packets ------------------------------------------------------------------------------------------------------ */

/* Section 11.5. */
static const struct {
    const char *name, *peer;
    uint8_t type, code;
    bool told;
} icmps[] = {
    { "port unreachable", TURN_PEER, 3, 3, true },  { "time exceeded", TURN_PEER, 11, 0, true },
    { "source quench", TURN_PEER, 4, 0, false },    { "redirect", TURN_PEER, 5, 1, false },
    { "about a stranger", "203.0.113.8:1", 3, 3, false },
};

static void
test_icmp(void)
{
    CHECK_ROW_INT("allocate", turn_speaker_allocate(&alice), 0);
    CHECK_ROW_INT("bind", turn_speaker_bind(&alice, 0x4000, TURN_PEER), 0);
    for (size_t i = 0; i < G_N_ELEMENTS(icmps); i++) {
        const struct fake_datagram *sent;
        struct stun_message message;
        struct stun_value value;

        CHECK(fake_io_deliver_icmp(turn_host, alice.relayed, turn_at(icmps[i].peer), icmps[i].type, icmps[i].code));
        sent = fake_io_take(turn_host);
        CHECK_ROW_INT(icmps[i].name, sent != NULL, icmps[i].told);
        if (!sent || stun_message_decode(sent->data, &message) != STUN_FAULT_NONE)
            continue;
        CHECK_ROW("always an indication", message.header.method == STUN_DATA);
        CHECK_ROW("no DATA", stun_message_find(&message, STUN_DATA_ATTRIBUTE) == NULL);
        CHECK_ROW(icmps[i].name, stun_message_get(&message, STUN_ICMP, &value) == STUN_PRESENT);
        CHECK_ROW_INT(icmps[i].name, value.number >> 32, icmps[i].type << 8 | icmps[i].code);
        CHECK_ROW(icmps[i].name, stun_message_get(&message, STUN_XOR_PEER_ADDRESS, &value) == STUN_PRESENT &&
                                     endpoint_equal(value.endpoint, turn_at(icmps[i].peer)));
    }
    CHECK_ROW_INT("named", turn_server_dropped(turn_under_test, DROP_UNHANDLED_ICMP), 2);
    CHECK_ROW_INT("named", turn_server_dropped(turn_under_test, DROP_NO_PERMISSION), 1);
}

/* A server that knows no ICMP attribute, as RFC 5766 has it: the client hears nothing, and data goes on. */
static void
test_no_icmp(void)
{
    struct turn_server_options options = turn_bench_options();

    options.no_icmp = true;
    reopen(&options);
    CHECK_ROW_INT("allocate", turn_speaker_allocate(&alice), 0);
    CHECK_ROW_INT("permit", turn_speaker_permit(&alice, TURN_PEER), 0);
    CHECK(fake_io_deliver_icmp(turn_host, alice.relayed, turn_at(TURN_PEER), 3, 3));
    CHECK(turn_silent());
    CHECK_ROW_INT("named", turn_server_dropped(turn_under_test, DROP_UNHANDLED_ICMP), 1);
    CHECK(turn_peer_says(&alice, TURN_PEER, "data") && turn_sent_data(&alice, TURN_PEER, "data"));
}

/* Section 14: DF by DONT-FRAGMENT only where the host can't tell what came; TTL is the host's. */
static void
test_headers(void)
{
    struct stun_header header = { .class = STUN_INDICATION, .method = STUN_SEND, .cookie = STUN_COOKIE };
    const struct fake_datagram *sent;

    CHECK_ROW_INT("allocate", turn_speaker_allocate(&alice), 0);
    CHECK_ROW_INT("permit", turn_speaker_permit(&alice, TURN_PEER), 0);
    for (int df = 0; df < 2; df++) {
        struct stun_builder builder;
        uint8_t buffer[256];

        stun_builder_begin(&builder, buffer, sizeof buffer, &header);
        stun_put_endpoint(&builder, STUN_XOR_PEER_ADDRESS, turn_at(TURN_PEER));
        if (df)
            stun_put_flag(&builder, STUN_DONT_FRAGMENT);
        stun_put_text(&builder, STUN_DATA_ATTRIBUTE, span_of_text("x"));
        CHECK(fake_io_deliver(turn_host, turn_at(TURN_SERVER_AT), alice.at, stun_builder_finish(&builder)));
        sent = fake_io_take(turn_host);
        CHECK(sent != NULL);
        CHECK_ROW_INT("DF", sent ? sent->as_sent.dont_fragment : -1, df);
        CHECK_ROW_INT("TTL", sent ? sent->as_sent.ttl : 0, IO_UNSET);
    }
}

/* What is cut, too long or nonsense is dropped under a name, and the server goes on. */
static void
test_malformed(void)
{
    static const struct {
        const char *name, *bytes;
        size_t length;
        enum drop_reason reason;
    } rows[] = {
        { "channel header cut", "\x40\x00\x00", 3, DROP_MALFORMED_CHANNEL },
        { "channel data cut", "\x40\x00\x00\x05" "abcd", 8, DROP_MALFORMED_CHANNEL },
        { "reserved channel", "\x4f\xff\x00\x00", 4, DROP_NO_CHANNEL },
        { "RTP", "\x80\x00\x00\x00" "abcdefgh", 12, DROP_MALFORMED_STUN },
        { "nothing", "", 0, DROP_MALFORMED_STUN },
        { "header cut", "\x00\x03\x00\x00\x21\x12\xa4\x42" "abcdefghijk", 19, DROP_MALFORMED_STUN },
        { "length too long", "\x00\x03\x00\x04\x21\x12\xa4\x42" "abcdefghijkl", 20, DROP_MALFORMED_STUN },
        { "attribute cut", "\x00\x03\x00\x04\x21\x12\xa4\x42" "abcdefghijkl" "\x00\x19\x00\x04", 24,
          DROP_MALFORMED_STUN },
        { "Send without an allocation", "\x00\x16\x00\x00\x21\x12\xa4\x42" "abcdefghijkl", 20, DROP_NO_ALLOCATION },
        { "Data", "\x00\x17\x00\x00\x21\x12\xa4\x42" "abcdefghijkl", 20, DROP_UNEXPECTED_STUN },
        { "Send as request", "\x00\x06\x00\x00\x21\x12\xa4\x42" "abcdefghijkl", 20, DROP_UNEXPECTED_STUN },
        { "Allocate response", "\x01\x03\x00\x00\x21\x12\xa4\x42" "abcdefghijkl", 20, DROP_UNEXPECTED_STUN },
        { "unknown method", "\x00\x0d\x00\x00\x21\x12\xa4\x42" "abcdefghijkl", 20, DROP_UNEXPECTED_STUN },
    };

    CHECK_ROW_INT("allocate", turn_speaker_allocate(&bob), 0);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct endpoint from = rows[i].reason == DROP_NO_CHANNEL ? bob.at : alice.at;
        uint64_t before = turn_server_dropped(turn_under_test, rows[i].reason);

        CHECK(fake_io_deliver(turn_host, turn_at(TURN_SERVER_AT), from, span_of(rows[i].bytes, rows[i].length)));
        CHECK_ROW_INT(rows[i].name, turn_server_dropped(turn_under_test, rows[i].reason), before + 1);
        CHECK_ROW(rows[i].name, turn_silent());
    }
    CHECK_ROW_INT("all counted", counters()->dropped, G_N_ELEMENTS(rows));
}

/* The same port answers STUN, without asking who it is. */
static void
test_binding(void)
{
    CHECK(fake_io_deliver(turn_host, turn_at(TURN_SERVER_AT), alice.at,
                          span_of("\x00\x01\x00\x00\x21\x12\xa4\x42" "abcdefghijkl", 20)));
    const struct fake_datagram *sent = fake_io_take(turn_host);
    struct stun_message message;
    struct stun_value value;

    CHECK(sent && stun_message_decode(sent->data, &message) == STUN_FAULT_NONE);
    CHECK(sent && stun_message_get(&message, STUN_XOR_MAPPED_ADDRESS, &value) == STUN_PRESENT &&
          endpoint_equal(value.endpoint, alice.at));
    CHECK_ROW_INT("counted", counters()->bindings, 1);
}

/* RFC 8489 section 6.3.1, in the order of section 6.3: proof first. RFC 8016's ticket may be ignored. */
static void
test_unknown_attribute(void)
{
    struct turn_ask ask;

    turn_ask_begin(&ask, &alice, STUN_ALLOCATE);
    stun_put_number(&ask.builder, STUN_REQUESTED_TRANSPORT, PROTOCOL_UDP);
    stun_builder_raw(&ask.builder, 0x7ffe, span_of(NULL, 0));
    CHECK_ROW_INT("unknown", turn_ask_send(&ask), STUN_CODE_UNKNOWN_ATTRIBUTE);
    turn_ask_begin(&ask, &alice, STUN_ALLOCATE);
    stun_put_number(&ask.builder, STUN_REQUESTED_TRANSPORT, PROTOCOL_UDP);
    stun_builder_raw(&ask.builder, 0x8030, span_of(NULL, 0));
    CHECK_ROW_INT("MOBILITY-TICKET", turn_ask_send(&ask), 0);
}

/* A host that does not send: counted, and nothing breaks. */
static void
test_unsent(void)
{
    CHECK_ROW_INT("allocate", turn_speaker_allocate(&alice), 0);
    CHECK_ROW_INT("bind", turn_speaker_bind(&alice, 0x4000, TURN_PEER), 0);
    turn_host->send_result = IO_FULL;
    turn_send_channel(&alice, 0x4000, "x");
    CHECK(turn_peer_says(&alice, TURN_PEER, "y"));
    CHECK_ROW_INT("named", turn_server_dropped(turn_under_test, DROP_UNSENT), 2);
    turn_host->send_result = IO_TOO_BIG;
    turn_send_channel(&alice, 0x4000, "x");
    CHECK(turn_peer_says(&alice, TURN_PEER, "y"));
    CHECK_ROW_INT("too big for the own link", turn_server_dropped(turn_under_test, DROP_TOO_BIG), 2);
    CHECK_ROW_INT("counted", counters()->dropped, 4);
    CHECK_ROW_INT("as relayed neither", counters()->datagrams_to_peers + counters()->datagrams_to_clients, 0);
    turn_host->send_result = IO_OK;
    turn_send_channel(&alice, 0x4000, "z");
    CHECK(turn_sent(NULL, TURN_PEER, "z"));
}

/* A port drawn for UDP that is taken over TCP: another one is drawn, sixteen times at most, and then nothing is left open
 * (tear_down looks). */
static void
test_drawn(void)
{
    for (size_t count = 15; count <= 16; count++) {
        struct turn_server_options options = turn_bench_options();
        uint16_t first = turn_host->next_port;
        struct io_tcp *taken[16];
        enum io_result why = IO_OK;

        options.listens = 2;
        options.listen[0].at.port = 5000; /* is closed each time, and opened again */
        options.listen[1].at = (struct endpoint){ options.listen[0].at.address, 0 };
        fake_io_take_ports(turn_host, taken, count);

        g_autoptr(turn_server) drawn = turn_server_new(&turn_host->io, &options, &why);

        if (count < 16)
            CHECK(drawn && turn_server_local(drawn, 0).port == 5000 && turn_server_local(drawn, 1).port == first + 15);
        else
            CHECK(!drawn && why == IO_IN_USE);
        for (size_t i = 0; i < count; i++)
            taken[i]->ops->close(taken[i], false);
    }
}

static void
test_walk(void)
{
    const struct turn_allocation *first;

    CHECK(turn_server_next(turn_under_test, NULL) == NULL);
    CHECK_ROW_INT("alice", turn_speaker_allocate(&alice), 0);
    CHECK_ROW_INT("bob", turn_speaker_allocate(&bob), 0);
    first = turn_server_next(turn_under_test, NULL);
    CHECK(first && endpoint_equal(first->relays[0].relayed, alice.relayed));
    CHECK(first && span_equal(turn_allocation_user(first), span_of_text("alice")));
    CHECK(first && turn_server_next(turn_under_test, first) != NULL);
}

void
suite_turn_server(void)
{
    UNIT_SUITE("turn server", set_up, tear_down, { "allocate", test_allocate },
               { "allocate, table", test_allocate_table }, { "additional family", test_additional },
               { "refresh one family", test_refresh_one_family }, { "even port", test_even_port }, { "credentials", test_credentials },
               { "stale nonce", test_stale_nonce },
               { "secret", test_secret },
               { "secret renewed", test_secret_renewed }, { "indications", test_indications }, { "channels", test_channels },
               { "old channels", test_old_channels },
               { "delete and expire", test_delete }, { "data untold", test_data_untold },
               { "create permission", test_create_permission },
               { "peers", test_peers }, { "peers in disguise", test_peers_in_disguise }, { "behind a NAT", test_external }, { "quota and drain", test_quota },
               { "quota of reservations", test_quota_of_reservations },
               { "flood", test_flood }, { "bandwidth", test_bandwidth }, { "icmp", test_icmp },
               { "no icmp", test_no_icmp },
               { "headers", test_headers }, { "malformed", test_malformed }, { "binding", test_binding },
               { "unknown attribute", test_unknown_attribute }, { "unsent", test_unsent }, { "drawn port", test_drawn }, { "walk", test_walk });
}
