/* The ALG sip in a box, over datagrams and over a connection, in both directions. The input decides preset and quirk, what
 * is said (messages made of parts, some of them spoilt, and raw bytes), who says it, how a stream is cut, what is lost, late
 * and repeated, and how time goes on.
 *
 * Whatever comes: every packet is accounted for, and what leaves has right checksums. Of a message nothing changes but
 * addresses, ports and numbers in the start line and in those header fields and lines of a description that have them; of
 * what is no message not a byte. A Content-Length that was right is right afterwards. Only who is inside opens pinholes, at
 * its own address. What an answer brings back to the sender is what the sender wrote. */
#include <glib.h>

#include "nat/alg/sip.h"
#include "nat/pinholes.h"
#include "proto/sip/framing.h"
#include "proto/sip/message.h"
#include "tests/fuzz/support_alg.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum { STEPS = 200, DATAGRAMS = 60 };

struct sip_bench {
    struct alg_bench alg; /* first */
    struct journal journal;
    unsigned quirks;
    struct address speaker; /* inside; none while the outside speaks, or time goes on */
    int open;               /* pinholes */
};

static void
take_record(struct journal *journal, const struct record *record)
{
    struct sip_bench *bench = (struct sip_bench *)((char *)journal - offsetof(struct sip_bench, journal));

    if (record->kind == &nat_pinhole_opened_kind) {
        g_assert(address_equal(record->before.source, bench->speaker));
        bench->open++;
    }
    if (record->kind == &nat_pinhole_closed_kind)
        bench->open--;
    g_assert(bench->open >= 0 && bench->open <= 2 * NAT_PINHOLES_PER_HOST);
}

/* ---- messages: '|' is a line's end, '~' a host, '#' one with or without a port, '%' a digit, '$' a port */

struct text {
    GString *out;
    struct reader *reader;
    unsigned inside; /* the last number of the sender's address */
    bool own_only;   /* nothing that is the box's own stands in it: what comes back is what was there */
};

static void
put_host(struct text *text)
{
    unsigned which = reader_u8(text->reader) % 16;

    if (which < 10)
        g_string_append_printf(text->out, "10.0.0.%u", text->inside);
    else if (which < 12)
        g_string_append(text->out, which < 11 ? "10.0.0.3" : "10.0.0.2");
    else if (which < 13)
        g_string_append(text->out, "192.0.2.7");
    else if (which < 14)
        g_string_append(text->out, "example.com");
    else if (which < 15)
        g_string_append(text->out, "[2001:db8::1]");
    else
        g_string_append(text->out, "203.0.113.1");
    text->own_only &= which < 15;
}

static void
put_port(struct text *text)
{
    static const unsigned ports[] = { 5060, 5070, 6000, 6001, 6002, 0, 1, 65535, 65534, 40000 };

    g_string_append_printf(text->out, "%u", ports[reader_u8(text->reader) % G_N_ELEMENTS(ports)]);
}

static void
put_part(struct text *text, const char *part)
{
    for (; *part; part++) {
        switch (*part) {
        case '|':
            g_string_append(text->out, "\r\n");
            break;
        case '~':
            put_host(text);
            break;
        case '#':
            put_host(text);
            if (reader_u8(text->reader) & 1) {
                g_string_append_c(text->out, ':');
                g_string_append(text->out, reader_u8(text->reader) & 3 ? "5060" : "5070");
            }
            break;
        case '%':
            g_string_append_c(text->out, (char)('0' + reader_u8(text->reader) % 4));
            break;
        case '$':
            put_port(text);
            break;
        default:
            g_string_append_c(text->out, *part);
        }
    }
}

static const char *const methods[] = { "INVITE", "ACK", "BYE", "CANCEL", "REGISTER", "UPDATE", "PRACK", "OPTIONS", "INFO" };
static const unsigned statuses[] = { 100, 180, 183, 200, 200, 200, 302, 401, 407, 486, 487, 488, 491 };
static const char *const vias[] = {
    "Via: SIP/2.0/UDP #;branch=z9hG4bK%;rport|", "v: SIP/2.0/UDP #;branch=z9hG4bK%|",
    "Via: SIP/2.0/TCP #;branch=z9hG4bK%, SIP/2.0/UDP #;branch=z9hG4bKz|",
    "Via:|\tSIP/2.0/UDP|  #;branch=z9hG4bK%;received=~;rport=$|", "Via : SIP / 2.0 / UDP # ;branch=z9hG4bK%|",
};
static const char *const fields[] = {
    "Contact: <sip:a@#>;expires=%00|",  "m: \"A\" <sip:a@#;transport=tcp>|",       "Contact: sip:a@#|",
    "Contact: *|",                      "Contact: <sip:a@192.0.2.9>, <sip:a@#>|",  "Record-Route: <sip:#;lr>|",
    "Route: <sip:#;lr>,|  <sip:#;lr>|", "Path: <sip:#;lr>|",                       "Expires: %00|",
    "X-Other: 10.0.0.2 203.0.113.1|",   "Record-Route: <sip:#;lr>, <sip:192.0.2.8;lr>|", "Subject: 10.0.0.2|",
    "Contact: <sips:a@#>|",             "Content-Encoding: gzip|",
};
static const char *const lines[] = {
    "c=IN IP4 ~|", "m=audio $ RTP/AVP 0|", "m=video $ RTP/AVP 31|", "m=image $ udptl t38|", "m=audio $/2 RTP/AVP 0|",
    "a=rtcp:$|", "a=rtcp:$ IN IP4 ~|", "a=candidate:1 1 UDP 9 ~ $ typ host|",
    "a=candidate:1 2 UDP 9 ~ $ typ srflx raddr ~ rport $|", "a=sendonly|", "a=rtcp-mux|", "m=message $ TCP/MSRP *|",
    "a=remote-candidates:1 ~ $|", "c=IN IP4 0.0.0.0|", "k=clear:10.0.0.2|",
};

static void
put_description(struct text *text, GString *body)
{
    GString *whole = text->out;
    unsigned count = reader_u8(text->reader) % 12;

    text->out = body;
    put_part(text, "v=0|o=a 1 1 IN IP4 ~|s=-|");
    if (count & 1)
        put_part(text, "c=IN IP4 ~|");
    put_part(text, "t=0 0|m=audio $ RTP/AVP 0|");
    while (count-- > 0)
        put_part(text, lines[reader_u8(text->reader) % G_N_ELEMENTS(lines)]);
    if (reader_u8(text->reader) % 8 == 0 && body->len > 2)
        g_string_truncate(body, body->len - 2);
    text->out = whole;
}

static void
put_message(struct text *text, unsigned choice)
{
    const char *method = methods[reader_u8(text->reader) % G_N_ELEMENTS(methods)];
    unsigned count = reader_u8(text->reader) % 5;
    g_autoptr(GString) body = g_string_new(NULL);

    if (choice & 1)
        g_string_append_printf(text->out, "SIP/2.0 %u Yes\r\n", statuses[reader_u8(text->reader) % G_N_ELEMENTS(statuses)]);
    else
        g_string_append_printf(text->out, "%s ", method);
    if (!(choice & 1))
        put_part(text, "sip:b@# SIP/2.0|");
    put_part(text, vias[reader_u8(text->reader) % G_N_ELEMENTS(vias)]);
    if (choice & 2)
        put_part(text, "Via: SIP/2.0/UDP #;branch=z9hG4bKlow|");
    put_part(text, choice & 4 ? "f: <sip:a@10.0.0.2>;tag=%|t: <sip:b@203.0.113.1>;tag=%|i: %|"
                              : "From: <sip:a@example.com>;tag=%|To: <sip:b@example.com>;tag=%|Call-ID: %|");
    put_part(text, "CSeq: % ");
    g_string_append_printf(text->out, "%s\r\nMax-Forwards: 70\r\n", method);
    while (count-- > 0)
        put_part(text, fields[reader_u8(text->reader) % G_N_ELEMENTS(fields)]);
    if (choice & 8)
        put_description(text, body);
    if (choice & 8)
        put_part(text, choice & 16 ? "c: application/sdp|" : "Content-Type: application/sdp|");
    g_string_append_printf(text->out, "%s: %zu\r\n\r\n", choice & 16 ? "l" : "Content-Length", (size_t)body->len);
    g_string_append_len(text->out, body->str, (gssize)body->len);
}

static void
spoil(struct text *text)
{
    unsigned count = 1 + reader_u8(text->reader) % 3;

    while (count-- > 0 && text->out->len > 0)
        text->out->str[reader_u16(text->reader) % text->out->len] = (char)reader_u8(text->reader);
    text->own_only = false;
}

/* A message, a spoilt one, or bytes. */
static void
make(struct text *text)
{
    unsigned choice = reader_u8(text->reader);

    text->own_only = true;
    g_string_truncate(text->out, 0);
    if (choice >= 248) {
        struct span raw = reader_span(text->reader, MIN(reader_left(text->reader), reader_u8(text->reader) % 64));

        g_string_append_len(text->out, (const char *)raw.bytes, (gssize)raw.length);
        text->own_only = false;
        return;
    }
    if (choice >= 244) {
        g_string_append(text->out, choice & 1 ? "\r\n\r\n" : "\r\n");
        return;
    }
    put_message(text, choice & 31);
    if (choice >= 192)
        spoil(text);
}

static struct span
span_of_string(const GString *string)
{
    return span_of((const uint8_t *)string->str, string->len);
}

/* ---- what may change */

static struct span
next_line(struct span *rest)
{
    const uint8_t *end = rest->length ? memchr(rest->bytes, '\n', rest->length) : NULL;
    size_t length = end ? (size_t)(end - rest->bytes) + 1 : rest->length;
    struct span line = span_of(rest->bytes, length);

    *rest = span_of(rest->bytes + length, rest->length - length);
    return line;
}

static bool
has_addresses(struct span line, bool first, bool body)
{
    const uint8_t *colon = line.length ? memchr(line.bytes, ':', line.length) : NULL;
    struct span name = span_of(line.bytes, colon ? (size_t)(colon - line.bytes) : 0);

    if (body)
        return line.length > 2 && line.bytes[1] == '=' && strchr("ocma", line.bytes[0]);
    if (first)
        return true;
    while (name.length > 0 && strchr(" \t", name.bytes[name.length - 1]))
        name.length--;
    switch (sip_header_of(name)) {
    case SIP_HEADER_VIA:
    case SIP_HEADER_CONTACT:
    case SIP_HEADER_ROUTE:
    case SIP_HEADER_RECORD_ROUTE:
    case SIP_HEADER_PATH:
    case SIP_HEADER_CONTENT_LENGTH:
        return true;
    default:
        return false;
    }
}

static size_t
run_of(struct span text)
{
    size_t length = 0;

    while (length < text.length && (g_ascii_isdigit(text.bytes[length]) || strchr(".: ", text.bytes[length])) &&
           text.bytes[length])
        length++;
    return length;
}

/* The same but for what addresses and ports are made of. */
static bool
is_like(struct span was, struct span is)
{
    while (was.length > 0 && is.length > 0) {
        size_t a = run_of(was), b = run_of(is);

        if ((a == 0) != (b == 0) || (a == 0 && was.bytes[0] != is.bytes[0]))
            return false;
        a = MAX(a, 1);
        b = MAX(b, 1);
        was = span_of(was.bytes + a, was.length - a);
        is = span_of(is.bytes + b, is.length - b);
    }
    return was.length == is.length;
}

static bool
is_added(struct span line)
{
    return line.length > 7 && (memcmp(line.bytes, "a=rtcp:", 7) == 0 || memcmp(line.bytes, "c=IN IP", 7) == 0);
}

/* `was` is the last line and has no end, which it got because something has been put behind it. */
static bool
ends_alike(struct span was, struct span is)
{
    return is.length >= 2 && was.length > 0 && was.bytes[was.length - 1] != '\n' &&
           is_like(was, span_of(is.bytes, is.length - 2));
}

static void
complain(struct span before, struct span after)
{
    g_printerr("%.*s\nbecame\n%.*s\n", (int)before.length, before.bytes, (int)after.length, after.bytes);
    g_assert_not_reached();
}

static void
check_lines(struct span was, struct span is)
{
    bool body = false, allowed = true;

    for (bool first = true; was.length > 0; first = false) {
        struct span before = next_line(&was), after = next_line(&is);

        if (first || body || (before.bytes[0] != ' ' && before.bytes[0] != '\t'))
            allowed = has_addresses(before, first, body);
        while (body && is_added(after) && !is_like(before, after) && !ends_alike(before, after))
            after = next_line(&is);
        if (!span_equal(before, after) && !(allowed && is_like(before, after)) && !ends_alike(before, after))
            complain(before, after);
        body |= !first && before.length <= 2;
    }
    while (is.length > 0)
        g_assert(is_added(next_line(&is)));
}

static void
check_message(const struct sip_bench *bench, struct span was, struct span is)
{
    struct sip_message before, after;

    if (span_equal(was, is))
        return;
    g_assert(sip_message_decode(was, &before) == SIP_FAULT_NONE);
    check_lines(was, is);
    if (before.text.length != was.length || bench->quirks)
        return;
    g_assert(sip_message_decode(is, &after) == SIP_FAULT_NONE && after.text.length == is.length);
}

/* ---- what comes back */

static void
must_be(struct span is, const GString *wanted)
{
    if (span_equal(is, span_of((const uint8_t *)wanted->str, wanted->len)))
        return;
    g_printerr("what came back:\n%.*s\nwhat should have:\n%s\n", (int)is.length, is.bytes, wanted->str);
    g_assert_not_reached();
}

/* An answer to a request as its receiver saw it. */
static void
answer_to(struct span request, GString *out)
{
    struct sip_message message;

    g_string_assign(out, "SIP/2.0 180 Ringing\r\n");
    g_assert(sip_message_decode(request, &message) == SIP_FAULT_NONE);
    for (unsigned i = 0; i < message.count; i++) {
        const struct sip_header *header = &message.headers[i];

        switch (header->id) {
        case SIP_HEADER_VIA:
        case SIP_HEADER_FROM:
        case SIP_HEADER_TO:
        case SIP_HEADER_CALL_ID:
        case SIP_HEADER_CSEQ:
        case SIP_HEADER_CONTACT:
        case SIP_HEADER_RECORD_ROUTE:
        case SIP_HEADER_PATH:
            g_string_append_len(out, (const char *)header->line.bytes, (gssize)header->line.length);
            break;
        default:
            break;
        }
    }
    g_string_append(out, "Content-Length: 0\r\n\r\n");
}

static unsigned
count_of(const struct sip_message *message, enum sip_header_name name)
{
    struct sip_values walk = sip_values_of(message, name);
    unsigned count = 0;
    struct span value;

    while (sip_values_next(&walk, &value))
        count++;
    return count;
}

/* Of a host that stands in one field with a port and without one, one of these forms is known afterwards. */
static bool
comes_back(const struct text *text)
{
    struct sip_message message;

    return text->own_only && sip_message_decode(span_of_string(text->out), &message) == SIP_FAULT_NONE &&
           message.request && count_of(&message, SIP_HEADER_CONTACT) <= 1 &&
           count_of(&message, SIP_HEADER_RECORD_ROUTE) <= 1 && count_of(&message, SIP_HEADER_PATH) <= 1;
}

static void
check_back(struct sip_bench *bench, const struct text *text, struct span left)
{
    g_autoptr(GString) told = g_string_new(NULL), own = g_string_new(NULL);
    struct endpoint seen = bench->alg.from;

    if (bench->quirks || !comes_back(text))
        return;
    answer_to(span_of_string(text->out), own);
    answer_to(left, told);
    bench->speaker = ADDRESS_NONE;
    alg_bench_datagram(&bench->alg, SERVER, alg_end_of(&bench->alg, SERVER), seen, span_of_string(told));
    if (bench->alg.last_length > 0)
        must_be(span_of(bench->alg.last, bench->alg.last_length), own);
}

/* ---- datagrams */

static void
send_out(struct sip_bench *bench, struct text *text, uint8_t who)
{
    struct endpoint from = { address_ipv4(0x0a000000 + text->inside), who & 4 ? 5070 : 5060 };
    g_autofree uint8_t *left = NULL;
    size_t length;

    bench->speaker = from.address;
    alg_bench_datagram(&bench->alg, CLIENT, from, alg_end_of(&bench->alg, SERVER), span_of_string(text->out));
    length = bench->alg.last_length;
    if (length == 0)
        return;
    left = g_memdup2(bench->alg.last, length);
    check_message(bench, span_of_string(text->out), span_of(left, length));
    check_back(bench, text, span_of(left, length));
}

static void
send_in(struct sip_bench *bench, struct text *text, uint8_t who)
{
    struct endpoint to = { address_ipv4(0xcb007101), who & 4 ? 5070 : 5060 };

    bench->speaker = ADDRESS_NONE;
    alg_bench_datagram(&bench->alg, SERVER, alg_end_of(&bench->alg, SERVER), to, span_of_string(text->out));
    if (bench->alg.last_length > 0)
        check_message(bench, span_of_string(text->out), span_of(bench->alg.last, bench->alg.last_length));
}

static void
talk_by_datagrams(struct sip_bench *bench, struct text *text)
{
    for (unsigned i = 0; i < DATAGRAMS && reader_left(text->reader) > 0; i++) {
        uint8_t what = reader_u8(text->reader);

        text->inside = what & 8 ? 3 : 2;
        if (what >= 240) {
            bench->speaker = ADDRESS_NONE;
            world_run(bench->alg.world, bench->alg.world->now + reader_u8(text->reader) * 20 * TIME_S);
            continue;
        }
        make(text);
        if (what & 1)
            send_in(bench, text, what);
        else
            send_out(bench, text, what);
    }
}

/* ---- a connection */

static void
fill(struct alg_end *end, struct text *text)
{
    unsigned count = reader_u8(text->reader) % 12;

    while (count-- > 0 && reader_left(text->reader) > 0) {
        make(text);
        if (!alg_end_add(end, span_of_string(text->out)))
            return;
    }
}

static bool
cut(struct span *rest, struct span *message)
{
    size_t scanned = 0, length = 0;

    if (rest->length >= 2 && rest->bytes[0] == '\r' && rest->bytes[1] == '\n')
        length = 2;
    else if (rest->length == 0 || sip_frame_first(*rest, false, &scanned, &length) == SIP_FRAME_MORE || length == 0 ||
             length > rest->length)
        return false;
    *message = span_of(rest->bytes, length);
    *rest = span_of(rest->bytes + length, rest->length - length);
    return true;
}

static void
compare(const struct sip_bench *bench, unsigned from)
{
    const struct alg_end *end = &bench->alg.ends[from], *other = &bench->alg.ends[!from];
    struct span was = span_of(end->data, end->length), is = span_of(other->got, other->received), before, after;

    while (cut(&is, &after) && cut(&was, &before))
        check_message(bench, before, after);
}

static void
talk_by_stream(struct sip_bench *bench, struct text *text)
{
    alg_bench_shake_hands(&bench->alg, reader_u8(text->reader));
    fill(&bench->alg.ends[CLIENT], text);
    fill(&bench->alg.ends[SERVER], text);
    bench->speaker = address_ipv4(0x0a000002);
    for (unsigned i = 0; i < STEPS && reader_left(text->reader) > 0; i++)
        alg_bench_step(&bench->alg, text->reader);
    world_run(bench->alg.world, bench->alg.world->now + 6 * TIME_S);
    if (bench->quirks & (1u << SIP_QUIRK_CONTENT_LENGTH | 1u << SIP_QUIRK_SEGMENTS))
        return;
    compare(bench, CLIENT);
    compare(bench, SERVER);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct reader reader = reader_over(span_of(bytes, length));
    struct sip_bench *bench = g_new0(struct sip_bench, 1);
    uint8_t preset = reader_u8(&reader), quirk = reader_u8(&reader);
    struct text text = { .out = g_string_new(NULL), .reader = &reader, .inside = 2 };

    bench->quirks = quirk < 160 ? 0 : 1u << quirk % SIP_QUIRK_COUNT;
    bench->alg.naive = (bench->quirks & 1u << SIP_QUIRK_SEGMENTS) != 0;
    alg_bench_open(&bench->alg, preset, NAT_ALG_SIP, bench->quirks, SIP_PORT);
    bench->journal.take = take_record;
    bench->alg.world->journal = &bench->journal;
    if (preset & 0x40)
        talk_by_stream(bench, &text);
    else
        talk_by_datagrams(bench, &text);
    bench->speaker = ADDRESS_NONE;
    bench->alg.world->journal = NULL;
    alg_bench_close(&bench->alg);
    g_string_free(text.out, TRUE);
    g_free(bench);
    return 0;
}
