/* Session descriptions as lines: order, faults and where they are, limits, printing. RFC 8866. */
#include "tests/unit/support.h"

#include "proto/sdp/attributes.h"

#define HEAD "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n"
#define CONNECTED HEAD "c=IN IP4 192.0.2.1\r\nt=0 0\r\n"

/* RFC 8866 section 5, the example at its end. */
static const char example[] = "v=0\r\n"
                              "o=jdoe 3724394400 3724394405 IN IP4 198.51.100.1\r\n"
                              "s=Call to John Smith\r\n"
                              "i=SDP Offer #1\r\n"
                              "u=http://www.jdoe.example.com/home.html\r\n"
                              "e=Jane Doe <jane@jdoe.example.com>\r\n"
                              "p=+1 617 555-6011\r\n"
                              "c=IN IP4 198.51.100.1\r\n"
                              "t=0 0\r\n"
                              "m=audio 49170 RTP/AVP 0\r\n"
                              "m=audio 49180 RTP/AVP 0\r\n"
                              "m=video 51372 RTP/AVP 99\r\n"
                              "c=IN IP6 2001:db8::2\r\n"
                              "a=rtpmap:99 h263-1998/90000\r\n";

/* Everything that has a line, in the order of section 5. */
static const char everything[] =
    "v=0\r\no=- 0 0 IN IP6 2001:db8::1\r\ns=-\r\ni=x\r\nu=x:\r\ne=a\r\ne=b\r\np=1\r\np=2\r\n"
    "c=IN IP4 233.252.0.1/127/3\r\nb=CT:128\r\nb=X-YZ:1\r\n"
    "t=3724394400 3724398000\r\nr=7d 1h 0 25h\r\nr=604800 3600 0\r\nz=3730928400 -1h 3749680800 0\r\n"
    "t=0 0\r\nk=prompt\r\na=recvonly\r\na=charset:ISO-8859-1\r\n"
    "m=audio 49170/2 RTP/AVP 0 8 97\r\ni=y\r\nc=IN IP4 233.252.0.2/1\r\n"
    "c=IN IP4 233.252.0.3/1\r\nb=AS:64\r\nk=clear:x\r\na=x-unknown:any thing=:;\r\n"
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP6 ff15::101/3\r\n";

/* What becomes of a text: "none", or the word of the fault. */
static const char *
parse(const char *text, struct sdp_session *session, struct sdp_error *error)
{
    return sdp_fault_word(sdp_session_parse(span_of_text(text), session, error));
}

/* ---- faults */

static const struct {
    const char *name, *text, *fault, *said; /* `said`: how the sentence begins; NULL when there is no fault */
} rows[] = {
    { "the least", HEAD "t=0 0\r\n", "none", NULL },
    { "everything", everything, "none", NULL },
    { "bare LF (5)", "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nt=0 0\n", "none", NULL },
    { "the last line without an end", HEAD "t=0 0", "none", NULL },
    { "the last line with half an end", HEAD "t=0 0\r", "none", NULL },
    { "empty lines at the end", HEAD "t=0 0\r\n\r\n\n", "none", NULL },
    { "a name of one blank (5.3)", "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns= \r\nt=0 0\r\n", "none", NULL },
    { "no name", "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=\r\nt=0 0\r\n", "none", NULL },
    { "z= without r= (4566 9)", HEAD "t=0 0\r\nz=0 0\r\n", "none", NULL },
    { "UTF-8", HEAD "i=\xc3\xbc\r\nt=0 0\r\n", "none", NULL },
    { "an attribute with an empty value", HEAD "t=0 0\r\na=x:\r\n", "none", NULL },
    { "rejected without c=", HEAD "t=0 0\r\nm=audio 0 RTP/AVP 0\r\n", "none", NULL },
    { "c= in the medium alone", HEAD "t=0 0\r\nm=audio 9 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\n", "none", NULL },
    { "nothing", "", "missing", "line 1: v= is missing" },
    { "no v=", "o=- 1 1 IN IP4 192.0.2.1\r\n", "missing", "line 1: v= is missing" },
    { "no o=", "v=0\r\ns=-\r\nt=0 0\r\n", "missing", "line 2: o= is missing" },
    { "no s=", "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nt=0 0\r\n", "missing", "line 3: s= is missing" },
    { "no t= before a=", HEAD "a=x\r\n", "missing", "line 4: t= is missing" },
    { "no t= before m=", HEAD "m=audio 0 RTP/AVP 0\r\n", "missing", "line 4: t= is missing" },
    { "no t= at the end", HEAD, "missing", "line 4: t= is missing" },
    { "v= twice", "v=0\r\nv=0\r\n", "order", "line 2: v= is out of order" },
    { "c= twice", CONNECTED "c=IN IP4 192.0.2.1\r\n", "order", "line 6: c= is out of order" },
    { "c= twice in a row", HEAD "c=IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\n", "order", "line 5: c= is out of order" },
    { "i= after u=", HEAD "u=x:\r\ni=x\r\nt=0 0\r\n", "order", "line 5: i= is out of order" },
    { "b= after t=", HEAD "t=0 0\r\nb=AS:1\r\n", "order", "line 5: b= is out of order" },
    { "r= after b=", HEAD "b=AS:1\r\nr=7d 1h 0\r\n", "order", "line 5: r= is out of order" },
    { "r= after z=", HEAD "t=0 0\r\nr=7d 1h 0\r\nz=0 0\r\nr=7d 1h 0\r\n", "order", "line 7: r= is out of order" },
    { "k= after a=", HEAD "t=0 0\r\na=x\r\nk=prompt\r\n", "order", "line 6: k= is out of order" },
    { "k= twice", HEAD "t=0 0\r\nk=prompt\r\nk=prompt\r\n", "order", "line 6: k= is out of order" },
    { "t= in a medium", CONNECTED "m=audio 9 RTP/AVP 0\r\nt=0 0\r\n", "order", "line 7: t= is out of order" },
    { "c= after a= in a medium", CONNECTED "m=audio 9 RTP/AVP 0\r\na=x\r\nc=IN IP4 192.0.2.1\r\n", "order",
      "line 8: c= is out of order" },
    { "another letter (5)", HEAD "t=0 0\r\ny=0\r\n", "unknown-type", "line 5: y= is not a line" },
    { "a capital", HEAD "T=0 0\r\n", "form", "line 4: it is not a line" },
    { "a blank before '='", "v =0\r\n", "form", "line 1: it is not a line" },
    { "a blank after '='", HEAD "t= 0 0\r\n", "time", "line 4, column 3: t= is not 'start stop'" },
    { "no '='", HEAD "t\r\n", "form", "line 4: it is not a line" },
    { "folded", HEAD " x\r\n", "form", "line 4: it is not a line" },
    { "an empty line", "v=0\r\n\r\no=- 1 1 IN IP4 192.0.2.1\r\n", "form", "line 2: it is not a line" },
    { "a bare CR", HEAD "t=0 0\ra=x\r\n", "byte", "line 4: it has a NUL" },
    { "CR CR LF", HEAD "t=0 0\r\r\n", "byte", "line 4: it has a NUL" },
    { "version 1", "v=1\r\n", "version", "line 1, column 3: v= is not 0" },
    { "version 00", "v=00\r\n", "version", "line 1, column 3: v= is not 0" },
    { "no address", HEAD "c=IN IP4 \r\n", "address", "line 4, column 10: c= has an address" },
    { "half an address", HEAD "c=IN IP4 192.0.2\r\nt=0 0\r\n", "address", "line 4, column 10: c= has an address" },
    { "an empty i=", HEAD "i=\r\n", "empty", "line 4, column 3: i= has no value" },
    { "an empty a=", HEAD "t=0 0\r\na=\r\n", "empty", "line 5, column 3: a= has no value" },
    { "an attribute without a name", HEAD "t=0 0\r\na=:x\r\n", "attribute", "line 5, column 3: a= has a name" },
    { "a blank in an attribute's name", HEAD "t=0 0\r\na=x y:z\r\n", "attribute", "line 5, column 3: a= has a name" },
    { "a medium without an address (5.7)", HEAD "t=0 0\r\nm=audio 9 RTP/AVP 0\r\n", "no-connection",
      "line 5: m= has no address" },
    { "the second medium without one",
      HEAD "t=0 0\r\nm=audio 9 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\nm=video 9 RTP/AVP 31\r\n", "no-connection",
      "line 7: m= has no address" },
    { "a port too large", CONNECTED "m=audio 65536 RTP/AVP 0\r\n", "port", "line 6, column 9: m= has a port" },
};

static void
test_rows(void)
{
    struct sdp_session session;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct sdp_error error = { 0 };
        g_autoptr(GString) said = g_string_new(NULL);

        CHECK_ROW_TEXT(rows[i].name, parse(rows[i].text, &session, &error), rows[i].fault);
        CHECK_ROW_TEXT(rows[i].name, sdp_fault_word(error.fault), rows[i].fault);
        if (!rows[i].said)
            continue;
        sdp_error_say(&error, said);
        g_string_truncate(said, strlen(rows[i].said));
        CHECK_ROW_TEXT(rows[i].name, said->str, rows[i].said);
    }
}

static void
test_words(void)
{
    for (int i = 0; i < SDP_FAULT_COUNT; i++) {
        CHECK_ROW(sdp_fault_word(i), unit_is_word(sdp_fault_word(i)));
        CHECK_ROW(sdp_fault_word(i), strlen(sdp_fault_sentence(i)) > 5);
        for (int j = 0; j < i; j++)
            CHECK_ROW(sdp_fault_word(i), strcmp(sdp_fault_word(i), sdp_fault_word(j)) != 0);
    }
}

static void
test_whole_text_is_told(void)
{
    struct sdp_error error = { .fault = SDP_FAULT_TOO_LONG }, alone = { SDP_FAULT_PORT, 0, 12, 'a', "candidate" };
    g_autoptr(GString) said = g_string_new(NULL);

    sdp_error_say(&error, said);
    CHECK_ROW_TEXT("a whole text", said->str, "the description is longer than 65535 bytes");
    g_string_truncate(said, 0);
    sdp_error_say(&alone, said);
    CHECK_ROW_TEXT("a line alone", said->str, "column 12: a=candidate has a port that is not a number from 0 to 65535");
}

/* ---- what is found */

static void
test_example(void)
{
    struct sdp_session session;
    struct sdp_connection connection;

    CHECK_ROW_TEXT("example", parse(example, &session, NULL), "none");

    struct sdp_origin origin = sdp_session_origin(&session);

    CHECK_ROW_BYTES("user", origin.user, span_of_text("jdoe"));
    CHECK_ROW_INT("session id", origin.session_id, 3724394400);
    CHECK_ROW_INT("version", origin.version, 3724394405);
    CHECK_ROW_INT("media", session.media_count, 3);

    struct sdp_media_line video = sdp_media_line_of(&session, 2);

    CHECK_ROW_BYTES("video", video.media, span_of_text("video"));
    CHECK_ROW_INT("video port", video.port, 51372);
    CHECK_ROW_INT("where its port stands", sdp_session_offset(&session, video.port_text),
                  strstr(example, "51372") - example);
    CHECK(sdp_media_connection(&session, 0, &connection) && connection.to.host.kind == SDP_HOST_IPV4);
    CHECK(sdp_media_connection(&session, 2, &connection) && connection.to.host.kind == SDP_HOST_IPV6);
}

static void
test_finding(void)
{
    static const char text[] = CONNECTED "a=one:s\r\na=two\r\nm=audio 9 RTP/AVP 0\r\na=one:0\r\na=x\r\na=one:1\r\n"
                                         "m=video 9 RTP/AVP 31\r\na=onetwo:x\r\n";
    struct sdp_session session;
    const struct sdp_line *line;

    CHECK_ROW_TEXT("text", parse(text, &session, NULL), "none");
    line = sdp_attribute_find(&session, SDP_SESSION_LEVEL, "one", NULL);
    CHECK_ROW_BYTES("session's", sdp_attribute_value(&session, line), span_of_text("s"));
    CHECK_ROW_INT("its number", sdp_line_number(&session, line), 6);
    CHECK(sdp_attribute_find(&session, SDP_SESSION_LEVEL, "one", line) == NULL);
    line = sdp_attribute_find(&session, 0, "one", NULL);
    CHECK_ROW_BYTES("medium's first", sdp_attribute_value(&session, line), span_of_text("0"));
    line = sdp_attribute_find(&session, 0, "one", line);
    CHECK_ROW_BYTES("medium's second", sdp_attribute_value(&session, line), span_of_text("1"));
    CHECK(sdp_attribute_find(&session, 0, "one", line) == NULL);
    CHECK(!sdp_attribute_has(&session, 1, "one"));
    CHECK(!sdp_attribute_has(&session, 0, "ONE"));
    CHECK(sdp_attribute_inherit(&session, 1, "one") == sdp_attribute_find(&session, SDP_SESSION_LEVEL, "one", NULL));
    line = sdp_attribute_find(&session, SDP_SESSION_LEVEL, "two", NULL);
    CHECK_ROW_INT("no value", sdp_attribute_value(&session, line).length, 0);
}

/* ---- printing */

static void
test_print(void)
{
    static const struct {
        const char *name, *text, *printed;
    } print_rows[] = {
        { "example", example, example },
        { "everything", everything, everything },
        { "bare LF", "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nt=0 0", HEAD "t=0 0\r\n" },
        { "leading zeros", HEAD "c=IN IP6 2001:DB8:0:0::1\r\nb=AS:007\r\nt=00 0\r\nm=audio 00009/1 RTP/AVP 0\r\n",
          HEAD "c=IN IP6 2001:db8::1\r\nb=AS:7\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n" },
        { "a candidate and rtcp",
          CONNECTED "m=audio 9 RTP/AVP 0\r\na=candidate:1 1 udp 01 192.0.2.1 09 TYP HOST\r\na=rtcp:0053020\r\n",
          CONNECTED "m=audio 9 RTP/AVP 0\r\na=candidate:1 1 UDP 1 192.0.2.1 9 typ host\r\na=rtcp:53020\r\n" },
        { "malformed ones, as they stand", CONNECTED "a=candidate:1 1 udp\r\na=rtcp:x\r\n",
          CONNECTED "a=candidate:1 1 udp\r\na=rtcp:x\r\n" },
    };
    struct sdp_session session;

    for (size_t i = 0; i < G_N_ELEMENTS(print_rows); i++) {
        g_autoptr(GString) out = g_string_new(NULL);

        CHECK_ROW_TEXT(print_rows[i].name, parse(print_rows[i].text, &session, NULL), "none");
        sdp_session_put(out, &session);
        CHECK_ROW_TEXT(print_rows[i].name, out->str, print_rows[i].printed);
    }
}

/* ---- limits and hostile texts */

static GString *
repeated(const char *before, const char *each, size_t count)
{
    GString *text = g_string_new(before);

    for (size_t i = 0; i < count; i++)
        g_string_append(text, each);
    return text;
}

static void
check_limit(const char *name, const char *before, const char *each, size_t count, const char *fault, unsigned line)
{
    g_autoptr(GString) text = repeated(before, each, count);
    struct sdp_session session;
    struct sdp_error error = { 0 };

    CHECK_ROW_TEXT(name, parse(text->str, &session, &error), fault);
    CHECK_ROW_INT(name, error.line, line);
}

static void
test_limits(void)
{
    check_limit("lines, the last", CONNECTED, "a=x\n", SDP_MAX_LINES - 5, "none", 0);
    check_limit("lines, one more", CONNECTED, "a=x\n", SDP_MAX_LINES - 4, "too-many-lines", SDP_MAX_LINES + 1);
    check_limit("media, the last", CONNECTED, "m=a 9 b c\n", SDP_MAX_MEDIA, "none", 0);
    check_limit("media, one more", CONNECTED, "m=a 9 b c\n", SDP_MAX_MEDIA + 1, "too-many-media", SDP_MAX_MEDIA + 6);
    check_limit("bytes, the last", CONNECTED "a=", "x", SDP_MAX_BYTES - strlen(CONNECTED "a="), "none", 0);
    check_limit("bytes, one more", CONNECTED "a=", "x", SDP_MAX_BYTES + 1 - strlen(CONNECTED "a="), "too-long", 0);
    check_limit("a million attributes", CONNECTED, "a=x\r\n", 1000000, "too-long", 0);
    check_limit("a million ends of lines", "", "\n", 60000, "missing", 1);
    check_limit("a long line of formats", CONNECTED "m=audio 9 RTP/AVP", " 0", 30000, "none", 0);
    check_limit("a long line of blanks", CONNECTED "m=audio 9 RTP/AVP", " ", 60000, "media", 6);
}

static void
test_nul_bytes(void)
{
    struct sdp_session session;
    size_t length = strlen(example);

    for (size_t i = 0; i < length; i++) {
        uint8_t *copy = unit_exact(span_of_text(example));

        copy[i] = '\0';
        CHECK(sdp_session_parse(span_of(copy, length), &session, NULL) != SDP_FAULT_NONE);
        g_free(copy);
    }
}

/* Every beginning is refused with a fault of a line it has, or read without a step past its end. */
static void
check_truncations(const char *name, const char *text)
{
    unsigned read = 0;

    for (size_t length = 0; length < strlen(text); length++) {
        uint8_t *copy = unit_exact(span_of(text, length));
        struct sdp_session session;
        struct sdp_error error = { 0 };
        g_autoptr(GString) out = g_string_new(NULL);
        unsigned lines = 1;

        for (size_t i = 0; i < length; i++)
            lines += text[i] == '\n';
        if (sdp_session_parse(span_of(copy, length), &session, &error) == SDP_FAULT_NONE) {
            sdp_session_put(out, &session);
            read++;
        } else {
            /* A line that is missing would have been the next one. */
            CHECK_ROW(name, error.line >= 1 && error.line <= lines + (error.fault == SDP_FAULT_MISSING));
        }
        g_free(copy);
    }
    CHECK_ROW(name, read > 0);
}

static void
test_truncations(void)
{
    check_truncations("example", example);
    check_truncations("everything", everything);
}

void
suite_sdp_session(void)
{
    UNIT_SUITE("sdp session", NULL, NULL, { "faults and their lines", test_rows }, { "words of faults", test_words },
               { "faults of no line", test_whole_text_is_told }, { "RFC 8866 section 5", test_example },
               { "finding lines", test_finding }, { "printing", test_print }, { "limits", test_limits },
               { "NUL bytes", test_nul_bytes }, { "truncations", test_truncations });
}
