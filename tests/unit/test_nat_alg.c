/* ALGs: the mechanism (what changes, lengths, checksums, what passes as it is), and rewrite-addresses. Data is written as a
 * text in which {203.0.113.1} stands for the bytes of that address. */
#include "nat/alg/alg.h"

#include <string.h>

#include "tests/unit/support.h"
#include "tests/unit/support_nat.h"
#include "tests/unit/support_net.h"

#define A "10.0.0.2:5000"
#define B "10.0.0.3:6000"
#define Y "198.51.100.1:7000"
#define XA "203.0.113.1:5000"
#define XB "203.0.113.1:6000"
#define OUT "out 203.0.113.1:5000 > 198.51.100.1:7000"
#define IN "in 198.51.100.1:7000 > 10.0.0.2:5000"

enum { DATA_MAX = 1600 };

static struct nat_bench bench;

static void
tear_down(void)
{
    if (bench.world)
        nat_bench_close(&bench);
    bench.world = NULL;
}

static void
open_box(const char *preset, bool by_quirk)
{
    struct nat_options options = nat_preset_find(preset)->options;

    options.algs = by_quirk ? 0 : NAT_ALG_REWRITE_ADDRESSES;
    options.quirks = by_quirk ? 1 << NAT_QUIRK_REWRITES_PAYLOAD : 0;
    options.hairpin = NAT_HAIRPIN_EXTERNAL_SOURCE;
    nat_bench_open_pool(&bench, &options, 1);
    bench.by_wire = true;
}

/* ---- data */

struct data {
    uint8_t bytes[DATA_MAX];
    size_t length;
};

static struct data
data_of(const char *text)
{
    struct data data = { .length = 0 };

    for (const char *at = text; *at; at++) {
        const char *end = *at == '{' ? strchr(at, '}') : NULL;

        if (!end) {
            data.bytes[data.length++] = (uint8_t)*at;
            continue;
        }
        g_autofree char *address = g_strndup(at + 1, (gsize)(end - at - 1));
        struct address value;

        g_assert(address_parse(address, &value));
        data.length += address_to_bytes(value, data.bytes + data.length);
        at = end;
    }
    return data;
}

/* Sends a datagram of this data; true when that which left has the data `expected`, and nothing about it is bad. */
static void
check_udp(const char *name, enum nat_side side, const char *from, const char *to, const char *sent, const char *left,
          const char *expected, bool no_checksum)
{
    struct data data = data_of(sent), wanted = data_of(expected);
    struct wire_packet packet = { .from = nat_endpoint(from), .to = nat_endpoint(to), .protocol = PROTOCOL_UDP,
                                  .no_checksum = no_checksum, .data = span_of(data.bytes, data.length) };
    size_t header = address_is_ipv4(packet.from.address) ? 28 : 48;

    g_autofree char *told = g_strconcat(left, no_checksum ? " without checksum" : "", NULL);

    CHECK_ROW_TEXT(name, nat_bench_wire(&bench, side, &packet), told);
    CHECK_ROW_UINT(name, bench.last->len, header + wanted.length);
    CHECK_ROW(name, bench.last->len == header + wanted.length &&
                        memcmp(bench.last->data + header, wanted.bytes, wanted.length) == 0);
}

/* ---- rewrite-addresses */

/* Outwards the internal address becomes the external one, inwards the external one the internal, wherever it stands, and
 * no other address does. */
static const struct {
    const char *name, *out, *out_left, *in, *in_left;
} payloads[] = {
    { "even", "abcd{10.0.0.2}ef", "abcd{203.0.113.1}ef", "abcd{203.0.113.1}ef", "abcd{10.0.0.2}ef" },
    { "odd", "abc{10.0.0.2}ef", "abc{203.0.113.1}ef", "abc{203.0.113.1}ef", "abc{10.0.0.2}ef" },
    { "at the end", "ab{10.0.0.2}", "ab{203.0.113.1}", "ab{203.0.113.1}", "ab{10.0.0.2}" },
    { "at an odd end", "abc{10.0.0.2}", "abc{203.0.113.1}", "abc{203.0.113.1}", "abc{10.0.0.2}" },
    { "all there is", "{10.0.0.2}", "{203.0.113.1}", "{203.0.113.1}", "{10.0.0.2}" },
    { "cut short", "{10.0.0.2}{10.0.0.2}x\n", "{203.0.113.1}{203.0.113.1}x\n", "{203.0.113.1}", "{10.0.0.2}" },
    { "several", "{10.0.0.2}a{10.0.0.2}bc{10.0.0.2}", "{203.0.113.1}a{203.0.113.1}bc{203.0.113.1}",
      "{203.0.113.1}a{203.0.113.1}", "{10.0.0.2}a{10.0.0.2}" },
    { "others are left", "{10.0.0.3}{198.51.100.1}{203.0.113.1}", "{10.0.0.3}{198.51.100.1}{203.0.113.1}",
      "{10.0.0.2}{203.0.113.2}{198.51.100.1}", "{10.0.0.2}{203.0.113.2}{198.51.100.1}" },
    { "as a text it is none", "10.0.0.2", "10.0.0.2", "203.0.113.1", "203.0.113.1" },
    { "three bytes of it", "\n", "\n", "\xcb", "\xcb" },
    { "nothing", "", "", "", "" },
};

static void
test_both_ways(void)
{
    for (int by_quirk = 0; by_quirk < 2; by_quirk++) {
        open_box("full-cone", by_quirk);
        for (size_t i = 0; i < G_N_ELEMENTS(payloads); i++)
            for (int bare = 0; bare < 2; bare++) {
                check_udp(payloads[i].name, NAT_INSIDE, A, Y, payloads[i].out, OUT,
                          payloads[i].out_left, bare);
                check_udp(payloads[i].name, NAT_OUTSIDE, Y, XA, payloads[i].in, IN,
                          payloads[i].in_left, bare);
            }
        tear_down();
    }
}

static void
test_says(void)
{
    open_box("full-cone", false);
    check_udp("once", NAT_INSIDE, A, Y, "{10.0.0.2}", OUT, "{203.0.113.1}", false);
    g_autofree char *once = nat_bench_sentence(&bench, "alg-rewrite");
    CHECK_ROW_TEXT("once", once,
                   "data: 10.0.0.2 becomes 203.0.113.1: the ALG rewrite-addresses takes any such bytes for an address");
    check_udp("twice", NAT_OUTSIDE, Y, XA, "{203.0.113.1}{203.0.113.1}", IN,
              "{10.0.0.2}{10.0.0.2}", false);
    g_autofree char *twice = nat_bench_sentence(&bench, "alg-rewrite");
    CHECK_ROW_TEXT("twice", twice, "data: 203.0.113.1 becomes 10.0.0.2, 2 times: the ALG rewrite-addresses takes any such "
                                   "bytes for an address");
    check_udp("none", NAT_INSIDE, A, Y, "{10.0.0.3}", OUT, "{10.0.0.3}", false);
    CHECK_ROW_INT("nothing to tell", nat_bench_records(&bench, "alg-rewrite"), 2);
}

/* RFC 4787 REQ-10: off unless it is asked for; and it can be switched while the box runs. */
static void
test_switched(void)
{
    struct nat_options options;

    open_box("full-cone", false);
    options = *nat_options(bench.nat);
    for (int on = 1; on >= 0; on--) {
        check_udp("as switched", NAT_INSIDE, A, Y, "{10.0.0.2}", OUT,
                  on ? "{203.0.113.1}" : "{10.0.0.2}", false);
        options.algs = 0;
        nat_set_options(bench.nat, &options);
        alg_fit(bench.box);
    }
    CHECK_ROW("no reader", nat_reader(bench.nat) == NULL);
}

/* Only the data of UDP: a segment passes as it is. */
static void
test_tcp(void)
{
    struct data data = data_of("{10.0.0.2}");
    struct wire_packet packet = { .from = nat_endpoint(A), .to = nat_endpoint(Y), .protocol = PROTOCOL_TCP,
                                  .data = span_of(data.bytes, data.length) };

    open_box("full-cone", false);
    nat_bench_tcp(&bench, NAT_INSIDE, "S", A, Y);
    nat_bench_wire(&bench, NAT_INSIDE, &packet);
    CHECK_ROW_INT("nothing is rewritten", nat_bench_records(&bench, "alg-rewrite"), 0);
    CHECK_ROW("and the data is as it was",
              bench.last->len >= 4 && memcmp(bench.last->data + bench.last->len - 4, "\x0a\0\0\2", 4) == 0);
}

/* A firewall translates nothing, so that there is nothing to rewrite. */
static void
test_firewall(void)
{
    struct nat_options options = nat_preset_find("full-cone")->options;

    nat_options_make_firewall(&options);
    options.algs = NAT_ALG_REWRITE_ADDRESSES;
    nat_bench_open_pool(&bench, &options, 1);
    bench.by_wire = true;
    check_udp("out", NAT_INSIDE, A, Y, "{10.0.0.2}", "out 10.0.0.2:5000 > 198.51.100.1:7000", "{10.0.0.2}", false);
    CHECK_ROW_INT("nothing to tell", nat_bench_records(&bench, "alg-rewrite"), 0);
}

/* A hairpinned packet goes out and comes in again (RFC 4787 section 6), and is read both times: what the way out puts in,
 * the way in finds, so that the sender's address ends as the receiver's. */
static void
test_hairpin(void)
{
    open_box("full-cone", false);
    nat_bench_udp(&bench, NAT_INSIDE, A, Y);
    nat_bench_udp(&bench, NAT_INSIDE, B, Y);
    check_udp("the receiver's", NAT_INSIDE, A, XB, "a{203.0.113.1}", "in 203.0.113.1:5000 > 10.0.0.3:6000", "a{10.0.0.3}",
              false);
    CHECK_ROW_INT("once", nat_bench_records(&bench, "alg-rewrite"), 1);
    check_udp("the sender's", NAT_INSIDE, A, XB, "a{10.0.0.2}", "in 203.0.113.1:5000 > 10.0.0.3:6000", "a{10.0.0.3}", false);
    CHECK_ROW_INT("twice", nat_bench_records(&bench, "alg-rewrite"), 3);
}

/* IPv6 has addresses of sixteen bytes, and where it becomes IPv4 no address of the one fits in the place of the other. */
static void
test_ipv6(void)
{
    struct nat_options options = nat_preset_find("full-cone")->options;

    options.algs = NAT_ALG_REWRITE_ADDRESSES;
    options.ipv6 = NAT_IPV6_MASQUERADE;
    nat_bench_open_dual(&bench, &options);
    check_udp("masqueraded", NAT_INSIDE, "[2001:db8:a::2]:5000", "[2001:db8:1::1]:7000", "a{2001:db8:a::2}b",
              "out [2001:db8:f::1]:5000 > [2001:db8:1::1]:7000", "a{2001:db8:f::1}b", false);
    check_udp("and back", NAT_OUTSIDE, "[2001:db8:1::1]:7000", "[2001:db8:f::1]:5000", "a{2001:db8:f::1}b",
              "in [2001:db8:1::1]:7000 > [2001:db8:a::2]:5000", "a{2001:db8:a::2}b", false);
    tear_down();

    options.ipv6 = NAT_IPV6_NAT64;
    nat_bench_open_dual(&bench, &options);
    bench.by_wire = true;
    struct data data = data_of("a{2001:db8:a::2}{203.0.113.1}b");
    struct wire_packet packet = { .from = nat_endpoint("[2001:db8:a::2]:5000"), .protocol = PROTOCOL_UDP,
                                  .to = nat_endpoint("[64:ff9b::c633:6401]:7000"),
                                  .data = span_of(data.bytes, data.length) };
    CHECK_ROW_TEXT("NAT64", nat_bench_wire(&bench, NAT_INSIDE, &packet), OUT);
    CHECK_ROW_UINT("NAT64", bench.last->len, 28 + data.length);
    CHECK_ROW("NAT64, as it was",
              bench.last->len >= 28 + data.length && memcmp(bench.last->data + 28, data.bytes, data.length) == 0);
}

/* What an error quotes is the datagram as the other side saw it. Its header becomes what the sender sent (RFC 5508 REQ-4);
 * its data is nobody's message. */
static void
test_icmp_error(void)
{
    struct data seen = data_of("{203.0.113.1}abcd");
    uint8_t quoted[WIRE_MAX];
    size_t length = wire_write(quoted, &(struct wire_packet){ .from = nat_endpoint(XA), .to = nat_endpoint(Y),
                                                              .protocol = PROTOCOL_UDP,
                                                              .data = span_of(seen.bytes, seen.length) });

    open_box("full-cone", false);
    nat_bench_udp(&bench, NAT_INSIDE, A, Y);
    struct wire_packet error = { .from = nat_endpoint(Y), .to = nat_endpoint("203.0.113.1:0"), .protocol = PROTOCOL_ICMP,
                                 .type = 3, .code = 3, .data = span_of(quoted, length) };
    nat_bench_wire(&bench, NAT_OUTSIDE, &error);
    CHECK_ROW_INT("no message", nat_bench_records(&bench, "alg-rewrite"), 0);
    CHECK_ROW_UINT("it passed", bench.last->len, 28 + length);
    CHECK_ROW("the quoted header is the sender's", memcmp(bench.last->data + 28 + 12, "\x0a\0\0\2", 4) == 0);
    CHECK_ROW("the quoted data is as it was", memcmp(bench.last->data + 28 + 28, seen.bytes, seen.length) == 0);
}

/* ---- fragments */

/* Puts a datagram in as two pieces, the border between them in the midst of an address. */
static const char *
in_pieces(const struct data *data)
{
    uint8_t whole[WIRE_MAX], piece[WIRE_MAX];
    size_t length = wire_write(whole, &(struct wire_packet){ .from = nat_endpoint(A), .to = nat_endpoint(Y),
                                                             .protocol = PROTOCOL_UDP,
                                                             .data = span_of(data->bytes, data->length) });
    const char *told = NULL;

    for (unsigned n = 0; n < 2; n++) {
        size_t from = n == 0 ? 0 : 16, size = n == 0 ? 16 : length - 20 - 16;
        uint16_t word = n == 0 ? NET_MF : 2;

        memcpy(piece, whole, 20);
        memcpy(piece + 20, whole + 20 + from, size);
        piece[3] = (uint8_t)(20 + size);
        piece[6] = (uint8_t)(word >> 8);
        piece[7] = (uint8_t)word;
        net_mend_header(piece);
        told = nat_bench_bytes(&bench, NAT_INSIDE, span_of(piece, 20 + size));
    }
    return told;
}

static void
test_fragments(void)
{
    struct data data = data_of("abcdef{10.0.0.2}ghijkl"), wanted = data_of("abcdef{203.0.113.1}ghijkl");
    struct nat_options options;

    open_box("full-cone", false);
    CHECK_ROW_TEXT("put together", in_pieces(&data), OUT);
    CHECK_ROW_INT("one message", nat_bench_records(&bench, "alg-rewrite"), 1);
    CHECK_ROW("rewritten", bench.last->len == 28 + wanted.length &&
                               memcmp(bench.last->data + 28, wanted.bytes, wanted.length) == 0);
    options = *nat_options(bench.nat);
    options.fragments = NODE_FRAGMENTS_IN_ORDER;
    nat_set_options(bench.nat, &options);
    CHECK_ROW_TEXT("in order only", in_pieces(&data), OUT);
    CHECK_ROW_INT("one more", nat_bench_records(&bench, "alg-rewrite"), 2);
}

/* ---- the mechanism: an ALG of the test's own, which doubles each 'g', drops each 's', and puts "xyz" for 'm' */

static void
read_letters(struct alg_message *message)
{
    for (size_t at = 0; at < message->data.length; at++) {
        uint8_t letter = message->data.bytes[at];

        if (letter == 'g')
            alg_replace(message, at, 1, span_of("gg", 2));
        else if (letter == 's')
            alg_replace(message, at, 1, span_of(NULL, 0));
        else if (letter == 'm')
            alg_replace(message, at, 1, span_of("xyz", 3));
        else if (letter == 'l')
            alg_replace(message, at, 1, span_of(message->data.bytes, MIN(message->data.length, 1000)));
    }
}

static void
tell_letters(const struct alg_message *message, struct record *record)
{
    record->detail = message->count;
}

static void
say_letters(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    g_string_append_printf(out, "%d letters", (int)record->detail);
}

static const struct record_kind letters_kind = { "test-letters", "rewritten", "", say_letters, NULL };
static const struct alg letters = { .name = "letters", .over = ALG_OVER_UDP, .port = 7000, .read = read_letters,
                                    .tell = tell_letters, .kind = &letters_kind };

static void
open_letters(const char *preset)
{
    static const struct alg *const with[] = { &letters, &alg_rewrite_addresses };

    nat_bench_open(&bench, preset, NULL);
    bench.by_wire = true;
    alg_fit_with(bench.box, with, NULL, G_N_ELEMENTS(with));
}

static const struct {
    const char *name, *sent, *left;
} lengths[] = {
    { "longer", "abg", "abgg" },
    { "longer, from the start", "gab", "ggab" },
    { "longer by two", "amb", "axyzb" },
    { "shorter", "asb", "ab" },
    { "shorter, to nothing", "s", "" },
    { "both", "gsgsm", "ggggxyz" },
    { "as long", "gs", "gg" },
    { "odd to even, and the tail moves", "gabcdefhij", "ggabcdefhij" },
    { "two ALGs, one after the other", "g{10.0.0.2}s", "gg{203.0.113.1}" },
};

/* Whatever the lengths, both headers say them, and both checksums are right: wire_say would tell. */
static void
test_lengths(void)
{
    open_letters("full-cone");
    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++)
        for (int bare = 0; bare < 2; bare++)
            check_udp(lengths[i].name, NAT_INSIDE, A, Y, lengths[i].sent, OUT,
                      lengths[i].left, bare);
    check_udp("another port", NAT_INSIDE, A, "198.51.100.1:7001", "g", "out 203.0.113.1:5000 > 198.51.100.1:7001", "g", false);
    check_udp("in, the port is the source's", NAT_OUTSIDE, Y, XA, "g", IN, "gg", false);
}

/* A message that can't be changed as a whole isn't changed at all. */
static void
test_passes(void)
{
    g_autofree char *most = g_strnfill(ALG_CHANGES_MAX, 's'), *many = g_strnfill(ALG_CHANGES_MAX + 1, 's');
    g_autofree char *bytes = g_strnfill(1000, 'a');

    open_letters("full-cone");
    check_udp("as many as may be", NAT_INSIDE, A, Y, most, OUT, "", false);
    check_udp("one more", NAT_INSIDE, A, Y, many, OUT, many, false);
    g_autofree char *changes = nat_bench_sentence(&bench, "alg-passed");
    CHECK_ROW_TEXT("one more", changes, "data: passes as it is, because there is more to change than an ALG has room for");
    memcpy(bytes, "lllll", 5);
    check_udp("too many bytes", NAT_INSIDE, A, Y, bytes, OUT, bytes, false);
    CHECK_ROW_INT("told of", nat_bench_records(&bench, "alg-passed"), 2);

    /* Of 600 bytes as many again fit into their buffer, but not three times as many. */
    g_autofree char *text = g_strnfill(600, 'a');
    memcpy(text, "laa", 3);
    g_autofree char *grown = g_strconcat(text, text + 1, NULL);
    check_udp("fits", NAT_INSIDE, A, Y, text, OUT, grown, false);
    memcpy(text, "lll", 3);
    check_udp("does not", NAT_INSIDE, A, Y, text, OUT, text, false);
    g_autofree char *room = nat_bench_sentence(&bench, "alg-passed");
    CHECK_ROW_TEXT("does not", room, "data: passes as it is, because with the changes it would be too long for its buffer, or "
                                     "for any datagram");
}

/* A checksum that was wrong stays wrong: the receiver is to find out, not the box to hide it (RFC 1624). */
static void
test_wrong_checksum(void)
{
    struct data data = data_of("gab{10.0.0.2}");
    uint8_t bytes[WIRE_MAX];
    size_t length = wire_write(bytes, &(struct wire_packet){ .from = nat_endpoint(A), .to = nat_endpoint(Y),
                                                             .protocol = PROTOCOL_UDP,
                                                             .data = span_of(data.bytes, data.length) });

    open_letters("full-cone");
    bytes[27] ^= 1;
    CHECK_ROW_TEXT("still bad", nat_bench_bytes(&bench, NAT_INSIDE, span_of(bytes, length)),
                   OUT " BAD checksum");
}

/* The words that options are read from are the names of the ALGs, bit by bit. */
static void
test_names(void)
{
    unsigned count = 0;

    for (; alg_registry[count]; count++)
        CHECK_ROW_TEXT(alg_registry[count]->name, nat_alg_words[count], alg_registry[count]->name);
    CHECK_ROW("as many words", nat_alg_words[count] == NULL);
    CHECK_ROW("the first bit", alg_registry[0] == &alg_rewrite_addresses && NAT_ALG_REWRITE_ADDRESSES == 1);
}

void
suite_nat_alg(void)
{
    UNIT_SUITE("nat: ALG", NULL, tear_down, { "names", test_names }, { "addresses, both ways", test_both_ways },
               { "what it says", test_says }, { "switched on and off", test_switched }, { "TCP", test_tcp },
               { "firewall", test_firewall }, { "hairpin", test_hairpin }, { "IPv6", test_ipv6 },
               { "ICMP error", test_icmp_error }, { "fragments", test_fragments }, { "lengths", test_lengths },
               { "passes as it is", test_passes }, { "wrong checksum", test_wrong_checksum });
}
