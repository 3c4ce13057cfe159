#include "proto/sip/print.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "proto/sip/lex.h"

static void
put_text(struct writer *out, const char *text)
{
    writer_span_put(out, span_of_text(text));
}

static void
put_checked(struct writer *out, struct span text, bool sound)
{
    if (!sound)
        out->failed = true;
    writer_span_put(out, text);
}

/* Whether nothing in a value ends its line: a CR and an LF stand together, and a blank after them (a fold). */
static bool
stays_in_line(struct span value)
{
    for (size_t i = 0; i < value.length; i++) {
        if (value.bytes[i] != '\r' && value.bytes[i] != '\n')
            continue;
        if (value.length - i < 3 || value.bytes[i] != '\r' || value.bytes[i + 1] != '\n' ||
            (value.bytes[i + 2] != ' ' && value.bytes[i + 2] != '\t'))
            return false;
        i += 2;
    }
    return true;
}

static bool
is_one_line(struct span text)
{
    return text.length == 0 || (!memchr(text.bytes, '\r', text.length) && !memchr(text.bytes, '\n', text.length));
}

/* --- lines ------------------------------------------------------------------------------------------------------- */

void
sip_put_request_line(struct writer *out, struct span method, struct span uri)
{
    put_checked(out, method, sip_all(method, SIP_CLASS_TOKEN));
    put_text(out, " ");
    put_checked(out, uri, sip_all(uri, SIP_CLASS_URI));
    put_text(out, " SIP/2.0\r\n");
}

static void
put_decimal(struct writer *out, uint32_t value)
{
    char text[11];
    int length = snprintf(text, sizeof text, "%" PRIu32, value);

    writer_span_put(out, span_of(text, (size_t)length));
}

void
sip_put_status_line(struct writer *out, unsigned status, struct span phrase)
{
    if (status < 100 || status > 699)
        out->failed = true;
    put_text(out, "SIP/2.0 ");
    put_decimal(out, status);
    put_text(out, " ");
    if (phrase.length)
        put_checked(out, phrase, is_one_line(phrase));
    else
        put_text(out, sip_status_phrase(status));
    put_text(out, "\r\n");
}

void
sip_put_other(struct writer *out, struct span name, struct span value)
{
    put_checked(out, name, sip_all(name, SIP_CLASS_TOKEN));
    put_text(out, ": ");
    put_checked(out, value, stays_in_line(value));
    put_text(out, "\r\n");
}

void
sip_put_header(struct writer *out, enum sip_header_name name, struct span value)
{
    sip_put_other(out, span_of_text(sip_header_word(name)), value);
}

void
sip_put_header_text(struct writer *out, enum sip_header_name name, const char *value)
{
    sip_put_header(out, name, span_of_text(value));
}

void
sip_put_number(struct writer *out, enum sip_header_name name, uint32_t value)
{
    put_text(out, sip_header_word(name));
    put_text(out, ": ");
    put_decimal(out, value);
    put_text(out, "\r\n");
}

/* vsnprintf ends what it writes with a NUL, for which the line end that follows makes room. */
void
sip_put_format(struct writer *out, enum sip_header_name name, const char *format, ...)
{
    va_list arguments;
    size_t room;
    int length;

    put_text(out, sip_header_word(name));
    put_text(out, ": ");
    if (writer_failed(out))
        return;
    room = writer_left(out);
    va_start(arguments, format);
    length = vsnprintf((char *)out->at, room, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= room || !stays_in_line(span_of(out->at, (size_t)length))) {
        out->failed = true;
        return;
    }
    (void)writer_room(out, (size_t)length);
    put_text(out, "\r\n");
}

/* --- Via --------------------------------------------------------------------------------------------------------- */

void
sip_put_host(struct writer *out, struct endpoint at)
{
    char text[ADDRESS_TEXT];
    bool brackets = !address_is_ipv4(at.address);

    put_text(out, brackets ? "[" : "");
    put_text(out, address_format(at.address, text));
    put_text(out, brackets ? "]" : "");
    if (at.port) {
        put_text(out, ":");
        put_decimal(out, at.port);
    }
}

void
sip_put_via(struct writer *out, enum sip_transport transport, struct endpoint sent_by, struct span branch, bool rport)
{
    put_text(out, "Via: SIP/2.0/");
    put_text(out, sip_transport_word(transport));
    put_text(out, " ");
    sip_put_host(out, sent_by);
    put_text(out, rport ? ";rport;branch=" : ";branch=");
    put_checked(out, branch, sip_all(branch, SIP_CLASS_TOKEN));
    put_text(out, "\r\n");
}

/* A Via value being copied with other bytes in some places. The edits come in the order of the places. */
struct patch {
    struct writer *out;
    struct span left; /* of the original, to be copied yet */
};

static void
copy_up_to(struct patch *patch, const uint8_t *place)
{
    size_t length = (size_t)(place - patch->left.bytes);

    writer_span_put(patch->out, span_of(patch->left.bytes, length));
    patch->left = span_of(place, patch->left.length - length);
}

static void
skip_over(struct patch *patch, struct span text)
{
    patch->left.length -= (size_t)(text.bytes + text.length - patch->left.bytes);
    patch->left.bytes = text.bytes + text.length;
}

static void
patch_rport(struct patch *patch, const struct sip_via *via, uint16_t port)
{
    copy_up_to(patch, via->rport_text.bytes);
    skip_over(patch, via->rport_text);
    put_text(patch->out, via->rport_text.length ? "" : "=");
    put_decimal(patch->out, port);
}

static void
patch_received(struct patch *patch, const struct sip_via *via, struct address source)
{
    char text[ADDRESS_TEXT];

    copy_up_to(patch, via->received_text.bytes);
    skip_over(patch, via->received_text);
    put_text(patch->out, address_format(source, text));
}

/* Section 18.2.1: the source is told when sent-by names something else; RFC 3581 section 4: always, and its port too,
 * when the client asks with `rport`. What the client itself wrote there is not believed. */
static void
put_topmost(struct writer *out, const struct sip_via *via, struct endpoint source)
{
    struct patch patch = { out, via->text };
    bool told = via->received_text.bytes != NULL;
    bool differs = !address_equal(via->sent_by.address, source.address);
    bool received_first = told && via->has_rport && via->received_text.bytes < via->rport_text.bytes;
    char text[ADDRESS_TEXT];

    if (received_first)
        patch_received(&patch, via, source.address);
    if (via->has_rport)
        patch_rport(&patch, via, source.port);
    if (told && !received_first)
        patch_received(&patch, via, source.address);
    writer_span_put(out, patch.left);
    if (!told && (differs || via->has_rport)) {
        put_text(out, ";received=");
        put_text(out, address_format(source.address, text));
    }
}

void
sip_copy_vias(struct writer *out, const struct sip_message *request, struct endpoint source)
{
    struct sip_values walk = sip_values_of(request, SIP_HEADER_VIA);
    struct sip_via via;
    struct span value;
    const struct sip_header *header;
    const uint8_t *after;

    if (!sip_values_next(&walk, &value) || !sip_via_decode(value, &via)) {
        sip_copy_headers(out, request, SIP_HEADER_VIA);
        return;
    }
    header = &request->headers[walk.line];
    after = value.bytes + value.length;
    writer_span_put(out, span_of(header->line.bytes, (size_t)(value.bytes - header->line.bytes)));
    put_topmost(out, &via, source);
    writer_span_put(out, span_of(after, (size_t)(header->line.bytes + header->line.length - after)));
    for (unsigned i = walk.line + 1; i < request->count; i++)
        if (request->headers[i].id == SIP_HEADER_VIA)
            writer_span_put(out, request->headers[i].line);
}

/* --- copies, and the end ------------------------------------------------------------------------------------------- */

void
sip_copy_headers(struct writer *out, const struct sip_message *from, enum sip_header_name name)
{
    for (unsigned i = 0; i < from->count; i++)
        if (from->headers[i].id == name)
            writer_span_put(out, from->headers[i].line);
}

void
sip_put_end(struct writer *out, const char *type, struct span body)
{
    if (body.length)
        sip_put_header_text(out, SIP_HEADER_CONTENT_TYPE, type);
    sip_put_number(out, SIP_HEADER_CONTENT_LENGTH, (uint32_t)body.length);
    put_text(out, "\r\n");
    writer_span_put(out, body);
}

/* --- replies ------------------------------------------------------------------------------------------------------- */

/* Section 8.2.6.2: the To of the request, with a tag of ours when it has none. A To that cannot be read stays as it is. */
static void
copy_to(struct writer *out, const struct sip_message *request, struct span tag)
{
    const struct sip_header *to = sip_message_find(request, SIP_HEADER_TO, 0);
    struct sip_name_addr address;

    if (!to)
        return;
    if (!tag.length || !sip_name_addr_decode(to->value, &address) || address.tag.length) {
        writer_span_put(out, to->line);
        return;
    }
    writer_span_put(out, span_of(to->line.bytes, (size_t)(to->value.bytes + to->value.length - to->line.bytes)));
    put_text(out, ";tag=");
    put_checked(out, tag, sip_all(tag, SIP_CLASS_TOKEN));
    put_text(out, "\r\n");
}

static void
copy_first(struct writer *out, const struct sip_message *from, enum sip_header_name name)
{
    const struct sip_header *header = sip_message_find(from, name, 0);

    if (header)
        writer_span_put(out, header->line);
}

void
sip_put_reply(struct writer *out, const struct sip_message *request, const struct sip_reply *reply)
{
    sip_put_status_line(out, reply->status, reply->phrase);
    sip_copy_vias(out, request, reply->source);
    if (reply->record)
        sip_copy_headers(out, request, SIP_HEADER_RECORD_ROUTE);
    copy_first(out, request, SIP_HEADER_FROM);
    copy_to(out, request, reply->tag);
    copy_first(out, request, SIP_HEADER_CALL_ID);
    copy_first(out, request, SIP_HEADER_CSEQ);
    if (reply->status == 100)
        copy_first(out, request, SIP_HEADER_TIMESTAMP);
}
