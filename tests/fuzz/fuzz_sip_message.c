/* Any bytes as SIP: decoded, each value by every decoder, told, answered, printed anew, and cut out of a stream that comes
 * in pieces. What is printed must say the same as what came. The first byte says in which pieces the stream comes. */
#include <glib.h>

#include "proto/sip/describe.h"
#include "proto/sip/digest.h"
#include "proto/sip/framing.h"
#include "proto/sip/print.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void
on_number(struct fields *fields, const char *name, int64_t value)
{
    (void)fields, (void)name, (void)value;
}

static void
on_flag(struct fields *fields, const char *name, bool value)
{
    (void)fields, (void)name, (void)value;
}

/* Reads all that it is shown. */
static void
on_span(struct fields *fields, const char *name, struct span value)
{
    (void)fields;
    g_assert(*name);
    (void)span_hash(value);
}

static void
on_open(struct fields *fields, const char *name)
{
    (void)fields, (void)name;
}

static void
on_close(struct fields *fields)
{
    (void)fields;
}

static void
check_within(struct span part, struct span whole)
{
    if (part.length)
        g_assert(part.bytes >= whole.bytes && part.bytes + part.length <= whole.bytes + whole.length);
}

/* --- values ------------------------------------------------------------------------------------------------------ */

static void
try_uri(struct span text)
{
    struct sip_uri uri;
    struct endpoint endpoint;
    uint8_t room[256];
    struct writer out = writer_over(room, sizeof room);

    if (!sip_uri_decode(text, &uri))
        return;
    check_within(uri.at.host_port, text);
    check_within(uri.parameters.text, text);
    check_within(uri.headers, text);
    g_assert(sip_uri_equal(&uri, &uri));
    (void)sip_uri_transport(&uri);
    (void)sip_uri_endpoint(&uri, &endpoint);
    g_assert(sip_unescape(uri.user, &out) || uri.user.length > sizeof room);
}

static void
try_address(struct span value)
{
    struct sip_name_addr address;

    if (!sip_name_addr_decode(value, &address) || address.star)
        return;
    check_within(address.display, value);
    check_within(address.uri.text, value);
    check_within(address.parameters.text, value);
    check_within(address.tag, address.parameters.text);
    g_assert(sip_parameters_sound(address.parameters));
    try_uri(address.uri.text);
}

static void
try_via(struct span value)
{
    struct sip_via via;

    if (!sip_via_decode(value, &via))
        return;
    check_within(via.sent_by.host_port, value);
    check_within(via.branch, via.parameters.text);
    check_within(via.received_text, via.parameters.text);
    g_assert(!via.has_rport ||
             (via.rport_text.bytes > value.bytes && via.rport_text.bytes <= value.bytes + value.length));
}

static void
try_digest(struct span value)
{
    struct sip_digest_fields fields;

    if (sip_digest_decode(value, &fields))
        (void)sip_digest_proves(&fields, span_of_text("secret"), span_of_text("REGISTER"), value);
}

static void
try_value(struct span value)
{
    uint32_t number;
    struct span method;

    try_uri(value);
    try_address(value);
    try_via(value);
    try_digest(value);
    (void)sip_cseq_decode(value, &number, &method);
    (void)sip_number_decode(value, UINT32_MAX, &number);
    (void)sip_parameters_sound((struct sip_parameters){ value });
}

/* --- messages ---------------------------------------------------------------------------------------------------- */

static void
tell(const struct sip_message *message)
{
    struct fields sink = { on_number, on_number, on_flag, on_span, on_span, on_open, on_close };
    GString *text = g_string_new(NULL);

    sip_message_fields(message, &sink);
    sip_message_say(message, text);
    g_assert(g_utf8_validate(text->str, (gssize)text->len, NULL));
    g_string_free(text, TRUE);
}

/* A sound request's answer is a sound message, with the same values in it. */
static void
answer(const struct sip_message *request, bool sound)
{
    static uint8_t room[2 * SIP_MESSAGE_MAX];
    struct writer out = writer_over(room, sizeof room);
    struct sip_reply reply = {
        .status = 400, .tag = span_of_text("ours"), .source = { address_ipv4(0xc0000201), 5070 }, .record = true
    };
    static struct sip_message back;
    enum sip_fault fault;

    sip_put_reply(&out, request, &reply);
    sip_put_end(&out, "text/plain", span_of(NULL, 0));
    g_assert(!writer_failed(&out));
    if (!sound || writer_length(&out) > SIP_MESSAGE_MAX)
        return;
    fault = sip_message_decode(writer_span(&out), &back);
    g_assert(fault == SIP_FAULT_NONE && !back.request && back.status == 400 && back.cseq == request->cseq);
    g_assert(span_equal(sip_message_value(&back, SIP_HEADER_CALL_ID), sip_message_value(request, SIP_HEADER_CALL_ID)));
}

/* Printed from its parts, and read back. */
static void
print_again(const struct sip_message *message)
{
    static uint8_t room[4 * SIP_MESSAGE_MAX];
    static struct sip_message back;
    struct writer out = writer_over(room, sizeof room);

    if (message->request)
        sip_put_request_line(&out, message->method, message->uri);
    else
        sip_put_status_line(&out, message->status, message->phrase);
    for (unsigned i = 0; i < message->count; i++)
        if (message->headers[i].id != SIP_HEADER_CONTENT_LENGTH)
            sip_put_other(&out, message->headers[i].name, message->headers[i].value);
    sip_put_number(&out, SIP_HEADER_CONTENT_LENGTH, (uint32_t)message->body.length);
    writer_span_put(&out, span_of_text("\r\n"));
    writer_span_put(&out, message->body);
    g_assert(!writer_failed(&out));
    if (writer_length(&out) > SIP_MESSAGE_MAX)
        return;

    enum sip_fault fault = sip_message_decode(writer_span(&out), &back);

    g_assert(fault == SIP_FAULT_NONE || fault == SIP_FAULT_TOO_MANY_HEADERS);
    g_assert(back.request == message->request && back.status == message->status && back.cseq == message->cseq);
    g_assert(span_equal(back.body, message->body) && span_equal(back.uri, message->uri));
}

static void
try_message(struct span bytes)
{
    static struct sip_message message;
    enum sip_fault fault = sip_message_decode(bytes, &message);
    struct span value;

    check_within(message.text, bytes);
    check_within(message.body, message.text);
    for (enum sip_header_name name = SIP_HEADER_OTHER; name < SIP_HEADER_COUNT; name++) {
        struct sip_values walk = sip_values_of(&message, name);

        while (sip_values_next(&walk, &value)) {
            check_within(value, message.headers[walk.line].line);
            try_value(value);
        }
    }
    (void)sip_content_is(&message, "application/sdp");
    if (sip_message_answerable(&message))
        answer(&message, fault == SIP_FAULT_NONE);
    if (fault != SIP_FAULT_NONE)
        return;
    tell(&message);
    print_again(&message);
}

/* --- streams ----------------------------------------------------------------------------------------------------- */

/* The stream's frames, once as all of it stands there and once as it comes in pieces, are the same ones. */
static void
try_stream(struct span bytes, unsigned piece)
{
    size_t at = 0, seen = 0;

    for (unsigned frames = 0; at < bytes.length && frames < 64; frames++) {
        struct span left = span_of(bytes.bytes + at, bytes.length - at);
        size_t scanned = 0, length = 0, whole_length = 0;
        enum sip_frame frame, whole;

        seen = MAX(seen, at);
        while ((frame = sip_frame_first(span_of(left.bytes, seen - at), false, &scanned, &length)) == SIP_FRAME_MORE &&
               seen < bytes.length)
            seen = MIN(seen + 1 + piece, bytes.length);
        scanned = 0;
        whole = sip_frame_first(left, false, &scanned, &whole_length);
        g_assert(frame == whole && length == whole_length && length <= left.length);
        if (frame == SIP_FRAME_MORE || frame == SIP_FRAME_BROKEN)
            return;
        if (frame == SIP_FRAME_MESSAGE)
            try_message(span_of(left.bytes, length));
        at += length;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length == 0)
        return 0;

    struct span rest = span_of(bytes + 1, length - 1);

    try_message(rest);
    try_value(rest);
    try_stream(rest, bytes[0]);
    return 0;
}
