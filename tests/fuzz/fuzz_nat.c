/* Packets into a NAT from each side. The input decides the options, then step by step: which packet comes from where,
 * whole or malformed, how far time goes on, when options change and when the box loses its state.
 *
 * Whatever comes: no packet gets lost uncounted, each record can be said, no datagram or segment from inside leaves
 * with an internal source, but from a firewall, which lets every one leave as it came, and what leaves has the length and
 * the header checksum that it says, whatever an ALG has made of it. */
#include <glib.h>

#include "core/base/cursor.h"
#include "core/net/checksum.h"
#include "core/net/net.h"
#include "core/net/segment.h"
#include "core/net/stack.h"
#include "nat/alg/alg.h"
#include "nat/presets.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum { INSIDE, OUTSIDE, PACKET_BYTES = 256, STEPS = 400 };

struct bench {
    struct capture capture; /* first */
    struct journal journal;
    struct world *world;
    struct node *box, *sinks[2];
    struct port *ports[2];
    struct nat *nat;
    GString *said;
    struct fields fields;
    int side;          /* from which the packet now handled came */
    bool untranslated; /* there may be mappings that translate nothing */
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

/* ---- an ALG that makes data longer and shorter, by what stands in it */

static void
stretch(struct alg_message *message)
{
    for (size_t at = 0; at < message->data.length; at++) {
        uint8_t byte = message->data.bytes[at];

        if (byte & 1)
            alg_replace(message, at, 1, span_of(message->data.bytes, MIN(byte, message->data.length)));
    }
}

static void
tell_stretch(const struct alg_message *message, struct record *record)
{
    record->detail = message->count;
}

static void
say_stretch(const struct record *record, const struct names *names_of, GString *out)
{
    (void)names_of;
    g_string_append_printf(out, "%d changes", (int)record->detail);
}

static const struct record_kind stretch_kind = { "fuzz-stretch", "stretched", "", say_stretch, NULL };
static const struct alg stretcher = { .name = "stretch", .over = ALG_OVER_UDP, .read = stretch, .tell = tell_stretch,
                                      .kind = &stretch_kind };
static const struct alg *const both[] = { &stretcher, &alg_rewrite_addresses };

/* What leaves by the outside port. */
static void
leaves(struct capture *capture, uint32_t interface, uint32_t node, enum capture_direction direction, int64_t at,
       packet_name packet, struct span bytes)
{
    const struct bench *bench = (const struct bench *)capture;

    (void)interface, (void)node, (void)at;
    if (direction == CAPTURE_OUT) {
        g_assert((size_t)(bytes.bytes[2] << 8 | bytes.bytes[3]) == bytes.length);
        g_assert(checksum_of(span_of(bytes.bytes, (bytes.bytes[0] & 15) * 4)) == 0);
    }
    if (direction == CAPTURE_OUT && PACKET_MAKER(packet) == bench->sinks[INSIDE]->number && !bench->untranslated &&
        (bytes.bytes[9] == PROTOCOL_UDP || bytes.bytes[9] == PROTOCOL_TCP))
        g_assert(memcmp(bytes.bytes + 12, "\xcb\x00\x71", 3) == 0);
}

/* ---- the box */

static struct address
inside_address(unsigned n)
{
    return address_ipv4(0x0a000001 + n);
}

static struct address
outside_address(unsigned n)
{
    return address_ipv4(0xcb007101 + n); /* 203.0.113.1 */
}

static struct address
remote_address(unsigned n)
{
    return address_ipv4(0xc6336401 + n); /* 198.51.100.1 */
}

/* Up to two rules over what is to be met. */
static void
read_rules(struct reader *reader, struct firewall_rule rules[2], struct nat_options *options)
{
    uint8_t count = reader_u8(reader) % 4;

    if (count > 2)
        return; /* the preset's own */
    options->rules = rules;
    options->rule_count = count;
    for (unsigned i = 0; i < count; i++) {
        uint8_t bits = reader_u8(reader);

        rules[i] = (struct firewall_rule){ FIREWALL_ANY };
        rules[i].action = bits & 1;
        rules[i].direction = (bits >> 1) % 3;
        rules[i].protocol = bits & 8 && bits & 16 ? PROTOCOL_TCP
                            : bits & 8            ? PROTOCOL_UDP
                            : bits & 16           ? PROTOCOL_ICMP
                                                  : 0;
        rules[i].has_address = bits & 32;
        rules[i].address = (struct prefix){ bits & 64 ? inside_address(0) : remote_address(0), 31 };
        rules[i].has_from = (bits & 0xc0) == 0xc0;
        rules[i].from = (struct prefix){ bits & 1 ? inside_address(2) : remote_address(2), 32 };
    }
}

/* The lists that options borrow. */
struct lists {
    struct firewall_rule rules[2];
    struct nat_forward forwards[2];
    struct nat_port_timeout timeout;
};

/* How external ports are shared out, and what no RFC allows. */
static void
read_sharing(struct reader *reader, struct lists *lists, struct nat_options *options)
{
    uint8_t bits = reader_u8(reader), more = reader_u8(reader), forward = reader_u8(reader);

    options->udp.ports = bits & 3;
    options->udp.overlap = bits >> 2 & 1;
    options->udp.parity = bits >> 3 & 1;
    options->udp.contiguous = bits >> 4 & 1;
    options->udp.clash = bits >> 5 & 1;
    options->udp.limit_per_host = bits & 64 ? 3 : 0;
    options->udp.stream_timeout = bits & 128 ? 50 * TIME_S : 0;
    options->quirks = more & 31;
    options->fragments = (more >> 5 & 3) % 3;
    options->pooling = more >> 7;
    options->port_hold = forward & 1 ? 9 * TIME_S : 0;
    options->blocks = (struct nat_block_options){ .size = forward & 2 ? 3 : 0, .deterministic = forward & 4 };
    options->limit_rate = forward & 8 ? 2 : 0;
    lists->timeout = (struct nat_port_timeout){ 7000, 3 * TIME_S };
    options->port_timeouts = &lists->timeout;
    options->port_timeout_count = forward >> 4 & 1;
    lists->forwards[0] = (struct nat_forward){ .port_low = 40003, .port_high = 40005, .to = { inside_address(2), 5000 } };
    lists->forwards[1] = (struct nat_forward){ .external = outside_address(1), .to = { inside_address(3), 0 } };
    options->forwards = lists->forwards + (forward >> 5 & 1);
    options->forward_count = forward & 64 ? 1 : forward & 128 && !(forward & 32) ? 2 : 0;
}

static struct nat_options
read_options(struct reader *reader, struct lists *lists)
{
    unsigned count = g_strv_length((char **)nat_preset_names());
    struct nat_options options = nat_presets[reader_u8(reader) % count].options;
    uint8_t bits = reader_u8(reader), more = reader_u8(reader);

    options.udp.mapping = bits & 3;
    options.udp.filtering = (bits >> 2 & 3) % 3;
    options.udp.ports = (bits >> 4 & 3) % 3;
    if ((bits >> 4 & 3) == 3)
        read_sharing(reader, lists, &options);
    options.udp.refresh = more % 3;
    options.udp.refusal = (more >> 2) & 1 ? NAT_REFUSE_ICMP : NAT_REFUSE_SILENTLY;
    options.tcp = options.udp;
    options.tcp.refusal = (more >> 5) % 3;
    options.tcp.timeout = 100 * TIME_S;
    options.tcp_opening = (1 + (more & 15)) * TIME_S;
    options.tcp_closing = 5 * TIME_S;
    options.syn_wait = (bits & 12) / 2 * TIME_S;
    options.hairpin = (more >> 3) % 3;
    options.affinity = more >> 5 & 1;
    options.icmp_errors = more >> 6 & 1;
    if (more >> 7) {
        options.udp.port_low = options.tcp.port_low = options.icmp.port_low = 40000;
        options.udp.port_high = options.tcp.port_high = options.icmp.port_high = 40007;
        options.limit_per_host = 5;
    }
    if (bits & 64)
        nat_options_make_firewall(&options);
    if (bits & 128)
        read_rules(reader, lists->rules, &options);
    return options;
}

static void
open_bench(struct bench *bench, struct reader *reader)
{
    struct lists lists;
    struct nat_options options = read_options(reader, &lists);
    struct segment *lan;
    uint8_t more;

    bench->capture.packet = leaves;
    bench->journal.take = take;
    bench->fields = (struct fields){ .number = on_number, .time = on_number, .flag = on_flag, .text = on_text };
    bench->said = g_string_new(NULL);
    bench->world = world_new(reader_u8(reader));
    bench->world->journal = &bench->journal;
    lan = segment_new(bench->world, "lan");
    bench->box = node_new(bench->world, "nat");
    bench->sinks[INSIDE] = node_new(bench->world, "inside");
    bench->sinks[OUTSIDE] = node_new(bench->world, "outside");
    bench->ports[OUTSIDE] = node_connect(bench->box, bench->sinks[OUTSIDE], NULL, NULL);
    bench->ports[INSIDE] = node_sit(bench->box, lan);
    bench->ports[INSIDE]->inside = true;
    bench->ports[OUTSIDE]->capture = &bench->capture;
    node_add_address(bench->box, bench->ports[OUTSIDE], outside_address(0), 1 + (more = reader_u8(reader)) % 3, 32);
    node_add_address(bench->box, bench->ports[INSIDE], inside_address(0), 1, 24);
    node_set_default(bench->box, bench->ports[OUTSIDE], ADDRESS_NONE);
    node_add_address(bench->sinks[INSIDE], node_join(bench->sinks[INSIDE], lan, NULL, NULL), inside_address(1), 8, 24);
    bench->sinks[INSIDE]->down = bench->sinks[OUTSIDE]->down = true;
    options.algs = more >> 7 ? NAT_ALG_REWRITE_ADDRESSES : 0;
    bench->nat = nat_new(bench->box, &options);
    alg_fit(bench->box);
    if (more >> 6 == 3)
        alg_fit_with(bench->box, both, NULL, G_N_ELEMENTS(both));
    bench->untranslated = options.udp.mapping == NAT_MAPPING_NONE;
}

/* ---- packets */

/* One of a few, so that packets meet the mappings of others. */
static struct address
read_address(struct reader *reader)
{
    uint8_t choice = reader_u8(reader);

    switch (choice >> 6) {
    case 0:
        return inside_address(choice & 7);
    case 1:
        return outside_address(choice & 3);
    default:
        return remote_address(choice & 3);
    }
}

static uint16_t
read_port(struct reader *reader)
{
    uint8_t choice = reader_u8(reader);

    switch (choice >> 6) {
    case 0:
        return (uint16_t)(5000 + (choice & 7));
    case 1:
        return (uint16_t)(1024 + (choice & 31));
    case 2:
        return (uint16_t)(40000 + (choice & 7));
    default:
        return reader_u16(reader);
    }
}

static void
put_address(struct writer *writer, struct address address)
{
    writer_u32(writer, address_to_ipv4(address));
}

/* A header whose checksum is right. */
static void
put_ip(struct writer *writer, struct reader *reader, uint8_t protocol, size_t payload)
{
    size_t start = writer_length(writer);

    writer_u16(writer, 0x4500);
    writer_u16(writer, (uint16_t)(20 + payload));
    writer_u32(writer, reader_u8(reader) & 1 ? 0x00014000 : 0x00010000);
    writer_u8(writer, reader_u8(reader) % 8 + 1);
    writer_u8(writer, protocol);
    writer_u16(writer, 0);
    put_address(writer, read_address(reader));
    put_address(writer, read_address(reader));
    writer_patch_u16(writer, start + 10, checksum_of(span_of(writer->start + start, 20)));
}

static void
put_udp(struct writer *writer, struct reader *reader)
{
    uint8_t bits;

    put_ip(writer, reader, PROTOCOL_UDP, 12);
    writer_u16(writer, read_port(reader));
    writer_u16(writer, read_port(reader));
    writer_u16(writer, 12);
    writer_u16(writer, (bits = reader_u8(reader)) & 1 ? 0 : 0x1234);
    if (bits & 2)
        put_address(writer, bits & 4 ? inside_address(bits >> 3 & 7) : outside_address(bits >> 3 & 3));
    else
        writer_u32(writer, 0x01020304);
}

/* Ports of few, so that segments meet connections and SYNs that are held; any flags, perhaps options. */
static void
put_tcp(struct writer *writer, struct reader *reader)
{
    uint8_t flags = reader_u8(reader);
    bool options = flags & 0x40;

    put_ip(writer, reader, PROTOCOL_TCP, options ? 24 : 20);
    writer_u16(writer, read_port(reader));
    writer_u16(writer, read_port(reader));
    writer_u32(writer, 0x01020304);
    writer_u32(writer, 0x05060708);
    writer_u16(writer, (uint16_t)((options ? 6 : 5) << 12 | (flags & 0x3f)));
    writer_u16(writer, 1000);
    writer_u32(writer, 0x12340000);
    if (options)
        writer_u32(writer, flags & 0x80 ? 0x020405b4 : 0x02200000); /* a maximum segment size; one cut short */
}

static void
put_echo(struct writer *writer, struct reader *reader)
{
    size_t start = writer_length(writer) + 20;

    put_ip(writer, reader, PROTOCOL_ICMP, 12);
    writer_u16(writer, reader_u8(reader) & 1 ? 0x0800 : 0);
    writer_u16(writer, 0);
    writer_u16(writer, read_port(reader));
    writer_u16(writer, 1);
    writer_u32(writer, 0x01020304);
    writer_patch_u16(writer, start + 2, checksum_of(span_of(writer->start + start, 12)));
}

static void
put_error(struct writer *writer, struct reader *reader)
{
    static const uint16_t kinds[] = { 0x0303, 0x0304, 0x030d, 0x0b00, 0x0c00, 0x0400, 0x0500, 0x0301 };
    size_t start = writer_length(writer) + 20;

    put_ip(writer, reader, PROTOCOL_ICMP, 8 + 32);
    writer_u16(writer, kinds[reader_u8(reader) % G_N_ELEMENTS(kinds)]);
    writer_u16(writer, 0);
    writer_u32(writer, 1000);
    switch (reader_u8(reader) % 3) {
    case 0:
        put_udp(writer, reader);
        break;
    case 1:
        put_echo(writer, reader);
        break;
    default:
        put_tcp(writer, reader);
        break;
    }
    writer_patch_u16(writer, start + 2, checksum_of(span_of(writer->start + start, 40)));
}

/* Any bytes, with the header checksum made right so that more than one check is met. */
static void
put_anything(struct writer *writer, struct reader *reader)
{
    size_t length = reader_u8(reader);
    struct span bytes = reader_span(reader, MIN(length, reader_left(reader)));

    writer_span_put(writer, bytes);
    if (bytes.length < 20 || (writer->start[0] & 15u) * 4 > bytes.length)
        return;
    writer_patch_u16(writer, 10, 0);
    writer_patch_u16(writer, 10, checksum_of(span_of(writer->start, (writer->start[0] & 15u) * 4)));
}

/* Changes a byte or two, and cuts. */
static size_t
mutilate(uint8_t *bytes, size_t length, struct reader *reader)
{
    uint8_t how = reader_u8(reader);
    size_t at = reader_u8(reader), cut = how & 2 ? reader_u8(reader) : 0;

    if (how & 1 && length)
        bytes[at % length] ^= (uint8_t)(reader_u8(reader) | 1);
    return length - MIN(length, cut);
}

static void
send_packet(struct bench *bench, uint8_t what, struct reader *reader)
{
    uint8_t bytes[PACKET_BYTES + 64];
    struct writer writer = writer_over(bytes, sizeof bytes);
    struct packet *packet;
    size_t length;

    bench->side = what & 8 ? INSIDE : OUTSIDE;
    switch (what & 7) {
    case 0:
        put_udp(&writer, reader);
        break;
    case 1:
    case 2:
        put_tcp(&writer, reader);
        break;
    case 3:
        put_echo(&writer, reader);
        break;
    case 4:
    case 5:
        put_error(&writer, reader);
        break;
    default:
        put_anything(&writer, reader);
        break;
    }
    length = writer_length(&writer);
    if (what & 16)
        length = mutilate(bytes, length, reader);
    packet = packet_new(bench->world, length);
    memcpy(packet->data, bytes, length);
    packet->name = node_name_packet(bench->sinks[bench->side]);
    port_receive(bench->ports[bench->side], packet);
    world_run(bench->world, bench->world->now);
}

static void
see_mapping(void *user, const struct nat_mapping_view *mapping)
{
    const struct bench *bench = user;

    g_assert(mapping->expires > bench->world->now);
    g_assert(mapping->peer_count > 0 || mapping->origin == NAT_ORIGIN_FORWARD);
}

static void
step(struct bench *bench, struct reader *reader)
{
    uint8_t what = reader_u8(reader);
    struct lists lists;
    struct nat_options options;

    switch (what >> 5) {
    case 5:
        world_run(bench->world, bench->world->now + (reader_u8(reader) + 1) * TIME_S);
        return;
    case 6:
        options = read_options(reader, &lists);
        nat_set_options(bench->nat, &options);
        bench->untranslated |= options.udp.mapping == NAT_MAPPING_NONE;
        return;
    case 7:
        if (what & 1)
            nat_forget(bench->nat);
        nat_each_mapping(bench->nat, see_mapping, bench);
        return;
    default:
        send_packet(bench, what, reader);
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
    world_run(bench.world, bench.world->now + 1000 * TIME_S);
    g_assert(net_balanced(bench.world) && bench.world->packets_alive == 0);
    nat_each_mapping(bench.nat, see_mapping, &bench);
    world_free(bench.world);
    g_string_free(bench.said, TRUE);
    return 0;
}
