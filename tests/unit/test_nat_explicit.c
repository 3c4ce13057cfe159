/* Explicit mappings: what servers for port control ask a NAT for (RFC 6887, RFC 6886). */
#include "core/net/stack.h"
#include "tests/unit/support.h"
#include "tests/unit/support_nat.h"

#define X "10.0.0.2:5000"
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

static const char *
out(const char *from, const char *to)
{
    return nat_bench_udp(&bench, NAT_INSIDE, from, to);
}

static const char *
in(const char *from, const char *to)
{
    return nat_bench_udp(&bench, NAT_OUTSIDE, from, to);
}

static struct nat_map_request
request_of(const char *internal, const char *suggested, int64_t lifetime)
{
    return (struct nat_map_request){ .protocol = PROTOCOL_UDP,
                                     .origin = NAT_ORIGIN_PCP,
                                     .internal = nat_endpoint(internal),
                                     .external = nat_endpoint(suggested),
                                     .lifetime = lifetime };
}

/* The external endpoint granted, or "" and the result; good until the next. */
static const char *
ask(struct nat_map_request request, enum nat_map_result *result)
{
    static char text[ENDPOINT_TEXT];
    struct nat_mapping_view view = { .number = 0 };

    *result = nat_map_explicit(bench.nat, &request, &view);
    return *result == NAT_MAP_OK ? endpoint_format(view.external, text) : "";
}

static const char *
map(const char *internal, const char *suggested, int64_t lifetime)
{
    enum nat_map_result result;

    return ask(request_of(internal, suggested, lifetime), &result);
}

/* RFC 6887 section 11.3: the suggested endpoint when it is free, else another; or none with PREFER_FAILURE (13.2). */
static void
test_grants(void)
{
    static const struct {
        const char *name, *internal, *suggested, *granted;
        bool prefer_failure;
        enum nat_map_result result;
    } rows[] = {
        { "what is suggested", X, "0.0.0.0:8080", "203.0.113.1:8080", false, NAT_MAP_OK },
        { "with its address", X, "203.0.113.1:80", "203.0.113.1:80", true, NAT_MAP_OK },
        { "no wish", X, "0.0.0.0:0", "203.0.113.1:5000", false, NAT_MAP_OK },
        { "no wish, nothing to fail", X, "0.0.0.0:0", "203.0.113.1:5000", true, NAT_MAP_OK },
        { "taken", X, "0.0.0.0:6000", "203.0.113.1:5000", false, NAT_MAP_OK },
        { "taken, prefers failure", X, "0.0.0.0:6000", "", true, NAT_MAP_TAKEN },
        { "a socket of the box", X, "0.0.0.0:5351", "", true, NAT_MAP_TAKEN },
        { "not its address", X, "203.0.113.9:8080", "203.0.113.1:5000", false, NAT_MAP_OK },
        { "not its address, prefers failure", X, "203.0.113.9:8080", "", true, NAT_MAP_TAKEN },
        { "an inside address", X, "10.0.0.1:8080", "", true, NAT_MAP_TAKEN },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct nat_map_request request = request_of(rows[i].internal, rows[i].suggested, 60 * TIME_S);
        static const struct io_udp_events silent = { NULL };
        enum nat_map_result result;
        enum io_result why;

        nat_bench_open(&bench, "port-restricted-cone", NULL);
        out("10.0.0.3:6000", Y);
        struct io *io = node_io(bench.box);
        CHECK(io->ops->udp(io, &(struct endpoint){ ADDRESS_NONE, 5351 }, &silent, NULL, &why) != NULL);
        request.prefer_failure = rows[i].prefer_failure;
        CHECK_ROW_TEXT(rows[i].name, ask(request, &result), rows[i].granted);
        CHECK_ROW_INT(rows[i].name, result, rows[i].result);
        tear_down();
    }
}

/* It lives by its lifetime whatever traffic does, and no filter applies to it, whatever the options say. */
static void
test_lifetime(void)
{
    nat_bench_open(&bench, "port-restricted-cone", NULL);
    CHECK_ROW_TEXT("mapped", map(X, "0.0.0.0:8080", 3600 * TIME_S), "203.0.113.1:8080");
    CHECK_ROW_TEXT("a stranger", in(Z, "203.0.113.1:8080"), "in 198.51.100.2:7000 > 10.0.0.2:5000");
    CHECK_ROW_TEXT("the answer", out(X, Z), "out 203.0.113.1:8080 > 198.51.100.2:7000");
    nat_bench_until(&bench, 3600 * TIME_S - 1);
    CHECK_ROW_TEXT("in its last nanosecond", in(Y, "203.0.113.1:8080"), "in 198.51.100.1:7000 > 10.0.0.2:5000");
    CHECK_ROW_TEXT("and out", out(X, Y), "out 203.0.113.1:8080 > 198.51.100.1:7000");
    nat_bench_until(&bench, 3600 * TIME_S);
    CHECK_ROW_TEXT("over", in(Y, "203.0.113.1:8080"), "-no-mapping");

    g_autofree char *new = nat_bench_sentence(&bench, "nat-mapping-new");
    g_autofree char *end = nat_bench_sentence(&bench, "nat-mapping-expired");
    CHECK_ROW_TEXT("new", new, "new mapping 10.0.0.2:5000 -> 203.0.113.1:8080, because pcp asks for it (mapping 1)");
    CHECK_ROW_TEXT("end", end, "mapping 1, 10.0.0.2:5000 -> 203.0.113.1:8080, has expired: its lifetime has ended");
}

/* What its internal endpoint sends leaves by it, even where every destination has a mapping of its own. */
static void
test_outbound(void)
{
    nat_bench_open(&bench, "symmetric-sequential", NULL);
    CHECK_ROW_TEXT("before", out(X, Y), "out 203.0.113.1:1024 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("mapped", map(X, "0.0.0.0:8080", 60 * TIME_S), "203.0.113.1:8080");
    CHECK_ROW_TEXT("another", out(X, Z), "out 203.0.113.1:8080 > 198.51.100.2:7000");
    CHECK_ROW_TEXT("other ports don't", out("10.0.0.2:5001", Z), "out 203.0.113.1:1025 > 198.51.100.2:7000");

    g_autofree char *mappings = nat_bench_mappings(&bench);
    CHECK_ROW_TEXT("peers", mappings,
                   "udp 10.0.0.2:5000 -> 203.0.113.1:1024 [198.51.100.1:7000]; "
                   "udp 10.0.0.2:5000 -> 203.0.113.1:8080 [198.51.100.2:7000]; "
                   "udp 10.0.0.2:5001 -> 203.0.113.1:1025 [198.51.100.2:7000]");
}

/* A request for what exists renews it: the external endpoint stays, ordinary mappings become explicit. */
static void
test_renews(void)
{
    struct nat_mapping_view view;

    nat_bench_open(&bench, "port-restricted-cone", NULL);
    out(X, Y);
    CHECK_ROW_TEXT("becomes explicit", map(X, "0.0.0.0:8080", 1000 * TIME_S), "203.0.113.1:5000");
    CHECK(nat_find_explicit(bench.nat, PROTOCOL_UDP, nat_endpoint(X), &view) && view.is_explicit &&
          view.origin == NAT_ORIGIN_PCP && view.number == 1 && view.expires == 1000 * TIME_S);
    CHECK_ROW_TEXT("open", in(Z, "203.0.113.1:5000"), "in 198.51.100.2:7000 > 10.0.0.2:5000");
    CHECK_ROW_TEXT("shorter", map(X, "0.0.0.0:0", 10 * TIME_S), "203.0.113.1:5000");

    g_autofree char *renewed = nat_bench_sentence(&bench, "nat-mapping-renewed");
    CHECK_ROW_TEXT("renewed", renewed, "mapping 1, 10.0.0.2:5000 -> 203.0.113.1:5000, is renewed by pcp for 10s");
    nat_bench_until(&bench, 10 * TIME_S);
    CHECK(!nat_find_explicit(bench.nat, PROTOCOL_UDP, nat_endpoint(X), &view));
    CHECK_ROW_INT("made", (int64_t)nat_counts(bench.nat).made, 1);
}

static void
test_removes(void)
{
    struct nat_mapping_view view;

    nat_bench_open(&bench, "port-restricted-cone", NULL);
    out("10.0.0.3:6000", Y);
    CHECK(!nat_unmap_explicit(bench.nat, PROTOCOL_UDP, nat_endpoint("10.0.0.3:6000")));
    map(X, "0.0.0.0:8080", 60 * TIME_S);
    CHECK(nat_find_external(bench.nat, PROTOCOL_UDP, nat_endpoint("203.0.113.1:8080"), &view) && view.number == 2);
    CHECK(nat_unmap_explicit(bench.nat, PROTOCOL_UDP, nat_endpoint(X)));
    CHECK(!nat_unmap_explicit(bench.nat, PROTOCOL_UDP, nat_endpoint(X)));
    CHECK_ROW_TEXT("gone", in(Y, "203.0.113.1:8080"), "-no-mapping");
    CHECK_ROW_INT("removed", (int64_t)nat_counts(bench.nat).removed, 1);

    g_autofree char *removed = nat_bench_sentence(&bench, "nat-mapping-removed");
    CHECK_ROW_TEXT("record", removed, "mapping 2, 10.0.0.2:5000 -> 203.0.113.1:8080, is removed: pcp asks for that");
}

/* UPnP knows a mapping by its external port: one internal endpoint may have several. */
static void
test_by_external(void)
{
    struct nat_map_request request = request_of(X, "0.0.0.0:8080", 60 * TIME_S);
    enum nat_map_result result;

    nat_bench_open(&bench, "port-restricted-cone", NULL);
    request.by_external = request.prefer_failure = true;
    CHECK_ROW_TEXT("one", ask(request, &result), "203.0.113.1:8080");
    request.external.port = 8081;
    CHECK_ROW_TEXT("two", ask(request, &result), "203.0.113.1:8081");
    request.external.port = 8080;
    CHECK_ROW_TEXT("one again", ask(request, &result), "203.0.113.1:8080");
    CHECK_ROW_TEXT("in by two", in(Y, "203.0.113.1:8081"), "in 198.51.100.1:7000 > 10.0.0.2:5000");
    CHECK_ROW_TEXT("and out by it", out(X, Y), "out 203.0.113.1:8081 > 198.51.100.1:7000");
    CHECK(nat_unmap_external(bench.nat, PROTOCOL_UDP, nat_endpoint("203.0.113.1:8081")));
    CHECK_ROW_TEXT("one is left", out(X, Y), "out 203.0.113.1:8080 > 198.51.100.1:7000");
    request.internal = nat_endpoint("10.0.0.3:5000");
    CHECK_ROW_TEXT("another host", ask(request, &result), "");
    CHECK_ROW_INT("another host", result, NAT_MAP_TAKEN);
    CHECK_ROW_INT("made", (int64_t)nat_counts(bench.nat).made, 2);
}

/* RFC 6887 section 2.2: at a firewall a mapping is a pinhole, to the internal endpoint itself. */
static void
test_pinhole(void)
{
    nat_bench_open(&bench, "port-restricted-cone", nat_options_make_firewall);
    CHECK_ROW_TEXT("closed", in(Y, X), "-filtered");
    CHECK_ROW_TEXT("asked for", map(X, "0.0.0.0:8080", 60 * TIME_S), X);
    CHECK_ROW_TEXT("open", in(Y, X), "in 198.51.100.1:7000 > 10.0.0.2:5000");
    CHECK_ROW_TEXT("the answer", out(X, Y), "out 10.0.0.2:5000 > 198.51.100.1:7000");
    nat_bench_until(&bench, 60 * TIME_S);
    CHECK_ROW_TEXT("closed again", in(Z, X), "-filtered");
}

static void
limit_one(struct nat_options *options)
{
    options->limit_per_host = 1;
}

static void
test_limits(void)
{
    struct nat_map_request request = request_of(X, "0.0.0.0:0", 60 * TIME_S);
    enum nat_map_result result;

    nat_bench_open(&bench, "port-restricted-cone", limit_one);
    CHECK_ROW_TEXT("one", ask(request, &result), "203.0.113.1:5000");
    CHECK_ROW_TEXT("renewed", ask(request, &result), "203.0.113.1:5000");
    request.internal.port = 5001;
    CHECK_ROW_TEXT("two", ask(request, &result), "");
    CHECK_ROW_INT("RFC 6888 REQ-4", result, NAT_MAP_LIMIT);
    request.protocol = PROTOCOL_ICMP;
    CHECK_ROW_TEXT("no ports", ask(request, &result), "");
    CHECK_ROW_INT("no ports", result, NAT_MAP_NO_PROTOCOL);
    CHECK(address_equal(nat_external_address(bench.nat, nat_endpoint(X).address), nat_endpoint("203.0.113.1").address));
}

void
suite_nat_explicit(void)
{
    UNIT_SUITE("nat: explicit mappings", NULL, tear_down, { "grants", test_grants }, { "lifetime", test_lifetime },
               { "outbound", test_outbound }, { "renews", test_renews }, { "removes", test_removes },
               { "by external port", test_by_external }, { "pinhole", test_pinhole }, { "limits", test_limits });
}
