/* A TURN client over TCP: RFC 8656 sections 2.1, 7.4 and 12.5, and RFC 6062. */
#include "tests/unit/support.h"

#include "proto/stun/framing.h"
#include "tests/unit/support_turn_client.h"

static const struct turn_client_options tcp = { .transport = TURN_CLIENT_TCP };
static const struct turn_client_options either = { .transport = TURN_CLIENT_UDP_THEN_TCP };
static const struct turn_client_options to_peers = { .transport = TURN_CLIENT_TCP, .protocol = PROTOCOL_TCP };

/* --- the server's host ------------------------------------------------------------------------------------------- */

#define SIDES 8

/* The server's half of a connection. */
static struct side {
    struct io_tcp *tcp; /* NULL: closed */
    GByteArray *got;
    bool ended, failed;
} sides[SIDES];

static struct fake_io *far;
static struct io_tcp *listeners[2];
static unsigned accepted, current; /* sides; the one that the test speaks through */

static void
on_side(void *owner, struct io_tcp *stream, enum io_ready ready, enum io_result result)
{
    struct side *side = owner;
    uint8_t bytes[512];
    enum io_result why;
    ssize_t got;

    (void)result;
    side->failed |= ready == IO_FAILED;
    while (ready == IO_READABLE && (got = stream->ops->read(stream, bytes, sizeof bytes, &why)) >= 0) {
        if (got == 0) {
            side->ended = true;
            break;
        }
        g_byte_array_append(side->got, bytes, (guint)got);
    }
}

static void
on_listener(void *owner, struct io_tcp *listener, enum io_ready ready, enum io_result result)
{
    struct side *side = &sides[accepted];

    (void)owner, (void)ready, (void)result;
    if (!CHECK(accepted < SIDES))
        return;
    current = accepted++;
    *side = (struct side){ .got = g_byte_array_new() };
    side->tcp = listener->ops->accept(listener, on_side, side);
}

static void
carry(void)
{
    while (fake_io_carry_streams(turn.host, far))
        continue;
}

/* In one go; ChannelData padded (section 12.5). */
static void
write_side(struct span message)
{
    static const uint8_t zeros[4];
    struct io_tcp *stream = sides[current].tcp;
    size_t padding = stun_padding(message.length);
    enum io_result why;

    CHECK(stream->ops->write(stream, message.bytes, message.length, &why) == (ssize_t)message.length);
    if (padding)
        CHECK(stream->ops->write(stream, zeros, padding, &why) == (ssize_t)padding);
    carry();
}

static void
close_side(unsigned n, bool reset)
{
    sides[n].tcp->ops->close(sides[n].tcp, reset);
    sides[n].tcp = NULL;
    carry();
}

/* What has come on the current side first: a message of this method. */
static bool
asked(enum stun_method method)
{
    GByteArray *got;
    struct stun_frame frame;

    carry();
    if (accepted == 0)
        return false;
    got = sides[current].got;
    frame = stun_frame_at(span_of(got->data, got->len), false, 2048);
    if (frame.kind != STUN_FRAME_MESSAGE)
        return false;
    memcpy(turn.request_bytes, frame.bytes.bytes, frame.bytes.length);
    g_byte_array_remove_range(got, 0, (guint)frame.size);
    turn.at = turn.host->now;
    return stun_message_decode(span_of(turn.request_bytes, frame.bytes.length), &turn.request) == STUN_FAULT_NONE &&
           turn.request.header.method == method;
}

static struct io_tcp *
listen_at(uint16_t port)
{
    struct endpoint at = { turn.server.address, port };
    enum io_result why;

    return far->io.ops->listen(&far->io, &at, false, on_listener, NULL, &why);
}

static void
set_up(void)
{
    turn_set_up();
    far = fake_io_new("198.51.100.1");
    accepted = 0;
    turn.deliver = write_side;
    listeners[0] = listen_at(3478);
    listeners[1] = listen_at(3479);
}

static void
tear_down(void)
{
    g_clear_pointer(&turn.client, turn_client_free);
    for (unsigned i = 0; i < accepted; i++) {
        if (sides[i].tcp)
            sides[i].tcp->ops->close(sides[i].tcp, true);
        g_byte_array_unref(sides[i].got);
    }
    for (unsigned i = 0; i < 2; i++)
        if (listeners[i])
            listeners[i]->ops->close(listeners[i], false);
    carry();
    CHECK(fake_io_free(far));
    turn_tear_down();
}

static void
hold(const struct turn_client_options *options)
{
    turn_start(options);
    CHECK(asked(STUN_ALLOCATE));
    client_allocate(600);
    CHECK_ROW_INT("allocated", turn_told()->event, TURN_CLIENT_ALLOCATED);
}

static void
check_told(const char *row, enum turn_client_event event, enum turn_client_why why)
{
    CHECK_ROW_INT(row, turn_told()->event, event);
    CHECK_ROW_TEXT(row, turn_client_why_word(turn_told()->failure.why), turn_client_why_word(why));
}

/* --- TCP to the server ------------------------------------------------------------------------------------------- */

static void
test_allocate(void)
{
    struct turn_client_options options = tcp;

    options.keepalive = TURN_CLIENT_KEEPALIVE; /* for UDP only: a connection is not forgotten so soon */
    hold(&options);
    CHECK_ROW_UINT("by TCP", turn_told()->protocol, PROTOCOL_TCP);
    CHECK_ROW_UINT("no datagram", fake_io_waiting(turn.host), 0);
    fake_io_advance(turn.host, 540 * TIME_S);
    CHECK(asked(STUN_REFRESH));
    client_refresh(600);
    CHECK(!fake_io_busy(turn.host));
    turn_client_release(turn.client);
    CHECK(asked(STUN_REFRESH));
    CHECK_ROW_UINT("given back", turn_number(STUN_LIFETIME), 0);
    client_refresh(0);
    check_told("released", TURN_CLIENT_RELEASED, TURN_CLIENT_WHY_NONE);
    carry();
    CHECK(sides[0].ended); /* and the connection is closed */
}

/* RFC 8489 section 6.2.2: over a stream a request is sent once, and waited for as long. */
static void
test_no_answer(void)
{
    turn_start(&tcp);
    carry();
    fake_io_advance(turn.host, 39500 * TIME_MS - 1);
    CHECK(asked(STUN_ALLOCATE) && !asked(STUN_ALLOCATE));
    CHECK_ROW_UINT("waits", turn.news->len, 0);
    fake_io_advance(turn.host, 1);
    check_told("gives up", TURN_CLIENT_FAILED, TURN_CLIENT_WHY_TIMEOUT);
}

static void
test_refused(void)
{
    struct turn_client_options options = tcp;

    options.server = turn.server;
    options.server.port = 3480;
    turn_start(&options);
    carry();
    fake_io_advance(turn.host, 0);
    check_told("refused", TURN_CLIENT_FAILED, TURN_CLIENT_WHY_CONNECTION);
    CHECK_ROW_TEXT("how", io_result_word(turn_told()->failure.io), "refused");
}

/* With the connection its 5-tuple is gone, and with that the allocation. */
static void
test_closed(void)
{
    struct turn_client_options persistent = { .transport = TURN_CLIENT_TCP, .persist = true };

    hold(&persistent);
    fake_io_advance(turn.host, TIME_MIN);
    close_side(0, false);
    check_told("closed", TURN_CLIENT_LOST, TURN_CLIENT_WHY_CONNECTION);
    CHECK_ROW_TEXT("how", io_result_word(turn_told()->failure.io), "closed");
    CHECK(asked(STUN_ALLOCATE)); /* on another connection */
    CHECK_ROW_UINT("another", current, 1);
    client_allocate(600);
    check_told("anew", TURN_CLIENT_ALLOCATED, TURN_CLIENT_WHY_NONE);
}

/* Nothing can be skipped on a stream. */
static void
test_garbage(void)
{
    hold(&tcp);
    write_side(span_of("\x16\x03\x01\x00\x2f\x01\x00\x00", 8)); /* TLS, where the cookie should be */
    check_told("garbage", TURN_CLIENT_LOST, TURN_CLIENT_WHY_MALFORMED);
}

/* Section 12.5: on a stream ChannelData is padded to four bytes, which its length does not count, and which nobody sees;
 * whatever the segments are. */
static void
test_padding(void)
{
    static const char *const texts[] = { "", "1", "12", "123", "1234", "12345" };

    hold(&tcp);
    turn_client_channel(turn.client, turn.peer, turn_on_done, NULL);
    CHECK(asked(STUN_CHANNEL_BIND));
    turn_grant();
    turn.host->piece = far->piece = 1;
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        size_t length = strlen(texts[i]), padded = (length + 3) / 4 * 4;
        GByteArray *got = sides[0].got;
        struct turn_channel_data message;

        CHECK_ROW_INT(texts[i], turn_write(turn.peer, texts[i]), IO_OK);
        carry();
        CHECK_ROW_UINT(texts[i], got->len, 4 + padded);
        CHECK_ROW(texts[i], turn_channel_data_read(span_of(got->data, got->len), &message));
        CHECK_ROW_BYTES(texts[i], message.data, span_of_text(texts[i]));
        g_byte_array_set_size(got, 0);
        turn_channel(0x4000, texts[i]);
        turn_data(turn.peer, texts[i], 0); /* STUN between ChannelData */
        CHECK_ROW_UINT(texts[i], turn.got->len, 2 * (i + 1));
        CHECK_ROW_TEXT(texts[i], g_array_index(turn.got, struct turn_got, 2 * i).text, texts[i]);
        CHECK_ROW_TEXT(texts[i], g_array_index(turn.got, struct turn_got, 2 * i + 1).text, texts[i]);
    }
    CHECK_ROW_UINT("bytes", turn_client_counters(turn.client)->received_bytes, 2 * 15);
}

static void
test_mismatch(void)
{
    uint16_t port[3];

    turn_start(&tcp);
    for (unsigned i = 0; i < 3; i++) {
        CHECK(asked(STUN_ALLOCATE));
        CHECK_ROW_UINT("another connection", current, i);
        port[i] = sides[i].tcp->ops->peer(sides[i].tcp).port;
        turn_refuse(STUN_CODE_ALLOCATION_MISMATCH);
    }
    CHECK(port[0] != port[1] && port[1] != port[2]);
    check_told("three", TURN_CLIENT_FAILED, TURN_CLIENT_WHY_REJECTED);
}

/* RFC 8489 section 10: over a new connection. */
static void
test_alternate(void)
{
    struct turn_client_options login = { .transport = TURN_CLIENT_TCP, .username = "alice", .password = "secret" };
    struct endpoint second = { turn.server.address, 3479 };

    turn_login("secret");
    turn_start(&login);
    CHECK(asked(STUN_ALLOCATE));
    turn_challenge(STUN_CODE_UNAUTHENTICATED, "first");
    CHECK(asked(STUN_ALLOCATE));
    CHECK_ROW_UINT("on the same connection", current, 0);
    turn_begin(STUN_ERROR);
    stun_put_error(&turn.answer, STUN_CODE_TRY_ALTERNATE);
    stun_put_endpoint(&turn.answer, STUN_ALTERNATE_SERVER, second);
    turn_send();
    CHECK(asked(STUN_ALLOCATE));
    CHECK(endpoint_equal(sides[current].tcp->ops->local(sides[current].tcp), second));
    client_allocate(600);
    check_told("there", TURN_CLIENT_ALLOCATED, TURN_CLIENT_WHY_NONE);
    CHECK(endpoint_equal(turn_told()->server, second));
}

/* --- UDP, then TCP ----------------------------------------------------------------------------------------------- */

static void
test_failover(void)
{
    static const int64_t at_ms[] = { 0, 500, 1500, 3500 };

    turn_start(&either);
    fake_io_advance(turn.host, 7500 * TIME_MS - 1);
    for (size_t i = 0; i < G_N_ELEMENTS(at_ms); i++) {
        CHECK(turn_asked(STUN_ALLOCATE));
        CHECK_ROW_INT("by UDP", turn.at, at_ms[i] * TIME_MS);
    }
    CHECK_ROW_UINT("no more", fake_io_waiting(turn.host), 0);
    CHECK(!asked(STUN_ALLOCATE));
    fake_io_advance(turn.host, 1);
    CHECK(asked(STUN_ALLOCATE));
    client_allocate(600);
    check_told("by TCP", TURN_CLIENT_ALLOCATED, TURN_CLIENT_WHY_NONE);
    CHECK_ROW_UINT("by TCP", turn_told()->protocol, PROTOCOL_TCP);
}

static void
test_failover_unreachable(void)
{
    turn_start(&either);
    CHECK(turn_asked(STUN_ALLOCATE));
    CHECK(fake_io_deliver_icmp(turn.host, turn.from, turn.to, 3, 13));
    fake_io_advance(turn.host, 0);
    CHECK(asked(STUN_ALLOCATE));
    CHECK_ROW_INT("at once", turn.at, 0);
    close_side(0, true);
    fake_io_advance(turn.host, 0);
    check_told("neither", TURN_CLIENT_FAILED, TURN_CLIENT_WHY_CONNECTION);
}

/* --- RFC 6062 ---------------------------------------------------------------------------------------------------- */

static struct io_tcp *handed; /* what the client has handed over */
static GByteArray *handed_got;

static void
on_link(void *owner, struct io_tcp *stream, enum io_ready ready, enum io_result result)
{
    uint8_t bytes[64];
    enum io_result why;
    ssize_t got;

    (void)owner, (void)ready, (void)result;
    while ((got = stream->ops->read(stream, bytes, sizeof bytes, &why)) > 0)
        g_byte_array_append(handed_got, bytes, (guint)got);
}

static void
on_connected(void *owner, struct turn_client *client, struct endpoint peer, struct io_tcp *stream,
             const struct turn_client_failure *failure)
{
    handed = stream;
    if (stream) {
        stream->ready = on_link;
        on_link(NULL, stream, IO_READABLE, IO_OK);
    }
    turn_on_done(owner, client, peer, failure);
}

static void
set_up_links(void)
{
    set_up();
    handed = NULL;
    handed_got = g_byte_array_new();
}

static void
tear_down_links(void)
{
    if (handed)
        handed->ops->close(handed, true);
    g_byte_array_unref(handed_got);
    tear_down();
}

static void
connected(uint32_t id)
{
    turn_begin(STUN_SUCCESS);
    stun_put_number(&turn.answer, STUN_CONNECTION_ID, id);
    turn_send();
}

/* Section 4.3: Connect on the control connection, ConnectionBind on another; from its answer on the bytes are the peer's,
 * also those that come in one piece with it. */
static void
test_connect(void)
{
    static const char *const pieces[] = { "byte by byte", "in one piece" };

    for (unsigned i = 0; i < G_N_ELEMENTS(pieces); i++) {
        struct span answer;

        hold(&to_peers);
        CHECK_ROW_UINT("TCP to peers", turn_number(STUN_REQUESTED_TRANSPORT), 6);
        CHECK_ROW_INT("no datagrams", turn_write(turn.peer, "x"), IO_UNSUPPORTED);
        CHECK_ROW_INT("connect", turn_client_connect(turn.client, turn.peer, on_connected, NULL), IO_AGAIN);
        CHECK(asked(STUN_CONNECT));
        CHECK(endpoint_equal(turn_endpoint(STUN_XOR_PEER_ADDRESS), turn.peer));
        connected(77);
        turn.host->piece = far->piece = i ? 65536 : 1;
        CHECK(asked(STUN_CONNECTION_BIND));
        CHECK_ROW_UINT(pieces[i], turn_number(STUN_CONNECTION_ID), 77);
        turn_begin(STUN_SUCCESS);
        answer = stun_builder_finish(&turn.answer);
        memcpy(turn.answer_bytes + answer.length, "hello", 5);
        write_side(span_of(answer.bytes, answer.length + 5)); /* and three bytes that pad it here */
        CHECK_ROW_TEXT(pieces[i], turn_client_why_word(turn.failure.why), "none");
        CHECK_ROW_BYTES(pieces[i], span_of(handed_got->data, handed_got->len), span_of("hello\0\0\0", 8));
        if (handed) {
            enum io_result why;

            CHECK(handed->ops->write(handed, "back", 4, &why) == 4);
            carry();
            CHECK_ROW_BYTES(pieces[i], span_of(sides[current].got->data, sides[current].got->len), span_of("back", 4));
            handed->ops->close(handed, true);
            handed = NULL;
        }
        g_byte_array_set_size(handed_got, 0);
        g_clear_pointer(&turn.client, turn_client_free);
    }
}

static void
test_connect_refused(void)
{
    hold(&to_peers);
    turn_client_connect(turn.client, turn.peer, on_connected, NULL);
    CHECK(asked(STUN_CONNECT));
    turn_refuse(STUN_CODE_CONNECTION_FAILED);
    CHECK_ROW_UINT("told", turn.dones, 1);
    CHECK_ROW_UINT("447", turn.failure.code, 447);
    turn_client_connect(turn.client, turn.peer, on_connected, NULL);
    CHECK(asked(STUN_CONNECT));
    connected(1);
    CHECK(asked(STUN_CONNECTION_BIND));
    turn_refuse(STUN_CODE_BAD_REQUEST);
    CHECK_ROW_UINT("told", turn.dones, 2);
    CHECK_ROW_UINT("400", turn.failure.code, 400);
    turn_client_connect(turn.client, turn.peer, on_connected, NULL);
    current = 0;
    CHECK(asked(STUN_CONNECT));
    connected(2);
    CHECK(asked(STUN_CONNECTION_BIND));
    close_side(current, false);
    CHECK_ROW_UINT("told", turn.dones, 3);
    CHECK_ROW_TEXT("closed", turn_client_why_word(turn.failure.why), "connection-lost");
    CHECK_ROW_UINT("the allocation stands", turn.news->len, 1);
    CHECK(!handed);
}

static void
attempt(struct endpoint peer, uint32_t id)
{
    struct stun_header header = { STUN_INDICATION, STUN_CONNECTION_ATTEMPT, STUN_COOKIE, { { 7 } } };

    stun_builder_begin(&turn.answer, turn.answer_bytes, sizeof turn.answer_bytes, &header);
    stun_put_endpoint(&turn.answer, STUN_XOR_PEER_ADDRESS, peer);
    stun_put_number(&turn.answer, STUN_CONNECTION_ID, id);
    turn_send();
}

/* Section 4.4: a peer that is permitted has connected to the relayed address. */
static void
test_accept(void)
{
    hold(&to_peers);
    turn_client_permit(turn.client, turn.peer.address, turn_on_done, NULL);
    CHECK(asked(STUN_CREATE_PERMISSION));
    turn_grant();
    attempt(turn.other, 5);
    CHECK_ROW_UINT("a stranger", turn_client_counters(turn.client)->unpermitted, 1);
    attempt(turn.peer, 6);
    CHECK_ROW_INT("told", turn_told()->event, TURN_CLIENT_ATTEMPT);
    CHECK(endpoint_equal(turn_told()->peer, turn.peer));
    CHECK_ROW_UINT("its number", turn_told()->connection, 6);
    CHECK_ROW_INT("accept", turn_client_accept(turn.client, turn.peer, 6, on_connected, NULL), IO_AGAIN);
    CHECK(asked(STUN_CONNECTION_BIND));
    CHECK_ROW_UINT("its number", turn_number(STUN_CONNECTION_ID), 6);
    turn_grant();
    CHECK(handed != NULL);
    CHECK_ROW_UINT("told", turn.dones, 2);
}

/* The allocation ends while connections are made, or the client is freed. */
static void
test_connect_ended(void)
{
    hold(&to_peers);
    turn_client_connect(turn.client, turn.peer, on_connected, NULL);
    turn_client_accept(turn.client, turn.other, 9, on_connected, NULL);
    carry();
    close_side(0, true);
    check_told("lost", TURN_CLIENT_LOST, TURN_CLIENT_WHY_CONNECTION);
    CHECK_ROW_UINT("both are told", turn.dones, 2);
    CHECK_ROW_INT("closed", turn_client_connect(turn.client, turn.peer, on_connected, NULL), IO_CLOSED);
    g_clear_pointer(&turn.client, turn_client_free);
    hold(&to_peers);
    turn_client_connect(turn.client, turn.peer, on_connected, NULL);
    turn_client_accept(turn.client, turn.other, 9, on_connected, NULL);
    g_clear_pointer(&turn.client, turn_client_free);
    carry();
    CHECK_ROW_UINT("silence", turn.dones, 2);
    turn_start(&tcp);
    CHECK_ROW_INT("for UDP", turn_client_connect(turn.client, turn.peer, on_connected, NULL), IO_UNSUPPORTED);
}

void
suite_turn_client_tcp(void)
{
    UNIT_SUITE("turn client over TCP", set_up, tear_down, { "allocate", test_allocate }, { "no answer", test_no_answer },
               { "refused", test_refused }, { "closed", test_closed }, { "garbage", test_garbage },
               { "padding", test_padding }, { "437", test_mismatch }, { "alternate server", test_alternate },
               { "failover", test_failover }, { "failover, unreachable", test_failover_unreachable });
    UNIT_SUITE("turn client, TCP to peers", set_up_links, tear_down_links, { "connect", test_connect },
               { "connect refused", test_connect_refused }, { "accept", test_accept }, { "ended", test_connect_ended });
}
