/* Heads, framing and the chunked coding: RFC 9110 and RFC 9112. */
#include "tests/unit/support.h"

#include "proto/http/lex.h"
#include "proto/http/reader.h"

static enum http_fault
decode(const char *text, enum http_role role, struct http_head *head)
{
    return http_head_decode(span_of_text(text), role, head);
}

/* --- heads ------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *text, *fault;
} request_rows[] = {
    { "plain", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "none" },
    { "no fields", "GET / HTTP/1.0\r\n\r\n", "none" },
    { "value without blank, with blanks", "GET / HTTP/1.1\r\nHost:a\r\nX: \t b \t\r\n\r\n", "none" },
    { "empty value", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "none" },
    { "asterisk (9112 3.2.4)", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "none" },
    { "a minor version to come", "GET / HTTP/1.7\r\n\r\n", "none" },
    { "HTTP/2 (9112 2.3)", "GET / HTTP/2.0\r\n\r\n", "version" },
    { "HTTP/0.9", "GET /\r\n\r\n", "first-line" },
    { "lower case (9112 2.3)", "GET / http/1.1\r\n\r\n", "first-line" },
    { "two blanks (9112 3)", "GET  / HTTP/1.1\r\n\r\n", "first-line" },
    { "blank at the end", "GET / HTTP/1.1 \r\n\r\n", "first-line" },
    { "blank in the target (9112 3.2)", "GET /a b HTTP/1.1\r\n\r\n", "first-line" },
    { "control in the target", "GET /\x01 HTTP/1.1\r\n\r\n", "first-line" },
    { "method is no token", "G@T / HTTP/1.1\r\n\r\n", "first-line" },
    { "no method", " / HTTP/1.1\r\n\r\n", "first-line" },
    { "bare LF (9112 2.2)", "GET / HTTP/1.1\nHost: a\r\n\r\n", "first-line" },
    { "bare LF after a field", "GET / HTTP/1.1\r\nHost: a\n\r\n", "field" },
    { "bare CR in a value (9112 2.2)", "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", "field" },
    { "blank before the colon (9112 5.1)", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "field" },
    { "folded (9112 5.2)", "GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n", "field" },
    { "blank before the first field (9112 2.2)", "GET / HTTP/1.1\r\n X: a\r\n\r\n", "field" },
    { "no colon", "GET / HTTP/1.1\r\nHost\r\n\r\n", "field" },
    { "no name", "GET / HTTP/1.1\r\n: a\r\n\r\n", "field" },
    { "control in a value (9110 5.5)", "GET / HTTP/1.1\r\nX: a\x07\r\n\r\n", "field" },
    { "bytes after the end", "GET / HTTP/1.1\r\n\r\nX", "field" },
    { "no end", "GET / HTTP/1.1\r\nX: a\r\n", "field" },
};

static const struct {
    const char *name, *text, *fault;
    unsigned status;
    const char *phrase;
} response_rows[] = {
    { "plain", "HTTP/1.1 200 OK\r\n\r\n", "none", 200, "OK" },
    { "phrase of two words", "HTTP/1.1 404 Not Found\r\n\r\n", "none", 404, "Not Found" },
    { "no phrase (9112 4)", "HTTP/1.1 204 \r\n\r\n", "none", 204, "" },
    { "nor the blank", "HTTP/1.0 500\r\n\r\n", "none", 500, "" },
    { "two digits", "HTTP/1.1 20 OK\r\n\r\n", "first-line", 0, "" },
    { "four digits", "HTTP/1.1 2000 OK\r\n\r\n", "first-line", 0, "" },
    { "no number", "HTTP/1.1 abc OK\r\n\r\n", "first-line", 0, "" },
    { "class 6 (9110 15)", "HTTP/1.1 600 OK\r\n\r\n", "first-line", 0, "" },
    { "class 0", "HTTP/1.1 099 OK\r\n\r\n", "first-line", 0, "" },
    { "a request", "GET / HTTP/1.1\r\n\r\n", "first-line", 0, "" },
    { "another version", "HTTP/3.0 200 OK\r\n\r\n", "version", 200, "OK" },
};

static void
test_heads(void)
{
    struct http_head head;

    for (size_t i = 0; i < G_N_ELEMENTS(request_rows); i++)
        CHECK_ROW_TEXT(request_rows[i].name, http_fault_word(decode(request_rows[i].text, HTTP_REQUEST, &head)),
                       request_rows[i].fault);
    for (size_t i = 0; i < G_N_ELEMENTS(response_rows); i++) {
        const char *name = response_rows[i].name;

        CHECK_ROW_TEXT(name, http_fault_word(decode(response_rows[i].text, HTTP_RESPONSE, &head)),
                       response_rows[i].fault);
        CHECK_ROW_INT(name, head.status, response_rows[i].status);
        CHECK_ROW_BYTES(name, head.phrase, span_of_text(response_rows[i].phrase));
    }
}

static void
test_head_cut(void)
{
    static const char text[] = "POST /a HTTP/1.1\r\nHost: b\r\nContent-Length: 5\r\n\r\n";
    struct http_head head;

    for (size_t length = 0; length < sizeof text - 1; length++) {
        g_autofree uint8_t *exact = unit_exact(span_of(text, length));

        CHECK(http_head_decode(span_of(exact, length), HTTP_REQUEST, &head) != HTTP_FAULT_NONE);
    }
    CHECK(decode(text, HTTP_REQUEST, &head) == HTTP_FAULT_NONE);
}

static void
test_fields(void)
{
    g_autoptr(GString) text = g_string_new("GET /x HTTP/1.1\r\nHost: a\r\nCONNECTION: keep-alive , Upgrade\r\n"
                                           "Two: 1\r\nTwo: 2,close\r\n\r\n");
    struct http_head head;
    struct span value;

    CHECK(decode(text->str, HTTP_REQUEST, &head) == HTTP_FAULT_NONE);
    CHECK_ROW_BYTES("method", head.method, span_of_text("GET"));
    CHECK_ROW_BYTES("target", head.target, span_of_text("/x"));
    CHECK(http_head_get(&head, "host", &value) && http_span_is(value, "a"));
    CHECK_ROW("said twice", !http_head_get(&head, "two", &value));
    CHECK_ROW("not there", !http_head_get(&head, "three", &value));
    CHECK(http_head_lists(&head, "connection", "upgrade") && http_head_lists(&head, "Two", "CLOSE"));
    CHECK(!http_head_lists(&head, "connection", "keep"));

    g_string_assign(text, "GET /x HTTP/1.1\r\n");
    for (int i = 0; i < HTTP_FIELDS; i++)
        g_string_append(text, "X: y\r\n");
    g_string_append(text, "\r\n");
    CHECK(decode(text->str, HTTP_REQUEST, &head) == HTTP_FAULT_NONE);
    g_string_insert(text, (gssize)text->len - 2, "X: y\r\n");
    CHECK(decode(text->str, HTTP_REQUEST, &head) == HTTP_FAULT_TOO_MANY_FIELDS);
}

static const struct {
    const char *name, *fields;
    unsigned minor;
    bool keeps;
} keep_rows[] = {
    { "1.1 (9112 9.3)", "", 1, true },
    { "1.1 close", "Connection: close\r\n", 1, false },
    { "1.1 close among others", "Connection: x, Close\r\n", 1, false },
    { "1.0", "", 0, false },
    { "1.0 keep-alive", "Connection: Keep-Alive\r\n", 0, true },
};

static void
test_keeps(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(keep_rows); i++) {
        g_autofree char *text = g_strdup_printf("GET / HTTP/1.%u\r\n%s\r\n", keep_rows[i].minor, keep_rows[i].fields);
        struct http_head head;

        CHECK_ROW(keep_rows[i].name, decode(text, HTTP_REQUEST, &head) == HTTP_FAULT_NONE);
        CHECK_ROW(keep_rows[i].name, http_head_keeps(&head) == keep_rows[i].keeps);
    }
}

/* --- framing ----------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *head, *fault;
    enum http_framing framing;
    uint64_t length;
} framing_rows[] = {
    { "none (9112 6.3, 7)", "POST / HTTP/1.1\r\n\r\n", "none", HTTP_NO_BODY, 0 },
    { "length", "POST / HTTP/1.1\r\nContent-Length: 12\r\n\r\n", "none", HTTP_BY_LENGTH, 12 },
    { "length 0", "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "none", HTTP_NO_BODY, 0 },
    { "chunked", "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n", "none", HTTP_CHUNKED, 0 },
    { "both (9112 6.3, 3)", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
      "length-and-coding", HTTP_NO_BODY, 0 },
    { "two lengths (9112 6.3, 5)", "POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", "length",
      HTTP_NO_BODY, 0 },
    { "two alike", "POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n", "length", HTTP_NO_BODY, 0 },
    { "a list of lengths", "POST / HTTP/1.1\r\nContent-Length: 3, 3\r\n\r\n", "length", HTTP_NO_BODY, 0 },
    { "signed", "POST / HTTP/1.1\r\nContent-Length: +3\r\n\r\n", "length", HTTP_NO_BODY, 0 },
    { "hexadecimal", "POST / HTTP/1.1\r\nContent-Length: 0x3\r\n\r\n", "length", HTTP_NO_BODY, 0 },
    { "empty", "POST / HTTP/1.1\r\nContent-Length:\r\n\r\n", "length", HTTP_NO_BODY, 0 },
    { "beyond 64 bits", "POST / HTTP/1.1\r\nContent-Length: 18446744073709551617\r\n\r\n", "length", HTTP_NO_BODY, 0 },
    { "gzip", "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "coding", HTTP_NO_BODY, 0 },
    { "chunked twice (9112 6.1)", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
      "coding", HTTP_NO_BODY, 0 },
    { "hidden", "POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n", "coding", HTTP_NO_BODY, 0 },
    { "in 1.0 (9112 6.1)", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "old-coding", HTTP_NO_BODY, 0 },
};

static const struct {
    const char *name, *head;
    bool to_head;
    enum http_framing framing;
} response_framing_rows[] = {
    { "until close (9112 6.3, 8)", "HTTP/1.1 200 OK\r\n\r\n", false, HTTP_UNTIL_CLOSE },
    { "length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", false, HTTP_BY_LENGTH },
    { "length 0", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, HTTP_NO_BODY },
    { "chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, HTTP_CHUNKED },
    { "to HEAD (9112 6.3, 1)", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", true, HTTP_NO_BODY },
    { "204", "HTTP/1.1 204 No Content\r\n\r\n", false, HTTP_NO_BODY },
    { "304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", false, HTTP_NO_BODY },
    { "100", "HTTP/1.1 100 Continue\r\n\r\n", false, HTTP_NO_BODY },
};

static void
test_framing(void)
{
    enum http_framing framing;
    struct http_head head;
    uint64_t length;

    for (size_t i = 0; i < G_N_ELEMENTS(framing_rows); i++) {
        const char *name = framing_rows[i].name;

        CHECK_ROW(name, decode(framing_rows[i].head, HTTP_REQUEST, &head) == HTTP_FAULT_NONE);
        CHECK_ROW_TEXT(name, http_fault_word(http_request_framing(&head, &framing, &length)), framing_rows[i].fault);
        if (strcmp(framing_rows[i].fault, "none") != 0)
            continue;
        CHECK_ROW_INT(name, framing, framing_rows[i].framing);
        CHECK_ROW_UINT(name, length, framing_rows[i].length);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(response_framing_rows); i++) {
        const char *name = response_framing_rows[i].name;

        CHECK_ROW(name, decode(response_framing_rows[i].head, HTTP_RESPONSE, &head) == HTTP_FAULT_NONE);
        CHECK_ROW(name,
                  http_response_framing(&head, response_framing_rows[i].to_head, &framing, &length) == HTTP_FAULT_NONE);
        CHECK_ROW_INT(name, framing, response_framing_rows[i].framing);
    }
}

static void
test_host(void)
{
    static const struct {
        const char *name, *head;
        bool fine;
    } rows[] = {
        { "one (9112 3.2)", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", true },
        { "none", "GET / HTTP/1.1\r\n\r\n", false },
        { "two", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", false },
        { "none in 1.0", "GET / HTTP/1.0\r\n\r\n", true },
        { "two in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", false },
    };
    struct http_head head;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        CHECK_ROW(rows[i].name, decode(rows[i].head, HTTP_REQUEST, &head) == HTTP_FAULT_NONE);
        CHECK_ROW(rows[i].name, (http_request_check(&head) == HTTP_FAULT_NONE) == rows[i].fine);
    }
}

/* --- writing ----------------------------------------------------------------------------------------------------- */

static void
test_writes(void)
{
    uint8_t bytes[128];
    struct writer writer = writer_over(bytes, sizeof bytes);

    http_put_request_line(&writer, "POST", span_of_text("/a"));
    http_put_field(&writer, "Host", span_of_text("b"));
    http_put_number(&writer, "Content-Length", 18446744073709551615u);
    http_put_end(&writer);
    CHECK(!writer_failed(&writer));
    CHECK_ROW_BYTES("request", writer_span(&writer),
                    span_of_text("POST /a HTTP/1.1\r\nHost: b\r\nContent-Length: 18446744073709551615\r\n\r\n"));

    writer = writer_over(bytes, sizeof bytes);
    http_put_status_line(&writer, 404);
    http_put_end(&writer);
    CHECK_ROW_BYTES("response", writer_span(&writer), span_of_text("HTTP/1.1 404 Not Found\r\n\r\n"));

    for (size_t room = 0; room < 16; room++) {
        writer = writer_over(bytes, room);
        http_put_status_line(&writer, 204);
        CHECK(writer_failed(&writer));
    }
}

/* What would be read as another message is not written (RFC 9110 section 5.5). */
static void
test_no_injection(void)
{
    static const struct {
        const char *name, *field, *value;
    } rows[] = {
        { "line end in a value", "X", "a\r\nY: b" },
        { "LF in a value", "X", "a\nb" },
        { "colon in a name", "X: y", "a" },
        { "blank in a name", "X y", "a" },
        { "no name", "", "a" },
    };
    uint8_t bytes[128];
    struct writer writer;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        writer = writer_over(bytes, sizeof bytes);
        http_put_field(&writer, rows[i].field, span_of_text(rows[i].value));
        CHECK_ROW(rows[i].name, writer_failed(&writer));
    }
    writer = writer_over(bytes, sizeof bytes);
    http_put_request_line(&writer, "GET", span_of_text("/a HTTP/1.1\r\nX: y"));
    CHECK(writer_failed(&writer));
}

/* --- the reader -------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *text;
    enum http_role role;
    const char *fault, *body, *left;
    bool ends; /* the stream ends after it */
} reader_rows[] = {
    { "no body", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_REQUEST, "none", "", "", false },
    { "pipelined", "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /", HTTP_REQUEST, "none", "", "GET /", false },
    { "length", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcdef", HTTP_REQUEST, "none", "abc", "def",
      false },
    { "empty lines first (9112 2.2)", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_REQUEST, "none", "", "",
      false },
    { "none before a response", "\r\nHTTP/1.1 204 N\r\n\r\n", HTTP_RESPONSE, "first-line", "", "", false },
    { "chunks (9112 7.1)",
      "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0a;x=\"y\"\r\n0123456789\r\n"
      "0\r\n\r\nrest",
      HTTP_REQUEST, "none", "abc0123456789", "rest", false },
    { "trailers (9112 7.1.2)",
      "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\n",
      HTTP_REQUEST, "none", "x", "", false },
    { "chunk without end", "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n",
      HTTP_REQUEST, "chunk", "x", NULL, false },
    { "chunk size of LF", "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n",
      HTTP_REQUEST, "chunk", "", NULL, false },
    { "chunk size signed", "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n",
      HTTP_REQUEST, "chunk", "", NULL, false },
    { "chunk size 0x", "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n0\r\n\r\n",
      HTTP_REQUEST, "chunk", "", NULL, false },
    { "chunk size of 16 digits",
      "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1000000000000000\r\nx\r\n", HTTP_REQUEST, "chunk",
      "", NULL, false },
    { "trailer that is none",
      "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nGET / HTTP/1.1\r\n\r\n", HTTP_REQUEST,
      "chunk", "", NULL, false },
    { "no Host", "GET / HTTP/1.1\r\n\r\n", HTTP_REQUEST, "host", "", "", false },
    { "too long a body", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 33\r\n\r\n", HTTP_REQUEST, "body-too-long", "",
      "", false },
    { "too long in chunks",
      "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n01234567890123456789012345678901\r\n"
      "1\r\nx\r\n",
      HTTP_REQUEST, "body-too-long", "01234567890123456789012345678901", NULL, false },
    { "cut in the head", "GET / HTTP/1.1\r\nHo", HTTP_REQUEST, "cut", "", "", true },
    { "cut in the body", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab", HTTP_REQUEST, "cut", "ab", "",
      true },
    { "until the end (9112 6.3, 8)", "HTTP/1.1 200 OK\r\n\r\nabc", HTTP_RESPONSE, "none", "abc", "", true },
    { "chunked and cut (9112 8)", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", HTTP_RESPONSE,
      "cut", "a", "", true },
};

static const struct http_limits small = { .head = 128, .body = 32 };

/* Fed in pieces of `piece` bytes; what was not taken. */
static struct span
feed(struct http_reader *reader, const char *text, size_t piece)
{
    size_t length = strlen(text), at = 0;

    while (at < length && reader->state < HTTP_READ) {
        g_autofree uint8_t *exact = unit_exact(span_of(text + at, MIN(piece, length - at)));

        at += http_reader_take(reader, span_of(exact, MIN(piece, length - at)));
    }
    return span_of(text + at, length - at);
}

static void
test_reader(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(reader_rows); i++) {
        for (size_t piece = 1; piece < 200; piece = piece * 2 + 1) {
            g_autofree char *name = g_strdup_printf("%s, %zu bytes at a time", reader_rows[i].name, piece);
            struct http_reader reader;
            struct span left;

            http_reader_open(&reader, reader_rows[i].role, &small);
            left = feed(&reader, reader_rows[i].text, piece);
            if (reader_rows[i].ends)
                http_reader_end(&reader);
            CHECK_ROW_TEXT(name, http_fault_word(reader.fault), reader_rows[i].fault);
            CHECK_ROW(name, reader.state == (reader.fault == HTTP_FAULT_NONE ? HTTP_READ : HTTP_BROKEN));
            CHECK_ROW_BYTES(name, http_reader_body(&reader), span_of_text(reader_rows[i].body));
            if (reader_rows[i].left && reader.fault == HTTP_FAULT_NONE)
                CHECK_ROW_BYTES(name, left, span_of_text(reader_rows[i].left));
            http_reader_close(&reader);
        }
    }
}

static void
test_reader_limits(void)
{
    struct http_reader reader;

    http_reader_open(&reader, HTTP_REQUEST, &small);
    (void)http_reader_take(&reader, span_of_text("GET / HTTP/1.1\r\nX: "));
    for (int i = 0; i < 200 && reader.state == HTTP_READING_HEAD; i++)
        (void)http_reader_take(&reader, span_of_text("y"));
    CHECK(reader.state == HTTP_BROKEN);
    CHECK_ROW_TEXT("head", http_fault_word(reader.fault), "head-too-long");
    CHECK_ROW_INT("status (6585 5)", http_fault_status(reader.fault), 431);
    CHECK(reader.head_bytes->len == small.head);

    http_reader_next(&reader);
    (void)http_reader_take(&reader, span_of_text("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"));
    for (int i = 0; i < 300 && reader.state == HTTP_READING_BODY; i++)
        (void)http_reader_take(&reader, span_of_text("0"));
    CHECK_ROW_TEXT("chunk line", http_fault_word(reader.fault), "chunk");
    http_reader_close(&reader);
}

/* What is written in chunks is read back. */
static void
test_chunks_written(void)
{
    uint8_t bytes[64];
    struct writer writer = writer_over(bytes, sizeof bytes);
    struct http_chunked chunked = { 0 };
    g_autoptr(GString) data = g_string_new(NULL);

    http_put_chunk(&writer, span_of_text("hello, "));
    http_put_chunk(&writer, span_of_text("chunked world"));
    http_put_last_chunk(&writer);
    CHECK_ROW_BYTES("bytes", writer_span(&writer), span_of_text("7\r\nhello, \r\nd\r\nchunked world\r\n0\r\n\r\n"));
    for (struct span rest = writer_span(&writer), got; (got = http_chunked_take(&chunked, &rest)).length > 0;)
        g_string_append_len(data, (const char *)got.bytes, (gssize)got.length);
    CHECK(chunked.state == HTTP_CHUNK_DONE);
    CHECK_ROW_TEXT("data", data->str, "hello, chunked world");
}

static void
test_words(void)
{
    for (int fault = 0; fault < HTTP_FAULT_COUNT; fault++) {
        CHECK_ROW(http_fault_word(fault), unit_is_word(http_fault_word(fault)));
        CHECK_ROW(http_fault_word(fault), strlen(http_fault_sentence(fault)) > 5);
        CHECK_ROW(http_fault_word(fault), strlen(http_status_phrase(http_fault_status(fault))) > 0);
    }
    CHECK_ROW_TEXT("unknown status", http_status_phrase(299), "");
}

void
suite_http_message(void)
{
    UNIT_SUITE("HTTP messages", NULL, NULL, { "heads", test_heads }, { "every truncation", test_head_cut },
               { "fields", test_fields }, { "keep-alive", test_keeps }, { "framing", test_framing },
               { "Host", test_host }, { "writes", test_writes }, { "no injection", test_no_injection },
               { "reader", test_reader }, { "limits of the reader", test_reader_limits },
               { "chunks written and read", test_chunks_written }, { "words", test_words });
}
