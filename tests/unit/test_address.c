#include "core/base/address.h"

#include <arpa/inet.h>

#include "tests/unit/support.h"

/* Text in, the 128 bits, and the one text that RFC 5952 allows out. */
static const struct {
    const char *text;
    uint64_t high, low;
    const char *canonical;
} good[] = {
    { "0.0.0.0", 0, 0xffff00000000, "0.0.0.0" },
    { "255.255.255.255", 0, 0xffffffffffff, "255.255.255.255" },
    { "192.0.2.1", 0, 0xffffc0000201, "192.0.2.1" },
    { "10.20.30.40", 0, 0xffff0a141e28, "10.20.30.40" },
    { "::", 0, 0, "::" },
    { "::1", 0, 1, "::1" },
    { "1::", UINT64_C(1) << 48, 0, "1::" },
    { "0:0:0:0:0:0:0:0", 0, 0, "::" },
    { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", UINT64_MAX, UINT64_MAX, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
    /* RFC 4291 section 2.2 */
    { "ABCD:EF01:2345:6789:ABCD:EF01:2345:6789", 0xabcdef0123456789, 0xabcdef0123456789,
      "abcd:ef01:2345:6789:abcd:ef01:2345:6789" },
    { "2001:DB8:0:0:8:800:200C:417A", 0x20010db800000000, 0x00080800200c417a, "2001:db8::8:800:200c:417a" },
    { "FF01::101", 0xff01000000000000, 0x101, "ff01::101" },
    { "::FFFF:129.144.52.38", 0, 0xffff81903426, "129.144.52.38" },
    { "0:0:0:0:0:FFFF:129.144.52.38", 0, 0xffff81903426, "129.144.52.38" },
    { "::ffff:8190:3426", 0, 0xffff81903426, "129.144.52.38" },
    { "::13.1.68.3", 0, 0x0d014403, "::d01:4403" }, /* IPv4-compatible: deprecated */
    /* RFC 5952 section 1: one address, nine texts */
    { "2001:db8:0:0:1:0:0:1", 0x20010db800000000, 0x0001000000000001, "2001:db8::1:0:0:1" },
    { "2001:0db8:0:0:1:0:0:1", 0x20010db800000000, 0x0001000000000001, "2001:db8::1:0:0:1" },
    { "2001:db8::1:0:0:1", 0x20010db800000000, 0x0001000000000001, "2001:db8::1:0:0:1" },
    { "2001:db8::0:1:0:0:1", 0x20010db800000000, 0x0001000000000001, "2001:db8::1:0:0:1" },
    { "2001:0db8::1:0:0:1", 0x20010db800000000, 0x0001000000000001, "2001:db8::1:0:0:1" },
    { "2001:db8:0:0:1::1", 0x20010db800000000, 0x0001000000000001, "2001:db8::1:0:0:1" },
    { "2001:db8:0000:0:1::1", 0x20010db800000000, 0x0001000000000001, "2001:db8::1:0:0:1" },
    { "2001:DB8:0:0:1::1", 0x20010db800000000, 0x0001000000000001, "2001:db8::1:0:0:1" },
    /* RFC 5952 section 2: zeros within fields, letters of either case */
    { "2001:db8:aaaa:bbbb:cccc:dddd:eeee:0001", 0x20010db8aaaabbbb, 0xccccddddeeee0001,
      "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1" },
    { "2001:db8:aaaa:bbbb:cccc:dddd:0:1", 0x20010db8aaaabbbb, 0xccccdddd00000001, "2001:db8:aaaa:bbbb:cccc:dddd:0:1" },
    { "2001:db8:aaaa:bbbb:cccc:dddd:EEEE:1234", 0x20010db8aaaabbbb, 0xccccddddeeee1234,
      "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1234" },
    { "2001:db8:0:0:0::1", 0x20010db800000000, 1, "2001:db8::1" },
    { "2001:db8::0:0:1", 0x20010db800000000, 1, "2001:db8::1" },
    /* RFC 5952 section 4.2.2: one zero field stays; 4.2.3: the longest run, and the first of equals */
    { "2001:db8::1:1:1:1:1", 0x20010db800000001, 0x0001000100010001, "2001:db8:0:1:1:1:1:1" },
    { "2001:0:0:1:0:0:0:1", 0x2001000000000001, 1, "2001:0:0:1::1" },
    { "2001:db8:0:0:1:0:0:0", 0x20010db800000000, 0x0001000000000000, "2001:db8:0:0:1::" },
    { "0:0:1:1:1:1:0:0", 0x0000000000010001, 0x0001000100000000, "::1:1:1:1:0:0" },
    { "0:1:2:3:4:5:6:7", 0x0000000100020003, 0x0004000500060007, "0:1:2:3:4:5:6:7" },
    { "1:2:3:4:5:6:7::", 0x0001000200030004, 0x0005000600070000, "1:2:3:4:5:6:7:0" },
    { "::2:3:4:5:6:7:8", 0x0000000200030004, 0x0005000600070008, "0:2:3:4:5:6:7:8" },
    { "64:ff9b::192.0.2.33", 0x0064ff9b00000000, 0xc0000221, "64:ff9b::c000:221" },
    { "1:2:3:4:5:6:1.2.3.4", 0x0001000200030004, 0x0005000601020304, "1:2:3:4:5:6:102:304" },
};

static const char *const bad[] = {
    "",
    " ",
    "1",
    "1.2.3",
    "1.2.3.",
    "1.2.3.4.",
    ".1.2.3.4",
    "1..3.4",
    "1.2.3.4.5",
    "256.0.0.1",
    "1.2.3.256",
    "1.2.3.1000",
    "99999999999.1.1.1",
    "01.2.3.4",
    "1.2.3.04",
    "1.2.3.00",
    "0x1.2.3.4",
    "1.2.3.4 ",
    " 1.2.3.4",
    "1.2.3.-4",
    "1.2.3.+4",
    "1.2.3.a",
    "1,2,3,4",
    "16909060",
    "localhost",
    ":",
    ":::",
    "1",
    "1:",
    ":1",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:",
    ":1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8:",
    "1::2::3",
    ":::1",
    "1:::2",
    "1:::",
    "1:2:3:4:5:6:7:8::",
    "::1:2:3:4:5:6:7:8",
    "1:2:3:4::5:6:7:8",
    "12345::",
    "::00001",
    "g::",
    "::g",
    "1::2 ",
    " ::1",
    "[::1]",
    "::1%eth0",
    "::1/64",
    "::1.2.3",
    "::1.2.3.4.5",
    "::1.2.3.4:5",
    "1.2.3.4::",
    "::256.1.1.1",
    "::01.2.3.4",
    "1:2:3:4:5:6:7:1.2.3.4",
    "1:2:3:4:5:1.2.3.4",
    "::ffff:1.2.3.4:",
    "0x1::",
    "-1::",
};

static void
test_parse_and_format(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        struct address address = { 7, 7 }, again;
        char text[ADDRESS_TEXT];

        if (!CHECK_ROW(good[i].text, address_parse(good[i].text, &address)))
            continue;
        CHECK_ROW_UINT(good[i].text, address.high, good[i].high);
        CHECK_ROW_UINT(good[i].text, address.low, good[i].low);
        CHECK_ROW(good[i].text, address_format(address, text) == text);
        CHECK_ROW_TEXT(good[i].text, text, good[i].canonical);
        CHECK_ROW(good[i].text, address_parse(text, &again) && address_equal(again, address));
    }
}

static void
test_parse_refuses(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        struct address address = { 7, 7 };

        CHECK_ROW(bad[i], !address_parse(bad[i], &address));
        CHECK_ROW(bad[i], address.high == 7 && address.low == 7); /* untouched */
    }
}

/* Each beginning of a good text parses only if it happens to be a text of its own, and then formats to one. */
static void
test_parse_truncated(void)
{
    static const char *const texts[] = { "192.168.100.200", "2001:db8:1:2:3:4:5:6", "::ffff:192.0.2.1" };
    static const size_t shortest[] = { 13, 20, 0 }; /* "192.168.100.2", all of it, see below */

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        for (size_t length = 0; length <= strlen(texts[i]); length++) {
            g_autofree char *text = g_strndup(texts[i], length);
            struct address address;
            bool expected = length >= shortest[i];

            if (i ==
                2) /* "::", "::f" to "::ffff", "::ffff:1" to "::ffff:192", and with the first digit of the quad's end */
                expected = (length >= 2 && length <= 6) || (length >= 8 && length <= 10) || length == 16;
            CHECK_ROW(text, address_parse(text, &address) == expected);
        }
    }
}

/* Random addresses with many zero fields: text and back, bytes and back, and the same text as the C library's, which
 * departs from RFC 5952 only where the first 80 bits are zero. */
static void
test_round_trip(void)
{
    for (uint64_t state = 1; state <= 20000; state++) {
        struct address address = { mix64(state), mix64(~state) }, back;
        uint64_t zeros = mix64(state << 32);
        char text[ADDRESS_TEXT], model[INET6_ADDRSTRLEN];
        uint8_t bytes[16];

        for (int field = 0; field < 4; field++) {
            if (zeros >> field & 1)
                address.high &= ~(UINT64_C(0xffff) << (16 * field));
            if (zeros >> (8 + field) & 1)
                address.low &= ~(UINT64_C(0xffff) << (16 * field));
        }
        address_format(address, text);
        CHECK_ROW(text, address_parse(text, &back) && address_equal(back, address));
        CHECK_ROW_UINT(text, address_to_bytes(address, bytes), address_is_ipv4(address) ? 4 : 16);
        CHECK_ROW(text, address_equal(address_from_bytes(bytes, address_is_ipv4(address) ? FAMILY_IPV4 : FAMILY_IPV6),
                                      address));
        if (address.high != 0)
            CHECK_ROW_TEXT(text, text, inet_ntop(AF_INET6, bytes, model, sizeof model));
    }
}

static void
test_bytes(void)
{
    static const uint8_t bytes[] = { 0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };
    static const uint8_t mapped[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1 };
    uint8_t out[16];

    struct address address = address_from_bytes(bytes, FAMILY_IPV6);
    CHECK(address.high == 0x20010db801020304 && address.low == 0x05060708090a0b0c);
    CHECK(address_to_bytes(address, out) == 16 && memcmp(out, bytes, 16) == 0);
    address = address_from_bytes(bytes, FAMILY_IPV4);
    CHECK(address_equal(address, address_ipv4(0x20010db8)));
    CHECK(address_to_bytes(address, out) == 4 && memcmp(out, bytes, 4) == 0);
    CHECK(address_equal(address_from_bytes(mapped, FAMILY_IPV6), address_ipv4(0xc0000201)));
    memset(out, 1, sizeof out);
    CHECK(address_to_bytes(ADDRESS_NONE, out) == 16);
    for (size_t i = 0; i < sizeof out; i++)
        CHECK(out[i] == 0);
}

enum { MULTICAST = 1, BROADCAST = 2, LOOPBACK = 4, LINK_LOCAL = 8, PRIVATE = 16, UNSPECIFIED = 32 };

static const struct {
    const char *text;
    enum family family;
    int kinds;
} kinds[] = {
    { "0.0.0.0", FAMILY_IPV4, UNSPECIFIED },
    { "::", FAMILY_NONE, UNSPECIFIED },
    { "0.0.0.1", FAMILY_IPV4, 0 },
    { "223.255.255.255", FAMILY_IPV4, 0 },
    { "224.0.0.0", FAMILY_IPV4, MULTICAST },
    { "239.255.255.255", FAMILY_IPV4, MULTICAST },
    { "240.0.0.0", FAMILY_IPV4, 0 },
    { "255.255.255.254", FAMILY_IPV4, 0 },
    { "255.255.255.255", FAMILY_IPV4, BROADCAST },
    { "126.255.255.255", FAMILY_IPV4, 0 },
    { "127.0.0.0", FAMILY_IPV4, LOOPBACK },
    { "127.255.255.255", FAMILY_IPV4, LOOPBACK },
    { "128.0.0.0", FAMILY_IPV4, 0 },
    { "169.253.255.255", FAMILY_IPV4, 0 },
    { "169.254.0.0", FAMILY_IPV4, LINK_LOCAL },
    { "169.254.255.255", FAMILY_IPV4, LINK_LOCAL },
    { "169.255.0.0", FAMILY_IPV4, 0 },
    { "9.255.255.255", FAMILY_IPV4, 0 },
    { "10.0.0.0", FAMILY_IPV4, PRIVATE },
    { "10.255.255.255", FAMILY_IPV4, PRIVATE },
    { "11.0.0.0", FAMILY_IPV4, 0 },
    { "172.15.255.255", FAMILY_IPV4, 0 },
    { "172.16.0.0", FAMILY_IPV4, PRIVATE },
    { "172.31.255.255", FAMILY_IPV4, PRIVATE },
    { "172.32.0.0", FAMILY_IPV4, 0 },
    { "192.167.255.255", FAMILY_IPV4, 0 },
    { "192.168.0.0", FAMILY_IPV4, PRIVATE },
    { "192.168.255.255", FAMILY_IPV4, PRIVATE },
    { "192.169.0.0", FAMILY_IPV4, 0 },
    { "100.63.255.255", FAMILY_IPV4, 0 },
    { "100.64.0.0", FAMILY_IPV4, PRIVATE },
    { "100.127.255.255", FAMILY_IPV4, PRIVATE },
    { "100.128.0.0", FAMILY_IPV4, 0 },
    { "::1", FAMILY_IPV6, LOOPBACK },
    { "::2", FAMILY_IPV6, 0 },
    { "1::1", FAMILY_IPV6, 0 },
    { "fbff::", FAMILY_IPV6, 0 },
    { "fc00::", FAMILY_IPV6, PRIVATE },
    { "fdff:ffff::1", FAMILY_IPV6, PRIVATE },
    { "fe00::", FAMILY_IPV6, 0 },
    { "fe7f::1", FAMILY_IPV6, 0 },
    { "fe80::1", FAMILY_IPV6, LINK_LOCAL },
    { "febf:ffff::1", FAMILY_IPV6, LINK_LOCAL },
    { "fec0::1", FAMILY_IPV6, 0 },
    { "feff::1", FAMILY_IPV6, 0 },
    { "ff00::", FAMILY_IPV6, MULTICAST },
    { "ff02::1", FAMILY_IPV6, MULTICAST },
    { "2001:db8::1", FAMILY_IPV6, 0 },
    { "::ffff:10.0.0.1", FAMILY_IPV4, PRIVATE },
    { "::10.0.0.1", FAMILY_IPV6, 0 },
};

static void
test_kinds(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        const char *row = kinds[i].text;
        struct address address = ADDRESS_NONE;

        CHECK_ROW(row, address_parse(row, &address));
        CHECK_ROW_INT(row, address_family(address), kinds[i].family);
        CHECK_ROW(row, address_is_multicast(address) == !!(kinds[i].kinds & MULTICAST));
        CHECK_ROW(row, address_is_broadcast(address) == !!(kinds[i].kinds & BROADCAST));
        CHECK_ROW(row, address_is_loopback(address) == !!(kinds[i].kinds & LOOPBACK));
        CHECK_ROW(row, address_is_link_local(address) == !!(kinds[i].kinds & LINK_LOCAL));
        CHECK_ROW(row, address_is_private(address) == !!(kinds[i].kinds & PRIVATE));
        CHECK_ROW(row, address_is_unspecified(address) == !!(kinds[i].kinds & UNSPECIFIED));
    }
}

/* Each stands before the next. */
static const char *const ordered[] = {
    "::",        "0.0.0.0",    "9.255.255.255",        "10.0.0.0", "128.0.0.0", "255.255.255.255", "::1", "::1:0:0:0",
    "0:0:0:1::", "2001:db8::", "2001:db8::8000:0:0:0", "ff00::",
};

static void
test_order(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(ordered); i++) {
        for (size_t j = 0; j < G_N_ELEMENTS(ordered); j++) {
            struct endpoint a = { .port = 5 }, b = { .port = 5 };
            int order = i < j ? -1 : i > j;

            CHECK_ROW(ordered[i], address_parse(ordered[i], &a.address) && address_parse(ordered[j], &b.address));
            CHECK_ROW_INT(ordered[i], address_compare(a.address, b.address), order);
            CHECK_ROW_INT(ordered[i], endpoint_compare(a, b), order);
            CHECK_ROW(ordered[i], address_equal(a.address, b.address) == (order == 0));
            b.port = 40000;
            CHECK_ROW_INT(ordered[i], endpoint_compare(a, b), order ? order : -1);
            CHECK_ROW_INT(ordered[i], endpoint_compare(b, a), order ? -order : 1);
            CHECK_ROW(ordered[i], !endpoint_equal(a, b));
        }
    }
}

static const struct {
    const char *text, *canonical; /* NULL: refused */
    uint16_t port;
} endpoints[] = {
    { "192.0.2.1:5000", "192.0.2.1:5000", 5000 },
    { "0.0.0.0:0", "0.0.0.0:0", 0 },
    { "255.255.255.255:65535", "255.255.255.255:65535", 65535 },
    { "[2001:DB8:0::1]:3478", "[2001:db8::1]:3478", 3478 },
    { "[::]:1", "[::]:1", 1 },
    { "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", 65535 },
    { "[::ffff:192.0.2.1]:80", "192.0.2.1:80", 80 },
    { "", NULL, 0 },
    { ":", NULL, 0 },
    { ":80", NULL, 0 },
    { "192.0.2.1", NULL, 0 },
    { "192.0.2.1:", NULL, 0 },
    { "192.0.2.1:65536", NULL, 0 },
    { "192.0.2.1:080", NULL, 0 },
    { "192.0.2.1:00", NULL, 0 },
    { "192.0.2.1:-1", NULL, 0 },
    { "192.0.2.1:+1", NULL, 0 },
    { "192.0.2.1: 1", NULL, 0 },
    { "192.0.2.1:1 ", NULL, 0 },
    { " 192.0.2.1:1", NULL, 0 },
    { "192.0.2.1:1:2", NULL, 0 },
    { "192.0.2.1:0x50", NULL, 0 },
    { "192.0.2.1:99999999999999999999", NULL, 0 },
    { "192.0.2:1", NULL, 0 },
    { "[192.0.2.1]:80", NULL, 0 },
    { "::1:80", NULL, 0 },
    { "2001:db8::1", NULL, 0 },
    { "2001:db8:1:2:3:4:5:6:80", NULL, 0 },
    { "[::1]", NULL, 0 },
    { "[::1]80", NULL, 0 },
    { "[::1:80", NULL, 0 },
    { "::1]:80", NULL, 0 },
    { "[]:80", NULL, 0 },
    { "[", NULL, 0 },
    { "]:1", NULL, 0 },
    { "[:1", NULL, 0 },
    { "[[::1]]:80", NULL, 0 },
    { "[::1]:", NULL, 0 },
    { "[::1] :80", NULL, 0 },
    { "[::1%1]:80", NULL, 0 },
    { "localhost:80", NULL, 0 },
};

static void
test_endpoints(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(endpoints); i++) {
        struct endpoint endpoint = { .port = 7 };
        char text[ENDPOINT_TEXT];

        if (!CHECK_ROW(endpoints[i].text, endpoint_parse(endpoints[i].text, &endpoint) == !!endpoints[i].canonical))
            continue;
        if (!endpoints[i].canonical) {
            CHECK_ROW(endpoints[i].text, endpoint.port == 7 && address_is_none(endpoint.address));
            continue;
        }
        CHECK_ROW_INT(endpoints[i].text, endpoint.port, endpoints[i].port);
        CHECK_ROW_TEXT(endpoints[i].text, endpoint_format(endpoint, text), endpoints[i].canonical);
    }
}

static const struct {
    const char *text;
    int length;               /* -1: refused */
    const char *first, *last; /* of the network */
} prefixes[] = {
    { "10.0.0.0/8", 8, "10.0.0.0", "10.255.255.255" },
    { "10.0.0.254/24", 24, "10.0.0.0", "10.0.0.255" },
    { "192.0.2.77/28", 28, "192.0.2.64", "192.0.2.79" },
    { "192.0.2.1/32", 32, "192.0.2.1", "192.0.2.1" },
    { "192.0.2.1/31", 31, "192.0.2.0", "192.0.2.1" },
    { "1.2.3.4/0", 0, "0.0.0.0", "255.255.255.255" },
    { "::/0", 0, "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
    { "2001:db8:1::9/32", 32, "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff" },
    { "2001:db8::1/64", 64, "2001:db8::", "2001:db8::ffff:ffff:ffff:ffff" },
    { "2001:db8::1:2/63", 63, "2001:db8::", "2001:db8:0:1:ffff:ffff:ffff:ffff" },
    { "2001:db8::ffff/113", 113, "2001:db8::8000", "2001:db8::ffff" },
    { "2001:db8::1/128", 128, "2001:db8::1", "2001:db8::1" },
    { "::ffff:10.1.2.3/104", 8, "10.0.0.0", "10.255.255.255" },
    { "::ffff:10.1.2.3/128", 32, "10.1.2.3", "10.1.2.3" },
    { "::ffff:10.1.2.3/95", -1, NULL, NULL },
    { "::ffff:10.1.2.3/129", -1, NULL, NULL },
    { "10.0.0.0/33", -1, NULL, NULL },
    { "10.0.0.0/08", -1, NULL, NULL },
    { "10.0.0.0/", -1, NULL, NULL },
    { "10.0.0.0", -1, NULL, NULL },
    { "10.0.0/8", -1, NULL, NULL },
    { "/8", -1, NULL, NULL },
    { "", -1, NULL, NULL },
    { "10.0.0.0/-1", -1, NULL, NULL },
    { "10.0.0.0/8/8", -1, NULL, NULL },
    { "10.0.0.0/255.0.0.0", -1, NULL, NULL },
    { "10.0.0.0 /8", -1, NULL, NULL },
    { "10.0.0.0/8 ", -1, NULL, NULL },
    { "2001:db8::/129", -1, NULL, NULL },
    { "2001:db8::/4294967297", -1, NULL, NULL },
    { "[2001:db8::]/32", -1, NULL, NULL },
};

static void
test_prefixes(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++) {
        const char *row = prefixes[i].text;
        struct prefix prefix = { ADDRESS_NONE, 99 };
        struct address first, last;

        if (!CHECK_ROW(row, prefix_parse(row, &prefix) == (prefixes[i].length >= 0)))
            continue;
        if (prefixes[i].length < 0) {
            CHECK_ROW(row, prefix.length == 99 && address_is_none(prefix.address));
            continue;
        }
        CHECK_ROW_INT(row, prefix.length, prefixes[i].length);
        CHECK_ROW(row, address_parse(prefixes[i].first, &first) && address_parse(prefixes[i].last, &last));
        CHECK_ROW(row, address_equal(address_network(prefix.address, prefix.length), first));
        CHECK_ROW(row, prefix_contains(prefix, first) && prefix_contains(prefix, last));
        if (prefix.length > 0) {
            CHECK_ROW(row, !prefix_contains(prefix, address_add(last, 1)));
            CHECK_ROW(row, !prefix_contains(prefix, address_add(first, UINT64_MAX)) || !address_is_ipv4(first));
        }
        CHECK_ROW(row, !prefix_contains(prefix, address_is_ipv4(first) ? ADDRESS_NONE : address_ipv4(1)));
    }
}

static void
test_add(void)
{
    struct address address;

    CHECK(address_equal(address_add(address_ipv4(0x0a0000ff), 1), address_ipv4(0x0a000100)));
    CHECK(address_equal(address_add(address_ipv4(UINT32_MAX), 1), address_ipv4(0))); /* stays in its family */
    CHECK(address_parse("2001:db8::ffff:ffff:ffff:ffff", &address));
    address = address_add(address, 2);
    CHECK(address.high == 0x20010db800000001 && address.low == 1);
}

/* Ends that differ hash apart, in low bits too: tables cut those out. */
static void
test_hash(void)
{
    g_autoptr(GHashTable) low = g_hash_table_new(NULL, NULL);

    for (uint32_t i = 0; i < 256; i++) {
        struct endpoint endpoint = { address_ipv4(0x0a000000 + i % 16), (uint16_t)(5000 + i / 16) };

        CHECK(endpoint_hash(endpoint) == endpoint_hash(endpoint));
        g_hash_table_add(low, GSIZE_TO_POINTER((gsize)(endpoint_hash(endpoint) & 0xffff) + 1));
    }
    CHECK(g_hash_table_size(low) >= 250); /* of 256 thrown into 65,536 */
    CHECK(span_hash(span_of_text("ab")) == span_hash(span_of_text("ab")));
    CHECK(span_hash(span_of_text("ab")) != span_hash(span_of_text("ba")));
    CHECK(span_hash(span_of("", 1)) != span_hash(span_of("", 0)));
    CHECK(address_hash(address_ipv4(1)) != address_hash((struct address){ 0, 1 }));
}

static void
test_protocols(void)
{
    static const struct {
        uint8_t protocol;
        const char *word;
    } rows[] = {
        { 1, "icmp" }, { 6, "tcp" }, { 17, "udp" }, { 58, "icmpv6" }, { 0, NULL }, { 41, NULL }, { 255, NULL }
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        CHECK_ROW_TEXT(rows[i].word ? rows[i].word : "(none)", protocol_name(rows[i].protocol), rows[i].word);
}

void
suite_address(void)
{
    UNIT_SUITE("address", NULL, NULL, { "text in and out", test_parse_and_format },
               { "text refused", test_parse_refuses }, { "text cut short", test_parse_truncated },
               { "random addresses there and back", test_round_trip }, { "bytes", test_bytes }, { "kinds", test_kinds },
               { "order", test_order }, { "endpoints", test_endpoints }, { "prefixes", test_prefixes },
               { "adding", test_add }, { "hashes", test_hash }, { "protocol words", test_protocols });
}
