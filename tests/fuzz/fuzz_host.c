/* Packets into hosts and a router. The input decides step by step: what bytes reach which node, raw or with lengths and
 * checksums put right, alone or quoted in an ICMP error; how far time goes on; what sockets do, also inside their
 * callbacks; what becomes of links, addresses and ports meanwhile.
 *
 *     A 192.0.2.1 --- router --- 198.51.100.1 B        and a segment 10.0.0.0/24: the router .1, C .2, D .3
 *       2001:db8:a::1            2001:db8:b::1                         2001:db8:c::/64: the same
 *
 * Whatever comes: no packet is lost uncounted, each record can be said, what leaves a node has right lengths and, in IPv4,
 * a right header checksum, and when the world has come to rest nothing is left alive. */
#include <glib.h>

#include "core/base/cursor.h"
#include "core/base/io.h"
#include "core/net/checksum.h"
#include "core/net/icmp.h"
#include "core/net/ipv6.h"
#include "core/net/segment.h"
#include "core/net/stack.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum { A, ROUTER, B, C, D, NODES, SOCKETS = 6, PORTS = 7, STEPS = 400, PACKET_BYTES = 1600 };

struct user {
    struct fuzz *fuzz;
    struct io_udp *udp;
};

struct fuzz {
    struct capture capture; /* first */
    struct journal journal;
    struct world *world;
    struct node *nodes[NODES];
    struct port *ports[PORTS]; /* NULL: taken out */
    struct user users[SOCKETS];
    struct echo echo;
    GString *said;
    struct reader input;
    uint8_t last[PACKET_BYTES]; /* the last packet that left a node: what errors quote */
    size_t last_length;
};

/* --- who listens ------------------------------------------------------------------------------------------------ */

static const char *
no_name(const struct names *names, uint32_t number)
{
    (void)names, (void)number;
    return "?";
}

static const struct names nobody = { no_name, no_name };

static void
take_record(struct journal *journal, const struct record *record)
{
    struct fuzz *fuzz = (struct fuzz *)((char *)journal - offsetof(struct fuzz, journal));

    g_assert(record->at == fuzz->world->now && record->kind && record->reason < DROP_REASON_COUNT);
    g_string_truncate(fuzz->said, 0);
    record->kind->say(record, &nobody, fuzz->said);
    g_assert(fuzz->said->len > 0);
}

/* What a node sends is well-formed; what it receives may be anything. */
static void
take_packet(struct capture *capture, uint32_t interface, uint32_t node, enum capture_direction direction, int64_t at,
            packet_name packet, struct span bytes)
{
    struct fuzz *fuzz = (struct fuzz *)capture;

    (void)interface, (void)node, (void)at, (void)packet;
    if (direction == CAPTURE_IN)
        return;
    g_assert(bytes.length >= 20);
    if (bytes.bytes[0] >> 4 == 6) {
        g_assert(bytes.length >= 40 && bytes.length == 40u + (size_t)(bytes.bytes[4] << 8 | bytes.bytes[5]));
    } else {
        g_assert(bytes.length == (size_t)(bytes.bytes[2] << 8 | bytes.bytes[3]));
        g_assert(checksum_of(span_of(bytes.bytes, (bytes.bytes[0] & 15u) * 4)) == 0);
    }
    fuzz->last_length = MIN(bytes.length, sizeof fuzz->last);
    memcpy(fuzz->last, bytes.bytes, fuzz->last_length);
}

/* --- sockets ---------------------------------------------------------------------------------------------------- */

/* In IPv6 the same as in IPv4, one by one, as far as there is such a thing. */
static struct address
table_ipv6(uint8_t choice)
{
    static const struct {
        uint16_t first, third, last;
    } table[] = { { 0x2001, 0xa, 1 },    { 0x2001, 0xa, 0xfe }, { 0x2001, 0xb, 1 }, { 0x2001, 0xb, 0xfe },
                  { 0x2001, 0xc, 1 },    { 0x2001, 0xc, 2 },    { 0x2001, 0xc, 3 }, { 0x2001, 0xc, 0x63 },
                  { 0x2620, 0, 1 },      { 0xff02, 0, 0xfb },   { 0xff02, 0, 1 },   { 0, 0, 1 },
                  { 0, 0, 0 },           { 0x2001, 0xa, 2 },    { 0x2001, 0xc, 4 }, { 0x2001, 0xb, 2 } };
    size_t i = choice % G_N_ELEMENTS(table);
    uint64_t second = table[i].third ? 0xdb8 : 0;

    return (struct address){ (uint64_t)table[i].first << 48 | second << 32 | (uint64_t)table[i].third << 16,
                             table[i].last };
}

static struct address
table_ipv4(uint8_t choice)
{
    static const uint32_t table[] = { 0xc0000201, 0xc00002fe, 0xc6336401, 0xc63364fe, 0x0a000001, 0x0a000002,
                                      0x0a000003, 0x0a000063, 0xcb007101, 0xe00000fb, 0xffffffff, 0x7f000001,
                                      0,          0xc0000202, 0x0a000004, 0xc6336402 };

    return address_ipv4(table[choice % G_N_ELEMENTS(table)]);
}

static struct address
table_address(uint8_t choice)
{
    return choice & 64 ? table_ipv6(choice) : table_ipv4(choice);
}

static struct endpoint
table_endpoint(uint8_t choice)
{
    return (struct endpoint){ table_address(choice), (uint16_t)(1000 + (choice >> 4) % 4) };
}

static void
send_from(struct user *user, uint8_t choice)
{
    static const uint8_t data[3000] = { 1, 2, 3 };
    static const size_t lengths[] = { 0, 5, 600, 1472, 3000 };
    struct io_datagram datagram =
        IO_DATAGRAM_TO(table_endpoint(choice), span_of(data, lengths[choice % G_N_ELEMENTS(lengths)]));

    datagram.dont_fragment = choice & 1;
    datagram.ttl = choice & 2 ? choice % 4 : IO_UNSET;
    if (user->udp)
        user->udp->ops->send(user->udp, &datagram);
}

static void
close_user(struct user *user)
{
    struct io_udp *udp = user->udp;

    user->udp = NULL;
    if (udp)
        udp->ops->close(udp);
}

/* In a callback anything is allowed; the input says what. */
static void
react(struct user *user)
{
    uint8_t choice = reader_u8(&user->fuzz->input);

    if (choice < 64)
        close_user(user);
    else if (choice < 96)
        close_user(&user->fuzz->users[choice % SOCKETS]);
    else if (choice < 160)
        send_from(user, choice);
}

static void
on_datagram(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct user *user = owner;
    uint8_t sum = 0;

    g_assert(udp == user->udp);
    for (size_t i = 0; i < datagram->data.length; i++)
        sum |= datagram->data.bytes[i];
    (void)sum;
    react(user);
}

static void
on_icmp(void *owner, struct io_udp *udp, const struct io_icmp *icmp)
{
    struct user *user = owner;

    g_assert(udp == user->udp);
    g_assert(address_is_ipv4(icmp->peer.address) ? icmp_is_error(icmp->type) : icmp6_is_error(icmp->type));
    react(user);
}

static void
open_user(struct fuzz *fuzz, uint8_t choice)
{
    static const struct io_udp_events events = { on_datagram, on_icmp };
    struct user *user = &fuzz->users[choice % SOCKETS];
    struct io *io = node_io(fuzz->nodes[choice / SOCKETS % NODES]);
    struct endpoint local = table_endpoint(reader_u8(&fuzz->input));
    struct address group = choice & 32 ? table_ipv4(9) : table_ipv6(9);
    enum io_result why;

    close_user(user);
    if (choice & 128)
        local.address = ADDRESS_NONE;
    user->udp = io->ops->udp(io, &local, &events, user, &why);
    if (user->udp && (choice & 64))
        user->udp->ops->join(user->udp, &group, 0);
}

static void
on_reply(void *owner, struct echo *echo, struct address from, uint16_t sequence, struct span data, uint8_t ttl)
{
    struct fuzz *fuzz = owner;

    (void)from, (void)sequence, (void)data, (void)ttl;
    if (reader_u8(&fuzz->input) & 1)
        echo_close(echo);
}

static void
on_error(void *owner, struct echo *echo, const struct io_icmp *icmp, uint16_t sequence)
{
    (void)icmp;
    on_reply(owner, echo, ADDRESS_NONE, sequence, (struct span){ NULL, 0 }, 0);
}

static void
ping(struct fuzz *fuzz, uint8_t choice)
{
    static const struct echo_events events = { on_reply, on_error };
    static const uint8_t data[2000];

    if (!fuzz->echo.open)
        echo_open(&fuzz->echo, fuzz->nodes[A], &events, fuzz);
    echo_send(&fuzz->echo, table_address(choice), choice, span_of(data, choice % 3 * 900u), choice & 32 ? 1 : IO_UNSET,
              NULL);
}

/* --- packets ---------------------------------------------------------------------------------------------------- */

static void
put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void
put_checksum(uint8_t *at, struct span covered, uint64_t pseudo)
{
    put16(at, 0);
    put16(at, (uint16_t)~checksum_fold(checksum_add(pseudo, covered)));
}

/* The same for IPv6. */
static void
put_right_ipv6(uint8_t *bytes, size_t length)
{
    struct ipv6_chain chain;
    struct span rest;
    uint64_t pseudo;

    bytes[0] = (uint8_t)(0x60 | (bytes[0] & 15));
    put16(bytes + 4, (unsigned)length - 40);
    if (!ipv6_walk(span_of(bytes, length), &chain) || chain.offset > 0)
        return;
    rest = span_of(bytes + chain.end, length - chain.end);
    pseudo = checksum_pseudo(address_from_bytes(bytes + 8, FAMILY_IPV6), address_from_bytes(bytes + 24, FAMILY_IPV6),
                             chain.next, (uint32_t)rest.length);
    if (chain.next == PROTOCOL_UDP && rest.length >= 8) {
        put16(bytes + chain.end + 4, (unsigned)rest.length);
        put_checksum(bytes + chain.end + 6, rest, pseudo);
    } else if (chain.next == PROTOCOL_ICMPV6 && rest.length >= 4) {
        put_checksum(bytes + chain.end + 2, rest, pseudo);
    }
}

/* Makes lengths and checksums right, as far as the headers are there. */
static void
put_right(uint8_t *bytes, size_t length)
{
    unsigned header = (bytes[0] & 15u) * 4;
    struct address source, destination;
    struct span rest;

    if (header < 20 || length < header)
        bytes[0] = 0x45, header = 20;
    bytes[0] = (uint8_t)(0x40 | (bytes[0] & 15));
    put16(bytes + 2, (unsigned)length);
    put16(bytes + 10, 0);
    put16(bytes + 10, checksum_of(span_of(bytes, header)));
    source = address_from_bytes(bytes + 12, FAMILY_IPV4);
    destination = address_from_bytes(bytes + 16, FAMILY_IPV4);
    rest = span_of(bytes + header, length - header);
    if (bytes[9] == PROTOCOL_ICMP && rest.length >= 4) {
        put16(bytes + header + 2, 0);
        put16(bytes + header + 2, checksum_of(rest));
    } else if (bytes[9] == PROTOCOL_UDP && rest.length >= 8) {
        uint64_t sum = checksum_pseudo(source, destination, PROTOCOL_UDP, (uint32_t)rest.length);

        put16(bytes + header + 4, (unsigned)rest.length);
        put16(bytes + header + 6, 0);
        put16(bytes + header + 6, (uint16_t)~checksum_fold(checksum_add(sum, rest)));
    }
}

static void
arrive(struct fuzz *fuzz, uint8_t where, const uint8_t *bytes, size_t length)
{
    struct port *port = fuzz->ports[where % PORTS];
    struct packet *packet;

    if (!port)
        return;
    packet = packet_new(fuzz->world, length);
    if (length > 0)
        memcpy(packet->data, bytes, length);
    packet->name = PACKET_NAME(0, fuzz->world->counts.sent);
    port_receive(port, packet);
}

/* The next bytes of the input as a packet. `choice`: put right, or as they are. */
static void
raw_packet(struct fuzz *fuzz, uint8_t choice)
{
    size_t length = reader_u8(&fuzz->input), left = reader_left(&fuzz->input);
    struct span bytes = reader_span(&fuzz->input, MIN(length, left));
    uint8_t copy[256];

    if (bytes.length > 0)
        memcpy(copy, bytes.bytes, bytes.length);
    if (choice & 128 && bytes.length >= 40 && copy[0] & 128)
        put_right_ipv6(copy, bytes.length);
    else if (choice & 128 && bytes.length >= 20)
        put_right(copy, bytes.length);
    arrive(fuzz, choice, copy, bytes.length);
}

/* A packet with addresses of the world. The fragment word comes from a few bits, so that pieces meet. */
static void
shaped_packet(struct fuzz *fuzz, uint8_t choice)
{
    uint8_t bytes[PACKET_BYTES] = { 0x45 }, shape = reader_u8(&fuzz->input), piece = reader_u8(&fuzz->input);
    static const uint8_t protocols[] = { PROTOCOL_UDP, PROTOCOL_ICMP, PROTOCOL_TCP, 99 };
    size_t length = 20 + (piece & 7) * 8u + (piece & 128 ? 8u : 0) + (piece & 64 ? 1400u : 0);
    uint8_t whom = reader_u8(&fuzz->input);
    struct endpoint to = { table_ipv4(whom), (uint16_t)(1000 + (whom >> 4) % 4) };

    put16(bytes + 4, shape >> 6);
    put16(bytes + 6, (unsigned)((piece & 32) << 8 | ((piece & 64) ? 0 : (piece & 24) >> 3) | ((shape & 32) << 9)));
    bytes[8] = choice & 128 ? 64 : (uint8_t)(shape % 4);
    bytes[9] = protocols[shape % 4];
    address_to_bytes(table_ipv4(shape >> 2), bytes + 12);
    address_to_bytes(to.address, bytes + 16);
    put16(bytes + 20, 1000);
    put16(bytes + 22, to.port);
    if (bytes[9] == PROTOCOL_ICMP)
        bytes[20] = reader_u8(&fuzz->input) % 16;
    put_right(bytes, length);
    arrive(fuzz, choice, bytes, length);
}

/* Puts an extension header of the input's choice at `at`; the byte that says what comes behind it is its first. Returns
 * its size. */
static size_t
put_extension(struct fuzz *fuzz, uint8_t type, uint8_t *at)
{
    uint8_t what = reader_u8(&fuzz->input);
    size_t size = type != IPV6_FRAGMENT && what & 128 ? 16 : 8;

    memset(at, 0, size);
    if (type == IPV6_FRAGMENT) { /* a few offsets and identifications, so that pieces meet */
        put16(at + 2, (unsigned)((what & 12) << 1 | (what & 1)));
        at[7] = what >> 6;
        return size;
    }
    at[1] = (uint8_t)(size / 8 - 1);
    at[2] = type == IPV6_ROUTING ? what & 4 : reader_u8(&fuzz->input);
    at[3] = type == IPV6_ROUTING ? what & 1 : (uint8_t)(size - 4 + (what % 8 == 7));
    return size;
}

/* An IPv6 packet with addresses of the world, extension headers, and UDP, ICMPv6, TCP or nothing known behind them. */
static void
shaped_ipv6(struct fuzz *fuzz, uint8_t choice)
{
    static const uint8_t extensions[] = { IPV6_HOP_BY_HOP, IPV6_DESTINATION, IPV6_ROUTING, IPV6_FRAGMENT };
    static const uint8_t protocols[] = { PROTOCOL_UDP, PROTOCOL_ICMPV6, PROTOCOL_TCP, 99, IPV6_NO_NEXT, PROTOCOL_UDP };
    uint8_t bytes[PACKET_BYTES] = { 0x60 }, shape = reader_u8(&fuzz->input), piece = reader_u8(&fuzz->input);
    uint8_t protocol = protocols[shape % G_N_ELEMENTS(protocols)], *next = bytes + 6;
    uint8_t whom = reader_u8(&fuzz->input);
    size_t length = 40;

    bytes[7] = choice & 128 ? 64 : (uint8_t)(shape % 4);
    address_to_bytes(table_ipv6(shape >> 2), bytes + 8);
    address_to_bytes(table_ipv6(whom), bytes + 24);
    for (unsigned n = 0; n < (piece & 3); n++) {
        uint8_t type = extensions[reader_u8(&fuzz->input) % G_N_ELEMENTS(extensions)];

        *next = type;
        next = bytes + length;
        length += put_extension(fuzz, type, next);
    }
    *next = protocol;
    put16(bytes + length, 1000);
    put16(bytes + length + 2, 1000u + (whom >> 4) % 4);
    if (protocol == PROTOCOL_ICMPV6)
        bytes[length] = (uint8_t)((shape & 64) << 1 | reader_u8(&fuzz->input) % 8);
    length += (piece >> 2 & 7) * 8u + (piece & 32 ? 1300u : 0) + (piece & 64 ? 3u : 0);
    put_right_ipv6(bytes, length);
    arrive(fuzz, choice, bytes, length);
}

/* The same for an IPv6 packet. */
static void
error_ipv6(struct fuzz *fuzz, uint8_t choice, uint8_t spoil)
{
    static const uint8_t types[] = { 1, 2, 3, 4, 2, 1, 100, 2 };
    static const uint16_t mtus[] = { 0, 1279, 1280, 1281, 1400, 1499, 1500, 65535 };
    uint8_t bytes[48 + 1232] = { 0x60, [6] = PROTOCOL_ICMPV6, [7] = 64 };
    size_t quoted = MIN(fuzz->last_length, 1232u);

    if (choice & 64)
        quoted = MIN(quoted, spoil);
    address_to_bytes(table_ipv6(8), bytes + 8);
    memcpy(bytes + 24, fuzz->last + 8, 16);
    bytes[40] = types[spoil % 8];
    bytes[41] = spoil >> 4 & 7;
    put16(bytes + 46, mtus[spoil >> 3 & 7]);
    memcpy(bytes + 48, fuzz->last, quoted);
    if (choice & 32 && quoted > 0)
        bytes[48 + spoil % quoted] ^= (uint8_t)(1 + choice);
    put_right_ipv6(bytes, 48 + quoted);
    arrive(fuzz, choice, bytes, 48 + quoted);
}

/* An ICMP error about the last packet that left a node, perhaps spoilt. */
static void
error_packet(struct fuzz *fuzz, uint8_t choice)
{
    static const uint8_t types[] = { 3, 3, 11, 4, 5, 12, 3, 11 };
    uint8_t bytes[28 + 576] = { 0x45, [8] = 64, [9] = PROTOCOL_ICMP }, spoil = reader_u8(&fuzz->input);
    size_t quoted = MIN(fuzz->last_length, 576u);

    if (choice & 64)
        quoted = MIN(quoted, spoil);
    if (fuzz->last_length < 20)
        return;
    if (fuzz->last[0] >> 4 == 6) {
        error_ipv6(fuzz, choice, spoil);
        return;
    }
    address_to_bytes(table_ipv4(8), bytes + 12);
    memcpy(bytes + 16, fuzz->last + 12, 4);
    bytes[20] = types[spoil % 8];
    bytes[21] = spoil >> 4;
    memcpy(bytes + 28, fuzz->last, quoted);
    if (choice & 32 && quoted > 0)
        bytes[28 + spoil % quoted] ^= (uint8_t)(1 + choice);
    put_right(bytes, 28 + quoted);
    arrive(fuzz, choice, bytes, 28 + quoted);
}

/* --- changes ---------------------------------------------------------------------------------------------------- */

static void
change_link(struct fuzz *fuzz, uint8_t choice)
{
    struct port *port = fuzz->ports[choice % PORTS];
    struct link_options options = link_defaults;
    uint8_t what = reader_u8(&fuzz->input);
    struct link_fault fault = {
        .packet = reader_u8(&fuzz->input), .lose = what & 1, .duplicate = what & 2, .delay = (what & 4) * TIME_MS
    };

    if (!port || !port_link(port))
        return;
    options.loss = what & 8 ? 1u << 30 : 0;
    options.duplicate = what & 16 ? 1u << 30 : 0;
    options.jitter = what & 32 ? TIME_MS : 0;
    options.reorder = what & 64 ? 1u << 31 : 0;
    options.mtu = what & 128 ? 68u + choice / 2 : 1500;
    options.rate = choice & 32 ? 1000000 : 0;
    options.queue = choice & 64 ? 3000 : 0;
    options.off = choice >= 224;
    options.faults = &fault;
    options.fault_count = fault.packet > 0;
    wire_set(choice & 16 ? &port_link(port)->up : &port_link(port)->down, &options);
}

static void
change_node(struct fuzz *fuzz, uint8_t choice)
{
    struct node *node = fuzz->nodes[choice % NODES];
    struct port *port = fuzz->ports[choice % PORTS];

    switch (choice / NODES % 8) {
    case 0:
        node->down = !node->down;
        node_forget(node);
        break;
    case 1:
        node_remove_address(node, table_address(reader_u8(&fuzz->input)));
        break;
    case 2:
        if (port) { /* what no host can have (multicast and so on) is refused above the net layer */
            uint8_t which = reader_u8(&fuzz->input);
            bool ipv6 = which & 64;

            node_add_address(port->node, port, ipv6 ? table_ipv6(which % 8) : table_ipv4(which % 8), 1 + choice % 2,
                             ipv6 ? 64 : 24);
        }
        break;
    case 3:
        if (port)
            node_set_default(port->node, choice & 128 ? port : NULL,
                             choice & 64 ? table_address((uint8_t)(4 | (choice & 1) << 6)) : ADDRESS_NONE);
        break;
    case 4:
        if (port && choice > 200) { /* its other end goes too */
            struct port *peer = port_peer(port);

            node_remove_port(port->node, port);
            for (int i = 0; i < PORTS; i++)
                if (fuzz->ports[i] == port || (peer && fuzz->ports[i] == peer))
                    fuzz->ports[i] = NULL;
        }
        break;
    case 5:
        node->keep_ttl = !node->keep_ttl;
        break;
    case 6:
        fuzz->nodes[ROUTER]->forwards = !fuzz->nodes[ROUTER]->forwards; /* two that forward could make a loop */
        break;
    default:
        break;
    }
}

static void
one_step(struct fuzz *fuzz)
{
    static const int64_t spans[] = { 0, 1, TIME_US, 50 * TIME_US, TIME_MS, 10 * TIME_MS, TIME_S, 30 * TIME_S };
    uint8_t what = reader_u8(&fuzz->input), choice = reader_u8(&fuzz->input);

    switch (what % 10) {
    case 0:
        raw_packet(fuzz, choice);
        break;
    case 1:
    case 2:
    case 3:
        if (what & 64)
            shaped_ipv6(fuzz, choice);
        else
            shaped_packet(fuzz, choice);
        break;
    case 4:
        error_packet(fuzz, choice);
        break;
    case 5:
        world_run(fuzz->world, fuzz->world->now + spans[choice % 8]);
        break;
    case 6:
        open_user(fuzz, choice);
        break;
    case 7:
        if (choice & 128)
            send_from(&fuzz->users[choice % SOCKETS], reader_u8(&fuzz->input));
        else
            ping(fuzz, choice);
        break;
    case 8:
        change_link(fuzz, choice);
        break;
    case 9:
        change_node(fuzz, choice);
        break;
    }
    g_assert(net_balanced(fuzz->world));
}

/* --- the world -------------------------------------------------------------------------------------------------- */

static void
build(struct fuzz *fuzz)
{
    static const char *const names[NODES] = { "A", "router", "B", "C", "D" };
    static const uint8_t own[PORTS] = { 0, 1, 2, 3, 4, 5, 6 }; /* in table_address */
    struct segment *segment = segment_new(fuzz->world, "LAN");

    for (int i = 0; i < NODES; i++)
        fuzz->nodes[i] = node_new(fuzz->world, names[i]);
    fuzz->nodes[ROUTER]->forwards = true;
    fuzz->ports[0] = node_connect(fuzz->nodes[A], fuzz->nodes[ROUTER], NULL, NULL);
    fuzz->ports[1] = port_peer(fuzz->ports[0]);
    fuzz->ports[2] = node_connect(fuzz->nodes[B], fuzz->nodes[ROUTER], NULL, NULL);
    fuzz->ports[3] = port_peer(fuzz->ports[2]);
    fuzz->ports[4] = node_sit(fuzz->nodes[ROUTER], segment);
    fuzz->ports[5] = node_join(fuzz->nodes[C], segment, NULL, NULL);
    fuzz->ports[6] = node_join(fuzz->nodes[D], segment, NULL, NULL);
    for (int i = 0; i < PORTS; i++) {
        struct port *port = fuzz->ports[i];

        port->capture = &fuzz->capture;
        if (!node_add_address(port->node, port, table_ipv4(own[i]), 1, 24) ||
            !node_add_address(port->node, port, table_ipv6(own[i]), 1, 64))
            g_assert_not_reached();
        if (port->node == fuzz->nodes[ROUTER])
            continue;
        node_set_default(port->node, port, i >= 4 ? table_ipv4(4) : ADDRESS_NONE);
        if (i >= 4)
            node_set_default(port->node, port, table_ipv6(4));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct fuzz fuzz = { .capture = { take_packet }, .journal = { take_record }, .said = g_string_new(NULL) };

    fuzz.world = world_new(1);
    fuzz.world->journal = &fuzz.journal;
    fuzz.input = reader_over(span_of(bytes, length));
    for (int i = 0; i < SOCKETS; i++)
        fuzz.users[i].fuzz = &fuzz;
    build(&fuzz);
    for (int step = 0; step < STEPS && reader_left(&fuzz.input) > 0; step++)
        one_step(&fuzz);

    for (int i = 0; i < SOCKETS; i++)
        close_user(&fuzz.users[i]);
    if (fuzz.echo.open)
        echo_close(&fuzz.echo);
    world_run(fuzz.world, fuzz.world->now + 90 * TIME_S); /* longer than fragments wait, and the answers to that */
    g_assert(fuzz.world->packets_alive == 0 && fuzz.world->busy == 0);
    g_assert(net_balanced(fuzz.world));
    world_free(fuzz.world);
    g_string_free(fuzz.said, TRUE);
    return 0;
}
