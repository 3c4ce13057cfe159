#include "proto/portmap/pcp.h"

#include <glib.h>

#define RESPONSE 0x80
#define MAP_BYTES 36
#define PEER_BYTES 56
#define OPTION_HEADER 4
#define THIRD_PARTY_BYTES 16
#define FILTER_BYTES 20

static const struct {
    const char *word;
    uint32_t lifetime;
} results[] = {
#define X(name, code, word, lifetime) [code] = { word, lifetime },
    PCP_RESULTS(X)
#undef X
};

G_STATIC_ASSERT(G_N_ELEMENTS(results) == PCP_RESULT_COUNT);

const char *
pcp_result_word(unsigned result)
{
    return result < PCP_RESULT_COUNT ? results[result].word : "unknown";
}

uint32_t
pcp_result_lifetime(unsigned result)
{
    return result < PCP_RESULT_COUNT ? results[result].lifetime : 1800;
}

enum pcp_result
pcp_result_of(enum portmap_result result)
{
    static const uint8_t codes[] = {
        [PORTMAP_OK] = PCP_SUCCESS,
        [PORTMAP_NOT_AUTHORIZED] = PCP_NOT_AUTHORIZED,
        [PORTMAP_NO_NETWORK] = PCP_NETWORK_FAILURE,
        [PORTMAP_NO_RESOURCES] = PCP_NO_RESOURCES,
        [PORTMAP_QUOTA] = PCP_USER_EX_QUOTA,
        [PORTMAP_NO_PROTOCOL] = PCP_UNSUPP_PROTOCOL,
        [PORTMAP_TAKEN] = PCP_CANNOT_PROVIDE_EXTERNAL,
    };

    G_STATIC_ASSERT(G_N_ELEMENTS(codes) == PORTMAP_RESULT_COUNT);
    return codes[result];
}

/* --- addresses (section 5) --------------------------------------------------------------------------------------- */

static struct address
read_address(struct reader *reader)
{
    struct span bytes = reader_span(reader, 16);

    return bytes.length ? address_from_bytes(bytes.bytes, FAMILY_IPV6) : ADDRESS_NONE;
}

static void
put_address(struct writer *writer, struct address address)
{
    writer_u64(writer, address.high);
    writer_u64(writer, address.low);
}

/* --- MAP and PEER (sections 11.1 and 12.1) ----------------------------------------------------------------------- */

static void
read_map(struct reader *reader, uint8_t opcode, struct pcp_map *map)
{
    struct span nonce = reader_span(reader, PCP_NONCE);

    *map = (struct pcp_map){ 0 };
    if (nonce.length)
        memcpy(map->nonce, nonce.bytes, PCP_NONCE);
    map->protocol = reader_u8(reader);
    reader_skip(reader, 3);
    map->internal_port = reader_u16(reader);
    map->external.port = reader_u16(reader);
    map->external.address = read_address(reader);
    if (opcode != PCP_PEER)
        return;
    map->remote.port = reader_u16(reader);
    reader_skip(reader, 2);
    map->remote.address = read_address(reader);
}

static void
put_map(struct writer *writer, uint8_t opcode, const struct pcp_map *map)
{
    writer_span_put(writer, span_of(map->nonce, PCP_NONCE));
    writer_u8(writer, map->protocol);
    writer_zeros(writer, 3);
    writer_u16(writer, map->internal_port);
    writer_u16(writer, map->external.port);
    put_address(writer, map->external.address);
    if (opcode != PCP_PEER)
        return;
    writer_u16(writer, map->remote.port);
    writer_zeros(writer, 2);
    put_address(writer, map->remote.address);
}

/* --- options (sections 7.3 and 13) ------------------------------------------------------------------------------- */

static enum pcp_result
read_third_party(struct reader *value, struct pcp_options *options)
{
    if (reader_left(value) != THIRD_PARTY_BYTES || options->third_party)
        return PCP_MALFORMED_OPTION;
    options->third_party = true;
    options->third = read_address(value);
    return PCP_SUCCESS;
}

static enum pcp_result
read_prefer_failure(struct reader *value, struct pcp_options *options)
{
    if (reader_left(value) != 0 || options->prefer_failure)
        return PCP_MALFORMED_OPTION;
    options->prefer_failure = true;
    return PCP_SUCCESS;
}

/* The length counts bits of the 128, so an IPv4 prefix has 96 and more. Length 0 takes back the filters so far
 * (section 13.3). */
static enum pcp_result
read_filter(struct reader *value, struct pcp_options *options)
{
    struct portmap_filter filter;
    unsigned length;

    if (reader_left(value) != FILTER_BYTES)
        return PCP_MALFORMED_OPTION;
    reader_skip(value, 1);
    length = reader_u8(value);
    filter.port = reader_u16(value);
    filter.prefix.address = read_address(value);
    if (length == 0) {
        options->filters = 0;
        options->too_many_filters = false;
        return PCP_SUCCESS;
    }
    if (length > 128 || (address_is_ipv4(filter.prefix.address) && length < 96))
        return PCP_MALFORMED_OPTION;
    filter.prefix.length = (uint8_t)(address_is_ipv4(filter.prefix.address) ? length - 96 : length);
    if (options->filters == PORTMAP_FILTERS)
        options->too_many_filters = true;
    else
        options->filter[options->filters++] = filter;
    return PCP_SUCCESS;
}

/* Whether section 13 allows the option with the opcode. */
static bool
belongs(uint8_t code, uint8_t opcode)
{
    if (code == PCP_THIRD_PARTY)
        return opcode == PCP_MAP || opcode == PCP_PEER;
    return opcode == PCP_MAP;
}

static enum pcp_result
read_option(uint8_t code, uint8_t opcode, struct reader *value, struct pcp_options *options)
{
    bool known = code >= PCP_THIRD_PARTY && code <= PCP_FILTER;

    if (!known)
        return code < 128 ? PCP_UNSUPP_OPTION : PCP_SUCCESS;
    if (!belongs(code, opcode))
        return PCP_UNSUPP_OPTION;
    if (code == PCP_THIRD_PARTY)
        return read_third_party(value, options);
    return code == PCP_FILTER ? read_filter(value, options) : read_prefer_failure(value, options);
}

static enum pcp_result
read_options(struct reader *reader, uint8_t opcode, struct pcp_options *options)
{
    enum pcp_result result = PCP_SUCCESS;

    *options = (struct pcp_options){ 0 };
    while (result == PCP_SUCCESS && reader_left(reader) > 0) {
        uint8_t code = reader_u8(reader);
        uint16_t length;
        struct reader value;

        reader_skip(reader, 1);
        length = reader_u16(reader);
        value = reader_cut(reader, length);
        reader_skip(reader, (size_t)(4 - length % 4) % 4);
        result = reader_failed(reader) ? PCP_MALFORMED_OPTION : read_option(code, opcode, &value, options);
    }
    return result;
}

static void
put_option(struct writer *writer, uint8_t code, uint16_t length)
{
    writer_u8(writer, code);
    writer_u8(writer, 0);
    writer_u16(writer, length);
}

static void
put_filter(struct writer *writer, const struct portmap_filter *filter)
{
    bool ipv4 = address_is_ipv4(filter->prefix.address);

    put_option(writer, PCP_FILTER, FILTER_BYTES);
    writer_u8(writer, 0);
    writer_u8(writer, (uint8_t)(filter->prefix.length + (ipv4 ? 96 : 0)));
    writer_u16(writer, filter->port);
    put_address(writer, filter->prefix.address);
}

static void
put_options(struct writer *writer, const struct pcp_options *options)
{
    if (options->third_party) {
        put_option(writer, PCP_THIRD_PARTY, THIRD_PARTY_BYTES);
        put_address(writer, options->third);
    }
    if (options->prefer_failure)
        put_option(writer, PCP_PREFER_FAILURE, 0);
    for (size_t i = 0; i < options->filters; i++)
        put_filter(writer, &options->filter[i]);
}

/* --- requests (sections 7.1 and 8.2) ----------------------------------------------------------------------------- */

static enum pcp_result
read_request_body(struct reader *reader, struct pcp_request *request)
{
    if (request->opcode > PCP_PEER)
        return PCP_UNSUPP_OPCODE;
    if (request->opcode != PCP_ANNOUNCE)
        read_map(reader, request->opcode, &request->map);
    if (reader_failed(reader))
        return PCP_MALFORMED_REQUEST;
    return read_options(reader, request->opcode, &request->options);
}

enum pcp_reading
pcp_request_decode(struct span datagram, struct pcp_request *request, enum pcp_result *result)
{
    struct reader reader = reader_over(datagram);
    uint8_t opcode;

    *request = (struct pcp_request){ 0 };
    request->version = reader_u8(&reader);
    opcode = reader_u8(&reader);
    request->opcode = opcode & 0x7f;
    if (reader_failed(&reader) || (opcode & RESPONSE))
        return PCP_IGNORE;
    *result = PCP_UNSUPP_VERSION;
    if (request->version != PCP_VERSION)
        return PCP_ANSWER;
    *result = PCP_MALFORMED_REQUEST;
    if (datagram.length < PCP_HEADER || datagram.length > PCP_BYTES || datagram.length % 4 != 0)
        return PCP_ANSWER;
    reader_skip(&reader, 2);
    request->lifetime = reader_u32(&reader);
    request->client = read_address(&reader);
    *result = read_request_body(&reader, request);
    return *result == PCP_SUCCESS ? PCP_READ : PCP_ANSWER;
}

void
pcp_request_encode(struct writer *writer, const struct pcp_request *request)
{
    writer_u8(writer, request->version);
    writer_u8(writer, request->opcode);
    writer_zeros(writer, 2);
    writer_u32(writer, request->lifetime);
    put_address(writer, request->client);
    if (request->opcode != PCP_ANNOUNCE)
        put_map(writer, request->opcode, &request->map);
    put_options(writer, &request->options);
}

/* --- responses (sections 7.2 and 8.3) ---------------------------------------------------------------------------- */

static void
put_response_header(struct writer *writer, const struct pcp_response *response)
{
    writer_u8(writer, response->version);
    writer_u8(writer, response->opcode | RESPONSE);
    writer_u8(writer, 0);
    writer_u8(writer, response->result);
    writer_u32(writer, response->lifetime);
    writer_u32(writer, response->epoch);
    writer_zeros(writer, 12);
}

bool
pcp_response_decode(struct span datagram, struct pcp_response *response)
{
    struct reader reader = reader_over(datagram);
    uint8_t opcode;

    *response = (struct pcp_response){ 0 };
    response->version = reader_u8(&reader);
    opcode = reader_u8(&reader);
    reader_skip(&reader, 1);
    response->result = reader_u8(&reader);
    response->opcode = opcode & 0x7f;
    if (reader_failed(&reader))
        return false;
    if (response->version != PCP_VERSION) /* its R bit may be clear: NAT-PMP's answer to a version has opcode 0 */
        return datagram.length >= 8;
    response->lifetime = reader_u32(&reader);
    response->epoch = reader_u32(&reader);
    reader_skip(&reader, 12);
    if (reader_failed(&reader) || !(opcode & RESPONSE) || datagram.length > PCP_BYTES || datagram.length % 4 != 0)
        return false;
    if (response->opcode != PCP_MAP && response->opcode != PCP_PEER)
        return true;
    read_map(&reader, response->opcode, &response->map);
    response->has_map = !reader_failed(&reader);
    if (response->result != PCP_SUCCESS) /* what was malformed in the request stands here again */
        return true;
    return response->has_map && read_options(&reader, response->opcode, &response->options) == PCP_SUCCESS;
}

void
pcp_response_encode(struct writer *writer, const struct pcp_response *response)
{
    put_response_header(writer, response);
    if (response->has_map)
        put_map(writer, response->opcode, &response->map);
    put_options(writer, &response->options);
}

void
pcp_refusal_encode(struct writer *writer, struct span request, enum pcp_result result, uint32_t epoch)
{
    struct reader reader = reader_over(span_of(request.bytes, MIN(request.length, PCP_BYTES)));
    struct pcp_response header = {
        .version = PCP_VERSION, .result = (uint8_t)result, .lifetime = pcp_result_lifetime(result), .epoch = epoch
    };
    struct span rest;

    reader_skip(&reader, 1);
    header.opcode = reader_u8(&reader) & 0x7f;
    put_response_header(writer, &header);
    if (reader_left(&reader) < PCP_HEADER - 2)
        return;
    reader_skip(&reader, PCP_HEADER - 2);
    rest = reader_rest(&reader);
    writer_span_put(writer, rest);
    writer_zeros(writer, (4 - rest.length % 4) % 4);
}
