/* The TURN server over TCP (RFC 8656 sections 3.1 and 12.5), and connections with peers (RFC 6062 section 5). */
#include "tests/unit/support.h"

#include "proto/stun/framing.h"
#include "proto/turn/channel_data.h"
#include "proto/turn/kinds.h"
#include "tests/unit/support_turn.h"

/* One host is the client and the peers. */
static struct fake_io *far;
static const char peer_at[] = "192.0.2.1:7000";

/* A connection, and all that came on it. */
struct line {
    struct io_tcp *tcp;
    GByteArray *got;
    bool connected, ended, reads;
    enum io_result failure;
};

static struct line control;
static struct turn_speaker alice;

static void
line_ready(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    struct line *line = owner;
    uint8_t bytes[4096];
    enum io_result why;
    ssize_t got;

    line->connected |= ready == IO_CONNECTED;
    if (ready == IO_FAILED)
        line->failure = result;
    if (ready != IO_READABLE || !line->reads)
        return;
    while ((got = tcp->ops->read(tcp, bytes, sizeof bytes, &why)) > 0)
        g_byte_array_append(line->got, bytes, (guint)got);
    line->ended |= got == 0;
}

static void
carry(void)
{
    while (fake_io_carry_streams(far, turn_host))
        ;
}

static void
line_open(struct line *line, const char *to)
{
    struct endpoint local = { ADDRESS_NONE, 0 }, peer = turn_at(to);
    enum io_result why;

    *line = (struct line){ .got = g_byte_array_new(), .reads = true };
    line->tcp = far->io.ops->connect(&far->io, &local, &peer, false, line_ready, line, &why);
    carry();
}

static void
line_close(struct line *line)
{
    if (line->tcp)
        line->tcp->ops->close(line->tcp, false);
    line->tcp = NULL;
    if (line->got)
        g_byte_array_free(line->got, TRUE);
    line->got = NULL;
    carry();
}

static void
line_write(struct line *line, struct span bytes)
{
    enum io_result why;

    if (!CHECK_ROW("open", line->tcp != NULL))
        return;
    CHECK_ROW_INT("written", line->tcp->ops->write(line->tcp, bytes.bytes, bytes.length, &why), bytes.length);
    carry();
}

/* Takes a frame off what has come, with its padding; NULL bytes when there is none. */
static GBytes *
line_frame(struct line *line)
{
    struct stun_frame frame = stun_frame_at(span_of(line->got->data, line->got->len), true, 70000);
    GBytes *bytes;

    if (frame.kind != STUN_FRAME_MESSAGE && frame.kind != STUN_FRAME_CHANNEL)
        return NULL;
    bytes = g_bytes_new(frame.bytes.bytes, frame.bytes.length);
    g_byte_array_remove_range(line->got, 0, (guint)frame.size);
    return bytes;
}

static int
ask_on(struct line *line, struct turn_ask *ask)
{
    g_autoptr(GBytes) frame = NULL;

    line_write(line, turn_ask_seal(ask));
    frame = line_frame(line);
    return frame ? turn_ask_judge(ask, span_of(g_bytes_get_data(frame, NULL), g_bytes_get_size(frame))) : -1;
}

static int
allocate_on(struct line *line, unsigned protocol, unsigned even)
{
    struct stun_value relayed;
    struct turn_ask ask;
    int code;

    turn_ask_begin(&ask, &alice, STUN_ALLOCATE);
    stun_put_number(&ask.builder, STUN_REQUESTED_TRANSPORT, protocol);
    if (even)
        stun_put_number(&ask.builder, STUN_EVEN_PORT, 0);
    code = ask_on(line, &ask);
    if (code == 0 && stun_message_get(&ask.answer, STUN_XOR_RELAYED_ADDRESS, &relayed) == STUN_PRESENT)
        alice.relayed = relayed.endpoint;
    return code;
}

static int
refresh_on(struct line *line, uint32_t lifetime)
{
    struct turn_ask ask;

    turn_ask_begin(&ask, &alice, STUN_REFRESH);
    stun_put_number(&ask.builder, STUN_LIFETIME, lifetime);
    return ask_on(line, &ask);
}

static int
about_peer(struct line *line, unsigned method, const char *peer, unsigned channel)
{
    struct turn_ask ask;

    turn_ask_begin(&ask, &alice, (uint16_t)method);
    if (channel)
        stun_put_number(&ask.builder, STUN_CHANNEL_NUMBER, channel);
    stun_put_endpoint(&ask.builder, STUN_XOR_PEER_ADDRESS, turn_at(peer));
    return ask_on(line, &ask);
}

static void
set_up_with(uint64_t bytes_per_second)
{
    struct turn_server_options options = turn_bench_options();

    options.bytes_per_second = bytes_per_second;
    turn_bench_open(&options);
    far = fake_io_new("192.0.2.1");
    line_open(&control, TURN_SERVER_AT);
    alice = (struct turn_speaker){ .credentials = stun_credentials_new_long_term(span_of_text("alice"),
                                                                                 span_of_text("secret")) };
    CHECK_ROW_INT("challenged", allocate_on(&control, PROTOCOL_UDP, 0), STUN_CODE_UNAUTHENTICATED);
}

static void
tear_down(void)
{
    line_close(&control);
    turn_speaker_clear(&alice);
    turn_bench_close();
    CHECK(fake_io_free(far));
}

static void
set_up(void)
{
    set_up_with(0);
}

/* Section 12.5: on a stream ChannelData is padded to four bytes, and the padding is no data. */
static void
test_channel_data(void)
{
    static const char *const data[] = { "", "1", "12", "123", "1234", "12345" };

    CHECK_ROW_INT("allocate", allocate_on(&control, PROTOCOL_UDP, 0), 0);
    CHECK_ROW_INT("bind", about_peer(&control, STUN_CHANNEL_BIND, TURN_PEER, 0x4000), 0);
    for (size_t i = 0; i < G_N_ELEMENTS(data); i++) {
        size_t padded = 4 + (strlen(data[i]) + 3) / 4 * 4;
        uint8_t message[16] = { 0 };
        g_autoptr(GBytes) frame = NULL;
        struct turn_channel_data got;

        turn_channel_data_write(0x4000, span_of_text(data[i]), message, sizeof message);
        for (size_t at = 0; at < padded; at++) /* byte by byte */
            line_write(&control, span_of(message + at, 1));
        CHECK_ROW(data[i], turn_sent(NULL, TURN_PEER, data[i]));

        CHECK(turn_peer_says(&alice, TURN_PEER, data[i]));
        carry();
        CHECK_ROW_INT(data[i], control.got->len, padded);
        frame = line_frame(&control);
        CHECK_ROW(data[i], frame && turn_channel_data_read(span_of(g_bytes_get_data(frame, NULL),
                                                                   g_bytes_get_size(frame)), &got) &&
                               span_equal(got.data, span_of_text(data[i])));
    }
}

/* The 5-tuple is gone with the connection, and the allocation with it. */
static void
test_disconnect(void)
{
    CHECK_ROW_INT("allocate", allocate_on(&control, PROTOCOL_UDP, 0), 0);
    line_close(&control);
    CHECK_ROW_INT("gone", turn_server_allocations(turn_under_test), 0);
    CHECK_ROW_INT("counted", turn_server_counters(turn_under_test)->disconnected, 1);
    CHECK(!turn_peer_says(&alice, TURN_PEER, "nobody"));
}

/* Bytes that begin neither a message nor ChannelData end the connection. */
static void
test_garbage(void)
{
    CHECK_ROW_INT("allocate", allocate_on(&control, PROTOCOL_UDP, 0), 0);
    line_write(&control, span_of("\x80\x00\x00\x00", 4));
    CHECK_ROW_INT("broken", turn_server_counters(turn_under_test)->broken, 1);
    CHECK_ROW_INT("with its allocation", turn_server_allocations(turn_under_test), 0);
    CHECK_ROW_INT("reset", control.failure, IO_RESET);
}

/* A connection without an allocation may be silent for 60 s; one with an allocation for as long as that lives. */
static void
test_silent_connection(void)
{
    struct line idle;

    CHECK_ROW_INT("allocate", allocate_on(&control, PROTOCOL_UDP, 0), 0);
    line_open(&idle, TURN_SERVER_AT);
    fake_io_advance(turn_host, 60 * TIME_S - 1);
    carry();
    CHECK_ROW("still there", !idle.ended);
    fake_io_advance(turn_host, 1);
    carry();
    CHECK_ROW("closed", idle.ended);
    CHECK_ROW_INT("counted", turn_server_counters(turn_under_test)->silent, 1);
    line_close(&idle);

    CHECK_ROW("the other is held by its allocation", !control.ended);
    CHECK_ROW_INT("delete", refresh_on(&control, 0), 0);
    fake_io_advance(turn_host, 60 * TIME_S - 1);
    carry();
    CHECK_ROW("its silence begins when that ends", !control.ended);
    fake_io_advance(turn_host, 1);
    carry();
    CHECK_ROW("closed", control.ended);
}

/* What is said keeps a connection open, if it is a whole message; byte by byte a message may take 60 s, with an allocation
 * too. */
static void
test_partial_message(void)
{
    static const uint8_t binding[20] = { 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 };

    CHECK_ROW_INT("allocate", allocate_on(&control, PROTOCOL_UDP, 0), 0);
    for (size_t round = 0; round < 2; round++)
        for (size_t at = 0; at < sizeof binding; at++) {
            line_write(&control, span_of(binding + at, 1));
            fake_io_advance(turn_host, 3 * TIME_S);
            carry();
        }
    CHECK_ROW("57 s from first to last are no fault", !control.ended);
    CHECK_ROW_INT("answered", turn_server_counters(turn_under_test)->bindings, 2);
    for (size_t at = 0; at < 12; at++) {
        line_write(&control, span_of(binding + at, 1));
        fake_io_advance(turn_host, 5 * TIME_S - (at == 11));
        carry();
    }
    CHECK_ROW("still there", !control.ended && turn_server_allocations(turn_under_test) == 1);
    fake_io_advance(turn_host, 1);
    carry();
    CHECK_ROW("closed", control.ended);
    CHECK_ROW_INT("with its allocation", turn_server_allocations(turn_under_test), 0);
}

/* A client that does not read gets no more than fits, and the rest is dropped under a name. */
static void
test_slow_client(void)
{
    char data[1001];

    memset(data, 'x', 1000);
    data[1000] = '\0';
    CHECK_ROW_INT("allocate", allocate_on(&control, PROTOCOL_UDP, 0), 0);
    CHECK_ROW_INT("bind", about_peer(&control, STUN_CHANNEL_BIND, TURN_PEER, 0x4000), 0);
    control.reads = false;
    for (int i = 0; i < 1000; i++) {
        CHECK(turn_peer_says(&alice, TURN_PEER, data));
        carry();
    }
    CHECK(turn_server_dropped(turn_under_test, DROP_UNSENT) > 500);
    CHECK_ROW_INT("all accounted for", turn_server_dropped(turn_under_test, DROP_UNSENT) +
                  turn_server_counters(turn_under_test)->datagrams_to_clients, 1000);
}

/* --- RFC 6062 ----------------------------------------------------------------------------------------------------- */

static struct line peer; /* the peer's end of a connection */

static void
on_listener(void *owner, struct io_tcp *listener, enum io_ready ready, enum io_result result)
{
    (void)owner, (void)ready, (void)result;
    peer.tcp = listener->ops->accept(listener, line_ready, &peer);
    peer.got = g_byte_array_new();
    peer.reads = true;
}

static struct io_tcp *
listen_as_peer(void)
{
    struct endpoint local = turn_at(peer_at);
    enum io_result why;

    peer = (struct line){ .tcp = NULL };
    return far->io.ops->listen(&far->io, &local, false, on_listener, NULL, &why);
}

/* A ConnectionBind on a connection of its own; the answer's code. */
static int
bind_on(struct line *data, uint32_t id)
{
    struct turn_ask ask;
    int code = -1;

    line_open(data, TURN_SERVER_AT);
    for (int i = 0; i < 2 && code != 0 && code != 400; i++) { /* a nonce of its own */
        turn_ask_begin(&ask, &alice, STUN_CONNECTION_BIND);
        stun_put_number(&ask.builder, STUN_CONNECTION_ID, id);
        code = ask_on(data, &ask);
    }
    return code;
}

/* A Connect whose answer comes now; its ID in `*id`. The nonce may have been one of another connection. */
static int
connect_to(const char *to, uint32_t *id)
{
    struct stun_value value;
    struct turn_ask ask;
    int code = STUN_CODE_STALE_NONCE;

    for (int i = 0; i < 2 && code == STUN_CODE_STALE_NONCE; i++) {
        turn_ask_begin(&ask, &alice, STUN_CONNECT);
        stun_put_endpoint(&ask.builder, STUN_XOR_PEER_ADDRESS, turn_at(to));
        code = ask_on(&control, &ask);
    }
    if (code == 0 && CHECK(stun_message_get(&ask.answer, STUN_CONNECTION_ID, &value) == STUN_PRESENT))
        *id = (uint32_t)value.number;
    return code;
}

static void
test_tcp_allocate(void)
{
    CHECK_ROW_INT("even port", allocate_on(&control, PROTOCOL_TCP, 1), STUN_CODE_BAD_REQUEST);
    CHECK_ROW_INT("TCP", allocate_on(&control, PROTOCOL_TCP, 0), 0);
    CHECK_ROW_INT("no channels", about_peer(&control, STUN_CHANNEL_BIND, TURN_PEER, 0x4000), STUN_CODE_FORBIDDEN);
}

static void
test_connect(void)
{
    struct io_tcp *listener = listen_as_peer();
    struct line data;
    uint32_t id = 0;

    CHECK_ROW_INT("allocate", allocate_on(&control, PROTOCOL_TCP, 0), 0);
    CHECK_ROW_INT("forbidden", connect_to("127.0.0.1:80", &id), STUN_CODE_FORBIDDEN);
    CHECK_ROW_INT("nobody there", connect_to("192.0.2.1:7999", &id), STUN_CODE_CONNECTION_FAILED);
    CHECK_ROW_INT("connect", connect_to(peer_at, &id), 0);
    CHECK_ROW_INT("twice", connect_to(peer_at, &id), STUN_CODE_CONNECTION_EXISTS);
    CHECK(peer.tcp && endpoint_equal(peer.tcp->ops->peer(peer.tcp), alice.relayed));

    /* Section 5.2: what the peer says early is kept. */
    line_write(&peer, span_of_text("early "));
    CHECK_ROW_INT("unknown ID", bind_on(&data, id + 1), STUN_CODE_BAD_REQUEST);
    line_close(&data);
    CHECK_ROW_INT("bind", bind_on(&data, id), 0);
    line_write(&peer, span_of_text("and late"));
    CHECK_ROW_BYTES("to the client", span_of(data.got->data, data.got->len), span_of_text("early and late"));
    line_write(&data, span_of_text("to the peer"));
    CHECK_ROW_BYTES("to the peer", span_of(peer.got->data, peer.got->len), span_of_text("to the peer"));

    /* Section 5.5: the end of one is the end of the other. */
    data.tcp->ops->shutdown(data.tcp);
    carry();
    CHECK(peer.ended);
    peer.tcp->ops->shutdown(peer.tcp);
    carry();
    CHECK(data.ended);
    CHECK_ROW_INT("journal", fake_io_noted(turn_host, &turn_kind_parted), 1);
    CHECK_ROW_INT("counted to the peer", turn_server_next(turn_under_test, NULL)->bytes_to_peers, strlen("to the peer"));
    CHECK_ROW_INT("counted to the client", turn_server_next(turn_under_test, NULL)->bytes_to_client,
                  strlen("early and late"));
    line_close(&data);
    line_close(&peer);
    CHECK_ROW_INT("and again", connect_to(peer_at, &id), 0);
    line_close(&peer);
    listener->ops->close(listener, false);
}

/* The nonce of the control connection is good for the ConnectionBind that belongs to it, and for nothing else. */
static void
test_control_nonce(void)
{
    struct io_tcp *listener = listen_as_peer();
    struct turn_ask ask;
    struct line data;
    uint32_t id = 0;

    CHECK_ROW_INT("allocate", allocate_on(&control, PROTOCOL_TCP, 0), 0);
    CHECK_ROW_INT("connect", connect_to(peer_at, &id), 0);
    line_open(&data, TURN_SERVER_AT);
    turn_ask_begin(&ask, &alice, STUN_CONNECTION_BIND);
    stun_put_number(&ask.builder, STUN_CONNECTION_ID, id);
    CHECK_ROW_INT("bind", ask_on(&data, &ask), 0);
    line_close(&data);
    line_open(&data, TURN_SERVER_AT);
    turn_ask_begin(&ask, &alice, STUN_CONNECTION_BIND);
    stun_put_number(&ask.builder, STUN_CONNECTION_ID, id);
    CHECK_ROW_INT("joined already", ask_on(&data, &ask), STUN_CODE_STALE_NONCE);
    line_close(&data);
    line_close(&peer);
    listener->ops->close(listener, false);
}

/* Much more than any buffer holds, to a reader that is slow at first. */
static void
test_back_pressure(void)
{
    struct io_tcp *listener = listen_as_peer();
    g_autofree uint8_t *bytes = g_malloc(1000000);
    size_t written = 0;
    struct line data;
    uint32_t id = 0;

    for (size_t i = 0; i < 1000000; i++)
        bytes[i] = (uint8_t)(i * 31 >> 3);
    CHECK_ROW_INT("allocate", allocate_on(&control, PROTOCOL_TCP, 0), 0);
    CHECK_ROW_INT("connect", connect_to(peer_at, &id), 0);
    CHECK_ROW_INT("bind", bind_on(&data, id), 0);
    peer.reads = false;
    for (int i = 0; i < 200 && written < 1000000 && data.tcp; i++) {
        enum io_result why;
        ssize_t took = data.tcp->ops->write(data.tcp, bytes + written, 1000000 - written, &why);

        written += took > 0 ? (size_t)took : 0;
        carry();
    }
    CHECK_ROW("the writer waits", written < 600000);
    peer.reads = true;
    for (int i = 0; i < 1000 && (written < 1000000 || peer.got->len < 1000000); i++) {
        enum io_result why;
        ssize_t took = data.tcp->ops->write(data.tcp, bytes + written, 1000000 - written, &why);

        written += took > 0 ? (size_t)took : 0;
        line_ready(&peer, peer.tcp, IO_READABLE, IO_OK);
        carry();
    }
    CHECK_ROW_BYTES("all of it", span_of(peer.got->data, peer.got->len), span_of(bytes, 1000000));
    line_close(&data);
    line_close(&peer);
    listener->ops->close(listener, false);
}

/* Section 5.3. */
static void
test_attempt(void)
{
    char relayed[ENDPOINT_TEXT];
    struct line visitor, data;
    struct stun_message message;
    struct stun_value id, from;
    g_autoptr(GBytes) frame = NULL;

    CHECK_ROW_INT("allocate", allocate_on(&control, PROTOCOL_TCP, 0), 0);
    line_open(&visitor, endpoint_format(alice.relayed, relayed));
    CHECK_ROW_INT("no permission", visitor.failure, IO_RESET);
    CHECK_ROW_INT("nothing said", control.got->len, 0);
    line_close(&visitor);
    CHECK_ROW_INT("permit", about_peer(&control, STUN_CREATE_PERMISSION, "192.0.2.1:1", 0), 0);
    line_open(&visitor, relayed);
    frame = line_frame(&control);
    CHECK(frame && stun_message_decode(span_of(g_bytes_get_data(frame, NULL), g_bytes_get_size(frame)), &message) ==
                       STUN_FAULT_NONE);
    CHECK(message.header.method == STUN_CONNECTION_ATTEMPT && message.header.class == STUN_INDICATION);
    CHECK(stun_message_get(&message, STUN_CONNECTION_ID, &id) == STUN_PRESENT);
    CHECK(stun_message_get(&message, STUN_XOR_PEER_ADDRESS, &from) == STUN_PRESENT &&
          endpoint_equal(from.endpoint, visitor.tcp->ops->local(visitor.tcp)));
    CHECK_ROW_INT("bind", bind_on(&data, (uint32_t)id.number), 0);
    line_write(&visitor, span_of_text("hello"));
    CHECK_ROW_BYTES("through", span_of(data.got->data, data.got->len), span_of_text("hello"));

    /* Section 5.5: the allocation's end is the end of all. */
    line_close(&control);
    CHECK(visitor.ended && data.ended);
    line_close(&visitor);
    line_close(&data);
}

/* --- bandwidth of streams ----------------------------------------------------------------------------------------- */

enum { RATE = 1000 }; /* bytes a second: a piece is 50 bytes, every 50 ms */

/* A peer that has come to the relayed address, and the client's end. */
struct joined {
    struct line visitor, data;
};

static void
join(struct joined *joined)
{
    char relayed[ENDPOINT_TEXT];
    g_autoptr(GBytes) frame = NULL;
    struct stun_message message;
    struct stun_value id = { .number = 0 };

    line_open(&joined->visitor, endpoint_format(alice.relayed, relayed));
    frame = line_frame(&control);
    CHECK(frame && stun_message_decode(span_of(g_bytes_get_data(frame, NULL), g_bytes_get_size(frame)), &message) ==
                       STUN_FAULT_NONE &&
          stun_message_get(&message, STUN_CONNECTION_ID, &id) == STUN_PRESENT);
    CHECK_ROW_INT("bind", bind_on(&joined->data, (uint32_t)id.number), 0);
}

static void
open_limited(void)
{
    tear_down();
    set_up_with(RATE);
    CHECK_ROW_INT("allocate", allocate_on(&control, PROTOCOL_TCP, 0), 0);
    CHECK_ROW_INT("permit", about_peer(&control, STUN_CREATE_PERMISSION, "192.0.2.1:1", 0), 0);
}

static void
wait_for(int64_t duration)
{
    fake_io_advance(turn_host, duration);
    carry();
}

/* RFC 8656 section 5 drops what is too much; a stream has no place for a loss, so it is read slower. */
static void
test_bandwidth(void)
{
    uint8_t bytes[4000];
    struct joined one;

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 31 >> 3);
    open_limited();
    join(&one);
    line_write(&one.visitor, span_of(bytes, sizeof bytes));
    CHECK_ROW_INT("a second's worth at once", one.data.got->len, RATE);
    wait_for(50 * TIME_MS);
    CHECK_ROW_INT("others first", one.data.got->len, RATE);
    wait_for(1);
    CHECK_ROW_INT("a piece", one.data.got->len, RATE + 50);
    wait_for(950 * TIME_MS);
    CHECK_ROW_INT("a second later", one.data.got->len, 2 * RATE);
    one.visitor.tcp->ops->shutdown(one.visitor.tcp);
    wait_for(2 * TIME_S);
    CHECK_ROW_BYTES("all of it, after three", span_of(one.data.got->data, one.data.got->len), span_of(bytes, sizeof bytes));
    CHECK_ROW("no end before what was said before it", !one.data.ended);
    wait_for(50 * TIME_MS);
    CHECK_ROW("and its end", one.data.ended);
    CHECK_ROW("nothing left to wait for", !fake_io_busy(turn_host));
    CHECK_ROW_INT("nothing dropped", turn_server_counters(turn_under_test)->dropped, 0);
    line_close(&one.visitor);
    line_close(&one.data);
}

/* Both directions, and all connections of an allocation, share it, and nobody starves. */
static void
test_bandwidth_shared(void)
{
    static const uint8_t bytes[8000];
    struct joined some[3];
    unsigned all = 0;

    open_limited();
    for (size_t i = 0; i < G_N_ELEMENTS(some); i++)
        join(&some[i]);
    for (size_t i = 0; i < G_N_ELEMENTS(some); i++) {
        line_write(&some[i].visitor, span_of(bytes, sizeof bytes));
        line_write(&some[i].data, span_of(bytes, sizeof bytes));
    }
    wait_for(12 * TIME_S);
    for (size_t i = 0; i < G_N_ELEMENTS(some); i++) {
        CHECK_ROW("to the client", some[i].data.got->len > 12 * RATE / 8);
        CHECK_ROW("to the peer", some[i].visitor.got->len > 12 * RATE / 8);
        all += some[i].data.got->len + some[i].visitor.got->len;
        line_close(&some[i].visitor);
        line_close(&some[i].data);
    }
    CHECK_ROW_INT("together", all, 13 * RATE);
}

/* What came behind the ConnectionBind is there already: it goes on, and is paid off. */
static void
test_bandwidth_debt(void)
{
    g_autoptr(GByteArray) request = g_byte_array_new();
    struct io_tcp *listener;
    struct turn_ask ask;
    struct line data;
    struct span sealed;
    uint32_t id = 0;

    open_limited();
    listener = listen_as_peer();
    CHECK_ROW_INT("connect", connect_to(peer_at, &id), 0);
    line_open(&data, TURN_SERVER_AT);
    turn_ask_begin(&ask, &alice, STUN_CONNECTION_BIND);
    stun_put_number(&ask.builder, STUN_CONNECTION_ID, id);
    sealed = turn_ask_seal(&ask);
    g_byte_array_append(request, sealed.bytes, (guint)sealed.length);
    g_byte_array_set_size(request, request->len + 3 * RATE / 2);
    line_write(&data, span_of(request->data, request->len));
    CHECK_ROW_INT("all of it", peer.got->len, 3 * RATE / 2);
    g_byte_array_set_size(data.got, 0); /* the answer */
    line_write(&peer, span_of_text("late"));
    wait_for(550 * TIME_MS - 1);
    CHECK_ROW_INT("half a second of debt, and a piece", data.got->len, 0);
    wait_for(1);
    CHECK_ROW_BYTES("then", span_of(data.got->data, data.got->len), span_of_text("late"));
    line_close(&data);
    line_close(&peer);
    listener->ops->close(listener, false);
}

/* Sections 5.2 and 5.3: 30 s for the client to join. */
static void
test_patience(void)
{
    struct io_tcp *listener = listen_as_peer();
    struct line data;
    uint32_t id = 0;

    CHECK_ROW_INT("allocate", allocate_on(&control, PROTOCOL_TCP, 0), 0);
    CHECK_ROW_INT("connect", connect_to(peer_at, &id), 0);
    fake_io_advance(turn_host, 30 * TIME_S - 1);
    carry();
    CHECK(peer.failure == IO_OK);
    fake_io_advance(turn_host, 1);
    carry();
    CHECK_ROW_INT("closed", peer.failure, IO_RESET);
    CHECK_ROW_INT("too late", bind_on(&data, id), STUN_CODE_BAD_REQUEST);
    line_close(&data);
    line_close(&peer);
    listener->ops->close(listener, false);
}

/* Section 5.2: 30 s for the peer to answer. */
static void
test_silent_peer(void)
{
    g_autoptr(GBytes) frame = NULL;
    struct turn_ask ask;

    CHECK_ROW_INT("allocate", allocate_on(&control, PROTOCOL_TCP, 0), 0);
    turn_ask_begin(&ask, &alice, STUN_CONNECT);
    stun_put_endpoint(&ask.builder, STUN_XOR_PEER_ADDRESS, turn_at("192.0.2.99:80"));
    CHECK_ROW_INT("no answer yet", ask_on(&control, &ask), -1);
    fake_io_advance(turn_host, 30 * TIME_S - 1);
    carry();
    CHECK_ROW_INT("nor now", control.got->len, 0);
    fake_io_advance(turn_host, 1);
    carry();
    frame = line_frame(&control);
    CHECK_ROW_INT("447", turn_ask_judge(&ask, span_of(g_bytes_get_data(frame, NULL), g_bytes_get_size(frame))),
                  STUN_CODE_CONNECTION_FAILED);
}

void
suite_turn_tcp(void)
{
    UNIT_SUITE("turn tcp", set_up, tear_down, { "channel data", test_channel_data }, { "disconnect", test_disconnect },
               { "garbage", test_garbage }, { "silent connection", test_silent_connection },
               { "partial message", test_partial_message }, { "slow client", test_slow_client },
               { "TCP allocation", test_tcp_allocate }, { "connect", test_connect },
               { "nonce of the control connection", test_control_nonce },
               { "back-pressure", test_back_pressure }, { "attempt", test_attempt }, { "patience", test_patience },
               { "bandwidth", test_bandwidth }, { "bandwidth, shared", test_bandwidth_shared },
               { "bandwidth, in debt", test_bandwidth_debt },
               { "silent peer", test_silent_peer });
}
