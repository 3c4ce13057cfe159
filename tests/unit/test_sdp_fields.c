/* The values of lines with a grammar, and of media attributes: RFC 8866 sections 5 and 6, RFC 3605. */
#include "tests/unit/support.h"

#include "proto/sdp/attributes.h"
#include "proto/sdp/lex.h"

/* ---- one row for each value; `printed` NULL: as it stands */

static const struct {
    const char *name;
    char type;
    const char *value, *fault;
    size_t at;
    const char *printed;
} rows[] = {
    { "origin", 'o', "jdoe 3724394400 3724394405 IN IP4 198.51.100.1", "none", 0, NULL },
    { "origin by name", 'o', "- 0 0 IN IP6 host.example.com.", "none", 0, NULL },
    { "origin of 64 bits", 'o', "- 18446744073709551615 18446744073709551615 IN IP4 0.0.0.0", "none", 0, NULL },
    { "one more", 'o', "- 18446744073709551616 0 IN IP4 0.0.0.0", "number", 2, NULL },
    { "version of 20 nines", 'o', "- 0 99999999999999999999 IN IP4 0.0.0.0", "number", 4, NULL },
    { "no user", 'o', " 0 0 IN IP4 0.0.0.0", "origin", 0, NULL },
    { "signed", 'o', "- -1 0 IN IP4 0.0.0.0", "number", 2, NULL },
    { "no number", 'o', "- x 0 IN IP4 0.0.0.0", "number", 2, NULL },
    { "more after the address", 'o', "- 0 0 IN IP4 0.0.0.0 x", "origin", 13, NULL },
    { "a blank after the address", 'o', "- 0 0 IN IP4 0.0.0.0 ", "origin", 13, NULL },
    { "two blanks", 'o', "- 0  0 IN IP4 0.0.0.0", "number", 4, NULL },
    { "no network", 'o', "- 0 0", "network", 5, NULL },
    { "unicast", 'c', "IN IP4 192.0.2.1", "none", 0, NULL },
    { "IPv6, not as RFC 5952 has it", 'c', "IN IP6 2001:DB8:0::1", "none", 0, "IN IP6 2001:db8::1" },
    { "IPv4-mapped", 'c', "IN IP6 ::ffff:192.0.2.1", "none", 0, NULL },
    { "unspecified", 'c', "IN IP6 ::", "none", 0, NULL },
    { "a name", 'c', "IN IP4 host-1.example.com", "none", 0, NULL },
    { "another network (8.2.6)", 'c', "ATM NSAP 47.0091.8100/x", "none", 0, NULL },
    { "another address type", 'c', "IN E164 +16175556011", "none", 0, NULL },
    { "multicast (5.7)", 'c', "IN IP4 233.252.0.1/127", "none", 0, NULL },
    { "layers (5.7)", 'c', "IN IP4 233.252.0.1/127/3", "none", 0, NULL },
    { "IPv6 multicast (5.7)", 'c', "IN IP6 ff00::db8:0:101", "none", 0, NULL },
    { "IPv6 layers (5.7)", 'c', "IN IP6 ff00::db8:0:101/3", "none", 0, NULL },
    { "multicast without TTL (5.7)", 'c', "IN IP4 233.252.0.1", "multicast", 7, NULL },
    { "TTL of 256", 'c', "IN IP4 233.252.0.1/256", "multicast", 7, NULL },
    { "an empty TTL", 'c', "IN IP4 233.252.0.1/", "multicast", 7, NULL },
    { "no layers", 'c', "IN IP4 233.252.0.1/127/0", "multicast", 7, NULL },
    { "three numbers", 'c', "IN IP4 233.252.0.1/127/3/1", "multicast", 7, NULL },
    { "IPv6 TTL and layers", 'c', "IN IP6 ff00::db8:0:101/127/3", "multicast", 7, NULL },
    { "unicast with TTL (5.7)", 'c', "IN IP4 192.0.2.1/127", "multicast", 7, NULL },
    { "a name with TTL", 'c', "IN IP4 a.example/127", "multicast", 7, NULL },
    { "IPv6 as IP4", 'c', "IN IP4 2001:db8::1", "address", 7, NULL },
    { "IPv4 as IP6", 'c', "IN IP6 192.0.2.1", "address", 7, NULL },
    { "an octet too large", 'c', "IN IP4 192.0.2.256", "address", 7, NULL },
    { "octal (no name either)", 'c', "IN IP4 192.0.2.01", "address", 7, NULL },
    { "brackets", 'c', "IN IP6 [2001:db8::1]", "address", 7, NULL },
    { "a scope", 'c', "IN IP6 fe80::1%eth0", "address", 7, NULL },
    { "an empty label", 'c', "IN IP4 a..example", "address", 7, NULL },
    { "a dot first", 'c', "IN IP4 .example", "address", 7, NULL },
    { "a port", 'c', "IN IP4 192.0.2.1:80", "address", 7, NULL },
    { "more", 'c', "IN IP4 192.0.2.1 x", "address", 7, NULL },
    { "no token", 'c', "I(N IP4 192.0.2.1", "network", 0, NULL },
    { "a medium", 'm', "audio 49170 RTP/AVP 0 8 97", "none", 0, NULL },
    { "two ports (5.14)", 'm', "video 49170/2 RTP/AVP 31", "none", 0, NULL },
    { "one port, said so", 'm', "video 49170/1 RTP/AVP 31", "none", 0, "video 49170 RTP/AVP 31" },
    { "rejected", 'm', "audio 0 RTP/AVP 0", "none", 0, NULL },
    { "the last port", 'm', "audio 65535 RTP/AVP 0", "none", 0, NULL },
    { "another protocol", 'm', "image 54111 udptl t38", "none", 0, NULL },
    { "no port", 'm', "audio x RTP/AVP 0", "port", 6, NULL },
    { "an empty port", 'm', "audio /2 RTP/AVP 0", "port", 6, NULL },
    { "a port of many digits", 'm', "audio 184467440737095516160 RTP/AVP 0", "port", 6, NULL },
    { "no ports", 'm', "audio 9/0 RTP/AVP 0", "port-count", 6, NULL },
    { "ports to the end", 'm', "audio 65534/2 RTP/AVP 0", "none", 0, NULL },
    { "ports beyond it", 'm', "audio 65534/3 RTP/AVP 0", "port-count", 6, NULL },
    { "an empty count", 'm', "audio 9/ RTP/AVP 0", "port-count", 6, NULL },
    { "no format", 'm', "audio 9 RTP/AVP", "media", 15, NULL },
    { "an empty format", 'm', "audio 9 RTP/AVP ", "media", 16, NULL },
    { "two blanks between formats", 'm', "audio 9 RTP/AVP 0  8", "media", 16, NULL },
    { "no protocol", 'm', "audio 9", "media", 7, NULL },
    { "an empty part", 'm', "audio 9 RTP//AVP 0", "media", 8, NULL },
    { "bandwidth", 'b', "AS:128", "none", 0, NULL },
    { "bandwidth of RFC 3556", 'b', "RS:0", "none", 0, NULL },
    { "no type", 'b', ":128", "bandwidth", 0, NULL },
    { "no colon", 'b', "AS 128", "bandwidth", 0, NULL },
    { "no bandwidth", 'b', "AS:", "bandwidth", 3, NULL },
    { "too much", 'b', "AS:18446744073709551616", "bandwidth", 3, NULL },
    { "times", 't', "3724394400 3724398000", "none", 0, NULL },
    { "one time", 't', "0", "time", 1, NULL },
    { "three times", 't', "0 0 0", "time", 2, NULL },
    { "repeats (5.10)", 'r', "7d 1h 0 25h", "none", 0, NULL },
    { "repeats in seconds", 'r', "604800 3600 0 90000", "none", 0, NULL },
    { "no offset", 'r', "7d 1h", "repeat", 3, NULL },
    { "weeks", 'r', "1w 1h 0", "repeat", 0, NULL },
    { "a unit alone", 'r', "7d h 0", "repeat", 3, NULL },
    { "negative", 'r', "7d 1h -1", "repeat", 6, NULL },
    { "zones (5.11)", 'z', "3730928400 -1h 3749680800 0", "none", 0, NULL },
    { "half a zone", 'z', "3730928400", "zone", 10, NULL },
    { "a time with a unit", 'z', "1h -1h", "zone", 0, NULL },
    { "rtcp (3605 2.1)", 'R', "53020", "none", 0, NULL },
    { "rtcp elsewhere (3605 2.1)", 'R', "53020 IN IP6 2001:2345:6789:abcd:ef01:2345:6789:abcd", "none", 0, NULL },
    { "rtcp without port", 'R', "", "port", 0, NULL },
    { "rtcp with half a network", 'R', "53020 IN", "network", 8, NULL },
    { "rtcp and a blank", 'R', "53020 ", "network", 6, NULL },
    { "rtcp and more", 'R', "53020 IN IP4 192.0.2.1 x", "rtcp", 13, NULL },
    { "rtpmap", 'M', "99 h263-1998/90000", "none", 0, NULL },
    { "rtpmap with channels", 'M', "98 L16/11025/2", "none", 0, NULL },
    { "one channel, said so", 'M', "98 L16/11025/1", "none", 0, "98 L16/11025" },
    { "payload type 128", 'M', "128 L16/11025", "rtpmap", 0, NULL },
    { "no clock", 'M', "98 L16", "rtpmap", 3, NULL },
    { "a clock of 0", 'M', "98 L16/0", "rtpmap", 3, NULL },
    { "no channel", 'M', "98 L16/8000/0", "rtpmap", 3, NULL },
    { "channels empty", 'M', "98 L16/8000/", "rtpmap", 3, NULL },
    { "rtpmap and more", 'M', "98 L16/8000 x", "rtpmap", 3, NULL },
};

static enum sdp_fault
parse_and_put(char type, struct span value, size_t *at, GString *out)
{
    struct sdp_origin origin;
    struct sdp_connection connection;
    struct sdp_media_line media;
    struct sdp_bandwidth bandwidth;
    struct sdp_times times;
    struct sdp_rtcp rtcp;
    struct sdp_rtpmap map;
    enum sdp_fault fault;

#define TRY(letter, parser, put, what)                                                                                 \
    case letter:                                                                                                       \
        fault = parser(value, &what, at);                                                                              \
        if (fault == SDP_FAULT_NONE)                                                                                   \
            put(out, &what);                                                                                           \
        return fault
    switch (type) {
        TRY('o', sdp_origin_parse, sdp_put_origin, origin);
        TRY('c', sdp_connection_parse, sdp_put_connection, connection);
        TRY('m', sdp_media_line_parse, sdp_put_media_line, media);
        TRY('b', sdp_bandwidth_parse, sdp_put_bandwidth, bandwidth);
        TRY('t', sdp_times_parse, sdp_put_times, times);
        TRY('R', sdp_rtcp_parse, sdp_put_rtcp, rtcp);
        TRY('M', sdp_rtpmap_parse, sdp_put_rtpmap, map);
    }
#undef TRY
    fault = type == 'r' ? sdp_repeat_check(value, at) : sdp_zone_check(value, at);
    if (fault == SDP_FAULT_NONE)
        sdp_put_text(out, type, value);
    return fault;
}

static void
test_rows(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GString) out = g_string_new(NULL);
        g_autofree char *expected = NULL;
        uint8_t *copy = unit_exact(span_of_text(rows[i].value));
        size_t at = 0;
        enum sdp_fault fault = parse_and_put(rows[i].type, span_of(copy, strlen(rows[i].value)), &at, out);
        const char *value = rows[i].printed ? rows[i].printed : rows[i].value;

        CHECK_ROW_TEXT(rows[i].name, sdp_fault_word(fault), rows[i].fault);
        if (fault != SDP_FAULT_NONE)
            CHECK_ROW_INT(rows[i].name, at, rows[i].at);
        if (rows[i].type == 'R' || rows[i].type == 'M')
            expected = g_strdup_printf("a=%s:%s\r\n", rows[i].type == 'R' ? "rtcp" : "rtpmap", value);
        else
            expected = g_strdup_printf("%c=%s\r\n", rows[i].type, value);
        if (fault == SDP_FAULT_NONE)
            CHECK_ROW_TEXT(rows[i].name, out->str, expected);
        g_free(copy);
    }
}

/* ---- what was made prints, and parses to the same */

static void
test_made(void)
{
    struct address addresses[] = { address_ipv4(0xc0000201), { UINT64_C(0x20010db8) << 32, 1 } };
    g_autoptr(GString) out = g_string_new(NULL);
    struct sdp_connection connection;
    size_t at;

    for (size_t i = 0; i < G_N_ELEMENTS(addresses); i++) {
        struct sdp_connection made = sdp_connection_of(addresses[i]);

        g_string_truncate(out, 0);
        sdp_put_connection(out, &made);
        CHECK(sdp_connection_parse(span_of(out->str + 2, out->len - 4), &connection, &at) == SDP_FAULT_NONE);
        CHECK(sdp_host_equal(&connection.to.host, &made.to.host));
        CHECK(span_equal(connection.to.type, made.to.type));
        CHECK(connection.count == 1 && !connection.has_ttl);
    }
    CHECK_ROW_TEXT("IPv6", out->str, "c=IN IP6 2001:db8::1\r\n");
    g_string_truncate(out, 0);
    sdp_put_attribute(out, "rtcp-mux", NULL);
    sdp_put_attribute(out, "mid", "0");
    CHECK_ROW_TEXT("attributes", out->str, "a=rtcp-mux\r\na=mid:0\r\n");
}

static void
test_multicast_fields(void)
{
    struct sdp_connection connection;
    size_t at;

    CHECK(sdp_connection_parse(span_of_text("IN IP4 233.252.0.1/127/3"), &connection, &at) == SDP_FAULT_NONE);
    CHECK(connection.has_ttl && connection.ttl == 127 && connection.count == 3);
    CHECK_ROW_BYTES("without its numbers", connection.to.host.text, span_of_text("233.252.0.1"));
    CHECK(sdp_connection_parse(span_of_text("IN IP6 ff00::1/3"), &connection, &at) == SDP_FAULT_NONE);
    CHECK(!connection.has_ttl && connection.count == 3);
}

static void
test_hosts(void)
{
    static const struct {
        const char *text;
        enum sdp_host_kind kind;
        bool mdns;
    } host_rows[] = {
        { "192.0.2.1", SDP_HOST_IPV4, false },  { "2001:db8::1", SDP_HOST_IPV6, false },
        { "a.example", SDP_HOST_NAME, false },  { "1f4712db-ea17-4bcf-a596-105139dfd8bf.local", SDP_HOST_NAME, true },
        { "X.LOCAL", SDP_HOST_NAME, true },     { ".local", SDP_HOST_NONE, false },
        { "local", SDP_HOST_NAME, false },      { "notlocal", SDP_HOST_NAME, false },
        { "", SDP_HOST_NONE, false },           { "1.2.3.4.", SDP_HOST_NONE, false },
        { "4294967296", SDP_HOST_NONE, false }, { "1and1.example", SDP_HOST_NAME, false },
        { "a b", SDP_HOST_NONE, false },        { "::1::", SDP_HOST_NONE, false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(host_rows); i++) {
        struct sdp_host host;
        bool good = sdp_host_parse(span_of_text(host_rows[i].text), &host);

        CHECK_ROW(host_rows[i].text, good == (host_rows[i].kind != SDP_HOST_NONE));
        if (!good)
            continue;
        CHECK_ROW_INT(host_rows[i].text, host.kind, host_rows[i].kind);
        CHECK_ROW(host_rows[i].text, sdp_host_is_mdns(&host) == host_rows[i].mdns);
    }
}

/* ---- formats and directions */

static void
test_rtp_protocols(void)
{
    static const struct {
        const char *value;
        bool rtp;
    } protocol_rows[] = {
        { "audio 9 RTP/AVP 0", true },     { "audio 9 UDP/TLS/RTP/SAVPF 0", true },
        { "audio 9 TCP/RTP/AVP 0", true }, { "application 9 UDP/DTLS/SCTP x", false },
        { "image 9 udptl t38", false },    { "message 9 TCP/MSRP *", false },
        { "audio 9 XRTP/AVP 0", false },
    };
    struct sdp_media_line line;
    size_t at;

    for (size_t i = 0; i < G_N_ELEMENTS(protocol_rows); i++) {
        CHECK(sdp_media_line_parse(span_of_text(protocol_rows[i].value), &line, &at) == SDP_FAULT_NONE);
        CHECK_ROW(protocol_rows[i].value, sdp_media_line_is_rtp(&line) == protocol_rows[i].rtp);
    }
}

#define MEDIA "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n"

static void
test_payload_types(void)
{
    static const struct {
        uint8_t payload_type;
        const char *printed;
    } map_rows[] = {
        { 0, "a=rtpmap:0 PCMU/8000\r\n" },      { 8, "a=rtpmap:8 PCMA/8000\r\n" },
        { 9, "a=rtpmap:9 G722/8000\r\n" },      { 10, "a=rtpmap:10 L16/44100/2\r\n" },
        { 18, "a=rtpmap:18 iLBC/16000\r\n" },   { 34, "a=rtpmap:34 H263/90000\r\n" },
        { 97, "a=rtpmap:97 opus/48000/2\r\n" },
    };
    static const char text[] = MEDIA "m=audio 9 RTP/AVP 0 97 98\na=rtpmap:97 opus/48000/2\na=rtpmap:98 broken\n"
                                     "a=rtpmap:18 iLBC/16000\n";
    struct sdp_session session;
    struct sdp_rtpmap map;

    CHECK(sdp_session_parse(span_of_text(text), &session, NULL) == SDP_FAULT_NONE);
    for (size_t i = 0; i < G_N_ELEMENTS(map_rows); i++) {
        g_autoptr(GString) out = g_string_new(NULL);

        CHECK_ROW(map_rows[i].printed, sdp_rtpmap_find(&session, 0, map_rows[i].payload_type, &map));
        sdp_put_rtpmap(out, &map);
        CHECK_ROW_TEXT(map_rows[i].printed, out->str, map_rows[i].printed);
    }
    CHECK(!sdp_rtpmap_find(&session, 0, 98, &map));
    CHECK(!sdp_rtpmap_find(&session, 0, 1, &map));
    CHECK(!sdp_rtpmap_find(&session, 0, 96, &map));
}

static void
test_directions(void)
{
    static const struct {
        const char *name, *text;
        enum sdp_direction direction;
        bool held;
    } direction_rows[] = {
        { "nothing said (8866 6.7)", MEDIA "m=audio 9 RTP/AVP 0\n", SDP_SENDRECV, false },
        { "session's", MEDIA "a=sendonly\nm=audio 9 RTP/AVP 0\n", SDP_SENDONLY, true },
        { "medium's first", MEDIA "a=sendonly\nm=audio 9 RTP/AVP 0\na=recvonly\n", SDP_RECVONLY, false },
        { "inactive", MEDIA "m=audio 9 RTP/AVP 0\na=inactive\n", SDP_INACTIVE, true },
        { "explicit", MEDIA "a=inactive\nm=audio 9 RTP/AVP 0\na=sendrecv\n", SDP_SENDRECV, false },
        { "no direction", MEDIA "m=audio 9 RTP/AVP 0\na=sendonly:x\n", SDP_SENDRECV, false },
        { "0.0.0.0 (3264 8.4)", MEDIA "m=audio 9 RTP/AVP 0\nc=IN IP4 0.0.0.0\n", SDP_SENDRECV, true },
    };
    struct sdp_session session;

    for (size_t i = 0; i < G_N_ELEMENTS(direction_rows); i++) {
        const char *name = direction_rows[i].name;

        CHECK_ROW(name, sdp_session_parse(span_of_text(direction_rows[i].text), &session, NULL) == SDP_FAULT_NONE);
        CHECK_ROW_INT(name, sdp_media_direction(&session, 0), direction_rows[i].direction);
        CHECK_ROW(name, sdp_media_is_held(&session, 0) == direction_rows[i].held);
    }
}

/* RFC 3264 section 6.1: sendonly is answered with recvonly or inactive, recvonly with sendonly or inactive, sendrecv
 * with anything, inactive with inactive. Section 8.4: hold. */
static void
test_direction_answers(void)
{
    enum { NO = SDP_INACTIVE, SEND = SDP_SENDONLY, RECV = SDP_RECVONLY, BOTH = SDP_SENDRECV };
    static const int answers[4][4] = {
        /* wished:      NO  SEND  RECV  BOTH */
        [NO] = { NO, NO, NO, NO },
        [SEND] = { NO, NO, RECV, RECV },
        [RECV] = { NO, SEND, NO, SEND },
        [BOTH] = { NO, SEND, RECV, BOTH },
    };
    static const int reversed[] = { NO, RECV, SEND, BOTH }, held[] = { NO, SEND, NO, SEND };

    for (int offered = 0; offered < 4; offered++) {
        for (int wished = 0; wished < 4; wished++)
            CHECK_ROW_INT(sdp_direction_word(offered), sdp_direction_answer(offered, wished), answers[offered][wished]);
        CHECK_ROW_INT(sdp_direction_word(offered), sdp_direction_reverse(offered), reversed[offered]);
        CHECK_ROW_INT(sdp_direction_word(offered), sdp_direction_hold(offered), held[offered]);
    }
}

static void
test_numbers(void)
{
    static const struct {
        const char *text;
        uint64_t most;
        bool good;
        uint64_t value;
    } number_rows[] = {
        { "0", 0, true, 0 },
        { "1", 0, false, 0 },
        { "65535", 65535, true, 65535 },
        { "65536", 65535, false, 0 },
        { "000065535", 65535, true, 65535 },
        { "", 9, false, 0 },
        { "1 ", 9, false, 0 },
        { "+1", 9, false, 0 },
        { "18446744073709551615", UINT64_MAX, true, UINT64_MAX },
        { "18446744073709551616", UINT64_MAX, false, 0 },
        { "99999999999999999999999999", UINT64_MAX, false, 0 },
        { "7", 5, false, 0 },
        { "15", 14, false, 0 },
    };
    uint64_t value;

    for (size_t i = 0; i < G_N_ELEMENTS(number_rows); i++) {
        value = 0;
        CHECK_ROW(number_rows[i].text,
                  sdp_number(span_of_text(number_rows[i].text), number_rows[i].most, &value) == number_rows[i].good);
        CHECK_ROW_UINT(number_rows[i].text, value, number_rows[i].value);
    }
}

void
suite_sdp_fields(void)
{
    UNIT_SUITE("sdp fields", NULL, NULL, { "each value", test_rows }, { "made and read again", test_made },
               { "multicast", test_multicast_fields }, { "hosts", test_hosts }, { "protocols", test_rtp_protocols },
               { "payload types", test_payload_types }, { "directions", test_directions },
               { "answers to directions", test_direction_answers }, { "numbers", test_numbers });
}
