/* Protocols of text, and port control. A message of text is told as it is, line by line, so that whoever shows it can say
 * which lines something on the way has changed; and as fields. */
#include "proto/http/message.h"
#include "proto/portmap/nat_pmp.h"
#include "proto/portmap/pcp.h"
#include "proto/sdp/session.h"
#include "scenarios/runner/story/decode.h"

/* ---- HTTP, and SSDP, whose datagrams have the same heads */

enum { PORT_SSDP = 1900 };

static void
tell_field(struct fields *out, struct span name, struct span value)
{
    g_autofree char *word = g_ascii_strdown((const char *)name.bytes, (gssize)name.length);

    g_strdelimit(word, "-", '_');
    out->text(out, word, value);
}

/* The bytes up to the empty line, and with it; none when there is no empty line. */
static struct span
head_of(struct span data)
{
    const char *end = data.length ? g_strstr_len((const char *)data.bytes, (gssize)data.length, "\r\n\r\n") : NULL;

    return span_of(data.bytes, end ? (size_t)(end - (const char *)data.bytes) + 4 : 0);
}

static void
say_head(struct decoding *decoding, const struct http_head *head, const char *name, bool request)
{
    if (request)
        decode_say(decoding, "%s %.*s %.*s", name, (int)MIN(head->method.length, 20u),
                   (const char *)head->method.bytes, (int)MIN(head->target.length, 60u),
                   (const char *)head->target.bytes);
    else
        decode_say(decoding, "%s %u %.*s", name, head->status, (int)MIN(head->phrase.length, 40u),
                   (const char *)head->phrase.bytes);
}

bool
decode_http(struct decoding *decoding, struct span data)
{
    struct span head_bytes = head_of(data), body = span_of(data.bytes, 0);
    struct fields *out = decoding->out;
    struct http_head head;
    bool response = data.length > 5 && memcmp(data.bytes, "HTTP/", 5) == 0;
    const char *name = decoding->stream ? "HTTP" : "SSDP";
    bool port = decoding->flow.source_port == PORT_SSDP || decoding->flow.destination_port == PORT_SSDP;

    if ((!decoding->stream && !port) || !head_bytes.length || !decode_is_text(head_bytes) ||
        http_head_decode(head_bytes, response ? HTTP_RESPONSE : HTTP_REQUEST, &head) != HTTP_FAULT_NONE)
        return false;
    body = span_of(data.bytes + head_bytes.length, data.length - head_bytes.length);
    decoding->protocol = decoding->stream ? "http" : "portmap";
    out->open(out, name);
    if (response) {
        fields_number(out, "status", head.status);
        out->text(out, "phrase", head.phrase);
    } else {
        out->text(out, "method", head.method);
        out->text(out, "target", head.target);
    }
    for (unsigned i = 0; i < head.count; i++)
        tell_field(out, head.fields[i].name, head.fields[i].value);
    out->close(out);
    if (body.length)
        decode_data(decoding, body);
    out->open(out, "Message");
    decode_tell(decoding, decode_is_text(data) ? "text" : "bytes", data);
    out->close(out);
    say_head(decoding, &head, name, !response);
    decoding->protocol = decoding->stream ? "http" : "portmap";
    return true;
}

/* ---- SDP */

static const struct {
    char type;
    const char *name;
} sdp_names[] = {
    { 'v', "version" }, { 'o', "origin" }, { 's', "session_name" }, { 'i', "information" }, { 'u', "uri" },
    { 'e', "email" }, { 'p', "phone" }, { 'c', "connection" }, { 'b', "bandwidth" }, { 't', "timing" },
    { 'r', "repeat" }, { 'z', "zones" }, { 'k', "key" }, { 'a', "attribute" }, { 'm', "media" },
};

static const char *
sdp_name(char type)
{
    for (size_t i = 0; i < G_N_ELEMENTS(sdp_names); i++) {
        if (sdp_names[i].type == type)
            return sdp_names[i].name;
    }
    return "line";
}

bool
decode_sdp(struct decoding *decoding, struct span data)
{
    g_autofree struct sdp_session *session = NULL;
    struct fields *out = decoding->out;

    if (data.length < 5 || memcmp(data.bytes, "v=0", 3) != 0 || data.length > SDP_MAX_BYTES || !decode_is_text(data))
        return false;
    session = g_new(struct sdp_session, 1);
    if (sdp_session_parse(data, session, NULL) != SDP_FAULT_NONE)
        return false;
    decode_say(decoding, "SDP with %d medi%s", session->media_count, session->media_count == 1 ? "um" : "a");
    decoding->protocol = "sdp";
    out->open(out, "SDP");
    for (unsigned i = 0; i < session->line_count; i++)
        out->text(out, sdp_name(session->lines[i].type), sdp_line_value(session, &session->lines[i]));
    out->close(out);
    return true;
}

/* ---- port control: by its port alone, because its messages look like nothing in particular */

enum { PORT_CONTROL = 5351 };

static void
tell_map(struct fields *out, const struct pcp_map *map, bool peer)
{
    fields_number(out, "map_protocol", map->protocol);
    fields_number(out, "internal_port", map->internal_port);
    fields_endpoint(out, "external", map->external);
    if (peer)
        fields_endpoint(out, "remote", map->remote);
    out->bytes(out, "nonce", span_of(map->nonce, sizeof(map->nonce)));
}

static const char *
pcp_word(unsigned opcode)
{
    return opcode == PCP_MAP ? "MAP" : opcode == PCP_PEER ? "PEER" : opcode == PCP_ANNOUNCE ? "ANNOUNCE" : "?";
}

static bool
take_pcp_request(struct decoding *decoding, struct span data)
{
    struct fields *out = decoding->out;
    struct pcp_request request;
    enum pcp_result result;

    if (pcp_request_decode(data, &request, &result) != PCP_READ)
        return false;
    decode_say(decoding, "PCP %s request", pcp_word(request.opcode));
    out->open(out, "PCP");
    fields_text(out, "opcode", pcp_word(request.opcode));
    fields_number(out, "lifetime", request.lifetime);
    fields_address(out, "client", request.client);
    if (request.opcode != PCP_ANNOUNCE)
        tell_map(out, &request.map, request.opcode == PCP_PEER);
    out->close(out);
    return true;
}

static bool
take_pcp_response(struct decoding *decoding, struct span data)
{
    struct fields *out = decoding->out;
    struct pcp_response response;

    if (!pcp_response_decode(data, &response) || response.version < 2)
        return false;
    decode_say(decoding, "PCP %s response, %s", pcp_word(response.opcode), pcp_result_word(response.result));
    out->open(out, "PCP");
    fields_text(out, "opcode", pcp_word(response.opcode));
    fields_text(out, "result", pcp_result_word(response.result));
    fields_number(out, "lifetime", response.lifetime);
    fields_number(out, "epoch", response.epoch);
    if (response.has_map)
        tell_map(out, &response.map, response.opcode == PCP_PEER);
    out->close(out);
    return true;
}

static bool
take_nat_pmp(struct decoding *decoding, struct span data)
{
    struct fields *out = decoding->out;
    struct nat_pmp_response response;
    struct nat_pmp_request request;
    enum nat_pmp_result result;

    if (nat_pmp_request_decode(data, &request, &result) == NAT_PMP_READ) {
        decode_say(decoding, "NAT-PMP request");
        out->open(out, "NAT-PMP");
        fields_number(out, "opcode", request.opcode);
        fields_number(out, "internal_port", request.internal_port);
        fields_number(out, "external_port", request.external_port);
        fields_number(out, "lifetime", request.lifetime);
        out->close(out);
        return true;
    }
    if (!nat_pmp_response_decode(data, &response))
        return false;
    decode_say(decoding, "NAT-PMP response, %s", nat_pmp_result_word(response.result));
    out->open(out, "NAT-PMP");
    fields_number(out, "opcode", response.opcode);
    fields_text(out, "result", nat_pmp_result_word(response.result));
    fields_number(out, "epoch", response.epoch);
    fields_number(out, "internal_port", response.internal_port);
    fields_number(out, "external_port", response.external_port);
    fields_number(out, "lifetime", response.lifetime);
    out->close(out);
    return true;
}

bool
decode_portmap(struct decoding *decoding, struct span data)
{
    if (decoding->stream ||
        (decoding->flow.source_port != PORT_CONTROL && decoding->flow.destination_port != PORT_CONTROL))
        return false;
    if (!take_pcp_request(decoding, data) && !take_pcp_response(decoding, data) && !take_nat_pmp(decoding, data))
        return false;
    decoding->protocol = "portmap";
    return true;
}
