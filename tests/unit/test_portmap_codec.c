/* The messages of port control: RFC 6887 (PCP), RFC 6886 (NAT-PMP), UPnP's SSDP, SOAP and XML. */
#include "tests/unit/support.h"

#include "proto/portmap/nat_pmp.h"
#include "proto/portmap/pcp.h"
#include "proto/portmap/soap.h"
#include "proto/portmap/ssdp.h"

static struct endpoint
at(const char *text)
{
    struct endpoint endpoint;

    CHECK_ROW(text, endpoint_parse(text, &endpoint));
    return endpoint;
}

static struct address
ip(const char *text)
{
    struct address address;

    CHECK_ROW(text, address_parse(text, &address));
    return address;
}

/* --- PCP --------------------------------------------------------------------------------------------------------- */

#define CLIENT "00000000000000000000ffff0a000002" /* 10.0.0.2 */
#define NONCE "0102030405060708090a0b0c"
#define HEAD(opcode, lifetime) "02" opcode "0000" lifetime CLIENT
#define MAP_OF(protocol, internal, external, address) NONCE protocol "000000" internal external address
#define ANY4 "00000000000000000000ffff00000000"
#define ANY6 "00000000000000000000000000000000"
#define MAP_UDP MAP_OF("11", "1388", "1389", ANY4)
#define PEER_PART                                                                                                      \
    "0d960000"                                                                                                         \
    "00000000000000000000ffffc6336401" /* 198.51.100.1:3478 */
#define THIRD                                                                                                          \
    "01000010"                                                                                                         \
    "00000000000000000000ffff0a000003"
#define PREFER "02000000"
#define FILTER_4                                                                                                       \
    "03000014"                                                                                                         \
    "00780000"                                                                                                         \
    "00000000000000000000ffffc6336400" /* 198.51.100.0/24, any port */

static const struct {
    const char *name, *bytes;
    enum pcp_reading reading;
    enum pcp_result result;
} request_rows[] = {
    { "MAP (11.1)", HEAD("01", "00000e10") MAP_UDP, PCP_READ, PCP_SUCCESS },
    { "MAP of IPv6", HEAD("01", "00000e10") MAP_OF("06", "0050", "0000", ANY6), PCP_READ, PCP_SUCCESS },
    { "PEER (12.1)", HEAD("02", "00000e10") MAP_UDP PEER_PART, PCP_READ, PCP_SUCCESS },
    { "ANNOUNCE (14.1)", HEAD("00", "00000000"), PCP_READ, PCP_SUCCESS },
    { "THIRD_PARTY (13.1)", HEAD("01", "00000e10") MAP_UDP THIRD, PCP_READ, PCP_SUCCESS },
    { "PREFER_FAILURE (13.2)", HEAD("01", "00000e10") MAP_UDP PREFER, PCP_READ, PCP_SUCCESS },
    { "FILTER (13.3)", HEAD("01", "00000e10") MAP_UDP FILTER_4, PCP_READ, PCP_SUCCESS },
    { "all of them", HEAD("01", "00000e10") MAP_UDP THIRD PREFER FILTER_4 FILTER_4, PCP_READ, PCP_SUCCESS },
    { "an option nobody must know (7.3)",
      HEAD("01", "00000e10") MAP_UDP "80000003"
                                     "61626300",
      PCP_READ, PCP_SUCCESS },
    { "one that must be known (7.3)", HEAD("01", "00000e10") MAP_UDP "7f000000", PCP_ANSWER, PCP_UNSUPP_OPTION },
    { "THIRD_PARTY twice", HEAD("01", "00000e10") MAP_UDP THIRD THIRD, PCP_ANSWER, PCP_MALFORMED_OPTION },
    { "PREFER_FAILURE twice", HEAD("01", "00000e10") MAP_UDP PREFER PREFER, PCP_ANSWER, PCP_MALFORMED_OPTION },
    { "PREFER_FAILURE with a value",
      HEAD("01", "00000e10") MAP_UDP "02000004"
                                     "00000000",
      PCP_ANSWER, PCP_MALFORMED_OPTION },
    { "PREFER_FAILURE of PEER", HEAD("02", "00000e10") MAP_UDP PEER_PART PREFER, PCP_ANSWER, PCP_UNSUPP_OPTION },
    { "THIRD_PARTY of ANNOUNCE", HEAD("00", "00000000") THIRD, PCP_ANSWER, PCP_UNSUPP_OPTION },
    { "THIRD_PARTY too short",
      HEAD("01", "00000e10") MAP_UDP "0100000c"
                                     "00000000"
                                     "00000000"
                                     "00000000",
      PCP_ANSWER, PCP_MALFORMED_OPTION },
    { "FILTER with a prefix of 129",
      HEAD("01", "00000e10") MAP_UDP "03000014"
                                     "00810000" ANY6,
      PCP_ANSWER, PCP_MALFORMED_OPTION },
    { "FILTER of IPv4 with a prefix of 95",
      HEAD("01", "00000e10") MAP_UDP "03000014"
                                     "005f0000" ANY4,
      PCP_ANSWER, PCP_MALFORMED_OPTION },
    { "an option that is cut",
      HEAD("01", "00000e10") MAP_UDP "80000008"
                                     "00000000",
      PCP_ANSWER, PCP_MALFORMED_OPTION },
    { "no multiple of 4, in an option", HEAD("01", "00000e10") MAP_UDP "80", PCP_ANSWER, PCP_MALFORMED_REQUEST },
    { "opcode 3", HEAD("03", "00000e10") MAP_UDP, PCP_ANSWER, PCP_UNSUPP_OPCODE },
    { "MAP without its part", HEAD("01", "00000e10"), PCP_ANSWER, PCP_MALFORMED_REQUEST },
    { "PEER without the peer", HEAD("02", "00000e10") MAP_UDP, PCP_ANSWER, PCP_MALFORMED_REQUEST },
    { "no multiple of 4 (7)", HEAD("00", "00000000") "00", PCP_ANSWER, PCP_MALFORMED_REQUEST },
    { "shorter than a header (7)", "0201000000000e10", PCP_ANSWER, PCP_MALFORMED_REQUEST },
    { "version 1 (9)", "0101000000000e10", PCP_ANSWER, PCP_UNSUPP_VERSION },
    { "version 3", "03010000", PCP_ANSWER, PCP_UNSUPP_VERSION },
    { "NAT-PMP", "0000", PCP_ANSWER, PCP_UNSUPP_VERSION },
    { "a response (8.2)", HEAD("81", "00000e10") MAP_UDP, PCP_IGNORE, PCP_SUCCESS },
    { "one byte", "02", PCP_IGNORE, PCP_SUCCESS },
    { "nothing", "", PCP_IGNORE, PCP_SUCCESS },
};

static void
test_pcp_requests(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(request_rows); i++) {
        g_autoptr(GBytes) bytes = unit_hex(request_rows[i].bytes);
        g_autofree uint8_t *exact = unit_exact(unit_span(bytes));
        struct pcp_request request;
        enum pcp_result result = PCP_SUCCESS;

        CHECK_ROW_INT(request_rows[i].name,
                      pcp_request_decode(span_of(exact, g_bytes_get_size(bytes)), &request, &result),
                      request_rows[i].reading);
        CHECK_ROW_TEXT(request_rows[i].name, pcp_result_word(result), pcp_result_word(request_rows[i].result));
    }
}

/* What was read is written as it was, but for options that mean nothing here. */
static void
test_pcp_requests_again(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(request_rows); i++) {
        g_autoptr(GBytes) bytes = unit_hex(request_rows[i].bytes);
        struct pcp_request request;
        enum pcp_result result;
        uint8_t buffer[PCP_BYTES];
        struct writer writer = writer_over(buffer, sizeof buffer);

        if (request_rows[i].reading != PCP_READ || strstr(request_rows[i].bytes, "616263"))
            continue;
        CHECK(pcp_request_decode(unit_span(bytes), &request, &result) == PCP_READ);
        pcp_request_encode(&writer, &request);
        CHECK_ROW_BYTES(request_rows[i].name, writer_span(&writer), unit_span(bytes));
    }
}

static void
test_pcp_request_fields(void)
{
    g_autoptr(GBytes) bytes = unit_hex(HEAD("02", "00000e10") MAP_UDP PEER_PART);
    g_autoptr(GBytes) filtered = unit_hex(HEAD("01", "00000e10") MAP_UDP THIRD PREFER FILTER_4);
    struct pcp_request request;
    enum pcp_result result;

    CHECK(pcp_request_decode(unit_span(bytes), &request, &result) == PCP_READ);
    CHECK_ROW_UINT("version", request.version, 2);
    CHECK_ROW_UINT("opcode", request.opcode, PCP_PEER);
    CHECK_ROW_UINT("lifetime", request.lifetime, 3600);
    CHECK(address_equal(request.client, ip("10.0.0.2")));
    CHECK_ROW_UINT("nonce", request.map.nonce[11], 12);
    CHECK_ROW_UINT("protocol", request.map.protocol, 17);
    CHECK_ROW_UINT("internal", request.map.internal_port, 5000);
    CHECK(endpoint_equal(request.map.external, at("0.0.0.0:5001")));
    CHECK(endpoint_equal(request.map.remote, at("198.51.100.1:3478")));
    CHECK(pcp_request_decode(unit_span(filtered), &request, &result) == PCP_READ);
    CHECK(request.options.third_party && address_equal(request.options.third, ip("10.0.0.3")));
    CHECK(request.options.prefer_failure);
    CHECK_ROW_UINT("filters", request.options.filters, 1);
    CHECK_ROW_UINT("length", request.options.filter[0].prefix.length, 24);
    CHECK(prefix_contains(request.options.filter[0].prefix, ip("198.51.100.200")));
}

/* Prefix length 0 takes all filters back; a ninth is one too many (13.3). */
static void
test_pcp_filters(void)
{
    g_autoptr(GString) text = g_string_new(HEAD("01", "00000e10") MAP_UDP);
    struct pcp_request request;
    enum pcp_result result;
    g_autoptr(GBytes) many = NULL, taken_back = NULL;

    for (int i = 0; i <= PORTMAP_FILTERS; i++)
        g_string_append(text, FILTER_4);
    many = unit_hex(text->str);
    CHECK(pcp_request_decode(unit_span(many), &request, &result) == PCP_READ);
    CHECK(request.options.too_many_filters && request.options.filters == PORTMAP_FILTERS);
    g_string_append(text, "03000014"
                          "00000000" ANY6 FILTER_4);
    taken_back = unit_hex(text->str);
    CHECK(pcp_request_decode(unit_span(taken_back), &request, &result) == PCP_READ);
    CHECK(!request.options.too_many_filters && request.options.filters == 1);
}

static void
test_pcp_cut(void)
{
    g_autoptr(GBytes) bytes = unit_hex(HEAD("01", "00000e10") MAP_UDP THIRD PREFER);
    struct span whole = unit_span(bytes);
    struct pcp_request request;
    enum pcp_result result;

    for (size_t length = 0; length < whole.length; length++) {
        g_autofree uint8_t *exact = unit_exact(span_of(whole.bytes, length));
        bool optional = length == 60 || length == 80; /* without the options, or the last */

        CHECK((pcp_request_decode(span_of(exact, length), &request, &result) == PCP_READ) == optional);
    }
    for (size_t room = 0; room < whole.length; room++) {
        uint8_t buffer[PCP_BYTES];
        struct writer writer = writer_over(buffer, room);

        CHECK(pcp_request_decode(whole, &request, &result) == PCP_READ);
        pcp_request_encode(&writer, &request);
        CHECK(writer_failed(&writer));
    }
}

static const struct {
    const char *name, *bytes;
    bool good;
} response_rows[] = {
    { "MAP (11.1)",
      "0281000000000e100000000a"
      "000000000000000000000000" MAP_UDP,
      true },
    { "PEER",
      "0282000000000e100000000a"
      "000000000000000000000000" MAP_UDP PEER_PART,
      true },
    { "ANNOUNCE",
      "02800000000000000000000a"
      "000000000000000000000000",
      true },
    { "error",
      "0281000b000007080000000a"
      "000000000000000000000000" MAP_UDP,
      true },
    { "error without the opcode's part",
      "02810003000007080000000a"
      "000000000000000000000000",
      true },
    { "with options",
      "0281000000000e100000000a"
      "000000000000000000000000" MAP_UDP PREFER,
      true },
    { "a request", HEAD("01", "00000e10") MAP_UDP, false },
    { "MAP without its part",
      "0281000000000e100000000a"
      "000000000000000000000000",
      false },
    { "cut in the header", "0281000000000e100000000a", false },
    { "no multiple of 4",
      "02800000000000000000000a"
      "000000000000000000000000"
      "00",
      false },
    { "NAT-PMP's answer to a version (RFC 6886 3.5)", "000000010000000a", true },
    { "the same cut", "00000001000000", false },
};

static void
test_pcp_responses(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(response_rows); i++) {
        g_autoptr(GBytes) bytes = unit_hex(response_rows[i].bytes);
        g_autofree uint8_t *exact = unit_exact(unit_span(bytes));
        uint8_t buffer[PCP_BYTES];
        struct writer writer = writer_over(buffer, sizeof buffer);
        struct pcp_response response;

        CHECK_ROW(response_rows[i].name,
                  pcp_response_decode(span_of(exact, g_bytes_get_size(bytes)), &response) == response_rows[i].good);
        if (!response_rows[i].good || response.version != PCP_VERSION)
            continue;
        pcp_response_encode(&writer, &response);
        CHECK_ROW_BYTES(response_rows[i].name, writer_span(&writer), unit_span(bytes));
    }
}

/* The request comes back with a response's header, as long as a message may be (8.2). */
static void
test_pcp_refusals(void)
{
    g_autoptr(GBytes) bytes = unit_hex(HEAD("01", "00000e10") MAP_UDP "7f0001");
    g_autoptr(GBytes) expected = unit_hex("0281000300000708"
                                          "0000002a"
                                          "000000000000000000000000" MAP_UDP "7f000100");
    g_autoptr(GBytes) short_one = unit_hex("0105"), short_answer = unit_hex("0285000100000708"
                                                                            "0000002a"
                                                                            "000000000000000000000000");
    g_autofree uint8_t *longest = g_malloc0(4000);
    uint8_t buffer[PCP_BYTES];
    struct writer writer = writer_over(buffer, sizeof buffer);

    pcp_refusal_encode(&writer, unit_span(bytes), PCP_MALFORMED_REQUEST, 42);
    CHECK_ROW_BYTES("padded", writer_span(&writer), unit_span(expected));
    writer = writer_over(buffer, sizeof buffer);
    pcp_refusal_encode(&writer, unit_span(short_one), PCP_UNSUPP_VERSION, 42);
    CHECK_ROW_BYTES("short", writer_span(&writer), unit_span(short_answer));
    writer = writer_over(buffer, sizeof buffer);
    pcp_refusal_encode(&writer, span_of(longest, 4000), PCP_MALFORMED_REQUEST, 42);
    CHECK_ROW_UINT("cut", writer_length(&writer), PCP_BYTES);
    CHECK(!writer_failed(&writer));
}

static void
test_pcp_results(void)
{
    static const unsigned short_ones[] = { PCP_NETWORK_FAILURE, PCP_NO_RESOURCES, PCP_USER_EX_QUOTA };

    for (unsigned code = 0; code < PCP_RESULT_COUNT; code++) {
        bool is_short = false;

        for (size_t i = 0; i < G_N_ELEMENTS(short_ones); i++)
            is_short |= code == short_ones[i];
        CHECK_ROW(pcp_result_word(code), unit_is_word(pcp_result_word(code)));
        CHECK_ROW_UINT(pcp_result_word(code), pcp_result_lifetime(code), code == 0 ? 0 : is_short ? 30 : 1800);
    }
    CHECK_ROW_TEXT("14", pcp_result_word(14), "unknown");
    for (int result = 0; result < PORTMAP_RESULT_COUNT; result++) {
        CHECK_ROW(portmap_result_word(result), unit_is_word(portmap_result_word(result)));
        CHECK_ROW(portmap_result_word(result), (pcp_result_of(result) == PCP_SUCCESS) == (result == PORTMAP_OK));
        CHECK_ROW(portmap_result_word(result),
                  (nat_pmp_result_of(result) == NAT_PMP_SUCCESS) == (result == PORTMAP_OK));
    }
}

/* --- NAT-PMP ----------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *bytes;
    enum nat_pmp_reading reading;
    enum nat_pmp_result result;
} pmp_request_rows[] = {
    { "external address (3.2)", "0000", NAT_PMP_READ, NAT_PMP_SUCCESS },
    { "map UDP (3.3)", "000100001388138900001c20", NAT_PMP_READ, NAT_PMP_SUCCESS },
    { "map TCP (3.3)", "000200001388000000001c20", NAT_PMP_READ, NAT_PMP_SUCCESS },
    { "opcode 3 (3.5)", "0003", NAT_PMP_ANSWER, NAT_PMP_UNSUPPORTED_OPCODE },
    { "version 1", "0100", NAT_PMP_ANSWER, NAT_PMP_UNSUPPORTED_VERSION },
    { "a response (3.5)", "0080", NAT_PMP_IGNORE, NAT_PMP_SUCCESS },
    { "map, cut", "000100001388138900001c", NAT_PMP_IGNORE, NAT_PMP_SUCCESS },
    { "one byte", "00", NAT_PMP_IGNORE, NAT_PMP_SUCCESS },
    { "nothing", "", NAT_PMP_IGNORE, NAT_PMP_SUCCESS },
};

static const struct {
    const char *name, *bytes;
    bool good;
} pmp_response_rows[] = {
    { "external address (3.2)", "008000000000002acb007101", true },
    { "map UDP (3.3)", "008100000000002a1388138900001c20", true },
    { "map TCP (3.3)", "008200000000002a1388138900001c20", true },
    { "refused (3.5)", "008100020000002a1388000000000000", true },
    { "unsupported version (3.5)", "000000010000002a", true },
    { "a request", "000100001388138900001c20", false },
    { "external address, cut", "008000000000002acb0071", false },
    { "map, cut", "008100000000002a1388138900001c", false },
    { "cut", "008000", false },
};

static void
test_nat_pmp(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(pmp_request_rows); i++) {
        const char *name = pmp_request_rows[i].name;
        g_autoptr(GBytes) bytes = unit_hex(pmp_request_rows[i].bytes);
        g_autofree uint8_t *exact = unit_exact(unit_span(bytes));
        uint8_t buffer[64];
        struct writer writer = writer_over(buffer, sizeof buffer);
        struct nat_pmp_request request;
        enum nat_pmp_result result = NAT_PMP_SUCCESS;

        CHECK_ROW_INT(name, nat_pmp_request_decode(span_of(exact, g_bytes_get_size(bytes)), &request, &result),
                      pmp_request_rows[i].reading);
        if (pmp_request_rows[i].reading == NAT_PMP_ANSWER)
            CHECK_ROW_TEXT(name, nat_pmp_result_word(result), nat_pmp_result_word(pmp_request_rows[i].result));
        if (pmp_request_rows[i].reading != NAT_PMP_READ)
            continue;
        nat_pmp_request_encode(&writer, &request);
        CHECK_ROW_BYTES(name, writer_span(&writer), unit_span(bytes));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(pmp_response_rows); i++) {
        const char *name = pmp_response_rows[i].name;
        g_autoptr(GBytes) bytes = unit_hex(pmp_response_rows[i].bytes);
        g_autofree uint8_t *exact = unit_exact(unit_span(bytes));
        uint8_t buffer[64];
        struct writer writer = writer_over(buffer, sizeof buffer);
        struct nat_pmp_response response;

        CHECK_ROW(name, nat_pmp_response_decode(span_of(exact, g_bytes_get_size(bytes)), &response) ==
                            pmp_response_rows[i].good);
        if (!pmp_response_rows[i].good)
            continue;
        if (response.result == NAT_PMP_UNSUPPORTED_VERSION)
            response.epoch = 42; /* not read: an answer of PCP has its lifetime there */
        nat_pmp_response_encode(&writer, &response);
        CHECK_ROW_BYTES(name, writer_span(&writer), unit_span(bytes));
    }
    for (unsigned code = 0; code < NAT_PMP_RESULT_COUNT; code++)
        CHECK_ROW(nat_pmp_result_word(code), unit_is_word(nat_pmp_result_word(code)));
    CHECK_ROW_TEXT("6", nat_pmp_result_word(6), "unknown");
}

/* --- SSDP -------------------------------------------------------------------------------------------------------- */

#define SEARCH "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n"

static const struct {
    const char *name, *text;
    bool good;
    enum ssdp_kind kind;
    const char *target;
    unsigned wait;
} ssdp_rows[] = {
    { "search (1.3.2)", SEARCH "MAN: \"ssdp:discover\"\r\nMX: 2\r\nST: upnp:rootdevice\r\n\r\n", true, SSDP_SEARCH,
      "upnp:rootdevice", 2 },
    { "in other letters", "M-SEARCH * HTTP/1.1\r\nst:ssdp:all\r\nman:\"ssdp:discover\"\r\nmx:120\r\n\r\n", true,
      SSDP_SEARCH, "ssdp:all", 5 },
    { "MAN without quotes", SEARCH "MAN: ssdp:discover\r\nMX: 2\r\nST: a\r\n\r\n", false, 0, "", 0 },
    { "no MX (1.3.3)", SEARCH "MAN: \"ssdp:discover\"\r\nST: a\r\n\r\n", false, 0, "", 0 },
    { "MX 0", SEARCH "MAN: \"ssdp:discover\"\r\nMX: 0\r\nST: a\r\n\r\n", false, 0, "", 0 },
    { "no ST", SEARCH "MAN: \"ssdp:discover\"\r\nMX: 2\r\n\r\n", false, 0, "", 0 },
    { "response (1.3.3)", "HTTP/1.1 200 OK\r\nLOCATION: http://10.0.0.1:5000/a\r\nST: b\r\nUSN: c\r\n\r\n", true,
      SSDP_RESPONSE, "b", 0 },
    { "response without LOCATION", "HTTP/1.1 200 OK\r\nST: b\r\nUSN: c\r\n\r\n", false, 0, "", 0 },
    { "a 404", "HTTP/1.1 404 No\r\nLOCATION: http://10.0.0.1/\r\nST: b\r\nUSN: c\r\n\r\n", false, 0, "", 0 },
    { "alive (1.2.2)", "NOTIFY * HTTP/1.1\r\nNTS: ssdp:alive\r\nNT: b\r\nUSN: c\r\nLOCATION: http://10.0.0.1/\r\n\r\n",
      true, SSDP_ALIVE, "b", 0 },
    { "byebye (1.2.3)", "NOTIFY * HTTP/1.1\r\nNTS: ssdp:byebye\r\nNT: b\r\nUSN: c\r\n\r\n", true, SSDP_BYEBYE, "b", 0 },
    { "NTS unknown", "NOTIFY * HTTP/1.1\r\nNTS: ssdp:hello\r\nNT: b\r\nUSN: c\r\n\r\n", false, 0, "", 0 },
    { "a page", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", false, 0, "", 0 },
    { "no end", "NOTIFY * HTTP/1.1\r\nNTS: ssdp:byebye\r\nNT: b\r\nUSN: c\r\n", false, 0, "", 0 },
};

static void
test_ssdp(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(ssdp_rows); i++) {
        const char *name = ssdp_rows[i].name;
        struct ssdp_message message, again;
        uint8_t buffer[SSDP_BYTES];
        struct writer writer = writer_over(buffer, sizeof buffer);

        CHECK_ROW(name, ssdp_decode(span_of_text(ssdp_rows[i].text), &message) == ssdp_rows[i].good);
        if (!ssdp_rows[i].good)
            continue;
        CHECK_ROW_INT(name, message.kind, ssdp_rows[i].kind);
        CHECK_ROW_BYTES(name, message.target, span_of_text(ssdp_rows[i].target));
        CHECK_ROW_UINT(name, message.wait, ssdp_rows[i].wait);
        ssdp_encode(&writer, &message);
        CHECK_ROW(name, !writer_failed(&writer) && ssdp_decode(writer_span(&writer), &again));
        CHECK_ROW(name, again.kind == message.kind && again.wait == message.wait);
        CHECK_ROW_BYTES(name, again.target, message.target);
        CHECK_ROW_BYTES(name, again.name, message.name);
        CHECK_ROW_BYTES(name, again.location, message.location);
    }
}

static const struct {
    const char *url, *endpoint, *target;
} url_rows[] = {
    { "http://10.0.0.1:5000/igd.xml", "10.0.0.1:5000", "/igd.xml" },
    { "HTTP://10.0.0.1/a/b?c", "10.0.0.1:80", "/a/b?c" },
    { "http://10.0.0.1:5000", "10.0.0.1:5000", "/" },
    { "http://[fd00::1]:5000/", "[fd00::1]:5000", "/" },
    { "https://10.0.0.1/", NULL, NULL },
    { "http://router/", NULL, NULL },
    { "http:///a", NULL, NULL },
    { "http://10.0.0.1:0/", NULL, NULL },
    { "http://10.0.0.1:99999/", NULL, NULL },
    { "http://user@10.0.0.1/", NULL, NULL },
    { "/igd.xml", NULL, NULL },
    { "", NULL, NULL },
};

static void
test_urls(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(url_rows); i++) {
        struct endpoint endpoint;
        struct span target;
        bool good = ssdp_url(span_of_text(url_rows[i].url), &endpoint, &target);

        CHECK_ROW(url_rows[i].url, good == (url_rows[i].endpoint != NULL));
        if (!good || !url_rows[i].endpoint)
            continue;
        CHECK_ROW(url_rows[i].url, endpoint_equal(endpoint, at(url_rows[i].endpoint)));
        CHECK_ROW_BYTES(url_rows[i].url, target, span_of_text(url_rows[i].target));
    }
}

/* --- XML and SOAP ------------------------------------------------------------------------------------------------ */

static char *
nested(const char *open, const char *close, unsigned depth)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < depth; i++)
        g_string_append(text, open);
    for (unsigned i = 0; i < depth; i++)
        g_string_append(text, close);
    return g_string_free(text, FALSE);
}

static void
test_xml(void)
{
    static const struct {
        const char *name, *text;
        bool good;
    } rows[] = {
        { "plain", "<a/>", true },
        { "declaration and comment", "<?xml version=\"1.0\"?><!-- x --><a>b</a>", true },
        { "prefixes", "<s:a xmlns:s=\"urn:x\"><s:b>c</s:b></s:a>", true },
        { "two roots", "<a/><b/>", false },
        { "document type", "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", false },
        { "document type alone", "<!doctype a><a/>", false },
        { "unknown entity", "<a>&lol;</a>", false },
        { "cut", "<a><b>", false },
        { "crossed", "<a><b></a></b>", false },
        { "no element", "text", false },
        { "not UTF-8", "<a>\xff</a>", false },
        { "nothing", "", false },
    };
    g_autofree char *deep = nested("<a>", "</a>", XML_DEPTH), *deeper = nested("<a>", "</a>", XML_DEPTH + 1);
    g_autofree char *inner = nested("<b/>", "", XML_NODES - 1);
    g_autofree char *many = g_strconcat("<a>", inner, "</a>", NULL),
                    *more = g_strconcat("<a>", inner, "<b/></a>", NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(xml) xml = xml_parse(span_of_text(rows[i].text));

        CHECK_ROW(rows[i].name, (xml != NULL) == rows[i].good);
    }
    for (int i = 0; i < 4; i++) {
        g_autoptr(xml) xml = xml_parse(span_of_text((const char *[]){ deep, deeper, many, more }[i]));

        CHECK_ROW(((const char *[]){ "deep", "deeper", "many", "more" }[i]), (xml != NULL) == (i % 2 == 0));
    }
}

static void
test_xml_tree(void)
{
    g_autoptr(xml) xml =
        xml_parse(span_of_text("<r><x:a>1</x:a><b> 2 &amp; &#51;<c>deep</c></b><a><![CDATA[<4>]]></a></r>"));
    const struct xml_node *root, *first;

    if (!CHECK(xml != NULL))
        return;
    root = xml_root(xml);
    first = xml_child(root, "a");
    CHECK_ROW_TEXT("root", root->name, "r");
    CHECK_ROW_TEXT("without prefix", xml_child_text(root, "a"), "1");
    CHECK_ROW_TEXT("entities, trimmed", xml_child_text(root, "b"), "2 & 3");
    CHECK_ROW_TEXT("next", xml_next(first, "a")->text, "<4>");
    CHECK(!xml_next(xml_next(first, "a"), "a") && !xml_child(root, "c"));
    CHECK_ROW_TEXT("below", xml_find(root, "c")->text, "deep");
    CHECK(!xml_find(first, "c"));
}

static void
test_xml_escape(void)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(xml) xml = NULL;

    xml_element(out, "a", "<&>\"'\x01\tb\xff");
    CHECK_ROW_TEXT("escaped", out->str, "<a>&lt;&amp;&gt;&quot;&apos;\tb\xef\xbf\xbd</a>");
    xml = xml_parse(span_of(out->str, out->len));
    CHECK(xml && strcmp(xml_root(xml)->text, "<&>\"'\tb\xef\xbf\xbd") == 0);
}

static void
test_soap(void)
{
    static const struct soap_argument arguments[] = { { "NewExternalPort", "5000" },
                                                      { "NewRemoteHost", "" },
                                                      { NULL, NULL } };
    g_autoptr(GString) request = g_string_new(NULL), response = g_string_new(NULL), fault = g_string_new(NULL);
    g_autoptr(xml) one = NULL, two = NULL, three = NULL;

    soap_put_request(request, "urn:x:1", "AddPortMapping", arguments);
    soap_put_response(response, "urn:x:1", "GetIt", "<NewIt>1</NewIt>");
    soap_put_fault(fault, UPNP_CONFLICT);
    one = xml_parse(span_of(request->str, request->len));
    two = xml_parse(span_of(response->str, response->len));
    three = xml_parse(span_of(fault->str, fault->len));
    if (!CHECK(one && two && three))
        return;
    CHECK_ROW_TEXT("action", soap_body(one)->name, "AddPortMapping");
    CHECK_ROW_TEXT("argument", xml_child_text(soap_body(one), "NewExternalPort"), "5000");
    CHECK_ROW_TEXT("empty argument", xml_child_text(soap_body(one), "NewRemoteHost"), "");
    CHECK_ROW_TEXT("response", soap_body(two)->name, "GetItResponse");
    CHECK_ROW_UINT("no fault", soap_fault_code(soap_body(two)), 0);
    CHECK_ROW_UINT("fault", soap_fault_code(soap_body(three)), 718);
    CHECK_ROW_TEXT("description", upnp_error_description(718), "ConflictInMappingEntry");
    CHECK_ROW_TEXT("unknown", upnp_error_description(999), "");
}

static void
test_soap_action(void)
{
    static const struct {
        const char *text, *service, *action;
    } rows[] = {
        { "\"urn:a:1#Do\"", "urn:a:1", "Do" }, { "urn:a:1#Do", "urn:a:1", "Do" },
        { "\"urn:a:1\"", NULL, NULL },         { "#Do", NULL, NULL },
        { "\"urn:a#\"", NULL, NULL },          { "", NULL, NULL },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct span service, action;

        CHECK_ROW(rows[i].text,
                  soap_read_action(span_of_text(rows[i].text), &service, &action) == (rows[i].service != NULL));
        if (!rows[i].service)
            continue;
        CHECK_ROW_BYTES(rows[i].text, service, span_of_text(rows[i].service));
        CHECK_ROW_BYTES(rows[i].text, action, span_of_text(rows[i].action));
    }
}

void
suite_portmap_codec(void)
{
    UNIT_SUITE("PCP messages", NULL, NULL, { "requests", test_pcp_requests },
               { "read and written", test_pcp_requests_again }, { "fields", test_pcp_request_fields },
               { "filters", test_pcp_filters }, { "every truncation", test_pcp_cut },
               { "responses", test_pcp_responses }, { "refusals", test_pcp_refusals }, { "results", test_pcp_results });
    UNIT_SUITE("NAT-PMP messages", NULL, NULL, { "requests and responses", test_nat_pmp });
    UNIT_SUITE("UPnP messages", NULL, NULL, { "SSDP", test_ssdp }, { "URLs", test_urls }, { "XML", test_xml },
               { "XML as a tree", test_xml_tree }, { "XML escaped", test_xml_escape }, { "SOAP", test_soap },
               { "SOAPAction", test_soap_action });
}
