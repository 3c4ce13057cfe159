#include "tests/unit/support_wire.h"

#include "core/base/cursor.h"

/* ---- sums */

static uint32_t
sum(uint32_t more, const uint8_t *bytes, size_t length)
{
    uint64_t total = more;

    for (size_t i = 0; i < length; i++)
        total += i % 2 ? bytes[i] : (uint64_t)bytes[i] << 8;
    while (total > 0xffff)
        total = (total & 0xffff) + (total >> 16);
    return (uint32_t)total;
}

/* Of the addresses in an IP header, the protocol and the length of what follows. ICMP has none in IPv4. */
static uint32_t
pseudo(const uint8_t *ip, uint8_t protocol, size_t length)
{
    uint8_t tail[8] = { 0, 0, (uint8_t)(length >> 8), (uint8_t)length, 0, 0, 0, protocol };
    bool ipv6 = ip[0] >> 4 == 6;

    if (protocol == PROTOCOL_ICMP)
        return 0;
    return sum(sum(0, ip + (ipv6 ? 8 : 12), ipv6 ? 32 : 8), tail, sizeof tail);
}

/* ---- writing */

static void
put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static size_t
write_ipv6(uint8_t *bytes, const struct wire_packet *packet, uint8_t protocol, uint8_t ttl, size_t payload)
{
    put16(bytes, 0x6000u | (unsigned)packet->tos << 4);
    put16(bytes + 2, 0);
    put16(bytes + 4, (unsigned)payload);
    bytes[6] = protocol;
    bytes[7] = ttl;
    address_to_bytes(packet->from.address, bytes + 8);
    address_to_bytes(packet->to.address, bytes + 24);
    return 40;
}

static size_t
write_ipv4(uint8_t *bytes, const struct wire_packet *packet, uint8_t protocol, uint8_t ttl, size_t payload)
{
    put16(bytes, 0x4500u | packet->tos);
    put16(bytes + 2, (unsigned)(20 + payload));
    put16(bytes + 4, 0x1234);
    put16(bytes + 6, packet->dont_fragment ? 0x4000 : 0);
    bytes[8] = ttl;
    bytes[9] = protocol;
    put16(bytes + 10, 0);
    address_to_bytes(packet->from.address, bytes + 12);
    address_to_bytes(packet->to.address, bytes + 16);
    put16(bytes + 10, ~sum(0, bytes, 20));
    return 20;
}

static size_t
write_ip(uint8_t *bytes, const struct wire_packet *packet, uint8_t protocol, size_t payload)
{
    uint8_t ttl = packet->ttl ? packet->ttl : 64;

    return address_is_ipv4(packet->from.address) ? write_ipv4(bytes, packet, protocol, ttl, payload)
                                                 : write_ipv6(bytes, packet, protocol, ttl, payload);
}

/* Without its checksum, whose place is returned. */
static size_t
write_transport(struct writer *writer, const struct wire_packet *packet, uint8_t protocol)
{
    size_t length = packet->data.bytes ? packet->data.length : packet->length;

    if (protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMPV6) {
        writer_u8(writer, packet->type);
        writer_u8(writer, packet->code);
        writer_u16(writer, 0);
        writer_u32(writer, packet->word);
        return 2;
    }
    writer_u16(writer, packet->from.port);
    writer_u16(writer, packet->to.port);
    if (protocol == PROTOCOL_UDP) {
        writer_u16(writer, (uint16_t)(8 + length));
        writer_u16(writer, 0);
        return 6;
    }
    writer_u32(writer, 1000);
    writer_u32(writer, 2000);
    writer_u16(writer, 0x5010);
    writer_u16(writer, 4096);
    writer_u32(writer, 0);
    return 16;
}

size_t
wire_write(uint8_t bytes[WIRE_MAX], const struct wire_packet *packet)
{
    bool ipv6 = !address_is_ipv4(packet->from.address), icmp = packet->protocol == PROTOCOL_ICMP;
    uint8_t protocol = icmp && ipv6 ? PROTOCOL_ICMPV6 : packet->protocol, transport[WIRE_MAX];
    struct writer writer = writer_over(transport, sizeof transport);
    size_t at = write_transport(&writer, packet, protocol), header, length;
    uint16_t checksum;

    if (packet->data.bytes)
        writer_span_put(&writer, packet->data);
    for (size_t i = 0; !packet->data.bytes && i < packet->length; i++)
        writer_u8(&writer, (uint8_t)(i * 7 + 1));
    length = writer_length(&writer);
    header = write_ip(bytes, packet, protocol, length);
    checksum = (uint16_t)~sum(pseudo(bytes, protocol, length), transport, length);
    if (protocol == PROTOCOL_UDP && checksum == 0)
        checksum = 0xffff;
    if (!packet->no_checksum)
        writer_patch_u16(&writer, at, checksum);
    memcpy(bytes + header, transport, length);
    return header + length;
}

/* ---- reading */

static void say(GString *out, struct span bytes, bool quoted);

struct ends {
    const uint8_t *ip;
    struct endpoint from, to;
    size_t told; /* how long the transport part says to be */
};

static void
say_ends(GString *out, const struct ends *ends, bool ports)
{
    char text[ENDPOINT_TEXT];

    g_string_append(out, ports ? endpoint_format(ends->from, text) : address_format(ends->from.address, text));
    g_string_append(out, " > ");
    g_string_append(out, ports ? endpoint_format(ends->to, text) : address_format(ends->to.address, text));
}

static void
say_sum(GString *out, struct span body, const struct ends *ends, uint8_t protocol)
{
    if (body.length == ends->told && sum(pseudo(ends->ip, protocol, body.length), body.bytes, body.length) != 0xffff)
        g_string_append(out, " BAD checksum");
}

static void
say_ports(GString *out, struct span body, struct ends *ends, uint8_t protocol)
{
    struct reader reader = reader_over(body);
    uint16_t length, checksum;

    ends->from.port = reader_u16(&reader);
    ends->to.port = reader_u16(&reader);
    g_string_append(out, protocol == PROTOCOL_TCP ? "tcp " : "");
    say_ends(out, ends, true);
    if (protocol == PROTOCOL_TCP) {
        say_sum(out, body, ends, protocol);
        return;
    }
    length = reader_u16(&reader);
    checksum = reader_u16(&reader);
    if (reader_failed(&reader) || length != ends->told)
        g_string_append(out, " BAD length");
    if (checksum == 0)
        g_string_append(out, " without checksum");
    else
        say_sum(out, body, ends, protocol);
}

static void
say_icmp(GString *out, struct span body, const struct ends *ends, uint8_t protocol)
{
    struct reader reader = reader_over(body);
    uint8_t type = reader_u8(&reader), code = reader_u8(&reader);
    bool ipv6 = protocol == PROTOCOL_ICMPV6, asks = type == (ipv6 ? 128 : 8), answers = type == (ipv6 ? 129 : 0);
    uint32_t word;

    reader_skip(&reader, 2);
    word = reader_u32(&reader);
    if (asks || answers) {
        g_string_append(out, asks ? "echo " : "reply ");
        say_ends(out, ends, false);
        g_string_append_printf(out, " id %u", word >> 16);
    } else {
        g_string_append_printf(out, "icmp%s %u/%u ", ipv6 ? "6" : "", type, code);
        say_ends(out, ends, false);
        if (word)
            g_string_append_printf(out, " (%u)", word);
        g_string_append(out, " [");
        say(out, reader_rest(&reader), true);
        g_string_append_c(out, ']');
    }
    if (reader_failed(&reader))
        g_string_append(out, " BAD length");
    say_sum(out, body, ends, protocol);
}

/* Which bytes of the datagram an IPv6 fragment carries; its ports may be in another one. */
static void
say_fragment(GString *out, struct span body, const struct ends *ends)
{
    unsigned word = body.length >= 8 ? (unsigned)(body.bytes[2] << 8 | body.bytes[3]) : 0, offset = word & 0xfff8;

    say_ends(out, ends, false);
    g_string_append_printf(out, " bytes %u-%zu%s", offset, offset + body.length - 9, word & 1 ? "+" : "");
}

static void
say(GString *out, struct span bytes, bool quoted)
{
    bool ipv6 = bytes.length > 0 && bytes.bytes[0] >> 4 == 6;
    size_t header = ipv6 ? 40 : 20;
    const uint8_t *ip = bytes.bytes;
    struct ends ends = { .ip = ip };
    struct span body;
    uint8_t protocol;

    if (bytes.length < header || (!ipv6 && ip[0] != 0x45)) {
        g_string_append(out, "BAD header");
        return;
    }
    ends.told = (size_t)(ipv6 ? ip[4] << 8 | ip[5] : (ip[2] << 8 | ip[3]) - 20);
    ends.from.address = address_from_bytes(ip + (ipv6 ? 8 : 12), ipv6 ? FAMILY_IPV6 : FAMILY_IPV4);
    ends.to.address = address_from_bytes(ip + (ipv6 ? 24 : 16), ipv6 ? FAMILY_IPV6 : FAMILY_IPV4);
    protocol = ipv6 ? ip[6] : ip[9];
    body = span_of(ip + header, bytes.length - header);
    if (quoted && body.length > ends.told)
        body.length = ends.told;
    if (body.length != ends.told && (!quoted || body.length > ends.told))
        g_string_append(out, "BAD length ");
    if (protocol == PROTOCOL_UDP || protocol == PROTOCOL_TCP)
        say_ports(out, body, &ends, protocol);
    else if (protocol == (ipv6 ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP))
        say_icmp(out, body, &ends, protocol);
    else if (ipv6 && protocol == 44)
        say_fragment(out, body, &ends);
    else
        say_ends(out, &ends, false);
    if (!ipv6 && sum(0, ip, 20) != 0xffff)
        g_string_append(out, " BAD IP checksum");
}

void
wire_say(GString *out, struct span bytes)
{
    say(out, bytes, false);
}

char *
wire_text(struct span bytes)
{
    GString *out = g_string_new(NULL);

    say(out, bytes, false);
    return g_string_free(out, FALSE);
}
