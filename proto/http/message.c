#include "proto/http/message.h"

#include <glib.h>
#include <stdio.h>

#include "proto/http/lex.h"

static const struct {
    const char *word, *sentence;
    unsigned status;
} faults[] = {
#define X(name, word, status, sentence) { word, sentence, status },
    HTTP_FAULTS(X)
#undef X
};

G_STATIC_ASSERT(G_N_ELEMENTS(faults) == HTTP_FAULT_COUNT);

const char *
http_fault_word(enum http_fault fault)
{
    return faults[fault].word;
}

const char *
http_fault_sentence(enum http_fault fault)
{
    return faults[fault].sentence;
}

unsigned
http_fault_status(enum http_fault fault)
{
    return faults[fault].status;
}

/* RFC 9110 section 15. */
static const struct {
    unsigned status;
    const char *phrase;
} phrases[] = {
    { 100, "Continue" },
    { 200, "OK" },
    { 201, "Created" },
    { 202, "Accepted" },
    { 204, "No Content" },
    { 304, "Not Modified" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 408, "Request Timeout" },
    { 409, "Conflict" },
    { 411, "Length Required" },
    { 412, "Precondition Failed" },
    { 413, "Content Too Large" },
    { 415, "Unsupported Media Type" },
    { 417, "Expectation Failed" },
    { 429, "Too Many Requests" },
    { 431, "Request Header Fields Too Large" },
    { 500, "Internal Server Error" },
    { 501, "Not Implemented" },
    { 503, "Service Unavailable" },
    { 505, "HTTP Version Not Supported" },
};

const char *
http_status_phrase(unsigned status)
{
    for (size_t i = 0; i < G_N_ELEMENTS(phrases); i++) {
        if (phrases[i].status == status)
            return phrases[i].phrase;
    }
    return "";
}

/* --- first lines (RFC 9112 sections 3 and 4) -------------------------------------------------------------------- */

/* "HTTP/1.1"; section 2.3. */
static enum http_fault
read_version(struct span text, unsigned *minor)
{
    if (text.length != 8 || memcmp(text.bytes, "HTTP/", 5) != 0 || !g_ascii_isdigit(text.bytes[5]) ||
        text.bytes[6] != '.' || !g_ascii_isdigit(text.bytes[7]))
        return HTTP_FAULT_FIRST_LINE;
    if (text.bytes[5] != '1')
        return HTTP_FAULT_VERSION;
    *minor = text.bytes[7] - (unsigned)'0';
    return HTTP_FAULT_NONE;
}

static bool
is_target(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] <= ' ' || text.bytes[i] >= 0x7f)
            return false;
    }
    return text.length > 0;
}

static enum http_fault
read_request_line(struct span line, struct http_head *head)
{
    struct span method = http_cut(&line, ' '), target = http_cut(&line, ' ');

    if (!http_is_token(method) || !is_target(target))
        return HTTP_FAULT_FIRST_LINE;
    head->method = method;
    head->target = target;
    return read_version(line, &head->minor);
}

void
http_put_request_line(struct writer *writer, const char *method, struct span target)
{
    if (!http_is_token(span_of_text(method)) || !is_target(target))
        writer->failed = true;
    writer_span_put(writer, span_of_text(method));
    writer_u8(writer, ' ');
    writer_span_put(writer, target);
    writer_span_put(writer, span_of_text(" HTTP/1.1\r\n"));
}

/* The phrase may be empty, and some servers leave out the space before it too. */
static enum http_fault
read_status_line(struct span line, struct http_head *head)
{
    struct span version = http_cut(&line, ' '), status = http_cut(&line, ' ');
    uint64_t value;

    if (status.length != 3 || !http_decimal(status, &value) || value < 100 || value > 599)
        return HTTP_FAULT_FIRST_LINE;
    if (!http_is_field_text(line))
        return HTTP_FAULT_FIRST_LINE;
    head->status = (unsigned)value;
    head->phrase = line;
    return read_version(version, &head->minor);
}

void
http_put_status_line(struct writer *writer, unsigned status)
{
    char line[16];

    if (status < 100 || status > 599)
        writer->failed = true;
    snprintf(line, sizeof line, "HTTP/1.1 %03u ", status % 1000);
    writer_span_put(writer, span_of_text(line));
    writer_span_put(writer, span_of_text(http_status_phrase(status)));
    writer_span_put(writer, span_of_text("\r\n"));
}

/* --- fields (RFC 9112 section 5) --------------------------------------------------------------------------------- */

/* Blanks before the colon, and a line that begins with one (obs-fold), make a name that is no token: refused
 * (sections 5.1 and 5.2). */
static enum http_fault
read_field(struct span line, struct http_head *head)
{
    struct span name, value;

    if (line.length == 0 || !memchr(line.bytes, ':', line.length))
        return HTTP_FAULT_FIELD;
    if (head->count == HTTP_FIELDS)
        return HTTP_FAULT_TOO_MANY_FIELDS;
    name = http_cut(&line, ':');
    value = http_trim(line);
    if (!http_is_token(name) || !http_is_field_text(value))
        return HTTP_FAULT_FIELD;
    head->fields[head->count++] = (struct http_field){ name, value };
    return HTTP_FAULT_NONE;
}

void
http_put_field(struct writer *writer, const char *name, struct span value)
{
    if (!http_is_token(span_of_text(name)) || !http_is_field_text(value))
        writer->failed = true;
    writer_span_put(writer, span_of_text(name));
    writer_span_put(writer, span_of_text(": "));
    writer_span_put(writer, value);
    writer_span_put(writer, span_of_text("\r\n"));
}

void
http_put_number(struct writer *writer, const char *name, uint64_t value)
{
    char text[24];

    snprintf(text, sizeof text, "%" G_GUINT64_FORMAT, value);
    http_put_field(writer, name, span_of_text(text));
}

void
http_put_end(struct writer *writer)
{
    writer_span_put(writer, span_of_text("\r\n"));
}

/* --- the head ---------------------------------------------------------------------------------------------------- */

/* The next line without its CRLF. False where none ends so; a CR or LF by itself ends none (section 2.2). */
static bool
read_line(struct reader *reader, struct span *line)
{
    size_t left = reader_left(reader), length = 0;

    while (length < left && reader->at[length] != '\r' && reader->at[length] != '\n')
        length++;
    *line = reader_span(reader, length);
    return reader_u8(reader) == '\r' && reader_u8(reader) == '\n';
}

enum http_fault
http_head_decode(struct span bytes, enum http_role role, struct http_head *head)
{
    struct reader reader = reader_over(bytes);
    enum http_fault fault;
    struct span line;

    head->method = head->target = head->phrase = span_of(NULL, 0);
    head->status = head->minor = head->count = 0;
    if (!read_line(&reader, &line))
        return HTTP_FAULT_FIRST_LINE;
    fault = role == HTTP_REQUEST ? read_request_line(line, head) : read_status_line(line, head);
    while (fault == HTTP_FAULT_NONE) {
        if (!read_line(&reader, &line))
            return HTTP_FAULT_FIELD;
        if (line.length == 0)
            return reader_left(&reader) == 0 ? HTTP_FAULT_NONE : HTTP_FAULT_FIELD;
        fault = read_field(line, head);
    }
    return fault;
}

const struct http_field *
http_head_find(const struct http_head *head, const char *name, unsigned from)
{
    for (unsigned i = from; i < head->count; i++) {
        if (http_span_is_nocase(head->fields[i].name, name))
            return &head->fields[i];
    }
    return NULL;
}

/* The place after `field`, to look on from. */
static unsigned
after(const struct http_head *head, const struct http_field *field)
{
    return (unsigned)(field - head->fields) + 1;
}

bool
http_head_get(const struct http_head *head, const char *name, struct span *value)
{
    const struct http_field *field = http_head_find(head, name, 0);

    if (!field || http_head_find(head, name, after(head, field)))
        return false;
    *value = field->value;
    return true;
}

bool
http_head_lists(const struct http_head *head, const char *name, const char *token)
{
    const struct http_field *field = http_head_find(head, name, 0);

    for (; field; field = http_head_find(head, name, after(head, field))) {
        struct span rest = field->value;

        while (rest.length > 0) {
            if (http_span_is_nocase(http_trim(http_cut(&rest, ',')), token))
                return true;
        }
    }
    return false;
}

bool
http_head_keeps(const struct http_head *head)
{
    if (http_head_lists(head, "connection", "close"))
        return false;
    return head->minor >= 1 || http_head_lists(head, "connection", "keep-alive");
}

enum http_fault
http_request_check(const struct http_head *head)
{
    struct span host;

    if (http_head_get(head, "host", &host))
        return HTTP_FAULT_NONE;
    return head->minor == 0 && !http_head_find(head, "host", 0) ? HTTP_FAULT_NONE : HTTP_FAULT_HOST;
}

/* --- framing (RFC 9112 section 6.3) ------------------------------------------------------------------------------ */

/* What the two fields say. The RFC lets a recipient mend a length that is said twice alike, or that stands beside a
 * transfer coding; nobody who means well sends such a thing, so it is refused. */
static enum http_fault
read_framing(const struct http_head *head, enum http_framing *framing, uint64_t *length)
{
    const struct http_field *coding = http_head_find(head, "transfer-encoding", 0);
    const struct http_field *said = http_head_find(head, "content-length", 0);

    *framing = HTTP_NO_BODY;
    *length = 0;
    if (coding && said)
        return HTTP_FAULT_LENGTH_AND_CODING;
    if (coding && head->minor == 0)
        return HTTP_FAULT_OLD_CODING;
    if (coding) {
        if (http_head_find(head, "transfer-encoding", after(head, coding)) ||
            !http_span_is_nocase(coding->value, "chunked"))
            return HTTP_FAULT_CODING;
        *framing = HTTP_CHUNKED;
    } else if (said) {
        if (http_head_find(head, "content-length", after(head, said)) || !http_decimal(said->value, length))
            return HTTP_FAULT_LENGTH;
        *framing = *length ? HTTP_BY_LENGTH : HTTP_NO_BODY;
    }
    return HTTP_FAULT_NONE;
}

enum http_fault
http_request_framing(const struct http_head *head, enum http_framing *framing, uint64_t *length)
{
    return read_framing(head, framing, length);
}

enum http_fault
http_response_framing(const struct http_head *head, bool to_head, enum http_framing *framing, uint64_t *length)
{
    enum http_fault fault = read_framing(head, framing, length);
    bool said = http_head_find(head, "content-length", 0) != NULL;

    if (fault != HTTP_FAULT_NONE)
        return fault;
    if (to_head || head->status < 200 || head->status == 204 || head->status == 304)
        *framing = HTTP_NO_BODY;
    else if (*framing == HTTP_NO_BODY && !said)
        *framing = HTTP_UNTIL_CLOSE;
    return HTTP_FAULT_NONE;
}
