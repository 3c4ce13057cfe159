/* IPv4, IPv6, UDP, TCP and ICMP headers (RFC 791, 8200, 768, 9293, 792, 4443) as fields. */
#include "scenarios/runner/story/decode.h"

static void decode_transport(struct decoding *decoding, struct reader *rest, bool quoted);

static void
tell_malformed(struct decoding *decoding, const char *what)
{
    decode_say(decoding, "malformed: %s", what);
    fields_text(decoding->out, "malformed", what);
}

/* ---- UDP */

static void
decode_udp(struct decoding *decoding, struct reader *rest, bool quoted)
{
    struct fields *out = decoding->out;

    decoding->protocol = "udp";
    decoding->flow.source_port = reader_u16(rest);
    decoding->flow.destination_port = reader_u16(rest);
    uint16_t length = reader_u16(rest), checksum = reader_u16(rest);
    out->open(out, "UDP");
    fields_number(out, "source_port", decoding->flow.source_port);
    fields_number(out, "destination_port", decoding->flow.destination_port);
    fields_number(out, "length", length);
    fields_number(out, "checksum", checksum);
    if (reader_failed(rest))
        tell_malformed(decoding, "the UDP header is cut short");
    out->close(out);
    if (reader_failed(rest))
        return;
    decode_say(decoding, length <= 8 ? "an empty datagram" : "UDP");
    if (!quoted && length > 8)
        decode_data(decoding, reader_span(rest, MIN(length - 8u, reader_left(rest))));
}

/* ---- TCP */

static void
say_flags(unsigned flags, GString *out)
{
    static const char *const words[] = { "FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR" };
    const char *before = "";

    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
        if (flags & 1u << i) {
            g_string_append_printf(out, "%s%s", before, words[i]);
            before = ", ";
        }
    }
}

static void
tell_sacks(struct fields *out, struct reader *value)
{
    out->open(out, "selective_acknowledgement");
    while (reader_left(value) >= 8) {
        fields_number(out, "from", reader_u32(value));
        fields_number(out, "to", reader_u32(value));
    }
    out->close(out);
}

static void
tell_tcp_option(struct fields *out, uint8_t kind, struct reader *value)
{
    size_t length = reader_left(value);

    if (kind == 2 && length == 2) {
        fields_number(out, "maximum_segment_size", reader_u16(value));
    } else if (kind == 3 && length == 1) {
        fields_number(out, "window_scale", reader_u8(value));
    } else if (kind == 4 && length == 0) {
        out->flag(out, "sack_permitted", true);
    } else if (kind == 5 && length % 8 == 0) {
        tell_sacks(out, value);
    } else if (kind == 8 && length == 8) {
        fields_number(out, "timestamp", reader_u32(value));
        fields_number(out, "timestamp_echo", reader_u32(value));
    } else {
        out->open(out, "option");
        fields_number(out, "kind", kind);
        out->bytes(out, "value", reader_rest(value));
        out->close(out);
    }
}

static void
tell_tcp_options(struct decoding *decoding, struct reader *options)
{
    while (reader_left(options) > 0) {
        uint8_t kind = reader_u8(options), length;
        struct reader value;

        if (kind == 0)
            return;
        if (kind == 1)
            continue;
        length = reader_u8(options);
        if (length < 2 || length - 2u > reader_left(options)) {
            tell_malformed(decoding, "a TCP option is cut short");
            return;
        }
        value = reader_cut(options, length - 2u);
        tell_tcp_option(decoding->out, kind, &value);
    }
}

static void
decode_tcp(struct decoding *decoding, struct reader *rest, bool quoted)
{
    g_autoptr(GString) flags = g_string_new(NULL);
    struct fields *out = decoding->out;

    decoding->protocol = "tcp";
    decoding->flow.source_port = reader_u16(rest);
    decoding->flow.destination_port = reader_u16(rest);
    out->open(out, "TCP");
    fields_number(out, "source_port", decoding->flow.source_port);
    fields_number(out, "destination_port", decoding->flow.destination_port);
    fields_number(out, "sequence", reader_u32(rest));
    uint32_t acknowledgement = reader_u32(rest);
    uint8_t offset = reader_u8(rest) >> 4, bits = reader_u8(rest);
    say_flags(bits, flags);
    if (bits & 0x10)
        fields_number(out, "acknowledgement", acknowledgement);
    fields_text(out, "flags", flags->str);
    fields_number(out, "window", reader_u16(rest));
    fields_number(out, "checksum", reader_u16(rest));
    uint16_t urgent = reader_u16(rest);
    if (bits & 0x20)
        fields_number(out, "urgent", urgent);
    decode_say(decoding, "TCP %s", flags->str);

    struct reader options = { .failed = true };
    if (!reader_failed(rest) && offset >= 5)
        options = reader_cut(rest, (offset - 5u) * 4u);
    if (options.failed && !quoted)
        tell_malformed(decoding, "the TCP header is cut short");
    else if (!options.failed)
        tell_tcp_options(decoding, &options);
    out->close(out);
    if (options.failed || quoted)
        return;
    decoding->stream = true;
    decode_data(decoding, reader_rest(rest));
}

/* ---- ICMP */

static const char *
icmp_word(bool six, uint8_t type, uint8_t code)
{
    static const struct { bool six; uint8_t type; int code; const char *word; } words[] = {
        { false, 0, -1, "echo reply" }, { false, 8, -1, "echo request" }, { false, 11, 0, "time exceeded in transit" },
        { false, 11, 1, "fragment reassembly time exceeded" }, { false, 3, 0, "net unreachable" },
        { false, 3, 1, "host unreachable" }, { false, 3, 2, "protocol unreachable" },
        { false, 3, 3, "port unreachable" }, { false, 3, 4, "fragmentation needed" },
        { false, 3, 13, "administratively prohibited" }, { false, 3, -1, "destination unreachable" },
        { false, 4, -1, "source quench" }, { false, 5, -1, "redirect" }, { false, 12, -1, "parameter problem" },
        { true, 1, 0, "no route to destination" }, { true, 1, 1, "administratively prohibited" },
        { true, 1, 3, "address unreachable" }, { true, 1, 4, "port unreachable" },
        { true, 1, -1, "destination unreachable" }, { true, 2, -1, "packet too big" },
        { true, 3, 0, "hop limit exceeded in transit" }, { true, 3, 1, "fragment reassembly time exceeded" },
        { true, 4, -1, "parameter problem" }, { true, 128, -1, "echo request" }, { true, 129, -1, "echo reply" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        if (words[i].six == six && words[i].type == type && (words[i].code < 0 || words[i].code == code))
            return words[i].word;
    }
    return "of another type";
}

static bool
is_echo(bool six, uint8_t type)
{
    return six ? type == 128 || type == 129 : type == 0 || type == 8;
}

static bool
is_error(bool six, uint8_t type)
{
    return six ? type < 128 : type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

/* What an error quotes is told as a packet of its own, but the summary stays the error's. */
static void
decode_quote(struct decoding *decoding, struct reader *rest)
{
    g_autoptr(GString) inner = g_string_new(NULL);
    struct decoding quoted = { .out = decoding->out, .summary = inner, .depth = decoding->depth + 1 };

    if (reader_left(rest) == 0 || quoted.depth >= DECODE_DEPTH)
        return;
    decoding->out->open(decoding->out, "quoted");
    decode_ip(&quoted, rest);
    decoding->out->close(decoding->out);
}

static void
decode_icmp(struct decoding *decoding, struct reader *rest, bool six)
{
    struct fields *out = decoding->out;
    uint8_t type = reader_u8(rest), code = reader_u8(rest);

    decoding->protocol = "icmp";
    out->open(out, six ? "ICMPv6" : "ICMP");
    fields_number(out, "type", type);
    fields_number(out, "code", code);
    fields_text(out, "meaning", icmp_word(six, type, code));
    fields_number(out, "checksum", reader_u16(rest));
    decode_say(decoding, "ICMP%s %s", six ? "v6" : "", icmp_word(six, type, code));
    if (is_echo(six, type)) {
        fields_number(out, "identifier", reader_u16(rest));
        fields_number(out, "sequence", reader_u16(rest));
        if (reader_left(rest))
            decode_tell(decoding, "data", reader_rest(rest));
    } else {
        uint32_t info = reader_u32(rest);

        if (six ? type == 2 : type == 3 && code == 4)
            fields_number(out, "mtu", six ? info : info & 0xffff);
    }
    if (reader_failed(rest))
        tell_malformed(decoding, "the ICMP message is cut short");
    else if (is_error(six, type))
        decode_quote(decoding, rest);
    out->close(out);
}

static void
decode_transport(struct decoding *decoding, struct reader *rest, bool quoted)
{
    switch (decoding->flow.protocol) {
    case PROTOCOL_UDP:
        decode_udp(decoding, rest, quoted);
        break;
    case PROTOCOL_TCP:
        decode_tcp(decoding, rest, quoted);
        break;
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMPV6:
        decode_icmp(decoding, rest, decoding->flow.protocol == PROTOCOL_ICMPV6);
        break;
    default:
        decode_say(decoding, "protocol %u", decoding->flow.protocol);
        decode_data(decoding, reader_rest(rest));
        break;
    }
}

/* ---- IP */

static void
tell_protocol(struct decoding *decoding, const char *name)
{
    const char *word = protocol_name(decoding->flow.protocol);

    fields_number(decoding->out, name, decoding->flow.protocol);
    if (word)
        fields_text(decoding->out, "protocol_name", word);
}

static void
tell_ends(struct decoding *decoding)
{
    fields_address(decoding->out, "source", decoding->flow.source);
    fields_address(decoding->out, "destination", decoding->flow.destination);
}

/* A later fragment has no transport header. */
static void
tell_fragment(struct decoding *decoding, struct reader *rest, unsigned offset)
{
    decoding->protocol = decoding->flow.protocol == PROTOCOL_TCP ? "tcp" : "udp";
    decode_say(decoding, "a fragment, from byte %u on", offset);
    decoding->out->open(decoding->out, "Data");
    decode_tell(decoding, "bytes", reader_rest(rest));
    decoding->out->close(decoding->out);
}

static void
decode_ipv4(struct decoding *decoding, struct reader *packet, uint8_t first)
{
    struct fields *out = decoding->out;
    unsigned header = (first & 15) * 4u;
    bool quoted = decoding->depth > 0;
    uint8_t service = reader_u8(packet);
    uint16_t total = reader_u16(packet), identification = reader_u16(packet), fragment = reader_u16(packet);
    uint8_t ttl = reader_u8(packet);

    decoding->flow.protocol = reader_u8(packet);
    uint16_t checksum = reader_u16(packet);
    struct span source = reader_span(packet, 4), destination = reader_span(packet, 4);
    struct span options = header > 20 ? reader_span(packet, header - 20) : span_of(NULL, 0);
    out->open(out, "IPv4");
    if (reader_failed(packet) || header < 20) {
        tell_malformed(decoding, "the IP header is cut short");
        out->close(out);
        return;
    }
    decoding->flow.source = address_from_bytes(source.bytes, FAMILY_IPV4);
    decoding->flow.destination = address_from_bytes(destination.bytes, FAMILY_IPV4);
    tell_ends(decoding);
    tell_protocol(decoding, "protocol");
    fields_number(out, "ttl", ttl);
    fields_number(out, "total_length", total);
    fields_number(out, "identification", identification);
    out->flag(out, "dont_fragment", fragment & 0x4000);
    if (fragment & 0x3fff) {
        out->flag(out, "more_fragments", fragment & 0x2000);
        fields_number(out, "fragment_offset", (fragment & 0x1fff) * 8);
    }
    if (service) {
        fields_number(out, "dscp", service >> 2);
        fields_number(out, "ecn", service & 3);
    }
    fields_number(out, "checksum", checksum);
    if (options.length)
        out->bytes(out, "options", options);
    out->close(out);

    size_t length = total >= header ? total - header : 0;
    struct reader rest = reader_over(reader_span(packet, MIN(length, reader_left(packet))));
    if (fragment & 0x1fff)
        tell_fragment(decoding, &rest, (fragment & 0x1fff) * 8u);
    else
        decode_transport(decoding, &rest, quoted);
}

/* Steps over extension headers; false when they are cut short. `offset` is that of a fragment. */
static bool
walk_extensions(struct decoding *decoding, struct reader *rest, unsigned *offset)
{
    struct fields *out = decoding->out;

    for (unsigned i = 0; i < 8; i++) {
        uint8_t type = decoding->flow.protocol, length;

        if (type != 0 && type != 43 && type != 44 && type != 60)
            return true;
        decoding->flow.protocol = reader_u8(rest);
        length = reader_u8(rest);
        out->open(out, type == 44 ? "fragment" : type == 43 ? "routing" : "options");
        if (type == 44) {
            uint16_t fragment = reader_u16(rest);

            *offset = fragment & 0xfff8u;
            fields_number(out, "fragment_offset", *offset);
            out->flag(out, "more_fragments", fragment & 1);
            fields_number(out, "identification", reader_u32(rest));
        } else {
            out->bytes(out, "value", reader_span(rest, 6 + length * 8u));
        }
        out->close(out);
        if (reader_failed(rest))
            return false;
    }
    return true;
}

static void
decode_ipv6(struct decoding *decoding, struct reader *packet, uint8_t first)
{
    struct fields *out = decoding->out;
    bool quoted = decoding->depth > 0;
    uint8_t second = reader_u8(packet);
    unsigned class = (first & 15u) << 4 | second >> 4, label = (second & 15u) << 16, offset = 0;

    label |= reader_u16(packet);
    uint16_t length = reader_u16(packet);
    decoding->flow.protocol = reader_u8(packet);
    uint8_t hops = reader_u8(packet);
    struct span source = reader_span(packet, 16), destination = reader_span(packet, 16);
    out->open(out, "IPv6");
    if (reader_failed(packet)) {
        tell_malformed(decoding, "the IP header is cut short");
        out->close(out);
        return;
    }
    decoding->flow.source = address_from_bytes(source.bytes, FAMILY_IPV6);
    decoding->flow.destination = address_from_bytes(destination.bytes, FAMILY_IPV6);
    tell_ends(decoding);
    tell_protocol(decoding, "next_header");
    fields_number(out, "hop_limit", hops);
    fields_number(out, "payload_length", length);
    if (class)
        fields_number(out, "traffic_class", class);
    if (label)
        fields_number(out, "flow_label", label);
    struct reader rest = reader_over(reader_span(packet, MIN(length, reader_left(packet))));
    bool good = walk_extensions(decoding, &rest, &offset);
    if (!good)
        tell_malformed(decoding, "an extension header is cut short");
    out->close(out);
    if (good && offset)
        tell_fragment(decoding, &rest, offset);
    else if (good)
        decode_transport(decoding, &rest, quoted);
}

void
decode_ip(struct decoding *decoding, struct reader *packet)
{
    uint8_t first = reader_u8(packet);

    if (first >> 4 == 4)
        decode_ipv4(decoding, packet, first);
    else if (first >> 4 == 6)
        decode_ipv6(decoding, packet, first);
    else
        tell_malformed(decoding, "it is of no version of IP");
}
