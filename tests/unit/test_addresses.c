/* Where servers listen, from the command line. */
#include "scenarios/runner/cli/addresses.h"
#include "tests/unit/support.h"

static const struct {
    const char *text, *endpoint; /* NULL: refused */
} rows[] = {
    { "198.51.100.1", "198.51.100.1:3478" },
    { "198.51.100.1:5000", "198.51.100.1:5000" },
    { "2001:db8::1", "[2001:db8::1]:3478" },
    { "[2001:db8::1]", "[2001:db8::1]:3478" },
    { "[2001:db8::1]:5000", "[2001:db8::1]:5000" },
    { ":5000", "[::]:5000" },
    { "*:5000", "[::]:5000" },
    { "[2001:db8::1", NULL },
    { "2001:db8::1]", NULL },
    { "[198.51.100.1]", NULL },
    { "[]", NULL },
    { "[", NULL },
    { "", NULL },
    { "here", NULL },
    { "198.51.100.1:70000", NULL },
};

static void
test_rows(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        struct endpoint endpoint;
        char text[ENDPOINT_TEXT];
        bool taken = addresses_listen("--listen", rows[i].text, 3478, &endpoint, &error);

        CHECK_ROW(rows[i].text, taken == (rows[i].endpoint != NULL));
        CHECK_ROW(rows[i].text, taken == (error == NULL));
        if (taken && rows[i].endpoint)
            CHECK_ROW_TEXT(rows[i].text, endpoint_format(endpoint, text), rows[i].endpoint);
    }
}

void
suite_addresses(void)
{
    UNIT_SUITE("addresses", NULL, NULL, { "where to listen", test_rows });
}
