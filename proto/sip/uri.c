#include "proto/sip/uri.h"

#include <glib.h>

#include "proto/sip/lex.h"

static const char *const transport_words[] = { "UDP", "TCP", "TLS", "" };

G_STATIC_ASSERT(G_N_ELEMENTS(transport_words) == SIP_TRANSPORT_OTHER + 1);

const char *
sip_transport_word(enum sip_transport transport)
{
    return transport_words[transport];
}

enum sip_transport
sip_transport_of(struct span word)
{
    for (enum sip_transport i = SIP_UDP; i < SIP_TRANSPORT_OTHER; i++)
        if (sip_text_is_nocase(word, transport_words[i]))
            return i;
    return SIP_TRANSPORT_OTHER;
}

/* --- escapes, RFC 3261 section 19.1.2 ---------------------------------------------------------------------------- */

/* One character of a text: a byte, or the byte that an escape stands for. Whether it was escaped matters where the byte
 * itself would mean something else. -1 at the end, and for a malformed escape, after which nothing comes. */
static int
next_character(struct reader *reader, bool *escaped)
{
    int byte = sip_peek(reader), high, low;

    *escaped = false;
    if (byte < 0)
        return -1;
    reader_skip(reader, 1);
    if (byte != '%')
        return byte;
    if (reader_left(reader) < 2)
        goto malformed;
    *escaped = true;
    high = g_ascii_xdigit_value((char)reader_u8(reader));
    low = g_ascii_xdigit_value((char)reader_u8(reader));
    if (high >= 0 && low >= 0)
        return high << 4 | low;
malformed:
    reader->failed = true;
    reader->at = reader->end;
    return -1;
}

bool
sip_unescape(struct span text, struct writer *out)
{
    struct reader reader = reader_over(text);
    bool escaped;

    for (int byte; (byte = next_character(&reader, &escaped)) >= 0;)
        writer_u8(out, (uint8_t)byte);
    if (reader_failed(&reader))
        out->failed = true;
    return !writer_failed(out);
}

static bool
has_escape(struct span text)
{
    return text.length && memchr(text.bytes, '%', text.length);
}

/* Characters other than "reserved" ones are equal to their escapes (section 19.1.4). */
static int
comparable(struct reader *reader, bool nocase)
{
    bool escaped;
    int byte = next_character(reader, &escaped);

    if (byte < 0)
        return byte;
    if (escaped && byte && strchr(";/?:@&=+$,", byte))
        return byte | 0x100;
    return nocase ? sip_lower((uint8_t)byte) : byte;
}

static bool
equal_unescaped(struct span a, struct span b, bool nocase)
{
    struct reader left = reader_over(a), right = reader_over(b);

    if (!has_escape(a) && !has_escape(b))
        return nocase ? sip_text_equal_nocase(a, b) : span_equal(a, b);
    for (;;) {
        int one = comparable(&left, nocase), other = comparable(&right, nocase);

        if (one != other || reader_failed(&left) || reader_failed(&right))
            return false;
        if (one < 0)
            return true;
    }
}

/* --- parameters -------------------------------------------------------------------------------------------------- */

static bool
take_parameter(struct reader *reader, struct span *name, struct span *value)
{
    if (!sip_skip_mark(reader, ';'))
        return false;
    *name = sip_run(reader, SIP_CLASS_TOKEN);
    if (!name->length)
        return false;
    *value = span_of(name->bytes + name->length, 0);
    if (sip_skip_mark(reader, '=')) {
        if (sip_peek(reader) == '"')
            return sip_quoted(reader, value);
        *value = sip_run(reader, SIP_CLASS_VALUE);
        return value->length > 0;
    }
    return true;
}

bool
sip_parameter_next(struct span *left, struct span *name, struct span *value)
{
    struct reader reader = reader_over(*left);

    if (left->length == 0 || !take_parameter(&reader, name, value))
        return false;
    sip_skip_blanks(&reader);
    *left = reader_rest(&reader);
    return true;
}

bool
sip_parameter(struct sip_parameters parameters, const char *name, struct span *value)
{
    struct span left = parameters.text, one, found;

    while (sip_parameter_next(&left, &one, &found))
        if (equal_unescaped(one, span_of_text(name), true)) {
            *value = found;
            return true;
        }
    return false;
}

bool
sip_parameters_sound(struct sip_parameters parameters)
{
    struct span left = parameters.text, name, value;

    while (sip_parameter_next(&left, &name, &value))
        continue;
    return left.length == 0;
}

/* --- hosts ------------------------------------------------------------------------------------------------------- */

/* Four numbers of up to three digits. Leading zeros are refused, as address_parse does. */
static bool
read_ipv4(struct span text, struct address *address)
{
    struct reader reader = reader_over(text);
    uint32_t value = 0;

    for (unsigned i = 0; i < 4; i++) {
        const uint8_t *from = reader.at;
        unsigned part = 0;

        if (i && reader_u8(&reader) != '.')
            return false;
        for (from = reader.at; reader.at < reader.end && g_ascii_isdigit(*reader.at) && part < 256; reader.at++)
            part = part * 10 + (*reader.at - '0');
        if (reader.at == from || part > 255 || (*from == '0' && reader.at > from + 1))
            return false;
        value = value << 8 | part;
    }
    if (reader_left(&reader))
        return false;
    *address = address_ipv4(value);
    return true;
}

static bool
read_ipv6(struct span text, struct address *address)
{
    char copy[ADDRESS_TEXT];

    if (text.length == 0 || text.length >= sizeof copy || memchr(text.bytes, 0, text.length))
        return false;
    memcpy(copy, text.bytes, text.length);
    copy[text.length] = 0;
    return strchr(copy, ':') && address_parse(copy, address);
}

bool
sip_address_decode(struct span text, struct address *address)
{
    if (text.length > 2 && text.bytes[0] == '[' && text.bytes[text.length - 1] == ']')
        return read_ipv6(span_of(text.bytes + 1, text.length - 2), address);
    return read_ipv4(text, address) || read_ipv6(text, address);
}

/* A name of digits and dots alone is a broken address: the last label of a name begins with a letter. */
static bool
read_name(struct reader *reader, struct sip_host *host)
{
    host->host = sip_run(reader, SIP_CLASS_HOST);
    if (host->host.length == 0)
        return false;
    if (!g_ascii_isdigit(host->host.bytes[0]) || read_ipv4(host->host, &host->address))
        return true;
    for (size_t i = 0; i < host->host.length; i++)
        if (!g_ascii_isdigit(host->host.bytes[i]) && host->host.bytes[i] != '.')
            return true;
    return false;
}

static bool
read_reference(struct reader *reader, struct sip_host *host)
{
    const uint8_t *end;

    reader_skip(reader, 1);
    end = reader_left(reader) ? memchr(reader->at, ']', reader_left(reader)) : NULL;
    if (!end)
        return false;
    host->host = reader_span(reader, (size_t)(end - reader->at));
    reader_skip(reader, 1);
    return read_ipv6(host->host, &host->address);
}

bool
sip_host_decode(struct span text, struct sip_host *host)
{
    struct reader reader = reader_over(text);
    uint32_t port = 0;

    *host = (struct sip_host){ .host_port = text };
    if (!(sip_peek(&reader) == '[' ? read_reference(&reader, host) : read_name(&reader, host)))
        return false;
    if (reader_left(&reader) == 0)
        return true;
    if (!sip_skip_mark(&reader, ':') || !sip_digits(reader_rest(&reader), UINT16_MAX, &port) || port == 0)
        return false;
    host->port = (uint16_t)port;
    return true;
}

/* --- URIs -------------------------------------------------------------------------------------------------------- */

/* Whether all bytes may stand in a URI, and each '%' begins an escape. */
static bool
is_uri_text(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (!sip_is(text.bytes[i], SIP_CLASS_URI))
            return false;
        if (text.bytes[i] == '%' &&
            (text.length - i < 3 || !g_ascii_isxdigit(text.bytes[i + 1]) || !g_ascii_isxdigit(text.bytes[i + 2])))
            return false;
    }
    return true;
}

/* userinfo stands there when its bytes lead to an '@'. */
static void
read_user(struct reader *reader, struct sip_uri *uri)
{
    struct reader ahead = *reader;
    struct span info = sip_run(&ahead, SIP_CLASS_USER);
    const uint8_t *colon;

    if (sip_peek(&ahead) != '@')
        return;
    reader_skip(&ahead, 1);
    *reader = ahead;
    uri->has_user = true;
    uri->user = info;
    colon = info.length ? memchr(info.bytes, ':', info.length) : NULL;
    if (colon) {
        uri->user.length = (size_t)(colon - info.bytes);
        uri->password = span_of(colon + 1, info.length - uri->user.length - 1);
    }
}

/* What stands before one of the marks, or the end. */
static struct span
until(struct reader *reader, uint8_t mark, uint8_t other)
{
    const uint8_t *from = reader->at;

    while (reader->at < reader->end && *reader->at != mark && *reader->at != other)
        reader->at++;
    return span_of(from, (size_t)(reader->at - from));
}

static bool
read_sip(struct reader *reader, struct sip_uri *uri)
{
    uri->sip = true;
    read_user(reader, uri);
    if (!sip_host_decode(until(reader, ';', '?'), &uri->at))
        return false;
    uri->parameters.text = until(reader, '?', '?');
    if (uri->parameters.text.length && !sip_parameters_sound(uri->parameters))
        return false;
    if (reader_left(reader) == 0)
        return true;
    reader_skip(reader, 1);
    uri->headers = reader_rest(reader);
    return uri->headers.length > 0;
}

static bool
read_scheme(struct reader *reader, struct sip_uri *uri)
{
    const uint8_t *from = reader->at;

    while (reader->at < reader->end && (g_ascii_isalnum(*reader->at) || strchr("+-.", *reader->at)) && *reader->at)
        reader->at++;
    uri->scheme = span_of(from, (size_t)(reader->at - from));
    return uri->scheme.length && g_ascii_isalpha(*from) && reader_u8(reader) == ':';
}

bool
sip_uri_decode(struct span text, struct sip_uri *uri)
{
    struct reader reader = reader_over(text);

    *uri = (struct sip_uri){ .text = text };
    if (!is_uri_text(text) || !read_scheme(&reader, uri))
        return false;
    uri->secure = sip_text_is_nocase(uri->scheme, "sips");
    if (uri->secure || sip_text_is_nocase(uri->scheme, "sip"))
        return read_sip(&reader, uri);
    return reader_left(&reader) > 0;
}

/* --- equality, section 19.1.4 ------------------------------------------------------------------------------------ */

static bool
hosts_equal(const struct sip_host *a, const struct sip_host *b)
{
    if (a->port != b->port)
        return false;
    if (!address_is_none(a->address) || !address_is_none(b->address))
        return address_equal(a->address, b->address);
    return sip_text_equal_nocase(a->host, b->host);
}

static unsigned
count_marks(struct span text, uint8_t mark)
{
    unsigned count = 0;

    for (size_t i = 0; i < text.length; i++)
        count += text.bytes[i] == mark;
    return count;
}

static bool
must_be_in_both(struct span name)
{
    static const char *const names[] = { "user", "ttl", "method", "maddr", "transport" };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        if (equal_unescaped(name, span_of_text(names[i]), true))
            return true;
    return false;
}

static bool
find_parameter(struct span left, struct span name, struct span *value)
{
    for (struct span one; sip_parameter_next(&left, &one, value);)
        if (equal_unescaped(one, name, true))
            return true;
    return false;
}

/* What `a` says of the parameters that both have, or that both must have. */
static bool
parameters_agree(struct sip_parameters a, struct sip_parameters b)
{
    struct span left = a.text, name, value, other;

    while (sip_parameter_next(&left, &name, &value)) {
        if (find_parameter(b.text, name, &other)) {
            if (!equal_unescaped(value, other, true))
                return false;
        } else if (must_be_in_both(name)) {
            return false;
        }
    }
    return true;
}

static bool
next_field(struct span *left, struct span *name, struct span *value)
{
    struct reader reader = reader_over(*left);
    struct span field = until(&reader, '&', '&');
    struct reader inside = reader_over(field);

    if (left->length == 0)
        return false;
    reader_skip(&reader, sip_peek(&reader) == '&');
    *left = reader_rest(&reader);
    *name = until(&inside, '=', '=');
    reader_skip(&inside, sip_peek(&inside) == '=');
    *value = reader_rest(&inside);
    return true;
}

/* Each header field of `a` is in `b`. */
static bool
fields_within(struct span a, struct span b)
{
    struct span name, value, other_name, other;

    while (next_field(&a, &name, &value)) {
        struct span left = b;
        bool found = false;

        while (!found && next_field(&left, &other_name, &other))
            found = equal_unescaped(name, other_name, true) && equal_unescaped(value, other, false);
        if (!found)
            return false;
    }
    return true;
}

static bool
has_few_parts(const struct sip_uri *uri)
{
    return count_marks(uri->parameters.text, ';') <= SIP_URI_PARTS && count_marks(uri->headers, '&') < SIP_URI_PARTS;
}

bool
sip_uri_equal(const struct sip_uri *a, const struct sip_uri *b)
{
    if (span_equal(a->text, b->text))
        return true;
    if (!a->sip || !b->sip || a->secure != b->secure || a->has_user != b->has_user)
        return false;
    if (!equal_unescaped(a->user, b->user, false) || !equal_unescaped(a->password, b->password, false) ||
        !hosts_equal(&a->at, &b->at) || !has_few_parts(a) || !has_few_parts(b))
        return false;
    return parameters_agree(a->parameters, b->parameters) && parameters_agree(b->parameters, a->parameters) &&
           fields_within(a->headers, b->headers) && fields_within(b->headers, a->headers);
}

/* --- where a request goes ---------------------------------------------------------------------------------------- */

enum sip_transport
sip_uri_transport(const struct sip_uri *uri)
{
    struct span value;

    if (uri->secure)
        return SIP_TLS;
    return sip_parameter(uri->parameters, "transport", &value) ? sip_transport_of(value) : SIP_UDP;
}

bool
sip_uri_endpoint(const struct sip_uri *uri, struct endpoint *endpoint)
{
    struct span maddr;

    if (!uri->sip)
        return false;
    endpoint->address = uri->at.address;
    if (sip_parameter(uri->parameters, "maddr", &maddr) && !sip_address_decode(maddr, &endpoint->address))
        return false;
    endpoint->port = uri->at.port ? uri->at.port : sip_uri_transport(uri) == SIP_TLS ? 5061 : 5060;
    return !address_is_none(endpoint->address);
}
