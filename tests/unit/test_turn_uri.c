/* RFC 7065 section 3. */
#include "tests/unit/support.h"

#include "proto/turn/uri.h"

enum { ANY = TURN_URI_ANY, UDP = TURN_URI_UDP, TCP = TURN_URI_TCP, BAD = -1 };

static const struct {
    const char *text;
    int transport; /* or BAD */
    bool secure;
    const char *host, *address;
    uint16_t port;
} rows[] = {
    { "turn:example.org", ANY, false, "example.org", NULL, 3478 }, /* appendix A */
    { "turns:example.org", ANY, true, "example.org", NULL, 5349 },
    { "turn:example.org:8000", ANY, false, "example.org", NULL, 8000 },
    { "turn:example.org?transport=udp", UDP, false, "example.org", NULL, 3478 },
    { "turn:example.org?transport=tcp", TCP, false, "example.org", NULL, 3478 },
    { "turns:example.org?transport=tcp", TCP, true, "example.org", NULL, 5349 },
    { "TURN:example.org:1?Transport=TCP", TCP, false, "example.org", NULL, 1 },
    { "turn:198.51.100.1", ANY, false, "198.51.100.1", "198.51.100.1", 3478 },
    { "turn:[2001:db8::1]:3479?transport=udp", UDP, false, "2001:db8::1", "2001:db8::1", 3479 },
    { "turns:198.51.100.1", BAD, 0, NULL, NULL, 0 },
    { "turn:2001:db8::1", BAD, 0, NULL, NULL, 0 },
    { "turn:", BAD, 0, NULL, NULL, 0 },
    { "turn:?transport=udp", BAD, 0, NULL, NULL, 0 },
    { "turn:example.org:0", BAD, 0, NULL, NULL, 0 },
    { "turn:example.org?", BAD, 0, NULL, NULL, 0 },
    { "turn:example.org?transport=", BAD, 0, NULL, NULL, 0 },
    { "turn:example.org?transport=sctp", BAD, 0, NULL, NULL, 0 },
    { "turn:example.org?transport=udp&x=y", BAD, 0, NULL, NULL, 0 },
    { "turn:example.org?transport=udp?transport=tcp", BAD, 0, NULL, NULL, 0 },
    { "turn:alice@example.org", BAD, 0, NULL, NULL, 0 },
    { "turn://example.org", BAD, 0, NULL, NULL, 0 },
    { "stun:example.org", BAD, 0, NULL, NULL, 0 },
    { "turn", BAD, 0, NULL, NULL, 0 },
    { "", BAD, 0, NULL, NULL, 0 },
};

static void
test_rows(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        bool good = rows[i].transport != BAD;
        g_autoptr(GError) error = NULL;
        struct turn_uri uri;
        struct address address = ADDRESS_NONE;

        CHECK_ROW(rows[i].text, turn_uri_parse(rows[i].text, &uri, &error) == good);
        CHECK_ROW(rows[i].text, (error != NULL) != good);
        if (!good)
            continue;
        if (rows[i].address)
            CHECK(address_parse(rows[i].address, &address));
        CHECK_ROW(rows[i].text, (int)uri.transport == rows[i].transport && uri.server.secure == rows[i].secure);
        CHECK_ROW_TEXT(rows[i].text, uri.server.host, rows[i].host);
        CHECK_ROW(rows[i].text, address_equal(uri.server.address, address));
        CHECK_ROW_UINT(rows[i].text, uri.server.port, rows[i].port);
    }
}

void
suite_turn_uri(void)
{
    UNIT_SUITE("turn uri", NULL, NULL, { "rows", test_rows });
}
