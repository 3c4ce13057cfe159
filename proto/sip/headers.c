#include "proto/sip/headers.h"

#include <glib.h>

#include "proto/sip/lex.h"

/* --- Via, RFC 3261 section 20.42 ----------------------------------------------------------------------------------- */

static bool
read_rport(struct span value, struct sip_via *via)
{
    uint32_t port = 0;

    if (via->has_rport || (value.length && (!sip_digits(value, UINT16_MAX, &port) || port == 0)))
        return false;
    via->has_rport = true;
    via->rport_text = value;
    via->rport = (uint16_t)port;
    return true;
}

static bool
read_ttl(struct span value, struct sip_via *via)
{
    uint32_t ttl;

    if (!sip_digits(value, UINT8_MAX, &ttl))
        return false;
    via->ttl = ttl;
    return true;
}

/* Sets a part that no other parameter has set yet: none may stand there twice (section 7.3.1), nor without a value. */
static bool
set_once(struct span *part, struct span value)
{
    if (part->bytes || value.length == 0)
        return false;
    *part = value;
    return true;
}

static bool
read_via_parameter(struct span name, struct span value, struct sip_via *via)
{
    if (sip_text_is_nocase(name, "branch"))
        return set_once(&via->branch, value);
    if (sip_text_is_nocase(name, "rport"))
        return read_rport(value, via);
    if (sip_text_is_nocase(name, "received")) {
        (void)sip_address_decode(value, &via->received);
        return set_once(&via->received_text, value);
    }
    if (sip_text_is_nocase(name, "maddr"))
        return set_once(&via->maddr, value);
    if (sip_text_is_nocase(name, "ttl"))
        return read_ttl(value, via);
    return true;
}

static bool
read_via_parameters(struct sip_via *via)
{
    struct span left = via->parameters.text, name, value;

    while (sip_parameter_next(&left, &name, &value))
        if (!read_via_parameter(name, value, via))
            return false;
    return left.length == 0;
}

/* "SIP / 2.0 / UDP". The version is any token: which one it is the start line says. */
static bool
read_protocol(struct reader *reader, struct sip_via *via)
{
    if (!sip_text_is_nocase(sip_run(reader, SIP_CLASS_TOKEN), "SIP") || !sip_skip_mark(reader, '/') ||
        sip_run(reader, SIP_CLASS_TOKEN).length == 0 || !sip_skip_mark(reader, '/'))
        return false;
    via->transport_text = sip_run(reader, SIP_CLASS_TOKEN);
    via->transport = sip_transport_of(via->transport_text);
    return via->transport_text.length > 0;
}

bool
sip_via_decode(struct span value, struct sip_via *via)
{
    struct reader reader;
    const uint8_t *from;

    *via = (struct sip_via){ .text = sip_trim(value) };
    reader = reader_over(via->text);
    if (!read_protocol(&reader, via))
        return false;
    from = reader.at;
    sip_skip_blanks(&reader);
    if (reader.at == from)
        return false;

    from = reader.at;
    while (reader.at < reader.end && *reader.at != ';')
        reader.at++;
    if (!sip_host_decode(sip_trim(span_of(from, (size_t)(reader.at - from))), &via->sent_by))
        return false;
    via->parameters.text = reader_rest(&reader);
    return read_via_parameters(via);
}

/* --- addresses, section 20.10 -------------------------------------------------------------------------------------- */

/* A quoted string, or tokens, before the '<'. */
static bool
read_display(struct reader *reader, struct sip_name_addr *address)
{
    struct span inside;
    const uint8_t *from = reader->at;

    if (sip_peek(reader) == '"') {
        if (!sip_quoted(reader, &inside))
            return false;
        address->display = span_of(from, (size_t)(reader->at - from));
        sip_skip_blanks(reader);
        return true;
    }
    while (reader->at < reader->end && sip_is(*reader->at, SIP_CLASS_TOKEN | SIP_CLASS_BLANK))
        reader->at++;
    address->display = sip_trim(span_of(from, (size_t)(reader->at - from)));
    return true;
}

static bool
read_brackets(struct reader *reader, struct sip_name_addr *address)
{
    size_t left = reader_left(reader);
    const uint8_t *end = left ? memchr(reader->at, '>', left) : NULL;

    if (!end || reader_u8(reader) != '<')
        return false;
    address->brackets = true;
    if (!sip_uri_decode(reader_span(reader, (size_t)(end - reader->at)), &address->uri))
        return false;
    reader_skip(reader, 1);
    return true;
}

/* Without brackets the URI has neither commas, question marks nor semicolons: what follows is the header's. */
static bool
read_bare(struct reader *reader, struct sip_name_addr *address)
{
    const uint8_t *from = reader->at;

    while (reader->at < reader->end && !sip_is(*reader->at, SIP_CLASS_BLANK) && *reader->at != ';')
        reader->at++;
    return sip_uri_decode(span_of(from, (size_t)(reader->at - from)), &address->uri) && !address->uri.headers.length;
}

static bool
read_parameters(struct reader *reader, struct sip_name_addr *address)
{
    struct span left, name, value;

    sip_skip_blanks(reader);
    address->parameters.text = left = reader_rest(reader);
    while (sip_parameter_next(&left, &name, &value))
        if (sip_text_is_nocase(name, "tag") && !set_once(&address->tag, value))
            return false;
    return left.length == 0;
}

bool
sip_name_addr_decode(struct span value, struct sip_name_addr *address)
{
    struct reader reader, name;

    *address = (struct sip_name_addr){ .text = sip_trim(value) };
    address->star = sip_text_is(address->text, "*");
    if (address->star)
        return true;
    reader = name = reader_over(address->text);
    if (!read_display(&name, address))
        return false;
    if (sip_peek(&name) == '<') {
        reader = name;
        return read_brackets(&reader, address) && read_parameters(&reader, address);
    }
    address->display = span_of(NULL, 0);
    return read_bare(&reader, address) && read_parameters(&reader, address);
}

/* --- numbers and words --------------------------------------------------------------------------------------------- */

bool
sip_cseq_decode(struct span value, uint32_t *number, struct span *method)
{
    struct reader reader = reader_over(sip_trim(value));
    struct span digits = sip_run(&reader, SIP_CLASS_TOKEN);
    const uint8_t *after = reader.at;

    sip_skip_blanks(&reader);
    *method = reader_rest(&reader);
    return method->bytes != after && sip_digits(digits, INT32_MAX, number) && sip_all(*method, SIP_CLASS_TOKEN);
}

bool
sip_number_decode(struct span value, uint32_t most, uint32_t *number)
{
    return sip_digits(sip_trim(value), most, number);
}

/* Section 20.19: "Malformed values SHOULD be treated as equivalent to 3600." */
#define EXPIRES_MALFORMED 3600

uint32_t
sip_contact_expires(const struct sip_message *message, const struct sip_name_addr *contact, uint32_t otherwise)
{
    const struct sip_header *header = sip_message_find(message, SIP_HEADER_EXPIRES, 0);
    struct span value;
    uint32_t seconds;

    if (!sip_parameter(contact->parameters, "expires", &value)) {
        if (!header)
            return otherwise;
        value = header->value;
    }
    return sip_number_decode(value, UINT32_MAX, &seconds) ? seconds : EXPIRES_MALFORMED;
}

/* The next token of "type / subtype" is the part of `type` up to `mark`. */
static bool
skip_word(struct reader *reader, const char *word, size_t length)
{
    return sip_text_equal_nocase(sip_run(reader, SIP_CLASS_TOKEN), span_of(word, length));
}

bool
sip_content_is(const struct sip_message *message, const char *type)
{
    struct reader reader = reader_over(sip_message_value(message, SIP_HEADER_CONTENT_TYPE));
    size_t first = strcspn(type, "/");

    if (!skip_word(&reader, type, first) || !sip_skip_mark(&reader, '/') || !type[first] ||
        !skip_word(&reader, type + first + 1, strlen(type + first + 1)))
        return false;
    sip_skip_blanks(&reader);
    return sip_peek(&reader) < 0 || sip_peek(&reader) == ';';
}

/* --- challenges and credentials, sections 20.7 and 20.44 ------------------------------------------------------------ */

/* Where the value of a parameter goes; NULL for one that nothing here reads. */
static struct span *
digest_field(struct sip_digest_fields *fields, struct span name, struct span *stale)
{
    const struct {
        const char *name;
        struct span *field;
    } known[] = {
        { "realm", &fields->realm },
        { "nonce", &fields->nonce },
        { "opaque", &fields->opaque },
        { "algorithm", &fields->algorithm },
        { "qop", &fields->qop },
        { "uri", &fields->uri },
        { "username", &fields->username },
        { "response", &fields->response },
        { "cnonce", &fields->cnonce },
        { "nc", &fields->nc },
        { "stale", stale },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
        if (sip_text_is_nocase(name, known[i].name))
            return known[i].field;
    return NULL;
}

static bool
read_auth_param(struct reader *reader, struct sip_digest_fields *fields, struct span *stale)
{
    struct span name = sip_run(reader, SIP_CLASS_TOKEN), value;
    struct span *field = digest_field(fields, name, stale);

    if (name.length == 0 || !sip_skip_mark(reader, '='))
        return false;
    if (sip_peek(reader) == '"') {
        if (!sip_quoted(reader, &value))
            return false;
    } else {
        value = sip_run(reader, SIP_CLASS_VALUE);
        if (value.length == 0)
            return false;
    }
    if (field && field->bytes) /* twice: which one counts is anybody's guess */
        return false;
    if (field)
        *field = value;
    return true;
}

bool
sip_digest_decode(struct span value, struct sip_digest_fields *fields)
{
    struct reader reader = reader_over(sip_trim(value));
    struct span stale = { NULL, 0 };
    const uint8_t *after;

    *fields = (struct sip_digest_fields){ .stale = false };
    if (!sip_text_is_nocase(sip_run(&reader, SIP_CLASS_TOKEN), "Digest"))
        return false;
    after = reader.at;
    sip_skip_blanks(&reader);
    if (reader.at == after)
        return false;
    do {
        if (!read_auth_param(&reader, fields, &stale))
            return false;
    } while (sip_skip_mark(&reader, ','));
    fields->stale = sip_text_is_nocase(stale, "true");
    return reader_left(&reader) == 0;
}
