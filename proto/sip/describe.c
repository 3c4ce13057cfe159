#include "proto/sip/describe.h"

#include "proto/sip/headers.h"
#include "proto/sip/lex.h"

/* --- for people -------------------------------------------------------------------------------------------------- */

static void
say_text(struct span text, GString *out)
{
    g_autofree char *valid = g_utf8_make_valid((const char *)text.bytes, (gssize)text.length);

    for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
        gunichar character = g_utf8_get_char(at);

        g_string_append_unichar(out, g_unichar_isprint(character) ? character : '?');
    }
}

static void
say_contact(const struct sip_message *message, GString *out)
{
    struct sip_values contacts = sip_values_of(message, SIP_HEADER_CONTACT);
    struct sip_name_addr contact;
    struct span value;

    if (!sip_values_next(&contacts, &value) || !sip_name_addr_decode(value, &contact))
        return;
    g_string_append(out, ", Contact ");
    say_text(contact.star ? value : contact.uri.text, out);
}

static void
say_body(const struct sip_message *message, GString *out)
{
    struct span type = sip_message_value(message, SIP_HEADER_CONTENT_TYPE);
    const uint8_t *parameters = type.length ? memchr(type.bytes, ';', type.length) : NULL;

    if (!message->body.length || !type.length)
        return;
    if (parameters)
        type.length = (size_t)(parameters - type.bytes);
    g_string_append(out, ", with ");
    say_text(sip_trim(type), out);
}

void
sip_message_say(const struct sip_message *message, GString *out)
{
    if (message->request) {
        say_text(message->method, out);
        g_string_append_c(out, ' ');
        say_text(message->uri, out);
    } else {
        g_string_append_printf(out, "%u ", message->status);
        say_text(message->phrase, out);
        g_string_append(out, message->phrase.length ? " (" : "(");
        say_text(message->cseq_method, out);
        g_string_append_c(out, ')');
    }
    say_contact(message, out);
    say_body(message, out);
}

bool
sip_datagram_say(struct span datagram, GString *out)
{
    struct sip_message message;

    if (sip_message_decode(datagram, &message) != SIP_FAULT_NONE)
        return false;
    sip_message_say(&message, out);
    return true;
}

/* --- for programs ------------------------------------------------------------------------------------------------ */

static void
via_fields(struct span value, struct fields *out)
{
    struct sip_via via;

    if (!sip_via_decode(value, &via)) {
        out->text(out, "via", value);
        return;
    }
    out->open(out, "via");
    out->text(out, "transport", via.transport_text);
    out->text(out, "sent_by", via.sent_by.host_port);
    out->text(out, "branch", via.branch);
    if (via.received_text.length)
        out->text(out, "received", via.received_text);
    if (via.has_rport)
        fields_number(out, "rport", via.rport);
    if (via.maddr.length)
        out->text(out, "maddr", via.maddr);
    out->close(out);
}

/* "Call-ID" is "call_id". */
static const char *
field_name(enum sip_header_name name, char text[32])
{
    g_strlcpy(text, sip_header_word(name), 32);
    for (char *at = text; *at; at++)
        *at = *at == '-' ? '_' : g_ascii_tolower(*at);
    return text;
}

static void
other_fields(const struct sip_header *header, struct fields *out)
{
    out->open(out, "header");
    out->text(out, "name", header->name);
    out->text(out, "value", header->value);
    out->close(out);
}

/* A Via line may hold several values; each is a group. */
static void
line_fields(const struct sip_message *message, unsigned line, struct fields *out)
{
    const struct sip_header *header = &message->headers[line];
    char name[32];
    struct span value;

    if (header->id == SIP_HEADER_OTHER) {
        other_fields(header, out);
        return;
    }
    if (header->id != SIP_HEADER_VIA) {
        out->text(out, field_name(header->id, name), header->value);
        return;
    }

    struct sip_values vias = sip_values_of(message, SIP_HEADER_VIA);

    for (vias.header = line; sip_values_next(&vias, &value) && vias.line == line;)
        via_fields(value, out);
}

static void
start_fields(const struct sip_message *message, struct fields *out)
{
    out->flag(out, "request", message->request);
    if (message->request) {
        out->text(out, "method", message->method);
        out->text(out, "uri", message->uri);
    } else {
        fields_number(out, "status", message->status);
        out->text(out, "phrase", message->phrase);
        out->text(out, "method", message->cseq_method);
    }
}

void
sip_message_fields(const struct sip_message *message, struct fields *out)
{
    start_fields(message, out);
    for (unsigned i = 0; i < message->count; i++)
        line_fields(message, i, out);
    if (!message->body.length)
        return;
    if (sip_content_is(message, "application/sdp"))
        out->text(out, "body", message->body);
    else
        out->bytes(out, "body", message->body);
}
