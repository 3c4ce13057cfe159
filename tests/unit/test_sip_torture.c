/* The torture messages of RFC 4475 that concern parsing, made anew from the rule that each is about (its name there
 * stands in brackets), and what becomes of them. What that RFC leaves to taste ("could be liberal") is refused here
 * where being liberal would mean guessing. */
#include "tests/unit/support.h"

#include "proto/sip/headers.h"
#include "proto/sip/message.h"

#define CHECK_SPAN(row, got, expected) CHECK_ROW_BYTES(row, got, span_of_text(expected))
#define MESSAGE(text)                                                                                                  \
    {                                                                                                                  \
        text, sizeof text - 1                                                                                          \
    }

struct bytes {
    const char *text;
    size_t length;
};

/* --- section 3.1.1: valid ------------------------------------------------------------------------------------------ */

/* [wsinv] Blanks and folds wherever they may stand, compact and long names mixed in odd cases, an empty Subject, escapes
 * in quotes, header fields that nobody knows. */
static const struct bytes tortuous = MESSAGE(
    "INVITE sip:laura@office.example.org;unknownparam SIP/2.0\r\n"
    "TO :\r\n sip:laura@office.example.org ;   tag    = 77a\r\n"
    "from   : \"M \\\\\\\" Petrarca\"       <sip:petrarca@example.net>\r\n  ;\r\n  tag = 98asjd8\r\n"
    "MaX-fOrWaRdS: 0068\r\n"
    "Call-ID: wsinv.1@192.0.2.1\r\n"
    "Content-Length   : 5\r\n"
    "cseq: 0009\r\n  INVITE\r\n"
    "Via  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390skdjuw\r\n"
    "s :\r\n"
    "FreshField:   fresh value\r\n continued here\r\n"
    "OddValueOfNobodysField: ;;,,;;,;\r\n"
    "Content-Type: application/sdp\r\n"
    "Route:\r\n <sip:services.example.org;lr;unknownwith=value;unknown-no-value>\r\n"
    "v:  SIP  / 2.0  / TCP     spindle.example.org   ;\r\n  branch  =   z9hG4bK9ikj8  ,\r\n"
    " SIP  /    2.0   / UDP  192.168.255.111   ; branch=\r\n z9hG4bK30239\r\n"
    "m:\"Quoted \\\"\\\"\" <sip:petrarca@example.net> ; newparam =\r\n      newvalue ;\r\n  secondparam ; q = 0.33\r\n"
    "\r\n"
    "v=0\r\n");

static void
test_tortuous(void)
{
    static const char *const hosts[] = { "192.0.2.2", "spindle.example.org", "192.168.255.111" };
    static const char *const branches[] = { "390skdjuw", "z9hG4bK9ikj8", "z9hG4bK30239" };
    struct sip_message message;
    struct sip_name_addr address;
    struct sip_via via;
    struct span value;
    uint32_t hops;
    unsigned count = 0;

    CHECK_ROW_TEXT("wsinv", sip_fault_word(sip_message_decode(span_of(tortuous.text, tortuous.length), &message)),
                   "none");
    CHECK(message.cseq == 9 && message.method_id == SIP_INVITE && message.count == 14);
    CHECK_SPAN("body", message.body, "v=0\r\n");
    CHECK(sip_number_decode(sip_message_value(&message, SIP_HEADER_MAX_FORWARDS), 255, &hops) && hops == 68);
    CHECK(sip_message_value(&message, SIP_HEADER_SUBJECT).length == 0);
    CHECK_SPAN("fold", message.headers[8].value, "fresh value\r\n continued here");

    struct sip_values walk = sip_values_of(&message, SIP_HEADER_VIA);

    for (; count < 3 && sip_values_next(&walk, &value) && CHECK(sip_via_decode(value, &via)); count++) {
        CHECK_SPAN("sent-by", via.sent_by.host, hosts[count]);
        CHECK_SPAN("branch", via.branch, branches[count]);
    }
    CHECK(count == 3 && !sip_values_next(&walk, &value));

    CHECK(sip_name_addr_decode(sip_message_value(&message, SIP_HEADER_FROM), &address));
    CHECK_SPAN("display", address.display, "\"M \\\\\\\" Petrarca\"");
    CHECK_SPAN("tag", address.tag, "98asjd8");
    CHECK(sip_name_addr_decode(sip_message_value(&message, SIP_HEADER_TO), &address));
    CHECK_SPAN("tag", address.tag, "77a");
    CHECK(sip_name_addr_decode(sip_message_value(&message, SIP_HEADER_CONTACT), &address));
    CHECK(sip_parameter(address.parameters, "newparam", &value));
    CHECK_SPAN("newparam", value, "newvalue");
    CHECK(sip_parameter(address.parameters, "secondparam", &value) && value.length == 0);
    CHECK(sip_parameter(address.parameters, "q", &value));
    CHECK_SPAN("q", value, "0.33");
    CHECK(sip_name_addr_decode(sip_message_value(&message, SIP_HEADER_ROUTE), &address));
    CHECK(sip_parameter(address.uri.parameters, "lr", &value));
}

/* [intmeth] Every byte that a token, a user part, a Call-ID and a quoted string may have: NUL, BEL and DEL after a
 * backslash among them. */
static const struct bytes wide = MESSAGE(
    "!odd-Method0123456789_*+`.%indeed'~ sip:1_odd.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,odd!*pas$wo~d_too."
    "(doesn't-it)@example.org SIP/2.0\r\n"
    "Via: SIP/2.0/TCP host1.example.org;branch=z9hG4bK-.!%66*_+`'~\r\n"
    "To: \"BEL:\\\x07 NUL:\\\0 DEL:\\\x7f\" <sip:1_odd.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.org>\r\n"
    "From: token1~` token2'+_ token3*%!.- <sip:mundane@example.org>;fromParam''~+*_!.-%="
    "\"\xd1\x80\xd0\xb0\";tag=_token~1'+`*%!-.\r\n"
    "Call-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{\r\n"
    "CSeq: 139122385 !odd-Method0123456789_*+`.%indeed'~\r\n"
    "Max-Forwards: 255\r\n"
    "extensionHeader-!.%*+_`'~:\xef\xbb\xbf\xe5\xa4\xa7\r\n"
    "Content-Length: 0\r\n\r\n");

static void
test_wide(void)
{
    struct sip_message message;
    struct sip_name_addr address;
    struct sip_uri uri;

    CHECK_ROW_TEXT("intmeth", sip_fault_word(sip_message_decode(span_of(wide.text, wide.length), &message)), "none");
    CHECK(message.method_id == SIP_METHOD_OTHER && sip_uri_decode(message.uri, &uri));
    CHECK_SPAN("user", uri.user, "1_odd.URI~(to-be!sure)&isn't+it$/crazy?,/;;*");
    CHECK_SPAN("password", uri.password, "&it+has=1,odd!*pas$wo~d_too.(doesn't-it)");
    CHECK(sip_name_addr_decode(sip_message_value(&message, SIP_HEADER_TO), &address));
    CHECK_ROW_BYTES("display", address.display, span_of("\"BEL:\\\x07 NUL:\\\0 DEL:\\\x7f\"", 22));
    CHECK(sip_name_addr_decode(sip_message_value(&message, SIP_HEADER_FROM), &address));
    CHECK_SPAN("display", address.display, "token1~` token2'+_ token3*%!.-");
    CHECK_SPAN("tag", address.tag, "_token~1'+`*%!-.");
}

/* [esc01] An escaped sips: and '@' are a user's letters. [escnull] %00 stays an escape. [esc02] A '%' in a method is a
 * '%'; escaped names of parameters are their names. */
static void
test_escapes(void)
{
    struct sip_uri uri;
    struct sip_name_addr address;
    struct span value;
    char room[20];
    struct writer out = writer_over(room, sizeof room);

    CHECK(sip_uri_decode(span_of_text("sip:sips%3Auser%40example.com@example.net"), &uri));
    CHECK(!uri.secure);
    CHECK_SPAN("host", uri.at.host, "example.net");
    CHECK(sip_name_addr_decode(span_of_text("<sip:%00%00@host5.example.com>"), &address));
    CHECK(sip_unescape(address.uri.user, &out));
    CHECK_ROW_BYTES("null", writer_span(&out), span_of("\0\0", 2));

    CHECK(sip_method_of(span_of_text("RE%47IST%45R")) == SIP_METHOD_OTHER);
    CHECK(sip_name_addr_decode(span_of_text("<sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>"),
                               &address));
    CHECK(sip_parameter(address.uri.parameters, "lr", &value) && value.length == 0);
    CHECK(sip_parameter(address.uri.parameters, "name", &value));
    out = writer_over(room, sizeof room);
    CHECK(sip_unescape(value, &out));
    CHECK_ROW_BYTES("once, not twice", writer_span(&out), span_of_text("value%41"));
}

#define FIELDS(method)                                                                                                 \
    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKkdjuw\r\nMax-Forwards: 70\r\nFrom: <sip:a@example.com>;tag=1\r\n"        \
    "To: <sip:b@example.com>\r\nCall-ID: x.1@192.0.2.1\r\nCSeq: 8 " method "\r\n"
#define NO_BODY "Content-Length: 0\r\n\r\n"

/* [longreq] Values of hundreds of bytes, and many of them. */
static void
test_long(void)
{
    GString *text = g_string_new(NULL);
    struct sip_message message;
    struct sip_values walk;
    struct span value;
    unsigned vias = 0;
    g_autofree char *filler = g_strnfill(3000, 'x');

    g_string_printf(text,
                    "INVITE sip:user@example.com;%s SIP/2.0\r\nTo: \"%s\" <sip:user%s@example.com:6000;%s>\r\n"
                    "F: sip:a@example.net;tag=%s;u=\"%s\"\r\nCall-ID: %s@example.com\r\nCSeq: 3882340 INVITE\r\n"
                    "%s: %s\r\n",
                    filler, filler, filler, filler, filler, filler, filler, filler, filler);
    for (unsigned i = 0; i < 40; i++)
        g_string_append_printf(text, "Via: SIP/2.0/TCP sip%u.example.com,\r\n SIP/2.0/UDP b;branch=%s\r\n", i,
                               filler + 2600);
    g_string_append(text, "l: 0\r\n\r\n");

    CHECK_ROW_TEXT("longreq", sip_fault_word(sip_message_decode(span_of(text->str, text->len), &message)), "none");
    walk = sip_values_of(&message, SIP_HEADER_VIA);
    while (sip_values_next(&walk, &value)) {
        struct sip_via via;

        vias += sip_via_decode(value, &via);
    }
    CHECK(vias == 80);
    g_string_free(text, TRUE);
}

/* [mpart01] A body of several parts with bytes of every kind in it is taken as it is, a false empty line and a NUL
 * included. */
static void
test_multipart(void)
{
    static const struct bytes text = MESSAGE("MESSAGE sip:k@example.org SIP/2.0\r\n" FIELDS(
        "MESSAGE") "Content-Type: multipart/mixed;boundary=7a9cb\r\nContent-Length: 49\r\n\r\n"
                   "--7a9cb\r\n\r\ntext\r\n--7a9cb\r\nX: y\r\n\r\n\x30\0\xff\r\n\r\n\n--7a9cb");
    struct sip_message message;

    CHECK_ROW_TEXT("mpart01", sip_fault_word(sip_message_decode(span_of(text.text, text.length), &message)), "none");
    CHECK_ROW_BYTES("body", message.body, span_of(text.text + text.length - 49, 49));
    CHECK(sip_content_is(&message, "multipart/mixed"));
}

/* --- one line each --------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    struct bytes bytes;
    enum sip_fault fault;
    unsigned status;
    bool answerable;
} rows[] = {
    /* 3.1.1, valid */
    { "no blank between name and < [lwsdisp]",
      MESSAGE("OPTIONS sip:user@example.com SIP/2.0\r\nTo: sip:user@example.com\r\n"
              "From: caller<sip:caller@example.com>;tag=323\r\nMax-Forwards: 70\r\nCall-ID: lwsdisp.1\r\n"
              "CSeq: 60 OPTIONS\r\nVia: SIP/2.0/UDP funky.example.com;branch=z9hG4bKkdjuw\r\nl: 0\r\n\r\n"),
      SIP_FAULT_NONE, 200, true },
    { "a second request after the first [dblreq]",
      MESSAGE("REGISTER sip:example.com SIP/2.0\r\n" FIELDS("REGISTER") NO_BODY
              "INVITE sip:joe@example.com SIP/2.0\r\n" FIELDS("INVITE") "l: 500\r\n\r\nv=0\r\n"),
      SIP_FAULT_NONE, 200, true },
    { "semicolons in the user [semiuri]",
      MESSAGE("OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0\r\n" FIELDS("OPTIONS") NO_BODY), SIP_FAULT_NONE,
      200, true },
    { "transports [transports]",
      MESSAGE("OPTIONS sip:user@example.com SIP/2.0\r\n" FIELDS(
          "OPTIONS") "Via: SIP/2.0/SCTP t2;branch=z9hG4bKklasjdhf\r\n"
                     "Via: SIP/2.0/TLS t3;branch=z9hG4bK2980unddj\r\nVia: SIP/2.0/UNKNOWN "
                     "t4;branch=z9hG4bKasd0f3en\r\n" NO_BODY),
      SIP_FAULT_NONE, 200, true },
    { "a phrase of other letters [unreason]",
      MESSAGE("SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\xd0\xbe \xd1\x81\r\n" FIELDS("INVITE") NO_BODY), SIP_FAULT_NONE, 200,
      false },
    { "no phrase [noreason]", MESSAGE("SIP/2.0 100 \r\n" FIELDS("INVITE") NO_BODY), SIP_FAULT_NONE, 200, false },

    /* 3.1.2, invalid */
    { "marks without parameters [badinv01]",
      MESSAGE(
          "INVITE sip:user@example.com SIP/2.0\r\nTo: sip:j.user@example.com\r\nFrom: sip:caller@example.net;tag=1\r\n"
          "Max-Forwards: 7\r\nCall-ID: badinv01.0\r\nCSeq: 8 INVITE\r\nVia: SIP/2.0/UDP 192.0.2.15;;,;,,\r\n"
          "Contact: \"Joe\" <sip:joe@example.org>;;;;\r\nContent-Length: 0\r\n\r\n"),
      SIP_FAULT_VIA, 400, true },
    { "Content-Length too large [clerr]",
      MESSAGE("INVITE sip:user@example.com SIP/2.0\r\n" FIELDS("INVITE") "Content-Length: 9999\r\n\r\nv=0\r\n"),
      SIP_FAULT_CUT, 400, true },
    { "Content-Length negative [ncl]",
      MESSAGE("INVITE sip:user@example.com SIP/2.0\r\n" FIELDS("INVITE") "Content-Length: -999\r\n\r\nv=0\r\n"),
      SIP_FAULT_CONTENT_LENGTH, 400, true },
    { "numbers too large, request [scalar02]",
      MESSAGE("REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/TCP host129.example.com;branch=z9hG4bK342sdfoi3\r\n"
              "To: <sip:user@example.com>\r\nFrom: <sip:user@example.com>;tag=239232jh3\r\n"
              "CSeq: 36893488147419103232 REGISTER\r\nCall-ID: scalar02.23o0pd9vanlq3wnrlnewofjas9ui32\r\n"
              "Max-Forwards: 300\r\nExpires: 1000000000000000000000000000000000\r\n"
              "Contact: <sip:user@host129.example.com>;expires=280297596632815\r\nContent-Length: 0\r\n\r\n"),
      SIP_FAULT_CSEQ, 400, true },
    { "numbers too large, response [scalarlg]",
      MESSAGE("SIP/2.0 503 Service Unavailable\r\nVia: SIP/2.0/TCP host129.example.com;branch=z9hG4bKzzxdiwo34sw\r\n"
              "To: <sip:user@example.com>\r\nFrom: <sip:other@example.net>;tag=2easdjfejw\r\n"
              "CSeq: 9292394834772304023312 OPTIONS\r\nCall-ID: scalarlg.noase0of0234hn2qofoaf0232aewf2394r\r\n"
              "Retry-After: 949302838503028349304023988\r\nWarning: 1812 overture \"In Progress\"\r\n"
              "Content-Length: 0\r\n\r\n"),
      SIP_FAULT_CSEQ, 400, false },
    { "quotes without end [quotbal]",
      MESSAGE("INVITE sip:user@example.com SIP/2.0\r\nTo: \"Mr. J. User <sip:j.user@example.com>\r\n"
              "From: sip:caller@example.net;tag=93334\r\nMax-Forwards: 10\r\nCall-ID: quotbal.aksdj\r\n"
              "CSeq: 8 INVITE\r\nVia: SIP/2.0/UDP 192.0.2.59:5050;branch=z9hG4bKkdjuw39234\r\n" NO_BODY),
      SIP_FAULT_FROM_TO, 400, true },
    { "brackets about the Request-URI [ltgtruri]",
      MESSAGE("INVITE <sip:user@example.com> SIP/2.0\r\n" FIELDS("INVITE") NO_BODY), SIP_FAULT_REQUEST_URI, 400, true },
    { "a blank in the Request-URI [lwsruri]",
      MESSAGE("INVITE sip:user@example.com; lr SIP/2.0\r\n" FIELDS("INVITE") NO_BODY), SIP_FAULT_REQUEST_URI, 400,
      true },
    { "blanks between the parts of the request line [lwsstart]",
      MESSAGE("INVITE  sip:user@example.com  SIP/2.0\r\n" FIELDS("INVITE") NO_BODY), SIP_FAULT_START_LINE, 400, true },
    { "blanks at its end [trws]", MESSAGE("OPTIONS sip:t@example.com SIP/2.0  \r\n" FIELDS("OPTIONS") NO_BODY),
      SIP_FAULT_START_LINE, 400, true },
    { "header fields in the Request-URI [escruri]",
      MESSAGE("INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0\r\n" FIELDS("INVITE") NO_BODY),
      SIP_FAULT_REQUEST_URI, 400, true },
    { "a Date of another zone is nobody's business [baddate]",
      MESSAGE(
          "INVITE sip:user@example.com SIP/2.0\r\n" FIELDS("INVITE") "Date: Fri, 01 Jan 2010 16:00:00 EST\r\n" NO_BODY),
      SIP_FAULT_NONE, 200, true },
    { "blanks in an address [badaspec]",
      MESSAGE(
          "OPTIONS sip:user@example.org SIP/2.0\r\nVia: SIP/2.0/UDP host4.example.com:5060;branch=z9hG4bKkdju43234\r\n"
          "Max-Forwards: 70\r\nFrom: \"Bell, Alexander\" <sip:a.g.bell@example.com>;tag=433423\r\n"
          "To: \"Watson, Thomas\" < sip:t.watson@example.org >\r\nCall-ID: badaspec.sdf0234n2nds0a099u23h3hnnw009\r\n"
          "CSeq: 3923423 OPTIONS\r\nContent-Length: 0\r\n\r\n"),
      SIP_FAULT_FROM_TO, 400, true },
    { "a comma in a display name [baddn]",
      MESSAGE("OPTIONS sip:t.watson@example.org SIP/2.0\r\nVia: SIP/2.0/UDP c.example.com:5060;branch=z9hG4bKkdjuw\r\n"
              "Max-Forwards: 70\r\nFrom: Bell, Alexander <sip:a.g.bell@example.com>;tag=43\r\n"
              "To: Watson, Thomas <sip:t.watson@example.org>\r\nCall-ID: baddn.31415@c.example.com\r\n"
              "CSeq: 3923239 OPTIONS\r\nContent-Length: 0\r\n\r\n"),
      SIP_FAULT_FROM_TO, 400, true },
    { "another version [badvers]",
      MESSAGE("OPTIONS sip:t.watson@example.org SIP/7.0\r\nVia: SIP/7.0/UDP c.example.com;branch=z9hG4bKkdjuw\r\n"
              "Max-Forwards: 70\r\nFrom: A. Bell <sip:a.g.bell@example.com>;tag=qweoiqpe\r\n"
              "To: T. Watson <sip:t.watson@example.org>\r\nCall-ID: badvers.31417@c.example.com\r\n"
              "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"),
      SIP_FAULT_VERSION, 505, true },
    { "the methods differ [mismatch01]", MESSAGE("OPTIONS sip:user@example.com SIP/2.0\r\n" FIELDS("INVITE") NO_BODY),
      SIP_FAULT_CSEQ, 400, true },
    { "and one is unknown [mismatch02]", MESSAGE("NEWMETHOD sip:user@example.com SIP/2.0\r\n" FIELDS("INVITE") NO_BODY),
      SIP_FAULT_CSEQ, 400, true },
    { "an overlarge status [bigcode]",
      MESSAGE("SIP/2.0 4294967301 better not break the receiver\r\n" FIELDS("INVITE") NO_BODY), SIP_FAULT_START_LINE,
      400, false },

    /* 3.3, application layer, as far as a parser is concerned */
    { "From, To and Call-ID are missing [insuf]",
      MESSAGE(
          "INVITE sip:user@example.com SIP/2.0\r\nCSeq: 193942 INVITE\r\n"
          "Via: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf\r\nContent-Type: application/sdp\r\nl: 3\r\n\r\nv=0"),
      SIP_FAULT_MISSING, 400, true },
    { "an unknown scheme [unkscm]",
      MESSAGE("OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0\r\n" FIELDS("OPTIONS") NO_BODY),
      SIP_FAULT_SCHEME, 416, true },
    { "another's scheme [novelsc]",
      MESSAGE("OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0\r\n" FIELDS("OPTIONS") NO_BODY), SIP_FAULT_SCHEME, 416,
      true },
    { "unknown schemes in To and From [unksm2]",
      MESSAGE(
          "REGISTER sip:example.com SIP/2.0\r\nTo: isbn:2983792873\r\nFrom: <http://www.example.com>;tag=3234233\r\n"
          "Call-ID: unksm2.daksdj@hyphenated-host.example.com\r\nCSeq: 234902 REGISTER\r\nMax-Forwards: 70\r\n"
          "Via: SIP/2.0/UDP 192.0.2.21:5060;branch=z9hG4bKkdjuw\r\nContact: <name:John_Smith>\r\nl: 0\r\n\r\n"),
      SIP_FAULT_NONE, 200, true },
    { "what stands once stands twice [multi01]",
      MESSAGE("INVITE sip:user@example.com SIP/2.0\r\n" FIELDS(
          "INVITE") "CSeq: 59 INVITE\r\nCall-ID: multi01.2\r\n"
                    "From: sip:other@example.net;tag=2\r\nTo: sip:c@example.com\r\nMax-Forwards: 5\r\n" NO_BODY),
      SIP_FAULT_REPEATED, 400, true },
    { "two lengths [mcl01]",
      MESSAGE("OPTIONS sip:user@example.com SIP/2.0\r\n" FIELDS(
          "OPTIONS") "Content-Length: 13\r\n"
                     "Content-Length: 5\r\n\r\nThere's no way to know how many octets are supposed to be here.\r\n"),
      SIP_FAULT_REPEATED, 400, true },
    { "a response to a broadcast's Via [bcast]",
      MESSAGE("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923\r\n"
              "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23\r\nCall-ID: "
              "bcast.0384840201234ksdfak3j2erwedfsASdf\r\n"
              "CSeq: 35 INVITE\r\nFrom: sip:user@example.com;tag=11141343\r\nTo: sip:user@example.edu;tag=2229\r\nl: "
              "0\r\n\r\n"),
      SIP_FAULT_NONE, 200, false },
    { "Max-Forwards 0 [zeromf]",
      MESSAGE(
          "OPTIONS sip:user@example.com SIP/2.0\r\nTo: sip:user@example.com\r\nFrom: sip:c@example.net;tag=3ghsd41\r\n"
          "Call-ID: zeromf.jfasdlfnm2o2l43r5u0asdfas\r\nCSeq: 39234321 OPTIONS\r\n"
          "Via: SIP/2.0/UDP host1.example.com;branch=z9hG4bKkdjuw2349i\r\nMax-Forwards: 0\r\nl: 0\r\n\r\n"),
      SIP_FAULT_NONE, 200, true },

    /* 3.4, from before RFC 3261 */
    { "RFC 2543 [inv2543]",
      MESSAGE("INVITE sip:UserB@example.com SIP/2.0\r\nVia: SIP/2.0/UDP iftgw.example.com\r\n"
              "From: <sip:+13035551111@ift.client.example.net;user=phone>\r\n"
              "Record-Route: <sip:UserB@example.com;maddr=ss1.example.com>\r\n"
              "To: sip:+16505552222@ss1.example.net;user=phone\r\nCall-ID: inv2543.1717@ift.client.example.com\r\n"
              "CSeq: 56 INVITE\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n"),
      SIP_FAULT_NONE, 200, true },
};

static void
test_rows(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct span bytes = span_of(rows[i].bytes.text, rows[i].bytes.length);
        g_autofree uint8_t *block = unit_exact(bytes);
        struct sip_message message;
        enum sip_fault fault = sip_message_decode(span_of(block, bytes.length), &message);

        CHECK_ROW_TEXT(rows[i].name, sip_fault_word(fault), sip_fault_word(rows[i].fault));
        CHECK_ROW_INT(rows[i].name, sip_fault_status(fault), rows[i].status);
        CHECK_ROW(rows[i].name, sip_message_answerable(&message) == rows[i].answerable);
    }
}

/* --- single values ---------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *value;
    bool sound;
} contact_rows[] = {
    { "a '?' without brackets [regbadct]", "sip:user@example.com?Route=%3Csip:sip.example.com%3E", false },
    { "and within [regescrt]", "<sip:user@example.com?Route=%3Csip:sip.example.com%3E>", true },
    { "a parameter of the field [cparam01]", "sip:+19725552222@gw1.example.net;unknownparam", true },
    { "and of the URI [cparam02]", "<sip:+19725552222@gw1.example.net;unknownparam>", true },
    { "empty parameters [badinv01]", "\"Joe\" <sip:joe@example.org>;;;;", false },
    { "a scheme that nobody knows [unksm2]", "<name:John_Smith>", true },
};

static void
test_contacts(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(contact_rows); i++) {
        struct sip_name_addr address;

        CHECK_ROW(contact_rows[i].name,
                  sip_name_addr_decode(span_of_text(contact_rows[i].value), &address) == contact_rows[i].sound);
    }
}

/* Each truncation of the two wildest ones: never a byte beyond, and always a fault up to the end of the head. */
static void
test_truncated(void)
{
    const struct bytes *const whole[] = { &tortuous, &wide };

    for (size_t i = 0; i < G_N_ELEMENTS(whole); i++)
        for (size_t length = 0; length < whole[i]->length; length++) {
            g_autofree uint8_t *block = unit_exact(span_of(whole[i]->text, length));
            struct sip_message message;

            CHECK_ROW("cut", sip_message_decode(span_of(block, length), &message) != SIP_FAULT_NONE);
        }
}

void
suite_sip_torture(void)
{
    UNIT_SUITE("sip_torture", NULL, NULL, { "a tortuous INVITE", test_tortuous }, { "all characters", test_wide },
               { "escapes", test_escapes }, { "long values", test_long }, { "several parts", test_multipart },
               { "one by one", test_rows }, { "contacts", test_contacts }, { "truncated", test_truncated });
}
