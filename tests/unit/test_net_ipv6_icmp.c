/* ICMPv6 (RFC 4443) of hosts and routers, what they do with extension headers (RFC 8200 section 4), and path MTU (RFC
 * 8201). */
#include "core/net/link.h"
#include "core/net/paths.h"
#include "core/net/segment.h"
#include "core/net/stack.h"
#include "tests/unit/support.h"
#include "tests/unit/support_net_ipv6.h"

#define A "2001:db8:a::1"
#define B "2001:db8:b::1"

static struct net_trio trio;
static struct net_socket s[2];

static void
set_up(void)
{
    memset(s, 0, sizeof s);
    net_trio_start(&trio);
    net6_trio_add(&trio);
}

static void
tear_down(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(s); i++)
        if (s[i].got)
            net_socket_end(&s[i]);
    net_trio_end(&trio);
}

/* --- what gets which error --------------------------------------------------------------------------------------- */

#define NO_ERROR 255

/* A packet from A's network, made by hand, and the error that A hears. */
static const struct {
    const char *name, *destination;
    uint8_t next;
    const char *headers;
    uint8_t hop_limit;
    enum drop_reason reason; /* DROP_NONE: it is delivered */
    const char *from;
    uint8_t type, code;
    uint32_t word;
} errors[] = {
    { "a socket", B, 17, NULL, 64, DROP_NONE, NULL, NO_ERROR, 0, 0 },
    /* RFC 4443 section 3.1 */
    { "no port", "2001:db8:b::2", 17, NULL, 64, DROP_PORT_UNREACHABLE, "2001:db8:b::2", 1, 4, 0 },
    { "no route", "2001:db8:c::1", 17, NULL, 64, DROP_NO_ROUTE, "2001:db8:a::fe", 1, 0, 0 },
    { "to a group", "ff02::1", 17, NULL, 64, DROP_NO_SOCKET, NULL, NO_ERROR, 0, 0 },
    /* section 3.3 */
    { "hop limit 1", B, 17, NULL, 1, DROP_TTL_EXCEEDED, "2001:db8:a::fe", 3, 0, 0 },
    { "hop limit 2", B, 17, NULL, 2, DROP_NONE, NULL, NO_ERROR, 0, 0 },
    /* section 3.4: next headers, with a pointer to who named them */
    { "unknown next header", B, 253, NULL, 64, DROP_PROTOCOL_UNREACHABLE, B, 4, 1, 6 },
    { "unknown next header behind another", B, 60, "fd00 0104 00000000", 64, DROP_PROTOCOL_UNREACHABLE, B, 4, 1, 40 },
    { "IPv4's ICMP", B, 1, NULL, 64, DROP_PROTOCOL_UNREACHABLE, B, 4, 1, 6 },
    { "hop-by-hop out of place", B, 60, "0000 0104 00000000 1100 0104 00000000", 64, DROP_PROTOCOL_UNREACHABLE, B, 4,
      1, 40 },
    { "no next header: RFC 8200 section 4.7", B, 59, NULL, 64, DROP_NO_NEXT_HEADER, NULL, NO_ERROR, 0, 0 },
    { "no next header behind options", B, 60, "3b00 0104 00000000", 64, DROP_NO_NEXT_HEADER, NULL, NO_ERROR, 0, 0 },
    /* RFC 8200 section 4.2: the two high bits of an option that isn't known */
    { "padding", B, 60, "1100 0000 00 0101 00", 64, DROP_NONE, NULL, NO_ERROR, 0, 0 },
    { "00: skip", B, 60, "1100 1e04 00000000", 64, DROP_NONE, NULL, NO_ERROR, 0, 0 },
    { "01: discard", B, 60, "1100 5e04 00000000", 64, DROP_UNKNOWN_OPTION, NULL, NO_ERROR, 0, 0 },
    { "10: tell", B, 60, "1100 9e04 00000000", 64, DROP_UNKNOWN_OPTION, B, 4, 2, 42 },
    { "11: tell who sent to one", B, 60, "1100 de04 00000000", 64, DROP_UNKNOWN_OPTION, B, 4, 2, 42 },
    { "hop-by-hop, 10, behind padding", B, 0, "1100 0101 00 9e01 00", 64, DROP_UNKNOWN_OPTION, B, 4, 2, 45 },
    { "hop-by-hop, 00", B, 0, "1100 1e04 00000000", 64, DROP_NONE, NULL, NO_ERROR, 0, 0 },
    { "second header", B, 60, "3c00 0104 00000000 1100 9e04 00000000", 64, DROP_UNKNOWN_OPTION, B, 4, 2, 50 },
    { "10, to a group", "ff02::1", 60, "1100 9e04 00000000", 64, DROP_UNKNOWN_OPTION, "2001:db8:a::fe", 4, 2, 42 },
    { "11, to a group", "ff02::1", 60, "1100 de04 00000000", 64, DROP_UNKNOWN_OPTION, NULL, NO_ERROR, 0, 0 },
    { "longer than its header", B, 60, "1100 0105 00000000", 64, DROP_BAD_OPTION, NULL, NO_ERROR, 0, 0 },
    { "type without length", B, 60, "1100 0103 000000 1e", 64, DROP_BAD_OPTION, NULL, NO_ERROR, 0, 0 },
    /* section 4.4, RFC 5095 section 3 */
    { "route of type 0 at its end", B, 43, "1100 0000 00000000", 64, DROP_NONE, NULL, NO_ERROR, 0, 0 },
    { "route of type 0", B, 43, "1102 0001 00000000 20010db8000b00000000000000000002", 64, DROP_SOURCE_ROUTE, B, 4, 0,
      42 },
    { "route of a type unknown", B, 43, "1100 fd02 00000000", 64, DROP_SOURCE_ROUTE, B, 4, 0, 42 },
    { "route of a type unknown at its end", B, 43, "1100 fd00 00000000", 64, DROP_NONE, NULL, NO_ERROR, 0, 0 },
    { "an atomic fragment", B, 44, "1100 0000 00000001", 64, DROP_NONE, NULL, NO_ERROR, 0, 0 },
    { "chain cut short", B, 60, "11ff 0104 00000000", 64, DROP_BAD_EXTENSION, NULL, NO_ERROR, 0, 0 },
};

static GByteArray *
by_hand(size_t i)
{
    struct endpoint source = { net_address(A), 5000 }, destination = { net_address(errors[i].destination), 7 };
    g_autoptr(GByteArray) payload = net6_udp_payload(source, destination, span_of_text("hello"));

    return net6_build(&(struct net6_template){ .source = source.address,
                                               .destination = destination.address,
                                               .next = errors[i].next,
                                               .hop_limit = errors[i].hop_limit,
                                               .headers = errors[i].headers,
                                               .payload = net_span(payload) });
}

static void
check_error(size_t i, const GByteArray *bytes)
{
    struct net6_error error;

    if (!net6_seen_error(errors[i].name, &trio, TRIO_A, 0, &error))
        return;
    CHECK_ROW(errors[i].name, address_equal(error.from, net_address(errors[i].from)));
    CHECK_ROW(errors[i].name, address_equal(error.to, net_address(A)));
    CHECK_ROW_UINT(errors[i].name, error.type, errors[i].type);
    CHECK_ROW_UINT(errors[i].name, error.code, errors[i].code);
    CHECK_ROW_UINT(errors[i].name, error.word, errors[i].word);
    CHECK_ROW_UINT(errors[i].name, error.quote.length, bytes->len);
}

static void
test_errors(void)
{
    CHECK(net_socket_open(&s[0], node_io(trio.b), "[" B "]:7") == IO_OK);
    CHECK(node_add_address(trio.b, trio.b_port, net_address("2001:db8:b::2"), 1, 64));
    for (size_t i = 0; i < G_N_ELEMENTS(errors); i++) {
        g_autoptr(GByteArray) bytes = by_hand(i);
        const char *row = errors[i].name;
        uint64_t dropped = trio.world->counts.dropped[errors[i].reason];
        guint got = s[0].got->len;

        net_tap_clear(&trio.tap);
        net_arrive(trio.router_a, net_span(bytes));
        net_trio_run(&trio);
        CHECK_ROW_UINT(row, s[0].got->len - got, errors[i].reason == DROP_NONE);
        if (errors[i].reason != DROP_NONE)
            CHECK_ROW_UINT(row, trio.world->counts.dropped[errors[i].reason] - dropped, 1);
        CHECK_ROW_UINT(row, net_tap_count(&trio.tap, TRIO_A, CAPTURE_IN), errors[i].type != NO_ERROR);
        if (errors[i].type != NO_ERROR)
            check_error(i, bytes);
    }
}

/* RFC 4443 section 2.4 c: as much of the packet as fits into 1280 bytes, and nothing behind it. */
static void
test_quote_size(void)
{
    static const unsigned lengths[] = { 0, 1, 1183, 1184, 1185, 1400 };

    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
        g_autoptr(GByteArray) data = net_pattern(lengths[i]);
        g_autoptr(GByteArray) bytes = net6_udp("[" A "]:5000", "[" B "]:9", net_span(data));
        struct net6_error error;

        net_tap_clear(&trio.tap);
        net_arrive(trio.router_a, net_span(bytes));
        net_trio_run(&trio);
        if (!net6_seen_error("size", &trio, TRIO_A, 0, &error))
            continue;
        bytes->data[7] = 63; /* as B had it */
        CHECK_ROW_BYTES("quote", error.quote, span_of(bytes->data, MIN(bytes->len, 1280u - 48)));
        CHECK_ROW_UINT("size", error.size, MIN(bytes->len + 48, 1280u));
    }
}

/* RFC 4443 section 2.4 e: never about these. */
static void
test_silence(void)
{
    g_autoptr(GByteArray) inner = net6_udp("[" B "]:7", "[" A "]:5000", span_of_text("hello"));
    g_autoptr(GByteArray) error = net6_icmp(A, "2001:db8:c::1", ICMP6_UNREACHABLE, 0, 0, net_span(inner));
    g_autoptr(GByteArray) unknown = net6_icmp(A, "2001:db8:c::1", 100, 0, 0, net_span(inner));
    g_autoptr(GByteArray) echo = net6_icmp(A, "2001:db8:c::1", ICMP6_ECHO, 0, 0, net_span(inner));
    g_autoptr(GByteArray) later =
        net6_fragment(A, "2001:db8:c::1", 17, 1, 8, 8, false, span_of(inner->data, inner->len));

    net_arrive(trio.router_a, net_span(error));
    net_arrive(trio.router_a, net_span(unknown));
    net_arrive(trio.router_a, net_span(later));
    net_trio_run(&trio);
    CHECK_ROW_UINT("errors and later fragments", net_tap_count(&trio.tap, TRIO_A, CAPTURE_IN), 0);
    CHECK_ROW_UINT("no route", node_dropped(trio.router, DROP_NO_ROUTE), 3);
    net_arrive(trio.router_a, net_span(echo));
    net_trio_run(&trio);
    CHECK_ROW_UINT("an echo request", net_tap_count(&trio.tap, TRIO_A, CAPTURE_IN), 1);
}

/* Nobody on the last network has the address: code 3 of section 3.1. */
static void
test_no_neighbour(void)
{
    struct segment *segment = segment_new(trio.world, "LAN");
    struct port *port = node_sit(trio.router, segment);
    g_autoptr(GByteArray) bytes = net6_udp("[" A "]:5000", "[2001:db8:d::9]:9", span_of_text("hello"));
    struct net6_error error;

    CHECK(node_add_address(trio.router, port, net_address("2001:db8:d::1"), 1, 64));
    net_arrive(trio.router_a, net_span(bytes));
    net_trio_run(&trio);
    if (net6_seen_error("address", &trio, TRIO_A, 0, &error))
        CHECK(error.type == ICMP6_UNREACHABLE && error.code == ICMP6_ADDRESS_UNREACHABLE);
    CHECK_ROW_UINT("reason", node_dropped(trio.router, DROP_NO_NEIGHBOUR), 1);
}

/* --- sockets hear of errors -------------------------------------------------------------------------------------- */

static void
test_sockets_hear(void)
{
    const struct io_icmp *icmp;

    CHECK(net_socket_open(&s[0], node_io(trio.a), "0.0.0.0:5000") == IO_OK);
    CHECK(net_socket_send(&s[0], "[" B "]:9", "hello") == IO_OK);
    net_trio_run(&trio);
    icmp = net_socket_icmp(&s[0], 0);
    if (!CHECK(icmp != NULL))
        return;
    CHECK(address_equal(icmp->from, net_address(B)));
    CHECK(endpoint_equal(icmp->local, net_endpoint("[" A "]:5000")));
    CHECK(endpoint_equal(icmp->peer, net_endpoint("[" B "]:9")));
    CHECK(icmp->type == ICMP6_UNREACHABLE && icmp->code == ICMP6_PORT_UNREACHABLE);
    CHECK(icmp_meaning(icmp) == ICMP_MEANS_REFUSED);
}

static const struct {
    const char *peer;
    uint8_t type, code;
    enum icmp_meaning meaning;
    const char *words;
} meanings[] = {
    { "192.0.2.1:1", 3, 0, ICMP_MEANS_UNREACHABLE, "net unreachable" },
    { "192.0.2.1:1", 3, 2, ICMP_MEANS_REFUSED, "protocol unreachable" },
    { "192.0.2.1:1", 3, 3, ICMP_MEANS_REFUSED, "port unreachable" },
    { "192.0.2.1:1", 3, 4, ICMP_MEANS_TOO_BIG, "fragmentation needed and DF set" },
    { "192.0.2.1:1", 3, 13, ICMP_MEANS_UNREACHABLE, "administratively prohibited" },
    { "192.0.2.1:1", 11, 0, ICMP_MEANS_TIME_EXCEEDED, "time exceeded in transit" },
    { "192.0.2.1:1", 12, 0, ICMP_MEANS_OTHER, "parameter problem" },
    { "192.0.2.1:1", 4, 0, ICMP_MEANS_OTHER, "source quench" },
    { "[2001:db8::1]:1", 1, 0, ICMP_MEANS_UNREACHABLE, "no route" },
    { "[2001:db8::1]:1", 1, 1, ICMP_MEANS_UNREACHABLE, "administratively prohibited" },
    { "[2001:db8::1]:1", 1, 3, ICMP_MEANS_UNREACHABLE, "address unreachable" },
    { "[2001:db8::1]:1", 1, 4, ICMP_MEANS_REFUSED, "port unreachable" },
    { "[2001:db8::1]:1", 1, 6, ICMP_MEANS_UNREACHABLE, "reject route" },
    { "[2001:db8::1]:1", 1, 7, ICMP_MEANS_UNREACHABLE, "destination unreachable" },
    { "[2001:db8::1]:1", 2, 0, ICMP_MEANS_TOO_BIG, "packet too big" },
    { "[2001:db8::1]:1", 3, 0, ICMP_MEANS_TIME_EXCEEDED, "hop limit exceeded in transit" },
    { "[2001:db8::1]:1", 3, 1, ICMP_MEANS_TIME_EXCEEDED, "fragment reassembly time exceeded" },
    { "[2001:db8::1]:1", 4, 0, ICMP_MEANS_OTHER, "parameter problem" },
    { "[2001:db8::1]:1", 4, 1, ICMP_MEANS_REFUSED, "unrecognized next header" },
    { "[2001:db8::1]:1", 4, 2, ICMP_MEANS_OTHER, "unrecognized option" },
    { "[2001:db8::1]:1", 11, 0, ICMP_MEANS_OTHER, "message" },
    { "[2001:db8::1]:1", 128, 0, ICMP_MEANS_OTHER, "echo request" },
    { "[2001:db8::1]:1", 129, 0, ICMP_MEANS_OTHER, "echo reply" },
};

static void
test_meanings(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(meanings); i++) {
        struct io_icmp icmp = { .peer = net_endpoint(meanings[i].peer), .type = meanings[i].type,
                                .code = meanings[i].code };
        bool ipv4 = address_is_ipv4(icmp.peer.address);

        CHECK_ROW_INT(meanings[i].words, icmp_meaning(&icmp), meanings[i].meaning);
        CHECK_ROW_TEXT(meanings[i].words,
                       ipv4 ? icmp_describe(icmp.type, icmp.code) : icmp6_describe(icmp.type, icmp.code),
                       meanings[i].words);
    }
}

/* --- echo -------------------------------------------------------------------------------------------------------- */

struct pinger {
    struct echo echo;
    unsigned replies, errors;
    struct address from;
    struct io_icmp icmp;
    uint16_t sequence;
    size_t length;
    uint8_t ttl;
};

static void
on_reply(void *owner, struct echo *echo, struct address from, uint16_t sequence, struct span data, uint8_t ttl)
{
    struct pinger *pinger = owner;

    (void)echo;
    pinger->replies++;
    pinger->from = from;
    pinger->sequence = sequence;
    pinger->length = data.length;
    pinger->ttl = ttl;
}

static void
on_error(void *owner, struct echo *echo, const struct io_icmp *icmp, uint16_t sequence)
{
    struct pinger *pinger = owner;

    (void)echo;
    pinger->errors++;
    pinger->icmp = *icmp;
    pinger->sequence = sequence;
}

static const struct echo_events echo_events = { on_reply, on_error };

static enum io_result
ping(struct pinger *pinger, const char *to, uint16_t sequence, size_t length, int16_t ttl)
{
    g_autoptr(GByteArray) data = net_pattern(length);
    enum io_result result = echo_send(&pinger->echo, net_address(to), sequence, net_span(data), ttl, NULL);

    net_trio_run(&trio);
    return result;
}

static void
test_echo(void)
{
    struct pinger pinger = { .replies = 0 };

    echo_open(&pinger.echo, trio.a, &echo_events, &pinger);
    CHECK(ping(&pinger, B, 1, 56, IO_UNSET) == IO_OK);
    CHECK_ROW_UINT("reply", pinger.replies, 1);
    CHECK(address_equal(pinger.from, net_address(B)));
    CHECK(pinger.sequence == 1 && pinger.length == 56 && pinger.ttl == 63);
    CHECK(ping(&pinger, "2001:db8:a::fe", 2, 0, IO_UNSET) == IO_OK);
    CHECK_ROW_UINT("of the router", pinger.replies, 2);
    CHECK(ping(&pinger, A, 3, 8, IO_UNSET) == IO_OK);
    CHECK_ROW_UINT("of itself", pinger.replies, 3);
    CHECK(ping(&pinger, B, 4, 65527, IO_UNSET) == IO_OK);
    CHECK_ROW_UINT("the largest", pinger.replies, 4);
    CHECK_ROW_UINT("the largest", pinger.length, 65527);
    CHECK(ping(&pinger, B, 5, 65528, IO_UNSET) == IO_TOO_BIG);
    CHECK(ping(&pinger, B, 6, 8, 1) == IO_OK);
    CHECK_ROW_UINT("hop limit", pinger.errors, 1);
    CHECK(pinger.icmp.type == ICMP6_TIME_EXCEEDED && pinger.sequence == 6);
    CHECK(address_equal(pinger.icmp.from, net_address("2001:db8:a::fe")));
    CHECK(ping(&pinger, "2001:db8:c::1", 7, 8, IO_UNSET) == IO_OK);
    CHECK_ROW_UINT("no route", pinger.errors, 2);
    CHECK(pinger.icmp.type == ICMP6_UNREACHABLE && pinger.icmp.code == ICMP6_NO_ROUTE);
    /* RFC 4443 section 4.2: a request to a group is answered from an address of the answerer's own */
    CHECK(ping(&pinger, "ff02::1", 8, 8, IO_UNSET) == IO_OK);
    CHECK_ROW_UINT("of all nodes", pinger.replies, 5);
    CHECK(address_equal(pinger.from, net_address("2001:db8:a::fe")));
    CHECK(ping(&pinger, "ff02::fb", 9, 8, IO_UNSET) == IO_OK);
    CHECK_ROW_UINT("of a group that nobody joined", pinger.replies, 5);
    echo_close(&pinger.echo);
}

/* --- path MTU ---------------------------------------------------------------------------------------------------- */

static void
set_mtu(struct port *port, uint32_t mtu)
{
    struct link_options options = trio.link;

    options.mtu = mtu;
    wire_set(port->wire, &options);
}

static enum io_result
send_data(struct net_socket *socket, const char *peer, size_t length, bool dont_fragment)
{
    g_autoptr(GByteArray) data = net_pattern(length);
    struct io_datagram datagram = IO_DATAGRAM_TO(net_endpoint(peer), net_span(data));
    enum io_result result;

    datagram.dont_fragment = dont_fragment;
    result = socket->udp->ops->send(socket->udp, &datagram);
    net_trio_run(&trio);
    return result;
}

/* RFC 8201 section 4: the router tells, the host remembers and cuts; section 5.3: for ten minutes. */
static void
test_path_mtu(void)
{
    const struct io_icmp *icmp;

    set_mtu(trio.router_b, 1400);
    CHECK(net_socket_open(&s[0], node_io(trio.a), "0.0.0.0:5000") == IO_OK);
    CHECK(net_socket_open(&s[1], node_io(trio.b), "0.0.0.0:7") == IO_OK);
    CHECK(send_data(&s[0], "[" B "]:7", 1452, true) == IO_OK); /* it fits the own link */
    CHECK_ROW_UINT("too big on the way", s[1].got->len, 0);
    icmp = net_socket_icmp(&s[0], 0);
    if (CHECK(icmp != NULL))
        CHECK(icmp->type == ICMP6_TOO_BIG && icmp->info == 1400);
    CHECK(send_data(&s[0], "[" B "]:7", 1452, true) == IO_TOO_BIG);
    CHECK(send_data(&s[0], "[" B "]:7", 1353, true) == IO_TOO_BIG);
    CHECK(send_data(&s[0], "[" B "]:7", 1352, true) == IO_OK);
    CHECK(send_data(&s[0], "[" B "]:7", 1452, false) == IO_OK);
    CHECK_ROW_UINT("in fragments", s[1].got->len, 2);
    CHECK_ROW_UINT("whole", net_socket_got(&s[1], 1)->length, 1452);
    CHECK_ROW_UINT("it was cut here", net_tap_count(&trio.tap, TRIO_B, CAPTURE_IN), 3);
    CHECK(send_data(&s[0], "[2001:db8:a::fe]:7", 1452, true) == IO_OK); /* another destination */
    net_run(trio.world, 10 * TIME_MIN);
    CHECK(send_data(&s[0], "[" B "]:7", 1452, true) == IO_OK); /* is the path any wider? */
    CHECK_ROW_UINT("no", s[1].got->len, 2);
    CHECK(send_data(&s[0], "[" B "]:7", 1452, true) == IO_TOO_BIG);
}

/* RFC 8201 section 4: a value below 1280 is not believed, one that is larger says nothing; nor is an error about what
 * was not sent. */
static void
test_path_mtu_lies(void)
{
    static const struct {
        const char *name;
        uint32_t mtu;
        const char *source, *destination;
        bool believed;
    } rows[] = {
        { "1279", 1279, "[" A "]:5000", "[" B "]:7", false },
        { "0", 0, "[" A "]:5000", "[" B "]:7", false },
        { "huge", UINT32_MAX, "[" A "]:5000", "[" B "]:7", false },
        { "of another socket", 1300, "[" A "]:5001", "[" B "]:7", false },
        { "of another host", 1300, "[2001:db8:a::2]:5000", "[" B "]:7", false },
        { "1280", 1280, "[" A "]:5000", "[" B "]:7", true },
    };

    CHECK(net_socket_open(&s[0], node_io(trio.a), "[" A "]:5000") == IO_OK);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GByteArray) data = net_pattern(1452);
        g_autoptr(GByteArray) sent = net6_udp(rows[i].source, rows[i].destination, net_span(data));
        g_autoptr(GByteArray) error =
            net6_icmp("2001:db8:a::fe", A, ICMP6_TOO_BIG, 0, rows[i].mtu, span_of(sent->data, 1232));

        net_arrive(trio.a_port, net_span(error));
        CHECK_ROW_TEXT(rows[i].name, io_result_word(send_data(&s[0], "[" B "]:7", 1233, true)),
                       rows[i].believed ? "too-big" : "ok");
    }
    CHECK(send_data(&s[0], "[" B "]:7", 1232, true) == IO_OK);
}

/* A router cuts nothing, tells of every fragment (RFC 4443 section 3.2), and the host learns from the second one too. */
static void
test_fragments_too_big(void)
{
    struct link_fault first = { .packet = 1, .lose = true };
    struct link_options options = trio.link;

    set_mtu(trio.router_b, 1300);
    options.faults = &first;
    options.fault_count = 1;
    wire_set(trio.a_port->wire, &options);
    CHECK(net_socket_open(&s[0], node_io(trio.a), "0.0.0.0:5000") == IO_OK);
    CHECK(net_socket_open(&s[1], node_io(trio.b), "0.0.0.0:7") == IO_OK);
    CHECK(send_data(&s[0], "[" B "]:7", 4000, false) == IO_OK); /* 1496, lost; 1496; 1192 */
    CHECK_ROW_UINT("about the second", node_dropped(trio.router, DROP_TOO_BIG), 1);
    CHECK_ROW_UINT("its socket isn't known", s[0].icmp->len, 0);
    CHECK(send_data(&s[0], "[" B "]:7", 4000, false) == IO_OK);
    CHECK_ROW_UINT("now they fit", s[1].got->len, 1);
    CHECK_ROW_UINT("nothing was cut on the way", net_journal_count(&trio.journal, &fragments_kind, DROP_NONE), 2);
    net_run(trio.world, 61 * TIME_S);
    CHECK_ROW_UINT("the third of the first", node_dropped(trio.b, DROP_FRAGMENT_TIMEOUT), 1);
}

/* RFC 8200 section 5: a link with a smaller MTU carries 1280 bytes all the same. */
static void
test_small_links(void)
{
    struct hop hop;

    set_mtu(trio.a_port, 576);
    set_mtu(trio.router_b, 68);
    CHECK(node_route(trio.a, net_address(B), &hop));
    CHECK_ROW_UINT("IPv6", hop_mtu(&hop), 1280);
    CHECK(node_route(trio.a, net_address("198.51.100.1"), &hop));
    CHECK_ROW_UINT("IPv4", hop_mtu(&hop), 576);
    CHECK(net_socket_open(&s[0], node_io(trio.a), "0.0.0.0:5000") == IO_OK);
    CHECK(net_socket_open(&s[1], node_io(trio.b), "0.0.0.0:7") == IO_OK);
    CHECK(send_data(&s[0], "[" B "]:7", 1233, true) == IO_TOO_BIG);
    CHECK(send_data(&s[0], "[" B "]:7", 1232, true) == IO_OK);
    CHECK(send_data(&s[0], "[" B "]:7", 1300, false) == IO_OK);
    CHECK_ROW_UINT("both", s[1].got->len, 2);
}

/* Paths are learned up to a number, and what was learned first makes room. */
static void
test_paths_bounded(void)
{
    struct paths *paths = NULL;
    struct address peer = net_address("2001:db8:b::");

    for (unsigned n = 0; n < PATHS_MAX + 10; n++)
        paths_learn(&paths, address_add(peer, n), 1300 + n % 100, 5);
    CHECK_ROW_UINT("the first ones", paths_mtu(paths, address_add(peer, 9), 5), UINT32_MAX);
    for (unsigned n = 10; n < PATHS_MAX + 10; n++)
        CHECK_ROW_UINT("kept", paths_mtu(paths, address_add(peer, n), 5), 1300 + n % 100);
    paths_learn(&paths, address_add(peer, 500), 1280, 6);
    CHECK_ROW_UINT("lower", paths_mtu(paths, address_add(peer, 500), 6), 1280);
    paths_learn(&paths, address_add(peer, 500), 1400, 7);
    CHECK_ROW_UINT("not higher", paths_mtu(paths, address_add(peer, 500), 7), 1280);
    CHECK_ROW_UINT("until then", paths_mtu(paths, address_add(peer, 500), 5 + PATHS_TIME), 1280);
    CHECK_ROW_UINT("forgotten", paths_mtu(paths, address_add(peer, 500), 6 + PATHS_TIME), UINT32_MAX);
    paths_learn(&paths, address_add(peer, 500), 1400, 6 + PATHS_TIME);
    CHECK_ROW_UINT("anew", paths_mtu(paths, address_add(peer, 500), 6 + PATHS_TIME), 1400);
    paths_free(paths);
    paths_free(NULL);
    CHECK_ROW_UINT("nothing known", paths_mtu(NULL, peer, 0), UINT32_MAX);
}

void
suite_net_ipv6_icmp(void)
{
    UNIT_SUITE("ICMPv6", set_up, tear_down, { "errors", test_errors }, { "quotes", test_quote_size },
               { "silence", test_silence }, { "no neighbour", test_no_neighbour },
               { "sockets hear of errors", test_sockets_hear }, { "meanings", test_meanings }, { "echo", test_echo },
               { "path MTU", test_path_mtu }, { "path MTU, lies", test_path_mtu_lies },
               { "fragments too big", test_fragments_too_big }, { "links below 1280", test_small_links },
               { "paths are bounded", test_paths_bounded });
}
