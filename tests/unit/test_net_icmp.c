#include "core/net/icmp.h"

#include "core/net/stack.h"
#include "core/net/udp.h"
#include "tests/unit/support.h"
#include "tests/unit/support_net.h"

static struct net_trio trio;

/* An echo socket that keeps what it gets. */
struct pings {
    struct echo echo;
    unsigned replies, errors;
    struct address from;
    uint16_t sequence;
    uint8_t ttl;
    char data[64];
    size_t length;
    struct io_icmp icmp;
    void (*then)(struct pings *pings);
};

static struct pings pings;

static void
keep_reply(void *owner, struct echo *echo, struct address from, uint16_t sequence, struct span data, uint8_t ttl)
{
    struct pings *own = owner;

    CHECK(echo == &own->echo);
    own->replies++;
    own->from = from;
    own->sequence = sequence;
    own->ttl = ttl;
    own->length = data.length;
    if (data.length < sizeof own->data)
        memcpy(own->data, data.bytes, data.length);
    if (own->then)
        own->then(own);
}

static void
keep_error(void *owner, struct echo *echo, const struct io_icmp *icmp, uint16_t sequence)
{
    struct pings *own = owner;

    CHECK(echo == &own->echo);
    own->errors++;
    own->icmp = *icmp;
    own->sequence = sequence;
    if (own->then)
        own->then(own);
}

static const struct echo_events events = { keep_reply, keep_error };

static void
set_up(void)
{
    net_trio_start(&trio);
    pings = (struct pings){ 0 };
    echo_open(&pings.echo, trio.a, &events, &pings);
}

static void
tear_down(void)
{
    echo_close(&pings.echo);
    net_trio_end(&trio);
}

static void
test_echo(void)
{
    packet_name name = 0;
    const struct net_seen *request;

    CHECK(echo_send(&pings.echo, net_address("198.51.100.1"), 7, span_of_text("abcdefg"), 9, &name) == IO_OK);
    CHECK_ROW_UINT("name", name, PACKET_NAME(trio.a->number, 1));
    net_run(trio.world, 40 * TIME_MS - 1);
    CHECK_ROW_UINT("not yet", pings.replies, 0);
    net_run(trio.world, 1);
    CHECK_ROW_UINT("replies", pings.replies, 1);
    CHECK(address_equal(pings.from, net_address("198.51.100.1")));
    CHECK_ROW_UINT("sequence", pings.sequence, 7);
    CHECK_ROW_UINT("TTL of the reply", pings.ttl, 63);
    CHECK_ROW_BYTES("the same data", span_of(pings.data, pings.length), span_of_text("abcdefg"));
    request = net_tap_at(&trio.tap, TRIO_A, CAPTURE_OUT, 0);
    if (CHECK(request != NULL))
        CHECK_ROW_UINT("TTL of the request", request->bytes->data[8], 9);
    for (guint i = 0; i < trio.tap.seen->len; i++)
        CHECK(net_checksums_good(net_span(g_array_index(trio.tap.seen, struct net_seen, i).bytes)));
    CHECK_ROW_UINT("the reply's cause", net_journal_last(&trio.journal, &packet_sent_kind)->cause, name);
}

/* RFC 1812 section 4.3.2.5: a reply has its request's type of service, but for the two bits that are ECN's now. */
static void
test_type_of_service(void)
{
    static const struct {
        const char *name;
        uint8_t asked, answered;
    } rows[] = { { "none", 0, 0 }, { "EF", 0xb8, 0xb8 }, { "ECT", 0x02, 0 }, { "all", 0xff, 0xfc } };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GByteArray) query = net_icmp_payload(ICMP_ECHO, 0, 0x12340001, span_of_text("x"));
        g_autoptr(GByteArray) packet = net_build(&(struct net_template){ .source = net_address("192.0.2.1"),
                                                                         .destination = net_address("198.51.100.1"),
                                                                         .protocol = PROTOCOL_ICMP,
                                                                         .tos = rows[i].asked,
                                                                         .payload = net_span(query) });
        const struct net_seen *reply;

        net_tap_clear(&trio.tap);
        net_arrive(trio.b_port, net_span(packet));
        net_trio_run(&trio);
        reply = net_tap_at(&trio.tap, TRIO_B, CAPTURE_OUT, 0);
        if (CHECK_ROW(rows[i].name, reply != NULL))
            CHECK_ROW_UINT(rows[i].name, reply->bytes->data[1], rows[i].answered);
    }
}

/* RFC 1122 section 3.2.2.6: all of the data comes back, however much; in fragments where it must. */
static void
test_large_echo(void)
{
    g_autoptr(GByteArray) data = net_pattern(65507), more = net_pattern(65508);

    CHECK(echo_send(&pings.echo, net_address("198.51.100.1"), 1, net_span(more), IO_UNSET, NULL) == IO_TOO_BIG);
    CHECK(echo_send(&pings.echo, net_address("198.51.100.1"), 1, net_span(data), IO_UNSET, NULL) == IO_OK);
    net_trio_run(&trio);
    CHECK_ROW_UINT("replies", pings.replies, 1);
    CHECK_ROW_UINT("length", pings.length, 65507);
    CHECK(echo_send(&pings.echo, net_address("198.51.100.1"), 2, (struct span){ NULL, 0 }, IO_UNSET, NULL) == IO_OK);
    net_trio_run(&trio);
    CHECK_ROW_UINT("replies", pings.replies, 2);
    CHECK_ROW_UINT("none at all", pings.length, 0);
}

/* To itself, to a router's every address, and to a host that isn't there. */
static const struct {
    const char *name, *to;
    int16_t ttl;
    enum io_result result;
    unsigned replies;
    uint8_t type, code; /* of the error, when there is no reply */
} targets[] = {
    { "itself", "192.0.2.1", IO_UNSET, IO_OK, 1, 0, 0 },
    { "router", "192.0.2.254", 1, IO_OK, 1, 0, 0 },
    { "router's far side", "198.51.100.254", 1, IO_OK, 1, 0, 0 },
    { "TTL 0 is 1", "198.51.100.1", 0, IO_OK, 0, ICMP_TIME_EXCEEDED, 0 },
    { "TTL 1", "198.51.100.1", 1, IO_OK, 0, ICMP_TIME_EXCEEDED, 0 },
    { "TTL 2", "198.51.100.1", 2, IO_OK, 1, 0, 0 },
    { "nobody", "203.0.113.1", IO_UNSET, IO_OK, 0, ICMP_UNREACHABLE, ICMP_NET_UNREACHABLE },
    { "unspecified", "0.0.0.0", IO_UNSET, IO_NO_ROUTE, 0, 0, 0 },
    { "loopback", "127.0.0.1", IO_UNSET, IO_NO_ROUTE, 0, 0, 0 },
    { "another family", "2001:db8::1", IO_UNSET, IO_NO_ROUTE, 0, 0, 0 },
};

static void
test_targets(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(targets); i++) {
        const char *row = targets[i].name;
        bool failed = targets[i].result == IO_OK && targets[i].replies == 0;

        pings.replies = pings.errors = 0;
        CHECK_ROW_TEXT(row,
                       io_result_word(echo_send(&pings.echo, net_address(targets[i].to), (uint16_t)i, span_of_text("x"),
                                                targets[i].ttl, NULL)),
                       io_result_word(targets[i].result));
        CHECK_ROW_UINT(row, pings.replies + pings.errors, 0);
        net_trio_run(&trio);
        CHECK_ROW_UINT(row, pings.replies, targets[i].replies);
        CHECK_ROW_UINT(row, pings.errors, failed);
        if (failed) {
            CHECK_ROW_UINT(row, pings.icmp.type, targets[i].type);
            CHECK_ROW_UINT(row, pings.icmp.code, targets[i].code);
            CHECK_ROW_UINT(row, pings.sequence, i);
            CHECK_ROW(row, address_equal(pings.icmp.peer.address, net_address(targets[i].to)));
            CHECK_ROW(row, address_equal(pings.icmp.local.address, net_address("192.0.2.1")));
            CHECK_ROW_UINT(row, pings.icmp.local.port, pings.echo.identifier);
        }
    }
}

static void
close_own(struct pings *own)
{
    echo_close(&own->echo);
}

static struct pings *other_of; /* what close_other closes */

static void
close_other(struct pings *own)
{
    (void)own;
    echo_close(&other_of->echo);
}

static void
test_open_and_close(void)
{
    struct pings other = { 0 };

    echo_open(&other.echo, trio.a, &events, &other);
    CHECK(other.echo.identifier != pings.echo.identifier && other.echo.identifier != 0);
    /* in its own callback */
    pings.then = close_own;
    CHECK(echo_send(&pings.echo, net_address("198.51.100.1"), 1, span_of_text("x"), IO_UNSET, NULL) == IO_OK);
    CHECK(echo_send(&pings.echo, net_address("198.51.100.1"), 2, span_of_text("x"), IO_UNSET, NULL) == IO_OK);
    CHECK(echo_send(&other.echo, net_address("198.51.100.1"), 3, span_of_text("x"), IO_UNSET, NULL) == IO_OK);
    net_trio_run(&trio);
    CHECK_ROW_UINT("nothing after close", pings.replies, 1);
    CHECK_ROW_UINT("nobody waits for it any more", node_dropped(trio.a, DROP_NO_SOCKET), 1);
    CHECK_ROW_UINT("the other one", other.replies, 1);
    echo_close(&pings.echo); /* again, to no effect */
    /* another one, in an error's callback */
    echo_open(&pings.echo, trio.a, &events, &pings);
    pings.then = close_other;
    other_of = &other;
    CHECK(echo_send(&pings.echo, net_address("203.0.113.1"), 4, span_of_text("x"), IO_UNSET, NULL) == IO_OK);
    CHECK(echo_send(&other.echo, net_address("203.0.113.1"), 5, span_of_text("x"), IO_UNSET, NULL) == IO_OK);
    net_trio_run(&trio);
    CHECK_ROW_UINT("told", pings.errors, 1);
    CHECK_ROW_UINT("closed before its own came", other.errors, 0);
}

/* --- RFC 1122 section 3.2.2: about these no error is sent ------------------------------------------------------- */

enum { PORT_7 = 1, ECHO_QUERY, ICMP_ERROR_MESSAGE, UNKNOWN_PROTOCOL, ICMP_UNKNOWN };

static const struct {
    const char *name;
    const char *source, *destination;
    int what;
    uint16_t fragment;
    bool answered;
    enum drop_reason reason;
} silent[] = {
    { "a datagram to a closed port", "192.0.2.1", "198.51.100.1", PORT_7, 0, true, DROP_PORT_UNREACHABLE },
    { "an unknown protocol", "192.0.2.1", "198.51.100.1", UNKNOWN_PROTOCOL, 0, true, DROP_PROTOCOL_UNREACHABLE },
    { "to a multicast group", "192.0.2.1", "224.0.0.1", PORT_7, 0, false, DROP_NO_SOCKET },
    { "to everybody", "192.0.2.1", "255.255.255.255", PORT_7, 0, false, DROP_NO_SOCKET },
    { "an unknown protocol to everybody", "192.0.2.1", "255.255.255.255", UNKNOWN_PROTOCOL, 0, false,
      DROP_PROTOCOL_UNREACHABLE },
    { "a ping to everybody (section 3.2.2.6: may)", "192.0.2.1", "255.255.255.255", ECHO_QUERY, 0, false,
      DROP_UNHANDLED_ICMP },
    { "an ICMP error", "192.0.2.1", "198.51.100.1", ICMP_ERROR_MESSAGE, 0, false, DROP_NO_SOCKET },
    { "an unknown ICMP type (section 3.2.2)", "192.0.2.1", "198.51.100.1", ICMP_UNKNOWN, 0, false,
      DROP_UNHANDLED_ICMP },
    { "from a multicast group", "224.0.0.1", "198.51.100.1", PORT_7, 0, false, DROP_BAD_ADDRESS },
    { "from everybody", "255.255.255.255", "198.51.100.1", PORT_7, 0, false, DROP_BAD_ADDRESS },
    { "from nobody", "0.0.0.0", "198.51.100.1", PORT_7, 0, false, DROP_BAD_ADDRESS },
};

static GByteArray *
silent_payload(int what, struct address source, struct address destination)
{
    struct endpoint from = { source, 5000 }, to = { destination, 7 };
    g_autoptr(GByteArray) inner = NULL;

    switch (what) {
    case ECHO_QUERY:
        return net_icmp_payload(ICMP_ECHO, 0, 0x12340001, span_of_text("x"));
    case ICMP_UNKNOWN:
        return net_icmp_payload(42, 0, 0, span_of_text("x"));
    case ICMP_ERROR_MESSAGE: /* about a datagram that nobody here has sent */
        inner = net_udp((struct endpoint){ destination, 9 }, (struct endpoint){ source, 9 }, span_of_text("x"));
        return net_icmp_payload(ICMP_UNREACHABLE, ICMP_PORT_UNREACHABLE, 0, net_span(inner));
    case UNKNOWN_PROTOCOL:
        return net_pattern(20);
    default:
        return net_udp_payload(from, to, span_of_text("hello"));
    }
}

static void
test_no_errors_about(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(silent); i++) {
        struct address source = net_address(silent[i].source), destination = net_address(silent[i].destination);
        g_autoptr(GByteArray) payload = silent_payload(silent[i].what, source, destination);
        uint8_t protocol = silent[i].what == PORT_7             ? PROTOCOL_UDP
                           : silent[i].what == UNKNOWN_PROTOCOL ? 99
                                                                : PROTOCOL_ICMP;
        g_autoptr(GByteArray) bytes = net_build(&(struct net_template){ .source = source,
                                                                        .destination = destination,
                                                                        .protocol = protocol,
                                                                        .flags_offset = silent[i].fragment,
                                                                        .payload = net_span(payload) });
        uint64_t sent = trio.b->counts.sent, dropped = node_dropped(trio.b, silent[i].reason);

        net_arrive(trio.b_port, net_span(bytes));
        CHECK_ROW_UINT(silent[i].name, trio.b->counts.sent - sent, silent[i].answered);
        CHECK_ROW_UINT(silent[i].name, node_dropped(trio.b, silent[i].reason) - dropped, 1);
        net_trio_run(&trio);
    }
}

/* --- errors that come ------------------------------------------------------------------------------------------- */

/* An error is believed when it quotes what this node sent, whole enough, and its checksum is right. */
static const struct {
    const char *name, *source; /* of the quoted datagram */
    uint16_t port;
    uint8_t at, value; /* a byte of the ICMP message to change, checksum mended unless it is the checksum's */
    bool heard;
    enum drop_reason reason;
} claims[] = {
    { "ours", "192.0.2.1", 5000, 1, 3, true, DROP_NONE },
    { "another host's", "198.51.100.1", 5000, 1, 3, false, DROP_NO_SOCKET },
    { "another port", "192.0.2.1", 5001, 1, 3, false, DROP_NO_SOCKET },
    { "bad checksum", "192.0.2.1", 5000, 2, 0x55, false, DROP_BAD_CHECKSUM },
    { "bad quoted header", "192.0.2.1", 5000, 8 + 10, 0x55, false, DROP_ICMP_BAD_QUOTE },
    { "of another protocol", "192.0.2.1", 5000, 8 + 9, 99, false, DROP_ICMP_BAD_QUOTE },
    { "source quench too", "192.0.2.1", 5000, 0, ICMP_SOURCE_QUENCH, true, DROP_NONE },
};

static void
test_claims(void)
{
    struct net_socket socket = { 0 };
    unsigned heard = 0;

    CHECK(net_socket_open(&socket, node_io(trio.a), "0.0.0.0:5000") == IO_OK);
    for (size_t i = 0; i < G_N_ELEMENTS(claims); i++) {
        const char *row = claims[i].name;
        struct endpoint source = { net_address(claims[i].source), claims[i].port };
        g_autoptr(GByteArray) inner = net_udp(source, net_endpoint("203.0.113.1:7"), span_of_text("hello"));
        g_autoptr(GByteArray) bytes =
            net_icmp(net_address("203.0.113.254"), net_address("192.0.2.1"), ICMP_UNREACHABLE, 3, 0, net_span(inner));
        uint16_t checksum;
        uint64_t dropped = node_dropped(trio.a, claims[i].reason);

        bytes->data[20 + claims[i].at] = claims[i].value;
        if (claims[i].at != 2) {
            checksum = net_transport_checksum(net_span(bytes));
            bytes->data[22] = (uint8_t)(checksum >> 8);
            bytes->data[23] = (uint8_t)checksum;
        }
        net_arrive(trio.a_port, net_span(bytes));
        heard += claims[i].heard;
        CHECK_ROW_UINT(row, socket.icmp->len, heard);
        if (claims[i].reason != DROP_NONE)
            CHECK_ROW_UINT(row, node_dropped(trio.a, claims[i].reason) - dropped, 1);
    }
    net_socket_end(&socket);
}

static const struct {
    uint8_t type, code;
    const char *words;
    bool error, query;
} words[] = {
    { 0, 0, "echo reply", false, true },
    { 3, 0, "net unreachable", true, false },
    { 3, 1, "host unreachable", true, false },
    { 3, 2, "protocol unreachable", true, false },
    { 3, 3, "port unreachable", true, false },
    { 3, 4, "fragmentation needed and DF set", true, false },
    { 3, 13, "administratively prohibited", true, false },
    { 3, 9, "destination unreachable", true, false },
    { 3, 255, "destination unreachable", true, false },
    { 4, 0, "source quench", true, false },
    { 5, 1, "redirect", true, false },
    { 8, 0, "echo request", false, true },
    { 11, 0, "time exceeded in transit", true, false },
    { 11, 1, "fragment reassembly time exceeded", true, false },
    { 12, 0, "parameter problem", true, false },
    { 13, 0, "timestamp request", false, true },
    { 14, 0, "timestamp reply", false, true },
    { 42, 0, "message", false, false },
};

static void
test_words(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        CHECK_ROW_TEXT(words[i].words, icmp_describe(words[i].type, words[i].code), words[i].words);
        CHECK_ROW(words[i].words, icmp_is_error(words[i].type) == words[i].error);
        CHECK_ROW(words[i].words, icmp_is_query(words[i].type) == words[i].query);
    }
}

void
suite_net_icmp(void)
{
    UNIT_SUITE("icmp", set_up, tear_down, { "echo", test_echo }, { "large echo", test_large_echo },
               { "type of service", test_type_of_service },
               { "targets", test_targets }, { "open and close", test_open_and_close },
               { "no errors about", test_no_errors_about }, { "errors that come", test_claims },
               { "words", test_words });
}
