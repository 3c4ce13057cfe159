/* The NAT and fragments: RFC 4787 sections 10 and 11. */
#include "tests/unit/support.h"
#include "tests/unit/support_nat.h"
#include "tests/unit/support_net.h"

#define X "10.0.0.2:5000"
#define X_EXTERNAL "203.0.113.1:5000"
#define Y "198.51.100.1:7000"
#define OUT "out 203.0.113.1:5000 > 198.51.100.1:7000"
#define IN "in 198.51.100.1:7000 > 10.0.0.2:5000"

enum { DATA = 1200, PIECE = 400, PIECES = 4 }; /* 1208 bytes behind the IP header: three pieces of 400, and 8 */

static struct nat_bench bench;

static void
tear_down(void)
{
    nat_bench_until(&bench, bench.world->now + 31 * TIME_S); /* what waits for fragments ends */
    nat_bench_close(&bench);
}

/* Puts the `n`-th piece of a datagram into the box. */
static const char *
piece(enum nat_side side, const char *from, const char *to, uint16_t identification, unsigned n)
{
    uint8_t whole[20 + 8 + DATA], bytes[20 + PIECE];
    size_t length = nat_write_udp(whole, nat_endpoint(from), nat_endpoint(to), 64, DATA) - 20;
    size_t offset = n * PIECE, size = MIN(PIECE, length - offset);
    uint16_t word = (uint16_t)(offset / 8 | (offset + size < length ? NET_MF : 0));

    memcpy(bytes, whole, 20);
    memcpy(bytes + 20, whole + 20 + offset, size);
    bytes[2] = (uint8_t)((20 + size) >> 8);
    bytes[3] = (uint8_t)(20 + size);
    bytes[4] = (uint8_t)(identification >> 8);
    bytes[5] = (uint8_t)identification;
    bytes[6] = (uint8_t)(word >> 8);
    bytes[7] = (uint8_t)word;
    net_mend_header(bytes);
    return nat_bench_bytes(&bench, side, span_of(bytes, 20 + size));
}

static const struct {
    const char *name;
    unsigned order[PIECES];
} orders[] = {
    { "in order", { 0, 1, 2, 3 } },
    { "reversed", { 3, 2, 1, 0 } },
    { "the first one last", { 1, 2, 3, 0 } },
    { "the last one first", { 3, 0, 1, 2 } },
    { "mixed", { 2, 0, 3, 1 } },
};

/* REQ-14: fragments that arrive in order and out of order. Ports stand in the first one only. */
static void
test_orders(void)
{
    static const struct {
        const char *name, *from, *to, *told;
        enum nat_side side;
    } ways[] = { { "out", X, Y, OUT, NAT_INSIDE }, { "in", Y, X_EXTERNAL, IN, NAT_OUTSIDE } };
    uint16_t identification = 1;

    nat_bench_open(&bench, "port-restricted-cone", NULL);
    for (size_t way = 0; way < G_N_ELEMENTS(ways); way++)
        for (size_t i = 0; i < G_N_ELEMENTS(orders); i++, identification++) {
            g_autofree char *name = g_strdup_printf("%s, %s", ways[way].name, orders[i].name);

            for (unsigned n = 0; n < PIECES; n++)
                CHECK_ROW_TEXT(name,
                               piece(ways[way].side, ways[way].from, ways[way].to, identification, orders[i].order[n]),
                               n + 1 < PIECES ? "" : ways[way].told);
        }
    CHECK_ROW_INT("one decision a datagram, out", nat_bench_records(&bench, "nat-outbound"), G_N_ELEMENTS(orders));
    CHECK_ROW_INT("and in", nat_bench_records(&bench, "nat-inbound"), G_N_ELEMENTS(orders));
}

/* The filter sees whole datagrams: pieces without ports pass no sooner than the others. */
static void
test_filtered(void)
{
    nat_bench_open(&bench, "port-restricted-cone", NULL);
    nat_bench_udp(&bench, NAT_INSIDE, X, Y);
    for (unsigned n = PIECES; n-- > 0;)
        CHECK_ROW_TEXT("a stranger's", piece(NAT_OUTSIDE, "198.51.100.1:7001", X_EXTERNAL, 7, n), n ? "" : "-filtered");
    CHECK_ROW_TEXT("to a port without mapping", piece(NAT_OUTSIDE, Y, "203.0.113.1:5001", 8, 1), "");
    CHECK_ROW_TEXT("its first piece decides nothing", piece(NAT_OUTSIDE, Y, "203.0.113.1:5001", 8, 0), "");
}

/* REQ-14a: whoever floods the box with pieces that never become whole stops no other traffic, fragmented or not. */
static void
test_flood(void)
{
    nat_bench_open(&bench, "port-restricted-cone", NULL);
    nat_bench_udp(&bench, NAT_INSIDE, X, Y);
    for (unsigned n = 0; n < 1000; n++)
        piece(NAT_OUTSIDE, "198.51.100.9:1", X_EXTERNAL, (uint16_t)(1000 + n), n % 2);
    CHECK_ROW("bounded", bench.world->packets_alive < 100);
    CHECK_ROW("the rest ended", node_dropped(bench.box, DROP_FRAGMENT_LIMIT) > 900);
    CHECK_ROW_TEXT("a datagram out", nat_bench_udp(&bench, NAT_INSIDE, X, Y), OUT);
    CHECK_ROW_TEXT("a datagram in", nat_bench_udp(&bench, NAT_OUTSIDE, Y, X_EXTERNAL), IN);
    CHECK_ROW_TEXT("a fragmented one", piece(NAT_INSIDE, X, Y, 7, 0), "-fragment-limit"); /* the oldest of them */
    for (unsigned n = 1; n < PIECES; n++)
        CHECK_ROW_TEXT("goes on", piece(NAT_INSIDE, X, Y, 7, n), n + 1 < PIECES ? "" : OUT);
}

/* REQ-13a: what is too big for the next link and may be cut leaves in pieces, in order. With DF set: test_nat_icmp. */
static void
test_too_big(void)
{
    struct link_options options = link_defaults;
    uint8_t bytes[20 + 8 + DATA];
    size_t length = nat_write_udp(bytes, nat_endpoint(X), nat_endpoint(Y), 64, DATA);

    nat_bench_open(&bench, "port-restricted-cone", NULL);
    options.mtu = 500;
    wire_set(bench.ports[NAT_OUTSIDE]->wire, &options);
    CHECK_ROW_TEXT("whole", nat_bench_bytes(&bench, NAT_INSIDE, span_of(bytes, length)),
                   "out 203.0.113.1 > 198.51.100.1 bytes 0-479+; out 203.0.113.1 > 198.51.100.1 bytes 480-959+; "
                   "out 203.0.113.1 > 198.51.100.1 bytes 960-1207");
    for (unsigned n = 0; n < PIECES; n++)
        CHECK_ROW_TEXT("in pieces that would fit", piece(NAT_INSIDE, X, Y, 7, n),
                       n + 1 < PIECES
                           ? ""
                           : "out 203.0.113.1 > 198.51.100.1 bytes 0-479+; out 203.0.113.1 > 198.51.100.1 bytes "
                             "480-959+; out 203.0.113.1 > 198.51.100.1 bytes 960-1207");
}

static void
no_fragments(struct nat_options *options)
{
    options->fragments = NODE_FRAGMENTS_DROP;
}

static void
in_order_only(struct nat_options *options)
{
    options->fragments = NODE_FRAGMENTS_IN_ORDER;
}

/* Boxes that break REQ-14: "Receive Fragments Ordered", and those that pass none (section 11). */
static void
test_options(void)
{
    uint16_t identification = 1;

    nat_bench_open(&bench, "port-restricted-cone", no_fragments);
    for (unsigned n = 0; n < PIECES; n++)
        CHECK_ROW_TEXT("none", piece(NAT_INSIDE, X, Y, 7, n), "-fragment-refused");
    CHECK_ROW_TEXT("whole ones pass", nat_bench_udp(&bench, NAT_INSIDE, X, Y), OUT);
    tear_down();

    nat_bench_open(&bench, "port-restricted-cone", in_order_only);
    for (size_t i = 0; i < G_N_ELEMENTS(orders); i++, identification++) {
        const char *told = "";

        for (unsigned n = 0; n < PIECES; n++)
            told = piece(NAT_INSIDE, X, Y, identification, orders[i].order[n]);
        CHECK_ROW(orders[i].name, (strcmp(told, OUT) == 0) == (i == 0));
    }
    CHECK_ROW_TEXT("the first", piece(NAT_INSIDE, X, Y, 99, 0), "");
    CHECK_ROW_TEXT("the third", piece(NAT_INSIDE, X, Y, 99, 2), "-fragment-order");
    CHECK_ROW_TEXT("the second", piece(NAT_INSIDE, X, Y, 99, 1), "");
    CHECK_ROW_TEXT("the last without the third", piece(NAT_INSIDE, X, Y, 99, 3), "-fragment-order");
}

void
suite_nat_fragments(void)
{
    UNIT_SUITE("nat: fragments", NULL, tear_down, { "in any order", test_orders }, { "filtered", test_filtered },
               { "flood", test_flood }, { "too big for the next link", test_too_big },
               { "boxes that can't", test_options });
}
