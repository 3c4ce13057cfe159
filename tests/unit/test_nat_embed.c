/* IPv4 addresses in IPv6 addresses (RFC 6052), and prefix translation (RFC 6296). */
#include "nat/embed.h"
#include "nat/npt.h"

#include "core/base/random.h"
#include "core/net/checksum.h"
#include "tests/unit/support.h"

static struct address
address_of(const char *text)
{
    struct address address = ADDRESS_NONE;

    CHECK_ROW(text, address_parse(text, &address));
    return address;
}

static struct prefix
prefix_of(const char *text)
{
    struct prefix prefix = { ADDRESS_NONE, 0 };

    CHECK_ROW(text, prefix_parse(text, &prefix));
    return prefix;
}

static void
check_address(const char *row, struct address got, const char *wanted)
{
    char text[ADDRESS_TEXT];

    CHECK_ROW_TEXT(row, address_format(got, text), wanted);
}

/* ---- RFC 6052 section 2.4: 192.0.2.33 behind each length */

static const struct {
    const char *prefix, *ipv6;
} embedded[] = {
    { "2001:db8::/32", "2001:db8:c000:221::" },
    { "2001:db8:100::/40", "2001:db8:1c0:2:21::" },
    { "2001:db8:122::/48", "2001:db8:122:c000:2:2100::" },
    { "2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::" },
    { "2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100:0" },
    { "2001:db8:122:344::/96", "2001:db8:122:344::c000:221" },
    { "64:ff9b::/96", "64:ff9b::c000:221" },
};

static void
test_embeds(void)
{
    struct address ipv4 = address_of("192.0.2.33"), back;

    for (size_t i = 0; i < G_N_ELEMENTS(embedded); i++) {
        struct prefix prefix = prefix_of(embedded[i].prefix);

        CHECK_ROW(embedded[i].prefix, embed_prefix_is_good(prefix));
        check_address(embedded[i].prefix, embed_ipv4(prefix, ipv4), embedded[i].ipv6);
        CHECK_ROW(embedded[i].prefix, embedded_ipv4(prefix, address_of(embedded[i].ipv6), &back));
        check_address(embedded[i].prefix, back, "192.0.2.33");
    }
    CHECK(prefix_contains(embed_well_known, address_of("64:ff9b::1")) && embed_well_known.length == 96);
}

static void
test_embeds_all(void)
{
    struct random_stream random = random_stream_of(1, "embed", "addresses");
    struct address back;

    for (size_t i = 0; i < G_N_ELEMENTS(embedded); i++) {
        struct prefix prefix = prefix_of(embedded[i].prefix);

        for (int n = 0; n < 1000; n++) {
            struct address ipv4 = address_ipv4(random_u32(&random));

            CHECK_ROW(embedded[i].prefix, embedded_ipv4(prefix, embed_ipv4(prefix, ipv4), &back) &&
                                              address_equal(back, ipv4));
        }
    }
}

/* Another prefix; bits 64 to 71 that are not zero; what follows the address is not looked at (section 2.2). */
static void
test_extracts(void)
{
    struct address back;

    CHECK(!embedded_ipv4(prefix_of("64:ff9b::/96"), address_of("64:ff9b:1::c000:221"), &back));
    CHECK(!embedded_ipv4(prefix_of("64:ff9b::/96"), address_of("192.0.2.33"), &back));
    CHECK(!embedded_ipv4(prefix_of("2001:db8::/32"), address_of("2001:db8:c000:221:100::"), &back));
    CHECK(embedded_ipv4(prefix_of("2001:db8::/32"), address_of("2001:db8:c000:221:0:1:2:3"), &back));
    check_address("with a suffix", back, "192.0.2.33");
}

static void
test_good_prefixes(void)
{
    static const struct {
        const char *prefix;
        bool good;
    } rows[] = {
        { "2001:db8::/32", true },  { "2001:db8::/33", false },  { "2001:db8::/24", false },
        { "2001:db8::/72", false }, { "2001:db8::/128", false }, { "2001:db8:0:0:100::/96", false },
        { "10.0.0.0/32", false },   { "64:ff9b:1::/48", true },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        CHECK_ROW(rows[i].prefix, embed_prefix_is_good(prefix_of(rows[i].prefix)) == rows[i].good);
    CHECK(!embed_allows(embed_well_known, address_of("10.0.0.1")));
    CHECK(!embed_allows(embed_well_known, address_of("100.64.0.1")));
    CHECK(embed_allows(embed_well_known, address_of("198.51.100.1")));
    CHECK(embed_allows(prefix_of("64:ff9b:1::/96"), address_of("10.0.0.1")));
}

/* ---- RFC 6296 */

static const struct {
    const char *name, *internal, *external, *inside, *outside;
} translated[] = {
    { "section 3.1's example", "fd01:203:405::/48", "2001:db8:1::/48", "fd01:203:405:1::1234", "2001:db8:1:d550::1234" },
    { "its subnet 0", "fd01:203:405::/48", "2001:db8:1::/48", "fd01:203:405::1", "2001:db8:1:d54f::1" },
    { "the sum wraps", "fd01:203:405::/48", "2001:db8:1::/48", "fd01:203:405:3000::1", "2001:db8:1:550::1" },
    { "ffff becomes 0", "fd01:203:405::/48", "2001:db8:1::/48", "fd01:203:405:2ab0::1", "2001:db8:1::1" },
    { "/64: the first word of the identifier", "fd00::/64", "2001:db8::/64", "fd00::1", "2001:db8::cf47:0:0:1" },
    { "/64: the second, where that is ffff", "fd00::/64", "2001:db8::/64", "fd00::ffff:0:0:1",
      "2001:db8::ffff:cf47:0:1" },
    { "/64: the last", "fd00::/64", "2001:db8::/64", "fd00::ffff:ffff:ffff:1", "2001:db8::ffff:ffff:ffff:cf48" },
    { "/56 leaves the subnet alone", "fd00::/56", "2001:db8::/56", "fd00:0:0:7::1", "2001:db8:0:7:cf47::1" },
    { "the shorter prefix has zeros behind it", "fd00::/48", "2001:db8:0:4000::/52", "fd00::1",
      "2001:db8:0:4000:8f47::1" },
    { "to itself", "fd00::/48", "fd00::/48", "fd00:0:0:5::1", "fd00:0:0:5::1" },
};

static void
test_translates(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(translated); i++) {
        struct address there, back;
        struct npt npt;

        CHECK_ROW(translated[i].name,
                  npt_make(&npt, prefix_of(translated[i].internal), prefix_of(translated[i].external)));
        CHECK_ROW(translated[i].name, npt_outbound(&npt, address_of(translated[i].inside), &there));
        check_address(translated[i].name, there, translated[i].outside);
        CHECK_ROW(translated[i].name, npt_inbound(&npt, there, &back));
        check_address(translated[i].name, back, translated[i].inside);
    }
}

/* Whatever the prefixes and the address: there and back is the same, and the sum of the words too (section 2.6). */
static void
test_is_neutral(void)
{
    struct random_stream random = random_stream_of(1, "npt", "addresses");

    for (int i = 0; i < 20000; i++) {
        struct prefix prefixes[2];
        struct address inside, there, back;
        struct npt npt;

        for (int n = 0; n < 2; n++) {
            struct address any = { UINT64_C(0x2000000000000000) | random_u64(&random) >> 3, 0 };

            prefixes[n].length = (uint8_t)(16 + random_below(&random, 49));
            prefixes[n].address = address_network(any, prefixes[n].length);
        }
        CHECK(npt_make(&npt, prefixes[0], prefixes[1]));
        inside = npt.internal.address;
        if (npt.length < 64)
            inside.high |= random_u64(&random) >> npt.length;
        inside.low = random_u64(&random);
        if (!npt_outbound(&npt, inside, &there))
            continue;
        CHECK(prefix_contains(npt.external, there));
        CHECK(checksum_fold(checksum_address(there)) % 0xffff == checksum_fold(checksum_address(inside)) % 0xffff);
        CHECK(npt_inbound(&npt, there, &back) && address_equal(back, inside));
    }
}

static void
test_untranslatable(void)
{
    struct address out;
    struct npt npt;

    CHECK(npt_make(&npt, prefix_of("fd01:203:405::/48"), prefix_of("2001:db8:1::/48")));
    CHECK(!npt_outbound(&npt, address_of("fd01:203:405:ffff::1"), &out)); /* section 3.4 */
    CHECK(!npt_outbound(&npt, address_of("fd01:203:406::1"), &out));
    CHECK(!npt_inbound(&npt, address_of("2001:db8:2::1"), &out));
    CHECK(npt_make(&npt, prefix_of("fd00::/64"), prefix_of("2001:db8::/64")));
    CHECK(!npt_outbound(&npt, address_of("fd00::ffff:ffff:ffff:ffff"), &out)); /* section 3.5 */
    CHECK(!npt_make(&npt, prefix_of("fd00::/65"), prefix_of("2001:db8::/64")));
    CHECK(!npt_make(&npt, prefix_of("10.0.0.0/8"), prefix_of("2001:db8::/64")));
}

void
suite_nat_embed(void)
{
    UNIT_SUITE("nat: embedded addresses and prefixes", NULL, NULL, { "embeds", test_embeds },
               { "embeds all", test_embeds_all }, { "extracts", test_extracts },
               { "good prefixes", test_good_prefixes }, { "translates prefixes", test_translates },
               { "leaves sums alone", test_is_neutral }, { "what can't be translated", test_untranslatable });
}
