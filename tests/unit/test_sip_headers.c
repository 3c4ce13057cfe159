/* Single header values: RFC 3261 section 20, RFC 3581, RFC 7616. */
#include "tests/unit/support.h"

#include "proto/sip/headers.h"

#define CHECK_SPAN(row, got, expected) CHECK_ROW_BYTES(row, got, span_of_text(expected))

/* --- Via --------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *text, *transport, *host, *branch, *received, *maddr;
    unsigned port, rport, ttl;
    bool has_rport;
} via_rows[] = {
    { "SIP/2.0/UDP erlang.bell-telephone.com:5060;branch=z9hG4bK87asdks7", "UDP", "erlang.bell-telephone.com",
      "z9hG4bK87asdks7", NULL, "", 5060, 0, 0, false },
    { "SIP/2.0/UDP 192.0.2.1:5060 ;received=192.0.2.207 ;branch=z9hG4bK77asjd", "UDP", "192.0.2.1", "z9hG4bK77asjd",
      "192.0.2.207", "", 5060, 0, 0, false },
    { "SIP / 2.0 / UDP first.example.com: 4000;ttl=16 ;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8dlze.1", "UDP",
      "first.example.com", "z9hG4bKa7c6a8dlze.1", NULL, "224.2.0.1", 4000, 0, 16, false },
    { "SIP/2.0/UDP 10.1.1.1:4540;rport;branch=z9hG4bKkjshdyff", "UDP", "10.1.1.1", "z9hG4bKkjshdyff", NULL, "", 4540, 0,
      0, true }, /* RFC 3581 section 6 */
    { "SIP/2.0/UDP 10.1.1.1:4540;received=192.0.2.1;rport=9988;branch=z9hG4bKkjshdyff", "UDP", "10.1.1.1",
      "z9hG4bKkjshdyff", "192.0.2.1", "", 4540, 9988, 0, true },
    { "SIP/2.0/TCP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKas3-111", "TCP", "2001:db8::9:1",
      "z9hG4bKas3-111", "2001:db8::9:255", "", 0, 0, 0, false }, /* RFC 5118 section 4.5 */
    { "SIP/2.0/TCP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3", "TCP", "2001:db8::9:1", "z9hG4bKas3",
      "2001:db8::9:255", "", 0, 0, 0, false },
    { "SIP  /\r\n 2.0 /UDP\r\n    192.0.2.2;branch=\r\n 390skdjuw", "UDP", "192.0.2.2", "390skdjuw", NULL, "", 0, 0, 0,
      false },
    { "sip/2.0/tls a", "tls", "a", "", NULL, "", 0, 0, 0, false },
    { "SIP/2.0/UNKNOWN t4.example.com", "UNKNOWN", "t4.example.com", "", NULL, "", 0, 0, 0, false },
    { "SIP/7.0/UDP c.example.com", "UDP", "c.example.com", "", NULL, "", 0, 0, 0, false },
    { "SIP/2.0/UDP a;received=name.example;hidden;x=\"y;branch=z\"", "UDP", "a", "", NULL, "", 0, 0, 0, false },
};

static void
test_via(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(via_rows); i++) {
        const char *name = via_rows[i].text;
        g_autofree uint8_t *block = unit_exact(span_of_text(name));
        struct sip_via via;
        char text[ADDRESS_TEXT];

        if (!CHECK_ROW(name, sip_via_decode(span_of(block, strlen(name)), &via)))
            continue;
        CHECK_SPAN(name, via.text, name);
        CHECK_SPAN(name, via.transport_text, via_rows[i].transport);
        CHECK_ROW(name, via.transport == sip_transport_of(via.transport_text));
        CHECK_SPAN(name, via.sent_by.host, via_rows[i].host);
        CHECK_SPAN(name, via.branch, via_rows[i].branch);
        CHECK_SPAN(name, via.maddr, via_rows[i].maddr);
        CHECK_ROW_INT(name, via.sent_by.port, via_rows[i].port);
        CHECK_ROW_INT(name, via.rport, via_rows[i].rport);
        CHECK_ROW_INT(name, via.ttl, via_rows[i].ttl);
        CHECK_ROW(name, via.has_rport == via_rows[i].has_rport);
        if (via_rows[i].received)
            CHECK_ROW_TEXT(name, address_format(via.received, text), via_rows[i].received);
        else
            CHECK_ROW(name, address_is_none(via.received));
    }
}

static const char *const refused_vias[] = {
    "",
    "SIP/2.0/UDP",
    "SIP/2.0/UDP ",
    "SIP/2.0/UDP ;branch=a",
    "SIP/2.0 UDP a",
    "SIP/2.0/ a",
    "SIP//UDP a",
    "HTTP/2.0/UDP a",
    "SIP/2.0/UDPa",
    "SIP/2.0/UDP a b",
    "SIP/2.0/UDP a:",
    "SIP/2.0/UDP a:0",
    "SIP/2.0/UDP a:65536",
    "SIP/2.0/UDP a:50 60",
    "SIP/2.0/UDP 192.0.2.256",
    "SIP/2.0/UDP [2001:db8::1",
    "SIP/2.0/UDP 2001:db8::1",
    "SIP/2.0/UDP 192.0.2.15;;,;,,", /* RFC 4475 section 3.1.2.1 */
    "SIP/2.0/UDP a;",
    "SIP/2.0/UDP a;branch=",
    "SIP/2.0/UDP a;branch",
    "SIP/2.0/UDP a;received",
    "SIP/2.0/UDP a;maddr=\"\"",
    "SIP/2.0/UDP a;branch=x;branch=y", /* section 7.3.1 */
    "SIP/2.0/UDP a;rport;rport",
    "SIP/2.0/UDP a;rport=0",
    "SIP/2.0/UDP a;rport=70000",
    "SIP/2.0/UDP a;rport=x",
    "SIP/2.0/UDP a;received=192.0.2.1;received=192.0.2.2",
    "SIP/2.0/UDP a;ttl=256",
    "SIP/2.0/UDP a;ttl",
    "SIP/2.0/UDP a,b",
};

static void
test_via_refused(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(refused_vias); i++) {
        g_autofree uint8_t *block = unit_exact(span_of_text(refused_vias[i]));
        struct sip_via via;

        CHECK_ROW(refused_vias[i], !sip_via_decode(span_of(block, strlen(refused_vias[i])), &via));
    }
}

/* Where an ALG writes the port: at the value, or at the end of the name. */
static void
test_via_places(void)
{
    struct span text = span_of_text("SIP/2.0/UDP 10.0.0.2:5060;rport;branch=z9hG4bK1;received=1.2.3.4");
    struct sip_via via;

    CHECK(sip_via_decode(text, &via));
    CHECK(via.rport_text.length == 0 && via.rport_text.bytes == text.bytes + strlen("SIP/2.0/UDP 10.0.0.2:5060;rport"));
    CHECK(via.sent_by.host_port.bytes == text.bytes + 12 && via.sent_by.host_port.length == 13);
    CHECK_SPAN("received", via.received_text, "1.2.3.4");
}

/* --- addresses --------------------------------------------------------------------------------------------------- */

static const struct {
    const char *text, *display, *uri, *parameters, *tag;
    bool brackets;
} address_rows[] = {
    { "\"A. G. Bell\" <sip:agb@bell-telephone.com> ;tag=a48s", "\"A. G. Bell\"", "sip:agb@bell-telephone.com",
      ";tag=a48s", "a48s", true },
    { "sip:+12125551212@server.phone2net.com;tag=887s", "", "sip:+12125551212@server.phone2net.com", ";tag=887s",
      "887s", false },
    { "Anonymous <sip:c8oqz84zk7z@privacy.org>;tag=hyh8", "Anonymous", "sip:c8oqz84zk7z@privacy.org", ";tag=hyh8",
      "hyh8", true },
    { "caller<sip:caller@example.com>;tag=323", "caller", "sip:caller@example.com", ";tag=323", "323", true },
    { "The Operator <sip:operator@cs.columbia.edu>;tag=287447", "The Operator", "sip:operator@cs.columbia.edu",
      ";tag=287447", "287447", true },
    { "<sip:alice@atlanta.com;transport=tcp;lr>", "", "sip:alice@atlanta.com;transport=tcp;lr", "", "", true },
    { "sip:a@example.com;transport=tcp", "", "sip:a@example.com", ";transport=tcp", "", false },
    { "\"Mr. Watson\" <sip:watson@worcester.bell-telephone.com>\r\n ;q=0.7; expires=3600", "\"Mr. Watson\"",
      "sip:watson@worcester.bell-telephone.com", ";q=0.7; expires=3600", "", true },
    { "\"J Rosenberg \\\\\\\"\"       <sip:jdrosen@example.com>\r\n  ;\r\n  tag = 98asjd8", "\"J Rosenberg \\\\\\\"\"",
      "sip:jdrosen@example.com", ";\r\n  tag = 98asjd8", "98asjd8", true },
    { "\"a <b>, c\"<sip:a@b.example>", "\"a <b>, c\"", "sip:a@b.example", "", "", true },
    { "\"\xd1\x80\"<sip:a@b.example>", "\"\xd1\x80\"", "sip:a@b.example", "", "", true },
    { "<tel:+12125551212>;tag=1", "", "tel:+12125551212", ";tag=1", "1", true },
    { "isbn:2983792873", "", "isbn:2983792873", "", "", false },
    { "<sip:a@b.example?Route=%3Csip:c.example%3E>", "", "sip:a@b.example?Route=%3Csip:c.example%3E", "", "", true },
    { " \t<sip:a@b.example>\r\n ", "", "sip:a@b.example", "", "", true },
};

static void
test_address(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(address_rows); i++) {
        const char *name = address_rows[i].text;
        g_autofree uint8_t *block = unit_exact(span_of_text(name));
        struct sip_name_addr address;

        if (!CHECK_ROW(name, sip_name_addr_decode(span_of(block, strlen(name)), &address)))
            continue;
        CHECK_ROW(name, !address.star);
        CHECK_ROW(name, address.brackets == address_rows[i].brackets);
        CHECK_SPAN(name, address.display, address_rows[i].display);
        CHECK_SPAN(name, address.uri.text, address_rows[i].uri);
        CHECK_SPAN(name, address.parameters.text, address_rows[i].parameters);
        CHECK_SPAN(name, address.tag, address_rows[i].tag);
    }
}

static void
test_star(void)
{
    struct sip_name_addr address;

    CHECK(sip_name_addr_decode(span_of_text(" * "), &address) && address.star);
    CHECK(!sip_name_addr_decode(span_of_text("*;expires=0"), &address));
}

static const char *const refused_addresses[] = {
    "",
    "Alice",
    "Alice sip:alice@example.com",
    "\"Alice\" sip:alice@example.com",
    "Bell, Alexander <sip:a.g.bell@example.com>;tag=43",    /* RFC 4475 section 3.1.2.15 */
    "\"Mr. J. User <sip:j.user@example.com>",               /* 3.1.2.6 */
    "\"Watson, Thomas\" < sip:t.watson@example.org >",      /* 3.1.2.14 */
    "sip:user@example.com?Route=%3Csip:sip.example.com%3E", /* 3.1.2.13 */
    "<sip:a@b.example",
    "sip:a@b.example>",
    "<sip:a@b.example>tag=1",
    "<sip:a@b.example>;",
    "<sip:a@b.example>;tag=1;tag=2",
    "<sip:a@b.example>;tag=",
    "<sip:a@b.example>;tag",
    "<sip:a@b.example>;tag=\"\"",
    "<sip:a@b.example>;tag=\"1",
    "<sip:a@b.example>, <sip:c@b.example>",
    "<>",
    "<<sip:a@b.example>>",
    "sip:a@b.example,c",
    "\xd1\x80<sip:a@b.example>",
    "\"a\x01\"<sip:a@b.example>",
};

static void
test_address_refused(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(refused_addresses); i++) {
        g_autofree uint8_t *block = unit_exact(span_of_text(refused_addresses[i]));
        struct sip_name_addr address;

        CHECK_ROW(refused_addresses[i], !sip_name_addr_decode(span_of(block, strlen(refused_addresses[i])), &address));
    }
}

/* --- CSeq and numbers -------------------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    bool sound;
    uint32_t number;
    const char *method;
} cseq_rows[] = {
    { "4711 INVITE", true, 4711, "INVITE" },
    { "0009\r\n  INVITE", true, 9, "INVITE" },
    { "2147483647 X", true, INT32_MAX, "X" },
    { "0 OPTIONS", true, 0, "OPTIONS" },
    { "2147483648 INVITE", false, 0, "" }, /* section 8.1.1.5 */
    { "36893488147419103232 REGISTER", false, 0, "" },
    { "4711", false, 0, "" },
    { "4711 ", false, 0, "" },
    { "INVITE", false, 0, "" },
    { "4711INVITE", false, 0, "" },
    { "-1 INVITE", false, 0, "" },
    { "1 INVITE x", false, 0, "" },
    { "1 <INVITE>", false, 0, "" },
    { "", false, 0, "" },
};

static void
test_cseq(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cseq_rows); i++) {
        const char *name = cseq_rows[i].text;
        uint32_t number = 0;
        struct span method = span_of_text("");

        if (!CHECK_ROW(name, sip_cseq_decode(span_of_text(name), &number, &method) == cseq_rows[i].sound) ||
            !cseq_rows[i].sound)
            continue;
        CHECK_ROW_INT(name, number, cseq_rows[i].number);
        CHECK_SPAN(name, method, cseq_rows[i].method);
    }
}

static const struct {
    const char *text;
    uint32_t most;
    int64_t number; /* -1: refused */
} number_rows[] = {
    { "0", 255, 0 },
    { "0068", 255, 68 },
    { "255", 255, 255 },
    { "256", 255, -1 },
    { "", 255, -1 },
    { "-1", 255, -1 },
    { "+1", 255, -1 },
    { "1 2", 255, -1 },
    { " 7\r\n\t", 255, 7 },
    { "0x1", 255, -1 },
    { "4294967295", UINT32_MAX, 4294967295 },
    { "4294967296", UINT32_MAX, -1 },
    { "18446744073709551617", UINT32_MAX, -1 },
};

static void
test_numbers(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(number_rows); i++) {
        uint32_t number = 0;
        bool sound = sip_number_decode(span_of_text(number_rows[i].text), number_rows[i].most, &number);

        CHECK_ROW_INT(number_rows[i].text, sound ? (int64_t)number : -1, number_rows[i].number);
    }
}

/* --- of a message ------------------------------------------------------------------------------------------------ */

#define HEAD                                                                                                           \
    "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nTo: <sip:a@b>\r\nFrom: <sip:a@b>;tag=1\r\n"             \
    "Call-ID: x\r\nCSeq: 1 REGISTER\r\n"

static const struct {
    const char *name, *expires, *contact;
    uint32_t seconds;
} expires_rows[] = {
    { "neither", NULL, "<sip:a@c>", 1800 },
    { "parameter", NULL, "<sip:a@c>;expires=60", 60 },
    { "header", "120", "<sip:a@c>", 120 },
    { "both", "120", "<sip:a@c>;expires=60", 60 },
    { "zero", "120", "<sip:a@c>;expires=0", 0 },
    { "a URI's is none", NULL, "<sip:a@c;expires=60>", 1800 },
    { "malformed header (20.19)", "Thu, 01 Dec 1994", "<sip:a@c>", 3600 },
    { "malformed parameter", "120", "<sip:a@c>;expires=x", 3600 },
    { "too large", NULL, "<sip:a@c>;expires=280297596632815", 3600 },
    { "the largest", NULL, "<sip:a@c>;expires=4294967295", UINT32_MAX },
};

static void
test_expires(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(expires_rows); i++) {
        const char *name = expires_rows[i].name;
        g_autofree char *text = g_strdup_printf(HEAD "%s%s%s\r\n", expires_rows[i].expires ? "Expires: " : "",
                                                expires_rows[i].expires ? expires_rows[i].expires : "",
                                                expires_rows[i].expires ? "\r\n" : "");
        struct sip_message message;
        struct sip_name_addr contact;

        CHECK_ROW_INT(name, sip_message_decode(span_of_text(text), &message), SIP_FAULT_NONE);
        CHECK_ROW(name, sip_name_addr_decode(span_of_text(expires_rows[i].contact), &contact));
        CHECK_ROW_INT(name, sip_contact_expires(&message, &contact, 1800), expires_rows[i].seconds);
    }
}

static const struct {
    const char *header;
    bool sdp;
} content_rows[] = {
    { "Content-Type: application/sdp", true },
    { "c: Application/SDP", true },
    { "c: application / sdp ; charset=utf-8", true },
    { "Content-Type: application/sdp;x", true },
    { "Content-Type: application/sdpx", false },
    { "Content-Type: application", false },
    { "Content-Type: text/sdp", false },
    { "Content-Type: application/sdp x", false },
    { "Content-Type:", false },
    { "X: application/sdp", false },
};

static void
test_content(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(content_rows); i++) {
        g_autofree char *text = g_strdup_printf(HEAD "%s\r\n\r\n", content_rows[i].header);
        struct sip_message message;

        CHECK_ROW_INT(content_rows[i].header, sip_message_decode(span_of_text(text), &message), SIP_FAULT_NONE);
        CHECK_ROW(content_rows[i].header, sip_content_is(&message, "application/sdp") == content_rows[i].sdp);
    }
}

/* --- challenges and credentials ---------------------------------------------------------------------------------- */

static void
test_credentials(void)
{
    struct sip_digest_fields fields;

    CHECK(sip_digest_decode(span_of_text("Digest username=\"Alice\", realm=\"atlanta.com\",\r\n nonce=\"84a4cc6f\" , "
                                         "response = \"7587245234b3434cc3412213e5f113a5432\", uri=\"sip:a;b,c\","
                                         "qop=auth,nc=00000001,cnonce=\"0a\\\"4f\",algorithm=MD5,opaque=\"\",x=y"),
                            &fields));
    CHECK_SPAN("username", fields.username, "Alice");
    CHECK_SPAN("realm", fields.realm, "atlanta.com");
    CHECK_SPAN("nonce", fields.nonce, "84a4cc6f");
    CHECK_SPAN("response", fields.response, "7587245234b3434cc3412213e5f113a5432");
    CHECK_SPAN("uri", fields.uri, "sip:a;b,c");
    CHECK_SPAN("qop", fields.qop, "auth");
    CHECK_SPAN("nc", fields.nc, "00000001");
    CHECK_SPAN("cnonce", fields.cnonce, "0a\\\"4f");
    CHECK_SPAN("algorithm", fields.algorithm, "MD5");
    CHECK(fields.opaque.length == 0 && fields.opaque.bytes && !fields.stale);
}

static void
test_challenge(void)
{
    struct sip_digest_fields fields;

    CHECK(sip_digest_decode(span_of_text("digest realm=\"atlanta.com\", domain=\"sip:boxesbybob.com\", "
                                         "qop=\"auth,auth-int\", nonce=\"f84f1cec41e6cbe5aea9c8e88d359\", "
                                         "opaque=\"\", stale=TRUE, algorithm=MD5"),
                            &fields));
    CHECK_SPAN("qop", fields.qop, "auth,auth-int");
    CHECK(fields.stale && !fields.username.bytes);
}

static const char *const refused_digests[] = {
    "",
    "Digest",
    "Digest ",
    "Basic realm=\"a\"",
    "NoOneKnowsThisScheme opaque-data=here", /* RFC 4475 section 3.3.7 */
    "Digest realm",
    "Digest realm=",
    "Digest realm=\"a",
    "Digest realm=\"a\" nonce=\"b\"",
    "Digest realm=\"a\",",
    "Digest realm=\"a\",,nonce=\"b\"",
    "Digest realm=\"a\", realm=\"b\"",
    "Digest realm=\"a\", Digest realm=\"b\"",
    "Digestrealm=\"a\"",
};

static void
test_digest_refused(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(refused_digests); i++) {
        struct sip_digest_fields fields;

        CHECK_ROW(refused_digests[i], !sip_digest_decode(span_of_text(refused_digests[i]), &fields));
    }
}

void
suite_sip_headers(void)
{
    UNIT_SUITE("sip_headers", NULL, NULL, { "Via", test_via }, { "Via refused", test_via_refused },
               { "places in a Via", test_via_places }, { "addresses", test_address }, { "Contact: *", test_star },
               { "addresses refused", test_address_refused }, { "CSeq", test_cseq }, { "numbers", test_numbers },
               { "expiry of a Contact", test_expires }, { "Content-Type", test_content },
               { "credentials", test_credentials }, { "challenge", test_challenge },
               { "digest refused", test_digest_refused });
}
