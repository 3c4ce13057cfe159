#include "proto/sdp/fields.h"

#include "proto/sdp/lex.h"

/* ---- hosts */

struct sdp_host
sdp_host_of(struct address address)
{
    return (struct sdp_host){ .kind = address_is_ipv4(address) ? SDP_HOST_IPV4 : SDP_HOST_IPV6, .address = address };
}

#define MOST_NAME 255 /* RFC 1035 section 2.3.4 */

/* Whether digits only follow, up to a last '.'. */
static bool
is_number(struct span text, size_t from)
{
    while (from < text.length && g_ascii_isdigit(text.bytes[from]))
        from++;
    return from == text.length || text.bytes[from] == '.';
}

/* No label is empty, which is the case where a '.' stands at a label's beginning. */
static bool
is_name(struct span text)
{
    size_t label = 0; /* where the last one begins */

    for (size_t i = 0; i < text.length; i++) {
        uint8_t byte = text.bytes[i];

        if (!g_ascii_isalnum(byte) && byte != '-' && byte != '_' && (byte != '.' || i == label))
            return false;
        if (byte == '.' && i + 1 < text.length)
            label = i + 1;
    }
    return text.length > 0 && text.length <= MOST_NAME && !is_number(text, label);
}

bool
sdp_host_parse(struct span text, struct sdp_host *host)
{
    char copy[ADDRESS_TEXT];
    bool colon = text.length && memchr(text.bytes, ':', text.length);

    *host = (struct sdp_host){ .text = text };
    if (text.length && text.length < sizeof copy && !memchr(text.bytes, '\0', text.length)) {
        memcpy(copy, text.bytes, text.length);
        copy[text.length] = '\0';
        if (address_parse(copy, &host->address)) {
            host->kind = colon ? SDP_HOST_IPV6 : SDP_HOST_IPV4;
            return true;
        }
    }
    host->kind = SDP_HOST_NAME;
    return is_name(text);
}

void
sdp_put_host(GString *out, const struct sdp_host *host)
{
    char text[ADDRESS_TEXT];

    if (host->kind != SDP_HOST_IPV4 && host->kind != SDP_HOST_IPV6) {
        sdp_put_span(out, host->text);
        return;
    }
    if (host->kind == SDP_HOST_IPV6 && address_is_ipv4(host->address))
        g_string_append(out, "::ffff:");
    g_string_append(out, address_format(host->address, text));
}

bool
sdp_host_equal(const struct sdp_host *a, const struct sdp_host *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == SDP_HOST_IPV4 || a->kind == SDP_HOST_IPV6)
        return address_equal(a->address, b->address);
    return sdp_text_equal_nocase(a->text, b->text);
}

bool
sdp_host_is_mdns(const struct sdp_host *host)
{
    size_t length = host->text.length;

    return host->kind == SDP_HOST_NAME && length > 6 &&
           sdp_text_is_nocase(span_of(host->text.bytes + length - 6, 6), ".local");
}

/* ---- network, type and address */

struct sdp_network
sdp_network_of(struct address address)
{
    return (struct sdp_network){ span_of_text("IN"), span_of_text(address_is_ipv4(address) ? "IP4" : "IP6"),
                                 sdp_host_of(address) };
}

/* The address of a network whose types have been read. `text` is without what may follow after '/'. */
static bool
read_host(struct span text, struct sdp_network *network)
{
    bool internet = sdp_text_is(network->network, "IN");
    bool ip4 = internet && sdp_text_is(network->type, "IP4"), ip6 = internet && sdp_text_is(network->type, "IP6");

    if (!ip4 && !ip6) {
        network->host = (struct sdp_host){ .kind = SDP_HOST_OTHER, .text = text };
        return sdp_is_visible(text);
    }
    return sdp_host_parse(text, &network->host) && network->host.kind != (ip4 ? SDP_HOST_IPV6 : SDP_HOST_IPV4);
}

static enum sdp_fault
take_types(struct sdp_lex *lex, struct sdp_network *network)
{
    network->network = sdp_lex_field(lex);
    if (!sdp_is_token(network->network))
        return SDP_FAULT_NETWORK;
    network->type = sdp_lex_field(lex);
    return sdp_is_token(network->type) ? SDP_FAULT_NONE : SDP_FAULT_NETWORK;
}

enum sdp_fault
sdp_network_take(struct sdp_lex *lex, struct sdp_network *network)
{
    enum sdp_fault fault = take_types(lex, network);

    if (fault != SDP_FAULT_NONE)
        return fault;
    return read_host(sdp_lex_field(lex), network) ? SDP_FAULT_NONE : SDP_FAULT_ADDRESS;
}

void
sdp_put_network(GString *out, const struct sdp_network *network)
{
    sdp_put_span(out, network->network);
    g_string_append_c(out, ' ');
    sdp_put_span(out, network->type);
    g_string_append_c(out, ' ');
    sdp_put_host(out, &network->host);
}

/* ---- o= */

static enum sdp_fault
take_origin(struct sdp_lex *lex, struct sdp_origin *origin)
{
    origin->user = sdp_lex_field(lex);
    if (!sdp_is_visible(origin->user))
        return SDP_FAULT_ORIGIN;
    if (!sdp_number(sdp_lex_field(lex), UINT64_MAX, &origin->session_id) ||
        !sdp_number(sdp_lex_field(lex), UINT64_MAX, &origin->version))
        return SDP_FAULT_NUMBER;

    enum sdp_fault fault = sdp_network_take(lex, &origin->at);

    if (fault != SDP_FAULT_NONE)
        return fault;
    return sdp_lex_done(lex) ? SDP_FAULT_NONE : SDP_FAULT_ORIGIN;
}

enum sdp_fault
sdp_origin_parse(struct span value, struct sdp_origin *origin, size_t *at)
{
    struct sdp_lex lex = sdp_lex_over(value);
    enum sdp_fault fault = take_origin(&lex, origin);

    *at = sdp_lex_at(&lex);
    return fault;
}

void
sdp_put_origin(GString *out, const struct sdp_origin *origin)
{
    g_string_append(out, "o=");
    sdp_put_span(out, origin->user);
    g_string_append_printf(out, " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " ", origin->session_id, origin->version);
    sdp_put_network(out, &origin->at);
    g_string_append(out, "\r\n");
}

/* ---- c= */

struct sdp_connection
sdp_connection_of(struct address address)
{
    return (struct sdp_connection){ .to = sdp_network_of(address), .count = 1 };
}

/* What follows the address: "/127", "/127/3" for IPv4, "/3" for IPv6. `slash`: there is any. */
static bool
read_multicast(struct span numbers, bool slash, struct sdp_connection *connection)
{
    struct sdp_host *host = &connection->to.host;
    bool ip4 = host->kind == SDP_HOST_IPV4, group = address_is_multicast(host->address);
    struct span number;
    uint64_t value;

    connection->has_ttl = false;
    connection->ttl = 0;
    connection->count = 1;
    if (!slash)
        return !(ip4 && group);
    if (!group || (host->kind != SDP_HOST_IPV4 && host->kind != SDP_HOST_IPV6))
        return false;
    if (ip4) {
        slash = sdp_cut(&numbers, '/', &number);
        if (!sdp_number(number, UINT8_MAX, &value))
            return false;
        connection->has_ttl = true;
        connection->ttl = (uint8_t)value;
    }
    if (slash) {
        if (!sdp_number(numbers, UINT16_MAX, &value) || value == 0)
            return false;
        connection->count = (uint32_t)value;
    }
    return true;
}

static enum sdp_fault
take_connection(struct sdp_lex *lex, struct sdp_connection *connection)
{
    enum sdp_fault fault = take_types(lex, &connection->to);
    struct span rest, address;
    bool slash = false, internet = sdp_text_is(connection->to.network, "IN");

    if (fault != SDP_FAULT_NONE)
        return fault;
    rest = address = sdp_lex_field(lex);
    if (internet) /* an address of another network may have any bytes in it */
        slash = sdp_cut(&rest, '/', &address);
    if (!read_host(address, &connection->to) || !sdp_lex_done(lex))
        return SDP_FAULT_ADDRESS;
    return read_multicast(rest, slash, connection) ? SDP_FAULT_NONE : SDP_FAULT_MULTICAST;
}

enum sdp_fault
sdp_connection_parse(struct span value, struct sdp_connection *connection, size_t *at)
{
    struct sdp_lex lex = sdp_lex_over(value);
    enum sdp_fault fault = take_connection(&lex, connection);

    *at = sdp_lex_at(&lex);
    return fault;
}

void
sdp_put_connection(GString *out, const struct sdp_connection *connection)
{
    g_string_append(out, "c=");
    sdp_put_network(out, &connection->to);
    if (connection->has_ttl)
        g_string_append_printf(out, "/%u", connection->ttl);
    if (connection->count > 1)
        g_string_append_printf(out, "/%u", connection->count);
    g_string_append(out, "\r\n");
}

/* ---- m= */

static bool
read_count(struct span text, uint16_t port, uint32_t *count)
{
    uint64_t value;

    if (!sdp_number(text, UINT16_MAX, &value) || value == 0 || port + value - 1 > UINT16_MAX)
        return false;
    *count = (uint32_t)value;
    return true;
}

/* Tokens with slashes between them: "RTP/AVP", "UDP/TLS/RTP/SAVPF". */
static bool
is_protocol(struct span protocol)
{
    struct span part;
    bool more;

    do {
        more = sdp_cut(&protocol, '/', &part);
        if (!sdp_is_token(part))
            return false;
    } while (more);
    return true;
}

static bool
are_formats(struct span formats)
{
    struct sdp_lex lex = sdp_lex_over(formats);

    while (!sdp_lex_done(&lex))
        if (!sdp_is_visible(sdp_lex_field(&lex)))
            return false;
    return true;
}

static enum sdp_fault
take_media_line(struct sdp_lex *lex, struct sdp_media_line *line)
{
    struct span port;
    uint64_t value;
    bool slash;

    line->media = sdp_lex_field(lex);
    if (!sdp_is_token(line->media))
        return SDP_FAULT_MEDIA;
    port = sdp_lex_field(lex);
    slash = sdp_cut(&port, '/', &line->port_text);
    if (!sdp_number(line->port_text, UINT16_MAX, &value))
        return SDP_FAULT_PORT;
    line->port = (uint16_t)value;
    line->count = 1;
    if (slash && !read_count(port, line->port, &line->count))
        return SDP_FAULT_PORT_COUNT;
    line->protocol = sdp_lex_field(lex);
    if (!is_protocol(line->protocol))
        return SDP_FAULT_MEDIA;
    line->formats = sdp_lex_rest(lex);
    return are_formats(line->formats) ? SDP_FAULT_NONE : SDP_FAULT_MEDIA;
}

enum sdp_fault
sdp_media_line_parse(struct span value, struct sdp_media_line *line, size_t *at)
{
    struct sdp_lex lex = sdp_lex_over(value);
    enum sdp_fault fault = take_media_line(&lex, line);

    *at = sdp_lex_at(&lex);
    return fault;
}

void
sdp_put_media_line(GString *out, const struct sdp_media_line *line)
{
    g_string_append(out, "m=");
    sdp_put_span(out, line->media);
    g_string_append_printf(out, " %u", line->port);
    if (line->count > 1)
        g_string_append_printf(out, "/%u", line->count);
    g_string_append_c(out, ' ');
    sdp_put_span(out, line->protocol);
    g_string_append_c(out, ' ');
    sdp_put_span(out, line->formats);
    g_string_append(out, "\r\n");
}

bool
sdp_format_next(struct span *formats, struct span *format)
{
    if (formats->length == 0)
        return false;
    sdp_cut(formats, ' ', format);
    return true;
}

bool
sdp_media_line_is_rtp(const struct sdp_media_line *line)
{
    struct span protocol = line->protocol, part;
    bool more;

    do {
        more = sdp_cut(&protocol, '/', &part);
        if (sdp_text_is_nocase(part, "RTP"))
            return true;
    } while (more);
    return false;
}

/* ---- b= */

enum sdp_fault
sdp_bandwidth_parse(struct span value, struct sdp_bandwidth *bandwidth, size_t *at)
{
    struct span number = value;

    *at = 0;
    if (!sdp_cut(&number, ':', &bandwidth->type) || !sdp_is_token(bandwidth->type))
        return SDP_FAULT_BANDWIDTH;
    *at = bandwidth->type.length + 1;
    return sdp_number(number, UINT64_MAX, &bandwidth->value) ? SDP_FAULT_NONE : SDP_FAULT_BANDWIDTH;
}

void
sdp_put_bandwidth(GString *out, const struct sdp_bandwidth *bandwidth)
{
    g_string_append(out, "b=");
    sdp_put_span(out, bandwidth->type);
    g_string_append_printf(out, ":%" G_GUINT64_FORMAT "\r\n", bandwidth->value);
}

/* ---- t=, r=, z= */

enum sdp_fault
sdp_times_parse(struct span value, struct sdp_times *times, size_t *at)
{
    struct sdp_lex lex = sdp_lex_over(value);
    bool good = sdp_number(sdp_lex_field(&lex), UINT64_MAX, &times->start) &&
                sdp_number(sdp_lex_field(&lex), UINT64_MAX, &times->stop) && sdp_lex_done(&lex);

    *at = sdp_lex_at(&lex);
    return good ? SDP_FAULT_NONE : SDP_FAULT_TIME;
}

void
sdp_put_times(GString *out, const struct sdp_times *times)
{
    g_string_append_printf(out, "t=%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT "\r\n", times->start, times->stop);
}

/* "604800", "7d", and "-1h" where a sign may stand (typed-time, RFC 8866 section 9). */
static bool
is_typed_time(struct span text, bool sign)
{
    uint64_t value;

    if (sign && text.length && text.bytes[0] == '-')
        text = span_of(text.bytes + 1, text.length - 1);
    if (text.length && memchr("dhms", text.bytes[text.length - 1], 4))
        text.length--;
    return sdp_number(text, UINT64_MAX, &value);
}

enum sdp_fault
sdp_repeat_check(struct span value, size_t *at)
{
    struct sdp_lex lex = sdp_lex_over(value);
    unsigned fields = 0;
    bool good = true;

    while (good && !sdp_lex_done(&lex)) {
        good = is_typed_time(sdp_lex_field(&lex), false);
        fields++;
    }
    *at = sdp_lex_at(&lex);
    return good && fields >= 3 ? SDP_FAULT_NONE : SDP_FAULT_REPEAT;
}

enum sdp_fault
sdp_zone_check(struct span value, size_t *at)
{
    struct sdp_lex lex = sdp_lex_over(value);
    uint64_t time;
    bool good = true;

    while (good && !sdp_lex_done(&lex))
        good = sdp_number(sdp_lex_field(&lex), UINT64_MAX, &time) && is_typed_time(sdp_lex_field(&lex), true);
    *at = sdp_lex_at(&lex);
    return good ? SDP_FAULT_NONE : SDP_FAULT_ZONE;
}

/* ---- text and attributes */

void
sdp_put_text(GString *out, char type, struct span value)
{
    g_string_append_printf(out, "%c=", type);
    sdp_put_span(out, value);
    g_string_append(out, "\r\n");
}

void
sdp_put_attribute(GString *out, const char *name, const char *value)
{
    g_string_append_printf(out, value ? "a=%s:%s\r\n" : "a=%s\r\n", name, value);
}
