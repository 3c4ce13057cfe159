#include "proto/portmap/nat_pmp.h"

#include <glib.h>

#define RESPONSE 0x80

static const char *const words[] = {
#define X(name, code, word) [code] = word,
    NAT_PMP_RESULTS(X)
#undef X
};

G_STATIC_ASSERT(G_N_ELEMENTS(words) == NAT_PMP_RESULT_COUNT);

const char *
nat_pmp_result_word(unsigned result)
{
    return result < NAT_PMP_RESULT_COUNT ? words[result] : "unknown";
}

enum nat_pmp_result
nat_pmp_result_of(enum portmap_result result)
{
    static const uint8_t codes[] = {
        [PORTMAP_OK] = NAT_PMP_SUCCESS,
        [PORTMAP_NOT_AUTHORIZED] = NAT_PMP_NOT_AUTHORIZED,
        [PORTMAP_NO_NETWORK] = NAT_PMP_NETWORK_FAILURE,
        [PORTMAP_NO_RESOURCES] = NAT_PMP_OUT_OF_RESOURCES,
        [PORTMAP_QUOTA] = NAT_PMP_OUT_OF_RESOURCES,
        [PORTMAP_NO_PROTOCOL] = NAT_PMP_UNSUPPORTED_OPCODE,
        [PORTMAP_TAKEN] = NAT_PMP_OUT_OF_RESOURCES,
    };

    G_STATIC_ASSERT(G_N_ELEMENTS(codes) == PORTMAP_RESULT_COUNT);
    return codes[result];
}

static bool
is_map(uint8_t opcode)
{
    return opcode == NAT_PMP_MAP_UDP || opcode == NAT_PMP_MAP_TCP;
}

/* --- requests (sections 3.2 and 3.3) ----------------------------------------------------------------------------- */

enum nat_pmp_reading
nat_pmp_request_decode(struct span datagram, struct nat_pmp_request *request, enum nat_pmp_result *result)
{
    struct reader reader = reader_over(datagram);

    *request = (struct nat_pmp_request){ 0 };
    request->version = reader_u8(&reader);
    request->opcode = reader_u8(&reader);
    if (reader_failed(&reader) || (request->opcode & RESPONSE))
        return NAT_PMP_IGNORE;
    *result = NAT_PMP_UNSUPPORTED_VERSION;
    if (request->version != NAT_PMP_VERSION)
        return NAT_PMP_ANSWER;
    *result = NAT_PMP_UNSUPPORTED_OPCODE;
    if (request->opcode > NAT_PMP_MAP_TCP)
        return datagram.length <= NAT_PMP_BYTES ? NAT_PMP_ANSWER : NAT_PMP_IGNORE;
    if (is_map(request->opcode)) {
        reader_skip(&reader, 2);
        request->internal_port = reader_u16(&reader);
        request->external_port = reader_u16(&reader);
        request->lifetime = reader_u32(&reader);
    }
    return reader_failed(&reader) ? NAT_PMP_IGNORE : NAT_PMP_READ;
}

void
nat_pmp_request_encode(struct writer *writer, const struct nat_pmp_request *request)
{
    writer_u8(writer, request->version);
    writer_u8(writer, request->opcode);
    if (!is_map(request->opcode))
        return;
    writer_zeros(writer, 2);
    writer_u16(writer, request->internal_port);
    writer_u16(writer, request->external_port);
    writer_u32(writer, request->lifetime);
}

/* --- responses --------------------------------------------------------------------------------------------------- */

static bool
read_body(struct reader *reader, struct nat_pmp_response *response)
{
    response->epoch = reader_u32(reader);
    if (is_map(response->opcode)) {
        response->internal_port = reader_u16(reader);
        response->external_port = reader_u16(reader);
        response->lifetime = reader_u32(reader);
    } else if (response->opcode == NAT_PMP_ADDRESS) {
        response->address = address_ipv4(reader_u32(reader));
    }
    return !reader_failed(reader);
}

bool
nat_pmp_response_decode(struct span datagram, struct nat_pmp_response *response)
{
    struct reader reader = reader_over(datagram);
    uint8_t opcode;

    *response = (struct nat_pmp_response){ 0 };
    response->version = reader_u8(&reader);
    opcode = reader_u8(&reader);
    response->opcode = opcode & 0x7f;
    response->result = reader_u16(&reader);
    if (reader_failed(&reader))
        return false;
    if (response->version != NAT_PMP_VERSION || response->result == NAT_PMP_UNSUPPORTED_VERSION)
        return datagram.length >= 8;
    return (opcode & RESPONSE) && read_body(&reader, response);
}

/* The answer to an unknown version has opcode 0 without the response's bit, and no body (section 3.5). */
void
nat_pmp_response_encode(struct writer *writer, const struct nat_pmp_response *response)
{
    bool bare = response->result == NAT_PMP_UNSUPPORTED_VERSION;

    writer_u8(writer, NAT_PMP_VERSION);
    writer_u8(writer, bare ? 0 : response->opcode | RESPONSE);
    writer_u16(writer, response->result);
    writer_u32(writer, response->epoch);
    if (bare)
        return;
    if (is_map(response->opcode)) {
        writer_u16(writer, response->internal_port);
        writer_u16(writer, response->external_port);
        writer_u32(writer, response->lifetime);
    } else {
        writer_u32(writer, address_to_ipv4(response->address));
    }
}

void
nat_pmp_refusal_encode(struct writer *writer, struct span request, uint32_t epoch)
{
    struct reader reader = reader_over(request);

    reader_skip(&reader, 1);
    writer_u8(writer, NAT_PMP_VERSION);
    writer_u8(writer, reader_u8(&reader) | RESPONSE);
    writer_u16(writer, NAT_PMP_UNSUPPORTED_OPCODE);
    writer_u32(writer, epoch);
    reader_skip(&reader, MIN(6, reader_left(&reader)));
    writer_span_put(writer, reader_rest(&reader));
}
