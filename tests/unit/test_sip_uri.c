/* SIP URIs: RFC 3261 section 19.1. */
#include "tests/unit/support.h"

#include "proto/sip/uri.h"

#define CHECK_SPAN(row, got, expected) CHECK_ROW_BYTES(row, got, span_of_text(expected))

/* Decodes from a block that ends where the text does. */
static bool
decode(const char *text, struct sip_uri *uri, uint8_t **block)
{
    struct span bytes = span_of_text(text);

    *block = unit_exact(bytes);
    return sip_uri_decode(span_of(*block, bytes.length), uri);
}

/* --- parts ------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    const char *scheme, *user, *password, *host, *host_port, *parameters, *headers;
    unsigned port;
    bool has_user, numeric;
} part_rows[] = {
    /* the examples of section 19.1.3 */
    { "sip:alice@atlanta.com", "sip", "alice", "", "atlanta.com", "atlanta.com", "", "", 0, true, false },
    { "sip:alice:secretword@atlanta.com;transport=tcp", "sip", "alice", "secretword", "atlanta.com", "atlanta.com",
      ";transport=tcp", "", 0, true, false },
    { "sips:alice@atlanta.com?subject=project%20x&priority=urgent", "sips", "alice", "", "atlanta.com", "atlanta.com",
      "", "subject=project%20x&priority=urgent", 0, true, false },
    { "sip:+1-212-555-1212:1234@gateway.com;user=phone", "sip", "+1-212-555-1212", "1234", "gateway.com", "gateway.com",
      ";user=phone", "", 0, true, false },
    { "sips:1212@gateway.com", "sips", "1212", "", "gateway.com", "gateway.com", "", "", 0, true, false },
    { "sip:alice@192.0.2.4", "sip", "alice", "", "192.0.2.4", "192.0.2.4", "", "", 0, true, true },
    { "sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com", "sip", "", "", "atlanta.com", "atlanta.com",
      ";method=REGISTER", "to=alice%40atlanta.com", 0, false, false },
    { "sip:alice;day=tuesday@atlanta.com", "sip", "alice;day=tuesday", "", "atlanta.com", "atlanta.com", "", "", 0,
      true, false },
    /* and others */
    { "SIP:alice@example.com:5070", "SIP", "alice", "", "example.com", "example.com:5070", "", "", 5070, true, false },
    { "sip:[2001:db8::10]", "sip", "", "", "2001:db8::10", "[2001:db8::10]", "", "", 0, false, true },
    { "sip:alice@[2001:db8::10]:5070;lr", "sip", "alice", "", "2001:db8::10", "[2001:db8::10]:5070", ";lr", "", 5070,
      true, true },
    { "sip:[2001:db8::9:1]:5060;lr?a=b", "sip", "", "", "2001:db8::9:1", "[2001:db8::9:1]:5060", ";lr", "a=b", 5060,
      false, true },
    { "sip:@example.com", "sip", "", "", "example.com", "example.com", "", "", 0, true, false },
    { "sip:user?a/b;c,d$e&f=g+h@example.com", "sip", "user?a/b;c,d$e&f=g+h", "", "example.com", "example.com", "", "",
      0, true, false },
    { "sip:%00@host5.example.com", "sip", "%00", "", "host5.example.com", "host5.example.com", "", "", 0, true, false },
    { "sip:a_b.example.com", "sip", "", "", "a_b.example.com", "a_b.example.com", "", "", 0, false, false },
    { "sip:example.com.", "sip", "", "", "example.com.", "example.com.", "", "", 0, false, false },
    { "sip:example.com;flow=Zm9v/YmFy+==", "sip", "", "", "example.com", "example.com", ";flow=Zm9v/YmFy+==", "", 0,
      false, false },
    { "sip:1.2.3.4.example.com", "sip", "", "", "1.2.3.4.example.com", "1.2.3.4.example.com", "", "", 0, false, false },
};

static void
test_parts(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(part_rows); i++) {
        const char *name = part_rows[i].text;
        g_autofree uint8_t *block = NULL;
        struct sip_uri uri;

        if (!CHECK_ROW(name, decode(name, &uri, &block)))
            continue;
        CHECK_ROW(name, uri.sip);
        CHECK_SPAN(name, uri.text, name);
        CHECK_SPAN(name, uri.scheme, part_rows[i].scheme);
        CHECK_ROW(name, uri.secure == (uri.scheme.length == 4));
        CHECK_SPAN(name, uri.user, part_rows[i].user);
        CHECK_SPAN(name, uri.password, part_rows[i].password);
        CHECK_SPAN(name, uri.at.host, part_rows[i].host);
        CHECK_SPAN(name, uri.at.host_port, part_rows[i].host_port);
        CHECK_SPAN(name, uri.parameters.text, part_rows[i].parameters);
        CHECK_SPAN(name, uri.headers, part_rows[i].headers);
        CHECK_ROW_INT(name, uri.at.port, part_rows[i].port);
        CHECK_ROW(name, uri.has_user == part_rows[i].has_user);
        CHECK_ROW(name, address_is_none(uri.at.address) != part_rows[i].numeric);
    }
}

static const char *const other_rows[] = { "tel:+12125551212", "http://example.com/a?b", "urn:uuid:f81d4fae-7dec-11d0",
                                          "soap.beep://192.0.2.103:3002",
                                          "nobodyKnowsThisScheme:totallyopaquecontent" };

static void
test_other_schemes(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(other_rows); i++) {
        g_autofree uint8_t *block = NULL;
        struct sip_uri uri;
        struct endpoint endpoint;

        CHECK_ROW(other_rows[i], decode(other_rows[i], &uri, &block));
        CHECK_ROW(other_rows[i], !uri.sip && uri.scheme.length > 0);
        CHECK_SPAN(other_rows[i], uri.text, other_rows[i]);
        CHECK_ROW(other_rows[i], !sip_uri_endpoint(&uri, &endpoint));
    }
}

static const char *const refused_rows[] = {
    "",
    "sip",
    "sip:",
    ":a@b",
    "1sip:a@b",
    "tel:",
    "sip:alice@",
    "sip:alice@:5060",
    "sip:alice@example.com:",
    "sip:alice@example.com:0",
    "sip:alice@example.com:65536",
    "sip:alice@example.com:5060x",
    "sip:alice@exam ple.com",
    "sip: alice@example.com",
    "sip:alice@example.com ",
    "sip:alice@example.com :5060",
    "sip:alice@example.com; lr",
    "sip:alice@@example.com",
    "sip:al[ice@example.com",
    "sip:al%ice@example.com",
    "sip:al%2@example.com",
    "sip:alice@example.com;x=%",
    "sip:alice@example.com;x=%0g",
    "sip:alice@example.com;",
    "sip:alice@example.com;;lr",
    "sip:alice@example.com;=x",
    "sip:alice@example.com;x=",
    "sip:alice@example.com;x=a=\"b\"",
    "sip:alice@example.com;x=\"b\"",
    "sip:alice@example.com?",
    "sip:alice@300.0.2.1",
    "sip:alice@192.0.2",
    "sip:alice@192.0.02.1",
    "sip:alice@[2001:db8::1",
    "sip:alice@2001:db8::1",
    "sip:alice@[192.0.2.1]",
    "sip:alice@[]",
    "sip:alice@[2001:db8::1]5060",
    "sip:<alice@example.com>",
    "sip:alice@example.com\r\n",
    "sip:alic\xc3\xa9@example.com",
    "<sip:alice@example.com>",
};

static void
test_refused(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(refused_rows); i++) {
        g_autofree uint8_t *block = NULL;
        struct sip_uri uri;

        CHECK_ROW(refused_rows[i], !decode(refused_rows[i], &uri, &block));
    }
}

/* Whatever is cut off: what is left is decoded as what it is, or refused, and no byte beyond it is looked at. */
static void
test_truncated(void)
{
    static const char whole[] = "sip:alice;x:pw%41@[2001:db8::10]:5070;transport=tcp;lr?Subject=x%20y&To=a";

    for (size_t length = 0; length < sizeof whole; length++) {
        g_autofree uint8_t *block = unit_exact(span_of(whole, length));
        struct sip_uri uri;

        if (sip_uri_decode(span_of(block, length), &uri))
            CHECK(uri.text.length == length);
    }
}

/* --- hosts ------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    bool sound;
    const char *host, *address;
    unsigned port;
} host_rows[] = {
    { "192.0.2.1", true, "192.0.2.1", "192.0.2.1", 0 },
    { "192.0.2.1:5060", true, "192.0.2.1", "192.0.2.1", 5060 },
    { "example.com : 5070", true, "example.com", NULL, 5070 }, /* COLON of a Via has blanks around it */
    { "[2001:db8::1]:1", true, "2001:db8::1", "2001:db8::1", 1 },
    { "[::ffff:192.0.2.1]", true, "::ffff:192.0.2.1", "192.0.2.1", 0 },
    { "255.255.255.255", true, "255.255.255.255", "255.255.255.255", 0 },
    { "256.0.0.1", false, NULL, NULL, 0 },
    { "1.2.3", false, NULL, NULL, 0 },
    { "1.2.3.4.5", false, NULL, NULL, 0 },
    { "1..2.3", false, NULL, NULL, 0 },
    { "01.2.3.4", false, NULL, NULL, 0 },
    { "1.2.3.0004", false, NULL, NULL, 0 },
    { "5060", false, NULL, NULL, 0 },
    { "a:b", false, NULL, NULL, 0 },
    { ":5060", false, NULL, NULL, 0 },
    { "a:70000", false, NULL, NULL, 0 },
    { "a b", false, NULL, NULL, 0 },
    { "", false, NULL, NULL, 0 },
};

static void
test_hosts(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(host_rows); i++) {
        const char *name = host_rows[i].text;
        struct sip_host host;
        char text[ADDRESS_TEXT];

        if (!CHECK_ROW(name, sip_host_decode(span_of_text(name), &host) == host_rows[i].sound) || !host_rows[i].sound)
            continue;
        CHECK_SPAN(name, host.host, host_rows[i].host);
        CHECK_SPAN(name, host.host_port, name);
        CHECK_ROW_INT(name, host.port, host_rows[i].port);
        if (host_rows[i].address)
            CHECK_ROW_TEXT(name, address_format(host.address, text), host_rows[i].address);
        else
            CHECK_ROW(name, address_is_none(host.address));
    }
}

/* --- parameters -------------------------------------------------------------------------------------------------- */

static const struct {
    const char *text, *name, *value; /* value NULL: it isn't there */
} parameter_rows[] = {
    { ";lr", "lr", "" },
    { ";LR", "lr", "" },
    { ";%6C%72", "lr", "" },
    { ";lr=on", "lr", "on" },
    { ";a=b;transport=TCP", "Transport", "TCP" },
    { "; a = b ;\r\n c\t=\r\n d", "c", "d" },
    { ";q=0.5;x=\"a;tag=1\";tag=2", "tag", "2" },
    { ";x=\"a \\\"b\\\" c\"", "x", "a \\\"b\\\" c" },
    { ";x=\"\"", "x", "" },
    { ";+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>\";reg-id=1", "+sip.instance",
      "<urn:uuid:00000000-0000-1000-8000-000A95A0E128>" },
    { ";maddr=[2001:db8::1]", "maddr", "[2001:db8::1]" },
    { "", "lr", NULL },
    { ";lrx", "lr", NULL },
    { ";x=lr", "lr", NULL },
};

static void
test_parameters(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(parameter_rows); i++) {
        const char *name = parameter_rows[i].text;
        struct sip_parameters parameters = { span_of_text(name) };
        struct span value;
        bool found = sip_parameter(parameters, parameter_rows[i].name, &value);

        CHECK_ROW(name, found == (parameter_rows[i].value != NULL));
        CHECK_ROW(name, sip_parameters_sound(parameters));
        if (found && parameter_rows[i].value)
            CHECK_SPAN(name, value, parameter_rows[i].value);
    }
}

static const char *const broken_rows[] = {
    ";",   ";;",      "lr",      ";a;",     ";a b", ";a=",      ";a=;b",       ";a=\"b",        ";a=\"b\"c",
    ";=b", ";a=\"\\", ";a==\"b", ";a=\x01", ";a,b", ";\"a\"=b", ";a=\"\x01\"", ";a=\"\\\x80\"", ";a=\"\\\r\n \""
};

static void
test_broken_parameters(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(broken_rows); i++) {
        struct sip_parameters parameters = { span_of_text(broken_rows[i]) };

        CHECK_ROW(broken_rows[i], !sip_parameters_sound(parameters));
    }
}

static void
test_parameter_places(void)
{
    struct span text = span_of_text(";rport;branch=z9"), left = text, name, value;

    CHECK(sip_parameter_next(&left, &name, &value));
    CHECK(value.length == 0 && value.bytes == text.bytes + 6); /* where "=5060" would go */
    CHECK(sip_parameter_next(&left, &name, &value));
    CHECK(value.bytes == text.bytes + 14);
    CHECK(!sip_parameter_next(&left, &name, &value) && left.length == 0);
}

/* --- equality ---------------------------------------------------------------------------------------------------- */

static const struct {
    const char *a, *b;
    bool equal;
} equal_rows[] = {
    /* the examples of section 19.1.4 */
    { "sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true },
    { "sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true },
    { "sip:carol@chicago.com", "sip:carol@chicago.com;security=on", true },
    { "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
      "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com", true },
    { "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
      "sip:alice@atlanta.com?priority=urgent&subject=project%20x", true },
    { "SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false },
    { "sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false },
    { "sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false },
    { "sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false },
    { "sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false },
    { "sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false },
    { "sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false },
    /* and others */
    { "sip:a@example.com", "sips:a@example.com", false },
    { "sip:a@example.com", "sip:example.com", false },
    { "sip:a:b@example.com", "sip:a:c@example.com", false },
    { "sip:a%2cb@example.com", "sip:a,b@example.com", false }, /* ',' is reserved */
    { "sip:a%2cb@example.com", "sip:a%2Cb@example.com", true },
    { "sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0::1]", true },
    { "sip:a@[2001:db8::1]", "sip:a@[2001:db8::2]", false },
    { "sip:a@example.com;user=phone", "sip:a@example.com", false },
    { "sip:a@example.com;ttl=1", "sip:a@example.com", false },
    { "sip:a@example.com;maddr=192.0.2.1", "sip:a@example.com", false },
    { "sip:a@example.com;m%61ddr=192.0.2.1", "sip:a@example.com;maddr=192.0.2.1", true },
    { "sip:a@example.com;x=%41", "sip:a@example.com;x=a", true },
    { "sip:a@example.com?a=b&c=d", "sip:a@example.com?a=b", false },
    { "sip:a@example.com?a=b", "sip:a@example.com?a=c", false },
    { "tel:+1", "tel:+1", true },
    { "tel:+1", "tel:+2", false },
    { "tel:+1", "sip:+1@example.com", false },
};

static void
test_equal(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(equal_rows); i++) {
        struct sip_uri a, b;

        CHECK_ROW(equal_rows[i].a, sip_uri_decode(span_of_text(equal_rows[i].a), &a));
        CHECK_ROW(equal_rows[i].b, sip_uri_decode(span_of_text(equal_rows[i].b), &b));
        CHECK_ROW(equal_rows[i].b, sip_uri_equal(&a, &b) == equal_rows[i].equal);
        CHECK_ROW(equal_rows[i].b, sip_uri_equal(&b, &a) == equal_rows[i].equal);
        CHECK_ROW(equal_rows[i].a, sip_uri_equal(&a, &a));
    }
}

/* A peer's URI of thousands of parameters is compared byte for byte, not each with each. */
static void
test_equal_limit(void)
{
    GString *one = g_string_new("sip:a@example.com"), *other = g_string_new("sip:a@EXAMPLE.com");
    struct sip_uri a, b;

    for (unsigned i = 1; i <= SIP_URI_PARTS + 1; i++) {
        g_string_append(one, ";p");
        g_string_append(other, ";p");
        CHECK(sip_uri_decode(span_of(one->str, one->len), &a) && sip_uri_decode(span_of(other->str, other->len), &b));
        CHECK(sip_uri_equal(&a, &b) == (i <= SIP_URI_PARTS));
        CHECK(sip_uri_equal(&a, &a));
    }
    g_string_free(one, TRUE);
    g_string_free(other, TRUE);
}

/* --- where a request goes ---------------------------------------------------------------------------------------- */

static const struct {
    const char *text, *endpoint; /* NULL: a name */
    enum sip_transport transport;
} endpoint_rows[] = {
    { "sip:a@192.0.2.1", "192.0.2.1:5060", SIP_UDP },
    { "sip:a@192.0.2.1:5070", "192.0.2.1:5070", SIP_UDP },
    { "sip:a@192.0.2.1;transport=tcp", "192.0.2.1:5060", SIP_TCP },
    { "sip:a@192.0.2.1;transport=TLS", "192.0.2.1:5061", SIP_TLS },
    { "sips:a@192.0.2.1", "192.0.2.1:5061", SIP_TLS },
    { "sip:a@192.0.2.1;transport=sctp", "192.0.2.1:5060", SIP_TRANSPORT_OTHER },
    { "sip:a@[2001:db8::1]:5062", "[2001:db8::1]:5062", SIP_UDP },
    { "sip:a@example.com;maddr=192.0.2.9", "192.0.2.9:5060", SIP_UDP },
    { "sip:a@example.com:5080;maddr=[2001:db8::9]", "[2001:db8::9]:5080", SIP_UDP },
    { "sip:a@192.0.2.1;maddr=example.com", NULL, SIP_UDP },
    { "sip:a@example.com", NULL, SIP_UDP },
};

static void
test_endpoints(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(endpoint_rows); i++) {
        const char *name = endpoint_rows[i].text;
        struct sip_uri uri;
        struct endpoint endpoint;
        char text[ENDPOINT_TEXT];
        bool known;

        CHECK_ROW(name, sip_uri_decode(span_of_text(name), &uri));
        CHECK_ROW_INT(name, sip_uri_transport(&uri), endpoint_rows[i].transport);
        known = sip_uri_endpoint(&uri, &endpoint);
        CHECK_ROW(name, known == (endpoint_rows[i].endpoint != NULL));
        if (known && endpoint_rows[i].endpoint)
            CHECK_ROW_TEXT(name, endpoint_format(endpoint, text), endpoint_rows[i].endpoint);
    }
}

static void
test_transports(void)
{
    for (enum sip_transport i = SIP_UDP; i < SIP_TRANSPORT_OTHER; i++)
        CHECK(sip_transport_of(span_of_text(sip_transport_word(i))) == i);
    CHECK(sip_transport_of(span_of_text("")) == SIP_TRANSPORT_OTHER);
    CHECK(sip_transport_of(span_of_text("tcp")) == SIP_TCP);
}

/* --- escapes ----------------------------------------------------------------------------------------------------- */

static void
test_unescape(void)
{
    char room[8];
    struct writer out = writer_over(room, sizeof room);

    CHECK(sip_unescape(span_of_text("a%20b%00%fF"), &out));
    CHECK_ROW_BYTES("a b", writer_span(&out), span_of("a b\0\xff", 5));
    CHECK(!sip_unescape(span_of_text("abcd"), &out)); /* no room */

    static const char *const malformed[] = { "%", "%2", "a%", "%g0", "%0g", "%%41" };

    for (size_t i = 0; i < G_N_ELEMENTS(malformed); i++) {
        out = writer_over(room, sizeof room);
        CHECK_ROW(malformed[i], !sip_unescape(span_of_text(malformed[i]), &out));
    }
}

void
suite_sip_uri(void)
{
    UNIT_SUITE("sip_uri", NULL, NULL, { "parts", test_parts }, { "other schemes", test_other_schemes },
               { "refused", test_refused }, { "truncated", test_truncated }, { "hosts", test_hosts },
               { "parameters", test_parameters }, { "broken parameters", test_broken_parameters },
               { "places of parameters", test_parameter_places }, { "equality", test_equal },
               { "equality has a limit", test_equal_limit }, { "endpoints", test_endpoints },
               { "transports", test_transports }, { "escapes", test_unescape });
}
