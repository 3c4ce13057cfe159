/* Pinholes: whom they let in, by which mapping, for how long, how many; and what ALGs may open, and take back. */
#include "nat/alg/alg.h"
#include "nat/pinholes.h"
#include "tests/unit/support.h"
#include "tests/unit/support_nat.h"

#define A4 "10.0.0.2:4000"
#define A5 "10.0.0.2:4001"
#define X4 "203.0.113.1:4000"
#define X5 "203.0.113.1:4001"
#define Y "198.51.100.1:7000"
#define Z "198.51.100.2:7000"

static struct nat_bench bench;

static void
tear_down(void)
{
    if (bench.world)
        nat_bench_close(&bench);
    bench.world = NULL;
}

static void
open_box(const char *preset, enum nat_ports ports)
{
    struct nat_options options = nat_preset_find(preset)->options;

    options.udp.ports = options.tcp.ports = (uint8_t)ports;
    options.udp.timeout = 30 * TIME_S;
    nat_bench_open_pool(&bench, &options, 1);
}

static struct nat_pinhole_request
request_of(const char *internal, const char *remote)
{
    return (struct nat_pinhole_request){
        .protocol = PROTOCOL_UDP, .asker = 1, .internal = nat_endpoint(internal), .lifetime = 60 * TIME_S, .owner = 7,
        .remote = remote ? nat_endpoint(remote) : (struct endpoint){ ADDRESS_NONE, 0 },
    };
}

/* Opens one, and tells by which external endpoint: "new 203.0.113.1:4000", "again ...", "mapped ...", or a number of enum
 * nat_map_result. */
static char *
open_hole(const struct nat_pinhole_request *request, uint32_t *number)
{
    struct nat_pinhole_view view;
    bool is_new, mapped;
    enum nat_map_result result = nat_pinhole_open(bench.nat, request, &view, &is_new, &mapped);
    char text[ENDPOINT_TEXT];

    if (result != NAT_MAP_OK)
        return g_strdup_printf("%d", result);
    if (number)
        *number = view.number;
    return g_strdup_printf("%s %s", is_new ? mapped ? "mapped" : "new" : "again", endpoint_format(view.external, text));
}

static void
check_open(const char *name, const struct nat_pinhole_request *request, const char *expected)
{
    g_autofree char *told = open_hole(request, NULL);

    CHECK_ROW_TEXT(name, told, expected);
}

static void
check_udp(const char *name, enum nat_side side, const char *from, const char *to, const char *expected)
{
    CHECK_ROW_TEXT(name, nat_bench_udp(&bench, side, from, to), expected);
}

/* ---- whom they let in */

static void
test_admits(void)
{
    static const struct {
        const char *name, *remote, *from_y, *from_y2, *from_z;
    } rows[] = {
        { "anybody", NULL, "in " Y " > " A4, "in 198.51.100.1:7001 > " A4, "in " Z " > " A4 },
        { "an address", "198.51.100.1:0", "in " Y " > " A4, "in 198.51.100.1:7001 > " A4, "-filtered" },
        { "an endpoint", Y, "in " Y " > " A4, "-filtered", "-filtered" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct nat_pinhole_request request = request_of(A4, rows[i].remote);

        open_box("symmetric", NAT_PORTS_PRESERVE);
        check_open(rows[i].name, &request, "new " X4);
        check_udp(rows[i].name, NAT_OUTSIDE, Y, X4, rows[i].from_y);
        check_udp(rows[i].name, NAT_OUTSIDE, "198.51.100.1:7001", X4, rows[i].from_y2);
        check_udp(rows[i].name, NAT_OUTSIDE, Z, X4, rows[i].from_z);
        check_udp("by the same mapping, though it is symmetric", NAT_INSIDE, A4, Z, "out " X4 " > " Z);
        check_udp("who was sent to may answer", NAT_OUTSIDE, Z, X4, "in " Z " > " A4);
        tear_down();
    }
}

static void
test_narrowed(void)
{
    struct nat_pinhole_request request = request_of(A4, NULL);
    uint32_t number;

    open_box("symmetric", NAT_PORTS_PRESERVE);
    g_free(open_hole(&request, &number));
    CHECK(nat_pinhole_narrow(bench.nat, number, nat_endpoint(Y)));
    check_udp("another", NAT_OUTSIDE, Z, X4, "-filtered");
    check_udp("the one", NAT_OUTSIDE, Y, X4, "in " Y " > " A4);
    CHECK(!nat_pinhole_narrow(bench.nat, number + 1, nat_endpoint(Y)));
    request.remote = nat_endpoint(Z);
    check_open("asked for again", &request, "again " X4);
    check_udp("the other now", NAT_OUTSIDE, Z, X4, "in " Z " > " A4);
}

/* ---- by which mapping */

/* RFC 8839 section 8: a binding that is there is used, and outlives its idle time. */
static void
test_reuses(void)
{
    struct nat_pinhole_request request = request_of(A4, NULL);
    uint32_t number;

    open_box("port-restricted-cone", NAT_PORTS_SEQUENTIAL);
    nat_bench_udp(&bench, NAT_INSIDE, A4, "198.51.100.9:3478");
    g_autofree char *told = open_hole(&request, &number);
    CHECK_ROW("mapped", g_str_has_prefix(told, "mapped 203.0.113.1:"));
    nat_bench_until(&bench, 45 * TIME_S);
    CHECK_ROW("not yet", g_str_has_prefix(nat_bench_udp(&bench, NAT_OUTSIDE, Y, told + 7), "in " Y));
    CHECK(nat_pinhole_close(bench.nat, number, false));
    check_udp("closed", NAT_OUTSIDE, Z, told + 7, "-filtered");
    CHECK_ROW_INT("its own mapping stays", nat_bench_records(&bench, "nat-mapping-removed"), 0);
}

/* RTP has an even port, RTCP the next (RFC 3550 section 11), however ports are assigned. */
static void
test_pairs(void)
{
    static const enum nat_ports policies[] = { NAT_PORTS_PRESERVE, NAT_PORTS_SEQUENTIAL, NAT_PORTS_RANDOM };

    for (size_t i = 0; i < G_N_ELEMENTS(policies); i++) {
        open_box("symmetric", policies[i]);
        nat_bench_udp(&bench, NAT_INSIDE, "10.0.0.9:4000", Y);
        for (unsigned pair = 0; pair < 20; pair++) {
            g_autofree char *rtp = g_strdup_printf("10.0.0.2:%u", 4000 + 2 * pair);
            g_autofree char *rtcp = g_strdup_printf("10.0.0.2:%u", 4001 + 2 * pair);
            struct nat_pinhole_request one = request_of(rtp, NULL), other = request_of(rtcp, NULL);
            g_autofree char *first = open_hole(&one, NULL), *second = open_hole(&other, NULL);
            unsigned even = (unsigned)atoi(strrchr(first, ':') + 1), odd = (unsigned)atoi(strrchr(second, ':') + 1);

            CHECK_ROW_UINT(rtp, even % 2, 0);
            CHECK_ROW_UINT(rtp, odd, even + 1);
        }
        tear_down();
    }
}

/* A firewall translates nothing, and filters. */
static void
test_firewall(void)
{
    struct nat_options options = nat_preset_find("symmetric")->options;
    struct nat_pinhole_request request = request_of(A4, Y);

    nat_options_make_firewall(&options);
    nat_bench_open_pool(&bench, &options, 1);
    check_open("itself", &request, "new " A4);
    check_udp("in", NAT_OUTSIDE, Y, A4, "in " Y " > " A4);
    check_udp("no other", NAT_OUTSIDE, Z, A4, "-filtered");
}

/* ---- for how long */

static void
test_time(void)
{
    struct nat_pinhole_request request = request_of(A4, NULL);

    open_box("symmetric", NAT_PORTS_PRESERVE);
    g_free(open_hole(&request, NULL));
    request = request_of(A5, NULL);
    request.refreshed = true;
    g_free(open_hole(&request, NULL));
    nat_bench_until(&bench, 50 * TIME_S);
    nat_bench_udp(&bench, NAT_OUTSIDE, Y, X4);
    nat_bench_udp(&bench, NAT_OUTSIDE, Y, X5);
    nat_bench_until(&bench, 60 * TIME_S);
    check_udp("its time is over", NAT_OUTSIDE, Y, X4, "-no-mapping");
    check_udp("refreshed", NAT_OUTSIDE, Z, X5, "in " Z " > " A5);
    nat_bench_until(&bench, 119 * TIME_S);
    nat_bench_udp(&bench, NAT_INSIDE, A5, Z);
    nat_bench_until(&bench, 178 * TIME_S);
    check_udp("from inside, too", NAT_OUTSIDE, Y, X5, "in " Y " > " A5);
    nat_bench_until(&bench, 238 * TIME_S);
    check_udp("at last", NAT_OUTSIDE, Y, X5, "-no-mapping");
}

/* Whoever comes first is the only one. What he has begun may go on. */
static void
test_once(void)
{
    struct nat_pinhole_request request = request_of(A4, "198.51.100.1:0");

    request.once = true;
    open_box("symmetric", NAT_PORTS_PRESERVE);
    g_free(open_hole(&request, NULL));
    check_udp("the first", NAT_OUTSIDE, Y, X4, "in " Y " > " A4);
    check_udp("again", NAT_OUTSIDE, Y, X4, "in " Y " > " A4);
    check_udp("the second", NAT_OUTSIDE, "198.51.100.1:7001", X4, "-filtered");
    nat_bench_udp(&bench, NAT_INSIDE, A4, Y);
    nat_bench_until(&bench, 61 * TIME_S);
    check_udp("served, and idle for less than its time", NAT_OUTSIDE, Y, X4, "in " Y " > " A4);
    g_autofree char *why = nat_bench_sentence(&bench, "nat-pinhole-closed");
    CHECK_ROW_TEXT("why", why, "pinhole 1, udp " X4 " -> " A4 ", is closed: it has served the one connection that it was "
                               "for");
}

static void
test_forgotten(void)
{
    struct nat_pinhole_request request = request_of(A4, NULL);
    struct nat_pinhole_view view;

    open_box("symmetric", NAT_PORTS_PRESERVE);
    g_free(open_hole(&request, NULL));
    nat_forget(bench.nat);
    CHECK(!nat_pinhole_find(bench.nat, 1, &view));
    CHECK_ROW_INT("told", nat_bench_records(&bench, "nat-pinhole-closed"), 1);
    check_open("anew", &request, "new " X4);
}

/* ---- how many */

static void
test_limits(void)
{
    struct nat_pinhole_request request = request_of(A4, NULL);
    unsigned count = 0;

    open_box("full-cone", NAT_PORTS_PRESERVE);
    for (; count < 100; count++) {
        g_autofree char *told = NULL;

        request.owner = count;
        told = open_hole(&request, NULL);
        if (g_ascii_isdigit(told[0]))
            break;
    }
    CHECK_ROW_UINT("of a mapping", count, NAT_PINHOLES_PER_MAPPING);
    for (count = 0; count <= NAT_PINHOLES_PER_HOST; count++) {
        g_autofree char *told = NULL;

        request.internal = nat_endpoint("10.0.0.3:1024");
        request.internal.port = (uint16_t)(request.internal.port + count);
        told = open_hole(&request, NULL);
        if (g_ascii_isdigit(told[0]))
            break;
    }
    CHECK_ROW_UINT("of an internal address", count, NAT_PINHOLES_PER_HOST);
    request.internal = nat_endpoint("10.0.0.4:4000");
    g_autofree char *other = open_hole(&request, NULL);
    CHECK_ROW("of another", g_str_has_prefix(other, "new "));
}

/* Those of an owner, oldest first. */
static void
test_owners(void)
{
    uint32_t numbers[4], at = 0;

    open_box("full-cone", NAT_PORTS_PRESERVE);
    for (unsigned i = 0; i < 4; i++) {
        g_autofree char *internal = g_strdup_printf("10.0.0.2:%u", 4000 + i);
        struct nat_pinhole_request request = request_of(internal, NULL);

        request.owner = i == 2 ? 8 : 7;
        g_free(open_hole(&request, &numbers[i]));
    }
    CHECK_ROW_UINT("first", at = nat_pinhole_next(bench.nat, 1, 7, 0), numbers[0]);
    CHECK_ROW_UINT("second", at = nat_pinhole_next(bench.nat, 1, 7, at), numbers[1]);
    CHECK_ROW_UINT("third", at = nat_pinhole_next(bench.nat, 1, 7, at), numbers[3]);
    CHECK_ROW_UINT("no more", nat_pinhole_next(bench.nat, 1, 7, at), 0);
    CHECK_ROW_UINT("another's", nat_pinhole_next(bench.nat, 2, 7, 0), 0);
    CHECK(nat_pinhole_close(bench.nat, numbers[0], false));
    CHECK_ROW_UINT("the first is gone", nat_pinhole_next(bench.nat, 1, 7, 0), numbers[1]);
    CHECK(nat_pinhole_close(bench.nat, numbers[3], false));
    CHECK_ROW_UINT("the last is gone", nat_pinhole_next(bench.nat, 1, 7, numbers[1]), 0);
    CHECK(nat_pinhole_close(bench.nat, numbers[1], true));
    CHECK_ROW_UINT("all are", nat_pinhole_next(bench.nat, 1, 7, 0), 0);
}

/* ---- what ALGs open: the first byte says what */

static struct {
    enum alg_opened opened;
    unsigned done, closed;
    bool changed;
} seen;

static void
read_wish(struct alg_message *message)
{
    uint8_t what = message->data.length ? message->data.bytes[0] : 0;
    struct alg_wish wish = { .protocol = PROTOCOL_UDP, .pair = true, .internal = message->way.internal,
                             .lifetime = 10 * TIME_S, .owner = 1 };
    struct alg_grant grants[2];

    wish.internal.port = 4000;
    if (what == 'o')
        wish.internal.address = nat_endpoint("10.0.0.3:1").address;
    seen.opened = alg_open(message, &wish, grants);
    if (what == 'g')
        alg_give_up(message);
    for (unsigned i = 0; what == 'm' && i <= ALG_CHANGES_MAX; i++)
        alg_replace(message, 0, 0, span_of("x", 1));
}

static void
note_done(struct alg_message *message, bool changed)
{
    (void)message;
    seen.done++;
    seen.changed = changed;
}

static void
note_closed(struct alg_seat *seat, const struct alg_pinhole *pinhole)
{
    (void)seat, (void)pinhole;
    seen.closed++;
}

static const struct alg wishful = { .name = "wishful", .over = ALG_OVER_UDP, .read = read_wish, .done = note_done,
                                    .closed = note_closed };

static void
say(enum nat_side side, const char *text)
{
    struct wire_packet packet = { .from = nat_endpoint(side == NAT_INSIDE ? "10.0.0.2:5000" : Y),
                                  .to = nat_endpoint(side == NAT_INSIDE ? Y : "203.0.113.1:5000"),
                                  .protocol = PROTOCOL_UDP, .data = span_of_text(text) };

    seen.opened = ALG_OPEN_OK;
    nat_bench_wire(&bench, side, &packet);
}

static void
test_algs(void)
{
    static const struct alg *const with[] = { &wishful };

    open_box("port-restricted-cone", NAT_PORTS_PRESERVE);
    alg_fit_with(bench.box, with, NULL, 1);
    memset(&seen, 0, sizeof seen);
    say(NAT_INSIDE, "o");
    CHECK_ROW_INT("another's", seen.opened, ALG_OPEN_NOT_THE_SENDERS);
    say(NAT_INSIDE, "g");
    CHECK_ROW_INT("given up", nat_bench_records(&bench, "nat-pinhole-closed"), 2);
    check_udp("taken back", NAT_OUTSIDE, Z, X4, "-no-mapping");
    say(NAT_INSIDE, "m");
    CHECK_ROW_INT("too much to change", nat_bench_records(&bench, "nat-pinhole-closed"), 4);
    CHECK_ROW_INT("not told of", seen.closed, 0);
    say(NAT_INSIDE, "k");
    CHECK_ROW_INT("kept", seen.opened, ALG_OPEN_OK);
    check_udp("both", NAT_OUTSIDE, Z, X4, "in " Z " > " A4);
    check_udp("both", NAT_OUTSIDE, Z, X5, "in " Z " > " A5);
    say(NAT_OUTSIDE, "k");
    CHECK_ROW_INT("from outside", seen.opened, ALG_OPEN_NOT_THE_SENDERS);
    CHECK_ROW_UINT("done with each", seen.done >= 5, true);
    nat_bench_until(&bench, 11 * TIME_S);
    CHECK_ROW_UINT("told of", seen.closed, 2);
}

void
suite_nat_pinholes(void)
{
    UNIT_SUITE("nat: pinholes", NULL, tear_down, { "whom they admit", test_admits }, { "narrowed", test_narrowed },
               { "reuses a mapping", test_reuses }, { "pairs", test_pairs }, { "firewall", test_firewall },
               { "time", test_time }, { "once", test_once }, { "forgotten", test_forgotten }, { "limits", test_limits },
               { "owners", test_owners }, { "ALGs", test_algs });
}
