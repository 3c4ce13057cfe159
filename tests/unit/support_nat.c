#include "tests/unit/support_nat.h"

#include "core/base/cursor.h"
#include "core/net/segment.h"
#include "nat/alg/alg.h"
#include "tests/unit/support.h"

struct endpoint
nat_endpoint(const char *text)
{
    struct endpoint endpoint = { ADDRESS_NONE, 0 };

    if (!endpoint_parse(text, &endpoint) && !address_parse(text, &endpoint.address))
        g_error("'%s' is no endpoint", text);
    return endpoint;
}

/* ---- writing packets: slow and obvious */

static uint16_t
slow_checksum(const uint8_t *bytes, size_t length, uint32_t more)
{
    uint64_t sum = more;

    for (size_t i = 0; i < length; i++)
        sum += i % 2 ? bytes[i] : (uint64_t)bytes[i] << 8;
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static uint32_t
pseudo_sum(const uint8_t *header, uint8_t protocol, size_t length)
{
    uint32_t sum = protocol + (uint32_t)length;

    for (int i = 12; i < 20; i += 2)
        sum += (uint32_t)header[i] << 8 | header[i + 1];
    return sum;
}

static void
write_ip(uint8_t *bytes, struct address from, struct address to, uint8_t protocol, uint8_t ttl, size_t length)
{
    struct writer writer = writer_over(bytes, length);

    writer_u16(&writer, 0x4500);
    writer_u16(&writer, (uint16_t)length);
    writer_u32(&writer, 0x12340000);
    writer_u8(&writer, ttl);
    writer_u8(&writer, protocol);
    writer_u16(&writer, 0);
    writer_u32(&writer, address_to_ipv4(from));
    writer_u32(&writer, address_to_ipv4(to));
    writer_patch_u16(&writer, 10, slow_checksum(bytes, 20, 0));
}

size_t
nat_write_udp(uint8_t *bytes, struct endpoint from, struct endpoint to, uint8_t ttl, size_t length)
{
    struct writer writer = writer_over(bytes + 20, 8 + length);

    write_ip(bytes, from.address, to.address, PROTOCOL_UDP, ttl, 28 + length);
    writer_u16(&writer, from.port);
    writer_u16(&writer, to.port);
    writer_u16(&writer, (uint16_t)(8 + length));
    writer_u16(&writer, 0);
    for (size_t i = 0; i < length; i++)
        writer_u8(&writer, (uint8_t)(i * 7 + 1));
    writer_patch_u16(&writer, 6, slow_checksum(bytes + 20, 8 + length, pseudo_sum(bytes, PROTOCOL_UDP, 8 + length)));
    return 28 + length;
}

/* Bits of the flags, in the order of their letters. */
static const char flag_letters[] = "FSRPA";

size_t
nat_write_tcp(uint8_t *bytes, struct endpoint from, struct endpoint to, const char *flags)
{
    size_t length = 20 + (strchr(flags, 'P') ? 5 : 0);
    struct writer writer = writer_over(bytes + 20, length);
    unsigned bits = 0;

    for (const char *letter = flags; *letter; letter++)
        bits |= 1u << (strchr(flag_letters, *letter) - flag_letters);
    write_ip(bytes, from.address, to.address, PROTOCOL_TCP, 64, 20 + length);
    writer_u16(&writer, from.port);
    writer_u16(&writer, to.port);
    writer_u32(&writer, 1000);
    writer_u32(&writer, strchr(flags, 'A') ? 2000 : 0);
    writer_u16(&writer, (uint16_t)(5 << 12 | bits));
    writer_u16(&writer, 65535);
    writer_u32(&writer, 0);
    writer_span_put(&writer, span_of("hello", length - 20));
    writer_patch_u16(&writer, 16, slow_checksum(bytes + 20, length, pseudo_sum(bytes, PROTOCOL_TCP, length)));
    return 20 + length;
}

static size_t
write_icmp(uint8_t *bytes, struct address from, struct address to, uint16_t type_code, uint32_t word, struct span data)
{
    struct writer writer = writer_over(bytes + 20, 8 + data.length);

    write_ip(bytes, from, to, PROTOCOL_ICMP, 64, 28 + data.length);
    writer_u16(&writer, type_code);
    writer_u16(&writer, 0);
    writer_u32(&writer, word);
    writer_span_put(&writer, data);
    writer_patch_u16(&writer, 2, slow_checksum(bytes + 20, 8 + data.length, 0));
    return 28 + data.length;
}

/* ---- reading packets: slow and obvious */

static void say_packet(GString *out, struct span bytes, bool quoted);

static void
say_ends(GString *out, struct endpoint from, struct endpoint to, bool ports)
{
    char text[ENDPOINT_TEXT];

    g_string_append(out, ports ? endpoint_format(from, text) : address_format(from.address, text));
    g_string_append(out, " > ");
    g_string_append(out, ports ? endpoint_format(to, text) : address_format(to.address, text));
}

static void
say_udp(GString *out, struct span header, struct span body, struct endpoint from, struct endpoint to, bool quoted)
{
    struct reader reader = reader_over(body);
    uint16_t length, checksum;

    from.port = reader_u16(&reader);
    to.port = reader_u16(&reader);
    length = reader_u16(&reader);
    checksum = reader_u16(&reader);
    say_ends(out, from, to, true);
    if (reader_failed(&reader) || (!quoted && length != body.length))
        g_string_append(out, " BAD length");
    if (checksum != 0 && length == body.length &&
        slow_checksum(body.bytes, body.length, pseudo_sum(header.bytes, PROTOCOL_UDP, length)) != 0)
        g_string_append(out, " BAD UDP checksum");
}

/* Ports and, unless it is quoted, flags and numbers: "SA 2000/1001". */
static void
say_tcp(GString *out, struct span header, struct span body, struct endpoint from, struct endpoint to, bool quoted)
{
    struct reader reader = reader_over(body);
    uint32_t seq, ack;
    unsigned bits;

    from.port = reader_u16(&reader);
    to.port = reader_u16(&reader);
    seq = reader_u32(&reader);
    ack = reader_u32(&reader);
    bits = reader_u16(&reader);
    say_ends(out, from, to, true);
    if (body.length >= 20 && slow_checksum(body.bytes, body.length, pseudo_sum(header.bytes, PROTOCOL_TCP,
                                                                               body.length)) != 0)
        g_string_append(out, " BAD TCP checksum");
    if (quoted)
        return;
    g_string_append_c(out, ' ');
    for (unsigned i = 0; flag_letters[i]; i++)
        if (bits >> i & 1)
            g_string_append_c(out, flag_letters[i]);
    g_string_append_printf(out, " %u/%u", seq, ack);
}

static void
say_icmp(GString *out, struct span body, struct endpoint from, struct endpoint to, bool quoted)
{
    struct reader reader = reader_over(body);
    uint8_t type = reader_u8(&reader), code = reader_u8(&reader);
    uint16_t identifier;

    reader_skip(&reader, 2);
    identifier = reader_u16(&reader);
    reader_skip(&reader, 2);
    if (type == 8 || type == 0) {
        g_string_append(out, type == 8 ? "echo " : "reply ");
        say_ends(out, from, to, false);
        g_string_append_printf(out, " id %u", identifier);
    } else {
        g_string_append_printf(out, "icmp %u/%u ", type, code);
        say_ends(out, from, to, false);
        g_string_append(out, " [");
        say_packet(out, reader_rest(&reader), true);
        g_string_append_c(out, ']');
    }
    if (!quoted && slow_checksum(body.bytes, body.length, 0) != 0)
        g_string_append(out, " BAD ICMP checksum");
}

/* Which bytes of the datagram a fragment carries; its ports may be in another one. */
static void
say_fragment(GString *out, uint16_t word, size_t length, struct endpoint from, struct endpoint to)
{
    unsigned offset = (word & 0x1fffu) * 8;

    say_ends(out, from, to, false);
    g_string_append_printf(out, " bytes %u-%zu%s", offset, offset + length - 1, word & 0x2000 ? "+" : "");
}

static void
say_packet(GString *out, struct span bytes, bool quoted)
{
    struct reader reader = reader_over(bytes);
    struct span header = reader_span(&reader, 20), body;
    struct endpoint from, to;
    uint16_t length, fragment;

    if (bytes.length > 0 && bytes.bytes[0] >> 4 == 6) {
        wire_say(out, bytes);
        return;
    }
    if (reader_failed(&reader) || header.bytes[0] != 0x45) {
        g_string_append(out, "BAD header");
        return;
    }
    length = (uint16_t)(header.bytes[2] << 8 | header.bytes[3]);
    fragment = (uint16_t)(header.bytes[6] << 8 | header.bytes[7]);
    body = reader_rest(&reader);
    from = (struct endpoint){ address_from_bytes(header.bytes + 12, FAMILY_IPV4), 0 };
    to = (struct endpoint){ address_from_bytes(header.bytes + 16, FAMILY_IPV4), 0 };
    if (!quoted && length != bytes.length)
        g_string_append(out, "BAD length ");
    if (quoted && body.length > (size_t)length - 20)
        body.length = (size_t)length - 20; /* padding or extensions follow */
    if (fragment & 0x3fff)
        say_fragment(out, fragment, body.length, from, to);
    else if (header.bytes[9] == PROTOCOL_UDP)
        say_udp(out, header, body, from, to, quoted);
    else if (header.bytes[9] == PROTOCOL_TCP)
        say_tcp(out, header, body, from, to, quoted);
    else if (header.bytes[9] == PROTOCOL_ICMP)
        say_icmp(out, body, from, to, quoted);
    else
        say_ends(out, from, to, false);
    if (slow_checksum(header.bytes, 20, 0) != 0)
        g_string_append(out, " BAD IP checksum");
}

/* ---- the bench */

static void
note_left(struct nat_bench *bench, enum nat_side side, enum capture_direction direction, struct span bytes)
{
    if (direction != CAPTURE_OUT)
        return;
    g_byte_array_set_size(bench->last, 0);
    g_byte_array_append(bench->last, bytes.bytes, (guint)bytes.length);
    g_string_append(bench->left, bench->left->len ? "; " : "");
    g_string_append(bench->left, side == NAT_INSIDE ? "in " : "out ");
    if (bench->by_wire)
        wire_say(bench->left, bytes);
    else
        say_packet(bench->left, bytes, false);
}

static void
capture_inside(struct capture *capture, uint32_t interface, uint32_t node, enum capture_direction direction, int64_t at,
               packet_name packet, struct span bytes)
{
    (void)interface, (void)node, (void)at, (void)packet;
    note_left((struct nat_bench *)capture, NAT_INSIDE, direction, bytes);
}

static void
capture_outside(struct capture *capture, uint32_t interface, uint32_t node, enum capture_direction direction,
                int64_t at, packet_name packet, struct span bytes)
{
    (void)interface, (void)node, (void)at, (void)packet;
    note_left((struct nat_bench *)(capture - 1), NAT_OUTSIDE, direction, bytes);
}

static void
take_record(struct journal *journal, const struct record *record)
{
    struct nat_bench *bench = (struct nat_bench *)((char *)journal - offsetof(struct nat_bench, journal));

    if (record->node == bench->box->number)
        g_array_append_val(bench->records, *record);
}

void
nat_bench_open_pool(struct nat_bench *bench, const struct nat_options *options, uint64_t count)
{
    struct address outside = nat_endpoint("203.0.113.1").address, inside = nat_endpoint("10.0.0.1").address;

    *bench = (struct nat_bench){ .captures = { { capture_inside }, { capture_outside } }, .journal = { take_record } };
    bench->records = g_array_new(FALSE, FALSE, sizeof(struct record));
    bench->left = g_string_new(NULL);
    bench->last = g_byte_array_new();
    bench->world = world_new(1);
    bench->world->journal = &bench->journal;

    struct segment *lan = segment_new(bench->world, "lan");
    bench->box = node_new(bench->world, "nat");
    bench->sinks[NAT_INSIDE] = node_new(bench->world, "inside");
    bench->sinks[NAT_OUTSIDE] = node_new(bench->world, "outside");
    bench->ports[NAT_OUTSIDE] = node_connect(bench->box, bench->sinks[NAT_OUTSIDE], NULL, NULL);
    bench->ports[NAT_INSIDE] = node_sit(bench->box, lan);
    bench->ports[NAT_INSIDE]->inside = true;
    node_add_address(bench->box, bench->ports[NAT_OUTSIDE], outside, count, 32);
    node_add_address(bench->box, bench->ports[NAT_INSIDE], inside, 1, 24);
    node_set_default(bench->box, bench->ports[NAT_OUTSIDE], ADDRESS_NONE);
    node_add_address(bench->sinks[NAT_INSIDE], node_join(bench->sinks[NAT_INSIDE], lan, NULL, NULL),
                     address_add(inside, 1), 250, 24);
    for (int side = 0; side < 2; side++) {
        bench->sinks[side]->down = true; /* takes everything in silence */
        bench->ports[side]->capture = &bench->captures[side];
    }
    bench->nat = nat_new(bench->box, options);
    alg_fit(bench->box);
}

void
nat_bench_open_dual(struct nat_bench *bench, const struct nat_options *options)
{
    struct address outside = nat_endpoint("2001:db8:f::1").address, inside = nat_endpoint("2001:db8:a::1").address;
    struct port *sink;

    nat_bench_open_pool(bench, options, 1);
    sink = bench->sinks[NAT_INSIDE]->ports;
    node_add_address(bench->box, bench->ports[NAT_OUTSIDE], outside, 1, 128);
    node_add_address(bench->box, bench->ports[NAT_INSIDE], inside, 1, 64);
    node_add_address(bench->sinks[NAT_INSIDE], sink, address_add(inside, 1), 250, 64);
    node_set_default_of(bench->box, FAMILY_IPV6, bench->ports[NAT_OUTSIDE], ADDRESS_NONE);
    nat_set_options(bench->nat, options); /* now that it has all its addresses */
}

const char *
nat_bench_wire(struct nat_bench *bench, enum nat_side side, const struct wire_packet *packet)
{
    uint8_t bytes[WIRE_MAX];

    return nat_bench_bytes(bench, side, span_of(bytes, wire_write(bytes, packet)));
}

void
nat_bench_open(struct nat_bench *bench, const char *preset, void (*change)(struct nat_options *options))
{
    struct nat_options options = nat_preset_find(preset)->options;

    if (change)
        change(&options);
    nat_bench_open_pool(bench, &options, 1);
}

void
nat_bench_close(struct nat_bench *bench)
{
    CHECK(net_balanced(bench->world));
    nat_bench_until(bench, bench->world->now + TIME_S);
    CHECK(net_balanced(bench->world));
    CHECK(bench->world->packets_alive == 0);
    world_free(bench->world);
    g_array_unref(bench->records);
    g_string_free(bench->left, TRUE);
    g_byte_array_unref(bench->last);
}

void
nat_bench_until(struct nat_bench *bench, int64_t at)
{
    world_run(bench->world, at);
}

/* What the box dropped since `before` was taken, by reason. */
static void
say_dropped(struct nat_bench *bench, const uint64_t *before)
{
    for (int reason = 0; reason < DROP_REASON_COUNT; reason++)
        if (node_dropped(bench->box, (enum drop_reason)reason) != before[reason])
            g_string_append_printf(bench->left, "%s-%s", bench->left->len ? " " : "",
                                   drop_reason_word((enum drop_reason)reason));
}

const char *
nat_bench_left(struct nat_bench *bench)
{
    g_strlcpy(bench->told, bench->left->str, sizeof bench->told);
    g_string_truncate(bench->left, 0);
    return bench->told;
}

const char *
nat_bench_bytes(struct nat_bench *bench, enum nat_side side, struct span bytes)
{
    struct packet *packet = packet_new(bench->world, bytes.length);
    uint64_t delivered = bench->box->counts.delivered, dropped[DROP_REASON_COUNT];

    for (int reason = 0; reason < DROP_REASON_COUNT; reason++)
        dropped[reason] = node_dropped(bench->box, (enum drop_reason)reason);
    memcpy(packet->data, bytes.bytes, bytes.length);
    packet->name = node_name_packet(bench->sinks[side]);
    g_string_truncate(bench->left, 0);
    port_receive(bench->ports[side], packet);
    world_run(bench->world, bench->world->now); /* what the box sends to itself comes in an event of its own */

    say_dropped(bench, dropped);
    if (bench->box->counts.delivered != delivered)
        g_string_append(bench->left, bench->left->len ? " mine" : "mine");
    return nat_bench_left(bench);
}

const char *
nat_bench_udp_ttl(struct nat_bench *bench, enum nat_side side, const char *from, const char *to, uint8_t ttl)
{
    uint8_t bytes[64];

    return nat_bench_bytes(bench, side,
                           span_of(bytes, nat_write_udp(bytes, nat_endpoint(from), nat_endpoint(to), ttl, 11)));
}

const char *
nat_bench_udp(struct nat_bench *bench, enum nat_side side, const char *from, const char *to)
{
    return nat_bench_udp_ttl(bench, side, from, to, 64);
}

const char *
nat_bench_tcp(struct nat_bench *bench, enum nat_side side, const char *flags, const char *from, const char *to)
{
    uint8_t bytes[64];

    return nat_bench_bytes(bench, side,
                           span_of(bytes, nat_write_tcp(bytes, nat_endpoint(from), nat_endpoint(to), flags)));
}

const char *
nat_bench_echo(struct nat_bench *bench, enum nat_side side, bool reply, const char *from, const char *to,
               uint16_t identifier)
{
    uint8_t bytes[64];
    size_t length = write_icmp(bytes, nat_endpoint(from).address, nat_endpoint(to).address, reply ? 0 : 0x0800,
                               (uint32_t)identifier << 16 | 1, span_of("abcdefg", 7));

    return nat_bench_bytes(bench, side, span_of(bytes, length));
}

/* "10.0.0.2:5000" quotes a datagram; "tcp 10.0.0.2:5000" a SYN; "10.0.0.2#7" as the source an echo request, as the destination a reply. */
static size_t
write_quoted(uint8_t *bytes, const char *from, const char *to)
{
    g_auto(GStrv) asks = g_strsplit(from, "#", 2), answers = g_strsplit(to, "#", 2);
    bool request = asks[1], reply = answers[1];
    const char *identifier = request ? asks[1] : answers[1];

    if (g_str_has_prefix(from, "tcp "))
        return nat_write_tcp(bytes, nat_endpoint(from + 4), nat_endpoint(to), "S");
    if (!request && !reply)
        return nat_write_udp(bytes, nat_endpoint(from), nat_endpoint(to), 1, 64);
    return write_icmp(bytes, nat_endpoint(asks[0]).address, nat_endpoint(answers[0]).address, request ? 0x0800 : 0,
                      (uint32_t)atoi(identifier) << 16 | 1, span_of("abcdefghijkl", 12));
}

const char *
nat_bench_error(struct nat_bench *bench, enum nat_side side, uint8_t type, uint8_t code, const char *from,
                const char *to, const char *quoted_from, const char *quoted_to, size_t quoted)
{
    uint8_t inner[128], bytes[256];
    size_t length = write_quoted(inner, quoted_from, quoted_to);

    length = write_icmp(bytes, nat_endpoint(from).address, nat_endpoint(to).address, (uint16_t)(type << 8 | code), 0,
                        span_of(inner, MIN(length, quoted)));
    return nat_bench_bytes(bench, side, span_of(bytes, length));
}

/* ---- asking the bench */

const struct record *
nat_bench_record(const struct nat_bench *bench, const char *kind)
{
    for (guint i = bench->records->len; i > 0; i--) {
        const struct record *record = &g_array_index(bench->records, struct record, i - 1);

        if (strcmp(record->kind->name, kind) == 0)
            return record;
    }
    return NULL;
}

char *
nat_bench_sentence(const struct nat_bench *bench, const char *kind)
{
    const struct record *record = nat_bench_record(bench, kind);
    GString *out = g_string_new(NULL);

    if (!record)
        return g_string_free(out, TRUE);
    record->kind->say(record, NULL, out);
    return g_string_free(out, FALSE);
}

unsigned
nat_bench_records(const struct nat_bench *bench, const char *kind)
{
    unsigned count = 0;

    for (guint i = 0; i < bench->records->len; i++)
        count += strcmp(g_array_index(bench->records, struct record, i).kind->name, kind) == 0;
    return count;
}

static void
tell_mapping(void *user, const struct nat_mapping_view *mapping)
{
    GString *out = user;
    char internal[ENDPOINT_TEXT], external[ENDPOINT_TEXT], peer[ENDPOINT_TEXT];

    g_string_append_printf(out, "%s%s %s -> %s [", out->len ? "; " : "", protocol_name(mapping->protocol),
                           endpoint_format(mapping->internal, internal), endpoint_format(mapping->external, external));
    for (uint32_t i = 0; i < mapping->peer_count; i++)
        g_string_append_printf(out, "%s%s", i ? ", " : "", endpoint_format(mapping->peers[i], peer));
    g_string_append_c(out, ']');
}

char *
nat_bench_mappings(struct nat_bench *bench)
{
    GString *out = g_string_new(NULL);

    nat_each_mapping(bench->nat, tell_mapping, out);
    return g_string_free(out, FALSE);
}
