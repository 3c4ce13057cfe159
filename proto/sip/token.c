#include "proto/sip/token.h"

#include <string.h>

enum {
    SIGNATURE_BYTES = 10 /* RFC 5626 section 5.2 */,
    FLOW_BYTES = 2 + 2 * 18 + 4,
    TOKEN_BYTES = SIGNATURE_BYTES + 4 + 2 * FLOW_BYTES
};

G_STATIC_ASSERT((TOKEN_BYTES + 2) / 3 * 4 < SIP_TOKEN_TEXT);

uint32_t
sip_token_hash(struct span tag)
{
    return (uint32_t)span_hash(tag);
}

/* --- bytes ------------------------------------------------------------------------------------------------------- */

static void
put_endpoint(struct writer *out, struct endpoint endpoint)
{
    uint8_t bytes[16];

    writer_span_put(out, span_of(bytes, address_to_bytes(endpoint.address, bytes)));
    writer_u16(out, endpoint.port);
}

static void
put_flow(struct writer *out, const struct sip_flow *flow)
{
    writer_u8(out, (uint8_t)flow->protocol);
    writer_u8(out, (uint8_t)(address_is_ipv4(flow->local.address) << 1 | address_is_ipv4(flow->peer.address)));
    put_endpoint(out, flow->local);
    put_endpoint(out, flow->peer);
    writer_u32(out, flow->connection);
}

static struct endpoint
get_endpoint(struct reader *in, bool ipv4)
{
    struct span bytes = reader_span(in, ipv4 ? 4 : 16);
    struct endpoint endpoint = { ADDRESS_NONE, 0 };

    if (bytes.length)
        endpoint.address = address_from_bytes(bytes.bytes, ipv4 ? FAMILY_IPV4 : FAMILY_IPV6);
    endpoint.port = reader_u16(in);
    return endpoint;
}

static bool
get_flow(struct reader *in, struct sip_flow *flow)
{
    unsigned protocol = reader_u8(in), families = reader_u8(in);

    flow->protocol = (enum sip_transport)protocol;
    flow->local = get_endpoint(in, families & 2);
    flow->peer = get_endpoint(in, families & 1);
    flow->connection = reader_u32(in);
    return !reader_failed(in) && protocol <= SIP_TCP;
}

static void
sign(struct span bytes, const uint8_t secret[SIP_SECRET_BYTES], uint8_t signature[SIGNATURE_BYTES])
{
    g_autoptr(GHmac) hmac = g_hmac_new(G_CHECKSUM_SHA1, secret, SIP_SECRET_BYTES);
    uint8_t digest[20];
    gsize length = sizeof digest;

    g_hmac_update(hmac, bytes.bytes, (gssize)bytes.length);
    g_hmac_get_digest(hmac, digest, &length);
    memcpy(signature, digest, SIGNATURE_BYTES);
}

/* --- text: base64url without padding, which a user part may have (RFC 4648 section 5) -------------------------------- */

static void
to_text(struct span bytes, char text[SIP_TOKEN_TEXT])
{
    g_autofree char *encoded = g_base64_encode(bytes.bytes, bytes.length);

    g_strlcpy(text, g_strdelimit(g_strdelimit(encoded, "+", '-'), "/", '_'), SIP_TOKEN_TEXT);
    text[strcspn(text, "=")] = 0;
}

static bool
from_text(struct span text, uint8_t bytes[TOKEN_BYTES + 3], gsize *length)
{
    char copy[SIP_TOKEN_TEXT + 4];
    size_t size = text.length;

    if (size == 0 || size >= SIP_TOKEN_TEXT || size % 4 == 1 || (size + 3) / 4 * 3 > TOKEN_BYTES + 3)
        return false;
    for (size_t i = 0; i < size; i++) {
        char letter = (char)text.bytes[i];

        if (!g_ascii_isalnum(letter) && letter != '-' && letter != '_')
            return false;
        copy[i] = letter == '-' ? '+' : letter == '_' ? '/' : letter;
    }
    while (size % 4)
        copy[size++] = '=';
    copy[size] = 0;
    if (!g_base64_decode_inplace(copy, length) || *length > TOKEN_BYTES)
        return false;
    memcpy(bytes, copy, *length);
    return true;
}

void
sip_token_write(const struct sip_token *token, const uint8_t secret[SIP_SECRET_BYTES], char text[SIP_TOKEN_TEXT])
{
    uint8_t bytes[TOKEN_BYTES], signature[SIGNATURE_BYTES];
    struct writer out = writer_over(bytes, sizeof bytes);

    writer_zeros(&out, SIGNATURE_BYTES);
    writer_u32(&out, token->caller);
    put_flow(&out, &token->to_caller);
    put_flow(&out, &token->to_callee);
    sign(span_of(bytes + SIGNATURE_BYTES, writer_length(&out) - SIGNATURE_BYTES), secret, signature);
    memcpy(bytes, signature, SIGNATURE_BYTES);
    to_text(writer_span(&out), text);
}

bool
sip_token_read(struct span text, const uint8_t secret[SIP_SECRET_BYTES], struct sip_token *token)
{
    uint8_t bytes[TOKEN_BYTES + 3], signature[SIGNATURE_BYTES];
    gsize length;
    struct reader in;

    if (!from_text(text, bytes, &length) || length <= SIGNATURE_BYTES)
        return false;
    sign(span_of(bytes + SIGNATURE_BYTES, length - SIGNATURE_BYTES), secret, signature);
    in = reader_over(span_of(bytes, length));
    if (!span_equal_secret(reader_span(&in, SIGNATURE_BYTES), span_of(signature, SIGNATURE_BYTES)))
        return false;
    token->caller = reader_u32(&in);
    return get_flow(&in, &token->to_caller) && get_flow(&in, &token->to_callee) && reader_left(&in) == 0;
}
