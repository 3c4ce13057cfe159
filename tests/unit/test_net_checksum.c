#include "core/net/checksum.h"

#include "core/base/random.h"
#include "tests/unit/support.h"
#include "tests/unit/support_net.h"

/* Sums, not their complements. */
static const struct {
    const char *name, *bytes;
    uint16_t sum;
} sums[] = {
    { "RFC 1071 section 3", "00 01 f2 03 f4 f5 f6 f7", 0xddf2 },
    { "nothing", "", 0 },
    { "one byte is the high half of a word", "ab", 0xab00 },
    { "an odd number of bytes", "00 01 02", 0x0201 },
    { "three words", "00 01 00 02 00 03", 6 },
    { "five bytes", "ff ff 00 01 80", 0x8001 },
    { "seven bytes", "01 02 03 04 05 06 07", 0x100c },
    { "a carry out of the carry", "ff ff ff ff ff ff 00 01", 1 },
    { "all ones stay all ones", "ff ff ff ff", 0xffff },
    { "all zeros stay zero", "00 00 00 00 00", 0 },
};

static void
test_sums(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(sums); i++) {
        g_autoptr(GBytes) bytes = unit_hex(sums[i].bytes);
        g_autofree uint8_t *exact = unit_exact(unit_span(bytes));
        struct span span = span_of(exact, g_bytes_get_size(bytes));

        CHECK_ROW_UINT(sums[i].name, checksum_fold(checksum_add(0, span)), sums[i].sum);
        CHECK_ROW_UINT(sums[i].name, checksum_of(span), (uint16_t)~sums[i].sum);
        CHECK_ROW_UINT(sums[i].name, net_slow_sum(0, span), sums[i].sum);
    }
}

/* Every length up to 70, whatever the bytes; RFC 1071 section 2(A): in two even parts it is the same. */
static void
test_random_sums(void)
{
    struct random_stream dice = random_stream_of(1, "checksum", "bytes");

    for (unsigned n = 0; n < 2000; n++) {
        uint8_t bytes[70];
        size_t length = n % (sizeof bytes + 1), cut = random_below(&dice, length / 2 + 1) * 2;
        uint64_t sum;

        random_fill(&dice, bytes, sizeof bytes);
        if (n % 3 == 0)
            memset(bytes, 0xff, sizeof bytes);
        sum = checksum_add(checksum_add(0, span_of(bytes, cut)), span_of(bytes + cut, length - cut));
        CHECK_ROW_UINT("in one", checksum_fold(checksum_add(0, span_of(bytes, length))),
                       net_slow_sum(0, span_of(bytes, length)));
        CHECK_ROW_UINT("in two", checksum_fold(sum), net_slow_sum(0, span_of(bytes, length)));
    }
}

static const struct {
    const char *name;
    uint64_t sum;
    uint16_t folded;
} folds[] = {
    { "small", 0x1234, 0x1234 },
    { "17 bits", 0x1ffff, 1 },
    { "32 bits", 0xffffffff, 0xffff },
    { "33 bits", 0x1ffffffff, 1 },
    { "64 bits", UINT64_MAX, 0xffff },
    { "the most that carries twice", UINT64_C(0xffffffff0000fffe), 0xfffe },
    { "the highest bit", UINT64_C(1) << 63, 0x8000 },
};

static void
test_fold(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(folds); i++)
        CHECK_ROW_UINT(folds[i].name, checksum_fold(folds[i].sum), folds[i].folded);
}

static const struct {
    const char *name;
    uint16_t checksum;
    uint64_t old, new;
    uint16_t mended;
} mends[] = {
    /* RFC 1624 section 4: equation 2 would give 0xffff here, which no sender writes */
    { "the corner case of RFC 1624", 0xdd2f, 0x5555, 0x3285, 0x0000 },
    { "and back", 0x0000, 0x3285, 0x5555, 0xdd2f },
    { "nothing changed", 0x1234, 0x5555, 0x5555, 0x1234 },
    { "nothing changed, 0", 0x1234, 0, 0, 0x1234 },
    { "0 becomes 1", 0x1234, 0, 1, 0x1233 },
    { "two words", 0xdd2f, 0x15555, 0x13285, 0x0000 },
    { "unfolded sums", 0x1234, 0x2fffd, 0x1fffe, 0x1234 },
    { "the largest sums", 0x1234, 0x7fff8000, 0, 0x1234 }, /* a multiple of 0xffff */
    { "the largest sums added", 0x1234, 0, 0x7fff8000, 0x1234 },
};

static void
test_mend(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(mends); i++)
        CHECK_ROW_UINT(mends[i].name, checksum_mend(mends[i].checksum, mends[i].old, mends[i].new), mends[i].mended);
}

/* Some words of a message change; the mended checksum is what the whole of it gives. The first word stays and isn't 0,
 * as in an IP header and a pseudo-header. */
static void
test_random_mends(void)
{
    struct random_stream dice = random_stream_of(2, "checksum", "mend");

    for (unsigned n = 0; n < 5000; n++) {
        uint8_t bytes[20];
        size_t at = 2 + random_below(&dice, 8) * 2, size = random_below(&dice, 2) ? 2 : 4;
        uint16_t checksum;
        uint64_t old, new;

        random_fill(&dice, bytes, sizeof bytes);
        bytes[0] = 0x45;
        size = MIN(size, sizeof bytes - at);
        if (n % 4 == 0)
            memset(bytes + 2, n % 8 ? 0xff : 0, 18);
        checksum = checksum_of(span_of(bytes, sizeof bytes));
        old = checksum_fold(checksum_add(0, span_of(bytes + at, size)));
        if (n % 5 == 0)
            memset(bytes + at, n % 10 ? 0xff : 0, size);
        else
            random_fill(&dice, bytes + at, size);
        new = checksum_fold(checksum_add(0, span_of(bytes + at, size)));
        CHECK_ROW_UINT("mended", checksum_mend(checksum, old, new), checksum_of(span_of(bytes, sizeof bytes)));
    }
}

/* RFC 768: source, destination, zero and protocol, length; RFC 8200 section 8.1: the same with wider fields. */
static void
test_pseudo(void)
{
    struct address source = net_address("192.0.2.1"), destination = net_address("198.51.100.200");
    g_autoptr(GBytes) four = unit_hex("c0 00 02 01 c6 33 64 c8 00 11 12 34");
    g_autoptr(GBytes) six = unit_hex("20 01 0d b8 00 01 00 02 00 03 00 04 00 05 00 06"
                                     "20 01 0d b8 ff ff ff fe ff fd ff fc ff fb ff fa 00 01 23 45 00 00 00 3a");
    uint64_t sum = checksum_pseudo(source, destination, PROTOCOL_UDP, 0x1234);

    CHECK_ROW_UINT("IPv4", checksum_fold(sum), net_slow_sum(0, unit_span(four)));
    sum = checksum_pseudo(net_address("2001:db8:1:2:3:4:5:6"), net_address("2001:db8:ffff:fffe:fffd:fffc:fffb:fffa"),
                          PROTOCOL_ICMPV6, 0x12345);
    CHECK_ROW_UINT("IPv6", checksum_fold(sum), net_slow_sum(0, unit_span(six)));
}

void
suite_net_checksum(void)
{
    UNIT_SUITE("checksum", NULL, NULL, { "sums of bytes", test_sums }, { "random bytes", test_random_sums },
               { "folding", test_fold }, { "mending", test_mend }, { "random mending", test_random_mends },
               { "pseudo-headers", test_pseudo });
}
