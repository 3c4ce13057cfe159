/* Permissions, channels and data of a TURN client: RFC 8656 sections 9 to 12. */
#include "tests/unit/support.h"

#include "proto/turn/client_peers.h"
#include "tests/unit/support_turn_client.h"

static const struct turn_client_options plain; /* an open server, UDP */
static const struct turn_client_options automatic = { .auto_permit = true };

/* The oldest thing that the client has sent is ChannelData with this number and text. */
static bool
sent_channel_data(uint16_t number, const char *text)
{
    const struct fake_datagram *sent = fake_io_take(turn.host);
    struct turn_channel_data message;

    return sent && turn_channel_data_read(sent->data, &message) && message.channel == number &&
           span_equal(message.data, span_of_text(text)) && sent->data.length == 4 + strlen(text);
}

static bool
sent_indication(struct endpoint peer, const char *text)
{
    struct stun_value data;

    return turn_asked(STUN_SEND) && turn.request.header.class == STUN_INDICATION &&
           endpoint_equal(turn_endpoint(STUN_XOR_PEER_ADDRESS), peer) &&
           stun_message_get(&turn.request, STUN_DATA_ATTRIBUTE, &data) == STUN_PRESENT &&
           span_equal(data.bytes, span_of_text(text));
}

static bool
got(guint index, struct endpoint peer, const char *text)
{
    const struct turn_got *at = &g_array_index(turn.got, struct turn_got, index);

    return turn.got->len == index + 1 && endpoint_equal(at->peer, peer) && strcmp(at->text, text) == 0;
}

static void
advance_to(int64_t seconds)
{
    fake_io_advance(turn.host, seconds * TIME_S - turn.host->now);
}

/* Takes all requests that are out, of which one must be a refresh of the allocation, and grants that. */
static void
grant_all(void)
{
    while (fake_io_waiting(turn.host)) {
        if (turn_asked(STUN_REFRESH))
            client_refresh(600);
        else
            turn_grant();
    }
}

/* --- permissions ------------------------------------------------------------------------------------------------- */

static void
test_permit(void)
{
    turn_hold(&plain);
    CHECK_ROW_INT("without permission", turn_write(turn.peer, "x"), IO_NO_ROUTE);
    CHECK_ROW_INT("permit", turn_client_permit(turn.client, turn.peer.address, turn_on_done, NULL), IO_AGAIN);
    CHECK(fake_io_busy(turn.host));
    CHECK(turn_asked(STUN_CREATE_PERMISSION));
    CHECK(address_equal(turn_endpoint(STUN_XOR_PEER_ADDRESS).address, turn.peer.address));
    CHECK_ROW_INT("not yet", turn_write(turn.peer, "x"), IO_NO_ROUTE);
    CHECK_ROW_UINT("not yet", turn.dones, 0);
    turn_grant();
    CHECK_ROW_UINT("told", turn.dones, 1);
    CHECK_ROW_TEXT("granted", turn_client_why_word(turn.failure.why), "none");
    CHECK_ROW_INT("now", turn_write(turn.peer, "x"), IO_OK);
    CHECK(sent_indication(turn.peer, "x"));
    CHECK_ROW_INT("it stands", turn_client_permit(turn.client, turn.peer.address, turn_on_done, NULL), IO_OK);
    CHECK_ROW_UINT("nothing is asked", fake_io_waiting(turn.host), 0);
    turn.peer.port++; /* section 9: permissions ignore ports */
    CHECK_ROW_INT("another port", turn_write(turn.peer, "y"), IO_OK);
    CHECK(sent_indication(turn.peer, "y"));
    CHECK(!fake_io_busy(turn.host));
}

/* Two ask for the same while it is under way: one request, both are told. */
static void
test_permit_twice(void)
{
    turn_hold(&plain);
    turn_client_permit(turn.client, turn.peer.address, turn_on_done, NULL);
    CHECK_ROW_INT("waits too", turn_client_permit(turn.client, turn.peer.address, turn_on_done, NULL), IO_AGAIN);
    CHECK(turn_asked(STUN_CREATE_PERMISSION));
    CHECK_ROW_UINT("one request", fake_io_waiting(turn.host), 0);
    turn_grant();
    CHECK_ROW_UINT("both", turn.dones, 2);
}

/* Wanted before there is an allocation: asked for as soon as there is. */
static void
test_permit_early(void)
{
    turn_start(&plain);
    CHECK_ROW_INT("early", turn_client_permit(turn.client, turn.peer.address, turn_on_done, NULL), IO_AGAIN);
    CHECK(turn_asked(STUN_ALLOCATE));
    CHECK_ROW_UINT("nothing but Allocate", fake_io_waiting(turn.host), 0);
    client_allocate(600);
    CHECK(turn_asked(STUN_CREATE_PERMISSION));
    turn_grant();
    CHECK_ROW_UINT("told", turn.dones, 1);
}

static void
test_permit_refused(void)
{
    turn_hold(&plain);
    turn_client_permit(turn.client, turn.peer.address, turn_on_done, NULL);
    CHECK(turn_asked(STUN_CREATE_PERMISSION));
    turn_refuse(STUN_CODE_FORBIDDEN);
    CHECK_ROW_UINT("told", turn.dones, 1);
    CHECK_ROW_UINT("403", turn.failure.code, 403);
    advance_to(539);
    CHECK_ROW_UINT("not asked again", fake_io_waiting(turn.host), 0);
    CHECK_ROW_UINT("no news", turn.news->len, 1);
    turn_client_permit(turn.client, turn.peer.address, turn_on_done, NULL);
    CHECK_ROW_UINT("but when somebody wants it", fake_io_waiting(turn.host), 1);
}

static void
test_other_family(void)
{
    struct endpoint ipv6;

    CHECK(endpoint_parse("[2001:db8::1]:7000", &ipv6));
    turn_hold(&automatic);
    CHECK_ROW_INT("443", turn_client_permit(turn.client, ipv6.address, turn_on_done, NULL), IO_NO_ROUTE);
    CHECK_ROW_INT("443", turn_client_channel(turn.client, ipv6, turn_on_done, NULL), IO_NO_ROUTE);
    CHECK_ROW_INT("443", turn_write(ipv6, "x"), IO_NO_ROUTE);
    CHECK_ROW_UINT("nothing is asked", fake_io_waiting(turn.host), 0);
}

/* Section 9: 300 s, of which 240 pass before the client asks again; counted from each grant. */
static void
test_permission_times(void)
{
    turn_hold(&plain);
    advance_to(10);
    client_permit(turn.peer);
    for (int64_t at = 250; at < 540; at += 240) {
        advance_to(at);
        CHECK(turn_asked(STUN_CREATE_PERMISSION));
        CHECK_ROW_INT("240 s after the grant", turn.at, at * TIME_S);
        turn_grant();
    }
    CHECK_ROW_INT("the next is the allocation's", fake_io_next(turn.host), 540 * TIME_S);
    CHECK_ROW_UINT("who waited is told once", turn.dones, 1);
}

/* Not answered: asked again 5 s after the schedule has ended, as long as it is held; then it is lost, to the nanosecond. */
static void
test_permission_lost(void)
{
    turn_hold(&plain);
    client_permit(turn.peer);
    advance_to(284);
    while (turn_asked(STUN_CREATE_PERMISSION))
        continue;
    fake_io_advance(turn.host, 500 * TIME_MS); /* 240 + 39.5 + 5 */
    CHECK(turn_asked(STUN_CREATE_PERMISSION));
    CHECK_ROW_INT("again", turn.at, 284500 * TIME_MS);
    fake_io_advance(turn.host, 300 * TIME_S - 1 - turn.host->now);
    CHECK_ROW_INT("to the last", turn_write(turn.peer, "x"), IO_OK);
    turn_data(turn.peer, "in time", 0);
    CHECK(got(0, turn.peer, "in time"));
    fake_io_advance(turn.host, 1);
    CHECK_ROW_INT("and no longer", turn_write(turn.peer, "x"), IO_NO_ROUTE);
    fake_io_advance(turn.host, 324 * TIME_S - turn.host->now);
    CHECK_ROW_INT("told", turn_told()->event, TURN_CLIENT_PEER_LOST);
    CHECK_ROW_TEXT("why", turn_client_why_word(turn_told()->failure.why), "timeout");
    CHECK(address_equal(turn_told()->peer.address, turn.peer.address) && turn_told()->peer.port == 0);
}

static void
test_forget(void)
{
    turn_hold(&plain);
    client_permit(turn.peer);
    turn_client_forget(turn.client, turn.peer.address);
    advance_to(299);
    CHECK_ROW_UINT("not refreshed", fake_io_waiting(turn.host), 0);
    CHECK_ROW_INT("still there", turn_write(turn.peer, "x"), IO_OK);
    CHECK(sent_indication(turn.peer, "x"));
    advance_to(300);
    CHECK_ROW_INT("not any more", turn_write(turn.peer, "x"), IO_NO_ROUTE);
    CHECK_ROW_UINT("which is no news", turn.news->len, 1);
}

/* --- sending without a permission -------------------------------------------------------------------------------- */

static void
test_automatic(void)
{
    turn_hold(&automatic);
    for (int i = 0; i < TURN_CLIENT_HELD; i++)
        CHECK_ROW_INT("kept", turn_write(turn.peer, "first"), IO_OK);
    CHECK_ROW_INT("no more than that", turn_write(turn.peer, "fifth"), IO_FULL);
    CHECK_ROW_INT("each address by itself", turn_write(turn.other, "other"), IO_OK);
    CHECK(turn_asked(STUN_CREATE_PERMISSION));
    turn_grant();
    CHECK(turn_asked(STUN_CREATE_PERMISSION));
    for (int i = 0; i < TURN_CLIENT_HELD; i++)
        CHECK(sent_indication(turn.peer, "first"));
    CHECK_ROW_UINT("the other one waits", fake_io_waiting(turn.host), 0);
    turn_begin(STUN_ERROR);
    turn_client_free(turn.client);
    turn.client = NULL;
}

static void
test_automatic_refused(void)
{
    turn_hold(&automatic);
    CHECK_ROW_INT("kept", turn_write(turn.peer, "x"), IO_OK);
    CHECK(turn_asked(STUN_CREATE_PERMISSION));
    turn_refuse(STUN_CODE_FORBIDDEN);
    CHECK_ROW_UINT("nothing is sent", fake_io_waiting(turn.host), 0);
    CHECK_ROW_UINT("held", turn_client_counters(turn.client)->held, 1);
    CHECK_ROW_UINT("unsent", turn_client_counters(turn.client)->unsent, 1);
}

/* --- channels ---------------------------------------------------------------------------------------------------- */

static void
test_channel(void)
{
    uint16_t number;

    turn_hold(&plain);
    number = client_bind(turn.peer);
    CHECK_ROW_UINT("the first", number, 0x4000);
    CHECK_ROW_UINT("told", turn.dones, 1);
    CHECK(endpoint_equal(turn.done_peer, turn.peer));
    CHECK_ROW_INT("goes by the channel", turn_write(turn.peer, "hello"), IO_OK);
    CHECK(sent_channel_data(number, "hello"));
    CHECK_ROW_INT("empty too", turn_write(turn.peer, ""), IO_OK);
    CHECK(sent_channel_data(number, ""));
    turn_channel(number, "answer");
    CHECK(got(0, turn.peer, "answer"));
    turn_data(turn.peer, "by indication", 0); /* section 11.3: what overtook the binding */
    CHECK(got(1, turn.peer, "by indication"));
    CHECK_ROW_UINT("the next", client_bind(turn.other), 0x4001);
    CHECK_ROW_INT("it stands", turn_client_channel(turn.client, turn.peer, turn_on_done, NULL), IO_OK);
    turn.peer.port++; /* section 12.2: the address is permitted, the channel is for one port */
    CHECK_ROW_INT("another port", turn_write(turn.peer, "x"), IO_OK);
    CHECK(sent_indication(turn.peer, "x"));
}

/* Section 12.2: ChannelData is taken as soon as the request has gone out; what is sent waits for the answer, since a
 * server that has not seen it would drop it. */
static void
test_channel_early(void)
{
    turn_hold(&plain);
    client_permit(turn.peer);
    turn_client_channel(turn.client, turn.peer, turn_on_done, NULL);
    CHECK(turn_asked(STUN_CHANNEL_BIND));
    turn_channel(0x4000, "early");
    CHECK(got(0, turn.peer, "early"));
    CHECK_ROW_INT("by indication yet", turn_write(turn.peer, "x"), IO_OK);
    CHECK(sent_indication(turn.peer, "x"));
}

/* Section 12: 600 s, refreshed after 540, which refreshes the permission too; that has times of its own. */
static void
test_channel_times(void)
{
    static const struct {
        int64_t at;
        enum stun_method method;
    } rows[] = {
        { 250, STUN_CREATE_PERMISSION }, { 490, STUN_CREATE_PERMISSION }, { 540, STUN_REFRESH },
        { 550, STUN_CHANNEL_BIND },      { 790, STUN_CREATE_PERMISSION },
    };

    turn_hold(&plain);
    advance_to(10);
    client_bind(turn.peer);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *row = g_strdup_printf("%s at %d s", stun_method_name(rows[i].method), (int)rows[i].at);

        advance_to(rows[i].at);
        CHECK_ROW(row, turn_asked(rows[i].method));
        CHECK_ROW_INT(row, turn.at, rows[i].at * TIME_S);
        CHECK_ROW_UINT(row, fake_io_waiting(turn.host), 0);
        if (rows[i].method == STUN_REFRESH)
            client_refresh(600);
        else
            turn_grant();
    }
    CHECK_ROW_UINT("nothing was lost", turn.news->len, 1);
}

/* A refresh without an answer: the channel is used to its last nanosecond, then indications go on. */
static void
test_channel_lost(void)
{
    turn_hold(&plain);
    client_bind(turn.peer);
    for (int64_t at = 240; at <= 480; at += 240) {
        advance_to(at);
        grant_all();
    }
    advance_to(540);
    while (fake_io_waiting(turn.host))
        if (turn_asked(STUN_REFRESH))
            client_refresh(600);
    fake_io_advance(turn.host, 600 * TIME_S - 1 - turn.host->now);
    while (fake_io_take(turn.host))
        continue;
    CHECK_ROW_INT("to the last", turn_write(turn.peer, "x"), IO_OK);
    CHECK(sent_channel_data(0x4000, "x"));
    fake_io_advance(turn.host, 1);
    while (fake_io_take(turn.host))
        continue;
    CHECK_ROW_INT("then", turn_write(turn.peer, "x"), IO_OK);
    CHECK(sent_indication(turn.peer, "x"));
    advance_to(640);
    CHECK_ROW_INT("told", turn_told()->event, TURN_CLIENT_PEER_LOST);
    CHECK(endpoint_equal(turn_told()->peer, turn.peer));
}

/* Section 12.3: client and server do not agree about the channels: the allocation is given back, and the client starts
 * again. */
static void
test_out_of_step(void)
{
    struct turn_client_options persistent = { .persist = true };

    for (int persist = 0; persist < 2; persist++) {
        turn_hold(persist ? &persistent : &plain);
        fake_io_advance(turn.host, TIME_MIN);
        turn.dones = 0;
        turn_client_channel(turn.client, turn.peer, turn_on_done, NULL);
        CHECK(turn_asked(STUN_CHANNEL_BIND));
        turn_refuse(STUN_CODE_BAD_REQUEST);
        CHECK_ROW_UINT("told", turn.dones, 1);
        CHECK_ROW_UINT("400", turn.failure.code, 400);
        CHECK(turn_asked(STUN_REFRESH));
        CHECK_ROW_UINT("given back", turn_number(STUN_LIFETIME), 0);
        client_refresh(0);
        CHECK_ROW_INT("lost", turn_told()->event, TURN_CLIENT_LOST);
        CHECK_ROW_TEXT("why", turn_client_why_word(turn_told()->failure.why), "out-of-step");
        if (persist) {
            CHECK(turn_asked(STUN_ALLOCATE));
            client_allocate(600);
            CHECK_ROW_UINT("without that channel", fake_io_waiting(turn.host), 0);
        }
        g_clear_pointer(&turn.client, turn_client_free);
    }
}

/* Other refusals are the channel's own affair. */
static void
test_channel_refused(void)
{
    turn_hold(&plain);
    turn_client_channel(turn.client, turn.peer, turn_on_done, NULL);
    CHECK(turn_asked(STUN_CHANNEL_BIND));
    turn_refuse(STUN_CODE_INSUFFICIENT_CAPACITY);
    CHECK_ROW_UINT("told", turn.dones, 1);
    CHECK_ROW_UINT("508", turn.failure.code, 508);
    turn_channel(0x4000, "x");
    CHECK_ROW_UINT("not open", turn_client_counters(turn.client)->unbound, 1);
    CHECK_ROW_UINT("the allocation stands", turn.news->len, 1);
}

/* --- data -------------------------------------------------------------------------------------------------------- */

/* Section 11.4: the client drops what comes from where it has permitted nothing; sections 11 and 12.4: and what is
 * malformed. Each is counted. */
static void
test_drops(void)
{
    static const struct {
        const char *name, *bytes;
        unsigned malformed, unexpected, unpermitted, unbound;
    } rows[] = {
        { "Data without peer", "0017 0008 2112a442 000102030405060708090a0b 0013 0001 41000000", 1, 0, 0, 0 },
        { "Data of a stranger",
          "0017 0014 2112a442 000102030405060708090a0b 0012 0008 0001 3a4a e212a643 0013 0001 41000000", 0, 0, 1, 0 },
        { "Data without data",
          "0017 000c 2112a442 000102030405060708090a0b 0012 0008 0001 3a4a e112a64b", 1, 0, 0, 0 },
        { "unknown attribute that must be understood",
          "0017 0018 2112a442 000102030405060708090a0b 0012 0008 0001 3a4a e112a64b 0013 0001 41000000 7fff 0000", 1, 0,
          0, 0 },
        { "cut attribute", "0017 0008 2112a442 000102030405060708090a0b 0012 0010 0001 3a4a", 1, 0, 0, 0 },
        { "Send indication", "0016 0000 2112a442 000102030405060708090a0b", 0, 1, 0, 0 },
        { "ConnectionAttempt over UDP",
          "001c 0014 2112a442 000102030405060708090a0b 0012 0008 0001 3a4a e112a64b 002a 0004 00000001", 0, 1, 0, 0 },
        { "response to nothing", "0104 0000 2112a442 000102030405060708090a0b", 0, 1, 0, 0 },
        { "request", "0001 0000 2112a442 000102030405060708090a0b", 0, 1, 0, 0 },
        { "unbound channel", "4001 0001 41", 0, 0, 0, 1 },
        { "the last channel, unbound", "4fff 0001 41", 0, 0, 0, 1 },
        { "short ChannelData", "4000 0002 41", 1, 0, 0, 0 },
        { "half a header", "4000 00", 1, 0, 0, 0 },
        { "reserved channel", "5000 0001 41", 1, 0, 0, 0 },
        { "something else", "8080 0001 41", 1, 0, 0, 0 },
        { "nothing", "", 1, 0, 0, 0 },
    };

    turn_hold(&plain);
    client_bind(turn.peer);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct turn_client_counters before = *turn_client_counters(turn.client), after;
        g_autoptr(GBytes) bytes = unit_hex(rows[i].bytes);

        CHECK(fake_io_deliver(turn.host, turn.from, turn.to, unit_span(bytes)));
        after = *turn_client_counters(turn.client);
        CHECK_ROW_UINT(rows[i].name, after.malformed - before.malformed, rows[i].malformed);
        CHECK_ROW_UINT(rows[i].name, after.unexpected - before.unexpected, rows[i].unexpected);
        CHECK_ROW_UINT(rows[i].name, after.unpermitted - before.unpermitted, rows[i].unpermitted);
        CHECK_ROW_UINT(rows[i].name, after.unbound - before.unbound, rows[i].unbound);
    }
    turn_channel(0x4000, "from the server");
    turn.to.port++;
    turn_channel(0x4000, "from somebody else");
    CHECK_ROW_UINT("only the server's", turn.got->len, 1);
}

/* Sections 11.6 and 18.13: an ICMP error that the relay has met, here one about a packet too big for an MTU of 1300. */
static void
test_icmp(void)
{
    const struct io_icmp *icmp;

    turn_hold(&plain);
    client_permit(turn.peer);
    turn_data(turn.peer, NULL, UINT64_C(0x0000030400000514));
    CHECK_ROW_UINT("one", turn.icmp->len, 1);
    icmp = &g_array_index(turn.icmp, struct io_icmp, 0);
    CHECK(endpoint_equal(icmp->peer, turn.peer) && endpoint_equal(icmp->local, turn.relayed));
    CHECK_ROW_UINT("type", icmp->type, 3);
    CHECK_ROW_UINT("code", icmp->code, 4);
    CHECK_ROW_UINT("MTU", icmp->info, 1300);
    turn_data(turn.other, NULL, UINT64_C(0x0000030400000514));
    CHECK_ROW_UINT("not without permission", turn.icmp->len, 1);
    CHECK_ROW_UINT("counted", turn_client_counters(turn.client)->unpermitted, 1);
    CHECK_ROW_UINT("counted", turn_client_counters(turn.client)->received_icmp, 1);
}

/* Data that overtakes the success of CreatePermission is taken: the server would not relay it without. */
static void
test_data_early(void)
{
    turn_hold(&plain);
    turn_client_permit(turn.client, turn.peer.address, turn_on_done, NULL);
    CHECK(turn_asked(STUN_CREATE_PERMISSION));
    turn_data(turn.peer, "overtaking", 0);
    CHECK(got(0, turn.peer, "overtaking"));
}

/* Section 14: DF goes by Send indications only, DSCP and ECN on the packet to the server. */
static void
test_marks(void)
{
    struct turn_client_options options = { .dont_fragment = true };
    struct io_datagram datagram = IO_DATAGRAM_TO(turn.peer, span_of_text("x"));
    const struct fake_datagram *sent;

    turn_hold(&options);
    client_bind(turn.peer);
    datagram.dscp = 46;
    datagram.ecn = 1;
    CHECK_ROW_INT("sent", turn.relay->ops->send(turn.relay, &datagram), IO_OK);
    CHECK(datagram.packet != 0);
    sent = fake_io_take(turn.host);
    CHECK(sent && turn_looks_like_channel_data(sent->data));
    CHECK_ROW_INT("DSCP", sent->as_sent.dscp, 46);
    CHECK_ROW_INT("ECN", sent->as_sent.ecn, 1);
    datagram.dont_fragment = 1;
    CHECK_ROW_INT("sent", turn.relay->ops->send(turn.relay, &datagram), IO_OK);
    CHECK(sent_indication(turn.peer, "x"));
    CHECK(turn_has(STUN_DONT_FRAGMENT));
}

static void
test_counters(void)
{
    const struct turn_client_counters *counters;

    turn_hold(&plain);
    client_permit(turn.other);
    client_bind(turn.peer);
    counters = turn_client_counters(turn.client);
    turn_write(turn.peer, "12345");
    turn_write(turn.other, "123");
    turn_channel(0x4000, "1234567");
    turn_data(turn.other, "1", 0);
    turn.relay->full = true;
    turn_data(turn.other, "1", 0);
    CHECK_ROW_UINT("sent", counters->sent_channel, 1);
    CHECK_ROW_UINT("sent", counters->sent_indication, 1);
    CHECK_ROW_UINT("sent", counters->sent_bytes, 8);
    CHECK_ROW_UINT("received", counters->received_channel, 1);
    CHECK_ROW_UINT("received", counters->received_indication, 1);
    CHECK_ROW_UINT("received", counters->received_bytes, 8);
    CHECK_ROW_UINT("full", counters->full, 1);
    turn.host->send_result = IO_FULL;
    CHECK_ROW_INT("the socket's word", turn_write(turn.peer, "x"), IO_FULL);
    CHECK_ROW_UINT("not sent", counters->sent_channel, 1);
    turn.host->send_result = IO_OK;
}

/* The largest datagram that the formats have room for fits, one byte more does not, whatever the way: the host may have
 * less room, and says so. */
static void
test_too_big(void)
{
    g_autofree uint8_t *zeros = g_malloc0(65537);
    struct io_datagram datagram = IO_DATAGRAM_TO(turn.peer, span_of(zeros, 65535));

    turn_hold(&plain);
    client_bind(turn.peer);
    CHECK_ROW_INT("the host", turn.relay->ops->send(turn.relay, &datagram), IO_TOO_BIG);
    turn.host->datagram_most = SIZE_MAX;
    CHECK_ROW_INT("ChannelData", turn.relay->ops->send(turn.relay, &datagram), IO_OK);
    datagram.data.length++;
    CHECK_ROW_INT("ChannelData", turn.relay->ops->send(turn.relay, &datagram), IO_TOO_BIG);
    datagram.peer.port++;
    datagram.data.length = 65532 - 12 - 4; /* the length field, without XOR-PEER-ADDRESS and the header of DATA */
    CHECK_ROW_INT("Send", turn.relay->ops->send(turn.relay, &datagram), IO_OK);
    datagram.data.length++;
    CHECK_ROW_INT("Send", turn.relay->ops->send(turn.relay, &datagram), IO_TOO_BIG);
}

/* --- a shared socket --------------------------------------------------------------------------------------------- */

static unsigned others;
static bool icmp_ours;

static void
on_shared(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    (void)owner;
    others += !turn_client_datagram(turn.client, udp, datagram);
}

static void
on_shared_icmp(void *owner, struct io_udp *udp, const struct io_icmp *icmp)
{
    (void)owner;
    icmp_ours = turn_client_icmp(turn.client, udp, icmp);
}

static void
test_shared(void)
{
    static const struct io_udp_events events = { on_shared, on_shared_icmp };
    struct turn_client_options options = { .local = { .port = 0 } };
    struct endpoint own, stranger = turn.server;
    enum io_result why;
    g_autoptr(GBytes) binding = unit_hex("0101 0000 2112a442 000102030405060708090a0b");

    CHECK(endpoint_parse("10.0.0.2:5000", &own));
    options.udp = turn.host->io.ops->udp(&turn.host->io, &own, &events, NULL, &why);
    others = 0;
    turn_hold(&options);
    CHECK(endpoint_equal(turn.from, own));
    client_bind(turn.peer);
    turn_channel(0x4000, "ours");
    turn_data(turn.peer, "ours", 0);
    CHECK_ROW_UINT("ours", turn.got->len, 2);
    CHECK_ROW_UINT("ours", others, 0);
    CHECK(fake_io_deliver(turn.host, own, turn.server, unit_span(binding)));
    CHECK_ROW_UINT("another's answer from the same server", others, 1);
    stranger.port++;
    CHECK(fake_io_deliver(turn.host, own, stranger, unit_span(binding)));
    CHECK_ROW_UINT("a stranger's", others, 2);
    CHECK(fake_io_deliver_icmp(turn.host, own, stranger, 3, 3) && !icmp_ours);
    CHECK(fake_io_deliver_icmp(turn.host, own, turn.server, 3, 1) && icmp_ours);
    g_clear_pointer(&turn.client, turn_client_free);
    options.udp->ops->close(options.udp); /* it was the owner's to close */
}

/* --- the machine ------------------------------------------------------------------------------------------------- */

/* Section 12: a number goes to another peer 300 s after its binding has ended, to the same one at any time. */
static void
test_numbers(void)
{
    struct turn_client_peers peers;
    struct turn_client_channel *first, *channel = NULL;
    struct endpoint peer = turn.peer;
    int64_t end = TURN_CLIENT_CHANNEL_LIFETIME, cool = end + TURN_CLIENT_CHANNEL_COOLING;

    turn_client_peers_open(&peers, NULL);
    for (unsigned i = 0; i < TURN_CLIENT_CHANNELS; i++) {
        peer.port = (uint16_t)(7000 + i);
        channel = turn_client_channel_want(&peers, peer, 0);
        if (!channel || channel->number != TURN_CHANNEL_FIRST + i)
            CHECK_ROW("in order", false);
        turn_client_channel_grant(channel, 0);
    }
    CHECK(channel && channel->number == TURN_CHANNEL_LAST);
    peer.port++;
    CHECK(!turn_client_channel_want(&peers, peer, 0));
    first = turn_client_channel_at(&peers, TURN_CHANNEL_FIRST);
    turn_client_channel_end(first, end);
    CHECK(!turn_client_channel_want(&peers, peer, cool - 1));
    CHECK(turn_client_channel_want(&peers, turn.peer, end) == first);
    CHECK_ROW_INT("is asked for", first->lease.due, end);
    turn_client_channel_end(first, end);
    CHECK(turn_client_channel_want(&peers, peer, cool) == first);
    CHECK(turn_client_channel_find(&peers, peer) == first);
    CHECK(!turn_client_channel_find(&peers, turn.peer));
    CHECK(!turn_client_channel_at(&peers, TURN_CHANNEL_FIRST - 1) && !turn_client_channel_at(&peers, 0x5000));
    turn_client_channel_end(channel, 0); /* the server has refused it: it is free at once */
    peer.port++;
    CHECK(turn_client_channel_want(&peers, peer, 0) == channel);
    turn_client_peers_close(&peers);
}

void
suite_turn_client_peers(void)
{
    UNIT_SUITE("turn client peers", turn_set_up, turn_tear_down, { "permit", test_permit },
               { "permit twice", test_permit_twice }, { "permit early", test_permit_early },
               { "permit refused", test_permit_refused }, { "other family", test_other_family },
               { "permission times", test_permission_times }, { "permission lost", test_permission_lost },
               { "forget", test_forget }, { "automatic", test_automatic },
               { "automatic, refused", test_automatic_refused }, { "channel", test_channel },
               { "channel early", test_channel_early }, { "channel times", test_channel_times },
               { "channel lost", test_channel_lost }, { "out of step", test_out_of_step },
               { "channel refused", test_channel_refused }, { "drops", test_drops }, { "ICMP", test_icmp },
               { "data early", test_data_early }, { "marks", test_marks }, { "counters", test_counters },
               { "too big", test_too_big }, { "shared socket", test_shared }, { "numbers", test_numbers });
}
