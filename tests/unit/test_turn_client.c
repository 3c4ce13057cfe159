/* The allocation of a TURN client over UDP: RFC 8656 sections 5, 7 and 8. */
#include "tests/unit/support.h"

#include "proto/stun/integrity.h"
#include "tests/unit/support_turn_client.h"

static const struct turn_client_options plain; /* an open server, UDP */
static const struct turn_client_options login = { .username = "alice", .password = "secret" };
static const struct turn_client_options persistent = { .persist = true };

static void
check_told(const char *row, enum turn_client_event event, enum turn_client_why why, unsigned code)
{
    CHECK_ROW_INT(row, turn_told()->event, event);
    CHECK_ROW_TEXT(row, turn_client_why_word(turn_told()->failure.why), turn_client_why_word(why));
    CHECK_ROW_UINT(row, turn_told()->failure.code, code);
}

/* --- section 7: an allocation ------------------------------------------------------------------------------------ */

static void
test_allocate(void)
{
    turn_start(&plain);
    CHECK(turn_asked(STUN_ALLOCATE));
    CHECK_ROW_UINT("UDP to peers", turn_number(STUN_REQUESTED_TRANSPORT), 17);
    CHECK_ROW_UINT("and nothing else is asked", turn.request.count, 1);
    CHECK(endpoint_equal(turn.to, turn.server));
    CHECK(fake_io_busy(turn.host));
    CHECK_ROW_INT("not yet", turn_write(turn.peer, "early"), IO_AGAIN);
    CHECK(address_is_none(turn.relay->ops->local(turn.relay).address));
    client_allocate(600);
    check_told("allocated", TURN_CLIENT_ALLOCATED, TURN_CLIENT_WHY_NONE, 0);
    CHECK(endpoint_equal(turn_told()->relayed, turn.relayed) && endpoint_equal(turn_told()->mapped, turn.mapped));
    CHECK(endpoint_equal(turn_told()->server, turn.server));
    CHECK_ROW_UINT("protocol", turn_told()->protocol, PROTOCOL_UDP);
    CHECK_ROW_UINT("lifetime", turn_told()->lifetime, 600);
    CHECK(!turn_told()->has_token && !turn_told()->dont_fragment && !turn_told()->even_port);
    CHECK(endpoint_equal(turn.relay->ops->local(turn.relay), turn.relayed));
    CHECK(!fake_io_busy(turn.host)); /* keeping alive does not keep a run going */
}

/* Section 5: the request without credentials is refused, and repeated with them. */
static void
test_login(void)
{
    turn_login("secret");
    turn_start(&login);
    CHECK(turn_asked(STUN_ALLOCATE));
    CHECK(!turn_has(STUN_USERNAME) && !turn_has(STUN_MESSAGE_INTEGRITY));
    turn_challenge(STUN_CODE_UNAUTHENTICATED, "first");
    CHECK(turn_asked(STUN_ALLOCATE));
    CHECK(turn_has(STUN_USERNAME) && turn_has(STUN_REALM) && turn_has(STUN_NONCE));
    CHECK(stun_integrity_check(&turn.request, turn.key) == STUN_CHECK_RIGHT);
    CHECK_ROW_UINT("what was asked is asked again", turn_number(STUN_REQUESTED_TRANSPORT), 17);
    client_allocate(600);
    check_told("allocated", TURN_CLIENT_ALLOCATED, TURN_CLIENT_WHY_NONE, 0);
}

static void
test_wrong_password(void)
{
    turn_start(&login);
    for (int i = 0; i < 2; i++) {
        CHECK(turn_asked(STUN_ALLOCATE));
        turn_challenge(STUN_CODE_UNAUTHENTICATED, "first");
    }
    check_told("refused", TURN_CLIENT_FAILED, TURN_CLIENT_WHY_REJECTED, 401);
    CHECK_ROW_UINT("asked no more", fake_io_waiting(turn.host), 0);
    fake_io_advance(turn.host, 10 * TIME_MIN);
    CHECK_ROW_UINT("not even later", fake_io_waiting(turn.host), 0);
    CHECK_ROW_INT("closed", turn_write(turn.peer, "x"), IO_CLOSED);
    CHECK_ROW_INT("closed", turn_client_permit(turn.client, turn.peer.address, turn_on_done, NULL), IO_CLOSED);
}

/* The oldest request is `method`'s; its nonce is stale, and it comes again at once, with the new one, and is granted. */
static void
check_stale(enum stun_method method)
{
    static unsigned nonces;
    g_autofree char *nonce = g_strdup_printf("nonce %u", ++nonces);
    const char *row = stun_method_name(method);
    struct stun_value value;

    CHECK_ROW(row, turn_asked(method));
    turn_challenge(STUN_CODE_STALE_NONCE, nonce);
    CHECK_ROW_UINT(row, fake_io_waiting(turn.host), 1);
    CHECK_ROW(row, turn_asked(method));
    CHECK_ROW(row, stun_message_get(&turn.request, STUN_NONCE, &value) == STUN_PRESENT &&
                       span_equal(value.bytes, span_of_text(nonce)));
    CHECK_ROW_INT(row, turn.at, turn.host->now);
    if (method == STUN_ALLOCATE)
        client_allocate(600);
    else if (method == STUN_REFRESH)
        client_refresh(600);
    else
        turn_grant();
}

/* Section 5: 438 to each kind of request; the transaction goes on with the new nonce, to its owner it is one. */
static void
test_stale_nonce(void)
{
    turn_login("secret");
    turn_start(&login);
    CHECK(turn_asked(STUN_ALLOCATE));
    turn_challenge(STUN_CODE_UNAUTHENTICATED, "first");
    check_stale(STUN_ALLOCATE);
    turn_client_permit(turn.client, turn.other.address, turn_on_done, NULL);
    check_stale(STUN_CREATE_PERMISSION);
    fake_io_advance(turn.host, TIME_S);
    turn_client_channel(turn.client, turn.peer, turn_on_done, NULL);
    check_stale(STUN_CHANNEL_BIND);
    for (int minutes = 4; minutes <= 8; minutes += 4) { /* the permission, and the channel's a second later */
        fake_io_advance(turn.host, minutes * TIME_MIN - turn.host->now);
        check_stale(STUN_CREATE_PERMISSION);
        fake_io_advance(turn.host, TIME_S);
        check_stale(STUN_CREATE_PERMISSION);
    }
    fake_io_advance(turn.host, 540 * TIME_S - turn.host->now);
    check_stale(STUN_REFRESH);
    fake_io_advance(turn.host, TIME_S);
    check_stale(STUN_CHANNEL_BIND);
    turn_client_release(turn.client);
    check_stale(STUN_REFRESH);
    CHECK_ROW_UINT("nothing was lost", turn.news->len, 2);
    CHECK_ROW_UINT("told once each", turn.dones, 2);
}

/* Section 7.1: what may be asked for stands in the request. */
static void
test_request(void)
{
    struct turn_client_options options = { .family = FAMILY_IPV4,
                                           .port = TURN_CLIENT_EVEN_PORT_PAIR,
                                           .dont_fragment = true,
                                           .lifetime = 1200,
                                           .software = "punchlab" };

    turn_start(&options);
    CHECK(turn_asked(STUN_ALLOCATE));
    CHECK_ROW_UINT("family", turn_number(STUN_REQUESTED_ADDRESS_FAMILY), 1);
    CHECK_ROW_UINT("even, and the next", turn_number(STUN_EVEN_PORT), 0x80);
    CHECK_ROW_UINT("lifetime", turn_number(STUN_LIFETIME), 1200);
    CHECK(turn_has(STUN_DONT_FRAGMENT) && turn_has(STUN_SOFTWARE));
    turn_begin(STUN_SUCCESS);
    stun_put_endpoint(&turn.answer, STUN_XOR_RELAYED_ADDRESS, turn.relayed);
    stun_put_number(&turn.answer, STUN_LIFETIME, 1200);
    stun_put_endpoint(&turn.answer, STUN_XOR_MAPPED_ADDRESS, turn.mapped);
    stun_put_number(&turn.answer, STUN_RESERVATION_TOKEN, 0x0102030405060708);
    turn_send();
    CHECK(turn_told()->even_port && turn_told()->dont_fragment && turn_told()->has_token);
    CHECK_ROW_UINT("token", turn_told()->token, 0x0102030405060708);
    fake_io_advance(turn.host, 1140 * TIME_S);
    CHECK(turn_asked(STUN_REFRESH));
    CHECK_ROW_INT("60 s before its end", turn.at, 1140 * TIME_S);
    CHECK_ROW_UINT("the same lifetime", turn_number(STUN_LIFETIME), 1200);
}

static void
test_token(void)
{
    struct turn_client_options options = { .has_token = true, .token = 42, .insist = true };

    turn_start(&options);
    CHECK(turn_asked(STUN_ALLOCATE));
    CHECK_ROW_UINT("token", turn_number(STUN_RESERVATION_TOKEN), 42);
    CHECK_ROW_UINT("token and transport", turn.request.count, 2);
    turn_refuse(STUN_CODE_INSUFFICIENT_CAPACITY);
    check_told("insists", TURN_CLIENT_FAILED, TURN_CLIENT_WHY_REJECTED, 508);
    CHECK_ROW_INT("may ask after a minute", turn_told()->failure.again_at, TIME_MIN);
}

/* --- section 7.3 and 7.4: answers -------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    bool relayed, ipv6, lifetime;
} grants[] = {
    { "no relayed address", false, false, true },
    { "another family than asked for", true, true, true },
    { "no lifetime", true, false, false },
};

/* Section 7.3: an answer that makes no sense; what the server may have made is released. */
static void
test_senseless(void)
{
    struct turn_client_options options = { .family = FAMILY_IPV4 };
    struct endpoint ipv6;

    CHECK(endpoint_parse("[2001:db8::1]:50000", &ipv6));
    for (size_t i = 0; i < G_N_ELEMENTS(grants); i++) {
        turn_start(&options);
        CHECK(turn_asked(STUN_ALLOCATE));
        turn_begin(STUN_SUCCESS);
        if (grants[i].relayed)
            stun_put_endpoint(&turn.answer, STUN_XOR_RELAYED_ADDRESS, grants[i].ipv6 ? ipv6 : turn.relayed);
        if (grants[i].lifetime)
            stun_put_number(&turn.answer, STUN_LIFETIME, 600);
        turn_send();
        CHECK_ROW(grants[i].name, turn_asked(STUN_REFRESH));
        CHECK_ROW_UINT(grants[i].name, turn_number(STUN_LIFETIME), 0);
        client_refresh(0);
        check_told(grants[i].name, TURN_CLIENT_FAILED, TURN_CLIENT_WHY_MALFORMED, 0);
        turn_client_free(turn.client);
        turn.client = NULL;
    }
}

static const struct {
    const char *name;
    enum stun_code code;
    int64_t pause; /* before another attempt may be made; 0: it is of no use */
} refusals[] = {
    { "400", STUN_CODE_BAD_REQUEST, 0 },
    { "403", STUN_CODE_FORBIDDEN, 0 },
    { "440", STUN_CODE_FAMILY_UNSUPPORTED, 0 },
    { "441", STUN_CODE_WRONG_CREDENTIALS, 0 },
    { "442", STUN_CODE_TRANSPORT_UNSUPPORTED, 0 },
    { "486", STUN_CODE_QUOTA_REACHED, 60 * TIME_S },
    { "500", STUN_CODE_SERVER_ERROR, 60 * TIME_S },
    { "508", STUN_CODE_INSUFFICIENT_CAPACITY, 60 * TIME_S },
};

/* Section 7.4. With `persist` the next attempt is made at the earliest time, and not a nanosecond before. */
static void
test_refusals(void)
{
    for (size_t i = 0; i < 2 * G_N_ELEMENTS(refusals); i++) {
        const char *name = refusals[i / 2].name;
        int64_t pause = refusals[i / 2].pause, now = turn.host->now;

        turn_start(i % 2 ? &persistent : &plain);
        CHECK(turn_asked(STUN_ALLOCATE));
        turn_refuse(refusals[i / 2].code);
        CHECK_ROW(name, !fake_io_busy(turn.host));
        if (i % 2 == 0 || !pause) {
            check_told(name, TURN_CLIENT_FAILED, TURN_CLIENT_WHY_REJECTED, refusals[i / 2].code);
            CHECK_ROW_INT(name, turn_told()->failure.again_at, pause ? now + pause : 0);
        } else {
            fake_io_advance(turn.host, pause - 1);
            CHECK_ROW_UINT(name, fake_io_waiting(turn.host), 0);
            fake_io_advance(turn.host, 1);
            CHECK_ROW(name, turn_asked(STUN_ALLOCATE));
            client_allocate(600);
            check_told(name, TURN_CLIENT_ALLOCATED, TURN_CLIENT_WHY_NONE, 0);
        }
        turn_client_free(turn.client);
        turn.client = NULL;
    }
}

/* Section 7.4: 508 to one who wants an even port may be followed at once by a request for any. */
static void
test_any_port(void)
{
    struct turn_client_options options = { .port = TURN_CLIENT_EVEN_PORT };

    turn_start(&options);
    CHECK(turn_asked(STUN_ALLOCATE));
    CHECK_ROW_UINT("even", turn_number(STUN_EVEN_PORT), 0);
    turn_refuse(STUN_CODE_INSUFFICIENT_CAPACITY);
    CHECK(turn_asked(STUN_ALLOCATE));
    CHECK(!turn_has(STUN_EVEN_PORT));
    CHECK_ROW_INT("at once", turn.at, 0);
    client_allocate(600);
    check_told("any port", TURN_CLIENT_ALLOCATED, TURN_CLIENT_WHY_NONE, 0);
    CHECK(!turn_told()->even_port);
}

/* Section 7.1: a server that can't set DF says 420. */
static void
test_no_fragment(void)
{
    static const struct stun_types unknown = { 1, { STUN_DONT_FRAGMENT } };
    struct turn_client_options options = { .dont_fragment = true };
    struct io_datagram datagram = IO_DATAGRAM_TO(turn.peer, span_of_text("x"));

    turn_start(&options);
    CHECK(turn_asked(STUN_ALLOCATE));
    turn_begin(STUN_ERROR);
    stun_put_error(&turn.answer, STUN_CODE_UNKNOWN_ATTRIBUTE);
    stun_put_unknown(&turn.answer, &unknown);
    turn_send();
    CHECK(turn_asked(STUN_ALLOCATE));
    CHECK(!turn_has(STUN_DONT_FRAGMENT));
    client_allocate(600);
    check_told("without", TURN_CLIENT_ALLOCATED, TURN_CLIENT_WHY_NONE, 0);
    CHECK(!turn_told()->dont_fragment);
    datagram.dont_fragment = 1;
    CHECK_ROW_INT("and does not pretend", turn.relay->ops->send(turn.relay, &datagram), IO_UNSUPPORTED);
}

/* Section 7.4: 437 says that the 5-tuple is taken: three client transport addresses, then two minutes. */
static void
test_mismatch(void)
{
    uint16_t port[4];

    turn_start(&persistent);
    for (int i = 0; i < 3; i++) {
        CHECK(turn_asked(STUN_ALLOCATE));
        port[i] = turn.from.port;
        CHECK_ROW_INT("at once", turn.at, 0);
        turn_refuse(STUN_CODE_ALLOCATION_MISMATCH);
    }
    CHECK_ROW("three ports", port[0] != port[1] && port[1] != port[2] && port[0] != port[2]);
    fake_io_advance(turn.host, 120 * TIME_S - 1);
    CHECK_ROW_UINT("silence for two minutes", fake_io_waiting(turn.host), 0);
    fake_io_advance(turn.host, 1);
    CHECK(turn_asked(STUN_ALLOCATE));
    client_allocate(600);
    check_told("then", TURN_CLIENT_ALLOCATED, TURN_CLIENT_WHY_NONE, 0);
}

/* A client that must keep its port gives up at the first. */
static void
test_mismatch_bound(void)
{
    struct turn_client_options options = { .local = turn.own };

    turn_start(&options);
    CHECK(turn_asked(STUN_ALLOCATE));
    CHECK(endpoint_equal(turn.from, turn.own));
    turn_refuse(STUN_CODE_ALLOCATION_MISMATCH);
    check_told("no other port", TURN_CLIENT_FAILED, TURN_CLIENT_WHY_REJECTED, 437);
    CHECK_ROW_INT("two minutes", turn_told()->failure.again_at, 120 * TIME_S);
}

/* --- RFC 8489 section 10: elsewhere ------------------------------------------------------------------------------ */

static void
redirect(const char *to)
{
    struct endpoint alternate;

    CHECK(endpoint_parse(to, &alternate));
    turn_begin(STUN_ERROR);
    stun_put_error(&turn.answer, STUN_CODE_TRY_ALTERNATE);
    stun_put_endpoint(&turn.answer, STUN_ALTERNATE_SERVER, alternate);
    turn_send();
}

static void
start_with_login(void)
{
    turn_login("secret");
    turn_start(&login);
    CHECK(turn_asked(STUN_ALLOCATE));
    turn_challenge(STUN_CODE_UNAUTHENTICATED, "first");
    CHECK(turn_asked(STUN_ALLOCATE));
}

static void
test_alternate(void)
{
    struct endpoint second;

    CHECK(endpoint_parse("198.51.100.2:3479", &second));
    start_with_login();
    redirect("198.51.100.2:3479");
    CHECK(turn_asked(STUN_ALLOCATE));
    CHECK(endpoint_equal(turn.to, second));
    client_allocate(600);
    check_told("there", TURN_CLIENT_ALLOCATED, TURN_CLIENT_WHY_NONE, 0);
    CHECK(endpoint_equal(turn_told()->server, second));
    fake_io_advance(turn.host, 540 * TIME_S);
    CHECK(turn_asked(STUN_REFRESH));
    CHECK(endpoint_equal(turn.to, second));
}

/* Not back to where it was sent away from. */
static void
test_alternate_loop(void)
{
    start_with_login();
    redirect("198.51.100.2:3479");
    CHECK(turn_asked(STUN_ALLOCATE));
    redirect("198.51.100.1:3478");
    check_told("a loop", TURN_CLIENT_FAILED, TURN_CLIENT_WHY_REJECTED, 300);
}

/* RFC 8489 section 14.8: who is not proven sends nobody anywhere. */
static void
test_alternate_unproven(void)
{
    turn_start(&login);
    CHECK(turn_asked(STUN_ALLOCATE));
    redirect("198.51.100.2:3479");
    check_told("unproven", TURN_CLIENT_FAILED, TURN_CLIENT_WHY_REJECTED, 300);
}

/* --- section 8: refreshing --------------------------------------------------------------------------------------- */

static const struct {
    uint32_t lifetime;
    int64_t after; /* seconds */
} refreshes[] = {
    { 600, 540 }, { 3600, 3540 }, { 121, 61 }, { 120, 60 }, { 60, 30 }, { 2, 1 },
};

static void
test_refresh_times(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(refreshes); i++) {
        g_autofree char *row = g_strdup_printf("%u s", refreshes[i].lifetime);
        int64_t begun = turn.host->now;

        turn_start(&plain);
        CHECK(turn_asked(STUN_ALLOCATE));
        client_allocate(refreshes[i].lifetime);
        for (int n = 1; n < 4; n++) {
            fake_io_advance(turn.host, refreshes[i].after * TIME_S);
            CHECK_ROW(row, turn_asked(STUN_REFRESH));
            CHECK_ROW_INT(row, turn.at, begun + n * refreshes[i].after * TIME_S);
            CHECK_ROW(row, !turn_has(STUN_LIFETIME));
            client_refresh(refreshes[i].lifetime);
            CHECK_ROW_UINT(row, fake_io_waiting(turn.host), 0);
        }
        turn_client_free(turn.client);
        turn.client = NULL;
    }
}

/* A server that does not answer: the whole schedule (39.5 s), 5 s later another, and at the end it is over. */
static void
test_refresh_unanswered(void)
{
    turn_hold(&plain);
    fake_io_advance(turn.host, 540 * TIME_S);
    while (turn_asked(STUN_REFRESH))
        continue;
    fake_io_advance(turn.host, 44500 * TIME_MS - 1);
    while (turn_asked(STUN_REFRESH))
        CHECK(turn.at < 580 * TIME_S);
    fake_io_advance(turn.host, 1);
    CHECK(turn_asked(STUN_REFRESH));
    CHECK_ROW_INT("again", turn.at, 584500 * TIME_MS);
    CHECK_ROW_UINT("still there", turn.news->len, 1);
    fake_io_advance(turn.host, 39500 * TIME_MS);
    check_told("over", TURN_CLIENT_LOST, TURN_CLIENT_WHY_EXPIRED, 0);
    CHECK_ROW_INT("closed", turn_write(turn.peer, "x"), IO_CLOSED);
    CHECK(fake_io_next(turn.host) == TIME_NEVER);
}

/* The second schedule is answered: nothing was lost. */
static void
test_refresh_late(void)
{
    turn_hold(&plain);
    fake_io_advance(turn.host, 584500 * TIME_MS);
    while (fake_io_waiting(turn.host))
        CHECK(turn_asked(STUN_REFRESH));
    client_refresh(600);
    fake_io_advance(turn.host, 540 * TIME_S - 1);
    CHECK_ROW_UINT("counted from the answer", fake_io_waiting(turn.host), 0);
    fake_io_advance(turn.host, 1);
    CHECK(turn_asked(STUN_REFRESH));
    CHECK_ROW_UINT("nothing was lost", turn.news->len, 1);
}

/* Section 5: 437 to anything but Allocate: the server has no such allocation, say because it was restarted. */
static void
test_lost(void)
{
    turn_hold(&plain);
    fake_io_advance(turn.host, 540 * TIME_S);
    CHECK(turn_asked(STUN_REFRESH));
    turn_refuse(STUN_CODE_ALLOCATION_MISMATCH);
    check_told("lost", TURN_CLIENT_LOST, TURN_CLIENT_WHY_GONE, 0);
    CHECK(fake_io_next(turn.host) == TIME_NEVER);
}

/* With `persist` another allocation, from another port, with the permissions and channels of the old one. */
static void
test_lost_again(void)
{
    uint16_t port, number;

    turn_hold(&persistent);
    port = turn.from.port;
    client_permit(turn.other);
    number = client_bind(turn.peer);
    fake_io_advance(turn.host, TIME_MIN);
    turn_client_permit(turn.client, turn.mapped.address, turn_on_done, NULL);
    CHECK(turn_asked(STUN_CREATE_PERMISSION));
    turn_refuse(STUN_CODE_ALLOCATION_MISMATCH);
    check_told("lost", TURN_CLIENT_LOST, TURN_CLIENT_WHY_GONE, 0);
    CHECK_ROW_INT("not now", turn_write(turn.peer, "x"), IO_AGAIN);
    CHECK(turn_asked(STUN_ALLOCATE));
    CHECK(turn.from.port != port);
    turn.relayed.port++;
    client_allocate(600);
    check_told("anew", TURN_CLIENT_ALLOCATED, TURN_CLIENT_WHY_NONE, 0);
    CHECK(endpoint_equal(turn.relay->ops->local(turn.relay), turn.relayed));
    CHECK_ROW_UINT("who waits, waits", turn.dones, 2);
    for (int i = 0; i < 3; i++) {
        CHECK(turn_asked(STUN_CREATE_PERMISSION));
        turn_grant();
    }
    CHECK(turn_asked(STUN_CHANNEL_BIND));
    CHECK_ROW_UINT("the same number", turn_number(STUN_CHANNEL_NUMBER), number);
    turn_grant();
    CHECK_ROW_UINT("and is told", turn.dones, 3);
    CHECK_ROW_INT("goes", turn_write(turn.peer, "x"), IO_OK);
}

/* A server that grants and forgets at once is not asked more than once in a minute. */
static void
test_lost_at_once(void)
{
    turn_hold(&persistent);
    turn_client_permit(turn.client, turn.peer.address, NULL, NULL);
    CHECK(turn_asked(STUN_CREATE_PERMISSION));
    turn_refuse(STUN_CODE_ALLOCATION_MISMATCH);
    check_told("lost", TURN_CLIENT_LOST, TURN_CLIENT_WHY_GONE, 0);
    fake_io_advance(turn.host, 60 * TIME_S - 1);
    CHECK_ROW_UINT("silence", fake_io_waiting(turn.host), 0);
    fake_io_advance(turn.host, 1);
    CHECK(turn_asked(STUN_ALLOCATE));
}

/* --- section 8: releasing ---------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    enum stun_code code; /* 0: it is confirmed */
    bool answered;
    enum turn_client_why why;
} releases[] = {
    { "confirmed", 0, true, TURN_CLIENT_WHY_NONE },
    { "437: it is gone already", STUN_CODE_ALLOCATION_MISMATCH, true, TURN_CLIENT_WHY_NONE },
    { "refused", STUN_CODE_WRONG_CREDENTIALS, true, TURN_CLIENT_WHY_REJECTED },
    { "no answer", 0, false, TURN_CLIENT_WHY_TIMEOUT },
};

static void
test_release(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(releases); i++) {
        const char *name = releases[i].name;

        turn_hold(&plain);
        client_permit(turn.peer);
        turn_client_release(turn.client);
        CHECK_ROW_INT(name, turn_write(turn.peer, "x"), IO_CLOSED);
        CHECK_ROW(name, turn_asked(STUN_REFRESH));
        CHECK_ROW_UINT(name, turn_number(STUN_LIFETIME), 0);
        if (!releases[i].answered)
            fake_io_advance(turn.host, 39500 * TIME_MS);
        else if (releases[i].code)
            turn_refuse(releases[i].code);
        else
            client_refresh(0);
        check_told(name, TURN_CLIENT_RELEASED, releases[i].why,
                   releases[i].why == TURN_CLIENT_WHY_REJECTED ? releases[i].code : 0);
        CHECK_ROW(name, fake_io_next(turn.host) == TIME_NEVER);
        turn_client_free(turn.client);
        turn.client = NULL;
        while (fake_io_take(turn.host))
            continue;
    }
}

/* Closing the relay is a release, after which nothing more comes out of it. */
static void
test_close(void)
{
    turn_hold(&plain);
    client_permit(turn.peer);
    turn.relay->ops->close(turn.relay);
    CHECK(turn_asked(STUN_REFRESH));
    turn_data(turn.peer, "late", 0);
    CHECK_ROW_UINT("silence", turn.got->len, 0);
    client_refresh(0);
    check_told("released", TURN_CLIENT_RELEASED, TURN_CLIENT_WHY_NONE, 0);
}

/* An allocation that is still being asked for is released too: the request may have arrived. One that waits for nothing is
 * told so in the next turn. */
static void
test_release_early(void)
{
    turn_start(&plain);
    CHECK(turn_asked(STUN_ALLOCATE));
    turn_client_permit(turn.client, turn.peer.address, turn_on_done, NULL);
    turn_client_release(turn.client);
    CHECK(turn_asked(STUN_REFRESH));
    turn_refuse(STUN_CODE_ALLOCATION_MISMATCH);
    check_told("released", TURN_CLIENT_RELEASED, TURN_CLIENT_WHY_NONE, 0);
    CHECK_ROW_UINT("who waits is told", turn.dones, 1);
    CHECK_ROW_INT("why", turn.failure.why, TURN_CLIENT_WHY_RELEASED);
    turn_client_free(turn.client);

    turn_start(&persistent);
    CHECK(turn_asked(STUN_ALLOCATE));
    turn_refuse(STUN_CODE_QUOTA_REACHED);
    turn_client_release(turn.client);
    CHECK_ROW_UINT("not inside the call", turn.news->len, 1);
    fake_io_advance(turn.host, 0);
    CHECK_ROW_UINT("in the next turn", turn.news->len, 2);
    CHECK_ROW_UINT("nothing to send", fake_io_waiting(turn.host), 0);
}

/* Freeing is silent. */
static void
test_free(void)
{
    turn_hold(&plain);
    client_permit(turn.peer);
    turn_client_permit(turn.client, turn.other.address, turn_on_done, NULL);
    CHECK(turn_asked(STUN_CREATE_PERMISSION));
    g_clear_pointer(&turn.client, turn_client_free);
    CHECK_ROW_UINT("on the wire", fake_io_waiting(turn.host), 0);
    CHECK_ROW_UINT("to the owner", turn.news->len, 1);
    CHECK_ROW_UINT("to who waits", turn.dones, 1);
}

/* --- what else ends it ------------------------------------------------------------------------------------------- */

static void
test_no_answer(void)
{
    turn_start(&plain);
    fake_io_advance(turn.host, 39500 * TIME_MS - 1);
    CHECK_ROW_UINT("waits", turn.news->len, 0);
    fake_io_advance(turn.host, 1);
    check_told("gives up", TURN_CLIENT_FAILED, TURN_CLIENT_WHY_TIMEOUT, 0);
}

static void
test_unreachable(void)
{
    turn_start(&plain);
    CHECK(turn_asked(STUN_ALLOCATE));
    CHECK(fake_io_deliver_icmp(turn.host, turn.from, turn.to, 3, 3));
    fake_io_advance(turn.host, 0);
    check_told("port unreachable", TURN_CLIENT_FAILED, TURN_CLIENT_WHY_UNREACHABLE, 0);
    CHECK_ROW_TEXT("how", io_result_word(turn_told()->failure.io), "refused");
}

static void
test_no_socket(void)
{
    struct turn_client_options options = { .local = turn.server };

    turn_start(&options);
    CHECK_ROW_UINT("not inside the call", turn.news->len, 0);
    fake_io_advance(turn.host, 0);
    check_told("no socket", TURN_CLIENT_FAILED, TURN_CLIENT_WHY_SOCKET, 0);
    CHECK_ROW_INT("why", turn_told()->failure.io, IO_NO_ADDRESS);
}

static void
free_it(const struct turn_client_news *news)
{
    (void)news;
    g_clear_pointer(&turn.client, turn_client_free);
}

/* The owner frees the client whenever it is told something. */
static void
test_freed_inside(void)
{
    turn.then = free_it;
    turn_start(&plain);
    CHECK(turn_asked(STUN_ALLOCATE));
    client_allocate(600);
    CHECK(!turn.client);
    turn_start(&plain);
    CHECK(turn_asked(STUN_ALLOCATE));
    turn_client_permit(turn.client, turn.peer.address, turn_on_done, NULL);
    turn_refuse(STUN_CODE_BAD_REQUEST);
    CHECK(!turn.client);
    turn_start(&persistent);
    CHECK(turn_asked(STUN_ALLOCATE));
    turn.then = NULL;
    client_allocate(600);
    turn.then = free_it;
    fake_io_advance(turn.host, 540 * TIME_S);
    CHECK(turn_asked(STUN_REFRESH));
    turn_refuse(STUN_CODE_ALLOCATION_MISMATCH);
    CHECK(!turn.client);
}

static void
test_options(void)
{
    const struct {
        const char *name;
        struct turn_client_options options;
        bool fine;
    } rows[] = {
        { "server", { .server = turn.server }, true },
        { "no server", { .lifetime = 600 }, false },
        { "name without password", { .server = turn.server, .username = "alice" }, false },
        { "token", { .server = turn.server, .has_token = true }, true },
        { "token and even port", { .server = turn.server, .has_token = true, .port = TURN_CLIENT_EVEN_PORT }, false },
        { "token and family", { .server = turn.server, .has_token = true, .family = FAMILY_IPV4 }, false },
        { "TCP to peers over UDP", { .server = turn.server, .protocol = PROTOCOL_TCP }, false },
        { "TCP to peers",
          { .server = turn.server, .protocol = PROTOCOL_TCP, .transport = TURN_CLIENT_TCP },
          true },
        { "TCP to peers with DF",
          { .server = turn.server, .protocol = PROTOCOL_TCP, .transport = TURN_CLIENT_TCP, .dont_fragment = true },
          false },
        { "ICMP to peers", { .server = turn.server, .protocol = PROTOCOL_ICMP }, false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        CHECK_ROW_TEXT(rows[i].name, turn_client_options_fault(&rows[i].options) ? "refused" : "fine",
                       rows[i].fine ? "fine" : "refused");
}

static void
check_said(guint index, const char *text)
{
    g_autoptr(GString) said = g_string_new(NULL);
    const struct record *record = &g_array_index(turn.host->notes, struct record, index);

    if (!CHECK_ROW(text, index < turn.host->notes->len))
        return;
    record->kind->say(record, NULL, said);
    CHECK_ROW_TEXT(text, said->str, text);
}

static void
test_journal(void)
{
    turn_start(&persistent);
    CHECK(turn_asked(STUN_ALLOCATE));
    turn_refuse(STUN_CODE_ALLOCATION_MISMATCH);
    check_said(2, "TURN: no allocation yet: the server refused, 437 Allocation Mismatch: it asks again from another port");
    CHECK(turn_asked(STUN_ALLOCATE));
    turn_refuse(STUN_CODE_QUOTA_REACHED);
    check_said(5, "TURN: no allocation yet: the server refused, 486 Allocation Quota Reached: it will ask again in 1min");
    fake_io_advance(turn.host, TIME_MIN);
    CHECK(turn_asked(STUN_ALLOCATE));
    client_allocate(600);
    check_said(8, "TURN: the server 198.51.100.1:3478 relays at 198.51.100.1:50000, for 10min; it sees this client as "
                  "203.0.113.1:40000");
    client_permit(turn.peer);
    check_said(11, "TURN: what 192.0.2.9 sends is now relayed for 5min");
    client_bind(turn.other);
    check_said(14, "TURN: channel 0x4000 is now bound to 192.0.2.10:7000 for 10min");
    turn_data(turn.mapped, "x", 0);
    check_said(15, "TURN: a datagram with 203.0.113.1:40000 as peer is dropped: the client has no permission for that peer");
    turn_channel(0x4001, "x");
    check_said(16, "TURN: a datagram is dropped: no channel of that number is bound");
    CHECK_ROW_INT("permit", turn_client_permit(turn.client, turn.mapped.address, NULL, NULL), IO_AGAIN);
    CHECK(turn_asked(STUN_CREATE_PERMISSION));
    turn_refuse(STUN_CODE_FORBIDDEN);
    check_said(19, "TURN: no permission for 203.0.113.1: the server refused, 403 Forbidden");
    turn_client_release(turn.client);
    CHECK(turn_asked(STUN_REFRESH));
    client_refresh(0);
    check_said(22, "TURN: the allocation is released");
}

/* RFC 8445 section 11, for the way to the server: 15 s after the last that was sent, whatever that was. */
static void
test_keepalive(void)
{
    struct turn_client_options options = { .keepalive = TURN_CLIENT_KEEPALIVE };
    int64_t last;

    turn_hold(&options);
    last = turn.at;
    for (int i = 0; i < 3; i++) {
        fake_io_advance(turn.host, last + 15 * TIME_S - 1 - turn.host->now);
        CHECK_ROW_UINT("not yet", fake_io_waiting(turn.host), 0);
        fake_io_advance(turn.host, 1);
        CHECK(turn_asked(STUN_BINDING) && turn.request.header.class == STUN_INDICATION);
        CHECK(turn.at == last + 15 * TIME_S && endpoint_equal(turn.to, turn.server));
        last = turn.at;
    }
    CHECK_ROW("keeps no run going", !fake_io_busy(turn.host));
    fake_io_advance(turn.host, 5 * TIME_S);
    client_permit(turn.peer);
    fake_io_advance(turn.host, 10 * TIME_S);
    CHECK_ROW_UINT("a request puts it off", fake_io_waiting(turn.host), 0);
    CHECK_ROW_INT("data", turn_write(turn.peer, "here"), IO_OK);
    CHECK(turn_asked(STUN_SEND));
    last = turn.at;
    fake_io_advance(turn.host, 15 * TIME_S - 1);
    CHECK_ROW_UINT("so does data", fake_io_waiting(turn.host), 0);
    fake_io_advance(turn.host, 1);
    CHECK(turn_asked(STUN_BINDING) && turn.at == last + 15 * TIME_S);
    CHECK_ROW_UINT("counted", turn_client_counters(turn.client)->keepalives, 4);
    turn_client_release(turn.client);
    CHECK(turn_asked(STUN_REFRESH));
    turn_grant();
    fake_io_advance(turn.host, TIME_MIN);
    CHECK_ROW_UINT("none afterwards", fake_io_waiting(turn.host), 0);
}

static void
test_words(void)
{
    for (int why = 0; why < TURN_CLIENT_WHY_COUNT; why++) {
        CHECK_ROW(turn_client_why_word(why), unit_is_word(turn_client_why_word(why)));
        CHECK_ROW(turn_client_why_word(why), strlen(turn_client_why_sentence(why)) > 0);
    }
}

void
suite_turn_client(void)
{
    UNIT_SUITE("turn client", turn_set_up, turn_tear_down, { "allocate", test_allocate }, { "log in", test_login },
               { "wrong password", test_wrong_password }, { "stale nonces", test_stale_nonce },
               { "request", test_request }, { "token", test_token }, { "senseless grants", test_senseless },
               { "refusals", test_refusals }, { "any port", test_any_port }, { "no DONT-FRAGMENT", test_no_fragment },
               { "437", test_mismatch }, { "437, port fixed", test_mismatch_bound },
               { "alternate server", test_alternate }, { "alternate loop", test_alternate_loop },
               { "alternate, unproven", test_alternate_unproven }, { "refresh times", test_refresh_times },
               { "refresh unanswered", test_refresh_unanswered }, { "refresh late", test_refresh_late },
               { "lost", test_lost }, { "lost, and again", test_lost_again }, { "lost at once", test_lost_at_once },
               { "release", test_release }, { "close", test_close }, { "release early", test_release_early },
               { "free", test_free }, { "no answer", test_no_answer }, { "unreachable", test_unreachable },
               { "no socket", test_no_socket }, { "freed inside", test_freed_inside }, { "options", test_options },
               { "journal", test_journal },
               { "keepalive", test_keepalive }, { "words", test_words });
}
