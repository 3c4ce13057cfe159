/* The ALG ftp in a box, and a control connection through it. The input decides what both ends say, how it is cut into
 * segments, which are lost, doubled, late or sent again with other boundaries, what is acknowledged, and how time goes on.
 *
 * Whatever comes: every packet is accounted for, what leaves has right checksums and always the same bytes at the same
 * place, nothing is acknowledged that was not sent, and each line arrives as it was, but for the one place that the ALG
 * understands. */
#include <glib.h>

#include "core/base/cursor.h"
#include "core/net/checksum.h"
#include "core/net/net.h"
#include "core/net/node.h"
#include "core/net/segment.h"
#include "core/net/tcp_segment.h"
#include "nat/alg/alg.h"
#include "nat/alg/ftp_text.h"
#include "nat/presets.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum { CLIENT, SERVER, ENDS, STREAM_MAX = 3000, OUT_MAX = 3 * STREAM_MAX, STEPS = 300, FIRST = 0xfffffc00 };

struct end {
    uint8_t data[STREAM_MAX], got[OUT_MAX]; /* `got`: of the other's */
    bool has[OUT_MAX];
    uint32_t length, nxt, received;
    bool fin;
};

struct bench {
    struct capture captures[ENDS]; /* of what leaves towards each; first */
    struct world *world;
    struct node *box, *sinks[ENDS];
    struct port *ports[ENDS];
    struct end ends[ENDS];
    bool resets;
};

static const char *const lines[] = {
    "PORT 10,0,0,2,19,137\r\n", "PORT 10,0,0,3,19,137\r\n", "EPRT |1|10.0.0.2|5001|\r\n", "EPSV\r\n",
    "227 ok (10,0,0,2,19,137)\r\n", "229 ok (|||5001|)\r\n", "AUTH TLS\r\n", "234 ok\r\n", "502 no\r\n",
    "\xff\xf4\xff\xf2PORT 10,0,0,2,19,138\r\n",
};

static struct endpoint
own_of(unsigned end)
{
    return end == CLIENT ? (struct endpoint){ address_ipv4(0x0a000002), 5000 }
                         : (struct endpoint){ address_ipv4(0xc6336401), 21 };
}

/* ---- what leaves */

static void
receive(struct bench *bench, unsigned to, const struct tcp_segment *tcp)
{
    struct end *end = &bench->ends[to];
    uint32_t at = tcp->seq - FIRST - 1;

    if (tcp->flags & TCP_SYN)
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
leaves(struct bench *bench, unsigned to, enum capture_direction direction, struct span bytes)
{
    struct tcp_segment tcp;
    struct address source, destination;

    if (direction != CAPTURE_OUT || bytes.bytes[9] != PROTOCOL_TCP)
        return;
    g_assert((size_t)(bytes.bytes[2] << 8 | bytes.bytes[3]) == bytes.length);
    g_assert(checksum_of(span_of(bytes.bytes, 20)) == 0);
    source = address_from_bytes(bytes.bytes + 12, FAMILY_IPV4);
    destination = address_from_bytes(bytes.bytes + 16, FAMILY_IPV4);
    bytes = span_of(bytes.bytes + 20, bytes.length - 20);
    g_assert(checksum_fold(checksum_add(
                 checksum_pseudo(source, destination, PROTOCOL_TCP, (uint32_t)bytes.length), bytes)) == 0xffff);
    g_assert(tcp_segment_read(bytes, &tcp) == DROP_NONE);
    receive(bench, to, &tcp);
}

static void
to_client(struct capture *capture, uint32_t interface, uint32_t node, enum capture_direction direction, int64_t at,
          packet_name packet, struct span bytes)
{
    (void)interface, (void)node, (void)at, (void)packet;
    leaves((struct bench *)capture, CLIENT, direction, bytes);
}

static void
to_server(struct capture *capture, uint32_t interface, uint32_t node, enum capture_direction direction, int64_t at,
          packet_name packet, struct span bytes)
{
    (void)interface, (void)node, (void)at, (void)packet;
    leaves((struct bench *)(capture - 1), SERVER, direction, bytes);
}

/* ---- the box */

static void
open_bench(struct bench *bench, uint8_t preset)
{
    static const char *const presets[] = { "full-cone", "port-restricted-cone", "symmetric", "linux" };
    struct nat_options options = nat_preset_find(presets[preset % G_N_ELEMENTS(presets)])->options;
    struct segment *lan;

    options.tcp.ports = NAT_PORTS_PRESERVE;
    options.algs = NAT_ALG_FTP;
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

static void
put(struct bench *bench, unsigned from, const struct tcp_segment *what)
{
    struct endpoint source = own_of(from),
                    to = from == CLIENT ? own_of(SERVER) : (struct endpoint){ address_ipv4(0xcb007101), 5000 };
    struct tcp_segment tcp = *what;
    size_t length = 20 + tcp_segment_header(&tcp) + tcp.data.length;
    struct packet *packet = packet_new(bench->world, length);
    struct writer writer = writer_over(packet->data, 20);

    tcp.source_port = source.port;
    tcp.destination_port = to.port;
    g_assert(tcp_segment_write(&tcp, source.address, to.address, packet->data + 20, length - 20));
    writer_u16(&writer, 0x4500);
    writer_u16(&writer, (uint16_t)length);
    writer_u32(&writer, 0x4000);
    writer_u32(&writer, 0x40060000);
    writer_u32(&writer, address_to_ipv4(source.address));
    writer_u32(&writer, address_to_ipv4(to.address));
    writer_patch_u16(&writer, 10, checksum_of(span_of(packet->data, 20)));
    packet->name = node_name_packet(bench->sinks[from]);
    port_receive(bench->ports[from], packet);
    g_assert(net_balanced(bench->world));
}

/* ---- the ends */

static void
shake_hands(struct bench *bench, uint8_t scale)
{
    struct tcp_segment syn = { .seq = FIRST, .flags = TCP_SYN, .window = 8000, .scale = scale % 16 ? TCP_NO_SCALE : 3 };

    put(bench, CLIENT, &syn);
    syn.flags |= TCP_ACK;
    syn.ack = FIRST + 1;
    put(bench, SERVER, &syn);
}

/* What an end says: lines that mean something, and others. */
static void
fill(struct end *end, struct reader *reader)
{
    unsigned count = reader_u8(reader) % 40;

    while (count-- > 0 && reader_left(reader) > 0) {
        uint8_t kind = reader_u8(reader);
        struct span line = span_of_text(lines[kind % G_N_ELEMENTS(lines)]);

        if (kind >= 200)
            line = reader_span(reader, MIN(reader_left(reader), kind - 199u));
        if (line.length > STREAM_MAX - end->length)
            return;
        memcpy(end->data + end->length, line.bytes, line.length);
        end->length += (uint32_t)line.length;
    }
}

static void
send_some(struct bench *bench, unsigned from, uint32_t at, uint32_t length, uint8_t flags, struct reader *reader)
{
    struct end *end = &bench->ends[from];
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
    put(bench, from, &tcp);
}

static void
step(struct bench *bench, struct reader *reader)
{
    static const uint8_t flags[] = { 0, 0, TCP_PSH, TCP_FIN, TCP_URG, 0, 0, 0 };
    uint8_t what = reader_u8(reader), size = reader_u8(reader), where = reader_u8(reader);
    unsigned from = what & 1;
    struct end *end = &bench->ends[from];
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
            bench->resets = true;
            send_some(bench, from, at, 0, TCP_RST, reader);
            return;
        }
        break;
    default:
        break;
    }
    send_some(bench, from, at, what & 0x80 ? size * 8u : size % 24, flags[what >> 4 & 7], reader);
}

/* ---- what must hold in the end */

/* A line as it was, or with another text in the place that the ALG understands. */
static bool
is_like(struct span was, struct span is, unsigned from)
{
    struct ftp_place place = ftp_find(was, from == CLIENT);
    size_t behind = was.length - place.at - place.count;

    if (span_equal(was, is))
        return true;
    return from == CLIENT && place.form != FTP_NOTHING && is.length >= place.at + behind &&
           memcmp(was.bytes, is.bytes, place.at) == 0 &&
           memcmp(was.bytes + place.at + place.count, is.bytes + is.length - behind, behind) == 0;
}

static struct span
next_line(struct span *rest)
{
    const uint8_t *end = rest->length ? memchr(rest->bytes, '\n', rest->length) : NULL;
    size_t length = end ? (size_t)(end - rest->bytes) + 1 : rest->length;
    struct span line = span_of(rest->bytes, length);

    *rest = span_of(rest->bytes + length, rest->length - length);
    return line;
}

static void
compare(const struct bench *bench, unsigned from)
{
    const struct end *end = &bench->ends[from], *other = &bench->ends[!from];
    struct span was = span_of(end->data, end->length), is = span_of(other->got, other->received);

    while (is.length > 0) {
        struct span before = next_line(&was), after = next_line(&is);

        if (is.length > 0 || (after.length > 0 && after.bytes[after.length - 1] == '\n'))
            g_assert(is_like(before, after, from));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct reader reader = reader_over(span_of(bytes, length));
    struct bench *bench = g_new0(struct bench, 1);

    open_bench(bench, reader_u8(&reader));
    shake_hands(bench, reader_u8(&reader));
    fill(&bench->ends[CLIENT], &reader);
    fill(&bench->ends[SERVER], &reader);
    for (unsigned i = 0; i < STEPS && reader_left(&reader) > 0; i++)
        step(bench, &reader);
    world_run(bench->world, bench->world->now + 6 * TIME_S);
    compare(bench, CLIENT);
    compare(bench, SERVER);
    g_assert(bench->world->packets_alive == 0);
    world_free(bench->world);
    g_free(bench);
    return 0;
}
