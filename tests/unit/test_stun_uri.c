/* RFC 7064 section 3. */
#include "tests/unit/support.h"

#include "proto/stun/uri.h"

static const struct {
    const char *text;
    bool good, secure;
    const char *host, *address;
    uint16_t port;
} rows[] = {
    { "stun:example.org", true, false, "example.org", NULL, 3478 },
    { "stuns:example.org", true, true, "example.org", NULL, 5349 },
    { "stun:example.org:8000", true, false, "example.org", NULL, 8000 },
    { "STUN:Example.Org:1", true, false, "Example.Org", NULL, 1 },
    { "stun:198.51.100.1", true, false, "198.51.100.1", "198.51.100.1", 3478 },
    { "stun:198.51.100.1:65535", true, false, "198.51.100.1", "198.51.100.1", 65535 },
    { "stun:[2001:db8::1]", true, false, "2001:db8::1", "2001:db8::1", 3478 },
    { "stun:[2001:db8::1]:3479", true, false, "2001:db8::1", "2001:db8::1", 3479 },
    { "stuns:198.51.100.1", false, 0, NULL, NULL, 0 },
    { "stuns:[2001:db8::1]", false, 0, NULL, NULL, 0 },
    { "stun:2001:db8::1", false, 0, NULL, NULL, 0 },
    { "stun:[2001:db8::1", false, 0, NULL, NULL, 0 },
    { "stun:[example.org]", false, 0, NULL, NULL, 0 },
    { "stun:[2001:db8::1]3478", false, 0, NULL, NULL, 0 },
    { "stun:", false, 0, NULL, NULL, 0 },
    { "stun::3478", false, 0, NULL, NULL, 0 },
    { "stun:example.org:", false, 0, NULL, NULL, 0 },
    { "stun:example.org:0", false, 0, NULL, NULL, 0 },
    { "stun:example.org:65536", false, 0, NULL, NULL, 0 },
    { "stun:example.org:+80", false, 0, NULL, NULL, 0 },
    { "stun:example.org:80:80", false, 0, NULL, NULL, 0 },
    { "stun:example.org?transport=udp", false, 0, NULL, NULL, 0 }, /* that is turn:'s */
    { "stun://example.org", false, 0, NULL, NULL, 0 },
    { "stun:user@example.org", false, 0, NULL, NULL, 0 },
    { "stun:exam ple", false, 0, NULL, NULL, 0 },
    { "turn:example.org", false, 0, NULL, NULL, 0 },
    { "stu", false, 0, NULL, NULL, 0 },
    { "", false, 0, NULL, NULL, 0 },
};

static void
test_rows(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        struct stun_uri uri;
        struct address address = ADDRESS_NONE;

        CHECK_ROW(rows[i].text, stun_uri_parse(rows[i].text, &uri, &error) == rows[i].good);
        CHECK_ROW(rows[i].text, (error != NULL) != rows[i].good);
        if (!rows[i].good)
            continue;
        if (rows[i].address)
            CHECK(address_parse(rows[i].address, &address));
        CHECK_ROW(rows[i].text, uri.secure == rows[i].secure);
        CHECK_ROW_TEXT(rows[i].text, uri.host, rows[i].host);
        CHECK_ROW(rows[i].text, address_equal(uri.address, address));
        CHECK_ROW_UINT(rows[i].text, uri.port, rows[i].port);
    }
}

static void
test_long(void)
{
    g_autofree char *host = g_strnfill(STUN_HOST_TEXT - 1, 'a'), *good = g_strconcat("stun:", host, NULL);
    g_autofree char *bad = g_strconcat(good, "a", NULL);
    g_autoptr(GError) error = NULL;
    struct stun_uri uri;

    CHECK(stun_uri_parse(good, &uri, NULL));
    CHECK(!stun_uri_parse(bad, &uri, &error));
}

void
suite_stun_uri(void)
{
    UNIT_SUITE("stun uri", NULL, NULL, { "rows", test_rows }, { "a long host", test_long });
}
