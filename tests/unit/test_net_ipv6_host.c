/* Sockets of a dual-stack host: UDP of both families, groups, TCP over IPv6. */
#include "core/net/link.h"
#include "core/net/segment.h"
#include "core/net/stack_private.h"
#include "core/net/tcp_segment.h"
#include "core/net/tcp_socket.h"
#include "tests/unit/support.h"
#include "tests/unit/support_net_ipv6.h"

#define A "2001:db8:a::1"
#define B "2001:db8:b::1"

static struct net_trio trio;
static struct net_socket s[4];
static struct io *io_a, *io_b;

static void
set_up(void)
{
    memset(s, 0, sizeof s);
    net_trio_start(&trio);
    net6_trio_add(&trio);
    io_a = node_io(trio.a);
    io_b = node_io(trio.b);
}

static void
tear_down(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(s); i++)
        if (s[i].got)
            net_socket_end(&s[i]);
    net_trio_end(&trio);
}

/* --- UDP --------------------------------------------------------------------------------------------------------- */

/* Who gets what is sent to both addresses of B: a socket of any address both, one of an address its own family's. */
static const struct {
    const char *name, *local;
    unsigned ipv4, ipv6;
} binds[] = {
    { "0.0.0.0", "0.0.0.0:7", 1, 1 },
    { "::", "[::]:7", 1, 1 },
    { "the IPv4 address", "198.51.100.1:7", 1, 0 },
    { "the IPv6 address", "[" B "]:7", 0, 1 },
};

static void
test_binding(void)
{
    CHECK(net_socket_open(&s[0], io_a, "0.0.0.0:5000") == IO_OK);
    for (size_t i = 0; i < G_N_ELEMENTS(binds); i++) {
        guint got;

        CHECK_ROW(binds[i].name, net_socket_open(&s[1], io_b, binds[i].local) == IO_OK);
        CHECK(net_socket_send(&s[0], "198.51.100.1:7", "four") == IO_OK);
        net_trio_run(&trio);
        CHECK_ROW_UINT(binds[i].name, s[1].got->len, binds[i].ipv4);
        got = s[1].got->len;
        CHECK(net_socket_send(&s[0], "[" B "]:7", "six") == IO_OK);
        net_trio_run(&trio);
        CHECK_ROW_UINT(binds[i].name, s[1].got->len - got, binds[i].ipv6);
        if (binds[i].ipv6) {
            const struct net_got *last = net_socket_got(&s[1], s[1].got->len - 1);

            CHECK_ROW_TEXT(binds[i].name, last->data, "six");
            CHECK_ROW(binds[i].name, endpoint_equal(last->datagram.peer, net_endpoint("[" A "]:5000")));
            CHECK_ROW(binds[i].name, endpoint_equal(last->datagram.local, net_endpoint("[" B "]:7")));
            CHECK_ROW_INT(binds[i].name, last->datagram.dont_fragment, IO_UNSET);
            CHECK_ROW_INT(binds[i].name, last->datagram.ttl, 63);
        }
        net_socket_end(&s[1]);
        s[1] = (struct net_socket){ .got = NULL };
    }
}

/* Two sockets on one port, each of a family; and a family that a socket has no address of. */
static void
test_families(void)
{
    CHECK(net_socket_open(&s[0], io_a, "0.0.0.0:5000") == IO_OK);
    CHECK(net_socket_open(&s[1], io_b, "198.51.100.1:7") == IO_OK);
    CHECK(net_socket_open(&s[2], io_b, "[" B "]:7") == IO_OK);
    CHECK(net_socket_open(&s[3], io_b, "[::]:7") == IO_IN_USE);
    CHECK(net_socket_send(&s[0], "198.51.100.1:7", "four") == IO_OK);
    CHECK(net_socket_send(&s[0], "[" B "]:7", "six") == IO_OK);
    net_trio_run(&trio);
    CHECK_ROW_TEXT("four", net_socket_text(&s[1], 0), "four");
    CHECK_ROW_TEXT("six", net_socket_text(&s[2], 0), "six");
    CHECK(net_socket_send(&s[1], "[" A "]:5000", "from an IPv4 address") == IO_NO_ROUTE);
    CHECK(net_socket_send(&s[2], "192.0.2.1:5000", "from an IPv6 address") == IO_NO_ROUTE);
    CHECK(net_socket_send(&s[0], "[::1]:7", "loopback") == IO_NO_ROUTE);
    CHECK(net_socket_send(&s[0], "[::]:7", "nowhere") == IO_NO_ROUTE);
}

static void
test_marks(void)
{
    struct io_datagram datagram = IO_DATAGRAM_TO(net_endpoint("[" B "]:7"), span_of_text("marked"));

    CHECK(net_socket_open(&s[0], io_a, "0.0.0.0:5000") == IO_OK);
    CHECK(net_socket_open(&s[1], io_b, "0.0.0.0:7") == IO_OK);
    datagram.ttl = 9;
    datagram.dscp = 46;
    datagram.ecn = 1;
    CHECK(s[0].udp->ops->send(s[0].udp, &datagram) == IO_OK);
    net_trio_run(&trio);
    if (!CHECK_ROW_UINT("one", s[1].got->len, 1))
        return;
    CHECK_ROW_INT("hop limit", net_socket_got(&s[1], 0)->datagram.ttl, 8);
    CHECK_ROW_INT("dscp", net_socket_got(&s[1], 0)->datagram.dscp, 46);
    CHECK_ROW_INT("ecn", net_socket_got(&s[1], 0)->datagram.ecn, 1);
}

/* RFC 8200 section 8.1. */
static void
test_no_checksum(void)
{
    g_autoptr(GByteArray) bytes = net6_udp("[" A "]:5000", "[" B "]:7", span_of_text("hello"));

    CHECK(net_socket_open(&s[1], io_b, "0.0.0.0:7") == IO_OK);
    memset(bytes->data + 46, 0, 2);
    net_arrive(trio.b_port, net_span(bytes));
    CHECK_ROW_UINT("zero", node_dropped(trio.b, DROP_NO_CHECKSUM), 1);
    bytes->data[47] = 1;
    net_arrive(trio.b_port, net_span(bytes));
    CHECK_ROW_UINT("wrong", node_dropped(trio.b, DROP_BAD_CHECKSUM), 1);
    CHECK_ROW_UINT("nobody got it", s[1].got->len, 0);
}

/* --- groups on a segment ----------------------------------------------------------------------------------------- */

/* A box with a port outside and one on a segment, where two hosts are. */
static const struct {
    const char *name, *group;
    bool joined;
    unsigned got; /* hosts that heard it */
} groups[] = {
    { "all nodes, IPv4: RFC 1112 section 4", "224.0.0.1", false, 2 },
    { "all nodes: RFC 4291 section 2.8", "ff02::1", false, 2 },
    { "another, IPv4", "239.255.255.250", false, 0 },
    { "another", "ff02::c", false, 0 },
    { "joined, IPv4", "239.255.255.250", true, 1 },
    { "joined", "ff02::c", true, 1 },
};

static struct port *
sit(struct node *node, struct segment *segment, const char *ipv4, const char *ipv6)
{
    struct port *port = node_sit(node, segment);

    CHECK(node_add_address(node, port, net_address(ipv4), 1, 24));
    CHECK(node_add_address(node, port, net_address(ipv6), 1, 64));
    return port;
}

/* The interface that a sender names, or that of its address, is the one that a group is reached by; the default route
 * leads elsewhere. */
static void
test_groups(void)
{
    struct segment *segment = segment_new(trio.world, "LAN");
    struct node *hosts[2] = { node_new(trio.world, "H1"), node_new(trio.world, "H2") };
    struct port *inside = sit(trio.a, segment, "10.0.0.1", "2001:db8:c::1");

    sit(hosts[0], segment, "10.0.0.2", "2001:db8:c::2");
    sit(hosts[1], segment, "10.0.0.3", "2001:db8:c::3");
    CHECK(net_socket_open(&s[0], io_a, "0.0.0.0:1900") == IO_OK);
    for (size_t i = 0; i < 2 * G_N_ELEMENTS(groups); i++) {
        const char *row = groups[i / 2].name;
        struct address group = net_address(groups[i / 2].group);
        struct io_datagram datagram = IO_DATAGRAM_TO(((struct endpoint){ group, 5350 }), span_of_text("hello"));
        bool ipv4 = address_is_ipv4(group);

        CHECK(net_socket_open(&s[1], node_io(hosts[0]), "0.0.0.0:5350") == IO_OK);
        CHECK(net_socket_open(&s[2], node_io(hosts[1]), "0.0.0.0:5350") == IO_OK);
        if (groups[i / 2].joined)
            CHECK(s[2].udp->ops->join(s[2].udp, &group, 0) == IO_OK);
        if (i % 2)
            datagram.interface = (int16_t)inside->number;
        else
            datagram.local.address = net_address(ipv4 ? "10.0.0.1" : "2001:db8:c::1");
        CHECK_ROW(row, s[0].udp->ops->send(s[0].udp, &datagram) == IO_OK);
        net_trio_run(&trio);
        CHECK_ROW_UINT(row, s[1].got->len + s[2].got->len, groups[i / 2].got);
        if (groups[i / 2].got && CHECK_ROW(row, s[2].got->len > 0))
            CHECK_ROW(row, endpoint_equal(net_socket_got(&s[2], 0)->datagram.peer,
                                          net_endpoint(ipv4 ? "10.0.0.1:1900" : "[2001:db8:c::1]:1900")));
        net_socket_end(&s[1]);
        net_socket_end(&s[2]);
        s[1] = s[2] = (struct net_socket){ .got = NULL };
    }
    CHECK_ROW_UINT("none went outside", net_tap_count(&trio.tap, TRIO_A, CAPTURE_OUT), 0);
}

/* --- TCP --------------------------------------------------------------------------------------------------------- */

struct end {
    struct io_tcp *tcp;
    uint64_t received, written;
    enum io_result failure;
    bool connected;
    struct end *accepts;
};

static void
on_ready(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    static const uint8_t zeros[4096];
    struct end *end = owner;
    uint8_t bytes[4096];
    enum io_result why;
    ssize_t got;

    switch (ready) {
    case IO_ACCEPT:
        end->accepts->tcp = tcp->ops->accept(tcp, on_ready, end->accepts);
        return;
    case IO_FAILED:
        end->failure = result;
        return;
    case IO_CONNECTED:
        end->connected = true;
        return;
    case IO_READABLE:
        while ((got = tcp->ops->read(tcp, bytes, sizeof bytes, &why)) > 0)
            end->received += (uint64_t)got;
        return;
    case IO_WRITABLE:
        while (end->written < 100000 && (got = tcp->ops->write(tcp, zeros, sizeof zeros, &why)) > 0)
            end->written += (uint64_t)got;
        return;
    }
}

static void
open_tcp(struct end *listener, struct end *server, struct end *client)
{
    struct endpoint any = { ADDRESS_NONE, 0 }, http = net_endpoint("[" B "]:80");
    enum io_result why;

    *server = *client = (struct end){ .tcp = NULL };
    *listener = (struct end){ .accepts = server };
    listener->tcp = io_b->ops->listen(io_b, &(struct endpoint){ ADDRESS_NONE, 80 }, false, on_ready, listener, &why);
    client->tcp = io_a->ops->connect(io_a, &any, &http, false, on_ready, client, &why);
    CHECK(listener->tcp && client->tcp);
    net_trio_run(&trio);
    CHECK(client->connected && server->tcp);
}

static void
close_tcp(struct end *end)
{
    if (end->tcp)
        end->tcp->ops->close(end->tcp, true);
    end->tcp = NULL;
}

/* RFC 9293 section 3.7.1: the MSS leaves room for the larger header; a narrow link on the way lowers it (RFC 8201 section
 * 5.4), and the next connection knows. */
static void
test_tcp(void)
{
    struct link_options narrow = trio.link;
    struct end listener, server, client;

    narrow.mtu = 1400;
    open_tcp(&listener, &server, &client);
    if (!client.tcp || !server.tcp)
        return;
    CHECK(endpoint_equal(server.tcp->ops->peer(server.tcp), client.tcp->ops->local(client.tcp)));
    CHECK_ROW_UINT("MSS", tcp_machine_of(client.tcp)->mss, 1440);
    wire_set(trio.router_b->wire, &narrow);
    on_ready(&client, client.tcp, IO_WRITABLE, IO_OK);
    net_run(trio.world, 20 * TIME_S);
    CHECK_ROW_UINT("all", server.received, client.written);
    CHECK_ROW_UINT("lowered", tcp_machine_of(client.tcp)->mss, 1340);
    CHECK(node_dropped(trio.router, DROP_TOO_BIG) > 0);
    close_tcp(&client);
    close_tcp(&server);
    close_tcp(&listener);
    net_trio_run(&trio);
    open_tcp(&listener, &server, &client);
    if (client.tcp)
        CHECK_ROW_UINT("known", tcp_machine_of(client.tcp)->mss, 1340);
    close_tcp(&client);
    close_tcp(&server);
    close_tcp(&listener);
    net_trio_run(&trio);
}

/* RFC 9293 section 3.7.1: what a peer takes that doesn't say. */
static void
test_tcp_usual_mss(void)
{
    for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
        struct tcp_machine machine = { .state = TCP_CLOSED };
        struct tcp_birth birth = { .iss = 1, .mss = 1440, .ipv6 = ipv6 };
        struct tcp_segment syn = { .flags = TCP_SYN, .scale = TCP_NO_SCALE };

        tcp_machine_answer(&machine, &tcp_settings_default, &birth, &syn, 0);
        CHECK_ROW_UINT(ipv6 ? "IPv6" : "IPv4", machine.mss, ipv6 ? 1220 : 536);
        tcp_machine_clear(&machine);
    }
}

/* A "packet too big" of less than 1280 is not believed (RFC 8201 section 4), a port without a listener refuses, and a
 * router's "no route" ends a connection that opens. */
static void
test_tcp_errors(void)
{
    struct endpoint any = { ADDRESS_NONE, 0 };
    struct end listener, server, client, nobody = { .tcp = NULL }, nowhere = { .tcp = NULL };
    const struct net_seen *seen;
    enum io_result why;

    open_tcp(&listener, &server, &client);
    on_ready(&client, client.tcp, IO_WRITABLE, IO_OK);
    net_tap_clear(&trio.tap);
    net_run(trio.world, 15 * TIME_MS);
    seen = net_tap_at(&trio.tap, TRIO_ROUTER_A, CAPTURE_IN, 0);
    if (CHECK(seen != NULL)) {
        g_autoptr(GByteArray) lie =
            net6_icmp("2001:db8:a::fe", A, ICMP6_TOO_BIG, 0, 600, span_of(seen->bytes->data, 200));

        net_arrive(trio.a_port, net_span(lie));
        CHECK_ROW_UINT("600", tcp_machine_of(client.tcp)->mss, 1440);
    }
    nobody.tcp = io_a->ops->connect(io_a, &any, &(struct endpoint){ net_address(B), 81 }, false, on_ready, &nobody,
                                    &why);
    nowhere.tcp = io_a->ops->connect(io_a, &any, &(struct endpoint){ net_address("2001:db8:c::9"), 80 }, false,
                                     on_ready, &nowhere, &why);
    net_run(trio.world, 20 * TIME_S);
    CHECK_ROW_TEXT("no listener", io_result_word(nobody.failure), "refused");
    CHECK_ROW_TEXT("no route", io_result_word(nowhere.failure), "unreachable");
    CHECK_ROW_UINT("all", server.received, client.written);
    close_tcp(&client);
    close_tcp(&server);
    close_tcp(&listener);
    close_tcp(&nobody);
    close_tcp(&nowhere);
    net_trio_run(&trio);
}

void
suite_net_ipv6_host(void)
{
    UNIT_SUITE("dual-stack hosts", set_up, tear_down, { "binding", test_binding }, { "two families", test_families },
               { "marks", test_marks }, { "no checksum", test_no_checksum }, { "groups", test_groups },
               { "TCP", test_tcp }, { "the usual MSS", test_tcp_usual_mss }, { "TCP and errors", test_tcp_errors });
}
