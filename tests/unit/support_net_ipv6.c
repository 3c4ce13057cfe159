#include "tests/unit/support_net_ipv6.h"

#include "tests/unit/support.h"

static void
put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void
append_hex(GByteArray *bytes, const char *hex)
{
    GBytes *read = unit_hex(hex);
    struct span span = unit_span(read);

    g_byte_array_append(bytes, span.bytes, (guint)span.length);
    g_bytes_unref(read);
}

GByteArray *
net6_build(const struct net6_template *header)
{
    GByteArray *bytes = g_byte_array_new();

    g_byte_array_set_size(bytes, 40);
    memset(bytes->data, 0, 40);
    if (header->headers)
        append_hex(bytes, header->headers);
    if (header->payload.length > 0)
        g_byte_array_append(bytes, header->payload.bytes, (guint)header->payload.length);
    bytes->data[0] = (uint8_t)(0x60 | header->tos >> 4);
    bytes->data[1] = (uint8_t)(header->tos << 4);
    put16(bytes->data + 4, bytes->len - 40);
    bytes->data[6] = header->next;
    bytes->data[7] = header->hop_limit ? header->hop_limit : 64;
    address_to_bytes(header->source, bytes->data + 8);
    address_to_bytes(header->destination, bytes->data + 24);
    return bytes;
}

/* RFC 8200 section 8.1. */
static uint16_t
sum_of(const uint8_t *source, const uint8_t *destination, uint8_t protocol, struct span transport)
{
    uint8_t pseudo[40] = { 0 };

    memcpy(pseudo, source, 16);
    memcpy(pseudo + 16, destination, 16);
    put16(pseudo + 32, (unsigned)(transport.length >> 16));
    put16(pseudo + 34, (unsigned)transport.length & 0xffff);
    pseudo[39] = protocol;
    return net_slow_sum(net_slow_sum(0, span_of(pseudo, sizeof pseudo)), transport);
}

uint16_t
net6_sum(struct span packet, unsigned transport, uint8_t protocol)
{
    return sum_of(packet.bytes + 8, packet.bytes + 24, protocol,
                  span_of(packet.bytes + transport, packet.length - transport));
}

/* A transport header of `size` bytes, `data` behind it, and the checksum at `place`. */
static GByteArray *
transport_new(const uint8_t *header, size_t size, unsigned place, uint8_t protocol, struct address source,
              struct address destination, struct span data)
{
    GByteArray *bytes = g_byte_array_new();
    uint8_t from[16], to[16];
    uint16_t checksum;

    address_to_bytes(source, from);
    address_to_bytes(destination, to);
    g_byte_array_append(bytes, header, (guint)size);
    if (data.length > 0)
        g_byte_array_append(bytes, data.bytes, (guint)data.length);
    if (protocol == PROTOCOL_UDP)
        put16(bytes->data + 4, bytes->len);
    checksum = (uint16_t)~sum_of(from, to, protocol, net_span(bytes));
    put16(bytes->data + place, protocol == PROTOCOL_UDP && checksum == 0 ? 0xffff : checksum);
    return bytes;
}

GByteArray *
net6_udp_payload(struct endpoint source, struct endpoint destination, struct span data)
{
    uint8_t header[8] = { 0 };

    put16(header, source.port);
    put16(header + 2, destination.port);
    return transport_new(header, sizeof header, 6, PROTOCOL_UDP, source.address, destination.address, data);
}

GByteArray *
net6_tcp_payload(struct endpoint source, struct endpoint destination, struct span data)
{
    uint8_t header[20] = { [7] = 1, [12] = 0x50, [13] = 0x02, [14] = 0x10 };

    put16(header, source.port);
    put16(header + 2, destination.port);
    return transport_new(header, sizeof header, 16, PROTOCOL_TCP, source.address, destination.address, data);
}

GByteArray *
net6_icmp_payload(struct address source, struct address destination, uint8_t type, uint8_t code, uint32_t word,
                  struct span data)
{
    uint8_t header[8] = { type, code };

    put16(header + 4, word >> 16);
    put16(header + 6, word & 0xffff);
    return transport_new(header, sizeof header, 2, PROTOCOL_ICMPV6, source, destination, data);
}

GByteArray *
net6_udp(const char *source, const char *destination, struct span data)
{
    struct endpoint from = net_endpoint(source), to = net_endpoint(destination);
    g_autoptr(GByteArray) payload = net6_udp_payload(from, to, data);

    return net6_build(&(struct net6_template){ .source = from.address,
                                               .destination = to.address,
                                               .next = PROTOCOL_UDP,
                                               .payload = net_span(payload) });
}

GByteArray *
net6_icmp(const char *source, const char *destination, uint8_t type, uint8_t code, uint32_t word, struct span data)
{
    struct address from = net_address(source), to = net_address(destination);
    g_autoptr(GByteArray) payload = net6_icmp_payload(from, to, type, code, word, data);

    return net6_build(&(struct net6_template){ .source = from,
                                               .destination = to,
                                               .next = PROTOCOL_ICMPV6,
                                               .payload = net_span(payload) });
}

GByteArray *
net6_fragment(const char *source, const char *destination, uint8_t next, uint32_t identification, unsigned offset,
              unsigned length, bool more, struct span payload)
{
    g_autofree char *header =
        g_strdup_printf("%02x 00 %04x %08x", next, (offset & 0xfff8) | (more ? 1 : 0), identification);

    return net6_build(&(struct net6_template){ .source = net_address(source),
                                               .destination = net_address(destination),
                                               .next = IPV6_FRAGMENT,
                                               .headers = header,
                                               .payload = span_of(payload.bytes + offset, length) });
}

void
net6_trio_add(struct net_trio *trio)
{
    CHECK(node_add_address(trio->a, trio->a_port, net_address("2001:db8:a::1"), 1, 64));
    CHECK(node_add_address(trio->router, trio->router_a, net_address("2001:db8:a::fe"), 1, 64));
    CHECK(node_add_address(trio->b, trio->b_port, net_address("2001:db8:b::1"), 1, 64));
    CHECK(node_add_address(trio->router, trio->router_b, net_address("2001:db8:b::fe"), 1, 64));
}

bool
net6_seen_error(const char *row, const struct net_trio *trio, uint32_t interface, unsigned n,
                struct net6_error *error)
{
    const struct net_seen *seen = net_tap_at(&trio->tap, interface, CAPTURE_IN, n);
    struct span packet;

    if (!CHECK_ROW(row, seen != NULL))
        return false;
    packet = net_span(seen->bytes);
    if (!CHECK_ROW(row, packet.length >= 48 && packet.bytes[0] >> 4 == 6 && packet.bytes[6] == PROTOCOL_ICMPV6))
        return false;
    CHECK_ROW_UINT(row, net6_sum(packet, 40, PROTOCOL_ICMPV6), 0xffff);
    CHECK_ROW_UINT(row, (unsigned)(packet.bytes[4] << 8 | packet.bytes[5]), packet.length - 40);
    *error = (struct net6_error){
        .from = address_from_bytes(packet.bytes + 8, FAMILY_IPV6),
        .to = address_from_bytes(packet.bytes + 24, FAMILY_IPV6),
        .type = packet.bytes[40],
        .code = packet.bytes[41],
        .word = (uint32_t)packet.bytes[44] << 24 | (uint32_t)packet.bytes[45] << 16 |
                (uint32_t)packet.bytes[46] << 8 | packet.bytes[47],
        .quote = span_of(packet.bytes + 48, packet.length - 48),
        .size = (uint32_t)packet.length,
    };
    return true;
}
