/* Carrying SIP messages: RFC 3261 section 18, RFC 3581, the keep-alives of RFC 5626. The peer is played by hand, over
 * datagrams and over a raw stream. */
#include "tests/unit/support.h"

#include "proto/sip/carrier.h"
#include "proto/sip/connection.h"
#include "proto/sip/kinds.h"
#include "proto/stun/attributes.h"
#include "proto/stun/message.h"
#include "tests/unit/support_sip.h"

static struct sip_net net;
static struct sip_carrier *carrier;

static struct {
    unsigned messages, failed, lapsed;
    enum io_result why;
    struct sip_flow flow;
    char method[16];
    size_t body;
    struct endpoint mapped;
    bool free_carrier, answer;
} seen;

struct raw {
    struct io_tcp *tcp;
    GString *got;
    bool ended, failed, connected;
};
static struct raw raw;

#define REPLY "SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"

static void
on_message(void *owner, const struct sip_arrival *arrival)
{
    (void)owner;
    seen.messages++;
    seen.flow = arrival->flow;
    seen.body = arrival->message->body.length;
    g_strlcpy(seen.method, sip_method_word(arrival->message->method_id), sizeof seen.method);
    if (seen.answer) {
        struct sip_flow flow = arrival->flow;

        CHECK(sip_carrier_send(carrier, &flow, span_of_text(REPLY)) == IO_OK);
    }
    if (seen.free_carrier) {
        sip_carrier_free(carrier);
        carrier = NULL;
    }
}

static void
on_failed(void *owner, const struct sip_flow *flow, enum io_result why)
{
    (void)owner;
    seen.failed++;
    seen.why = why;
    seen.flow = *flow;
}

static void
on_lapsed(void *owner, const struct sip_flow *flow, const struct endpoint *mapped)
{
    (void)owner;
    seen.lapsed++;
    seen.flow = *flow;
    seen.mapped = mapped ? *mapped : (struct endpoint){ ADDRESS_NONE, 0 };
    if (seen.free_carrier) {
        sip_carrier_free(carrier);
        carrier = NULL;
    }
}

static const struct sip_carrier_events events = { on_message, on_failed, on_lapsed };

static void
carrier_open(const struct sip_carrier_options *options)
{
    enum io_result why;

    sip_carrier_free(carrier);
    carrier = sip_carrier_new(&net.hosts[0]->io, options, &events, NULL, &why);
    CHECK(carrier != NULL);
}

static void
set_up(void)
{
    struct sip_carrier_options options = SIP_CARRIER_DEFAULTS;

    sip_net_open(&net, 2, 1);
    memset(&seen, 0, sizeof seen);
    raw = (struct raw){ .got = g_string_new(NULL) };
    carrier = NULL;
    carrier_open(&options);
}

static void
tear_down(void)
{
    if (raw.tcp)
        raw.tcp->ops->close(raw.tcp, false);
    g_string_free(raw.got, TRUE);
    sip_carrier_free(carrier);
    CHECK(sip_net_close(&net));
}

/* ---- the raw stream */

static void
on_raw(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    char bytes[512];
    enum io_result why = IO_OK;
    ssize_t got;

    (void)owner, (void)result;
    raw.connected |= ready == IO_CONNECTED;
    raw.failed |= ready == IO_FAILED;
    if (ready != IO_READABLE)
        return;
    while ((got = tcp->ops->read(tcp, bytes, sizeof bytes, &why)) > 0)
        g_string_append_len(raw.got, bytes, got);
    raw.ended |= got == 0;
}

static void
raw_connect(void)
{
    struct endpoint any = { ADDRESS_NONE, 0 }, to = sip_net_at(&net, 0, SIP_PORT);
    enum io_result why;

    raw = (struct raw){ .got = raw.got };
    g_string_set_size(raw.got, 0);
    raw.tcp = net.hosts[1]->io.ops->connect(&net.hosts[1]->io, &any, &to, false, on_raw, NULL, &why);
    sip_net_pass(&net, 0);
    CHECK(raw.connected);
}

static void
raw_send(const char *text)
{
    enum io_result why;

    CHECK(raw.tcp->ops->write(raw.tcp, text, strlen(text), &why) == (ssize_t)strlen(text));
    sip_net_pass(&net, 0);
}

static void
raw_close(void)
{
    raw.tcp->ops->close(raw.tcp, false);
    raw.tcp = NULL;
    sip_net_pass(&net, 0);
}

/* ---- datagrams */

#define TAIL "From: <sip:a@b>;tag=1\r\nTo: <sip:b@c>\r\nCall-ID: x\r\n"
#define VIA "Via: SIP/2.0/UDP 192.0.2.2:5070;branch=z9hG4bK1;rport\r\n"

static void
deliver(const char *text)
{
    fake_io_deliver(net.hosts[0], sip_net_at(&net, 0, SIP_PORT), sip_net_at(&net, 1, 5070), span_of_text(text));
    sip_net_pass(&net, 0);
}

static void
test_datagrams(void)
{
    static const struct {
        const char *name, *text, *answer; /* NULL: no answer */
        unsigned messages;
        enum sip_fault fault;
    } rows[] = {
        { "a request", "OPTIONS sip:b@c SIP/2.0\r\n" VIA TAIL "CSeq: 1 OPTIONS\r\n\r\n", NULL, 1, SIP_FAULT_NONE },
        { "a response", "SIP/2.0 200 OK\r\n" VIA TAIL "CSeq: 1 OPTIONS\r\n\r\n", NULL, 1, SIP_FAULT_NONE },
        { "line ends", "\r\n\r\n", NULL, 0, SIP_FAULT_NONE },
        { "an unreadable CSeq", "OPTIONS sip:b@c SIP/2.0\r\n" VIA TAIL "CSeq: one OPTIONS\r\n\r\n", "SIP/2.0 400", 0,
          SIP_FAULT_CSEQ },
        { "longer than it is", "OPTIONS sip:b@c SIP/2.0\r\n" VIA TAIL "CSeq: 1 OPTIONS\r\nContent-Length: 9\r\n\r\n",
          "SIP/2.0 400", 0, SIP_FAULT_CUT },
        { "a response longer than it is", "SIP/2.0 200 OK\r\n" VIA TAIL "CSeq: 1 OPTIONS\r\nContent-Length: 9\r\n\r\n",
          NULL, 0, SIP_FAULT_CUT },
        { "an ACK longer than it is", "ACK sip:b@c SIP/2.0\r\n" VIA TAIL "CSeq: 1 ACK\r\nContent-Length: 9\r\n\r\n",
          NULL, 0, SIP_FAULT_CUT },
        { "nobody to answer", "OPTIONS sip:b@c SIP/2.0\r\n" TAIL "CSeq: 1 OPTIONS\r\n\r\n", NULL, 0,
          SIP_FAULT_MISSING },
        { "no SIP", "GET / HTTP/1.1\r\n\r\n", NULL, 0, SIP_FAULT_COUNT },
        { "SIP of the future", "OPTIONS sip:b@c SIP/3.0\r\n" VIA TAIL "CSeq: 1 OPTIONS\r\n\r\n", "SIP/2.0 505", 0,
          SIP_FAULT_VERSION },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const struct sip_carrier_counters *counters;
        unsigned answers;

        tear_down();
        set_up();
        deliver(rows[i].text);
        counters = sip_carrier_counters(carrier);
        answers = net.lines->len;
        CHECK_ROW_INT(rows[i].name, seen.messages, rows[i].messages);
        CHECK_ROW_INT(rows[i].name, answers, rows[i].answer != NULL);
        if (rows[i].answer)
            CHECK_ROW_INT(rows[i].name, sip_net_count(&net, 0, rows[i].answer), 1);
        if (rows[i].fault == SIP_FAULT_NONE) {
            CHECK_ROW_INT(rows[i].name, counters->malformed, 0);
            continue;
        }
        CHECK_ROW_INT(rows[i].name, counters->malformed, 1);
        CHECK_ROW_INT(rows[i].name, counters->refused, answers);
        if (rows[i].fault != SIP_FAULT_COUNT)
            CHECK_ROW_INT(rows[i].name, counters->faults[rows[i].fault], 1);
        CHECK_ROW_INT(rows[i].name, fake_io_noted(net.hosts[0], &sip_kind_dropped), 1 - answers);
        CHECK_ROW_INT(rows[i].name, fake_io_noted(net.hosts[0], &sip_kind_refused), answers);
    }
}

/* Where answers go (section 18.2.2, RFC 3581 section 4). The request comes from 192.0.2.2:5070 to 192.0.2.1:5060. */
static void
test_reply_flows(void)
{
    static const struct {
        const char *name, *via;
        enum sip_transport protocol;
        const char *peer, *second;
    } rows[] = {
        { "rport", "SIP/2.0/UDP 10.0.0.2:5080;rport;branch=1", SIP_UDP, "192.0.2.2:5070", "192.0.2.2:5070" },
        { "the sent-by port", "SIP/2.0/UDP 10.0.0.2:5080;branch=1", SIP_UDP, "192.0.2.2:5080", "192.0.2.2:5080" },
        { "5060", "SIP/2.0/UDP phone.example;branch=1", SIP_UDP, "192.0.2.2:5060", "192.0.2.2:5060" },
        { "maddr", "SIP/2.0/UDP 10.0.0.2:5080;maddr=224.0.1.75;branch=1", SIP_UDP, "224.0.1.75:5080",
          "224.0.1.75:5080" },
        { "a connection", "SIP/2.0/TCP 10.0.0.2:5080;branch=1", SIP_TCP, "192.0.2.2:5070", "192.0.2.2:5080" },
        { "a connection, rport", "SIP/2.0/TCP 10.0.0.2;rport;branch=1", SIP_TCP, "192.0.2.2:5070", "192.0.2.2:5060" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct sip_flow came = { rows[i].protocol, sip_net_at(&net, 0, SIP_PORT), sip_net_at(&net, 1, 5070),
                                 rows[i].protocol == SIP_TCP ? 7 : 0 };
        struct sip_flow first, second;
        char text[ENDPOINT_TEXT];
        struct sip_via via;

        CHECK_ROW(rows[i].name, sip_via_decode(span_of_text(rows[i].via), &via));
        sip_flow_of_reply(&via, &came, &first, &second);
        CHECK_ROW_TEXT(rows[i].name, endpoint_format(first.peer, text), rows[i].peer);
        CHECK_ROW_TEXT(rows[i].name, endpoint_format(second.peer, text), rows[i].second);
        CHECK_ROW_INT(rows[i].name, first.connection, came.connection);
        CHECK_ROW_INT(rows[i].name, second.connection, 0);
        CHECK_ROW(rows[i].name, endpoint_equal(first.local, came.local));
    }
}

static bool
resolve(void *owner, struct span host, struct address *address)
{
    (void)owner;
    return span_equal(host, span_of_text("known.example")) && address_parse("198.51.100.7", address);
}

static void
test_uri_flows(void)
{
    static const struct {
        const char *uri, *peer; /* NULL: nowhere */
        enum sip_transport protocol;
    } rows[] = {
        { "sip:b@198.51.100.1", "198.51.100.1:5060", SIP_UDP },
        { "sip:b@198.51.100.1:5070;transport=tcp", "198.51.100.1:5070", SIP_TCP },
        { "sip:[2001:db8::1]", "[2001:db8::1]:5060", SIP_UDP },
        { "sip:b@known.example", "198.51.100.7:5060", SIP_UDP },
        { "sip:b@unknown.example", NULL, SIP_UDP },
        { "sip:b@unknown.example;maddr=198.51.100.2", "198.51.100.2:5060", SIP_UDP },
        { "sips:b@198.51.100.1", NULL, SIP_UDP },
        { "sip:b@198.51.100.1;transport=tls", NULL, SIP_UDP },
        { "tel:+1", NULL, SIP_UDP },
    };
    struct sip_names names = { resolve, NULL };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        char text[ENDPOINT_TEXT];
        struct sip_flow flow;
        struct sip_uri uri;
        bool found = sip_uri_decode(span_of_text(rows[i].uri), &uri) && sip_flow_of_uri(&uri, &names, &flow);

        CHECK_ROW_INT(rows[i].uri, found, rows[i].peer != NULL);
        if (found && rows[i].peer) {
            CHECK_ROW_TEXT(rows[i].uri, endpoint_format(flow.peer, text), rows[i].peer);
            CHECK_ROW_INT(rows[i].uri, flow.protocol, rows[i].protocol);
        }
    }
}

static void
test_via_flows(void)
{
    static const struct {
        const char *via, *peer;
    } rows[] = {
        { "SIP/2.0/UDP 198.51.100.1;branch=1", "198.51.100.1:5060" },
        { "SIP/2.0/UDP 10.0.0.1:5070;received=198.51.100.1;branch=1", "198.51.100.1:5070" },
        { "SIP/2.0/UDP 10.0.0.1:5070;rport=6000;received=198.51.100.1;branch=1", "198.51.100.1:6000" },
        { "SIP/2.0/UDP host.example;branch=1", NULL },
        { "SIP/2.0/TLS 198.51.100.1;branch=1", NULL },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        char text[ENDPOINT_TEXT];
        struct sip_flow flow;
        struct sip_via via;
        bool found;

        CHECK_ROW(rows[i].via, sip_via_decode(span_of_text(rows[i].via), &via));
        found = sip_flow_of_via(&via, &flow);
        CHECK_ROW_INT(rows[i].via, found, rows[i].peer != NULL);
        if (found && rows[i].peer)
            CHECK_ROW_TEXT(rows[i].via, endpoint_format(flow.peer, text), rows[i].peer);
    }
}

/* ---- STUN on the same socket */

static GBytes *
binding_message(enum stun_class class, struct span like, const char *mapped)
{
    uint8_t buffer[128];
    struct stun_builder builder;
    struct stun_header header = { .class = class, .method = STUN_BINDING, .cookie = STUN_COOKIE };
    struct stun_message request;
    struct endpoint at;
    struct span message;

    if (like.length > 0 && stun_message_decode(like, &request) == STUN_FAULT_NONE)
        header = stun_header_respond(&request.header, class);
    stun_builder_begin(&builder, buffer, sizeof buffer, &header);
    if (mapped && endpoint_parse(mapped, &at))
        stun_put_endpoint(&builder, STUN_XOR_MAPPED_ADDRESS, at);
    message = stun_builder_finish(&builder);
    return g_bytes_new(message.bytes, message.length);
}

static void
test_stun_server(void)
{
    g_autoptr(GBytes) request = binding_message(STUN_REQUEST, span_of(NULL, 0), NULL);
    struct sip_carrier_options options = SIP_CARRIER_DEFAULTS;

    fake_io_deliver(net.hosts[0], sip_net_at(&net, 0, SIP_PORT), sip_net_at(&net, 1, 5070), unit_span(request));
    CHECK_ROW_INT("answered", fake_io_waiting(net.hosts[0]), 1);
    CHECK_ROW_INT("answered", sip_carrier_counters(carrier)->bindings, 1);
    sip_net_pass(&net, 0);
    options.answer_binding = false;
    carrier_open(&options);
    fake_io_deliver(net.hosts[0], sip_net_at(&net, 0, SIP_PORT), sip_net_at(&net, 1, 5070), unit_span(request));
    CHECK_ROW_INT("not a server", fake_io_waiting(net.hosts[0]), 0);
    CHECK_ROW_INT("not a server", fake_io_noted(net.hosts[0], &sip_kind_dropped), 1);
}

/* The peer sees the host at `mapped`, and says so. */
static void
answer_keep(const char *mapped)
{
    const struct fake_datagram *asked = fake_io_take(net.hosts[0]);
    GBytes *answer;

    if (!CHECK(asked != NULL))
        return;
    answer = binding_message(STUN_SUCCESS, asked->data, mapped);
    fake_io_deliver(net.hosts[0], asked->local, asked->peer, unit_span(answer));
    g_bytes_unref(answer);
}

static void
test_keep_datagrams(void)
{
    struct sip_flow flow = { .protocol = SIP_UDP, .peer = sip_net_at(&net, 1, SIP_PORT) };

    CHECK(sip_carrier_keep(carrier, &flow, SIP_KEEP_DATAGRAM));
    answer_keep("203.0.113.1:40000");
    for (int i = 0; i < 5; i++) {
        int64_t wait = fake_io_next(net.hosts[0]) - net.hosts[0]->now;

        CHECK_ROW("80 to 100 %", wait >= SIP_KEEP_DATAGRAM / 5 * 4 && wait <= SIP_KEEP_DATAGRAM);
        CHECK_ROW("idle", !fake_io_busy(net.hosts[0]));
        fake_io_advance(net.hosts[0], wait);
        CHECK_ROW_INT("asked", fake_io_waiting(net.hosts[0]), 1);
        answer_keep("203.0.113.1:40000");
    }
    CHECK_ROW_INT("alive", seen.lapsed, 0);
    fake_io_advance(net.hosts[0], fake_io_next(net.hosts[0]) - net.hosts[0]->now);
    answer_keep("203.0.113.1:40001");
    CHECK_ROW_INT("another mapping", seen.lapsed, 1);
    CHECK_ROW_INT("another mapping", seen.mapped.port, 40001);
    CHECK_ROW_INT("told", fake_io_noted(net.hosts[0], &sip_kind_flow_lapsed), 1);
    fake_io_advance(net.hosts[0], TIME_MIN);
    CHECK_ROW_INT("and no more", fake_io_waiting(net.hosts[0]), 0);

    CHECK(sip_carrier_keep(carrier, &flow, SIP_KEEP_DATAGRAM));
    seen.free_carrier = true;
    fake_io_advance(net.hosts[0], TIME_MIN);
    CHECK_ROW_INT("no answer", seen.lapsed, 2);
    CHECK_ROW("freed when told", carrier == NULL);
}

/* ---- a socket that is somebody else's */

static void
test_shared(void)
{
    static const struct io_udp_events silent = { .datagram = NULL };
    struct sip_carrier_options options = SIP_CARRIER_DEFAULTS;
    struct endpoint at = { ADDRESS_NONE, 7000 };
    struct io_datagram datagram;
    enum io_result why;
    struct io_udp *udp = net.hosts[0]->io.ops->udp(&net.hosts[0]->io, &at, &silent, NULL, &why);
    static const struct {
        const char *name, *text;
        size_t length;
        bool own;
    } rows[] = {
        { "SIP", "OPTIONS sip:b@c SIP/2.0\r\n" VIA TAIL "CSeq: 1 OPTIONS\r\n\r\n", 0, true },
        { "line ends", "\r\n", 0, true },
        { "RTP", "\x80\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a", 12, false },
        { "STUN that asks nothing of us", "\x01\x01\x00\x00\x21\x12\xa4\x42 0123456789ab", 20, false },
        { "nothing", "", 0, false },
    };

    options.shared = udp;
    options.tcp = false;
    options.answer_binding = false;
    carrier_open(&options);
    CHECK_ROW_INT("its port", sip_carrier_local(carrier).port, 7000);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        datagram = IO_DATAGRAM_TO(sip_net_at(&net, 1, 5070),
                                  span_of(rows[i].text, rows[i].length ? rows[i].length : strlen(rows[i].text)));
        datagram.local = sip_net_at(&net, 0, 7000);
        CHECK_ROW_INT(rows[i].name, sip_carrier_datagram(carrier, &datagram), rows[i].own);
    }
    CHECK_ROW_INT("SIP", seen.messages, 1);
    sip_carrier_free(carrier);
    carrier = NULL;
    udp->ops->close(udp);
}

/* ---- streams */

#define REQUEST(length) "OPTIONS sip:b@c SIP/2.0\r\n" VIA TAIL "CSeq: 1 OPTIONS\r\nContent-Length: " length "\r\n\r\n"

static void
test_stream(void)
{
    static const struct {
        const char *name, *text;
        unsigned messages;
        const char *got; /* what comes back */
        bool ends;
    } rows[] = {
        { "one", REQUEST("0"), 1, "", false },
        { "two at once", REQUEST("3") "abc" REQUEST("0"), 2, "", false },
        { "a ping", "\r\n\r\n", 0, "\r\n", false },
        { "pings between messages", REQUEST("0") "\r\n\r\n" REQUEST("0"), 2, "\r\n", false },
        { "no length", "OPTIONS sip:b@c SIP/2.0\r\n" VIA TAIL "CSeq: 1 OPTIONS\r\n\r\n", 0, NULL, true },
        { "no SIP", "hello\r\n\r\n", 0, "", true },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (size_t piece = 1; piece <= 65536; piece = piece == 1 ? 7 : piece == 7 ? 65536 : 65537) {
            tear_down();
            set_up();
            net.hosts[1]->piece = piece;
            raw_connect();
            raw_send(rows[i].text);
            CHECK_ROW_INT(rows[i].name, seen.messages, rows[i].messages);
            if (rows[i].got)
                CHECK_ROW_TEXT(rows[i].name, raw.got->str, rows[i].got);
            CHECK_ROW_INT(rows[i].name, raw.ended || raw.failed, rows[i].ends);
            CHECK_ROW_INT(rows[i].name, sip_carrier_counters(carrier)->broken, rows[i].ends);
            CHECK_ROW_INT(rows[i].name, sip_carrier_connections(carrier), !rows[i].ends);
        }
    }
}

/* What is sent to a peer takes the connection that there is; each connection has a number of its own. */
static void
test_reuse(void)
{
    struct sip_flow flow;

    raw_connect();
    raw_send(REQUEST("0"));
    flow = (struct sip_flow){ .protocol = SIP_TCP, .peer = seen.flow.peer };
    CHECK(sip_carrier_send(carrier, &flow, span_of_text(REPLY)) == IO_OK);
    sip_net_pass(&net, 0);
    CHECK_ROW_TEXT("back", raw.got->str, REPLY);
    CHECK_ROW_INT("the same", flow.connection, seen.flow.connection);
    CHECK_ROW_INT("none made", sip_carrier_counters(carrier)->connected, 0);
    raw_close();
    CHECK_ROW_INT("it ended", seen.failed, 1);
    CHECK_ROW_INT("it ended", seen.why, IO_CLOSED);
    CHECK_ROW("it ended", !sip_carrier_has(carrier, &flow));
    CHECK_ROW("and is not made again", sip_carrier_send(carrier, &flow, span_of_text(REPLY)) == IO_CLOSED);
}

/* A connection from an address that the host has no more. */
static void
test_moved(void)
{
    struct address before = net.hosts[0]->address;

    raw_connect();
    raw_send(REQUEST("0"));
    fake_io_changed(net.hosts[0]);
    CHECK_ROW_INT("the address is still there", sip_carrier_connections(carrier), 1);
    CHECK(address_parse("192.0.2.200", &net.hosts[0]->address));
    fake_io_changed(net.hosts[0]);
    CHECK_ROW_INT("and is gone", sip_carrier_connections(carrier), 0);
    CHECK_ROW_INT("told", seen.failed, 1);
    CHECK_ROW_INT("told", seen.why, IO_NO_ADDRESS);
    net.hosts[0]->address = before;
}

static void
test_connect(void)
{
    struct sip_flow flow = { .protocol = SIP_TCP, .peer = sip_net_at(&net, 1, 9) };

    CHECK(sip_carrier_send(carrier, &flow, span_of_text(REPLY)) == IO_OK);
    CHECK(flow.connection != 0);
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_INT("nobody listens", seen.failed, 1);
    CHECK_ROW_INT("nobody listens", seen.why, IO_REFUSED);
    flow = (struct sip_flow){ .protocol = SIP_TCP, .peer = { sip_net_at(&net, 1, 0).address, 9 } };
    CHECK(address_parse("198.51.100.9", &flow.peer.address));
    CHECK(sip_carrier_send(carrier, &flow, span_of_text(REPLY)) == IO_OK);
    CHECK_ROW("busy", fake_io_busy(net.hosts[0]));
    sip_net_pass(&net, 10 * TIME_S - 1);
    CHECK_ROW_INT("nobody answers", seen.failed, 1);
    sip_net_pass(&net, 1);
    CHECK_ROW_INT("nobody answers", seen.failed, 2);
    CHECK_ROW_INT("nobody answers", seen.why, IO_TIMEOUT);
}

/* RFC 5626 section 4.4.1: a ping, and 10 s for the pong. */
static void
test_keep_stream(void)
{
    raw_connect();
    raw_send(REQUEST("0"));
    CHECK(sip_carrier_keep(carrier, &seen.flow, 100 * TIME_S));
    sip_net_pass(&net, 80 * TIME_S - 1);
    CHECK_ROW_TEXT("not before 80 %", raw.got->str, "");
    sip_net_pass(&net, 20 * TIME_S + 1);
    CHECK_ROW_TEXT("at 100 %", raw.got->str, "\r\n\r\n");
    raw_send("\r\n");
    sip_net_pass(&net, 12 * TIME_S);
    CHECK_ROW_INT("alive", seen.lapsed + seen.failed, 0);
    sip_net_pass(&net, 100 * TIME_S);
    CHECK_ROW_INT("no pong", seen.lapsed, 1);
    CHECK_ROW_INT("no pong", seen.failed, 1);
    CHECK_ROW_INT("pongs", sip_carrier_counters(carrier)->pongs, 1);
}

static void
test_silence(void)
{
    struct sip_carrier_options options = SIP_CARRIER_DEFAULTS;

    options.idle_timeout = TIME_MIN;
    options.message_timeout = 5 * TIME_S;
    carrier_open(&options);
    raw_connect();
    sip_net_pass(&net, TIME_MIN - 1);
    CHECK_ROW_INT("still there", sip_carrier_connections(carrier), 1);
    sip_net_pass(&net, 1);
    CHECK_ROW_INT("silent", sip_carrier_connections(carrier), 0);
    raw_close();
    raw_connect();
    raw_send("OPTIONS sip:b@c SIP/2.0\r\n");
    for (int i = 0; i < 4; i++) {
        sip_net_pass(&net, TIME_S);
        raw_send("X: y\r\n");
    }
    CHECK_ROW_INT("drop by drop", sip_carrier_connections(carrier), 1);
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_INT("drop by drop", sip_carrier_connections(carrier), 0);
    CHECK_ROW_INT("silent", sip_carrier_counters(carrier)->silent, 2);
}

static void
test_limits(void)
{
    struct sip_carrier_options options = SIP_CARRIER_DEFAULTS;
    struct io_tcp *first;
    g_autofree char *big = g_strnfill(3000, 'x');
    struct sip_flow flow;

    options.connections = 1;
    options.message_most = 2000;
    options.backlog_most = 1000;
    carrier_open(&options);
    raw_connect();
    first = raw.tcp;
    raw_connect();
    CHECK_ROW_INT("turned away", sip_carrier_counters(carrier)->turned_away, 1);
    CHECK_ROW("turned away", raw.failed || raw.ended);
    raw_close();
    sip_net_pass(&net, 11 * TIME_S);
    raw_connect();
    CHECK_ROW_INT("instead of the silent one", sip_carrier_counters(carrier)->accepted, 2);
    CHECK_ROW_INT("instead of the silent one", sip_carrier_connections(carrier), 1);
    first->ops->close(first, false);
    raw_send(REQUEST("0"));
    flow = seen.flow;
    net.hosts[0]->window = 10;
    CHECK_ROW_INT("no room", sip_carrier_send(carrier, &flow, span_of(big, 1500)), IO_FULL);
    CHECK_ROW_INT("too big", sip_carrier_send(carrier, &flow, span_of(big, 3000)), IO_TOO_BIG);
    raw_send("OPTIONS sip:b@c SIP/2.0\r\nX: ");
    big[2500] = '\0';
    raw_send(big);
    CHECK_ROW_INT("a header without end", sip_carrier_counters(carrier)->broken, 1);
}

static void
test_freed_when_told(void)
{
    seen.free_carrier = true;
    raw_connect();
    raw_send(REQUEST("0") REQUEST("0"));
    CHECK_ROW("over a stream", carrier == NULL && seen.messages == 1);
}

void
suite_sip_carrier(void)
{
    UNIT_SUITE("sip carrier", set_up, tear_down, { "datagrams", test_datagrams },
               { "where replies go", test_reply_flows }, { "where requests go", test_uri_flows },
               { "where stray responses go", test_via_flows }, { "STUN server", test_stun_server },
               { "keep-alive over UDP", test_keep_datagrams }, { "a shared socket", test_shared },
               { "stream", test_stream }, { "reuse", test_reuse }, { "moved", test_moved }, { "connect", test_connect },
               { "keep-alive over TCP", test_keep_stream }, { "silence", test_silence }, { "limits", test_limits },
               { "freed when told", test_freed_when_told });
}
