/* Packets of both families into a box that speaks both, from each side: firewall, open, another prefix, masquerade and
 * NAT64. The input decides the options, then step by step: which packet comes from where, whole or malformed, how far
 * time goes on, and when options change.
 *
 * Whatever comes: no packet gets lost uncounted, each record can be said, what leaves has headers that any node takes,
 * and what stands for an IPv4 address leaves as IPv4. */
#include <glib.h>

#include "core/base/cursor.h"
#include "core/net/checksum.h"
#include "core/net/ip.h"
#include "core/net/net.h"
#include "core/net/segment.h"
#include "nat/embed.h"
#include "nat/nat.h"
#include "nat/presets.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum { INSIDE, OUTSIDE, PACKET_BYTES = 1600, STEPS = 300 };

struct bench {
    struct capture capture; /* first */
    struct journal journal;
    struct world *world;
    struct node *box, *sinks[2];
    struct port *ports[2];
    struct nat *nat;
    GString *said;
    struct fields fields;
};

/* ---- who listens */

static void
on_number(struct fields *fields, const char *name, int64_t value)
{
    (void)fields, (void)name, (void)value;
}

static void
on_flag(struct fields *fields, const char *name, bool value)
{
    (void)fields, (void)name, (void)value;
}

static void
on_text(struct fields *fields, const char *name, struct span value)
{
    (void)fields;
    g_assert(name && (value.bytes || !value.length));
}

static const char *
no_name(const struct names *names, uint32_t number)
{
    (void)names, (void)number;
    return "?";
}

static const struct names names = { no_name, no_name };

static void
take(struct journal *journal, const struct record *record)
{
    struct bench *bench = (struct bench *)((char *)journal - offsetof(struct bench, journal));

    g_string_truncate(bench->said, 0);
    record->kind->say(record, &names, bench->said);
    g_assert(bench->said->len > 0 && !strstr(bench->said->str, "(null)"));
    if (record->kind->fields)
        record->kind->fields(record, &names, &bench->fields);
}

/* What leaves by the outside port. */
static void
leaves(struct capture *capture, uint32_t interface, uint32_t node, enum capture_direction direction, int64_t at,
       packet_name name, struct span bytes)
{
    const struct bench *bench = (const struct bench *)capture;
    struct packet *packet;

    (void)interface, (void)node, (void)at, (void)name;
    if (direction != CAPTURE_OUT)
        return;
    packet = packet_new(bench->world, bytes.length);
    memcpy(packet->data, bytes.bytes, bytes.length);
    g_assert(ip_check(packet) == DROP_NONE);
    g_assert(nat_options(bench->nat)->ipv6 != NAT_IPV6_NAT64 ||
             !prefix_contains(embed_well_known, packet->flow.destination));
    packet_deliver(bench->world, packet);
}

/* ---- the box */

static struct address
address_of(const char *text, unsigned step)
{
    struct address address = ADDRESS_NONE;

    if (!address_parse(text, &address))
        g_assert_not_reached();
    return address_add(address, step);
}

static struct nat_options
read_options(struct reader *reader)
{
    static const uint8_t lengths[] = { 48, 56, 64, 32 };
    unsigned count = g_strv_length((char **)nat_preset_names());
    struct nat_options options = nat_presets[reader_u8(reader) % count].options;
    uint8_t bits = reader_u8(reader);

    options.ipv6 = bits % 5;
    options.hairpin = bits / 5 % 3;
    options.udp.refusal = options.tcp.refusal = options.icmp.refusal = (bits / 15) % 3;
    if (bits & 128)
        nat_options_make_firewall(&options);
    if (options.ipv6 == NAT_IPV6_PREFIX)
        options.ipv6_prefix = (struct prefix){ address_of("fd01:203:405::", 0), lengths[bits >> 5 & 3] };
    return options;
}

static void
open_bench(struct bench *bench, struct reader *reader)
{
    struct nat_options options = read_options(reader);
    uint8_t mtu = reader_u8(reader);
    struct link_options link = link_defaults;
    struct segment *lan;
    struct port *sink;

    link.mtu = mtu & 1 ? 1280 : mtu & 2 ? 600 : 1500;
    bench->capture.packet = leaves;
    bench->journal.take = take;
    bench->fields = (struct fields){ .number = on_number, .time = on_number, .flag = on_flag, .text = on_text };
    bench->said = g_string_new(NULL);
    bench->world = world_new(1);
    bench->world->journal = &bench->journal;
    lan = segment_new(bench->world, "lan");
    bench->box = node_new(bench->world, "nat");
    bench->sinks[INSIDE] = node_new(bench->world, "inside");
    bench->sinks[OUTSIDE] = node_new(bench->world, "outside");
    bench->ports[OUTSIDE] = node_connect(bench->box, bench->sinks[OUTSIDE], &link, &link);
    bench->ports[INSIDE] = node_sit(bench->box, lan);
    bench->ports[INSIDE]->inside = true;
    bench->ports[OUTSIDE]->capture = &bench->capture;
    node_add_address(bench->box, bench->ports[OUTSIDE], address_of("203.0.113.1", 0), 2, 32);
    node_add_address(bench->box, bench->ports[OUTSIDE], address_of("2001:db8:f::1", 0), 1, 128);
    node_add_address(bench->box, bench->ports[INSIDE], address_of("10.0.0.1", 0), 1, 24);
    node_add_address(bench->box, bench->ports[INSIDE], address_of("2001:db8:a::1", 0), 1, 64);
    node_set_default(bench->box, bench->ports[OUTSIDE], ADDRESS_NONE);
    sink = node_join(bench->sinks[INSIDE], lan, NULL, NULL);
    node_add_address(bench->sinks[INSIDE], sink, address_of("10.0.0.2", 0), 4, 24);
    node_add_address(bench->sinks[INSIDE], sink, address_of("2001:db8:a::2", 0), 4, 64);
    bench->sinks[INSIDE]->down = bench->sinks[OUTSIDE]->down = true;
    bench->nat = nat_new(bench->box, &options);
}

/* ---- packets */

/* One of a few, so that packets meet the mappings of others. */
static struct address
read_address(struct reader *reader, bool ipv6)
{
    static const char *const ipv6_texts[] = { "2001:db8:a::1", "2001:db8:f::1", "2001:db8:1::1", "64:ff9b::c633:6401",
                                              "64:ff9b::cb00:7101", "fd01:203:405:2ab9::2", "64:ff9b::a00:1",
                                              "2001:db8:a::ffff:ffff:ffff:fff0" };
    static const char *const ipv4_texts[] = { "10.0.0.1", "203.0.113.1", "198.51.100.1", "203.0.113.1" };
    uint8_t choice = reader_u8(reader);

    return ipv6 ? address_of(ipv6_texts[choice % G_N_ELEMENTS(ipv6_texts)], choice >> 6)
                : address_of(ipv4_texts[choice % G_N_ELEMENTS(ipv4_texts)], choice >> 6);
}

static uint16_t
read_port(struct reader *reader)
{
    uint8_t choice = reader_u8(reader);

    return choice < 250 ? (uint16_t)(5000 + (choice & 7)) : reader_u16(reader);
}

/* A header of either family; its place is returned. The length is mended by the caller's. */
static void
put_ip(struct writer *writer, struct reader *reader, bool ipv6, uint8_t protocol, size_t payload)
{
    size_t start = writer_length(writer);
    uint8_t bits = reader_u8(reader), bytes[16];

    if (ipv6) {
        writer_u32(writer, 0x60000000u | (uint32_t)bits << 20);
        writer_u16(writer, (uint16_t)payload);
        writer_u8(writer, protocol == PROTOCOL_ICMP ? PROTOCOL_ICMPV6 : protocol);
        writer_u8(writer, bits % 8 + 1);
    } else {
        writer_u16(writer, 0x4500);
        writer_u16(writer, (uint16_t)(20 + payload));
        writer_u32(writer, bits & 1 ? 0x00014000 : 0x00010000);
        writer_u8(writer, bits % 8 + 1);
        writer_u8(writer, protocol);
        writer_u16(writer, 0);
    }
    for (int end = 0; end < 2; end++) {
        size_t length = address_to_bytes(read_address(reader, ipv6), bytes);

        writer_span_put(writer, span_of(bytes, length));
    }
    if (!ipv6)
        writer_patch_u16(writer, start + 10, checksum_of(span_of(writer->start + start, 20)));
}

/* The checksum of a message of `length` bytes at `at`, behind its IP header at `ip`. */
static void
mend_icmp(struct writer *writer, size_t ip, size_t at, size_t length, bool ipv6)
{
    uint64_t sum = ipv6 ? checksum_add(PROTOCOL_ICMPV6 + length, span_of(writer->start + ip + 8, 32)) : 0;

    writer_patch_u16(writer, at + 2,
                     (uint16_t)~checksum_fold(checksum_add(sum, span_of(writer->start + at, length))));
}

static size_t
header_of(bool ipv6)
{
    return ipv6 ? 40 : 20;
}

static void
put_ports(struct writer *writer, struct reader *reader, bool ipv6)
{
    uint8_t kind = reader_u8(reader);
    size_t more = kind & 2 ? 1240 : 4;
    bool tcp = kind & 1;

    put_ip(writer, reader, ipv6, tcp ? PROTOCOL_TCP : PROTOCOL_UDP, (tcp ? 20 : 8) + more);
    writer_u16(writer, read_port(reader));
    writer_u16(writer, read_port(reader));
    if (tcp) {
        writer_u32(writer, 1);
        writer_u32(writer, 2);
        writer_u16(writer, (uint16_t)(0x5000 | (reader_u8(reader) & 0x17)));
        writer_u16(writer, 1000);
        writer_u32(writer, 0x12340000);
    } else {
        writer_u16(writer, (uint16_t)(8 + more));
        writer_u16(writer, kind & 4 && !ipv6 ? 0 : 0x1234);
    }
    for (size_t i = 0; i < more; i++)
        writer_u8(writer, (uint8_t)i);
}

static void
put_echo(struct writer *writer, struct reader *reader, bool ipv6)
{
    size_t ip = writer_length(writer), at = ip + header_of(ipv6);
    bool asks = reader_u8(reader) & 1;

    put_ip(writer, reader, ipv6, PROTOCOL_ICMP, 12);
    writer_u16(writer, ipv6 ? (asks ? 0x8000 : 0x8100) : (asks ? 0x0800 : 0));
    writer_u16(writer, 0);
    writer_u16(writer, read_port(reader));
    writer_u16(writer, 1);
    writer_u32(writer, 0x01020304);
    mend_icmp(writer, ip, at, 12, ipv6);
}

static void
put_error(struct writer *writer, struct reader *reader, bool ipv6)
{
    size_t ip = writer_length(writer), at = ip + header_of(ipv6), quoted;
    uint8_t type = reader_u8(reader), code = reader_u8(reader);

    put_ip(writer, reader, ipv6, PROTOCOL_ICMP, 0);
    writer_u8(writer, ipv6 ? type % 5 : type % 14);
    writer_u8(writer, code % 17);
    writer_u16(writer, 0);
    writer_u32(writer, reader_u16(reader));
    quoted = writer_length(writer);
    if (reader_u8(reader) & 1)
        put_ports(writer, reader, ipv6);
    else
        put_echo(writer, reader, ipv6);
    quoted = writer_length(writer) - quoted;
    writer_patch_u16(writer, ip + (ipv6 ? 4 : 2), (uint16_t)((ipv6 ? 0 : 20) + 8 + quoted));
    if (!ipv6) {
        writer_patch_u16(writer, ip + 10, 0);
        writer_patch_u16(writer, ip + 10, checksum_of(span_of(writer->start + ip, 20)));
    }
    mend_icmp(writer, ip, at, 8 + quoted, ipv6);
}

static void
put_anything(struct writer *writer, struct reader *reader)
{
    size_t length = reader_u8(reader);

    writer_span_put(writer, reader_span(reader, MIN(length, reader_left(reader))));
}

static void
send_packet(struct bench *bench, uint8_t what, struct reader *reader)
{
    uint8_t bytes[2 * PACKET_BYTES];
    struct writer writer = writer_over(bytes, sizeof bytes);
    enum { PORTS, ECHO, ERROR } const kinds[] = { PORTS, PORTS, ECHO, ERROR };
    bool ipv6 = what & 4;
    struct packet *packet;
    size_t length;

    if ((what & 0x60) == 0x60)
        put_anything(&writer, reader);
    else if (kinds[what & 3] == PORTS)
        put_ports(&writer, reader, ipv6);
    else if (kinds[what & 3] == ECHO)
        put_echo(&writer, reader, ipv6);
    else
        put_error(&writer, reader, ipv6);
    length = writer_length(&writer);
    if (what & 16) {
        size_t at = reader_u8(reader), cut = reader_u8(reader) % 16u;

        if (length)
            bytes[at % length] ^= (uint8_t)(reader_u8(reader) | 1);
        length -= MIN(length, cut);
    }
    packet = packet_new(bench->world, length);
    memcpy(packet->data, bytes, length);
    packet->name = node_name_packet(bench->sinks[what & 8 ? INSIDE : OUTSIDE]);
    port_receive(bench->ports[what & 8 ? INSIDE : OUTSIDE], packet);
    world_run(bench->world, bench->world->now);
}

static void
see_mapping(void *user, const struct nat_mapping_view *mapping)
{
    const struct bench *bench = user;

    g_assert(mapping->expires > bench->world->now);
}

static void
step(struct bench *bench, struct reader *reader)
{
    uint8_t what = reader_u8(reader);
    struct nat_options options;

    if (what < 0xe0) {
        send_packet(bench, what, reader);
    } else if (what < 0xf0) {
        world_run(bench->world, bench->world->now + (what & 15) * 8 * TIME_S);
    } else if (what < 0xf8) {
        options = read_options(reader);
        nat_set_options(bench->nat, &options);
    } else {
        if (what & 1)
            nat_forget(bench->nat);
        nat_each_mapping(bench->nat, see_mapping, bench);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct reader reader = reader_over(span_of(bytes, length));
    struct bench bench = { 0 };

    open_bench(&bench, &reader);
    for (int i = 0; i < STEPS && reader_left(&reader) > 0; i++) {
        step(&bench, &reader);
        g_assert(net_balanced(bench.world));
    }
    world_run(bench.world, bench.world->now + 10000 * TIME_S);
    g_assert(net_balanced(bench.world) && bench.world->packets_alive == 0);
    world_free(bench.world);
    g_string_free(bench.said, TRUE);
    return 0;
}
