#include "proto/sip/message.h"

#include <glib.h>

#include "proto/sip/headers.h"
#include "proto/sip/lex.h"
#include "proto/sip/line.h"

/* What the decoder has found so far. The first fault counts, but the decoder goes on: a request is answered with what
 * stands after the fault, too. */
struct decoding {
    struct sip_message *message;
    enum sip_fault fault;
    struct sip_header *first[SIP_HEADER_COUNT];
    bool repeated;
};

static void
blame(struct decoding *d, enum sip_fault fault)
{
    if (d->fault == SIP_FAULT_NONE)
        d->fault = fault;
}

/* --- the start line, RFC 3261 sections 7.1 and 7.2 ---------------------------------------------------------------- */

/* "SIP/2.0", in any case; false when it isn't a version of SIP at all. */
static bool
read_version(struct decoding *d, struct span text)
{
    if (text.length < 4 || !sip_text_is_nocase(span_of(text.bytes, 4), "SIP/"))
        return false;
    if (!sip_text_is(span_of(text.bytes + 4, text.length - 4), "2.0"))
        blame(d, SIP_FAULT_VERSION);
    return true;
}

static struct span
until_blank(struct reader *reader)
{
    size_t left = reader_left(reader);
    const uint8_t *blank = left ? memchr(reader->at, ' ', left) : NULL;

    return reader_span(reader, blank ? (size_t)(blank - reader->at) : left);
}

/* 100 to 699, three digits. */
static bool
read_status(struct span text, unsigned *status)
{
    uint32_t number;

    if (text.length != 3 || !sip_digits(text, 699, &number) || number < 100)
        return false;
    *status = number;
    return true;
}

static void
read_status_line(struct decoding *d, struct span line)
{
    struct sip_message *message = d->message;
    struct reader reader = reader_over(line);

    (void)read_version(d, until_blank(&reader));
    reader_skip(&reader, 1);
    if (!read_status(until_blank(&reader), &message->status)) {
        blame(d, SIP_FAULT_START_LINE);
        return;
    }
    if (reader_left(&reader)) /* some leave out the blank with the phrase */
        reader_skip(&reader, 1);
    message->phrase = reader_rest(&reader);
}

/* Method, URI and version with one blank between them. More blanks, or blanks in the URI or after the version, have a
 * fault of their own: RFC 4475 sections 3.1.2.8 to 3.1.2.10 want 400 then. */
static void
read_request_line(struct decoding *d, struct span line)
{
    struct sip_message *message = d->message;
    struct reader reader;
    struct span whole = line, uri;

    while (line.length && line.bytes[line.length - 1] == ' ')
        line.length--;
    reader = reader_over(line);
    message->request = true;
    message->method = until_blank(&reader);
    reader_skip(&reader, 1);

    uri = reader_rest(&reader);
    while (uri.length && uri.bytes[uri.length - 1] != ' ')
        uri.length--;
    if (!sip_all(message->method, SIP_CLASS_TOKEN) || uri.length == 0 ||
        !read_version(d,
                      span_of(uri.bytes + uri.length, (size_t)(line.bytes + line.length - uri.bytes) - uri.length))) {
        message->request = false;
        d->fault = SIP_FAULT_NOT_SIP;
        return;
    }
    message->method_id = sip_method_of(message->method);
    message->uri = span_of(uri.bytes, uri.length - 1);
    if (line.length < whole.length || message->uri.length == 0 || message->uri.bytes[0] == ' ' ||
        message->uri.bytes[message->uri.length - 1] == ' ')
        blame(d, SIP_FAULT_START_LINE);
}

static void
read_start_line(struct decoding *d, struct span line)
{
    if (line.length >= 4 && sip_text_is_nocase(span_of(line.bytes, 4), "SIP/"))
        read_status_line(d, line);
    else
        read_request_line(d, line);
}

/* --- header lines ------------------------------------------------------------------------------------------------ */

static bool
stands_once(enum sip_header_name name)
{
    switch (name) {
    case SIP_HEADER_FROM:
    case SIP_HEADER_TO:
    case SIP_HEADER_CALL_ID:
    case SIP_HEADER_CSEQ:
    case SIP_HEADER_MAX_FORWARDS:
    case SIP_HEADER_CONTENT_LENGTH:
        return true;
    default:
        return false;
    }
}

static void
add_header(struct decoding *d, const struct sip_header *header)
{
    struct sip_message *message = d->message;
    struct sip_header *kept = &message->headers[message->count];

    if (message->count == SIP_HEADERS_MAX) {
        blame(d, SIP_FAULT_TOO_MANY_HEADERS);
        return;
    }
    *kept = *header;
    kept->id = sip_header_of(header->name);
    message->count++;
    if (!d->first[kept->id])
        d->first[kept->id] = kept;
    else if (stands_once(kept->id))
        d->repeated = true;
}

static void
read_headers(struct decoding *d, struct reader *reader)
{
    struct sip_header header;

    for (;;) {
        switch (sip_line_next(reader, &header)) {
        case SIP_LINE_HEADER:
            add_header(d, &header);
            break;
        case SIP_LINE_MALFORMED:
            blame(d, SIP_FAULT_HEADER);
            break;
        case SIP_LINE_UNFINISHED:
            blame(d, SIP_FAULT_UNFINISHED);
            reader->at = reader->end;
            return;
        case SIP_LINE_END:
            return;
        }
    }
}

/* --- what each message needs, section 8.1.1 ----------------------------------------------------------------------- */

static struct span
first_value(const struct decoding *d, enum sip_header_name name)
{
    return d->first[name] ? d->first[name]->value : span_of(NULL, 0);
}

static void
check_presence(struct decoding *d)
{
    static const uint8_t needed[] = { SIP_HEADER_VIA, SIP_HEADER_FROM, SIP_HEADER_TO, SIP_HEADER_CALL_ID,
                                      SIP_HEADER_CSEQ };

    for (size_t i = 0; i < G_N_ELEMENTS(needed); i++)
        if (!d->first[needed[i]])
            blame(d, SIP_FAULT_MISSING);
    if (d->repeated)
        blame(d, SIP_FAULT_REPEATED);
}

static void
check_via(struct decoding *d)
{
    struct sip_values vias = sip_values_of(d->message, SIP_HEADER_VIA);
    struct sip_via via;
    struct span value;

    if (d->first[SIP_HEADER_VIA] && (!sip_values_next(&vias, &value) || !sip_via_decode(value, &via)))
        blame(d, SIP_FAULT_VIA);
}

static void
check_cseq(struct decoding *d)
{
    struct sip_message *message = d->message;

    if (!d->first[SIP_HEADER_CSEQ])
        return;
    if (!sip_cseq_decode(first_value(d, SIP_HEADER_CSEQ), &message->cseq, &message->cseq_method))
        blame(d, SIP_FAULT_CSEQ);
    else if (message->request && !span_equal(message->method, message->cseq_method))
        blame(d, SIP_FAULT_CSEQ);
    else if (!message->request)
        message->method_id = sip_method_of(message->cseq_method);
}

static void
check_call_id(struct decoding *d)
{
    if (d->first[SIP_HEADER_CALL_ID] && !sip_all(first_value(d, SIP_HEADER_CALL_ID), SIP_CLASS_WORD))
        blame(d, SIP_FAULT_CALL_ID);
}

static void
check_address(struct decoding *d, enum sip_header_name name)
{
    struct sip_name_addr address;

    if (d->first[name] && (!sip_name_addr_decode(first_value(d, name), &address) || address.star))
        blame(d, SIP_FAULT_FROM_TO);
}

static void
check_max_forwards(struct decoding *d)
{
    uint32_t hops;

    if (d->first[SIP_HEADER_MAX_FORWARDS] &&
        !sip_number_decode(first_value(d, SIP_HEADER_MAX_FORWARDS), UINT8_MAX, &hops))
        blame(d, SIP_FAULT_MAX_FORWARDS);
}

/* Last of all: who gets a request with another scheme may want to pass it on. */
static void
check_uri(struct decoding *d)
{
    struct sip_uri uri;

    if (!d->message->request)
        return;
    if (!sip_uri_decode(d->message->uri, &uri) || uri.headers.length)
        blame(d, SIP_FAULT_REQUEST_URI); /* header fields have no place there: section 19.1.1, table 1 */
    else if (!uri.sip)
        blame(d, SIP_FAULT_SCHEME);
}

/* --- the body, section 18.3 --------------------------------------------------------------------------------------- */

static void
cut_body(struct decoding *d, struct reader *reader)
{
    struct sip_message *message = d->message;
    uint32_t length = (uint32_t)reader_left(reader);

    message->head = span_of(message->text.bytes, (size_t)(reader->at - message->text.bytes));
    if (d->first[SIP_HEADER_CONTENT_LENGTH] &&
        !sip_number_decode(first_value(d, SIP_HEADER_CONTENT_LENGTH), UINT32_MAX, &length))
        blame(d, SIP_FAULT_CONTENT_LENGTH);
    if (length > reader_left(reader)) {
        blame(d, SIP_FAULT_CUT);
        length = (uint32_t)reader_left(reader);
    }
    message->body = reader_span(reader, length);
    message->text.length = message->head.length + message->body.length;
}

/* --- all of it --------------------------------------------------------------------------------------------------- */

static void
clear(struct sip_message *message)
{
    /* The room for header fields is large, and only its first `count` seats mean anything. */
    memset(message, 0, offsetof(struct sip_message, headers));
    message->head = message->body = span_of(NULL, 0);
}

static enum sip_fault
read_message(struct decoding *d, struct reader *reader)
{
    struct span line;

    switch (sip_line_start(reader, &line)) {
    case SIP_LINE_HEADER:
        read_start_line(d, line);
        break;
    case SIP_LINE_UNFINISHED:
        return SIP_FAULT_UNFINISHED;
    default:
        return SIP_FAULT_START_LINE;
    }
    if (d->fault == SIP_FAULT_NOT_SIP)
        return d->fault;
    read_headers(d, reader);
    check_presence(d);
    check_via(d);
    check_cseq(d);
    check_call_id(d);
    check_address(d, SIP_HEADER_FROM);
    check_address(d, SIP_HEADER_TO);
    check_max_forwards(d);
    cut_body(d, reader);
    check_uri(d);
    return d->fault;
}

enum sip_fault
sip_message_decode(struct span bytes, struct sip_message *message)
{
    struct decoding d = { .message = message };
    struct reader reader = reader_over(bytes);

    clear(message);
    while (sip_peek(&reader) == '\r' || sip_peek(&reader) == '\n')
        reader_skip(&reader, 1);
    if (reader_left(&reader) == 0)
        return SIP_FAULT_EMPTY;
    if (!sip_is(*reader.at, SIP_CLASS_TOKEN))
        return SIP_FAULT_NOT_SIP;
    if (reader_left(&reader) > SIP_MESSAGE_MAX)
        return SIP_FAULT_TOO_LONG;
    message->text = span_of(reader.at, reader_left(&reader));
    return read_message(&d, &reader);
}

bool
sip_message_answerable(const struct sip_message *message)
{
    return message->request && message->method_id != SIP_ACK && sip_message_find(message, SIP_HEADER_VIA, 0);
}

bool
sip_may_be(struct span bytes)
{
    return bytes.length > 0 &&
           (sip_is(bytes.bytes[0], SIP_CLASS_TOKEN) || bytes.bytes[0] == '\r' || bytes.bytes[0] == '\n');
}

/* --- looking at header fields ------------------------------------------------------------------------------------- */

const struct sip_header *
sip_message_find(const struct sip_message *message, enum sip_header_name name, unsigned from)
{
    for (unsigned i = from; i < message->count; i++)
        if (message->headers[i].id == name)
            return &message->headers[i];
    return NULL;
}

struct span
sip_message_value(const struct sip_message *message, enum sip_header_name name)
{
    const struct sip_header *header = sip_message_find(message, name, 0);

    return header ? header->value : span_of(NULL, 0);
}

struct sip_values
sip_values_of(const struct sip_message *message, enum sip_header_name name)
{
    return (struct sip_values){ .message = message, .name = name };
}

/* Where the first value ends: at a comma outside of quotes and angle brackets, or at the end of all. A quoted string
 * that has no end takes all the rest, and whoever decodes the value finds that. */
static size_t
value_length(struct span text)
{
    bool quoted = false, bracketed = false;

    if (!memchr(text.bytes, ',', text.length))
        return text.length;
    for (size_t i = 0; i < text.length; i++) {
        uint8_t byte = text.bytes[i];

        if (quoted && byte == '\\') {
            i++;
        } else if (quoted) {
            quoted = byte != '"';
        } else if (bracketed) {
            bracketed = byte != '>';
        } else if (byte == ',') {
            return i;
        } else {
            quoted = byte == '"';
            bracketed = byte == '<';
        }
    }
    return text.length;
}

static struct span
take_value(struct span *left)
{
    struct reader reader = reader_over(*left);
    struct span value = reader_span(&reader, value_length(*left));

    if (reader_left(&reader))
        reader_skip(&reader, 1);
    *left = reader_rest(&reader);
    return sip_trim(value);
}

bool
sip_values_next(struct sip_values *walk, struct span *value)
{
    const struct sip_header *header;

    for (;;) {
        while (walk->left.length) {
            *value = take_value(&walk->left);
            if (value->length)
                return true;
        }
        header = sip_message_find(walk->message, walk->name, walk->header);
        if (!header)
            return false;
        walk->line = (unsigned)(header - walk->message->headers);
        walk->header = walk->line + 1;
        if (!sip_header_is_list(walk->name)) {
            *value = header->value;
            return true;
        }
        walk->left = header->value;
    }
}

bool
sip_message_lists(const struct sip_message *message, enum sip_header_name name, const char *token)
{
    struct sip_values walk = sip_values_of(message, name);
    struct span value;

    while (sip_values_next(&walk, &value))
        if (sip_text_is_nocase(value, token))
            return true;
    return false;
}
