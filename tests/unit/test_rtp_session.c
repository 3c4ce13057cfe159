/* The session: what it sends and when, what it makes of what comes, and whom it tells. By hand on a host made of
 * nothing; then through links that lose and jitter, where its figures must be what the links say. */
#include "tests/unit/support.h"

#include "core/net/stack.h"
#include "nat/presets.h"
#include "proto/rtp/kinds.h"
#include "proto/rtp/session.h"
#include "tests/unit/support_io.h"
#include "tests/unit/support_lab.h"

#define OWN "192.0.2.1"
#define PEER "198.51.100.1:6000"

static struct fake_io *fake;
static struct rtp_session *session;
static struct rtp_session_options options;
static GString *told;
static bool free_when_told;

static struct endpoint
at(const char *text)
{
    struct endpoint endpoint;

    g_assert(endpoint_parse(text, &endpoint));
    return endpoint;
}

static void
on_told(void *owner, struct rtp_session *of, const struct rtp_news *news)
{
    static const char *const words[] = { "heard", "stopped", "resumed", "latched", "reported", "done" };

    (void)owner;
    g_string_append_printf(told, "%s%s%s", told->len ? " " : "", words[news->event], news->bye ? "(bye)" : "");
    if (free_when_told) {
        CHECK(of == session);
        g_clear_pointer(&session, rtp_session_free);
    }
}

static void
set_up(void)
{
    fake = fake_io_new(OWN);
    fake->now = TIME_S;
    told = g_string_new(NULL);
    free_when_told = false;
    options = RTP_SESSION_DEFAULTS;
    options.local = at(OWN ":6000");
    options.peer = at(PEER);
}

static void
tear_down(void)
{
    g_clear_pointer(&session, rtp_session_free);
    CHECK(fake_io_free(fake));
    g_string_free(told, TRUE);
}

static void
begin(void)
{
    enum io_result why;

    session = rtp_session_new(&fake->io, &options, on_told, NULL, &why);
    g_assert(session);
}

static struct rtp_stats
stats(void)
{
    struct rtp_stats now;

    rtp_session_stats(session, &now);
    return now;
}

/* A packet of the peer's, with a timestamp that fits its number. */
static void
hear_from(const char *from, uint32_t ssrc, unsigned sequence)
{
    uint8_t buffer[200];
    struct writer writer = writer_over(buffer, sizeof buffer);
    static const uint8_t silence[160];

    rtp_packet_encode(&writer, &(struct rtp_packet){ .sequence = (uint16_t)sequence,
                                                     .timestamp = sequence * 160,
                                                     .ssrc = ssrc,
                                                     .payload = { silence, 160 } });
    CHECK(fake_io_deliver(fake, at(OWN ":6000"), at(from), writer_span(&writer)));
}

static void
hear(unsigned sequence)
{
    hear_from(PEER, 77, sequence);
}

/* --- sending ----------------------------------------------------------------------------------------------------- */

static void
test_source(void)
{
    struct rtp_packet first = { 0 }, packet;
    const struct fake_datagram *sent;

    options.duration = TIME_S;
    options.rtcp_way = RTP_RTCP_NONE;
    begin();
    CHECK(!fake_io_busy(fake));
    rtp_session_start(session);
    CHECK(fake_io_busy(fake));
    fake_io_advance(fake, 10 * TIME_S);
    CHECK_ROW_UINT("packets of one second", fake_io_waiting(fake), 50);
    for (unsigned i = 0; (sent = fake_io_take(fake)); i++) {
        CHECK(rtp_packet_decode(sent->data, &packet) == RTP_FAULT_NONE);
        first = i ? first : packet;
        CHECK_ROW_INT("when", sent->at, TIME_S + i * 20 * TIME_MS);
        CHECK(endpoint_equal(sent->peer, at(PEER)) && endpoint_equal(sent->local, at(OWN ":6000")));
        CHECK_ROW_UINT("sequence", packet.sequence, (uint16_t)(first.sequence + i));
        CHECK_ROW_UINT("timestamp", packet.timestamp, first.timestamp + i * 160);
        CHECK_ROW_UINT("marker", packet.marker, i == 0);
        CHECK_ROW_UINT("payload", packet.payload.length, 160);
        CHECK(packet.payload_type == 0 && packet.ssrc == rtp_session_ssrc(session));
        CHECK_ROW_BYTES("the tone", span_of(packet.payload.bytes + 8 * (i % 20), 8),
                        span_of("\x1e\x0b\x0b\x1e\x9e\x8b\x8b\x9e", 8));
    }
    CHECK_ROW_TEXT("told", told->str, "done");
    CHECK(!rtp_session_is_sending(session) && !fake_io_busy(fake));
}

/* A hold, with timestamps that run on and a marker where it ends (RFC 3551 section 4.1). */
static void
test_hold(void)
{
    struct rtp_packet before = { 0 }, after;
    const struct fake_datagram *sent;

    options.rtcp_way = RTP_RTCP_NONE;
    begin();
    rtp_session_start(session);
    fake_io_advance(fake, 95 * TIME_MS);
    while ((sent = fake_io_take(fake)))
        CHECK(rtp_packet_decode(sent->data, &before) == RTP_FAULT_NONE);
    rtp_session_set_direction(session, RTP_RECVONLY);
    fake_io_advance(fake, 3 * TIME_S);
    CHECK_ROW_UINT("on hold", fake_io_waiting(fake), 0);
    rtp_session_set_direction(session, RTP_SENDRECV);
    fake_io_advance(fake, 0);
    sent = fake_io_take(fake);
    CHECK(sent && rtp_packet_decode(sent->data, &after) == RTP_FAULT_NONE && after.marker);
    CHECK_ROW_UINT("no number is left out", after.sequence, (uint16_t)(before.sequence + 1));
    CHECK_ROW_UINT("3.015 s later", after.timestamp - before.timestamp, 3015 * 8);
    rtp_session_set_peer(session, at("0.0.0.0:6000"), (struct endpoint){ 0 });
    fake_io_advance(fake, TIME_S);
    CHECK_ROW_UINT("RFC 2543's hold", fake_io_waiting(fake), 0);
    CHECK_ROW_UINT("journal", fake_io_noted(fake, &rtp_kind_quiet), 2);
    CHECK_ROW_UINT("journal", fake_io_noted(fake, &rtp_kind_sending), 2);
    rtp_session_set_peer(session, at("198.51.100.9:7000"), (struct endpoint){ 0 });
    fake_io_advance(fake, TIME_MS);
    CHECK((sent = fake_io_take(fake)) && endpoint_equal(sent->peer, at("198.51.100.9:7000")));
}

/* On and off within one interval: no timestamp stands for two packets. */
static void
test_short_hold(void)
{
    struct rtp_packet packet;
    const struct fake_datagram *sent;
    uint32_t last = 0;

    options.rtcp_way = RTP_RTCP_NONE;
    begin();
    rtp_session_start(session);
    fake_io_advance(fake, TIME_MS);
    for (int i = 0; i < 5; i++) {
        rtp_session_set_direction(session, RTP_INACTIVE);
        rtp_session_set_direction(session, RTP_SENDRECV);
        fake_io_advance(fake, TIME_MS);
    }
    for (int i = 0; (sent = fake_io_take(fake)); last = packet.timestamp, i++) {
        CHECK(rtp_packet_decode(sent->data, &packet) == RTP_FAULT_NONE);
        CHECK(i == 0 || packet.timestamp - last >= 160);
    }
}

static void
test_failing_socket(void)
{
    begin();
    fake->send_result = IO_NO_ROUTE;
    rtp_session_start(session);
    fake_io_advance(fake, 99 * TIME_MS);
    CHECK_ROW_UINT("failed", stats().sent.failed, 5);
    CHECK_ROW_UINT("sent", stats().sent.packets, 0);
    rtp_session_stop(session);
    fake->send_result = IO_OK;
    CHECK_ROW_UINT("no BYE of who has said nothing", fake_io_waiting(fake), 0);
}

/* RFC 6263: something every five seconds, while nothing else is. */
static void
test_keep_alive(void)
{
    const struct fake_datagram *sent;

    options.rtcp_way = RTP_RTCP_NONE;
    options.direction = RTP_RECVONLY;
    options.keepalive = 5 * TIME_S;
    begin();
    rtp_session_start(session);
    fake_io_advance(fake, 11 * TIME_S);
    CHECK_ROW_UINT("two", fake_io_waiting(fake), 2);
    while ((sent = fake_io_take(fake)))
        CHECK_ROW_UINT("empty", sent->data.length, 0);
    rtp_session_set_direction(session, RTP_SENDRECV);
    fake_io_advance(fake, 20 * TIME_S);
    CHECK_ROW_UINT("media keeps it as well", stats().sent.keepalives, 2);
    CHECK(fake_io_deliver(fake, at(OWN ":6000"), at(PEER), span_of(NULL, 0)));
    CHECK_ROW_UINT("the peer's", stats().received.keepalives, 1);
}

/* --- RTCP -------------------------------------------------------------------------------------------------------- */

static void
test_intervals(void)
{
    const struct fake_datagram *sent;
    int64_t last = TIME_S, sum = 0;
    unsigned count = 0;

    options.rtcp_way = RTP_RTCP_MUX;
    options.direction = RTP_RECVONLY;
    begin();
    rtp_session_start(session);
    fake_io_advance(fake, 5000 * TIME_S);
    for (; (sent = fake_io_take(fake)); last = sent->at, count++) {
        int64_t wait = sent->at - last, interval = count ? 5 * TIME_S : 5 * TIME_S / 2;

        /* Half to one and a half of it, over 1.21828 (RFC 3550 section 6.3.1). */
        CHECK(wait >= interval * 100000 / 243657 - 1 && wait <= interval * 150000 / 121828 + 1);
        sum += wait;
    }
    CHECK_ROW("the mean is 4.1 s", sum / count > 39 * TIME_S / 10 && sum / count < 43 * TIME_S / 10);
}

/* The report and the BYE of a source that is heard. */
static void
test_compound(void)
{
    const struct fake_datagram *sent;
    struct rtcp_reader reader;
    struct rtcp_packet packet;
    struct rtcp_sender sender;
    struct rtcp_block block;
    uint32_t ssrc;

    options.cname = "student@example";
    begin();
    rtp_session_start(session);
    fake_io_advance(fake, 99 * TIME_MS);
    while (fake_io_take(fake))
        continue;
    for (unsigned i = 0; i < 10; i++)
        if (i != 5)
            hear(1000 + i);
    rtp_session_stop(session);
    sent = fake_io_take(fake);
    CHECK(sent && endpoint_equal(sent->peer, at("198.51.100.1:6001")) && endpoint_equal(sent->local, at(OWN ":6001")));
    CHECK(rtcp_begin(&reader, sent->data) == RTCP_FAULT_NONE);
    CHECK(rtcp_next(&reader, &packet) && packet.type == RTCP_SR && rtcp_report_sender(&packet, &sender));
    CHECK_ROW_UINT("packets", sender.packets, 5);
    CHECK_ROW_UINT("octets", sender.octets, 800);
    CHECK_ROW_UINT("NTP time", sender.ntp, rtcp_ntp_of(TIME_S + 99 * TIME_MS));
    CHECK(rtcp_report_block(&packet, 0, &block) && block.ssrc == 77 && block.lost == 1 && block.highest == 1009);
    CHECK(rtcp_next(&reader, &packet));
    CHECK_ROW_BYTES("CNAME", rtcp_sdes_cname(&packet, rtp_session_ssrc(session)), span_of_text("student@example"));
    CHECK(rtcp_next(&reader, &packet) && rtcp_bye_source(&packet, 0, &ssrc) && ssrc == rtp_session_ssrc(session));
    CHECK(fake_io_take(fake) == NULL);
    rtp_session_stop(session);
    CHECK_ROW_UINT("one BYE is enough", fake_io_waiting(fake), 0);
}

/* RFC 3550 section 6.4: an SR as long as media was sent since the second last report, then RRs. */
static void
test_sr_and_rr(void)
{
    const struct fake_datagram *sent;
    g_autoptr(GString) types = g_string_new(NULL);

    options.direction = RTP_SENDRECV;
    begin();
    rtp_session_start(session);
    fake_io_advance(fake, 10 * TIME_MS);
    rtp_session_set_direction(session, RTP_RECVONLY);
    fake_io_advance(fake, 25 * TIME_S);
    while ((sent = fake_io_take(fake)))
        if (rtp_sort_of(sent->data) == RTP_SORT_RTCP)
            g_string_append(types, sent->data.bytes[1] == RTCP_SR ? "S" : "R");
    CHECK(g_str_has_prefix(types->str, "SSRR"));
}

static void
hear_rtcp(const char *hex)
{
    g_autoptr(GBytes) bytes = unit_hex(hex);

    CHECK(fake_io_deliver(fake, at(OWN ":6001"), at("198.51.100.1:6001"), unit_span(bytes)));
}

static void
test_bye(void)
{
    begin();
    for (unsigned i = 0; i < 5; i++)
        hear(i);
    hear_rtcp("80c90001 0000004d 81cb0001 00000001"); /* somebody else's */
    CHECK_ROW_TEXT("another's", told->str, "heard");
    hear_rtcp("80c90001 0000004d 81cb0001 0000004d");
    hear_rtcp("80c90001 0000004d 81cb0001 0000004d");
    CHECK_ROW_TEXT("its own, once", told->str, "heard stopped(bye)");
    fake_io_advance(fake, 10 * TIME_S);
    CHECK_ROW_TEXT("silence is not told as well", told->str, "heard stopped(bye)");
    hear(700);
    CHECK_ROW_TEXT("it was no farewell", told->str, "heard stopped(bye) resumed");
    hear_rtcp("80c9");
    CHECK_ROW_UINT("malformed", stats().odd.malformed_rtcp, 1);
    CHECK_ROW_UINT("and noted", fake_io_noted(fake, &rtp_kind_dropped), 1);
}

static void
test_reported(void)
{
    uint8_t buffer[64];
    struct writer writer = writer_over(buffer, sizeof buffer);
    struct rtcp_block block = { .fraction = 64, .lost = -3, .jitter = 80 };
    struct rtp_stats now;

    begin();
    fake_io_advance(fake, 10 * TIME_S);
    block.ssrc = rtp_session_ssrc(session);
    block.last_sr = rtcp_ntp_middle(rtcp_ntp_of(10 * TIME_S));
    block.delay = 65536 / 2;
    rtcp_write_report(&writer, 77, NULL, &block, 1);
    fake_io_deliver(fake, at(OWN ":6001"), at(PEER), writer_span(&writer));
    now = stats();
    CHECK_ROW_TEXT("told", told->str, "reported");
    CHECK_ROW_UINT("lost, but not below nothing", now.peer.lost, 0);
    CHECK_ROW_UINT("fraction", now.peer.fraction, 64);
    CHECK_ROW_INT("jitter", now.peer.jitter, 10 * TIME_MS);
    CHECK_ROW_INT("round trip", now.peer.round_trip / TIME_MS, 500);
}

/* --- receiving --------------------------------------------------------------------------------------------------- */

static void
test_silence(void)
{
    begin();
    hear(1);
    CHECK_ROW_TEXT("one packet is no source", told->str, "");
    hear(2);
    fake_io_advance(fake, 999 * TIME_MS);
    CHECK_ROW_TEXT("not yet", told->str, "heard");
    fake_io_advance(fake, TIME_MS);
    CHECK_ROW_TEXT("a second", told->str, "heard stopped");
    fake_io_advance(fake, 60 * TIME_S);
    hear(3);
    CHECK_ROW_TEXT("again", told->str, "heard stopped resumed");
    rtp_session_set_direction(session, RTP_SENDONLY);
    fake_io_advance(fake, 60 * TIME_S);
    hear(4);
    CHECK_ROW_TEXT("on hold silence is no news", told->str, "heard stopped resumed");
    CHECK_ROW_UINT("unwanted", stats().odd.unwanted, 1);
    CHECK_ROW_UINT("received", stats().received.packets, 3);
}

static void
test_odd(void)
{
    static const struct {
        const char *name, *hex;
        size_t counter;
    } rows[] = {
#define ODD(member) offsetof(struct rtp_stats, odd.member)
        { "version 1", "4000000000000000000000000000", ODD(malformed_rtp) },
        { "STUN", "000100002112a442000000000000000000000000", ODD(malformed_rtp) },
        { "one byte", "80", ODD(malformed_rtp) },
        { "cut", "8000", ODD(malformed_rtp) },
        { "PCMA", "8008000000000000000000000000", ODD(wrong_type) },
    };

    begin();
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GBytes) bytes = unit_hex(rows[i].hex);
        struct rtp_stats before = stats(), after;

        fake_io_deliver(fake, at(OWN ":6000"), at(PEER), unit_span(bytes));
        after = stats();
        CHECK_ROW_UINT(
            rows[i].name,
            *(uint64_t *)((char *)&after + rows[i].counter) - *(uint64_t *)((char *)&before + rows[i].counter), 1);
        CHECK_ROW_UINT(rows[i].name, after.received.packets, 0);
    }
    CHECK_ROW_UINT("each is noted", fake_io_noted(fake, &rtp_kind_dropped), G_N_ELEMENTS(rows));
    CHECK(fake_io_deliver_icmp(fake, at(OWN ":6000"), at(PEER), 3, 3));
    CHECK_ROW_UINT("ICMP", stats().odd.icmp, 1);
}

/* Sources that are not believed give way; those that are stay, and what was counted of them stays counted. */
static void
test_sources(void)
{
    begin();
    for (uint32_t ssrc = 100; ssrc < 150; ssrc++)
        hear_from(PEER, ssrc, 1);
    CHECK_ROW_UINT("strays", stats().odd.unbelieved, 50);
    for (uint32_t ssrc = 1; ssrc <= RTP_SOURCES_MOST; ssrc++)
        for (unsigned i = 0; i < 3; i++)
            hear_from(PEER, ssrc, i);
    hear_from(PEER, 9, 0);
    CHECK_ROW_UINT("one too many", stats().odd.crowded, 1);
    CHECK_ROW_UINT("sources", stats().received.sources, RTP_SOURCES_MOST);
    fake_io_advance(fake, 500 * TIME_MS);
    for (unsigned i = 3; i < 6; i++)
        hear_from(PEER, 2, i);
    fake_io_advance(fake, 600 * TIME_MS);
    for (unsigned i = 0; i < 3; i++)
        hear_from(PEER, 9, i);
    CHECK_ROW_UINT("one was silent", stats().received.sources, RTP_SOURCES_MOST + 1);
    CHECK_ROW_UINT("all are counted", stats().received.packets, 3 * RTP_SOURCES_MOST + 3 + 3);
    CHECK_ROW_UINT("nothing is lost", stats().received.lost, 0);
}

/* RFC 3550 section 8.2. */
static void
test_collision(void)
{
    uint32_t ssrc, second;

    begin();
    rtp_session_start(session);
    fake_io_advance(fake, 30 * TIME_MS);
    ssrc = rtp_session_ssrc(session);
    hear_from(PEER, ssrc, 1);
    second = rtp_session_ssrc(session);
    CHECK(second != ssrc);
    hear_from(PEER, second, 1);
    CHECK_ROW_UINT("a loop changes nothing more", rtp_session_ssrc(session), second);
    CHECK_ROW_UINT("collisions", stats().odd.collisions, 2);
    CHECK_ROW_UINT("BYE", stats().sent.reports, 1);
}

/* --- latching ---------------------------------------------------------------------------------------------------- */

#define NAT "203.0.113.1:40000"

static void
test_latch(void)
{
    static const struct {
        const char *name;
        enum rtp_latch latch;
        const char *first, *moved, *stranger; /* where media goes after each */
    } rows[] = {
        { "off", RTP_LATCH_OFF, PEER, PEER, PEER },
        { "once", RTP_LATCH_ONCE, NAT, NAT, NAT },
        { "follow", RTP_LATCH_FOLLOW, NAT, "203.0.113.1:50000", "203.0.113.1:50000" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        options.latch = rows[i].latch;
        begin();
        hear_from(NAT, 77, 1);
        CHECK_ROW(rows[i].name, endpoint_equal(rtp_session_peer(session), at(PEER))); /* not believed yet */
        hear_from(NAT, 77, 2);
        CHECK_ROW(rows[i].name, endpoint_equal(rtp_session_peer(session), at(rows[i].first)));
        hear_from("203.0.113.1:50000", 77, 3);
        CHECK_ROW(rows[i].name, endpoint_equal(rtp_session_peer(session), at(rows[i].moved)));
        for (unsigned n = 0; n < 5; n++) /* another source, and one with numbers that do not fit */
            hear_from("192.0.2.66:6666", 78, n);
        hear_from("192.0.2.66:6666", 77, 40000);
        CHECK_ROW(rows[i].name, endpoint_equal(rtp_session_peer(session), at(rows[i].stranger)));
        CHECK_ROW_INT(rows[i].name, rtp_session_peer_rtcp(session).port, at(rows[i].moved).port + 1);
        rtp_session_set_peer(session, at(PEER), (struct endpoint){ 0 });
        hear_from("192.0.2.9:9000", 77, 4);
        CHECK_ROW(rows[i].name, endpoint_equal(rtp_session_peer(session), at(i ? "192.0.2.9:9000" : PEER)));
        g_clear_pointer(&session, rtp_session_free);
    }
}

/* RTCP comes from where a NAT has mapped it, which is not the next port. */
static void
test_latch_rtcp(void)
{
    g_autoptr(GBytes) report = unit_hex("80c90001 0000004d");

    options.latch = RTP_LATCH_ONCE;
    begin();
    fake_io_deliver(fake, at(OWN ":6001"), at("203.0.113.1:1"), unit_span(report));
    CHECK_ROW_INT("not heard yet", rtp_session_peer_rtcp(session).port, 6001);
    hear_from(NAT, 77, 1);
    hear_from(NAT, 77, 2);
    CHECK_ROW_INT("the next port", rtp_session_peer_rtcp(session).port, 40001);
    fake_io_deliver(fake, at(OWN ":6001"), at("203.0.113.1:61234"), unit_span(report));
    CHECK_ROW_INT("where it comes from", rtp_session_peer_rtcp(session).port, 61234);
}

/* --- sockets ----------------------------------------------------------------------------------------------------- */

static bool was_its_own;

static void
share(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    (void)owner;
    was_its_own = rtp_session_input(session, udp, datagram);
}

static const struct io_udp_events sharing = { share, NULL };

/* RFC 7983 section 7: what is RTP's on a socket that others use too. */
static void
test_shared(void)
{
    static const struct {
        const char *name, *hex;
        bool own;
    } rows[] = {
        { "RTP", "8000000000000000000000000000", true },
        { "RTCP", "80c9000100000001", true },
        { "empty", "", true },
        { "STUN", "000100002112a442000000000000000000000000", false },
        { "DTLS", "16fefd00", false },
        { "ChannelData", "40000000", false },
        { "text", "68656c6c6f", false },
        { "above", "c0c90001", false },
    };
    enum io_result why;
    struct endpoint local = at(OWN ":6000");
    struct io_udp *socket = fake->io.ops->udp(&fake->io, &local, &sharing, NULL, &why);

    options.rtp = socket;
    options.rtcp_way = RTP_RTCP_MUX;
    begin();
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GBytes) bytes = unit_hex(rows[i].hex);

        CHECK(fake_io_deliver(fake, local, at(PEER), unit_span(bytes)));
        CHECK_ROW(rows[i].name, was_its_own == rows[i].own);
    }
    rtp_session_start(session);
    fake_io_advance(fake, 5 * TIME_S);
    CHECK_ROW_UINT("RTP and RTCP by one socket", stats().sent.packets + stats().sent.reports, fake_io_waiting(fake));
    g_clear_pointer(&session, rtp_session_free);
    socket->ops->close(socket); /* the owner's: it is still there */
}

static void
test_ports(void)
{
    enum io_result why;
    struct endpoint odd = at(OWN ":6001"), any = at(OWN ":0");
    struct io_udp *taken = fake->io.ops->udp(&fake->io, &odd, &sharing, NULL, &why);

    CHECK(rtp_session_new(&fake->io, &options, on_told, NULL, &why) == NULL && why == IO_IN_USE);
    taken->ops->close(taken);
    options.local = any;
    for (int i = 0; i < 20; i++) {
        begin();
        CHECK(rtp_session_local(session).port % 2 == 0);
        CHECK_ROW_INT("the next", rtp_session_local_rtcp(session).port, rtp_session_local(session).port + 1);
        g_clear_pointer(&session, rtp_session_free);
    }
}

static void
test_freed_when_told(void)
{
    begin();
    free_when_told = true;
    hear(1);
    hear(2);
    CHECK(session == NULL);
    options.duration = TIME_S;
    begin();
    rtp_session_start(session);
    fake_io_advance(fake, 2 * TIME_S);
    CHECK(session == NULL);
    while (fake_io_take(fake))
        continue;
}

static void
test_option_faults(void)
{
    CHECK(rtp_session_options_fault(&options) == NULL);
    options.interval = 2500 * TIME_US;
    CHECK(rtp_session_options_fault(&options) != NULL);
    options.interval = 101 * TIME_MS;
    CHECK(rtp_session_options_fault(&options) != NULL);
    options.interval = RTP_INTERVAL;
    options.local.port = 65535;
    CHECK(rtp_session_options_fault(&options) != NULL);
    options.rtcp_way = RTP_RTCP_MUX;
    CHECK(rtp_session_options_fault(&options) == NULL);
}

/* --- over links -------------------------------------------------------------------------------------------------- */

/* A minute over a link that loses, doubles, jitters and reorders: sent, lost and come twice are what the wire
 * counted. */
static void
test_impaired(void)
{
    struct lab_network *internet = make_internet();
    struct lab_link link = lab_link_default;
    struct link_options *bad = &link.down;
    struct node *a, *b;
    struct rtp_session_options from = RTP_SESSION_DEFAULTS, to = RTP_SESSION_DEFAULTS;
    struct rtp_session *sender, *receiver;
    struct rtp_stats sent, got;
    enum io_result why;

    bad->delay = 20 * TIME_MS;
    bad->jitter = 45 * TIME_MS;
    bad->loss = chance_of(0.05);
    bad->duplicate = chance_of(0.02);
    bad->reorder = CHANCE_ALWAYS;
    a = make_host(internet, "A", "198.51.100.1");
    b = lab_host(internet, "B", "198.51.100.2", &link, NULL);
    from.local.port = 6000;
    from.peer = at("198.51.100.2:7000");
    from.rtcp_way = to.rtcp_way = RTP_RTCP_NONE;
    from.duration = TIME_MIN;
    to.local.port = 7000;
    sender = rtp_session_new(node_io(a), &from, NULL, NULL, &why);
    receiver = rtp_session_new(node_io(b), &to, NULL, NULL, &why);
    rtp_session_start(sender);
    run_for(2 * TIME_MIN);
    rtp_session_stats(sender, &sent);
    rtp_session_stats(receiver, &got);
    CHECK_ROW_UINT("sent", sent.sent.packets, 3000);
    CHECK_ROW_UINT("lost", got.received.lost, 3000 - got.received.packets);
    CHECK_ROW("a twentieth", got.received.lost > 100 && got.received.lost < 200);
    CHECK_ROW("some came twice", got.received.duplicates > 30 && got.received.duplicates < 90);
    CHECK_ROW_UINT("lost on the wire", got.received.lost, test_lab->world->counts.dropped[DROP_LINK_LOSS]);
    CHECK_ROW_UINT("delivered", got.received.packets + got.received.duplicates, test_lab->world->counts.delivered);
    CHECK_ROW("some were overtaken", got.received.reordered > 300);
    /* The mean difference of two delays between 0 and 45 ms is 15 ms; the estimate wanders around it. */
    CHECK_ROW("jitter", got.received.jitter > 10 * TIME_MS && got.received.jitter < 20 * TIME_MS);
    CHECK_ROW_UINT("60 ms of buffer hold 45 ms of jitter", got.received.late, 0);
    rtp_session_free(sender);
    rtp_session_free(receiver);
}

void
suite_rtp_session(void)
{
    UNIT_SUITE("rtp session", set_up, tear_down, { "source", test_source }, { "hold", test_hold },
               { "short hold", test_short_hold }, { "failing socket", test_failing_socket },
               { "keep-alive", test_keep_alive }, { "intervals of RTCP", test_intervals },
               { "compound", test_compound }, { "SR and RR", test_sr_and_rr }, { "BYE", test_bye },
               { "reported", test_reported }, { "silence", test_silence }, { "odd", test_odd },
               { "sources", test_sources }, { "collision", test_collision }, { "latch", test_latch },
               { "latch of RTCP", test_latch_rtcp }, { "shared socket", test_shared }, { "ports", test_ports },
               { "freed when told", test_freed_when_told }, { "options", test_option_faults });
    UNIT_SUITE("rtp over links", test_lab_begin, test_lab_end, { "impaired", test_impaired });
}
