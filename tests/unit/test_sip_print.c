/* Writing messages: RFC 3261 sections 7.3, 8.2.6, 18.2.1, RFC 3581 section 4. */
#include "tests/unit/support.h"

#include "proto/sip/print.h"

static struct endpoint
at(const char *text)
{
    struct endpoint endpoint = { ADDRESS_NONE, 0 };

    CHECK_ROW(text, endpoint_parse(text, &endpoint));
    return endpoint;
}

static struct span
put_all(struct writer *out)
{
    sip_put_request_line(out, span_of_text("INVITE"), span_of_text("sip:bob@example.com"));
    sip_put_via(out, SIP_TCP, at("192.0.2.1:5070"), span_of_text("z9hG4bK1"), true);
    sip_put_header_text(out, SIP_HEADER_FROM, "<sip:a@example.com>;tag=1");
    sip_put_header(out, SIP_HEADER_TO, span_of_text("<sip:bob@example.com>"));
    sip_put_format(out, SIP_HEADER_CALL_ID, "%u@%s", 7u, "host");
    sip_put_format(out, SIP_HEADER_CSEQ, "%d INVITE", 1);
    sip_put_number(out, SIP_HEADER_MAX_FORWARDS, 70);
    sip_put_other(out, span_of_text("X-Thing"), span_of_text("a\r\n b"));
    sip_put_end(out, "text/plain", span_of_text("hello"));
    return writer_span(out);
}

static const char all[] = "INVITE sip:bob@example.com SIP/2.0\r\n"
                          "Via: SIP/2.0/TCP 192.0.2.1:5070;rport;branch=z9hG4bK1\r\n"
                          "From: <sip:a@example.com>;tag=1\r\n"
                          "To: <sip:bob@example.com>\r\n"
                          "Call-ID: 7@host\r\n"
                          "CSeq: 1 INVITE\r\n"
                          "Max-Forwards: 70\r\n"
                          "X-Thing: a\r\n b\r\n"
                          "Content-Type: text/plain\r\n"
                          "Content-Length: 5\r\n"
                          "\r\n"
                          "hello";

static void
test_whole(void)
{
    char room[1000];
    struct writer out = writer_over(room, sizeof room);
    struct sip_message message;

    CHECK_ROW_BYTES("all", put_all(&out), span_of_text(all));
    CHECK(!writer_failed(&out));
    CHECK_ROW_INT("read back", sip_message_decode(writer_span(&out), &message), SIP_FAULT_NONE);
}

/* It fits to the byte, and where it doesn't fit the writer has failed and nothing stands beyond the room. */
static void
test_room(void)
{
    for (size_t size = 0; size <= sizeof all; size++) {
        g_autofree uint8_t *room = g_malloc(MAX(size, 1));
        struct writer out = writer_over(room, size);

        put_all(&out);
        CHECK_ROW("room", writer_failed(&out) == (size < sizeof all - 1));
    }
}

/* --- values that would be taken for something else ---------------------------------------------------------------- */

static const struct {
    const char *value;
    bool sound;
} value_rows[] = {
    { "plain", true },         { "", true },           { "a\r\n b", true },         { "a\r\n\tb", true },
    { "a\r\nEvil: b", false }, { "a\r\n", false },     { "a\rb", false },           { "a\nb", false },
    { "a\n b", false },        { "a\r\n\r\n", false }, { "a\r\n \r\nb: c", false }, { "\r\n x", true },
};

static void
test_injection(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(value_rows); i++) {
        const char *value = value_rows[i].value;
        char room[200];
        struct writer out = writer_over(room, sizeof room);

        sip_put_header_text(&out, SIP_HEADER_SUBJECT, value);
        CHECK_ROW(value, writer_failed(&out) != value_rows[i].sound);
        out = writer_over(room, sizeof room);
        sip_put_format(&out, SIP_HEADER_SUBJECT, "%s", value);
        CHECK_ROW(value, writer_failed(&out) != value_rows[i].sound);
        out = writer_over(room, sizeof room);
        sip_put_other(&out, span_of_text("X"), span_of_text(value));
        CHECK_ROW(value, writer_failed(&out) != value_rows[i].sound);
    }
}

static void
test_other_injection(void)
{
    static const struct {
        const char *name, *method, *uri, *phrase, *header;
    } rows[] = {
        { "method", "IN VITE", NULL, NULL, NULL },   { "no method", "", NULL, NULL, NULL },
        { "uri", NULL, "sip:a b", NULL, NULL },      { "uri with a line", NULL, "sip:a\r\nX: y", NULL, NULL },
        { "no uri", NULL, "", NULL, NULL },          { "phrase", NULL, NULL, "OK\r\n X: y", NULL },
        { "header", NULL, NULL, NULL, "X: y\r\nZ" }, { "no header", NULL, NULL, NULL, "" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        char room[200];
        struct writer out = writer_over(room, sizeof room);

        if (rows[i].method)
            sip_put_request_line(&out, span_of_text(rows[i].method), span_of_text("sip:a"));
        if (rows[i].uri)
            sip_put_request_line(&out, span_of_text("BYE"), span_of_text(rows[i].uri));
        if (rows[i].phrase)
            sip_put_status_line(&out, 200, span_of_text(rows[i].phrase));
        if (rows[i].header)
            sip_put_other(&out, span_of_text(rows[i].header), span_of_text("x"));
        CHECK_ROW(rows[i].name, writer_failed(&out));
    }
}

/* --- small things ------------------------------------------------------------------------------------------------ */

static void
test_hosts(void)
{
    static const struct {
        const char *endpoint, *text;
        bool port;
    } rows[] = {
        { "192.0.2.1:5060", "192.0.2.1:5060", true },
        { "192.0.2.1:5060", "192.0.2.1", false },
        { "[2001:db8::1]:5060", "[2001:db8::1]:5060", true },
        { "[2001:db8::1]:5060", "[2001:db8::1]", false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        char room[ENDPOINT_TEXT];
        struct writer out = writer_over(room, sizeof room);
        struct endpoint endpoint = at(rows[i].endpoint);

        if (!rows[i].port)
            endpoint.port = 0;
        sip_put_host(&out, endpoint);
        CHECK_ROW_BYTES(rows[i].text, writer_span(&out), span_of_text(rows[i].text));
    }
}

static void
test_status_lines(void)
{
    static const struct {
        unsigned status;
        const char *phrase, *line;
    } rows[] = {
        { 200, "", "SIP/2.0 200 OK\r\n" },
        { 404, "", "SIP/2.0 404 Not Found\r\n" },
        { 480, "Gone Fishing", "SIP/2.0 480 Gone Fishing\r\n" },
        { 299, "", "SIP/2.0 299 \r\n" },
        { 99, "", NULL },
        { 700, "", NULL },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        char room[60];
        struct writer out = writer_over(room, sizeof room);

        sip_put_status_line(&out, rows[i].status, span_of_text(rows[i].phrase));
        CHECK_ROW("status", writer_failed(&out) == !rows[i].line);
        if (rows[i].line)
            CHECK_ROW_BYTES(rows[i].line, writer_span(&out), span_of_text(rows[i].line));
    }
}

static void
test_no_body(void)
{
    char room[60];
    struct writer out = writer_over(room, sizeof room);

    sip_put_end(&out, "application/sdp", span_of(NULL, 0));
    CHECK_ROW_BYTES("end", writer_span(&out), span_of_text("Content-Length: 0\r\n\r\n"));
}

/* --- replies ----------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *vias, *source, *expected;
} via_rows[] = {
    { "its own address (18.2.1)", "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\n", "192.0.2.1:5060",
      "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\n" },
    { "a name", "Via: SIP/2.0/UDP bobspc.biloxi.com:5060\r\n", "192.0.2.4:5060",
      "Via: SIP/2.0/UDP bobspc.biloxi.com:5060;received=192.0.2.4\r\n" },
    { "another address", "v: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK1\r\n", "192.0.2.4:1234",
      "v: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK1;received=192.0.2.4\r\n" },
    { "another port only", "Via: SIP/2.0/UDP 192.0.2.1:5060\r\n", "192.0.2.1:1234",
      "Via: SIP/2.0/UDP 192.0.2.1:5060\r\n" },
    { "rport (RFC 3581 section 6)", "Via: SIP/2.0/UDP 10.1.1.1:4540;rport;branch=z9hG4bKkjshdyff\r\n", "192.0.2.1:9988",
      "Via: SIP/2.0/UDP 10.1.1.1:4540;rport=9988;branch=z9hG4bKkjshdyff;received=192.0.2.1\r\n" },
    { "rport and its own address", "Via: SIP/2.0/UDP 192.0.2.1:9988 ; rport ; branch=z9hG4bK1\r\n", "192.0.2.1:9988",
      "Via: SIP/2.0/UDP 192.0.2.1:9988 ; rport=9988 ; branch=z9hG4bK1;received=192.0.2.1\r\n" },
    { "what the client claims is not believed", "Via: SIP/2.0/UDP a;received=198.51.100.9;rport=1;branch=z9hG4bK1\r\n",
      "192.0.2.1:9988", "Via: SIP/2.0/UDP a;received=192.0.2.1;rport=9988;branch=z9hG4bK1\r\n" },
    { "in the other order", "Via: SIP/2.0/UDP a;rport = 1;branch=z9hG4bK1;received=198.51.100.9\r\n", "192.0.2.1:9988",
      "Via: SIP/2.0/UDP a;rport = 9988;branch=z9hG4bK1;received=192.0.2.1\r\n" },
    { "IPv6", "Via: SIP/2.0/UDP [2001:db8::9:1];rport\r\n", "[2001:db8::9:255]:1234",
      "Via: SIP/2.0/UDP [2001:db8::9:1];rport=1234;received=2001:db8::9:255\r\n" },
    { "only the topmost", "Via: SIP/2.0/UDP a;rport,\r\n SIP/2.0/UDP b;rport\r\nX: y\r\nv: SIP/2.0/UDP c;rport\r\n",
      "192.0.2.1:1",
      "Via: SIP/2.0/UDP a;rport=1;received=192.0.2.1,\r\n SIP/2.0/UDP b;rport\r\nv: SIP/2.0/UDP c;rport\r\n" },
    { "malformed", "Via: SIP/2.0/UDP 192.0.2.15;;,;,,\r\nVia: SIP/2.0/UDP b\r\n", "192.0.2.1:1",
      "Via: SIP/2.0/UDP 192.0.2.15;;,;,,\r\nVia: SIP/2.0/UDP b\r\n" },
};

static void
test_vias(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(via_rows); i++) {
        g_autofree char *text = g_strdup_printf("OPTIONS sip:a@b SIP/2.0\r\n%s\r\n", via_rows[i].vias);
        struct sip_message message;
        char room[400];
        struct writer out = writer_over(room, sizeof room);

        (void)sip_message_decode(span_of_text(text), &message);
        sip_copy_vias(&out, &message, at(via_rows[i].source));
        CHECK_ROW_BYTES(via_rows[i].name, writer_span(&out), span_of_text(via_rows[i].expected));
        CHECK_ROW(via_rows[i].name, !writer_failed(&out));
    }
}

static const struct {
    const char *name;
    unsigned status;
    const char *to, *tag, *more; /* of the request */
    bool record;
    const char *expected_to, *expected_more;
} reply_rows[] = {
    { "a tag of ours", 200, "Bob <sip:bob@b>", "x1", "", false, "Bob <sip:bob@b>;tag=x1", "" },
    { "it has one", 200, "Bob <sip:bob@b>;tag=old", "x1", "", false, "Bob <sip:bob@b>;tag=old", "" },
    { "none wanted", 100, "Bob <sip:bob@b>", "", "", false, "Bob <sip:bob@b>", "" },
    { "without brackets", 200, "sip:bob@b ", "x1", "", false, "sip:bob@b;tag=x1", "" },
    { "malformed", 400, "Bob, jr. <sip:bob@b>", "x1", "", false, "Bob, jr. <sip:bob@b>", "" },
    { "record", 200, "<sip:b>", "x1", "Record-Route: <sip:p;lr>\r\nRecord-Route: <sip:q;lr>\r\n", true,
      "<sip:b>;tag=x1", "Record-Route: <sip:p;lr>\r\nRecord-Route: <sip:q;lr>\r\n" },
    { "no record", 200, "<sip:b>", "x1", "Record-Route: <sip:p;lr>\r\n", false, "<sip:b>;tag=x1", "" },
};

static void
test_replies(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(reply_rows); i++) {
        const char *name = reply_rows[i].name;
        g_autofree char *text = g_strdup_printf("OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1\r\n"
                                                "f: <sip:c>;tag=7\r\nTo: %s\r\ni: 1\r\nCSeq: 2 OPTIONS\r\n%s\r\n",
                                                reply_rows[i].to, reply_rows[i].more);
        g_autofree char *expected =
            g_strdup_printf("SIP/2.0 %u %s\r\nVia: SIP/2.0/UDP 192.0.2.1\r\n%sf: <sip:c>;tag=7\r\nTo: %s\r\ni: 1\r\n"
                            "CSeq: 2 OPTIONS\r\n",
                            reply_rows[i].status, sip_status_phrase(reply_rows[i].status), reply_rows[i].expected_more,
                            reply_rows[i].expected_to);
        struct sip_reply reply = { .status = reply_rows[i].status,
                                   .tag = span_of_text(reply_rows[i].tag),
                                   .source = at("192.0.2.1:5060"),
                                   .record = reply_rows[i].record };
        struct sip_message message;
        char room[500];
        struct writer out = writer_over(room, sizeof room);

        (void)sip_message_decode(span_of_text(text), &message);
        sip_put_reply(&out, &message, &reply);
        CHECK_ROW_BYTES(name, writer_span(&out), span_of_text(expected));
    }
}

static void
test_timestamp(void)
{
    static const char text[] = "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1\r\nTimestamp: 54\r\n\r\n";
    static const struct {
        unsigned status;
        const char *expected;
    } rows[] = {
        { 100, "SIP/2.0 100 Trying\r\nVia: SIP/2.0/UDP 192.0.2.1\r\nTimestamp: 54\r\n" }, /* section 8.2.6.1 */
        { 400, "SIP/2.0 400 Bad Request\r\nVia: SIP/2.0/UDP 192.0.2.1\r\n" },             /* without what is missing */
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct sip_reply reply = { .status = rows[i].status, .source = at("192.0.2.1:5060") };
        struct sip_message message;
        char room[200];
        struct writer out = writer_over(room, sizeof room);

        (void)sip_message_decode(span_of_text(text), &message);
        sip_put_reply(&out, &message, &reply);
        CHECK_ROW_BYTES(rows[i].expected, writer_span(&out), span_of_text(rows[i].expected));
    }
}

void
suite_sip_print(void)
{
    UNIT_SUITE("sip_print", NULL, NULL, { "a whole message", test_whole }, { "room", test_room },
               { "line ends in values", test_injection }, { "in other places", test_other_injection },
               { "hosts", test_hosts }, { "status lines", test_status_lines }, { "no body", test_no_body },
               { "Via of a reply", test_vias }, { "replies", test_replies }, { "timestamp", test_timestamp });
}
