#include "tests/fuzz/support_alg.h"

#include "core/net/checksum.h"
#include "nat/presets.h"

struct endpoint
alg_end_of(const struct alg_bench *bench, unsigned end)
{
    return end == CLIENT ? (struct endpoint){ address_ipv4(0x0a000002), 5000 }
                         : (struct endpoint){ address_ipv4(0xc6336401), bench->port };
}

/* ---- what leaves */

static void
receive(struct alg_bench *bench, unsigned to, const struct tcp_segment *tcp)
{
    struct alg_end *end = &bench->ends[to];
    uint32_t at = tcp->seq - FIRST - 1;

    if (tcp->flags & TCP_SYN || bench->naive)
        return;
    for (uint32_t i = 0; i < tcp->data.length; i++) {
        g_assert(at + i < OUT_MAX);
        g_assert(!end->has[at + i] || end->got[at + i] == tcp->data.bytes[i]);
        end->has[at + i] = true;
        end->got[at + i] = tcp->data.bytes[i];
    }
    while (end->received < OUT_MAX && end->has[end->received])
        end->received++;
    if (tcp->flags & TCP_ACK)
        g_assert((int32_t)(tcp->ack - FIRST - 1) <= (int32_t)(end->nxt + end->fin));
}

static void
keep(struct alg_bench *bench, unsigned to, struct span bytes)
{
    bench->towards = to;
    bench->from = (struct endpoint){ address_from_bytes(bytes.bytes + 12, FAMILY_IPV4),
                                     (uint16_t)(bytes.bytes[20] << 8 | bytes.bytes[21]) };
    bench->to = (struct endpoint){ address_from_bytes(bytes.bytes + 16, FAMILY_IPV4),
                                   (uint16_t)(bytes.bytes[22] << 8 | bytes.bytes[23]) };
    bench->last_length = MIN(bytes.length - 28, sizeof bench->last);
    memcpy(bench->last, bytes.bytes + 28, bench->last_length);
}

static void
leaves(struct alg_bench *bench, unsigned to, enum capture_direction direction, struct span bytes)
{
    uint8_t protocol = bytes.bytes[9];
    struct address source, destination;
    struct tcp_segment tcp;
    struct span inner;

    if (direction != CAPTURE_OUT || (protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP))
        return;
    g_assert((size_t)(bytes.bytes[2] << 8 | bytes.bytes[3]) == bytes.length);
    g_assert(checksum_of(span_of(bytes.bytes, 20)) == 0);
    if ((bytes.bytes[6] << 8 | bytes.bytes[7]) & 0x3fff)
        return; /* a fragment */
    source = address_from_bytes(bytes.bytes + 12, FAMILY_IPV4);
    destination = address_from_bytes(bytes.bytes + 16, FAMILY_IPV4);
    inner = span_of(bytes.bytes + 20, bytes.length - 20);
    g_assert(checksum_fold(checksum_add(checksum_pseudo(source, destination, protocol, (uint32_t)inner.length),
                                        inner)) == 0xffff);
    if (protocol == PROTOCOL_UDP) {
        g_assert((size_t)(inner.bytes[4] << 8 | inner.bytes[5]) == inner.length);
        keep(bench, to, bytes);
        return;
    }
    g_assert(tcp_segment_read(inner, &tcp) == DROP_NONE);
    receive(bench, to, &tcp);
}

static void
to_client(struct capture *capture, uint32_t interface, uint32_t node, enum capture_direction direction, int64_t at,
          packet_name packet, struct span bytes)
{
    (void)interface, (void)node, (void)at, (void)packet;
    leaves((struct alg_bench *)capture, CLIENT, direction, bytes);
}

static void
to_server(struct capture *capture, uint32_t interface, uint32_t node, enum capture_direction direction, int64_t at,
          packet_name packet, struct span bytes)
{
    (void)interface, (void)node, (void)at, (void)packet;
    leaves((struct alg_bench *)(capture - 1), SERVER, direction, bytes);
}

/* ---- the box */

void
alg_bench_open(struct alg_bench *bench, uint8_t preset, unsigned alg, unsigned quirks, uint16_t port)
{
    static const char *const presets[] = { "full-cone", "port-restricted-cone", "symmetric", "linux" };
    struct nat_options options = nat_preset_find(presets[preset % G_N_ELEMENTS(presets)])->options;
    struct segment *lan;

    options.tcp.ports = NAT_PORTS_PRESERVE;
    options.algs = (uint16_t)alg;
    options.alg_quirks[g_bit_nth_lsf(alg, -1)] = (uint16_t)quirks;
    bench->port = port;
    bench->world = world_new(1);
    lan = segment_new(bench->world, "lan");
    bench->box = node_new(bench->world, "nat");
    bench->sinks[CLIENT] = node_new(bench->world, "inside");
    bench->sinks[SERVER] = node_new(bench->world, "outside");
    bench->ports[SERVER] = node_connect(bench->box, bench->sinks[SERVER], NULL, NULL);
    bench->ports[CLIENT] = node_sit(bench->box, lan);
    bench->ports[CLIENT]->inside = true;
    node_add_address(bench->box, bench->ports[SERVER], address_ipv4(0xcb007101), 1, 32);
    node_add_address(bench->box, bench->ports[CLIENT], address_ipv4(0x0a000001), 1, 24);
    node_set_default(bench->box, bench->ports[SERVER], ADDRESS_NONE);
    node_add_address(bench->sinks[CLIENT], node_join(bench->sinks[CLIENT], lan, NULL, NULL), address_ipv4(0x0a000002), 9,
                     24);
    bench->captures[CLIENT] = (struct capture){ to_client };
    bench->captures[SERVER] = (struct capture){ to_server };
    for (unsigned end = 0; end < ENDS; end++) {
        bench->sinks[end]->down = true; /* takes everything in silence */
        bench->ports[end]->capture = &bench->captures[end];
    }
    nat_new(bench->box, &options);
    alg_fit(bench->box);
}

void
alg_bench_close(struct alg_bench *bench)
{
    world_run(bench->world, bench->world->now + 6 * TIME_S);
    g_assert(bench->world->packets_alive == 0);
    world_free(bench->world);
}

/* ---- packets */

static void
put(struct alg_bench *bench, unsigned side, struct packet *packet, size_t length, uint8_t protocol,
    struct endpoint from, struct endpoint to)
{
    uint8_t header[20];
    struct writer writer = writer_over(header, sizeof header);

    writer_u16(&writer, 0x4500);
    writer_u16(&writer, (uint16_t)length);
    writer_u32(&writer, length > 1500 ? 0 : 0x4000);
    writer_u32(&writer, 0x40000000 | (uint32_t)protocol << 16);
    writer_u32(&writer, address_to_ipv4(from.address));
    writer_u32(&writer, address_to_ipv4(to.address));
    writer_patch_u16(&writer, 10, checksum_of(span_of(header, sizeof header)));
    memcpy(packet->data, header, sizeof header);
    packet->name = node_name_packet(bench->sinks[side]);
    port_receive(bench->ports[side], packet);
    g_assert(net_balanced(bench->world));
}

void
alg_bench_datagram(struct alg_bench *bench, unsigned side, struct endpoint from, struct endpoint to, struct span data)
{
    size_t length = 28 + data.length;
    struct packet *packet = packet_new(bench->world, length);
    struct writer writer = writer_over(packet->data + 20, 8);
    struct span inner = span_of(packet->data + 20, length - 20);
    uint16_t sum;

    writer_u16(&writer, from.port);
    writer_u16(&writer, to.port);
    writer_u16(&writer, (uint16_t)(8 + data.length));
    writer_u16(&writer, 0);
    if (data.length > 0)
        memcpy(packet->data + 28, data.bytes, data.length);
    sum = (uint16_t)~checksum_fold(checksum_add(
        checksum_pseudo(from.address, to.address, PROTOCOL_UDP, (uint32_t)inner.length), inner));
    writer_patch_u16(&writer, 6, sum ? sum : 0xffff);
    bench->last_length = 0;
    put(bench, side, packet, length, PROTOCOL_UDP, from, to);
}

static void
put_segment(struct alg_bench *bench, unsigned side, const struct tcp_segment *what)
{
    struct endpoint from = alg_end_of(bench, side), to = alg_end_of(bench, !side);
    struct tcp_segment tcp = *what;
    size_t length = 20 + tcp_segment_header(&tcp) + tcp.data.length;
    struct packet *packet = packet_new(bench->world, length);

    if (side == SERVER)
        to.address = address_ipv4(0xcb007101);
    tcp.source_port = from.port;
    tcp.destination_port = to.port;
    g_assert(tcp_segment_write(&tcp, from.address, to.address, packet->data + 20, length - 20));
    put(bench, side, packet, length, PROTOCOL_TCP, from, to);
}

/* ---- the ends of a connection */

bool
alg_end_add(struct alg_end *end, struct span text)
{
    if (text.length > STREAM_MAX - end->length)
        return false;
    if (text.length > 0)
        memcpy(end->data + end->length, text.bytes, text.length);
    end->length += (uint32_t)text.length;
    return true;
}

void
alg_bench_shake_hands(struct alg_bench *bench, uint8_t scale)
{
    struct tcp_segment syn = { .seq = FIRST, .flags = TCP_SYN, .window = 8000, .scale = scale % 16 ? TCP_NO_SCALE : 3 };

    put_segment(bench, CLIENT, &syn);
    syn.flags |= TCP_ACK;
    syn.ack = FIRST + 1;
    put_segment(bench, SERVER, &syn);
}

static void
send_some(struct alg_bench *bench, unsigned from, uint32_t at, uint32_t length, uint8_t flags, struct reader *reader)
{
    struct alg_end *end = &bench->ends[from];
    uint32_t received = end->received, windows = reader_u8(reader);
    struct tcp_segment tcp = { .seq = FIRST + 1 + at, .flags = TCP_ACK | flags, .scale = TCP_NO_SCALE };

    length = MIN(length, end->length - at);
    tcp.window = (uint16_t)(windows & 1 ? 8000 : windows * 2);
    tcp.ack = FIRST + 1 + (windows & 2 ? received : received / 2);
    tcp.data = span_of(end->data + at, length);
    tcp.urgent = flags & TCP_URG ? 3 : 0;
    if (windows & 4) {
        tcp.sack_count = 1 + windows % 3;
        for (unsigned i = 0; i < tcp.sack_count; i++)
            tcp.sack[i] = (struct tcp_block){ tcp.ack + windows + i * 7, tcp.ack + windows + i * 7 + windows % 11 };
    }
    end->nxt = MAX(end->nxt, at + length);
    if (flags & TCP_FIN && at + length < end->length)
        tcp.flags &= (uint8_t)~TCP_FIN;
    end->fin |= (tcp.flags & TCP_FIN) != 0;
    put_segment(bench, from, &tcp);
}

void
alg_bench_step(struct alg_bench *bench, struct reader *reader)
{
    static const uint8_t flags[] = { 0, 0, TCP_PSH, TCP_FIN, TCP_URG, 0, 0, 0 };
    uint8_t what = reader_u8(reader), size = reader_u8(reader), where = reader_u8(reader);
    unsigned from = what & 1;
    struct alg_end *end = &bench->ends[from];
    uint32_t at = end->nxt;

    switch (what >> 1 & 7) {
    case 0:
        world_run(bench->world, bench->world->now + size * 40 * TIME_MS);
        return;
    case 1:
        at = MIN(end->length, at + where % 32); /* what is left out is lost, for now */
        break;
    case 2:
        at -= MIN(at, where);
        break;
    case 3:
        at = 0;
        break;
    case 4:
        if (size == 0 && where == 0 && what & 0x80) {
            send_some(bench, from, at, 0, TCP_RST, reader);
            return;
        }
        break;
    default:
        break;
    }
    send_some(bench, from, at, what & 0x80 ? size * 8u : size % 24, flags[what >> 4 & 7], reader);
}

