/* Messages: RFC 3261 sections 7, 8.1.1, 18.3 and 20. */
#include "tests/unit/support.h"

#include "proto/sip/headers.h"
#include "proto/sip/message.h"

#define CHECK_SPAN(row, got, expected) CHECK_ROW_BYTES(row, got, span_of_text(expected))

/* F1 of section 24.2, with its body. */
static const char invite[] = "INVITE sip:bob@biloxi.com SIP/2.0\r\n"
                             "Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKnashds8\r\n"
                             "Max-Forwards: 70\r\n"
                             "To: Bob <sip:bob@biloxi.com>\r\n"
                             "From: Alice <sip:alice@atlanta.com>;tag=1928301774\r\n"
                             "Call-ID: a84b4c76e66710\r\n"
                             "CSeq: 314159 INVITE\r\n"
                             "Contact: <sip:alice@pc33.atlanta.com>\r\n"
                             "Content-Type: application/sdp\r\n"
                             "Content-Length: 9\r\n"
                             "\r\n"
                             "v=0\r\ns=-\r";

static enum sip_fault
decode(const char *text, struct sip_message *message)
{
    return sip_message_decode(span_of_text(text), message);
}

/* --- whole messages ---------------------------------------------------------------------------------------------- */

static void
test_request(void)
{
    struct sip_message message;

    CHECK_ROW_INT("invite", decode(invite, &message), SIP_FAULT_NONE);
    CHECK(message.request && message.method_id == SIP_INVITE && message.status == 0);
    CHECK_SPAN("method", message.method, "INVITE");
    CHECK_SPAN("uri", message.uri, "sip:bob@biloxi.com");
    CHECK(message.cseq == 314159 && message.count == 9);
    CHECK_SPAN("CSeq's method", message.cseq_method, "INVITE");
    CHECK_SPAN("body", message.body, "v=0\r\ns=-\r");
    CHECK_SPAN("text", message.text, invite);
    CHECK(message.head.length + message.body.length == message.text.length);
    CHECK(sip_message_offset(&message, message.uri) == 7);
    CHECK(sip_message_answerable(&message));

    CHECK(message.headers[3].id == SIP_HEADER_FROM);
    CHECK_SPAN("name", message.headers[3].name, "From");
    CHECK_SPAN("value", message.headers[3].value, "Alice <sip:alice@atlanta.com>;tag=1928301774");
    CHECK_SPAN("line", message.headers[3].line, "From: Alice <sip:alice@atlanta.com>;tag=1928301774\r\n");
}

static void
test_response(void)
{
    struct sip_message message;

    CHECK_ROW_INT("ringing",
                  decode("SIP/2.0 180 Ringing Twice\r\nVia: SIP/2.0/UDP a;branch=x\r\nTo: <sip:a@b>;tag=a\r\n"
                         "From: <sip:b@c>;tag=b\r\nCall-ID: 1\r\nCSeq: 9 INVITE\r\n\r\n",
                         &message),
                  SIP_FAULT_NONE);
    CHECK(!message.request && message.status == 180 && message.method_id == SIP_INVITE && message.cseq == 9);
    CHECK_SPAN("phrase", message.phrase, "Ringing Twice");
    CHECK(message.method.length == 0 && message.uri.length == 0 && message.body.length == 0);
    CHECK(!sip_message_answerable(&message));
}

/* --- start lines ------------------------------------------------------------------------------------------------- */

static const struct {
    const char *line;
    enum sip_fault fault;
    bool request;
} start_rows[] = {
    { "INVITE sip:a@b SIP/2.0", SIP_FAULT_NONE, true },
    { "INVITE sip:a@b sip/2.0", SIP_FAULT_NONE, true }, /* section 7.1: in any case */
    { "INVITE sips:a@b SIP/2.0", SIP_FAULT_NONE, true },
    { "INVITE tel:+1 SIP/2.0", SIP_FAULT_SCHEME, true },
    { "INVITE sip:a@b SIP/2.1", SIP_FAULT_VERSION, true },
    { "INVITE sip:a@b SIP/7.0", SIP_FAULT_VERSION, true },
    { "INVITE sip:a@b SIP/", SIP_FAULT_VERSION, true },
    { "INVITE  sip:a@b SIP/2.0", SIP_FAULT_START_LINE, true },
    { "INVITE sip:a@b  SIP/2.0", SIP_FAULT_START_LINE, true },
    { "INVITE sip:a@b SIP/2.0 ", SIP_FAULT_START_LINE, true },
    { "INVITE  SIP/2.0", SIP_FAULT_START_LINE, true },
    { "INVITE sip:a b SIP/2.0", SIP_FAULT_REQUEST_URI, true },
    { "INVITE <sip:a@b> SIP/2.0", SIP_FAULT_REQUEST_URI, true },
    { "INVITE sip:a@b?x=y SIP/2.0", SIP_FAULT_REQUEST_URI, true },
    { "INVITE sip:a@b;x= SIP/2.0", SIP_FAULT_REQUEST_URI, true },
    { "INVITE a@b SIP/2.0", SIP_FAULT_REQUEST_URI, true },
    { "INVITE SIP/2.0", SIP_FAULT_NOT_SIP, false },
    { "INVITE sip:a@b", SIP_FAULT_NOT_SIP, false },
    { "INVITE sip:a@b HTTP/1.1", SIP_FAULT_NOT_SIP, false },
    { "IN@ITE sip:a@b SIP/2.0", SIP_FAULT_NOT_SIP, false },
    { " INVITE sip:a@b SIP/2.0", SIP_FAULT_NOT_SIP, false },
    { "GET / HTTP/1.1", SIP_FAULT_NOT_SIP, false },
    { "hello", SIP_FAULT_NOT_SIP, false },
    { "SIP/2.0 200 OK", SIP_FAULT_NONE, false },
    { "SIP/2.0 200 ", SIP_FAULT_NONE, false },
    { "SIP/2.0 200", SIP_FAULT_NONE, false },
    { "SIP/2.0 699 = 2**3 * 233", SIP_FAULT_NONE, false },
    { "SIP/2.0 100 Tr\xc3\xa9s", SIP_FAULT_NONE, false },
    { "SIP/3.0 200 OK", SIP_FAULT_VERSION, false },
    { "SIP/2.0 099 OK", SIP_FAULT_START_LINE, false },
    { "SIP/2.0 700 OK", SIP_FAULT_START_LINE, false },
    { "SIP/2.0 2000 OK", SIP_FAULT_START_LINE, false },
    { "SIP/2.0 20 OK", SIP_FAULT_START_LINE, false },
    { "SIP/2.0 +20 OK", SIP_FAULT_START_LINE, false },
    { "SIP/2.0  200 OK", SIP_FAULT_START_LINE, false },
    { "SIP/2.0 4294967496 OK", SIP_FAULT_START_LINE, false },
    { "SIP/2.0", SIP_FAULT_START_LINE, false },
};

static void
test_start_lines(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(start_rows); i++) {
        const char *name = start_rows[i].line;
        g_autofree char *text = g_strdup_printf("%s\r\nVia: SIP/2.0/UDP a\r\nTo: <sip:a@b>\r\nFrom: <sip:b@c>;tag=b\r\n"
                                                "Call-ID: 1\r\nCSeq: 9 INVITE\r\n\r\n",
                                                name);
        struct sip_message message;

        CHECK_ROW_TEXT(name, sip_fault_word(decode(text, &message)), sip_fault_word(start_rows[i].fault));
        CHECK_ROW(name, message.request == start_rows[i].request);
        CHECK_ROW(name, sip_message_answerable(&message) == start_rows[i].request); /* what stands below was read */
    }
}

/* --- header fields ----------------------------------------------------------------------------------------------- */

/* Lines that replace, or follow, those of a message that has nothing wrong with it. */
static const struct {
    const char *name;
    const char *without; /* the line that is left out, by its first letters */
    const char *more;    /* lines that follow */
    enum sip_fault fault;
} header_rows[] = {
    { "nothing", NULL, "", SIP_FAULT_NONE },
    { "no Via", "Via", "", SIP_FAULT_MISSING },
    { "no From", "From", "", SIP_FAULT_MISSING },
    { "no To", "To", "", SIP_FAULT_MISSING },
    { "no Call-ID", "Call-ID", "", SIP_FAULT_MISSING },
    { "no CSeq", "CSeq", "", SIP_FAULT_MISSING },
    { "no Max-Forwards (16.3)", "Max-Forwards", "", SIP_FAULT_NONE },
    { "compact names (7.3.3)", "Via", "v: SIP/2.0/UDP a\r\n", SIP_FAULT_NONE },
    { "compact, upper case", "Call-ID", "I: x\r\n", SIP_FAULT_NONE },
    { "any case (7.3.1)", "CSeq", "cSEQ: 9 INVITE\r\n", SIP_FAULT_NONE },
    { "blanks before the colon", "CSeq", "CSeq \t : 9 INVITE\r\n", SIP_FAULT_NONE },
    { "no blank after it", "CSeq", "CSeq:9 INVITE\r\n", SIP_FAULT_NONE },
    { "folded (7.3.1)", "CSeq", "CSeq:\r\n 9\r\n\tINVITE\r\n", SIP_FAULT_NONE },
    { "folded to nothing", NULL, "Subject:\r\n \r\n", SIP_FAULT_NONE },
    { "empty", NULL, "Subject:\r\n", SIP_FAULT_NONE },
    { "unknown", NULL, "X-!%*_+`.'~: ;;,,;;,;\r\n", SIP_FAULT_NONE },
    { "From twice", NULL, "From: <sip:b@c>;tag=b\r\n", SIP_FAULT_REPEATED },
    { "To twice, once compact", NULL, "t: <sip:b@c>;tag=b\r\n", SIP_FAULT_REPEATED },
    { "Call-ID twice", NULL, "Call-ID: 1\r\n", SIP_FAULT_REPEATED },
    { "CSeq twice", NULL, "CSeq: 9 INVITE\r\n", SIP_FAULT_REPEATED },
    { "Max-Forwards twice", NULL, "Max-Forwards: 70\r\n", SIP_FAULT_REPEATED },
    { "Content-Length twice", NULL, "l: 0\r\nContent-Length: 0\r\n", SIP_FAULT_REPEATED },
    { "Via twice", NULL, "Via: SIP/2.0/UDP a\r\n", SIP_FAULT_NONE },
    { "second Via malformed", NULL, "Via: ;\r\n", SIP_FAULT_NONE },
    { "Via malformed", "Via", "Via: SIP/2.0/UDP\r\n", SIP_FAULT_VIA },
    { "Via empty", "Via", "Via: \r\n", SIP_FAULT_VIA },
    { "CSeq malformed", "CSeq", "CSeq: INVITE\r\n", SIP_FAULT_CSEQ },
    { "CSeq of another method", "CSeq", "CSeq: 9 BYE\r\n", SIP_FAULT_CSEQ },
    { "CSeq in another case (7.1)", "CSeq", "CSeq: 9 invite\r\n", SIP_FAULT_CSEQ },
    { "From malformed", "From", "From: Alice\r\n", SIP_FAULT_FROM_TO },
    { "From without a tag (RFC 2543)", "From", "From: <sip:b@c>\r\n", SIP_FAULT_NONE },
    { "To malformed", "To", "To: <sip:a@b\r\n", SIP_FAULT_FROM_TO },
    { "To star", "To", "To: *\r\n", SIP_FAULT_FROM_TO },
    { "Call-ID empty", "Call-ID", "Call-ID:\r\n", SIP_FAULT_CALL_ID },
    { "Call-ID with a blank", "Call-ID", "Call-ID: a b\r\n", SIP_FAULT_CALL_ID },
    { "Call-ID, all of word", "Call-ID", "Call-ID: -.!%*_+`'~()<>:\\\"/[]?{}@a\r\n", SIP_FAULT_NONE },
    { "Max-Forwards 0", "Max-Forwards", "Max-Forwards: 0\r\n", SIP_FAULT_NONE },
    { "Max-Forwards 256 (20.22)", "Max-Forwards", "Max-Forwards: 256\r\n", SIP_FAULT_MAX_FORWARDS },
    { "Max-Forwards -1", "Max-Forwards", "Max-Forwards: -1\r\n", SIP_FAULT_MAX_FORWARDS },
    { "Content-Length -1", NULL, "Content-Length: -1\r\n", SIP_FAULT_CONTENT_LENGTH },
    { "Content-Length empty", NULL, "Content-Length:\r\n", SIP_FAULT_CONTENT_LENGTH },
    { "Content-Length beyond all", NULL, "Content-Length: 18446744073709551616\r\n", SIP_FAULT_CONTENT_LENGTH },
    { "Content-Length too large (18.3)", NULL, "Content-Length: 5\r\n", SIP_FAULT_CUT },
    { "Content-Length of all", NULL, "Content-Length: 4\r\n", SIP_FAULT_NONE },
    { "Content-Length of less", NULL, "Content-Length: 3\r\n", SIP_FAULT_NONE },
    { "no colon", NULL, "Subject\r\n", SIP_FAULT_HEADER },
    { "no name", NULL, ": x\r\n", SIP_FAULT_HEADER },
    { "name is no token", NULL, "Sub/ject: x\r\n", SIP_FAULT_HEADER },
    { "blank in the name", NULL, "Sub ject: x\r\n", SIP_FAULT_HEADER },
    { "bare LF", NULL, "Subject: x\nX: y\r\n", SIP_FAULT_HEADER },
    { "bare CR", NULL, "Subject: x\rX: y\r\n", SIP_FAULT_HEADER },
    { "bare LF in a fold", NULL, "Subject: x\r\n y\n z\r\n", SIP_FAULT_HEADER },
};

static char *
with_headers(const char *without, const char *more)
{
    static const char *const lines[] = { "Via: SIP/2.0/UDP a\r\n", "To: <sip:a@b>\r\n",  "From: <sip:b@c>;tag=b\r\n",
                                         "Call-ID: 1\r\n",         "CSeq: 9 INVITE\r\n", "Max-Forwards: 70\r\n" };
    GString *text = g_string_new("INVITE sip:a@b SIP/2.0\r\n");

    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++)
        if (!without || !g_str_has_prefix(lines[i], without))
            g_string_append(text, lines[i]);
    g_string_append(text, more);
    g_string_append(text, "\r\nbody");
    return g_string_free(text, FALSE);
}

static void
test_headers(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(header_rows); i++) {
        const char *name = header_rows[i].name;
        g_autofree char *text = with_headers(header_rows[i].without, header_rows[i].more);
        g_autofree uint8_t *block = unit_exact(span_of_text(text));
        struct sip_message message;
        enum sip_fault fault = sip_message_decode(span_of(block, strlen(text)), &message);

        CHECK_ROW_TEXT(name, sip_fault_word(fault), sip_fault_word(header_rows[i].fault));
        CHECK_ROW_INT(name, sip_fault_status(fault), fault == SIP_FAULT_NONE ? 200 : 400);
        CHECK_ROW(name, sip_message_answerable(&message) == (sip_message_find(&message, SIP_HEADER_VIA, 0) != NULL));
    }
}

static void
test_folds(void)
{
    g_autofree char *text = with_headers(NULL, "s :\r\n a\r\n\t b  \r\nContact: x\r\n");
    struct sip_message message;

    CHECK_ROW_INT("folds", decode(text, &message), SIP_FAULT_NONE);
    CHECK_SPAN("value", sip_message_value(&message, SIP_HEADER_SUBJECT), "a\r\n\t b");
    CHECK_SPAN("line", sip_message_find(&message, SIP_HEADER_SUBJECT, 0)->line, "s :\r\n a\r\n\t b  \r\n");
}

static void
test_too_many(void)
{
    for (unsigned more = 121; more <= 123; more++) { /* to six */
        GString *lines = g_string_new(NULL);
        struct sip_message message;

        for (unsigned i = 0; i < more; i++)
            g_string_append_printf(lines, "X-%u: y\r\n", i);

        g_autofree char *text = with_headers(NULL, lines->str);

        CHECK_ROW_TEXT("number", sip_fault_word(decode(text, &message)), more > 122 ? "too-many-headers" : "none");
        CHECK(message.count == MIN(more + 6, SIP_HEADERS_MAX));
        g_string_free(lines, TRUE);
    }
}

/* --- what is no whole message -------------------------------------------------------------------------------------- */

static void
test_not_whole(void)
{
    struct sip_message message;
    g_autofree char *large = g_strdup_printf("%s%*s", invite, SIP_MESSAGE_MAX, "x");

    CHECK_ROW_INT("nothing", sip_message_decode(span_of(NULL, 0), &message), SIP_FAULT_EMPTY);
    CHECK_ROW_INT("keep-alive", decode("\r\n\r\n", &message), SIP_FAULT_EMPTY);
    CHECK_ROW_INT("STUN", sip_message_decode(span_of("\0\1\0\0", 4), &message), SIP_FAULT_NOT_SIP);
    CHECK_ROW_INT("RTP", decode("\x80\x00", &message), SIP_FAULT_NOT_SIP);
    CHECK_ROW_INT("start line alone", decode("INVITE sip:a@b SIP/2.0\r\n", &message), SIP_FAULT_UNFINISHED);
    CHECK_ROW_INT("half a start line", decode("INVITE sip:a@b SIP/2.0", &message), SIP_FAULT_UNFINISHED);
    CHECK_ROW_INT("bare LF", decode("INVITE sip:a@b SIP/2.0\nVia: SIP/2.0/UDP a\n\n", &message), SIP_FAULT_START_LINE);
    CHECK_ROW_INT("too long", decode(large, &message), SIP_FAULT_TOO_LONG);
    CHECK_ROW_INT("513", sip_fault_status(SIP_FAULT_TOO_LONG), 513);
    CHECK(sip_fault_status(SIP_FAULT_EMPTY) == 0 && sip_fault_status(SIP_FAULT_NOT_SIP) == 0);
}

static void
test_line_ends_before(void)
{
    g_autofree char *text = g_strconcat("\r\n\r\n", invite, NULL);
    struct sip_message message;

    CHECK_ROW_INT("line ends (7.5)", decode(text, &message), SIP_FAULT_NONE);
    CHECK_SPAN("text", message.text, invite);
}

/* Each truncation of a message with a Content-Length has a fault, and no byte beyond it is looked at. */
static void
test_truncated(void)
{
    size_t head = strlen(invite) - 9;

    for (size_t length = 0; length < sizeof invite - 1; length++) {
        g_autofree uint8_t *block = unit_exact(span_of(invite, length));
        struct sip_message message;
        enum sip_fault fault = sip_message_decode(span_of(block, length), &message);
        enum sip_fault expected = length == 0 ? SIP_FAULT_EMPTY : length < head ? SIP_FAULT_UNFINISHED : SIP_FAULT_CUT;

        CHECK_ROW_TEXT("cut", sip_fault_word(fault), sip_fault_word(expected));
        CHECK_ROW_INT("message", message.text.length, length < head ? message.text.length : length);
    }
}

static void
test_surplus(void)
{
    g_autofree char *text = g_strconcat(invite, "INVITE sip:x@y SIP/2.0\r\n", NULL);
    struct sip_message message;

    CHECK_ROW_INT("surplus", decode(text, &message), SIP_FAULT_NONE);
    CHECK_SPAN("text", message.text, invite);
}

static void
test_may_be(void)
{
    static const struct {
        const char *name, *bytes;
        size_t length;
        bool may;
    } rows[] = {
        { "request", "I", 1, true },     { "keep-alive", "\r\n", 2, true },  { "token", "!x", 2, true },
        { "nothing", "", 0, false },     { "STUN request", "\0", 1, false }, { "STUN response", "\1", 1, false },
        { "DTLS", "\x16", 1, false },    { "RTP", "\x80", 1, false },        { "blank", " ", 1, false },
        { "channel", "\x40", 1, false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        CHECK_ROW(rows[i].name, sip_may_be(span_of(rows[i].bytes, rows[i].length)) == rows[i].may);
}

/* --- walking values ---------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *lines, *values; /* values: joined by '|' */
    enum sip_header_name header;
} value_rows[] = {
    { "none", "", "", SIP_HEADER_ROUTE },
    { "one", "Route: <sip:a>\r\n", "<sip:a>", SIP_HEADER_ROUTE },
    { "two in a line", "Route: <sip:a> , <sip:b>\r\n", "<sip:a>|<sip:b>", SIP_HEADER_ROUTE },
    { "two lines", "Route: <sip:a>\r\nX: y\r\nRoute: <sip:b>\r\n", "<sip:a>|<sip:b>", SIP_HEADER_ROUTE },
    { "folded between", "Route: <sip:a>,\r\n <sip:b>\r\n", "<sip:a>|<sip:b>", SIP_HEADER_ROUTE },
    { "comma in brackets", "Route: <sip:a,b@c>,<sip:d>\r\n", "<sip:a,b@c>|<sip:d>", SIP_HEADER_ROUTE },
    { "comma in quotes", "m: \"A, \\\"B, \\\\\" <sip:a>, \"<,\" <sip:b>\r\n",
      "\"A, \\\"B, \\\\\" <sip:a>|\"<,\" <sip:b>", SIP_HEADER_CONTACT },
    { "no end of quotes", "m: \"a, b\r\nm: c\r\n", "\"a, b|c", SIP_HEADER_CONTACT },
    { "empty ones are left out", "k: ,, a ,,b,\r\nk:\r\n", "a|b", SIP_HEADER_SUPPORTED },
    { "a field that is no list", "Subject: a, b\r\ns: c\r\n", "a, b|c", SIP_HEADER_SUBJECT },
    { "challenges are no list (7.3.1)", "WWW-Authenticate: Digest a=b, c=d\r\n", "Digest a=b, c=d",
      SIP_HEADER_WWW_AUTHENTICATE },
};

static void
test_values(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(value_rows); i++) {
        g_autofree char *text = with_headers(NULL, value_rows[i].lines);
        GString *joined = g_string_new(NULL);
        struct sip_message message;
        struct span value;

        CHECK_ROW_INT(value_rows[i].name, decode(text, &message), SIP_FAULT_NONE);

        struct sip_values walk = sip_values_of(&message, value_rows[i].header);

        while (sip_values_next(&walk, &value)) {
            if (joined->len)
                g_string_append_c(joined, '|');
            g_string_append_len(joined, (const char *)value.bytes, (gssize)value.length);
            CHECK_ROW(value_rows[i].name, message.headers[walk.line].id == value_rows[i].header &&
                                              message.headers[walk.line].line.bytes < value.bytes);
        }
        CHECK_ROW_TEXT(value_rows[i].name, joined->str, value_rows[i].values);
        g_string_free(joined, TRUE);
    }
}

static void
test_lists(void)
{
    g_autofree char *text = with_headers(NULL, "Require: path\r\nk: 100rel, Outbound\r\n");
    struct sip_message message;

    CHECK_ROW_INT("lists", decode(text, &message), SIP_FAULT_NONE);
    CHECK(sip_message_lists(&message, SIP_HEADER_SUPPORTED, "outbound"));
    CHECK(!sip_message_lists(&message, SIP_HEADER_SUPPORTED, "path"));
    CHECK(!sip_message_lists(&message, SIP_HEADER_PROXY_REQUIRE, "path"));
}

/* --- words ------------------------------------------------------------------------------------------------------- */

static void
test_names(void)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    unsigned compact = 0;

    for (enum sip_header_name i = SIP_HEADER_OTHER + 1; i < SIP_HEADER_COUNT; i++) {
        const char *word = sip_header_word(i);
        g_autofree char *upper = g_ascii_strup(word, -1);
        g_autofree char *longer = g_strconcat(word, "x", NULL);

        CHECK_ROW_INT(word, sip_header_of(span_of_text(word)), i);
        CHECK_ROW_INT(word, sip_header_of(span_of_text(upper)), i);
        CHECK_ROW_INT(word, sip_header_of(span_of_text(longer)), SIP_HEADER_OTHER);
    }
    for (unsigned i = 0; i < 26; i++)
        compact += sip_header_of(span_of(letters + i, 1)) != SIP_HEADER_OTHER;
    CHECK_ROW_INT("compact forms", compact, 12);
    CHECK(sip_header_of(span_of_text("v")) == SIP_HEADER_VIA &&
          sip_header_of(span_of_text("R")) == SIP_HEADER_REFER_TO);
    CHECK(sip_header_of(span_of_text("-")) == SIP_HEADER_OTHER && sip_header_of(span_of_text("")) == SIP_HEADER_OTHER);
    CHECK(sip_header_is_list(SIP_HEADER_VIA) && !sip_header_is_list(SIP_HEADER_OTHER));
}

static void
test_words(void)
{
    for (enum sip_method i = SIP_METHOD_OTHER + 1; i < SIP_METHOD_COUNT; i++)
        CHECK_ROW_INT(sip_method_word(i), sip_method_of(span_of_text(sip_method_word(i))), i);
    CHECK(sip_method_of(span_of_text("invite")) == SIP_METHOD_OTHER);
    CHECK(sip_method_of(span_of_text("")) == SIP_METHOD_OTHER);

    for (enum sip_fault i = SIP_FAULT_NONE; i < SIP_FAULT_COUNT; i++) {
        unsigned status = sip_fault_status(i);

        CHECK_ROW(sip_fault_word(i), unit_is_word(sip_fault_word(i)) && *sip_fault_sentence(i));
        CHECK_ROW(sip_fault_word(i), status == 0 || *sip_status_phrase(status));
    }
    CHECK_ROW_TEXT("404", sip_status_phrase(404), "Not Found");
    CHECK_ROW_TEXT("unknown", sip_status_phrase(299), "");
}

void
suite_sip_message(void)
{
    UNIT_SUITE("sip_message", NULL, NULL, { "request", test_request }, { "response", test_response },
               { "start lines", test_start_lines }, { "header fields", test_headers }, { "folds", test_folds },
               { "too many header fields", test_too_many }, { "not whole", test_not_whole },
               { "line ends before the start line", test_line_ends_before }, { "truncated", test_truncated },
               { "surplus", test_surplus }, { "told from others", test_may_be }, { "values", test_values },
               { "option tags", test_lists }, { "names of header fields", test_names }, { "words", test_words });
}
