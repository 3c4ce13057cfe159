#include "core/net/segment.h"

#include "core/net/stack.h"
#include "tests/unit/support.h"
#include "tests/unit/support_net.h"

/* A box that sits on its segment, and three hosts by links of their own; one more host far away behind the box.
 *
 *     box 10.0.0.1 --- LAN --- A 10.0.0.11, B 10.0.0.12, C 10.0.0.13 */
static struct world *here;
static struct segment *lan;
static struct node *box, *hosts[3];
static struct port *box_port, *ports[3];
static struct net_socket sockets[3], box_socket;
static struct net_journal journal;

enum { A, B, C };

static struct node *
add_host(unsigned i, const char *name, const char *address)
{
    struct node *host = node_new(here, name);

    hosts[i] = host;
    ports[i] = node_join(host, lan, NULL, NULL);
    CHECK(node_add_address(host, ports[i], net_address(address), 1, 24));
    node_set_default(host, ports[i], net_address("10.0.0.1"));
    CHECK(net_socket_open(&sockets[i], node_io(host), "0.0.0.0:5000") == IO_OK);
    return host;
}

static void
set_up(void)
{
    here = world_new(1);
    net_journal_start(&journal, here);
    lan = segment_new(here, "LAN");
    box = node_new(here, "box");
    box->forwards = true;
    box_port = node_sit(box, lan);
    CHECK(node_add_address(box, box_port, net_address("10.0.0.1"), 1, 24));
    CHECK(net_socket_open(&box_socket, node_io(box), "0.0.0.0:5000") == IO_OK);
    add_host(A, "A", "10.0.0.11");
    add_host(B, "B", "10.0.0.12");
    add_host(C, "C", "10.0.0.13");
}

static void
tear_down(void)
{
    net_socket_end(&box_socket);
    for (unsigned i = 0; i < 3; i++)
        net_socket_end(&sockets[i]);
    net_world_end(here);
    net_journal_end(&journal);
}

static void
test_layer_2(void)
{
    CHECK(net_socket_send(&sockets[A], "10.0.0.12:5000", "hello") == IO_OK);
    world_run(here, 199999);
    CHECK_ROW_UINT("two links of 0.1 ms", sockets[B].got->len, 0);
    world_run(here, 200000);
    CHECK_ROW_TEXT("there", net_socket_text(&sockets[B], 0), "hello");
    CHECK_ROW_UINT("no router on the way", net_socket_got(&sockets[B], 0)->datagram.ttl, 64);
    CHECK_ROW_UINT("unseen by the box", box->counts.forwarded + box_port->packets_in, 0);
    CHECK_ROW_UINT("and by C", ports[C]->packets_in, 0);
    CHECK(net_socket_send(&sockets[B], "10.0.0.1:5000", "to the box") == IO_OK);
    CHECK(net_socket_send(&box_socket, "10.0.0.13:5000", "from the box") == IO_OK);
    net_run(here, TIME_S);
    CHECK_ROW_TEXT("one that sits there", net_socket_text(&box_socket, 0), "to the box");
    CHECK_ROW_TEXT("from one that sits there", net_socket_text(&sockets[C], 0), "from the box");
    CHECK_ROW_INT("one link", net_socket_got(&sockets[C], 0)->at, 300000);
}

static void
test_members(void)
{
    CHECK_ROW_TEXT("name", segment_name(lan), "LAN");
    CHECK(segment_member(lan, net_address("10.0.0.12")) == ports[B]);
    CHECK(segment_member(lan, net_address("10.0.0.1")) == box_port);
    CHECK(segment_member(lan, net_address("10.0.0.99")) == NULL);
    /* an address has one member */
    CHECK(!segment_add(lan, net_address("10.0.0.12"), ports[C]));
    CHECK(!node_add_address(hosts[C], ports[C], net_address("10.0.0.12"), 1, 24));
    CHECK(!node_add_address(hosts[C], ports[C], net_address("10.0.0.10"), 3, 24));
    CHECK_ROW_UINT("nothing of a refused run stays", hosts[C]->local_count, 1);
    CHECK(segment_member(lan, net_address("10.0.0.10")) == NULL);
    /* a pool */
    CHECK(node_add_address(hosts[C], ports[C], net_address("10.0.0.20"), 5, 24));
    CHECK(segment_member(lan, net_address("10.0.0.24")) == ports[C]);
    CHECK(segment_member(lan, net_address("10.0.0.25")) == NULL);
    CHECK(net_socket_send(&sockets[A], "10.0.0.24:5000", "pool") == IO_OK);
    net_run(here, TIME_S);
    CHECK_ROW_TEXT("pool", net_socket_text(&sockets[C], 0), "pool");
    CHECK(address_equal(net_socket_got(&sockets[C], 0)->datagram.local.address, net_address("10.0.0.24")));
    node_remove_address(hosts[C], net_address("10.0.0.20"));
    CHECK(segment_member(lan, net_address("10.0.0.20")) == NULL &&
          segment_member(lan, net_address("10.0.0.24")) == NULL);
    CHECK(segment_member(lan, net_address("10.0.0.13")) == ports[C]);
    CHECK(node_add_address(hosts[A], ports[A], net_address("10.0.0.24"), 1, 24)); /* free again */
    /* many come and go */
    for (unsigned n = 0; n < 300; n++) {
        CHECK(segment_add(lan, address_ipv4(0x0a000100 + n), ports[n % 3]));
        if (n >= 50)
            segment_remove(lan, address_ipv4(0x0a000100 + n - 50));
        CHECK((segment_member(lan, address_ipv4(0x0a000100 + n / 2)) != NULL) == (n / 2 + 50 > n));
    }
    segment_remove(lan, net_address("10.0.0.99"));
}

/* Nobody there: who sends to a member that is not there hears nothing, for layer 2 tells nothing; the router that
 * hands a packet to the network does know, and says so (RFC 1812 section 5.2.7.1). */
static void
test_unknown_neighbour(void)
{
    struct node *far = node_new(here, "far");
    struct port *port = node_connect(far, box, NULL, NULL);
    struct net_socket socket = { 0 };
    const struct io_icmp *icmp;

    CHECK(node_add_address(far, port, net_address("192.0.2.9"), 1, 24));
    node_set_default(far, port, ADDRESS_NONE);
    CHECK(net_socket_open(&socket, node_io(far), "192.0.2.9:5000") == IO_OK);
    CHECK(net_socket_send(&sockets[A], "10.0.0.99:5000", "hello?") == IO_OK);
    CHECK(net_socket_send(&socket, "10.0.0.99:5000", "hello?") == IO_OK);
    CHECK(net_socket_send(&box_socket, "10.0.0.99:5000", "hello?") == IO_OK);
    net_run(here, TIME_S);
    CHECK_ROW_UINT("on the segment", node_dropped(hosts[A], DROP_NO_NEIGHBOUR), 1);
    CHECK_ROW_UINT("A hears nothing", sockets[A].icmp->len, 0);
    CHECK_ROW_UINT("at the router", node_dropped(box, DROP_NO_NEIGHBOUR), 2);
    icmp = net_socket_icmp(&socket, 0);
    if (CHECK(icmp != NULL)) {
        CHECK_ROW_UINT("type", icmp->type, ICMP_UNREACHABLE);
        CHECK_ROW_UINT("code", icmp->code, ICMP_HOST_UNREACHABLE);
    }
    icmp = net_socket_icmp(&box_socket, 0);
    if (CHECK(icmp != NULL))
        CHECK_ROW_UINT("the box itself", icmp->code, ICMP_HOST_UNREACHABLE);
    CHECK_ROW_UINT("told", net_journal_count(&journal, &packet_dropped_kind, DROP_NO_NEIGHBOUR), 3);
    net_socket_end(&socket);
}

static void
join(struct net_socket *socket, const char *group)
{
    struct address address = net_address(group);

    CHECK(socket->udp->ops->join(socket->udp, &address, 0) == IO_OK);
}

/* RFC 1112: the sender's own network; every member but the sender, and of those who joined. */
static void
test_multicast(void)
{
    join(&sockets[B], "224.0.0.251");
    join(&box_socket, "224.0.0.251");
    join(&sockets[C], "224.0.0.252");
    CHECK(net_socket_send(&sockets[A], "224.0.0.251:5000", "all") == IO_OK);
    CHECK_ROW_UINT("one until it reaches the segment", here->counts.sent, 1);
    net_run(here, TIME_S);
    CHECK_ROW_TEXT("B", net_socket_text(&sockets[B], 0), "all");
    CHECK_ROW_TEXT("box", net_socket_text(&box_socket, 0), "all");
    CHECK_ROW_UINT("C has not joined", sockets[C].got->len, 0);
    CHECK_ROW_UINT("but has seen it", node_dropped(hosts[C], DROP_NO_SOCKET), 1);
    CHECK_ROW_UINT("not the sender", ports[A]->packets_in, 0);
    CHECK_ROW_UINT("a copy each", here->counts.sent, 3);
    CHECK_ROW_UINT("TTL 1 (RFC 1112 section 6.1)", net_socket_got(&sockets[B], 0)->datagram.ttl, 1);
    CHECK(address_equal(net_socket_got(&sockets[B], 0)->datagram.local.address, net_address("224.0.0.251")));
    CHECK(net_socket_got(&sockets[B], 0)->datagram.packet == net_socket_got(&box_socket, 0)->datagram.packet);
    CHECK_ROW_UINT("no ICMP about it", net_journal_count(&journal, &packet_sent_kind, DROP_NONE), 1);
}

static void
test_broadcast(void)
{
    node_set_default(box, box_port, ADDRESS_NONE);
    CHECK(net_socket_send(&box_socket, "255.255.255.255:5000", "all") == IO_OK);
    CHECK(net_socket_send(&sockets[A], "255.255.255.255:5000", "all") == IO_OK);
    net_run(here, TIME_S);
    CHECK_ROW_UINT("box hears A", box_socket.got->len, 1);
    CHECK_ROW_UINT("A hears the box", sockets[A].got->len, 1);
    CHECK_ROW_UINT("B hears both", sockets[B].got->len, 2);
    CHECK_ROW_UINT("C hears both", sockets[C].got->len, 2);
    CHECK_ROW_UINT("no router sends it on", box->counts.forwarded, 0);
}

/* Alone on a segment nobody hears a multicast. */
static void
test_alone(void)
{
    struct segment *empty = segment_new(here, "empty");
    struct node *alone = node_new(here, "alone");
    struct port *port = node_join(alone, empty, NULL, NULL);
    struct net_socket socket = { 0 };

    CHECK(node_add_address(alone, port, net_address("10.9.0.1"), 1, 24));
    node_set_default(alone, port, ADDRESS_NONE);
    CHECK(net_socket_open(&socket, node_io(alone), "0.0.0.0:5000") == IO_OK);
    CHECK(net_socket_send(&socket, "224.0.0.251:5000", "anybody?") == IO_OK);
    net_run(here, TIME_S);
    CHECK_ROW_UINT("nobody", node_dropped(alone, DROP_NO_NEIGHBOUR), 1);
    net_socket_end(&socket);
}

/* Each member's link has its own MTU. The router fragments for it; layer 2 drops, and tells nobody. */
static void
test_mtu(void)
{
    struct link_options small = link_defaults;
    g_autofree char *text = g_strnfill(1000, 'x');
    struct hop hop = { net_address("10.0.0.12"), box_port };

    small.mtu = 576;
    wire_set(&port_link(ports[B])->down, &small);
    CHECK_ROW_UINT("to B", segment_mtu_to(ports[B]), 576);
    CHECK_ROW_UINT("to C", segment_mtu_to(ports[C]), 1500);
    CHECK_ROW_UINT("hop", hop_mtu(&hop), 576);
    join(&sockets[B], "224.0.0.251");
    join(&sockets[C], "224.0.0.251");
    CHECK(net_socket_send(&box_socket, "10.0.0.12:5000", text) == IO_OK);
    CHECK(net_socket_send(&sockets[A], "10.0.0.12:5000", text) == IO_OK);
    CHECK(net_socket_send(&sockets[A], "224.0.0.251:5000", text) == IO_OK);
    net_run(here, TIME_S);
    CHECK_ROW_UINT("from the box, in two", sockets[B].got->len, 1);
    CHECK_ROW_UINT("from the box, in two", ports[B]->packets_in, 2);
    CHECK_ROW_UINT("A's don't fit", node_dropped(hosts[A], DROP_TOO_BIG), 2);
    CHECK_ROW_UINT("nobody is told", sockets[A].icmp->len, 0);
    CHECK_ROW_UINT("the multicast fits at C", sockets[C].got->len, 1);
}

/* A member leaves with packets on the way to it, from it, and behind them. */
static void
test_leaving(void)
{
    CHECK(net_socket_send(&sockets[A], "10.0.0.12:5000", "one") == IO_OK);
    CHECK(net_socket_send(&sockets[B], "10.0.0.11:5000", "two") == IO_OK);
    world_run(here, 150000);
    CHECK(net_socket_send(&sockets[A], "10.0.0.12:5000", "three") == IO_OK);
    CHECK(net_socket_send(&sockets[B], "10.0.0.11:5000", "four") == IO_OK);
    node_remove_port(hosts[B], ports[B]);
    CHECK_ROW_UINT("its own link's", here->counts.dropped[DROP_LINK_DOWN], 2);
    CHECK(net_balanced(here));
    net_run(here, TIME_S);
    CHECK_ROW_UINT("what had left it arrives", sockets[A].got->len, 1);
    CHECK_ROW_UINT("nobody there any more", node_dropped(hosts[A], DROP_NO_NEIGHBOUR), 1);
    CHECK(segment_member(lan, net_address("10.0.0.12")) == NULL);
    CHECK(net_socket_send(&sockets[B], "10.0.0.11:5000", "five") == IO_NO_ROUTE);
    CHECK(net_socket_send(&sockets[A], "255.255.255.255:5000", "six") == IO_OK);
    net_run(here, TIME_S);
    CHECK_ROW_UINT("C and the box hear it", sockets[C].got->len + box_socket.got->len, 2);
    /* and comes back by another link */
    ports[B] = node_join(hosts[B], lan, NULL, NULL);
    CHECK(node_add_address(hosts[B], ports[B], net_address("10.0.0.12"), 1, 24));
    CHECK(net_socket_send(&sockets[A], "10.0.0.12:5000", "seven") == IO_OK);
    net_run(here, TIME_S);
    CHECK_ROW_TEXT("back", net_socket_text(&sockets[B], 0), "seven");
}

void
suite_net_segment(void)
{
    UNIT_SUITE("segment", set_up, tear_down, { "layer 2", test_layer_2 }, { "members", test_members },
               { "unknown neighbour", test_unknown_neighbour }, { "multicast", test_multicast },
               { "broadcast", test_broadcast }, { "alone", test_alone }, { "MTU", test_mtu },
               { "leaving", test_leaving });
}
