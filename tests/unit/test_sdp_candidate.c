/* Candidate lines: RFC 8839 section 5.1, RFC 6544 section 4.5. */
#include "tests/unit/support.h"

#include "proto/sdp/candidate.h"

static const struct {
    const char *name, *line, *fault;
    unsigned column;
    const char *printed; /* NULL: as it stands */
} rows[] = {
    { "host (8839 5.1)", "candidate:1 1 UDP 2130706431 203.0.113.141 8998 typ host", "none", 0, NULL },
    { "srflx (8839 5.1)", "candidate:2 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.141 rport 8998",
      "none", 0, NULL },
    { "prflx", "candidate:a+/9 256 UDP 1 192.0.2.3 1 typ prflx raddr 0.0.0.0 rport 9", "none", 0, NULL },
    { "relay of IPv6", "candidate:3 2 UDP 16777214 2001:db8::3 65535 typ relay raddr :: rport 0", "none", 0, NULL },
    { "active (6544 B)", "candidate:1 1 TCP 2128609279 10.0.1.1 9 typ host tcptype active", "none", 0, NULL },
    { "passive", "candidate:2 1 TCP 2124414975 10.0.1.1 8998 typ host tcptype passive", "none", 0, NULL },
    { "so", "candidate:6 1 TCP 1684013055 192.0.2.3 45687 typ srflx raddr 10.0.1.1 rport 9 tcptype so", "none", 0,
      NULL },
    { "extensions", "candidate:1 1 UDP 1 192.0.2.1 1 typ host generation 0 ufrag 8hhY network-id 1", "none", 0, NULL },
    { "an empty value (8839 5.1)", "candidate:1 1 UDP 1 192.0.2.1 1 typ host x  y z", "none", 0, NULL },
    { "an empty value at the end", "candidate:1 1 UDP 1 192.0.2.1 1 typ host x ", "none", 0, NULL },
    { "another transport", "candidate:1 1 SCTP 1 192.0.2.1 1 typ host", "none", 0, NULL },
    { "another type", "candidate:1 1 UDP 1 192.0.2.1 1 typ carrier", "none", 0, NULL },
    { "a name (8839 5.1)", "candidate:1 1 UDP 1 a.example 1 typ host", "none", 0, NULL },
    { "an mDNS name", "candidate:1 1 UDP 1 1f4712db-ea17-4bcf-a596-105139dfd8bf.local 1 typ host", "none", 0, NULL },
    { "raddr alone", "candidate:1 1 UDP 1 192.0.2.1 1 typ srflx raddr 10.0.0.1", "none", 0, NULL },
    { "rport alone", "candidate:1 1 UDP 1 192.0.2.1 1 typ srflx rport 8", "none", 0, NULL },
    { "srflx without either", "candidate:1 1 UDP 1 192.0.2.1 1 typ srflx", "none", 0, NULL },
    { "the longest foundation", "candidate:12345678901234567890123456789012 1 UDP 1 192.0.2.1 1 typ host", "none", 0,
      NULL },
    { "the highest priority", "candidate:1 1 UDP 2147483647 192.0.2.1 1 typ host", "none", 0, NULL },
    { "port 0", "candidate:1 1 UDP 1 192.0.2.1 0 typ host", "none", 0, NULL },
    { "with a=", "a=candidate:1 1 UDP 1 192.0.2.1 1 typ host", "none", 0, "candidate:1 1 UDP 1 192.0.2.1 1 typ host" },
    { "with CRLF", "candidate:1 1 UDP 1 192.0.2.1 1 typ host\r\n", "none", 0,
      "candidate:1 1 UDP 1 192.0.2.1 1 typ host" },
    { "with LF", "candidate:1 1 UDP 1 192.0.2.1 1 typ host\n", "none", 0, "candidate:1 1 UDP 1 192.0.2.1 1 typ host" },
    { "in other cases", "candidate:aB 1 udp 1 192.0.2.1 1 TYP Host RADDR 10.0.0.1 RPORT 2", "none", 0,
      "candidate:aB 1 UDP 1 192.0.2.1 1 typ host raddr 10.0.0.1 rport 2" },
    { "tcptype among extensions", "candidate:1 1 tcp 1 192.0.2.1 9 typ host generation 0 tcptype active ufrag x",
      "none", 0, "candidate:1 1 TCP 1 192.0.2.1 9 typ host tcptype active generation 0 ufrag x" },
    { "IPv6 written long", "candidate:1 1 UDP 1 2001:DB8:0:0:0:0:0:1 1 typ host", "none", 0,
      "candidate:1 1 UDP 1 2001:db8::1 1 typ host" },
    { "nothing", "", "prefix", 1, NULL },
    { "another attribute", "a=rtcp:1", "prefix", 1, NULL },
    { "another case", "Candidate:1 1 UDP 1 192.0.2.1 1 typ host", "prefix", 1, NULL },
    { "a blank first", " candidate:1 1 UDP 1 192.0.2.1 1 typ host", "prefix", 1, NULL },
    { "no foundation", "candidate: 1 UDP 1 192.0.2.1 1 typ host", "foundation", 11, NULL },
    { "a foundation too long", "candidate:123456789012345678901234567890123 1 UDP 1 192.0.2.1 1 typ host", "foundation",
      11, NULL },
    { "a foundation of other bytes", "candidate:1-2 1 UDP 1 192.0.2.1 1 typ host", "foundation", 11, NULL },
    { "component 0 (8839 5.1)", "candidate:1 0 UDP 1 192.0.2.1 1 typ host", "component", 13, NULL },
    { "component 257", "candidate:1 257 UDP 1 192.0.2.1 1 typ host", "component", 13, NULL },
    { "no transport", "candidate:1 1", "transport", 14, NULL },
    { "no token", "a=candidate:1 1 U/P 1 192.0.2.1 1 typ host", "transport", 17, NULL },
    { "priority 0 (8839 5.1)", "candidate:1 1 UDP 0 192.0.2.1 1 typ host", "priority", 19, NULL },
    { "priority 2^31", "candidate:1 1 UDP 2147483648 192.0.2.1 1 typ host", "priority", 19, NULL },
    { "no number", "candidate:1 1 UDP -1 192.0.2.1 1 typ host", "priority", 19, NULL },
    { "no address", "candidate:1 1 UDP 1", "address", 20, NULL },
    { "half an address", "candidate:1 1 UDP 1 192.0.2 1 typ host", "address", 21, NULL },
    { "a scope", "candidate:1 1 UDP 1 fe80::1%eth0 1 typ host", "address", 21, NULL },
    { "a port too large", "candidate:1 1 UDP 1 192.0.2.1 65536 typ host", "port", 31, NULL },
    { "no port", "candidate:1 1 UDP 1 192.0.2.1 typ host", "port", 31, NULL },
    { "no typ", "candidate:1 1 UDP 1 192.0.2.1 1", "type", 32, NULL },
    { "another word for typ", "candidate:1 1 UDP 1 192.0.2.1 1 type host", "type", 33, NULL },
    { "typ and nothing", "candidate:1 1 UDP 1 192.0.2.1 1 typ", "type", 36, NULL },
    { "two blanks", "candidate:1 1  UDP 1 192.0.2.1 1 typ host", "transport", 15, NULL },
    { "raddr of nothing", "candidate:1 1 UDP 1 192.0.2.1 1 typ srflx raddr", "related", 48, NULL },
    { "raddr of no address", "candidate:1 1 UDP 1 192.0.2.1 1 typ srflx raddr 1.2.3 rport 1", "related", 49, NULL },
    { "rport of no port", "candidate:1 1 UDP 1 192.0.2.1 1 typ srflx raddr 1.2.3.4 rport 65536", "related", 63, NULL },
    { "rport before raddr", "candidate:1 1 UDP 1 192.0.2.1 1 typ srflx rport 1 raddr 1.2.3.4", "none", 0, NULL },
    { "a name without a value", "candidate:1 1 UDP 1 192.0.2.1 1 typ host generation", "extension", 42, NULL },
    { "a blank at the end", "candidate:1 1 UDP 1 192.0.2.1 1 typ host ", "extension", 42, NULL },
    { "a tab in a value", "candidate:1 1 UDP 1 192.0.2.1 1 typ host x a\tb", "extension", 44, NULL },
    { "TCP without tcptype (6544 4.5)", "candidate:1 1 TCP 1 192.0.2.1 9 typ host", "tcptype", 37, NULL },
    { "another tcptype", "candidate:1 1 TCP 1 192.0.2.1 9 typ host tcptype both", "tcptype", 50, NULL },
};

static void
test_rows(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *name = rows[i].name;
        uint8_t *copy = unit_exact(span_of_text(rows[i].line));
        struct sdp_candidate candidate;
        struct sdp_error error = { 0 };
        g_autoptr(GString) out = g_string_new(NULL);
        enum sdp_fault fault = sdp_candidate_parse(span_of(copy, strlen(rows[i].line)), &candidate, &error);

        CHECK_ROW_TEXT(name, sdp_fault_word(fault), rows[i].fault);
        CHECK_ROW_INT(name, error.column, rows[i].column);
        CHECK_ROW_INT(name, error.line, 0);
        if (fault == SDP_FAULT_NONE) {
            sdp_put_candidate(out, &candidate);
            CHECK_ROW_TEXT(name, out->str, rows[i].printed ? rows[i].printed : rows[i].line);
        }
        g_free(copy);
    }
}

static void
test_fields(void)
{
    static const char line[] = "candidate:2 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.141 rport 8998 "
                               "generation 0 ufrag 8hhY";
    struct sdp_candidate candidate;
    struct span value;

    CHECK(sdp_candidate_parse(span_of_text(line), &candidate, NULL) == SDP_FAULT_NONE);
    CHECK_ROW_BYTES("foundation", candidate.foundation, span_of_text("2"));
    CHECK_ROW_INT("component", candidate.component, 1);
    CHECK_ROW_INT("transport", candidate.transport, SDP_TRANSPORT_UDP);
    CHECK_ROW_INT("priority", candidate.priority, 1694498815);
    CHECK(candidate.host.kind == SDP_HOST_IPV4 && address_equal(candidate.host.address, address_ipv4(0xc0000203)));
    CHECK_ROW_INT("port", candidate.port, 45664);
    CHECK_ROW_INT("type", candidate.type, SDP_SRFLX);
    CHECK(address_equal(candidate.related.address, address_ipv4(0xcb00718d)));
    CHECK(candidate.has_related_port && candidate.related_port == 8998);
    CHECK_ROW_INT("tcptype", candidate.tcptype, SDP_TCPTYPE_NONE);
    CHECK(sdp_candidate_extension(&candidate, "ufrag", &value));
    CHECK_ROW_BYTES("ufrag", value, span_of_text("8hhY"));
    CHECK(!sdp_candidate_extension(&candidate, "0", &value));
    CHECK_ROW_BYTES("where the port stands", candidate.port_text, span_of_text("45664"));
    CHECK_ROW_INT("at", candidate.port_text.bytes - (const uint8_t *)line, strstr(line, "45664") - line);
}

/* What was made is the same after printing and reading: every kind of each field. */
static void
test_made(void)
{
    struct sdp_host hosts[] = { sdp_host_of(address_ipv4(0xc0000201)),
                                sdp_host_of((struct address){ UINT64_C(0x20010db8) << 32, 7 }),
                                { 0 } };

    for (unsigned i = 0; i < 5 * 3 * 4 * 3; i++) {
        struct sdp_candidate made = { .foundation = span_of_text("f+/"),
                                      .component = (uint16_t)(1 + i),
                                      .transport = i % 3,
                                      .transport_text = span_of_text("dccp"),
                                      .priority = SDP_MOST_PRIORITY - i,
                                      .host = hosts[i % 2],
                                      .port = (uint16_t)(65535 - i),
                                      .type = i / 3 % 5,
                                      .type_text = span_of_text("other"),
                                      .related = hosts[i / 15 % 3],
                                      .has_related_port = i / 15 % 3 != 2,
                                      .related_port = i / 15 % 3 != 2 ? SDP_PORT_NONE : 0,
                                      .tcptype = i % 3 == SDP_TRANSPORT_TCP ? 1 + i / 45 % 3 : 0,
                                      .extensions = span_of_text(i & 1 ? "ufrag x" : "") };
        struct sdp_candidate read;
        g_autoptr(GString) out = g_string_new(NULL);

        sdp_put_candidate(out, &made);
        CHECK_ROW(out->str, sdp_candidate_parse(span_of(out->str, out->len), &read, NULL) == SDP_FAULT_NONE);
        CHECK_ROW(out->str, span_equal(read.foundation, made.foundation) && read.component == made.component);
        CHECK_ROW(out->str, read.transport == made.transport && read.priority == made.priority);
        CHECK_ROW(out->str, sdp_host_equal(&read.host, &made.host) && read.port == made.port);
        CHECK_ROW(out->str, read.type == made.type && read.tcptype == made.tcptype);
        CHECK_ROW(out->str, sdp_host_equal(&read.related, &made.related));
        CHECK_ROW(out->str, read.has_related_port == made.has_related_port && read.related_port == made.related_port);
        CHECK_ROW_BYTES(out->str, read.extensions, made.extensions);
    }
}

static void
test_truncations(void)
{
    static const char line[] = "a=candidate:1 1 TCP 2128609279 2001:db8::1 9 typ srflx raddr 10.0.0.1 rport 9 "
                               "tcptype active generation 0";
    unsigned good = 0;

    for (size_t length = 0; length < strlen(line); length++) {
        uint8_t *copy = unit_exact(span_of(line, length));
        struct sdp_candidate candidate;
        struct sdp_error error = { 0 };

        if (sdp_candidate_parse(span_of(copy, length), &candidate, &error) == SDP_FAULT_NONE)
            good++;
        else
            CHECK(error.column >= 1 && error.column <= length + 1);
        g_free(copy);
    }
    /* after "active", and after "generation " with an empty value */
    CHECK_ROW_INT("good ones", good, 2);
}

static void
test_hostile(void)
{
    g_autoptr(GString) line = g_string_new("candidate:1 1 UDP 1 192.0.2.1 1 typ host");
    struct sdp_candidate candidate;
    struct span rest, name, value;
    unsigned count = 0;

    for (int i = 0; i < 100000; i++)
        g_string_append(line, " a b");
    CHECK(sdp_candidate_parse(span_of(line->str, line->len), &candidate, NULL) == SDP_FAULT_NONE);
    for (rest = candidate.extensions; sdp_extension_next(&rest, &name, &value);)
        count++;
    CHECK_ROW_INT("extensions", count, 100000);
    CHECK(sdp_candidate_parse(span_of(line->str, 40), &candidate, NULL) == SDP_FAULT_NONE);
    for (size_t i = 0; i < 40; i++) {
        char kept = line->str[i];

        line->str[i] = '\0';
        CHECK(sdp_candidate_parse(span_of(line->str, 40), &candidate, NULL) != SDP_FAULT_NONE);
        line->str[i] = kept;
    }
}

static void
test_words(void)
{
    for (int i = 0; i < SDP_TYPE_OTHER; i++)
        CHECK(unit_is_word(sdp_candidate_type_word(i)));
    CHECK(!sdp_candidate_type_word(SDP_TYPE_OTHER));
    for (int i = SDP_TCP_ACTIVE; i <= SDP_TCP_SO; i++)
        CHECK(unit_is_word(sdp_tcptype_word(i)));
    CHECK(!sdp_tcptype_word(SDP_TCPTYPE_NONE));
    CHECK_ROW_TEXT("UDP", sdp_transport_word(SDP_TRANSPORT_UDP), "UDP");
    CHECK_ROW_TEXT("TCP", sdp_transport_word(SDP_TRANSPORT_TCP), "TCP");
    CHECK(!sdp_transport_word(SDP_TRANSPORT_OTHER));
}

void
suite_sdp_candidate(void)
{
    UNIT_SUITE("sdp candidate", NULL, NULL, { "each line", test_rows }, { "what is in one", test_fields },
               { "made and read again", test_made }, { "truncations", test_truncations },
               { "hostile lines", test_hostile }, { "words", test_words });
}
