#include "tests/unit/support_net.h"

#include "tests/unit/support.h"

/* --- values ----------------------------------------------------------------------------------------------------- */

struct address
net_address(const char *text)
{
    struct address address;

    if (!address_parse(text, &address))
        g_error("'%s' is no address", text);
    return address;
}

struct endpoint
net_endpoint(const char *text)
{
    struct endpoint endpoint;

    if (!endpoint_parse(text, &endpoint))
        g_error("'%s' is no endpoint", text);
    return endpoint;
}

struct prefix
net_prefix(const char *text)
{
    struct prefix prefix;

    if (!prefix_parse(text, &prefix))
        g_error("'%s' is no prefix", text);
    return prefix;
}

/* --- worlds ----------------------------------------------------------------------------------------------------- */

void
net_run(struct world *world, int64_t duration)
{
    world_run(world, world->now + duration);
}

void
net_world_end(struct world *world)
{
    int64_t limit = world->now + 120 * TIME_MIN;

    CHECK(net_balanced(world));
    while (!world_quiet(world) && world_step(world, limit))
        ;
    CHECK_ROW_UINT("at rest", world->packets_alive, 0);
    CHECK_ROW_UINT("at rest", world->busy, 0);
    CHECK(net_balanced(world));
    world_free(world);
}

/* --- checksums, slowly ------------------------------------------------------------------------------------------ */

uint16_t
net_slow_sum(uint16_t sum, struct span bytes)
{
    for (size_t i = 0; i < bytes.length; i += 2) {
        uint32_t low = i + 1 < bytes.length ? bytes.bytes[i + 1] : 0;
        uint32_t next = (uint32_t)sum + (uint32_t)(bytes.bytes[i] << 8) + low;

        sum = (uint16_t)(next > 0xffff ? next - 0xffff : next); /* the carry goes round the end */
    }
    return sum;
}

static void
put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static unsigned
get16(const uint8_t *at)
{
    return (unsigned)(at[0] << 8 | at[1]);
}

static void
put_ipv4(uint8_t *at, struct address address)
{
    put16(at, address_to_ipv4(address) >> 16);
    put16(at + 2, address_to_ipv4(address) & 0xffff);
}

static unsigned
header_length(const uint8_t *packet)
{
    return (packet[0] & 15u) * 4;
}

void
net_mend_header(uint8_t *packet)
{
    put16(packet + 10, 0);
    put16(packet + 10, 0xffffu ^ net_slow_sum(0, span_of(packet, header_length(packet))));
}

/* Where the checksum of this protocol stands in its header; -1 for none. */
static int
checksum_place(uint8_t protocol)
{
    return protocol == PROTOCOL_UDP ? 6 : protocol == PROTOCOL_TCP ? 16 : protocol == PROTOCOL_ICMP ? 2 : -1;
}

/* The sum of the transport part as it stands, and for UDP and TCP of its pseudo-header (RFC 768, RFC 9293 section
 * 3.1). */
static uint16_t
transport_sum(const uint8_t *packet, const uint8_t *transport, size_t length)
{
    uint8_t pseudo[12] = { 0 };
    uint16_t sum = 0;

    memcpy(pseudo, packet + 12, 8);
    pseudo[9] = packet[9];
    put16(pseudo + 10, (unsigned)length);
    if (packet[9] != PROTOCOL_ICMP)
        sum = net_slow_sum(sum, span_of(pseudo, sizeof pseudo));
    return net_slow_sum(sum, span_of(transport, length));
}

uint16_t
net_transport_checksum(struct span packet)
{
    unsigned header = header_length(packet.bytes);
    size_t length = packet.length - header;
    g_autofree uint8_t *copy = g_memdup2(packet.bytes + header, length);
    int place = checksum_place(packet.bytes[9]);
    uint16_t checksum;

    g_assert(place >= 0 && length >= (size_t)place + 2);
    if (packet.bytes[9] == PROTOCOL_UDP)
        length = get16(copy + 4);
    put16(copy + place, 0);
    checksum = (uint16_t)~transport_sum(packet.bytes, copy, length);
    return packet.bytes[9] == PROTOCOL_UDP && checksum == 0 ? 0xffff : checksum;
}

bool
net_checksums_good(struct span packet)
{
    unsigned header = header_length(packet.bytes);
    int place = checksum_place(packet.bytes[9]);
    size_t length = packet.length - header;
    bool fragment = (get16(packet.bytes + 6) & 0x3fff) != 0;

    if (net_slow_sum(0, span_of(packet.bytes, header)) != 0xffff)
        return false;
    if (place < 0 || fragment)
        return true;
    if (packet.bytes[9] == PROTOCOL_UDP && get16(packet.bytes + header + 6) == 0)
        return true;
    if (packet.bytes[9] == PROTOCOL_UDP)
        length = get16(packet.bytes + header + 4);
    return transport_sum(packet.bytes, packet.bytes + header, length) == 0xffff;
}

/* --- packets ---------------------------------------------------------------------------------------------------- */

GByteArray *
net_build(const struct net_template *header)
{
    unsigned length = 20 + (unsigned)header->options.length;
    GByteArray *bytes = g_byte_array_sized_new(length + (guint)header->payload.length);
    uint8_t *at;

    g_assert(header->options.length % 4 == 0 && length <= 60);
    g_byte_array_set_size(bytes, length);
    at = bytes->data;
    memset(at, 0, length);
    at[0] = (uint8_t)(0x40 | length / 4);
    at[1] = header->tos;
    put16(at + 2, length + (unsigned)header->payload.length);
    put16(at + 4, header->identification);
    put16(at + 6, header->flags_offset);
    at[8] = header->ttl ? header->ttl : 64;
    at[9] = header->protocol;
    put_ipv4(at + 12, header->source);
    put_ipv4(at + 16, header->destination);
    if (header->options.length > 0)
        memcpy(at + 20, header->options.bytes, header->options.length);
    net_mend_header(at);
    if (header->payload.length > 0)
        g_byte_array_append(bytes, header->payload.bytes, (guint)header->payload.length);
    return bytes;
}

/* A transport header of `size` zero bytes and `data`. */
static GByteArray *
transport_new(size_t size, struct span data)
{
    GByteArray *bytes = g_byte_array_new();

    g_byte_array_set_size(bytes, (guint)size);
    memset(bytes->data, 0, size);
    if (data.length > 0)
        g_byte_array_append(bytes, data.bytes, (guint)data.length);
    return bytes;
}

/* Puts the checksum into a transport part that is to go from `source` to `destination`. */
static void
sum_transport(GByteArray *transport, struct address source, struct address destination, uint8_t protocol)
{
    uint8_t header[20] = { 0x45, [9] = protocol };
    uint16_t checksum;

    put_ipv4(header + 12, source);
    put_ipv4(header + 16, destination);
    checksum = (uint16_t)~transport_sum(header, transport->data, transport->len);
    put16(transport->data + checksum_place(protocol), protocol == PROTOCOL_UDP && checksum == 0 ? 0xffff : checksum);
}

GByteArray *
net_udp_payload(struct endpoint source, struct endpoint destination, struct span data)
{
    GByteArray *bytes = transport_new(8, data);

    put16(bytes->data, source.port);
    put16(bytes->data + 2, destination.port);
    put16(bytes->data + 4, bytes->len);
    sum_transport(bytes, source.address, destination.address, PROTOCOL_UDP);
    return bytes;
}

GByteArray *
net_tcp_payload(struct endpoint source, struct endpoint destination, struct span data)
{
    GByteArray *bytes = transport_new(20, data);

    put16(bytes->data, source.port);
    put16(bytes->data + 2, destination.port);
    bytes->data[12] = 5 << 4;
    bytes->data[13] = 2;
    put16(bytes->data + 14, 65535);
    sum_transport(bytes, source.address, destination.address, PROTOCOL_TCP);
    return bytes;
}

GByteArray *
net_icmp_payload(uint8_t type, uint8_t code, uint32_t word, struct span data)
{
    GByteArray *bytes = transport_new(8, data);

    bytes->data[0] = type;
    bytes->data[1] = code;
    put16(bytes->data + 4, word >> 16);
    put16(bytes->data + 6, word & 0xffff);
    sum_transport(bytes, ADDRESS_NONE, ADDRESS_NONE, PROTOCOL_ICMP);
    return bytes;
}

GByteArray *
net_udp(struct endpoint source, struct endpoint destination, struct span data)
{
    g_autoptr(GByteArray) payload = net_udp_payload(source, destination, data);

    return net_build(&(struct net_template){ .source = source.address,
                                             .destination = destination.address,
                                             .protocol = PROTOCOL_UDP,
                                             .payload = net_span(payload) });
}

GByteArray *
net_icmp(struct address source, struct address destination, uint8_t type, uint8_t code, uint32_t word, struct span data)
{
    g_autoptr(GByteArray) payload = net_icmp_payload(type, code, word, data);

    return net_build(&(struct net_template){
        .source = source, .destination = destination, .protocol = PROTOCOL_ICMP, .payload = net_span(payload) });
}

GByteArray *
net_pattern(size_t length)
{
    GByteArray *bytes = g_byte_array_sized_new((guint)length);

    g_byte_array_set_size(bytes, (guint)length);
    for (size_t i = 0; i < length; i++)
        bytes->data[i] = (uint8_t)(i ^ i >> 8);
    return bytes;
}

struct packet *
net_packet(struct world *world, struct span bytes)
{
    struct packet *packet = packet_new(world, bytes.length);

    if (bytes.length > 0)
        memcpy(packet->data, bytes.bytes, bytes.length);
    packet->name = PACKET_NAME(0, world->counts.sent);
    return packet;
}

void
net_arrive(struct port *port, struct span bytes)
{
    port_receive(port, net_packet(port->node->world, bytes));
}

/* --- watching --------------------------------------------------------------------------------------------------- */

static void
keep_record(struct journal *journal, const struct record *record)
{
    struct net_journal *own = (struct net_journal *)journal;

    g_array_append_vals(own->records, record, 1);
}

void
net_journal_start(struct net_journal *journal, struct world *world)
{
    journal->journal.take = keep_record;
    journal->records = g_array_new(FALSE, FALSE, sizeof(struct record));
    world->journal = &journal->journal;
}

void
net_journal_clear(struct net_journal *journal)
{
    g_array_set_size(journal->records, 0);
}

void
net_journal_end(struct net_journal *journal)
{
    g_array_free(journal->records, TRUE);
}

unsigned
net_journal_count(const struct net_journal *journal, const struct record_kind *kind, enum drop_reason reason)
{
    unsigned count = 0;

    for (guint i = 0; i < journal->records->len; i++) {
        const struct record *record = &g_array_index(journal->records, struct record, i);

        count += record->kind == kind && (reason == DROP_NONE || record->reason == reason);
    }
    return count;
}

const struct record *
net_journal_last(const struct net_journal *journal, const struct record_kind *kind)
{
    for (guint i = journal->records->len; i > 0; i--) {
        const struct record *record = &g_array_index(journal->records, struct record, i - 1);

        if (record->kind == kind)
            return record;
    }
    return NULL;
}

static void
keep_packet(struct capture *capture, uint32_t interface, uint32_t node, enum capture_direction direction, int64_t at,
            packet_name packet, struct span bytes)
{
    struct net_tap *tap = (struct net_tap *)capture;
    struct net_seen seen = { at, interface, direction, packet, g_byte_array_new() };

    (void)node;
    g_byte_array_append(seen.bytes, bytes.bytes, (guint)bytes.length);
    g_array_append_val(tap->seen, seen);
}

static void
clear_seen(gpointer data)
{
    g_byte_array_unref(((struct net_seen *)data)->bytes);
}

void
net_tap_start(struct net_tap *tap)
{
    tap->capture.packet = keep_packet;
    tap->seen = g_array_new(FALSE, FALSE, sizeof(struct net_seen));
    g_array_set_clear_func(tap->seen, clear_seen);
}

void
net_tap_add(struct net_tap *tap, struct port *port, uint32_t interface)
{
    port->capture = &tap->capture;
    port->capture_number = interface;
}

void
net_tap_clear(struct net_tap *tap)
{
    g_array_set_size(tap->seen, 0);
}

void
net_tap_end(struct net_tap *tap)
{
    g_array_free(tap->seen, TRUE);
}

const struct net_seen *
net_tap_at(const struct net_tap *tap, uint32_t interface, enum capture_direction direction, unsigned n)
{
    for (guint i = 0; i < tap->seen->len; i++) {
        const struct net_seen *seen = &g_array_index(tap->seen, struct net_seen, i);

        if (seen->interface == interface && seen->direction == direction && n-- == 0)
            return seen;
    }
    return NULL;
}

unsigned
net_tap_count(const struct net_tap *tap, uint32_t interface, enum capture_direction direction)
{
    unsigned count = 0;

    while (net_tap_at(tap, interface, direction, count))
        count++;
    return count;
}

/* --- sockets ---------------------------------------------------------------------------------------------------- */

static void
socket_datagram(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct net_socket *socket = owner;
    struct net_got got = { .datagram = *datagram, .length = datagram->data.length };

    CHECK(udp == socket->udp);
    got.data = g_malloc0(got.length + 1);
    if (got.length > 0)
        memcpy(got.data, datagram->data.bytes, got.length);
    got.datagram.data = (struct span){ NULL, 0 };
    got.at = socket->io->ops->now(socket->io);
    g_array_append_val(socket->got, got);
    if (socket->on_datagram)
        socket->on_datagram(socket, datagram);
}

static void
socket_icmp(void *owner, struct io_udp *udp, const struct io_icmp *icmp)
{
    struct net_socket *socket = owner;

    CHECK(udp == socket->udp);
    g_array_append_vals(socket->icmp, icmp, 1);
    if (socket->on_icmp)
        socket->on_icmp(socket, icmp);
}

static void
clear_got(gpointer data)
{
    g_free(((struct net_got *)data)->data);
}

enum io_result
net_socket_open(struct net_socket *socket, struct io *io, const char *local)
{
    static const struct io_udp_events events = { socket_datagram, socket_icmp };
    struct endpoint endpoint = net_endpoint(local);
    enum io_result why = IO_OK;

    socket->io = io;
    if (!socket->got) {
        socket->got = g_array_new(FALSE, FALSE, sizeof(struct net_got));
        g_array_set_clear_func(socket->got, clear_got);
        socket->icmp = g_array_new(FALSE, FALSE, sizeof(struct io_icmp));
    }
    socket->udp = io->ops->udp(io, &endpoint, &events, socket, &why);
    return socket->udp ? IO_OK : why;
}

void
net_socket_close(struct net_socket *socket)
{
    struct io_udp *udp = socket->udp;

    socket->udp = NULL;
    if (udp)
        udp->ops->close(udp);
}

void
net_socket_end(struct net_socket *socket)
{
    net_socket_close(socket);
    if (!socket->got)
        return;
    g_array_free(socket->got, TRUE);
    g_array_free(socket->icmp, TRUE);
    socket->got = socket->icmp = NULL;
}

enum io_result
net_socket_send(struct net_socket *socket, const char *peer, const char *text)
{
    struct io_datagram datagram = IO_DATAGRAM_TO(net_endpoint(peer), span_of_text(text));

    return socket->udp->ops->send(socket->udp, &datagram);
}

const struct net_got *
net_socket_got(const struct net_socket *socket, unsigned n)
{
    return n < socket->got->len ? &g_array_index(socket->got, struct net_got, n) : NULL;
}

const char *
net_socket_text(const struct net_socket *socket, unsigned n)
{
    const struct net_got *got = net_socket_got(socket, n);

    return got ? got->data : NULL;
}

const struct io_icmp *
net_socket_icmp(const struct net_socket *socket, unsigned n)
{
    return n < socket->icmp->len ? &g_array_index(socket->icmp, struct io_icmp, n) : NULL;
}

/* --- the small network ------------------------------------------------------------------------------------------ */

static struct port *
connect_host(struct net_trio *trio, struct node *host, const char *address, const char *gateway)
{
    struct port *port = node_connect(host, trio->router, &trio->link, &trio->link);

    node_set_default(host, port, ADDRESS_NONE);
    CHECK(node_add_address(host, port, net_address(address), 1, 24));
    CHECK(node_add_address(trio->router, port_peer(port), net_address(gateway), 1, 24));
    return port;
}

void
net_trio_start(struct net_trio *trio)
{
    *trio = (struct net_trio){ .world = world_new(1), .link = link_defaults };
    trio->link.delay = 10 * TIME_MS;
    trio->a = node_new(trio->world, "A");
    trio->router = node_new(trio->world, "router");
    trio->b = node_new(trio->world, "B");
    trio->router->forwards = true;
    trio->a_port = connect_host(trio, trio->a, "192.0.2.1", "192.0.2.254");
    trio->b_port = connect_host(trio, trio->b, "198.51.100.1", "198.51.100.254");
    trio->router_a = port_peer(trio->a_port);
    trio->router_b = port_peer(trio->b_port);
    net_journal_start(&trio->journal, trio->world);
    net_tap_start(&trio->tap);
    net_tap_add(&trio->tap, trio->a_port, TRIO_A);
    net_tap_add(&trio->tap, trio->router_a, TRIO_ROUTER_A);
    net_tap_add(&trio->tap, trio->router_b, TRIO_ROUTER_B);
    net_tap_add(&trio->tap, trio->b_port, TRIO_B);
}

void
net_trio_end(struct net_trio *trio)
{
    net_world_end(trio->world);
    net_journal_end(&trio->journal);
    net_tap_end(&trio->tap);
}

void
net_trio_run(struct net_trio *trio)
{
    net_run(trio->world, TIME_S);
}
